
/*
 * Identifiers of events: UUIDs of version 7 (RFC 9562, section 5.7).  The
 * first 48 bits are the time, so that they sort by it, and the partition of a
 * row is a part of its name.
 *
 * Behind the time stand 12 bits that count (section 6.2, method 1), from a
 * random number at each new ms, and 62 random ones.  Those of one maker grow,
 * whatever its clock does; those of two differ by the random bits.
 */


#ifndef KAIRO_UUID7_H_INCLUDED
#define KAIRO_UUID7_H_INCLUDED


#include "core/kairo_span.h"


#define KAIRO_UUID       16
#define KAIRO_UUID_TEXT  36

#define KAIRO_UUID7_RANDOM  10      /* bytes, of which 73 bits are used */


/* A maker, one for each process; begins zeroed. */

typedef struct {
    uint64_t   ms;         /* of the last one */
    uint32_t   count;
} kairo_uuid7_t;


/* "ms" since 1970; where it lies before that of the last one, that counts. */

void kairo_uuid7(kairo_uuid7_t *maker, uint64_t ms,
    const unsigned char random[KAIRO_UUID7_RANDOM],
    unsigned char uuid[KAIRO_UUID]);

/* In lower case, with hyphens; not terminated. */

void kairo_uuid_write(const unsigned char uuid[KAIRO_UUID],
    char text[KAIRO_UUID_TEXT]);

/* Such a text, in either case.  0: it is one; -1: it is not. */

int kairo_uuid_read(kairo_span_t text, unsigned char uuid[KAIRO_UUID]);

/* The ms of a UUID of version 7; -1: it is of another version or variant. */

int64_t kairo_uuid7_ms(const unsigned char uuid[KAIRO_UUID]);


#endif /* KAIRO_UUID7_H_INCLUDED */
