
/*
 * The rate table against a model: a limit's state for each key in an array,
 * kept in other terms than the table's.  One process, one clock, and random
 * keys, times, costs and bursts.
 */


#include "table.h"


#define KEYS    64
#define WINDOW  5000ull


typedef struct {
    uint64_t         tag;
    uint64_t         interval;    /* of its tag: other rates, other keys */
    model_t          model;
} model_key_t;


typedef struct {
    kairo_table_t   *table;
    uint64_t         window;
    uint64_t         burst;       /* of windows; a bucket's may differ */
    model_key_t      key[KEYS];
    int              keys;
    model_t          shared;      /* of a table of one set */
    uint64_t         now;
    unsigned long    passed;
    unsigned long    refused;
    unsigned long    overflows;
} run_t;


static const uint64_t  intervals[] = { 1, 7, 1000, 33333, 1000000 };


static void
run_new(run_t *r, uint64_t window, uint64_t sets, int keys)
{
    int  i;

    memset(r, 0, sizeof(*r));

    r->table = table_new(table_size(sets));
    r->window = window;
    r->burst = unit_below(8);
    r->keys = keys;
    r->now = WINDOW + unit_below(WINDOW << 23);

    for (i = 0; i < keys; i++) {
        r->key[i].tag = unit_draw();
        r->key[i].interval = intervals[unit_below(5)];
        r->key[i].model.at = r->now;
    }

    r->shared.at = r->now;
}


/* Time stands still, creeps, or leaps. */

static void
run_wait(run_t *r)
{
    switch (unit_below(8)) {
    case 0:
        r->now += unit_below(10);
        break;
    case 1:
        r->now += unit_below(r->window ? 100 : 2000);
        break;
    case 2:
        r->now += r->window ? unit_below(20) / 19 * unit_below(2 * WINDOW)
                            : unit_below(300000);
        break;
    case 3:
        r->now += unit_below(40) ? 0 : unit_below(20000000);
        break;
    default:
        break;
    }
}


static model_key_t *
run_key(run_t *r)
{
    return &r->key[unit_below((uint64_t) r->keys)];
}


static kairo_limit_t
run_limit(const run_t *r, const model_key_t *k)
{
    return table_limit(r->window, k->interval,
                       r->window ? r->burst : unit_below(6), unit_below(4));
}


/* How many other keys owe in a slot. */

static int
run_owing(run_t *r, const kairo_limit_t *l, const model_key_t *but)
{
    int  i, n;

    for (i = 0, n = 0; i < r->keys; i++) {
        n += &r->key[i] != but
             && model_used(&r->key[i].model, l, r->now) > 0;
    }

    return n;
}


/*
 * One request.  Where no set is full the models alone say what is right; of
 * one set that may be full they say too whether it is.
 */

static void
run_judge(run_t *r, int one_set)
{
    int                    full;
    model_t               *m;
    model_key_t           *k;
    kairo_limit_t          l;
    kairo_table_verb_t     verb;
    kairo_table_answer_t   a;

    k = run_key(r);
    l = run_limit(r, k);
    verb = unit_below(4) ? KAIRO_TABLE_TAKE : KAIRO_TABLE_PEEK;

    full = one_set && model_used(&k->model, &l, r->now) == 0
           && run_owing(r, &l, k) >= KAIRO_TABLE_WAYS;

    a = kairo_table_judge(r->table, k->tag, r->now, &l, verb);
    m = a.overflow ? &r->shared : &k->model;

    expect((a.overflow != 0) == full, "overflow is %d with %d keys that owe",
           a.overflow, run_owing(r, &l, k));

    expect(model_agrees(m, &l, r->now, &a.verdict),
           "tag %llx, interval %llu, capacity %llu, charge %llu: pass %d, "
           "debt %llu, retry %llu; by the model the debt is %llu",
           (unsigned long long) k->tag, (unsigned long long) l.interval,
           (unsigned long long) l.capacity, (unsigned long long) l.charge,
           a.verdict.pass, (unsigned long long) a.verdict.debt,
           (unsigned long long) a.verdict.retry,
           (unsigned long long) (model_used(m, &l, r->now) + l.charge));

    r->passed += a.verdict.pass != 0;
    r->refused += a.verdict.pass == 0;
    r->overflows += a.overflow != 0;

    if (verb == KAIRO_TABLE_PEEK || !a.verdict.pass) {
        return;
    }

    model_take(m, &l, r->now);

    if (unit_below(4) == 0) {
        kairo_table_give(r->table, k->tag, r->now, &l, &a);
        model_give(m, &l, r->now);
    }
}


