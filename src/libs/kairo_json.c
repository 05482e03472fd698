
#include "libs/kairo_json.h"


json_t *
kairo_json_object(kairo_span_t text, const kairo_json_shape_t *limit)
{
    json_t              *json;
    kairo_json_shape_t   shape;

    shape = kairo_json_shape(text);

    if (shape.depth > limit->depth || shape.values > limit->values) {
        return NULL;
    }

    json = json_loadb((const char *) text.p, text.n, JSON_REJECT_DUPLICATES,
                      NULL);

    if (!json_is_object(json)) {
        json_decref(json);
        return NULL;
    }

    return json;
}


const char *
kairo_json_text(const json_t *object, const char *name)
{
    return json_string_value(json_object_get(object, name));
}


kairo_span_t
kairo_json_span(const json_t *object, const char *name)
{
    return kairo_json_string(json_object_get(object, name));
}


kairo_span_t
kairo_json_string(const json_t *string)
{
    kairo_span_t  s;

    s.p = (const unsigned char *) json_string_value(string);
    s.n = json_string_length(string);

    return s;
}
