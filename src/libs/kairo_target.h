
/*
 * What a tool is asked to fetch: judged as a text, before anything is
 * resolved.
 */


#ifndef KAIRO_TARGET_H_INCLUDED
#define KAIRO_TARGET_H_INCLUDED


#include "core/kairo_addr.h"
#include "core/kairo_name.h"
#include "core/kairo_url.h"


#define KAIRO_TARGET_URL     2048     /* bytes, unless it is said otherwise */
#define KAIRO_TARGET_PORTS     16


typedef enum {
    KAIRO_TARGET_NAME = 0,
    KAIRO_TARGET_IPV4,
    KAIRO_TARGET_IPV6
} kairo_target_kind_t;


/* What is allowed of it besides its address. */

typedef struct {
    kairo_url_form_t      form;
    size_t                max;            /* bytes of the text */
    unsigned              ports[KAIRO_TARGET_PORTS];
    size_t                nports;
} kairo_target_policy_t;


typedef struct {
    const char           *code;       /* NULL: allowed; "target_malformed" */
    const char           *reason;     /* "userinfo", "ipv4_private"; stable */
    kairo_target_kind_t   kind;
    unsigned char         ip[16];     /* of an address */
    unsigned char         host[KAIRO_NAME_MAX];
    size_t                n;          /* of "host": in lower case, without a
                                         dot at its end or brackets */
    int                   url;        /* 1: it has a scheme */
    int                   https;      /* 1: "https" */
    unsigned              port;       /* 0: none was written */
    kairo_span_t          rest;       /* of a URL; within the text */
} kairo_target_t;


/* http and https, ports 80 and 443, 2048 bytes. */

extern const kairo_target_policy_t  kairo_target_default;


/*
 * Judges the text.  Codes: "target_malformed", "target_scheme", "target_port",
 * "target_special_name", "target_special_address", "target_metadata".
 */

void kairo_target(kairo_target_t *target, kairo_span_t text,
    const kairo_target_policy_t *policy);

/*
 * Writes the target as all readers understand it, "https://example.com:443/x",
 * and returns its length: KAIRO_TARGET_SIZE bytes and the rest's at most.
 */

#define KAIRO_TARGET_SIZE  (sizeof("https://[]:65535") + KAIRO_NAME_MAX)

size_t kairo_target_write(const kairo_target_t *target, unsigned char *out);


#endif /* KAIRO_TARGET_H_INCLUDED */
