
/*
 * One request and the limits of its location.
 *
 * A single limit is judged and charged in one step.  Several are all asked
 * first, then charged in order; where a concurrent request has taken the room
 * in between, what was charged already is given back.  That concurrent
 * request may have been refused by a charge that was then given back.
 */


#include "layers/ratelimit/ngx_http_kairo_ratelimit.h"
#include "core/kairo_siphash.h"


static ngx_int_t ngx_http_kairo_ratelimit_step(ngx_http_kairo_pipe_t *p,
    ngx_uint_t after_auth);
static ngx_int_t ngx_http_kairo_ratelimit_prepare(ngx_http_kairo_pipe_t *p,
    const ngx_http_kairo_ratelimit_conf_t *rlcf, ngx_uint_t after_auth,
    ngx_http_kairo_ratelimit_step_t *step);
static ngx_int_t ngx_http_kairo_ratelimit_key(ngx_http_kairo_pipe_t *p,
    ngx_http_kairo_ratelimit_ask_t *ask, kairo_span_t *key);
static void ngx_http_kairo_ratelimit_tag(ngx_http_request_t *r,
    ngx_http_kairo_ratelimit_ask_t *ask, kairo_span_t key);
static uint64_t ngx_http_kairo_ratelimit_route(ngx_http_request_t *r,
    const uint64_t secret[2]);
static ngx_http_kairo_ratelimit_ask_t *ngx_http_kairo_ratelimit_judge(
    ngx_http_kairo_ratelimit_step_t *step);
static void ngx_http_kairo_ratelimit_ask(
    ngx_http_kairo_ratelimit_ask_t *ask, uint64_t now,
    kairo_table_verb_t verb);
static void ngx_http_kairo_ratelimit_give(
    ngx_http_kairo_ratelimit_step_t *step, ngx_uint_t n);
static ngx_int_t ngx_http_kairo_ratelimit_reject(ngx_http_kairo_pipe_t *p,
    const ngx_http_kairo_ratelimit_conf_t *rlcf,
    ngx_http_kairo_ratelimit_step_t *step,
    ngx_http_kairo_ratelimit_ask_t *refused);
static ngx_int_t ngx_http_kairo_ratelimit_refuse(ngx_http_kairo_pipe_t *p,
    const ngx_http_kairo_ratelimit_conf_t *rlcf,
    ngx_http_kairo_ratelimit_step_t *step, uint64_t retry);
static ngx_int_t ngx_http_kairo_ratelimit_admit(ngx_http_kairo_pipe_t *p,
    const ngx_http_kairo_ratelimit_conf_t *rlcf,
    ngx_http_kairo_ratelimit_step_t *step);
static ngx_http_kairo_ratelimit_ask_t *ngx_http_kairo_ratelimit_slowest(
    ngx_http_kairo_ratelimit_step_t *step, uint64_t *wait);
static ngx_int_t ngx_http_kairo_ratelimit_delay(ngx_http_kairo_pipe_t *p,
    const ngx_http_kairo_ratelimit_conf_t *rlcf,
    ngx_http_kairo_ratelimit_step_t *step,
    ngx_http_kairo_ratelimit_ask_t *slowest, uint64_t wait);
static ngx_int_t ngx_http_kairo_ratelimit_failed(ngx_http_kairo_pipe_t *p,
    const ngx_http_kairo_ratelimit_limit_t *limit);
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
    return ngx_http_kairo_ratelimit_step(p, 0);
}


ngx_int_t
ngx_http_kairo_ratelimit_check_identity(ngx_http_kairo_pipe_t *p)
{
    return ngx_http_kairo_ratelimit_step(p, 1);
}


/* All limits of the location that are due before auth, or after it. */

static ngx_int_t
ngx_http_kairo_ratelimit_step(ngx_http_kairo_pipe_t *p, ngx_uint_t after_auth)
{
    ngx_int_t                               rc;
    ngx_http_kairo_ratelimit_ask_t         *refused;
    ngx_http_kairo_ratelimit_step_t         step;
    const ngx_http_kairo_ratelimit_conf_t  *rlcf;

    rlcf = ngx_http_kairo_conf(p->request, &ngx_http_kairo_ratelimit_module);

    rc = ngx_http_kairo_ratelimit_prepare(p, rlcf, after_auth, &step);

    if (rc != NGX_OK) {
        return rc;
    }

    refused = ngx_http_kairo_ratelimit_judge(&step);

    if (refused) {
        return ngx_http_kairo_ratelimit_reject(p, rlcf, &step, refused);
    }

    return ngx_http_kairo_ratelimit_admit(p, rlcf, &step);
}


/* Works out the keys.  NGX_DECLINED: all are empty, which is unlimited. */

