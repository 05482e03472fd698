
/*
 * kairo_postgres: the databases that layers ask, by their names; and what
 * their stores count.
 */


#include "pipe/ngx_http_kairo_pipe.h"
#include "stores/ngx_kairo_lookup.h"
#include "stores/ngx_kairo_secret.h"


#define NGX_HTTP_KAIRO_DATABASE_NAME    32
#define NGX_HTTP_KAIRO_DATABASE_QUEUE   65536


static char *ngx_http_kairo_database_string(ngx_conf_t *cf,
    ngx_kairo_postgres_t *db, const ngx_str_t *source);
static char *ngx_http_kairo_database_text(ngx_conf_t *cf,
    const ngx_str_t *source, char **text, ngx_uint_t *reference);
static char *ngx_http_kairo_database_param(ngx_conf_t *cf,
    ngx_kairo_postgres_t *db, ngx_str_t *value);
static ngx_str_t ngx_http_kairo_database_shown(const ngx_str_t *value);
static ngx_int_t ngx_http_kairo_database_number(ngx_str_t *value,
    const char *name, ngx_uint_t most, ngx_uint_t *number);
static ngx_int_t ngx_http_kairo_database_time(ngx_str_t *value,
    const char *name, ngx_int_t least, ngx_int_t most, ngx_msec_t *ms);
static ngx_int_t ngx_http_kairo_database_root(ngx_conf_t *cf,
    const ngx_kairo_postgres_t *db);
static ngx_int_t ngx_http_kairo_database_resolver(ngx_conf_t *cf,
    ngx_kairo_postgres_t *db);
static ngx_uint_t ngx_http_kairo_database_host(const char *host);
static void ngx_http_kairo_database_collect(void *data,
    ngx_http_kairo_sink_t *sink);


static const ngx_http_kairo_family_t  ngx_http_kairo_database_families[] = {
    { "kairo_postgres_up", "gauge",
      "1 while a database can be used; 0 since a connection to it failed",
      { "database", NULL } },

    { "kairo_postgres_calls_total", "counter",
      "Questions to a database, by what became of them",
      { "database", "result" } },

    { "kairo_postgres_connections_total", "counter",
      "Connections to a database that were made, and tries that failed",
      { "database", "result" } },

    { "kairo_postgres_resent_total", "counter",
      "Questions asked once more, since their connection was lost",
      { "database", NULL } }
};


/* ngx_kairo_postgres_count_e */

static const ngx_str_t
ngx_http_kairo_database_results[NGX_KAIRO_POSTGRES_RESENT] = {
    ngx_string("answered"),
    ngx_string("failed"),
    ngx_string("timeout"),
    ngx_string("lost"),
    ngx_string("down"),
    ngx_string("full"),
    ngx_string("made"),
    ngx_string("failed")
};


char *
ngx_http_kairo_database_add(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_kairo_main_conf_t *kmcf = conf;

    char                  *rv;
    u_char                *p;
    ngx_str_t             *value, shown;
    ngx_uint_t             i;
    ngx_kairo_postgres_t  *db, **known;

    value = cf->args->elts;
    shown = ngx_http_kairo_database_shown(&value[1]);

    for (p = value[1].data; *p; p++) {
        if (!(*p >= 'a' && *p <= 'z') && !(*p >= '0' && *p <= '9')
            && *p != '_' && *p != '-')
        {
            break;
        }
    }

    if (*p || value[1].len == 0
        || value[1].len > NGX_HTTP_KAIRO_DATABASE_NAME)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid name \"%V\" of a database, expected up to "
                           "32 of a-z, 0-9, \"_\" and \"-\"", &shown);
        return NGX_CONF_ERROR;
    }

    if (ngx_http_kairo_database_of(kmcf, &value[1])) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "duplicate database \"%V\"", &value[1]);
        return NGX_CONF_ERROR;
    }

    db = ngx_pcalloc(cf->pool, sizeof(ngx_kairo_postgres_t));
    known = ngx_array_push(&kmcf->databases);

    if (db == NULL || known == NULL) {
        return NGX_CONF_ERROR;
    }

    *known = db;

    db->name = value[1];
    db->timeout = 1000;
    db->connect_timeout = 2000;
    db->lifetime = 3600000;
    db->queue = 256;
    db->connections = 1;

    rv = ngx_http_kairo_database_string(cf, db, &value[2]);

    for (i = 3; rv == NGX_CONF_OK && i < cf->args->nelts; i++) {
        rv = ngx_http_kairo_database_param(cf, db, &value[i]);
    }

    if (rv != NGX_CONF_OK) {
        return rv;
    }

    return ngx_kairo_postgres_add(cf, db, &ngx_http_kairo_module) == NGX_OK
           ? NGX_CONF_OK : NGX_CONF_ERROR;
}


