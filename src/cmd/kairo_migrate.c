
/*
 * kairo migrate: brings a database to this version, or tells what would be
 * done.
 *
 * Each migration is applied in a transaction of its own, together with its row
 * in kairo.migrations.  The transaction begins with a lock, and what was
 * applied is read anew behind it: two that migrate at once do each migration
 * once, and who is killed leaves no half of one.  The lock and all settings
 * are the transaction's, so that a pool of connections keeps none of them.
 */


#include <libpq-fe.h>
#include <unistd.h>

#include "cmd/kairo_pg.h"
#include "cmd/kairo_sql.h"
#include "libs/kairo_digest.h"


#define KAIRO_MIGRATE_SERVER  150000
#define KAIRO_MIGRATE_PAUSE   4
#define KAIRO_MIGRATE_HEX     (2 * KAIRO_DIGEST + 1)


typedef struct {
    PGconn       *conn;
    PGresult     *result;     /* of what was run last */
    const char   *what;       /* that was, for the operator */
    size_t        applied;
} kairo_migrate_t;


/* What a transaction came to. */

typedef enum {
    KAIRO_MIGRATE_ALL = 0,    /* nothing is left to do */
    KAIRO_MIGRATE_MORE,       /* did one */
    KAIRO_MIGRATE_FAILED,     /* the result tells why */
    KAIRO_MIGRATE_SAID        /* failed, and the operator knows why */
} kairo_migrate_rc_t;

typedef kairo_migrate_rc_t (*kairo_migrate_part_pt)(kairo_migrate_t *m);


static int kairo_migrate(kairo_span_t value);
static int kairo_migrate_all(kairo_migrate_t *m);
static int kairo_migrate_dry(kairo_migrate_t *m);
static int kairo_migrate_patiently(kairo_migrate_t *m,
    kairo_migrate_part_pt part);
static int kairo_migrate_passes(const PGresult *result);
static void kairo_migrate_failed(kairo_migrate_t *m);
static kairo_migrate_rc_t kairo_migrate_next(kairo_migrate_t *m);
static kairo_migrate_rc_t kairo_migrate_one(kairo_migrate_t *m,
    const kairo_sql_t *sql);
static kairo_migrate_rc_t kairo_migrate_partitions(kairo_migrate_t *m);
static kairo_migrate_rc_t kairo_migrate_lock(kairo_migrate_t *m);
static kairo_migrate_rc_t kairo_migrate_read(kairo_migrate_t *m, size_t *done);
static kairo_migrate_rc_t kairo_migrate_compare(const PGresult *rows,
    size_t *done);
static void kairo_migrate_other(const char *name, size_t i);
static const char *kairo_migrate_last(void);
static void kairo_migrate_sum(const char *text, char *sum);


enum {
    KAIRO_MIGRATE_DRY_RUN = 0
};


static kairo_option_t  kairo_migrate_options[] = {
    { "dry-run", 1, NULL },
    { NULL, 0, NULL }
};


const kairo_verb_t  kairo_verb_migrate = {
    "migrate", "[--dry-run] CONNINFO|file:PATH|env:NAME",
    "brings a Postgres database to this version, as its administrator",
    kairo_migrate_options, NULL, kairo_migrate, NULL
};


static int
kairo_migrate(kairo_span_t value)
{
    int              rc;
    kairo_migrate_t  m;

    memset(&m, 0, sizeof(m));

    m.conn = kairo_pg_connect(value);

    if (m.conn == NULL) {
        return 1;
    }

    if (PQserverVersion(m.conn) < KAIRO_MIGRATE_SERVER) {
        fprintf(stderr, "kairo: this is Postgres %d, and 15 is the oldest "
                        "that will do\n", PQserverVersion(m.conn) / 10000);
        rc = 1;

    } else if (kairo_migrate_options[KAIRO_MIGRATE_DRY_RUN].value) {
        rc = kairo_migrate_dry(&m);

    } else {
        rc = kairo_migrate_all(&m);
    }

    PQclear(m.result);
    PQfinish(m.conn);

    return rc;
}


