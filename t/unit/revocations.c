
/*
 * What has been revoked: against a model that does it slowly, by several
 * processes while it is renewed all the time, and after a writer was killed.
 */


#include <signal.h>

#include "crowd.h"
#include "core/kairo_revocations.h"


#define HEAD     64                      /* of the table, before its slots */
#define SLOT     32
#define SIZE(n)  (HEAD + 2 * SLOT * (size_t) (n))

#define KEYS     80                      /* of the model */
#define LASTING  5
#define LIFE     12                      /* of a revocation, in turns */
#define READERS  3
#define RUN      2000000000ull           /* ns */


typedef struct {
    int64_t          before;
    int64_t          highest;    /* of all there have been */
    int64_t          until;
} model_t;

typedef struct {
    crowd_barrier_t  start;
    int64_t          turn;       /* the last that was put in */
    int64_t          raised;
    uint32_t         stop;
    uint64_t         found;
    uint64_t         renewed;
} shared_t;


static kairo_revocations_t  *table;
static shared_t             *shared;
static uint64_t              slots;


/* Some begin at one slot, one at zero, one at the last. */

static void
digest_of(uint64_t n, uint64_t digest[2])
{
    uint64_t  seed;

    seed = n;
    digest[0] = n % 3 == 0 ? 0 : n % 3 == 1 ? slots - 1 : unit_random(&seed);
    digest[1] = n;
}


static int
put(uint64_t n, int64_t before, int64_t until, int64_t now)
{
    kairo_revocation_t  r;

    digest_of(n, r.digest);
    r.before = before;
    r.until = until;

    return kairo_revocations_put(table, &r, now);
}


static int64_t
find(uint64_t n)
{
    uint64_t  digest[2];

    digest_of(n, digest);

    return kairo_revocations_find(table, digest);
}


/* Memory of just that size: the sanitizer sees what is behind it. */

static void *
fresh(uint64_t n)
{
    void  *mem;

    if (posix_memalign(&mem, 64, SIZE(n)) != 0) {
        exit(2);
    }

    memset(mem, 0, SIZE(n));
    slots = n;
    table = kairo_revocations_init(mem, SIZE(n));

    return mem;
}


static void
sizes(void)
{
    void      *mem;
    size_t     size;
    uint64_t   n;

    mem = fresh(1000);

    for (size = 0; size < SIZE(8); size++) {
        expect(kairo_revocations_init(mem, size) == NULL, "%zu bytes", size);
    }

    free(mem);

    for (n = 8; n < 1000; n += 1 + n / 7) {

        mem = fresh(n);
        expect(table && kairo_revocations_capacity(table) == n - n / 4,
               "%llu slots", (unsigned long long) n);
        expect(kairo_revocations_count(table, 0) == 0, "not empty");
        expect(find(1) == 0, "one is found");
        free(mem);
    }

    /* what the documentation says of a megabyte */

    mem = fresh((1024 * 1024 - HEAD) / (2 * SLOT));
    n = kairo_revocations_capacity(table);
    expect(n > 12000 && n < 12500, "%llu in a megabyte",
           (unsigned long long) n);
    free(mem);

    verdict("as many as there is room for");
}


static void
one(void)
{
    void  *mem;

    mem = fresh(8);

    ok(find(1) == 0, "nothing at first");
    ok(put(1, 50, 100, 10) == 0 && find(1) == 50, "what is put in is found");
    ok(find(2) == 0 && find(4) == 0, "and nothing else is");

    ok(put(1, 40, 90, 10) == 0 && find(1) == 50
       && kairo_revocations_count(table, 99) == 1,
       "earlier times change nothing");
    ok(put(1, 60, 90, 10) == 0 && find(1) == 60
       && kairo_revocations_count(table, 99) == 1, "a later \"before\" holds");
    ok(put(1, 10, 200, 10) == 0 && find(1) == 60
       && kairo_revocations_count(table, 199) == 1, "a later \"until\" does");
    ok(kairo_revocations_count(table, 200) == 0, "which is the first second "
       "of which it is not needed");

    ok(put(2, KAIRO_REVOCATION_EVER, KAIRO_REVOCATION_EVER, 10) == 0
       && find(2) == KAIRO_REVOCATION_EVER
       && kairo_revocations_count(table, KAIRO_REVOCATION_EVER - 1) == 1,
       "and there is for ever");

    free(mem);
}


