
/*
 * kairo_ratelimit_zone and kairo_ratelimit: their grammar is limit_req's,
 * with additions.  Each error names the value and what would be right.
 */


#include "layers/ratelimit/ngx_http_kairo_ratelimit.h"


static char *ngx_http_kairo_ratelimit_zone_size(ngx_conf_t *cf,
    ngx_str_t *value, ngx_str_t *name, size_t *size);
static char *ngx_http_kairo_ratelimit_zone_rate(ngx_conf_t *cf,
    ngx_str_t *value, kairo_rate_t *rate);
static char *ngx_http_kairo_ratelimit_parameter(ngx_conf_t *cf,
    ngx_str_t *value, ngx_http_kairo_ratelimit_limit_t *limit);
static char *ngx_http_kairo_ratelimit_push(ngx_conf_t *cf,
    ngx_http_kairo_ratelimit_conf_t *rlcf,
    ngx_http_kairo_ratelimit_limit_t *limit);
static ngx_int_t ngx_http_kairo_ratelimit_bind_limit(ngx_conf_t *cf,
    ngx_http_kairo_ratelimit_limit_t *limit);


/* whether the value begins with a literal; its length is then cut off */

#define ngx_http_kairo_is(value, name)                                        \
    ((value)->len >= sizeof(name) - 1                                         \
     && ngx_strncmp((value)->data, name, sizeof(name) - 1) == 0)


char *
ngx_http_kairo_ratelimit_zone(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_kairo_ratelimit_main_conf_t *rmcf = conf;

    char                              *rv;
    size_t                             size;
    ngx_int_t                          rc;
    ngx_str_t                         *value, name;
    ngx_uint_t                         i;
    ngx_http_kairo_ratelimit_zone_t   *zone, **slot;
    ngx_http_compile_complex_value_t   ccv;

    value = cf->args->elts;

    zone = ngx_pcalloc(cf->pool, sizeof(ngx_http_kairo_ratelimit_zone_t));
    if (zone == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_memzero(&ccv, sizeof(ngx_http_compile_complex_value_t));

    ccv.cf = cf;
    ccv.value = &value[1];
    ccv.complex_value = &zone->key;

    if (ngx_http_compile_complex_value(&ccv) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    size = 0;
    ngx_str_null(&name);

    for (i = 2; i < cf->args->nelts; i++) {

        if (ngx_http_kairo_is(&value[i], "zone=") && name.len == 0) {
            rv = ngx_http_kairo_ratelimit_zone_size(cf, &value[i], &name,
                                                    &size);

        } else if (ngx_http_kairo_is(&value[i], "rate=")
                   && zone->rate.count == 0)
        {
            rv = ngx_http_kairo_ratelimit_zone_rate(cf, &value[i],
                                                    &zone->rate);

        } else {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid parameter \"%V\", expected one each "
                               "of zone=NAME:SIZE and rate=RATE", &value[i]);
            return NGX_CONF_ERROR;
        }

        if (rv != NGX_CONF_OK) {
            return rv;
        }
    }

    rc = ngx_kairo_zone_add(cf, &zone->store, &name, size,
                            &ngx_http_kairo_ratelimit_module);

    if (rc == NGX_DECLINED) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "%V \"%V\" is defined already, "
                           "give one of the two another name",
                           &cmd->name, &name);
        return NGX_CONF_ERROR;
    }

    if (rc != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    slot = ngx_array_push(&rmcf->zones);
    if (slot == NULL) {
        return NGX_CONF_ERROR;
    }

    *slot = zone;

    ngx_http_kairo_ratelimit_warn_key(cf, &value[1]);

    return NGX_CONF_OK;
}


char *
ngx_http_kairo_ratelimit(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_kairo_ratelimit_conf_t *rlcf = conf;

    char                              *rv;
    ngx_str_t                         *value;
    ngx_uint_t                         i;
    ngx_http_kairo_ratelimit_limit_t  *limit;

    value = cf->args->elts;

    if (cf->args->nelts == 2 && ngx_strcmp(value[1].data, "off") == 0) {

        if (rlcf->limits) {
            return "\"off\" excludes other limits of the same level";
        }

        rlcf->limits = ngx_array_create(cf->pool, 1, sizeof(void *));

        return rlcf->limits ? NGX_CONF_OK : NGX_CONF_ERROR;
    }

    limit = ngx_pcalloc(cf->pool, sizeof(ngx_http_kairo_ratelimit_limit_t));
    if (limit == NULL) {
        return NGX_CONF_ERROR;
    }

    for (i = 1; i < cf->args->nelts; i++) {

        rv = ngx_http_kairo_ratelimit_parameter(cf, &value[i], limit);

        if (rv != NGX_CONF_OK) {
            return rv;
        }
    }

    if (limit->shm_zone == NULL) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" must have \"zone\" parameter",
                           &cmd->name);
        return NGX_CONF_ERROR;
    }

    if (limit->nodelay && limit->delay) {
        return "has both \"nodelay\" and \"delay\", write one of them";
    }

    limit->file = cf->conf_file->file.name.data;
    limit->line = cf->conf_file->line;

    return ngx_http_kairo_ratelimit_push(cf, rlcf, limit);
}


