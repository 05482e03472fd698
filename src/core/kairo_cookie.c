
#include "core/kairo_cookie.h"


static int kairo_cookie_is_space(unsigned char c);


int
kairo_cookie_next(kairo_span_t *text, kairo_span_t *name, kairo_span_t *value)
{
    const unsigned char  *p, *last, *end, *equals;

    while (text->n && (kairo_cookie_is_space(*text->p) || *text->p == ';')) {
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

    while (end > p && kairo_cookie_is_space(end[-1])) {
        end--;
    }

    for (equals = p; equals < end && *equals != '='; equals++) { /* void */ }

    name->p = p;
    name->n = (size_t) (equals - p);

    value->p = equals < end ? equals + 1 : end;
    value->n = (size_t) (end - value->p);

    return 1;
}


static int
kairo_cookie_is_space(unsigned char c)
{
    return c == ' ' || c == '\t';
}
