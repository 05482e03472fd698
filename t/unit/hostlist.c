
/*
 * Lists of hosts: what each kind of line says, what is wrong with one and in
 * which line, and patterns, which match as a whole and within limits.
 */


#include <arpa/inet.h>
#include <time.h>

#include "target.h"

#include "core/kairo_name.h"
#include "libs/kairo_hostlist.h"
#include "libs/kairo_patterns.h"


#define NAMES  50000

#define NAME_BYTES                                                            \
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_."


static kairo_hostlist_error_t  error;


/* The text is gone before the list is asked. */

static kairo_hostlist_t *
read_n(const char *text, size_t n)
{
    unsigned char     *copy;
    kairo_hostlist_t  *list;

    memset(&error, 0xa5, sizeof(error));

    copy = target_copy(text, n);
    list = kairo_hostlist((kairo_span_t) { copy, n }, &error);
    memset(copy, 0xa5, n);
    free(copy);

    return list;
}


static kairo_hostlist_t *
read_list(const char *text)
{
    return read_n(text, strlen(text));
}


static int
has_name(const kairo_hostlist_t *list, const char *name)
{
    int             found;
    size_t          n;
    unsigned char  *copy;

    n = strlen(name);
    copy = target_copy(name, n);
    found = kairo_hostlist_name(list, (kairo_span_t) { copy, n });
    free(copy);

    return found;
}


static int
has_address(const kairo_hostlist_t *list, const char *text)
{
    int            v6;
    unsigned char  ip[16];

    v6 = (strchr(text, ':') != NULL);

    if (inet_pton(v6 ? AF_INET6 : AF_INET, text, ip) != 1) {
        abort();
    }

    return kairo_hostlist_address(list, (kairo_span_t) { ip, v6 ? 16 : 4 });
}


static void
expect_name(const char *text, const char *name, int wanted)
{
    int                is;
    kairo_hostlist_t  *list;

    list = read_list(text);

    if (!expect(list != NULL, "\"%s\": line %u: %s", text,
                (unsigned) error.line, error.wrong))
    {
        return;
    }

    is = has_name(list, name);
    expect(is == wanted, "\"%s\" in \"%s\": %d, not %d", name, text, is,
           wanted);

    kairo_hostlist_free(list);
}


/* A message ends, and has nothing in it that a log should not have. */

static void
expect_message(void)
{
    size_t       i;
    const char  *end;

    end = memchr(error.wrong, '\0', sizeof(error.wrong));

    if (!expect(end != NULL, "a message has no end")) {
        return;
    }

    expect(end > error.wrong, "there is no message");

    for (i = 0; error.wrong[i]; i++) {
        expect(error.wrong[i] >= ' ' && error.wrong[i] <= '~',
               "a message has 0x%02x", (unsigned) error.wrong[i] & 0xff);
    }
}


static void
expect_wrong_n(const char *text, size_t n, size_t line, const char *wanted)
{
    kairo_hostlist_t  *list;

    list = read_n(text, n);

    if (!expect(list == NULL, "\"%s\" is a list", text)) {
        kairo_hostlist_free(list);
        return;
    }

    expect_message();
    expect(error.line == line, "\"%s\": line %u, not %u", text,
           (unsigned) error.line, (unsigned) line);
    expect(wanted == NULL || strcmp(error.wrong, wanted) == 0, "%s, not %s",
           error.wrong, wanted);
}


static void
expect_wrong(const char *text, size_t line, const char *wanted)
{
    expect_wrong_n(text, strlen(text), line, wanted);
}


