
/*
 * What a token costs: OpenSSL's bare verification, kairo's whole judgement of
 * a token that it does not know, and libjwt's.
 *
 *     auth            figures, as a table
 *     auth DIR N      writes DIR/secret and, for each algorithm, DIR/ALG.pem
 *                     and DIR/ALG.tokens with N tokens
 */


#include <jansson.h>
#include <jwt.h>
#include <openssl/bio.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "libs/kairo_jwt.h"


#define BENCH_RUNS   5
#define BENCH_ALGS   6
#define BENCH_TOKEN  2048
#define BENCH_NOW    1700000000
#define BENCH_END    4000000000ll     /* tokens of "auth DIR N" live long */


typedef struct {
    const char     *name;
    kairo_alg_t     alg;
    EVP_PKEY       *pkey;             /* NULL: the secret */
    char           *pem;              /* its public half */
    char            token[BENCH_TOKEN];
    kairo_compact_t parts;
    unsigned char   signature[1024];
    size_t          size;
    kairo_keyset_t  keys;
    double          ns[3][BENCH_RUNS];
} bench_t;


static const char  secret[] =
    "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

static bench_t  benches[BENCH_ALGS] = {
    { .name = "HS256", .alg = KAIRO_HS256 },
    { .name = "RS256", .alg = KAIRO_RS256 },
    { .name = "PS256", .alg = KAIRO_PS256 },
    { .name = "ES256", .alg = KAIRO_ES256 },
    { .name = "ES384", .alg = KAIRO_ES384 },
    { .name = "EdDSA", .alg = KAIRO_EDDSA }
};


static double
now(void)
{
    struct timespec  ts;

    (void) clock_gettime(CLOCK_MONOTONIC, &ts);

    return (double) ts.tv_sec * 1e9 + (double) ts.tv_nsec;
}


static void
must(int good, const char *what)
{
    if (!good) {
        fprintf(stderr, "auth: %s\n", what);
        exit(1);
    }
}


static size_t
encode(char *out, const unsigned char *p, size_t n)
{
    size_t  i, len;

    len = (size_t) EVP_EncodeBlock((unsigned char *) out, p, (int) n);

    while (len && out[len - 1] == '=') {
        len--;
    }

    for (i = 0; i < len; i++) {
        out[i] = out[i] == '+' ? '-' : out[i] == '/' ? '_' : out[i];
    }

    return len;
}


/* The signature of JOSE: of ECDSA the two numbers, not their DER. */

static size_t
sign(bench_t *b, const char *text, size_t n, unsigned char *out)
{
    int                   half;
    size_t                size;
    ECDSA_SIG            *sig;
    EVP_MD_CTX           *ctx;
    EVP_PKEY_CTX         *pctx;
    unsigned char         der[1024];
    unsigned int          len;
    const unsigned char  *p;

    if (b->pkey == NULL) {
        must(HMAC(EVP_sha256(), secret, sizeof(secret) - 1,
                  (const unsigned char *) text, n, out, &len) != NULL,
             "HMAC");
        return len;
    }

    size = sizeof(der);
    ctx = EVP_MD_CTX_new();

    must(EVP_DigestSignInit_ex(ctx, &pctx, kairo_alg_digest(b->alg), NULL,
                               NULL, b->pkey, NULL) == 1, "sign");

    if (b->alg == KAIRO_PS256) {
        EVP_PKEY_CTX_set_rsa_padding(pctx, RSA_PKCS1_PSS_PADDING);
        EVP_PKEY_CTX_set_rsa_pss_saltlen(pctx, RSA_PSS_SALTLEN_DIGEST);
    }

    must(EVP_DigestSign(ctx, der, &size, (const unsigned char *) text, n) == 1,
         "sign");
    EVP_MD_CTX_free(ctx);

    if (b->alg != KAIRO_ES256 && b->alg != KAIRO_ES384) {
        memcpy(out, der, size);
        return size;
    }

    p = der;
    half = b->alg == KAIRO_ES256 ? 32 : 48;
    sig = d2i_ECDSA_SIG(NULL, &p, (long) size);
    BN_bn2binpad(ECDSA_SIG_get0_r(sig), out, half);
    BN_bn2binpad(ECDSA_SIG_get0_s(sig), out + half, half);
    ECDSA_SIG_free(sig);

    return 2 * (size_t) half;
}


