
/*
 * What a verified token says of a person, and what it must not be able to
 * say: two roles in one, a field in a name, an address that nobody verified.
 */


#include "unit.h"

#include "libs/kairo_facts.h"


static const kairo_facts_map_t  map = {
    "sub", "roles", "tier", "email", "email_verified", "may"
};


static int
same(kairo_span_t s, const char *text)
{
    return s.n == strlen(text) && (s.n == 0 || memcmp(s.p, text, s.n) == 0);
}


/* "subject|email|roles|tier", or NULL where there is no subject. */

static void
expect_facts(const kairo_facts_map_t *m, const char *claims,
    const char *subject, const char *email, const char *roles,
    const char *tier)
{
    int             rc;
    json_t         *json;
    kairo_facts_t   f;
    unsigned char  *buf;

    json = json_loads(claims, JSON_DECODE_ANY, NULL);
    buf = malloc(KAIRO_FACTS_SIZE);

    if (json == NULL || buf == NULL) {
        expect(0, "not JSON: %s", claims);
        return;
    }

    rc = kairo_facts(&f, buf, m, json);

    if (subject == NULL) {
        expect(rc == -1, "a subject in %s", claims);

    } else {
        expect(rc == 0 && same(f.subject, subject), "subject in %s", claims);
        expect(same(f.email, email), "email in %s", claims);
        expect(same(f.roles, roles), "roles in %s: \"%.*s\"", claims,
               (int) f.roles.n, (const char *) f.roles.p);
        expect(same(f.tier, tier), "tier in %s", claims);
    }

    free(buf);
    json_decref(json);
}


static void
subjects(void)
{
    char  claims[400], subject[300];

    expect_facts(&map, "{\"sub\":\"ann\"}", "ann", "", "", "");
    expect_facts(&map, "{\"sub\":\"auth0|5 \\u00e4\"}", "auth0|5 \xc3\xa4",
                 "", "", "");
    expect_facts(&map, "{}", NULL, "", "", "");
    expect_facts(&map, "{\"sub\":\"\"}", NULL, "", "", "");
    expect_facts(&map, "{\"sub\":7}", NULL, "", "", "");
    expect_facts(&map, "{\"sub\":null}", NULL, "", "", "");
    expect_facts(&map, "{\"sub\":[\"ann\"]}", NULL, "", "", "");
    expect_facts(&map, "{\"sub\":\"a\\r\\nX-Admin: 1\"}", NULL, "", "", "");
    expect_facts(&map, "{\"sub\":\"a\\tb\"}", NULL, "", "", "");
    expect_facts(&map, "{\"sub\":\"a\\u007f\"}", NULL, "", "", "");

    memset(subject, 's', sizeof(subject));
    subject[255] = '\0';
    (void) snprintf(claims, sizeof(claims), "{\"sub\":\"%s\"}", subject);
    expect_facts(&map, claims, subject, "", "", "");

    subject[255] = 's';
    subject[256] = '\0';
    (void) snprintf(claims, sizeof(claims), "{\"sub\":\"%s\"}", subject);
    expect_facts(&map, claims, NULL, "", "", "");

    verdict("a subject is a text of 1 to 255 bytes that a field can hold");
}


static void
emails(void)
{
    kairo_facts_map_t  always = map;

    always.verified = NULL;

    expect_facts(&map, "{\"sub\":\"a\",\"email\":\"A@b.c\","
                 "\"email_verified\":true}", "a", "a@b.c", "", "");
    expect_facts(&map, "{\"sub\":\"a\",\"email\":\"a@b.c\","
                 "\"email_verified\":false}", "a", "", "", "");
    expect_facts(&map, "{\"sub\":\"a\",\"email\":\"a@b.c\","
                 "\"email_verified\":\"true\"}", "a", "", "", "");
    expect_facts(&map, "{\"sub\":\"a\",\"email\":\"a@b.c\","
                 "\"email_verified\":1}", "a", "", "", "");
    expect_facts(&map, "{\"sub\":\"a\",\"email\":\"a@b.c\"}", "a", "", "", "");
    expect_facts(&map, "{\"sub\":\"a\",\"email\":\"a@b@c\","
                 "\"email_verified\":true}", "a", "", "", "");
    expect_facts(&map, "{\"sub\":\"a\",\"email\":[\"a@b.c\"],"
                 "\"email_verified\":true}", "a", "", "", "");
    expect_facts(&always, "{\"sub\":\"a\",\"email\":\"a@b.c\"}", "a", "a@b.c",
                 "", "");

    verdict("an address counts where it is verified");
}


static void
roles(void)
{
    expect_facts(&map, "{\"sub\":\"a\",\"roles\":[\"editor\",\"admin\"]}", "a",
                 "", "editor,admin", "");
    expect_facts(&map, "{\"sub\":\"a\",\"roles\":\"read  write \"}", "a", "",
                 "read,write", "");
    expect_facts(&map, "{\"sub\":\"a\",\"roles\":\"admin\"}", "a", "",
                 "admin", "");
    expect_facts(&map, "{\"sub\":\"a\",\"roles\":[\"x,admin\",\"y\"]}", "a",
                 "", "y", "");
    expect_facts(&map, "{\"sub\":\"a\",\"roles\":\"x,admin y\"}", "a", "",
                 "y", "");
    expect_facts(&map, "{\"sub\":\"a\",\"roles\":[\"a b\",\"\",3,null,"
                 "[\"admin\"],{\"admin\":1},\"\\u00e4\",\"c\\n\"]}", "a", "",
                 "", "");
    expect_facts(&map, "{\"sub\":\"a\",\"roles\":{\"admin\":true}}", "a", "",
                 "", "");
    expect_facts(&map, "{\"sub\":\"a\",\"roles\":true}", "a", "", "", "");

    verdict("roles, none of which is two");
}


