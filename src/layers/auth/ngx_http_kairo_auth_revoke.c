
/*
 * kairo_revoke: a location where an administrator revokes by a POST, which is
 * answered when the revocation is in force for all workers and on the disk.
 */


#include "layers/auth/ngx_http_kairo_auth_revoke.h"


/* of a request's body: a token, and what is around it */

#define NGX_HTTP_KAIRO_REVOKE_BODY   16384

static ngx_int_t ngx_http_kairo_revoke_handler(ngx_http_request_t *r);
static ngx_int_t ngx_http_kairo_revoke_admit(ngx_http_kairo_pipe_t *p);
static ngx_uint_t ngx_http_kairo_revoke_is_page(ngx_http_request_t *r);
static ngx_uint_t ngx_http_kairo_revoke_is_json(ngx_http_request_t *r);
static void ngx_http_kairo_revoke_body(ngx_http_request_t *r);
static void ngx_http_kairo_revoke_put(ngx_http_kairo_revoke_t *revoke);
static void ngx_http_kairo_revoke_cancel(void *data);
static void ngx_http_kairo_revoke_done(void *data, ngx_int_t rc);
static ngx_int_t ngx_http_kairo_revoke_send(ngx_http_kairo_revoke_t *revoke);
static void ngx_http_kairo_revoke_refuse(ngx_http_request_t *r,
    ngx_uint_t status, const char *code, const char *hint);


char *
ngx_http_kairo_revoke(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_kairo_auth_conf_t *acf = conf;

    ngx_http_core_loc_conf_t  *clcf;

    if (acf->revoke) {
        return "is duplicate";
    }

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);
    clcf->handler = ngx_http_kairo_revoke_handler;

    acf->revoke = clcf->handler;

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_http_kairo_revoke_handler(ngx_http_request_t *r)
{
    ngx_int_t               rc;
    ngx_http_kairo_pipe_t  *p;

    p = ngx_http_kairo_pipe(r);

    if (p == NULL || r != r->main) {
        return NGX_HTTP_FORBIDDEN;
    }

    ngx_memzero(&p->refusal, sizeof(ngx_http_kairo_refusal_t));

    if (ngx_http_kairo_revoke_admit(p) != NGX_OK) {
        return NGX_DONE;
    }

    r->request_body_in_single_buf = 1;
    r->request_body_in_file_only = 0;

    rc = ngx_http_read_client_request_body(r, ngx_http_kairo_revoke_body);

    return rc >= NGX_HTTP_SPECIAL_RESPONSE ? rc : NGX_DONE;
}


/*
 * Whoever is no administrator is refused here too, so that no dry run of
 * another layer lets anybody revoke.
 */

static ngx_int_t
ngx_http_kairo_revoke_admit(ngx_http_kairo_pipe_t *p)
{
    ngx_http_request_t                *r;
    const ngx_http_kairo_auth_conf_t  *acf;

    r = p->request;
    acf = ngx_http_kairo_conf(r, &ngx_http_kairo_auth_module);

    /* the handler's caller does not count on the request after this */

    r->main->count++;

    if (p->identity == NULL || !p->identity->admin) {
        ngx_http_kairo_revoke_refuse(r, NGX_HTTP_FORBIDDEN, "forbidden",
                                     "this is for administrators");

    } else if (ngx_http_kairo_revoke_is_page(r)
               && !ngx_http_kairo_auth_same_origin(r, acf))
    {
        ngx_http_kairo_revoke_refuse(r, NGX_HTTP_FORBIDDEN, "cross_site",
                                     "this is not for pages of other origins");

    } else if (r->method != NGX_HTTP_POST) {
        ngx_http_kairo_revoke_refuse(r, NGX_HTTP_NOT_ALLOWED,
                                     "method_not_allowed", "send it by POST");

    } else if (!ngx_http_kairo_revoke_is_json(r)) {
        ngx_http_kairo_revoke_refuse(r, NGX_HTTP_UNSUPPORTED_MEDIA_TYPE,
                                     "unsupported_media_type",
                                     "send a JSON object, with Content-Type: "
                                     "application/json");

    } else if (r->headers_in.content_length_n > NGX_HTTP_KAIRO_REVOKE_BODY) {
        ngx_http_kairo_revoke_refuse(r, NGX_HTTP_REQUEST_ENTITY_TOO_LARGE,
                                     "too_large",
                                     "the body has more than 16 KiB");

    } else {
        r->main->count--;
        return NGX_OK;
    }

    return NGX_DECLINED;
}


