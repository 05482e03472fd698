
#define _GNU_SOURCE         /* memmem() */

#include <stdlib.h>

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/param_build.h>
#include <openssl/x509.h>

#include "libs/kairo_key.h"
#include "libs/kairo_edwards.h"
#include "core/kairo_base64url.h"


/* bytes of a number in a JWK: an RSA modulus of 8192 bits */

#define KAIRO_KEY_NUMBER  1024
#define KAIRO_KEY_SECRET  4096

#define KAIRO_RSA_LEAST   2048
#define KAIRO_RSA_MOST    8192


typedef struct {
    const char   *crv;        /* of the JWK, and OpenSSL's name for it */
    kairo_alg_t   alg;
    size_t        size;       /* of a coordinate */
} kairo_curve_t;


static const kairo_curve_t  kairo_curves[] = {
    { "P-256", KAIRO_ES256, 32 },
    { "P-384", KAIRO_ES384, 48 },
    { "P-521", KAIRO_ES512, 66 },
    { NULL, KAIRO_ALG_UNKNOWN, 0 }
};


static const char *kairo_key_read(kairo_key_t *key, const json_t *jwk,
    int secrets);
static const char *kairo_key_use(const json_t *jwk);
static const char *kairo_key_name(kairo_key_t *key, const json_t *jwk);
static const char *kairo_key_restrict(kairo_key_t *key, const json_t *jwk);
static const char *kairo_key_rsa(kairo_key_t *key, const json_t *jwk);
static const char *kairo_key_ec(kairo_key_t *key, const json_t *jwk);
static const char *kairo_key_okp(kairo_key_t *key, const json_t *jwk);
static const char *kairo_key_oct(kairo_key_t *key, const json_t *jwk);
static EVP_PKEY *kairo_key_build(const char *type, OSSL_PARAM_BLD *build);
static EVP_PKEY *kairo_key_build_rsa(kairo_span_t n, kairo_span_t e);
static EVP_PKEY *kairo_key_build_ec(const char *curve, kairo_span_t point);
static const char *kairo_key_classify(kairo_key_t *key);
static const char *kairo_key_classify_rsa(kairo_key_t *key);
static const char *kairo_key_classify_ec(kairo_key_t *key);
static const char *kairo_key_check(kairo_key_t *key);
static const char *kairo_key_set_mac(kairo_key_t *key, kairo_span_t secret);
static int kairo_key_is_public(kairo_span_t text);
static const char *kairo_key_print(kairo_key_t *key);
static int kairo_key_number(const json_t *jwk, const char *name,
    unsigned char *out, size_t room, size_t *n);


const char *
kairo_key_jwk(kairo_key_t *key, const json_t *jwk, int secrets)
{
    const char  *wrong;

    memset(key, 0, sizeof(*key));

    wrong = kairo_key_read(key, jwk, secrets);

    if (wrong) {
        kairo_key_free(key);
    }

    ERR_clear_error();

    return wrong;
}


const char *
kairo_key_pkey(kairo_key_t *key, EVP_PKEY *pkey)
{
    const char  *wrong;

    memset(key, 0, sizeof(*key));
    key->pkey = pkey;

    wrong = kairo_key_check(key);

    if (wrong) {
        kairo_key_free(key);
    }

    ERR_clear_error();

    return wrong;
}


const char *
kairo_key_secret(kairo_key_t *key, kairo_span_t secret)
{
    const char  *wrong;

    memset(key, 0, sizeof(*key));

    wrong = kairo_key_set_mac(key, secret);

    if (wrong) {
        kairo_key_free(key);
    }

    ERR_clear_error();

    return wrong;
}


void
kairo_key_free(kairo_key_t *key)
{
    int  i;

    EVP_PKEY_free(key->pkey);

    for (i = 0; i < 3; i++) {
        EVP_MAC_CTX_free(key->mac[i]);
    }

    free((void *) key->kid.p);

    memset(key, 0, sizeof(*key));
}


