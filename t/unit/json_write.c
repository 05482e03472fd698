
/*
 * Objects that are written: their bytes, and that nothing is ever half in
 * them, whatever the texts are and however little room there is.
 */


#include "unit.h"

#include "core/kairo_json_write.h"
#include "core/kairo_event.h"


#define ROOM  256


static kairo_span_t
span(const char *text, size_t n)
{
    kairo_span_t  s;

    s.p = n ? (const unsigned char *) text : NULL;
    s.n = n;

    return s;
}


static int
is(kairo_span_t s, const char *text)
{
    return s.n == strlen(text) && memcmp(s.p, text, s.n) == 0;
}


static void
objects(void)
{
    unsigned char       out[ROOM];
    kairo_json_write_t  object;

    kairo_json_write_begin(&object, out, sizeof(out));
    ok(is(kairo_json_write_end(&object), "{}"), "an object of nothing");

    kairo_json_write_begin(&object, out, sizeof(out));
    ok(kairo_json_write_text(&object, span("a", 1), span("b c", 3)) == 0
       && kairo_json_write_number(&object, span("n", 1), 0) == 0
       && kairo_json_write_text(&object, span("", 0), span("", 0)) == 0
       && kairo_json_write_number(&object, span("a", 1), UINT64_MAX) == 0,
       "takes pairs");
    ok(is(kairo_json_write_end(&object), "{\"a\":\"b c\",\"n\":0,\"\":\"\","
          "\"a\":18446744073709551615}"), "in their order");
}


static void
texts(void)
{
    size_t              i;
    char                due[ROOM];
    kairo_span_t        text;
    unsigned char       out[ROOM], *copy;
    kairo_json_write_t  object;

    static const struct {
        const char  *text;
        size_t       n;
        const char  *due;
    } cases[] = {
        { "\"", 1, "\\\"" },
        { "\\", 1, "\\\\" },
        { "a\"b\\c", 5, "a\\\"b\\\\c" },
        { "\\u0000", 6, "\\\\u0000" },
        { "/", 1, "/" },
        { " ~", 2, " ~" },
        { "\x1f\0\n\x7f", 4, "????" },
        { "\xc2\x80\xe2\x80\xa8", 5, "\xc2\x80\xe2\x80\xa8" },
        { "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80", 9,
          "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80" },
        { "\xc3", 1, "?" },
        { "\xf0\x9f\x98", 3, "???" },
        { "\xc3\"", 2, "?\\\"" },
        { "\xed\xa0\x80", 3, "???" },
        { "\xff\xc3\xa4", 3, "?\xc3\xa4" },
    };

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {

        copy = malloc(cases[i].n);
        memcpy(copy, cases[i].text, cases[i].n);
        text.p = copy;
        text.n = cases[i].n;

        kairo_json_write_begin(&object, out, sizeof(out));
        (void) kairo_json_write_text(&object, text, text);
        (void) kairo_json_write_number(&object, text, 10 + i);
        free(copy);

        snprintf(due, sizeof(due), "{\"%s\":\"%s\",\"%s\":%zu}", cases[i].due,
                 cases[i].due, cases[i].due, 10 + i);
        expect(is(kairo_json_write_end(&object), due), "%s", due);
    }

    verdict("keys and values are escaped, or made fit");
}


/* All pairs that have room are there, and no part of another. */

