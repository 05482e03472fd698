
/*
 * Tokens, from text to yes or no: RFC 7515, 7519, 8037, 8725 and 9068, and
 * what is tried against those who read them too kindly.
 */


#include "token.h"


#define NOW  1700000000

#define ISSUER  "https://issuer.example/"

#define HS256   "{\"alg\":\"HS256\"}"


static ring_t              ring;
static kairo_keyset_t      all;         /* of all kinds, each with a name */
static kairo_keyset_t      secret;      /* one secret, without */
static signer_t            hs256;

static const kairo_span_t  audiences[] = {
    kairo_span("api"), kairo_span("https://api.example/v1")
};

static const kairo_jwt_policy_t  policy = {
    kairo_span(ISSUER), audiences, 2, kairo_jwt_types, KAIRO_JWT_TYPES,
    KAIRO_ALGS_ALL, 30, 0
};


typedef struct {
    const char      *about;
    const char      *text;          /* NULL: the member is not there */
    kairo_jwt_rc_t   rc;
} case_t;


/* The claims of a good token, with one of them as it is written here. */

static char *
claims(const char *name, const char *json)
{
    int                  others;
    char                *text, *longer;
    size_t               i;
    static const struct {
        const char  *name;
        const char  *json;
    } good[] = {
        { "iss", "\"" ISSUER "\"" },
        { "sub", "\"me\"" },
        { "aud", "\"api\"" },
        { "iat", "1699999990" },
        { "exp", "1700000600" },
    };

    text = text_of("{");
    others = 0;

    for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {

        if (name && strcmp(good[i].name, name) == 0) {
            continue;
        }

        longer = text_of("%s%s\"%s\":%s", text, others++ ? "," : "",
                         good[i].name, good[i].json);
        free(text);
        text = longer;
    }

    longer = name && json ? text_of("%s,\"%s\":%s}", text, name, json)
                          : text_of("%s}", text);
    free(text);

    return longer;
}


/* Takes the token. */

static void
judged_as(kairo_jwt_rc_t rc, char *text, const kairo_keyset_t *keys,
    const kairo_jwt_policy_t *p, const char *about)
{
    kairo_jwt_rc_t  got;

    got = judged(text, strlen(text), keys, p, NOW);

    if (!ok(got == rc, "%s: %s", kairo_jwt_reason(rc), about)) {
        diag("%.500s: %s", text, kairo_jwt_reason(got));
    }

    free(text);
}


/* A header, over good claims. */

static void
header_is(kairo_jwt_rc_t rc, const char *header, const char *about)
{
    char  *payload;

    payload = claims(NULL, NULL);
    judged_as(rc, token(&hs256, header, payload), &secret, &policy, about);
    free(payload);
}


static void
claim_is(kairo_jwt_rc_t rc, const char *name, const char *json,
    const kairo_jwt_policy_t *p, const char *about)
{
    char  *payload;

    payload = claims(name, json);
    judged_as(rc, token(&hs256, HS256, payload), &secret, p, about);
    free(payload);
}


/* Not good, whatever the reason is called. */

static void
never(const char *text, const kairo_keyset_t *keys, const char *about)
{
    expect(judged(text, strlen(text), keys, &policy, NOW) != KAIRO_JWT_OK,
           "%s: %.300s", about, text);
    expect(judged(text, strlen(text), keys, NULL, NOW) != KAIRO_JWT_OK,
           "%s, without claims: %.300s", about, text);
}


static void
every_algorithm(void)
{
    char                *payload, *header, *text;
    unsigned             i, j;
    signer_t             s;
    kairo_jwt_policy_t   p;

    payload = claims(NULL, NULL);

    for (i = 0; i < TOKEN_ALGS; i++) {

        s = ring_signer(&ring, i);

        header = text_of("{\"alg\":\"%s\",\"kid\":\"%s\",\"typ\":\"JWT\"}",
                         s.alg, ring_kid(i));
        text = token(&s, header, payload);

        ok(judged(text, strlen(text), &all, &policy, NOW) == KAIRO_JWT_OK
           && judged(text, strlen(text), &all, NULL, 0) == KAIRO_JWT_OK,
           "ok: %s by %s", s.alg, ring_kid(i));

        /* the issuer's list, and the key's */

        p = policy;
        p.algs &= ~kairo_alg_bit(kairo_alg_find(span_of(s.alg)));

        expect(judged(text, strlen(text), &all, &p, NOW)
               == KAIRO_JWT_ALGORITHM, "%s where it is not listed", s.alg);

        free(text);
        free(header);

        for (j = 0; j < TOKEN_ALGS; j++) {

            header = text_of("{\"alg\":\"%s\",\"kid\":\"%s\"}", s.alg,
                             ring_kid(j));
            text = token(&s, header, payload);

            expect((judged(text, strlen(text), &all, &policy, NOW)
                    == KAIRO_JWT_OK) == (ring_kid(i) == ring_kid(j)
                                         || strcmp(ring_kid(i), ring_kid(j))
                                            == 0),
                   "%s by %s as if by %s", s.alg, ring_kid(i), ring_kid(j));

            free(text);
            free(header);

            if (j == i) {
                continue;
            }

            header = text_of("{\"alg\":\"%s\",\"kid\":\"%s\"}",
                             ring_signer(&ring, j).alg, ring_kid(i));
            text = token(&s, header, payload);

            /* the two curves of EdDSA have one name */

            expect((judged(text, strlen(text), &all, &policy, NOW)
                    == KAIRO_JWT_OK) == (i >= 12 && j >= 12),
                   "%s in the header, signed by %s",
                   ring_signer(&ring, j).alg, s.alg);

            free(text);
            free(header);
        }

        verdict("and it alone, by %s alone", ring_kid(i));
    }

    free(payload);
}


/* Each step by itself: who asks for one must not rely on another. */

static void
steps(void)
{
    char                *payload, *text;
    uint32_t             algs;
    kairo_jwt_t          jwt;
    kairo_jwt_policy_t   p;

    payload = claims(NULL, NULL);
    text = token(&hs256, HS256, payload);
    algs = KAIRO_ALGS_ALL & ~kairo_alg_bit(KAIRO_HS256);
    p = policy;

    need(kairo_jwt_read(&jwt, span_of(text)) == KAIRO_JWT_OK
         && kairo_jwt_claims(&jwt) == KAIRO_JWT_OK);

    ok(kairo_jwt_judge(&jwt, &p, NOW) == KAIRO_JWT_OK
       && kairo_jwt_verify(&jwt, &secret, KAIRO_ALGS_ALL) == KAIRO_JWT_OK
       && jwt.key == &secret.keys[0], "a token is judged, and verified");

    p.algs = algs;
    jwt.key = NULL;
    ok(kairo_jwt_judge(&jwt, &p, NOW) == KAIRO_JWT_ALGORITHM,
       "not judged well by an algorithm that is not listed");
    ok(kairo_jwt_verify(&jwt, &secret, algs) == KAIRO_JWT_ALGORITHM
       && jwt.key == NULL, "nor verified by it");
    ok(kairo_jwt_verify(&jwt, &secret, 0) == KAIRO_JWT_ALGORITHM,
       "nor where none is");

    kairo_jwt_free(&jwt);
    free(text);
    free(payload);
}


/* RFC 7515, appendices A.1 and A.3 */