static void
lines(void)
{
    kairo_hostlist_t  *list;

    list = read_list("# a comment\n"
                     "\n"
                     "  \t \n"
                     "bad.example.com\n"
                     "\t.example.net  # and all below it\n"
                     "~ads[0-9]+\\.example\\.org\n"
                     "192.0.2.0/24# documentation\n"
                     "2001:db8::1\n"
                     "198.51.100.7\n"
                     "  # and no more\n");

    if (!expect(list != NULL, "line %u: %s", (unsigned) error.line,
                error.wrong))
    {
        verdict("each kind of line");
        return;
    }

    expect(kairo_hostlist_count(list) == 6, "%u lines",
           (unsigned) kairo_hostlist_count(list));

    expect(has_name(list, "bad.example.com") == 1, "a name");
    expect(has_name(list, "a.bad.example.com") == 0, "below a name");
    expect(has_name(list, "example.com") == 0, "above a name");
    expect(has_name(list, "example.net") == 1, "a name with a dot");
    expect(has_name(list, "a.b.example.net") == 1, "below one with a dot");
    expect(has_name(list, "anexample.net") == 0, "beside one with a dot");
    expect(has_name(list, "net") == 0, "above one with a dot");
    expect(has_name(list, "ads77.example.org") == 1, "a pattern");
    expect(has_name(list, "ads.example.org") == 0, "none of a pattern");

    expect(has_address(list, "192.0.2.0") && has_address(list, "192.0.2.255"),
           "the ends of a network");
    expect(!has_address(list, "192.0.1.255")
           && !has_address(list, "192.0.3.0"), "beside a network");
    expect(has_address(list, "2001:db8::1"), "an address of IPv6");
    expect(!has_address(list, "2001:db8::") && !has_address(list,
           "2001:db8::2"), "beside an address of IPv6");
    expect(has_address(list, "198.51.100.7"), "an address");
    expect(!has_address(list, "198.51.100.6")
           && !has_address(list, "198.51.100.8"), "beside an address");

    kairo_hostlist_free(list);
    kairo_hostlist_free(NULL);

    verdict("each kind of line");
}


/* With each end of a line, and none at the end of the text. */

static void
ends(void)
{
    char               text[256];
    size_t             i, j, n;
    kairo_hostlist_t  *list;
    static const char  *end[] = {
        "\n", "\r\n", " \n", "\t\r\n", "\r\r\n", "\n\n", "\n#\n", " # x\n",
        "#\r\n", "#\r\r\n"
    };

    for (i = 0; i < sizeof(end) / sizeof(end[0]); i++) {
        for (j = 0; j < 2; j++) {

            n = (size_t) snprintf(text, sizeof(text),
                                  "a.example%s.b.example%s10.0.0.0/8%s"
                                  "::1%sc.example%s", end[i], end[i], end[i],
                                  end[i], j ? end[i] : "");

            list = read_n(text, n);

            if (!expect(list != NULL, "%u: line %u: %s", (unsigned) i,
                        (unsigned) error.line, error.wrong))
            {
                continue;
            }

            expect(kairo_hostlist_count(list) == 5, "%u: %u lines",
                   (unsigned) i, (unsigned) kairo_hostlist_count(list));
            expect(has_name(list, "a.example") && has_name(list, "b.example")
                   && has_name(list, "x.b.example")
                   && has_name(list, "c.example"), "%u: names", (unsigned) i);
            expect(has_address(list, "10.1.2.3") && has_address(list, "::1"),
                   "%u: addresses", (unsigned) i);

            kairo_hostlist_free(list);
        }
    }

    verdict("ends of lines");

    /* white space at the end is none of a pattern, and a comment is */

    expect_name("~a\\.b\r\n", "a.b", 1);
    expect_name("~a\\.b \t\r", "a.b", 1);
    expect_name("~a\\.b", "a.b", 1);
    expect_name("~a\\.b # no", "a.b", 0);
    expect_name("  ~a\\.b", "a.b", 1);
    expect_name("~[#a]\\.b", "a.b", 1);

    verdict("ends of patterns");
}


static void
nothing(void)
{
    size_t             i;
    kairo_hostlist_t  *list;
    static const char  *texts[] = {
        "", "\n", "\r\n", "#", "# a.example", " \t", "\n\n\n", "#\n#\n",
        " \r\n\t\r\n", "#a.example\r.b.example"
    };

    for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {

        list = read_list(texts[i]);

        if (expect(list != NULL, "\"%s\": %s", texts[i], error.wrong)) {
            expect(kairo_hostlist_count(list) == 0, "\"%s\" has lines",
                   texts[i]);
            expect(has_name(list, "a.example") == 0
                   && has_name(list, "b.example") == 0
                   && !has_address(list, "::") && !has_address(list,
                   "0.0.0.0"), "\"%s\" has a host", texts[i]);
            kairo_hostlist_free(list);
        }
    }

    list = kairo_hostlist((kairo_span_t) { NULL, 0 }, &error);

    expect(list && kairo_hostlist_count(list) == 0, "no text");
    kairo_hostlist_free(list);

    verdict("lists of nothing");
}


