
#include "core/kairo_table.h"
#include "core/kairo_siphash.h"

#if (defined __x86_64__)
#include <cpuid.h>
#endif


typedef unsigned __int128  kairo_u128_t;

/* a slot seen as the one word that is swapped */

typedef kairo_u128_t  kairo_word_t  __attribute__ ((may_alias));


typedef struct {
    uint64_t  tag;
    uint64_t  tat;
} __attribute__ ((aligned (16))) kairo_slot_t;


struct kairo_table_s {
    uint64_t  sets;
    uint64_t  reserved[15];    /* a set begins on a pair of cache lines */
    /*
     * kairo_slot_t  slots[sets * KAIRO_TABLE_WAYS];
     * uint64_t      shared[sets];
     */
};


#define kairo_table_slots(t)   ((kairo_slot_t *) ((t) + 1))
#define kairo_table_shared(t)                                                 \
    ((uint64_t *) (kairo_table_slots(t) + (t)->sets * KAIRO_TABLE_WAYS))

#define kairo_load(p)  __atomic_load_n(p, __ATOMIC_ACQUIRE)

/* what one set takes: its slots and its shared word, 17 bytes a key */

#define KAIRO_TABLE_SET                                                       \
    (KAIRO_TABLE_WAYS * sizeof(kairo_slot_t) + sizeof(uint64_t))


/* the i-th slot of a set in which a tag is looked for */

#define kairo_table_way(tag, i)  (((tag) + (uint64_t) (i)) % KAIRO_TABLE_WAYS)


static uint64_t kairo_table_sets(size_t size);
static uint64_t kairo_table_set(const kairo_table_t *t, uint64_t tag);
static kairo_slot_t *kairo_table_find(kairo_slot_t *set, uint64_t tag);
static kairo_slot_t *kairo_table_vacant(kairo_slot_t *set, uint64_t tag,
    uint64_t now);
static int kairo_table_swap(kairo_slot_t *slot, kairo_slot_t old,
    kairo_slot_t new);
static int kairo_table_settle(kairo_slot_t *set, kairo_slot_t *mine,
    kairo_slot_t put, uint64_t now);
static void kairo_table_add(kairo_slot_t *slot, uint64_t tag, uint64_t debt,
    uint64_t now);
static kairo_table_answer_t kairo_table_overflow(uint64_t *word, uint64_t now,
    const kairo_gcra_t *g, kairo_table_verb_t verb);
static void kairo_table_raise(uint64_t *word, uint64_t tat);
static void kairo_table_place(kairo_table_t *t, kairo_slot_t slot);


kairo_table_t *
kairo_table_init(void *mem, size_t size)
{
    kairo_table_t  *t = mem;

    if (kairo_table_sets(size) == 0) {
        return NULL;
    }

    t->sets = kairo_table_sets(size);

    return t;
}


uint64_t
kairo_table_capacity(size_t size)
{
    return kairo_table_sets(size) * KAIRO_TABLE_WAYS;
}


int
kairo_table_supported(void)
{
#if (defined __x86_64__)
    unsigned int  a, b, c, d;

    return __get_cpuid(1, &a, &b, &c, &d) && (c & bit_CMPXCHG16B);
#else
    return 1;
#endif
}


uint64_t
kairo_table_tag(const uint64_t secret[2], uint64_t interval, kairo_span_t key)
{
    uint64_t  tag;

    tag = kairo_siphash(secret, interval, key);

    return tag ? tag : 1;
}


void
kairo_table_prefetch(const kairo_table_t *t, uint64_t tag)
{
    const kairo_slot_t  *set;

    set = kairo_table_slots(t) + kairo_table_set(t, tag) * KAIRO_TABLE_WAYS;

    /* to read: a flood that is refused must not pass the lines around */

    __builtin_prefetch(set + kairo_table_way(tag, 0), 0);
}


