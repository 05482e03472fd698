
/*
 * A rate table in shared memory: one zone of nginx, one allocation in it.
 *
 *     slab header of nginx │ root: magic, secret, counters │ rate table
 *
 * A reload keeps the memory.  A reload with another size copies the secret,
 * the counters and all keys that owe; what draining workers charge after the
 * copy is lost.  A reload with another law copies all but the keys.  A restart
 * or a binary upgrade begins empty.
 */


#ifndef NGX_KAIRO_ZONE_H_INCLUDED
#define NGX_KAIRO_ZONE_H_INCLUDED


#include "stores/ngx_kairo.h"
#include "core/kairo_counter.h"
#include "core/kairo_table.h"


typedef struct {
    uint64_t           magic;
    uint64_t           secret[2];     /* of the keyed hash; never shown */
    uint64_t           born;          /* ngx_kairo_now() */
    uint64_t           size;          /* of the table, bytes */
    uint64_t           window;        /* its law, as kairo_limit_t.window */
    kairo_counters_t   counters;      /* their meaning is the user's */
} ngx_kairo_zone_root_t;


/* One for each configuration cycle; root and table are in shared memory. */

typedef struct {
    ngx_shm_zone_t         *shm_zone;
    uint64_t                window;   /* set before ngx_kairo_zone_add() */
    ngx_kairo_zone_root_t  *root;     /* NULL until the zone is made */
    kairo_table_t          *table;
} ngx_kairo_zone_t;


/* A smaller zone can't hold the slab header of nginx and a useful table. */

#define NGX_KAIRO_ZONE_MIN  (8 * ngx_pagesize)


/*
 * At configuration time: binds "zone", whose memory is the caller's, to the
 * shared memory of this name and size.  The zone's "shm_zone->data" is then
 * "zone".  "tag" tells the user: another tag can't share the name.
 * NGX_DECLINED: the name is bound already; NGX_ERROR: nginx has said why.
 */

ngx_int_t ngx_kairo_zone_add(ngx_conf_t *cf, ngx_kairo_zone_t *zone,
    ngx_str_t *name, size_t size, void *tag);


#endif /* NGX_KAIRO_ZONE_H_INCLUDED */
