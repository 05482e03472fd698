
/*
 * What the tests of the rate table share: its memory, and a model that keeps
 * the same limits in other terms than the table does.
 */


#ifndef TABLE_H_INCLUDED
#define TABLE_H_INCLUDED


#include "unit.h"

#include "core/kairo_table.h"


#define TABLE_SECOND  1000000000ull

/* the memory of a table of so many sets, by its public measure */

#define table_size(sets)  table_size_of((sets) * KAIRO_TABLE_WAYS)


/*
 * Of a bucket a level that sinks, where the table has a time to come; of a
 * window its whole number and plain counts, where the table has few bits.
 */

typedef struct {
    uint64_t  level;
    uint64_t  at;          /* when the level was that */
    uint64_t  number;
    uint64_t  current;
    uint64_t  previous;
} model_t;


/* The least size that has room for so many keys. */

static size_t __attribute__ ((unused))
table_size_of(uint64_t keys)
{
    size_t  size;

    for (size = keys * 16; kairo_table_capacity(size) < keys; size++) {
        /* void */
    }

    return size;
}


/* Zeroed memory that ends where the table does, for the address sanitizer. */

static void * __attribute__ ((unused))
table_memory(size_t size)
{
    void  *p;

    if (posix_memalign(&p, 128, size ? size : 1) != 0) {
        perror("posix_memalign");
        exit(2);
    }

    memset(p, 0, size);

    return p;
}


static kairo_table_t * __attribute__ ((unused))
table_new(size_t size)
{
    kairo_table_t  *t;

    t = kairo_table_init(table_memory(size), size);

    if (t == NULL) {
        fprintf(stderr, "no table of %zu bytes\n", size);
        exit(2);
    }

    return t;
}


/* A bucket where "window" is 0, else a window of burst + 1 requests. */

static kairo_limit_t __attribute__ ((unused))
table_limit(uint64_t window, uint64_t interval, uint64_t burst, uint64_t cost)
{
    kairo_limit_t  l;

    l.window = window;
    l.interval = interval;
    l.capacity = window ? burst + 1 : kairo_gcra_time(interval, burst + 1);
    l.charge = window ? cost : cost * interval;

    return l;
}


/* What is owed at "now" without a charge; time never goes back here. */

static uint64_t __attribute__ ((unused))
model_used(model_t *m, const kairo_limit_t *l, uint64_t now)
{
    uint64_t  elapsed, number;

    if (l->window == 0) {
        elapsed = now - m->at;

        m->level = m->level > elapsed ? m->level - elapsed : 0;
        m->at = now;

        return m->level;
    }

    number = now / l->window;

    if (number != m->number) {
        m->previous = number == m->number + 1 ? m->current : 0;
        m->current = 0;
        m->number = number;
    }

    /* rounded up, as a part of a request counts as one */

    return m->current
           + (uint64_t) (((unsigned __int128) m->previous
                          * (l->window - now % l->window) + l->window - 1)
                         / l->window);
}


static void __attribute__ ((unused))
model_take(model_t *m, const kairo_limit_t *l, uint64_t now)
{
    (void) model_used(m, l, now);

    m->level += l->charge;
    m->current += l->charge;
}


static void __attribute__ ((unused))
model_give(model_t *m, const kairo_limit_t *l, uint64_t now)
{
    (void) model_used(m, l, now);

    m->level = m->level > l->charge ? m->level - l->charge : 0;
    m->current -= l->window ? l->charge : 0;
}


/* Whether a verdict is the model's; what retry means has tests of its own. */

static int __attribute__ ((unused))
model_agrees(model_t *m, const kairo_limit_t *l, uint64_t now,
    const kairo_verdict_t *v)
{
    int       pass;
    uint64_t  debt;

    debt = model_used(m, l, now) + l->charge;
    pass = debt <= l->capacity;

    if ((v->pass != 0) != pass || v->debt != debt || (v->retry == 0) != pass) {
        return 0;
    }

    if (l->window) {
        return 1;
    }

    return v->state == now + debt
           && (pass || v->retry == (l->charge > l->capacity
                                    ? KAIRO_LIMIT_NEVER
                                    : debt - l->capacity));
}


#endif /* TABLE_H_INCLUDED */
