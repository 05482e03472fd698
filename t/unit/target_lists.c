
/*
 * Targets and lists: what decides when more than one thing has something to
 * say, in all combinations; what an allowed one is written as; and schemes.
 */


#include <arpa/inet.h>

#include "target.h"

#include "libs/kairo_target.h"


#define ROUNDS  20000


typedef enum {
    NAME = 0, IPV4, IPV6, ANSWER_IPV4, ANSWER_IPV6, ANSWER_NAT64
} kind_t;


typedef enum { PLAIN = 0, SPECIAL, METADATA } class_t;


/* How a list names a host, if it does. */

typedef enum {
    NO_LIST = 0, EMPTY, OTHERS, EXACT, WIDE, PATTERN, OUTER, WAYS
} way_t;


typedef struct {
    kind_t       kind;
    class_t      class;
    const char  *text;       /* of NAT64, the IPv4 address in it */
    const char  *reason;     /* of what is built in; NULL: none */
    const char  *wide;
} sample_t;


static const sample_t  samples[] = {

    { NAME, PLAIN, "tools.example.org", NULL, ".example.org" },
    { NAME, PLAIN, "xn--bcher-kva.de", NULL, ".b\xc3\xbc" "cher.de" },
    { NAME, SPECIAL, "wiki", "single_label", ".wiki" },
    { NAME, SPECIAL, "a.local", "special_domain", ".local" },
    { NAME, SPECIAL, "localhost", "special_domain", ".localhost" },
    { NAME, SPECIAL, "10-0-0-1.nip.io", "wildcard_dns", ".io" },
    { NAME, SPECIAL, "host.docker.internal", "local_name", ".internal" },
    { NAME, METADATA, "metadata", "metadata_name", ".metadata" },
    { NAME, METADATA, "metadata.google.internal", "metadata_name",
      ".internal" },
    { NAME, METADATA, "x.metadata.goog", "metadata_name", ".goog" },

    { IPV4, PLAIN, "8.8.8.8", NULL, "8.0.0.0/8" },
    { IPV4, SPECIAL, "10.1.2.3", "ipv4_private", "10.0.0.0/8" },
    { IPV4, SPECIAL, "127.0.0.1", "ipv4_loopback", "0.0.0.0/0" },
    { IPV4, METADATA, "169.254.169.254", "metadata_address",
      "169.254.0.0/16" },
    { IPV4, METADATA, "168.63.129.16", "metadata_address", "0.0.0.0/0" },

    { IPV6, PLAIN, "2606:4700::1111", NULL, "2606:4700::/32" },
    { IPV6, SPECIAL, "::1", "ipv6_loopback", "::/0" },
    { IPV6, SPECIAL, "fd12::1", "ipv6_unique_local", "fc00::/7" },
    { IPV6, SPECIAL, "::ffff:8.8.8.8", "ipv6_v4_mapped", "::ffff:0:0/96" },
    { IPV6, SPECIAL, "64:ff9b::808:808", "ipv6_nat64", "64:ff9b::/96" },
    { IPV6, METADATA, "fd00:ec2::254", "metadata_address", "fc00::/7" },
    { IPV6, METADATA, "64:ff9b::a9fe:a9fe", "metadata_address", "::/0" },
    { IPV6, METADATA, "::ffff:169.254.169.254", "metadata_address",
      "::ffff:0:0/96" },
    { IPV6, METADATA, "2002:a9fe:a9fe::", "metadata_address", "2000::/3" },

    { ANSWER_IPV4, PLAIN, "8.8.8.8", NULL, "8.0.0.0/8" },
    { ANSWER_IPV4, SPECIAL, "10.1.2.3", "ipv4_private", "10.0.0.0/8" },
    { ANSWER_IPV4, SPECIAL, "100.64.0.1", "ipv4_shared", "0.0.0.0/0" },
    { ANSWER_IPV4, METADATA, "169.254.169.254", "metadata_address",
      "169.254.0.0/16" },

    { ANSWER_IPV6, PLAIN, "2606:4700::1111", NULL, "2606:4700::/32" },
    { ANSWER_IPV6, SPECIAL, "::1", "ipv6_loopback", "::/0" },
    { ANSWER_IPV6, SPECIAL, "fd12::1", "ipv6_unique_local", "fc00::/7" },
    { ANSWER_IPV6, SPECIAL, "64:ff9b:1::1", "ipv6_nat64_local",
      "64:ff9b:1::/48" },
    { ANSWER_IPV6, METADATA, "fd00:ec2::254", "metadata_address", "::/0" },
    { ANSWER_IPV6, METADATA, "2606:4700::a9fe:a9fe", "metadata_address",
      "2606:4700::/32" },

    { ANSWER_NAT64, PLAIN, "8.8.8.8", NULL, "8.0.0.0/8" },
    { ANSWER_NAT64, PLAIN, "86.1.86.2", NULL, "0.0.0.0/0" },
    { ANSWER_NAT64, SPECIAL, "10.1.2.3", "ipv4_private", "10.0.0.0/8" },
    { ANSWER_NAT64, SPECIAL, "127.0.0.1", "ipv4_loopback", "0.0.0.0/0" },
    { ANSWER_NAT64, METADATA, "169.254.169.254", "metadata_address",
      "169.254.0.0/16" },
    { ANSWER_NAT64, METADATA, "100.100.100.200", "metadata_address",
      "100.64.0.0/10" }
};


