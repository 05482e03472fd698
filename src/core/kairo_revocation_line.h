
/*
 * A revocation as a line of a file that is appended to: of one length, so that
 * a line that was cut off is known by it, and with a hash, so that one that
 * was damaged is, too.
 *
 *     subject 00112233445566778899aabbccddeeff before until hash
 *
 * The kind, padded to seven characters, is for who reads it; times are in
 * decimal, of 19 digits, the hash of what is before it in hexadecimal.
 */


#ifndef KAIRO_REVOCATION_LINE_H_INCLUDED
#define KAIRO_REVOCATION_LINE_H_INCLUDED


#include "core/kairo_revocations.h"


#define KAIRO_REVOCATION_LINE  97     /* without the line's end */


typedef enum {
    KAIRO_REVOCATION_TOKEN = 0,       /* one token, by what was signed */
    KAIRO_REVOCATION_JTI,             /* one token, by its "jti" */
    KAIRO_REVOCATION_SESSION,
    KAIRO_REVOCATION_SUBJECT,
    KAIRO_REVOCATION_ISSUER,
    KAIRO_REVOCATION_KINDS
} kairo_revocation_kind_t;


/* Writes KAIRO_REVOCATION_LINE bytes. */

void kairo_revocation_write(unsigned char *out, kairo_revocation_kind_t kind,
    const kairo_revocation_t *revocation);

/*
 * Reads a line without its end.  Returns 0; 1: it is shorter than a line, as
 * one is that could not be written to the end, or of less than 512 zeroes, as
 * a file system may leave it where the power failed before it was on the disk;
 * -1: it is damaged, or no such line at all.
 */

int kairo_revocation_read(kairo_span_t line, kairo_revocation_t *revocation);

/* "token", "jti", "session", "subject", "issuer". */

const char *kairo_revocation_kind(kairo_revocation_kind_t kind);


#endif /* KAIRO_REVOCATION_LINE_H_INCLUDED */
