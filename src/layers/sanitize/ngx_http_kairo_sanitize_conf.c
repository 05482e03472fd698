
/*
 * kairo_sanitize CARRIER:NAME type=TYPE [required] [max=LENGTH] [ports=LIST]
 *                [duplicates=allow]
 */


#include "layers/sanitize/ngx_http_kairo_sanitize.h"


typedef ngx_int_t (*ngx_http_kairo_sanitize_add_pt)(
    ngx_http_kairo_sanitize_rule_t *rule, u_char *p, size_t n);


static char *ngx_http_kairo_sanitize_carrier(ngx_conf_t *cf,
    ngx_http_kairo_sanitize_rule_t *rule, ngx_str_t *value);
static char *ngx_http_kairo_sanitize_name(ngx_conf_t *cf,
    ngx_http_kairo_sanitize_rule_t *rule, u_char *p, size_t n);
static ngx_uint_t ngx_http_kairo_sanitize_never(
    const ngx_http_kairo_sanitize_rule_t *rule);
static char *ngx_http_kairo_sanitize_parameter(ngx_conf_t *cf,
    ngx_http_kairo_sanitize_rule_t *rule, ngx_str_t *value,
    ngx_uint_t *typed);
static ngx_int_t ngx_http_kairo_sanitize_type(
    ngx_http_kairo_sanitize_rule_t *rule, const ngx_str_t *value);
static ngx_int_t ngx_http_kairo_sanitize_each(
    ngx_http_kairo_sanitize_rule_t *rule, const ngx_str_t *value,
    ngx_http_kairo_sanitize_add_pt add);
static ngx_int_t ngx_http_kairo_sanitize_add_port(
    ngx_http_kairo_sanitize_rule_t *rule, u_char *p, size_t n);
static ngx_int_t ngx_http_kairo_sanitize_add_scheme(
    ngx_http_kairo_sanitize_rule_t *rule, u_char *p, size_t n);


/* in the order of ngx_http_kairo_carrier_e */

static const ngx_str_t
ngx_http_kairo_sanitize_carriers[NGX_HTTP_KAIRO_SANITIZE_CARRIERS] = {
    ngx_string("arg:"),
    ngx_string("header:"),
    ngx_string("cookie:"),
    ngx_string("capture:"),
    ngx_string("form:"),
    ngx_string("multipart:"),
    ngx_string("json:")
};