/*
 * A browser says where a page is from.  With a cookie it has to, which was
 * judged before; a program that has a token itself has no page.
 */

static ngx_uint_t
ngx_http_kairo_revoke_is_page(ngx_http_request_t *r)
{
    return ngx_http_kairo_request_field(r, "sec-fetch-site")
           || ngx_http_kairo_request_field(r, "origin");
}


static ngx_uint_t
ngx_http_kairo_revoke_is_json(ngx_http_request_t *r)
{
    ngx_str_t  *type;

    static const ngx_str_t  json = ngx_string("application/json");

    if (r->headers_in.content_type == NULL) {
        return 0;
    }

    type = &r->headers_in.content_type->value;

    return type->len >= json.len
           && ngx_strncasecmp(type->data, json.data, json.len) == 0
           && (type->len == json.len || type->data[json.len] == ';'
               || type->data[json.len] == ' ');
}


/* The body is there.  From here on the request ends by ngx_http_finalize. */

static void
ngx_http_kairo_revoke_body(ngx_http_request_t *r)
{
    ngx_int_t                 rc;
    kairo_span_t              text;
    ngx_http_cleanup_t       *cln;
    ngx_http_kairo_revoke_t  *revoke;

    cln = ngx_http_cleanup_add(r, sizeof(ngx_http_kairo_revoke_t));
    rc = cln ? ngx_http_kairo_body_text(r, NGX_HTTP_KAIRO_REVOKE_BODY, &text)
             : NGX_ERROR;

    if (rc == NGX_ERROR) {
        ngx_http_finalize_request(r, NGX_HTTP_INTERNAL_SERVER_ERROR);
        return;
    }

    if (rc == NGX_DECLINED) {
        ngx_http_kairo_revoke_refuse(r, NGX_HTTP_REQUEST_ENTITY_TOO_LARGE,
                                     "too_large",
                                     "the body has more than 16 KiB");
        return;
    }

    revoke = cln->data;
    ngx_memzero(revoke, sizeof(ngx_http_kairo_revoke_t));

    revoke->request = r;
    cln->handler = ngx_http_kairo_revoke_cancel;

    rc = ngx_http_kairo_revoke_read(revoke, text);

    if (rc == NGX_ERROR) {
        ngx_http_finalize_request(r, NGX_HTTP_INTERNAL_SERVER_ERROR);

    } else if (revoke->wrong) {
        ngx_http_kairo_revoke_refuse(r, NGX_HTTP_BAD_REQUEST, "bad_revocation",
                                     revoke->wrong);

    } else {
        ngx_http_kairo_revoke_put(revoke);
    }
}


static void
ngx_http_kairo_revoke_put(ngx_http_kairo_revoke_t *revoke)
{
    ngx_int_t                         rc;
    ngx_http_request_t               *r;
    ngx_http_kairo_auth_main_conf_t  *amcf;

    r = revoke->request;
    amcf = ngx_http_get_module_main_conf(r, ngx_http_kairo_auth_module);

    rc = ngx_kairo_revocations_put(amcf->revocations, revoke->kind,
                                   &revoke->revocation, &revoke->op);

    if (rc == NGX_DECLINED) {
        ngx_log_error(NGX_LOG_ALERT, r->connection->log, 0,
                      "kairo auth: no room for one more revocation, give "
                      "kairo_revocations a larger size=");

        ngx_http_kairo_revoke_refuse(r, NGX_HTTP_INSUFFICIENT_STORAGE, "full",
                                     "nothing was revoked: there is no room, "
                                     "kairo_revocations needs a larger size=");
        return;
    }

    if (rc != NGX_OK) {
        ngx_http_kairo_revoke_done(revoke, NGX_ERROR);
        return;
    }

    revoke->op->owner = revoke;
    revoke->op->done = ngx_http_kairo_revoke_done;

    r->read_event_handler = ngx_http_test_reading;
    r->write_event_handler = ngx_http_request_empty_handler;
}


