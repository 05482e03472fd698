
/*
 * Keys and tokens by OpenSSL alone: nothing that is tested takes part in what
 * it is tested with.  Keys are made anew in each run.
 */


#ifndef TOKEN_H_INCLUDED
#define TOKEN_H_INCLUDED


#include "unit.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include <jansson.h>
#include <jwt.h>

#include "libs/kairo_jwt.h"


#define TOKEN_SIGNATURE  2048      /* room for any */


/* Who signs: by "pkey", or by the secret where that is NULL. */

typedef struct {
    const char    *alg;
    EVP_PKEY      *pkey;
    kairo_span_t   secret;
    int            salt;         /* of PSS: bytes, or one of OpenSSL's */
    const char    *mgf;          /* of PSS: NULL where it is the hash's */
} signer_t;


/* A key of each kind. */

typedef struct {
    EVP_PKEY       *rsa;
    EVP_PKEY       *p256;
    EVP_PKEY       *p384;
    EVP_PKEY       *p521;
    EVP_PKEY       *ed25519;
    EVP_PKEY       *ed448;
    unsigned char   secret[64];
} ring_t;


#define TOKEN_ALGS  14           /* EdDSA has two curves */


/*
 * What holds in each call: unlike expect() it does not wait for a verdict(),
 * and an ok() between does not take it back.
 */

static unsigned  token_broken;

#define always(cond, ...)                                                     \
    ((cond) ? (void) 0 : (token_broken++ < UNIT_DIAGS ? diag(__VA_ARGS__)     \
                                                      : (void) 0))


static void __attribute__ ((unused))
token_die(const char *what)
{
    fprintf(stderr, "%s\n", what);
    ERR_print_errors_fp(stderr);
    exit(2);
}


#define need(cond)  ((cond) ? (void) 0 : token_die("failed: " #cond))


static void * __attribute__ ((unused))
token_alloc(size_t n)
{
    void  *p;

    p = calloc(1, n ? n : 1);
    need(p != NULL);

    return p;
}


static kairo_span_t __attribute__ ((unused))
span_of(const char *text)
{
    kairo_span_t  s;

    s.p = (const unsigned char *) text;
    s.n = strlen(text);

    return s;
}


/* Text of any length, which the caller frees. */

static char * unit_printf(1, 2)
text_of(const char *fmt, ...)
{
    int       n;
    char     *text;
    va_list   args;

    va_start(args, fmt);
    n = vsnprintf(NULL, 0, fmt, args);
    va_end(args);

    text = token_alloc((size_t) n + 1);

    va_start(args, fmt);
    (void) vsnprintf(text, (size_t) n + 1, fmt, args);
    va_end(args);

    return text;
}


static char * __attribute__ ((unused))
base64url(const void *p, size_t n)
{
    char  *text, *c;

    text = token_alloc((n + 2) / 3 * 4 + 1);

    (void) EVP_EncodeBlock((unsigned char *) text, p, (int) n);

    for (c = text; *c; c++) {
        *c = *c == '+' ? '-' : *c == '/' ? '_' : *c == '=' ? '\0' : *c;
    }

    return text;
}


static EVP_PKEY * __attribute__ ((unused))
key_rsa(unsigned bits)
{
    EVP_PKEY  *pkey;

    pkey = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t) bits);
    need(pkey != NULL);

    return pkey;
}


static EVP_PKEY * __attribute__ ((unused))
key_ec(const char *curve)
{
    EVP_PKEY  *pkey;

    pkey = EVP_PKEY_Q_keygen(NULL, NULL, "EC", curve);
    need(pkey != NULL);

    return pkey;
}


/* "ED25519" and the like */

static EVP_PKEY * __attribute__ ((unused))
key_okp(const char *type)
{
    EVP_PKEY  *pkey;

    pkey = EVP_PKEY_Q_keygen(NULL, NULL, type);
    need(pkey != NULL);

    return pkey;
}


static void __attribute__ ((unused))
ring_make(ring_t *ring)
{
    size_t  i;

    ring->rsa = key_rsa(2048);
    ring->p256 = key_ec("P-256");
    ring->p384 = key_ec("P-384");
    ring->p521 = key_ec("P-521");
    ring->ed25519 = key_okp("ED25519");
    ring->ed448 = key_okp("ED448");

    for (i = 0; i < sizeof(ring->secret); i++) {
        ring->secret[i] = (unsigned char) unit_draw();
    }
}


