
/*
 * A list of hosts: names, names with all below them, patterns, and networks.
 *
 *     # a comment
 *     bad.example.com           this name alone
 *     .example.net              this name and all below it
 *     ~ads[0-9]+\.example\.org  names that match as a whole, PCRE2
 *     192.0.2.0/24              addresses
 *     2001:db8::1
 *
 * Names may be written in any case and in any script; they are kept as
 * kairo_target() gives them.  Patterns match within limits, with JIT where
 * there is one.
 */


#ifndef KAIRO_HOSTLIST_H_INCLUDED
#define KAIRO_HOSTLIST_H_INCLUDED


#include "core/kairo_span.h"


#define KAIRO_HOSTLIST_PATTERNS  1000


typedef struct kairo_hostlist_s  kairo_hostlist_t;


typedef struct {
    size_t        line;         /* counted from 1; 0: of no line */
    char          wrong[160];   /* a sentence without an end */
} kairo_hostlist_error_t;


/*
 * Reads a text, which may go away after.  NULL: it is bad in a line, or there
 * is no memory, and "error" says so.  Free with kairo_hostlist_free().  May be
 * called in any thread.
 */

kairo_hostlist_t *kairo_hostlist(kairo_span_t text,
    kairo_hostlist_error_t *error);

void kairo_hostlist_free(kairo_hostlist_t *list);

/*
 * Whether a name, as kairo_target() gives it, is in the list: 1, 0, or -1
 * where a pattern could not tell within its limits.  By one thread at a time.
 */

int kairo_hostlist_name(const kairo_hostlist_t *list, kairo_span_t name);

/* Whether an address of 4 or 16 bytes is. */

int kairo_hostlist_address(const kairo_hostlist_t *list, kairo_span_t ip);

/* How many lines of any kind it has. */

size_t kairo_hostlist_count(const kairo_hostlist_t *list);


#endif /* KAIRO_HOSTLIST_H_INCLUDED */
