
#include <stdlib.h>
#include <time.h>

#include "cmd/kairo_token.h"
#include "libs/kairo_mint.h"


enum { KEY = 0, ALG, KID, ISSUER, AUDIENCE, EXPIRES, NOW };

static kairo_option_t  kairo_issue_options[] = {
    { "key", 0, NULL },
    { "alg", 0, NULL },
    { "kid", 0, NULL },
    { "issuer", 0, NULL },
    { "audience", 0, NULL },
    { "expires", 0, NULL },
    { "now", 0, NULL },
    { NULL, 0, NULL }
};


static const kairo_json_shape_t  kairo_issue_shape = { 16, 256 };

static kairo_mint_t  kairo_issue_mint;
static int64_t       kairo_issue_now;
static int64_t       kairo_issue_expires;


static int kairo_issue_prepare(void);
static int kairo_issue_text(const kairo_option_t *option);
static int kairo_issue_token(kairo_span_t value);
static json_t *kairo_issue_claims(kairo_span_t value);
static void kairo_issue_default(json_t *claims, const char *name,
    json_t *value);


const kairo_verb_t  kairo_verb_token_issue = {
    "token issue",
    "--key PEM|SECRETFILE --alg ALG [--kid K] [--issuer I]\n"
    "            [--audience A] [--expires S] [--now T] SUBJECT|CLAIMS ...",
    "makes a token for a subject, or with the claims of a JSON object",
    kairo_issue_options, kairo_issue_prepare, kairo_issue_token, NULL
};


static int
kairo_issue_prepare(void)
{
    size_t                 n;
    kairo_span_t           alg;
    unsigned char         *key;
    const kairo_option_t  *o;

    o = kairo_issue_options;

    if (o[KEY].value == NULL || o[ALG].value == NULL) {
        fprintf(stderr, "kairo: token issue wants --key FILE, a private key "
                        "in PEM or a secret, and --alg, as in ES256\n");
        return 2;
    }

    alg.p = (const unsigned char *) o[ALG].value;
    alg.n = strlen(o[ALG].value);

    kairo_issue_mint.alg = kairo_alg_find(alg);
    kairo_issue_mint.kid = o[KID].value;

    if (kairo_issue_mint.alg == KAIRO_ALG_UNKNOWN) {
        fprintf(stderr, "kairo: unknown algorithm \"%s\" in --alg\n",
                o[ALG].value);
        return 2;
    }

    kairo_issue_now = kairo_token_seconds("now", o[NOW].value, time(NULL));
    kairo_issue_expires = kairo_token_seconds("expires", o[EXPIRES].value,
                                              3600);

    if (kairo_issue_now < 0 || kairo_issue_expires < 0
        || kairo_issue_text(&o[ISSUER]) != 0
        || kairo_issue_text(&o[AUDIENCE]) != 0)
    {
        return 2;
    }

    /* it is kept until the process ends */

    key = kairo_cmd_file(o[KEY].value, &n);

    if (key == NULL) {
        return 2;
    }

    kairo_issue_mint.key.p = key;
    kairo_issue_mint.key.n = n;

    if (kairo_alg_bit(kairo_issue_mint.alg) & KAIRO_ALGS_HS) {
        kairo_issue_mint.key = kairo_alg_secret(kairo_issue_mint.key);
    }

    return 0;
}


/* What is to be a claim is text: a token without it would be another. */

static int
kairo_issue_text(const kairo_option_t *option)
{
    json_t  *text;

    if (option->value == NULL) {
        return 0;
    }

    text = json_string(option->value);

    if (text == NULL || json_string_length(text) == 0) {
        fprintf(stderr, "kairo: --%s wants a text in UTF-8\n", option->name);
        json_decref(text);
        return 2;
    }

    json_decref(text);

    return 0;
}


static int
kairo_issue_token(kairo_span_t value)
{
    char        *token;
    json_t      *claims;
    const char  *wrong;

    claims = kairo_issue_claims(value);

    if (claims == NULL) {
        printf("invalid ");
        kairo_cmd_print(value);
        printf(": neither a subject in UTF-8 nor a JSON object\n");
        return 1;
    }

    token = kairo_mint(&kairo_issue_mint, claims, &wrong);

    json_decref(claims);

    if (token == NULL) {
        printf("invalid: %s\n", wrong);
        return 1;
    }

    printf("%s\n", token);
    free(token);

    return 0;
}


/* The value's claims, and what the options add where it has none. */

static json_t *
kairo_issue_claims(kairo_span_t value)
{
    json_t      *claims;
    const char  *issuer, *audience;

    if (value.n && value.p[0] == '{') {
        claims = kairo_json_object(value, &kairo_issue_shape);

    } else {
        claims = json_pack("{s:s%}", "sub", value.p, value.n);
    }

    if (claims == NULL) {
        return NULL;
    }

    issuer = kairo_issue_options[ISSUER].value;
    audience = kairo_issue_options[AUDIENCE].value;

    kairo_issue_default(claims, "iss", issuer ? json_string(issuer) : NULL);
    kairo_issue_default(claims, "aud", audience ? json_string(audience)
                                                : NULL);
    kairo_issue_default(claims, "iat", json_integer(kairo_issue_now));
    kairo_issue_default(claims, "exp", json_integer(kairo_issue_now
                                                    + kairo_issue_expires));
    return claims;
}


/* Takes "value". */

static void
kairo_issue_default(json_t *claims, const char *name, json_t *value)
{
    if (value && json_object_get(claims, name) == NULL) {
        (void) json_object_set_new(claims, name, value);
        return;
    }

    json_decref(value);
}