static char *
ngx_http_kairo_database_string(ngx_conf_t *cf, ngx_kairo_postgres_t *db,
    const ngx_str_t *source)
{
    char        *text, *rv;
    ngx_uint_t   reference;
    const char  *wrong;

    rv = ngx_http_kairo_database_text(cf, source, &text, &reference);

    if (rv != NGX_CONF_OK) {
        return rv;
    }

    wrong = kairo_conninfo_read(&db->info, text);

    if (wrong) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "the connection string of database \"%V\" is not "
                           "right: %s", &db->name, wrong);
        return NGX_CONF_ERROR;
    }

    if (db->info.secret && !reference) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "the connection string of database \"%V\" has a "
                           "password, and a configuration is no place for "
                           "one: write file:PATH or env:NAME, with the string "
                           "in there", &db->name);
        kairo_conninfo_free(&db->info);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


/* The string itself, or what a reference leads to, terminated. */

static char *
ngx_http_kairo_database_text(ngx_conf_t *cf, const ngx_str_t *source,
    char **text, ngx_uint_t *reference)
{
    ngx_int_t  rc;
    ngx_str_t  secret;

    rc = ngx_kairo_secret(cf, source, &secret);

    if (rc == NGX_ERROR) {
        return NGX_CONF_ERROR;
    }

    *reference = (rc == NGX_OK);

    if (rc == NGX_DECLINED) {
        secret = *source;
    }

    *text = ngx_pnalloc(cf->pool, secret.len + 1);
    if (*text == NULL) {
        return NGX_CONF_ERROR;
    }

    (void) ngx_cpystrn((u_char *) *text, secret.data, secret.len + 1);

    return NGX_CONF_OK;
}


static char *
ngx_http_kairo_database_param(ngx_conf_t *cf, ngx_kairo_postgres_t *db,
    ngx_str_t *value)
{
    ngx_str_t  shown;

    if (ngx_http_kairo_database_time(value, "timeout=", 10, 60000,
                                     &db->timeout) == NGX_OK
        || ngx_http_kairo_database_time(value, "connect_timeout=", 10, 60000,
                                        &db->connect_timeout) == NGX_OK
        || ngx_http_kairo_database_time(value, "lifetime=", 1000, 86400000,
                                        &db->lifetime) == NGX_OK
        || ngx_http_kairo_database_number(value, "queue=",
                                          NGX_HTTP_KAIRO_DATABASE_QUEUE,
                                          &db->queue) == NGX_OK
        || ngx_http_kairo_database_number(value, "connections=",
                                          NGX_KAIRO_POSTGRES_CONNECTIONS,
                                          &db->connections) == NGX_OK)
    {
        return NGX_CONF_OK;
    }

    shown = ngx_http_kairo_database_shown(value);

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "invalid parameter \"%V\", expected timeout=TIME and "
                       "connect_timeout=TIME from 10ms to 60s, "
                       "lifetime=TIME from 1s to 24h, connections=1 to 16 or "
                       "queue=1 to 65536; a connection string that has spaces "
                       "is quoted", &shown);

    return NGX_CONF_ERROR;
}


/*
 * What may stand in a log of a word that is none: behind a sign may be a
 * password, of a connection string that was not quoted, or is in the place of
 * the name.
 */