kairo_table_answer_t
kairo_table_judge(kairo_table_t *t, uint64_t tag, uint64_t now,
    const kairo_gcra_t *g, kairo_table_verb_t verb)
{
    uint64_t               n;
    kairo_slot_t          *set, *slot, old, new;
    kairo_table_answer_t   a;

    n = kairo_table_set(t, tag);
    set = kairo_table_slots(t) + n * KAIRO_TABLE_WAYS;

    new.tag = tag;

    /* each turn but the last means that another process has got ahead */

    for ( ;; ) {

        slot = kairo_table_find(set, tag);

        if (slot == NULL) {
            slot = kairo_table_vacant(set, tag, now);
        }

        if (slot == NULL) {
            return kairo_table_overflow(&kairo_table_shared(t)[n], now, g,
                                        verb);
        }

        old.tag = kairo_load(&slot->tag);
        old.tat = kairo_load(&slot->tat);

        if (old.tag != tag && old.tat > now) {
            continue;
        }

        a.overflow = 0;
        a.gcra = kairo_gcra(g, old.tag == tag ? old.tat : now, now);

        if (!a.gcra.pass || verb == KAIRO_TABLE_PEEK) {

            if (kairo_load(&slot->tag) != old.tag) {
                /* it changed hands between the two loads */
                continue;
            }

            return a;
        }

        new.tat = a.gcra.tat;

        if (!kairo_table_swap(slot, old, new)) {
            continue;
        }

        if (old.tag == tag || kairo_table_settle(set, slot, new, now)) {
            return a;
        }
    }
}


void
kairo_table_give(kairo_table_t *t, uint64_t tag, const kairo_gcra_t *g,
    const kairo_table_answer_t *a)
{
    uint64_t       n;
    kairo_slot_t  *set, *slot, old, new;

    n = kairo_table_set(t, tag);

    if (a->overflow) {
        (void) __atomic_sub_fetch(&kairo_table_shared(t)[n], g->charge,
                                  __ATOMIC_SEQ_CST);
        return;
    }

    set = kairo_table_slots(t) + n * KAIRO_TABLE_WAYS;

    do {
        slot = kairo_table_find(set, tag);

        if (slot == NULL) {
            /* paid off since, and the slot is somebody else's */
            return;
        }

        old.tag = tag;
        old.tat = kairo_load(&slot->tat);

        new.tag = tag;
        new.tat = old.tat - g->charge;

    } while (!kairo_table_swap(slot, old, new));
}


void
kairo_table_copy(kairo_table_t *to, const kairo_table_t *from, uint64_t now)
{
    uint64_t       i, n, first, last, word;
    kairo_slot_t   slot, *slots;

    slots = kairo_table_slots(from);

    for (i = 0; i < from->sets * KAIRO_TABLE_WAYS; i++) {

        slot.tag = kairo_load(&slots[i].tag);
        slot.tat = kairo_load(&slots[i].tat);

        if (slot.tag != 0 && slot.tat > now) {
            kairo_table_place(to, slot);
        }
    }

    /* whose debt a shared word is, is unknown: it goes wherever its keys
       may go, and the hash is cut into sets in order */

    for (i = 0; i < from->sets; i++) {

        word = kairo_load(&kairo_table_shared(from)[i]);

        if (word <= now) {
            continue;
        }

        first = (uint64_t) ((kairo_u128_t) i * to->sets / from->sets);
        last = (uint64_t) (((kairo_u128_t) (i + 1) * to->sets - 1)
                           / from->sets);

        for (n = first; n <= last; n++) {
            kairo_table_raise(&kairo_table_shared(to)[n], word);
        }
    }
}


uint64_t
kairo_table_live(const kairo_table_t *t, uint64_t now, uint64_t sets)
{
    int            way;
    uint64_t       i, live, step;
    kairo_slot_t  *set;

    if (sets == 0 || sets > t->sets) {
        sets = t->sets;
    }

    live = 0;
    step = t->sets / sets;

    for (i = 0; i < sets; i++) {

        set = kairo_table_slots(t) + i * step * KAIRO_TABLE_WAYS;

        for (way = 0; way < KAIRO_TABLE_WAYS; way++) {
            live += kairo_load(&set[way].tag) != 0
                    && kairo_load(&set[way].tat) > now;
        }
    }

    return (uint64_t) ((kairo_u128_t) live * t->sets / sets);
}


static uint64_t
kairo_table_sets(size_t size)
{
    if (size < sizeof(kairo_table_t)) {
        return 0;
    }

    return (size - sizeof(kairo_table_t)) / KAIRO_TABLE_SET;
}


/*
 * Multiply and shift: any number of sets will do, and the sets cut the range
 * of tags in order (Lemire, "Fast random integer generation in an interval",
 * 2019).
 */

static uint64_t
kairo_table_set(const kairo_table_t *t, uint64_t tag)
{
    return (uint64_t) (((kairo_u128_t) tag * t->sets) >> 64);
}


/*
 * A tag has a slot of its own in its set, where it mostly is: one cache line
 * of two.  The others follow in turn, in an order that is the tag's, so that
 * all processes agree on which of two is first.
 */

