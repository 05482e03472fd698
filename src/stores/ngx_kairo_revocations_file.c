
/*
 * The file of revocations.
 *
 * A line is written by one call and between two line ends: one that could not
 * be written whole, of which the revoker was told, spoils none that follows.
 * Lines of two processes do not mix, since the file is opened for appending.
 */


#include "stores/ngx_kairo_revocations.h"


/* not worth a new file for less, in bytes */

#define NGX_KAIRO_REVOCATIONS_WASTE  65536

/* bytes that are read at once */

#define NGX_KAIRO_REVOCATIONS_STEP   65536

/* ms that a worker that shuts down waits for the disk */

#define NGX_KAIRO_REVOCATIONS_WAIT   60000

/* of 20 ms, that another nginx has to write the file anew */

#define NGX_KAIRO_REVOCATIONS_TRIES  500


typedef struct {
    ngx_kairo_op_t      op;        /* must be first */
    ngx_thread_task_t   task;
    ngx_fd_t            fd;
    ngx_err_t           err;
    ngx_str_t          *path;
    u_char              text[KAIRO_REVOCATION_LINE + 2];
} ngx_kairo_revocations_write_t;


static ngx_int_t ngx_kairo_revocations_hold(ngx_conf_t *cf,
    ngx_kairo_revocations_t *revocations);
static ngx_int_t ngx_kairo_revocations_lock(ngx_fd_t fd, short type);
static ngx_int_t ngx_kairo_revocations_sync_folder(const char *path);
static void ngx_kairo_revocations_close(void *data);
static ngx_int_t ngx_kairo_revocations_header(
    ngx_kairo_revocations_t *revocations, kairo_span_t line, ngx_log_t *log);
static ngx_int_t ngx_kairo_revocations_line(
    ngx_kairo_revocations_t *revocations, kairo_span_t line, ngx_log_t *log);
static void ngx_kairo_revocations_write(void *data, ngx_log_t *log);
static void ngx_kairo_revocations_written(ngx_event_t *ev);
static ngx_fd_t ngx_kairo_revocations_copy(
    ngx_kairo_revocations_t *revocations, const char *path, const char *real);
static ngx_int_t ngx_kairo_revocations_copy_lines(ngx_fd_t from, ngx_fd_t to);
static size_t ngx_kairo_revocations_keep(u_char *buf, size_t n,
    size_t *whole);


ngx_int_t
ngx_kairo_revocations_open(ngx_conf_t *cf,
    ngx_kairo_revocations_t *revocations)
{
    ngx_file_info_t      fi;
    ngx_pool_cleanup_t  *cln;

    cln = ngx_pool_cleanup_add(cf->pool, 0);
    if (cln == NULL) {
        return NGX_ERROR;
    }

    if (ngx_kairo_revocations_hold(cf, revocations) != NGX_OK) {
        return NGX_ERROR;
    }

    cln->handler = ngx_kairo_revocations_close;
    cln->data = revocations;

    if (ngx_fd_info(revocations->fd, &fi) != NGX_FILE_ERROR
        && ngx_file_size(&fi) == 0
        && (ngx_write_fd(revocations->fd, NGX_KAIRO_REVOCATIONS_HEADER,
                         sizeof(NGX_KAIRO_REVOCATIONS_HEADER) - 1)
            != (ssize_t) sizeof(NGX_KAIRO_REVOCATIONS_HEADER) - 1
            || fdatasync(revocations->fd) != 0
            || ngx_kairo_revocations_sync_folder((char *)
                                                 revocations->path.data)
               != NGX_OK))
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           "file of revocations \"%V\" can't be written",
                           &revocations->path);

        /* half a header would be another file's when there is room again */

        if (ngx_fd_info(revocations->fd, &fi) != NGX_FILE_ERROR
            && ngx_file_size(&fi)
               < (off_t) sizeof(NGX_KAIRO_REVOCATIONS_HEADER) - 1
            && ftruncate(revocations->fd, 0) != 0)
        {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                               "nor can \"%V\" be made empty again",
                               &revocations->path);
        }

        return NGX_ERROR;
    }

    return NGX_OK;
}


/*
 * Opens the file that has the name, and sees to it that it keeps the name as
 * long as anybody has it open: see _shrink().
 */

