
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


/* Lines of one kind that a worker writes about a zone; see _log.c. */

typedef struct {
    time_t                           second;
    ngx_uint_t                       lines;       /* in this second */
    ngx_uint_t                       left_out;    /* since the last line */
} ngx_http_kairo_ratelimit_sample_t;


/* kairo_ratelimit_zone; lives as long as its configuration cycle. */

typedef struct {
    ngx_kairo_zone_t                   store;     /* must be first */
    ngx_http_complex_value_t           key;
    kairo_rate_t                       rate;
    ngx_http_kairo_ratelimit_sample_t  delayed;
    ngx_http_kairo_ratelimit_sample_t  rejected;
    ngx_http_kairo_ratelimit_sample_t  failed;
} ngx_http_kairo_ratelimit_zone_t;


/* kairo_ratelimit */

typedef struct {
    ngx_shm_zone_t                  *shm_zone;
    ngx_uint_t                       burst;
    ngx_uint_t                       delay;       /* requests not delayed */
    ngx_uint_t                       nodelay;
    ngx_http_kairo_on_error_e        on_error;

    /* worked out when all zones are known */
    kairo_gcra_t                     gcra;
    uint64_t                         undelayed;   /* debt that is, ns */

    u_char                          *file;        /* where it stands */
    ngx_uint_t                       line;
} ngx_http_kairo_ratelimit_limit_t;


typedef struct {
    ngx_array_t                      zones;       /* of zone_t * */
    ngx_array_t                      limits;      /* of limit_t *, all */
} ngx_http_kairo_ratelimit_main_conf_t;


typedef struct {
    ngx_http_kairo_layer_conf_t      layer;       /* must be first */
    ngx_array_t                     *limits;      /* of limit_t *;
                                                     NULL: inherited */
    ngx_uint_t                       status;
    ngx_uint_t                       log_level;
    ngx_uint_t                       delay_log_level;
    ngx_flag_t                       dry_run;
} ngx_http_kairo_ratelimit_conf_t;


extern ngx_module_t  ngx_http_kairo_ratelimit_module;


/* The row's check(). */

ngx_int_t ngx_http_kairo_ratelimit_check(ngx_http_kairo_pipe_t *p);

/* Directives. */

char *ngx_http_kairo_ratelimit_zone(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_kairo_ratelimit(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);

/* Binds limits to their zones once all of them are known. */

ngx_int_t ngx_http_kairo_ratelimit_bind(ngx_conf_t *cf);

/* Warns of a key that names what a client can write. */

void ngx_http_kairo_ratelimit_warn_key(ngx_conf_t *cf, ngx_str_t *key);

/*
 * Sampled log lines.  "excess" is in thousandths of a request.  The text
 * after the prefix is limit_req's.
 */

void ngx_http_kairo_ratelimit_log_rejected(ngx_http_kairo_pipe_t *p,
    const ngx_http_kairo_ratelimit_limit_t *limit, uint64_t excess);
void ngx_http_kairo_ratelimit_log_delayed(ngx_http_kairo_pipe_t *p,
    const ngx_http_kairo_ratelimit_limit_t *limit, uint64_t excess);
void ngx_http_kairo_ratelimit_log_failed(ngx_http_kairo_pipe_t *p,
    const ngx_http_kairo_ratelimit_limit_t *limit, const char *what);

/* The metrics source; "data" is the main configuration. */

void ngx_http_kairo_ratelimit_collect(void *data,
    ngx_http_kairo_sink_t *sink);


#endif /* NGX_HTTP_KAIRO_RATELIMIT_H_INCLUDED */
