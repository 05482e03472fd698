
/*
 * The directory of a spool: which names are files of it, who writes one, and
 * what a reader finds in files that grow, are cut, or have garbage in them.
 */


#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "core/kairo_little.h"
#include "libs/kairo_spool_dir.h"


#define NAME     "1700000000000-0000004711-000001.spool"
#define RECORDS  60


static int                  dir;
static kairo_spool_file_t   file = {
    KAIRO_SPOOL_VERSION, 4711, 1700000000000ull,
    { 0x0706050403020100ull, 0x0f0e0d0c0b0a0908ull }
};

static unsigned char        content[KAIRO_SPOOL_MAX];
static unsigned char        text[4 * 1024 * 1024];
static size_t               begins[RECORDS + 1];


static int
make(const char *name)
{
    int  fd;

    fd = openat(dir, name, O_RDWR|O_CREAT|O_TRUNC|O_APPEND|O_CLOEXEC, 0600);

    if (fd == -1) {
        diag("\"%s\" can't be made: %s", name, strerror(errno));
        exit(1);
    }

    return fd;
}


static void
put(int fd, const void *p, size_t n)
{
    if (write(fd, p, n) != (ssize_t) n) {
        diag("can't be written: %s", strerror(errno));
        exit(1);
    }
}


static size_t
record(unsigned char *out, uint64_t number, size_t n)
{
    kairo_spool_record_t  r;

    r.type = 1;
    r.number = number;
    r.content.p = content;
    r.content.n = n;

    return kairo_spool_write(&file, &r, out);
}


/* A head and records of all lengths, in "text". */

static void
fill(void)
{
    size_t  i, n;

    for (i = 0; i < sizeof(content); i++) {
        content[i] = "sk\1\0\x10\0\0\0"[i % 8];
    }

    kairo_spool_file_write(&file, text);

    for (i = 0, n = KAIRO_SPOOL_FILE_HEAD; i < RECORDS; i++) {
        begins[i] = n;
        n += record(text + n, i + 1, i % 20 == 19 ? KAIRO_SPOOL_MAX
                                                  : i * i % 200);
    }

    begins[RECORDS] = n;
}


static void
begin(kairo_spool_reader_t *reader)
{
    kairo_spool_open_t  rc;

    rc = kairo_spool_open(reader, dir, NAME);

    if (rc != KAIRO_SPOOL_OPENED) {
        diag("\"%s\" can't be opened: %d, %s", NAME, rc, strerror(errno));
        exit(1);
    }
}


/*
 * All that is to be had now; what it has is as it was written.  "parts" counts
 * the calls that came back without one.
 */

static size_t  parts;

static size_t
drain(kairo_spool_reader_t *reader)
{
    int                    rc;
    size_t                 n;
    kairo_spool_record_t   r;

    for (n = 0, parts = 0; (rc = kairo_spool_next(reader, &r)) > 0; /* void */)
    {
        if (rc == 2) {
            parts++;
            continue;
        }

        n++;
        expect(r.type == 1 && memcmp(r.content.p, content, r.content.n) == 0,
               "record %llu is as it was", (unsigned long long) r.number);
    }

    expect(rc == 0, "it ends");

    return n;
}


static void
whole(void)
{
    int                    fd, i;
    size_t                 n;
    kairo_spool_reader_t   reader;

    fd = make(NAME);
    put(fd, text, begins[RECORDS]);
    begin(&reader);

    for (i = 0; i < 2; i++) {
        n = drain(&reader);
        expect(n == RECORDS && reader.records == RECORDS, "%zu records", n);
        expect(reader.bad == 0 && kairo_spool_rest(&reader) == 0,
               "and nothing else");
        expect(reader.done == begins[RECORDS], "all is done");
        kairo_spool_rewind(&reader);
    }

    expect(reader.file.process == 4711, "whose it is");

    kairo_spool_close(&reader);
    (void) close(fd);
    verdict("what is written is read, and read again");
}


