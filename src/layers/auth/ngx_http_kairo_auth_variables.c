
/*
 * What is known of who asks, for map, log_format, keys of limits and
 * proxy_set_header.  All are empty until a token has been verified.
 */


#include "layers/auth/ngx_http_kairo_auth.h"


static ngx_int_t ngx_http_kairo_auth_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_kairo_auth_variable_admin(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_kairo_auth_variable_reason(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_kairo_auth_variable_claim(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static const json_t *ngx_http_kairo_auth_claim(const json_t *claims,
    const ngx_str_t *name);
static void ngx_http_kairo_auth_forget(void *data);
static ngx_int_t ngx_http_kairo_auth_value(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, const json_t *claim);


static const ngx_http_variable_t  ngx_http_kairo_auth_vars[] = {

    { ngx_string("kairo_issuer"), NULL, ngx_http_kairo_auth_variable,
      offsetof(ngx_http_kairo_identity_t, issuer), 0, 0 },

    { ngx_string("kairo_subject"), NULL, ngx_http_kairo_auth_variable,
      offsetof(ngx_http_kairo_identity_t, subject), 0, 0 },

    { ngx_string("kairo_user"), NULL, ngx_http_kairo_auth_variable,
      offsetof(ngx_http_kairo_identity_t, user), 0, 0 },

    { ngx_string("kairo_email"), NULL, ngx_http_kairo_auth_variable,
      offsetof(ngx_http_kairo_identity_t, email), 0, 0 },

    { ngx_string("kairo_roles"), NULL, ngx_http_kairo_auth_variable,
      offsetof(ngx_http_kairo_identity_t, roles), 0, 0 },

    { ngx_string("kairo_permissions"), NULL, ngx_http_kairo_auth_variable,
      offsetof(ngx_http_kairo_identity_t, permissions), 0, 0 },

    { ngx_string("kairo_tier"), NULL, ngx_http_kairo_auth_variable,
      offsetof(ngx_http_kairo_identity_t, tier), 0, 0 },

    { ngx_string("kairo_admin"), NULL,
      ngx_http_kairo_auth_variable_admin, 0, 0, 0 },

    { ngx_string("kairo_auth_reason"), NULL,
      ngx_http_kairo_auth_variable_reason, 0, 0, 0 },

    { ngx_string("kairo_claim_"), NULL,
      ngx_http_kairo_auth_variable_claim, 0, NGX_HTTP_VAR_PREFIX, 0 },

      ngx_http_null_variable
};


ngx_int_t
ngx_http_kairo_auth_variables(ngx_conf_t *cf)
{
    ngx_str_t                   name;
    ngx_http_variable_t        *var;
    const ngx_http_variable_t  *v;

    for (v = ngx_http_kairo_auth_vars; v->name.len; v++) {

        name = v->name;

        /* not cached: who it is may change with the location */

        var = ngx_http_add_variable(cf, &name,
                                    v->flags|NGX_HTTP_VAR_NOCACHEABLE);
        if (var == NULL) {
            return NGX_ERROR;
        }

        var->get_handler = v->get_handler;
        var->data = v->data;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_kairo_auth_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    const ngx_str_t        *value;
    ngx_http_kairo_pipe_t  *p;

    p = ngx_http_kairo_pipe(r);

    if (p == NULL || p->identity == NULL) {
        v->not_found = 1;
        return NGX_OK;
    }

    value = (const ngx_str_t *) ((const u_char *) p->identity + data);

    ngx_http_kairo_variable_set(v, value);

    return NGX_OK;
}


static ngx_int_t
ngx_http_kairo_auth_variable_admin(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_http_kairo_pipe_t   *p;
    static const ngx_str_t   yes = ngx_string("1");

    p = ngx_http_kairo_pipe(r);

    ngx_http_kairo_variable_set(v, p && p->identity && p->identity->admin
                                   ? &yes : NULL);

    return NGX_OK;
}


static ngx_int_t
ngx_http_kairo_auth_variable_reason(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_http_kairo_pipe_t  *p;

    p = ngx_http_kairo_pipe(r);

    if (p == NULL) {
        v->not_found = 1;
        return NGX_OK;
    }

    ngx_http_kairo_variable_set(v, &p->auth_reason);

    return NGX_OK;
}


/* "data" is the variable's name, as nginx passes it for a prefix. */

static ngx_int_t
ngx_http_kairo_auth_variable_claim(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_str_t     *name = (ngx_str_t *) data;
    ngx_str_t      key;
    const json_t  *claims;

    claims = ngx_http_kairo_auth_claims(r);

    if (claims == NULL) {
        v->not_found = 1;
        return NGX_OK;
    }

    key.data = name->data + sizeof("kairo_claim_") - 1;
    key.len = name->len - (sizeof("kairo_claim_") - 1);

    return ngx_http_kairo_auth_value(r, v,
                                     ngx_http_kairo_auth_claim(claims, &key));
}


/*
 * nginx knows variables by their names in lower case: a claim of the very
 * name, or else the one that differs by case alone.
 */

static const json_t *
ngx_http_kairo_auth_claim(const json_t *claims, const ngx_str_t *name)
{
    void          *iter;
    json_t        *object;
    const char    *key;
    ngx_uint_t     found;
    const json_t  *claim;

    object = (json_t *) claims;
    claim = NULL;
    found = 0;

    for (iter = json_object_iter(object);
         iter;
         iter = json_object_iter_next(object, iter))
    {
        key = json_object_iter_key(iter);

        if (ngx_strlen(key) != name->len
            || ngx_strncasecmp((u_char *) key, name->data, name->len) != 0)
        {
            continue;
        }

        claim = json_object_iter_value(iter);
        found++;

        if (ngx_strncmp(key, name->data, name->len) == 0) {
            return claim;
        }
    }

    return found == 1 ? claim : NULL;
}


/*
 * The claims of the token that was verified, read again from its text when
 * somebody asks: the cache has no room for them.
 */

const json_t *
ngx_http_kairo_auth_claims(ngx_http_request_t *r)
{
    ngx_pool_cleanup_t              *cln;
    ngx_http_kairo_pipe_t           *p;
    ngx_http_kairo_auth_identity_t  *known;

    p = ngx_http_kairo_pipe(r);

    if (p == NULL || p->identity == NULL) {
        return NULL;
    }

    known = (ngx_http_kairo_auth_identity_t *) p->identity;

    if (known->jwt) {
        return known->jwt->claims;
    }

    cln = ngx_pool_cleanup_add(r->pool, sizeof(kairo_jwt_t));
    if (cln == NULL) {
        p->starved = 1;
        return NULL;
    }

    known->jwt = cln->data;

    if (kairo_jwt_read(known->jwt, known->token) != KAIRO_JWT_OK
        || kairo_jwt_claims(known->jwt) != KAIRO_JWT_OK)
    {
        /* it was read before, so there is no memory: a limit by a claim must
           not take it for one that is not there */
        p->starved = 1;
    }

    cln->handler = ngx_http_kairo_auth_forget;

    return known->jwt->claims;
}


static void
ngx_http_kairo_auth_forget(void *data)
{
    kairo_jwt_free(data);
}


/*
 * A text as it is, unless it has control characters, which could forge a
 * field; a number or a truth as JSON writes it; no array and no object.
 */

static ngx_int_t
ngx_http_kairo_auth_value(ngx_http_request_t *r, ngx_http_variable_value_t *v,
    const json_t *claim)
{
    size_t         n;
    u_char        *copy;
    ngx_str_t      value;
    kairo_span_t   text;
    char           number[64];

    text = kairo_json_string(claim);

    if (json_is_boolean(claim)) {
        text.p = (u_char *) (json_is_true(claim) ? "true" : "false");
        text.n = ngx_strlen(text.p);

    } else if (json_is_number(claim)) {
        n = json_dumpb(claim, number, sizeof(number), JSON_ENCODE_ANY);
        text.p = (u_char *) number;
        text.n = n <= sizeof(number) ? n : 0;
    }

    if (text.n == 0 || !kairo_facts_printable(text)) {
        v->not_found = 1;
        return NGX_OK;
    }

    copy = ngx_pnalloc(r->pool, text.n);
    if (copy == NULL) {
        ngx_http_kairo_pipe(r)->starved = 1;
        v->no_cacheable = 1;
        return NGX_ERROR;
    }

    ngx_memcpy(copy, text.p, text.n);

    value.data = copy;
    value.len = text.n;

    ngx_http_kairo_variable_set(v, &value);

    return NGX_OK;
}
