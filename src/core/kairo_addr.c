
#include "core/kairo_addr.h"


typedef struct {
    unsigned  first;    /* of the groups that "::" stands for */
    unsigned  count;
} kairo_addr_gap_t;


static size_t kairo_addr_decimal(unsigned char *p, unsigned n);
static size_t kairo_addr_hex(unsigned char *p, unsigned n);
static kairo_addr_gap_t kairo_addr_gap(const unsigned group[8]);


size_t
kairo_addr_v4(unsigned char *buf, const unsigned char addr[4])
{
    unsigned        i;
    unsigned char  *p;

    p = buf;

    for (i = 0; i < 4; i++) {
        if (i) {
            *p++ = '.';
        }

        p += kairo_addr_decimal(p, addr[i]);
    }

    return (size_t) (p - buf);
}


size_t
kairo_addr_v6(unsigned char *buf, const unsigned char addr[16],
    unsigned prefix)
{
    unsigned           i, bits, word, group[8];
    unsigned char     *p;
    kairo_addr_gap_t   gap;

    word = 0;

    for (i = 0; i < 8; i++) {
        group[i] = (unsigned) (addr[2 * i] << 8 | addr[2 * i + 1]);
        word |= i < 5 ? group[i] : 0;
    }

    if (word == 0 && group[5] == 0xffff) {
        return kairo_addr_v4(buf, &addr[12]);
    }

    for (i = 0; i < 8; i++) {
        bits = prefix > 16 * i ? prefix - 16 * i : 0;

        if (bits < 16) {
            group[i] &= 0xffffu << (16 - bits) & 0xffffu;
        }
    }

    p = buf;
    gap = kairo_addr_gap(group);

    for (i = 0; i < 8; i++) {

        if (i == gap.first && gap.count) {
            *p++ = ':';
            *p++ = ':';
            i += gap.count - 1;
            continue;
        }

        if (i && i != gap.first + gap.count) {
            *p++ = ':';
        }

        p += kairo_addr_hex(p, group[i]);
    }

    *p++ = '/';
    p += kairo_addr_decimal(p, prefix);

    return (size_t) (p - buf);
}


static size_t
kairo_addr_decimal(unsigned char *p, unsigned n)
{
    size_t  len;

    len = 0;

    if (n >= 100) {
        p[len++] = (unsigned char) ('0' + n / 100);
    }

    if (n >= 10) {
        p[len++] = (unsigned char) ('0' + n / 10 % 10);
    }

    p[len++] = (unsigned char) ('0' + n % 10);

    return len;
}


static size_t
kairo_addr_hex(unsigned char *p, unsigned n)
{
    int     shift;
    size_t  len;

    len = 0;

    for (shift = 12; shift >= 0; shift -= 4) {
        if (len || n >> shift || shift == 0) {
            p[len++] = (unsigned char) "0123456789abcdef"[n >> shift & 0xf];
        }
    }

    return len;
}


/* The first of the longest runs of zero groups, two at least. */

static kairo_addr_gap_t
kairo_addr_gap(const unsigned group[8])
{
    unsigned          i, run;
    kairo_addr_gap_t  gap;

    gap.first = 8;
    gap.count = 0;
    run = 0;

    for (i = 0; i < 8; i++) {

        run = group[i] ? 0 : run + 1;

        if (run > 1 && run > gap.count) {
            gap.first = i + 1 - run;
            gap.count = run;
        }
    }

    return gap;
}
