
/*
 * One question that a store has been asked and has not answered yet.
 *
 * The op belongs to its store from beginning to end, never to the pool of
 * whoever asked.  Who gives up calls ngx_kairo_op_cancel() and may go away:
 * what is left is a tombstone, and a late answer finds valid memory and no
 * owner.
 */


#ifndef NGX_KAIRO_OP_H_INCLUDED
#define NGX_KAIRO_OP_H_INCLUDED


#include "stores/ngx_kairo.h"


typedef struct ngx_kairo_op_s  ngx_kairo_op_t;


struct ngx_kairo_op_s {
    void       *owner;                             /* NULL: nobody waits */
    void      (*done)(void *owner, ngx_int_t rc);  /* the owner's */
    void      (*drop)(ngx_kairo_op_t *op);         /* the store's, or NULL */
};


/*
 * The store has the answer.  Calls the owner's done(), once, unless nobody
 * waits any more.  done() may be called before the function that made the op
 * has returned to the owner.
 */

void ngx_kairo_op_finish(ngx_kairo_op_t *op, ngx_int_t rc);

/*
 * The owner does not wait any longer: done() will not be called.  The store
 * is told through drop() and may free the op at once, so the owner must not
 * touch it again.
 */

void ngx_kairo_op_cancel(ngx_kairo_op_t *op);


/* The timers of one purpose in a worker, so that they can be bounded. */

typedef struct {
    ngx_uint_t   waiting;
    ngx_uint_t   max;
} ngx_kairo_timers_t;


/*
 * An op that is answered with NGX_OK after "delay" ms.  NGX_DECLINED when so
 * many wait already, NGX_ERROR when there is no memory.  "timers" outlives
 * the op.  The timer is not cancelable: a worker that shuts down waits for the
 * requests it has delayed.
 */

ngx_int_t ngx_kairo_op_timer(ngx_kairo_timers_t *timers, ngx_msec_t delay,
    ngx_kairo_op_t **op);


#endif /* NGX_KAIRO_OP_H_INCLUDED */
