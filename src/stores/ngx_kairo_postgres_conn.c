
/*
 * A connection's life.  One state follows the other:
 *
 *     CLOSED ── RESOLVING ── CONNECTING ── CHECKING ── READY
 *
 * and what goes wrong leads back to CLOSED, where the timer tries again when
 * the breaker that all workers share permits it.
 *
 * The socket is libpq's.  It is watched level-triggered, since libpq reads as
 * much as it likes and not until there is no more; and it is taken off the
 * loop before libpq may close it.
 */


#include "stores/ngx_kairo_postgres_own.h"


/* ms: how often a closed one looks whether it may be opened */

#define NGX_KAIRO_POSTGRES_LOOK    250

/* ms: a life that was too short to begin the next one at once */

#define NGX_KAIRO_POSTGRES_SHORT  1000


static void ngx_kairo_postgres_resolve(ngx_kairo_postgres_conn_t *conn);
static void ngx_kairo_postgres_resolved(void *data, ngx_int_t rc);
static void ngx_kairo_postgres_addressed(ngx_kairo_postgres_conn_t *conn,
    ngx_kairo_lookup_t *lookup);
static void ngx_kairo_postgres_connect(ngx_kairo_postgres_conn_t *conn,
    const char *addr);
static void ngx_kairo_postgres_shake(ngx_event_t *ev);
static ngx_int_t ngx_kairo_postgres_watch(ngx_kairo_postgres_conn_t *conn,
    PostgresPollingStatusType wanted);
static void ngx_kairo_postgres_unwatch(ngx_connection_t *c, ngx_uint_t flags);
static void ngx_kairo_postgres_detach(ngx_kairo_postgres_conn_t *conn);
static void ngx_kairo_postgres_timed(ngx_event_t *ev);
static void ngx_kairo_postgres_timer(ngx_kairo_postgres_conn_t *conn,
    ngx_msec_t delay);
static uint64_t ngx_kairo_postgres_hash(const char *text);


void
ngx_kairo_postgres_open(ngx_kairo_postgres_conn_t *conn)
{
    uint64_t               wait;
    ngx_kairo_postgres_t  *db;

    db = conn->db;

    if (ngx_kairo_postgres_ends(conn)) {
        return;
    }

    wait = kairo_breaker_try(ngx_kairo_postgres_breaker(db),
                             ngx_kairo_postgres_now(), db->connect_timeout);
    if (wait) {
        /* another process may find it sooner */
        ngx_kairo_postgres_timer(conn, ngx_min(wait, NGX_KAIRO_POSTGRES_LOOK)
                                       + ngx_random() % 20);
        return;
    }

    ngx_kairo_postgres_timer(conn, db->connect_timeout);

    switch (db->info.kind) {

    case KAIRO_CONNINFO_NAME:
        ngx_kairo_postgres_resolve(conn);
        break;

    default:
        ngx_kairo_postgres_connect(conn, NULL);
    }
}


/* libpq would ask the system for the name, and wait. */

static void
ngx_kairo_postgres_resolve(ngx_kairo_postgres_conn_t *conn)
{
    ngx_int_t              rc;
    ngx_kairo_postgres_t  *db;
    ngx_kairo_lookup_t    *lookup;

    db = conn->db;

    if (ngx_strcmp(db->host.data, "localhost") == 0) {
        ngx_kairo_postgres_connect(conn, "127.0.0.1");
        return;
    }

    conn->state = NGX_KAIRO_POSTGRES_RESOLVING;

    rc = ngx_kairo_lookup(db->resolver, &db->host, db->connect_timeout,
                          &db->worker->lookups, &lookup);

    if (rc == NGX_AGAIN) {
        conn->lookup = lookup;
        lookup->op.owner = conn;
        lookup->op.done = ngx_kairo_postgres_resolved;
        return;
    }

    if (rc != NGX_OK) {
        ngx_kairo_postgres_fail(conn, "its name can't be looked up now");
        return;
    }

    ngx_kairo_postgres_addressed(conn, lookup);
    ngx_kairo_lookup_free(lookup);
}


/* The lookup's done(); it is freed after. */

static void
ngx_kairo_postgres_resolved(void *data, ngx_int_t rc)
{
    ngx_kairo_postgres_conn_t *conn = data;

    ngx_kairo_lookup_t  *lookup;

    lookup = conn->lookup;
    conn->lookup = NULL;

    ngx_kairo_postgres_addressed(conn, lookup);
}


/* Of several addresses another one at each try. */

