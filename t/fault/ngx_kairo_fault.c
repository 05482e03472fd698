
/*
 * Allocations that fail when a test says so, calls of libpq, which allocate by
 * themselves, and those that make, write and sync a file.  The linker sends
 * each call of the module here (--wrap); those of nginx, jansson, OpenSSL and
 * libpq are not touched.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>
#include <libpq-fe.h>

#include "layers/ngx_http_kairo_probe.h"


static ngx_uint_t  ngx_kairo_fault_left;    /* calls until one fails */
static ngx_uint_t  ngx_kairo_fault_lasts;   /* and all after it do */


void
ngx_kairo_fault_arm(ngx_uint_t n, ngx_uint_t lasts)
{
    ngx_kairo_fault_left = n;
    ngx_kairo_fault_lasts = lasts;
}


static ngx_uint_t
ngx_kairo_fault_now(const char *name)
{
    if (ngx_kairo_fault_left == 0 || --ngx_kairo_fault_left) {
        return 0;
    }

    ngx_kairo_fault_left = ngx_kairo_fault_lasts;

    ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0, "kairo fault: %s fails",
                  name);
    return 1;
}


#define ngx_kairo_fault_wrap(type, name, parameters, arguments)               \
    type __real_##name parameters __attribute__ ((visibility ("default")));   \
    type __wrap_##name parameters;                                            \
                                                                              \
    type                                                                      \
    __wrap_##name parameters                                                  \
    {                                                                         \
        return ngx_kairo_fault_now(#name) ? (type) 0                          \
                                          : __real_##name arguments;          \
    }


ngx_kairo_fault_wrap(void *, malloc, (size_t size), (size))
ngx_kairo_fault_wrap(void *, calloc, (size_t n, size_t size), (n, size))
ngx_kairo_fault_wrap(void *, realloc, (void *p, size_t size), (p, size))
ngx_kairo_fault_wrap(void *, ngx_palloc, (ngx_pool_t *pool, size_t size),
                     (pool, size))
ngx_kairo_fault_wrap(void *, ngx_pnalloc, (ngx_pool_t *pool, size_t size),
                     (pool, size))
ngx_kairo_fault_wrap(void *, ngx_pcalloc, (ngx_pool_t *pool, size_t size),
                     (pool, size))
ngx_kairo_fault_wrap(void *, ngx_alloc, (size_t size, ngx_log_t *log),
                     (size, log))
ngx_kairo_fault_wrap(void *, ngx_calloc, (size_t size, ngx_log_t *log),
                     (size, log))
ngx_kairo_fault_wrap(void *, ngx_list_push, (ngx_list_t *list), (list))
ngx_kairo_fault_wrap(ngx_pool_cleanup_t *, ngx_pool_cleanup_add,
                     (ngx_pool_t *pool, size_t size), (pool, size))
ngx_kairo_fault_wrap(ngx_http_cleanup_t *, ngx_http_cleanup_add,
                     (ngx_http_request_t *r, size_t size), (r, size))
ngx_kairo_fault_wrap(ngx_buf_t *, ngx_create_temp_buf,
                     (ngx_pool_t *pool, size_t size), (pool, size))
ngx_kairo_fault_wrap(ngx_chain_t *, ngx_alloc_chain_link, (ngx_pool_t *pool),
                     (pool))
ngx_kairo_fault_wrap(PGconn *, PQconnectStartParams,
                     (const char *const *keywords, const char *const *values,
                      int expand),
                     (keywords, values, expand))
ngx_kairo_fault_wrap(PostgresPollingStatusType, PQconnectPoll, (PGconn *pg),
                     (pg))
ngx_kairo_fault_wrap(int, PQenterPipelineMode, (PGconn *pg), (pg))
ngx_kairo_fault_wrap(int, PQsendQueryParams,
                     (PGconn *pg, const char *statement, int n,
                      const Oid *types, const char *const *values,
                      const int *lengths, const int *formats, int format),
                     (pg, statement, n, types, values, lengths, formats,
                      format))
ngx_kairo_fault_wrap(int, PQpipelineSync, (PGconn *pg), (pg))
ngx_kairo_fault_wrap(int, PQconsumeInput, (PGconn *pg), (pg))
ngx_kairo_fault_wrap(PGresult *, PQgetResult, (PGconn *pg), (pg))


/* Calls of a file that fail by -1. */

#define ngx_kairo_fault_call(type, name, parameters, arguments)               \
    type __real_##name parameters __attribute__ ((visibility ("default")));   \
    type __wrap_##name parameters;                                            \
                                                                              \
    type                                                                      \
    __wrap_##name parameters                                                  \
    {                                                                         \
        if (ngx_kairo_fault_now(#name)) {                                     \
            ngx_set_errno(ENOSPC);                                            \
            return -1;                                                        \
        }                                                                     \
                                                                              \
        return __real_##name arguments;                                       \
    }


ngx_kairo_fault_call(int, openat64,
                     (int dir, const char *name, int flags, mode_t mode),
                     (dir, name, flags, mode))
ngx_kairo_fault_call(int, fallocate64, (int fd, int mode, off_t at, off_t n),
                     (fd, mode, at, n))
ngx_kairo_fault_call(int, renameat,
                     (int from, const char *old, int to, const char *name),
                     (from, old, to, name))
ngx_kairo_fault_call(int, kairo_spool_lock, (int fd), (fd))
ngx_kairo_fault_call(ssize_t, write, (int fd, const void *p, size_t n),
                     (fd, p, n))
ngx_kairo_fault_call(int, fdatasync, (int fd), (fd))
