
/*
 * kairo_ratelimit_zone.  Its grammar is limit_req_zone's, with additions; each
 * error names the value and what would be right.
 */


#include "layers/ratelimit/ngx_http_kairo_ratelimit.h"


/* The parameters as written; empty where they were not. */

typedef struct {
    ngx_str_t   zone;
    ngx_str_t   rate;
    ngx_str_t   fallback;
    ngx_str_t   window;
} ngx_http_kairo_ratelimit_words_t;


static char *ngx_http_kairo_ratelimit_zone_words(ngx_conf_t *cf,
    ngx_http_kairo_ratelimit_words_t *words);
static char *ngx_http_kairo_ratelimit_zone_size(ngx_conf_t *cf,
    ngx_str_t *value, ngx_str_t *name, size_t *size);
static char *ngx_http_kairo_ratelimit_zone_window(ngx_conf_t *cf,
    ngx_http_kairo_ratelimit_zone_t *zone, ngx_str_t *value);
static char *ngx_http_kairo_ratelimit_zone_rate(ngx_conf_t *cf,
    ngx_http_kairo_ratelimit_zone_t *zone,
    ngx_http_kairo_ratelimit_words_t *words);
static char *ngx_http_kairo_ratelimit_zone_fixed(ngx_conf_t *cf,
    ngx_http_kairo_ratelimit_zone_t *zone, const char *parameter,
    ngx_str_t *value);
static void ngx_http_kairo_ratelimit_warn_key(ngx_conf_t *cf, ngx_str_t *key);


char *
ngx_http_kairo_ratelimit_zone(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_kairo_ratelimit_main_conf_t *rmcf = conf;

    size_t                             size;
    ngx_int_t                          rc;
    ngx_str_t                         *value, name;
    ngx_http_kairo_ratelimit_zone_t   *zone, **slot;
    ngx_http_kairo_ratelimit_words_t   words;

    value = cf->args->elts;

    zone = ngx_pcalloc(cf->pool, sizeof(ngx_http_kairo_ratelimit_zone_t));
    if (zone == NULL
        || ngx_http_kairo_ratelimit_compile(cf, &value[1], &zone->key)
           != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    if (ngx_http_kairo_ratelimit_zone_words(cf, &words) != NGX_CONF_OK
        || ngx_http_kairo_ratelimit_zone_size(cf, &words.zone, &name, &size)
           != NGX_CONF_OK
        || ngx_http_kairo_ratelimit_zone_window(cf, zone, &words.window)
           != NGX_CONF_OK
        || ngx_http_kairo_ratelimit_zone_rate(cf, zone, &words)
           != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    rc = ngx_kairo_zone_add(cf, &zone->store, &name, size,
                            &ngx_http_kairo_ratelimit_module);

    if (rc == NGX_DECLINED) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "%V \"%V\" is defined already, "
                           "give one of the two another name",
                           &cmd->name, &name);
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


/* Sorts the parameters; each may be given once, zone and rate must be. */

static char *
ngx_http_kairo_ratelimit_zone_words(ngx_conf_t *cf,
    ngx_http_kairo_ratelimit_words_t *words)
{
    ngx_str_t   *value, *word;
    ngx_uint_t   i;

    ngx_memzero(words, sizeof(ngx_http_kairo_ratelimit_words_t));

    value = cf->args->elts;

    for (i = 2; i < cf->args->nelts; i++) {

        if (ngx_http_kairo_ratelimit_is(&value[i], "zone=")) {
            word = &words->zone;

        } else if (ngx_http_kairo_ratelimit_is(&value[i], "rate=")) {
            word = &words->rate;

        } else if (ngx_http_kairo_ratelimit_is(&value[i], "default=")) {
            word = &words->fallback;

        } else if (ngx_http_kairo_ratelimit_is(&value[i], "window=")) {
            word = &words->window;

        } else {
            word = NULL;
        }

        if (word == NULL || word->data) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid parameter \"%V\", expected one each "
                               "of zone=NAME:SIZE, rate=RATE, and where "
                               "needed default=RATE and window=TIME",
                               &value[i]);
            return NGX_CONF_ERROR;
        }

        *word = value[i];
    }

    if (words->zone.data == NULL || words->rate.data == NULL) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"kairo_ratelimit_zone\" must have \"%s\" "
                           "parameter",
                           words->zone.data == NULL ? "zone" : "rate");
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
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
ngx_http_kairo_ratelimit_zone_window(ngx_conf_t *cf,
    ngx_http_kairo_ratelimit_zone_t *zone, ngx_str_t *value)
{
    kairo_span_t  s;

    if (value->data == NULL) {
        return NGX_CONF_OK;
    }

    s.p = value->data + sizeof("window=") - 1;
    s.n = value->len - (sizeof("window=") - 1);

    if (kairo_rate_period(s, &zone->store.window) != KAIRO_RATE_OK) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid window \"%V\", expected a time from 1ms "
                           "to 366d, as in window=1h", value);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_kairo_ratelimit_zone_rate(ngx_conf_t *cf,
    ngx_http_kairo_ratelimit_zone_t *zone,
    ngx_http_kairo_ratelimit_words_t *words)
{
    ngx_str_t  s;

    s.data = words->rate.data + sizeof("rate=") - 1;
    s.len = words->rate.len - (sizeof("rate=") - 1);

    if (ngx_http_script_variables_count(&s) == 0) {

        if (words->fallback.data) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "\"%V\" is of no use beside \"%V\", it is "
                               "for a rate with variables",
                               &words->fallback, &words->rate);
            return NGX_CONF_ERROR;
        }

        return ngx_http_kairo_ratelimit_zone_fixed(cf, zone, "rate=",
                                                   &words->rate);
    }

    zone->value = ngx_palloc(cf->pool, sizeof(ngx_http_complex_value_t));
    if (zone->value == NULL
        || ngx_http_kairo_ratelimit_compile(cf, &s, zone->value) != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    if (words->fallback.data == NULL) {
        return NGX_CONF_OK;
    }

    return ngx_http_kairo_ratelimit_zone_fixed(cf, zone, "default=",
                                               &words->fallback);
}


static char *
ngx_http_kairo_ratelimit_zone_fixed(ngx_conf_t *cf,
    ngx_http_kairo_ratelimit_zone_t *zone, const char *parameter,
    ngx_str_t *value)
{
    kairo_span_t     s;
    kairo_rate_rc_t  rc;

    s.p = value->data + ngx_strlen(parameter);
    s.n = value->len - ngx_strlen(parameter);

    rc = ngx_http_kairo_ratelimit_read_rate(zone, s, &zone->rate);

    if (rc != KAIRO_RATE_OK) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "invalid rate \"%V\", %s",
                           value, zone->store.window
                               ? "with a window it is a number of requests "
                                 "from 1 to 1048575"
                               : kairo_rate_error(rc));
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


static void
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
