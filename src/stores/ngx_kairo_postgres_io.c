
/*
 * What goes over a connection once it is made: questions in libpq's pipeline,
 * each with a Sync of its own, so that an error is one question's alone.
 */


#include "stores/ngx_kairo_postgres_own.h"


/* rounds of reading in one turn of the loop: others have sockets too */

#define NGX_KAIRO_POSTGRES_ROUNDS  16


static void ngx_kairo_postgres_read(ngx_event_t *ev);
static void ngx_kairo_postgres_write(ngx_event_t *ev);
static void ngx_kairo_postgres_flushed(ngx_event_t *ev);
static ngx_int_t ngx_kairo_postgres_flush(ngx_kairo_postgres_conn_t *conn);
static void ngx_kairo_postgres_settle(ngx_kairo_postgres_conn_t *conn);
static ngx_int_t ngx_kairo_postgres_take(ngx_kairo_postgres_conn_t *conn);
static ngx_int_t ngx_kairo_postgres_result(ngx_kairo_postgres_conn_t *conn,
    PGresult *result);
static void ngx_kairo_postgres_answered(ngx_kairo_postgres_call_t *call);
static ngx_uint_t ngx_kairo_postgres_fatal(const PGresult *result);
static ngx_uint_t ngx_kairo_postgres_copies(const PGresult *result);
static ngx_uint_t ngx_kairo_postgres_pending(PGconn *pg);
static ngx_uint_t ngx_kairo_postgres_inside(PGconn *pg);


ngx_int_t
ngx_kairo_postgres_converse(ngx_kairo_postgres_conn_t *conn)
{
    conn->c->read->handler = ngx_kairo_postgres_read;
    conn->c->write->handler = ngx_kairo_postgres_write;

    conn->flush.handler = ngx_kairo_postgres_flushed;
    conn->flush.data = conn;
    conn->flush.log = ngx_cycle->log;

    return PQsetnonblocking(conn->pg, 1) == 0
           && PQenterPipelineMode(conn->pg) == 1 ? NGX_OK : NGX_ERROR;
}


/*
 * Unnamed statements: through a pooler the next question may meet another
 * server process, which knows no name that this one was told.
 */

ngx_int_t
ngx_kairo_postgres_send(ngx_kairo_postgres_conn_t *conn,
    ngx_kairo_postgres_call_t *call)
{
    if (PQsendQueryParams(conn->pg, call->statement, (int) call->nparams, NULL,
                          call->params, NULL, NULL, 0)
        != 1)
    {
        return NGX_ERROR;
    }

#ifdef LIBPQ_HAS_SEND_PIPELINE_SYNC
    if (PQsendPipelineSync(conn->pg) != 1) {
        return NGX_ERROR;
    }
#else
    if (PQpipelineSync(conn->pg) != 1) {
        return NGX_ERROR;
    }
#endif

    call->conn = conn;
    call->sent = ngx_current_msec;
    call->tries++;

    ngx_queue_insert_tail(&conn->sent, &call->queue);
    conn->nsent++;

    if (!conn->flush.posted) {
        ngx_post_event(&conn->flush, &ngx_posted_events);
    }

    return NGX_OK;
}


static void
ngx_kairo_postgres_flushed(ngx_event_t *ev)
{
    ngx_kairo_postgres_conn_t *conn = ev->data;

    if (ngx_kairo_postgres_flush(conn) != NGX_OK) {
        ngx_kairo_postgres_lost(conn, PQerrorMessage(conn->pg));
    }
}


/* Watches for room while there is none, and only then: it would spin. */

static ngx_int_t
ngx_kairo_postgres_flush(ngx_kairo_postgres_conn_t *conn)
{
    int           left;
    ngx_event_t  *wev;

    wev = conn->c->write;
    left = PQflush(conn->pg);

    if (left < 0) {
        return NGX_ERROR;
    }

    if (left && !conn->writing) {
        conn->writing = 1;
        return ngx_add_event(wev, NGX_WRITE_EVENT, NGX_LEVEL_EVENT);
    }

    if (!left && conn->writing) {
        conn->writing = 0;
        return ngx_del_event(wev, NGX_WRITE_EVENT, 0);
    }

    return NGX_OK;
}


