
/*
 * From the files of the spool to Postgres.
 *
 * One worker ships: who holds the lock of the directory, which the kernel
 * takes back when that worker ends in whatever way.  The others ask for it
 * each second.
 *
 * What is read goes into a batch, which is sent when it is full, or some time
 * after its first row: the end of a short run comes with its beginning.  There
 * is one batch on its way.  What became of it:
 *
 *   - the database has it: files that are read to their end are removed;
 *   - it can't now, or nobody knows: the same again, later, and for ever;
 *   - it can't take some row: halves of the batch are sent until that row is
 *     alone, which is set aside, and the others go on.
 *
 * There is no record of what was shipped but the files that are gone: who
 * takes over begins with those that are there, and the database knows the rows
 * that it has by their ids.
 *
 * A worker that shuts down waits a moment for an answer, and for nothing else.
 */


#include "stores/ngx_kairo_spool_ship.h"


/* ms: looks at the directory; and at the lock, of a worker without it */

#define NGX_KAIRO_SPOOL_SHIP_LOOK     250
#define NGX_KAIRO_SPOOL_SHIP_OTHER   1000

/* ms: that a worker which shuts down waits for an answer */

#define NGX_KAIRO_SPOOL_SHIP_SOON     300

/* ms: the longest pauses, at first, at most, and where nobody was asked */

#define NGX_KAIRO_SPOOL_SHIP_PAUSE    100
#define NGX_KAIRO_SPOOL_SHIP_PAUSES   30000
#define NGX_KAIRO_SPOOL_SHIP_UNASKED  1000


static void ngx_kairo_spool_ship_timed(ngx_event_t *ev);
static void ngx_kairo_spool_ship_soon(ngx_event_t *ev);
static ngx_int_t ngx_kairo_spool_ship_take(ngx_kairo_spool_ship_t *ship);
static int ngx_kairo_spool_ship_lock(ngx_kairo_spool_ship_t *ship);
static void ngx_kairo_spool_ship_leave(ngx_kairo_spool_ship_t *ship);
static ngx_uint_t ngx_kairo_spool_ship_ends(ngx_kairo_spool_ship_t *ship);
static void ngx_kairo_spool_ship_turn(ngx_event_t *ev);
static void ngx_kairo_spool_ship_read(ngx_kairo_spool_ship_t *ship);
static void ngx_kairo_spool_ship_send(ngx_kairo_spool_ship_t *ship);
static ngx_int_t ngx_kairo_spool_ship_ask(ngx_kairo_spool_ship_t *ship,
    const char **why);
static void ngx_kairo_spool_ship_answered(void *data, ngx_int_t rc);
static ngx_int_t ngx_kairo_spool_ship_counts(ngx_kairo_spool_ship_t *ship);
static ngx_int_t ngx_kairo_spool_ship_count(
    const ngx_kairo_postgres_call_t *call, ngx_uint_t column);
static void ngx_kairo_spool_ship_taken(ngx_kairo_spool_ship_t *ship);
static void ngx_kairo_spool_ship_refused(ngx_kairo_spool_ship_t *ship,
    const char *why);
static ngx_uint_t ngx_kairo_spool_ship_data(const char *why);
static void ngx_kairo_spool_ship_failed(ngx_kairo_spool_ship_t *ship,
    const char *why, ngx_msec_t most);
static void ngx_kairo_spool_ship_worked(ngx_kairo_spool_ship_t *ship);
static void ngx_kairo_spool_ship_next(ngx_kairo_spool_ship_t *ship,
    ngx_msec_t delay);


