
/*
 * Queries and forms, as any of several readers would read them.
 */


#include "unit.h"

#include "core/kairo_cookie.h"
#include "core/kairo_form.h"
#include "core/kairo_utf8.h"


/* Memory of just its size: what is read beyond is seen. */

static kairo_span_t
exact(const void *p, size_t n)
{
    kairo_span_t  s;

    s.n = n;
    s.p = memcpy(malloc(n ? n : 1), p, n);

    return s;
}


/*
 * The pairs as "name=value,name,...", and behind a value, after "|", what it
 * is where ";" does not end it.
 */

static void
expect_pairs(const char *text, const char *wanted)
{
    char                got[512];
    size_t              n;
    kairo_span_t        s, rest, value;
    kairo_form_pair_t   pair;

    s = rest = exact(text, strlen(text));
    got[0] = '\0';
    n = 0;

    while (kairo_form_next(&rest, &pair)) {
        n += (size_t) snprintf(got + n, sizeof(got) - n, "%s%.*s%s%.*s",
                               n ? "," : "", (int) pair.name.n,
                               (const char *) pair.name.p,
                               pair.has_value ? "=" : "", (int) pair.value.n,
                               (const char *) pair.value.p);

        value = kairo_form_value(&pair, rest);
        expect(value.p == pair.value.p, "\"%s\"", text);

        if (value.n != pair.value.n) {
            n += (size_t) snprintf(got + n, sizeof(got) - n, "|%.*s",
                                   (int) value.n, (const char *) value.p);
        }
    }

    expect(strcmp(got, wanted) == 0, "\"%s\" is \"%s\"", text, got);

    free((void *) s.p);
}


static void
pairs(void)
{
    expect_pairs("", "");
    expect_pairs("a=b", "a=b");
    expect_pairs("a=b&c=d;e=f", "a=b,c=d|d;e=f,e=f");
    expect_pairs("a=b;@c&d;e=f", "a=b|b;@c,@c,d,e=f");
    expect_pairs("a=;", "a=|;");
    expect_pairs("a", "a");
    expect_pairs("a&b", "a,b");
    expect_pairs("&&a=b;;", "a=b|b;;");
    expect_pairs("a=b=c", "a=b=c");
    expect_pairs("=b", "=b");
    expect_pairs("=&a=", "a=");
    expect_pairs("a=%26&b", "a=%26,b");

    verdict("pairs");
}


/* "wanted" NULL: it can't be decoded. */

static void
expect_decoded(const char *text, size_t n, const char *wanted)
{
    long            got;
    kairo_span_t    s;
    unsigned char  *out;

    s = exact(text, n);
    out = malloc(n ? n : 1);
    got = kairo_form_decode(s, out);

    if (wanted == NULL) {
        expect(got == -1, "\"%s\" is decoded", text);

    } else {
        expect(got == (long) strlen(wanted)
               && memcmp(out, wanted, strlen(wanted)) == 0,
               "\"%s\" is \"%.*s\"", text, (int) got, (char *) out);
    }

    free(out);
    free((void *) s.p);
}


static void
decoding(void)
{
    size_t              i;
    static const char  *wrong[] = {
        "%", "a%", "%2", "%zz", "%2g", "%u0041", "%00", "a%00b", "%c0%af",
        "%ff", "%ed%a0%80", "%f4%90%80%80", "%c3", "%e2%82", "\xc3", "\xff"
    };

    expect_decoded("", 0, "");
    expect_decoded("a+b", 3, "a b");
    expect_decoded("%41%6a%6A", 9, "Ajj");
    expect_decoded("%2541", 5, "%41");
    expect_decoded("%c3%a9\xc3\xa9", 8, "\xc3\xa9\xc3\xa9");
    expect_decoded("%f0%9f%92%a9", 12, "\xf0\x9f\x92\xa9");
    expect_decoded("%0d%0a%7f", 9, "\r\n\x7f");
    expect_decoded("a\0b", 3, NULL);

    for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        expect_decoded(wrong[i], strlen(wrong[i]), NULL);
    }

    verdict("decoding, once and in one way");
}


static void
expect_is(const char *name, const char *wanted, int is)
{
    kairo_span_t  s, w;

    s = exact(name, strlen(name));
    w = exact(wanted, strlen(wanted));
    expect(kairo_form_is(s, w) == is, "\"%s\", \"%s\"", name, wanted);
    free((void *) s.p);
    free((void *) w.p);
}


