
/*
 * UTF-8 (RFC 3629, section 4): no longer form than is needed, no surrogates,
 * nothing beyond U+10FFFF.
 */


#ifndef KAIRO_UTF8_H_INCLUDED
#define KAIRO_UTF8_H_INCLUDED


#include "core/kairo_span.h"


/* How many bytes the character at the beginning has; 0: it is none. */

size_t kairo_utf8_char(kairo_span_t text);

/* The same; 0 for a control character of ASCII too. */

size_t kairo_utf8_shown(kairo_span_t text);

/* How many bytes it begins with that are ASCII and no control characters. */

size_t kairo_utf8_plain(kairo_span_t text);

/* Whether all of it is UTF-8. */

int kairo_utf8(kairo_span_t text);

/*
 * Takes a byte off the text, which is not empty, and returns it, a letter of
 * ASCII in lower case.  The four characters that some programs make a letter
 * of ASCII when they compare without regard to case (U+0130, U+0131, U+017F,
 * U+212A) are that letter.
 */

unsigned char kairo_utf8_letter(kairo_span_t *text);


#endif /* KAIRO_UTF8_H_INCLUDED */
