
/*
 * The breaker: who may try, when, and what is news.
 */


#include <pthread.h>

#include "unit.h"

#include "core/kairo_breaker.h"


#define TRIES  2000


static kairo_breaker_t  shared;
static int              worked;


static void
up(void)
{
    kairo_breaker_t  b;

    memset(&b, 0, sizeof(b));

    ok(kairo_breaker_down(&b, 5) == 0, "zeroed it is up");
    ok(kairo_breaker_try(&b, 5, 100) == 0, "and anybody may try");
    ok(kairo_breaker_try(&b, 5, 100) == 0, "at the same time");
    ok(kairo_breaker_worked(&b, 5) == 0, "that this works is no news");
}


static void
down(void)
{
    uint64_t         wait;
    kairo_breaker_t  b;

    memset(&b, 0, sizeof(b));

    ok(kairo_breaker_failed(&b, 1000, 0, 7) == 1, "the first failure is news");
    ok(kairo_breaker_failed(&b, 1001, 0, 7) == 0, "the same again is not");
    ok(kairo_breaker_failed(&b, 1002, 0, 8) == 1, "another reason is");
    ok(kairo_breaker_down(&b, 1500) == 500, "down since the first");
    ok(kairo_breaker_down(&b, 900) == 1, "by a clock that lags, too");

    wait = kairo_breaker_try(&b, 1002, 300);
    ok(wait == KAIRO_BREAKER_LEAST, "nobody may try at once");

    ok(kairo_breaker_try(&b, 1002 + wait, 300) == 0, "after that one may");
    ok(kairo_breaker_try(&b, 1002 + wait, 300) == 300, "and no other");
    ok(kairo_breaker_try(&b, 1002 + wait + 300, 300) == 0,
       "until that one can't be at it any more");

    ok(kairo_breaker_worked(&b, 3000) == 2000, "it tells how long it was");
    ok(kairo_breaker_down(&b, 3000) == 0, "and is up");
    ok(kairo_breaker_failed(&b, 4000, 0, 8) == 1, "the next time is news");
}


/* Each pause is within its bounds, and the bounds grow to a cap. */

static void
pauses(void)
{
    int              wrong;
    uint64_t         i, random, most, now, wait, longest;
    kairo_breaker_t  b;

    memset(&b, 0, sizeof(b));

    wrong = 0;
    now = 1;
    longest = 0;
    random = 12345;

    for (i = 0; i < TRIES; i++) {

        random = random * 6364136223846793005ull + 1442695040888963407ull;

        (void) kairo_breaker_failed(&b, now, random >> 11, 1);

        most = i < 5 ? (uint64_t) KAIRO_BREAKER_BASE << i : KAIRO_BREAKER_CAP;
        wait = b.next - now;

        if (wait < KAIRO_BREAKER_LEAST || wait > most) {
            wrong++;
        }

        longest = wait > longest ? wait : longest;
        now += wait;
    }

    ok(wrong == 0, "%d pauses within their bounds, %d not", TRIES, wrong);
    ok(longest > KAIRO_BREAKER_CAP * 9 / 10, "the longest is near the cap");

    (void) kairo_breaker_worked(&b, now);
    (void) kairo_breaker_failed(&b, now, UINT64_MAX, 1);
    ok(b.next - now <= KAIRO_BREAKER_BASE, "after a success it begins anew");
}


static void *
racer(void *data)
{
    (void) data;

    if (kairo_breaker_try(&shared, 1000000, 60000) == 0) {
        (void) __atomic_fetch_add(&worked, 1, __ATOMIC_RELAXED);
    }

    return NULL;
}


static void
race(void)
{
    int        i, n, wrong;
    pthread_t  thread[8];

    wrong = 0;

    for (n = 0; n < 200; n++) {

        memset(&shared, 0, sizeof(shared));
        (void) kairo_breaker_failed(&shared, 1, 0, 1);
        worked = 0;

        for (i = 0; i < 8; i++) {
            (void) pthread_create(&thread[i], NULL, racer, NULL);
        }

        for (i = 0; i < 8; i++) {
            (void) pthread_join(thread[i], NULL);
        }

        wrong += (worked != 1);
    }

    ok(wrong == 0, "of eight at once one may try, 200 times");
}


int
main(void)
{
    unit_begin(7);

    up();
    down();
    pauses();
    race();

    return unit_done();
}