static void
expect_room(const kairo_span_t *key, const kairo_span_t *value, size_t pairs,
    size_t size)
{
    int                  rc;
    char                 pair[ROOM], due[2 * ROOM];
    size_t               i;
    unsigned char       *out;
    kairo_json_write_t   object;

    out = malloc(size);
    kairo_json_write_begin(&object, out, size);
    strcpy(due, "{");

    for (i = 0; i < pairs; i++) {

        if (value[i].p) {
            rc = kairo_json_write_text(&object, key[i], value[i]);
            snprintf(pair, sizeof(pair), "%s\"%.*s\":\"%.*s\"",
                     due[1] ? "," : "", (int) key[i].n, key[i].p,
                     (int) value[i].n, value[i].p);

            /* the one that is escaped below */

            if (value[i].p[0] == '"') {
                strcpy(pair + strlen(pair) - 2, "\\\"\"");
            }

        } else {
            rc = kairo_json_write_number(&object, key[i], value[i].n);
            snprintf(pair, sizeof(pair), "%s\"%.*s\":%zu",
                     due[1] ? "," : "", (int) key[i].n, key[i].p, value[i].n);
        }

        if (strlen(due) + strlen(pair) + 1 <= size) {
            expect(rc == 0, "of %zu bytes, pair %zu has room", size, i);
            strcat(due, pair);

        } else {
            expect(rc == -1, "of %zu bytes, pair %zu has none", size, i);
        }
    }

    strcat(due, "}");
    expect(is(kairo_json_write_end(&object), due), "of %zu bytes: %s", size,
           due);

    free(out);
}


static void
room(void)
{
    size_t         i, k, size;
    kairo_span_t   key[4], value[4];

    const kairo_span_t  keys[] = {
        span("a", 1), span("longer", 6), span("b", 1), span("c", 1)
    };
    const kairo_span_t  values[] = {
        span("x", 1), span("a value of some length", 22), span("\"", 1),
        { NULL, 1234567890 }
    };

    for (k = 0; k < 24; k++) {

        /* in any order: digits of k */

        for (i = 0; i < 4; i++) {
            key[i] = keys[(k / 6 + i * (1 + k % 2 * 2)) % 4];
            value[i] = values[(k / 6 + i * (1 + k % 2 * 2) + k % 3) % 4];
        }

        for (size = 2; size < 100; size++) {
            expect_room(key, value, 4, size);
        }
    }

    verdict("pairs are whole or not there");
}


/* An event takes what was written of any bytes. */

static void
drawn(void)
{
    size_t               i, n, k, size, full;
    unsigned             round;
    kairo_span_t         text[2];
    unsigned char        bytes[2][64], *out, record[KAIRO_EVENT_MAX];
    kairo_event_t        event, got;
    kairo_json_write_t   object;

    static const char    hostile[] = "\"\\{}[]:,u0000\xc3\xa4\xf0\x9f\x98\x80";

    memset(&event, 0, sizeof(event));
    event.id[6] = 0x70;
    event.id[8] = 0x80;
    full = 0;

    for (round = 0; round < 20000; round++) {

        size = 2 + unit_below(unit_below(8) ? 200 : 4095);
        out = malloc(size);
        kairo_json_write_begin(&object, out, size);

        for (n = unit_below(8); n; n--) {

            for (i = 0; i < 2; i++) {
                text[i].p = bytes[i];
                text[i].n = unit_below(sizeof(bytes[i]));

                for (k = 0; k < text[i].n; k++) {
                    bytes[i][k] = unit_below(4)
                             ? (unsigned char) hostile[unit_below(
                                                          sizeof(hostile))]
                             : (unsigned char) unit_draw();
                }
            }

            full += kairo_json_write_text(&object, text[0], text[1]) != 0;
        }

        event.text[KAIRO_EVENT_DETAILS] = kairo_json_write_end(&object);
        text[0].p = record;
        text[0].n = kairo_event_write(&event, record);

        expect(object.n <= size, "within its %zu bytes", size);
        expect(kairo_event_read(&got, text[0]) == 0
               && got.text[KAIRO_EVENT_DETAILS].n == object.n,
               "\"%.*s\" are details", (int) object.n, (char *) out);
        free(out);
    }

    verdict("of any bytes, and details of an event");
    ok(full > 1000, "%zu had no room", full);
}


int
main(void)
{
    unit_begin(31);

    objects();
    texts();
    room();
    drawn();

    return unit_done();
}
