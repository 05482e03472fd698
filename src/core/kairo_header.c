
#include "core/kairo_header.h"


static unsigned char kairo_header_letter(unsigned char c);
static int kairo_header_equal(kairo_span_t s, const char *word);
static kairo_span_t kairo_header_cut(kairo_span_t *rest, unsigned char sep);
static kairo_span_t kairo_header_trim(kairo_span_t s);
static unsigned kairo_header_weight(kairo_span_t parameters);
static int kairo_header_media(kairo_span_t range, kairo_media_t *media);


int
kairo_header_reserved(kairo_span_t name)
{
    kairo_span_t               begin;
    static const kairo_span_t  prefix = kairo_span("x-kairo-");

    begin.p = name.p;
    begin.n = name.n < prefix.n ? name.n : prefix.n;

    return kairo_header_is(begin, prefix);
}


int
kairo_header_is(kairo_span_t name, kairo_span_t wanted)
{
    size_t  i;

    if (name.n != wanted.n) {
        return 0;
    }

    for (i = 0; i < name.n; i++) {
        if (kairo_header_letter(name.p[i])
            != kairo_header_letter(wanted.p[i]))
        {
            return 0;
        }
    }

    return 1;
}


static unsigned char
kairo_header_letter(unsigned char c)
{
    c = kairo_lower(c);

    return kairo_is_digit(c) || (c >= 'a' && c <= 'z') ? c : '-';
}


kairo_media_t
kairo_header_accept(kairo_span_t accept)
{
    unsigned       q, best;
    kairo_span_t   range, type;
    kairo_media_t  media, answer;

    best = 0;
    answer = KAIRO_MEDIA_JSON;

    while (accept.n) {

        range = kairo_header_cut(&accept, ',');
        type = kairo_header_trim(kairo_header_cut(&range, ';'));

        if (!kairo_header_media(type, &media)) {
            continue;
        }

        q = kairo_header_weight(range);

        if (q > best) {
            best = q;
            answer = media;
        }
    }

    return answer;
}


static int
kairo_header_equal(kairo_span_t s, const char *word)
{
    size_t  i;

    for (i = 0; i < s.n; i++) {
        if (word[i] == '\0' || kairo_lower(s.p[i]) != (unsigned char) word[i])
        {
            return 0;
        }
    }

    return word[i] == '\0';
}


/* Takes what stands before "sep" off the front of "rest". */

static kairo_span_t
kairo_header_cut(kairo_span_t *rest, unsigned char sep)
{
    kairo_span_t  s;

    s.p = rest->p;
    s.n = 0;

    while (s.n < rest->n && s.p[s.n] != sep) {
        s.n++;
    }

    rest->p += s.n;
    rest->n -= s.n;

    if (rest->n) {
        rest->p++;
        rest->n--;
    }

    return s;
}


static kairo_span_t
kairo_header_trim(kairo_span_t s)
{
    while (s.n && (s.p[0] == ' ' || s.p[0] == '\t')) {
        s.p++;
        s.n--;
    }

    while (s.n && (s.p[s.n - 1] == ' ' || s.p[s.n - 1] == '\t')) {
        s.n--;
    }

    return s;
}


static int
kairo_header_media(kairo_span_t type, kairo_media_t *media)
{
    if (kairo_header_equal(type, "application/problem+json")
        || kairo_header_equal(type, "application/json")
        || kairo_header_equal(type, "application/*")
        || kairo_header_equal(type, "*/*"))
    {
        *media = KAIRO_MEDIA_JSON;
        return 1;
    }

    if (type.n > 5) {
        type.n = 5;

        if (kairo_header_equal(type, "text/")) {
            *media = KAIRO_MEDIA_TEXT;
            return 1;
        }
    }

    return 0;
}


/*
 * The weight in thousandths: 1000 without a "q", 0 for one that breaks the
 * grammar  qvalue = ( "0" [ "." 0*3DIGIT ] ) / ( "1" [ "." 0*3("0") ] ).
 */

static unsigned
kairo_header_weight(kairo_span_t parameters)
{
    size_t        i;
    unsigned      q, scale;
    kairo_span_t  value, name;

    while (parameters.n) {

        value = kairo_header_trim(kairo_header_cut(&parameters, ';'));
        name = kairo_header_cut(&value, '=');

        if (!kairo_header_equal(name, "q")) {
            continue;
        }

        if (value.n == 0 || value.n > 5 || value.p[0] < '0'
            || value.p[0] > '1' || (value.n > 1 && value.p[1] != '.'))
        {
            return 0;
        }

        q = (unsigned) (value.p[0] - '0') * 1000;

        for (i = 2, scale = 100; i < value.n; i++, scale /= 10) {

            if (!kairo_is_digit(value.p[i])) {
                return 0;
            }

            q += (unsigned) (value.p[i] - '0') * scale;
        }

        return q > 1000 ? 0 : q;
    }

    return 1000;
}
