
/*
 * Events and their records: the bytes of one, what is made fit, what is read
 * and what is not, and that both agree, on anything.
 */


#include "unit.h"

#include "core/kairo_event.h"
#include "core/kairo_utf8.h"


#define HEAD     3
#define NUMBER   64
#define LAST     67
#define RECORD   (KAIRO_EVENT_MAX + 1024)


static const size_t  sizes[] = { 1, 2, 4, 8 };


/* In memory of just its size, which whoever looks at the event keeps. */

static unsigned char *
copy_of(const void *p, size_t n)
{
    unsigned char  *copy;

    copy = malloc(n ? n : 1);

    if (copy == NULL) {
        abort();
    }

    if (n) {
        memcpy(copy, p, n);
    }

    return copy;
}


static kairo_span_t
span(const char *text)
{
    kairo_span_t  s;

    s.p = (const unsigned char *) text;
    s.n = strlen(text);

    return s;
}


static int
same_text(kairo_span_t a, kairo_span_t b)
{
    return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}


static int
same(const kairo_event_t *a, const kairo_event_t *b)
{
    unsigned  i;

    for (i = 0; i < KAIRO_EVENT_TEXTS; i++) {
        if (!same_text(a->text[i], b->text[i])) {
            return 0;
        }
    }

    return memcmp(a->id, b->id, KAIRO_UUID) == 0 && a->admin == b->admin
           && a->status == b->status && a->latency == b->latency
           && a->bytes == b->bytes;
}


static void
identify(kairo_event_t *event)
{
    unsigned              i;
    static kairo_uuid7_t  maker;
    unsigned char         random[KAIRO_UUID7_RANDOM];

    for (i = 0; i < KAIRO_UUID7_RANDOM; i++) {
        random[i] = (unsigned char) unit_draw();
    }

    memset(event, 0, sizeof(kairo_event_t));
    kairo_uuid7(&maker, 1700000000000ull, random, event->id);
}


/* Writes into memory of just the size that is promised. */

static size_t
write_to(unsigned char *record, const kairo_event_t *event)
{
    size_t          n;
    unsigned char  *out;

    out = malloc(KAIRO_EVENT_MAX);

    if (out == NULL) {
        abort();
    }

    n = kairo_event_write(event, out);

    if (expect(n <= KAIRO_EVENT_MAX, "%zu bytes are too many", n)) {
        memcpy(record, out, n);
    }

    free(out);

    return n;
}


/* Reads a record that lies in memory of just its size. */

static int
read_from(kairo_event_t *event, const unsigned char *p, size_t n,
    unsigned char **copy)
{
    kairo_span_t  s;

    *copy = copy_of(p, n);

    s.p = n ? *copy : NULL;
    s.n = n;

    return kairo_event_read(event, s);
}


static int
reads(const unsigned char *p, size_t n)
{
    int             rc;
    kairo_event_t   event;
    unsigned char  *copy;

    rc = read_from(&event, p, n, &copy);
    free(copy);

    return rc == 0;
}


/* Of the test's own: a field, behind the "n" bytes of a record. */

static size_t
put(unsigned char *record, size_t n, unsigned name, const void *p,
    size_t length)
{
    record[n] = (unsigned char) name;
    record[n + 1] = (unsigned char) (length & 0xff);
    record[n + 2] = (unsigned char) (length >> 8);

    if (length) {
        memcpy(record + n + HEAD, p, length);
    }

    return n + HEAD + length;
}


static size_t
put_number(unsigned char *record, size_t n, unsigned which, uint64_t value)
{
    size_t         i;
    unsigned char  bytes[8];

    for (i = 0; i < 8; i++) {
        bytes[i] = (unsigned char) (value >> 8 * i);
    }

    return put(record, n, NUMBER + which, bytes, sizes[which]);
}


/* How a text has to be: as header and database say, byte after byte. */

static int
model_text(unsigned i, kairo_span_t text)
{
    size_t        k, n;
    kairo_span_t  rest;

    if (text.n < 1 || text.n > kairo_event_most[i] || !kairo_utf8(text)) {
        return 0;
    }

    for (k = 0; k < text.n; k++) {
        if (text.p[k] < 0x20 || text.p[k] == 0x7f) {
            return 0;
        }
    }

    if (i != KAIRO_EVENT_DETAILS) {
        return 1;
    }

    if (text.n < 2 || text.p[0] != '{' || text.p[text.n - 1] != '}') {
        return 0;
    }

    for (rest = text; rest.n; rest.p += n, rest.n -= n) {
        n = rest.p[0] == '\\' ? 2 : 1;

        if (rest.n >= 6 && memcmp(rest.p, "\\u0000", 6) == 0) {
            return 0;
        }
    }

    return 1;
}


