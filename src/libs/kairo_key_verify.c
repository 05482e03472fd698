
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/rsa.h>

#include "libs/kairo_key.h"


/* two numbers of P-521 in DER: 139 bytes */

#define KAIRO_ECDSA_DER  144


static int kairo_verify_mac(const kairo_key_t *key, kairo_alg_t alg,
    kairo_span_t input, kairo_span_t signature);
static int kairo_verify_pkey(const kairo_key_t *key, kairo_alg_t alg,
    kairo_span_t input, kairo_span_t signature);
static int kairo_verify_padding(EVP_PKEY_CTX *ctx, kairo_alg_t alg);
static int kairo_verify_der(kairo_alg_t alg, kairo_span_t raw,
    unsigned char *der, size_t *n);


int
kairo_key_verify(const kairo_key_t *key, kairo_alg_t alg, kairo_span_t input,
    kairo_span_t signature)
{
    int  good;

    if (!(key->algs & kairo_alg_bit(alg))) {
        return 0;
    }

    good = kairo_alg_bit(alg) & KAIRO_ALGS_HS
           ? kairo_verify_mac(key, alg, input, signature)
           : kairo_verify_pkey(key, alg, input, signature);

    /* nginx would take what is left for an error of the next connection */

    ERR_clear_error();

    return good;
}


static int
kairo_verify_mac(const kairo_key_t *key, kairo_alg_t alg, kairo_span_t input,
    kairo_span_t signature)
{
    size_t          n;
    EVP_MAC_CTX    *ctx;
    unsigned char   mac[EVP_MAX_MD_SIZE];

    ctx = key->mac[alg - KAIRO_HS256];

    if (ctx == NULL
        || !EVP_MAC_init(ctx, NULL, 0, NULL)
        || !EVP_MAC_update(ctx, input.p, input.n)
        || !EVP_MAC_final(ctx, mac, &n, sizeof(mac)))
    {
        return 0;
    }

    return signature.n == n && CRYPTO_memcmp(mac, signature.p, n) == 0;
}


static int
kairo_verify_pkey(const kairo_key_t *key, kairo_alg_t alg, kairo_span_t input,
    kairo_span_t signature)
{
    int            good;
    EVP_MD_CTX    *ctx;
    EVP_PKEY_CTX  *pctx;
    unsigned char  der[KAIRO_ECDSA_DER];

    if (key->pkey == NULL) {
        return 0;
    }

    if (alg >= KAIRO_ES256 && alg <= KAIRO_ES512) {

        if (!kairo_verify_der(alg, signature, der, &signature.n)) {
            return 0;
        }

        signature.p = der;

    } else if ((kairo_alg_bit(alg) & KAIRO_ALGS_RSA)
               && signature.n != (size_t) EVP_PKEY_get_size(key->pkey))
    {
        /* RFC 8017, section 8.1.2: OpenSSL's PSS does without zeroes */
        return 0;
    }

    ctx = EVP_MD_CTX_new();

    good = ctx
           && EVP_DigestVerifyInit_ex(ctx, &pctx, kairo_alg_digest(alg), NULL,
                                      NULL, key->pkey, NULL) == 1
           && kairo_verify_padding(pctx, alg)
           && EVP_DigestVerify(ctx, signature.p, signature.n, input.p,
                               input.n) == 1;

    EVP_MD_CTX_free(ctx);

    return good;
}


/* RFC 7518, section 3.5: the salt is as long as the hash, MGF1 uses it too */

static int
kairo_verify_padding(EVP_PKEY_CTX *ctx, kairo_alg_t alg)
{
    if (alg < KAIRO_PS256 || alg > KAIRO_PS512) {
        return 1;
    }

    return EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PSS_PADDING) == 1
           && EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, RSA_PSS_SALTLEN_DIGEST)
              == 1;
}


/*
 * RFC 7518, section 3.4: the two numbers, each of the curve's size, zeroes
 * included.  OpenSSL wants DER.
 */

static int
kairo_verify_der(kairo_alg_t alg, kairo_span_t raw, unsigned char *der,
    size_t *n)
{
    int                   len;
    size_t                half;
    BIGNUM               *r, *s;
    ECDSA_SIG            *sig;
    static const size_t   sizes[] = { 32, 48, 66 };

    half = sizes[alg - KAIRO_ES256];

    if (raw.n != 2 * half) {
        return 0;
    }

    sig = ECDSA_SIG_new();
    r = BN_bin2bn(raw.p, (int) half, NULL);
    s = BN_bin2bn(raw.p + half, (int) half, NULL);

    if (sig == NULL || r == NULL || s == NULL || !ECDSA_SIG_set0(sig, r, s)) {
        BN_free(r);
        BN_free(s);
        ECDSA_SIG_free(sig);
        return 0;
    }

    len = i2d_ECDSA_SIG(sig, NULL);

    if (len > 0 && len <= KAIRO_ECDSA_DER) {
        len = i2d_ECDSA_SIG(sig, &der);

    } else {
        len = 0;
    }

    ECDSA_SIG_free(sig);

    *n = (size_t) len;

    return len > 0;
}
