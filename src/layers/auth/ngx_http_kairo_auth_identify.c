
/*
 * Who it is, for the other layers, for variables, and for the application.
 */


#include "layers/auth/ngx_http_kairo_auth.h"


#define NGX_HTTP_KAIRO_AUTH_FIELDS  6


static ngx_int_t ngx_http_kairo_auth_fill(ngx_pool_t *pool,
    ngx_http_kairo_identity_t *id, const ngx_http_kairo_auth_token_t *token);
static ngx_int_t ngx_http_kairo_auth_tell(ngx_http_request_t *r,
    const ngx_http_kairo_identity_t *id);


ngx_int_t
ngx_http_kairo_auth_identify(ngx_http_kairo_pipe_t *p,
    const ngx_http_kairo_auth_token_t *token, kairo_span_t text)
{
    ngx_http_kairo_auth_identity_t   *known;
    ngx_http_kairo_auth_main_conf_t  *amcf;

    known = ngx_pcalloc(p->request->pool,
                        sizeof(ngx_http_kairo_auth_identity_t));
    if (known == NULL) {
        return NGX_ERROR;
    }

    known->token = text;

    if (ngx_http_kairo_auth_fill(p->request->pool, &known->id, token)
        != NGX_OK
        || ngx_http_kairo_auth_tell(p->request, &known->id) != NGX_OK)
    {
        return NGX_ERROR;
    }

    amcf = ngx_http_get_module_main_conf(p->request,
                                         ngx_http_kairo_auth_module);

    known->id.claims = ngx_http_kairo_auth_claims;
    known->id.admin = amcf->admins
                      && ngx_http_kairo_admins_has(amcf->admins, token->issuer,
                                                   &known->id);

    p->identity = &known->id;

    return NGX_OK;
}


/* All texts side by side; subjects of two issuers must not meet as a user. */

static ngx_int_t
ngx_http_kairo_auth_fill(ngx_pool_t *pool, ngx_http_kairo_identity_t *id,
    const ngx_http_kairo_auth_token_t *token)
{
    u_char               *p;
    ngx_uint_t            i;
    ngx_str_t            *to[4];
    const kairo_span_t   *from[4];
    const kairo_facts_t  *facts;

    facts = &token->facts;
    id->issuer = token->issuer->name;

    p = ngx_pnalloc(pool, id->issuer.len + 1 + facts->subject.n
                          + facts->email.n + facts->roles.n
                          + facts->permissions.n + facts->tier.n);
    if (p == NULL) {
        return NGX_ERROR;
    }

    id->user.data = p;
    p = ngx_cpymem(p, id->issuer.data, id->issuer.len);
    *p++ = ':';

    id->subject.data = p;
    id->subject.len = facts->subject.n;
    p = ngx_cpymem(p, facts->subject.p, facts->subject.n);
    id->user.len = p - id->user.data;

    to[0] = &id->email;
    to[1] = &id->roles;
    to[2] = &id->permissions;
    to[3] = &id->tier;

    from[0] = &facts->email;
    from[1] = &facts->roles;
    from[2] = &facts->permissions;
    from[3] = &facts->tier;

    for (i = 0; i < 4; i++) {

        if (from[i]->n == 0) {
            continue;
        }

        to[i]->data = p;
        to[i]->len = from[i]->n;
        p = ngx_cpymem(p, from[i]->p, from[i]->n);
    }

    return NGX_OK;
}


/* What is empty is not told: an application must not take "" for a name. */

static ngx_int_t
ngx_http_kairo_auth_tell(ngx_http_request_t *r,
    const ngx_http_kairo_identity_t *id)
{
    ngx_uint_t               i;
    const ngx_str_t         *value;
    ngx_http_kairo_field_t   field[NGX_HTTP_KAIRO_AUTH_FIELDS], *fields;

    static const struct {
        ngx_str_t            name;
        size_t               offset;
    } told[NGX_HTTP_KAIRO_AUTH_FIELDS] = {
        { ngx_string("X-Kairo-Issuer"),
          offsetof(ngx_http_kairo_identity_t, issuer) },
        { ngx_string("X-Kairo-Subject"),
          offsetof(ngx_http_kairo_identity_t, subject) },
        { ngx_string("X-Kairo-User"),
          offsetof(ngx_http_kairo_identity_t, user) },
        { ngx_string("X-Kairo-Email"),
          offsetof(ngx_http_kairo_identity_t, email) },
        { ngx_string("X-Kairo-Roles"),
          offsetof(ngx_http_kairo_identity_t, roles) },
        { ngx_string("X-Kairo-Tier"),
          offsetof(ngx_http_kairo_identity_t, tier) }
    };

    fields = NULL;

    for (i = NGX_HTTP_KAIRO_AUTH_FIELDS; i-- > 0; /* void */) {

        value = (const ngx_str_t *) ((const u_char *) id + told[i].offset);

        if (value->len) {
            field[i].name = told[i].name;
            field[i].value = *value;
            field[i].next = fields;
            fields = &field[i];
        }
    }

    return ngx_http_kairo_tell(r, "X-Kairo-", fields);
}
