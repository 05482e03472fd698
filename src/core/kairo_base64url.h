
/*
 * Base64url without padding, as JOSE writes it (RFC 4648, section 5; RFC
 * 7515, section 2).  Strict: one text for one run of bytes, so that a token
 * has one spelling only.
 */


#ifndef KAIRO_BASE64URL_H_INCLUDED
#define KAIRO_BASE64URL_H_INCLUDED


#include "core/kairo_span.h"


/* Room for n characters when they are decoded. */

#define kairo_base64url_size(n)  (((n) + 3) / 4 * 3)


/* The value of a character plus one; 0: it is none of the alphabet. */

extern const unsigned char  kairo_base64url_values[256];

#define kairo_base64url_char(c)  (kairo_base64url_values[c] != 0)


/*
 * Decodes "s" into "out", which has room for kairo_base64url_size(s.n), and
 * tells the length in "n".  Returns 0, or -1 when a character is foreign
 * (padding and white space are), the length is one that no bytes give, or
 * bits that belong to no byte are set.
 */

int kairo_base64url_decode(unsigned char *out, size_t *n, kairo_span_t s);


#endif /* KAIRO_BASE64URL_H_INCLUDED */
