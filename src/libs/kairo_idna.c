
#include <idn2.h>
#include <stdlib.h>

#include "libs/kairo_idna.h"


/* of UTF-8 and its terminating zero: no label of DNS comes of a longer one */

#define KAIRO_IDNA_LABEL  256


static const char *kairo_idna_label(kairo_span_t label, unsigned char *out,
    size_t *n);
static const char *kairo_idna_encode(kairo_span_t label, unsigned char *out,
    size_t *n);
static int kairo_idna_is_its_own(kairo_span_t label);
static int kairo_idna_is_ascii(kairo_span_t label);
static int kairo_idna_is_encoded(kairo_span_t label);
static int kairo_idna_has_deviation(const unsigned char *label);
static int kairo_idna_is_stable(const unsigned char *label,
    const char *ascii);
static uint32_t kairo_idna_code(const unsigned char **p);
static int kairo_idna_is_old(uint32_t c);


const char *
kairo_idna(kairo_span_t name, unsigned char *out, size_t *n)
{
    size_t         i, len;
    const char    *wrong;
    kairo_span_t   label;

    *n = 0;
    label.p = name.p;

    for (i = 0; i <= name.n; i++) {

        if (i < name.n && name.p[i] != '.') {
            continue;
        }

        label.n = (size_t) (name.p + i - label.p);

        if (label.n >= KAIRO_IDNA_LABEL) {
            return "label_length";
        }

        if (*n + KAIRO_IDNA_LABEL > KAIRO_IDNA_MAX) {
            return "name_length";
        }

        wrong = kairo_idna_label(label, out + *n, &len);

        if (wrong) {
            return wrong;
        }

        *n += len;

        if (i < name.n) {
            out[(*n)++] = '.';
            label.p = name.p + i + 1;
        }
    }

    return NULL;
}


static const char *
kairo_idna_label(kairo_span_t label, unsigned char *out, size_t *n)
{
    size_t         i;
    const char    *wrong;
    unsigned char  again[KAIRO_IDNA_LABEL];

    if (!kairo_idna_is_ascii(label)) {

        wrong = kairo_idna_encode(label, out, n);

        return wrong || kairo_idna_is_encoded((kairo_span_t) { out, *n })
               ? wrong : "idna_maps_to_ascii";
    }

    for (i = 0; i < label.n; i++) {
        out[i] = kairo_lower(label.p[i]);
    }

    *n = label.n;

    /* not of any other label: libidn2 refuses names that exist */

    if (!kairo_idna_is_encoded(label)) {
        return NULL;
    }

    label.p = out;
    wrong = kairo_idna_encode(label, again, &i);

    return wrong || i != label.n || memcmp(again, out, i) != 0
           || !kairo_idna_is_its_own(label)
           ? "idna_not_encoded_so" : NULL;
}


/*
 * libidn2 leaves a label in ASCII as it is although its text is one that would
 * be mapped: "xn--6a" is a space that does not break.
 */

static int
kairo_idna_is_its_own(kairo_span_t label)
{
    int             same;
    char           *text, *ascii;
    unsigned char   copy[KAIRO_IDNA_LABEL];

    memcpy(copy, label.p, label.n);
    copy[label.n] = '\0';

    if (idn2_to_unicode_8z8z((char *) copy, &text, 0) != IDN2_OK) {
        return 0;
    }

    same = 0;

    if (idn2_to_ascii_8z(text, &ascii, IDN2_NFC_INPUT|IDN2_NONTRANSITIONAL)
        == IDN2_OK)
    {
        same = (strcmp(text, ascii) != 0 && strcmp((char *) copy, ascii) == 0);
        idn2_free(ascii);
    }

    idn2_free(text);

    return same;
}


static const char *
kairo_idna_encode(kairo_span_t label, unsigned char *out, size_t *n)
{
    int            rc;
    char          *ascii;
    unsigned char  text[KAIRO_IDNA_LABEL];

    /* a text that libidn2 would take to end there */

    if (memchr(label.p, '\0', label.n)) {
        return "idna";
    }

    memcpy(text, label.p, label.n);
    text[label.n] = '\0';

    if (kairo_idna_has_deviation(text)) {
        return "idna_deviation";
    }

    /*
     * These flags and no others: with IDN2_USE_STD3_ASCII_RULES version 2.3.3
     * leaves characters out where it should refuse them.
     */

    rc = idn2_to_ascii_8z((char *) text, &ascii,
                          IDN2_NFC_INPUT|IDN2_NONTRANSITIONAL);
    if (rc != IDN2_OK) {
        return rc == IDN2_MALLOC ? "no_memory" : "idna";
    }

    *n = strlen(ascii);

    if (kairo_idna_is_encoded((kairo_span_t) { (unsigned char *) ascii, *n })
        && !kairo_idna_is_stable(text, ascii))
    {
        idn2_free(ascii);
        return "idna_deviation";
    }

    if (*n >= KAIRO_IDNA_LABEL || memchr(ascii, '.', *n)) {
        idn2_free(ascii);
        return "idna";
    }

    memcpy(out, ascii, *n);
    idn2_free(ascii);

    return NULL;
}


