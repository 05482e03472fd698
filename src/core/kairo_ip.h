
/*
 * Addresses as text, in the one spelling that every reader takes for the same
 * address.  What a C library, a browser or nginx reads beyond it (octal, hex,
 * fewer parts, leading zeros, zones) they read differently, so it is refused.
 */


#ifndef KAIRO_IP_H_INCLUDED
#define KAIRO_IP_H_INCLUDED


#include "core/kairo_span.h"


/*
 * Four numbers of 0 to 255 without leading zeros, with dots between (RFC 3986,
 * section 3.2.2, "dec-octet").  Returns 0, or -1.
 */

int kairo_ipv4(kairo_span_t text, unsigned char ip[4]);

/*
 * RFC 4291, section 2.2, in all three forms: groups of one to four digits, at
 * most one "::" for one group of zeros or more, an IPv4 address as above in
 * the place of the last two.  No zone.  Returns 0, or -1.
 */

int kairo_ipv6(kairo_span_t text, unsigned char ip[16]);

/*
 * Whether somebody could take a name for an IPv4 address: its last label is of
 * digits alone, or "0x" with hexadecimal digits or nothing behind it (WHATWG
 * URL, "ends in a number checker"), one dot at the end aside.
 */

int kairo_ip_looks_numeric(kairo_span_t name);


#endif /* KAIRO_IP_H_INCLUDED */
