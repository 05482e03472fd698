
/*
 * The table of revocations in shared memory, filled from the file.
 */


#include "stores/ngx_kairo_revocations.h"
#include "stores/ngx_kairo_shm.h"
#include "core/kairo_siphash.h"


#define NGX_KAIRO_REVOCATIONS_MAGIC  0x31736b7672616b69ull    /* "ikarvks1" */

#define NGX_KAIRO_REVOCATIONS_ZONE   "kairo:revocations:"

#define NGX_KAIRO_REVOCATIONS_ROOT                                            \
    ngx_align(sizeof(ngx_kairo_revocations_root_t), 64)

/* ms between looks at the file */

#define NGX_KAIRO_REVOCATIONS_LOOK   1000


static ngx_int_t ngx_kairo_revocations_init(ngx_shm_zone_t *shm_zone,
    void *data);
static ngx_int_t ngx_kairo_revocations_lay(
    ngx_kairo_revocations_t *revocations);
static ngx_int_t ngx_kairo_revocations_replay(
    ngx_kairo_revocations_t *revocations, ngx_log_t *log);
static ngx_int_t ngx_kairo_revocations_change(
    ngx_kairo_revocations_t *revocations, ngx_log_t *log);
static void ngx_kairo_revocations_look(ngx_event_t *ev);
static ngx_int_t ngx_kairo_revocations_follow(
    ngx_kairo_revocations_t *revocations);


ngx_int_t
ngx_kairo_revocations_add(ngx_conf_t *cf, ngx_kairo_revocations_t *revocations,
    size_t size, void *tag)
{
    ngx_str_t     name;
    kairo_span_t  path;

    static const uint64_t  key[2] = { 0, 0 };

    if (ngx_kairo_revocations_open(cf, revocations) != NGX_OK) {
        return NGX_ERROR;
    }

    /* another file is another zone: a reload that fails changes nothing */

    path.p = revocations->path.data;
    path.n = revocations->path.len;

    name.data = ngx_pnalloc(cf->pool, sizeof(NGX_KAIRO_REVOCATIONS_ZONE) + 16);
    if (name.data == NULL) {
        return NGX_ERROR;
    }

    name.len = ngx_sprintf(name.data, NGX_KAIRO_REVOCATIONS_ZONE "%016xL",
                           kairo_siphash(key, 0, path))
               - name.data;

    revocations->shm_zone = ngx_shared_memory_add(cf, &name, size, tag);
    revocations->pool = ngx_kairo_thread(cf, "kairo:revocations");

    if (revocations->shm_zone == NULL || revocations->pool == NULL) {
        return NGX_ERROR;
    }

    revocations->shm_zone->init = ngx_kairo_revocations_init;
    revocations->shm_zone->data = revocations;

    return NGX_OK;
}


void
ngx_kairo_revocations_watch(ngx_kairo_revocations_t *revocations,
    ngx_cycle_t *cycle)
{
    revocations->timer.handler = ngx_kairo_revocations_look;
    revocations->timer.data = revocations;
    revocations->timer.log = cycle->log;

    /* a worker that shuts down does not wait for it */

    revocations->timer.cancelable = 1;

    ngx_add_timer(&revocations->timer, NGX_KAIRO_REVOCATIONS_LOOK);
}


ngx_int_t
ngx_kairo_revocations_put(ngx_kairo_revocations_t *revocations,
    kairo_revocation_kind_t kind, const kairo_revocation_t *revocation,
    ngx_kairo_op_t **op)
{
    int               rc;
    ngx_slab_pool_t  *shpool;

    shpool = (ngx_slab_pool_t *) revocations->shm_zone->shm.addr;

    ngx_shmtx_lock(&shpool->mutex);

    rc = kairo_revocations_put(revocations->table, revocation, ngx_time());

    ngx_shmtx_unlock(&shpool->mutex);

    if (rc != 0) {
        return NGX_DECLINED;
    }

    return ngx_kairo_revocations_append(revocations, kind, revocation, op);
}


static ngx_int_t
ngx_kairo_revocations_init(ngx_shm_zone_t *shm_zone, void *data)
{
    ngx_kairo_revocations_t *old = data;
    ngx_kairo_revocations_t *revocations;

    revocations = shm_zone->data;

    if (old == NULL) {

        if (ngx_kairo_revocations_lay(revocations) != NGX_OK
            || ngx_kairo_revocations_replay(revocations, shm_zone->shm.log)
               != NGX_OK)
        {
            return NGX_ERROR;
        }

        ngx_kairo_revocations_mark(revocations);

        if (!ngx_test_config) {
            ngx_kairo_revocations_shrink(revocations, shm_zone->shm.log);
        }

        return NGX_OK;
    }

    if (old->root->magic != NGX_KAIRO_REVOCATIONS_MAGIC) {
        ngx_log_error(NGX_LOG_EMERG, shm_zone->shm.log, 0,
                      "kairo revocations: the memory is of another version, "
                      "restart nginx");
        return NGX_ERROR;
    }

    revocations->root = old->root;
    revocations->table = old->table;

    return ngx_kairo_revocations_change(revocations, shm_zone->shm.log);
}