void
ngx_kairo_spool_ship_start(ngx_kairo_spool_t *spool)
{
    ngx_kairo_spool_ship_t  *ship;

    ship = ngx_calloc(sizeof(ngx_kairo_spool_ship_t), ngx_cycle->log);
    if (ship == NULL) {
        return;
    }

    ship->spool = spool;
    ship->lock = -1;
    ship->reader.fd = -1;
    ship->aside.fd = -1;

    ship->timer.handler = ngx_kairo_spool_ship_timed;
    ship->timer.data = ship;
    ship->timer.log = ngx_cycle->log;
    ship->timer.cancelable = 1;

    ship->turn.handler = ngx_kairo_spool_ship_turn;
    ship->turn.data = ship;
    ship->turn.log = ngx_cycle->log;

    ship->soon.handler = ngx_kairo_spool_ship_soon;
    ship->soon.data = ship;
    ship->soon.log = ngx_cycle->log;

    spool->ship = ship;

    ngx_kairo_spool_ship_next(ship, 1);
}


void
ngx_kairo_spool_ship_stop(ngx_kairo_spool_t *spool)
{
    ngx_kairo_spool_ship_t  *ship;

    ship = spool->ship;

    if (ship == NULL) {
        return;
    }

    ngx_kairo_spool_ship_leave(ship);

    if (ship->timer.timer_set) {
        ngx_del_timer(&ship->timer);
    }

    ngx_free(ship);
    spool->ship = NULL;
}


static void
ngx_kairo_spool_ship_timed(ngx_event_t *ev)
{
    ngx_kairo_spool_ship_t *ship = ev->data;

    if (ngx_kairo_spool_ship_ends(ship)) {
        return;
    }

    if (ship->batch == NULL && ngx_kairo_spool_ship_take(ship) != NGX_OK) {
        ngx_kairo_spool_ship_next(ship, NGX_KAIRO_SPOOL_SHIP_OTHER
                                        - ngx_random() % 100);
        return;
    }

    ngx_kairo_spool_files_look(ship, !ship->sending && !ship->begun);

    if (ship->call || (ship->failed && (ngx_msec_int_t)
                                       (ship->again - ngx_current_msec) > 0))
    {
        ngx_kairo_spool_ship_next(ship, NGX_KAIRO_SPOOL_SHIP_LOOK);
        return;
    }

    ngx_post_event(&ship->turn, &ngx_posted_events);
}


/* It has waited for long enough. */

static void
ngx_kairo_spool_ship_soon(ngx_event_t *ev)
{
    (void) ev;
}


static ngx_int_t
ngx_kairo_spool_ship_take(ngx_kairo_spool_ship_t *ship)
{
    ship->lock = ngx_kairo_spool_ship_lock(ship);

    if (ship->lock == -1) {
        return NGX_DECLINED;
    }

    ship->batch = kairo_ingest_create();

    if (ship->batch == NULL) {
        (void) close(ship->lock);
        ship->lock = -1;
        return NGX_ERROR;
    }

    ship->slice = KAIRO_INGEST_ROWS;

    ngx_log_error(NGX_LOG_INFO, ngx_cycle->log, 0,
                  "kairo spool: this worker ships \"%V\"",
                  &ship->spool->path->name);

    return NGX_OK;
}


static int
ngx_kairo_spool_ship_lock(ngx_kairo_spool_ship_t *ship)
{
    int        dir, fd;
    ngx_err_t  err;

    dir = ngx_kairo_spool_dir(ship->spool->path);

    fd = dir == -1 ? -1
         : openat(dir, KAIRO_SPOOL_LOCK,
                  O_RDWR|O_CREAT|O_NOFOLLOW|O_NONBLOCK|O_CLOEXEC, 0600);
    err = ngx_errno;

    if (dir != -1) {
        (void) close(dir);
    }

    if (fd != -1) {

        if (kairo_spool_lock(fd) == 0) {
            ship->told = 0;
            return fd;
        }

        err = ngx_errno;
        (void) close(fd);
    }

    if (err != NGX_EAGAIN && !ship->told) {
        ship->told = 1;
        ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, err,
                      "kairo spool: \"%V/" KAIRO_SPOOL_LOCK
                      "\" can't be locked: nothing is shipped by this worker",
                      &ship->spool->path->name);
    }

    return -1;
}


