
/*
 * IPv4 addresses in those of IPv6 against an encoder that goes bit by bit
 * after the words of RFC 6052, section 2.2, and the examples of section 2.4.
 */


#include <arpa/inet.h>

#include "target.h"

#include "core/kairo_nat64.h"


#define ROUNDS  2000


static const unsigned  lengths[] = { 32, 40, 48, 56, 64, 96 };


#define LENGTHS  (sizeof(lengths) / sizeof(lengths[0]))


/*
 * "The concatenation of the prefix, the 32 bits of the IPv4 address, and the
 * suffix if needed"; "bits 64 to 71 of the address are reserved [...] and MUST
 * be set to zero".
 */

static void
encode(const unsigned char *prefix, unsigned length, const unsigned char *v4,
    unsigned char *ip)
{
    unsigned  from, to;

    memset(ip, 0, 16);
    memcpy(ip, prefix, length / 8);

    for (from = 0, to = length; from < 32; from++, to++) {

        if (to == 64) {
            to = 72;
        }

        if (v4[from / 8] >> (7 - from % 8) & 1) {
            ip[to / 8] |= (unsigned char) (0x80 >> to % 8);
        }
    }
}


static int
read_n(const char *text, size_t n, kairo_nat64_t *nat64)
{
    int             rc;
    unsigned char  *copy;

    copy = target_copy(text, n);
    rc = kairo_nat64((kairo_span_t) { copy, n }, nat64);
    free(copy);

    return rc;
}


static int
read_prefix(const char *text, kairo_nat64_t *nat64)
{
    return read_n(text, strlen(text), nat64);
}


static int
decode(const kairo_nat64_t *nat64, const unsigned char *ip, unsigned char *v4)
{
    int             rc;
    unsigned char  *copy;

    copy = target_copy(ip, 16);
    rc = kairo_nat64_v4(nat64, copy, v4);
    free(copy);

    return rc;
}


static void
draw(unsigned char *p, size_t n)
{
    while (n--) {
        *p++ = (unsigned char) (unit_below(4) ? unit_draw() : 0);
    }
}


/* A prefix of that length, read from its text. */

static void
draw_prefix(unsigned length, unsigned char *prefix, kairo_nat64_t *nat64)
{
    char  text[INET6_ADDRSTRLEN + 4];

    memset(prefix, 0, 16);
    draw(prefix, length / 8);

    if (length == 96) {
        prefix[8] = 0;
    }

    (void) inet_ntop(AF_INET6, prefix, text, INET6_ADDRSTRLEN);
    sprintf(text + strlen(text), "/%u", length);

    expect(read_prefix(text, nat64) == 0, "%s is no prefix", text);
}


static void
examples(void)
{
    size_t               i;
    kairo_nat64_t        nat64;
    unsigned char        ip[16], v4[4], wanted[4];
    static const struct {
        const char  *prefix;
        const char  *v4;
        const char  *ip;
    } rows[] = {
        { "2001:db8::/32", "192.0.2.33", "2001:db8:c000:221::" },
        { "2001:db8:100::/40", "192.0.2.33", "2001:db8:1c0:2:21::" },
        { "2001:db8:122::/48", "192.0.2.33", "2001:db8:122:c000:2:2100::" },
        { "2001:db8:122:300::/56", "192.0.2.33",
          "2001:db8:122:3c0:0:221::" },
        { "2001:db8:122:344::/64", "192.0.2.33",
          "2001:db8:122:344:c0:2:2100::" },
        { "2001:db8:122:344::/96", "192.0.2.33",
          "2001:db8:122:344::192.0.2.33" },
        { "64:ff9b::/96", "192.0.2.33", "64:ff9b::192.0.2.33" },
        { "64:ff9b::/96", "0.0.0.0", "64:ff9b::" },
        { "64:ff9b::/96", "255.255.255.255", "64:ff9b::ffff:ffff" },
        { "64:ff9b:1::/48", "10.0.0.1", "64:ff9b:1:a00:0:100::" }
    };

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {

        (void) inet_pton(AF_INET6, rows[i].ip, ip);
        (void) inet_pton(AF_INET, rows[i].v4, wanted);

        expect(read_prefix(rows[i].prefix, &nat64) == 0, "%s",
               rows[i].prefix);
        expect(decode(&nat64, ip, v4) == 1 && memcmp(v4, wanted, 4) == 0,
               "%s of %s is not %s", rows[i].ip, rows[i].prefix, rows[i].v4);
    }

    verdict("the examples of RFC 6052");
}