static void
examples(void)
{
    char             *text, *p, *q;
    kairo_jwt_t       jwt;
    kairo_keyset_t    keys;
    static const char key[] = "{\"keys\":[{\"kty\":\"oct\",\"k\":\"AyM1SysPpb"
        "yDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAz"
        "Zr1Z9CAow\"},{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"f83OJ3D2xF1B"
        "g8vub9tLe1gHMzV76e8Tus9uPHvRVEU\",\"y\":\"x_FEzRu9m36HLN_tue659LNpX"
        "W6pCyStikYjKIWI5a0\"}]}";
    static const char hs[] = "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.eyJpc"
        "3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNv"
        "bS9pc19yb290Ijp0cnVlfQ.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    static const char es[] = "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJle"
        "HAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVl"
        "fQ.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSA"
        "pmWQxfKTUJqPP3-Kg6NU1Q";
    kairo_jwt_policy_t  any = {
        { NULL, 0 }, NULL, 0, kairo_jwt_types, KAIRO_JWT_TYPES,
        KAIRO_ALGS_ALL, 0, 0
    };

    need(kairo_keyset_jwks(&keys, span_of(key), 1) == NULL);

    ok(judged(hs, strlen(hs), &keys, &any, 1300819379) == KAIRO_JWT_OK,
       "RFC 7515, A.1");
    ok(judged(hs, strlen(hs), &keys, &any, 1300819380) == KAIRO_JWT_EXPIRED,
       "not on its last second");
    ok(judged(es, strlen(es), &keys, &any, 1300819379) == KAIRO_JWT_OK,
       "RFC 7515, A.3");

    text = text_of("%s", es);
    p = strchr(text, '.');
    q = strchr(p + 1, '.');

    ok(kairo_jwt_read(&jwt, span_of(text)) == KAIRO_JWT_OK
       && jwt.alg == KAIRO_ES256 && jwt.kid.p == NULL && jwt.type.p == NULL
       && jwt.claims == NULL && jwt.key == NULL
       && jwt.input.p == (unsigned char *) text
       && jwt.input.n == (size_t) (q - text) && jwt.signature.n == 64
       && jwt.payload.n == 70, "what is read of it");

    kairo_jwt_free(&jwt);
    free(text);

    text = text_of("%s", hs);
    ok(kairo_jwt_read(&jwt, span_of(text)) == KAIRO_JWT_OK
       && jwt.alg == KAIRO_HS256 && jwt.type.n == 3
       && kairo_jwt_claims(&jwt) == KAIRO_JWT_OK
       && jwt.times.exp == 1300819380 && jwt.times.iat == 0
       && jwt.times.nbf == 0, "and of its claims");

    kairo_jwt_free(&jwt);
    free(text);
    kairo_keyset_free(&keys);
}


/* What a token may be changed into, one character at a time. */

static void
no_other_spelling(void)
{
    char               *payload, *header, *text, *t;
    size_t              n, i;
    unsigned            k, c;
    signer_t            s;
    unsigned long       tried;
    static const char   alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

#define refused(len)                                                          \
    (tried++, expect(judged(t, len, &all, NULL, 0) != KAIRO_JWT_OK,           \
                     "%s, at %zu: %.*s", s.alg, i, (int) (len), t))

    payload = claims("aud", NULL);

    for (k = 0; k < TOKEN_ALGS; k++) {

        s = ring_signer(&ring, k);
        tried = 0;

        header = text_of("{\"alg\":\"%s\",\"kid\":\"%s\"}", s.alg,
                         ring_kid(k));
        text = token(&s, header, payload);
        n = strlen(text);
        t = token_alloc(n + 2);

        need(judged(text, n, &all, NULL, 0) == KAIRO_JWT_OK);

        for (i = 0; i < n; i++) {

            /* each bit of the six, and each byte where that is cheap */

            memcpy(t, text, n);

            for (c = 0; c < 256; c++) {

                const char  *old = strchr(alphabet, text[i]);
                const char  *new = c ? strchr(alphabet, (int) c) : NULL;
                unsigned     bits;

                if (c == (unsigned char) text[i]) {
                    continue;
                }

                if (k && new == NULL && strchr("=+/. \n", (int) c) == NULL) {
                    continue;
                }

                if (k && old && new) {
                    bits = (unsigned) (old - alphabet)
                           ^ (unsigned) (new - alphabet);

                    if (bits & (bits - 1)) {
                        continue;
                    }
                }

                t[i] = (char) c;
                refused(n);
            }

            /* one less, one more, two in each other's place, all before it */

            memcpy(t, text, i);
            memcpy(t + i, text + i + 1, n - i - 1);

            if (i == 0 || text[i] != text[i - 1]) {
                refused(n - 1);
            }

            memcpy(t, text, i);
            t[i] = alphabet[unit_below(64)];
            memcpy(t + i + 1, text + i, n - i);

            if (memcmp(t, text, n) != 0) {
                refused(n + 1);
            }

            memcpy(t, text, n);

            if (i && text[i] != text[i - 1]) {
                t[i] = text[i - 1];
                t[i - 1] = text[i];
                refused(n);
            }

            memcpy(t, text, n);
            refused(i);
        }

        for (c = 0; c < 256; c++) {
            t[n] = (char) c;
            refused(n + 1);
        }

        verdict("%s (%s): %lu texts next to it are refused", s.alg,
                ring_kid(k), tried);

        free(t);
        free(text);
        free(header);
    }

    free(payload);
}


/* Base64url that would be read by somebody kinder. */

static void
laxness(void)
{
    char               *payload, *h, *p, *text, *good;
    size_t              part, i, n, at;
    const char         *last;
    static const char  *inserts[] = {
        "=", "==", "\n", "\r\n", " ", "\t", "%3D", "AAAA", "A", "+", "/",
        "\v", "\x7f", "\xc3\xa9"
    };
    static const char   alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

    /* parts of 4n + 2 and 4n + 3 characters have bits to spare */

    payload = text_of("{\"exp\":1700000600 }");
    good = token(&hs256, HS256, payload);
    need(judged(good, strlen(good), &secret, NULL, 0) == KAIRO_JWT_OK);

    for (part = 0; part < 3; part++) {

        for (i = 0; i < sizeof(inserts) / sizeof(inserts[0]); i++) {

            h = strchr(good, '.');
            p = strchr(h + 1, '.');
            n = part == 0 ? (size_t) (h - good)
                          : part == 1 ? (size_t) (p - good) : strlen(good);

            text = text_of("%.*s%s%s", (int) n, good, inserts[i], good + n);
            never(text, &secret, "something at the end of a part");
            free(text);

            text = text_of("%.*s%s%s", (int) n - 3, good, inserts[i],
                           good + n - 3);
            never(text, &secret, "something within a part");
            free(text);
        }
    }

    verdict("padding and white space anywhere");

    /* signed as they are, so that the signature is right */

    for (at = 0; at < 64; at++) {

        h = base64url("{\"alg\":\"HS256\"} ", 16);
        last = strchr(alphabet, h[strlen(h) - 1]);
        n = (size_t) (last - alphabet);

        h[strlen(h) - 1] = alphabet[at];
        p = base64url(payload, strlen(payload));
        text = text_of("%s.%s", h, p);
        free(p);
        p = token_signed(&hs256, text);

        if (at == n) {
            need(judged(p, strlen(p), &secret, NULL, 0) == KAIRO_JWT_OK);

        } else {
            never(p, &secret, "trailing bits in a header");
        }

        free(p);
        free(text);
        free(h);
    }

    verdict("trailing bits, however they are signed");

    text = text_of("%s", good);
    n = strlen(text) - 1;

    for (at = 0; at < 64; at++) {
        text[n] = alphabet[at];
        expect(judged(text, n + 1, &secret, NULL, 0)
               == (text[n] == good[n] ? KAIRO_JWT_OK
                   : at % 4 ? KAIRO_JWT_MALFORMED : KAIRO_JWT_SIGNATURE),
               "a signature that ends with %c", text[n]);
    }

    verdict("trailing bits of a signature");
    free(text);

    h = base64url(HS256, strlen(HS256));
    p = base64url(payload, strlen(payload));

    text = text_of("%s==.%s", h, p);
    free(payload);
    payload = token_signed(&hs256, text);
    never(payload, &secret, "padding that is signed");
    free(payload);
    free(text);

    text = text_of("%sA.%s", h, p);
    payload = token_signed(&hs256, text);
    never(payload, &secret, "4n + 1 characters that are signed");
    free(payload);
    free(text);

    text = text_of("%s.%s\n", h, p);
    payload = token_signed(&hs256, text);
    never(payload, &secret, "a line end that is signed");
    free(payload);
    free(text);

    verdict("other laxness, however it is signed");

    free(h);
    free(p);
    free(good);
}


/* Other serializations, and what may stand around a token. */

