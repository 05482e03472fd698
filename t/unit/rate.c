
/*
 * Rates as an operator writes them: every form, every error, every border.
 */


#include "unit.h"

#include "core/kairo_rate.h"


#define DAY  (86400 * KAIRO_SECOND)


typedef struct {
    const char       *text;
    kairo_rate_rc_t   rc;
    uint64_t          count;
    uint64_t          period;
} rate_case_t;


static const rate_case_t  cases[] = {

    /* requests a unit */

    { "1r/s", KAIRO_RATE_OK, 1, KAIRO_SECOND },
    { "2r/s", KAIRO_RATE_OK, 2, KAIRO_SECOND },
    { "30r/m", KAIRO_RATE_OK, 30, 60 * KAIRO_SECOND },
    { "5r/h", KAIRO_RATE_OK, 5, 3600 * KAIRO_SECOND },
    { "1000r/d", KAIRO_RATE_OK, 1000, DAY },
    { "007r/s", KAIRO_RATE_OK, 7, KAIRO_SECOND },
    { "1000000000r/s", KAIRO_RATE_OK, 1000000000, KAIRO_SECOND },
    { "1000000000r/d", KAIRO_RATE_OK, 1000000000, DAY },
    { "000000001000000000r/s", KAIRO_RATE_OK, 1000000000, KAIRO_SECOND },

    /* a bare number is of a second, as limit_req has it */

    { "1", KAIRO_RATE_OK, 1, KAIRO_SECOND },
    { "100", KAIRO_RATE_OK, 100, KAIRO_SECOND },
    { "1000000000", KAIRO_RATE_OK, 1000000000, KAIRO_SECOND },

    /* requests a period */

    { "100/10s", KAIRO_RATE_OK, 100, 10 * KAIRO_SECOND },
    { "1/1ms", KAIRO_RATE_OK, 1, KAIRO_SECOND / 1000 },
    { "3/250ms", KAIRO_RATE_OK, 3, KAIRO_SECOND / 4 },
    { "1/5m", KAIRO_RATE_OK, 1, 300 * KAIRO_SECOND },
    { "5/1h", KAIRO_RATE_OK, 5, 3600 * KAIRO_SECOND },
    { "5/2d", KAIRO_RATE_OK, 5, 2 * DAY },
    { "1/007s", KAIRO_RATE_OK, 1, 7 * KAIRO_SECOND },
    { "1/366d", KAIRO_RATE_OK, 1, 366 * DAY },
    { "1/8784h", KAIRO_RATE_OK, 1, 366 * DAY },
    { "1/527040m", KAIRO_RATE_OK, 1, 366 * DAY },
    { "1/31622400s", KAIRO_RATE_OK, 1, 366 * DAY },
    { "1/31622400000ms", KAIRO_RATE_OK, 1, 366 * DAY },
    { "1000000/1ms", KAIRO_RATE_OK, 1000000, KAIRO_SECOND / 1000 },

    /* no count */

    { "", KAIRO_RATE_BAD_COUNT, 0, 0 },
    { "r/s", KAIRO_RATE_BAD_COUNT, 0, 0 },
    { "/10s", KAIRO_RATE_BAD_COUNT, 0, 0 },
    { "-1r/s", KAIRO_RATE_BAD_COUNT, 0, 0 },
    { "+1r/s", KAIRO_RATE_BAD_COUNT, 0, 0 },
    { " 1r/s", KAIRO_RATE_BAD_COUNT, 0, 0 },
    { ".5r/s", KAIRO_RATE_BAD_COUNT, 0, 0 },
    { "x", KAIRO_RATE_BAD_COUNT, 0, 0 },
    { "0", KAIRO_RATE_BAD_COUNT, 0, 0 },
    { "0r/s", KAIRO_RATE_BAD_COUNT, 0, 0 },
    { "000/1s", KAIRO_RATE_BAD_COUNT, 0, 0 },
    { "1000000001", KAIRO_RATE_BAD_COUNT, 0, 0 },
    { "1000000001r/d", KAIRO_RATE_BAD_COUNT, 0, 0 },
    { "4294967297r/s", KAIRO_RATE_BAD_COUNT, 0, 0 },
    { "18446744073709551617r/s", KAIRO_RATE_BAD_COUNT, 0, 0 },
    { "100000000000000000000000000001", KAIRO_RATE_BAD_COUNT, 0, 0 },

    /* no unit that is known */

    { "1r", KAIRO_RATE_BAD_UNIT, 0, 0 },
    { "1r/", KAIRO_RATE_BAD_UNIT, 0, 0 },
    { "1rs", KAIRO_RATE_BAD_UNIT, 0, 0 },
    { "1r/w", KAIRO_RATE_BAD_UNIT, 0, 0 },
    { "1R/s", KAIRO_RATE_BAD_UNIT, 0, 0 },
    { "1r/S", KAIRO_RATE_BAD_UNIT, 0, 0 },
    { "1r/ms", KAIRO_RATE_BAD_UNIT, 0, 0 },
    { "1r/s ", KAIRO_RATE_BAD_UNIT, 0, 0 },
    { "1r/ss", KAIRO_RATE_BAD_UNIT, 0, 0 },
    { "1 r/s", KAIRO_RATE_BAD_UNIT, 0, 0 },
    { "1r/10s", KAIRO_RATE_BAD_UNIT, 0, 0 },
    { "1.5r/s", KAIRO_RATE_BAD_UNIT, 0, 0 },
    { "1s", KAIRO_RATE_BAD_UNIT, 0, 0 },
    { "1/", KAIRO_RATE_BAD_UNIT, 0, 0 },
    { "1/s", KAIRO_RATE_BAD_UNIT, 0, 0 },
    { "1/10", KAIRO_RATE_BAD_UNIT, 0, 0 },
    { "1/10x", KAIRO_RATE_BAD_UNIT, 0, 0 },
    { "1/10sm", KAIRO_RATE_BAD_UNIT, 0, 0 },
    { "1/10mss", KAIRO_RATE_BAD_UNIT, 0, 0 },
    { "1/10us", KAIRO_RATE_BAD_UNIT, 0, 0 },
    { "1/10 s", KAIRO_RATE_BAD_UNIT, 0, 0 },
    { "1/-1s", KAIRO_RATE_BAD_UNIT, 0, 0 },
    { "1/1.5s", KAIRO_RATE_BAD_UNIT, 0, 0 },
    { "1/0x10s", KAIRO_RATE_BAD_UNIT, 0, 0 },
    { "1//1s", KAIRO_RATE_BAD_UNIT, 0, 0 },

    /* a period that is none */

    { "1/0s", KAIRO_RATE_BAD_PERIOD, 0, 0 },
    { "1/0ms", KAIRO_RATE_BAD_PERIOD, 0, 0 },
    { "1/00d", KAIRO_RATE_BAD_PERIOD, 0, 0 },
    { "1/367d", KAIRO_RATE_BAD_PERIOD, 0, 0 },
    { "1/8785h", KAIRO_RATE_BAD_PERIOD, 0, 0 },
    { "1/527041m", KAIRO_RATE_BAD_PERIOD, 0, 0 },
    { "1/31622401s", KAIRO_RATE_BAD_PERIOD, 0, 0 },
    { "1/31622400001ms", KAIRO_RATE_BAD_PERIOD, 0, 0 },
    { "1/999999999999999999d", KAIRO_RATE_BAD_PERIOD, 0, 0 },

    /* faster than the clock */

    { "1000001/1ms", KAIRO_RATE_TOO_FAST, 0, 0 },
    { "1000000000/1ms", KAIRO_RATE_TOO_FAST, 0, 0 },
    { "1000000000/999ms", KAIRO_RATE_TOO_FAST, 0, 0 },
};


