
/*
 * Connection strings: what is taken, what it becomes, and that a word about
 * what is wrong shows nothing of it.
 */


#include "unit.h"

#include "libs/kairo_conninfo.h"


static const char *
value(const kairo_conninfo_t *info, const char *keyword)
{
    size_t  i;

    for (i = 0; i < info->n; i++) {
        if (strcmp(info->keywords[i], keyword) == 0) {
            return info->values[i];
        }
    }

    return "";
}


static void
taken(const char *text, kairo_conninfo_kind_e kind, const char *host,
    const char *addr, const char *mode)
{
    const char        *wrong;
    kairo_conninfo_t   info;

    wrong = kairo_conninfo_read(&info, text);

    if (wrong) {
        ok(0, "\"%s\" is taken, and not: %s", text, wrong);
        return;
    }

    ok(info.kind == kind && strcmp(info.host, host) == 0
       && strcmp(value(&info, "host"), host) == 0
       && strcmp(value(&info, "hostaddr"), addr) == 0
       && strcmp(value(&info, "sslmode"), mode) == 0,
       "\"%s\" leads to %s", text, host);

    ok(strcmp(value(&info, "gssencmode"), "disable") == 0
       && strcmp(value(&info, "client_encoding"), "UTF8") == 0
       && strcmp(value(&info, "application_name"), "kairo") == 0
       && strncmp(value(&info, "passfile"), "/nonexistent/", 13) == 0
       && *value(&info, "service") == '\0',
       "and nothing is left to the library");

    ok(info.n + 2 <= KAIRO_CONNINFO_MAX, "with room for an address");

    kairo_conninfo_free(&info);
}


static void
refused(const char *text, const char *part)
{
    const char        *wrong;
    kairo_conninfo_t   info;

    wrong = kairo_conninfo_read(&info, text);

    ok(wrong && strstr(wrong, part), "\"%s\" is refused: %s", text, part);
    ok(wrong && strstr(wrong, "sesame") == NULL, "and its secret not told");

    if (wrong == NULL) {
        kairo_conninfo_free(&info);
    }
}


int
main(void)
{
    const char        *wrong;
    kairo_conninfo_t   info;

    unit_begin(7);

    taken("host=/run/pg dbname=a user=u", KAIRO_CONNINFO_SOCKET, "/run/pg", "",
          "disable");
    taken("host=@kairo dbname=a user=u", KAIRO_CONNINFO_SOCKET, "@kairo", "",
          "disable");
    taken("host=127.0.0.1 dbname=a user=u", KAIRO_CONNINFO_ADDRESS,
          "127.0.0.1", "127.0.0.1", "disable");
    taken("hostaddr=::1 dbname=a user=u", KAIRO_CONNINFO_ADDRESS, "::1",
          "::1", "disable");
    taken("host=localhost dbname=a user=u", KAIRO_CONNINFO_NAME, "localhost",
          "", "disable");
    taken("host=db.example hostaddr=10.0.0.1 dbname=a user=u "
          "sslmode=require", KAIRO_CONNINFO_ADDRESS, "db.example", "10.0.0.1",
          "require");
    taken("postgresql://u:sesame@db.example:5433/a?sslmode=verify-full"
          "&sslrootcert=/ca", KAIRO_CONNINFO_NAME, "db.example", "",
          "verify-full");
    taken("host=db.example dbname=a user=u sslmode=disable",
          KAIRO_CONNINFO_NAME, "db.example", "", "disable");

    refused("password=sesame host", "is no connection string");
    refused("host=/a password='sesame", "is no connection string");
    refused("dbname=a user=u password=sesame", "no \"host\"");
    refused("host=/a dbname=a password=sesame", "no \"user\"");
    refused("host=/a user=u password=sesame", "no \"user\" or no \"dbname\"");
    refused("host=a,b dbname=a user=u", "several servers");
    refused("host=/a port=1,2 dbname=a user=u", "several servers");
    refused("host=/a port=0 dbname=a user=u", "\"port\"");
    refused("host=/a port=65536 dbname=a user=u", "\"port\"");
    refused("host=/a port=12x dbname=a user=u", "\"port\"");
    refused("hostaddr=db dbname=a user=u", "\"hostaddr\" is no address");
    refused("host=10.0.0.1 dbname=a user=u password=sesame",
            "no \"sslmode\"");
    refused("host=127.evil.example dbname=a user=u", "no \"sslmode\"");
    refused("host=localhost hostaddr=10.0.0.1 dbname=a user=u",
            "no \"sslmode\"");
    refused("host=db dbname=a user=u sslmode=prefer", "switch off");
    refused("host=db dbname=a user=u sslmode=allow", "switch off");
    refused("host=127.0.0.1 dbname=a user=u sslmode=prefer", "switch off");
    refused("host=db dbname=a user=u sslmode=verify-full",
            "no \"sslrootcert\"");
    refused("host=/a dbname=a user=u connect_timeout=3", "connect_timeout");
    refused("host=/a dbname=a user=u passfile=/b", "another file");
    refused("host=/a dbname=a user=u service=b", "");
    refused("host=/a dbname=a user=u client_encoding=LATIN1", "kairo sets");
    refused("host=/a dbname=a user=u gssencmode=prefer", "kairo sets");
    refused("host=/a dbname=a user=u replication=true", "no use for");
    refused("host=/a dbname=a user=u target_session_attrs=any", "no use for");

    wrong = kairo_conninfo_read(&info, "host=/a dbname=a user=u");
    ok(wrong == NULL && !info.secret && strcmp(info.port, "5432") == 0,
       "without a password, at the usual port");
    kairo_conninfo_free(&info);

    wrong = kairo_conninfo_read(&info, "host=/a dbname=a user=u "
                                       "password=sesame");
    ok(wrong == NULL && info.secret, "with a password");
    kairo_conninfo_free(&info);

    return unit_done();
}