static void
ngx_kairo_postgres_addressed(ngx_kairo_postgres_conn_t *conn,
    ngx_kairo_lookup_t *lookup)
{
    char                 text[INET6_ADDRSTRLEN];
    const kairo_span_t  *addr;

    if (lookup->status == NGX_RESOLVE_NXDOMAIN
        || lookup->status == NGX_RESOLVE_FORMERR)
    {
        ngx_kairo_postgres_fail(conn, "its name has no address; /etc/hosts is "
                                      "not asked, \"hostaddr\" in the "
                                      "connection string is");
        return;
    }

    if (lookup->status != NGX_OK) {
        ngx_kairo_postgres_fail(conn, "no name server answers for its name");
        return;
    }

    addr = &lookup->addrs[conn->nth++ % lookup->naddrs];

    if (inet_ntop(addr->n == 4 ? AF_INET : AF_INET6, addr->p, text,
                  sizeof(text))
        == NULL)
    {
        ngx_kairo_postgres_fail(conn, "its address can't be written");
        return;
    }

    ngx_kairo_postgres_connect(conn, text);
}


static void
ngx_kairo_postgres_connect(ngx_kairo_postgres_conn_t *conn, const char *addr)
{
    size_t                   i;
    const char              *keywords[KAIRO_CONNINFO_MAX];
    const char              *values[KAIRO_CONNINFO_MAX];
    const kairo_conninfo_t  *info;

    info = &conn->db->info;

    for (i = 0; i < info->n; i++) {
        keywords[i] = info->keywords[i];
        values[i] = info->values[i];
    }

    if (addr) {
        keywords[i] = "hostaddr";
        values[i++] = addr;
    }

    keywords[i] = NULL;
    values[i] = NULL;

    conn->state = NGX_KAIRO_POSTGRES_CONNECTING;
    conn->pg = PQconnectStartParams(keywords, values, 0);

    if (conn->pg == NULL) {
        ngx_kairo_postgres_fail(conn, "no memory");
        return;
    }

    /* by itself libpq writes them to standard error, of the handshake too */

    (void) PQsetNoticeReceiver(conn->pg, ngx_kairo_postgres_notice, NULL);

    if (PQstatus(conn->pg) == CONNECTION_BAD
        || ngx_kairo_postgres_watch(conn, PGRES_POLLING_WRITING) != NGX_OK)
    {
        ngx_kairo_postgres_fail(conn, PQerrorMessage(conn->pg));
    }
}


/* Either event of the socket while libpq shakes hands. */

static void
ngx_kairo_postgres_shake(ngx_event_t *ev)
{
    ngx_connection_t           *c;
    PostgresPollingStatusType   wanted;
    ngx_kairo_postgres_conn_t  *conn;

    c = ev->data;
    conn = c->data;

    if (c->close && ngx_kairo_postgres_ends(conn)) {
        ngx_kairo_postgres_close(conn);
        return;
    }

    /* it may close this socket, and open another one with the same number */

    ngx_kairo_postgres_unwatch(c, 0);

    wanted = PQconnectPoll(conn->pg);

    if (wanted == PGRES_POLLING_FAILED) {
        ngx_kairo_postgres_fail(conn, PQerrorMessage(conn->pg));
        return;
    }

    if (ngx_kairo_postgres_watch(conn, wanted == PGRES_POLLING_OK
                                       ? PGRES_POLLING_READING : wanted)
        != NGX_OK)
    {
        ngx_kairo_postgres_fail(conn, "the event loop takes no socket");
        return;
    }

    if (wanted == PGRES_POLLING_OK) {

        if (ngx_kairo_postgres_converse(conn) != NGX_OK) {
            ngx_kairo_postgres_fail(conn, PQerrorMessage(conn->pg));
            return;
        }

        conn->state = NGX_KAIRO_POSTGRES_CHECKING;
        ngx_kairo_postgres_check(conn);
    }
}


static ngx_int_t
ngx_kairo_postgres_watch(ngx_kairo_postgres_conn_t *conn,
    PostgresPollingStatusType wanted)
{
    int                fd;
    ngx_connection_t  *c;

    fd = PQsocket(conn->pg);

    if (fd < 0) {
        return NGX_ERROR;
    }

    c = conn->c;

    if (c == NULL) {

        c = ngx_get_connection(fd, ngx_cycle->log);
        if (c == NULL) {
            return NGX_ERROR;
        }

        c->data = conn;
        c->read->handler = ngx_kairo_postgres_shake;
        c->write->handler = ngx_kairo_postgres_shake;
        c->read->log = ngx_cycle->log;
        c->write->log = ngx_cycle->log;

        /* a worker that shuts down need not wait for it */

        c->idle = 1;
        conn->c = c;
    }

    c->fd = fd;

    return ngx_add_event(wanted == PGRES_POLLING_READING ? c->read : c->write,
                         wanted == PGRES_POLLING_READING ? NGX_READ_EVENT
                                                         : NGX_WRITE_EVENT,
                         NGX_LEVEL_EVENT);
}


