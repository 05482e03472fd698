
/*
 * Base64url and the compact serialization, of any bytes: what is decoded and
 * encoded again is the text it was, and a token has three parts or none.
 */


#include "base64.h"

#include "core/kairo_base64url.h"
#include "core/kairo_compact.h"


int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
    __attribute__ ((visibility ("default")));


static void
as_text(const unsigned char *text, size_t n)
{
    int             rc;
    size_t          len, again_len, i, foreign;
    kairo_span_t    s;
    unsigned char  *bytes, *again;

    s.p = n ? text : NULL;
    s.n = n;

    bytes = fuzz_alloc(kairo_base64url_size(n));
    rc = kairo_base64url_decode(bytes, &len, s);

    for (i = 0, foreign = 0; i < n; i++) {
        foreign += text[i] == '\0' || strchr(base64_alphabet, text[i]) == NULL;
        must((kairo_base64url_char(text[i]) != 0)
             == (text[i] && strchr(base64_alphabet, text[i]) != NULL));
    }

    if (rc == 0) {
        must(foreign == 0 && n % 4 != 1 && len == n * 3 / 4);

        again = fuzz_alloc((len + 2) / 3 * 4);
        again_len = base64_encode(again, bytes, len);
        must(again_len == n && memcmp(again, text, n) == 0);
        free(again);

    } else {
        must(rc == -1);

        /* it is for a reason: there are but these */

        i = n % 4;

        if (foreign == 0 && i != 1) {
            must(i != 0);
            must((size_t) (strchr(base64_alphabet, text[n - 1])
                           - base64_alphabet) % (i == 2 ? 16 : 4) != 0);
        }
    }

    free(bytes);
}


static void
as_bytes(const unsigned char *bytes, size_t n)
{
    size_t          len, back_len;
    kairo_span_t    s;
    unsigned char  *text, *back;

    text = fuzz_alloc((n + 2) / 3 * 4);
    len = base64_encode(text, bytes, n);

    s.p = text;
    s.n = len;

    back = fuzz_alloc(kairo_base64url_size(len));
    must(kairo_base64url_decode(back, &back_len, s) == 0);
    must(back_len == n && memcmp(back, bytes, n) == 0);

    free(back);
    free(text);
}


static void
as_token(const unsigned char *text, size_t n)
{
    int              rc;
    size_t           i, dots, foreign;
    kairo_span_t     s;
    kairo_compact_t  c;

    s.p = n ? text : NULL;
    s.n = n;

    for (i = 0, dots = 0, foreign = 0; i < n; i++) {
        dots += text[i] == '.';
        foreign += text[i] != '.'
                   && (text[i] == '\0'
                       || strchr(base64_alphabet, text[i]) == NULL);
    }

    rc = kairo_compact_split(s, &c);

    must(rc == (dots == 2 && foreign == 0 ? 0 : -1));

    if (rc != 0) {
        return;
    }

    must(c.header.p == text && c.header.p[c.header.n] == '.');
    must(c.payload.p == c.header.p + c.header.n + 1
         && c.payload.p[c.payload.n] == '.');
    must(c.signature.p == c.payload.p + c.payload.n + 1
         && c.signature.p + c.signature.n == text + n);
    must(c.input.p == text && c.input.n == c.header.n + c.payload.n + 1);
}


int
LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    unsigned char  *exact;

    exact = fuzz_copy(data, size);

    as_text(exact, size);
    as_bytes(exact, size);
    as_token(exact, size);

    free(exact);

    return 0;
}
