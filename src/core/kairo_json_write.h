
/*
 * A writer of one JSON object (RFC 8259) of texts and numbers, into memory of
 * the caller, as details of an event are.
 *
 * Whatever the texts are, it is UTF-8 without control characters of ASCII, and
 * no escape but of a quote and a backslash is in it.
 */


#ifndef KAIRO_JSON_WRITE_H_INCLUDED
#define KAIRO_JSON_WRITE_H_INCLUDED


#include "core/kairo_span.h"


typedef struct {
    unsigned char  *p;
    size_t          n;               /* bytes so far */
    size_t          size;
} kairo_json_write_t;


/* An empty object; the memory is of "size" bytes, 2 or more. */

void kairo_json_write_begin(kairo_json_write_t *object, unsigned char *p,
    size_t size);

/*
 * Adds a pair.  Each byte that is of no UTF-8, or a control character, is
 * replaced by "?".  -1: there is no room, and nothing of it is in; a shorter
 * one may still be.  Whether a key is there already is not asked.
 */

int kairo_json_write_text(kairo_json_write_t *object, kairo_span_t key,
    kairo_span_t value);
int kairo_json_write_number(kairo_json_write_t *object, kairo_span_t key,
    uint64_t value);

/* Closes the object, for which there always is room; not terminated. */

kairo_span_t kairo_json_write_end(kairo_json_write_t *object);


#endif /* KAIRO_JSON_WRITE_H_INCLUDED */
