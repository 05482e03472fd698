
#include "stores/ngx_kairo_op.h"


typedef struct {
    ngx_kairo_op_t        op;        /* must be first */
    ngx_event_t           event;
    ngx_kairo_timers_t   *timers;
} ngx_kairo_timer_t;


static void ngx_kairo_timer_expired(ngx_event_t *ev);
static void ngx_kairo_timer_drop(ngx_kairo_op_t *op);


void
ngx_kairo_op_finish(ngx_kairo_op_t *op, ngx_int_t rc)
{
    void  *owner;

    owner = op->owner;

    if (owner == NULL) {
        return;
    }

    op->owner = NULL;
    op->done(owner, rc);
}


void
ngx_kairo_op_cancel(ngx_kairo_op_t *op)
{
    op->owner = NULL;

    if (op->drop) {
        op->drop(op);
    }
}


ngx_int_t
ngx_kairo_op_timer(ngx_kairo_timers_t *timers, ngx_msec_t delay,
    ngx_kairo_op_t **op)
{
    ngx_kairo_timer_t  *timer;

    if (timers->waiting >= timers->max) {
        return NGX_DECLINED;
    }

    timer = ngx_calloc(sizeof(ngx_kairo_timer_t), ngx_cycle->log);
    if (timer == NULL) {
        return NGX_ERROR;
    }

    timer->op.drop = ngx_kairo_timer_drop;

    timer->event.handler = ngx_kairo_timer_expired;
    timer->event.data = timer;
    timer->event.log = ngx_cycle->log;

    timer->timers = timers;
    timers->waiting++;

    ngx_add_timer(&timer->event, delay);

    *op = &timer->op;

    return NGX_OK;
}


static void
ngx_kairo_timer_expired(ngx_event_t *ev)
{
    ngx_kairo_timer_t  *timer = ev->data;

    timer->timers->waiting--;

    ngx_kairo_op_finish(&timer->op, NGX_OK);
    ngx_free(timer);
}


static void
ngx_kairo_timer_drop(ngx_kairo_op_t *op)
{
    ngx_kairo_timer_t  *timer = (ngx_kairo_timer_t *) op;

    timer->timers->waiting--;

    ngx_del_timer(&timer->event);
    ngx_free(timer);
}
