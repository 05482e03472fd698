
/*
 * Counters by name, where names come from the configuration: in a small zone
 * of shared memory, one for all workers, and going on over a reload for the
 * names that stay.
 */


#ifndef NGX_KAIRO_TALLY_H_INCLUDED
#define NGX_KAIRO_TALLY_H_INCLUDED


#include "stores/ngx_kairo.h"


#define NGX_KAIRO_TALLY_NAME     112     /* what is longer is cut */
#define NGX_KAIRO_TALLY_COUNTS     3
#define NGX_KAIRO_TALLY_MAX      256     /* the last one is for all others */


typedef struct {
    uint64_t                  used;      /* bytes of the name; 0: nobody's */
    u_char                    name[NGX_KAIRO_TALLY_NAME];
    uint64_t                  count[NGX_KAIRO_TALLY_COUNTS];
} ngx_kairo_tally_row_t;


typedef struct {
    uint64_t                  magic;
    ngx_kairo_tally_row_t     row[NGX_KAIRO_TALLY_MAX];
} ngx_kairo_tally_root_t;


/* One for each configuration cycle. */

typedef struct {
    ngx_array_t               names;     /* of ngx_str_t, each once */
    ngx_kairo_tally_root_t   *root;      /* NULL until the zone is made */
    ngx_kairo_tally_row_t   **rows;      /* by the index of a name */
} ngx_kairo_tally_t;


/*
 * At configuration time: the index of a name, the same for the same name.
 * NGX_ERROR: no memory.
 */

ngx_int_t ngx_kairo_tally_name(ngx_conf_t *cf, ngx_kairo_tally_t *tally,
    const ngx_str_t *name);

/* When all names are known.  NGX_ERROR when nginx has said why. */

ngx_int_t ngx_kairo_tally_add(ngx_conf_t *cf, ngx_kairo_tally_t *tally,
    ngx_str_t *zone, void *tag);


static inline void
ngx_kairo_tally_count(const ngx_kairo_tally_t *tally, ngx_uint_t name,
    ngx_uint_t i)
{
    (void) __atomic_fetch_add(&tally->rows[name]->count[i], 1,
                              __ATOMIC_RELAXED);
}


#endif /* NGX_KAIRO_TALLY_H_INCLUDED */
