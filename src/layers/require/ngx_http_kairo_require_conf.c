
/*
 * kairo_require, kairo_role and kairo_entitlement.
 *
 * Which roles have a permission is found out here, once: a request compares
 * names of roles alone.
 */


#include "layers/require/ngx_http_kairo_require.h"


#define NGX_HTTP_KAIRO_REQUIRE_ZONE  "kairo:require"


static ngx_int_t ngx_http_kairo_require_join(ngx_conf_t *cf, ngx_str_t *text,
    const char *head, ngx_str_t *words, ngx_uint_t n, u_char between);
static char *ngx_http_kairo_require_words(ngx_conf_t *cf,
    ngx_http_kairo_requirement_t *line);
static char *ngx_http_kairo_require_condition(ngx_conf_t *cf,
    ngx_http_kairo_requirement_t *line, ngx_str_t *word, ngx_uint_t *used);
static char *ngx_http_kairo_require_names(ngx_conf_t *cf,
    ngx_http_kairo_requirement_t *line, ngx_http_kairo_require_kind_e kind,
    ngx_str_t *names);
static char *ngx_http_kairo_require_claim(ngx_conf_t *cf,
    ngx_http_kairo_requirement_t *line, ngx_str_t *text);
static char *ngx_http_kairo_require_name(ngx_conf_t *cf,
    ngx_http_kairo_requirement_t *line, ngx_http_kairo_require_kind_e kind,
    ngx_str_t *name, ngx_str_t *value);
static ngx_uint_t ngx_http_kairo_require_next(ngx_str_t *rest,
    ngx_str_t *name);
static ngx_uint_t ngx_http_kairo_require_is_word(const ngx_str_t *name);
static ngx_int_t ngx_http_kairo_require_bind_permission(ngx_conf_t *cf,
    ngx_http_kairo_require_main_conf_t *rmcf,
    ngx_http_kairo_alternative_t *alternative);
static ngx_uint_t ngx_http_kairo_require_grants(const ngx_str_t *granted,
    const ngx_str_t *wanted);


