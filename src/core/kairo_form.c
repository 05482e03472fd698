
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


kairo_span_t
kairo_form_value(const kairo_form_pair_t *pair, kairo_span_t rest)
{
    kairo_span_t          value;
    const unsigned char  *last;

    value = pair->value;
    last = value.p + value.n;

    if (!pair->has_value || rest.p == last || *last == '&') {
        return value;
    }

    last = rest.n ? memchr(rest.p, '&', rest.n) : NULL;
    last = last ? last : rest.p + rest.n;

    value.n = (size_t) (last - value.p);

    return value;
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
    unsigned char  c, w;

    /* PHP takes off spaces in front; "[url]" is "url" to qs, and to Rack */

    while (name.n && memchr(" []", name.p[0], 3)
           && (wanted.n == 0 || name.p[0] != wanted.p[0]))
    {
        name.p++;
        name.n--;
    }

    while (wanted.n) {

        if (name.n == 0) {
            return 0;
        }

        c = kairo_utf8_letter(&name);
        w = kairo_utf8_letter(&wanted);

        if (c != w && !(w == '_' && (c == '.' || c == ' ' || c == '['))) {
            return 0;
        }
    }

    /* PHP leaves out what is behind "]", and the index may be a text */

    while (name.n && name.p[0] == ']') {
        name.p++;
        name.n--;
    }

    if (name.n == 0 || name.p[0] == '[') {
        return 1;
    }

    for (i = 1; i < name.n && kairo_is_digit(name.p[i]); i++) { /* void */ }

    return name.p[0] == '.' && i > 1 && (i == name.n || name.p[i] == '[');
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
