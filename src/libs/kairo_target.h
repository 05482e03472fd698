
/*
 * What a tool is asked to fetch: judged as a text, before anything is
 * resolved.
 */


#ifndef KAIRO_TARGET_H_INCLUDED
#define KAIRO_TARGET_H_INCLUDED


#include "core/kairo_addr.h"
#include "core/kairo_name.h"
#include "core/kairo_nat64.h"
#include "core/kairo_ranges.h"
#include "core/kairo_url.h"
#include "libs/kairo_hostlist.h"


#define KAIRO_TARGET_URL     2048     /* bytes, unless it is said otherwise */
#define KAIRO_TARGET_PORTS     16


typedef enum {
    KAIRO_TARGET_NAME = 0,
    KAIRO_TARGET_IPV4,
    KAIRO_TARGET_IPV6
} kairo_target_kind_t;


typedef enum {
    KAIRO_TARGET_NO_SCHEME = 0,
    KAIRO_TARGET_HTTP,
    KAIRO_TARGET_HTTPS,
    KAIRO_TARGET_WS,
    KAIRO_TARGET_WSS
} kairo_target_scheme_t;


/* What is allowed of it besides its host. */

typedef struct {
    kairo_url_form_t      form;
    size_t                max;            /* bytes of the text */
    unsigned              schemes;        /* a bit each, 1 << scheme_t */
    unsigned              ports[KAIRO_TARGET_PORTS];
    size_t                nports;
} kairo_target_policy_t;


/*
 * What is known of hosts besides what is so for everybody.  Metadata services
 * are never allowed; then "deny" decides, then "allow", then what is special,
 * or this machine's own.
 */

typedef struct {
    const kairo_hostlist_t *const  *deny;
    size_t                          ndeny;
    const kairo_hostlist_t         *allow;        /* NULL: no such list */
    int                             exceptions;   /* 1: others may pass too */
    const kairo_range_t            *own;          /* in order */
    size_t                          nown;
    const kairo_nat64_t            *nat64;        /* for answers; what is
                                                     written is special */
    size_t                          nnat64;
} kairo_target_lists_t;


typedef struct {
    const char           *code;       /* NULL: allowed; "target_malformed" */
    const char           *reason;     /* "userinfo", "ipv4_private"; stable */
    kairo_target_kind_t   kind;
    unsigned char         ip[16];     /* of an address */
    unsigned char         host[KAIRO_NAME_MAX];
    size_t                n;          /* of "host": in lower case, without a
                                         dot at its end or brackets; 0 of what
                                         is refused */
    kairo_target_scheme_t  scheme;
    unsigned              port;       /* 0: none was written */
    kairo_span_t          rest;       /* of a URL; within the text */
} kairo_target_t;


/* http and https, ports 80 and 443, 2048 bytes, with no lists. */

extern const kairo_target_policy_t  kairo_target_default;
extern const kairo_target_lists_t   kairo_target_no_lists;


/*
 * Judges the text.  Codes: "target_malformed", "target_scheme", "target_port",
 * "target_metadata", "target_denied", "target_special_name",
 * "target_special_address", "target_not_allowed".
 */

void kairo_target(kairo_target_t *target, kairo_span_t text,
    const kairo_target_policy_t *policy, const kairo_target_lists_t *lists);

/*
 * Judges an address that a name resolves to, "ip" of 4 or 16 bytes.  NULL: it
 * may be fetched from; else why not, a stable word.  One in a NAT64 prefix is
 * judged as the IPv4 address in it.
 */

const char *kairo_target_answer(kairo_span_t ip,
    const kairo_target_lists_t *lists);

/* Of its name in lower case; KAIRO_TARGET_NO_SCHEME: it is none of them. */

kairo_target_scheme_t kairo_target_scheme(const unsigned char *name, size_t n);

/* The scheme's port; 0: it has none. */

unsigned kairo_target_default_port(kairo_target_scheme_t scheme);

/* The address of a target, of 4 or 16 bytes; of a name, of none. */

kairo_span_t kairo_target_ip(const kairo_target_t *target);

/*
 * Writes an address of 4 or 16 bytes into KAIRO_ADDR_TEXT bytes, and returns
 * the length: "192.0.2.1", "2001:db8::1", "::ffff:192.0.2.1" (RFC 5952).
 */

size_t kairo_target_write_ip(kairo_span_t ip, unsigned char *out);

/*
 * Writes the target as all readers understand it, "https://example.com:443/x",
 * and returns its length: KAIRO_TARGET_SIZE bytes and the rest's at most.
 */

#define KAIRO_TARGET_SIZE  (sizeof("https://[]:65535") + KAIRO_NAME_MAX)

size_t kairo_target_write(const kairo_target_t *target, unsigned char *out);


#endif /* KAIRO_TARGET_H_INCLUDED */
