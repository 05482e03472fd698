
/*
 * What records of the spool tell: an event, by its id, or a part of one.  A
 * run is two records, how it began and how it ended; parts with the same id
 * are one event.
 *
 * A record holds the id and fields behind it, each a byte that names it, two
 * with the length, and that many bytes of text or of a number; numbers are
 * little endian.  Fields that a reader does not know are passed over, so that
 * a later version may add some.
 */


#ifndef KAIRO_EVENT_H_INCLUDED
#define KAIRO_EVENT_H_INCLUDED


#include "core/kairo_uuid7.h"


#define KAIRO_EVENT_RECORD   1       /* the type of such a record */


/*
 * The texts of an event, and what each may have in bytes.  Records have them
 * by their places: new ones come at the end.
 */

typedef enum {
    KAIRO_EVENT_KIND = 0,            /* "run", "refused", "gap", or any name */
    KAIRO_EVENT_TOOL,
    KAIRO_EVENT_ISSUER,
    KAIRO_EVENT_SUBJECT,
    KAIRO_EVENT_ROUTE,
    KAIRO_EVENT_REGION,
    KAIRO_EVENT_REQUEST,             /* nginx's $request_id */
    KAIRO_EVENT_EDGE,                /* which machine has written it */
    KAIRO_EVENT_DETAILS,             /* a JSON object */
    KAIRO_EVENT_TEXTS
} kairo_event_text_e;

extern const size_t  kairo_event_most[KAIRO_EVENT_TEXTS];

/* The names of them, as SQL and JSON have them. */

extern const char   *kairo_event_names[KAIRO_EVENT_TEXTS];


#define KAIRO_EVENT_MAX  8192        /* bytes; no record is longer */


typedef struct {
    unsigned char   id[KAIRO_UUID];
    kairo_span_t    text[KAIRO_EVENT_TEXTS];   /* empty: is not told */
    int             admin;

    /* how it ended; a status of 0: this part does not tell */

    unsigned        status;          /* 100 to 599 */
    uint32_t        latency;         /* ms, below 2^31 */
    uint64_t        bytes;           /* that the client was sent, below 2^63 */
} kairo_event_t;


/* A part that tells how it began has a kind. */

static inline int
kairo_event_begins(const kairo_event_t *event)
{
    return event->text[KAIRO_EVENT_KIND].n != 0;
}


/*
 * Into "out", of KAIRO_EVENT_MAX bytes; returns how many.  The id is one of
 * kairo_uuid7().  Texts are made fit: cut behind a whole character when they
 * are longer than they may be, and each byte that is of no UTF-8, or is a
 * control character of ASCII, is replaced by "?".  Numbers beyond their range
 * become the nearest in it.
 *
 * Details are left out when they are longer, have such a byte, are in no
 * braces, or have an escaped U+0000, which Postgres' jsonb refuses.  Whether
 * they are JSON otherwise is not asked; kairo_json_write.h makes some.
 */

size_t kairo_event_write(const kairo_event_t *event,
    unsigned char out[KAIRO_EVENT_MAX]);

/*
 * An event whose texts lie in "content"; -1: it is none, by any byte: of an id
 * that is no UUID of version 7, a text that kairo_event_write() would not have
 * written, a number out of its range, a field twice, an end that is not whole.
 */

int kairo_event_read(kairo_event_t *event, kairo_span_t content);

/* Of two parts of one event: takes over what "event" does not tell. */

void kairo_event_join(kairo_event_t *event, const kairo_event_t *part);


#endif /* KAIRO_EVENT_H_INCLUDED */