static void
ngx_kairo_postgres_write(ngx_event_t *ev)
{
    ngx_connection_t           *c;
    ngx_kairo_postgres_conn_t  *conn;

    c = ev->data;
    conn = c->data;

    if (ngx_kairo_postgres_flush(conn) != NGX_OK) {
        ngx_kairo_postgres_lost(conn, PQerrorMessage(conn->pg));
    }
}


/*
 * Also when nothing was asked: a server that ends says why before it closes,
 * and the socket stays readable until both were read.
 */

static void
ngx_kairo_postgres_read(ngx_event_t *ev)
{
    ngx_uint_t                  n, generation;
    ngx_connection_t           *c;
    ngx_kairo_postgres_conn_t  *conn;

    c = ev->data;
    conn = c->data;

    if (c->close && ngx_kairo_postgres_ends(conn)) {
        ngx_kairo_postgres_close(conn);
        return;
    }

    generation = conn->generation;

    for (n = 0; n < NGX_KAIRO_POSTGRES_ROUNDS; n++) {

        if (PQconsumeInput(conn->pg) != 1
            || ngx_kairo_postgres_take(conn) != NGX_OK)
        {
            ngx_kairo_postgres_lost(conn, PQerrorMessage(conn->pg));
            return;
        }

        if (conn->generation != generation) {
            /* who was answered has done something that ended it */
            return;
        }

        /* what OpenSSL has read of the socket wakes nobody up */

        if (!ngx_kairo_postgres_pending(conn->pg)) {
            break;
        }
    }

    if (n == NGX_KAIRO_POSTGRES_ROUNDS) {
        ngx_post_event(c->read, &ngx_posted_next_events);
    }

    ngx_kairo_postgres_settle(conn);
}


/* What is due when all has been read. */

static void
ngx_kairo_postgres_settle(ngx_kairo_postgres_conn_t *conn)
{
    if (ngx_kairo_postgres_flush(conn) != NGX_OK) {
        ngx_kairo_postgres_lost(conn, PQerrorMessage(conn->pg));
        return;
    }

    if (conn->nsent == 0 && ngx_kairo_postgres_inside(conn->pg)) {
        ngx_kairo_postgres_lost(conn, "a question left its transaction open");
        return;
    }

    if (conn->state != NGX_KAIRO_POSTGRES_READY) {
        return;
    }

    if (conn->nsent == 0 && conn->retired) {
        ngx_kairo_postgres_close(conn);
        ngx_kairo_postgres_open(conn);
        return;
    }

    if (ngx_kairo_postgres_ends(conn)) {
        ngx_kairo_postgres_close(conn);
        return;
    }

    ngx_kairo_postgres_dispatch(conn->db);
}


/*
 * All results that are there.  A question's own come first, then a NULL, then
 * that of its Sync.  NGX_ERROR: the connection has ended, or does not keep to
 * that.
 */

static ngx_int_t
ngx_kairo_postgres_take(ngx_kairo_postgres_conn_t *conn)
{
    PGnotify    *notify;
    PGresult    *result;
    ngx_int_t    rc;
    ngx_uint_t   none, generation;

    none = 0;
    generation = conn->generation;

    while (!PQisBusy(conn->pg)) {

        if (conn->nsent == 0) {
            /* reads what nobody has asked for */
            result = PQgetResult(conn->pg);

            if (result == NULL) {
                break;
            }

            PQclear(result);

            if (++none > NGX_KAIRO_POSTGRES_DEPTH) {
                return NGX_ERROR;
            }

            continue;
        }

        result = PQgetResult(conn->pg);

        if (result == NULL) {
            if (++none > 2) {
                return NGX_ERROR;
            }
            continue;
        }

        none = 0;
        rc = ngx_kairo_postgres_result(conn, result);

        if (conn->generation != generation) {
            return NGX_OK;
        }

        if (rc != NGX_OK) {
            return NGX_ERROR;
        }
    }

    /* it keeps them for whoever has not asked for them either */

    while ((notify = PQnotifies(conn->pg)) != NULL) {
        PQfreemem(notify);
    }

    return PQstatus(conn->pg) == CONNECTION_OK ? NGX_OK : NGX_ERROR;
}


