
#include "core/kairo_cookie.h"


static int kairo_cookie_between(unsigned char c);
static int kairo_cookie_invisible(unsigned char c);
static int kairo_cookie_space(unsigned char c);


int
kairo_cookie_pair(kairo_span_t *text, kairo_span_t *name, kairo_span_t *value)
{
    const unsigned char  *p, *last, *end, *equals;

    while (text->n && (kairo_cookie_space(*text->p) || *text->p == ';')) {
        text->p++;
        text->n--;
    }

    if (text->n == 0) {
        return 0;
    }

    p = text->p;
    last = p + text->n;

    for (end = p; end < last && *end != ';'; end++) { /* void */ }

    text->p = end;
    text->n = (size_t) (last - end);

    while (end > p && kairo_cookie_space(end[-1])) {
        end--;
    }

    for (equals = p; equals < end && *equals != '='; equals++) { /* void */ }

    name->p = p;
    name->n = (size_t) (equals - p);

    value->p = equals < end ? equals + 1 : end;
    value->n = (size_t) (end - value->p);

    return 1;
}


int
kairo_cookie_next(kairo_span_t *text, kairo_span_t *name, kairo_span_t *value)
{
    size_t                i, n;
    const unsigned char  *p;

    p = text->p;
    n = text->n;

    for (i = 0; i < n && kairo_cookie_between(p[i]); i++) { /* void */ }

    if (i == n) {
        text->n = 0;
        return 0;
    }

    name->p = p + i;

    while (i < n && p[i] != '=' && !kairo_cookie_between(p[i])) {
        i++;
    }

    name->n = (size_t) (p + i - name->p);

    while (i < n && kairo_cookie_invisible(p[i])) {
        i++;
    }

    value->p = p + i;
    value->n = 0;

    if (i < n && p[i] == '=') {

        for (i++; i < n && kairo_cookie_space(p[i]); i++) { /* void */ }

        value->p = p + i;

        while (i + value->n < n && value->p[value->n] != ';') {
            value->n++;
        }

        while (value->n && kairo_cookie_space(value->p[value->n - 1])) {
            value->n--;
        }

        while (i < n && !kairo_cookie_between(p[i])) {
            i++;
        }
    }

    text->p = p + i;
    text->n = n - i;

    return 1;
}


static int
kairo_cookie_between(unsigned char c)
{
    return c == ';' || c == ',' || kairo_cookie_invisible(c);
}


/* What some reader may take for a space: U+00A0 of ISO 8859-1 too. */

static int
kairo_cookie_invisible(unsigned char c)
{
    return c <= ' ' || c >= 0x7f;
}


static int
kairo_cookie_space(unsigned char c)
{
    return c == ' ' || c == '\t';
}
