
#include <stdio.h>
#include <stdlib.h>

#include "core/kairo_domains.h"
#include "core/kairo_ip.h"
#include "core/kairo_ranges.h"
#include "libs/kairo_hostlist.h"
#include "libs/kairo_idna.h"
#include "libs/kairo_patterns.h"


struct kairo_hostlist_s {
    kairo_domains_t    domains;
    size_t             room;         /* bytes of the domains' text */
    kairo_range_t     *ranges;
    size_t             nranges;
    size_t             ranges_room;
    kairo_patterns_t   patterns;
    size_t             n;            /* lines that say something */
};


static int kairo_hostlist_prepare(kairo_hostlist_t *list, size_t lines);
static void kairo_hostlist_trim_text(kairo_hostlist_t *list);
static size_t kairo_hostlist_lines(kairo_span_t text);
static kairo_span_t kairo_hostlist_trim(kairo_span_t line);
static int kairo_hostlist_line(kairo_hostlist_t *list, kairo_span_t line,
    kairo_hostlist_error_t *error);
static int kairo_hostlist_is_address(kairo_span_t text);
static int kairo_hostlist_add_pattern(kairo_hostlist_t *list,
    kairo_span_t text, kairo_hostlist_error_t *error);
static int kairo_hostlist_add_range(kairo_hostlist_t *list,
    kairo_span_t text, kairo_hostlist_error_t *error);
static int kairo_hostlist_add_name(kairo_hostlist_t *list, kairo_span_t text,
    kairo_hostlist_error_t *error);
static int kairo_hostlist_wrong(kairo_hostlist_error_t *error,
    kairo_span_t text, const char *what, const char *why);
static int kairo_hostlist_no_memory(kairo_hostlist_error_t *error);


kairo_hostlist_t *
kairo_hostlist(kairo_span_t text, kairo_hostlist_error_t *error)
{
    int                   rc;
    kairo_span_t          line;
    kairo_hostlist_t     *list;
    const unsigned char  *end, *last;

    error->line = 0;

    list = calloc(1, sizeof(kairo_hostlist_t));

    if (list == NULL
        || kairo_hostlist_prepare(list, kairo_hostlist_lines(text)) != 0)
    {
        kairo_hostlist_free(list);
        kairo_hostlist_no_memory(error);
        return NULL;
    }

    last = text.n ? text.p + text.n : text.p;

    for (line.p = text.p; line.p < last; line.p = end + 1) {

        end = memchr(line.p, '\n', (size_t) (last - line.p));
        end = end ? end : last;

        line.n = (size_t) (end - line.p);
        error->line++;

        rc = kairo_hostlist_line(list, kairo_hostlist_trim(line), error);

        if (rc != 0) {
            kairo_hostlist_free(list);
            return NULL;
        }
    }

    list->nranges = kairo_ranges_sort(list->ranges, list->nranges);

    kairo_hostlist_trim_text(list);

    return list;
}


void
kairo_hostlist_free(kairo_hostlist_t *list)
{
    if (list == NULL) {
        return;
    }

    free(list->domains.slots);
    free(list->domains.text);
    free(list->ranges);
    kairo_patterns_free(&list->patterns);
    free(list);
}


int
kairo_hostlist_name(const kairo_hostlist_t *list, kairo_span_t name)
{
    return kairo_domains_has(&list->domains, name)
           ? 1 : kairo_patterns_match(&list->patterns, name);
}


int
kairo_hostlist_address(const kairo_hostlist_t *list, kairo_span_t ip)
{
    return kairo_ranges_has(list->ranges, list->nranges, ip);
}


size_t
kairo_hostlist_count(const kairo_hostlist_t *list)
{
    return list->n;
}


/* Slots for a name in each line; it is never made larger. */

static int
kairo_hostlist_prepare(kairo_hostlist_t *list, size_t lines)
{
    size_t  n;

    for (n = 8; n < 2 * lines; n *= 2) { /* void */ }

    list->domains.slots = calloc(n, sizeof(kairo_domains_slot_t));
    list->domains.nslots = n;

    return list->domains.slots ? 0 : -1;
}


/* No name is added any more. */

static void
kairo_hostlist_trim_text(kairo_hostlist_t *list)
{
    unsigned char  *text;

    if (list->domains.used == 0) {
        return;
    }

    text = realloc(list->domains.text, list->domains.used);

    if (text) {
        list->domains.text = text;
        list->room = list->domains.used;
    }
}


static size_t
kairo_hostlist_lines(kairo_span_t text)
{
    size_t  i, n;

    for (i = 0, n = 1; i < text.n; i++) {
        n += (text.p[i] == '\n');
    }

    return n;
}


static kairo_span_t
kairo_hostlist_trim(kairo_span_t line)
{
    while (line.n && strchr(" \t\r", line.p[line.n - 1])
           && line.p[line.n - 1])
    {
        line.n--;
    }

    while (line.n && (*line.p == ' ' || *line.p == '\t')) {
        line.p++;
        line.n--;
    }

    return line;
}


