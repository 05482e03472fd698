
#include "core/kairo_email.h"


size_t
kairo_email(kairo_span_t text, unsigned char *out)
{
    size_t         i, at;
    unsigned       ats;
    unsigned char  c;

    if (text.n > KAIRO_EMAIL_MAX) {
        return 0;
    }

    at = 0;
    ats = 0;

    for (i = 0; i < text.n; i++) {

        c = text.p[i];

        if (c <= ' ' || c >= 0x7f || strchr(",;:<>()[]\"\\", c)) {
            return 0;
        }

        if (c == '@') {
            at = i;
            ats++;
        }

        out[i] = kairo_lower(c);
    }

    return ats == 1 && at > 0 && at + 1 < text.n ? text.n : 0;
}
