
#include "core/kairo_table.h"
#include "core/kairo_siphash.h"

#if (defined __x86_64__)
#include <cpuid.h>
#endif


/* counters that number the claims: a cache line of them */

#define KAIRO_TABLE_CLAIMS  8

/* turns of a decision that others get ahead of before the set's shared state
   judges */

#define KAIRO_TABLE_TURNS   1000


typedef unsigned __int128  kairo_u128_t;

/* a slot seen as the one word that is swapped */

typedef kairo_u128_t  kairo_word_t  __attribute__ ((may_alias));


typedef struct {
    uint64_t  tag;
    uint64_t  state;
} __attribute__ ((aligned (16))) kairo_slot_t;


struct kairo_table_s {
    uint64_t  sets;
    uint64_t  reserved[7];     /* of the line that every decision reads */
    uint64_t  claims[KAIRO_TABLE_CLAIMS];
    /*
     * kairo_slot_t  slots[sets * KAIRO_TABLE_WAYS];
     * uint64_t      shared[sets];
     */
};


#define kairo_table_slots(t)   ((kairo_slot_t *) ((t) + 1))
#define kairo_table_shared(t)                                                 \
    ((uint64_t *) (kairo_table_slots(t) + (t)->sets * KAIRO_TABLE_WAYS))

#define kairo_load(p)  __atomic_load_n(p, __ATOMIC_SEQ_CST)

#define kairo_claimed(state)  ((state) >> 63)

/* what one set takes: its slots and its shared word, 17 bytes a key */

#define KAIRO_TABLE_SET                                                       \
    (KAIRO_TABLE_WAYS * sizeof(kairo_slot_t) + sizeof(uint64_t))


/* the i-th slot of a set in which a tag is looked for */

#define kairo_table_way(tag, i)  (((tag) ^ (uint64_t) (i)) % KAIRO_TABLE_WAYS)


static uint64_t kairo_table_sets(size_t size);
static uint64_t kairo_table_set(const kairo_table_t *t, uint64_t tag);
static kairo_slot_t *kairo_table_find(kairo_slot_t *set, uint64_t tag,
    uint64_t claimed, kairo_slot_t *seen);
static kairo_slot_t *kairo_table_vacant(kairo_slot_t *set, uint64_t tag,
    uint64_t window, uint64_t now, kairo_slot_t *seen);
static int kairo_table_swap(kairo_slot_t *slot, kairo_slot_t old,
    kairo_slot_t new);
static int kairo_table_swap_word(uint64_t *word, uint64_t *old, uint64_t new);
static int kairo_table_enter(kairo_table_t *t, kairo_slot_t *set,
    kairo_slot_t *vacant, kairo_slot_t old, kairo_slot_t new);
static int kairo_table_elect(kairo_slot_t *set, kairo_slot_t *mine,
    kairo_slot_t claim, uint64_t state);
static kairo_table_answer_t kairo_table_overflow(uint64_t *word, uint64_t now,
    const kairo_limit_t *l, kairo_table_verb_t verb);
static void kairo_table_raise(uint64_t *word, uint64_t state,
    uint64_t window, uint64_t now);
static void kairo_table_place(kairo_table_t *t, kairo_slot_t slot,
    uint64_t window, uint64_t now);


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
kairo_table_tag(const uint64_t secret[2], uint64_t rate, kairo_span_t key)
{
    uint64_t  tag;

    tag = kairo_siphash(secret, rate, key);

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
    const kairo_limit_t *l, kairo_table_verb_t verb)
{
    uint64_t               n, turn;
    kairo_slot_t          *set, *slot, old, new;
    kairo_table_answer_t   a;

    n = kairo_table_set(t, tag);
    set = kairo_table_slots(t) + n * KAIRO_TABLE_WAYS;

    a.overflow = 0;
    new.tag = tag;

    /* each turn but the last means that another process has got ahead */

    for (turn = 0; turn < KAIRO_TABLE_TURNS; turn++) {

        slot = kairo_table_find(set, tag, 0, &old);

        if (slot) {
            a.verdict = kairo_limit_judge(l, old.state, now);

        } else {
            a.verdict = kairo_limit_judge(l, 0, now);

            slot = kairo_table_vacant(set, tag, l->window, now, &old);

            if (slot == NULL) {

                if (kairo_table_find(set, tag, 0, &old)) {
                    /* it was put in while we looked for room */
                    continue;
                }

                break;
            }
        }

        if (!a.verdict.pass || verb == KAIRO_TABLE_PEEK) {

            if (kairo_load(&slot->tag) != old.tag) {
                /* it changed hands between two loads */
                continue;
            }

            return a;
        }

        new.state = a.verdict.state;

        if (old.tag == tag && !kairo_claimed(old.state)) {

            if (kairo_table_swap(slot, old, new)) {
                return a;
            }

            continue;
        }

        if (kairo_table_enter(t, set, slot, old, new)) {
            return a;
        }
    }

    return kairo_table_overflow(&kairo_table_shared(t)[n], now, l, verb);
}