static void
spelling(void)
{
    expect_name("Bad.EXAMPLE.com", "bad.example.com", 1);
    expect_name("bad.example.com.", "bad.example.com", 1);
    expect_name(".Example.COM.", "www.example.com", 1);
    expect_name("b\xc3\xbc" "cher.example", "xn--bcher-kva.example", 1);
    expect_name("B\xc3\x9c" "CHER.example.", "xn--bcher-kva.example", 1);
    expect_name(".b\xc3\xbc" "cher.example", "a.xn--bcher-kva.example", 1);
    expect_name("XN--BCHER-KVA.example", "xn--bcher-kva.example", 1);
    expect_name(".xn--p1ai", "a.xn--p1ai", 1);
    expect_name(".\xd1\x80\xd1\x84", "a.xn--p1ai", 1);
    expect_name("intranet", "intranet", 1);
    expect_name(".zip", "a.zip", 1);
    expect_name("a_b.example", "a_b.example", 1);
    expect_name(".ab\n.a.ab\nab", "c.a.ab", 1);
    expect_name("10.example", "10.example", 1);
    expect_name("0x.example", "0x.example", 1);
    expect_name("nip.io", "nip.io", 1);

    verdict("names are what a target of the same spelling is");
}


static void
wrong(void)
{
    char    text[300];
    size_t  i;

    /* names */

    expect_wrong("a b.example", 1,
                 "\"a b.example\" is no name: host_characters");
    expect_wrong("a.example b.example", 1,
                 "\"a.example b.example\" is no name: host_characters");
    expect_wrong("a.example;", 1, "\"a.example;\" is no name: "
                 "host_characters");
    expect_wrong("*.example.com", 1, "\"*.example.com\" is no name: "
                 "host_characters");
    expect_wrong(".", 1, "\".\" is no name: empty_host");
    expect_wrong("..example", 1, "\"..example\" is no name: empty_label");
    expect_wrong("a..example", 1, "\"a..example\" is no name: empty_label");
    expect_wrong("a.example..", 1, "\"a.example..\" is no name: empty_label");
    expect_wrong("-a.example", 1, "\"-a.example\" is no name: hyphen");
    expect_wrong("a.e", 1, "\"a.e\" is no name: top_level");
    expect_wrong("a.e_e", 1, "\"a.e_e\" is no name: top_level");
    expect_wrong("xn--a.example", 1, "\"xn--a.example\" is no name: "
                 "idna_not_encoded_so");
    expect_wrong("fa\xc3\x9f.example", 1, "\"fa??.example\" is no name: "
                 "idna_deviation");
    expect_wrong("a\xff.example", 1, "\"a?.example\" is no name: idna");
    expect_wrong("\xe2\x91\xa0.example", 1, "\"???.example\" is no name: "
                 "idna_maps_to_ascii");
    expect_wrong("a@b.example", 1, NULL);
    expect_wrong("\r#", 1, "\"\" is no name: empty_host");

    for (i = 0; i < 260; i++) {
        text[i] = i % 2 ? '.' : 'a';
    }

    memcpy(text + 254, "bc", 3);
    expect_wrong(text, 1, "\"a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.\" is "
                 "no name: name_length");

    memset(text, 'a', 64);
    memcpy(text + 64, ".example", 9);
    expect_wrong(text, 1, "\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\" is "
                 "no name: label_length");

    verdict("bad names");

    /* a list of URLs is none of hosts */

    expect_wrong("http://a.example/", 1, "\"http://a.example/\" is no address "
                 "or network: address");
    expect_wrong("a.example:80", 1, "\"a.example:80\" is no address or "
                 "network: address");
    expect_wrong("a.example/24", 1, NULL);
    expect_wrong("10.0.0.1/8", 1, "\"10.0.0.1/8\" is no address or network: "
                 "host_bits");
    expect_wrong("10.0.0.0/33", 1, "\"10.0.0.0/33\" is no address or network: "
                 "prefix");
    expect_wrong("10.0.0.0 /8", 1, NULL);
    expect_wrong("10.0.0.0/8 10.1.0.0/16", 1, NULL);
    expect_wrong("10.0.0.1 10.0.0.2", 1, NULL);
    expect_wrong("010.0.0.0/8", 1, NULL);
    expect_wrong("127.1", 1, "\"127.1\" is no address or network: address");
    expect_wrong("2130706433", 1, NULL);
    expect_wrong("0x7f000001", 1, NULL);
    expect_wrong(".10.0.0.1", 1, NULL);
    expect_wrong("10.0.0.1.", 1, NULL);
    expect_wrong("a.1", 1, NULL);
    expect_wrong("[::1]", 1, NULL);
    expect_wrong("fe80::1%eth0", 1, NULL);
    expect_wrong("::ffff:10.0.0.1/8", 1, NULL);

    verdict("bad addresses");

    expect_wrong("~(", 1, "\"(\" is no pattern: missing closing parenthesis");
    expect_wrong("~[a", 1, NULL);
    expect_wrong("~a**b", 1, NULL);
    expect_wrong("~*.example", 1, NULL);
    expect_wrong("~\\", 1, NULL);
    expect_wrong("~\\C", 1, NULL);
    expect_wrong("~(*UTF)a", 1, NULL);
    expect_wrong("~a{2,1}", 1, NULL);
    expect_wrong("~((a{1,999}){1,999}){1,999}", 1, NULL);

    verdict("bad patterns");
}


