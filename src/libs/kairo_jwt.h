
/*
 * A signed token, from text to "yes" or to the reason why not.
 *
 * The steps are those of RFC 7515, section 5.2, and RFC 7519, section 7.2,
 * with what RFC 8725 asks for: what is cheap comes before the signature, and
 * nothing of a token is used to choose how it is verified but the name of a
 * key that is already known.
 *
 *     kairo_jwt_read()     text, header, claims: nothing of it is trusted
 *     kairo_jwt_judge()    algorithm, type, issuer, audience, times
 *     kairo_jwt_verify()   key and signature
 */


#ifndef KAIRO_JWT_H_INCLUDED
#define KAIRO_JWT_H_INCLUDED


#include "core/kairo_compact.h"
#include "libs/kairo_keyset.h"


#define KAIRO_JWT_TEXT    8192     /* bytes of a token */
#define KAIRO_JWT_HEADER  2048     /* of its header, decoded */


typedef enum {
    KAIRO_JWT_OK = 0,
    KAIRO_JWT_TOO_LONG,
    KAIRO_JWT_MALFORMED,           /* not three parts of base64url */
    KAIRO_JWT_BAD_HEADER,          /* no JSON object, or a member is wrong */
    KAIRO_JWT_CRITICAL,            /* "crit" or "b64" */
    KAIRO_JWT_ENCRYPTED,           /* "enc" or "zip", or nested */
    KAIRO_JWT_ALGORITHM,           /* none that the issuer has */
    KAIRO_JWT_TYPE,
    KAIRO_JWT_BAD_CLAIMS,          /* no JSON object */
    KAIRO_JWT_ISSUER,
    KAIRO_JWT_AUDIENCE,
    KAIRO_JWT_NO_EXPIRY,           /* or one that is no time */
    KAIRO_JWT_BAD_TIME,            /* "nbf" or "iat" is no time */
    KAIRO_JWT_EXPIRED,
    KAIRO_JWT_NOT_YET,             /* "nbf" or "iat" is to come */
    KAIRO_JWT_LIFETIME,            /* longer than the issuer may give */
    KAIRO_JWT_UNKNOWN_KEY,
    KAIRO_JWT_UNFIT_KEY,           /* the key is for another algorithm */
    KAIRO_JWT_AMBIGUOUS_KEY,       /* no "kid", and several keys would do */
    KAIRO_JWT_SIGNATURE,
    KAIRO_JWT_NO_MEMORY
} kairo_jwt_rc_t;


/* Seconds since 1970; 0 where the claim is absent. */

typedef struct {
    int64_t                exp;
    int64_t                nbf;
    int64_t                iat;
} kairo_jwt_times_t;


typedef struct {
    kairo_span_t           issuer;         /* "p" NULL: any */
    const kairo_span_t    *audiences;      /* one of them has to be named */
    size_t                 naudiences;     /* 0: "aud" isn't looked at */
    const kairo_span_t    *types;          /* "typ"; an empty one: absent */
    size_t                 ntypes;
    uint32_t               algs;
    int64_t                leeway;         /* s */
    int64_t                max_lifetime;   /* s; 0: any */
} kairo_jwt_policy_t;


/* Spans are within the token, or within "memory". */

typedef struct {
    kairo_span_t           input;          /* what is signed */
    kairo_span_t           signature;      /* decoded, as the payload is */
    kairo_span_t           payload;
    kairo_span_t           kid;            /* "p" NULL: none */
    kairo_span_t           type;           /* "p" NULL: none */
    kairo_alg_t            alg;
    json_t                *header;
    json_t                *claims;         /* NULL until it is read */
    kairo_jwt_times_t      times;
    const kairo_key_t     *key;            /* that has verified it */
    unsigned char         *memory;
} kairo_jwt_t;


/* What "typ" may be where nothing else is said: absent, JWT, at+jwt. */

#define KAIRO_JWT_TYPES  3

extern const kairo_span_t  kairo_jwt_types[KAIRO_JWT_TYPES];


/* "expired", "bad_signature": stable, for programs and logs. */

const char *kairo_jwt_reason(kairo_jwt_rc_t rc);

/*
 * Reads the token, whose text outlives "jwt", which need not be initialised.
 * kairo_jwt_free() is due whatever is returned.
 */

kairo_jwt_rc_t kairo_jwt_read(kairo_jwt_t *jwt, kairo_span_t token);

/* The payload's claims, as JSON: for a token, not for any signed text. */

kairo_jwt_rc_t kairo_jwt_claims(kairo_jwt_t *jwt);

/* Whether the policy takes the token, if it is genuine; "now" in s. */

kairo_jwt_rc_t kairo_jwt_judge(const kairo_jwt_t *jwt,
    const kairo_jwt_policy_t *policy, int64_t now);

/* The times alone, as they are judged again for a token that is known. */

kairo_jwt_rc_t kairo_jwt_timely(const kairo_jwt_times_t *times,
    const kairo_jwt_policy_t *policy, int64_t now);

/* Whether a key of the set has signed it by one of the algorithms. */

kairo_jwt_rc_t kairo_jwt_verify(kairo_jwt_t *jwt, const kairo_keyset_t *keys,
    uint32_t algs);

void kairo_jwt_free(kairo_jwt_t *jwt);


#endif /* KAIRO_JWT_H_INCLUDED */
