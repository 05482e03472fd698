
/*
 * A rate as an operator writes it: "2r/s", "30r/m", "5r/h", "1000r/d",
 * "100/10s", or, as limit_req has it, a bare number of requests a second.
 */


#ifndef KAIRO_RATE_H_INCLUDED
#define KAIRO_RATE_H_INCLUDED


#include "core/kairo_span.h"


#define KAIRO_SECOND  1000000000ull    /* ns */


typedef struct {
    uint64_t  count;       /* requests, 1 .. 10^9 */
    uint64_t  period;      /* in which they are due, ns */
    uint64_t  interval;    /* T, ns between two of them, rounded up: a rate
                              is never more than what was written */
} kairo_rate_t;


typedef enum {
    KAIRO_RATE_OK = 0,
    KAIRO_RATE_BAD_COUNT,      /* no number, zero, or above 10^9 */
    KAIRO_RATE_BAD_UNIT,       /* neither r/s r/m r/h r/d nor /DURATION */
    KAIRO_RATE_BAD_PERIOD,     /* a period of zero, or above 366 days */
    KAIRO_RATE_TOO_FAST        /* more than one request a nanosecond */
} kairo_rate_rc_t;


/* Reads the whole span or fails; "rate" is written only on KAIRO_RATE_OK. */

kairo_rate_rc_t kairo_rate_parse(kairo_span_t s, kairo_rate_t *rate);

/* A time of 1ms to 366d, "10s", in ns. */

kairo_rate_rc_t kairo_rate_period(kairo_span_t s, uint64_t *period);

/* A decimal number of at most 18 digits, the whole span; 0: it is none. */

int kairo_rate_number(kairo_span_t s, uint64_t *n);

/* What was wrong and what would be right, as a phrase for a message. */

const char *kairo_rate_error(kairo_rate_rc_t rc);


#endif /* KAIRO_RATE_H_INCLUDED */
