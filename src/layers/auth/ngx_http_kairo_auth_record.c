
/*
 * What the cache keeps of a token: a fixed part, then its texts in the order
 * of kairo_facts_t.  It never leaves the memory of one host.
 */


#include "layers/auth/ngx_http_kairo_auth.h"


#define NGX_HTTP_KAIRO_AUTH_TEXTS  5


typedef struct {
    uint64_t                     issuer;
    kairo_jwt_times_t            times;
    ngx_http_kairo_auth_mark_t   mark[NGX_HTTP_KAIRO_AUTH_MARKS];
    uint16_t                     length[NGX_HTTP_KAIRO_AUTH_TEXTS];
    uint16_t                     alg;
    u_char                       thumb[KAIRO_KEY_THUMB];
} ngx_http_kairo_auth_record_t;


static void ngx_http_kairo_auth_texts(ngx_http_kairo_auth_token_t *token,
    kairo_span_t **text);


size_t
ngx_http_kairo_auth_pack(const ngx_http_kairo_auth_token_t *token,
    u_char *record)
{
    size_t                         i, n;
    kairo_span_t                  *text[NGX_HTTP_KAIRO_AUTH_TEXTS];
    ngx_http_kairo_auth_record_t   fixed;

    ngx_http_kairo_auth_texts((ngx_http_kairo_auth_token_t *) token, text);

    ngx_memzero(&fixed, sizeof(fixed));

    fixed.issuer = token->issuer->id;
    fixed.times = token->times;
    fixed.alg = token->alg;
    ngx_memcpy(fixed.mark, token->mark, sizeof(fixed.mark));
    ngx_memcpy(fixed.thumb, token->thumb, KAIRO_KEY_THUMB);

    n = sizeof(fixed);

    for (i = 0; i < NGX_HTTP_KAIRO_AUTH_TEXTS; i++) {

        if (n + text[i]->n > KAIRO_CACHE_DATA) {
            return 0;
        }

        if (text[i]->n) {
            ngx_memcpy(record + n, text[i]->p, text[i]->n);
        }

        fixed.length[i] = (uint16_t) text[i]->n;
        n += text[i]->n;
    }

    ngx_memcpy(record, &fixed, sizeof(fixed));

    return n;
}


ngx_int_t
ngx_http_kairo_auth_unpack(ngx_http_kairo_auth_token_t *token,
    const ngx_http_kairo_auth_rule_t *rule, const u_char *record, size_t n)
{
    size_t                         i, at;
    kairo_span_t                  *text[NGX_HTTP_KAIRO_AUTH_TEXTS];
    ngx_http_kairo_auth_record_t   fixed;

    ngx_memcpy(&fixed, record, sizeof(fixed));

    for (i = 0; i < rule->nissuers; i++) {
        if (rule->issuers[i]->id == fixed.issuer) {
            break;
        }
    }

    if (i == rule->nissuers) {
        return NGX_DECLINED;
    }

    token->issuer = rule->issuers[i];
    token->times = fixed.times;
    token->alg = fixed.alg;
    ngx_memcpy(token->mark, fixed.mark, sizeof(fixed.mark));
    ngx_memcpy(token->thumb, fixed.thumb, KAIRO_KEY_THUMB);

    ngx_http_kairo_auth_texts(token, text);

    ngx_memcpy(token->buf, record + sizeof(fixed), n - sizeof(fixed));

    for (i = 0, at = 0; i < NGX_HTTP_KAIRO_AUTH_TEXTS; i++) {
        text[i]->p = token->buf + at;
        text[i]->n = fixed.length[i];
        at += fixed.length[i];
    }

    return NGX_OK;
}


static void
ngx_http_kairo_auth_texts(ngx_http_kairo_auth_token_t *token,
    kairo_span_t **text)
{
    text[0] = &token->facts.subject;
    text[1] = &token->facts.email;
    text[2] = &token->facts.roles;
    text[3] = &token->facts.permissions;
    text[4] = &token->facts.tier;
}
