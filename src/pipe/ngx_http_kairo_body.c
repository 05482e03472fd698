
/*
 * The request's body for a row that has to look into it: read by nginx, into
 * memory or a temporary file, and kept for whoever comes after.
 */


#include "pipe/ngx_http_kairo_pipe.h"


static void ngx_http_kairo_body_read(ngx_http_request_t *r);


ngx_int_t
ngx_http_kairo_body(ngx_http_kairo_pipe_t *p)
{
    ngx_int_t            rc;
    ngx_http_request_t  *r;

    r = p->request;

    if (r->request_body) {
        return NGX_OK;
    }

    r->request_body_in_single_buf = 1;

    p->reading = 1;

    rc = ngx_http_read_client_request_body(r, ngx_http_kairo_body_read);

    if (rc >= NGX_HTTP_SPECIAL_RESPONSE) {
        p->reading = 0;
        p->unread = 1;
        return rc;
    }

    /* as ngx_http_finalize_request() with NGX_DONE would do */

    r->main->count--;

    return p->reading ? NGX_AGAIN : NGX_OK;
}


ngx_int_t
ngx_http_kairo_body_text(ngx_http_request_t *r, size_t max, kairo_span_t *text)
{
    off_t         n;
    u_char       *copy;
    ngx_buf_t    *b;
    ngx_chain_t  *cl, *first;

    text->p = NULL;
    text->n = 0;

    first = r->request_body ? r->request_body->bufs : NULL;
    n = 0;

    for (cl = first; cl; cl = cl->next) {
        n += ngx_buf_size(cl->buf);
    }

    if (n > (off_t) max) {
        return NGX_DECLINED;
    }

    if (n == 0) {
        return NGX_OK;
    }

    if (first->next == NULL && ngx_buf_in_memory(first->buf)) {
        text->p = first->buf->pos;
        text->n = n;
        return NGX_OK;
    }

    copy = ngx_pnalloc(r->pool, n);
    if (copy == NULL) {
        return NGX_ERROR;
    }

    text->p = copy;

    for (cl = first; cl; cl = cl->next) {

        b = cl->buf;
        n = ngx_buf_size(b);

        if (ngx_buf_in_memory(b)) {
            ngx_memcpy(copy + text->n, b->pos, n);

        } else if (n && ngx_read_file(b->file, copy + text->n, n, b->file_pos)
                        != n)
        {
            return NGX_ERROR;
        }

        text->n += n;
    }

    return NGX_OK;
}


static void
ngx_http_kairo_body_read(ngx_http_request_t *r)
{
    ngx_http_kairo_pipe_t  *p;

    p = ngx_http_kairo_pipe(r);

    if (!p->reading) {
        /* it was for a location that the request has left */
        return;
    }

    p->reading = 0;

    /* for the upstream, and for the error page of a refusal */

    r->preserve_body = 1;

    if (p->running) {
        return;
    }

    p->answer = NGX_AGAIN;
    p->answered = 1;

    r->read_event_handler = ngx_http_block_reading;
    r->write_event_handler = ngx_http_core_run_phases;

    ngx_http_core_run_phases(r);
}
