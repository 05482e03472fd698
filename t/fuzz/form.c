
/*
 * Queries and forms of any bytes: their pairs, what they are decoded to, and
 * which names are the protected one.
 */


#include "fuzz.h"

#include <regex.h>

#include "core/kairo_form.h"
#include "core/kairo_utf8.h"


int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
    __attribute__ ((visibility ("default")));


/* the protected ones, and how they may be written */

static const struct {
    const char  *name;
    const char  *pattern;
} names[] = {
    { "url", "^[] []*url]*(\\[.*|[.][0-9]+(\\[.*)?)?$" },
    { "link_to", "^[] []*link[_. []to]*(\\[.*|[.][0-9]+(\\[.*)?)?$" },
    { "hosts", "^[] []*hosts]*(\\[.*|[.][0-9]+(\\[.*)?)?$" }
};


#define NAMES  (sizeof(names) / sizeof(names[0]))


/* Pieces between separators, cut at their first "=". */

static void
pairs(kairo_span_t text)
{
    size_t                i, n, begin, equals;
    kairo_span_t          rest, value;
    kairo_form_pair_t     pair;

    rest = text;
    begin = 0;
    equals = SIZE_MAX;

    for (i = 0; i <= text.n; i++) {

        if (i < text.n && text.p[i] != '&' && text.p[i] != ';') {

            if (text.p[i] == '=' && equals == SIZE_MAX) {
                equals = i;
            }

            continue;
        }

        if (i > begin && !(i == begin + 1 && equals == begin)) {

            must(kairo_form_next(&rest, &pair));
            must(pair.has_value == (equals != SIZE_MAX));
            must(pair.name.p == text.p + begin);

            if (pair.has_value) {
                must(pair.name.n == equals - begin);
                must(pair.value.p == text.p + equals + 1);
                must(pair.value.n == i - equals - 1);

                for (n = i; n < text.n && text.p[n] != '&'; n++) { /* void */ }

                value = kairo_form_value(&pair, rest);
                must(value.p == pair.value.p);
                must(value.n == n - equals - 1);

            } else {
                must(pair.name.n == i - begin && pair.value.n == 0);
            }
        }

        begin = i + 1;
        equals = SIZE_MAX;
    }

    must(!kairo_form_next(&rest, &pair) && rest.n == 0);
}


/* By the value of each character, -1: it is none. */

static long
character(const unsigned char *p, size_t n, size_t *used)
{
    long           c;
    size_t         i, more;

    static const long  least[] = { 0, 0x80, 0x800, 0x10000 };

    more = p[0] < 0x80 ? 0 : (p[0] & 0xe0) == 0xc0 ? 1
           : (p[0] & 0xf0) == 0xe0 ? 2 : (p[0] & 0xf8) == 0xf0 ? 3 : n;

    if (more >= n) {
        return -1;
    }

    c = more ? p[0] & (0x3f >> more) : p[0];

    for (i = 1; i <= more; i++) {

        if ((p[i] & 0xc0) != 0x80) {
            return -1;
        }

        c = c << 6 | (p[i] & 0x3f);
    }

    *used = more + 1;

    return c < least[more] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff)
           ? -1 : c;
}


static int
is_utf8(kairo_span_t text)
{
    size_t        i, used;
    kairo_span_t  rest;

    for (i = 0; i < text.n; i += used) {

        rest.p = text.p + i;
        rest.n = text.n - i;

        if (character(rest.p, rest.n, &used) < 0) {
            must(kairo_utf8_char(rest) == 0);
            return 0;
        }

        must(kairo_utf8_char(rest) == used);
    }

    return 1;
}


/* As strtoul() reads what is behind a "%"; -1: in more than one way. */

static long
decode(kairo_span_t text, unsigned char *out)
{
    char          hex[3], *end;
    size_t        i;
    kairo_span_t  s;

    s.p = out;
    s.n = 0;

    for (i = 0; i < text.n; i++) {

        if (text.p[i] != '%') {
            out[s.n++] = text.p[i] == '+' ? ' ' : text.p[i];
            continue;
        }

        memset(hex, 0, sizeof(hex));
        memcpy(hex, text.p + i + 1, text.n - i - 1 < 2 ? text.n - i - 1 : 2);

        if (strlen(hex) < 2 || strspn(hex, "0123456789abcdefABCDEF") < 2) {
            return -1;
        }

        out[s.n++] = (unsigned char) strtoul(hex, &end, 16);
        must(*end == '\0');
        i += 2;
    }

    return is_utf8(s) && memchr(out, '\0', s.n) == NULL ? (long) s.n : -1;
}


/* Each byte of which the bits say so as "%XX", in letters of either case. */

