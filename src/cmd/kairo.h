
/*
 * The operator's command: the code that guards requests, without a server.
 * A file a verb; each answers a line for each value and returns 0 only when
 * every value is valid.
 */


#ifndef KAIRO_H_INCLUDED
#define KAIRO_H_INCLUDED


#include <stdio.h>

#include "core/kairo_span.h"


/* An option of a verb, "--name VALUE" or "--name" alone. */

typedef struct {
    const char   *name;       /* without the hyphens */
    int           flag;       /* 1: it has no value */
    const char   *value;      /* NULL: not given; "" for a flag */
} kairo_option_t;


typedef struct {
    const char       *name;
    const char       *synopsis;
    const char       *help;
    kairo_option_t   *options;    /* ended by a name of NULL; or NULL */
    /* once, when the options are known; 0, or 2: said what is wrong */
    int             (*prepare)(void);
    /* answers one value; 0: valid, 1: not, 2: said what is wrong */
    int             (*answer)(kairo_span_t value);
    /* or NULL: answers all of them at once, and reads no standard input */
    int             (*run)(int argc, char **argv);
} kairo_verb_t;


extern const kairo_verb_t  kairo_verb_audit_verify;
extern const kairo_verb_t  kairo_verb_events;
extern const kairo_verb_t  kairo_verb_migrate;
extern const kairo_verb_t  kairo_verb_spool_list;
extern const kairo_verb_t  kairo_verb_spool_replay;
extern const kairo_verb_t  kairo_verb_spool_verify;
extern const kairo_verb_t  kairo_verb_target;
extern const kairo_verb_t  kairo_verb_token_check;
extern const kairo_verb_t  kairo_verb_token_issue;


int kairo_cmd_rate(kairo_span_t value);
int kairo_cmd_client(kairo_span_t value);
int kairo_cmd_zone(kairo_span_t value);


/*
 * The content of a file, which the caller frees; NULL: said why not, on
 * standard error.
 */

unsigned char *kairo_cmd_file(const char *path, size_t *n);

/* Text from elsewhere, with what a terminal could act on escaped. */

void kairo_cmd_print(kairo_span_t text);

/* The same on standard error, of a sentence: its lines become one. */

void kairo_cmd_say(const char *text);


#endif /* KAIRO_H_INCLUDED */
