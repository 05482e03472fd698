
/*
 * The sliding window, against plain counts of each window in an array.
 */


#include "table.h"


#define SECOND  1000000000ull


/*
 * Random requests: small steps of time, leaps to a border and over it, pauses
 * of whole windows.
 */

static uint64_t
later(uint64_t now, uint64_t length)
{
    switch (unit_below(16)) {
    case 0:
        return now + unit_below(length);
    case 1:
        return now + unit_below(4 * length);
    case 2:
        return (now / length + 1) * length - unit_below(2);
    case 3:
        return (now / length + 1 + unit_below(3)) * length;
    case 4:
    case 5:
    case 6:
        return now + unit_below(length / 8 + 1);
    default:
        return now;
    }
}


static void
model(void)
{
    int              i, turn;
    model_t          m;
    uint64_t         now, state, length, count;
    kairo_limit_t    l;
    kairo_verdict_t  v;

    for (turn = 0; turn < 300; turn++) {

        length = 1 + unit_below(1ull << unit_below(38));
        count = 1 + unit_below(unit_below(2) ? 10 : KAIRO_WINDOW_MAX);
        now = unit_below(length << 18);
        state = 0;
        memset(&m, 0, sizeof(m));

        if (turn % 3 == 0) {

            /* where the number of 24 bits begins again */

            now = (length << 24) - 5 * length;
            l = table_limit(length, 1, 0, 1);
            state = kairo_limit_judge(&l, state, now).state;
            model_take(&m, &l, now);
        }

        for (i = 0; i < 2000; i++) {

            now = later(now, length);
            l = table_limit(length, 1, count - 1,
                            unit_below(1 + count / (1 + unit_below(20))));

            v = kairo_limit_judge(&l, state, now);

            expect(model_agrees(&m, &l, now, &v),
                   "window %llu, %llu into it, count %llu, cost %llu: debt "
                   "%llu, by the model %llu", (unsigned long long) length,
                   (unsigned long long) (now % length),
                   (unsigned long long) count, (unsigned long long) l.charge,
                   (unsigned long long) v.debt,
                   (unsigned long long) (model_used(&m, &l, now)
                                         + l.charge));

            if (v.pass && unit_below(4)) {
                state = v.state;
                model_take(&m, &l, now);
            }
        }
    }

    verdict("a window is a count, and the weighted one of the window before");
}


/* Refused until just before now + retry, and passed from then on. */

static void
retry(void)
{
    int              i, turn;
    uint64_t         now, state, length, count;
    kairo_limit_t    l;
    kairo_verdict_t  v;
    unsigned long    refused;

    refused = 0;

    for (turn = 0; turn < 300; turn++) {

        length = 1 + unit_below(1ull << unit_below(38));
        count = 1 + unit_below(unit_below(2) ? 10 : KAIRO_WINDOW_MAX);
        now = unit_below(length << 18);
        state = 0;

        for (i = 0; i < 1000; i++) {

            now = later(now, length);
            l = table_limit(length, 1, count - 1,
                            1 + unit_below(1 + count
                                           / (1 + unit_below(20))));

            v = kairo_limit_judge(&l, state, now);

            if (v.pass) {
                state = v.state;
                continue;
            }

            if (l.charge > count) {
                expect(v.retry == KAIRO_LIMIT_NEVER, "it never passes");
                continue;
            }

            refused++;

            expect(v.retry > 0 && v.retry <= 2 * length, "retry %llu of %llu",
                   (unsigned long long) v.retry, (unsigned long long) length);

            expect(!kairo_limit_judge(&l, state, now + v.retry - 1).pass,
                   "window %llu, %llu into it, count %llu, cost %llu: "
                   "passes before retry %llu", (unsigned long long) length,
                   (unsigned long long) (now % length),
                   (unsigned long long) count, (unsigned long long) l.charge,
                   (unsigned long long) v.retry);

            expect(kairo_limit_judge(&l, state, now + v.retry).pass,
                   "window %llu, %llu into it, count %llu, cost %llu: "
                   "does not pass after retry %llu",
                   (unsigned long long) length,
                   (unsigned long long) (now % length),
                   (unsigned long long) count, (unsigned long long) l.charge,
                   (unsigned long long) v.retry);
        }
    }

    verdict("retry is exact (%lu refusals)", refused);
}


/*
 * Whoever asks when, no more than N pass in an aligned window, and no more
 * than 2N - 1 in any.
 */

