
/*
 * kairo audit verify: whether history is what was written.
 *
 * Each hash of kairo.audit_log is computed here, over what sql/0002-audit.sql
 * says, from values that the server sends as they are stored: no function of
 * the server's is believed, and no setting changes what they look like.  Who
 * can write all tables can write another chain from its beginning, which only
 * who has noted an earlier head can notice.
 */


#include <errno.h>
#include <libpq-fe.h>
#include <stdlib.h>

#include "cmd/kairo_pg.h"
#include "libs/kairo_digest.h"


#define KAIRO_AUDIT_TEXTS  6
#define KAIRO_AUDIT_TIME   sizeof("2000-01-01T00:00:00.000000")


/* The columns, as they are asked for. */

enum {
    KAIRO_AUDIT_NUMBER = 0,
    KAIRO_AUDIT_AT,
    KAIRO_AUDIT_ACTOR,
    KAIRO_AUDIT_ACTION,
    KAIRO_AUDIT_OBJECT,
    KAIRO_AUDIT_DETAIL,
    KAIRO_AUDIT_HASH,
    KAIRO_AUDIT_COLUMNS
};


typedef struct {
    int64_t         number;
    unsigned char   hash[KAIRO_DIGEST];
} kairo_audit_head_t;


/* A connection, and how far the chain was followed. */

typedef struct {
    PGconn              *conn;
    PGresult            *result;
    kairo_audit_head_t   head;
} kairo_audit_t;


static int kairo_audit_prepare(void);
static int kairo_audit_noted_is(const char *text);
static int kairo_audit_verify(kairo_span_t value);
static int kairo_audit_begin(kairo_audit_t *a);
static int kairo_audit_failed(kairo_audit_t *a);
static int kairo_audit_rows(kairo_audit_t *a);
static int kairo_audit_row(kairo_audit_t *a, const PGresult *row);
static const char *kairo_audit_judge(kairo_audit_t *a, const PGresult *row,
    int64_t number);
static int kairo_audit_same(const PGresult *row, int64_t number,
    kairo_audit_head_t *head);
static int kairo_audit_at(char *text, int64_t at);
static int kairo_audit_end(kairo_audit_t *a);
static void kairo_audit_valid(const kairo_audit_head_t *head);
static int kairo_audit_invalid(int64_t number, const char *why);
static int kairo_audit_types(const PGresult *rows, const Oid *types, int n);
static int kairo_audit_integer(const PGresult *rows, int column, int64_t *out);
static kairo_span_t kairo_audit_value(const PGresult *rows, int column);


static kairo_option_t  kairo_audit_options[] = {
    { "head", 0, NULL },
    { NULL, 0, NULL }
};


const kairo_verb_t  kairo_verb_audit_verify = {
    "audit verify", "[--head NUMBER:HASH] CONNINFO|file:PATH|env:NAME",
    "computes the chain of history anew, as a member of kairo_auditor;\n"
    "        --head: what an earlier run has told, which has to be in it",
    kairo_audit_options, kairo_audit_prepare, kairo_audit_verify, NULL
};


static kairo_audit_head_t  kairo_audit_noted;


static int
kairo_audit_prepare(void)
{
    const char  *text;

    text = kairo_audit_options[0].value;

    if (text && !kairo_audit_noted_is(text)) {
        fprintf(stderr, "kairo: --head wants NUMBER:HASH, as an earlier "
                        "kairo audit verify has told it\n");
        return 2;
    }

    return 0;
}


static int
kairo_audit_noted_is(const char *text)
{
    char    *end;
    size_t   i;

    if (!kairo_is_digit((unsigned char) *text)) {
        return 0;
    }

    errno = 0;
    kairo_audit_noted.number = strtoll(text, &end, 10);

    if (errno || *end != ':' || strlen(end + 1) != 2 * KAIRO_DIGEST
        || strspn(end + 1, "0123456789abcdefABCDEF") != 2 * KAIRO_DIGEST)
    {
        return 0;
    }

    for (i = 0; i < KAIRO_DIGEST; i++) {
        (void) sscanf(end + 1 + 2 * i, "%2hhx", &kairo_audit_noted.hash[i]);
    }

    return 1;
}