static ngx_str_t
ngx_http_kairo_database_shown(const ngx_str_t *value)
{
    ngx_str_t  shown;

    shown.data = value->data;
    shown.len = strcspn((char *) value->data, "=:");

    return shown;
}


static ngx_int_t
ngx_http_kairo_database_number(ngx_str_t *value, const char *name,
    ngx_uint_t most, ngx_uint_t *number)
{
    size_t     n;
    ngx_int_t  parsed;

    n = ngx_strlen(name);

    if (ngx_strncmp(value->data, name, n) != 0) {
        return NGX_DECLINED;
    }

    parsed = ngx_atoi(value->data + n, value->len - n);

    if (parsed < 1 || (ngx_uint_t) parsed > most) {
        return NGX_ERROR;
    }

    *number = parsed;

    return NGX_OK;
}


static ngx_int_t
ngx_http_kairo_database_time(ngx_str_t *value, const char *name,
    ngx_int_t least, ngx_int_t most, ngx_msec_t *ms)
{
    ngx_int_t  parsed;
    ngx_str_t  text;

    text.len = ngx_strlen(name);

    if (ngx_strncmp(value->data, name, text.len) != 0) {
        return NGX_DECLINED;
    }

    text.data = value->data + text.len;
    text.len = value->len - text.len;

    parsed = ngx_parse_time(&text, 0);

    if (parsed < least || parsed > most) {
        return NGX_ERROR;
    }

    *ms = parsed;

    return NGX_OK;
}


ngx_kairo_postgres_t *
ngx_http_kairo_database_of(const ngx_http_kairo_main_conf_t *kmcf,
    const ngx_str_t *name)
{
    ngx_uint_t              i;
    ngx_kairo_postgres_t  **db;

    db = kmcf->databases.elts;

    for (i = 0; i < kmcf->databases.nelts; i++) {
        if (db[i]->name.len == name->len
            && ngx_strncmp(db[i]->name.data, name->data, name->len) == 0)
        {
            return db[i];
        }
    }

    return NULL;
}


const ngx_kairo_postgres_t *
ngx_http_kairo_database(ngx_conf_t *cf, const ngx_str_t *name)
{
    const ngx_http_kairo_main_conf_t  *kmcf;

    kmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_kairo_module);

    return ngx_http_kairo_database_of(kmcf, name);
}


ngx_int_t
ngx_http_kairo_databases_ready(ngx_conf_t *cf,
    ngx_http_kairo_main_conf_t *kmcf)
{
    ngx_uint_t              i;
    ngx_kairo_postgres_t  **db;

    db = kmcf->databases.elts;

    for (i = 0; i < kmcf->databases.nelts; i++) {
        if (ngx_http_kairo_database_root(cf, db[i]) != NGX_OK
            || ngx_http_kairo_database_resolver(cf, db[i]) != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    if (kmcf->databases.nelts == 0) {
        return NGX_OK;
    }

    return ngx_http_kairo_source_add(cf, ngx_http_kairo_database_collect,
                                     kmcf);
}


static ngx_int_t
ngx_http_kairo_database_root(ngx_conf_t *cf, const ngx_kairo_postgres_t *db)
{
    const char  *root;

    root = db->info.root;

    /* "system" is a word to libpq 16 and later */

    if (root == NULL || ngx_strcmp(root, "system") == 0
        || access(root, R_OK) == 0)
    {
        return NGX_OK;
    }

    ngx_log_error(NGX_LOG_EMERG, cf->log, ngx_errno,
                  "the connection string of database \"%V\" is not right: its "
                  "\"sslrootcert\" can't be read", &db->name);

    return NGX_ERROR;
}


/* The resolver of http {}, or else the name servers of this machine. */

static ngx_int_t
ngx_http_kairo_database_resolver(ngx_conf_t *cf, ngx_kairo_postgres_t *db)
{
    ngx_http_core_loc_conf_t  *clcf;

    if (db->info.kind != KAIRO_CONNINFO_NAME) {
        return NGX_OK;
    }

    if (!ngx_http_kairo_database_host(db->info.host)) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "the connection string of database \"%V\" is not right: "
                      "its \"host\" is no name", &db->name);
        return NGX_ERROR;
    }

    db->host.len = ngx_strlen(db->info.host);
    db->host.data = ngx_pcalloc(cf->pool, db->host.len + 1);
    if (db->host.data == NULL) {
        return NGX_ERROR;
    }

    ngx_strlow(db->host.data, (u_char *) db->info.host, db->host.len);

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);
    db->resolver = clcf->resolver;

    if (db->resolver == NULL || db->resolver->connections.nelts == 0) {
        db->resolver = ngx_kairo_resolver(cf);
    }

    if (db->resolver || ngx_strcmp(db->host.data, "localhost") == 0) {
        return NGX_OK;
    }

    ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                  "the server of database \"%V\" is a name, and there is no "
                  "resolver, nor a name server in " NGX_KAIRO_RESOLV_CONF
                  "; write \"resolver ADDRESS;\" in http, or \"hostaddr\" in "
                  "the connection string", &db->name);

    return NGX_ERROR;
}


