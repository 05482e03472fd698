
/*
 * kairo_auth, and what binds it to its issuers once all of them are known.
 */


#include "layers/auth/ngx_http_kairo_auth.h"
#include "core/kairo_siphash.h"


#define NGX_HTTP_KAIRO_AUTH_ZONE  "kairo:auth"


static char *ngx_http_kairo_auth_parameter(ngx_conf_t *cf, ngx_str_t *value,
    ngx_http_kairo_auth_rule_t *rule);
static char *ngx_http_kairo_auth_from(ngx_conf_t *cf, ngx_str_t *value,
    ngx_http_kairo_auth_rule_t *rule);
static char *ngx_http_kairo_auth_source(ngx_conf_t *cf, ngx_str_t *value,
    ngx_str_t *source, ngx_http_kairo_auth_rule_t *rule);
static ngx_int_t ngx_http_kairo_auth_bind_rule(ngx_conf_t *cf,
    ngx_http_kairo_auth_rule_t *rule);
static ngx_int_t ngx_http_kairo_auth_bind_revocations(
    ngx_http_kairo_auth_main_conf_t *amcf);


char *
ngx_http_kairo_auth(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_kairo_auth_conf_t *acf = conf;

    char                              *rv;
    ngx_str_t                         *value;
    ngx_uint_t                         i;
    ngx_http_kairo_auth_rule_t        *rule, **known;
    ngx_http_kairo_auth_main_conf_t   *amcf;

    if (acf->rule) {
        return "is duplicate";
    }

    value = cf->args->elts;
    amcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_kairo_auth_module);

    rule = ngx_pcalloc(cf->pool, sizeof(ngx_http_kairo_auth_rule_t));
    known = ngx_array_push(&amcf->rules);
    if (rule == NULL || known == NULL) {
        return NGX_CONF_ERROR;
    }

    *known = rule;
    acf->rule = rule;

    rule->file = cf->conf_file->file.name.data;
    rule->line = cf->conf_file->line;
    ngx_str_set(&rule->realm, "kairo");

    if (ngx_strcmp(value[1].data, "off") == 0) {

        return cf->args->nelts == 2 ? NGX_CONF_OK
                                    : "\"off\" stands alone";
    }

    if (ngx_strcmp(value[1].data, "required") == 0) {
        rule->need = NGX_HTTP_KAIRO_AUTH_REQUIRED;

    } else if (ngx_strcmp(value[1].data, "optional") == 0) {
        rule->need = NGX_HTTP_KAIRO_AUTH_OPTIONAL;

    } else {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid value \"%V\", expected \"required\", "
                           "\"optional\" or \"off\"", &value[1]);
        return NGX_CONF_ERROR;
    }

    for (i = 2; i < cf->args->nelts; i++) {

        rv = ngx_http_kairo_auth_parameter(cf, &value[i], rule);

        if (rv != NGX_CONF_OK) {
            return rv;
        }
    }

    if (rule->nissuers == 0) {
        return "names no issuer, write issuer=NAME of a kairo_issuer";
    }

    if (rule->nsources == 0) {
        rule->nsources = 1;    /* the one of an empty name: bearer */
    }

    ngx_http_kairo_use(cf);

    return NGX_CONF_OK;
}