/* Whether a record is one. */

static int
model(const unsigned char *p, size_t n)
{
    size_t          i, k, length;
    uint64_t        value;
    unsigned        name, seen[256];
    kairo_span_t    text;

    memset(seen, 0, sizeof(seen));

    if (n < 16 || n > 8192 || (p[6] & 0xf0) != 0x70 || (p[8] & 0xc0) != 0x80) {
        return 0;
    }

    for (i = 16; i < n; i += HEAD + length) {

        if (n - i < HEAD) {
            return 0;
        }

        name = p[i];
        length = p[i + 1] + 256u * p[i + 2];

        if (length > n - i - HEAD) {
            return 0;
        }

        text.p = p + i + HEAD;
        text.n = length;

        for (value = 0, k = length < 8 ? length : 8; k; k--) {
            value = value * 256 + text.p[k - 1];
        }

        if (seen[name]++ && (name - 1 < 9 || name - NUMBER < 4)) {
            return 0;
        }

        if ((name >= 1 && name <= 9 && !model_text(name - 1, text))
            || (name == 64 && (length != 1 || value != 1))
            || (name == 65 && (length != 2 || value < 100 || value > 599))
            || (name == 66 && (length != 4 || value > 2147483647))
            || (name == 67 && (length != 8
                               || value > 9223372036854775807ull)))
        {
            return 0;
        }
    }

    return seen[65] == seen[66] && seen[66] == seen[67];
}


/* What a text has to become, one character after the other. */

static kairo_span_t
model_fit(unsigned i, kairo_span_t text, unsigned char *out)
{
    size_t        n;
    kairo_span_t  fit;

    fit.p = out;
    fit.n = 0;

    if (i == KAIRO_EVENT_DETAILS) {
        if (model_text(i, text)) {
            memcpy(out, text.p, text.n);
            fit.n = text.n;
        }

        return fit;
    }

    while (text.n) {

        n = kairo_utf8_char(text);

        if (n == 0 || (n == 1 && (text.p[0] < 0x20 || text.p[0] == 0x7f))) {

            if (fit.n == kairo_event_most[i]) {
                break;
            }

            out[fit.n++] = '?';
            n = 1;

        } else {

            if (fit.n + n > kairo_event_most[i]) {
                break;
            }

            memcpy(out + fit.n, text.p, n);
            fit.n += n;
        }

        text.p += n;
        text.n -= n;
    }

    return fit;
}


/* What an event has to be after it was written and read. */

static void
expect_fit(const kairo_event_t *event, const char *what)
{
    int             rc;
    size_t          n, m;
    unsigned        i;
    uint64_t        latency, bytes;
    kairo_event_t   due, got;
    unsigned char  *copy, record[KAIRO_EVENT_MAX], again[KAIRO_EVENT_MAX];

    static unsigned char  texts[KAIRO_EVENT_TEXTS][4096];

    n = write_to(record, event);
    rc = read_from(&got, record, n, &copy);

    if (!expect(rc == 0 && model(record, n), "%s: is read", what)) {
        free(copy);
        return;
    }

    due = *event;

    for (i = 0; i < KAIRO_EVENT_TEXTS; i++) {
        due.text[i] = model_fit(i, event->text[i], texts[i]);
        expect(same_text(got.text[i], due.text[i]), "%s: %s is fit", what,
               kairo_event_names[i]);
    }

    latency = event->latency > 2147483647 ? 2147483647 : event->latency;
    bytes = event->bytes > INT64_MAX ? INT64_MAX : event->bytes;

    due.admin = event->admin != 0;
    due.status = event->status == 0 ? 0
                 : event->status < 100 ? 100
                 : event->status > 599 ? 599 : event->status;
    due.latency = event->status ? (uint32_t) latency : 0;
    due.bytes = event->status ? bytes : 0;

    expect(same(&got, &due), "%s: as it was", what);

    m = write_to(again, &got);
    expect(m == n && memcmp(record, again, n) == 0, "%s: the same bytes",
           what);

    free(copy);
}


/* One with all fields, in places of this test. */

