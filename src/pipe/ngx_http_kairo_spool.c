
/*
 * kairo_spool: where events are kept until Postgres has them; and what the
 * store counts.
 */


#include "pipe/ngx_http_kairo_pipe.h"
#include "stores/ngx_kairo_thread.h"


/* bytes: there is a file for each worker, and at a reload for each of both */

#define NGX_HTTP_KAIRO_SPOOL_LEAST    (4 * 1024 * 1024)
#define NGX_HTTP_KAIRO_SPOOL_SEGMENT  (4 * 1024 * 1024)


static char *ngx_http_kairo_spool_param(ngx_conf_t *cf,
    ngx_kairo_spool_t *spool, ngx_str_t *value);
static ngx_int_t ngx_http_kairo_spool_sync(ngx_kairo_spool_t *spool,
    ngx_str_t *text);
static ngx_int_t ngx_http_kairo_spool_path(ngx_conf_t *cf,
    ngx_kairo_spool_t *spool, const ngx_str_t *name);
static void ngx_http_kairo_spool_collect(void *data,
    ngx_http_kairo_sink_t *sink);
static void ngx_http_kairo_spool_lost(const ngx_kairo_spool_root_t *root,
    ngx_http_kairo_sink_t *sink);


static const ngx_http_kairo_family_t  ngx_http_kairo_spool_counters[] = {
    { "kairo_spool_records_total", "counter",
      "Records written to the spool", { NULL, NULL } },

    { "kairo_spool_written_bytes_total", "counter",
      "Bytes written to the spool", { NULL, NULL } },

    { "kairo_spool_errors_total", "counter",
      "Writes to the spool that failed", { NULL, NULL } },

    { "kairo_spool_shipped_total", "counter",
      "Events that Postgres has taken from the spool", { NULL, NULL } },

    { "kairo_spool_known_total", "counter",
      "Events that Postgres had already when they were sent", { NULL, NULL } },

    { "kairo_spool_aside_total", "counter",
      "Events that Postgres could not take, and that were set aside",
      { NULL, NULL } },

    { "kairo_spool_bad_bytes_total", "counter",
      "Bytes in the spool that were no record", { NULL, NULL } },

    { "kairo_spool_unfinished_bytes_total", "counter",
      "Bytes at the ends of files, of records that were never finished",
      { NULL, NULL } },

    { "kairo_spool_retries_total", "counter",
      "Batches of events that were sent once more", { NULL, NULL } }
};


static const ngx_http_kairo_family_t  ngx_http_kairo_spool_lost_family = {
    "kairo_spool_lost_total", "counter",
    "Events that there was no room for, by their class", { "class", NULL }
};


static const ngx_http_kairo_family_t  ngx_http_kairo_spool_gauges[] = {
    { "kairo_spool_files", "gauge",
      "Files of the spool", { NULL, NULL } },

    { "kairo_spool_bytes", "gauge",
      "Bytes of disk that the files of the spool take", { NULL, NULL } },

    { "kairo_spool_oldest_seconds", "gauge",
      "Age of the oldest event that Postgres has not taken yet",
      { NULL, NULL } }
};


