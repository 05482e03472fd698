
/*
 * A list of hosts of any bytes, against a reader that goes through its lines
 * for each question.  The list is read where all its lines are well, else the
 * first that is not is told of; each line finds what it names; nothing is
 * found that no line names.  What a pattern means is known of one without
 * anything special in it; another one takes away from what is known.
 */


#include <arpa/inet.h>

#include "fuzz.h"

#include "core/kairo_name.h"
#include "libs/kairo_hostlist.h"
#include "libs/kairo_idna.h"


int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
    __attribute__ ((visibility ("default")));


typedef enum { BLANK, NAME, NETWORK, LITERAL, PATTERN, BAD } kind_t;


typedef struct {
    kind_t          kind;
    int             below;
    size_t          n;            /* of the name, or bytes of the address */
    unsigned char   name[KAIRO_IDNA_MAX];
    unsigned char   ip[16];
    unsigned        prefix;
} line_t;


static int
is_blank(unsigned char c)
{
    return c == ' ' || c == '\t';
}


/* Digits, or "0x" and digits: the last label, a dot behind it aside. */

static int
is_number(const unsigned char *text, size_t n)
{
    size_t  i, begin;

    if (n && text[n - 1] == '.') {
        n--;
    }

    begin = n;

    while (begin && text[begin - 1] != '.') {
        begin--;
    }

    text += begin;
    n -= begin;

    for (i = 0; i < n && text[i] >= '0' && text[i] <= '9'; i++) { /* void */ }

    if (i == n) {
        return n > 0;
    }

    if (n < 2 || text[0] != '0' || (text[1] | 0x20) != 'x') {
        return 0;
    }

    for (i = 2; i < n; i++) {
        if (text[i] == '\0'
            || strchr("0123456789abcdefABCDEF", text[i]) == NULL)
        {
            return 0;
        }
    }

    return 1;
}


static unsigned
bit_of(const unsigned char *ip, unsigned bit)
{
    return ip[bit / 8] >> (7 - bit % 8) & 1;
}


/* By inet_pton(), which takes just what is taken here. */

static void
read_network(line_t *line, const unsigned char *text, size_t n)
{
    char            copy[80];
    char           *slash;
    size_t          i, digits;
    unsigned        bit;

    line->kind = BAD;

    if (n >= sizeof(copy) || memchr(text, '\0', n)) {
        return;
    }

    memcpy(copy, text, n);
    copy[n] = '\0';

    slash = strchr(copy, '/');

    if (slash) {
        *slash++ = '\0';
    }

    line->n = strchr(copy, ':') ? 16 : 4;

    if (inet_pton(line->n == 4 ? AF_INET : AF_INET6, copy, line->ip) != 1) {
        return;
    }

    line->prefix = 8 * (unsigned) line->n;

    if (slash) {

        digits = strlen(slash);
        line->prefix = 0;

        if (digits == 0 || digits > 3 || (digits > 1 && *slash == '0')) {
            return;
        }

        for (i = 0; i < digits; i++) {

            if (slash[i] < '0' || slash[i] > '9') {
                return;
            }

            line->prefix = line->prefix * 10 + (unsigned) (slash[i] - '0');
        }

        if (line->prefix > 8 * line->n) {
            return;
        }
    }

    for (bit = line->prefix; bit < 8 * line->n; bit++) {
        if (bit_of(line->ip, bit)) {
            return;
        }
    }

    line->kind = NETWORK;
}


static int
is_name(const unsigned char *name, size_t n)
{
    size_t               i, begin, labels, letters;
    static const char    bytes[] = "abcdefghijklmnopqrstuvwxyz0123456789-_";

    if (n == 0 || n > KAIRO_NAME_MAX) {
        return 0;
    }

    labels = 0;
    letters = 0;
    begin = 0;

    for (i = 0; i <= n; i++) {

        if (i < n && name[i] != '.') {

            if (name[i] == '\0' || strchr(bytes, name[i]) == NULL) {
                return 0;
            }

            letters += (name[i] >= 'a' && name[i] <= 'z');
            continue;
        }

        if (i == begin || i - begin > KAIRO_LABEL_MAX || name[begin] == '-'
            || name[i - 1] == '-')
        {
            return 0;
        }

        labels++;

        if (i < n) {
            letters = 0;
            begin = i + 1;
        }
    }

    if (labels == 1) {
        return 1;
    }

    /* the last is of two letters or more, or is encoded */

    return (n - begin > 1 && letters == n - begin)
           || (n - begin > 4 && memcmp(name + begin, "xn--", 4) == 0
               && memchr(name + begin, '_', n - begin) == NULL);
}


