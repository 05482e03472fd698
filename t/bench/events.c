
/*
 * What adds the events of a spool to Postgres, without nginx: a bare client of
 * libpq.  Figures are "name value" on one line.
 *
 *     events runs DIR
 *     events insert FILE DIR KIND DEPTH
 *
 * DIR is the spool; FILE holds a connection string.  "runs" counts what is in
 * the spool.  "insert" makes the batches as the module does, and sends DEPTH
 * of them at a time; what is measured begins when all of them are made.  KIND:
 * "ingest" is kairo.ingest(), as the module calls it; "plain" a statement that
 * inserts the beginnings in the same arrays, for who has the right to.
 */


#include <errno.h>
#include <fcntl.h>
#include <libpq-fe.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "core/kairo_event.h"
#include "libs/kairo_ingest.h"
#include "libs/kairo_spool_dir.h"


#define BENCH_BATCHES  16384
#define BENCH_TEXT      1024


static const char  plain[] =
    "insert into kairo.usage_events (event_id, user_id, tool, kind, admin, "
    "billable, route, region, request_id, edge, details, status, latency_ms, "
    "bytes, ended_at) "
    "select x.id, u.user_id, x.tool, x.kind, x.admin is true, "
    "x.admin is not true, x.route, x.region, x.request, x.edge, x.details, "
    "x.status, x.latency, x.bytes, kairo.event_time(x.id) "
    "from unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], "
    "$6::text[], $7::text[], $8::text[], $9::text[], $10::jsonb[], "
    "$11::boolean[], $12::integer[], $13::integer[], $14::bigint[]) "
    "x (id, kind, tool, issuer, subject, route, region, request, edge, "
    "details, admin, status, latency, bytes) "
    "left join kairo.users u on u.issuer = x.issuer "
    "and u.subject = x.subject where x.kind is not null "
    "on conflict do nothing";

static kairo_ingest_t  *batches[BENCH_BATCHES];
static size_t           nbatches;
static size_t           rows;
static uint64_t         runs, records, bytes;


static void
must(int good, const char *what)
{
    if (!good) {
        fprintf(stderr, "events: %s\n", what);
        exit(1);
    }
}


static double
now(clockid_t id)
{
    struct timespec  ts;

    (void) clock_gettime(id, &ts);

    return (double) ts.tv_sec * 1e9 + (double) ts.tv_nsec;
}


static void
add(const kairo_event_t *event)
{
    int  rc;

    rc = nbatches ? kairo_ingest_add(batches[nbatches - 1], event) : 1;

    if (rc == 1) {
        must(nbatches < BENCH_BATCHES, "too many events");
        batches[nbatches] = kairo_ingest_create();
        must(batches[nbatches] != NULL, "no memory");
        nbatches++;
        rc = kairo_ingest_add(batches[nbatches - 1], event);
    }

    must(rc == 0, "an event that fits into no batch");
}


static void
read_spool(const char *name, int batch)
{
    int                    dir;
    size_t                 i, n;
    kairo_event_t          event;
    kairo_spool_entry_t   *entries;
    kairo_spool_reader_t   reader;
    kairo_spool_record_t   record;

    dir = open(name, O_RDONLY|O_DIRECTORY);
    must(dir != -1 && kairo_spool_list(dir, &entries, &n) == 0, name);

    for (i = 0; i < n; i++) {

        must(kairo_spool_open(&reader, dir, entries[i].name)
             == KAIRO_SPOOL_OPENED, entries[i].name);
        bytes += entries[i].size;

        while (kairo_spool_next(&reader, &record) == 1) {

            must(record.type == KAIRO_EVENT_RECORD
                 && kairo_event_read(&event, record.content) == 0,
                 "a record that is no event");
            records++;
            runs += kairo_event_begins(&event);

            if (batch) {
                add(&event);
            }
        }

        kairo_spool_close(&reader);
    }

    free(entries);
    close(dir);

    for (i = 0; i < nbatches; i++) {
        rows += kairo_ingest_rows(batches[i]);
    }
}