/* No record before all of it is there, and then at once. */

static void
grows(void)
{
    int                    fd, rc;
    size_t                 i, due;
    kairo_spool_reader_t   reader;
    kairo_spool_record_t   r;

    fd = make(NAME);
    put(fd, text, KAIRO_SPOOL_FILE_HEAD);
    begin(&reader);

    for (i = KAIRO_SPOOL_FILE_HEAD, due = 0; i < begins[19]; i++) {

        put(fd, text + i, 1);
        rc = kairo_spool_next(&reader, &r);

        if (i + 1 != begins[due + 1]) {
            expect(rc == 0, "%zu bytes have no record more", i + 1);
            expect(reader.done == begins[due], "what is done");
            expect(kairo_spool_rest(&reader) == i + 1 - begins[due],
                   "what is a part of one");
            continue;
        }

        expect(rc == 1 && r.number == ++due, "record %zu", due);
        expect(kairo_spool_next(&reader, &r) == 0, "and no more");
    }

    expect(due == 19 && reader.bad == 0, "all were read");

    kairo_spool_close(&reader);
    (void) close(fd);
    verdict("a file that grows byte by byte");
}


/* Who writes, and is killed, is another process. */

static void
process(void)
{
    int                    fd, status;
    pid_t                  pid;
    size_t                 i, n, part;
    uint64_t               seed;
    kairo_spool_reader_t   reader;

    fd = make(NAME);
    put(fd, text, KAIRO_SPOOL_FILE_HEAD);
    begin(&reader);
    pid = fork();

    if (pid == 0) {
        for (i = KAIRO_SPOOL_FILE_HEAD, seed = 1; i < begins[RECORDS]; /**/ ) {
            part = 1 + unit_random(&seed) % 4000;
            part = part < begins[RECORDS] - i ? part : begins[RECORDS] - i;
            put(fd, text + i, part);
            i += part;
            (void) usleep(100);
        }
        _exit(0);
    }

    for (n = 0, i = 0; n < RECORDS && i < 100000; i++) {
        n += drain(&reader);
        (void) usleep(50);
    }

    (void) waitpid(pid, &status, 0);

    expect(n == RECORDS && status == 0, "%zu records", n);
    expect(reader.bad == 0, "none of it bad: %llu",
           (unsigned long long) reader.bad);

    kairo_spool_close(&reader);
    (void) close(fd);
    verdict("a file that another process adds to");
}


static void
cut(void)
{
    int                    fd;
    size_t                 n, due, records;
    kairo_spool_reader_t   reader;

    for (n = KAIRO_SPOOL_FILE_HEAD, due = 0; n <= begins[30]; /* void */) {

        while (due < RECORDS && begins[due + 1] <= n) {
            due++;
        }

        fd = make(NAME);
        put(fd, text, n);
        begin(&reader);

        records = drain(&reader);

        expect(records == due, "%zu bytes have %zu records, not %zu", n, due,
               records);
        expect(kairo_spool_rest(&reader) == n - begins[due]
               && reader.bad == 0, "and a part of one");

        kairo_spool_close(&reader);
        (void) close(fd);

        n += n > begins[19] && n < begins[20] - 20 ? 997 : 1;
    }

    verdict("cut off at any byte");
}


/*
 * Bytes between records: of zeros, of what looks like a head, of a record that
 * was begun and never finished, also when the file ends before that would.
 */