/* What follows a name or an address may be a comment, but no other word. */

static int
kairo_hostlist_line(kairo_hostlist_t *list, kairo_span_t line,
    kairo_hostlist_error_t *error)
{
    const unsigned char  *hash;

    if (line.n == 0 || *line.p == '#') {
        return 0;
    }

    list->n++;

    if (*line.p == '~') {
        line.p++;
        line.n--;
        return kairo_hostlist_add_pattern(list, line, error);
    }

    hash = memchr(line.p, '#', line.n);

    if (hash) {
        line.n = (size_t) (hash - line.p);
        line = kairo_hostlist_trim(line);
    }

    return kairo_hostlist_is_address(line)
           ? kairo_hostlist_add_range(list, line, error)
           : kairo_hostlist_add_name(list, line, error);
}


static int
kairo_hostlist_is_address(kairo_span_t text)
{
    return memchr(text.p, ':', text.n) || memchr(text.p, '/', text.n)
           || kairo_ip_looks_numeric(text);
}


static int
kairo_hostlist_add_pattern(kairo_hostlist_t *list, kairo_span_t text,
    kairo_hostlist_error_t *error)
{
    int   rc;
    char  why[80];

    if (list->patterns.n == KAIRO_HOSTLIST_PATTERNS) {
        return kairo_hostlist_wrong(error, text, "is one pattern too many",
                                    "at most 1000");
    }

    rc = kairo_patterns_add(&list->patterns, text, why, sizeof(why));

    if (rc == -2) {
        return kairo_hostlist_no_memory(error);
    }

    return rc == 0 ? 0 : kairo_hostlist_wrong(error, text, "is no pattern",
                                              why);
}


static int
kairo_hostlist_add_range(kairo_hostlist_t *list, kairo_span_t text,
    kairo_hostlist_error_t *error)
{
    size_t          room;
    const char     *wrong;
    kairo_range_t  *ranges;

    if (list->nranges == list->ranges_room) {

        room = list->ranges_room ? list->ranges_room * 2 : 16;

        ranges = realloc(list->ranges, room * sizeof(kairo_range_t));
        if (ranges == NULL) {
            return kairo_hostlist_no_memory(error);
        }

        list->ranges = ranges;
        list->ranges_room = room;
    }

    wrong = kairo_range(text, &list->ranges[list->nranges]);

    if (wrong) {
        return kairo_hostlist_wrong(error, text, "is no address or network",
                                    wrong);
    }

    list->nranges++;

    return 0;
}


static int
kairo_hostlist_add_name(kairo_hostlist_t *list, kairo_span_t text,
    kairo_hostlist_error_t *error)
{
    size_t          n, room;
    unsigned        what;
    const char     *wrong;
    kairo_span_t    ascii, name;
    unsigned char   encoded[KAIRO_IDNA_MAX], out[KAIRO_NAME_MAX];
    unsigned char  *bytes;

    if (list->room - list->domains.used < KAIRO_DOMAINS_ROOM) {

        room = list->room ? list->room * 2 : 4096;

        bytes = realloc(list->domains.text, room);
        if (bytes == NULL) {
            return kairo_hostlist_no_memory(error);
        }

        list->domains.text = bytes;
        list->room = room;
    }

    what = KAIRO_DOMAINS_SELF;
    name = text;

    if (*name.p == '.') {
        what |= KAIRO_DOMAINS_BELOW;
        name.p++;
        name.n--;
    }

    ascii.p = encoded;
    wrong = kairo_idna(name, encoded, &ascii.n);

    if (wrong == NULL) {
        wrong = kairo_name(ascii, out, &n);
    }

    /* one label is well: "intranet", to be allowed; ".zip" */

    if (wrong && strcmp(wrong, "single_label") != 0) {
        return kairo_hostlist_wrong(error, text, "is no name", wrong);
    }

    name.p = out;
    name.n = n;
    kairo_domains_add(&list->domains, name, what);

    return 0;
}


/* "text" is shown in part, and without what a log should not have in it. */

static int
kairo_hostlist_wrong(kairo_hostlist_error_t *error, kairo_span_t text,
    const char *what, const char *why)
{
    char    shown[41];
    size_t  i;

    for (i = 0; i < text.n && i < sizeof(shown) - 1; i++) {
        shown[i] = text.p[i] < ' ' || text.p[i] > '~' ? '?'
                                                      : (char) text.p[i];
    }

    shown[i] = '\0';

    (void) snprintf(error->wrong, sizeof(error->wrong), "\"%s\" %s: %s",
                    shown, what, why);

    return -1;
}


static int
kairo_hostlist_no_memory(kairo_hostlist_error_t *error)
{
    error->line = 0;
    (void) snprintf(error->wrong, sizeof(error->wrong), "no memory");

    return -1;
}
