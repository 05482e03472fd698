
/*
 * The compact serialization of a signed token: three parts of base64url with
 * two dots between (RFC 7515, section 3.1).
 */


#ifndef KAIRO_COMPACT_H_INCLUDED
#define KAIRO_COMPACT_H_INCLUDED


#include "core/kairo_span.h"


/* All of them still encoded, and within the token. */

typedef struct {
    kairo_span_t  header;
    kairo_span_t  payload;
    kairo_span_t  signature;
    kairo_span_t  input;        /* what is signed: header, dot, payload */
} kairo_compact_t;


/*
 * Returns 0, or -1 when a byte is neither of base64url nor a dot, or the dots
 * are not two.  Any part may be empty.
 */

int kairo_compact_split(kairo_span_t token, kairo_compact_t *c);


#endif /* KAIRO_COMPACT_H_INCLUDED */