static int
kairo_idna_is_ascii(kairo_span_t label)
{
    size_t  i;

    for (i = 0; i < label.n; i++) {
        if (label.p[i] >= 0x80) {
            return 0;
        }
    }

    return 1;
}


static int
kairo_idna_is_encoded(kairo_span_t label)
{
    return label.n >= 4 && kairo_lower(label.p[0]) == 'x'
           && kairo_lower(label.p[1]) == 'n' && label.p[2] == '-'
           && label.p[3] == '-';
}


/*
 * What IDNA2003 and the versions of UTS #46 map differently: sharp s, its
 * capital, final sigma, the joiners; and the dots that are none of ASCII.
 */

static int
kairo_idna_has_deviation(const unsigned char *label)
{
    size_t  i;

    static const char  *deviations[] = {
        "\xc3\x9f", "\xe1\xba\x9e", "\xcf\x82", "\xe2\x80\x8c",
        "\xe2\x80\x8d", "\xe3\x80\x82", "\xef\xbc\x8e", "\xef\xbd\xa1"
    };

    for (i = 0; i < sizeof(deviations) / sizeof(deviations[0]); i++) {
        if (strstr((const char *) label, deviations[i])) {
            return 1;
        }
    }

    return 0;
}


/*
 * A label that is what it is encoded from, capitals of ASCII aside, is the
 * same for everybody.  Another one was mapped, composed, or has lost a
 * character; of those only the scripts are taken for which all versions do the
 * same.  Readers by IDNA2003 know Unicode 3.2, and encode what is younger as
 * it is; Cherokee had no small letters then, so that some map it the other way
 * round.
 */

static int
kairo_idna_is_stable(const unsigned char *label, const char *ascii)
{
    int                   same, ascii_only;
    char                 *text;
    size_t                i;
    uint32_t              c;
    const unsigned char  *p;

    ascii_only = 1;

    for (p = label; *p; /* void */ ) {

        c = kairo_idna_code(&p);

        if (c >= 0x13a0 && c <= 0x13ff) {
            return 0;
        }

        ascii_only = ascii_only && c < 0x80;
    }

    if (ascii_only) {
        return 1;
    }

    if (idn2_to_unicode_8z8z(ascii, &text, 0) != IDN2_OK) {
        return 0;
    }

    same = (strlen(text) == strlen((const char *) label));

    for (i = 0; same && label[i]; i++) {
        same = (kairo_lower(label[i]) == (unsigned char) text[i]);
    }

    idn2_free(text);

    if (same) {
        return 1;
    }

    for (p = label; *p; /* void */ ) {
        if (!kairo_idna_is_old(kairo_idna_code(&p))) {
            return 0;
        }
    }

    return 1;
}


/* The next character, which "*p" is moved behind; the text is valid UTF-8. */

static uint32_t
kairo_idna_code(const unsigned char **p)
{
    size_t    n;
    uint32_t  c;

    c = *(*p)++;
    n = c < 0xc0 ? 0 : c < 0xe0 ? 1 : c < 0xf0 ? 2 : 3;

    if (n) {
        c &= 0x3fu >> n;
    }

    for (/* void */; n; n--) {
        c = c << 6 | (*(*p)++ & 0x3f);
    }

    return c;
}


static int
kairo_idna_is_old(uint32_t c)
{
    size_t  i;

    static const struct {
        uint32_t  first;
        uint32_t  last;
    } ranges[] = {
        { 0x0000, 0x007f },
        { 0x00c0, 0x0220 },    /* Latin */
        { 0x0222, 0x0233 },
        { 0x0300, 0x034e },    /* accents on their own */
        { 0x0386, 0x03ce },    /* Greek */
        { 0x03d0, 0x03f5 },
        { 0x0400, 0x0482 },    /* Cyrillic */
        { 0x048a, 0x04bf },
        { 0x04c1, 0x04ce },
        { 0x04d0, 0x04f5 },
        { 0x04f8, 0x04f9 },
        { 0x0500, 0x050f },
        { 0x0531, 0x0587 },    /* Armenian */
        { 0x0621, 0x0655 },    /* Arabic */
        { 0x0660, 0x06d3 },
        { 0x0900, 0x0963 },    /* Devanagari, Bengali, Gurmukhi to Tamil */
        { 0x0981, 0x09e3 },
        { 0x0a01, 0x0ae3 },
        { 0x0b01, 0x0bd7 },
        { 0x0e01, 0x0eb9 },    /* Thai, Lao */
        { 0x0ebb, 0x0edd },
        { 0x1100, 0x11ff },    /* Hangul in parts */
        { 0x1e00, 0x1e9b },    /* Latin and Greek with accents */
        { 0x1ea0, 0x1ef9 },
        { 0x1f00, 0x1ffe },
        { 0x3041, 0x30ff },    /* Kana */
        { 0x3400, 0x4dbf },
        { 0x4e00, 0x9fff },
        { 0xac00, 0xd7a3 },
        { 0xff01, 0xff9f }     /* of full and half width */
    };

    for (i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++) {
        if (c >= ranges[i].first && c <= ranges[i].last) {
            return 1;
        }
    }

    return 0;
}
