
/*
 * Names in ASCII: the grammar, the lengths, and the names that are special.
 */


#include "target.h"

#include "core/kairo_name.h"


static void
expect_name_n(const char *text, size_t len, const char *wrong,
    const char *wanted)
{
    size_t          n;
    const char     *said;
    kairo_span_t    s;
    unsigned char  *copy, *out;

    copy = target_copy(text, len);
    out = malloc(KAIRO_NAME_MAX);

    s.p = copy;
    s.n = len;
    n = 0;

    said = kairo_name(s, out, &n);

    expect(target_same(said, wrong), "\"%.*s\": %s, not %s", (int) len, text,
           target_word(said), target_word(wrong));

    if (wanted) {
        expect(n == strlen(wanted) && memcmp(out, wanted, n) == 0,
               "\"%.*s\" is \"%.*s\"", (int) len, text, (int) n,
               (char *) out);
    }

    free(out);
    free(copy);
}


static void
expect_name(const char *text, const char *wrong, const char *wanted)
{
    expect_name_n(text, strlen(text), wrong, wanted);
}


static void
good(void)
{
    expect_name("example.com", NULL, "example.com");
    expect_name("WwW.example.COM", NULL, "www.example.com");
    expect_name("example.com.", NULL, "example.com");
    expect_name("a.bc", NULL, "a.bc");
    expect_name("foo_bar.example.com", NULL, "foo_bar.example.com");
    expect_name("_dmarc.example.com", NULL, "_dmarc.example.com");
    expect_name("r3---sn-x.googlevideo.com", NULL,
                "r3---sn-x.googlevideo.com");
    expect_name("1.2.3.com", NULL, "1.2.3.com");
    expect_name("3.cn", NULL, "3.cn");
    expect_name("0x7f.com", NULL, "0x7f.com");
    expect_name("xn--85x722f.xn--fiqs8s", NULL, "xn--85x722f.xn--fiqs8s");
    expect_name("a.XN--P1AI", NULL, "a.xn--p1ai");

    verdict("names, in lower case and without the dot at their end");
}


static void
bad(void)
{
    size_t             i;
    static const struct {
        const char  *text;
        const char  *wrong;
    } names[] = {
        { "", "empty_host" }, { ".", "empty_host" }, { "..", "empty_label" },
        { ".a.com", "empty_label" }, { "a..com", "empty_label" },
        { "a.com..", "empty_label" }, { "-a.com", "hyphen" },
        { "a-.com", "hyphen" }, { "a.-com", "hyphen" }, { "a.com-", "hyphen" },
        { "-.com", "hyphen" }, { "a.c", "top_level" },
        { "a.c1", "top_level" }, { "a.1c", "top_level" },
        { "a.c-d", "top_level" }, { "a.c_d", "top_level" },
        { "a._com", "top_level" }, { "a.xn--", "hyphen" },
        { "a.xn--a_b", "top_level" }, { "a.xn-ab", "top_level" },
        { "a.1", "top_level" }, { "1.2.3.4", "top_level" },
        { "a.0x", "top_level" }, { "a b.com", "host_characters" },
        { "a,b.com", "host_characters" }, { "a%2eb.com", "host_characters" },
        { "a@b.com", "host_characters" }, { "a:b.com", "host_characters" },
        { "a/b.com", "host_characters" }, { "[a.com]", "host_characters" },
        { "a\xc3\xa9.com", "host_characters" }, { "a.com\n",
                                                  "host_characters" }
    };

    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        expect_name(names[i].text, names[i].wrong, NULL);
    }

    expect_name("intranet", "single_label", "intranet");
    expect_name("Intranet.", "single_label", "intranet");
    expect_name("a_b", "single_label", "a_b");
    expect_name("a1", "single_label", "a1");
    expect_name("-a", "hyphen", NULL);

    expect_name_n("a\0.com", 6, "host_characters", NULL);
    expect_name_n("a.com\0", 6, "host_characters", NULL);

    verdict("what is no name, and why");
}


static int
is_name(const char *text)
{
    size_t         n;
    kairo_span_t   s;
    unsigned char  out[KAIRO_NAME_MAX];

    s.p = (const unsigned char *) text;
    s.n = 9;

    return kairo_name(s, out, &n) == NULL;
}


/* Each byte at the beginning, in the middle, at the end, and in the last. */

static void
bytes(void)
{
    int       letter, well, at;
    char      text[] = "abcd.efgh";
    unsigned  c;

    static const size_t  places[] = { 0, 1, 3, 5, 6, 8 };

    for (c = 0; c < 256; c++) {
        for (at = 0; at < 6; at++) {

            memcpy(text, "abcd.efgh", sizeof(text));
            text[places[at]] = (char) c;

            letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');

            well = letter;

            if (at < 3) {
                well = well || (c >= '0' && c <= '9') || c == '_'
                       || (c == '-' && at == 1);
            }

            /*
             * a dot makes other labels: it is none at an end, but the last;
             * and the last label has two letters
             */

            if (c == '.') {
                well = at == 1 || at == 4 || at == 5;
            }

            expect(is_name(text) == well, "byte %u at %u", c,
                   (unsigned) places[at]);
        }
    }

    verdict("every byte in six places");
}


