
/*
 * What a layer and an endpoint may include of the module, besides core/,
 * libs/ and stores/.
 *
 * A layer asks one question of a request.  Its answer is its row's check():
 *
 *     NGX_DECLINED   the row has nothing to ask here
 *     NGX_OK         judged: passes
 *     NGX_AGAIN      asked a store, by ngx_http_kairo_wait(); the store's op
 *                    is answered once, or canceled.  An op that is answered
 *                    with NGX_AGAIN makes the row be asked again
 *     NGX_ERROR      could not decide: on_error decides, in the pipe
 *     300..599       refuse with this status; pipe->refusal says more
 *
 * Whatever a check() answers, the pipe alone finalizes, counts, honours
 * dry_run and on_error, and keeps the request in order over redirects.
 */


#ifndef NGX_HTTP_KAIRO_H_INCLUDED
#define NGX_HTTP_KAIRO_H_INCLUDED


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "stores/ngx_kairo.h"
#include "stores/ngx_kairo_op.h"
#include "stores/ngx_kairo_postgres.h"
#include "stores/ngx_kairo_spool.h"


#define NGX_HTTP_KAIRO_VERSION  "0.1.0"


typedef struct ngx_http_kairo_pipe_s  ngx_http_kairo_pipe_t;


typedef enum {
    NGX_HTTP_KAIRO_OFF = 0,
    NGX_HTTP_KAIRO_ON,
    NGX_HTTP_KAIRO_DRY_RUN     /* decides and reports, and lets pass */
} ngx_http_kairo_mode_e;


typedef enum {
    NGX_HTTP_KAIRO_REFUSE = 0,
    NGX_HTTP_KAIRO_PASS
} ngx_http_kairo_on_error_e;


/* The first member of each layer's location configuration. */

typedef struct {
    ngx_http_kairo_mode_e       mode;
} ngx_http_kairo_layer_conf_t;


/* A row of the table in ngx_http_kairo_module.c. */

typedef struct {
    ngx_str_t       layer;
    ngx_module_t   *module;
    size_t          mode;       /* where its mode is in the module's location
                                   configuration: 0, in layer_conf_t */
    ngx_uint_t      phase;      /* NGX_HTTP_ACCESS_PHASE or _PRECONTENT_ */
    ngx_uint_t      spends;     /* 1: at most once a request, else once for
                                   each location that the request enters */
    ngx_int_t     (*check)(ngx_http_kairo_pipe_t *p);
} ngx_http_kairo_row_t;


/* A field of a response.  The text lives as long as the request. */

typedef struct ngx_http_kairo_field_s  ngx_http_kairo_field_t;

struct ngx_http_kairo_field_s {
    ngx_str_t                 name;
    ngx_str_t                 value;
    ngx_http_kairo_field_t   *next;
};


/* Set by a check() that refuses.  All text is read while p lives. */

typedef struct {
    ngx_uint_t                status;
    ngx_str_t                 code;         /* stable, for programs */
    ngx_str_t                 hint;         /* a sentence for a developer */
    ngx_str_t                 reason;       /* $kairo_reason, which only the
                                               operator sees; empty: code */
    ngx_str_t                 upgrade;      /* where to buy what is missing */
    ngx_str_t                 param;        /* "arg:url", that is wrong */
    time_t                    retry_after;  /* s; 0: no Retry-After */
    ngx_http_kairo_field_t   *fields;       /* of the refusal's response */
} ngx_http_kairo_refusal_t;


/*
 * Who a verified token says it is.  All text lives as long as the request and
 * is empty where the token does not tell; none has a control character.
 */

