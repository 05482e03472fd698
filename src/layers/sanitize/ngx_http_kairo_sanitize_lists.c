
/*
 * What the operator knows of hosts: lists of names and networks, and how IPv6
 * addresses are made of those of IPv4 in his network.
 */


#include "layers/sanitize/ngx_http_kairo_sanitize.h"


static ngx_kairo_hosts_t *ngx_http_kairo_sanitize_list(ngx_conf_t *cf,
    const ngx_str_t *file);


char *
ngx_http_kairo_sanitize_blocklist(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_http_kairo_sanitize_conf_t *scf = conf;

    ngx_str_t           *value;
    ngx_kairo_hosts_t  **list;

    value = cf->args->elts;

    if (ngx_strcmp(value[1].data, "off") == 0) {

        if (scf->deny || scf->denied) {
            return "\"off\" comes first, and once: it takes away the lists of "
                   "the levels above";
        }

        scf->denied = 1;

        return NGX_CONF_OK;
    }

    if (scf->deny == NULL) {
        scf->deny = ngx_array_create(cf->pool, 2, sizeof(ngx_kairo_hosts_t *));
        if (scf->deny == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    list = ngx_array_push(scf->deny);
    if (list == NULL) {
        return NGX_CONF_ERROR;
    }

    *list = ngx_http_kairo_sanitize_list(cf, &value[1]);

    return *list ? NGX_CONF_OK : NGX_CONF_ERROR;
}


char *
ngx_http_kairo_sanitize_allowlist(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_http_kairo_sanitize_conf_t *scf = conf;

    ngx_str_t  *value;

    if (scf->allow != NGX_CONF_UNSET_PTR) {
        return "is duplicate";
    }

    value = cf->args->elts;
    scf->exceptions = 0;

    if (ngx_strcmp(value[1].data, "off") == 0 && cf->args->nelts == 2) {
        scf->allow = NULL;
        return NGX_CONF_OK;
    }

    if (cf->args->nelts == 3) {

        if (ngx_strcmp(value[2].data, "exceptions") != 0
            || ngx_strcmp(value[1].data, "off") == 0)
        {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid parameter \"%V\", expected a file, "
                               "perhaps with \"exceptions\", or \"off\" "
                               "alone", &value[2]);
            return NGX_CONF_ERROR;
        }

        scf->exceptions = 1;
    }

    scf->allow = ngx_http_kairo_sanitize_list(cf, &value[1]);

    return scf->allow ? NGX_CONF_OK : NGX_CONF_ERROR;
}


char *
ngx_http_kairo_sanitize_nat64(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_kairo_sanitize_conf_t *scf = conf;

    ngx_str_t      *value;
    ngx_uint_t      i;
    kairo_span_t    text;
    kairo_nat64_t  *nat64;

    if (scf->nat64 != NGX_CONF_UNSET_PTR) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (cf->args->nelts == 2 && ngx_strcmp(value[1].data, "off") == 0) {
        scf->nat64 = NULL;
        return NGX_CONF_OK;
    }

    scf->nat64 = ngx_array_create(cf->pool, 2, sizeof(kairo_nat64_t));
    if (scf->nat64 == NULL) {
        return NGX_CONF_ERROR;
    }

    for (i = 1; i < cf->args->nelts; i++) {

        nat64 = ngx_array_push(scf->nat64);
        if (nat64 == NULL) {
            return NGX_CONF_ERROR;
        }

        text.p = value[i].data;
        text.n = value[i].len;

        if (kairo_nat64(text, nat64) != 0) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid prefix \"%V\", expected one of IPv6 "
                               "with a length of 32, 40, 48, 56, 64 or 96, as "
                               "64:ff9b::/96, and zeros behind it", &value[i]);
            return NGX_CONF_ERROR;
        }
    }

    return NGX_CONF_OK;
}


