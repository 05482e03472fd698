
/*
 * The files of the store among themselves.
 *
 *     ngx_kairo_spool.c        the zone, events and those who wait
 *     ngx_kairo_spool_gap.c    what there was no room for
 *     ngx_kairo_spool_file.c   the file that a worker adds to: made, written,
 *                              synced, left
 *     ngx_kairo_spool_ship.c   from the files to Postgres
 */


#ifndef NGX_KAIRO_SPOOL_OWN_H_INCLUDED
#define NGX_KAIRO_SPOOL_OWN_H_INCLUDED


#include "stores/ngx_kairo_spool.h"
#include "core/kairo_spool.h"
#include "libs/kairo_spool_dir.h"


/* bytes of a record that tells an end: id, status, latency and bytes */

#define NGX_KAIRO_SPOOL_END    72

/* the status of what there is no room for, or what can't be kept */

#define NGX_KAIRO_SPOOL_REFUSED  503

/* bytes that are written at once */

#define NGX_KAIRO_SPOOL_TURN   (64 * 1024)

/* bytes; no record is longer */

#define NGX_KAIRO_SPOOL_RECORD  (KAIRO_SPOOL_HEAD + KAIRO_EVENT_MAX)


/* of a file before it has its name */

#define NGX_KAIRO_SPOOL_MAKING   ".spool.new"


/* A file.  It is freed when nobody syncs it any more. */

typedef struct {
    int                   fd;
    ngx_uint_t            nth;         /* of this process */
    kairo_spool_file_t    head;
    uint64_t              number;      /* of its last record */
    off_t                 size;        /* bytes that are written, all whole */
    ngx_thread_task_t    *task;        /* syncs it; or NULL */
    ngx_queue_t           written;     /* who waits for the next sync */
    ngx_queue_t           synced;      /* who waits for the one that runs */
    unsigned              dirty:1;     /* written since it was synced */
    unsigned              named:1;     /* its name is on disk */
    unsigned              syncing:1;   /* a thread has it */
    unsigned              left:1;      /* nothing more is added */
} ngx_kairo_spool_segment_t;


/* Somebody who waits until an event is on disk. */

typedef struct {
    ngx_kairo_op_t        op;          /* must be first */
    ngx_queue_t           queue;
    unsigned char         id[KAIRO_UUID];
    unsigned              open:1;      /* its end will follow */
    unsigned              written:1;   /* and may not be on disk yet */
    unsigned              dropped:1;   /* nobody waits any more */
} ngx_kairo_spool_wait_t;


typedef struct {
    unsigned char         id[KAIRO_UUID];
    unsigned              status;
    uint32_t              latency;
    uint64_t              bytes;
} ngx_kairo_spool_end_t;


/* What a gap in the buffer tells. */

typedef struct {
    uint64_t              lost;
    uint64_t              first;       /* ms since 1970 */
} ngx_kairo_spool_told_t;


struct ngx_kairo_spool_worker_s {
    ngx_kairo_spool_t          *spool;
    kairo_uuid7_t               maker;
    unsigned char               random[2048];
    size_t                      random_left;

    ngx_kairo_spool_segment_t  *segment;    /* NULL: none yet, or no room */
    ngx_uint_t                  nsegments;  /* made by this process */
    ngx_uint_t                  open;       /* events without their end */
    ngx_msec_t                  again;      /* no file is made before that */
    unsigned                    full:1;     /* and the log says so */
    unsigned                    started:1;

    u_char                     *buffer;     /* beginnings of this turn */
    size_t                      used;
    ngx_uint_t                  records;    /* in it */
    ngx_uint_t                  unheard;    /* of these: nobody waits */
    ngx_kairo_spool_told_t      told[NGX_KAIRO_SPOOL_CLASSES];
    ngx_queue_t                 waiting;    /* for the write at its end */
    ngx_queue_t                 written;    /* to be told so */
    ngx_queue_t                 failed;

    ngx_kairo_spool_end_t      *ends;       /* not written yet */
    ngx_uint_t                  nends;
    ngx_uint_t                  most;

    ngx_event_t                 flush;      /* posted: the end of the turn */
    ngx_event_t                 sync;       /* its timer */
    ngx_event_t                 look;       /* its timer: what is left */
};


/* ngx_kairo_spool.c */

/* Tells all that wait in the queue; who is told may put another. */

void ngx_kairo_spool_tell(ngx_kairo_spool_worker_t *w, ngx_queue_t *queue,
    ngx_int_t rc);

/* Who waits in one queue waits in another. */

void ngx_kairo_spool_move(ngx_queue_t *to, ngx_queue_t *from);

uint64_t ngx_kairo_spool_ms(void);

ngx_int_t ngx_kairo_spool_id(ngx_kairo_spool_worker_t *w,
    unsigned char id[KAIRO_UUID]);

/* Into the buffer, which is written at the end of this turn of the loop. */

ngx_int_t ngx_kairo_spool_add_record(ngx_kairo_spool_worker_t *w,
    const kairo_event_t *event);

/* Writes what is in the buffer, and the ends; nobody is told before the end of
   the turn. */

void ngx_kairo_spool_flush(ngx_kairo_spool_worker_t *w);


/* ngx_kairo_spool_gap.c */

/* What was lost is told, if there is room for that. */

void ngx_kairo_spool_gaps(ngx_kairo_spool_worker_t *w);

/* The buffer was written or not: what nobody waits for is lost then. */

void ngx_kairo_spool_gaps_told(ngx_kairo_spool_worker_t *w, ngx_int_t rc);


/* ngx_kairo_spool_file.c */

/* The directory, opened; -1: errno tells. */

int ngx_kairo_spool_dir(const ngx_path_t *path);

/*
 * Sees to a file with room for "need" bytes and the ends that are due, besides
 * what is in the buffer; which is written if another file is begun.
 * NGX_DECLINED: there is no room.
 */

ngx_int_t ngx_kairo_spool_room(ngx_kairo_spool_worker_t *w, size_t need);

/* All of "text", or nothing.  NGX_ERROR: the file is left. */

ngx_int_t ngx_kairo_spool_append(ngx_kairo_spool_worker_t *w,
    const u_char *text, size_t n);

/* Has a thread sync the file, and tell those who wait for that. */

void ngx_kairo_spool_sync(ngx_kairo_spool_worker_t *w,
    ngx_kairo_spool_segment_t *segment);

/*
 * Waits until what was written is on disk, and with "path" the names in that
 * directory too: a file is as lost without its name.  NGX_ERROR: errno tells.
 */

ngx_int_t ngx_kairo_spool_keep(int fd, const ngx_path_t *path);

/* Nothing more is added to the file: closed now, or when it is synced. */

void ngx_kairo_spool_leave(ngx_kairo_spool_worker_t *w);

/* What there is beside the files, of rows that were set aside, files that were
   damaged, and those that are just made: it takes of "size" too. */

off_t ngx_kairo_spool_kept(const ngx_kairo_spool_t *spool, int dir);

/* Gives back what processes that were killed have kept of the disk. */

void ngx_kairo_spool_trim(const ngx_kairo_spool_t *spool);


#endif /* NGX_KAIRO_SPOOL_OWN_H_INCLUDED */
