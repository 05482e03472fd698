
#include "core/kairo_revocations.h"


/* of the slots of a half: longer chains would take longer to look through */

#define KAIRO_REVOCATIONS_FILL(slots)  ((slots) - (slots) / 4)


/* "until" is written last; 0: nobody's */

typedef struct {
    uint64_t                  digest[2];
    int64_t                   before;
    int64_t                   until;
} kairo_revocations_slot_t;


struct kairo_revocations_s {
    uint64_t                  slots;       /* of one half */
    uint64_t                  epoch;       /* the last bit: the half in use */
    uint64_t                  used[2];     /* slots, of each half */
    uint64_t                  padding[4];
    kairo_revocations_slot_t  slot[];
};


static uint64_t kairo_revocations_seek(const kairo_revocations_slot_t *half,
    uint64_t slots, const uint64_t digest[2], int *found);
static void kairo_revocations_raise(kairo_revocations_slot_t *slot,
    const kairo_revocation_t *revocation);
static void kairo_revocations_set(kairo_revocations_slot_t *slot,
    const kairo_revocation_t *revocation);
static void kairo_revocations_renew(kairo_revocations_t *table, int64_t now);


kairo_revocations_t *
kairo_revocations_init(void *mem, size_t size)
{
    kairo_revocations_t  *table;

    table = mem;

    if (size < sizeof(*table) + 2 * 8 * sizeof(table->slot[0])) {
        return NULL;
    }

    table->slots = (size - sizeof(*table)) / (2 * sizeof(table->slot[0]));

    return table;
}


uint64_t
kairo_revocations_capacity(const kairo_revocations_t *table)
{
    return KAIRO_REVOCATIONS_FILL(table->slots);
}


uint64_t
kairo_revocations_count(const kairo_revocations_t *table, int64_t now)
{
    uint64_t                         i, n;
    const kairo_revocations_slot_t  *half;

    half = table->slot + (__atomic_load_n(&table->epoch, __ATOMIC_ACQUIRE) & 1)
                         * table->slots;

    for (i = 0, n = 0; i < table->slots; i++) {
        if (__atomic_load_n(&half[i].until, __ATOMIC_RELAXED) > now) {
            n++;
        }
    }

    return n;
}


int64_t
kairo_revocations_find(const kairo_revocations_t *table,
    const uint64_t digest[2])
{
    int                              found;
    int64_t                          before;
    uint64_t                         epoch, again, i;
    const kairo_revocations_slot_t  *half;

    again = __atomic_load_n(&table->epoch, __ATOMIC_ACQUIRE);

    do {
        epoch = again;

        if (__atomic_load_n(&table->used[epoch & 1], __ATOMIC_RELAXED) == 0) {
            before = 0;

        } else {
            half = table->slot + (epoch & 1) * table->slots;
            i = kairo_revocations_seek(half, table->slots, digest, &found);

            before = found ? __atomic_load_n(&half[i].before, __ATOMIC_RELAXED)
                           : 0;
        }

        /* the half may have been given up, and be written anew by now */

        __atomic_thread_fence(__ATOMIC_ACQUIRE);
        again = __atomic_load_n(&table->epoch, __ATOMIC_RELAXED);

    } while (again != epoch);

    return before;
}


int
kairo_revocations_put(kairo_revocations_t *table,
    const kairo_revocation_t *revocation, int64_t now)
{
    int                        found;
    uint64_t                   half, i;
    kairo_revocations_slot_t  *slot;

    half = table->epoch & 1;
    slot = table->slot + half * table->slots;
    i = kairo_revocations_seek(slot, table->slots, revocation->digest, &found);

    if (found) {
        kairo_revocations_raise(&slot[i], revocation);
        return 0;
    }

    if (table->used[half] >= KAIRO_REVOCATIONS_FILL(table->slots)) {

        kairo_revocations_renew(table, now);

        half = table->epoch & 1;
        slot = table->slot + half * table->slots;
        i = kairo_revocations_seek(slot, table->slots, revocation->digest,
                                   &found);
    }

    if (i == table->slots
        || table->used[half] >= KAIRO_REVOCATIONS_FILL(table->slots))
    {
        return -1;
    }

    /* first: who dies here has taken a slot too many, never one too few */

    __atomic_store_n(&table->used[half], table->used[half] + 1,
                     __ATOMIC_RELEASE);

    kairo_revocations_set(&slot[i], revocation);

    return 0;
}


/*
 * The digest's slot, which is found, or the one where it would be put, and
 * where another may be the next moment; "slots": neither.
 */

static uint64_t
kairo_revocations_seek(const kairo_revocations_slot_t *half, uint64_t slots,
    const uint64_t digest[2], int *found)
{
    uint64_t  i, n;

    *found = 0;
    i = digest[0] % slots;

    for (n = 0; n < slots; n++) {

        if (__atomic_load_n(&half[i].until, __ATOMIC_ACQUIRE) == 0) {
            return i;
        }

        if (__atomic_load_n(&half[i].digest[0], __ATOMIC_RELAXED) == digest[0]
            && __atomic_load_n(&half[i].digest[1], __ATOMIC_RELAXED)
               == digest[1])
        {
            *found = 1;
            return i;
        }

        i = i + 1 < slots ? i + 1 : 0;
    }

    return slots;
}


static void
kairo_revocations_raise(kairo_revocations_slot_t *slot,
    const kairo_revocation_t *revocation)
{
    if (revocation->until > slot->until) {
        __atomic_store_n(&slot->until, revocation->until, __ATOMIC_RELAXED);
    }

    if (revocation->before > slot->before) {
        __atomic_store_n(&slot->before, revocation->before, __ATOMIC_RELEASE);
    }
}


static void
kairo_revocations_set(kairo_revocations_slot_t *slot,
    const kairo_revocation_t *revocation)
{
    __atomic_store_n(&slot->digest[0], revocation->digest[0],
                     __ATOMIC_RELAXED);
    __atomic_store_n(&slot->digest[1], revocation->digest[1],
                     __ATOMIC_RELAXED);
    __atomic_store_n(&slot->before, revocation->before, __ATOMIC_RELAXED);
    __atomic_store_n(&slot->until, revocation->until, __ATOMIC_RELEASE);
}


/*
 * Copies what is in force into the other half, and makes that the one in use.
 * Whoever reads the other half began before the last time this was done, and
 * finds the epoch changed.
 */

static void
kairo_revocations_renew(kairo_revocations_t *table, int64_t now)
{
    int                        found;
    uint64_t                   i, to;
    kairo_revocation_t         kept;
    kairo_revocations_slot_t  *old, *new;

    to = ~table->epoch & 1;
    old = table->slot + (1 - to) * table->slots;
    new = table->slot + to * table->slots;

    /* who sees anything of what follows sees the epoch of now, too */

    __atomic_thread_fence(__ATOMIC_RELEASE);

    for (i = 0; i < table->slots; i++) {
        __atomic_store_n(&new[i].until, 0, __ATOMIC_RELAXED);
    }

    table->used[to] = 0;

    for (i = 0; i < table->slots; i++) {

        if (old[i].until <= now) {
            continue;
        }

        kept.digest[0] = old[i].digest[0];
        kept.digest[1] = old[i].digest[1];
        kept.before = old[i].before;
        kept.until = old[i].until;

        kairo_revocations_set(&new[kairo_revocations_seek(new, table->slots,
                                                          kept.digest,
                                                          &found)],
                              &kept);
        table->used[to]++;
    }

    __atomic_store_n(&table->epoch, table->epoch + 1, __ATOMIC_RELEASE);
}
