
/*
 * A refusal's response: problem details (RFC 9457) for programs, one line of
 * text for who prefers text, or the location's own error_page.
 */


#include "pipe/ngx_http_kairo_pipe.h"
#include "core/kairo_header.h"


static ngx_uint_t ngx_http_kairo_has_error_page(ngx_http_request_t *r,
    ngx_uint_t status);
static ngx_int_t ngx_http_kairo_refuse_fields(ngx_http_request_t *r,
    const ngx_http_kairo_refusal_t *refusal);
static ngx_int_t ngx_http_kairo_send_problem(ngx_http_kairo_pipe_t *p);
static ngx_buf_t *ngx_http_kairo_problem_json(ngx_http_kairo_pipe_t *p);
static ngx_buf_t *ngx_http_kairo_problem_text(ngx_http_kairo_pipe_t *p);
static const ngx_str_t *ngx_http_kairo_title(ngx_uint_t status);
static kairo_media_t ngx_http_kairo_media(ngx_http_request_t *r);


typedef struct {
    ngx_uint_t   status;
    ngx_str_t    title;
} ngx_http_kairo_title_t;


static const ngx_http_kairo_title_t  ngx_http_kairo_titles[] = {
    { 400, ngx_string("Bad Request") },
    { 401, ngx_string("Unauthorized") },
    { 402, ngx_string("Payment Required") },
    { 403, ngx_string("Forbidden") },
    { 404, ngx_string("Not Found") },
    { 405, ngx_string("Method Not Allowed") },
    { 409, ngx_string("Conflict") },
    { 413, ngx_string("Content Too Large") },
    { 415, ngx_string("Unsupported Media Type") },
    { 422, ngx_string("Unprocessable Content") },
    { 429, ngx_string("Too Many Requests") },
    { 503, ngx_string("Service Unavailable") },
    { 507, ngx_string("Insufficient Storage") },
    { 0, ngx_string("Refused") }
};


void
ngx_http_kairo_decline(ngx_http_kairo_pipe_t *p, const ngx_str_t *layer)
{
    p->refused = 1;
    p->refused_in = p->request->loc_conf;
    p->decision = NGX_HTTP_KAIRO_REFUSED;
    p->layer = *layer;
    p->reason = p->refusal.reason.len ? p->refusal.reason : p->refusal.code;

    ngx_http_kairo_refuse(p);
}


void
ngx_http_kairo_refuse(ngx_http_kairo_pipe_t *p)
{
    ngx_int_t            rc;
    ngx_http_request_t  *r;

    r = p->request;

    if (p->refusal.status == NGX_HTTP_CLOSE) {
        /* 444: the connection is closed, as nginx does */
        ngx_http_finalize_request(r, NGX_HTTP_CLOSE);
        return;
    }

    /* nothing of a response that was under way, before a redirect, goes out */

    ngx_http_clean_header(r);

    if (ngx_http_kairo_refuse_fields(r, &p->refusal) != NGX_OK) {
        ngx_http_finalize_request(r, NGX_HTTP_INTERNAL_SERVER_ERROR);
        return;
    }

    if (ngx_http_kairo_has_error_page(r, p->refusal.status)) {
        ngx_http_finalize_request(r, p->refusal.status);
        return;
    }

    rc = ngx_http_kairo_send_problem(p);

    ngx_http_finalize_request(r, rc);
}


/* As ngx_http_special_response_handler() will decide it. */

static ngx_uint_t
ngx_http_kairo_has_error_page(ngx_http_request_t *r, ngx_uint_t status)
{
    ngx_uint_t                       i;
    const ngx_http_err_page_t       *page;
    const ngx_http_core_loc_conf_t  *clcf;

    clcf = ngx_http_kairo_conf(r, &ngx_http_core_module);

    if (r->error_page || clcf->error_pages == NULL || r->uri_changes == 0) {
        return 0;
    }

    page = clcf->error_pages->elts;

    for (i = 0; i < clcf->error_pages->nelts; i++) {
        if (page[i].status == (ngx_int_t) status) {
            return 1;
        }
    }

    return 0;
}


