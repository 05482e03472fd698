
/*
 * The rate table under a scheduler of the test's own: several tasks run the
 * table's code on one set, and may be stopped before every access to shared
 * memory, as the processor may be taken from a process.  What a stress test
 * meets once a week is met here within a second, and again with the same
 * seed.
 *
 * The table's source is compiled in under other names, with a step in front
 * of each atomic access.  That a processor may reorder accesses is not shown.
 */


#include "unit.h"

#include <ucontext.h>


static void sched_step(int change);


#define kairo_table_init       stepped_init
#define kairo_table_capacity   stepped_capacity
#define kairo_table_supported  stepped_supported
#define kairo_table_tag        stepped_tag
#define kairo_table_prefetch   stepped_prefetch
#define kairo_table_judge      stepped_judge
#define kairo_table_give       stepped_give
#define kairo_table_copy       stepped_copy
#define kairo_table_live       stepped_live

#define __atomic_load_n(p, order)                                             \
    (sched_step(0), __atomic_load_n(p, order))
#define __atomic_store_n(p, n, order)                                         \
    (sched_step(1), __atomic_store_n(p, n, order))
#define __atomic_add_fetch(p, n, order)                                       \
    (sched_step(1), __atomic_add_fetch(p, n, order))
#define __atomic_sub_fetch(p, n, order)                                       \
    (sched_step(1), __atomic_sub_fetch(p, n, order))
#define __atomic_compare_exchange_n(p, old, new, weak, order, failure)        \
    (sched_step(1),                                                           \
     __atomic_compare_exchange_n(p, old, new, weak, order, failure))
#define __sync_bool_compare_and_swap(p, old, new)                             \
    (sched_step(1), __sync_bool_compare_and_swap(p, old, new))

#include "core/kairo_table.c"


#define TASKS   4
#define KEYS    4
#define STACK   (256 * 1024)
#define ROUNDS  20000

/* what the tasks take is not paid off in a round; a window ends after BASE */

#define T       (1ull << 40)
#define SKEW    1000ull
#define BASE    (100 * T - SKEW / 2)


typedef struct {
    ucontext_t      context;
    int             live;
    unsigned char   stack[STACK];
} task_t;


static struct {
    task_t          task[TASKS];
    ucontext_t      scheduler;
    int             current;       /* -1: nobody, the test itself */
    unsigned        odds;          /* one load in "odds" is a switch */
    unsigned        change;        /* and one change in so many */
    int             told;          /* or a task runs as long as it is told */
    unsigned        left;
    void          (*run)(int who);
    unsigned long   steps;
} sched = { .current = -1 };


/* One set, and what the tasks of a round do to it. */

typedef struct {
    kairo_table_t  *table;
    kairo_limit_t   limit;
    uint64_t        now[TASKS];
    uint64_t        tag[KEYS];
    int             keys;
    int             tries;
    unsigned        slots[KEYS];   /* admitted by the key's own slot */
    unsigned        shared;        /* by the shared word */
    unsigned        seated;
    unsigned        most;
} round_t;


static round_t  round_now;

/* of one set */

static unsigned char  mem[300] __attribute__ ((aligned (128)));


/* swapcontext() by its parts: the whole is not known to every sanitizer */

static void
sched_jump(ucontext_t *from, ucontext_t *to)
{
    volatile int  back = 0;

    (void) getcontext(from);

    if (!back) {
        back = 1;
        (void) setcontext(to);
    }
}


static void
sched_step(int change)
{
    if (sched.current == -1) {
        return;
    }

    sched.steps++;

    if (sched.told) {

        while (sched.left == 0) {
            sched_jump(&sched.task[sched.current].context, &sched.scheduler);
        }

        sched.left--;
        return;
    }

    if (unit_below(change ? sched.change : sched.odds) == 0) {
        sched_jump(&sched.task[sched.current].context, &sched.scheduler);
    }
}


static void
sched_main(void)
{
    sched.run(sched.current);
    sched.task[sched.current].live = 0;

    (void) setcontext(&sched.scheduler);
}