static void
encoded(void)
{
    int             rc;
    size_t          i, round;
    unsigned        bit, changed;
    kairo_nat64_t   nat64;
    unsigned char   prefix[16], ip[16], v4[4], out[4], other[16], again[16];
    unsigned char   mask[16];

    for (i = 0; i < LENGTHS; i++) {

        /* the bits that an IPv4 address can set */

        memset(prefix, 0, 16);
        memset(v4, 0xff, 4);
        encode(prefix, lengths[i], v4, mask);

        for (round = 0; round < ROUNDS; round++) {

            draw_prefix(lengths[i], prefix, &nat64);
            draw(v4, 4);
            encode(prefix, lengths[i], v4, ip);

            expect(decode(&nat64, ip, out) == 1 && memcmp(out, v4, 4) == 0,
                   "of /%u another address comes out", lengths[i]);

            /* any other bit is another prefix, another address, or wrong */

            for (bit = 0; bit < 128; bit++) {

                memcpy(other, ip, 16);
                other[bit / 8] ^= (unsigned char) (0x80 >> bit % 8);

                rc = decode(&nat64, other, out);

                if (bit < lengths[i]) {
                    expect(rc == 0, "/%u, bit %u: %d, not 0", lengths[i], bit,
                           rc);
                    continue;
                }

                if (!(mask[bit / 8] & 0x80 >> bit % 8)) {
                    expect(rc == -1, "/%u, bit %u: %d, not -1", lengths[i],
                           bit, rc);
                    continue;
                }

                encode(prefix, lengths[i], out, again);
                changed = (memcmp(out, v4, 4) != 0);

                expect(rc == 1 && changed && memcmp(again, other, 16) == 0,
                       "/%u, bit %u: %d", lengths[i], bit, rc);
            }
        }
    }

    verdict("what is encoded comes out, and each bit counts");
}


/* Of any address: 1 is said of what the encoder makes, and of nothing else. */

static void
any(void)
{
    int             rc, wanted;
    size_t          i, round;
    kairo_nat64_t   nat64;
    unsigned char   prefix[16], ip[16], out[4], again[16];

    for (round = 0; round < 10 * ROUNDS; round++) {

        i = unit_below(LENGTHS);
        draw_prefix(lengths[i], prefix, &nat64);

        memset(ip, 0, 16);
        draw(ip, 4 * (1 + unit_below(4)));

        if (unit_below(4)) {
            memcpy(ip, prefix, lengths[i] / 8);
        }

        if (unit_below(2)) {
            ip[8] = 0;
        }

        memset(out, 0xa5, 4);
        rc = decode(&nat64, ip, out);

        encode(prefix, lengths[i], out, again);

        wanted = memcmp(ip, prefix, lengths[i] / 8) != 0
                 ? 0 : memcmp(ip, again, 16) == 0 ? 1 : -1;

        expect(rc == wanted, "/%u: %d, not %d", lengths[i], rc, wanted);
    }

    verdict("any address");
}


static void
prefixes(void)
{
    char                text[INET6_ADDRSTRLEN + 4];
    size_t              i, round;
    unsigned            length, known;
    kairo_nat64_t       nat64;
    unsigned char       prefix[16];
    static const char  *bad[] = {
        "", "/", "64:ff9b::", "64:ff9b::/", "64:ff9b::/096", "64:ff9b::1/96",
        "64:ff9b::/96 ", " 64:ff9b::/96", "64:ff9b::/96/96", "64:ff9b::/-96",
        "64:ff9b::192.0.2.33/96", "192.0.2.0/24", "10.0.0.0/8", "0.0.0.0/0",
        "1.2.3.4/32", "1.2.3.4", "255.0.0.0/32", "64:ff9b::/0x60",
        "[64:ff9b::]/96", "64:ff9b::%1/96", "example.com/96", "::1",
        "64:ff9b:0:0:ff00::/96", "64:ff9b:0:0:100::/96"
    };

    for (length = 0; length <= 130; length++) {
        for (round = 0; round < 20; round++) {

            known = 0;

            for (i = 0; i < LENGTHS; i++) {
                known |= (lengths[i] == length);
            }

            /* all zeroes behind the prefix, or all of it zeroes */

            memset(prefix, 0, 16);

            if (round) {
                draw(prefix, length / 8 < 16 ? length / 8 : 16);
                prefix[8] = 0;
            }

            (void) inet_ntop(AF_INET6, prefix, text, INET6_ADDRSTRLEN);
            sprintf(text + strlen(text), "/%u", length);

            expect(read_prefix(text, &nat64) == (known ? 0 : -1), "%s", text);

            if (known) {
                expect(nat64.layout->bits == length
                       && memcmp(nat64.prefix, prefix, 16) == 0,
                       "%s is another one", text);
            }
        }
    }

    verdict("a prefix has one of six lengths");

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        expect(read_prefix(bad[i], &nat64) == -1, "\"%s\"", bad[i]);
    }

    expect(read_n("64:ff9b::/96\0", 13, &nat64) == -1, "a zero behind it");
    expect(kairo_nat64((kairo_span_t) { NULL, 0 }, &nat64) == -1, "nothing");

    verdict("what is no prefix");
}


int
main(void)
{
    unit_begin(422);

    examples();
    encoded();
    any();
    prefixes();

    return unit_done();
}