static void
serializations(void)
{
    char    *payload, *good, *h, *p, *s, *text;
    size_t   i;

    payload = claims(NULL, NULL);
    good = token(&hs256, HS256, payload);

    need(judged(good, strlen(good), &secret, &policy, NOW) == KAIRO_JWT_OK);

    h = text_of("%s", good);
    p = strchr(h, '.');
    *p++ = '\0';
    s = strchr(p, '.');
    *s++ = '\0';

    char  *texts[] = {
        text_of("{\"payload\":\"%s\",\"protected\":\"%s\","
                "\"signature\":\"%s\"}", p, h, s),
        text_of("{\"payload\":\"%s\",\"signatures\":[{\"protected\":\"%s\","
                "\"signature\":\"%s\"}]}", p, h, s),
        text_of("{\"payload\":\"%s\",\"protected\":\"%s\",\"signature\":"
                "\"%s\",\"x\":\"%s\"}", p, h, s, good),
        text_of("{\"%s\":1}", good),
        text_of("Bearer %s", good),
        text_of(" %s", good),
        text_of("%s ", good),
        text_of("%s\n", good),
        text_of("\"%s\"", good),
        text_of("%s,%s", good, good),
        text_of("%s.", good),
        text_of(".%s", good),
        text_of("%s.%s", good, good),
        text_of("%s..%s", h, s),
        text_of("%s.%s", h, p),
        text_of("%s.%s.", h, p),
        text_of(".%s.%s", p, s),
        text_of("%s.%s.%s.%s", h, p, s, s),
        text_of("%s.%s.%s.%s.%s", h, p, s, s, s),
        text_of("%s.%s.%s..", h, p, s),
        text_of("%s", ""),
        text_of(".."),
        text_of("..%s", s),
        text_of("..."),
    };

    for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        never(texts[i], &secret, "another serialization");
        free(texts[i]);
    }

    verdict("the compact serialization alone, and nothing around it");

    text = token(&hs256, HS256, good);
    ok(judged(text, strlen(text), &secret, &policy, NOW)
       == KAIRO_JWT_BAD_CLAIMS, "not: a token as the payload of another");
    free(text);

    free(h);
    free(good);
    free(payload);
}


/* Who names the algorithm gets none of his own. */

static void
algorithms(void)
{
    size_t               i;
    static const case_t  cases[] = {
        { "none", "\"none\"", KAIRO_JWT_ALGORITHM },
        { "None", "\"None\"", KAIRO_JWT_ALGORITHM },
        { "NONE", "\"NONE\"", KAIRO_JWT_ALGORITHM },
        { "nOnE", "\"nOnE\"", KAIRO_JWT_ALGORITHM },
        { "none in hexadecimal", "\"\\u006eone\"", KAIRO_JWT_ALGORITHM },
        { "none and a space", "\"none \"", KAIRO_JWT_ALGORITHM },
        { "nothing", "\"\"", KAIRO_JWT_ALGORITHM },
        { "hs256", "\"hs256\"", KAIRO_JWT_ALGORITHM },
        { "Hs256", "\"Hs256\"", KAIRO_JWT_ALGORITHM },
        { "a space before", "\" HS256\"", KAIRO_JWT_ALGORITHM },
        { "a space behind", "\"HS256 \"", KAIRO_JWT_ALGORITHM },
        { "HS257", "\"HS257\"", KAIRO_JWT_ALGORITHM },
        { "HS1", "\"HS1\"", KAIRO_JWT_ALGORITHM },
        { "one for encryption", "\"dir\"", KAIRO_JWT_ALGORITHM },
        { "a URI", "\"http://www.w3.org/2001/04/xmldsig-more#hmac-sha256\"",
          KAIRO_JWT_ALGORITHM },
        { "NUL behind", "\"HS256\\u0000\"", KAIRO_JWT_BAD_HEADER },
        { "absent", NULL, KAIRO_JWT_BAD_HEADER },
        { "null", "null", KAIRO_JWT_BAD_HEADER },
        { "true", "true", KAIRO_JWT_BAD_HEADER },
        { "a number", "256", KAIRO_JWT_BAD_HEADER },
        { "an array", "[\"HS256\"]", KAIRO_JWT_BAD_HEADER },
        { "an object", "{\"alg\":\"HS256\"}", KAIRO_JWT_BAD_HEADER },
        { "itself in hexadecimal", "\"\\u0048S256\"", KAIRO_JWT_OK },
    };

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {

        char  *header;

        header = cases[i].text ? text_of("{\"alg\":%s}", cases[i].text)
                               : text_of("{\"typ\":\"JWT\"}");

        header_is(cases[i].rc, header, cases[i].about);
        free(header);
    }

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {

        char  *header, *payload, *text, *h, *p;

        header = cases[i].text ? text_of("{\"alg\":%s}", cases[i].text)
                               : text_of("{\"typ\":\"JWT\"}");
        payload = claims(NULL, NULL);
        h = base64url(header, strlen(header));
        p = base64url(payload, strlen(payload));
        text = text_of("%s.%s.", h, p);

        never(text, &secret, cases[i].about);
        never(text, &all, cases[i].about);

        free(text);
        free(h);
        free(p);
        free(payload);
        free(header);
    }

    verdict("none of them without a signature");
}


/* HS256 with what everybody knows of the key for RS256 or ES256. */

static void
confusion_by(const kairo_keyset_t *keys, const void *known, size_t n,
    const char *about)
{
    char               *payload, *header, *text;
    size_t              i, j;
    signer_t            s;
    static const char  *algs[] = { "HS256", "HS384", "HS512" };
    static const char  *kids[] = {
        "", ",\"kid\":\"rsa\"", ",\"kid\":\"p256\"", ",\"kid\":\"secret\"",
        ",\"kid\":\"\"", ",\"kid\":\"none of them\""
    };

    memset(&s, 0, sizeof(s));
    s.secret.p = known;
    s.secret.n = n;

    payload = claims(NULL, NULL);

    for (i = 0; i < 3; i++) {
        for (j = 0; j < sizeof(kids) / sizeof(kids[0]); j++) {

            s.alg = algs[i];
            header = text_of("{\"alg\":\"%s\"%s}", s.alg, kids[j]);
            text = token(&s, header, payload);

            never(text, keys, about);

            free(text);
            free(header);
        }
    }

    free(payload);
}


static void
confusion_of(EVP_PKEY *pkey, const kairo_keyset_t *keys)
{
    BIO            *bio;
    int             n;
    char           *text;
    size_t          len;
    unsigned char  *der, raw[2048];
    static char     zeroes[64];

    text = pem_public(pkey);
    len = strlen(text);
    confusion_by(keys, text, len, "PEM");
    confusion_by(keys, text, len - 1, "PEM without its last line end");
    confusion_by(keys, text, len + 1, "PEM with NUL");
    free(text);

    der = NULL;
    n = i2d_PUBKEY(pkey, &der);
    need(n > 0);
    confusion_by(keys, der, (size_t) n, "DER");
    OPENSSL_free(der);

    text = jwk_of(pkey, "");
    confusion_by(keys, text, strlen(text), "a JWK");
    free(text);

    if (EVP_PKEY_get_base_id(pkey) == EVP_PKEY_RSA) {

        BIGNUM  *modulus;

        der = NULL;
        n = i2d_PublicKey(pkey, &der);
        need(n > 0);
        confusion_by(keys, der, (size_t) n, "PKCS #1");
        bio = BIO_new(BIO_s_mem());
        need(bio && PEM_write_bio(bio, "RSA PUBLIC KEY", "", der, n));
        OPENSSL_free(der);
        text = bio_text(bio);
        confusion_by(keys, text, strlen(text), "PEM of PKCS #1");
        free(text);

        modulus = NULL;
        need(EVP_PKEY_get_bn_param(pkey, OSSL_PKEY_PARAM_RSA_N, &modulus));
        n = BN_bn2bin(modulus, raw);
        BN_free(modulus);

        confusion_by(keys, raw, (size_t) n, "the modulus");
        text = base64url(raw, (size_t) n);
        confusion_by(keys, text, strlen(text), "the modulus in base64url");
        free(text);
    }

    confusion_by(keys, "", 0, "no secret");
    confusion_by(keys, zeroes, 1, "NUL");
    confusion_by(keys, zeroes, sizeof(zeroes), "zeroes");
    confusion_by(keys, "secret", 6, "a word");
}


static void
confusion(void)
{
    char            *text;
    size_t           i;
    EVP_PKEY        *pkeys[3];
    kairo_keyset_t   keys;

    pkeys[0] = ring.rsa;
    pkeys[1] = ring.p256;
    pkeys[2] = ring.ed25519;

    for (i = 0; i < 3; i++) {

        text = pem_public(pkeys[i]);
        need(kairo_keyset_any(&keys, span_of(text)) == NULL);
        confusion_of(pkeys[i], &keys);
        kairo_keyset_free(&keys);
        free(text);

        text = jwk_of(pkeys[i], ",\"kid\":\"rsa\"");
        need(kairo_keyset_any(&keys, span_of(text)) == NULL);
        confusion_of(pkeys[i], &keys);
        kairo_keyset_free(&keys);
        free(text);

        confusion_of(pkeys[i], &all);
        confusion_of(pkeys[i], &secret);
    }

    verdict("a public key is no secret");

    memset(&keys, 0, sizeof(keys));
    confusion_of(ring.rsa, &keys);
    text = token(&hs256, HS256, "{}");
    never(text, &keys, "a good token");
    free(text);
    text = token(&hs256, "{\"alg\":\"none\"}", "{}");
    never(text, &keys, "none");
    free(text);

    verdict("where there is no key, no token is good");
}


