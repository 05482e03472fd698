
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


size_t
kairo_utf8_shown(kairo_span_t text)
{
    size_t  n;

    n = kairo_utf8_char(text);

    return n == 1 && (text.p[0] < ' ' || text.p[0] == 0x7f) ? 0 : n;
}


size_t
kairo_utf8_plain(kairo_span_t text)
{
    size_t    i;
    uint64_t  eight;

    /*
     * Eight at once: less 0x20, or plus 1, any other byte has its upper bit.
     * The lowest of them gets no carry of those below, which have none.
     */

    for (i = 0; text.n - i >= 8; i += 8) {
        memcpy(&eight, text.p + i, 8);

        if (((eight - 0x2020202020202020ull) | (eight + 0x0101010101010101ull))
            & 0x8080808080808080ull)
        {
            break;
        }
    }

    while (i < text.n && text.p[i] >= ' ' && text.p[i] < 0x7f) {
        i++;
    }

    return i;
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
