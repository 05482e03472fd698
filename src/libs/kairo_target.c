
#include "core/kairo_ip.h"
#include "core/kairo_net.h"
#include "libs/kairo_idna.h"
#include "libs/kairo_target.h"


static const char *kairo_target_take_scheme(kairo_target_t *target,
    kairo_span_t scheme, const kairo_target_policy_t *policy);
static void kairo_target_host(kairo_target_t *target, kairo_span_t host,
    int ipv6, int only_ip);
static void kairo_target_name(kairo_target_t *target, kairo_span_t name);
static void kairo_target_spell(kairo_target_t *target);
static void kairo_target_judge(kairo_target_t *target,
    const kairo_target_lists_t *lists);
static const char *kairo_target_judge_name(kairo_span_t name,
    const kairo_target_lists_t *lists, int allowed, const char **reason);
static const char *kairo_target_judge_ip(kairo_span_t ip,
    const kairo_target_lists_t *lists, int allowed, const char **reason);
static int kairo_target_allowed(kairo_span_t ip,
    const kairo_target_lists_t *lists);
static int kairo_target_is_nat64(kairo_span_t ip,
    const kairo_target_lists_t *lists);
static int kairo_target_denied(kairo_span_t ip,
    const kairo_target_lists_t *lists);
static void kairo_target_port(kairo_target_t *target,
    const kairo_target_policy_t *policy);
static void kairo_target_block(kairo_target_t *target, const char *code,
    const char *reason);


const kairo_target_policy_t  kairo_target_default = {
    KAIRO_URL_AUTO, KAIRO_TARGET_URL,
    1 << KAIRO_TARGET_HTTP | 1 << KAIRO_TARGET_HTTPS, { 80, 443 }, 2
};


const kairo_target_lists_t  kairo_target_no_lists = {
    NULL, 0, NULL, 0, NULL, 0, NULL, 0
};


/* in the order of kairo_target_scheme_t */

static const struct {
    const char   *name;
    unsigned      port;
} kairo_target_schemes[] = {
    { "", 0 }, { "http", 80 }, { "https", 443 }, { "ws", 80 }, { "wss", 443 }
};


#define KAIRO_TARGET_SCHEMES                                                  \
    (sizeof(kairo_target_schemes) / sizeof(kairo_target_schemes[0]))


void
kairo_target(kairo_target_t *target, kairo_span_t text,
    const kairo_target_policy_t *policy, const kairo_target_lists_t *lists)
{
    const char   *wrong;
    kairo_url_t   url;

    memset(target, 0, sizeof(*target));

    if (text.n > policy->max) {
        kairo_target_block(target, "target_malformed", "too_long");
        return;
    }

    wrong = kairo_url(text, policy->form, &url);

    if (wrong) {
        kairo_target_block(target, "target_malformed", wrong);
        return;
    }

    wrong = kairo_target_take_scheme(target, url.scheme, policy);

    if (wrong) {
        kairo_target_block(target, "target_scheme", wrong);
        return;
    }

    target->port = url.port;
    target->rest = url.rest;

    kairo_target_host(target, url.host, url.ipv6,
                      policy->form == KAIRO_URL_IP);

    if (target->code == NULL) {
        kairo_target_judge(target, lists);
    }

    if (target->code == NULL) {
        kairo_target_port(target, policy);
    }
}


const char *
kairo_target_answer(kairo_span_t ip, const kairo_target_lists_t *lists)
{
    size_t         i;
    const char    *reason;
    kairo_span_t   inner;
    unsigned char  v4[4];

    /* whatever prefix is configured, and whatever list has it */

    if (ip.n == 16 && kairo_net_metadata_v6(ip.p)) {
        return "metadata_address";
    }

    for (i = 0; ip.n == 16 && i < lists->nnat64; i++) {

        switch (kairo_nat64_v4(&lists->nat64[i], ip.p, v4)) {

        case 1:
            inner.p = v4;
            inner.n = 4;

            return kairo_target_denied(ip, lists)
                   ? "listed" : kairo_target_answer(inner, lists);

        case -1:
            return "ipv6_nat64";
        }
    }

    return kairo_target_judge_ip(ip, lists, kairo_target_allowed(ip, lists),
                                 &reason)
           ? reason : NULL;
}


