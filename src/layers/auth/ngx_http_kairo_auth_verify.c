
/*
 * From the text of a token to what is known of it.
 *
 * A token that was verified once is found by a salted digest of it and of the
 * set of issuers that the location takes, so that no location is told what
 * another has accepted.  The worker that has asked for it lately knows it by
 * its text, which is faster than a digest.  Either way the times are judged
 * again and the key that verified it has to be in force still.
 */


#include "layers/auth/ngx_http_kairo_auth.h"
#include "libs/kairo_digest.h"


static ngx_int_t ngx_http_kairo_auth_shared(ngx_http_request_t *r,
    const ngx_http_kairo_auth_rule_t *rule, kairo_span_t text,
    ngx_http_kairo_auth_token_t *token, const char **reason);
static ngx_int_t ngx_http_kairo_auth_known(ngx_http_request_t *r,
    const ngx_http_kairo_auth_rule_t *rule, kairo_span_t record,
    ngx_http_kairo_auth_token_t *token, const char **reason);
static ngx_int_t ngx_http_kairo_auth_genuine(
    const ngx_http_kairo_auth_rule_t *rule, kairo_span_t text,
    ngx_uint_t revocable, ngx_http_kairo_auth_token_t *token,
    const char **reason);
static ngx_int_t ngx_http_kairo_auth_judge(kairo_jwt_t *jwt,
    ngx_http_kairo_auth_token_t *token, const char **reason);
static const ngx_http_kairo_issuer_t *ngx_http_kairo_auth_issuer(
    const ngx_http_kairo_auth_rule_t *rule, const kairo_jwt_t *jwt);
static void ngx_http_kairo_auth_count(ngx_http_request_t *r,
    ngx_http_kairo_auth_result_e result);
static const kairo_keyset_t *ngx_http_kairo_auth_keys(
    const ngx_http_kairo_issuer_t *issuer);


ngx_int_t
ngx_http_kairo_auth_verify(ngx_http_request_t *r,
    const ngx_http_kairo_auth_rule_t *rule, kairo_span_t text,
    ngx_http_kairo_auth_token_t *token, const char **reason)
{
    ngx_int_t                         rc;
    ngx_http_kairo_auth_main_conf_t  *amcf;

    amcf = ngx_http_get_module_main_conf(r, ngx_http_kairo_auth_module);

    /* whichever way this ends, the caller looks at both */

    token->newer = 0;
    token->issuer = NULL;

    /* before anything that takes as long as the text is */

    if (text.n > KAIRO_JWT_TEXT) {
        *reason = kairo_jwt_reason(KAIRO_JWT_TOO_LONG);
        ngx_http_kairo_auth_count(r, NGX_HTTP_KAIRO_AUTH_REFUSED);
        return NGX_DECLINED;
    }

    rc = ngx_http_kairo_auth_known(r, rule,
                                   kairo_memo_get(amcf->memo, rule->id, text),
                                   token, reason);

    if (rc == NGX_AGAIN) {
        rc = ngx_http_kairo_auth_shared(r, rule, text, token, reason);
    }

    if (rc == NGX_OK && amcf->revocations
        && ngx_http_kairo_auth_revoked(amcf->revocations, token))
    {
        *reason = "revoked";
        ngx_http_kairo_auth_count(r, NGX_HTTP_KAIRO_AUTH_REVOKED);
        return NGX_DECLINED;
    }

    return rc;
}


/* What any worker knows of the token, or else what it turns out to be. */

static ngx_int_t
ngx_http_kairo_auth_shared(ngx_http_request_t *r,
    const ngx_http_kairo_auth_rule_t *rule, kairo_span_t text,
    ngx_http_kairo_auth_token_t *token, const char **reason)
{
    u_char                            digest[KAIRO_DIGEST];
    u_char                            data[KAIRO_CACHE_DATA];
    ngx_int_t                         rc;
    kairo_span_t                      part[3], record;
    ngx_kairo_cache_t                *cache;
    ngx_http_kairo_auth_main_conf_t  *amcf;

    amcf = ngx_http_get_module_main_conf(r, ngx_http_kairo_auth_module);
    cache = amcf->cache;

    part[0].p = cache->root->salt;
    part[0].n = sizeof(cache->root->salt);
    part[1].p = (const u_char *) &rule->id;
    part[1].n = sizeof(rule->id);
    part[2] = text;

    if (kairo_digest(digest, part, 3) != 0) {
        return NGX_ERROR;
    }

    record.p = data;
    record.n = kairo_cache_get(cache->cache, cache->root->secret, digest,
                               (uint64_t) ngx_time(), data);

    rc = ngx_http_kairo_auth_known(r, rule, record, token, reason);

    if (rc == NGX_OK) {
        kairo_memo_put(amcf->memo, rule->id, text, record);
    }

    if (rc != NGX_AGAIN) {
        return rc;
    }

    rc = ngx_http_kairo_auth_genuine(rule, text, amcf->revocations != NULL,
                                     token, reason);

    if (rc == NGX_OK) {
        ngx_http_kairo_auth_count(r, NGX_HTTP_KAIRO_AUTH_VERIFIED);

        record.n = ngx_http_kairo_auth_pack(token, data);

        kairo_cache_put(cache->cache, cache->root->secret, digest,
                        (uint64_t) ngx_time(), record);
        kairo_memo_put(amcf->memo, rule->id, text, record);

    } else if (rc == NGX_DECLINED) {
        ngx_http_kairo_auth_count(r, NGX_HTTP_KAIRO_AUTH_REFUSED);
    }

    return rc;
}