static void __attribute__ ((unused))
ring_free(ring_t *ring)
{
    EVP_PKEY_free(ring->rsa);
    EVP_PKEY_free(ring->p256);
    EVP_PKEY_free(ring->p384);
    EVP_PKEY_free(ring->p521);
    EVP_PKEY_free(ring->ed25519);
    EVP_PKEY_free(ring->ed448);
}


/* The signer of each algorithm in turn, 0 to TOKEN_ALGS - 1. */

static signer_t __attribute__ ((unused))
ring_signer(const ring_t *ring, unsigned i)
{
    signer_t            s;
    static const char  *algs[TOKEN_ALGS] = {
        "HS256", "HS384", "HS512", "RS256", "RS384", "RS512", "PS256",
        "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "EdDSA"
    };

    memset(&s, 0, sizeof(s));
    s.alg = algs[i];
    s.salt = RSA_PSS_SALTLEN_DIGEST;

    if (i < 3) {
        s.secret.p = ring->secret;
        s.secret.n = sizeof(ring->secret);

    } else if (i < 9) {
        s.pkey = ring->rsa;

    } else {
        s.pkey = i == 9 ? ring->p256 : i == 10 ? ring->p384
                 : i == 11 ? ring->p521 : i == 12 ? ring->ed25519
                                                  : ring->ed448;
    }

    return s;
}


/* The signer of a name; of EdDSA, by Ed25519. */

static signer_t __attribute__ ((unused))
ring_named(const ring_t *ring, const char *alg)
{
    unsigned  i;
    signer_t  s;

    for (i = 0; i < TOKEN_ALGS; i++) {

        s = ring_signer(ring, i);

        if (strcmp(s.alg, alg) == 0) {
            break;
        }
    }

    return s;
}


/* "SHA256" of HS256; NULL for EdDSA, which hashes as it likes */

static const char * __attribute__ ((unused))
signer_hash(const char *alg)
{
    return strstr(alg, "256") ? "SHA256" : strstr(alg, "384") ? "SHA384"
           : strstr(alg, "512") ? "SHA512" : NULL;
}


/* DER to the two numbers, each as long as the curve's order. */

static size_t __attribute__ ((unused))
signer_raw(EVP_PKEY *pkey, const unsigned char *der, size_t n,
    unsigned char *raw)
{
    int         size;
    ECDSA_SIG  *sig;

    sig = d2i_ECDSA_SIG(NULL, &der, (long) n);
    need(sig != NULL);

    size = (EVP_PKEY_get_bits(pkey) + 7) / 8;

    need(BN_bn2binpad(ECDSA_SIG_get0_r(sig), raw, size) == size);
    need(BN_bn2binpad(ECDSA_SIG_get0_s(sig), raw + size, size) == size);

    ECDSA_SIG_free(sig);

    return 2 * (size_t) size;
}


/* A JOSE signature over "input"; an EC key gives that of its own size. */

static size_t __attribute__ ((unused))
sign(const signer_t *s, const void *input, size_t n, unsigned char *out)
{
    size_t          size;
    EVP_MD_CTX     *ctx;
    EVP_PKEY_CTX   *pctx;
    unsigned char   der[TOKEN_SIGNATURE];

    if (s->pkey == NULL) {
        need(EVP_Q_mac(NULL, "HMAC", NULL, signer_hash(s->alg), NULL,
                       s->secret.p, s->secret.n, input, n, out,
                       TOKEN_SIGNATURE, &size) != NULL);
        return size;
    }

    ctx = EVP_MD_CTX_new();
    need(ctx != NULL);

    need(EVP_DigestSignInit_ex(ctx, &pctx, signer_hash(s->alg), NULL, NULL,
                               s->pkey, NULL) == 1);

    if (s->alg[0] == 'P') {
        need(EVP_PKEY_CTX_set_rsa_padding(pctx, RSA_PKCS1_PSS_PADDING) == 1);
        need(EVP_PKEY_CTX_set_rsa_pss_saltlen(pctx, s->salt) == 1);
        need(s->mgf == NULL
             || EVP_PKEY_CTX_set_rsa_mgf1_md_name(pctx, s->mgf, NULL) == 1);
    }

    size = TOKEN_SIGNATURE;
    need(EVP_DigestSign(ctx, der, &size, input, n) == 1);

    EVP_MD_CTX_free(ctx);

    if (EVP_PKEY_get_base_id(s->pkey) == EVP_PKEY_EC) {
        return signer_raw(s->pkey, der, size, out);
    }

    memcpy(out, der, size);

    return size;
}


