
/*
 * Addresses as text, against inet_pton(): what is accepted here it accepts, as
 * the same bytes.
 */


#include <arpa/inet.h>

#include "target.h"

#include "core/kairo_ip.h"


#define ROUNDS  300000


static int
read_ip(int family, const char *text, size_t n, unsigned char *ip)
{
    int             rc;
    kairo_span_t    s;
    unsigned char  *copy;

    copy = target_copy(text, n);

    s.p = copy;
    s.n = n;

    rc = family == AF_INET ? kairo_ipv4(s, ip) : kairo_ipv6(s, ip);

    free(copy);

    return rc;
}


static void
expect_ipv4(const char *text, const char *wanted)
{
    int            rc;
    char           out[INET_ADDRSTRLEN];
    unsigned char  ip[4];

    rc = read_ip(AF_INET, text, strlen(text), ip);

    expect(rc == (wanted ? 0 : -1), "\"%s\" gives %d", text, rc);

    if (rc == 0 && wanted) {
        inet_ntop(AF_INET, ip, out, sizeof(out));
        expect(strcmp(out, wanted) == 0, "\"%s\" is %s", text, out);
    }
}


static void
ipv4(void)
{
    size_t             i;
    static const char  *bad[] = {
        "", ".", "..", "...", "1", "1.2", "1.2.3", "1.2.3.", ".1.2.3",
        "1..2.3", "1.2.3.4.", "1.2.3.4.5", "1.2.3.4.5.", "1.2.3.256",
        "256.1.1.1", "1.2.3.1000", "1.2.3.4294967297", "1.2.3.04", "01.2.3.4",
        "1.2.3.00", "00.0.0.0", "0127.0.0.1", "0177.0.0.1", "127.0.0.001",
        "0x7f.0.0.1", "0x7f.1", "0x", "2130706433", "127.1", "192.168.257",
        "127...1", " 1.2.3.4", "1.2.3.4 ", "1.2.3.4\n", "+1.2.3.4", "-1.2.3.4",
        "1.2.3.-4", "1,2,3,4", "1.2.3.4/8", "1.2.3.4:80", "1.2.3.4%eth0",
        "1.2.3.a", "a.2.3.4", "1.2.3.\xd9\xa4", "1.2.3.\xef\xbc\x94",
        "425.510.425.510", "7147006462", "::1", "1.2.3.4\x7f"
    };

    expect_ipv4("0.0.0.0", "0.0.0.0");
    expect_ipv4("255.255.255.255", "255.255.255.255");
    expect_ipv4("1.2.3.4", "1.2.3.4");
    expect_ipv4("10.20.100.199", "10.20.100.199");

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        expect_ipv4(bad[i], NULL);
    }

    expect(read_ip(AF_INET, "1.2.3.4\0", 8, (unsigned char[4]) { 0 }) == -1,
           "a zero behind it");
    expect(read_ip(AF_INET, "1.2\0.3.4", 8, (unsigned char[4]) { 0 }) == -1,
           "a zero within");

    verdict("IPv4: four numbers and nothing else");
}


static void
ipv4_numbers(void)
{
    char      text[32];
    unsigned  n, at;

    for (n = 0; n <= 1100; n++) {
        for (at = 0; at < 4; at++) {
            snprintf(text, sizeof(text), "%u.%u.%u.%u", at == 0 ? n : 7,
                     at == 1 ? n : 7, at == 2 ? n : 7, at == 3 ? n : 7);
            expect_ipv4(text, n <= 255 ? text : NULL);
        }
    }

    verdict("IPv4: 0 to 255 in each place");
}


static void
expect_ipv6(const char *text, const char *wanted)
{
    int            rc;
    char           out[INET6_ADDRSTRLEN];
    unsigned char  ip[16];

    rc = read_ip(AF_INET6, text, strlen(text), ip);

    expect(rc == (wanted ? 0 : -1), "\"%s\" gives %d", text, rc);

    if (rc == 0 && wanted) {
        inet_ntop(AF_INET6, ip, out, sizeof(out));
        expect(strcmp(out, wanted) == 0, "\"%s\" is %s", text, out);
    }
}


