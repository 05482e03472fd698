
/*
 * Events of Postgres, by the view kairo.history.
 *
 * To follow, the last seconds are asked for again and again, as edges send
 * what they have whenever they can, and ids are remembered for as long; an id
 * that is open is asked for until it has its end, for an hour.
 */


#include <libpq-fe.h>
#include <stdlib.h>

#include "cmd/kairo_events.h"
#include "cmd/kairo_pg.h"


#define KAIRO_EVENTS_POLL     1000       /* ms */
#define KAIRO_EVENTS_LATE    15000       /* ms: what has come by then */
#define KAIRO_EVENTS_HOUR  3600000       /* ms */

#define KAIRO_EVENTS_PARAMS  9


/* Of the answer; the texts of an event follow, in their order. */

typedef enum {
    KAIRO_COLUMN_ID = 0,
    KAIRO_COLUMN_ADMIN,
    KAIRO_COLUMN_STATUS,
    KAIRO_COLUMN_LATENCY,
    KAIRO_COLUMN_BYTES,
    KAIRO_COLUMN_TEXTS
} kairo_events_column_e;

#define KAIRO_EVENTS_COLUMNS  (KAIRO_COLUMN_TEXTS + KAIRO_EVENT_TEXTS)


/* What is NULL is not asked about. */

typedef struct {
    uint64_t      since;
    const char   *outcome;
    size_t        limit;             /* 0: all */
    char         *ids;               /* of an array, and no others; or NULL */
} kairo_events_query_t;


typedef struct {
    PGconn                    *conn;
    PGresult                  *result;
    uint64_t                   now;       /* ms, the server's */
    uint64_t                   floor;     /* what is older is not seen */
    kairo_events_set_t         seen;
    kairo_events_list_t        list;
    const kairo_events_ask_t  *ask;
} kairo_events_database_t;


/* What becomes of a row. */

typedef int (*kairo_events_row_pt)(kairo_events_database_t *d,
    const kairo_event_t *event);


static int kairo_events_first(kairo_events_database_t *d);
static int kairo_events_again(kairo_events_database_t *d);
static int kairo_events_begin(kairo_events_database_t *d);
static int kairo_events_query(kairo_events_database_t *d,
    const kairo_events_query_t *query, kairo_events_row_pt row);
static int kairo_events_rows(kairo_events_database_t *d,
    kairo_events_row_pt row);
static int kairo_events_result(kairo_event_t *event, const PGresult *rows);
static int kairo_events_integer(const PGresult *rows, int column,
    uint64_t most, uint64_t *value);
static void kairo_events_id(char text[KAIRO_UUID_TEXT + 1], uint64_t ms);
static int kairo_events_wanted(kairo_events_database_t *d,
    const kairo_event_t *event);
static int kairo_events_met(kairo_events_database_t *d,
    const kairo_event_t *event);
static int kairo_events_new(kairo_events_database_t *d,
    const kairo_event_t *event);
static int kairo_events_remember(kairo_events_database_t *d,
    const kairo_event_t *event);
static int kairo_events_forget(kairo_events_database_t *d, uint64_t before,
    char **ids);
static int kairo_events_unread(kairo_events_database_t *d);
static int kairo_events_memory(void);


int
kairo_events_database(const kairo_events_ask_t *ask)
{
    int                       rc;
    kairo_span_t              value;
    kairo_events_database_t   d;

    memset(&d, 0, sizeof(d));

    d.ask = ask;
    value.p = (const unsigned char *) ask->database;
    value.n = strlen(ask->database);

    d.conn = kairo_pg_connect(value);

    if (d.conn == NULL) {
        return 2;
    }

    rc = kairo_events_first(&d);

    if (rc == 0 && kairo_events_flush(&d.list, ask) != 0) {
        rc = 1;
    }

    while (rc == 0 && ask->follow && !kairo_events_pause(KAIRO_EVENTS_POLL)) {

        rc = kairo_events_again(&d);

        if (rc == 0 && kairo_events_flush(&d.list, ask) != 0) {
            rc = 1;
        }
    }

    kairo_events_empty(&d.list);
    kairo_events_drop(&d.seen);
    PQclear(d.result);
    PQfinish(d.conn);

    return rc == 1 && ask->follow ? 0 : rc;
}


