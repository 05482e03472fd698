
/*
 * Counters that several processes add to.
 */


#include "crowd.h"

#include "core/kairo_counter.h"


#define PROCESSES  4
#define ROUNDS     1500000


typedef struct {
    kairo_counters_t  counters;
    crowd_barrier_t   start;
} counter_shared_t;


static counter_shared_t  *shared;


static void
alone(void)
{
    unsigned          i, j;
    uint64_t          stripe;
    kairo_counters_t  c;

    ok(sizeof(c) == KAIRO_COUNTER_STRIPES * 64
       && _Alignof(kairo_counters_t) == 64,
       "a stripe is a cache line");

    memset(&c, 0, sizeof(c));

    for (i = 0; i < KAIRO_COUNTER_MAX; i++) {
        expect(kairo_counter_sum(&c, i) == 0, "counter %u", i);
    }

    verdict("counters begin at zero");

    for (i = 0; i < KAIRO_COUNTER_MAX; i++) {
        for (stripe = 0; stripe < 3 * KAIRO_COUNTER_STRIPES; stripe++) {
            kairo_counter_add(&c, stripe, i, i + 1);
        }

        for (j = 0; j < KAIRO_COUNTER_MAX; j++) {
            expect(kairo_counter_sum(&c, j)
                   == (j <= i ? 3 * KAIRO_COUNTER_STRIPES * (j + 1) : 0),
                   "counter %u after %u", j, i);
        }
    }

    verdict("a sum is of all stripes and of one counter");

    kairo_counter_add(&c, UINT64_MAX, 0, 5);
    ok(kairo_counter_sum(&c, 0) == 3 * KAIRO_COUNTER_STRIPES + 5,
       "any number is a stripe");

    kairo_counter_add(&c, 3, 7, UINT64_MAX);
    kairo_counter_add(&c, 3, 7, 1);
    ok(kairo_counter_sum(&c, 7) == 3 * KAIRO_COUNTER_STRIPES * 8,
       "2^64 is 0");
}


/* Two processes in each stripe. */

static void
adder(unsigned who)
{
    unsigned  i;

    crowd_wait(&shared->start, PROCESSES);

    for (i = 0; i < ROUNDS; i++) {
        kairo_counter_add(&shared->counters, who / 2, i % 3, 1 + who);
    }
}


static void
together(void)
{
    unsigned   i;
    uint64_t   sum;

    shared = crowd_memory(sizeof(*shared));

    ok(crowd_run(PROCESSES, adder) == 0, "processes that count");

    for (i = 0; i < KAIRO_COUNTER_MAX; i++) {
        sum = kairo_counter_sum(&shared->counters, i);

        expect(sum == (i < 3 ? ROUNDS / 3 * (1 + 2 + 3 + 4) : 0),
               "counter %u is %llu", i, (unsigned long long) sum);
    }

    verdict("nothing is lost");
}


int
main(void)
{
    unit_begin(0);

    alone();
    together();

    return unit_done();
}