static const char *
kairo_key_read(kairo_key_t *key, const json_t *jwk, int secrets)
{
    const char  *kty, *wrong;

    kty = kairo_json_text(jwk, "kty");

    if (kty == NULL) {
        return "it has no \"kty\"";
    }

    wrong = kairo_key_use(jwk);

    if (wrong) {
        return wrong;
    }

    if (strcmp(kty, "RSA") == 0) {
        wrong = kairo_key_rsa(key, jwk);

    } else if (strcmp(kty, "EC") == 0) {
        wrong = kairo_key_ec(key, jwk);

    } else if (strcmp(kty, "OKP") == 0) {
        wrong = kairo_key_okp(key, jwk);

    } else if (strcmp(kty, "oct") == 0) {
        wrong = secrets ? kairo_key_oct(key, jwk)
                        : "it is a secret among public keys";

    } else {
        wrong = "its \"kty\" is none of RSA, EC, OKP and oct";
    }

    if (wrong) {
        return wrong;
    }

    wrong = kairo_key_restrict(key, jwk);

    return wrong ? wrong : kairo_key_name(key, jwk);
}


/* A key that is for something else (RFC 7517, sections 4.2 and 4.3). */

static const char *
kairo_key_use(const json_t *jwk)
{
    size_t         i;
    const char    *use;
    const json_t  *ops;

    if (json_object_get(jwk, "use")) {

        use = kairo_json_text(jwk, "use");

        if (use == NULL || strcmp(use, "sig") != 0) {
            return "its \"use\" is not \"sig\"";
        }
    }

    ops = json_object_get(jwk, "key_ops");

    if (ops == NULL) {
        return NULL;
    }

    for (i = 0; i < json_array_size(ops); i++) {

        use = json_string_value(json_array_get(ops, i));

        if (use && strcmp(use, "verify") == 0) {
            return NULL;
        }
    }

    return "its \"key_ops\" have no \"verify\"";
}


static const char *
kairo_key_name(kairo_key_t *key, const json_t *jwk)
{
    kairo_span_t    kid;
    unsigned char  *copy;

    if (json_object_get(jwk, "kid") == NULL) {
        return NULL;
    }

    kid = kairo_json_span(jwk, "kid");

    if (kid.p == NULL || kid.n == 0 || kid.n > KAIRO_KEY_KID) {
        return "its \"kid\" is not a text of 1 to 128 bytes";
    }

    copy = malloc(kid.n);
    if (copy == NULL) {
        return KAIRO_KEY_NO_MEMORY;
    }

    memcpy(copy, kid.p, kid.n);

    key->kid.p = copy;
    key->kid.n = kid.n;

    return NULL;
}


/* "alg" names the one algorithm that the key is for. */

static const char *
kairo_key_restrict(kairo_key_t *key, const json_t *jwk)
{
    kairo_alg_t   alg;
    kairo_span_t  name;

    if (json_object_get(jwk, "alg") == NULL) {
        return NULL;
    }

    name = kairo_json_span(jwk, "alg");
    alg = name.p ? kairo_alg_find(name) : KAIRO_ALG_UNKNOWN;

    if (alg == KAIRO_ALG_UNKNOWN || !(key->algs & kairo_alg_bit(alg))) {
        return "its \"alg\" is not one that such a key verifies";
    }

    key->algs = kairo_alg_bit(alg);

    /* what it was cached for is part of what it is */

    return kairo_key_print(key);
}


static const char *
kairo_key_rsa(kairo_key_t *key, const json_t *jwk)
{
    size_t         n, e;
    kairo_span_t   modulus, exponent;
    unsigned char  number[KAIRO_KEY_NUMBER + 1], power[8];

    if (kairo_key_number(jwk, "n", number, sizeof(number), &n) != 0
        || kairo_key_number(jwk, "e", power, sizeof(power), &e) != 0)
    {
        return "its \"n\" or \"e\" is missing, too long or not base64url";
    }

    modulus.p = number;
    modulus.n = n;
    exponent.p = power;
    exponent.n = e;

    key->pkey = kairo_key_build_rsa(modulus, exponent);

    if (key->pkey == NULL) {
        return "its \"n\" and \"e\" are no RSA key";
    }

    return kairo_key_check(key);
}