/* RFC 8725, section 3.10, and RFC 7515, sections 4.1.2 to 4.1.6 */

static void
keys_in_headers(void)
{
    char       *jwk, *header, *payload, *cert;
    size_t      i;
    signer_t    thief;

    thief.alg = "ES256";
    thief.pkey = key_ec("P-256");

    jwk = jwk_of(thief.pkey, "");
    payload = claims(NULL, NULL);
    cert = text_of("\"%s\"", "MIIB");

    char  *headers[] = {
        text_of("\"jwk\":%s", jwk),
        text_of("\"jwk\":%s,\"kid\":\"p256\"", jwk),
        text_of("\"jwk\":%s,\"kid\":\"thief\"", jwk),
        text_of("\"jku\":\"https://thief.example/jwks.json\""),
        text_of("\"jku\":\"https://thief.example/\",\"kid\":\"p256\""),
        text_of("\"x5u\":\"https://thief.example/cert.pem\""),
        text_of("\"x5c\":[%s],\"kid\":\"p256\"", cert),
        text_of("\"x5t\":\"AAAA\",\"x5t#S256\":\"AAAA\""),
        text_of("\"keys\":[%s]", jwk),
        text_of("\"epk\":%s", jwk),
        text_of("\"iss\":\"https://issuer.example/\""),
    };

    for (i = 0; i < sizeof(headers) / sizeof(headers[0]); i++) {

        header = text_of("{\"alg\":\"ES256\",%s}", headers[i]);
        judged_as(strstr(header, "\"thief\"") ? KAIRO_JWT_UNKNOWN_KEY
                                              : KAIRO_JWT_SIGNATURE,
                  token(&thief, header, payload), &all, &policy, headers[i]);
        free(header);
        free(headers[i]);
    }

    /* they change nothing for who has the key either */

    header = text_of("{\"alg\":\"HS256\",\"jwk\":%s,\"jku\":\"x\"}", jwk);
    judged_as(KAIRO_JWT_OK, token(&hs256, header, payload), &secret, &policy,
              "a key in the header is not looked at");
    free(header);

    EVP_PKEY_free(thief.pkey);
    free(cert);
    free(payload);
    free(jwk);
}


static void
kids(void)
{
    char                *header, *payload, *name, *text;
    size_t               i, n;
    kairo_jwt_rc_t       rc;
    static const case_t  cases[] = {
        { "a path", "\"../../../dev/null\"", KAIRO_JWT_UNKNOWN_KEY },
        { "another", "\"/proc/self/environ\"", KAIRO_JWT_UNKNOWN_KEY },
        { "SQL", "\"x' UNION SELECT 'key'--\"", KAIRO_JWT_UNKNOWN_KEY },
        { "a shell's", "\"|/bin/sh\"", KAIRO_JWT_UNKNOWN_KEY },
        { "a URL", "\"https://thief.example/key\"", KAIRO_JWT_UNKNOWN_KEY },
        { "nothing", "\"\"", KAIRO_JWT_UNKNOWN_KEY },
        { "the name's beginning", "\"secre\"", KAIRO_JWT_UNKNOWN_KEY },
        { "the name and more", "\"secrets\"", KAIRO_JWT_UNKNOWN_KEY },
        { "another case", "\"Secret\"", KAIRO_JWT_UNKNOWN_KEY },
        { "a wildcard", "\"*\"", KAIRO_JWT_UNKNOWN_KEY },
        { "another key's", "\"rsa\"", KAIRO_JWT_UNFIT_KEY },
        { "its own", "\"secret\"", KAIRO_JWT_OK },
        { "its own in hexadecimal", "\"\\u0073ecret\"", KAIRO_JWT_OK },
        { "NUL behind it", "\"secret\\u0000\"", KAIRO_JWT_BAD_HEADER },
        { "a number", "1", KAIRO_JWT_BAD_HEADER },
        { "null", "null", KAIRO_JWT_BAD_HEADER },
        { "an array", "[\"secret\"]", KAIRO_JWT_BAD_HEADER },
        { "an object", "{}", KAIRO_JWT_BAD_HEADER },
        { "false", "false", KAIRO_JWT_BAD_HEADER },
    };

    payload = claims(NULL, NULL);

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        header = text_of("{\"alg\":\"HS256\",\"kid\":%s}", cases[i].text);
        text = text_of("kid: %s", cases[i].about);
        judged_as(cases[i].rc, token(&hs256, header, payload), &all, &policy,
                  text);
        free(text);
        free(header);
    }

    /* for a key that has no name, so that the length alone decides */

    name = token_alloc(2000);

    for (n = 1; n < 1500; n += n < 140 ? 1 : 97) {

        memset(name, 'k', n);
        header = text_of("{\"alg\":\"HS256\",\"kid\":\"%s\"}", name);
        text = token(&hs256, header, payload);

        rc = judged(text, strlen(text), &secret, &policy, NOW);
        expect((rc == KAIRO_JWT_OK) == (n <= 128), "a kid of %zu bytes: %s",
               n, kairo_jwt_reason(rc));

        free(text);
        free(header);
    }

    verdict("a kid has at most 128 bytes");

    free(name);
    free(payload);
}


