
#include "stores/ngx_kairo_lookup.h"


static void ngx_kairo_lookup_answered(ngx_resolver_ctx_t *ctx);
static void ngx_kairo_lookup_take(ngx_kairo_lookup_t *lookup,
    const ngx_resolver_ctx_t *ctx);
static void ngx_kairo_lookup_drop(ngx_kairo_op_t *op);
static void ngx_kairo_lookup_end(ngx_kairo_lookup_t *lookup);


ngx_int_t
ngx_kairo_lookup(ngx_resolver_t *resolver, const ngx_str_t *name,
    ngx_msec_t timeout, ngx_uint_t *waiting, ngx_kairo_lookup_t **lookup)
{
    ngx_kairo_lookup_t  *asked;

    if (*waiting >= NGX_KAIRO_LOOKUPS) {
        return NGX_DECLINED;
    }

    asked = ngx_calloc(sizeof(ngx_kairo_lookup_t), ngx_cycle->log);
    if (asked == NULL) {
        return NGX_ERROR;
    }

    asked->ctx = ngx_resolve_start(resolver, NULL);

    if (asked->ctx == NULL || asked->ctx == NGX_NO_RESOLVER) {
        ngx_free(asked);
        return NGX_ERROR;
    }

    asked->op.drop = ngx_kairo_lookup_drop;
    asked->waiting = waiting;
    asked->early = 1;
    (*waiting)++;

    asked->ctx->name = *name;
    asked->ctx->handler = ngx_kairo_lookup_answered;
    asked->ctx->data = asked;
    asked->ctx->timeout = timeout;

    if (ngx_resolve_name(asked->ctx) != NGX_OK) {

        /* it has freed the context */

        asked->ctx = NULL;
        (*waiting)--;
        ngx_kairo_lookup_free(asked);

        return NGX_ERROR;
    }

    *lookup = asked;

    if (asked->ctx == NULL) {
        return NGX_OK;
    }

    asked->early = 0;

    return NGX_AGAIN;
}


void
ngx_kairo_lookup_free(ngx_kairo_lookup_t *lookup)
{
    ngx_free(lookup->addrs);
    ngx_free(lookup);
}


/* It may be called by ngx_resolve_name(). */

static void
ngx_kairo_lookup_answered(ngx_resolver_ctx_t *ctx)
{
    ngx_kairo_lookup_t  *lookup;

    lookup = ctx->data;

    ngx_kairo_lookup_take(lookup, ctx);
    ngx_kairo_lookup_end(lookup);

    if (!lookup->early) {
        ngx_kairo_op_finish(&lookup->op, NGX_OK);
        ngx_kairo_lookup_free(lookup);
    }
}


/* Copies the addresses: they are the resolver's, and go with the context. */

static void
ngx_kairo_lookup_take(ngx_kairo_lookup_t *lookup,
    const ngx_resolver_ctx_t *ctx)
{
    u_char                *p;
    ngx_uint_t             i;
    kairo_span_t          *addr;
    struct sockaddr_in    *sin;
    struct sockaddr_in6   *sin6;

    lookup->status = ctx->state;

    if (ctx->state != NGX_OK) {
        return;
    }

    lookup->status = NGX_RESOLVE_NXDOMAIN;

    if (ctx->naddrs == 0) {
        return;
    }

    lookup->addrs = ngx_alloc(ctx->naddrs * (sizeof(kairo_span_t) + 16),
                              ngx_cycle->log);
    if (lookup->addrs == NULL) {
        lookup->status = NGX_RESOLVE_SERVFAIL;
        return;
    }

    lookup->status = NGX_OK;
    p = (u_char *) (lookup->addrs + ctx->naddrs);

    for (i = 0; i < ctx->naddrs; i++) {

        addr = &lookup->addrs[lookup->naddrs++];
        addr->p = p;

        if (ctx->addrs[i].sockaddr->sa_family == AF_INET6) {
            sin6 = (struct sockaddr_in6 *) ctx->addrs[i].sockaddr;
            addr->n = 16;
            p = ngx_cpymem(p, &sin6->sin6_addr, 16);

        } else {
            sin = (struct sockaddr_in *) ctx->addrs[i].sockaddr;
            addr->n = 4;
            p = ngx_cpymem(p, &sin->sin_addr, 4);
        }
    }
}


static void
ngx_kairo_lookup_drop(ngx_kairo_op_t *op)
{
    ngx_kairo_lookup_t *lookup = (ngx_kairo_lookup_t *) op;

    ngx_kairo_lookup_end(lookup);
    ngx_kairo_lookup_free(lookup);
}


/* The resolver calls the handler no more. */

static void
ngx_kairo_lookup_end(ngx_kairo_lookup_t *lookup)
{
    ngx_resolver_ctx_t  *ctx;

    ctx = lookup->ctx;

    lookup->ctx = NULL;
    (*lookup->waiting)--;

    ngx_resolve_name_done(ctx);
}
