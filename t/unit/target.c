
/*
 * What a tool is asked to fetch: each trick of the trade by examples, and what
 * is written of that which is allowed.
 */


#include "target.h"

#include "libs/kairo_target.h"


static kairo_url_form_t  form = KAIRO_URL_AUTO;


/* "allow NORMAL FORM", or "CODE REASON" without the "target_" before it */

static void
judge_n(const char *text, size_t len, const char *wanted)
{
    char            said[4096];
    size_t          n;
    kairo_span_t    s;
    unsigned char  *copy, *out;
    kairo_target_t  target;
    kairo_target_policy_t  policy;

    policy = kairo_target_default;
    policy.form = form;

    s.n = len;
    s.p = copy = target_copy(text, len);

    kairo_target(&target, s, &policy,
                 &kairo_target_no_lists);

    if (target.code) {
        snprintf(said, sizeof(said), "%s %s", target.code + 7, target.reason);

    } else {
        out = malloc(KAIRO_TARGET_SIZE + target.rest.n);
        n = kairo_target_write(&target, out);
        snprintf(said, sizeof(said), "allow %.*s", (int) n, (char *) out);
        free(out);
    }

    expect(strcmp(said, wanted) == 0, "\"%.*s\": %s, not %s", (int) len, text,
           said, wanted);

    free(copy);
}


static void
judge(const char *text, const char *wanted)
{
    judge_n(text, strlen(text), wanted);
}


/* Rows of a text and what is said of it. */

typedef struct {
    const char  *text;
    const char  *wanted;
} row_t;


#define rows(name, ...)                                                       \
    do {                                                                      \
        static const row_t  list[] = { __VA_ARGS__ };                         \
        size_t              at_;                                              \
        for (at_ = 0; at_ < sizeof(list) / sizeof(list[0]); at_++) {          \
            judge(list[at_].text, list[at_].wanted);                          \
        }                                                                     \
        verdict(name);                                                        \
    } while (0)


static void
ipv4(void)
{
    rows("octal",
         { "http://0177.0.0.1/", "malformed ipv4" },
         { "0177.0.0.1", "malformed ipv4" },
         { "http://010.8.8.8/", "malformed ipv4" });

    rows("leading zeros",
         { "0127.0.0.1", "malformed ipv4" },
         { "127.0.0.001", "malformed ipv4" },
         { "8.8.8.08", "malformed ipv4" },
         { "00.0.0.0", "malformed ipv4" });

    rows("hexadecimal, one number, fewer parts",
         { "0x7f.1", "malformed ipv4" },
         { "http://0x7f000001/", "malformed ipv4" },
         { "2130706433", "malformed ipv4" },
         { "http://2130706433:80/", "malformed ipv4" },
         { "127.1", "malformed ipv4" },
         { "192.168.257", "malformed ipv4" },
         { "0", "malformed ipv4" }, { "0x", "malformed ipv4" },
         { "a.0x", "malformed ipv4" }, { "example.1", "malformed ipv4" },
         { "example.0X7f.", "malformed ipv4" });

    rows("numbers that overflow, and too many",
         { "425.510.425.510", "malformed ipv4" },
         { "7147006462", "malformed ipv4" },
         { "0x41414141A9FEA9FE", "malformed ipv4" },
         { "1.2.3.4.5", "malformed ipv4" },
         { "256.1.1.1", "malformed ipv4" },
         { "8.8.8.4294967304", "malformed ipv4" });

    rows("parts of nothing",
         { "127...1", "malformed ipv4" }, { "...", "malformed empty_label" },
         { "1..", "malformed empty_label" },
         { ".8.8.8.8", "malformed ipv4" });

    rows("an address and a dot",
         { "127.0.0.1.", "malformed ipv4" },
         { "http://8.8.8.8./", "malformed ipv4" },
         { "8.8.8.8..", "malformed empty_label" });

    rows("the one spelling",
         { "8.8.8.8", "allow 8.8.8.8" },
         { "http://8.8.8.8", "allow http://8.8.8.8" },
         { "8.8.8.8:443", "allow 8.8.8.8:443" },
         { "127.0.0.1", "special_address ipv4_loopback" },
         { "http://10.1.2.3/", "special_address ipv4_private" },
         { "169.254.169.254", "metadata metadata_address" },
         { "http://100.100.100.200:80/", "metadata metadata_address" },
         { "168.63.129.16", "metadata metadata_address" },
         { "255.255.255.255", "special_address ipv4_reserved" });
}


