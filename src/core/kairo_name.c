
#include "core/kairo_name.h"


static const char *kairo_name_label(kairo_span_t label, int last);
static int kairo_name_char(unsigned char c);
static int kairo_name_among(kairo_span_t name, const char *const *list);


/* cloud platforms; their addresses are in kairo_net.c */

static const char *const  kairo_name_metadata[] = {
    "metadata", "metadata.google.internal", "metadata.goog", "instance-data",
    "instance-data.ec2.internal", "metadata.amazonaws.com",
    "metadata.tencentyun.com", "metadata.packet.net",
    "metadata.platformequinix.com", "rancher-metadata", NULL
};


/*
 * Domains that the public DNS does not have: RFC 2606, 6761, 6762, 7686, 8375,
 * 9476, and what private networks use all the same.
 */

static const char *const  kairo_name_domains[] = {
    "localhost", "local", "internal", "localdomain", "lan", "home", "corp",
    "mail", "intranet", "private", "arpa", "onion", "i2p", "alt", "test",
    "invalid", "example", NULL
};


/* what hosts files and containers give to the machine and its neighbours */

static const char *const  kairo_name_local[] = {
    "localhost4", "localhost6", "ip6-localhost", "ip6-loopback",
    "host.docker.internal", "gateway.docker.internal",
    "kubernetes.docker.internal", "host.containers.internal",
    "kubernetes.default", "kubernetes.default.svc", NULL
};


/* any address can be had by a name of theirs */

static const char *const  kairo_name_wildcard[] = {
    "nip.io", "sslip.io", "xip.io", "traefik.me", "backname.io", "plesk.page",
    "localtest.me", "lvh.me", "vcap.me", "lacolhost.com", "localh.st",
    "fuf.me", "42foo.com", "1u.ms", "rbndr.us", "rebind.it", "rebind.network",
    "ip6.name", "r3dir.me", "oastify.com", "burpcollaborator.net",
    "localdomain.pw", "nicob.net", "localdev.me", "smackaho.st",
    "sentinel.pentesting.us", "bugbounty.dod.network", "mail.ebc.apple.com",
    NULL
};


const char *
kairo_name(kairo_span_t text, unsigned char *out, size_t *n)
{
    int            last;
    size_t         i;
    const char    *wrong;
    unsigned       labels;
    kairo_span_t   label;

    if (text.n && text.p[text.n - 1] == '.') {
        text.n--;
    }

    if (text.n == 0) {
        return "empty_host";
    }

    for (i = 0; i < text.n; i++) {
        if (text.p[i] != '.' && !kairo_name_char(text.p[i])) {
            return "host_characters";
        }
    }

    if (text.n > KAIRO_NAME_MAX) {
        return "name_length";
    }

    label.p = text.p;
    labels = 0;

    for (i = 0; i <= text.n; i++) {

        last = (i == text.n);

        if (!last && text.p[i] != '.') {
            out[i] = kairo_lower(text.p[i]);
            continue;
        }

        label.n = (size_t) (text.p + i - label.p);
        labels++;

        wrong = kairo_name_label(label, last && labels > 1);

        if (wrong) {
            return wrong;
        }

        if (!last) {
            out[i] = '.';
            label.p = text.p + i + 1;
        }
    }

    *n = text.n;

    return labels > 1 ? NULL : "single_label";
}


const char *
kairo_name_special(kairo_span_t name)
{
    if (kairo_name_among(name, kairo_name_metadata)) {
        return "metadata_name";
    }

    if (kairo_name_among(name, kairo_name_local)) {
        return "local_name";
    }

    if (kairo_name_among(name, kairo_name_domains)) {
        return "special_domain";
    }

    return kairo_name_among(name, kairo_name_wildcard) ? "wildcard_dns" : NULL;
}


int
kairo_name_within(kairo_span_t name, kairo_span_t domain)
{
    size_t  at;

    if (name.n < domain.n) {
        return 0;
    }

    at = name.n - domain.n;

    return memcmp(name.p + at, domain.p, domain.n) == 0
           && (at == 0 || name.p[at - 1] == '.');
}


static const char *
kairo_name_label(kairo_span_t label, int last)
{
    size_t  i;

    if (label.n == 0) {
        return "empty_label";
    }

    if (label.n > KAIRO_LABEL_MAX) {
        return "label_length";
    }

    if (label.p[0] == '-' || label.p[label.n - 1] == '-') {
        return "hyphen";
    }

    if (!last || (label.n > 4 && kairo_lower(label.p[0]) == 'x'
                  && kairo_lower(label.p[1]) == 'n' && label.p[2] == '-'
                  && label.p[3] == '-'))
    {
        /* an underscore is no letter of a top-level domain */

        return last && memchr(label.p, '_', label.n) ? "top_level" : NULL;
    }

    for (i = 0; i < label.n; i++) {
        if (kairo_lower(label.p[i]) < 'a' || kairo_lower(label.p[i]) > 'z') {
            return "top_level";
        }
    }

    return label.n > 1 ? NULL : "top_level";
}


static int
kairo_name_char(unsigned char c)
{
    c = kairo_lower(c);

    return kairo_is_digit(c) || (c >= 'a' && c <= 'z') || c == '-'
           || c == '_';
}


static int
kairo_name_among(kairo_span_t name, const char *const *list)
{
    kairo_span_t  domain;

    for (/* void */; *list; list++) {

        domain.p = (const unsigned char *) *list;
        domain.n = strlen(*list);

        if (kairo_name_within(name, domain)) {
            return 1;
        }
    }

    return 0;
}
