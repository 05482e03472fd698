
/*
 * Where a request carries its token, and whether the browser was asked to
 * send it by a page of this site.
 */


#include "layers/auth/ngx_http_kairo_auth.h"
#include "core/kairo_cookie.h"


static ngx_int_t ngx_http_kairo_auth_bearer(ngx_http_request_t *r,
    kairo_span_t *token);
static ngx_int_t ngx_http_kairo_auth_cookie(ngx_http_request_t *r,
    const ngx_str_t *name, kairo_span_t *token);
static ngx_uint_t ngx_http_kairo_auth_safe(ngx_http_request_t *r);
static ngx_uint_t ngx_http_kairo_auth_listed(const ngx_str_t *origin,
    const ngx_http_kairo_auth_conf_t *acf);
static ngx_uint_t ngx_http_kairo_auth_is_host(ngx_http_request_t *r,
    const ngx_str_t *origin);
static const ngx_str_t *ngx_http_kairo_auth_only(ngx_http_request_t *r,
    const char *name, ngx_uint_t *n);
static ngx_uint_t ngx_http_kairo_auth_is(const ngx_str_t *value,
    const char *text);


ngx_int_t
ngx_http_kairo_auth_find(ngx_http_request_t *r,
    const ngx_http_kairo_auth_rule_t *rule, kairo_span_t *token,
    ngx_uint_t *cookie)
{
    ngx_int_t         rc;
    ngx_uint_t        i;
    const ngx_str_t  *source;

    for (i = 0; i < rule->nsources; i++) {

        source = &rule->sources[i];
        *cookie = source->len != 0;

        rc = *cookie ? ngx_http_kairo_auth_cookie(r, source, token)
                     : ngx_http_kairo_auth_bearer(r, token);

        if (rc != NGX_DECLINED) {
            return rc;
        }
    }

    return NGX_DECLINED;
}


ngx_uint_t
ngx_http_kairo_auth_same_origin(ngx_http_request_t *r,
    const ngx_http_kairo_auth_conf_t *acf)
{
    ngx_uint_t        sites, origins;
    const ngx_str_t  *site, *origin;

    if (ngx_http_kairo_auth_safe(r)) {
        return 1;
    }

    site = ngx_http_kairo_auth_only(r, "sec-fetch-site", &sites);

    if (sites == 1 && (ngx_http_kairo_auth_is(site, "same-origin")
                       || ngx_http_kairo_auth_is(site, "none")))
    {
        return 1;
    }

    origin = ngx_http_kairo_auth_only(r, "origin", &origins);

    if (origins != 1) {
        return 0;
    }

    if (ngx_http_kairo_auth_listed(origin, acf)) {
        return 1;
    }

    /* a browser without Fetch metadata */

    return sites == 0 && ngx_http_kairo_auth_is_host(r, origin);
}


/* RFC 6750, section 2.1; the scheme's name has no case (RFC 9110) */

static ngx_int_t
ngx_http_kairo_auth_bearer(ngx_http_request_t *r, kairo_span_t *token)
{
    ngx_uint_t        n;
    const ngx_str_t  *value;

    value = ngx_http_kairo_auth_only(r, "authorization", &n);

    if (n == 0) {
        return NGX_DECLINED;
    }

    if (n > 1) {
        return NGX_ABORT;
    }

    if (value->len < sizeof("Bearer") - 1
        || ngx_strncasecmp(value->data, (u_char *) "Bearer",
                           sizeof("Bearer") - 1) != 0)
    {
        /* Basic or another: not for this layer */
        return NGX_DECLINED;
    }

    token->p = value->data + sizeof("Bearer") - 1;
    token->n = value->len - (sizeof("Bearer") - 1);

    if (token->n && *token->p != ' ') {
        return NGX_DECLINED;
    }

    while (token->n && *token->p == ' ') {
        token->p++;
        token->n--;
    }

    return NGX_OK;
}


/* RFC 6265, section 5.4: pairs with semicolons between */

static ngx_int_t
ngx_http_kairo_auth_cookie(ngx_http_request_t *r, const ngx_str_t *name,
    kairo_span_t *token)
{
    ngx_uint_t                found;
    kairo_span_t              text, key, value;
    const ngx_str_t          *field;
    ngx_http_kairo_cursor_t   cursor;

    found = 0;
    ngx_memzero(&cursor, sizeof(ngx_http_kairo_cursor_t));

    while ((field = ngx_http_kairo_next_field(r, &cursor, "cookie"))) {

        text.p = field->data;
        text.n = field->len;

        while (kairo_cookie_pair(&text, &key, &value)) {

            if (key.n == name->len
                && ngx_strncmp(key.p, name->data, key.n) == 0)
            {
                *token = value;
                found++;
            }
        }
    }

    if (found == 0) {
        return NGX_DECLINED;
    }

    return found == 1 ? NGX_OK : NGX_ABORT;
}


/* RFC 9110, section 9.2.1; but a WebSocket is opened by GET */

static ngx_uint_t
ngx_http_kairo_auth_safe(ngx_http_request_t *r)
{
    return (r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD|NGX_HTTP_OPTIONS))
           && ngx_http_kairo_request_field(r, "upgrade") == NULL;
}


static ngx_uint_t
ngx_http_kairo_auth_listed(const ngx_str_t *origin,
    const ngx_http_kairo_auth_conf_t *acf)
{
    ngx_uint_t        i;
    const ngx_str_t  *listed;

    if (acf->origins == NULL) {
        return 0;
    }

    listed = acf->origins->elts;

    for (i = 0; i < acf->origins->nelts; i++) {
        if (listed[i].len == origin->len
            && ngx_strncmp(listed[i].data, origin->data, origin->len) == 0)
        {
            return 1;
        }
    }

    return 0;
}


/*
 * The origin's host and port against the request's own: TLS may end before
 * nginx, so that the scheme is not known.
 */

static ngx_uint_t
ngx_http_kairo_auth_is_host(ngx_http_request_t *r, const ngx_str_t *origin)
{
    ngx_str_t         authority;
    ngx_uint_t        n;
    const ngx_str_t  *host;

    if (origin->len > 8 && ngx_strncmp(origin->data, "https://", 8) == 0) {
        authority.data = origin->data + 8;
        authority.len = origin->len - 8;

    } else if (origin->len > 7 && ngx_strncmp(origin->data, "http://", 7) == 0)
    {
        authority.data = origin->data + 7;
        authority.len = origin->len - 7;

    } else {
        return 0;
    }

    host = ngx_http_kairo_auth_only(r, "host", &n);

    return n == 1 && host->len == authority.len
           && ngx_strncasecmp(host->data, authority.data, host->len) == 0;
}


/* The first field of the name, and how many there are. */

static const ngx_str_t *
ngx_http_kairo_auth_only(ngx_http_request_t *r, const char *name,
    ngx_uint_t *n)
{
    const ngx_str_t          *first;
    ngx_http_kairo_cursor_t   cursor;

    ngx_memzero(&cursor, sizeof(ngx_http_kairo_cursor_t));

    first = ngx_http_kairo_next_field(r, &cursor, name);

    for (*n = first != NULL;
         *n && ngx_http_kairo_next_field(r, &cursor, name);
         (*n)++)
    { /* void */ }

    return first;
}


static ngx_uint_t
ngx_http_kairo_auth_is(const ngx_str_t *value, const char *text)
{
    return value->len == ngx_strlen(text)
           && ngx_strncmp(value->data, text, value->len) == 0;
}
