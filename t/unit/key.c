
/*
 * Keys: which are taken, for which algorithms, and which signatures they
 * verify.
 */


#include "token.h"


static ring_t  ring;

static const char  input[] = "eyJhbGciOiJ4In0.e30";


/* NULL, or what is wrong; "key" is then as good as freed. */

static const char *
jwk_read(kairo_key_t *key, const char *text, int secrets)
{
    json_t      *json;
    const char  *wrong;

    json = json_loads(text, JSON_DECODE_ANY, NULL);
    need(json != NULL);

    ERR_clear_error();
    memset(key, 0xa5, sizeof(*key));

    wrong = kairo_key_jwk(key, json, secrets);

    queue_is_empty(text);
    json_decref(json);

    if (wrong) {
        always(*wrong != '\0' && key->algs == 0 && key->pkey == NULL
               && key->mac[0] == NULL && key->kid.p == NULL,
               "a key that is refused is nothing: %s", text);
    }

    return wrong;
}


/* Takes the text. */

static void
refused(char *text, const char *why, const char *about)
{
    const char   *wrong;
    kairo_key_t   key;

    wrong = jwk_read(&key, text, 1);

    if (!ok(wrong && strstr(wrong, why), "not: %s", about)) {
        diag("%s: %s", text, wrong ? wrong : "taken");
    }

    if (wrong == NULL) {
        kairo_key_free(&key);
    }

    free(text);
}


static void
taken(char *text, uint32_t algs, const char *about)
{
    const char   *wrong;
    kairo_key_t   key;

    wrong = jwk_read(&key, text, 1);

    if (!ok(wrong == NULL && key.algs == algs, "%s", about)) {
        diag("%s: %s", text, wrong ? wrong : "for other algorithms");
    }

    if (wrong == NULL) {
        kairo_key_free(&key);
    }

    free(text);
}


static int
verifies(const kairo_key_t *key, kairo_alg_t alg, const void *signature,
    size_t n)
{
    int             good;
    kairo_span_t    in, sig;
    unsigned char  *copy;

    copy = token_alloc(n);
    memcpy(copy, signature, n);

    in = span_of(input);
    sig.p = n ? copy : NULL;
    sig.n = n;

    ERR_clear_error();

    good = kairo_key_verify(key, alg, in, sig);

    queue_is_empty(kairo_alg_name(alg));
    free(copy);

    always(good == 0 || good == 1, "%d is no answer", good);

    return good;
}


static kairo_key_t
key_of(EVP_PKEY *pkey)
{
    char        *text;
    kairo_key_t  key;

    text = jwk_of(pkey, "");
    need(jwk_read(&key, text, 0) == NULL);
    free(text);

    return key;
}


static kairo_key_t
key_secret(const void *secret, size_t n)
{
    kairo_key_t   key;
    kairo_span_t  s;

    s.p = secret;
    s.n = n;
    need(kairo_key_secret(&key, s) == NULL);

    return key;
}


static kairo_key_t
key_of_signer(const signer_t *s)
{
    return s->pkey ? key_of(s->pkey) : key_secret(s->secret.p, s->secret.n);
}


static kairo_alg_t
alg_of(const char *name)
{
    return kairo_alg_find(span_of(name));
}


/* Exact names, and no others. */

static void
algorithms(void)
{
    int                 alg;
    size_t              i;
    static const char  *names[] = {
        "HS256", "HS384", "HS512", "RS256", "RS384", "RS512", "PS256",
        "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"
    };
    static const char  *others[] = {
        "none", "None", "NONE", "nOnE", "", " HS256", "HS256 ", "HS25",
        "HS2566", "hs256", "Hs256", "RS1", "HS1", "HS224", "ES256K", "eddsa",
        "EDDSA", "EdDSA\n", "A128KW", "RSA-OAEP", "dir", "unknown", "Ed25519"
    };

    for (alg = 0; alg < KAIRO_ALG_UNKNOWN; alg++) {
        expect((int) alg_of(names[alg]) == alg
               && strcmp(kairo_alg_name((kairo_alg_t) alg), names[alg]) == 0,
               "%s", names[alg]);
    }

    verdict("thirteen algorithms");

    for (i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        expect(alg_of(others[i]) == KAIRO_ALG_UNKNOWN, "%s", others[i]);
    }

    verdict("none is no algorithm, nor is another spelling one");
}


/* Each key with each algorithm: only what the key is for verifies. */

static void
every_pair(void)
{
    size_t          n;
    unsigned        i, j;
    signer_t        s, by;
    kairo_key_t     key;
    unsigned char   sig[TOKEN_SIGNATURE];

    for (i = 0; i < TOKEN_ALGS; i++) {

        s = ring_signer(&ring, i);
        key = key_of_signer(&s);
        n = sign(&s, input, strlen(input), sig);

        ok(verifies(&key, alg_of(s.alg), sig, n), "%s (%s) verifies", s.alg,
           ring_kid(i));

        for (j = 0; j < KAIRO_ALG_UNKNOWN; j++) {
            expect(verifies(&key, (kairo_alg_t) j, sig, n)
                   == (j == (unsigned) alg_of(s.alg)),
                   "a signature by %s as %s", s.alg,
                   kairo_alg_name((kairo_alg_t) j));
        }

        for (j = 0; j < TOKEN_ALGS; j++) {

            if (j == i) {
                continue;
            }

            by = ring_signer(&ring, j);
            n = sign(&by, input, strlen(input), sig);

            expect(!verifies(&key, alg_of(s.alg), sig, n),
                   "a signature by %s (%s) as %s", by.alg, ring_kid(j),
                   s.alg);
        }

        verdict("and as nothing else, by no other key");
        kairo_key_free(&key);
    }
}


/* What a key is for is more than what it is. */

static void
restricted(void)
{
    char             *jwk, *extra;
    size_t            n, j;
    unsigned          i;
    signer_t          s;
    kairo_key_t       key;
    unsigned char     sig[TOKEN_SIGNATURE];
    static const int  algs[] = {
        KAIRO_HS256, KAIRO_HS512, KAIRO_RS256, KAIRO_RS512, KAIRO_PS256,
        KAIRO_PS512
    };

    for (j = 0; j < sizeof(algs) / sizeof(algs[0]); j++) {

        extra = text_of(",\"alg\":\"%s\"",
                        kairo_alg_name((kairo_alg_t) algs[j]));
        jwk = j < 2 ? jwk_secret(ring.secret, sizeof(ring.secret), extra)
                    : jwk_of(ring.rsa, extra);
        need(jwk_read(&key, jwk, 1) == NULL);

        for (i = 0; i < 9; i++) {

            s = ring_signer(&ring, i);
            n = sign(&s, input, strlen(input), sig);

            expect(verifies(&key, alg_of(s.alg), sig, n)
                   == ((int) alg_of(s.alg) == algs[j]),
                   "%s by a key for %s", s.alg, extra + 1);
        }

        kairo_key_free(&key);
        free(jwk);
        free(extra);
    }

    verdict("a key for one algorithm verifies no other");
}