static void
headers(void)
{
    header_is(KAIRO_JWT_OK, HS256, "a header");
    header_is(KAIRO_JWT_OK, " {\r\n \"alg\" : \"HS256\" } ",
              "white space in it");
    header_is(KAIRO_JWT_OK, "{\"alg\":\"HS256\",\"x\":{\"crit\":1}}",
              "members that nobody knows");

    /* RFC 7515, section 4.1.11 */

    header_is(KAIRO_JWT_CRITICAL, "{\"alg\":\"HS256\",\"crit\":[\"exp\"],"
              "\"exp\":1}", "crit that is there");
    header_is(KAIRO_JWT_CRITICAL, "{\"alg\":\"HS256\",\"crit\":[\"x\"]}",
              "crit that is not");
    header_is(KAIRO_JWT_CRITICAL, "{\"alg\":\"HS256\",\"crit\":[]}",
              "an empty crit");
    header_is(KAIRO_JWT_CRITICAL, "{\"alg\":\"HS256\",\"crit\":\"x\"}",
              "crit that is a string");
    header_is(KAIRO_JWT_CRITICAL, "{\"alg\":\"HS256\",\"crit\":null}",
              "crit that is null");
    header_is(KAIRO_JWT_CRITICAL, "{\"alg\":\"HS256\",\"crit\":{}}",
              "crit that is an object");
    header_is(KAIRO_JWT_CRITICAL, "{\"alg\":\"HS256\",\"crit\":[\"alg\"]}",
              "crit with a registered name");
    header_is(KAIRO_JWT_CRITICAL, "{\"alg\":\"HS256\",\"cri\\u0074\":[]}",
              "crit in hexadecimal");

    /* RFC 7797 */

    header_is(KAIRO_JWT_CRITICAL, "{\"alg\":\"HS256\",\"b64\":false,"
              "\"crit\":[\"b64\"]}", "an unencoded payload");
    header_is(KAIRO_JWT_CRITICAL, "{\"alg\":\"HS256\",\"b64\":false}",
              "b64 alone");
    header_is(KAIRO_JWT_CRITICAL, "{\"alg\":\"HS256\",\"b64\":true}",
              "b64, whatever it says");

    header_is(KAIRO_JWT_ENCRYPTED, "{\"alg\":\"HS256\",\"enc\":\"A128GCM\"}",
              "enc");
    header_is(KAIRO_JWT_ENCRYPTED, "{\"alg\":\"HS256\",\"zip\":\"DEF\"}",
              "zip");
    header_is(KAIRO_JWT_ENCRYPTED, "{\"alg\":\"HS256\",\"zip\":null}",
              "zip that is null");
    header_is(KAIRO_JWT_ALGORITHM, "{\"alg\":\"PBES2-HS256+A128KW\","
              "\"p2c\":2147483647}", "PBES2");

    /* RFC 7519, section 5.2 */

    header_is(KAIRO_JWT_ENCRYPTED, "{\"alg\":\"HS256\",\"cty\":\"JWT\"}",
              "nested");
    header_is(KAIRO_JWT_ENCRYPTED, "{\"alg\":\"HS256\",\"cty\":\"jwt\"}",
              "nested, in another case");
    header_is(KAIRO_JWT_ENCRYPTED, "{\"alg\":\"HS256\","
              "\"cty\":\"application/JWT\"}", "nested, in full");
    header_is(KAIRO_JWT_BAD_HEADER, "{\"alg\":\"HS256\",\"cty\":[\"JWT\"]}",
              "cty that is an array");

    header_is(KAIRO_JWT_BAD_HEADER, "", "nothing");
    header_is(KAIRO_JWT_BAD_HEADER, "\"HS256\"", "a string");
    header_is(KAIRO_JWT_BAD_HEADER, "[\"alg\",\"HS256\"]", "an array");
    header_is(KAIRO_JWT_BAD_HEADER, "null", "null");
    header_is(KAIRO_JWT_BAD_HEADER, "{\"alg\":\"HS256\"", "a broken one");
    header_is(KAIRO_JWT_BAD_HEADER, "{\"alg\":\"HS256\",}", "a comma");
    header_is(KAIRO_JWT_BAD_HEADER, "{alg:\"HS256\"}", "no quotes");
    header_is(KAIRO_JWT_BAD_HEADER, HS256 HS256, "two of them");
    header_is(KAIRO_JWT_BAD_HEADER, HS256 "x", "something behind it");
    header_is(KAIRO_JWT_BAD_HEADER, "\xef\xbb\xbf" HS256,
              "a byte order mark");
    header_is(KAIRO_JWT_BAD_HEADER, "{\"alg\":\"HS256\",\"x\":\"\xff\"}",
              "no UTF-8");
    header_is(KAIRO_JWT_BAD_HEADER, "{\"alg\":\"HS256\",\"x\":\"\\ud800\"}",
              "half a character");
    header_is(KAIRO_JWT_BAD_HEADER, "{\"alg\":\"none\",\"alg\":\"HS256\"}",
              "alg twice");
    header_is(KAIRO_JWT_BAD_HEADER, "{\"alg\":\"HS256\",\"alg\":\"HS256\"}",
              "the same alg twice");
    header_is(KAIRO_JWT_BAD_HEADER, "{\"alg\":\"HS256\","
              "\"\\u0061lg\":\"none\"}", "alg twice, once in hexadecimal");
    header_is(KAIRO_JWT_BAD_HEADER, "{\"alg\":\"HS256\","
              "\"x\":{\"a\":1,\"a\":2}}", "a member twice, within");
    header_is(KAIRO_JWT_BAD_HEADER, "{\"alg\":\"HS256\",\"x\":\"\\u0000\"}",
              "NUL in hexadecimal");
    header_is(KAIRO_JWT_BAD_HEADER, "{\"alg\":\"HS256\",\"x\":1e999}",
              "a number beyond all");
    header_is(KAIRO_JWT_BAD_HEADER, "{\"alg\":\"HS256\",\"x\":"
              "[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]}", "17 deep");
}


/* NUL where a C string would end: what stands before it is a good token. */

static void
nul(void)
{
    char                *payload;
    size_t               n;
    unsigned             i;
    kairo_span_t         h, p;
    static const char    header[] = HS256 "\0\0{}";
    static const char    within[] = "{\"alg\":\"HS256\",\"x\":1\0}";

    payload = claims(NULL, NULL);
    n = strlen(payload);
    payload = realloc(payload, n + 8);
    need(payload != NULL);
    memset(payload + n, 0, 8);

    h = span_of(HS256);
    p.p = (unsigned char *) payload;

    for (i = 1; i < 6; i++) {
        p.n = n + i;
        judged_as(KAIRO_JWT_BAD_CLAIMS, token_of(&hs256, h, p), &secret,
                  &policy, "NUL behind the claims");
    }

    /* a number stands before the last brace */

    payload[n - 1] = '\0';
    payload[n] = '}';
    p.n = n + 1;
    judged_as(KAIRO_JWT_BAD_CLAIMS, token_of(&hs256, h, p), &secret, &policy,
              "NUL behind a number of the claims");

    free(payload);
    payload = claims(NULL, NULL);
    p = span_of(payload);

    h.p = (const unsigned char *) header;
    h.n = sizeof(header) - 1;
    judged_as(KAIRO_JWT_BAD_HEADER, token_of(&hs256, h, p), &secret, &policy,
              "NUL behind the header");
    h.n = strlen(header) + 1;
    judged_as(KAIRO_JWT_BAD_HEADER, token_of(&hs256, h, p), &secret, &policy,
              "NUL alone behind it");
    h.p = (const unsigned char *) within;
    h.n = sizeof(within) - 1;
    judged_as(KAIRO_JWT_BAD_HEADER, token_of(&hs256, h, p), &secret, &policy,
              "NUL behind a number of it");

    free(payload);
}


static void
sizes(void)
{
    char            *pad, *header, *payload, *text;
    size_t           n;
    kairo_jwt_rc_t   rc;

    pad = token_alloc(9000);
    payload = claims(NULL, NULL);

    for (n = 1950; n < 2060; n++) {

        memset(pad, 'x', n);
        pad[n] = '\0';
        header = text_of("{\"alg\":\"HS256\",\"x\":\"%s\"}", pad);
        text = token(&hs256, header, payload);

        rc = judged(text, strlen(text), &secret, &policy, NOW);
        expect(rc == (strlen(header) <= 2048 ? KAIRO_JWT_OK
                                             : KAIRO_JWT_TOO_LONG),
               "a header of %zu bytes: %s", strlen(header),
               kairo_jwt_reason(rc));

        free(text);
        free(header);
    }

    verdict("a header has at most 2048 bytes");
    free(payload);

    for (n = 5900; n < 6100; n++) {

        memset(pad, 'x', n);
        pad[n] = '\0';
        header = text_of("\"%s\"", pad);
        payload = claims("sub", header);
        text = token(&hs256, HS256, payload);

        rc = judged(text, strlen(text), &secret, &policy, NOW);
        expect(rc == (strlen(text) <= 8192 ? KAIRO_JWT_OK
                                           : KAIRO_JWT_TOO_LONG),
               "a token of %zu bytes: %s", strlen(text),
               kairo_jwt_reason(rc));

        free(text);
        free(payload);
        free(header);
    }

    verdict("a token has at most 8192 bytes");

    free(pad);
    text = token_alloc(4000001);
    memset(text, 'A', 4000000);
    text[1000000] = text[2000000] = '.';
    judged_as(KAIRO_JWT_TOO_LONG, text, &secret, &policy, "four megabytes");

    for (n = 250; n < 262; n++) {

        size_t  i;

        payload = claims("x", "[0");

        payload[strlen(payload) - 1] = '\0';

        for (i = 1; i < n; i++) {
            header = text_of("%s,0", payload);
            free(payload);
            payload = header;
        }

        header = text_of("%s]}", payload);
        text = token(&hs256, HS256, header);

        /* five claims, the array, and what is in it */

        rc = judged(text, strlen(text), &secret, &policy, NOW);
        expect(rc == (n + 6 <= 256 ? KAIRO_JWT_OK : KAIRO_JWT_BAD_CLAIMS),
               "%zu values: %s", n + 6, kairo_jwt_reason(rc));

        free(text);
        free(header);
        free(payload);
    }

    verdict("claims have at most 256 values");
}


/* What is no JSON object, signed well. */

