
/*
 * What the tests of targets share: texts in memory of just their size, and
 * names of verdicts.
 */


#ifndef TARGET_H_INCLUDED
#define TARGET_H_INCLUDED


#include "unit.h"

#include "core/kairo_span.h"


/* The sanitizer sees a byte that is read behind the end. */

static unsigned char * __attribute__ ((unused))
target_copy(const void *text, size_t n)
{
    unsigned char  *p;

    p = malloc(n ? n : 1);

    if (p == NULL) {
        abort();
    }

    memcpy(p, text, n);

    return p;
}


static int __attribute__ ((unused))
target_same(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}


static const char * __attribute__ ((unused))
target_word(const char *word)
{
    return word ? word : "(none)";
}


#endif /* TARGET_H_INCLUDED */