static ngx_int_t
ngx_http_kairo_ratelimit_prepare(ngx_http_kairo_pipe_t *p,
    const ngx_http_kairo_ratelimit_conf_t *rlcf, ngx_uint_t after_auth,
    ngx_http_kairo_ratelimit_step_t *step)
{
    ngx_int_t                           rc;
    ngx_uint_t                          i, free;
    kairo_span_t                        key;
    ngx_http_kairo_ratelimit_ask_t     *ask;
    ngx_http_kairo_ratelimit_limit_t  **limits;

    step->n = 0;
    limits = rlcf->limits->elts;
    free = ngx_http_kairo_preflight(p->request);

    for (i = 0; i < rlcf->limits->nelts; i++) {

        if (limits[i]->after_auth != after_auth) {
            continue;
        }

        ask = &step->ask[step->n];

        ask->limit = limits[i];
        ask->zone = limits[i]->shm_zone->data;

        rc = ngx_http_kairo_ratelimit_key(p, ask, &key);

        if (rc == NGX_DECLINED) {
            continue;
        }

        if (rc == NGX_ABORT) {
            return rlcf->status;
        }

        if (rc != NGX_OK || ngx_http_kairo_ratelimit_law(p, ask) != NGX_OK) {
            return ngx_http_kairo_ratelimit_failed(p, limits[i]);
        }

        ask->peek |= free;
        ngx_http_kairo_ratelimit_tag(p->request, ask, key);

        step->n++;
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
    ngx_http_kairo_ratelimit_ask_t *ask, kairo_span_t *key)
{
    ngx_str_t                  value;
    ngx_http_complex_value_t  *text;

    text = &ask->zone->key;

    if (ngx_http_kairo_value(p, text, &value) != NGX_OK) {
        ngx_http_kairo_ratelimit_log_failed(p, ask->limit, &text->value,
                                            "key could not be worked out");
        return NGX_ERROR;
    }

    if (value.len > NGX_HTTP_KAIRO_RATELIMIT_KEY) {

        ngx_http_kairo_ratelimit_log_failed(p, ask->limit, &text->value,
                                            "key is more than 65535 bytes");
        ngx_http_kairo_ratelimit_result(p, ask->zone,
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


/* A state belongs to zone, key and rate, and where told to the route. */

static void
ngx_http_kairo_ratelimit_tag(ngx_http_request_t *r,
    ngx_http_kairo_ratelimit_ask_t *ask, kairo_span_t key)
{
    uint64_t               rate;
    ngx_kairo_zone_t      *store;

    store = &ask->zone->store;

    rate = ask->law.window ? ask->law.capacity : ask->law.interval;

    if (ask->limit->per_location) {
        rate ^= ngx_http_kairo_ratelimit_route(r, store->root->secret);
    }

    ask->tag = kairo_table_tag(store->root->secret, rate, key);

    kairo_table_prefetch(store->table, ask->tag);
}


/*
 * A number for the location, by its server's name and its own, so that it is
 * the same after a reload.
 */

static uint64_t
ngx_http_kairo_ratelimit_route(ngx_http_request_t *r, const uint64_t secret[2])
{
    uint64_t                         kind;
    kairo_span_t                     name;
    const ngx_http_core_loc_conf_t  *clcf;
    const ngx_http_core_srv_conf_t  *cscf;

    clcf = ngx_http_kairo_conf(r, &ngx_http_core_module);
    cscf = ngx_http_get_module_srv_conf(r, ngx_http_core_module);

    name.p = cscf->server_name.data;
    name.n = cscf->server_name.len;

    /* "location /a", "location = /a" and "location ~ /a" have one name */

    kind = clcf->exact_match;
#if (NGX_PCRE)
    kind |= (uint64_t) (clcf->regex != NULL) << 1;
#endif

    kind |= kairo_siphash(secret, 0, name) << 2;

    name.p = clcf->name.data;
    name.n = clcf->name.len;

    return kairo_siphash(secret, kind, name);
}


/* NULL: all have passed and are charged; else who has refused, none is. */

static ngx_http_kairo_ratelimit_ask_t *
ngx_http_kairo_ratelimit_judge(ngx_http_kairo_ratelimit_step_t *step)
{
    ngx_uint_t                       i;
    ngx_http_kairo_ratelimit_ask_t  *ask;

    for (i = 0; step->n > 1 && i < step->n; i++) {

        ask = &step->ask[i];
        ngx_http_kairo_ratelimit_ask(ask, step->now, KAIRO_TABLE_PEEK);

        if (!ask->answer.verdict.pass) {
            return ask;
        }
    }

    for (i = 0; i < step->n; i++) {

        ask = &step->ask[i];
        ngx_http_kairo_ratelimit_ask(ask, step->now, KAIRO_TABLE_TAKE);

        if (!ask->answer.verdict.pass) {
            ngx_http_kairo_ratelimit_give(step, i);
            return ask;
        }
    }

    return NULL;
}


static void
ngx_http_kairo_ratelimit_ask(ngx_http_kairo_ratelimit_ask_t *ask,
    uint64_t now, kairo_table_verb_t verb)
{
    if (ask->peek) {
        verb = KAIRO_TABLE_PEEK;
    }

    ask->answer = kairo_table_judge(ask->zone->store.table, ask->tag, now,
                                    &ask->law, verb);

    if (ask->answer.overflow && verb == KAIRO_TABLE_TAKE) {
        kairo_counter_add(&ask->zone->store.root->counters, ngx_worker,
                          NGX_HTTP_KAIRO_RATELIMIT_OVERFLOW, 1);
    }
}


/* Takes the charges of the first n limits back. */

static void
ngx_http_kairo_ratelimit_give(ngx_http_kairo_ratelimit_step_t *step,
    ngx_uint_t n)
{
    ngx_http_kairo_ratelimit_ask_t  *ask;

    while (n--) {

        ask = &step->ask[n];

        if (!ask->peek) {
            kairo_table_give(ask->zone->store.table, ask->tag, step->now,
                             &ask->law, &ask->answer);
        }
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

    ngx_http_kairo_ratelimit_log_rejected(p, refused);
    ngx_http_kairo_ratelimit_result(p, refused->zone,
                                    ngx_http_kairo_ratelimit_rejected(p));

    /* the client has to satisfy the limits behind the refusing one too */

    retry = refused->answer.verdict.retry;

    for (ask = refused + 1; ask < &step->ask[step->n]; ask++) {
        ngx_http_kairo_ratelimit_ask(ask, step->now, KAIRO_TABLE_PEEK);
        retry = ngx_max(retry, ask->answer.verdict.retry);
    }

    if (retry == KAIRO_LIMIT_NEVER) {
        ngx_str_set(&p->refusal.code, "cost_above_limit");
        ngx_str_set(&p->refusal.hint, "the request costs more than its rate "
                                      "limit ever allows at once");
        retry = 0;

    } else {
        ngx_str_set(&p->refusal.code, "rate_limited");
        ngx_str_set(&p->refusal.hint, "too many requests; wait as many "
                                      "seconds as Retry-After says, then try "
                                      "again");
    }

    return ngx_http_kairo_ratelimit_refuse(p, rlcf, step, retry);
}


/* The refusal's response; nothing is charged.  "retry" in ns, or 0. */

static ngx_int_t
ngx_http_kairo_ratelimit_refuse(ngx_http_kairo_pipe_t *p,
    const ngx_http_kairo_ratelimit_conf_t *rlcf,
    ngx_http_kairo_ratelimit_step_t *step, uint64_t retry)
{
    p->refusal.retry_after = (time_t) ((retry + KAIRO_SECOND - 1)
                                       / KAIRO_SECOND);

    if (p->mode != NGX_HTTP_KAIRO_DRY_RUN) {

        /* without memory for the fields it is a refusal all the same */

        (void) ngx_http_kairo_ratelimit_fields(p->request, step, 0,
                                               &p->refusal.fields);
    }

    return rlcf->status;
}


static ngx_int_t
ngx_http_kairo_ratelimit_admit(ngx_http_kairo_pipe_t *p,
    const ngx_http_kairo_ratelimit_conf_t *rlcf,
    ngx_http_kairo_ratelimit_step_t *step)
{
    uint64_t                         wait;
    ngx_int_t                        rc;
    ngx_uint_t                       i;
    ngx_http_kairo_field_t          *fields;
    ngx_http_kairo_ratelimit_ask_t  *slowest;

    slowest = ngx_http_kairo_ratelimit_slowest(step, &wait);
    rc = NGX_OK;

    if (slowest) {
        rc = ngx_http_kairo_ratelimit_delay(p, rlcf, step, slowest, wait);

        if (rc != NGX_OK && rc != NGX_AGAIN) {
            return rc;
        }
    }

    for (i = 0; i < step->n; i++) {
        if (&step->ask[i] != slowest) {
            kairo_counter_add(&step->ask[i].zone->store.root->counters,
                              ngx_worker, NGX_HTTP_KAIRO_RATELIMIT_PASSED, 1);
        }
    }

    if (slowest == NULL && p->ratelimit_status.len == 0) {
        p->ratelimit_status = ngx_http_kairo_ratelimit_statuses[
                                              NGX_HTTP_KAIRO_RATELIMIT_PASSED];
    }

    /* a client that is not told of its limits is served all the same */

    if (p->mode != NGX_HTTP_KAIRO_DRY_RUN
        && ngx_http_kairo_ratelimit_fields(p->request, step, 1, &fields)
           == NGX_OK)
    {
        (void) ngx_http_kairo_add_fields(p->request, fields);
    }

    return rc;
}


/* The limit whose delay is the longest, NULL when none delays. */

static ngx_http_kairo_ratelimit_ask_t *
ngx_http_kairo_ratelimit_slowest(ngx_http_kairo_ratelimit_step_t *step,
    uint64_t *wait)
{
    uint64_t                         undelayed;
    ngx_uint_t                       i;
    ngx_http_kairo_ratelimit_ask_t  *ask, *slowest;

    *wait = 0;
    slowest = NULL;

    for (i = 0; i < step->n; i++) {

        ask = &step->ask[i];

        if (ask->limit->nodelay || ask->law.window || ask->peek) {
            continue;
        }

        undelayed = kairo_gcra_time(ask->law.interval, ask->limit->delay + 1);

        /* 0 is more than can be told: nothing is delayed that long */

        if (undelayed && ask->answer.verdict.debt > undelayed
            && ask->answer.verdict.debt - undelayed > *wait)
        {
            *wait = ask->answer.verdict.debt - undelayed;
            slowest = ask;
        }
    }

    return slowest;
}


static ngx_int_t
ngx_http_kairo_ratelimit_delay(ngx_http_kairo_pipe_t *p,
    const ngx_http_kairo_ratelimit_conf_t *rlcf,
    ngx_http_kairo_ratelimit_step_t *step,
    ngx_http_kairo_ratelimit_ask_t *slowest, uint64_t wait)
{
    ngx_int_t                              rc;
    ngx_kairo_op_t                        *op;
    ngx_http_kairo_ratelimit_main_conf_t  *rmcf;

    ngx_http_kairo_ratelimit_log_delayed(p, slowest);

    if (p->mode == NGX_HTTP_KAIRO_DRY_RUN) {
        ngx_http_kairo_ratelimit_result(p, slowest->zone,
                                    NGX_HTTP_KAIRO_RATELIMIT_DELAYED_DRY_RUN);
        return NGX_OK;
    }

    rmcf = ngx_http_get_module_main_conf(p->request,
                                         ngx_http_kairo_ratelimit_module);

    /* rounded up: a request is never early */

    rc = ngx_kairo_op_timer(rmcf->timers,
                            (ngx_msec_t) ((wait + 999999) / 1000000), &op);

    if (rc == NGX_OK) {
        ngx_http_kairo_ratelimit_result(p, slowest->zone,
                                        NGX_HTTP_KAIRO_RATELIMIT_DELAYED);

        return ngx_http_kairo_wait(p, op);
    }

    ngx_http_kairo_ratelimit_give(step, step->n);

    if (rc == NGX_ERROR) {
        return ngx_http_kairo_ratelimit_failed(p, slowest->limit);
    }

    ngx_http_kairo_ratelimit_result(p, slowest->zone,
                                    NGX_HTTP_KAIRO_RATELIMIT_REJECTED);

    ngx_str_set(&p->refusal.code, "too_many_delayed");
    ngx_str_set(&p->refusal.hint, "too many requests wait already; wait as "
                                  "many seconds as Retry-After says, then try "
                                  "again");

    return ngx_http_kairo_ratelimit_refuse(p, rlcf, step, wait);
}


static ngx_int_t
ngx_http_kairo_ratelimit_failed(ngx_http_kairo_pipe_t *p,
    const ngx_http_kairo_ratelimit_limit_t *limit)
{
    p->on_error = limit->on_error;

    ngx_http_kairo_ratelimit_result(p, limit->shm_zone->data,
                                    NGX_HTTP_KAIRO_RATELIMIT_ERROR);
    return NGX_ERROR;
}


static ngx_http_kairo_ratelimit_result_e
ngx_http_kairo_ratelimit_rejected(const ngx_http_kairo_pipe_t *p)
{
    return p->mode == NGX_HTTP_KAIRO_DRY_RUN
           ? NGX_HTTP_KAIRO_RATELIMIT_REJECTED_DRY_RUN
           : NGX_HTTP_KAIRO_RATELIMIT_REJECTED;
}


/* Counts, and sets $kairo_ratelimit_status. */

static void
ngx_http_kairo_ratelimit_result(ngx_http_kairo_pipe_t *p,
    ngx_http_kairo_ratelimit_zone_t *zone,
    ngx_http_kairo_ratelimit_result_e result)
{
    p->ratelimit_status = ngx_http_kairo_ratelimit_statuses[result];

    kairo_counter_add(&zone->store.root->counters, ngx_worker, result, 1);
}
