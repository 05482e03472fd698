
#include "stores/ngx_kairo_shm.h"


void *
ngx_kairo_shm_all(ngx_shm_zone_t *shm_zone, size_t *size)
{
    void             *mem;
    ngx_slab_pool_t  *shpool;

    /* all the free pages at once: on a new zone they are one run */

    shpool = (ngx_slab_pool_t *) shm_zone->shm.addr;
    *size = shpool->pfree * ngx_pagesize;

    mem = ngx_slab_alloc(shpool, *size);

#if (NGX_DEBUG_MALLOC)
    if (mem) {
        ngx_memzero(mem, *size);    /* else it is as the kernel gave it */
    }
#endif

    shpool->data = mem;

    return mem;
}
