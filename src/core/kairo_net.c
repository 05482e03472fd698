
#include "core/kairo_nat64.h"
#include "core/kairo_net.h"


#define KAIRO_NET_COUNT(a)  (sizeof(a) / sizeof((a)[0]))


typedef struct {
    unsigned char   ip[16];
    unsigned        prefix;
    const char     *name;
} kairo_net_range_t;


static const char *kairo_net_find(const unsigned char *ip,
    const kairo_net_range_t *range, size_t n);
static int kairo_net_within(const unsigned char *ip,
    const kairo_net_range_t *range);
static int kairo_net_is_metadata(unsigned a, unsigned b, unsigned c,
    unsigned d);


static const kairo_net_range_t  kairo_net_v4_special[] = {
    { { 0 }, 8, "ipv4_this_network" },
    { { 10 }, 8, "ipv4_private" },
    { { 100, 64 }, 10, "ipv4_shared" },
    { { 127 }, 8, "ipv4_loopback" },
    { { 168, 63, 129, 16 }, 32, "ipv4_platform" },
    { { 169, 254 }, 16, "ipv4_link_local" },
    { { 172, 16 }, 12, "ipv4_private" },
    { { 192, 0, 0 }, 24, "ipv4_protocol" },
    { { 192, 0, 2 }, 24, "ipv4_documentation" },
    { { 192, 31, 196 }, 24, "ipv4_as112" },
    { { 192, 52, 193 }, 24, "ipv4_amt" },
    { { 192, 88, 99 }, 24, "ipv4_6to4_relay" },
    { { 192, 168 }, 16, "ipv4_private" },
    { { 192, 175, 48 }, 24, "ipv4_as112" },
    { { 198, 18 }, 15, "ipv4_benchmarking" },
    { { 198, 51, 100 }, 24, "ipv4_documentation" },
    { { 203, 0, 113 }, 24, "ipv4_documentation" },
    { { 224 }, 4, "ipv4_multicast" },
    { { 240 }, 4, "ipv4_reserved" }
};


/* within 2000::/3 */

static const kairo_net_range_t  kairo_net_v6_special[] = {
    { { 0x20, 0x01 }, 23, "ipv6_protocol" },
    { { 0x20, 0x01, 0x0d, 0xb8 }, 32, "ipv6_documentation" },
    { { 0x20, 0x02 }, 16, "ipv6_6to4" },
    { { 0x26, 0x20, 0x00, 0x4f, 0x80 }, 48, "ipv6_as112" },
    { { 0x3f, 0xff }, 20, "ipv6_documentation" }
};


/* outside of it, where all is refused: only to say what it is */

static const kairo_net_range_t  kairo_net_v6_outside[] = {
    { { 0 }, 128, "ipv6_unspecified" },
    { { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1 }, 128,
      "ipv6_loopback" },
    { { 0 }, 96, "ipv6_v4_compatible" },
    { { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff }, 96, "ipv6_v4_mapped" },
    { { 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff }, 96, "ipv6_v4_translated" },
    { { 0x00, 0x64, 0xff, 0x9b }, 96, "ipv6_nat64" },
    { { 0x00, 0x64, 0xff, 0x9b, 0x00, 0x01 }, 48, "ipv6_nat64_local" },
    { { 0x01 }, 64, "ipv6_discard" },
    { { 0x5f }, 16, "ipv6_segment_routing" },
    { { 0xfc }, 7, "ipv6_unique_local" },
    { { 0xfe, 0x80 }, 10, "ipv6_link_local" },
    { { 0xfe, 0xc0 }, 10, "ipv6_site_local" },
    { { 0xff }, 8, "ipv6_multicast" }
};


static const kairo_net_range_t  kairo_net_v6_global =
    { { 0x20 }, 3, "ipv6_global" };


static const kairo_net_range_t  kairo_net_v6_metadata[] = {
    { { 0xfd, 0x00, 0x0e, 0xc2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x02, 0x54 },
      128, "aws" },
    { { 0xfd, 0x00, 0x0e, 0xc2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x00, 0x23 },
      128, "aws_eks" },
    { { 0xfd, 0x20, 0x00, 0xce, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x02, 0x54 },
      128, "gcp" },
    { { 0xfd, 0x00, 0x00, 0x42, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x00, 0x42 },
      128, "scaleway" }
};


