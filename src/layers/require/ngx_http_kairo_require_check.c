
/*
 * The question of the row.  The client learns a status and a code; which
 * requirement it was is for the log, $kairo_reason and the metrics.
 */


#include "layers/require/ngx_http_kairo_require.h"


/* RFC 9110, section 15.5.3; nginx has no name for it */

#define NGX_HTTP_KAIRO_PAYMENT_REQUIRED  402


static ngx_int_t ngx_http_kairo_require_holds(ngx_http_kairo_pipe_t *p,
    const ngx_http_kairo_requirement_t *line);
static ngx_int_t ngx_http_kairo_require_one(ngx_http_kairo_pipe_t *p,
    const ngx_http_kairo_alternative_t *alternative);
static ngx_uint_t ngx_http_kairo_require_has(const ngx_str_t *list,
    const ngx_str_t *word);
static ngx_int_t ngx_http_kairo_require_has_claim(ngx_http_kairo_pipe_t *p,
    const ngx_http_kairo_alternative_t *alternative);
static ngx_uint_t ngx_http_kairo_require_is(const json_t *claim,
    const ngx_str_t *wanted);
static ngx_int_t ngx_http_kairo_require_paid(ngx_http_kairo_pipe_t *p,
    const ngx_http_kairo_require_conf_t *rcf);
static ngx_int_t ngx_http_kairo_require_nobody(ngx_http_kairo_pipe_t *p);
static ngx_int_t ngx_http_kairo_require_forbid(ngx_http_kairo_pipe_t *p,
    const ngx_str_t *requirement, ngx_uint_t tally);
static void ngx_http_kairo_require_note(ngx_http_kairo_pipe_t *p,
    const ngx_str_t *requirement, ngx_uint_t tally);


ngx_int_t
ngx_http_kairo_require_check(ngx_http_kairo_pipe_t *p)
{
    ngx_int_t                             rc;
    ngx_uint_t                            i;
    ngx_http_kairo_requirement_t        **line;
    ngx_http_kairo_require_main_conf_t   *rmcf;
    const ngx_http_kairo_require_conf_t  *rcf;

    static const ngx_str_t  admin = ngx_string("admin");

    rcf = ngx_http_kairo_conf(p->request, &ngx_http_kairo_require_module);
    rmcf = ngx_http_get_module_main_conf(p->request,
                                         ngx_http_kairo_require_module);

    if (ngx_http_kairo_preflight(p->request)) {
        return NGX_DECLINED;
    }

    if (p->identity == NULL) {
        return ngx_http_kairo_require_nobody(p);
    }

    line = rcf->lines ? rcf->lines->elts : NULL;

    for (i = 0; line && i < rcf->lines->nelts; i++) {

        rc = ngx_http_kairo_require_holds(p, line[i]);

        if (rc == NGX_ERROR) {
            return NGX_ERROR;
        }

        if (rc != NGX_OK) {
            return ngx_http_kairo_require_forbid(p, &line[i]->text,
                                                 line[i]->tally);
        }
    }

    if (rcf->admin && !p->identity->admin) {
        return ngx_http_kairo_require_forbid(p, &admin, rmcf->admin);
    }

    return rcf->entitlement && rcf->entitlement->ntiers
           ? ngx_http_kairo_require_paid(p, rcf) : NGX_OK;
}


/* NGX_OK; NGX_DECLINED: none of them holds; NGX_ERROR: no memory. */

static ngx_int_t
ngx_http_kairo_require_holds(ngx_http_kairo_pipe_t *p,
    const ngx_http_kairo_requirement_t *line)
{
    ngx_int_t                            rc;
    ngx_uint_t                           i;
    const ngx_http_kairo_alternative_t  *alternative;

    alternative = line->alternatives.elts;

    for (i = 0; i < line->alternatives.nelts; i++) {

        rc = ngx_http_kairo_require_one(p, &alternative[i]);

        if (rc != NGX_DECLINED) {
            return rc;
        }
    }

    return NGX_DECLINED;
}


