
/*
 * The size of a JSON text before it is parsed, against what jansson makes of
 * it; and the reader that asks for it: which texts are no object at all.
 */


#include "unit.h"

#include "libs/kairo_json.h"


#define ROOM  (64 * 1024)


/* A text that is written piece by piece, and what is known of it. */

typedef struct {
    char      text[ROOM];
    size_t    n;
    size_t    depth;
    size_t    values;
} draft_t;


typedef struct {
    const char  *about;
    const char  *text;
    size_t       depth;
    size_t       values;
} example_t;


/* depth is exact; values are what an object or array could hold */

static const example_t  examples[] = {
    { "nothing", "", 0, 0 },
    { "a number", "1", 0, 0 },
    { "a string", "\"[{,\"", 0, 0 },
    { "an array of one", "[1]", 1, 1 },
    { "an array of three", "[1,2,3]", 1, 3 },
    { "an object of two", "{\"a\":1,\"b\":2}", 1, 2 },
    { "one in another", "{\"a\":[1,2]}", 2, 3 },
    { "one beside another", "[[1],[2],[3]]", 2, 6 },
    { "brackets in a string", "[\"]]]],,,[[[[\"]", 1, 1 },
    { "brackets in a name", "{\"}{[,\":1}", 1, 1 },
    { "a quote that is escaped", "[\"\\\",[[[\"]", 1, 1 },
    { "a backslash that is escaped", "[\"\\\\\",[[1]]]", 3, 4 },
    { "two of them", "[\"\\\\\\\",[[[\"]", 1, 1 },
    { "a quote in hexadecimal", "[\"\\u0022,[[[\"]", 1, 1 },
    { "white space", " [ 1 , 2 ] ", 1, 2 },
};


/* of exact size, so that a byte too much is noticed */

static unsigned char *
copy_of(const char *text, size_t n)
{
    unsigned char  *copy;

    copy = malloc(n ? n : 1);

    if (copy == NULL) {
        exit(2);
    }

    memcpy(copy, text, n);

    return copy;
}


static kairo_json_shape_t
shape_of(const char *text, size_t n)
{
    kairo_span_t         s;
    unsigned char       *copy;
    kairo_json_shape_t   shape;

    copy = copy_of(text, n);
    s.p = n ? copy : NULL;
    s.n = n;

    shape = kairo_json_shape(s);

    free(copy);

    return shape;
}


/* Reads an object within the limit, and forgets it. */

static int
reads_within(const char *text, size_t n, size_t depth, size_t values)
{
    json_t              *json;
    kairo_span_t         s;
    unsigned char       *copy;
    kairo_json_shape_t   limit;

    copy = copy_of(text, n);
    s.p = n ? copy : NULL;
    s.n = n;
    limit.depth = depth;
    limit.values = values;

    json = kairo_json_object(s, &limit);
    free(copy);

    if (json == NULL) {
        return 0;
    }

    expect(json_is_object(json), "%.*s is read as no object", (int) n, text);
    json_decref(json);

    return 1;
}


static int
reads(const char *text)
{
    return reads_within(text, strlen(text), 16, 256);
}


/* Depth and values as jansson has them. */

static void
measure(const json_t *json, size_t depth, kairo_json_shape_t *shape)
{
    size_t       i;
    const char  *name;
    json_t      *value;

    if (!json_is_object(json) && !json_is_array(json)) {
        return;
    }

    shape->depth = depth > shape->depth ? depth : shape->depth;

    json_array_foreach(json, i, value) {
        shape->values++;
        measure(value, depth + 1, shape);
    }

    json_object_foreach((json_t *) json, name, value) {
        shape->values++;
        measure(value, depth + 1, shape);
    }
}


static void
against_jansson(const char *text, size_t n, unsigned *accepted)
{
    json_t              *json;
    kairo_json_shape_t   shape, real;

    shape = shape_of(text, n);

    json = json_loadb(text, n, JSON_DECODE_ANY | JSON_ALLOW_NUL
                               | JSON_REJECT_DUPLICATES, NULL);

    if (json == NULL) {
        return;
    }

    (*accepted)++;

    real.depth = 0;
    real.values = 0;
    measure(json, 1, &real);
    json_decref(json);

    expect(shape.depth == real.depth && shape.values >= real.values,
           "%.*s: %zu deep, %zu values; jansson has %zu and %zu", (int) n,
           text, shape.depth, shape.values, real.depth, real.values);
}


