
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "cmd/kairo_events.h"
#include "cmd/kairo_spools.h"
#include "cmd/kairo_time.h"


#define KAIRO_EVENTS_LIMIT  100
#define KAIRO_EVENTS_MOST   100000000


typedef enum {
    KAIRO_EVENTS_FROM = 0,
    KAIRO_EVENTS_DATABASE,
    KAIRO_EVENTS_USER,
    KAIRO_EVENTS_TOOL,
    KAIRO_EVENTS_KIND,
    KAIRO_EVENTS_SINCE,
    KAIRO_EVENTS_UNTIL,
    KAIRO_EVENTS_ADMIN,
    KAIRO_EVENTS_NO_ADMIN,
    KAIRO_EVENTS_OUTCOME,
    KAIRO_EVENTS_LIMITED,
    KAIRO_EVENTS_FORMAT,
    KAIRO_EVENTS_FOLLOW
} kairo_events_option_e;


static int kairo_events_run(int argc, char **argv);
static int kairo_events_options(kairo_events_ask_t *ask);
static int kairo_events_times(kairo_events_ask_t *ask);
static int kairo_events_words(kairo_events_ask_t *ask);
static int kairo_events_word(const char *value, const char *const *words);
static int kairo_events_limited(kairo_events_ask_t *ask);
static int kairo_events_wrong(const char *what);
static int kairo_events_signals(void);
static void kairo_events_told(int signal);


static kairo_option_t  kairo_events_option[] = {
    { "from", 0, NULL },
    { "database", 0, NULL },
    { "user", 0, NULL },
    { "tool", 0, NULL },
    { "kind", 0, NULL },
    { "since", 0, NULL },
    { "until", 0, NULL },
    { "admin", 1, NULL },
    { "no-admin", 1, NULL },
    { "outcome", 0, NULL },
    { "limit", 0, NULL },
    { "format", 0, NULL },
    { "follow", 1, NULL },
    { NULL, 0, NULL }
};


const kairo_verb_t  kairo_verb_events = {
    "events",
    "--from DIRECTORY | --database CONNINFO|file:PATH|env:NAME\n"
    "            [--user [ISSUER:]SUBJECT] [--tool KEY] [--kind KIND]\n"
    "            [--since T] [--until T] [--admin | --no-admin]\n"
    "            [--outcome ok|failed|refused|gap|open] [--limit N]\n"
    "            [--format table|json|csv] [--follow]",
    "shows what was recorded, the newest last; T: 2026-01-31T12:00:00Z, or\n"
    "        2h, 3d ago; --limit: 100 unless set, 0 for all",
    kairo_events_option, NULL, NULL, kairo_events_run
};


static volatile sig_atomic_t  kairo_events_end;


static int
kairo_events_run(int argc, char **argv)
{
    kairo_events_ask_t  ask;

    memset(&ask, 0, sizeof(ask));

    if (argc) {
        return kairo_events_wrong("takes options and no values");
    }

    if (kairo_events_options(&ask) != 0) {
        return 2;
    }

    if (ask.follow && kairo_events_signals() != 0) {
        return 2;
    }

    return ask.from ? kairo_events_spool(&ask) : kairo_events_database(&ask);
}


static int
kairo_events_options(kairo_events_ask_t *ask)
{
    const kairo_option_t  *o;

    o = kairo_events_option;

    ask->from = o[KAIRO_EVENTS_FROM].value;
    ask->database = o[KAIRO_EVENTS_DATABASE].value;
    ask->user = o[KAIRO_EVENTS_USER].value;
    ask->tool = o[KAIRO_EVENTS_TOOL].value;
    ask->kind = o[KAIRO_EVENTS_KIND].value;
    ask->follow = o[KAIRO_EVENTS_FOLLOW].value != NULL;
    ask->admin = o[KAIRO_EVENTS_ADMIN].value ? 1
                 : o[KAIRO_EVENTS_NO_ADMIN].value ? 0 : -1;

    if ((ask->from == NULL) == (ask->database == NULL)) {
        return kairo_events_wrong("wants one of --from, the directory of "
                                  "kairo_spool, and --database, who logs in "
                                  "to Postgres as a member of kairo_auditor");
    }

    if (o[KAIRO_EVENTS_ADMIN].value && o[KAIRO_EVENTS_NO_ADMIN].value) {
        return kairo_events_wrong("takes one of --admin and --no-admin");
    }

    if (ask->user && *ask->user == '\0') {
        return kairo_events_wrong("wants a --user that is a subject, or an "
                                  "issuer, a colon and a subject");
    }

    if (ask->follow && o[KAIRO_EVENTS_UNTIL].value) {
        return kairo_events_wrong("goes on with --follow, and takes no "
                                  "--until then");
    }

    return kairo_events_times(ask) != 0 || kairo_events_words(ask) != 0
           || kairo_events_limited(ask) != 0 ? 2 : 0;
}