static ngx_int_t
ngx_http_kairo_require_one(ngx_http_kairo_pipe_t *p,
    const ngx_http_kairo_alternative_t *alternative)
{
    ngx_uint_t                         i, has;
    ngx_str_t                        **role;
    const ngx_http_kairo_identity_t   *id;

    id = p->identity;

    switch (alternative->kind) {

    case NGX_HTTP_KAIRO_REQUIRE_CLAIM:
        return ngx_http_kairo_require_has_claim(p, alternative);

    case NGX_HTTP_KAIRO_REQUIRE_ROLE:
        has = ngx_http_kairo_require_has(&id->roles, &alternative->name);
        break;

    default: /* NGX_HTTP_KAIRO_REQUIRE_PERMISSION */

        has = ngx_http_kairo_require_has(&id->permissions,
                                         &alternative->name);
        role = alternative->roles.elts;

        for (i = 0; !has && i < alternative->roles.nelts; i++) {
            has = ngx_http_kairo_require_has(&id->roles, role[i]);
        }
    }

    return has ? NGX_OK : NGX_DECLINED;
}


static ngx_uint_t
ngx_http_kairo_require_has(const ngx_str_t *list, const ngx_str_t *word)
{
    kairo_span_t  l, w;

    l.p = list->data;
    l.n = list->len;
    w.p = word->data;
    w.n = word->len;

    return kairo_facts_has(l, w);
}


static ngx_int_t
ngx_http_kairo_require_has_claim(ngx_http_kairo_pipe_t *p,
    const ngx_http_kairo_alternative_t *alternative)
{
    size_t         i;
    ngx_str_t      wanted;
    const json_t  *claims, *claim;

    claims = p->identity->claims(p->request);

    if (claims == NULL
        || ngx_http_kairo_value(p, alternative->value, &wanted) != NGX_OK)
    {
        return NGX_ERROR;
    }

    claim = kairo_json_at(claims, (char *) alternative->name.data);

    /* what a request leaves out must not be what a token has empty */

    if (claim == NULL || wanted.len == 0) {
        return NGX_DECLINED;
    }

    if (!json_is_array(claim)) {
        return ngx_http_kairo_require_is(claim, &wanted) ? NGX_OK
                                                         : NGX_DECLINED;
    }

    for (i = 0; i < json_array_size(claim); i++) {
        if (ngx_http_kairo_require_is(json_array_get(claim, i), &wanted)) {
            return NGX_OK;
        }
    }

    return NGX_DECLINED;
}


/* A text byte by byte; a number or a truth as JSON writes it. */

static ngx_uint_t
ngx_http_kairo_require_is(const json_t *claim, const ngx_str_t *wanted)
{
    size_t         n;
    char           text[64];
    kairo_span_t   s;

    if (json_is_string(claim)) {
        s = kairo_json_string(claim);

    } else if (json_is_number(claim) || json_is_boolean(claim)) {
        n = json_dumpb(claim, text, sizeof(text), JSON_ENCODE_ANY);
        s.p = (u_char *) text;
        s.n = n <= sizeof(text) ? n : 0;

    } else {
        return 0;
    }

    return s.n == wanted->len && ngx_memcmp(s.p, wanted->data, s.n) == 0;
}


/* The paywall, and nothing but it, is what an administrator may bypass. */

