
/*
 * Keys from a location of nginx: a subrequest in the background of the request
 * that needs them, whose answer goes to memory.  nginx speaks to the provider,
 * with its own timeouts, TLS and checks.
 *
 * A request whose token can't be judged without newer keys waits until that
 * is done, here or in another worker, and is judged again, once.
 */


#include "layers/auth/ngx_http_kairo_auth.h"


typedef struct {
    ngx_http_kairo_issuer_t  *issuer;
    ngx_uint_t                done;
} ngx_http_kairo_auth_fetch_t;


static ngx_int_t ngx_http_kairo_auth_start(ngx_http_request_t *r,
    ngx_http_kairo_issuer_t *issuer);
static ngx_chain_t *ngx_http_kairo_auth_room(ngx_pool_t *pool);
static void ngx_http_kairo_auth_bare(ngx_http_request_t *sr,
    const ngx_list_t *fields);
static ngx_int_t ngx_http_kairo_auth_fetched(ngx_http_request_t *sr,
    void *data, ngx_int_t rc);
static const char *ngx_http_kairo_auth_read(ngx_http_request_t *sr,
    ngx_http_kairo_issuer_t *issuer, ngx_int_t rc);
static void ngx_http_kairo_auth_gone(void *data);


ngx_int_t
ngx_http_kairo_auth_fetch(ngx_http_request_t *r,
    const ngx_http_kairo_issuer_t *issuer)
{
    ngx_int_t                 rc;
    ngx_http_kairo_issuer_t  *known;

    /* its keys renew themselves: they are not a part of what it is */

    known = (ngx_http_kairo_issuer_t *) issuer;

    if (known->keys.location.len == 0) {
        return NGX_DECLINED;
    }

    rc = ngx_kairo_keys_claim(&known->keys);

    if (rc != NGX_OK) {
        return rc;
    }

    if (ngx_http_kairo_auth_start(r, known) != NGX_OK) {
        ngx_kairo_keys_failed(&known->keys);
        return NGX_DECLINED;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_kairo_auth_start(ngx_http_request_t *r,
    ngx_http_kairo_issuer_t *issuer)
{
    ngx_str_t                     uri, args;
    ngx_list_t                   *fields;
    ngx_uint_t                    flags;
    ngx_chain_t                  *out;
    ngx_pool_cleanup_t           *cln;
    ngx_http_request_t           *sr;
    ngx_http_post_subrequest_t   *ps;
    ngx_http_kairo_auth_fetch_t  *fetch;

    cln = ngx_pool_cleanup_add(r->pool, sizeof(ngx_http_kairo_auth_fetch_t));
    ps = ngx_palloc(r->pool, sizeof(ngx_http_post_subrequest_t));
    out = ngx_http_kairo_auth_room(r->pool);
    fields = ngx_list_create(r->pool, 4, sizeof(ngx_table_elt_t));

    /* all of it before: a subrequest that was made can't be taken back */

    if (cln == NULL || ps == NULL || out == NULL || fields == NULL) {
        return NGX_ERROR;
    }

    fetch = cln->data;
    fetch->issuer = issuer;
    fetch->done = 0;

    ps->handler = ngx_http_kairo_auth_fetched;
    ps->data = fetch;

    uri = issuer->keys.location;
    ngx_str_null(&args);
    flags = 0;

    if (ngx_http_parse_unsafe_uri(r, &uri, &args, &flags) != NGX_OK
        || ngx_http_subrequest(r, &uri, &args, &sr, ps,
                               NGX_HTTP_SUBREQUEST_IN_MEMORY
                               |NGX_HTTP_SUBREQUEST_BACKGROUND)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    /* from here on it ends by itself, or with the request */

    cln->handler = ngx_http_kairo_auth_gone;

    sr->out = out;
    ngx_http_kairo_auth_bare(sr, fields);

    return NGX_OK;
}


/* For the answer, whatever subrequest_output_buffer_size is. */

static ngx_chain_t *
ngx_http_kairo_auth_room(ngx_pool_t *pool)
{
    ngx_chain_t  *out;

    out = ngx_alloc_chain_link(pool);
    if (out == NULL) {
        return NULL;
    }

    out->next = NULL;
    out->buf = ngx_create_temp_buf(pool, KAIRO_KEYSET_TEXT);

    if (out->buf == NULL) {
        return NULL;
    }

    out->buf->last_buf = 1;

    return out;
}


/* Nothing of the client's goes to the provider. */

static void
ngx_http_kairo_auth_bare(ngx_http_request_t *sr, const ngx_list_t *fields)
{
    ngx_memzero(&sr->headers_in, sizeof(ngx_http_headers_in_t));

    sr->headers_in.headers = *fields;
    sr->headers_in.headers.last = &sr->headers_in.headers.part;

    sr->headers_in.content_length_n = -1;
    sr->headers_in.keep_alive_n = -1;
    sr->request_body = NULL;
}


/* NGX_OK always: what happens to a fetch must not end the request. */

static ngx_int_t
ngx_http_kairo_auth_fetched(ngx_http_request_t *sr, void *data, ngx_int_t rc)
{
    ngx_http_kairo_auth_fetch_t *fetch = data;

    uint64_t                  failures;
    const char               *wrong;
    ngx_http_kairo_issuer_t  *issuer;

    if (fetch->done) {
        return NGX_OK;
    }

    fetch->done = 1;
    issuer = fetch->issuer;
    failures = issuer->keys.root->failures;

    wrong = ngx_http_kairo_auth_read(sr, issuer, rc);

    /*
     * To nginx an answer that does not fit is an error of the client's
     * connection, which it would close.  One of the client's own has ended the
     * request already, and this with it.
     */

    if (sr->connection->error) {
        sr->connection->error = 0;
        sr->buffered = 0;
    }

    /* once for each change */

    if (wrong && failures == 0) {
        ngx_log_error(NGX_LOG_ERR, sr->connection->log, 0,
                      "kairo auth: keys of issuer \"%V\" could not be fetched "
                      "from \"%V\": %s", &issuer->name,
                      &issuer->keys.location, wrong);
    }

    if (wrong == NULL && failures) {
        ngx_log_error(NGX_LOG_NOTICE, sr->connection->log, 0,
                      "kairo auth: keys of issuer \"%V\" are fetched again, "
                      "after %uL failures", &issuer->name, failures);
    }

    return NGX_OK;
}


/* NULL: the keys are in force; else the claim is given up, and why. */

static const char *
ngx_http_kairo_auth_read(ngx_http_request_t *sr,
    ngx_http_kairo_issuer_t *issuer, ngx_int_t rc)
{
    off_t                            length;
    ngx_str_t                        text;
    const char                      *wrong;
    const ngx_http_core_loc_conf_t  *clcf;

    text.data = sr->out->buf->pos;
    text.len = sr->out->buf->last - sr->out->buf->pos;

    length = sr->headers_out.content_length_n;

    clcf = ngx_http_kairo_conf(sr, &ngx_http_core_module);

    if (!clcf->internal) {
        /* an application might answer, in the place of the provider */
        wrong = "it is not an internal location of this server";

    } else if (sr->connection->error) {
        wrong = "the answer has more than 256 KiB";

    } else if (rc != NGX_OK || sr->headers_out.status != NGX_HTTP_OK) {
        wrong = "the answer is not 200";

    } else if (length != -1 && length != (off_t) text.len) {
        wrong = "the answer is not as long as it says";

    } else if (sr->headers_out.content_encoding
               && sr->headers_out.content_encoding->hash)
    {
        wrong = "the answer has a Content-Encoding";

    } else {
        return ngx_kairo_keys_fetched(&issuer->keys, &text);
    }

    ngx_kairo_keys_failed(&issuer->keys);

    return wrong;
}


/* The request's pool goes: its client left, and took the fetch along. */

static void
ngx_http_kairo_auth_gone(void *data)
{
    ngx_http_kairo_auth_fetch_t *fetch = data;

    if (!fetch->done) {
        fetch->done = 1;
        ngx_kairo_keys_dropped(&fetch->issuer->keys);
    }
}
