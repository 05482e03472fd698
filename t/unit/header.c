
/*
 * Names that a client may not send, and the form of an answer it prefers.
 */


#include "unit.h"

#include "core/kairo_header.h"


typedef struct {
    const char     *text;
    kairo_media_t   media;
} accept_case_t;


static const accept_case_t  accepts[] = {

    /* nothing that can be read */

    { "", KAIRO_MEDIA_JSON },
    { ",", KAIRO_MEDIA_JSON },
    { " , ;, ", KAIRO_MEDIA_JSON },
    { "text", KAIRO_MEDIA_JSON },
    { "text/", KAIRO_MEDIA_JSON },
    { "texts/plain", KAIRO_MEDIA_JSON },
    { "image/png", KAIRO_MEDIA_JSON },
    { "image/text", KAIRO_MEDIA_JSON },
    { "x text/plain", KAIRO_MEDIA_JSON },

    /* one range */

    { "*/*", KAIRO_MEDIA_JSON },
    { "application/json", KAIRO_MEDIA_JSON },
    { "application/problem+json", KAIRO_MEDIA_JSON },
    { "application/*", KAIRO_MEDIA_JSON },
    { "text/plain", KAIRO_MEDIA_TEXT },
    { "text/html", KAIRO_MEDIA_TEXT },
    { "text/*", KAIRO_MEDIA_TEXT },
    { "TEXT/Plain", KAIRO_MEDIA_TEXT },
    { "text/x", KAIRO_MEDIA_TEXT },
    { " \t text/plain \t ", KAIRO_MEDIA_TEXT },

    /* the order decides where weights are equal */

    { "text/plain, application/json", KAIRO_MEDIA_TEXT },
    { "application/json, text/plain", KAIRO_MEDIA_JSON },
    { "text/plain,*/*", KAIRO_MEDIA_TEXT },
    { "*/*,text/plain", KAIRO_MEDIA_JSON },
    { "text/plain;q=0.5,application/json;q=0.5", KAIRO_MEDIA_TEXT },
    { "application/json;q=0.5,text/plain;q=0.5", KAIRO_MEDIA_JSON },
    { "text/plain;q=1,application/json;q=1.000", KAIRO_MEDIA_TEXT },

    /* and else the weights */

    { "text/plain;q=0.5,application/json", KAIRO_MEDIA_JSON },
    { "application/json;q=0.5,text/plain", KAIRO_MEDIA_TEXT },
    { "application/json;q=0.5,text/plain;q=0.6", KAIRO_MEDIA_TEXT },
    { "application/json;q=0.599,text/plain;q=0.6", KAIRO_MEDIA_TEXT },
    { "application/json;q=0.601,text/plain;q=0.6", KAIRO_MEDIA_JSON },
    { "application/json;q=0.06,text/plain;q=0.1", KAIRO_MEDIA_TEXT },
    { "application/json;q=0.001,text/plain;q=0.002", KAIRO_MEDIA_TEXT },
    { "text/plain;q=0.9,application/json;q=0.99", KAIRO_MEDIA_JSON },
    { "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
      KAIRO_MEDIA_TEXT },
    { "text/html;q=0.7,*/*;q=0.8", KAIRO_MEDIA_JSON },
    { "text/plain;q=0.2,text/html;q=0.9,application/json;q=0.5",
      KAIRO_MEDIA_TEXT },
    { "application/json;q=0.2,text/html;q=0.5,application/*;q=0.9",
      KAIRO_MEDIA_JSON },
    { "text/plain;q=0.4,application/json;q=0.8,text/html;q=0.8",
      KAIRO_MEDIA_JSON },

    /* a weight is a parameter among others, in any case and spacing */

    { "application/json;Q=0.5,text/plain;Q=0.6", KAIRO_MEDIA_TEXT },
    { "application/json ; q=0.5 , text/plain ; q=0.6", KAIRO_MEDIA_TEXT },
    { "application/json;v=1;q=0.5,text/plain", KAIRO_MEDIA_TEXT },
    { "text/plain;charset=utf-8;q=0.1,application/json;q=0.2",
      KAIRO_MEDIA_JSON },
    { "text/plain;qq=0,application/json;q=0.9", KAIRO_MEDIA_TEXT },
    { "text/plain;q=0.1;q=1,application/json;q=0.5", KAIRO_MEDIA_JSON },

    /* q=0 is "not this one" */

    { "text/plain;q=0", KAIRO_MEDIA_JSON },
    { "text/plain;q=0.000,text/html;q=0.", KAIRO_MEDIA_JSON },
    { "application/json;q=0,text/plain;q=0.001", KAIRO_MEDIA_TEXT },

    /* a weight that breaks the grammar is none */

    { "text/plain;q=", KAIRO_MEDIA_JSON },
    { "text/plain;q", KAIRO_MEDIA_JSON },
    { "text/plain;q=2", KAIRO_MEDIA_JSON },
    { "text/plain;q=1.1", KAIRO_MEDIA_JSON },
    { "text/plain;q=1.001", KAIRO_MEDIA_JSON },
    { "text/plain;q=-1", KAIRO_MEDIA_JSON },
    { "text/plain;q=.5", KAIRO_MEDIA_JSON },
    { "text/plain;q=0.1234", KAIRO_MEDIA_JSON },
    { "text/plain;q=0,5", KAIRO_MEDIA_JSON },
    { "text/plain;q=0.5x", KAIRO_MEDIA_JSON },
    { "text/plain;q=0x5", KAIRO_MEDIA_JSON },
    { "text/plain;q=\"1\"", KAIRO_MEDIA_JSON },
    { "text/plain;q=1.", KAIRO_MEDIA_TEXT },

    /* empty elements are passed over (RFC 9110, section 5.6.1.2) */

    { ",,text/plain,,", KAIRO_MEDIA_TEXT },
    { "text/plain;;q=0.5,application/json;q=0.6", KAIRO_MEDIA_JSON },
};


