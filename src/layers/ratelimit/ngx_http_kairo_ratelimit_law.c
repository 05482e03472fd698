
/*
 * The numbers of a limit: fixed in the configuration, or read from variables
 * with each request.
 */


#include "layers/ratelimit/ngx_http_kairo_ratelimit.h"


static ngx_int_t ngx_http_kairo_ratelimit_rate(ngx_http_kairo_pipe_t *p,
    ngx_http_kairo_ratelimit_ask_t *ask, kairo_rate_t *rate);
static ngx_int_t ngx_http_kairo_ratelimit_get(ngx_http_kairo_pipe_t *p,
    ngx_http_kairo_ratelimit_ask_t *ask,
    const ngx_http_kairo_ratelimit_number_t *number, const char *unreadable,
    uint64_t *n);


ngx_int_t
ngx_http_kairo_ratelimit_law(ngx_http_kairo_pipe_t *p,
    ngx_http_kairo_ratelimit_ask_t *ask)
{
    uint64_t                                 burst, cost;
    kairo_rate_t                             rate;
    const ngx_http_kairo_ratelimit_limit_t  *limit;

    limit = ask->limit;

    if (limit->fixed) {
        ask->law = limit->law;
        ask->peek = (limit->cost.number == 0);
        return NGX_OK;
    }

    if (ngx_http_kairo_ratelimit_rate(p, ask, &rate) != NGX_OK
        || ngx_http_kairo_ratelimit_get(p, ask, &limit->burst,
                                        "burst is not a number", &burst)
           != NGX_OK
        || ngx_http_kairo_ratelimit_get(p, ask, &limit->cost,
                                        "cost is not a number", &cost)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    ask->peek = (cost == 0);

    if (ngx_http_kairo_ratelimit_make_law(ask->zone, &rate, burst, cost,
                                          &ask->law)
        != NGX_OK)
    {
        ngx_http_kairo_ratelimit_log_failed(p, limit,
                                            &limit->burst.value->value,
                                            "burst is more than 146 years of "
                                            "the rate");
        return NGX_ERROR;
    }

    return NGX_OK;
}


ngx_int_t
ngx_http_kairo_ratelimit_make_law(const ngx_http_kairo_ratelimit_zone_t *zone,
    const kairo_rate_t *rate, uint64_t burst, uint64_t cost,
    kairo_limit_t *law)
{
    /* a cost of 0 asks whether one request would pass */

    cost = ngx_max(cost, 1);

    law->interval = rate->interval;
    law->window = zone->store.window;

    if (law->window) {
        law->capacity = rate->count;

        /* more than the count never passes, whatever it is exactly */

        law->charge = ngx_min(cost, KAIRO_WINDOW_MAX + 1);

        return NGX_OK;
    }

    law->capacity = kairo_gcra_time(law->interval, burst + 1);
    law->charge = kairo_gcra_time(law->interval, cost);

    if (law->charge == 0) {
        law->charge = KAIRO_GCRA_MAX + 1;
    }

    return law->capacity ? NGX_OK : NGX_ERROR;
}


kairo_rate_rc_t
ngx_http_kairo_ratelimit_read_rate(const ngx_http_kairo_ratelimit_zone_t *zone,
    kairo_span_t s, kairo_rate_t *rate)
{
    if (zone->store.window == 0) {
        return kairo_rate_parse(s, rate);
    }

    if (!kairo_rate_number(s, &rate->count) || rate->count == 0
        || rate->count > KAIRO_WINDOW_MAX)
    {
        return KAIRO_RATE_BAD_COUNT;
    }

    rate->period = zone->store.window;
    rate->interval = 0;

    return KAIRO_RATE_OK;
}


static ngx_int_t
ngx_http_kairo_ratelimit_rate(ngx_http_kairo_pipe_t *p,
    ngx_http_kairo_ratelimit_ask_t *ask, kairo_rate_t *rate)
{
    ngx_str_t                               value;
    kairo_span_t                            s;
    const ngx_http_kairo_ratelimit_zone_t  *zone;

    zone = ask->zone;

    if (zone->value == NULL) {
        *rate = zone->rate;
        return NGX_OK;
    }

    if (ngx_http_kairo_value(p, zone->value, &value) != NGX_OK) {
        ngx_http_kairo_ratelimit_log_failed(p, ask->limit, &zone->value->value,
                                            "rate could not be worked out");
        return NGX_ERROR;
    }

    s.p = value.data;
    s.n = value.len;

    if (ngx_http_kairo_ratelimit_read_rate(zone, s, rate) == KAIRO_RATE_OK) {
        return NGX_OK;
    }

    if (zone->rate.count) {
        *rate = zone->rate;
        return NGX_OK;
    }

    ngx_http_kairo_ratelimit_log_failed(p, ask->limit, &zone->value->value,
                                        "rate is not a rate");
    return NGX_ERROR;
}


static ngx_int_t
ngx_http_kairo_ratelimit_get(ngx_http_kairo_pipe_t *p,
    ngx_http_kairo_ratelimit_ask_t *ask,
    const ngx_http_kairo_ratelimit_number_t *number, const char *unreadable,
    uint64_t *n)
{
    ngx_str_t     value;
    kairo_span_t  s;

    *n = number->number;

    if (number->value == NULL) {
        return NGX_OK;
    }

    if (ngx_http_kairo_value(p, number->value, &value) != NGX_OK) {
        ngx_http_kairo_ratelimit_log_failed(p, ask->limit,
                                            &number->value->value,
                                            "number could not be worked out");
        return NGX_ERROR;
    }

    s.p = value.data;
    s.n = value.len;

    if (kairo_rate_number(s, n)) {
        return NGX_OK;
    }

    if (number->set) {
        *n = number->number;
        return NGX_OK;
    }

    ngx_http_kairo_ratelimit_log_failed(p, ask->limit, &number->value->value,
                                        unreadable);
    return NGX_ERROR;
}
