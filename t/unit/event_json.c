
/*
 * What is written as JSON, as jansson reads it: the same pairs, in the same
 * order.
 */


#include "unit.h"

#include "core/kairo_json_write.h"
#include "core/kairo_utf8.h"
#include "libs/kairo_json.h"


#define PAIRS  12
#define TEXT   48


typedef struct {
    kairo_span_t    key;
    kairo_span_t    value;           /* "p" is NULL: a number */
    uint64_t        number;
    unsigned char   bytes[2][TEXT];
} pair_t;


/* Bytes that are often of characters, and of those that are escaped. */

static kairo_span_t
draw(unsigned char *bytes, unsigned i)
{
    size_t        k, m;
    kairo_span_t  s;

    static const char  *pieces[] = {
        "\"", "\\", "a", "\xc3\xa4", "\xe2\x82\xac", "\xf0\x9f\x98\x80",
        "\xe2\x82", "/", "\\u0000", "\n"
    };

    s.p = bytes;
    s.n = unit_below(TEXT - 8) + 1;

    /* a key of each pair of its own */

    bytes[0] = (unsigned char) ('a' + i);

    for (k = 1; k < s.n; k += m) {

        if (unit_below(4) == 0) {
            bytes[k] = (unsigned char) unit_draw();
            m = 1;
            continue;
        }

        i = (unsigned) unit_below(sizeof(pieces) / sizeof(pieces[0]));
        m = strlen(pieces[i]);
        memcpy(bytes + k, pieces[i], m);
    }

    return s;
}


/* As the header says that a text is written. */

static size_t
fit(kairo_span_t text, char *out)
{
    size_t  n, m;

    for (n = 0; text.n; text.p += m, text.n -= m) {

        m = kairo_utf8_char(text);

        if (m == 0 || text.p[0] < ' ' || text.p[0] == 0x7f) {
            out[n++] = '?';
            m = 1;
            continue;
        }

        memcpy(out + n, text.p, m);
        n += m;
    }

    out[n] = '\0';

    return n;
}


static void
expect_pair(json_t *json, const pair_t *pair)
{
    char     key[TEXT + 1], value[TEXT + 1];
    size_t   n;
    json_t  *got;

    (void) fit(pair->key, key);
    got = json_object_get(json, key);

    if (!expect(got != NULL, "\"%s\" is there", key)) {
        return;
    }

    if (pair->value.p == NULL) {
        expect(json_is_integer(got)
               && (uint64_t) json_integer_value(got) == pair->number,
               "\"%s\" is %llu", key, (unsigned long long) pair->number);
        return;
    }

    n = fit(pair->value, value);
    expect(json_is_string(got) && json_string_length(got) == n
           && memcmp(json_string_value(got), value, n) == 0,
           "\"%s\" is \"%s\"", key, value);
}


static void
pairs(void)
{
    size_t                i, n, size, in, out_of;
    json_t               *json;
    unsigned              round;
    pair_t                pair[PAIRS];
    kairo_span_t          text;
    unsigned char        *out;
    kairo_json_write_t    object;

    const kairo_json_shape_t  limit = { 1, PAIRS };

    out_of = 0;

    for (round = 0; round < 20000; round++) {

        n = unit_below(PAIRS + 1);
        size = 2 + unit_below(1200);
        out = malloc(size);
        kairo_json_write_begin(&object, out, size);

        for (i = 0, in = 0; i < n; i++) {

            pair[in].key = draw(pair[in].bytes[0], (unsigned) i);
            pair[in].value = draw(pair[in].bytes[1], (unsigned) i);
            pair[in].number = unit_draw() >> (1 + unit_below(63));

            if (unit_below(3) == 0) {
                pair[in].value.p = NULL;
                in += kairo_json_write_number(&object, pair[in].key,
                                              pair[in].number) == 0;

            } else {
                in += kairo_json_write_text(&object, pair[in].key,
                                            pair[in].value) == 0;
            }
        }

        out_of += n - in;
        text = kairo_json_write_end(&object);
        json = kairo_json_object(text, &limit);

        if (expect(json != NULL, "\"%.*s\" is JSON", (int) text.n,
                   (const char *) text.p))
        {
            expect(json_object_size(json) == in, "of %zu pairs", in);

            for (i = 0; i < in; i++) {
                expect_pair(json, &pair[i]);
            }
        }

        json_decref(json);
        free(out);
    }

    verdict("jansson reads the pairs that were written");
    ok(out_of > 1000, "%zu had no room", out_of);
}


static void
largest(void)
{
    json_t               *json;
    kairo_span_t          key = kairo_span("n");
    unsigned char         out[64];
    kairo_json_write_t    object;

    const kairo_json_shape_t  limit = { 1, 1 };

    kairo_json_write_begin(&object, out, sizeof(out));
    (void) kairo_json_write_number(&object, key, UINT64_MAX);
    json = kairo_json_any(kairo_json_write_end(&object), &limit);

    ok(json_number_value(json_object_get(json, "n")) == 18446744073709551616.0,
       "the largest number is one");
    json_decref(json);
}


int
main(void)
{
    unit_begin(37);

    pairs();
    largest();

    return unit_done();
}
