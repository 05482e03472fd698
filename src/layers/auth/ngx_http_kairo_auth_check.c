
/*
 * The question of the row, and the answer to who has failed: one and the same
 * for every reason, which stands in the log and in $kairo_auth_reason alone.
 */


#include "layers/auth/ngx_http_kairo_auth.h"


/* s; keys that are not there yet come by a file or a fetch */

#define NGX_HTTP_KAIRO_AUTH_RETRY  5


static ngx_int_t ngx_http_kairo_auth_present(ngx_http_kairo_pipe_t *p,
    const ngx_http_kairo_auth_conf_t *acf, kairo_span_t text);
static ngx_int_t ngx_http_kairo_auth_absent(ngx_http_kairo_pipe_t *p,
    const ngx_http_kairo_auth_conf_t *acf);
static ngx_int_t ngx_http_kairo_auth_keyless(ngx_http_kairo_pipe_t *p,
    const ngx_http_kairo_auth_conf_t *acf);
static ngx_int_t ngx_http_kairo_auth_failed(ngx_http_kairo_pipe_t *p,
    const ngx_http_kairo_auth_conf_t *acf, const char *reason);
static void ngx_http_kairo_auth_challenge(ngx_http_kairo_pipe_t *p,
    const ngx_http_kairo_auth_conf_t *acf, const char *error);
static void ngx_http_kairo_auth_log(ngx_http_kairo_pipe_t *p,
    const ngx_http_kairo_auth_conf_t *acf, const char *reason);


ngx_int_t
ngx_http_kairo_auth_check(ngx_http_kairo_pipe_t *p)
{
    ngx_int_t                          rc;
    ngx_uint_t                         cookie;
    kairo_span_t                       text;
    const ngx_http_kairo_auth_conf_t  *acf;

    acf = ngx_http_kairo_conf(p->request, &ngx_http_kairo_auth_module);

    p->identity = NULL;
    ngx_str_null(&p->auth_reason);

    if (ngx_http_kairo_tell(p->request, "X-Kairo-", NULL) != NGX_OK) {
        return NGX_ERROR;
    }

    if (ngx_http_kairo_preflight(p->request)) {
        return NGX_DECLINED;
    }

    rc = ngx_http_kairo_auth_find(p->request, acf->rule, &text, &cookie);

    if (rc == NGX_DECLINED) {
        return ngx_http_kairo_auth_absent(p, acf);
    }

    if (rc == NGX_ABORT) {
        ngx_http_kairo_auth_log(p, acf, "duplicate_credential");

        return ngx_http_kairo_auth_refuse(p, NGX_HTTP_BAD_REQUEST,
                   "duplicate_credential",
                   "the request has its credential twice; send it once");
    }

    if (cookie && !ngx_http_kairo_auth_same_origin(p->request, acf)) {
        ngx_http_kairo_auth_log(p, acf, "cross_site");

        return ngx_http_kairo_auth_refuse(p, NGX_HTTP_FORBIDDEN, "cross_site",
                   "a cookie is taken for this method only from a page of "
                   "the same origin; send Origin or Sec-Fetch-Site, or the "
                   "token in Authorization: Bearer");
    }

    return ngx_http_kairo_auth_present(p, acf, text);
}


static ngx_int_t
ngx_http_kairo_auth_present(ngx_http_kairo_pipe_t *p,
    const ngx_http_kairo_auth_conf_t *acf, kairo_span_t text)
{
    ngx_int_t                     rc, fetch;
    const char                   *reason;
    ngx_kairo_op_t               *op;
    ngx_http_kairo_auth_token_t   token;

    reason = "no_memory";
    rc = ngx_http_kairo_auth_verify(p->request, acf->rule, text, &token,
                                    &reason);
    if (rc == NGX_OK) {

        if (ngx_kairo_keys_due(&token.issuer->keys)) {
            (void) ngx_http_kairo_auth_fetch(p->request, token.issuer);
        }

        return ngx_http_kairo_auth_identify(p, &token, text);
    }

    if (rc == NGX_ERROR) {
        return NGX_ERROR;
    }

    /* it waits for newer keys once */

    if (token.newer && p->asked == 1) {

        fetch = ngx_http_kairo_auth_fetch(p->request, token.issuer);

        if (fetch == NGX_OK || fetch == NGX_AGAIN) {

            /* who fetches does so for all: nobody may call that off */

            p->held = (fetch == NGX_OK);

            return ngx_kairo_keys_wait((ngx_kairo_keys_t *)
                                           &token.issuer->keys, &op)
                       == NGX_OK ? ngx_http_kairo_wait(p, op) : NGX_ERROR;
        }
    }

    return rc == NGX_BUSY ? ngx_http_kairo_auth_keyless(p, acf)
                          : ngx_http_kairo_auth_failed(p, acf, reason);
}