static const char *
kairo_key_ec(kairo_key_t *key, const json_t *jwk)
{
    size_t                n, x, y;
    const char           *crv;
    kairo_span_t          p;
    unsigned char         point[1 + 2 * 66];
    const kairo_curve_t  *curve;

    crv = kairo_json_text(jwk, "crv");

    for (curve = kairo_curves; crv && curve->crv; curve++) {
        if (strcmp(crv, curve->crv) == 0) {
            break;
        }
    }

    if (crv == NULL || curve->crv == NULL) {
        return "its \"crv\" is none of P-256, P-384 and P-521";
    }

    n = curve->size;
    point[0] = POINT_CONVERSION_UNCOMPRESSED;

    /* RFC 7518, section 6.2.1.2: the size is the curve's, zeroes included */

    if (kairo_key_number(jwk, "x", point + 1, n, &x) != 0 || x != n
        || kairo_key_number(jwk, "y", point + 1 + n, n, &y) != 0 || y != n)
    {
        return "its \"x\" or \"y\" is missing or not of the curve's size";
    }

    p.p = point;
    p.n = 1 + 2 * n;

    key->pkey = kairo_key_build_ec(curve->crv, p);

    if (key->pkey == NULL) {
        return "its point is not on the curve";
    }

    return kairo_key_check(key);
}


static const char *
kairo_key_okp(kairo_key_t *key, const json_t *jwk)
{
    size_t         n;
    const char    *crv;
    unsigned char  raw[57];

    crv = kairo_json_text(jwk, "crv");

    if (crv == NULL
        || (strcmp(crv, "Ed25519") != 0 && strcmp(crv, "Ed448") != 0))
    {
        return "its \"crv\" is neither Ed25519 nor Ed448";
    }

    if (kairo_key_number(jwk, "x", raw, sizeof(raw), &n) != 0) {
        return "its \"x\" is missing, too long or not base64url";
    }

    key->pkey = EVP_PKEY_new_raw_public_key_ex(NULL, crv, NULL, raw, n);

    if (key->pkey == NULL) {
        return "its \"x\" is not of the curve's size";
    }

    return kairo_key_check(key);
}


static const char *
kairo_key_oct(kairo_key_t *key, const json_t *jwk)
{
    const char     *wrong;
    kairo_span_t    secret;
    unsigned char   bytes[KAIRO_KEY_SECRET];

    if (kairo_key_number(jwk, "k", bytes, sizeof(bytes), &secret.n) != 0) {
        return "its \"k\" is missing, too long or not base64url";
    }

    secret.p = bytes;
    wrong = kairo_key_set_mac(key, secret);

    OPENSSL_cleanse(bytes, sizeof(bytes));

    return wrong;
}


/* Takes "build", fills it no further; NULL when the parts are no key. */

static EVP_PKEY *
kairo_key_build(const char *type, OSSL_PARAM_BLD *build)
{
    EVP_PKEY      *pkey;
    OSSL_PARAM    *params;
    EVP_PKEY_CTX  *ctx;

    pkey = NULL;
    params = OSSL_PARAM_BLD_to_param(build);
    ctx = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);

    if (params == NULL || ctx == NULL
        || EVP_PKEY_fromdata_init(ctx) <= 0
        || EVP_PKEY_fromdata(ctx, &pkey, EVP_PKEY_PUBLIC_KEY, params) <= 0)
    {
        pkey = NULL;
    }

    EVP_PKEY_CTX_free(ctx);
    OSSL_PARAM_free(params);
    OSSL_PARAM_BLD_free(build);

    return pkey;
}


static EVP_PKEY *
kairo_key_build_rsa(kairo_span_t n, kairo_span_t e)
{
    BIGNUM          *modulus, *exponent;
    EVP_PKEY        *pkey;
    OSSL_PARAM_BLD  *build;

    pkey = NULL;
    build = OSSL_PARAM_BLD_new();
    modulus = BN_bin2bn(n.p, (int) n.n, NULL);
    exponent = BN_bin2bn(e.p, (int) e.n, NULL);

    if (build && modulus && exponent
        && OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_N, modulus)
        && OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_E, exponent))
    {
        pkey = kairo_key_build("RSA", build);

    } else {
        OSSL_PARAM_BLD_free(build);
    }

    BN_free(modulus);
    BN_free(exponent);

    return pkey;
}


