
#include <libpq-fe.h>
#include <stdlib.h>

#include "cmd/kairo_pg.h"


#define KAIRO_PG_TIMEOUT  "10"
#define KAIRO_PG_OPTIONS  128


static char *kairo_pg_text(kairo_span_t value);
static char *kairo_pg_file(const char *path);
static char *kairo_pg_env(const char *name);
static PGconn *kairo_pg_open(const char *text);
static int kairo_pg_option(const PQconninfoOption *option);
static PGconn *kairo_pg_start(const PQconninfoOption *option);
static void kairo_pg_notice(void *data, const PGresult *result);


PGconn *
kairo_pg_connect(kairo_span_t value)
{
    char    *text;
    PGconn  *conn;

    text = kairo_pg_text(value);

    if (text == NULL) {
        return NULL;
    }

    conn = kairo_pg_open(text);

    free(text);

    if (conn == NULL) {
        return NULL;
    }

    if (PQstatus(conn) != CONNECTION_OK) {
        kairo_pg_failed(conn, NULL, "can't connect");
        PQfinish(conn);
        return NULL;
    }

    (void) PQsetNoticeReceiver(conn, kairo_pg_notice, NULL);

    return conn;
}


static char *
kairo_pg_text(kairo_span_t value)
{
    char  *text, *found;

    text = malloc(value.n + 1);

    if (text == NULL) {
        fprintf(stderr, "kairo: no memory\n");
        return NULL;
    }

    /* it may be of no bytes, and then of no address */

    if (value.n) {
        memcpy(text, value.p, value.n);
    }

    text[value.n] = '\0';

    if (strncmp(text, "file:", 5) == 0) {
        found = kairo_pg_file(text + 5);

    } else if (strncmp(text, "env:", 4) == 0) {
        found = kairo_pg_env(text + 4);

    } else {
        return text;
    }

    free(text);

    return found;
}


static char *
kairo_pg_file(const char *path)
{
    char           *text;
    size_t          n;
    unsigned char  *content;

    content = kairo_cmd_file(path, &n);

    if (content == NULL) {
        return NULL;
    }

    if (n && memchr(content, '\0', n)) {
        fprintf(stderr, "kairo: \"%s\" is no text\n", path);
        free(content);
        return NULL;
    }

    /* what was read leaves room for one more */

    text = (char *) content;
    text[n] = '\0';

    while (n && (text[n - 1] == '\n' || text[n - 1] == '\r')) {
        text[--n] = '\0';
    }

    return text;
}


static char *
kairo_pg_env(const char *name)
{
    char        *text;
    const char  *found;

    found = getenv(name);

    if (found == NULL) {
        fprintf(stderr, "kairo: there is no variable \"%s\" in the "
                        "environment\n", name);
        return NULL;
    }

    text = strdup(found);

    if (text == NULL) {
        fprintf(stderr, "kairo: no memory\n");
    }

    return text;
}


/* libpq shows what it can't read, where a password may be: nothing of it. */

static PGconn *
kairo_pg_open(const char *text)
{
    PGconn            *conn;
    PQconninfoOption  *options, *option;

    options = PQconninfoParse(text, NULL);

    for (option = options; option && option->keyword; option++) {
        if (kairo_pg_option(option) != 0) {
            break;
        }
    }

    if (option == NULL || option->keyword) {
        fprintf(stderr, "kairo: the connection string can't be read: expected "
                        "\"host=... dbname=...\", values with spaces in "
                        "quotes, or postgresql://..., with %%40 for @ and "
                        "%%2F for / in a password; or file:PATH or env:NAME "
                        "of one\n");
        conn = NULL;

    } else {
        conn = kairo_pg_start(options);

        if (conn == NULL) {
            fprintf(stderr, "kairo: no memory\n");
        }
    }

    PQconninfoFree(options);

    return conn;
}


/*
 * Of a URI whose password has an @ or a / as it is, a part of the password is
 * taken for another option.  0, or -1 where it could be one.
 */

static int
kairo_pg_option(const PQconninfoOption *option)
{
    if (option->val == NULL) {
        return 0;
    }

    if (strcmp(option->keyword, "port") == 0) {
        return option->val[strspn(option->val, "0123456789,")] ? -1 : 0;
    }

    if (strcmp(option->keyword, "host") == 0
        || strcmp(option->keyword, "dbname") == 0)
    {
        /* the first character of a socket's abstract name is an @ */

        return option->val[0] && strchr(option->val + 1, '@') ? -1 : 0;
    }

    return 0;
}


static PGconn *
kairo_pg_start(const PQconninfoOption *option)
{
    size_t       n;
    const char  *names[KAIRO_PG_OPTIONS + 4], *values[KAIRO_PG_OPTIONS + 4];

    /* of two with the same name it is the last that counts */

    names[0] = "fallback_application_name";
    values[0] = "kairo";
    names[1] = "connect_timeout";
    values[1] = getenv("PGCONNECT_TIMEOUT") ? NULL : KAIRO_PG_TIMEOUT;

    for (n = 2; option->keyword && n < KAIRO_PG_OPTIONS; option++) {
        if (option->val) {
            names[n] = option->keyword;
            values[n++] = option->val;
        }
    }

    names[n] = "client_encoding";
    values[n++] = "UTF8";
    names[n] = NULL;
    values[n] = NULL;

    return PQconnectdbParams(names, values, 0);
}


int
kairo_pg_run(PGconn *conn, PGresult **result, const char *text)
{
    ExecStatusType  status;

    PQclear(*result);

    *result = PQexec(conn, text);
    status = PQresultStatus(*result);

    return status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK ? 0 : -1;
}


int
kairo_pg_is(const PGresult *result, const char *state)
{
    const char  *is;

    is = PQresultErrorField(result, PG_DIAG_SQLSTATE);

    return is && strcmp(is, state) == 0;
}


void
kairo_pg_failed(PGconn *conn, const PGresult *result, const char *what)
{
    const char  *why, *detail;

    why = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
    detail = PQresultErrorField(result, PG_DIAG_MESSAGE_DETAIL);

    fprintf(stderr, "kairo: %s: ", what);

    if (kairo_pg_is(result, "25006")) {
        fprintf(stderr, "the database takes no changes: it is a standby, or "
                        "default_transaction_read_only is on\n");
        return;
    }

    if (kairo_pg_is(result, "42501")) {
        fprintf(stderr, "not enough rights: ");
    }

    if (why == NULL) {
        why = PQerrorMessage(conn);
    }

    kairo_cmd_say(*why ? why : "the server's answer is not one");

    if (detail) {
        fprintf(stderr, ": ");
        kairo_cmd_say(detail);
    }

    fprintf(stderr, "\n");
}


/* A warning of the server's. */

static void
kairo_pg_notice(void *data, const PGresult *result)
{
    const char  *text;

    text = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);

    if (text) {
        fprintf(stderr, "kairo: the server says: ");
        kairo_cmd_say(text);
        fprintf(stderr, "\n");
    }
}