static const char *
law(uint64_t window)
{
    return window ? "windows" : "buckets";
}


static void
roomy(uint64_t window)
{
    int            i, turn;
    run_t          r;
    unsigned long  passed, refused;

    passed = 0;
    refused = 0;

    for (turn = 0; turn < 20; turn++) {

        run_new(&r, window, 500, KEYS);

        for (i = 0; i < 20000; i++) {
            run_wait(&r);
            run_judge(&r, 0);
        }

        passed += r.passed;
        refused += r.refused;

        free(r.table);
    }

    verdict("%s: where no set is full, the answers are the model's (%lu "
            "passed, %lu refused)", law(window), passed, refused);
}


/*
 * One set, and keys for one or for several of them.  That the model never
 * forgets shows that a slot is re-used only when it owes nothing.
 */

static void
crowded(uint64_t window)
{
    int            i, turn;
    run_t          r;
    unsigned long  overflows;

    overflows = 0;

    for (turn = 0; turn < 60; turn++) {

        run_new(&r, window, 1, 6 + turn % 24);

        for (i = 0; i < 10000; i++) {
            run_wait(&r);
            run_judge(&r, 1);
        }

        overflows += r.overflows;

        free(r.table);
    }

    verdict("%s: slots for eight keys that owe, one state for the others "
            "(%lu times)", law(window), overflows);
}


/* Many keys, some sets full: what has a slot is never forgotten. */

static void
lossless(uint64_t window)
{
    int                    i, turn;
    run_t                  r;
    model_key_t           *k;
    kairo_limit_t          l;
    unsigned long          in_slots, overflows;
    kairo_table_answer_t   a;

    in_slots = 0;
    overflows = 0;

    for (turn = 0; turn < 30; turn++) {

        run_new(&r, window, 1 + (uint64_t) turn % 5, KEYS);

        for (i = 0; i < 10000; i++) {

            run_wait(&r);

            k = run_key(&r);
            l = run_limit(&r, k);
            a = kairo_table_judge(r.table, k->tag, r.now, &l,
                                  KAIRO_TABLE_TAKE);

            if (a.overflow) {
                overflows++;

                expect(model_used(&k->model, &l, r.now) == 0,
                       "a key that owes has lost its slot");
                continue;
            }

            in_slots++;
            expect(model_agrees(&k->model, &l, r.now, &a.verdict),
                   "debt %llu, by the model %llu",
                   (unsigned long long) a.verdict.debt,
                   (unsigned long long) (model_used(&k->model, &l, r.now)
                                         + l.charge));

            if (a.verdict.pass) {
                model_take(&k->model, &l, r.now);
            }
        }

        free(r.table);
    }

    verdict("%s: a slot is re-used only when it owes nothing (%lu answers by "
            "slots, %lu not)", law(window), in_slots, overflows);
}


static int
same(const kairo_table_answer_t *a, const kairo_table_answer_t *b)
{
    return a->overflow == b->overflow
           && a->verdict.pass == b->verdict.pass
           && a->verdict.debt == b->verdict.debt
           && a->verdict.retry == b->verdict.retry;
}


/*
 * Two tables are asked the same; one of them takes and gives between the
 * questions.  No answer differs.
 */

static void
give_undoes(uint64_t window)
{
    int                    i, turn;
    run_t                  r;
    model_key_t           *k;
    kairo_limit_t          l;
    kairo_table_t         *twin;
    unsigned long          given, shared;
    kairo_table_verb_t     verb;
    kairo_table_answer_t   a, b;

    given = 0;
    shared = 0;

    for (turn = 0; turn < 40; turn++) {

        run_new(&r, window, 1 + (uint64_t) turn % 3, 30);
        twin = table_new(table_size(1 + (uint64_t) turn % 3));

        for (i = 0; i < 10000; i++) {

            run_wait(&r);

            k = run_key(&r);
            l = run_limit(&r, k);
            a = kairo_table_judge(r.table, k->tag, r.now, &l,
                                  KAIRO_TABLE_TAKE);

            if (a.verdict.pass) {
                given++;
                shared += a.overflow != 0;

                kairo_table_give(r.table, k->tag, r.now, &l, &a);
            }

            k = run_key(&r);
            l = run_limit(&r, k);
            verb = unit_below(4) ? KAIRO_TABLE_TAKE : KAIRO_TABLE_PEEK;

            a = kairo_table_judge(r.table, k->tag, r.now, &l, verb);
            b = kairo_table_judge(twin, k->tag, r.now, &l, verb);

            expect(same(&a, &b),
                   "debt %llu, and %llu where nothing was given",
                   (unsigned long long) a.verdict.debt,
                   (unsigned long long) b.verdict.debt);
        }

        free(r.table);
        free(twin);
    }

    verdict("%s: give() undoes a charge exactly (%lu, %lu of them shared)",
            law(window), given, shared);
}


