
/*
 * kairo spool replay: sends what is in the files that nobody writes to a
 * database, as the worker that ships does, and with its lock.
 *
 * A file is removed when the database has answered for all of it; there is no
 * other record of what was sent.  What is sent twice is there once, so that it
 * may be killed at any moment and begin again.
 */


#include <errno.h>
#include <fcntl.h>
#include <libpq-fe.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cmd/kairo_replay.h"


/* of one row that could not be taken at that moment */

#define KAIRO_REPLAY_TRIES   5
#define KAIRO_REPLAY_PAUSE   500000      /* us */

/* of a name the process, which is what has one file after the other */

#define KAIRO_REPLAY_PID     14
#define KAIRO_REPLAY_PIDS    10


static int kairo_replay(int argc, char **argv);
static int kairo_replay_directory(kairo_replay_t *r, const char *path,
    kairo_span_t conninfo);
static int kairo_replay_lock(int dir);
static int kairo_replay_begin(kairo_replay_t *r, kairo_span_t conninfo);
static int kairo_replay_files(kairo_replay_t *r,
    const kairo_spool_entry_t *entries, size_t n);
static int kairo_replay_waits(const kairo_spool_entry_t *entries, size_t n,
    const char *held, size_t *other);
static int kairo_replay_file(kairo_replay_t *r, const char *name, char *held);
static int kairo_replay_read(kairo_replay_t *r, kairo_spool_reader_t *reader,
    uint64_t *bad);
static int kairo_replay_send(kairo_replay_t *r, size_t first, size_t n);
static int kairo_replay_ask(kairo_replay_t *r, size_t first, size_t n);
static int kairo_replay_answer(kairo_replay_t *r, size_t n);
static int kairo_replay_again(const PGresult *result);
static int kairo_replay_failed(kairo_replay_t *r);
static int kairo_replay_end(kairo_replay_t *r, uint64_t bad);
static int kairo_replay_remove(kairo_replay_t *r, uint64_t bad);


const kairo_verb_t  kairo_verb_spool_replay = {
    "spool replay", "DIRECTORY CONNINFO|file:PATH|env:NAME",
    "sends what nobody writes any more to a database, and removes it",
    NULL, NULL, NULL, kairo_replay
};


static int
kairo_replay(int argc, char **argv)
{
    int              rc;
    kairo_span_t     conninfo;
    kairo_replay_t   r;

    if (argc != 2) {
        fprintf(stderr, "kairo: \"spool replay\" takes a directory and a "
                        "database: %s\n", kairo_verb_spool_replay.synopsis);
        return 2;
    }

    memset(&r, 0, sizeof(r));

    r.aside.fd = -1;
    r.dir = kairo_spools_open(argv[0]);

    if (r.dir == -1) {
        return 2;
    }

    conninfo.p = (const unsigned char *) argv[1];
    conninfo.n = strlen(argv[1]);

    rc = kairo_replay_directory(&r, argv[0], conninfo);

    kairo_replay_aside_drop(&r);
    kairo_ingest_free(r.batch);
    PQclear(r.result);
    PQfinish(r.conn);
    (void) close(r.dir);

    return rc;
}


static int
kairo_replay_directory(kairo_replay_t *r, const char *path,
    kairo_span_t conninfo)
{
    int                   lock, rc;
    size_t                n;
    kairo_spool_entry_t  *entries;

    lock = kairo_replay_lock(r->dir);

    if (lock == -1) {
        return 1;
    }

    rc = 1;

    if (kairo_replay_begin(r, conninfo) == 0
        && kairo_spools_list(r->dir, path, KAIRO_SPOOLS_EVENTS, &entries, &n)
           == 0)
    {
        rc = kairo_replay_files(r, entries, n);
        free(entries);
    }

    (void) close(lock);

    return rc;
}


/* The lock of who ships, who may be a worker. */

