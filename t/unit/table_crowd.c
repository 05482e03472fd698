
/*
 * Several processes on one rate table and the real clock: no more passes than
 * the limit allows, and hardly less.
 */


#include "crowd.h"
#include "table.h"


#define PROCESSES  4
#define KEYS       5
#define STRANGERS  1000000
#define WINDOWS    64

#define RUN        TABLE_SECOND
#define WINDOW     (TABLE_SECOND / 5)

/* a burst that outlasts what a busy machine may keep all processes from */

#define RATE       2000
#define BURST      1000

#define SEATS      3


typedef struct {
    crowd_barrier_t   start;
    uint32_t          stop;
    uint64_t          begin;                /* a reading of the clock */
    uint64_t          first[PROCESSES];
    uint64_t          last[PROCESSES];
    uint64_t          passed[KEYS];
    uint64_t          in_window[WINDOWS];   /* of the first key */
    uint64_t          overflow;
    uint64_t          asked;
    uint64_t          strangers;
    uint64_t          seated;
    uint64_t          given;
} shared_t;


static shared_t       *shared;
static kairo_table_t  *table;
static kairo_limit_t   limit;
static uint64_t        tag[KEYS];
static int             keys;


static void
prepare(uint64_t window, uint64_t sets, int n)
{
    int     i;
    size_t  size;

    size = table_size(sets);

    shared = crowd_memory(sizeof(*shared));
    table = kairo_table_init(crowd_memory(size), size);
    limit = table_limit(window, TABLE_SECOND / RATE, BURST, 1);
    keys = n;

    shared->begin = crowd_now();

    for (i = 0; i < n; i++) {
        tag[i] = unit_draw();
    }
}


static void
hammer(unsigned who)
{
    int                    k;
    uint64_t               now, asked, overflow, window, passed[KEYS];
    kairo_table_answer_t   a;

    memset(passed, 0, sizeof(passed));
    asked = 0;
    overflow = 0;

    crowd_wait(&shared->start, PROCESSES);

    now = crowd_now();
    shared->first[who] = now;

    for (k = (int) who % keys; now < shared->first[who] + RUN;
         k = (k + 1) % keys)
    {
        now = crowd_now();
        a = kairo_table_judge(table, tag[k], now, &limit, KAIRO_TABLE_TAKE);

        asked++;
        overflow += a.overflow != 0;
        passed[k] += a.verdict.pass != 0;

        if (limit.window && k == 0 && a.verdict.pass) {
            window = now / limit.window - shared->begin / limit.window;
            crowd_add(&shared->in_window[window % WINDOWS], 1);
        }
    }

    shared->last[who] = now;

    for (k = 0; k < keys; k++) {
        crowd_add(&shared->passed[k], passed[k]);
    }

    crowd_add(&shared->asked, asked);
    crowd_add(&shared->overflow, overflow);

    __atomic_store_n(&shared->stop, 1, __ATOMIC_SEQ_CST);
}


/* Other keys without end, each of which owes for a short time. */

static void
spray(void)
{
    uint64_t       n;
    kairo_limit_t  l;

    l = table_limit(0, TABLE_SECOND / 10000, 0, 1);

    for (n = 0; !__atomic_load_n(&shared->stop, __ATOMIC_SEQ_CST); n++) {
        (void) kairo_table_judge(table,
                                 (n % STRANGERS + 1) * 0x9e3779b97f4a7c15ull,
                                 crowd_now(), &l, KAIRO_TABLE_TAKE);
    }

    shared->strangers = n;
}


static void
hammer_and_spray(unsigned who)
{
    if (who < PROCESSES) {
        hammer(who);

    } else {
        spray();
    }
}


/* What the model admits in the time from the first request to the last. */

static void
judged(const char *name)
{
    int        k;
    unsigned   i;
    uint64_t   first, last, most, passed;

    first = shared->first[0];
    last = shared->last[0];

    for (i = 1; i < PROCESSES; i++) {
        first = shared->first[i] < first ? shared->first[i] : first;
        last = shared->last[i] > last ? shared->last[i] : last;
    }

    most = (last - first + limit.capacity) / limit.interval;

    for (k = 0; k < keys; k++) {
        passed = shared->passed[k];

        /* a key without a slot may have one burst more */

        expect(passed <= most + (shared->overflow ? BURST + 1 : 0),
               "key %d: %llu passed of %llu", k, (unsigned long long) passed,
               (unsigned long long) most);

        expect(passed >= most * 95 / 100, "key %d: %llu passed of %llu", k,
               (unsigned long long) passed, (unsigned long long) most);
    }

    verdict("%s", name);

    printf("# %llu requests, %llu of %llu passed for the first key, "
           "%llu without a slot, %llu other keys\n",
           (unsigned long long) shared->asked,
           (unsigned long long) shared->passed[0],
           (unsigned long long) most,
           (unsigned long long) shared->overflow,
           (unsigned long long) shared->strangers);
}