char *
ngx_http_kairo_spool_add(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_kairo_main_conf_t *kmcf = conf;

    char               *rv;
    ngx_str_t          *value;
    ngx_uint_t          i;
    ngx_kairo_spool_t  *spool;

    if (kmcf->spool) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (value[1].len == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid directory \"\" in \"kairo_spool\"");
        return NGX_CONF_ERROR;
    }

    spool = ngx_pcalloc(cf->pool, sizeof(ngx_kairo_spool_t));
    if (spool == NULL) {
        return NGX_CONF_ERROR;
    }

    kmcf->spool = spool;

    spool->size = (off_t) 1024 * 1024 * 1024;
    spool->sync = 100;
    spool->edge = cf->cycle->hostname;

    for (i = 2; i < cf->args->nelts; i++) {
        rv = ngx_http_kairo_spool_param(cf, spool, &value[i]);
        if (rv != NGX_CONF_OK) {
            return rv;
        }
    }

    /* some files, so that what was shipped is given back by and by */

    spool->segment = ngx_min(spool->size / 16, NGX_HTTP_KAIRO_SPOOL_SEGMENT);

    if (spool->sync != NGX_KAIRO_SPOOL_SYNC_OFF) {
        spool->threads = ngx_kairo_thread(cf, "kairo_spool");
        if (spool->threads == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    if (ngx_http_kairo_spool_path(cf, spool, &value[1]) != NGX_OK
        || ngx_kairo_spool_add(cf, spool, &ngx_http_kairo_module) != NGX_OK
        || ngx_http_kairo_source_add(cf, ngx_http_kairo_spool_collect, spool)
           != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_kairo_spool_param(ngx_conf_t *cf, ngx_kairo_spool_t *spool,
    ngx_str_t *value)
{
    ngx_str_t  text;

    text.data = (u_char *) ngx_strchr(value->data, '=');
    text.data = text.data ? text.data + 1 : value->data + value->len;
    text.len = value->data + value->len - text.data;

    if (ngx_strncmp(value->data, "size=", 5) == 0) {

        spool->size = ngx_parse_offset(&text);

        if (spool->size >= NGX_HTTP_KAIRO_SPOOL_LEAST) {
            return NGX_CONF_OK;
        }

    } else if (ngx_strncmp(value->data, "sync=", 5) == 0) {

        if (ngx_http_kairo_spool_sync(spool, &text) == NGX_OK) {
            return NGX_CONF_OK;
        }

    } else if (ngx_strncmp(value->data, "edge=", 5) == 0) {

        if (text.len && text.len <= kairo_event_most[KAIRO_EVENT_EDGE]) {
            spool->edge = text;
            return NGX_CONF_OK;
        }

    } else if (ngx_strncmp(value->data, "postgres=", 9) == 0 && text.len) {

        spool->database = text;
        return NGX_CONF_OK;
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "invalid parameter \"%V\", expected size=SIZE of 4m "
                       "or more, sync=off, sync=always or sync=TIME from 1ms "
                       "to 60s, postgres=NAME or postgres=off, or edge=NAME "
                       "of up to 64 bytes", value);

    return NGX_CONF_ERROR;
}


static ngx_int_t
ngx_http_kairo_spool_sync(ngx_kairo_spool_t *spool, ngx_str_t *text)
{
    ngx_int_t  ms;

    if (ngx_strcmp(text->data, "off") == 0) {
        spool->sync = NGX_KAIRO_SPOOL_SYNC_OFF;
        return NGX_OK;
    }

    if (ngx_strcmp(text->data, "always") == 0) {
        spool->sync = NGX_KAIRO_SPOOL_SYNC_ALWAYS;
        return NGX_OK;
    }

    ms = ngx_parse_time(text, 0);

    if (ms < 1 || ms > 60000) {
        return NGX_ERROR;
    }

    spool->sync = ms;

    return NGX_OK;
}


/* nginx makes it when it starts, for the user of its workers alone. */

static ngx_int_t
ngx_http_kairo_spool_path(ngx_conf_t *cf, ngx_kairo_spool_t *spool,
    const ngx_str_t *name)
{
    ngx_path_t  *path;

    path = ngx_pcalloc(cf->pool, sizeof(ngx_path_t));
    if (path == NULL) {
        return NGX_ERROR;
    }

    path->name = *name;

    while (path->name.len > 1 && path->name.data[path->name.len - 1] == '/') {
        path->name.data[--path->name.len] = '\0';
    }

    if (ngx_conf_full_name(cf->cycle, &path->name, 0) != NGX_OK) {
        return NGX_ERROR;
    }

    path->conf_file = cf->conf_file->file.name.data;
    path->line = cf->conf_file->line;

    spool->path = path;

    return NGX_OK;
}


ngx_int_t
ngx_http_kairo_spool_ready(ngx_conf_t *cf, ngx_http_kairo_main_conf_t *kmcf)
{
    ngx_kairo_spool_t      *spool;
    ngx_kairo_postgres_t  **db;

    spool = kmcf->spool;

    if (spool == NULL) {
        return NGX_OK;
    }

    if (spool->database.len == 0) {

        if (kmcf->databases.nelts > 1) {
            ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                          "there are several databases, and \"kairo_spool\" "
                          "does not say which one gets its events; write "
                          "postgres=NAME, or postgres=off");
            return NGX_ERROR;
        }

        db = kmcf->databases.elts;
        spool->db = kmcf->databases.nelts ? db[0] : NULL;

        return NGX_OK;
    }

    if (ngx_strcmp(spool->database.data, "off") == 0) {
        return NGX_OK;
    }

    spool->db = ngx_http_kairo_database_of(kmcf, &spool->database);

    if (spool->db == NULL) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "\"kairo_spool\" has postgres=%V, and there is no "
                      "\"kairo_postgres\" of that name in http",
                      &spool->database);
        return NGX_ERROR;
    }

    return NGX_OK;
}