static void
lengths(void)
{
    char    text[KAIRO_NAME_MAX + 3];
    size_t  i;

    memset(text, 'a', 64);
    memcpy(text + 63, ".com", 5);
    expect_name(text, NULL, text);

    memset(text, 'a', 64);
    memcpy(text + 64, ".com", 5);
    expect_name(text, "label_length", NULL);

    memcpy(text, "a.", 2);
    memset(text + 2, 'b', 63);
    text[65] = '\0';
    expect_name(text, NULL, text);

    memcpy(text + 65, "b", 2);
    expect_name(text, "label_length", NULL);

    for (i = 0; i < sizeof(text); i++) {
        text[i] = i % 50 == 49 ? '.' : 'a';
    }

    text[KAIRO_NAME_MAX] = '\0';
    expect_name(text, NULL, text);

    text[KAIRO_NAME_MAX] = '.';
    text[KAIRO_NAME_MAX + 1] = '\0';
    expect_name_n(text, KAIRO_NAME_MAX + 1, NULL, NULL);

    text[KAIRO_NAME_MAX] = 'a';
    expect_name_n(text, KAIRO_NAME_MAX + 1, "name_length", NULL);

    text[KAIRO_NAME_MAX + 1] = '.';
    expect_name_n(text, KAIRO_NAME_MAX + 2, "name_length", NULL);

    verdict("labels of 63 bytes, names of 253");
}


static void
expect_special(const char *text, const char *wanted)
{
    const char     *said;
    kairo_span_t    s;
    unsigned char  *copy;

    s.n = strlen(text);
    s.p = copy = target_copy(text, s.n);
    said = kairo_name_special(s);

    expect(target_same(said, wanted), "%s: %s, not %s", text,
           target_word(said), target_word(wanted));

    free(copy);
}


static void
expect_all(const char *list, const char *wanted)
{
    char    text[128], longer[144];
    size_t  n;

    for (/* void */; *list; list += strspn(list, " ")) {

        n = strcspn(list, " ");
        snprintf(text, sizeof(text), "%.*s", (int) n, list);
        expect_special(text, wanted);

        snprintf(longer, sizeof(longer), "a.b.%s", text);
        expect_special(longer, wanted);

        list += n;
    }
}


/* "x" in front of the last label, so that it is another one; and behind. */

static void
expect_others(const char *list)
{
    char    text[128];
    size_t  n;

    for (/* void */; *list; list += strspn(list, " ")) {

        n = strcspn(list, " ");

        snprintf(text, sizeof(text), "x%.*s", (int) n, list);
        expect_special(text, NULL);

        snprintf(text, sizeof(text), "a.x%.*s", (int) n, list);
        expect_special(text, NULL);

        snprintf(text, sizeof(text), "%.*s.com", (int) n, list);
        expect_special(text, NULL);

        list += n;
    }
}


static void
special(void)
{
    static const char  metadata[] = "metadata metadata.google.internal "
        "metadata.goog instance-data instance-data.ec2.internal "
        "metadata.amazonaws.com metadata.tencentyun.com metadata.packet.net "
        "metadata.platformequinix.com rancher-metadata";
    static const char  domains[] = "localhost local internal localdomain lan "
        "home corp mail intranet private arpa onion i2p alt test invalid "
        "example home.arpa 1.0.0.127.in-addr.arpa";
    static const char  local[] = "localhost4 localhost6 ip6-localhost "
        "ip6-loopback host.docker.internal gateway.docker.internal "
        "kubernetes.docker.internal host.containers.internal "
        "kubernetes.default kubernetes.default.svc";
    static const char  wildcard[] = "nip.io sslip.io xip.io traefik.me "
        "backname.io plesk.page localtest.me lvh.me vcap.me lacolhost.com "
        "localh.st fuf.me 42foo.com 1u.ms rbndr.us rebind.it rebind.network "
        "ip6.name r3dir.me oastify.com burpcollaborator.net localdomain.pw "
        "nicob.net";

    expect_all(metadata, "metadata_name");
    expect_all(domains, "special_domain");
    expect_all(local, "local_name");
    expect_all(wildcard, "wildcard_dns");

    verdict("names that are none of the public internet");

    expect_others("localhost local lan home corp mail test example nip.io "
                  "lvh.me metadata.goog kubernetes.default arpa");
    expect_special("metadata.com", NULL);
    expect_special("google.internal.com", NULL);
    expect_special("iphone.host", NULL);
    expect_special("a.zip", NULL);
    expect_special("mail.google.com", NULL);
    expect_special("test.example.com", NULL);
    expect_special("com", NULL);
    expect_special("amazonaws.com", NULL);
    expect_special("xmetadata.amazonaws.com", NULL);

    verdict("and names that only look like them");
}


static void
within(void)
{
    size_t             i;
    kairo_span_t       name, domain;
    unsigned char     *one, *two;
    static const struct {
        const char  *name;
        const char  *domain;
        int          is;
    } pairs[] = {
        { "a.com", "a.com", 1 }, { "b.a.com", "a.com", 1 },
        { "ba.com", "a.com", 0 }, { "com", "a.com", 0 },
        { ".com", "a.com", 0 }, { "a.comx", "a.com", 0 },
        { "a.com.b", "a.com", 0 }, { "", "a", 0 }, { "a", "a", 1 }
    };

    for (i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {

        name.n = strlen(pairs[i].name);
        name.p = one = target_copy(pairs[i].name, name.n);
        domain.n = strlen(pairs[i].domain);
        domain.p = two = target_copy(pairs[i].domain, domain.n);

        expect(kairo_name_within(name, domain) == pairs[i].is,
               "%s within %s", pairs[i].name, pairs[i].domain);

        free(one);
        free(two);
    }

    verdict("within a domain, by labels");
}


int
main(void)
{
    unit_begin(402);

    good();
    bad();
    bytes();
    lengths();
    special();
    within();

    return unit_done();
}
