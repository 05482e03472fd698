
/*
 * The entry: the table of rows, and where nginx calls the walk over it.
 *
 * Reads:      nothing of its own.
 * Directives: kairo_client_prefix, kairo_preflight, kairo_postgres,
 *             kairo_spool.
 */


#include "pipe/ngx_http_kairo_pipe.h"
#include "core/kairo_addr.h"
#include "core/kairo_table.h"

#include "layers/auth/ngx_http_kairo_auth.h"
#include "layers/ratelimit/ngx_http_kairo_ratelimit.h"
#include "layers/require/ngx_http_kairo_require.h"
#include "layers/sanitize/ngx_http_kairo_sanitize.h"
#include "layers/ngx_http_kairo_tier.h"
#include "layers/record/ngx_http_kairo_record.h"

#if (NGX_KAIRO_PROBE)
#include "layers/ngx_http_kairo_probe.h"
#endif


/*
 * The policy's order.  Cheap questions come first, so that a flood never
 * reaches a dear one; what spends runs or approvals comes after nginx's own
 * rules have had their say.  A row counts by its place here: new rows of the
 * same phase may be put anywhere, there can be 16.
 */

static const ngx_http_kairo_row_t  ngx_http_kairo_rows[] = {

    /* is there room? */
    { ngx_string("ratelimit"), &ngx_http_kairo_ratelimit_module, 0,
      NGX_HTTP_ACCESS_PHASE, 1, ngx_http_kairo_ratelimit_check },

    /* who is it? */
    { ngx_string("auth"), &ngx_http_kairo_auth_module, 0,
      NGX_HTTP_ACCESS_PHASE, 0, ngx_http_kairo_auth_check },

    /* is there room for them? */
    { ngx_string("ratelimit"), &ngx_http_kairo_ratelimit_module,
      offsetof(ngx_http_kairo_ratelimit_conf_t, after_auth),
      NGX_HTTP_ACCESS_PHASE, 1, ngx_http_kairo_ratelimit_check_identity },

    /* what was sold to them? */
    { ngx_string("tier"), &ngx_http_kairo_tier_module, 0,
      NGX_HTTP_ACCESS_PHASE, 0, ngx_http_kairo_tier_check },

    /* may they be here? */
    { ngx_string("require"), &ngx_http_kairo_require_module, 0,
      NGX_HTTP_ACCESS_PHASE, 0, ngx_http_kairo_require_check },

    /* may a tool fetch that? */
    { ngx_string("sanitize"), &ngx_http_kairo_sanitize_module, 0,
      NGX_HTTP_ACCESS_PHASE, 0, ngx_http_kairo_sanitize_check },

    /* from here on it counts */
    { ngx_string("record"), &ngx_http_kairo_record_module, 0,
      NGX_HTTP_PRECONTENT_PHASE, 1, ngx_http_kairo_record_check },

#if (NGX_KAIRO_PROBE)
    /* what a test has told it to answer */
    { ngx_string("probe"), &ngx_http_kairo_probe_module, 0,
      NGX_HTTP_ACCESS_PHASE, 0, ngx_http_kairo_probe_access },

    { ngx_string("probe_late"), &ngx_http_kairo_probe_module, 0,
      NGX_HTTP_PRECONTENT_PHASE, 0, ngx_http_kairo_probe_precontent },

    { ngx_string("probe_spend"), &ngx_http_kairo_probe_module, 0,
      NGX_HTTP_PRECONTENT_PHASE, 1, ngx_http_kairo_probe_spend },
#endif
};


static ngx_int_t ngx_http_kairo_access_handler(ngx_http_request_t *r);
static ngx_int_t ngx_http_kairo_precontent_handler(ngx_http_request_t *r);
static ngx_int_t ngx_http_kairo_preconfiguration(ngx_conf_t *cf);
static ngx_int_t ngx_http_kairo_postconfiguration(ngx_conf_t *cf);
static ngx_int_t ngx_http_kairo_add_handler(ngx_conf_t *cf, ngx_uint_t phase,
    ngx_http_handler_pt handler);
static ngx_int_t ngx_http_kairo_init_process(ngx_cycle_t *cycle);
static void ngx_http_kairo_exit_process(ngx_cycle_t *cycle);
static void *ngx_http_kairo_create_main_conf(ngx_conf_t *cf);
static void *ngx_http_kairo_create_srv_conf(ngx_conf_t *cf);
static char *ngx_http_kairo_merge_srv_conf(ngx_conf_t *cf, void *parent,
    void *child);
static void *ngx_http_kairo_create_loc_conf(ngx_conf_t *cf);
static char *ngx_http_kairo_merge_loc_conf(ngx_conf_t *cf, void *parent,
    void *child);


