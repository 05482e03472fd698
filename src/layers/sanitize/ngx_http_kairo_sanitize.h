
/*
 * The files of the layer among themselves, and its row for the table.
 */


#ifndef NGX_HTTP_KAIRO_SANITIZE_H_INCLUDED
#define NGX_HTTP_KAIRO_SANITIZE_H_INCLUDED


#include "ngx_http_kairo.h"
#include "core/kairo_form.h"
#include "core/kairo_multipart.h"
#include "libs/kairo_json_select.h"
#include "libs/kairo_target.h"
#include "stores/ngx_kairo_hosts.h"
#include "stores/ngx_kairo_lookup.h"
#include "stores/ngx_kairo_own.h"


/* targets in one request; more are refused */

#define NGX_HTTP_KAIRO_SANITIZE_MAX    16

/* block lists of a location */

#define NGX_HTTP_KAIRO_SANITIZE_LISTS  16


/* Where a target stands. */

typedef enum {
    NGX_HTTP_KAIRO_SANITIZE_ARG = 0,
    NGX_HTTP_KAIRO_SANITIZE_HEADER,
    NGX_HTTP_KAIRO_SANITIZE_COOKIE,
    NGX_HTTP_KAIRO_SANITIZE_CAPTURE,
    NGX_HTTP_KAIRO_SANITIZE_FORM,          /* from here on in the body */
    NGX_HTTP_KAIRO_SANITIZE_MULTIPART,
    NGX_HTTP_KAIRO_SANITIZE_JSON,
    NGX_HTTP_KAIRO_SANITIZE_CARRIERS
} ngx_http_kairo_carrier_e;


/* kairo_sanitize: one line. */

typedef struct {
    ngx_http_kairo_carrier_e     carrier;
    ngx_str_t                    text;        /* "json:$.target.url" */
    kairo_span_t                 name;        /* in lower case */
    kairo_json_path_t            path;
    ngx_int_t                    variable;    /* the index of a capture */
    kairo_target_policy_t        policy;
    ngx_uint_t                   required;
    ngx_uint_t                   many;        /* duplicates=allow */
    ngx_uint_t                   resolve;
} ngx_http_kairo_sanitize_rule_t;


typedef struct {
    ngx_http_kairo_layer_conf_t  layer;       /* must be first */
    ngx_array_t                 *rules;       /* of rule_t */
    ngx_uint_t                   carriers;    /* a bit each, that they use */
    ngx_uint_t                   cleared;     /* those of the levels above */
    ngx_array_t                 *deny;        /* of ngx_kairo_hosts_t * */
    ngx_uint_t                   denied;      /* 1: those above are off */
    ngx_kairo_hosts_t           *allow;       /* NULL: none */
    ngx_flag_t                   exceptions;
    ngx_array_t                 *nat64;       /* of kairo_nat64_t; or NULL */
    ngx_resolver_t              *resolver;    /* NULL: there is no need */
    ngx_msec_t                   timeout;     /* of all names of a request */
    size_t                       body;        /* bytes that are looked at */
    ngx_uint_t                   log_level;
    ngx_flag_t                   dry_run;
} ngx_http_kairo_sanitize_conf_t;


/* What a worker knows, which is no part of what the configuration says. */

typedef struct {
    ngx_http_kairo_sample_t      refused;     /* log lines */
    ngx_kairo_own_t              own;
    ngx_uint_t                   waiting;     /* lookups */
} ngx_http_kairo_sanitize_state_t;


typedef struct {
    ngx_array_t                       lists;  /* of ngx_kairo_hosts_t * */
    ngx_thread_pool_t                *pool;   /* NULL: no list */
    ngx_resolver_t                   *resolver;   /* this machine's, or NULL */
    ngx_http_kairo_sanitize_state_t  *state;
} ngx_http_kairo_sanitize_main_conf_t;


/* One of the request's targets that is allowed so far. */

typedef struct {
    kairo_target_t                         target;
    const ngx_http_kairo_sanitize_rule_t  *rule;
    kairo_span_t                           addr;       /* n 0: not known */
    u_char                                 ip[16];
} ngx_http_kairo_sanitize_item_t;


/* What is being judged of a request; lives in its pool. */

