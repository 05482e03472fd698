
#include "core/kairo_event.h"
#include "core/kairo_little.h"
#include "core/kairo_utf8.h"


#define KAIRO_EVENT_FIELD  3         /* bytes before what a field holds */


/* How records name the fields: texts from 1 on, numbers from here on. */

#define KAIRO_EVENT_NUMBER  64

typedef enum {
    KAIRO_EVENT_ADMIN = 0,
    KAIRO_EVENT_STATUS,
    KAIRO_EVENT_LATENCY,
    KAIRO_EVENT_BYTES,
    KAIRO_EVENT_NUMBERS
} kairo_event_number_e;

typedef struct {
    unsigned   seen;                 /* a bit for each */
    uint64_t   value[KAIRO_EVENT_NUMBERS];
} kairo_event_numbers_t;


static unsigned char *kairo_event_put_text(unsigned char *out, unsigned i,
    kairo_span_t text);
static size_t kairo_event_fit(unsigned char *out, kairo_span_t text,
    size_t most);
static unsigned char *kairo_event_put_number(unsigned char *out, unsigned i,
    uint64_t value);
static int kairo_event_read_field(kairo_event_t *event,
    kairo_event_numbers_t *numbers, unsigned name, kairo_span_t held);
static int kairo_event_read_number(uint64_t *value, unsigned i,
    kairo_span_t held);
static int kairo_event_text_ok(unsigned i, kairo_span_t text);
static int kairo_event_details_ok(kairo_span_t text);


const size_t  kairo_event_most[KAIRO_EVENT_TEXTS] = {
    64, 128, 64, 255, 255, 32, 64, 64, 4096
};

const char   *kairo_event_names[KAIRO_EVENT_TEXTS] = {
    "kind", "tool", "issuer", "subject", "route", "region", "request_id",
    "edge", "details"
};


static const struct {
    size_t     n;
    uint64_t   least;
    uint64_t   most;
} kairo_event_ranges[KAIRO_EVENT_NUMBERS] = {
    { 1, 1, 1 },
    { 2, 100, 599 },
    { 4, 0, INT32_MAX },
    { 8, 0, INT64_MAX }
};


size_t
kairo_event_write(const kairo_event_t *event,
    unsigned char out[KAIRO_EVENT_MAX])
{
    unsigned        i;
    unsigned char  *p;

    memcpy(out, event->id, KAIRO_UUID);
    p = out + KAIRO_UUID;

    for (i = 0; i < KAIRO_EVENT_TEXTS; i++) {
        if (event->text[i].n) {
            p = kairo_event_put_text(p, i, event->text[i]);
        }
    }

    if (event->admin) {
        p = kairo_event_put_number(p, KAIRO_EVENT_ADMIN, 1);
    }

    if (event->status) {
        p = kairo_event_put_number(p, KAIRO_EVENT_STATUS, event->status);
        p = kairo_event_put_number(p, KAIRO_EVENT_LATENCY, event->latency);
        p = kairo_event_put_number(p, KAIRO_EVENT_BYTES, event->bytes);
    }

    return (size_t) (p - out);
}


static unsigned char *
kairo_event_put_text(unsigned char *out, unsigned i, kairo_span_t text)
{
    size_t         n, most;
    kairo_span_t   head;

    if (i == KAIRO_EVENT_DETAILS && !kairo_event_text_ok(i, text)) {
        return out;
    }

    most = kairo_event_most[i];

    head.p = text.p;
    head.n = text.n < most ? text.n : most;

    if (i == KAIRO_EVENT_DETAILS || kairo_utf8_plain(head) == head.n) {
        n = head.n;
        memcpy(out + KAIRO_EVENT_FIELD, head.p, n);

    } else {
        n = kairo_event_fit(out + KAIRO_EVENT_FIELD, text, most);
    }

    out[0] = (unsigned char) (1 + i);
    kairo_little_put(out + 1, n, 2);

    return out + KAIRO_EVENT_FIELD + n;
}


static size_t
kairo_event_fit(unsigned char *out, kairo_span_t text, size_t most)
{
    size_t                n, length;
    const unsigned char  *p;

    for (n = 0; text.n && n < most; n += length) {

        length = kairo_utf8_shown(text);

        p = length ? text.p : (const unsigned char *) "?";
        length = length ? length : 1;

        if (length > most - n) {
            break;
        }

        memcpy(out + n, p, length);

        text.p += length;
        text.n -= length;
    }

    return n;
}


