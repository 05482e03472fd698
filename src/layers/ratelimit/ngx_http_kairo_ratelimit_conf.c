
/*
 * kairo_ratelimit.  Its grammar is limit_req's, with additions; each error
 * names the value and what would be right.
 */


#include "layers/ratelimit/ngx_http_kairo_ratelimit.h"


static char *ngx_http_kairo_ratelimit_parameter(ngx_conf_t *cf,
    ngx_str_t *value, ngx_http_kairo_ratelimit_limit_t *limit);
static char *ngx_http_kairo_ratelimit_number(ngx_conf_t *cf,
    ngx_str_t *value, size_t skip, ngx_http_kairo_ratelimit_number_t *number);
static char *ngx_http_kairo_ratelimit_default(ngx_conf_t *cf,
    ngx_str_t *value, ngx_http_kairo_ratelimit_limit_t *limit);
static char *ngx_http_kairo_ratelimit_flag(ngx_conf_t *cf, ngx_str_t *value,
    ngx_http_kairo_ratelimit_limit_t *limit);
static char *ngx_http_kairo_ratelimit_headers(ngx_conf_t *cf,
    ngx_str_t *value, ngx_http_kairo_ratelimit_limit_t *limit);
static char *ngx_http_kairo_ratelimit_push(ngx_conf_t *cf,
    ngx_http_kairo_ratelimit_conf_t *rlcf,
    ngx_http_kairo_ratelimit_limit_t *limit);
static ngx_int_t ngx_http_kairo_ratelimit_bind_limit(ngx_conf_t *cf,
    ngx_http_kairo_ratelimit_limit_t *limit);
static void ngx_http_kairo_ratelimit_bind_rows(
    ngx_http_kairo_ratelimit_conf_t *conf);
static ngx_uint_t ngx_http_kairo_ratelimit_of_identity(
    const ngx_http_complex_value_t *text);


char *
ngx_http_kairo_ratelimit(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_kairo_ratelimit_conf_t *rlcf = conf;

    char                              *rv;
    ngx_str_t                         *value, *fallback;
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

    limit->cost.number = 1;
    fallback = NULL;

    for (i = 1; i < cf->args->nelts; i++) {

        if (ngx_http_kairo_ratelimit_is(&value[i], "default=")) {
            fallback = &value[i];
            continue;
        }

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

    if (fallback) {
        rv = ngx_http_kairo_ratelimit_default(cf, fallback, limit);

        if (rv != NGX_CONF_OK) {
            return rv;
        }
    }

    limit->file = cf->conf_file->file.name.data;
    limit->line = cf->conf_file->line;

    return ngx_http_kairo_ratelimit_push(cf, rlcf, limit);
}


ngx_int_t
ngx_http_kairo_ratelimit_bind(ngx_conf_t *cf)
{
    ngx_uint_t                             i;
    ngx_http_kairo_ratelimit_conf_t      **conf;
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

    conf = rmcf->confs.elts;

    for (i = 0; i < rmcf->confs.nelts; i++) {
        ngx_http_kairo_ratelimit_bind_rows(conf[i]);
    }

    if (rmcf->zones.nelts == 0) {
        return NGX_OK;
    }

    return ngx_http_kairo_source_add(cf, ngx_http_kairo_ratelimit_collect,
                                     rmcf);
}


ngx_int_t
ngx_http_kairo_ratelimit_compile(ngx_conf_t *cf, ngx_str_t *text,
    ngx_http_complex_value_t *value)
{
    ngx_http_compile_complex_value_t  ccv;

    ngx_memzero(&ccv, sizeof(ngx_http_compile_complex_value_t));

    ccv.cf = cf;
    ccv.value = text;
    ccv.complex_value = value;

    return ngx_http_compile_complex_value(&ccv);
}


static char *
ngx_http_kairo_ratelimit_parameter(ngx_conf_t *cf, ngx_str_t *value,
    ngx_http_kairo_ratelimit_limit_t *limit)
{
    ngx_int_t  n;
    ngx_str_t  s;

    if (ngx_http_kairo_ratelimit_is(value, "zone=")) {

        s.data = value->data + 5;
        s.len = value->len - 5;

        limit->shm_zone = ngx_shared_memory_add(cf, &s, 0,
                                            &ngx_http_kairo_ratelimit_module);

        return limit->shm_zone ? NGX_CONF_OK : NGX_CONF_ERROR;
    }

    if (ngx_http_kairo_ratelimit_is(value, "burst=")) {
        return ngx_http_kairo_ratelimit_number(cf, value, 6, &limit->burst);
    }

    if (ngx_http_kairo_ratelimit_is(value, "cost=")) {
        return ngx_http_kairo_ratelimit_number(cf, value, 5, &limit->cost);
    }

    if (ngx_http_kairo_ratelimit_is(value, "delay=")) {

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

    if (ngx_http_kairo_ratelimit_is(value, "headers=")) {
        return ngx_http_kairo_ratelimit_headers(cf, value, limit);
    }

    return ngx_http_kairo_ratelimit_flag(cf, value, limit);
}


/*
 * burst= or cost=, a number or text with variables.  limit_req takes no
 * burst=0; a cost of 0 asks without charging.
 */

static char *
ngx_http_kairo_ratelimit_number(ngx_conf_t *cf, ngx_str_t *value, size_t skip,
    ngx_http_kairo_ratelimit_number_t *number)
{
    ngx_int_t  n;
    ngx_str_t  s;

    s.data = value->data + skip;
    s.len = value->len - skip;

    if (ngx_http_script_variables_count(&s)) {

        number->value = ngx_palloc(cf->pool, sizeof(ngx_http_complex_value_t));
        if (number->value == NULL
            || ngx_http_kairo_ratelimit_compile(cf, &s, number->value)
               != NGX_OK)
        {
            return NGX_CONF_ERROR;
        }

        return NGX_CONF_OK;
    }

    n = ngx_atoi(s.data, s.len);

    if (n == NGX_ERROR || (n == 0 && value->data[0] == 'b')) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid %s value \"%V\", expected a number %s, "
                           "or variables",
                           value->data[0] == 'b' ? "burst" : "cost", value,
                           value->data[0] == 'b' ? "of requests from 1"
                                                 : "from 0");
        return NGX_CONF_ERROR;
    }

    number->number = n;
    number->set = 1;

    return NGX_CONF_OK;
}


