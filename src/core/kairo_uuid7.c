
#include "core/kairo_uuid7.h"


#define KAIRO_UUID7_COUNT  4096      /* of 12 bits */


static int kairo_uuid_digit(unsigned char c);


void
kairo_uuid7(kairo_uuid7_t *maker, uint64_t ms,
    const unsigned char random[KAIRO_UUID7_RANDOM],
    unsigned char uuid[KAIRO_UUID])
{
    int  i;

    if (ms > maker->ms) {

        /* the upper bit is room to count: half of all numbers, or more */

        maker->ms = ms;
        maker->count = ((uint32_t) (random[8] & 0x07) << 8) | random[9];

    } else if (++maker->count == KAIRO_UUID7_COUNT) {
        maker->ms++;
        maker->count = 0;
    }

    for (i = 0; i < 6; i++) {
        uuid[i] = (unsigned char) (maker->ms >> (40 - 8 * i));
    }

    uuid[6] = (unsigned char) (0x70 | maker->count >> 8);
    uuid[7] = (unsigned char) maker->count;

    memcpy(uuid + 8, random, 8);
    uuid[8] = (unsigned char) (0x80 | (random[0] & 0x3f));
}


void
kairo_uuid_write(const unsigned char uuid[KAIRO_UUID],
    char text[KAIRO_UUID_TEXT])
{
    int  i;

    static const char  hex[] = "0123456789abcdef";

    for (i = 0; i < KAIRO_UUID; i++) {

        if (i == 4 || i == 6 || i == 8 || i == 10) {
            *text++ = '-';
        }

        *text++ = hex[uuid[i] >> 4];
        *text++ = hex[uuid[i] & 0x0f];
    }
}


int
kairo_uuid_read(kairo_span_t text, unsigned char uuid[KAIRO_UUID])
{
    int     digit;
    size_t  i, n;

    if (text.n != KAIRO_UUID_TEXT) {
        return -1;
    }

    for (i = 0, n = 0; i < KAIRO_UUID_TEXT; i++) {

        if (i == 8 || i == 13 || i == 18 || i == 23) {
            if (text.p[i] != '-') {
                return -1;
            }
            continue;
        }

        digit = kairo_uuid_digit(text.p[i]);

        if (digit < 0) {
            return -1;
        }

        uuid[n / 2] = (unsigned char) (n % 2 ? uuid[n / 2] | digit
                                             : digit << 4);
        n++;
    }

    return 0;
}


int64_t
kairo_uuid7_ms(const unsigned char uuid[KAIRO_UUID])
{
    int      i;
    int64_t  ms;

    if (uuid[6] >> 4 != 7 || uuid[8] >> 6 != 2) {
        return -1;
    }

    for (i = 0, ms = 0; i < 6; i++) {
        ms = ms << 8 | uuid[i];
    }

    return ms;
}


static int
kairo_uuid_digit(unsigned char c)
{
    if (kairo_is_digit(c)) {
        return c - '0';
    }

    c = kairo_lower(c);

    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}
