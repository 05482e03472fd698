
/*
 * probe: what has the test told me to answer?
 *
 * Reads:      its own directives.
 * Store:      one of its own that answers early, late, twice or never.
 * Store down: "error" is an answer; on_error as told.
 * Directives: kairo_probe ROW ANSWER [when=WHEN] [on_error=refuse|pass],
 *             kairo_probe_dry_run on|off,
 *             kairo_probe_postgres NAME STATEMENT: row access asks that, and
 *             logs how many rows have come, and bytes in the first of them.
 *
 *     ROW     access | precontent | spend
 *     ANSWER  ok | declined | error | unknown | again | 300..599
 *     WHEN    now    check() returns it
 *             early  the op is answered before check() returns
 *             late   the op is answered by a timer
 *             twice  as late, and once more at once
 *             never  only a cancel ends it
 *             tomb   as late, and the op outlives a cancel until the timer
 *
 * Each judgement is a line of the error log, so that a test can count them.
 */


#include "layers/ngx_http_kairo_probe.h"


#define NGX_HTTP_KAIRO_PROBE_ROWS  3
#define NGX_HTTP_KAIRO_PROBE_DELAY 100    /* ms */


typedef enum {
    NGX_HTTP_KAIRO_PROBE_NOW = 0,
    NGX_HTTP_KAIRO_PROBE_EARLY,
    NGX_HTTP_KAIRO_PROBE_LATE,
    NGX_HTTP_KAIRO_PROBE_TWICE,
    NGX_HTTP_KAIRO_PROBE_NEVER,
    NGX_HTTP_KAIRO_PROBE_TOMB
} ngx_http_kairo_probe_when_e;


typedef struct {
    ngx_uint_t                    set;
    ngx_int_t                     answer;
    ngx_uint_t                    when;
    ngx_http_kairo_on_error_e     on_error;
} ngx_http_kairo_probe_row_t;


typedef struct {
    ngx_http_kairo_layer_conf_t   layer;     /* must be first */
    ngx_http_kairo_probe_row_t    rows[NGX_HTTP_KAIRO_PROBE_ROWS];
    ngx_flag_t                    dry_run;
    ngx_str_t                     database;
    ngx_str_t                     statement;
    const ngx_kairo_postgres_t   *db;
} ngx_http_kairo_probe_conf_t;


typedef struct {
    ngx_kairo_op_t                op;        /* must be first */
    ngx_event_t                   event;
    ngx_int_t                     answer;
    ngx_uint_t                    when;
} ngx_http_kairo_probe_op_t;


typedef struct {
    ngx_kairo_op_t                op;        /* must be first */
    ngx_kairo_postgres_call_t    *call;
} ngx_http_kairo_probe_call_t;


static ngx_int_t ngx_http_kairo_probe_check(ngx_http_kairo_pipe_t *p,
    ngx_uint_t row);
static ngx_int_t ngx_http_kairo_probe_ask(ngx_http_kairo_pipe_t *p,
    const ngx_http_kairo_probe_row_t *row);
static ngx_int_t ngx_http_kairo_probe_query(ngx_http_kairo_pipe_t *p,
    const ngx_http_kairo_probe_conf_t *conf);