static int
kairo_events_times(kairo_events_ask_t *ask)
{
    uint64_t     now;
    const char  *since, *until;

    now = kairo_spools_now();
    since = kairo_events_option[KAIRO_EVENTS_SINCE].value;
    until = kairo_events_option[KAIRO_EVENTS_UNTIL].value;

    ask->since = 0;
    ask->until = UINT64_MAX;

    if ((since && kairo_time_read(since, now, &ask->since) != 0)
        || (until && kairo_time_read(until, now, &ask->until) != 0))
    {
        return kairo_events_wrong("wants a time as 2026-01-31T12:00:00Z, "
                                  "2026-01-31, or 30s, 15m, 2h, 3d, 4w ago");
    }

    if (ask->since >= ask->until) {
        return kairo_events_wrong("wants a --since that is before --until");
    }

    return 0;
}


static int
kairo_events_words(kairo_events_ask_t *ask)
{
    int  format;

    static const char *const  outcomes[] = {
        "ok", "failed", "refused", "gap", "open", NULL
    };

    static const char *const  formats[] = { "table", "json", "csv", NULL };

    ask->outcome = kairo_events_option[KAIRO_EVENTS_OUTCOME].value;

    if (ask->outcome && kairo_events_word(ask->outcome, outcomes) == -1) {
        return kairo_events_wrong("wants an --outcome that is ok, failed, "
                                  "refused, gap or open");
    }

    ask->format = KAIRO_EVENTS_TABLE;

    if (kairo_events_option[KAIRO_EVENTS_FORMAT].value) {

        format = kairo_events_word(
                     kairo_events_option[KAIRO_EVENTS_FORMAT].value, formats);

        if (format == -1) {
            return kairo_events_wrong("wants a --format that is table, json "
                                      "or csv");
        }

        ask->format = (kairo_events_format_e) format;
    }

    return 0;
}


static int
kairo_events_word(const char *value, const char *const *words)
{
    int  i;

    for (i = 0; words[i]; i++) {
        if (strcmp(value, words[i]) == 0) {
            return i;
        }
    }

    return -1;
}


static int
kairo_events_limited(kairo_events_ask_t *ask)
{
    char        *end;
    long         n;
    const char  *value;

    value = kairo_events_option[KAIRO_EVENTS_LIMITED].value;
    ask->limit = KAIRO_EVENTS_LIMIT;

    if (value == NULL) {
        return 0;
    }

    n = kairo_is_digit((unsigned char) *value) ? strtol(value, &end, 10) : -1;

    if (n < 0 || *end || n > KAIRO_EVENTS_MOST) {
        return kairo_events_wrong("wants a --limit that is a number, at most "
                                  "100000000, or 0 for all");
    }

    ask->limit = (size_t) n;

    return 0;
}


static int
kairo_events_wrong(const char *what)
{
    fprintf(stderr, "kairo: \"events\" %s\n", what);

    return 2;
}


static int
kairo_events_signals(void)
{
    struct sigaction  action;

    memset(&action, 0, sizeof(action));

    action.sa_handler = kairo_events_told;

    if (sigaction(SIGINT, &action, NULL) != 0
        || sigaction(SIGTERM, &action, NULL) != 0)
    {
        return -1;
    }

    /* that nobody reads any more is told by write() */

    action.sa_handler = SIG_IGN;

    return sigaction(SIGPIPE, &action, NULL);
}


static void
kairo_events_told(int signal)
{
    kairo_events_end = 1;
}


int
kairo_events_pause(int ms)
{
    int            rc;
    struct pollfd  out;

    out.fd = STDOUT_FILENO;
    out.events = 0;
    out.revents = 0;

    if (kairo_events_end) {
        return 1;
    }

    rc = poll(&out, 1, ms);

    return kairo_events_end || (rc == 1 && out.revents);
}
