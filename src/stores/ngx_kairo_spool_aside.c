
/*
 * What the database can't take, in a file of the form of the spool, with the
 * suffix ".aside": "kairo spool" reads it.  A row may be there twice, when a
 * worker is killed before it has removed the file that the row came from.
 */


#include "stores/ngx_kairo_spool_ship.h"


/* s: the log is told of as many as there were in that time at once */

#define NGX_KAIRO_SPOOL_ASIDE_TELL    10


static ngx_int_t ngx_kairo_spool_aside_open(ngx_kairo_spool_ship_t *ship);
static ngx_int_t ngx_kairo_spool_aside_write(ngx_kairo_spool_ship_t *ship,
    const u_char *text, size_t n);
static void ngx_kairo_spool_aside_thread(void *data, ngx_log_t *log);
static void ngx_kairo_spool_aside_done(ngx_event_t *ev);


/* What a thread gets. */

typedef struct {
    ngx_kairo_spool_ship_t  *ship;
    const ngx_path_t        *path;
    int                      fd;
    ngx_int_t                rc;
} ngx_kairo_spool_aside_task_t;


ngx_int_t
ngx_kairo_spool_aside(ngx_kairo_spool_ship_t *ship,
    const kairo_event_t *event, const char *why)
{
    size_t                    n;
    u_char                    content[KAIRO_EVENT_MAX];
    u_char                    text[NGX_KAIRO_SPOOL_RECORD];
    kairo_spool_record_t      record;
    ngx_kairo_spool_aside_t  *aside;

    aside = &ship->aside;

    if (!aside->dirty && aside->size > ship->spool->segment) {
        ngx_kairo_spool_aside_close(ship);
    }

    if (aside->fd == -1 && ngx_kairo_spool_aside_open(ship) != NGX_OK) {
        return NGX_ERROR;
    }

    record.type = KAIRO_EVENT_RECORD;
    record.number = ++aside->number;
    record.content.p = content;
    record.content.n = kairo_event_write(event, content);

    n = kairo_spool_write(&aside->head, &record, text);

    if (ngx_kairo_spool_aside_write(ship, text, n) != NGX_OK) {
        return NGX_ERROR;
    }

    aside->dirty = 1;
    aside->rows++;
    ngx_kairo_spool_count(ship->spool, NGX_KAIRO_SPOOL_ASIDE, 1);

    if (ngx_time() - aside->told >= NGX_KAIRO_SPOOL_ASIDE_TELL) {

        ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                      "kairo spool: \"%V\" can't take %ui events (%s), which "
                      "are in \"%V/%s\" now", &ship->spool->db->name,
                      aside->rows, why, &ship->spool->path->name,
                      aside->name);

        aside->rows = 0;
        aside->told = ngx_time();
    }

    return NGX_OK;
}


/* Ours, and locked: what reads it knows that there may be more. */

static ngx_int_t
ngx_kairo_spool_aside_open(ngx_kairo_spool_ship_t *ship)
{
    int                       dir;
    char                      name[KAIRO_SPOOL_NAME];
    u_char                    head[KAIRO_SPOOL_FILE_HEAD];
    ngx_kairo_spool_aside_t  *aside;

    aside = &ship->aside;

    aside->number = 0;
    aside->size = 0;

    if (kairo_spool_file_make(&aside->head, head, ngx_kairo_spool_ms(),
                              ngx_pid)
        != 0)
    {
        return NGX_ERROR;
    }

    kairo_spool_name(name, aside->head.made, ngx_pid,
                     (unsigned) ++aside->nth);

    (void) ngx_sprintf((u_char *) aside->name,
                       "%*s" KAIRO_SPOOL_ASIDE "%Z", ngx_strlen(name)
                       - (sizeof(KAIRO_SPOOL_SUFFIX) - 1), name);

    dir = ngx_kairo_spool_dir(ship->spool->path);
    if (dir == -1) {
        return NGX_ERROR;
    }

    aside->fd = openat(dir, aside->name,
                       O_WRONLY|O_CREAT|O_EXCL|O_APPEND|O_NOFOLLOW|O_CLOEXEC,
                       0600);
    (void) close(dir);

    if (aside->fd == -1) {
        return NGX_ERROR;
    }

    if (kairo_spool_lock(aside->fd) != 0
        || ngx_kairo_spool_aside_write(ship, head, sizeof(head)) != NGX_OK)
    {
        ngx_kairo_spool_aside_close(ship);
        return NGX_ERROR;
    }

    return NGX_OK;
}