/* Memory of just the size, so that a byte too much is noticed. */

static unsigned char *
copy_of(const void *p, size_t n)
{
    unsigned char  *copy;

    copy = malloc(n ? n : 1);

    if (copy == NULL) {
        exit(2);
    }

    memcpy(copy, p, n);

    return copy;
}


static int
reserved(const void *name, size_t n)
{
    int             rc;
    kairo_span_t    s;
    unsigned char  *copy;

    copy = copy_of(name, n);

    s.p = n ? copy : NULL;
    s.n = n;
    rc = kairo_header_reserved(s);

    free(copy);

    return rc != 0;
}


static void
same(void)
{
    size_t                     i;
    kairo_span_t               name;
    static const kairo_span_t  wanted = kairo_span("x-target-2");
    static const char         *good[] = {
        "x-target-2", "X-TARGET-2", "X_Target_2", "x.tArget-2",
        "x\xff" "target 2"
    };
    static const char         *bad[] = {
        "", "x-target-", "x-target-22", "xx-target-2", "x-target22",
        "x0target-2", "x-targe-2-", "-target-2"
    };

    for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        name.n = strlen(good[i]);
        name.p = copy_of(good[i], name.n);
        expect(kairo_header_is(name, wanted), "%s", good[i]);
        free((void *) name.p);
    }

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        name.n = strlen(bad[i]);
        name.p = copy_of(bad[i], name.n);
        expect(!kairo_header_is(name, wanted), "%s", bad[i]);
        free((void *) name.p);
    }

    verdict("names that a server takes for another, and others");
}


static kairo_media_t
accept_of(const char *text)
{
    kairo_span_t    s;
    kairo_media_t   media;
    unsigned char  *copy;

    s.n = strlen(text);
    copy = copy_of(text, s.n);
    s.p = s.n ? copy : NULL;

    media = kairo_header_accept(s);

    free(copy);

    return media;
}


static int
letter(unsigned c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}


static int
word(unsigned c)
{
    return letter(c) || (c >= '0' && c <= '9');
}


