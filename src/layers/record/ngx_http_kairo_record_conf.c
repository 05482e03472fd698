
/*
 * The directives, and $kairo_event_id.
 */


#include "layers/record/ngx_http_kairo_record_own.h"


static ngx_int_t ngx_http_kairo_record_variables(ngx_conf_t *cf);
static ngx_int_t ngx_http_kairo_record_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_kairo_record_init(ngx_conf_t *cf);
static char *ngx_http_kairo_record_run(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_http_kairo_record_event(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_http_kairo_record_pair(ngx_conf_t *cf,
    ngx_http_kairo_record_kind_t *kind, ngx_str_t *word);
static ngx_uint_t ngx_http_kairo_record_name(const ngx_str_t *name);
static char *ngx_http_kairo_record_refusals(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf);
static ngx_uint_t ngx_http_kairo_record_on_full(const ngx_str_t *word,
    ngx_uint_t *drop);
static void ngx_http_kairo_record_used(ngx_conf_t *cf);
static void *ngx_http_kairo_record_create_main_conf(ngx_conf_t *cf);
static void *ngx_http_kairo_record_create_conf(ngx_conf_t *cf);
static char *ngx_http_kairo_record_merge_conf(ngx_conf_t *cf, void *parent,
    void *child);


static ngx_command_t  ngx_http_kairo_record_commands[] = {

    { ngx_string("kairo_tool_run"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE12,
      ngx_http_kairo_record_run,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("kairo_event"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_1MORE,
      ngx_http_kairo_record_event,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("kairo_refusals"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_http_kairo_record_refusals,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("kairo_region"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_http_set_complex_value_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_kairo_record_conf_t, region),
      NULL },

    { ngx_string("kairo_record_log_level"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_enum_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_kairo_record_conf_t, log_level),
      &ngx_http_kairo_log_levels },

    { ngx_string("kairo_record_dry_run"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_FLAG,
      ngx_conf_set_flag_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_kairo_record_conf_t, dry_run),
      NULL },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_kairo_record_module_ctx = {
    ngx_http_kairo_record_variables,         /* preconfiguration */
    ngx_http_kairo_record_init,              /* postconfiguration */

    ngx_http_kairo_record_create_main_conf,  /* create main configuration */
    NULL,                                    /* init main configuration */

    NULL,                                    /* create server configuration */
    NULL,                                    /* merge server configuration */

    ngx_http_kairo_record_create_conf,       /* create location conf */
    ngx_http_kairo_record_merge_conf         /* merge location configuration */
};


ngx_module_t  ngx_http_kairo_record_module = {
    NGX_MODULE_V1,
    &ngx_http_kairo_record_module_ctx,       /* module context */
    ngx_http_kairo_record_commands,          /* module directives */
    NGX_HTTP_MODULE,                         /* module type */
    NULL,                                    /* init master */
    NULL,                                    /* init module */
    NULL,                                    /* init process */
    NULL,                                    /* init thread */
    NULL,                                    /* exit thread */
    NULL,                                    /* exit process */
    NULL,                                    /* exit master */
    NGX_MODULE_V1_PADDING
};


static ngx_int_t
ngx_http_kairo_record_variables(ngx_conf_t *cf)
{
    ngx_str_t             name = ngx_string("kairo_event_id");
    ngx_http_variable_t  *var;

    var = ngx_http_add_variable(cf, &name, NGX_HTTP_VAR_NOCACHEABLE);
    if (var == NULL) {
        return NGX_ERROR;
    }

    var->get_handler = ngx_http_kairo_record_variable;

    return NGX_OK;
}


static ngx_int_t
ngx_http_kairo_record_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_http_kairo_pipe_t  *p;

    p = ngx_http_kairo_pipe(r);

    ngx_http_kairo_variable_set(v, p ? &p->event_id : NULL);

    return NGX_OK;
}


static ngx_int_t
ngx_http_kairo_record_init(ngx_conf_t *cf)
{
    ngx_http_handler_pt                *handler;
    ngx_http_core_main_conf_t          *cmcf;
    ngx_http_kairo_record_main_conf_t  *rmcf;

    static ngx_str_t  request_id = ngx_string("request_id");

    rmcf = ngx_http_conf_get_module_main_conf(cf,
                                              ngx_http_kairo_record_module);

    if (!rmcf->worker->used) {
        return NGX_OK;
    }

    rmcf->worker->request_id = ngx_http_get_variable_index(cf, &request_id);

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);
    handler = ngx_array_push(&cmcf->phases[NGX_HTTP_LOG_PHASE].handlers);

    if (handler == NULL || rmcf->worker->request_id == NGX_ERROR) {
        return NGX_ERROR;
    }

    *handler = ngx_http_kairo_record_log;

    return NGX_OK;
}


static char *
ngx_http_kairo_record_run(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_kairo_record_conf_t *rcf = conf;

    ngx_str_t                         *value;
    ngx_http_kairo_record_kind_t      *run;
    ngx_http_compile_complex_value_t   ccv;

    if (rcf->run_set) {
        return "is duplicate";
    }

    value = cf->args->elts;
    rcf->run_set = 1;

    if (ngx_strcmp(value[1].data, "off") == 0 && cf->args->nelts == 2) {
        return NGX_CONF_OK;
    }

    run = ngx_pcalloc(cf->pool, sizeof(ngx_http_kairo_record_kind_t));
    if (run == NULL) {
        return NGX_CONF_ERROR;
    }

    run->tool = ngx_pcalloc(cf->pool, sizeof(ngx_http_complex_value_t));
    if (run->tool == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_str_set(&run->kind, "run");

    ngx_memzero(&ccv, sizeof(ngx_http_compile_complex_value_t));

    ccv.cf = cf;
    ccv.value = &value[1];
    ccv.complex_value = run->tool;

    if (ngx_http_compile_complex_value(&ccv) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    if (run->tool->lengths == NULL
        && (value[1].len == 0
            || value[1].len > kairo_event_most[KAIRO_EVENT_TOOL]
            || ngx_strcmp(value[1].data, "off") == 0))
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid tool \"%V\", expected a name of 1 to 128 "
                           "bytes, or \"off\" alone", &value[1]);
        return NGX_CONF_ERROR;
    }

    if (cf->args->nelts == 3
        && !ngx_http_kairo_record_on_full(&value[2], &run->drop))
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid parameter \"%V\", expected on_full=refuse "
                           "or on_full=drop", &value[2]);
        return NGX_CONF_ERROR;
    }

    rcf->run = run;
    ngx_http_kairo_record_used(cf);

    return NGX_CONF_OK;
}


static char *
ngx_http_kairo_record_event(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_kairo_record_conf_t *rcf = conf;

    char                          *rv;
    ngx_str_t                     *value;
    ngx_uint_t                     i;
    ngx_http_kairo_record_kind_t  *kind;

    value = cf->args->elts;

    if (ngx_strcmp(value[1].data, "off") == 0 && cf->args->nelts == 2) {

        if (rcf->events_set) {
            return "can't be \"off\" beside others";
        }

        rcf->events_set = 1;
        return NGX_CONF_OK;
    }

    if (rcf->events_set && rcf->events == NULL) {
        return "is \"off\" already";
    }

    if (!ngx_http_kairo_record_name(&value[1])
        || ngx_strcmp(value[1].data, "off") == 0)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid event \"%V\", expected up to 64 of a-z, "
                           "0-9, \"_\", \".\" and \"-\", and not \"run\", "
                           "\"refused\" or \"gap\", which kairo writes, "
                           "or \"off\" alone",
                           &value[1]);
        return NGX_CONF_ERROR;
    }

    if (rcf->events == NULL) {
        rcf->events = ngx_array_create(cf->pool, 2,
                                       sizeof(ngx_http_kairo_record_kind_t));
        if (rcf->events == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    if (rcf->events->nelts == NGX_HTTP_KAIRO_RECORD_EVENTS) {
        return "is there more than 8 times";
    }

    rcf->events_set = 1;

    kind = ngx_array_push(rcf->events);
    if (kind == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_memzero(kind, sizeof(ngx_http_kairo_record_kind_t));
    kind->kind = value[1];

    if (ngx_array_init(&kind->pairs, cf->pool, 4,
                       sizeof(ngx_http_kairo_record_pair_t))
        != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    for (i = 2; i < cf->args->nelts; i++) {

        if (ngx_http_kairo_record_on_full(&value[i], &kind->drop)) {
            continue;
        }

        rv = ngx_http_kairo_record_pair(cf, kind, &value[i]);
        if (rv != NGX_CONF_OK) {
            return rv;
        }
    }

    ngx_http_kairo_record_used(cf);

    return NGX_CONF_OK;
}


static char *
ngx_http_kairo_record_pair(ngx_conf_t *cf, ngx_http_kairo_record_kind_t *kind,
    ngx_str_t *word)
{
    u_char                            *sign;
    ngx_str_t                          key, value;
    ngx_http_kairo_record_pair_t      *pair;
    ngx_http_compile_complex_value_t   ccv;

    sign = (u_char *) ngx_strchr(word->data, '=');

    key.data = word->data;
    key.len = sign ? (size_t) (sign - word->data) : 0;

    if (!ngx_http_kairo_record_name(&key)
        || (key.len == 7 && ngx_strncmp(key.data, "on_full", 7) == 0))
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid parameter \"%V\", expected KEY=VALUE with "
                           "a key of up to 64 of a-z, 0-9, \"_\", \".\" and "
                           "\"-\", on_full=refuse or on_full=drop", word);
        return NGX_CONF_ERROR;
    }

    pair = ngx_array_push(&kind->pairs);
    if (pair == NULL) {
        return NGX_CONF_ERROR;
    }

    pair->key = key;

    value.data = sign + 1;
    value.len = word->data + word->len - value.data;

    ngx_memzero(&ccv, sizeof(ngx_http_compile_complex_value_t));

    ccv.cf = cf;
    ccv.value = &value;
    ccv.complex_value = &pair->value;

    return ngx_http_compile_complex_value(&ccv) == NGX_OK ? NGX_CONF_OK
                                                          : NGX_CONF_ERROR;
}


static ngx_uint_t
ngx_http_kairo_record_name(const ngx_str_t *name)
{
    u_char      ch;
    ngx_uint_t  i;

    static const ngx_str_t  own[] = {
        ngx_string("run"), ngx_string("refused"), ngx_string("gap")
    };

    if (name->len == 0 || name->len > kairo_event_most[KAIRO_EVENT_KIND]) {
        return 0;
    }

    for (i = 0; i < name->len; i++) {

        ch = name->data[i];

        if (!(ch >= 'a' && ch <= 'z') && !kairo_is_digit(ch)
            && ch != '_' && ch != '.' && ch != '-')
        {
            return 0;
        }
    }

    for (i = 0; i < sizeof(own) / sizeof(own[0]); i++) {
        if (own[i].len == name->len
            && ngx_strncmp(own[i].data, name->data, name->len) == 0)
        {
            return 0;
        }
    }

    return 1;
}


static char *
ngx_http_kairo_record_refusals(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_kairo_record_conf_t *rcf = conf;

    ngx_int_t   n;
    ngx_str_t  *value, text;

    if (rcf->refusals != NGX_CONF_UNSET_UINT) {
        return "is duplicate";
    }

    value = cf->args->elts;
    text = value[1];

    if (ngx_strcmp(text.data, "off") == 0) {
        rcf->refusals = 0;
        return NGX_CONF_OK;
    }

    if (ngx_strcmp(text.data, "all") == 0) {
        rcf->refusals = NGX_MAX_INT_T_VALUE;
        ngx_http_kairo_record_used(cf);
        return NGX_CONF_OK;
    }

    n = text.len > 3 && ngx_strcmp(text.data + text.len - 3, "r/s") == 0
        ? ngx_atoi(text.data, text.len - 3) : NGX_ERROR;

    if (n < 1) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid value \"%V\", expected \"off\", \"all\", "
                           "or how many of each reason a worker records, as "
                           "in 10r/s", &value[1]);
        return NGX_CONF_ERROR;
    }

    rcf->refusals = n;
    ngx_http_kairo_record_used(cf);

    return NGX_CONF_OK;
}


