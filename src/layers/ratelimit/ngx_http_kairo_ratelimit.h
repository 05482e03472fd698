
/*
 * The files of the layer among themselves, and its row for the table.
 */


#ifndef NGX_HTTP_KAIRO_RATELIMIT_H_INCLUDED
#define NGX_HTTP_KAIRO_RATELIMIT_H_INCLUDED


#include "ngx_http_kairo.h"
#include "core/kairo_rate.h"
#include "stores/ngx_kairo_zone.h"


/* limits at one location; they are judged in one step, on the stack */

#define NGX_HTTP_KAIRO_RATELIMIT_MAX  16

/* bytes of a key, as limit_req's */

#define NGX_HTTP_KAIRO_RATELIMIT_KEY  65535


/* of ngx_kairo_zone_root_t.counters */

typedef enum {
    NGX_HTTP_KAIRO_RATELIMIT_PASSED = 0,
    NGX_HTTP_KAIRO_RATELIMIT_DELAYED,
    NGX_HTTP_KAIRO_RATELIMIT_REJECTED,
    NGX_HTTP_KAIRO_RATELIMIT_DELAYED_DRY_RUN,
    NGX_HTTP_KAIRO_RATELIMIT_REJECTED_DRY_RUN,
    NGX_HTTP_KAIRO_RATELIMIT_ERROR,
    NGX_HTTP_KAIRO_RATELIMIT_OVERFLOW
} ngx_http_kairo_ratelimit_result_e;


/* kairo_ratelimit_zone; lives as long as its configuration cycle. */

typedef struct {
    ngx_kairo_zone_t                   store;     /* must be first */
    ngx_http_complex_value_t           key;
    ngx_http_complex_value_t          *value;     /* of the rate; or NULL */
    kairo_rate_t                       rate;      /* fixed, or the default */
    ngx_http_kairo_sample_t            delayed;
    ngx_http_kairo_sample_t            rejected;
    ngx_http_kairo_sample_t            failed;
} ngx_http_kairo_ratelimit_zone_t;


/* A number that is fixed, or read from variables with each request. */

typedef struct {
    ngx_http_complex_value_t          *value;     /* NULL: fixed */
    uint64_t                           number;    /* fixed, or the default */
    ngx_uint_t                         set;       /* number is of use */
} ngx_http_kairo_ratelimit_number_t;


typedef enum {
    NGX_HTTP_KAIRO_RATELIMIT_DRAFT = 0,
    NGX_HTTP_KAIRO_RATELIMIT_LEGACY,
    NGX_HTTP_KAIRO_RATELIMIT_NONE
} ngx_http_kairo_ratelimit_headers_e;


/* kairo_ratelimit */

typedef struct {
    ngx_shm_zone_t                     *shm_zone;
    ngx_http_kairo_ratelimit_number_t   burst;
    ngx_http_kairo_ratelimit_number_t   cost;
    ngx_uint_t                          delay;    /* not delayed, requests */
    ngx_uint_t                          nodelay;
    ngx_uint_t                          per_location;
    ngx_uint_t                          after_auth;
    ngx_http_kairo_ratelimit_headers_e  headers;
    ngx_uint_t                          headers_all;    /* on passes too */
    ngx_http_kairo_on_error_e           on_error;

    u_char                             *file;     /* where it stands */
    ngx_uint_t                          line;

    /* worked out when all zones are known, where nothing is variable */
    ngx_uint_t                          fixed;
    kairo_limit_t                       law;
} ngx_http_kairo_ratelimit_limit_t;


typedef struct {
    ngx_array_t                         zones;    /* of zone_t * */
    ngx_array_t                         limits;   /* of limit_t *, all */
    ngx_array_t                         confs;    /* of conf_t *, with some */
    ngx_uint_t                          max_delayed;
    ngx_kairo_timers_t                 *timers;   /* delayed requests */
} ngx_http_kairo_ratelimit_main_conf_t;


typedef struct {
    ngx_http_kairo_layer_conf_t         layer;    /* must be first */
    ngx_http_kairo_mode_e               after_auth;    /* of that row */
    ngx_array_t                        *limits;   /* of limit_t *;
                                                     NULL: inherited */
    ngx_uint_t                          status;
    ngx_uint_t                          log_level;
    ngx_uint_t                          delay_log_level;
    ngx_flag_t                          dry_run;
} ngx_http_kairo_ratelimit_conf_t;


