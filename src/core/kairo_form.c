
#include "core/kairo_form.h"
#include "core/kairo_utf8.h"


static int kairo_form_hex(unsigned char c);


int
kairo_form_next(kairo_span_t *text, kairo_form_pair_t *pair)
{
    size_t                n;
    const unsigned char  *equals;

    while (text->n) {

        for (n = 0; n < text->n && text->p[n] != '&' && text->p[n] != ';'; n++)
        {
            /* void */
        }

        equals = n ? memchr(text->p, '=', n) : NULL;

        pair->has_value = (equals != NULL);
        pair->name.p = text->p;
        pair->name.n = equals ? (size_t) (equals - text->p) : n;
        pair->value.p = equals ? equals + 1 : text->p + n;
        pair->value.n = (size_t) (text->p + n - pair->value.p);

        n += (n < text->n);    /* the separator */

        text->p += n;
        text->n -= n;

        if (pair->name.n || pair->value.n) {
            return 1;
        }
    }

    return 0;
}


long
kairo_form_decode(kairo_span_t text, unsigned char *out)
{
    int           high, low;
    size_t        i, n;
    kairo_span_t  decoded;

    for (i = 0, n = 0; i < text.n; i++) {

        out[n] = text.p[i] == '+' ? ' ' : text.p[i];

        if (text.p[i] == '%') {

            if (text.n - i < 3) {
                return -1;
            }

            high = kairo_form_hex(text.p[i + 1]);
            low = kairo_form_hex(text.p[i + 2]);

            if (high < 0 || low < 0) {
                return -1;
            }

            out[n] = (unsigned char) (high << 4 | low);
            i += 2;
        }

        if (out[n++] == '\0') {
            return -1;
        }
    }

    decoded.p = out;
    decoded.n = n;

    return kairo_utf8(decoded) ? (long) n : -1;
}


int
kairo_form_is(kairo_span_t name, kairo_span_t wanted)
{
    size_t         i;
    unsigned char  close;

    while (name.n && name.p[0] == ' ') {
        name.p++;
        name.n--;
    }

    if (name.n < wanted.n) {
        return 0;
    }

    for (i = 0; i < wanted.n; i++) {
        if (kairo_lower(name.p[i]) != wanted.p[i]) {
            return 0;
        }
    }

    if (i == name.n) {
        return 1;
    }

    if (name.p[i] != '[' && name.p[i] != '.') {
        return 0;
    }

    close = name.p[i++] == '[' ? ']' : '\0';

    if (close == '\0' && i == name.n) {
        return 0;
    }

    while (i < name.n && kairo_is_digit(name.p[i])) {
        i++;
    }

    return close ? i + 1 == name.n && name.p[i] == close : i == name.n;
}


static int
kairo_form_hex(unsigned char c)
{
    c = kairo_lower(c);

    if (kairo_is_digit(c)) {
        return c - '0';
    }

    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}
