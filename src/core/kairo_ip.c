
#include "core/kairo_ip.h"


#define KAIRO_IPV6_GROUPS  8


static int kairo_ip_hex(unsigned char c);
static size_t kairo_ipv6_group(kairo_span_t text, unsigned *group);
static int kairo_ipv6_spread(unsigned char ip[16], const unsigned *group,
    size_t n, size_t gap);


int
kairo_ipv4(kairo_span_t text, unsigned char ip[4])
{
    size_t    i, begin;
    unsigned  n, parts;

    n = 0;
    parts = 0;
    begin = 0;

    for (i = 0; i < text.n; i++) {

        if (text.p[i] == '.') {

            if (i == begin || parts == 3) {
                return -1;
            }

            ip[parts++] = (unsigned char) n;
            begin = i + 1;
            n = 0;
            continue;
        }

        if (!kairo_is_digit(text.p[i]) || (i > begin && n == 0)) {
            return -1;
        }

        n = n * 10 + (unsigned) (text.p[i] - '0');

        if (n > 255) {
            return -1;
        }
    }

    if (i == begin || parts != 3) {
        return -1;
    }

    ip[3] = (unsigned char) n;

    return 0;
}


int
kairo_ipv6(kairo_span_t text, unsigned char ip[16])
{
    size_t         n, gap, len;
    unsigned       group[KAIRO_IPV6_GROUPS];
    unsigned char  tail[4];

    n = 0;
    gap = KAIRO_IPV6_GROUPS + 1;    /* there is none */

    if (text.n >= 2 && text.p[0] == ':' && text.p[1] == ':') {
        gap = 0;
        text.p += 2;
        text.n -= 2;
    }

    while (text.n) {

        /* its last two, as IPv4 */

        if (n <= KAIRO_IPV6_GROUPS - 2 && kairo_ipv4(text, tail) == 0) {
            group[n++] = (unsigned) (tail[0] << 8 | tail[1]);
            group[n++] = (unsigned) (tail[2] << 8 | tail[3]);
            text.n = 0;
            break;
        }

        if (n == KAIRO_IPV6_GROUPS) {
            return -1;
        }

        len = kairo_ipv6_group(text, &group[n]);

        if (len == 0) {
            return -1;
        }

        n++;
        text.p += len;
        text.n -= len;

        if (text.n == 0) {
            break;
        }

        if (text.p[0] != ':' || text.n == 1) {
            return -1;
        }

        text.p++;
        text.n--;

        if (text.p[0] == ':') {

            if (gap <= KAIRO_IPV6_GROUPS) {
                return -1;
            }

            gap = n;
            text.p++;
            text.n--;
        }
    }

    return kairo_ipv6_spread(ip, group, n, gap);
}


int
kairo_ip_looks_numeric(kairo_span_t name)
{
    size_t  i, begin;

    if (name.n && name.p[name.n - 1] == '.') {
        name.n--;
    }

    for (begin = name.n; begin && name.p[begin - 1] != '.'; begin--) {
        /* void */
    }

    if (begin == name.n) {
        return 0;
    }

    for (i = begin; i < name.n && kairo_is_digit(name.p[i]); i++) {
        /* void */
    }

    if (i == name.n) {
        return 1;
    }

    if (name.n - begin < 2 || name.p[begin] != '0'
        || kairo_lower(name.p[begin + 1]) != 'x')
    {
        return 0;
    }

    for (i = begin + 2; i < name.n && kairo_ip_hex(name.p[i]) >= 0; i++) {
        /* void */
    }

    return i == name.n;
}


static int
kairo_ip_hex(unsigned char c)
{
    c = kairo_lower(c);

    if (kairo_is_digit(c)) {
        return c - '0';
    }

    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}


/* How many digits it has; 0: none, or more than four. */

static size_t
kairo_ipv6_group(kairo_span_t text, unsigned *group)
{
    size_t  i;

    *group = 0;

    for (i = 0; i < text.n && kairo_ip_hex(text.p[i]) >= 0; i++) {

        if (i == 4) {
            return 0;
        }

        *group = *group << 4 | (unsigned) kairo_ip_hex(text.p[i]);
    }

    return i;
}


/* "gap" is how many groups stand before the "::". */

static int
kairo_ipv6_spread(unsigned char ip[16], const unsigned *group, size_t n,
    size_t gap)
{
    size_t  i, at, zeros;

    if (gap > KAIRO_IPV6_GROUPS) {

        if (n != KAIRO_IPV6_GROUPS) {
            return -1;
        }

        gap = n;

    } else if (n == KAIRO_IPV6_GROUPS) {
        return -1;
    }

    zeros = KAIRO_IPV6_GROUPS - n;
    memset(ip, 0, 16);

    for (i = 0; i < n; i++) {
        at = 2 * (i < gap ? i : i + zeros);
        ip[at] = (unsigned char) (group[i] >> 8);
        ip[at + 1] = (unsigned char) (group[i] & 0xff);
    }

    return 0;
}