/* The newest, and, to follow, those that may end. */

static int
kairo_events_first(kairo_events_database_t *d)
{
    uint64_t              ms;
    kairo_events_query_t  query;

    memset(&query, 0, sizeof(query));

    query.since = d->ask->since;
    query.outcome = d->ask->outcome;
    query.limit = d->ask->limit;

    if (kairo_events_begin(d) != 0
        || kairo_events_query(d, &query, kairo_events_wanted) != 0)
    {
        return 2;
    }

    if (d->ask->limit && d->list.n == d->ask->limit) {
        /* the answer is in order */
        d->floor = (uint64_t) kairo_uuid7_ms(d->list.rows[0]->event.id);
    }

    ms = d->now < KAIRO_EVENTS_HOUR ? 0 : d->now - KAIRO_EVENTS_HOUR;

    query.since = ms > d->ask->since ? ms : d->ask->since;
    query.outcome = "open";
    query.limit = 0;

    if (d->ask->follow && kairo_events_query(d, &query, kairo_events_met) != 0)
    {
        return 2;
    }

    return kairo_pg_run(d->conn, &d->result, "commit") == 0
           ? 0 : kairo_events_unread(d);
}


static int
kairo_events_again(kairo_events_database_t *d)
{
    int                    rc;
    uint64_t               ms;
    kairo_events_query_t   query;

    memset(&query, 0, sizeof(query));

    if (kairo_events_begin(d) != 0) {
        return 2;
    }

    ms = d->now < KAIRO_EVENTS_LATE ? 0 : d->now - KAIRO_EVENTS_LATE;

    query.since = ms > d->floor ? ms : d->floor;

    if (query.since < d->ask->since) {
        query.since = d->ask->since;
    }

    if (kairo_events_query(d, &query, kairo_events_new) != 0
        || kairo_events_forget(d, query.since, &query.ids) != 0)
    {
        return 2;
    }

    rc = query.ids ? kairo_events_query(d, &query, kairo_events_new) : 0;

    free(query.ids);

    if (rc == 0) {
        rc = kairo_pg_run(d->conn, &d->result, "commit");
    }

    return rc == 0 ? 0 : kairo_events_unread(d);
}


/*
 * As the auditor: of who sees no row by its policies history would be empty,
 * and not forbidden.
 */

static int
kairo_events_begin(kairo_events_database_t *d)
{
    static const char  begin[] =
        "begin isolation level repeatable read read only;"
        "set local search_path = '';"
        "set local statement_timeout = 0;"
        "set local idle_in_transaction_session_timeout = 0;"
        "set local client_connection_check_interval = '1s';"
        "set local lock_timeout = '10s';"
        "set local role kairo_auditor;"
        "select (extract(epoch from clock_timestamp()) * 1000)::bigint";

    if (kairo_pg_run(d->conn, &d->result, begin) != 0) {
        return kairo_events_unread(d);
    }

    if (kairo_events_integer(d->result, 0, (uint64_t) 1 << 48, &d->now) != 0) {
        return kairo_events_unread(d);
    }

    return 0;
}


