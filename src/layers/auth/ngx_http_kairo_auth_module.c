
/*
 * auth: who is it?
 *
 * Reads:      a signed token (JWT) in Authorization: Bearer or a cookie.
 * Store:      keys of issuers, from files or secrets; a cache of tokens that
 *             were verified, in shared memory; a file of what was revoked.
 * Store down: keys that can't be read anew stay as they were; without any the
 *             request is refused with 503.
 * Directives: kairo_issuer, kairo_auth, kairo_auth_origins, kairo_auth_cache,
 *             kairo_auth_log_level, kairo_auth_dry_run, kairo_admins,
 *             kairo_revocations, kairo_revoke.
 */


#include "layers/auth/ngx_http_kairo_auth.h"


/* of tokens that a worker knows by itself, in bytes */

#define NGX_HTTP_KAIRO_AUTH_MEMO  (512 * KAIRO_MEMO_SLOT)


static char *ngx_http_kairo_auth_origins(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static void *ngx_http_kairo_auth_create_main_conf(ngx_conf_t *cf);
static char *ngx_http_kairo_auth_init_main_conf(ngx_conf_t *cf, void *conf);
static void *ngx_http_kairo_auth_create_conf(ngx_conf_t *cf);
static char *ngx_http_kairo_auth_merge_conf(ngx_conf_t *cf, void *parent,
    void *child);
static char *ngx_http_kairo_auth_check_conf(ngx_conf_t *cf,
    const ngx_http_kairo_auth_conf_t *acf);
static ngx_int_t ngx_http_kairo_auth_init_module(ngx_cycle_t *cycle);
static ngx_int_t ngx_http_kairo_auth_init_process(ngx_cycle_t *cycle);
static kairo_memo_t *ngx_http_kairo_auth_memo(
    const ngx_http_kairo_auth_main_conf_t *amcf, ngx_cycle_t *cycle);
static void ngx_http_kairo_auth_unmap(void *data);


static ngx_command_t  ngx_http_kairo_auth_commands[] = {

    { ngx_string("kairo_issuer"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_BLOCK|NGX_CONF_TAKE1,
      ngx_http_kairo_issuer,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("kairo_auth"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_1MORE,
      ngx_http_kairo_auth,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("kairo_auth_origins"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_1MORE,
      ngx_http_kairo_auth_origins,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("kairo_auth_cache"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_size_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_http_kairo_auth_main_conf_t, cache_size),
      NULL },

    { ngx_string("kairo_auth_log_level"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_enum_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_kairo_auth_conf_t, log_level),
      &ngx_http_kairo_log_levels },

    { ngx_string("kairo_auth_dry_run"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_FLAG,
      ngx_conf_set_flag_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_kairo_auth_conf_t, dry_run),
      NULL },

    { ngx_string("kairo_admins"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_1MORE,
      ngx_http_kairo_admins,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("kairo_revocations"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE12,
      ngx_http_kairo_revocations,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("kairo_revoke"),
      NGX_HTTP_LOC_CONF|NGX_CONF_NOARGS,
      ngx_http_kairo_revoke,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_kairo_auth_module_ctx = {
    ngx_http_kairo_auth_variables,         /* preconfiguration */
    ngx_http_kairo_auth_bind,              /* postconfiguration */

    ngx_http_kairo_auth_create_main_conf,  /* create main configuration */
    ngx_http_kairo_auth_init_main_conf,    /* init main configuration */

    NULL,                                  /* create server configuration */
    NULL,                                  /* merge server configuration */

    ngx_http_kairo_auth_create_conf,       /* create location configuration */
    ngx_http_kairo_auth_merge_conf         /* merge location configuration */
};


ngx_module_t  ngx_http_kairo_auth_module = {
    NGX_MODULE_V1,
    &ngx_http_kairo_auth_module_ctx,       /* module context */
    ngx_http_kairo_auth_commands,          /* module directives */
    NGX_HTTP_MODULE,                       /* module type */
    NULL,                                  /* init master */
    ngx_http_kairo_auth_init_module,       /* init module */
    ngx_http_kairo_auth_init_process,      /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    NULL,                                  /* exit process */
    NULL,                                  /* exit master */
    NGX_MODULE_V1_PADDING
};


/* Origins as a browser writes them (RFC 6454, section 6.2). */

static char *
ngx_http_kairo_auth_origins(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_kairo_auth_conf_t *acf = conf;

    u_char      *host;
    ngx_str_t   *value, *origin;
    ngx_uint_t   i;

    if (acf->origins) {
        return "is duplicate";
    }

    value = cf->args->elts;

    acf->origins = ngx_array_create(cf->pool, cf->args->nelts - 1,
                                    sizeof(ngx_str_t));
    if (acf->origins == NULL) {
        return NGX_CONF_ERROR;
    }

    for (i = 1; i < cf->args->nelts; i++) {

        if (cf->args->nelts == 2 && ngx_strcmp(value[1].data, "off") == 0) {
            break;
        }

        host = (u_char *) ngx_strstr(value[i].data, "://");

        if (host == NULL || host == value[i].data || host[3] == '\0'
            || ngx_strchr(host + 3, '/') || ngx_strchr(host + 3, '*'))
        {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid origin \"%V\", expected scheme, host "
                               "and port, as in https://app.example.com",
                               &value[i]);
            return NGX_CONF_ERROR;
        }

        origin = ngx_array_push(acf->origins);
        *origin = value[i];
    }

    return NGX_CONF_OK;
}


static void *
ngx_http_kairo_auth_create_main_conf(ngx_conf_t *cf)
{
    ngx_http_kairo_auth_main_conf_t  *amcf;

    amcf = ngx_pcalloc(cf->pool, sizeof(ngx_http_kairo_auth_main_conf_t));
    if (amcf == NULL) {
        return NULL;
    }

    amcf->cache_size = NGX_CONF_UNSET_SIZE;

    if (ngx_array_init(&amcf->issuers, cf->pool, 4,
                       sizeof(ngx_http_kairo_issuer_t *))
        != NGX_OK
        || ngx_array_init(&amcf->rules, cf->pool, 8,
                          sizeof(ngx_http_kairo_auth_rule_t *))
           != NGX_OK)
    {
        return NULL;
    }

    return amcf;
}


static char *
ngx_http_kairo_auth_init_main_conf(ngx_conf_t *cf, void *conf)
{
    ngx_http_kairo_auth_main_conf_t *amcf = conf;

    ngx_conf_init_size_value(amcf->cache_size, 4 * 1024 * 1024);

    if (amcf->cache_size < 16 * ngx_pagesize) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "kairo_auth_cache of %uz bytes is too small, "
                           "expected at least 64k", amcf->cache_size);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


static void *
ngx_http_kairo_auth_create_conf(ngx_conf_t *cf)
{
    ngx_http_kairo_auth_conf_t  *acf;

    acf = ngx_pcalloc(cf->pool, sizeof(ngx_http_kairo_auth_conf_t));
    if (acf == NULL) {
        return NULL;
    }

    /*
     * set by ngx_pcalloc():
     *
     *     acf->layer.mode = NGX_HTTP_KAIRO_OFF;
     *     acf->rule = NULL;
     *     acf->origins = NULL;
     */

    acf->log_level = NGX_CONF_UNSET_UINT;
    acf->dry_run = NGX_CONF_UNSET;

    return acf;
}


static char *
ngx_http_kairo_auth_merge_conf(ngx_conf_t *cf, void *parent, void *child)
{
    ngx_http_kairo_auth_conf_t *prev = parent;
    ngx_http_kairo_auth_conf_t *conf = child;

    if (conf->rule == NULL) {
        conf->rule = prev->rule;
    }

    if (conf->origins == NULL) {
        conf->origins = prev->origins;
    }

    ngx_conf_merge_uint_value(conf->log_level, prev->log_level, NGX_LOG_WARN);
    ngx_conf_merge_value(conf->dry_run, prev->dry_run, 0);

    if (conf->rule && conf->rule->need != NGX_HTTP_KAIRO_AUTH_OFF) {
        conf->layer.mode = conf->dry_run ? NGX_HTTP_KAIRO_DRY_RUN
                                         : NGX_HTTP_KAIRO_ON;
    }

    return ngx_http_kairo_auth_check_conf(cf, conf);
}


/* What others may rest on here, and what the endpoint rests on. */

static char *
ngx_http_kairo_auth_check_conf(ngx_conf_t *cf,
    const ngx_http_kairo_auth_conf_t *acf)
{
    ngx_http_core_loc_conf_t         *clcf;
    ngx_http_kairo_auth_main_conf_t  *amcf;

    amcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_kairo_auth_module);
    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    if (acf->revoke && clcf->handler != acf->revoke) {
        return "has kairo_revoke and another handler in one location";
    }

    if (acf->rule && acf->rule->need == NGX_HTTP_KAIRO_AUTH_REQUIRED) {
        ngx_http_kairo_promise(cf, NGX_HTTP_KAIRO_HAS_IDENTITY);

    } else if (acf->revoke) {
        return "needs \"kairo_auth required\" in the location of "
               "kairo_revoke";
    }

    if (amcf->admins) {
        ngx_http_kairo_promise(cf, NGX_HTTP_KAIRO_HAS_ADMINS);
    }

    if (acf->revoke && (amcf->admins == NULL || amcf->revocations == NULL)) {
        return "needs kairo_admins and kairo_revocations for kairo_revoke";
    }

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_http_kairo_auth_init_module(ngx_cycle_t *cycle)
{
    ngx_http_kairo_auth_main_conf_t  *amcf;

    amcf = ngx_http_cycle_get_module_main_conf(cycle,
                                               ngx_http_kairo_auth_module);

    if (amcf && amcf->admins) {
        ngx_http_kairo_admins_log(amcf->admins, cycle->log);
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_kairo_auth_init_process(ngx_cycle_t *cycle)
{
    ngx_uint_t                         i;
    ngx_http_kairo_issuer_t          **issuer;
    ngx_http_kairo_auth_main_conf_t   *amcf;

    amcf = ngx_http_cycle_get_module_main_conf(cycle,
                                               ngx_http_kairo_auth_module);

    if (amcf == NULL
        || (ngx_process != NGX_PROCESS_WORKER
            && ngx_process != NGX_PROCESS_SINGLE))
    {
        return NGX_OK;
    }

    if (amcf->cache) {
        amcf->memo = ngx_http_kairo_auth_memo(amcf, cycle);

        if (amcf->memo == NULL) {
            return NGX_ERROR;
        }
    }

    issuer = amcf->issuers.elts;

    for (i = 0; i < amcf->issuers.nelts; i++) {
        ngx_kairo_keys_watch(&issuer[i]->keys, cycle);
    }

    if (amcf->revocations) {
        ngx_kairo_revocations_watch(amcf->revocations, cycle);
    }

    return NGX_OK;
}


/* The kernel's zeroed pages: what is not used takes no memory. */

static kairo_memo_t *
ngx_http_kairo_auth_memo(const ngx_http_kairo_auth_main_conf_t *amcf,
    ngx_cycle_t *cycle)
{
    void                *mem;
    ngx_pool_cleanup_t  *cln;

    cln = ngx_pool_cleanup_add(cycle->pool, 0);
    if (cln == NULL) {
        return NULL;
    }

    mem = mmap(NULL, NGX_HTTP_KAIRO_AUTH_MEMO, PROT_READ|PROT_WRITE,
               MAP_PRIVATE|MAP_ANON, -1, 0);

    if (mem == MAP_FAILED) {
        ngx_log_error(NGX_LOG_ALERT, cycle->log, ngx_errno,
                      "kairo auth: no memory for tokens that are known");
        return NULL;
    }

    cln->handler = ngx_http_kairo_auth_unmap;
    cln->data = mem;

    return kairo_memo_init(mem, NGX_HTTP_KAIRO_AUTH_MEMO,
                           amcf->cache->root->secret);
}


static void
ngx_http_kairo_auth_unmap(void *data)
{
    (void) munmap(data, NGX_HTTP_KAIRO_AUTH_MEMO);
}