static PGconn *
connected(const char *file)
{
    char     text[BENCH_TEXT];
    FILE    *in;
    PGconn  *pg;

    in = fopen(file, "r");
    must(in != NULL, file);
    text[fread(text, 1, sizeof(text) - 1, in)] = '\0';
    fclose(in);

    pg = PQconnectdb(text);
    must(PQstatus(pg) == CONNECTION_OK, PQerrorMessage(pg));
    must(PQsetnonblocking(pg, 1) == 0 && PQenterPipelineMode(pg) == 1,
         "no pipeline");

    return pg;
}


static void
send_batch(PGconn *pg, const char *statement, kairo_ingest_t *batch)
{
    int                  i;
    const char          *params[KAIRO_INGEST_PARAMS];
    const kairo_span_t  *spans;

    spans = kairo_ingest_params(batch, 0, kairo_ingest_rows(batch));
    must(spans != NULL, "no memory");

    for (i = 0; i < KAIRO_INGEST_PARAMS; i++) {
        params[i] = (const char *) spans[i].p;
    }

    must(PQsendQueryParams(pg, statement, KAIRO_INGEST_PARAMS, NULL, params,
                           NULL, NULL, 0) == 1
         && PQpipelineSync(pg) == 1, PQerrorMessage(pg));
}


/* How many batches were answered. */

static size_t
answers(PGconn *pg)
{
    size_t     n;
    PGresult  *result;

    n = 0;
    must(PQconsumeInput(pg) == 1, PQerrorMessage(pg));

    while (!PQisBusy(pg)) {

        result = PQgetResult(pg);

        if (result == NULL) {
            /* the end of one, or of all that there is */
            result = PQisBusy(pg) ? NULL : PQgetResult(pg);
            if (result == NULL) {
                break;
            }
        }

        switch (PQresultStatus(result)) {

        case PGRES_PIPELINE_SYNC:
            n++;
            break;

        case PGRES_TUPLES_OK:
        case PGRES_COMMAND_OK:
            break;

        default:
            must(0, PQresultErrorMessage(result));
        }

        PQclear(result);
    }

    return n;
}


static void
insert(const char *file, const char *statement, size_t depth)
{
    double         start, self;
    size_t         sent, got;
    PGconn        *pg;
    struct pollfd  fd;

    pg = connected(file);
    sent = got = 0;
    start = now(CLOCK_MONOTONIC);
    self = now(CLOCK_PROCESS_CPUTIME_ID);

    while (got < nbatches) {

        while (sent < nbatches && sent - got < depth) {
            send_batch(pg, statement, batches[sent++]);
        }

        fd.fd = PQsocket(pg);
        fd.events = PQflush(pg) ? POLLIN|POLLOUT : POLLIN;
        must(poll(&fd, 1, 30000) == 1, "no answer");
        got += answers(pg);
    }

    start = now(CLOCK_MONOTONIC) - start;
    self = now(CLOCK_PROCESS_CPUTIME_ID) - self;

    printf("rows %zu batches %zu rate %.0f cpu %.3f\n", rows, nbatches,
           rows / start * 1e9, self / rows / 1e3);

    PQfinish(pg);
}


int
main(int argc, char **argv)
{
    (void) alarm(120);

    if (argc == 3 && strcmp(argv[1], "runs") == 0) {
        read_spool(argv[2], 0);
        printf("runs %llu records %llu bytes %llu\n",
               (unsigned long long) runs, (unsigned long long) records,
               (unsigned long long) bytes);

    } else if (argc == 6 && strcmp(argv[1], "insert") == 0) {
        read_spool(argv[3], 1);
        must(rows != 0, "an empty spool");
        insert(argv[2], strcmp(argv[4], "plain") == 0
                        ? plain : KAIRO_INGEST_STATEMENT,
               (size_t) atoi(argv[5]));

    } else {
        must(0, "what?");
    }

    return 0;
}
