
/*
 * The files of the directory as the worker that ships reads them: one after
 * the other by their names, each from where it was read to, and one descriptor
 * for all of them.
 *
 * A file that nobody writes and that is read to its end keeps its descriptor
 * and its lock until the database has the batch; then it is removed, or
 * renamed when some of it was no record.  One that is still written is looked
 * at again and again, and no later file of the same process before it has
 * ended: that may have the end of what begins here.
 */


#include "stores/ngx_kairo_spool_ship.h"


/* records of a turn of the event loop; what counts as one more, in bytes; to
   open a file, or to look for a record in vain, is as much work as so many */

#define NGX_KAIRO_SPOOL_RECORDS   500
#define NGX_KAIRO_SPOOL_BYTES_OF  1024
#define NGX_KAIRO_SPOOL_OPENING    20
#define NGX_KAIRO_SPOOL_VAIN      250

/* ms: a beginning waits as long for what comes behind it */

#define NGX_KAIRO_SPOOL_WAIT      150


static int ngx_kairo_spool_files_dir(ngx_kairo_spool_ship_t *ship);
static void ngx_kairo_spool_files_merge(ngx_kairo_spool_ship_t *ship,
    const kairo_spool_entry_t *entries, size_t n);
static void ngx_kairo_spool_files_add(ngx_kairo_spool_file_t *file,
    const kairo_spool_entry_t *entry);
static uint64_t ngx_kairo_spool_files_oldest(
    const ngx_kairo_spool_ship_t *ship);
static ngx_uint_t ngx_kairo_spool_files_behind(
    const ngx_kairo_spool_ship_t *ship);
static ngx_int_t ngx_kairo_spool_files_open(ngx_kairo_spool_ship_t *ship);
static void ngx_kairo_spool_files_strange(ngx_kairo_spool_ship_t *ship,
    kairo_spool_open_t status, ngx_err_t err);
static ngx_int_t ngx_kairo_spool_files_next(ngx_kairo_spool_ship_t *ship);
static ngx_int_t ngx_kairo_spool_files_event(ngx_kairo_spool_ship_t *ship,
    const kairo_spool_record_t *record);
static ngx_int_t ngx_kairo_spool_files_put(ngx_kairo_spool_ship_t *ship);
static ngx_int_t ngx_kairo_spool_files_end(ngx_kairo_spool_ship_t *ship);
static void ngx_kairo_spool_files_leave(ngx_kairo_spool_ship_t *ship);
static void ngx_kairo_spool_files_unfinished(ngx_kairo_spool_ship_t *ship,
    uint64_t n);
static void ngx_kairo_spool_files_bad(ngx_kairo_spool_ship_t *ship,
    uint64_t n);
static void ngx_kairo_spool_files_remove(ngx_kairo_spool_ship_t *ship,
    ngx_kairo_spool_file_t *file, int dir);


void
ngx_kairo_spool_files_look(ngx_kairo_spool_ship_t *ship, ngx_uint_t anew)
{
    int                      dir;
    off_t                    disk;
    size_t                   i, n;
    ngx_int_t                rc;
    kairo_spool_entry_t     *entries;
    ngx_kairo_spool_root_t  *root;

    if (anew) {
        ngx_kairo_spool_files_leave(ship);
        ship->nth = 0;
        ship->begun = 1;
    }

    dir = ngx_kairo_spool_files_dir(ship);

    if (dir == -1) {
        return;
    }

    rc = kairo_spool_list(dir, &entries, &n) == 0 ? NGX_OK : NGX_ERROR;
    disk = ngx_kairo_spool_kept(ship->spool, dir);

    (void) close(dir);

    if (rc != NGX_OK) {
        return;
    }

    for (i = 0; i < n; i++) {
        disk += (off_t) ngx_max(entries[i].size, entries[i].disk);
    }

    if (anew) {
        ngx_kairo_spool_files_merge(ship, entries, n);
    }

    free(entries);

    root = ship->spool->root;

    __atomic_store_n(&root->files, n, __ATOMIC_RELAXED);
    __atomic_store_n(&root->disk, disk, __ATOMIC_RELAXED);
    __atomic_store_n(&root->oldest, ngx_kairo_spool_files_oldest(ship),
                     __ATOMIC_RELAXED);
}


static int
ngx_kairo_spool_files_dir(ngx_kairo_spool_ship_t *ship)
{
    int  dir;

    dir = ngx_kairo_spool_dir(ship->spool->path);

    if (dir == -1 && !ship->told) {
        ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, ngx_errno,
                      "kairo spool: \"%V\" can't be read",
                      &ship->spool->path->name);
    }

    ship->told = (dir == -1);

    return dir;
}