static int
kairo_replay_lock(int dir)
{
    int  fd, wrong;

    fd = openat(dir, KAIRO_SPOOL_LOCK, O_RDWR|O_CREAT|O_NOFOLLOW|O_NONBLOCK
                                        |O_CLOEXEC, 0600);

    if (fd != -1) {
        kairo_replay_own(dir, fd);

        if (kairo_spool_lock(fd) == 0) {
            return fd;
        }
    }

    wrong = errno;

    if (fd != -1) {
        (void) close(fd);
    }

    if (wrong == EAGAIN) {
        fprintf(stderr, "kairo: a worker of nginx, or another kairo spool "
                        "replay, sends the files of this directory: it holds "
                        "the lock of \"" KAIRO_SPOOL_LOCK "\"\n");
    } else {
        fprintf(stderr, "kairo: \"" KAIRO_SPOOL_LOCK "\" can't be locked: "
                        "%s\n", strerror(wrong));
    }

    return -1;
}


void
kairo_replay_own(int dir, int fd)
{
    struct stat  st;

    /* where that is not permitted it is only one more file of ours */

    if (geteuid() == 0 && fstat(dir, &st) == 0
        && fchown(fd, st.st_uid, st.st_gid) != 0)
    {
        fprintf(stderr, "kairo: a file can't be given to who has the "
                        "directory: %s\n", strerror(errno));
    }
}


/* As a worker does when it connects: the days that rows may be of. */

static int
kairo_replay_begin(kairo_replay_t *r, kairo_span_t conninfo)
{
    r->batch = kairo_ingest_create();

    if (r->batch == NULL) {
        fprintf(stderr, "kairo: no memory\n");
        return -1;
    }

    r->conn = kairo_pg_connect(conninfo);

    if (r->conn == NULL) {
        return -1;
    }

    if (kairo_pg_run(r->conn, &r->result, "select kairo.keep_partitions()")
        != 0)
    {
        return kairo_replay_failed(r);
    }

    return 0;
}


static int
kairo_replay_files(kairo_replay_t *r, const kairo_spool_entry_t *entries,
    size_t n)
{
    int     rc, wrong;
    char   *held;
    size_t  i, other;

    held = calloc(n + 1, 1);

    if (held == NULL) {
        fprintf(stderr, "kairo: no memory\n");
        return 1;
    }

    for (i = 0, rc = 0; i < n; i++) {

        if (kairo_replay_waits(entries, i, held, &other)) {
            printf("%s: waits for %s\n", entries[i].name,
                   entries[other].name);
            held[i] = 1;
            continue;
        }

        wrong = kairo_replay_file(r, entries[i].name, &held[i]);

        if (wrong < 0) {
            rc = 1;
            break;
        }

        rc |= wrong;
        (void) fflush(stdout);
    }

    free(held);

    return rc;
}


/* An end may be in a later file of a process than its beginning. */

static int
kairo_replay_waits(const kairo_spool_entry_t *entries, size_t n,
    const char *held, size_t *other)
{
    size_t  i;

    for (i = 0; i < n; i++) {

        if (held[i]
            && memcmp(entries[i].name + KAIRO_REPLAY_PID,
                      entries[n].name + KAIRO_REPLAY_PID, KAIRO_REPLAY_PIDS)
               == 0)
        {
            *other = i;
            return 1;
        }
    }

    return 0;
}


/* 0; 1: something of it is left; -1: there is no point to go on. */

static int
kairo_replay_file(kairo_replay_t *r, const char *name, char *held)
{
    int                    rc, wrong;
    uint64_t               bad;
    kairo_spool_open_t     status;
    kairo_spool_reader_t   reader;

    r->file = name;
    memset(&r->count, 0, sizeof(r->count));

    status = kairo_spool_open(&reader, r->dir, name);
    wrong = errno;

    if (status != KAIRO_SPOOL_OPENED) {
        printf("%s: %s\n", name, kairo_spools_strange(status, wrong));
        return 1;
    }

    if (kairo_spool_written(reader.fd) != 0) {
        printf("%s: is still written\n", name);
        *held = !kairo_spools_is(name, KAIRO_SPOOL_ASIDE);
        rc = 0;

    } else if (kairo_replay_read(r, &reader, &bad) != 0) {
        rc = -1;

    } else {
        rc = kairo_replay_end(r, bad);
    }

    kairo_replay_aside_drop(r);
    kairo_spool_close(&reader);

    return rc;
}