static int
kairo_events_query(kairo_events_database_t *d,
    const kairo_events_query_t *query, kairo_events_row_pt row)
{
    char         since[KAIRO_UUID_TEXT + 1], until[KAIRO_UUID_TEXT + 1];
    char         limit[24];
    const char  *values[KAIRO_EVENTS_PARAMS];

    /* ranges of ids are ranges of time, and tell which partitions are read */

    static const char  text[] =
        "select * from (select event_id, admin, status, latency_ms, bytes,"
        " kind, tool, issuer, subject, route, region, request_id, edge,"
        " details::text from kairo.history"
        " where ($1::uuid is null or event_id >= $1::uuid)"
        " and ($2::uuid is null or event_id < $2::uuid)"
        " and ($3::text is null or subject = $3::text"
        " or coalesce(issuer, '') || ':' || subject = $3::text)"
        " and ($4::text is null or tool = $4::text)"
        " and ($5::text is null or kind = $5::text)"
        " and ($6::boolean is null or admin = $6::boolean)"
        " and ($7::text is null or outcome = $7::text)"
        " and ($9::uuid[] is null or event_id = any ($9::uuid[]))"
        " order by event_id desc limit $8::bigint) x order by event_id";

    kairo_events_id(since, query->since);
    kairo_events_id(until, d->ask->until);
    (void) snprintf(limit, sizeof(limit), "%zu", query->limit);

    values[0] = query->ids ? NULL : since;
    values[1] = d->ask->until == UINT64_MAX ? NULL : until;
    values[2] = d->ask->user;
    values[3] = d->ask->tool;
    values[4] = d->ask->kind;
    values[5] = d->ask->admin == -1 ? NULL : d->ask->admin ? "true" : "false";
    values[6] = query->outcome;
    values[7] = query->limit ? limit : NULL;
    values[8] = query->ids;

    PQclear(d->result);
    d->result = NULL;

    if (!PQsendQueryParams(d->conn, text, KAIRO_EVENTS_PARAMS, NULL, values,
                           NULL, NULL, 0)
        || !PQsetSingleRowMode(d->conn))
    {
        return kairo_events_unread(d);
    }

    return kairo_events_rows(d, row);
}


static int
kairo_events_rows(kairo_events_database_t *d, kairo_events_row_pt row)
{
    kairo_event_t   event;
    ExecStatusType  status;

    for ( ;; ) {

        PQclear(d->result);
        d->result = PQgetResult(d->conn);
        status = PQresultStatus(d->result);

        if (status != PGRES_SINGLE_TUPLE) {
            break;
        }

        if (kairo_events_result(&event, d->result) != 0) {
            fprintf(stderr, "kairo: history can't be read: a row is not one "
                            "of kairo.history\n");
            return -1;
        }

        if (row(d, &event) != 0) {
            return kairo_events_memory();
        }
    }

    if (status != PGRES_TUPLES_OK) {
        return kairo_events_unread(d);
    }

    PQclear(d->result);
    d->result = PQgetResult(d->conn);

    return d->result ? kairo_events_unread(d) : 0;
}


static int
kairo_events_result(kairo_event_t *event, const PGresult *rows)
{
    int            i, column;
    uint64_t       status, latency;
    kairo_span_t   id;

    memset(event, 0, sizeof(kairo_event_t));

    if (PQnfields(rows) != KAIRO_EVENTS_COLUMNS) {
        return -1;
    }

    id.p = (const unsigned char *) PQgetvalue(rows, 0, KAIRO_COLUMN_ID);
    id.n = (size_t) PQgetlength(rows, 0, KAIRO_COLUMN_ID);

    if (kairo_uuid_read(id, event->id) != 0 || kairo_uuid7_ms(event->id) < 0
        || kairo_events_integer(rows, KAIRO_COLUMN_STATUS, 599, &status) != 0
        || kairo_events_integer(rows, KAIRO_COLUMN_LATENCY, INT32_MAX,
                                &latency) != 0
        || kairo_events_integer(rows, KAIRO_COLUMN_BYTES, INT64_MAX,
                                &event->bytes) != 0)
    {
        return -1;
    }

    event->status = (unsigned) status;
    event->latency = (uint32_t) latency;
    event->admin = PQgetvalue(rows, 0, KAIRO_COLUMN_ADMIN)[0] == 't';

    for (i = 0; i < KAIRO_EVENT_TEXTS; i++) {
        column = KAIRO_COLUMN_TEXTS + i;
        event->text[i].p = (const unsigned char *) PQgetvalue(rows, 0, column);
        event->text[i].n = (size_t) PQgetlength(rows, 0, column);
    }

    return 0;
}


/* 0 for what is null. */

static int
kairo_events_integer(const PGresult *rows, int column, uint64_t most,
    uint64_t *value)
{
    char        *end;
    const char  *text;

    if (PQntuples(rows) != 1 || column >= PQnfields(rows)) {
        return -1;
    }

    text = PQgetvalue(rows, 0, column);
    *value = 0;

    if (*text == '\0') {
        return 0;
    }

    *value = strtoull(text, &end, 10);

    return kairo_is_digit((unsigned char) *text) && *end == '\0'
           && *value <= most ? 0 : -1;
}


