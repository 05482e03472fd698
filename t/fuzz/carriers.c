
/*
 * Queries, forms, forms of parts, cookies and paths into JSON, of any bytes.
 * The first byte says which.
 */


#include "fuzz.h"

#include "core/kairo_cookie.h"
#include "core/kairo_form.h"
#include "core/kairo_multipart.h"
#include "core/kairo_utf8.h"
#include "libs/kairo_json_select.h"


int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
    __attribute__ ((visibility ("default")));


/* "part" lies within "whole", behind "from". */

static void
within(kairo_span_t part, kairo_span_t whole, const unsigned char *from)
{
    must(part.n == 0
         || (part.p >= from && part.p + part.n <= whole.p + whole.n));
}


/* What is decoded is UTF-8 without NUL, no longer, and as it would be encoded. */

static void
decoded(kairo_span_t text)
{
    long            n, again_n;
    size_t          i, len;
    kairo_span_t    s;
    unsigned char  *out, *again, *back;

    out = fuzz_alloc(text.n);
    n = kairo_form_decode(text, out);

    if (n < 0) {
        free(out);
        return;
    }

    s.p = out;
    s.n = (size_t) n;
    must(s.n <= text.n && kairo_utf8(s));
    must(n == 0 || memchr(out, '\0', s.n) == NULL);

    again = fuzz_alloc(3 * s.n);

    for (i = 0, len = 0; i < s.n; i++) {
        len += (size_t) snprintf((char *) again + len, 4, "%%%02X", out[i]);
    }

    s.p = again;
    s.n = len;
    back = fuzz_alloc(len + 1);
    again_n = kairo_form_decode(s, back);
    must(again_n == n && memcmp(back, out, (size_t) n) == 0);

    free(back);
    free(again);
    free(out);
}
