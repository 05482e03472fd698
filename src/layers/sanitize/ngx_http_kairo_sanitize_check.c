
/*
 * The question of the row: every value of every rule, wherever it stands.  One
 * that can't be looked at is refused, not let through.
 */


#include "layers/sanitize/ngx_http_kairo_sanitize.h"


#define NGX_HTTP_KAIRO_SANITIZE_BODIES                                        \
    (1 << NGX_HTTP_KAIRO_SANITIZE_FORM                                        \
     | 1 << NGX_HTTP_KAIRO_SANITIZE_MULTIPART                                 \
     | 1 << NGX_HTTP_KAIRO_SANITIZE_JSON)


static ngx_http_kairo_sanitize_t *ngx_http_kairo_sanitize_begin(
    ngx_http_kairo_pipe_t *p);
static ngx_int_t ngx_http_kairo_sanitize_with_body(
    ngx_http_kairo_sanitize_t *s);
static ngx_uint_t ngx_http_kairo_sanitize_has_body(
    const ngx_http_request_t *r);


ngx_int_t
ngx_http_kairo_sanitize_check(ngx_http_kairo_pipe_t *p)
{
    ngx_int_t                   rc;
    ngx_http_kairo_sanitize_t  *s;

    p->target = NULL;
    ngx_str_null(&p->target_verdict);

    if (ngx_http_kairo_tell(p->request, "X-Kairo-Target-", NULL) != NGX_OK) {
        return NGX_ERROR;
    }

    s = ngx_http_kairo_sanitize_begin(p);
    if (s == NULL) {
        return NGX_ERROR;
    }

    rc = ngx_http_kairo_sanitize_request(s);

    if (rc == NGX_OK && (s->conf->carriers & NGX_HTTP_KAIRO_SANITIZE_BODIES)) {
        rc = ngx_http_kairo_sanitize_with_body(s);
    }

    if (rc != NGX_OK) {
        return rc;
    }

    rc = ngx_http_kairo_sanitize_resolve(s);

    if (rc == NGX_AGAIN) {
        return ngx_http_kairo_wait(p, &s->op);
    }

    return rc == NGX_OK ? ngx_http_kairo_sanitize_tell(s) : rc;
}


static ngx_http_kairo_sanitize_t *
ngx_http_kairo_sanitize_begin(ngx_http_kairo_pipe_t *p)
{
    ngx_http_kairo_sanitize_t            *s;
    ngx_http_kairo_sanitize_main_conf_t  *smcf;

    s = ngx_pcalloc(p->request->pool, sizeof(ngx_http_kairo_sanitize_t));
    if (s == NULL) {
        return NULL;
    }

    smcf = ngx_http_get_module_main_conf(p->request,
                                         ngx_http_kairo_sanitize_module);

    s->pipe = p;
    s->conf = ngx_http_kairo_conf(p->request, &ngx_http_kairo_sanitize_module);
    s->state = smcf->state;

    return ngx_http_kairo_sanitize_lists(s) == NGX_OK ? s : NULL;
}


static ngx_int_t
ngx_http_kairo_sanitize_with_body(ngx_http_kairo_sanitize_t *s)
{
    ngx_int_t            rc;
    kairo_span_t         text;
    ngx_http_request_t  *r;

    r = s->pipe->request;

    text.p = NULL;
    text.n = 0;

    if (ngx_http_kairo_sanitize_has_body(r)) {

        if (r->headers_in.content_length_n > (off_t) s->conf->body) {
            return ngx_http_kairo_sanitize_refuse(s, "body_too_large",
                                                  "content_length");
        }

        rc = ngx_http_kairo_body(s->pipe);

        if (rc != NGX_OK) {
            return rc;
        }

        rc = ngx_http_kairo_body_text(r, s->conf->body, &text);

        if (rc == NGX_DECLINED) {
            return ngx_http_kairo_sanitize_refuse(s, "body_too_large",
                                                  "length");
        }

        if (rc != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return ngx_http_kairo_sanitize_body(s, text);
}


static ngx_uint_t
ngx_http_kairo_sanitize_has_body(const ngx_http_request_t *r)
{
    return r->headers_in.content_length_n > 0 || r->headers_in.chunked
#if (NGX_HTTP_V2)
           || (r->stream && !r->stream->in_closed)
#endif
           ;
}
