
/* Names and values of header fields, as any client may write them. */


#include <stdlib.h>

#include "core/kairo_header.h"


int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
    __attribute__ ((visibility ("default")));


/* The rule once more, the slow way. */

static int
reserved(const unsigned char *p, size_t n)
{
    size_t         i;
    unsigned char  c;

    for (i = 0; i < 8 && i < n; i++) {

        c = p[i] >= 'A' && p[i] <= 'Z' ? (unsigned char) (p[i] + 32) : p[i];

        if ((c < 'a' || c > 'z') && (c < '0' || c > '9')) {
            c = '-';
        }

        if (c != (unsigned char) "x-kairo-"[i]) {
            return 0;
        }
    }

    return n >= 8;
}


int
LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    unsigned char  *exact;
    kairo_span_t    s;
    kairo_media_t   media;

    exact = malloc(size ? size : 1);
    memcpy(exact, data, size);

    s.p = exact;
    s.n = size;

    if (kairo_header_reserved(s) != reserved(exact, size)) {
        abort();
    }

    media = kairo_header_accept(s);

    if (media != KAIRO_MEDIA_JSON && media != KAIRO_MEDIA_TEXT) {
        abort();
    }

    /* nothing but a text range asks for text: that takes six bytes */

    if (media == KAIRO_MEDIA_TEXT && size < 6) {
        abort();
    }

    free(exact);

    return 0;
}