static void
read_name(line_t *line, const unsigned char *text, size_t n)
{
    size_t  i;

    line->kind = BAD;

    if (*text == '.') {
        line->below = 1;
        text++;
        n--;
    }

    for (i = 0; i < n; i++) {
        if (text[i] <= ' ' || text[i] == 0x7f) {
            return;
        }
    }

    /* what another script is in ASCII is a question of its own */

    if (kairo_idna((kairo_span_t) { text, n }, line->name, &line->n) != NULL) {
        return;
    }

    if (line->n && line->name[line->n - 1] == '.') {
        line->n--;
    }

    for (i = 0; i < line->n; i++) {
        if (line->name[i] >= 'A' && line->name[i] <= 'Z') {
            line->name[i] |= 0x20;
        }
    }

    if (is_name(line->name, line->n)) {
        line->kind = NAME;
    }
}


static void
read_pattern(line_t *line, const unsigned char *text, size_t n)
{
    size_t             i;
    static const char  plain[] = "abcdefghijklmnopqrstuvwxyz0123456789-_";

    line->kind = PATTERN;

    if (n == 0 || n > KAIRO_NAME_MAX) {
        return;
    }

    for (i = 0; i < n; i++) {

        line->name[i] = text[i] >= 'A' && text[i] <= 'Z' ? text[i] | 0x20
                                                         : text[i];

        if (text[i] == '\0' || strchr(plain, line->name[i]) == NULL) {
            return;
        }
    }

    line->n = n;
    line->kind = LITERAL;
}


static void
read_line(line_t *line, const unsigned char *text, size_t n)
{
    size_t  i;

    memset(line, 0, sizeof(*line));

    while (n && (is_blank(text[n - 1]) || text[n - 1] == '\r')) {
        n--;
    }

    while (n && is_blank(*text)) {
        text++;
        n--;
    }

    if (n == 0 || *text == '#') {
        line->kind = BLANK;
        return;
    }

    if (*text == '~') {
        read_pattern(line, text + 1, n - 1);
        return;
    }

    for (i = 0; i < n && text[i] != '#'; i++) { /* void */ }

    n = i;

    while (n && (is_blank(text[n - 1]) || text[n - 1] == '\r')) {
        n--;
    }

    if (memchr(text, ':', n) || memchr(text, '/', n) || is_number(text, n)) {
        read_network(line, text, n);

    } else {
        read_name(line, text, n);
    }
}


/* The lines, as many as there are; a text that ends with one has no more. */

static line_t *
read_lines(const unsigned char *text, size_t size, size_t *n)
{
    size_t   i, begin;
    line_t  *lines;

    lines = NULL;
    *n = 0;
    begin = 0;

    for (i = 0; i <= size; i++) {

        if (i < size ? text[i] != '\n' : i == begin) {
            continue;
        }

        lines = realloc(lines, (*n + 1) * sizeof(line_t));

        if (lines == NULL) {
            fuzz_fail("no memory");
        }

        read_line(&lines[(*n)++], text + begin, i - begin);
        begin = i + 1;
    }

    return lines;
}


static int
names(const line_t *lines, size_t n, const unsigned char *name, size_t len)
{
    size_t         i;
    const line_t  *l;

    for (i = 0; i < n; i++) {

        l = &lines[i];

        if ((l->kind == NAME || l->kind == LITERAL) && l->n <= len
            && memcmp(name + len - l->n, l->name, l->n) == 0
            && (l->n == len || (l->below && name[len - l->n - 1] == '.')))
        {
            return 1;
        }
    }

    return 0;
}


static int
has_address(const line_t *lines, size_t n, const unsigned char *ip,
    size_t bytes)
{
    size_t    i;
    unsigned  bit;

    for (i = 0; i < n; i++) {

        if (lines[i].kind != NETWORK || lines[i].n != bytes) {
            continue;
        }

        for (bit = 0; bit < lines[i].prefix
             && bit_of(lines[i].ip, bit) == bit_of(ip, bit); bit++)
        {
            /* void */
        }

        if (bit == lines[i].prefix) {
            return 1;
        }
    }

    return 0;
}


typedef struct {
    const kairo_hostlist_t  *list;
    const line_t            *lines;
    size_t                   n;
    size_t                   patterns;
} both_t;


static int
ask_name(const both_t *both, const unsigned char *name, size_t n)
{
    int             is, wanted;
    unsigned char  *copy;

    if (n == 0 || n > KAIRO_NAME_MAX) {
        return 0;
    }

    copy = fuzz_copy(name, n);

    is = kairo_hostlist_name(both->list, (kairo_span_t) { copy, n });
    wanted = names(both->lines, both->n, copy, n);

    must(is == wanted || (wanted == 0 && both->patterns));

    free(copy);

    return wanted;
}


static int
ask_address(const both_t *both, const unsigned char *ip, size_t n)
{
    int             is;
    unsigned char  *copy;

    copy = fuzz_copy(ip, n);

    is = kairo_hostlist_address(both->list, (kairo_span_t) { copy, n });
    must(is == has_address(both->lines, both->n, copy, n));

    free(copy);

    return is;
}


