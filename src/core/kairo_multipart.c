
#include "core/kairo_multipart.h"


static int kairo_multipart_boundary(kairo_span_t rest, kairo_span_t *boundary);
static int kairo_multipart_begin(kairo_multipart_t *m);
static int kairo_multipart_piece(kairo_multipart_t *m, kairo_span_t *piece);
static int kairo_multipart_headers(kairo_span_t *piece, kairo_part_t *part);
static int kairo_multipart_header(kairo_span_t line, kairo_part_t *part);
static int kairo_multipart_disposition(kairo_span_t value, kairo_part_t *part);
static int kairo_multipart_text(kairo_span_t type);
static int kairo_multipart_line(kairo_span_t *rest, kairo_span_t *line);
static int kairo_multipart_take(kairo_span_t *text, const char *word);
static int kairo_multipart_quoted(kairo_span_t *text, kairo_span_t *value);
static void kairo_multipart_skip(kairo_span_t *text, size_t n);
static int kairo_multipart_bchar(unsigned char c, int quoted);


int
kairo_multipart(kairo_multipart_t *m, kairo_span_t type, kairo_span_t body)
{
    m->rest = body;
    m->begun = 0;

    return kairo_multipart_take(&type, "multipart/form-data")
           ? kairo_multipart_boundary(type, &m->boundary) : -1;
}


int
kairo_multipart_next(kairo_multipart_t *m, kairo_part_t *part)
{
    memset(part, 0, sizeof(*part));

    if (!m->begun) {

        m->begun = 1;

        if (kairo_multipart_begin(m) != 0) {
            return -1;
        }
    }

    /* behind the boundary: the end, or a part */

    if (kairo_multipart_take(&m->rest, "--")) {
        (void) kairo_multipart_take(&m->rest, "\r\n");
        return m->rest.n ? -1 : 0;
    }

    if (!kairo_multipart_take(&m->rest, "\r\n")) {
        return -1;
    }

    if (kairo_multipart_piece(m, &part->content) != 0) {
        return -1;
    }

    return kairo_multipart_headers(&part->content, part) == 0 ? 1 : -1;
}


/*
 * ;boundary=TOKEN or ;boundary="TEXT", and nothing else.  Without quotes no
 * "," or space, where some readers end it (RFC 2045, section 5.1, "token").
 */

static int
kairo_multipart_boundary(kairo_span_t rest, kairo_span_t *boundary)
{
    int     quoted;
    size_t  i;

    while (kairo_multipart_take(&rest, " ")) { /* void */ }

    if (!kairo_multipart_take(&rest, ";")) {
        return -1;
    }

    while (kairo_multipart_take(&rest, " ")) { /* void */ }

    if (!kairo_multipart_take(&rest, "boundary=")) {
        return -1;
    }

    quoted = (rest.n && rest.p[0] == '"');

    if (quoted) {

        if (kairo_multipart_quoted(&rest, boundary) != 0 || rest.n) {
            return -1;
        }

    } else {
        *boundary = rest;
    }

    if (boundary->n == 0 || boundary->n > KAIRO_MULTIPART_BOUNDARY
        || boundary->p[boundary->n - 1] == ' ')
    {
        return -1;
    }

    for (i = 0; i < boundary->n; i++) {
        if (!kairo_multipart_bchar(boundary->p[i], quoted)) {
            return -1;
        }
    }

    return 0;
}


static int
kairo_multipart_begin(kairo_multipart_t *m)
{
    if (!kairo_multipart_take(&m->rest, "--")
        || m->rest.n < m->boundary.n
        || memcmp(m->rest.p, m->boundary.p, m->boundary.n) != 0)
    {
        return -1;
    }

    kairo_multipart_skip(&m->rest, m->boundary.n);

    return 0;
}


/*
 * Up to the next boundary, which stands behind a line end.  Behind a bare line
 * feed, or within a line, only some readers take it for one.
 */

static int
kairo_multipart_piece(kairo_multipart_t *m, kairo_span_t *piece)
{
    size_t                n;
    kairo_span_t          rest;
    const unsigned char  *p;

    rest = m->rest;
    n = 2 + m->boundary.n;

    while (rest.n >= n) {

        p = memchr(rest.p, '-', rest.n - n + 1);

        if (p == NULL) {
            return -1;
        }

        kairo_multipart_skip(&rest, (size_t) (p - rest.p));

        if (p[1] != '-' || memcmp(p + 2, m->boundary.p, n - 2) != 0) {
            kairo_multipart_skip(&rest, 1);
            continue;
        }

        if (p - m->rest.p < 2 || p[-2] != '\r' || p[-1] != '\n') {
            return -1;
        }

        piece->p = m->rest.p;
        piece->n = (size_t) (p - 2 - m->rest.p);

        kairo_multipart_skip(&rest, n);
        m->rest = rest;

        return 0;
    }

    return -1;
}


