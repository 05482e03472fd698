
/*
 * Sets of keys: what they are read from, what is left out of them, and which
 * key a token gets.
 */


#include "token.h"


typedef const char *(*reader_t)(kairo_keyset_t *set, kairo_span_t text);


static ring_t  ring;


static const char *
jwks(kairo_keyset_t *set, kairo_span_t text)
{
    return kairo_keyset_jwks(set, text, 0);
}


static const char *
own_jwks(kairo_keyset_t *set, kairo_span_t text)
{
    return kairo_keyset_jwks(set, text, 1);
}


static const char *
file(kairo_keyset_t *set, kairo_span_t text)
{
    return kairo_keyset_file(set, text, 0);
}


/* From memory of just the size. */

static const char *
read_n(kairo_keyset_t *set, reader_t reader, const char *text, size_t n)
{
    const char     *wrong;
    kairo_span_t    s;
    unsigned char  *copy;

    copy = token_alloc(n);
    memcpy(copy, text, n);

    s.p = n ? copy : NULL;
    s.n = n;

    ERR_clear_error();
    memset(set, 0xa5, sizeof(*set));

    wrong = reader(set, s);

    queue_is_empty("a set");
    free(copy);

    if (wrong) {
        always(*wrong != '\0' && set->n == 0, "no key in a set that is none");

    } else {
        always(set->n > 0, "a set has a key");
    }

    return wrong;
}


static const char *
read_text(kairo_keyset_t *set, reader_t reader, const char *text)
{
    return read_n(set, reader, text, strlen(text));
}


/* Takes the text; so many keys, and so many left out. */

static void
has(reader_t reader, char *text, size_t n, size_t left_out,
    const char *about)
{
    const char      *wrong;
    kairo_keyset_t   set;

    wrong = read_text(&set, reader, text);

    if (!ok(wrong == NULL && set.n == n && set.left_out == left_out
            && (set.why != NULL) == (left_out != 0), "%s", about))
    {
        diag("%s: %zu keys, %zu left out", wrong ? wrong : "read", set.n,
             set.left_out);
    }

    kairo_keyset_free(&set);
    kairo_keyset_free(&set);
    free(text);
}


static void
none(reader_t reader, char *text, const char *why, const char *about)
{
    const char      *wrong;
    kairo_keyset_t   set;

    wrong = read_text(&set, reader, text);

    if (!ok(wrong && strstr(wrong, why), "not: %s", about)) {
        diag("%.300s: %s", text, wrong ? wrong : "read");
    }

    kairo_keyset_free(&set);
    free(text);
}


static void
json(void)
{
    has(jwks, ring_jwks(&ring, 0), 6, 0, "a key of each kind");
    has(own_jwks, ring_jwks(&ring, 1), 7, 0, "a secret where it is allowed");
    has(jwks, ring_jwks(&ring, 1), 6, 1, "a secret is left out elsewhere");
    has(jwks, jwk_of(ring.p256, ""), 1, 0, "a key that is no set");
    has(own_jwks, jwk_secret(ring.secret, 64, ""), 1, 0, "or a secret");
    none(jwks, jwk_secret(ring.secret, 64, ""), "none of its keys",
         "which is none elsewhere");

    none(jwks, text_of("%s", ""), "JSON", "nothing");
    none(jwks, text_of("{}"), "\"keys\"", "an empty object");
    none(jwks, text_of("{\"keys\":[]}"), "\"keys\"", "no keys");
    none(jwks, text_of("{\"keys\":{}}"), "\"keys\"", "keys as an object");
    none(jwks, text_of("{\"keys\":null}"), "\"keys\"", "keys that are null");
    none(jwks, text_of("{\"keys\":\"AQAB\"}"), "\"keys\"", "keys as text");
    none(jwks, text_of("{\"keys\":[{},5,null,[],\"x\"]}"), "none of its keys",
         "keys that are none");
    none(jwks, text_of("[]"), "JSON", "an array");
    none(jwks, text_of("null"), "JSON", "null");
    none(jwks, text_of("<html><body>503</body></html>"), "JSON", "a page");
    none(jwks, text_of("{\"keys\":["), "JSON", "a set that is cut");
    none(jwks, text_of("{\"error\":\"unavailable\"}"), "\"keys\"",
         "an error in JSON");
}


/* One that is wrapped: what it is within does not matter to the reader. */

