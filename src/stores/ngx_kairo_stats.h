
/*
 * Counters of the module as a whole, in a small zone of shared memory: they
 * are one for all workers and go on over a reload.
 */


#ifndef NGX_KAIRO_STATS_H_INCLUDED
#define NGX_KAIRO_STATS_H_INCLUDED


#include "stores/ngx_kairo.h"
#include "core/kairo_counter.h"


#define NGX_KAIRO_STATS_ROWS  16


typedef struct {
    uint64_t           magic;
    uint64_t           born;          /* ngx_kairo_now() */
    kairo_counters_t   rows[NGX_KAIRO_STATS_ROWS];
} ngx_kairo_stats_root_t;


typedef struct {
    ngx_kairo_stats_root_t  *root;    /* NULL until the zone is made */
} ngx_kairo_stats_t;


/* At configuration time; NGX_ERROR when nginx has said why. */

ngx_int_t ngx_kairo_stats_add(ngx_conf_t *cf, ngx_kairo_stats_t *stats,
    void *tag);


static inline void
ngx_kairo_stats_count(ngx_kairo_stats_t *stats, ngx_uint_t row, ngx_uint_t i)
{
    kairo_counter_add(&stats->root->rows[row], ngx_worker, (unsigned) i, 1);
}


#endif /* NGX_KAIRO_STATS_H_INCLUDED */