/* The number that stands in for the one that is variable. */

static char *
ngx_http_kairo_ratelimit_default(ngx_conf_t *cf, ngx_str_t *value,
    ngx_http_kairo_ratelimit_limit_t *limit)
{
    ngx_int_t                           n;
    ngx_http_kairo_ratelimit_number_t  *number;

    if (!limit->burst.value == !limit->cost.value) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" is for a limit where either burst= or "
                           "cost= has variables; for both, give the variables "
                           "defaults in a map", value);
        return NGX_CONF_ERROR;
    }

    number = limit->burst.value ? &limit->burst : &limit->cost;

    n = ngx_atoi(value->data + 8, value->len - 8);

    if (n == NGX_ERROR) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid default value \"%V\", expected a number "
                           "from 0", value);
        return NGX_CONF_ERROR;
    }

    number->number = n;
    number->set = 1;

    return NGX_CONF_OK;
}


static char *
ngx_http_kairo_ratelimit_flag(ngx_conf_t *cf, ngx_str_t *value,
    ngx_http_kairo_ratelimit_limit_t *limit)
{
    if (ngx_strcmp(value->data, "nodelay") == 0) {
        limit->nodelay = 1;
        return NGX_CONF_OK;
    }

    if (ngx_strcmp(value->data, "per=location") == 0) {
        limit->per_location = 1;
        return NGX_CONF_OK;
    }

    if (ngx_strcmp(value->data, "after=auth") == 0) {
        limit->after_auth = 1;
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
                       " delay=N, nodelay, cost=N, default=N, per=location, "
                       "after=auth, headers=draft|legacy|off[,all], "
                       "on_error=refuse|pass, or \"off\" alone", value);
    return NGX_CONF_ERROR;
}


