
/*
 * The files of the store among themselves.
 *
 *     ngx_kairo_postgres.c         the zone, questions and their ends
 *     ngx_kairo_postgres_conn.c    a connection's life, by its states
 *     ngx_kairo_postgres_io.c      what goes over it once it is made
 *     ngx_kairo_postgres_check.c   whether its role and schema are the right
 *                                  ones
 */


#ifndef NGX_KAIRO_POSTGRES_OWN_H_INCLUDED
#define NGX_KAIRO_POSTGRES_OWN_H_INCLUDED


/* nginx's first: what they define changes those of the system */

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>
#include <openssl/ssl.h>
#include <libpq-fe.h>

#include "stores/ngx_kairo_postgres.h"
#include "stores/ngx_kairo_lookup.h"


/* on a connection at a time: what is lost with it is asked again */

#define NGX_KAIRO_POSTGRES_DEPTH      64


typedef struct ngx_kairo_postgres_conn_s  ngx_kairo_postgres_conn_t;


typedef enum {
    NGX_KAIRO_POSTGRES_CLOSED = 0,       /* its timer tries again */
    NGX_KAIRO_POSTGRES_RESOLVING,
    NGX_KAIRO_POSTGRES_CONNECTING,       /* libpq shakes hands */
    NGX_KAIRO_POSTGRES_CHECKING,         /* the role, by our own questions */
    NGX_KAIRO_POSTGRES_READY
} ngx_kairo_postgres_state_e;


struct ngx_kairo_postgres_call_s {
    ngx_kairo_op_t                op;         /* must be first */
    ngx_queue_t                   queue;      /* waiting, or sent */
    ngx_event_t                   timer;
    ngx_kairo_postgres_t         *db;
    ngx_kairo_postgres_conn_t    *conn;       /* NULL: waiting */
    ngx_msec_t                    sent;       /* when */
    ngx_msec_t                    lost;       /* when that was */
    ngx_uint_t                    tries;
    const char                   *why;
    char                          state[6];   /* a SQLSTATE */
    PGresult                     *result;
    ngx_kairo_postgres_conn_t    *asker;      /* that checks itself; or NULL */
    unsigned                      unwanted:1; /* nobody waits any more */
    unsigned                      expired:1;  /* and its connection with it */

    const char                   *statement;
    ngx_uint_t                    nparams;
    const char                   *params[NGX_KAIRO_POSTGRES_PARAMS];
};


struct ngx_kairo_postgres_conn_s {
    ngx_kairo_postgres_t         *db;
    ngx_kairo_postgres_state_e    state;
    PGconn                       *pg;
    ngx_connection_t             *c;
    ngx_event_t                   timer;      /* of the state it is in */
    ngx_event_t                   flush;      /* posted: what was asked in this
                                                 turn of the loop */
    ngx_kairo_lookup_t           *lookup;
    ngx_uint_t                    nth;        /* of its addresses */
    ngx_queue_t                   sent;       /* in order */
    ngx_uint_t                    nsent;
    ngx_uint_t                    step;       /* of the check */
    ngx_uint_t                    generation; /* counts connections */
    ngx_msec_t                    made;       /* when it was ready */
    ngx_msec_t                    heard;      /* when it has answered last */
    unsigned                      writing:1;  /* the socket is full */
    unsigned                      retired:1;  /* asked nothing more */
};


struct ngx_kairo_postgres_worker_s {
    ngx_queue_t                   waiting;    /* calls, in order */
    ngx_uint_t                    calls;      /* waiting and sent */
    ngx_uint_t                    lookups;
    ngx_uint_t                    started;
    kairo_breaker_t               breaker;    /* of a server that was */
    ngx_kairo_postgres_conn_t     conn[NGX_KAIRO_POSTGRES_CONNECTIONS];
};


static inline uint64_t
ngx_kairo_postgres_now(void)
{
    return ngx_kairo_now() / 1000000 + 1;
}


static inline void
ngx_kairo_postgres_count(const ngx_kairo_postgres_t *db,
    ngx_kairo_postgres_count_e what)
{
    (void) __atomic_fetch_add(&db->root->count[what], 1, __ATOMIC_RELAXED);
}


/*
 * A worker that ends after a reload may know another server by that name: what
 * becomes of that one is no matter to the others.
 */

static inline kairo_breaker_t *
ngx_kairo_postgres_breaker(const ngx_kairo_postgres_t *db)
{
    return __atomic_load_n(&db->root->server, __ATOMIC_RELAXED) == db->server
           ? &db->root->breaker : &db->worker->breaker;
}


/* ngx_kairo_postgres.c */

/* Sends what waits, as far as there are connections for it. */

void ngx_kairo_postgres_dispatch(ngx_kairo_postgres_t *db);

/* A call off its queue: NGX_OK: its result is there.  It is freed. */

void ngx_kairo_postgres_end(ngx_kairo_postgres_call_t *call, ngx_int_t rc,
    ngx_kairo_postgres_count_e outcome, const char *why);

/* One whose connection was lost: it waits again, or ends. */

void ngx_kairo_postgres_again(ngx_kairo_postgres_call_t *call);

/* A call that is not in a queue yet; NULL: no memory. */

ngx_kairo_postgres_call_t *ngx_kairo_postgres_call(ngx_kairo_postgres_t *db,
    const char *statement, const ngx_str_t *params, ngx_uint_t n);

/* ngx_kairo_postgres_conn.c */

/* Makes a connection, or sets the timer for when that may be tried. */

void ngx_kairo_postgres_open(ngx_kairo_postgres_conn_t *conn);

/* It is checked: good for questions. */

void ngx_kairo_postgres_ready(ngx_kairo_postgres_conn_t *conn);

/* Before it was ready: it is closed, and tried again later. */

void ngx_kairo_postgres_fail(ngx_kairo_postgres_conn_t *conn,
    const char *why);

/* When it was ready: its calls are asked again, and another one is made. */

void ngx_kairo_postgres_lost(ngx_kairo_postgres_conn_t *conn,
    const char *why);

/* Closed, without a word. */

void ngx_kairo_postgres_close(ngx_kairo_postgres_conn_t *conn);

/* Whether the worker ends, and nobody waits: closed then. */

ngx_uint_t ngx_kairo_postgres_ends(ngx_kairo_postgres_conn_t *conn);

/* ngx_kairo_postgres_io.c */

/* The handshake is done: from now on questions can be sent.  NGX_ERROR: no. */

ngx_int_t ngx_kairo_postgres_converse(ngx_kairo_postgres_conn_t *conn);

/* NGX_ERROR: the connection is of no use any more. */

ngx_int_t ngx_kairo_postgres_send(ngx_kairo_postgres_conn_t *conn,
    ngx_kairo_postgres_call_t *call);

/* What the server remarks: nobody is told. */

void ngx_kairo_postgres_notice(void *data, const PGresult *result);

/* ngx_kairo_postgres_check.c */

/* Asks the first of its questions; the last one calls ready() or fail(). */

void ngx_kairo_postgres_check(ngx_kairo_postgres_conn_t *conn);

/* The first line of a message, for a log, without control bytes. */

const char *ngx_kairo_postgres_text(const char *message);


#endif /* NGX_KAIRO_POSTGRES_OWN_H_INCLUDED */
