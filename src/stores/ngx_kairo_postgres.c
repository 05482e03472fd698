
/*
 * The zone that workers share, and questions from when they are asked to their
 * end.
 */


#include "stores/ngx_kairo_postgres_own.h"
#include "stores/ngx_kairo_shm.h"


#define NGX_KAIRO_POSTGRES_MAGIC  0x31707469616b0000ull


static ngx_int_t ngx_kairo_postgres_init(ngx_shm_zone_t *shm_zone, void *data);
static uint64_t ngx_kairo_postgres_server(const kairo_conninfo_t *info);
static void ngx_kairo_postgres_cleanup(void *data);
static ngx_uint_t ngx_kairo_postgres_gone(const ngx_kairo_postgres_t *db);
static ngx_kairo_postgres_conn_t *ngx_kairo_postgres_free(
    const ngx_kairo_postgres_t *db);
static void ngx_kairo_postgres_wake(ngx_kairo_postgres_t *db);
static void ngx_kairo_postgres_expired(ngx_event_t *ev);
static void ngx_kairo_postgres_drop(ngx_kairo_op_t *op);


ngx_int_t
ngx_kairo_postgres_add(ngx_conf_t *cf, ngx_kairo_postgres_t *db, void *tag)
{
    ngx_str_t            name;
    ngx_uint_t           i;
    ngx_shm_zone_t      *shm_zone;
    ngx_pool_cleanup_t  *cln;

    name.len = sizeof("kairo:postgres:") - 1 + db->name.len;
    name.data = ngx_pnalloc(cf->pool, name.len);
    db->worker = ngx_pcalloc(cf->pool, sizeof(ngx_kairo_postgres_worker_t));
    cln = ngx_pool_cleanup_add(cf->pool, 0);

    if (name.data == NULL || db->worker == NULL || cln == NULL) {
        return NGX_ERROR;
    }

    (void) ngx_sprintf(name.data, "kairo:postgres:%V", &db->name);

    ngx_queue_init(&db->worker->waiting);

    for (i = 0; i < db->connections; i++) {
        db->worker->conn[i].db = db;
        ngx_queue_init(&db->worker->conn[i].sent);
    }

    cln->handler = ngx_kairo_postgres_cleanup;
    cln->data = db;

    /* some numbers; nginx wants eight pages for itself */

    shm_zone = ngx_shared_memory_add(cf, &name, 8 * ngx_pagesize, tag);
    if (shm_zone == NULL) {
        return NGX_ERROR;
    }

    shm_zone->init = ngx_kairo_postgres_init;
    shm_zone->data = db;

    return NGX_OK;
}


/* What is known of one server tells nothing about another. */

static ngx_int_t
ngx_kairo_postgres_init(ngx_shm_zone_t *shm_zone, void *data)
{
    ngx_kairo_postgres_t  *old = data;
    size_t                 size;
    ngx_kairo_postgres_t  *db;

    db = shm_zone->data;
    db->server = ngx_kairo_postgres_server(&db->info);

    if (old) {

        if (old->root->magic != NGX_KAIRO_POSTGRES_MAGIC) {
            ngx_log_error(NGX_LOG_EMERG, shm_zone->shm.log, 0,
                          "kairo postgres: the memory of \"%V\" is of another "
                          "version, restart nginx", &db->name);
            return NGX_ERROR;
        }

        db->root = old->root;

        if (db->root->server != db->server) {
            __atomic_store_n(&db->root->server, db->server, __ATOMIC_SEQ_CST);
            ngx_memzero(&db->root->breaker, sizeof(kairo_breaker_t));
        }

        return NGX_OK;
    }

    db->root = ngx_kairo_shm_all(shm_zone, &size);
    if (db->root == NULL) {
        return NGX_ERROR;
    }

    db->root->magic = NGX_KAIRO_POSTGRES_MAGIC;
    db->root->server = db->server;

    return NGX_OK;
}


