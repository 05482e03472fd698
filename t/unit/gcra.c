
/*
 * The arithmetic of one token bucket.
 */


#include "unit.h"

#include "core/kairo_limit.h"


#define SECOND  1000000000ull


typedef unsigned __int128  wide_t;


static kairo_limit_t
limit(uint64_t interval, uint64_t burst, uint64_t cost)
{
    kairo_limit_t  l;

    l.interval = interval;
    l.capacity = kairo_gcra_time(interval, burst + 1);
    l.charge = cost * interval;
    l.window = 0;

    return l;
}


/* How many requests pass one after another at one time. */

static uint64_t
at_once(const kairo_limit_t *l, uint64_t now, uint64_t most)
{
    uint64_t         n, tat;
    kairo_verdict_t  v;

    tat = 0;

    for (n = 0; n < most; n++) {
        v = kairo_limit_judge(l, tat, now);

        if (!v.pass) {
            break;
        }

        tat = v.state;
    }

    return n;
}


static void
times(void)
{
    int        i;
    wide_t     exact;
    uint64_t   interval, n, t;

    ok(kairo_gcra_time(1, KAIRO_GCRA_MAX) == KAIRO_GCRA_MAX,
       "the greatest capacity");
    ok(kairo_gcra_time(1, KAIRO_GCRA_MAX + 1) == 0, "one more is none");
    ok(kairo_gcra_time(1, UINT64_MAX) == 0, "2^64 - 1 requests");
    ok(kairo_gcra_time(KAIRO_GCRA_MAX, 1) == KAIRO_GCRA_MAX,
       "the greatest interval");
    ok(kairo_gcra_time(KAIRO_GCRA_MAX, 2) == 0, "two of it");
    ok(kairo_gcra_time(SECOND, 1) == SECOND, "one second");

    for (i = 0; i < 300000; i++) {

        interval = 1 + unit_below(1ull << unit_below(62));

        /* now and then about the border */

        n = unit_below(2) ? unit_draw() >> unit_below(64)
                          : KAIRO_GCRA_MAX / interval - 1 + unit_below(4);

        exact = (wide_t) n * interval;
        t = kairo_gcra_time(interval, n);

        expect(t == (exact <= KAIRO_GCRA_MAX ? (uint64_t) exact : 0),
               "%llu of %llu ns: %llu", (unsigned long long) n,
               (unsigned long long) interval, (unsigned long long) t);
    }

    verdict("a capacity is exact, or 0 where it does not fit");
}


static void
bursts(void)
{
    uint64_t       burst, cost, n;
    kairo_limit_t  l;

    for (burst = 0; burst < 40; burst++) {
        for (cost = 1; cost < 10; cost++) {

            l = limit(7, burst, cost);
            n = at_once(&l, SECOND, 1000);

            expect(n == (burst + 1) / cost, "burst %llu, cost %llu: %llu",
                   (unsigned long long) burst, (unsigned long long) cost,
                   (unsigned long long) n);
        }
    }

    verdict("burst + 1 requests pass at once, by their cost");

    l = limit(SECOND, 0, 0);
    ok(at_once(&l, SECOND, 1000) == 1000, "cost 0 always passes");
    ok(kairo_limit_judge(&l, 5 * SECOND, 4 * SECOND).pass
       && kairo_limit_judge(&l, 5 * SECOND, 4 * SECOND).state == 5 * SECOND
       && !kairo_limit_judge(&l, 5 * SECOND + 1, 4 * SECOND).pass,
       "cost 0 changes no debt, and is refused above the capacity");
}


/* At the greatest values nothing wraps round. */

static void
extremes(void)
{
    kairo_limit_t    l;
    kairo_verdict_t  v;

    l.window = 0;
    l.interval = KAIRO_GCRA_MAX;
    l.capacity = KAIRO_GCRA_MAX;
    l.charge = KAIRO_GCRA_MAX;

    v = kairo_limit_judge(&l, 0, 0);
    ok(v.pass && v.state == KAIRO_GCRA_MAX && v.debt == KAIRO_GCRA_MAX
       && v.retry == 0, "the greatest charge at time 0");

    v = kairo_limit_judge(&l, KAIRO_GCRA_MAX, KAIRO_GCRA_MAX);
    ok(v.pass && v.state == 2 * KAIRO_GCRA_MAX, "and after 146 years");

    v = kairo_limit_judge(&l, v.state, KAIRO_GCRA_MAX);
    ok(!v.pass && v.debt == 2 * KAIRO_GCRA_MAX && v.retry == KAIRO_GCRA_MAX,
       "and a second one");

    v = kairo_limit_judge(&l, 2 * KAIRO_GCRA_MAX - 1, KAIRO_GCRA_MAX - 1);
    ok(!v.pass && v.state == 3 * KAIRO_GCRA_MAX - 1
       && v.debt == 2 * KAIRO_GCRA_MAX, "and a state of that size");

    l = limit(SECOND, 3, 1);
    v = kairo_limit_judge(&l, 5, 100 * SECOND);
    ok(v.pass && v.state == 101 * SECOND && v.debt == SECOND,
       "a time of the past is nothing saved up");
}


