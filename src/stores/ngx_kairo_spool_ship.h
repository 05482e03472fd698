
/*
 * The files of the worker that ships among themselves.
 *
 *     ngx_kairo_spool_ship.c    who ships, when, and what becomes of a batch
 *     ngx_kairo_spool_files.c   the files of the directory as they are read,
 *                               and removed
 *     ngx_kairo_spool_aside.c   the file of what the database can't take
 */


#ifndef NGX_KAIRO_SPOOL_SHIP_H_INCLUDED
#define NGX_KAIRO_SPOOL_SHIP_H_INCLUDED


#include "stores/ngx_kairo_spool_own.h"
#include "libs/kairo_ingest.h"


/* files that are read to their end, and kept open until a batch is answered */

#define NGX_KAIRO_SPOOL_ENDED      64


/* A file of the directory. */

typedef struct {
    char                       name[KAIRO_SPOOL_NAME];
    uint64_t                   size;        /* as it was seen last */
    uint64_t                   place;       /* what is before that is shipped,
                                               or in the batch; 0: none is */
    uint64_t                   key[2];      /* of the file with that place */
    uint64_t                   last;        /* ms since 1970: of the last event
                                               before it */
    int                        fd;          /* read to its end, and locked; -1:
                                               it is not */
    unsigned                   strange:1;   /* left alone */
    unsigned                   bad:1;       /* some of it is no record */
    unsigned                   told:1;      /* the log was, of one of these */
} ngx_kairo_spool_file_t;


/* What a worker has set aside. */

typedef struct {
    int                        fd;          /* or -1 */
    off_t                      size;
    ngx_uint_t                 nth;         /* of this process */
    kairo_spool_file_t         head;
    uint64_t                   number;      /* of its last record */
    char                       name[2 * KAIRO_SPOOL_NAME];
    ngx_uint_t                 rows;        /* that the log was not told of */
    time_t                     told;
    ngx_thread_task_t         *task;        /* syncs it; or NULL */
    unsigned                   dirty:1;     /* written since it was synced */
    unsigned                   syncing:1;   /* a thread has it */
} ngx_kairo_spool_aside_t;


struct ngx_kairo_spool_ship_s {
    ngx_kairo_spool_t         *spool;
    ngx_event_t                timer;       /* the next look */
    ngx_event_t                turn;        /* posted: work goes on */
    ngx_event_t                soon;        /* a worker that ends waits
                                               for an answer for so long */
    int                        lock;        /* of the directory; -1: another
                                               worker has it */

    ngx_kairo_spool_file_t    *files;       /* by their names */
    ngx_uint_t                 nfiles;
    ngx_uint_t                 nth;         /* in hand */
    ngx_uint_t                 ended;       /* of those, how many have an fd */
    ngx_uint_t                 work;        /* of this turn of the loop */
    kairo_spool_reader_t       reader;      /* of the file in hand */
    kairo_event_t              event;       /* the batch had no room for it */
    unsigned                   open:1;      /* the reader is */
    unsigned                   kept:1;      /* there is such an event */
    unsigned                   begun:1;     /* the files are gone through */
    unsigned                   sending:1;   /* the batch is, and is not added
                                               to */
    unsigned                   told:1;      /* why the directory can't be
                                               read, or its lock be taken */

    kairo_ingest_t            *batch;       /* NULL: another worker ships */
    ngx_msec_t                 due;         /* when it is sent */
    ngx_uint_t                 first;       /* its first row that was not taken
                                               yet */
    ngx_uint_t                 slice;       /* rows that are sent at once */
    ngx_uint_t                 sent;        /* with the call */
    ngx_kairo_postgres_call_t *call;        /* or NULL */

    ngx_uint_t                 failed;      /* times, since it worked */
    ngx_msec_t                 since;
    ngx_msec_t                 again;       /* not before that */
    ngx_kairo_spool_aside_t    aside;
};


/* ngx_kairo_spool_files.c */

/*
 * Looks at the directory, and tells all workers what there is; with "anew" the
 * files are gone through from the first one on.
 */

void ngx_kairo_spool_files_look(ngx_kairo_spool_ship_t *ship,
    ngx_uint_t anew);

/*
 * Goes on reading into the batch.  NGX_AGAIN: so much for this turn of the
 * loop; NGX_DECLINED: the batch is full; NGX_OK: there is no more for now.
 */

ngx_int_t ngx_kairo_spool_files_read(ngx_kairo_spool_ship_t *ship);

/* The database has all that was read: what is read to its end is removed. */

void ngx_kairo_spool_files_done(ngx_kairo_spool_ship_t *ship);

/* Forgets all of them. */

void ngx_kairo_spool_files_close(ngx_kairo_spool_ship_t *ship);

/* ngx_kairo_spool_aside.c */

/*
 * Keeps a row that the database can't take in a file beside the spool.
 * NGX_ERROR: it could not be written.
 */

ngx_int_t ngx_kairo_spool_aside(ngx_kairo_spool_ship_t *ship,
    const kairo_event_t *event, const char *why);

/*
 * Whether what was set aside is on disk, as far as the spool is: before that
 * no file may go.  NGX_AGAIN: a thread sees to it, and calls
 * ngx_kairo_spool_ship_kept() then; NGX_ERROR: it could not be asked.
 */

ngx_int_t ngx_kairo_spool_aside_sync(ngx_kairo_spool_ship_t *ship);

void ngx_kairo_spool_aside_close(ngx_kairo_spool_ship_t *ship);


/* ngx_kairo_spool_ship.c */

void ngx_kairo_spool_ship_kept(ngx_kairo_spool_ship_t *ship, ngx_int_t rc);


#endif /* NGX_KAIRO_SPOOL_SHIP_H_INCLUDED */