static uint64_t
ngx_kairo_postgres_server(const kairo_conninfo_t *info)
{
    size_t    i;
    uint32_t  crc;

    ngx_crc32_init(crc);

    for (i = 0; i < info->n; i++) {
        ngx_crc32_update(&crc, (u_char *) info->keywords[i],
                         ngx_strlen(info->keywords[i]));
        ngx_crc32_update(&crc, (u_char *) info->values[i],
                         ngx_strlen(info->values[i]) + 1);
    }

    ngx_crc32_final(crc);

    return crc;
}


/* Of the cycle's pool: also where one process is everything. */

static void
ngx_kairo_postgres_cleanup(void *data)
{
    ngx_kairo_postgres_t *db = data;

    ngx_kairo_postgres_stop(db);
    kairo_conninfo_free(&db->info);
}


void
ngx_kairo_postgres_start(ngx_kairo_postgres_t *db)
{
    ngx_uint_t  i;

    db->worker->started = 1;

    for (i = 0; i < db->connections; i++) {
        ngx_kairo_postgres_open(&db->worker->conn[i]);
    }
}


void
ngx_kairo_postgres_alone(void)
{
    ngx_uint_t         i;
    PQconninfoOption  *options, *option;

    static const char  *more[] = { "PGSERVICEFILE", "PGSYSCONFDIR",
                                   "PGREQUIRESSL", "PGDATESTYLE", "PGTZ",
                                   "PGGEQO" };

    for (i = 0; i < sizeof(more) / sizeof(more[0]); i++) {
        (void) unsetenv(more[i]);
    }

    options = PQconndefaults();

    for (option = options; option && option->keyword; option++) {
        if (option->envvar) {
            (void) unsetenv(option->envvar);
        }
    }

    PQconninfoFree(options);
}


void
ngx_kairo_postgres_stop(ngx_kairo_postgres_t *db)
{
    ngx_uint_t  i;

    if (!db->worker->started) {
        return;
    }

    db->worker->started = 0;

    for (i = 0; i < db->connections; i++) {
        ngx_kairo_postgres_close(&db->worker->conn[i]);
    }
}


ngx_int_t
ngx_kairo_postgres_ask(const ngx_kairo_postgres_t *db, const char *statement,
    const ngx_str_t *params, ngx_uint_t n, ngx_kairo_postgres_call_t **call,
    const char **why)
{
    ngx_uint_t                  i;
    ngx_kairo_postgres_t       *known;
    ngx_kairo_postgres_call_t  *asked;

    /* how it is connected is not a part of what it is */

    known = (ngx_kairo_postgres_t *) db;

    if (known->worker->calls >= db->queue) {
        ngx_kairo_postgres_count(db, NGX_KAIRO_POSTGRES_FULL);
        *why = "full";
        return NGX_DECLINED;
    }

    if (ngx_kairo_postgres_gone(db)) {
        ngx_kairo_postgres_count(db, NGX_KAIRO_POSTGRES_DOWN);
        *why = "down";
        return NGX_DECLINED;
    }

    for (i = 0; i < n; i++) {
        if (params[i].len && memchr(params[i].data, '\0', params[i].len)) {
            /* a text of Postgres has none, and libpq would end there */
            *why = "nul";
            return NGX_DECLINED;
        }
    }

    asked = ngx_kairo_postgres_call(known, statement, params, n);
    if (asked == NULL) {
        return NGX_ERROR;
    }

    asked->op.drop = ngx_kairo_postgres_drop;
    asked->timer.handler = ngx_kairo_postgres_expired;

    /* not cancelable: a worker that shuts down waits for its requests */

    ngx_add_timer(&asked->timer, db->timeout);

    ngx_queue_insert_tail(&known->worker->waiting, &asked->queue);
    known->worker->calls++;

    ngx_kairo_postgres_dispatch(known);
    ngx_kairo_postgres_wake(known);

    *call = asked;

    return NGX_AGAIN;
}


