
#include <stdlib.h>

#include "core/kairo_ip.h"
#include "core/kairo_ranges.h"


static const char *kairo_range_prefix(kairo_span_t text, unsigned max,
    unsigned *prefix);
static void kairo_range_key(kairo_span_t ip,
    unsigned char key[KAIRO_RANGE_KEY]);
static int kairo_range_meet(const kairo_range_t *range,
    const unsigned char first[KAIRO_RANGE_KEY]);
static int kairo_range_compare(const void *one, const void *two);


const char *
kairo_range(kairo_span_t text, kairo_range_t *range)
{
    size_t                i;
    unsigned              prefix, bit;
    const char           *wrong;
    kairo_span_t          address, ip, rest;
    unsigned char         bytes[16];
    const unsigned char  *slash;

    slash = text.n ? memchr(text.p, '/', text.n) : NULL;

    address.p = text.p;
    address.n = slash ? (size_t) (slash - text.p) : text.n;

    ip.p = bytes;
    ip.n = kairo_ipv4(address, bytes) == 0 ? 4 : 16;

    if (ip.n == 16 && kairo_ipv6(address, bytes) != 0) {
        return "address";
    }

    kairo_range_one(ip, range);

    if (slash == NULL) {
        return NULL;
    }

    rest.p = slash + 1;
    rest.n = text.n - address.n - 1;

    wrong = kairo_range_prefix(rest, 8 * (unsigned) ip.n, &prefix);

    if (wrong) {
        return wrong;
    }

    for (bit = prefix; bit < 8 * ip.n; bit++) {

        i = 1 + bit / 8;

        if (range->first[i] & 0x80 >> bit % 8) {
            return "host_bits";
        }

        range->last[i] |= (unsigned char) (0x80 >> bit % 8);
    }

    return NULL;
}


void
kairo_range_one(kairo_span_t ip, kairo_range_t *range)
{
    kairo_range_key(ip, range->first);

    /* up to where the next address begins */

    memset(range->last, 0xff, KAIRO_RANGE_KEY);
    memcpy(range->last, range->first, ip.n + 1);
}


size_t
kairo_ranges_sort(kairo_range_t *ranges, size_t n)
{
    size_t  i, left;

    if (n == 0) {
        return 0;
    }

    qsort(ranges, n, sizeof(kairo_range_t), kairo_range_compare);

    left = 0;

    for (i = 1; i < n; i++) {

        if (!kairo_range_meet(&ranges[left], ranges[i].first)) {
            ranges[++left] = ranges[i];

        } else if (memcmp(ranges[i].last, ranges[left].last, KAIRO_RANGE_KEY)
                   > 0)
        {
            memcpy(ranges[left].last, ranges[i].last, KAIRO_RANGE_KEY);
        }
    }

    return left + 1;
}


int
kairo_ranges_has(const kairo_range_t *ranges, size_t n, kairo_span_t ip)
{
    size_t         low, high, middle;
    unsigned char  key[KAIRO_RANGE_KEY];

    if (n == 0) {
        return 0;
    }

    kairo_range_key(ip, key);

    /* the first one that ends at the address or behind it */

    low = 0;
    high = n;

    while (low < high) {

        middle = low + (high - low) / 2;

        if (memcmp(ranges[middle].last, key, KAIRO_RANGE_KEY) < 0) {
            low = middle + 1;

        } else {
            high = middle;
        }
    }

    return low < n && memcmp(ranges[low].first, key, KAIRO_RANGE_KEY) <= 0;
}


static const char *
kairo_range_prefix(kairo_span_t text, unsigned max, unsigned *prefix)
{
    size_t  i;

    /* no zero in front, as in an address */

    if (text.n == 0 || text.n > 3 || (text.n > 1 && text.p[0] == '0')) {
        return "prefix";
    }

    *prefix = 0;

    for (i = 0; i < text.n; i++) {

        if (!kairo_is_digit(text.p[i])) {
            return "prefix";
        }

        *prefix = *prefix * 10 + (text.p[i] - '0');
    }

    return *prefix <= max ? NULL : "prefix";
}


static void
kairo_range_key(kairo_span_t ip, unsigned char key[KAIRO_RANGE_KEY])
{
    memset(key, 0, KAIRO_RANGE_KEY);
    key[0] = ip.n == 4 ? 4 : 6;
    memcpy(key + 1, ip.p, ip.n);
}


/* Whether what begins there overlaps it, or follows without a gap. */

static int
kairo_range_meet(const kairo_range_t *range,
    const unsigned char first[KAIRO_RANGE_KEY])
{
    int            i;
    unsigned char  next[KAIRO_RANGE_KEY];

    memcpy(next, range->last, KAIRO_RANGE_KEY);

    for (i = KAIRO_RANGE_KEY - 1; i >= 0 && ++next[i] == 0; i--) {
        /* void */
    }

    return memcmp(first, next, KAIRO_RANGE_KEY) <= 0;
}


static int
kairo_range_compare(const void *one, const void *two)
{
    return memcmp(((const kairo_range_t *) one)->first,
                  ((const kairo_range_t *) two)->first, KAIRO_RANGE_KEY);
}
