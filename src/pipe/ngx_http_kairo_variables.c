
#include "pipe/ngx_http_kairo_pipe.h"
#include "core/kairo_addr.h"


static ngx_int_t ngx_http_kairo_variable_text(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_kairo_variable_decision(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_kairo_variable_client(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);


static const ngx_http_variable_t  ngx_http_kairo_vars[] = {

    { ngx_string("kairo_decision"), NULL,
      ngx_http_kairo_variable_decision, 0, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("kairo_layer"), NULL,
      ngx_http_kairo_variable_text,
      offsetof(ngx_http_kairo_pipe_t, layer), NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("kairo_reason"), NULL,
      ngx_http_kairo_variable_text,
      offsetof(ngx_http_kairo_pipe_t, reason), NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("kairo_ratelimit_status"), NULL,
      ngx_http_kairo_variable_text,
      offsetof(ngx_http_kairo_pipe_t, ratelimit_status),
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

    /* not cached by nginx: it depends on the location */

    { ngx_string("kairo_client"), NULL,
      ngx_http_kairo_variable_client, 0,
      NGX_HTTP_VAR_CHANGEABLE|NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("kairo_client_48"), NULL,
      ngx_http_kairo_variable_client, 48, 0, 0 },

    { ngx_string("kairo_client_56"), NULL,
      ngx_http_kairo_variable_client, 56, 0, 0 },

    { ngx_string("kairo_client_64"), NULL,
      ngx_http_kairo_variable_client, 64, 0, 0 },

    { ngx_string("kairo_client_128"), NULL,
      ngx_http_kairo_variable_client, 128, 0, 0 },

      ngx_http_null_variable
};


const ngx_str_t  ngx_http_kairo_decisions[] = {
    ngx_null_string,
    ngx_string("passed"),
    ngx_string("refused_dry_run"),
    ngx_string("passed_on_error"),
    ngx_string("refused_on_error"),
    ngx_string("refused")
};


ngx_int_t
ngx_http_kairo_variables(ngx_conf_t *cf)
{
    ngx_str_t                   name;
    ngx_http_variable_t        *var;
    const ngx_http_variable_t  *v;

    for (v = ngx_http_kairo_vars; v->name.len; v++) {

        name = v->name;

        var = ngx_http_add_variable(cf, &name, v->flags);
        if (var == NULL) {
            return NGX_ERROR;
        }

        var->get_handler = v->get_handler;
        var->data = v->data;
    }

    return NGX_OK;
}


ngx_int_t
ngx_http_kairo_value(ngx_http_kairo_pipe_t *p, ngx_http_complex_value_t *text,
    ngx_str_t *value)
{
    if (ngx_http_complex_value(p->request, text, value) != NGX_OK) {
        return NGX_ERROR;
    }

    return p->starved ? NGX_ERROR : NGX_OK;
}


static ngx_int_t
ngx_http_kairo_variable_text(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_http_kairo_pipe_t  *p;

    p = ngx_http_kairo_pipe(r);

    ngx_http_kairo_variable_set(v, p ? (ngx_str_t *) ((u_char *) p + data)
                                     : NULL);
    return NGX_OK;
}


static ngx_int_t
ngx_http_kairo_variable_decision(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_http_kairo_pipe_t  *p;

    p = ngx_http_kairo_pipe(r);

    ngx_http_kairo_variable_set(v, p ? &ngx_http_kairo_decisions[p->decision]
                                     : NULL);
    return NGX_OK;
}


/*
 * The address of the connection, which realip may have set.  "data" is the
 * prefix of IPv6 in bits, or 0: the location's.
 */

static ngx_int_t
ngx_http_kairo_variable_client(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    u_char                           *buf;
    ngx_str_t                         value;
    struct sockaddr                  *sa;
    ngx_http_kairo_pipe_t            *p;
    const ngx_http_kairo_loc_conf_t  *klcf;

    buf = ngx_pnalloc(r->pool, KAIRO_ADDR_TEXT);
    if (buf == NULL) {
        p = ngx_http_kairo_pipe(r);

        if (p) {
            p->starved = 1;
        }

        /* who asks later asks again, and does not find it empty */

        v->no_cacheable = 1;

        return NGX_ERROR;
    }

    sa = r->connection->sockaddr;
    klcf = ngx_http_kairo_conf(r, &ngx_http_kairo_module);

    value.data = buf;

    switch (sa->sa_family) {

    case AF_INET:
        value.len = kairo_addr_v4(buf,
                       (u_char *) &((struct sockaddr_in *) sa)->sin_addr);
        break;

#if (NGX_HAVE_INET6)
    case AF_INET6:
        value.len = kairo_addr_v6(buf,
                       (u_char *) &((struct sockaddr_in6 *) sa)->sin6_addr,
                       (unsigned) (data ? data : klcf->client_prefix));
        break;
#endif

    default:
        ngx_str_set(&value, "unix:");
    }

    ngx_http_kairo_variable_set(v, &value);

    return NGX_OK;
}


void
ngx_http_kairo_variable_set(ngx_http_variable_value_t *v,
    const ngx_str_t *value)
{
    if (value == NULL || value->len == 0) {
        v->not_found = 1;
        return;
    }

    v->valid = 1;
    v->no_cacheable = 0;
    v->not_found = 0;
    v->len = (unsigned) value->len;
    v->data = value->data;
}
