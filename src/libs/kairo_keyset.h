
/*
 * The keys of one issuer.  A set never changes: a new one takes its place.
 */


#ifndef KAIRO_KEYSET_H_INCLUDED
#define KAIRO_KEYSET_H_INCLUDED


#include "libs/kairo_key.h"


/* What a set is read from: more is refused, not cut. */

#define KAIRO_KEYSET_TEXT  (256 * 1024)
#define KAIRO_KEYSET_KEYS  64


typedef struct {
    size_t        n;
    kairo_key_t   keys[KAIRO_KEYSET_KEYS];
    size_t        left_out;     /* keys that were refused */
    size_t        first;        /* the number, from 1, of the first of them */
    const char   *why;          /* it was */
    int           lost;         /* one, since there was no memory for it */
} kairo_keyset_t;


typedef enum {
    KAIRO_KEYSET_FOUND = 0,
    KAIRO_KEYSET_UNKNOWN,       /* no key of this name */
    KAIRO_KEYSET_UNFIT,         /* none for this algorithm */
    KAIRO_KEYSET_AMBIGUOUS      /* no name is given, and several would do */
} kairo_keyset_rc_t;


/*
 * All of them fill "set", which need not be initialised, and return NULL: at
 * least one key is of use.  Or they return what is wrong, and "set" holds no
 * key.  In both cases "why" and "first" tell of the first that was refused.
 * Without memory for one key there is no set: it might be the one that counts.
 *
 * A JWK Set (RFC 7517, section 5) or a single JWK; "secrets" allows oct.
 */

const char *kairo_keyset_jwks(kairo_keyset_t *set, kairo_span_t text,
    int secrets);

/*
 * The same, or PEM with public keys and certificates, which are taken for
 * what their keys are, whatever their dates say.
 */

const char *kairo_keyset_file(kairo_keyset_t *set, kairo_span_t text,
    int secrets);

/* One secret, as kairo_alg_secret() reads it. */

const char *kairo_keyset_secret(kairo_keyset_t *set, kairo_span_t secret);

/* Whichever it is: a text that is neither JSON nor PEM is a secret. */

const char *kairo_keyset_any(kairo_keyset_t *set, kairo_span_t text);

void kairo_keyset_free(kairo_keyset_t *set);


/*
 * The key for a token: of its "kid"; where no key has that name or the token
 * names none, the one that would do among those without a name, or among all.
 * A name that no key has is KAIRO_KEYSET_UNKNOWN as soon as all keys have
 * names.
 */

kairo_keyset_rc_t kairo_keyset_find(const kairo_keyset_t *set,
    kairo_alg_t alg, kairo_span_t kid, const kairo_key_t **key);

/* What its keys are for. */

uint32_t kairo_keyset_algs(const kairo_keyset_t *set);

/* Whether a key of this thumb is in the set. */

int kairo_keyset_has(const kairo_keyset_t *set, const unsigned char *thumb);


#endif /* KAIRO_KEYSET_H_INCLUDED */