static int
sched_live(int n)
{
    int  i, live;

    for (i = 0, live = 0; i < n; i++) {
        live += sched.task[i].live;
    }

    return live;
}


static void
sched_begin(int n, void (*run)(int who))
{
    int          i;
    ucontext_t  *c;

    sched.run = run;
    sched.odds = 2u << unit_below(7);
    sched.change = 2 + (unsigned) unit_below(3);

    for (i = 0; i < n; i++) {
        c = &sched.task[i].context;
        sched.task[i].live = 1;

        (void) getcontext(c);

        c->uc_stack.ss_sp = sched.task[i].stack;
        c->uc_stack.ss_size = STACK;
        c->uc_link = NULL;

        makecontext(c, sched_main, 0);
    }
}


static void
sched_continue(int i)
{
    sched.current = i;
    sched_jump(&sched.scheduler, &sched.task[i].context);
    sched.current = -1;
}


/* Runs "n" tasks to their ends, in an order drawn from the random numbers. */

static void
sched_run(int n, void (*run)(int who))
{
    int  i;

    sched_begin(n, run);

    while (sched_live(n)) {

        do {
            i = (int) unit_below((uint64_t) n);
        } while (!sched.task[i].live);

        sched_continue(i);
    }
}


/* Lets a task take so many steps, or come to its end. */

static void
sched_tell(int i, unsigned steps)
{
    if (sched.task[i].live) {
        sched.told = 1;
        sched.left = steps;
        sched_continue(i);
        sched.told = 0;
    }
}


static const char *
law(uint64_t window)
{
    return window ? "window" : "bucket";
}


static kairo_limit_t
limit_of(uint64_t window, uint64_t capacity)
{
    kairo_limit_t  l;

    l.interval = T;
    l.window = window;
    l.capacity = window ? capacity : capacity * T;
    l.charge = window ? 1 : T;

    return l;
}


/* Another key, that owes to the end or until a bit after BASE. */

static void
round_fill(round_t *r, int stays)
{
    uint64_t       when;
    kairo_limit_t  l;

    l = limit_of(r->limit.window, 1);
    when = BASE;

    if (!stays && l.window) {
        when = BASE - l.window;

    } else if (!stays) {
        l.charge = SKEW / 2 + SKEW * unit_below(2);
    }

    (void) stepped_judge(r->table, unit_draw(), when, &l, KAIRO_TABLE_TAKE);
}


/*
 * A set with "fillers" other keys.  Some of them owe until between one task's
 * reading of the clock and another's: tasks do not agree on what is free.
 */

static void
round_new(int tasks, int keys, kairo_limit_t l, int fillers, uint64_t skews)
{
    int       i;
    round_t  *r = &round_now;

    memset(r, 0, sizeof(*r));
    memset(mem, 0, sizeof(mem));

    r->table = stepped_init(mem, sizeof(mem));
    r->keys = keys;
    r->limit = l;
    r->tries = (int) (l.capacity / l.charge);

    for (i = 0; i < tasks; i++) {
        r->now[i] = BASE + unit_below(skews) * SKEW;
    }

    for (i = 0; i < keys; i++) {
        r->tag[i] = unit_draw();
    }

    for (i = 0; i < fillers; i++) {
        round_fill(r, unit_below(4) == 0);
    }
}


static void
take(int who)
{
    int                    i, k;
    round_t               *r = &round_now;
    kairo_table_answer_t   a;

    for (i = 0; i < r->tries; i++) {

        /* each task begins with another key */

        for (k = who; k < who + r->keys; k++) {

            a = stepped_judge(r->table, r->tag[k % r->keys], r->now[who],
                              &r->limit, KAIRO_TABLE_TAKE);

            if (a.verdict.pass && a.overflow) {
                r->shared++;

            } else if (a.verdict.pass) {
                r->slots[k % r->keys]++;
            }
        }
    }
}


