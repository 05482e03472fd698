
/*
 * The signature algorithms of JOSE that are verified (RFC 7518, section 3.1;
 * RFC 8037, section 3.1).  "none" is not among them.
 */


#ifndef KAIRO_ALG_H_INCLUDED
#define KAIRO_ALG_H_INCLUDED


#include "core/kairo_span.h"


typedef enum {
    KAIRO_HS256 = 0, KAIRO_HS384, KAIRO_HS512,
    KAIRO_RS256, KAIRO_RS384, KAIRO_RS512,
    KAIRO_PS256, KAIRO_PS384, KAIRO_PS512,
    KAIRO_ES256, KAIRO_ES384, KAIRO_ES512,
    KAIRO_EDDSA,
    KAIRO_ALG_UNKNOWN
} kairo_alg_t;


/* A set of them. */

#define kairo_alg_bit(alg)  ((uint32_t) 1 << (alg))

#define KAIRO_ALGS_HS    (7u << KAIRO_HS256)
#define KAIRO_ALGS_RS    (7u << KAIRO_RS256)
#define KAIRO_ALGS_ES    (7u << KAIRO_ES256)
#define KAIRO_ALGS_RSA   (63u << KAIRO_RS256)
#define KAIRO_ALGS_ALL   (kairo_alg_bit(KAIRO_ALG_UNKNOWN) - 1)


/* Exact, letter by letter: KAIRO_ALG_UNKNOWN for anything else. */

kairo_alg_t kairo_alg_find(kairo_span_t name);

const char *kairo_alg_name(kairo_alg_t alg);

/* "SHA256" for the algorithms with 256 in their names; NULL for EdDSA. */

const char *kairo_alg_digest(kairo_alg_t alg);

/* Bytes of a hash, which is the least for a secret; 0 for EdDSA. */

size_t kairo_alg_hash_size(kairo_alg_t alg);

/*
 * The secret that a text is: all of it but for a line end, which an editor or
 * echo has put into its file.
 */

kairo_span_t kairo_alg_secret(kairo_span_t text);


#endif /* KAIRO_ALG_H_INCLUDED */