static void
ipv6(void)
{
    rows("spellings of IPv6",
         { "[::1]", "special_address ipv6_loopback" },
         { "http://[0000::1]/", "special_address ipv6_loopback" },
         { "0:0:0:0:0:0:0:1", "special_address ipv6_loopback" },
         { "[::]", "special_address ipv6_unspecified" },
         { "2606:4700::1111", "allow 2606:4700::1111" },
         { "2606:4700:0:0:0:0:0:1111", "allow 2606:4700::1111" },
         { "[2606:4700::1111]", "allow 2606:4700::1111" },
         { "[2606:4700::1111]:443", "allow [2606:4700::1111]:443" },
         { "http://[2606:4700::AB]/", "allow http://[2606:4700::ab]/" },
         { "http://[2606:4700::1.2.3.4]",
           "allow http://[2606:4700::102:304]" },
         { "2606:4700::01.2.3.4", "malformed ipv6" });

    rows("IPv4 in IPv6",
         { "[::ffff:7f00:1]", "special_address ipv6_v4_mapped" },
         { "[::ffff:8.8.8.8]", "special_address ipv6_v4_mapped" },
         { "[::127.0.0.1]", "special_address ipv6_v4_compatible" },
         { "[::ffff:0:127.0.0.1]", "special_address ipv6_v4_translated" },
         { "[::ffff:a9fe:a9fe]", "metadata metadata_address" },
         { "::169.254.169.254", "metadata metadata_address" });

    rows("translators and tunnels",
         { "[64:ff9b::a9fe:a9fe]", "metadata metadata_address" },
         { "[64:ff9b::808:808]", "special_address ipv6_nat64" },
         { "[64:ff9b:1:a9fe:a9:fe00::]", "metadata metadata_address" },
         { "[64:ff9b:1::1]", "special_address ipv6_nat64_local" },
         { "[2002:a9fe:a9fe::]", "metadata metadata_address" },
         { "[2002:808:808::]", "special_address ipv6_6to4" },
         { "[2001:0:4136:e378:8000:63bf:5601:5601]",
           "metadata metadata_address" },
         { "[2001:0:4136:e378:8000:63bf:3fff:fdd2]",
           "special_address ipv6_protocol" },
         { "[2606:4700::5efe:192.168.1.1]", "special_address ipv6_isatap" },
         { "[2606:4700:1:a9fe:a9:fe00::]", "metadata metadata_address" },
         { "[fd00:ec2::254]", "metadata metadata_address" });

    rows("zones",
         { "http://[fe80::1%25eth0]/", "malformed ipv6" },
         { "[::1%lo]", "malformed ipv6" },
         { "fe80::1%eth0", "malformed ipv6" },
         { "2606:4700::1%1", "malformed ipv6" },
         { "127.0.0.1%eth0", "malformed host_characters" });

    rows("brackets",
         { "http://[127.0.0.1]/", "malformed ipv6" },
         { "http://[example.com]/", "malformed ipv6" },
         { "http://[::1].example.com/", "malformed brackets" },
         { "http://[v1.x]/", "malformed ipv6" },
         { "[[2606:4700::1]]", "malformed brackets" },
         { "[2606:4700::1", "malformed brackets" },
         { "2606:4700::1]", "malformed ipv6" },
         { "http://2606:4700::1/", "malformed port" });
}