static ngx_int_t
ngx_kairo_revocations_hold(ngx_conf_t *cf,
    ngx_kairo_revocations_t *revocations)
{
    ngx_fd_t         fd;
    ngx_int_t        rc;
    ngx_uint_t       i;
    ngx_file_info_t  fi;

    for (i = 0; i < NGX_KAIRO_REVOCATIONS_TRIES; i++) {

        fd = ngx_open_file(revocations->path.data,
                           NGX_FILE_RDWR|O_APPEND|O_CLOEXEC,
                           NGX_FILE_CREATE_OR_OPEN, 0600);

        if (fd == NGX_INVALID_FILE) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                               "file of revocations \"%V\" can't be opened",
                               &revocations->path);
            return NGX_ERROR;
        }

        rc = ngx_kairo_revocations_lock(fd, F_RDLCK);

        if (ngx_fd_info(fd, &fi) == NGX_FILE_ERROR || !ngx_is_file(&fi)) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "\"%V\" is not a file",
                               &revocations->path);
            (void) ngx_close_file(fd);
            return NGX_ERROR;
        }

        if (rc != NGX_BUSY && fi.st_nlink) {
            revocations->fd = fd;
            return NGX_OK;
        }

        (void) ngx_close_file(fd);
        ngx_msleep(20);
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "file of revocations \"%V\" can't be opened: another "
                       "process keeps it locked", &revocations->path);

    return NGX_ERROR;
}


/*
 * Of whoever has this open, by fork() too.  Unlike one of flock(), such a lock
 * is kept when it can't be made an exclusive one.  NGX_BUSY: another has it;
 * NGX_ERROR: the file system has no locks.
 */

static ngx_int_t
ngx_kairo_revocations_lock(ngx_fd_t fd, short type)
{
    struct flock  fl;

    ngx_memzero(&fl, sizeof(struct flock));
    fl.l_type = type;
    fl.l_whence = SEEK_SET;

    if (fcntl(fd, F_OFD_SETLK, &fl) == -1) {
        return ngx_errno == NGX_EAGAIN || ngx_errno == NGX_EACCES
               ? NGX_BUSY : NGX_ERROR;
    }

    return NGX_OK;
}


ngx_int_t
ngx_kairo_revocations_load_all(ngx_kairo_revocations_t *revocations,
    ngx_log_t *log)
{
    ngx_int_t  rc;

    do {
        rc = ngx_kairo_revocations_load(revocations, log);
    } while (rc == NGX_AGAIN);

    return rc;
}


ngx_int_t
ngx_kairo_revocations_load(ngx_kairo_revocations_t *revocations,
    ngx_log_t *log)
{
    u_char        *buf, *p, *last, *end;
    ssize_t        n;
    ngx_int_t      rc;
    kairo_span_t   line;

    buf = ngx_alloc(NGX_KAIRO_REVOCATIONS_STEP, log);
    if (buf == NULL) {
        return NGX_ERROR;
    }

    n = pread(revocations->fd, buf, NGX_KAIRO_REVOCATIONS_STEP,
              (off_t) revocations->root->offset);

    if (n < 0) {
        ngx_log_error(NGX_LOG_EMERG, log, ngx_errno,
                      "kairo revocations: \"%V\" can't be read",
                      &revocations->path);
        ngx_free(buf);
        return NGX_ERROR;
    }

    last = buf + n;
    rc = NGX_OK;

    for (p = buf; rc == NGX_OK; p = end + 1) {

        end = ngx_strlchr(p, last, LF);

        if (end == NULL) {
            break;
        }

        line.p = p;
        line.n = end - p;

        rc = ngx_kairo_revocations_line(revocations, line, log);

        /* what there is no room for is read again */

        if (rc != NGX_DECLINED) {
            revocations->root->offset += line.n + 1;
        }
    }

    if (rc == NGX_OK && revocations->root->offset == 0) {

        /* nothing is appended to what does not even have a line */

        line.p = buf;
        line.n = n;

        rc = ngx_kairo_revocations_header(revocations, line, log);

    } else if (rc == NGX_OK && n == NGX_KAIRO_REVOCATIONS_STEP) {

        rc = NGX_AGAIN;

        if (p == buf) {
            ngx_log_error(NGX_LOG_EMERG, log, 0,
                          "kairo revocations: \"%V\" has a line without an "
                          "end at byte %uL", &revocations->path,
                          revocations->root->offset);
            revocations->root->offset += n;
            rc = NGX_ERROR;
        }
    }

    ngx_free(buf);

    return rc;
}


