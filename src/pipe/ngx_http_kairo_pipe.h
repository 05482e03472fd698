
/*
 * The pipe's own: what its files and the entry file share.  Layers and
 * endpoints include ngx_http_kairo.h.
 */


#ifndef NGX_HTTP_KAIRO_PIPE_H_INCLUDED
#define NGX_HTTP_KAIRO_PIPE_H_INCLUDED


#include "ngx_http_kairo.h"
#include "stores/ngx_kairo_stats.h"


typedef struct {
    const ngx_http_kairo_row_t  *rows;
    ngx_uint_t                   nrows;
    ngx_uint_t                   used;       /* by any location */
    ngx_kairo_stats_t            stats;
    ngx_array_t                  sources;    /* ngx_http_kairo_source_t */
    ngx_array_t                  databases;  /* ngx_kairo_postgres_t * */
    ngx_kairo_spool_t           *spool;      /* or NULL */
} ngx_http_kairo_main_conf_t;


typedef struct {
    ngx_flag_t                   used;       /* by a location of the server */
} ngx_http_kairo_srv_conf_t;


typedef struct {
    ngx_uint_t                   client_prefix;    /* of IPv6, bits */
    ngx_flag_t                   preflight;
    ngx_uint_t                   promises;    /* of this level alone */
} ngx_http_kairo_loc_conf_t;


/* The names of ngx_http_kairo_decision_e, in variables and in metrics. */

extern const ngx_str_t  ngx_http_kairo_decisions[];


/*
 * Judges the rows that are due in "phase", in the order of the table.
 * NGX_DECLINED: go on, the request passes; NGX_DONE: it was refused and
 * finalized, don't touch it; NGX_AGAIN: it is suspended.
 */

ngx_int_t ngx_http_kairo_walk(ngx_http_request_t *r, ngx_uint_t phase);

/* Finalizes the request with p->refusal; the request may be gone after. */

void ngx_http_kairo_refuse(ngx_http_kairo_pipe_t *p);

/* Counts the row's decision. */

void ngx_http_kairo_count(ngx_http_kairo_pipe_t *p,
    ngx_http_kairo_decision_e decision);

/* A phase handler: removes X-Kairo-* fields.  NGX_DECLINED or a status. */

ngx_int_t ngx_http_kairo_strip(ngx_http_request_t *r);

/* Preconfiguration: $kairo_decision, $kairo_layer, $kairo_reason, ... */

ngx_int_t ngx_http_kairo_variables(ngx_conf_t *cf);

/* The directive kairo_postgres. */

char *ngx_http_kairo_database_add(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);

/* The database of a name, or NULL. */

ngx_kairo_postgres_t *ngx_http_kairo_database_of(
    const ngx_http_kairo_main_conf_t *kmcf, const ngx_str_t *name);

/* Postconfiguration: what the rest of the configuration has to give them. */

ngx_int_t ngx_http_kairo_databases_ready(ngx_conf_t *cf,
    ngx_http_kairo_main_conf_t *kmcf);

/* In a worker, when it begins and when it ends. */

void ngx_http_kairo_databases_start(const ngx_http_kairo_main_conf_t *kmcf);
void ngx_http_kairo_databases_stop(const ngx_http_kairo_main_conf_t *kmcf);

/* The directive kairo_spool. */

char *ngx_http_kairo_spool_add(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);

/* Postconfiguration: which database it is for. */

ngx_int_t ngx_http_kairo_spool_ready(ngx_conf_t *cf,
    ngx_http_kairo_main_conf_t *kmcf);


#endif /* NGX_HTTP_KAIRO_PIPE_H_INCLUDED */