ngx_kairo_postgres_call_t *
ngx_kairo_postgres_call(ngx_kairo_postgres_t *db, const char *statement,
    const ngx_str_t *params, ngx_uint_t n)
{
    u_char                     *p;
    size_t                      size;
    ngx_uint_t                  i;
    ngx_kairo_postgres_call_t  *call;

    size = sizeof(ngx_kairo_postgres_call_t);

    for (i = 0; i < n; i++) {
        size += params[i].len + 1;
    }

    call = ngx_alloc(size, ngx_cycle->log);
    if (call == NULL) {
        return NULL;
    }

    ngx_memzero(call, sizeof(ngx_kairo_postgres_call_t));

    call->db = db;
    call->statement = statement;
    call->nparams = n;
    call->timer.data = call;
    call->timer.log = ngx_cycle->log;

    p = (u_char *) (call + 1);

    for (i = 0; i < n; i++) {
        call->params[i] = (char *) p;
        p = ngx_cpymem(p, params[i].data, params[i].len);
        *p++ = '\0';
    }

    return call;
}


/* It has been gone for longer than anybody would wait. */

static ngx_uint_t
ngx_kairo_postgres_gone(const ngx_kairo_postgres_t *db)
{
    ngx_uint_t  i;

    for (i = 0; i < db->connections; i++) {
        if (db->worker->conn[i].state == NGX_KAIRO_POSTGRES_READY) {
            return 0;
        }
    }

    return kairo_breaker_down(ngx_kairo_postgres_breaker(db),
                              ngx_kairo_postgres_now())
           > db->timeout;
}


void
ngx_kairo_postgres_dispatch(ngx_kairo_postgres_t *db)
{
    ngx_queue_t                *q;
    ngx_kairo_postgres_call_t  *call;
    ngx_kairo_postgres_conn_t  *conn;

    while (!ngx_queue_empty(&db->worker->waiting)) {

        conn = ngx_kairo_postgres_free(db);

        if (conn == NULL) {
            return;
        }

        q = ngx_queue_head(&db->worker->waiting);
        call = ngx_queue_data(q, ngx_kairo_postgres_call_t, queue);

        ngx_queue_remove(q);

        if (ngx_kairo_postgres_send(conn, call) != NGX_OK) {
            ngx_queue_insert_head(&db->worker->waiting, q);
            ngx_kairo_postgres_lost(conn, PQerrorMessage(conn->pg));
        }
    }
}


/* The connection that has least to do; NULL: none can take more. */

static ngx_kairo_postgres_conn_t *
ngx_kairo_postgres_free(const ngx_kairo_postgres_t *db)
{
    ngx_uint_t                  i;
    ngx_kairo_postgres_conn_t  *conn, *best;

    best = NULL;

    for (i = 0; i < db->connections; i++) {

        conn = &db->worker->conn[i];

        if (conn->state == NGX_KAIRO_POSTGRES_READY && !conn->retired
            && conn->nsent < NGX_KAIRO_POSTGRES_DEPTH
            && (best == NULL || conn->nsent < best->nsent))
        {
            best = conn;
        }
    }

    return best;
}


/* A worker that ends has closed them when nobody was left who asked. */

static void
ngx_kairo_postgres_wake(ngx_kairo_postgres_t *db)
{
    ngx_uint_t                  i;
    ngx_kairo_postgres_conn_t  *conn;

    if (ngx_queue_empty(&db->worker->waiting)) {
        return;
    }

    for (i = 0; i < db->connections; i++) {

        conn = &db->worker->conn[i];

        if (conn->state == NGX_KAIRO_POSTGRES_CLOSED
            && !conn->timer.timer_set)
        {
            db->worker->started = 1;
            ngx_kairo_postgres_open(conn);
        }
    }
}


void
ngx_kairo_postgres_end(ngx_kairo_postgres_call_t *call, ngx_int_t rc,
    ngx_kairo_postgres_count_e outcome, const char *why)
{
    if (call->timer.timer_set) {
        ngx_del_timer(&call->timer);
    }

    if (call->asker == NULL) {
        call->db->worker->calls--;
    }

    if (!call->unwanted) {
        call->why = why;

        if (call->asker == NULL) {
            ngx_kairo_postgres_count(call->db, outcome);
        }

        ngx_kairo_op_finish(&call->op, rc);
    }

    PQclear(call->result);
    ngx_free(call);
}


