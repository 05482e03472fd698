
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
#include "libs/kairo_keyset.h"


typedef struct {
    uint64_t                magic;
    uint64_t                number;       /* of the text; 0: none yet */
    uint64_t                length[2];    /* number n is text n % 2 */
    u_char                  text[2][KAIRO_KEYSET_TEXT];
} ngx_kairo_keys_root_t;


/* One for each configuration cycle. */

typedef struct {
    ngx_str_t               name;         /* of the issuer */
    ngx_str_t               path;         /* of a file; or empty */
    ngx_str_t               secret;       /* or this one; or empty */
    ngx_msec_t              interval;     /* between looks at the file */

    ngx_shm_zone_t         *shm_zone;     /* NULL of a secret */
    ngx_kairo_keys_root_t  *root;
    ngx_str_t               text;         /* at configuration time */

    /* the worker's own */

    kairo_keyset_t         *set;
    uint64_t                number;       /* of the text it was read from */
    struct timespec         changed;      /* the file, as it was seen last */
    off_t                   size;
    ngx_file_uniq_t         uniq;
    ngx_uint_t              failing;      /* and was logged */
    ngx_event_t             timer;
} ngx_kairo_keys_t;


/*
 * At configuration time: reads the keys from "path" or "secret", of which one
 * is set.  NGX_ERROR: nginx or this has said why.
 */

ngx_int_t ngx_kairo_keys_add(ngx_conf_t *cf, ngx_kairo_keys_t *keys,
    void *tag);

/* In a worker, once: begins to look at the file. */

void ngx_kairo_keys_watch(ngx_kairo_keys_t *keys, ngx_cycle_t *cycle);

/* The keys as they are now; NULL: there have never been any. */

const kairo_keyset_t *ngx_kairo_keys(ngx_kairo_keys_t *keys);


#endif /* NGX_KAIRO_KEYS_H_INCLUDED */