static size_t
full(kairo_event_t *event, unsigned char *record)
{
    unsigned  i;

    static const char  *texts[KAIRO_EVENT_TEXTS] = {
        "run", "seo", "google", "auth0|5 \xc3\xa4", "/tools/seo", "eu",
        "3f2a", "edge-1", "{\"a\":\"b\\\\u0000\"}"
    };

    identify(event);

    for (i = 0; i < KAIRO_EVENT_TEXTS; i++) {
        event->text[i] = span(texts[i]);
    }

    event->admin = 1;
    event->status = 502;
    event->latency = 0x01020304;
    event->bytes = 0x0102030405060708ull;

    return write_to(record, event);
}


static void
names(void)
{
    unsigned  i;

    /* as the database has them */

    static const struct {
        const char  *name;
        size_t       most;
    } due[KAIRO_EVENT_TEXTS] = {
        { "kind", 64 }, { "tool", 128 }, { "issuer", 64 }, { "subject", 255 },
        { "route", 255 }, { "region", 32 }, { "request_id", 64 },
        { "edge", 64 }, { "details", 4096 }
    };

    for (i = 0; i < KAIRO_EVENT_TEXTS; i++) {
        expect(strcmp(kairo_event_names[i], due[i].name) == 0
               && kairo_event_most[i] == due[i].most, "%s", due[i].name);
    }

    verdict("names, and how long each may be");
}


static void
bytes(void)
{
    size_t          n;
    kairo_event_t   event, got;
    unsigned char  *copy, record[KAIRO_EVENT_MAX];

    static const unsigned char  due[] =
        "\x01\x03\0run\x02\x03\0seo\x03\x06\0google\x04\x0a\0auth0|5 \xc3\xa4"
        "\x05\x0a\0/tools/seo\x06\x02\0eu\x07\x04\0" "3f2a\x08\x06\0edge-1"
        "\x09\x10\0{\"a\":\"b\\\\u0000\"}"
        "\x40\x01\0\x01\x41\x02\0\xf6\x01\x42\x04\0\x04\x03\x02\x01"
        "\x43\x08\0\x08\x07\x06\x05\x04\x03\x02\x01";

    n = full(&event, record);

    ok(n == KAIRO_UUID + sizeof(due) - 1
       && memcmp(record, event.id, KAIRO_UUID) == 0
       && memcmp(record + KAIRO_UUID, due, sizeof(due) - 1) == 0,
       "the bytes of a record");

    ok(read_from(&got, record, n, &copy) == 0 && same(&got, &event),
       "are read as the event that it was");
    ok(kairo_event_begins(&got), "which tells how it began");
    free(copy);

    memset(event.text, 0, sizeof(event.text));
    event.admin = 0;
    n = write_to(record, &event);
    ok(n == KAIRO_UUID + 23 && read_from(&got, record, n, &copy) == 0
       && same(&got, &event) && !kairo_event_begins(&got),
       "one that tells the end alone");
    free(copy);

    event.status = 0;
    n = write_to(record, &event);
    ok(n == KAIRO_UUID && read_from(&got, record, n, &copy) == 0
       && got.latency == 0 && got.bytes == 0,
       "without a status nothing of the end");
    free(copy);
}


/* All that there may be, and more than that. */

static void
most(void)
{
    size_t         n, due;
    unsigned       i, more;
    kairo_event_t  event;
    unsigned char  record[KAIRO_EVENT_MAX], *text;

    text = malloc(10000);
    memset(text, 'x', 10000);

    for (more = 0; more < 2; more++) {

        identify(&event);
        due = KAIRO_UUID + 4 * HEAD + 1 + 2 + 4 + 8;

        for (i = 0; i < KAIRO_EVENT_TEXTS; i++) {
            event.text[i].p = text;
            event.text[i].n = more ? 10000 : kairo_event_most[i];
            due += HEAD + kairo_event_most[i];
        }

        text[0] = '{';
        text[4095] = '}';
        event.text[KAIRO_EVENT_DETAILS].n = 4096;

        event.admin = 1;
        event.status = 599;
        event.latency = 2147483647;
        event.bytes = INT64_MAX;

        n = write_to(record, &event);
        ok(n == due && n <= KAIRO_EVENT_MAX && reads(record, n),
           "%s is %zu bytes", more ? "more than it may have" : "a full event",
           n);
    }

    free(text);
}


/* A text of every length about its bound, with any character at the cut. */