static ngx_int_t
ngx_http_kairo_auth_absent(ngx_http_kairo_pipe_t *p,
    const ngx_http_kairo_auth_conf_t *acf)
{
    ngx_http_kairo_auth_main_conf_t  *amcf;

    if (acf->rule->need == NGX_HTTP_KAIRO_AUTH_OPTIONAL) {
        return NGX_OK;
    }

    amcf = ngx_http_get_module_main_conf(p->request,
                                         ngx_http_kairo_auth_module);

    kairo_counter_add(&amcf->cache->root->counters, ngx_worker,
                      NGX_HTTP_KAIRO_AUTH_ABSENT, 1);

    ngx_str_set(&p->auth_reason, "no_credential");
    ngx_http_kairo_auth_challenge(p, acf, NULL);

    return ngx_http_kairo_auth_refuse(p, NGX_HTTP_UNAUTHORIZED,
                                      "no_credential",
                                      "the request has no credential; send "
                                      "Authorization: Bearer and a token");
}


static ngx_int_t
ngx_http_kairo_auth_keyless(ngx_http_kairo_pipe_t *p,
    const ngx_http_kairo_auth_conf_t *acf)
{
    ngx_http_kairo_auth_log(p, acf, "no_keys");

    p->refusal.retry_after = NGX_HTTP_KAIRO_AUTH_RETRY;

    return ngx_http_kairo_auth_refuse(p, NGX_HTTP_SERVICE_UNAVAILABLE,
                                      "no_keys",
                                      "the keys to verify tokens are not "
                                      "there yet; try again later");
}


static ngx_int_t
ngx_http_kairo_auth_failed(ngx_http_kairo_pipe_t *p,
    const ngx_http_kairo_auth_conf_t *acf, const char *reason)
{
    ngx_http_kairo_auth_log(p, acf, reason);
    ngx_http_kairo_auth_challenge(p, acf, "invalid_token");

    return ngx_http_kairo_auth_refuse(p, NGX_HTTP_UNAUTHORIZED,
                                      "invalid_token",
                                      "the token is not valid here, or not "
                                      "any more; get a new one");
}


ngx_int_t
ngx_http_kairo_auth_refuse(ngx_http_kairo_pipe_t *p, ngx_uint_t status,
    const char *code, const char *hint)
{
    p->refusal.code.data = (u_char *) code;
    p->refusal.code.len = ngx_strlen(code);

    p->refusal.hint.data = (u_char *) hint;
    p->refusal.hint.len = ngx_strlen(hint);

    return status;
}


/* RFC 6750, section 3.  Without memory for it it is a refusal all the same. */

static void
ngx_http_kairo_auth_challenge(ngx_http_kairo_pipe_t *p,
    const ngx_http_kairo_auth_conf_t *acf, const char *error)
{
    u_char                  *end;
    size_t                   size;
    ngx_http_kairo_field_t  *field;

    size = sizeof("Bearer realm=\"\", error=\"\"") + acf->rule->realm.len
           + (error ? ngx_strlen(error) : 0);

    field = ngx_pcalloc(p->request->pool, sizeof(ngx_http_kairo_field_t));
    if (field == NULL) {
        return;
    }

    field->value.data = ngx_pnalloc(p->request->pool, size);
    if (field->value.data == NULL) {
        return;
    }

    end = ngx_sprintf(field->value.data, "Bearer realm=\"%V\"",
                      &acf->rule->realm);

    if (error) {
        end = ngx_sprintf(end, ", error=\"%s\"", error);
    }

    ngx_str_set(&field->name, "WWW-Authenticate");
    field->value.len = end - field->value.data;

    p->refusal.fields = field;
}


/*
 * Into $kairo_auth_reason and the log.  No part of the token: its text, its
 * claims and its key's name are hostile.
 */

static void
ngx_http_kairo_auth_log(ngx_http_kairo_pipe_t *p,
    const ngx_http_kairo_auth_conf_t *acf, const char *reason)
{
    ngx_http_kairo_auth_main_conf_t  *amcf;

    p->auth_reason.data = (u_char *) reason;
    p->auth_reason.len = ngx_strlen(reason);

    amcf = ngx_http_get_module_main_conf(p->request,
                                         ngx_http_kairo_auth_module);

    if (!ngx_http_kairo_log_sampled(p, amcf->refused, acf->log_level)) {
        return;
    }

    ngx_log_error(acf->log_level, p->request->connection->log, 0,
                  "kairo auth: credential refused%s, reason: %s",
                  p->mode == NGX_HTTP_KAIRO_DRY_RUN ? ", dry run" : "",
                  reason);
}