#define SAMPLES  (sizeof(samples) / sizeof(samples[0]))


/* what names none of them */

static const char  others[] =
    "b.tools.example.org\n"
    ".b.local\n"
    "wikis\n"
    "~wiki.\n"
    "8.8.8.9\n"
    "10.1.2.0/31\n"
    "127.0.0.2/31\n"
    "169.254.169.255\n"
    "2606:4700::1110/128\n"
    "fd12::2/127\n"
    "::2/127\n";


static kairo_hostlist_t *
list_of(const char *text)
{
    kairo_hostlist_t        *list;
    kairo_hostlist_error_t   error;

    list = kairo_hostlist((kairo_span_t) { (const unsigned char *) text,
                                           strlen(text) }, &error);
    if (list == NULL) {
        diag("\"%s\": line %u: %s", text, (unsigned) error.line, error.wrong);
        abort();
    }

    return list;
}


static size_t
bytes_of(const char *text, unsigned char *ip)
{
    int  v6;

    v6 = (strchr(text, ':') != NULL);

    if (inet_pton(v6 ? AF_INET6 : AF_INET, text, ip) != 1) {
        abort();
    }

    return v6 ? 16 : 4;
}


/* Whether the way is one of that kind of host. */

static int
has_way(const sample_t *sample, way_t way)
{
    return (way != PATTERN || sample->kind == NAME)
           && (way != OUTER || sample->kind == ANSWER_NAT64);
}


static kairo_hostlist_t *
list_by(const sample_t *sample, way_t way)
{
    char         text[1024];
    const char  *p;
    size_t       n;

    switch (way) {

    case NO_LIST:
        return NULL;

    case EMPTY:
        return list_of("# nothing\n");

    case OTHERS:
        return list_of(others);

    case EXACT:
        snprintf(text, sizeof(text), "%s%s\n", others, sample->text);
        return list_of(text);

    case WIDE:
        snprintf(text, sizeof(text), "%s\n%s", sample->wide, others);
        return list_of(text);

    case PATTERN:
        n = (size_t) snprintf(text, sizeof(text), "%s~", others);

        for (p = sample->text; *p; p++) {
            n += (size_t) sprintf(text + n, "%s%c", *p == '.' ? "\\" : "",
                                  *p);
        }

        return list_of(text);

    default:
        return list_of("64:ff9b::/96\n2001:db8:122::/48\n");
    }
}


/* The contract, in the order in which it is written. */

static const char *
contract(const sample_t *sample, way_t deny, way_t allow, int exceptions,
    int own, const char **reason)
{
    int  name, answer;

    name = (sample->kind == NAME);
    answer = (sample->kind >= ANSWER_IPV4);

    if (sample->class == METADATA) {
        *reason = sample->reason;
        return "target_metadata";
    }

    if (deny >= EXACT) {
        *reason = "listed";
        return "target_denied";
    }

    if (allow >= EXACT && allow != OUTER) {
        *reason = NULL;
        return NULL;
    }

    if (sample->class == SPECIAL) {
        *reason = sample->reason;
        return name ? "target_special_name" : "target_special_address";
    }

    if (own && !name) {
        *reason = "own_address";
        return "target_special_address";
    }

    if (allow != NO_LIST && !exceptions && !answer) {
        *reason = "not_listed";
        return "target_not_allowed";
    }

    *reason = NULL;
    return NULL;
}


