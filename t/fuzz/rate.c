
/* What an operator writes, or a variable holds: rates, periods, numbers. */


#include <stdlib.h>

#include "core/kairo_rate.h"


int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
    __attribute__ ((visibility ("default")));


int
LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    uint64_t         n;
    unsigned char   *exact;
    kairo_rate_t     rate;
    kairo_span_t     s;
    kairo_rate_rc_t  rc;

    /* of exactly its size: a byte too far is seen */

    exact = malloc(size ? size : 1);
    memcpy(exact, data, size);

    s.p = exact;
    s.n = size;

    rc = kairo_rate_parse(s, &rate);

    if (rc == KAIRO_RATE_OK) {

        if (rate.count == 0 || rate.interval == 0
            || rate.interval * rate.count < rate.period
            || (rate.interval - 1) * rate.count >= rate.period)
        {
            abort();
        }

    } else if (*kairo_rate_error(rc) == '\0') {
        abort();
    }

    if (kairo_rate_period(s, &n) == KAIRO_RATE_OK
        && (n < KAIRO_SECOND / 1000 || n > 366 * 86400 * KAIRO_SECOND))
    {
        abort();
    }

    if (kairo_rate_number(s, &n) && (size == 0 || size > 18)) {
        abort();
    }

    free(exact);

    return 0;
}
