
/*
 * Names that are not ASCII: what all readers encode alike, and the ways to be
 * refused.
 */


#include "target.h"

#include "libs/kairo_idna.h"


static void
expect_idna_n(const char *text, size_t len, const char *wrong,
    const char *wanted)
{
    size_t          n;
    const char     *said;
    kairo_span_t    s;
    unsigned char  *copy, *out;

    copy = target_copy(text, len);
    out = malloc(KAIRO_IDNA_MAX);

    s.p = copy;
    s.n = len;
    n = 0;

    said = kairo_idna(s, out, &n);

    expect(target_same(said, wrong), "\"%.*s\": %s, not %s", (int) len, text,
           target_word(said), target_word(wrong));

    if (wanted && said == NULL) {
        expect(n == strlen(wanted) && memcmp(out, wanted, n) == 0,
               "\"%.*s\" is \"%.*s\", not \"%s\"", (int) len, text, (int) n,
               (char *) out, wanted);
    }

    free(out);
    free(copy);
}


static void
good(const char *text, const char *wanted)
{
    expect_idna_n(text, strlen(text), NULL, wanted);
}


static void
bad(const char *text, const char *wrong)
{
    expect_idna_n(text, strlen(text), wrong, NULL);
}


static void
ascii(void)
{
    good("example.com", "example.com");
    good("Example.COM.", "example.com.");
    good("", "");
    good(".", ".");
    good("a..b", "a..b");
    good("r3---sn-x.googlevideo.com", "r3---sn-x.googlevideo.com");
    good("a_b.c%d@e", "a_b.c%d@e");
    good("127.0.0.1", "127.0.0.1");
    good("xn-a.com", "xn-a.com");

    verdict("ASCII, as it is but in lower case");
}


static void
encoded(void)
{
    good("b\xc3\xbc""cher.de", "xn--bcher-kva.de");
    good("B\xc3\xbc""CHER.de", "xn--bcher-kva.de");
    good("B\xc3\x9c""CHER.de", "xn--bcher-kva.de");
    good("\xe9\xa3\x9f\xe7\x8b\xae.\xe4\xb8\xad\xe5\x9b\xbd",
         "xn--85x722f.xn--fiqs8s");
    good("a.\xc3\xa9.b", "a.xn--9ca.b");
    good("g\xce\xbf\xce\xbfgle.com", "xn--ggle-0nda.com");
    good("xn--bcher-kva.b\xc3\xbc""cher", "xn--bcher-kva.xn--bcher-kva");

    /* composed, Thai, Hindi: the same in IDNA2003 */

    good("cafe\xcc\x81.fr", "xn--caf-dma.fr");
    good("\xe0\xb8\x99\xe0\xb9\x89\xe0\xb8\xb3.com", "xn--q3c4c8cq.com");
    good("\xe3\x82\xab\xe3\x82\x99.jp", "xn--mck.jp");
    good("\xe1\x84\x92\xe1\x85\xa1\xe1\x86\xab.kr", "xn--6q8b.kr");

    verdict("labels that are not ASCII");
}


static void
maps_to_ascii(void)
{
    static const char  word[] = "idna_maps_to_ascii";

    bad("\xe2\x91\xa0\xe2\x91\xa1\xe2\x91\xa6.0.0.1", word);
    bad("\xef\xbc\x91\xef\xbc\x92\xef\xbc\x97.0.0.1", word);
    bad("127.0.0.1\xe2\x80\x8b", word);
    bad("loc\xc2\xad""alhost", word);
    bad("\xef\xbb\xbf""example.com", word);
    bad("example\xe2\x81\xa0.com", word);
    bad("localho\xc5\xbft", word);
    bad("\xe2\x84\xaa.com", word);
    bad("\xe2\x93\x94\xe2\x93\xa7.com", word);

    verdict("labels that would become ASCII");
}


static void
delimiters(void)
{
    size_t             i, n;
    kairo_span_t       s;
    unsigned char      out[KAIRO_IDNA_MAX];
    static const char  *texts[] = {
        "evil.c\xe2\x84\x81.core", "a\xef\xbc\x8f""b.com",
        "a\xef\xbc\xa0""b.com", "a\xe2\xa9\xb4""80", "a\xe2\x80\xa4""b.com",
        "\xe2\x92\x88""com.de", "a\xc2\xa0.com", "a\xef\xbc\x85""2e.com",
        "\xe2\x84\x80.com", "a\xef\xbc\x9f.com", "a\xef\xbc\x83.com",
        "a\xef\xbc\xbc""b.com", "a\xef\xbc\x9a""80",
        "\xc3\xa9\xef\xbc\x8f.com", "\xc3\xa9\xe2\x80\xa4.com",
        "\xc3\xa9\xef\xbc\xa0.com", "\xc3\xa9\xc2\xa0.com",
        "\xc3\xa9\xe2\x80\xa8.com", "\xc3\xa9\xc2\x85.com"
    };

    for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        s.p = (const unsigned char *) texts[i];
        s.n = strlen(texts[i]);
        expect(kairo_idna(s, out, &n) != NULL, "\"%s\"", texts[i]);
    }

    verdict("characters that hold a delimiter");
}


