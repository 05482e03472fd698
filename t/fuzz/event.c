
/*
 * Records of any bytes: what is read as an event is written as one that says
 * the same.  And events of any texts: what is written is read, within the
 * bounds, and the pairs of its details are JSON.
 *
 * The first byte is what the rest is: 0 a record, 1 fields behind an id, 2
 * texts of an event, 3 pairs.
 */


#include "fuzz.h"

#include "core/kairo_event.h"
#include "core/kairo_json_write.h"
#include "core/kairo_little.h"
#include "core/kairo_utf8.h"
#include "libs/kairo_json.h"


int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
    __attribute__ ((visibility ("default")));


#define TEXT  5000


static int
same(const kairo_event_t *a, const kairo_event_t *b)
{
    unsigned  i;

    for (i = 0; i < KAIRO_EVENT_TEXTS; i++) {

        if (a->text[i].n != b->text[i].n
            || (a->text[i].n && memcmp(a->text[i].p, b->text[i].p,
                                       a->text[i].n) != 0))
        {
            return 0;
        }
    }

    return memcmp(a->id, b->id, KAIRO_UUID) == 0 && a->admin == b->admin
           && a->status == b->status && a->latency == b->latency
           && a->bytes == b->bytes;
}


static void
begin(kairo_event_t *event)
{
    memset(event, 0, sizeof(kairo_event_t));
    event->id[6] = 0x70;
    event->id[8] = 0x80;
}


static void
bounds(const kairo_event_t *event)
{
    size_t        k;
    unsigned      i;
    kairo_span_t  text;

    for (i = 0; i < KAIRO_EVENT_TEXTS; i++) {

        text = event->text[i];

        must(text.n <= kairo_event_most[i]);
        must(kairo_utf8(text));

        for (k = 0; k < text.n; k++) {
            must(text.p[k] >= 0x20 && text.p[k] != 0x7f);
        }
    }

    must(event->admin == 0 || event->admin == 1);
    must(event->status == 0 || (event->status >= 100 && event->status <= 599));
    must(event->latency <= INT32_MAX);
    must(event->bytes <= INT64_MAX);
    must(event->status || (event->latency == 0 && event->bytes == 0));
}


/* Either part takes of the other what it does not tell. */

static void
join(const kairo_event_t *event)
{
    unsigned       i;
    kairo_event_t  a, b, joined;

    a = *event;
    b = *event;

    for (i = 0; i < KAIRO_EVENT_TEXTS; i++) {
        memset(i % 2 ? &a.text[i] : &b.text[i], 0, sizeof(kairo_span_t));
    }

    b.status = 0;
    b.latency = 0;
    b.bytes = 0;

    joined = a;
    kairo_event_join(&joined, &b);
    must(same(&joined, event));

    joined = b;
    kairo_event_join(&joined, &a);
    must(same(&joined, event));
}


/* Written and read: returns the event, in "out", and how long it is. */

static size_t
turn(const kairo_event_t *event, kairo_event_t *got, unsigned char *out)
{
    kairo_span_t  s;

    s.p = out;
    s.n = kairo_event_write(event, out);

    must(s.n <= KAIRO_EVENT_MAX);
    must(kairo_event_read(got, s) == 0);

    bounds(got);
    join(got);

    return s.n;
}


static void
read_any(const unsigned char *data, size_t size, int fields)
{
    size_t          n, head;
    kairo_span_t    s;
    kairo_event_t   event, got;
    unsigned char  *text, *out;

    head = fields ? KAIRO_UUID : 0;
    text = fuzz_alloc(head + size);

    if (size) {
        memcpy(text + head, data, size);
    }

    if (fields) {
        memset(text, 0, head);
        text[6] = 0x70;
        text[8] = 0x80;
    }

    s.p = text;
    s.n = head + size;

    if (kairo_event_read(&event, s) == 0) {

        bounds(&event);

        out = fuzz_alloc(KAIRO_EVENT_MAX);
        n = turn(&event, &got, out);
        must(n <= s.n);
        must(same(&event, &got));
        free(out);
    }

    free(text);
}


