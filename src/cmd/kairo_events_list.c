
/*
 * Events in memory: those that wait for their end, and those that are shown.
 */


#include <stdlib.h>
#include <sys/random.h>

#include "cmd/kairo_events.h"
#include "core/kairo_siphash.h"


#define KAIRO_EVENTS_ROOM  256


static size_t kairo_events_place(const kairo_events_set_t *set,
    const unsigned char id[KAIRO_UUID]);
static int kairo_events_grow(kairo_events_set_t *set);
static void kairo_events_sort(kairo_events_list_t *list);
static int kairo_events_order(const void *one, const void *two);
static int kairo_events_is(kairo_span_t text, const char *value);
static int kairo_events_user(const kairo_event_t *event, const char *user);


kairo_events_row_t *
kairo_events_copy(const kairo_event_t *event)
{
    size_t               i, n;
    unsigned char       *p;
    kairo_events_row_t  *row;

    for (i = 0, n = 0; i < KAIRO_EVENT_TEXTS; i++) {
        n += event->text[i].n;
    }

    row = malloc(sizeof(kairo_events_row_t) + n);

    if (row == NULL) {
        return NULL;
    }

    row->next = NULL;
    row->flag = 0;
    row->event = *event;

    for (i = 0, p = row->text; i < KAIRO_EVENT_TEXTS; i++) {

        row->event.text[i].p = p;

        if (event->text[i].n) {
            memcpy(p, event->text[i].p, event->text[i].n);
            p += event->text[i].n;
        }
    }

    return row;
}


kairo_events_row_t *
kairo_events_find(const kairo_events_set_t *set,
    const unsigned char id[KAIRO_UUID])
{
    kairo_events_row_t  *row;

    if (set->size == 0) {
        return NULL;
    }

    row = set->rows[kairo_events_place(set, id)];

    while (row && memcmp(row->event.id, id, KAIRO_UUID) != 0) {
        row = row->next;
    }

    return row;
}


/* Ids come from files: nobody is to aim them at one place. */

static size_t
kairo_events_place(const kairo_events_set_t *set,
    const unsigned char id[KAIRO_UUID])
{
    kairo_span_t  text;

    text.p = id;
    text.n = KAIRO_UUID;

    return (size_t) kairo_siphash(set->key, 0, text) & (set->size - 1);
}


int
kairo_events_keep(kairo_events_set_t *set, kairo_events_row_t *row)
{
    kairo_events_row_t  **place;

    if (set->n >= set->size && kairo_events_grow(set) != 0) {
        return -1;
    }

    place = &set->rows[kairo_events_place(set, row->event.id)];

    row->next = *place;
    *place = row;
    set->n++;

    return 0;
}


static int
kairo_events_grow(kairo_events_set_t *set)
{
    size_t                i;
    kairo_events_row_t   *row, *next;
    kairo_events_set_t    larger;

    larger = *set;

    if (set->size == 0
        && getrandom(larger.key, sizeof(larger.key), 0) == -1)
    {
        return -1;
    }

    larger.n = 0;
    larger.size = set->size ? 2 * set->size : KAIRO_EVENTS_ROOM;
    larger.rows = calloc(larger.size, sizeof(kairo_events_row_t *));

    if (larger.rows == NULL) {
        return -1;
    }

    for (i = 0; i < set->size; i++) {

        for (row = set->rows[i]; row; row = next) {
            next = row->next;
            (void) kairo_events_keep(&larger, row);
        }
    }

    free(set->rows);
    *set = larger;

    return 0;
}


kairo_events_row_t *
kairo_events_take(kairo_events_set_t *set, const unsigned char id[KAIRO_UUID])
{
    kairo_events_row_t  *row, **place;

    if (set->size == 0) {
        return NULL;
    }

    place = &set->rows[kairo_events_place(set, id)];

    while (*place && memcmp((*place)->event.id, id, KAIRO_UUID) != 0) {
        place = &(*place)->next;
    }

    row = *place;

    if (row) {
        *place = row->next;
        row->next = NULL;
        set->n--;
    }

    return row;
}


void
kairo_events_drop(kairo_events_set_t *set)
{
    size_t               i;
    kairo_events_row_t  *row, *next;

    for (i = 0; i < set->size; i++) {

        for (row = set->rows[i]; row; row = next) {
            next = row->next;
            free(row);
        }
    }

    free(set->rows);
    memset(set, 0, sizeof(kairo_events_set_t));
}


