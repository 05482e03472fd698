
/*
 * The file that a worker adds to.
 *
 * Its room is taken from the file system when it is made, and it is not added
 * to beyond that: a disk that is full refuses another file, and never a write
 * that somebody relies on.
 */


#include "stores/ngx_kairo_spool_own.h"


/* ms: where there was no room it is not looked for before */

#define NGX_KAIRO_SPOOL_AGAIN  200

/* ms: a worker that shuts down waits as long for who waits for the disk */

#define NGX_KAIRO_SPOOL_WAIT   60000

/* s: after that a file without its name was left while it was made */

#define NGX_KAIRO_SPOOL_MADE   60


typedef void (*ngx_kairo_spool_trim_pt)(int dir, const char *name, int fd,
    const struct stat *st);


static ngx_int_t ngx_kairo_spool_make(ngx_kairo_spool_worker_t *w);
static off_t ngx_kairo_spool_disk(const ngx_kairo_spool_t *spool, int dir,
    const char *suffix);
static ngx_int_t ngx_kairo_spool_head(ngx_kairo_spool_worker_t *w,
    ngx_kairo_spool_segment_t *segment, int dir);
static void ngx_kairo_spool_refused(ngx_kairo_spool_worker_t *w,
    ngx_err_t err);
static ngx_uint_t ngx_kairo_spool_gone(ngx_kairo_spool_worker_t *w,
    ngx_kairo_spool_segment_t *segment);
static void ngx_kairo_spool_thread(void *data, ngx_log_t *log);
static void ngx_kairo_spool_thread_done(ngx_event_t *ev);
static void ngx_kairo_spool_close(ngx_kairo_spool_segment_t *segment);
static void ngx_kairo_spool_cut(int fd, off_t size);
static void ngx_kairo_spool_each(int dir, const char *suffix,
    ngx_kairo_spool_trim_pt trim);
static void ngx_kairo_spool_trim_left(int dir, const char *name, int fd,
    const struct stat *st);
static void ngx_kairo_spool_trim_making(int dir, const char *name, int fd,
    const struct stat *st);


/* What a thread gets: the store's memory is not its. */

typedef struct {
    ngx_kairo_spool_worker_t   *worker;
    ngx_kairo_spool_segment_t  *segment;
    const ngx_path_t           *path;       /* or NULL: its name is on disk */
    int                         fd;
    ngx_int_t                   rc;
    ngx_err_t                   err;
} ngx_kairo_spool_task_t;


ngx_int_t
ngx_kairo_spool_room(ngx_kairo_spool_worker_t *w, size_t need)
{
    size_t                      due;
    ngx_kairo_spool_segment_t  *segment;

    due = need + w->open * NGX_KAIRO_SPOOL_END;
    segment = w->segment;

    if (segment && segment->size + (off_t) (w->used + due)
                   <= w->spool->segment)
    {
        return NGX_OK;
    }

    if (w->again && (ngx_msec_int_t) (w->again - ngx_current_msec) > 0) {
        return NGX_DECLINED;
    }

    if ((off_t) (KAIRO_SPOOL_FILE_HEAD + due) > w->spool->segment) {
        /* so many are open that no file has room for their ends */
        ngx_kairo_spool_refused(w, NGX_ENOSPC);
        return NGX_DECLINED;
    }

    if (ngx_kairo_spool_make(w) != NGX_OK) {
        return NGX_DECLINED;
    }

    if (w->full) {
        w->full = 0;
        ngx_log_error(NGX_LOG_NOTICE, ngx_cycle->log, 0,
                      "kairo spool: there is room in \"%V\" again",
                      &w->spool->path->name);
    }

    w->again = 0;

    return NGX_OK;
}


/* The file of before is left when there is another, and not until then. */

static ngx_int_t
ngx_kairo_spool_make(ngx_kairo_spool_worker_t *w)
{
    int                         dir;
    ngx_err_t                   err;
    ngx_kairo_spool_segment_t  *segment;

    segment = ngx_calloc(sizeof(ngx_kairo_spool_segment_t), ngx_cycle->log);
    if (segment == NULL) {
        return NGX_ERROR;
    }

    ngx_queue_init(&segment->written);
    ngx_queue_init(&segment->synced);

    segment->fd = -1;
    segment->nth = ++w->nsegments;

    dir = ngx_kairo_spool_dir(w->spool->path);

    if (dir == -1) {
        err = ngx_errno;

    } else if (ngx_kairo_spool_disk(w->spool, dir, KAIRO_SPOOL_SUFFIX)
               + ngx_kairo_spool_kept(w->spool, dir) + w->spool->segment
               > w->spool->size)
    {
        err = 0;

    } else {
        err = ngx_kairo_spool_head(w, segment, dir) == NGX_OK ? 0 : ngx_errno;
    }

    if (dir != -1) {
        (void) close(dir);
    }

    if (segment->fd == -1) {
        ngx_free(segment);
        ngx_kairo_spool_refused(w, err);
        return NGX_ERROR;
    }

    if (w->used) {
        ngx_kairo_spool_flush(w);
    }

    if (w->segment) {
        ngx_kairo_spool_leave(w);
    }

    w->segment = segment;

    return NGX_OK;
}