static void
cut(void)
{
    size_t          n, k, m, bound;
    unsigned        i, c;
    kairo_event_t   event;
    unsigned char  *copy, text[512];

    static const char  *characters[] = {
        "x", "\xc3\xa4", "\xe2\x82\xac", "\xf0\x9f\x98\x80", "\xff", "\x01",
        "\x7f", "\xf0\x9f\x98", "\xe2\x82", "\xc3", "\xed\xa0\x80"
    };

    for (i = 0; i < KAIRO_EVENT_DETAILS; i++) {
        bound = kairo_event_most[i];

        for (c = 0; c < sizeof(characters) / sizeof(characters[0]); c++) {
            m = strlen(characters[c]);

            for (n = bound - 9; n <= bound + 9; n++) {

                memset(text, 'a', sizeof(text));

                for (k = n; k + m <= bound + 13; k += m) {
                    memcpy(text + k, characters[c], m);
                }

                /* to its end, within a character too, and one alone */

                identify(&event);

                for (m = strlen(characters[c]); k > n - m; k--) {
                    copy = copy_of(text, k);
                    event.text[i].p = copy;
                    event.text[i].n = k;
                    expect_fit(&event, kairo_event_names[i]);
                    free(copy);
                }
            }
        }
    }

    verdict("texts are cut behind a character");
}


static void
replaced(void)
{
    size_t          i;
    kairo_event_t   event, got;
    unsigned char  *copy, record[KAIRO_EVENT_MAX];

    static const struct {
        const char  *text;
        size_t       n;
        const char  *due;
    } cases[] = {
        { "\0", 1, "?" },
        { "a\0b", 3, "a?b" },
        { "\r\n\t\x1b[1m", 7, "????[1m" },
        { "a\x7f", 2, "a?" },
        { " ~", 2, " ~" },
        { "\xc3\xa4", 2, "\xc3\xa4" },
        { "\xc2\x85", 2, "\xc2\x85" },
        { "\xc3", 1, "?" },
        { "\xe2\x82", 2, "??" },
        { "\xe2\x82z", 3, "??z" },
        { "\xc0\x80", 2, "??" },
        { "\xed\xa0\x80", 3, "???" },
        { "\xf4\x90\x80\x80", 4, "????" },
        { "\xf0\x9f\x98\x80\xff\xf0\x9f\x98\x80", 9,
          "\xf0\x9f\x98\x80?\xf0\x9f\x98\x80" },
        { "aaaaaaa\x1f" "b", 9, "aaaaaaa?b" },
        { "aaaaaaaa\x80", 9, "aaaaaaaa?" },
        { "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\x80", 32,
          "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa?" },
        { "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\xc3\xa4", 33,
          "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" },
    };

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {

        identify(&event);
        event.text[KAIRO_EVENT_REGION].p = (const void *) cases[i].text;
        event.text[KAIRO_EVENT_REGION].n = cases[i].n;

        expect(read_from(&got, record, write_to(record, &event), &copy) == 0
               && same_text(got.text[KAIRO_EVENT_REGION], span(cases[i].due)),
               "case %zu is \"%s\"", i, cases[i].due);
        free(copy);
    }

    verdict("what is no UTF-8, or would control who reads it, is a \"?\"");
}


