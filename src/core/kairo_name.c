
#include "core/kairo_name.h"


static const char *kairo_name_label(kairo_span_t label, int last);
static int kairo_name_char(unsigned char c);
static int kairo_name_among(kairo_span_t name, const kairo_span_t *list);


/* cloud platforms; their addresses are in kairo_net.c */

static const kairo_span_t  kairo_name_metadata[] = {
    kairo_span("metadata"), kairo_span("metadata.google.internal"),
    kairo_span("metadata.goog"), kairo_span("instance-data"),
    kairo_span("instance-data.ec2.internal"),
    kairo_span("metadata.amazonaws.com"),
    kairo_span("metadata.tencentyun.com"), kairo_span("metadata.packet.net"),
    kairo_span("metadata.platformequinix.com"), kairo_span("rancher-metadata"),
    { NULL, 0 }
};


/*
 * Domains that the public DNS does not have: RFC 2606, 6761, 6762, 7686, 8375,
 * 9476, and what private networks use all the same.
 */

static const kairo_span_t  kairo_name_domains[] = {
    kairo_span("localhost"), kairo_span("local"), kairo_span("internal"),
    kairo_span("localdomain"), kairo_span("lan"), kairo_span("home"),
    kairo_span("corp"), kairo_span("mail"), kairo_span("intranet"),
    kairo_span("private"), kairo_span("arpa"), kairo_span("onion"),
    kairo_span("i2p"), kairo_span("alt"), kairo_span("test"),
    kairo_span("invalid"), kairo_span("example"), { NULL, 0 }
};


/* what hosts files and containers give to the machine and its neighbours */

static const kairo_span_t  kairo_name_local[] = {
    kairo_span("localhost4"), kairo_span("localhost6"),
    kairo_span("ip6-localhost"), kairo_span("ip6-loopback"),
    kairo_span("host.docker.internal"), kairo_span("gateway.docker.internal"),
    kairo_span("kubernetes.docker.internal"),
    kairo_span("host.containers.internal"), kairo_span("kubernetes.default"),
    kairo_span("kubernetes.default.svc"), { NULL, 0 }
};


/* any address can be had by a name of theirs */

static const kairo_span_t  kairo_name_wildcard[] = {
    kairo_span("nip.io"), kairo_span("sslip.io"), kairo_span("xip.io"),
    kairo_span("traefik.me"), kairo_span("backname.io"),
    kairo_span("plesk.page"), kairo_span("localtest.me"), kairo_span("lvh.me"),
    kairo_span("vcap.me"), kairo_span("lacolhost.com"),
    kairo_span("localh.st"), kairo_span("fuf.me"), kairo_span("42foo.com"),
    kairo_span("1u.ms"), kairo_span("rbndr.us"), kairo_span("rebind.it"),
    kairo_span("rebind.network"), kairo_span("ip6.name"),
    kairo_span("r3dir.me"), kairo_span("oastify.com"),
    kairo_span("burpcollaborator.net"), kairo_span("localdomain.pw"),
    kairo_span("nicob.net"), kairo_span("localdev.me"),
    kairo_span("smackaho.st"), kairo_span("sentinel.pentesting.us"),
    kairo_span("bugbounty.dod.network"), kairo_span("mail.ebc.apple.com"),
    { NULL, 0 }
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

    return (at == 0 || name.p[at - 1] == '.')
           && memcmp(name.p + at, domain.p, domain.n) == 0;
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
kairo_name_among(kairo_span_t name, const kairo_span_t *list)
{
    for ( /* void */ ; list->n; list++) {
        if (kairo_name_within(name, *list)) {
            return 1;
        }
    }

    return 0;
}