static void
authority(void)
{
    rows("a user before the host",
         { "http://example.com@127.0.0.1/", "malformed userinfo" },
         { "http://user:pass@example.com/", "malformed userinfo" },
         { "http://@example.com/", "malformed userinfo" },
         { "http://:@example.com/", "malformed userinfo" },
         { "user@example.com", "malformed host_characters" });

    rows("backslashes",
         { "http://127.1.1.1:80\\@127.2.2.2:80/", "malformed backslash" },
         { "http:\\\\example.com", "malformed backslash" },
         { "http://example.com\\@127.0.0.1/", "malformed backslash" },
         { "http://example.com/a\\b", "malformed backslash" });

    rows("an @ behind what ends a host",
         { "http://expected.example.com#@169.254.169.254/",
           "malformed userinfo" },
         { "http://example.com?@169.254.169.254/", "malformed userinfo" },
         { "http://example.com/@169.254.169.254/",
           "allow http://example.com/@169.254.169.254/" });

    rows("more than one @, and spaces",
         { "http://1.1.1.1 &@2.2.2.2# @3.3.3.3/",
           "malformed control_or_space" },
         { "http://1.1.1.1&@2.2.2.2#@3.3.3.3/", "malformed userinfo" },
         { "http://a.com@b.com@c.com/", "malformed userinfo" });

    rows("slashes",
         { "http:127.0.0.1", "malformed port" },
         { "http:/example.com", "malformed slashes" },
         { "http:///example.com", "malformed empty_host" },
         { "http:////example.com", "malformed empty_host" },
         { "////example.com", "malformed host_characters" },
         { "//example.com/", "malformed host_characters" },
         { "example.com/x", "malformed host_characters" });

    rows("control characters and spaces",
         { " http://example.com/", "malformed control_or_space" },
         { "http://example.com/ ", "malformed control_or_space" },
         { "ht\ntp://example.com/", "malformed control_or_space" },
         { "http://127.0.\t0.1/", "malformed control_or_space" },
         { "http://example.com/\r\nHost: x", "malformed control_or_space" },
         { "http://example.com/\x7f", "malformed control_or_space" },
         { "http://exam\xc2\x85ple.com/", "malformed idna" },
         { "http://exam\xc2\xa0ple.com/", "malformed idna_maps_to_ascii" },
         { "http://exam\xe2\x80\xa8ple.com/", "malformed idna" },
         { "\xef\xbb\xbfhttp://example.com/", "malformed no_scheme" });

    judge_n("http://example.com\0.evil/", 25, "malformed control_or_space");
    verdict("a zero");

    rows("percent signs in a host",
         { "127%2e0%2e0%2e1", "malformed host_characters" },
         { "http://exa%6dple.com/", "malformed host_characters" },
         { "http://localhost%00.example.com/", "malformed host_characters" },
         { "http://%2561.com/", "malformed host_characters" },
         { "http://example.com/%00%2f", "allow http://example.com/%00%2f" });

    rows("bytes that no host has",
         { "a,b.com", "malformed host_characters" },
         { "http://a.com;127.0.0.1/", "malformed ipv4" },
         { "http://{a}.com", "malformed host_characters" },
         { "http://a(b).com", "malformed host_characters" },
         { "http://a!.com", "malformed host_characters" },
         { "http://a|b.com", "malformed host_characters" },
         { "http://a^b.com", "malformed host_characters" },
         { "http://a\".com", "malformed host_characters" },
         { "http://a<b.com", "malformed host_characters" },
         { "http://a`b.com", "malformed host_characters" },
         { "http://a*b.com", "malformed host_characters" },
         { "http://a&b.com", "malformed host_characters" });

    rows("ports",
         { "example.com:0", "malformed port" },
         { "example.com:00080", "malformed port" },
         { "example.com:+11211", "malformed port" },
         { "example.com:0x50", "malformed port" },
         { "example.com:80a", "malformed port" },
         { "example.com:99999", "malformed port" },
         { "http://example.com:/", "malformed port" },
         { "http://example.com:80,81/", "malformed port" },
         { "localhost:00011211aaaa", "malformed port" },
         { "example.com:8080", "port port_not_listed" },
         { "example.com:81", "port port_not_listed" },
         { "example.com:65535", "port port_not_listed" },
         { "https://example.com:80/", "allow https://example.com:80/" },
         { "http://example.com:443", "allow http://example.com:443" });

    rows("schemes",
         { "gopher://example.com/", "scheme scheme" },
         { "file:///etc/passwd", "malformed empty_host" },
         { "file://example.com/etc", "scheme scheme" },
         { "httpx://example.com/", "scheme scheme" },
         { "htt://example.com/", "scheme scheme" },
         { "httpsx://example.com/", "scheme scheme" },
         { "http+unix://example.com/", "scheme scheme" },
         { "ws://example.com/", "scheme scheme" },
         { "url:http://example.com/", "malformed ipv6" },
         { "0://example.com;http://example.com/", "malformed no_scheme" },
         { "javascript:alert", "malformed port" },
         { "hTTp://example.com/", "allow http://example.com/" },
         { "HTTPS://EXAMPLE.com/X", "allow https://example.com/X" });

    rows("sockets and upstreams",
         { "unix:/var/run/docker.sock", "malformed slashes" },
         { "http://unix:/x", "malformed port" },
         { "http://internal_backend/", "special_name single_label" });
}