static EVP_PKEY *
kairo_key_build_ec(const char *curve, kairo_span_t point)
{
    OSSL_PARAM_BLD  *build;

    build = OSSL_PARAM_BLD_new();

    if (build == NULL
        || !OSSL_PARAM_BLD_push_utf8_string(build,
                                            OSSL_PKEY_PARAM_GROUP_NAME,
                                            curve, 0)
        || !OSSL_PARAM_BLD_push_octet_string(build, OSSL_PKEY_PARAM_PUB_KEY,
                                             point.p, point.n))
    {
        OSSL_PARAM_BLD_free(build);
        return NULL;
    }

    return kairo_key_build("EC", build);
}


/* The algorithms of a public key, by what it is; weak ones are refused. */

static const char *
kairo_key_classify(kairo_key_t *key)
{
    switch (EVP_PKEY_get_base_id(key->pkey)) {

    case EVP_PKEY_RSA:
        return kairo_key_classify_rsa(key);

    case EVP_PKEY_EC:
        return kairo_key_classify_ec(key);

    case EVP_PKEY_ED25519:
    case EVP_PKEY_ED448:

        if (!kairo_edwards_check(key->pkey)) {
            return "its point is off the curve, or of small order";
        }

        key->algs = kairo_alg_bit(KAIRO_EDDSA);
        return NULL;

    default:
        return "it is none of RSA, EC, Ed25519 and Ed448";
    }
}


static const char *
kairo_key_classify_rsa(kairo_key_t *key)
{
    int      wrong;
    BIGNUM  *e;

    if (EVP_PKEY_get_bits(key->pkey) < KAIRO_RSA_LEAST) {
        return "it is an RSA key of fewer than 2048 bits";
    }

    if (EVP_PKEY_get_bits(key->pkey) > KAIRO_RSA_MOST) {
        return "it is an RSA key of more than 8192 bits";
    }

    e = NULL;

    if (!EVP_PKEY_get_bn_param(key->pkey, OSSL_PKEY_PARAM_RSA_E, &e)) {
        return "it is an RSA key without an exponent";
    }

    wrong = !BN_is_odd(e) || BN_is_one(e) || BN_num_bits(e) > 64;
    BN_free(e);

    if (wrong) {
        return "its RSA exponent is even, 1 or above 64 bits";
    }

    key->algs = KAIRO_ALGS_RSA;

    return NULL;
}


static const char *
kairo_key_classify_ec(kairo_key_t *key)
{
    int                   nid;
    size_t                n;
    char                  name[32];
    const kairo_curve_t  *curve;

    if (EVP_PKEY_get_group_name(key->pkey, name, sizeof(name), &n)) {

        nid = OBJ_txt2nid(name);

        for (curve = kairo_curves; curve->crv; curve++) {
            if (EC_curve_nist2nid(curve->crv) == nid) {
                key->algs = kairo_alg_bit(curve->alg);
                return NULL;
            }
        }
    }

    return "its curve is none of P-256, P-384 and P-521";
}


static const char *
kairo_key_check(kairo_key_t *key)
{
    int            good;
    const char    *wrong;
    EVP_PKEY_CTX  *ctx;

    wrong = kairo_key_classify(key);

    if (wrong) {
        return wrong;
    }

    ctx = EVP_PKEY_CTX_new_from_pkey(NULL, key->pkey, NULL);
    good = ctx && EVP_PKEY_public_check(ctx) == 1;
    EVP_PKEY_CTX_free(ctx);

    if (!good) {
        return "OpenSSL's check of the public key failed";
    }

    return kairo_key_print(key);
}