/* A token of these bytes, and this signature; the caller frees. */

static char * __attribute__ ((unused))
token_with(kairo_span_t header, kairo_span_t payload, const void *signature,
    size_t n)
{
    char  *h, *p, *s, *token;

    h = base64url(header.p, header.n);
    p = base64url(payload.p, payload.n);
    s = base64url(signature, n);

    token = text_of("%s.%s.%s", h, p, s);

    free(h);
    free(p);
    free(s);

    return token;
}


/* A token over these bytes, whatever they are. */

static char * __attribute__ ((unused))
token_of(const signer_t *s, kairo_span_t header, kairo_span_t payload)
{
    char           *h, *p, *input, *token;
    size_t          n;
    unsigned char   signature[TOKEN_SIGNATURE];

    h = base64url(header.p, header.n);
    p = base64url(payload.p, payload.n);
    input = text_of("%s.%s", h, p);

    n = sign(s, input, strlen(input), signature);

    token = token_with(header, payload, signature, n);

    free(h);
    free(p);
    free(input);

    return token;
}


/* A text that is signed as it is: it need not be base64url. */

static char * __attribute__ ((unused))
token_signed(const signer_t *s, const char *input)
{
    char           *text, *token;
    size_t          n;
    unsigned char   signature[TOKEN_SIGNATURE];

    n = sign(s, input, strlen(input), signature);

    text = base64url(signature, n);
    token = text_of("%s.%s", input, text);
    free(text);

    return token;
}


static char * __attribute__ ((unused))
token(const signer_t *s, const char *header, const char *payload)
{
    return token_of(s, span_of(header), span_of(payload));
}


static char * __attribute__ ((unused))
jwk_number(EVP_PKEY *pkey, const char *name, int size)
{
    int             n;
    char           *text;
    BIGNUM         *number;
    unsigned char   bytes[2048];

    number = NULL;
    need(EVP_PKEY_get_bn_param(pkey, name, &number));

    n = BN_bn2binpad(number, bytes, size ? size : BN_num_bytes(number));
    need(n >= 0);

    text = base64url(bytes, (size_t) n);
    BN_free(number);

    return text;
}


/*
 * A public key as JWK, with whatever else: "extra" is members, each behind a
 * comma.
 */

static char * __attribute__ ((unused))
jwk_of(EVP_PKEY *pkey, const char *extra)
{
    int             bits;
    char           *a, *b, *jwk;
    size_t          n;
    unsigned char   raw[64];

    bits = EVP_PKEY_get_bits(pkey);
    b = NULL;

    switch (EVP_PKEY_get_base_id(pkey)) {

    case EVP_PKEY_RSA:
        a = jwk_number(pkey, OSSL_PKEY_PARAM_RSA_N, 0);
        b = jwk_number(pkey, OSSL_PKEY_PARAM_RSA_E, 0);
        jwk = text_of("{\"kty\":\"RSA\",\"n\":\"%s\",\"e\":\"%s\"%s}", a, b,
                      extra);
        break;

    case EVP_PKEY_EC:
        a = jwk_number(pkey, OSSL_PKEY_PARAM_EC_PUB_X, (bits + 7) / 8);
        b = jwk_number(pkey, OSSL_PKEY_PARAM_EC_PUB_Y, (bits + 7) / 8);
        jwk = text_of("{\"kty\":\"EC\",\"crv\":\"P-%d\",\"x\":\"%s\","
                      "\"y\":\"%s\"%s}", bits, a, b, extra);
        break;

    default:
        n = sizeof(raw);
        need(EVP_PKEY_get_raw_public_key(pkey, raw, &n) == 1);
        a = base64url(raw, n);
        jwk = text_of("{\"kty\":\"OKP\",\"crv\":\"%s\",\"x\":\"%s\"%s}",
                      n == 32 ? "Ed25519" : "Ed448", a, extra);
        break;
    }

    free(a);
    free(b);

    return jwk;
}


static char * __attribute__ ((unused))
jwk_secret(const void *secret, size_t n, const char *extra)
{
    char  *k, *jwk;

    k = base64url(secret, n);
    jwk = text_of("{\"kty\":\"oct\",\"k\":\"%s\"%s}", k, extra);
    free(k);

    return jwk;
}


/* What a BIO has collected, as text. */

