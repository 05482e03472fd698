
/*
 * One request and the limits of its location.
 *
 * A single limit is judged and charged in one step.  Several are all asked
 * first, then charged in order; where a concurrent request has taken the room
 * in between, what was charged already is given back.  That concurrent
 * request may have been refused by a charge that was then given back.
 */


#include "layers/ratelimit/ngx_http_kairo_ratelimit.h"


typedef struct {
    const ngx_http_kairo_ratelimit_limit_t  *limit;
    ngx_http_kairo_ratelimit_zone_t         *zone;
    uint64_t                                 tag;
    kairo_table_answer_t                     answer;
} ngx_http_kairo_ratelimit_ask_t;


typedef struct {
    ngx_uint_t                               n;
    uint64_t                                 now;
    ngx_http_kairo_ratelimit_ask_t           ask[NGX_HTTP_KAIRO_RATELIMIT_MAX];
} ngx_http_kairo_ratelimit_step_t;


static ngx_int_t ngx_http_kairo_ratelimit_prepare(ngx_http_kairo_pipe_t *p,
    const ngx_http_kairo_ratelimit_conf_t *rlcf,
    ngx_http_kairo_ratelimit_step_t *step);
static ngx_int_t ngx_http_kairo_ratelimit_key(ngx_http_kairo_pipe_t *p,
    const ngx_http_kairo_ratelimit_limit_t *limit, kairo_span_t *key);
static ngx_http_kairo_ratelimit_ask_t *ngx_http_kairo_ratelimit_judge(
    ngx_http_kairo_ratelimit_step_t *step);
static void ngx_http_kairo_ratelimit_ask(
    ngx_http_kairo_ratelimit_ask_t *ask, uint64_t now,
    kairo_table_verb_t verb);
static ngx_int_t ngx_http_kairo_ratelimit_reject(ngx_http_kairo_pipe_t *p,
    const ngx_http_kairo_ratelimit_conf_t *rlcf,
    ngx_http_kairo_ratelimit_step_t *step,
    ngx_http_kairo_ratelimit_ask_t *refused);
static ngx_int_t ngx_http_kairo_ratelimit_admit(ngx_http_kairo_pipe_t *p,
    ngx_http_kairo_ratelimit_step_t *step);
static ngx_int_t ngx_http_kairo_ratelimit_delay(ngx_http_kairo_pipe_t *p,
    ngx_http_kairo_ratelimit_ask_t *slowest, uint64_t wait);
static ngx_http_kairo_ratelimit_result_e ngx_http_kairo_ratelimit_rejected(
    const ngx_http_kairo_pipe_t *p);
static void ngx_http_kairo_ratelimit_result(ngx_http_kairo_pipe_t *p,
    ngx_http_kairo_ratelimit_zone_t *zone,
    ngx_http_kairo_ratelimit_result_e result);


static const ngx_str_t  ngx_http_kairo_ratelimit_statuses[] = {
    ngx_string("PASSED"),
    ngx_string("DELAYED"),
    ngx_string("REJECTED"),
    ngx_string("DELAYED_DRY_RUN"),
    ngx_string("REJECTED_DRY_RUN"),
    ngx_string("ERROR")
};


ngx_int_t
ngx_http_kairo_ratelimit_check(ngx_http_kairo_pipe_t *p)
{
    ngx_int_t                               rc;
    ngx_http_kairo_ratelimit_ask_t         *refused;
    ngx_http_kairo_ratelimit_step_t         step;
    const ngx_http_kairo_ratelimit_conf_t  *rlcf;

    rlcf = ngx_http_kairo_conf(p->request, &ngx_http_kairo_ratelimit_module);

    rc = ngx_http_kairo_ratelimit_prepare(p, rlcf, &step);

    if (rc != NGX_OK) {
        return rc;
    }

    refused = ngx_http_kairo_ratelimit_judge(&step);

    if (refused) {
        return ngx_http_kairo_ratelimit_reject(p, rlcf, &step, refused);
    }

    return ngx_http_kairo_ratelimit_admit(p, &step);
}


/* Works out the keys.  NGX_DECLINED: all are empty, which is unlimited. */

