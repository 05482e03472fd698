
/*
 * The directory of a spool, and its files as they are read: by the worker that
 * ships them and by the command.
 *
 * Each file belongs to the process that adds to it, by a lock of the open file
 * description (fcntl(2), F_OFD_SETLK) on its first byte, which the kernel
 * takes back when that process ends in whatever way: a file that can be locked
 * has nobody who writes it any more.  A file has its name when it is locked
 * and has its head; before, and while it is set aside, it has another suffix.
 *
 * Names are MS-PID-N.spool, with MS of 13 digits, PID of 10 and N of 6: they
 * sort by the time when they were made.
 */


#ifndef KAIRO_SPOOL_DIR_H_INCLUDED
#define KAIRO_SPOOL_DIR_H_INCLUDED


#include <sys/types.h>

#include "core/kairo_spool.h"


#define KAIRO_SPOOL_NAME     48      /* bytes of a name, with the zero */
#define KAIRO_SPOOL_SUFFIX   ".spool"
#define KAIRO_SPOOL_ASIDE    ".spool.aside"    /* bad rows of such a file */
#define KAIRO_SPOOL_DAMAGED  ".spool.bad"      /* one that was damaged, when
                                                  all else of it is shipped */
#define KAIRO_SPOOL_LOCK     "ship.lock"       /* locked by who ships */


typedef struct {
    char         name[KAIRO_SPOOL_NAME];
    uint64_t     size;               /* bytes in it */
    uint64_t     disk;               /* that it takes, which may be more */
} kairo_spool_entry_t;


/*
 * The files of a directory, open as "fd", by their names in order; the caller
 * frees *entries.  -1: errno tells why not.
 */

int kairo_spool_list(int fd, kairo_spool_entry_t **entries, size_t *n);

/* The same of those with another suffix. */

int kairo_spool_list_of(int fd, const char *suffix,
    kairo_spool_entry_t **entries, size_t *n);

/*
 * The head of a file that a process makes, with a key of its own, as it is and
 * as it is written.  -1: there is no key, errno tells.
 */

int kairo_spool_file_make(kairo_spool_file_t *file,
    unsigned char head[KAIRO_SPOOL_FILE_HEAD], uint64_t ms, pid_t pid);

/* The name of a file; what sorts before it was made before. */

void kairo_spool_name(char name[KAIRO_SPOOL_NAME], uint64_t ms, pid_t pid,
    unsigned n);

/*
 * Locks an open file.  0: it is ours until it is closed; -1: errno tells;
 * EAGAIN: it is somebody's.  One that is open for reading alone is shared with
 * others who read it.
 */

int kairo_spool_lock(int fd);

/*
 * Whether somebody else writes an open file: 1, 0, or -1, errno tells.  Once
 * nobody does, nobody ever will.  Takes no lock.
 */

int kairo_spool_written(int fd);


/* A file that is read, perhaps while it is written. */

typedef struct {
    int                  fd;
    kairo_spool_file_t   file;
    unsigned char       *buffer;     /* of its own */
    size_t               begin;      /* of what is left in the buffer */
    size_t               end;
    uint64_t             offset;     /* in the file, of the buffer's end */
    uint64_t             done;       /* in the file: all before was told */
    uint64_t             behind;     /* that offset, when it was looked behind
                                        what may be a part of a record */
    uint64_t             looked;     /* in the file: none begins before that */
    uint64_t             records;
    uint64_t             bad;        /* bytes that were no record */
} kairo_spool_reader_t;


typedef enum {
    KAIRO_SPOOL_OPENED = 0,
    KAIRO_SPOOL_FOREIGN,             /* no file of a spool, or a cut head */
    KAIRO_SPOOL_NEWER,               /* of a version that is not known */
    KAIRO_SPOOL_UNREADABLE           /* errno tells, or no memory */
} kairo_spool_open_t;

/*
 * Opens a file of the directory, a regular one and by no link; what is not
 * OPENED needs no close().
 */

kairo_spool_open_t kairo_spool_open(kairo_spool_reader_t *reader, int dir,
    const char *name);

/*
 * The next record, whose content is there until the next call.  1: it is one;
 * 0: there is no more for now; 2: none so far, after as much work as is done
 * at once, and the next call goes on; -1: it can't be read, errno tells.
 * Bytes that are none are passed over and counted.
 */

int kairo_spool_next(kairo_spool_reader_t *reader,
    kairo_spool_record_t *record);

/*
 * When there was no more: bytes at the end that are a part of a record, or of
 * none.  In a file that nobody writes any more they never become one.
 */

uint64_t kairo_spool_rest(const kairo_spool_reader_t *reader);

/* The same file again, from its beginning. */

void kairo_spool_rewind(kairo_spool_reader_t *reader);

void kairo_spool_close(kairo_spool_reader_t *reader);


#endif /* KAIRO_SPOOL_DIR_H_INCLUDED */
