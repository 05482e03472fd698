
#include "cmd/kairo.h"
#include "core/kairo_table.h"


/* nginx keeps 24 bytes for each page of 4096, and a page for its header */

#define KAIRO_PAGE       4096
#define KAIRO_PAGE_COST  24


int
kairo_cmd_zone(kairo_span_t value)
{
    size_t    i;
    uint64_t  size, pages;

    size = 0;

    for (i = 0; i < value.n && i < 12 && kairo_is_digit(value.p[i]); i++) {
        size = size * 10 + (uint64_t) (value.p[i] - '0');
    }

    if (i && i + 1 == value.n) {

        switch (kairo_lower(value.p[i])) {
        case 'k':
            size <<= 10;
            i++;
            break;
        case 'm':
            size <<= 20;
            i++;
            break;
        }
    }

    if (i == 0 || i != value.n || size < 8 * KAIRO_PAGE
        || size > (uint64_t) 1 << 40)
    {
        printf("invalid %.*s: a size is at least 32k, as in 512k or 16m\n",
               (int) value.n, (const char *) value.p);
        return 1;
    }

    pages = (size - KAIRO_PAGE) / (KAIRO_PAGE + KAIRO_PAGE_COST);

    printf("valid %.*s: room for about %llu keys\n",
           (int) value.n, (const char *) value.p,
           (unsigned long long) kairo_table_capacity(pages * KAIRO_PAGE));

    return 0;
}