static int
kairo_migrate_all(kairo_migrate_t *m)
{
    if (kairo_migrate_patiently(m, kairo_migrate_next) != 0
        || kairo_migrate_patiently(m, kairo_migrate_partitions) != 0)
    {
        return 1;
    }

    if (m->applied == 0) {
        printf("up to date: %s\n", kairo_migrate_last());
    }

    return 0;
}


/* Reads, and does not wait for who migrates. */

static int
kairo_migrate_dry(kairo_migrate_t *m)
{
    static const char  begin[] =
        "begin read only;"
        "set local search_path = '';"
        "set local lock_timeout = '10s'";

    size_t               done;
    kairo_migrate_rc_t   rc;

    m->what = "can't read what was applied";

    rc = kairo_pg_run(m->conn, &m->result, begin) == 0
         ? kairo_migrate_read(m, &done) : KAIRO_MIGRATE_FAILED;

    if (rc == KAIRO_MIGRATE_FAILED) {
        kairo_migrate_failed(m);
    }

    if (rc != KAIRO_MIGRATE_ALL) {
        return 1;
    }

    if (kairo_sql[done].name == NULL) {
        printf("up to date: %s\n", kairo_migrate_last());
    }

    for ( /* void */ ; kairo_sql[done].name; done++) {
        printf("would apply %s\n", kairo_sql[done].name);
    }

    return 0;
}


/*
 * Transactions until nothing is left to do; one that failed by what passes is
 * tried again, after a pause that lets the application go on.
 */

static int
kairo_migrate_patiently(kairo_migrate_t *m, kairo_migrate_part_pt part)
{
    unsigned             pause;
    kairo_migrate_rc_t   rc;

    pause = 1;

    for ( ;; ) {

        rc = part(m);

        if (rc == KAIRO_MIGRATE_ALL) {
            return 0;
        }

        if (rc == KAIRO_MIGRATE_MORE) {
            pause = 1;
            continue;
        }

        if (rc == KAIRO_MIGRATE_FAILED) {
            kairo_migrate_failed(m);
        }

        if (rc == KAIRO_MIGRATE_SAID || pause > KAIRO_MIGRATE_PAUSE
            || !kairo_migrate_passes(m->result))
        {
            return -1;
        }

        fprintf(stderr, "kairo: trying again in %u s\n", pause);

        if (kairo_pg_run(m->conn, &m->result, "rollback") != 0) {
            m->what = "can't go on";
            kairo_migrate_failed(m);
            return -1;
        }

        (void) sleep(pause);
        pause *= 2;
    }
}


/*
 * A lock that somebody has, a deadlock, and what two databases of a cluster do
 * to each other that make the same roles at once.
 */

static int
kairo_migrate_passes(const PGresult *result)
{
    static const char  *states[] = {
        "55P03", "40P01", "40001", "23505", "42710", "XX000", NULL
    };

    size_t  i;

    for (i = 0; states[i]; i++) {
        if (kairo_pg_is(result, states[i])) {
            return 1;
        }
    }

    return 0;
}


static void
kairo_migrate_failed(kairo_migrate_t *m)
{
    kairo_pg_failed(m->conn, m->result, m->what);

    if (kairo_pg_is(m->result, "42501")) {
        fprintf(stderr, "kairo: who migrates is a superuser, or has "
                        "CREATEROLE, owns the database, and has made the "
                        "roles of kairo or is a member of kairo_owner and "
                        "kairo_functions\n");
    }
}


static kairo_migrate_rc_t
kairo_migrate_next(kairo_migrate_t *m)
{
    size_t               done;
    kairo_migrate_rc_t   rc;

    rc = kairo_migrate_lock(m);

    if (rc != KAIRO_MIGRATE_ALL) {
        return rc;
    }

    m->what = "can't read what was applied";

    rc = kairo_migrate_read(m, &done);

    if (rc != KAIRO_MIGRATE_ALL) {
        return rc;
    }

    if (kairo_sql[done].name) {
        return kairo_migrate_one(m, &kairo_sql[done]);
    }

    return kairo_pg_run(m->conn, &m->result, "rollback") == 0
           ? KAIRO_MIGRATE_ALL : KAIRO_MIGRATE_FAILED;
}


