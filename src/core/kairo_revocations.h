
/*
 * What has been revoked: for a digest, up to which time of issue tokens are of
 * no use any more.  Several processes read it, one at a time writes it, over
 * memory that the caller brings.
 *
 * No lock for who reads.  A slot is published by its last word and never
 * moves; when slots run out, what has expired is left behind by copying the
 * rest into the other half, and a reader that was in the middle of it looks
 * again.  A writer that dies anywhere leaves a table that is whole.
 *
 * Nothing is ever forgotten before its time: a table that is full says so.
 */


#ifndef KAIRO_REVOCATIONS_H_INCLUDED
#define KAIRO_REVOCATIONS_H_INCLUDED


#include "core/kairo_span.h"


#define KAIRO_REVOCATION_EVER  INT64_MAX


typedef struct kairo_revocations_s  kairo_revocations_t;


/* Times in s since 1970, above 0. */

typedef struct {
    uint64_t    digest[2];     /* of what is revoked; any two differ */
    int64_t     before;        /* whatever was issued then or earlier */
    int64_t     until;         /* may be forgotten after; or _EVER */
} kairo_revocation_t;


/*
 * Lays an empty table into memory that the caller owns and that outlives it:
 * "mem" is aligned to 64 bytes and zeroed.  NULL: it is too small.
 */

kairo_revocations_t *kairo_revocations_init(void *mem, size_t size);

/* How many there is room for. */

uint64_t kairo_revocations_capacity(const kairo_revocations_t *table);

/* How many are in force. */

uint64_t kairo_revocations_count(const kairo_revocations_t *table,
    int64_t now);

/* "before" of the digest; 0: it was not revoked. */

int64_t kairo_revocations_find(const kairo_revocations_t *table,
    const uint64_t digest[2]);

/*
 * Puts one in; where there is one of the same digest the later times hold.
 * Returns 0, or -1 when there is no room, also when what has expired by "now"
 * is forgotten.  Calls may not overlap: the caller has a lock.
 */

int kairo_revocations_put(kairo_revocations_t *table,
    const kairo_revocation_t *revocation, int64_t now);


#endif /* KAIRO_REVOCATIONS_H_INCLUDED */
