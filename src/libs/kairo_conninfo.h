
/*
 * A connection string of Postgres (libpq, "Connection Strings"), as kairo
 * takes it: one server, and nothing left to what the library would look up by
 * itself in files of a home directory or by a name server that blocks.
 */


#ifndef KAIRO_CONNINFO_H_INCLUDED
#define KAIRO_CONNINFO_H_INCLUDED


#include "core/kairo_span.h"


#define KAIRO_CONNINFO_MAX  40       /* keywords */


typedef enum {
    KAIRO_CONNINFO_SOCKET = 0,       /* of this machine */
    KAIRO_CONNINFO_ADDRESS,
    KAIRO_CONNINFO_NAME              /* to be resolved by the caller */
} kairo_conninfo_kind_e;


typedef struct {
    kairo_conninfo_kind_e   kind;
    const char             *host;    /* as it is in the string */
    const char             *port;
    const char             *root;    /* file of certificates, or NULL */
    int                     secret;  /* it has a password */

    /* for PQconnectStartParams(), ended by NULL; hostaddr is to be added */

    const char             *keywords[KAIRO_CONNINFO_MAX];
    const char             *values[KAIRO_CONNINFO_MAX];
    size_t                  n;

    void                   *own;     /* the library's */
} kairo_conninfo_t;


/*
 * Reads a terminated text.  NULL: "info" is filled, and to be freed; else what
 * is wrong and what would be right, in words that show nothing of the text but
 * keywords.
 */

const char *kairo_conninfo_read(kairo_conninfo_t *info, const char *text);

void kairo_conninfo_free(kairo_conninfo_t *info);


#endif /* KAIRO_CONNINFO_H_INCLUDED */