static void
payloads(void)
{
    size_t              i;
    char               *good, *text;
    static const char  *bad[] = {
        "", " ", "null", "true", "5", "\"x\"", "[]", "{", "x",
        "{\"exp\":1700000600", "[{\"exp\":1700000600}]",
        "{\"exp\":1700000600}x", "{\"exp\":1700000600}{}",
        "{\"exp\":1700000600,}", "{\"exp\":1700000600,\"exp\":1}",
        "{\"exp\":1,\"exp\":1700000600}",
        "{\"exp\":1700000600,\"\\u0065xp\":1700000600}",
        "{\"exp\":1700000600,\"a\":{\"b\":1,\"b\":1}}",
        "\xef\xbb\xbf{\"exp\":1700000600}",
        "{\"exp\":1700000600,\"sub\":\"\xff\"}",
        "{\"exp\":1700000600,\"sub\":\"\xc0\x80\"}",
        "{\"exp\":1700000600,\"sub\":\"\xed\xa0\x80\"}",
        "{\"exp\":1700000600,\"sub\":\"\\ud800\"}",
        "{\"exp\":1700000600,\"sub\":\"\\u0000\"}",
        "{\"exp\":1700000600,\"a\":1e400}",
        "{\"exp\":1700000600,\"a\":99999999999999999999}",
        "{\"exp\":1700000600,\"a\":[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]}",
        "<saml/>",
    };

    good = claims("a", "[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]");
    judged_as(KAIRO_JWT_OK, token(&hs256, HS256, good), &secret, &policy,
              "claims 16 deep");
    free(good);

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {

        text = token(&hs256, HS256, bad[i]);

        expect(judged(text, strlen(text), &secret, &policy, NOW)
               == KAIRO_JWT_BAD_CLAIMS, "claims: %s", bad[i]);

        /* it is a signed text all the same */

        expect(judged(text, strlen(text), &secret, NULL, NOW) == KAIRO_JWT_OK,
               "a text: %s", bad[i]);

        free(text);
    }

    verdict("claims are one JSON object");
}


static void
expiry(void)
{
    size_t               i;
    static const case_t  cases[] = {
        { "absent", NULL, KAIRO_JWT_NO_EXPIRY },
        { "a string", "\"1700000600\"", KAIRO_JWT_NO_EXPIRY },
        { "a date", "\"2030-01-01T00:00:00Z\"", KAIRO_JWT_NO_EXPIRY },
        { "null", "null", KAIRO_JWT_NO_EXPIRY },
        { "true", "true", KAIRO_JWT_NO_EXPIRY },
        { "an array", "[1700000600]", KAIRO_JWT_NO_EXPIRY },
        { "an object", "{\"exp\":1700000600}", KAIRO_JWT_NO_EXPIRY },
        { "negative", "-1", KAIRO_JWT_NO_EXPIRY },
        { "far negative", "-9223372036854775808", KAIRO_JWT_NO_EXPIRY },
        { "negative, with a fraction", "-1700000600.5",
          KAIRO_JWT_NO_EXPIRY },
        { "zero", "0", KAIRO_JWT_NO_EXPIRY },
        { "minus zero", "-0", KAIRO_JWT_NO_EXPIRY },
        { "minus zero, a real", "-0.0", KAIRO_JWT_NO_EXPIRY },
        { "less than a second", "0.5", KAIRO_JWT_NO_EXPIRY },
        { "2^53", "9007199254740992", KAIRO_JWT_NO_EXPIRY },
        { "2^53, a real", "9007199254740992.0", KAIRO_JWT_NO_EXPIRY },
        { "1e18", "1e18", KAIRO_JWT_NO_EXPIRY },
        { "10^18", "1000000000000000000", KAIRO_JWT_NO_EXPIRY },
        { "2^63 - 1", "9223372036854775807", KAIRO_JWT_NO_EXPIRY },
        { "1e308", "1e308", KAIRO_JWT_NO_EXPIRY },
        { "1e400", "1e400", KAIRO_JWT_BAD_CLAIMS },
        { "2^63", "9223372036854775808", KAIRO_JWT_BAD_CLAIMS },
        { "2^64 and ten minutes", "18446744075409552216",
          KAIRO_JWT_BAD_CLAIMS },
        { "thirty digits", "170000060017000006001700000600",
          KAIRO_JWT_BAD_CLAIMS },
        { "2^53 - 1", "9007199254740991", KAIRO_JWT_OK },
        { "a real", "1700000600.0", KAIRO_JWT_OK },
        { "with a fraction", "1700000600.75", KAIRO_JWT_OK },
        { "with an exponent", "1.7000006e9", KAIRO_JWT_OK },
        { "the past", "1", KAIRO_JWT_EXPIRED },
        { "the past, a real", "1699999000.5", KAIRO_JWT_EXPIRED },
        { "milliseconds, as some have it", "1700000600000", KAIRO_JWT_OK },
        { "31 s ago", "1699999969", KAIRO_JWT_EXPIRED },
        { "30 s ago", "1699999970", KAIRO_JWT_EXPIRED },
        { "30 s ago, and a bit less", "1699999970.9", KAIRO_JWT_EXPIRED },
        { "29 s ago", "1699999971", KAIRO_JWT_OK },
    };

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {

        char  about[64];

        snprintf(about, sizeof(about), "exp: %s", cases[i].about);
        claim_is(cases[i].rc, "exp", cases[i].text, &policy, about);
    }
}


static void
times_to_come(void)
{
    size_t               i;
    static const case_t  cases[] = {
        { "now", "1700000000", KAIRO_JWT_OK },
        { "zero", "0", KAIRO_JWT_OK },
        { "30 s to come", "1700000030", KAIRO_JWT_OK },
        { "31 s to come", "1700000031", KAIRO_JWT_NOT_YET },
        { "a real to come", "1700000031.5", KAIRO_JWT_NOT_YET },
        { "far to come", "9007199254740991", KAIRO_JWT_NOT_YET },
        { "absent", NULL, KAIRO_JWT_OK },
        { "a string", "\"1\"", KAIRO_JWT_BAD_TIME },
        { "null", "null", KAIRO_JWT_BAD_TIME },
        { "false", "false", KAIRO_JWT_BAD_TIME },
        { "an array", "[]", KAIRO_JWT_BAD_TIME },
        { "negative", "-1", KAIRO_JWT_BAD_TIME },
        { "negative, a real", "-0.5", KAIRO_JWT_BAD_TIME },
        { "2^53", "9007199254740992", KAIRO_JWT_BAD_TIME },
        { "1e18", "1e18", KAIRO_JWT_BAD_TIME },
        { "-1e308", "-1e308", KAIRO_JWT_BAD_TIME },
        { "1e400", "1e400", KAIRO_JWT_BAD_CLAIMS },
    };

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {

        char  about[64];

        snprintf(about, sizeof(about), "nbf: %s", cases[i].about);
        claim_is(cases[i].rc, "nbf", cases[i].text, &policy, about);
        snprintf(about, sizeof(about), "iat: %s", cases[i].about);
        claim_is(cases[i].rc, "iat", cases[i].text, &policy, about);
    }
}


/* exp is ten minutes to come. */

static void
lifetime(void)
{
    size_t               i;
    kairo_jwt_policy_t   p;
    static const case_t  cases[] = {
        { "an hour", "1699997000", KAIRO_JWT_OK },
        { "a second more", "1699996999", KAIRO_JWT_LIFETIME },
        { "a day", "1699914200", KAIRO_JWT_LIFETIME },
        { "since 1970", "0", KAIRO_JWT_LIFETIME },
        { "since then, a real", "0.25", KAIRO_JWT_LIFETIME },
        { "of which nothing is said", NULL, KAIRO_JWT_LIFETIME },
        { "ten minutes", "1700000000", KAIRO_JWT_OK },
        { "that begins after now", "1700000031", KAIRO_JWT_NOT_YET },
        { "by a string", "\"1699999990\"", KAIRO_JWT_BAD_TIME },
    };

    p = policy;
    p.max_lifetime = 3600;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {

        char  about[64];

        snprintf(about, sizeof(about), "a life of %s", cases[i].about);
        claim_is(cases[i].rc, "iat", cases[i].text, &p, about);
    }

    claim_is(KAIRO_JWT_LIFETIME, "exp", "9007199254740991", &p,
             "a life without end");
    p.max_lifetime = INT64_C(999999999999999);
    claim_is(KAIRO_JWT_LIFETIME, "iat", NULL, &p,
             "a life of which nothing is said, however long it may be");
    p.max_lifetime = 3600;
    claim_is(KAIRO_JWT_EXPIRED, "exp", "1699999960", &p,
             "a life of less than none");
}


/* The times alone, at each second around what decides. */