/* Both are in order.  Who has removed what is gone is no matter. */

static void
ngx_kairo_spool_files_merge(ngx_kairo_spool_ship_t *ship,
    const kairo_spool_entry_t *entries, size_t n)
{
    int                      order;
    size_t                   i, k;
    ngx_kairo_spool_file_t  *files;

    files = NULL;

    if (n) {
        files = ngx_calloc(n * sizeof(ngx_kairo_spool_file_t),
                           ngx_cycle->log);
        if (files == NULL) {
            return;
        }
    }

    for (i = 0, k = 0; i < n || k < ship->nfiles; /* void */) {

        order = i == n ? 1 : k == ship->nfiles ? -1
                : ngx_strcmp(entries[i].name, ship->files[k].name);

        if (order < 0) {
            ngx_kairo_spool_files_add(&files[i], &entries[i]);
            i++;
            continue;
        }

        if (order == 0) {
            files[i] = ship->files[k++];
            files[i].size = entries[i].size;
            i++;
            continue;
        }

        if (ship->files[k].fd != -1) {
            (void) close(ship->files[k].fd);
            ship->ended--;
        }

        k++;
    }

    ngx_free(ship->files);

    ship->files = files;
    ship->nfiles = n;
}


/* Nothing in a file is older than its name. */

static void
ngx_kairo_spool_files_add(ngx_kairo_spool_file_t *file,
    const kairo_spool_entry_t *entry)
{
    off_t  made;

    made = ngx_atoof((u_char *) entry->name, 13);

    ngx_memcpy(file->name, entry->name, KAIRO_SPOOL_NAME);
    file->size = entry->size;
    file->last = made == NGX_ERROR ? 0 : (uint64_t) made;
    file->fd = -1;
}


/* Of what is in the batch, or not read yet. */

static uint64_t
ngx_kairo_spool_files_oldest(const ngx_kairo_spool_ship_t *ship)
{
    uint64_t                 ms, oldest;
    ngx_uint_t               i, n;
    ngx_kairo_spool_file_t  *file;

    oldest = UINT64_MAX;

    for (i = 0; i < ship->nfiles; i++) {

        file = &ship->files[i];

        if (!file->strange && file->fd == -1
            && file->size > ngx_max(file->place, KAIRO_SPOOL_FILE_HEAD))
        {
            oldest = ngx_min(oldest, file->last);
        }
    }

    n = kairo_ingest_rows(ship->batch);

    for (i = ship->first; i < n; i++) {
        ms = kairo_uuid7_ms(kairo_ingest_row(ship->batch, i)->id);
        oldest = ngx_min(oldest, ms);
    }

    return oldest == UINT64_MAX ? 0 : oldest;
}


ngx_int_t
ngx_kairo_spool_files_read(ngx_kairo_spool_ship_t *ship)
{
    ngx_int_t  rc;

    if (ship->kept) {

        if (ngx_kairo_spool_files_put(ship) != NGX_OK) {
            return NGX_DECLINED;
        }

        ship->kept = 0;
    }

    ship->work = 0;

    while (ship->nth < ship->nfiles) {

        if (ship->work >= NGX_KAIRO_SPOOL_RECORDS) {
            return NGX_AGAIN;
        }

        rc = ship->open ? ngx_kairo_spool_files_next(ship)
                        : ngx_kairo_spool_files_open(ship);

        if (rc == NGX_DONE) {
            ngx_kairo_spool_files_leave(ship);
            ship->nth++;

        } else if (rc != NGX_OK) {
            return rc;
        }
    }

    ship->begun = 0;

    return NGX_OK;
}


/* NGX_DONE: no more of this file. */

static ngx_int_t
ngx_kairo_spool_files_open(ngx_kairo_spool_ship_t *ship)
{
    int                      dir;
    ngx_err_t                err;
    kairo_spool_open_t       status;
    kairo_spool_reader_t    *reader;
    ngx_kairo_spool_file_t  *file;

    file = &ship->files[ship->nth];
    reader = &ship->reader;

    if (file->strange || file->fd != -1
        || ngx_kairo_spool_files_behind(ship))
    {
        return NGX_DONE;
    }

    dir = ngx_kairo_spool_files_dir(ship);

    if (dir == -1) {
        return NGX_DONE;
    }

    ship->work += NGX_KAIRO_SPOOL_OPENING;

    status = kairo_spool_open(reader, dir, file->name);
    err = ngx_errno;

    (void) close(dir);

    if (status != KAIRO_SPOOL_OPENED) {
        ngx_kairo_spool_files_strange(ship, status, err);
        return NGX_DONE;
    }

    ship->open = 1;

    if (file->place == 0) {
        file->place = KAIRO_SPOOL_FILE_HEAD;
        file->key[0] = reader->file.key[0];
        file->key[1] = reader->file.key[1];

    } else if (file->key[0] == reader->file.key[0]
               && file->key[1] == reader->file.key[1])
    {
        kairo_spool_rewind(reader);
        reader->offset = file->place;
        reader->done = file->place;
    }

    return NGX_OK;
}


