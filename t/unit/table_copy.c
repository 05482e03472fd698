
/*
 * A rate table copied to another size: no debt is lost on the way.
 */


#include "table.h"


#define KEYS    600
#define WINDOW  20000ull


typedef struct {
    uint64_t        window;
    kairo_table_t  *from;
    size_t          size;
    uint64_t        sets;
    uint64_t        tag[KEYS];
    int             keys;
    uint64_t        now;
} copy_t;


static const uint64_t  intervals[] = { 100, 1000, 50000 };


/* A table after some time of use, by keys for "load" tenths of its slots. */

static void
used(copy_t *c, uint64_t window, uint64_t sets, unsigned load)
{
    int            i;
    kairo_limit_t  l;

    c->window = window;
    c->sets = sets;
    c->size = table_size(sets);
    c->from = table_new(c->size);
    c->now = 1000000 + unit_below(1ull << 40);
    c->keys = (int) (1 + sets * KAIRO_TABLE_WAYS * load / 10) % KEYS;

    for (i = 0; i < c->keys; i++) {
        c->tag[i] = unit_draw();
    }

    for (i = 0; i < 6 * c->keys; i++) {
        c->now += unit_below(20);
        l = table_limit(window, intervals[unit_below(3)], unit_below(5), 1);

        (void) kairo_table_judge(c->from,
                                 c->tag[unit_below((uint64_t) c->keys)],
                                 c->now, &l, KAIRO_TABLE_TAKE);
    }
}


/* What a key owes; "overflow" is whether the shared word has said so. */

static uint64_t
owes(kairo_table_t *t, uint64_t window, uint64_t tag, uint64_t now,
    int *overflow)
{
    kairo_limit_t          l;
    kairo_table_answer_t   a;

    l = table_limit(window, 1000, 1000000, 0);
    a = kairo_table_judge(t, tag, now, &l, KAIRO_TABLE_PEEK);

    *overflow = a.overflow;

    return a.verdict.debt;
}


static const char *
law(uint64_t window)
{
    return window ? "windows" : "buckets";
}


static void
same_size(uint64_t window)
{
    int             i, turn, over, over_copy;
    copy_t          c;
    uint64_t        debt, debt_copy, later;
    kairo_table_t  *to;
    unsigned long   shared, slots;

    shared = 0;
    slots = 0;

    for (turn = 0; turn < 400; turn++) {

        used(&c, window, 1 + unit_below(20), 1 + (unsigned) unit_below(30));

        to = table_new(c.size);
        kairo_table_copy(to, c.from, window, c.now);

        for (later = c.now; later < c.now + 60000; later += 7919) {
            for (i = 0; i < c.keys; i++) {

                debt = owes(c.from, window, c.tag[i], later, &over);
                debt_copy = owes(to, window, c.tag[i], later, &over_copy);

                expect(debt == debt_copy && over == over_copy,
                       "debt %llu by %d, in the copy %llu by %d",
                       (unsigned long long) debt, over,
                       (unsigned long long) debt_copy, over_copy);

                shared += over && debt;
                slots += !over && debt;
            }
        }

        free(c.from);
        free(to);
    }

    verdict("%s: a copy of the same size gives the same answers (%lu by "
            "slots, %lu not)", law(window), slots, shared);
}


static void
other_size(uint64_t window)
{
    int             i, turn, over, over_copy;
    copy_t          c;
    uint64_t        sets, debt, debt_copy;
    kairo_table_t  *to;
    unsigned long   larger, smaller, crowded;

    larger = 0;
    smaller = 0;
    crowded = 0;

    for (turn = 0; turn < 1500; turn++) {

        used(&c, window, 1 + unit_below(30), 1 + (unsigned) unit_below(20));

        sets = 1 + unit_below(60);
        to = table_new(table_size(sets));
        kairo_table_copy(to, c.from, window, c.now);

        expect(kairo_table_live(to, window, c.now, 0)
               <= kairo_table_live(c.from, window, c.now, 0),
               "there are more keys");

        for (i = 0; i < c.keys; i++) {

            debt = owes(c.from, window, c.tag[i], c.now, &over);
            debt_copy = owes(to, window, c.tag[i], c.now, &over_copy);

            if (over) {
                continue;
            }

            /* with no slot of its own it is one with keys that owe more */

            expect(over_copy ? debt_copy >= debt : debt_copy == debt,
                   "%llu sets to %llu: debt %llu, in the copy %llu by %d",
                   (unsigned long long) c.sets, (unsigned long long) sets,
                   (unsigned long long) debt, (unsigned long long) debt_copy,
                   over_copy);

            larger += debt && sets > c.sets;
            smaller += debt && sets < c.sets;
            crowded += over_copy && debt;
        }

        free(c.from);
        free(to);
    }

    verdict("%s: a copy of another size has each key's debt (%lu times "
            "larger, %lu smaller, %lu shared)", law(window), larger, smaller,
            crowded);
}


