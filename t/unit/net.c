
/*
 * Which addresses are public: every range by its ends and its neighbours, and
 * the addresses of metadata services wherever one can stand in another.
 */


#include <arpa/inet.h>

#include "target.h"

#include "core/kairo_net.h"


#define ROUNDS  200000


static const char  *metadata_v4[] = {
    "169.254.169.254", "169.254.170.2", "169.254.170.23", "169.254.42.42",
    "168.63.129.16", "100.100.100.200", "192.0.0.192"
}, *metadata_v6[] = {
    "fd00:ec2::254", "fd00:ec2::23", "fd20:ce::254", "fd00:42::42"
};


static void
expect_v4(const char *text, const char *wanted)
{
    const char     *is;
    unsigned char  *ip, bytes[4];

    inet_pton(AF_INET, text, bytes);
    ip = target_copy(bytes, 4);
    is = kairo_net_v4(ip);

    expect(target_same(is, wanted), "%s is %s, not %s", text,
           target_word(is), target_word(wanted));

    free(ip);
}


static void
expect_v6(const char *text, const char *wanted)
{
    const char     *is;
    unsigned char  *ip, bytes[16];

    inet_pton(AF_INET6, text, bytes);
    ip = target_copy(bytes, 16);
    is = kairo_net_v6(ip);

    expect(target_same(is, wanted), "%s is %s, not %s", text,
           target_word(is), target_word(wanted));

    free(ip);
}


/* before, first, last, after; of one address "first" is "last" */

typedef struct {
    const char  *name;
    const char  *text[4];
    const char  *before;
    const char  *after;
} range_t;


static void
v4(void)
{
    size_t                i;
    static const range_t  ranges[] = {
        { "ipv4_this_network",
          { "0.0.0.0", "0.0.0.0", "0.255.255.255", "1.0.0.0" },
          "ipv4_this_network", NULL },
        { "ipv4_private",
          { "9.255.255.255", "10.0.0.0", "10.255.255.255", "11.0.0.0" },
          NULL, NULL },
        { "ipv4_shared",
          { "100.63.255.255", "100.64.0.0", "100.127.255.255", "100.128.0.0" },
          NULL, NULL },
        { "ipv4_loopback",
          { "126.255.255.255", "127.0.0.0", "127.255.255.255", "128.0.0.0" },
          NULL, NULL },
        { "ipv4_platform",
          { "168.63.129.15", "168.63.129.16", "168.63.129.16",
            "168.63.129.17" },
          NULL, NULL },
        { "ipv4_link_local",
          { "169.253.255.255", "169.254.0.0", "169.254.255.255",
            "169.255.0.0" },
          NULL, NULL },
        { "ipv4_private",
          { "172.15.255.255", "172.16.0.0", "172.31.255.255", "172.32.0.0" },
          NULL, NULL },
        { "ipv4_protocol",
          { "191.255.255.255", "192.0.0.0", "192.0.0.255", "192.0.1.0" },
          NULL, NULL },
        { "ipv4_documentation",
          { "192.0.1.255", "192.0.2.0", "192.0.2.255", "192.0.3.0" },
          NULL, NULL },
        { "ipv4_as112",
          { "192.31.195.255", "192.31.196.0", "192.31.196.255",
            "192.31.197.0" },
          NULL, NULL },
        { "ipv4_amt",
          { "192.52.192.255", "192.52.193.0", "192.52.193.255",
            "192.52.194.0" },
          NULL, NULL },
        { "ipv4_6to4_relay",
          { "192.88.98.255", "192.88.99.0", "192.88.99.255", "192.88.100.0" },
          NULL, NULL },
        { "ipv4_private",
          { "192.167.255.255", "192.168.0.0", "192.168.255.255",
            "192.169.0.0" },
          NULL, NULL },
        { "ipv4_as112",
          { "192.175.47.255", "192.175.48.0", "192.175.48.255",
            "192.175.49.0" },
          NULL, NULL },
        { "ipv4_benchmarking",
          { "198.17.255.255", "198.18.0.0", "198.19.255.255", "198.20.0.0" },
          NULL, NULL },
        { "ipv4_documentation",
          { "198.51.99.255", "198.51.100.0", "198.51.100.255",
            "198.51.101.0" },
          NULL, NULL },
        { "ipv4_documentation",
          { "203.0.112.255", "203.0.113.0", "203.0.113.255", "203.0.114.0" },
          NULL, NULL },
        { "ipv4_multicast",
          { "223.255.255.255", "224.0.0.0", "239.255.255.255", "240.0.0.0" },
          NULL, "ipv4_reserved" },
        { "ipv4_reserved",
          { "239.255.255.255", "240.0.0.0", "255.255.255.255",
            "255.255.255.255" },
          "ipv4_multicast", "ipv4_reserved" }
    };

    for (i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++) {
        expect_v4(ranges[i].text[0], ranges[i].before);
        expect_v4(ranges[i].text[1], ranges[i].name);
        expect_v4(ranges[i].text[2], ranges[i].name);
        expect_v4(ranges[i].text[3], ranges[i].after);
    }

    expect_v4("8.8.8.8", NULL);
    expect_v4("1.1.1.1", NULL);
    expect_v4("100.0.0.1", NULL);
    expect_v4("192.0.66.2", NULL);

    verdict("IPv4: each range by its ends");
}