/* A file before it, of the same process, has not ended. */

static ngx_uint_t
ngx_kairo_spool_files_behind(const ngx_kairo_spool_ship_t *ship)
{
    ngx_uint_t                     i;
    const ngx_kairo_spool_file_t  *file;

    file = &ship->files[ship->nth];

    for (i = 0; i < ship->nth; i++) {

        if (!ship->files[i].strange && ship->files[i].fd == -1
            && ngx_memcmp(ship->files[i].name + 14, file->name + 14, 10) == 0)
        {
            return 1;
        }
    }

    return 0;
}


static void
ngx_kairo_spool_files_strange(ngx_kairo_spool_ship_t *ship,
    kairo_spool_open_t status, ngx_err_t err)
{
    ngx_kairo_spool_file_t  *file;

    file = &ship->files[ship->nth];

    if (status == KAIRO_SPOOL_UNREADABLE && err == NGX_ENOENT) {
        /* somebody has removed it, and holds up nothing */
        file->strange = 1;
        return;
    }

    if (!file->told) {
        ngx_log_error(NGX_LOG_ERR, ngx_cycle->log,
                      status == KAIRO_SPOOL_UNREADABLE ? err : 0,
                      "kairo spool: \"%V/%s\" %s", &ship->spool->path->name,
                      file->name,
                      status == KAIRO_SPOOL_NEWER
                      ? "is of a later version, and is left alone"
                      : status == KAIRO_SPOOL_FOREIGN
                      ? "is no file of a spool, and is left alone"
                      : "can't be read");
    }

    file->told = 1;

    /* what can't be read now may be, a moment later */

    file->strange = (status != KAIRO_SPOOL_UNREADABLE);
}


static ngx_int_t
ngx_kairo_spool_files_next(ngx_kairo_spool_ship_t *ship)
{
    int                     rc;
    uint64_t                bad, done;
    kairo_spool_record_t    record;
    kairo_spool_reader_t   *reader;

    reader = &ship->reader;
    bad = reader->bad;
    done = reader->done;

    rc = kairo_spool_next(reader, &record);

    ship->work += 1 + (reader->done - done) / NGX_KAIRO_SPOOL_BYTES_OF;

    if (reader->bad > bad) {
        ngx_kairo_spool_files_bad(ship, reader->bad - bad);
    }

    if (rc == 2) {
        ship->work += NGX_KAIRO_SPOOL_VAIN;
        return NGX_OK;
    }

    if (rc == 1) {
        return ngx_kairo_spool_files_event(ship, &record);
    }

    if (rc < 0) {
        ngx_kairo_spool_files_strange(ship, KAIRO_SPOOL_UNREADABLE, ngx_errno);
        return NGX_DONE;
    }

    return ngx_kairo_spool_files_end(ship);
}


