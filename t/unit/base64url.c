
/*
 * Base64url: one text for one run of bytes, and one run for one text.  The
 * texts that are right are written by OpenSSL's encoder.
 */


#include "unit.h"

#include <openssl/evp.h>

#include "core/kairo_base64url.h"


#define LONGEST  300


static const char  alphabet[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";


typedef struct {
    const char  *bytes;
    const char  *text;
} pair_t;


/* RFC 4648, section 10, and the two characters that are this alphabet's */

static const pair_t  pairs[] = {
    { "", "" },
    { "f", "Zg" },
    { "fo", "Zm8" },
    { "foo", "Zm9v" },
    { "foob", "Zm9vYg" },
    { "fooba", "Zm9vYmE" },
    { "foobar", "Zm9vYmFy" },
    { "\xfb\xff\xbf", "-_-_" },
    { "\xff", "_w" },
    { "\xfb", "-w" },
};


/* OpenSSL's text of the bytes, in this alphabet and without padding. */

static size_t
encode(char *text, const unsigned char *bytes, size_t n)
{
    size_t  i, len;

    len = (size_t) EVP_EncodeBlock((unsigned char *) text, bytes, (int) n);

    while (len && text[len - 1] == '=') {
        len--;
    }

    for (i = 0; i < len; i++) {
        text[i] = text[i] == '+' ? '-' : text[i] == '/' ? '_' : text[i];
    }

    return len;
}


/* Decodes from and into memory of just the size that is promised. */

static int
decode(unsigned char *bytes, size_t *n, const char *text, size_t len)
{
    int             rc;
    kairo_span_t    s;
    unsigned char  *in, *out;

    in = malloc(len ? len : 1);
    out = malloc(kairo_base64url_size(len) ? kairo_base64url_size(len) : 1);

    if (in == NULL || out == NULL) {
        exit(2);
    }

    memcpy(in, text, len);

    s.p = len ? in : NULL;
    s.n = len;
    *n = SIZE_MAX;

    rc = kairo_base64url_decode(out, n, s);

    if (rc == 0) {
        memcpy(bytes, out, *n);

    } else {
        expect(rc == -1, "%d is no answer", rc);
    }

    free(in);
    free(out);

    return rc == 0;
}


static int
valid(const char *text, size_t len)
{
    size_t         n;
    unsigned char  bytes[2 * LONGEST];

    return decode(bytes, &n, text, len);
}


static void
examples(void)
{
    size_t         i, n;
    const pair_t  *p;
    unsigned char  bytes[16];

    for (i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
        p = &pairs[i];

        ok(decode(bytes, &n, p->text, strlen(p->text))
           && n == strlen(p->bytes) && memcmp(bytes, p->bytes, n) == 0,
           "\"%s\" is %zu bytes", p->text, strlen(p->bytes));
    }
}


static void
characters(void)
{
    unsigned  c;

    for (c = 0; c < 256; c++) {
        expect((kairo_base64url_char((unsigned char) c) != 0)
               == (c != 0 && strchr(alphabet, (int) c) != NULL),
               "byte %02x", c);
    }

    verdict("the alphabet has 64 characters");
}


static void
bytes_of_all_lengths(void)
{
    int            round;
    char           text[2 * LONGEST];
    size_t         i, n, len, back_n;
    unsigned char  bytes[LONGEST], back[2 * LONGEST];

    for (n = 0; n <= LONGEST; n++) {
        for (round = 0; round < 50; round++) {

            for (i = 0; i < n; i++) {
                bytes[i] = round ? (unsigned char) unit_draw() : 0xff;
            }

            len = encode(text, bytes, n);

            expect(decode(back, &back_n, text, len) && back_n == n
                   && memcmp(bytes, back, n) == 0, "%zu bytes", n);
        }
    }

    verdict("what OpenSSL encodes is decoded, 0 to %d bytes", LONGEST);
}


/* Every text of one to three characters, and many of four. */

static void
short_texts(void)
{
    char           text[8], again[16];
    size_t         n, a, b, c, i, right[5];
    unsigned char  bytes[8];

    memset(right, 0, sizeof(right));

    for (a = 0; a < 64; a++) {

        text[0] = alphabet[a];
        right[1] += (size_t) valid(text, 1);

        for (b = 0; b < 64; b++) {

            text[1] = alphabet[b];

            if (decode(bytes, &n, text, 2)) {
                right[2]++;
                expect(encode(again, bytes, n) == 2
                       && memcmp(again, text, 2) == 0, "%.2s", text);
            }

            for (c = 0; c < 64; c++) {

                text[2] = alphabet[c];

                if (decode(bytes, &n, text, 3)) {
                    right[3]++;
                    expect(encode(again, bytes, n) == 3
                           && memcmp(again, text, 3) == 0, "%.3s", text);
                }
            }
        }
    }

    verdict("a text that is decoded is the one that its bytes have");

    ok(right[1] == 0, "no text of one character");
    ok(right[2] == 256, "256 texts of two characters");
    ok(right[3] == 65536, "65536 texts of three characters");

    for (i = 0; i < 200000; i++) {

        for (a = 0; a < 4; a++) {
            text[a] = alphabet[unit_below(64)];
        }

        expect(decode(bytes, &n, text, 4) && n == 3
               && encode(again, bytes, 3) == 4
               && memcmp(again, text, 4) == 0, "%.4s", text);
    }

    verdict("every text of four characters");
}


static void
lengths(void)
{
    char    text[LONGEST];
    size_t  n;

    memset(text, 'A', sizeof(text));

    for (n = 0; n < sizeof(text); n++) {
        expect(valid(text, n) == (n % 4 != 1), "%zu characters", n);
    }

    verdict("no text of 4n + 1 characters");
}


/* Bits that belong to no byte: one token would have several spellings. */

static void
trailing_bits(void)
{
    char    text[LONGEST];
    size_t  n, last;

    for (n = 2; n < 100; n++) {

        if (n % 4 < 2) {
            continue;
        }

        memset(text, 'A', n);

        for (last = 0; last < 64; last++) {

            text[n - 1] = alphabet[last];

            expect(valid(text, n)
                   == (last % (n % 4 == 2 ? 16 : 4) == 0),
                   "%zu characters, the last one %c", n, text[n - 1]);
        }
    }

    verdict("trailing bits are zero");
}


static void
foreign(void)
{
    char      text[16];
    size_t    n, i;
    unsigned  c;

    for (n = 1; n <= 9; n++) {
        for (i = 0; i < n; i++) {
            for (c = 0; c < 256; c++) {

                if (c && strchr(alphabet, (int) c)) {
                    continue;
                }

                memset(text, 'A', n);
                text[i] = (char) c;

                expect(!valid(text, n), "byte %02x at %zu of %zu", c, i, n);
            }
        }
    }

    verdict("no foreign byte at any place");

    ok(!valid("Zg==", 4), "no padding");
    ok(!valid("Zg=", 3), "no half of it");
    ok(!valid("Zm8=", 4), "none after two bytes");
    ok(!valid("=", 1), "nor alone");
    ok(!valid("+/+/", 4), "the other alphabet is foreign");
    ok(!valid(" Zm9v", 5) && !valid("Zm9v ", 5) && !valid("Zm 9v", 5),
       "no space");
    ok(!valid("Zm9v\n", 5) && !valid("Zm9v\r\n", 6), "no line end");
    ok(!valid("Zm9v\0", 5) && !valid("Zm9v\0Zm9v", 9), "no NUL");
    ok(!valid("Zm9v.", 5), "no dot");
}


int
main(void)
{
    unit_begin(20260201);

    examples();
    characters();
    bytes_of_all_lengths();
    short_texts();
    lengths();
    trailing_bits();
    foreign();

    return unit_done();
}