ngx_conf_enum_t  ngx_http_kairo_log_levels[] = {
    { ngx_string("info"), NGX_LOG_INFO },
    { ngx_string("notice"), NGX_LOG_NOTICE },
    { ngx_string("warn"), NGX_LOG_WARN },
    { ngx_string("error"), NGX_LOG_ERR },
    { ngx_null_string, 0 }
};


static ngx_conf_num_bounds_t  ngx_http_kairo_client_prefix_bounds = {
    ngx_conf_check_num_bounds, 1, 128
};


static ngx_command_t  ngx_http_kairo_commands[] = {

    { ngx_string("kairo_client_prefix"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_num_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_kairo_loc_conf_t, client_prefix),
      &ngx_http_kairo_client_prefix_bounds },

    { ngx_string("kairo_preflight"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_FLAG,
      ngx_conf_set_flag_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_kairo_loc_conf_t, preflight),
      NULL },

    { ngx_string("kairo_postgres"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_2MORE,
      ngx_http_kairo_database_add,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("kairo_spool"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_1MORE,
      ngx_http_kairo_spool_add,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_kairo_module_ctx = {
    ngx_http_kairo_preconfiguration,       /* preconfiguration */
    ngx_http_kairo_postconfiguration,      /* postconfiguration */

    ngx_http_kairo_create_main_conf,       /* create main configuration */
    NULL,                                  /* init main configuration */

    ngx_http_kairo_create_srv_conf,        /* create server configuration */
    ngx_http_kairo_merge_srv_conf,         /* merge server configuration */

    ngx_http_kairo_create_loc_conf,        /* create location configuration */
    ngx_http_kairo_merge_loc_conf          /* merge location configuration */
};


ngx_module_t  ngx_http_kairo_module = {
    NGX_MODULE_V1,
    &ngx_http_kairo_module_ctx,            /* module context */
    ngx_http_kairo_commands,               /* module directives */
    NGX_HTTP_MODULE,                       /* module type */
    NULL,                                  /* init master */
    NULL,                                  /* init module */
    ngx_http_kairo_init_process,           /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    ngx_http_kairo_exit_process,           /* exit process */
    NULL,                                  /* exit master */
    NGX_MODULE_V1_PADDING
};


static ngx_int_t
ngx_http_kairo_access_handler(ngx_http_request_t *r)
{
    return ngx_http_kairo_walk(r, NGX_HTTP_ACCESS_PHASE);
}


static ngx_int_t
ngx_http_kairo_precontent_handler(ngx_http_request_t *r)
{
    return ngx_http_kairo_walk(r, NGX_HTTP_PRECONTENT_PHASE);
}


void
ngx_http_kairo_use(ngx_conf_t *cf)
{
    ngx_http_kairo_srv_conf_t   *kscf;
    ngx_http_kairo_main_conf_t  *kmcf;

    kmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_kairo_module);
    kmcf->used = 1;

    kscf = ngx_http_conf_get_module_srv_conf(cf, ngx_http_kairo_module);
    kscf->used = 1;
}


void
ngx_http_kairo_promise(ngx_conf_t *cf, ngx_http_kairo_promise_e what)
{
    ngx_http_kairo_loc_conf_t  *klcf;

    klcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_kairo_module);
    klcf->promises |= what;
}


ngx_uint_t
ngx_http_kairo_promised(ngx_conf_t *cf, ngx_http_kairo_promise_e what)
{
    ngx_http_kairo_loc_conf_t  *klcf;

    klcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_kairo_module);

    return klcf->promises & what;
}


char *
ngx_http_kairo_unfit(ngx_conf_t *cf, const char *fmt, ...)
{
    u_char                    *end, text[NGX_MAX_CONF_ERRSTR];
    va_list                    args;
    ngx_http_core_loc_conf_t  *clcf;

    va_start(args, fmt);
    end = ngx_vslprintf(text, text + sizeof(text), fmt, args);
    va_end(args);

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    ngx_log_error(NGX_LOG_EMERG, cf->log, 0, "%s%V%s %*s",
                  clcf->name.len ? "location \"" : "a server", &clcf->name,
                  clcf->name.len ? "\"" : ", outside of its locations,",
                  (size_t) (end - text), text);

    return NGX_CONF_ERROR;
}


static ngx_int_t
ngx_http_kairo_preconfiguration(ngx_conf_t *cf)
{
    if (!kairo_table_supported()) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "kairo needs a processor with a 16-byte "
                           "compare-and-swap, and this one has no cmpxchg16b");
        return NGX_ERROR;
    }

    return ngx_http_kairo_variables(cf);
}


/* Without a location that uses kairo no request ever passes here. */

