
/*
 * All addresses of a name, IPv4 and IPv6, by nginx's resolver.
 */


#ifndef NGX_KAIRO_LOOKUP_H_INCLUDED
#define NGX_KAIRO_LOOKUP_H_INCLUDED


#include "stores/ngx_kairo.h"
#include "stores/ngx_kairo_op.h"
#include "core/kairo_span.h"


#define NGX_KAIRO_RESOLV_CONF  "/etc/resolv.conf"

#define NGX_KAIRO_LOOKUPS  1024      /* that wait at once, in a worker */


typedef struct {
    ngx_kairo_op_t        op;        /* must be first */

    /* the answer */

    ngx_int_t             status;    /* NGX_OK: "addrs"; or a state of nginx's
                                        resolver, NGX_RESOLVE_... */
    kairo_span_t         *addrs;     /* of 4 or 16 bytes each */
    ngx_uint_t            naddrs;    /* one or more when NGX_OK */

    /* the store's own */

    ngx_resolver_ctx_t   *ctx;       /* NULL: answered */
    ngx_uint_t           *waiting;
    ngx_uint_t            early;     /* it has come before anybody waits */
} ngx_kairo_lookup_t;


/*
 * At configuration time: a resolver that asks the name servers of this
 * machine, "nameserver" in resolv.conf(5).  NULL: there are none, or no
 * memory.
 */

ngx_resolver_t *ngx_kairo_resolver(ngx_conf_t *cf);

/*
 * Asks for a name in lower case, of at most 253 bytes and labels of at most
 * 63, which is not an address: nginx's resolver reads longer labels, and its
 * own kind of addresses, as something else.  The name lasts until the answer.
 *
 * NGX_OK: it is answered, and to be freed by ngx_kairo_lookup_free();
 * NGX_AGAIN: the op will be answered, by NGX_OK, and can be read in its
 * done(), for the last time; NGX_DECLINED: too many wait; NGX_ERROR: no
 * memory.  "waiting" is the worker's count of them, and outlives it.
 */

ngx_int_t ngx_kairo_lookup(ngx_resolver_t *resolver, const ngx_str_t *name,
    ngx_msec_t timeout, ngx_uint_t *waiting, ngx_kairo_lookup_t **lookup);

void ngx_kairo_lookup_free(ngx_kairo_lookup_t *lookup);


#endif /* NGX_KAIRO_LOOKUP_H_INCLUDED */
