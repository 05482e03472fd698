
/*
 * How events end; and refusals, which nobody waits for.
 */


#include "layers/record/ngx_http_kairo_record_own.h"
#include "core/kairo_json_write.h"


static ngx_uint_t ngx_http_kairo_record_status(const ngx_http_request_t *r);
static void ngx_http_kairo_record_refusal(ngx_http_kairo_pipe_t *p,
    const ngx_http_kairo_record_conf_t *rcf);
static ngx_http_kairo_record_reason_t *ngx_http_kairo_record_reason(
    ngx_http_kairo_pipe_t *p, ngx_http_kairo_record_worker_t *worker);


/* A phase handler: the request has ended. */

ngx_int_t
ngx_http_kairo_record_log(ngx_http_request_t *r)
{
    ngx_uint_t                           i;
    kairo_event_t                        event;
    ngx_http_kairo_pipe_t               *p;
    ngx_http_kairo_record_t             *record;
    const ngx_http_kairo_record_conf_t  *rcf;

    if (r != r->main) {
        return NGX_OK;
    }

    p = ngx_http_kairo_pipe(r);

    if (p == NULL) {
        return NGX_OK;
    }

    record = p->record;

    for (i = 0; record && i < record->n; i++) {

        if (!record->one[i].open) {
            continue;
        }

        ngx_memcpy(event.id, record->one[i].id, KAIRO_UUID);
        event.status = ngx_http_kairo_record_status(r);
        event.latency = (uint32_t) (ngx_current_msec - record->began);
        event.bytes = r->connection->sent;

        record->one[i].open = 0;
        ngx_kairo_spool_end(ngx_http_kairo_spool(r), &event);
    }

    if (p->refused) {

        rcf = p->refused_in[ngx_http_kairo_record_module.ctx_index];

        if (rcf->refusals) {
            ngx_http_kairo_record_refusal(p, rcf);
        }
    }

    return NGX_OK;
}


/* As $status has it; a client that has left before there was one: 499. */

static ngx_uint_t
ngx_http_kairo_record_status(const ngx_http_request_t *r)
{
    ngx_uint_t  status;

    status = r->err_status ? r->err_status : r->headers_out.status;

    return status >= 100 && status <= 599 ? status
                                          : NGX_HTTP_CLIENT_CLOSED_REQUEST;
}


/* Nobody waits for it, and when the spool is full it is lost. */

static void
ngx_http_kairo_record_refusal(ngx_http_kairo_pipe_t *p,
    const ngx_http_kairo_record_conf_t *rcf)
{
    u_char                              text[512];
    kairo_span_t                        value;
    kairo_event_t                       event;
    ngx_kairo_spool_t                  *spool;
    kairo_json_write_t                  json;
    ngx_http_kairo_record_reason_t     *reason;
    ngx_http_kairo_record_main_conf_t  *rmcf;

    static const kairo_span_t  refused = kairo_span("refused");
    static const kairo_span_t  layer = kairo_span("layer");
    static const kairo_span_t  why = kairo_span("reason");
    static const kairo_span_t  left_out = kairo_span("left_out");

    rmcf = ngx_http_get_module_main_conf(p->request,
                                         ngx_http_kairo_record_module);
    spool = ngx_http_kairo_spool(p->request);
    reason = ngx_http_kairo_record_reason(p, rmcf->worker);

    if (reason->recorded >= rcf->refusals) {
        reason->left_out++;
        return;
    }

    reason->recorded++;

    ngx_memzero(&event, sizeof(kairo_event_t));

    event.text[KAIRO_EVENT_KIND] = refused;
    event.status = ngx_http_kairo_record_status(p->request);
    event.bytes = p->request->connection->sent;

    kairo_json_write_begin(&json, text, sizeof(text));

    value.p = p->layer.data;
    value.n = p->layer.len;
    kairo_json_write_text(&json, layer, value);

    value.p = p->reason.data;
    value.n = p->reason.len;
    kairo_json_write_text(&json, why, value);

    if (reason->left_out) {
        kairo_json_write_number(&json, left_out, reason->left_out);
    }

    event.text[KAIRO_EVENT_DETAILS] = kairo_json_write_end(&json);

    if (ngx_http_kairo_record_who(p, p->refused_in, &event) != NGX_OK
        || ngx_kairo_spool_put(spool, &event, NULL) != NGX_OK)
    {
        ngx_kairo_spool_lost(spool, NGX_KAIRO_SPOOL_REFUSAL);
        return;
    }

    reason->left_out = 0;
}


/* Where reasons are more than there is room for, some are counted as one. */

static ngx_http_kairo_record_reason_t *
ngx_http_kairo_record_reason(ngx_http_kairo_pipe_t *p,
    ngx_http_kairo_record_worker_t *worker)
{
    uint32_t                         hash;
    ngx_http_kairo_record_reason_t  *reason;

    ngx_crc32_init(hash);
    ngx_crc32_update(&hash, p->layer.data, p->layer.len);
    ngx_crc32_update(&hash, (u_char *) "", 1);
    ngx_crc32_update(&hash, p->reason.data, p->reason.len);
    ngx_crc32_final(hash);

    reason = &worker->reasons[hash % NGX_HTTP_KAIRO_RECORD_REASONS];

    if (reason->second != ngx_time()) {
        reason->second = ngx_time();
        reason->recorded = 0;
    }

    return reason;
}