static kairo_slot_t *
kairo_table_find(kairo_slot_t *set, uint64_t tag)
{
    unsigned       i;
    kairo_slot_t  *slot;

    for (i = 0; i < KAIRO_TABLE_WAYS; i++) {

        slot = &set[kairo_table_way(tag, i)];

        if (kairo_load(&slot->tag) == tag) {
            return slot;
        }
    }

    return NULL;
}


/* The first slot for the tag that is empty or owes nothing, or NULL. */

static kairo_slot_t *
kairo_table_vacant(kairo_slot_t *set, uint64_t tag, uint64_t now)
{
    unsigned       i;
    kairo_slot_t  *slot;

    for (i = 0; i < KAIRO_TABLE_WAYS; i++) {

        slot = &set[kairo_table_way(tag, i)];

        if (kairo_load(&slot->tat) <= now) {
            return slot;
        }
    }

    return NULL;
}


static int
kairo_table_swap(kairo_slot_t *slot, kairo_slot_t old, kairo_slot_t new)
{
    union {
        kairo_slot_t   slot;
        kairo_u128_t   word;
    } from, to;

    from.slot = old;
    to.slot = new;

    return __sync_bool_compare_and_swap((kairo_word_t *) slot, from.word,
                                        to.word);
}


/*
 * Two processes that took the same key for new may have claimed two slots.
 * The first of them in the tag's order is the bucket.  Returns 1 when the
 * charge just put into "mine" stands, 0 when it was undone and the request
 * is to be judged again.
 */

static int
kairo_table_settle(kairo_slot_t *set, kairo_slot_t *mine, kairo_slot_t put,
    uint64_t now)
{
    int            before;
    unsigned       i;
    kairo_slot_t  *slot, other, none, back;

    none.tag = 0;
    none.tat = 0;
    before = 1;

    for (i = 0; i < KAIRO_TABLE_WAYS; i++) {

        slot = &set[kairo_table_way(put.tag, i)];

        if (slot == mine) {
            before = 0;
            continue;
        }

        if (kairo_load(&slot->tag) != put.tag) {
            continue;
        }

        if (before) {
            /* if others have charged here meanwhile, their debt and ours
               stays until it is paid off */
            return !kairo_table_swap(mine, put, none);
        }

        other.tag = put.tag;
        other.tat = kairo_load(&slot->tat);

        if (!kairo_table_swap(slot, other, none) || other.tat <= now) {
            continue;
        }

        back.tag = put.tag;
        back.tat = other.tat;

        if (kairo_table_swap(mine, put, back)) {
            return 0;
        }

        kairo_table_add(mine, put.tag, other.tat - now, now);
    }

    return 1;
}


/* Puts a debt on top of what the slot holds, unless it changed hands. */

static void
kairo_table_add(kairo_slot_t *slot, uint64_t tag, uint64_t debt, uint64_t now)
{
    kairo_slot_t  old, new;

    do {
        old.tag = kairo_load(&slot->tag);
        old.tat = kairo_load(&slot->tat);

        if (old.tag != tag) {
            return;
        }

        new.tag = tag;
        new.tat = (old.tat > now ? old.tat : now) + debt;

    } while (!kairo_table_swap(slot, old, new));
}


static kairo_table_answer_t
kairo_table_overflow(uint64_t *word, uint64_t now, const kairo_gcra_t *g,
    kairo_table_verb_t verb)
{
    uint64_t              tat;
    kairo_table_answer_t  a;

    a.overflow = 1;
    tat = kairo_load(word);

    do {
        a.gcra = kairo_gcra(g, tat, now);

        if (!a.gcra.pass || verb == KAIRO_TABLE_PEEK) {
            return a;
        }

    } while (!__atomic_compare_exchange_n(word, &tat, a.gcra.tat, 0,
                                          __ATOMIC_SEQ_CST,
                                          __ATOMIC_SEQ_CST));

    return a;
}


static void
kairo_table_raise(uint64_t *word, uint64_t tat)
{
    if (*word < tat) {
        *word = tat;
    }
}


/* Only for a table that nobody else uses yet. */

static void
kairo_table_place(kairo_table_t *t, kairo_slot_t old)
{
    uint64_t       n;
    kairo_slot_t  *slot;

    n = kairo_table_set(t, old.tag);

    slot = kairo_table_vacant(kairo_table_slots(t) + n * KAIRO_TABLE_WAYS,
                              old.tag, 0);

    if (slot == NULL) {
        kairo_table_raise(&kairo_table_shared(t)[n], old.tat);
        return;
    }

    *slot = old;
}