static const unsigned char  kairo_net_v4_metadata[][4] = {
    { 169, 254, 169, 254 },    /* nearly all of them */
    { 169, 254, 170, 2 },      /* AWS ECS */
    { 169, 254, 170, 23 },     /* AWS EKS */
    { 169, 254, 42, 42 },      /* Scaleway */
    { 168, 63, 129, 16 },      /* Azure */
    { 100, 100, 100, 200 },    /* Alibaba */
    { 192, 0, 0, 192 }         /* Oracle */
};


const char *
kairo_net_v4(const unsigned char ip[4])
{
    return kairo_net_find(ip, kairo_net_v4_special,
                          KAIRO_NET_COUNT(kairo_net_v4_special));
}


const char *
kairo_net_v6(const unsigned char ip[16])
{
    const char  *name;

    if (!kairo_net_within(ip, &kairo_net_v6_global)) {
        name = kairo_net_find(ip, kairo_net_v6_outside,
                              KAIRO_NET_COUNT(kairo_net_v6_outside));
        return name ? name : "ipv6_not_global";
    }

    /* ISATAP (RFC 5214, section 6.1): an IPv4 address in an interface's id */

    if ((ip[8] == 0x00 || ip[8] == 0x02) && ip[9] == 0x00 && ip[10] == 0x5e
        && ip[11] == 0xfe)
    {
        return "ipv6_isatap";
    }

    return kairo_net_find(ip, kairo_net_v6_special,
                          KAIRO_NET_COUNT(kairo_net_v6_special));
}


int
kairo_net_metadata_v4(const unsigned char ip[4])
{
    return kairo_net_is_metadata(ip[0], ip[1], ip[2], ip[3]);
}


int
kairo_net_metadata_v6(const unsigned char ip[16])
{
    size_t                i;
    const unsigned char  *at;

    for (i = 0; i < KAIRO_NAT64_LAYOUTS; i++) {

        at = kairo_nat64_layouts[i].at;

        if (kairo_net_is_metadata(ip[at[0]], ip[at[1]], ip[at[2]], ip[at[3]]))
        {
            return 1;
        }
    }

    /* 6to4, Teredo */

    if (kairo_net_is_metadata(ip[2], ip[3], ip[4], ip[5])
        || kairo_net_is_metadata(ip[12] ^ 0xffu, ip[13] ^ 0xffu,
                                 ip[14] ^ 0xffu, ip[15] ^ 0xffu))
    {
        return 1;
    }

    return kairo_net_find(ip, kairo_net_v6_metadata,
                          KAIRO_NET_COUNT(kairo_net_v6_metadata))
           != NULL;
}


static const char *
kairo_net_find(const unsigned char *ip, const kairo_net_range_t *range,
    size_t n)
{
    size_t  i;

    for (i = 0; i < n; i++) {
        if (kairo_net_within(ip, &range[i])) {
            return range[i].name;
        }
    }

    return NULL;
}


static int
kairo_net_within(const unsigned char *ip, const kairo_net_range_t *range)
{
    size_t    bytes;
    unsigned  mask;

    bytes = range->prefix / 8;
    mask = 0xff00u >> range->prefix % 8 & 0xff;

    return memcmp(ip, range->ip, bytes) == 0
           && (mask == 0 || ((ip[bytes] ^ range->ip[bytes]) & mask) == 0);
}


static int
kairo_net_is_metadata(unsigned a, unsigned b, unsigned c, unsigned d)
{
    size_t                i;
    const unsigned char  *m;

    for (i = 0; i < KAIRO_NET_COUNT(kairo_net_v4_metadata); i++) {

        m = kairo_net_v4_metadata[i];

        if (m[0] == a && m[1] == b && m[2] == c && m[3] == d) {
            return 1;
        }
    }

    return 0;
}
