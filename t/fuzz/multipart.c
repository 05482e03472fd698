
/*
 * Forms of parts.  The first byte tells what the rest is:
 *
 *     c   parts to compose a body of, which reads back as these parts
 *     t   the boundary on a line of its own, and a body
 *     a   a Content-Type on a line of its own, and a body
 *
 * What is read has the same parts for a reader that cuts the body at whatever
 * is a boundary.
 */


#include "fuzz.h"

#include <ctype.h>
#include <strings.h>

#include "core/kairo_multipart.h"


int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
    __attribute__ ((visibility ("default")));


#define PARTS  64


typedef struct {
    size_t         n;
    kairo_part_t   part[PARTS];
} parts_t;


/* Bytes that the input has left, one by one; none: 0. */

static kairo_span_t  input;


static unsigned char
draw(void)
{
    if (input.n == 0) {
        return 0;
    }

    input.n--;

    return *input.p++;
}


static kairo_span_t
draw_some(size_t n)
{
    kairo_span_t  s;

    s.p = input.p;
    s.n = n < input.n ? n : input.n;

    input.p += s.n;
    input.n -= s.n;

    return s;
}


/* "part" lies within "whole". */

static void
within(kairo_span_t part, kairo_span_t whole)
{
    must(part.n == 0
         || (part.p >= whole.p && part.p + part.n <= whole.p + whole.n));
}


/* Returns as kairo_multipart_next() does at last; -2: it is no such type. */

static int
read_strictly(kairo_span_t type, kairo_span_t body, parts_t *parts)
{
    int                rc;
    kairo_part_t       part;
    kairo_multipart_t  m;

    parts->n = 0;

    if (kairo_multipart(&m, type, body) != 0) {
        return -2;
    }

    within(m.boundary, type);
    must(m.boundary.n && m.boundary.n <= KAIRO_MULTIPART_BOUNDARY);

    while ((rc = kairo_multipart_next(&m, &part)) > 0) {

        must(part.name.n);
        within(part.name, body);
        within(part.type, body);
        within(part.content, body);
        within(m.rest, body);

        if (parts->n < PARTS) {
            parts->part[parts->n++] = part;
        }
    }

    must(rc == 0 || rc == -1);

    return rc;
}


static const unsigned char *
find(const unsigned char *p, const unsigned char *last, const char *text,
    size_t n)
{
    for (/* void */; (size_t) (last - p) >= n; p++) {
        if (memcmp(p, text, n) == 0) {
            return p;
        }
    }

    return NULL;
}


/* The text between two quotes behind the word, in the lines of a header. */

static int
quoted(const unsigned char *p, const unsigned char *last, const char *word,
    kairo_span_t *value)
{
    size_t                n;
    const unsigned char  *end;

    for (n = strlen(word); (size_t) (last - p) > n; p++) {

        if (strncasecmp((const char *) p, word, n) == 0) {
            end = memchr(p + n, '"', (size_t) (last - p) - n);
            must(end != NULL);
            value->p = p + n;
            value->n = (size_t) (end - value->p);
            return 1;
        }
    }

    return 0;
}


/* What was read, by one who cuts at each boundary, wherever it stands. */

static void
cut(kairo_span_t boundary, kairo_span_t body, const parts_t *parts)
{
    char                  mark[KAIRO_MULTIPART_BOUNDARY + 3];
    size_t                i, n;
    kairo_span_t          name, file;
    const unsigned char  *p, *next, *end, *last;

    n = boundary.n + 2;
    memcpy(mark, "--", 2);
    memcpy(mark + 2, boundary.p, boundary.n);

    last = body.p + body.n;
    must(find(body.p, last, mark, n) == body.p);

    for (p = body.p + n, i = 0; /* void */; p = next + n, i++) {

        next = find(p, last, mark, n);

        if (next == NULL) {
            break;
        }

        must(i < PARTS && i < parts->n);
        must(memcmp(p, "\r\n", 2) == 0 && memcmp(next - 2, "\r\n", 2) == 0);

        end = find(p, next, "\r\n\r\n", 4);
        must(end != NULL);

        must(parts->part[i].content.p == end + 4);
        must(parts->part[i].content.p + parts->part[i].content.n
             == next - 2);

        must(quoted(p, end, "form-data; name=\"", &name));
        must(name.p == parts->part[i].name.p
             && name.n == parts->part[i].name.n);

        /* behind it a file, or the line's end */

        p = name.p + name.n;

        if (parts->part[i].file) {
            must(quoted(p, end, "\"; filename=\"", &file));
            must(file.p == p + 13);
            p = file.p + file.n;
        }

        must(memcmp(p, "\"\r\n", 3) == 0);
    }

    must(i == parts->n);
    must((last - p == 2 && memcmp(p, "--", 2) == 0)
         || (last - p == 4 && memcmp(p, "--\r\n", 4) == 0));
}


/* The boundary is what is behind the first "=", in quotes or not. */

static void
given(kairo_span_t type, kairo_span_t body)
{
    parts_t               parts;
    kairo_span_t          boundary;
    const unsigned char  *equals;

    if (read_strictly(type, body, &parts) != 0 || parts.n == PARTS) {
        return;
    }

    equals = memchr(type.p, '=', type.n);
    must(equals != NULL);

    boundary.p = equals + 1;
    boundary.n = type.n - (size_t) (boundary.p - type.p);

    if (*boundary.p == '"') {
        boundary.p++;
        boundary.n -= 2;
    }

    cut(boundary, body, &parts);
}


/* A boundary or a name out of bytes: a few of those that are allowed. */