static void
ipv6(void)
{
    size_t             i;
    static const char  *bad[] = {
        "", ":", ":::", "1", "1:", ":1", "1::2::3", "::1::", "1:::2", ":1::",
        "::1:", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:", "1:2:3:4:5:6:7:8:",
        "1:2:3:4:5:6:7:8:9", "1::2:3:4:5:6:7:8", "::1:2:3:4:5:6:7:8",
        "1:2:3:4:5:6:7:8::", "12345::", "::12345", "00000::", "::g", "::-1",
        "::+1", ":: 1", " ::1", "::1 ", "::1%lo", "fe80::1%25eth0", "[::1]",
        "::1/128", "::0x1", "1.2.3.4", "1.2.3.4::", "::1.2.3.4:5",
        "::1.2.3", "::1.2.3.4.5", "::1.2.3.256", "::01.2.3.4", "::1.2.3.04",
        "::ffff:0177.0.0.1", "::ffff:0x7f.1", "::127.1", "::1.2.3.4.",
        "1:2:3:4:5:6:7:1.2.3.4", "1:2:3:4:5:1.2.3.4", "1:2:3:4:5:6:1.2.3.4:7",
        "::1:2:3:4:5:6:7:1.2.3.4", "1:2:3:4:5:6:7::1.2.3.4",
        "\xef\xbc\x9a\xef\xbc\x9a""1", "::\xd9\xa1", "..", "::.", "::1."
    };

    expect_ipv6("::", "::");
    expect_ipv6("::1", "::1");
    expect_ipv6("1::", "1::");
    expect_ipv6("0:0:0:0:0:0:0:0", "::");
    expect_ipv6("0000:0000:0000:0000:0000:0000:0000:0001", "::1");
    expect_ipv6("1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8");
    expect_ipv6("1::2:3:4:5:6:7", "1:0:2:3:4:5:6:7");
    expect_ipv6("::2:3:4:5:6:7:8", "0:2:3:4:5:6:7:8");
    expect_ipv6("1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0");
    expect_ipv6("2001:DB8::A", "2001:db8::a");
    expect_ipv6("abcd:EF01:2345:6789:abcd:ef01:2345:6789",
                "abcd:ef01:2345:6789:abcd:ef01:2345:6789");
    expect_ipv6("::1.2.3.4", "::1.2.3.4");
    expect_ipv6("::ffff:1.2.3.4", "::ffff:1.2.3.4");
    expect_ipv6("1:2:3:4:5:6:1.2.3.4", "1:2:3:4:5:6:102:304");
    expect_ipv6("1:2:3:4:5::1.2.3.4", "1:2:3:4:5:0:102:304");
    expect_ipv6("::1:2:3:4:5:1.2.3.4", "0:1:2:3:4:5:102:304");
    expect_ipv6("1::1.2.3.4", "1::102:304");

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        expect_ipv6(bad[i], NULL);
    }

    expect(read_ip(AF_INET6, "::1\0", 4, (unsigned char[16]) { 0 }) == -1,
           "a zero behind it");

    verdict("IPv6: the three forms of RFC 4291 and nothing else");
}


/* What inet_pton() takes, as it takes no zero within. */

static int
wanted(int family, const char *text, size_t n, unsigned char *ip)
{
    char  copy[80];

    if (n >= sizeof(copy) || memchr(text, 0, n)) {
        return -1;
    }

    memcpy(copy, text, n);
    copy[n] = '\0';

    return inet_pton(family, copy, ip) == 1 ? 0 : -1;
}


static unsigned long  taken[2];


static void
compare(int family, const char *text, size_t n)
{
    int            rc, want;
    size_t         len;
    unsigned char  ip[16], other[16];

    len = family == AF_INET ? 4 : 16;
    rc = read_ip(family, text, n, ip);
    want = wanted(family, text, n, other);

    expect(rc == want, "\"%.*s\": %d, inet_pton() %d", (int) n, text, rc,
           want);

    if (rc == 0 && want == 0) {
        taken[family == AF_INET6]++;
        expect(memcmp(ip, other, len) == 0, "\"%.*s\": other bytes", (int) n,
               text);
    }
}