static void
names(void)
{
    rows("digits and dots that IDNA maps",
         { "\xe2\x91\xa0\xe2\x91\xa1\xe2\x91\xa6.0.0.1",
           "malformed idna_maps_to_ascii" },
         { "\xef\xbc\x91\xef\xbc\x92\xef\xbc\x97.0.0.1",
           "malformed idna_maps_to_ascii" },
         { "127\xe3\x80\x82""0\xe3\x80\x82""0\xe3\x80\x82""1",
           "malformed idna_deviation" },
         { "169\xef\xbd\xa1""254\xef\xbd\xa1""169\xef\xbd\xa1""254",
           "malformed idna_deviation" },
         { "\xe2\x93\xaa\xe2\x93\xa7""7f.1", "malformed idna_maps_to_ascii" },
         { "\xd9\xa1.\xd9\xa2.\xd9\xa3.\xd9\xa4", "malformed idna" },
         { "1.2.3.\xd9\xa4", "malformed idna" });

    rows("characters that IDNA takes away",
         { "loc\xc2\xad""alhost", "malformed idna_maps_to_ascii" },
         { "127.0.0.1\xe2\x80\x8b", "malformed idna_maps_to_ascii" },
         { "\xef\xbb\xbf""example.com", "malformed idna_maps_to_ascii" },
         { "b\xc3\xbc\xe2\x81\xa0""cher.de", "malformed idna_deviation" });

    rows("characters that IDNA makes delimiters of",
         { "evil.c\xe2\x84\x81.core.azure.net",
           "malformed idna_maps_to_ascii" },
         { "a\xef\xbc\x8f@127.0.0.1", "malformed idna_maps_to_ascii" },
         { "a\xe2\xa9\xb4""80", "malformed idna_maps_to_ascii" });

    rows("deviations",
         { "fa\xc3\x9f.de", "malformed idna_deviation" },
         { "\xe1\xba\x9e.com", "malformed idna_deviation" },
         { "http://xn--fa-hia.de/", "allow http://xn--fa-hia.de/" });

    rows("labels that become ASCII",
         { "\xe2\x93\x94\xe2\x93\xa7.\xe2\x93\x92\xe2\x93\x9e",
           "malformed idna_maps_to_ascii" },
         { "\xe2\x84\xaa.com", "malformed idna_maps_to_ascii" },
         { "localho\xc5\xbft", "malformed idna_maps_to_ascii" });

    rows("encoded labels",
         { "xn--.com", "malformed idna_not_encoded_so" },
         { "xn--a.com", "malformed idna_not_encoded_so" },
         { "xn--xn---epa.com", "malformed idna_not_encoded_so" },
         { "xn--8i7caa.com", "malformed idna_not_encoded_so" },
         { "xn--6a.com", "malformed idna_not_encoded_so" },
         { "xn--ls8h.la", "malformed idna_not_encoded_so" },
         { "\xf0\x9f\x92\xa9.la", "malformed idna" },
         { "xn--bcher-kva.de", "allow xn--bcher-kva.de" },
         { "http://B\xc3\x9c""CHER.de/", "allow http://xn--bcher-kva.de/" },
         { "g\xce\xbf\xce\xbfgle.com", "allow xn--ggle-0nda.com" });

    rows("a dot behind a name",
         { "localhost.", "special_name special_domain" },
         { "metadata.google.internal.", "metadata metadata_name" },
         { "example.com.", "allow example.com" },
         { "http://example.com.:80/", "allow http://example.com:80/" },
         { "example.com..", "malformed empty_label" });

    rows("labels",
         { "a..b", "malformed empty_label" },
         { ".a", "malformed empty_label" },
         { "http://./", "malformed empty_host" },
         { "-a.com", "malformed hyphen" }, { "a-.com", "malformed hyphen" },
         { "r3---sn-x.googlevideo.com", "allow r3---sn-x.googlevideo.com" },
         { "foo_bar.example.com", "allow foo_bar.example.com" },
         { "foo.exa_mple", "malformed top_level" });

    rows("names of no public internet",
         { "169.254.169.254.nip.io", "special_name wildcard_dns" },
         { "localtest.me", "special_name wildcard_dns" },
         { "http://a.lvh.me/", "special_name wildcard_dns" },
         { "make-1.2.3.4-rebind-169.254-169.254-rr.1u.ms",
           "special_name wildcard_dns" },
         { "intranet", "special_name special_domain" },
         { "wiki", "special_name single_label" },
         { "ip6-localhost", "special_name local_name" },
         { "LOCALHOST", "special_name special_domain" },
         { "metadata", "metadata metadata_name" },
         { "http://Metadata.Google.Internal/x", "metadata metadata_name" },
         { "host.docker.internal", "special_name local_name" },
         { "router.home.arpa", "special_name special_domain" },
         { "a.onion", "special_name special_domain" },
         { "xn--example.test", "malformed idna_not_encoded_so" });

    judge("https://ok.example.com/redirect?url=http://10.0.0.1/",
          "allow https://ok.example.com/redirect?url=http://10.0.0.1/");
    verdict("where a URL leads to is not asked");
}


