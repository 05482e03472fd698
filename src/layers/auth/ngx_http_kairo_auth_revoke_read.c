
/*
 * What is to be revoked, as one JSON object:
 *
 *     { "issuer": NAME,                     may be left out where there is one
 *       "jti": ID | "session": ID | "subject": ID | "token": TEXT
 *           | "all": true,
 *       "before": TIME,                     of a subject or all; now
 *       "until": TIME }                     when no such token is valid still
 */


#include "layers/auth/ngx_http_kairo_auth_revoke.h"


/* s; an issuer's clock may be ahead of ours */

#define NGX_HTTP_KAIRO_REVOKE_AHEAD  600


static ngx_int_t ngx_http_kairo_revoke_issuer(
    ngx_http_kairo_revoke_t *revoke, const json_t *body);
static ngx_int_t ngx_http_kairo_revoke_what(ngx_http_kairo_revoke_t *revoke,
    const json_t *body);
static ngx_int_t ngx_http_kairo_revoke_token(ngx_http_kairo_revoke_t *revoke,
    kairo_span_t text);
static const char *ngx_http_kairo_revoke_times(
    ngx_http_kairo_revoke_t *revoke, const json_t *body);
static int64_t ngx_http_kairo_revoke_time(const json_t *body,
    const char *name);


ngx_int_t
ngx_http_kairo_revoke_read(ngx_http_kairo_revoke_t *revoke, kairo_span_t text)
{
    json_t     *body;
    ngx_int_t   rc;

    static const kairo_json_shape_t  limit = { 1, 8 };

    body = kairo_json_object(text, &limit);

    if (body == NULL) {
        revoke->wrong = "the body is not a JSON object of a few members";
        return NGX_OK;
    }

    rc = ngx_http_kairo_revoke_issuer(revoke, body);

    if (rc == NGX_OK && revoke->wrong == NULL) {
        rc = ngx_http_kairo_revoke_what(revoke, body);
    }

    if (rc == NGX_OK && revoke->wrong == NULL) {
        revoke->wrong = ngx_http_kairo_revoke_times(revoke, body);
    }

    json_decref(body);

    return rc;
}


/* The one that is named, or the only one there is. */

static ngx_int_t
ngx_http_kairo_revoke_issuer(ngx_http_kairo_revoke_t *revoke,
    const json_t *body)
{
    ngx_str_t                          name;
    kairo_span_t                       s;
    ngx_http_kairo_issuer_t          **issuer;
    ngx_http_kairo_auth_main_conf_t   *amcf;

    amcf = ngx_http_get_module_main_conf(revoke->request,
                                         ngx_http_kairo_auth_module);

    if (json_object_get(body, "issuer") == NULL) {

        issuer = amcf->issuers.elts;
        revoke->issuer = amcf->issuers.nelts == 1 ? issuer[0] : NULL;

    } else {
        s = kairo_json_span(body, "issuer");
        name.data = (u_char *) s.p;
        name.len = s.n;
        revoke->issuer = ngx_http_kairo_auth_issuer_of(amcf, &name);
    }

    if (revoke->issuer == NULL) {
        revoke->wrong = "\"issuer\" has to be the name of a kairo_issuer";
    }

    return NGX_OK;
}


/* What is revoked, which is one thing, and nothing that is not known here. */