static void
timely(void)
{
    kairo_jwt_rc_t        rc, want;
    kairo_jwt_times_t     t;
    kairo_jwt_policy_t    p;
    static const int64_t  leeways[] = { 0, 1, 30, 86400 };
    size_t                i;
    int64_t               now;

    memset(&t, 0, sizeof(t));
    p = policy;
    ok(kairo_jwt_timely(&t, &p, NOW) == KAIRO_JWT_NO_EXPIRY
       && kairo_jwt_timely(&t, &p, 0) == KAIRO_JWT_NO_EXPIRY,
       "without exp there is no time for it");

    for (i = 0; i < 4; i++) {

        p.leeway = leeways[i];
        t.nbf = NOW;
        t.iat = 0;
        t.exp = NOW + 10;

        for (now = NOW - p.leeway - 5; now < NOW + p.leeway + 15; now++) {

            rc = kairo_jwt_timely(&t, &p, now);
            want = now >= t.exp + p.leeway ? KAIRO_JWT_EXPIRED
                   : now < t.nbf - p.leeway ? KAIRO_JWT_NOT_YET
                                            : KAIRO_JWT_OK;

            expect(rc == want, "leeway %lld, %lld s from now",
                   (long long) p.leeway, (long long) (now - NOW));
        }
    }

    verdict("each second around the times");

    t.exp = INT64_C(9007199254740991);
    t.nbf = t.iat = 0;
    p.leeway = INT64_C(999999999999999);
    ok(kairo_jwt_timely(&t, &p, INT64_C(999999999999999)) == KAIRO_JWT_OK,
       "numbers as large as they get");
}


static void
issuers(void)
{
    size_t               i;
    kairo_jwt_policy_t   p;
    static const case_t  cases[] = {
        { "itself", "\"https://issuer.example/\"", KAIRO_JWT_OK },
        { "itself, escaped", "\"https:\\/\\/issuer.exampl\\u0065\\/\"",
          KAIRO_JWT_OK },
        { "no slash", "\"https://issuer.example\"", KAIRO_JWT_ISSUER },
        { "two slashes", "\"https://issuer.example//\"", KAIRO_JWT_ISSUER },
        { "a path", "\"https://issuer.example/oauth2/default\"",
          KAIRO_JWT_ISSUER },
        { "another case", "\"https://Issuer.example/\"", KAIRO_JWT_ISSUER },
        { "another scheme", "\"http://issuer.example/\"", KAIRO_JWT_ISSUER },
        { "a port", "\"https://issuer.example:443/\"", KAIRO_JWT_ISSUER },
        { "a dot", "\"https://issuer.example./\"", KAIRO_JWT_ISSUER },
        { "a space", "\"https://issuer.example/ \"", KAIRO_JWT_ISSUER },
        { "nothing", "\"\"", KAIRO_JWT_ISSUER },
        { "absent", NULL, KAIRO_JWT_ISSUER },
        { "null", "null", KAIRO_JWT_ISSUER },
        { "a number", "1", KAIRO_JWT_ISSUER },
        { "an array", "[\"https://issuer.example/\"]", KAIRO_JWT_ISSUER },
        { "an object", "{}", KAIRO_JWT_ISSUER },
    };

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {

        char  about[64];

        snprintf(about, sizeof(about), "iss: %s", cases[i].about);
        claim_is(cases[i].rc, "iss", cases[i].text, &policy, about);
    }

    p = policy;
    p.issuer.p = NULL;
    claim_is(KAIRO_JWT_OK, "iss", NULL, &p, "no iss where none is asked for");
    claim_is(KAIRO_JWT_OK, "iss", "\"any\"", &p, "any where any will do");
}


static void
for_whom(void)
{
    size_t               i;
    kairo_jwt_policy_t   p;
    static const case_t  cases[] = {
        { "a name", "\"api\"", KAIRO_JWT_OK },
        { "another of ours", "\"https://api.example/v1\"", KAIRO_JWT_OK },
        { "one in an array", "[\"api\"]", KAIRO_JWT_OK },
        { "the last in an array", "[\"x\",\"y\",\"api\"]", KAIRO_JWT_OK },
        { "somebody else", "\"web\"", KAIRO_JWT_AUDIENCE },
        { "others", "[\"web\",\"app\"]", KAIRO_JWT_AUDIENCE },
        { "nobody", "[]", KAIRO_JWT_AUDIENCE },
        { "absent", NULL, KAIRO_JWT_AUDIENCE },
        { "nothing", "\"\"", KAIRO_JWT_AUDIENCE },
        { "null", "null", KAIRO_JWT_AUDIENCE },
        { "a number", "5", KAIRO_JWT_AUDIENCE },
        { "true", "true", KAIRO_JWT_AUDIENCE },
        { "an object", "{\"api\":\"api\"}", KAIRO_JWT_AUDIENCE },
        { "ours and a number", "[\"api\",5]", KAIRO_JWT_AUDIENCE },
        { "null and ours", "[null,\"api\"]", KAIRO_JWT_AUDIENCE },
        { "an array in an array", "[[\"api\"]]", KAIRO_JWT_AUDIENCE },
        { "another case", "\"API\"", KAIRO_JWT_AUDIENCE },
        { "its beginning", "\"ap\"", KAIRO_JWT_AUDIENCE },
        { "more than it", "\"apis\"", KAIRO_JWT_AUDIENCE },
        { "a space", "\"api \"", KAIRO_JWT_AUDIENCE },
        { "a list in a string", "\"api web\"", KAIRO_JWT_AUDIENCE },
        { "a slash", "\"https://api.example/v1/\"", KAIRO_JWT_AUDIENCE },
        { "its beginning too", "\"https://api.example\"",
          KAIRO_JWT_AUDIENCE },
    };

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {

        char  about[64];

        snprintf(about, sizeof(about), "aud: %s", cases[i].about);
        claim_is(cases[i].rc, "aud", cases[i].text, &policy, about);
    }

    p = policy;
    p.naudiences = 0;
    claim_is(KAIRO_JWT_OK, "aud", NULL, &p, "no aud where it is off");
    claim_is(KAIRO_JWT_OK, "aud", "\"web\"", &p, "any aud where it is off");
}


static void
typ(const kairo_jwt_policy_t *p, const char *json, kairo_jwt_rc_t rc)
{
    char  *header, *payload;

    header = json ? text_of("{\"alg\":\"HS256\",\"typ\":%s}", json)
                  : text_of(HS256);
    payload = claims(NULL, NULL);

    judged_as(rc, token(&hs256, header, payload), &secret, p,
              json ? json : "no typ");

    free(payload);
    free(header);
}


/* RFC 7515, section 4.1.9; RFC 9068; RFC 8725, section 3.11 */

static void
types(void)
{
    size_t               i;
    kairo_jwt_policy_t   p;
    static const case_t  usual[] = {
        { "", NULL, KAIRO_JWT_OK },
        { "", "\"JWT\"", KAIRO_JWT_OK },
        { "", "\"jwt\"", KAIRO_JWT_OK },
        { "", "\"application/jwt\"", KAIRO_JWT_OK },
        { "", "\"Application/JWT\"", KAIRO_JWT_OK },
        { "", "\"at+jwt\"", KAIRO_JWT_OK },
        { "", "\"AT+JWT\"", KAIRO_JWT_OK },
        { "", "\"application/at+jwt\"", KAIRO_JWT_OK },
        { "", "\"\"", KAIRO_JWT_TYPE },
        { "", "\"application/\"", KAIRO_JWT_TYPE },
        { "", "\"application/application/jwt\"", KAIRO_JWT_TYPE },
        { "", "\"text/jwt\"", KAIRO_JWT_TYPE },
        { "", "\"JW\"", KAIRO_JWT_TYPE },
        { "", "\"JWTS\"", KAIRO_JWT_TYPE },
        { "", "\" JWT\"", KAIRO_JWT_TYPE },
        { "", "\"JOSE\"", KAIRO_JWT_TYPE },
        { "", "\"JOSE+JSON\"", KAIRO_JWT_TYPE },
        { "", "\"logout+jwt\"", KAIRO_JWT_TYPE },
        { "", "\"dpop+jwt\"", KAIRO_JWT_TYPE },
        { "", "\"secevent+jwt\"", KAIRO_JWT_TYPE },
        { "", "\"id+jwt\"", KAIRO_JWT_TYPE },
        { "", "\"rt+jwt\"", KAIRO_JWT_TYPE },
        { "", "null", KAIRO_JWT_BAD_HEADER },
        { "", "1", KAIRO_JWT_BAD_HEADER },
        { "", "[\"JWT\"]", KAIRO_JWT_BAD_HEADER },
    };

    for (i = 0; i < sizeof(usual) / sizeof(usual[0]); i++) {
        typ(&policy, usual[i].text, usual[i].rc);
    }

    p = policy;
    p.types = &kairo_jwt_types[2];
    p.ntypes = 1;
    typ(&p, "\"at+jwt\"", KAIRO_JWT_OK);
    typ(&p, "\"JWT\"", KAIRO_JWT_TYPE);
    typ(&p, "\"\"", KAIRO_JWT_TYPE);
    typ(&p, NULL, KAIRO_JWT_TYPE);

    p.types = &kairo_jwt_types[0];
    typ(&p, NULL, KAIRO_JWT_OK);
    typ(&p, "\"JWT\"", KAIRO_JWT_TYPE);
    typ(&p, "\"\"", KAIRO_JWT_TYPE);

    p.ntypes = 0;
    typ(&p, "\"anything\"", KAIRO_JWT_OK);
    typ(&p, NULL, KAIRO_JWT_OK);
}