/* Bytes that no text has, each in each kind of line. */

static void
bytes(void)
{
    char      text[32];
    size_t    n;
    unsigned  c;

    for (c = 0; c < 256; c++) {

        if (c == '\n') {
            continue;
        }

        /* within a name of ASCII, and in one of another script */

        n = (size_t) sprintf(text, "a.example\nb_c.example");
        text[11] = (char) c;

        if (c == 0 || strchr(NAME_BYTES "#", (int) c) == NULL) {
            expect_wrong_n(text, n, 2, NULL);
        }

        if (c < ' ' || c == 0x7f) {
            n = (size_t) sprintf(text, "b\xc3\xbc_cher.example");
            text[3] = (char) c;
            expect_wrong_n(text, n, 1, NULL);
        }

        /* behind an address */

        n = (size_t) sprintf(text, "10.0.0.1_");
        text[8] = (char) c;

        if (c == 0 || strchr("0123456789# \t\r", (int) c) == NULL) {
            expect_wrong_n(text, n, 1, NULL);
        }
    }

    expect_wrong_n("a.example\0", 10, 1, "\"a.example?\" is no name: "
                   "host_characters");
    expect_wrong_n("\0", 1, 1, "\"?\" is no name: host_characters");
    expect_wrong_n("a.example\n\0\n", 12, 2, NULL);
    expect_wrong_n("10.0.0.0/8\0", 11, 1, NULL);
    expect_wrong_n("::1\0", 4, 1, NULL);

    verdict("zeroes, controls and all that is no text");

    /* a mark of an encoding is none of the first line's */

    expect_wrong("\xef\xbb\xbf" "a.example", 1, "\"???a.example\" is no name: "
                 "idna_maps_to_ascii");
    expect_wrong("\xef\xbb\xbf# a comment\na.example", 1, NULL);
    expect_wrong("\xef\xbb\xbf" "10.0.0.0/8", 1, NULL);
    expect_wrong("\xef\xbb\xbf~a", 1, NULL);
    expect_wrong("\xef\xbb\xbf\na.example", 1, NULL);
    expect_wrong_n("a\0.\0c\0o\0m\0\n\0", 12, 1, NULL);
    expect_wrong_n("\xff\xfe" "a\0", 4, 1, NULL);

    verdict("marks of encodings, and other encodings");
}


/* A bad line anywhere is told by its number, whatever stands before it. */

static void
numbers(void)
{
    char                text[2000];
    size_t              at, i, n, line, round;
    static const char  *good[] = {
        "", "#", "# (", "a.example", ".b.example # x", "~a(b)?", "10.0.0.0/8",
        "::/0", " \t", "\r", "a.example\r", "1.2.3.4#"
    }, *bad[] = {
        "~(", "a b", "10.0.0.1/8", "http://a.example", ".", "a\x01.example",
        "\xff", "1.2.3", "~[", "::1::"
    };

    for (round = 0; round < 3000; round++) {

        n = unit_below(40);
        line = unit_below(n + 1) + 1;
        at = 0;

        for (i = 1; i <= n + 1; i++) {
            at += (size_t) sprintf(text + at, "%s%s", i == line
                                   ? bad[unit_below(10)]
                                   : good[unit_below(12)],
                                   i <= n || unit_below(2) ? "\n" : "");
        }

        /* a second one is not told of */

        if (unit_below(2)) {
            at += (size_t) sprintf(text + at, "\n%s", bad[unit_below(10)]);
        }

        expect_wrong_n(text, at, line, NULL);
    }

    verdict("lines are counted from one");
}


/* However long a line is, and whatever is in it. */