void
ngx_kairo_postgres_again(ngx_kairo_postgres_call_t *call)
{
    call->conn = NULL;

    PQclear(call->result);
    call->result = NULL;

    if (call->expired) {
        ngx_kairo_postgres_end(call, NGX_ERROR, NGX_KAIRO_POSTGRES_TIMEOUT,
                               "timeout");
        return;
    }

    if (call->unwanted || call->asker || call->tries == 2) {
        ngx_kairo_postgres_end(call, NGX_ERROR, NGX_KAIRO_POSTGRES_LOST,
                               "lost");
        return;
    }

    ngx_kairo_postgres_count(call->db, NGX_KAIRO_POSTGRES_RESENT);
    ngx_queue_insert_tail(&call->db->worker->waiting, &call->queue);
}


/*
 * The deadline.  What was sent stays until its connection has answered it; one
 * that has been silent for as long is given up.
 */

static void
ngx_kairo_postgres_expired(ngx_event_t *ev)
{
    ngx_kairo_postgres_call_t *call = ev->data;

    ngx_msec_t      since;
    ngx_msec_int_t  left;

    if (call->conn == NULL) {
        ngx_queue_remove(&call->queue);
        ngx_kairo_postgres_end(call, NGX_ERROR, NGX_KAIRO_POSTGRES_TIMEOUT,
                               "timeout");
        return;
    }

    /* those before it may have had their answers a moment ago */

    since = (ngx_msec_int_t) (call->conn->heard - call->sent) > 0
            ? call->conn->heard : call->sent;

    left = (ngx_msec_int_t) (since + call->db->timeout - ngx_current_msec);

    if (left <= 0 && ngx_queue_head(&call->conn->sent) == &call->queue) {
        call->expired = 1;
        ngx_kairo_postgres_lost(call->conn, "no answer in time");
        return;
    }

    ngx_add_timer(&call->timer,
                  left > 0 ? (ngx_msec_t) left : call->db->timeout);

    if (!call->unwanted) {
        call->unwanted = 1;
        call->why = "timeout";
        ngx_kairo_postgres_count(call->db, NGX_KAIRO_POSTGRES_TIMEOUT);
        ngx_kairo_op_finish(&call->op, NGX_ERROR);
    }
}


/* The client has left.  What was sent is answered all the same. */

static void
ngx_kairo_postgres_drop(ngx_kairo_op_t *op)
{
    ngx_kairo_postgres_call_t *call = (ngx_kairo_postgres_call_t *) op;

    call->unwanted = 1;

    if (call->conn == NULL) {
        ngx_queue_remove(&call->queue);
        ngx_kairo_postgres_end(call, NGX_ERROR, NGX_KAIRO_POSTGRES_LOST,
                               NULL);
    }
}


ngx_kairo_op_t *
ngx_kairo_postgres_op(ngx_kairo_postgres_call_t *call)
{
    return &call->op;
}


void
ngx_kairo_postgres_unhurried(ngx_kairo_postgres_call_t *call)
{
    call->timer.cancelable = 1;
}


const char *
ngx_kairo_postgres_why(const ngx_kairo_postgres_call_t *call)
{
    return call->why;
}


ngx_uint_t
ngx_kairo_postgres_rows(const ngx_kairo_postgres_call_t *call)
{
    return PQntuples(call->result);
}


kairo_span_t
ngx_kairo_postgres_value(const ngx_kairo_postgres_call_t *call, ngx_uint_t row,
    ngx_uint_t column)
{
    kairo_span_t  value;

    value.p = NULL;
    value.n = 0;

    if (row >= (ngx_uint_t) PQntuples(call->result)
        || column >= (ngx_uint_t) PQnfields(call->result)
        || PQgetisnull(call->result, (int) row, (int) column))
    {
        return value;
    }

    value.p = (u_char *) PQgetvalue(call->result, (int) row, (int) column);
    value.n = PQgetlength(call->result, (int) row, (int) column);

    return value;
}
