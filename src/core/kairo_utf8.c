
#include "core/kairo_utf8.h"


size_t
kairo_utf8_char(kairo_span_t text)
{
    size_t         i, n;
    unsigned char  c, least, most;

    if (text.n == 0) {
        return 0;
    }

    c = text.p[0];

    if (c < 0x80) {
        return 1;
    }

    least = 0x80;
    most = 0xbf;

    if (c >= 0xc2 && c <= 0xdf) {
        n = 2;

    } else if (c >= 0xe0 && c <= 0xef) {
        n = 3;
        least = c == 0xe0 ? 0xa0 : 0x80;
        most = c == 0xed ? 0x9f : 0xbf;

    } else if (c >= 0xf0 && c <= 0xf4) {
        n = 4;
        least = c == 0xf0 ? 0x90 : 0x80;
        most = c == 0xf4 ? 0x8f : 0xbf;

    } else {
        return 0;
    }

    if (text.n < n || text.p[1] < least || text.p[1] > most) {
        return 0;
    }

    for (i = 2; i < n; i++) {
        if (text.p[i] < 0x80 || text.p[i] > 0xbf) {
            return 0;
        }
    }

    return n;
}


int
kairo_utf8(kairo_span_t text)
{
    size_t  n;

    while (text.n) {

        n = kairo_utf8_char(text);

        if (n == 0) {
            return 0;
        }

        text.p += n;
        text.n -= n;
    }

    return 1;
}


unsigned char
kairo_utf8_letter(kairo_span_t *text)
{
    size_t         i, n;
    unsigned char  c;

    static const struct {
        const char     *bytes;
        unsigned char   letter;
    } letters[] = {
        { "\xc4\xb0", 'i' },
        { "\xc4\xb1", 'i' },
        { "\xc5\xbf", 's' },
        { "\xe2\x84\xaa", 'k' }
    };

    c = kairo_lower(text->p[0]);
    n = 1;

    for (i = 0; c >= 0x80 && i < sizeof(letters) / sizeof(letters[0]); i++) {

        n = strlen(letters[i].bytes);

        if (text->n >= n && memcmp(text->p, letters[i].bytes, n) == 0) {
            c = letters[i].letter;
            break;
        }

        n = 1;
    }

    text->p += n;
    text->n -= n;

    return c;
}
