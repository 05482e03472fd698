
/*
 * What the tool may read instead of the request: the target in one spelling.
 */


#include "layers/sanitize/ngx_http_kairo_sanitize.h"


static ngx_int_t ngx_http_kairo_sanitize_fill(ngx_pool_t *pool,
    ngx_http_kairo_target_t *told, const ngx_http_kairo_sanitize_item_t *item);
static u_char *ngx_http_kairo_sanitize_addr(u_char *p, kairo_span_t addr,
    ngx_uint_t port);
static u_char *ngx_http_kairo_sanitize_uri(u_char *p, kairo_span_t rest);
static ngx_int_t ngx_http_kairo_sanitize_verdict_variable(
    ngx_http_request_t *r, ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_kairo_sanitize_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);


/* Where they are in ngx_http_kairo_target_t; not all are fields too. */

static const struct {
    ngx_str_t    variable;
    ngx_str_t    field;
    size_t       offset;
} ngx_http_kairo_sanitize_told[] = {
    { ngx_string("kairo_target_host"), ngx_string("X-Kairo-Target-Host"),
      offsetof(ngx_http_kairo_target_t, host) },
    { ngx_string("kairo_target_port"), ngx_string("X-Kairo-Target-Port"),
      offsetof(ngx_http_kairo_target_t, port) },
    { ngx_string("kairo_target_url"), ngx_string("X-Kairo-Target-Url"),
      offsetof(ngx_http_kairo_target_t, url) },
    { ngx_string("kairo_target_uri"), ngx_null_string,
      offsetof(ngx_http_kairo_target_t, uri) },
    { ngx_string("kairo_target_addr"), ngx_string("X-Kairo-Target-Addr"),
      offsetof(ngx_http_kairo_target_t, addr) }
};


#define NGX_HTTP_KAIRO_SANITIZE_TOLD                                          \
    (sizeof(ngx_http_kairo_sanitize_told)                                     \
     / sizeof(ngx_http_kairo_sanitize_told[0]))


ngx_int_t
ngx_http_kairo_sanitize_tell(ngx_http_kairo_sanitize_t *s)
{
    ngx_uint_t                i;
    ngx_http_request_t       *r;
    const ngx_str_t          *value;
    ngx_http_kairo_field_t    field[NGX_HTTP_KAIRO_SANITIZE_TOLD], *fields;
    ngx_http_kairo_target_t  *told;

    if (s->nitems == 0) {
        return NGX_OK;
    }

    r = s->pipe->request;

    told = ngx_pcalloc(r->pool, sizeof(ngx_http_kairo_target_t));

    if (told == NULL
        || ngx_http_kairo_sanitize_fill(r->pool, told, s->item[0]) != NGX_OK)
    {
        return NGX_ERROR;
    }

    fields = NULL;

    for (i = NGX_HTTP_KAIRO_SANITIZE_TOLD; i-- > 0; /* void */) {

        value = (const ngx_str_t *)
                    ((const u_char *) told
                     + ngx_http_kairo_sanitize_told[i].offset);

        if (value->len && ngx_http_kairo_sanitize_told[i].field.len) {
            field[i].name = ngx_http_kairo_sanitize_told[i].field;
            field[i].value = *value;
            field[i].next = fields;
            fields = &field[i];
        }
    }

    if (ngx_http_kairo_tell(r, "X-Kairo-Target-", fields) != NGX_OK) {
        return NGX_ERROR;
    }

    s->pipe->target = told;
    ngx_str_set(&s->pipe->target_verdict, "allow");

    return NGX_OK;
}


ngx_int_t
ngx_http_kairo_sanitize_variables(ngx_conf_t *cf)
{
    ngx_uint_t            i;
    ngx_str_t             name;
    ngx_http_variable_t  *var;

    for (i = 0; i < NGX_HTTP_KAIRO_SANITIZE_TOLD; i++) {

        name = ngx_http_kairo_sanitize_told[i].variable;

        var = ngx_http_add_variable(cf, &name, NGX_HTTP_VAR_NOCACHEABLE);
        if (var == NULL) {
            return NGX_ERROR;
        }

        var->get_handler = ngx_http_kairo_sanitize_variable;
        var->data = ngx_http_kairo_sanitize_told[i].offset;
    }

    ngx_str_set(&name, "kairo_target_verdict");

    var = ngx_http_add_variable(cf, &name, NGX_HTTP_VAR_NOCACHEABLE);
    if (var == NULL) {
        return NGX_ERROR;
    }

    var->get_handler = ngx_http_kairo_sanitize_verdict_variable;

    return NGX_OK;
}


static ngx_int_t
ngx_http_kairo_sanitize_fill(ngx_pool_t *pool, ngx_http_kairo_target_t *told,
    const ngx_http_kairo_sanitize_item_t *item)
{
    u_char                *p;
    ngx_uint_t             port;
    const kairo_target_t  *target;

    target = &item->target;

    p = ngx_pnalloc(pool, KAIRO_NAME_MAX + sizeof("65535") - 1
                          + KAIRO_ADDR_TEXT + sizeof("[]:65535") - 1
                          + KAIRO_TARGET_SIZE + 2 * target->rest.n + 1);
    if (p == NULL) {
        return NGX_ERROR;
    }

    told->host.data = p;
    told->host.len = target->n;
    p = ngx_cpymem(p, target->host, target->n);

    port = target->port ? target->port
                        : kairo_target_default_port(target->scheme);

    if (port) {
        told->port.data = p;
        p = ngx_sprintf(p, "%ui", port);
        told->port.len = p - told->port.data;
    }

    if (item->addr.n) {
        told->addr.data = p;
        p = ngx_http_kairo_sanitize_addr(p, item->addr, port);
        told->addr.len = p - told->addr.data;
    }

    if (target->scheme) {
        told->url.data = p;
        told->url.len = kairo_target_write(target, p);
        p += told->url.len;

        told->uri.data = p;
        told->uri.len = ngx_http_kairo_sanitize_uri(p, target->rest) - p;
    }

    return NGX_OK;
}


/* Without the fragment, which is not for servers. */

static u_char *
ngx_http_kairo_sanitize_uri(u_char *p, kairo_span_t rest)
{
    size_t  n;

    if (rest.n == 0 || rest.p[0] != '/') {
        *p++ = '/';
    }

    for (n = 0; n < rest.n && rest.p[n] != '#'; n++) { /* void */ }

    return ngx_cpymem(p, rest.p, n);
}


/* As proxy_pass takes it: "192.0.2.1:443", "[2001:db8::1]". */

static u_char *
ngx_http_kairo_sanitize_addr(u_char *p, kairo_span_t addr, ngx_uint_t port)
{
    if (addr.n == 4) {
        p += kairo_target_write_ip(addr, p);

    } else {
        *p++ = '[';
        p += kairo_target_write_ip(addr, p);
        *p++ = ']';
    }

    return port ? ngx_sprintf(p, ":%ui", port) : p;
}


static ngx_int_t
ngx_http_kairo_sanitize_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_http_kairo_pipe_t  *p;

    p = ngx_http_kairo_pipe(r);

    ngx_http_kairo_variable_set(v, p && p->target
                                   ? (const ngx_str_t *)
                                         ((const u_char *) p->target + data)
                                   : NULL);

    return NGX_OK;
}


static ngx_int_t
ngx_http_kairo_sanitize_verdict_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_http_kairo_pipe_t  *p;

    p = ngx_http_kairo_pipe(r);

    ngx_http_kairo_variable_set(v, p ? &p->target_verdict : NULL);

    return NGX_OK;
}