static void
full(void)
{
    void      *mem;
    uint64_t   n, capacity;

    mem = fresh(40);
    capacity = kairo_revocations_capacity(table);

    for (n = 1; n <= capacity; n++) {
        expect(put(n, 5, 100 + (int64_t) n, 10) == 0, "%llu",
               (unsigned long long) n);
    }

    verdict("there is room for all that there is room for");

    expect(put(n, 5, 1000, 100) == -1 && find(n) == 0, "one more");
    expect(put(n, 5, 1000, 100) == -1 && find(n) == 0, "and again");
    expect(put(3, 6, 1000, 100) == 0 && find(3) == 6, "a known one");
    expect(kairo_revocations_count(table, 100) == capacity, "the count");

    for (n = 1; n <= capacity; n++) {
        expect(find(n) == (n == 3 ? 6 : 5), "%llu is lost",
               (unsigned long long) n);
    }

    verdict("a full table says so, and forgets nothing");

    /* one and two expire */

    expect(put(1000, 7, 1000, 101) == 0, "a place of one that has expired");
    expect(put(1001, 7, 1000, 101) == -1, "which is one alone");
    expect(put(1002, 7, 1000, 102) == 0, "and the next");
    expect(put(1003, 7, 1000, 103) == -1, "the third holds for longer");
    expect(find(1) == 0 && find(2) == 0 && find(3) == 6, "those that were");
    expect(find(1000) == 7 && find(1002) == 7 && find(1001) == 0
           && find(1003) == 0, "and those that are");

    verdict("what has expired makes room, and what has not does not");

    free(mem);
}


/* One random step, the same in both. */

static void
step(model_t *model, int64_t now)
{
    int        rc, live;
    uint64_t   n, i, others;
    int64_t    before, until;

    n = unit_below(KEYS);
    before = 1 + (int64_t) unit_below(1000);
    until = unit_below(40) == 0 ? now + 3000
                                : now + 1 + (int64_t) unit_below(60);

    for (i = 0, others = 0; i < KEYS; i++) {
        others += i != n && model[i].until > now;
    }

    live = model[n].until > now;
    rc = put(n, before, until, now);

    expect(rc == (!live && others == kairo_revocations_capacity(table)
                  ? -1 : 0),
           "%d for %llu among %llu", rc, (unsigned long long) n,
           (unsigned long long) others);

    if (rc != 0) {
        return;
    }

    model[n].before = live && model[n].before > before ? model[n].before
                                                       : before;
    model[n].until = live && model[n].until > until ? model[n].until : until;

    if (model[n].highest < before) {
        model[n].highest = before;
    }
}


static void
compare(const model_t *model, int64_t now)
{
    uint64_t  n, live;
    int64_t   got;

    for (n = 0, live = 0; n < KEYS; n++) {

        got = find(n);

        if (model[n].until > now) {
            live++;
            expect(got >= model[n].before && got <= model[n].highest,
                   "%llu: %lld of %lld", (unsigned long long) n,
                   (long long) got, (long long) model[n].before);

        } else {
            expect(got == 0 || got <= model[n].highest,
                   "%llu: %lld, which was never put in",
                   (unsigned long long) n, (long long) got);
        }
    }

    for ( /* void */ ; n < KEYS + 9; n++) {
        expect(find(n) == 0, "%llu was never put in", (unsigned long long) n);
    }

    /* one that has expired may be there still with a later time of its own */

    expect(kairo_revocations_count(table, now) == live, "%llu of %llu",
           (unsigned long long) kairo_revocations_count(table, now),
           (unsigned long long) live);
}


static void
against_a_model(uint64_t n)
{
    int        i;
    void      *mem;
    int64_t    now;
    model_t    model[KEYS];

    mem = fresh(n);
    memset(model, 0, sizeof(model));
    now = 1;

    for (i = 0; i < 20000; i++) {
        step(model, now);
        compare(model, now);
        now += unit_below(20) == 0 ? 40 : unit_below(3) == 0;
    }

    verdict("%llu slots: what a model says", (unsigned long long) n);
    free(mem);
}


/*
 * Numbers of turns are keys: each holds for LIFE turns, so that the table is
 * renewed every few of them.
 */

static void
write_on(void)
{
    int64_t   turn;
    uint64_t  end;

    end = crowd_now() + RUN;

    for (turn = 1; crowd_now() < end; turn++) {

        expect(put(1000 + (uint64_t) turn, turn, turn + LIFE, turn) == 0,
               "no room in turn %lld", (long long) turn);
        expect(put(0, turn, KAIRO_REVOCATION_EVER, turn) == 0, "no raise");

        __atomic_store_n(&shared->raised, turn, __ATOMIC_RELEASE);
        __atomic_store_n(&shared->turn, turn, __ATOMIC_RELEASE);

        if (turn % 4096 == 0) {
            (void) sched_yield();
        }
    }

    shared->renewed = (uint64_t) turn;
    __atomic_store_n(&shared->stop, 1, __ATOMIC_RELEASE);
}