/*
 * Where whole sets become one set, it is as full as they were: a key without
 * a slot has none after that, and owes what it did.
 */

static void
whole_sets(uint64_t window)
{
    int             i, turn, over, over_copy;
    copy_t          c;
    uint64_t        sets, debt, debt_copy;
    kairo_table_t  *to;
    unsigned long   shared;

    shared = 0;

    for (turn = 0; turn < 1000; turn++) {

        sets = 1 + unit_below(6);
        used(&c, window, sets * (1 + unit_below(6)),
             10 + (unsigned) unit_below(20));

        to = table_new(table_size(sets));
        kairo_table_copy(to, c.from, window, c.now);

        for (i = 0; i < c.keys; i++) {

            debt = owes(c.from, window, c.tag[i], c.now, &over);
            debt_copy = owes(to, window, c.tag[i], c.now, &over_copy);

            expect(debt_copy >= debt && (!over || over_copy),
                   "%llu sets to %llu: debt %llu by %d, in the copy %llu "
                   "by %d", (unsigned long long) c.sets,
                   (unsigned long long) sets, (unsigned long long) debt,
                   over, (unsigned long long) debt_copy, over_copy);

            shared += over && debt;
        }

        free(c.from);
        free(to);
    }

    verdict("%s: a set made of whole sets forgets nobody (%lu times shared)",
            law(window), shared);
}


/*
 * In a larger table a key that had no slot finds one.  Where it finds none
 * after all, as others are there, the shared word still knows.
 */

static void
shared_words(uint64_t window)
{
    int             i, turn, over;
    copy_t          c;
    uint64_t        sets, debt, tag, room;
    uint64_t        before[KEYS];
    kairo_limit_t   l;
    kairo_table_t  *to;
    unsigned long   shared;

    shared = 0;
    l = table_limit(window, TABLE_SECOND, 0, 1);

    for (turn = 0; turn < 300; turn++) {

        used(&c, window, 1 + unit_below(12), 15 + (unsigned) unit_below(15));

        sets = c.sets + unit_below(20);
        to = table_new(table_size(sets));
        kairo_table_copy(to, c.from, window, c.now);

        for (i = 0; i < c.keys; i++) {
            debt = owes(c.from, window, c.tag[i], c.now, &over);
            before[i] = over ? debt : 0;
        }

        room = sets * KAIRO_TABLE_WAYS;

        for (i = 0;
             i < 100000 && kairo_table_live(to, window, c.now, 0) < room;
             i++)
        {
            tag = unit_draw();
            (void) owes(to, window, tag, c.now, &over);

            if (!over) {
                (void) kairo_table_judge(to, tag, c.now, &l,
                                         KAIRO_TABLE_TAKE);
            }
        }

        expect(kairo_table_live(to, window, c.now, 0) == room,
               "the table is not full");

        for (i = 0; i < c.keys; i++) {
            debt = owes(to, window, c.tag[i], c.now, &over);

            expect(debt >= before[i], "%llu sets to %llu: debt %llu, in the "
                   "copy %llu", (unsigned long long) c.sets,
                   (unsigned long long) sets,
                   (unsigned long long) before[i], (unsigned long long) debt);

            shared += before[i] != 0;
        }

        free(c.from);
        free(to);
    }

    verdict("%s: shared states go wherever their keys may go (%lu times)",
            law(window), shared);
}


static void
nothing_else(uint64_t window)
{
    int              over, turn;
    size_t           size;
    copy_t           c;
    uint64_t         debt;
    kairo_table_t   *to;
    unsigned char   *before;

    for (turn = 0; turn < 300; turn++) {

        used(&c, window, 1 + unit_below(10), 1 + (unsigned) unit_below(20));

        before = table_memory(c.size);
        memcpy(before, c.from, c.size);

        size = table_size(1 + unit_below(20));
        to = table_new(size);
        kairo_table_copy(to, c.from, window, c.now);

        expect(memcmp(before, c.from, c.size) == 0, "the source has changed");

        debt = owes(to, window, unit_draw(), c.now, &over);
        expect(over || debt == 0, "a stranger owes %llu",
               (unsigned long long) debt);

        free(to);

        /* once all is paid off there is nothing to copy */

        c.now += 10 * TABLE_SECOND;
        to = table_new(size);
        kairo_table_copy(to, c.from, window, c.now);

        expect(kairo_table_live(to, window, c.now - 10 * TABLE_SECOND, 0)
               == 0, "what is paid was copied");

        free(to);
        free(before);
        free(c.from);
    }

    verdict("%s: only what owes is copied, and only copied", law(window));
}


int
main(void)
{
    uint64_t  window;

    unit_begin(20260107);

    for (window = 0; window <= WINDOW; window += WINDOW) {
        same_size(window);
        other_size(window);
        whole_sets(window);
        shared_words(window);
        nothing_else(window);
    }

    return unit_done();
}
