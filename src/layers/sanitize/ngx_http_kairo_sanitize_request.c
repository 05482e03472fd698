
/*
 * Targets in the query, in header fields, in cookies and in what a location
 * has captured.
 */


#include "layers/sanitize/ngx_http_kairo_sanitize.h"
#include "core/kairo_cookie.h"
#include "core/kairo_header.h"


static ngx_int_t ngx_http_kairo_sanitize_rule(ngx_http_kairo_sanitize_t *s);
static ngx_int_t ngx_http_kairo_sanitize_arg(ngx_http_kairo_sanitize_t *s);
static ngx_int_t ngx_http_kairo_sanitize_header(ngx_http_kairo_sanitize_t *s);
static ngx_int_t ngx_http_kairo_sanitize_cookie(ngx_http_kairo_sanitize_t *s);
static ngx_int_t ngx_http_kairo_sanitize_cookies(ngx_http_kairo_sanitize_t *s,
    kairo_span_t text);
static ngx_int_t ngx_http_kairo_sanitize_cookie_is(
    ngx_http_kairo_sanitize_t *s, kairo_span_t name);
static ngx_int_t ngx_http_kairo_sanitize_capture(ngx_http_kairo_sanitize_t *s);
static ngx_uint_t ngx_http_kairo_sanitize_path(const ngx_http_request_t *r);
static ngx_int_t ngx_http_kairo_sanitize_encoded(ngx_http_kairo_sanitize_t *s,
    kairo_span_t value);
static ngx_int_t ngx_http_kairo_sanitize_decode(ngx_http_kairo_sanitize_t *s,
    kairo_span_t text, kairo_span_t *decoded);


ngx_int_t
ngx_http_kairo_sanitize_request(ngx_http_kairo_sanitize_t *s)
{
    ngx_int_t                        rc;
    ngx_uint_t                       i;
    ngx_http_kairo_sanitize_rule_t  *rule;

    rule = s->conf->rules->elts;

    for (i = 0; i < s->conf->rules->nelts; i++) {

        if (rule[i].carrier >= NGX_HTTP_KAIRO_SANITIZE_FORM) {
            continue;
        }

        s->rule = &rule[i];
        s->found = 0;

        rc = ngx_http_kairo_sanitize_rule(s);

        if (rc == NGX_OK) {
            rc = ngx_http_kairo_sanitize_missing(s);
        }

        if (rc != NGX_OK) {
            return rc;
        }
    }

    s->rule = NULL;

    return NGX_OK;
}


static ngx_int_t
ngx_http_kairo_sanitize_rule(ngx_http_kairo_sanitize_t *s)
{
    switch (s->rule->carrier) {

    case NGX_HTTP_KAIRO_SANITIZE_HEADER:
        return ngx_http_kairo_sanitize_header(s);

    case NGX_HTTP_KAIRO_SANITIZE_COOKIE:
        return ngx_http_kairo_sanitize_cookie(s);

    case NGX_HTTP_KAIRO_SANITIZE_CAPTURE:
        return ngx_http_kairo_sanitize_capture(s);

    default: /* NGX_HTTP_KAIRO_SANITIZE_ARG */
        return ngx_http_kairo_sanitize_arg(s);
    }
}


/* nginx ends a query at "#", and passes on what is behind it. */

static ngx_int_t
ngx_http_kairo_sanitize_arg(ngx_http_kairo_sanitize_t *s)
{
    kairo_span_t         query;
    ngx_http_request_t  *r;

    r = s->pipe->request;

    if (ngx_strlchr(r->unparsed_uri.data,
                    r->unparsed_uri.data + r->unparsed_uri.len, '#'))
    {
        return ngx_http_kairo_sanitize_refuse(s, "target_malformed",
                                              "fragment");
    }

    query.p = r->args.data;
    query.n = r->args.len;

    return ngx_http_kairo_sanitize_pairs(s, query);
}


