
/*
 * Cookies of a request's field: pairs with ";" between, as servers read them
 * (RFC 6265, section 5.4; spaces around a pair are no part of it).
 */


#ifndef KAIRO_COOKIE_H_INCLUDED
#define KAIRO_COOKIE_H_INCLUDED


#include "core/kairo_span.h"


/*
 * Takes the next pair off the text, and returns 0 when there is none.  One
 * without "=" is a name with an empty value.
 */

int kairo_cookie_next(kairo_span_t *text, kairo_span_t *name,
    kairo_span_t *value);


#endif /* KAIRO_COOKIE_H_INCLUDED */
