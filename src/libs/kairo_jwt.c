
#include <math.h>
#include <stdlib.h>
#include <strings.h>

#include "libs/kairo_jwt.h"
#include "core/kairo_base64url.h"


/* a time of 2^53 s is a number that no float has exactly any more */

#define KAIRO_JWT_TIME  9007199254740992.0


static const kairo_json_shape_t  kairo_jwt_shape = { 16, 256 };


/* RFC 7519, section 5.1; RFC 9068, section 2.1 */

const kairo_span_t  kairo_jwt_types[KAIRO_JWT_TYPES] = {
    { NULL, 0 },
    kairo_span("JWT"),
    kairo_span("at+jwt")
};


static const char  *kairo_jwt_reasons[] = {
    "ok",
    "too_long",
    "malformed",
    "bad_header",
    "critical_header",
    "encrypted",
    "algorithm_not_allowed",
    "wrong_type",
    "bad_claims",
    "wrong_issuer",
    "wrong_audience",
    "no_expiry",
    "bad_time",
    "expired",
    "not_yet_valid",
    "lifetime_too_long",
    "unknown_key",
    "unfit_key",
    "ambiguous_key",
    "bad_signature",
    "no_memory"
};


static kairo_jwt_rc_t kairo_jwt_decode(kairo_jwt_t *jwt,
    const kairo_compact_t *parts);
static kairo_jwt_rc_t kairo_jwt_header(kairo_jwt_t *jwt);
static int kairo_jwt_optional(const json_t *object, const char *name,
    kairo_span_t *text);
static int kairo_jwt_typed(const kairo_jwt_t *jwt,
    const kairo_jwt_policy_t *policy);
static int kairo_jwt_audience(const kairo_jwt_t *jwt,
    const kairo_jwt_policy_t *policy);
static int kairo_jwt_named(kairo_span_t name,
    const kairo_jwt_policy_t *policy);
static int kairo_jwt_time(const json_t *claims, const char *name,
    int64_t *time);
static int kairo_jwt_same(kairo_span_t a, kairo_span_t b);
static int kairo_jwt_is_type(kairo_span_t type, kairo_span_t name);


const char *
kairo_jwt_reason(kairo_jwt_rc_t rc)
{
    return kairo_jwt_reasons[rc];
}


kairo_jwt_rc_t
kairo_jwt_read(kairo_jwt_t *jwt, kairo_span_t token)
{
    kairo_jwt_rc_t   rc;
    kairo_compact_t  parts;

    memset(jwt, 0, sizeof(*jwt));

    if (token.n > KAIRO_JWT_TEXT) {
        return KAIRO_JWT_TOO_LONG;
    }

    if (kairo_compact_split(token, &parts) != 0) {
        return KAIRO_JWT_MALFORMED;
    }

    rc = kairo_jwt_decode(jwt, &parts);

    return rc == KAIRO_JWT_OK ? kairo_jwt_header(jwt) : rc;
}


kairo_jwt_rc_t
kairo_jwt_claims(kairo_jwt_t *jwt)
{
    jwt->claims = kairo_json_object(jwt->payload, &kairo_jwt_shape);

    if (jwt->claims == NULL) {
        return KAIRO_JWT_BAD_CLAIMS;
    }

    if (!kairo_jwt_time(jwt->claims, "exp", &jwt->times.exp)) {
        return KAIRO_JWT_NO_EXPIRY;
    }

    if (!kairo_jwt_time(jwt->claims, "nbf", &jwt->times.nbf)
        || !kairo_jwt_time(jwt->claims, "iat", &jwt->times.iat))
    {
        return KAIRO_JWT_BAD_TIME;
    }

    return KAIRO_JWT_OK;
}


kairo_jwt_rc_t
kairo_jwt_judge(const kairo_jwt_t *jwt, const kairo_jwt_policy_t *policy,
    int64_t now)
{
    kairo_span_t  issuer;

    if (!(policy->algs & kairo_alg_bit(jwt->alg))) {
        return KAIRO_JWT_ALGORITHM;
    }

    if (!kairo_jwt_typed(jwt, policy)) {
        return KAIRO_JWT_TYPE;
    }

    issuer = kairo_json_span(jwt->claims, "iss");

    if (policy->issuer.p
        && (issuer.p == NULL || !kairo_jwt_same(issuer, policy->issuer)))
    {
        return KAIRO_JWT_ISSUER;
    }

    if (policy->naudiences && !kairo_jwt_audience(jwt, policy)) {
        return KAIRO_JWT_AUDIENCE;
    }

    return kairo_jwt_timely(&jwt->times, policy, now);
}