static char * __attribute__ ((unused))
bio_text(BIO *bio)
{
    char  *data, *text;
    long   n;

    n = BIO_get_mem_data(bio, &data);
    need(n >= 0);

    text = token_alloc((size_t) n + 1);
    memcpy(text, data, (size_t) n);
    BIO_free(bio);

    return text;
}


static char * __attribute__ ((unused))
pem_public(EVP_PKEY *pkey)
{
    BIO  *bio;

    bio = BIO_new(BIO_s_mem());
    need(bio && PEM_write_bio_PUBKEY(bio, pkey) == 1);

    return bio_text(bio);
}


static char * __attribute__ ((unused))
pem_private(EVP_PKEY *pkey)
{
    BIO  *bio;

    bio = BIO_new(BIO_s_mem());
    need(bio && PEM_write_bio_PrivateKey(bio, pkey, NULL, NULL, 0, NULL, NULL)
                == 1);

    return bio_text(bio);
}


/* A set of all keys of the ring, with their names; with the secret or not. */

static char * __attribute__ ((unused))
ring_jwks(const ring_t *ring, int secret)
{
    char    *jwk[7], *jwks;
    size_t   i;

    jwk[0] = jwk_of(ring->rsa, ",\"kid\":\"rsa\"");
    jwk[1] = jwk_of(ring->p256, ",\"kid\":\"p256\"");
    jwk[2] = jwk_of(ring->p384, ",\"kid\":\"p384\"");
    jwk[3] = jwk_of(ring->p521, ",\"kid\":\"p521\"");
    jwk[4] = jwk_of(ring->ed25519, ",\"kid\":\"ed25519\"");
    jwk[5] = jwk_of(ring->ed448, ",\"kid\":\"ed448\"");
    jwk[6] = jwk_secret(ring->secret, sizeof(ring->secret),
                        ",\"kid\":\"secret\"");

    jwks = text_of("{\"keys\":[%s,%s,%s,%s,%s,%s%s%s]}", jwk[0], jwk[1],
                   jwk[2], jwk[3], jwk[4], jwk[5], secret ? "," : "",
                   secret ? jwk[6] : "");

    for (i = 0; i < 7; i++) {
        free(jwk[i]);
    }

    return jwks;
}


/* The name, in ring_jwks(), of the key of each algorithm. */

static const char * __attribute__ ((unused))
ring_kid(unsigned i)
{
    static const char  *kids[TOKEN_ALGS] = {
        "secret", "secret", "secret", "rsa", "rsa", "rsa", "rsa", "rsa",
        "rsa", "p256", "p384", "p521", "ed25519", "ed448"
    };

    return kids[i];
}


/* nginx takes what is left for an error of the next connection */

static void __attribute__ ((unused))
queue_is_empty(const char *after)
{
    always(ERR_peek_error() == 0, "%s leaves %s", after,
           ERR_error_string(ERR_peek_error(), NULL));

    ERR_clear_error();
}


/* Of all always(), at the end of a program. */

static void __attribute__ ((unused))
always_held(void)
{
    ok(token_broken == 0, "nothing was left in OpenSSL's error queue, and "
       "what holds in each call held");
}


/*
 * What becomes of a token: all steps, or without claims where "policy" is
 * NULL.  The token is in memory of just its size.
 */

static kairo_jwt_rc_t __attribute__ ((unused))
judged(const char *text, size_t n, const kairo_keyset_t *keys,
    const kairo_jwt_policy_t *policy, int64_t now)
{
    kairo_jwt_t      jwt;
    kairo_span_t     s;
    kairo_jwt_rc_t   rc;
    unsigned char   *copy;

    ERR_clear_error();

    copy = token_alloc(n);
    memcpy(copy, text, n);

    s.p = n ? copy : NULL;
    s.n = n;

    rc = kairo_jwt_read(&jwt, s);

    if (policy && rc == KAIRO_JWT_OK) {

        rc = kairo_jwt_claims(&jwt);

        if (rc == KAIRO_JWT_OK) {
            rc = kairo_jwt_judge(&jwt, policy, now);
        }
    }

    if (rc == KAIRO_JWT_OK) {
        rc = kairo_jwt_verify(&jwt, keys, policy ? policy->algs
                                                 : KAIRO_ALGS_ALL);

        always((jwt.key != NULL) == (rc == KAIRO_JWT_OK),
               "the key is known when the token is good");
    }

    kairo_jwt_free(&jwt);
    kairo_jwt_free(&jwt);
    free(copy);

    queue_is_empty(kairo_jwt_reason(rc));

    return rc;
}


#endif /* TOKEN_H_INCLUDED */
