
#include "stores/ngx_kairo_stats.h"


#define NGX_KAIRO_STATS_MAGIC  0x317461747369616bull    /* "kaistat1" */

/* no name that an operator writes before ":SIZE" can be this one */

#define NGX_KAIRO_STATS_NAME   "kairo:stats"


static ngx_int_t ngx_kairo_stats_init(ngx_shm_zone_t *shm_zone, void *data);


ngx_int_t
ngx_kairo_stats_add(ngx_conf_t *cf, ngx_kairo_stats_t *stats, void *tag)
{
    ngx_str_t        name = ngx_string(NGX_KAIRO_STATS_NAME);
    ngx_shm_zone_t  *shm_zone;

    /* the counters are some pages; nginx wants eight for itself */

    shm_zone = ngx_shared_memory_add(cf, &name, 16 * ngx_pagesize, tag);
    if (shm_zone == NULL) {
        return NGX_ERROR;
    }

    shm_zone->init = ngx_kairo_stats_init;
    shm_zone->data = stats;

    return NGX_OK;
}


static ngx_int_t
ngx_kairo_stats_init(ngx_shm_zone_t *shm_zone, void *data)
{
    ngx_kairo_stats_t  *old = data;
    ngx_slab_pool_t    *shpool;
    ngx_kairo_stats_t  *stats;

    stats = shm_zone->data;

    if (old) {

        if (old->root->magic != NGX_KAIRO_STATS_MAGIC) {
            ngx_log_error(NGX_LOG_EMERG, shm_zone->shm.log, 0,
                          "kairo stats: the memory is of another version, "
                          "restart nginx");
            return NGX_ERROR;
        }

        stats->root = old->root;
        return NGX_OK;
    }

    shpool = (ngx_slab_pool_t *) shm_zone->shm.addr;

    /* more than half a page, so it is whole pages: the counters are aligned */

    stats->root = ngx_slab_calloc(shpool, sizeof(ngx_kairo_stats_root_t));
    if (stats->root == NULL) {
        return NGX_ERROR;
    }

    shpool->data = stats->root;

    stats->root->magic = NGX_KAIRO_STATS_MAGIC;
    stats->root->born = ngx_kairo_now();

    return NGX_OK;
}