static ngx_int_t
ngx_kairo_spool_files_event(ngx_kairo_spool_ship_t *ship,
    const kairo_spool_record_t *record)
{
    if (record->type != KAIRO_EVENT_RECORD
        || kairo_event_read(&ship->event, record->content) != 0)
    {
        ngx_kairo_spool_files_bad(ship, KAIRO_SPOOL_HEAD + record->content.n);
        return NGX_OK;
    }

    ship->files[ship->nth].last = kairo_uuid7_ms(ship->event.id);

    if (ngx_kairo_spool_files_put(ship) != NGX_OK) {
        ship->kept = 1;
        return NGX_DECLINED;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_kairo_spool_files_put(ngx_kairo_spool_ship_t *ship)
{
    if (kairo_ingest_rows(ship->batch) == 0) {
        ship->due = ngx_current_msec + NGX_KAIRO_SPOOL_WAIT;
    }

    return kairo_ingest_add(ship->batch, &ship->event) == 0 ? NGX_OK
                                                            : NGX_DECLINED;
}


/* Whoever wrote it may have done so, and left it, since it was read. */

static ngx_int_t
ngx_kairo_spool_files_end(ngx_kairo_spool_ship_t *ship)
{
    struct stat              st;
    kairo_spool_reader_t    *reader;
    ngx_kairo_spool_file_t  *file;

    reader = &ship->reader;
    file = &ship->files[ship->nth];

    if (kairo_spool_lock(reader->fd) != 0) {
        return NGX_DONE;
    }

    if (fstat(reader->fd, &st) == 0
        && (uint64_t) st.st_size > reader->offset)
    {
        return NGX_OK;
    }

    if (kairo_spool_rest(reader)) {
        ngx_kairo_spool_files_unfinished(ship, kairo_spool_rest(reader));
    }

    file->fd = reader->fd;
    reader->fd = -1;
    ship->ended++;

    if (kairo_ingest_rows(ship->batch) == 0) {
        ngx_kairo_spool_files_done(ship);

    } else if (ship->ended == NGX_KAIRO_SPOOL_ENDED) {
        ngx_kairo_spool_files_leave(ship);
        ship->nth++;
        return NGX_DECLINED;
    }

    return NGX_DONE;
}


/* It is read on from here when there is more. */

static void
ngx_kairo_spool_files_leave(ngx_kairo_spool_ship_t *ship)
{
    if (!ship->open) {
        return;
    }

    ship->files[ship->nth].place = ship->reader.done;

    kairo_spool_close(&ship->reader);
    ship->open = 0;
}


/* A process was killed within its write: nobody was told of that event. */

static void
ngx_kairo_spool_files_unfinished(ngx_kairo_spool_ship_t *ship, uint64_t n)
{
    ngx_kairo_spool_count(ship->spool, NGX_KAIRO_SPOOL_UNFINISHED, n);

    ngx_log_error(NGX_LOG_NOTICE, ngx_cycle->log, 0,
                  "kairo spool: \"%V/%s\" ends in %uL bytes of a record that "
                  "was never finished", &ship->spool->path->name,
                  ship->files[ship->nth].name, n);
}


static void
ngx_kairo_spool_files_bad(ngx_kairo_spool_ship_t *ship, uint64_t n)
{
    ngx_kairo_spool_file_t  *file;

    file = &ship->files[ship->nth];

    ngx_kairo_spool_count(ship->spool, NGX_KAIRO_SPOOL_BAD, n);

    if (!file->bad) {
        ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                      "kairo spool: \"%V/%s\" has %uL bytes, or more, that "
                      "are no event; it is kept with the suffix \"bad\" when "
                      "the others are shipped", &ship->spool->path->name,
                      file->name, n);
    }

    file->bad = 1;
}


void
ngx_kairo_spool_files_done(ngx_kairo_spool_ship_t *ship)
{
    int         dir;
    ngx_uint_t  i;

    if (ship->ended == 0) {
        return;
    }

    dir = ngx_kairo_spool_files_dir(ship);

    for (i = 0; i < ship->nfiles; i++) {

        if (ship->files[i].fd != -1) {
            ngx_kairo_spool_files_remove(ship, &ship->files[i], dir);
        }
    }

    ship->ended = 0;

    if (dir != -1) {
        (void) close(dir);
    }
}


static void
ngx_kairo_spool_files_remove(ngx_kairo_spool_ship_t *ship,
    ngx_kairo_spool_file_t *file, int dir)
{
    int     rc;
    u_char  bad[2 * KAIRO_SPOOL_NAME];

    if (file->bad) {
        (void) ngx_sprintf(bad, "%*s" KAIRO_SPOOL_DAMAGED "%Z",
                           ngx_strlen(file->name)
                           - (sizeof(KAIRO_SPOOL_SUFFIX) - 1), file->name);
        rc = renameat(dir, file->name, dir, (char *) bad);

    } else {
        rc = unlinkat(dir, file->name, 0);
    }

    if (rc != 0 && ngx_errno != NGX_ENOENT) {
        ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, ngx_errno,
                      "kairo spool: \"%V/%s\" is shipped and can't be removed",
                      &ship->spool->path->name, file->name);
    }

    (void) close(file->fd);

    file->fd = -1;
    file->strange = 1;
}


void
ngx_kairo_spool_files_close(ngx_kairo_spool_ship_t *ship)
{
    ngx_uint_t  i;

    ngx_kairo_spool_files_leave(ship);

    for (i = 0; i < ship->nfiles; i++) {
        if (ship->files[i].fd != -1) {
            (void) close(ship->files[i].fd);
        }
    }

    ngx_free(ship->files);

    ship->files = NULL;
    ship->nfiles = 0;
    ship->ended = 0;
    ship->nth = 0;
    ship->begun = 0;
    ship->kept = 0;
}