static void
every_bit(void)
{
    size_t          n, bit;
    unsigned        i;
    signer_t        s;
    kairo_key_t     key;
    unsigned char   sig[TOKEN_SIGNATURE];

    for (i = 0; i < TOKEN_ALGS; i++) {

        s = ring_signer(&ring, i);
        key = key_of_signer(&s);
        n = sign(&s, input, strlen(input), sig);

        for (bit = 0; bit < 8 * n; bit++) {
            sig[bit / 8] ^= (unsigned char) (1u << bit % 8);
            expect(!verifies(&key, alg_of(s.alg), sig, n), "%s, bit %zu",
                   s.alg, bit);
            sig[bit / 8] ^= (unsigned char) (1u << bit % 8);
        }

        kairo_key_free(&key);
    }

    verdict("no bit of a signature may be another");
}


static void
every_length(void)
{
    size_t          n, len;
    unsigned        i;
    signer_t        s;
    kairo_key_t     key;
    unsigned char   sig[TOKEN_SIGNATURE + 64];

    for (i = 0; i < TOKEN_ALGS; i++) {

        memset(sig, 0, sizeof(sig));

        s = ring_signer(&ring, i);
        key = key_of_signer(&s);
        n = sign(&s, input, strlen(input), sig);

        for (len = 0; len < n + 64; len++) {
            expect(verifies(&key, alg_of(s.alg), sig, len) == (len == n),
                   "%s, %zu of %zu bytes", s.alg, len, n);
        }

        memmove(sig + 1, sig, n);
        sig[0] = 0;

        expect(!verifies(&key, alg_of(s.alg), sig, n + 1),
               "%s, a zero before it", s.alg);

        kairo_key_free(&key);
    }

    verdict("a signature has one length");
}


/* One number of an ECDSA signature, from what BIGNUM makes of it. */

static void
put_number(unsigned char *out, const BIGNUM *number, size_t size)
{
    need(BN_bn2binpad(number, out, (int) size) == (int) size);
}


static void
ecdsa_range(unsigned i)
{
    size_t          n, half;
    BIGNUM         *order, *number;
    signer_t        s;
    kairo_alg_t     alg;
    kairo_key_t     key;
    unsigned char   sig[TOKEN_SIGNATURE], bad[TOKEN_SIGNATURE];

    s = ring_signer(&ring, i);
    alg = alg_of(s.alg);
    key = key_of(s.pkey);
    n = sign(&s, input, strlen(input), sig);
    half = n / 2;

    order = NULL;
    need(EVP_PKEY_get_bn_param(s.pkey, OSSL_PKEY_PARAM_EC_ORDER, &order));

    memset(bad, 0, n);
    ok(!verifies(&key, alg, bad, n), "%s: r = s = 0", s.alg);

    memcpy(bad, sig, n);
    memset(bad, 0, half);
    ok(!verifies(&key, alg, bad, n), "%s: r = 0", s.alg);

    memcpy(bad, sig, n);
    memset(bad + half, 0, half);
    ok(!verifies(&key, alg, bad, n), "%s: s = 0", s.alg);

    memset(bad, 0, n);
    bad[half - 1] = bad[n - 1] = 1;
    ok(!verifies(&key, alg, bad, n), "%s: r = s = 1", s.alg);

    put_number(bad, order, half);
    put_number(bad + half, order, half);
    ok(!verifies(&key, alg, bad, n), "%s: r = s = n", s.alg);

    memcpy(bad, sig, n);
    put_number(bad, order, half);
    ok(!verifies(&key, alg, bad, n), "%s: r = n", s.alg);

    memcpy(bad, sig, n);
    put_number(bad + half, order, half);
    ok(!verifies(&key, alg, bad, n), "%s: s = n", s.alg);

    memset(bad, 0xff, n);
    ok(!verifies(&key, alg, bad, n), "%s: all bits", s.alg);

    /* r + n and s + n are the same numbers modulo n; not all have room */

    number = BN_bin2bn(sig, (int) half, NULL);
    need(number && BN_add(number, number, order));

    if ((size_t) BN_num_bytes(number) <= half) {
        memcpy(bad, sig, n);
        put_number(bad, number, half);
        expect(!verifies(&key, alg, bad, n), "%s: r + n", s.alg);
    }

    BN_free(number);
    number = BN_bin2bn(sig + half, (int) half, NULL);
    need(number && BN_add(number, number, order));

    if ((size_t) BN_num_bytes(number) <= half) {
        memcpy(bad, sig, n);
        put_number(bad + half, number, half);
        expect(!verifies(&key, alg, bad, n), "%s: s + n", s.alg);
    }

    verdict("%s: no number above n", s.alg);

    memcpy(bad, sig + half, half);
    memcpy(bad + half, sig, half);
    ok(!verifies(&key, alg, bad, n), "%s: s before r", s.alg);

    BN_free(number);
    BN_free(order);
    kairo_key_free(&key);
}


/* DER is what OpenSSL takes, and JOSE has not. */

static void
ecdsa_form(unsigned i)
{
    size_t          n, half;
    signer_t        s;
    ECDSA_SIG      *parts;
    kairo_alg_t     alg;
    kairo_key_t     key;
    unsigned char   sig[TOKEN_SIGNATURE], der[TOKEN_SIGNATURE], *p;

    s = ring_signer(&ring, i);
    alg = alg_of(s.alg);
    key = key_of(s.pkey);
    n = sign(&s, input, strlen(input), sig);
    half = n / 2;

    parts = ECDSA_SIG_new();
    need(parts != NULL);
    need(ECDSA_SIG_set0(parts, BN_bin2bn(sig, (int) half, NULL),
                        BN_bin2bn(sig + half, (int) half, NULL)));

    memset(der, 0, sizeof(der));
    p = der;
    need(i2d_ECDSA_SIG(parts, &p) > 0);
    ECDSA_SIG_free(parts);

    ok(!verifies(&key, alg, der, (size_t) (p - der)), "%s: DER", s.alg);
    ok(!verifies(&key, alg, der, n), "%s: DER of the raw length", s.alg);

    /* numbers that begin with zeroes keep them */

    do {
        n = sign(&s, input, strlen(input), sig);
    } while (sig[0] != 0 || (i == 11 && sig[1] != 0));

    ok(verifies(&key, alg, sig, n), "%s: r with a zero before it", s.alg);

    memmove(sig, sig + 1, n - 1);
    ok(!verifies(&key, alg, sig, n - 1), "%s: not without it", s.alg);

    do {
        n = sign(&s, input, strlen(input), sig);
    } while (sig[half] != 0 || (i == 11 && sig[half + 1] != 0));

    ok(verifies(&key, alg, sig, n), "%s: s with a zero before it", s.alg);

    kairo_key_free(&key);
}


/*
 * (r, n - s) is as good a signature as (r, s), and no standard of JOSE picks
 * one.  What tells a token from another is what is signed, not how.
 */

