
#include "stores/ngx_kairo_hosts.h"


#define NGX_KAIRO_HOSTS_INTERVAL  1000    /* ms */


struct ngx_kairo_hosts_load_s {
    ngx_thread_task_t         task;
    ngx_kairo_hosts_t        *hosts;

    /* what has come of it */

    kairo_hostlist_t         *list;
    ngx_uint_t                opened;    /* 1: "fi" is of what was read */
    ngx_file_info_t           fi;
    u_char                    wrong[200];
};


static void ngx_kairo_hosts_read(void *data, ngx_log_t *log);
static void ngx_kairo_hosts_forget(void *data);
static void ngx_kairo_hosts_look(ngx_event_t *ev);
static void ngx_kairo_hosts_start(ngx_kairo_hosts_t *hosts);
static void ngx_kairo_hosts_loaded(ngx_event_t *ev);
static void ngx_kairo_hosts_failed(ngx_kairo_hosts_t *hosts,
    const u_char *wrong);


ngx_int_t
ngx_kairo_hosts_add(ngx_conf_t *cf, ngx_kairo_hosts_t *hosts)
{
    ngx_pool_cleanup_t      *cln;
    ngx_kairo_hosts_load_t   load;

    cln = ngx_pool_cleanup_add(cf->pool, 0);
    if (cln == NULL) {
        return NGX_ERROR;
    }

    cln->handler = ngx_kairo_hosts_forget;
    cln->data = hosts;

    ngx_memzero(&load, sizeof(ngx_kairo_hosts_load_t));
    load.hosts = hosts;

    ngx_kairo_hosts_read(&load, cf->log);

    if (load.list == NULL) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "list \"%V\" is of no use: "
                           "%s", &hosts->path, load.wrong);
        return NGX_ERROR;
    }

    hosts->list = load.list;
    ngx_kairo_stamp(&hosts->seen, &load.fi);

    return NGX_OK;
}


void
ngx_kairo_hosts_watch(ngx_kairo_hosts_t *hosts, ngx_cycle_t *cycle)
{
    hosts->timer.handler = ngx_kairo_hosts_look;
    hosts->timer.data = hosts;
    hosts->timer.log = cycle->log;

    /* a worker that shuts down does not wait for it */

    hosts->timer.cancelable = 1;

    ngx_add_timer(&hosts->timer, NGX_KAIRO_HOSTS_INTERVAL);
}


/* In a thread, or at configuration time: touches the load alone. */

static void
ngx_kairo_hosts_read(void *data, ngx_log_t *log)
{
    ngx_kairo_hosts_load_t *load = data;

    u_char                  *last;
    ngx_str_t                text;
    const char              *wrong;
    kairo_span_t             s;
    kairo_hostlist_error_t   error;

    last = load->wrong + sizeof(load->wrong);

    wrong = ngx_kairo_file_read((char *) load->hosts->path.data,
                                NGX_KAIRO_HOSTS_FILE,
                                "it has more than 16 MiB", &text, &load->fi);
    if (wrong) {
        (void) ngx_slprintf(load->wrong, last, "%s%Z", wrong);
        return;
    }

    load->opened = 1;

    s.p = text.data;
    s.n = text.len;

    load->list = kairo_hostlist(s, &error);

    ngx_free(text.data);

    if (load->list) {
        return;
    }

    if (error.line) {
        (void) ngx_slprintf(load->wrong, last, "line %uz: %s%Z", error.line,
                            error.wrong);

    } else {
        load->opened = 0;    /* it is to be read again */
        (void) ngx_slprintf(load->wrong, last, "%s%Z", error.wrong);
    }
}


/* The end of a configuration cycle; its thread has ended before. */

static void
ngx_kairo_hosts_forget(void *data)
{
    ngx_kairo_hosts_t *hosts = data;

    if (hosts->load) {
        kairo_hostlist_free(hosts->load->list);
        ngx_free(hosts->load);
    }

    kairo_hostlist_free(hosts->list);
}


static void
ngx_kairo_hosts_look(ngx_event_t *ev)
{
    ngx_file_info_t     fi;
    ngx_kairo_hosts_t  *hosts;

    static const u_char  not_found[] = "it can't be found";

    hosts = ev->data;

    if (ngx_exiting || ngx_quit || ngx_terminate) {
        return;
    }

    if (ngx_file_info(hosts->path.data, &fi) == NGX_FILE_ERROR) {
        ngx_kairo_hosts_failed(hosts, not_found);

    } else if (hosts->load == NULL && !ngx_kairo_stamped(&hosts->seen, &fi)) {
        ngx_kairo_hosts_start(hosts);
    }

    ngx_add_timer(&hosts->timer, NGX_KAIRO_HOSTS_INTERVAL);
}


static void
ngx_kairo_hosts_start(ngx_kairo_hosts_t *hosts)
{
    ngx_kairo_hosts_load_t  *load;

    load = ngx_calloc(sizeof(ngx_kairo_hosts_load_t), ngx_cycle->log);
    if (load == NULL) {
        return;
    }

    load->hosts = hosts;
    load->task.ctx = load;
    load->task.handler = ngx_kairo_hosts_read;
    load->task.event.handler = ngx_kairo_hosts_loaded;
    load->task.event.data = load;
    load->task.event.log = ngx_cycle->log;

    if (ngx_thread_task_post(hosts->pool, &load->task) != NGX_OK) {
        ngx_free(load);
        return;
    }

    hosts->load = load;
}


/* Nobody keeps the old list beyond the event in which he has asked it. */

static void
ngx_kairo_hosts_loaded(ngx_event_t *ev)
{
    ngx_kairo_hosts_load_t *load = ev->data;

    ngx_kairo_hosts_t  *hosts;

    hosts = load->hosts;
    hosts->load = NULL;

    /* what is of no use is so until it changes */

    if (load->opened) {
        ngx_kairo_stamp(&hosts->seen, &load->fi);
    }

    if (load->list) {

        kairo_hostlist_free(hosts->list);
        hosts->list = load->list;
        hosts->wrong[0] = '\0';

        if (ngx_worker == 0) {
            ngx_log_error(NGX_LOG_NOTICE, ev->log, 0,
                          "kairo sanitize: list \"%V\" is read anew, "
                          "%uz lines", &hosts->path,
                          kairo_hostlist_count(hosts->list));
        }

    } else {
        ngx_kairo_hosts_failed(hosts, load->wrong);
    }

    ngx_free(load);
}


static void
ngx_kairo_hosts_failed(ngx_kairo_hosts_t *hosts, const u_char *wrong)
{
    if (ngx_strcmp(hosts->wrong, wrong) == 0) {
        return;
    }

    (void) ngx_cpystrn(hosts->wrong, (u_char *) wrong, sizeof(hosts->wrong));

    if (ngx_worker == 0) {
        ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                      "kairo sanitize: list \"%V\" is of no use, the old one "
                      "stays: %s", &hosts->path, wrong);
    }
}