int
ngx_kairo_spool_dir(const ngx_path_t *path)
{
    return open((char *) path->name.data, O_RDONLY|O_DIRECTORY|O_CLOEXEC);
}


/* What all files take; those of other workers too. */

static off_t
ngx_kairo_spool_disk(const ngx_kairo_spool_t *spool, int dir,
    const char *suffix)
{
    off_t                 disk;
    size_t                i, n;
    kairo_spool_entry_t  *entries;

    if (kairo_spool_list_of(dir, suffix, &entries, &n) != 0) {
        return spool->size;
    }

    for (i = 0, disk = 0; i < n; i++) {
        disk += (off_t) ngx_max(entries[i].size, entries[i].disk);
    }

    free(entries);

    return disk;
}


off_t
ngx_kairo_spool_kept(const ngx_kairo_spool_t *spool, int dir)
{
    return ngx_kairo_spool_disk(spool, dir, KAIRO_SPOOL_ASIDE)
           + ngx_kairo_spool_disk(spool, dir, KAIRO_SPOOL_DAMAGED)
           + ngx_kairo_spool_disk(spool, dir, NGX_KAIRO_SPOOL_MAKING);
}


/* A file that is locked and has its room and head before it has its name. */

static ngx_int_t
ngx_kairo_spool_head(ngx_kairo_spool_worker_t *w,
    ngx_kairo_spool_segment_t *segment, int dir)
{
    char           name[KAIRO_SPOOL_NAME];
    char           making[KAIRO_SPOOL_NAME + sizeof(".new")];
    u_char         head[KAIRO_SPOOL_FILE_HEAD];
    ngx_err_t      err;

    if (kairo_spool_file_make(&segment->head, head, ngx_kairo_spool_ms(),
                              ngx_pid)
        != 0)
    {
        return NGX_ERROR;
    }

    kairo_spool_name(name, segment->head.made, ngx_pid,
                     (unsigned) segment->nth);
    *ngx_sprintf((u_char *) making, "%s.new", name) = '\0';

    segment->fd = openat(dir, making, O_WRONLY|O_CREAT|O_TRUNC|O_APPEND
                                      |O_NOFOLLOW|O_CLOEXEC, 0600);
    if (segment->fd == -1) {
        return NGX_ERROR;
    }

    if (kairo_spool_lock(segment->fd) != 0
        || (fallocate(segment->fd, FALLOC_FL_KEEP_SIZE, 0, w->spool->segment)
            != 0
            && ngx_errno != NGX_EOPNOTSUPP && ngx_errno != NGX_ENOSYS)
        || write(segment->fd, head, KAIRO_SPOOL_FILE_HEAD)
           != KAIRO_SPOOL_FILE_HEAD
        || renameat(dir, making, dir, name) != 0)
    {
        err = ngx_errno;

        (void) unlinkat(dir, making, 0);
        (void) close(segment->fd);
        segment->fd = -1;

        ngx_set_errno(err);
        return NGX_ERROR;
    }

    segment->size = KAIRO_SPOOL_FILE_HEAD;

    return NGX_OK;
}


/* The log is told once, until there is room again. */

static void
ngx_kairo_spool_refused(ngx_kairo_spool_worker_t *w, ngx_err_t err)
{
    w->again = ngx_current_msec + NGX_KAIRO_SPOOL_AGAIN;
    w->again += (w->again == 0);

    if (w->full) {
        return;
    }

    w->full = 1;

    if (err) {
        ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, err,
                      "kairo spool: \"%V\" can't be written",
                      &w->spool->path->name);
        return;
    }

    ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                  "kairo spool: \"%V\" is full: no more than size=%O",
                  &w->spool->path->name, w->spool->size);
}


