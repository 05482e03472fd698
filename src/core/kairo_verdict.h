
/*
 * A limit and its verdict, whichever of the two laws it follows: a token
 * bucket (core/kairo_gcra.h) or a sliding window (core/kairo_window.h).
 *
 * What a limit remembers of a key is one number of 63 bits, its state; 0 is
 * the state of a key that nothing is known of.  All times are nanoseconds of
 * one clock that never steps back.
 */


#ifndef KAIRO_VERDICT_H_INCLUDED
#define KAIRO_VERDICT_H_INCLUDED


#include "core/kairo_span.h"


typedef struct {
    uint64_t  interval;    /* of a bucket: T, ns between two requests */
    uint64_t  capacity;    /* of a bucket (burst + 1) * T, ns; of a window its
                              count */
    uint64_t  charge;      /* of a bucket cost * T, ns; of a window the cost */
    uint64_t  window;      /* ns; 0: a token bucket */
} kairo_limit_t;


typedef struct {
    int       pass;
    uint64_t  state;       /* to be remembered when it passes */
    uint64_t  debt;        /* what is owed with the charge, as the capacity */
    uint64_t  retry;       /* ns: 0, or after which the request could pass, or
                              KAIRO_LIMIT_NEVER: it asks for too much */
} kairo_verdict_t;


#define KAIRO_LIMIT_NEVER  UINT64_MAX


#endif /* KAIRO_VERDICT_H_INCLUDED */
