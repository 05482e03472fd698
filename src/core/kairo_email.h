
/*
 * An address of e-mail as a name that rights are given to: stricter than RFC
 * 5321, since two who read one text must not see two addresses.
 */


#ifndef KAIRO_EMAIL_H_INCLUDED
#define KAIRO_EMAIL_H_INCLUDED


#include "core/kairo_span.h"


#define KAIRO_EMAIL_MAX  254     /* RFC 5321, section 4.5.3.1.3 */


/*
 * Copies the address in lower case into "out", which has room for
 * KAIRO_EMAIL_MAX bytes, and returns its length; 0 where it isn't one: it has
 * exactly one "@" with something on both sides, and is ASCII without white
 * space, control characters, and , ; : < > ( ) [ ] " \
 */

size_t kairo_email(kairo_span_t text, unsigned char *out);


#endif /* KAIRO_EMAIL_H_INCLUDED */
