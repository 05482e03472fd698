
/*
 * JSON that somebody else has written, by jansson: strict, and bounded before
 * jansson sees it.
 */


#ifndef KAIRO_JSON_H_INCLUDED
#define KAIRO_JSON_H_INCLUDED


/* whatever was included before: these are not the module's own */

#pragma GCC visibility push(default)
#include <jansson.h>
#pragma GCC visibility pop

#include "core/kairo_span.h"
#include "core/kairo_json_shape.h"


/*
 * Reads an object.  NULL: the text is not one JSON object and nothing else,
 * in UTF-8, without a name twice in an object and without NUL; or a number is
 * beyond what jansson holds; or it is deeper or has more values than "limit"
 * allows; or there is no memory.  The caller ends with json_decref().
 */

json_t *kairo_json_object(kairo_span_t text, const kairo_json_shape_t *limit);

/*
 * Reads any value, for somebody who looks for parts of it: numbers of any size
 * and NUL within a string are taken.  Else as kairo_json_object().
 */

json_t *kairo_json_any(kairo_span_t text, const kairo_json_shape_t *limit);

/* A member that is a string; NULL: there is none, or it is no string. */

const char *kairo_json_text(const json_t *object, const char *name);

/* The same as a span, "p" NULL when there is none. */

kairo_span_t kairo_json_span(const json_t *object, const char *name);

/*
 * The value that "path" names: a member of the object, or, where it begins
 * with a slash, what a JSON Pointer leads to (RFC 6901) by way of objects.
 * NULL when there is none.
 */

const json_t *kairo_json_at(const json_t *object, const char *path);

/* A json_t that is a string, as a span; "p" NULL when it is none. */

kairo_span_t kairo_json_string(const json_t *string);


#endif /* KAIRO_JSON_H_INCLUDED */