static void
ecdsa_twin(void)
{
    size_t          n, half;
    BIGNUM         *order, *number;
    signer_t        s;
    kairo_key_t     key;
    unsigned char   sig[TOKEN_SIGNATURE];

    s = ring_named(&ring, "ES256");
    key = key_of(s.pkey);
    n = sign(&s, input, strlen(input), sig);
    half = n / 2;

    order = NULL;
    need(EVP_PKEY_get_bn_param(s.pkey, OSSL_PKEY_PARAM_EC_ORDER, &order));
    number = BN_bin2bn(sig + half, (int) half, NULL);
    need(number && BN_sub(number, order, number));
    put_number(sig + half, number, half);

    ok(verifies(&key, KAIRO_ES256, sig, n), "ES256: s is as good as n - s");

    BN_free(number);
    BN_free(order);
    kairo_key_free(&key);
}


/* RFC 7518, section 3.5 */

static void
pss(unsigned i)
{
    int             hash, salts[6];
    size_t          n, j;
    signer_t        s, other;
    kairo_alg_t     alg;
    kairo_key_t     key;
    unsigned char   sig[TOKEN_SIGNATURE];

    s = ring_signer(&ring, i);
    alg = alg_of(s.alg);
    key = key_of(s.pkey);

    hash = EVP_MD_get_size(EVP_get_digestbyname(signer_hash(s.alg)));

    salts[0] = 0;
    salts[1] = 20;
    salts[2] = hash - 1;
    salts[3] = hash + 1;
    salts[4] = hash == 32 ? 64 : 32;
    salts[5] = RSA_PSS_SALTLEN_MAX;

    for (j = 0; j < 6; j++) {
        s.salt = salts[j];
        n = sign(&s, input, strlen(input), sig);
        ok(!verifies(&key, alg, sig, n), "%s: not a salt of %d", s.alg,
           s.salt);
    }

    s.salt = hash;
    n = sign(&s, input, strlen(input), sig);
    ok(verifies(&key, alg, sig, n), "%s: a salt of %d", s.alg, hash);

    s.mgf = hash == 32 ? "SHA512" : "SHA256";
    n = sign(&s, input, strlen(input), sig);
    ok(!verifies(&key, alg, sig, n), "%s: not MGF1 with %s", s.alg, s.mgf);

    s.mgf = "SHA1";
    n = sign(&s, input, strlen(input), sig);
    ok(!verifies(&key, alg, sig, n), "%s: not MGF1 with SHA1", s.alg);

    other = ring_signer(&ring, i - 3);
    n = sign(&other, input, strlen(input), sig);
    ok(!verifies(&key, alg, sig, n), "%s: not the padding of %s", s.alg,
       other.alg);

    kairo_key_free(&key);
}


/* What an RSA key makes of a block that is padded by us. */

static void
rsa_raw(EVP_PKEY *pkey, const unsigned char *block, size_t n,
    unsigned char *sig)
{
    size_t         size;
    EVP_PKEY_CTX  *ctx;

    ctx = EVP_PKEY_CTX_new_from_pkey(NULL, pkey, NULL);
    need(ctx && EVP_PKEY_sign_init(ctx) == 1
         && EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_NO_PADDING) == 1);

    size = TOKEN_SIGNATURE;
    need(EVP_PKEY_sign(ctx, sig, &size, block, n) == 1 && size == n);

    EVP_PKEY_CTX_free(ctx);
}


/* RFC 8017, section 9.2: the padding is all that is left of the block */

static void
rsa_padding(void)
{
    size_t                      n, i, hash_at;
    BIGNUM                     *modulus, *number;
    signer_t                    s;
    unsigned                    len;
    kairo_key_t                 key;
    unsigned char               block[256], bad[256], sig[TOKEN_SIGNATURE];
    static const unsigned char  info[] = {
        0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65,
        0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20
    };

    s = ring_named(&ring, "RS256");
    key = key_of(s.pkey);
    n = sizeof(block);
    hash_at = n - 32;

    memset(block, 0xff, n);
    block[0] = 0;
    block[1] = 1;
    block[hash_at - sizeof(info) - 1] = 0;
    memcpy(block + hash_at - sizeof(info), info, sizeof(info));
    need(EVP_Digest(input, strlen(input), block + hash_at, &len, EVP_sha256(),
                    NULL));

    rsa_raw(s.pkey, block, n, sig);
    ok(verifies(&key, KAIRO_RS256, sig, n), "RS256: padding by hand");

    memcpy(bad, block, n);
    bad[1] = 2;
    rsa_raw(s.pkey, bad, n, sig);
    ok(!verifies(&key, KAIRO_RS256, sig, n), "RS256: not the other type");

    for (i = 2; i < hash_at - sizeof(info) - 1; i += 40) {
        memcpy(bad, block, n);
        bad[i] = 0xfe;
        rsa_raw(s.pkey, bad, n, sig);
        expect(!verifies(&key, KAIRO_RS256, sig, n), "byte %zu", i);
    }

    verdict("RS256: not another byte in the padding");

    /* short padding and something behind the hash, as forgers have it */

    memset(bad, 0, n);
    bad[1] = 1;
    memset(bad + 2, 0xff, 8);
    memcpy(bad + 11, block + hash_at - sizeof(info), sizeof(info) + 32);
    rsa_raw(s.pkey, bad, n, sig);
    ok(!verifies(&key, KAIRO_RS256, sig, n), "RS256: nothing behind the hash");

    memcpy(bad, block, n);
    memmove(bad + 2, bad + 34, n - 34);
    memset(bad + n - 32, 0, 32);
    rsa_raw(s.pkey, bad, n, sig);
    ok(!verifies(&key, KAIRO_RS256, sig, n), "RS256: no zeroes behind it");

    /* the number and the modulus: the same, modulo it */

    n = sign(&s, input, strlen(input), sig);
    modulus = NULL;
    need(EVP_PKEY_get_bn_param(s.pkey, OSSL_PKEY_PARAM_RSA_N, &modulus));

    do {
        number = BN_bin2bn(sig, (int) n, NULL);
        need(number && BN_add(number, number, modulus));

        if ((size_t) BN_num_bytes(number) <= n) {
            break;
        }

        BN_free(number);
        s.alg = "PS256";
        n = sign(&s, input, strlen(input), sig);
    } while (1);

    ok(verifies(&key, alg_of(s.alg), sig, n), "%s: a signature", s.alg);
    put_number(sig, number, n);
    ok(!verifies(&key, alg_of(s.alg), sig, n), "%s: not that and n", s.alg);

    /* all of the length, zeroes included */

    s.alg = "PS256";

    do {
        n = sign(&s, input, strlen(input), sig);
    } while (sig[0] != 0);

    ok(verifies(&key, KAIRO_PS256, sig, n), "PS256: a zero before it");
    ok(!verifies(&key, KAIRO_PS256, sig + 1, n - 1), "PS256: not without it");

    BN_free(number);
    BN_free(modulus);
    kairo_key_free(&key);
}


/* RFC 8032, section 5.1.7: S is below the order, or there would be more */