kairo_jwt_rc_t
kairo_jwt_timely(const kairo_jwt_times_t *times,
    const kairo_jwt_policy_t *policy, int64_t now)
{
    if (times->exp == 0) {
        return KAIRO_JWT_NO_EXPIRY;
    }

    /* RFC 7519, section 4.1.4: on or after "exp" it must not be accepted */

    if (times->exp + policy->leeway <= now) {
        return KAIRO_JWT_EXPIRED;
    }

    if (times->nbf > now + policy->leeway
        || times->iat > now + policy->leeway)
    {
        return KAIRO_JWT_NOT_YET;
    }

    if (policy->max_lifetime
        && (times->iat == 0
            || times->exp - times->iat > policy->max_lifetime))
    {
        return KAIRO_JWT_LIFETIME;
    }

    return KAIRO_JWT_OK;
}


kairo_jwt_rc_t
kairo_jwt_verify(kairo_jwt_t *jwt, const kairo_keyset_t *keys, uint32_t algs)
{
    const kairo_key_t  *key;

    if (!(algs & kairo_alg_bit(jwt->alg))) {
        return KAIRO_JWT_ALGORITHM;
    }

    switch (kairo_keyset_find(keys, jwt->alg, jwt->kid, &key)) {

    case KAIRO_KEYSET_FOUND:
        break;

    case KAIRO_KEYSET_UNKNOWN:
        return KAIRO_JWT_UNKNOWN_KEY;

    case KAIRO_KEYSET_UNFIT:
        return KAIRO_JWT_UNFIT_KEY;

    case KAIRO_KEYSET_AMBIGUOUS:
        return KAIRO_JWT_AMBIGUOUS_KEY;
    }

    if (!kairo_key_verify(key, jwt->alg, jwt->input, jwt->signature)) {
        return KAIRO_JWT_SIGNATURE;
    }

    jwt->key = key;

    return KAIRO_JWT_OK;
}


void
kairo_jwt_free(kairo_jwt_t *jwt)
{
    json_decref(jwt->header);
    json_decref(jwt->claims);
    free(jwt->memory);

    memset(jwt, 0, sizeof(*jwt));
}


/* Payload and signature side by side; the header goes to the parser. */

static kairo_jwt_rc_t
kairo_jwt_decode(kairo_jwt_t *jwt, const kairo_compact_t *parts)
{
    unsigned char  *p, header[KAIRO_JWT_HEADER + 3];
    kairo_span_t    text;

    if (parts->header.n > (KAIRO_JWT_HEADER * 4 + 2) / 3) {
        return KAIRO_JWT_TOO_LONG;
    }

    p = malloc(kairo_base64url_size(parts->payload.n)
               + kairo_base64url_size(parts->signature.n) + 1);
    if (p == NULL) {
        return KAIRO_JWT_NO_MEMORY;
    }

    jwt->memory = p;
    jwt->input = parts->input;

    jwt->payload.p = p;
    jwt->signature.p = p + kairo_base64url_size(parts->payload.n);

    if (kairo_base64url_decode(p, &jwt->payload.n, parts->payload) != 0
        || kairo_base64url_decode((unsigned char *) jwt->signature.p,
                                  &jwt->signature.n, parts->signature) != 0
        || kairo_base64url_decode(header, &text.n, parts->header) != 0)
    {
        return KAIRO_JWT_MALFORMED;
    }

    text.p = header;
    jwt->header = kairo_json_object(text, &kairo_jwt_shape);

    return jwt->header ? KAIRO_JWT_OK : KAIRO_JWT_BAD_HEADER;
}


