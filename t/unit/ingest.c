
/*
 * A batch on its way to Postgres: what its parameters say, read back by a
 * reader of arrays that knows no more than the manual (8.15.6), is what was
 * put in, each event once.
 */


#include "unit.h"

#include "libs/kairo_ingest.h"


#define TEXT     64      /* bytes of a text, at most, in most of these tests */
#define EVENTS  2000


typedef struct {
    int             null;
    size_t          n;
    unsigned char   p[4200];
} value_t;


typedef struct {
    kairo_event_t   event;
    unsigned char   text[KAIRO_EVENT_TEXTS][TEXT];
} made_t;


static made_t  made[EVENTS];


/* What hurts a reader of arrays is as frequent as all else. */

static void
make(made_t *m, unsigned parts)
{
    size_t  i, k, n;

    static const char         hurts[] = "{}\",\\ 'NULnull\n\t()[]=;$\xc3\xa9";
    static const char *const  whole[] = {
        "NULL", "null", "{}", "\"", "\\", "{\"a\":\"\\\\\\\"\"}", ",", " ",
        "'", "\"NULL\""
    };

    memset(&m->event, 0, sizeof(kairo_event_t));

    for (i = 0; i < KAIRO_UUID; i++) {
        m->event.id[i] = (unsigned char) unit_draw();
    }

    for (i = 0; (parts & 1) && i < KAIRO_EVENT_TEXTS; i++) {

        m->event.text[i].p = m->text[i];
        m->event.text[i].n = n = unit_below(4) ? unit_below(TEXT) : 0;

        for (k = 0; k < n; k++) {
            m->text[i][k] = (unsigned char)
                            (unit_below(2)
                             ? hurts[unit_below(sizeof(hurts) - 1)]
                             : (int) ('a' + unit_below(26)));
        }

        if (unit_below(4) == 0) {
            k = unit_below(sizeof(whole) / sizeof(whole[0]));
            m->event.text[i].n = strlen(whole[k]);
            memcpy(m->text[i], whole[k], strlen(whole[k]));
        }
    }

    if (parts & 1) {
        m->event.text[KAIRO_EVENT_KIND].n = 3;
        memcpy(m->text[KAIRO_EVENT_KIND], "run", 3);
        m->event.admin = (int) unit_below(2);
    }

    if (parts & 2) {
        m->event.status = 100 + (unsigned) unit_below(500);
        m->event.latency = (uint32_t) (unit_draw() >> (33 + unit_below(31)));
        m->event.bytes = unit_draw() >> (1 + unit_below(63));
    }
}


/* The next value of an array, and what ends it; 0: there is none. */

static int
element(const unsigned char **p, value_t *value)
{
    int  quoted;

    if (**p != '{' && **p != ',') {
        return 0;
    }

    (*p)++;

    if (**p == '}') {
        return 0;
    }

    value->n = 0;
    quoted = (**p == '"');

    for (*p += quoted; **p; (*p)++) {

        if (quoted && **p == '"') {
            (*p)++;
            break;
        }

        if (!quoted && strchr(",}", **p)) {
            break;
        }

        if (!quoted && strchr("{\"\\ \n\t", **p)) {
            return 0;
        }

        if (**p == '\\') {
            (*p)++;
        }

        if (value->n == sizeof(value->p)) {
            return 0;
        }

        value->p[value->n++] = **p;
    }

    value->null = !quoted && value->n == 4 && memcmp(value->p, "NULL", 4) == 0;

    return **p == ',' || **p == '}';
}


static int
is(const value_t *value, const void *p, size_t n)
{
    return !value->null && value->n == n
           && (n == 0 || memcmp(value->p, p, n) == 0);
}


static int
is_number(const value_t *value, int told, uint64_t number)
{
    char  text[32];

    if (!told) {
        return value->null;
    }

    sprintf(text, "%llu", (unsigned long long) number);

    return is(value, text, strlen(text));
}


static int
is_param(const value_t *value, const kairo_event_t *event, int param)
{
    char          text[KAIRO_UUID_TEXT];
    kairo_span_t  s;

    switch (param) {

    case 0:
        kairo_uuid_write(event->id, text);
        return is(value, text, sizeof(text));

    case 10:
        return kairo_event_begins(event) ? is(value, event->admin ? "t" : "f",
                                              1)
                                         : value->null;

    case 11:
        return is_number(value, event->status, event->status);

    case 12:
        return is_number(value, event->status, event->latency);

    case 13:
        return is_number(value, event->status, event->bytes);
    }

    s = event->text[param - 1];

    return s.n ? is(value, s.p, s.n) : value->null;
}


/* "n" rows from "first" on are these events. */

static void
check(kairo_ingest_t *batch, size_t first, size_t n, const made_t *m)
{
    int                   param;
    size_t                i;
    value_t               value;
    const kairo_span_t   *params;
    const unsigned char  *p;

    params = kairo_ingest_params(batch, first, n);

    if (!expect(params != NULL, "there are parameters")) {
        return;
    }

    for (param = 0; param < KAIRO_INGEST_PARAMS; param++) {

        p = params[param].p;

        expect(strlen((const char *) p) == params[param].n,
               "it is terminated");

        for (i = 0; i < n; i++) {
            expect(element(&p, &value)
                   && is_param(&value, &m[first + i].event, param),
                   "row %zu, parameter %d", i, param + 1);
        }

        expect(!element(&p, &value) && strcmp((const char *) p, "}") == 0,
               "no more in parameter %d: \"%s\"", param + 1, p);
    }
}