static void
details(void)
{
    size_t          i, n, k;
    kairo_event_t   event, got;
    kairo_span_t    text;
    unsigned char  *copy, record[RECORD], large[4098];

    static const struct {
        const char  *text;
        int          kept;
    } cases[] = {
        { "{}", 1 },
        { "{\"a\":1}", 1 },
        { "{\"a\":\"\xc3\xa4\xf0\x9f\x98\x80\"}", 1 },
        { "{\"a\":\"\\u0001\\u00000\"}", 0 },
        { "{\"a\":\"\\u0000\"}", 0 },
        { "{\"\\u0000\":1}", 0 },
        { "{\"a\":\"\\\\u0000\"}", 1 },
        { "{\"a\":\"\\\\\\u0000\"}", 0 },
        { "{\"a\":\"\\\\\\\\u0000\"}", 1 },
        { "{\"a\":\"\\\"\\u0000\"}", 0 },
        { "{\"a\":\"u0000\"}", 1 },
        { "{\"a\":\"\\u000\"}", 1 },
        { "{\"a\":\"\\u0001\"}", 1 },
        { "{\\u0000}", 0 },
        { "{\\u000}", 1 },
        { "{\\}", 1 },
        { "{\\\\}", 1 },
        { "{", 0 },
        { "}", 0 },
        { "}{", 0 },
        { "[]", 0 },
        { "{]", 0 },
        { "[}", 0 },
        { " {}", 0 },
        { "{} ", 0 },
        { "{\"a\":\n1}", 0 },
        { "{\"a\":\"\xff\"}", 0 },
        { "{\"a\":\"\x7f\"}", 0 },
        { "{\"\xc3\xa4\":\"\x01\"}", 0 },
        { "{\"a\":\"\xe2\x82\"}", 0 },
    };

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {

        identify(&event);
        text = span(cases[i].text);
        copy = copy_of(text.p, text.n);
        event.text[KAIRO_EVENT_DETAILS].p = copy;
        event.text[KAIRO_EVENT_DETAILS].n = text.n;
        n = write_to(record, &event);
        free(copy);

        expect(n == KAIRO_UUID + (cases[i].kept ? HEAD + text.n : 0)
               && read_from(&got, record, n, &copy) == 0
               && (!cases[i].kept
                   || same_text(got.text[KAIRO_EVENT_DETAILS], text)),
               "%s is %s", cases[i].text, cases[i].kept ? "kept" : "left out");
        free(copy);

        n = put(record, KAIRO_UUID, 1 + KAIRO_EVENT_DETAILS, text.p, text.n);
        expect(reads(record, n) == cases[i].kept, "%s is %sread",
               cases[i].text, cases[i].kept ? "" : "not ");
    }

    verdict("details are an object that jsonb takes, or there are none");

    for (k = 4094; k <= 4098; k++) {

        memset(large, 'x', sizeof(large));
        large[0] = '{';
        large[k - 1] = '}';
        event.text[KAIRO_EVENT_DETAILS].p = large;
        event.text[KAIRO_EVENT_DETAILS].n = k;

        n = write_to(record, &event);
        expect(n == KAIRO_UUID + (k <= 4096 ? HEAD + k : 0), "%zu bytes", k);
    }

    verdict("they are not cut");
}


static void
numbers(void)
{
    size_t         n, i;
    kairo_event_t  event;
    unsigned char  record[RECORD];

    static const struct {
        unsigned  which;
        uint64_t  value;
        int       good;
    } cases[] = {
        { 0, 1, 1 }, { 0, 0, 0 }, { 0, 2, 0 }, { 0, 255, 0 },
        { 1, 100, 1 }, { 1, 599, 1 }, { 1, 99, 0 }, { 1, 600, 0 },
        { 1, 0, 0 }, { 1, 65535, 0 }, { 1, 256, 1 },
        { 2, 0, 1 }, { 2, 2147483647, 1 }, { 2, 2147483648u, 0 },
        { 2, 4294967295u, 0 },
        { 3, 0, 1 }, { 3, 9223372036854775807ull, 1 },
        { 3, 9223372036854775808ull, 0 }, { 3, UINT64_MAX, 0 },
    };

    identify(&event);
    memcpy(record, event.id, KAIRO_UUID);

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        n = KAIRO_UUID;

        /* the others of the end, behind it */

        n = put_number(record, n, cases[i].which, cases[i].value);
        n = cases[i].which > 1 ? put_number(record, n, 1, 200) : n;
        n = cases[i].which != 2 ? put_number(record, n, 2, 1) : n;
        n = cases[i].which != 3 ? put_number(record, n, 3, 1) : n;
        n = cases[i].which == 0 ? put_number(record, n, 1, 200) : n;

        expect(reads(record, n) == cases[i].good, "number %u of %llu is %s",
               cases[i].which, (unsigned long long) cases[i].value,
               cases[i].good ? "read" : "none");
    }

    verdict("numbers are read within their ranges");

    for (i = 0; i < 8; i++) {
        n = put_number(record, KAIRO_UUID, 0, 1);
        n = i & 1 ? put_number(record, n, 1, 200) : n;
        n = i & 2 ? put_number(record, n, 2, 0) : n;
        n = i & 4 ? put_number(record, n, 3, 0) : n;
        expect(reads(record, n) == (i == 0 || i == 7), "%zu is a part", i);
    }

    verdict("an end is whole or none");

    event.text[KAIRO_EVENT_KIND] = span("run");
    event.admin = -3;
    event.latency = UINT32_MAX;
    event.bytes = UINT64_MAX;

    for (event.status = 0; event.status < 1100; event.status++) {
        expect_fit(&event, "any status");
    }

    for (i = 0; i < 6; i++) {
        event.status = i % 2 ? UINT32_MAX : 200;
        event.latency = (uint32_t) 2147483646 + (uint32_t) i / 2;
        event.bytes = (uint64_t) INT64_MAX - 1 + i / 2;
        event.admin = i == 0 ? INT32_MIN : (int) i * 256;
        expect_fit(&event, "at the ranges");
    }

    verdict("and written within them");
}


