
/*
 * The compact serialization: three parts, two dots, and no other spelling.
 */


#include "unit.h"

#include "core/kairo_compact.h"


static const char  alphabet[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";


typedef struct {
    const char  *about;
    const char  *text;
} refused_t;


static const refused_t  refused[] = {
    { "nothing", "" },
    { "no dot", "abcd" },
    { "one dot", "abcd.efgh" },
    { "a dot alone", "." },
    { "three dots", "abcd.efgh.ijkl." },
    { "three dots and no more", "..." },
    { "encrypted: five parts", "abcd.efgh.ijkl.mnop.qrst" },
    { "an empty key, as in \"dir\"", "abcd..ijkl.mnop.qrst" },
    { "padding", "abcd.ef==.ijkl" },
    { "the other alphabet", "ab+d.ef/h.ijkl" },
    { "a space before", " abcd.efgh.ijkl" },
    { "a space behind", "abcd.efgh.ijkl " },
    { "a line end", "abcd.efgh.ijkl\n" },
    { "a folded line", "abcd.\r\n efgh.ijkl" },
    { "a scheme before it", "Bearer abcd.efgh.ijkl" },
    { "quotes", "\"abcd.efgh.ijkl\"" },
    { "a comma and another", "abcd.efgh.ijkl,abcd.efgh.ijkl" },
    { "percent-encoding", "abcd%2Eefgh.ijkl" },
    { "an unencoded payload", "abcd.$.02.ijkl" },
    { "an unencoded payload in JSON", "abcd.{\"a\":1}.ijkl" },
    { "JSON, flattened",
      "{\"protected\":\"abcd\",\"payload\":\"efgh\",\"signature\":\"ijkl\"}" },
    { "JSON, general",
      "{\"payload\":\"efgh\",\"signatures\":[{\"protected\":\"abcd\","
      "\"signature\":\"ijkl\"}]}" },
    { "JSON and compact in one",
      "{\"protected\":\"abcd\",\"payload\":\"efgh\",\"signature\":\"ijkl\","
      "\"a\":\".abcd.efgh.ijkl\"}" },
};


/* From memory of just the size; the parts are looked at before it goes. */

static int
split(const char *text, size_t n)
{
    int              rc;
    size_t           i, dot[2], dots, foreign;
    kairo_span_t     s;
    unsigned char   *copy;
    kairo_compact_t  c;

    copy = malloc(n ? n : 1);

    if (copy == NULL) {
        exit(2);
    }

    memcpy(copy, text, n);
    s.p = n ? copy : NULL;
    s.n = n;

    rc = kairo_compact_split(s, &c);

    dots = 0;
    foreign = 0;

    for (i = 0; i < n; i++) {

        if (text[i] == '.') {
            dot[dots % 2] = i;
            dots++;

        } else if (text[i] == '\0' || strchr(alphabet, text[i]) == NULL) {
            foreign++;
        }
    }

    expect(rc == (dots == 2 && foreign == 0 ? 0 : -1), "%.*s: %d", (int) n,
           text, rc);

    if (rc == 0 && dots == 2) {
        expect(c.header.p == copy && c.header.n == dot[0]
               && c.payload.p == copy + dot[0] + 1
               && c.payload.n == dot[1] - dot[0] - 1
               && c.signature.p == copy + dot[1] + 1
               && c.signature.n == n - dot[1] - 1
               && c.input.p == copy && c.input.n == dot[1],
               "the parts of %.*s", (int) n, text);
    }

    free(copy);

    return rc == 0;
}


static void
parts(void)
{
    size_t  i;

    ok(split("abcd.efgh.ijkl", 14), "three parts");
    ok(split("..", 2), "all of them empty");
    ok(split("abcd..ijkl", 10), "no payload");
    ok(split("abcd.efgh.", 10), "no signature");
    ok(split(".efgh.ijkl", 10), "no header");

    for (i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        ok(!split(refused[i].text, strlen(refused[i].text)), "not: %s",
           refused[i].about);
    }

    ok(!split("abcd.efgh.ijkl\0", 15), "not: NUL behind");
    ok(!split("abcd.efgh\0.ijkl", 15), "not: NUL within");
}


static void
bytes(void)
{
    char      text[16];
    size_t    i;
    unsigned  c;

    for (i = 0; i < 14; i++) {
        for (c = 0; c < 256; c++) {
            memcpy(text, "abcd.efgh.ijkl", 14);
            text[i] = (char) c;
            (void) split(text, 14);
        }
    }

    verdict("any byte at any place");
}


static void
drawn(void)
{
    char         text[64];
    size_t       i, n;
    unsigned     round;
    static char  some[] = "...AZaz09-_=+/ {\"\n";

    for (round = 0; round < 300000; round++) {

        n = unit_below(sizeof(text));

        for (i = 0; i < n; i++) {
            text[i] = unit_below(n) < 3 ? '.'
                      : unit_below(4 * n) ? alphabet[unit_below(64)]
                                          : some[unit_below(sizeof(some))];
        }

        (void) split(text, n);
    }

    verdict("texts that are drawn");
}


int
main(void)
{
    unit_begin(20260202);

    parts();
    bytes();
    drawn();

    return unit_done();
}
