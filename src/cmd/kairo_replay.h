
/*
 * kairo spool replay, by two files: what is sent, and what is set aside.
 */


#ifndef KAIRO_REPLAY_H_INCLUDED
#define KAIRO_REPLAY_H_INCLUDED


#include "cmd/kairo_pg.h"
#include "cmd/kairo_spools.h"
#include "libs/kairo_ingest.h"


#define KAIRO_REPLAY_NAME  (KAIRO_SPOOL_NAME + 8)


/* Of a file, or of all. */

typedef struct {
    uint64_t             rows;
    uint64_t             begun;
    uint64_t             ended;
    uint64_t             known;
    uint64_t             aside;      /* by the database */
    uint64_t             unfit;      /* what it can't even set aside */
    uint64_t             rest;       /* bytes of a record without an end */
} kairo_replay_count_t;


/* What the database can't take of a file, in one that has no name yet. */

typedef struct {
    int                  fd;         /* -1: none */
    char                 name[KAIRO_REPLAY_NAME];
    uint64_t             rows;
    kairo_spool_file_t   head;
} kairo_replay_aside_t;


typedef struct {
    int                     dir;
    const char             *file;    /* that is sent */
    PGconn                 *conn;
    PGresult               *result;
    kairo_ingest_t         *batch;
    kairo_replay_count_t    count;   /* of the file */
    kairo_replay_aside_t    aside;
} kairo_replay_t;


/* 0, or -1: said why not. */

int kairo_replay_aside(kairo_replay_t *replay, const kairo_event_t *event);

/*
 * Gives what was set aside of a file with so many bad bytes its name, on disk;
 * that is in "name".  0: the file is not needed for it; 1: it is that file as
 * it was; -1: said why not.
 */

int kairo_replay_aside_done(kairo_replay_t *replay, uint64_t bad,
    char name[KAIRO_REPLAY_NAME]);

/* Leaves nothing of it. */

void kairo_replay_aside_drop(kairo_replay_t *replay);

/* A file of ours in a directory of nginx' is nginx'. */

void kairo_replay_own(int dir, int fd);


#endif /* KAIRO_REPLAY_H_INCLUDED */