static ngx_uint_t
ngx_http_kairo_record_on_full(const ngx_str_t *word, ngx_uint_t *drop)
{
    if (ngx_strcmp(word->data, "on_full=refuse") == 0) {
        *drop = 0;
        return 1;
    }

    if (ngx_strcmp(word->data, "on_full=drop") == 0) {
        *drop = 1;
        return 1;
    }

    return 0;
}


static void
ngx_http_kairo_record_used(ngx_conf_t *cf)
{
    ngx_http_kairo_record_main_conf_t  *rmcf;

    rmcf = ngx_http_conf_get_module_main_conf(cf,
                                              ngx_http_kairo_record_module);
    rmcf->worker->used = 1;

    ngx_http_kairo_use(cf);
}


static void *
ngx_http_kairo_record_create_main_conf(ngx_conf_t *cf)
{
    ngx_http_kairo_record_main_conf_t  *rmcf;

    rmcf = ngx_pcalloc(cf->pool, sizeof(ngx_http_kairo_record_main_conf_t));
    if (rmcf == NULL) {
        return NULL;
    }

    rmcf->worker = ngx_pcalloc(cf->pool,
                               sizeof(ngx_http_kairo_record_worker_t));

    return rmcf->worker ? rmcf : NULL;
}


static void *
ngx_http_kairo_record_create_conf(ngx_conf_t *cf)
{
    ngx_http_kairo_record_conf_t  *rcf;

    rcf = ngx_pcalloc(cf->pool, sizeof(ngx_http_kairo_record_conf_t));
    if (rcf == NULL) {
        return NULL;
    }

    /*
     * set by ngx_pcalloc():
     *
     *     rcf->layer.mode = NGX_HTTP_KAIRO_OFF;
     *     rcf->run = NULL;
     *     rcf->run_set = 0;
     *     rcf->events = NULL;
     *     rcf->events_set = 0;
     *     rcf->region = NULL;
     */

    rcf->refusals = NGX_CONF_UNSET_UINT;
    rcf->log_level = NGX_CONF_UNSET_UINT;
    rcf->dry_run = NGX_CONF_UNSET;

    return rcf;
}