static void
messages(void)
{
    char               *text;
    size_t              i, n, round, kind;
    kairo_hostlist_t   *list;
    static const char  *begin[] = { "", "~(", "1.2.3.4/", "..", "\xc3", ":" };

    text = malloc(200000 + 8);

    for (round = 0; round < 3000; round++) {

        kind = unit_below(sizeof(begin) / sizeof(begin[0]));
        n = (size_t) sprintf(text, "%s", begin[kind]);

        for (i = round == 0 ? 200000 : unit_below(round % 50 ? 200 : 20000);
             i > 0; i--)
        {
            do {
                text[n] = (char) unit_draw();
            } while (text[n] == '\n');

            n++;
        }

        list = read_n(text, n);

        if (list == NULL) {
            expect_message();
            expect(error.line == 1, "line %u", (unsigned) error.line);
        }

        kairo_hostlist_free(list);
    }

    /* of just the length that is shown, and one more */

    for (n = 38; n <= 43; n++) {
        memset(text, 'a', n);
        text[n - 1] = '*';
        expect_wrong_n(text, n, 1, NULL);
        expect(strcspn(error.wrong + 1, "\"") == (n < 40 ? n : 40),
               "of %u bytes: %s", (unsigned) n, error.wrong);
    }

    free(text);

    verdict("messages end, and can be logged");
}


static int
match(const char *pattern, const char *name)
{
    int                found;
    size_t             n;
    char               why[80];
    unsigned char     *copy;
    kairo_patterns_t   patterns;

    memset(&patterns, 0, sizeof(patterns));

    n = strlen(pattern);
    copy = target_copy(pattern, n);

    if (!expect(kairo_patterns_add(&patterns, (kairo_span_t) { copy, n }, why,
                                   sizeof(why)) == 0, "\"%s\": %s", pattern,
                                   why))
    {
        free(copy);
        kairo_patterns_free(&patterns);
        return -2;
    }

    free(copy);

    n = strlen(name);
    copy = target_copy(name, n);
    found = kairo_patterns_match(&patterns, (kairo_span_t) { copy, n });
    free(copy);

    kairo_patterns_free(&patterns);

    return found;
}


/* The same with JIT and without. */

static void
expect_match(const char *pattern, const char *name, int wanted)
{
    int   is;
    char  slow[1024];

    is = match(pattern, name);
    expect(is == wanted, "\"%s\" and \"%s\": %d, not %d", pattern, name, is,
           wanted);

    snprintf(slow, sizeof(slow), "(*NO_JIT)%s", pattern);

    is = match(slow, name);
    expect(is == wanted, "\"%s\" and \"%s\": %d, not %d", slow, name, is,
           wanted);
}


static void
wholes(void)
{
    char    pattern[512];
    size_t  i, n;

    expect_match("ads", "ads", 1);
    expect_match("ads", "xads", 0);
    expect_match("ads", "adsx", 0);
    expect_match("ads", "a.ads.a", 0);
    expect_match("ads|ad|adsx", "adsx", 1);
    expect_match("a|ab|abc", "abc", 1);
    expect_match("a|b.*", "ax", 0);
    expect_match("^ads$", "ads", 1);
    expect_match("^a", "ab", 0);
    expect_match("b$", "ab", 0);
    expect_match("(?m)^a$", "ab", 0);
    expect_match("a*?", "aaaa", 1);
    expect_match("a(*ACCEPT)b", "ac", 0);
    expect_match(".*\\Kb", "ab", 1);
    expect_match("", "a", 0);
    expect_match("", "", 1);
    expect_match("a|", "b", 0);
    expect_match(".*\\.example", "a.b.example", 1);
    expect_match("[^.]+\\.example", "a.b.example", 0);
    expect_match("(?=a)", "a", 0);

    verdict("a pattern is of the whole name");

    expect_match("ADS[A-F]", "adsc", 1);
    expect_match("ads", "ADS", 1);
    expect_match("(?-i)ADS", "ads", 0);
    expect_match("\\x41", "a", 1);

    verdict("a pattern has no case");

    for (i = 0, n = 0; i < 100; i++) {
        n += (size_t) sprintf(pattern + n, "(a)?");
    }

    expect_match(pattern, "aaaaa", 1);
    expect_match(pattern, "b", 0);
    expect_match("(a)(b)(c)(d)\\1\\4", "abcdad", 1);

    verdict("a pattern has groups");
}


