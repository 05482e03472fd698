
/*
 * Sets of networks against a list that is gone through bit by bit: networks of
 * both families with the neighbours of their ends, what joins and what does
 * not, every length of a prefix, and what is no network.
 */


#include <arpa/inet.h>

#include "target.h"

#include "core/kairo_ranges.h"


#define ROUNDS  4000
#define MOST    40


typedef struct {
    unsigned       family;       /* bytes of an address, 4 or 16 */
    unsigned char  ip[16];
    unsigned       prefix;
} net_t;


static unsigned
bit_of(const unsigned char *ip, unsigned bit)
{
    return ip[bit / 8] >> (7 - bit % 8) & 1;
}


static int
within(const net_t *net, const unsigned char *ip, unsigned family)
{
    unsigned  bit;

    if (net->family != family) {
        return 0;
    }

    for (bit = 0; bit < net->prefix; bit++) {
        if (bit_of(net->ip, bit) != bit_of(ip, bit)) {
            return 0;
        }
    }

    return 1;
}


/* The first address of it, or the last. */

static void
end_of(const net_t *net, int last, unsigned char *ip)
{
    unsigned  bit;

    memcpy(ip, net->ip, 16);

    for (bit = net->prefix; bit < 8 * net->family; bit++) {
        ip[bit / 8] &= (unsigned char) ~(0x80 >> bit % 8);
        ip[bit / 8] |= (unsigned char) (last ? 0x80 >> bit % 8 : 0);
    }
}


/* To the address behind it, or before it, round the end of the family. */

static void
step(unsigned char *ip, unsigned family, int down)
{
    unsigned  i;

    for (i = family; i-- > 0; /* void */) {

        ip[i] = (unsigned char) (down ? ip[i] - 1 : ip[i] + 1);

        if (ip[i] != (down ? 0xff : 0x00)) {
            break;
        }
    }
}


static void
write_net(const net_t *net, char *text, size_t n)
{
    char  ip[INET6_ADDRSTRLEN];

    inet_ntop(net->family == 4 ? AF_INET : AF_INET6, net->ip, ip, sizeof(ip));

    /* the prefix of a single address goes without saying */

    if (net->prefix == 8 * net->family && (net->ip[3] & 1)) {
        snprintf(text, n, "%s", ip);

    } else {
        snprintf(text, n, "%s/%u", ip, net->prefix);
    }
}


static const char *
read_n(const char *text, size_t n, kairo_range_t *range)
{
    const char     *wrong;
    unsigned char  *copy;

    copy = target_copy(text, n);
    wrong = kairo_range((kairo_span_t) { copy, n }, range);
    free(copy);

    return wrong;
}


static const char *
read_range(const char *text, kairo_range_t *range)
{
    return read_n(text, strlen(text), range);
}


static int
has(const kairo_range_t *ranges, size_t n, const unsigned char *ip,
    unsigned family)
{
    int             found;
    unsigned char  *copy;

    copy = target_copy(ip, family);
    found = kairo_ranges_has(ranges, n, (kairo_span_t) { copy, family });
    free(copy);

    return found;
}


/*
 * Of few bits, and at any length, so that they touch and hold each other; in
 * one out of two rounds crowded at the ends of the families.
 */

static void
draw(net_t *net, int ends)
{
    unsigned  i, bits;

    memset(net, 0, sizeof(*net));

    net->family = unit_below(2) ? 4 : 16;
    bits = 8 * net->family;
    net->prefix = unit_below(8) ? bits - (unsigned) unit_below(12)
                                : (unsigned) unit_below(bits + 1);

    for (i = 0; i < net->family; i++) {
        net->ip[i] = ends ? 0xff * (unsigned char) unit_below(2)
                          : i + 1 == net->family ? (unsigned char) unit_draw()
                                                 : (unsigned char) i;
    }

    if (ends && unit_below(2)) {
        memset(net->ip, unit_below(2) ? 0xff : 0, 16);
    }

    end_of(net, 0, net->ip);
}


static void
expect_same(const net_t *nets, size_t n, const kairo_range_t *ranges,
    size_t left, const unsigned char *ip, unsigned family)
{
    int     is, wanted;
    char    text[INET6_ADDRSTRLEN];
    size_t  i;

    wanted = 0;

    for (i = 0; i < n; i++) {
        wanted |= within(&nets[i], ip, family);
    }

    is = has(ranges, left, ip, family);

    inet_ntop(family == 4 ? AF_INET : AF_INET6, ip, text, sizeof(text));

    expect(is == wanted, "%s among %u networks: %d, not %d", text,
           (unsigned) n, is, wanted);
}