/*
 * Refused until just before now + retry, and passed from then on; and a
 * greedy client gets a request each interval to the nanosecond.
 */

static void
retry(void)
{
    int              i, turn;
    uint64_t         interval, burst, cost, now, tat;
    kairo_limit_t    l;
    kairo_verdict_t  v;

    for (i = 0; i < 20000; i++) {

        interval = 1 + unit_below(1ull << unit_below(40));
        burst = unit_below(20);
        cost = 1 + unit_below(burst + 1);
        l = limit(interval, burst, cost);

        now = unit_below(1ull << 61);
        tat = 0;

        for (turn = 0; turn < 20; turn++) {

            v = kairo_limit_judge(&l, tat, now);

            expect((v.retry == 0) == (v.pass != 0),
                   "pass %d with retry %llu", v.pass,
                   (unsigned long long) v.retry);

            if (v.pass) {
                tat = v.state;
                now += unit_below(2) ? 0 : unit_below(interval);
                continue;
            }

            expect(!kairo_limit_judge(&l, tat, now + v.retry - 1).pass,
                   "passes before retry");
            expect(kairo_limit_judge(&l, tat, now + v.retry).pass,
                   "does not pass after retry");
            expect(kairo_limit_judge(&l, tat, now + v.retry).debt
                   == l.capacity, "after retry the bucket is not just full");

            now += v.retry;
        }
    }

    verdict("retry is exact");

    l = limit(1000, 4, 6);
    v = kairo_limit_judge(&l, 0, SECOND);
    ok(!v.pass && v.retry == KAIRO_LIMIT_NEVER,
       "a cost above the burst never passes, and says so");

    l = limit(1000, 4, 5);
    ok(kairo_limit_judge(&l, 0, SECOND).pass, "one less does");

    l = limit(333, 4, 1);
    tat = 0;
    now = SECOND;

    for (i = 0; i < 100000; i++) {
        v = kairo_limit_judge(&l, tat, now);
        now += v.retry;
        tat = kairo_limit_judge(&l, tat, now).state;
    }

    ok(now == SECOND + (100000 - 5) * 333ull,
       "100000 greedy requests take their time to the nanosecond");
}


static void
excess(void)
{
    int            i;
    wide_t         exact;
    uint64_t       debt, e;
    kairo_limit_t  l;

    l = limit(1000, 5, 1);

    ok(kairo_gcra_excess(&l, 0) == 0 && kairo_gcra_excess(&l, 1000) == 0,
       "the first request is no excess");
    ok(kairo_gcra_excess(&l, 1001) == 1 && kairo_gcra_excess(&l, 2000) == 1000
       && kairo_gcra_excess(&l, 6000) == 5000, "excess in thousandths");

    l = limit(3, 5, 1);

    ok(kairo_gcra_excess(&l, 4) == 334 && kairo_gcra_excess(&l, 5) == 667
       && kairo_gcra_excess(&l, 6) == 1000, "excess is rounded up");

    for (i = 0; i < 300000; i++) {

        l = limit(1 + unit_below(1ull << unit_below(60)), 0, 1);
        debt = unit_below(1ull << unit_below(63));
        e = kairo_gcra_excess(&l, debt);

        exact = debt > l.interval
                ? (wide_t) (debt - l.interval) * 1000 : 0;

        /* the greatest debt and the least interval do not fit: 2^63 * 1000 */

        if (exact / l.interval > UINT64_MAX / 2) {
            continue;
        }

        expect((wide_t) e * l.interval >= exact
               && (e == 0 || ((wide_t) e - 1) * l.interval < exact),
               "interval %llu, debt %llu: %llu",
               (unsigned long long) l.interval, (unsigned long long) debt,
               (unsigned long long) e);
    }

    verdict("excess is exact, rounded up");
}


int
main(void)
{
    unit_begin(20260102);

    times();
    bursts();
    extremes();
    retry();
    excess();

    return unit_done();
}
