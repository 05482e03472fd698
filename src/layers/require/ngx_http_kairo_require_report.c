
/*
 * What is told of it: variables and metrics.
 */


#include "layers/require/ngx_http_kairo_require.h"


static ngx_int_t ngx_http_kairo_require_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_uint_t ngx_http_kairo_require_entitled(
    const ngx_http_kairo_pipe_t *p);


static const ngx_http_kairo_family_t  ngx_http_kairo_require_family = {
    "kairo_require_total", "counter",
    "Requirements that were not met, or that an administrator has bypassed",
    { "requirement", "result" }
};


/* ngx_http_kairo_require_count_e */

static const ngx_str_t
ngx_http_kairo_require_results[NGX_KAIRO_TALLY_COUNTS] = {
    ngx_string("refused"),
    ngx_string("refused_dry_run"),
    ngx_string("bypassed")
};


ngx_int_t
ngx_http_kairo_require_variables(ngx_conf_t *cf)
{
    ngx_uint_t            i;
    ngx_str_t             name[2];
    ngx_http_variable_t  *var;

    ngx_str_set(&name[0], "kairo_entitlement");
    ngx_str_set(&name[1], "kairo_admin_run");

    for (i = 0; i < 2; i++) {

        var = ngx_http_add_variable(cf, &name[i], NGX_HTTP_VAR_NOCACHEABLE);
        if (var == NULL) {
            return NGX_ERROR;
        }

        var->get_handler = ngx_http_kairo_require_variable;
        var->data = i;
    }

    return NGX_OK;
}


void
ngx_http_kairo_require_collect(void *data, ngx_http_kairo_sink_t *sink)
{
    ngx_http_kairo_require_main_conf_t *rmcf = data;

    ngx_str_t                     name;
    ngx_uint_t                    i, n;
    const ngx_kairo_tally_row_t  *row;

    for (i = 0; i < NGX_KAIRO_TALLY_MAX; i++) {

        row = &rmcf->tally.root->row[i];

        if (row->used == 0) {
            continue;
        }

        name.data = (u_char *) row->name;
        name.len = row->used;

        for (n = 0; n < NGX_KAIRO_TALLY_COUNTS; n++) {
            sink->sample(sink, &ngx_http_kairo_require_family, &name,
                         &ngx_http_kairo_require_results[n],
                         __atomic_load_n(&row->count[n], __ATOMIC_RELAXED));
        }
    }
}


/* "data" 0: the tier that has opened; 1: whether it was that of the admins. */

static ngx_int_t
ngx_http_kairo_require_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_str_t               value;
    ngx_http_kairo_pipe_t  *p;

    ngx_str_null(&value);
    p = ngx_http_kairo_pipe(r);

    if (p && ngx_http_kairo_require_entitled(p)) {

        if (data == 0) {
            value = p->entitlement;

        } else if (p->admin_run) {
            ngx_str_set(&value, "1");
        }
    }

    ngx_http_kairo_variable_set(v, &value);

    return NGX_OK;
}


/* After a redirect another may be known than who has passed, or none has. */

static ngx_uint_t
ngx_http_kairo_require_entitled(const ngx_http_kairo_pipe_t *p)
{
    return p->entitled && p->identity && !p->refused
           && p->entitled->user.len == p->identity->user.len
           && ngx_memcmp(p->entitled->user.data, p->identity->user.data,
                         p->identity->user.len)
              == 0;
}
