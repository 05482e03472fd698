
/*
 * Whether a public key of EdDSA is one that a secret key may have: OpenSSL
 * looks at its length alone.
 */


#ifndef KAIRO_EDWARDS_H_INCLUDED
#define KAIRO_EDWARDS_H_INCLUDED


/* whatever was included before: these are not the module's own */

#pragma GCC visibility push(default)
#include <openssl/evp.h>
#pragma GCC visibility pop

#include "core/kairo_span.h"


/*
 * "pkey" is Ed25519 or Ed448.  1: it is a point of its curve, written as RFC
 * 8032 writes it, and of no small order: by a key of such an order anybody
 * signs.  0: it is none, or there is no memory.
 */

int kairo_edwards_check(const EVP_PKEY *pkey);


#endif /* KAIRO_EDWARDS_H_INCLUDED */
