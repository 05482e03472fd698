
#include "stores/ngx_kairo_secret.h"
#include "libs/kairo_alg.h"


#define NGX_KAIRO_SECRET_SIZE  4096


static ngx_int_t ngx_kairo_secret_file(ngx_conf_t *cf, const ngx_str_t *name,
    ngx_str_t *secret);
static ngx_int_t ngx_kairo_secret_env(ngx_conf_t *cf, const ngx_str_t *name,
    ngx_str_t *secret);


ngx_int_t
ngx_kairo_secret(ngx_conf_t *cf, const ngx_str_t *reference, ngx_str_t *secret)
{
    ngx_int_t     rc;
    ngx_str_t     name;
    kairo_span_t  s;

    name = *reference;

    if (name.len > 5 && ngx_strncmp(name.data, "file:", 5) == 0) {
        name.data += 5;
        name.len -= 5;
        rc = ngx_kairo_secret_file(cf, &name, secret);

    } else if (name.len > 4 && ngx_strncmp(name.data, "env:", 4) == 0) {
        name.data += 4;
        name.len -= 4;
        rc = ngx_kairo_secret_env(cf, &name, secret);

    } else {
        return NGX_DECLINED;
    }

    if (rc != NGX_OK) {
        return NGX_ERROR;
    }

    s.p = secret->data;
    s.n = secret->len;

    secret->len = kairo_alg_secret(s).n;

    if (secret->len == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "the secret in \"%V\" is "
                           "empty", reference);
        return NGX_ERROR;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_kairo_secret_file(ngx_conf_t *cf, const ngx_str_t *name, ngx_str_t *secret)
{
    ssize_t    n;
    ngx_fd_t   fd;
    ngx_str_t  path;

    path = *name;

    if (ngx_conf_full_name(cf->cycle, &path, 1) != NGX_OK) {
        return NGX_ERROR;
    }

    fd = ngx_open_file(path.data, NGX_FILE_RDONLY, NGX_FILE_OPEN, 0);
    if (fd == NGX_INVALID_FILE) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           "the secret in \"%V\" can't be opened", &path);
        return NGX_ERROR;
    }

    secret->data = ngx_pnalloc(cf->pool, NGX_KAIRO_SECRET_SIZE + 1);
    n = secret->data ? ngx_read_fd(fd, secret->data,
                                   NGX_KAIRO_SECRET_SIZE + 1)
                     : NGX_ERROR;

    (void) ngx_close_file(fd);

    if (n < 0 || n > NGX_KAIRO_SECRET_SIZE) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, n < 0 ? ngx_errno : 0,
                           "the secret in \"%V\" can't be read, or has more "
                           "than 4096 bytes", &path);
        return NGX_ERROR;
    }

    secret->len = n;

    return NGX_OK;
}


static ngx_int_t
ngx_kairo_secret_env(ngx_conf_t *cf, const ngx_str_t *name, ngx_str_t *secret)
{
    char  *value;

    /* words of a configuration are terminated */

    value = getenv((char *) name->data);

    if (value == NULL) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "the environment of nginx has no \"%V\", which a "
                           "secret refers to", name);
        return NGX_ERROR;
    }

    secret->len = ngx_strlen(value);
    secret->data = ngx_pnalloc(cf->pool, secret->len);
    if (secret->data == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(secret->data, value, secret->len);

    return NGX_OK;
}
