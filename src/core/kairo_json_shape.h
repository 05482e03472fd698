
/*
 * How large a JSON text is, before a parser that recurses and allocates gets
 * to see it.
 */


#ifndef KAIRO_JSON_SHAPE_H_INCLUDED
#define KAIRO_JSON_SHAPE_H_INCLUDED


#include "core/kairo_span.h"


typedef struct {
    size_t  depth;      /* of arrays and objects, the outermost is 1 */
    size_t  values;     /* at most: of objects and arrays, all together */
} kairo_json_shape_t;


/*
 * Of any bytes: exact for a text that is JSON, and for others what a parser
 * could get to see before it stops.
 */

kairo_json_shape_t kairo_json_shape(kairo_span_t text);


#endif /* KAIRO_JSON_SHAPE_H_INCLUDED */
