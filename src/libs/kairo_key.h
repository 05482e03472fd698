
/*
 * Keys that verify signatures, parsed once, by OpenSSL.  A key knows the
 * algorithms that it verifies: a token can never choose another (RFC 8725,
 * section 3.1).
 */


#ifndef KAIRO_KEY_H_INCLUDED
#define KAIRO_KEY_H_INCLUDED


/* whatever was included before: these are not the module's own */

#pragma GCC visibility push(default)
#include <openssl/evp.h>
#pragma GCC visibility pop

#include "libs/kairo_alg.h"
#include "libs/kairo_json.h"


#define KAIRO_KEY_THUMB  32
#define KAIRO_KEY_KID    128     /* longer names are refused */

/* what is wrong with a key of which nothing is known */

#define KAIRO_KEY_NO_MEMORY  "no memory"


typedef struct {
    uint32_t        algs;
    kairo_span_t    kid;                      /* its own; "p" NULL: unnamed */
    EVP_PKEY       *pkey;                     /* or, of a secret, */
    EVP_MAC_CTX    *mac[3];                   /* for HS256, HS384, HS512 */
    unsigned char   thumb[KAIRO_KEY_THUMB];   /* SHA-256 of it */
} kairo_key_t;


/*
 * All of them fill "key", which need not be initialised, and return NULL; or
 * they return what is wrong with it, and nothing is to be freed.
 *
 * A JWK (RFC 7517) of kty RSA, EC or OKP, or oct where "secrets" allows it.
 * Private members are not looked at.  Keys are refused that are weak (RSA
 * below 2048 bits, a secret shorter than its hash), off their curve, for
 * encryption, or of another algorithm than their kind.
 */

const char *kairo_key_jwk(kairo_key_t *key, const json_t *jwk, int secrets);

/* A public key of OpenSSL's, whose reference is taken, even on failure. */

const char *kairo_key_pkey(kairo_key_t *key, EVP_PKEY *pkey);

/*
 * A secret for as many of HS256, HS384 and HS512 as it is long enough for; no
 * public key or certificate in PEM, DER or JSON, which is none.
 */

const char *kairo_key_secret(kairo_key_t *key, kairo_span_t secret);

void kairo_key_free(kairo_key_t *key);


/*
 * Whether "signature", decoded, is the key's over "input".  Leaves nothing in
 * OpenSSL's error queue.
 */

int kairo_key_verify(const kairo_key_t *key, kairo_alg_t alg,
    kairo_span_t input, kairo_span_t signature);


#endif /* KAIRO_KEY_H_INCLUDED */
