
/*
 * What a database can't take of a file, as a file of the spool: in one that
 * has no name that anybody reads, until all of it is there and on disk.
 */


#include <errno.h>
#include <fcntl.h>
#include <libpq-fe.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cmd/kairo_replay.h"


#define KAIRO_REPLAY_NEW  ".new"


static int kairo_replay_aside_open(kairo_replay_t *replay);
static int kairo_replay_aside_name(kairo_replay_t *replay,
    char name[KAIRO_REPLAY_NAME], uint64_t bad);
static int kairo_replay_aside_failed(const kairo_replay_t *replay);


int
kairo_replay_aside(kairo_replay_t *replay, const kairo_event_t *event)
{
    size_t                 n;
    unsigned char          content[KAIRO_EVENT_MAX];
    unsigned char          text[KAIRO_SPOOL_HEAD + KAIRO_EVENT_MAX];
    kairo_spool_record_t   record;
    kairo_replay_aside_t  *aside;

    aside = &replay->aside;

    if (aside->fd == -1 && kairo_replay_aside_open(replay) != 0) {
        return kairo_replay_aside_failed(replay);
    }

    record.type = KAIRO_EVENT_RECORD;
    record.number = ++aside->rows;
    record.content.p = content;
    record.content.n = kairo_event_write(event, content);

    n = kairo_spool_write(&aside->head, &record, text);

    if (write(aside->fd, text, n) != (ssize_t) n) {
        return kairo_replay_aside_failed(replay);
    }

    return 0;
}


static int
kairo_replay_aside_open(kairo_replay_t *replay)
{
    unsigned char          head[KAIRO_SPOOL_FILE_HEAD];
    kairo_replay_aside_t  *aside;

    aside = &replay->aside;

    aside->rows = 0;

    if (kairo_spool_file_make(&aside->head, head, kairo_spools_now(),
                              getpid())
        != 0)
    {
        return -1;
    }

    (void) snprintf(aside->name, sizeof(aside->name), "%s" KAIRO_REPLAY_NEW,
                    replay->file);

    /* what is there is of one that was killed */

    (void) unlinkat(replay->dir, aside->name, 0);

    aside->fd = openat(replay->dir, aside->name,
                       O_WRONLY|O_CREAT|O_EXCL|O_APPEND|O_NOFOLLOW|O_CLOEXEC,
                       0600);
    if (aside->fd == -1) {
        return -1;
    }

    kairo_replay_own(replay->dir, aside->fd);

    return write(aside->fd, head, sizeof(head)) == sizeof(head) ? 0 : -1;
}


static int
kairo_replay_aside_failed(const kairo_replay_t *replay)
{
    int  wrong;

    wrong = errno;

    fprintf(stderr, "kairo: %s has events that the database can't take, and "
                    "they can't be set aside: %s\n", replay->file,
            strerror(wrong));

    return -1;
}


int
kairo_replay_aside_done(kairo_replay_t *replay, uint64_t bad,
    char name[KAIRO_REPLAY_NAME])
{
    kairo_replay_aside_t  *aside;

    aside = &replay->aside;

    if (aside->fd == -1) {
        return 0;
    }

    if (aside->rows == replay->count.rows
        && kairo_spools_is(replay->file, KAIRO_SPOOL_ASIDE))
    {
        (void) snprintf(name, KAIRO_REPLAY_NAME, "%s", replay->file);
        return 1;
    }

    if (kairo_replay_aside_name(replay, name, bad) != 0
        || fsync(aside->fd) != 0
        || renameat(replay->dir, aside->name, replay->dir, name) != 0)
    {
        return kairo_replay_aside_failed(replay);
    }

    (void) close(aside->fd);
    aside->fd = -1;

    /* before the file that they came from goes */

    if (fsync(replay->dir) != 0) {
        return kairo_replay_aside_failed(replay);
    }

    return 0;
}


/* What is aside already is replaced; else a name that no file has. */

static int
kairo_replay_aside_name(kairo_replay_t *replay, char name[KAIRO_REPLAY_NAME],
    uint64_t bad)
{
    char         made[KAIRO_SPOOL_NAME];
    unsigned     n;
    struct stat  st;

    (void) snprintf(name, KAIRO_REPLAY_NAME, "%.*s" KAIRO_SPOOL_ASIDE,
                    (int) strcspn(replay->file, "."), replay->file);

    if (strcmp(name, replay->file) == 0 && bad == 0) {
        return 0;
    }

    for (n = 1; n < 1000; n++) {

        if (fstatat(replay->dir, name, &st, AT_SYMLINK_NOFOLLOW) != 0) {
            return errno == ENOENT ? 0 : -1;
        }

        kairo_spool_name(made, replay->aside.head.made, getpid(), n);

        (void) snprintf(name, KAIRO_REPLAY_NAME, "%.*s" KAIRO_SPOOL_ASIDE,
                        (int) strcspn(made, "."), made);
    }

    errno = EEXIST;

    return -1;
}


void
kairo_replay_aside_drop(kairo_replay_t *replay)
{
    kairo_replay_aside_t  *aside;

    aside = &replay->aside;

    if (aside->fd != -1) {
        (void) unlinkat(replay->dir, aside->name, 0);
        (void) close(aside->fd);
        aside->fd = -1;
    }

    aside->rows = 0;
}