/* The request's cleanup: the client has gone, what is revoked stays so. */

static void
ngx_http_kairo_revoke_cancel(void *data)
{
    ngx_http_kairo_revoke_t *revoke = data;

    ngx_kairo_op_t  *op;

    op = revoke->op;

    if (op) {
        revoke->op = NULL;
        ngx_kairo_op_cancel(op);
    }
}


static void
ngx_http_kairo_revoke_done(void *data, ngx_int_t rc)
{
    ngx_http_kairo_revoke_t *revoke = data;

    ngx_connection_t    *c;
    ngx_http_request_t  *r;

    revoke->op = NULL;

    r = revoke->request;
    c = r->connection;

    ngx_http_set_log_request(c->log, r);

    if (rc == NGX_OK) {

        /* who asked and for what is in the access log; no name in this one */

        ngx_log_error(NGX_LOG_NOTICE, c->log, 0,
                      "kairo auth: revoked a \"%s\" of issuer \"%V\"",
                      kairo_revocation_kind(revoke->kind),
                      &revoke->issuer->name);

        ngx_http_finalize_request(r, ngx_http_kairo_revoke_send(revoke));

    } else {
        ngx_http_kairo_revoke_refuse(r, NGX_HTTP_SERVICE_UNAVAILABLE,
                                     "not_kept",
                                     "it is revoked, but could not be written "
                                     "to the disk and would be forgotten with "
                                     "a restart; try again");
    }

    ngx_http_run_posted_requests(c);
}


static ngx_int_t
ngx_http_kairo_revoke_send(ngx_http_kairo_revoke_t *revoke)
{
    u_char                    *p;
    ngx_str_t                  type;
    ngx_http_complex_value_t   cv;

    ngx_memzero(&cv, sizeof(ngx_http_complex_value_t));
    ngx_str_set(&type, "application/json");

    p = ngx_pnalloc(revoke->request->pool,
                    sizeof("{\"revoked\":\"\",\"issuer\":\"\",\"before\":,"
                           "\"until\":}" CRLF)
                    + 7 + revoke->issuer->name.len + 2 * NGX_INT64_LEN);
    if (p == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    cv.value.data = p;

    p = ngx_sprintf(p, "{\"revoked\":\"%s\",\"issuer\":\"%V\"",
                    kairo_revocation_kind(revoke->kind),
                    &revoke->issuer->name);

    if (revoke->revocation.before != KAIRO_REVOCATION_EVER) {
        p = ngx_sprintf(p, ",\"before\":%L", revoke->revocation.before);
    }

    if (revoke->revocation.until != KAIRO_REVOCATION_EVER) {
        p = ngx_sprintf(p, ",\"until\":%L", revoke->revocation.until);
    }

    p = ngx_cpymem(p, "}" CRLF, sizeof("}" CRLF) - 1);

    cv.value.len = p - cv.value.data;

    return ngx_http_send_response(revoke->request, NGX_HTTP_OK, &type, &cv);
}


static void
ngx_http_kairo_revoke_refuse(ngx_http_request_t *r, ngx_uint_t status,
    const char *code, const char *hint)
{
    ngx_http_kairo_pipe_t          *p;
    static const ngx_str_t          layer = ngx_string("auth");
    static ngx_http_kairo_field_t   allow = {
        ngx_string("Allow"), ngx_string("POST"), NULL
    };

    p = ngx_http_kairo_pipe(r);

    p->refusal.status = ngx_http_kairo_auth_refuse(p, status, code, hint);

    if (status == NGX_HTTP_NOT_ALLOWED) {
        p->refusal.fields = &allow;
    }

    ngx_http_kairo_decline(p, &layer);
}
