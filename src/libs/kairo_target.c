
#include "core/kairo_ip.h"
#include "core/kairo_net.h"
#include "libs/kairo_idna.h"
#include "libs/kairo_target.h"


static const char *kairo_target_scheme(kairo_target_t *target,
    kairo_span_t scheme);
static void kairo_target_host(kairo_target_t *target, kairo_span_t host,
    int ipv6, int only_ip);
static void kairo_target_ip(kairo_target_t *target);
static void kairo_target_name(kairo_target_t *target, kairo_span_t name);
static void kairo_target_port(kairo_target_t *target,
    const kairo_target_policy_t *policy);
static void kairo_target_block(kairo_target_t *target, const char *code,
    const char *reason);


const kairo_target_policy_t  kairo_target_default = {
    KAIRO_URL_AUTO, KAIRO_TARGET_URL, { 80, 443 }, 2
};


void
kairo_target(kairo_target_t *target, kairo_span_t text,
    const kairo_target_policy_t *policy)
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

    wrong = kairo_target_scheme(target, url.scheme);

    if (wrong) {
        kairo_target_block(target, "target_scheme", wrong);
        return;
    }

    target->port = url.port;
    target->rest = url.rest;

    kairo_target_host(target, url.host, url.ipv6,
                      policy->form == KAIRO_URL_IP);

    if (target->code == NULL) {
        kairo_target_port(target, policy);
    }
}


size_t
kairo_target_write(const kairo_target_t *target, unsigned char *out)
{
    unsigned        port, digit;
    unsigned char  *p;

    p = out;

    if (target->url) {
        memcpy(p, "https", 5);
        p += target->https ? 5 : 4;
        memcpy(p, "://", 3);
        p += 3;
    }

    if (target->kind == KAIRO_TARGET_IPV6 && (target->url || target->port)) {
        *p++ = '[';
    }

    memcpy(p, target->host, target->n);
    p += target->n;

    if (target->kind == KAIRO_TARGET_IPV6 && (target->url || target->port)) {
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
kairo_target_scheme(kairo_target_t *target, kairo_span_t scheme)
{
    size_t         i;
    unsigned char  name[5];

    if (scheme.n == 0) {
        return NULL;
    }

    target->url = 1;

    for (i = 0; i < scheme.n && i < sizeof(name); i++) {
        name[i] = kairo_lower(scheme.p[i]);
    }

    target->https = (scheme.n == 5 && memcmp(name, "https", 5) == 0);

    return target->https || (scheme.n == 4 && memcmp(name, "http", 4) == 0)
           ? NULL : "scheme";
}


static void
kairo_target_host(kairo_target_t *target, kairo_span_t host, int ipv6,
    int only_ip)
{
    size_t         n;
    const char    *wrong;
    kairo_span_t   name;
    unsigned char  ascii[KAIRO_IDNA_MAX];

    if (ipv6) {

        if (kairo_ipv6(host, target->ip) != 0) {
            kairo_target_block(target, "target_malformed", "ipv6");
            return;
        }

        target->kind = KAIRO_TARGET_IPV6;
        kairo_target_ip(target);

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

        if (kairo_ipv4(host, target->ip) != 0) {
            kairo_target_block(target, "target_malformed", "ipv4");
            return;
        }

        target->kind = KAIRO_TARGET_IPV4;
        kairo_target_ip(target);

        return;
    }

    kairo_target_name(target, name);
}


static void
kairo_target_ip(kairo_target_t *target)
{
    int             metadata;
    const char     *special;
    unsigned char   text[KAIRO_ADDR_TEXT];

    if (target->kind == KAIRO_TARGET_IPV4) {
        metadata = kairo_net_metadata_v4(target->ip);
        special = kairo_net_v4(target->ip);

    } else {
        metadata = kairo_net_metadata_v6(target->ip);
        special = kairo_net_v6(target->ip);
    }

    if (metadata) {
        kairo_target_block(target, "target_metadata", "metadata_address");
        return;
    }

    if (special) {
        kairo_target_block(target, "target_special_address", special);
        return;
    }

    /* of IPv6 without the length of the prefix, and never one of IPv4 in it */

    target->n = target->kind == KAIRO_TARGET_IPV4
                ? kairo_addr_v4(text, target->ip)
                : kairo_addr_v6(text, target->ip, 128) - (sizeof("/128") - 1);

    memcpy(target->host, text, target->n);
}


static void
kairo_target_name(kairo_target_t *target, kairo_span_t name)
{
    size_t         n;
    const char    *wrong;
    kairo_span_t   host;

    wrong = kairo_name(name, target->host, &n);

    if (wrong && strcmp(wrong, "single_label") != 0) {
        kairo_target_block(target, "target_malformed", wrong);
        return;
    }

    host.p = target->host;
    host.n = n;
    target->n = n;

    if (kairo_name_special(host)) {

        if (strcmp(kairo_name_special(host), "metadata_name") == 0) {
            kairo_target_block(target, "target_metadata", "metadata_name");
            return;
        }

        kairo_target_block(target, "target_special_name",
                           kairo_name_special(host));

    } else if (wrong) {
        kairo_target_block(target, "target_special_name", wrong);
    }
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
    target->code = code;
    target->reason = reason;
}
