
/*
 * Who a client is, as far as its address tells.
 *
 * One machine owns many IPv6 addresses, commonly a /64 of them (RFC 6177,
 * RFC 7934), so an IPv6 client is its network.  An IPv4 client that arrives
 * through an IPv6 socket as ::ffff:a.b.c.d (RFC 4291, section 2.5.5.2) is the
 * IPv4 client; told by the bits, never by the text.
 */


#ifndef KAIRO_ADDR_H_INCLUDED
#define KAIRO_ADDR_H_INCLUDED


#include "core/kairo_span.h"


/* "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/128" is the longest text */

#define KAIRO_ADDR_TEXT  48

#define KAIRO_ADDR_V6_PREFIX  64


/*
 * Write the client into "buf" of KAIRO_ADDR_TEXT bytes, without a terminating
 * zero, and return the length: "192.0.2.1", "2001:db8:0:1::/64" (RFC 5952).
 * The address is in network order; "prefix" is 1 .. 128 bits of IPv6.
 */

size_t kairo_addr_v4(unsigned char *buf, const unsigned char addr[4]);
size_t kairo_addr_v6(unsigned char *buf, const unsigned char addr[16],
    unsigned prefix);


#endif /* KAIRO_ADDR_H_INCLUDED */
