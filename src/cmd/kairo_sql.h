
/*
 * The migrations of sql/, which are a part of the command: in the order of
 * their numbers, which have no gaps.
 */


#ifndef KAIRO_SQL_H_INCLUDED
#define KAIRO_SQL_H_INCLUDED


#include "core/kairo_span.h"


typedef struct {
    const char     *name;       /* "0001-roles" */
    const char     *text;       /* ends with a zero */
} kairo_sql_t;


extern const kairo_sql_t  kairo_sql[];    /* ended by a name of NULL */


#endif /* KAIRO_SQL_H_INCLUDED */
