
#include <stdlib.h>

#include "libs/kairo_ingest.h"


/* places of the hash: a power of two, of which at most half are taken */

#define KAIRO_INGEST_SLOTS  1024

/* bytes of a row in all arrays, besides its texts: what NULL and quotes take,
   36 of the id, and what the other four have at most */

#define KAIRO_INGEST_ROW    (KAIRO_EVENT_TEXTS * 4 + 36 + 4 + 10 + 10 + 19)


/* The parameters that are no texts; those are between the first two. */

typedef enum {
    KAIRO_INGEST_ID = 0,
    KAIRO_INGEST_ADMIN = KAIRO_EVENT_TEXTS + 1,
    KAIRO_INGEST_STATUS,
    KAIRO_INGEST_LATENCY,
    KAIRO_INGEST_SENT
} kairo_ingest_param_e;


struct kairo_ingest_s {
    size_t           rows;
    size_t           used;           /* bytes of texts */
    kairo_span_t     params[KAIRO_INGEST_PARAMS];
    unsigned char   *out;            /* of the parameters; or NULL */
    size_t           room;           /* bytes that it has */
    uint16_t         slots[KAIRO_INGEST_SLOTS];   /* a row, from 1 on */
    kairo_event_t    row[KAIRO_INGEST_ROWS];
    unsigned char    texts[KAIRO_INGEST_BYTES];
};


static uint16_t *kairo_ingest_slot(kairo_ingest_t *batch,
    const unsigned char id[KAIRO_UUID]);
static int kairo_ingest_copy(kairo_ingest_t *batch, kairo_event_t *copy,
    const kairo_event_t *event, const kairo_event_t *row);
static size_t kairo_ingest_most(const kairo_ingest_t *batch, size_t first,
    size_t n);
static unsigned char *kairo_ingest_write(const kairo_event_t *row, int param,
    unsigned char *out);
static unsigned char *kairo_ingest_id(const unsigned char id[KAIRO_UUID],
    unsigned char *out);
static unsigned char *kairo_ingest_text(kairo_span_t text, unsigned char *out);
static unsigned char *kairo_ingest_number(uint64_t value, uint64_t most,
    unsigned char *out);
static unsigned char *kairo_ingest_null(unsigned char *out);


kairo_ingest_t *
kairo_ingest_create(void)
{
    return calloc(1, sizeof(kairo_ingest_t));
}


void
kairo_ingest_free(kairo_ingest_t *batch)
{
    if (batch) {
        free(batch->out);
        free(batch);
    }
}


int
kairo_ingest_add(kairo_ingest_t *batch, const kairo_event_t *event)
{
    uint16_t       *slot;
    kairo_event_t  *row, copy;

    slot = kairo_ingest_slot(batch, event->id);
    row = *slot ? &batch->row[*slot - 1] : NULL;

    if ((row == NULL && batch->rows == KAIRO_INGEST_ROWS)
        || kairo_ingest_copy(batch, &copy, event, row) != 0)
    {
        return 1;
    }

    if (row) {
        kairo_event_join(row, &copy);
        return 0;
    }

    batch->row[batch->rows++] = copy;
    *slot = (uint16_t) batch->rows;

    return 0;
}


/* Where the id is, or belongs.  What is random in it are its last bytes. */

static uint16_t *
kairo_ingest_slot(kairo_ingest_t *batch, const unsigned char id[KAIRO_UUID])
{
    size_t     i;
    uint64_t   hash;
    uint16_t  *slot;

    memcpy(&hash, id + 8, 8);
    hash = (hash ^ id[7]) * 0x9e3779b97f4a7c15ull;

    for (i = (size_t) (hash >> 32); /* void */; i++) {

        slot = &batch->slots[i % KAIRO_INGEST_SLOTS];

        if (*slot == 0
            || memcmp(batch->row[*slot - 1].id, id, KAIRO_UUID) == 0)
        {
            return slot;
        }
    }
}


/*
 * The event with texts that are the batch's own; those that the row it is a
 * part of has already are not needed.  1: there is no room.
 */

static int
kairo_ingest_copy(kairo_ingest_t *batch, kairo_event_t *copy,
    const kairo_event_t *event, const kairo_event_t *row)
{
    int             i;
    size_t          need;
    kairo_span_t   *text;
    unsigned char  *p;

    *copy = *event;
    need = 0;

    for (i = 0; i < KAIRO_EVENT_TEXTS; i++) {

        if (row && row->text[i].n) {
            copy->text[i].n = 0;
        }

        need += copy->text[i].n;
    }

    if (need > KAIRO_INGEST_BYTES - batch->used) {
        return 1;
    }

    for (i = 0; i < KAIRO_EVENT_TEXTS; i++) {

        text = &copy->text[i];
        p = batch->texts + batch->used;

        if (text->n) {
            memcpy(p, text->p, text->n);
        }

        text->p = p;
        batch->used += text->n;
    }

    return 0;
}