char *
ngx_http_kairo_sanitize_merge_lists(ngx_conf_t *cf,
    const ngx_http_kairo_sanitize_conf_t *prev,
    ngx_http_kairo_sanitize_conf_t *conf)
{
    if (!conf->denied && prev->deny) {

        conf->deny = ngx_http_kairo_sanitize_joined(cf, prev->deny,
                                                    conf->deny);
        if (conf->deny == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    if (conf->deny && conf->deny->nelts > NGX_HTTP_KAIRO_SANITIZE_LISTS) {
        return "has more than 16 block lists in one location; files can be "
               "joined";
    }

    ngx_conf_merge_ptr_value(conf->allow, prev->allow, NULL);
    ngx_conf_merge_value(conf->exceptions, prev->exceptions, 0);
    ngx_conf_merge_ptr_value(conf->nat64, prev->nat64, NULL);

    return NGX_CONF_OK;
}


ngx_array_t *
ngx_http_kairo_sanitize_joined(ngx_conf_t *cf, ngx_array_t *above,
    ngx_array_t *own)
{
    ngx_array_t  *joined;

    if (own == NULL) {
        return above;
    }

    joined = ngx_array_create(cf->pool, above->nelts + own->nelts,
                              above->size);
    if (joined == NULL) {
        return NULL;
    }

    ngx_memcpy(ngx_array_push_n(joined, above->nelts), above->elts,
               above->nelts * above->size);
    ngx_memcpy(ngx_array_push_n(joined, own->nelts), own->elts,
               own->nelts * own->size);

    return joined;
}


ngx_int_t
ngx_http_kairo_sanitize_lists(ngx_http_kairo_sanitize_t *s)
{
    ngx_uint_t           i;
    ngx_kairo_hosts_t  **list;

    if (ngx_kairo_own(&s->state->own) != NGX_OK) {
        return NGX_ERROR;
    }

    s->lists.own = s->state->own.ranges;
    s->lists.nown = s->state->own.n;

    s->lists.deny = s->deny;
    s->lists.ndeny = s->conf->deny ? s->conf->deny->nelts : 0;

    for (i = 0; i < s->lists.ndeny; i++) {
        list = s->conf->deny->elts;
        s->deny[i] = list[i]->list;
    }

    s->lists.allow = s->conf->allow ? s->conf->allow->list : NULL;
    s->lists.exceptions = (s->conf->exceptions != 0);

    if (s->conf->nat64) {
        s->lists.nat64 = s->conf->nat64->elts;
        s->lists.nnat64 = s->conf->nat64->nelts;
    }

    return NGX_OK;
}


/* One for each file, however many places name it. */

static ngx_kairo_hosts_t *
ngx_http_kairo_sanitize_list(ngx_conf_t *cf, const ngx_str_t *file)
{
    ngx_str_t                             path;
    ngx_uint_t                            i;
    ngx_kairo_hosts_t                   **list, *hosts;
    ngx_http_kairo_sanitize_main_conf_t  *smcf;

    path = *file;

    if (ngx_conf_full_name(cf->cycle, &path, 1) != NGX_OK) {
        return NULL;
    }

    smcf = ngx_http_conf_get_module_main_conf(cf,
                                              ngx_http_kairo_sanitize_module);
    list = smcf->lists.elts;

    for (i = 0; i < smcf->lists.nelts; i++) {
        if (list[i]->path.len == path.len
            && ngx_strncmp(list[i]->path.data, path.data, path.len) == 0)
        {
            return list[i];
        }
    }

    if (smcf->pool == NULL) {
        smcf->pool = ngx_kairo_thread(cf, "kairo:lists");
        if (smcf->pool == NULL) {
            return NULL;
        }
    }

    hosts = ngx_pcalloc(cf->pool, sizeof(ngx_kairo_hosts_t));
    list = ngx_array_push(&smcf->lists);

    if (hosts == NULL || list == NULL) {
        return NULL;
    }

    hosts->path = path;
    hosts->pool = smcf->pool;
    *list = hosts;

    return ngx_kairo_hosts_add(cf, hosts) == NGX_OK ? hosts : NULL;
}
