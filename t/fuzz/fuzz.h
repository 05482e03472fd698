
/*
 * What the harnesses share: an input of just its size, and a way to fail.
 */


#ifndef FUZZ_H_INCLUDED
#define FUZZ_H_INCLUDED


#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>


/* found by its name; what core/ declares after this is hidden */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


#define FUZZ_STRING(s)   FUZZ_STRING_(s)
#define FUZZ_STRING_(s)  #s

#define must(cond)                                                            \
    ((cond) ? (void) 0                                                        \
            : fuzz_fail(__FILE__ ":" FUZZ_STRING(__LINE__) ": " #cond))


static void __attribute__ ((unused))
fuzz_fail(const char *what)
{
    fprintf(stderr, "%s\n", what);
    abort();
}


/* Just as much: the sanitizer sees a byte that is read behind the end. */

static unsigned char * __attribute__ ((unused))
fuzz_alloc(size_t size)
{
    unsigned char  *p;

    p = malloc(size ? size : 1);

    if (p == NULL) {
        fuzz_fail("no memory");
    }

    return p;
}


static unsigned char * __attribute__ ((unused))
fuzz_copy(const void *data, size_t size)
{
    unsigned char  *p;

    p = fuzz_alloc(size);

    if (size) {
        memcpy(p, data, size);
    }

    return p;
}


#endif /* FUZZ_H_INCLUDED */
