
/*
 * Tokens of our own: by libjwt, and read by it and by the strict reader.
 */


#include "token.h"

#include "libs/kairo_mint.h"


#define NOW  1700000000


static ring_t  ring;

static const char  good[] =
    "{\"iss\":\"me\",\"aud\":[\"api\",\"web\"],\"sub\":\"\xc3\xa9\\\"\\\\\","
    "\"exp\":1700000600,\"roles\":{\"a\":[1,2.5,true,null]}}";

static const kairo_jwt_policy_t  any = {
    { NULL, 0 }, NULL, 0, kairo_jwt_types, KAIRO_JWT_TYPES, KAIRO_ALGS_ALL,
    0, 0
};


/* NULL, and "wrong" tells why; the queue is empty either way. */

static char *
mint_by(const char *alg, const void *key, size_t n, const char *kid,
    const char *claims, const char **wrong)
{
    char          *text;
    json_t        *json;
    kairo_mint_t   mint;
    void          *copy;

    copy = token_alloc(n);
    memcpy(copy, key, n);

    mint.alg = kairo_alg_find(span_of(alg));
    mint.key.p = copy;
    mint.key.n = n;
    mint.kid = kid;

    json = json_loads(claims, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
    need(json != NULL);

    ERR_clear_error();
    *wrong = NULL;

    text = kairo_mint(&mint, json, wrong);

    queue_is_empty(alg);
    always(text || (*wrong && **wrong), "what is wrong is told");

    json_decref(json);
    free(copy);

    return text;
}


static char *
mint_of(const signer_t *s, const char *kid, const char *claims)
{
    char        *pem, *text;
    const char  *wrong;

    if (s->pkey == NULL) {
        return mint_by(s->alg, s->secret.p, s->secret.n, kid, claims, &wrong);
    }

    pem = pem_private(s->pkey);
    text = mint_by(s->alg, pem, strlen(pem), kid, claims, &wrong);
    free(pem);

    return text;
}


static int
libjwt_takes(const char *text, const signer_t *s)
{
    int     rc;
    char   *pem;
    jwt_t  *jwt;

    pem = s->pkey ? pem_public(s->pkey) : NULL;
    jwt = NULL;

    rc = pem ? jwt_decode(&jwt, text, (unsigned char *) pem,
                          (int) strlen(pem))
             : jwt_decode(&jwt, text, s->secret.p, (int) s->secret.n);

    if (rc == 0) {
        jwt_free(jwt);
    }

    free(pem);
    ERR_clear_error();

    return rc == 0;
}


static void
every_algorithm(void)
{
    char             *text, *jwks, *name;
    json_t           *json;
    unsigned          i, round;
    signer_t          s;
    kairo_jwt_t       jwt;
    kairo_keyset_t    keys;

    jwks = ring_jwks(&ring, 1);
    need(kairo_keyset_jwks(&keys, span_of(jwks), 1) == NULL);
    free(jwks);

    for (i = 0; i < TOKEN_ALGS; i++) {

        s = ring_signer(&ring, i);

        if (s.alg[0] == 'P' || strcmp(s.alg, "EdDSA") == 0) {
            continue;
        }

        text = mint_of(&s, ring_kid(i), good);

        if (!ok(text && judged(text, strlen(text), &keys, &any, NOW)
                        == KAIRO_JWT_OK, "%s", s.alg))
        {
            free(text);
            continue;
        }

        expect(kairo_jwt_read(&jwt, span_of(text)) == KAIRO_JWT_OK
               && kairo_jwt_claims(&jwt) == KAIRO_JWT_OK, "%s", text);

        json = json_loads(good, 0, NULL);
        expect(json_equal(json, jwt.claims), "the claims of %s", text);
        json_decref(json);

        json = json_pack("{s:s,s:s,s:s}", "alg", s.alg, "typ", "JWT", "kid",
                         ring_kid(i));
        expect(json_equal(json, jwt.header), "the header of %s", text);
        json_decref(json);

        kairo_jwt_free(&jwt);

        expect(libjwt_takes(text, &s), "libjwt: %s", text);
        free(text);

        /* numbers of ECDSA that begin with zeroes are among so many */

        for (round = 0; round < 200; round++) {

            if (i < 9 && round > 20) {
                break;
            }

            name = text_of("{\"exp\":1700000001,\"jti\":\"%llx\"}",
                           (unsigned long long) unit_draw());
            text = mint_of(&s, ring_kid(i), name);

            expect(text && judged(text, strlen(text), &keys, &any, NOW)
                           == KAIRO_JWT_OK && libjwt_takes(text, &s),
                   "%s: %s", s.alg, text ? text : "no token");

            free(text);
            free(name);
        }

        verdict("%s is read here and by libjwt", s.alg);

        text = mint_of(&s, NULL, "{}");
        ok(text && kairo_jwt_read(&jwt, span_of(text)) == KAIRO_JWT_OK
           && jwt.kid.p == NULL && jwt.payload.n == 2,
           "%s: no kid, and no claims", s.alg);
        kairo_jwt_free(&jwt);
        free(text);
    }

    kairo_keyset_free(&keys);
}


static void
no_token(char *text, const char *wrong, const char *why, const char *about)
{
    if (!ok(text == NULL && wrong && strstr(wrong, why), "not: %s", about)) {
        diag("%s", text ? text : wrong);
    }

    free(text);
}


/* A key that is none for the algorithm; "why" is part of what is told. */

static void
no_key(const char *alg, const void *key, size_t n, const char *why,
    const char *about)
{
    char        *text;
    const char  *wrong;

    text = mint_by(alg, key, n, NULL, good, &wrong);
    no_token(text, wrong, why, about);
}


static void
no_key_text(const char *alg, char *key, const char *about)
{
    no_key(alg, key, strlen(key), "", about);
    free(key);
}


static void
wrong_keys(void)
{
    BIO       *bio;
    EVP_PKEY  *other;

    no_key_text("ES256", pem_private(ring.rsa), "ES256 by RSA");
    no_key_text("RS256", pem_private(ring.p256), "RS256 by P-256");
    no_key_text("ES256", pem_private(ring.p384), "ES256 by P-384");
    no_key_text("ES256", pem_private(ring.p521), "ES256 by P-521");
    no_key_text("ES384", pem_private(ring.p256), "ES384 by P-256");
    no_key_text("ES384", pem_private(ring.p521), "ES384 by P-521");
    no_key_text("ES512", pem_private(ring.p256), "ES512 by P-256");
    no_key_text("ES512", pem_private(ring.p384), "ES512 by P-384");
    no_key_text("ES256", pem_private(ring.ed25519), "ES256 by Ed25519");
    no_key_text("RS256", pem_private(ring.ed25519), "RS256 by Ed25519");

    other = key_ec("secp256k1");
    no_key_text("ES256", pem_private(other), "ES256 by secp256k1");
    EVP_PKEY_free(other);

    other = key_rsa(1024);
    no_key_text("RS256", pem_private(other), "RS256 by RSA of 1024 bits");
    EVP_PKEY_free(other);

    no_key_text("RS256", pem_public(ring.rsa), "RS256 by a public key");
    no_key_text("ES256", pem_public(ring.p256), "ES256 by a public key");
    no_key_text("RS256", text_of("no PEM"), "RS256 by a word");
    no_key_text("ES256", text_of("%s", ""), "ES256 by nothing");
    no_key_text("RS256", text_of("-----BEGIN PRIVATE KEY-----\nAAAA\n"
                                 "-----END PRIVATE KEY-----\n"),
                "RS256 by PEM with nothing in it");

    /* nobody is asked for a password */

    bio = BIO_new(BIO_s_mem());
    need(bio && PEM_write_bio_PrivateKey(bio, ring.rsa, EVP_aes_128_cbc(),
                                         (unsigned char *) "password", 8,
                                         NULL, NULL) == 1);
    no_key_text("RS256", bio_text(bio), "RS256 by an encrypted key");

    no_key("PS256", ring.secret, 64, "HS, RS and ES", "PS256");
    no_key("EdDSA", ring.secret, 64, "HS, RS and ES", "EdDSA");
    no_key("none", ring.secret, 64, "HS, RS and ES", "none");
    no_key("hs256", ring.secret, 64, "HS, RS and ES", "hs256");
}


static void
secrets(void)
{
    char                *text;
    size_t               n, i;
    const char          *wrong;
    static const char   *algs[] = { "HS256", "HS384", "HS512" };
    static const size_t  least[] = { 32, 48, 64 };
    unsigned char        bytes[64];

    for (i = 0; i < 3; i++) {
        for (n = 0; n <= 64; n++) {

            text = mint_by(algs[i], ring.secret, n, NULL, good, &wrong);

            expect((text != NULL) == (n >= least[i]), "%s by %zu bytes",
                   algs[i], n);
            expect(text || strstr(wrong, "shorter"), "%s", wrong);
            free(text);
        }
    }

    verdict("a secret is as long as the hash");

    /* NUL is a byte of it */

    memset(bytes, 0, sizeof(bytes));
    bytes[63] = 1;
    text = mint_by("HS256", bytes, 64, NULL, good, &wrong);

    if (text) {

        char            *again;
        kairo_span_t     s;
        kairo_keyset_t   keys;

        s.p = bytes;
        s.n = 64;
        need(kairo_keyset_secret(&keys, s) == NULL);
        ok(judged(text, strlen(text), &keys, &any, NOW) == KAIRO_JWT_OK,
           "NUL is a byte as others are");
        kairo_keyset_free(&keys);

        bytes[63] = 2;
        again = mint_by("HS256", bytes, 64, NULL, good, &wrong);
        ok(again && strcmp(text, again) != 0, "it ends no secret");
        free(again);

    } else {
        ok(0, "NUL is a byte as others are: %s", wrong);
    }

    free(text);

    /* what is public signs nothing */

    no_key_text("HS256", pem_public(ring.rsa), "HS256 by a public key");
    no_key_text("HS512", pem_private(ring.p256), "HS512 by a key in PEM");
    no_key_text("HS256", jwk_of(ring.rsa, ""), "HS256 by a JWK");
}


static void
claims(void)
{
    char        *text;
    signer_t     s;
    const char  *wrong;
    kairo_jwt_t  jwt;
    char         long_name[130];

    memset(long_name, 'k', 129);
    long_name[129] = '\0';

    s = ring_named(&ring, "HS256");

    text = mint_by("HS256", s.secret.p, s.secret.n, NULL,
                   "{\"sub\":\"a\\u0000b\"}", &wrong);
    no_token(text, wrong, "claims", "NUL in a claim");

    text = mint_by("HS256", s.secret.p, s.secret.n, NULL, "[1]", &wrong);
    no_token(text, wrong, "", "an array for claims");

    text = mint_by("HS256", s.secret.p, s.secret.n, "\xff", "{}", &wrong);
    no_token(text, wrong, "key name", "a kid that is no UTF-8");

    text = mint_by("HS256", s.secret.p, s.secret.n, "", "{}", &wrong);
    no_token(text, wrong, "name", "an empty kid");

    text = mint_by("HS256", s.secret.p, s.secret.n, long_name, "{}", &wrong);
    no_token(text, wrong, "name", "a kid of 129 bytes");

    text = mint_of(&s, long_name + 1, "{}");
    ok(text != NULL, "a kid of 128 bytes");
    free(text);

    text = mint_of(&s, "\xc3\xa9\"\\", "{\"exp\":1700000600}");
    ok(text && kairo_jwt_read(&jwt, span_of(text)) == KAIRO_JWT_OK
       && jwt.kid.n == 4 && memcmp(jwt.kid.p, "\xc3\xa9\"\\", 4) == 0,
       "any kid that is UTF-8");
    kairo_jwt_free(&jwt);
    free(text);

    text = mint_of(&s, NULL, "{\"exp\":1700000600,\"a\":9007199254740993,"
                             "\"b\":\"\\u2028<\\/script>\"}");
    ok(text && kairo_jwt_read(&jwt, span_of(text)) == KAIRO_JWT_OK
       && kairo_jwt_claims(&jwt) == KAIRO_JWT_OK
       && json_integer_value(json_object_get(jwt.claims, "a"))
          == INT64_C(9007199254740993)
       && strcmp(kairo_json_text(jwt.claims, "b"),
                 "\xe2\x80\xa8</script>") == 0,
       "numbers and text as they were");
    kairo_jwt_free(&jwt);
    free(text);
}


int
main(void)
{
    unit_begin(20260207);
    ring_make(&ring);

    every_algorithm();
    wrong_keys();
    secrets();
    claims();

    always_held();

    ring_free(&ring);

    return unit_done();
}
