
#include "libs/kairo_json_select.h"
#include "core/kairo_utf8.h"


typedef struct {
    const kairo_json_path_t  *path;
    int                     (*found)(void *data, const json_t *value);
    void                     *data;
} kairo_json_search_t;


static int kairo_json_walk(const kairo_json_search_t *s, const json_t *json,
    size_t step);
static int kairo_json_member(const kairo_json_search_t *s, const json_t *json,
    size_t step);
static int kairo_json_each(const kairo_json_search_t *s, const json_t *json,
    size_t step, int (*next)(const kairo_json_search_t *s, const json_t *json,
                             size_t step));
static int kairo_json_give(const kairo_json_search_t *s, const json_t *json,
    size_t step);
static int kairo_json_is(const char *key, kairo_span_t name);
static int kairo_json_index(const unsigned char *p, size_t n, size_t *i);


int
kairo_json_path(kairo_json_path_t *path, unsigned char *text, size_t n)
{
    size_t         i;
    kairo_span_t  *step;

    memset(path, 0, sizeof(*path));

    for (i = 0; i < n; i++) {
        text[i] = kairo_lower(text[i]);
    }

    path->anywhere = n && text[0] != '$';
    i = path->anywhere ? 0 : 1;

    while (i < n) {

        if (!path->anywhere) {

            if (text[i] == '[') {

                if (kairo_json_index(text, n, &i) != 0) {
                    return -1;
                }

                continue;
            }

            if (text[i++] != '.') {
                return -1;
            }
        }

        if (path->n == KAIRO_JSON_STEPS || (path->anywhere && path->n)) {
            return -1;
        }

        step = &path->step[path->n++];
        step->p = text + i;

        while (i < n && text[i] != '.' && text[i] != '[') {

            if (text[i++] == ']') {
                return -1;
            }
        }

        step->n = (size_t) (text + i - step->p);

        if (step->n == 0) {
            return -1;
        }
    }

    return n ? 0 : -1;
}


int
kairo_json_select(const json_t *json, const kairo_json_path_t *path,
    int (*found)(void *data, const json_t *value), void *data)
{
    kairo_json_search_t  search;

    search.path = path;
    search.found = found;
    search.data = data;

    return kairo_json_walk(&search, json, 0);
}


static int
kairo_json_walk(const kairo_json_search_t *s, const json_t *json, size_t step)
{
    int            rc;
    void          *iter;
    json_t        *object;

    if (json_is_array(json)) {
        return kairo_json_each(s, json, step, kairo_json_walk);
    }

    if (step == s->path->n) {
        return kairo_json_give(s, json, step);
    }

    if (!json_is_object(json)) {
        return 0;
    }

    rc = kairo_json_member(s, json, step);

    if (rc != 0 || !s->path->anywhere) {
        return rc;
    }

    object = (json_t *) json;

    for (iter = json_object_iter(object); rc == 0 && iter;
         iter = json_object_iter_next(object, iter))
    {
        rc = kairo_json_walk(s, json_object_iter_value(iter), step);
    }

    return rc;
}


/* The member of this step, which there may be once. */

static int
kairo_json_member(const kairo_json_search_t *s, const json_t *json,
    size_t step)
{
    void          *iter;
    json_t        *object;
    const json_t  *member;

    object = (json_t *) json;
    member = NULL;

    for (iter = json_object_iter(object); iter;
         iter = json_object_iter_next(object, iter))
    {
        if (!kairo_json_is(json_object_iter_key(iter), s->path->step[step])) {
            continue;
        }

        if (member) {
            return 1;
        }

        member = json_object_iter_value(iter);
    }

    if (member == NULL) {
        return 0;
    }

    return s->path->anywhere ? kairo_json_give(s, member, step)
                             : kairo_json_walk(s, member, step + 1);
}


static int
kairo_json_each(const kairo_json_search_t *s, const json_t *json, size_t step,
    int (*next)(const kairo_json_search_t *s, const json_t *json, size_t step))
{
    int     rc;
    size_t  i;

    for (i = 0, rc = 0; rc == 0 && i < json_array_size(json); i++) {
        rc = next(s, json_array_get(json, i), step);
    }

    return rc;
}


static int
kairo_json_give(const kairo_json_search_t *s, const json_t *json, size_t step)
{
    return json_is_array(json) ? kairo_json_each(s, json, step,
                                                 kairo_json_give)
                               : s->found(s->data, json);
}


static int
kairo_json_is(const char *key, kairo_span_t name)
{
    kairo_span_t  rest;

    rest.p = (const unsigned char *) key;
    rest.n = strlen(key);

    while (rest.n && name.n) {
        if (kairo_utf8_letter(&rest) != kairo_utf8_letter(&name)) {
            return 0;
        }
    }

    return rest.n == 0 && name.n == 0;
}


/* "[*]" or "[0]": all elements are gone through. */

static int
kairo_json_index(const unsigned char *p, size_t n, size_t *i)
{
    size_t  digits;

    (*i)++;

    for (digits = 0; *i < n && kairo_is_digit(p[*i]); digits++) {
        (*i)++;
    }

    if (digits == 0 && *i < n && p[*i] == '*') {
        digits = 1;
        (*i)++;
    }

    if (digits == 0 || *i == n || p[*i] != ']') {
        return -1;
    }

    (*i)++;

    return 0;
}