/* Sends all of it. */

static int
kairo_replay_read(kairo_replay_t *r, kairo_spool_reader_t *reader,
    uint64_t *bad)
{
    int                    rc;
    uint64_t               none;
    kairo_event_t          event;
    kairo_spool_record_t   record;

    kairo_ingest_empty(r->batch);
    *bad = 0;

    while ((rc = kairo_spools_next(reader, &record, &event, &none)) == 1) {

        *bad += none;

        if (kairo_ingest_add(r->batch, &event) == 0) {
            continue;
        }

        if (kairo_replay_send(r, 0, kairo_ingest_rows(r->batch)) != 0) {
            return -1;
        }

        kairo_ingest_empty(r->batch);
        (void) kairo_ingest_add(r->batch, &event);
    }

    if (rc == -1) {
        fprintf(stderr, "kairo: %s can't be read: %s\n", r->file,
                strerror(errno));
        return -1;
    }

    *bad += none;
    r->count.rest = kairo_spool_rest(reader);

    return kairo_replay_send(r, 0, kairo_ingest_rows(r->batch));
}


/* Those rows of the batch, or halves of them, down to the one that is bad. */

static int
kairo_replay_send(kairo_replay_t *r, size_t first, size_t n)
{
    int          tries;
    const char  *state;

    if (n == 0) {
        return 0;
    }

    for (tries = 0; ; tries++) {

        if (kairo_replay_ask(r, first, n) == 0) {
            return kairo_replay_answer(r, n);
        }

        state = PQresultErrorField(r->result, PG_DIAG_SQLSTATE);

        if (state && kairo_ingest_unfit(state)) {
            break;
        }

        if (!kairo_replay_again(r->result) || tries == KAIRO_REPLAY_TRIES) {
            return kairo_replay_failed(r);
        }

        if (n > 1) {
            /* perhaps it was too much at once */
            break;
        }

        (void) usleep(KAIRO_REPLAY_PAUSE);
    }

    if (n == 1) {
        r->count.rows++;
        r->count.unfit++;
        return kairo_replay_aside(r, kairo_ingest_row(r->batch, first));
    }

    return kairo_replay_send(r, first, n / 2) != 0
           || kairo_replay_send(r, first + n / 2, n - n / 2) != 0 ? -1 : 0;
}


static int
kairo_replay_ask(kairo_replay_t *r, size_t first, size_t n)
{
    int                  i;
    const char          *values[KAIRO_INGEST_PARAMS];
    const kairo_span_t  *params;

    PQclear(r->result);
    r->result = NULL;

    params = kairo_ingest_params(r->batch, first, n);

    if (params == NULL) {
        return -1;
    }

    for (i = 0; i < KAIRO_INGEST_PARAMS; i++) {
        values[i] = (const char *) params[i].p;
    }

    /* its answer is there when it is committed, not before */

    r->result = PQexecParams(r->conn, KAIRO_INGEST_STATEMENT,
                             KAIRO_INGEST_PARAMS, NULL, values, NULL, NULL, 0);

    return PQresultStatus(r->result) == PGRES_TUPLES_OK ? 0 : -1;
}


/* What comes from a server is looked at before it is believed. */

