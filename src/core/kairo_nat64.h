
/*
 * IPv6 addresses that a translator makes of those of IPv4 (RFC 6052).
 */


#ifndef KAIRO_NAT64_H_INCLUDED
#define KAIRO_NAT64_H_INCLUDED


#include "core/kairo_span.h"


/* Section 2.2: where the bytes of the IPv4 address are, by the prefix. */

#define KAIRO_NAT64_LAYOUTS  6

typedef struct {
    unsigned        bits;           /* of the prefix */
    unsigned char   at[4];
} kairo_nat64_layout_t;

extern const kairo_nat64_layout_t  kairo_nat64_layouts[KAIRO_NAT64_LAYOUTS];


typedef struct {
    unsigned char                prefix[16];
    const kairo_nat64_layout_t  *layout;
} kairo_nat64_t;


/*
 * Reads "64:ff9b::/96".  0, or -1: it is no such prefix, or bits are set that
 * have to be zero.
 */

int kairo_nat64(kairo_span_t text, kairo_nat64_t *nat64);

/*
 * 1: the address has the prefix, and "out" is the one of IPv4 in it; 0: it has
 * not; -1: it has, and bits are set that have to be zero.
 */

int kairo_nat64_v4(const kairo_nat64_t *nat64, const unsigned char ip[16],
    unsigned char out[4]);


#endif /* KAIRO_NAT64_H_INCLUDED */