/* A name that nginx's resolver takes: see stores/ngx_kairo_lookup.h. */

static ngx_uint_t
ngx_http_kairo_database_host(const char *host)
{
    size_t       label;
    const char  *p;

    label = 0;

    for (p = host; *p; p++) {

        if (*p == '.') {
            if (label == 0) {
                return 0;
            }
            label = 0;
            continue;
        }

        if (!(*p >= 'a' && *p <= 'z') && !(*p >= 'A' && *p <= 'Z')
            && !(*p >= '0' && *p <= '9') && *p != '-' && *p != '_')
        {
            return 0;
        }

        if (++label > 63) {
            return 0;
        }
    }

    return label && p - host <= 253;
}


void
ngx_http_kairo_databases_start(const ngx_http_kairo_main_conf_t *kmcf)
{
    ngx_uint_t              i;
    ngx_kairo_postgres_t  **db;

    if (kmcf->databases.nelts) {
        ngx_kairo_postgres_alone();
    }

    db = kmcf->databases.elts;

    for (i = 0; i < kmcf->databases.nelts; i++) {
        ngx_kairo_postgres_start(db[i]);
    }
}


void
ngx_http_kairo_databases_stop(const ngx_http_kairo_main_conf_t *kmcf)
{
    ngx_uint_t              i;
    ngx_kairo_postgres_t  **db;

    db = kmcf->databases.elts;

    for (i = 0; i < kmcf->databases.nelts; i++) {
        ngx_kairo_postgres_stop(db[i]);
    }
}


/* All samples of a family before those of the next. */

static void
ngx_http_kairo_database_collect(void *data, ngx_http_kairo_sink_t *sink)
{
    ngx_http_kairo_main_conf_t *kmcf = data;

    uint64_t                          n;
    ngx_uint_t                        i, f, k;
    ngx_kairo_postgres_t            **db;
    const ngx_http_kairo_family_t    *family;

    static const struct {
        ngx_uint_t                    first;
        ngx_uint_t                    end;
    } of[] = {
        { 0, 1 },
        { NGX_KAIRO_POSTGRES_ANSWERED, NGX_KAIRO_POSTGRES_OUTCOMES },
        { NGX_KAIRO_POSTGRES_CONNECTED, NGX_KAIRO_POSTGRES_RESENT },
        { NGX_KAIRO_POSTGRES_RESENT, NGX_KAIRO_POSTGRES_COUNTS }
    };

    db = kmcf->databases.elts;

    for (f = 0; f < 4; f++) {

        family = &ngx_http_kairo_database_families[f];

        for (i = 0; i < kmcf->databases.nelts; i++) {
            for (k = of[f].first; k < of[f].end; k++) {

                n = f ? __atomic_load_n(&db[i]->root->count[k],
                                        __ATOMIC_RELAXED)
                      : kairo_breaker_down(&db[i]->root->breaker,
                                           ngx_kairo_now() / 1000000) == 0;

                sink->sample(sink, family, &db[i]->name,
                             family->label[1]
                             ? &ngx_http_kairo_database_results[k] : NULL, n);
            }
        }
    }
}
