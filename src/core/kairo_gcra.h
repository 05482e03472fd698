
/*
 * The arithmetic of a token bucket kept as one number, the theoretical
 * arrival time: the generic cell rate algorithm (ITU-T I.371, annex A).
 *
 * With T the interval of the rate, a bucket that owes nothing has a state of
 * at most now, and each request puts cost * T on top.  A bucket holds
 * burst + 1 requests, as limit_req's does.
 */


#ifndef KAIRO_GCRA_H_INCLUDED
#define KAIRO_GCRA_H_INCLUDED


#include "core/kairo_verdict.h"


/* 146 years: sums of two such times cannot overflow. */

#define KAIRO_GCRA_MAX  (1ull << 62)


/*
 * n * T, or 0 when that is above KAIRO_GCRA_MAX: a limit of such a capacity
 * can't be kept.  A bucket's capacity is that of burst + 1.
 */

static inline uint64_t
kairo_gcra_time(uint64_t interval, uint64_t n)
{
    return n > KAIRO_GCRA_MAX / interval ? 0 : n * interval;
}


static inline kairo_verdict_t
kairo_gcra_judge(const kairo_limit_t *l, uint64_t tat, uint64_t now)
{
    kairo_verdict_t  v;

    v.state = (tat > now ? tat : now) + l->charge;
    v.debt = v.state - now;
    v.pass = v.debt <= l->capacity;
    v.retry = 0;

    if (!v.pass) {
        v.retry = l->charge > l->capacity ? KAIRO_LIMIT_NEVER
                                          : v.debt - l->capacity;
    }

    return v;
}


/*
 * How many requests a bucket is ahead of its rate, in thousandths, as
 * limit_req counts its "excess".  Rounded up, as there, where elapsed time
 * is rounded down to a millisecond.
 */

static inline uint64_t
kairo_gcra_excess(const kairo_limit_t *l, uint64_t debt)
{
    if (debt <= l->interval) {
        return 0;
    }

    return (uint64_t) (((unsigned __int128) (debt - l->interval) * 1000
                        + l->interval - 1) / l->interval);
}


#endif /* KAIRO_GCRA_H_INCLUDED */