ngx_int_t
ngx_kairo_spool_append(ngx_kairo_spool_worker_t *w, const u_char *text,
    size_t n)
{
    ssize_t                     written;
    ngx_err_t                   err;
    ngx_kairo_spool_segment_t  *segment;

    segment = w->segment;

    if (ngx_kairo_spool_gone(w, segment)) {
        return NGX_ERROR;
    }

    do {
        written = write(segment->fd, text, n);
    } while (written == -1 && ngx_errno == NGX_EINTR);

    if (written == (ssize_t) n) {
        segment->size += (off_t) n;
        segment->dirty = 1;
        ngx_kairo_spool_count(w->spool, NGX_KAIRO_SPOOL_BYTES, n);
        return NGX_OK;
    }

    err = written == -1 ? ngx_errno : NGX_ENOSPC;

    /* a part of a record would be read as one that was never finished */

    ngx_kairo_spool_cut(segment->fd, segment->size);

    ngx_kairo_spool_count(w->spool, NGX_KAIRO_SPOOL_FAILED, 1);
    ngx_kairo_spool_refused(w, err);
    ngx_kairo_spool_leave(w);

    return NGX_ERROR;
}


/* A file that was removed: nobody would ever read what is added to it. */

static ngx_uint_t
ngx_kairo_spool_gone(ngx_kairo_spool_worker_t *w,
    ngx_kairo_spool_segment_t *segment)
{
    struct stat  st;

    if (fstat(segment->fd, &st) != 0 || st.st_nlink) {
        return 0;
    }

    ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                  "kairo spool: a file in \"%V\" was removed while it was "
                  "written", &w->spool->path->name);

    ngx_kairo_spool_count(w->spool, NGX_KAIRO_SPOOL_FAILED, 1);
    ngx_kairo_spool_leave(w);

    return 1;
}


void
ngx_kairo_spool_sync(ngx_kairo_spool_worker_t *w,
    ngx_kairo_spool_segment_t *segment)
{
    ngx_thread_task_t       *task;
    ngx_kairo_spool_task_t  *ctx;

    if (segment->syncing) {
        /* once more, when that one has ended */
        return;
    }

    task = segment->task;

    if (task == NULL) {
        task = ngx_calloc(sizeof(ngx_thread_task_t)
                          + sizeof(ngx_kairo_spool_task_t), ngx_cycle->log);
        if (task == NULL) {
            goto failed;
        }

        segment->task = task;
    }

    ctx = (ngx_kairo_spool_task_t *) (task + 1);

    ctx->worker = w;
    ctx->segment = segment;
    ctx->path = segment->named ? NULL : w->spool->path;
    ctx->fd = segment->fd;

    task->ctx = ctx;
    task->handler = ngx_kairo_spool_thread;
    task->event.handler = ngx_kairo_spool_thread_done;
    task->event.data = ctx;
    task->event.log = ngx_cycle->log;

    if (ngx_thread_task_post(w->spool->threads, task) != NGX_OK) {
        goto failed;
    }

    segment->syncing = 1;
    segment->dirty = 0;
    ngx_kairo_spool_move(&segment->synced, &segment->written);

    if (!ngx_queue_empty(&segment->synced)) {
        /* a worker that shuts down waits for timers alone */
        ngx_add_timer(&task->event, NGX_KAIRO_SPOOL_WAIT);
    }

    return;

failed:

    ngx_kairo_spool_count(w->spool, NGX_KAIRO_SPOOL_FAILED, 1);
    segment->dirty = 0;
    ngx_kairo_spool_move(&w->failed, &segment->written);
}


static void
ngx_kairo_spool_thread(void *data, ngx_log_t *log)
{
    ngx_kairo_spool_task_t *ctx = data;

    (void) log;

    ctx->rc = ngx_kairo_spool_keep(ctx->fd, ctx->path);
    ctx->err = ctx->rc == NGX_OK ? 0 : ngx_errno;
}


ngx_int_t
ngx_kairo_spool_keep(int fd, const ngx_path_t *path)
{
    int        dir;
    ngx_err_t  err;
    ngx_int_t  rc;

    if (fdatasync(fd) != 0) {
        return NGX_ERROR;
    }

    if (path == NULL) {
        return NGX_OK;
    }

    dir = ngx_kairo_spool_dir(path);

    if (dir == -1) {
        return NGX_ERROR;
    }

    rc = fsync(dir) == 0 ? NGX_OK : NGX_ERROR;
    err = ngx_errno;

    (void) close(dir);

    ngx_set_errno(err);

    return rc;
}


