
#define _GNU_SOURCE         /* memmem() */

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "libs/kairo_keyset.h"


static const kairo_json_shape_t  kairo_keyset_shape = { 8, 8192 };


static int kairo_keyset_is_json(kairo_span_t text);
static int kairo_keyset_is_pem(kairo_span_t text);
static const char *kairo_keyset_pem(kairo_keyset_t *set, kairo_span_t text);
static const char *kairo_keyset_end(kairo_keyset_t *set, const char *none);
static int kairo_keyset_add(kairo_keyset_t *set, const char *wrong);
static EVP_PKEY *kairo_keyset_decode(const char *name,
    const unsigned char *der, long n);
static int kairo_keyset_private(const char *name);


const char *
kairo_keyset_jwks(kairo_keyset_t *set, kairo_span_t text, int secrets)
{
    size_t   i;
    json_t  *json, *keys;

    memset(set, 0, sizeof(*set));

    if (text.n > KAIRO_KEYSET_TEXT) {
        return "it has more than 256 KiB";
    }

    json = kairo_json_object(text, &kairo_keyset_shape);

    if (json == NULL) {
        return "it is not a JSON object";
    }

    keys = json_object_get(json, "keys");

    if (keys == NULL && json_object_get(json, "kty")) {
        (void) kairo_keyset_add(set, kairo_key_jwk(&set->keys[0], json,
                                                   secrets));
    }

    for (i = 0; i < json_array_size(keys); i++) {

        if (set->n == KAIRO_KEYSET_KEYS) {
            json_decref(json);
            kairo_keyset_free(set);
            return "it has more than 64 keys";
        }

        (void) kairo_keyset_add(set, kairo_key_jwk(&set->keys[set->n],
                                                   json_array_get(keys, i),
                                                   secrets));
    }

    json_decref(json);

    return kairo_keyset_end(set, "it has no \"keys\" with a key in it");
}


const char *
kairo_keyset_file(kairo_keyset_t *set, kairo_span_t text, int secrets)
{
    return kairo_keyset_is_json(text)
           ? kairo_keyset_jwks(set, text, secrets)
           : kairo_keyset_pem(set, text);
}


const char *
kairo_keyset_secret(kairo_keyset_t *set, kairo_span_t secret)
{
    memset(set, 0, sizeof(*set));

    /* a public key is known to all, and must not be taken for a secret */

    if (kairo_keyset_is_pem(secret)) {
        return "it is PEM, and no secret";
    }

    (void) kairo_keyset_add(set, kairo_key_secret(&set->keys[0],
                                                  kairo_alg_secret(secret)));

    return kairo_keyset_end(set, NULL);
}


const char *
kairo_keyset_any(kairo_keyset_t *set, kairo_span_t text)
{
    return kairo_keyset_is_json(text) || kairo_keyset_is_pem(text)
           ? kairo_keyset_file(set, text, 1)
           : kairo_keyset_secret(set, text);
}


void
kairo_keyset_free(kairo_keyset_t *set)
{
    while (set->n) {
        kairo_key_free(&set->keys[--set->n]);
    }
}


kairo_keyset_rc_t
kairo_keyset_find(const kairo_keyset_t *set, kairo_alg_t alg,
    kairo_span_t kid, const kairo_key_t **key)
{
    size_t              i, named, fit;
    const kairo_key_t  *k;

    named = 0;
    fit = 0;
    *key = NULL;

    for (i = 0; i < set->n; i++) {

        k = &set->keys[i];

        if (kid.p && k->kid.p) {

            named++;

            if (k->kid.n == kid.n && memcmp(k->kid.p, kid.p, kid.n) == 0) {
                *key = k;

                return k->algs & kairo_alg_bit(alg) ? KAIRO_KEYSET_FOUND
                                                    : KAIRO_KEYSET_UNFIT;
            }

            continue;
        }

        if (k->algs & kairo_alg_bit(alg)) {
            fit++;
            *key = k;
        }
    }

    if (fit == 1) {
        return KAIRO_KEYSET_FOUND;
    }

    if (fit > 1) {
        return KAIRO_KEYSET_AMBIGUOUS;
    }

    return named ? KAIRO_KEYSET_UNKNOWN : KAIRO_KEYSET_UNFIT;
}


uint32_t
kairo_keyset_algs(const kairo_keyset_t *set)
{
    size_t    i;
    uint32_t  algs;

    for (i = 0, algs = 0; i < set->n; i++) {
        algs |= set->keys[i].algs;
    }

    return algs;
}


int
kairo_keyset_has(const kairo_keyset_t *set, const unsigned char *thumb)
{
    size_t  i;

    for (i = 0; i < set->n; i++) {
        if (memcmp(set->keys[i].thumb, thumb, KAIRO_KEY_THUMB) == 0) {
            return 1;
        }
    }

    return 0;
}


