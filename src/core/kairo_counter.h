
/*
 * Counters that several processes add to and one reads: striped, so that two
 * workers seldom share a cache line, and summed when somebody asks.
 */


#ifndef KAIRO_COUNTER_H_INCLUDED
#define KAIRO_COUNTER_H_INCLUDED


#include "core/kairo_span.h"


#define KAIRO_COUNTER_STRIPES  8
#define KAIRO_COUNTER_MAX      8    /* in one cache line of 64 bytes */


typedef struct {
    uint64_t  n[KAIRO_COUNTER_STRIPES][KAIRO_COUNTER_MAX];
} __attribute__ ((aligned (64))) kairo_counters_t;


/* "stripe" is the caller's number, any; "i" is below KAIRO_COUNTER_MAX. */

static inline void
kairo_counter_add(kairo_counters_t *c, uint64_t stripe, unsigned i, uint64_t n)
{
    (void) __atomic_fetch_add(&c->n[stripe % KAIRO_COUNTER_STRIPES][i], n,
                              __ATOMIC_RELAXED);
}


static inline uint64_t
kairo_counter_sum(const kairo_counters_t *c, unsigned i)
{
    unsigned  s;
    uint64_t  sum;

    sum = 0;

    for (s = 0; s < KAIRO_COUNTER_STRIPES; s++) {
        sum += __atomic_load_n(&c->n[s][i], __ATOMIC_RELAXED);
    }

    return sum;
}


#endif /* KAIRO_COUNTER_H_INCLUDED */
