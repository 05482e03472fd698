
/*
 * The decision pipeline: one walk over the table of rows, which a row may
 * suspend and a store resumes.
 *
 * The walk is called from two phases and again after each internal redirect,
 * and finds out by itself what is still to be judged:
 *
 *   - a row is judged once for each location that the request enters, a row
 *     that spends at most once a request;
 *   - nginx zeroes r->ctx when a request enters a location anew, so the state
 *     hangs on the pool's cleanup list and r->ctx only tells that the
 *     location is the same;
 *   - after a refusal nothing is judged again: the request is on its way to
 *     its error page;
 *   - a pass is NGX_DECLINED and a refusal finalizes at once, so "satisfy"
 *     never applies to kairo.  Where another module's pass under "satisfy
 *     any" has skipped the access phase, the precontent phase makes up for
 *     it.
 */


#include "pipe/ngx_http_kairo_pipe.h"


/* no row has to be asked as often about one request */

#define NGX_HTTP_KAIRO_ASKED  64


static ngx_http_kairo_pipe_t *ngx_http_kairo_enter(ngx_http_request_t *r);
static void ngx_http_kairo_keep(void *data);
static ngx_uint_t ngx_http_kairo_due(ngx_http_kairo_pipe_t *p,
    const ngx_http_kairo_row_t *row, uint32_t bit);
static ngx_int_t ngx_http_kairo_judge(ngx_http_kairo_pipe_t *p,
    const ngx_http_kairo_row_t *row);
static ngx_int_t ngx_http_kairo_ask(ngx_http_kairo_pipe_t *p,
    const ngx_http_kairo_row_t *row);
static ngx_int_t ngx_http_kairo_conclude(ngx_http_kairo_pipe_t *p,
    ngx_int_t rc, uint32_t bit);
static void ngx_http_kairo_decide(ngx_http_kairo_pipe_t *p,
    ngx_http_kairo_decision_e decision);
static ngx_int_t ngx_http_kairo_suspend(ngx_http_kairo_pipe_t *p);
static void ngx_http_kairo_resume(void *data, ngx_int_t rc);
static void ngx_http_kairo_cancel(void *data);


ngx_int_t
ngx_http_kairo_walk(ngx_http_request_t *r, ngx_uint_t phase)
{
    uint32_t                            bit;
    ngx_int_t                           rc;
    ngx_uint_t                          i;
    ngx_http_kairo_mode_e               mode;
    ngx_http_kairo_pipe_t              *p;
    const ngx_http_kairo_row_t         *row;
    const ngx_http_kairo_main_conf_t   *kmcf;

    if (r != r->main || r->post_action) {
        return NGX_DECLINED;
    }

    p = NULL;
    kmcf = ngx_http_get_module_main_conf(r, ngx_http_kairo_module);

    for (i = 0; i < kmcf->nrows; i++) {

        row = &kmcf->rows[i];
        mode = *(const ngx_http_kairo_mode_e *)
                   ((const u_char *) ngx_http_kairo_conf(r, row->module)
                    + row->mode);

        if (row->phase > phase || mode == NGX_HTTP_KAIRO_OFF) {
            continue;
        }

        if (p == NULL) {
            p = ngx_http_kairo_enter(r);
            if (p == NULL) {
                ngx_http_finalize_request(r, NGX_HTTP_INTERNAL_SERVER_ERROR);
                return NGX_DONE;
            }
        }

        if (p->refused) {
            return NGX_DECLINED;
        }

        bit = (uint32_t) 1 << i;

        if (!ngx_http_kairo_due(p, row, bit)) {
            continue;
        }

        p->mode = mode;

        rc = ngx_http_kairo_judge(p, row);

        if (rc == NGX_AGAIN) {
            return ngx_http_kairo_suspend(p);
        }

        if (p->unread) {
            /* nobody has decided that, and nobody may pass it */
            p->unread = 0;
            ngx_http_finalize_request(r, rc);
            return NGX_DONE;
        }

        if (ngx_http_kairo_conclude(p, rc, bit) != NGX_OK) {
            ngx_http_kairo_refuse(p);
            return NGX_DONE;
        }
    }

    return NGX_DECLINED;
}


ngx_http_kairo_pipe_t *
ngx_http_kairo_pipe(const ngx_http_request_t *r)
{
    ngx_pool_cleanup_t     *cln;
    ngx_http_kairo_pipe_t  *p;

    p = ngx_http_get_module_ctx(r, ngx_http_kairo_module);

    if (p) {
        return p;
    }

    for (cln = r->pool->cleanup; cln; cln = cln->next) {
        if (cln->handler == ngx_http_kairo_keep) {
            return cln->data;
        }
    }

    return NULL;
}