/* What is left is in order, and has a gap before each but the first. */

static void
expect_apart(const kairo_range_t *ranges, size_t n)
{
    size_t         i;
    unsigned char  next[KAIRO_RANGE_KEY];

    for (i = 0; i < n; i++) {

        expect(memcmp(ranges[i].first, ranges[i].last, KAIRO_RANGE_KEY) <= 0,
               "it ends before it begins");
        expect(ranges[i].first[0] == ranges[i].last[0],
               "one of two families");

        if (i == 0) {
            continue;
        }

        memcpy(next, ranges[i - 1].last, KAIRO_RANGE_KEY);
        step(next, KAIRO_RANGE_KEY, 0);

        expect(memcmp(next, ranges[i].first, KAIRO_RANGE_KEY) < 0,
               "two that meet are left");
    }
}


static void
same_as_a_list(void)
{
    int             round, last;
    char            text[80];
    size_t          i, j, n, left;
    net_t           nets[MOST];
    const char     *wrong;
    kairo_range_t  *ranges, swap;
    unsigned char   ip[16];

    for (round = 0; round < ROUNDS; round++) {

        n = unit_below(MOST + 1);
        ranges = malloc((n ? n : 1) * sizeof(kairo_range_t));

        for (i = 0; i < n; i++) {
            draw(&nets[i], round % 2);
            write_net(&nets[i], text, sizeof(text));

            wrong = read_range(text, &ranges[i]);
            expect(wrong == NULL, "%s: %s", text, target_word(wrong));
        }

        left = kairo_ranges_sort(ranges, n);

        expect(left <= n && (left || n == 0), "%u of %u are left",
               (unsigned) left, (unsigned) n);
        expect_apart(ranges, left);

        for (i = 0; i < n; i++) {
            for (last = 0; last < 2; last++) {

                end_of(&nets[i], last, ip);
                expect(has(ranges, left, ip, nets[i].family),
                       "an end is not found");

                step(ip, nets[i].family, !last);
                expect_same(nets, n, ranges, left, ip, nets[i].family);

                /* the same bytes are another address in the other family */

                expect_same(nets, n, ranges, left, ip,
                            nets[i].family == 4 ? 16 : 4);
            }

            for (j = 0; j < 16; j++) {
                ip[j] = (unsigned char) unit_draw();
            }

            expect_same(nets, n, ranges, left, ip, nets[i].family);
        }

        /* in order they stay as they are, in whatever order they come */

        for (i = left; i > 1; i--) {
            j = unit_below(i);
            swap = ranges[j];
            ranges[j] = ranges[i - 1];
            ranges[i - 1] = swap;
        }

        expect(kairo_ranges_sort(ranges, left) == left,
               "sorted once more they are other ones");
        expect_apart(ranges, left);

        free(ranges);
    }

    verdict("%u sets are the same as lists of networks", ROUNDS);
}


/* All of a length side by side, in any order, are the one above them. */

static void
joins(void)
{
    char            text[80];
    size_t          i, j, n, skip;
    net_t           net;
    unsigned        depth, above, family, round;
    kairo_range_t   ranges[256], one, swap;
    unsigned char   ip[16];

    for (round = 0; round < 600; round++) {

        family = round % 2 ? 4 : 16;
        depth = (unsigned) unit_below(9);
        above = round < 40 ? 0
                           : (unsigned) unit_below(8 * family - depth + 1);
        n = (size_t) 1 << depth;

        memset(&net, 0, sizeof(net));
        net.family = family;

        for (i = 0; i < family; i++) {
            net.ip[i] = (unsigned char) unit_draw();
        }

        net.prefix = above;
        end_of(&net, 0, net.ip);
        write_net(&net, text, sizeof(text));
        expect(read_range(text, &one) == NULL, "%s", text);

        net.prefix = above + depth;

        for (i = 0; i < n; i++) {

            memcpy(ip, net.ip, 16);

            for (j = 0; j < depth; j++) {
                if (i >> j & 1) {
                    net.ip[(net.prefix - 1 - j) / 8]
                        |= (unsigned char) (0x80 >> (net.prefix - 1 - j) % 8);
                }
            }

            write_net(&net, text, sizeof(text));
            expect(read_range(text, &ranges[i]) == NULL, "%s", text);
            memcpy(net.ip, ip, 16);
        }

        skip = unit_below(n);

        for (i = n; i > 1; i--) {
            j = unit_below(i);
            swap = ranges[j];
            ranges[j] = ranges[i - 1];
            ranges[i - 1] = swap;
        }

        memcpy(ip, ranges[skip].first + 1, 16);
        swap = ranges[skip];

        expect(kairo_ranges_sort(ranges, n) == 1
               && memcmp(&ranges[0], &one, sizeof(one)) == 0,
               "%u parts of /%u are not one", (unsigned) n, above);

        /* without one of them there is a hole of its size */

        if (memcmp(swap.first, one.first, KAIRO_RANGE_KEY) != 0
            && memcmp(swap.last, one.last, KAIRO_RANGE_KEY) != 0)
        {
            ranges[0] = one;
            memcpy(ranges[0].last, swap.first, KAIRO_RANGE_KEY);
            step(ranges[0].last, KAIRO_RANGE_KEY, 1);
            ranges[1] = one;
            memcpy(ranges[1].first, swap.last, KAIRO_RANGE_KEY);
            step(ranges[1].first, KAIRO_RANGE_KEY, 0);

            expect(kairo_ranges_sort(ranges, 2) == 2, "the hole is closed");
            expect(!has(ranges, 2, ip, family), "the hole has its first");
        }
    }

    verdict("networks that meet are one");
}