ngx_uint_t
ngx_kairo_revocations_is(const ngx_kairo_revocations_t *revocations,
    const ngx_file_info_t *fi)
{
    return revocations->root->file[0] == (uint64_t) fi->st_dev
           && revocations->root->file[1] == (uint64_t) fi->st_ino;
}


void
ngx_kairo_revocations_mark(ngx_kairo_revocations_t *revocations)
{
    ngx_file_info_t  fi;

    if (ngx_fd_info(revocations->fd, &fi) != NGX_FILE_ERROR) {
        revocations->root->file[0] = (uint64_t) fi.st_dev;
        revocations->root->file[1] = (uint64_t) fi.st_ino;
    }
}


void
ngx_kairo_revocations_shrink(ngx_kairo_revocations_t *revocations,
    ngx_log_t *log)
{
    char       *path, *real;
    ngx_fd_t    fd;
    uint64_t    live;
    ngx_int_t   rc;

    live = kairo_revocations_count(revocations->table, ngx_time())
           * (KAIRO_REVOCATION_LINE + 2);

    if (revocations->root->offset < 2 * live + NGX_KAIRO_REVOCATIONS_WASTE) {
        return;
    }

    /* another nginx that has it open would write into the old one */

    if (ngx_kairo_revocations_lock(revocations->fd, F_WRLCK) != NGX_OK) {
        return;
    }

    /* what it has appended just before it ended */

    rc = ngx_kairo_revocations_load_all(revocations, log);

    /* the file itself, where its name is a link */

    real = realpath((char *) revocations->path.data, NULL);
    path = rc == NGX_OK && real ? ngx_alloc(strlen(real) + sizeof(".new"), log)
                                : NULL;
    if (path == NULL) {
        free(real);
        (void) ngx_kairo_revocations_lock(revocations->fd, F_RDLCK);
        return;
    }

    (void) ngx_sprintf((u_char *) path, "%s.new%Z", real);

    fd = ngx_kairo_revocations_copy(revocations, path, real);

    if (fd == NGX_INVALID_FILE) {
        ngx_log_error(NGX_LOG_WARN, log, ngx_errno,
                      "kairo revocations: \"%s\" could not be written, the "
                      "file stays as it is", path);
        (void) ngx_delete_file(path);

    } else {
        revocations->root->offset = (uint64_t) lseek(fd, 0, SEEK_END);
        (void) ngx_close_file(revocations->fd);
        revocations->fd = fd;
        ngx_kairo_revocations_mark(revocations);
    }

    ngx_free(path);
    free(real);

    (void) ngx_kairo_revocations_lock(revocations->fd, F_RDLCK);
}


ngx_int_t
ngx_kairo_revocations_append(ngx_kairo_revocations_t *revocations,
    kairo_revocation_kind_t kind, const kairo_revocation_t *revocation,
    ngx_kairo_op_t **op)
{
    ngx_kairo_revocations_write_t  *write;

    write = ngx_calloc(sizeof(ngx_kairo_revocations_write_t), ngx_cycle->log);
    if (write == NULL) {
        return NGX_ERROR;
    }

    write->fd = revocations->fd;
    write->path = &revocations->path;

    write->text[0] = LF;
    kairo_revocation_write(write->text + 1, kind, revocation);
    write->text[KAIRO_REVOCATION_LINE + 1] = LF;

    write->task.ctx = write;
    write->task.handler = ngx_kairo_revocations_write;
    write->task.event.handler = ngx_kairo_revocations_written;
    write->task.event.data = write;
    write->task.event.log = ngx_cycle->log;

    if (ngx_thread_task_post(revocations->pool, &write->task) != NGX_OK) {
        ngx_free(write);
        return NGX_ERROR;
    }

    /* a worker that shuts down waits for timers alone */

    ngx_add_timer(&write->task.event, NGX_KAIRO_REVOCATIONS_WAIT);

    *op = &write->op;

    return NGX_OK;
}


