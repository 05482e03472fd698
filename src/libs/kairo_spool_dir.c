
/* locks of an open file description */

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "libs/kairo_spool_dir.h"


#define KAIRO_SPOOL_BUFFER   (256 * 1024)    /* more than a record has */
#define KAIRO_SPOOL_DIGITS   31              /* of a name, with the hyphens */

/* places where no record begins: each may take the sum of 64 KB to tell */

#define KAIRO_SPOOL_TRIES    64


static int kairo_spool_collect(DIR *dir, const char *suffix,
    kairo_spool_entry_t **entries, size_t *n);
static int kairo_spool_named(const char *name, const char *suffix);
static int kairo_spool_before(const void *one, const void *two);
static ssize_t kairo_spool_fill(kairo_spool_reader_t *reader);
static int kairo_spool_behind(kairo_spool_reader_t *reader,
    kairo_spool_record_t *record);
static void kairo_spool_taken(kairo_spool_reader_t *reader,
    const unsigned char *p);


int
kairo_spool_list(int fd, kairo_spool_entry_t **entries, size_t *n)
{
    return kairo_spool_list_of(fd, KAIRO_SPOOL_SUFFIX, entries, n);
}


int
kairo_spool_list_of(int fd, const char *suffix,
    kairo_spool_entry_t **entries, size_t *n)
{
    int   own, rc, wrong;
    DIR  *dir;

    *entries = NULL;
    *n = 0;

    /* a description of its own: where it stands is nobody else's */

    own = openat(fd, ".", O_RDONLY|O_DIRECTORY|O_CLOEXEC);

    if (own == -1) {
        return -1;
    }

    dir = fdopendir(own);

    if (dir == NULL) {
        (void) close(own);
        return -1;
    }

    rc = kairo_spool_collect(dir, suffix, entries, n);
    wrong = errno;

    (void) closedir(dir);

    if (rc != 0) {
        free(*entries);
        *entries = NULL;
        *n = 0;
        errno = wrong;
        return -1;
    }

    if (*n) {
        qsort(*entries, *n, sizeof(kairo_spool_entry_t), kairo_spool_before);
    }

    return 0;
}


