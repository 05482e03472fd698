
#include "stores/ngx_kairo_file.h"


void
ngx_kairo_stamp(ngx_kairo_stamp_t *stamp, const ngx_file_info_t *fi)
{
    stamp->changed = fi->st_ctim;
    stamp->size = ngx_file_size(fi);
    stamp->uniq = ngx_file_uniq(fi);
}


ngx_uint_t
ngx_kairo_stamped(const ngx_kairo_stamp_t *stamp, const ngx_file_info_t *fi)
{
    return stamp->changed.tv_sec == fi->st_ctim.tv_sec
           && stamp->changed.tv_nsec == fi->st_ctim.tv_nsec
           && stamp->size == ngx_file_size(fi)
           && stamp->uniq == ngx_file_uniq(fi);
}


const char *
ngx_kairo_file_read(const char *path, size_t max, const char *too_long,
    ngx_str_t *text, ngx_file_info_t *fi)
{
    size_t       size;
    ssize_t      n;
    ngx_fd_t     fd;
    const char  *wrong;

    fd = ngx_open_file(path, NGX_FILE_RDONLY|NGX_FILE_NONBLOCK,
                       NGX_FILE_OPEN, 0);
    if (fd == NGX_INVALID_FILE) {
        return "it can't be opened";
    }

    wrong = NULL;

    if (ngx_fd_info(fd, fi) == NGX_FILE_ERROR || !ngx_is_file(fi)) {
        wrong = "it is not a file";
        goto done;
    }

    if (ngx_file_size(fi) > (off_t) max) {
        wrong = too_long;
        goto done;
    }

    size = (size_t) ngx_file_size(fi);

    text->data = ngx_alloc(size + 1, ngx_cycle->log);

    if (text->data == NULL) {
        wrong = "no memory";
        goto done;
    }

    n = ngx_read_fd(fd, text->data, size);

    if (n < 0) {
        ngx_free(text->data);
        wrong = "it can't be read";
        goto done;
    }

    text->len = n;

done:

    (void) ngx_close_file(fd);

    return wrong;
}