static void
deviations(void)
{
    static const char  word[] = "idna_deviation";

    bad("fa\xc3\x9f.de", word);
    bad("FA\xe1\xba\x9e.de", word);
    bad("\xce\xb2\xcf\x8c\xce\xbb\xce\xbf\xcf\x82.com", word);
    bad("a\xe2\x80\x8c\xc3\xa9.com", word);
    bad("a\xe2\x80\x8d\xc3\xa9.com", word);
    bad("\xe2\x80\x8d.com", word);
    bad("127\xe3\x80\x82""0\xe3\x80\x82""0\xe3\x80\x82""1", word);
    bad("\xc3\xa9\xe3\x80\x82""com", word);
    bad("\xc3\xa9\xef\xbc\x8e""com", word);
    bad("\xc3\xa9\xef\xbd\xa1""com", word);

    good("xn--fa-hia.de", "xn--fa-hia.de");
    good("xn--zca.com", "xn--zca.com");

    verdict("what versions map differently");

    /* characters that vanish beside others */

    bad("b\xc3\xbc\xc2\xad""cher.de", word);
    bad("b\xc3\xbc\xe2\x80\x8b""cher.de", word);
    bad("b\xc3\xbc\xe2\x81\xa0""cher.de", word);
    bad("b\xc3\xbc\xef\xbb\xbf""cher.de", word);
    bad("b\xc3\xbc\xef\xb8\x8f""cher.de", word);
    bad("b\xc3\xbc\xcd\x8f""cher.de", word);
    bad("b\xc3\xbc\xe2\x81\xa4""cher.de", word);
    bad("b\xc3\xbc\xf3\xa0\x84\x80""cher.de", word);

    verdict("what vanishes");

    /* younger than Unicode 3.2, and mapped */

    bad("\xe1\xb4\xac\xc3\xa9.com", word);          /* U+1D2C */
    bad("\xc3\xa9\xf0\x9f\x84\xb0.com", word);      /* U+1F130 */
    bad("\xf0\x9e\xb8\x80.com", word);              /* U+1EE00 */
    bad("\xef\xa9\xb0.com", word);                  /* U+FA70 */
    bad("\xe1\x8e\xa0.com", word);                  /* U+13A0, Cherokee */
    bad("\xea\xad\xb0.com", word);                  /* U+AB70, Cherokee */
    bad("a\xd2\x87\xcc\xa3.com", word);             /* U+0487, U+0323 */
    bad("\xd3\x80.com", "idna");                   /* U+04C0, palochka */
    bad("\xc8\xba.com", word);                     /* U+023A */
    bad("\xcd\xbf.com", word);                     /* U+037F */
    bad("\xd4\x90.com", word);                     /* U+0510 */

    /* younger, and as it is */

    good("\xe1\xac\x85.com", "xn--8sf.com");        /* U+1B05 */
    good("B\xe1\xac\x85.com", "xn--b-8cl.com");

    verdict("what IDNA2003 does not know");
}


static void
labels(void)
{
    static const char  word[] = "idna_not_encoded_so";

    good("xn--bcher-kva.de", "xn--bcher-kva.de");
    good("XN--BCHER-KVA.de", "xn--bcher-kva.de");
    good("xn--p1ai", "xn--p1ai");

    bad("xn--", word);
    bad("xn--a", word);
    bad("xn--abc-", word);
    bad("xn--localhost-", word);
    bad("xn--xn---epa", word);
    bad("xn--8i7caa", word);         /* of full width */
    bad("xn--6a", word);             /* U+00A0 */
    bad("xn--bcher-KVA-.de", word);
    bad("xn--ls8h.la", word);        /* no letter, U+1F4A9 */
    bad("xn--\xc3\xa9.de", "idna");

    verdict("encoded labels");
}


static void
lengths(void)
{
    char    text[1200];
    size_t  i;

    /* 255 bytes of a label is too long for all, and fits */

    memset(text, 'a', sizeof(text));
    expect_idna_n(text, 255, NULL, NULL);
    expect_idna_n(text, 256, "label_length", NULL);

    memcpy(text, "xn--", 4);
    expect_idna_n(text, 255, "idna_not_encoded_so", NULL);

    for (i = 0; i < 254; i += 2) {
        memcpy(text + i, "\xc3\xa9", 2);
    }

    expect_idna_n(text, 254, "idna", NULL);
    expect_idna_n(text, 56, NULL, NULL);

    for (i = 0; i < sizeof(text); i++) {
        text[i] = i % 60 == 59 ? '.' : 'a';
    }

    expect_idna_n(text, 253, NULL, NULL);
    expect_idna_n(text, 1100, "name_length", NULL);

    for (i = 0; i < sizeof(text); i++) {
        text[i] = '.';
    }

    expect_idna_n(text, 253, NULL, NULL);
    expect_idna_n(text, 1200, "name_length", NULL);

    verdict("long labels and names");
}


/* Any bytes: an answer, and nothing outside of the buffer. */

static void
anything(void)
{
    size_t          i, n, len, round;
    const char     *piece;
    kairo_span_t    s;
    unsigned char  *copy, *out, text[400];

    static const char  *pieces[] = {
        "\xc3\xa9", ".", "xn--", "a", "-", "\xe3\x80\x82", "9ca", "\xcc\x81",
        "\xc3\x9f", "\xf0\x9f\x92\xa9", "\xd7\x90", "0", "_", "\xe2\x84\x80"
    };

    for (round = 0; round < 30000; round++) {

        n = 0;

        for (i = (size_t) unit_below(40); i; i--) {
            piece = pieces[unit_below(sizeof(pieces)
                                      / sizeof(pieces[0]))];
            memcpy(text + n, piece, strlen(piece));
            n += strlen(piece);
        }

        s.n = n;
        s.p = copy = target_copy(text, n);
        out = malloc(KAIRO_IDNA_MAX);

        if (kairo_idna(s, out, &len) == NULL) {
            for (i = 0; i < len; i++) {
                expect(out[i] < 0x80, "round %u: not ASCII", (unsigned) round);
            }
        }

        free(out);
        free(copy);
    }

    verdict("what is encoded is ASCII");
}


int
main(void)
{
    unit_begin(404);

    ascii();
    encoded();
    maps_to_ascii();
    delimiters();
    deviations();
    labels();
    lengths();
    anything();

    return unit_done();
}