/* What is left to take of a key once all tasks have come to their ends. */

static unsigned
left(int key)
{
    unsigned               n;
    round_t               *r = &round_now;
    kairo_table_answer_t   a;

    for (n = 0; n < 100; n++) {
        a = stepped_judge(r->table, r->tag[key], BASE + 2 * SKEW, &r->limit,
                          KAIRO_TABLE_TAKE);
        if (!a.verdict.pass) {
            break;
        }
    }

    return n;
}


/*
 * One key that is new to all tasks: what they have taken and what is left is
 * the capacity, so no charge was admitted twice, lost or invented.
 */

static void
fresh(int tasks, uint64_t window, unsigned capacity)
{
    int        i, over, lost;
    unsigned   most, rest;
    round_t   *r = &round_now;

    over = 0;
    lost = 0;
    most = 0;

    for (i = 0; i < ROUNDS; i++) {

        round_new(tasks, 1, limit_of(window, capacity), (int) unit_below(5),
                  3);
        sched_run(tasks, take);

        rest = left(0);

        expect(r->shared == 0, "the set is not full");

        over += r->slots[0] > capacity;
        lost += r->slots[0] + rest != capacity;
        most = r->slots[0] > most ? r->slots[0] : most;
    }

    if (!ok(over == 0 && lost == 0, "a key new to %d tasks, by a %s of %u",
            tasks, law(window), capacity))
    {
        diag("of %d rounds %d have admitted more than %u, the worst %u; in "
             "%d what was admitted and what is left is not %u", ROUNDS, over,
             capacity, most, lost, capacity);
    }
}


/*
 * Several keys and few slots.  A key has its capacity in its slot, and all
 * keys together have it once more by the state they share.
 */

static void
rivals(int tasks, int keys, uint64_t window, uint64_t skews)
{
    int                    i, k;
    unsigned               capacity;
    round_t               *r = &round_now;
    kairo_table_answer_t   a;

    for (i = 0; i < ROUNDS; i++) {

        capacity = 1 + (unsigned) unit_below(2);

        round_new(tasks, keys, limit_of(window, capacity),
                  4 + (int) unit_below(5), skews);
        sched_run(tasks, take);

        expect(r->shared <= capacity, "the shared state has admitted %u "
               "of %u", r->shared, capacity);

        for (k = 0; k < keys; k++) {

            expect(r->slots[k] <= capacity, "key %d: admitted %u of %u", k,
                   r->slots[k], capacity);

            if (r->slots[k] == 0) {
                continue;
            }

            a = stepped_judge(r->table, r->tag[k], BASE + 2 * SKEW,
                              &r->limit, KAIRO_TABLE_PEEK);

            expect(!a.overflow && a.verdict.debt + 4 * SKEW * (window == 0)
                                  >= (r->slots[k] + 1) * r->limit.charge,
                   "key %d has %u charges, and owes less", k, r->slots[k]);
        }
    }

    verdict("%d keys and few slots, %d tasks, by %ss%s", keys, tasks,
            law(window), skews > 1 ? ", and different clocks" : "");
}


static void
take_one(int who)
{
    round_t               *r = &round_now;
    kairo_table_answer_t   a;

    a = stepped_judge(r->table, r->tag[who], r->now[who], &r->limit,
                      KAIRO_TABLE_TAKE);

    r->slots[who] = a.verdict.pass && !a.overflow;
}


/*
 * Task 0 claims a slot and loads its tag, task 3 claims it for another key,
 * and task 0 loads the state: a claim of its own key by the other's number.
 * Before it elects that, task 2 claims the slot, by its third number as the
 * other key's was its third.  Task 1 meanwhile becomes the member.
 */