static void
wrapped(const char *before, const char *behind, const char *about)
{
    char  *jwk;

    jwk = jwk_of(ring.ed25519, "");
    none(jwks, text_of("%s{\"keys\":[%s]}%s", before, jwk, behind), "JSON",
         about);
    free(jwk);
}


static void
strict_json(void)
{
    char            *set_text, *jwk;
    kairo_keyset_t   set;

    jwk = jwk_of(ring.ed25519, "");

    has(jwks, text_of(" \r\n\t{ \"keys\" : [ %s ] } \n", jwk), 1, 0,
        "white space");

    wrapped("\xef\xbb\xbf", "", "a byte order mark");
    wrapped("", "x", "something behind it");
    wrapped("", "{}", "another object behind it");

    none(jwks, text_of("{\"keys\":[],\"keys\":[%s]}", jwk), "JSON",
         "keys twice");
    none(jwks, text_of("{\"keys\":[%s,{\"kty\":\"EC\",\"kty\":\"RSA\"}]}",
                       jwk), "JSON", "a member twice, in any key");
    none(jwks, text_of("{\"keys\":[%s],\"x\":\"\\u0000\"}", jwk), "JSON",
         "NUL");
    none(jwks, text_of("{\"keys\":[%s],\"x\":\"\xff\"}", jwk), "JSON",
         "what is no UTF-8");
    none(jwks, text_of("{\"keys\":[%s],\"x\":[[[[[[[[]]]]]]]]}", jwk), "JSON",
         "nested nine deep");

    set_text = text_of("{\"keys\":[%s]}", jwk);
    ok(read_n(&set, jwks, set_text, strlen(set_text) + 1) != NULL,
       "not: NUL behind it");
    kairo_keyset_free(&set);

    free(set_text);
    free(jwk);
}


static void
sizes(void)
{
    char            *text, *jwk;
    size_t           n;
    const char      *wrong;
    kairo_keyset_t   set;

    text = token_alloc(KAIRO_KEYSET_TEXT + 2);
    jwk = jwk_of(ring.ed25519, "");

    memset(text, ' ', KAIRO_KEYSET_TEXT + 1);
    memcpy(text, jwk, strlen(jwk));

    wrong = read_n(&set, jwks, text, 256 * 1024);
    ok(wrong == NULL, "256 KiB of JSON");
    kairo_keyset_free(&set);
    ok(read_n(&set, jwks, text, 256 * 1024 + 1) != NULL, "not: a byte more");
    ok(read_n(&set, file, text, 256 * 1024 + 1) != NULL,
       "not: from a file either");

    free(jwk);
    jwk = pem_public(ring.ed25519);

    memset(text, '\n', KAIRO_KEYSET_TEXT + 1);
    memcpy(text, jwk, strlen(jwk));

    wrong = read_n(&set, file, text, 256 * 1024);
    ok(wrong == NULL, "256 KiB of PEM");
    kairo_keyset_free(&set);
    ok(read_n(&set, file, text, 256 * 1024 + 1) != NULL, "not: a byte more");

    free(jwk);
    jwk = jwk_of(ring.ed25519, "");

    for (n = 62; n <= 67; n++) {

        size_t  i, at;

        at = (size_t) sprintf(text, "{\"keys\":[");

        for (i = 0; i < n; i++) {
            at += (size_t) sprintf(text + at, "%s%s", i ? "," : "", jwk);
        }

        (void) sprintf(text + at, "]}");

        wrong = read_text(&set, jwks, text);

        expect(n <= 64 ? wrong == NULL && set.n == n : wrong != NULL,
               "%zu keys", n);

        kairo_keyset_free(&set);
    }

    verdict("64 keys");

    free(jwk);
    free(text);
}


/* One key that is of no use takes no other with it. */

static void
left_out(void)
{
    char            *good, *weak, *text;
    EVP_PKEY        *small;
    kairo_keyset_t   set;

    small = key_rsa(1024);
    good = jwk_of(ring.ed25519, ",\"kid\":\"good\"");
    weak = jwk_of(small, ",\"kid\":\"weak\"");

    text = text_of("{\"keys\":[%s,%s,{\"kty\":\"EC\"},%s]}", good, weak,
                   "{\"kty\":\"OKP\",\"crv\":\"X25519\",\"x\":\"AA\"}");

    need(read_text(&set, jwks, text) == NULL);
    ok(set.n == 1 && set.left_out == 3, "three are left out, and one is not");
    ok(set.first == 2 && set.why && strstr(set.why, "2048"),
       "the first of them and why");
    kairo_keyset_free(&set);
    free(text);

    text = text_of("{\"keys\":[%s]}", weak);
    ok(read_text(&set, jwks, text) != NULL && set.first == 1 && set.why
       && strstr(set.why, "2048"), "and where none is left");
    free(text);

    has(jwks, text_of("{\"keys\":[%s,%s]}", good, good), 1, 1,
        "a kid that another key has");

    free(good);
    free(weak);
    EVP_PKEY_free(small);
}