static ngx_int_t
ngx_http_kairo_require_paid(ngx_http_kairo_pipe_t *p,
    const ngx_http_kairo_require_conf_t *rcf)
{
    ngx_uint_t                           i;
    const ngx_str_t                     *tier;
    ngx_http_kairo_require_main_conf_t  *rmcf;
    const ngx_http_kairo_entitlement_t  *ent;

    /* what an earlier location has found of its paywall ends here */

    p->admin_run = 0;
    p->entitled = NULL;
    ngx_str_null(&p->entitlement);

    ent = rcf->entitlement;
    tier = &p->identity->tier;

    rmcf = ngx_http_get_module_main_conf(p->request,
                                         ngx_http_kairo_require_module);

    for (i = 0; i < ent->ntiers; i++) {
        if (ent->tiers[i].len == tier->len
            && ngx_strncmp(ent->tiers[i].data, tier->data, tier->len) == 0)
        {
            p->entitlement = ent->tiers[i];
            p->entitled = p->identity;
            return NGX_OK;
        }
    }

    if (ent->bypass && p->identity->admin) {

        ngx_str_set(&p->entitlement, "admin");
        p->entitled = p->identity;
        p->admin_run = 1;

        ngx_kairo_tally_count(&rmcf->tally, ent->tally,
                              NGX_HTTP_KAIRO_REQUIRE_BYPASSED);
        return NGX_OK;
    }

    ngx_http_kairo_require_note(p, &ent->text, ent->tally);

    ngx_str_set(&p->refusal.code, "entitlement_required");
    ngx_str_set(&p->refusal.hint, "this is not part of your plan");
    p->refusal.upgrade = rcf->upgrade;

    return NGX_HTTP_KAIRO_PAYMENT_REQUIRED;
}


/* auth lets nobody pass unknown, unless it is in a dry run. */

static ngx_int_t
ngx_http_kairo_require_nobody(ngx_http_kairo_pipe_t *p)
{
    static ngx_http_kairo_field_t  field = {
        ngx_string("WWW-Authenticate"),
        ngx_string("Bearer realm=\"kairo\""), NULL
    };

    ngx_str_set(&p->refusal.code, "no_credential");
    ngx_str_set(&p->refusal.hint, "the request has no valid credential; send "
                                  "Authorization: Bearer and a token");
    p->refusal.fields = &field;

    return NGX_HTTP_UNAUTHORIZED;
}


/* RFC 6750, section 3.1 */

static ngx_int_t
ngx_http_kairo_require_forbid(ngx_http_kairo_pipe_t *p,
    const ngx_str_t *requirement, ngx_uint_t tally)
{
    static ngx_http_kairo_field_t  field = {
        ngx_string("WWW-Authenticate"),
        ngx_string("Bearer realm=\"kairo\", "
                   "error=\"insufficient_scope\""), NULL
    };

    ngx_http_kairo_require_note(p, requirement, tally);

    ngx_str_set(&p->refusal.code, "forbidden");
    ngx_str_set(&p->refusal.hint, "you have no right to this");
    p->refusal.fields = &field;

    return NGX_HTTP_FORBIDDEN;
}


static void
ngx_http_kairo_require_note(ngx_http_kairo_pipe_t *p,
    const ngx_str_t *requirement, ngx_uint_t tally)
{
    ngx_uint_t                            dry;
    ngx_http_kairo_require_main_conf_t   *rmcf;
    const ngx_http_kairo_require_conf_t  *rcf;

    dry = (p->mode == NGX_HTTP_KAIRO_DRY_RUN);
    p->refusal.reason = *requirement;

    rcf = ngx_http_kairo_conf(p->request, &ngx_http_kairo_require_module);
    rmcf = ngx_http_get_module_main_conf(p->request,
                                         ngx_http_kairo_require_module);

    ngx_kairo_tally_count(&rmcf->tally, tally,
                          dry ? NGX_HTTP_KAIRO_REQUIRE_DRY
                              : NGX_HTTP_KAIRO_REQUIRE_REFUSED);

    if (!ngx_http_kairo_log_sampled(p, rmcf->refused, rcf->log_level)) {
        return;
    }

    ngx_log_error(rcf->log_level, p->request->connection->log, 0,
                  "kairo require: refused%s, requirement: %V",
                  dry ? ", dry run" : "", requirement);
}
