
/*
 * What there was no room for: counted by its class for all workers, and told
 * by an event of the kind "gap" as soon as one can be written.
 */


#include "stores/ngx_kairo_spool_own.h"


static ngx_int_t ngx_kairo_spool_gap(ngx_kairo_spool_worker_t *w,
    ngx_uint_t class, uint64_t lost);
static void ngx_kairo_spool_untold(ngx_kairo_spool_gap_t *gap, uint64_t lost,
    uint64_t first);


static const char  *ngx_kairo_spool_classes[NGX_KAIRO_SPOOL_CLASSES] = {
    "run", "event", "refusal"
};


void
ngx_kairo_spool_lost(ngx_kairo_spool_t *spool, ngx_kairo_spool_class_e class)
{
    uint64_t                ms, none;
    ngx_kairo_spool_gap_t  *gap;

    gap = &spool->root->gap[class];
    ms = ngx_kairo_spool_ms();
    none = 0;

    (void) __atomic_compare_exchange_n(&gap->first, &none, ms, 0,
                                       __ATOMIC_RELAXED, __ATOMIC_RELAXED);
    __atomic_store_n(&gap->last, ms, __ATOMIC_RELAXED);
    (void) __atomic_fetch_add(&gap->total, 1, __ATOMIC_RELAXED);
    (void) __atomic_fetch_add(&gap->lost, 1, __ATOMIC_RELEASE);
}


void
ngx_kairo_spool_gaps(ngx_kairo_spool_worker_t *w)
{
    uint64_t                lost;
    ngx_uint_t              i;
    ngx_kairo_spool_gap_t  *gap;

    for (i = 0; i < NGX_KAIRO_SPOOL_CLASSES; i++) {

        gap = &w->spool->root->gap[i];

        if (__atomic_load_n(&gap->lost, __ATOMIC_RELAXED) == 0) {
            continue;
        }

        lost = __atomic_exchange_n(&gap->lost, 0, __ATOMIC_ACQUIRE);

        if (lost && ngx_kairo_spool_gap(w, i, lost) != NGX_OK) {
            return;
        }
    }
}


static ngx_int_t
ngx_kairo_spool_gap(ngx_kairo_spool_worker_t *w, ngx_uint_t class,
    uint64_t lost)
{
    u_char                 details[128];
    uint64_t               first;
    ngx_int_t              rc;
    kairo_event_t          event;
    ngx_kairo_spool_gap_t  *gap;

    static const kairo_span_t  kind = kairo_span("gap");

    gap = &w->spool->root->gap[class];
    first = __atomic_exchange_n(&gap->first, 0, __ATOMIC_RELAXED);

    ngx_memzero(&event, sizeof(kairo_event_t));

    event.text[KAIRO_EVENT_KIND] = kind;
    event.text[KAIRO_EVENT_EDGE].p = w->spool->edge.data;
    event.text[KAIRO_EVENT_EDGE].n = w->spool->edge.len;
    event.text[KAIRO_EVENT_DETAILS].p = details;
    event.text[KAIRO_EVENT_DETAILS].n =
        ngx_sprintf(details, "{\"class\":\"%s\",\"lost\":%uL,"
                             "\"first_ms\":%uL,\"last_ms\":%uL}",
                    ngx_kairo_spool_classes[class], lost, first,
                    __atomic_load_n(&gap->last, __ATOMIC_RELAXED))
        - details;
    event.status = NGX_KAIRO_SPOOL_REFUSED;

    rc = ngx_kairo_spool_id(w, event.id);

    if (rc == NGX_OK) {
        rc = ngx_kairo_spool_add_record(w, &event);
    }

    if (rc != NGX_OK) {
        ngx_kairo_spool_untold(gap, lost, first);
        return rc;
    }

    w->told[class].lost += lost;
    w->told[class].first = first;

    return NGX_OK;
}


/* It was taken to be told, and can't be: another time, by whoever can. */

static void
ngx_kairo_spool_untold(ngx_kairo_spool_gap_t *gap, uint64_t lost,
    uint64_t first)
{
    __atomic_store_n(&gap->first, first, __ATOMIC_RELAXED);
    (void) __atomic_fetch_add(&gap->lost, lost, __ATOMIC_RELEASE);
}


void
ngx_kairo_spool_gaps_told(ngx_kairo_spool_worker_t *w, ngx_int_t rc)
{
    ngx_uint_t  i;

    for (i = 0; i < NGX_KAIRO_SPOOL_CLASSES; i++) {

        if (rc != NGX_OK && w->told[i].lost) {
            ngx_kairo_spool_untold(&w->spool->root->gap[i], w->told[i].lost,
                                   w->told[i].first);
        }

        w->told[i].lost = 0;
    }

    for ( /* void */ ; rc != NGX_OK && w->unheard; w->unheard--) {
        ngx_kairo_spool_lost(w->spool, NGX_KAIRO_SPOOL_REFUSAL);
    }

    w->unheard = 0;
}
