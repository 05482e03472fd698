
/*
 * What a limit tells besides its verdict, of both laws.
 */


#include "unit.h"

#include "core/kairo_limit.h"


#define SECOND  1000000000ull


static kairo_limit_t
bucket(uint64_t interval, uint64_t burst, uint64_t cost)
{
    kairo_limit_t  l;

    l.interval = interval;
    l.capacity = kairo_gcra_time(interval, burst + 1);
    l.charge = cost * interval;
    l.window = 0;

    return l;
}


static kairo_limit_t
window(uint64_t length, uint64_t count, uint64_t cost)
{
    kairo_limit_t  l;

    l.interval = length / count;
    l.capacity = count;
    l.charge = cost;
    l.window = length;

    return l;
}


/* A limit of either law, and a time when no window is about to end. */

static kairo_limit_t
any_limit(int law, uint64_t *now)
{
    uint64_t  length;

    if (law == 0) {
        *now = SECOND + unit_below(SECOND);

        return bucket(1 + unit_below(100000), unit_below(20),
                      unit_below(4));
    }

    length = 1000000 + unit_below(SECOND);
    *now = length * (10 + unit_below(1000)) + unit_below(length / 2);

    return window(length, 1 + unit_below(20), unit_below(4));
}


/* How many requests of cost 1 pass from the state on. */

static uint64_t
room(kairo_limit_t l, uint64_t state, uint64_t now)
{
    uint64_t         n;
    kairo_verdict_t  v;

    l.charge = l.window ? 1 : l.interval;

    for (n = 0; n < 1000; n++) {
        v = kairo_limit_judge(&l, state, now);

        if (!v.pass) {
            break;
        }

        state = v.state;
    }

    return n;
}


static void
remaining(int law)
{
    int              i;
    uint64_t         now, state;
    kairo_limit_t    l;
    kairo_verdict_t  v;

    for (i = 0; i < 20000; i++) {

        l = any_limit(law, &now);

        for (state = 0; ; state = v.state) {

            v = kairo_limit_judge(&l, state, now);

            expect(kairo_limit_remaining(&l, &v, 0) == room(l, state, now),
                   "not charged: %llu are left, not %llu",
                   (unsigned long long) room(l, state, now),
                   (unsigned long long) kairo_limit_remaining(&l, &v, 0));

            if (!v.pass || unit_below(30) == 0) {
                break;
            }

            expect(kairo_limit_remaining(&l, &v, 1) == room(l, v.state, now),
                   "charged: %llu are left, not %llu",
                   (unsigned long long) room(l, v.state, now),
                   (unsigned long long) kairo_limit_remaining(&l, &v, 1));

            now += l.window ? 0 : unit_below(l.interval);
        }
    }

    verdict("remaining requests of a %s", law ? "window" : "bucket");
}


static void
reset(void)
{
    uint64_t         now;
    kairo_limit_t    l;
    kairo_verdict_t  v;

    now = 7 * SECOND + 250;

    l = bucket(1000, 2, 1);
    v = kairo_limit_judge(&l, now + 500, now);
    ok(kairo_limit_reset(&l, &v, now, 1) == 1500,
       "a bucket is full when its debt is paid");
    ok(kairo_limit_reset(&l, &v, now, 0) == 500,
       "a request that was not charged is no debt");

    v = kairo_limit_judge(&l, now + 2500, now);
    ok(!v.pass && kairo_limit_reset(&l, &v, now, 0) == 500,
       "of a refusal it is retry");

    l = window(SECOND, 2, 1);
    v = kairo_limit_judge(&l, 0, now);
    ok(kairo_limit_reset(&l, &v, now, 1) == SECOND - 250
       && kairo_limit_reset(&l, &v, now, 0) == SECOND - 250,
       "a window resets when it ends");
}


static void
idle(int law)
{
    int              i;
    uint64_t         now;
    kairo_limit_t    l;
    kairo_verdict_t  v;

    for (i = 0; i < 20000; i++) {

        l = any_limit(law, &now);
        l.charge += l.charge ? 0 : (law ? 1 : l.interval);
        v = kairo_limit_judge(&l, 0, now);

        if (!v.pass) {
            continue;
        }

        expect(kairo_limit_idle(l.window, 0, now), "0 is not idle");
        expect(!kairo_limit_idle(l.window, v.state, now), "a debt is idle");

        if (law) {
            now = (now / l.window + 2) * l.window;

        } else {
            now += l.charge;
        }

        expect(!kairo_limit_idle(l.window, v.state, now - 1),
               "idle before it is paid");
        expect(kairo_limit_idle(l.window, v.state, now),
               "not idle when it is paid");
    }

    verdict("a %s is idle when it owes nothing", law ? "window" : "bucket");
}


/* Any of the charges can be given back, and leaves what it had not been. */

static void
give(int law)
{
    int              i, j, n, k;
    uint64_t         now, state, expected, gone[20];
    kairo_limit_t    l;
    kairo_verdict_t  v, w;

    for (i = 0; i < 20000; i++) {

        l = any_limit(law, &now);
        l.charge = law ? 1 : l.interval;
        n = (int) room(l, 0, now);
        k = (int) unit_below((uint64_t) n);

        state = 0;
        expected = 0;

        for (j = 0; j < n; j++) {

            v = kairo_limit_judge(&l, state, now);
            state = v.state;
            gone[j] = v.state;

            if (j != k) {
                expected = kairo_limit_judge(&l, expected, now).state;
            }
        }

        /* before anything is paid off; of a window also from the next */

        now += law ? unit_below(2) * l.window : 0;
        state = kairo_limit_give(&l, state, gone[k], now);

        v = kairo_limit_judge(&l, state, now);
        w = kairo_limit_judge(&l, expected, now);

        expect(v.debt == w.debt && v.pass == w.pass,
               "charge %d of %d: debt %llu, not %llu", k, n,
               (unsigned long long) v.debt, (unsigned long long) w.debt);

        state = kairo_limit_give(&l, 0, gone[k], now);
        expect(kairo_limit_idle(l.window, state, now),
               "what was never taken is owed");
    }

    verdict("a charge that a %s gives back was never made",
            law ? "window" : "bucket");
}


static void
merge(int law)
{
    int              i, j;
    uint64_t         now, a, b, both;
    kairo_limit_t    l;
    kairo_verdict_t  v;

    for (i = 0; i < 20000; i++) {

        l = any_limit(law, &now);
        l.capacity *= 2;

        a = 0;
        b = 0;
        both = 0;

        for (j = 0; j < 6; j++) {

            v = kairo_limit_judge(&l, both, now);

            if (!v.pass) {
                break;
            }

            both = v.state;

            if (unit_below(2)) {
                a = kairo_limit_judge(&l, a, now).state;

            } else {
                b = kairo_limit_judge(&l, b, now).state;
            }
        }

        now += law ? unit_below(2) * l.window : 0;

        v = kairo_limit_judge(&l, kairo_limit_merge(&l, a, b, now), now);

        expect(v.debt == kairo_limit_judge(&l, both, now).debt,
               "the sum is %llu, not %llu", (unsigned long long) v.debt,
               (unsigned long long) kairo_limit_judge(&l, both, now).debt);
    }

    verdict("two states of a %s are merged to their sum",
            law ? "window" : "bucket");
}


int
main(void)
{
    int  law;

    unit_begin(20260110);

    reset();

    for (law = 0; law < 2; law++) {
        remaining(law);
        idle(law);
        give(law);
        merge(law);
    }

    return unit_done();
}
