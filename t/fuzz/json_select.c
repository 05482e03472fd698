
/*
 * Paths into JSON: a path on a line of its own, and a text.  A path is what a
 * regular expression says, and what is found is what a walk over lists finds,
 * in names of any case.
 */


#include "fuzz.h"

#include <regex.h>

#include "libs/kairo_json_select.h"


int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
    __attribute__ ((visibility ("default")));


#define VALUES  4096


typedef struct {
    size_t         n;
    const json_t  *value[VALUES];
} list_t;


/* what found() has seen, and where it is to stop */

static list_t  got;
static size_t  stop;


static int
found(void *data, const json_t *value)
{
    must(data == &got);
    must(got.n < VALUES);

    got.value[got.n++] = value;

    return got.n == stop ? 7 : 0;
}


static void
add(list_t *list, const json_t *value)
{
    must(list->n < VALUES);
    list->value[list->n++] = value;
}


/* The same without arrays, which their elements stand for. */

static void
flat(list_t *list, const json_t *value)
{
    size_t  i;

    if (!json_is_array(value)) {
        add(list, value);
        return;
    }

    for (i = 0; i < json_array_size(value); i++) {
        flat(list, json_array_get(value, i));
    }
}


/* A letter, or a character that is one in another case. */

static const char *
letter(const char *p, char *c)
{
    size_t  i, n;

    static const char *const  others[] = {
        "i\xc4\xb0", "i\xc4\xb1", "s\xc5\xbf", "k\xe2\x84\xaa"
    };

    for (i = 0; i < sizeof(others) / sizeof(others[0]); i++) {

        n = strlen(others[i] + 1);

        if (strncmp(p, others[i] + 1, n) == 0) {
            *c = others[i][0];
            return p + n;
        }
    }

    *c = *p >= 'A' && *p <= 'Z' ? (char) (*p - 'A' + 'a') : *p;

    return p + 1;
}


static int
same(const char *a, const char *b)
{
    char  c, d;

    while (*a && *b) {

        a = letter(a, &c);
        b = letter(b, &d);

        if (c != d) {
            return 0;
        }
    }

    return *a == *b;
}


/* Adds the members of this name; 1: they are more than one. */

static int
members(list_t *list, const json_t *object, const char *name)
{
    size_t       n;
    json_t      *value;
    const char  *key;

    n = 0;

    json_object_foreach((json_t *) object, key, value) {
        if (same(key, name)) {
            add(list, value);
            n++;
        }
    }

    return n > 1;
}


/* Step by step, with all values of a step in a list. */

static int
by_steps(list_t *list, const json_t *json, const char *path)
{
    int     twice;
    char   *copy, *name, *rest;
    size_t  i;
    list_t  now;

    copy = strdup(path + 1);
    twice = 0;

    list->n = 0;
    flat(list, json);

    for (name = strtok_r(copy, ".", &rest); name;
         name = strtok_r(NULL, ".", &rest))
    {
        name[strcspn(name, "[")] = '\0';

        if (*name == '\0') {
            continue;
        }

        now = *list;
        list->n = 0;

        for (i = 0; i < now.n; i++) {
            if (json_is_object(now.value[i])) {
                twice |= members(list, now.value[i], name);
            }
        }

        now = *list;
        list->n = 0;

        for (i = 0; i < now.n; i++) {
            flat(list, now.value[i]);
        }
    }

    free(copy);

    return twice;
}


/* Every object of the text, however deep. */

static int
everywhere(list_t *list, const json_t *json, const char *name)
{
    int          twice;
    size_t       i;
    json_t      *value;
    list_t       now;
    const char  *key;

    twice = 0;

    if (json_is_array(json)) {
        for (i = 0; i < json_array_size(json); i++) {
            twice |= everywhere(list, json_array_get(json, i), name);
        }
    }

    if (json_is_object(json)) {

        now.n = 0;
        twice |= members(&now, json, name);

        for (i = 0; i < now.n; i++) {
            flat(list, now.value[i]);
        }

        json_object_foreach((json_t *) json, key, value) {
            twice |= everywhere(list, value, name);
        }
    }

    return twice;
}


/* A copy in which the names have another case, NULL: two became the same. */