static kairo_migrate_rc_t
kairo_migrate_one(kairo_migrate_t *m, const kairo_sql_t *sql)
{
    char         sum[KAIRO_MIGRATE_HEX];
    const char  *values[2];

    kairo_migrate_sum(sql->text, sum);

    m->what = sql->name;

    if (kairo_pg_run(m->conn, &m->result, sql->text) != 0
        || kairo_pg_run(m->conn, &m->result,
                        "set local role kairo_owner") != 0)
    {
        return KAIRO_MIGRATE_FAILED;
    }

    values[0] = sql->name;
    values[1] = sum;

    PQclear(m->result);
    m->result = PQexecParams(m->conn, "insert into kairo.migrations "
                                      "(name, sum) values ($1, $2)",
                             2, NULL, values, NULL, NULL, 0);

    if (PQresultStatus(m->result) != PGRES_COMMAND_OK
        || kairo_pg_run(m->conn, &m->result, "commit") != 0)
    {
        return KAIRO_MIGRATE_FAILED;
    }

    printf("applied %s\n", sql->name);
    (void) fflush(stdout);

    m->applied++;

    return KAIRO_MIGRATE_MORE;
}


/* So that a run is followed by a week with partitions, whatever it applied. */

static kairo_migrate_rc_t
kairo_migrate_partitions(kairo_migrate_t *m)
{
    static const char  find[] =
        "select from pg_catalog.pg_proc p join pg_catalog.pg_namespace n"
        " on n.oid = p.pronamespace where n.nspname = 'kairo'"
        " and p.proname = 'keep_partitions' and p.pronargs = 0";

    static const char  keep[] =
        "set local role kairo_owner;"
        "select kairo.keep_partitions();"
        "commit";

    kairo_migrate_rc_t  rc;

    rc = kairo_migrate_lock(m);

    if (rc != KAIRO_MIGRATE_ALL) {
        return rc;
    }

    m->what = "can't make partitions";

    if (kairo_pg_run(m->conn, &m->result, find) != 0
        || kairo_pg_run(m->conn, &m->result,
                        PQntuples(m->result) ? keep : "rollback") != 0)
    {
        return KAIRO_MIGRATE_FAILED;
    }

    return KAIRO_MIGRATE_ALL;
}


/* Begins a transaction, one at a time, with nothing of the role's settings. */

static kairo_migrate_rc_t
kairo_migrate_lock(kairo_migrate_t *m)
{
    static const char  begin[] =
        "begin isolation level read committed;"
        "set local search_path = '';"
        "set local client_min_messages = warning;"
        "set local standard_conforming_strings = on;"
        "set local check_function_bodies = on;"
        "set local statement_timeout = 0;"
        "set local idle_in_transaction_session_timeout = 0;"

        /* who has gone, as by Ctrl-C, keeps no lock while it waits for one */

        "set local client_connection_check_interval = '1s';"
        "set local lock_timeout = '10s'";

    static const char  lock[] =
        "select pg_catalog.pg_advisory_xact_lock("
        "pg_catalog.hashtext('kairo.migrate'))";

    m->what = "can't begin";

    if (kairo_pg_run(m->conn, &m->result, begin) != 0) {
        return KAIRO_MIGRATE_FAILED;
    }

    if (kairo_pg_run(m->conn, &m->result, lock) != 0) {

        if (!kairo_pg_is(m->result, "55P03")) {
            return KAIRO_MIGRATE_FAILED;
        }

        fprintf(stderr, "kairo: another kairo migrate is at work in this "
                        "database: run this one again when that has ended\n");
        return KAIRO_MIGRATE_SAID;
    }

    /* what a migration waits for, others then wait for behind it */

    return kairo_pg_run(m->conn, &m->result, "set local lock_timeout = '2s'")
           == 0 ? KAIRO_MIGRATE_ALL : KAIRO_MIGRATE_FAILED;
}


/* How many of kairo_sql[] are in the database; all: it was read. */