/* Parses a copy of just its size, so that a byte too much is noticed. */

static kairo_rate_rc_t
parse(const char *text, size_t n, kairo_rate_t *rate)
{
    kairo_span_t      s;
    unsigned char    *p;
    kairo_rate_rc_t   rc;

    p = malloc(n ? n : 1);

    if (p == NULL) {
        exit(2);
    }

    memcpy(p, text, n);

    s.p = n ? p : NULL;
    s.n = n;
    rc = kairo_rate_parse(s, rate);

    free(p);

    return rc;
}


/* What follows the "1/" of a case is a period, or the same error. */

static void
periods(void)
{
    size_t              i;
    uint64_t            period;
    kairo_span_t        s;
    kairo_rate_rc_t     rc;
    const rate_case_t  *c;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {

        c = &cases[i];

        if (strncmp(c->text, "1/", 2) != 0) {
            continue;
        }

        s.p = (const unsigned char *) c->text + 2;
        s.n = strlen(c->text) - 2;
        period = 5;

        rc = kairo_rate_period(s, &period);

        expect(rc == c->rc && period == (rc == KAIRO_RATE_OK ? c->period : 5),
               "period \"%s\": error %d, %llu ns", c->text + 2, (int) rc,
               (unsigned long long) period);
    }

    verdict("periods by themselves");
}


static int
number(const char *text, uint64_t *n)
{
    int             rc;
    kairo_span_t    s;
    unsigned char  *p;

    s.n = strlen(text);
    p = malloc(s.n ? s.n : 1);

    if (p == NULL) {
        exit(2);
    }

    memcpy(p, text, s.n);
    s.p = s.n ? p : NULL;

    rc = kairo_rate_number(s, n);

    free(p);

    return rc;
}


