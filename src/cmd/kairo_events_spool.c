
/*
 * Events of a spool, also while nginx adds to it.
 *
 * Parts of an event are joined, in whatever order they are found: what waits
 * for the other part is in memory, and of those that are whole no more than
 * are shown.  What has one part alone when all files are read is shown too.  A
 * file is read once, and to follow it on from there.
 */


#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "cmd/kairo_events.h"
#include "cmd/kairo_spools.h"


#define KAIRO_EVENTS_LOOK  200       /* ms */


typedef struct {
    char        name[KAIRO_SPOOL_NAME];
    int         told;                /* what is wrong with it */
    uint64_t    size;                /* as it was when it was read */
    uint64_t    place;               /* that it was read to; 0: it was not */
} kairo_events_file_t;


typedef struct {
    int                        dir;
    int                        rc;
    size_t                     fresh;     /* parts that were not shown */
    size_t                     n;
    kairo_events_set_t         open;
    kairo_events_list_t        list;
    kairo_events_file_t       *files;
    const kairo_events_ask_t  *ask;
} kairo_events_spool_t;


static int kairo_events_look(kairo_events_spool_t *s);
static int kairo_events_merge(kairo_events_spool_t *s,
    const kairo_spool_entry_t *entries, size_t n);
static int kairo_events_file(kairo_events_spool_t *s,
    kairo_events_file_t *file, uint64_t size);
static void kairo_events_strange(kairo_events_spool_t *s,
    kairo_events_file_t *file, kairo_spool_open_t status, int error);
static int kairo_events_read(kairo_events_spool_t *s,
    kairo_events_file_t *file, kairo_spool_reader_t *reader);
static int kairo_events_part(kairo_events_spool_t *s,
    const kairo_event_t *part);
static int kairo_events_fresh(kairo_events_spool_t *s);


int
kairo_events_spool(const kairo_events_ask_t *ask)
{
    int                   rc;
    kairo_events_spool_t  s;

    memset(&s, 0, sizeof(s));

    s.ask = ask;
    s.list.limit = ask->limit;
    s.dir = kairo_spools_open(ask->from);

    if (s.dir == -1) {
        return 2;
    }

    do {
        rc = kairo_events_look(&s);

        if (rc != 0) {
            break;
        }

        /* what comes from now on is shown, whatever it is */

        s.list.limit = 0;

    } while (ask->follow && !kairo_events_pause(KAIRO_EVENTS_LOOK));

    kairo_events_empty(&s.list);
    kairo_events_drop(&s.open);
    free(s.files);
    (void) close(s.dir);

    /* that nobody reads any more is an end like another */

    return rc == 2 || !ask->follow ? rc | s.rc : 0;
}


/* 0; 1: it can't be shown; 2: said what is wrong. */

static int
kairo_events_look(kairo_events_spool_t *s)
{
    size_t                i, n;
    kairo_spool_entry_t  *entries;

    if (kairo_spools_list(s->dir, s->ask->from, KAIRO_SPOOLS_EVENTS, &entries,
                          &n) != 0)
    {
        return 2;
    }

    if (kairo_events_merge(s, entries, n) != 0) {
        goto failed;
    }

    for (i = 0; i < n; i++) {
        if (kairo_events_file(s, &s->files[i], entries[i].size) != 0) {
            goto failed;
        }
    }

    free(entries);
    entries = NULL;

    if (kairo_events_fresh(s) != 0) {
        goto failed;
    }

    return kairo_events_flush(&s->list, s->ask) == 0 ? 0 : 1;

failed:

    free(entries);
    fprintf(stderr, "kairo: no memory\n");

    return 2;
}


/* Both are in order; what is gone is known no more. */

static int
kairo_events_merge(kairo_events_spool_t *s, const kairo_spool_entry_t *entries,
    size_t n)
{
    int                   order;
    size_t                i, k;
    kairo_events_file_t  *files;

    files = calloc(n + 1, sizeof(kairo_events_file_t));

    if (files == NULL) {
        return -1;
    }

    for (i = 0, k = 0; i < n; i++) {

        for (order = 1; k < s->n; k++) {

            order = strcmp(s->files[k].name, entries[i].name);

            if (order >= 0) {
                break;
            }
        }

        if (order == 0) {
            files[i] = s->files[k];

        } else {
            memcpy(files[i].name, entries[i].name, KAIRO_SPOOL_NAME);
        }
    }

    free(s->files);

    s->files = files;
    s->n = n;

    return 0;
}