static void
eddsa(void)
{
    size_t                      n, i;
    unsigned                    carry;
    signer_t                    s;
    kairo_key_t                 key, other;
    unsigned char               sig[TOKEN_SIGNATURE];
    static const unsigned char  order[32] = {
        0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7,
        0xa2, 0xde, 0xf9, 0xde, 0x14, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
        0, 0, 0x10
    };

    s = ring_signer(&ring, 12);
    key = key_of(s.pkey);
    n = sign(&s, input, strlen(input), sig);
    ok(n == 64 && verifies(&key, KAIRO_EDDSA, sig, n), "Ed25519: 64 bytes");

    for (i = 0, carry = 0; i < 32; i++) {
        carry += sig[32 + i] + (unsigned) order[i];
        sig[32 + i] = (unsigned char) carry;
        carry >>= 8;
    }

    ok(!verifies(&key, KAIRO_EDDSA, sig, n), "Ed25519: S is below the order");

    memset(sig, 0, n);
    ok(!verifies(&key, KAIRO_EDDSA, sig, n), "Ed25519: not all zeroes");

    s = ring_signer(&ring, 13);
    other = key_of(s.pkey);
    n = sign(&s, input, strlen(input), sig);
    ok(n == 114 && verifies(&other, KAIRO_EDDSA, sig, n), "Ed448: 114 bytes");
    ok(!verifies(&key, KAIRO_EDDSA, sig, n), "not by the other curve's key");
    ok(!verifies(&key, KAIRO_EDDSA, sig, 64), "nor its first 64 bytes");

    kairo_key_free(&key);
    kairo_key_free(&other);
}


/* RFC 7518, section 3.2: a secret is as long as the hash */

static void
secrets(void)
{
    char           *pem;
    size_t          n;
    const char     *wrong;
    kairo_key_t     key;
    kairo_span_t    s;
    unsigned char   bytes[4200];

    memset(bytes, 's', sizeof(bytes));

    for (n = 0; n <= 128; n++) {

        s.p = n ? bytes : NULL;
        s.n = n;

        wrong = kairo_key_secret(&key, s);
        queue_is_empty("a secret");

        expect((wrong == NULL) == (n >= 32), "a secret of %zu bytes", n);

        if (wrong == NULL) {
            expect(key.algs == (1u | (n >= 48 ? 2u : 0) | (n >= 64 ? 4u : 0)),
                   "algorithms of %zu bytes", n);
            kairo_key_free(&key);
        }
    }

    verdict("a secret is not shorter than the hash");

    refused(jwk_secret(bytes, 31, ""), "fewer than 32", "k of 31 bytes");
    refused(jwk_secret(bytes, 0, ""), "\"k\"", "k of no bytes");
    refused(jwk_secret(bytes, 4097, ""), "\"k\"", "k of 4097 bytes");
    taken(jwk_secret(bytes, 32, ""), 1, "k of 32 bytes");
    taken(jwk_secret(bytes, 64, ""), 7, "k of 64 bytes");
    taken(jwk_secret(bytes, 64, ",\"alg\":\"HS384\""), 2,
          "k for one algorithm");
    refused(jwk_secret(bytes, 32, ",\"alg\":\"HS512\""), "\"alg\"",
            "k that is too short for its algorithm");
    refused(jwk_secret(bytes, 64, ",\"alg\":\"RS256\""), "\"alg\"",
            "k for a public key's algorithm");
    refused(text_of("{\"kty\":\"oct\"}"), "\"k\"", "oct without k");
    refused(text_of("{\"kty\":\"oct\",\"k\":5}"), "\"k\"", "k that is 5");
    refused(text_of("{\"kty\":\"oct\",\"k\":\"%.44s=\"}",
                    "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE"), "\"k\"",
            "k with padding");

    pem = jwk_secret(bytes, 64, "");
    ok(jwk_read(&key, pem, 0) != NULL, "no secret among public keys");
    free(pem);
}


static void
no_secret(const void *text, size_t n, const char *about)
{
    char          *k;
    const char    *wrong;
    kairo_key_t    key;
    kairo_span_t   s;

    s.p = text;
    s.n = n;
    wrong = kairo_key_secret(&key, s);
    queue_is_empty(about);

    if (wrong == NULL) {
        kairo_key_free(&key);
    }

    k = jwk_secret(text, n, "");

    if (jwk_read(&key, k, 1) == NULL) {
        wrong = NULL;
        kairo_key_free(&key);
    }

    free(k);

    ok(wrong != NULL, "no secret: %s", about);
}


/*
 * A public key is known to all, whatever it is taken for: who signs by HS256
 * with it must not be believed.
 */

static void
public_secrets(void)
{
    BIO            *bio;
    char           *text, *marked;
    X509           *cert;
    unsigned char  *der;
    int             n;

    text = pem_public(ring.rsa);
    no_secret(text, strlen(text), "a public key in PEM");
    marked = text_of("# of the issuer\n%s", text);
    no_secret(marked, strlen(marked), "with a comment before it");
    free(marked);
    free(text);

    text = pem_private(ring.p256);
    no_secret(text, strlen(text), "a private key in PEM");
    free(text);

    der = NULL;
    n = i2d_PUBKEY(ring.rsa, &der);
    no_secret(der, (size_t) n, "a public key in DER");
    OPENSSL_free(der);

    der = NULL;
    n = i2d_PUBKEY(ring.p384, &der);
    no_secret(der, (size_t) n, "of another kind");
    OPENSSL_free(der);

    der = NULL;
    n = i2d_PublicKey(ring.rsa, &der);
    no_secret(der, (size_t) n, "an RSAPublicKey in DER");
    OPENSSL_free(der);

    cert = X509_new();
    need(cert && X509_set_pubkey(cert, ring.p256)
         && X509_gmtime_adj(X509_getm_notBefore(cert), 0)
         && X509_gmtime_adj(X509_getm_notAfter(cert), 1000)
         && X509_sign(cert, ring.p256, EVP_sha256()));

    bio = BIO_new(BIO_s_mem());
    need(bio && PEM_write_bio_X509(bio, cert));
    text = bio_text(bio);
    no_secret(text, strlen(text), "a certificate in PEM");
    free(text);

    der = NULL;
    n = i2d_X509(cert, &der);
    no_secret(der, (size_t) n, "a certificate in DER");
    OPENSSL_free(der);
    X509_free(cert);

    text = ring_jwks(&ring, 0);
    marked = text_of("\xef\xbb\xbf%s", text);
    no_secret(text, strlen(text), "a JWK Set");
    no_secret(marked, strlen(marked), "behind a byte order mark");
    free(marked);
    free(text);

    text = jwk_of(ring.ed25519, "");
    marked = text_of("[%s]", text);
    no_secret(marked, strlen(marked), "an array of keys");
    free(marked);
    free(text);
}


/* An RSA key of these numbers. */

