
#include "core/kairo_limit.h"


#define KAIRO_WINDOW_ID  0x7fffffull


typedef struct {
    uint64_t  id;          /* of 23 bits */
    uint64_t  previous;
    uint64_t  current;
} kairo_window_t;


static uint64_t kairo_window_id(uint64_t window, uint64_t now);
static kairo_window_t kairo_window_read(uint64_t window, uint64_t state,
    uint64_t now);
static kairo_window_t kairo_window_unpack(uint64_t state);
static uint64_t kairo_window_pack(const kairo_window_t *w);
static uint64_t kairo_window_weighted(const kairo_limit_t *l,
    uint64_t previous, uint64_t left);
static uint64_t kairo_window_retry(const kairo_limit_t *l,
    const kairo_window_t *w, uint64_t elapsed);
static uint64_t kairo_window_room(const kairo_limit_t *l, uint64_t previous,
    uint64_t room);
static uint64_t kairo_window_less(uint64_t count, uint64_t n);
static uint64_t kairo_window_sum(uint64_t a, uint64_t b);


kairo_verdict_t
kairo_window_judge(const kairo_limit_t *l, uint64_t state, uint64_t now)
{
    uint64_t         elapsed;
    kairo_window_t   w;
    kairo_verdict_t  v;

    w = kairo_window_read(l->window, state, now);

    /* of a window that another process has begun already, nothing has */

    elapsed = w.id == kairo_window_id(l->window, now) ? now % l->window : 0;

    v.debt = w.current + l->charge
             + kairo_window_weighted(l, w.previous, l->window - elapsed);
    v.pass = v.debt <= l->capacity;
    v.retry = v.pass ? 0 : kairo_window_retry(l, &w, elapsed);

    w.current = kairo_window_sum(w.current, l->charge);
    v.state = kairo_window_pack(&w);

    return v;
}


int
kairo_window_idle(uint64_t window, uint64_t state, uint64_t now)
{
    kairo_window_t  w;

    w = kairo_window_read(window, state, now);

    return w.previous == 0 && w.current == 0;
}


uint64_t
kairo_window_give(const kairo_limit_t *l, uint64_t state, uint64_t charged)
{
    kairo_window_t  w, then;

    w = kairo_window_unpack(state);
    then = kairo_window_unpack(charged);

    if (w.id == then.id) {
        w.current = kairo_window_less(w.current, l->charge);

    } else if (w.id == ((then.id + 1) & KAIRO_WINDOW_ID)) {
        w.previous = kairo_window_less(w.previous, l->charge);
    }

    return kairo_window_pack(&w);
}


uint64_t
kairo_window_merge(const kairo_limit_t *l, uint64_t a, uint64_t b,
    uint64_t now)
{
    kairo_window_t  wa, wb;

    wa = kairo_window_read(l->window, a, now);
    wb = kairo_window_read(l->window, b, now);

    wa.current = kairo_window_sum(wa.current, wb.current);
    wa.previous = kairo_window_sum(wa.previous, wb.previous);

    return kairo_window_pack(&wa);
}


static uint64_t
kairo_window_id(uint64_t window, uint64_t now)
{
    return now / window & KAIRO_WINDOW_ID;
}


/* The state as it is at "now": what has become previous, or is long gone. */

static kairo_window_t
kairo_window_read(uint64_t window, uint64_t state, uint64_t now)
{
    uint64_t        id;
    kairo_window_t  w;

    w = kairo_window_unpack(state);
    id = kairo_window_id(window, now);

    if (w.id == id) {
        return w;
    }

    if (((w.id + 1) & KAIRO_WINDOW_ID) == id) {
        w.previous = w.current;

    } else if (w.id == ((id + 1) & KAIRO_WINDOW_ID)) {

        /* another process has read the clock later than this one */

        return w;

    } else {
        w.previous = 0;
    }

    w.id = id;
    w.current = 0;

    return w;
}


static kairo_window_t
kairo_window_unpack(uint64_t state)
{
    kairo_window_t  w;

    w.id = state >> 40;
    w.previous = state >> 20 & KAIRO_WINDOW_MAX;
    w.current = state & KAIRO_WINDOW_MAX;

    return w;
}


static uint64_t
kairo_window_pack(const kairo_window_t *w)
{
    return w->id << 40 | w->previous << 20 | w->current;
}


/* Rounded up: a part of a request counts as one. */

static uint64_t
kairo_window_weighted(const kairo_limit_t *l, uint64_t previous, uint64_t left)
{
    if (previous > l->capacity) {
        previous = l->capacity;
    }

    return (uint64_t) (((unsigned __int128) previous * left + l->window - 1)
                       / l->window);
}


/* The ns after which used + charge is no more than the count. */

static uint64_t
kairo_window_retry(const kairo_limit_t *l, const kairo_window_t *w,
    uint64_t elapsed)
{
    uint64_t  at;

    if (l->charge > l->capacity) {
        return KAIRO_LIMIT_NEVER;
    }

    if (w->current + l->charge <= l->capacity) {

        at = kairo_window_room(l, w->previous,
                               l->capacity - l->charge - w->current);
        if (at < l->window) {
            return at > elapsed ? at - elapsed : 1;
        }
    }

    /* in the next window what is current now will be the previous count */

    at = kairo_window_room(l, w->current, l->capacity - l->charge);

    return l->window - elapsed + at;
}


/* How far into a window the weighted previous count is within "room". */

static uint64_t
kairo_window_room(const kairo_limit_t *l, uint64_t previous, uint64_t room)
{
    if (previous > l->capacity) {
        previous = l->capacity;
    }

    if (previous <= room) {
        return 0;
    }

    return l->window
           - (uint64_t) ((unsigned __int128) room * l->window / previous);
}


static uint64_t
kairo_window_less(uint64_t count, uint64_t n)
{
    return count > n ? count - n : 0;
}


static uint64_t
kairo_window_sum(uint64_t a, uint64_t b)
{
    return a + b > KAIRO_WINDOW_MAX ? KAIRO_WINDOW_MAX : a + b;
}