static kairo_migrate_rc_t
kairo_migrate_read(kairo_migrate_t *m, size_t *done)
{
    /* by the catalogue, which needs no right to the schema */

    static const char  find[] =
        "select from pg_catalog.pg_class c join pg_catalog.pg_namespace n"
        " on n.oid = c.relnamespace where n.nspname = 'kairo'"
        " and c.relname = 'migrations'";

    *done = 0;

    if (kairo_pg_run(m->conn, &m->result, find) != 0) {
        return KAIRO_MIGRATE_FAILED;
    }

    if (PQntuples(m->result) == 0) {
        return KAIRO_MIGRATE_ALL;
    }

    if (kairo_pg_run(m->conn, &m->result, "set local role kairo_owner") != 0
        || kairo_pg_run(m->conn, &m->result,
                        "select name, sum from kairo.migrations "
                        "order by name collate pg_catalog.\"C\"") != 0)
    {
        return KAIRO_MIGRATE_FAILED;
    }

    if (kairo_migrate_compare(m->result, done) != KAIRO_MIGRATE_ALL) {
        return KAIRO_MIGRATE_SAID;
    }

    return kairo_pg_run(m->conn, &m->result, "reset role") == 0
           ? KAIRO_MIGRATE_ALL : KAIRO_MIGRATE_FAILED;
}


static kairo_migrate_rc_t
kairo_migrate_compare(const PGresult *rows, size_t *done)
{
    char         sum[KAIRO_MIGRATE_HEX];
    size_t       i, n;
    const char  *name;

    n = PQnfields(rows) == 2 ? (size_t) PQntuples(rows) : 0;

    for (i = 0; i < n; i++) {

        name = PQgetvalue(rows, (int) i, 0);

        if (kairo_sql[i].name == NULL
            || strcmp(kairo_sql[i].name, name) != 0)
        {
            kairo_migrate_other(name, i);
            return KAIRO_MIGRATE_SAID;
        }

        kairo_migrate_sum(kairo_sql[i].text, sum);

        if (strcmp(PQgetvalue(rows, (int) i, 1), sum) != 0) {
            fprintf(stderr, "kairo: %s is not what was applied to this "
                            "database by that name: use the kairo that has "
                            "applied it, or a later one\n", name);
            return KAIRO_MIGRATE_SAID;
        }
    }

    *done = n;

    return KAIRO_MIGRATE_ALL;
}


/* Says why a "name" that is applied is not the one that is due there. */

static void
kairo_migrate_other(const char *name, size_t i)
{
    size_t  later;

    for (later = i; kairo_sql[later].name; later++) {
        if (strcmp(kairo_sql[later].name, name) == 0) {
            fprintf(stderr, "kairo: %s was applied to this database, but not "
                            "%s, which comes before it: restore the row of "
                            "kairo.migrations, or the database\n", name,
                    kairo_sql[i].name);
            return;
        }
    }

    fprintf(stderr, "kairo: ");
    kairo_cmd_say(name);

    if (strncmp(name, kairo_migrate_last(), 4) > 0) {
        fprintf(stderr, " was applied to this database, which is newer than "
                        "this kairo, whose last is %s: use the kairo that has "
                        "applied it, or a later one\n", kairo_migrate_last());
        return;
    }

    fprintf(stderr, " was applied to this database, and this kairo knows of "
                    "no such migration: use the kairo that has applied it, or "
                    "a later one\n");
}


static const char *
kairo_migrate_last(void)
{
    const kairo_sql_t  *sql;

    for (sql = kairo_sql; sql[1].name; sql++) { /* void */ }

    return sql->name;
}


static void
kairo_migrate_sum(const char *text, char *sum)
{
    size_t         i;
    kairo_span_t   s;
    unsigned char  digest[KAIRO_DIGEST];

    s.p = (const unsigned char *) text;
    s.n = strlen(text);

    /* without memory, what no row of a migration is like */

    memset(digest, 0, sizeof(digest));
    (void) kairo_digest(digest, &s, 1);

    for (i = 0; i < KAIRO_DIGEST; i++) {
        (void) sprintf(sum + 2 * i, "%02x", digest[i]);
    }
}