static int
kairo_keyset_is_json(kairo_span_t text)
{
    size_t  i;

    for (i = 0; i < text.n; i++) {
        if (text.p[i] != ' ' && text.p[i] != '\t' && text.p[i] != '\r'
            && text.p[i] != '\n')
        {
            return text.p[i] == '{';
        }
    }

    return 0;
}


static int
kairo_keyset_is_pem(kairo_span_t text)
{
    static const char  begin[] = "-----BEGIN ";

    return text.n && memmem(text.p, text.n, begin, sizeof(begin) - 1) != NULL;
}


static const char *
kairo_keyset_pem(kairo_keyset_t *set, kairo_span_t text)
{
    BIO            *bio;
    long            n;
    char           *name, *header;
    const char     *wrong;
    EVP_PKEY       *pkey;
    unsigned char  *der;

    memset(set, 0, sizeof(*set));

    if (text.n > KAIRO_KEYSET_TEXT) {
        return "it has more than 256 KiB";
    }

    wrong = NULL;
    bio = BIO_new_mem_buf(text.p, (int) text.n);

    while (bio && wrong == NULL
           && PEM_read_bio(bio, &name, &header, &der, &n))
    {
        if (kairo_keyset_private(name)) {
            wrong = "it has a private key, and verifying needs the public one";

        } else if (set->n == KAIRO_KEYSET_KEYS) {
            wrong = "it has more than 64 keys";

        } else {
            pkey = kairo_keyset_decode(name, der, n);

            (void) kairo_keyset_add(set, pkey
                      ? kairo_key_pkey(&set->keys[set->n], pkey)
                      : "it is neither a public key nor a certificate");
        }

        OPENSSL_free(name);
        OPENSSL_free(header);
        OPENSSL_clear_free(der, (size_t) n);
    }

    BIO_free(bio);

    /* what ends the loop is the end, or PEM that hides the keys behind it */

    if (bio && wrong == NULL
        && ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE)
    {
        wrong = "it has PEM that breaks off or is no base64";
    }

    ERR_clear_error();

    if (wrong) {
        kairo_keyset_free(set);
        return wrong;
    }

    return kairo_keyset_end(set, "it is neither JSON nor PEM");
}


/* NULL when there is a key of use. */

static const char *
kairo_keyset_end(kairo_keyset_t *set, const char *none)
{
    if (set->lost) {
        kairo_keyset_free(set);
        return KAIRO_KEY_NO_MEMORY;
    }

    if (set->n) {
        return NULL;
    }

    return set->left_out ? "none of its keys is of use" : none;
}


/* Counts the key that was just put at the end, or notes what is wrong. */

static int
kairo_keyset_add(kairo_keyset_t *set, const char *wrong)
{
    size_t              i;
    const kairo_key_t  *new, *k;

    new = &set->keys[set->n];

    for (i = 0; wrong == NULL && i < set->n; i++) {

        k = &set->keys[i];

        if (new->kid.p && k->kid.n == new->kid.n
            && memcmp(k->kid.p, new->kid.p, new->kid.n) == 0)
        {
            kairo_key_free(&set->keys[set->n]);
            wrong = "another key has the same \"kid\"";
        }
    }

    if (wrong == NULL) {
        set->n++;
        return 1;
    }

    set->lost |= strcmp(wrong, KAIRO_KEY_NO_MEMORY) == 0;

    if (set->left_out++ == 0) {
        set->first = set->n + 1;
        set->why = wrong;
    }

    return 0;
}


static EVP_PKEY *
kairo_keyset_decode(const char *name, const unsigned char *der, long n)
{
    X509      *cert;
    EVP_PKEY  *pkey;

    if (strcmp(name, PEM_STRING_PUBLIC) == 0) {
        return d2i_PUBKEY(NULL, &der, n);
    }

    if (strcmp(name, PEM_STRING_RSA_PUBLIC) == 0) {
        return d2i_PublicKey(EVP_PKEY_RSA, NULL, &der, n);
    }

    if (strcmp(name, PEM_STRING_X509) != 0
        && strcmp(name, PEM_STRING_X509_OLD) != 0)
    {
        return NULL;
    }

    cert = d2i_X509(NULL, &der, n);
    pkey = cert ? X509_get_pubkey(cert) : NULL;
    X509_free(cert);

    return pkey;
}


/* "RSA PRIVATE KEY", "ENCRYPTED PRIVATE KEY", ... */

static int
kairo_keyset_private(const char *name)
{
    return strstr(name, "PRIVATE KEY") != NULL;
}