typedef struct {
    ngx_str_t                 issuer;       /* the name of kairo_issuer */
    ngx_str_t                 subject;
    ngx_str_t                 user;         /* issuer, colon, subject */
    ngx_str_t                 email;
    ngx_str_t                 roles;        /* with commas between */
    ngx_str_t                 permissions;  /* of the token, the same way */
    ngx_str_t                 tier;
    ngx_str_t                 id;           /* of the database's, a UUID */
    ngx_uint_t                admin;        /* 1: on the list of this server */

    /*
     * All that the token says, within the request; NULL: no memory, which is
     * also noted in the pipe.
     */
    const struct json_t    *(*claims)(ngx_http_request_t *r);
} ngx_http_kairo_identity_t;


/* The first target that a tool is to fetch, when all of them are allowed. */

typedef struct {
    ngx_str_t                 host;         /* in ASCII and lower case, IPv6
                                               without brackets */
    ngx_str_t                 port;         /* of the scheme, if none is there;
                                               empty: neither is */
    ngx_str_t                 url;          /* in its normal form; or empty */
    ngx_str_t                 uri;          /* of a URL: the path, "/" if there
                                               is none, and the query */
    ngx_str_t                 addr;         /* that was judged, with the port
                                               if there is one; or empty */
} ngx_http_kairo_target_t;


typedef enum {
    NGX_HTTP_KAIRO_NONE = 0,
    NGX_HTTP_KAIRO_PASSED,
    NGX_HTTP_KAIRO_REFUSED_DRY_RUN,
    NGX_HTTP_KAIRO_PASSED_ON_ERROR,
    NGX_HTTP_KAIRO_REFUSED_ON_ERROR,
    NGX_HTTP_KAIRO_REFUSED
} ngx_http_kairo_decision_e;


/* One for each main request that a row has judged; lives in its pool. */

struct ngx_http_kairo_pipe_s {
    ngx_http_request_t          *request;

    /* of the row that is being judged */

    ngx_http_kairo_mode_e        mode;
    ngx_http_kairo_on_error_e    on_error;    /* a check() may set it */
    ngx_http_kairo_refusal_t     refusal;

    /* the decision so far, and the layer and code behind it */

    ngx_http_kairo_decision_e    decision;
    ngx_str_t                    layer;
    ngx_str_t                    reason;
    void                       **refused_in;  /* r->loc_conf of then: its error
                                                 page is in another place */

    /* what one layer learns and others, or variables, need */

    ngx_str_t                    ratelimit_status;
    ngx_str_t                    auth_reason;
    ngx_str_t                    entitlement;    /* the tier that opened */
    ngx_str_t                    event_id;       /* of the run, or else of the
                                                    first event */
    struct ngx_http_kairo_record_s  *record;     /* of the layer */

    const ngx_http_kairo_identity_t  *identity;    /* NULL: nobody known */
    const ngx_http_kairo_identity_t  *entitled;    /* whom a paywall let by */
    const ngx_http_kairo_target_t    *target;      /* NULL: none */
    ngx_str_t                         target_verdict;

    /* the walk's own */

    const ngx_http_kairo_row_t  *row;
    ngx_kairo_op_t              *op;          /* not answered yet */
    ngx_int_t                    answer;
    ngx_uint_t                   asked;       /* how often, of the row */
    uint32_t                     judged;      /* rows, in this location */
    uint32_t                     spent;       /* rows, in this request */
    unsigned                     running:1;   /* inside a check() */
    unsigned                     reading:1;   /* the body, for a row */
    unsigned                     unread:1;    /* it can't be read */
    unsigned                     answered:1;
    unsigned                     watched:1;   /* cancel() will be called */
    unsigned                     held:1;      /* a check() that waits may set
                                                 it: the client can't end that
                                                 by leaving */
    unsigned                     refused:1;
    unsigned                     starved:1;   /* a variable had no memory */
    unsigned                     admin_run:1; /* an administrator has passed
                                                 a paywall as such */
};


extern ngx_module_t  ngx_http_kairo_module;


/*
 * The configuration of a module for this request.  Read it, never write: one
 * request must not change how the next is judged.
 */

