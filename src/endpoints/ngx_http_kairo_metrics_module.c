
/*
 * kairo_metrics: what all layers count, for Prometheus (text format 0.0.4) or
 * as JSON.
 *
 * Reads:      the metrics sources of the pipe and the layers.
 * Directives: kairo_metrics [prometheus | json].
 *
 * The format is the directive's parameter, unless the request says otherwise
 * by ?format=json, ?format=prometheus or "Accept: application/json".
 */


#include "ngx_http_kairo.h"


/* grows by this much; one sample is far shorter */

#define NGX_HTTP_KAIRO_METRICS_CHUNK   8192
#define NGX_HTTP_KAIRO_METRICS_SAMPLE  4096


typedef struct {
    ngx_uint_t                      json;    /* unless the request says */
} ngx_http_kairo_metrics_conf_t;


typedef struct {
    ngx_http_kairo_sink_t           sink;    /* must be first */
    ngx_http_request_t             *request;
    ngx_chain_t                    *first;
    ngx_chain_t                    *last;
    const ngx_http_kairo_family_t  *family;  /* of the sample before */
    off_t                           size;
    ngx_uint_t                      failed;  /* 1: no memory */
} ngx_http_kairo_metrics_t;


static ngx_int_t ngx_http_kairo_metrics_handler(ngx_http_request_t *r);
static ngx_uint_t ngx_http_kairo_metrics_json(ngx_http_request_t *r);
static ngx_buf_t *ngx_http_kairo_metrics_room(ngx_http_kairo_metrics_t *m);
static void ngx_http_kairo_metrics_put(ngx_http_kairo_metrics_t *m,
    const char *text);
static void ngx_http_kairo_metrics_prometheus_sample(
    ngx_http_kairo_sink_t *sink, const ngx_http_kairo_family_t *family,
    const ngx_str_t *first, const ngx_str_t *second, uint64_t value);
static void ngx_http_kairo_metrics_json_sample(ngx_http_kairo_sink_t *sink,
    const ngx_http_kairo_family_t *family, const ngx_str_t *first,
    const ngx_str_t *second, uint64_t value);
static u_char *ngx_http_kairo_metrics_value(u_char *p, const ngx_str_t *s);
static void *ngx_http_kairo_metrics_create_conf(ngx_conf_t *cf);
static char *ngx_http_kairo_metrics(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);


