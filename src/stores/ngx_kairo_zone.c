
#include "stores/ngx_kairo_zone.h"
#include "stores/ngx_kairo_shm.h"


#define NGX_KAIRO_ZONE_MAGIC  0x316574617269616bull    /* "kairate1" */

/* the table begins on a pair of cache lines, and the root on a page */

#define NGX_KAIRO_ZONE_ROOT  ngx_align(sizeof(ngx_kairo_zone_root_t), 128)


static ngx_int_t ngx_kairo_zone_init(ngx_shm_zone_t *shm_zone, void *data);
static ngx_int_t ngx_kairo_zone_create(ngx_kairo_zone_t *zone);
static ngx_kairo_zone_t *ngx_kairo_zone_previous(ngx_shm_zone_t *shm_zone);


ngx_int_t
ngx_kairo_zone_add(ngx_conf_t *cf, ngx_kairo_zone_t *zone, ngx_str_t *name,
    size_t size, void *tag)
{
    ngx_shm_zone_t    *shm_zone;
    ngx_kairo_zone_t  *old;

    shm_zone = ngx_shared_memory_add(cf, name, size, tag);
    if (shm_zone == NULL) {
        return NGX_ERROR;
    }

    if (shm_zone->data) {
        return NGX_DECLINED;
    }

    zone->shm_zone = shm_zone;

    /*
     * States of another law would be misread, and draining workers go on
     * writing them: such a zone needs memory of its own, which nginx gives to
     * a zone of another size.  "noreuse" is not for a zone that wants to keep
     * its memory the next time.
     */

    old = ngx_kairo_zone_previous(shm_zone);

    if (old && old->window != zone->window
        && old->shm_zone->shm.size == shm_zone->shm.size)
    {
        shm_zone->shm.size += ngx_pagesize;
    }

    shm_zone->init = ngx_kairo_zone_init;
    shm_zone->data = zone;

    return NGX_OK;
}


static ngx_int_t
ngx_kairo_zone_init(ngx_shm_zone_t *shm_zone, void *data)
{
    ngx_kairo_zone_t  *old = data;
    ngx_kairo_zone_t  *zone;

    zone = shm_zone->data;

    if (old) {

        if (old->root->magic != NGX_KAIRO_ZONE_MAGIC) {
            ngx_log_error(NGX_LOG_EMERG, shm_zone->shm.log, 0,
                          "kairo zone \"%V\": its memory is not a rate table "
                          "of this version, give the zone another name",
                          &shm_zone->shm.name);
            return NGX_ERROR;
        }

        zone->root = old->root;
        zone->table = old->table;

        return NGX_OK;
    }

    if (ngx_kairo_zone_create(zone) != NGX_OK) {
        return NGX_ERROR;
    }

    old = ngx_kairo_zone_previous(shm_zone);

    if (old) {
        ngx_memcpy(zone->root->secret, old->root->secret,
                   sizeof(zone->root->secret));

        zone->root->born = old->root->born;
        zone->root->counters = old->root->counters;

        if (old->window == zone->window) {
            kairo_table_copy(zone->table, old->table, zone->window,
                             ngx_kairo_now());
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_kairo_zone_create(ngx_kairo_zone_t *zone)
{
    size_t      size;
    ngx_log_t  *log;

    log = zone->shm_zone->shm.log;

    zone->root = ngx_kairo_shm_all(zone->shm_zone, &size);
    if (zone->root == NULL) {
        return NGX_ERROR;
    }

    if (getrandom(zone->root->secret, sizeof(zone->root->secret), 0)
        != (ssize_t) sizeof(zone->root->secret))
    {
        ngx_log_error(NGX_LOG_EMERG, log, ngx_errno,
                      "kairo zone \"%V\": getrandom() failed",
                      &zone->shm_zone->shm.name);
        return NGX_ERROR;
    }

    zone->root->born = ngx_kairo_now();
    zone->root->size = size - NGX_KAIRO_ZONE_ROOT;
    zone->root->window = zone->window;
    zone->root->magic = NGX_KAIRO_ZONE_MAGIC;

    zone->table = kairo_table_init((u_char *) zone->root + NGX_KAIRO_ZONE_ROOT,
                                   zone->root->size);

    return zone->table ? NGX_OK : NGX_ERROR;
}


/*
 * The zone of the same name and tag in the cycle that is being replaced:
 * nginx hands the old data over for equal sizes only.  "ngx_cycle" is the old
 * cycle until the new one is complete.
 */

static ngx_kairo_zone_t *
ngx_kairo_zone_previous(ngx_shm_zone_t *shm_zone)
{
    ngx_uint_t                i;
    ngx_shm_zone_t           *old;
    ngx_list_part_t          *part;
    ngx_kairo_zone_t         *zone;
    volatile ngx_cycle_t     *cycle;

    cycle = ngx_cycle;

    if (cycle == NULL) {
        return NULL;
    }

    for (part = (ngx_list_part_t *) &cycle->shared_memory.part;
         part;
         part = part->next)
    {
        old = part->elts;

        for (i = 0; i < part->nelts; i++) {

            if (&old[i] == shm_zone
                || old[i].tag != shm_zone->tag
                || old[i].shm.name.len != shm_zone->shm.name.len
                || ngx_strncmp(old[i].shm.name.data, shm_zone->shm.name.data,
                               shm_zone->shm.name.len)
                   != 0)
            {
                continue;
            }

            zone = old[i].data;

            if (zone && zone->root
                && zone->root->magic == NGX_KAIRO_ZONE_MAGIC)
            {
                return zone;
            }
        }
    }

    return NULL;
}