/* The name of a file is on the disk when its folder is. */

static ngx_int_t
ngx_kairo_revocations_sync_folder(const char *path)
{
    int          rc;
    char         folder[NGX_MAX_PATH];
    size_t       n;
    ngx_fd_t     fd;
    const char  *last;

    last = strrchr(path, '/');
    n = last ? last - path + 1 : 0;

    if (n == 0 || n >= sizeof(folder)) {
        return NGX_OK;
    }

    ngx_memcpy(folder, path, n);
    folder[n] = '\0';

    fd = open(folder, O_RDONLY|O_DIRECTORY|O_CLOEXEC);

    if (fd == NGX_INVALID_FILE) {
        return NGX_ERROR;
    }

    /* EINVAL: a file system that does not do it */

    rc = fsync(fd) == 0 || ngx_errno == EINVAL ? NGX_OK : NGX_ERROR;

    (void) ngx_close_file(fd);

    return rc;
}


static void
ngx_kairo_revocations_close(void *data)
{
    ngx_kairo_revocations_t *revocations = data;

    (void) ngx_close_file(revocations->fd);
}


/* The first line, with its end. */

static ngx_int_t
ngx_kairo_revocations_header(ngx_kairo_revocations_t *revocations,
    kairo_span_t line, ngx_log_t *log)
{
    static const kairo_span_t  header =
                                   kairo_span(NGX_KAIRO_REVOCATIONS_HEADER);

    if (line.n == header.n && ngx_memcmp(line.p, header.p, line.n) == 0) {
        return NGX_OK;
    }

    ngx_log_error(NGX_LOG_EMERG, log, 0,
                  "kairo revocations: \"%V\" does not begin with \"%*s\", "
                  "it is another file or of another version",
                  &revocations->path, header.n - 1, header.p);

    return NGX_ERROR;
}


static ngx_int_t
ngx_kairo_revocations_line(ngx_kairo_revocations_t *revocations,
    kairo_span_t line, ngx_log_t *log)
{
    int                 rc;
    kairo_revocation_t  revocation;

    if (revocations->root->offset == 0) {
        line.n++;
        return ngx_kairo_revocations_header(revocations, line, log);
    }

    if (line.n == 0) {
        return NGX_OK;
    }

    rc = kairo_revocation_read(line, &revocation);

    if (rc > 0) {
        ngx_log_error(NGX_LOG_WARN, log, 0,
                      "kairo revocations: \"%V\" has a line at byte %uL that "
                      "was not written to its end, which its revoker was told",
                      &revocations->path, revocations->root->offset);
        return NGX_OK;
    }

    if (rc < 0) {
        ngx_log_error(NGX_LOG_EMERG, log, 0,
                      "kairo revocations: \"%V\" is damaged at byte %uL: "
                      "bring back a copy, or take that line out and revoke "
                      "again what it was", &revocations->path,
                      revocations->root->offset);
        return NGX_ERROR;
    }

    if (revocation.until <= ngx_time()) {
        return NGX_OK;
    }

    return kairo_revocations_put(revocations->table, &revocation, ngx_time())
               == 0 ? NGX_OK : NGX_DECLINED;
}


/* In a thread: it has the task alone, and touches nothing else. */

static void
ngx_kairo_revocations_write(void *data, ngx_log_t *log)
{
    ngx_kairo_revocations_write_t *write = data;

    ssize_t          n;
    ngx_file_info_t  fi;

    n = ngx_write_fd(write->fd, write->text, sizeof(write->text));

    if (n != (ssize_t) sizeof(write->text)) {
        write->err = n < 0 ? ngx_errno : ENOSPC;

    } else if (fdatasync(write->fd) != 0
               || ngx_fd_info(write->fd, &fi) == NGX_FILE_ERROR)
    {
        write->err = ngx_errno;

    } else if (fi.st_nlink == 0) {
        write->err = ENOENT;
    }
}