void
kairo_table_give(kairo_table_t *t, uint64_t tag, uint64_t now,
    const kairo_limit_t *l, const kairo_table_answer_t *a)
{
    uint64_t       n, word, less, *shared;
    kairo_slot_t  *set, *slot, old, new;

    n = kairo_table_set(t, tag);

    if (a->overflow) {

        shared = &kairo_table_shared(t)[n];
        word = kairo_load(shared);

        do {
            less = kairo_limit_give(l, word, a->verdict.state, now);
        } while (!kairo_table_swap_word(shared, &word, less));

        return;
    }

    set = kairo_table_slots(t) + n * KAIRO_TABLE_WAYS;

    do {
        slot = kairo_table_find(set, tag, 0, &old);

        if (slot == NULL) {
            /* paid off since, and the slot is somebody else's */
            return;
        }

        new.tag = tag;
        new.state = kairo_limit_give(l, old.state, a->verdict.state, now);

    } while (!kairo_table_swap(slot, old, new));
}


void
kairo_table_copy(kairo_table_t *to, const kairo_table_t *from,
    uint64_t window, uint64_t now)
{
    uint64_t       i, n, first, last, word;
    kairo_slot_t   slot, *slots;

    slots = kairo_table_slots(from);

    for (i = 0; i < from->sets * KAIRO_TABLE_WAYS; i++) {

        slot.tag = kairo_load(&slots[i].tag);
        slot.state = kairo_load(&slots[i].state);

        if (slot.tag != 0 && !kairo_claimed(slot.state)
            && !kairo_limit_idle(window, slot.state, now))
        {
            kairo_table_place(to, slot, window, now);
        }
    }

    /* whose debt a shared word is, is unknown: it goes wherever its keys
       may go, and the hash is cut into sets in order */

    for (i = 0; i < from->sets; i++) {

        word = kairo_load(&kairo_table_shared(from)[i]);

        if (kairo_limit_idle(window, word, now)) {
            continue;
        }

        first = (uint64_t) ((kairo_u128_t) i * to->sets / from->sets);
        last = (uint64_t) (((kairo_u128_t) (i + 1) * to->sets - 1)
                           / from->sets);

        for (n = first; n <= last; n++) {
            kairo_table_raise(&kairo_table_shared(to)[n], word, window, now);
        }
    }
}