static inline const void *
ngx_http_kairo_conf(const ngx_http_request_t *r, const ngx_module_t *module)
{
    return r->loc_conf[module->ctx_index];
}


/*
 * For a check(): suspend the request until the op is answered.  The answer
 * becomes the row's, as if check() had returned it.  Returns NGX_AGAIN.
 */

ngx_int_t ngx_http_kairo_wait(ngx_http_kairo_pipe_t *p, ngx_kairo_op_t *op);

/*
 * For a check(): the request's body, all of it, in r->request_body.  NGX_OK:
 * it is there; NGX_AGAIN: return this, and check() is called again when it is;
 * else a status to return, which ends the request as nginx ends it when it
 * can't read a body, in a dry run too.
 */

ngx_int_t ngx_http_kairo_body(ngx_http_kairo_pipe_t *p);

/*
 * The body that is there as one text of at most "max" bytes, where it is or
 * copied into the request's pool.  NGX_DECLINED: it is longer; NGX_ERROR: no
 * memory, or the file that it is in can't be read.
 */

ngx_int_t ngx_http_kairo_body_text(ngx_http_request_t *r, size_t max,
    kairo_span_t *text);

/*
 * The text of a value with variables.  NGX_ERROR: there is no memory for it;
 * nginx takes a variable of kairo that has none for an empty one, and goes on.
 */

ngx_int_t ngx_http_kairo_value(ngx_http_kairo_pipe_t *p,
    ngx_http_complex_value_t *text, ngx_str_t *value);

/* A value that lasts as long as the request; NULL or empty: not found. */

void ngx_http_kairo_variable_set(ngx_http_variable_value_t *v,
    const ngx_str_t *value);

/* The first request field of a name in lower case, or NULL. */

const ngx_str_t *ngx_http_kairo_request_field(ngx_http_request_t *r,
    const char *name);

/* Each of them in turn, and NULL at the end; "cursor" begins zeroed. */

typedef struct {
    const ngx_list_part_t    *part;
    ngx_uint_t                i;
} ngx_http_kairo_cursor_t;

const ngx_str_t *ngx_http_kairo_next_field(ngx_http_request_t *r,
    ngx_http_kairo_cursor_t *cursor, const char *name);

/*
 * Adds fields to the response of a request that passes.  A refusal by a later
 * row drops them.
 */

ngx_int_t ngx_http_kairo_add_fields(ngx_http_request_t *r,
    const ngx_http_kairo_field_t *fields);

/*
 * What the application is told: takes the fields off the request that begin
 * with "prefix", those that an earlier location has told, and puts these on
 * instead, all of them or, on NGX_ERROR, none.  Their text lives as long as
 * the request.
 */

ngx_int_t ngx_http_kairo_tell(ngx_http_request_t *r, const char *prefix,
    const ngx_http_kairo_field_t *fields);

/*
 * Whether it is a CORS preflight of a location with kairo_preflight on: it has
 * no credentials and is charged nothing.
 */

ngx_uint_t ngx_http_kairo_preflight(ngx_http_request_t *r);

/*
 * For an endpoint: ends the request as a refusal does, with p->refusal, in the
 * name of a layer.  The request may be gone after.
 */

void ngx_http_kairo_decline(ngx_http_kairo_pipe_t *p, const ngx_str_t *layer);

/*
 * At configuration time, from a merge: the database that kairo_postgres has
 * declared by that name, or NULL.
 */

const ngx_kairo_postgres_t *ngx_http_kairo_database(ngx_conf_t *cf,
    const ngx_str_t *name);

/* What kairo_spool has declared, or NULL; at configuration time, whether. */

ngx_kairo_spool_t *ngx_http_kairo_spool(const ngx_http_request_t *r);
ngx_uint_t ngx_http_kairo_spooled(ngx_conf_t *cf);

/* The request's pipe, or NULL where no row has judged it. */

ngx_http_kairo_pipe_t *ngx_http_kairo_pipe(const ngx_http_request_t *r);


