
/*
 * What a response tells of its limits.
 *
 * draft   RateLimit-Policy and RateLimit, lists of structured fields (RFC
 *         9651), as draft-ietf-httpapi-ratelimit-headers-11 has them: a
 *         policy is a zone; its quota q is what passes at once at most, and w
 *         the seconds in which that comes back; r is what would pass now, t
 *         the seconds until more does.
 * legacy  X-RateLimit-Limit, -Remaining and -Reset, in seconds, of the limit
 *         that leaves the least.
 */


#include "layers/ratelimit/ngx_http_kairo_ratelimit.h"


#define NGX_HTTP_KAIRO_RATELIMIT_FIELDS  5


static ngx_uint_t ngx_http_kairo_ratelimit_wants(
    const ngx_http_kairo_ratelimit_ask_t *ask, ngx_uint_t headers,
    ngx_uint_t passes);
static ngx_int_t ngx_http_kairo_ratelimit_draft(ngx_http_request_t *r,
    const ngx_http_kairo_ratelimit_step_t *step, ngx_uint_t charged,
    ngx_http_kairo_field_t *field);
static u_char *ngx_http_kairo_ratelimit_name(u_char *p, const ngx_str_t *name,
    ngx_uint_t first);
static ngx_int_t ngx_http_kairo_ratelimit_legacy(ngx_http_request_t *r,
    const ngx_http_kairo_ratelimit_step_t *step, ngx_uint_t charged,
    ngx_http_kairo_field_t *field);
static ngx_uint_t ngx_http_kairo_ratelimit_told(ngx_http_request_t *r,
    uint64_t left);
static const ngx_http_kairo_ratelimit_ask_t *ngx_http_kairo_ratelimit_tightest(
    const ngx_http_kairo_ratelimit_step_t *step, ngx_uint_t charged);
static uint64_t ngx_http_kairo_ratelimit_quota(
    const ngx_http_kairo_ratelimit_ask_t *ask);
static uint64_t ngx_http_kairo_ratelimit_remaining(
    const ngx_http_kairo_ratelimit_ask_t *ask, ngx_uint_t charged);
static uint64_t ngx_http_kairo_ratelimit_seconds(uint64_t ns);
static uint64_t ngx_http_kairo_ratelimit_reset(
    const ngx_http_kairo_ratelimit_ask_t *ask, uint64_t now,
    ngx_uint_t charged);


ngx_int_t
ngx_http_kairo_ratelimit_fields(ngx_http_request_t *r,
    const ngx_http_kairo_ratelimit_step_t *step, ngx_uint_t charged,
    ngx_http_kairo_field_t **fields)
{
    ngx_uint_t               i, n, draft, legacy;
    ngx_http_kairo_field_t  *field;

    draft = 0;
    legacy = 0;
    *fields = NULL;

    for (i = 0; i < step->n; i++) {
        draft |= ngx_http_kairo_ratelimit_wants(&step->ask[i],
                                   NGX_HTTP_KAIRO_RATELIMIT_DRAFT, charged);
        legacy |= ngx_http_kairo_ratelimit_wants(&step->ask[i],
                                   NGX_HTTP_KAIRO_RATELIMIT_LEGACY, charged);
    }

    if (!draft && !legacy) {
        return NGX_OK;
    }

    field = ngx_pcalloc(r->pool, NGX_HTTP_KAIRO_RATELIMIT_FIELDS
                                 * sizeof(ngx_http_kairo_field_t));
    if (field == NULL) {
        return NGX_ERROR;
    }

    n = 0;

    if (draft) {
        if (ngx_http_kairo_ratelimit_draft(r, step, charged, field)
            != NGX_OK)
        {
            return NGX_ERROR;
        }

        n = field[1].value.len ? 2 : 1;
    }

    if (legacy) {
        if (ngx_http_kairo_ratelimit_legacy(r, step, charged, &field[n])
            != NGX_OK)
        {
            return NGX_ERROR;
        }

        n += field[n].value.len ? 3 : 0;
    }

    for (i = 0; i + 1 < n; i++) {
        field[i].next = &field[i + 1];
    }

    *fields = n ? field : NULL;

    return NGX_OK;
}


/* A refusal tells by default; a pass where "all" asks for it. */

