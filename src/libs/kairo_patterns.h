
/*
 * Regular expressions for names, by PCRE2 itself: compiled with JIT where the
 * machine has it, and matched within limits, whatever an expression asks for.
 */


#ifndef KAIRO_PATTERNS_H_INCLUDED
#define KAIRO_PATTERNS_H_INCLUDED


#include "core/kairo_span.h"


/* tries of one expression at one name (pcre2api, "pcre2_set_match_limit") */

#define KAIRO_PATTERNS_TRIES  10000


typedef struct {
    void     **code;        /* pcre2_code */
    size_t     n;
    size_t     room;
    void      *match;       /* pcre2_match_data */
    void      *limits;      /* pcre2_match_context */
} kairo_patterns_t;


/*
 * Adds an expression, which has to match a name as a whole, without regard to
 * case.  0: done; -1: it is none, and "wrong" says why in at most "n" bytes
 * with the end; -2: there is no memory.  "patterns" begins zeroed, and is
 * freed by kairo_patterns_free() in all cases.
 */

int kairo_patterns_add(kairo_patterns_t *patterns, kairo_span_t text,
    char *wrong, size_t n);

void kairo_patterns_free(kairo_patterns_t *patterns);

/*
 * 1: one of them matches; 0: none does; -1: none that could tell does, and one
 * has come to its limit.
 */

int kairo_patterns_match(const kairo_patterns_t *patterns, kairo_span_t name);


#endif /* KAIRO_PATTERNS_H_INCLUDED */