/*
 * NGX_AGAIN: it is not known, which an empty record tells, or has to be
 * verified anew.
 */

static ngx_int_t
ngx_http_kairo_auth_known(ngx_http_request_t *r,
    const ngx_http_kairo_auth_rule_t *rule, kairo_span_t record,
    ngx_http_kairo_auth_token_t *token, const char **reason)
{
    kairo_jwt_rc_t         rc;
    const kairo_keyset_t  *keys;

    if (record.n == 0
        || ngx_http_kairo_auth_unpack(token, rule, record.p, record.n)
           != NGX_OK)
    {
        return NGX_AGAIN;
    }

    keys = ngx_http_kairo_auth_keys(token->issuer);

    if (keys == NULL || !kairo_keyset_has(keys, token->thumb)) {
        return NGX_AGAIN;
    }

    rc = kairo_jwt_timely(&token->times, &token->issuer->policy, ngx_time());

    if (rc != KAIRO_JWT_OK) {
        *reason = kairo_jwt_reason(rc);
        ngx_http_kairo_auth_count(r, NGX_HTTP_KAIRO_AUTH_REFUSED);
        return NGX_DECLINED;
    }

    ngx_http_kairo_auth_count(r, NGX_HTTP_KAIRO_AUTH_HIT);

    return NGX_OK;
}


/* "revocable": what it can be revoked by is to be known. */

static ngx_int_t
ngx_http_kairo_auth_genuine(const ngx_http_kairo_auth_rule_t *rule,
    kairo_span_t text, ngx_uint_t revocable,
    ngx_http_kairo_auth_token_t *token, const char **reason)
{
    ngx_int_t       rc;
    kairo_jwt_t     jwt;
    kairo_jwt_rc_t  read;

    read = kairo_jwt_read(&jwt, text);

    if (read == KAIRO_JWT_OK) {
        read = kairo_jwt_claims(&jwt);
    }

    if (read == KAIRO_JWT_OK) {
        token->issuer = ngx_http_kairo_auth_issuer(rule, &jwt);
        read = token->issuer ? KAIRO_JWT_OK : KAIRO_JWT_ISSUER;
    }

    if (read != KAIRO_JWT_OK) {
        *reason = kairo_jwt_reason(read);
        rc = read == KAIRO_JWT_NO_MEMORY ? NGX_ERROR : NGX_DECLINED;
        goto done;
    }

    rc = ngx_http_kairo_auth_judge(&jwt, token, reason);

    if (rc != NGX_OK) {
        goto done;
    }

    token->alg = jwt.alg;
    token->times = jwt.times;
    ngx_memcpy(token->thumb, jwt.key->thumb, KAIRO_KEY_THUMB);

    if (kairo_facts(&token->facts, token->buf, &token->issuer->map,
                    jwt.claims) != 0)
    {
        *reason = "bad_subject";
        rc = NGX_DECLINED;
        goto done;
    }

    ngx_memzero(token->mark, sizeof(token->mark));

    if (revocable) {
        rc = ngx_http_kairo_auth_marks(token, &jwt);
    }

done:

    kairo_jwt_free(&jwt);

    return rc;
}


/* What is cheap first: a flood of expired tokens costs no signature. */

static ngx_int_t
ngx_http_kairo_auth_judge(kairo_jwt_t *jwt,
    ngx_http_kairo_auth_token_t *token, const char **reason)
{
    kairo_jwt_rc_t                  rc;
    const kairo_keyset_t           *keys;
    const ngx_http_kairo_issuer_t  *issuer;

    issuer = token->issuer;

    rc = kairo_jwt_judge(jwt, &issuer->policy, ngx_time());

    if (rc == KAIRO_JWT_OK) {

        keys = ngx_http_kairo_auth_keys(issuer);

        if (keys == NULL) {
            token->newer = 1;
            return NGX_BUSY;
        }

        rc = kairo_jwt_verify(jwt, keys, issuer->policy.algs);
    }

    token->newer = (rc == KAIRO_JWT_UNKNOWN_KEY);
    *reason = kairo_jwt_reason(rc);

    return rc == KAIRO_JWT_OK ? NGX_OK : NGX_DECLINED;
}


/* The issuer that the token names, among those of the location. */

static const ngx_http_kairo_issuer_t *
ngx_http_kairo_auth_issuer(const ngx_http_kairo_auth_rule_t *rule,
    const kairo_jwt_t *jwt)
{
    ngx_uint_t                 i;
    kairo_span_t               iss;
    ngx_http_kairo_issuer_t   *issuer;

    iss = kairo_json_span(jwt->claims, "iss");

    for (i = 0; iss.p && i < rule->nissuers; i++) {

        issuer = rule->issuers[i];

        if (issuer->policy.issuer.n == iss.n
            && ngx_memcmp(issuer->policy.issuer.p, iss.p, iss.n) == 0)
        {
            return issuer;
        }
    }

    return NULL;
}


static void
ngx_http_kairo_auth_count(ngx_http_request_t *r,
    ngx_http_kairo_auth_result_e result)
{
    ngx_http_kairo_auth_main_conf_t  *amcf;

    amcf = ngx_http_get_module_main_conf(r, ngx_http_kairo_auth_module);

    kairo_counter_add(&amcf->cache->root->counters, ngx_worker, result, 1);
}


/* The keys renew themselves: not a part of what the issuer is. */

static const kairo_keyset_t *
ngx_http_kairo_auth_keys(const ngx_http_kairo_issuer_t *issuer)
{
    return ngx_kairo_keys((ngx_kairo_keys_t *) &issuer->keys);
}