/* What passes of a key at once. */

static int
at_once(kairo_table_t *t, uint64_t tag, uint64_t now, const kairo_limit_t *l)
{
    int                    n;
    kairo_table_answer_t   a;

    for (n = 0; n < 1000; n++) {
        a = kairo_table_judge(t, tag, now, l, KAIRO_TABLE_TAKE);

        if (!a.verdict.pass) {
            break;
        }
    }

    return n;
}


/* Given back later, after others have charged, but before it was paid off. */

static void
give_late(uint64_t window)
{
    int                    i, turn, n;
    uint64_t               now;
    kairo_limit_t          l;
    kairo_table_t         *t, *twin;
    kairo_table_answer_t   first, a, b;

    for (turn = 0; turn < 2000; turn++) {

        t = table_new(table_size(1));
        twin = table_new(table_size(1));

        now = WINDOW * 1000;
        l = table_limit(window, 1000, 20, 1 + unit_below(3));

        /* two debts are there when the first of them is given back */

        (void) kairo_table_judge(t, 5, now, &l, KAIRO_TABLE_TAKE);
        first = kairo_table_judge(t, 5, now, &l, KAIRO_TABLE_TAKE);
        (void) kairo_table_judge(twin, 5, now, &l, KAIRO_TABLE_TAKE);

        for (i = 0; i < 5; i++) {

            now += unit_below(1000 / 5);

            if (window && i == turn % 8) {
                /* it has become the previous window's */
                now += WINDOW;
            }

            a = kairo_table_judge(t, 5, now, &l, KAIRO_TABLE_TAKE);

            if (a.verdict.pass) {
                (void) kairo_table_judge(twin, 5, now, &l, KAIRO_TABLE_TAKE);
            }
        }

        kairo_table_give(t, 5, now, &l, &first);

        a = kairo_table_judge(t, 5, now, &l, KAIRO_TABLE_PEEK);
        b = kairo_table_judge(twin, 5, now, &l, KAIRO_TABLE_PEEK);
        expect(same(&a, &b), "debt %llu, and %llu where it was never made",
               (unsigned long long) a.verdict.debt,
               (unsigned long long) b.verdict.debt);

        n = at_once(twin, 5, now, &l);
        expect(at_once(t, 5, now, &l) == n, "not %d more", n);

        free(t);
        free(twin);
    }

    verdict("%s: a charge is given back from among others", law(window));
}


/*
 * A charge that is paid off has nothing to give: what came back would be a
 * request that was never taken, and the burst would be exceeded.
 */

static void
give_nothing(uint64_t window)
{
    int                    n, turn;
    uint64_t               now, burst, paid;
    kairo_limit_t          l;
    kairo_table_t         *t;
    kairo_table_answer_t   first, a;

    paid = window ? 2 * WINDOW : 1000;

    for (turn = 0; turn < 3; turn++) {
        for (burst = 0; burst < 4; burst++) {

            t = table_new(table_size(1));
            l = table_limit(window, 1000, burst, 1);
            now = WINDOW * 1000;

            first = kairo_table_judge(t, 5, now, &l, KAIRO_TABLE_TAKE);
            now += paid;

            if (turn == 1) {
                /* somebody else has had the slot */
                (void) kairo_table_judge(t, 13, now, &l, KAIRO_TABLE_TAKE);
                now += paid;
            }

            a = kairo_table_judge(t, 5, now, &l, KAIRO_TABLE_TAKE);
            n = a.verdict.pass != 0;

            if (turn == 2) {
                /* the second charge is paid off too */
                now += paid;
                n = 0;
            }

            kairo_table_give(t, 5, now, &l, &first);
            n += at_once(t, 5, now, &l);

            expect(n == (int) burst + 1, "case %d, burst %d: %d at once",
                   turn, (int) burst, n);

            free(t);
        }
    }

    verdict("%s: a charge that is paid off gives nothing back", law(window));
}


int
main(void)
{
    uint64_t  window;

    unit_begin(20260106);

    for (window = 0; window <= WINDOW; window += WINDOW) {
        roomy(window);
        crowded(window);
        lossless(window);
        give_undoes(window);
        give_late(window);
        give_nothing(window);
    }

    return unit_done();
}