static char *
jwk_rsa(const BIGNUM *n, const BIGNUM *e)
{
    char           *a, *b, *jwk;
    unsigned char   bytes[2200];

    a = base64url(bytes, (size_t) BN_bn2bin(n, bytes));
    b = base64url(bytes, (size_t) BN_bn2bin(e, bytes));

    jwk = text_of("{\"kty\":\"RSA\",\"n\":\"%s\",\"e\":\"%s\"}", a, b);

    free(a);
    free(b);

    return jwk;
}


static void
rsa_exponents(void)
{
    size_t               i;
    BIGNUM              *n, *e;
    const char          *wrong;
    EVP_PKEY            *pkey;
    OSSL_PARAM          *params;
    kairo_key_t          key;
    EVP_PKEY_CTX        *ctx;
    OSSL_PARAM_BLD      *build;
    static const char   *bad[] = {
        "1", "2", "4", "10000", "10002", "8000000000000001FF",
        "10000000000000001"
    };

    n = NULL;
    need(EVP_PKEY_get_bn_param(ring.rsa, OSSL_PKEY_PARAM_RSA_N, &n));

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {

        e = NULL;
        need(BN_hex2bn(&e, bad[i]));

        refused(jwk_rsa(n, e), "", "an exponent that is even, 1 or huge");

        /* the same where it does not come by JSON */

        build = OSSL_PARAM_BLD_new();
        need(build && OSSL_PARAM_BLD_push_BN(build, "n", n)
             && OSSL_PARAM_BLD_push_BN(build, "e", e));
        params = OSSL_PARAM_BLD_to_param(build);
        ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
        pkey = NULL;
        need(ctx && EVP_PKEY_fromdata_init(ctx) == 1
             && EVP_PKEY_fromdata(ctx, &pkey, EVP_PKEY_PUBLIC_KEY, params)
                == 1);

        wrong = kairo_key_pkey(&key, pkey);
        queue_is_empty("an exponent");
        ok(wrong != NULL, "nor of OpenSSL's: %s", bad[i]);

        EVP_PKEY_CTX_free(ctx);
        OSSL_PARAM_free(params);
        OSSL_PARAM_BLD_free(build);
        BN_free(e);
    }

    e = NULL;
    need(BN_hex2bn(&e, "10001"));
    taken(jwk_rsa(n, e), KAIRO_ALGS_RSA, "65537 is an exponent");
    need(BN_hex2bn(&e, "3"));
    taken(jwk_rsa(n, e), KAIRO_ALGS_RSA, "3 is one");

    need(BN_hex2bn(&e, "0"));
    refused(jwk_rsa(n, e), "\"e\"", "an exponent of no bytes");

    BN_free(e);
    BN_free(n);
}


static void
rsa_sizes(void)
{
    BIGNUM    *n, *e, *cut;
    EVP_PKEY  *weak;

    e = NULL;
    need(BN_hex2bn(&e, "10001"));

    weak = key_rsa(1024);
    refused(jwk_of(weak, ""), "2048", "RSA of 1024 bits");
    EVP_PKEY_free(weak);

    n = NULL;
    need(EVP_PKEY_get_bn_param(ring.rsa, OSSL_PKEY_PARAM_RSA_N, &n));

    cut = BN_dup(n);
    need(cut && BN_rshift1(cut, cut) && BN_set_bit(cut, 0));
    refused(jwk_rsa(cut, e), "2048", "RSA of 2047 bits");

    need(BN_set_bit(cut, 8192));
    refused(jwk_rsa(cut, e), "8192", "RSA of 8193 bits");

    need(BN_set_bit(cut, 16000));
    refused(jwk_rsa(cut, e), "too long", "RSA of 16001 bits");

    need(BN_copy(cut, n) && BN_add_word(cut, 1));
    refused(jwk_rsa(cut, e), "", "an even modulus");

    need(BN_set_word(cut, 1) && BN_lshift(cut, cut, 2047));
    refused(jwk_rsa(cut, e), "", "a power of two");

    need(BN_set_word(cut, 1) && BN_lshift(cut, cut, 2047)
         && BN_sub_word(cut, BN_mod_word(cut, 3)) && BN_set_bit(cut, 2047));

    while (BN_mod_word(cut, 3) != 0 || !BN_is_odd(cut)) {
        need(BN_add_word(cut, 1));
    }

    refused(jwk_rsa(cut, e), "", "a modulus that 3 divides");

    BN_free(cut);
    cut = BN_get_rfc3526_prime_2048(NULL);
    need(cut != NULL);
    refused(jwk_rsa(cut, e), "", "a modulus that is a prime");

    BN_free(cut);
    BN_free(n);
    BN_free(e);
}


static void
rsa_members(void)
{
    char  *n, *long_n;

    n = jwk_number(ring.rsa, OSSL_PKEY_PARAM_RSA_N, 0);

    refused(text_of("{\"kty\":\"RSA\",\"n\":\"%s\"}", n), "\"e\"",
            "RSA without e");
    refused(text_of("{\"kty\":\"RSA\",\"e\":\"AQAB\"}"), "\"n\"",
            "RSA without n");
    refused(text_of("{\"kty\":\"RSA\",\"n\":\"%s=\",\"e\":\"AQAB\"}", n),
            "base64url", "n with padding");
    refused(text_of("{\"kty\":\"RSA\",\"n\":\"%s\",\"e\":\"AQAC+/\"}", n),
            "base64url", "e of the other alphabet");
    refused(text_of("{\"kty\":\"RSA\",\"n\":\"%s\",\"e\":65537}", n),
            "base64url", "e as a number");
    refused(text_of("{\"kty\":\"RSA\",\"n\":\"\",\"e\":\"AQAB\"}"), "\"n\"",
            "n of no bytes");
    refused(text_of("{\"kty\":\"RSA\",\"n\":\"AA\",\"e\":\"AQAB\"}"), "",
            "n that is zero");

    /* zeroes before a number make it no other */

    long_n = jwk_number(ring.rsa, OSSL_PKEY_PARAM_RSA_N, 257);
    taken(text_of("{\"kty\":\"RSA\",\"n\":\"%s\",\"e\":\"AAEAAQ\"}", long_n),
          KAIRO_ALGS_RSA, "zeroes before n and e");

    free(n);
    free(long_n);
}