static void
numbers(void)
{
    uint64_t  n;

    ok(number("0", &n) && n == 0, "0 is a number");
    ok(number("0042", &n) && n == 42, "0042 is one");
    ok(number("999999999999999999", &n) && n == 999999999999999999ull,
       "18 digits are one");
    ok(!number("1000000000000000000", &n), "19 are none");
    ok(!number("", &n), "no digits are none");
    ok(!number("1 ", &n) && !number(" 1", &n) && !number("-1", &n)
       && !number("1a", &n) && !number("0x1", &n), "nor is anything else");
}


/* T * count covers the period, and a T that is 1 ns less would not. */

static void
exact(const char *text, const kairo_rate_t *r)
{
    unsigned __int128  covers;

    covers = (unsigned __int128) r->interval * r->count;

    expect(r->interval >= 1 && covers >= r->period
           && covers - r->count < r->period,
           "\"%s\": interval %llu of %llu in %llu", text,
           (unsigned long long) r->interval, (unsigned long long) r->count,
           (unsigned long long) r->period);
}


static void
forms(void)
{
    size_t              i;
    kairo_rate_t        rate, before;
    kairo_rate_rc_t     rc;
    const rate_case_t  *c;

    memset(&before, 0xa5, sizeof(before));

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {

        c = &cases[i];
        rate = before;
        rc = parse(c->text, strlen(c->text), &rate);

        if (rc != KAIRO_RATE_OK || c->rc != KAIRO_RATE_OK) {
            ok(rc == c->rc
               && memcmp(&rate, &before, sizeof(rate)) == 0,
               "\"%s\" is error %d", c->text, (int) c->rc);
            continue;
        }

        exact(c->text, &rate);
        expect(rate.count == c->count && rate.period == c->period,
               "%llu in %llu ns", (unsigned long long) rate.count,
               (unsigned long long) rate.period);

        verdict("\"%s\" is a rate", c->text);
    }
}


static void
intervals(void)
{
    static const char  *units[] = { "r/s", "r/m", "r/h", "r/d", "" };

    int           n, i;
    char          text[64];
    uint64_t      count;
    kairo_rate_t  rate;

    for (i = 0; i < 200000; i++) {

        count = 1 + unit_below(1ull << unit_below(30));
        n = snprintf(text, sizeof(text), "%llu%s",
                     (unsigned long long) count, units[unit_below(5)]);

        if (count > 1000000000) {
            continue;
        }

        if (expect(parse(text, (size_t) n, &rate) == KAIRO_RATE_OK, "\"%s\"",
                   text))
        {
            exact(text, &rate);
        }
    }

    verdict("an interval is the period by the count, rounded up");
}


/* Every text that can be made of few letters: no rate that is not one. */

static void
exhaustive(void)
{
    static const char  letters[] = "01r/smhd";

    int           n;
    char          text[6];
    uint64_t      code, rest;
    unsigned      i, accepted;
    kairo_rate_t  rate;

    accepted = 0;

    for (n = 0; n <= 5; n++) {
        for (code = 0; code < 1ull << 3 * n; code++) {

            for (i = 0, rest = code; (int) i < n; i++, rest >>= 3) {
                text[i] = letters[rest & 7];
            }

            text[n] = '\0';

            if (parse(text, (size_t) n, &rate) == KAIRO_RATE_OK) {
                accepted++;
                exact(text, &rate);
                expect(text[0] == '0' || text[0] == '1', "\"%s\"", text);
            }
        }
    }

    /*
     * With z numbers of k digits, 2^k - 1, that are not zero: bare ones of
     * one to five digits, 57; those of one or two digits with one of four
     * r/UNITs, (1 + 3) * 4; COUNT/NUMBER in five bytes: a 1 of one digit and
     * one of one digit with s, m, h, d or ms, 5; 1 and 3 with two digits
     * for the one or the other and four units, (3 + 3) * 4.
     */

    ok(accepted == 57 + 16 + 5 + 24, "texts of up to five letters: %u rates",
       accepted);
}


static void
errors(void)
{
    int          rc;
    const char  *text;

    for (rc = KAIRO_RATE_OK; rc <= KAIRO_RATE_TOO_FAST; rc++) {
        text = kairo_rate_error((kairo_rate_rc_t) rc);

        ok(text && (rc == KAIRO_RATE_OK || text[0] != '\0'),
           "error %d has a text: %s", rc, text ? text : "(null)");
    }

    ok(strcmp(kairo_rate_error(KAIRO_RATE_BAD_COUNT),
              kairo_rate_error(KAIRO_RATE_BAD_UNIT)) != 0
       && strcmp(kairo_rate_error(KAIRO_RATE_BAD_UNIT),
                 kairo_rate_error(KAIRO_RATE_BAD_PERIOD)) != 0
       && strcmp(kairo_rate_error(KAIRO_RATE_BAD_PERIOD),
                 kairo_rate_error(KAIRO_RATE_TOO_FAST)) != 0,
       "errors can be told from each other");
}


int
main(void)
{
    unit_begin(20260101);

    forms();
    periods();
    numbers();
    intervals();
    exhaustive();
    errors();

    return unit_done();
}
