
/*
 * What the verbs about a database share: a connection, and sentences for what
 * goes wrong with it.  Nothing here shows a password, nor the text that a
 * connection was asked for by.
 */


#ifndef KAIRO_PG_H_INCLUDED
#define KAIRO_PG_H_INCLUDED


#include <libpq-fe.h>

#include "cmd/kairo.h"


/*
 * A connection to what "value" tells: a connection string or URI of libpq, or
 * where one stands, file:PATH or env:NAME.  Texts are in UTF-8.  Ended by
 * PQfinish(); NULL: said why not.
 */

PGconn *kairo_pg_connect(kairo_span_t value);


/*
 * One statement or several, in place of *result, which is NULL or of the one
 * before, and is the caller's to clear.  0, or -1: *result tells why.
 */

int kairo_pg_run(PGconn *conn, PGresult **result, const char *text);


/* Whether that failed with this SQLSTATE. */

int kairo_pg_is(const PGresult *result, const char *state);


/* A sentence on standard error: what was to be done, and why it was not. */

void kairo_pg_failed(PGconn *conn, const PGresult *result, const char *what);


#endif /* KAIRO_PG_H_INCLUDED */
