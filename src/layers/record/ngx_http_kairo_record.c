
/*
 * record: who ran which tool, when, and how did it end?
 *
 * Reads:      who it is, as auth has found out; the decision, of a request
 *             that was refused.
 * Store:      the spool: an event is there before the request goes on, and its
 *             end when the request is logged.
 * Store down: on_full=refuse (503), or drop, where a gap tells how many.
 * Directives: kairo_tool_run, kairo_event, kairo_refusals, kairo_region,
 *             kairo_record_log_level, kairo_record_dry_run.
 */


#include "layers/record/ngx_http_kairo_record_own.h"
#include "core/kairo_json_write.h"


static ngx_int_t ngx_http_kairo_record_kind(ngx_http_kairo_record_t *record,
    const ngx_http_kairo_record_kind_t *kind);
static ngx_int_t ngx_http_kairo_record_fill(ngx_http_kairo_pipe_t *p,
    const ngx_http_kairo_record_kind_t *kind, kairo_event_t *event);
static ngx_int_t ngx_http_kairo_record_details(ngx_http_kairo_pipe_t *p,
    const ngx_array_t *pairs, kairo_span_t *details);
static ngx_int_t ngx_http_kairo_record_request(ngx_http_request_t *r,
    kairo_span_t *id);
static void ngx_http_kairo_record_answered(void *data, ngx_int_t rc);
static void ngx_http_kairo_record_drop(ngx_kairo_op_t *op);
static void ngx_http_kairo_record_missed(ngx_http_kairo_record_one_t *one);
static ngx_int_t ngx_http_kairo_record_done(ngx_http_kairo_record_t *record);
static ngx_int_t ngx_http_kairo_record_tell(ngx_http_kairo_record_t *record);


ngx_int_t
ngx_http_kairo_record_check(ngx_http_kairo_pipe_t *p)
{
    ngx_int_t                            rc;
    ngx_uint_t                           i, most;
    ngx_http_kairo_record_t             *record;
    const ngx_http_kairo_record_conf_t  *rcf;
    const ngx_http_kairo_record_kind_t  *kind;

    rcf = ngx_http_kairo_conf(p->request, &ngx_http_kairo_record_module);

    if (p->mode == NGX_HTTP_KAIRO_DRY_RUN
        || ngx_http_kairo_preflight(p->request))
    {
        return NGX_DECLINED;
    }

    most = (rcf->run != NULL) + (rcf->events ? rcf->events->nelts : 0);

    record = ngx_pcalloc(p->request->pool, sizeof(ngx_http_kairo_record_t)
                         + most * sizeof(ngx_http_kairo_record_one_t));
    if (record == NULL) {
        return NGX_ERROR;
    }

    record->pipe = p;
    record->began = ngx_current_msec;
    record->op.drop = ngx_http_kairo_record_drop;
    p->record = record;

    rc = rcf->run ? ngx_http_kairo_record_kind(record, rcf->run) : NGX_OK;

    kind = rcf->events ? rcf->events->elts : NULL;

    for (i = 0; kind && i < rcf->events->nelts && rc == NGX_OK; i++) {
        rc = ngx_http_kairo_record_kind(record, &kind[i]);
    }

    if (rc != NGX_OK) {
        /* those that are recorded are ended in the log phase */
        ngx_http_kairo_record_drop(&record->op);
        return NGX_ERROR;
    }

    if (record->waiting) {
        return ngx_http_kairo_wait(p, &record->op);
    }

    return record->n ? ngx_http_kairo_record_done(record) : NGX_DECLINED;
}


static ngx_int_t
ngx_http_kairo_record_kind(ngx_http_kairo_record_t *record,
    const ngx_http_kairo_record_kind_t *kind)
{
    kairo_event_t                 event;
    ngx_http_kairo_pipe_t        *p;
    ngx_http_kairo_record_one_t  *one;

    p = record->pipe;

    ngx_memzero(&event, sizeof(kairo_event_t));

    if (ngx_http_kairo_record_fill(p, kind, &event) != NGX_OK) {
        return NGX_ERROR;
    }

    if (kind->tool && event.text[KAIRO_EVENT_TOOL].n == 0) {
        /* the variable says that this is none */
        return NGX_OK;
    }

    one = &record->one[record->n++];
    one->record = record;
    one->kind = kind;

    if (ngx_kairo_spool_put(ngx_http_kairo_spool(p->request), &event, &one->op)
        != NGX_AGAIN)
    {
        one->op = NULL;
        ngx_http_kairo_record_missed(one);
        return NGX_OK;
    }

    ngx_memcpy(one->id, event.id, KAIRO_UUID);
    one->open = 1;
    one->op->owner = one;
    one->op->done = ngx_http_kairo_record_answered;
    record->waiting++;

    return NGX_OK;
}