static void
ngx_kairo_revocations_written(ngx_event_t *ev)
{
    ngx_kairo_revocations_write_t *write = ev->data;

    if (ev->timedout) {
        ev->timedout = 0;
        ngx_log_error(NGX_LOG_ALERT, ev->log, 0,
                      "kairo revocations: \"%V\" is being written for a "
                      "minute", write->path);
        return;
    }

    if (ev->timer_set) {
        ngx_del_timer(ev);
    }

    if (write->err) {
        ngx_log_error(NGX_LOG_ALERT, ev->log, write->err,
                      "kairo revocations: \"%V\" can't be written, a "
                      "revocation holds only until nginx ends", write->path);
    }

    ngx_kairo_op_finish(&write->op, write->err ? NGX_ERROR : NGX_OK);

    ngx_free(write);
}


/* The file that takes the old one's place, open; or NGX_INVALID_FILE. */

static ngx_fd_t
ngx_kairo_revocations_copy(ngx_kairo_revocations_t *revocations,
    const char *path, const char *real)
{
    ngx_fd_t  fd;

    fd = ngx_open_file(path, NGX_FILE_RDWR|O_APPEND|O_CLOEXEC,
                       NGX_FILE_TRUNCATE, 0600);

    if (fd == NGX_INVALID_FILE) {
        return NGX_INVALID_FILE;
    }

    (void) ngx_kairo_revocations_lock(fd, F_RDLCK);

    if (ngx_kairo_revocations_copy_lines(revocations->fd, fd) != NGX_OK
        || fsync(fd) != 0
        || ngx_rename_file(path, real) == NGX_FILE_ERROR)
    {
        (void) ngx_close_file(fd);
        return NGX_INVALID_FILE;
    }

    /* else what is kept in it could come back as the old file */

    if (ngx_kairo_revocations_sync_folder(real) != NGX_OK) {
        ngx_log_error(NGX_LOG_ALERT, ngx_cycle->log, ngx_errno,
                      "kairo revocations: the folder of \"%s\" can't be "
                      "written", real);
    }

    return fd;
}


/* All lines that are in force: they were read before, and found good. */

static ngx_int_t
ngx_kairo_revocations_copy_lines(ngx_fd_t from, ngx_fd_t to)
{
    off_t      offset;
    u_char    *buf;
    size_t     kept, whole;
    ssize_t    n;
    ngx_int_t  rc;

    buf = ngx_alloc(NGX_KAIRO_REVOCATIONS_STEP, ngx_cycle->log);
    if (buf == NULL) {
        return NGX_ERROR;
    }

    rc = ngx_write_fd(to, NGX_KAIRO_REVOCATIONS_HEADER,
                      sizeof(NGX_KAIRO_REVOCATIONS_HEADER) - 1)
         == (ssize_t) sizeof(NGX_KAIRO_REVOCATIONS_HEADER) - 1
         ? NGX_OK : NGX_ERROR;

    offset = sizeof(NGX_KAIRO_REVOCATIONS_HEADER) - 1;

    while (rc == NGX_OK) {

        n = pread(from, buf, NGX_KAIRO_REVOCATIONS_STEP, offset);

        if (n <= 0) {
            rc = n < 0 ? NGX_ERROR : NGX_OK;
            break;
        }

        kept = ngx_kairo_revocations_keep(buf, n, &whole);

        if (whole == 0) {
            break;    /* the rest has no end of a line */
        }

        if (ngx_write_fd(to, buf, kept) != (ssize_t) kept) {
            rc = NGX_ERROR;
        }

        offset += whole;
    }

    ngx_free(buf);

    return rc;
}


/*
 * Moves the lines that are in force to the beginning, and returns how many
 * bytes they are; "whole" is up to where there were whole lines.
 */

static size_t
ngx_kairo_revocations_keep(u_char *buf, size_t n, size_t *whole)
{
    u_char              *p, *last, *end, *out;
    kairo_span_t         line;
    kairo_revocation_t   revocation;

    out = buf;
    last = buf + n;

    for (p = buf; (end = ngx_strlchr(p, last, LF)) != NULL; p = end + 1) {

        line.p = p;
        line.n = end - p;

        if (kairo_revocation_read(line, &revocation) == 0
            && revocation.until > ngx_time())
        {
            out = ngx_movemem(out, p, line.n + 1);
        }
    }

    *whole = p - buf;

    return out - buf;
}
