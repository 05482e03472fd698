
/*
 * Addresses as text, against the C library's inet_ntop() and inet_pton().
 */


#include "unit.h"

#include <arpa/inet.h>

#include "core/kairo_addr.h"


typedef unsigned char  v6_t[16];


/* The text of a client, from memory of just the size that is promised. */

static void
text_of(char *out, const unsigned char *addr, int v6, unsigned prefix)
{
    size_t          n;
    unsigned char  *buf;

    buf = malloc(KAIRO_ADDR_TEXT);

    if (buf == NULL) {
        exit(2);
    }

    n = v6 ? kairo_addr_v6(buf, addr, prefix) : kairo_addr_v4(buf, addr);

    memcpy(out, buf, n);
    out[n] = '\0';

    free(buf);
}


static void
same(const char *address, unsigned prefix, const char *expected)
{
    v6_t  addr;
    char  text[64];

    if (inet_pton(AF_INET6, address, addr) != 1) {
        ok(0, "%s is an address", address);
        return;
    }

    text_of(text, addr, 1, prefix);

    if (!ok(strcmp(text, expected) == 0, "%s/%u is %s", address, prefix,
            expected))
    {
        diag("got %s", text);
    }
}


static void
v4(void)
{
    int             i;
    uint64_t        n;
    char            text[64], expected[64];
    unsigned char   addr[4];

    for (i = 0; i < 100000; i++) {

        n = i < 256 ? (uint64_t) i * 0x01010101 : unit_draw();
        memcpy(addr, &n, 4);

        text_of(text, addr, 0, 0);
        (void) inet_ntop(AF_INET, addr, expected, sizeof(expected));

        expect(strcmp(text, expected) == 0, "%s, expected %s", text,
               expected);
    }

    verdict("IPv4 as inet_ntop() writes it");
}


static void
mapped(void)
{
    int       i;
    v6_t      addr;
    char      text[64], expected[64];
    uint64_t  n;
    unsigned  bit, prefix;

    for (i = 0; i < 20000; i++) {

        memset(addr, 0, 10);
        memset(&addr[10], 0xff, 2);

        n = unit_draw();
        memcpy(&addr[12], &n, 4);

        prefix = 1 + (unsigned) unit_below(128);

        text_of(text, addr, 1, prefix);
        text_of(expected, &addr[12], 0, 0);

        expect(strcmp(text, expected) == 0, "/%u: %s, expected %s", prefix,
               text, expected);

        /* one bit off is IPv6 */

        bit = (unsigned) unit_below(96);
        addr[bit / 8] ^= (unsigned char) (1u << bit % 8);

        text_of(text, addr, 1, prefix);

        expect(strchr(text, ':') != NULL, "bit %u flipped is %s", bit, text);
    }

    verdict("IPv4-mapped addresses are IPv4, and no others");
}


/* As addresses are: zeroes in runs, small groups, all ones. */

static void
random_v6(v6_t addr)
{
    int       i;
    unsigned  n;

    do {
        for (i = 0; i < 8; i++) {

            n = (unsigned) unit_draw();

            switch (unit_below(4)) {
            case 0:
            case 1:
                n = 0;
                break;
            case 2:
                n >>= 16 + unit_below(16);
                break;
            default:
                break;
            }

            addr[2 * i] = (unsigned char) (n >> 8);
            addr[2 * i + 1] = (unsigned char) n;
        }

        /* inet_ntop() writes the last four bytes of these as IPv4 */

        for (i = 0, n = 0; i < 10; i++) {
            n |= addr[i];
        }

    } while (n == 0);
}


static void
mask(v6_t addr, unsigned prefix)
{
    unsigned  bit;

    for (bit = prefix; bit < 128; bit++) {
        addr[bit / 8] &= (unsigned char) ~(0x80u >> bit % 8);
    }
}


static void
check(v6_t addr, unsigned prefix)
{
    v6_t    masked, back;
    char    text[64], expected[64], *slash;
    size_t  n;

    memcpy(masked, addr, sizeof(masked));
    mask(masked, prefix);

    text_of(text, addr, 1, prefix);

    (void) inet_ntop(AF_INET6, masked, expected, sizeof(expected));

    n = strlen(expected);
    snprintf(expected + n, sizeof(expected) - n, "/%u", prefix);

    expect(strcmp(text, expected) == 0, "%s, expected %s", text, expected);

    slash = strchr(text, '/');

    if (expect(slash != NULL, "%s has no prefix", text)) {
        *slash = '\0';

        expect(inet_pton(AF_INET6, text, back) == 1
               && memcmp(back, masked, sizeof(back)) == 0,
               "%s is not what it was made of", text);
    }
}


static void
v6(void)
{
    int       i;
    v6_t      addr;
    unsigned  prefix;

    for (i = 0; i < 100000; i++) {
        random_v6(addr);
        check(addr, 128);
    }

    verdict("IPv6 as inet_ntop() writes it");

    for (i = 0; i < 1000; i++) {
        random_v6(addr);

        for (prefix = 1; prefix <= 128; prefix++) {
            check(addr, prefix);
        }
    }

    verdict("prefixes 1 to 128 cut at the bit");
}


/* Every pattern of zero groups; inet_ntop() breaks ties as RFC 5952 does. */

static void
gaps(void)
{
    int       i;
    v6_t      addr;
    unsigned  pattern;

    for (pattern = 1; pattern < 256; pattern++) {

        memset(addr, 0, sizeof(addr));

        for (i = 0; i < 8; i++) {
            addr[2 * i + 1] = pattern >> i & 1 ? (unsigned char) (i + 1) : 0;
        }

        if (pattern & 0x1f) {
            check(addr, 128);
        }
    }

    verdict("\"::\" stands for the first of the longest runs");
}


/*
 * What inet_ntop() has another opinion on, and RFC 5952, section 4, does not:
 * no IPv4 in the text unless it is known to be one.
 */

static void
examples(void)
{
    same("::", 128, "::/128");
    same("::1", 128, "::1/128");
    same("::1", 64, "::/64");
    same("::1:0", 128, "::1:0/128");
    same("::102:304", 128, "::102:304/128");
    same("::ffff:0:102:304", 128, "::ffff:0:102:304/128");
    same("::fffe:102:304", 128, "::fffe:102:304/128");
    same("::ffff:192.0.2.1", 128, "192.0.2.1");
    same("::ffff:192.0.2.1", 64, "192.0.2.1");
    same("::ffff:0.0.0.0", 1, "0.0.0.0");
    same("2001:DB8:0:1:2:3:4:5", 64, "2001:db8:0:1::/64");
    same("2001:db8:0:1:2:3:4:5", 128, "2001:db8:0:1:2:3:4:5/128");
    same("2001:db8:0:0:1:0:0:1", 128, "2001:db8::1:0:0:1/128");
    same("2001:0:0:1:0:0:0:1", 128, "2001:0:0:1::1/128");
    same("0:0:1:2:3:4:5:6", 128, "::1:2:3:4:5:6/128");
    same("1:2:3:4:5:6:0:0", 128, "1:2:3:4:5:6::/128");
    same("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 128,
         "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/128");
    same("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 1, "8000::/1");
    same("ffff::", 17, "ffff::/17");
    same("2001:db8:ffff:ffff::", 56, "2001:db8:ffff:ff00::/56");
    same("2001:db8:ffff:ffff::", 48, "2001:db8:ffff::/48");
}


int
main(void)
{
    unit_begin(20260103);

    v4();
    mapped();
    v6();
    gaps();
    examples();

    return unit_done();
}