static ngx_uint_t
ngx_http_kairo_ratelimit_wants(const ngx_http_kairo_ratelimit_ask_t *ask,
    ngx_uint_t headers, ngx_uint_t passes)
{
    return ask->limit->headers == headers
           && (!passes || ask->limit->headers_all);
}


/*
 * Of a refusal "RateLimit" tells of the limits that have refused alone: a t
 * of another could be later than Retry-After.
 */

static ngx_int_t
ngx_http_kairo_ratelimit_draft(ngx_http_request_t *r,
    const ngx_http_kairo_ratelimit_step_t *step, ngx_uint_t charged,
    ngx_http_kairo_field_t *field)
{
    size_t                                 len;
    u_char                                *policy, *limit;
    uint64_t                               reset, window;
    ngx_str_t                             *name;
    ngx_uint_t                             i;
    const ngx_http_kairo_ratelimit_ask_t  *ask;

    len = 0;

    for (i = 0; i < step->n; i++) {
        name = &step->ask[i].zone->store.shm_zone->shm.name;
        len += sizeof(", \"\";q=;w=") + 2 * name->len + 2 * NGX_INT64_LEN;
    }

    policy = ngx_pnalloc(r->pool, 2 * len);
    if (policy == NULL) {
        return NGX_ERROR;
    }

    limit = policy + len;

    ngx_str_set(&field[0].name, "RateLimit-Policy");
    field[0].value.data = policy;

    ngx_str_set(&field[1].name, "RateLimit");
    field[1].value.data = limit;

    for (i = 0; i < step->n; i++) {

        ask = &step->ask[i];
        name = &ask->zone->store.shm_zone->shm.name;

        if (!ngx_http_kairo_ratelimit_wants(ask,
                                            NGX_HTTP_KAIRO_RATELIMIT_DRAFT,
                                            charged))
        {
            continue;
        }

        window = ask->law.window ? ask->law.window : ask->law.capacity;

        policy = ngx_http_kairo_ratelimit_name(policy, name,
                                       policy == field[0].value.data);
        policy = ngx_sprintf(policy, ";q=%uL;w=%uL",
                             ngx_http_kairo_ratelimit_quota(ask),
                             ngx_http_kairo_ratelimit_seconds(window));

        if (!charged && ask->answer.verdict.pass) {
            continue;
        }

        limit = ngx_http_kairo_ratelimit_name(limit, name,
                                      limit == field[1].value.data);
        limit = ngx_sprintf(limit, ";r=%uL",
                            ngx_http_kairo_ratelimit_remaining(ask, charged));

        reset = ngx_http_kairo_ratelimit_reset(ask, step->now, charged);

        if (reset != KAIRO_LIMIT_NEVER) {
            limit = ngx_sprintf(limit, ";t=%uL", reset);
        }
    }

    field[0].value.len = policy - field[0].value.data;
    field[1].value.len = limit - field[1].value.data;

    return NGX_OK;
}


/* A structured field's String: printable ASCII, two characters escaped. */

static u_char *
ngx_http_kairo_ratelimit_name(u_char *p, const ngx_str_t *name,
    ngx_uint_t first)
{
    size_t  i;

    if (!first) {
        p = ngx_cpymem(p, ", ", 2);
    }

    *p++ = '"';

    for (i = 0; i < name->len; i++) {

        if (name->data[i] == '"' || name->data[i] == '\\') {
            *p++ = '\\';
        }

        *p++ = (name->data[i] < 0x20 || name->data[i] > 0x7e)
               ? '?' : name->data[i];
    }

    *p++ = '"';

    return p;
}


/* No fields where the step before auth told of a limit that leaves less. */