static int
kairo_replay_answer(kairo_replay_t *r, size_t n)
{
    int         i;
    char       *end;
    uint64_t    sum;
    long long   counts[4];

    if (PQntuples(r->result) != 1 || PQnfields(r->result) != 4) {
        goto nonsense;
    }

    for (i = 0, sum = 0; i < 4; i++) {

        counts[i] = strtoll(PQgetvalue(r->result, 0, i), &end, 10);

        if (*end || end == PQgetvalue(r->result, 0, i) || counts[i] < 0
            || counts[i] > (long long) n)
        {
            goto nonsense;
        }

        sum += (uint64_t) counts[i];
    }

    if (sum != n) {
        goto nonsense;
    }

    r->count.rows += n;
    r->count.begun += (uint64_t) counts[0];
    r->count.ended += (uint64_t) counts[1];
    r->count.known += (uint64_t) counts[2];
    r->count.aside += (uint64_t) counts[3];

    return 0;

nonsense:

    fprintf(stderr, "kairo: the database's answer does not add up to the %zu "
                    "rows that it was sent\n", n);

    return -1;
}


/* Locks, deadlocks and timeouts: what fails now may not a moment later. */

static int
kairo_replay_again(const PGresult *result)
{
    const char  *state;

    state = PQresultErrorField(result, PG_DIAG_SQLSTATE);

    return state && (strncmp(state, "40", 2) == 0
                     || strcmp(state, "55P03") == 0
                     || strcmp(state, "57014") == 0);
}


static int
kairo_replay_failed(kairo_replay_t *r)
{
    kairo_pg_failed(r->conn, r->result, "events can't be sent");

    if (kairo_pg_is(r->result, "42501")) {
        fprintf(stderr, "kairo: who sends is a member of kairo_edge\n");

    } else if (kairo_pg_is(r->result, "42883")
               || kairo_pg_is(r->result, "3F000"))
    {
        fprintf(stderr, "kairo: it is kairo migrate that makes what they are "
                        "sent to\n");
    }

    return -1;
}


static int
kairo_replay_end(kairo_replay_t *r, uint64_t bad)
{
    int                    again;
    char                   name[KAIRO_REPLAY_NAME];
    kairo_replay_count_t  *c;

    c = &r->count;
    again = kairo_replay_aside_done(r, bad, name);

    if (again < 0) {
        return -1;
    }

    printf("%s: %llu rows: %llu events are new, %llu have ended, %llu were "
           "known, %llu were set aside in kairo.events_aside",
           r->file, (unsigned long long) c->rows,
           (unsigned long long) c->begun, (unsigned long long) c->ended,
           (unsigned long long) c->known, (unsigned long long) c->aside);

    if (c->unfit) {
        printf(", %llu are in %s", (unsigned long long) c->unfit, name);
    }

    if (c->rest) {
        printf("; its last %llu bytes are of one that was never finished",
               (unsigned long long) c->rest);
    }

    if (again == 0) {
        return kairo_replay_remove(r, bad) | (c->unfit != 0);
    }

    printf("\n");

    return 1;
}


static int
kairo_replay_remove(kairo_replay_t *r, uint64_t bad)
{
    int          rc;
    char         name[KAIRO_SPOOL_NAME];
    struct stat  st;

    if (bad == 0) {

        /* what was set aside again has taken the place of what it was */

        if (r->aside.rows && kairo_spools_is(r->file, KAIRO_SPOOL_ASIDE)) {
            rc = 0;

        } else {
            rc = unlinkat(r->dir, r->file, 0);
        }

        if (rc != 0) {
            printf("; it can't be removed: %s", strerror(errno));
        }

        printf("\n");

        return rc != 0;
    }

    (void) snprintf(name, sizeof(name), "%.*s" KAIRO_SPOOL_DAMAGED,
                    (int) strcspn(r->file, "."), r->file);

    printf("; %llu bytes are no event: it is kept as ",
           (unsigned long long) bad);

    if (fstatat(r->dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0
        || renameat(r->dir, r->file, r->dir, name) != 0)
    {
        printf("it is, since there is, or can be, no %s\n", name);

    } else {
        printf("%s\n", name);
    }

    return 1;
}
