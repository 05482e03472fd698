
/*
 * kairo spool verify: whether files of a spool are whole.  A file that is
 * still written may end in a record that is not there yet.  One that nobody
 * writes and that ends like that was left by a process that was killed, or a
 * disk that was full, before anybody was told of that event.
 */


#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cmd/kairo_spools.h"


static int kairo_verify(kairo_span_t value);
static int kairo_verify_all(const char *path);
static int kairo_verify_one(const char *path);
static int kairo_verify_file(int dir, const char *name);
static int kairo_verify_told(const kairo_spools_count_t *count);


const kairo_verb_t  kairo_verb_spool_verify = {
    "spool verify", "DIRECTORY|FILE ...",
    "tells whether the files of kairo_spool are whole",
    NULL, NULL, kairo_verify, NULL
};


static int
kairo_verify(kairo_span_t value)
{
    int          rc;
    char        *path;
    struct stat  st;

    path = strndup((const char *) value.p, value.n);

    if (path == NULL) {
        fprintf(stderr, "kairo: no memory\n");
        return 2;
    }

    rc = stat(path, &st) == 0 && !S_ISDIR(st.st_mode) ? kairo_verify_one(path)
                                                      : kairo_verify_all(path);
    free(path);

    return rc;
}


static int
kairo_verify_all(const char *path)
{
    int                   dir, rc;
    size_t                i, n;
    kairo_spool_entry_t  *entries;

    dir = kairo_spools_open(path);

    if (dir == -1) {
        return 2;
    }

    rc = 2;

    if (kairo_spools_list(dir, path, KAIRO_SPOOLS_ALL, &entries, &n) == 0) {

        for (i = 0, rc = 0; i < n; i++) {
            rc |= kairo_verify_file(dir, entries[i].name);
        }

        free(entries);
    }

    (void) close(dir);

    return rc;
}


static int
kairo_verify_one(const char *path)
{
    int          dir, rc;
    char        *parent;
    const char  *name;

    name = strrchr(path, '/');
    parent = name ? strndup(path, (size_t) (name - path + 1)) : strdup(".");
    name = name ? name + 1 : path;

    dir = parent ? kairo_spools_open(parent) : -1;
    rc = dir == -1 ? 2 : kairo_verify_file(dir, name);

    if (dir != -1) {
        (void) close(dir);
    }

    free(parent);

    return rc;
}


static int
kairo_verify_file(int dir, const char *name)
{
    kairo_span_t          text;
    kairo_spools_count_t  count;

    if (kairo_spools_count(&count, dir, name) != 0) {
        return 0;
    }

    /* numbers of what is set aside may be left out */

    if (kairo_spools_is(name, KAIRO_SPOOL_ASIDE)) {
        count.missing = 0;
    }

    text.p = (const unsigned char *) name;
    text.n = strlen(name);

    kairo_cmd_print(text);

    return kairo_verify_told(&count);
}


static int
kairo_verify_told(const kairo_spools_count_t *count)
{
    if (count->status != KAIRO_SPOOL_OPENED) {
        printf(": %s\n", kairo_spools_strange(count->status, count->error));
        return 1;
    }

    if (count->bad || count->missing || count->again) {
        printf(": damaged: %llu records are whole",
               (unsigned long long) count->records);

        if (count->bad) {
            printf(", %llu bytes are none, the first of them at %llu",
                   (unsigned long long) count->bad,
                   (unsigned long long) count->first);
        }

        if (count->missing) {
            printf(", %llu records are missing",
                   (unsigned long long) count->missing);
        }

        if (count->again) {
            printf(", %llu records are there again, or out of order",
                   (unsigned long long) count->again);
        }

        printf("\n");

        return 1;
    }

    if (count->rest && !count->written) {
        printf(": whole but for its end: %llu records, and %llu bytes of one "
               "that was never finished\n",
               (unsigned long long) count->records,
               (unsigned long long) count->rest);
        return 0;
    }

    printf(": whole%s: %llu records\n", count->written ? " so far" : "",
           (unsigned long long) count->records);

    return 0;
}
