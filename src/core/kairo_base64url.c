
#include "core/kairo_base64url.h"


const unsigned char  kairo_base64url_values[256] = {
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
kairo_base64url_decode(unsigned char *out, size_t *n, kairo_span_t s)
{
    size_t          i;
    uint32_t        bits;
    unsigned        have;
    unsigned char  *p, v[4];

    p = out;

    /* four characters are three bytes */

    for (i = 0; s.n - i >= 4; i += 4) {

        v[0] = kairo_base64url_values[s.p[i]];
        v[1] = kairo_base64url_values[s.p[i + 1]];
        v[2] = kairo_base64url_values[s.p[i + 2]];
        v[3] = kairo_base64url_values[s.p[i + 3]];

        if (!v[0] || !v[1] || !v[2] || !v[3]) {
            return -1;
        }

        bits = (v[0] - 1u) << 18 | (v[1] - 1u) << 12 | (v[2] - 1u) << 6
               | (v[3] - 1u);

        *p++ = (unsigned char) (bits >> 16);
        *p++ = (unsigned char) (bits >> 8);
        *p++ = (unsigned char) bits;
    }

    for (bits = 0, have = 0; i < s.n; i++) {

        if (!kairo_base64url_char(s.p[i])) {
            return -1;
        }

        bits = bits << 6 | (kairo_base64url_values[s.p[i]] - 1u);
        have += 6;

        if (have >= 8) {
            have -= 8;
            *p++ = (unsigned char) (bits >> have);
            bits &= (1u << have) - 1;
        }
    }

    /* 4n + 1 characters leave six bits over, which is no byte */

    if (have == 6 || bits != 0) {
        return -1;
    }

    *n = (size_t) (p - out);

    return 0;
}
