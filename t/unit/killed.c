
/*
 * A process is stopped and killed inside a decision, at one instruction after
 * another.  Whatever it has left behind: its key is admitted no more often
 * than it may be, no other key has lost or gained anything, and the set is as
 * usable as before.
 */


#include <signal.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

#include "unit.h"
#include "core/kairo_table.h"


/*
 * Every STRIDE-th instruction, a prime, unless KAIRO_STRIDE is another number:
 * all of them take some minutes.  This program alone is built without
 * sanitizers, which make thousands of instructions of a decision.
 */

#define STRIDE  29
#define SIZE    (128 + 136)
#define NOW     (1000 * T)
#define T       1000000ull
#define KEY     99


typedef struct {
    const char   *name;
    int           members;     /* other keys that owe before */
    int           idle;        /* and others that have paid */
    int           mine;        /* charges of the key before */
    int           burst;
} scene_t;


/* a new key has a burst too: what is charged twice is seen where it may be
   charged more than once */

static const scene_t  scenes[] = {
    { "a new key in an empty set", 0, 0, 0, 2 },
    { "a new key in place of one that has paid", 3, 5, 0, 2 },
    { "a new key in the last slot", 7, 0, 0, 0 },
    { "a new key of a full set", 8, 0, 0, 2 },
    { "a known key", 4, 0, 1, 2 },
    { "a known key that is refused", 4, 0, 1, 0 }
};


static unsigned char  *memory;


static kairo_limit_t
bucket(uint64_t burst)
{
    kairo_limit_t  l = { 0, 0, 0, 0 };

    l.interval = T;
    l.capacity = kairo_gcra_time(T, burst + 1);
    l.charge = T;

    return l;
}


static int
take(uint64_t tag, uint64_t now, const kairo_limit_t *l)
{
    return kairo_table_judge((kairo_table_t *) memory, tag, now, l,
                             KAIRO_TABLE_TAKE).verdict.pass;
}


static void
set_up(const scene_t *scene)
{
    int            i;
    kairo_limit_t  l;

    memset(memory, 0, SIZE);
    (void) kairo_table_init(memory, SIZE);

    l = bucket(0);

    for (i = 0; i < scene->idle; i++) {
        (void) take((uint64_t) (i + 1) * 8, NOW - 2 * T, &l);
    }

    for (i = 0; i < scene->members; i++) {
        (void) take((uint64_t) (i + 1), NOW, &l);
    }

    l = bucket((uint64_t) scene->burst);

    for (i = 0; i < scene->mine; i++) {
        (void) take(KEY, NOW, &l);
    }
}


/* Lets a child decide for "steps" instructions; 0: it came to the end. */

static int
decide_and_die(const scene_t *scene, unsigned long steps)
{
    int            status;
    pid_t          pid;
    kairo_limit_t  l;

    l = bucket((uint64_t) scene->burst);
    pid = fork();

    if (pid == 0) {
        (void) ptrace(PTRACE_TRACEME, 0, NULL, NULL);
        (void) raise(SIGSTOP);
        (void) take(KEY, NOW, &l);
        _exit(0);
    }

    (void) waitpid(pid, &status, 0);

    while (steps--) {

        if (ptrace(PTRACE_SINGLESTEP, pid, NULL, NULL) == -1) {
            break;
        }

        (void) waitpid(pid, &status, 0);

        if (WIFEXITED(status)) {
            return 0;
        }
    }

    (void) kill(pid, SIGKILL);
    (void) waitpid(pid, &status, 0);

    return 1;
}


/*
 * The rest of the set takes other keys first: a claim of the dead is in
 * nobody's way, and only a key that was charged has kept its slot.
 */

static int
is_free(const scene_t *scene)
{
    int                    i, shared, charged;
    kairo_limit_t          l;
    kairo_table_answer_t   a;

    l = bucket((uint64_t) scene->burst);
    a = kairo_table_judge((kairo_table_t *) memory, KEY, NOW, &l,
                          KAIRO_TABLE_PEEK);

    charged = a.verdict.debt > T;
    shared = 0;
    l = bucket(0);

    for (i = scene->members; i < 8; i++) {

        a = kairo_table_judge((kairo_table_t *) memory, 1000 + (uint64_t) i,
                              NOW, &l, KAIRO_TABLE_TAKE);

        if (!a.verdict.pass) {
            return 0;
        }

        shared += a.overflow;
    }

    return shared <= charged;
}


/* What the table answers now, to one process and in order. */

static int
is_sound(const scene_t *scene)
{
    int                    i, passed, room;
    kairo_limit_t          l;
    kairo_table_answer_t   a;

    l = bucket(0);

    for (i = 0; i < scene->members; i++) {
        if (take((uint64_t) (i + 1), NOW, &l)) {
            return 0;
        }
    }

    l = bucket((uint64_t) scene->burst);
    passed = 0;

    do {
        a = kairo_table_judge((kairo_table_t *) memory, KEY, NOW, &l,
                              KAIRO_TABLE_TAKE);

        if (a.overflow && scene->members < 8) {
            /* a claim of the dead keeps the key from a slot of its own */
            return 0;
        }

        passed += a.verdict.pass;

    } while (a.verdict.pass);

    room = scene->burst + 1 - scene->mine;

    if (passed > room || passed < room - 1) {
        return 0;
    }

    /* what is left of the set takes new keys, and later all of it does */

    l = bucket(0);

    for (i = scene->members + 1; i < 8; i++) {
        if (!take(1000 + (uint64_t) i, NOW, &l)) {
            return 0;
        }
    }

    for (i = 0; i < 8; i++) {
        if (!take(2000 + (uint64_t) i, NOW + 10 * T, &l)) {
            return 0;
        }
    }

    return 1;
}


int
main(void)
{
    int            more;
    size_t         i;
    unsigned long  steps, stride, unsound;

    unit_begin(0);
    (void) alarm(0);

    stride = getenv("KAIRO_STRIDE") ? strtoul(getenv("KAIRO_STRIDE"), NULL, 10)
                                    : STRIDE;

    memory = mmap(NULL, 4096, PROT_READ|PROT_WRITE, MAP_SHARED|MAP_ANONYMOUS,
                  -1, 0);

    for (i = 0; i < sizeof(scenes) / sizeof(scenes[0]); i++) {

        unsound = 0;
        steps = 0;

        do {
            set_up(&scenes[i]);
            (void) decide_and_die(&scenes[i], steps);
            unsound += !is_free(&scenes[i]);

            set_up(&scenes[i]);
            more = decide_and_die(&scenes[i], steps);
            unsound += !is_sound(&scenes[i]);
            steps += stride ? stride : 1;
        } while (more);

        ok(unsound == 0 && steps > 500,
           "%s: killed within %lu instructions, %lu were too many",
           scenes[i].name, steps, unsound);
    }

    return unit_done();
}