static char *
ngx_http_kairo_ratelimit_headers(ngx_conf_t *cf, ngx_str_t *value,
    ngx_http_kairo_ratelimit_limit_t *limit)
{
    ngx_str_t  s;

    s.data = value->data + 8;
    s.len = value->len - 8;

    if (s.len > 4 && ngx_strncmp(s.data + s.len - 4, ",all", 4) == 0) {
        limit->headers_all = 1;
        s.len -= 4;
    }

    if (s.len == 5 && ngx_strncmp(s.data, "draft", 5) == 0) {
        limit->headers = NGX_HTTP_KAIRO_RATELIMIT_DRAFT;

    } else if (s.len == 6 && ngx_strncmp(s.data, "legacy", 6) == 0) {
        limit->headers = NGX_HTTP_KAIRO_RATELIMIT_LEGACY;

    } else if (s.len == 3 && ngx_strncmp(s.data, "off", 3) == 0
               && !limit->headers_all)
    {
        limit->headers = NGX_HTTP_KAIRO_RATELIMIT_NONE;

    } else {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid headers value \"%V\", expected "
                           "headers=draft, legacy or off; draft,all or "
                           "legacy,all for responses that pass too", value);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
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
    ngx_http_kairo_ratelimit_zone_t  *zone;

    zone = limit->shm_zone->data;

    if (zone == NULL) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "unknown zone \"%V\" of kairo_ratelimit, define it "
                      "by kairo_ratelimit_zone in %s:%ui",
                      &limit->shm_zone->shm.name, limit->file, limit->line);
        return NGX_ERROR;
    }

    if (zone->store.window
        && (limit->burst.value || limit->burst.set || limit->nodelay
            || limit->delay))
    {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "burst, delay and nodelay of kairo_ratelimit are not "
                      "for zone \"%V\", which has a window, in %s:%ui",
                      &limit->shm_zone->shm.name, limit->file, limit->line);
        return NGX_ERROR;
    }

    limit->after_auth |= ngx_http_kairo_ratelimit_of_identity(&zone->key)
                  || ngx_http_kairo_ratelimit_of_identity(zone->value)
                  || ngx_http_kairo_ratelimit_of_identity(limit->burst.value)
                  || ngx_http_kairo_ratelimit_of_identity(limit->cost.value);

    if (zone->value || limit->burst.value || limit->cost.value) {
        return NGX_OK;
    }

    limit->fixed = 1;

    if (ngx_http_kairo_ratelimit_make_law(zone, &zone->rate,
                                          limit->burst.number,
                                          limit->cost.number, &limit->law)
        != NGX_OK)
    {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "burst=%uL of kairo_ratelimit is more than 146 years "
                      "of the rate of zone \"%V\" in %s:%ui",
                      limit->burst.number, &limit->shm_zone->shm.name,
                      limit->file, limit->line);
        return NGX_ERROR;
    }

    return NGX_OK;
}


/* Turns the rows on that the location's limits belong to. */

static void
ngx_http_kairo_ratelimit_bind_rows(ngx_http_kairo_ratelimit_conf_t *conf)
{
    ngx_uint_t                          i;
    ngx_http_kairo_mode_e               mode;
    ngx_http_kairo_ratelimit_limit_t  **limit;

    mode = conf->dry_run ? NGX_HTTP_KAIRO_DRY_RUN : NGX_HTTP_KAIRO_ON;
    limit = conf->limits->elts;

    for (i = 0; i < conf->limits->nelts; i++) {

        if (limit[i]->after_auth) {
            conf->after_auth = mode;

        } else {
            conf->layer.mode = mode;
        }
    }
}


/*
 * Whether a variable of it is empty until auth has been judged.  One that
 * comes by way of a map is not seen: "after=auth" is for those.
 */

static ngx_uint_t
ngx_http_kairo_ratelimit_of_identity(const ngx_http_complex_value_t *text)
{
    size_t       len;
    u_char      *p, *last;
    ngx_uint_t   i;

    static const char  *names[] = {
        "kairo_issuer", "kairo_subject", "kairo_user", "kairo_email",
        "kairo_roles", "kairo_tier", "kairo_claim_"
    };

    if (text == NULL) {
        return 0;
    }

    p = text->value.data;
    last = p + text->value.len;

    while (p < last) {

        if (*p++ != '$') {
            continue;
        }

        if (p < last && *p == '{') {
            p++;
        }

        for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {

            len = ngx_strlen(names[i]);

            if ((size_t) (last - p) >= len
                && ngx_strncasecmp(p, (u_char *) names[i], len) == 0)
            {
                return 1;
            }
        }
    }

    return 0;
}