static void
between(void)
{
    int                    fd;
    size_t                 i, k, n, none, bad;
    kairo_spool_reader_t   reader;

    static unsigned char  garbage[300 * 1024];

    for (i = 0; i < 400; i++) {

        none = 1 + unit_below(i % 10 ? 200 : sizeof(garbage) - 1);

        for (k = 0; k < none; k++) {
            garbage[k] = i % 4 == 0 ? 0
                         : i % 4 == 1 ? "sk\1\0\xff\xff\0\0"[k % 8]
                         : (unsigned char) unit_draw();
        }

        if (i % 4 == 3) {
            n = record(garbage, 9, 1000);
            none = 1 + unit_below(n - 1);
        }

        n = unit_below(19);

        fd = make(NAME);
        put(fd, text, begins[n]);
        put(fd, garbage, none);
        put(fd, text + begins[n], begins[19] - begins[n]);
        begin(&reader);

        k = drain(&reader);
        bad = (size_t) reader.bad;

        expect(k == 19, "%zu: %zu bytes before %zu: %zu records", i, none, n,
               k);
        expect(bad == none && kairo_spool_rest(&reader) == 0,
               "%zu: %zu bytes are bad, not %zu", i, none, bad);

        kairo_spool_close(&reader);
        (void) close(fd);
    }

    verdict("garbage between records is passed over and counted");
}


/* A record that was begun, when others follow it or do not. */

static void
late(void)
{
    int                    fd;
    size_t                 n;
    kairo_spool_reader_t   reader;

    fd = make(NAME);
    put(fd, text, begins[5] + 30);
    begin(&reader);

    ok(drain(&reader) == 5 && kairo_spool_rest(&reader) == 30,
       "a record that was begun");

    n = record(text + begins[RECORDS], 77, 3);
    put(fd, text + begins[RECORDS], n);

    ok(drain(&reader) == 1 && reader.bad == 30 && reader.records == 6,
       "what comes behind one is read, and tells that it is none");
    ok(reader.done == begins[5] + 30 + n && kairo_spool_rest(&reader) == 0,
       "and all is done");

    kairo_spool_close(&reader);
    (void) close(fd);
}


/* Bytes of which each part looks like a head are gone through bit by bit. */

static void
looking(void)
{
    int                    fd, i;
    size_t                 n;
    unsigned char          head[KAIRO_SPOOL_HEAD];
    kairo_spool_reader_t   reader;

    static const unsigned  claims[] = { 0, 24, 60000, 65535 };

    for (i = 0; i < 4; i++) {

        fd = make(NAME);
        put(fd, text, begins[5]);

        memset(head, 1, sizeof(head));
        memcpy(head, "sk\1\0", 4);
        kairo_little_put(head + 4, claims[i], 4);

        for (n = 0; n < 5000; n++) {
            put(fd, head, sizeof(head));
        }

        begin(&reader);
        expect(drain(&reader) == 5, "claim %u: those before", claims[i]);
        expect(parts > 10 && parts < 1000, "claim %u: %zu parts", claims[i],
               parts);
        expect(reader.bad + kairo_spool_rest(&reader) == 120000,
               "claim %u: all of it is none", claims[i]);

        expect(drain(&reader) == 0 && parts == 0,
               "claim %u: nothing to look at twice", claims[i]);

        put(fd, text + begins[5], begins[6] - begins[5]);
        expect(drain(&reader) == 1 && reader.bad == 120000
               && kairo_spool_rest(&reader) == 0,
               "claim %u: and what comes behind is found", claims[i]);

        kairo_spool_close(&reader);
        (void) close(fd);
    }

    verdict("what looks like records is gone through in parts");
}


static void
changed(void)
{
    int                    fd;
    size_t                 i, n, at;
    unsigned char          c;
    kairo_spool_reader_t   reader;

    fd = make(NAME);
    put(fd, text, begins[19]);
    (void) close(fd);
    fd = openat(dir, NAME, O_WRONLY|O_CLOEXEC);

    for (i = KAIRO_SPOOL_FILE_HEAD; i < begins[19]; i++) {

        for (at = 0; begins[at + 1] <= i; at++) { /* void */ }

        c = text[i] ^ (unsigned char) (1 << i % 8);
        expect(pwrite(fd, &c, 1, (off_t) i) == 1, "byte %zu", i);

        begin(&reader);
        n = drain(&reader);

        expect(n == 18 && reader.bad + kairo_spool_rest(&reader)
                          == begins[at + 1] - begins[at],
               "byte %zu: %zu are there", i, n);

        kairo_spool_close(&reader);
        expect(pwrite(fd, text + i, 1, (off_t) i) == 1, "byte %zu", i);
    }

    (void) close(fd);
    verdict("changed at any byte, that record alone is lost");
}


