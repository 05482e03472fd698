
/*
 * Cookies of a request's field: strictly, for what this server itself takes,
 * and as several servers at once would find them, for what others may take.
 */


#ifndef KAIRO_COOKIE_H_INCLUDED
#define KAIRO_COOKIE_H_INCLUDED


#include "core/kairo_span.h"


/*
 * Takes the next pair off the text, and returns 0 when there is none: ";" is
 * between pairs (RFC 6265, section 5.4), spaces around one are no part of it.
 * One without "=" is a name with an empty value.
 */

int kairo_cookie_pair(kairo_span_t *text, kairo_span_t *name,
    kairo_span_t *value);

/*
 * The same for every name that some server finds: one begins behind a comma
 * (RFC 2109, section 4.3.4) and behind a space too.  Its value goes on to the
 * next ";", whatever names there are in it; spaces around either are no part
 * of it.
 */

int kairo_cookie_next(kairo_span_t *text, kairo_span_t *name,
    kairo_span_t *value);


#endif /* KAIRO_COOKIE_H_INCLUDED */