static ngx_int_t
ngx_http_kairo_sanitize_header(ngx_http_kairo_sanitize_t *s)
{
    ngx_int_t               rc;
    ngx_uint_t              i;
    kairo_span_t            name, value;
    const ngx_list_part_t  *part;
    const ngx_table_elt_t  *h;

    for (part = &s->pipe->request->headers_in.headers.part; part;
         part = part->next)
    {
        h = part->elts;

        for (i = 0; i < part->nelts; i++) {

            name.p = h[i].key.data;
            name.n = h[i].key.len;

            if (!kairo_header_is(name, s->rule->name)) {
                continue;
            }

            value.p = h[i].value.data;
            value.n = h[i].value.len;

            rc = ngx_http_kairo_sanitize_value(s, value);

            if (rc != NGX_OK) {
                return rc;
            }
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_kairo_sanitize_cookie(ngx_http_kairo_sanitize_t *s)
{
    ngx_int_t                 rc;
    kairo_span_t              text;
    const ngx_str_t          *field;
    ngx_http_kairo_cursor_t   cursor;

    ngx_memzero(&cursor, sizeof(ngx_http_kairo_cursor_t));

    for ( ;; ) {

        field = ngx_http_kairo_next_field(s->pipe->request, &cursor, "cookie");

        if (field == NULL) {
            return NGX_OK;
        }

        text.p = field->data;
        text.n = field->len;

        rc = ngx_http_kairo_sanitize_cookies(s, text);

        if (rc != NGX_OK) {
            return rc;
        }
    }
}


/* Decoded: what a framework that does not decode cookies sees has a "%". */

static ngx_int_t
ngx_http_kairo_sanitize_cookies(ngx_http_kairo_sanitize_t *s,
    kairo_span_t text)
{
    ngx_int_t     rc;
    kairo_span_t  name, value;

    while (kairo_cookie_next(&text, &name, &value)) {

        rc = ngx_http_kairo_sanitize_cookie_is(s, name);

        if (rc == NGX_DECLINED) {
            continue;
        }

        if (rc != NGX_OK) {
            return rc;
        }

        if (value.n > 1 && value.p[0] == '"' && value.p[value.n - 1] == '"') {
            value.p++;
            value.n -= 2;
        }

        rc = ngx_http_kairo_sanitize_encoded(s, value);

        if (rc != NGX_OK) {
            return rc;
        }
    }

    return NGX_OK;
}


/* By its name as it is, and decoded, as CGI.pm and older PHP and Rack do. */

static ngx_int_t
ngx_http_kairo_sanitize_cookie_is(ngx_http_kairo_sanitize_t *s,
    kairo_span_t name)
{
    ngx_int_t     rc;
    kairo_span_t  decoded;

    if (kairo_form_is(name, s->rule->name)) {
        return NGX_OK;
    }

    if (memchr(name.p, '%', name.n) == NULL) {
        return NGX_DECLINED;
    }

    rc = ngx_http_kairo_sanitize_decode(s, name, &decoded);

    if (rc != NGX_OK) {
        return rc;
    }

    return kairo_form_is(decoded, s->rule->name) ? NGX_OK : NGX_DECLINED;
}


/* As nginx has captured it from the location's path, which is decoded. */

static ngx_int_t
ngx_http_kairo_sanitize_capture(ngx_http_kairo_sanitize_t *s)
{
    kairo_span_t                value;
    ngx_http_variable_value_t  *v;

    v = ngx_http_get_indexed_variable(s->pipe->request, s->rule->variable);

    if (v == NULL) {
        return NGX_ERROR;
    }

    if (v->not_found || v->len == 0) {
        return NGX_OK;
    }

    if (s->pipe->request->valid_unparsed_uri
        && !ngx_http_kairo_sanitize_path(s->pipe->request))
    {
        return ngx_http_kairo_sanitize_refuse(s, "target_malformed", "path");
    }

    value.p = v->data;
    value.n = v->len;

    return ngx_http_kairo_sanitize_value(s, value);
}


/*
 * Whether the path that the tool gets is that of the location but for what is
 * encoded: nginx takes away "..", double slashes and what is behind a "#".
 */

static ngx_uint_t
ngx_http_kairo_sanitize_path(const ngx_http_request_t *r)
{
    u_char     *p, *last;
    size_t      n;
    ngx_int_t   c;

    p = r->unparsed_uri.data;
    last = p + r->unparsed_uri.len;

    for (n = 0; p < last && *p != '?'; p++, n++) {

        c = *p;

        if (c == '%') {

            if (last - p < 3) {
                return 0;
            }

            c = ngx_hextoi(p + 1, 2);
            p += 2;
        }

        if (n == r->uri.len || c != r->uri.data[n]) {
            return 0;
        }
    }

    return n == r->uri.len;
}


/*
 * A value is judged as it is where ";" does not end it: one that is allowed
 * has its ";" behind the host, and begins with what others read.
 */

ngx_int_t
ngx_http_kairo_sanitize_pairs(ngx_http_kairo_sanitize_t *s, kairo_span_t text)
{
    ngx_int_t           rc;
    kairo_span_t        name;
    kairo_form_pair_t   pair;

    while (kairo_form_next(&text, &pair)) {

        rc = ngx_http_kairo_sanitize_decode(s, pair.name, &name);

        if (rc == NGX_DECLINED) {
            /* somebody may read the protected one in it */
            return ngx_http_kairo_sanitize_refuse(s, "target_malformed",
                                                  "name_encoding");
        }

        if (rc != NGX_OK) {
            return rc;
        }

        if (!kairo_form_is(name, s->rule->name)) {
            continue;
        }

        rc = ngx_http_kairo_sanitize_encoded(s, kairo_form_value(&pair, text));

        if (rc != NGX_OK) {
            return rc;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_kairo_sanitize_encoded(ngx_http_kairo_sanitize_t *s,
    kairo_span_t value)
{
    ngx_int_t     rc;
    kairo_span_t  decoded;

    rc = ngx_http_kairo_sanitize_decode(s, value, &decoded);

    if (rc == NGX_DECLINED) {
        return ngx_http_kairo_sanitize_refuse(s, "target_malformed",
                                              "encoding");
    }

    return rc == NGX_OK ? ngx_http_kairo_sanitize_value(s, decoded) : rc;
}


/* Into the pool.  NGX_DECLINED: it can't be decoded; NGX_ERROR: no memory. */

static ngx_int_t
ngx_http_kairo_sanitize_decode(ngx_http_kairo_sanitize_t *s,
    kairo_span_t text, kairo_span_t *decoded)
{
    long     n;
    u_char  *p;

    p = ngx_pnalloc(s->pipe->request->pool, text.n + 1);
    if (p == NULL) {
        return NGX_ERROR;
    }

    n = kairo_form_decode(text, p);

    if (n < 0) {
        return NGX_DECLINED;
    }

    decoded->p = p;
    decoded->n = n;

    return NGX_OK;
}
