
#include "core/kairo_compact.h"
#include "core/kairo_base64url.h"


int
kairo_compact_split(kairo_span_t token, kairo_compact_t *c)
{
    size_t    i, dot[2];
    unsigned  dots;

    dots = 0;

    for (i = 0; i < token.n; i++) {

        if (token.p[i] != '.') {

            if (!kairo_base64url_char(token.p[i])) {
                return -1;
            }

            continue;
        }

        if (dots == 2) {
            return -1;
        }

        dot[dots++] = i;
    }

    if (dots != 2) {
        return -1;
    }

    c->header.p = token.p;
    c->header.n = dot[0];

    c->payload.p = token.p + dot[0] + 1;
    c->payload.n = dot[1] - dot[0] - 1;

    c->signature.p = token.p + dot[1] + 1;
    c->signature.n = token.n - dot[1] - 1;

    c->input.p = token.p;
    c->input.n = dot[1];

    return 0;
}
