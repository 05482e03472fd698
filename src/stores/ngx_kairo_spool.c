
/*
 * The zone that workers share, and events from when they are put until those
 * who wait are told.
 */


#include "stores/ngx_kairo_spool_own.h"
#include "stores/ngx_kairo_shm.h"


#define NGX_KAIRO_SPOOL_MAGIC  0x316c70736b0000ull

/* ms: how often a worker looks after what is left */

#define NGX_KAIRO_SPOOL_LOOK   500


static ngx_int_t ngx_kairo_spool_init(ngx_shm_zone_t *shm_zone, void *data);
static ngx_int_t ngx_kairo_spool_ends(ngx_kairo_spool_worker_t *w);
static void ngx_kairo_spool_flushed(ngx_event_t *ev);
static void ngx_kairo_spool_post(ngx_kairo_spool_worker_t *w);
static void ngx_kairo_spool_written(ngx_kairo_spool_worker_t *w);
static void ngx_kairo_spool_unheld(ngx_kairo_spool_worker_t *w,
    const ngx_kairo_spool_wait_t *wait);
static void ngx_kairo_spool_drop(ngx_kairo_op_t *op);
static void ngx_kairo_spool_timed(ngx_event_t *ev);
static void ngx_kairo_spool_looked(ngx_event_t *ev);
static void ngx_kairo_spool_timer(ngx_kairo_spool_worker_t *w,
    ngx_event_t *ev, ngx_event_handler_pt handler, ngx_msec_t delay);


ngx_int_t
ngx_kairo_spool_add(ngx_conf_t *cf, ngx_kairo_spool_t *spool, void *tag)
{
    ngx_shm_zone_t            *shm_zone;
    ngx_kairo_spool_worker_t  *w;

    static ngx_str_t  name = ngx_string("kairo:spool");

    w = ngx_pcalloc(cf->pool, sizeof(ngx_kairo_spool_worker_t));
    if (w == NULL) {
        return NGX_ERROR;
    }

    spool->worker = w;
    w->spool = spool;

    ngx_queue_init(&w->waiting);
    ngx_queue_init(&w->written);
    ngx_queue_init(&w->failed);

    w->buffer = ngx_palloc(cf->pool, NGX_KAIRO_SPOOL_TURN);
    if (w->buffer == NULL) {
        return NGX_ERROR;
    }

    if (ngx_add_path(cf, &spool->path) != NGX_OK) {
        return NGX_ERROR;
    }

    shm_zone = ngx_shared_memory_add(cf, &name, 8 * ngx_pagesize, tag);
    if (shm_zone == NULL) {
        return NGX_ERROR;
    }

    shm_zone->init = ngx_kairo_spool_init;
    shm_zone->data = spool;

    return NGX_OK;
}


static ngx_int_t
ngx_kairo_spool_init(ngx_shm_zone_t *shm_zone, void *data)
{
    ngx_kairo_spool_t  *old = data;
    size_t              size;
    ngx_file_info_t     fi;
    ngx_kairo_spool_t  *spool;

    spool = shm_zone->data;

    /* nginx has made it, unless there was something by that name */

    if (ngx_file_info(spool->path->name.data, &fi) == NGX_FILE_ERROR
        || !ngx_is_dir(&fi))
    {
        ngx_log_error(NGX_LOG_EMERG, shm_zone->shm.log, 0,
                      "the spool \"%V\" is no directory",
                      &spool->path->name);
        return NGX_ERROR;
    }

    if (old) {

        if (old->root->magic != NGX_KAIRO_SPOOL_MAGIC) {
            ngx_log_error(NGX_LOG_EMERG, shm_zone->shm.log, 0,
                          "kairo spool: the memory is of another version, "
                          "restart nginx");
            return NGX_ERROR;
        }

        spool->root = old->root;

        return NGX_OK;
    }

    spool->root = ngx_kairo_shm_all(shm_zone, &size);
    if (spool->root == NULL) {
        return NGX_ERROR;
    }

    spool->root->magic = NGX_KAIRO_SPOOL_MAGIC;

    return NGX_OK;
}


void
ngx_kairo_spool_start(ngx_kairo_spool_t *spool)
{
    ngx_kairo_spool_worker_t  *w;

    w = spool->worker;
    w->started = 1;

    ngx_kairo_spool_trim(spool);

    ngx_kairo_spool_timer(w, &w->look, ngx_kairo_spool_looked,
                          NGX_KAIRO_SPOOL_LOOK);

    if (spool->db) {
        ngx_kairo_spool_ship_start(spool);
    }
}


/* No request is left, or nginx does not wait for them. */

