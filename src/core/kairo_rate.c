
#include "core/kairo_rate.h"


#define KAIRO_RATE_COUNT_MAX   1000000000ull
#define KAIRO_RATE_PERIOD_MAX  (366 * 86400 * KAIRO_SECOND)


static size_t kairo_rate_digits(kairo_span_t s, uint64_t *n);
static uint64_t kairo_rate_unit(unsigned char c);


kairo_rate_rc_t
kairo_rate_parse(kairo_span_t s, kairo_rate_t *rate)
{
    size_t           used;
    uint64_t         count, period;
    kairo_rate_rc_t  rc;

    used = kairo_rate_digits(s, &count);

    if (used == 0 || count == 0 || count > KAIRO_RATE_COUNT_MAX) {
        return KAIRO_RATE_BAD_COUNT;
    }

    s.p += used;
    s.n -= used;

    if (s.n == 0) {
        period = KAIRO_SECOND;

    } else if (s.n == 3 && s.p[0] == 'r' && s.p[1] == '/') {

        period = kairo_rate_unit(s.p[2]);

        if (period == 0) {
            return KAIRO_RATE_BAD_UNIT;
        }

    } else if (s.p[0] == '/') {

        s.p++;
        s.n--;

        rc = kairo_rate_period(s, &period);

        if (rc != KAIRO_RATE_OK) {
            return rc;
        }

    } else {
        return KAIRO_RATE_BAD_UNIT;
    }

    if (count > period) {
        return KAIRO_RATE_TOO_FAST;
    }

    rate->count = count;
    rate->period = period;
    rate->interval = (period + count - 1) / count;

    return KAIRO_RATE_OK;
}


kairo_rate_rc_t
kairo_rate_period(kairo_span_t s, uint64_t *period)
{
    size_t    used;
    uint64_t  n, unit;

    used = kairo_rate_digits(s, &n);

    if (used == 0) {
        return KAIRO_RATE_BAD_UNIT;
    }

    if (s.n == used + 2 && s.p[used] == 'm' && s.p[used + 1] == 's') {
        unit = KAIRO_SECOND / 1000;

    } else if (s.n == used + 1) {
        unit = kairo_rate_unit(s.p[used]);

    } else {
        unit = 0;
    }

    if (unit == 0) {
        return KAIRO_RATE_BAD_UNIT;
    }

    if (n == 0 || n > KAIRO_RATE_PERIOD_MAX / unit) {
        return KAIRO_RATE_BAD_PERIOD;
    }

    *period = n * unit;

    return KAIRO_RATE_OK;
}


int
kairo_rate_number(kairo_span_t s, uint64_t *n)
{
    return s.n && kairo_rate_digits(s, n) == s.n;
}


const char *
kairo_rate_error(kairo_rate_rc_t rc)
{
    switch (rc) {

    case KAIRO_RATE_BAD_COUNT:
        return "it must begin with a number from 1 to 1000000000";

    case KAIRO_RATE_BAD_UNIT:
        return "after the number write r/s, r/m, r/h, r/d"
               " or a period as in 100/10s";

    case KAIRO_RATE_BAD_PERIOD:
        return "a period is from 1ms to 366d, as in 100/10s or 5/1h";

    case KAIRO_RATE_TOO_FAST:
        return "one request a nanosecond is the fastest rate";

    default:
        return "";
    }
}


/*
 * Decimal digits at the start of the span; returns how many there were.
 * Stops at 18 digits, which no count or period reaches and 64 bits hold:
 * a nineteenth digit is then an error of what follows the number.
 */

static size_t
kairo_rate_digits(kairo_span_t s, uint64_t *n)
{
    size_t  i;

    *n = 0;

    for (i = 0; i < s.n && i < 18 && kairo_is_digit(s.p[i]); i++) {
        *n = *n * 10 + (uint64_t) (s.p[i] - '0');
    }

    return i;
}


static uint64_t
kairo_rate_unit(unsigned char c)
{
    switch (c) {
    case 's':
        return KAIRO_SECOND;
    case 'm':
        return 60 * KAIRO_SECOND;
    case 'h':
        return 3600 * KAIRO_SECOND;
    case 'd':
        return 86400 * KAIRO_SECOND;
    default:
        return 0;
    }
}
