
/*
 * Events on their way to Postgres: a batch of them, as the parameters of one
 * call of kairo.ingest().  Used by the worker that ships a spool and by the
 * command that replays one.
 */


#ifndef KAIRO_INGEST_H_INCLUDED
#define KAIRO_INGEST_H_INCLUDED


#include "core/kairo_event.h"


#define KAIRO_INGEST_PARAMS    14
#define KAIRO_INGEST_ROWS     500
#define KAIRO_INGEST_BYTES   (256 * 1024)    /* a batch is full at that */


/* Arrays as texts, in this order; its answer is the row of counts. */

#define KAIRO_INGEST_STATEMENT                                                \
    "select begun, ended, known, aside from kairo.ingest("                    \
    "$1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], "            \
    "$6::text[], $7::text[], $8::text[], $9::text[], $10::jsonb[], "          \
    "$11::boolean[], $12::integer[], $13::integer[], $14::bigint[])"

/*
 * $1 ids, $2 to $10 the texts in the order of kairo_event_text_e, $11 admin,
 * $12 status, $13 latency, $14 bytes.  What is not told is NULL; admin is told
 * by the part that begins.
 */


typedef struct kairo_ingest_s  kairo_ingest_t;


/* An empty batch; NULL: no memory. */

kairo_ingest_t *kairo_ingest_create(void);

void kairo_ingest_free(kairo_ingest_t *batch);

/*
 * Copies an event, as kairo_event_read() has made it, or a part of one into
 * the batch: what has an id that is there already becomes one row with it.
 * 0: it is in; 1: the batch is full, and this is not in it.
 */

int kairo_ingest_add(kairo_ingest_t *batch, const kairo_event_t *event);

/* How many rows it has; one of them; empties it. */

size_t kairo_ingest_rows(const kairo_ingest_t *batch);
const kairo_event_t *kairo_ingest_row(const kairo_ingest_t *batch, size_t n);
void kairo_ingest_empty(kairo_ingest_t *batch);

/*
 * The parameters, of "n" rows from "first" on, as terminated texts in memory
 * of the batch, until it is changed or this is called again; NULL: no memory.
 */

const kairo_span_t *kairo_ingest_params(kairo_ingest_t *batch, size_t first,
    size_t n);

/*
 * Whether a SQLSTATE tells of what was sent, as it always will: data
 * exceptions (22), violations of constraints (23, 44), cardinality (21),
 * limits of the server (54), and what a function raises by itself (P0).
 */

int kairo_ingest_unfit(const char *state);


#endif /* KAIRO_INGEST_H_INCLUDED */