static void
bounds(void)
{
    static uint64_t  passed[20000];

    int              turn;
    uint64_t         now, state, length, count, n, first, aligned, worst;
    kairo_limit_t    l;
    kairo_verdict_t  v;

    for (turn = 0; turn < 200; turn++) {

        length = 10 + unit_below(5000);
        count = 1 + unit_below(20);
        l = table_limit(length, 1, count - 1, 1);
        now = length * 100;
        state = 0;
        n = 0;
        first = 0;
        worst = 0;

        while (n < 20000 && now < length * 400) {

            /* greedy, or greedy at the ends of windows alone */

            v = kairo_limit_judge(&l, state, now);

            if (!v.pass) {
                now += turn % 2 || unit_below(3) ? v.retry
                                                 : unit_below(length);
                continue;
            }

            state = v.state;
            passed[n] = now;

            while (passed[first] + length <= now) {
                first++;
            }

            worst = n - first + 1 > worst ? n - first + 1 : worst;

            aligned = n >= count
                      && passed[n - count] / length == now / length;

            expect(!aligned, "more than %llu in one window",
                   (unsigned long long) count);
            n++;

            if (turn % 3 == 0 && unit_below(4) == 0) {
                now = (now / length + 1) * length - 1;
            }
        }

        expect(worst <= 2 * count - 1, "%llu within a window of %llu",
               (unsigned long long) worst, (unsigned long long) count);
    }

    verdict("N in an aligned window, and 2N - 1 in any");
}


/* The greatest counts: they are full, and do not run into each other. */

static void
extremes(void)
{
    uint64_t         now, state;
    kairo_limit_t    l;
    kairo_verdict_t  v;

    l = table_limit(SECOND, 1, KAIRO_WINDOW_MAX - 1, KAIRO_WINDOW_MAX);
    now = 1000 * SECOND;

    v = kairo_limit_judge(&l, 0, now);
    ok(v.pass && v.debt == KAIRO_WINDOW_MAX, "the greatest count at once");

    state = v.state;
    v = kairo_limit_judge(&l, state, now);
    ok(!v.pass && v.debt == 2 * KAIRO_WINDOW_MAX, "and no more");

    l.charge = 1;
    v = kairo_limit_judge(&l, state, now + SECOND);
    ok(!v.pass && v.debt == KAIRO_WINDOW_MAX + 1,
       "the next window begins with all of it");

    v = kairo_limit_judge(&l, state, now + 2 * SECOND);
    ok(v.pass && v.debt == 1, "the one after that with nothing");

    state = kairo_limit_merge(&l, state, state, now);
    v = kairo_limit_judge(&l, state, now);
    ok(!v.pass && v.debt == KAIRO_WINDOW_MAX + 1,
       "two full states are merged to a full one");

    v = kairo_limit_judge(&l, state, now + SECOND);
    ok(!v.pass && v.debt == KAIRO_WINDOW_MAX + 1,
       "which has not become another window's");

    l = table_limit(1ull << 55, 1, 4, 5);
    v = kairo_limit_judge(&l, 0, 1ull << 61);
    v = kairo_limit_judge(&l, v.state, 1ull << 61);
    ok(!v.pass && v.debt == 10 && v.retry <= 2ull << 55,
       "a window of a year at a time of 73 years");
}


/* A process whose reading of the clock is older than another's. */

static void
late(void)
{
    uint64_t         now, state;
    kairo_limit_t    l;
    kairo_verdict_t  v;

    l = table_limit(SECOND, 1, 3, 1);
    now = 1000 * SECOND;

    /* two of the window that another process has begun */

    state = kairo_limit_judge(&l, 0, now).state;
    state = kairo_limit_judge(&l, state, now).state;

    v = kairo_limit_judge(&l, state, now - 1);
    ok(v.pass && v.debt == 3, "who is late is counted with the others");

    state = v.state;
    v = kairo_limit_judge(&l, state, now);
    ok(v.pass && v.debt == 4, "and remembered");

    v = kairo_limit_judge(&l, v.state, now - 1);
    ok(!v.pass, "and gets no window of its own");

    ok(!kairo_limit_idle(SECOND, state, now - 1), "nor is the state idle");
}


int
main(void)
{
    unit_begin(20260111);

    model();
    retry();
    bounds();
    extremes();
    late();

    return unit_done();
}