kairo_target_scheme_t
kairo_target_scheme(const unsigned char *name, size_t n)
{
    unsigned  i;

    for (i = 1; i < KAIRO_TARGET_SCHEMES; i++) {
        if (strlen(kairo_target_schemes[i].name) == n
            && memcmp(kairo_target_schemes[i].name, name, n) == 0)
        {
            return (kairo_target_scheme_t) i;
        }
    }

    return KAIRO_TARGET_NO_SCHEME;
}


unsigned
kairo_target_default_port(kairo_target_scheme_t scheme)
{
    return kairo_target_schemes[scheme].port;
}


kairo_span_t
kairo_target_ip(const kairo_target_t *target)
{
    kairo_span_t  ip;

    ip.p = target->ip;
    ip.n = target->kind == KAIRO_TARGET_NAME ? 0
           : target->kind == KAIRO_TARGET_IPV4 ? 4 : 16;

    return ip;
}


/*
 * kairo_addr_v6() adds the length of the prefix, but gives of ::ffff:0:0/96,
 * which a list may allow, the IPv4 address in it alone: the end of the text.
 */

size_t
kairo_target_write_ip(kairo_span_t ip, unsigned char *out)
{
    size_t                      n;
    static const unsigned char  before[] = "::ffff:";

    if (ip.n == 4) {
        return kairo_addr_v4(out, ip.p);
    }

    n = kairo_addr_v6(out, ip.p, 128);

    if (memchr(out, '/', n)) {
        return n - (sizeof("/128") - 1);
    }

    memmove(out + sizeof(before) - 1, out, n);
    memcpy(out, before, sizeof(before) - 1);

    return sizeof(before) - 1 + n;
}


size_t
kairo_target_write(const kairo_target_t *target, unsigned char *out)
{
    int             bracket;
    unsigned        port, digit;
    const char     *scheme;
    unsigned char  *p;

    p = out;

    bracket = (target->kind == KAIRO_TARGET_IPV6
               && (target->scheme || target->port));

    if (target->scheme) {
        scheme = kairo_target_schemes[target->scheme].name;
        memcpy(p, scheme, strlen(scheme));
        p += strlen(scheme);
        memcpy(p, "://", 3);
        p += 3;
    }

    if (bracket) {
        *p++ = '[';
    }

    memcpy(p, target->host, target->n);
    p += target->n;

    if (bracket) {
        *p++ = ']';
    }

    if (target->port) {

        *p++ = ':';
        port = target->port;

        for (digit = 10000; digit; digit /= 10) {
            if (port >= digit) {
                *p++ = (unsigned char) ('0' + port / digit % 10);
            }
        }
    }

    if (target->rest.n) {
        memcpy(p, target->rest.p, target->rest.n);
        p += target->rest.n;
    }

    return (size_t) (p - out);
}


static const char *
kairo_target_take_scheme(kairo_target_t *target, kairo_span_t scheme,
    const kairo_target_policy_t *policy)
{
    size_t         i;
    unsigned char  name[sizeof("https") - 1];

    if (scheme.n == 0) {
        return NULL;
    }

    if (scheme.n > sizeof(name)) {
        return "scheme";
    }

    for (i = 0; i < scheme.n; i++) {
        name[i] = kairo_lower(scheme.p[i]);
    }

    target->scheme = kairo_target_scheme(name, scheme.n);

    return target->scheme && (policy->schemes & 1u << target->scheme)
           ? NULL : "scheme";
}


/* What the host is, and how it is spelled. */

static void
kairo_target_host(kairo_target_t *target, kairo_span_t host, int ipv6,
    int only_ip)
{
    size_t         n;
    const char    *wrong;
    kairo_span_t   name;
    unsigned char  ascii[KAIRO_IDNA_MAX];

    if (ipv6) {

        target->kind = KAIRO_TARGET_IPV6;

        if (kairo_ipv6(host, target->ip) != 0) {
            kairo_target_block(target, "target_malformed", "ipv6");
            return;
        }

        kairo_target_spell(target);
        return;
    }

    wrong = kairo_idna(host, ascii, &n);

    if (wrong) {
        kairo_target_block(target, "target_malformed", wrong);
        return;
    }

    name.p = ascii;
    name.n = n;

    if (kairo_ip_looks_numeric(name) || only_ip) {

        target->kind = KAIRO_TARGET_IPV4;

        if (kairo_ipv4(host, target->ip) != 0) {
            kairo_target_block(target, "target_malformed", "ipv4");
            return;
        }

        kairo_target_spell(target);
        return;
    }

    kairo_target_name(target, name);
}


