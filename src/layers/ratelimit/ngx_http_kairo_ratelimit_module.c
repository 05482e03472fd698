
/*
 * ratelimit: is there room?
 *
 * Reads:      a key, a rate, a burst and a cost, text of variables, and the
 *             clock.
 * Store:      a rate table in shared memory for each zone.
 * Store down: it can't be; a request whose key or numbers can't be read is
 *             answered by on_error, refused unless written otherwise.
 * Directives: kairo_ratelimit_zone, kairo_ratelimit, kairo_ratelimit_status,
 *             kairo_ratelimit_log_level, kairo_ratelimit_dry_run,
 *             kairo_ratelimit_max_delayed.
 */


#include "layers/ratelimit/ngx_http_kairo_ratelimit.h"


static void *ngx_http_kairo_ratelimit_create_main_conf(ngx_conf_t *cf);
static char *ngx_http_kairo_ratelimit_init_main_conf(ngx_conf_t *cf,
    void *conf);
static void *ngx_http_kairo_ratelimit_create_conf(ngx_conf_t *cf);
static char *ngx_http_kairo_ratelimit_merge_conf(ngx_conf_t *cf, void *parent,
    void *child);


static ngx_conf_num_bounds_t  ngx_http_kairo_ratelimit_status_bounds = {
    ngx_conf_check_num_bounds, 400, 599
};


static ngx_conf_num_bounds_t  ngx_http_kairo_ratelimit_delayed_bounds = {
    ngx_conf_check_num_bounds, 0, 1000000
};


static ngx_command_t  ngx_http_kairo_ratelimit_commands[] = {

    { ngx_string("kairo_ratelimit_zone"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_2MORE,
      ngx_http_kairo_ratelimit_zone,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("kairo_ratelimit"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_1MORE,
      ngx_http_kairo_ratelimit,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("kairo_ratelimit_status"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_num_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_kairo_ratelimit_conf_t, status),
      &ngx_http_kairo_ratelimit_status_bounds },

    { ngx_string("kairo_ratelimit_log_level"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_enum_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_kairo_ratelimit_conf_t, log_level),
      &ngx_http_kairo_log_levels },

    { ngx_string("kairo_ratelimit_dry_run"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_FLAG,
      ngx_conf_set_flag_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_kairo_ratelimit_conf_t, dry_run),
      NULL },

    { ngx_string("kairo_ratelimit_max_delayed"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_num_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_http_kairo_ratelimit_main_conf_t, max_delayed),
      &ngx_http_kairo_ratelimit_delayed_bounds },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_kairo_ratelimit_module_ctx = {
    NULL,                                       /* preconfiguration */
    ngx_http_kairo_ratelimit_bind,              /* postconfiguration */

    ngx_http_kairo_ratelimit_create_main_conf,  /* create main conf */
    ngx_http_kairo_ratelimit_init_main_conf,    /* init main conf */

    NULL,                                       /* create server conf */
    NULL,                                       /* merge server conf */

    ngx_http_kairo_ratelimit_create_conf,       /* create location conf */
    ngx_http_kairo_ratelimit_merge_conf         /* merge location conf */
};


ngx_module_t  ngx_http_kairo_ratelimit_module = {
    NGX_MODULE_V1,
    &ngx_http_kairo_ratelimit_module_ctx,       /* module context */
    ngx_http_kairo_ratelimit_commands,          /* module directives */
    NGX_HTTP_MODULE,                            /* module type */
    NULL,                                       /* init master */
    NULL,                                       /* init module */
    NULL,                                       /* init process */
    NULL,                                       /* init thread */
    NULL,                                       /* exit thread */
    NULL,                                       /* exit process */
    NULL,                                       /* exit master */
    NGX_MODULE_V1_PADDING
};


static void *
ngx_http_kairo_ratelimit_create_main_conf(ngx_conf_t *cf)
{
    ngx_http_kairo_ratelimit_main_conf_t  *rmcf;

    rmcf = ngx_pcalloc(cf->pool, sizeof(ngx_http_kairo_ratelimit_main_conf_t));
    if (rmcf == NULL) {
        return NULL;
    }

    rmcf->max_delayed = NGX_CONF_UNSET_UINT;

    rmcf->timers = ngx_pcalloc(cf->pool, sizeof(ngx_kairo_timers_t));
    if (rmcf->timers == NULL) {
        return NULL;
    }

    if (ngx_array_init(&rmcf->zones, cf->pool, 4,
                       sizeof(ngx_http_kairo_ratelimit_zone_t *))
        != NGX_OK
        || ngx_array_init(&rmcf->limits, cf->pool, 8,
                          sizeof(ngx_http_kairo_ratelimit_limit_t *))
           != NGX_OK
        || ngx_array_init(&rmcf->confs, cf->pool, 8,
                          sizeof(ngx_http_kairo_ratelimit_conf_t *))
           != NGX_OK)
    {
        return NULL;
    }

    return rmcf;
}


static char *
ngx_http_kairo_ratelimit_init_main_conf(ngx_conf_t *cf, void *conf)
{
    ngx_http_kairo_ratelimit_main_conf_t *rmcf = conf;

    ngx_conf_init_uint_value(rmcf->max_delayed, 1000);
    rmcf->timers->max = rmcf->max_delayed;

    return NGX_CONF_OK;
}


static void *
ngx_http_kairo_ratelimit_create_conf(ngx_conf_t *cf)
{
    ngx_http_kairo_ratelimit_conf_t  *conf;

    conf = ngx_pcalloc(cf->pool, sizeof(ngx_http_kairo_ratelimit_conf_t));
    if (conf == NULL) {
        return NULL;
    }

    /*
     * set by ngx_pcalloc():
     *
     *     conf->layer.mode = NGX_HTTP_KAIRO_OFF;
     *     conf->limits = NULL;
     */

    conf->status = NGX_CONF_UNSET_UINT;
    conf->log_level = NGX_CONF_UNSET_UINT;
    conf->dry_run = NGX_CONF_UNSET;

    return conf;
}


static char *
ngx_http_kairo_ratelimit_merge_conf(ngx_conf_t *cf, void *parent, void *child)
{
    ngx_http_kairo_ratelimit_conf_t *prev = parent;
    ngx_http_kairo_ratelimit_conf_t *conf = child;

    ngx_http_kairo_ratelimit_conf_t       **self;
    ngx_http_kairo_ratelimit_main_conf_t   *rmcf;

    if (conf->limits == NULL) {
        conf->limits = prev->limits;
    }

    ngx_conf_merge_uint_value(conf->status, prev->status,
                              NGX_HTTP_TOO_MANY_REQUESTS);

    ngx_conf_merge_uint_value(conf->log_level, prev->log_level, NGX_LOG_ERR);

    conf->delay_log_level = (conf->log_level == NGX_LOG_INFO)
                            ? NGX_LOG_INFO : conf->log_level + 1;

    ngx_conf_merge_value(conf->dry_run, prev->dry_run, 0);

    if (conf->limits == NULL || conf->limits->nelts == 0) {
        return NGX_CONF_OK;
    }

    /* which row its limits belong to is known when all zones are */

    rmcf = ngx_http_conf_get_module_main_conf(cf,
                                              ngx_http_kairo_ratelimit_module);
    self = ngx_array_push(&rmcf->confs);
    if (self == NULL) {
        return NGX_CONF_ERROR;
    }

    *self = conf;

    return NGX_CONF_OK;
}
