
/*
 * Records that several processes put and get, over memory that the caller
 * brings: what is known about a digest until it is forgotten.
 *
 * No lock: a record carries a keyed hash of all of it.  One that two have
 * written at once, or that half was written of by a process that died, does
 * not fit its hash and is a miss.  A miss costs time and nothing else.
 */


#ifndef KAIRO_CACHE_H_INCLUDED
#define KAIRO_CACHE_H_INCLUDED


#include "core/kairo_span.h"


#define KAIRO_CACHE_DIGEST  32
#define KAIRO_CACHE_SLOT    512
#define KAIRO_CACHE_DATA    (KAIRO_CACHE_SLOT - KAIRO_CACHE_DIGEST - 24)


typedef struct kairo_cache_s  kairo_cache_t;


/*
 * Lays an empty cache into memory that the caller owns and that outlives it:
 * "mem" is aligned to 64 bytes and zeroed.  Returns NULL where not one set of
 * slots fits into "size" bytes.
 */

kairo_cache_t *kairo_cache_init(void *mem, size_t size);

/* How many records there is room for. */

uint64_t kairo_cache_capacity(const kairo_cache_t *cache);

/*
 * Copies what is known of the digest into "data", which has room for
 * KAIRO_CACHE_DATA bytes, and returns how many there are; 0: nothing is known.
 * "secret" keys the hash; "now", any clock that goes forward, is when the
 * record was used last.
 */

size_t kairo_cache_get(kairo_cache_t *cache, const uint64_t secret[2],
    const unsigned char *digest, uint64_t now, unsigned char *data);

/*
 * Puts a record of 1 to KAIRO_CACHE_DATA bytes in, in place of the one of the
 * same digest, an empty one, or the one of its set that was used longest ago.
 */

void kairo_cache_put(kairo_cache_t *cache, const uint64_t secret[2],
    const unsigned char *digest, uint64_t now, kairo_span_t data);


#endif /* KAIRO_CACHE_H_INCLUDED */