static unsigned char *
kairo_event_put_number(unsigned char *out, unsigned i, uint64_t value)
{
    size_t  n;

    n = kairo_event_ranges[i].n;

    if (value < kairo_event_ranges[i].least) {
        value = kairo_event_ranges[i].least;
    }

    if (value > kairo_event_ranges[i].most) {
        value = kairo_event_ranges[i].most;
    }

    out[0] = (unsigned char) (KAIRO_EVENT_NUMBER + i);
    kairo_little_put(out + 1, n, 2);
    kairo_little_put(out + KAIRO_EVENT_FIELD, value, n);

    return out + KAIRO_EVENT_FIELD + n;
}


int
kairo_event_read(kairo_event_t *event, kairo_span_t content)
{
    unsigned                seen;
    kairo_span_t            held;
    const unsigned char    *field;
    kairo_event_numbers_t   numbers;

    if (content.n < KAIRO_UUID || content.n > KAIRO_EVENT_MAX
        || kairo_uuid7_ms(content.p) < 0)
    {
        return -1;
    }

    memset(event, 0, sizeof(kairo_event_t));
    memset(&numbers, 0, sizeof(kairo_event_numbers_t));

    memcpy(event->id, content.p, KAIRO_UUID);
    content.p += KAIRO_UUID;
    content.n -= KAIRO_UUID;

    while (content.n) {

        if (content.n < KAIRO_EVENT_FIELD) {
            return -1;
        }

        field = content.p;
        held.p = field + KAIRO_EVENT_FIELD;
        held.n = (size_t) kairo_little_get(field + 1, 2);

        content.p += KAIRO_EVENT_FIELD;
        content.n -= KAIRO_EVENT_FIELD;

        if (held.n > content.n
            || kairo_event_read_field(event, &numbers, field[0], held) != 0)
        {
            return -1;
        }

        content.p += held.n;
        content.n -= held.n;
    }

    event->admin = (int) numbers.value[KAIRO_EVENT_ADMIN];
    event->status = (unsigned) numbers.value[KAIRO_EVENT_STATUS];
    event->latency = (uint32_t) numbers.value[KAIRO_EVENT_LATENCY];
    event->bytes = numbers.value[KAIRO_EVENT_BYTES];

    /* all three tell how it ended, or none */

    seen = numbers.seen >> KAIRO_EVENT_STATUS;

    return seen == 0 || seen == 7 ? 0 : -1;
}


static int
kairo_event_read_field(kairo_event_t *event, kairo_event_numbers_t *numbers,
    unsigned name, kairo_span_t held)
{
    unsigned  i;

    i = name - 1;

    if (i < KAIRO_EVENT_TEXTS) {

        if (event->text[i].n || !kairo_event_text_ok(i, held)) {
            return -1;
        }

        event->text[i] = held;
        return 0;
    }

    i = name - KAIRO_EVENT_NUMBER;

    if (i >= KAIRO_EVENT_NUMBERS) {
        return 0;
    }

    if (numbers->seen & 1u << i) {
        return -1;
    }

    numbers->seen |= 1u << i;

    return kairo_event_read_number(&numbers->value[i], i, held);
}


static int
kairo_event_read_number(uint64_t *value, unsigned i, kairo_span_t held)
{
    if (held.n != kairo_event_ranges[i].n) {
        return -1;
    }

    *value = kairo_little_get(held.p, held.n);

    return *value >= kairo_event_ranges[i].least
           && *value <= kairo_event_ranges[i].most ? 0 : -1;
}


static int
kairo_event_text_ok(unsigned i, kairo_span_t text)
{
    size_t        n;
    kairo_span_t  rest;

    if (text.n == 0 || text.n > kairo_event_most[i]) {
        return 0;
    }

    n = kairo_utf8_plain(text);
    rest.p = text.p + n;
    rest.n = text.n - n;

    while (rest.n) {

        n = kairo_utf8_shown(rest);

        if (n == 0) {
            return 0;
        }

        rest.p += n;
        rest.n -= n;
    }

    return i != KAIRO_EVENT_DETAILS || kairo_event_details_ok(text);
}


static int
kairo_event_details_ok(kairo_span_t text)
{
    const unsigned char  *p, *end;

    end = text.p + text.n;

    if (text.p[0] != '{' || end[-1] != '}') {
        return 0;
    }

    /* what a backslash escapes begins no escape itself */

    for (p = text.p;
         (p = memchr(p, '\\', (size_t) (end - p))) != NULL;
         p += 2)
    {
        if (end - p >= 6 && memcmp(p + 1, "u0000", 5) == 0) {
            return 0;
        }
    }

    return 1;
}


void
kairo_event_join(kairo_event_t *event, const kairo_event_t *part)
{
    unsigned  i;

    for (i = 0; i < KAIRO_EVENT_TEXTS; i++) {
        if (event->text[i].n == 0) {
            event->text[i] = part->text[i];
        }
    }

    event->admin |= part->admin;

    if (event->status == 0) {
        event->status = part->status;
        event->latency = part->latency;
        event->bytes = part->bytes;
    }
}
