
/*
 * SHA-256 of several texts in a row, by OpenSSL.
 */


#ifndef KAIRO_DIGEST_H_INCLUDED
#define KAIRO_DIGEST_H_INCLUDED


#include "core/kairo_span.h"


#define KAIRO_DIGEST  32


/*
 * One after the other, without what would tell them apart: their number and
 * their lengths, but for the last, are the caller's to fix.  Returns 0, or -1
 * when there is no memory.
 */

int kairo_digest(unsigned char *out, const kairo_span_t *texts, size_t n);


#endif /* KAIRO_DIGEST_H_INCLUDED */