static size_t
encode(kairo_span_t text, unsigned char *out, unsigned bits)
{
    char    hex[4];
    size_t  i, n;

    for (i = 0, n = 0; i < text.n; i++) {

        if (bits >> i % 31 & 1 || strchr("%+&;=", text.p[i])) {
            (void) snprintf(hex, sizeof(hex), i & 1 ? "%%%02x" : "%%%02X",
                            text.p[i]);
            memcpy(out + n, hex, 3);
            n += 3;

        } else {
            out[n++] = text.p[i] == ' ' ? '+' : text.p[i];
        }
    }

    return n;
}


/* The four letters that are of ASCII in another case, by their characters. */

static char *
folded(kairo_span_t name)
{
    char    *out;
    size_t   i, n, used;
    long     c;

    out = (char *) fuzz_alloc(name.n + 1);

    for (i = 0, n = 0; i < name.n; i += used) {

        c = character(name.p + i, name.n - i, &used);

        if (c == 0x130 || c == 0x131) {
            out[n++] = 'i';

        } else if (c == 0x17f) {
            out[n++] = 's';

        } else if (c == 0x212a) {
            out[n++] = 'k';

        } else {
            memcpy(out + n, name.p + i, used);
            n += used;
        }
    }

    out[n] = '\0';

    return out;
}


/* Whether it is the protected one, however it is written. */

static void
spellings(kairo_span_t name, unsigned bits)
{
    int             is;
    long            n;
    char           *plain;
    size_t          i, k;
    kairo_span_t    wanted, other, back;
    unsigned char  *encoded, *decoded, *more;

    static int      compiled;
    static regex_t  pattern[NAMES];

    for (k = 0; k < NAMES; k++) {

        if (!compiled) {
            must(regcomp(&pattern[k], names[k].pattern,
                         REG_EXTENDED|REG_ICASE|REG_NOSUB) == 0);
        }
    }

    compiled = 1;

    plain = folded(name);
    encoded = fuzz_alloc(3 * name.n);
    decoded = fuzz_alloc(3 * name.n);
    more = fuzz_alloc(name.n + 3);

    for (k = 0; k < NAMES; k++) {

        wanted.p = (const unsigned char *) names[k].name;
        wanted.n = strlen(names[k].name);

        is = kairo_form_is(name, wanted);

        must(is == (regexec(&pattern[k], plain, 0, NULL, 0) == 0));

        /* letters of another case */

        for (i = 0; i < name.n; i++) {
            more[i] = name.p[i];

            if (bits >> i % 31 & 1 && kairo_lower(more[i] | 0x20) >= 'a'
                && kairo_lower(more[i] | 0x20) <= 'z' && more[i] < 0x80
                && more[i] >= 'A')
            {
                more[i] ^= 0x20;
            }
        }

        other.p = more;
        other.n = name.n;
        must(kairo_form_is(other, wanted) == is);

        /* an array of it, and a space in front */

        memcpy(more, name.p, name.n);
        memcpy(more + name.n, "[]", 2);
        other.n = name.n + 2;
        must(!is || kairo_form_is(other, wanted));

        more[0] = ' ';
        memcpy(more + 1, name.p, name.n);
        other.n = name.n + 1;
        must(kairo_form_is(other, wanted) == is);

        /* what is encoded */

        back.p = encoded;
        back.n = encode(name, encoded, bits);
        n = kairo_form_decode(back, decoded);
        must(n == (long) name.n && memcmp(decoded, name.p, name.n) == 0);

        other.p = decoded;
        must(kairo_form_is(other, wanted) == is || other.n != name.n);
    }

    free(more);
    free(decoded);
    free(encoded);
    free(plain);
}


int
LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    long               n;
    unsigned           bits;
    kairo_span_t       text, rest, name;
    unsigned char     *exact, *out, *second;
    kairo_form_pair_t  pair;

    exact = fuzz_copy(data, size);

    text.p = exact;
    text.n = size;
    bits = size ? data[size / 2] * 0x01010101u : 0;

    pairs(text);
    must(kairo_utf8(text) == is_utf8(text));

    for (rest = text; kairo_form_next(&rest, &pair); /* void */) {

        out = fuzz_alloc(pair.name.n);
        second = fuzz_alloc(pair.name.n);

        n = kairo_form_decode(pair.name, out);
        must(n == decode(pair.name, second));

        if (n >= 0) {
            must(memcmp(out, second, (size_t) n) == 0);

            name.p = fuzz_copy(out, (size_t) n);
            name.n = (size_t) n;
            spellings(name, bits);
            free((void *) name.p);
        }

        free(second);
        free(out);
    }

    free(exact);

    return 0;
}