static void
types(void)
{
    form = KAIRO_URL_URL;

    rows("a URL",
         { "http://example.com", "allow http://example.com" },
         { "example.com", "malformed no_scheme" },
         { "example.com:80", "malformed slashes" },
         { "8.8.8.8", "malformed no_scheme" });

    form = KAIRO_URL_HOST;

    rows("a host",
         { "example.com", "allow example.com" },
         { "8.8.8.8", "allow 8.8.8.8" },
         { "2606:4700::1", "allow 2606:4700::1" },
         { "[2606:4700::1]", "allow 2606:4700::1" },
         { "example.com:80", "malformed port_not_wanted" },
         { "http://example.com", "malformed port" },
         { "example.com/x", "malformed host_characters" });

    form = KAIRO_URL_HOSTPORT;

    rows("a host and a port",
         { "example.com:80", "allow example.com:80" },
         { "example.com", "allow example.com" },
         { "[2606:4700::1]:80", "allow [2606:4700::1]:80" },
         { "2606:4700::1:80", "allow 2606:4700::1:80" },
         { "http://example.com", "malformed port" });

    form = KAIRO_URL_IP;

    rows("an address",
         { "8.8.8.8", "allow 8.8.8.8" },
         { "2606:4700::1", "allow 2606:4700::1" },
         { "[2606:4700::1]", "allow 2606:4700::1" },
         { "8.8.8.8:80", "malformed port_not_wanted" },
         { "example.com", "malformed ipv4" },
         { "b\xc3\xbc""cher.de", "malformed ipv4" },
         { "8.8.8", "malformed ipv4" },
         { "127.0.0.1", "special_address ipv4_loopback" });

    form = KAIRO_URL_AUTO;
}


static void
lengths(void)
{
    char    text[KAIRO_TARGET_URL + 2], wanted[KAIRO_TARGET_URL + 16];
    size_t  i;

    memset(text, 'a', sizeof(text));
    memcpy(text, "http://example.com/", 19);

    text[KAIRO_TARGET_URL] = '\0';
    snprintf(wanted, sizeof(wanted), "allow %s", text);
    judge(text, wanted);

    judge_n(text, KAIRO_TARGET_URL + 1, "malformed too_long");

    judge("", "malformed empty");

    for (i = 0; i < 254; i++) {
        text[i] = i % 50 == 49 ? '.' : 'a';
    }

    text[253] = '\0';
    snprintf(wanted, sizeof(wanted), "allow %s", text);
    judge(text, wanted);

    text[253] = '.';
    judge_n(text, 254, wanted);

    text[253] = 'a';
    judge_n(text, 254, "malformed name_length");

    verdict("lengths");
}


