
/*
 * When keys are fetched, by whom, and who waits for them.  How they are is
 * for a layer, which has a request to do it with.
 */


#include "stores/ngx_kairo_keys.h"


#define NGX_KAIRO_KEYS_POLL   20       /* ms, until who fetches is done */
#define NGX_KAIRO_KEYS_RETRY  1000     /* ms, doubled with each failure */
#define NGX_KAIRO_KEYS_LATE   6        /* times */


typedef struct {
    ngx_kairo_op_t      op;            /* must be first */
    ngx_kairo_keys_t   *keys;
    ngx_event_t         timer;
} ngx_kairo_keys_wait_t;


static uint64_t ngx_kairo_keys_ns(ngx_msec_t ms);
static void ngx_kairo_keys_poll(ngx_event_t *ev);
static void ngx_kairo_keys_drop(ngx_kairo_op_t *op);

#define ngx_kairo_get(p)     __atomic_load_n(p, __ATOMIC_ACQUIRE)
#define ngx_kairo_set(p, v)  __atomic_store_n(p, v, __ATOMIC_RELEASE)


ngx_uint_t
ngx_kairo_keys_due(const ngx_kairo_keys_t *keys)
{
    return keys->location.len
           && ngx_kairo_now() > ngx_kairo_get(&keys->root->due);
}


ngx_int_t
ngx_kairo_keys_claim(ngx_kairo_keys_t *keys)
{
    uint64_t                now, claimed, later;
    ngx_kairo_keys_root_t  *root;

    root = keys->root;
    now = ngx_kairo_now();
    claimed = ngx_kairo_get(&root->claimed);

    if (claimed > now) {
        return NGX_AGAIN;
    }

    if (ngx_kairo_get(&root->allowed) > now) {
        return NGX_DECLINED;
    }

    if (!__atomic_compare_exchange_n(&root->claimed, &claimed,
                                     now + ngx_kairo_keys_ns(keys->timeout),
                                     0, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
    {
        return NGX_AGAIN;
    }

    /* who has claimed the first fetch may die: nobody is let in till then */

    later = ngx_kairo_get(&root->number) ? keys->interval : keys->timeout;

    ngx_kairo_set(&root->allowed, now + ngx_kairo_keys_ns(later));

    return NGX_OK;
}


const char *
ngx_kairo_keys_fetched(ngx_kairo_keys_t *keys, const ngx_str_t *text)
{
    uint64_t                now, refresh;
    const char             *wrong;
    kairo_keyset_t         *set;
    ngx_kairo_keys_root_t  *root;

    root = keys->root;

    wrong = ngx_kairo_keys_parse(keys, text, &set);
    ngx_kairo_keys_free(set);

    if (wrong) {
        ngx_kairo_keys_failed(keys);
        return wrong;
    }

    now = ngx_kairo_now();
    refresh = ngx_kairo_keys_ns(keys->refresh);

    /* up to a tenth earlier, or all edges would ask at the same time */

    refresh -= refresh / 1000 * (uint64_t) (ngx_random() % 100);

    ngx_kairo_set(&root->fetched, now);
    ngx_kairo_set(&root->due, now + refresh);
    ngx_kairo_set(&root->allowed, now + ngx_kairo_keys_ns(keys->interval));
    ngx_kairo_set(&root->failures, 0);

    ngx_kairo_keys_publish(keys, text);

    ngx_kairo_set(&root->claimed, 0);

    return NULL;
}


void
ngx_kairo_keys_failed(ngx_kairo_keys_t *keys)
{
    uint64_t                now, failures, retry;
    ngx_kairo_keys_root_t  *root;

    root = keys->root;
    now = ngx_kairo_now();

    failures = __atomic_add_fetch(&root->failures, 1, __ATOMIC_RELAXED);

    retry = ngx_kairo_keys_ns(NGX_KAIRO_KEYS_RETRY)
            << ngx_min(failures - 1, NGX_KAIRO_KEYS_LATE);
    retry += retry / 1000 * (uint64_t) (ngx_random() % 250);

    ngx_kairo_set(&root->due, now + retry);

    /* without any keys nobody is let in: sooner than the interval allows */

    if (root->number == 0) {
        ngx_kairo_set(&root->allowed, now + retry);
    }

    ngx_kairo_set(&root->claimed, 0);
}


void
ngx_kairo_keys_dropped(ngx_kairo_keys_t *keys)
{
    uint64_t                soon;
    ngx_kairo_keys_root_t  *root;

    root = keys->root;
    soon = ngx_kairo_now() + ngx_kairo_keys_ns(NGX_KAIRO_KEYS_RETRY);

    ngx_kairo_set(&root->due, soon);
    ngx_kairo_set(&root->allowed, soon);
    ngx_kairo_set(&root->claimed, 0);
}


ngx_int_t
ngx_kairo_keys_wait(ngx_kairo_keys_t *keys, ngx_kairo_op_t **op)
{
    ngx_kairo_keys_wait_t  *wait;

    wait = ngx_calloc(sizeof(ngx_kairo_keys_wait_t), ngx_cycle->log);
    if (wait == NULL) {
        return NGX_ERROR;
    }

    wait->op.drop = ngx_kairo_keys_drop;
    wait->keys = keys;

    wait->timer.handler = ngx_kairo_keys_poll;
    wait->timer.data = wait;
    wait->timer.log = ngx_cycle->log;

    ngx_add_timer(&wait->timer, NGX_KAIRO_KEYS_POLL);

    *op = &wait->op;

    return NGX_OK;
}


static uint64_t
ngx_kairo_keys_ns(ngx_msec_t ms)
{
    return (uint64_t) ms * 1000000;
}


/* Who fetches may be another worker, and may have died: its claim ends. */

static void
ngx_kairo_keys_poll(ngx_event_t *ev)
{
    ngx_kairo_keys_wait_t  *wait;

    wait = ev->data;

    if (ngx_kairo_get(&wait->keys->root->claimed) > ngx_kairo_now()) {
        ngx_add_timer(&wait->timer, NGX_KAIRO_KEYS_POLL);
        return;
    }

    ngx_kairo_op_finish(&wait->op, NGX_AGAIN);
    ngx_free(wait);
}


static void
ngx_kairo_keys_drop(ngx_kairo_op_t *op)
{
    ngx_kairo_keys_wait_t  *wait = (ngx_kairo_keys_wait_t *) op;

    ngx_del_timer(&wait->timer);
    ngx_free(wait);
}
