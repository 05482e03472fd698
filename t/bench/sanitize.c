
/*
 * What judging a target costs, without a server: by what kind it is, and with
 * lists, beside PCRE2 alone with the expression for private addresses that one
 * finds in applications.
 */


#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define PCRE2_CODE_UNIT_WIDTH  8

#include <pcre2.h>

#include "libs/kairo_target.h"


#define BENCH_TEXTS   4096
#define BENCH_LOOPS   50
#define BENCH_RUNS    9
#define BENCH_NAMES   50000
#define BENCH_SIZE    96


typedef struct {
    const char            *name;
    const char            *form;            /* %s: of a host */
    kairo_hostlist_t      *list;
    int                    bare;            /* 1: the expression alone */
    char                   text[BENCH_TEXTS][BENCH_SIZE];
    double                 ns[BENCH_RUNS];
} bench_t;


static const char  expression[] =
    "^(?:https?://)?(?:localhost|0\\.0\\.0\\.0|127(?:\\.\\d{1,3}){3}"
    "|10(?:\\.\\d{1,3}){3}|192\\.168(?:\\.\\d{1,3}){2}"
    "|172\\.(?:1[6-9]|2\\d|3[01])(?:\\.\\d{1,3}){2}"
    "|169\\.254(?:\\.\\d{1,3}){2}|\\[?::1\\]?|\\[?f[cd][0-9a-f]{2}:.*"
    "|\\[?fe80:.*|.*\\.(?:local|internal))(?::\\d+)?(?:/.*)?$";

static bench_t  benches[] = {
    { .name = "the expression alone, PCRE2 with JIT", .form = "%s.com",
      .bare = 1 },
    { .name = "a host", .form = "%s.com" },
    { .name = "a URL", .form = "https://%s.com/path/page.html?a=b" },
    { .name = "an IPv4 address", .form = NULL },
    { .name = "an IPv6 address in a URL", .form = NULL },
    { .name = "a name that is not ASCII", .form = "b\xc3\xbc" "cher-%s.com" },
    { .name = "a host, 50,000 names in a blocklist", .form = "%s.com" },
    { .name = "a host, 20 patterns in a blocklist", .form = "%s.com" }
};

#define BENCHES  (sizeof(benches) / sizeof(benches[0]))


static pcre2_code        *code;
static pcre2_match_data  *match;
static unsigned           seed = 1;


static unsigned
next(unsigned n)
{
    seed = seed * 1103515245u + 12345u;

    return (seed >> 8) % n;
}


static double
now(void)
{
    struct timespec  ts;

    (void) clock_gettime(CLOCK_MONOTONIC, &ts);

    return (double) ts.tv_sec * 1e9 + (double) ts.tv_nsec;
}


static void
must(int good, const char *what)
{
    if (!good) {
        fprintf(stderr, "sanitize: %s\n", what);
        exit(1);
    }
}


/* Two labels, "words.words": some 20 bytes. */

static void
host(char *out)
{
    unsigned  i, n, dot;

    n = 14 + next(12);
    dot = 3 + next(4);

    for (i = 0; i < n; i++) {
        out[i] = i == dot ? '.' : (char) ('a' + next(26));
    }

    out[n] = '\0';
}


static kairo_hostlist_t *
list(int names)
{
    int                      i;
    char                    *text, *p, name[64];
    kairo_span_t             s;
    kairo_hostlist_t        *made;
    kairo_hostlist_error_t   error;

    text = p = malloc(BENCH_NAMES * 64);
    must(text != NULL, "no memory");

    for (i = 0; i < (names ? BENCH_NAMES : 20); i++) {
        host(name);
        p += names ? sprintf(p, "%s%s.net\n", i % 2 ? "." : "", name)
                   : sprintf(p, "~(.*\\.)?%.5s[0-9]+\\.(com|net)\n", name);
    }

    s.p = (unsigned char *) text;
    s.n = (size_t) (p - text);
    made = kairo_hostlist(s, &error);
    must(made != NULL, "no list");
    free(text);

    return made;
}


static void
prepare(void)
{
    int      rc;
    char     name[64], *text;
    size_t   i, j, at;

    code = pcre2_compile((PCRE2_SPTR) expression, sizeof(expression) - 1,
                         PCRE2_CASELESS, &rc, &at, NULL);
    must(code != NULL && pcre2_jit_compile(code, PCRE2_JIT_COMPLETE) == 0,
         "no expression");
    match = pcre2_match_data_create_from_pattern(code, NULL);

    benches[6].list = list(1);
    benches[7].list = list(0);

    for (i = 0; i < BENCHES; i++) {
        for (j = 0; j < BENCH_TEXTS; j++) {

            text = benches[i].text[j];

            if (benches[i].form) {
                host(name);
                (void) snprintf(text, BENCH_SIZE, benches[i].form, name);

            } else if (i == 3) {
                (void) sprintf(text, "8.%u.%u.%u", next(256), next(256),
                               next(256));
            } else {
                (void) sprintf(text, "https://[2606:4700:%x::%x]/page",
                               next(65536), next(65536));
            }
        }
    }
}


static void
one(const bench_t *b, const char *text, const kairo_target_lists_t *lists)
{
    kairo_span_t    s;
    kairo_target_t  target;

    s.p = (const unsigned char *) text;
    s.n = strlen(text);

    if (b->bare) {
        must(pcre2_match(code, s.p, s.n, 0, 0, match, NULL)
             == PCRE2_ERROR_NOMATCH, text);
        return;
    }

    kairo_target(&target, s, &kairo_target_default, lists);
    must(target.code == NULL, text);
}


static double
run(const bench_t *b)
{
    int                      i, j;
    double                   start;
    kairo_target_lists_t     lists;
    const kairo_hostlist_t  *deny;

    lists = kairo_target_no_lists;
    deny = b->list;
    lists.deny = &deny;
    lists.ndeny = deny != NULL;

    start = now();

    for (i = 0; i < BENCH_LOOPS; i++) {
        for (j = 0; j < BENCH_TEXTS; j++) {
            one(b, b->text[j], &lists);
        }
    }

    return (now() - start) / BENCH_LOOPS / BENCH_TEXTS;
}


static int
compare(const void *a, const void *b)
{
    return (*(const double *) a > *(const double *) b)
           - (*(const double *) a < *(const double *) b);
}


int
main(void)
{
    int     run_of;
    size_t  i;

    prepare();

    /* round by round, so that a noisy moment hits all alike */

    for (run_of = 0; run_of < BENCH_RUNS; run_of++) {
        for (i = 0; i < BENCHES; i++) {
            benches[i].ns[run_of] = run(&benches[i]);
        }
    }

    printf("| one target, median of %d rounds | ns (least to most) | to the "
           "expression |\n|---|---|---|\n", BENCH_RUNS);

    for (i = 0; i < BENCHES; i++) {
        qsort(benches[i].ns, BENCH_RUNS, sizeof(double), compare);
    }

    for (i = 0; i < BENCHES; i++) {
        printf("| %s | %.0f (%.0f to %.0f) | %.1f |\n", benches[i].name,
               benches[i].ns[BENCH_RUNS / 2], benches[i].ns[0],
               benches[i].ns[BENCH_RUNS - 1],
               benches[i].ns[BENCH_RUNS / 2] / benches[0].ns[BENCH_RUNS / 2]);
    }

    return 0;
}