static int
kairo_spool_collect(DIR *dir, const char *suffix,
    kairo_spool_entry_t **entries, size_t *n)
{
    size_t                room;
    struct stat           st;
    struct dirent        *found;
    kairo_spool_entry_t  *more;

    for (room = 0; errno = 0, (found = readdir(dir)) != NULL; /* void */) {

        if (!kairo_spool_named(found->d_name, suffix)) {
            continue;
        }

        /* one that is removed at this moment is not there */

        if (fstatat(dirfd(dir), found->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0
            || !S_ISREG(st.st_mode))
        {
            continue;
        }

        if (*n == room) {
            room = room ? 2 * room : 64;
            more = realloc(*entries, room * sizeof(kairo_spool_entry_t));

            if (more == NULL) {
                errno = ENOMEM;
                return -1;
            }

            *entries = more;
        }

        more = *entries + (*n)++;

        memset(more, 0, sizeof(kairo_spool_entry_t));
        memcpy(more->name, found->d_name, strlen(found->d_name));
        more->size = (uint64_t) st.st_size;
        more->disk = (uint64_t) st.st_blocks * 512;
    }

    return errno ? -1 : 0;
}


/* Whether a name is one that kairo_spool_name() makes, but for the suffix. */

static int
kairo_spool_named(const char *name, const char *suffix)
{
    size_t  i;

    for (i = 0; i < KAIRO_SPOOL_DIGITS; i++) {

        if (i == 13 || i == 24 ? name[i] != '-'
                               : !kairo_is_digit((unsigned char) name[i]))
        {
            return 0;
        }
    }

    return strcmp(name + i, suffix) == 0
           && strlen(name) < KAIRO_SPOOL_NAME;
}


static int
kairo_spool_before(const void *one, const void *two)
{
    return strcmp(((const kairo_spool_entry_t *) one)->name,
                  ((const kairo_spool_entry_t *) two)->name);
}


int
kairo_spool_file_make(kairo_spool_file_t *file,
    unsigned char head[KAIRO_SPOOL_FILE_HEAD], uint64_t ms, pid_t pid)
{
    file->version = KAIRO_SPOOL_VERSION;
    file->process = (uint32_t) pid;
    file->made = ms;

    if (getrandom(file->key, sizeof(file->key), 0)
        != (ssize_t) sizeof(file->key))
    {
        return -1;
    }

    kairo_spool_file_write(file, head);

    return 0;
}


void
kairo_spool_name(char name[KAIRO_SPOOL_NAME], uint64_t ms, pid_t pid,
    unsigned n)
{
    (void) snprintf(name, KAIRO_SPOOL_NAME, "%013llu-%010lu-%06u"
                    KAIRO_SPOOL_SUFFIX,
                    (unsigned long long) (ms % 10000000000000ull),
                    (unsigned long) pid % 10000000000ul, n % 1000000);
}


int
kairo_spool_lock(int fd)
{
    struct flock  lock;

    memset(&lock, 0, sizeof(lock));

    lock.l_whence = SEEK_SET;
    lock.l_len = 1;
    lock.l_type = F_WRLCK;

    if (fcntl(fd, F_OFD_SETLK, &lock) == 0) {
        return 0;
    }

    if (errno == EBADF) {
        lock.l_type = F_RDLCK;

        if (fcntl(fd, F_OFD_SETLK, &lock) == 0) {
            return 0;
        }
    }

    if (errno == EACCES) {
        errno = EAGAIN;
    }

    return -1;
}


int
kairo_spool_written(int fd)
{
    struct flock  lock;

    memset(&lock, 0, sizeof(lock));

    /* those who read it are not asked about */

    lock.l_whence = SEEK_SET;
    lock.l_len = 1;
    lock.l_type = F_RDLCK;

    if (fcntl(fd, F_OFD_GETLK, &lock) != 0) {
        return -1;
    }

    return lock.l_type != F_UNLCK;
}


kairo_spool_open_t
kairo_spool_open(kairo_spool_reader_t *reader, int dir, const char *name)
{
    int                 wrong;
    ssize_t             n;
    kairo_span_t        head;
    struct stat         st;
    kairo_spool_open_t  rc;

    memset(reader, 0, sizeof(kairo_spool_reader_t));

    /* what is no file of a disk might let us wait */

    reader->fd = openat(dir, name, O_RDONLY|O_NOFOLLOW|O_NONBLOCK|O_CLOEXEC
                                   |O_NOCTTY);
    if (reader->fd == -1) {
        return KAIRO_SPOOL_UNREADABLE;
    }

    rc = KAIRO_SPOOL_UNREADABLE;

    if (fstat(reader->fd, &st) != 0) {
        goto failed;
    }

    if (!S_ISREG(st.st_mode)) {
        rc = KAIRO_SPOOL_FOREIGN;
        goto failed;
    }

    reader->buffer = malloc(KAIRO_SPOOL_BUFFER);

    if (reader->buffer == NULL) {
        goto failed;
    }

    n = kairo_spool_fill(reader);

    if (n < 0) {
        goto failed;
    }

    head.p = reader->buffer;
    head.n = (size_t) n;

    if (kairo_spool_file_read(&reader->file, head) != KAIRO_SPOOL_RECORD) {
        rc = KAIRO_SPOOL_FOREIGN;
        goto failed;
    }

    if (reader->file.version != KAIRO_SPOOL_VERSION) {
        rc = KAIRO_SPOOL_NEWER;
        goto failed;
    }

    kairo_spool_taken(reader, reader->buffer + KAIRO_SPOOL_FILE_HEAD);

    return KAIRO_SPOOL_OPENED;

failed:

    wrong = errno;
    kairo_spool_close(reader);
    errno = wrong;

    return rc;
}


int
kairo_spool_next(kairo_spool_reader_t *reader, kairo_spool_record_t *record)
{
    int           tries;
    size_t        bad;
    ssize_t       n;
    kairo_span_t  rest;

    for (tries = 0; tries < KAIRO_SPOOL_TRIES; /* void */) {

        rest.p = reader->buffer + reader->begin;
        rest.n = reader->end - reader->begin;

        switch (kairo_spool_read(&reader->file, &rest, record, &bad)) {

        case KAIRO_SPOOL_RECORD:
            kairo_spool_taken(reader, rest.p);
            reader->records++;
            return 1;

        case KAIRO_SPOOL_BAD:
            kairo_spool_taken(reader, rest.p);
            reader->bad += bad;
            tries++;
            break;

        case KAIRO_SPOOL_SHORT:
            n = kairo_spool_fill(reader);

            if (n < 0) {
                return -1;
            }

            if (n == 0) {
                return kairo_spool_behind(reader, record);
            }
        }
    }

    return 2;
}


/* What the buffer has room for; 0 at the end, -1: errno tells. */

static ssize_t
kairo_spool_fill(kairo_spool_reader_t *reader)
{
    ssize_t  n;

    if (reader->begin) {
        reader->end -= reader->begin;
        memmove(reader->buffer, reader->buffer + reader->begin, reader->end);
        reader->begin = 0;
    }

    do {
        n = pread(reader->fd, reader->buffer + reader->end,
                  KAIRO_SPOOL_BUFFER - reader->end, (off_t) reader->offset);

    } while (n == -1 && errno == EINTR);

    if (n > 0) {
        reader->end += (size_t) n;
        reader->offset += (uint64_t) n;
    }

    return n;
}


/*
 * At the end stands a part of a record, or bytes that look like one.  A record
 * behind them tells which: nobody goes on in the middle, and none is within
 * another one, as its sum takes the key of the file.
 */

static int
kairo_spool_behind(kairo_spool_reader_t *reader, kairo_spool_record_t *record)
{
    int                   tries;
    size_t                bad;
    uint64_t              begin;
    kairo_span_t          rest;
    kairo_spool_rc_t      rc;
    const unsigned char  *p;

    p = reader->buffer + reader->begin;
    rest.p = p;
    rest.n = reader->end - reader->begin;
    begin = reader->offset - rest.n;

    if (reader->behind != reader->offset || reader->looked < begin) {
        /* what was too short before may be a record now */
        reader->behind = reader->offset;
        (void) kairo_spool_skip(&rest);

    } else {
        rest.p += reader->looked - begin;
        rest.n -= (size_t) (reader->looked - begin);
    }

    for (tries = 0; rest.n && tries < KAIRO_SPOOL_TRIES; tries++) {

        rc = kairo_spool_read(&reader->file, &rest, record, &bad);

        if (rc == KAIRO_SPOOL_RECORD) {
            kairo_spool_taken(reader, rest.p);
            reader->records++;
            reader->bad += (uint64_t) (record->content.p - KAIRO_SPOOL_HEAD
                                       - p);
            return 1;
        }

        if (rc == KAIRO_SPOOL_SHORT) {
            (void) kairo_spool_skip(&rest);
        }
    }

    reader->looked = reader->offset - rest.n;

    return rest.n ? 2 : 0;
}


/* All in the buffer that comes before "p". */

static void
kairo_spool_taken(kairo_spool_reader_t *reader, const unsigned char *p)
{
    reader->begin = (size_t) (p - reader->buffer);
    reader->done = reader->offset - (reader->end - reader->begin);
}


uint64_t
kairo_spool_rest(const kairo_spool_reader_t *reader)
{
    return reader->end - reader->begin;
}


void
kairo_spool_rewind(kairo_spool_reader_t *reader)
{
    reader->begin = 0;
    reader->end = 0;
    reader->offset = KAIRO_SPOOL_FILE_HEAD;
    reader->done = KAIRO_SPOOL_FILE_HEAD;
    reader->behind = 0;
    reader->looked = 0;
    reader->records = 0;
    reader->bad = 0;
}


void
kairo_spool_close(kairo_spool_reader_t *reader)
{
    if (reader->fd != -1) {
        (void) close(reader->fd);
    }

    free(reader->buffer);

    reader->fd = -1;
    reader->buffer = NULL;
}