static ngx_int_t
ngx_kairo_postgres_result(ngx_kairo_postgres_conn_t *conn, PGresult *result)
{
    ngx_queue_t                *q;
    ngx_kairo_postgres_call_t  *call;

    q = ngx_queue_head(&conn->sent);
    call = ngx_queue_data(q, ngx_kairo_postgres_call_t, queue);

    if (PQresultStatus(result) == PGRES_PIPELINE_SYNC) {

        PQclear(result);

        ngx_queue_remove(q);
        conn->nsent--;
        conn->heard = ngx_current_msec;
        call->conn = NULL;

        ngx_kairo_postgres_answered(call);

        return NGX_OK;
    }

    /* the server's last words, and no answer */

    if (PQstatus(conn->pg) != CONNECTION_OK
        || ngx_kairo_postgres_fatal(result))
    {
        PQclear(result);
        return NGX_ERROR;
    }

    if (ngx_kairo_postgres_copies(result)) {

        /* a pipeline has no way out of it, and libpq tells it for ever */

        PQclear(result);

        ngx_queue_remove(q);
        conn->nsent--;
        call->conn = NULL;

        ngx_kairo_postgres_end(call, NGX_ERROR, NGX_KAIRO_POSTGRES_FAILED,
                               "copy");
        return NGX_ERROR;
    }

    /* an error may come after rows: they can't be committed */

    if (call->result == NULL
        || PQresultStatus(result) == PGRES_FATAL_ERROR)
    {
        PQclear(call->result);
        call->result = result;

    } else {
        PQclear(result);
    }

    return NGX_OK;
}


static void
ngx_kairo_postgres_answered(ngx_kairo_postgres_call_t *call)
{
    const char  *state;

    if (PQresultStatus(call->result) == PGRES_TUPLES_OK) {
        ngx_kairo_postgres_end(call, NGX_OK, NGX_KAIRO_POSTGRES_ANSWERED,
                               "answered");
        return;
    }

    state = PQresultErrorField(call->result, PG_DIAG_SQLSTATE);

    if (state == NULL || ngx_strlen(state) != 5) {
        state = "XXKAI";
    }

    (void) ngx_cpystrn((u_char *) call->state, (u_char *) state,
                       sizeof(call->state));

    ngx_kairo_postgres_end(call, NGX_ERROR, NGX_KAIRO_POSTGRES_FAILED,
                           call->state);
}


static ngx_uint_t
ngx_kairo_postgres_fatal(const PGresult *result)
{
    const char  *severity;

    severity = PQresultErrorField(result, PG_DIAG_SEVERITY_NONLOCALIZED);

    return severity && (ngx_strcmp(severity, "FATAL") == 0
                        || ngx_strcmp(severity, "PANIC") == 0);
}


static ngx_uint_t
ngx_kairo_postgres_copies(const PGresult *result)
{
    switch (PQresultStatus(result)) {

    case PGRES_COPY_OUT:
    case PGRES_COPY_IN:
    case PGRES_COPY_BOTH:
        return 1;

    default:
        return 0;
    }
}


static ngx_uint_t
ngx_kairo_postgres_pending(PGconn *pg)
{
    SSL  *ssl;

    ssl = PQsslStruct(pg, "OpenSSL");

    return ssl && SSL_pending(ssl) > 0;
}


/* Whether the next question would be a part of what others have asked. */

static ngx_uint_t
ngx_kairo_postgres_inside(PGconn *pg)
{
    switch (PQtransactionStatus(pg)) {

    case PQTRANS_INTRANS:
    case PQTRANS_INERROR:
        return 1;

    default:
        return 0;
    }
}


void
ngx_kairo_postgres_notice(void *data, const PGresult *result)
{
    (void) data;
    (void) result;
}
