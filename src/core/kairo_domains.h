
/*
 * A set of domain names, found by a name or by one above it.
 *
 * A hash table over memory that the caller brings: "slots" and "text" are his,
 * before and after.  A name is in it for itself, for all names below it too,
 * or both.  Lookups cost one probe for each label of a name, and look at the
 * text of a slot only where 32 bits of its hash are the same.
 */


#ifndef KAIRO_DOMAINS_H_INCLUDED
#define KAIRO_DOMAINS_H_INCLUDED


#include "core/kairo_name.h"


#define KAIRO_DOMAINS_SELF    1    /* "example.com" */
#define KAIRO_DOMAINS_BELOW   2    /* "www.example.com" and so on */

/* bytes of "text" that one more name may need */

#define KAIRO_DOMAINS_ROOM    (KAIRO_NAME_MAX + 2)


typedef struct {
    uint32_t         hash;
    uint32_t         at;        /* in "text", plus one; 0: empty */
} kairo_domains_slot_t;


typedef struct {
    kairo_domains_slot_t  *slots;      /* zeroed at first */
    size_t                 nslots;     /* a power of two, twice the names */
    unsigned char         *text;
    size_t                 used;       /* bytes of it */
    size_t                 n;          /* names */
    uint32_t               labels;     /* a bit for each number of them */
} kairo_domains_t;


/*
 * Adds a name in lower case, as kairo_name() gives it; "what" is one of the
 * bits or both, added to those that it has.  There is room for it.
 */

void kairo_domains_add(kairo_domains_t *domains, kairo_span_t name,
    unsigned what);

/* Whether the name, of the same form, is in it. */

int kairo_domains_has(const kairo_domains_t *domains, kairo_span_t name);


#endif /* KAIRO_DOMAINS_H_INCLUDED */
