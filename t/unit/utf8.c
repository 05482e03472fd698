
/*
 * Which characters are shown, and how many plain ones a text begins with:
 * against one byte after the other.
 */


#include "unit.h"

#include "core/kairo_utf8.h"


#define LENGTH  27


static int
is_plain(unsigned char c)
{
    return c >= 0x20 && c <= 0x7e;
}


/* In memory of just its size: a byte that is read behind it is noticed. */

static void
expect_plain(const unsigned char *text, size_t n)
{
    size_t          i, told;
    kairo_span_t    s;
    unsigned char  *copy;

    copy = malloc(n ? n : 1);
    memcpy(copy, text, n);

    s.p = n ? copy : NULL;
    s.n = n;
    told = kairo_utf8_plain(s);

    for (i = 0; i < n && is_plain(text[i]); i++) { /* void */ }

    expect(told == i, "%zu of %zu bytes, not %zu", i, n, told);

    free(copy);
}


static void
plain(void)
{
    size_t         n, at, f;
    unsigned       c, d;
    unsigned char  text[LENGTH];

    static const unsigned char  fills[] = { ' ', 'a', '~' };

    expect_plain(text, 0);

    for (f = 0; f < sizeof(fills); f++) {
        memset(text, fills[f], sizeof(text));

        for (n = 1; n <= LENGTH; n++) {
            for (at = 0; at < n; at++) {
                for (c = 0; c < 256; c++) {
                    text[at] = (unsigned char) c;
                    expect_plain(text, n);
                }

                text[at] = fills[f];
            }
        }
    }

    verdict("any byte at any place among plain ones");

    /* what one byte makes of its neighbour when eight are added at once */

    for (f = 0; f < sizeof(fills); f++) {
        memset(text, fills[f], sizeof(text));

        for (c = 0; c < 256; c++) {
            for (d = 0; d < 256; d++) {
                text[2] = (unsigned char) c;
                text[3] = (unsigned char) d;
                expect_plain(text, 8);
            }
        }
    }

    verdict("any two bytes beside each other");
}


/* Any two bytes, and what may be three or four, in front of others. */

static void
shown(void)
{
    size_t         n, told;
    unsigned       c, d;
    kairo_span_t   s;
    unsigned char  text[4];

    s.p = text;

    for (c = 0; c < 256; c++) {
        for (d = 0; d < 256; d++) {

            text[0] = (unsigned char) c;
            text[1] = (unsigned char) d;
            text[2] = 0x80;
            text[3] = 0x80;

            for (s.n = 0; s.n <= 4; s.n++) {

                n = kairo_utf8_char(s);
                told = kairo_utf8_shown(s);

                if (s.n && (c < 0x20 || c == 0x7f)) {
                    expect(n == 1 && told == 0, "0x%02x is not shown", c);

                } else {
                    expect(told == n, "0x%02x 0x%02x: %zu bytes, not %zu", c,
                           d, n, told);
                }
            }
        }
    }

    verdict("all characters but the control characters of ASCII are shown");
}


int
main(void)
{
    unit_begin(11);

    plain();
    shown();

    return unit_done();
}
