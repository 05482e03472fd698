
/*
 * The files of the layer among themselves, and its row for the table.
 */


#ifndef NGX_HTTP_KAIRO_AUTH_H_INCLUDED
#define NGX_HTTP_KAIRO_AUTH_H_INCLUDED


#include "ngx_http_kairo.h"
#include "core/kairo_base64url.h"
#include "core/kairo_memo.h"
#include "libs/kairo_facts.h"
#include "libs/kairo_jwt.h"
#include "stores/ngx_kairo_cache.h"
#include "stores/ngx_kairo_keys.h"
#include "stores/ngx_kairo_revocations.h"
#include "stores/ngx_kairo_secret.h"


/* issuers and sources of tokens at one location */

#define NGX_HTTP_KAIRO_AUTH_MAX  8


/* By what a token can be revoked by itself: kinds up to _SUBJECT. */

#define NGX_HTTP_KAIRO_AUTH_MARKS  4

typedef struct {
    uint64_t                     digest[2];   /* 0, 0: it has none */
} ngx_http_kairo_auth_mark_t;


/* of ngx_kairo_cache_root_t.counters */

typedef enum {
    NGX_HTTP_KAIRO_AUTH_HIT = 0,       /* a token that was known */
    NGX_HTTP_KAIRO_AUTH_VERIFIED,      /* its signature was */
    NGX_HTTP_KAIRO_AUTH_REFUSED,
    NGX_HTTP_KAIRO_AUTH_ABSENT,
    NGX_HTTP_KAIRO_AUTH_REVOKED,
    NGX_HTTP_KAIRO_AUTH_RESULTS
} ngx_http_kairo_auth_result_e;


/* kairo_issuer; lives as long as its configuration cycle. */

typedef struct {
    ngx_str_t                    name;
    kairo_jwt_policy_t           policy;
    kairo_facts_map_t            map;
    const char                  *session;     /* where its id stands */
    ngx_kairo_keys_t             keys;
    ngx_http_kairo_auth_mark_t   mark;        /* of all its tokens */
    uint64_t                     id;          /* a hash of all of this */
    ngx_uint_t                   any_audience;
    ngx_uint_t                   lines;       /* that it has, a bit each */
} ngx_http_kairo_issuer_t;


typedef enum {
    NGX_HTTP_KAIRO_AUTH_OFF = 0,
    NGX_HTTP_KAIRO_AUTH_OPTIONAL,
    NGX_HTTP_KAIRO_AUTH_REQUIRED
} ngx_http_kairo_auth_need_e;


/* kairo_admins: who is an administrator, of one of these issuers. */

typedef struct {
    ngx_array_t                  entries;     /* of ngx_str_t, sorted; each
                                                 "e" or "s" and what it is */
    ngx_str_t                    names[NGX_HTTP_KAIRO_AUTH_MAX];
    ngx_http_kairo_issuer_t     *issuers[NGX_HTTP_KAIRO_AUTH_MAX];
    ngx_uint_t                   nissuers;
    ngx_str_t                    env;         /* its name; or empty */
    ngx_uint_t                   replaced;    /* 1: by the environment */
    ngx_uint_t                   lines;       /* entries of the file */
    ngx_uint_t                   words;       /* and of the configuration */
} ngx_http_kairo_admins_t;


typedef struct {
    ngx_array_t                  issuers;     /* of issuer_t * */
    ngx_array_t                  rules;       /* of rule_t * */
    size_t                       cache_size;
    ngx_kairo_cache_t           *cache;       /* NULL: no issuer at all */
    kairo_memo_t                *memo;        /* the worker's own */
    ngx_http_kairo_admins_t     *admins;      /* NULL: there are none */
    ngx_kairo_revocations_t     *revocations; /* NULL: nothing is revoked */
    ngx_http_kairo_sample_t     *refused;     /* lines */
} ngx_http_kairo_auth_main_conf_t;


/* kairo_auth: what one line says, whoever inherits it. */

typedef struct {
    ngx_http_kairo_auth_need_e   need;
    ngx_str_t                    names[NGX_HTTP_KAIRO_AUTH_MAX];
    ngx_http_kairo_issuer_t     *issuers[NGX_HTTP_KAIRO_AUTH_MAX];
    ngx_uint_t                   nissuers;
    ngx_str_t                    sources[NGX_HTTP_KAIRO_AUTH_MAX];
    ngx_uint_t                   nsources;    /* a cookie's name each; empty:
                                                 Authorization: Bearer */
    ngx_str_t                    realm;
    uint64_t                     id;          /* of the set of issuers */

    u_char                      *file;        /* where it stands */
    ngx_uint_t                   line;
} ngx_http_kairo_auth_rule_t;


typedef struct {
    ngx_http_kairo_layer_conf_t  layer;       /* must be first */
    ngx_http_kairo_auth_rule_t  *rule;
    ngx_array_t                 *origins;     /* of ngx_str_t */
    ngx_uint_t                   log_level;
    ngx_flag_t                   dry_run;
    ngx_http_handler_pt          revoke;      /* the endpoint; or NULL */
} ngx_http_kairo_auth_conf_t;


/* What is known of a token that has been verified. */

typedef struct {
    const ngx_http_kairo_issuer_t  *issuer;
    kairo_alg_t                     alg;
    kairo_jwt_times_t               times;
    ngx_uint_t                      newer;   /* keys might let it pass */
    u_char                          thumb[KAIRO_KEY_THUMB];    /* its key's */
    ngx_http_kairo_auth_mark_t      mark[NGX_HTTP_KAIRO_AUTH_MARKS];
    kairo_facts_t                   facts;
    u_char                          buf[KAIRO_FACTS_SIZE];
} ngx_http_kairo_auth_token_t;


