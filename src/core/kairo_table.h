
/*
 * The rate table: the states of many keys' limits in a fixed piece of memory
 * that several processes share.  All limits of a table follow one law: token
 * buckets, or sliding windows of one length.
 *
 * A key is a slot of 16 bytes, {tag, state}, changed by one 16-byte
 * compare-and-swap.  Eight slots are a set; a key may live in any slot of
 * the one set that its tag selects.  There is no lock, so there is nothing to
 * recover when a process dies between any two instructions, and nothing in
 * the memory is a pointer, so it may be mapped anywhere.
 *
 * A key that owes nothing needs no memory, so its slot is free to be taken by
 * another and nothing is lost.  Where all eight keys of a set owe, the other
 * keys of that set share one more state: they are judged as if they were one
 * key.  That may refuse wrongly, admits no more than one extra burst, and is
 * counted by the caller, who is told.
 */


#ifndef KAIRO_TABLE_H_INCLUDED
#define KAIRO_TABLE_H_INCLUDED


#include "core/kairo_limit.h"


#define KAIRO_TABLE_WAYS  8


typedef struct kairo_table_s  kairo_table_t;


typedef enum {
    KAIRO_TABLE_PEEK = 0,      /* answer, and write nothing */
    KAIRO_TABLE_TAKE           /* answer, and charge when it passes */
} kairo_table_verb_t;


typedef struct {
    kairo_verdict_t  verdict;
    int              overflow;    /* judged by the state that a set shares */
} kairo_table_answer_t;


/*
 * Lays a table without keys into memory that the caller owns and that
 * outlives it: "mem" is aligned to 128 bytes and zeroed.  Returns NULL where
 * "size" is not enough for one set, the table at "mem" otherwise.
 */

kairo_table_t *kairo_table_init(void *mem, size_t size);

/* How many keys a table of "size" bytes has room for. */

uint64_t kairo_table_capacity(size_t size);

/* Whether the processor has the 16-byte compare-and-swap. */

int kairo_table_supported(void);

/*
 * The tag of a key: bound to the rate, a number, so that another rate is
 * another key that owes nothing.  Never 0, which marks an empty slot.
 */

uint64_t kairo_table_tag(const uint64_t secret[2], uint64_t rate,
    kairo_span_t key);

/* Starts to load the tag's slot; worth a call before asking the clock. */

void kairo_table_prefetch(const kairo_table_t *t, uint64_t tag);

/*
 * Judges one request.  A refusal never writes.  "now" is the caller's reading
 * of the clock that all processes share, in ns.
 */

kairo_table_answer_t kairo_table_judge(kairo_table_t *t, uint64_t tag,
    uint64_t now, const kairo_limit_t *l, kairo_table_verb_t verb);

/*
 * Takes back a charge that kairo_table_judge() has made and answered with
 * "a", as far as it is not paid off at "now".  Somebody may have been judged
 * in between, and refused for it.
 */

void kairo_table_give(kairo_table_t *t, uint64_t tag, uint64_t now,
    const kairo_limit_t *l, const kairo_table_answer_t *a);

/*
 * Copies all that owes at "now" into a table without keys, of another size
 * perhaps.  What others charge to "from" meanwhile may be lost; buckets that
 * find no room end up in the shared word of their set.
 */

void kairo_table_copy(kairo_table_t *to, const kairo_table_t *from,
    uint64_t window, uint64_t now);

/*
 * How many keys owe at "now": counted in at most "sets" sets, spread over
 * the table, and scaled up.
 */

uint64_t kairo_table_live(const kairo_table_t *t, uint64_t window,
    uint64_t now, uint64_t sets);


#endif /* KAIRO_TABLE_H_INCLUDED */