static void
kairo_target_name(kairo_target_t *target, kairo_span_t name)
{
    const char  *wrong;

    wrong = kairo_name(name, target->host, &target->n);

    /* one label is well made: it is judged, with what is special */

    if (wrong && strcmp(wrong, "single_label") != 0) {
        kairo_target_block(target, "target_malformed", wrong);
    }
}


static void
kairo_target_spell(kairo_target_t *target)
{
    unsigned char  text[KAIRO_ADDR_TEXT];

    target->n = kairo_target_write_ip(kairo_target_ip(target), text);
    memcpy(target->host, text, target->n);
}


static void
kairo_target_judge(kairo_target_t *target, const kairo_target_lists_t *lists)
{
    int            allowed;
    const char    *code, *reason;
    kairo_span_t   host;

    if (target->kind == KAIRO_TARGET_NAME) {

        host.p = target->host;
        host.n = target->n;

        allowed = lists->allow && kairo_hostlist_name(lists->allow, host) > 0;
        code = kairo_target_judge_name(host, lists, allowed, &reason);

    } else {
        host = kairo_target_ip(target);

        allowed = kairo_target_allowed(host, lists);
        code = kairo_target_judge_ip(host, lists, allowed, &reason);
    }

    if (code) {
        kairo_target_block(target, code, reason);

    } else if (lists->allow && !lists->exceptions && !allowed) {
        kairo_target_block(target, "target_not_allowed", "not_listed");
    }
}


static const char *
kairo_target_judge_name(kairo_span_t name, const kairo_target_lists_t *lists,
    int allowed, const char **reason)
{
    size_t  i;

    *reason = kairo_name_special(name);

    if (*reason && strcmp(*reason, "metadata_name") == 0) {
        return "target_metadata";
    }

    /* a pattern that can't tell refuses, in either list */

    for (i = 0; i < lists->ndeny; i++) {
        if (kairo_hostlist_name(lists->deny[i], name) != 0) {
            *reason = "listed";
            return "target_denied";
        }
    }

    if (allowed) {
        return NULL;
    }

    if (*reason == NULL && memchr(name.p, '.', name.n) == NULL) {
        *reason = "single_label";
    }

    return *reason ? "target_special_name" : NULL;
}


static const char *
kairo_target_judge_ip(kairo_span_t ip, const kairo_target_lists_t *lists,
    int allowed, const char **reason)
{
    if (ip.n == 4 ? kairo_net_metadata_v4(ip.p) : kairo_net_metadata_v6(ip.p))
    {
        *reason = "metadata_address";
        return "target_metadata";
    }

    if (kairo_target_denied(ip, lists)) {
        *reason = "listed";
        return "target_denied";
    }

    if (allowed) {
        return NULL;
    }

    *reason = ip.n == 4 ? kairo_net_v4(ip.p) : kairo_net_v6(ip.p);

    if (*reason == NULL && kairo_target_is_nat64(ip, lists)) {
        *reason = "ipv6_nat64";
    }

    if (*reason == NULL && kairo_ranges_has(lists->own, lists->nown, ip)) {
        *reason = "own_address";
    }

    return *reason ? "target_special_address" : NULL;
}


static int
kairo_target_allowed(kairo_span_t ip, const kairo_target_lists_t *lists)
{
    return lists->allow && kairo_hostlist_address(lists->allow, ip);
}


/* One that is written so, or it would have been judged by what is in it. */

static int
kairo_target_is_nat64(kairo_span_t ip, const kairo_target_lists_t *lists)
{
    size_t         i;
    unsigned char  v4[4];

    for (i = 0; ip.n == 16 && i < lists->nnat64; i++) {
        if (kairo_nat64_v4(&lists->nat64[i], ip.p, v4) != 0) {
            return 1;
        }
    }

    return 0;
}


static int
kairo_target_denied(kairo_span_t ip, const kairo_target_lists_t *lists)
{
    size_t  i;

    for (i = 0; i < lists->ndeny; i++) {
        if (kairo_hostlist_address(lists->deny[i], ip)) {
            return 1;
        }
    }

    return 0;
}


static void
kairo_target_port(kairo_target_t *target, const kairo_target_policy_t *policy)
{
    size_t  i;

    if (target->port == 0) {
        return;
    }

    for (i = 0; i < policy->nports; i++) {
        if (policy->ports[i] == target->port) {
            return;
        }
    }

    kairo_target_block(target, "target_port", "port_not_listed");
}


static void
kairo_target_block(kairo_target_t *target, const char *code,
    const char *reason)
{
    target->n = 0;
    target->code = code;
    target->reason = reason;
}
