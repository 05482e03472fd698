
#include <stdlib.h>

#include <jwt.h>

#include "libs/kairo_mint.h"


static char *kairo_mint_sign(const kairo_mint_t *mint, const char *claims,
    const char **wrong);


char *
kairo_mint(const kairo_mint_t *mint, const json_t *claims, const char **wrong)
{
    char  *text, *token;

    if ((kairo_alg_bit(mint->alg) & KAIRO_ALGS_HS)
        && mint->key.n < kairo_alg_hash_size(mint->alg))
    {
        *wrong = "the secret is shorter than the algorithm's hash";
        return NULL;
    }

    text = json_dumps(claims, JSON_COMPACT);

    if (text == NULL) {
        *wrong = "no memory";
        return NULL;
    }

    token = kairo_mint_sign(mint, text, wrong);

    free(text);

    return token;
}


static char *
kairo_mint_sign(const kairo_mint_t *mint, const char *claims,
    const char **wrong)
{
    char       *token;
    jwt_t      *jwt;
    jwt_alg_t   alg;

    alg = jwt_str_alg(kairo_alg_name(mint->alg));

    if (alg == JWT_ALG_NONE
        || !(kairo_alg_bit(mint->alg)
             & (KAIRO_ALGS_HS | KAIRO_ALGS_RS | KAIRO_ALGS_ES)))
    {
        *wrong = "libjwt signs by HS, RS and ES algorithms alone";
        return NULL;
    }

    if (jwt_new(&jwt) != 0) {
        *wrong = "no memory";
        return NULL;
    }

    token = NULL;

    if (jwt_add_grants_json(jwt, claims) != 0
        || (mint->kid && jwt_add_header(jwt, "kid", mint->kid) != 0))
    {
        *wrong = "libjwt takes no such claims or key name";

    } else if (jwt_set_alg(jwt, alg, mint->key.p, (int) mint->key.n) != 0
               || (token = jwt_encode_str(jwt)) == NULL)
    {
        *wrong = "the key is not one for this algorithm";
    }

    jwt_free(jwt);

    return token;
}
