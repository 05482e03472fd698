
/*
 * sanitize: may a tool fetch that?
 *
 * Reads:      hosts, addresses and URLs in the query, header fields, cookies,
 *             captures and the body.
 * Stores:     lists of hosts in files, where the last good one stays when a
 *             new one is bad; nginx's resolver, whose failure refuses.
 * Directives: kairo_sanitize, kairo_blocklist, kairo_allowlist,
 *             kairo_sanitize_nat64, kairo_sanitize_timeout,
 *             kairo_sanitize_body, kairo_sanitize_log_level,
 *             kairo_sanitize_dry_run.
 */


#include "layers/sanitize/ngx_http_kairo_sanitize.h"


static void *ngx_http_kairo_sanitize_create_main_conf(ngx_conf_t *cf);
static void *ngx_http_kairo_sanitize_create_conf(ngx_conf_t *cf);
static char *ngx_http_kairo_sanitize_merge_conf(ngx_conf_t *cf, void *parent,
    void *child);
static ngx_int_t ngx_http_kairo_sanitize_merge_resolver(ngx_conf_t *cf,
    ngx_http_kairo_sanitize_conf_t *conf);
static ngx_int_t ngx_http_kairo_sanitize_init_process(ngx_cycle_t *cycle);
static void ngx_http_kairo_sanitize_forget(void *data);


static ngx_conf_num_bounds_t  ngx_http_kairo_sanitize_timeout_bounds = {
    ngx_conf_check_num_bounds, 1, 60000
};