ngx_int_t
ngx_http_kairo_wait(ngx_http_kairo_pipe_t *p, ngx_kairo_op_t *op)
{
    op->owner = p;
    op->done = ngx_http_kairo_resume;

    p->op = op;

    return NGX_AGAIN;
}


ngx_uint_t
ngx_http_kairo_log_sampled(const ngx_http_kairo_pipe_t *p,
    ngx_http_kairo_sample_t *sample, ngx_uint_t level)
{
    ngx_uint_t  left_out;

    if (!ngx_http_kairo_sampled(sample, &left_out)) {
        return 0;
    }

    if (left_out) {
        ngx_log_error(level, p->request->connection->log, 0,
                      "kairo %V: left out %ui lines like the next one",
                      &p->row->layer, left_out);
    }

    return 1;
}


/* The request's pipe, made when there is none; told of a new location. */

static ngx_http_kairo_pipe_t *
ngx_http_kairo_enter(ngx_http_request_t *r)
{
    ngx_pool_cleanup_t     *cln;
    ngx_http_kairo_pipe_t  *p;

    p = ngx_http_get_module_ctx(r, ngx_http_kairo_module);

    if (p) {
        return p;
    }

    p = ngx_http_kairo_pipe(r);

    if (p == NULL) {
        cln = ngx_pool_cleanup_add(r->pool, sizeof(ngx_http_kairo_pipe_t));
        if (cln == NULL) {
            return NULL;
        }

        p = cln->data;
        ngx_memzero(p, sizeof(ngx_http_kairo_pipe_t));

        p->request = r;
        cln->handler = ngx_http_kairo_keep;
    }

    p->judged = 0;
    p->reading = 0;    /* what nginx could not go on with, perhaps */
    ngx_http_set_ctx(r, p, ngx_http_kairo_module);

    return p;
}


/* Marks the pipe on the pool's cleanup list, and has nothing to clean. */

static void
ngx_http_kairo_keep(void *data)
{
    (void) data;
}


static ngx_uint_t
ngx_http_kairo_due(ngx_http_kairo_pipe_t *p, const ngx_http_kairo_row_t *row,
    uint32_t bit)
{
    if (p->judged & bit) {
        return 0;
    }

    return !(row->spends && (p->spent & bit));
}


/*
 * Asks the row, or takes the answer that the suspended row was waiting for,
 * which may be that it wants to be asked again.
 */

static ngx_int_t
ngx_http_kairo_judge(ngx_http_kairo_pipe_t *p, const ngx_http_kairo_row_t *row)
{
    ngx_int_t  rc;

    if (p->answered) {
        rc = NGX_AGAIN;

    } else {
        p->asked = 0;
        rc = ngx_http_kairo_ask(p, row);
    }

    /* an answer may also have come before check() returned */

    while (rc == NGX_AGAIN && p->answered) {
        p->answered = 0;
        rc = p->answer == NGX_AGAIN ? ngx_http_kairo_ask(p, row) : p->answer;
    }

    p->answered = 0;

    if (p->op == NULL && !p->reading) {
        /* nobody would ever resume it: NGX_AGAIN is an unknown answer */
        return rc == NGX_AGAIN ? NGX_ABORT : rc;
    }

    if (rc != NGX_AGAIN) {
        ngx_http_kairo_cancel(p);
    }

    return rc;
}


static ngx_int_t
ngx_http_kairo_ask(ngx_http_kairo_pipe_t *p, const ngx_http_kairo_row_t *row)
{
    ngx_int_t  rc;

    if (p->asked++ == NGX_HTTP_KAIRO_ASKED) {
        /* it would go on so for ever */
        return NGX_ABORT;
    }

    p->row = row;
    p->held = 0;
    p->on_error = NGX_HTTP_KAIRO_REFUSE;
    ngx_memzero(&p->refusal, sizeof(ngx_http_kairo_refusal_t));

    p->running = 1;
    rc = row->check(p);
    p->running = 0;

    return rc;
}


/* NGX_OK: go on; NGX_ABORT: refuse with p->refusal. */

