
#include <idn2.h>
#include <stdlib.h>

#include "libs/kairo_idna.h"


/* of UTF-8 and its terminating zero: no label of DNS comes of a longer one */

#define KAIRO_IDNA_LABEL  256


static const char *kairo_idna_label(kairo_span_t label, unsigned char *out,
    size_t *n);
static const char *kairo_idna_encode(kairo_span_t label, unsigned char *out,
    size_t *n);
static int kairo_idna_is_ascii(kairo_span_t label);
static int kairo_idna_is_encoded(kairo_span_t label);
static int kairo_idna_has_deviation(const unsigned char *label);


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

        if (label.n >= KAIRO_IDNA_LABEL
            || *n + KAIRO_IDNA_LABEL > KAIRO_IDNA_MAX)
        {
            return "label_length";
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
           ? "idna_not_encoded_so" : NULL;
}


static const char *
kairo_idna_encode(kairo_span_t label, unsigned char *out, size_t *n)
{
    int            rc;
    char          *ascii;
    unsigned char  text[KAIRO_IDNA_LABEL];

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