/* What pipe->identity is the first member of, for this layer. */

typedef struct {
    ngx_http_kairo_identity_t       id;
    kairo_span_t                    token;    /* as the request has it */
    kairo_jwt_t                    *jwt;      /* NULL until claims are asked */
} ngx_http_kairo_auth_identity_t;


extern ngx_module_t  ngx_http_kairo_auth_module;


/* The row's check(). */

ngx_int_t ngx_http_kairo_auth_check(ngx_http_kairo_pipe_t *p);

/* Puts code and hint into the pipe's refusal, and returns the status. */

ngx_int_t ngx_http_kairo_auth_refuse(ngx_http_kairo_pipe_t *p,
    ngx_uint_t status, const char *code, const char *hint);

/* Directives. */

char *ngx_http_kairo_issuer(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_http_kairo_auth(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_http_kairo_admins(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_http_kairo_revocations(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_kairo_revoke(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);

/* Postconfiguration: binds rules to their issuers, makes the cache. */

ngx_int_t ngx_http_kairo_auth_bind(ngx_conf_t *cf);

/* The issuer of a name, or NULL. */

ngx_http_kairo_issuer_t *ngx_http_kairo_auth_issuer_of(
    const ngx_http_kairo_auth_main_conf_t *amcf, const ngx_str_t *name);

/*
 * Postconfiguration: the issuers of the list of administrators, and the list
 * that the environment has instead.  NGX_ERROR: has said why.
 */

ngx_int_t ngx_http_kairo_admins_bind(ngx_conf_t *cf,
    ngx_http_kairo_auth_main_conf_t *amcf);

/* Into the log of a start: how many, and from where; never who. */

void ngx_http_kairo_admins_log(const ngx_http_kairo_admins_t *admins,
    ngx_log_t *log);

/* Whether the list has them: judged on each request, never remembered. */

ngx_uint_t ngx_http_kairo_admins_has(const ngx_http_kairo_admins_t *admins,
    const ngx_http_kairo_issuer_t *issuer,
    const ngx_http_kairo_identity_t *id);

/* Preconfiguration: $kairo_subject and its like. */

ngx_int_t ngx_http_kairo_auth_variables(ngx_conf_t *cf);


/*
 * The request's token.  NGX_OK: there is one, and "cookie" tells whether it
 * came by a cookie; NGX_DECLINED: there is none; NGX_ABORT: one place holds
 * two, or one that is no token.
 */

ngx_int_t ngx_http_kairo_auth_find(ngx_http_request_t *r,
    const ngx_http_kairo_auth_rule_t *rule, kairo_span_t *token,
    ngx_uint_t *cookie);

/*
 * Whether a request whose credentials the browser sends by itself was meant by
 * a page of this site (Fetch metadata; RFC 6454 where a browser has none).
 */

ngx_uint_t ngx_http_kairo_auth_same_origin(ngx_http_request_t *r,
    const ngx_http_kairo_auth_conf_t *acf);

/*
 * Verifies a token, or finds it in the cache, where all that may have changed
 * is judged again.  NGX_OK; NGX_ERROR: no memory; NGX_BUSY: there are no keys
 * yet; NGX_DECLINED: not genuine or not for here, "reason" says why.
 */

ngx_int_t ngx_http_kairo_auth_verify(ngx_http_request_t *r,
    const ngx_http_kairo_auth_rule_t *rule, kairo_span_t text,
    ngx_http_kairo_auth_token_t *token, const char **reason);

/*
 * Fetches the issuer's keys beside the request.  NGX_OK: it is under way;
 * NGX_AGAIN: another request is at it; NGX_DECLINED: they are not fetched, or
 * it is too early.
 */

ngx_int_t ngx_http_kairo_auth_fetch(ngx_http_request_t *r,
    const ngx_http_kairo_issuer_t *issuer);

/*
 * What a token, or all of an issuer, is revoked by: a digest of kind, issuer
 * and value.  NGX_ERROR: no memory.
 */

ngx_int_t ngx_http_kairo_auth_mark(ngx_http_kairo_auth_mark_t *mark,
    const ngx_http_kairo_issuer_t *issuer, kairo_revocation_kind_t kind,
    kairo_span_t value);

/* All that the token has of them.  NGX_ERROR: no memory. */

ngx_int_t ngx_http_kairo_auth_marks(ngx_http_kairo_auth_token_t *token,
    const kairo_jwt_t *jwt);

/* Whether the token was revoked by any of them. */

ngx_uint_t ngx_http_kairo_auth_revoked(
    const ngx_kairo_revocations_t *revocations,
    const ngx_http_kairo_auth_token_t *token);

/* Tells the pipe, and the application, who it is by which token. */

ngx_int_t ngx_http_kairo_auth_identify(ngx_http_kairo_pipe_t *p,
    const ngx_http_kairo_auth_token_t *token, kairo_span_t text);

/*
 * A record of the cache.  Pack returns its length, 0 where it is too long;
 * unpack returns NGX_OK, or NGX_DECLINED where the issuer is not among those
 * of the location.
 */

size_t ngx_http_kairo_auth_pack(const ngx_http_kairo_auth_token_t *token,
    u_char *record);
ngx_int_t ngx_http_kairo_auth_unpack(ngx_http_kairo_auth_token_t *token,
    const ngx_http_kairo_auth_rule_t *rule, const u_char *record, size_t n);

/* identity.claims */

const json_t *ngx_http_kairo_auth_claims(ngx_http_request_t *r);

/* The metrics source; "data" is the main configuration. */

void ngx_http_kairo_auth_collect(void *data, ngx_http_kairo_sink_t *sink);


#endif /* NGX_HTTP_KAIRO_AUTH_H_INCLUDED */
