
/*
 * Tokens of our own making, by libjwt.
 */


#ifndef KAIRO_MINT_H_INCLUDED
#define KAIRO_MINT_H_INCLUDED


#include "libs/kairo_json.h"
#include "libs/kairo_alg.h"


typedef struct {
    kairo_alg_t    alg;     /* of HS, RS and ES: libjwt has no others */
    kairo_span_t   key;     /* a secret; or a private key in PEM */
    const char    *kid;     /* NULL: none */
} kairo_mint_t;


/*
 * A signed token with these claims, which the caller frees; or NULL, and
 * "wrong" tells what is wrong.  A key that would not verify the token is
 * refused.  Leaves nothing in OpenSSL's error queue.
 */

char *kairo_mint(const kairo_mint_t *mint, const json_t *claims,
    const char **wrong);


#endif /* KAIRO_MINT_H_INCLUDED */
