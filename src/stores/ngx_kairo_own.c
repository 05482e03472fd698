
#include "stores/ngx_kairo_own.h"


#define NGX_KAIRO_OWN_AGE  60    /* s */


static size_t ngx_kairo_own_count(const struct ifaddrs *first);
static size_t ngx_kairo_own_put(const struct sockaddr *sockaddr,
    kairo_range_t *range);


ngx_int_t
ngx_kairo_own(ngx_kairo_own_t *own)
{
    size_t            n;
    ngx_uint_t        i;
    kairo_range_t    *ranges;
    ngx_listening_t  *ls;
    struct ifaddrs   *first, *ifa;

    if (own->read && ngx_time() - own->read < NGX_KAIRO_OWN_AGE) {
        return NGX_OK;
    }

    if (getifaddrs(&first) == -1) {
        return own->read ? NGX_OK : NGX_ERROR;
    }

    ls = ngx_cycle->listening.elts;
    n = ngx_kairo_own_count(first) + ngx_cycle->listening.nelts;

    ranges = ngx_alloc((n + 1) * sizeof(kairo_range_t), ngx_cycle->log);

    if (ranges == NULL) {
        freeifaddrs(first);
        return own->read ? NGX_OK : NGX_ERROR;
    }

    n = 0;

    for (ifa = first; ifa; ifa = ifa->ifa_next) {
        n += ngx_kairo_own_put(ifa->ifa_addr, &ranges[n]);
    }

    for (i = 0; i < ngx_cycle->listening.nelts; i++) {
        n += ngx_kairo_own_put(ls[i].sockaddr, &ranges[n]);
    }

    freeifaddrs(first);

    ngx_kairo_own_free(own);

    own->ranges = ranges;
    own->n = kairo_ranges_sort(ranges, n);
    own->read = ngx_time();

    return NGX_OK;
}


void
ngx_kairo_own_free(ngx_kairo_own_t *own)
{
    ngx_free(own->ranges);
    own->ranges = NULL;
}


static size_t
ngx_kairo_own_count(const struct ifaddrs *first)
{
    size_t  n;

    for (n = 0; first; first = first->ifa_next) {
        n++;
    }

    return n;
}


/* How many were put: one, or none of another family. */

static size_t
ngx_kairo_own_put(const struct sockaddr *sockaddr, kairo_range_t *range)
{
    kairo_span_t  ip;

    if (sockaddr == NULL) {
        return 0;
    }

    switch (sockaddr->sa_family) {

    case AF_INET:
        ip.p = (const u_char *)
                   &((const struct sockaddr_in *) sockaddr)->sin_addr;
        ip.n = 4;
        break;

    case AF_INET6:
        ip.p = (const u_char *)
                   &((const struct sockaddr_in6 *) sockaddr)->sin6_addr;
        ip.n = 16;
        break;

    default:
        return 0;
    }

    kairo_range_one(ip, range);

    return 1;
}