static ngx_int_t
ngx_http_kairo_ratelimit_prepare(ngx_http_kairo_pipe_t *p,
    const ngx_http_kairo_ratelimit_conf_t *rlcf,
    ngx_http_kairo_ratelimit_step_t *step)
{
    ngx_int_t                           rc;
    ngx_uint_t                          i;
    kairo_span_t                        key;
    ngx_http_kairo_ratelimit_ask_t     *ask;
    ngx_http_kairo_ratelimit_limit_t  **limits;

    step->n = 0;
    limits = rlcf->limits->elts;

    for (i = 0; i < rlcf->limits->nelts; i++) {

        rc = ngx_http_kairo_ratelimit_key(p, limits[i], &key);

        if (rc == NGX_DECLINED) {
            continue;
        }

        if (rc == NGX_ABORT) {
            return rlcf->status;
        }

        if (rc != NGX_OK) {
            return rc;
        }

        ask = &step->ask[step->n++];

        ask->limit = limits[i];
        ask->zone = limits[i]->shm_zone->data;
        ask->tag = kairo_table_tag(ask->zone->store.root->secret,
                                   ask->limit->gcra.interval, key);

        kairo_table_prefetch(ask->zone->store.table, ask->tag);
    }

    if (step->n == 0) {
        return NGX_DECLINED;
    }

    step->now = ngx_kairo_now();

    return NGX_OK;
}


/*
 * NGX_DECLINED: the key is empty; NGX_ABORT: it is longer than limit_req
 * reads, which must not evade the limit; NGX_ERROR: on_error decides.
 */

static ngx_int_t
ngx_http_kairo_ratelimit_key(ngx_http_kairo_pipe_t *p,
    const ngx_http_kairo_ratelimit_limit_t *limit, kairo_span_t *key)
{
    ngx_str_t                         value;
    ngx_http_kairo_ratelimit_zone_t  *zone;

    zone = limit->shm_zone->data;

    if (ngx_http_complex_value(p->request, &zone->key, &value) != NGX_OK) {

        ngx_http_kairo_ratelimit_log_failed(p, limit,
                                            "could not be worked out");
        ngx_http_kairo_ratelimit_result(p, zone,
                                        NGX_HTTP_KAIRO_RATELIMIT_ERROR);
        p->on_error = limit->on_error;

        return NGX_ERROR;
    }

    if (value.len > NGX_HTTP_KAIRO_RATELIMIT_KEY) {

        ngx_http_kairo_ratelimit_log_failed(p, limit,
                                            "is more than 65535 bytes");
        ngx_http_kairo_ratelimit_result(p, zone,
                                        ngx_http_kairo_ratelimit_rejected(p));

        ngx_str_set(&p->refusal.code, "key_too_long");
        ngx_str_set(&p->refusal.hint, "a field that the rate limit reads "
                                      "is longer than 65535 bytes");
        return NGX_ABORT;
    }

    key->p = value.data;
    key->n = value.len;

    return value.len ? NGX_OK : NGX_DECLINED;
}


/* NULL: all have passed and are charged; else who has refused, none is. */

static ngx_http_kairo_ratelimit_ask_t *
ngx_http_kairo_ratelimit_judge(ngx_http_kairo_ratelimit_step_t *step)
{
    ngx_uint_t                       i;
    ngx_http_kairo_ratelimit_ask_t  *ask, *given;

    for (i = 0; step->n > 1 && i < step->n; i++) {

        ask = &step->ask[i];
        ngx_http_kairo_ratelimit_ask(ask, step->now, KAIRO_TABLE_PEEK);

        if (!ask->answer.gcra.pass) {
            return ask;
        }
    }

    for (i = 0; i < step->n; i++) {

        ask = &step->ask[i];
        ngx_http_kairo_ratelimit_ask(ask, step->now, KAIRO_TABLE_TAKE);

        if (ask->answer.gcra.pass) {
            continue;
        }

        while (i--) {
            given = &step->ask[i];
            kairo_table_give(given->zone->store.table, given->tag,
                             &given->limit->gcra, &given->answer);
        }

        return ask;
    }

    return NULL;
}


static void
ngx_http_kairo_ratelimit_ask(ngx_http_kairo_ratelimit_ask_t *ask,
    uint64_t now, kairo_table_verb_t verb)
{
    ask->answer = kairo_table_judge(ask->zone->store.table, ask->tag, now,
                                    &ask->limit->gcra, verb);

    if (ask->answer.overflow && verb == KAIRO_TABLE_TAKE) {
        kairo_counter_add(&ask->zone->store.root->counters, ngx_worker,
                          NGX_HTTP_KAIRO_RATELIMIT_OVERFLOW, 1);
    }
}