static int
kairo_audit_verify(kairo_span_t value)
{
    int             rc;
    kairo_audit_t   a;

    memset(&a, 0, sizeof(a));

    a.conn = kairo_pg_connect(value);

    if (a.conn == NULL) {
        return 1;
    }

    rc = kairo_audit_begin(&a) != 0 || kairo_audit_rows(&a) != 0
         || kairo_audit_end(&a) != 0;

    PQclear(a.result);
    PQfinish(a.conn);

    return rc;
}


/*
 * One snapshot, as the auditor: of who sees no row by its policies the chain
 * would be empty, and not forbidden.
 */

static int
kairo_audit_begin(kairo_audit_t *a)
{
    static const char  begin[] =
        "begin isolation level repeatable read read only;"
        "set local search_path = '';"
        "set local statement_timeout = 0;"
        "set local idle_in_transaction_session_timeout = 0;"
        "set local client_connection_check_interval = '1s';"
        "set local lock_timeout = '10s';"
        "set local role kairo_auditor";

    static const char  ask[] =
        "select number, at, actor, action, object, detail, hash"
        " from kairo.audit_log order by number";

    static const kairo_span_t  start = kairo_span("kairo");

    if (kairo_digest(a->head.hash, &start, 1) != 0) {
        fprintf(stderr, "kairo: no memory\n");
        return -1;
    }

    if (kairo_audit_options[0].value && kairo_audit_noted.number == 0
        && memcmp(a->head.hash, kairo_audit_noted.hash, KAIRO_DIGEST) != 0)
    {
        return kairo_audit_invalid(0, "no chain begins with the head that was "
                                      "noted");
    }

    if (kairo_pg_run(a->conn, &a->result, begin) != 0) {
        return kairo_audit_failed(a);
    }

    /* in binary, which is of one form, and row by row */

    if (!PQsendQueryParams(a->conn, ask, 0, NULL, NULL, NULL, NULL, 1)
        || !PQsetSingleRowMode(a->conn))
    {
        PQclear(a->result);
        a->result = NULL;
        return kairo_audit_failed(a);
    }

    return 0;
}


static int
kairo_audit_failed(kairo_audit_t *a)
{
    kairo_pg_failed(a->conn, a->result, "can't read history");

    if (kairo_pg_is(a->result, "42501")) {
        fprintf(stderr, "kairo: who verifies is a member of kairo_auditor\n");

    } else if (kairo_pg_is(a->result, "22023")
               || kairo_pg_is(a->result, "42P01")
               || kairo_pg_is(a->result, "3F000"))
    {
        fprintf(stderr, "kairo: it is kairo migrate that makes it\n");
    }

    return -1;
}


static int
kairo_audit_rows(kairo_audit_t *a)
{
    ExecStatusType  status;

    for ( ;; ) {

        PQclear(a->result);
        a->result = PQgetResult(a->conn);
        status = PQresultStatus(a->result);

        if (status != PGRES_SINGLE_TUPLE) {
            break;
        }

        if (kairo_audit_row(a, a->result) != 0) {
            return -1;
        }
    }

    if (status != PGRES_TUPLES_OK) {
        return kairo_audit_failed(a);
    }

    /* the command's end, behind which the next one can be sent */

    PQclear(a->result);
    a->result = PQgetResult(a->conn);

    return a->result ? kairo_audit_failed(a) : 0;
}


static int
kairo_audit_row(kairo_audit_t *a, const PGresult *row)
{
    static const Oid  types[] = { 20, 1184, 25, 25, 25, 3802, 17 };

    int64_t      due, number;
    const char  *why;

    due = a->head.number + 1;

    if (!kairo_audit_types(row, types, KAIRO_AUDIT_COLUMNS)) {
        return kairo_audit_invalid(due, "the columns are not those that were "
                                        "made");
    }

    if (!kairo_audit_integer(row, KAIRO_AUDIT_NUMBER, &number)) {
        return kairo_audit_invalid(due, "changed, it has no number");
    }

    if (number > due) {
        return kairo_audit_invalid(due, "missing");
    }

    if (number < due) {
        return kairo_audit_invalid(number, "put in between, or there twice");
    }

    why = kairo_audit_judge(a, row, number);

    if (why) {
        return kairo_audit_invalid(number, why);
    }

    return 0;
}


