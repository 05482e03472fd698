
#include "libs/kairo_json.h"


/* bytes of one name in a pointer */

#define KAIRO_JSON_NAME  256


static json_t *kairo_json_load(kairo_span_t text,
    const kairo_json_shape_t *limit, size_t flags);
static const char *kairo_json_step(const char *path, char *name);


json_t *
kairo_json_object(kairo_span_t text, const kairo_json_shape_t *limit)
{
    json_t  *json;

    json = kairo_json_load(text, limit, JSON_REJECT_DUPLICATES);

    if (!json_is_object(json)) {
        json_decref(json);
        return NULL;
    }

    return json;
}


json_t *
kairo_json_any(kairo_span_t text, const kairo_json_shape_t *limit)
{
    return kairo_json_load(text, limit,
                           JSON_REJECT_DUPLICATES|JSON_DECODE_ANY
                           |JSON_DECODE_INT_AS_REAL|JSON_ALLOW_NUL);
}


static json_t *
kairo_json_load(kairo_span_t text, const kairo_json_shape_t *limit,
    size_t flags)
{
    kairo_json_shape_t  shape;

    /* jansson passes over one that stands behind a number or a literal */

    if (text.n && memchr(text.p, '\0', text.n)) {
        return NULL;
    }

    shape = kairo_json_shape(text);

    if (shape.depth > limit->depth || shape.values > limit->values) {
        return NULL;
    }

    return json_loadb((const char *) text.p, text.n, flags, NULL);
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


const json_t *
kairo_json_at(const json_t *object, const char *path)
{
    char  name[KAIRO_JSON_NAME];

    if (*path != '/') {
        return json_object_get(object, path);
    }

    while (object && path && *path) {

        path = kairo_json_step(path + 1, name);
        object = path ? json_object_get(object, name) : NULL;
    }

    return object;
}


/* One name of a pointer, and what is behind it; NULL: it is too long. */

static const char *
kairo_json_step(const char *path, char *name)
{
    size_t  n;

    for (n = 0; *path && *path != '/'; path++) {

        if (n == KAIRO_JSON_NAME - 1) {
            return NULL;
        }

        name[n] = *path;

        if (path[0] == '~' && (path[1] == '0' || path[1] == '1')) {
            name[n] = path[1] == '0' ? '~' : '/';
            path++;
        }

        n++;
    }

    name[n] = '\0';

    return path;
}