/* All of it, or nothing. */

static ngx_int_t
ngx_kairo_spool_aside_write(ngx_kairo_spool_ship_t *ship, const u_char *text,
    size_t n)
{
    ssize_t                   written;
    ngx_kairo_spool_aside_t  *aside;

    aside = &ship->aside;

    do {
        written = write(aside->fd, text, n);
    } while (written == -1 && ngx_errno == NGX_EINTR);

    if (written == (ssize_t) n) {
        aside->size += (off_t) n;
        return NGX_OK;
    }

    ngx_log_error(NGX_LOG_ERR, ngx_cycle->log,
                  written == -1 ? ngx_errno : NGX_ENOSPC,
                  "kairo spool: \"%V/%s\" can't be written",
                  &ship->spool->path->name, aside->name);

    if (written > 0 && ftruncate(aside->fd, aside->size) != 0) {
        ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, ngx_errno,
                      "kairo spool: ftruncate() failed");
    }

    return NGX_ERROR;
}


ngx_int_t
ngx_kairo_spool_aside_sync(ngx_kairo_spool_ship_t *ship)
{
    ngx_thread_task_t             *task;
    ngx_kairo_spool_aside_t       *aside;
    ngx_kairo_spool_aside_task_t  *ctx;

    aside = &ship->aside;

    if (aside->syncing) {
        return NGX_AGAIN;
    }

    if (!aside->dirty || ship->spool->threads == NULL) {
        aside->dirty = 0;
        return NGX_OK;
    }

    task = aside->task;

    if (task == NULL) {
        task = ngx_calloc(sizeof(ngx_thread_task_t)
                          + sizeof(ngx_kairo_spool_aside_task_t),
                          ngx_cycle->log);
        if (task == NULL) {
            return NGX_ERROR;
        }

        aside->task = task;
    }

    ctx = (ngx_kairo_spool_aside_task_t *) (task + 1);

    ctx->ship = ship;
    ctx->path = ship->spool->path;
    ctx->fd = aside->fd;

    task->ctx = ctx;
    task->handler = ngx_kairo_spool_aside_thread;
    task->event.handler = ngx_kairo_spool_aside_done;
    task->event.data = ctx;
    task->event.log = ngx_cycle->log;

    if (ngx_thread_task_post(ship->spool->threads, task) != NGX_OK) {
        return NGX_ERROR;
    }

    aside->syncing = 1;

    return NGX_AGAIN;
}


static void
ngx_kairo_spool_aside_thread(void *data, ngx_log_t *log)
{
    ngx_kairo_spool_aside_task_t *ctx = data;

    (void) log;

    ctx->rc = ngx_kairo_spool_keep(ctx->fd, ctx->path);
}


static void
ngx_kairo_spool_aside_done(ngx_event_t *ev)
{
    ngx_kairo_spool_aside_task_t *ctx = ev->data;

    ngx_kairo_spool_ship_t  *ship;

    ship = ctx->ship;
    ship->aside.syncing = 0;

    if (ctx->rc == NGX_OK) {
        ship->aside.dirty = 0;
    }

    ngx_kairo_spool_ship_kept(ship, ctx->rc);
}


/* Nobody syncs it at this time, or threads have ended. */

void
ngx_kairo_spool_aside_close(ngx_kairo_spool_ship_t *ship)
{
    ngx_kairo_spool_aside_t  *aside;

    aside = &ship->aside;

    if (aside->fd != -1) {
        (void) close(aside->fd);
        aside->fd = -1;
    }

    if (aside->task) {
        ngx_free(aside->task);
        aside->task = NULL;
    }

    aside->dirty = 0;
    aside->syncing = 0;
}