static void
v6(void)
{
    size_t                i;
    static const range_t  ranges[] = {
        { NULL,    /* all that is global */
          { "1fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "2000::",
            "3fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "4000::" },
          "ipv6_not_global", "ipv6_not_global" },
        { "ipv6_protocol",
          { "2000:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "2001::",
            "2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff", "2001:200::" },
          NULL, NULL },
        { "ipv6_documentation",
          { "2001:db7:ffff:ffff:ffff:ffff:ffff:ffff", "2001:db8::",
            "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", "2001:db9::" },
          NULL, NULL },
        { "ipv6_6to4",
          { "2001:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "2002::",
            "2002:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "2003::" },
          NULL, NULL },
        { "ipv6_as112",
          { "2620:4f:7fff:ffff:ffff:ffff:ffff:ffff", "2620:4f:8000::",
            "2620:4f:8000:ffff:ffff:ffff:ffff:ffff", "2620:4f:8001::" },
          NULL, NULL },
        { "ipv6_documentation",
          { "3ffe:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "3fff::",
            "3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff", "3fff:1000::" },
          NULL, NULL },
        { "ipv6_unspecified", { "::", "::", "::", "::1" },
          "ipv6_unspecified", "ipv6_loopback" },
        { "ipv6_loopback", { "::", "::1", "::1", "::2" },
          "ipv6_unspecified", "ipv6_v4_compatible" },
        { "ipv6_v4_compatible",
          { "::1", "::2", "::ffff:ffff", "::1:0:0" },
          "ipv6_loopback", "ipv6_not_global" },
        { "ipv6_v4_mapped",
          { "::fffe:ffff:ffff", "::ffff:0:0", "::ffff:255.255.255.255",
            "::1:0:0:0" },
          "ipv6_not_global", "ipv6_not_global" },
        { "ipv6_v4_translated",
          { "::fffe:ffff:ffff:ffff", "::ffff:0:0:0", "::ffff:0:ffff:ffff",
            "::ffff:1:0:0" },
          "ipv6_not_global", "ipv6_not_global" },
        { "ipv6_nat64",
          { "64:ff9a:ffff:ffff:ffff:ffff:ffff:ffff", "64:ff9b::",
            "64:ff9b::ffff:ffff", "64:ff9b::1:0:0" },
          "ipv6_not_global", "ipv6_not_global" },
        { "ipv6_nat64_local",
          { "64:ff9b:0:ffff:ffff:ffff:ffff:ffff", "64:ff9b:1::",
            "64:ff9b:1:ffff:ffff:ffff:ffff:ffff", "64:ff9b:2::" },
          "ipv6_not_global", "ipv6_not_global" },
        { "ipv6_discard",
          { "ff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "100::",
            "100::ffff:ffff:ffff:ffff", "100:0:0:1::" },
          "ipv6_not_global", "ipv6_not_global" },
        { "ipv6_segment_routing",
          { "5eff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "5f00::",
            "5f00:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "5f01::" },
          "ipv6_not_global", "ipv6_not_global" },
        { "ipv6_unique_local",
          { "fbff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "fc00::",
            "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "fe00::" },
          "ipv6_not_global", "ipv6_not_global" },
        { "ipv6_link_local",
          { "fe7f:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "fe80::",
            "febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "fec0::" },
          "ipv6_not_global", "ipv6_site_local" },
        { "ipv6_site_local",
          { "febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "fec0::",
            "feff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "ff00::" },
          "ipv6_link_local", "ipv6_multicast" },
        { "ipv6_multicast",
          { "feff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "ff00::",
            "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
            "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff" },
          "ipv6_site_local", "ipv6_multicast" }
    };

    for (i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++) {
        expect_v6(ranges[i].text[0], ranges[i].before);
        expect_v6(ranges[i].text[1], ranges[i].name);
        expect_v6(ranges[i].text[2], ranges[i].name);
        expect_v6(ranges[i].text[3], ranges[i].after);
    }

    expect_v6("2001::4136:e378:8000:63bf:3fff:fdd2", "ipv6_protocol");
    expect_v6("2001:10::1", "ipv6_protocol");
    expect_v6("2001:20::1", "ipv6_protocol");
    expect_v6("2606:4700:4700::1111", NULL);
    expect_v6("2a00:1450:4001:82a::200e", NULL);
    expect_v6("2001:4860:4860::8888", NULL);

    verdict("IPv6: each range by its ends");
}


static void
isatap(void)
{
    expect_v6("2606:4700::5efe:8.8.8.8", "ipv6_isatap");
    expect_v6("2606:4700::200:5efe:8.8.8.8", "ipv6_isatap");
    expect_v6("2606:4700::100:5efe:8.8.8.8", NULL);
    expect_v6("2606:4700::1:5efe:8.8.8.8", NULL);
    expect_v6("2606:4700::201:5efe:8.8.8.8", NULL);
    expect_v6("2606:4700::5eff:8.8.8.8", NULL);
    expect_v6("2606:4700::5dfe:8.8.8.8", NULL);
    expect_v6("2606:4700:0:5efe::1", NULL);

    verdict("IPv6: ISATAP by the interface's id");
}


/* Nothing but 2000::/3 is public, whatever its name. */

static void
outside(void)
{
    size_t         round, i;
    const char    *is;
    unsigned char  ip[16];

    for (round = 0; round < ROUNDS; round++) {

        for (i = 0; i < 16; i++) {
            ip[i] = unit_below(3) ? (unsigned char) unit_draw() : 0;
        }

        is = kairo_net_v6(ip);

        expect((ip[0] & 0xe0) == 0x20 || is, "%02x%02x:.. is public", ip[0],
               ip[1]);
        expect((ip[0] & 0xe0) != 0x20 || !is || strcmp(is, "ipv6_not_global"),
               "%02x%02x:.. is not", ip[0], ip[1]);
    }

    verdict("IPv6: nothing outside of 2000::/3");
}


static void
metadata(void)
{
    size_t         i, j;
    char           text[64];
    unsigned char  ip[16];

    for (i = 0; i < sizeof(metadata_v4) / sizeof(metadata_v4[0]); i++) {

        inet_pton(AF_INET, metadata_v4[i], ip);

        expect(kairo_net_metadata_v4(ip) == 1, "%s", metadata_v4[i]);
        expect(kairo_net_v4(ip) != NULL, "%s is public", metadata_v4[i]);

        for (j = 0; j < 32; j++) {
            ip[j / 8] ^= (unsigned char) (1 << j % 8);
            snprintf(text, sizeof(text), "%u.%u.%u.%u", ip[0], ip[1], ip[2],
                     ip[3]);
            expect(kairo_net_metadata_v4(ip) == 0, "%s", text);
            ip[j / 8] ^= (unsigned char) (1 << j % 8);
        }
    }

    for (i = 0; i < sizeof(metadata_v6) / sizeof(metadata_v6[0]); i++) {

        inet_pton(AF_INET6, metadata_v6[i], ip);

        expect(kairo_net_metadata_v6(ip) == 1, "%s", metadata_v6[i]);

        for (j = 0; j < 128; j++) {
            ip[j / 8] ^= (unsigned char) (1 << j % 8);
            expect(kairo_net_metadata_v6(ip) == 0, "%s but for bit %u",
                   metadata_v6[i], (unsigned) j);
            ip[j / 8] ^= (unsigned char) (1 << j % 8);
        }
    }

    verdict("metadata services, and not their neighbours");
}


/*
 * RFC 6052, section 2.2: the address is behind the prefix, around the byte 8,
 * which is zero; RFC 3056: bits 16 to 47; RFC 4380: the last four, inverted.
 */

static void
embedded(void)
{
    size_t         i, j, k, round;
    unsigned char  v4[4], ip[16], mask;

    static const unsigned char  at[8][4] = {
        { 4, 5, 6, 7 }, { 5, 6, 7, 9 }, { 6, 7, 9, 10 }, { 7, 9, 10, 11 },
        { 9, 10, 11, 12 }, { 12, 13, 14, 15 }, { 2, 3, 4, 5 },
        { 12, 13, 14, 15 }
    };

    for (i = 0; i < sizeof(metadata_v4) / sizeof(metadata_v4[0]); i++) {

        inet_pton(AF_INET, metadata_v4[i], v4);

        for (j = 0; j < 8; j++) {

            mask = j == 7 ? 0xff : 0;

            for (round = 0; round < 200; round++) {

                for (k = 0; k < 16; k++) {
                    ip[k] = round ? (unsigned char) unit_draw() : 0;
                }

                for (k = 0; k < 4; k++) {
                    ip[at[j][k]] = v4[k] ^ mask;
                }

                expect(kairo_net_metadata_v6(ip) == 1, "%s, position %u",
                       metadata_v4[i], (unsigned) j);
            }
        }
    }

    verdict("metadata services inside of IPv6, at each position");

    for (round = 0; round < ROUNDS; round++) {

        for (k = 0; k < 16; k++) {
            ip[k] = (unsigned char) unit_draw();
        }

        expect(kairo_net_metadata_v6(ip) == 0, "by chance");
    }

    verdict("and nowhere else");
}


int
main(void)
{
    unit_begin(401);

    v4();
    v6();
    isatap();
    outside();
    metadata();
    embedded();

    return unit_done();
}