/* Itself, those around it, and what only looks so. */

static void
around_name(const both_t *both, const line_t *line)
{
    size_t                n;
    unsigned char         other[KAIRO_IDNA_MAX + 4];
    const unsigned char  *dot;

    n = line->n;

    must(ask_name(both, line->name, n) == 1);

    memcpy(other, "x.", 2);
    memcpy(other + 2, line->name, n);

    if (line->below && n + 2 <= KAIRO_NAME_MAX) {
        must(ask_name(both, other, n + 2) == 1);
    }

    (void) ask_name(both, other, n + 2);

    other[1] = 'x';
    (void) ask_name(both, other + 1, n + 1);

    if (n > 1) {
        (void) ask_name(both, line->name, n - 1);

        if (line->name[1] != '.') {
            (void) ask_name(both, line->name + 1, n - 1);
        }
    }

    dot = memchr(line->name, '.', n);

    if (dot) {
        dot++;
        (void) ask_name(both, dot, (size_t) (line->name + n - dot));
    }
}


static void
step(unsigned char *ip, size_t n, int down)
{
    while (n-- > 0) {

        ip[n] = (unsigned char) (down ? ip[n] - 1 : ip[n] + 1);

        if (ip[n] != (down ? 0xff : 0x00)) {
            break;
        }
    }
}


/* Its first and its last, those beside it, and the same bytes elsewhere. */

static void
around_network(const both_t *both, const line_t *line)
{
    int             last;
    unsigned        bit;
    unsigned char   ip[16];

    for (last = 0; last < 2; last++) {

        memset(ip, 0, 16);
        memcpy(ip, line->ip, line->n);

        for (bit = line->prefix; last && bit < 8 * line->n; bit++) {
            ip[bit / 8] |= (unsigned char) (0x80 >> bit % 8);
        }

        must(ask_address(both, ip, line->n) == 1);
        (void) ask_address(both, ip, line->n == 4 ? 16 : 4);

        step(ip, line->n, !last);
        (void) ask_address(both, ip, line->n);
    }

    /* as a translator or a dual stack would have it */

    if (line->n == 4) {
        memset(ip, 0, 16);
        memset(ip + 10, 0xff, 2);
        memcpy(ip + 12, line->ip, 4);
        (void) ask_address(both, ip, 16);
    }
}


static void
read_well(const both_t *both)
{
    size_t                      i, said;
    static const unsigned char  some[16] = { 10, 0, 0, 1 };

    said = 0;

    for (i = 0; i < both->n; i++) {

        must(both->lines[i].kind != BAD);

        said += (both->lines[i].kind != BLANK);

        if (both->lines[i].kind == NAME || both->lines[i].kind == LITERAL) {
            around_name(both, &both->lines[i]);

        } else if (both->lines[i].kind == NETWORK) {
            around_network(both, &both->lines[i]);
        }
    }

    must(kairo_hostlist_count(both->list) == said);

    (void) ask_name(both, (const unsigned char *) "x", 1);
    (void) ask_name(both, (const unsigned char *) "www.example.com", 15);
    (void) ask_address(both, some, 4);
    (void) ask_address(both, some, 16);
}


/* It is the first line that is not well, if not a pattern. */

static void
read_badly(const both_t *both, const kairo_hostlist_error_t *error)
{
    size_t                i;
    const unsigned char  *p;

    must(memchr(error->wrong, '\0', sizeof(error->wrong)) != NULL);
    must(error->wrong[0] != '\0');

    for (p = (const unsigned char *) error->wrong; *p; p++) {
        must(*p >= ' ' && *p <= '~');
    }

    must(error->line >= 1 && error->line <= both->n);

    for (i = 0; i + 1 < error->line; i++) {
        must(both->lines[i].kind != BAD);
    }

    must(both->lines[i].kind == BAD || both->lines[i].kind == PATTERN
         || (both->lines[i].kind == LITERAL && i >= KAIRO_HOSTLIST_PATTERNS));
}


int
LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    size_t                   i;
    both_t                   both;
    line_t                  *lines;
    unsigned char           *exact;
    kairo_hostlist_t        *list;
    kairo_hostlist_error_t   error;

    /* the text is gone before the list is asked */

    memset(&error, 0xa5, sizeof(error));

    exact = fuzz_copy(data, size);
    list = kairo_hostlist((kairo_span_t) { exact, size }, &error);
    free(exact);

    lines = read_lines(data, size, &both.n);

    both.list = list;
    both.lines = lines;
    both.patterns = 0;

    for (i = 0; i < both.n; i++) {
        both.patterns += (lines[i].kind == PATTERN);
    }

    if (list) {
        read_well(&both);

    } else {
        read_badly(&both, &error);
    }

    kairo_hostlist_free(list);
    free(lines);

    return 0;
}