static char *
certificate(EVP_PKEY *pkey, EVP_PKEY *by)
{
    BIO   *bio;
    X509  *cert;

    cert = X509_new();
    bio = BIO_new(BIO_s_mem());

    need(cert && bio && X509_set_pubkey(cert, pkey)
         && X509_gmtime_adj(X509_getm_notBefore(cert), -2000)
         && X509_gmtime_adj(X509_getm_notAfter(cert), -1000)
         && X509_sign(cert, by, EVP_sha256())
         && PEM_write_bio_X509(bio, cert));

    X509_free(cert);

    return bio_text(bio);
}


static char *
pem_pkcs1(EVP_PKEY *pkey)
{
    BIO            *bio;
    int             n;
    unsigned char  *der;

    der = NULL;
    n = i2d_PublicKey(pkey, &der);
    bio = BIO_new(BIO_s_mem());
    need(n > 0 && bio && PEM_write_bio(bio, "RSA PUBLIC KEY", "", der, n));
    OPENSSL_free(der);

    return bio_text(bio);
}


/* "kind" is a name of PEM with a private key in it, of whatever bytes. */

static void
private_pem(const char *kind)
{
    char  *good;

    good = pem_public(ring.p256);

    none(file, text_of("%s-----BEGIN %s-----\nAAAA\n-----END %s-----\n", good,
                       kind, kind), "private", kind);
    free(good);
}


static void
pem(void)
{
    char      *rsa, *p256, *cert, *pkcs1;
    EVP_PKEY  *small;

    rsa = pem_public(ring.rsa);
    p256 = pem_public(ring.p256);
    pkcs1 = pem_pkcs1(ring.rsa);
    cert = certificate(ring.p384, ring.rsa);

    has(file, text_of("%s", rsa), 1, 0, "a public key in PEM");
    has(file, text_of("%s", pkcs1), 1, 0, "an RSA key of PKCS #1");
    has(file, text_of("%s", cert), 1, 0, "a certificate, whatever its dates");
    has(file, text_of("%s%s%s%s", rsa, p256, pkcs1, cert), 4, 0, "several");
    has(file, text_of("the first:\n%s\nthe next:\r\n%s\nno more\n", rsa,
                      p256), 2, 0, "with text between");
    has(kairo_keyset_any, text_of("# mine\n%s", p256), 1, 0,
        "whatever it is read as");
    has(file, ring_jwks(&ring, 0), 6, 0, "or a set in JSON");
    none(file, jwk_secret(ring.secret, 64, ""), "none of its keys",
         "a secret where there is none");

    private_pem("PRIVATE KEY");
    private_pem("ENCRYPTED PRIVATE KEY");
    private_pem("RSA PRIVATE KEY");
    private_pem("EC PRIVATE KEY");
    private_pem("OPENSSH PRIVATE KEY");
    private_pem("ANY PRIVATE KEY");
    none(file, pem_private(ring.rsa), "private", "a private key, really");
    none(kairo_keyset_any, pem_private(ring.p256), "private", "of any kind");

    small = key_rsa(1024);
    free(cert);
    cert = pem_public(small);
    EVP_PKEY_free(small);
    has(file, text_of("%s%s", cert, p256), 1, 1, "a weak key is left out");
    none(file, text_of("%s", cert), "none of its keys", "a weak key alone");
    has(file, text_of("%s-----BEGIN X509 CRL-----\nAAAA\n"
                      "-----END X509 CRL-----\n", p256), 1, 1,
        "what is no key is left out");
    has(file, text_of("-----BEGIN PUBLIC KEY-----\nAAAA\n"
                      "-----END PUBLIC KEY-----\n%s", p256), 1, 1,
        "what is none inside, too");
    has(file, text_of("-----BEGIN CERTIFICATE-----\nMAAA\n"
                      "-----END CERTIFICATE-----\n%s", p256), 1, 1,
        "as a certificate may be");

    none(file, text_of("%s", ""), "neither", "nothing");
    none(file, text_of("neither of them"), "neither", "what is no PEM");

    free(rsa);
    free(p256);
    free(cert);
    free(pkcs1);
}


