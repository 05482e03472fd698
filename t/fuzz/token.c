
/*
 * Tokens.  The first byte tells what the rest is:
 *
 *     t   a token, as it comes
 *     s   a header, a line end and claims, which are signed here: so that
 *         what decides is not the signature
 *     j   a text for the readers of JSON
 */


#include <math.h>
#include <strings.h>

#include "base64.h"

#include <openssl/err.h>
#include <openssl/evp.h>

#include "core/kairo_base64url.h"
#include "libs/kairo_jwt.h"


int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
    __attribute__ ((visibility ("default")));


#define NOW  1700000000

#define SECRET  "0123456789abcdef0123456789abcdef"


/* the examples of RFC 7515, A.3, and RFC 8037, A.2, and a secret */

static const char  keys_text[] =
    "{\"keys\":[{\"kty\":\"oct\",\"k\":"
    "\"MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY\"},"
    "{\"kty\":\"EC\",\"crv\":\"P-256\","
    "\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\","
    "\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0\"},"
    "{\"kty\":\"OKP\",\"crv\":\"Ed25519\","
    "\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"}]}";

static const kairo_span_t  audiences[] = { kairo_span("api") };

static const kairo_jwt_policy_t  policy = {
    kairo_span("me"), audiences, 1, kairo_jwt_types, KAIRO_JWT_TYPES,
    KAIRO_ALGS_ALL, 30, 86400
};


static kairo_keyset_t  keys;


static kairo_jwt_rc_t
judged(const unsigned char *token, size_t n, const kairo_jwt_policy_t *p)
{
    kairo_jwt_t      jwt;
    kairo_span_t     s;
    kairo_jwt_rc_t   rc;
    unsigned char   *exact;

    exact = fuzz_copy(token, n);
    s.p = n ? exact : NULL;
    s.n = n;

    rc = kairo_jwt_read(&jwt, s);

    if (p && rc == KAIRO_JWT_OK) {
        rc = kairo_jwt_claims(&jwt);
        rc = rc == KAIRO_JWT_OK ? kairo_jwt_judge(&jwt, p, NOW) : rc;
    }

    if (rc == KAIRO_JWT_OK) {
        rc = kairo_jwt_verify(&jwt, &keys, KAIRO_ALGS_ALL);
        must((jwt.key != NULL) == (rc == KAIRO_JWT_OK));
    }

    must(rc <= KAIRO_JWT_NO_MEMORY && *kairo_jwt_reason(rc) != '\0');
    must(ERR_peek_error() == 0);

    kairo_jwt_free(&jwt);
    free(exact);

    return rc;
}


/* A token that is good has one spelling: this one. */

static void
one_spelling(const unsigned char *token, size_t n)
{
    size_t           i, at, len, bytes_n;
    kairo_span_t     s, parts[3];
    unsigned char   *copy, *bytes, *text;
    kairo_compact_t  c;

    s.p = token;
    s.n = n;
    must(kairo_compact_split(s, &c) == 0);

    parts[0] = c.header;
    parts[1] = c.payload;
    parts[2] = c.signature;

    for (i = 0; i < 3; i++) {

        bytes = fuzz_alloc(kairo_base64url_size(parts[i].n));
        must(kairo_base64url_decode(bytes, &bytes_n, parts[i]) == 0);

        text = fuzz_alloc((bytes_n + 2) / 3 * 4);
        len = base64_encode(text, bytes, bytes_n);
        must(len == parts[i].n && memcmp(text, parts[i].p, len) == 0);

        free(text);
        free(bytes);
    }

    copy = fuzz_copy(token, n);

    for (i = 0; i < 16; i++) {

        at = (token[n - 1 - i] * 31u + i * 7) % n;

        copy[at] = (unsigned char) base64_alphabet[(copy[at] + i) % 64];

        must(copy[at] == token[at]
             || judged(copy, n, NULL) != KAIRO_JWT_OK);

        copy[at] = token[at];
    }

    must(judged(copy, n - 1, NULL) != KAIRO_JWT_OK);

    free(copy);
}


static void
a_token(const unsigned char *token, size_t n)
{
    kairo_jwt_rc_t  rc;

    rc = judged(token, n, NULL);

    if (rc == KAIRO_JWT_OK) {
        one_spelling(token, n);

    } else {
        must(judged(token, n, &policy) != KAIRO_JWT_OK);
    }
}


/* JSON as jansson alone reads it; NULL: it is no object. */

static json_t *
object_of(const unsigned char *text, size_t n)
{
    json_t  *json;

    if (memchr(text, '\0', n)) {
        return NULL;
    }

    json = json_loadb((const char *) text, n, JSON_REJECT_DUPLICATES, NULL);

    if (!json_is_object(json)) {
        json_decref(json);
        json = NULL;
    }

    return json;
}


static void
measure(const json_t *json, size_t depth, kairo_json_shape_t *shape)
{
    size_t       i;
    const char  *name;
    json_t      *value;

    if (!json_is_object(json) && !json_is_array(json)) {
        return;
    }

    shape->depth = depth > shape->depth ? depth : shape->depth;

    json_array_foreach(json, i, value) {
        shape->values++;
        measure(value, depth + 1, shape);
    }

    json_object_foreach((json_t *) json, name, value) {
        shape->values++;
        measure(value, depth + 1, shape);
    }
}


static int
is_text(const json_t *json, const char *text)
{
    return json_is_string(json) && strcmp(json_string_value(json), text) == 0;
}


/* -1: no time; 0: it is not there, or its second is none. */

static double
time_of(const json_t *claims, const char *name)
{
    double         t;
    const json_t  *json;

    json = json_object_get(claims, name);

    if (json == NULL) {
        return 0;
    }

    t = json_is_number(json) ? json_number_value(json) : -1;

    return t >= 0 && t < 9007199254740992.0 ? floor(t) : -1;
}


