
/*
 * What has been revoked, the same for all workers from one request to the
 * next, and kept in a file over restarts and upgrades.
 *
 * The file is only ever appended to; the table in shared memory is its index.
 * What is revoked is in the table first and on the disk before the revoker is
 * told.  Each worker looks every second for lines that another nginx, during
 * a binary upgrade, has appended.  A start leaves out of the file what has
 * expired, unless another nginx has it open.
 */


#ifndef NGX_KAIRO_REVOCATIONS_H_INCLUDED
#define NGX_KAIRO_REVOCATIONS_H_INCLUDED


#include "stores/ngx_kairo.h"
#include "stores/ngx_kairo_op.h"
#include "stores/ngx_kairo_thread.h"
#include "core/kairo_revocation_line.h"


#define NGX_KAIRO_REVOCATIONS_HEADER  "kairo revocations 1\n"


typedef struct {
    uint64_t                      magic;
    uint64_t                      offset;    /* that the file is read up to */
    uint64_t                      file[2];   /* which one: device and inode */
} ngx_kairo_revocations_root_t;


/* One for each configuration cycle. */

typedef struct {
    ngx_str_t                     path;
    ngx_shm_zone_t               *shm_zone;
    ngx_kairo_revocations_root_t *root;
    kairo_revocations_t          *table;
    ngx_fd_t                      fd;        /* for root alone, workers have
                                                it from the master */
    ngx_thread_pool_t            *pool;      /* that writes */

    /* the worker's own */

    ngx_event_t                   timer;
    ngx_uint_t                    gone;      /* the file; was logged */
    ngx_uint_t                    full;      /* the table; was logged */
} ngx_kairo_revocations_t;


/*
 * At configuration time, as the master's user: opens the file "path", or makes
 * it, and binds a zone of "size" bytes to it.  NGX_ERROR: has said why.
 */

ngx_int_t ngx_kairo_revocations_add(ngx_conf_t *cf,
    ngx_kairo_revocations_t *revocations, size_t size, void *tag);

/* In a worker, once: begins to look for lines of others. */

void ngx_kairo_revocations_watch(ngx_kairo_revocations_t *revocations,
    ngx_cycle_t *cycle);

/*
 * Revokes: it is in force when this returns, unless there is no room, which is
 * NGX_DECLINED.  NGX_OK: "op" is answered with NGX_OK when the line is on the
 * disk, NGX_ERROR when it could not be written.  NGX_ERROR: no memory.
 */

ngx_int_t ngx_kairo_revocations_put(ngx_kairo_revocations_t *revocations,
    kairo_revocation_kind_t kind, const kairo_revocation_t *revocation,
    ngx_kairo_op_t **op);


/*
 * Between the files of the store.
 *
 * open: NGX_ERROR, has said why.  load: puts whole lines from the offset on
 * into the table, 64 KiB at most; NGX_OK, NGX_AGAIN when there is more,
 * NGX_DECLINED when there is no room for the next one, NGX_ERROR when it can't
 * be read or a line is damaged, which has been logged.  load_all: the same to
 * the end.  is: whether this
 * is the file that the table was read from; mark: that it is.  shrink: leaves
 * out what has expired; whatever happens there is a whole file and "fd" is
 * open on it.
 */

ngx_int_t ngx_kairo_revocations_open(ngx_conf_t *cf,
    ngx_kairo_revocations_t *revocations);
ngx_int_t ngx_kairo_revocations_load(ngx_kairo_revocations_t *revocations,
    ngx_log_t *log);
ngx_int_t ngx_kairo_revocations_load_all(ngx_kairo_revocations_t *revocations,
    ngx_log_t *log);
ngx_uint_t ngx_kairo_revocations_is(
    const ngx_kairo_revocations_t *revocations, const ngx_file_info_t *fi);
void ngx_kairo_revocations_mark(ngx_kairo_revocations_t *revocations);
void ngx_kairo_revocations_shrink(ngx_kairo_revocations_t *revocations,
    ngx_log_t *log);
ngx_int_t ngx_kairo_revocations_append(ngx_kairo_revocations_t *revocations,
    kairo_revocation_kind_t kind, const kairo_revocation_t *revocation,
    ngx_kairo_op_t **op);


#endif /* NGX_KAIRO_REVOCATIONS_H_INCLUDED */
