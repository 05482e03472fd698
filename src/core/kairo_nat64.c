
#include "core/kairo_nat64.h"
#include "core/kairo_ranges.h"


#define KAIRO_NAT64_U  8    /* the byte that is zero in any of them */


const kairo_nat64_layout_t  kairo_nat64_layouts[KAIRO_NAT64_LAYOUTS] = {
    { 32, { 4, 5, 6, 7 } },
    { 40, { 5, 6, 7, 9 } },
    { 48, { 6, 7, 9, 10 } },
    { 56, { 7, 9, 10, 11 } },
    { 64, { 9, 10, 11, 12 } },
    { 96, { 12, 13, 14, 15 } }
};


int
kairo_nat64(kairo_span_t text, kairo_nat64_t *nat64)
{
    size_t                i, n;
    kairo_range_t         range;
    const unsigned char  *first, *last;

    if (kairo_range(text, &range) != NULL || range.first[0] != 6) {
        return -1;
    }

    first = range.first + 1;
    last = range.last + 1;

    for (i = 0; i < KAIRO_NAT64_LAYOUTS; i++) {

        n = kairo_nat64_layouts[i].bits / 8;

        /* the prefix ends where what may vary begins */

        if (memcmp(first, last, n) == 0 && first[n] == 0x00
            && last[n] == 0xff && first[KAIRO_NAT64_U] == 0)
        {
            memcpy(nat64->prefix, first, 16);
            nat64->layout = &kairo_nat64_layouts[i];
            return 0;
        }
    }

    return -1;
}


int
kairo_nat64_v4(const kairo_nat64_t *nat64, const unsigned char ip[16],
    unsigned char out[4])
{
    size_t         i;
    unsigned char  made[16];

    if (memcmp(ip, nat64->prefix, nat64->layout->bits / 8) != 0) {
        return 0;
    }

    /* the address that a translator would make of it, which this has to be */

    memcpy(made, nat64->prefix, 16);

    for (i = 0; i < 4; i++) {
        out[i] = ip[nat64->layout->at[i]];
        made[nat64->layout->at[i]] = out[i];
    }

    return memcmp(ip, made, 16) == 0 ? 1 : -1;
}