static void
everything(void)
{
    size_t             i, n;
    unsigned           with;
    kairo_range_t      ranges[2];
    unsigned char      ip[16];
    static const char  *all[] = { "0.0.0.0/0", "::/0" };

    for (with = 0; with < 4; with++) {

        n = 0;

        for (i = 0; i < 2; i++) {
            if (with >> i & 1) {
                expect(read_range(all[i], &ranges[n++]) == NULL, "%s", all[i]);
            }
        }

        expect(kairo_ranges_sort(ranges, n) == n, "the families are joined");

        for (i = 0; i < 1000; i++) {

            memset(ip, i == 0 ? 0x00 : 0xff, 16);

            if (i > 1) {
                ip[unit_below(16)] = (unsigned char) unit_draw();
                ip[unit_below(4)] = (unsigned char) unit_draw();
            }

            expect(has(ranges, n, ip, 4) == (int) (with & 1), "IPv4 in %u",
                   with);
            expect(has(ranges, n, ip, 16) == (int) (with >> 1),
                   "IPv6 in %u", with);
        }
    }

    /* an address of IPv4 in one of IPv6 is no address of IPv4 */

    (void) read_range("10.0.0.0/8", &ranges[0]);
    (void) inet_pton(AF_INET6, "::ffff:10.0.0.1", ip);
    expect(!has(ranges, 1, ip, 16), "::ffff:10.0.0.1 is in 10.0.0.0/8");
    (void) inet_pton(AF_INET6, "a00::", ip);
    expect(!has(ranges, 1, ip, 16), "a00:: is in 10.0.0.0/8");

    verdict("all of one family are none of the other");
}


static void
with_prefix(char *text, const unsigned char *ip, unsigned family,
    unsigned prefix)
{
    (void) inet_ntop(family == 4 ? AF_INET : AF_INET6, ip, text,
                     INET6_ADDRSTRLEN);
    sprintf(text + strlen(text), "/%u", prefix);
}


/* Each length, and each bit behind it, which has to be zero. */

static void
prefixes(void)
{
    char            text[80];
    net_t           net;
    unsigned        family, prefix, bit;
    const char     *wrong, *wanted;
    kairo_range_t   range;
    unsigned char   ip[16];

    for (family = 4; family <= 16; family += 12) {
        for (prefix = 0; prefix <= 8 * family; prefix++) {

            memset(&net, 0, sizeof(net));
            net.family = family;
            net.prefix = prefix;

            for (bit = 0; bit < prefix; bit++) {
                net.ip[bit / 8] |= (unsigned char) (unit_below(2) << bit % 8);
            }

            end_of(&net, 0, net.ip);

            with_prefix(text, net.ip, family, prefix);

            wrong = read_range(text, &range);
            expect(wrong == NULL, "%s: %s", text, target_word(wrong));

            end_of(&net, 0, ip);
            expect(memcmp(range.first + 1, ip, family) == 0, "%s: its first",
                   text);
            end_of(&net, 1, ip);
            expect(memcmp(range.last + 1, ip, family) == 0, "%s: its last",
                   text);

            for (bit = 0; bit < 8 * family; bit++) {

                memcpy(ip, net.ip, 16);
                ip[bit / 8] ^= (unsigned char) (0x80 >> bit % 8);
                with_prefix(text, ip, family, prefix);

                wrong = read_range(text, &range);
                wanted = bit < prefix ? NULL : "host_bits";

                expect(target_same(wrong, wanted), "%s: %s, not %s", text,
                       target_word(wrong), target_word(wanted));
            }
        }
    }

    verdict("each length of a prefix");
}


