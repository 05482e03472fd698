
/*
 * What the pipe counts, and the list of those who have metrics to show.
 */


#include "pipe/ngx_http_kairo_pipe.h"


static const ngx_http_kairo_family_t  ngx_http_kairo_build_family = {
    "kairo_build_info", "gauge",
    "Always 1, labeled with the versions of kairo and nginx",
    { "version", "nginx" }
};


static const ngx_http_kairo_family_t  ngx_http_kairo_decision_family = {
    "kairo_decisions_total", "counter",
    "Rows of the decision pipeline that were judged, by layer and decision",
    { "layer", "decision" }
};


static ngx_uint_t ngx_http_kairo_first_row(
    const ngx_http_kairo_main_conf_t *kmcf, ngx_uint_t row);
static uint64_t ngx_http_kairo_decided(const ngx_http_kairo_main_conf_t *kmcf,
    ngx_uint_t first, ngx_uint_t decision);


void
ngx_http_kairo_count(ngx_http_kairo_pipe_t *p,
    ngx_http_kairo_decision_e decision)
{
    ngx_http_kairo_main_conf_t  *kmcf;

    kmcf = ngx_http_get_module_main_conf(p->request, ngx_http_kairo_module);

    ngx_kairo_stats_count(&kmcf->stats, p->row - kmcf->rows,
                          decision - NGX_HTTP_KAIRO_PASSED);
}


ngx_int_t
ngx_http_kairo_source_add(ngx_conf_t *cf,
    void (*collect)(void *data, ngx_http_kairo_sink_t *sink), void *data)
{
    ngx_http_kairo_source_t     *source;
    ngx_http_kairo_main_conf_t  *kmcf;

    kmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_kairo_module);

    source = ngx_array_push(&kmcf->sources);
    if (source == NULL) {
        return NGX_ERROR;
    }

    source->collect = collect;
    source->data = data;

    return NGX_OK;
}


void
ngx_http_kairo_collect(const ngx_http_request_t *r,
    ngx_http_kairo_sink_t *sink)
{
    static const ngx_str_t  version = ngx_string(NGX_HTTP_KAIRO_VERSION);
    static const ngx_str_t  nginx = ngx_string(NGINX_VERSION);

    ngx_uint_t                   i, n;
    ngx_http_kairo_source_t     *source;
    ngx_http_kairo_main_conf_t  *kmcf;

    kmcf = ngx_http_get_module_main_conf(r, ngx_http_kairo_module);

    sink->sample(sink, &ngx_http_kairo_build_family, &version, &nginx, 1);

    for (i = 0; kmcf->stats.root && i < kmcf->nrows; i++) {

        if (ngx_http_kairo_first_row(kmcf, i) != i) {
            continue;
        }

        for (n = NGX_HTTP_KAIRO_PASSED; n <= NGX_HTTP_KAIRO_REFUSED; n++) {
            sink->sample(sink, &ngx_http_kairo_decision_family,
                         &kmcf->rows[i].layer, &ngx_http_kairo_decisions[n],
                         ngx_http_kairo_decided(kmcf, i, n));
        }
    }

    source = kmcf->sources.elts;

    for (i = 0; i < kmcf->sources.nelts; i++) {
        source[i].collect(source[i].data, sink);
    }
}


/* A layer may have several rows, and has one line of each decision. */

static ngx_uint_t
ngx_http_kairo_first_row(const ngx_http_kairo_main_conf_t *kmcf,
    ngx_uint_t row)
{
    ngx_uint_t  i;

    for (i = 0; i < row; i++) {
        if (kmcf->rows[i].module == kmcf->rows[row].module
            && kmcf->rows[i].layer.len == kmcf->rows[row].layer.len
            && ngx_strncmp(kmcf->rows[i].layer.data,
                           kmcf->rows[row].layer.data,
                           kmcf->rows[i].layer.len)
               == 0)
        {
            break;
        }
    }

    return i;
}


static uint64_t
ngx_http_kairo_decided(const ngx_http_kairo_main_conf_t *kmcf,
    ngx_uint_t first, ngx_uint_t decision)
{
    uint64_t    sum;
    ngx_uint_t  i;

    for (i = first, sum = 0; i < kmcf->nrows; i++) {
        if (ngx_http_kairo_first_row(kmcf, i) == first) {
            sum += kairo_counter_sum(&kmcf->stats.root->rows[i], (unsigned)
                                     (decision - NGX_HTTP_KAIRO_PASSED));
        }
    }

    return sum;
}