/* "code" is told of targets alone. */

static void
expect_judged(const sample_t *sample, const kairo_target_lists_t *lists,
    const char *code, const char *reason, const char *how)
{
    char                    text[80];
    size_t                  n;
    const char             *is;
    unsigned char           ip[16], *copy;
    kairo_target_t          target;
    kairo_target_policy_t   policy;

    if (sample->kind >= ANSWER_IPV4) {

        n = bytes_of(sample->text, ip);

        if (sample->kind == ANSWER_NAT64) {
            memmove(ip + 12, ip, 4);
            memcpy(ip, "\x00\x64\xff\x9b\0\0\0\0\0\0\0\0", 12);
            n = 16;
        }

        copy = target_copy(ip, n);
        is = kairo_target_answer((kairo_span_t) { copy, n }, lists);
        free(copy);

        expect(target_same(is, reason), "%s, answer %s: %s, not %s", how,
               sample->text, target_word(is), target_word(reason));
        return;
    }

    policy = kairo_target_default;
    n = (size_t) snprintf(text, sizeof(text), "http://%s%s%s/x",
                          sample->kind == IPV6 ? "[" : "", sample->text,
                          sample->kind == IPV6 ? "]" : "");

    copy = target_copy(text, n);
    kairo_target(&target, (kairo_span_t) { copy, n }, &policy, lists);

    expect(target_same(target.code, code) && target_same(target.reason,
           reason), "%s, %s: %s %s, not %s %s", how, text,
           target_word(target.code), target_word(target.reason),
           target_word(code), target_word(reason));
    free(copy);

    /* what a port has to do with it comes last */

    n = (size_t) snprintf(text, sizeof(text), "http://%s%s%s:81/x",
                          sample->kind == IPV6 ? "[" : "", sample->text,
                          sample->kind == IPV6 ? "]" : "");

    copy = target_copy(text, n);
    kairo_target(&target, (kairo_span_t) { copy, n }, &policy, lists);

    expect(target_same(target.code, code ? code : "target_port"),
           "%s, %s: %s", how, text, target_word(target.code));
    free(copy);
}


static void
judge(const sample_t *sample, way_t deny, way_t allow, int exceptions,
    int own, int second)
{
    size_t                   n;
    char                     how[80];
    const char              *code, *reason;
    unsigned char            ip[16];
    kairo_range_t            range[2];
    kairo_nat64_t            nat64[2];
    kairo_hostlist_t        *list[3];
    kairo_target_lists_t     lists;
    const kairo_hostlist_t  *denied[2];

    snprintf(how, sizeof(how), "deny %d of %d, allow %d%s%s", (int) deny,
             second + 1, (int) allow, exceptions ? " or others" : "",
             own ? ", its own" : "");

    memset(&lists, 0, sizeof(lists));

    list[0] = list_by(sample, deny);
    list[1] = list_of(others);
    list[2] = list_by(sample, allow);

    /* alone, or one of two, the first or the second */

    denied[0] = second == 1 ? list[1] : list[0];
    denied[1] = second == 1 ? list[0] : list[1];
    lists.deny = denied;
    lists.ndeny = deny == NO_LIST ? 0 : second == 2 ? 1 : 2;

    lists.allow = list[2];
    lists.exceptions = exceptions;

    /* this machine has another address always */

    n = bytes_of("9.9.9.9", ip);
    kairo_range_one((kairo_span_t) { ip, n }, &range[0]);
    lists.nown = 1;

    if (own && sample->kind != NAME) {
        n = bytes_of(sample->text, ip);
        kairo_range_one((kairo_span_t) { ip, n }, &range[1]);
        lists.nown = kairo_ranges_sort(range, 2);
    }

    lists.own = range;

    if (sample->kind >= ANSWER_IPV4) {
        (void) kairo_nat64((kairo_span_t) kairo_span("2001:db8:122::/48"),
                           &nat64[0]);
        (void) kairo_nat64((kairo_span_t) kairo_span("64:ff9b::/96"),
                           &nat64[1]);
        lists.nat64 = nat64;
        lists.nnat64 = 2;
    }

    code = contract(sample, deny, allow, exceptions, own, &reason);
    expect_judged(sample, &lists, code, reason, how);

    kairo_hostlist_free(list[0]);
    kairo_hostlist_free(list[1]);
    kairo_hostlist_free(list[2]);
}