/* OpenID Connect Back-Channel Logout 1.0: by the same keys, for nobody. */

static void
logout_tokens(void)
{
    kairo_jwt_policy_t  p;

    p = policy;
    p.ntypes = 0;

    claim_is(KAIRO_JWT_TYPE, "events", "{\"http://schemas.openid.net/event/"
             "backchannel-logout\":{}}", &policy, "a logout token");
    claim_is(KAIRO_JWT_TYPE, "events", "{\"http://schemas.openid.net/event/"
             "backchannel-logout\":{}}", &p, "where any type will do");
    claim_is(KAIRO_JWT_TYPE, "events", "{}", &policy, "with no event");
    claim_is(KAIRO_JWT_TYPE, "events", "null", &policy, "with null");
    claim_is(KAIRO_JWT_OK, "event", "{}", &policy, "another claim");
}


/* What kairo takes, libjwt takes with the same key, and with no other. */

static int
libjwt_takes(const char *text, const void *key, size_t n)
{
    int     rc;
    jwt_t  *jwt;

    jwt = NULL;
    rc = jwt_decode(&jwt, text, key, (int) n);

    if (rc == 0) {
        jwt_free(jwt);
    }

    ERR_clear_error();

    return rc == 0;
}


static void
libjwt(void)
{
    char      *header, *payload, *text, *key, *wrong, *name;
    signer_t   s;
    EVP_PKEY  *other;
    unsigned   i, round;

    for (i = 0; i < TOKEN_ALGS; i++) {

        s = ring_signer(&ring, i);

        if (s.alg[0] == 'P' || strcmp(s.alg, "EdDSA") == 0) {
            continue;
        }

        other = i < 6 ? key_rsa(2048)
                      : key_ec(i == 9 ? "P-256" : i == 10 ? "P-384"
                                                          : "P-521");
        key = s.pkey ? pem_public(s.pkey) : NULL;
        wrong = pem_public(other);

        for (round = 0; round < 20; round++) {

            name = text_of("\"%llx\\u00e9\"",
                           (unsigned long long) unit_draw());
            payload = claims("sub", name);
            header = text_of("{\"alg\":\"%s\",\"kid\":\"%s\"%s}", s.alg,
                             ring_kid(i), round % 2 ? ",\"typ\":\"JWT\""
                                                    : "");
            text = token(&s, header, payload);

            expect(judged(text, strlen(text), &all, &policy, NOW)
                   == KAIRO_JWT_OK, "%s", text);

            expect(key ? libjwt_takes(text, key, strlen(key))
                       : libjwt_takes(text, s.secret.p, s.secret.n),
                   "libjwt: %s", text);

            expect(!libjwt_takes(text, wrong, strlen(wrong)),
                   "libjwt with another key: %s", text);

            free(text);
            free(header);
            free(payload);
            free(name);
        }

        verdict("%s: libjwt takes what is taken here", s.alg);

        free(key);
        free(wrong);
        EVP_PKEY_free(other);
    }
}


/* One file of the JOSE cookbook: whether it is good, and compact. */

static int
cookbook_file(const char *path)
{
    int              rc;
    char            *text;
    json_t          *file, *key, *output;
    const char      *compact, *json;
    kairo_keyset_t   keys;

    file = json_load_file(path, 0, NULL);
    output = json_object_get(file, "output");
    key = json_object_get(json_object_get(file, "input"), "key");

    if (output == NULL || key == NULL) {
        json_decref(file);
        return -1;
    }

    text = json_dumps(json_is_array(key) ? json_array_get(key, 0) : key, 0);
    need(text && kairo_keyset_jwks(&keys, span_of(text), 1) == NULL);
    free(text);

    compact = json_string_value(json_object_get(output, "compact"));
    rc = 0;

    if (compact) {
        rc = judged(compact, strlen(compact), &keys, NULL, 0) == KAIRO_JWT_OK;
        always(judged(compact, strlen(compact), &keys, &policy, NOW)
               != KAIRO_JWT_OK, "%s is no JWT", path);
    }

    json_object_foreach(output, json, key) {

        text = json_dumps(key, JSON_ENCODE_ANY);

        if (json_is_object(key)) {
            always(judged(text, strlen(text), &keys, NULL, 0)
                   == KAIRO_JWT_MALFORMED, "%s: %s", path, json);
        }

        free(text);
    }

    kairo_keyset_free(&keys);
    json_decref(file);

    return rc;
}


static void
cookbook(void)
{
    char                *path;
    size_t               i;
    const char          *dir;
    static const struct {
        const char  *name;
        int          good;
    } files[] = {
        { "jws-4_1.rsa_v15_signature", 1 },
        { "jws-4_2.rsa-pss_signature", 1 },
        { "jws-4_3.ecdsa_signature", 1 },
        { "jws-4_4.hmac-sha2_integrity_protection", 1 },
        { "jws-4_5.signature_with_detached_content", 0 },
        { "jws-4_8.multiple_signatures", 0 },
        { "rfc7797-4.2.hmac-sha2_b64_false", 0 },
        { "curve25519-jws", 1 },
    };

    dir = getenv("KAIRO_VECTORS");
    dir = dir ? dir : "../shared/vectors";

    for (i = 0; i < sizeof(files) / sizeof(files[0]); i++) {

        path = text_of("%s/jose-cookbook/%s.json", dir, files[i].name);

        if (access(path, R_OK) != 0) {
            ok(1, "%s # SKIP it is not there", files[i].name);

        } else {
            ok(cookbook_file(path) == files[i].good, "%s%s",
               files[i].good ? "" : "not: ", files[i].name);
        }

        free(path);
    }
}


/* Names for logs and programs. */

static void
reasons(void)
{
    int          rc, other;
    const char  *name;

    for (rc = 0; rc <= KAIRO_JWT_NO_MEMORY; rc++) {

        name = kairo_jwt_reason((kairo_jwt_rc_t) rc);

        expect(*name && strspn(name, "abcdefghijklmnopqrstuvwxyz_")
               == strlen(name), "\"%s\"", name);

        for (other = 0; other < rc; other++) {
            expect(strcmp(name, kairo_jwt_reason((kairo_jwt_rc_t) other))
                   != 0, "\"%s\" twice", name);
        }
    }

    verdict("each reason has a name of its own");

    ok(strcmp(kairo_jwt_reason(KAIRO_JWT_EXPIRED), "expired") == 0
       && strcmp(kairo_jwt_reason(KAIRO_JWT_SIGNATURE), "bad_signature")
          == 0, "as \"expired\" and \"bad_signature\"");
}


int
main(void)
{
    char  *text;

    unit_begin(20260206);
    ring_make(&ring);

    hs256 = ring_named(&ring, "HS256");

    text = ring_jwks(&ring, 1);
    need(kairo_keyset_jwks(&all, span_of(text), 1) == NULL);
    free(text);
    need(kairo_keyset_secret(&secret, hs256.secret) == NULL);

    every_algorithm();
    steps();
    examples();
    no_other_spelling();
    laxness();
    serializations();
    algorithms();
    confusion();
    keys_in_headers();
    kids();
    headers();
    nul();
    sizes();
    payloads();
    expiry();
    times_to_come();
    lifetime();
    timely();
    issuers();
    for_whom();
    types();
    logout_tokens();
    libjwt();
    cookbook();
    reasons();

    always_held();

    kairo_keyset_free(&all);
    kairo_keyset_free(&secret);
    ring_free(&ring);

    return unit_done();
}