static void
ngx_kairo_spool_thread_done(ngx_event_t *ev)
{
    ngx_kairo_spool_task_t *ctx = ev->data;

    ngx_int_t                   rc;
    ngx_kairo_spool_worker_t   *w;
    ngx_kairo_spool_segment_t  *segment;

    w = ctx->worker;

    if (ev->timedout) {
        ev->timedout = 0;
        ngx_log_error(NGX_LOG_ALERT, ev->log, 0,
                      "kairo spool: fdatasync() in \"%V\" takes a minute",
                      &w->spool->path->name);
        return;
    }

    if (ev->timer_set) {
        ngx_del_timer(ev);
    }

    rc = ctx->rc;
    segment = ctx->segment;

    segment->syncing = 0;

    if (rc == NGX_OK) {
        segment->named = 1;

    } else {
        ngx_kairo_spool_count(w->spool, NGX_KAIRO_SPOOL_FAILED, 1);
        ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, ctx->err,
                      "kairo spool: fdatasync() in \"%V\" failed",
                      &w->spool->path->name);
    }

    ngx_kairo_spool_move(rc == NGX_OK ? &w->written : &w->failed,
                         &segment->synced);

    if (segment->dirty
        && (segment->left || !ngx_queue_empty(&segment->written)))
    {
        ngx_kairo_spool_sync(w, segment);
    }

    if (segment->left && !segment->syncing) {
        ngx_kairo_spool_close(segment);
    }

    ngx_kairo_spool_tell(w, &w->written, NGX_OK);
    ngx_kairo_spool_tell(w, &w->failed, NGX_ERROR);
}


void
ngx_kairo_spool_leave(ngx_kairo_spool_worker_t *w)
{
    ngx_kairo_spool_segment_t  *segment;

    segment = w->segment;

    w->segment = NULL;
    segment->left = 1;

    if (segment->dirty && w->spool->sync != NGX_KAIRO_SPOOL_SYNC_OFF) {
        ngx_kairo_spool_sync(w, segment);
    }

    if (!segment->syncing) {
        ngx_kairo_spool_close(segment);
    }
}


/* The lock goes with it, and the room that it has not used. */

static void
ngx_kairo_spool_close(ngx_kairo_spool_segment_t *segment)
{
    ngx_kairo_spool_cut(segment->fd, segment->size);
    (void) close(segment->fd);

    if (segment->task) {
        ngx_free(segment->task);
    }

    ngx_free(segment);
}


/* What is behind that, and room that was taken and not used. */

static void
ngx_kairo_spool_cut(int fd, off_t size)
{
    if (ftruncate(fd, size) != 0) {
        ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, ngx_errno,
                      "kairo spool: ftruncate() failed");
    }
}


void
ngx_kairo_spool_trim(const ngx_kairo_spool_t *spool)
{
    int  dir;

    dir = ngx_kairo_spool_dir(spool->path);

    if (dir == -1) {
        return;
    }

    ngx_kairo_spool_each(dir, KAIRO_SPOOL_SUFFIX, ngx_kairo_spool_trim_left);
    ngx_kairo_spool_each(dir, NGX_KAIRO_SPOOL_MAKING,
                         ngx_kairo_spool_trim_making);

    (void) close(dir);
}


/* The files that nobody has, locked for as long as that takes. */

static void
ngx_kairo_spool_each(int dir, const char *suffix,
    ngx_kairo_spool_trim_pt trim)
{
    int                   fd;
    size_t                i, n;
    struct stat           st;
    kairo_spool_entry_t  *entries;

    if (kairo_spool_list_of(dir, suffix, &entries, &n) != 0) {
        return;
    }

    for (i = 0; i < n; i++) {

        fd = openat(dir, entries[i].name, O_WRONLY|O_NOFOLLOW|O_CLOEXEC);

        if (fd == -1) {
            continue;
        }

        if (kairo_spool_lock(fd) == 0 && fstat(fd, &st) == 0) {
            trim(dir, entries[i].name, fd, &st);
        }

        (void) close(fd);
    }

    free(entries);
}


static void
ngx_kairo_spool_trim_left(int dir, const char *name, int fd,
    const struct stat *st)
{
    (void) dir;
    (void) name;

    if ((off_t) st->st_blocks * 512 >= st->st_size + 2 * (off_t) ngx_pagesize)
    {
        ngx_kairo_spool_cut(fd, st->st_size);
    }
}


/* One that is made is locked a moment after it is there. */

static void
ngx_kairo_spool_trim_making(int dir, const char *name, int fd,
    const struct stat *st)
{
    (void) fd;

    if (st->st_mtime < ngx_time() - NGX_KAIRO_SPOOL_MADE) {
        (void) unlinkat(dir, name, 0);
    }
}
