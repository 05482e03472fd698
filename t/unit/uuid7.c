
/*
 * UUIDs of version 7: their bits, their order, and their text.
 */


#include "unit.h"

#include "core/kairo_uuid7.h"


static void
fill(unsigned char *random)
{
    size_t  i;

    for (i = 0; i < KAIRO_UUID7_RANDOM; i++) {
        unit.random = unit.random * 6364136223846793005ull
                      + 1442695040888963407ull;
        random[i] = (unsigned char) (unit.random >> 56);
    }
}


/* The one that RFC 9562 shows in appendix A.6. */

static void
example(void)
{
    char            text[KAIRO_UUID_TEXT];
    kairo_uuid7_t   maker;
    unsigned char   uuid[KAIRO_UUID], again[KAIRO_UUID];
    kairo_span_t    s;

    static const unsigned char  random[] = {
        0x98, 0xc4, 0xdc, 0x0c, 0x0c, 0x07, 0x39, 0x8f, 0x04, 0xc3
    };

    memset(&maker, 0, sizeof(maker));
    kairo_uuid7(&maker, 0x017f22e279b0ull, random, uuid);
    kairo_uuid_write(uuid, text);

    ok(memcmp(text, "017f22e2-79b0-74c3-98c4-dc0c0c07398f", 36) == 0,
       "the example of RFC 9562, but for the bit that leaves room");

    s.p = (unsigned char *) text;
    s.n = sizeof(text);

    ok(kairo_uuid_read(s, again) == 0
       && memcmp(uuid, again, KAIRO_UUID) == 0, "is read as it was");
    ok(kairo_uuid7_ms(again) == 0x017f22e279b0ll, "with its time");
}


/* Each is greater than the one before, whatever the clock does. */

static void
order(void)
{
    int             i;
    int64_t         ms;
    uint64_t        now;
    kairo_uuid7_t   maker;
    unsigned char   random[KAIRO_UUID7_RANDOM];
    unsigned char   uuid[KAIRO_UUID], before[KAIRO_UUID];

    memset(&maker, 0, sizeof(maker));
    memset(before, 0, sizeof(before));
    now = 1700000000000ull;

    for (i = 0; i < 200000; i++) {

        fill(random);

        /* mostly stands, sometimes goes on, and jumps back by an hour */

        if (random[0] < 8) {
            now++;
        } else if (random[0] == 8) {
            now -= 3600000;
        } else if (random[0] == 9) {
            now += 3600001;
        }

        kairo_uuid7(&maker, now, random, uuid);

        expect(memcmp(uuid, before, KAIRO_UUID) > 0, "the %dth is greater", i);

        ms = kairo_uuid7_ms(uuid);
        expect(ms >= 0 && (uint64_t) ms >= now, "and not before its time");

        memcpy(before, uuid, KAIRO_UUID);
    }

    verdict("they grow");
}


static void
many(void)
{
    int             i;
    kairo_uuid7_t   maker;
    unsigned char   uuid[KAIRO_UUID], random[KAIRO_UUID7_RANDOM];

    memset(&maker, 0, sizeof(maker));
    memset(random, 0xff, sizeof(random));

    for (i = 0; i < 5000; i++) {
        kairo_uuid7(&maker, 1000, random, uuid);
    }

    ok(kairo_uuid7_ms(uuid) > 1000 && kairo_uuid7_ms(uuid) < 1003,
       "more than there are numbers in a ms are of the next one");
}


static void
refused(const char *text)
{
    kairo_span_t   s;
    unsigned char  uuid[KAIRO_UUID];

    s.p = (const unsigned char *) text;
    s.n = strlen(text);

    expect(kairo_uuid_read(s, uuid) == -1, "\"%s\" is none", text);
}


static void
texts(void)
{
    kairo_span_t   s = kairo_span("017F22E2-79B0-7CC3-98C4-DC0C0C07398F");
    unsigned char  uuid[KAIRO_UUID];

    ok(kairo_uuid_read(s, uuid) == 0 && uuid[0] == 1 && uuid[15] == 0x8f,
       "in upper case");

    refused("");
    refused("017f22e2-79b0-7cc3-98c4-dc0c0c07398");
    refused("017f22e2-79b0-7cc3-98c4-dc0c0c07398ff");
    refused("017f22e279b0-7cc3-98c4-dc0c0c07398ff0");
    refused("017f22e2079b007cc3098c40dc0c0c07398f");
    refused("017f22e2-79b0-7cc3-98c4-dc0c0c07398g");
    refused("{17f22e2-79b0-7cc3-98c4-dc0c0c07398}");
    verdict("what is no UUID");

    uuid[6] = 0x4c;
    ok(kairo_uuid7_ms(uuid) == -1, "of version 4 it has no time");
    uuid[6] = 0x7c;
    uuid[8] = 0x18;
    ok(kairo_uuid7_ms(uuid) == -1, "nor of another variant");
}


int
main(void)
{
    unit_begin(7);

    example();
    order();
    many();
    texts();

    return unit_done();
}