/* A number has as many bytes as it always has. */

static void
lengths(void)
{
    size_t         n, length;
    unsigned       which, i;
    kairo_event_t  event;
    unsigned char  record[RECORD], bytes[10];

    identify(&event);
    memcpy(record, event.id, KAIRO_UUID);

    for (which = 0; which < 4; which++) {
        memset(bytes, 0, sizeof(bytes));
        bytes[0] = which ? 200 : 1;

        for (length = 0; length <= sizeof(bytes); length++) {
            n = put(record, KAIRO_UUID, NUMBER + which, bytes, length);

            for (i = 1; i < 4; i++) {
                n = i != which ? put_number(record, n, i, 200) : n;
            }

            expect(reads(record, n) == (length == sizes[which]),
                   "number %u of %zu bytes", which, length);
        }
    }

    verdict("a number has one length");
}


static void
identifiers(void)
{
    size_t         n, i;
    unsigned       c;
    kairo_event_t  event;
    unsigned char  record[KAIRO_EVENT_MAX];

    n = full(&event, record);

    for (i = 6; i <= 8; i += 2) {
        for (c = 0; c < 256; c++) {
            record[i] = (unsigned char) c;
            expect(reads(record, n) == (i == 6 ? c >> 4 == 7 : c >> 6 == 2),
                   "byte %zu of 0x%02x", i, c);
        }

        record[i] = event.id[i];
    }

    verdict("an id is of version 7");
}


/* Cut off at any byte: what is left is an event between two fields alone. */

static void
shorter(void)
{
    int             rc;
    size_t          n, k, whole, between;
    kairo_event_t   event, got;
    unsigned char  *copy, record[KAIRO_EVENT_MAX];

    n = full(&event, record);
    whole = 0;
    between = KAIRO_UUID;

    for (k = 0; k <= n; k++) {

        rc = read_from(&got, record, k, &copy);

        if (k > between) {
            between += HEAD + record[between + 1];
        }

        if (k == between && (k < n - 22 || k == n)) {
            whole++;
            expect(rc == 0, "%zu bytes are fields", k);

        } else {
            expect(rc == -1, "%zu of %zu bytes are no event", k, n);
        }

        if (rc == 0 && k < n) {
            kairo_event_join(&got, &event);
            expect(same(&got, &event), "%zu: the rest is not told", k);
        }

        free(copy);
    }

    expect(whole == 12, "%zu cuts lie between fields", whole);
    verdict("cut off at any byte");
}


/* What is read though it was changed is an event as any other. */

static void
expect_stable(const unsigned char *record, size_t n, const char *what,
    size_t at)
{
    int             rc;
    kairo_event_t   got;
    unsigned char  *copy;

    rc = read_from(&got, record, n, &copy);

    expect((rc == 0) == model(record, n), "%s %zu: is %s", what, at,
           rc == 0 ? "read" : "not read");

    if (rc == 0) {
        expect_fit(&got, what);
    }

    free(copy);
}


static void
changed(void)
{
    size_t         n, i;
    unsigned       c, was;
    kairo_event_t  event;
    unsigned char  record[KAIRO_EVENT_MAX];

    n = full(&event, record);

    for (i = 0; i < n; i++) {
        was = record[i];

        for (c = 0; c < 256; c++) {
            record[i] = (unsigned char) c;
            expect_stable(record, n, "byte", i);
        }

        record[i] = (unsigned char) was;
    }

    verdict("any byte changed to any other");
}


/* The fields of a record. */

static size_t
fields(const unsigned char *record, size_t n, size_t *begins)
{
    size_t  i, count;

    for (i = KAIRO_UUID, count = 0; i < n; count++) {
        begins[count] = i;
        i += HEAD + record[i + 1] + 256u * record[i + 2];
    }

    begins[count] = n;

    return count;
}


