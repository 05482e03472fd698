
/*
 * What the layer writes into the error log.
 *
 * A flood must not become a flood of lines: of each kind a worker writes ten
 * lines about a zone in a second, and tells with the next line how many it
 * has left out.
 */


#include "layers/ratelimit/ngx_http_kairo_ratelimit.h"


static uint64_t ngx_http_kairo_ratelimit_excess(
    const ngx_http_kairo_ratelimit_ask_t *ask);
static ngx_uint_t ngx_http_kairo_ratelimit_sampled(ngx_http_kairo_pipe_t *p,
    ngx_http_kairo_sample_t *sample, ngx_uint_t level, const ngx_str_t *zone);


void
ngx_http_kairo_ratelimit_log_rejected(ngx_http_kairo_pipe_t *p,
    const ngx_http_kairo_ratelimit_ask_t *ask)
{
    uint64_t                                excess;
    ngx_str_t                              *name;
    const ngx_http_kairo_ratelimit_conf_t  *rlcf;

    name = &ask->limit->shm_zone->shm.name;
    rlcf = ngx_http_kairo_conf(p->request, &ngx_http_kairo_ratelimit_module);

    if (!ngx_http_kairo_ratelimit_sampled(p, &ask->zone->rejected,
                                          rlcf->log_level, name))
    {
        return;
    }

    excess = ngx_http_kairo_ratelimit_excess(ask);

    ngx_log_error(rlcf->log_level, p->request->connection->log, 0,
                  "kairo ratelimit: limiting requests%s, "
                  "excess: %uL.%03uL by zone \"%V\"",
                  p->mode == NGX_HTTP_KAIRO_DRY_RUN ? ", dry run" : "",
                  excess / 1000, excess % 1000, name);
}


void
ngx_http_kairo_ratelimit_log_delayed(ngx_http_kairo_pipe_t *p,
    const ngx_http_kairo_ratelimit_ask_t *ask)
{
    uint64_t                                excess;
    ngx_str_t                              *name;
    const ngx_http_kairo_ratelimit_conf_t  *rlcf;

    name = &ask->limit->shm_zone->shm.name;
    rlcf = ngx_http_kairo_conf(p->request, &ngx_http_kairo_ratelimit_module);

    if (!ngx_http_kairo_ratelimit_sampled(p, &ask->zone->delayed,
                                          rlcf->delay_log_level, name))
    {
        return;
    }

    excess = ngx_http_kairo_ratelimit_excess(ask);

    ngx_log_error(rlcf->delay_log_level, p->request->connection->log, 0,
                  "kairo ratelimit: delaying request%s, "
                  "excess: %uL.%03uL, by zone \"%V\"",
                  p->mode == NGX_HTTP_KAIRO_DRY_RUN ? ", dry run" : "",
                  excess / 1000, excess % 1000, name);
}


/* What the text came to is not shown: it may be a token or an address. */

void
ngx_http_kairo_ratelimit_log_failed(ngx_http_kairo_pipe_t *p,
    const ngx_http_kairo_ratelimit_limit_t *limit, const ngx_str_t *value,
    const char *what)
{
    ngx_http_kairo_ratelimit_zone_t  *zone;

    zone = limit->shm_zone->data;

    if (!ngx_http_kairo_ratelimit_sampled(p, &zone->failed, NGX_LOG_ERR,
                                          &limit->shm_zone->shm.name))
    {
        return;
    }

    ngx_log_error(NGX_LOG_ERR, p->request->connection->log, 0,
                  "kairo ratelimit: the value of the \"%V\" %s, "
                  "by zone \"%V\"",
                  value, what, &limit->shm_zone->shm.name);
}


/* In thousandths of a request; of a window what is above its count. */

static uint64_t
ngx_http_kairo_ratelimit_excess(const ngx_http_kairo_ratelimit_ask_t *ask)
{
    uint64_t  debt;

    debt = ask->answer.verdict.debt;

    if (ask->law.window) {
        return debt > ask->law.capacity ? (debt - ask->law.capacity) * 1000
                                        : 0;
    }

    return kairo_gcra_excess(&ask->law, debt);
}


static ngx_uint_t
ngx_http_kairo_ratelimit_sampled(ngx_http_kairo_pipe_t *p,
    ngx_http_kairo_sample_t *sample, ngx_uint_t level, const ngx_str_t *zone)
{
    ngx_uint_t  left_out;

    if (!ngx_http_kairo_sampled(sample, &left_out)) {
        return 0;
    }

    if (left_out) {
        ngx_log_error(level, p->request->connection->log, 0,
                      "kairo ratelimit: left out %ui lines like the next one, "
                      "by zone \"%V\"", left_out, zone);
    }

    return 1;
}