/* Another worker may. */

static void
ngx_kairo_spool_ship_leave(ngx_kairo_spool_ship_t *ship)
{
    if (ship->batch == NULL) {
        return;
    }

    if (ship->call) {
        ngx_kairo_op_cancel(ngx_kairo_postgres_op(ship->call));
        ship->call = NULL;
    }

    if (ship->turn.posted) {
        ngx_delete_posted_event(&ship->turn);
    }

    if (ship->soon.timer_set) {
        ngx_del_timer(&ship->soon);
    }

    ngx_kairo_spool_files_close(ship);
    ngx_kairo_spool_aside_close(ship);

    kairo_ingest_free(ship->batch);
    ship->batch = NULL;
    ship->sending = 0;

    (void) close(ship->lock);
    ship->lock = -1;
}


/* A worker that shuts down, which others of its requests may keep alive. */

static ngx_uint_t
ngx_kairo_spool_ship_ends(ngx_kairo_spool_ship_t *ship)
{
    if (!ngx_exiting && !ngx_terminate && !ngx_quit) {
        return 0;
    }

    if ((ship->call && ship->soon.timer_set) || ship->aside.syncing) {
        ngx_kairo_spool_ship_next(ship, NGX_KAIRO_SPOOL_SHIP_SOON);

    } else {
        ngx_kairo_spool_ship_leave(ship);
    }

    return 1;
}


/* Posted, where there is more to do than is done in one turn of the loop. */

static void
ngx_kairo_spool_ship_turn(ngx_event_t *ev)
{
    ngx_kairo_spool_ship_t *ship = ev->data;

    if (ship->call || ngx_kairo_spool_ship_ends(ship)) {
        return;
    }

    if (!ship->sending && !ship->begun) {
        ngx_kairo_spool_files_look(ship, 1);
    }

    if (!ship->sending) {
        ngx_kairo_spool_ship_read(ship);
    }

    if (ship->sending) {
        ngx_kairo_spool_ship_send(ship);
    }
}


static void
ngx_kairo_spool_ship_read(ngx_kairo_spool_ship_t *ship)
{
    ngx_int_t       rc;
    ngx_msec_int_t  left;

    rc = ngx_kairo_spool_files_read(ship);

    if (rc == NGX_AGAIN) {
        ngx_post_event(&ship->turn, &ngx_posted_next_events);
        return;
    }

    left = NGX_KAIRO_SPOOL_SHIP_LOOK;

    if (kairo_ingest_rows(ship->batch)) {
        left = (ngx_msec_int_t) (ship->due - ngx_current_msec);
        ship->sending = (rc == NGX_DECLINED || left <= 0);
    }

    if (!ship->sending) {
        ngx_kairo_spool_ship_next(ship, left);
    }
}


static void
ngx_kairo_spool_ship_send(ngx_kairo_spool_ship_t *ship)
{
    ngx_int_t    rc;
    const char  *why;

    if (ship->first == kairo_ingest_rows(ship->batch)) {
        ngx_kairo_spool_ship_taken(ship);
        return;
    }

    rc = ngx_kairo_spool_ship_ask(ship, &why);

    if (rc == NGX_AGAIN) {

        /* between its turns it looks whether the worker ends */

        ngx_kairo_spool_ship_next(ship, NGX_KAIRO_SPOOL_SHIP_LOOK);

        if (!ship->soon.timer_set) {
            ngx_add_timer(&ship->soon, NGX_KAIRO_SPOOL_SHIP_SOON);
        }

        return;
    }

    if (rc == NGX_DECLINED && ngx_kairo_spool_ship_data(why)) {
        ngx_kairo_spool_ship_refused(ship, why);
        return;
    }

    /* nobody was asked: it costs little to try */

    ngx_kairo_spool_ship_failed(ship, rc == NGX_DECLINED ? why : "no memory",
                                NGX_KAIRO_SPOOL_SHIP_UNASKED);
}