ngx_kairo_spool_t *
ngx_http_kairo_spool(const ngx_http_request_t *r)
{
    const ngx_http_kairo_main_conf_t  *kmcf;

    kmcf = ngx_http_get_module_main_conf(r, ngx_http_kairo_module);

    return kmcf->spool;
}


ngx_uint_t
ngx_http_kairo_spooled(ngx_conf_t *cf)
{
    const ngx_http_kairo_main_conf_t  *kmcf;

    kmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_kairo_module);

    return kmcf->spool != NULL;
}


static void
ngx_http_kairo_spool_collect(void *data, ngx_http_kairo_sink_t *sink)
{
    ngx_kairo_spool_t *spool = data;

    uint64_t                       ms, value[3];
    ngx_uint_t                     i;
    ngx_time_t                    *tp;
    const ngx_kairo_spool_root_t  *root;

    root = spool->root;
    tp = ngx_timeofday();
    ms = (uint64_t) tp->sec * 1000 + tp->msec;

    for (i = 0; i < NGX_KAIRO_SPOOL_COUNTS; i++) {
        sink->sample(sink, &ngx_http_kairo_spool_counters[i], NULL, NULL,
                     __atomic_load_n(&root->count[i], __ATOMIC_RELAXED));
    }

    ngx_http_kairo_spool_lost(root, sink);

    if (spool->db == NULL) {
        /* nobody has looked */
        return;
    }

    value[0] = __atomic_load_n(&root->files, __ATOMIC_RELAXED);
    value[1] = __atomic_load_n(&root->disk, __ATOMIC_RELAXED);
    value[2] = __atomic_load_n(&root->oldest, __ATOMIC_RELAXED);
    value[2] = value[2] && value[2] < ms ? (ms - value[2]) / 1000 : 0;

    for (i = 0; i < 3; i++) {
        sink->sample(sink, &ngx_http_kairo_spool_gauges[i], NULL, NULL,
                     value[i]);
    }
}


static void
ngx_http_kairo_spool_lost(const ngx_kairo_spool_root_t *root,
    ngx_http_kairo_sink_t *sink)
{
    ngx_uint_t  i;

    static const ngx_str_t  classes[NGX_KAIRO_SPOOL_CLASSES] = {
        ngx_string("run"), ngx_string("event"), ngx_string("refusal")
    };

    for (i = 0; i < NGX_KAIRO_SPOOL_CLASSES; i++) {
        sink->sample(sink, &ngx_http_kairo_spool_lost_family, &classes[i],
                     NULL,
                     __atomic_load_n(&root->gap[i].total, __ATOMIC_RELAXED));
    }
}