static ngx_int_t
ngx_http_kairo_revoke_what(ngx_http_kairo_revoke_t *revoke, const json_t *body)
{
    ngx_uint_t                   i, found, known;
    kairo_span_t                 value;
    const json_t                *member;
    ngx_http_kairo_auth_mark_t   mark;

    static const char  *names[] = { "token", "jti", "session", "subject",
                                    "all" };

    found = 0;
    known = (json_object_get(body, "issuer") != NULL)
            + (json_object_get(body, "before") != NULL)
            + (json_object_get(body, "until") != NULL);

    value.p = NULL;
    value.n = 0;

    for (i = 0; i < KAIRO_REVOCATION_KINDS; i++) {

        member = json_object_get(body, names[i]);

        if (member) {
            revoke->kind = i;
            value = kairo_json_string(member);
            found++;
        }
    }

    member = json_object_get(body, names[revoke->kind]);

    if (found != 1 || json_object_size(body) != found + known) {
        revoke->wrong = "the object has to have one of \"jti\", \"session\", "
                        "\"subject\", \"token\" and \"all\", and besides it "
                        "\"issuer\", \"before\" and \"until\" alone";
        return NGX_OK;
    }

    if (revoke->kind == KAIRO_REVOCATION_ISSUER) {

        if (!json_is_true(member)) {
            revoke->wrong = "\"all\" has to be true";
        }

        value.n = 0;

    } else if (value.n == 0) {
        revoke->wrong = "what is revoked has to be a text that is not empty";
    }

    if (revoke->kind == KAIRO_REVOCATION_TOKEN && revoke->wrong == NULL) {
        return ngx_http_kairo_revoke_token(revoke, value);
    }

    if (ngx_http_kairo_auth_mark(&mark, revoke->issuer, revoke->kind, value)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_memcpy(revoke->revocation.digest, mark.digest, sizeof(mark.digest));

    return NGX_OK;
}


/* Its own issuer and expiry count; that it is genuine does not matter. */

static ngx_int_t
ngx_http_kairo_revoke_token(ngx_http_kairo_revoke_t *revoke, kairo_span_t text)
{
    ngx_int_t                    rc;
    kairo_jwt_t                  jwt;
    kairo_span_t                 iss;
    kairo_jwt_rc_t               read;
    ngx_http_kairo_auth_mark_t   mark;

    rc = NGX_OK;

    if (text.n > KAIRO_JWT_TEXT) {
        revoke->wrong = "\"token\" is longer than a token can be";
        return NGX_OK;
    }

    read = kairo_jwt_read(&jwt, text);

    if (read == KAIRO_JWT_NO_MEMORY) {
        rc = NGX_ERROR;

    } else if (read != KAIRO_JWT_OK) {
        revoke->wrong = "\"token\" has to be a token";

    } else if (kairo_jwt_claims(&jwt) != KAIRO_JWT_OK
               || (iss = kairo_json_span(jwt.claims, "iss")).n
                  != revoke->issuer->policy.issuer.n
               || ngx_memcmp(iss.p, revoke->issuer->policy.issuer.p, iss.n)
                  != 0)
    {
        revoke->wrong = "\"token\" is not one of this issuer";

    } else {
        rc = ngx_http_kairo_auth_mark(&mark, revoke->issuer, revoke->kind,
                                      jwt.input);

        ngx_memcpy(revoke->revocation.digest, mark.digest,
                   sizeof(mark.digest));

        revoke->revocation.until = jwt.times.exp
                                   ? jwt.times.exp
                                     + revoke->issuer->policy.leeway + 1
                                   : 0;
    }

    kairo_jwt_free(&jwt);

    return rc;
}


/*
 * Up to which time of issue, and how long it has to be known: no longer than
 * the issuer's tokens live, and for ever where nobody says how long that is.
 */

static const char *
ngx_http_kairo_revoke_times(ngx_http_kairo_revoke_t *revoke,
    const json_t *body)
{
    int64_t                    before, until;
    kairo_revocation_t        *r;
    const kairo_jwt_policy_t  *policy;

    r = &revoke->revocation;
    policy = &revoke->issuer->policy;

    before = ngx_http_kairo_revoke_time(body, "before");
    until = ngx_http_kairo_revoke_time(body, "until");

    if (before < 0 || before > ngx_time() + NGX_HTTP_KAIRO_REVOKE_AHEAD) {
        return "\"before\" has to be a time in seconds since 1970, at most 10 "
               "minutes ahead";
    }

    if (until < 0 || (until && until <= ngx_time())) {
        return "\"until\" has to be a time to come, in seconds since 1970";
    }

    if (revoke->kind != KAIRO_REVOCATION_SUBJECT
        && revoke->kind != KAIRO_REVOCATION_ISSUER)
    {
        if (before) {
            return "\"before\" goes with \"subject\" and \"all\" alone";
        }

        /* it is the one thing, whenever it was issued */

        r->before = KAIRO_REVOCATION_EVER;
        before = ngx_time() + policy->leeway;

    } else {
        before = before ? before : ngx_time();
        r->before = before;
    }

    if (r->until == 0) {
        r->until = policy->max_lifetime
                   ? before + policy->max_lifetime + policy->leeway + 1
                   : KAIRO_REVOCATION_EVER;
    }

    /* it can't end what is known to be needed longer */

    if (until && (r->until == KAIRO_REVOCATION_EVER || until > r->until)) {
        r->until = until;
    }

    return NULL;
}


/* 0: it is not there; -1: it is no time. */

static int64_t
ngx_http_kairo_revoke_time(const json_t *body, const char *name)
{
    const json_t  *member;

    member = json_object_get(body, name);

    if (member == NULL) {
        return 0;
    }

    return json_is_integer(member) && json_integer_value(member) > 0
           ? (int64_t) json_integer_value(member) : -1;
}
