
#include <stdlib.h>
#include <time.h>

#include "cmd/kairo_token.h"
#include "libs/kairo_jwt.h"


#define KAIRO_TOKEN_LEEWAY  30

enum { KEYS = 0, ISSUER, AUDIENCE, ALGS, NOW, LEEWAY, JWS };

static kairo_option_t  kairo_check_options[] = {
    { "keys", 0, NULL },
    { "issuer", 0, NULL },
    { "audience", 0, NULL },
    { "algs", 0, NULL },
    { "now", 0, NULL },
    { "leeway", 0, NULL },
    { "jws", 1, NULL },
    { NULL, 0, NULL }
};


static kairo_keyset_t      kairo_check_keys;
static kairo_span_t        kairo_check_audience;
static kairo_jwt_policy_t  kairo_check_policy;
static int64_t             kairo_check_now;


static int kairo_check_prepare(void);
static int kairo_check_read_keys(const char *path);
static int kairo_check_algs(const char *list, uint32_t *algs);
static int kairo_check_token(kairo_span_t token);
static kairo_jwt_rc_t kairo_check_steps(kairo_jwt_t *jwt, kairo_span_t token);
static void kairo_check_member(const kairo_jwt_t *jwt, const char *name);


const kairo_verb_t  kairo_verb_token_check = {
    "token check",
    "--keys JWKS|PEM|SECRETFILE [--issuer I] [--audience A]\n"
    "            [--algs LIST] [--now T] [--leeway S] [--jws] TOKEN ...",
    "verifies tokens as kairo_auth does; --jws: any signed text",
    kairo_check_options, kairo_check_prepare, kairo_check_token, NULL
};


static int
kairo_check_prepare(void)
{
    const char            *audience, *issuer;
    const kairo_option_t  *o;

    o = kairo_check_options;

    if (o[KEYS].value == NULL) {
        fprintf(stderr, "kairo: token check wants --keys FILE, a JWK Set, "
                        "PEM or a secret\n");
        return 2;
    }

    kairo_check_policy.algs = KAIRO_ALGS_ALL;

    if (o[ALGS].value
        && kairo_check_algs(o[ALGS].value, &kairo_check_policy.algs) != 0)
    {
        return 2;
    }

    issuer = o[ISSUER].value;

    if (issuer) {
        kairo_check_policy.issuer.p = (const unsigned char *) issuer;
        kairo_check_policy.issuer.n = strlen(issuer);
    }

    audience = o[AUDIENCE].value;

    if (audience) {
        kairo_check_audience.p = (const unsigned char *) audience;
        kairo_check_audience.n = strlen(audience);
        kairo_check_policy.audiences = &kairo_check_audience;
        kairo_check_policy.naudiences = 1;
    }

    kairo_check_policy.types = kairo_jwt_types;
    kairo_check_policy.ntypes = KAIRO_JWT_TYPES;

    kairo_check_now = kairo_token_seconds("now", o[NOW].value, time(NULL));
    kairo_check_policy.leeway = kairo_token_seconds("leeway", o[LEEWAY].value,
                                                    KAIRO_TOKEN_LEEWAY);

    if (kairo_check_now < 0 || kairo_check_policy.leeway < 0) {
        return 2;
    }

    return kairo_check_read_keys(o[KEYS].value);
}


static int
kairo_check_read_keys(const char *path)
{
    size_t          n;
    const char     *wrong;
    kairo_span_t    span;
    unsigned char  *text;

    text = kairo_cmd_file(path, &n);

    if (text == NULL) {
        return 2;
    }

    span.p = text;
    span.n = n;

    wrong = kairo_keyset_any(&kairo_check_keys, span);

    free(text);

    if (kairo_check_keys.why) {
        fprintf(stderr, "kairo: key %zu of \"%s\" is left out: %s\n",
                kairo_check_keys.first, path, kairo_check_keys.why);
    }

    if (wrong) {
        fprintf(stderr, "kairo: \"%s\" has no keys: %s\n", path, wrong);
        return 2;
    }

    return 0;
}


/* "ES256,RS256" or "ES256 RS256" */

static int
kairo_check_algs(const char *list, uint32_t *algs)
{
    kairo_alg_t   alg;
    kairo_span_t  name;

    *algs = 0;

    while (*list) {

        name.p = (const unsigned char *) list;
        name.n = strcspn(list, ", ");
        list += name.n;
        list += strspn(list, ", ");

        alg = kairo_alg_find(name);

        if (alg == KAIRO_ALG_UNKNOWN) {
            fprintf(stderr, "kairo: unknown algorithm \"%.*s\" in --algs\n",
                    (int) name.n, (const char *) name.p);
            return 2;
        }

        *algs |= kairo_alg_bit(alg);
    }

    if (*algs == 0) {
        fprintf(stderr, "kairo: --algs names no algorithm\n");
        return 2;
    }

    return 0;
}


static int
kairo_check_token(kairo_span_t token)
{
    kairo_jwt_t      jwt;
    kairo_jwt_rc_t   rc;

    rc = kairo_check_steps(&jwt, token);

    if (rc != KAIRO_JWT_OK) {
        printf("invalid %s\n", kairo_jwt_reason(rc));

    } else {
        printf("valid %s ", kairo_alg_name(jwt.alg));

        if (jwt.kid.n) {
            kairo_cmd_print(jwt.kid);

        } else {
            printf("-");
        }

        if (jwt.claims) {
            kairo_check_member(&jwt, "iss");
            kairo_check_member(&jwt, "sub");
            printf(" exp=%lld", (long long) jwt.times.exp);
        }

        printf("\n");
    }

    kairo_jwt_free(&jwt);

    return rc != KAIRO_JWT_OK;
}


static kairo_jwt_rc_t
kairo_check_steps(kairo_jwt_t *jwt, kairo_span_t token)
{
    kairo_jwt_rc_t  rc;

    rc = kairo_jwt_read(jwt, token);

    if (rc == KAIRO_JWT_OK && kairo_check_options[JWS].value == NULL) {

        rc = kairo_jwt_claims(jwt);

        if (rc == KAIRO_JWT_OK) {
            rc = kairo_jwt_judge(jwt, &kairo_check_policy, kairo_check_now);
        }
    }

    if (rc != KAIRO_JWT_OK) {
        return rc;
    }

    return kairo_jwt_verify(jwt, &kairo_check_keys, kairo_check_policy.algs);
}


static void
kairo_check_member(const kairo_jwt_t *jwt, const char *name)
{
    kairo_span_t  text;

    text = kairo_json_span(jwt->claims, name);

    if (text.p) {
        printf(" %s=", name);
        kairo_cmd_print(text);
    }
}
