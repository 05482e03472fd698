
/*
 * Names and values of a query or of a form (application/x-www-form-urlencoded,
 * WHATWG URL, section 5.1), as several readers at once would find them: "&"
 * and ";" both separate, "+" is a space, and what can't be decoded in one way
 * only is an error, not a text.
 */


#ifndef KAIRO_FORM_H_INCLUDED
#define KAIRO_FORM_H_INCLUDED


#include "core/kairo_span.h"


/* As they stand in the text, not decoded. */

typedef struct {
    kairo_span_t    name;
    kairo_span_t    value;
    int             has_value;     /* there is a "=" */
} kairo_form_pair_t;


/*
 * Takes the next pair off the text.  Returns 0 when there is none.  A pair
 * without a name and a value is left out.
 */

int kairo_form_next(kairo_span_t *text, kairo_form_pair_t *pair);

/*
 * The value of the pair just taken as those read it to whom ";" is no
 * separator: up to the next "&".  "rest" is what is left of the text.
 */

kairo_span_t kairo_form_value(const kairo_form_pair_t *pair,
    kairo_span_t rest);

/*
 * Decodes into "out", which has room for "text.n" bytes, and returns the
 * length; -1: a "%" without two hexadecimal digits, a NUL, or text that is not
 * UTF-8.
 */

long kairo_form_decode(kairo_span_t text, unsigned char *out);

/*
 * Whether a decoded name is "wanted", which is in lower case: without regard
 * to case, to spaces in front, which PHP takes off, to brackets around it, as
 * in "[name]" and "name]", to "." " " "[" where it wants "_", as PHP writes
 * them, and to what frameworks make arrays of, as in "name[]", "name[x][]" and
 * "name.2".
 */

int kairo_form_is(kairo_span_t name, kairo_span_t wanted);


#endif /* KAIRO_FORM_H_INCLUDED */