static size_t
letters(char *out, size_t max, const char *from)
{
    size_t  i, n;

    n = 1 + draw() % max;

    for (i = 0; i < n; i++) {
        out[i] = from[draw() % strlen(from)];
    }

    out[n] = '\0';

    return n;
}


static size_t
put(unsigned char *body, size_t n, const void *bytes, size_t len)
{
    memcpy(body + n, bytes, len);

    return n + len;
}


static size_t
put_string(unsigned char *body, size_t n, const char *text)
{
    return put(body, n, text, strlen(text));
}


/* Any case of the words that have none. */

static size_t
put_word(unsigned char *body, size_t n, const char *word)
{
    int  upper;

    for (upper = draw() & 1; *word; word++) {
        body[n++] = (unsigned char) (upper ? toupper(*word) : *word);
    }

    return n;
}


static size_t
put_part(unsigned char *body, size_t n, kairo_part_t *part, char *name)
{
    size_t         k;
    unsigned char  how;

    static const char *const  types[] = {
        "text/plain", "text/plain; charset=UTF-8", "text/x;charset=utf-8", "x"
    };

    how = draw();

    part->name.n = letters(name, 8, "aB-[]. \xc3\xa9'%&;=");
    part->name.p = (const unsigned char *) name;
    part->file = how & 1;

    for (k = 0; k < 2; k++) {

        if (k == (how >> 1 & 1u)) {
            n = put_word(body, n, "\r\ncontent-disposition: form-data; name=");
            n = put_string(body, n, "\"");
            n = put_string(body, n, name);
            n = put_string(body, n, "\"");

            if (part->file) {
                n = put_word(body, n, "; filename=");
                n = put_string(body, n, "\"f; name=x\"");
            }

        } else if (how & 4) {
            n = put_word(body, n, "\r\ncontent-type: ");
            n = put_string(body, n, types[how >> 3 & 3]);
        }
    }

    n = put_string(body, n, "\r\n\r\n");

    part->content = draw_some(draw() % 24);

    return put(body, n, part->content.p, part->content.n);
}


static void
composed(void)
{
    int             quoted, inside;
    char            boundary[KAIRO_MULTIPART_BOUNDARY + 1], type[200];
    char            names[8][16], mark[KAIRO_MULTIPART_BOUNDARY + 3];
    size_t          i, n, begin, count;
    parts_t         parts;
    kairo_span_t    t, b;
    unsigned char  *body, *exact_type, *exact_body;
    kairo_part_t    part[8];

    quoted = draw() & 1;

    n = letters(boundary, KAIRO_MULTIPART_BOUNDARY,
                quoted ? "B-a1_'()+,./:=?" : "B-a1_'+.");

    (void) snprintf(type, sizeof(type), "multipart/form-data;%sboundary=%s",
                    draw() & 1 ? " " : "", boundary);

    if (quoted) {
        (void) snprintf(type, sizeof(type),
                        "Multipart/Form-Data; Boundary=\"%s\"", boundary);
    }

    (void) snprintf(mark, sizeof(mark), "--%s", boundary);

    body = fuzz_alloc(65536);
    count = draw() % 8;
    inside = 0;
    n = 0;

    for (i = 0; i < count; i++) {
        n = put_string(body, n, mark);
        begin = n;
        n = put_part(body, n, &part[i], names[i]);
        n = put_string(body, n, "\r\n");

        if (find(body + begin, body + n, mark, strlen(mark))) {
            inside = 1;
        }
    }

    n = put_string(body, n, mark);
    n = put_string(body, n, draw() & 1 ? "--" : "--\r\n");

    t.p = exact_type = fuzz_copy(type, strlen(type));
    t.n = strlen(type);
    b.p = exact_body = fuzz_copy(body, n);
    b.n = n;

    if (inside) {
        must(read_strictly(t, b, &parts) == -1);

    } else {
        must(read_strictly(t, b, &parts) == 0);
        must(parts.n == count);

        for (i = 0; i < count; i++) {
            must(parts.part[i].file == part[i].file);
            must(parts.part[i].name.n == part[i].name.n
                 && memcmp(parts.part[i].name.p, part[i].name.p,
                           part[i].name.n) == 0);
            must(parts.part[i].content.n == part[i].content.n
                 && (part[i].content.n == 0
                     || memcmp(parts.part[i].content.p, part[i].content.p,
                               part[i].content.n) == 0));
        }

        /* a byte less, or the end of another: no end */

        b.n = n - 1 - 2 * (exact_body[n - 1] == '\n');
        must(read_strictly(t, b, &parts) == -1);
    }

    free(exact_body);
    free(exact_type);
    free(body);
}


int
LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    size_t                n;
    kairo_span_t          type, body;
    unsigned char        *exact_type, *exact_body;
    const unsigned char  *lf;

    static const char  prefix[] = "multipart/form-data;boundary=";

    if (size == 0) {
        return 0;
    }

    if (data[0] == 'c') {
        input.p = data + 1;
        input.n = size - 1;
        composed();
        return 0;
    }

    lf = memchr(data + 1, '\n', size - 1);

    if (lf == NULL) {
        return 0;
    }

    body.n = (size_t) (data + size - lf - 1);
    body.p = exact_body = fuzz_copy(lf + 1, body.n);

    n = data[0] == 't' ? strlen(prefix) : 0;

    type.n = n + (size_t) (lf - data - 1);
    type.p = exact_type = fuzz_alloc(type.n);
    memcpy(exact_type, prefix, n);
    memcpy(exact_type + n, data + 1, type.n - n);

    given(type, body);

    free(exact_type);
    free(exact_body);

    return 0;
}