static void ngx_http_kairo_probe_queried(void *data, ngx_int_t rc);
static void ngx_http_kairo_probe_unasked(ngx_kairo_op_t *op);
static char *ngx_http_kairo_probe_postgres(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf);
static void ngx_http_kairo_probe_expired(ngx_event_t *ev);
static void ngx_http_kairo_probe_drop(ngx_kairo_op_t *op);
static char *ngx_http_kairo_probe(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static void *ngx_http_kairo_probe_create_conf(ngx_conf_t *cf);
static char *ngx_http_kairo_probe_merge_conf(ngx_conf_t *cf, void *parent,
    void *child);
static ngx_int_t ngx_http_kairo_probe_init(ngx_conf_t *cf);


static const char  *ngx_http_kairo_probe_row_names[] = {
    "access", "precontent", "spend", NULL
};

static const char  *ngx_http_kairo_probe_when_names[] = {
    "when=now", "when=early", "when=late", "when=twice", "when=never",
    "when=tomb", NULL
};


static ngx_command_t  ngx_http_kairo_probe_commands[] = {

    { ngx_string("kairo_probe"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_2MORE,
      ngx_http_kairo_probe,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("kairo_probe_postgres"),
      NGX_HTTP_LOC_CONF|NGX_CONF_TAKE2,
      ngx_http_kairo_probe_postgres,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("kairo_probe_dry_run"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_FLAG,
      ngx_conf_set_flag_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_kairo_probe_conf_t, dry_run),
      NULL },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_kairo_probe_module_ctx = {
    NULL,                                  /* preconfiguration */
    ngx_http_kairo_probe_init,             /* postconfiguration */

    NULL,                                  /* create main configuration */
    NULL,                                  /* init main configuration */

    NULL,                                  /* create server configuration */
    NULL,                                  /* merge server configuration */

    ngx_http_kairo_probe_create_conf,      /* create location configuration */
    ngx_http_kairo_probe_merge_conf        /* merge location configuration */
};


ngx_module_t  ngx_http_kairo_probe_module = {
    NGX_MODULE_V1,
    &ngx_http_kairo_probe_module_ctx,      /* module context */
    ngx_http_kairo_probe_commands,         /* module directives */
    NGX_HTTP_MODULE,                       /* module type */
    NULL,                                  /* init master */
    NULL,                                  /* init module */
    NULL,                                  /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    NULL,                                  /* exit process */
    NULL,                                  /* exit master */
    NGX_MODULE_V1_PADDING
};


ngx_int_t
ngx_http_kairo_probe_access(ngx_http_kairo_pipe_t *p)
{
    const ngx_http_kairo_probe_conf_t  *conf;

    conf = ngx_http_kairo_conf(p->request, &ngx_http_kairo_probe_module);

    if (conf->db) {
        return ngx_http_kairo_probe_query(p, conf);
    }

    return ngx_http_kairo_probe_check(p, 0);
}


ngx_int_t
ngx_http_kairo_probe_precontent(ngx_http_kairo_pipe_t *p)
{
    return ngx_http_kairo_probe_check(p, 1);
}


ngx_int_t
ngx_http_kairo_probe_spend(ngx_http_kairo_pipe_t *p)
{
    return ngx_http_kairo_probe_check(p, 2);
}


static ngx_int_t
ngx_http_kairo_probe_check(ngx_http_kairo_pipe_t *p, ngx_uint_t i)
{
    const ngx_http_kairo_probe_row_t   *row;
    const ngx_http_kairo_probe_conf_t  *conf;

    conf = ngx_http_kairo_conf(p->request, &ngx_http_kairo_probe_module);
    row = &conf->rows[i];

    if (!row->set) {
        return NGX_DECLINED;
    }

    ngx_log_error(NGX_LOG_INFO, p->request->connection->log, 0,
                  "kairo probe: %s judged in \"%V\"",
                  ngx_http_kairo_probe_row_names[i], &p->request->uri);

    p->on_error = row->on_error;
    ngx_str_set(&p->refusal.code, "probe");
    ngx_str_set(&p->refusal.hint, "the test said \"no\"");

    if (row->when == NGX_HTTP_KAIRO_PROBE_NOW) {
        return row->answer;
    }

    return ngx_http_kairo_probe_ask(p, row);
}


static ngx_int_t
ngx_http_kairo_probe_ask(ngx_http_kairo_pipe_t *p,
    const ngx_http_kairo_probe_row_t *row)
{
    ngx_int_t                   rc;
    ngx_http_kairo_probe_op_t  *op;

    op = ngx_calloc(sizeof(ngx_http_kairo_probe_op_t), ngx_cycle->log);
    if (op == NULL) {
        return NGX_ERROR;
    }

    op->op.drop = ngx_http_kairo_probe_drop;
    op->answer = row->answer;
    op->when = row->when;

    rc = ngx_http_kairo_wait(p, &op->op);

    if (row->when == NGX_HTTP_KAIRO_PROBE_EARLY) {
        ngx_kairo_op_finish(&op->op, row->answer);
        ngx_free(op);

    } else if (row->when != NGX_HTTP_KAIRO_PROBE_NEVER) {
        op->event.handler = ngx_http_kairo_probe_expired;
        op->event.data = op;
        op->event.log = ngx_cycle->log;
        ngx_add_timer(&op->event, NGX_HTTP_KAIRO_PROBE_DELAY);
    }

    return rc;
}


static ngx_int_t
ngx_http_kairo_probe_query(ngx_http_kairo_pipe_t *p,
    const ngx_http_kairo_probe_conf_t *conf)
{
    ngx_int_t                     rc;
    const char                   *why;
    ngx_http_kairo_probe_call_t  *asked;

    asked = ngx_pcalloc(p->request->pool, sizeof(ngx_http_kairo_probe_call_t));
    if (asked == NULL) {
        return NGX_ERROR;
    }

    why = "no_memory";
    rc = ngx_kairo_postgres_ask(conf->db, (char *) conf->statement.data, NULL,
                                0, &asked->call, &why);

    if (rc != NGX_AGAIN) {
        ngx_log_error(NGX_LOG_INFO, p->request->connection->log, 0,
                      "kairo probe: turned away, %s", why);
        return NGX_ERROR;
    }

    asked->op.drop = ngx_http_kairo_probe_unasked;

    ngx_kairo_postgres_op(asked->call)->owner = asked;
    ngx_kairo_postgres_op(asked->call)->done = ngx_http_kairo_probe_queried;

    return ngx_http_kairo_wait(p, &asked->op);
}


static void
ngx_http_kairo_probe_queried(void *data, ngx_int_t rc)
{
    ngx_http_kairo_probe_call_t *asked = data;

    kairo_span_t  value;

    value = ngx_kairo_postgres_value(asked->call, 0, 0);

    ngx_log_error(NGX_LOG_INFO, ngx_cycle->log, 0,
                  "kairo probe: %s, %ui rows, %uz bytes",
                  ngx_kairo_postgres_why(asked->call),
                  ngx_kairo_postgres_rows(asked->call), value.n);

    asked->call = NULL;
    ngx_kairo_op_finish(&asked->op, rc);
}


static void
ngx_http_kairo_probe_unasked(ngx_kairo_op_t *op)
{
    ngx_http_kairo_probe_call_t *asked = (ngx_http_kairo_probe_call_t *) op;

    if (asked->call) {
        ngx_kairo_op_cancel(ngx_kairo_postgres_op(asked->call));
        asked->call = NULL;
    }
}


static void
ngx_http_kairo_probe_expired(ngx_event_t *ev)
{
    ngx_http_kairo_probe_op_t *op = ev->data;

    if (op->op.owner == NULL) {
        ngx_log_error(NGX_LOG_INFO, ngx_cycle->log, 0,
                      "kairo probe: answered a tombstone");
    }

    ngx_kairo_op_finish(&op->op, op->answer);

    if (op->when == NGX_HTTP_KAIRO_PROBE_TWICE) {
        ngx_kairo_op_finish(&op->op, NGX_OK);
    }

    ngx_free(op);
}


static void
ngx_http_kairo_probe_drop(ngx_kairo_op_t *op)
{
    ngx_http_kairo_probe_op_t *pop = (ngx_http_kairo_probe_op_t *) op;

    ngx_log_error(NGX_LOG_INFO, ngx_cycle->log, 0, "kairo probe: canceled");

    if (pop->when == NGX_HTTP_KAIRO_PROBE_TOMB) {
        return;
    }

    if (pop->event.timer_set) {
        ngx_del_timer(&pop->event);
    }

    ngx_free(pop);
}


static ngx_int_t
ngx_http_kairo_probe_name(const ngx_str_t *value, const char **names)
{
    ngx_int_t  i;

    for (i = 0; names[i]; i++) {
        if (ngx_strcmp(value->data, names[i]) == 0) {
            return i;
        }
    }

    return NGX_ERROR;
}


static char *
ngx_http_kairo_probe(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_kairo_probe_conf_t *pcf = conf;

    ngx_int_t                    i, when;
    ngx_str_t                   *value;
    ngx_uint_t                   n;
    ngx_http_kairo_probe_row_t  *row;

    value = cf->args->elts;

    i = ngx_http_kairo_probe_name(&value[1], ngx_http_kairo_probe_row_names);
    if (i == NGX_ERROR) {
        return "has an unknown row";
    }

    row = &pcf->rows[i];
    row->set = 1;

    if (ngx_strcmp(value[2].data, "ok") == 0) {
        row->answer = NGX_OK;

    } else if (ngx_strcmp(value[2].data, "declined") == 0) {
        row->answer = NGX_DECLINED;

    } else if (ngx_strcmp(value[2].data, "error") == 0) {
        row->answer = NGX_ERROR;

    } else if (ngx_strcmp(value[2].data, "again") == 0) {
        row->answer = NGX_AGAIN;

    } else if (ngx_strcmp(value[2].data, "unknown") == 0) {
        row->answer = 42;

    } else {
        row->answer = ngx_atoi(value[2].data, value[2].len);
        if (row->answer == NGX_ERROR) {
            return "has an unknown answer";
        }
    }

    for (n = 3; n < cf->args->nelts; n++) {

        if (ngx_strcmp(value[n].data, "on_error=pass") == 0) {
            row->on_error = NGX_HTTP_KAIRO_PASS;
            continue;
        }

        when = ngx_http_kairo_probe_name(&value[n],
                                         ngx_http_kairo_probe_when_names);
        if (when == NGX_ERROR) {
            return "has an unknown parameter";
        }

        row->when = when;
    }

    pcf->layer.mode = NGX_HTTP_KAIRO_ON;

    ngx_http_kairo_use(cf);

    return NGX_CONF_OK;
}


static char *
ngx_http_kairo_probe_postgres(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_kairo_probe_conf_t *pcf = conf;

    ngx_str_t  *value;

    value = cf->args->elts;

    pcf->database = value[1];
    pcf->statement = value[2];
    pcf->layer.mode = NGX_HTTP_KAIRO_ON;

    ngx_http_kairo_use(cf);

    return NGX_CONF_OK;
}


static void *
ngx_http_kairo_probe_create_conf(ngx_conf_t *cf)
{
    ngx_http_kairo_probe_conf_t  *conf;

    conf = ngx_pcalloc(cf->pool, sizeof(ngx_http_kairo_probe_conf_t));
    if (conf == NULL) {
        return NULL;
    }

    conf->dry_run = NGX_CONF_UNSET;

    return conf;
}


static char *
ngx_http_kairo_probe_merge_conf(ngx_conf_t *cf, void *parent, void *child)
{
    ngx_http_kairo_probe_conf_t *prev = parent;
    ngx_http_kairo_probe_conf_t *conf = child;

    if (conf->layer.mode == NGX_HTTP_KAIRO_OFF) {
        conf->layer = prev->layer;
        ngx_memcpy(conf->rows, prev->rows, sizeof(conf->rows));
    }

    ngx_conf_merge_value(conf->dry_run, prev->dry_run, 0);

    if (conf->database.len) {
        conf->db = ngx_http_kairo_database(cf, &conf->database);
    }

    if (conf->layer.mode != NGX_HTTP_KAIRO_OFF) {
        conf->layer.mode = conf->dry_run ? NGX_HTTP_KAIRO_DRY_RUN
                                         : NGX_HTTP_KAIRO_ON;
    }

    return NGX_CONF_OK;
}


#if (NGX_KAIRO_FAULT)

/*
 * "Fault: N": the N-th allocation of the module in this request fails;
 * "Faults: N": and all that come after it.
 */

static ngx_int_t
ngx_http_kairo_probe_fault(ngx_http_request_t *r)
{
    const ngx_str_t  *one, *all, *n;

    one = ngx_http_kairo_request_field(r, "fault");
    all = ngx_http_kairo_request_field(r, "faults");
    n = all ? all : one;

    ngx_kairo_fault_arm(n ? ngx_atoi(n->data, n->len) : 0, all != NULL);

    return NGX_DECLINED;
}

#endif


static ngx_int_t
ngx_http_kairo_probe_init(ngx_conf_t *cf)
{
#if (NGX_KAIRO_FAULT)
    ngx_http_handler_pt        *h;
    ngx_http_core_main_conf_t  *cmcf;

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);

    /* the last to be added is the first to run, before ngx_http_kairo_strip */

    h = ngx_array_push(&cmcf->phases[NGX_HTTP_POST_READ_PHASE].handlers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    *h = ngx_http_kairo_probe_fault;
#endif

    return NGX_OK;
}