static void
curves(void)
{
    char      *x, *y, *other;
    EVP_PKEY  *k1;

    x = jwk_number(ring.p256, OSSL_PKEY_PARAM_EC_PUB_X, 32);
    y = jwk_number(ring.p256, OSSL_PKEY_PARAM_EC_PUB_Y, 32);

#define ec(crv, x, y)                                                         \
    text_of("{\"kty\":\"EC\",\"crv\":\"%s\",\"x\":\"%s\",\"y\":\"%s\"}", crv, \
            x, y)

    taken(ec("P-256", x, y), kairo_alg_bit(KAIRO_ES256), "P-256 is for ES256");
    taken(jwk_of(ring.p384, ""), kairo_alg_bit(KAIRO_ES384),
          "P-384 is for ES384");
    taken(jwk_of(ring.p521, ""), kairo_alg_bit(KAIRO_ES512),
          "P-521 is for ES512");

    refused(jwk_of(ring.p384, ",\"alg\":\"ES256\""), "\"alg\"",
            "P-384 for ES256");
    refused(jwk_of(ring.p256, ",\"alg\":\"ES512\""), "\"alg\"",
            "P-256 for ES512");
    refused(jwk_of(ring.p256, ",\"alg\":\"HS256\""), "\"alg\"",
            "P-256 for HS256");
    refused(ec("P-384", x, y), "size", "a point of P-256 as one of P-384");
    refused(ec("P-521", x, y), "size", "or of P-521");
    refused(ec("secp256k1", x, y), "\"crv\"", "secp256k1");
    refused(ec("prime256v1", x, y), "\"crv\"", "P-256 by another name");
    refused(ec("p-256", x, y), "\"crv\"", "or in another case");
    refused(ec("P-256 ", x, y), "\"crv\"", "or with a space");
    refused(ec("", x, y), "\"crv\"", "no curve");
    refused(ec("Ed25519", x, y), "\"crv\"", "a curve of another kind");
    refused(ec("P-256", y, x), "curve", "x and y in each other's place");
    refused(ec("P-256", x, x), "curve", "a point off the curve");
    refused(text_of("{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"%s\"}", x),
            "\"y\"", "no y");
    refused(text_of("{\"kty\":\"EC\",\"x\":\"%s\",\"y\":\"%s\"}", x, y),
            "\"crv\"", "no crv");
    refused(text_of("{\"kty\":\"EC\",\"crv\":256,\"x\":\"%s\",\"y\":\"%s\"}",
                    x, y), "\"crv\"", "crv that is a number");

    other = base64url("\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
                      "\0\0\0\0", 32);
    refused(ec("P-256", other, other), "curve", "the point zero, zero");
    free(other);

    other = base64url("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"
                      "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"
                      "\xff\xff\xff\xff\xff\xff", 32);
    refused(ec("P-256", other, y), "curve", "x that is beyond the field");
    free(other);

    other = text_of("%.40s", x);
    refused(ec("P-256", other, y), "size", "x that is cut");
    free(other);

    do {
        EVP_PKEY_free(ring.p256);
        free(x);
        ring.p256 = key_ec("P-256");
        x = jwk_number(ring.p256, OSSL_PKEY_PARAM_EC_PUB_X, 0);
    } while (strlen(x) == 43);

    free(y);
    y = jwk_number(ring.p256, OSSL_PKEY_PARAM_EC_PUB_Y, 32);
    refused(ec("P-256", x, y), "size", "x without the zeroes before it");
    free(x);
    x = jwk_number(ring.p256, OSSL_PKEY_PARAM_EC_PUB_X, 32);
    taken(ec("P-256", x, y), kairo_alg_bit(KAIRO_ES256), "x with them");

    other = jwk_number(ring.p256, OSSL_PKEY_PARAM_EC_PUB_X, 33);
    refused(ec("P-256", other, y), "size", "x with a zero before it");
    free(other);

    k1 = key_ec("secp256k1");
    other = jwk_number(k1, OSSL_PKEY_PARAM_EC_PUB_X, 32);
    free(y);
    y = jwk_number(k1, OSSL_PKEY_PARAM_EC_PUB_Y, 32);
    refused(ec("P-256", other, y), "curve", "a point of secp256k1");

    EVP_PKEY_free(k1);
    free(other);
    free(x);
    free(y);
}


static void
okp(void)
{
    char                 *x;
    size_t                n;
    static unsigned char  bytes[64];

#define okp_jwk(crv, x)                                                       \
    text_of("{\"kty\":\"OKP\",\"crv\":\"%s\",\"x\":\"%s\"}", crv, x)

    taken(jwk_of(ring.ed25519, ""), kairo_alg_bit(KAIRO_EDDSA), "Ed25519");
    taken(jwk_of(ring.ed448, ""), kairo_alg_bit(KAIRO_EDDSA), "Ed448");
    taken(jwk_of(ring.ed448, ",\"alg\":\"EdDSA\""),
          kairo_alg_bit(KAIRO_EDDSA), "for EdDSA");
    refused(jwk_of(ring.ed25519, ",\"alg\":\"ES256\""), "\"alg\"",
            "Ed25519 for ES256");

    for (n = 0; n < sizeof(bytes); n++) {

        kairo_key_t  key;

        x = base64url(bytes, n);

        char  *a = okp_jwk("Ed25519", x), *b = okp_jwk("Ed448", x);

        if (n != 32) {
            expect(jwk_read(&key, a, 1) != NULL, "Ed25519 of %zu bytes", n);
        }

        if (n != 57) {
            expect(jwk_read(&key, b, 1) != NULL, "Ed448 of %zu bytes", n);
        }

        free(a);
        free(b);
        free(x);
    }

    verdict("a key has its curve's length");

    x = base64url(bytes, 32);
    refused(okp_jwk("X25519", x), "\"crv\"", "X25519");
    refused(okp_jwk("ed25519", x), "\"crv\"", "another case");
    refused(okp_jwk("ED25519", x), "\"crv\"", "or OpenSSL's");
    refused(okp_jwk("P-256", x), "\"crv\"", "another kind's curve");
    refused(text_of("{\"kty\":\"OKP\",\"x\":\"%s\"}", x), "\"crv\"",
            "no curve");
    refused(text_of("{\"kty\":\"OKP\",\"crv\":\"Ed25519\"}"), "\"x\"",
            "no x");
    free(x);
}


/* A key of EdDSA, by its bytes from the last: as a number is written. */

static char *
okp_of(const char *crv, const char *hex)
{
    char           *x, *jwk;
    size_t          size;
    BIGNUM         *y;
    unsigned char   raw[57];

    size = strcmp(crv, "Ed25519") == 0 ? 32 : 57;
    y = NULL;

    need(BN_hex2bn(&y, hex) && BN_bn2lebinpad(y, raw, (int) size) > 0);
    BN_free(y);

    x = base64url(raw, size);
    jwk = okp_jwk(crv, x);
    free(x);

    return jwk;
}


/*
 * RFC 8032, section 5.1.3.  By a key of small order, eight at most, one of
 * eight texts is signed by whoever likes, and by the first of these any text.
 */

