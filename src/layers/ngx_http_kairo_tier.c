
/*
 * tier: what was sold to them?
 *
 * Reads:      who it is, as auth has found out.
 * Store:      Postgres, asked for each request: what is sold or blocked there
 *             holds from the next request on.
 * Store down: on_error=refuse (503), or pass with the default tier.
 * Directives: kairo_tier, kairo_tier_log_level, kairo_tier_dry_run.
 */


#include "layers/ngx_http_kairo_tier.h"


#define NGX_HTTP_KAIRO_TIER_UUID    36
#define NGX_HTTP_KAIRO_TIER_LENGTH  64      /* of a plan, in sql/ */


typedef struct {
    ngx_http_kairo_sample_t      *failed;       /* log lines */
} ngx_http_kairo_tier_main_conf_t;


typedef struct {
    ngx_http_kairo_layer_conf_t   layer;        /* must be first */
    ngx_uint_t                    set;
    ngx_str_t                     database;     /* its name; empty: the tier
                                                   is what the token says */
    const ngx_kairo_postgres_t   *db;
    ngx_str_t                     otherwise;    /* who has bought nothing */
    ngx_http_kairo_on_error_e     on_error;
    ngx_uint_t                    log_level;
    ngx_flag_t                    dry_run;
} ngx_http_kairo_tier_conf_t;


/* A question about one request; lives in its pool. */

typedef struct {
    ngx_kairo_op_t                op;           /* must be first */
    ngx_http_kairo_pipe_t        *pipe;
    ngx_kairo_postgres_call_t    *call;         /* NULL: answered */
} ngx_http_kairo_tier_ask_t;


static ngx_int_t ngx_http_kairo_tier_ask(ngx_http_kairo_pipe_t *p,
    const ngx_http_kairo_tier_conf_t *tcf);
static void ngx_http_kairo_tier_answered(void *data, ngx_int_t rc);
static void ngx_http_kairo_tier_drop(ngx_kairo_op_t *op);
static ngx_int_t ngx_http_kairo_tier_answer(ngx_http_kairo_pipe_t *p,
    const ngx_kairo_postgres_call_t *call);
static ngx_int_t ngx_http_kairo_tier_set(ngx_http_kairo_pipe_t *p,
    kairo_span_t id, kairo_span_t tier);
static ngx_int_t ngx_http_kairo_tier_failed(ngx_http_kairo_pipe_t *p,
    const char *why);