static const char *
kairo_key_set_mac(kairo_key_t *key, kairo_span_t secret)
{
    int          i;
    EVP_MAC     *hmac;
    OSSL_PARAM   params[2];

    if (secret.n < kairo_alg_hash_size(KAIRO_HS256)) {
        return "it is a secret of fewer than 32 bytes";
    }

    if (kairo_key_is_public(secret)) {
        return "it is a key or a certificate, and no secret";
    }

    hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    if (hmac == NULL) {
        return KAIRO_KEY_NO_MEMORY;
    }

    params[1] = OSSL_PARAM_construct_end();

    for (i = KAIRO_HS256; i <= KAIRO_HS512; i++) {

        if (secret.n < kairo_alg_hash_size((kairo_alg_t) i)) {
            break;
        }

        params[0] = OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST,
                            (char *) kairo_alg_digest((kairo_alg_t) i), 0);

        key->mac[i] = EVP_MAC_CTX_new(hmac);

        if (key->mac[i] == NULL
            || !EVP_MAC_init(key->mac[i], secret.p, secret.n, params))
        {
            EVP_MAC_free(hmac);
            return KAIRO_KEY_NO_MEMORY;
        }

        key->algs |= kairo_alg_bit(i);
    }

    EVP_MAC_free(hmac);

    return kairo_key_print(key);
}


/*
 * A public key by another name, which anybody could sign with: PEM, DER, or a
 * JWK that was not read as one, as behind a byte order mark.
 */

static int
kairo_key_is_public(kairo_span_t text)
{
    int                   public;
    X509                 *cert;
    EVP_PKEY             *pkey;
    const unsigned char  *p;
    static const char     pem[] = "-----BEGIN ", jwk[] = "\"kty\"";

    if (memmem(text.p, text.n, pem, sizeof(pem) - 1)
        || memmem(text.p, text.n, jwk, sizeof(jwk) - 1))
    {
        return 1;
    }

    p = text.p;
    pkey = d2i_PUBKEY(NULL, &p, (long) text.n);

    p = text.p;
    pkey = pkey ? pkey
                : d2i_PublicKey(EVP_PKEY_RSA, NULL, &p, (long) text.n);

    p = text.p;
    cert = d2i_X509(NULL, &p, (long) text.n);

    public = pkey || cert;

    EVP_PKEY_free(pkey);
    X509_free(cert);

    return public;
}


/*
 * What tells this key from any other: its public form, or what its secret
 * makes of a text, and what it is for.
 */

static const char *
kairo_key_print(kairo_key_t *key)
{
    int             n;
    size_t          size;
    unsigned char  *der, buf[64];
    EVP_MD_CTX     *ctx;

    n = 0;
    der = NULL;
    size = sizeof(buf);
    memset(buf, 0, sizeof(buf));

    if (key->pkey) {
        n = i2d_PUBKEY(key->pkey, &der);

    } else if (EVP_MAC_init(key->mac[0], NULL, 0, NULL)
               && EVP_MAC_final(key->mac[0], buf, &size, sizeof(buf)))
    {
        n = 1;
    }

    ctx = EVP_MD_CTX_new();

    if (n <= 0 || ctx == NULL
        || !EVP_DigestInit_ex(ctx, EVP_sha256(), NULL)
        || !EVP_DigestUpdate(ctx, &key->algs, sizeof(key->algs))
        || !EVP_DigestUpdate(ctx, buf, sizeof(buf))
        || !EVP_DigestUpdate(ctx, der, der ? (size_t) n : 0)
        || !EVP_DigestFinal_ex(ctx, key->thumb, NULL))
    {
        n = 0;
    }

    EVP_MD_CTX_free(ctx);
    OPENSSL_free(der);
    OPENSSL_cleanse(buf, sizeof(buf));

    return n > 0 ? NULL : KAIRO_KEY_NO_MEMORY;
}


static int
kairo_key_number(const json_t *jwk, const char *name, unsigned char *out,
    size_t room, size_t *n)
{
    int            rc;
    kairo_span_t   text;
    unsigned char  bytes[KAIRO_KEY_SECRET + 3];

    text = kairo_json_span(jwk, name);

    if (text.p == NULL || text.n == 0
        || kairo_base64url_size(text.n) > sizeof(bytes))
    {
        return -1;
    }

    rc = kairo_base64url_decode(bytes, n, text);

    if (rc == 0 && *n <= room) {
        memcpy(out, bytes, *n);

    } else {
        rc = -1;
    }

    OPENSSL_cleanse(bytes, sizeof(bytes));

    return rc;
}