static void
write_longest(void)
{
    size_t          n;
    kairo_span_t    s;
    unsigned char  *out, text[KAIRO_TARGET_SIZE];
    kairo_target_t  target;
    kairo_target_policy_t  policy;

    policy = kairo_target_default;
    policy.ports[0] = 65535;

    memcpy(text, "https://", 8);
    memset(text + 8, 'a', KAIRO_NAME_MAX);

    for (n = 63; n < KAIRO_NAME_MAX; n += 64) {
        text[8 + n] = '.';
    }

    memcpy(text + 8 + KAIRO_NAME_MAX, ":65535", 6);

    s.p = text;
    s.n = 8 + KAIRO_NAME_MAX + 6;

    kairo_target(&target, s, &policy,
                 &kairo_target_no_lists);
    expect(target.code == NULL && target.port == 65535, "%s",
           target_word(target.reason));

    out = malloc(s.n);
    n = kairo_target_write(&target, out);
    expect(n == s.n && memcmp(out, text, n) == 0, "%u bytes", (unsigned) n);
    expect(n <= KAIRO_TARGET_SIZE, "%u bytes", (unsigned) n);
    free(out);

    verdict("the longest is written in as many bytes");
}


static void
write_ports(void)
{
    size_t                 n;
    char                   text[32];
    unsigned               port;
    kairo_span_t           s;
    unsigned char          out[KAIRO_TARGET_SIZE];
    kairo_target_t         target;
    kairo_target_policy_t  policy;

    policy = kairo_target_default;
    s.p = (unsigned char *) text;

    for (port = 1; port < 65536; port++) {

        s.n = (size_t) snprintf(text, sizeof(text), "a.com:%u", port);
        policy.ports[0] = port;

        kairo_target(&target, s, &policy,
                     &kairo_target_no_lists);
        n = kairo_target_write(&target, out);

        expect(target.code == NULL && n == s.n && memcmp(out, text, n) == 0,
               "%s is %.*s", text, (int) n, (char *) out);
    }

    verdict("every port is written as it was");
}


static void
refused(void)
{
    size_t             i;
    kairo_span_t       s;
    kairo_target_t     target;
    static const char  *texts[] = {
        "127.0.0.1", "169.254.169.254", "::ffff:0.0.0.0", "::1", "fe80::1",
        "::ffff:169.254.169.254", "a..b", "127.1"
    };

    for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {

        s.p = (const unsigned char *) texts[i];
        s.n = strlen(texts[i]);

        kairo_target(&target, s, &kairo_target_default,
                     &kairo_target_no_lists);

        expect(target.code && target.n == 0, "%s has a host of %u bytes",
               texts[i], (unsigned) target.n);
    }

    verdict("what is refused for its address has no host");
}


static void
policies(void)
{
    kairo_span_t           s = kairo_span("example.com:8443");
    kairo_target_t         target;
    kairo_target_policy_t  policy;

    policy = kairo_target_default;
    policy.ports[2] = 8443;

    kairo_target(&target, s, &policy,
                 &kairo_target_no_lists);
    expect(target_same(target.code, "target_port"), "behind the list");

    policy.nports = 3;
    kairo_target(&target, s, &policy,
                 &kairo_target_no_lists);
    expect(target.code == NULL && target.port == 8443, "of the list");

    policy.max = s.n;
    kairo_target(&target, s, &policy,
                 &kairo_target_no_lists);
    expect(target.code == NULL, "of just that length");

    policy.max = s.n - 1;
    kairo_target(&target, s, &policy,
                 &kairo_target_no_lists);
    expect(target_same(target.reason, "too_long"), "one byte too long");

    verdict("ports and lengths by policy");
}


int
main(void)
{
    unit_begin(405);

    ipv4();
    ipv6();
    authority();
    names();
    types();
    lengths();
    write_longest();
    write_ports();
    refused();
    policies();

    return unit_done();
}