/*
 * PEM that breaks off: the keys behind that place would be missing, and
 * nobody told.
 */

static void
broken_pem(void)
{
    char  *rsa, *p256, *bad;

    rsa = pem_public(ring.rsa);
    p256 = pem_public(ring.p256);

    none(file, text_of("%.*s", (int) strlen(p256) - 30, p256), "",
         "a key that is cut");
    none(file, text_of("%s%.*s", rsa, (int) strlen(p256) - 30, p256), "",
         "with one before it");
    none(file, text_of("%.*s%s", (int) strlen(p256) - 30, p256, rsa), "",
         "with one behind it");

    bad = text_of("%s", p256);
    bad[40] = '*';
    none(file, text_of("%s%s%s", rsa, bad, rsa), "",
         "a key that is no base64");
    free(bad);

    none(file, text_of("%s-----BEGIN PUBLIC KEY-----\nAAAA\n"
                       "-----END RSA PUBLIC KEY-----\n%s", p256, rsa), "",
         "an end that belongs to another");

    free(rsa);
    free(p256);
}


static void
secrets(void)
{
    char             text[128];
    size_t           n;
    kairo_key_t      key;
    kairo_span_t     s;
    kairo_keyset_t   set;

    memset(text, 's', sizeof(text));

    for (n = 0; n < 70; n++) {
        expect((read_n(&set, kairo_keyset_secret, text, n) == NULL)
               == (n >= 32), "a secret of %zu", n);
        kairo_keyset_free(&set);

        expect((read_n(&set, kairo_keyset_any, text, n) == NULL)
               == (n >= 32), "a file of %zu", n);
        kairo_keyset_free(&set);
    }

    verdict("a secret has 32 bytes");

    s.p = (const unsigned char *) text;
    s.n = 40;
    need(kairo_key_secret(&key, s) == NULL);

    text[40] = '\n';
    need(read_n(&set, kairo_keyset_secret, text, 41) == NULL);
    ok(kairo_keyset_has(&set, key.thumb), "but for a line end");
    kairo_keyset_free(&set);

    text[40] = '\r';
    text[41] = '\n';
    need(read_n(&set, kairo_keyset_secret, text, 42) == NULL);
    ok(kairo_keyset_has(&set, key.thumb), "of either kind");
    kairo_keyset_free(&set);

    text[40] = text[41] = '\n';
    need(read_n(&set, kairo_keyset_secret, text, 42) == NULL);
    ok(!kairo_keyset_has(&set, key.thumb), "and not two");
    kairo_keyset_free(&set);

    text[40] = ' ';
    need(read_n(&set, kairo_keyset_secret, text, 41) == NULL);
    ok(!kairo_keyset_has(&set, key.thumb), "nor a space");
    kairo_keyset_free(&set);

    text[31] = '\n';
    ok(read_n(&set, kairo_keyset_secret, text, 32) != NULL,
       "31 bytes and a line end are 31");
    kairo_keyset_free(&set);

    kairo_key_free(&key);
}


/* NULL for "kid": the token names none. */

static const char *
found(const kairo_keyset_t *set, const char *alg, const char *kid)
{
    kairo_span_t         name;
    const kairo_key_t   *key;
    kairo_keyset_rc_t    rc;

    name.p = NULL;
    name.n = 0;

    if (kid) {
        name = span_of(kid);
    }

    rc = kairo_keyset_find(set, kairo_alg_find(span_of(alg)), name, &key);

    switch (rc) {

    case KAIRO_KEYSET_FOUND:
        need(key >= set->keys && key < set->keys + set->n);
        always(key->algs & kairo_alg_bit(kairo_alg_find(span_of(alg))),
               "a key for %s", alg);
        return key->kid.p ? (const char *) key->kid.p : "unnamed";

    case KAIRO_KEYSET_UNKNOWN:
        return "unknown";

    case KAIRO_KEYSET_UNFIT:
        return "unfit";

    default:
        return "ambiguous";
    }
}