static ngx_int_t ngx_http_kairo_tier_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_kairo_tier_variables(ngx_conf_t *cf);
static char *ngx_http_kairo_tier(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_http_kairo_tier_default(ngx_conf_t *cf,
    const ngx_str_t *tier);
static void *ngx_http_kairo_tier_create_main_conf(ngx_conf_t *cf);
static void *ngx_http_kairo_tier_create_conf(ngx_conf_t *cf);
static char *ngx_http_kairo_tier_merge_conf(ngx_conf_t *cf, void *parent,
    void *child);


static ngx_command_t  ngx_http_kairo_tier_commands[] = {

    { ngx_string("kairo_tier"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_1MORE,
      ngx_http_kairo_tier,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("kairo_tier_log_level"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_enum_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_kairo_tier_conf_t, log_level),
      &ngx_http_kairo_log_levels },

    { ngx_string("kairo_tier_dry_run"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_FLAG,
      ngx_conf_set_flag_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_kairo_tier_conf_t, dry_run),
      NULL },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_kairo_tier_module_ctx = {
    ngx_http_kairo_tier_variables,         /* preconfiguration */
    NULL,                                  /* postconfiguration */

    ngx_http_kairo_tier_create_main_conf,  /* create main configuration */
    NULL,                                  /* init main configuration */

    NULL,                                  /* create server configuration */
    NULL,                                  /* merge server configuration */

    ngx_http_kairo_tier_create_conf,       /* create location configuration */
    ngx_http_kairo_tier_merge_conf         /* merge location configuration */
};


ngx_module_t  ngx_http_kairo_tier_module = {
    NGX_MODULE_V1,
    &ngx_http_kairo_tier_module_ctx,       /* module context */
    ngx_http_kairo_tier_commands,          /* module directives */
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
ngx_http_kairo_tier_check(ngx_http_kairo_pipe_t *p)
{
    const ngx_http_kairo_tier_conf_t  *tcf;

    tcf = ngx_http_kairo_conf(p->request, &ngx_http_kairo_tier_module);

    if (p->identity == NULL || ngx_http_kairo_preflight(p->request)) {
        return NGX_DECLINED;
    }

    return ngx_http_kairo_tier_ask(p, tcf);
}


static ngx_int_t
ngx_http_kairo_tier_ask(ngx_http_kairo_pipe_t *p,
    const ngx_http_kairo_tier_conf_t *tcf)
{
    ngx_int_t                   rc;
    ngx_str_t                   params[2];
    const char                 *why;
    ngx_http_kairo_tier_ask_t  *ask;

    ask = ngx_pcalloc(p->request->pool, sizeof(ngx_http_kairo_tier_ask_t));
    if (ask == NULL) {
        return ngx_http_kairo_tier_failed(p, "no_memory");
    }

    params[0] = p->identity->issuer;
    params[1] = p->identity->subject;

    rc = ngx_kairo_postgres_ask(tcf->db, "select user_id, plan, blocked "
                                         "from kairo.identify($1, $2)",
                                params, 2, &ask->call, &why);

    if (rc != NGX_AGAIN) {
        return ngx_http_kairo_tier_failed(p, rc == NGX_DECLINED
                                             ? why : "no_memory");
    }

    ask->pipe = p;
    ask->op.drop = ngx_http_kairo_tier_drop;

    ngx_kairo_postgres_op(ask->call)->owner = ask;
    ngx_kairo_postgres_op(ask->call)->done = ngx_http_kairo_tier_answered;

    return ngx_http_kairo_wait(p, &ask->op);
}


/* The call's done(). */

static void
ngx_http_kairo_tier_answered(void *data, ngx_int_t rc)
{
    ngx_http_kairo_tier_ask_t *ask = data;

    if (rc == NGX_OK) {
        rc = ngx_http_kairo_tier_answer(ask->pipe, ask->call);

    } else {
        rc = ngx_http_kairo_tier_failed(ask->pipe,
                                        ngx_kairo_postgres_why(ask->call));
    }

    ask->call = NULL;

    ngx_kairo_op_finish(&ask->op, rc);
}


/* The client has left. */

static void
ngx_http_kairo_tier_drop(ngx_kairo_op_t *op)
{
    ngx_http_kairo_tier_ask_t *ask = (ngx_http_kairo_tier_ask_t *) op;

    if (ask->call) {
        ngx_kairo_op_cancel(ngx_kairo_postgres_op(ask->call));
        ask->call = NULL;
    }
}


/* What comes from a server is looked at before it is passed on. */

static ngx_int_t
ngx_http_kairo_tier_answer(ngx_http_kairo_pipe_t *p,
    const ngx_kairo_postgres_call_t *call)
{
    size_t        i;
    ngx_uint_t    refused;
    kairo_span_t  id, tier, blocked;

    id = ngx_kairo_postgres_value(call, 0, 0);
    tier = ngx_kairo_postgres_value(call, 0, 1);
    blocked = ngx_kairo_postgres_value(call, 0, 2);

    if (id.n != NGX_HTTP_KAIRO_TIER_UUID || blocked.n != 1
        || tier.n > NGX_HTTP_KAIRO_TIER_LENGTH)
    {
        return ngx_http_kairo_tier_failed(p, "nonsense");
    }

    for (i = 0; i < id.n + tier.n; i++) {

        u_char  ch = i < id.n ? id.p[i] : tier.p[i - id.n];

        if (!(ch >= 'a' && ch <= 'z') && !kairo_is_digit(ch)
            && ch != '-' && (i < id.n || (ch != '_' && ch != '.')))
        {
            return ngx_http_kairo_tier_failed(p, "nonsense");
        }
    }

    refused = (blocked.p[0] != 'f');

    if ((!refused || p->mode == NGX_HTTP_KAIRO_DRY_RUN)
        && ngx_http_kairo_tier_set(p, id, tier) != NGX_OK)
    {
        return ngx_http_kairo_tier_failed(p, "no_memory");
    }

    if (refused) {
        ngx_str_set(&p->refusal.code, "user_blocked");
        ngx_str_set(&p->refusal.hint, "this account is blocked");
        return NGX_HTTP_FORBIDDEN;
    }

    return NGX_OK;
}


/*
 * The same person with another tier: whatever the token says, what was sold
 * counts.  The application is told.
 */

static ngx_int_t
ngx_http_kairo_tier_set(ngx_http_kairo_pipe_t *p, kairo_span_t id,
    kairo_span_t tier)
{
    u_char                            *text;
    ngx_http_kairo_field_t             field[2];
    ngx_http_kairo_identity_t         *known;
    const ngx_http_kairo_tier_conf_t  *tcf;

    tcf = ngx_http_kairo_conf(p->request, &ngx_http_kairo_tier_module);

    known = ngx_palloc(p->request->pool, sizeof(ngx_http_kairo_identity_t));
    text = ngx_pnalloc(p->request->pool, id.n + tier.n + 1);

    if (known == NULL || text == NULL) {
        return NGX_ERROR;
    }

    *known = *p->identity;

    known->id.data = text;
    known->id.len = id.n;

    if (id.n) {
        text = ngx_cpymem(text, id.p, id.n);
    }

    known->tier = tcf->otherwise;

    if (tier.n) {
        known->tier.data = text;
        known->tier.len = tier.n;
        ngx_memcpy(text, tier.p, tier.n);
    }

    ngx_str_set(&field[0].name, "X-Kairo-Tier");
    field[0].value = known->tier;
    field[0].next = NULL;

    ngx_str_set(&field[1].name, "X-Kairo-User-Id");
    field[1].value = known->id;
    field[1].next = NULL;

    if (ngx_http_kairo_tell(p->request, "X-Kairo-Tier",
                            known->tier.len ? &field[0] : NULL)
        != NGX_OK
        || ngx_http_kairo_tell(p->request, "X-Kairo-User-Id",
                               known->id.len ? &field[1] : NULL)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    p->identity = known;

    return NGX_OK;
}


/* NGX_ERROR always; who passes all the same has bought nothing. */

static ngx_int_t
ngx_http_kairo_tier_failed(ngx_http_kairo_pipe_t *p, const char *why)
{
    ngx_http_kairo_tier_main_conf_t   *tmcf;
    const ngx_http_kairo_tier_conf_t  *tcf;

    static const kairo_span_t  none = { NULL, 0 };

    tcf = ngx_http_kairo_conf(p->request, &ngx_http_kairo_tier_module);
    tmcf = ngx_http_get_module_main_conf(p->request,
                                         ngx_http_kairo_tier_module);

    p->on_error = tcf->on_error;

    if ((p->on_error == NGX_HTTP_KAIRO_PASS
         || p->mode == NGX_HTTP_KAIRO_DRY_RUN)
        && ngx_http_kairo_tier_set(p, none, none) != NGX_OK)
    {
        p->on_error = NGX_HTTP_KAIRO_REFUSE;
    }

    if (ngx_http_kairo_log_sampled(p, tmcf->failed, tcf->log_level)) {
        ngx_log_error(tcf->log_level, p->request->connection->log, 0,
                      "kairo tier: \"%V\" has not told, reason: %s",
                      &tcf->database, why);
    }

    return NGX_ERROR;
}


static ngx_int_t
ngx_http_kairo_tier_variables(ngx_conf_t *cf)
{
    ngx_str_t             name = ngx_string("kairo_user_id");
    ngx_http_variable_t  *var;

    var = ngx_http_add_variable(cf, &name, NGX_HTTP_VAR_NOCACHEABLE);
    if (var == NULL) {
        return NGX_ERROR;
    }

    var->get_handler = ngx_http_kairo_tier_variable;

    return NGX_OK;
}


static ngx_int_t
ngx_http_kairo_tier_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_http_kairo_pipe_t  *p;

    p = ngx_http_kairo_pipe(r);

    ngx_http_kairo_variable_set(v, p && p->identity ? &p->identity->id : NULL);

    return NGX_OK;
}


static char *
ngx_http_kairo_tier(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_kairo_tier_conf_t *tcf = conf;

    ngx_str_t   *value, text;
    ngx_uint_t   i;

    if (tcf->set) {
        return "is duplicate";
    }

    value = cf->args->elts;
    tcf->set = 1;

    if (ngx_strcmp(value[1].data, "token") == 0 && cf->args->nelts == 2) {
        return NGX_CONF_OK;
    }

    for (i = 1; i < cf->args->nelts; i++) {

        text.data = (u_char *) ngx_strchr(value[i].data, '=');
        text.data = text.data ? text.data + 1 : value[i].data + value[i].len;
        text.len = value[i].data + value[i].len - text.data;

        if (ngx_strncmp(value[i].data, "postgres=", 9) == 0 && text.len) {
            tcf->database = text;

        } else if (ngx_strncmp(value[i].data, "default=", 8) == 0
                   && text.len)
        {
            tcf->otherwise = text;

        } else if (ngx_strcmp(value[i].data, "on_error=refuse") == 0) {
            tcf->on_error = NGX_HTTP_KAIRO_REFUSE;

        } else if (ngx_strcmp(value[i].data, "on_error=pass") == 0) {
            tcf->on_error = NGX_HTTP_KAIRO_PASS;

        } else {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid parameter \"%V\", expected \"token\", "
                               "or postgres=NAME with default=TIER and "
                               "on_error=refuse or pass", &value[i]);
            return NGX_CONF_ERROR;
        }
    }

    if (tcf->database.len == 0) {
        return "has no \"postgres=NAME\"";
    }

    ngx_http_kairo_use(cf);

    return ngx_http_kairo_tier_default(cf, &tcf->otherwise);
}


/* It is told to the application, in a field. */

static char *
ngx_http_kairo_tier_default(ngx_conf_t *cf, const ngx_str_t *tier)
{
    u_char  ch;
    size_t  i;

    for (i = 0; i < tier->len; i++) {

        ch = tier->data[i];

        if (!kairo_is_digit(ch)
            && !(kairo_lower(ch) >= 'a' && kairo_lower(ch) <= 'z')
            && ch != '_' && ch != '.' && ch != '-')
        {
            break;
        }
    }

    if (i < tier->len || tier->len > NGX_HTTP_KAIRO_TIER_LENGTH) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid tier \"%V\", expected up to 64 letters, "
                           "digits, \"_\", \".\" and \"-\"", tier);
        return NGX_CONF_ERROR;
    }

    if (tier->len == 5 && ngx_strncmp(tier->data, "admin", 5) == 0) {
        return "can't have \"admin\" for a tier: administrators are those of "
               "kairo_admins";
    }

    return NGX_CONF_OK;
}


static void *
ngx_http_kairo_tier_create_main_conf(ngx_conf_t *cf)
{
    ngx_http_kairo_tier_main_conf_t  *tmcf;

    tmcf = ngx_pcalloc(cf->pool, sizeof(ngx_http_kairo_tier_main_conf_t));
    if (tmcf == NULL) {
        return NULL;
    }

    tmcf->failed = ngx_pcalloc(cf->pool, sizeof(ngx_http_kairo_sample_t));

    return tmcf->failed ? tmcf : NULL;
}


static void *
ngx_http_kairo_tier_create_conf(ngx_conf_t *cf)
{
    ngx_http_kairo_tier_conf_t  *tcf;

    tcf = ngx_pcalloc(cf->pool, sizeof(ngx_http_kairo_tier_conf_t));
    if (tcf == NULL) {
        return NULL;
    }

    /*
     * set by ngx_pcalloc():
     *
     *     tcf->layer.mode = NGX_HTTP_KAIRO_OFF;
     *     tcf->set = 0;
     *     tcf->database = { 0, NULL };
     *     tcf->db = NULL;
     *     tcf->otherwise = { 0, NULL };
     *     tcf->on_error = NGX_HTTP_KAIRO_REFUSE;
     */

    tcf->log_level = NGX_CONF_UNSET_UINT;
    tcf->dry_run = NGX_CONF_UNSET;

    return tcf;
}


static char *
ngx_http_kairo_tier_merge_conf(ngx_conf_t *cf, void *parent, void *child)
{
    ngx_http_kairo_tier_conf_t *prev = parent;
    ngx_http_kairo_tier_conf_t *conf = child;

    if (!conf->set) {
        conf->set = prev->set;
        conf->database = prev->database;
        conf->otherwise = prev->otherwise;
        conf->on_error = prev->on_error;
    }

    ngx_conf_merge_uint_value(conf->log_level, prev->log_level, NGX_LOG_ERR);
    ngx_conf_merge_value(conf->dry_run, prev->dry_run, 0);

    if (conf->database.len == 0) {
        return NGX_CONF_OK;
    }

    conf->db = ngx_http_kairo_database(cf, &conf->database);

    if (conf->db == NULL) {
        return ngx_http_kairo_unfit(cf, "has \"kairo_tier postgres=%V\", and "
                                        "there is no \"kairo_postgres\" of "
                                        "that name in http", &conf->database);
    }

    if (!ngx_http_kairo_promised(cf, NGX_HTTP_KAIRO_HAS_IDENTITY)) {
        return ngx_http_kairo_unfit(cf, "has \"kairo_tier postgres=%V\", and "
                                        "nobody is known without "
                                        "\"kairo_auth required\" in the same "
                                        "place", &conf->database);
    }

    conf->layer.mode = conf->dry_run ? NGX_HTTP_KAIRO_DRY_RUN
                                     : NGX_HTTP_KAIRO_ON;

    return NGX_CONF_OK;
}
