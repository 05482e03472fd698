
/*
 * The spool: events on disk before anybody acts on them, and from there to
 * Postgres.
 *
 * Each worker adds to a file of its own.  What is put during one turn of the
 * event loop is one write(2) at its end, and then those who wait are told:
 * a worker that is killed loses nothing that anybody was told of.  fdatasync()
 * runs in a thread: never, every "sync" ms, or before anybody is told.
 *
 * The room for a file is taken from the file system when it is made, and for
 * the end of each event when its beginning is put: a full disk is noticed
 * before work is done.
 *
 * With a database one worker at a time, who holds the lock of the directory,
 * ships the files of all of them, those of processes that are gone too, and
 * removes what the database has; see ngx_kairo_spool_ship.c.  It begins a file
 * from the start: what is shipped twice is there once, by its id.
 */


#ifndef NGX_KAIRO_SPOOL_H_INCLUDED
#define NGX_KAIRO_SPOOL_H_INCLUDED


#include "stores/ngx_kairo.h"
#include "stores/ngx_kairo_op.h"
#include "stores/ngx_kairo_postgres.h"
#include "core/kairo_event.h"


/* What is counted, of all workers. */

typedef enum {
    NGX_KAIRO_SPOOL_WRITTEN = 0,         /* records */
    NGX_KAIRO_SPOOL_BYTES,               /* of them */
    NGX_KAIRO_SPOOL_FAILED,              /* writes that failed */
    NGX_KAIRO_SPOOL_SHIPPED,             /* rows that the database has new */
    NGX_KAIRO_SPOOL_KNOWN,               /* that it had */
    NGX_KAIRO_SPOOL_ASIDE,               /* that were set aside */
    NGX_KAIRO_SPOOL_BAD,                 /* bytes that were no record */
    NGX_KAIRO_SPOOL_UNFINISHED,          /* bytes of records without an end */
    NGX_KAIRO_SPOOL_RETRIED,             /* batches that failed */
    NGX_KAIRO_SPOOL_COUNTS
} ngx_kairo_spool_count_e;


/* What is lost when the spool is full, by class, until that is recorded. */

typedef enum {
    NGX_KAIRO_SPOOL_RUN = 0,
    NGX_KAIRO_SPOOL_EVENT,
    NGX_KAIRO_SPOOL_REFUSAL,
    NGX_KAIRO_SPOOL_CLASSES
} ngx_kairo_spool_class_e;


typedef struct {
    uint64_t                     lost;      /* not yet told by a gap */
    uint64_t                     first;     /* ms since 1970 */
    uint64_t                     last;
    uint64_t                     total;
} ngx_kairo_spool_gap_t;


/* Of all workers. */

typedef struct {
    uint64_t                     magic;
    uint64_t                     count[NGX_KAIRO_SPOOL_COUNTS];
    ngx_kairo_spool_gap_t        gap[NGX_KAIRO_SPOOL_CLASSES];

    /* as the worker that ships, or looks, has seen it last */

    uint64_t                     files;
    uint64_t                     disk;      /* bytes that they take */
    uint64_t                     oldest;    /* ms since 1970, of the oldest
                                               that waits; 0: none does */
} ngx_kairo_spool_root_t;


typedef struct ngx_kairo_spool_worker_s  ngx_kairo_spool_worker_t;
typedef struct ngx_kairo_spool_ship_s  ngx_kairo_spool_ship_t;


#define NGX_KAIRO_SPOOL_SYNC_OFF     0
#define NGX_KAIRO_SPOOL_SYNC_ALWAYS  ((ngx_msec_t) -1)


typedef struct {
    ngx_path_t                  *path;
    off_t                        size;      /* bytes, of all files */
    off_t                        segment;   /* bytes that a file may have */
    ngx_msec_t                   sync;
    ngx_str_t                    edge;      /* its name in each event */
    ngx_str_t                    database;  /* as it was written */
    ngx_kairo_postgres_t        *db;        /* NULL: nobody ships */
    ngx_thread_pool_t           *threads;   /* NULL: never synced */
    ngx_kairo_spool_root_t      *root;      /* NULL until the zone is made */
    ngx_kairo_spool_worker_t    *worker;    /* of this process */
    ngx_kairo_spool_ship_t      *ship;      /* of this process */
} ngx_kairo_spool_t;


/* At configuration time; NGX_ERROR when nginx has said why. */

ngx_int_t ngx_kairo_spool_add(ngx_conf_t *cf, ngx_kairo_spool_t *spool,
    void *tag);

/* In a worker. */

void ngx_kairo_spool_start(ngx_kairo_spool_t *spool);
void ngx_kairo_spool_stop(ngx_kairo_spool_t *spool);


/*
 * How an event begins, or all of it.  Its id is made here and written into
 * "event"; where it says no status the room for its end is kept, until
 * ngx_kairo_spool_end().
 *
 * NGX_AGAIN: op will be answered when it is on disk, by NGX_OK, or by
 * NGX_ERROR: it is not; or nobody can say, and then it is ended with 503 here.
 * NGX_OK: nobody waits, "op" was NULL: a refusal, which is counted as lost
 * where it can't be written.  NGX_DECLINED: there is no room, or it can't be
 * written.
 */

ngx_int_t ngx_kairo_spool_put(ngx_kairo_spool_t *spool, kairo_event_t *event,
    ngx_kairo_op_t **op);

/*
 * The end of an event that was put without one: its id, status, latency and
 * bytes.  Once for each whose op was answered by NGX_OK, or canceled.  Nobody
 * waits for it.
 */

void ngx_kairo_spool_end(ngx_kairo_spool_t *spool, const kairo_event_t *event);

/*
 * Random bytes of the kernel's, fetched for many at a time; "n" up to 16.
 * NGX_ERROR: there are none.
 */

ngx_int_t ngx_kairo_spool_random(ngx_kairo_spool_t *spool, u_char *p,
    size_t n);

/* An event that could not be put: it is counted, and a gap will tell of it. */

void ngx_kairo_spool_lost(ngx_kairo_spool_t *spool,
    ngx_kairo_spool_class_e class);


/* ngx_kairo_spool_ship.c, in a worker, where there is a database. */

void ngx_kairo_spool_ship_start(ngx_kairo_spool_t *spool);
void ngx_kairo_spool_ship_stop(ngx_kairo_spool_t *spool);


static inline void
ngx_kairo_spool_count(const ngx_kairo_spool_t *spool,
    ngx_kairo_spool_count_e what, uint64_t n)
{
    (void) __atomic_fetch_add(&spool->root->count[what], n, __ATOMIC_RELAXED);
}


#endif /* NGX_KAIRO_SPOOL_H_INCLUDED */