static ngx_int_t
ngx_http_kairo_conclude(ngx_http_kairo_pipe_t *p, ngx_int_t rc, uint32_t bit)
{
    p->judged |= bit;

    if (rc == NGX_DECLINED) {
        return NGX_OK;
    }

    if (p->row->spends) {
        p->spent |= bit;
    }

    if (rc == NGX_OK) {
        ngx_http_kairo_decide(p, NGX_HTTP_KAIRO_PASSED);
        return NGX_OK;
    }

    if (rc >= NGX_HTTP_SPECIAL_RESPONSE && rc <= 599) {

        p->refusal.status = rc;

        if (p->mode == NGX_HTTP_KAIRO_DRY_RUN) {
            ngx_http_kairo_decide(p, NGX_HTTP_KAIRO_REFUSED_DRY_RUN);
            return NGX_OK;
        }

        ngx_http_kairo_decide(p, NGX_HTTP_KAIRO_REFUSED);
        return NGX_ABORT;
    }

    if (rc != NGX_ERROR) {
        ngx_log_error(NGX_LOG_ALERT, p->request->connection->log, 0,
                      "kairo %V: unknown answer: \"%i\"", &p->row->layer, rc);
        p->on_error = NGX_HTTP_KAIRO_REFUSE;
    }

    ngx_memzero(&p->refusal, sizeof(ngx_http_kairo_refusal_t));
    ngx_str_set(&p->refusal.code, "undecided");
    ngx_str_set(&p->refusal.hint,
                "the edge could not decide about this request; "
                "try again later");
    p->refusal.status = NGX_HTTP_SERVICE_UNAVAILABLE;

    if (p->on_error == NGX_HTTP_KAIRO_PASS
        || p->mode == NGX_HTTP_KAIRO_DRY_RUN)
    {
        ngx_http_kairo_decide(p, NGX_HTTP_KAIRO_PASSED_ON_ERROR);
        return NGX_OK;
    }

    ngx_http_kairo_decide(p, NGX_HTTP_KAIRO_REFUSED_ON_ERROR);
    return NGX_ABORT;
}


/* The one place that writes the decision. */

static void
ngx_http_kairo_decide(ngx_http_kairo_pipe_t *p,
    ngx_http_kairo_decision_e decision)
{
    ngx_http_kairo_count(p, decision);

    if (decision <= p->decision) {
        return;
    }

    p->decision = decision;

    if (decision != NGX_HTTP_KAIRO_PASSED) {
        p->layer = p->row->layer;
        p->reason = p->refusal.reason.len ? p->refusal.reason
                                          : p->refusal.code;
    }

    p->refused = (decision == NGX_HTTP_KAIRO_REFUSED
                  || decision == NGX_HTTP_KAIRO_REFUSED_ON_ERROR);
    p->refused_in = p->request->loc_conf;
}


/*
 * Waits as limit_req does: the client is watched, so that it may go away, and
 * nothing that it sends or takes runs the phases.  Where others wait for what
 * this request does, it is not watched.
 */

static ngx_int_t
ngx_http_kairo_suspend(ngx_http_kairo_pipe_t *p)
{
    ngx_connection_t    *c;
    ngx_http_cleanup_t  *cln;
    ngx_http_request_t  *r;

    r = p->request;
    c = r->connection;

    if (!p->watched) {
        cln = ngx_http_cleanup_add(r, 0);
        if (cln == NULL) {
            goto failed;
        }

        cln->handler = ngx_http_kairo_cancel;
        cln->data = p;

        p->watched = 1;
    }

    if (p->reading) {
        /* nginx reads the body, and notices when the client leaves */
        return NGX_AGAIN;
    }

    r->read_event_handler = p->held ? ngx_http_block_reading
                                    : ngx_http_test_reading;
    r->write_event_handler = ngx_http_request_empty_handler;

    if (c->read->ready) {
        ngx_post_event(c->read, &ngx_posted_events);

    } else if (ngx_handle_read_event(c->read, 0) != NGX_OK) {
        goto failed;
    }

    return NGX_AGAIN;

failed:

    ngx_http_kairo_cancel(p);
    ngx_http_finalize_request(r, NGX_HTTP_INTERNAL_SERVER_ERROR);

    return NGX_DONE;
}


/* The op's done(). */

static void
ngx_http_kairo_resume(void *data, ngx_int_t rc)
{
    ngx_http_kairo_pipe_t *p = data;

    ngx_connection_t    *c;
    ngx_http_request_t  *r;

    p->op = NULL;
    p->answer = rc;
    p->answered = 1;

    if (p->running) {
        /* early: check() has not returned yet, and the walk goes on */
        return;
    }

    r = p->request;
    c = r->connection;

    ngx_http_set_log_request(c->log, r);

    r->read_event_handler = ngx_http_block_reading;
    r->write_event_handler = ngx_http_core_run_phases;

    if (ngx_handle_read_event(c->read, 0) != NGX_OK) {
        ngx_http_finalize_request(r, NGX_HTTP_INTERNAL_SERVER_ERROR);

    } else {
        ngx_http_core_run_phases(r);
    }

    ngx_http_run_posted_requests(c);
}


/* The request's cleanup: it ends, whether an answer has come or not. */

static void
ngx_http_kairo_cancel(void *data)
{
    ngx_http_kairo_pipe_t *p = data;

    ngx_kairo_op_t  *op;

    op = p->op;

    if (op) {
        p->op = NULL;
        ngx_kairo_op_cancel(op);
    }
}