static void
texts(void)
{
    size_t               i;
    const char          *wrong;
    kairo_range_t        range;
    static const struct {
        const char  *text;
        const char  *wrong;
    } rows[] = {
        { "", "address" }, { "/", "address" }, { "/8", "address" },
        { "10.0.0/8", "address" }, { "10/8", "address" },
        { "010.0.0.0/8", "address" }, { "0x0a.0.0.0/8", "address" },
        { "10.0.0.0.0/8", "address" }, { "10.0.0.0 /8", "address" },
        { "[::]/0", "address" }, { "[::1]", "address" },
        { "fe80::1%eth0", "address" }, { "fe80::%1/64", "address" },
        { "example.com", "address" }, { "example.com/24", "address" },
        { "1.2.3.4.", "address" }, { "::g/16", "address" },
        { "1.2.3.4-1.2.3.9", "address" }, { "::1 ", "address" },
        { "10.0.0.0/", "prefix" }, { "10.0.0.0//8", "prefix" },
        { "10.0.0.0/8/8", "prefix" }, { "10.0.0.0/08", "prefix" },
        { "10.0.0.0/00", "prefix" }, { "10.0.0.0/+8", "prefix" },
        { "10.0.0.0/-8", "prefix" }, { "10.0.0.0/8 ", "prefix" },
        { "10.0.0.0/ 8", "prefix" }, { "10.0.0.0/0x8", "prefix" },
        { "10.0.0.0/33", "prefix" }, { "10.0.0.0/128", "prefix" },
        { "10.0.0.0/256", "prefix" }, { "10.0.0.0/264", "prefix" },
        { "10.0.0.0/4294967304", "prefix" }, { "10.0.0.0/a", "prefix" },
        { "10.0.0.0/255.0.0.0", "prefix" }, { "::/129", "prefix" },
        { "::/0128", "prefix" }, { "::/999", "prefix" },
        { "::/1000", "prefix" }, { "::1/0", "host_bits" },
        { "10.0.0.1/8", "host_bits" }, { "10.0.0.1/31", "host_bits" },
        { "2001:db8::1/32", "host_bits" }, { "::ffff:10.0.0.1/104",
                                             "host_bits" },
        { "10.0.0.0/8", NULL }, { "0.0.0.0/0", NULL }, { "::/0", NULL },
        { "10.0.0.1/32", NULL }, { "10.0.0.1", NULL }, { "::1", NULL },
        { "2001:DB8::/32", NULL }, { "::ffff:10.0.0.0/104", NULL },
        { "64:ff9b::192.0.2.1", NULL }
    };

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        wrong = read_range(rows[i].text, &range);

        expect(target_same(wrong, rows[i].wrong), "\"%s\": %s, not %s",
               rows[i].text, target_word(wrong), target_word(rows[i].wrong));
    }

    expect(target_same(read_n("10.0.0.0/8\0", 11, &range), "prefix"),
           "a zero behind it");
    expect(target_same(read_n("10.0.0.0\0/8", 11, &range), "address"),
           "a zero within");
    expect(target_same(kairo_range((kairo_span_t) { NULL, 0 }, &range),
                       "address"), "nothing");

    verdict("what is no network, and why");
}


/* A single address is what its text is. */

static void
single(void)
{
    char            text[INET6_ADDRSTRLEN];
    size_t          i, round;
    unsigned        family;
    kairo_range_t   one, range;
    unsigned char  *copy, ip[16];

    for (round = 0; round < 2000; round++) {

        family = round % 2 ? 4 : 16;

        for (i = 0; i < 16; i++) {
            ip[i] = unit_below(3) ? (unsigned char) unit_draw() : 0;
        }

        copy = target_copy(ip, family);
        kairo_range_one((kairo_span_t) { copy, family }, &one);
        free(copy);

        (void) inet_ntop(family == 4 ? AF_INET : AF_INET6, ip, text,
                         sizeof(text));

        expect(read_range(text, &range) == NULL
               && memcmp(&one, &range, sizeof(one)) == 0, "%s", text);

        expect(has(&one, 1, ip, family), "%s has not itself", text);

        step(ip, family, 0);
        expect(!has(&one, 1, ip, family), "%s has the next one", text);

        step(ip, family, 1);
        step(ip, family, 1);
        expect(!has(&one, 1, ip, family), "%s has the one before", text);

        expect(!has(NULL, 0, ip, family), "no networks have one");
    }

    expect(kairo_ranges_sort(NULL, 0) == 0, "of none one is left");

    verdict("one address");
}


int
main(void)
{
    unit_begin(421);

    same_as_a_list();
    joins();
    everything();
    prefixes();
    texts();
    single();

    return unit_done();
}