/* A request's question to one limit. */

typedef struct {
    const ngx_http_kairo_ratelimit_limit_t  *limit;
    ngx_http_kairo_ratelimit_zone_t         *zone;
    kairo_limit_t                            law;
    ngx_uint_t                               peek;    /* charges nothing */
    uint64_t                                 tag;
    kairo_table_answer_t                     answer;
} ngx_http_kairo_ratelimit_ask_t;


/* A request's questions to all limits of its location. */

typedef struct {
    ngx_uint_t                               n;
    uint64_t                                 now;
    ngx_http_kairo_ratelimit_ask_t           ask[NGX_HTTP_KAIRO_RATELIMIT_MAX];
} ngx_http_kairo_ratelimit_step_t;


extern ngx_module_t  ngx_http_kairo_ratelimit_module;


/* The rows' check(): of limits before auth, and of those after it. */

ngx_int_t ngx_http_kairo_ratelimit_check(ngx_http_kairo_pipe_t *p);
ngx_int_t ngx_http_kairo_ratelimit_check_identity(ngx_http_kairo_pipe_t *p);

/* Directives. */

char *ngx_http_kairo_ratelimit_zone(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_kairo_ratelimit(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);

/* Binds limits to their zones once all of them are known. */

ngx_int_t ngx_http_kairo_ratelimit_bind(ngx_conf_t *cf);

/*
 * The law of a limit for this request.  NGX_ERROR: a variable is empty or
 * can't be read, which is logged, and on_error decides.
 */

ngx_int_t ngx_http_kairo_ratelimit_law(ngx_http_kairo_pipe_t *p,
    ngx_http_kairo_ratelimit_ask_t *ask);

/*
 * The law for these numbers, whose cost is at least 1.  NGX_ERROR: the burst
 * is more than can be kept.
 */

ngx_int_t ngx_http_kairo_ratelimit_make_law(
    const ngx_http_kairo_ratelimit_zone_t *zone, const kairo_rate_t *rate,
    uint64_t burst, uint64_t cost, kairo_limit_t *law);

/* A rate as the zone reads it: a bare count for a window, else a rate. */

kairo_rate_rc_t ngx_http_kairo_ratelimit_read_rate(
    const ngx_http_kairo_ratelimit_zone_t *zone, kairo_span_t s,
    kairo_rate_t *rate);

/*
 * The response's fields that tell of the limits; "charged" tells whether the
 * request was.  NGX_ERROR: no memory.  NULL where no limit wants any.
 */

ngx_int_t ngx_http_kairo_ratelimit_fields(ngx_http_request_t *r,
    const ngx_http_kairo_ratelimit_step_t *step, ngx_uint_t charged,
    ngx_http_kairo_field_t **fields);

/* Compiles text with variables. */

ngx_int_t ngx_http_kairo_ratelimit_compile(ngx_conf_t *cf, ngx_str_t *text,
    ngx_http_complex_value_t *value);

/* Whether a parameter begins with a literal, "zone=" say. */

#define ngx_http_kairo_ratelimit_is(value, name)                              \
    ((value)->len >= sizeof(name) - 1                                         \
     && ngx_strncmp((value)->data, name, sizeof(name) - 1) == 0)

/*
 * Sampled log lines.  The text after the prefix is limit_req's; "value" is
 * what was written in the configuration.
 */

void ngx_http_kairo_ratelimit_log_rejected(ngx_http_kairo_pipe_t *p,
    const ngx_http_kairo_ratelimit_ask_t *ask);
void ngx_http_kairo_ratelimit_log_delayed(ngx_http_kairo_pipe_t *p,
    const ngx_http_kairo_ratelimit_ask_t *ask);
void ngx_http_kairo_ratelimit_log_failed(ngx_http_kairo_pipe_t *p,
    const ngx_http_kairo_ratelimit_limit_t *limit, const ngx_str_t *value,
    const char *what);

/* The metrics source; "data" is the main configuration. */

void ngx_http_kairo_ratelimit_collect(void *data,
    ngx_http_kairo_sink_t *sink);


#endif /* NGX_HTTP_KAIRO_RATELIMIT_H_INCLUDED */