char *
ngx_http_kairo_require(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_kairo_require_conf_t *rcf = conf;

    ngx_str_t                            *value;
    ngx_http_kairo_requirement_t         *line, **l;
    ngx_http_kairo_require_main_conf_t   *rmcf;

    value = cf->args->elts;

    if (cf->args->nelts == 2 && ngx_strcmp(value[1].data, "off") == 0) {

        if (rcf->lines || rcf->cleared) {
            return "\"off\" comes first, and once: it takes away what the "
                   "levels above require";
        }

        rcf->cleared = 1;

        return NGX_CONF_OK;
    }

    rmcf = ngx_http_conf_get_module_main_conf(cf,
                                              ngx_http_kairo_require_module);

    if (rcf->lines == NULL) {
        rcf->lines = ngx_array_create(cf->pool, 4,
                                      sizeof(ngx_http_kairo_requirement_t *));
        if (rcf->lines == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    line = ngx_pcalloc(cf->pool, sizeof(ngx_http_kairo_requirement_t));

    if (line == NULL
        || ngx_array_init(&line->alternatives, cf->pool, 2,
                          sizeof(ngx_http_kairo_alternative_t))
           != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    l = ngx_array_push(rcf->lines);
    if (l == NULL) {
        return NGX_CONF_ERROR;
    }

    *l = line;

    l = ngx_array_push(&rmcf->lines);
    if (l == NULL) {
        return NGX_CONF_ERROR;
    }

    *l = line;

    if (ngx_http_kairo_require_join(cf, &line->text, "", value + 1,
                                    cf->args->nelts - 1, ' ')
        != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    line->tally = ngx_kairo_tally_name(cf, &rmcf->tally, &line->text);
    if (line->tally == NGX_ERROR) {
        return NGX_CONF_ERROR;
    }

    rmcf->used = 1;
    ngx_http_kairo_use(cf);

    return ngx_http_kairo_require_words(cf, line);
}


/* kairo_role NAME PERMISSION ... */

char *
ngx_http_kairo_role(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_kairo_require_main_conf_t *rmcf = conf;

    u_char                 *star;
    ngx_str_t              *value, *permission;
    ngx_uint_t              i;
    ngx_http_kairo_role_t  *role;

    value = cf->args->elts;
    role = rmcf->roles.elts;

    for (i = 0; i < rmcf->roles.nelts; i++) {
        if (role[i].name.len == value[1].len
            && ngx_strcmp(role[i].name.data, value[1].data) == 0)
        {
            return "is duplicate";
        }
    }

    role = ngx_array_push(&rmcf->roles);

    if (role == NULL
        || ngx_array_init(&role->permissions, cf->pool, cf->args->nelts - 2,
                          sizeof(ngx_str_t))
           != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    role->name = value[1];

    for (i = 1; i < cf->args->nelts; i++) {

        star = i == 1 ? NULL
                      : ngx_strlchr(value[i].data,
                                    value[i].data + value[i].len, '*');

        if (!ngx_http_kairo_require_is_word(&value[i])
            || ngx_strchr(value[i].data, '|')
            || (star && (star[1] != '\0'
                         || (star > value[i].data && star[-1] != ':'))))
        {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid %s \"%V\", expected up to 64 visible "
                               "ASCII characters without \",\" and \"|\"%s",
                               i == 1 ? "role" : "permission", &value[i],
                               i == 1 ? "" : ", and \"*\" alone or after the "
                                             "last \":\"");
            return NGX_CONF_ERROR;
        }

        if (i > 1) {
            permission = ngx_array_push(&role->permissions);
            *permission = value[i];
        }
    }

    return NGX_CONF_OK;
}


/* kairo_entitlement TIER ... [bypass=admin] | off */

char *
ngx_http_kairo_entitlement(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_kairo_require_conf_t *rcf = conf;

    ngx_str_t                           *value;
    ngx_uint_t                           i;
    ngx_http_kairo_entitlement_t        *ent;
    ngx_http_kairo_require_main_conf_t  *rmcf;

    if (rcf->entitlement) {
        return "is duplicate";
    }

    ent = ngx_pcalloc(cf->pool, sizeof(ngx_http_kairo_entitlement_t));
    if (ent == NULL) {
        return NGX_CONF_ERROR;
    }

    rcf->entitlement = ent;
    value = cf->args->elts;

    if (cf->args->nelts == 2 && ngx_strcmp(value[1].data, "off") == 0) {
        return NGX_CONF_OK;
    }

    for (i = 1; i < cf->args->nelts; i++) {

        if (ngx_strcmp(value[i].data, "bypass=admin") == 0) {
            ent->bypass = 1;
            continue;
        }

        if (ngx_strcmp(value[i].data, "admin") == 0) {
            return "can't have \"admin\" for a tier of a token: write "
                   "bypass=admin, or kairo_require_admin";
        }

        if (!ngx_http_kairo_require_is_word(&value[i])
            || ngx_strchr(value[i].data, '=')
            || ngx_strchr(value[i].data, '|')
            || ngx_strcmp(value[i].data, "off") == 0
            || ent->ntiers == NGX_HTTP_KAIRO_REQUIRE_TIERS)
        {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid parameter \"%V\", expected up to 8 "
                               "names of tiers with spaces between, and "
                               "bypass=admin, or \"off\" alone", &value[i]);
            return NGX_CONF_ERROR;
        }

        ent->tiers[ent->ntiers++] = value[i];
    }

    if (ent->ntiers == 0) {
        return "names no tier";
    }

    rmcf = ngx_http_conf_get_module_main_conf(cf,
                                              ngx_http_kairo_require_module);

    if (ngx_http_kairo_require_join(cf, &ent->text, "entitlement=",
                                    ent->tiers, ent->ntiers, '|')
        != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    ent->tally = ngx_kairo_tally_name(cf, &rmcf->tally, &ent->text);

    rmcf->used = 1;
    ngx_http_kairo_use(cf);

    return ent->tally == NGX_ERROR ? NGX_CONF_ERROR : NGX_CONF_OK;
}


ngx_int_t
ngx_http_kairo_require_bind(ngx_conf_t *cf)
{
    ngx_str_t                             zone;
    ngx_uint_t                            i, n;
    ngx_http_kairo_alternative_t         *alternative;
    ngx_http_kairo_requirement_t        **line;
    ngx_http_kairo_require_main_conf_t   *rmcf;

    rmcf = ngx_http_conf_get_module_main_conf(cf,
                                              ngx_http_kairo_require_module);
    line = rmcf->lines.elts;

    for (i = 0; i < rmcf->lines.nelts; i++) {

        alternative = line[i]->alternatives.elts;

        for (n = 0; n < line[i]->alternatives.nelts; n++) {

            if (alternative[n].kind == NGX_HTTP_KAIRO_REQUIRE_PERMISSION
                && ngx_http_kairo_require_bind_permission(cf, rmcf,
                                                          &alternative[n])
                   != NGX_OK)
            {
                return NGX_ERROR;
            }
        }
    }

    if (!rmcf->used) {
        return NGX_OK;
    }

    ngx_str_set(&zone, NGX_HTTP_KAIRO_REQUIRE_ZONE);

    if (ngx_kairo_tally_add(cf, &rmcf->tally, &zone,
                            &ngx_http_kairo_require_module)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_http_kairo_source_add(cf, ngx_http_kairo_require_collect, rmcf);
}


/* Words of the configuration as one text. */

static ngx_int_t
ngx_http_kairo_require_join(ngx_conf_t *cf, ngx_str_t *text, const char *head,
    ngx_str_t *words, ngx_uint_t n, u_char between)
{
    u_char      *p;
    size_t       size;
    ngx_uint_t   i;

    size = ngx_strlen(head);

    for (i = 0; i < n; i++) {
        size += words[i].len + 1;
    }

    p = ngx_pnalloc(cf->pool, size);
    if (p == NULL) {
        return NGX_ERROR;
    }

    text->data = p;
    text->len = size - 1;

    p = ngx_cpymem(p, head, ngx_strlen(head));

    for (i = 0; i < n; i++) {
        p = ngx_cpymem(p, words[i].data, words[i].len);

        if (i + 1 < n) {
            *p++ = between;
        }
    }

    return NGX_OK;
}


/* CONDITION [| CONDITION ...] */

static char *
ngx_http_kairo_require_words(ngx_conf_t *cf,
    ngx_http_kairo_requirement_t *line)
{
    char        *rv;
    ngx_str_t   *value;
    ngx_uint_t   i, used;

    value = cf->args->elts;

    for (i = 1; i < cf->args->nelts; i += used) {

        if (i > 1) {

            if (ngx_strcmp(value[i].data, "|") != 0) {
                return "has two conditions without \"|\" between: write \"|\" "
                       "where one of them is enough, or a line for each";
            }

            i++;
        }

        if (i == cf->args->nelts || ngx_strcmp(value[i].data, "|") == 0) {
            return "has a \"|\" without a condition on both sides";
        }

        rv = ngx_http_kairo_require_condition(cf, line, &value[i], &used);

        if (rv != NGX_CONF_OK) {
            return rv;
        }
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_kairo_require_condition(ngx_conf_t *cf,
    ngx_http_kairo_requirement_t *line, ngx_str_t *word, ngx_uint_t *used)
{
    ngx_str_t  names;

    *used = 1;

    if (word->len > 5 && ngx_strncmp(word->data, "role=", 5) == 0) {

        names.data = word->data + 5;
        names.len = word->len - 5;

        return ngx_http_kairo_require_names(cf, line,
                                            NGX_HTTP_KAIRO_REQUIRE_ROLE,
                                            &names);
    }

    if (word->len > 11 && ngx_strncmp(word->data, "permission=", 11) == 0) {

        names.data = word->data + 11;
        names.len = word->len - 11;

        return ngx_http_kairo_require_names(cf, line,
                                            NGX_HTTP_KAIRO_REQUIRE_PERMISSION,
                                            &names);
    }

    if (ngx_strcmp(word->data, "claim") == 0) {

        *used = 2;

        if (word + 1 == (ngx_str_t *) cf->args->elts + cf->args->nelts) {
            return "has \"claim\" without NAME=VALUE";
        }

        return ngx_http_kairo_require_claim(cf, line, word + 1);
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "invalid condition \"%V\", expected role=NAME, "
                       "permission=NAME, claim NAME=VALUE, or \"off\" alone",
                       word);
    return NGX_CONF_ERROR;
}


/* role=NAME|NAME, permission=NAME|NAME */

static char *
ngx_http_kairo_require_names(ngx_conf_t *cf,
    ngx_http_kairo_requirement_t *line, ngx_http_kairo_require_kind_e kind,
    ngx_str_t *names)
{
    char       *rv;
    ngx_str_t   rest, name;

    rest = *names;

    while (ngx_http_kairo_require_next(&rest, &name)) {

        if (!ngx_http_kairo_require_is_word(&name)
            || ngx_strlchr(name.data, name.data + name.len, '=')
            || (kind == NGX_HTTP_KAIRO_REQUIRE_PERMISSION
                && ngx_strlchr(name.data, name.data + name.len, '*')))
        {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid name \"%V\" in \"%V\", expected up to "
                               "64 visible ASCII characters without a comma, "
                               "\"=\"%s", &name, names,
                               kind == NGX_HTTP_KAIRO_REQUIRE_PERMISSION
                               ? " and \"*\", which belongs into kairo_role"
                               : "");
            return NGX_CONF_ERROR;
        }

        rv = ngx_http_kairo_require_name(cf, line, kind, &name, NULL);

        if (rv != NGX_CONF_OK) {
            return rv;
        }
    }

    return NGX_CONF_OK;
}


/* claim NAME=VALUE|VALUE, where a value may have variables */

static char *
ngx_http_kairo_require_claim(ngx_conf_t *cf,
    ngx_http_kairo_requirement_t *line, ngx_str_t *text)
{
    char       *rv;
    u_char     *equals;
    ngx_str_t   name, rest, value;

    equals = ngx_strlchr(text->data, text->data + text->len, '=');

    if (equals == NULL || equals == text->data) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid claim \"%V\", expected NAME=VALUE", text);
        return NGX_CONF_ERROR;
    }

    /* terminated, as a path into JSON is */

    name.len = equals - text->data;
    name.data = ngx_pcalloc(cf->pool, name.len + 1);
    if (name.data == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_memcpy(name.data, text->data, name.len);

    rest.data = equals + 1;
    rest.len = text->data + text->len - rest.data;

    while (ngx_http_kairo_require_next(&rest, &value)) {

        if (value.len == 0) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "the claim \"%V\" has an empty value, which "
                               "none ever has", text);
            return NGX_CONF_ERROR;
        }

        rv = ngx_http_kairo_require_name(cf, line,
                                         NGX_HTTP_KAIRO_REQUIRE_CLAIM, &name,
                                         &value);

        if (rv != NGX_CONF_OK) {
            return rv;
        }
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_kairo_require_name(ngx_conf_t *cf,
    ngx_http_kairo_requirement_t *line, ngx_http_kairo_require_kind_e kind,
    ngx_str_t *name, ngx_str_t *value)
{
    ngx_http_kairo_alternative_t      *alternative;
    ngx_http_compile_complex_value_t   ccv;

    alternative = ngx_array_push(&line->alternatives);
    if (alternative == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_memzero(alternative, sizeof(ngx_http_kairo_alternative_t));

    alternative->kind = kind;
    alternative->name = *name;

    if (value == NULL) {
        return NGX_CONF_OK;
    }

    alternative->value = ngx_pcalloc(cf->pool,
                                     sizeof(ngx_http_complex_value_t));
    if (alternative->value == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_memzero(&ccv, sizeof(ngx_http_compile_complex_value_t));

    ccv.cf = cf;
    ccv.value = value;
    ccv.complex_value = alternative->value;

    return ngx_http_compile_complex_value(&ccv) == NGX_OK ? NGX_CONF_OK
                                                          : NGX_CONF_ERROR;
}


/* The next of NAME|NAME, which may be empty; 0: there are no more. */

static ngx_uint_t
ngx_http_kairo_require_next(ngx_str_t *rest, ngx_str_t *name)
{
    u_char  *bar;

    if (rest->data == NULL) {
        return 0;
    }

    bar = ngx_strlchr(rest->data, rest->data + rest->len, '|');

    name->data = rest->data;
    name->len = bar ? (size_t) (bar - rest->data) : rest->len;

    rest->data = bar ? bar + 1 : NULL;
    rest->len = bar ? rest->len - name->len - 1 : 0;

    return 1;
}


static ngx_uint_t
ngx_http_kairo_require_is_word(const ngx_str_t *name)
{
    kairo_span_t  s;

    s.p = name->data;
    s.n = name->len;

    return kairo_facts_is_word(s);
}


static ngx_int_t
ngx_http_kairo_require_bind_permission(ngx_conf_t *cf,
    ngx_http_kairo_require_main_conf_t *rmcf,
    ngx_http_kairo_alternative_t *alternative)
{
    ngx_str_t              *permission, **name;
    ngx_uint_t              i, n;
    ngx_http_kairo_role_t  *role;

    if (ngx_array_init(&alternative->roles, cf->pool, 4, sizeof(ngx_str_t *))
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    role = rmcf->roles.elts;

    for (i = 0; i < rmcf->roles.nelts; i++) {

        permission = role[i].permissions.elts;

        for (n = 0; n < role[i].permissions.nelts; n++) {
            if (ngx_http_kairo_require_grants(&permission[n],
                                              &alternative->name))
            {
                break;
            }
        }

        if (n == role[i].permissions.nelts) {
            continue;
        }

        name = ngx_array_push(&alternative->roles);
        if (name == NULL) {
            return NGX_ERROR;
        }

        *name = &role[i].name;
    }

    return NGX_OK;
}


/* "orders:*" is all that begins with "orders:"; "*" is all there is. */

static ngx_uint_t
ngx_http_kairo_require_grants(const ngx_str_t *granted,
    const ngx_str_t *wanted)
{
    size_t  n;

    n = granted->len;

    if (granted->data[n - 1] == '*') {
        n--;
        return wanted->len > n
               && ngx_strncmp(granted->data, wanted->data, n) == 0;
    }

    return wanted->len == n
           && ngx_strncmp(granted->data, wanted->data, n) == 0;
}
