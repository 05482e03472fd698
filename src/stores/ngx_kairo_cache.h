
/*
 * Records in shared memory, found by a salted digest; see core/kairo_cache.h.
 *
 * A reload keeps them, unless the size changes: then, as after a restart, it
 * begins empty, with a new salt.
 */


#ifndef NGX_KAIRO_CACHE_H_INCLUDED
#define NGX_KAIRO_CACHE_H_INCLUDED


#include "stores/ngx_kairo.h"
#include "core/kairo_cache.h"
#include "core/kairo_counter.h"


typedef struct {
    uint64_t                 magic;
    uint64_t                 secret[2];    /* of the records' hash */
    u_char                   salt[32];     /* of the digests */
    kairo_counters_t         counters;     /* their meaning is the user's */
} ngx_kairo_cache_root_t;


typedef struct {
    ngx_shm_zone_t          *shm_zone;
    ngx_kairo_cache_root_t  *root;         /* NULL until the zone is made */
    kairo_cache_t           *cache;
} ngx_kairo_cache_t;


/* At configuration time; NGX_ERROR when nginx has said why. */

ngx_int_t ngx_kairo_cache_add(ngx_conf_t *cf, ngx_kairo_cache_t *cache,
    ngx_str_t *name, size_t size, void *tag);


#endif /* NGX_KAIRO_CACHE_H_INCLUDED */