static ngx_int_t
ngx_http_kairo_refuse_fields(ngx_http_request_t *r,
    const ngx_http_kairo_refusal_t *refusal)
{
    u_char                  buf[NGX_TIME_T_LEN];
    ngx_http_kairo_field_t  field[2];

    ngx_memzero(field, sizeof(field));

    ngx_str_set(&field[0].name, "Cache-Control");
    ngx_str_set(&field[0].value, "no-store");

    if (refusal->retry_after) {

        ngx_str_set(&field[1].name, "Retry-After");

        field[1].value.len = ngx_sprintf(buf, "%T", refusal->retry_after)
                             - buf;
        field[1].value.data = ngx_pnalloc(r->pool, field[1].value.len);
        if (field[1].value.data == NULL) {
            return NGX_ERROR;
        }

        ngx_memcpy(field[1].value.data, buf, field[1].value.len);

        field[0].next = &field[1];
    }

    if (ngx_http_kairo_add_fields(r, field) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_http_kairo_add_fields(r, refusal->fields);
}


static ngx_int_t
ngx_http_kairo_send_problem(ngx_http_kairo_pipe_t *p)
{
    ngx_int_t            rc;
    ngx_buf_t           *b;
    ngx_chain_t          out;
    ngx_http_request_t  *r;

    r = p->request;

    /* no "100 Continue" for a body that nobody wants */

    r->expect_tested = 1;

    if (ngx_http_discard_request_body(r) != NGX_OK) {
        r->keepalive = 0;
    }

    if (ngx_http_kairo_media(r) == KAIRO_MEDIA_TEXT) {
        ngx_str_set(&r->headers_out.content_type, "text/plain");
        b = ngx_http_kairo_problem_text(p);

    } else {
        ngx_str_set(&r->headers_out.content_type, "application/problem+json");
        b = ngx_http_kairo_problem_json(p);
    }

    if (b == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    b->last_buf = 1;

    /* an error page under way, "=200" perhaps, must not set the status */

    r->err_status = 0;

    r->headers_out.status = p->refusal.status;
    r->headers_out.content_type_len = r->headers_out.content_type.len;
    r->headers_out.content_length_n = b->last - b->pos;

    rc = ngx_http_send_header(r);

    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
        return rc;
    }

    out.buf = b;
    out.next = NULL;

    return ngx_http_output_filter(r, &out);
}


static ngx_buf_t *
ngx_http_kairo_problem_json(ngx_http_kairo_pipe_t *p)
{
    size_t                     size;
    ngx_buf_t                 *b;
    const ngx_str_t           *title;
    ngx_http_kairo_refusal_t  *refusal;

    refusal = &p->refusal;
    title = ngx_http_kairo_title(refusal->status);

    size = sizeof("{\"type\":\"urn:problem-type:kairo:\",\"title\":\"\","
                  "\"status\":,\"detail\":\"\",\"layer\":\"\","
                  "\"code\":\"\",\"retry_after\":,\"upgrade\":\"\","
                  "\"param\":\"\"}" CRLF)
           + 2 * refusal->code.len + title->len + NGX_INT_T_LEN
           + p->layer.len + NGX_TIME_T_LEN + refusal->upgrade.len
           + refusal->param.len + ngx_escape_json(NULL, refusal->param.data,
                                                  refusal->param.len)
           + refusal->hint.len + ngx_escape_json(NULL, refusal->hint.data,
                                                 refusal->hint.len);

    b = ngx_create_temp_buf(p->request->pool, size);
    if (b == NULL) {
        return NULL;
    }

    b->last = ngx_sprintf(b->last, "{\"type\":\"urn:problem-type:kairo:%V\","
                          "\"title\":\"%V\",\"status\":%ui,\"detail\":\"",
                          &refusal->code, title, refusal->status);

    b->last = (u_char *) ngx_escape_json(b->last, refusal->hint.data,
                                         refusal->hint.len);

    b->last = ngx_sprintf(b->last, "\",\"layer\":\"%V\",\"code\":\"%V\"",
                          &p->layer, &refusal->code);

    if (refusal->retry_after) {
        b->last = ngx_sprintf(b->last, ",\"retry_after\":%T",
                              refusal->retry_after);
    }

    if (refusal->param.len) {
        b->last = ngx_cpymem(b->last, ",\"param\":\"",
                             sizeof(",\"param\":\"") - 1);
        b->last = (u_char *) ngx_escape_json(b->last, refusal->param.data,
                                             refusal->param.len);
        *b->last++ = '"';
    }

    if (refusal->upgrade.len) {
        b->last = ngx_sprintf(b->last, ",\"upgrade\":\"%V\"",
                              &refusal->upgrade);
    }

    b->last = ngx_cpymem(b->last, "}" CRLF, sizeof("}" CRLF) - 1);

    return b;
}


static ngx_buf_t *
ngx_http_kairo_problem_text(ngx_http_kairo_pipe_t *p)
{
    ngx_buf_t        *b;
    const ngx_str_t  *title;

    title = ngx_http_kairo_title(p->refusal.status);

    b = ngx_create_temp_buf(p->request->pool,
                            sizeof(" :  () " CRLF) + NGX_INT_T_LEN
                            + title->len + p->refusal.hint.len
                            + p->refusal.code.len + p->refusal.upgrade.len);
    if (b == NULL) {
        return NULL;
    }

    b->last = ngx_sprintf(b->last, "%ui %V: %V (%V)%s%V" CRLF,
                          p->refusal.status, title, &p->refusal.hint,
                          &p->refusal.code,
                          p->refusal.upgrade.len ? " " : "",
                          &p->refusal.upgrade);

    return b;
}


static const ngx_str_t *
ngx_http_kairo_title(ngx_uint_t status)
{
    const ngx_http_kairo_title_t  *t;

    for (t = ngx_http_kairo_titles; t->status; t++) {
        if (t->status == status) {
            break;
        }
    }

    return &t->title;
}


static kairo_media_t
ngx_http_kairo_media(ngx_http_request_t *r)
{
    kairo_span_t      accept;
    const ngx_str_t  *value;

    value = ngx_http_kairo_request_field(r, "accept");

    if (value == NULL) {
        return KAIRO_MEDIA_JSON;
    }

    accept.p = value->data;
    accept.n = value->len;

    return kairo_header_accept(accept);
}
