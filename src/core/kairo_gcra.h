
/*
 * The arithmetic of a token bucket kept as one number, the theoretical
 * arrival time: the generic cell rate algorithm (ITU-T I.371, annex A).
 *
 * With T the interval of the rate, a bucket that owes nothing has tat <= now,
 * and each request puts cost * T on top.  A bucket holds burst + 1 requests,
 * as limit_req's does.  All times are nanoseconds of one clock that never
 * steps back.
 */


#ifndef KAIRO_GCRA_H_INCLUDED
#define KAIRO_GCRA_H_INCLUDED


#include "core/kairo_span.h"


/* 146 years: sums of two such times cannot overflow. */

#define KAIRO_GCRA_MAX  (1ull << 62)


typedef struct {
    uint64_t  interval;    /* T */
    uint64_t  capacity;    /* (burst + 1) * T, at most KAIRO_GCRA_MAX */
    uint64_t  charge;      /* cost * T, at most KAIRO_GCRA_MAX */
} kairo_gcra_t;


typedef struct {
    int       pass;
    uint64_t  tat;         /* what the bucket would hold after the charge */
    uint64_t  debt;        /* tat - now */
    uint64_t  retry;       /* 0, or the ns after which it could pass */
} kairo_gcra_answer_t;


/*
 * (burst + 1) * T, or 0 when that is above KAIRO_GCRA_MAX: such a limit
 * can't be kept and is an error of the configuration.
 */

static inline uint64_t
kairo_gcra_capacity(uint64_t interval, uint64_t burst)
{
    if (burst >= KAIRO_GCRA_MAX / interval) {
        return 0;
    }

    return (burst + 1) * interval;
}


static inline kairo_gcra_answer_t
kairo_gcra(const kairo_gcra_t *g, uint64_t tat, uint64_t now)
{
    kairo_gcra_answer_t  a;

    a.tat = (tat > now ? tat : now) + g->charge;
    a.debt = a.tat - now;
    a.pass = a.debt <= g->capacity;
    a.retry = a.pass ? 0 : a.debt - g->capacity;

    return a;
}


/*
 * How many requests a bucket is ahead of its rate, in thousandths, as
 * limit_req counts its "excess".  Rounded up, as there, where elapsed time
 * is rounded down to a millisecond.
 */

static inline uint64_t
kairo_gcra_excess(const kairo_gcra_t *g, uint64_t debt)
{
    if (debt <= g->interval) {
        return 0;
    }

    return (uint64_t) (((unsigned __int128) (debt - g->interval) * 1000
                        + g->interval - 1) / g->interval);
}


#endif /* KAIRO_GCRA_H_INCLUDED */
