
#include "cmd/kairo.h"
#include "core/kairo_rate.h"


int
kairo_cmd_rate(kairo_span_t value)
{
    kairo_rate_t     rate;
    kairo_rate_rc_t  rc;

    rc = kairo_rate_parse(value, &rate);

    if (rc != KAIRO_RATE_OK) {
        printf("invalid %.*s: %s\n", (int) value.n, (const char *) value.p,
               kairo_rate_error(rc));
        return 1;
    }

    printf("valid %.*s: %llu in %.9gs, one every %.9gs\n",
           (int) value.n, (const char *) value.p,
           (unsigned long long) rate.count, (double) rate.period / 1e9,
           (double) rate.interval / 1e9);

    return 0;
}