size_t
kairo_ingest_rows(const kairo_ingest_t *batch)
{
    return batch->rows;
}


const kairo_event_t *
kairo_ingest_row(const kairo_ingest_t *batch, size_t n)
{
    return &batch->row[n];
}


void
kairo_ingest_empty(kairo_ingest_t *batch)
{
    batch->rows = 0;
    batch->used = 0;
    memset(batch->slots, 0, sizeof(batch->slots));
}


const kairo_span_t *
kairo_ingest_params(kairo_ingest_t *batch, size_t first, size_t n)
{
    int             param;
    size_t          i, most;
    unsigned char  *p, *out;

    most = kairo_ingest_most(batch, first, n);

    if (most > batch->room) {

        out = malloc(most);
        if (out == NULL) {
            return NULL;
        }

        free(batch->out);
        batch->out = out;
        batch->room = most;
    }

    p = batch->out;

    for (param = 0; param < KAIRO_INGEST_PARAMS; param++) {

        batch->params[param].p = p;
        *p++ = '{';

        for (i = first; i < first + n; i++) {
            if (i > first) {
                *p++ = ',';
            }
            p = kairo_ingest_write(&batch->row[i], param, p);
        }

        *p++ = '}';
        batch->params[param].n = (size_t) (p - batch->params[param].p);
        *p++ = '\0';
    }

    return batch->params;
}


/* Bytes that are enough: each of a text may need a backslash. */

static size_t
kairo_ingest_most(const kairo_ingest_t *batch, size_t first, size_t n)
{
    int     i;
    size_t  most, row;

    most = KAIRO_INGEST_PARAMS * (sizeof("{}") + n) + n * KAIRO_INGEST_ROW;

    for (row = first; row < first + n; row++) {
        for (i = 0; i < KAIRO_EVENT_TEXTS; i++) {
            most += 2 * batch->row[row].text[i].n;
        }
    }

    return most;
}


static unsigned char *
kairo_ingest_write(const kairo_event_t *row, int param, unsigned char *out)
{
    switch (param) {

    case KAIRO_INGEST_ID:
        return kairo_ingest_id(row->id, out);

    case KAIRO_INGEST_ADMIN:
        *out = row->admin ? 't' : 'f';
        return kairo_event_begins(row) ? out + 1 : kairo_ingest_null(out);

    default:
        if (param < KAIRO_INGEST_ADMIN) {
            return kairo_ingest_text(row->text[param - 1], out);
        }
    }

    if (row->status == 0) {
        return kairo_ingest_null(out);
    }

    switch (param) {

    case KAIRO_INGEST_STATUS:
        return kairo_ingest_number(row->status, INT32_MAX, out);

    case KAIRO_INGEST_LATENCY:
        return kairo_ingest_number(row->latency, INT32_MAX, out);

    default:
        return kairo_ingest_number(row->bytes, INT64_MAX, out);
    }
}


static unsigned char *
kairo_ingest_id(const unsigned char id[KAIRO_UUID], unsigned char *out)
{
    char  text[KAIRO_UUID_TEXT];

    kairo_uuid_write(id, text);
    memcpy(out, text, KAIRO_UUID_TEXT);

    return out + KAIRO_UUID_TEXT;
}


/* In quotes, always: then it is no NULL, and only two characters mean more. */

static unsigned char *
kairo_ingest_text(kairo_span_t text, unsigned char *out)
{
    size_t  i;

    if (text.n == 0) {
        return kairo_ingest_null(out);
    }

    *out++ = '"';

    for (i = 0; i < text.n; i++) {

        if (text.p[i] == '"' || text.p[i] == '\\') {
            *out++ = '\\';
        }

        *out++ = text.p[i];
    }

    *out++ = '"';

    return out;
}


static unsigned char *
kairo_ingest_number(uint64_t value, uint64_t most, unsigned char *out)
{
    int            n;
    unsigned char  digits[20];

    if (value > most) {
        value = most;
    }

    n = 0;

    do {
        digits[n++] = (unsigned char) ('0' + value % 10);
        value /= 10;
    } while (value);

    while (n) {
        *out++ = digits[--n];
    }

    return out;
}


static unsigned char *
kairo_ingest_null(unsigned char *out)
{
    memcpy(out, "NULL", 4);
    return out + 4;
}


int
kairo_ingest_unfit(const char *state)
{
    size_t  i;

    static const char  classes[][3] = { "21", "22", "23", "44", "54", "P0" };

    if (strlen(state) != 5) {
        return 0;
    }

    for (i = 0; i < sizeof(classes) / sizeof(classes[0]); i++) {
        if (strncmp(state, classes[i], 2) == 0) {
            return 1;
        }
    }

    return 0;
}