/* Follows the chain by one row that has the right number; NULL: it is good. */

static const char *
kairo_audit_judge(kairo_audit_t *a, const PGresult *row, int64_t number)
{
    int                  rc;
    kairo_span_t         hash;
    kairo_audit_head_t   head;

    head = a->head;
    hash = kairo_audit_value(row, KAIRO_AUDIT_HASH);

    rc = kairo_audit_same(row, number, &head);

    if (rc < 0) {
        return "not looked at, there is no memory";
    }

    if (rc == 0 || hash.n != KAIRO_DIGEST
        || memcmp(hash.p, head.hash, KAIRO_DIGEST) != 0)
    {
        return "changed, or put in between: its hash is not that of its "
               "content and of the hash before";
    }

    if (kairo_audit_options[0].value && number == kairo_audit_noted.number
        && memcmp(head.hash, kairo_audit_noted.hash, KAIRO_DIGEST) != 0)
    {
        return "not the head that was noted: the chain was written anew";
    }

    a->head = head;

    return NULL;
}


/*
 * The head that such a row makes of the one before, as kairo.audit() does: the
 * hash before, and each text behind the number of its bytes, or behind -1 of
 * none.  1, 0 for a row that it has never written, or -1: no memory.
 */

static int
kairo_audit_same(const PGresult *row, int64_t number,
    kairo_audit_head_t *head)
{
    char           digits[24], time[KAIRO_AUDIT_TIME];
    size_t         i, n;
    int64_t        at;
    uint32_t       length;
    kairo_span_t   texts[KAIRO_AUDIT_TEXTS], parts[1 + 2 * KAIRO_AUDIT_TEXTS];
    unsigned char  sizes[KAIRO_AUDIT_TEXTS][4];

    if (!kairo_audit_integer(row, KAIRO_AUDIT_AT, &at)
        || !kairo_audit_at(time, at))
    {
        return 0;
    }

    texts[0].p = (unsigned char *) digits;
    texts[0].n = (size_t) snprintf(digits, sizeof(digits), "%lld",
                                   (long long) number);
    texts[1].p = (unsigned char *) time;
    texts[1].n = strlen(time);
    texts[2] = kairo_audit_value(row, KAIRO_AUDIT_ACTOR);
    texts[3] = kairo_audit_value(row, KAIRO_AUDIT_ACTION);
    texts[4] = kairo_audit_value(row, KAIRO_AUDIT_OBJECT);
    texts[5] = kairo_audit_value(row, KAIRO_AUDIT_DETAIL);

    /* of jsonb the first byte is the version of its form, which is text */

    if (texts[5].n == 0 || texts[5].p[0] != 1) {
        return 0;
    }

    texts[5].p++;
    texts[5].n--;

    parts[0].p = head->hash;
    parts[0].n = KAIRO_DIGEST;

    for (i = 0, n = 1; i < KAIRO_AUDIT_TEXTS; i++) {

        length = texts[i].p ? (uint32_t) texts[i].n : UINT32_MAX;

        sizes[i][0] = (unsigned char) (length >> 24);
        sizes[i][1] = (unsigned char) (length >> 16);
        sizes[i][2] = (unsigned char) (length >> 8);
        sizes[i][3] = (unsigned char) length;

        parts[n].p = sizes[i];
        parts[n++].n = 4;
        parts[n++] = texts[i];
    }

    head->number = number;

    return kairo_digest(head->hash, parts, n) == 0 ? 1 : -1;
}


/* Microseconds since 2000 as to_char() writes them; 0: no year that it has. */

