
/*
 * The operator's command: the code that guards requests, without a server.
 * A file a verb; each answers a line for each value and returns 0 only when
 * every value is valid.
 */


#ifndef KAIRO_H_INCLUDED
#define KAIRO_H_INCLUDED


#include <stdio.h>

#include "core/kairo_span.h"


typedef struct {
    const char   *name;
    const char   *synopsis;
    const char   *help;
    /* answers one value; 0: valid, 1: not */
    int         (*answer)(kairo_span_t value);
} kairo_verb_t;


int kairo_cmd_rate(kairo_span_t value);
int kairo_cmd_client(kairo_span_t value);
int kairo_cmd_zone(kairo_span_t value);


#endif /* KAIRO_H_INCLUDED */