/* What is left of the piece is the content. */

static int
kairo_multipart_headers(kairo_span_t *piece, kairo_part_t *part)
{
    kairo_span_t  line;

    do {
        if (kairo_multipart_line(piece, &line) != 0) {
            return -1;
        }

        if (line.n && kairo_multipart_header(line, part) != 0) {
            return -1;
        }

    } while (line.n);

    if (part->name.n == 0) {
        return -1;
    }

    return part->file || kairo_multipart_text(part->type) ? 0 : -1;
}


static int
kairo_multipart_header(kairo_span_t line, kairo_part_t *part)
{
    size_t  i;

    for (i = 0; i < line.n; i++) {
        if (line.p[i] == '\0' || line.p[i] == '\n' || line.p[i] == '\r') {
            return -1;
        }
    }

    if (kairo_multipart_take(&line, "content-disposition: ")) {
        return part->name.n ? -1 : kairo_multipart_disposition(line, part);
    }

    if (!kairo_multipart_take(&line, "content-type: ")
        || line.n == 0 || line.p[0] == ' ' || part->type.n)
    {
        return -1;
    }

    part->type = line;

    /* whose parts some readers take for those of the form */

    return kairo_multipart_take(&line, "multipart/")
           || kairo_multipart_take(&line, "message/") ? -1 : 0;
}


/* How its bytes are read is not for a part to say: a charset is UTF-8. */

static int
kairo_multipart_text(kairo_span_t type)
{
    while (type.n && type.p[0] != ';') {
        kairo_multipart_skip(&type, 1);
    }

    if (type.n == 0) {
        return 1;
    }

    kairo_multipart_skip(&type, 1);
    (void) kairo_multipart_take(&type, " ");

    return kairo_multipart_take(&type, "charset=utf-8") && type.n == 0;
}


/* form-data; name="NAME" [; filename="NAME"] */

static int
kairo_multipart_disposition(kairo_span_t value, kairo_part_t *part)
{
    kairo_span_t  file;

    if (!kairo_multipart_take(&value, "form-data; name=")
        || kairo_multipart_quoted(&value, &part->name) != 0
        || part->name.n == 0)
    {
        return -1;
    }

    if (value.n == 0) {
        return 0;
    }

    part->file = 1;

    return kairo_multipart_take(&value, "; filename=")
           && kairo_multipart_quoted(&value, &file) == 0 && value.n == 0
           ? 0 : -1;
}


static int
kairo_multipart_line(kairo_span_t *rest, kairo_span_t *line)
{
    const unsigned char  *lf;

    lf = rest->n ? memchr(rest->p, '\n', rest->n) : NULL;

    if (lf == NULL || lf == rest->p || lf[-1] != '\r') {
        return -1;
    }

    line->p = rest->p;
    line->n = (size_t) (lf - 1 - rest->p);

    kairo_multipart_skip(rest, line->n + 2);

    return 0;
}


/* Takes a word off the beginning, without regard to case. */

static int
kairo_multipart_take(kairo_span_t *text, const char *word)
{
    size_t  i;

    for (i = 0; word[i]; i++) {
        if (i == text->n || kairo_lower(text->p[i]) != word[i]) {
            return 0;
        }
    }

    kairo_multipart_skip(text, i);

    return 1;
}


/* Without escapes: some readers take a backslash for one, and some don't. */

static int
kairo_multipart_quoted(kairo_span_t *text, kairo_span_t *value)
{
    size_t  i;

    if (text->n == 0 || text->p[0] != '"') {
        return -1;
    }

    for (i = 1; i < text->n && text->p[i] != '"'; i++) {
        if (text->p[i] == '\\' || text->p[i] < ' ') {
            return -1;
        }
    }

    if (i == text->n) {
        return -1;
    }

    value->p = text->p + 1;
    value->n = i - 1;

    kairo_multipart_skip(text, i + 1);

    return 0;
}


static void
kairo_multipart_skip(kairo_span_t *text, size_t n)
{
    text->p += n;
    text->n -= n;
}


/* RFC 2046, section 5.1.1, "bchars", of which few are of a token */

static int
kairo_multipart_bchar(unsigned char c, int quoted)
{
    unsigned char  l;

    l = kairo_lower(c);

    return kairo_is_digit(c) || (l >= 'a' && l <= 'z')
           || (c && strchr(quoted ? "'()+_,-./:=? " : "'+_-.", c));
}
