
#include "layers/ratelimit/ngx_http_kairo_ratelimit.h"


/* sets looked at to estimate the live keys of a zone: some 0.2 ms */

#define NGX_HTTP_KAIRO_RATELIMIT_SAMPLE  8192


typedef uint64_t (*ngx_http_kairo_ratelimit_gauge_pt)(
    const ngx_http_kairo_ratelimit_zone_t *zone);


static void ngx_http_kairo_ratelimit_collect_requests(
    const ngx_array_t *zones, ngx_http_kairo_sink_t *sink);
static void ngx_http_kairo_ratelimit_collect_gauge(const ngx_array_t *zones,
    ngx_http_kairo_sink_t *sink, const ngx_http_kairo_family_t *family,
    ngx_http_kairo_ratelimit_gauge_pt gauge);
static uint64_t ngx_http_kairo_ratelimit_overflow(
    const ngx_http_kairo_ratelimit_zone_t *zone);
static uint64_t ngx_http_kairo_ratelimit_keys(
    const ngx_http_kairo_ratelimit_zone_t *zone);
static uint64_t ngx_http_kairo_ratelimit_capacity(
    const ngx_http_kairo_ratelimit_zone_t *zone);
static uint64_t ngx_http_kairo_ratelimit_age(
    const ngx_http_kairo_ratelimit_zone_t *zone);


static const ngx_http_kairo_family_t  ngx_http_kairo_ratelimit_requests = {
    "kairo_ratelimit_requests_total", "counter",
    "Requests that a limit has judged, by zone and result",
    { "zone", "result" }
};

static const ngx_http_kairo_family_t  ngx_http_kairo_ratelimit_overflows = {
    "kairo_ratelimit_overflow_total", "counter",
    "Requests judged by the shared bucket of a full set of slots",
    { "zone", NULL }
};

static const ngx_http_kairo_family_t  ngx_http_kairo_ratelimit_live = {
    "kairo_ratelimit_keys", "gauge",
    "Keys whose bucket owes, estimated from a sample in large zones",
    { "zone", NULL }
};

static const ngx_http_kairo_family_t  ngx_http_kairo_ratelimit_room = {
    "kairo_ratelimit_keys_max", "gauge",
    "Keys that the zone has room for",
    { "zone", NULL }
};

static const ngx_http_kairo_family_t  ngx_http_kairo_ratelimit_ages = {
    "kairo_ratelimit_age_seconds", "gauge",
    "Time since the zone was made",
    { "zone", NULL }
};


/* in the order of ngx_http_kairo_ratelimit_result_e */

static const ngx_str_t  ngx_http_kairo_ratelimit_results[] = {
    ngx_string("passed"),
    ngx_string("delayed"),
    ngx_string("rejected"),
    ngx_string("delayed_dry_run"),
    ngx_string("rejected_dry_run"),
    ngx_string("error")
};


void
ngx_http_kairo_ratelimit_collect(void *data, ngx_http_kairo_sink_t *sink)
{
    ngx_http_kairo_ratelimit_main_conf_t *rmcf = data;

    ngx_array_t  *zones;

    zones = &rmcf->zones;

    ngx_http_kairo_ratelimit_collect_requests(zones, sink);

    ngx_http_kairo_ratelimit_collect_gauge(zones, sink,
                                           &ngx_http_kairo_ratelimit_overflows,
                                           ngx_http_kairo_ratelimit_overflow);
    ngx_http_kairo_ratelimit_collect_gauge(zones, sink,
                                           &ngx_http_kairo_ratelimit_live,
                                           ngx_http_kairo_ratelimit_keys);
    ngx_http_kairo_ratelimit_collect_gauge(zones, sink,
                                           &ngx_http_kairo_ratelimit_room,
                                           ngx_http_kairo_ratelimit_capacity);
    ngx_http_kairo_ratelimit_collect_gauge(zones, sink,
                                           &ngx_http_kairo_ratelimit_ages,
                                           ngx_http_kairo_ratelimit_age);
}


static void
ngx_http_kairo_ratelimit_collect_requests(const ngx_array_t *zones,
    ngx_http_kairo_sink_t *sink)
{
    ngx_uint_t                         i, n;
    ngx_http_kairo_ratelimit_zone_t  **zone;

    zone = zones->elts;

    for (i = 0; i < zones->nelts; i++) {

        for (n = 0; n <= NGX_HTTP_KAIRO_RATELIMIT_ERROR; n++) {

            sink->sample(sink, &ngx_http_kairo_ratelimit_requests,
                         &zone[i]->store.shm_zone->shm.name,
                         &ngx_http_kairo_ratelimit_results[n],
                         kairo_counter_sum(&zone[i]->store.root->counters,
                                           (unsigned) n));
        }
    }
}


static void
ngx_http_kairo_ratelimit_collect_gauge(const ngx_array_t *zones,
    ngx_http_kairo_sink_t *sink, const ngx_http_kairo_family_t *family,
    ngx_http_kairo_ratelimit_gauge_pt gauge)
{
    ngx_uint_t                         i;
    ngx_http_kairo_ratelimit_zone_t  **zone;

    zone = zones->elts;

    for (i = 0; i < zones->nelts; i++) {
        sink->sample(sink, family, &zone[i]->store.shm_zone->shm.name, NULL,
                     gauge(zone[i]));
    }
}


static uint64_t
ngx_http_kairo_ratelimit_overflow(const ngx_http_kairo_ratelimit_zone_t *zone)
{
    return kairo_counter_sum(&zone->store.root->counters,
                             NGX_HTTP_KAIRO_RATELIMIT_OVERFLOW);
}


static uint64_t
ngx_http_kairo_ratelimit_keys(const ngx_http_kairo_ratelimit_zone_t *zone)
{
    return kairo_table_live(zone->store.table, zone->store.window,
                            ngx_kairo_now(), NGX_HTTP_KAIRO_RATELIMIT_SAMPLE);
}


static uint64_t
ngx_http_kairo_ratelimit_capacity(const ngx_http_kairo_ratelimit_zone_t *zone)
{
    return kairo_table_capacity(zone->store.root->size);
}


static uint64_t
ngx_http_kairo_ratelimit_age(const ngx_http_kairo_ratelimit_zone_t *zone)
{
    return (ngx_kairo_now() - zone->store.root->born) / 1000000000;
}
