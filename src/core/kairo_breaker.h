
/*
 * Whether a server that the processes of a machine share is worth asking: a
 * circuit breaker in the memory that they share.
 *
 * While the server is up each may connect as it likes.  Once a connection has
 * failed one process at a time tries again, after a pause that grows with each
 * failure and is random in full, so that machines do not come back in step
 * ("Exponential Backoff And Jitter", AWS Architecture Blog, 2015).
 *
 * Times are ms of one clock for all processes, and never 0.  All of it begins
 * zeroed, which means up.  It holds no lock: a process may die anywhere.
 */


#ifndef KAIRO_BREAKER_H_INCLUDED
#define KAIRO_BREAKER_H_INCLUDED


#include "core/kairo_span.h"


#define KAIRO_BREAKER_BASE   100     /* ms; the first pause is at most that */
#define KAIRO_BREAKER_CAP   2000     /* ms; and each one at most that */
#define KAIRO_BREAKER_LEAST   20     /* ms; no pause is shorter */


typedef struct {
    uint64_t   down;         /* since when; 0: it is up */
    uint64_t   next;         /* when the next try may be */
    uint64_t   failures;     /* since it was up */
    uint64_t   why;          /* a hash of what the last one was */
} kairo_breaker_t;


/* ms that it has been down at "now"; 0: it is up. */

static inline uint64_t
kairo_breaker_down(const kairo_breaker_t *b, uint64_t now)
{
    uint64_t  down;

    down = __atomic_load_n(&b->down, __ATOMIC_RELAXED);

    if (down == 0) {
        return 0;
    }

    return now > down ? now - down : 1;
}


/*
 * 0: the caller may try to connect, and tells what has become of it by
 * kairo_breaker_failed() or _worked(); else the ms after which to ask again.
 * Who may try while the server is down is the only one for "hold" ms, however
 * that one ends.
 */

static inline uint64_t
kairo_breaker_try(kairo_breaker_t *b, uint64_t now, uint64_t hold)
{
    uint64_t  next;

    if (__atomic_load_n(&b->down, __ATOMIC_RELAXED) == 0) {
        return 0;
    }

    next = __atomic_load_n(&b->next, __ATOMIC_RELAXED);

    if (now < next) {
        return next - now;
    }

    if (__atomic_compare_exchange_n(&b->next, &next, now + hold, 0,
                                    __ATOMIC_RELAXED, __ATOMIC_RELAXED))
    {
        return 0;
    }

    return next > now ? next - now : KAIRO_BREAKER_LEAST;
}


/*
 * A try has failed.  "why" is a hash of the reason and "random" any number.
 * Returns 1 when that is news: the server was up, or the reason is another.
 */

static inline int
kairo_breaker_failed(kairo_breaker_t *b, uint64_t now, uint64_t random,
    uint64_t why)
{
    int       news;
    uint64_t  failures, most, up;

    up = 0;
    news = __atomic_compare_exchange_n(&b->down, &up, now, 0,
                                       __ATOMIC_RELAXED, __ATOMIC_RELAXED);

    if (__atomic_exchange_n(&b->why, why, __ATOMIC_RELAXED) != why) {
        news = 1;
    }

    failures = __atomic_fetch_add(&b->failures, 1, __ATOMIC_RELAXED);

    most = KAIRO_BREAKER_CAP;

    if (failures < 16 && ((uint64_t) KAIRO_BREAKER_BASE << failures) < most) {
        most = (uint64_t) KAIRO_BREAKER_BASE << failures;
    }

    __atomic_store_n(&b->next, now + KAIRO_BREAKER_LEAST
                               + random % (most - KAIRO_BREAKER_LEAST),
                     __ATOMIC_RELAXED);

    return news;
}


/* A try has worked.  Returns the ms that it was down; 0: it was up. */

static inline uint64_t
kairo_breaker_worked(kairo_breaker_t *b, uint64_t now)
{
    uint64_t  down;

    __atomic_store_n(&b->failures, 0, __ATOMIC_RELAXED);
    __atomic_store_n(&b->why, 0, __ATOMIC_RELAXED);

    down = __atomic_exchange_n(&b->down, 0, __ATOMIC_RELAXED);

    if (down == 0) {
        return 0;
    }

    return now > down ? now - down : 1;
}


#endif /* KAIRO_BREAKER_H_INCLUDED */