static void
edwards(void)
{
    size_t              i;
    EVP_PKEY           *pkey;
    const char         *wrong;
    kairo_key_t         key;
    static const char   off25519[] =
        "\2\7\10\13\14\15\21\24\26\37\42\44\46";
    static const char   off448[] =
        "\2\6\12\13\16\17\20\21\22\24\26\27\34\36\40\42";
    static const char  *small25519[] = {
        "1",
        "7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEC",
        "0",
        "7A03AC9277FDC74EC6CC392CFA53202A0F67100D760B3CBA4FD84D3D706A17C7",
        "05FC536D880238B13933C6D305ACDFD5F098EFF289F4C345B027B2C28F95E826",
        "7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFED",
        "7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEE"
    };
    static const char  *small448[] = {
        "1", "0",
        "FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFE"
        "FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFE",
        "FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFE"
        "FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF",
        "FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF"
        "00000000000000000000000000000000000000000000000000000000"
    };

    for (i = 0; i < sizeof(small25519) / sizeof(small25519[0]); i++) {

        char  sign[80];

        refused(okp_of("Ed25519", small25519[i]), "curve",
                "a point of small order on Ed25519");

        /* the other x */

        snprintf(sign, sizeof(sign), "%*s%s", 64 - (int) strlen(small25519[i]),
                 "", small25519[i]);
        memset(sign, '0', strspn(sign, " "));
        sign[0] = (char) (sign[0] == '7' ? 'F' : '8');

        refused(okp_of("Ed25519", sign), "curve", "and its other x");
    }

    for (i = 0; i < sizeof(small448) / sizeof(small448[0]); i++) {
        refused(okp_of("Ed448", small448[i]), "curve",
                "a point of small order on Ed448");
    }

    /* half of all y are of no point, and of the first 40 these, not 0 and 1 */

    for (i = 2; i < 40; i++) {

        char  hex[8], *jwk;

        snprintf(hex, sizeof(hex), "%02zX", i);

        jwk = okp_of("Ed25519", hex);
        wrong = jwk_read(&key, jwk, 0);
        expect((wrong == NULL) == (strchr(off25519, (int) i) == NULL),
               "y = %zu on Ed25519: %s", i, wrong ? wrong : "taken");

        if (wrong == NULL) {
            kairo_key_free(&key);
        }

        free(jwk);

        jwk = okp_of("Ed448", hex);
        wrong = jwk_read(&key, jwk, 0);
        expect((wrong == NULL) == (strchr(off448, (int) i) == NULL),
               "y = %zu on Ed448: %s", i, wrong ? wrong : "taken");

        if (wrong == NULL) {
            kairo_key_free(&key);
        }

        free(jwk);
    }

    verdict("a key is a point of its curve");

    for (i = 0; i < 200; i++) {

        pkey = key_okp(i % 2 ? "ED25519" : "ED448");
        expect(kairo_key_pkey(&key, pkey) == NULL, "a key of its own");
        kairo_key_free(&key);
    }

    verdict("keys that have a secret half are on their curves");

    pkey = EVP_PKEY_new_raw_public_key_ex(NULL, "ED25519", NULL,
                                          (const unsigned char *)
                                          "\1\0\0\0\0\0\0\0\0\0\0\0\0\0"
                                          "\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
                                          "\0\0\0", 32);
    need(pkey != NULL);
    ok(kairo_key_pkey(&key, pkey) != NULL, "nor one that comes by PEM");
}


/* RFC 7517, section 4 */

static void
members(void)
{
    char         *name, *text;
    size_t        n;
    kairo_key_t   key;

    refused(text_of("{}"), "\"kty\"", "no kty");
    refused(text_of("[]"), "\"kty\"", "an array");
    refused(text_of("\"kty\""), "\"kty\"", "a string");
    refused(text_of("null"), "\"kty\"", "null");
    refused(text_of("{\"kty\":5}"), "\"kty\"", "kty that is 5");
    refused(text_of("{\"kty\":\"rsa\"}"), "\"kty\"", "kty in another case");
    refused(text_of("{\"kty\":\"DH\"}"), "\"kty\"", "another kty");

#define with(extra)  jwk_of(ring.p256, "," extra)

    taken(with("\"use\":\"sig\""), kairo_alg_bit(KAIRO_ES256),
          "for signatures");
    refused(with("\"use\":\"enc\""), "\"use\"", "for encryption");
    refused(with("\"use\":\"SIG\""), "\"use\"", "use in another case");
    refused(with("\"use\":null"), "\"use\"", "use that is null");
    refused(with("\"use\":[\"sig\"]"), "\"use\"", "use that is an array");

    taken(with("\"key_ops\":[\"sign\",\"verify\"]"),
          kairo_alg_bit(KAIRO_ES256), "to verify");
    refused(with("\"key_ops\":[\"sign\"]"), "\"key_ops\"", "to sign alone");
    refused(with("\"key_ops\":[]"), "\"key_ops\"", "for nothing");
    refused(with("\"key_ops\":\"verify\""), "\"key_ops\"", "as a string");
    refused(with("\"key_ops\":[null,7]"), "\"key_ops\"", "no strings");
    refused(with("\"use\":\"enc\",\"key_ops\":[\"verify\"]"), "\"use\"",
            "for both");

    taken(with("\"alg\":\"ES256\""), kairo_alg_bit(KAIRO_ES256), "for ES256");
    refused(with("\"alg\":\"es256\""), "\"alg\"", "alg in another case");
    refused(with("\"alg\":\"none\""), "\"alg\"", "for none");
    refused(with("\"alg\":\"\""), "\"alg\"", "for an empty one");
    refused(with("\"alg\":null"), "\"alg\"", "alg that is null");
    refused(with("\"alg\":[\"ES256\"]"), "\"alg\"", "alg that is an array");
    refused(with("\"alg\":\"ECDH-ES\""), "\"alg\"", "for encryption by it");
    taken(jwk_of(ring.rsa, ",\"alg\":\"PS384\""), kairo_alg_bit(KAIRO_PS384),
          "an RSA key for one algorithm");
    refused(jwk_of(ring.rsa, ",\"alg\":\"RSA-OAEP\""), "\"alg\"",
            "or for encryption");
    refused(jwk_of(ring.rsa, ",\"alg\":\"HS256\""), "\"alg\"",
            "or for HS256");

    refused(with("\"kid\":\"\""), "\"kid\"", "an empty kid");
    refused(with("\"kid\":5"), "\"kid\"", "a kid that is 5");
    refused(with("\"kid\":null"), "\"kid\"", "or null");

    name = token_alloc(200);

    for (n = 1; n <= 140; n++) {

        memset(name, 'k', n);
        text = text_of("{\"kty\":\"oct\",\"kid\":\"%s\",\"k\":\"%s\"}", name,
                       "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE");

        if (jwk_read(&key, text, 1) == NULL) {
            expect(n <= 128 && key.kid.n == n
                   && memcmp(key.kid.p, name, n) == 0, "a kid of %zu", n);
            kairo_key_free(&key);

        } else {
            expect(n > 128, "a kid of %zu", n);
        }

        free(text);
    }

    verdict("a kid has at most 128 bytes");
    free(name);
}


/* Private parts are not asked for, and not kept. */

static void
private_parts(void)
{
    char         *d, *extra, *text;
    BIGNUM       *number;
    kairo_key_t   key;

    d = jwk_number(ring.p256, OSSL_PKEY_PARAM_PRIV_KEY, 32);
    extra = text_of(",\"d\":\"%s\"", d);
    text = jwk_of(ring.p256, extra);

    need(jwk_read(&key, text, 0) == NULL);

    number = NULL;
    ok(!EVP_PKEY_get_bn_param(key.pkey, OSSL_PKEY_PARAM_PRIV_KEY, &number),
       "a private key is not kept");

    ERR_clear_error();
    kairo_key_free(&key);
    free(text);
    free(extra);
    free(d);
}


