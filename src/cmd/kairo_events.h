
/*
 * kairo events: what was asked for, what was found, and where.
 */


#ifndef KAIRO_EVENTS_H_INCLUDED
#define KAIRO_EVENTS_H_INCLUDED


#include "cmd/kairo.h"
#include "core/kairo_event.h"


typedef enum {
    KAIRO_EVENTS_TABLE = 0,
    KAIRO_EVENTS_JSON,
    KAIRO_EVENTS_CSV
} kairo_events_format_e;


/* A text is NULL where all are asked for. */

typedef struct {
    const char              *from;       /* a directory, or */
    const char              *database;
    const char              *user;       /* a subject, or with its issuer */
    const char              *tool;
    const char              *kind;
    const char              *outcome;
    uint64_t                 since;      /* ms, that one too */
    uint64_t                 until;      /* ms, that one not */
    int                      admin;      /* 1, 0, or -1: both */
    size_t                   limit;      /* 0: all */
    kairo_events_format_e    format;
    int                      follow;
} kairo_events_ask_t;


/* An event with its texts. */

typedef struct kairo_events_row_s  kairo_events_row_t;

struct kairo_events_row_s {
    kairo_events_row_t   *next;
    int                   flag;          /* of who keeps it */
    kairo_event_t         event;
    unsigned char         text[];
};


/* Rows by their ids; begins zeroed. */

typedef struct {
    kairo_events_row_t  **rows;
    size_t                n;
    size_t                size;          /* a power of 2, or 0 */
    uint64_t              key[2];
} kairo_events_set_t;


/* Rows that are shown: of more than a limit the newest; begins zeroed. */

typedef struct {
    kairo_events_row_t  **rows;
    size_t                n;
    size_t                room;
    size_t                limit;         /* 0: all */
} kairo_events_list_t;


/* A copy; NULL: no memory. */

kairo_events_row_t *kairo_events_copy(const kairo_event_t *event);

kairo_events_row_t *kairo_events_find(const kairo_events_set_t *set,
    const unsigned char id[KAIRO_UUID]);

/* Takes a row that is not there yet; -1: no memory, and has not. */

int kairo_events_keep(kairo_events_set_t *set, kairo_events_row_t *row);

/* Off the set, and the caller's; NULL: it is not there. */

kairo_events_row_t *kairo_events_take(kairo_events_set_t *set,
    const unsigned char id[KAIRO_UUID]);

void kairo_events_drop(kairo_events_set_t *set);


/* Takes a copy of an event that was asked for; -1: no memory. */

int kairo_events_add(kairo_events_list_t *list,
    const kairo_events_ask_t *ask, const kairo_event_t *event);

/* Shows what is there, in order, and empties it; -1: it can't be written. */

int kairo_events_flush(kairo_events_list_t *list,
    const kairo_events_ask_t *ask);

void kairo_events_empty(kairo_events_list_t *list);


/* "ok", "failed", "open", or the kind of what is no run. */

const char *kairo_events_outcome(const kairo_event_t *event);

/* Whether no other part of it is to come. */

int kairo_events_ended(const kairo_event_t *event);

int kairo_events_asked(const kairo_events_ask_t *ask,
    const kairo_event_t *event);

/* Lines, behind one of names where the format has it and it is the first. */

void kairo_events_show(const kairo_events_ask_t *ask,
    kairo_events_row_t **rows, size_t n);


/* Waits; 1: it has been told to end, or nobody reads any more. */

int kairo_events_pause(int ms);

/* What such a call ends with. */

int kairo_events_spool(const kairo_events_ask_t *ask);
int kairo_events_database(const kairo_events_ask_t *ask);


#endif /* KAIRO_EVENTS_H_INCLUDED */
