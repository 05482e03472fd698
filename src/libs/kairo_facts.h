
/*
 * What a verified token says of a person, as text that can't be mistaken: it
 * goes into header fields, keys of limits and lists of rights.
 */


#ifndef KAIRO_FACTS_H_INCLUDED
#define KAIRO_FACTS_H_INCLUDED


#include "core/kairo_email.h"
#include "libs/kairo_json.h"


#define KAIRO_FACTS_SUBJECT  255
#define KAIRO_FACTS_WORD      64     /* a role, a permission, a tier */
#define KAIRO_FACTS_WORDS   2048     /* several of them, commas between */

#define KAIRO_FACTS_SIZE     (KAIRO_FACTS_SUBJECT + KAIRO_EMAIL_MAX           \
                              + 2 * KAIRO_FACTS_WORDS + KAIRO_FACTS_WORD)


/* Where they stand, as kairo_json_at() reads it; NULL: nowhere. */

typedef struct {
    const char     *subject;
    const char     *roles;
    const char     *tier;
    const char     *email;
    const char     *verified;     /* NULL: what the issuer says is verified */
    const char     *permissions;  /* NULL: the issuer may not give any */
} kairo_facts_map_t;


/* All of them within the caller's buffer; empty where there is none. */

typedef struct {
    kairo_span_t    subject;
    kairo_span_t    email;
    kairo_span_t    roles;        /* "editor,admin" */
    kairo_span_t    permissions;
    kairo_span_t    tier;
} kairo_facts_t;


/*
 * Reads them into "buf" of KAIRO_FACTS_SIZE bytes.  Returns 0, or -1 when the
 * subject is no text of 1 to 255 bytes without control characters.
 *
 * Roles and permissions are an array of texts, or one text of words.  A role,
 * a permission or a tier that is not of 1 to 64 visible ASCII characters
 * without a comma is left out, and so is what is beyond KAIRO_FACTS_WORDS:
 * nobody gains by it.  An address of e-mail is one only where the claim that
 * says so is true, not "true".
 */

int kairo_facts(kairo_facts_t *facts, unsigned char *buf,
    const kairo_facts_map_t *map, const json_t *claims);

/* Whether a text is such a role, permission or tier. */

int kairo_facts_is_word(kairo_span_t text);

/* Whether a word is among those of a list with commas between. */

int kairo_facts_has(kairo_span_t list, kairo_span_t word);

/* Whether a text may stand in a header field: no control characters. */

int kairo_facts_printable(kairo_span_t text);


#endif /* KAIRO_FACTS_H_INCLUDED */