static void
names(void)
{
    size_t              i;
    static const char  *same[] = {
        "url", "URL", "uRl", " url", "   Url", "url[]", "url[0]", "url[12]",
        "url.0", "url.12", " URL[]", "url[x]", "url[]x", "url[][]", "url[",
        "url.1[]", "[url]", "url]", "[[url]]", "]url", " [ URL", "[url][]"
    };
    static const char  *others[] = {
        "", "ur", "urls", "xurl", "url]x", "url.", "url.x", "url.1x", "url ",
        "url.[1]", "u rl", "url-", "url_"
    };
    static const char  *php[] = {
        "link_to", "link.to", "link to", "link[to", " Link.To[]"
    };

    for (i = 0; i < sizeof(same) / sizeof(same[0]); i++) {
        expect_is(same[i], "url", 1);
    }

    for (i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        expect_is(others[i], "url", 0);
    }

    verdict("names that are the same, and others");

    for (i = 0; i < sizeof(php) / sizeof(php[0]); i++) {
        expect_is(php[i], "link_to", 1);
    }

    expect_is("link-to", "link_to", 0);
    expect_is("[a]", "[a]", 1);
    expect_is("link_to", "link.to", 0);

    verdict("names as PHP writes them");

    expect_is("L\xc4\xb0N\xe2\x84\xaa\xc5\xbf", "links", 1);
    expect_is("l\xc4\xb1nk\xc5\xbf[]", "links", 1);
    expect_is("ad\xc4\xb1", "ad\xc4\xb1", 1);
    expect_is("adi", "ad\xc4\xb1", 1);
    expect_is("link\xc5", "links", 0);
    expect_is("link\xc5\xbe", "links", 0);
    expect_is("lin\xe2\x84", "link", 0);
    expect_is("lin\xe2\x84\xab", "link", 0);

    verdict("letters whose other case is of ASCII");
}


static void
expect_cookies(const char *text, const char *wanted)
{
    char           got[512];
    size_t         n;
    kairo_span_t   s, rest, name, value;

    s = rest = exact(text, strlen(text));
    got[0] = '\0';
    n = 0;

    while (kairo_cookie_next(&rest, &name, &value)) {
        n += (size_t) snprintf(got + n, sizeof(got) - n, "[%.*s|%.*s]",
                               (int) name.n, (const char *) name.p,
                               (int) value.n, (const char *) value.p);
    }

    expect(strcmp(got, wanted) == 0, "\"%s\" is \"%s\"", text, got);

    free((void *) s.p);
}


static void
cookies(void)
{
    expect_cookies("", "");
    expect_cookies(" ; ;\t", "");
    expect_cookies("a=b", "[a|b]");
    expect_cookies("a=b; c=d", "[a|b][c|d]");
    expect_cookies("a=b;c=d=e ; f", "[a|b][c|d=e][f|]");
    expect_cookies("=x", "[|x]");
    expect_cookies("a=", "[a|]");
    expect_cookies("a;=;b", "[a|][|][b|]");

    verdict("cookies");

    /* Python's SimpleCookie, and all who strip a name, find these */

    expect_cookies("\ta = b \t;", "[a|b]");
    expect_cookies("a =b", "[a|b]");
    expect_cookies("\xa0" "a\xa0=b", "[a|b]");
    expect_cookies("a=b c=d", "[a|b c=d][c|d]");
    expect_cookies("a=b,c=d;e=f", "[a|b,c=d][c|d][e|f]");
    expect_cookies("a=\"b, c = d\"; e", "[a|\"b, c = d\"][c|d\"][e|]");
    expect_cookies("a b", "[a|][b|]");

    verdict("cookies that some servers find");
}


/* Each of one to four bytes that begins so, against how it is defined. */

static void
characters(void)
{
    uint32_t        c, i;
    size_t          n;
    kairo_span_t    s;
    unsigned char   text[4];

    for (c = 0; c < 0x110000; c++) {

        if (c < 0x80) {
            text[0] = (unsigned char) c;
            n = 1;

        } else if (c < 0x800) {
            text[0] = (unsigned char) (0xc0 | c >> 6);
            text[1] = (unsigned char) (0x80 | (c & 0x3f));
            n = 2;

        } else if (c < 0x10000) {
            text[0] = (unsigned char) (0xe0 | c >> 12);
            text[1] = (unsigned char) (0x80 | (c >> 6 & 0x3f));
            text[2] = (unsigned char) (0x80 | (c & 0x3f));
            n = 3;

        } else {
            text[0] = (unsigned char) (0xf0 | c >> 18);
            text[1] = (unsigned char) (0x80 | (c >> 12 & 0x3f));
            text[2] = (unsigned char) (0x80 | (c >> 6 & 0x3f));
            text[3] = (unsigned char) (0x80 | (c & 0x3f));
            n = 4;
        }

        s.p = text;
        s.n = n;
        expect(kairo_utf8_char(s) == (c >= 0xd800 && c < 0xe000 ? 0 : n),
               "U+%04X", (unsigned) c);

        s.n = n - 1;
        expect(kairo_utf8_char(s) == 0, "U+%04X, cut", (unsigned) c);
    }

    verdict("all characters, and nothing else of them");

    /* the bytes that none begins with, and those longer than needed */

    for (i = 0; i < 0x1000000; i += 7) {

        text[0] = (unsigned char) (i >> 16);
        text[1] = (unsigned char) (i >> 8);
        text[2] = (unsigned char) i;
        text[3] = 0x80;
        s.p = text;
        s.n = 4;
        n = kairo_utf8_char(s);

        if ((text[0] >= 0x80 && text[0] < 0xc2) || text[0] > 0xf4
            || (text[0] == 0xe0 && text[1] < 0xa0)
            || (text[0] == 0xf0 && text[1] < 0x90))
        {
            expect(n == 0, "%06x", (unsigned) i);
        }
    }

    verdict("no byte that none begins with, no form longer than needed");
}


int
main(void)
{
    unit_begin(0);

    pairs();
    decoding();
    names();
    cookies();
    characters();

    return unit_done();
}
