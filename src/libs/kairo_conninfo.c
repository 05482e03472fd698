
#include <arpa/inet.h>
#include <libpq-fe.h>
#include <stdlib.h>
#include <strings.h>

#include "libs/kairo_conninfo.h"


/* A file that is not there: the library looks for it in a home directory. */

#define KAIRO_CONNINFO_NOWHERE  "/nonexistent/kairo"


typedef struct {
    const char   *keyword;
    const char   *value;     /* when the string has none; or NULL */
} kairo_conninfo_word_t;


static const char *kairo_conninfo_take(kairo_conninfo_t *info,
    const PQconninfoOption *option);
static const char *kairo_conninfo_server(kairo_conninfo_t *info,
    const PQconninfoOption *options);
static const char *kairo_conninfo_tls(kairo_conninfo_t *info,
    const PQconninfoOption *options);
static void kairo_conninfo_complete(kairo_conninfo_t *info,
    const PQconninfoOption *options);
static void kairo_conninfo_add(kairo_conninfo_t *info, const char *keyword,
    const char *value);
static const char *kairo_conninfo_value(const PQconninfoOption *options,
    const char *keyword);
static int kairo_conninfo_local(const kairo_conninfo_t *info,
    const char *addr);


/* What a string may have.  "host", "hostaddr" and "port" are added apart. */

static const kairo_conninfo_word_t  kairo_conninfo_words[] = {
    { "user", NULL },
    { "dbname", NULL },
    { "password", NULL },
    { "passfile", KAIRO_CONNINFO_NOWHERE },
    { "options", NULL },
    { "application_name", "kairo" },
    { "client_encoding", "UTF8" },
    { "gssencmode", "disable" },
    { "channel_binding", NULL },
    { "require_auth", NULL },
    { "keepalives", NULL },
    { "keepalives_idle", "30" },
    { "keepalives_interval", "10" },
    { "keepalives_count", "3" },
    { "tcp_user_timeout", NULL },
    { "sslmode", "disable" },
    { "sslrootcert", KAIRO_CONNINFO_NOWHERE },
    { "sslcert", KAIRO_CONNINFO_NOWHERE },
    { "sslkey", KAIRO_CONNINFO_NOWHERE },
    { "sslpassword", NULL },
    { "sslcrl", KAIRO_CONNINFO_NOWHERE },
    { "sslsni", NULL },
    { "sslnegotiation", NULL },
    { "ssl_min_protocol_version", NULL },
    { "ssl_max_protocol_version", NULL },
    { NULL, NULL }
};


const char *
kairo_conninfo_read(kairo_conninfo_t *info, const char *text)
{
    const char        *wrong;
    PQconninfoOption  *options, *option;

    memset(info, 0, sizeof(kairo_conninfo_t));

    /* its own words about an error quote the text, with the password in it */

    options = PQconninfoParse(text, NULL);

    if (options == NULL) {
        return "it is no connection string, expected \"host=... dbname=... "
               "user=...\" or \"postgresql://user@host/dbname\"";
    }

    info->own = options;
    wrong = NULL;

    for (option = options; option->keyword && wrong == NULL; option++) {
        if (option->val && option->val[0]) {
            wrong = kairo_conninfo_take(info, option);
        }
    }

    if (wrong == NULL) {
        wrong = kairo_conninfo_server(info, options);
    }

    if (wrong == NULL) {
        wrong = kairo_conninfo_tls(info, options);
    }

    if (wrong) {
        kairo_conninfo_free(info);
        return wrong;
    }

    kairo_conninfo_complete(info, options);

    return NULL;
}


void
kairo_conninfo_free(kairo_conninfo_t *info)
{
    PQconninfoFree(info->own);
    info->own = NULL;
}


static const char *
kairo_conninfo_take(kairo_conninfo_t *info, const PQconninfoOption *option)
{
    const kairo_conninfo_word_t  *word;

    if (strcmp(option->keyword, "host") == 0
        || strcmp(option->keyword, "hostaddr") == 0
        || strcmp(option->keyword, "port") == 0)
    {
        return strchr(option->val, ',')
               ? "it names several servers, expected one: a proxy or a name "
                 "can stand for several" : NULL;
    }

    if (strcmp(option->keyword, "connect_timeout") == 0) {
        return "it has \"connect_timeout\", which is a parameter of the "
               "directive";
    }

    if (strcmp(option->keyword, "service") == 0
        || strcmp(option->keyword, "passfile") == 0)
    {
        return "it refers to another file, expected all of it in one place: "
               "\"file:PATH\"";
    }

    if (strcmp(option->keyword, "client_encoding") == 0
        || strcmp(option->keyword, "gssencmode") == 0)
    {
        return "it has \"client_encoding\" or \"gssencmode\", which kairo "
               "sets";
    }

    if (strcmp(option->keyword, "password") == 0
        || strcmp(option->keyword, "sslpassword") == 0)
    {
        info->secret = 1;
    }

    for (word = kairo_conninfo_words; word->keyword; word++) {
        if (strcmp(option->keyword, word->keyword) == 0) {
            return NULL;
        }
    }

    return "it has a keyword that kairo has no use for, expected host, "
           "hostaddr, port, dbname, user, password, options, "
           "application_name, and those of TLS and keepalives";
}


