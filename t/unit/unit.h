
/*
 * Tests that speak TAP.  A test program is one main(): unit_begin(), any
 * number of ok(), and "return unit_done();".
 *
 * A property is checked many times and is one line of TAP: expect() says
 * nothing while it holds, verdict() sums up all expect() since the last one.
 */


#ifndef UNIT_H_INCLUDED
#define UNIT_H_INCLUDED


#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>


/* diagnostics of one verdict(): the first failures tell, the others repeat */

#define UNIT_DIAGS    5

/* no test takes as long: a program that hangs ends by SIGALRM */

#define UNIT_SECONDS  300


typedef struct {
    unsigned       run;
    unsigned       failed;
    unsigned long  broken;     /* expect() that failed since verdict() */
    uint64_t       random;
} unit_t;


static unit_t  unit;


#define unit_printf(f, a)  __attribute__ ((unused, format (printf, f, a)))

#define ok(cond, ...)                                                         \
    unit_ok((cond) ? 1 : 0, __FILE__, __LINE__, __VA_ARGS__)

#define expect(cond, ...)                                                     \
    ((cond) ? 1 : unit_expect(__FILE__, __LINE__, __VA_ARGS__))

#define verdict(...)                                                          \
    unit_ok(unit.broken == 0, __FILE__, __LINE__, __VA_ARGS__)


/* Standard error, which a harness shows without being asked. */

static void unit_printf(1, 2)
diag(const char *fmt, ...)
{
    va_list  args;

    fputs("# ", stderr);

    va_start(args, fmt);
    vfprintf(stderr, fmt, args);
    va_end(args);

    fputc('\n', stderr);
}


static int unit_printf(4, 5)
unit_ok(int pass, const char *file, int line, const char *fmt, ...)
{
    va_list  args;

    unit.run++;

    printf("%sok %u - ", pass ? "" : "not ", unit.run);

    va_start(args, fmt);
    vprintf(fmt, args);
    va_end(args);

    putchar('\n');

    /* nothing may be left in the buffer when a test forks */

    fflush(stdout);

    if (!pass) {
        unit.failed++;

        diag("failed test %u at %s:%d", unit.run, file, line);

        if (unit.broken > UNIT_DIAGS) {
            diag("%lu failures, the first %d are shown above", unit.broken,
                 UNIT_DIAGS);
        }
    }

    unit.broken = 0;

    return pass;
}


static int unit_printf(3, 4)
unit_expect(const char *file, int line, const char *fmt, ...)
{
    va_list  args;

    if (unit.broken++ < UNIT_DIAGS) {
        fprintf(stderr, "# %s:%d: ", file, line);

        va_start(args, fmt);
        vfprintf(stderr, fmt, args);
        va_end(args);

        fputc('\n', stderr);
    }

    return 0;
}


/* splitmix64: any seed will do, and the same seed is the same test. */

static uint64_t __attribute__ ((unused))
unit_random(uint64_t *seed)
{
    uint64_t  z;

    *seed += 0x9e3779b97f4a7c15ull;

    z = *seed;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ z >> 27) * 0x94d049bb133111ebull;

    return z ^ z >> 31;
}


/* The next number of the program's own seed. */

static uint64_t __attribute__ ((unused))
unit_draw(void)
{
    return unit_random(&unit.random);
}


/* 0 .. n - 1 */

static uint64_t __attribute__ ((unused))
unit_below(uint64_t n)
{
    return unit_draw() % n;
}


static void __attribute__ ((unused))
unit_begin(uint64_t seed)
{
    unit.random = seed;

    printf("# seed %llu\n", (unsigned long long) seed);
    fflush(stdout);

    (void) alarm(UNIT_SECONDS);
}


/* The plan, and the exit status of main(). */

static int __attribute__ ((unused))
unit_done(void)
{
    printf("1..%u\n", unit.run);

    return unit.failed ? 1 : 0;
}


#endif /* UNIT_H_INCLUDED */
