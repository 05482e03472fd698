
/*
 * kairo spool list: the files of a spool, at any time, also while nginx adds
 * to them.  Locks nothing.
 */


#include <stdlib.h>
#include <unistd.h>

#include "cmd/kairo_spools.h"


typedef struct {
    kairo_spools_count_t   all;
    size_t                 files;
    size_t                 written;
    size_t                 left;
    size_t                 aside;
    size_t                 damaged;
    uint64_t               now;
} kairo_list_t;


static int kairo_list(kairo_span_t value);
static int kairo_list_file(kairo_list_t *list, int dir, const char *name);
static const char *kairo_list_state(kairo_list_t *list, const char *name,
    int written);
static void kairo_list_print(const kairo_list_t *list,
    const kairo_spools_count_t *count);


const kairo_verb_t  kairo_verb_spool_list = {
    "spool list", "DIRECTORY ...",
    "tells what is in the files of kairo_spool",
    NULL, NULL, kairo_list, NULL
};


static int
kairo_list(kairo_span_t value)
{
    int                   dir, rc;
    char                 *path;
    size_t                i, n;
    kairo_list_t          list;
    kairo_spool_entry_t  *entries;

    path = strndup((const char *) value.p, value.n);
    dir = path ? kairo_spools_open(path) : -1;

    if (dir == -1
        || kairo_spools_list(dir, path, KAIRO_SPOOLS_ALL, &entries, &n) != 0)
    {
        if (dir != -1) {
            (void) close(dir);
        }
        free(path);
        return 2;
    }

    memset(&list, 0, sizeof(list));
    list.now = kairo_spools_now();

    for (i = 0, rc = 0; i < n; i++) {
        rc |= kairo_list_file(&list, dir, entries[i].name);
    }

    printf("%zu files: ", list.files);
    kairo_list_print(&list, &list.all);
    printf(", %zu written, %zu left, %zu aside, %zu damaged\n", list.written,
           list.left, list.aside, list.damaged);

    free(entries);
    (void) close(dir);
    free(path);

    return rc;
}


static int
kairo_list_file(kairo_list_t *list, int dir, const char *name)
{
    kairo_spools_count_t  count;

    if (kairo_spools_count(&count, dir, name) != 0) {
        return 0;
    }

    list->files++;

    if (count.status != KAIRO_SPOOL_OPENED) {
        printf("%s: %s\n", name, kairo_spools_strange(count.status,
                                                      count.error));
        return 1;
    }

    if (!count.written) {
        /* of one that is written it is a record that is about to be one */
        count.bad += count.rest;
    }

    list->all.records += count.records;
    list->all.events += count.events;
    list->all.bytes += count.bytes;
    list->all.bad += count.bad;

    if (list->all.oldest == 0
        || (count.oldest && count.oldest < list->all.oldest))
    {
        list->all.oldest = count.oldest;
    }

    printf("%s: ", name);
    kairo_list_print(list, &count);
    printf(", %s\n", kairo_list_state(list, name, count.written));

    return 0;
}


static const char *
kairo_list_state(kairo_list_t *list, const char *name, int written)
{
    if (written) {
        list->written++;
        return "written";
    }

    if (kairo_spools_is(name, KAIRO_SPOOL_ASIDE)) {
        list->aside++;
        return "aside";
    }

    if (kairo_spools_is(name, KAIRO_SPOOL_DAMAGED)) {
        list->damaged++;
        return "damaged";
    }

    list->left++;

    return "left";
}


static void
kairo_list_print(const kairo_list_t *list, const kairo_spools_count_t *count)
{
    printf("%llu records, %llu events, %llu bytes, oldest ",
           (unsigned long long) count->records,
           (unsigned long long) count->events,
           (unsigned long long) count->bytes);

    if (count->oldest == 0) {
        printf("-");

    } else {
        printf("%llu s", list->now > count->oldest
                         ? (unsigned long long) (list->now - count->oldest)
                           / 1000 : 0);
    }

    printf(", %llu bad bytes", (unsigned long long) count->bad);
}
