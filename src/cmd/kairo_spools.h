
/*
 * What the verbs about a spool share: its directory, and what is in a file.
 */


#ifndef KAIRO_SPOOLS_H_INCLUDED
#define KAIRO_SPOOLS_H_INCLUDED


#include "cmd/kairo.h"
#include "core/kairo_event.h"
#include "libs/kairo_spool_dir.h"


/* Files by their suffix. */

typedef enum {
    KAIRO_SPOOLS_EVENTS = 2,         /* of events, and those set aside */
    KAIRO_SPOOLS_ALL = 3             /* damaged ones too */
} kairo_spools_e;


/* A directory; -1: said why not. */

int kairo_spools_open(const char *path);

/* Its files in order, which the caller frees; -1: said why not. */

int kairo_spools_list(int dir, const char *path, kairo_spools_e which,
    kairo_spool_entry_t **entries, size_t *n);

int kairo_spools_is(const char *name, const char *suffix);

/* Of a file that was not OPENED, and the errno then. */

const char *kairo_spools_strange(kairo_spool_open_t status, int error);

/*
 * As kairo_spool_next(), the next record that is an event; *bad: the bytes
 * before it that are none.
 */

int kairo_spools_next(kairo_spool_reader_t *reader,
    kairo_spool_record_t *record, kairo_event_t *event, uint64_t *bad);


/* What is in a file. */

typedef struct {
    kairo_spool_open_t   status;
    int                  error;      /* errno of what is UNREADABLE */
    int                  written;    /* somebody may add to it */
    uint64_t             records;
    uint64_t             events;     /* that begin in it */
    uint64_t             bytes;
    uint64_t             oldest;     /* ms since 1970; 0: it has none */
    uint64_t             bad;        /* bytes that are no event */
    uint64_t             first;      /* where those begin */
    uint64_t             missing;    /* numbers of records */
    uint64_t             again;      /* records with no higher number than
                                        one before */
    uint64_t             rest;       /* bytes of a record that has no end */
} kairo_spools_count_t;

/* -1: it is not there any more. */

int kairo_spools_count(kairo_spools_count_t *count, int dir,
    const char *name);


/* ms since 1970 */

uint64_t kairo_spools_now(void);


#endif /* KAIRO_SPOOLS_H_INCLUDED */