static void
unknown(void)
{
    int             rc;
    size_t          n, m, i, k, count, begins[16];
    unsigned        name;
    kairo_event_t   event, got;
    unsigned char  *copy, record[KAIRO_EVENT_MAX], longer[RECORD];

    static const size_t   lengths[] = { 0, 1, 300 };
    static unsigned char  junk[8192];

    memset(junk, 0xff, sizeof(junk));

    n = full(&event, record);
    count = fields(record, n, begins);
    expect(count == 13, "all fields are there");

    for (name = 0; name < 256; name++) {

        if ((name >= 1 && name <= 9) || (name >= NUMBER && name <= LAST)) {
            continue;
        }

        for (i = 0; i <= count; i++) {
            for (k = 0; k < 3; k++) {

                /* two of them */

                memcpy(longer, record, begins[i]);
                m = put(longer, begins[i], name, junk, lengths[k]);
                m = put(longer, m, name, junk, lengths[k]);
                memcpy(longer + m, record + begins[i], n - begins[i]);
                m += n - begins[i];

                rc = read_from(&got, longer, m, &copy);
                expect(rc == 0 && same(&got, &event), "field %u", name);
                free(copy);
            }
        }
    }

    verdict("fields that are not known are passed over");

    memcpy(longer, record, n);
    m = put(longer, n, 200, junk, KAIRO_EVENT_MAX - n - HEAD);
    ok(m == KAIRO_EVENT_MAX && reads(longer, m), "up to %zu bytes", m);
    m = put(longer, n, 200, junk, KAIRO_EVENT_MAX - n - HEAD + 1);
    ok(m == KAIRO_EVENT_MAX + 1 && !reads(longer, m), "and not of %zu", m);
}


static void
order(void)
{
    int             rc;
    size_t          n, m, i, k, t, round, count, begins[16], turn[16];
    kairo_event_t   event, got;
    unsigned char  *copy, record[KAIRO_EVENT_MAX], other[RECORD];

    n = full(&event, record);
    count = fields(record, n, begins);
    memcpy(other, record, n);

    for (i = 0; i < count; i++) {
        for (k = 0; k <= count; k++) {
            m = begins[i + 1] - begins[i];

            memcpy(other, record, begins[k]);
            memcpy(other + begins[k], record + begins[i], m);
            memcpy(other + begins[k] + m, record + begins[k], n - begins[k]);

            expect(!reads(other, n + m), "field %zu again at %zu", i, k);
        }
    }

    verdict("a field twice is none");

    for (i = 0; i < count; i++) {
        turn[i] = i;
    }

    for (round = 0; round < 1000; round++) {

        for (i = count - 1; i; i--) {
            k = unit_below(i + 1);
            t = turn[i];
            turn[i] = turn[k];
            turn[k] = t;
        }

        for (i = 0, m = KAIRO_UUID; i < count; i++) {
            k = begins[turn[i] + 1] - begins[turn[i]];
            memcpy(other + m, record + begins[turn[i]], k);
            m += k;
        }

        rc = read_from(&got, other, m, &copy);
        expect(m == n && rc == 0 && same(&got, &event), "round %zu", round);
        free(copy);
    }

    verdict("in any order");
}


/* A run is told in two parts, and either may come first. */

static void
parts(void)
{
    unsigned       i;
    kairo_event_t  whole, begin, end, got;
    unsigned char  record[KAIRO_EVENT_MAX];

    (void) full(&whole, record);

    begin = whole;
    begin.status = 0;
    begin.latency = 0;
    begin.bytes = 0;

    end = whole;
    end.admin = 0;
    memset(end.text, 0, sizeof(end.text));

    got = begin;
    kairo_event_join(&got, &end);
    ok(same(&got, &whole), "the end joins the beginning");

    got = end;
    kairo_event_join(&got, &begin);
    ok(same(&got, &whole), "the beginning joins the end");

    kairo_event_join(&got, &begin);
    kairo_event_join(&got, &end);
    ok(same(&got, &whole), "and again changes nothing");

    for (i = 0; i < KAIRO_EVENT_TEXTS; i++) {
        begin = whole;
        end = whole;
        begin.text[i].n = 0;
        memset(end.text, 0, sizeof(end.text));
        end.text[i] = whole.text[i];

        got = begin;
        kairo_event_join(&got, &end);
        expect(same(&got, &whole), "%s is taken", kairo_event_names[i]);

        got = whole;
        end.text[i] = span("other");
        kairo_event_join(&got, &end);
        expect(same(&got, &whole), "%s is kept", kairo_event_names[i]);
    }

    verdict("any text is taken where it is not told");

    got = whole;
    end = whole;
    end.status = 200;
    end.latency = 1;
    end.bytes = 2;
    kairo_event_join(&got, &end);
    ok(same(&got, &whole), "what is told stays as it is");

    got.admin = 0;
    end.admin = 0;
    kairo_event_join(&got, &end);
    ok(got.admin == 0, "nobody is an admin by being joined");
}


/* Texts of pieces, most of them hostile, and of any bytes. */

