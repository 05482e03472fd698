
/*
 * A URL, or a host with or without a port, taken apart: only such as all
 * readers take apart alike.  Nothing is decoded and nothing is put right.
 */


#ifndef KAIRO_URL_H_INCLUDED
#define KAIRO_URL_H_INCLUDED


#include "core/kairo_span.h"


typedef enum {
    KAIRO_URL_AUTO = 0,      /* a URL where there is "://", else a host that
                                may have a port */
    KAIRO_URL_URL,           /* scheme "://" host [ ":" port ] [ rest ] */
    KAIRO_URL_HOSTPORT,      /* host [ ":" port ] */
    KAIRO_URL_HOST,          /* host; an IPv6 address with or without "[]" */
    KAIRO_URL_IP             /* an address, the same */
} kairo_url_form_t;


/* Within the text; "n" is 0 where there is none. */

typedef struct {
    kairo_span_t    scheme;        /* as it is written: "hTTp" */
    kairo_span_t    host;          /* without the brackets */
    kairo_span_t    rest;          /* from "/", "?" or "#" on */
    unsigned        port;          /* 0: none */
    int             ipv6;          /* 1: the host is to be an IPv6 address */
} kairo_url_t;


/*
 * Returns NULL, or what is wrong with the text, a stable word.  All of it is
 * valid UTF-8 without control characters, spaces and backslashes; there is no
 * user in front of the host, and no "@" before the first slash behind it; a
 * port has no zero in front and is at most 65535.
 */

const char *kairo_url(kairo_span_t text, kairo_url_form_t form,
    kairo_url_t *url);


#endif /* KAIRO_URL_H_INCLUDED */