static void
read_on(unsigned who)
{
    int64_t   turn, raised, got;
    uint64_t  n, found;

    for (n = who, found = 0;
         !__atomic_load_n(&shared->stop, __ATOMIC_ACQUIRE);
         n++)
    {
        raised = __atomic_load_n(&shared->raised, __ATOMIC_ACQUIRE);
        got = find(0);
        expect(got >= raised, "%lld of %lld", (long long) got,
               (long long) raised);

        got = find(1 + n % LASTING);
        expect(got == 77, "one that lasts: %lld", (long long) got);

        got = find(500 + n % 100);
        expect(got == 0, "a stranger: %lld", (long long) got);

        /* one of those of late, which may expire while it is looked for */

        turn = __atomic_load_n(&shared->turn, __ATOMIC_ACQUIRE)
               - (int64_t) (n % 3);

        if (turn < 1) {
            continue;
        }

        got = find(1000 + (uint64_t) turn);
        expect(got == 0 || got == turn, "%lld for %lld", (long long) got,
               (long long) turn);

        if (__atomic_load_n(&shared->turn, __ATOMIC_ACQUIRE) + 1
            < turn + LIFE)
        {
            found++;
            expect(got == turn, "%lld was put in: %lld", (long long) turn,
                   (long long) got);
        }
    }

    crowd_add(&shared->found, found);
}


static void
one_of_many(unsigned who)
{
    crowd_wait(&shared->start, READERS + 1);

    if (who == 0) {
        write_on();

    } else {
        read_on(who);
    }
}


static void
many(void)
{
    uint64_t  i;

    slots = 32;
    shared = crowd_memory(sizeof(*shared));
    table = kairo_revocations_init(crowd_memory(SIZE(slots)), SIZE(slots));

    for (i = 0; i <= LASTING; i++) {
        (void) put(i, i ? 77 : 1, KAIRO_REVOCATION_EVER, 1);
    }

    ok(crowd_run(READERS + 1, one_of_many) == 0,
       "readers miss nothing while it is renewed all the time");
    ok(shared->found > 1000 && shared->renewed > 10000,
       "%llu were looked for in %llu turns",
       (unsigned long long) shared->found,
       (unsigned long long) shared->renewed);
}


/* A writer is killed somewhere, many times; another goes on. */

static void
killed(void)
{
    int        i, status;
    pid_t      pid;
    int64_t    turn, last;
    uint64_t   n, capacity, room;

    slots = 32;
    memset(shared, 0, sizeof(*shared));
    table = kairo_revocations_init(crowd_memory(SIZE(slots)), SIZE(slots));
    capacity = kairo_revocations_capacity(table);

    for (n = 1; n <= LASTING; n++) {
        (void) put(n, 77, KAIRO_REVOCATION_EVER, 1);
    }

    last = 0;

    for (i = 0; i < 300; i++) {

        pid = fork();

        if (pid == 0) {
            for (turn = last + 1; ; turn++) {
                (void) put(1000 + (uint64_t) turn, turn, turn + LIFE, turn);
                __atomic_store_n(&shared->turn, turn, __ATOMIC_RELEASE);
            }
        }

        while (__atomic_load_n(&shared->turn, __ATOMIC_ACQUIRE) == last) {
            (void) sched_yield();
        }

        (void) usleep((useconds_t) unit_below(300));
        (void) kill(pid, SIGKILL);
        (void) waitpid(pid, &status, 0);

        last = shared->turn;

        for (n = 1; n <= LASTING; n++) {
            expect(find(n) == 77, "kill %d: %llu is lost", i,
                   (unsigned long long) n);
        }

        for (turn = last > LIFE ? last - LIFE + 2 : 1; turn <= last; turn++) {
            expect(find(1000 + (uint64_t) turn) == turn,
                   "kill %d: %lld of %lld is lost", i, (long long) turn,
                   (long long) last);
        }
    }

    verdict("a writer that is killed takes nothing along, %lld turns",
            (long long) last);

    /* and no room */

    last += 2 * LIFE;

    for (room = 0; put(100 + room, 1, KAIRO_REVOCATION_EVER, last) == 0;
         room++) { /* void */ }

    ok(room == capacity - LASTING, "there is room for %llu",
       (unsigned long long) room);
}


int
main(void)
{
    unit_begin(31);

    sizes();
    one();
    full();

    against_a_model(8);
    against_a_model(41);
    against_a_model(100);
    against_a_model(200);

    many();
    killed();

    return unit_done();
}