/* -1: no memory. */

static int
kairo_events_file(kairo_events_spool_t *s, kairo_events_file_t *file,
    uint64_t size)
{
    int                    rc, wrong;
    kairo_spool_open_t     status;
    kairo_spool_reader_t   reader;

    if (file->place && file->size == size) {
        return 0;
    }

    status = kairo_spool_open(&reader, s->dir, file->name);
    wrong = errno;

    if (status != KAIRO_SPOOL_OPENED) {
        kairo_events_strange(s, file, status, wrong);
        return 0;
    }

    if (file->place) {
        reader.offset = file->place;
        reader.begin = 0;
        reader.end = 0;
        reader.done = file->place;
    }

    rc = kairo_events_read(s, file, &reader);

    file->size = reader.offset;
    file->place = reader.done;

    kairo_spool_close(&reader);

    return rc;
}


static void
kairo_events_strange(kairo_events_spool_t *s, kairo_events_file_t *file,
    kairo_spool_open_t status, int error)
{
    if (file->told || (status == KAIRO_SPOOL_UNREADABLE && error == ENOENT)) {
        return;
    }

    fprintf(stderr, "kairo: %s: %s\n", file->name,
            kairo_spools_strange(status, error));

    file->told = 1;
    s->rc |= status == KAIRO_SPOOL_UNREADABLE ? 2 : 1;
}


static int
kairo_events_read(kairo_events_spool_t *s, kairo_events_file_t *file,
    kairo_spool_reader_t *reader)
{
    int                    rc;
    uint64_t               bad, all;
    kairo_event_t          event;
    kairo_spool_record_t   record;

    for (all = 0; /* void */ ; all += bad) {

        rc = kairo_spools_next(reader, &record, &event, &bad);

        if (rc != 1) {
            break;
        }

        if (kairo_events_part(s, &event) != 0) {
            return -1;
        }
    }

    if (rc == -1) {
        kairo_events_strange(s, file, KAIRO_SPOOL_UNREADABLE, errno);
    }

    if (all + bad && !file->told) {
        fprintf(stderr, "kairo: %s: %llu bytes are no event\n", file->name,
                (unsigned long long) (all + bad));
        file->told = 1;
        s->rc |= 1;
    }

    return 0;
}


static int
kairo_events_part(kairo_events_spool_t *s, const kairo_event_t *part)
{
    int                   rc;
    kairo_event_t         event;
    kairo_events_row_t   *row, *copy;

    event = *part;
    row = kairo_events_take(&s->open, part->id);

    if (row) {
        event = row->event;
        kairo_event_join(&event, part);
        s->fresh -= (row->flag != 0);
    }

    if (kairo_events_ended(&event) && kairo_event_begins(&event)) {
        rc = kairo_events_add(&s->list, s->ask, &event);
        free(row);
        return rc;
    }

    copy = kairo_events_copy(&event);

    if (copy) {
        copy->flag = row ? row->flag : 1;
    }

    free(row);

    if (copy == NULL) {
        return -1;
    }

    if (kairo_events_keep(&s->open, copy) != 0) {
        free(copy);
        return -1;
    }

    s->fresh += (copy->flag != 0);

    return 0;
}


/*
 * Those with one part alone, since it was looked last.  An end is forgotten
 * then: that of a beginning which was shipped, or shown before.
 */

static int
kairo_events_fresh(kairo_events_spool_t *s)
{
    size_t                i;
    kairo_events_row_t   *row, **place;

    if (s->fresh == 0) {
        return 0;
    }

    for (i = 0; i < s->open.size; i++) {

        for (place = &s->open.rows[i]; *place; /* void */) {

            row = *place;

            if (row->flag
                && kairo_events_add(&s->list, s->ask, &row->event) != 0)
            {
                return -1;
            }

            row->flag = 0;

            if (kairo_event_begins(&row->event)) {
                place = &row->next;
                continue;
            }

            *place = row->next;
            s->open.n--;
            free(row);
        }
    }

    s->fresh = 0;

    return 0;
}
