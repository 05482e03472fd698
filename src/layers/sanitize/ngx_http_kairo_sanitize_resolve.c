
/*
 * The addresses of the targets that are names: all of them have to be such
 * that a tool may fetch from.
 *
 * Who asks is never told what a name resolves to, nor whether it does: an
 * address that is refused, and a name without one, get the same answer.
 */


#include "layers/sanitize/ngx_http_kairo_sanitize.h"


static ngx_int_t ngx_http_kairo_sanitize_ask(ngx_http_kairo_sanitize_t *s);
static void ngx_http_kairo_sanitize_answered(void *data, ngx_int_t rc);
static void ngx_http_kairo_sanitize_drop(ngx_kairo_op_t *op);
static ngx_int_t ngx_http_kairo_sanitize_answer(ngx_http_kairo_sanitize_t *s,
    const ngx_kairo_lookup_t *lookup);
static void ngx_http_kairo_sanitize_choose(ngx_http_kairo_sanitize_t *s,
    const ngx_kairo_lookup_t *lookup);
static ngx_int_t ngx_http_kairo_sanitize_unknown(ngx_http_kairo_sanitize_t *s,
    ngx_int_t status);


ngx_int_t
ngx_http_kairo_sanitize_resolve(ngx_http_kairo_sanitize_t *s)
{
    ngx_int_t                        rc;
    ngx_http_kairo_sanitize_item_t  *item;

    for ( /* void */ ; s->next < s->nitems; s->next++) {

        item = s->item[s->next];

        if (item->addr.n || !item->rule->resolve) {
            continue;
        }

        s->rule = item->rule;

        rc = ngx_http_kairo_sanitize_ask(s);

        if (rc != NGX_OK) {
            return rc;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_kairo_sanitize_ask(ngx_http_kairo_sanitize_t *s)
{
    ngx_int_t               rc;
    ngx_msec_int_t          left;
    const kairo_target_t   *target;

    if (s->end == 0) {
        s->end = ngx_current_msec + s->conf->timeout;
    }

    left = (ngx_msec_int_t) (s->end - ngx_current_msec);

    if (left <= 0) {
        return ngx_http_kairo_sanitize_refuse(s, "resolver_unavailable",
                                              "timeout");
    }

    target = &s->item[s->next]->target;

    s->name.data = (u_char *) target->host;
    s->name.len = target->n;

    rc = ngx_kairo_lookup(s->conf->resolver, &s->name, left,
                          &s->state->waiting, &s->lookup);

    if (rc == NGX_DECLINED) {
        return ngx_http_kairo_sanitize_refuse(s, "resolver_unavailable",
                                              "too_many_lookups");
    }

    if (rc == NGX_AGAIN) {
        s->lookup->op.owner = s;
        s->lookup->op.done = ngx_http_kairo_sanitize_answered;
        s->op.drop = ngx_http_kairo_sanitize_drop;
        return NGX_AGAIN;
    }

    if (rc == NGX_OK) {
        rc = ngx_http_kairo_sanitize_answer(s, s->lookup);
        ngx_kairo_lookup_free(s->lookup);
    }

    s->lookup = NULL;

    return rc;
}


/* The lookup's done(): goes on with the next name, or has the row's answer. */

static void
ngx_http_kairo_sanitize_answered(void *data, ngx_int_t rc)
{
    ngx_http_kairo_sanitize_t *s = data;

    rc = ngx_http_kairo_sanitize_lists(s);

    if (rc == NGX_OK) {
        rc = ngx_http_kairo_sanitize_answer(s, s->lookup);
    }

    s->lookup = NULL;

    if (rc == NGX_OK) {
        s->next++;
        rc = ngx_http_kairo_sanitize_resolve(s);
    }

    if (rc == NGX_OK) {
        rc = ngx_http_kairo_sanitize_tell(s);
    }

    if (rc != NGX_AGAIN) {
        ngx_kairo_op_finish(&s->op, rc);
    }
}


/* The client has left. */

static void
ngx_http_kairo_sanitize_drop(ngx_kairo_op_t *op)
{
    ngx_http_kairo_sanitize_t  *s;

    s = (ngx_http_kairo_sanitize_t *)
            ((u_char *) op - offsetof(ngx_http_kairo_sanitize_t, op));

    if (s->lookup) {
        ngx_kairo_op_cancel(&s->lookup->op);
        s->lookup = NULL;
    }
}


static ngx_int_t
ngx_http_kairo_sanitize_answer(ngx_http_kairo_sanitize_t *s,
    const ngx_kairo_lookup_t *lookup)
{
    ngx_uint_t   i;
    const char  *wrong;

    if (lookup->status != NGX_OK) {
        return ngx_http_kairo_sanitize_unknown(s, lookup->status);
    }

    for (i = 0; i < lookup->naddrs; i++) {

        wrong = kairo_target_answer(lookup->addrs[i], &s->lists);

        if (wrong) {
            return ngx_http_kairo_sanitize_refuse(s, "target_unresolvable",
                                                  wrong);
        }
    }

    ngx_http_kairo_sanitize_choose(s, lookup);

    return NGX_OK;
}


/*
 * One of them is told: of IPv4 where there is one, since not every machine has
 * a way to IPv6; but where there is a translator, its networks have no IPv4.
 */

static void
ngx_http_kairo_sanitize_choose(ngx_http_kairo_sanitize_t *s,
    const ngx_kairo_lookup_t *lookup)
{
    size_t                           n;
    ngx_uint_t                       i;
    kairo_span_t                     addr;
    ngx_http_kairo_sanitize_item_t  *item;

    item = s->item[s->next];

    n = s->conf->nat64 ? 16 : 4;
    addr = lookup->addrs[0];

    for (i = 0; i < lookup->naddrs; i++) {
        if (lookup->addrs[i].n == n) {
            addr = lookup->addrs[i];
            break;
        }
    }

    ngx_memcpy(item->ip, addr.p, addr.n);
    item->addr.p = item->ip;
    item->addr.n = addr.n;
}


static ngx_int_t
ngx_http_kairo_sanitize_unknown(ngx_http_kairo_sanitize_t *s, ngx_int_t status)
{
    switch (status) {

    case NGX_RESOLVE_FORMERR:
    case NGX_RESOLVE_NXDOMAIN:
        return ngx_http_kairo_sanitize_refuse(s, "target_unresolvable",
                                              "no_address");

    case NGX_RESOLVE_TIMEDOUT:
        return ngx_http_kairo_sanitize_refuse(s, "resolver_unavailable",
                                              "timeout");

    default:
        return ngx_http_kairo_sanitize_refuse(s, "resolver_unavailable",
                                              "server_failure");
    }
}