static void
precedence(void)
{
    int       exceptions, own, second;
    way_t     deny, allow;
    kind_t    kind;
    size_t    i;
    unsigned  judged;

    static const char  *name[] = {
        "a name", "IPv4", "IPv6", "an answer of IPv4", "an answer of IPv6",
        "an answer of NAT64"
    };

    for (kind = NAME; kind <= ANSWER_NAT64; kind++) {

        judged = 0;

        for (i = 0; i < SAMPLES; i++) {

            for (deny = NO_LIST; deny < WAYS; deny++) {
                for (allow = NO_LIST; allow < WAYS; allow++) {

                    if (samples[i].kind != kind || !has_way(&samples[i], deny)
                        || !has_way(&samples[i], allow))
                    {
                        continue;
                    }

                    for (exceptions = 0; exceptions < 2; exceptions++) {
                        for (own = 0; own < 2; own++) {

                            second = (int) unit_below(3);
                            judge(&samples[i], deny, allow, exceptions, own,
                                  second);
                            judged++;
                        }
                    }
                }
            }
        }

        verdict("%s: the first of five decides (%u times)", name[kind],
                judged);
    }
}


/* Only what is configured is a prefix, and only what is whole is in it. */

static void
nat64(void)
{
    size_t                   i;
    const char              *is;
    unsigned char            ip[16];
    kairo_nat64_t            prefix[2];
    kairo_hostlist_t        *allow, *deny;
    kairo_target_lists_t     lists;
    const kairo_hostlist_t  *denied[1];
    static const struct {
        size_t       n;        /* of prefixes */
        const char  *ip;
        const char  *reason;
    } rows[] = {
        { 0, "64:ff9b::808:808", "ipv6_nat64" },
        { 0, "64:ff9b::a00:1", "ipv6_nat64" },
        { 0, "64:ff9b::a9fe:a9fe", "metadata_address" },
        { 0, "2001:db8:122:808:8:800::", "ipv6_documentation" },
        { 1, "64:ff9b::808:808", NULL },
        { 1, "64:ff9b::a00:1", "ipv4_private" },
        { 1, "64:ff9b::7f00:1", "ipv4_loopback" },
        { 1, "64:ff9b::a9fe:a9fe", "metadata_address" },
        { 1, "64:ff9b::1:808:808", "ipv6_not_global" },
        { 1, "2001:db8:122:808:8:800::", "ipv6_documentation" },
        { 1, "8.8.8.8", NULL },
        { 1, "10.0.0.1", "ipv4_private" },
        { 2, "64:ff9b::808:808", NULL },
        { 2, "2001:db8:122:808:8:800::", NULL },
        { 2, "2001:db8:122:a00:0:100::", "ipv4_private" },
        { 2, "2001:db8:122:a9fe:a9:fe00::", "metadata_address" },
        { 2, "2001:db8:122:808:8:800::1", "ipv6_nat64" },
        { 2, "2001:db8:122:808:108:800::", "ipv6_nat64" },
        { 2, "2001:db8:121:808:8:800::", "ipv6_documentation" }
    };

    memset(&lists, 0, sizeof(lists));

    (void) kairo_nat64((kairo_span_t) kairo_span("64:ff9b::/96"), &prefix[0]);
    (void) kairo_nat64((kairo_span_t) kairo_span("2001:db8:122::/48"),
                       &prefix[1]);
    lists.nat64 = prefix;

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {

        lists.nnat64 = rows[i].n;
        is = kairo_target_answer((kairo_span_t) { ip, bytes_of(rows[i].ip, ip)
                                 }, &lists);

        expect(target_same(is, rows[i].reason), "%s with %u prefixes: %s, not "
               "%s", rows[i].ip, (unsigned) rows[i].n, target_word(is),
               target_word(rows[i].reason));
    }

    verdict("answers in a prefix of NAT64");

    /* not even by all there is */

    allow = list_of("0.0.0.0/0\n::/0\n");
    lists.allow = allow;

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {

        lists.nnat64 = rows[i].n;
        is = kairo_target_answer((kairo_span_t) { ip, bytes_of(rows[i].ip, ip)
                                 }, &lists);

        expect((is == NULL) != (rows[i].reason && (strstr(rows[i].reason,
               "metadata") || (rows[i].n && strcmp(rows[i].reason,
               "ipv6_nat64") == 0))), "%s with %u prefixes: %s", rows[i].ip,
               (unsigned) rows[i].n, target_word(is));
    }

    deny = list_of("64:ff9b::/96\n");
    denied[0] = deny;
    lists.deny = denied;
    lists.ndeny = 1;
    lists.nnat64 = 2;

    is = kairo_target_answer((kairo_span_t) { ip, bytes_of("64:ff9b::808:808",
                             ip) }, &lists);
    expect(target_same(is, "listed"), "a prefix that is listed: %s",
           target_word(is));

    kairo_hostlist_free(allow);
    kairo_hostlist_free(deny);

    verdict("answers in a prefix of NAT64, where all is allowed");
}