static ngx_command_t  ngx_http_kairo_sanitize_commands[] = {

    { ngx_string("kairo_sanitize"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_1MORE,
      ngx_http_kairo_sanitize,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("kairo_blocklist"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_http_kairo_sanitize_blocklist,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("kairo_allowlist"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE12,
      ngx_http_kairo_sanitize_allowlist,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("kairo_sanitize_nat64"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_1MORE,
      ngx_http_kairo_sanitize_nat64,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("kairo_sanitize_timeout"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_msec_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_kairo_sanitize_conf_t, timeout),
      &ngx_http_kairo_sanitize_timeout_bounds },

    { ngx_string("kairo_sanitize_body"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_size_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_kairo_sanitize_conf_t, body),
      NULL },

    { ngx_string("kairo_sanitize_log_level"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_enum_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_kairo_sanitize_conf_t, log_level),
      &ngx_http_kairo_log_levels },

    { ngx_string("kairo_sanitize_dry_run"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_FLAG,
      ngx_conf_set_flag_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_kairo_sanitize_conf_t, dry_run),
      NULL },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_kairo_sanitize_module_ctx = {
    ngx_http_kairo_sanitize_variables,     /* preconfiguration */
    NULL,                                  /* postconfiguration */

    ngx_http_kairo_sanitize_create_main_conf,  /* create main configuration */
    NULL,                                  /* init main configuration */

    NULL,                                  /* create server configuration */
    NULL,                                  /* merge server configuration */

    ngx_http_kairo_sanitize_create_conf,   /* create location configuration */
    ngx_http_kairo_sanitize_merge_conf     /* merge location configuration */
};


ngx_module_t  ngx_http_kairo_sanitize_module = {
    NGX_MODULE_V1,
    &ngx_http_kairo_sanitize_module_ctx,   /* module context */
    ngx_http_kairo_sanitize_commands,      /* module directives */
    NGX_HTTP_MODULE,                       /* module type */
    NULL,                                  /* init master */
    NULL,                                  /* init module */
    ngx_http_kairo_sanitize_init_process,  /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    NULL,                                  /* exit process */
    NULL,                                  /* exit master */
    NGX_MODULE_V1_PADDING
};


static void *
ngx_http_kairo_sanitize_create_main_conf(ngx_conf_t *cf)
{
    ngx_pool_cleanup_t                   *cln;
    ngx_http_kairo_sanitize_main_conf_t  *smcf;

    smcf = ngx_pcalloc(cf->pool, sizeof(ngx_http_kairo_sanitize_main_conf_t));
    cln = ngx_pool_cleanup_add(cf->pool,
                               sizeof(ngx_http_kairo_sanitize_state_t));

    if (smcf == NULL || cln == NULL
        || ngx_array_init(&smcf->lists, cf->pool, 4,
                          sizeof(ngx_kairo_hosts_t *))
           != NGX_OK)
    {
        return NULL;
    }

    smcf->state = cln->data;
    ngx_memzero(smcf->state, sizeof(ngx_http_kairo_sanitize_state_t));

    cln->handler = ngx_http_kairo_sanitize_forget;

    return smcf;
}


static void *
ngx_http_kairo_sanitize_create_conf(ngx_conf_t *cf)
{
    ngx_http_kairo_sanitize_conf_t  *scf;

    scf = ngx_pcalloc(cf->pool, sizeof(ngx_http_kairo_sanitize_conf_t));
    if (scf == NULL) {
        return NULL;
    }

    /*
     * set by ngx_pcalloc():
     *
     *     scf->layer.mode = NGX_HTTP_KAIRO_OFF;
     *     scf->rules = NULL;
     *     scf->cleared = 0;
     *     scf->carriers = 0;
     *     scf->deny = NULL;
     *     scf->denied = 0;
     *     scf->resolver = NULL;
     */

    scf->allow = NGX_CONF_UNSET_PTR;
    scf->exceptions = NGX_CONF_UNSET;
    scf->nat64 = NGX_CONF_UNSET_PTR;
    scf->timeout = NGX_CONF_UNSET_MSEC;
    scf->body = NGX_CONF_UNSET_SIZE;
    scf->log_level = NGX_CONF_UNSET_UINT;
    scf->dry_run = NGX_CONF_UNSET;

    return scf;
}


/* Rules of a level are added to those above: no hole opens by accident. */

static char *
ngx_http_kairo_sanitize_merge_conf(ngx_conf_t *cf, void *parent, void *child)
{
    ngx_http_kairo_sanitize_conf_t *prev = parent;
    ngx_http_kairo_sanitize_conf_t *conf = child;

    char                            *rv;
    ngx_uint_t                       i;
    ngx_http_kairo_sanitize_rule_t  *rule;

    rv = ngx_http_kairo_sanitize_merge_lists(cf, prev, conf);
    if (rv != NGX_CONF_OK) {
        return rv;
    }

    ngx_conf_merge_msec_value(conf->timeout, prev->timeout, 2000);
    ngx_conf_merge_size_value(conf->body, prev->body, 65536);
    ngx_conf_merge_uint_value(conf->log_level, prev->log_level, NGX_LOG_WARN);
    ngx_conf_merge_value(conf->dry_run, prev->dry_run, 0);

    if (!conf->cleared && prev->rules) {

        conf->rules = ngx_http_kairo_sanitize_joined(cf, prev->rules,
                                                     conf->rules);
        if (conf->rules == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    if (conf->rules == NULL) {
        return NGX_CONF_OK;
    }

    rule = conf->rules->elts;

    for (i = 0; i < conf->rules->nelts; i++) {
        conf->carriers |= 1u << rule[i].carrier;
    }

    if (ngx_http_kairo_sanitize_merge_resolver(cf, conf) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    conf->layer.mode = conf->dry_run ? NGX_HTTP_KAIRO_DRY_RUN
                                     : NGX_HTTP_KAIRO_ON;

    return NGX_CONF_OK;
}


/* The location's, of nginx, or the one of this machine. */

static ngx_int_t
ngx_http_kairo_sanitize_merge_resolver(ngx_conf_t *cf,
    ngx_http_kairo_sanitize_conf_t *conf)
{
    ngx_uint_t                            i;
    ngx_http_core_loc_conf_t             *clcf;
    ngx_http_kairo_sanitize_rule_t       *rule;
    ngx_http_kairo_sanitize_main_conf_t  *smcf;

    rule = conf->rules->elts;

    for (i = 0; i < conf->rules->nelts && !rule[i].resolve; i++) {
        /* void */
    }

    if (i == conf->rules->nelts) {
        return NGX_OK;
    }

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    if (clcf->resolver && clcf->resolver->connections.nelts) {
        conf->resolver = clcf->resolver;
        return NGX_OK;
    }

    smcf = ngx_http_conf_get_module_main_conf(cf,
                                              ngx_http_kairo_sanitize_module);

    if (smcf->resolver == NULL) {
        smcf->resolver = ngx_kairo_resolver(cf);
    }

    if (smcf->resolver == NULL) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "\"kairo_sanitize %V ... resolve\" has no resolver, and "
                      NGX_KAIRO_RESOLV_CONF " has no nameserver: write "
                      "\"resolver ADDRESS;\"", &rule[i].text);
        return NGX_ERROR;
    }

    conf->resolver = smcf->resolver;

    return NGX_OK;
}


static ngx_int_t
ngx_http_kairo_sanitize_init_process(ngx_cycle_t *cycle)
{
    ngx_uint_t                            i;
    ngx_kairo_hosts_t                   **list;
    ngx_http_kairo_sanitize_main_conf_t  *smcf;

    smcf = ngx_http_cycle_get_module_main_conf(cycle,
                                               ngx_http_kairo_sanitize_module);

    if (smcf == NULL
        || (ngx_process != NGX_PROCESS_WORKER
            && ngx_process != NGX_PROCESS_SINGLE))
    {
        return NGX_OK;
    }

    list = smcf->lists.elts;

    for (i = 0; i < smcf->lists.nelts; i++) {
        ngx_kairo_hosts_watch(list[i], cycle);
    }

    return NGX_OK;
}


static void
ngx_http_kairo_sanitize_forget(void *data)
{
    ngx_http_kairo_sanitize_state_t *state = data;

    ngx_kairo_own_free(&state->own);
}