uint64_t
kairo_table_live(const kairo_table_t *t, uint64_t window, uint64_t now,
    uint64_t sets)
{
    int            way;
    uint64_t       i, live, step, state;
    kairo_slot_t  *set;

    if (sets == 0 || sets > t->sets) {
        sets = t->sets;
    }

    live = 0;
    step = t->sets / sets;

    for (i = 0; i < sets; i++) {

        set = kairo_table_slots(t) + i * step * KAIRO_TABLE_WAYS;

        for (way = 0; way < KAIRO_TABLE_WAYS; way++) {
            state = kairo_load(&set[way].state);

            live += kairo_load(&set[way].tag) != 0 && !kairo_claimed(state)
                    && !kairo_limit_idle(window, state, now);
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
 * A tag has a slot of its own in its set, where it mostly is, and an order of
 * its own for the others: three of the same cache line, then the other line.
 * So all processes agree on which of two slots is first.
 *
 * Returns the first slot that holds the tag, as a claim when "claimed" is 1
 * and as a member when it is 0, with what was seen there; or NULL.
 */

static kairo_slot_t *
kairo_table_find(kairo_slot_t *set, uint64_t tag, uint64_t claimed,
    kairo_slot_t *seen)
{
    unsigned       i;
    kairo_slot_t  *slot;

    for (i = 0; i < KAIRO_TABLE_WAYS; i++) {

        slot = &set[kairo_table_way(tag, i)];

        if (kairo_load(&slot->tag) != tag) {
            continue;
        }

        seen->tag = tag;
        seen->state = kairo_load(&slot->state);

        if (kairo_claimed(seen->state) == claimed) {
            return slot;
        }
    }

    return NULL;
}


/*
 * The first slot for the tag that is empty or owes nothing; else one that is
 * claimed, since its process may be dead and a live one will try again; or
 * NULL.
 */

static kairo_slot_t *
kairo_table_vacant(kairo_slot_t *set, uint64_t tag, uint64_t window,
    uint64_t now, kairo_slot_t *seen)
{
    unsigned       i;
    kairo_slot_t  *slot, *claimed, old;

    claimed = NULL;

    for (i = 0; i < KAIRO_TABLE_WAYS; i++) {

        slot = &set[kairo_table_way(tag, i)];

        old.tag = kairo_load(&slot->tag);
        old.state = kairo_load(&slot->state);

        if (kairo_claimed(old.state)) {

            if (claimed == NULL) {
                claimed = slot;
                *seen = old;
            }

            continue;
        }

        if (kairo_limit_idle(window, old.state, now)) {
            *seen = old;
            return slot;
        }
    }

    return claimed;
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


/* On failure "old" is what the word is by now. */

static int
kairo_table_swap_word(uint64_t *word, uint64_t *old, uint64_t new)
{
    return __atomic_compare_exchange_n(word, old, new, 0, __ATOMIC_SEQ_CST,
                                       __ATOMIC_SEQ_CST);
}


/*
 * Puts a new key into the set, charged; 0: others have got ahead, begin again.
 *
 * Several processes may do so at the same time, with different slots.  A slot
 * is claimed first, which lets nobody pass and owes nothing, and becomes a
 * member only when no other slot is; only members are charged (after Purcell
 * and Harris, "Non-blocking hashtables with open addressing", 2005).
 */

static int
kairo_table_enter(kairo_table_t *t, kairo_slot_t *set, kairo_slot_t *vacant,
    kairo_slot_t old, kairo_slot_t new)
{
    uint64_t      i, n;
    kairo_slot_t  claim;

    /* no number is ever that of another claim, be it of another tag: a tag
       and a number that were loaded apart must never come to stand */

    i = new.tag % KAIRO_TABLE_CLAIMS;
    n = __atomic_add_fetch(&t->claims[i], 1, __ATOMIC_SEQ_CST);

    claim.tag = new.tag;
    claim.state = (uint64_t) 1 << 63 | (n * KAIRO_TABLE_CLAIMS + i);

    if (!kairo_table_swap(vacant, old, claim)) {
        return 0;
    }

    return kairo_table_elect(set, vacant, claim, new.state);
}


/*
 * Makes the first of the claims of a tag its member: the own one charged with
 * "state", another's without a charge, for its process may be dead.  Returns
 * 1 when the own claim was elected.
 *
 * What keeps two from being elected: the look through the set begins when the
 * claim to be elected is known to stand.  Whoever claims another slot
 * afterwards will look through the set too, and find this one: if his is
 * first he has to strike this one out before he goes on, and if his is later
 * he elects this one.
 */

static int
kairo_table_elect(kairo_slot_t *set, kairo_slot_t *mine, kairo_slot_t claim,
    uint64_t state)
{
    int            before;
    unsigned       i;
    kairo_slot_t  *slot, *first, elected, seen, none;

    none.tag = 0;
    none.state = 0;

    first = kairo_table_find(set, claim.tag, 1, &elected);

    if (first == NULL) {
        return 0;
    }

    before = 1;

    for (i = 0; i < KAIRO_TABLE_WAYS; i++) {

        slot = &set[kairo_table_way(claim.tag, i)];

        if (slot == first) {
            before = 0;
            continue;
        }

        seen.tag = kairo_load(&slot->tag);

        if (seen.tag != claim.tag) {
            continue;
        }

        seen.state = kairo_load(&slot->state);

        if (!kairo_claimed(seen.state)) {
            /* there is a member: the claim comes too late */
            (void) kairo_table_swap(first, elected, none);
            return 0;
        }

        if (before || !kairo_table_swap(slot, seen, none)) {
            return 0;
        }
    }

    if (first != mine || elected.state != claim.state) {
        claim.state = 0;
        (void) kairo_table_swap(first, elected, claim);
        return 0;
    }

    claim.state = state;

    return kairo_table_swap(first, elected, claim);
}


static kairo_table_answer_t
kairo_table_overflow(uint64_t *word, uint64_t now, const kairo_limit_t *l,
    kairo_table_verb_t verb)
{
    uint64_t              state;
    kairo_table_answer_t  a;

    a.overflow = 1;
    state = kairo_load(word);

    do {
        a.verdict = kairo_limit_judge(l, state, now);

        if (!a.verdict.pass || verb == KAIRO_TABLE_PEEK) {
            return a;
        }

    } while (!kairo_table_swap_word(word, &state, a.verdict.state));

    return a;
}


/* No key that shares the word owes less in it than it did. */

static void
kairo_table_raise(uint64_t *word, uint64_t state, uint64_t window,
    uint64_t now)
{
    kairo_limit_t  l = { 0, 0, 0, window };

    if (window) {
        *word = kairo_limit_merge(&l, *word, state, now);

    } else if (*word < state) {
        *word = state;
    }
}


/* Only for a table that nobody else uses yet. */

static void
kairo_table_place(kairo_table_t *t, kairo_slot_t old, uint64_t window,
    uint64_t now)
{
    unsigned       i;
    uint64_t       n;
    kairo_slot_t  *slot;

    n = kairo_table_set(t, old.tag);

    for (i = 0; i < KAIRO_TABLE_WAYS; i++) {

        slot = kairo_table_slots(t) + n * KAIRO_TABLE_WAYS
               + kairo_table_way(old.tag, i);

        if (slot->tag == 0) {
            *slot = old;
            return;
        }
    }

    kairo_table_raise(&kairo_table_shared(t)[n], old.state, window, now);
}