/* It refuses: where all else is denied, and where nothing else is allowed. */

static void
undecided(void)
{
    char                     text[KAIRO_NAME_MAX + 8];
    kairo_span_t             s;
    kairo_target_t           target;
    kairo_hostlist_t        *list;
    kairo_target_lists_t     lists;
    const kairo_hostlist_t  *denied[1];

    memset(text, 'a', sizeof(text));
    memcpy(text + 60, ".example.org", 13);

    s.p = (unsigned char *) text;
    s.n = strlen(text);

    list = list_of("~(a+)+[xy]\\.example\\.org\n");
    denied[0] = list;

    memset(&lists, 0, sizeof(lists));
    lists.deny = denied;
    lists.ndeny = 1;

    kairo_target(&target, s, &kairo_target_default, &lists);
    expect(target_same(target.code, "target_denied")
           && target_same(target.reason, "listed"), "denied: %s",
           target_word(target.code));

    lists.ndeny = 0;
    lists.allow = list;

    kairo_target(&target, s, &kairo_target_default, &lists);
    expect(target_same(target.code, "target_not_allowed"), "allowed: %s",
           target_word(target.code));

    lists.exceptions = 1;

    kairo_target(&target, s, &kairo_target_default, &lists);
    expect(target.code == NULL, "an exception: %s", target_word(target.code));

    memcpy(text + 60, ".local", 7);
    s.n = strlen(text);
    kairo_hostlist_free(list);
    lists.allow = list = list_of("~(a+)+[xy]\\.local\n");

    kairo_target(&target, s, &kairo_target_default, &lists);
    expect(target_same(target.code, "target_special_name"), "a special one: "
           "%s", target_word(target.code));

    kairo_hostlist_free(list);

    verdict("a pattern that can't tell refuses");
}


/*
 * Where all is allowed, each address that is, is written so that it is read
 * as the same one, in a URL and alone.
 */

static void
written(void)
{
    int                     url;
    char                    ip_text[INET6_ADDRSTRLEN], text[128], back[128];
    size_t                  i, n, round;
    unsigned                allowed;
    kairo_span_t            s;
    unsigned char           ip[16], again[16], out[KAIRO_TARGET_SIZE + 2];
    kairo_target_t          target;
    kairo_hostlist_t       *list;
    kairo_target_lists_t    lists;

    memset(&lists, 0, sizeof(lists));
    lists.allow = list = list_of("0.0.0.0/0\n::/0\n");

    allowed = 0;

    for (round = 0; round < ROUNDS; round++) {

        memset(ip, 0, 16);

        for (i = 0; i < 16; i++) {
            ip[i] = unit_below(2) ? (unsigned char) unit_draw() : 0;
        }

        if (unit_below(2)) {
            memset(ip, 0, 10 + 2 * unit_below(2));
            memset(ip + 10, unit_below(2) ? 0xff : 0, 2);
        }

        url = (int) unit_below(2);

        (void) inet_ntop(AF_INET6, ip, ip_text, sizeof(ip_text));
        s.n = (size_t) snprintf(text, sizeof(text), "%s%s%s",
                                url ? "http://[" : "", ip_text,
                                url ? "]/" : "");
        s.p = (unsigned char *) text;

        kairo_target(&target, s, &kairo_target_default, &lists);

        expect(target.code == NULL
               || target_same(target.reason, "metadata_address"), "%s: %s",
               text, target_word(target.reason));

        if (target.code) {
            continue;
        }

        allowed++;

        n = kairo_target_write(&target, out);
        memcpy(back, out, n);
        back[n] = '\0';

        if (url) {
            expect(strncmp(back, "http://[", 8) == 0
                   && strcmp(back + n - 2, "]/") == 0, "%s is %s", text,
                   back);
            back[n - 2] = '\0';
        }

        expect(inet_pton(AF_INET6, back + 8 * url, again) == 1
               && memcmp(ip, again, 16) == 0, "%s is %s", text, back);
        expect(target.n == strlen(back + 8 * url), "%s: %u bytes", text,
               (unsigned) target.n);
    }

    expect(allowed > ROUNDS / 2, "only %u are allowed", allowed);

    kairo_hostlist_free(list);

    verdict("an allowed address is written as itself");
}


