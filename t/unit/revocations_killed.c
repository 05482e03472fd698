
/*
 * Who revokes is stopped and killed inside of it, at one instruction after
 * another.  Whatever was in force before still is, nothing else is, and there
 * is as much room as before.
 */


#include <signal.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

#include "unit.h"
#include "core/kairo_revocations.h"


/*
 * Every STRIDE-th instruction, a prime, unless KAIRO_STRIDE is another number.
 * Built without sanitizers.
 */

#define STRIDE  29
#define SLOTS   16
#define SIZE    (64 + 2 * 32 * SLOTS)
#define ROOM    (SLOTS - SLOTS / 4)
#define NOW     1000
#define EVER    KAIRO_REVOCATION_EVER
#define KEY     99


typedef struct {
    const char   *name;
    int           live;        /* others that are in force */
    int           expired;     /* and that have been */
    int           renewals;    /* before: which half is in use */
    int64_t       mine;        /* "before" of the key; 0: it is new */
    int           full;
} scene_t;


static const scene_t  scenes[] = {
    { "the first of all", 0, 0, 0, 0, 0 },
    { "a new one", 5, 0, 0, 0, 0 },
    { "a known one", 5, 0, 0, 10, 0 },
    { "a known one, of the other half", 5, 3, 1, 10, 0 },
    { "the last there is room for", ROOM - 1, 0, 0, 0, 0 },
    { "one more than there is room for", ROOM, 0, 0, 0, 1 },
    { "in place of one that has expired", ROOM - 1, 1, 0, 0, 0 },
    { "in place of many", 3, ROOM - 3, 0, 0, 0 },
    { "in place of many, into the first half", 3, ROOM - 3, 1, 0, 0 },
    { "in place of all", 0, ROOM, 2, 0, 0 }
};


static unsigned char  *memory;


static kairo_revocations_t *
table(void)
{
    return (kairo_revocations_t *) memory;
}


static int
put(uint64_t n, int64_t before, int64_t until, int64_t now)
{
    kairo_revocation_t  r;

    /* chains, and one slot after the other */

    r.digest[0] = n % 3 == 0 ? SLOTS - 2 : n;
    r.digest[1] = n;
    r.before = before;
    r.until = until;

    return kairo_revocations_put(table(), &r, now);
}


static int64_t
find(uint64_t n)
{
    uint64_t  digest[2];

    digest[0] = n % 3 == 0 ? SLOTS - 2 : n;
    digest[1] = n;

    return kairo_revocations_find(table(), digest);
}


static void
set_up(const scene_t *scene)
{
    int  i, n;

    memset(memory, 0, SIZE);
    (void) kairo_revocations_init(memory, SIZE);

    for (n = 0; n < scene->renewals; n++) {
        for (i = 0; i <= ROOM; i++) {
            (void) put((uint64_t) (1000 * n + 5000 + i), 1,
                       10 * n + (i == ROOM ? 11 : 10), 10 * n + i / ROOM * 10);
        }
    }

    for (i = 0; i < scene->live; i++) {
        (void) put((uint64_t) (i + 1), 7 + i, EVER, NOW - 500);
    }

    if (scene->mine) {
        (void) put(KEY, scene->mine, EVER, NOW - 500);
    }

    for (i = 0; i < scene->expired; i++) {
        (void) put((uint64_t) (i + 200), 5, NOW - 1, NOW - 500);
    }
}


/* Lets a child revoke for "steps" instructions; 0: it came to the end. */

static int
revoke_and_die(unsigned long steps)
{
    int    status;
    pid_t  pid;

    pid = fork();

    if (pid == 0) {
        (void) ptrace(PTRACE_TRACEME, 0, NULL, NULL);
        (void) raise(SIGSTOP);
        (void) put(KEY, 55, EVER, NOW);
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


static int
is_kept(const scene_t *scene)
{
    int  i;

    for (i = 0; i < scene->live; i++) {
        if (find((uint64_t) (i + 1)) != 7 + i) {
            return 0;
        }
    }

    return 1;
}


/* "more": it was not at its end; what it was about is known or not */

static int
is_sound(const scene_t *scene, int more)
{
    int      i, room;
    int64_t  mine;

    if (!is_kept(scene)) {
        return 0;
    }

    for (i = 300; i < 340; i++) {
        if (find((uint64_t) i) != 0) {
            return 0;
        }
    }

    mine = find(KEY);

    if (mine != scene->mine && (mine != 55 || scene->full)) {
        return 0;
    }

    if (!more && mine != (scene->full ? 0 : 55)) {
        return 0;
    }

    /* whoever comes next has all the room that is left */

    for (room = 0; put((uint64_t) (room + 300), 3, EVER, NOW) == 0; room++) {
        if (find((uint64_t) (room + 300)) != 3 || !is_kept(scene)) {
            return 0;
        }
    }

    if (room != ROOM - scene->live - (mine != 0)) {
        return 0;
    }

    return is_kept(scene) && find(KEY) == mine
           && kairo_revocations_count(table(), NOW) == ROOM;
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
            more = revoke_and_die(steps);
            unsound += !is_sound(&scenes[i], more);
            steps += stride ? stride : 1;
        } while (more);

        ok(unsound == 0 && steps > 100,
           "%s: killed within %lu instructions, %lu were too many",
           scenes[i].name, steps, unsound);
    }

    return unit_done();
}