static ngx_int_t
ngx_http_kairo_ratelimit_legacy(ngx_http_request_t *r,
    const ngx_http_kairo_ratelimit_step_t *step, ngx_uint_t charged,
    ngx_http_kairo_field_t *field)
{
    u_char                                *p;
    uint64_t                               value[3];
    ngx_uint_t                             i;
    const ngx_http_kairo_ratelimit_ask_t  *ask;

    ask = ngx_http_kairo_ratelimit_tightest(step, charged);

    ngx_str_set(&field[0].name, "X-RateLimit-Limit");
    ngx_str_set(&field[1].name, "X-RateLimit-Remaining");
    ngx_str_set(&field[2].name, "X-RateLimit-Reset");

    value[0] = ngx_http_kairo_ratelimit_quota(ask);
    value[1] = ngx_http_kairo_ratelimit_remaining(ask, charged);
    value[2] = ngx_http_kairo_ratelimit_reset(ask, step->now, charged);

    if (charged && ngx_http_kairo_ratelimit_told(r, value[1])) {
        return NGX_OK;
    }

    /* what never passes has no time to wait for */

    if (value[2] == KAIRO_LIMIT_NEVER) {
        value[2] = 0;
    }

    for (i = 0; i < 3; i++) {

        p = ngx_pnalloc(r->pool, NGX_INT64_LEN);
        if (p == NULL) {
            return NGX_ERROR;
        }

        field[i].value.data = p;
        field[i].value.len = ngx_sprintf(p, "%uL", value[i]) - p;
    }

    return NGX_OK;
}


/* Whether it was told of no more than "left"; what says more is taken back. */

static ngx_uint_t
ngx_http_kairo_ratelimit_told(ngx_http_request_t *r, uint64_t left)
{
    off_t             told;
    ngx_uint_t        i;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    static const ngx_str_t  remaining = ngx_string("X-RateLimit-Remaining");

    told = NGX_ERROR;

    for (part = &r->headers_out.headers.part; part; part = part->next) {

        h = part->elts;

        for (i = 0; i < part->nelts; i++) {
            if (h[i].hash && h[i].key.len == remaining.len
                && ngx_strncmp(h[i].key.data, remaining.data, remaining.len)
                   == 0)
            {
                told = ngx_atoof(h[i].value.data, h[i].value.len);
            }
        }
    }

    if (told != NGX_ERROR && (uint64_t) told <= left) {
        return 1;
    }

    for (part = &r->headers_out.headers.part; part; part = part->next) {

        h = part->elts;

        for (i = 0; i < part->nelts; i++) {
            if (h[i].key.len > 12
                && ngx_strncmp(h[i].key.data, "X-RateLimit-", 12) == 0)
            {
                h[i].hash = 0;
            }
        }
    }

    return 0;
}


/* Who has refused, else who leaves the least, of those that want to tell. */

static const ngx_http_kairo_ratelimit_ask_t *
ngx_http_kairo_ratelimit_tightest(const ngx_http_kairo_ratelimit_step_t *step,
    ngx_uint_t charged)
{
    uint64_t                               left, least;
    ngx_uint_t                             i;
    const ngx_http_kairo_ratelimit_ask_t  *ask, *tightest;

    least = 0;
    tightest = NULL;

    for (i = 0; i < step->n; i++) {

        ask = &step->ask[i];

        if (!ngx_http_kairo_ratelimit_wants(ask,
                                            NGX_HTTP_KAIRO_RATELIMIT_LEGACY,
                                            charged))
        {
            continue;
        }

        if (!ask->answer.verdict.pass) {
            return ask;
        }

        left = ngx_http_kairo_ratelimit_remaining(ask, charged);

        if (tightest == NULL || left < least) {
            least = left;
            tightest = ask;
        }
    }

    return tightest;
}


static uint64_t
ngx_http_kairo_ratelimit_quota(const ngx_http_kairo_ratelimit_ask_t *ask)
{
    return ask->law.window ? ask->law.capacity
                           : ask->law.capacity / ask->law.interval;
}


static uint64_t
ngx_http_kairo_ratelimit_remaining(const ngx_http_kairo_ratelimit_ask_t *ask,
    ngx_uint_t charged)
{
    return kairo_limit_remaining(&ask->law, &ask->answer.verdict,
                                 charged && !ask->peek);
}


static uint64_t
ngx_http_kairo_ratelimit_seconds(uint64_t ns)
{
    return (ns + KAIRO_SECOND - 1) / KAIRO_SECOND;
}


static uint64_t
ngx_http_kairo_ratelimit_reset(const ngx_http_kairo_ratelimit_ask_t *ask,
    uint64_t now, ngx_uint_t charged)
{
    uint64_t  reset;

    reset = kairo_limit_reset(&ask->law, &ask->answer.verdict, now,
                              charged && !ask->peek);

    return reset == KAIRO_LIMIT_NEVER
           ? reset : ngx_http_kairo_ratelimit_seconds(reset);
}
