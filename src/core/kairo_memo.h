
/*
 * What is known of a text, for one process alone: a look into it takes one
 * fast hash and one comparison.  Whatever does not fit, or whose place another
 * takes, is not known; who asks finds it elsewhere.
 */


#ifndef KAIRO_MEMO_H_INCLUDED
#define KAIRO_MEMO_H_INCLUDED


#include "core/kairo_span.h"


#define KAIRO_MEMO_SLOT  2048
#define KAIRO_MEMO_TEXT  (KAIRO_MEMO_SLOT - 32)    /* with what is known */


typedef struct kairo_memo_s  kairo_memo_t;


/*
 * Over memory of the caller, aligned to 8 bytes and zeroed, which outlives it.
 * "secret" keys the hash, so that nobody aims texts at one place.  NULL: not
 * one slot fits into "size" bytes.
 */

kairo_memo_t *kairo_memo_init(void *mem, size_t size,
    const uint64_t secret[2]);

/*
 * What is known of the text and of "word", which belongs to it; "p" is NULL
 * where nothing is.  Valid until the next call of kairo_memo_put().
 */

kairo_span_t kairo_memo_get(const kairo_memo_t *memo, uint64_t word,
    kairo_span_t text);

/* Copies both; where they are too long together nothing happens. */

void kairo_memo_put(kairo_memo_t *memo, uint64_t word, kairo_span_t text,
    kairo_span_t known);


#endif /* KAIRO_MEMO_H_INCLUDED */