ngx_int_t
ngx_http_kairo_ratelimit_bind(ngx_conf_t *cf)
{
    ngx_uint_t                             i;
    ngx_http_kairo_ratelimit_limit_t     **limit;
    ngx_http_kairo_ratelimit_main_conf_t  *rmcf;

    rmcf = ngx_http_conf_get_module_main_conf(cf,
                                              ngx_http_kairo_ratelimit_module);

    limit = rmcf->limits.elts;

    for (i = 0; i < rmcf->limits.nelts; i++) {
        if (ngx_http_kairo_ratelimit_bind_limit(cf, limit[i]) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    if (rmcf->zones.nelts == 0) {
        return NGX_OK;
    }

    return ngx_http_kairo_source_add(cf, ngx_http_kairo_ratelimit_collect,
                                     rmcf);
}


void
ngx_http_kairo_ratelimit_warn_key(ngx_conf_t *cf, ngx_str_t *key)
{
    static const char  *names[] = {
        "http_x_forwarded_for", "proxy_add_x_forwarded_for",
        "http_forwarded", "http_x_real_ip", "http_x_client_ip",
        "http_client_ip", "http_x_cluster_client_ip", "http_true_client_ip",
        "http_cf_connecting_ip", "http_fastly_client_ip", NULL
    };

    size_t        len;
    u_char       *p, *last;
    const char  **name;

    last = key->data + key->len;

    for (name = names; *name; name++) {

        len = ngx_strlen(*name);

        for (p = key->data; p + len < last; p++) {

            if (*p != '$') {
                continue;
            }

            p += (p[1] == '{');

            if (p + 1 + len > last
                || ngx_strncasecmp(p + 1, (u_char *) *name, len) != 0)
            {
                continue;
            }

            if (p + 1 + len < last
                && (p[1 + len] == '_' || isalnum(p[1 + len])))
            {
                continue;
            }

            ngx_conf_log_error(NGX_LOG_WARN, cf, 0,
                "the key \"%V\" is what any client can write into a header, "
                "and evades the limit: use $kairo_client, and name the "
                "proxies in front by set_real_ip_from and real_ip_header",
                key);
            return;
        }
    }
}


static char *
ngx_http_kairo_ratelimit_zone_size(ngx_conf_t *cf, ngx_str_t *value,
    ngx_str_t *name, size_t *size)
{
    u_char     *p;
    ssize_t     n;
    ngx_str_t   s;

    name->data = value->data + sizeof("zone=") - 1;

    p = (u_char *) ngx_strchr(name->data, ':');

    if (p == NULL || p == name->data) {
        goto invalid;
    }

    name->len = p - name->data;

    s.data = p + 1;
    s.len = value->data + value->len - s.data;

    n = ngx_parse_size(&s);

    if (n == NGX_ERROR) {
        goto invalid;
    }

    if (n < (ssize_t) NGX_KAIRO_ZONE_MIN) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "zone \"%V\" is too small, %uzk is the least",
                           value, (size_t) NGX_KAIRO_ZONE_MIN / 1024);
        return NGX_CONF_ERROR;
    }

    *size = (size_t) n;

    return NGX_CONF_OK;

invalid:

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "invalid zone size \"%V\", "
                       "expected zone=NAME:SIZE as in zone=perip:16m", value);
    return NGX_CONF_ERROR;
}