static ngx_command_t  ngx_http_kairo_metrics_commands[] = {

    { ngx_string("kairo_metrics"),
      NGX_HTTP_LOC_CONF|NGX_CONF_NOARGS|NGX_CONF_TAKE1,
      ngx_http_kairo_metrics,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_kairo_metrics_module_ctx = {
    NULL,                                  /* preconfiguration */
    NULL,                                  /* postconfiguration */

    NULL,                                  /* create main configuration */
    NULL,                                  /* init main configuration */

    NULL,                                  /* create server configuration */
    NULL,                                  /* merge server configuration */

    ngx_http_kairo_metrics_create_conf,    /* create location configuration */
    NULL                                   /* merge location configuration */
};


ngx_module_t  ngx_http_kairo_metrics_module = {
    NGX_MODULE_V1,
    &ngx_http_kairo_metrics_module_ctx,    /* module context */
    ngx_http_kairo_metrics_commands,       /* module directives */
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


static ngx_int_t
ngx_http_kairo_metrics_handler(ngx_http_request_t *r)
{
    ngx_int_t                 rc;
    ngx_uint_t                json;
    ngx_http_kairo_metrics_t  m;

    if (!(r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD))) {
        return NGX_HTTP_NOT_ALLOWED;
    }

    rc = ngx_http_discard_request_body(r);

    if (rc != NGX_OK) {
        return rc;
    }

    ngx_memzero(&m, sizeof(ngx_http_kairo_metrics_t));

    m.request = r;
    json = ngx_http_kairo_metrics_json(r);

    m.sink.sample = json ? ngx_http_kairo_metrics_json_sample
                         : ngx_http_kairo_metrics_prometheus_sample;

    ngx_http_kairo_collect(r, &m.sink);

    if (json) {
        ngx_http_kairo_metrics_put(&m, "]}\n");
        ngx_str_set(&r->headers_out.content_type, "application/json");

    } else {
        ngx_str_set(&r->headers_out.content_type,
                    "text/plain; version=0.0.4; charset=utf-8");
    }

    if (m.failed) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    m.last->buf->last_buf = (r == r->main);
    m.last->buf->last_in_chain = 1;

    r->headers_out.status = NGX_HTTP_OK;
    r->headers_out.content_type_len = r->headers_out.content_type.len;
    r->headers_out.content_length_n = m.size;

    rc = ngx_http_send_header(r);

    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
        return rc;
    }

    return ngx_http_output_filter(r, m.first);
}


static ngx_uint_t
ngx_http_kairo_metrics_json(ngx_http_request_t *r)
{
    ngx_str_t                             format;
    const ngx_str_t                      *accept;
    const ngx_http_kairo_metrics_conf_t  *conf;

    if (ngx_http_arg(r, (u_char *) "format", 6, &format) == NGX_OK) {

        if (format.len == 4 && ngx_strncmp(format.data, "json", 4) == 0) {
            return 1;
        }

        if (format.len == 10
            && ngx_strncmp(format.data, "prometheus", 10) == 0)
        {
            return 0;
        }
    }

    accept = ngx_http_kairo_request_field(r, "accept");

    if (accept && accept->len == sizeof("application/json") - 1
        && ngx_strncasecmp(accept->data, (u_char *) "application/json",
                           accept->len)
           == 0)
    {
        return 1;
    }

    conf = ngx_http_kairo_conf(r, &ngx_http_kairo_metrics_module);

    return conf->json;
}


/* A buffer with room for one sample, or NULL, and then "failed" is set. */

static ngx_buf_t *
ngx_http_kairo_metrics_room(ngx_http_kairo_metrics_t *m)
{
    ngx_buf_t    *b;
    ngx_chain_t  *cl;

    if (m->failed) {
        return NULL;
    }

    if (m->last
        && m->last->buf->end - m->last->buf->last
           >= NGX_HTTP_KAIRO_METRICS_SAMPLE)
    {
        return m->last->buf;
    }

    cl = ngx_alloc_chain_link(m->request->pool);
    b = ngx_create_temp_buf(m->request->pool, NGX_HTTP_KAIRO_METRICS_CHUNK);

    if (cl == NULL || b == NULL) {
        m->failed = 1;
        return NULL;
    }

    cl->buf = b;
    cl->next = NULL;

    if (m->last) {
        m->last->next = cl;

    } else {
        m->first = cl;
    }

    m->last = cl;

    return b;
}


static void
ngx_http_kairo_metrics_put(ngx_http_kairo_metrics_t *m, const char *text)
{
    ngx_buf_t  *b;

    b = ngx_http_kairo_metrics_room(m);
    if (b == NULL) {
        return;
    }

    b->last = ngx_cpymem(b->last, text, ngx_strlen(text));
    m->size += ngx_strlen(text);
}


static void
ngx_http_kairo_metrics_prometheus_sample(ngx_http_kairo_sink_t *sink,
    const ngx_http_kairo_family_t *family, const ngx_str_t *first,
    const ngx_str_t *second, uint64_t value)
{
    ngx_http_kairo_metrics_t *m = (ngx_http_kairo_metrics_t *) sink;

    u_char     *start;
    ngx_buf_t  *b;

    b = ngx_http_kairo_metrics_room(m);
    if (b == NULL) {
        return;
    }

    start = b->last;

    if (m->family != family) {
        m->family = family;

        b->last = ngx_sprintf(b->last, "# HELP %s %s\n# TYPE %s %s\n",
                              family->name, family->help,
                              family->name, family->type);
    }

    b->last = ngx_sprintf(b->last, "%s", family->name);

    if (first) {
        b->last = ngx_sprintf(b->last, "{%s=\"", family->label[0]);
        b->last = ngx_http_kairo_metrics_value(b->last, first);

        if (second) {
            b->last = ngx_sprintf(b->last, "\",%s=\"", family->label[1]);
            b->last = ngx_http_kairo_metrics_value(b->last, second);
        }

        b->last = ngx_cpymem(b->last, "\"}", 2);
    }

    b->last = ngx_sprintf(b->last, " %uL\n", value);
    m->size += b->last - start;
}


static void
ngx_http_kairo_metrics_json_sample(ngx_http_kairo_sink_t *sink,
    const ngx_http_kairo_family_t *family, const ngx_str_t *first,
    const ngx_str_t *second, uint64_t value)
{
    ngx_http_kairo_metrics_t *m = (ngx_http_kairo_metrics_t *) sink;

    u_char     *start;
    ngx_buf_t  *b;

    b = ngx_http_kairo_metrics_room(m);
    if (b == NULL) {
        return;
    }

    start = b->last;

    if (m->family == family) {
        *b->last++ = ',';

    } else {
        b->last = ngx_sprintf(b->last, "%s\"%s\":[", m->family ? "]," : "{",
                              family->name);
        m->family = family;
    }

    *b->last++ = '{';

    if (first) {
        b->last = ngx_sprintf(b->last, "\"%s\":\"", family->label[0]);
        b->last = ngx_http_kairo_metrics_value(b->last, first);
        b->last = ngx_cpymem(b->last, "\",", 2);
    }

    if (second) {
        b->last = ngx_sprintf(b->last, "\"%s\":\"", family->label[1]);
        b->last = ngx_http_kairo_metrics_value(b->last, second);
        b->last = ngx_cpymem(b->last, "\",", 2);
    }

    b->last = ngx_sprintf(b->last, "\"value\":%uL}", value);
    m->size += b->last - start;
}


/*
 * A label's value.  Both formats want quotes and backslashes escaped; names
 * are an operator's, so a control character is a question mark.  At most 256
 * bytes are shown.
 */

static u_char *
ngx_http_kairo_metrics_value(u_char *p, const ngx_str_t *s)
{
    size_t  i;

    for (i = 0; i < s->len && i < 256; i++) {

        if (s->data[i] == '"' || s->data[i] == '\\') {
            *p++ = '\\';
        }

        *p++ = s->data[i] < 0x20 ? '?' : s->data[i];
    }

    return p;
}


static void *
ngx_http_kairo_metrics_create_conf(ngx_conf_t *cf)
{
    return ngx_pcalloc(cf->pool, sizeof(ngx_http_kairo_metrics_conf_t));
}


static char *
ngx_http_kairo_metrics(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_kairo_metrics_conf_t *kmlcf = conf;

    ngx_str_t                 *value;
    ngx_http_core_loc_conf_t  *clcf;

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    if (clcf->handler == ngx_http_kairo_metrics_handler) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (cf->args->nelts == 2 && ngx_strcmp(value[1].data, "json") == 0) {
        kmlcf->json = 1;

    } else if (cf->args->nelts == 2
               && ngx_strcmp(value[1].data, "prometheus") != 0)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid parameter \"%V\", "
                           "expected \"prometheus\" or \"json\"", &value[1]);
        return NGX_CONF_ERROR;
    }

    clcf->handler = ngx_http_kairo_metrics_handler;

    return NGX_CONF_OK;
}
