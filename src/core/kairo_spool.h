
/*
 * The format of the spool: files of records that are only ever added to, by
 * one process each, which may be killed at any byte.
 *
 * A file begins with a head of 48 bytes; each record has one of 24:
 *
 *     head     0  "kairospl"           record   0  0x6b73, "sk"
 *              8  version, 1                    2  type
 *             10  bytes of the head             4  bytes behind the head
 *             12  process                       8  sum
 *             16  made at, ms since 1970       16  number in the file
 *             24  key of the sums              24  what it holds
 *             40  sum
 *
 * Numbers are little endian.  A sum is SipHash-1-3 by the key of the file over
 * all of the head or record but itself: what is left of another file, or of a
 * disk, is none of this one's.  It is no protection against who can write it.
 */


#ifndef KAIRO_SPOOL_H_INCLUDED
#define KAIRO_SPOOL_H_INCLUDED


#include "core/kairo_span.h"


#define KAIRO_SPOOL_VERSION      1
#define KAIRO_SPOOL_FILE_HEAD   48
#define KAIRO_SPOOL_HEAD        24
#define KAIRO_SPOOL_MAX      65535     /* bytes that a record may hold */


typedef struct {
    uint16_t        version;
    uint32_t        process;
    uint64_t        made;              /* ms since 1970 */
    uint64_t        key[2];
} kairo_spool_file_t;


typedef struct {
    uint16_t        type;
    uint64_t        number;
    kairo_span_t    content;           /* at most KAIRO_SPOOL_MAX bytes */
} kairo_spool_record_t;


typedef enum {
    KAIRO_SPOOL_RECORD = 0,
    KAIRO_SPOOL_SHORT,                 /* more bytes may make it a record */
    KAIRO_SPOOL_BAD                    /* bytes that are none */
} kairo_spool_rc_t;


void kairo_spool_file_write(const kairo_spool_file_t *file,
    unsigned char head[KAIRO_SPOOL_FILE_HEAD]);

/*
 * RECORD: it is one; of another version only that is told.  SHORT: there are
 * fewer bytes than a head has; BAD: it is no file of a spool.
 */

kairo_spool_rc_t kairo_spool_file_read(kairo_spool_file_t *file,
    kairo_span_t text);

/* Into KAIRO_SPOOL_HEAD + content.n bytes, which it returns. */

size_t kairo_spool_write(const kairo_spool_file_t *file,
    const kairo_spool_record_t *record, unsigned char *out);

/*
 * Takes what "rest" begins with off it: a record, whose content lies in
 * "rest"; or bytes up to the next place where one may begin, whose number is
 * *bad.
 * SHORT takes nothing; at a file's end what is left is a record that was never
 * finished, or bad: kairo_spool_skip() takes it off like that.
 */

kairo_spool_rc_t kairo_spool_read(const kairo_spool_file_t *file,
    kairo_span_t *rest, kairo_spool_record_t *record, size_t *bad);

/* The first byte of "rest", and those to the next place; returns how many. */

size_t kairo_spool_skip(kairo_span_t *rest);


#endif /* KAIRO_SPOOL_H_INCLUDED */