static void
ngx_kairo_postgres_unwatch(ngx_connection_t *c, ngx_uint_t flags)
{
    if (c->read->active) {
        (void) ngx_del_event(c->read, NGX_READ_EVENT, flags);
    }

    if (c->write->active) {
        (void) ngx_del_event(c->write, NGX_WRITE_EVENT, flags);
    }
}


void
ngx_kairo_postgres_ready(ngx_kairo_postgres_conn_t *conn)
{
    uint64_t               down;
    ngx_kairo_postgres_t  *db;

    db = conn->db;

    conn->state = NGX_KAIRO_POSTGRES_READY;
    conn->made = ngx_current_msec;
    conn->heard = ngx_current_msec;
    conn->retired = 0;

    ngx_kairo_postgres_count(db, NGX_KAIRO_POSTGRES_CONNECTED);

    down = kairo_breaker_worked(ngx_kairo_postgres_breaker(db),
                                ngx_kairo_postgres_now());

    if (down) {
        ngx_log_error(NGX_LOG_NOTICE, ngx_cycle->log, 0,
                      "kairo postgres: \"%V\" is there again, after %uL ms",
                      &db->name, down);
    }

    /* not all at once */

    ngx_kairo_postgres_timer(conn, db->lifetime
                                   + ngx_random() % (db->lifetime / 4));

    ngx_kairo_postgres_dispatch(db);
}


void
ngx_kairo_postgres_fail(ngx_kairo_postgres_conn_t *conn, const char *why)
{
    uint64_t               now;
    ngx_kairo_postgres_t  *db;

    db = conn->db;
    now = ngx_kairo_postgres_now();
    why = ngx_kairo_postgres_text(why);

    ngx_kairo_postgres_count(db, NGX_KAIRO_POSTGRES_UNCONNECTED);

    if (ngx_exiting) {

        /* others know it better, and nobody would ever take it back */

        ngx_kairo_postgres_close(conn);

        if (!ngx_kairo_postgres_ends(conn)) {
            ngx_kairo_postgres_timer(conn, NGX_KAIRO_POSTGRES_LOOK);
        }

        return;
    }

    if (kairo_breaker_failed(ngx_kairo_postgres_breaker(db), now,
                             ngx_random(), ngx_kairo_postgres_hash(why)))
    {
        ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                      "kairo postgres: \"%V\" can't be used: %s", &db->name,
                      why);
    }

    ngx_kairo_postgres_close(conn);
    ngx_kairo_postgres_open(conn);
}


void
ngx_kairo_postgres_lost(ngx_kairo_postgres_conn_t *conn, const char *why)
{
    ngx_queue_t                *q, lost;
    ngx_kairo_postgres_t       *db;
    ngx_kairo_postgres_call_t  *call;

    if (conn->state != NGX_KAIRO_POSTGRES_READY) {
        ngx_kairo_postgres_fail(conn, why);
        return;
    }

    db = conn->db;

    ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0,
                  "kairo postgres: lost a connection to \"%V\" with %ui "
                  "questions on it: %s", &db->name, conn->nsent,
                  ngx_kairo_postgres_text(why));

    /*
     * Who is told of it may ask anew: nothing of this connection is left then,
     * and it is on its way already, or else that question would open it too.
     */

    ngx_queue_init(&lost);

    if (!ngx_queue_empty(&conn->sent)) {
        ngx_queue_add(&lost, &conn->sent);
        ngx_queue_init(&conn->sent);
    }

    ngx_kairo_postgres_close(conn);

    /* a server that takes everybody and closes must not be met in a loop */

    if (ngx_current_msec - conn->made < NGX_KAIRO_POSTGRES_SHORT) {
        ngx_kairo_postgres_timer(conn, NGX_KAIRO_POSTGRES_LOOK);

    } else {
        ngx_kairo_postgres_open(conn);
    }

    while (!ngx_queue_empty(&lost)) {
        q = ngx_queue_head(&lost);
        call = ngx_queue_data(q, ngx_kairo_postgres_call_t, queue);

        ngx_queue_remove(q);

        /* what ends a server ends all connections: that counts once */

        if (call->tries == 1) {
            call->lost = ngx_current_msec;

        } else if ((ngx_msec_int_t) (conn->made - call->lost) <= 0) {
            call->tries = 1;
        }

        ngx_kairo_postgres_again(call);
    }

    ngx_kairo_postgres_dispatch(db);
}