/* Takes the key, as what it is for. */

static void
pkey_is(EVP_PKEY *pkey, uint32_t algs, const char *about)
{
    const char   *wrong;
    kairo_key_t   key;

    need(pkey != NULL);
    ERR_clear_error();

    wrong = kairo_key_pkey(&key, pkey);
    queue_is_empty(about);

    ok(algs ? wrong == NULL && key.algs == algs : wrong != NULL, "%s%s",
       algs ? "" : "not: ", about);

    if (wrong == NULL) {
        kairo_key_free(&key);
    }
}


/* A key whose curve is P-256, said in full, but for its generator. */

static EVP_PKEY *
key_of_own_generator(void)
{
    size_t           n;
    BIGNUM          *p, *a, *b, *five;
    EC_GROUP        *group;
    EC_POINT        *point;
    EVP_PKEY        *pkey;
    OSSL_PARAM      *params;
    EVP_PKEY_CTX    *ctx;
    OSSL_PARAM_BLD  *build;
    unsigned char    bytes[65];

    p = BN_new();
    a = BN_new();
    b = BN_new();
    five = BN_new();
    group = EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1);
    build = OSSL_PARAM_BLD_new();

    need(p && a && b && five && group && build
         && EC_GROUP_get_curve(group, p, a, b, NULL) && BN_set_word(five, 5));

    point = EC_POINT_new(group);
    need(point && EC_POINT_mul(group, point, five, NULL, NULL, NULL));

    n = EC_POINT_point2oct(group, point, POINT_CONVERSION_UNCOMPRESSED, bytes,
                           sizeof(bytes), NULL);
    need(n == sizeof(bytes));

    need(OSSL_PARAM_BLD_push_utf8_string(build, OSSL_PKEY_PARAM_EC_FIELD_TYPE,
                                         "prime-field", 0)
         && OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_EC_P, p)
         && OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_EC_A, a)
         && OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_EC_B, b)
         && OSSL_PARAM_BLD_push_octet_string(build,
                                             OSSL_PKEY_PARAM_EC_GENERATOR,
                                             bytes, n)
         && OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_EC_ORDER,
                                   EC_GROUP_get0_order(group))
         && OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_EC_COFACTOR,
                                   BN_value_one()));

    params = OSSL_PARAM_BLD_to_param(build);
    ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
    pkey = NULL;

    need(params && ctx && EVP_PKEY_keygen_init(ctx) == 1
         && EVP_PKEY_CTX_set_params(ctx, params) == 1
         && EVP_PKEY_keygen(ctx, &pkey) == 1);

    OSSL_PARAM_free(params);
    OSSL_PARAM_BLD_free(build);
    EVP_PKEY_CTX_free(ctx);
    EC_POINT_free(point);
    EC_GROUP_free(group);
    BN_free(p);
    BN_free(a);
    BN_free(b);
    BN_free(five);

    return pkey;
}


static void
pkeys(void)
{
    EVP_PKEY_CTX  *ctx;
    EVP_PKEY      *pkey;

    need(EVP_PKEY_up_ref(ring.rsa) && EVP_PKEY_up_ref(ring.p384)
         && EVP_PKEY_up_ref(ring.ed448));

    pkey_is(ring.rsa, KAIRO_ALGS_RSA, "RSA");
    pkey_is(ring.p384, kairo_alg_bit(KAIRO_ES384), "P-384");
    pkey_is(ring.ed448, kairo_alg_bit(KAIRO_EDDSA), "Ed448");
    pkey_is(key_rsa(1024), 0, "RSA of 1024 bits");
    pkey_is(key_okp("X25519"), 0, "X25519");
    pkey_is(key_okp("X448"), 0, "X448");
    pkey_is(key_ec("secp256k1"), 0, "secp256k1");
    pkey_is(key_ec("brainpoolP256r1"), 0, "brainpoolP256r1");
    pkey_is(key_ec("P-224"), 0, "P-224");
    pkey_is(key_of_own_generator(), 0, "P-256 with a generator of its own");

    /* a key of PSS alone has parameters that nothing here looks at */

    ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA-PSS", NULL);
    pkey = NULL;
    need(ctx && EVP_PKEY_keygen_init(ctx) == 1
         && EVP_PKEY_keygen(ctx, &pkey) == 1);
    EVP_PKEY_CTX_free(ctx);
    pkey_is(pkey, 0, "RSA-PSS");
}


/* What tells keys apart, and their uses. */

static void
thumbs(void)
{
    size_t        i, j;
    kairo_key_t   keys[8], again;
    char         *text[8];

    text[0] = jwk_of(ring.rsa, "");
    text[1] = jwk_of(ring.rsa, ",\"alg\":\"RS256\"");
    text[2] = jwk_of(ring.rsa, ",\"alg\":\"PS256\"");
    text[3] = jwk_of(ring.p256, "");
    text[4] = jwk_of(ring.ed25519, "");
    text[5] = jwk_secret(ring.secret, 64, "");
    text[6] = jwk_secret(ring.secret, 64, ",\"alg\":\"HS256\"");
    text[7] = jwk_secret(ring.secret, 63, "");

    for (i = 0; i < 8; i++) {

        need(jwk_read(&keys[i], text[i], 1) == NULL);
        need(jwk_read(&again, text[i], 1) == NULL);

        expect(memcmp(keys[i].thumb, again.thumb, KAIRO_KEY_THUMB) == 0,
               "key %zu, read again", i);

        kairo_key_free(&again);

        for (j = 0; j < i; j++) {
            expect(memcmp(keys[i].thumb, keys[j].thumb, KAIRO_KEY_THUMB) != 0,
                   "keys %zu and %zu", i, j);
        }
    }

    verdict("a thumb is of a key and of what it is for");

    need(kairo_key_pkey(&again, (EVP_PKEY_up_ref(ring.rsa), ring.rsa))
         == NULL);
    ok(memcmp(again.thumb, keys[0].thumb, KAIRO_KEY_THUMB) == 0,
       "the same from JSON and from PEM");
    kairo_key_free(&again);

    for (i = 0; i < 8; i++) {
        kairo_key_free(&keys[i]);
        free(text[i]);
    }
}


int
main(void)
{
    unsigned  i;

    unit_begin(20260204);
    ring_make(&ring);

    algorithms();
    every_pair();
    restricted();
    every_bit();
    every_length();

    for (i = 9; i < 12; i++) {
        ecdsa_range(i);
        ecdsa_form(i);
    }

    ecdsa_twin();

    for (i = 6; i < 9; i++) {
        pss(i);
    }

    rsa_padding();
    eddsa();
    secrets();
    public_secrets();
    rsa_exponents();
    rsa_sizes();
    rsa_members();
    curves();
    okp();
    edwards();
    members();
    private_parts();
    pkeys();
    thumbs();

    always_held();
    ring_free(&ring);

    return unit_done();
}
