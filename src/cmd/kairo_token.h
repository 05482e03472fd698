
/*
 * What the verbs about tokens share.
 */


#ifndef KAIRO_TOKEN_H_INCLUDED
#define KAIRO_TOKEN_H_INCLUDED


#include "cmd/kairo.h"


/* A number of seconds from "text"; "otherwise" where it is NULL; -1: bad. */

int64_t kairo_token_seconds(const char *name, const char *text,
    int64_t otherwise);


#endif /* KAIRO_TOKEN_H_INCLUDED */
