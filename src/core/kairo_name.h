
/*
 * Names of the public DNS, strictly: those that all readers take for the same
 * name (RFC 1123, section 2.1, with the underscore that real names have).
 */


#ifndef KAIRO_NAME_H_INCLUDED
#define KAIRO_NAME_H_INCLUDED


#include "core/kairo_span.h"


#define KAIRO_NAME_MAX   253     /* without a dot at the end; RFC 1035 */
#define KAIRO_LABEL_MAX   63


/*
 * Copies a name of ASCII into "out", which has room for KAIRO_NAME_MAX bytes,
 * in lower case and without the one dot that may stand at its end.  Returns
 * NULL, or what is wrong with it, a stable word.
 *
 * It has two labels or more of letters, digits, "-" and "_", none of which
 * begins or ends with "-"; the last one is of two letters or more, or begins
 * with "xn--".  "single_label" is said of a name that is well otherwise.
 */

const char *kairo_name(kairo_span_t text, unsigned char *out, size_t *n);

/*
 * Of such a name: what is special about it, so that it is no host of the
 * public internet whatever it resolves to: "metadata_name", "special_domain"
 * (RFC 6761 and what private networks use), "local_name", "wildcard_dns" (a
 * service that resolves to any address that a name asks for).  NULL: nothing.
 */

const char *kairo_name_special(kairo_span_t name);

/* Whether "name" is "domain" or ends with a dot and "domain". */

int kairo_name_within(kairo_span_t name, kairo_span_t domain);


#endif /* KAIRO_NAME_H_INCLUDED */
