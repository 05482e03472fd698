
#include "stores/ngx_kairo_tally.h"


#define NGX_KAIRO_TALLY_MAGIC  0x31796c6c61746b6bull    /* "kktally1" */

/* the root, and what nginx takes of a zone for itself */

#define NGX_KAIRO_TALLY_SIZE                                                  \
    ngx_align(sizeof(ngx_kairo_tally_root_t), ngx_pagesize) + 16 * ngx_pagesize


static ngx_int_t ngx_kairo_tally_init(ngx_shm_zone_t *shm_zone, void *data);
static ngx_kairo_tally_row_t *ngx_kairo_tally_row(
    ngx_kairo_tally_root_t *root, const ngx_str_t *name);


ngx_int_t
ngx_kairo_tally_name(ngx_conf_t *cf, ngx_kairo_tally_t *tally,
    const ngx_str_t *name)
{
    ngx_uint_t  i;
    ngx_str_t  *names;

    if (tally->names.elts == NULL
        && ngx_array_init(&tally->names, cf->pool, 8, sizeof(ngx_str_t))
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    names = tally->names.elts;

    for (i = 0; i < tally->names.nelts; i++) {
        if (names[i].len == name->len
            && ngx_strncmp(names[i].data, name->data, name->len) == 0)
        {
            return i;
        }
    }

    names = ngx_array_push(&tally->names);
    if (names == NULL) {
        return NGX_ERROR;
    }

    *names = *name;

    return i;
}


ngx_int_t
ngx_kairo_tally_add(ngx_conf_t *cf, ngx_kairo_tally_t *tally, ngx_str_t *zone,
    void *tag)
{
    ngx_shm_zone_t  *shm_zone;

    if (tally->names.nelts == 0) {
        return NGX_OK;
    }

    tally->rows = ngx_pcalloc(cf->pool, tally->names.nelts
                                        * sizeof(ngx_kairo_tally_row_t *));
    if (tally->rows == NULL) {
        return NGX_ERROR;
    }

    shm_zone = ngx_shared_memory_add(cf, zone, NGX_KAIRO_TALLY_SIZE, tag);
    if (shm_zone == NULL) {
        return NGX_ERROR;
    }

    shm_zone->init = ngx_kairo_tally_init;
    shm_zone->data = tally;

    return NGX_OK;
}


static ngx_int_t
ngx_kairo_tally_init(ngx_shm_zone_t *shm_zone, void *data)
{
    ngx_str_t          *name;
    ngx_uint_t          i;
    ngx_slab_pool_t    *shpool;
    ngx_kairo_tally_t  *old = data;
    ngx_kairo_tally_t  *tally;

    tally = shm_zone->data;
    shpool = (ngx_slab_pool_t *) shm_zone->shm.addr;

    if (old == NULL) {

        tally->root = ngx_slab_calloc(shpool, sizeof(ngx_kairo_tally_root_t));
        if (tally->root == NULL) {
            return NGX_ERROR;
        }

        shpool->data = tally->root;
        tally->root->magic = NGX_KAIRO_TALLY_MAGIC;

    } else {
        tally->root = old->root;
    }

    if (tally->root->magic != NGX_KAIRO_TALLY_MAGIC) {
        ngx_log_error(NGX_LOG_EMERG, shm_zone->shm.log, 0,
                      "kairo \"%V\": the memory is of another version, "
                      "restart nginx", &shm_zone->shm.name);
        return NGX_ERROR;
    }

    name = tally->names.elts;

    for (i = 0; i < tally->names.nelts; i++) {
        tally->rows[i] = ngx_kairo_tally_row(tally->root, &name[i]);
    }

    return NGX_OK;
}


/* The master alone writes names, one configuration after the other. */

static ngx_kairo_tally_row_t *
ngx_kairo_tally_row(ngx_kairo_tally_root_t *root, const ngx_str_t *name)
{
    size_t                  n;
    ngx_uint_t              i;
    ngx_str_t               s;
    ngx_kairo_tally_row_t  *row;

    static const ngx_str_t  others = ngx_string("others");

    s = *name;

    for (i = 0; i < NGX_KAIRO_TALLY_MAX; i++) {

        row = &root->row[i];

        if (i == NGX_KAIRO_TALLY_MAX - 1) {
            s = others;
        }

        n = ngx_min(s.len, NGX_KAIRO_TALLY_NAME);

        if (row->used == 0) {
            ngx_memcpy(row->name, s.data, n);
            row->used = n;
        }

        if (row->used == n && ngx_memcmp(row->name, s.data, n) == 0) {
            break;
        }
    }

    return row;
}