void
ngx_kairo_spool_stop(ngx_kairo_spool_t *spool)
{
    ngx_kairo_spool_worker_t  *w;

    w = spool->worker;

    if (!w->started) {
        return;
    }

    w->started = 0;

    if (spool->db) {
        ngx_kairo_spool_ship_stop(spool);
    }

    ngx_kairo_spool_flush(w);
    ngx_kairo_spool_gaps(w);
    ngx_kairo_spool_flush(w);

    if (w->segment) {

        if (spool->sync != NGX_KAIRO_SPOOL_SYNC_OFF) {
            (void) ngx_kairo_spool_keep(w->segment->fd, w->segment->named
                                                        ? NULL : spool->path);
        }

        /* threads have ended before */

        w->segment->dirty = 0;
        w->segment->syncing = 0;
        ngx_kairo_spool_leave(w);
    }

    if (w->ends) {
        ngx_free(w->ends);
        w->ends = NULL;
    }
}


ngx_int_t
ngx_kairo_spool_put(ngx_kairo_spool_t *spool, kairo_event_t *event,
    ngx_kairo_op_t **op)
{
    ngx_kairo_spool_wait_t    *wait;
    ngx_kairo_spool_worker_t  *w;

    w = spool->worker;
    wait = NULL;

    if (op) {
        wait = ngx_calloc(sizeof(ngx_kairo_spool_wait_t), ngx_cycle->log);
        if (wait == NULL) {
            return NGX_DECLINED;
        }
    }

    ngx_kairo_spool_gaps(w);

    if ((event->status == 0 && ngx_kairo_spool_ends(w) != NGX_OK)
        || ngx_kairo_spool_id(w, event->id) != NGX_OK
        || ngx_kairo_spool_add_record(w, event) != NGX_OK)
    {
        if (wait) {
            ngx_free(wait);
        }

        return NGX_DECLINED;
    }

    if (event->status == 0) {
        w->open++;
    }

    if (wait == NULL) {
        w->unheard++;
        return NGX_OK;
    }

    wait->op.drop = ngx_kairo_spool_drop;
    wait->open = (event->status == 0);
    ngx_memcpy(wait->id, event->id, KAIRO_UUID);
    ngx_queue_insert_tail(&w->waiting, &wait->queue);

    *op = &wait->op;

    return NGX_AGAIN;
}


uint64_t
ngx_kairo_spool_ms(void)
{
    ngx_time_t  *tp;

    tp = ngx_timeofday();

    return (uint64_t) tp->sec * 1000 + tp->msec;
}


ngx_int_t
ngx_kairo_spool_random(ngx_kairo_spool_t *spool, u_char *p, size_t n)
{
    ngx_kairo_spool_worker_t  *w;

    w = spool->worker;

    if (w->random_left < n) {

        if (getrandom(w->random, sizeof(w->random), 0)
            != (ssize_t) sizeof(w->random))
        {
            ngx_log_error(NGX_LOG_ALERT, ngx_cycle->log, ngx_errno,
                          "kairo spool: getrandom() failed");
            return NGX_ERROR;
        }

        w->random_left = sizeof(w->random);
    }

    w->random_left -= n;
    ngx_memcpy(p, w->random + w->random_left, n);

    return NGX_OK;
}


ngx_int_t
ngx_kairo_spool_id(ngx_kairo_spool_worker_t *w, unsigned char id[KAIRO_UUID])
{
    u_char  random[KAIRO_UUID7_RANDOM];

    if (ngx_kairo_spool_random(w->spool, random, sizeof(random)) != NGX_OK) {
        return NGX_ERROR;
    }

    kairo_uuid7(&w->maker, ngx_kairo_spool_ms(), random, id);

    return NGX_OK;
}


ngx_int_t
ngx_kairo_spool_add_record(ngx_kairo_spool_worker_t *w,
    const kairo_event_t *event)
{
    u_char                content[KAIRO_EVENT_MAX];
    size_t                size;
    ngx_uint_t            ends;
    kairo_spool_record_t  record;

    record.type = KAIRO_EVENT_RECORD;
    record.content.p = content;
    record.content.n = kairo_event_write(event, content);

    size = KAIRO_SPOOL_HEAD + record.content.n;
    ends = event->status == 0;

    if (w->used + size > NGX_KAIRO_SPOOL_TURN) {
        ngx_kairo_spool_flush(w);
    }

    if (ngx_kairo_spool_room(w, size + ends * NGX_KAIRO_SPOOL_END) != NGX_OK) {
        return NGX_DECLINED;
    }

    record.number = ++w->segment->number;

    w->used += kairo_spool_write(&w->segment->head, &record,
                                 w->buffer + w->used);

    w->records++;

    ngx_kairo_spool_post(w);

    return NGX_OK;
}