static ngx_int_t
ngx_http_kairo_ratelimit_reject(ngx_http_kairo_pipe_t *p,
    const ngx_http_kairo_ratelimit_conf_t *rlcf,
    ngx_http_kairo_ratelimit_step_t *step,
    ngx_http_kairo_ratelimit_ask_t *refused)
{
    uint64_t                         retry;
    ngx_http_kairo_ratelimit_ask_t  *ask;

    ngx_http_kairo_ratelimit_log_rejected(p, refused->limit,
                        kairo_gcra_excess(&refused->limit->gcra,
                                          refused->answer.gcra.debt));

    ngx_http_kairo_ratelimit_result(p, refused->zone,
                                    ngx_http_kairo_ratelimit_rejected(p));

    /* the client has to satisfy the limits behind the refusing one too */

    retry = refused->answer.gcra.retry;

    for (ask = refused + 1; ask < &step->ask[step->n]; ask++) {
        ngx_http_kairo_ratelimit_ask(ask, step->now, KAIRO_TABLE_PEEK);
        retry = ngx_max(retry, ask->answer.gcra.retry);
    }

    p->refusal.retry_after = (time_t) ((retry + KAIRO_SECOND - 1)
                                       / KAIRO_SECOND);

    ngx_str_set(&p->refusal.code, "rate_limited");
    ngx_str_set(&p->refusal.hint, "too many requests; wait as many seconds "
                                  "as Retry-After says, then try again");

    return rlcf->status;
}


static ngx_int_t
ngx_http_kairo_ratelimit_admit(ngx_http_kairo_pipe_t *p,
    ngx_http_kairo_ratelimit_step_t *step)
{
    uint64_t                         wait, longest;
    ngx_uint_t                       i;
    ngx_http_kairo_ratelimit_ask_t  *ask, *slowest;

    longest = 0;
    slowest = NULL;

    for (i = 0; i < step->n; i++) {

        ask = &step->ask[i];

        if (ask->answer.gcra.debt <= ask->limit->undelayed) {
            continue;
        }

        wait = ask->answer.gcra.debt - ask->limit->undelayed;

        if (wait > longest) {
            longest = wait;
            slowest = ask;
        }
    }

    for (i = 0; i < step->n; i++) {

        if (&step->ask[i] != slowest) {
            ngx_http_kairo_ratelimit_result(p, step->ask[i].zone,
                                            NGX_HTTP_KAIRO_RATELIMIT_PASSED);
        }
    }

    if (slowest) {
        return ngx_http_kairo_ratelimit_delay(p, slowest, longest);
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_kairo_ratelimit_delay(ngx_http_kairo_pipe_t *p,
    ngx_http_kairo_ratelimit_ask_t *slowest, uint64_t wait)
{
    ngx_kairo_op_t  *op;

    ngx_http_kairo_ratelimit_log_delayed(p, slowest->limit,
                        kairo_gcra_excess(&slowest->limit->gcra,
                                          slowest->answer.gcra.debt));

    if (p->mode == NGX_HTTP_KAIRO_DRY_RUN) {
        ngx_http_kairo_ratelimit_result(p, slowest->zone,
                                    NGX_HTTP_KAIRO_RATELIMIT_DELAYED_DRY_RUN);
        return NGX_OK;
    }

    /* rounded up: a request is never early */

    op = ngx_kairo_op_timer((ngx_msec_t) ((wait + 999999) / 1000000),
                            p->request->connection->log);
    if (op == NULL) {
        p->on_error = slowest->limit->on_error;
        ngx_http_kairo_ratelimit_result(p, slowest->zone,
                                        NGX_HTTP_KAIRO_RATELIMIT_ERROR);
        return NGX_ERROR;
    }

    ngx_http_kairo_ratelimit_result(p, slowest->zone,
                                    NGX_HTTP_KAIRO_RATELIMIT_DELAYED);

    return ngx_http_kairo_wait(p, op);
}


static ngx_http_kairo_ratelimit_result_e
ngx_http_kairo_ratelimit_rejected(const ngx_http_kairo_pipe_t *p)
{
    return p->mode == NGX_HTTP_KAIRO_DRY_RUN
           ? NGX_HTTP_KAIRO_RATELIMIT_REJECTED_DRY_RUN
           : NGX_HTTP_KAIRO_RATELIMIT_REJECTED;
}


/* Counts, and sets $kairo_ratelimit_status: the last result of a step. */

static void
ngx_http_kairo_ratelimit_result(ngx_http_kairo_pipe_t *p,
    ngx_http_kairo_ratelimit_zone_t *zone,
    ngx_http_kairo_ratelimit_result_e result)
{
    p->ratelimit_status = ngx_http_kairo_ratelimit_statuses[result];

    kairo_counter_add(&zone->store.root->counters, ngx_worker, result, 1);
}
