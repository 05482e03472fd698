
/*
 * require: may they be here?
 *
 * Reads:      who it is, as auth has found out.
 * Store:      none; counters alone.
 * Store down: no memory for a claim is refused with 503.
 * Directives: kairo_require, kairo_require_admin, kairo_role,
 *             kairo_entitlement, kairo_entitlement_upgrade,
 *             kairo_require_log_level, kairo_require_dry_run.
 */


#include "layers/require/ngx_http_kairo_require.h"


static char *ngx_http_kairo_require_upgrade(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf);
static char *ngx_http_kairo_require_admin(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static void *ngx_http_kairo_require_create_main_conf(ngx_conf_t *cf);
static void *ngx_http_kairo_require_create_conf(ngx_conf_t *cf);
static char *ngx_http_kairo_require_merge_conf(ngx_conf_t *cf, void *parent,
    void *child);
static char *ngx_http_kairo_require_merge_lines(ngx_conf_t *cf,
    ngx_http_kairo_require_conf_t *prev, ngx_http_kairo_require_conf_t *conf);


static ngx_command_t  ngx_http_kairo_require_commands[] = {

    { ngx_string("kairo_require"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_1MORE,
      ngx_http_kairo_require,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("kairo_require_admin"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF
                        |NGX_CONF_NOARGS|NGX_CONF_TAKE1,
      ngx_http_kairo_require_admin,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("kairo_role"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_2MORE,
      ngx_http_kairo_role,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("kairo_entitlement"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_1MORE,
      ngx_http_kairo_entitlement,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("kairo_entitlement_upgrade"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_http_kairo_require_upgrade,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("kairo_require_log_level"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_enum_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_kairo_require_conf_t, log_level),
      &ngx_http_kairo_log_levels },

    { ngx_string("kairo_require_dry_run"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_FLAG,
      ngx_conf_set_flag_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_kairo_require_conf_t, dry_run),
      NULL },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_kairo_require_module_ctx = {
    ngx_http_kairo_require_variables,      /* preconfiguration */
    ngx_http_kairo_require_bind,           /* postconfiguration */

    ngx_http_kairo_require_create_main_conf,   /* create main configuration */
    NULL,                                  /* init main configuration */

    NULL,                                  /* create server configuration */
    NULL,                                  /* merge server configuration */

    ngx_http_kairo_require_create_conf,    /* create location configuration */
    ngx_http_kairo_require_merge_conf      /* merge location configuration */
};


ngx_module_t  ngx_http_kairo_require_module = {
    NGX_MODULE_V1,
    &ngx_http_kairo_require_module_ctx,    /* module context */
    ngx_http_kairo_require_commands,       /* module directives */
    NGX_HTTP_MODULE,                       /* module type */
    NULL,                                  /* init master */
    NULL,                                  /* init module */
    NULL,                                  /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    NULL,                                  /* exit process */
    NULL,                                  /* exit master */
    NGX_MODULE_V1_PADDING
};


static char *
ngx_http_kairo_require_admin(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_kairo_require_conf_t *rcf = conf;

    ngx_str_t                           *value;
    ngx_http_kairo_require_main_conf_t  *rmcf;

    if (rcf->admin != NGX_CONF_UNSET) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (cf->args->nelts == 2 && ngx_strcmp(value[1].data, "off") != 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid value \"%V\", expected \"off\" or nothing",
                           &value[1]);
        return NGX_CONF_ERROR;
    }

    rcf->admin = (cf->args->nelts == 1);

    rmcf = ngx_http_conf_get_module_main_conf(cf,
                                              ngx_http_kairo_require_module);
    rmcf->used = 1;
    ngx_http_kairo_use(cf);

    return NGX_CONF_OK;
}


/* A URL, or a path of this site: it goes into JSON as it is. */

static char *
ngx_http_kairo_require_upgrade(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_kairo_require_conf_t *rcf = conf;

    ngx_str_t   *value;
    ngx_uint_t   i;

    if (rcf->upgrade.data) {
        return "is duplicate";
    }

    value = cf->args->elts;
    rcf->upgrade = value[1];

    for (i = 0; i < value[1].len; i++) {
        if (value[1].data[i] <= ' ' || value[1].data[i] >= 0x7f
            || ngx_strchr("\"\\<>", value[1].data[i]))
        {
            break;
        }
    }

    if (i < value[1].len
        || (ngx_strncmp(value[1].data, "https://", 8) != 0
            && ngx_strncmp(value[1].data, "http://", 7) != 0
            && value[1].data[0] != '/'))
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid URL \"%V\", expected http://, https:// or "
                           "a path, in ASCII without spaces and quotes",
                           &value[1]);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


static void *
ngx_http_kairo_require_create_main_conf(ngx_conf_t *cf)
{
    ngx_str_t                            name;
    ngx_http_kairo_require_main_conf_t  *rmcf;

    rmcf = ngx_pcalloc(cf->pool, sizeof(ngx_http_kairo_require_main_conf_t));
    if (rmcf == NULL) {
        return NULL;
    }

    rmcf->refused = ngx_pcalloc(cf->pool, sizeof(ngx_http_kairo_sample_t));
    if (rmcf->refused == NULL) {
        return NULL;
    }

    ngx_str_set(&name, "admin");
    rmcf->admin = ngx_kairo_tally_name(cf, &rmcf->tally, &name);

    if (rmcf->admin == NGX_ERROR
        || ngx_array_init(&rmcf->roles, cf->pool, 4,
                          sizeof(ngx_http_kairo_role_t))
           != NGX_OK
        || ngx_array_init(&rmcf->lines, cf->pool, 4,
                          sizeof(ngx_http_kairo_requirement_t *))
           != NGX_OK)
    {
        return NULL;
    }

    return rmcf;
}


static void *
ngx_http_kairo_require_create_conf(ngx_conf_t *cf)
{
    ngx_http_kairo_require_conf_t  *rcf;

    rcf = ngx_pcalloc(cf->pool, sizeof(ngx_http_kairo_require_conf_t));
    if (rcf == NULL) {
        return NULL;
    }

    /*
     * set by ngx_pcalloc():
     *
     *     rcf->layer.mode = NGX_HTTP_KAIRO_OFF;
     *     rcf->lines = NULL;
     *     rcf->entitlement = NULL;
     *     rcf->upgrade = { 0, NULL };
     *     rcf->cleared = 0;
     */

    rcf->admin = NGX_CONF_UNSET;
    rcf->log_level = NGX_CONF_UNSET_UINT;
    rcf->dry_run = NGX_CONF_UNSET;

    return rcf;
}


/* What a level requires is added to what those above do: no hole opens. */

static char *
ngx_http_kairo_require_merge_conf(ngx_conf_t *cf, void *parent, void *child)
{
    ngx_http_kairo_require_conf_t *prev = parent;
    ngx_http_kairo_require_conf_t *conf = child;

    if (ngx_http_kairo_require_merge_lines(cf, prev, conf) != NGX_CONF_OK) {
        return NGX_CONF_ERROR;
    }

    ngx_conf_merge_value(conf->admin, prev->admin, 0);
    ngx_conf_merge_str_value(conf->upgrade, prev->upgrade, "");
    ngx_conf_merge_uint_value(conf->log_level, prev->log_level, NGX_LOG_WARN);
    ngx_conf_merge_value(conf->dry_run, prev->dry_run, 0);

    if (conf->entitlement == NULL) {
        conf->entitlement = prev->entitlement;
    }

    if (conf->lines == NULL && !conf->admin
        && (conf->entitlement == NULL || conf->entitlement->ntiers == 0))
    {
        return NGX_CONF_OK;
    }

    conf->layer.mode = conf->dry_run ? NGX_HTTP_KAIRO_DRY_RUN
                                     : NGX_HTTP_KAIRO_ON;

    if (!ngx_http_kairo_promised(cf, NGX_HTTP_KAIRO_HAS_IDENTITY)) {
        return ngx_http_kairo_unfit(cf, "requires who may be there, and needs "
                                        "\"kairo_auth required\" in the same "
                                        "place");
    }

    if ((conf->admin || (conf->entitlement && conf->entitlement->bypass))
        && !ngx_http_kairo_promised(cf, NGX_HTTP_KAIRO_HAS_ADMINS))
    {
        return ngx_http_kairo_unfit(cf, "requires who may be there, and needs "
                                        "kairo_admins, which says who is an "
                                        "administrator");
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_kairo_require_merge_lines(ngx_conf_t *cf,
    ngx_http_kairo_require_conf_t *prev, ngx_http_kairo_require_conf_t *conf)
{
    ngx_array_t  *lines;

    if (conf->cleared || prev->lines == NULL) {
        return NGX_CONF_OK;
    }

    if (conf->lines == NULL) {
        conf->lines = prev->lines;
        return NGX_CONF_OK;
    }

    lines = ngx_array_create(cf->pool, prev->lines->nelts + conf->lines->nelts,
                             sizeof(ngx_http_kairo_requirement_t *));
    if (lines == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_memcpy(ngx_array_push_n(lines, prev->lines->nelts), prev->lines->elts,
               prev->lines->nelts * sizeof(ngx_http_kairo_requirement_t *));
    ngx_memcpy(ngx_array_push_n(lines, conf->lines->nelts), conf->lines->elts,
               conf->lines->nelts * sizeof(ngx_http_kairo_requirement_t *));

    conf->lines = lines;

    return NGX_CONF_OK;
}