/*
 * For a directive of a layer: this location uses kairo, so its server drops
 * forged X-Kairo-* fields and the phase handlers are installed.
 */

void ngx_http_kairo_use(ngx_conf_t *cf);


/*
 * What a layer sees to in a location, for others that rest on it: promised
 * from its merge, and asked from the merges of modules further down in the
 * list of "config".
 */

typedef enum {
    NGX_HTTP_KAIRO_HAS_IDENTITY = 1,      /* nobody passes unknown */
    NGX_HTTP_KAIRO_HAS_ADMINS = 2         /* there is a list of them */
} ngx_http_kairo_promise_e;

void ngx_http_kairo_promise(ngx_conf_t *cf, ngx_http_kairo_promise_e what);
ngx_uint_t ngx_http_kairo_promised(ngx_conf_t *cf,
    ngx_http_kairo_promise_e what);


/*
 * For a merge, which runs when nginx is at the end of "http": writes that the
 * location, by its name, has this or that.  Returns NGX_CONF_ERROR.
 */

char *ngx_http_kairo_unfit(ngx_conf_t *cf, const char *fmt, ...);


/* "info" to "error", for the log level directive of each layer. */

extern ngx_conf_enum_t  ngx_http_kairo_log_levels[];


/* Lines of one kind in the error log of a worker: ten a second. */

#define NGX_HTTP_KAIRO_LINES  10

typedef struct {
    time_t                   second;
    ngx_uint_t               lines;         /* in this second */
    ngx_uint_t               left_out;      /* since the last line */
} ngx_http_kairo_sample_t;


/*
 * Whether a line may be written; "left_out" tells how many were not since the
 * one before.
 */

static inline ngx_uint_t
ngx_http_kairo_sampled(ngx_http_kairo_sample_t *sample, ngx_uint_t *left_out)
{
    if (sample->second != ngx_time()) {
        sample->second = ngx_time();
        sample->lines = 0;
    }

    if (sample->lines == NGX_HTTP_KAIRO_LINES) {
        sample->left_out++;
        return 0;
    }

    sample->lines++;

    *left_out = sample->left_out;
    sample->left_out = 0;

    return 1;
}


/* The same, for a check(), with a line about those that were left out. */

ngx_uint_t ngx_http_kairo_log_sampled(const ngx_http_kairo_pipe_t *p,
    ngx_http_kairo_sample_t *sample, ngx_uint_t level);


/* Metrics: a source is asked for its samples whenever somebody looks. */

typedef struct {
    const char     *name;       /* "kairo_ratelimit_requests_total" */
    const char     *type;       /* "counter" or "gauge" */
    const char     *help;
    const char     *label[2];   /* names; NULL: one label, or none */
} ngx_http_kairo_family_t;


typedef struct ngx_http_kairo_sink_s  ngx_http_kairo_sink_t;

struct ngx_http_kairo_sink_s {
    /* "first" and "second" are the labels' values; NULL where there is none */
    void  (*sample)(ngx_http_kairo_sink_t *sink,
                    const ngx_http_kairo_family_t *family,
                    const ngx_str_t *first, const ngx_str_t *second,
                    uint64_t value);
};


typedef struct {
    /* gives all samples of a family before it goes on to the next */
    void  (*collect)(void *data, ngx_http_kairo_sink_t *sink);
    void   *data;
} ngx_http_kairo_source_t;


/* At configuration time; NGX_ERROR when there is no memory. */

ngx_int_t ngx_http_kairo_source_add(ngx_conf_t *cf,
    void (*collect)(void *data, ngx_http_kairo_sink_t *sink), void *data);

/* Asks every source; the module's own first. */

void ngx_http_kairo_collect(const ngx_http_request_t *r,
    ngx_http_kairo_sink_t *sink);


#endif /* NGX_HTTP_KAIRO_H_INCLUDED */