/* A byte for the text, one how often it is there, one of the length. */

static void
texts(const unsigned char *data, size_t size)
{
    size_t          n, i, k, length, times;
    unsigned char  *p, *out, *again;
    kairo_event_t   event, got, twice;

    begin(&event);

    while (size >= 3) {

        i = data[0] % (KAIRO_EVENT_TEXTS + 1);
        times = 1 + data[1];
        length = data[2] < size - 3 ? data[2] : size - 3;
        data += 3;
        size -= 3;

        if (i == KAIRO_EVENT_TEXTS) {
            memcpy(&event.bytes, data, length < 8 ? length : 8);
            event.latency = (uint32_t) (event.bytes >> 7);
            event.status = (unsigned) (event.bytes & 0x3ff);
            event.admin = (int) event.latency;

        } else {
            while (length * times > TEXT) {
                times--;
            }

            p = fuzz_alloc(length * times);

            for (k = 0; k < times; k++) {
                memcpy(p + k * length, data, length);
            }

            free((void *) event.text[i].p);
            event.text[i].p = p;
            event.text[i].n = length * times;
        }

        data += length;
        size -= length;
    }

    out = fuzz_alloc(KAIRO_EVENT_MAX);
    again = fuzz_alloc(KAIRO_EVENT_MAX);

    n = turn(&event, &got, out);
    must(turn(&got, &twice, again) == n && memcmp(out, again, n) == 0);

    for (i = 0; i < KAIRO_EVENT_TEXTS; i++) {
        must(i == KAIRO_EVENT_DETAILS
             || (event.text[i].n == 0) == (got.text[i].n == 0));
        free((void *) event.text[i].p);
    }

    free(out);
    free(again);
}


/* Two bytes of the room, and two for each pair: how long key and value are. */

static void
pairs(const unsigned char *data, size_t size)
{
    size_t               n, room;
    json_t              *json;
    kairo_span_t         s[2], details;
    kairo_event_t        event, got;
    unsigned char       *out, *record;
    kairo_json_write_t   object;

    if (size < 2) {
        return;
    }

    room = 2 + (data[0] | (size_t) (data[1] & 0x07) << 8);
    data += 2;
    size -= 2;

    out = fuzz_alloc(room);
    kairo_json_write_begin(&object, out, room);

    for (n = 0; size >= 2; /* void */) {

        s[0].n = data[0] < size - 2 ? data[0] : size - 2;
        s[0].p = data + 2;
        s[1].n = data[1] < size - 2 - s[0].n ? data[1] : size - 2 - s[0].n;
        s[1].p = data + 2 + s[0].n;

        n += (s[1].n == 7
              ? kairo_json_write_number(&object, s[0],
                                        kairo_little_get(s[1].p, 7))
              : kairo_json_write_text(&object, s[0], s[1])) == 0;

        data += 2 + s[0].n + s[1].n;
        size -= 2 + s[0].n + s[1].n;
    }

    details = kairo_json_write_end(&object);
    must(details.n <= room);

    /* a key that is there twice is the last of them */

    json = json_loadb((const char *) details.p, details.n, 0, NULL);
    must(json_is_object(json));
    must(json_object_size(json) <= n && (n == 0) == (details.n == 2));
    json_decref(json);

    begin(&event);
    event.text[KAIRO_EVENT_DETAILS] = details;

    record = fuzz_alloc(KAIRO_EVENT_MAX);
    (void) turn(&event, &got, record);
    must(got.text[KAIRO_EVENT_DETAILS].n == details.n);

    free(record);
    free(out);
}


int
LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    if (size == 0) {
        return 0;
    }

    switch (data[0] % 4) {

    case 0:
        read_any(data + 1, size - 1, 0);
        break;

    case 1:
        read_any(data + 1, size - 1, 1);
        break;

    case 2:
        texts(data + 1, size - 1);
        break;

    default:
        pairs(data + 1, size - 1);
        break;
    }

    return 0;
}