/* The first id of that ms. */

static void
kairo_events_id(char text[KAIRO_UUID_TEXT + 1], uint64_t ms)
{
    uint64_t  most;

    most = ((uint64_t) 1 << 48) - 1;
    ms = ms < most ? ms : most;

    (void) snprintf(text, KAIRO_UUID_TEXT + 1,
                    "%08lx-%04lx-0000-0000-000000000000",
                    (unsigned long) (ms >> 16) & 0xffffffff,
                    (unsigned long) ms & 0xffff);
}


static int
kairo_events_wanted(kairo_events_database_t *d, const kairo_event_t *event)
{
    if (d->ask->follow && kairo_events_remember(d, event) != 0) {
        return -1;
    }

    return kairo_events_add(&d->list, d->ask, event);
}


/* Not shown, though it may be when it has ended. */

static int
kairo_events_met(kairo_events_database_t *d, const kairo_event_t *event)
{
    return kairo_events_find(&d->seen, event->id)
           ? 0 : kairo_events_remember(d, event);
}


static int
kairo_events_new(kairo_events_database_t *d, const kairo_event_t *event)
{
    int                  ended;
    kairo_events_row_t  *row;

    ended = kairo_events_ended(event);
    row = kairo_events_find(&d->seen, event->id);

    if (row && (row->flag || !ended)) {
        return 0;
    }

    if (row) {
        row->flag = ended;

    } else if (kairo_events_remember(d, event) != 0) {
        return -1;
    }

    return kairo_events_add(&d->list, d->ask, event);
}


/* An id, and whether it has ended. */

static int
kairo_events_remember(kairo_events_database_t *d, const kairo_event_t *event)
{
    kairo_event_t        only;
    kairo_events_row_t  *row;

    memset(&only, 0, sizeof(only));
    memcpy(only.id, event->id, KAIRO_UUID);

    row = kairo_events_copy(&only);

    if (row == NULL || kairo_events_keep(&d->seen, row) != 0) {
        free(row);
        return -1;
    }

    row->flag = kairo_events_ended(event);

    return 0;
}


/*
 * What is not asked for any more, but for what is open, which is an array of
 * ids then; NULL: nothing is.
 */

static int
kairo_events_forget(kairo_events_database_t *d, uint64_t before, char **ids)
{
    char                 *p;
    size_t                i;
    uint64_t              ms;
    kairo_events_row_t   *row, **place;

    p = malloc(d->seen.n * (KAIRO_UUID_TEXT + 1) + sizeof("{}"));

    if (p == NULL) {
        return kairo_events_memory();
    }

    *ids = p;
    *p = '{';

    for (i = 0; i < d->seen.size; i++) {

        for (place = &d->seen.rows[i]; *place; /* void */) {

            row = *place;
            ms = (uint64_t) kairo_uuid7_ms(row->event.id);

            if (ms < before
                && (row->flag || ms + KAIRO_EVENTS_HOUR < d->now))
            {
                *place = row->next;
                d->seen.n--;
                free(row);
                continue;
            }

            if (ms < before) {
                *++p = ',';
                kairo_uuid_write(row->event.id, p + 1);
                p += KAIRO_UUID_TEXT;
            }

            place = &row->next;
        }
    }

    if (p == *ids) {
        free(*ids);
        *ids = NULL;
        return 0;
    }

    /* its first comma is not to be there */

    p[1] = '}';
    p[2] = '\0';
    (*ids)[1] = ' ';

    return 0;
}


static int
kairo_events_unread(kairo_events_database_t *d)
{
    kairo_pg_failed(d->conn, d->result, "history can't be read");

    if (kairo_pg_is(d->result, "42501")) {
        fprintf(stderr, "kairo: who reads it is a member of kairo_auditor\n");

    } else if (kairo_pg_is(d->result, "22023")
               || kairo_pg_is(d->result, "42P01")
               || kairo_pg_is(d->result, "42703")
               || kairo_pg_is(d->result, "3F000"))
    {
        fprintf(stderr, "kairo: it is kairo migrate that makes it\n");
    }

    return 2;
}


static int
kairo_events_memory(void)
{
    fprintf(stderr, "kairo: no memory\n");

    return -1;
}
