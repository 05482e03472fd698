
/*
 * Times as an operator writes them, and as they are shown.
 */


#ifndef KAIRO_TIME_H_INCLUDED
#define KAIRO_TIME_H_INCLUDED


#include "core/kairo_span.h"


#define KAIRO_TIME  80     /* bytes of one, with the zero */


/*
 * RFC 3339, a day of it alone, which begins in UTC, or so long before "now":
 * 30s, 15m, 2h, 3d, 4w.  In ms since 1970.  -1: it is none of these.
 */

int kairo_time_read(const char *text, uint64_t now, uint64_t *ms);

/* RFC 3339 in UTC, with ms. */

void kairo_time_write(char text[KAIRO_TIME], uint64_t ms);


#endif /* KAIRO_TIME_H_INCLUDED */
