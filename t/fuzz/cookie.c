
/*
 * Cookies of any bytes.  What three servers find, each in its own way, is
 * found; and nothing that none could.
 */


#include "fuzz.h"

#include "core/kairo_cookie.h"


int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
    __attribute__ ((visibility ("default")));


static int
is_visible(unsigned char c)
{
    return c > ' ' && c < 0x7f;
}


static int
is_token(unsigned char c)
{
    return is_visible(c) && c != ';' && c != ',';
}


static int
is_space(unsigned char c)
{
    return c == ' ' || c == '\t';
}


/* With one name alone: whether it is found at this place with this value. */

static void
finds(kairo_span_t text, size_t name, size_t name_n, size_t value,
    size_t value_n)
{
    kairo_span_t  rest, n, v;

    for (rest = text; kairo_cookie_next(&rest, &n, &v); /* void */) {
        if (n.p == text.p + name) {
            must(n.n == name_n && v.n == value_n);
            must(v.n == 0 || v.p == text.p + value);
            return;
        }
    }

    must(!"it is found");
}


/* Cut at ";", then at "=", and what is left is stripped. */

static void
stripped(kairo_span_t text)
{
    size_t  i, end, equals, name, name_end, value, value_end;

    for (i = 0; i < text.n; i = end + 1) {

        for (end = i; end < text.n && text.p[end] != ';'; end++) { /**/ }
        for (equals = i; equals < end && text.p[equals] != '='; equals++) {
            /* void */
        }

        name = i;
        name_end = equals;

        while (name < name_end && !is_visible(text.p[name])) {
            name++;
        }

        while (name_end > name && !is_visible(text.p[name_end - 1])) {
            name_end--;
        }

        value = equals < end ? equals + 1 : end;
        value_end = end;

        while (value < value_end && is_space(text.p[value])) {
            value++;
        }

        while (value_end > value && is_space(text.p[value_end - 1])) {
            value_end--;
        }

        for (i = name; i < name_end && is_token(text.p[i]); i++) { /**/ }

        if (i == name_end && name_end > name) {
            finds(text, name, name_end - name, value, value_end - value);
        }
    }
}


/*
 * Behind anything that is of no name, a name, spaces perhaps, and "="; this is
 * no value of the one before.
 */

static void
scanned(kairo_span_t text)
{
    size_t  i, name, name_end, value, end;

    for (i = 0; i < text.n; /* void */) {

        if (!is_token(text.p[i])) {
            i++;
            continue;
        }

        for (name = i; i < text.n && is_token(text.p[i]) && text.p[i] != '=';
             i++)
        {
            /* void */
        }

        name_end = i;

        while (i < text.n && is_space(text.p[i])) {
            i++;
        }

        if (i == text.n || text.p[i] != '=') {
            continue;
        }

        for (i++; i < text.n && is_space(text.p[i]); i++) { /**/ }

        for (value = end = i; end < text.n && text.p[end] != ';'; end++) {
            /* void */
        }

        while (end > value && is_space(text.p[end - 1])) {
            end--;
        }

        if (name_end > name) {
            finds(text, name, name_end - name, value, end - value);
        }

        while (i < text.n && is_token(text.p[i])) {
            i++;
        }
    }
}


int
LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    size_t                i;
    kairo_span_t          text, rest, name, value;
    unsigned char        *exact;
    const unsigned char  *last, *from;

    exact = fuzz_copy(data, size);

    text.p = exact;
    text.n = size;
    last = exact + size;
    from = exact;

    for (rest = text; kairo_cookie_next(&rest, &name, &value); /* void */) {

        must(name.p >= from && name.p + name.n <= last);
        must(name.n || *name.p == '=');
        must(value.p >= name.p + name.n && value.p + value.n <= last);
        must(rest.p >= name.p + name.n && rest.p + rest.n == last);
        must(name.p == exact || !is_token(name.p[-1]));

        for (i = 0; i < name.n; i++) {
            must(is_token(name.p[i]) && name.p[i] != '=');
        }

        must(memchr(value.p, ';', value.n) == NULL);
        must(value.n == 0 || (!is_space(value.p[0])
                              && !is_space(value.p[value.n - 1])));

        from = name.p + name.n;
    }

    must(rest.n == 0);

    stripped(text);
    scanned(text);

    free(exact);

    return 0;
}