static json_t *
upper(const json_t *json)
{
    char        *name, *p;
    json_t      *copy, *value;
    size_t       i;
    const char  *key;

    if (json_is_array(json)) {

        copy = json_array();

        for (i = 0; i < json_array_size(json); i++) {
            value = upper(json_array_get(json, i));

            if (value == NULL) {
                json_decref(copy);
                return NULL;
            }

            must(json_array_append_new(copy, value) == 0);
        }

        return copy;
    }

    if (!json_is_object(json)) {
        return json_deep_copy(json);
    }

    copy = json_object();

    json_object_foreach((json_t *) json, key, value) {

        name = strdup(key);

        for (p = name; *p; p++) {
            *p = *p >= 'a' && *p <= 'z' ? (char) (*p - 'a' + 'A') : *p;
        }

        value = upper(value);

        if (value == NULL || json_object_get(copy, name)) {
            json_decref(value);
            json_decref(copy);
            free(name);
            return NULL;
        }

        must(json_object_set_new(copy, name, value) == 0);
        free(name);
    }

    return copy;
}


static int
selected(const json_t *json, const kairo_json_path_t *path, size_t at)
{
    got.n = 0;
    stop = at;

    return kairo_json_select(json, path, found, &got);
}


static void
walks(const json_t *json, const kairo_json_path_t *path, const char *text)
{
    int            twice;
    size_t         i;
    json_t        *copy;
    static list_t  list;

    list.n = 0;
    twice = text[0] == '$' ? by_steps(&list, json, text)
                           : everywhere(&list, json, text);

    must(selected(json, path, 0) == twice);

    if (twice) {
        return;
    }

    must(got.n == list.n);

    for (i = 0; i < list.n; i++) {
        must(got.value[i] == list.value[i]);
    }

    if (list.n) {
        i = 1 + list.n / 2;
        must(selected(json, path, i) == 7 && got.n == i);
    }

    copy = upper(json);

    if (copy) {
        must(selected(copy, path, 0) == 0 && got.n == list.n);

        for (i = 0; i < list.n; i++) {
            must(json_is_object(list.value[i])
                 || json_equal(got.value[i], list.value[i]));
        }

        json_decref(copy);
    }
}


/* What is a path: "$" and names and elements, or a name alone. */

static int
is_path(const char *text)
{
    size_t          steps;
    static int      compiled;
    static regex_t  pattern;

    if (!compiled) {
        must(regcomp(&pattern, "^([$]([.][^].[]+|\\[([0-9]+|[*])\\])*"
                     "|[^].[$][^].[]*)$", REG_EXTENDED|REG_NOSUB) == 0);
        compiled = 1;
    }

    if (regexec(&pattern, text, 0, NULL, 0) != 0) {
        return 0;
    }

    for (steps = 0; *text; text++) {
        steps += *text == '.';
    }

    return steps <= KAIRO_JSON_STEPS;
}


int
LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    char                      *text;
    size_t                     i, n;
    json_t                    *json;
    kairo_span_t               body;
    unsigned char             *exact, *exact_body;
    kairo_json_path_t          path;
    const unsigned char       *lf;

    static const kairo_json_shape_t  limit = { 32, VALUES / 2 };

    lf = memchr(data, '\n', size);

    if (lf == NULL || memchr(data, '\0', (size_t) (lf - data))) {
        return 0;
    }

    n = (size_t) (lf - data);
    exact = fuzz_copy(data, n);

    text = (char *) fuzz_alloc(n + 1);
    memcpy(text, data, n);
    text[n] = '\0';

    body.n = size - n - 1;
    body.p = exact_body = fuzz_copy(lf + 1, body.n);

    if (kairo_json_path(&path, exact, n) == 0) {

        must(is_path(text));
        must(path.anywhere == (text[0] != '$'));
        must(path.n <= KAIRO_JSON_STEPS);

        for (i = 0; i < path.n; i++) {
            must(path.step[i].n && path.step[i].p >= exact
                 && path.step[i].p + path.step[i].n <= exact + n);
        }

        json = kairo_json_any(body, &limit);

        if (json) {
            walks(json, &path, text);
            json_decref(json);
        }

    } else {
        must(!is_path(text));
    }

    free(exact_body);
    free(text);
    free(exact);

    return 0;
}
