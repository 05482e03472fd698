
#include <stdio.h>
#include <time.h>

#include "cmd/kairo_time.h"


/* ms: ids have 48 bits for it */

#define KAIRO_TIME_MOST  (((uint64_t) 1 << 48) - 1)


static int kairo_time_ago(const char *text, uint64_t now, uint64_t *ms);
static int kairo_time_digits(const char **p, int n, int most, int *value);
static int kairo_time_day(const char **p, struct tm *tm);
static int kairo_time_clock(const char **p, struct tm *tm, int *ms);
static int kairo_time_zone(const char **p, int *minutes);


int
kairo_time_read(const char *text, uint64_t now, uint64_t *ms)
{
    int          fraction, minutes;
    int64_t      s;
    struct tm    tm;
    const char  *p;

    if (kairo_time_ago(text, now, ms) == 0) {
        return 0;
    }

    memset(&tm, 0, sizeof(tm));

    p = text;
    fraction = 0;
    minutes = 0;

    if (kairo_time_day(&p, &tm) != 0) {
        return -1;
    }

    if (*p && (kairo_time_clock(&p, &tm, &fraction) != 0
               || kairo_time_zone(&p, &minutes) != 0 || *p))
    {
        return -1;
    }

    s = (int64_t) timegm(&tm) - 60 * (int64_t) minutes;

    if (s < 0) {
        return -1;
    }

    *ms = (uint64_t) s * 1000 + (uint64_t) fraction;

    return 0;
}


/* What is longer ago than there was time is the beginning. */

static int
kairo_time_ago(const char *text, uint64_t now, uint64_t *ms)
{
    size_t    i;
    uint64_t  n;

    static const struct {
        char      unit;
        uint64_t  ms;
    } units[] = {
        { 's', 1000 }, { 'm', 60000 }, { 'h', 3600000 }, { 'd', 86400000 },
        { 'w', 604800000 }
    };

    for (n = 0, i = 0; kairo_is_digit((unsigned char) text[i]); i++) {

        if (i == 9) {
            return -1;
        }

        n = n * 10 + (uint64_t) (text[i] - '0');
    }

    if (i == 0 || text[i] == '\0' || text[i + 1]) {
        return -1;
    }

    text += i;

    for (i = 0; i < sizeof(units) / sizeof(units[0]); i++) {

        if (*text == units[i].unit) {
            n *= units[i].ms;
            *ms = n < now ? now - n : 0;
            return 0;
        }
    }

    return -1;
}


static int
kairo_time_day(const char **p, struct tm *tm)
{
    int        year, month, day;
    time_t     s;
    struct tm  same;

    if (kairo_time_digits(p, 4, 9999, &year) != 0 || *(*p)++ != '-'
        || kairo_time_digits(p, 2, 12, &month) != 0 || *(*p)++ != '-'
        || kairo_time_digits(p, 2, 31, &day) != 0)
    {
        return -1;
    }

    tm->tm_year = year - 1900;
    tm->tm_mon = month - 1;
    tm->tm_mday = day;

    /* the 31st of April is another day */

    same = *tm;
    s = timegm(&same);

    return gmtime_r(&s, &same) != NULL && same.tm_mon == month - 1 ? 0 : -1;
}


static int
kairo_time_clock(const char **p, struct tm *tm, int *ms)
{
    int  unit;

    if (**p != 'T' && **p != 't' && **p != ' ') {
        return -1;
    }

    (*p)++;

    if (kairo_time_digits(p, 2, 23, &tm->tm_hour) != 0 || *(*p)++ != ':'
        || kairo_time_digits(p, 2, 59, &tm->tm_min) != 0 || *(*p)++ != ':'
        || kairo_time_digits(p, 2, 60, &tm->tm_sec) != 0)
    {
        return -1;
    }

    if (**p != '.') {
        return 0;
    }

    (*p)++;

    if (!kairo_is_digit((unsigned char) **p)) {
        return -1;
    }

    for (unit = 100; kairo_is_digit((unsigned char) **p); (*p)++) {
        *ms += unit * (**p - '0');
        unit /= 10;
    }

    return 0;
}


static int
kairo_time_zone(const char **p, int *minutes)
{
    int  sign, hour, minute;

    if (**p == 'Z' || **p == 'z') {
        (*p)++;
        return 0;
    }

    if (**p != '+' && **p != '-') {
        return -1;
    }

    sign = *(*p)++ == '-' ? -1 : 1;

    if (kairo_time_digits(p, 2, 23, &hour) != 0 || *(*p)++ != ':'
        || kairo_time_digits(p, 2, 59, &minute) != 0)
    {
        return -1;
    }

    *minutes = sign * (60 * hour + minute);

    return 0;
}


static int
kairo_time_digits(const char **p, int n, int most, int *value)
{
    for (*value = 0; n; n--, (*p)++) {

        if (!kairo_is_digit((unsigned char) **p)) {
            return -1;
        }

        *value = 10 * *value + **p - '0';
    }

    return *value <= most ? 0 : -1;
}


void
kairo_time_write(char text[KAIRO_TIME], uint64_t ms)
{
    time_t     s;
    struct tm  tm;

    memset(&tm, 0, sizeof(tm));

    s = (time_t) ((ms < KAIRO_TIME_MOST ? ms : KAIRO_TIME_MOST) / 1000);
    (void) gmtime_r(&s, &tm);

    (void) snprintf(text, KAIRO_TIME, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ",
                    tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour,
                    tm.tm_min, tm.tm_sec, (int) (ms % 1000));
}