static void
schemes(void)
{
    char                    text[64], wanted[64];
    size_t                  i, j, n;
    unsigned                set;
    kairo_span_t            s;
    unsigned char           out[KAIRO_TARGET_SIZE + 8];
    kairo_target_t          target;
    kairo_target_policy_t   policy;
    static const struct {
        const char             *name;
        kairo_target_scheme_t   scheme;
        unsigned                port;
    } rows[] = {
        { "http", KAIRO_TARGET_HTTP, 80 },
        { "https", KAIRO_TARGET_HTTPS, 443 },
        { "ws", KAIRO_TARGET_WS, 80 }, { "wss", KAIRO_TARGET_WSS, 443 },
        { "", KAIRO_TARGET_NO_SCHEME, 0 }, { "w", 0, 0 }, { "htt", 0, 0 },
        { "httpss", 0, 0 }, { "wsss", 0, 0 }, { "ftp", 0, 0 },
        { "file", 0, 0 }, { "wsx", 0, 0 }, { "httpx", 0, 0 }
    };

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {

        n = strlen(rows[i].name);

        expect(kairo_target_scheme((const unsigned char *) rows[i].name, n)
               == rows[i].scheme, "\"%s\"", rows[i].name);

        if (rows[i].scheme || n == 0) {
            expect(kairo_target_default_port(rows[i].scheme) == rows[i].port,
                   "the port of \"%s\"", rows[i].name);
        }

        if (n == 0) {
            continue;
        }

        for (set = 0; set < 16; set++) {

            policy = kairo_target_default;
            policy.schemes = set << KAIRO_TARGET_HTTP;

            snprintf(text, sizeof(text), "%s://a.example.org/x",
                     rows[i].name);

            snprintf(wanted, sizeof(wanted), "%s", text);

            for (j = 0; j < n; j++) {
                text[j] = (char) (unit_below(2) ? text[j] & ~0x20 : text[j]);
            }

            s.p = (unsigned char *) text;
            s.n = strlen(text);

            kairo_target(&target, s, &policy, &kairo_target_no_lists);

            if (rows[i].scheme && (policy.schemes >> rows[i].scheme & 1)) {

                expect(target.code == NULL && target.scheme == rows[i].scheme,
                       "%s of %u: %s", text, set, target_word(target.code));

                n = kairo_target_write(&target, out);
                expect(n == strlen(wanted) && memcmp(out, wanted, n) == 0,
                       "%s is %.*s", text, (int) n, (char *) out);
                n = strlen(rows[i].name);
                continue;
            }

            expect(target_same(target.code, "target_scheme")
                   && target_same(target.reason, "scheme"), "%s of %u: %s",
                   text, set, target_word(target.code));

            /* without a scheme none is asked for */

            s.p = (const unsigned char *) "a.example.org:443";
            s.n = 17;
            kairo_target(&target, s, &policy, &kairo_target_no_lists);
            expect(target.code == NULL && target.scheme == 0, "%u: %s", set,
                   target_word(target.code));
        }
    }

    expect(kairo_target_default.schemes
           == (1u << KAIRO_TARGET_HTTP | 1u << KAIRO_TARGET_HTTPS),
           "those that are allowed unless it is said");

    verdict("schemes by policy");
}


int
main(void)
{
    unit_begin(424);

    precedence();
    nat64();
    undecided();
    written();
    schemes();

    return unit_done();
}
