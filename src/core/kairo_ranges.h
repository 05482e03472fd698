
/*
 * A set of networks, found by an address in a few steps however many they
 * are.  IPv4 and IPv6 are apart: "::/0" has no address of IPv4 in it.
 */


#ifndef KAIRO_RANGES_H_INCLUDED
#define KAIRO_RANGES_H_INCLUDED


#include "core/kairo_span.h"


#define KAIRO_RANGE_KEY  17    /* 4 or 6, and the address from the left */


typedef struct {
    unsigned char   first[KAIRO_RANGE_KEY];
    unsigned char   last[KAIRO_RANGE_KEY];
} kairo_range_t;


/*
 * Reads "10.0.0.0/8", "10.1.2.3", "2001:db8::/32" or "2001:db8::1", as
 * kairo_ip.h reads addresses.  Returns NULL, or what is wrong with it, a
 * stable word: "address", "prefix", or "host_bits", which are set behind the
 * prefix.
 */

const char *kairo_range(kairo_span_t text, kairo_range_t *range);

/* The network that has one address, of 4 or 16 bytes. */

void kairo_range_one(kairo_span_t ip, kairo_range_t *range);

/*
 * Puts them in order and joins those that meet; returns how many are left.
 */

size_t kairo_ranges_sort(kairo_range_t *ranges, size_t n);

/* Whether one of them, in that order, has the address of 4 or 16 bytes. */

int kairo_ranges_has(const kairo_range_t *ranges, size_t n, kairo_span_t ip);


#endif /* KAIRO_RANGES_H_INCLUDED */
