
#include <stdlib.h>

#include <jwt.h>
#include <openssl/err.h>
#include <openssl/pem.h>

#include "libs/kairo_mint.h"
#include "libs/kairo_key.h"


static const char *kairo_mint_key(const kairo_mint_t *mint);
static int kairo_mint_no_password(char *buf, int size, int rw, void *data);
static char *kairo_mint_sign(const kairo_mint_t *mint, const char *claims,
    const char **wrong);


char *
kairo_mint(const kairo_mint_t *mint, const json_t *claims, const char **wrong)
{
    char        *text, *token;
    const char  *unfit;

    unfit = kairo_mint_key(mint);

    if (unfit) {
        *wrong = unfit;
        return NULL;
    }

    text = json_dumps(claims, JSON_COMPACT);

    if (text == NULL) {
        *wrong = "no memory";
        return NULL;
    }

    token = kairo_mint_sign(mint, text, wrong);

    free(text);
    ERR_clear_error();

    return token;
}


/*
 * NULL when it is a key that would verify what it signs: libjwt looks neither
 * at the curve of a key nor at its size, and asks for a password by itself.
 */

static const char *
kairo_mint_key(const kairo_mint_t *mint)
{
    BIO          *bio;
    uint32_t      alg;
    EVP_PKEY     *pkey;
    const char   *wrong;
    kairo_key_t   key;

    alg = kairo_alg_bit(mint->alg);

    if (!(alg & (KAIRO_ALGS_HS | KAIRO_ALGS_RS | KAIRO_ALGS_ES))) {
        return "libjwt signs by HS, RS and ES algorithms alone";
    }

    if (mint->kid && (*mint->kid == '\0' || strlen(mint->kid) > KAIRO_KEY_KID))
    {
        return "the key's name is not of 1 to 128 bytes";
    }

    if (alg & KAIRO_ALGS_HS) {

        if (mint->key.n < kairo_alg_hash_size(mint->alg)) {
            return "the secret is shorter than the algorithm's hash";
        }

        wrong = kairo_key_secret(&key, mint->key);

    } else {
        bio = BIO_new_mem_buf(mint->key.p, (int) mint->key.n);
        pkey = bio ? PEM_read_bio_PrivateKey(bio, NULL,
                                             kairo_mint_no_password, NULL)
                   : NULL;
        BIO_free(bio);
        ERR_clear_error();

        if (pkey == NULL) {
            return "the key is not a private one in PEM, without a password";
        }

        wrong = kairo_key_pkey(&key, pkey);
    }

    if (wrong) {
        return wrong;
    }

    if (!(key.algs & alg)) {
        wrong = "the key is not one for this algorithm";
    }

    kairo_key_free(&key);

    return wrong;
}


static int
kairo_mint_no_password(char *buf, int size, int rw, void *data)
{
    return -1;
}


static char *
kairo_mint_sign(const kairo_mint_t *mint, const char *claims,
    const char **wrong)
{
    char       *token;
    jwt_t      *jwt;
    jwt_alg_t   alg;

    alg = jwt_str_alg(kairo_alg_name(mint->alg));

    if (alg == JWT_ALG_NONE) {
        *wrong = "libjwt has no such algorithm";
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
        *wrong = "libjwt can't sign with this key";
    }

    jwt_free(jwt);

    return token;
}