static ngx_int_t
ngx_http_kairo_record_fill(ngx_http_kairo_pipe_t *p,
    const ngx_http_kairo_record_kind_t *kind, kairo_event_t *event)
{
    ngx_str_t  value;

    event->text[KAIRO_EVENT_KIND].p = kind->kind.data;
    event->text[KAIRO_EVENT_KIND].n = kind->kind.len;

    if (kind->tool) {

        if (ngx_http_kairo_value(p, kind->tool, &value) != NGX_OK) {
            return NGX_ERROR;
        }

        event->text[KAIRO_EVENT_TOOL].p = value.data;
        event->text[KAIRO_EVENT_TOOL].n = value.len;
    }

    if (kind->pairs.nelts
        && ngx_http_kairo_record_details(p, &kind->pairs,
                                         &event->text[KAIRO_EVENT_DETAILS])
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_http_kairo_record_who(p, p->request->loc_conf, event);
}


/* What all events of a request have. */

ngx_int_t
ngx_http_kairo_record_who(ngx_http_kairo_pipe_t *p, void *const *loc_conf,
    kairo_event_t *event)
{
    ngx_str_t                            region;
    ngx_kairo_spool_t                   *spool;
    ngx_http_request_t                  *r;
    const ngx_http_core_loc_conf_t      *clcf;
    const ngx_http_kairo_record_conf_t  *rcf;

    r = p->request;
    spool = ngx_http_kairo_spool(r);
    rcf = loc_conf[ngx_http_kairo_record_module.ctx_index];
    clcf = loc_conf[ngx_http_core_module.ctx_index];

    if (p->identity) {
        event->text[KAIRO_EVENT_ISSUER].p = p->identity->issuer.data;
        event->text[KAIRO_EVENT_ISSUER].n = p->identity->issuer.len;
        event->text[KAIRO_EVENT_SUBJECT].p = p->identity->subject.data;
        event->text[KAIRO_EVENT_SUBJECT].n = p->identity->subject.len;
        event->admin = p->identity->admin || p->admin_run;
    }

    event->text[KAIRO_EVENT_ROUTE].p = clcf->name.data;
    event->text[KAIRO_EVENT_ROUTE].n = clcf->name.len;
    event->text[KAIRO_EVENT_EDGE].p = spool->edge.data;
    event->text[KAIRO_EVENT_EDGE].n = spool->edge.len;

    if (rcf->region) {

        if (ngx_http_kairo_value(p, rcf->region, &region) != NGX_OK) {
            return NGX_ERROR;
        }

        event->text[KAIRO_EVENT_REGION].p = region.data;
        event->text[KAIRO_EVENT_REGION].n = region.len;
    }

    return ngx_http_kairo_record_request(r, &event->text[KAIRO_EVENT_REQUEST]);
}


/*
 * $request_id, where it is not known yet made here: nginx asks OpenSSL for 16
 * bytes each time, which costs more than all the rest of a record.
 */

static ngx_int_t
ngx_http_kairo_record_request(ngx_http_request_t *r, kairo_span_t *id)
{
    u_char                              random[16];
    ngx_http_variable_value_t          *v;
    ngx_http_kairo_record_main_conf_t  *rmcf;

    rmcf = ngx_http_get_module_main_conf(r, ngx_http_kairo_record_module);
    v = &r->variables[rmcf->worker->request_id];

    if (!v->valid && !v->not_found) {

        v->data = ngx_pnalloc(r->pool, 2 * sizeof(random));

        if (v->data == NULL
            || ngx_kairo_spool_random(ngx_http_kairo_spool(r), random,
                                      sizeof(random))
               != NGX_OK)
        {
            return NGX_ERROR;
        }

        (void) ngx_hex_dump(v->data, random, sizeof(random));

        v->len = 2 * sizeof(random);
        v->valid = 1;
        v->no_cacheable = 0;
    }

    if (v->valid) {
        id->p = v->data;
        id->n = v->len;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_kairo_record_details(ngx_http_kairo_pipe_t *p,
    const ngx_array_t *pairs, kairo_span_t *details)
{
    u_char                              *text;
    ngx_str_t                            value;
    ngx_uint_t                           i;
    kairo_span_t                         name, span;
    kairo_json_write_t                   json;
    const ngx_http_kairo_record_pair_t  *pair;

    text = ngx_pnalloc(p->request->pool,
                       kairo_event_most[KAIRO_EVENT_DETAILS]);
    if (text == NULL) {
        return NGX_ERROR;
    }

    kairo_json_write_begin(&json, text, kairo_event_most[KAIRO_EVENT_DETAILS]);

    pair = pairs->elts;

    for (i = 0; i < pairs->nelts; i++) {

        if (ngx_http_kairo_value(p,
                                 (ngx_http_complex_value_t *) &pair[i].value,
                                 &value)
            != NGX_OK)
        {
            return NGX_ERROR;
        }

        name.p = pair[i].key.data;
        name.n = pair[i].key.len;
        span.p = value.data;
        span.n = value.len;

        kairo_json_write_text(&json, name, span);
    }

    *details = kairo_json_write_end(&json);

    return NGX_OK;
}


/* The done() of one of them. */

static void
ngx_http_kairo_record_answered(void *data, ngx_int_t rc)
{
    ngx_http_kairo_record_one_t *one = data;

    ngx_http_kairo_record_t  *record;

    record = one->record;
    one->op = NULL;

    if (rc != NGX_OK) {
        one->open = 0;
        ngx_http_kairo_record_missed(one);
    }

    if (--record->waiting == 0) {
        ngx_kairo_op_finish(&record->op, ngx_http_kairo_record_done(record));
    }
}


/* The client has left: what is recorded is ended in the log phase. */

static void
ngx_http_kairo_record_drop(ngx_kairo_op_t *op)
{
    ngx_http_kairo_record_t *record = (ngx_http_kairo_record_t *) op;

    ngx_uint_t  i;

    for (i = 0; i < record->n; i++) {
        if (record->one[i].op) {
            ngx_kairo_op_cancel(record->one[i].op);
            record->one[i].op = NULL;
        }
    }
}


static void
ngx_http_kairo_record_missed(ngx_http_kairo_record_one_t *one)
{
    if (!one->kind->drop) {
        one->record->refused = 1;
        return;
    }

    ngx_kairo_spool_lost(ngx_http_kairo_spool(one->record->pipe->request),
                         one->kind->tool ? NGX_KAIRO_SPOOL_RUN
                                         : NGX_KAIRO_SPOOL_EVENT);
}


/* All are answered: the row's answer. */

static ngx_int_t
ngx_http_kairo_record_done(ngx_http_kairo_record_t *record)
{
    ngx_http_kairo_pipe_t               *p;
    ngx_http_kairo_record_main_conf_t   *rmcf;
    const ngx_http_kairo_record_conf_t  *rcf;

    p = record->pipe;

    if (!record->refused) {
        return ngx_http_kairo_record_tell(record);
    }

    rcf = ngx_http_kairo_conf(p->request, &ngx_http_kairo_record_module);
    rmcf = ngx_http_get_module_main_conf(p->request,
                                         ngx_http_kairo_record_module);

    if (ngx_http_kairo_log_sampled(p, &rmcf->worker->lines, rcf->log_level)) {
        ngx_log_error(rcf->log_level, p->request->connection->log, 0,
                      "kairo record: refused, the spool is full or can't be "
                      "written");
    }

    ngx_str_set(&p->refusal.code, "spool_full");
    ngx_str_set(&p->refusal.hint, "the edge can't record this now; "
                                  "try again later");
    p->refusal.retry_after = 1;

    return NGX_HTTP_SERVICE_UNAVAILABLE;
}


/* The application and the client learn the id. */

static ngx_int_t
ngx_http_kairo_record_tell(ngx_http_kairo_record_t *record)
{
    char                    *text;
    ngx_uint_t               i;
    ngx_http_kairo_pipe_t   *p;
    ngx_http_kairo_field_t  *field;

    p = record->pipe;

    for (i = 0; i < record->n && !record->one[i].open; i++) { /* void */ }

    if (i == record->n) {
        return NGX_OK;
    }

    field = ngx_pcalloc(p->request->pool,
                        sizeof(ngx_http_kairo_field_t) + KAIRO_UUID_TEXT);
    if (field == NULL) {
        return NGX_ERROR;
    }

    text = (char *) (field + 1);
    kairo_uuid_write(record->one[i].id, text);

    ngx_str_set(&field->name, "X-Kairo-Event-Id");
    field->value.data = (u_char *) text;
    field->value.len = KAIRO_UUID_TEXT;

    p->event_id = field->value;

    if (ngx_http_kairo_tell(p->request, "X-Kairo-Event-Id", field) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_http_kairo_add_fields(p->request, field);
}