static void
put(draft_t *d, const char *text)
{
    size_t  n;

    n = strlen(text);

    if (d->n + n < ROOM) {
        memcpy(d->text + d->n, text, n);
        d->n += n;
    }
}


static void
put_string(draft_t *d)
{
    size_t              n;
    static const char  *pieces[] = {
        "a", "[", "]", "{", "}", ",", ":", "\\\"", "\\\\", "\\n", "\\u005b",
        "\\u0022", "\\/", " ", "0", "\xc3\xa9", "\\ud83d\\ude00"
    };

    put(d, "\"");

    for (n = unit_below(8); n; n--) {
        put(d, pieces[unit_below(sizeof(pieces) / sizeof(pieces[0]))]);
    }

    put(d, "\"");
}


static void
put_value(draft_t *d, size_t depth)
{
    int                 object;
    char                name[32];
    size_t              i, n;
    static const char  *scalars[] = {
        "0", "-1.5e3", "true", "false", "null", "123456789"
    };

    if (depth > 8 || unit_below(3) == 0 || d->n > ROOM / 2) {

        if (unit_below(2)) {
            put_string(d);

        } else {
            put(d, scalars[unit_below(sizeof(scalars) / sizeof(scalars[0]))]);
        }

        return;
    }

    object = unit_below(2) != 0;
    n = unit_below(5);

    d->depth = depth > d->depth ? depth : d->depth;
    d->values += n;

    put(d, object ? "{" : "[");

    for (i = 0; i < n; i++) {

        put(d, i ? (unit_below(2) ? "," : " , ") : "");

        if (object) {
            snprintf(name, sizeof(name), "\"%zu[\\\"\" :", i);
            put(d, name);
        }

        put_value(d, depth + 1);
    }

    put(d, object ? "}" : "]");
}


static void
shapes(void)
{
    size_t               i, n;
    char                *text;
    unsigned             accepted;
    const example_t     *e;
    kairo_json_shape_t   shape;

    accepted = 0;

    for (i = 0; i < sizeof(examples) / sizeof(examples[0]); i++) {
        e = &examples[i];

        shape = shape_of(e->text, strlen(e->text));

        ok(shape.depth == e->depth && shape.values == e->values,
           "%s: %zu deep, %zu values", e->about, e->depth, e->values);
    }

    for (i = 0; i < sizeof(examples) / sizeof(examples[0]); i++) {
        against_jansson(examples[i].text, strlen(examples[i].text),
                        &accepted);
    }

    verdict("and as jansson has them");

    n = 1000000;
    text = malloc(n);

    if (text == NULL) {
        exit(2);
    }

    memset(text, '[', n);
    ok(shape_of(text, n).depth == n, "a million brackets");

    memset(text, ',', n);
    ok(shape_of(text, n).values == n, "a million commas");

    memset(text, ']', n);
    ok(shape_of(text, n).depth == 0, "none of them opened");

    memset(text, '\\', n);
    text[0] = '"';
    ok(shape_of(text, n).depth == 0, "a string that does not end");

    free(text);
}


static void
drawn(void)
{
    size_t               i, at;
    draft_t             *d;
    unsigned             round, texts, accepted;
    kairo_json_shape_t   shape;
    static const char    bytes[] = "[]{},:\"\\ 0a";

    d = malloc(sizeof(draft_t));

    if (d == NULL) {
        exit(2);
    }

    accepted = 0;

    for (round = 0; round < 20000; round++) {

        d->n = 0;
        d->depth = 0;
        d->values = 0;
        put_value(d, 1);

        shape = shape_of(d->text, d->n);

        expect(shape.depth == d->depth && shape.values >= d->values,
               "%.*s: %zu deep, %zu values", (int) d->n, d->text, d->depth,
               d->values);

        if (d->n < ROOM / 2) {
            against_jansson(d->text, d->n, &accepted);
        }
    }

    verdict("texts whose size is known");
    ok(accepted > round / 2, "jansson has read %u of %u", accepted, round);

    texts = 0;
    accepted = 0;

    for (round = 0; round < 20000; round++) {

        d->n = 0;
        put_value(d, 1);

        if (d->n == 0 || d->n > 200) {
            continue;
        }

        for (i = 0; i < 3; i++) {
            at = unit_below(d->n);
            d->text[at] = bytes[unit_below(sizeof(bytes) - 1)];
            texts++;
            against_jansson(d->text, d->n, &accepted);
        }
    }

    verdict("texts that are broken");
    ok(accepted > 100 && accepted < texts, "jansson has read %u of %u",
       accepted, texts);

    free(d);
}