/*
 * A letter or "." or one that is escaped, at the end of "atoms" nothing, with
 * a "?" or a "*" behind it or neither; by trying all.
 */

typedef struct {
    char  c;
    char  times;
} atom_t;


static int
tried(const atom_t *atom, const char *name)
{
    int  one;

    if (atom->c == '\0') {
        return *name == '\0';
    }

    one = (*name && (atom->c == '?' || atom->c == *name));

    switch (atom->times) {

    case '*':
        return tried(atom + 1, name) || (one && tried(atom, name + 1));

    case '?':
        return tried(atom + 1, name) || (one && tried(atom + 1, name + 1));

    default:
        return one && tried(atom + 1, name + 1);
    }
}


static void
same_as_trying(void)
{
    char      pattern[80], name[16];
    atom_t    atom[8];
    size_t    i, n, at, round;
    unsigned  matched;

    matched = 0;

    for (round = 0; round < 20000; round++) {

        memset(atom, 0, sizeof(atom));
        n = unit_below(7);
        at = 0;

        for (i = 0; i < n; i++) {

            atom[i].c = "ab.?"[unit_below(4)];
            atom[i].times = "*? "[unit_below(3)];

            at += (size_t) sprintf(pattern + at, "%.*s%c%.*s",
                                   atom[i].c == '.', "\\",
                                   atom[i].c == '?' ? '.'
                                   : atom[i].c == 'b' && unit_below(2) ? 'B'
                                   : atom[i].c,
                                   atom[i].times != ' ', &atom[i].times);
        }

        pattern[at] = '\0';

        n = unit_below(9);

        for (i = 0; i < n; i++) {
            name[i] = "ab."[unit_below(3)];
        }

        name[n] = '\0';

        matched += (unsigned) tried(atom, name);
        expect_match(pattern, name, tried(atom, name));
    }

    expect(matched > 1000, "only %u match", matched);

    verdict("patterns against trying all there is");
}


/* Each would take years.  The name is the longest there is. */

static void
limits(void)
{
    char                name[KAIRO_NAME_MAX + 1], text[128];
    size_t              i;
    clock_t             begin;
    double              seconds;
    kairo_hostlist_t   *list;
    static const char  *patterns[] = {
        "(a+)+$", "(a+)+[xy]", "(a*)*[xy]", "(a|a)*[xy]", "(a|aa)+[xy]",
        "(a|a?)+[xy]", "(.*a){20}[xy]", "(a+){10}[xy]", "((a*)*)*[xy]",
        "(?:a?){60}a{60}[xy]", "^(([a-z])+.)+[A-Z]([a-z])+$[xy]",
        "(a+?)+?[xy]", "(?=(a+)+[xy])a", "(a+)+\\1[xy]",
        "(*LIMIT_MATCH=4000000000)(a+)+[xy]",
        "(*LIMIT_DEPTH=4000000000)(a+)+[xy]",
        "(*LIMIT_HEAP=4000000000)(a+)+[xy]"
    };

    memset(name, 'a', KAIRO_NAME_MAX);
    name[KAIRO_NAME_MAX - 1] = 'z';
    name[KAIRO_NAME_MAX] = '\0';

    begin = clock();

    for (i = 0; i < sizeof(patterns) / sizeof(patterns[0]); i++) {

        expect(match(patterns[i], name) == -1, "\"%s\" has come to an end",
               patterns[i]);

        snprintf(text, sizeof(text), "(*NO_JIT)%s", patterns[i]);
        expect(match(text, name) == -1, "\"%s\" has come to an end", text);

        expect(match(patterns[i], "b") == 0, "\"%s\" of a short one",
               patterns[i]);
    }

    /* calls within calls, that take memory and no tries */

    expect(match("(a(?1)?z)", name) <= 0, "a call within itself");
    expect(match("(*NO_JIT)(a(?1)?z)", name) <= 0, "without JIT");
    expect(match("((?:a|(?1)b)*)[xy]", name) <= 0, "another one");

    seconds = (double) (clock() - begin) / CLOCKS_PER_SEC;
    expect(seconds < 5, "%.1f s", seconds);

    verdict("a pattern that would not end gives up");

    /* one that matches tells all the same, before it and behind it */

    for (i = 0; i < 3; i++) {

        snprintf(text, sizeof(text), "%s~(a+)+[xy]\n%s%s",
                 i == 0 ? "~a+z\n" : "", i == 1 ? "~a+z\n" : "",
                 i == 2 ? "~b\n" : "");

        list = read_list(text);

        if (expect(list != NULL, "%s", error.wrong)) {
            expect(has_name(list, name) == (i == 2 ? -1 : 1), "%u",
                   (unsigned) i);
            expect(has_name(list, "b") == (i == 2), "%u: b", (unsigned) i);
            kairo_hostlist_free(list);
        }
    }

    verdict("a pattern that tells, beside one that can't");
}


