
/*
 * Header fields of a request, as text that a client has written.
 */


#ifndef KAIRO_HEADER_H_INCLUDED
#define KAIRO_HEADER_H_INCLUDED


#include "core/kairo_span.h"


/*
 * Whether a field name is one of the edge's own, "X-Kairo-...", in any
 * spelling that a server behind may take for it: letters of either case, and
 * any byte that is no letter and no digit for a hyphen, since CGI, WSGI and
 * their like turn both "-" and "_" into "_" (RFC 3875, section 4.1.18).
 */

int kairo_header_reserved(kairo_span_t name);

/* Whether it is "wanted", in any such spelling. */

int kairo_header_is(kairo_span_t name, kairo_span_t wanted);


typedef enum {
    KAIRO_MEDIA_JSON = 0,
    KAIRO_MEDIA_TEXT
} kairo_media_t;

/*
 * Which of a problem's two forms the client prefers by its "Accept" field
 * (RFC 9110, section 12.5.1): text only where a text range has a higher
 * weight than every range that takes JSON, or the same and stands earlier.
 * What can't be read as a media range is passed over.
 */

kairo_media_t kairo_header_accept(kairo_span_t accept);


#endif /* KAIRO_HEADER_H_INCLUDED */