static ngx_int_t
ngx_http_kairo_postconfiguration(ngx_conf_t *cf)
{
    ngx_http_kairo_main_conf_t  *kmcf;

    kmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_kairo_module);

    if (ngx_http_kairo_databases_ready(cf, kmcf) != NGX_OK
        || ngx_http_kairo_spool_ready(cf, kmcf) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (!kmcf->used) {
        return NGX_OK;
    }

    if (ngx_kairo_stats_add(cf, &kmcf->stats, &ngx_http_kairo_module)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (ngx_http_kairo_add_handler(cf, NGX_HTTP_POST_READ_PHASE,
                                   ngx_http_kairo_strip)
        != NGX_OK
        || ngx_http_kairo_add_handler(cf, NGX_HTTP_ACCESS_PHASE,
                                      ngx_http_kairo_access_handler)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_http_kairo_add_handler(cf, NGX_HTTP_PRECONTENT_PHASE,
                                      ngx_http_kairo_precontent_handler);
}


static ngx_int_t
ngx_http_kairo_add_handler(ngx_conf_t *cf, ngx_uint_t phase,
    ngx_http_handler_pt handler)
{
    ngx_http_handler_pt        *h;
    ngx_http_core_main_conf_t  *cmcf;

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);

    h = ngx_array_push(&cmcf->phases[phase].handlers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    *h = handler;

    return NGX_OK;
}


/* Connections are a worker's own: none may be there before it is. */

static ngx_int_t
ngx_http_kairo_init_process(ngx_cycle_t *cycle)
{
    ngx_http_kairo_main_conf_t  *kmcf;

    kmcf = ngx_http_cycle_get_module_main_conf(cycle, ngx_http_kairo_module);

    if (kmcf && (ngx_process == NGX_PROCESS_WORKER
                 || ngx_process == NGX_PROCESS_SINGLE))
    {
        ngx_http_kairo_databases_start(kmcf);

        if (kmcf->spool) {
            ngx_kairo_spool_start(kmcf->spool);
        }
    }

    return NGX_OK;
}


static void
ngx_http_kairo_exit_process(ngx_cycle_t *cycle)
{
    ngx_http_kairo_main_conf_t  *kmcf;

    kmcf = ngx_http_cycle_get_module_main_conf(cycle, ngx_http_kairo_module);

    if (kmcf == NULL) {
        return;
    }

    if (kmcf->spool) {
        ngx_kairo_spool_stop(kmcf->spool);
    }

    ngx_http_kairo_databases_stop(kmcf);
}


static void *
ngx_http_kairo_create_main_conf(ngx_conf_t *cf)
{
    ngx_http_kairo_main_conf_t  *kmcf;

    kmcf = ngx_pcalloc(cf->pool, sizeof(ngx_http_kairo_main_conf_t));
    if (kmcf == NULL) {
        return NULL;
    }

    kmcf->rows = ngx_http_kairo_rows;
    kmcf->nrows = sizeof(ngx_http_kairo_rows) / sizeof(ngx_http_kairo_row_t);

    if (ngx_array_init(&kmcf->sources, cf->pool, 4,
                       sizeof(ngx_http_kairo_source_t))
        != NGX_OK
        || ngx_array_init(&kmcf->databases, cf->pool, 2,
                          sizeof(ngx_kairo_postgres_t *))
           != NGX_OK)
    {
        return NULL;
    }

    return kmcf;
}


static void *
ngx_http_kairo_create_srv_conf(ngx_conf_t *cf)
{
    return ngx_pcalloc(cf->pool, sizeof(ngx_http_kairo_srv_conf_t));
}


static char *
ngx_http_kairo_merge_srv_conf(ngx_conf_t *cf, void *parent, void *child)
{
    ngx_http_kairo_srv_conf_t *prev = parent;
    ngx_http_kairo_srv_conf_t *conf = child;

    conf->used |= prev->used;

    return NGX_CONF_OK;
}


static void *
ngx_http_kairo_create_loc_conf(ngx_conf_t *cf)
{
    ngx_http_kairo_loc_conf_t  *klcf;

    klcf = ngx_pcalloc(cf->pool, sizeof(ngx_http_kairo_loc_conf_t));
    if (klcf == NULL) {
        return NULL;
    }

    klcf->client_prefix = NGX_CONF_UNSET_UINT;
    klcf->preflight = NGX_CONF_UNSET;

    return klcf;
}


static char *
ngx_http_kairo_merge_loc_conf(ngx_conf_t *cf, void *parent, void *child)
{
    ngx_http_kairo_loc_conf_t *prev = parent;
    ngx_http_kairo_loc_conf_t *conf = child;

    ngx_conf_merge_uint_value(conf->client_prefix, prev->client_prefix,
                              KAIRO_ADDR_V6_PREFIX);
    ngx_conf_merge_value(conf->preflight, prev->preflight, 0);

    return NGX_CONF_OK;
}