/* The memory for an end is had before its event is put, as its room is. */

static ngx_int_t
ngx_kairo_spool_ends(ngx_kairo_spool_worker_t *w)
{
    ngx_uint_t              most;
    ngx_kairo_spool_end_t  *ends;

    if (w->open < w->most) {
        return NGX_OK;
    }

    most = w->most ? 2 * w->most : 64;

    ends = ngx_alloc(most * sizeof(ngx_kairo_spool_end_t), ngx_cycle->log);
    if (ends == NULL) {
        return NGX_ERROR;
    }

    if (w->ends) {
        ngx_memcpy(ends, w->ends, w->nends * sizeof(ngx_kairo_spool_end_t));
        ngx_free(w->ends);
    }

    w->ends = ends;
    w->most = most;

    return NGX_OK;
}


void
ngx_kairo_spool_end(ngx_kairo_spool_t *spool, const kairo_event_t *event)
{
    ngx_kairo_spool_end_t     *ends;
    ngx_kairo_spool_worker_t  *w;

    w = spool->worker;
    ends = &w->ends[w->nends++];

    ngx_memcpy(ends->id, event->id, KAIRO_UUID);
    ends->status = event->status;
    ends->latency = event->latency;
    ends->bytes = event->bytes;

    ngx_kairo_spool_post(w);
}


static void
ngx_kairo_spool_post(ngx_kairo_spool_worker_t *w)
{
    if (!w->flush.posted) {
        w->flush.handler = ngx_kairo_spool_flushed;
        w->flush.data = w;
        w->flush.log = ngx_cycle->log;
        ngx_post_event(&w->flush, &ngx_posted_events);
    }
}


/* The end of a turn of the event loop. */

static void
ngx_kairo_spool_flushed(ngx_event_t *ev)
{
    ngx_kairo_spool_worker_t *w = ev->data;

    ngx_kairo_spool_flush(w);

    if (w->segment && !ngx_queue_empty(&w->segment->written)) {
        ngx_kairo_spool_sync(w, w->segment);
    }

    ngx_kairo_spool_tell(w, &w->written, NGX_OK);
    ngx_kairo_spool_tell(w, &w->failed, NGX_ERROR);
}


void
ngx_kairo_spool_flush(ngx_kairo_spool_worker_t *w)
{
    u_char                *p, content[KAIRO_EVENT_MAX];
    size_t                 n;
    ngx_int_t              rc;
    ngx_uint_t             i, fit, records;
    kairo_event_t          event;
    kairo_spool_record_t   record;

    do {
        if (w->nends && w->used == 0
            && ngx_kairo_spool_room(w, 0) != NGX_OK)
        {
            return;
        }

        fit = (NGX_KAIRO_SPOOL_TURN - w->used) / NGX_KAIRO_SPOOL_END;
        fit = ngx_min(fit, w->nends);
        p = w->buffer + w->used;

        for (i = 0; i < fit; i++) {

            ngx_memzero(&event, sizeof(kairo_event_t));
            ngx_memcpy(event.id, w->ends[i].id, KAIRO_UUID);
            event.status = w->ends[i].status;
            event.latency = w->ends[i].latency;
            event.bytes = w->ends[i].bytes;

            record.type = KAIRO_EVENT_RECORD;
            record.number = ++w->segment->number;
            record.content.p = content;
            record.content.n = kairo_event_write(&event, content);

            p += kairo_spool_write(&w->segment->head, &record, p);
        }

        n = p - w->buffer;

        if (n == 0) {
            return;
        }

        rc = ngx_kairo_spool_append(w, w->buffer, n);
        records = w->records;

        w->used = 0;
        w->records = 0;

        ngx_kairo_spool_gaps_told(w, rc);

        if (rc != NGX_OK) {
            /* ends are kept, and go to another file */
            ngx_kairo_spool_move(&w->failed, &w->waiting);
            ngx_kairo_spool_post(w);
            return;
        }

        ngx_kairo_spool_count(w->spool, NGX_KAIRO_SPOOL_WRITTEN,
                              records + fit);

        w->open -= fit;
        w->nends -= fit;

        if (w->nends) {
            ngx_memmove(w->ends, w->ends + fit,
                        w->nends * sizeof(ngx_kairo_spool_end_t));
        }

        ngx_kairo_spool_written(w);

    } while (w->nends);

    if (w->spool->sync != NGX_KAIRO_SPOOL_SYNC_OFF
        && w->spool->sync != NGX_KAIRO_SPOOL_SYNC_ALWAYS
        && !w->sync.timer_set)
    {
        ngx_kairo_spool_timer(w, &w->sync, ngx_kairo_spool_timed,
                              w->spool->sync);
    }
}