static void
make(bench_t *b, long long exp, unsigned number, char *token)
{
    int             n;
    char           *p;
    char            text[512];
    size_t          size;
    unsigned char   signature[1024];

    n = snprintf(text, sizeof(text), "{\"alg\":\"%s\",\"typ\":\"JWT\","
                 "\"kid\":\"%s\"}", b->name, b->name);
    p = token + encode(token, (unsigned char *) text, (size_t) n);
    *p++ = '.';

    n = snprintf(text, sizeof(text), "{\"iss\":\"https://bench.example/\","
                 "\"sub\":\"user-%u\",\"aud\":\"bench\",\"iat\":%d,"
                 "\"exp\":%lld,\"roles\":[\"editor\",\"reader\"],"
                 "\"email\":\"user-%u@example.com\",\"email_verified\":true,"
                 "\"tier\":\"pro\",\"scope\":\"openid profile email\"}",
                 number, BENCH_NOW - 60, exp, number);
    p += encode(p, (unsigned char *) text, (size_t) n);

    size = sign(b, token, (size_t) (p - token), signature);
    *p++ = '.';
    p += encode(p, signature, size);
    *p = '\0';
}


static EVP_PKEY *
generate(kairo_alg_t alg)
{
    switch (alg) {
    case KAIRO_RS256:
    case KAIRO_PS256:
        return EVP_RSA_gen(2048);
    case KAIRO_ES256:
        return EVP_EC_gen("P-256");
    case KAIRO_ES384:
        return EVP_EC_gen("P-384");
    case KAIRO_EDDSA:
        return EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    default:
        return NULL;
    }
}


static void
prepare(void)
{
    int            i;
    BIO           *bio;
    size_t         n;
    bench_t       *b;
    kairo_span_t   s;

    for (i = 0; i < BENCH_ALGS; i++) {

        b = &benches[i];
        b->pkey = generate(b->alg);

        if (b->pkey) {
            bio = BIO_new(BIO_s_mem());
            PEM_write_bio_PUBKEY(bio, b->pkey);
            n = (size_t) BIO_ctrl_pending(bio);
            b->pem = calloc(1, n + 1);
            must(BIO_read(bio, b->pem, (int) n) == (int) n, "PEM");
            BIO_free(bio);
        }

        s.p = (unsigned char *) (b->pem ? b->pem : secret);
        s.n = strlen((char *) s.p);
        must(kairo_keyset_any(&b->keys, s) == NULL, "keys");

        make(b, BENCH_NOW + 3600, 1, b->token);

        s.p = (unsigned char *) b->token;
        s.n = strlen(b->token);
        must(kairo_compact_split(s, &b->parts) == 0, "split");
        b->size = sign(b, b->token, b->parts.input.n, b->signature);
    }
}


/* what OpenSSL does with a key that is parsed and a signature decoded */

static void
bare(bench_t *b)
{
    int            good;
    kairo_span_t   s;
    EVP_MD_CTX    *ctx;
    EVP_PKEY_CTX  *pctx;
    unsigned char  der[256];

    static unsigned char  kept[BENCH_ALGS][256];
    static size_t         have[BENCH_ALGS];

    if (b->pkey == NULL) {
        s.p = b->signature;
        s.n = b->size;
        must(kairo_key_verify(&b->keys.keys[0], b->alg, b->parts.input, s),
             "bare");
        return;
    }

    s.p = b->signature;
    s.n = b->size;

    if (b->alg == KAIRO_ES256 || b->alg == KAIRO_ES384) {

        if (have[b - benches] == 0) {
            ECDSA_SIG      *sig = ECDSA_SIG_new();
            unsigned char  *p = kept[b - benches];

            ECDSA_SIG_set0(sig, BN_bin2bn(s.p, (int) s.n / 2, NULL),
                           BN_bin2bn(s.p + s.n / 2, (int) s.n / 2, NULL));
            have[b - benches] = (size_t) i2d_ECDSA_SIG(sig, &p);
            ECDSA_SIG_free(sig);
        }

        memcpy(der, kept[b - benches], have[b - benches]);
        s.p = der;
        s.n = have[b - benches];
    }

    ctx = EVP_MD_CTX_new();
    good = EVP_DigestVerifyInit_ex(ctx, &pctx, kairo_alg_digest(b->alg), NULL,
                                   NULL, b->keys.keys[0].pkey, NULL) == 1;

    if (b->alg == KAIRO_PS256) {
        EVP_PKEY_CTX_set_rsa_padding(pctx, RSA_PKCS1_PSS_PADDING);
        EVP_PKEY_CTX_set_rsa_pss_saltlen(pctx, RSA_PSS_SALTLEN_DIGEST);
    }

    must(good && EVP_DigestVerify(ctx, s.p, s.n, b->parts.input.p,
                                  b->parts.input.n) == 1, "bare");
    EVP_MD_CTX_free(ctx);
}


