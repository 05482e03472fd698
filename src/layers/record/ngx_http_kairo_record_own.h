
/*
 * The files of the layer among themselves.
 *
 *     ngx_http_kairo_record.c        how events begin: the row's check()
 *     ngx_http_kairo_record_log.c    how they end, and refusals
 *     ngx_http_kairo_record_conf.c   directives and the variable
 */


#ifndef NGX_HTTP_KAIRO_RECORD_OWN_H_INCLUDED
#define NGX_HTTP_KAIRO_RECORD_OWN_H_INCLUDED


#include "layers/record/ngx_http_kairo_record.h"


/* reasons that are told apart when refusals are sampled */

#define NGX_HTTP_KAIRO_RECORD_REASONS  64

#define NGX_HTTP_KAIRO_RECORD_EVENTS    8      /* of one location */


typedef struct {
    ngx_str_t                           key;
    ngx_http_complex_value_t            value;
} ngx_http_kairo_record_pair_t;


/* What is to be recorded: a run, or an event of another kind. */

typedef struct {
    ngx_str_t                           kind;
    ngx_http_complex_value_t           *tool;       /* of a run */
    ngx_array_t                         pairs;
    ngx_uint_t                          drop;       /* when it is full */
} ngx_http_kairo_record_kind_t;


typedef struct {
    time_t                              second;
    ngx_uint_t                          recorded;   /* in this second */
    ngx_uint_t                          left_out;   /* since the last one */
} ngx_http_kairo_record_reason_t;


typedef struct {
    ngx_http_kairo_sample_t             lines;
    ngx_http_kairo_record_reason_t      reasons[NGX_HTTP_KAIRO_RECORD_REASONS];
    ngx_uint_t                          used;       /* 1: a location logs */
    ngx_int_t                           request_id; /* index of $request_id */
} ngx_http_kairo_record_worker_t;


typedef struct {
    ngx_http_kairo_record_worker_t     *worker;     /* written by requests */
} ngx_http_kairo_record_main_conf_t;


typedef struct {
    ngx_http_kairo_layer_conf_t         layer;      /* must be first */
    ngx_http_kairo_record_kind_t       *run;        /* NULL: none */
    ngx_uint_t                          run_set;
    ngx_array_t                        *events;     /* of ..._record_kind_t */
    ngx_uint_t                          events_set;
    ngx_uint_t                          refusals;   /* a second and reason */
    ngx_http_complex_value_t           *region;
    ngx_uint_t                          log_level;
    ngx_flag_t                          dry_run;
} ngx_http_kairo_record_conf_t;


typedef struct ngx_http_kairo_record_s  ngx_http_kairo_record_t;


/* An event of a request. */

typedef struct {
    ngx_http_kairo_record_t            *record;
    const ngx_http_kairo_record_kind_t *kind;
    ngx_kairo_op_t                     *op;         /* NULL: answered */
    unsigned char                       id[KAIRO_UUID];
    unsigned                            open:1;     /* its end is due */
} ngx_http_kairo_record_one_t;


/* Those of a request; lives in its pool. */

struct ngx_http_kairo_record_s {
    ngx_kairo_op_t                      op;         /* must be first */
    ngx_http_kairo_pipe_t              *pipe;
    ngx_msec_t                          began;
    ngx_uint_t                          n;
    ngx_uint_t                          waiting;
    ngx_uint_t                          refused;    /* the spool has not got
                                                       what it must have */
    ngx_http_kairo_record_one_t         one[];
};


/* ngx_http_kairo_record.c */

/* What all events of a request in such a location have.  NGX_ERROR: no
   memory. */

ngx_int_t ngx_http_kairo_record_who(ngx_http_kairo_pipe_t *p,
    void *const *loc_conf, kairo_event_t *event);

/* ngx_http_kairo_record_log.c: a phase handler, when the request has ended. */

ngx_int_t ngx_http_kairo_record_log(ngx_http_request_t *r);


#endif /* NGX_HTTP_KAIRO_RECORD_OWN_H_INCLUDED */