char *
ngx_http_kairo_sanitize(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_kairo_sanitize_conf_t *scf = conf;

    char                            *rv;
    ngx_str_t                       *value;
    ngx_uint_t                       i, typed;
    ngx_http_kairo_sanitize_rule_t  *rule;

    value = cf->args->elts;

    if (cf->args->nelts == 2 && ngx_strcmp(value[1].data, "off") == 0) {

        if (scf->rules || scf->cleared) {
            return "\"off\" comes first, and once: it takes away what the "
                   "levels above sanitize";
        }

        scf->cleared = 1;

        return NGX_CONF_OK;
    }

    if (scf->rules == NULL) {
        scf->rules = ngx_array_create(cf->pool, 4,
                                      sizeof(ngx_http_kairo_sanitize_rule_t));
        if (scf->rules == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    rule = ngx_array_push(scf->rules);
    if (rule == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_memzero(rule, sizeof(ngx_http_kairo_sanitize_rule_t));

    rule->policy = kairo_target_default;
    rule->text = value[1];
    typed = 0;

    rv = ngx_http_kairo_sanitize_carrier(cf, rule, &value[1]);

    for (i = 2; rv == NGX_CONF_OK && i < cf->args->nelts; i++) {
        rv = ngx_http_kairo_sanitize_parameter(cf, rule, &value[i], &typed);
    }

    if (rv != NGX_CONF_OK) {
        return rv;
    }

    if (!typed) {
        return "has no type=, write type=url, host, hostport, ip or auto";
    }

    ngx_http_kairo_use(cf);

    return NGX_CONF_OK;
}


static char *
ngx_http_kairo_sanitize_carrier(ngx_conf_t *cf,
    ngx_http_kairo_sanitize_rule_t *rule, ngx_str_t *value)
{
    ngx_uint_t        i;
    const ngx_str_t  *carrier;

    for (i = 0; i < NGX_HTTP_KAIRO_SANITIZE_CARRIERS; i++) {

        carrier = &ngx_http_kairo_sanitize_carriers[i];

        if (value->len > carrier->len
            && ngx_strncmp(value->data, carrier->data, carrier->len) == 0)
        {
            rule->carrier = i;

            return ngx_http_kairo_sanitize_name(cf, rule,
                                                value->data + carrier->len,
                                                value->len - carrier->len);
        }
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "invalid place \"%V\", expected arg:NAME, form:NAME, "
                       "json:$.PATH, json:NAME, multipart:NAME, header:NAME, "
                       "cookie:NAME or capture:NAME", value);
    return NGX_CONF_ERROR;
}


/* A copy: the text of the directive is shown as it was written. */

static char *
ngx_http_kairo_sanitize_name(ngx_conf_t *cf,
    ngx_http_kairo_sanitize_rule_t *rule, u_char *p, size_t n)
{
    u_char     *name;
    ngx_str_t   variable;

    name = ngx_pcalloc(cf->pool, n + 1);
    if (name == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_strlow(name, p, n);

    rule->name.p = name;
    rule->name.n = n;

    if (ngx_http_kairo_sanitize_never(rule)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid name \"%*s\", expected one that is "
                           "decoded, NAME for NAME[] and NAME[0] too", n, p);
        return NGX_CONF_ERROR;
    }

    if (rule->carrier == NGX_HTTP_KAIRO_SANITIZE_JSON
        && kairo_json_path(&rule->path, name, n) != 0)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid path \"%*s\", expected names as in "
                           "$.target.url or $.list[*].url, or one name that "
                           "is looked for everywhere", n, p);
        return NGX_CONF_ERROR;
    }

    if (rule->carrier == NGX_HTTP_KAIRO_SANITIZE_CAPTURE) {

        variable.data = name;
        variable.len = n;

        rule->variable = ngx_http_get_variable_index(cf, &variable);

        if (rule->variable == NGX_ERROR) {
            return NGX_CONF_ERROR;
        }
    }

    return NGX_CONF_OK;
}


/*
 * Whether it would not be found, or not wherever a tool finds it: names are
 * compared when they are decoded, and "url[]" is "url".
 */

static ngx_uint_t
ngx_http_kairo_sanitize_never(const ngx_http_kairo_sanitize_rule_t *rule)
{
    size_t         n;
    kairo_span_t   name;

    /* what is in no name, in the order of ngx_http_kairo_carrier_e */

    static const char *const  odd[NGX_HTTP_KAIRO_SANITIZE_CARRIERS] = {
        "%", "%=;:,[] ", "%=;, ", "", "%", "", ""
    };

    name = rule->name;

    if (strcspn((const char *) name.p, odd[rule->carrier]) < name.n) {
        return 1;
    }

    if (rule->carrier == NGX_HTTP_KAIRO_SANITIZE_JSON
        || name.p[name.n - 1] != ']')
    {
        return 0;
    }

    n = name.n - 1;

    while (n && kairo_is_digit(name.p[n - 1])) {
        n--;
    }

    return n > 1 && name.p[n - 1] == '[';
}


static char *
ngx_http_kairo_sanitize_parameter(ngx_conf_t *cf,
    ngx_http_kairo_sanitize_rule_t *rule, ngx_str_t *value, ngx_uint_t *typed)
{
    ngx_int_t  max;

    if (ngx_strcmp(value->data, "required") == 0) {
        rule->required = 1;
        return NGX_CONF_OK;
    }

    if (ngx_strcmp(value->data, "resolve") == 0) {
        rule->resolve = 1;
        return NGX_CONF_OK;
    }

    if (ngx_strcmp(value->data, "duplicates=allow") == 0) {
        rule->many = 1;
        return NGX_CONF_OK;
    }

    if (ngx_strncmp(value->data, "type=", 5) == 0 && !*typed) {

        *typed = 1;

        if (ngx_http_kairo_sanitize_type(rule, value) == NGX_OK) {
            return NGX_CONF_OK;
        }
    }

    if (ngx_strncmp(value->data, "ports=", 6) == 0) {

        rule->policy.nports = 0;

        if (ngx_http_kairo_sanitize_each(rule, value,
                                         ngx_http_kairo_sanitize_add_port)
            == NGX_OK)
        {
            return NGX_CONF_OK;
        }
    }

    if (ngx_strncmp(value->data, "schemes=", 8) == 0) {

        rule->policy.schemes = 0;

        if (ngx_http_kairo_sanitize_each(rule, value,
                                         ngx_http_kairo_sanitize_add_scheme)
            == NGX_OK)
        {
            return NGX_CONF_OK;
        }
    }

    if (ngx_strncmp(value->data, "max=", 4) == 0) {

        max = ngx_atoi(value->data + 4, value->len - 4);

        if (max > 0 && max <= 65536) {
            rule->policy.max = max;
            return NGX_CONF_OK;
        }
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "invalid parameter \"%V\", expected type=url, host, "
                       "hostport, ip or auto, once; required; resolve; max= "
                       "of 1 to 65536 bytes; ports= of up to 16 numbers, "
                       "schemes= of http, https, ws, wss, with commas "
                       "between; duplicates=allow", value);
    return NGX_CONF_ERROR;
}


static ngx_int_t
ngx_http_kairo_sanitize_type(ngx_http_kairo_sanitize_rule_t *rule,
    const ngx_str_t *value)
{
    ngx_uint_t  i;

    static const struct {
        const char        *name;
        kairo_url_form_t   form;
    } types[] = {
        { "type=auto", KAIRO_URL_AUTO },
        { "type=url", KAIRO_URL_URL },
        { "type=host", KAIRO_URL_HOST },
        { "type=hostport", KAIRO_URL_HOSTPORT },
        { "type=ip", KAIRO_URL_IP }
    };

    for (i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        if (ngx_strcmp(value->data, types[i].name) == 0) {
            rule->policy.form = types[i].form;
            return NGX_OK;
        }
    }

    return NGX_ERROR;
}


/* "name=one,two": calls "add" with each. */

static ngx_int_t
ngx_http_kairo_sanitize_each(ngx_http_kairo_sanitize_rule_t *rule,
    const ngx_str_t *value, ngx_http_kairo_sanitize_add_pt add)
{
    u_char  *p, *comma, *last;

    last = value->data + value->len;

    for (p = ngx_strlchr(value->data, last, '=') + 1; p <= last;
         p = comma + 1)
    {
        comma = ngx_strlchr(p, last, ',');
        comma = comma ? comma : last;

        if (add(rule, p, comma - p) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_kairo_sanitize_add_port(ngx_http_kairo_sanitize_rule_t *rule,
    u_char *p, size_t n)
{
    ngx_int_t  port;

    port = ngx_atoi(p, n);

    if (port < 1 || port > 65535
        || rule->policy.nports == KAIRO_TARGET_PORTS)
    {
        return NGX_ERROR;
    }

    rule->policy.ports[rule->policy.nports++] = (unsigned) port;

    return NGX_OK;
}


static ngx_int_t
ngx_http_kairo_sanitize_add_scheme(ngx_http_kairo_sanitize_rule_t *rule,
    u_char *p, size_t n)
{
    kairo_target_scheme_t  scheme;

    scheme = kairo_target_scheme(p, n);

    if (scheme == KAIRO_TARGET_NO_SCHEME) {
        return NGX_ERROR;
    }

    rule->policy.schemes |= 1u << scheme;

    return NGX_OK;
}