char *
ngx_http_kairo_revocations(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_kairo_auth_main_conf_t *amcf = conf;

    ssize_t                   size;
    ngx_str_t                *value, s;
    ngx_kairo_revocations_t  *revocations;

    if (amcf->revocations) {
        return "is duplicate";
    }

    revocations = ngx_pcalloc(cf->pool, sizeof(ngx_kairo_revocations_t));
    if (revocations == NULL) {
        return NGX_CONF_ERROR;
    }

    amcf->revocations = revocations;

    value = cf->args->elts;
    size = 4 * 1024 * 1024;

    if (cf->args->nelts == 3) {

        s.data = value[2].data + 5;
        s.len = value[2].len - 5;

        size = ngx_strncmp(value[2].data, "size=", 5) == 0
               ? ngx_parse_size(&s) : NGX_ERROR;

        if (size < (ssize_t) (16 * ngx_pagesize)) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid parameter \"%V\", expected size= of "
                               "at least 64k, as in size=4m", &value[2]);
            return NGX_CONF_ERROR;
        }
    }

    revocations->path = value[1];

    if (ngx_conf_full_name(cf->cycle, &revocations->path, 0) != NGX_OK
        || ngx_kairo_revocations_add(cf, revocations, size,
                                     &ngx_http_kairo_auth_module)
           != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


ngx_int_t
ngx_http_kairo_auth_bind(ngx_conf_t *cf)
{
    ngx_str_t                          name;
    ngx_uint_t                         i;
    ngx_http_kairo_auth_rule_t       **rule;
    ngx_http_kairo_auth_main_conf_t   *amcf;

    amcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_kairo_auth_module);
    rule = amcf->rules.elts;

    if (amcf->admins && ngx_http_kairo_admins_bind(cf, amcf) != NGX_OK) {
        return NGX_ERROR;
    }

    if (amcf->revocations
        && ngx_http_kairo_auth_bind_revocations(amcf) != NGX_OK)
    {
        return NGX_ERROR;
    }

    for (i = 0; i < amcf->rules.nelts; i++) {
        if (ngx_http_kairo_auth_bind_rule(cf, rule[i]) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    if (amcf->issuers.nelts == 0) {
        return NGX_OK;
    }

    amcf->cache = ngx_pcalloc(cf->pool, sizeof(ngx_kairo_cache_t));
    amcf->refused = ngx_pcalloc(cf->pool, sizeof(ngx_http_kairo_sample_t));

    if (amcf->cache == NULL || amcf->refused == NULL) {
        return NGX_ERROR;
    }

    ngx_str_set(&name, NGX_HTTP_KAIRO_AUTH_ZONE);

    if (ngx_kairo_cache_add(cf, amcf->cache, &name, amcf->cache_size,
                            &ngx_http_kairo_auth_module)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_http_kairo_source_add(cf, ngx_http_kairo_auth_collect, amcf);
}


static char *
ngx_http_kairo_auth_parameter(ngx_conf_t *cf, ngx_str_t *value,
    ngx_http_kairo_auth_rule_t *rule)
{
    ngx_uint_t  i;
    ngx_str_t  *name;

    if (value->len > 7 && ngx_strncmp(value->data, "issuer=", 7) == 0) {

        if (rule->nissuers == NGX_HTTP_KAIRO_AUTH_MAX) {
            return "names more than 8 issuers";
        }

        name = &rule->names[rule->nissuers++];
        name->data = value->data + 7;
        name->len = value->len - 7;

        return NGX_CONF_OK;
    }

    if (value->len > 5 && ngx_strncmp(value->data, "from=", 5) == 0) {
        return ngx_http_kairo_auth_from(cf, value, rule);
    }

    if (value->len > 6 && ngx_strncmp(value->data, "realm=", 6) == 0) {

        rule->realm.data = value->data + 6;
        rule->realm.len = value->len - 6;

        for (i = 0; i < rule->realm.len; i++) {
            if (rule->realm.data[i] < ' ' || rule->realm.data[i] == '"'
                || rule->realm.data[i] == '\\' || rule->realm.data[i] >= 0x7f)
            {
                return "has a realm with a character that a quoted field "
                       "can't hold";
            }
        }

        return NGX_CONF_OK;
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "invalid parameter \"%V\", expected issuer=NAME, "
                       "from=bearer|cookie:NAME[,...] or realm=TEXT", value);
    return NGX_CONF_ERROR;
}


/* from=bearer,cookie:NAME */

static char *
ngx_http_kairo_auth_from(ngx_conf_t *cf, ngx_str_t *value,
    ngx_http_kairo_auth_rule_t *rule)
{
    char       *rv;
    u_char     *p, *last;
    ngx_str_t   source;

    if (rule->nsources) {
        return "has \"from=\" twice";
    }

    p = value->data + 5;
    last = value->data + value->len;

    while (p <= last) {

        source.data = p;

        while (p < last && *p != ',') {
            p++;
        }

        source.len = p++ - source.data;

        rv = ngx_http_kairo_auth_source(cf, value, &source, rule);

        if (rv != NGX_CONF_OK) {
            return rv;
        }
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_kairo_auth_source(ngx_conf_t *cf, ngx_str_t *value,
    ngx_str_t *source, ngx_http_kairo_auth_rule_t *rule)
{
    ngx_uint_t  i;

    if (source->len == 6 && ngx_strncmp(source->data, "bearer", 6) == 0) {
        source->len = 0;

    } else if (source->len > 7
               && ngx_strncmp(source->data, "cookie:", 7) == 0)
    {
        source->data += 7;
        source->len -= 7;

    } else {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid \"%V\", expected from=bearer, "
                           "from=cookie:NAME or both with a comma between",
                           value);
        return NGX_CONF_ERROR;
    }

    for (i = 0; i < rule->nsources; i++) {
        if (rule->sources[i].len == source->len
            && ngx_strncmp(rule->sources[i].data, source->data, source->len)
               == 0)
        {
            return "names one source of tokens twice";
        }
    }

    if (i == NGX_HTTP_KAIRO_AUTH_MAX) {
        return "names more than 8 sources of tokens";
    }

    rule->sources[rule->nsources++] = *source;

    return NGX_CONF_OK;
}


/*
 * What is remembered of a token without knowing what it is revoked by is not
 * known any more.
 */

static ngx_int_t
ngx_http_kairo_auth_bind_revocations(ngx_http_kairo_auth_main_conf_t *amcf)
{
    ngx_uint_t                  i;
    ngx_http_kairo_issuer_t   **issuer;
    static const kairo_span_t   none = { NULL, 0 };

    issuer = amcf->issuers.elts;

    for (i = 0; i < amcf->issuers.nelts; i++) {

        issuer[i]->id = ~issuer[i]->id;

        if (ngx_http_kairo_auth_mark(&issuer[i]->mark, issuer[i],
                                     KAIRO_REVOCATION_ISSUER, none)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_kairo_auth_bind_rule(ngx_conf_t *cf, ngx_http_kairo_auth_rule_t *rule)
{
    ngx_uint_t                        i, n;
    kairo_span_t                      s;
    ngx_http_kairo_issuer_t          *issuer;
    ngx_http_kairo_auth_main_conf_t  *amcf;

    static const uint64_t  key[2] = { 0, 0 };

    amcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_kairo_auth_module);

    for (i = 0; i < rule->nissuers; i++) {

        issuer = ngx_http_kairo_auth_issuer_of(amcf, &rule->names[i]);

        if (issuer == NULL) {
            ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                          "unknown issuer \"%V\" of kairo_auth, define it by "
                          "kairo_issuer, in %s:%ui", &rule->names[i],
                          rule->file, rule->line);
            return NGX_ERROR;
        }

        for (n = 0; n < i; n++) {
            if (rule->issuers[n]->policy.issuer.n == issuer->policy.issuer.n
                && ngx_memcmp(rule->issuers[n]->policy.issuer.p,
                              issuer->policy.issuer.p,
                              issuer->policy.issuer.n)
                   == 0)
            {
                ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                              "issuers \"%V\" and \"%V\" of one kairo_auth "
                              "have the same URL, in %s:%ui",
                              &rule->issuers[n]->name, &issuer->name,
                              rule->file, rule->line);
                return NGX_ERROR;
            }
        }

        rule->issuers[i] = issuer;

        s.p = (u_char *) &issuer->id;
        s.n = sizeof(issuer->id);
        rule->id = kairo_siphash(key, rule->id, s);
    }

    return NGX_OK;
}


ngx_http_kairo_issuer_t *
ngx_http_kairo_auth_issuer_of(const ngx_http_kairo_auth_main_conf_t *amcf,
    const ngx_str_t *name)
{
    ngx_uint_t                 i;
    ngx_http_kairo_issuer_t  **issuer;

    issuer = amcf->issuers.elts;

    for (i = 0; i < amcf->issuers.nelts; i++) {
        if (issuer[i]->name.len == name->len
            && ngx_strncmp(issuer[i]->name.data, name->data, name->len) == 0)
        {
            return issuer[i];
        }
    }

    return NULL;
}