static void
torn(void)
{
    int            i;
    round_t       *r = &round_now;
    kairo_slot_t  *s;

    round_new(4, 1, limit_of(0, 1), 0, 1);
    s = kairo_table_slots(r->table);

    for (i = 0; i < 3; i++) {
        r->tag[i] = 8;
        r->now[i] = BASE + SKEW;
    }

    r->tag[3] = 10;
    r->now[3] = BASE;
    r->table->claims[2] = 2;

    /* one slot is free, and one more for those whose clock is ahead */

    for (i = 1; i < KAIRO_TABLE_WAYS; i++) {
        s[i].tag = 100 + (unsigned) i;
        s[i].state = i == 1 ? BASE + SKEW : BASE + T;
    }

    sched_begin(4, take_one);

    sched_tell(0, 8 + 2 + 2 + 1);
    sched_tell(3, 8 + 16 + 2);
    expect(s[0].tag == 10 && kairo_claimed(s[0].state), "not the other's");

    sched_tell(0, 1 + 7);
    sched_tell(1, 8 + 4 + 2 + 3 + 7);
    expect(s[1].tag == 8 && kairo_claimed(s[1].state), "not a claim");

    sched_tell(2, 9 + 16 + 2);
    expect(s[0].tag == 8 && kairo_claimed(s[0].state), "not claimed again");

    sched_tell(0, 1);
    sched_tell(1, 1);
    expect(s[1].tag == 8 && s[1].state == BASE + SKEW + T, "not charged");

    for (i = 0; i < 4; i++) {
        sched_tell(i, UINT32_MAX);
    }

    expect(r->slots[0] + r->slots[1] + r->slots[2] == 1,
           "%u of 1 were admitted", r->slots[0] + r->slots[1] + r->slots[2]);

    verdict("a slot that another key claims between two loads");
}


/* Who is let in sits down and gets up; see the same in table_crowd.c. */

static void
sit(int who)
{
    int                    i;
    round_t               *r = &round_now;
    kairo_table_answer_t   a;

    for (i = 0; i < 3; i++) {

        a = stepped_judge(r->table, r->tag[0], r->now[who], &r->limit,
                          KAIRO_TABLE_TAKE);

        if (!a.verdict.pass) {
            continue;
        }

        r->seated++;
        r->most = r->seated > r->most ? r->seated : r->most;

        sched_step(1);

        r->seated--;
        stepped_give(r->table, r->tag[0], r->now[who], &r->limit, &a);
    }
}


static void
gives(int tasks, uint64_t window, int full)
{
    int        i;
    unsigned   rest, seats;
    round_t   *r = &round_now;

    for (i = 0; i < ROUNDS; i++) {

        seats = 1 + (unsigned) unit_below(2);

        round_new(tasks, 1, limit_of(window, seats + !full), 0, 1);

        if (full) {
            while (stepped_live(r->table, window, BASE, 0) < 8) {
                round_fill(r, 1);
            }

        } else {
            /* one request more keeps the key in its slot */

            (void) stepped_judge(r->table, r->tag[0], BASE, &r->limit,
                                 KAIRO_TABLE_TAKE);
        }

        sched_run(tasks, sit);
        rest = left(0);

        expect(r->most <= seats, "%u seats, %u sat down", seats, r->most);
        expect(rest == seats, "%u seats, %u are free", seats, rest);
    }

    verdict("give() and %d tasks, by a %s%s", tasks, law(window),
            full ? " that keys share" : "");
}


int
main(void)
{
    int       tasks;
    unsigned  capacity;

    unit_begin(20260109);

    for (capacity = 1; capacity <= 3; capacity++) {
        for (tasks = 2; tasks <= TASKS; tasks++) {
            fresh(tasks, 0, capacity);
        }
    }

    fresh(2, T, 1);
    fresh(2, T, 2);
    fresh(4, T, 2);

    rivals(2, 2, 0, 1);
    rivals(3, 4, 0, 1);
    rivals(2, 2, 0, 3);
    rivals(2, 2, T, 3);

    torn();

    gives(2, 0, 0);
    gives(4, 0, 0);
    gives(3, 0, 1);
    gives(3, T, 0);
    gives(3, T, 1);

    ok(sched.steps > 100000, "%lu steps were taken", sched.steps);

    return unit_done();
}