static void
arrays(void)
{
    size_t           i, n, first, round;
    kairo_ingest_t  *batch;

    batch = kairo_ingest_create();

    for (round = 0; round < 60; round++) {

        n = 1 + unit_below(round % 10 ? 40 : KAIRO_INGEST_ROWS);

        for (i = 0; i < n; i++) {
            make(&made[i], 1 + (unsigned) unit_below(3));
            expect(kairo_ingest_add(batch, &made[i].event) == 0, "it is in");
        }

        expect(kairo_ingest_rows(batch) == n, "so many rows");
        check(batch, 0, n, made);

        first = unit_below(n);
        check(batch, first, 1 + unit_below(n - first), made);

        kairo_ingest_empty(batch);
        expect(kairo_ingest_rows(batch) == 0, "it is empty");
    }

    kairo_ingest_free(batch);
    verdict("what is in a batch is what its parameters say");
}


/* In any order, and from memory that is gone when the next one comes. */

static void
parts(void)
{
    size_t           i, at, n, left;
    made_t          *part;
    uint16_t         order[2 * KAIRO_INGEST_ROWS];
    kairo_ingest_t  *batch;
    unsigned char    seen[KAIRO_INGEST_ROWS];

    static made_t  rows[KAIRO_INGEST_ROWS];

    batch = kairo_ingest_create();
    n = KAIRO_INGEST_ROWS;

    for (i = 0; i < n; i++) {
        make(&made[i], 3);
        order[2 * i] = order[2 * i + 1] = (uint16_t) i;
    }

    memset(seen, 0, sizeof(seen));

    for (left = 2 * n, at = 0; left; left--) {

        i = unit_below(left);
        n = order[i];
        order[i] = order[left - 1];

        part = malloc(sizeof(made_t));
        *part = made[n];

        for (i = 0; i < KAIRO_EVENT_TEXTS; i++) {
            part->event.text[i].p = part->text[i];
            if ((n & 1) != seen[n]) {
                part->event.text[i].n = 0;
            }
        }

        if ((n & 1) != seen[n]) {
            part->event.admin = 0;
        } else {
            part->event.status = 0;
        }

        expect(kairo_ingest_add(batch, &part->event) == 0, "it is in");
        memset(part, 0xa5, sizeof(made_t));
        free(part);

        if (!seen[n]) {
            rows[at++] = made[n];
        }

        seen[n] = 1;
    }

    expect(kairo_ingest_rows(batch) == KAIRO_INGEST_ROWS, "one row each");
    check(batch, 0, KAIRO_INGEST_ROWS, rows);

    expect(memcmp(kairo_ingest_row(batch, 7)->id, rows[7].event.id, KAIRO_UUID)
           == 0, "a row by its place");

    kairo_ingest_free(batch);
    verdict("parts of an event are one row, in any order");
}


static void
full(void)
{
    size_t           i, n, bytes;
    unsigned char   *text;
    kairo_ingest_t  *batch;

    batch = kairo_ingest_create();

    for (i = 0; i <= KAIRO_INGEST_ROWS; i++) {
        make(&made[i], 1);
        expect(kairo_ingest_add(batch, &made[i].event)
               == (i == KAIRO_INGEST_ROWS), "event %zu", i);
    }

    expect(kairo_ingest_rows(batch) == KAIRO_INGEST_ROWS, "so many rows");

    made[3].event.status = 200;
    expect(kairo_ingest_add(batch, &made[3].event) == 0,
           "a part of one that is there is in all the same");
    check(batch, 0, KAIRO_INGEST_ROWS, made);

    verdict("full by rows");

    kairo_ingest_empty(batch);

    text = malloc(4096);
    memset(text, '\\', 4096);

    for (i = 0, bytes = 0; i < KAIRO_INGEST_ROWS; i++) {

        make(&made[i], 1);
        made[i].event.text[KAIRO_EVENT_DETAILS].p = text;
        made[i].event.text[KAIRO_EVENT_DETAILS].n = 4096;

        for (n = 0; n < KAIRO_EVENT_TEXTS; n++) {
            bytes += made[i].event.text[n].n;
        }

        if (kairo_ingest_add(batch, &made[i].event) != 0) {
            break;
        }

        expect(bytes <= KAIRO_INGEST_BYTES, "%zu bytes are in", bytes);
    }

    expect(bytes > KAIRO_INGEST_BYTES && i > 50, "%zu bytes are too many",
           bytes);
    expect(kairo_ingest_rows(batch) == i, "and that one is not in");
    check(batch, 0, i, made);

    kairo_ingest_empty(batch);
    expect(kairo_ingest_add(batch, &made[i].event) == 0,
           "the one that did not fit fits the next one");

    kairo_ingest_free(batch);
    free(text);
    verdict("full by bytes, all of which need a backslash");
}


/* Ids whose last bytes are the same, as nobody makes them. */

static void
alike(void)
{
    size_t           i;
    kairo_ingest_t  *batch;

    batch = kairo_ingest_create();

    for (i = 0; i < KAIRO_INGEST_ROWS; i++) {
        make(&made[i], 3);
        memset(made[i].event.id + 2, 0x77, KAIRO_UUID - 2);
        made[i].event.id[0] = (unsigned char) i;
        made[i].event.id[1] = (unsigned char) (i >> 8);
        expect(kairo_ingest_add(batch, &made[i].event) == 0, "event %zu", i);
        expect(kairo_ingest_add(batch, &made[i].event) == 0, "once more");
    }

    check(batch, 0, KAIRO_INGEST_ROWS, made);

    kairo_ingest_free(batch);
    verdict("ids that are nearly the same are not");
}


int
main(void)
{
    unit_begin(31);

    arrays();
    parts();
    full();
    alike();

    return unit_done();
}
