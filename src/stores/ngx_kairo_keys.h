
/*
 * The keys of an issuer, the same for all workers.
 *
 * A small zone of shared memory holds the text that they are read from and
 * its number.  Whoever has a newer text publishes it there; each worker sees
 * the number, one load a request, and reads the keys anew when it has changed:
 * so a key that is taken away is gone for all of them at once.  A text without
 * a key of use is never published, so that the old keys stay.
 */


#ifndef NGX_KAIRO_KEYS_H_INCLUDED
#define NGX_KAIRO_KEYS_H_INCLUDED


#include "stores/ngx_kairo.h"
#include "stores/ngx_kairo_file.h"
#include "stores/ngx_kairo_op.h"
#include "libs/kairo_keyset.h"


typedef struct {
    uint64_t                magic;
    uint64_t                number;       /* of the text; 0: none yet */

    /* of keys that are fetched; times as ngx_kairo_now() */

    uint64_t                fetched;      /* when, for the last time */
    uint64_t                due;          /* for being fetched anew */
    uint64_t                allowed;      /* not before, whoever asks */
    uint64_t                claimed;      /* somebody fetches, until then */
    uint64_t                failures;     /* in a row */

    uint64_t                length[2];    /* number n is text n % 2 */
    u_char                  text[2][KAIRO_KEYSET_TEXT];
} ngx_kairo_keys_root_t;


/* One for each configuration cycle. */

typedef struct {
    ngx_str_t               name;         /* of the issuer */
    ngx_str_t               path;         /* of a file; or empty */
    ngx_str_t               secret;       /* or this one; or empty */
    ngx_str_t               location;     /* or fetched from there; or empty */
    ngx_msec_t              interval;     /* between looks at the file, or
                                             the least between fetches */
    ngx_msec_t              refresh;      /* fetched anew, after */
    ngx_msec_t              stale;        /* of no use, after */
    ngx_msec_t              timeout;      /* of a fetch */

    ngx_shm_zone_t         *shm_zone;     /* NULL of a secret */
    ngx_kairo_keys_root_t  *root;
    ngx_str_t               text;         /* at configuration time */

    /* the worker's own */

    kairo_keyset_t         *set;
    uint64_t                number;       /* of the text it was read from */
    ngx_kairo_stamp_t       seen;         /* the file, last */
    const char             *wrong;        /* with it; was logged */
    ngx_event_t             timer;
} ngx_kairo_keys_t;


/*
 * At configuration time: reads the keys from "path" or "secret"; those of a
 * location come later.  One of the three is set.  NGX_ERROR: nginx or this
 * has said why.
 */

ngx_int_t ngx_kairo_keys_add(ngx_conf_t *cf, ngx_kairo_keys_t *keys,
    void *tag);

/* In a worker, once: begins to look at the file. */

void ngx_kairo_keys_watch(ngx_kairo_keys_t *keys, ngx_cycle_t *cycle);

/*
 * The keys as they are now; NULL: there have never been any, or those that
 * were fetched are older than "stale".
 */

const kairo_keyset_t *ngx_kairo_keys(ngx_kairo_keys_t *keys);

/* Whether it is time to fetch them anew, though they are of use still. */

ngx_uint_t ngx_kairo_keys_due(const ngx_kairo_keys_t *keys);

/*
 * Asks to be the one who fetches.  NGX_OK: do so, and end with
 * ngx_kairo_keys_fetched(), _failed() or _dropped(); NGX_AGAIN: another
 * does; NGX_DECLINED: it is too early after the last time, whatever came of
 * it, so that no flood of tokens becomes one of fetches.
 */

ngx_int_t ngx_kairo_keys_claim(ngx_kairo_keys_t *keys);

/*
 * A JWK Set has come.  NULL: it is in force; else what is wrong with it, and
 * the old keys stay.
 */

const char *ngx_kairo_keys_fetched(ngx_kairo_keys_t *keys,
    const ngx_str_t *text);

/* None has come; the next try may be made later and later. */

void ngx_kairo_keys_failed(ngx_kairo_keys_t *keys);

/*
 * Who fetched has gone in the middle of it, which tells nothing of the keys:
 * another may do so in a second.
 */

void ngx_kairo_keys_dropped(ngx_kairo_keys_t *keys);

/*
 * An op that is answered with NGX_AGAIN, look again, when nobody fetches any
 * more, whatever has come of it.  NGX_ERROR: no memory.
 */

ngx_int_t ngx_kairo_keys_wait(ngx_kairo_keys_t *keys, ngx_kairo_op_t **op);


/*
 * Between the two files of the store: makes the text the one that all workers
 * read (no change, no new number); reads one, where "set" is to be freed
 * whatever is returned, and may be NULL.
 */

void ngx_kairo_keys_publish(ngx_kairo_keys_t *keys, const ngx_str_t *text);
const char *ngx_kairo_keys_parse(const ngx_kairo_keys_t *keys,
    const ngx_str_t *text, kairo_keyset_t **set);
void ngx_kairo_keys_free(kairo_keyset_t *set);


#endif /* NGX_KAIRO_KEYS_H_INCLUDED */