static void
random_texts(void)
{
    char               text[48];
    size_t             i, n, round;
    static const char  four[] = "0123456789....", six[] = "0123fF:::::::.8";

    for (round = 0; round < ROUNDS; round++) {

        n = (size_t) unit_below(sizeof(text));

        for (i = 0; i < n; i++) {
            text[i] = round % 2 ? four[unit_below(sizeof(four))]
                                : six[unit_below(sizeof(six))];
        }

        compare(AF_INET, text, n);
        compare(AF_INET6, text, n);
    }

    verdict("random texts are what inet_pton() says they are");
}


static void
mutated_texts(void)
{
    char           text[80];
    size_t         n, at, round;
    unsigned       i, edits;
    unsigned char  ip[16];

    static const char  alphabet[] = "0123456789abcdefABCDEFxX:::...%/[] ";

    taken[0] = taken[1] = 0;

    for (round = 0; round < ROUNDS; round++) {

        for (i = 0; i < 16; i++) {
            ip[i] = unit_below(3) ? (unsigned char) unit_draw() : 0;
        }

        if (round % 3 == 0) {
            inet_ntop(AF_INET, ip, text, sizeof(text));

        } else if (round % 3 == 1) {
            inet_ntop(AF_INET6, ip, text, sizeof(text));

        } else {
            snprintf(text, sizeof(text), unit_below(2)
                     ? "%04X:%x:%x:%x:%x:%x:%u.%u.%u.%u"
                     : "%x:%x::%x:%x:%x:%x:%u.%u.%u.%u",
                     ip[0], ip[1], ip[2], ip[3], ip[4], ip[5], ip[12], ip[13],
                     ip[14], ip[15]);
        }

        n = strlen(text);

        for (edits = (unsigned) unit_below(4); edits && n; edits--) {

            at = (size_t) unit_below(n);

            switch (unit_below(4)) {
            case 0:
                memmove(text + at, text + at + 1, n - at);
                n--;
                break;
            case 1:
                memmove(text + at + 1, text + at, n - at);
                text[at] = alphabet[unit_below(sizeof(alphabet))];
                n++;
                break;
            case 2:
                text[at] = alphabet[unit_below(sizeof(alphabet))];
                break;
            default:
                memmove(text + at + 1, text + at, n - at);
                n++;
            }
        }

        compare(AF_INET, text, n);
        compare(AF_INET6, text, n);
    }

    verdict("spellings with errors are what inet_pton() says they are");

    ok(taken[0] > ROUNDS / 10 && taken[1] > ROUNDS / 5,
       "%lu and %lu of them are addresses", taken[0], taken[1]);
}


static void
numeric(void)
{
    size_t             i;
    kairo_span_t       s;
    unsigned char     *copy;
    static const char  *yes[] = {
        "1", "0", "1.2.3.4", "1.2.3.4.", "127.1", "2130706433", "0x", "0X",
        "0x7f", "0X7F", "0xdeadbeefcafe", "a.1", "example.0x", "example.0x.",
        "a.b.0xaF", "a.00", "99999999999999999999", ".1", "a..1", "1.", "0x."
    }, *no[] = {
        "", ".", "..", "1..", "a", "a.b", "1.2.3.a", "0xg", "1.0xg", "x0",
        "0y1", "1x", "0x1-", "1.2.3.4a", "1-2", "a.1b", "x", "0xx", "-1",
        "1.2.com", "0x7f.com", "\xd9\xa1"
    };

    for (i = 0; i < sizeof(yes) / sizeof(yes[0]); i++) {
        s.n = strlen(yes[i]);
        s.p = copy = target_copy(yes[i], s.n);
        expect(kairo_ip_looks_numeric(s) == 1, "\"%s\" does", yes[i]);
        free(copy);
    }

    for (i = 0; i < sizeof(no) / sizeof(no[0]); i++) {
        s.n = strlen(no[i]);
        s.p = copy = target_copy(no[i], s.n);
        expect(kairo_ip_looks_numeric(s) == 0, "\"%s\" does not", no[i]);
        free(copy);
    }

    verdict("what could be taken for an IPv4 address");
}


int
main(void)
{
    unit_begin(400);

    ipv4();
    ipv4_numbers();
    ipv6();
    random_texts();
    mutated_texts();
    numeric();

    return unit_done();
}