static void
heads(void)
{
    int                    fd;
    size_t                 n;
    unsigned char          c;
    kairo_spool_reader_t   reader;

    for (n = 0; n < KAIRO_SPOOL_FILE_HEAD; n++) {
        fd = make(NAME);
        put(fd, text, n);
        expect(kairo_spool_open(&reader, dir, NAME) == KAIRO_SPOOL_FOREIGN,
               "%zu bytes of a head", n);

        put(fd, text + n, begins[2] - n);
        (void) close(fd);

        fd = openat(dir, NAME, O_WRONLY|O_CLOEXEC);
        c = text[n] ^ 0x10;
        expect(pwrite(fd, &c, 1, (off_t) n) == 1, "byte %zu", n);
        expect(kairo_spool_open(&reader, dir, NAME)
               == (n == 8 || n == 9 ? KAIRO_SPOOL_NEWER : KAIRO_SPOOL_FOREIGN),
               "byte %zu of the head is another one", n);
        (void) close(fd);
    }

    verdict("a head that is cut or changed");
}


/* What is no regular file is never waited for, nor is a link followed. */

static void
hostile(void)
{
    size_t                 n;
    kairo_spool_entry_t   *entries;
    kairo_spool_reader_t   reader;

    static const char  *names[] = {
        "", "x", "1700000000000-0000004711-000001.spool2",
        "1700000000000-0000004711-000001.spoo", "1700000000000-0000004711-1"
        ".spool", "170000000000a-0000004711-000001.spool",
        "1700000000000_0000004711-000001.spool",
        "1700000000000-0000004711-000001.spool.new",
        "1700000000000-0000004711-000001.spool.aside",
        "-1700000000000-0000004711-000001.spool",
        "\x1b]0;1-0000004711-000001.spool", "ship.lock"
    };

    for (n = 1; n < sizeof(names) / sizeof(names[0]); n++) {
        (void) close(make(names[n]));
    }

    (void) unlinkat(dir, NAME, 0);
    (void) close(make("1700000000001-0000000001-000001.spool"));
    (void) close(make("1700000000000-0000000009-000010.spool"));
    (void) close(make("1700000000000-0000000009-000009.spool"));

    expect(mkfifoat(dir, "1700000000000-0000000001-000001.spool", 0600) == 0
           && mkdirat(dir, "1700000000000-0000000001-000002.spool", 0700) == 0
           && symlinkat("1700000000001-0000000001-000001.spool", dir,
                        "1700000000000-0000000001-000003.spool") == 0,
           "a pipe, a directory, a link");

    expect(kairo_spool_list(dir, &entries, &n) == 0, "a list");
    expect(n == 3, "%zu files", n);

    if (n == 3) {
        expect(strcmp(entries[0].name, "1700000000000-0000000009-000009.spool")
               == 0 && strcmp(entries[1].name,
                              "1700000000000-0000000009-000010.spool") == 0,
               "in order");
        expect(entries[0].size == 0, "of no bytes");
    }

    free(entries);

    expect(kairo_spool_list_of(dir, KAIRO_SPOOL_ASIDE, &entries, &n) == 0
           && n == 1, "another suffix");
    free(entries);

    expect(kairo_spool_open(&reader, dir,
                            "1700000000000-0000000001-000001.spool")
           == KAIRO_SPOOL_FOREIGN, "a pipe");
    expect(kairo_spool_open(&reader, dir,
                            "1700000000000-0000000001-000002.spool")
           == KAIRO_SPOOL_FOREIGN, "a directory");
    expect(kairo_spool_open(&reader, dir,
                            "1700000000000-0000000001-000003.spool")
           == KAIRO_SPOOL_UNREADABLE && errno == ELOOP, "a link");
    expect(kairo_spool_open(&reader, dir, "none") == KAIRO_SPOOL_UNREADABLE
           && errno == ENOENT, "nothing");

    expect(kairo_spool_list(STDIN_FILENO, &entries, &n) == -1
           && errno == ENOTDIR && entries == NULL, "of no directory");

    verdict("names and files that are not of a spool");
}