static const char *
kairo_conninfo_server(kairo_conninfo_t *info, const PQconninfoOption *options)
{
    long            port;
    char           *end;
    const char     *host, *addr;
    unsigned char   ip[16];

    host = kairo_conninfo_value(options, "host");
    addr = kairo_conninfo_value(options, "hostaddr");
    info->port = kairo_conninfo_value(options, "port");

    if (host == NULL && addr == NULL) {
        return "it has no \"host\": a name, an address, or the folder of a "
               "socket as in \"host=/run/postgresql\"";
    }

    if (kairo_conninfo_value(options, "user") == NULL
        || kairo_conninfo_value(options, "dbname") == NULL)
    {
        return "it has no \"user\" or no \"dbname\", as in \"user=kairo_edge "
               "dbname=app\"";
    }

    if (info->port == NULL) {
        info->port = "5432";
    }

    port = strtol(info->port, &end, 10);

    if (*end || port < 1 || port > 65535) {
        return "its \"port\" is no number from 1 to 65535";
    }

    info->host = host ? host : addr;
    info->kind = KAIRO_CONNINFO_NAME;

    if (addr) {
        info->kind = KAIRO_CONNINFO_ADDRESS;

        if (inet_pton(AF_INET, addr, ip) != 1
            && inet_pton(AF_INET6, addr, ip) != 1)
        {
            return "its \"hostaddr\" is no address";
        }

    } else if (host[0] == '/' || host[0] == '@') {
        info->kind = KAIRO_CONNINFO_SOCKET;

    } else if (inet_pton(AF_INET, host, ip) == 1
               || inet_pton(AF_INET6, host, ip) == 1)
    {
        info->kind = KAIRO_CONNINFO_ADDRESS;
    }

    return NULL;
}


/*
 * A mode that the other side can talk the client out of is none.  What does
 * not leave the machine needs no TLS; elsewhere somebody has to decide.
 */

static const char *
kairo_conninfo_tls(kairo_conninfo_t *info, const PQconninfoOption *options)
{
    const char  *mode, *root, *addr;

    mode = kairo_conninfo_value(options, "sslmode");
    root = kairo_conninfo_value(options, "sslrootcert");
    addr = kairo_conninfo_value(options, "hostaddr");

    if (info->kind == KAIRO_CONNINFO_SOCKET) {
        return NULL;
    }

    if (mode == NULL) {
        return kairo_conninfo_local(info, addr) ? NULL
               : "its server is another machine and it has no \"sslmode\", "
                 "expected \"sslmode=verify-full sslrootcert=FILE\", or "
                 "\"sslmode=disable\" where nobody can listen";
    }

    if (strcmp(mode, "disable") == 0) {
        return NULL;
    }

    info->root = root;

    if (strcmp(mode, "allow") == 0 || strcmp(mode, "prefer") == 0) {
        return "its \"sslmode\" is one that who is in between can switch off, "
               "expected verify-full, verify-ca, require or disable";
    }

    if (strcmp(mode, "require") != 0 && strcmp(mode, "verify-ca") != 0
        && strcmp(mode, "verify-full") != 0)
    {
        return "its \"sslmode\" is none, expected verify-full, verify-ca, "
               "require or disable";
    }

    if (mode[0] == 'v' && root == NULL) {
        return "its \"sslmode\" verifies and it has no \"sslrootcert\", as in "
               "\"sslrootcert=/etc/ssl/certs/ca-certificates.crt\"";
    }

    return NULL;
}


static void
kairo_conninfo_complete(kairo_conninfo_t *info,
    const PQconninfoOption *options)
{
    const char                   *value;
    const kairo_conninfo_word_t  *word;

    kairo_conninfo_add(info, "host", info->host);
    kairo_conninfo_add(info, "port", info->port);

    value = kairo_conninfo_value(options, "hostaddr");

    if (info->kind == KAIRO_CONNINFO_ADDRESS) {
        kairo_conninfo_add(info, "hostaddr", value ? value : info->host);
    }

    for (word = kairo_conninfo_words; word->keyword; word++) {

        value = kairo_conninfo_value(options, word->keyword);

        if (value == NULL) {
            value = word->value;
        }

        if (value) {
            kairo_conninfo_add(info, word->keyword, value);
        }
    }
}


/* There are fewer words than places, two of them for "hostaddr" and NULL. */

static void
kairo_conninfo_add(kairo_conninfo_t *info, const char *keyword,
    const char *value)
{
    info->keywords[info->n] = keyword;
    info->values[info->n] = value;
    info->n++;
}


static const char *
kairo_conninfo_value(const PQconninfoOption *options, const char *keyword)
{
    for ( /* void */ ; options->keyword; options++) {
        if (strcmp(options->keyword, keyword) == 0) {
            return options->val && options->val[0] ? options->val : NULL;
        }
    }

    return NULL;
}


static int
kairo_conninfo_local(const kairo_conninfo_t *info, const char *addr)
{
    if (info->kind == KAIRO_CONNINFO_NAME) {
        return strcasecmp(info->host, "localhost") == 0;
    }

    addr = addr ? addr : info->host;

    return strcmp(addr, "::1") == 0 || strncmp(addr, "127.", 4) == 0;
}
