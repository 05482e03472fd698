
/*
 * Cookies of a request's field, as several servers at once would find them:
 * ";" separates pairs (RFC 6265, section 5.4), and a name begins behind a
 * comma (RFC 2109, section 4.3.4) and behind a space too.
 */


#ifndef KAIRO_COOKIE_H_INCLUDED
#define KAIRO_COOKIE_H_INCLUDED


#include "core/kairo_span.h"


/*
 * Takes the next name off the text, and returns 0 when there is none.  Its
 * value goes on to the next ";", whatever names there are in it; spaces around
 * either are no part of it.  Without a "=" the value is empty.
 */

int kairo_cookie_next(kairo_span_t *text, kairo_span_t *name,
    kairo_span_t *value);


#endif /* KAIRO_COOKIE_H_INCLUDED */