typedef struct {
    ngx_http_kairo_pipe_t                 *pipe;
    const ngx_http_kairo_sanitize_conf_t  *conf;
    const ngx_http_kairo_sanitize_rule_t  *rule;
    ngx_http_kairo_sanitize_state_t       *state;
    ngx_uint_t                             found;     /* of the rule */
    ngx_int_t                              rc;        /* NGX_OK so far */

    ngx_http_kairo_sanitize_item_t        *item[NGX_HTTP_KAIRO_SANITIZE_MAX];
    ngx_uint_t                             nitems;

    /* the lists that are in force */

    kairo_target_lists_t                   lists;
    const kairo_hostlist_t                *deny[NGX_HTTP_KAIRO_SANITIZE_LISTS];

    /* names that are being resolved, one after another */

    ngx_kairo_op_t                         op;        /* for the pipe */
    ngx_kairo_lookup_t                    *lookup;    /* NULL: none */
    ngx_str_t                              name;
    ngx_uint_t                             next;      /* of the items */
    ngx_msec_t                             end;       /* of the time */
} ngx_http_kairo_sanitize_t;


extern ngx_module_t  ngx_http_kairo_sanitize_module;


/* The row's check(). */

ngx_int_t ngx_http_kairo_sanitize_check(ngx_http_kairo_pipe_t *p);

/* The directives. */

char *ngx_http_kairo_sanitize(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_http_kairo_sanitize_blocklist(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_kairo_sanitize_allowlist(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_kairo_sanitize_nat64(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);

/* An array of those of the level above and a level's own; NULL: no memory. */

ngx_array_t *ngx_http_kairo_sanitize_joined(ngx_conf_t *cf,
    ngx_array_t *above, ngx_array_t *own);

/* The lists of a level, after its merge with the one above. */

char *ngx_http_kairo_sanitize_merge_lists(ngx_conf_t *cf,
    const ngx_http_kairo_sanitize_conf_t *prev,
    ngx_http_kairo_sanitize_conf_t *conf);


/*
 * Carriers: give each value of the rule to ngx_http_kairo_sanitize_value().
 * They return NGX_OK, or what the row is to answer, having said why.
 */

ngx_int_t ngx_http_kairo_sanitize_request(ngx_http_kairo_sanitize_t *s);
ngx_int_t ngx_http_kairo_sanitize_body(ngx_http_kairo_sanitize_t *s,
    kairo_span_t text);

/* The pairs of a query or a form, for its rule. */

ngx_int_t ngx_http_kairo_sanitize_pairs(ngx_http_kairo_sanitize_t *s,
    kairo_span_t text);

/* Refuses where the rule requires a target and has found none; or NGX_OK. */

ngx_int_t ngx_http_kairo_sanitize_missing(ngx_http_kairo_sanitize_t *s);

/* Judges a value, decoded.  NGX_OK, or a status to refuse with. */

ngx_int_t ngx_http_kairo_sanitize_value(ngx_http_kairo_sanitize_t *s,
    kairo_span_t value);

/*
 * Takes the lists as they are now: they may be others after each event.
 * NGX_ERROR: what this machine's addresses are can't be known.
 */

ngx_int_t ngx_http_kairo_sanitize_lists(ngx_http_kairo_sanitize_t *s);

/*
 * Resolves the names that are to be, and judges the addresses.  NGX_OK, a
 * status to refuse with, NGX_ERROR, or NGX_AGAIN: s->op will be answered.
 */

ngx_int_t ngx_http_kairo_sanitize_resolve(ngx_http_kairo_sanitize_t *s);

/* Tells the pipe, and the application, of the first one.  NGX_OK or _ERROR. */

ngx_int_t ngx_http_kairo_sanitize_tell(ngx_http_kairo_sanitize_t *s);

/* Preconfiguration: $kairo_target_host and its like. */

ngx_int_t ngx_http_kairo_sanitize_variables(ngx_conf_t *cf);

/* Refuses: returns the status that belongs to the code. */

ngx_int_t ngx_http_kairo_sanitize_refuse(ngx_http_kairo_sanitize_t *s,
    const char *code, const char *reason);


#endif /* NGX_HTTP_KAIRO_SANITIZE_H_INCLUDED */