static size_t
draw_text(unsigned char *text, size_t room)
{
    size_t  n, m, length;

    static const struct {
        const char  *p;
        size_t       n;
    } pieces[] = {
        { "a", 1 }, { "plain text ", 11 }, { "\xc3\xa4", 2 },
        { "\xe2\x82\xac", 3 }, { "\xf0\x9f\x98\x80", 4 }, { "\0", 1 },
        { "\x7f", 1 }, { "\xff", 1 }, { "\xe2\x82", 2 }, { "\xf0\x9f", 2 },
        { "\\", 1 }, { "\\u0000", 6 }, { "u0000", 5 }, { "\"", 1 },
        { "{", 1 }, { "}", 1 }, { "\xed\xa0\x80", 3 }, { "\n", 1 }
    };

    length = (size_t) unit_below(room);
    length = unit_below(2) ? length : length % 40;

    for (n = 0; n < length; n += m) {

        if (unit_below(8) == 0) {
            m = 1;
            text[n] = (unsigned char) unit_draw();
            continue;
        }

        length = unit_below(8) ? length : n + 1;
        m = unit_below(sizeof(pieces) / sizeof(pieces[0]));
        m = unit_below(3) ? m % 5 : m;

        if (pieces[m].n > room - n) {
            break;
        }

        memcpy(text + n, pieces[m].p, pieces[m].n);
        m = pieces[m].n;
    }

    return n;
}


static void
drawn(void)
{
    size_t                n;
    unsigned              i, round, kept;
    kairo_event_t         event;
    static unsigned char  texts[KAIRO_EVENT_TEXTS][5000];

    kept = 0;

    for (round = 0; round < 4000; round++) {

        identify(&event);

        for (i = 0; i < KAIRO_EVENT_TEXTS; i++) {

            n = draw_text(texts[i], unit_below(20) ? 400 : 5000);

            if (i == KAIRO_EVENT_DETAILS && n > 1 && unit_below(8)) {
                texts[i][0] = '{';
                texts[i][n - 1] = '}';
            }

            event.text[i].p = copy_of(texts[i], n);
            event.text[i].n = n;
        }

        event.admin = unit_below(2) != 0;
        event.status = unit_below(2) ? (unsigned) unit_draw()
                                     : (unsigned) unit_below(700);
        event.latency = (uint32_t) unit_draw() >> unit_below(32);
        event.bytes = unit_draw() >> unit_below(64);

        kept += model_text(KAIRO_EVENT_DETAILS,
                           event.text[KAIRO_EVENT_DETAILS]);
        expect_fit(&event, "drawn");

        for (i = 0; i < KAIRO_EVENT_TEXTS; i++) {
            free((void *) event.text[i].p);
        }
    }

    verdict("what is written is read, and written again as it was");
    ok(kept > round / 20 && kept < round / 2, "%u of %u had details", kept,
       round);
}


/* Records of fields that are nearly right, and bytes of nearly any kind. */

static void
hostile(void)
{
    size_t          n, length;
    unsigned        round, name, good;
    uint64_t        value;
    kairo_event_t   event;
    unsigned char   record[RECORD], text[400];

    good = 0;

    for (round = 0; round < 60000; round++) {

        identify(&event);
        memcpy(record, event.id, KAIRO_UUID);
        n = KAIRO_UUID;

        for (name = unit_below(3) == 0; name < 14; name++) {

            if (unit_below(4) == 0) {
                continue;
            }

            if (name < 10) {
                length = unit_below(4) ? unit_below(30) + 1
                                       : draw_text(text, sizeof(text));
                if (length <= 30) {
                    memset(text, 'k', length);
                }

                if (name == 9 && length && unit_below(4)) {
                    text[0] = '{';
                    text[length - 1] = '}';
                }

                n = put(record, n, name, text, length);
                continue;
            }

            value = unit_below(8) ? 1 + unit_below(500) : unit_draw();
            value = name == 10 && unit_below(8) ? 1 : value;
            n = put_number(record, n, name - 10, value);
        }

        if (unit_below(2)) {
            record[unit_below(n)] = (unsigned char) unit_draw();
        }

        n -= unit_below(8) ? 0 : unit_below(n);

        good += (unsigned) model(record, n);
        expect_stable(record, n, "record", round);
    }

    verdict("records that are nearly right");
    ok(good > round / 50 && good < round / 2, "%u of %u were", good, round);
}


int
main(void)
{
    unit_begin(20261123);

    names();
    bytes();
    most();
    cut();
    replaced();
    details();
    numbers();
    lengths();
    identifiers();
    shorter();
    changed();
    unknown();
    order();
    parts();
    drawn();
    hostile();

    return unit_done();
}