static void
hot_keys(void)
{
    prepare(0, 64, 1);
    ok(crowd_run(PROCESSES, hammer) == 0, "one hot key");
    judged("one hot key gets its rate, and no more");

    prepare(0, 64, KEYS);
    ok(crowd_run(PROCESSES, hammer) == 0, "some hot keys");
    judged("some hot keys get their rate each, and no more");
}


static void
sprayed(void)
{
    prepare(0, 8192, 2);
    ok(crowd_run(PROCESSES + 1, hammer_and_spray) == 0,
       "hot keys among a million others");
    judged("hot keys among a million others keep their buckets");

    /* and where the others are too many: nearly every set is full */

    prepare(0, 3, 2);
    ok(crowd_run(PROCESSES + 1, hammer_and_spray) == 0,
       "hot keys in a table that is too small");
    judged("hot keys in a table that is too small keep their buckets");
}


static void
windows(void)
{
    unsigned  i, used;

    prepare(WINDOW, 64, 2);
    ok(crowd_run(PROCESSES, hammer) == 0, "hot keys by windows");

    for (i = 0, used = 0; i < WINDOWS; i++) {
        used += shared->in_window[i] != 0;

        expect(shared->in_window[i] <= limit.capacity, "window %u: %llu", i,
               (unsigned long long) shared->in_window[i]);
    }

    expect(used >= RUN / WINDOW && shared->overflow == 0, "%u windows", used);

    verdict("no window has more than its count");

    printf("# %llu requests, %llu passed in %u windows of %llu\n",
           (unsigned long long) shared->asked,
           (unsigned long long) shared->passed[0], used,
           (unsigned long long) limit.capacity);
}


/*
 * SEATS requests at one time, which does not pass: who is let in sits down,
 * gets up and gives the charge back.  Never do more sit than there are seats.
 */

static void
sitter(unsigned who)
{
    int                    i;
    uint64_t               sitting, most, given;
    kairo_table_answer_t   a;

    most = 0;
    given = 0;

    crowd_wait(&shared->start, PROCESSES);

    for (i = 0; i < 200000; i++) {

        a = kairo_table_judge(table, tag[0], TABLE_SECOND, &limit,
                              KAIRO_TABLE_TAKE);

        if (!a.verdict.pass) {
            continue;
        }

        sitting = __atomic_add_fetch(&shared->seated, 1, __ATOMIC_SEQ_CST);
        most = sitting > most ? sitting : most;

        if (i % 16 == 0) {
            (void) sched_yield();
        }

        crowd_add(&shared->seated, (uint64_t) -1);
        kairo_table_give(table, tag[0], TABLE_SECOND, &limit, &a);
        given++;
    }

    crowd_add(&shared->given, given);

    expect(most <= SEATS, "%llu sat down", (unsigned long long) most);
}


static void
seats(const char *name)
{
    int                    n;
    kairo_table_answer_t   a;

    ok(crowd_run(PROCESSES, sitter) == 0, "%s", name);

    printf("# %llu charges given back\n", (unsigned long long) shared->given);

    for (n = 0; n < 100; n++) {
        a = kairo_table_judge(table, tag[0], TABLE_SECOND, &limit,
                              KAIRO_TABLE_TAKE);
        if (!a.verdict.pass) {
            break;
        }
    }

    ok(n == SEATS, "after that there is room for %d, %d are free", SEATS, n);
}


static void
gives(uint64_t window)
{
    uint64_t       n;
    kairo_limit_t  one;

    /* one request more keeps the key in its slot */

    prepare(window, 1, 1);
    limit = table_limit(window, 1000 * TABLE_SECOND, SEATS, 1);
    (void) kairo_table_judge(table, tag[0], TABLE_SECOND, &limit,
                             KAIRO_TABLE_TAKE);
    seats("give() never lets more than the capacity through");

    /* the set is full of others: the same by the state they share */

    prepare(window, 1, 1);
    limit = table_limit(window, 1000 * TABLE_SECOND, SEATS - 1, 1);
    one = table_limit(window, 1000 * TABLE_SECOND, 0, 1);

    for (n = 1; n <= KAIRO_TABLE_WAYS; n++) {
        (void) kairo_table_judge(table, n, TABLE_SECOND, &one,
                                 KAIRO_TABLE_TAKE);
    }

    seats("nor by a shared state");
}


int
main(void)
{
    unit_begin(20260108);

    hot_keys();
    sprayed();
    windows();

    gives(0);
    gives(TABLE_SECOND);

    return unit_done();
}