static char *
ngx_http_kairo_record_merge_conf(ngx_conf_t *cf, void *parent, void *child)
{
    ngx_http_kairo_record_conf_t *prev = parent;
    ngx_http_kairo_record_conf_t *conf = child;

    if (!conf->run_set) {
        conf->run_set = prev->run_set;
        conf->run = prev->run;
    }

    if (!conf->events_set) {
        conf->events_set = prev->events_set;
        conf->events = prev->events;
    }

    if (conf->region == NULL) {
        conf->region = prev->region;
    }

    ngx_conf_merge_uint_value(conf->refusals, prev->refusals, 0);
    ngx_conf_merge_uint_value(conf->log_level, prev->log_level, NGX_LOG_ERR);
    ngx_conf_merge_value(conf->dry_run, prev->dry_run, 0);

    if (!conf->run && !conf->events && !conf->refusals) {
        return NGX_CONF_OK;
    }

    if (!ngx_http_kairo_spooled(cf)) {
        return ngx_http_kairo_unfit(cf, "has \"%s\", and there is no place "
                                        "for events: write \"kairo_spool "
                                        "DIRECTORY\" in http",
                                    conf->run ? "kairo_tool_run"
                                    : conf->events ? "kairo_event"
                                                   : "kairo_refusals");
    }

    if (conf->run || conf->events) {
        conf->layer.mode = conf->dry_run ? NGX_HTTP_KAIRO_DRY_RUN
                                         : NGX_HTTP_KAIRO_ON;
    }

    return NGX_CONF_OK;
}