static void
expect_permissions(const kairo_facts_map_t *m, const char *claims,
    const char *permissions)
{
    json_t         *json;
    kairo_facts_t   f;
    unsigned char  *buf;

    json = json_loads(claims, 0, NULL);
    buf = malloc(KAIRO_FACTS_SIZE);

    expect(kairo_facts(&f, buf, m, json) == 0
           && same(f.permissions, permissions) && same(f.roles, "r")
           && same(f.tier, "t"), "permissions in %s", claims);

    free(buf);
    json_decref(json);
}


static void
permissions(void)
{
    kairo_facts_map_t  none = map;

    none.permissions = NULL;

    expect_permissions(&map, "{\"sub\":\"a\",\"roles\":\"r\",\"tier\":\"t\","
                       "\"may\":[\"orders:read\",\"x,y\",\"orders:*\"]}",
                       "orders:read,orders:*");
    expect_permissions(&map, "{\"sub\":\"a\",\"roles\":\"r\",\"tier\":\"t\","
                       "\"may\":\"read write\"}", "read,write");
    expect_permissions(&map, "{\"sub\":\"a\",\"roles\":\"r\",\"tier\":\"t\"}",
                       "");
    expect_permissions(&none, "{\"sub\":\"a\",\"roles\":\"r\",\"tier\":\"t\","
                       "\"may\":[\"orders:read\"]}", "");

    verdict("permissions, where the issuer may give them");
}


static void
expect_has(const char *list, const char *word, int has)
{
    kairo_span_t  l, w;

    l.n = strlen(list);
    l.p = memcpy(malloc(l.n + 1), list, l.n);
    w.n = strlen(word);
    w.p = (const unsigned char *) word;

    expect(kairo_facts_has(l, w) == has, "\"%s\" in \"%s\"", word, list);

    free((void *) l.p);
}


static void
lists(void)
{
    kairo_span_t  none = { NULL, 0 }, word = kairo_span("a");

    expect_has("a", "a", 1);
    expect_has("a,b,c", "a", 1);
    expect_has("a,b,c", "b", 1);
    expect_has("a,b,c", "c", 1);
    expect_has("ab,cd", "a", 0);
    expect_has("ab,cd", "b", 0);
    expect_has("ab,cd", "abc", 0);
    expect_has("ab,cd", "b,c", 0);
    expect_has("ab", "ab,", 0);
    expect_has("a,,b", "", 0);
    expect_has("A", "a", 0);
    expect_has("", "a", 0);

    expect(!kairo_facts_has(none, word), "a word in nothing");

    verdict("a word is one of a list, whole");
}


static void
many(void)
{
    int             i;
    json_t         *claims, *list;
    kairo_facts_t   f;
    unsigned char  *buf;
    char            role[80];

    claims = json_object();
    list = json_array();
    json_object_set_new(claims, "sub", json_string("a"));
    json_object_set_new(claims, "roles", list);

    memset(role, 'r', sizeof(role));

    role[65] = '\0';
    json_array_append_new(list, json_string(role));

    role[64] = '\0';

    for (i = 0; i < 100; i++) {
        json_array_append_new(list, json_string(role));
    }

    buf = malloc(KAIRO_FACTS_SIZE);

    ok(kairo_facts(&f, buf, &map, claims) == 0
       && f.roles.n == 31 * 65 - 1, "2048 bytes of roles at most, each of 64");

    free(buf);
    json_decref(claims);
}


static void
places(void)
{
    static const kairo_facts_map_t  deep = {
        "sub", "/realm_access/roles", "https://a.example/tier", NULL, NULL,
        NULL
    };
    static const kairo_facts_map_t  escaped = {
        "/a~1b/~0", NULL, NULL, NULL, NULL, NULL
    };

    expect_facts(&deep, "{\"sub\":\"a\",\"realm_access\":{\"roles\":[\"x\"]},"
                 "\"https://a.example/tier\":\"pro\"}", "a", "", "x", "pro");
    expect_facts(&deep, "{\"sub\":\"a\",\"realm_access\":[\"x\"]}", "a", "",
                 "", "");
    expect_facts(&deep, "{\"sub\":\"a\",\"/realm_access/roles\":[\"x\"]}",
                 "a", "", "", "");
    expect_facts(&map, "{\"sub\":\"a\",\"tier\":\"pro plus\"}", "a", "", "",
                 "");
    expect_facts(&escaped, "{\"a/b\":{\"~\":\"deep\"}}", "deep", "", "", "");

    verdict("claims by name and by pointer");
}


int
main(void)
{
    unit_begin(0);

    subjects();
    emails();
    roles();
    permissions();
    lists();
    many();
    places();

    return unit_done();
}
