
/*
 * Several processes on one piece of shared memory.
 */


#ifndef CROWD_H_INCLUDED
#define CROWD_H_INCLUDED


#include <sched.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>

#include "unit.h"


/* a waiting process spins as long, then lets the others have its processor */

#define CROWD_SPINS  2000


/* zeroed is ready: "n" processes come, then all of them go on */

typedef struct {
    uint32_t  waiting;
    uint32_t  turn;
} crowd_barrier_t;


static void __attribute__ ((unused))
crowd_wait(crowd_barrier_t *b, unsigned n)
{
    unsigned  spins;
    uint32_t  turn;

    turn = __atomic_load_n(&b->turn, __ATOMIC_SEQ_CST);

    if (__atomic_add_fetch(&b->waiting, 1, __ATOMIC_SEQ_CST) == n) {
        __atomic_store_n(&b->waiting, 0, __ATOMIC_SEQ_CST);
        __atomic_store_n(&b->turn, turn + 1, __ATOMIC_SEQ_CST);
        return;
    }

    for (spins = 0;
         __atomic_load_n(&b->turn, __ATOMIC_SEQ_CST) == turn;
         spins++)
    {
        if (spins >= CROWD_SPINS) {
            (void) sched_yield();
        }
    }
}


/* Zeroed, and on a page, as the memory of a zone is. */

static void * __attribute__ ((unused))
crowd_memory(size_t size)
{
    void  *p;

    p = mmap(NULL, size, PROT_READ|PROT_WRITE, MAP_SHARED|MAP_ANONYMOUS, -1,
             0);

    if (p == MAP_FAILED) {
        perror("mmap");
        exit(2);
    }

    return p;
}


static uint64_t __attribute__ ((unused))
crowd_now(void)
{
    struct timespec  ts;

    (void) clock_gettime(CLOCK_MONOTONIC, &ts);

    return (uint64_t) ts.tv_sec * 1000000000 + (uint64_t) ts.tv_nsec;
}


static void __attribute__ ((unused))
crowd_add(uint64_t *n, uint64_t add)
{
    (void) __atomic_fetch_add(n, add, __ATOMIC_SEQ_CST);
}


/*
 * Runs task(0) .. task(n - 1), each in a process of its own, to their ends.
 * Returns how many of them have died or have met an expect() that failed.
 */

static unsigned __attribute__ ((unused))
crowd_run(unsigned n, void (*task)(unsigned who))
{
    int       status;
    pid_t     pid;
    unsigned  i, failed;

    for (i = 0; i < n; i++) {

        pid = fork();

        if (pid == -1) {
            perror("fork");
            exit(2);
        }

        if (pid == 0) {
            (void) alarm(UNIT_SECONDS);

            unit.broken = 0;
            unit.random += i;

            task(i);

            _exit(unit.broken ? 1 : 0);
        }
    }

    for (failed = 0; n; n--) {
        if (wait(&status) == -1 || status != 0) {
            failed++;
        }
    }

    return failed;
}


#endif /* CROWD_H_INCLUDED */