static void
finds(const kairo_keyset_t *set, const char *alg, const char *kid,
    const char *name)
{
    const char  *key;

    key = found(set, alg, kid);

    /* a kid is not terminated */

    if (!ok(strncmp(key, name, strlen(name)) == 0, "%s, kid %s: %s", alg,
            kid ? kid : "absent", name))
    {
        diag("it is %.7s", key);
    }
}


static void
names(void)
{
    char            *text, *a, *b, *c;
    kairo_keyset_t   set;

    text = ring_jwks(&ring, 1);
    need(read_text(&set, own_jwks, text) == NULL);
    free(text);

    finds(&set, "RS256", "rsa", "rsa");
    finds(&set, "PS512", "rsa", "rsa");
    finds(&set, "ES256", "p256", "p256");
    finds(&set, "EdDSA", "ed448", "ed448");
    finds(&set, "HS256", "secret", "secret");
    finds(&set, "HS256", "rsa", "unfit");
    finds(&set, "RS256", "secret", "unfit");
    finds(&set, "ES256", "p384", "unfit");
    finds(&set, "ES384", "p256", "unfit");
    finds(&set, "RS256", "rs", "unknown");
    finds(&set, "RS256", "rsa ", "unknown");
    finds(&set, "RS256", "RSA", "unknown");
    finds(&set, "RS256", "", "unknown");
    finds(&set, "RS256", "../rsa", "unknown");
    finds(&set, "RS256", "rsa' OR '1'='1", "unknown");
    finds(&set, "RS256", NULL, "rsa");
    finds(&set, "ES512", NULL, "p521");
    finds(&set, "HS512", NULL, "secret");
    finds(&set, "EdDSA", NULL, "ambiguous");
    kairo_keyset_free(&set);

    finds(&set, "RS256", "rsa", "unfit");
    finds(&set, "RS256", NULL, "unfit");

    /* keys without a name, beside one that has one */

    a = jwk_of(ring.rsa, "");
    b = jwk_of(ring.p256, "");
    c = jwk_of(ring.p384, ",\"kid\":\"c\"");
    text = text_of("{\"keys\":[%s,%s,%s]}", a, b, c);
    need(read_text(&set, jwks, text) == NULL);

    finds(&set, "RS256", NULL, "unnamed");
    finds(&set, "RS256", "any", "unnamed");
    finds(&set, "ES256", "any", "unnamed");
    finds(&set, "ES384", "c", "c");
    finds(&set, "ES384", NULL, "c");
    finds(&set, "ES384", "any", "unknown");
    finds(&set, "RS256", "c", "unfit");
    finds(&set, "HS256", NULL, "unfit");
    kairo_keyset_free(&set);
    free(text);
    free(c);

    /* two without a name: to try one after the other is no answer */

    c = jwk_of(ring.rsa, ",\"alg\":\"RS256\"");
    text = text_of("{\"keys\":[%s,%s]}", a, c);
    need(read_text(&set, jwks, text) == NULL);

    finds(&set, "RS256", NULL, "ambiguous");
    finds(&set, "RS256", "any", "ambiguous");
    finds(&set, "RS512", NULL, "unnamed");
    kairo_keyset_free(&set);

    free(text);
    free(a);
    free(b);
    free(c);
}


/* Of a set that takes the place of another. */

static void
rotation(void)
{
    char            *old_text, *new_text;
    size_t           i;
    kairo_keyset_t   old, new;

    old_text = ring_jwks(&ring, 1);
    new_text = jwk_of(ring.p256, ",\"kid\":\"another\"");

    need(read_text(&old, own_jwks, old_text) == NULL);
    need(read_text(&new, own_jwks, new_text) == NULL);

    for (i = 0; i < old.n; i++) {
        expect(kairo_keyset_has(&old, old.keys[i].thumb), "key %zu", i);
        expect((kairo_keyset_has(&new, old.keys[i].thumb) != 0)
               == (old.keys[i].algs == kairo_alg_bit(KAIRO_ES256)),
               "key %zu of the old set", i);
    }

    verdict("a key is known by what it is, not by its name");

    kairo_keyset_free(&new);
    ok(!kairo_keyset_has(&new, old.keys[0].thumb), "no key in no set");
    kairo_keyset_free(&old);

    free(old_text);
    free(new_text);
}


int
main(void)
{
    unit_begin(20260205);
    ring_make(&ring);

    json();
    strict_json();
    sizes();
    left_out();
    pem();
    broken_pem();
    secrets();
    names();
    rotation();

    always_held();
    ring_free(&ring);

    return unit_done();
}
