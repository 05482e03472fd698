
/*
 * Keys that several processes see for the first time at the same moment.
 *
 * Each key has a set of its own.  Some of the set's slots hold debts that are
 * paid off between one process's reading of the clock and another's, so that
 * the processes do not agree on which slots are free and put the key into
 * different ones.  Still it is one key, with one bucket.
 */


#include "crowd.h"
#include "table.h"


#define TABLES   128              /* keys of one round */

#define DAY      (86400 * TABLE_SECOND)
#define ROUND    (10 * DAY)       /* by then all is paid off */
#define SKEW     1000


typedef struct {
    crowd_barrier_t   step;
    uint64_t          keys;
    uint64_t          wrong;
    uint64_t          most;
    uint64_t          overflow;
    uint32_t          passed[TABLES];
} shared_t;


static shared_t        *shared;
static kairo_table_t   *table[TABLES];
static kairo_limit_t    limit;
static uint64_t         capacity;
static unsigned         processes;
static unsigned         rounds;


static void
prepare(void)
{
    int             i;
    size_t          size, stride;
    unsigned char  *mem;

    size = table_size(1);
    stride = (size + 127) / 128 * 128;

    shared = crowd_memory(sizeof(*shared));
    mem = crowd_memory(TABLES * stride);

    for (i = 0; i < TABLES; i++) {
        table[i] = kairo_table_init(mem + (size_t) i * stride, size);
    }
}


/*
 * Up to four other keys.  Some of them owe at "now" but not SKEW or twice
 * SKEW later; of windows, which end in between, all or nothing does.
 */

static void
fill(kairo_table_t *t, uint64_t now, uint64_t random)
{
    unsigned       i, n;
    uint64_t       when;
    kairo_limit_t  l;

    n = (unsigned) (random % 5);
    l = table_limit(limit.window, 1, KAIRO_WINDOW_MAX - 1, 1);

    for (i = 0; i < n; i++) {

        random /= 5;
        when = now;

        if (random % 5 == 0) {
            l.charge = limit.window ? 1 : SKEW * 100;

        } else if (limit.window) {
            when = now - limit.window;

        } else {
            l.charge = SKEW / 2 + random % 2 * SKEW;
        }

        (void) kairo_table_judge(t, unit_draw(), when, &l,
                                 KAIRO_TABLE_TAKE);
    }
}


/*
 * What has passed, and what is left to pass, is the capacity: no charge was
 * admitted twice, and none was lost.
 */

static void
counted(uint64_t now, const uint64_t *tag)
{
    int                    i;
    uint64_t               passed, left;
    kairo_table_answer_t   a;

    for (i = 0; i < TABLES; i++) {

        passed = shared->passed[i];
        shared->passed[i] = 0;
        shared->keys++;

        for (left = 0; left < 100; left++) {
            a = kairo_table_judge(table[i], tag[i], now, &limit,
                                  KAIRO_TABLE_TAKE);
            if (!a.verdict.pass) {
                break;
            }
        }

        if (passed == 0 || passed + left != capacity) {
            shared->wrong++;
            shared->most = passed > shared->most ? passed : shared->most;

            expect(0, "key %llu of %llu: passed %llu times, then %llu",
                   (unsigned long long) shared->keys,
                   (unsigned long long) capacity,
                   (unsigned long long) passed, (unsigned long long) left);
        }
    }
}


static void
newcomer(unsigned who)
{
    int                    i;
    unsigned               round, n, passed;
    uint64_t               base, now, random, tag[TABLES];
    kairo_table_answer_t   a;

    for (round = 0, base = ROUND - SKEW / 2; round < rounds;
         round++, base += ROUND)
    {
        if (who == 0) {
            unit.random = round;

            for (i = 0; i < TABLES; i++) {
                fill(table[i], base, unit_draw());
            }
        }

        /* all processes draw the same numbers: the same keys */

        unit.random = ~(uint64_t) round;

        for (i = 0; i < TABLES; i++) {

            tag[i] = unit_draw();
            random = unit_draw();

            now = base + (random >> 8 * who) % 3 * SKEW;
            passed = 0;

            crowd_wait(&shared->step, processes);

            for (n = 0; n < capacity; n++) {
                a = kairo_table_judge(table[i], tag[i], now, &limit,
                                      KAIRO_TABLE_TAKE);

                passed += a.verdict.pass != 0;

                if (a.overflow) {
                    crowd_add(&shared->overflow, 1);
                }
            }

            (void) __atomic_fetch_add(&shared->passed[i], passed,
                                      __ATOMIC_SEQ_CST);
        }

        crowd_wait(&shared->step, processes);

        if (who == 0) {
            counted(base + 2 * SKEW, tag);
        }
    }
}


static void
fresh(unsigned n, uint64_t window, uint64_t burst, unsigned times)
{
    unsigned  failed;

    prepare();

    processes = n;
    rounds = times;
    limit = table_limit(window, DAY, burst, 1);
    capacity = burst + 1;

    failed = crowd_run(n, newcomer);

    ok(failed == 0 && shared->wrong == 0 && shared->overflow == 0,
       "%llu keys new to %u processes at once, by %s of %llu",
       (unsigned long long) shared->keys, n, window ? "windows" : "buckets",
       (unsigned long long) capacity);

    if (shared->wrong) {
        diag("%llu keys are wrong, the worst has passed %llu times",
             (unsigned long long) shared->wrong,
             (unsigned long long) shared->most);
    }
}


int
main(void)
{
    unit_begin(0);

    fresh(2, 0, 0, 3000);
    fresh(4, 0, 0, 1000);
    fresh(2, 0, 1, 2000);
    fresh(4, 0, 1, 500);

    fresh(2, DAY, 0, 2000);
    fresh(2, DAY, 1, 2000);

    return unit_done();
}