static char *
ngx_http_kairo_ratelimit_zone_rate(ngx_conf_t *cf, ngx_str_t *value,
    kairo_rate_t *rate)
{
    kairo_span_t     s;
    kairo_rate_rc_t  rc;

    s.p = value->data + sizeof("rate=") - 1;
    s.n = value->len - (sizeof("rate=") - 1);

    rc = kairo_rate_parse(s, rate);

    if (rc != KAIRO_RATE_OK) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "invalid rate \"%V\", %s",
                           value, kairo_rate_error(rc));
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_kairo_ratelimit_parameter(ngx_conf_t *cf, ngx_str_t *value,
    ngx_http_kairo_ratelimit_limit_t *limit)
{
    ngx_int_t  n;
    ngx_str_t  s;

    if (ngx_http_kairo_is(value, "zone=")) {

        s.data = value->data + 5;
        s.len = value->len - 5;

        limit->shm_zone = ngx_shared_memory_add(cf, &s, 0,
                                            &ngx_http_kairo_ratelimit_module);

        return limit->shm_zone ? NGX_CONF_OK : NGX_CONF_ERROR;
    }

    if (ngx_http_kairo_is(value, "burst=")) {

        n = ngx_atoi(value->data + 6, value->len - 6);

        if (n <= 0) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid burst value \"%V\", "
                               "expected a number of requests from 1", value);
            return NGX_CONF_ERROR;
        }

        limit->burst = n;
        return NGX_CONF_OK;
    }

    if (ngx_http_kairo_is(value, "delay=")) {

        n = ngx_atoi(value->data + 6, value->len - 6);

        if (n <= 0) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid delay value \"%V\", "
                               "expected a number of requests from 1", value);
            return NGX_CONF_ERROR;
        }

        limit->delay = n;
        return NGX_CONF_OK;
    }

    if (ngx_strcmp(value->data, "nodelay") == 0) {
        limit->nodelay = 1;
        return NGX_CONF_OK;
    }

    if (ngx_strcmp(value->data, "on_error=refuse") == 0) {
        limit->on_error = NGX_HTTP_KAIRO_REFUSE;
        return NGX_CONF_OK;
    }

    if (ngx_strcmp(value->data, "on_error=pass") == 0) {
        limit->on_error = NGX_HTTP_KAIRO_PASS;
        return NGX_CONF_OK;
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "invalid parameter \"%V\", expected zone=NAME, burst=N,"
                       " delay=N, nodelay, on_error=refuse|pass, or \"off\" "
                       "alone", value);
    return NGX_CONF_ERROR;
}


static char *
ngx_http_kairo_ratelimit_push(ngx_conf_t *cf,
    ngx_http_kairo_ratelimit_conf_t *rlcf,
    ngx_http_kairo_ratelimit_limit_t *limit)
{
    ngx_uint_t                              i;
    ngx_http_kairo_ratelimit_limit_t      **limits;
    ngx_http_kairo_ratelimit_main_conf_t   *rmcf;

    if (rlcf->limits == NULL) {
        rlcf->limits = ngx_array_create(cf->pool, 2, sizeof(void *));
        if (rlcf->limits == NULL) {
            return NGX_CONF_ERROR;
        }

    } else if (rlcf->limits->nelts == 0) {
        return "\"off\" excludes other limits of the same level";
    }

    limits = rlcf->limits->elts;

    for (i = 0; i < rlcf->limits->nelts; i++) {
        if (limits[i]->shm_zone == limit->shm_zone) {
            return "is duplicate";
        }
    }

    if (i == NGX_HTTP_KAIRO_RATELIMIT_MAX) {
        return "is too many, a location can have 16 limits";
    }

    limits = ngx_array_push(rlcf->limits);
    if (limits == NULL) {
        return NGX_CONF_ERROR;
    }

    *limits = limit;

    rmcf = ngx_http_conf_get_module_main_conf(cf,
                                              ngx_http_kairo_ratelimit_module);

    limits = ngx_array_push(&rmcf->limits);
    if (limits == NULL) {
        return NGX_CONF_ERROR;
    }

    *limits = limit;

    ngx_http_kairo_use(cf);

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_http_kairo_ratelimit_bind_limit(ngx_conf_t *cf,
    ngx_http_kairo_ratelimit_limit_t *limit)
{
    uint64_t                          interval;
    ngx_http_kairo_ratelimit_zone_t  *zone;

    zone = limit->shm_zone->data;

    if (zone == NULL) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "unknown zone \"%V\" of kairo_ratelimit, define it "
                      "by kairo_ratelimit_zone in %s:%ui",
                      &limit->shm_zone->shm.name, limit->file, limit->line);
        return NGX_ERROR;
    }

    interval = zone->rate.interval;

    limit->gcra.interval = interval;
    limit->gcra.charge = interval;
    limit->gcra.capacity = kairo_gcra_capacity(interval, limit->burst);

    if (limit->gcra.capacity == 0) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "burst=%ui of kairo_ratelimit is more than 146 years "
                      "of the rate of zone \"%V\" in %s:%ui",
                      limit->burst, &limit->shm_zone->shm.name,
                      limit->file, limit->line);
        return NGX_ERROR;
    }

    /* a delay above the burst, as limit_req takes it, delays nothing */

    limit->undelayed = (limit->nodelay || limit->delay > limit->burst)
                       ? limit->gcra.capacity
                       : kairo_gcra_capacity(interval, limit->delay);

    return NGX_OK;
}
