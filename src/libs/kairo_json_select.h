
/*
 * Values of a JSON text by where they stand.
 *
 *     $.target.url     a member of a member
 *     url              a member of this name, wherever it is
 *
 * Names are compared without regard to case, as some readers do it, see
 * kairo_utf8_letter().
 * Arrays are gone through, whether the path says so ("[*]", "[0]") or not.
 */


#ifndef KAIRO_JSON_SELECT_H_INCLUDED
#define KAIRO_JSON_SELECT_H_INCLUDED


#include "libs/kairo_json.h"


#define KAIRO_JSON_STEPS  8


typedef struct {
    kairo_span_t    step[KAIRO_JSON_STEPS];     /* names, in lower case */
    size_t          n;
    int             anywhere;      /* 1: the one step, at any depth */
} kairo_json_path_t;


/*
 * Reads a path within the text, which outlives it and whose letters it makes
 * small.  Returns 0, or -1: it is no such path.
 */

int kairo_json_path(kairo_json_path_t *path, unsigned char *text, size_t n);

/*
 * Calls "found" with each value of the path: a string, a number, a truth or an
 * object, "null" too, and the elements of an array one by one.  Returns 0; 1:
 * an object has two members that are the same name without regard to case; or
 * what "found" has returned that is not 0, which ends it.
 */

int kairo_json_select(const json_t *json, const kairo_json_path_t *path,
    int (*found)(void *data, const json_t *value), void *data);


#endif /* KAIRO_JSON_SELECT_H_INCLUDED */
