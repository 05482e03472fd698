
/*
 * What can be asked of a limit without knowing its law.
 */


#ifndef KAIRO_LIMIT_H_INCLUDED
#define KAIRO_LIMIT_H_INCLUDED


#include "core/kairo_gcra.h"
#include "core/kairo_window.h"


static inline kairo_verdict_t
kairo_limit_judge(const kairo_limit_t *l, uint64_t state, uint64_t now)
{
    return l->window ? kairo_window_judge(l, state, now)
                     : kairo_gcra_judge(l, state, now);
}


/* Whether the state says no more than 0 does; "window" as in the limit. */

static inline int
kairo_limit_idle(uint64_t window, uint64_t state, uint64_t now)
{
    return window ? kairo_window_idle(window, state, now) : state <= now;
}


/*
 * The state without a charge that was made when it became "charged", as far
 * as that is not paid off.
 */

static inline uint64_t
kairo_limit_give(const kairo_limit_t *l, uint64_t state, uint64_t charged,
    uint64_t now)
{
    uint64_t  owed;

    if (l->window) {
        return kairo_window_give(l, state, charged);
    }

    owed = charged > now ? charged - now : 0;
    owed = owed < l->charge ? owed : l->charge;

    return state > owed ? state - owed : 0;
}


/* One state for two of the same key: the sum of what they owe. */

static inline uint64_t
kairo_limit_merge(const kairo_limit_t *l, uint64_t a, uint64_t b, uint64_t now)
{
    if (l->window) {
        return kairo_window_merge(l, a, b, now);
    }

    return (a > now ? a : now) + (b > now ? b - now : 0);
}


/*
 * How many requests of cost 1 would pass after this verdict; "charged" tells
 * whether the request was.
 */

static inline uint64_t
kairo_limit_remaining(const kairo_limit_t *l, const kairo_verdict_t *v,
    int charged)
{
    uint64_t  owed;

    owed = charged ? v->debt : v->debt - l->charge;

    if (owed >= l->capacity) {
        return 0;
    }

    return (l->capacity - owed) / (l->window ? 1 : l->interval);
}


/*
 * The ns after which more will pass: of a refusal its retry, else until the
 * bucket is full or the window ends.
 */

static inline uint64_t
kairo_limit_reset(const kairo_limit_t *l, const kairo_verdict_t *v,
    uint64_t now, int charged)
{
    if (!v->pass) {
        return v->retry;
    }

    if (l->window) {
        return l->window - now % l->window;
    }

    return charged ? v->debt : v->debt - l->charge;
}


#endif /* KAIRO_LIMIT_H_INCLUDED */
