
/*
 * Files and answers with keys.  The first byte tells what the rest is:
 *
 *     r   a JWK Set from elsewhere
 *     o   one of our own, in which secrets are allowed
 *     f   a file: JSON or PEM
 *     a   any of these, or a secret
 *     s   a secret
 */


#include "fuzz.h"

#include <openssl/err.h>

#include "libs/kairo_keyset.h"


int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
    __attribute__ ((visibility ("default")));


static void
of_its_kind(const kairo_key_t *key, int secrets)
{
    int  bits;

    must(key->algs != 0 && (key->algs & ~KAIRO_ALGS_ALL) == 0);
    must(key->kid.p == NULL || (key->kid.n > 0 && key->kid.n <= 128));

    if (key->pkey == NULL) {
        must(secrets && key->mac[0] && (key->algs & ~KAIRO_ALGS_HS) == 0);
        return;
    }

    must(!key->mac[0] && !key->mac[1] && !key->mac[2]);

    bits = EVP_PKEY_get_bits(key->pkey);

    switch (EVP_PKEY_get_base_id(key->pkey)) {

    case EVP_PKEY_RSA:
        must((key->algs & ~KAIRO_ALGS_RSA) == 0);
        must(bits >= 2048 && bits <= 8192);
        break;

    case EVP_PKEY_EC:
        must(key->algs == kairo_alg_bit(bits == 256 ? KAIRO_ES256
                                        : bits == 384 ? KAIRO_ES384
                                                      : KAIRO_ES512));
        must(bits == 256 || bits == 384 || bits == 521);
        break;

    case EVP_PKEY_ED25519:
    case EVP_PKEY_ED448:
        must(key->algs == kairo_alg_bit(KAIRO_EDDSA));
        break;

    default:
        must(!"a kind that is known");
    }
}


/* Nothing that nobody has signed is signed by it. */

static void
believes_nothing(const kairo_key_t *key)
{
    int             alg;
    size_t          n;
    kairo_span_t    input = kairo_span("e30.e30"), sig;
    unsigned char   zeroes[132];

    memset(zeroes, 0, sizeof(zeroes));
    sig.p = zeroes;

    for (alg = 0; alg < KAIRO_ALG_UNKNOWN; alg++) {
        for (n = 0; n <= sizeof(zeroes); n += 32 + (n == 64) * 36) {
            sig.n = n;
            must(!kairo_key_verify(key, (kairo_alg_t) alg, input, sig));
            must(ERR_peek_error() == 0);
        }
    }
}


static void
finds(const kairo_keyset_t *set)
{
    int                  alg;
    size_t               i;
    kairo_span_t         none = { NULL, 0 };
    kairo_keyset_rc_t    rc;
    const kairo_key_t   *key, *found;

    for (i = 0; i < set->n; i++) {

        key = &set->keys[i];

        must(kairo_keyset_has(set, key->thumb));

        for (alg = 0; alg < KAIRO_ALG_UNKNOWN; alg++) {

            if (key->kid.p) {
                rc = kairo_keyset_find(set, (kairo_alg_t) alg, key->kid,
                                       &found);
                must(rc == (key->algs & kairo_alg_bit(alg)
                            ? KAIRO_KEYSET_FOUND : KAIRO_KEYSET_UNFIT));
                must(rc != KAIRO_KEYSET_FOUND || found == key);
            }

            rc = kairo_keyset_find(set, (kairo_alg_t) alg, none, &found);
            must(rc != KAIRO_KEYSET_FOUND
                 || (found->algs & kairo_alg_bit(alg)));
        }
    }
}


/* Each of the keys in a JWK Set is in it, or is left out and counted. */

static void
counts(const kairo_keyset_t *set, const unsigned char *text, size_t n)
{
    json_t  *json, *list;

    json = json_loadb((const char *) text, n, 0, NULL);
    list = json_object_get(json, "keys");

    must(json_is_object(json));
    must(set->n + set->left_out == (list ? json_array_size(list) : 1));

    json_decref(json);
}


int
LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    int                     secrets;
    size_t                  i;
    const char             *wrong;
    kairo_span_t            s;
    unsigned char          *exact;
    static kairo_keyset_t   set;

    if (size == 0) {
        return 0;
    }

    exact = fuzz_copy(data + 1, size - 1);

    s.p = size > 1 ? exact : NULL;
    s.n = size - 1;
    secrets = data[0] != 'r' && data[0] != 'f';

    memset(&set, 0xa5, sizeof(set));

    switch (data[0]) {

    case 'r':
    case 'o':
        wrong = kairo_keyset_jwks(&set, s, secrets);
        break;

    case 'f':
        wrong = kairo_keyset_file(&set, s, 0);
        break;

    case 's':
        wrong = kairo_keyset_secret(&set, s);
        break;

    default:
        wrong = kairo_keyset_any(&set, s);
        break;
    }

    must(ERR_peek_error() == 0);
    must((wrong == NULL) == (set.n > 0));
    must(wrong == NULL || *wrong != '\0');
    must(set.n <= KAIRO_KEYSET_KEYS);
    must((set.left_out == 0) == (set.why == NULL));
    must(set.left_out == 0 || set.first > 0);

    if (wrong == NULL && (data[0] == 'r' || data[0] == 'o')) {
        counts(&set, exact, size - 1);
    }

    for (i = 0; i < set.n; i++) {
        of_its_kind(&set.keys[i], secrets);
        believes_nothing(&set.keys[i]);
    }

    finds(&set);
    kairo_keyset_free(&set);
    free(exact);

    return 0;
}