static void
objects(void)
{
    ok(reads("{}"), "an empty object");
    ok(reads("{\"a\":1}"), "an object");
    ok(reads(" \t\r\n{\"a\" : 1}\n"), "white space around it");

    ok(!reads(""), "not: nothing");
    ok(!reads(" "), "not: white space");
    ok(!reads("[]") && !reads("[{\"a\":1}]"), "not: an array");
    ok(!reads("null") && !reads("true") && !reads("1") && !reads("\"a\""),
       "not: a scalar");
    ok(!reads("{") && !reads("{\"a\":1") && !reads("{\"a\""),
       "not: one that does not end");
    ok(!reads("{\"a\":1}x") && !reads("{\"a\":1}}") && !reads("{}{}"),
       "not: with something behind it");
    ok(!reads("{\"a\":1,}") && !reads("{,}") && !reads("{\"a\"}"),
       "not: with a comma too much");
    ok(!reads("{'a':1}") && !reads("{a:1}"), "not: without its quotes");
    ok(!reads("{\"a\":1/**/}") && !reads("{\"a\":1}//"), "not: with comments");
    ok(!reads("{\"a\":01}") && !reads("{\"a\":+1}") && !reads("{\"a\":.5}")
       && !reads("{\"a\":0x1}") && !reads("{\"a\":NaN}")
       && !reads("{\"a\":Infinity}"), "not: with what is no number");
    ok(!reads("{\"a\":1e400}") && !reads("{\"a\":-1e400}"),
       "not: with a number beyond a double");
    ok(!reads("{\"a\":9223372036854775808}")
       && !reads("{\"a\":123456789012345678901234567890}"),
       "not: with a number beyond 64 bits");
    ok(!reads("{\"a\":\"\n\"}") && !reads("{\"a\":\"\t\"}"),
       "not: with a control character");
}


static void
names(void)
{
    ok(!reads("{\"a\":1,\"a\":1}"), "not: a name twice");
    ok(!reads("{\"a\":1,\"b\":2,\"a\":3}"), "not: with another between");
    ok(!reads("{\"b\":{\"a\":1,\"a\":1}}"), "not: within");
    ok(!reads("{\"b\":[{\"a\":1,\"a\":1}]}"), "not: within an array");
    ok(!reads("{\"a\":1,\"\\u0061\":1}"), "not: once in hexadecimal");
    ok(!reads("{\"\":1,\"\":1}"), "not: one that is empty");
    ok(reads("{\"a\":1,\"A\":1}"), "but: in another case");
    ok(reads("{\"a\":{\"a\":1},\"b\":{\"a\":1}}"), "but: in other objects");
}


/* NUL ends no text here, and is in none. */

static void
nul(void)
{
    ok(!reads_within("{}\0", 3, 16, 256), "not: NUL behind it");
    ok(!reads_within("{}\0{}", 5, 16, 256), "not: something behind the NUL");
    ok(!reads_within("\0{}", 3, 16, 256), "not: NUL before it");
    ok(!reads_within("{\"a\0\":1}", 8, 16, 256), "not: NUL in a name");
    ok(!reads_within("{\"a\":\"\0\"}", 9, 16, 256), "not: NUL in a string");
    ok(!reads_within("{\"a\":1\0}", 8, 16, 256), "not: NUL behind a number");
    ok(!reads_within("{\"a\":1\0,\"b\":1}", 14, 16, 256),
       "not: with more to come");
    ok(!reads_within("{\"a\":true\0}", 11, 16, 256),
       "not: NUL behind a literal");
    ok(!reads_within("{\"a\"\0:1}", 8, 16, 256)
       && !reads_within("{\"a\":\0 1}", 9, 16, 256)
       && !reads_within("{\0\"a\":1}", 8, 16, 256), "not: NUL between");
    ok(!reads("{\"a\":\"\\u0000\"}"), "not: NUL in hexadecimal");
    ok(!reads("{\"a\\u0000b\":1}"), "not: that in a name");
    ok(!reads("{\"a\":{\"b\":[\"x\\u0000\"]}}"), "not: that within");
}


