
#include "core/kairo_json_shape.h"


kairo_json_shape_t
kairo_json_shape(kairo_span_t text)
{
    int                 string;
    size_t              i, depth;
    kairo_json_shape_t  shape;

    shape.depth = 0;
    shape.values = 0;

    depth = 0;
    string = 0;

    for (i = 0; i < text.n; i++) {

        if (string) {

            if (text.p[i] == '\\') {
                i++;

            } else if (text.p[i] == '"') {
                string = 0;
            }

            continue;
        }

        switch (text.p[i]) {

        case '"':
            string = 1;
            break;

        case '{':
        case '[':
            /* one value may follow, and one more after each comma */
            shape.values++;
            depth++;
            shape.depth = depth > shape.depth ? depth : shape.depth;
            break;

        case '}':
        case ']':
            depth -= depth > 0;
            break;

        case ',':
            shape.values++;
            break;
        }
    }

    return shape;
}
