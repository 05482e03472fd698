
/*
 * A form of parts (multipart/form-data, RFC 7578): the subset that browsers
 * and HTTP libraries write, which all readers take apart alike.  Preambles,
 * folded or unknown headers, transfer encodings, names in other than plain
 * quoted strings, bare line feeds, parts within a part, texts that are not
 * UTF-8 and a boundary where only some readers see one are errors.
 */


#ifndef KAIRO_MULTIPART_H_INCLUDED
#define KAIRO_MULTIPART_H_INCLUDED


#include "core/kairo_span.h"


#define KAIRO_MULTIPART_BOUNDARY  70     /* RFC 2046, section 5.1.1 */


typedef struct {
    kairo_span_t    boundary;
    kairo_span_t    rest;          /* of the body */
    int             begun;
} kairo_multipart_t;


typedef struct {
    kairo_span_t    name;
    kairo_span_t    content;
    kairo_span_t    type;          /* its Content-Type; "n" 0: none */
    int             file;          /* 1: it has a file's name */
} kairo_part_t;


/*
 * Begins with the value of Content-Type and the body, both of which outlive
 * it.  Returns 0, or -1: it is not multipart/form-data with one boundary.
 */

int kairo_multipart(kairo_multipart_t *m, kairo_span_t type,
    kairo_span_t body);

/* Returns 1: the next part; 0: that was the last; -1: it is malformed. */

int kairo_multipart_next(kairo_multipart_t *m, kairo_part_t *part);


#endif /* KAIRO_MULTIPART_H_INCLUDED */