static void
names(void)
{
    ok(reserved("X-Kairo-User", 12), "X-Kairo-User is reserved");
    ok(reserved("x-kairo-user", 12), "x-kairo-user is reserved");
    ok(reserved("X_KAIRO_USER", 12), "X_KAIRO_USER is reserved");
    ok(reserved("X-Kairo-", 8), "X-Kairo- is reserved");
    ok(reserved("X.Kairo~1", 9), "X.Kairo~1 is reserved");
    ok(!reserved("X-Kairo", 7), "X-Kairo is not");
    ok(!reserved("X-Kairos-User", 13), "X-Kairos-User is not");
    ok(!reserved("X-Kairo1", 8), "X-Kairo1 is not");
    ok(!reserved("XX-Kairo-User", 13), "XX-Kairo-User is not");
    ok(!reserved("-X-Kairo-User", 13), "-X-Kairo-User is not");
    ok(!reserved("X--Kairo-User", 13), "X--Kairo-User is not");
    ok(!reserved("Kairo-User", 10), "Kairo-User is not");
    ok(!reserved("", 0), "an empty name is not");
}


/* All spellings that are one name to a server behind, and nothing else. */

static void
spellings(void)
{
    static const char  name[] = "x-kairo-id";

    char      spelt[sizeof(name)];
    size_t    i, bit;
    unsigned  c, first, second, cases;

    memcpy(spelt, name, sizeof(name));

    for (cases = 0; cases < 64; cases++) {

        for (i = 0, bit = 0; i < 8; i++) {
            if (letter((unsigned char) name[i])) {
                spelt[i] = cases >> bit++ & 1 ? (char) (name[i] - 'a' + 'A')
                                              : name[i];
            }
        }

        expect(reserved(spelt, sizeof(name) - 1), "%s", spelt);
    }

    verdict("letters of either case");

    for (first = 0; first < 256; first++) {
        for (second = 0; second < 256; second++) {

            spelt[1] = (char) first;
            spelt[7] = (char) second;

            expect(reserved(spelt, sizeof(name) - 1)
                   == (!word(first) && !word(second)),
                   "bytes %02x and %02x for the hyphens", first, second);
        }
    }

    verdict("any byte but a letter or a digit for a hyphen");

    for (i = 0; i < 8; i++) {
        for (c = 0; c < 256; c++) {

            memcpy(spelt, name, sizeof(name));
            spelt[i] = (char) c;

            expect(reserved(spelt, sizeof(name) - 1)
                   == (letter((unsigned char) name[i])
                       ? letter(c) && (c | 0x20) == (unsigned char) name[i]
                       : !word(c)),
                   "byte %02x at %zu", c, i);
        }
    }

    verdict("any byte at any place");

    for (i = 0; i < sizeof(name); i++) {
        expect(reserved(name, i) == (i >= 8), "the first %zu bytes", i);
    }

    verdict("names that are cut off");
}


static void
media(void)
{
    size_t                i;
    const accept_case_t  *c;

    for (i = 0; i < sizeof(accepts) / sizeof(accepts[0]); i++) {
        c = &accepts[i];

        ok(accept_of(c->text) == c->media, "Accept: %s is %s", c->text,
           c->media == KAIRO_MEDIA_TEXT ? "text" : "json");
    }
}


/* Two ranges with all weights there are. */

static void
weights(void)
{
    char           text[128];
    unsigned       q, r;
    kairo_media_t  expected;

    for (q = 0; q <= 1000; q += 1 + (unsigned) unit_below(9)) {
        for (r = 0; r <= 1000; r += 1 + (unsigned) unit_below(9)) {

            snprintf(text, sizeof(text),
                     "application/json;q=%u.%03u, text/plain;q=%u.%03u",
                     q / 1000, q % 1000, r / 1000, r % 1000);

            expected = r > q ? KAIRO_MEDIA_TEXT : KAIRO_MEDIA_JSON;

            expect(accept_of(text) == expected, "%s", text);

            snprintf(text, sizeof(text),
                     "text/plain;q=%u.%03u, application/json;q=%u.%03u",
                     r / 1000, r % 1000, q / 1000, q % 1000);

            expected = r && r >= q ? KAIRO_MEDIA_TEXT : KAIRO_MEDIA_JSON;

            expect(accept_of(text) == expected, "%s", text);
        }
    }

    verdict("weights to the thousandth");
}


int
main(void)
{
    unit_begin(20260104);

    names();
    same();
    spellings();
    media();
    weights();

    return unit_done();
}