static void
thousand(void)
{
    int                 found;
    char               *text, name[32];
    size_t              i, n;
    kairo_hostlist_t   *list;

    text = malloc(64 * 1100);

    for (i = 0, n = 0; i < KAIRO_HOSTLIST_PATTERNS; i++) {
        n += (size_t) sprintf(text + n, "~p%u\\.[a-z]+\nn%u.example\n",
                              (unsigned) i, (unsigned) i);
    }

    list = read_n(text, n);

    if (expect(list != NULL, "line %u: %s", (unsigned) error.line,
               error.wrong))
    {
        for (i = 0; i <= KAIRO_HOSTLIST_PATTERNS; i++) {
            sprintf(name, "p%u.example", (unsigned) i);
            found = has_name(list, name);
            expect(found == (i < KAIRO_HOSTLIST_PATTERNS), "%s: %d", name,
                   found);
        }

        expect(kairo_hostlist_count(list) == 2 * KAIRO_HOSTLIST_PATTERNS,
               "%u lines", (unsigned) kairo_hostlist_count(list));
        kairo_hostlist_free(list);
    }

    (void) sprintf(text + n, "# and\nlast.example\n~a\\.b\n");
    expect_wrong(text, 2 * KAIRO_HOSTLIST_PATTERNS + 3,
                 "\"a\\.b\" is one pattern too many: at most 1000");

    free(text);

    verdict("a thousand patterns, and no more");
}


/* Of many lengths, so that what holds them grows at each of them. */

static const char *
a_name(char *name, size_t i)
{
    sprintf(name, "n%u%.*s.example", (unsigned) i, (int) (i % 40),
            "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx");
    return name;
}


static void
many(void)
{
    int                 found;
    char               *text, name[64];
    size_t              i, j, n;
    clock_t             begin;
    double              seconds;
    kairo_hostlist_t   *list;

    text = malloc(80 * NAMES);
    begin = clock();

    for (i = 0, n = 0; i < NAMES; i++) {

        n += (size_t) sprintf(text + n, "%s%s%s\n", i % 2 ? "." : "",
                              a_name(name, i), i % 3 ? "" : ".");
    }

    /* and each second address of a network, in no order */

    for (i = 0; i < 5000; i++) {
        j = i * 2477 % 5000;
        n += (size_t) sprintf(text + n, "10.0.%u.%u\n", (unsigned) j >> 7,
                              (unsigned) (j << 1 & 0xff));
    }

    list = read_n(text, n);
    free(text);

    if (!expect(list != NULL, "line %u: %s", (unsigned) error.line,
                error.wrong))
    {
        verdict("%u names", NAMES);
        return;
    }

    expect(kairo_hostlist_count(list) == NAMES + 5000, "%u lines",
           (unsigned) kairo_hostlist_count(list));

    for (i = 0; i < NAMES; i++) {

        (void) a_name(name, i);
        expect(has_name(list, name) == 1, "%s", name);

        memmove(name + 2, name, strlen(name) + 1);
        memcpy(name, "w.", 2);

        found = has_name(list, name);
        expect(found == (int) (i % 2), "%s: %d", name, found);

        name[1] = 'w';
        expect(has_name(list, name) == 0, "%s", name);
    }

    for (i = 0; i < 10000; i++) {
        sprintf(name, "10.0.%u.%u", (unsigned) i >> 8, (unsigned) i & 0xff);
        expect(has_address(list, name) == (i % 2 == 0), "%s", name);
    }

    kairo_hostlist_free(list);

    seconds = (double) (clock() - begin) / CLOCKS_PER_SEC;
    expect(seconds < 20, "%.1f s", seconds);

    verdict("%u names", NAMES);
}


int
main(void)
{
    unit_begin(423);

    lines();
    ends();
    nothing();
    spelling();
    wrong();
    bytes();
    numbers();
    messages();
    wholes();
    same_as_trying();
    limits();
    thousand();
    many();

    return unit_done();
}