static int
kairo_audit_at(char *text, int64_t at)
{
    int64_t  day, us, era, year, month;

    static const int64_t  per_day = 86400 * (int64_t) 1000000;

    us = at % per_day;
    day = at / per_day;

    if (us < 0) {
        us += per_day;
        day--;
    }

    /* from the first day of year 1; there are as many in 9999 years */

    day += 730119;

    if (day < 0 || day >= 3652059) {
        return 0;
    }

    /* years of March to February, in eras of 400 years */

    day += 306;
    era = day / 146097;
    day %= 146097;
    year = (day - day / 1460 + day / 36524 - day / 146096) / 365;
    day -= 365 * year + year / 4 - year / 100;
    month = (5 * day + 2) / 153;
    day -= (153 * month + 2) / 5;
    year += 400 * era + (month > 9);
    month += month > 9 ? -9 : 3;

    (void) snprintf(text, KAIRO_AUDIT_TIME,
                    "%04u-%02u-%02uT%02u:%02u:%02u.%06u",
                    (unsigned) year % 10000, (unsigned) month % 100,
                    (unsigned) (day + 1) % 100,
                    (unsigned) (us / 3600000000) % 100,
                    (unsigned) (us / 60000000) % 60,
                    (unsigned) (us / 1000000) % 60,
                    (unsigned) (us % 1000000));

    return 1;
}


static int
kairo_audit_end(kairo_audit_t *a)
{
    static const Oid  types[] = { 20, 17 };

    int64_t        number, last;
    kairo_span_t   hash;

    PQclear(a->result);
    a->result = PQexecParams(a->conn, "select number, hash from "
                                      "kairo.audit_end", 0, NULL, NULL, NULL,
                             NULL, 1);

    if (PQresultStatus(a->result) != PGRES_TUPLES_OK) {
        return kairo_audit_failed(a);
    }

    last = a->head.number;

    if (PQntuples(a->result) != 1 || !kairo_audit_types(a->result, types, 2)
        || !kairo_audit_integer(a->result, 0, &number))
    {
        return kairo_audit_invalid(last, "the end of the chain is not one row "
                                         "of kairo.audit_end");
    }

    hash = kairo_audit_value(a->result, 1);

    if (number > last) {
        return kairo_audit_invalid(last + 1, "missing: the end is cut off");
    }

    if (number < last || hash.n != KAIRO_DIGEST
        || memcmp(hash.p, a->head.hash, KAIRO_DIGEST) != 0)
    {
        return kairo_audit_invalid(last, "the last, and kairo.audit_end tells "
                                         "of another end");
    }

    if (kairo_audit_options[0].value && kairo_audit_noted.number > last) {
        return kairo_audit_invalid(last + 1, "missing: the chain ends before "
                                             "the head that was noted");
    }

    kairo_audit_valid(&a->head);

    return 0;
}


static void
kairo_audit_valid(const kairo_audit_head_t *head)
{
    size_t  i;

    printf("valid %lld entries, head %lld:", (long long) head->number,
           (long long) head->number);

    for (i = 0; i < KAIRO_DIGEST; i++) {
        printf("%02x", head->hash[i]);
    }

    printf("\n");
}


static int
kairo_audit_invalid(int64_t number, const char *why)
{
    printf("invalid entry %lld: %s\n", (long long) number, why);

    return 1;
}


/* Whether "n" columns have these types, in binary. */

static int
kairo_audit_types(const PGresult *rows, const Oid *types, int n)
{
    int  i;

    if (PQnfields(rows) != n) {
        return 0;
    }

    for (i = 0; i < n; i++) {
        if (PQftype(rows, i) != types[i] || PQfformat(rows, i) != 1) {
            return 0;
        }
    }

    return 1;
}


/* Eight bytes of the first row, the first one first; 0: it has not. */

static int
kairo_audit_integer(const PGresult *rows, int column, int64_t *out)
{
    size_t        i;
    uint64_t      bits;
    kairo_span_t  value;

    value = kairo_audit_value(rows, column);

    if (value.n != 8) {
        return 0;
    }

    for (i = 0, bits = 0; i < 8; i++) {
        bits = bits << 8 | value.p[i];
    }

    *out = (int64_t) bits;

    return 1;
}


/* A value of the first row; its address is NULL where it is null. */

static kairo_span_t
kairo_audit_value(const PGresult *rows, int column)
{
    kairo_span_t  value;

    value.p = NULL;
    value.n = 0;

    if (!PQgetisnull(rows, 0, column)) {
        value.p = (unsigned char *) PQgetvalue(rows, 0, column);
        value.n = (size_t) PQgetlength(rows, 0, column);
    }

    return value;
}