static ngx_int_t
ngx_kairo_spool_ship_ask(ngx_kairo_spool_ship_t *ship, const char **why)
{
    ngx_int_t            rc;
    ngx_str_t            params[KAIRO_INGEST_PARAMS];
    ngx_uint_t           i, left;
    const kairo_span_t  *texts;

    left = kairo_ingest_rows(ship->batch) - ship->first;
    ship->sent = ngx_min(ship->slice, left);

    texts = kairo_ingest_params(ship->batch, ship->first, ship->sent);
    if (texts == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < KAIRO_INGEST_PARAMS; i++) {
        params[i].data = (u_char *) texts[i].p;
        params[i].len = texts[i].n;
    }

    rc = ngx_kairo_postgres_ask(ship->spool->db, KAIRO_INGEST_STATEMENT,
                                params, KAIRO_INGEST_PARAMS, &ship->call, why);

    if (rc != NGX_AGAIN) {
        ship->call = NULL;
        return rc;
    }

    ngx_kairo_postgres_unhurried(ship->call);

    ngx_kairo_postgres_op(ship->call)->owner = ship;
    ngx_kairo_postgres_op(ship->call)->done = ngx_kairo_spool_ship_answered;

    return NGX_AGAIN;
}


/* The call's done(). */

static void
ngx_kairo_spool_ship_answered(void *data, ngx_int_t rc)
{
    ngx_kairo_spool_ship_t *ship = data;

    const char  *why;

    why = ngx_kairo_postgres_why(ship->call);

    if (rc == NGX_OK) {
        rc = ngx_kairo_spool_ship_counts(ship);
        why = "nonsense";
    }

    ship->call = NULL;

    if (ship->soon.timer_set) {
        ngx_del_timer(&ship->soon);
    }

    if (rc == NGX_OK) {
        ngx_kairo_spool_ship_worked(ship);

        ship->first += ship->sent;
        ship->slice = ngx_min(2 * ship->slice, KAIRO_INGEST_ROWS);

        ngx_kairo_spool_ship_taken(ship);
        return;
    }

    ngx_kairo_spool_count(ship->spool, NGX_KAIRO_SPOOL_RETRIED, 1);

    if (ngx_kairo_spool_ship_data(why)) {
        ngx_kairo_spool_ship_refused(ship, why);
        return;
    }

    if (ngx_strcmp(why, "timeout") == 0 || ngx_strcmp(why, "57014") == 0) {
        /* perhaps it was too much at once */
        ship->slice = (ship->sent + 1) / 2;
    }

    ngx_kairo_spool_ship_failed(ship, why, NGX_KAIRO_SPOOL_SHIP_PAUSES);
}


/* What comes from a server is looked at before it is believed. */

static ngx_int_t
ngx_kairo_spool_ship_counts(ngx_kairo_spool_ship_t *ship)
{
    ngx_int_t   n[4];
    ngx_uint_t  i;

    for (i = 0; i < 4; i++) {
        n[i] = ngx_kairo_spool_ship_count(ship->call, i);

        if (n[i] < 0 || n[i] > KAIRO_INGEST_ROWS) {
            return NGX_ERROR;
        }
    }

    ngx_kairo_spool_count(ship->spool, NGX_KAIRO_SPOOL_SHIPPED, n[0]);
    ngx_kairo_spool_count(ship->spool, NGX_KAIRO_SPOOL_KNOWN, n[2]);
    ngx_kairo_spool_count(ship->spool, NGX_KAIRO_SPOOL_ASIDE, n[3]);

    return NGX_OK;
}


static ngx_int_t
ngx_kairo_spool_ship_count(const ngx_kairo_postgres_call_t *call,
    ngx_uint_t column)
{
    kairo_span_t  value;

    value = ngx_kairo_postgres_value(call, 0, column);

    return value.n ? ngx_atoi((u_char *) value.p, value.n) : NGX_ERROR;
}


