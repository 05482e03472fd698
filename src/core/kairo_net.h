
/*
 * Whether an address is one of the public internet that a tool may fetch from.
 *
 * IPv4 by a list of what is special; IPv6 by what is allowed, which is global
 * unicast, 2000::/3, without what is special in it: a list of the special ones
 * would be out of date with the next allocation.  Ranges are those of the IANA
 * IPv4 and IPv6 special-purpose registries.
 *
 * The addresses at which clouds tell an instance its credentials are apart,
 * since nothing may allow them: in IPv6 also wherever one stands inside of an
 * address that a translator or a tunnel would make it of (RFC 6052, section
 * 2.2, with any prefix; RFC 3056; RFC 4380).
 */


#ifndef KAIRO_NET_H_INCLUDED
#define KAIRO_NET_H_INCLUDED


#include "core/kairo_span.h"


/* What it is: a name for logs, stable; NULL: public. */

const char *kairo_net_v4(const unsigned char ip[4]);
const char *kairo_net_v6(const unsigned char ip[16]);

/* Whether it is, or holds, the address of a metadata service. */

int kairo_net_metadata_v4(const unsigned char ip[4]);
int kairo_net_metadata_v6(const unsigned char ip[16]);


#endif /* KAIRO_NET_H_INCLUDED */