/* Who waits is told at the end of the turn, or when it is on disk. */

static void
ngx_kairo_spool_written(ngx_kairo_spool_worker_t *w)
{
    ngx_queue_t             *q;
    ngx_kairo_spool_wait_t  *wait;

    for (q = ngx_queue_head(&w->waiting);
         q != ngx_queue_sentinel(&w->waiting);
         q = ngx_queue_next(q))
    {
        wait = ngx_queue_data(q, ngx_kairo_spool_wait_t, queue);
        wait->written = 1;
    }

    ngx_kairo_spool_move(w->spool->sync == NGX_KAIRO_SPOOL_SYNC_ALWAYS
                         ? &w->segment->written : &w->written,
                         &w->waiting);
}


void
ngx_kairo_spool_move(ngx_queue_t *to, ngx_queue_t *from)
{
    if (!ngx_queue_empty(from)) {
        ngx_queue_add(to, from);
        ngx_queue_init(from);
    }
}


void
ngx_kairo_spool_tell(ngx_kairo_spool_worker_t *w, ngx_queue_t *queue,
    ngx_int_t rc)
{
    ngx_queue_t             *q, told;
    ngx_kairo_spool_wait_t  *wait;

    ngx_queue_init(&told);
    ngx_kairo_spool_move(&told, queue);

    while (!ngx_queue_empty(&told)) {

        q = ngx_queue_head(&told);
        wait = ngx_queue_data(q, ngx_kairo_spool_wait_t, queue);

        ngx_queue_remove(q);

        if (rc != NGX_OK && wait->open) {
            ngx_kairo_spool_unheld(w, wait);
        }

        ngx_kairo_op_finish(&wait->op, rc);
        ngx_free(wait);
    }
}


/*
 * An event that was not written has no end.  One that was, and may not be on
 * disk, is refused: whoever has put it does not end it, so that is done here.
 */

static void
ngx_kairo_spool_unheld(ngx_kairo_spool_worker_t *w,
    const ngx_kairo_spool_wait_t *wait)
{
    ngx_uint_t     i;
    kairo_event_t  event;

    if (wait->written && wait->dropped) {
        /* it is ended as it would have been */
        return;
    }

    if (wait->written) {
        ngx_memzero(&event, sizeof(kairo_event_t));
        ngx_memcpy(event.id, wait->id, KAIRO_UUID);
        event.status = NGX_KAIRO_SPOOL_REFUSED;
        ngx_kairo_spool_end(w->spool, &event);
        return;
    }

    if (!wait->dropped) {
        w->open--;
        return;
    }

    /* the client has left, and the end is due already */

    for (i = 0; i < w->nends; i++) {
        if (ngx_memcmp(w->ends[i].id, wait->id, KAIRO_UUID) == 0) {
            w->nends--;
            w->open--;
            ngx_memmove(&w->ends[i], &w->ends[i + 1],
                        (w->nends - i) * sizeof(ngx_kairo_spool_end_t));
            return;
        }
    }
}


/* The client has left.  What was put stays, and is ended by who has put it. */

static void
ngx_kairo_spool_drop(ngx_kairo_op_t *op)
{
    ngx_kairo_spool_wait_t *wait = (ngx_kairo_spool_wait_t *) op;

    wait->dropped = 1;
}


static void
ngx_kairo_spool_timed(ngx_event_t *ev)
{
    ngx_kairo_spool_worker_t *w = ev->data;

    if (w->segment == NULL || !w->segment->dirty) {
        return;
    }

    if (w->segment->syncing) {
        /* a slow disk: what was written since is for the next time */
        ngx_kairo_spool_timer(w, ev, ngx_kairo_spool_timed, w->spool->sync);
        return;
    }

    ngx_kairo_spool_sync(w, w->segment);
}


/* Also where no request comes any more. */

static void
ngx_kairo_spool_looked(ngx_event_t *ev)
{
    ngx_kairo_spool_worker_t *w = ev->data;

    ngx_kairo_spool_gaps(w);

    if (w->nends && !w->flush.posted) {
        ngx_kairo_spool_flush(w);
    }

    ngx_kairo_spool_timer(w, &w->look, ngx_kairo_spool_looked,
                          NGX_KAIRO_SPOOL_LOOK);
}


/* Cancelable: it keeps no worker from its end. */

static void
ngx_kairo_spool_timer(ngx_kairo_spool_worker_t *w, ngx_event_t *ev,
    ngx_event_handler_pt handler, ngx_msec_t delay)
{
    ev->handler = handler;
    ev->data = w;
    ev->log = ngx_cycle->log;
    ev->cancelable = 1;

    ngx_add_timer(ev, delay);
}