static kairo_jwt_rc_t
kairo_jwt_header(kairo_jwt_t *jwt)
{
    kairo_span_t         alg, content;
    const json_t        *h;
    static const kairo_span_t  nested = kairo_span("JWT");

    h = jwt->header;

    /* RFC 7515, section 4.1.11: not understood means not accepted */

    if (json_object_get(h, "crit") || json_object_get(h, "b64")) {
        return KAIRO_JWT_CRITICAL;
    }

    if (json_object_get(h, "enc") || json_object_get(h, "zip")) {
        return KAIRO_JWT_ENCRYPTED;
    }

    alg = kairo_json_span(h, "alg");

    if (alg.p == NULL
        || !kairo_jwt_optional(h, "kid", &jwt->kid)
        || jwt->kid.n > KAIRO_KEY_KID
        || !kairo_jwt_optional(h, "typ", &jwt->type)
        || !kairo_jwt_optional(h, "cty", &content))
    {
        return KAIRO_JWT_BAD_HEADER;
    }

    if (content.p && kairo_jwt_is_type(content, nested)) {
        return KAIRO_JWT_ENCRYPTED;
    }

    jwt->alg = kairo_alg_find(alg);

    return jwt->alg == KAIRO_ALG_UNKNOWN ? KAIRO_JWT_ALGORITHM : KAIRO_JWT_OK;
}


/* 0: it is there, and no string. */

static int
kairo_jwt_optional(const json_t *object, const char *name, kairo_span_t *text)
{
    *text = kairo_json_span(object, name);

    return text->p || json_object_get(object, name) == NULL;
}


static int
kairo_jwt_typed(const kairo_jwt_t *jwt, const kairo_jwt_policy_t *policy)
{
    size_t        i;
    kairo_span_t  type;

    /* a logout token is signed by the same keys, for nobody to be let in */

    if (json_object_get(jwt->claims, "events")) {
        return 0;
    }

    for (i = 0; i < policy->ntypes; i++) {

        type = policy->types[i];

        /* an empty "typ" is there, and none that anybody has */

        if (jwt->type.p ? type.n && kairo_jwt_is_type(jwt->type, type)
                        : type.n == 0)
        {
            return 1;
        }
    }

    return policy->ntypes == 0;
}


/* RFC 7519, section 4.1.3: one text, or an array of texts */

static int
kairo_jwt_audience(const kairo_jwt_t *jwt, const kairo_jwt_policy_t *policy)
{
    size_t         i;
    const json_t  *aud, *text;

    aud = json_object_get(jwt->claims, "aud");

    if (!json_is_array(aud)) {
        return kairo_jwt_named(kairo_json_string(aud), policy);
    }

    for (i = 0; i < json_array_size(aud); i++) {
        if (!json_is_string(json_array_get(aud, i))) {
            return 0;
        }
    }

    for (i = 0; i < json_array_size(aud); i++) {

        text = json_array_get(aud, i);

        if (kairo_jwt_named(kairo_json_string(text), policy)) {
            return 1;
        }
    }

    return 0;
}


static int
kairo_jwt_named(kairo_span_t name, const kairo_jwt_policy_t *policy)
{
    size_t  i;

    for (i = 0; name.p && i < policy->naudiences; i++) {
        if (kairo_jwt_same(name, policy->audiences[i])) {
            return 1;
        }
    }

    return 0;
}


/*
 * A NumericDate (RFC 7519, section 2): a number of seconds, fractions too.
 * 0: it is there, and none from 0 to 2^53.
 */

static int
kairo_jwt_time(const json_t *claims, const char *name, int64_t *time)
{
    double         value;
    const json_t  *number;

    *time = 0;
    number = json_object_get(claims, name);

    if (number == NULL) {
        return 1;
    }

    if (!json_is_number(number)) {
        return 0;
    }

    value = json_number_value(number);

    if (!isfinite(value) || value < 0 || value >= KAIRO_JWT_TIME) {
        return 0;
    }

    *time = (int64_t) value;

    return 1;
}


static int
kairo_jwt_same(kairo_span_t a, kairo_span_t b)
{
    return a.n == b.n && memcmp(a.p, b.p, a.n) == 0;
}


/*
 * RFC 7515, section 4.1.9: a media type, without regard to case, whose
 * "application/" may be left out.
 */

static int
kairo_jwt_is_type(kairo_span_t type, kairo_span_t name)
{
    static const kairo_span_t  prefix = kairo_span("application/");

    if (type.n > prefix.n
        && strncasecmp((const char *) type.p, (const char *) prefix.p,
                       prefix.n) == 0)
    {
        type.p += prefix.n;
        type.n -= prefix.n;
    }

    return type.n == name.n
           && strncasecmp((const char *) type.p, (const char *) name.p,
                          name.n) == 0;
}
