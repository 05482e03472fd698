
#include "stores/ngx_kairo_cache.h"
#include "stores/ngx_kairo_shm.h"


#define NGX_KAIRO_CACHE_MAGIC  0x3168636163616961ull    /* "aiacach1" */

#define NGX_KAIRO_CACHE_ROOT   ngx_align(sizeof(ngx_kairo_cache_root_t), 64)


static ngx_int_t ngx_kairo_cache_init(ngx_shm_zone_t *shm_zone, void *data);


ngx_int_t
ngx_kairo_cache_add(ngx_conf_t *cf, ngx_kairo_cache_t *cache, ngx_str_t *name,
    size_t size, void *tag)
{
    cache->shm_zone = ngx_shared_memory_add(cf, name, size, tag);
    if (cache->shm_zone == NULL) {
        return NGX_ERROR;
    }

    cache->shm_zone->init = ngx_kairo_cache_init;
    cache->shm_zone->data = cache;

    return NGX_OK;
}


static ngx_int_t
ngx_kairo_cache_init(ngx_shm_zone_t *shm_zone, void *data)
{
    size_t                   size;
    ngx_kairo_cache_t       *old = data;
    ngx_kairo_cache_t       *cache;
    ngx_kairo_cache_root_t  *root;

    cache = shm_zone->data;

    if (old) {

        if (old->root->magic != NGX_KAIRO_CACHE_MAGIC) {
            ngx_log_error(NGX_LOG_EMERG, shm_zone->shm.log, 0,
                          "kairo cache \"%V\": the memory is of another "
                          "version, restart nginx", &shm_zone->shm.name);
            return NGX_ERROR;
        }

        cache->root = old->root;
        cache->cache = old->cache;

        return NGX_OK;
    }

    root = ngx_kairo_shm_all(shm_zone, &size);
    if (root == NULL) {
        return NGX_ERROR;
    }

    if (getrandom(root->secret, sizeof(root->secret), 0)
        != (ssize_t) sizeof(root->secret)
        || getrandom(root->salt, sizeof(root->salt), 0)
           != (ssize_t) sizeof(root->salt))
    {
        ngx_log_error(NGX_LOG_EMERG, shm_zone->shm.log, ngx_errno,
                      "kairo cache: getrandom() failed");
        return NGX_ERROR;
    }

    root->magic = NGX_KAIRO_CACHE_MAGIC;

    cache->root = root;
    cache->cache = kairo_cache_init((u_char *) root + NGX_KAIRO_CACHE_ROOT,
                                    size - NGX_KAIRO_CACHE_ROOT);

    return cache->cache ? NGX_OK : NGX_ERROR;
}
