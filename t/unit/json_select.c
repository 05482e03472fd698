
/*
 * Values of JSON by where they stand.
 */


#include "unit.h"

#include "libs/kairo_json_select.h"


static char    got[512];
static size_t  at;


static int
found(void *data, const json_t *value)
{
    char  *text;

    (void) data;

    text = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);
    at += (size_t) snprintf(got + at, sizeof(got) - at, "%s ", text);
    free(text);

    return strcmp(got, "\"stop\" ") == 0 ? 7 : 0;
}


static void
expect_values(const char *path, const char *json, int rc, const char *wanted)
{
    json_t             *value;
    unsigned char      *copy;
    kairo_json_path_t   p;

    copy = memcpy(malloc(strlen(path)), path, strlen(path));
    value = json_loads(json, JSON_DECODE_ANY, NULL);
    at = 0;
    got[0] = '\0';

    if (value == NULL || kairo_json_path(&p, copy, strlen(path)) != 0) {
        expect(0, "%s of %s", path, json);
        return;
    }

    expect(kairo_json_select(value, &p, found, NULL) == rc
           && strcmp(got, wanted) == 0, "%s of %s: %s", path, json, got);

    json_decref(value);
    free(copy);
}


static void
paths(void)
{
    size_t              i;
    unsigned char      *copy;
    kairo_json_path_t   p;
    static const char  *wrong[] = {
        "$a", "$.", "$..a", "$.a.", "$.a..b", "$[", "$[]", "$[x]", "$[1", "$x",
        "a.b", "a[0]", ".a", "$.a.b.c.d.e.f.g.h.i", "$.a]", "$[1]]"
    };

    for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        copy = memcpy(malloc(strlen(wrong[i])), wrong[i], strlen(wrong[i]));
        expect(kairo_json_path(&p, copy, strlen(wrong[i])) == -1, "%s",
               wrong[i]);
        free(copy);
    }

    expect(kairo_json_path(&p, NULL, 0) == -1, "an empty path");

    verdict("what is no path");
}


static void
members(void)
{
    expect_values("$.a.b", "{\"a\":{\"b\":1}}", 0, "1 ");
    expect_values("$.A.b", "{\"a\":{\"B\":1},\"b\":2}", 0, "1 ");
    expect_values("$.a.b", "{\"b\":1,\"a\":2}", 0, "");
    expect_values("$.a.b", "{\"a\":{\"b\":{\"b\":1}}}", 0, "{\"b\":1} ");
    expect_values("$", "\"x\"", 0, "\"x\" ");
    expect_values("$", "[1,[2,[3]]]", 0, "1 2 3 ");
    expect_values("$[*].a", "[{\"a\":1},{\"a\":[2,3]},4,{\"b\":5}]", 0,
                  "1 2 3 ");
    expect_values("$.l[0].a", "{\"l\":[{\"a\":1},{\"a\":2}]}", 0, "1 2 ");
    expect_values("$.l.a", "[{\"l\":[[{\"a\":null}]]}]", 0, "null ");
    expect_values("$.a", "{\"a\":1,\"A\":2}", 1, "");
    expect_values("$.a", "[{\"a\":\"stop\"},{\"a\":2}]", 7, "\"stop\" ");

    verdict("members of members, through arrays");
}


static void
anywhere(void)
{
    expect_values("url", "{\"url\":1}", 0, "1 ");
    expect_values("URL", "{\"a\":[{\"Url\":[1,2]},{\"b\":{\"url\":3}}]}", 0,
                  "1 2 3 ");
    expect_values("url", "{\"url\":{\"url\":1}}", 0, "{\"url\":1} 1 ");
    expect_values("url", "{\"urls\":1,\"ur\":2}", 0, "");
    expect_values("url", "[\"url\",1]", 0, "");
    expect_values("url", "{\"x\":{\"url\":1,\"URL\":2}}", 1, "");
    expect_values("url", "{\"urx\":1,\"xrl\":2,\"\":3}", 0, "");

    verdict("a name, wherever it is");

    /* Go's encoding/json, which folds as Unicode does */

    expect_values("link", "{\"lin\xe2\x84\xaa\":1}", 0, "1 ");
    expect_values("$.hosts", "{\"Ho\xc5\xbft\xc5\xbf\":1}", 0, "1 ");
    expect_values("$.hosts", "{\"hosts\":1,\"host\xc5\xbf\":2}", 1, "");

    verdict("letters whose other case is of ASCII");
}


int
main(void)
{
    unit_begin(0);

    paths();
    members();
    anywhere();

    return unit_done();
}