/* The rules once more, of what was read by others. */

static int
good_header(const json_t *h)
{
    size_t               i;
    const char          *typ;
    const json_t        *kid, *cty;
    static const char   *types[] = {
        "jwt", "at+jwt", "application/jwt", "application/at+jwt"
    };

    if (json_object_get(h, "crit") || json_object_get(h, "b64")
        || json_object_get(h, "enc") || json_object_get(h, "zip")
        || !is_text(json_object_get(h, "alg"), "HS256"))
    {
        return 0;
    }

    kid = json_object_get(h, "kid");
    cty = json_object_get(h, "cty");

    if ((kid && (!json_is_string(kid) || json_string_length(kid) > 128))
        || (cty && (!json_is_string(cty)
                    || strcasecmp(json_string_value(cty), "jwt") == 0
                    || strcasecmp(json_string_value(cty), "application/jwt")
                       == 0)))
    {
        return 0;
    }

    if (json_object_get(h, "typ") == NULL) {
        return 1;
    }

    typ = json_string_value(json_object_get(h, "typ"));

    for (i = 0; typ && i < 4; i++) {
        if (strcasecmp(typ, types[i]) == 0) {
            return 1;
        }
    }

    return 0;
}


static int
good_claims(const json_t *c)
{
    int            named;
    double         exp, nbf, iat;
    size_t         i;
    const json_t  *aud, *text;

    exp = time_of(c, "exp");
    nbf = time_of(c, "nbf");
    iat = time_of(c, "iat");

    if (exp <= 0 || nbf < 0 || iat <= 0 || exp + 30 <= NOW || nbf > NOW + 30
        || iat > NOW + 30 || exp - iat > 86400)
    {
        return 0;
    }

    if (json_object_get(c, "events")
        || !is_text(json_object_get(c, "iss"), "me"))
    {
        return 0;
    }

    aud = json_object_get(c, "aud");
    named = is_text(aud, "api");

    json_array_foreach(aud, i, text) {

        if (!json_is_string(text)) {
            return 0;
        }

        named |= is_text(text, "api");
    }

    return named;
}


/* Both are JSON of a size that nobody minds. */

static int
good(const unsigned char *header, size_t h, const unsigned char *claims,
    size_t c, int *borderline)
{
    int                  rc;
    json_t              *head, *body;
    kairo_json_shape_t   shape;

    head = object_of(header, h);
    body = object_of(claims, c);
    rc = head && body && good_header(head) && good_claims(body);

    shape.depth = shape.values = 0;
    measure(head, 1, &shape);
    measure(body, 1, &shape);

    /* the size before parsing may be more than it turns out to be */

    *borderline = shape.depth > 16 || h + c > 256;

    json_decref(head);
    json_decref(body);

    return rc;
}


static void
signed_text(const unsigned char *data, size_t n)
{
    int                   is_good, borderline;
    size_t                h, c, at, mac_n;
    unsigned char        *token, mac[64];
    const unsigned char  *end;

    end = n ? memchr(data, '\n', n) : NULL;

    if (end == NULL) {
        return;
    }

    h = (size_t) (end - data);
    c = n - h - 1;

    token = fuzz_alloc((n + 3) / 3 * 4 + 64);

    at = base64_encode(token, data, h);
    token[at++] = '.';
    at += base64_encode(token + at, end + 1, c);

    must(EVP_Q_mac(NULL, "HMAC", NULL, "SHA256", NULL, SECRET,
                   sizeof(SECRET) - 1, token, at, mac, sizeof(mac), &mac_n)
         != NULL);

    token[at++] = '.';
    at += base64_encode(token + at, mac, mac_n);

    is_good = good(data, h, end + 1, c, &borderline);

    if (judged(token, at, &policy) == KAIRO_JWT_OK) {
        must(is_good);
        one_spelling(token, at);

    } else {
        must(!is_good || borderline);
    }

    free(token);
}


/* What was counted before parsing is no less than what there is. */

static void
json_text(const unsigned char *text, size_t n)
{
    json_t                           *json;
    kairo_span_t                      s;
    kairo_json_shape_t                shape, real;
    static const kairo_json_shape_t   limit = { 16, 256 };

    s.p = n ? text : NULL;
    s.n = n;
    shape = kairo_json_shape(s);
    must(shape.depth <= n && shape.values <= n);

    json = n ? json_loadb((const char *) text, n, JSON_DECODE_ANY
                          | JSON_ALLOW_NUL | JSON_REJECT_DUPLICATES, NULL)
             : NULL;

    real.depth = real.values = 0;
    measure(json, 1, &real);

    if (json) {
        must(shape.depth == real.depth && shape.values >= real.values);
    }

    json_decref(json);

    json = kairo_json_object(s, &limit);

    if (json) {
        must(json_is_object(json) && memchr(text, '\0', n) == NULL);
        must(shape.depth <= 16 && shape.values <= 256);
        json_decref(json);
    }
}


int
LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    kairo_span_t    s;
    unsigned char  *exact;

    if (keys.n == 0) {
        s.p = (const unsigned char *) keys_text;
        s.n = sizeof(keys_text) - 1;
        must(kairo_keyset_jwks(&keys, s, 1) == NULL && keys.n == 3);
    }

    if (size == 0) {
        return 0;
    }

    exact = fuzz_copy(data + 1, size - 1);

    switch (data[0]) {

    case 's':
        signed_text(exact, size - 1);
        break;

    case 'j':
        json_text(exact, size - 1);
        break;

    default:
        a_token(exact, size - 1);
        break;
    }

    free(exact);

    return 0;
}