void
ngx_kairo_postgres_close(ngx_kairo_postgres_conn_t *conn)
{
    ngx_queue_t                *q;
    ngx_kairo_postgres_call_t  *call;

    conn->state = NGX_KAIRO_POSTGRES_CLOSED;
    conn->generation++;
    conn->nsent = 0;
    conn->writing = 0;

    if (conn->timer.timer_set) {
        ngx_del_timer(&conn->timer);
    }

    if (conn->flush.posted) {
        ngx_delete_posted_event(&conn->flush);
    }

    if (conn->lookup) {
        ngx_kairo_op_cancel(&conn->lookup->op);
        conn->lookup = NULL;
    }

    if (conn->c) {
        ngx_kairo_postgres_detach(conn);
    }

    PQfinish(conn->pg);
    conn->pg = NULL;

    /* what is left when a process ends, or is a check */

    while (!ngx_queue_empty(&conn->sent)) {
        q = ngx_queue_head(&conn->sent);
        call = ngx_queue_data(q, ngx_kairo_postgres_call_t, queue);

        ngx_queue_remove(q);

        call->unwanted = 1;
        ngx_kairo_postgres_end(call, NGX_ERROR, NGX_KAIRO_POSTGRES_LOST, NULL);
    }
}


/*
 * The socket is left to PQfinish().  libpq may have closed it already, when it
 * found that the server is gone: it is off the loop then.
 */

static void
ngx_kairo_postgres_detach(ngx_kairo_postgres_conn_t *conn)
{
    ngx_connection_t  *c;

    c = conn->c;
    conn->c = NULL;

    ngx_kairo_postgres_unwatch(c, PQsocket(conn->pg) == c->fd
                                  ? 0 : NGX_CLOSE_EVENT);

    if (c->read->posted) {
        ngx_delete_posted_event(c->read);
    }

    if (c->write->posted) {
        ngx_delete_posted_event(c->write);
    }

    /* events that were fetched in this turn of the loop find it closed */

    c->read->closed = 1;
    c->write->closed = 1;

    c->idle = 0;
    ngx_free_connection(c);
    c->fd = (ngx_socket_t) -1;
}


ngx_uint_t
ngx_kairo_postgres_ends(ngx_kairo_postgres_conn_t *conn)
{
    return !conn->db->worker->started
           || ((ngx_exiting || ngx_terminate || ngx_quit)
               && conn->db->worker->calls == 0);
}


/* What it means depends on the state. */

static void
ngx_kairo_postgres_timed(ngx_event_t *ev)
{
    ngx_kairo_postgres_conn_t *conn = ev->data;

    switch (conn->state) {

    case NGX_KAIRO_POSTGRES_CLOSED:
        ngx_kairo_postgres_open(conn);
        break;

    case NGX_KAIRO_POSTGRES_READY:

        /*
         * It is old: replaced when nothing is on its way, whether another can
         * be made or not, since its rights may not be what they were.
         */

        conn->retired = 1;

        if (conn->nsent == 0) {
            ngx_kairo_postgres_close(conn);
            ngx_kairo_postgres_open(conn);
        }

        break;

    default:
        ngx_kairo_postgres_fail(conn, "it does not answer in time");
    }
}


/* Cancelable: it keeps no worker from its end. */

static void
ngx_kairo_postgres_timer(ngx_kairo_postgres_conn_t *conn, ngx_msec_t delay)
{
    conn->timer.handler = ngx_kairo_postgres_timed;
    conn->timer.data = conn;
    conn->timer.log = ngx_cycle->log;
    conn->timer.cancelable = 1;

    if (conn->timer.timer_set) {
        ngx_del_timer(&conn->timer);
    }

    ngx_add_timer(&conn->timer, delay);
}


/* Of what has failed, not of where: a name may have several addresses. */

static uint64_t
ngx_kairo_postgres_hash(const char *text)
{
    const char  *what;

    what = ngx_strstr(text, " failed: ");
    text = what ? what : text;

    return ngx_crc32_long((u_char *) text, ngx_strlen(text)) + 1;
}