/* Rows before the first one are where they belong. */

static void
ngx_kairo_spool_ship_taken(ngx_kairo_spool_ship_t *ship)
{
    ngx_int_t  rc;

    if (ship->first == kairo_ingest_rows(ship->batch)) {

        rc = ngx_kairo_spool_aside_sync(ship);

        if (rc == NGX_AGAIN) {
            ngx_kairo_spool_ship_next(ship, NGX_KAIRO_SPOOL_SHIP_LOOK);
            return;
        }

        if (rc != NGX_OK) {
            ngx_kairo_spool_ship_kept(ship, rc);
            return;
        }

        ngx_kairo_spool_files_done(ship);
        kairo_ingest_empty(ship->batch);

        ship->first = 0;
        ship->sending = 0;
    }

    ngx_post_event(&ship->turn, &ngx_posted_next_events);
}


void
ngx_kairo_spool_ship_kept(ngx_kairo_spool_ship_t *ship, ngx_int_t rc)
{
    if (rc != NGX_OK) {
        ngx_kairo_spool_ship_failed(ship, "no sync of what is set aside",
                                    NGX_KAIRO_SPOOL_SHIP_PAUSES);
        return;
    }

    ngx_post_event(&ship->turn, &ngx_posted_events);
}


/* One of the rows that were sent is none that the database can take. */

static void
ngx_kairo_spool_ship_refused(ngx_kairo_spool_ship_t *ship, const char *why)
{
    const kairo_event_t  *row;

    if (ship->sent > 1) {
        ship->slice = (ship->sent + 1) / 2;
        ngx_post_event(&ship->turn, &ngx_posted_next_events);
        return;
    }

    row = kairo_ingest_row(ship->batch, ship->first);

    if (ngx_kairo_spool_aside(ship, row, why) != NGX_OK) {
        ngx_kairo_spool_ship_failed(ship, "what is set aside can't be written",
                                    NGX_KAIRO_SPOOL_SHIP_PAUSES);
        return;
    }

    ship->first++;

    ngx_kairo_spool_ship_taken(ship);
}


/* A SQLSTATE that tells of what was sent, or a zero byte. */

static ngx_uint_t
ngx_kairo_spool_ship_data(const char *why)
{
    return ngx_strcmp(why, "nul") == 0 || kairo_ingest_unfit(why);
}


/* The same again, after a pause of up to "most" ms, which grows. */

static void
ngx_kairo_spool_ship_failed(ngx_kairo_spool_ship_t *ship, const char *why,
    ngx_msec_t most)
{
    ngx_msec_t  pause;

    if (ship->failed == 0) {
        ship->since = ngx_current_msec;

        ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                      "kairo spool: \"%V\" takes no events now: %s; they wait "
                      "in \"%V\"", &ship->spool->db->name, why,
                      &ship->spool->path->name);
    }

    pause = NGX_KAIRO_SPOOL_SHIP_PAUSE << ngx_min(ship->failed, 9);
    pause = ngx_random() % ngx_min(pause, most) + 1;

    ship->failed++;
    ship->again = ngx_current_msec + pause;

    ngx_kairo_spool_ship_next(ship, ngx_min(pause, NGX_KAIRO_SPOOL_SHIP_LOOK));
}


static void
ngx_kairo_spool_ship_worked(ngx_kairo_spool_ship_t *ship)
{
    if (ship->failed == 0) {
        return;
    }

    ship->failed = 0;

    ngx_log_error(NGX_LOG_NOTICE, ngx_cycle->log, 0,
                  "kairo spool: \"%V\" takes events again, after %M ms",
                  &ship->spool->db->name, ngx_current_msec - ship->since);
}


static void
ngx_kairo_spool_ship_next(ngx_kairo_spool_ship_t *ship, ngx_msec_t delay)
{
    if (ship->timer.timer_set) {
        ngx_del_timer(&ship->timer);
    }

    ngx_add_timer(&ship->timer, delay);
}