int
kairo_events_add(kairo_events_list_t *list, const kairo_events_ask_t *ask,
    const kairo_event_t *event)
{
    size_t                i, n;
    kairo_events_row_t  **rows;

    if (!kairo_events_asked(ask, event)) {
        return 0;
    }

    /* with a limit twice as many are kept, and the older half goes */

    if (list->limit && list->n == 2 * list->limit) {

        kairo_events_sort(list);
        n = list->n > list->limit ? list->n - list->limit : 0;

        for (i = 0; i < n; i++) {
            free(list->rows[i]);
        }

        list->n -= n;
        memmove(list->rows, list->rows + n,
                list->n * sizeof(kairo_events_row_t *));
    }

    if (list->n == list->room) {

        n = list->room ? 2 * list->room : KAIRO_EVENTS_ROOM;
        rows = realloc(list->rows, n * sizeof(kairo_events_row_t *));

        if (rows == NULL) {
            return -1;
        }

        list->rows = rows;
        list->room = n;
    }

    list->rows[list->n] = kairo_events_copy(event);

    if (list->rows[list->n] == NULL) {
        return -1;
    }

    list->n++;

    return 0;
}


/* By time; those with the same id, of which one is enough, become one. */

static void
kairo_events_sort(kairo_events_list_t *list)
{
    size_t                i, n;
    kairo_events_row_t   *row, *last;

    if (list->n == 0) {
        return;
    }

    qsort(list->rows, list->n, sizeof(kairo_events_row_t *),
          kairo_events_order);

    for (i = 1, n = 1; i < list->n; i++) {

        row = list->rows[i];
        last = list->rows[n - 1];

        if (memcmp(row->event.id, last->event.id, KAIRO_UUID) != 0) {
            list->rows[n++] = row;
            continue;
        }

        free(row);
    }

    list->n = n;
}


/* Of the same id, what tells how it ended comes first. */

static int
kairo_events_order(const void *one, const void *two)
{
    int                   order;
    const kairo_event_t  *a, *b;

    a = &(*(kairo_events_row_t *const *) one)->event;
    b = &(*(kairo_events_row_t *const *) two)->event;

    order = memcmp(a->id, b->id, KAIRO_UUID);

    if (order == 0) {
        order = (b->status != 0) - (a->status != 0);
    }

    return order ? order : kairo_event_begins(b) - kairo_event_begins(a);
}


int
kairo_events_flush(kairo_events_list_t *list, const kairo_events_ask_t *ask)
{
    size_t  skip;

    kairo_events_sort(list);

    skip = list->limit && list->n > list->limit ? list->n - list->limit : 0;

    kairo_events_show(ask, list->n ? list->rows + skip : NULL, list->n - skip);
    kairo_events_empty(list);

    return fflush(stdout) == 0 && !ferror(stdout) ? 0 : -1;
}


void
kairo_events_empty(kairo_events_list_t *list)
{
    size_t  i;

    for (i = 0; i < list->n; i++) {
        free(list->rows[i]);
    }

    free(list->rows);

    list->rows = NULL;
    list->n = 0;
    list->room = 0;
}


const char *
kairo_events_outcome(const kairo_event_t *event)
{
    if (kairo_events_is(event->text[KAIRO_EVENT_KIND], "refused")) {
        return "refused";
    }

    if (kairo_events_is(event->text[KAIRO_EVENT_KIND], "gap")) {
        return "gap";
    }

    return event->status == 0 ? "open" : event->status < 400 ? "ok" : "failed";
}


int
kairo_events_ended(const kairo_event_t *event)
{
    return strcmp(kairo_events_outcome(event), "open") != 0;
}


int
kairo_events_asked(const kairo_events_ask_t *ask, const kairo_event_t *event)
{
    uint64_t  ms;

    ms = (uint64_t) kairo_uuid7_ms(event->id);

    return ms >= ask->since && ms < ask->until
           && (ask->admin == -1
               || (ask->admin == event->admin && kairo_event_begins(event)))
           && (ask->tool == NULL
               || kairo_events_is(event->text[KAIRO_EVENT_TOOL], ask->tool))
           && (ask->kind == NULL
               || kairo_events_is(event->text[KAIRO_EVENT_KIND], ask->kind))
           && (ask->user == NULL || kairo_events_user(event, ask->user))
           && (ask->outcome == NULL
               || strcmp(kairo_events_outcome(event), ask->outcome) == 0);
}


static int
kairo_events_is(kairo_span_t text, const char *value)
{
    return text.n == strlen(value)
           && (text.n == 0 || memcmp(text.p, value, text.n) == 0);
}


/* Either may have a colon in it. */

static int
kairo_events_user(const kairo_event_t *event, const char *user)
{
    kairo_span_t  issuer, subject;

    issuer = event->text[KAIRO_EVENT_ISSUER];
    subject = event->text[KAIRO_EVENT_SUBJECT];

    if (kairo_events_is(subject, user)) {
        return 1;
    }

    return strlen(user) > issuer.n && user[issuer.n] == ':'
           && (issuer.n == 0 || memcmp(user, issuer.p, issuer.n) == 0)
           && kairo_events_is(subject, user + issuer.n + 1);
}