static void
names(void)
{
    char                  name[KAIRO_SPOOL_NAME];
    size_t                n;
    kairo_spool_entry_t  *entries;

    kairo_spool_name(name, 1700000000000ull, 4711, 1);
    expect(strcmp(name, NAME) == 0, "%s", name);

    kairo_spool_name(name, UINT64_MAX, -1, UINT32_MAX);
    expect(strlen(name) == sizeof(NAME) - 1, "%s", name);
    (void) close(make(name));
    (void) kairo_spool_list(dir, &entries, &n);
    expect(n && strcmp(entries[n - 1].name, name) == 0, "it is one");
    free(entries);
    (void) unlinkat(dir, name, 0);

    verdict("names of files");
}


/* A lock goes with its process, and who reads takes none away. */

static void
locks(void)
{
    int    fd, other, up[2], down[2];
    char   c;
    pid_t  pid;

    fd = make(NAME);
    expect(kairo_spool_written(fd) == 0, "nobody writes");
    expect(pipe(up) == 0 && pipe(down) == 0, "pipes");

    pid = fork();

    if (pid == 0) {
        other = openat(dir, NAME, O_WRONLY|O_APPEND|O_CLOEXEC);
        c = kairo_spool_lock(other) == 0 ? 'y' : 'n';
        put(up[1], &c, 1);
        (void) read(down[0], &c, 1);
        _exit(0);
    }

    expect(read(up[0], &c, 1) == 1 && c == 'y', "it is locked");
    other = openat(dir, NAME, O_RDONLY|O_CLOEXEC);

    expect(kairo_spool_written(fd) == 1, "somebody writes");
    expect(kairo_spool_written(other) == 1, "who reads alone is told");
    expect(kairo_spool_lock(fd) == -1 && errno == EAGAIN, "it is somebody's");
    expect(kairo_spool_lock(other) == -1 && errno == EAGAIN,
           "for who reads too");

    (void) close(openat(dir, NAME, O_RDWR|O_CLOEXEC));
    expect(kairo_spool_written(fd) == 1, "another close() is nothing");

    kill(pid, SIGKILL);
    (void) waitpid(pid, NULL, 0);

    expect(kairo_spool_written(fd) == 0, "it was killed");
    expect(kairo_spool_lock(other) == 0, "one that reads locks it");
    expect(kairo_spool_written(fd) == 0, "and writes nothing");
    expect(kairo_spool_lock(fd) == -1 && errno == EAGAIN, "it has the lock");
    (void) close(other);
    expect(kairo_spool_lock(fd) == 0, "and now it is ours");

    (void) close(fd);
    verdict("who writes a file");
}


int
main(void)
{
    char  path[64], command[80];

    unit_begin(8);

    (void) snprintf(path, sizeof(path), "/tmp/kairo-spool-%ld",
                    (long) getpid());

    if (mkdir(path, 0700) != 0) {
        diag("no directory: %s", strerror(errno));
        return 1;
    }

    (void) freopen("/dev/null", "r", stdin);
    dir = open(path, O_RDONLY|O_DIRECTORY|O_CLOEXEC);
    fill();

    whole();
    grows();
    process();
    cut();
    between();
    late();
    looking();
    changed();
    heads();
    locks();
    names();
    hostile();

    (void) snprintf(command, sizeof(command), "rm -r %s", path);
    ok(system(command) == 0, "nothing is left");

    return unit_done();
}
