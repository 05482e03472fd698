
/*
 * Postgres on the event loop: a named database that workers ask questions, and
 * that never makes one of them wait.
 *
 * Each worker has connections of its own, made when it starts, never at
 * configuration time.  Questions go out at once, one behind the other, and
 * each is a transaction of its own.  An answer comes within "timeout", or the
 * question ends without one:
 *
 *   - a connection that gives no answer for that long is closed;
 *   - what was asked on a connection that is lost is asked once more on
 *     another, and the end of a server counts once however many it ends, so a
 *     statement has to be one that may be sent again;
 *   - while there is no connection questions wait, and once the database has
 *     been gone for longer than "timeout" they are turned away at once;
 *   - no more than "queue" of them wait at a time.
 *
 * When a connection is made its role is looked at: one that could do more than
 * call functions is not used, see ngx_kairo_postgres_check.c.
 */


#ifndef NGX_KAIRO_POSTGRES_H_INCLUDED
#define NGX_KAIRO_POSTGRES_H_INCLUDED


#include "stores/ngx_kairo.h"
#include "stores/ngx_kairo_op.h"
#include "core/kairo_breaker.h"
#include "libs/kairo_conninfo.h"


#define NGX_KAIRO_POSTGRES_PARAMS       16
#define NGX_KAIRO_POSTGRES_CONNECTIONS  16

/* The schema of sql/ that this module is for: its last number. */

#define NGX_KAIRO_POSTGRES_SCHEMA        5


/* What became of questions, and connections, as they are counted. */

typedef enum {
    NGX_KAIRO_POSTGRES_ANSWERED = 0,
    NGX_KAIRO_POSTGRES_FAILED,           /* the database said no */
    NGX_KAIRO_POSTGRES_TIMEOUT,
    NGX_KAIRO_POSTGRES_LOST,             /* the connection, twice */
    NGX_KAIRO_POSTGRES_DOWN,             /* turned away */
    NGX_KAIRO_POSTGRES_FULL,             /* turned away: the queue is full */
    NGX_KAIRO_POSTGRES_OUTCOMES,

    NGX_KAIRO_POSTGRES_CONNECTED = NGX_KAIRO_POSTGRES_OUTCOMES,
    NGX_KAIRO_POSTGRES_UNCONNECTED,      /* tries that failed */
    NGX_KAIRO_POSTGRES_RESENT,
    NGX_KAIRO_POSTGRES_COUNTS
} ngx_kairo_postgres_count_e;


/* Of all workers. */

typedef struct {
    uint64_t                     magic;
    uint64_t                     server;  /* a hash of the connection string */
    kairo_breaker_t              breaker;
    uint64_t                     count[NGX_KAIRO_POSTGRES_COUNTS];
} ngx_kairo_postgres_root_t;


typedef struct ngx_kairo_postgres_worker_s  ngx_kairo_postgres_worker_t;


typedef struct {
    ngx_str_t                     name;
    kairo_conninfo_t              info;
    ngx_msec_t                    timeout;
    ngx_msec_t                    connect_timeout;
    ngx_msec_t                    lifetime;   /* of a connection: libpq gives
                                                 no memory back, and rights
                                                 change */
    ngx_uint_t                    queue;
    ngx_uint_t                    connections;
    ngx_resolver_t               *resolver;   /* for a name; or NULL */
    ngx_str_t                     host;       /* that name, in lower case */
    uint64_t                      server;     /* as in "root" */
    ngx_kairo_postgres_root_t    *root;       /* NULL until the zone is made */
    ngx_kairo_postgres_worker_t  *worker;     /* of this process */
} ngx_kairo_postgres_t;


typedef struct ngx_kairo_postgres_call_s  ngx_kairo_postgres_call_t;


/*
 * At configuration time, with everything but "root" and "worker" filled in.
 * NGX_ERROR when nginx has said why.
 */

ngx_int_t ngx_kairo_postgres_add(ngx_conf_t *cf, ngx_kairo_postgres_t *db,
    void *tag);

/*
 * In a worker, before it connects: takes away what "env" has left in the
 * environment, which would stand in for what is not in a connection string,
 * another address or a service's password.
 */

void ngx_kairo_postgres_alone(void);

/* In a worker: connects, and closes. */

void ngx_kairo_postgres_start(ngx_kairo_postgres_t *db);
void ngx_kairo_postgres_stop(ngx_kairo_postgres_t *db);


/*
 * Asks one statement with parameters $1 to $n as texts, which are copied; the
 * statement is a literal, and lasts.
 *
 * NGX_AGAIN: call->op will be answered, once and not before this returns: by
 * NGX_OK, with rows to read in done() and never after, or by NGX_ERROR;
 * ngx_kairo_postgres_why() tells in either case.  NGX_DECLINED: turned away,
 * and "why" says so; NGX_ERROR: no memory.
 */

ngx_int_t ngx_kairo_postgres_ask(const ngx_kairo_postgres_t *db,
    const char *statement, const ngx_str_t *params, ngx_uint_t n,
    ngx_kairo_postgres_call_t **call, const char **why);

ngx_kairo_op_t *ngx_kairo_postgres_op(ngx_kairo_postgres_call_t *call);

/* It is nobody's request: a worker that shuts down does not wait for it. */

void ngx_kairo_postgres_unhurried(ngx_kairo_postgres_call_t *call);

/* A word for logs and variables: "timeout", "lost", a SQLSTATE. */

const char *ngx_kairo_postgres_why(const ngx_kairo_postgres_call_t *call);

ngx_uint_t ngx_kairo_postgres_rows(const ngx_kairo_postgres_call_t *call);

/*
 * A value of the answer; its "p" is NULL where there is none: no such row or
 * column, or NULL in SQL.  Whatever the server has sent: it is not verified.
 */

kairo_span_t ngx_kairo_postgres_value(const ngx_kairo_postgres_call_t *call,
    ngx_uint_t row, ngx_uint_t column);


#endif /* NGX_KAIRO_POSTGRES_H_INCLUDED */
