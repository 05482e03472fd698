
/*
 * Internationalized names by libidn2: UTS #46, nontransitional, and then what
 * readers of different versions would make of a name in different ways is
 * refused (IDNA2008, RFC 5891; UTS #46, section 7).
 */


#ifndef KAIRO_IDNA_H_INCLUDED
#define KAIRO_IDNA_H_INCLUDED


#include "core/kairo_name.h"


#define KAIRO_IDNA_MAX  (4 * KAIRO_NAME_MAX)


/*
 * Writes the name in ASCII into "out" of KAIRO_IDNA_MAX bytes: a label that is
 * ASCII as it is, another one as "xn--".  The result has to be judged as any
 * name in ASCII.  Returns NULL, or what is wrong, a stable word.
 *
 * A label that is not ASCII and becomes so is refused, and so are those with
 * characters that were mapped in another way once or that vanish, and a label
 * that begins with "xn--" and is not what its own text would be encoded as.
 */

const char *kairo_idna(kairo_span_t name, unsigned char *out, size_t *n);


#endif /* KAIRO_IDNA_H_INCLUDED */
