
/*
 * The files of the layer among themselves, and its row for the table.
 */


#ifndef NGX_HTTP_KAIRO_REQUIRE_H_INCLUDED
#define NGX_HTTP_KAIRO_REQUIRE_H_INCLUDED


#include "ngx_http_kairo.h"
#include "libs/kairo_facts.h"
#include "stores/ngx_kairo_tally.h"


#define NGX_HTTP_KAIRO_REQUIRE_TIERS  8


/* What the tally counts of a requirement. */

typedef enum {
    NGX_HTTP_KAIRO_REQUIRE_REFUSED = 0,
    NGX_HTTP_KAIRO_REQUIRE_DRY,          /* would have been refused */
    NGX_HTTP_KAIRO_REQUIRE_BYPASSED      /* by an administrator */
} ngx_http_kairo_require_count_e;


/* kairo_role: what a role may do. */

typedef struct {
    ngx_str_t                     name;
    ngx_array_t                   permissions;    /* of ngx_str_t */
} ngx_http_kairo_role_t;


typedef enum {
    NGX_HTTP_KAIRO_REQUIRE_ROLE = 0,
    NGX_HTTP_KAIRO_REQUIRE_PERMISSION,
    NGX_HTTP_KAIRO_REQUIRE_CLAIM
} ngx_http_kairo_require_kind_e;


/* One of those that "|" is between. */

typedef struct {
    ngx_http_kairo_require_kind_e  kind;
    ngx_str_t                      name;      /* role, permission, claim */
    ngx_http_complex_value_t      *value;     /* of a claim */
    ngx_array_t                    roles;     /* of ngx_str_t *, that have the
                                                 permission */
} ngx_http_kairo_alternative_t;


/* A line: one of its alternatives has to hold. */

typedef struct {
    ngx_array_t                    alternatives;
    ngx_str_t                      text;      /* "role=editor|admin" */
    ngx_int_t                      tally;
} ngx_http_kairo_requirement_t;


/* kairo_entitlement; ntiers 0: off. */

typedef struct {
    ngx_str_t                      tiers[NGX_HTTP_KAIRO_REQUIRE_TIERS];
    ngx_uint_t                     ntiers;
    ngx_uint_t                     bypass;    /* for administrators */
    ngx_str_t                      text;      /* "entitlement=pro|team" */
    ngx_int_t                      tally;
} ngx_http_kairo_entitlement_t;


typedef struct {
    ngx_array_t                    roles;     /* of role_t */
    ngx_array_t                    lines;     /* of requirement_t *, all */
    ngx_kairo_tally_t              tally;
    ngx_int_t                      admin;     /* of kairo_require_admin */
    ngx_uint_t                     used;      /* by any location */
    ngx_http_kairo_sample_t       *refused;   /* log lines */
} ngx_http_kairo_require_main_conf_t;


typedef struct {
    ngx_http_kairo_layer_conf_t    layer;     /* must be first */
    ngx_array_t                   *lines;     /* of requirement_t *, those of
                                                 the levels above first */
    ngx_flag_t                     admin;
    ngx_http_kairo_entitlement_t  *entitlement;
    ngx_str_t                      upgrade;   /* a URL */
    ngx_uint_t                     cleared;   /* what the levels above have */
    ngx_uint_t                     log_level;
    ngx_flag_t                     dry_run;
} ngx_http_kairo_require_conf_t;


extern ngx_module_t  ngx_http_kairo_require_module;


/* The row's check(). */

ngx_int_t ngx_http_kairo_require_check(ngx_http_kairo_pipe_t *p);

/* Directives. */

char *ngx_http_kairo_require(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_http_kairo_role(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_http_kairo_entitlement(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);

/* Postconfiguration: which roles have the permissions that are required. */

ngx_int_t ngx_http_kairo_require_bind(ngx_conf_t *cf);

/* Preconfiguration: $kairo_entitlement, $kairo_admin_run. */

ngx_int_t ngx_http_kairo_require_variables(ngx_conf_t *cf);

/* The metrics source; "data" is the main configuration. */

void ngx_http_kairo_require_collect(void *data, ngx_http_kairo_sink_t *sink);


#endif /* NGX_HTTP_KAIRO_REQUIRE_H_INCLUDED */