static void
kairo(bench_t *b)
{
    kairo_jwt_t          jwt;
    kairo_span_t         token;
    kairo_jwt_policy_t   policy;

    static const kairo_span_t  issuer = kairo_span("https://bench.example/");
    static const kairo_span_t  audience = kairo_span("bench");

    memset(&policy, 0, sizeof(policy));
    policy.issuer = issuer;
    policy.audiences = &audience;
    policy.naudiences = 1;
    policy.algs = KAIRO_ALGS_ALL;
    policy.leeway = 30;

    token.p = (unsigned char *) b->token;
    token.n = strlen(b->token);

    must(kairo_jwt_read(&jwt, token) == KAIRO_JWT_OK
         && kairo_jwt_claims(&jwt) == KAIRO_JWT_OK
         && kairo_jwt_judge(&jwt, &policy, BENCH_NOW) == KAIRO_JWT_OK
         && kairo_jwt_verify(&jwt, &b->keys, policy.algs) == KAIRO_JWT_OK,
         "kairo");

    kairo_jwt_free(&jwt);
}


static void
libjwt(bench_t *b)
{
    jwt_t       *jwt;
    const char  *key;

    key = b->pem ? b->pem : secret;

    must(jwt_decode(&jwt, b->token, (const unsigned char *) key,
                    (int) strlen(key)) == 0, "libjwt");
    jwt_free(jwt);
}


static double
measure(void (*verify)(bench_t *b), bench_t *b)
{
    int     i, n;
    double  start;

    n = b->pkey ? 1500 : 20000;
    start = now();

    for (i = 0; i < n; i++) {
        verify(b);
    }

    return (now() - start) / n;
}


static int
compare(const void *a, const void *b)
{
    double  x = *(const double *) a, y = *(const double *) b;

    return x < y ? -1 : x > y;
}


static double
median(double *ns)
{
    qsort(ns, BENCH_RUNS, sizeof(double), compare);

    return ns[BENCH_RUNS / 2] / 1000;
}


static void
figures(void)
{
    int       run, i, known;
    double    us[3];
    bench_t  *b;

    for (run = 0; run < BENCH_RUNS; run++) {
        for (i = 0; i < BENCH_ALGS; i++) {

            b = &benches[i];
            known = b->alg != KAIRO_PS256 && b->alg != KAIRO_EDDSA;

            b->ns[0][run] = measure(bare, b);
            b->ns[1][run] = measure(kairo, b);
            b->ns[2][run] = known ? measure(libjwt, b) : 0;
        }
    }

    printf("us a token, median of %d\n\n"
           "| | OpenSSL alone | kairo, a token it does not know | libjwt "
           "| kairo / OpenSSL | libjwt / kairo |\n|---|---|---|---|---|---|\n",
           BENCH_RUNS);

    for (i = 0; i < BENCH_ALGS; i++) {

        b = &benches[i];
        us[0] = median(b->ns[0]);
        us[1] = median(b->ns[1]);
        us[2] = median(b->ns[2]);

        printf("| %s | %.1f | %.1f | ", b->name, us[0], us[1]);

        if (us[2] > 0) {
            printf("%.1f | %.2f | %.1f |\n", us[2], us[1] / us[0],
                   us[2] / us[1]);
        } else {
            printf("- | %.2f | - |\n", us[1] / us[0]);
        }
    }
}


static FILE *
create(const char *dir, const char *name)
{
    char   path[1024];
    FILE  *out;

    snprintf(path, sizeof(path), "%s/%s", dir, name);
    out = fopen(path, "w");
    must(out != NULL, path);

    return out;
}


static void
tokens(const char *dir, unsigned n)
{
    int        i;
    char       name[64], token[BENCH_TOKEN];
    FILE      *out;
    unsigned   k;

    out = create(dir, "secret");
    fputs(secret, out);
    fclose(out);

    for (i = 0; i < BENCH_ALGS; i++) {

        if (benches[i].pem) {
            snprintf(name, sizeof(name), "%s.pem", benches[i].name);
            out = create(dir, name);
            fputs(benches[i].pem, out);
            fclose(out);
        }

        snprintf(name, sizeof(name), "%s.tokens", benches[i].name);
        out = create(dir, name);

        for (k = 0; k < n; k++) {
            make(&benches[i], BENCH_END, k, token);
            fprintf(out, "%s\n", token);
        }

        fclose(out);
    }
}


int
main(int argc, char **argv)
{
    prepare();

    if (argc == 3) {
        tokens(argv[1], (unsigned) atoi(argv[2]));

    } else {
        figures();
    }

    return 0;
}
