
#include <stdlib.h>

#define PCRE2_CODE_UNIT_WIDTH  8

#include <pcre2.h>

#include "libs/kairo_patterns.h"


/* KiB, of an expression that JIT does not take */

#define KAIRO_PATTERNS_HEAP  1024


static int kairo_patterns_prepare(kairo_patterns_t *patterns);


int
kairo_patterns_add(kairo_patterns_t *patterns, kairo_span_t text, char *wrong,
    size_t n)
{
    int          rc;
    size_t       at;
    pcre2_code  *code;

    if (kairo_patterns_prepare(patterns) != 0) {
        return -2;
    }

    code = pcre2_compile(text.p, text.n,
                         PCRE2_ANCHORED|PCRE2_ENDANCHORED|PCRE2_CASELESS
                         |PCRE2_NEVER_UTF|PCRE2_NEVER_BACKSLASH_C,
                         &rc, &at, NULL);
    if (code == NULL && rc == PCRE2_ERROR_HEAP_FAILED) {
        return -2;
    }

    if (code == NULL) {
        (void) pcre2_get_error_message(rc, (PCRE2_UCHAR *) wrong, n);
        return -1;
    }

    /* without JIT it is interpreted: the same answers, later */

    (void) pcre2_jit_compile(code, PCRE2_JIT_COMPLETE);

    patterns->code[patterns->n++] = code;

    return 0;
}


void
kairo_patterns_free(kairo_patterns_t *patterns)
{
    size_t  i;

    for (i = 0; i < patterns->n; i++) {
        pcre2_code_free(patterns->code[i]);
    }

    free(patterns->code);
    pcre2_match_data_free(patterns->match);
    pcre2_match_context_free(patterns->limits);

    memset(patterns, 0, sizeof(*patterns));
}


int
kairo_patterns_match(const kairo_patterns_t *patterns, kairo_span_t name)
{
    int     rc, found;
    size_t  i;

    found = 0;

    for (i = 0; i < patterns->n; i++) {

        rc = pcre2_match(patterns->code[i], name.p, name.n, 0, 0,
                         patterns->match, patterns->limits);

        /* 0: it has groups that there is no room for */

        if (rc >= 0) {
            return 1;
        }

        if (rc != PCRE2_ERROR_NOMATCH) {
            found = -1;
        }
    }

    return found;
}


/* Room for one more, and what matching needs. */

static int
kairo_patterns_prepare(kairo_patterns_t *patterns)
{
    void    **code;
    size_t    room;

    if (patterns->n == patterns->room) {

        room = patterns->room ? patterns->room * 2 : 8;

        code = realloc(patterns->code, room * sizeof(void *));
        if (code == NULL) {
            return -1;
        }

        patterns->code = code;
        patterns->room = room;
    }

    if (patterns->match == NULL) {
        patterns->match = pcre2_match_data_create(1, NULL);
    }

    if (patterns->limits == NULL) {

        patterns->limits = pcre2_match_context_create(NULL);

        if (patterns->limits == NULL) {
            return -1;
        }

        (void) pcre2_set_match_limit(patterns->limits, KAIRO_PATTERNS_TRIES);
        (void) pcre2_set_depth_limit(patterns->limits, KAIRO_PATTERNS_TRIES);
        (void) pcre2_set_heap_limit(patterns->limits, KAIRO_PATTERNS_HEAP);
    }

    return patterns->match ? 0 : -1;
}