static ngx_int_t
ngx_kairo_revocations_lay(ngx_kairo_revocations_t *revocations)
{
    size_t   size;
    u_char  *mem;

    mem = ngx_kairo_shm_all(revocations->shm_zone, &size);
    if (mem == NULL) {
        return NGX_ERROR;
    }

    revocations->root = (ngx_kairo_revocations_root_t *) mem;
    revocations->root->magic = NGX_KAIRO_REVOCATIONS_MAGIC;

    revocations->table = kairo_revocations_init(
                             mem + NGX_KAIRO_REVOCATIONS_ROOT,
                             size - NGX_KAIRO_REVOCATIONS_ROOT);

    return revocations->table ? NGX_OK : NGX_ERROR;
}


/* What can't be read may be a revocation that would be forgotten. */

static ngx_int_t
ngx_kairo_revocations_replay(ngx_kairo_revocations_t *revocations,
    ngx_log_t *log)
{
    ngx_int_t  rc;

    rc = ngx_kairo_revocations_load_all(revocations, log);

    if (rc == NGX_DECLINED) {
        ngx_log_error(NGX_LOG_EMERG, log, 0,
                      "kairo_revocations has room for %uL, and \"%V\" has "
                      "more that are in force: give it a larger size=",
                      kairo_revocations_capacity(revocations->table),
                      &revocations->path);
    }

    return rc == NGX_OK ? NGX_OK : NGX_ERROR;
}


/*
 * The memory is kept over a reload.  When another file has taken the place of
 * the old one, what it has is added.
 */

static ngx_int_t
ngx_kairo_revocations_change(ngx_kairo_revocations_t *revocations,
    ngx_log_t *log)
{
    uint64_t          offset;
    ngx_int_t         rc;
    ngx_slab_pool_t  *shpool;
    ngx_file_info_t   fi;

    if (ngx_fd_info(revocations->fd, &fi) == NGX_FILE_ERROR) {
        ngx_log_error(NGX_LOG_EMERG, log, ngx_errno,
                      "kairo revocations: \"%V\" can't be read",
                      &revocations->path);
        return NGX_ERROR;
    }

    if (ngx_kairo_revocations_is(revocations, &fi)) {
        return NGX_OK;
    }

    shpool = (ngx_slab_pool_t *) revocations->shm_zone->shm.addr;

    ngx_shmtx_lock(&shpool->mutex);

    offset = revocations->root->offset;
    revocations->root->offset = 0;

    rc = ngx_kairo_revocations_replay(revocations, log);

    if (rc == NGX_OK) {
        ngx_kairo_revocations_mark(revocations);

    } else {
        revocations->root->offset = offset;
    }

    ngx_shmtx_unlock(&shpool->mutex);

    if (rc == NGX_OK) {
        ngx_log_error(NGX_LOG_ALERT, log, 0,
                      "kairo revocations: \"%V\" is another file than before: "
                      "what was revoked and is not in it is in force until "
                      "nginx ends", &revocations->path);
    }

    return rc;
}


static void
ngx_kairo_revocations_look(ngx_event_t *ev)
{
    ngx_msec_t                delay;
    ngx_kairo_revocations_t  *revocations;

    revocations = ev->data;

    delay = ngx_kairo_revocations_follow(revocations) == NGX_AGAIN
            ? 1 : NGX_KAIRO_REVOCATIONS_LOOK;

    /* while it shuts down too: requests that have begun are still judged */

    ngx_add_timer(&revocations->timer, delay);
}


static ngx_int_t
ngx_kairo_revocations_follow(ngx_kairo_revocations_t *revocations)
{
    ngx_int_t         rc;
    ngx_slab_pool_t  *shpool;
    ngx_file_info_t   fi;

    if (ngx_fd_info(revocations->fd, &fi) == NGX_FILE_ERROR) {
        return NGX_ERROR;
    }

    if (fi.st_nlink == 0 && !revocations->gone) {
        revocations->gone = 1;
        ngx_log_error(NGX_LOG_ALERT, ngx_cycle->log, 0,
                      "kairo revocations: \"%V\" was removed: what has been "
                      "revoked stays so until nginx ends, and nothing more "
                      "can be; restart nginx", &revocations->path);
    }

    shpool = (ngx_slab_pool_t *) revocations->shm_zone->shm.addr;

    if ((uint64_t) ngx_file_size(&fi) <= revocations->root->offset
        || !ngx_shmtx_trylock(&shpool->mutex))
    {
        return NGX_OK;
    }

    /* a worker of before a reload may have a file that is no longer it */

    if (!ngx_kairo_revocations_is(revocations, &fi)) {
        ngx_shmtx_unlock(&shpool->mutex);
        return NGX_OK;
    }

    rc = ngx_kairo_revocations_load(revocations, ngx_cycle->log);

    ngx_shmtx_unlock(&shpool->mutex);

    if (rc == NGX_DECLINED && !revocations->full) {
        ngx_log_error(NGX_LOG_ALERT, ngx_cycle->log, 0,
                      "kairo revocations: no room for what another nginx has "
                      "revoked: give kairo_revocations a larger size=");
    }

    revocations->full = (rc == NGX_DECLINED);

    return rc;
}
