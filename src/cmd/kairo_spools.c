
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "cmd/kairo_spools.h"


static int kairo_spools_before(const void *one, const void *two);
static void kairo_spools_read(kairo_spools_count_t *count,
    kairo_spool_reader_t *reader);


int
kairo_spools_open(const char *path)
{
    int  dir, wrong;

    dir = open(path, O_RDONLY|O_DIRECTORY|O_CLOEXEC);

    if (dir == -1) {
        wrong = errno;
        fprintf(stderr, "kairo: \"");
        kairo_cmd_say(path);
        fprintf(stderr, "\" can't be opened as a directory: %s\n",
                strerror(wrong));
    }

    return dir;
}


int
kairo_spools_list(int dir, const char *path, kairo_spools_e which,
    kairo_spool_entry_t **entries, size_t *n)
{
    int                   i, wrong;
    size_t                more;
    kairo_spool_entry_t  *found, *all;

    static const char  *suffixes[] = {
        KAIRO_SPOOL_SUFFIX, KAIRO_SPOOL_ASIDE, KAIRO_SPOOL_DAMAGED
    };

    *entries = NULL;
    *n = 0;

    for (i = 0; i < (int) which; i++) {

        if (kairo_spool_list_of(dir, suffixes[i], &found, &more) != 0) {
            goto failed;
        }

        if (more == 0) {
            free(found);
            continue;
        }

        all = realloc(*entries, (*n + more) * sizeof(kairo_spool_entry_t));

        if (all == NULL) {
            free(found);
            errno = ENOMEM;
            goto failed;
        }

        memcpy(all + *n, found, more * sizeof(kairo_spool_entry_t));
        free(found);

        *entries = all;
        *n += more;
    }

    if (*n) {
        qsort(*entries, *n, sizeof(kairo_spool_entry_t), kairo_spools_before);
    }

    return 0;

failed:

    wrong = errno;

    fprintf(stderr, "kairo: \"");
    kairo_cmd_say(path);
    fprintf(stderr, "\" can't be read: %s\n", strerror(wrong));

    free(*entries);
    *entries = NULL;

    return -1;
}


static int
kairo_spools_before(const void *one, const void *two)
{
    return strcmp(((const kairo_spool_entry_t *) one)->name,
                  ((const kairo_spool_entry_t *) two)->name);
}


int
kairo_spools_is(const char *name, const char *suffix)
{
    size_t  n, of;

    n = strlen(name);
    of = strlen(suffix);

    return n >= of && strcmp(name + n - of, suffix) == 0;
}


const char *
kairo_spools_strange(kairo_spool_open_t status, int error)
{
    switch (status) {

    case KAIRO_SPOOL_FOREIGN:
        return "no file of a spool";

    case KAIRO_SPOOL_NEWER:
        return "of a version that this kairo does not know";

    default:
        return strerror(error);
    }
}


int
kairo_spools_next(kairo_spool_reader_t *reader, kairo_spool_record_t *record,
    kairo_event_t *event, uint64_t *bad)
{
    int       rc;
    uint64_t  before;

    before = reader->bad;
    *bad = 0;

    while ((rc = kairo_spool_next(reader, record)) > 0) {

        if (rc == 2) {
            continue;
        }

        if (record->type == KAIRO_EVENT_RECORD
            && kairo_event_read(event, record->content) == 0)
        {
            break;
        }

        *bad += KAIRO_SPOOL_HEAD + record->content.n;
    }

    *bad += reader->bad - before;

    return rc;
}


int
kairo_spools_count(kairo_spools_count_t *count, int dir, const char *name)
{
    kairo_spool_reader_t  reader;

    memset(count, 0, sizeof(kairo_spools_count_t));

    count->status = kairo_spool_open(&reader, dir, name);

    if (count->status != KAIRO_SPOOL_OPENED) {
        count->error = errno;
        return count->status == KAIRO_SPOOL_UNREADABLE && errno == ENOENT ? -1
                                                                          : 0;
    }

    /* asked before: what nobody writes then has its end by now */

    count->written = kairo_spool_written(reader.fd) != 0;

    kairo_spools_read(count, &reader);
    kairo_spool_close(&reader);

    return 0;
}


static void
kairo_spools_read(kairo_spools_count_t *count, kairo_spool_reader_t *reader)
{
    int                    rc;
    uint64_t               bad, done, last, ms;
    kairo_event_t          event;
    kairo_spool_record_t   record;

    last = 0;

    for ( ;; ) {
        done = reader->done;
        rc = kairo_spools_next(reader, &record, &event, &bad);

        if (bad && count->bad == 0) {
            count->first = done;
        }

        count->bad += bad;

        if (rc != 1) {
            break;
        }

        if (record.number > last) {
            last = record.number;

        } else {
            count->again++;
        }

        ms = (uint64_t) kairo_uuid7_ms(event.id);

        if (count->oldest == 0 || ms < count->oldest) {
            count->oldest = ms;
        }

        count->events += kairo_event_begins(&event);
    }

    if (rc == -1) {
        count->status = KAIRO_SPOOL_UNREADABLE;
        count->error = errno;
    }

    count->records = reader->records;
    count->missing = last > reader->records - count->again
                     ? last - (reader->records - count->again) : 0;
    count->bytes = reader->offset;
    count->rest = kairo_spool_rest(reader);
}


uint64_t
kairo_spools_now(void)
{
    struct timespec  now;

    (void) clock_gettime(CLOCK_REALTIME, &now);

    return (uint64_t) now.tv_sec * 1000 + (uint64_t) now.tv_nsec / 1000000;
}
