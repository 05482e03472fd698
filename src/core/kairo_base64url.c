
#include "core/kairo_base64url.h"


/* the value of a character plus one; 0: foreign */

static const unsigned char  kairo_base64url_values[256] = {
    ['A'] = 1,  ['B'] = 2,  ['C'] = 3,  ['D'] = 4,  ['E'] = 5,  ['F'] = 6,
    ['G'] = 7,  ['H'] = 8,  ['I'] = 9,  ['J'] = 10, ['K'] = 11, ['L'] = 12,
    ['M'] = 13, ['N'] = 14, ['O'] = 15, ['P'] = 16, ['Q'] = 17, ['R'] = 18,
    ['S'] = 19, ['T'] = 20, ['U'] = 21, ['V'] = 22, ['W'] = 23, ['X'] = 24,
    ['Y'] = 25, ['Z'] = 26, ['a'] = 27, ['b'] = 28, ['c'] = 29, ['d'] = 30,
    ['e'] = 31, ['f'] = 32, ['g'] = 33, ['h'] = 34, ['i'] = 35, ['j'] = 36,
    ['k'] = 37, ['l'] = 38, ['m'] = 39, ['n'] = 40, ['o'] = 41, ['p'] = 42,
    ['q'] = 43, ['r'] = 44, ['s'] = 45, ['t'] = 46, ['u'] = 47, ['v'] = 48,
    ['w'] = 49, ['x'] = 50, ['y'] = 51, ['z'] = 52, ['0'] = 53, ['1'] = 54,
    ['2'] = 55, ['3'] = 56, ['4'] = 57, ['5'] = 58, ['6'] = 59, ['7'] = 60,
    ['8'] = 61, ['9'] = 62, ['-'] = 63, ['_'] = 64
};


int
kairo_base64url_char(unsigned char c)
{
    return kairo_base64url_values[c] != 0;
}


int
kairo_base64url_decode(unsigned char *out, size_t *n, kairo_span_t s)
{
    size_t         i;
    uint32_t       bits, value;
    unsigned       have;
    unsigned char  *p;

    p = out;
    bits = 0;
    have = 0;

    for (i = 0; i < s.n; i++) {

        value = kairo_base64url_values[s.p[i]];

        if (value == 0) {
            return -1;
        }

        bits = bits << 6 | (value - 1);
        have += 6;

        if (have >= 8) {
            have -= 8;
            *p++ = (unsigned char) (bits >> have);
            bits &= ((uint32_t) 1 << have) - 1;
        }
    }

    /* 4n + 1 characters leave six bits over, which is no byte */

    if (have == 6 || bits != 0) {
        return -1;
    }

    *n = (size_t) (p - out);

    return 0;
}