static void
characters(void)
{
    size_t              i;
    char                text[64];
    static const char  *wrong[] = {
        "\x80", "\xbf", "\xc3", "\xc3(", "\xc0\x80", "\xc1\xbf",
        "\xe0\x80\x80", "\xe0\x9f\xbf", "\xed\xa0\x80", "\xed\xbf\xbf",
        "\xf0\x80\x80\x80", "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80",
        "\xf5\x80\x80\x80",
        "\xe2\x82", "\xf0\x9f\x98", "\xfe", "\xff", "\xf8\x88\x80\x80\x80",
        "\\ud800", "\\udc00", "\\ud800\\u0041", "\\udc00\\ud800", "\\ud800x",
        "\\u12", "\\uzzzz", "\\x41", "\\"
    };

    for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {

        snprintf(text, sizeof(text), "{\"a\":\"%s\"}", wrong[i]);
        expect(!reads(text), "string %zu", i);

        snprintf(text, sizeof(text), "{\"%s\":1}", wrong[i]);
        expect(!reads(text), "name %zu", i);
    }

    verdict("not: what is no UTF-8");

    ok(reads("{\"a\":\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\"}"),
       "but: what is");
    ok(reads("{\"a\":\"\\u00e9\\ud83d\\ude00\"}"), "in hexadecimal too");

    ok(!reads("\xef\xbb\xbf{}"), "not: a byte order mark");
    ok(!reads("\xfe\xff{}") && !reads("\xff\xfe{}"), "of any order");
    ok(!reads_within("{\0}\0", 4, 16, 256), "not: UTF-16");
}


static void
limits(void)
{
    char    text[4096];
    size_t  n, i;

    for (n = 1; n <= 40; n++) {

        memset(text, 0, sizeof(text));

        for (i = 0; i < n; i++) {
            strcat(text, "{\"a\":");
        }

        strcat(text, "0");

        for (i = 0; i < n; i++) {
            strcat(text, "}");
        }

        expect(reads_within(text, strlen(text), 16, 256) == (n <= 16),
               "%zu deep", n);

        memset(text, '[', n);
        memcpy(text, "{\"a\":", 5);
        memset(text + 5, '[', n);
        memset(text + 5 + n, ']', n);
        text[5 + 2 * n] = '}';

        expect(reads_within(text, 6 + 2 * n, 16, 256) == (n + 1 <= 16),
               "%zu arrays", n);
    }

    verdict("up to the depth");

    for (n = 1; n <= 300; n++) {

        text[0] = '\0';

        for (i = 0; i < n; i++) {
            snprintf(text + strlen(text), 16, "%s\"%zu\":0",
                     i ? "," : "{", i);
        }

        strcat(text, "}");

        expect(reads_within(text, strlen(text), 16, 256) == (n <= 256),
               "%zu members", n);

        strcpy(text, "{\"a\":[0");

        for (i = 2; i < n; i++) {
            strcat(text, ",0");
        }

        strcat(text, "]}");

        expect(reads_within(text, strlen(text), 16, 256) == (n <= 256),
               "%zu elements and their array", n);
    }

    verdict("up to the number of values");
}


/* What is asked of an object that was read. */

static void
members(void)
{
    json_t        *json;
    kairo_span_t   s;

    json = json_loads("{\"s\":\"text\",\"e\":\"\",\"n\":1,\"z\":null,"
                      "\"a\":[\"s\"],\"o\":{}}", 0, NULL);

    s = kairo_json_span(json, "s");
    ok(s.n == 4 && memcmp(s.p, "text", 4) == 0, "a member that is a string");
    ok(strcmp(kairo_json_text(json, "s"), "text") == 0, "as text");

    s = kairo_json_span(json, "e");
    ok(s.n == 0 && s.p != NULL, "one that is empty is there");

    ok(kairo_json_span(json, "n").p == NULL
       && kairo_json_span(json, "z").p == NULL
       && kairo_json_span(json, "a").p == NULL
       && kairo_json_span(json, "o").p == NULL
       && kairo_json_text(json, "n") == NULL, "other kinds are none");

    ok(kairo_json_span(json, "x").p == NULL
       && kairo_json_span(json, "S").p == NULL
       && kairo_json_text(json, "x") == NULL, "nor is one that is not there");

    ok(kairo_json_span(NULL, "s").p == NULL
       && kairo_json_string(NULL).p == NULL, "nor one of nothing");

    json_decref(json);
}


int
main(void)
{
    unit_begin(20260203);

    shapes();
    drawn();
    objects();
    names();
    nul();
    characters();
    limits();
    members();

    return unit_done();
}
