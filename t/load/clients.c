
/*
 * Clients that run tools, for tests, and write down what became of each run.
 *
 *     clients PORT TOKENS FILE CONNECTIONS TOOL...
 *
 * TOKENS has a line for each user: a name, a space, a token.  A run asks for
 * /tools/TOOL/run, or /tools/TOOL/slow where the client is going to leave: at
 * once when it has asked, or when its answer begins.  FILE gets a line for
 * each run that has ended:
 *
 *     NUMBER USER TOOL ASKED ENDED OUTCOME ID
 *
 * with times in ms since 1970, the ID of the answer or "-", and as OUTCOME
 * "ok", an answer of 200 that was complete; "full", the refusal because the
 * spool is; "left", the client has; "broken", the connection ended before the
 * answer did; "silent", no answer at the end; or the status of any other.
 *
 * Lines of standard input, each answered by a line of counts:
 *
 *     rate N      runs a second; 0: none; -1: as many as can be
 *     leave N     of so many runs one is left; 0: none
 *     count       no more than the counts
 *     stop        no new runs, and its end when all have been answered
 */


#define _GNU_SOURCE

#include <sys/epoll.h>

#include "load.h"


#define CLIENTS_MOST     512
#define CLIENTS_USERS    256
#define CLIENTS_TOKEN   1024
#define CLIENTS_PATIENCE  15000    /* ms at the end */


typedef enum {
    STAYS = 0,
    LEAVES_AT_ONCE,
    LEAVES_IN_ANSWER
} manner_e;


typedef struct {
    char     name[64];
    char     token[CLIENTS_TOKEN];
} user_t;


typedef struct {
    int          fd;               /* -1: none */
    int          busy;
    manner_e     manner;
    unsigned     user;
    const char  *tool;
    uint64_t     number;
    int64_t      asked;
    size_t       got;
    char         text[LOAD_HEAD];
} client_t;


static client_t     clients[CLIENTS_MOST];
static user_t       users[CLIENTS_USERS];
static unsigned     nclients, nusers, ntools, busy;
static char       **tools;
static const char  *port;
static FILE        *list;
static int          epoll;

static int64_t      rate, since;   /* since when it is that rate */
static uint64_t     number, begun; /* of all, and since then */
static uint64_t     leave, leaves;

static uint64_t     ok, full, broken, left[3], odd;


static void
counts(void)
{
    printf("sent %llu ok %llu full %llu broken %llu left_at_once %llu "
           "left_in_answer %llu odd %llu\n",
           (unsigned long long) number, (unsigned long long) ok,
           (unsigned long long) full, (unsigned long long) broken,
           (unsigned long long) left[LEAVES_AT_ONCE],
           (unsigned long long) left[LEAVES_IN_ANSWER],
           (unsigned long long) odd);
    fflush(stdout);
}


static void
disconnect(client_t *c)
{
    if (c->fd != -1) {
        close(c->fd);
        c->fd = -1;
    }
}


/* "head" is what came of the answer, and may hold the id. */

static void
ended(client_t *c, const char *outcome, const char *head)
{
    size_t       n;
    const char  *id;

    n = 1;
    id = head ? field(head, "\nX-Kairo-Event-Id:", &n) : NULL;

    fprintf(list, "%llu %s %s %lld %lld %s %.*s\n",
            (unsigned long long) c->number, users[c->user].name, c->tool,
            (long long) c->asked, (long long) now(), outcome,
            id ? (int) n : 1, id ? id : "-");

    c->busy = 0;
    busy--;
}


static void
lost(client_t *c)
{
    broken++;
    ended(c, "broken", NULL);
    disconnect(c);
}


/* 0: it can't for now. */

static int
connected(client_t *c)
{
    struct epoll_event  event;
    struct sockaddr_in  addr;

    if (c->fd != -1) {
        return 1;
    }

    addr = address(port);
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    must(c->fd != -1, "socket");

    if (connect(c->fd, (struct sockaddr *) &addr, sizeof(addr)) != 0) {
        disconnect(c);
        return 0;
    }

    (void) at_once(c->fd);
    event.events = EPOLLIN;
    event.data.ptr = c;
    must(epoll_ctl(epoll, EPOLL_CTL_ADD, c->fd, &event) == 0, "epoll");

    return 1;
}


static int
ask(client_t *c)
{
    int   n;
    char  text[CLIENTS_TOKEN + 512];

    if (!connected(c)) {
        return 0;
    }

    c->number = ++number;
    c->user = (unsigned) (number * 7919 % nusers);
    c->tool = tools[number / nusers % ntools];
    c->manner = STAYS;

    if (leave && number % leave == 0) {
        c->manner = leaves++ % 2 ? LEAVES_IN_ANSWER : LEAVES_AT_ONCE;
    }

    n = snprintf(text, sizeof(text), "GET /tools/%s/%s HTTP/1.1\r\n"
                 "Host: localhost\r\nAuthorization: Bearer %s\r\n"
                 "X-Number: %llu\r\n\r\n", c->tool,
                 c->manner == STAYS ? "run" : "slow", users[c->user].token,
                 (unsigned long long) c->number);
    must(n < (int) sizeof(text), "TOKENS");

    c->busy = 1;
    c->got = 0;
    c->asked = now();
    begun++;
    busy++;

    if (send(c->fd, text, (size_t) n, 0) != n) {
        lost(c);

    } else if (c->manner == LEAVES_AT_ONCE) {
        left[LEAVES_AT_ONCE]++;
        ended(c, "left", NULL);
        disconnect(c);
    }

    return 1;
}


/* A complete answer, whose body is "body". */

static void
answered(client_t *c, const char *body)
{
    char  outcome[4];

    memcpy(outcome, c->text + sizeof("HTTP/1.1 ") - 1, 3);
    outcome[3] = '\0';

    if (strcmp(outcome, "200") == 0) {
        ok++;
        ended(c, "ok", c->text);

    } else if (strcmp(outcome, "503") == 0
               && strstr(body, "\"code\":\"spool_full\""))
    {
        full++;
        ended(c, "full", c->text);

    } else {
        odd++;
        ended(c, outcome, c->text);
    }

    if (strcasestr(c->text, "\nConnection: close")) {
        disconnect(c);
    }
}


static void
receive(client_t *c)
{
    char        *body;
    size_t       n;
    ssize_t      got;
    const char  *length;

    got = recv(c->fd, c->text + c->got, LOAD_HEAD - 1 - c->got, MSG_DONTWAIT);

    if (got <= 0) {
        if (got == -1 && errno == EAGAIN) {
            return;
        }

        if (c->busy) {
            lost(c);

        } else {
            disconnect(c);
        }
        return;
    }

    must(c->busy, "an answer to nothing");
    c->got += (size_t) got;
    c->text[c->got] = '\0';

    if (c->manner == LEAVES_IN_ANSWER) {
        left[LEAVES_IN_ANSWER]++;
        ended(c, "left", c->text);
        disconnect(c);
        return;
    }

    body = strstr(c->text, "\r\n\r\n");

    if (body) {
        length = field(c->text, "\nContent-Length:", &n);
        must(length != NULL, "an answer without a length");

        if (c->text + c->got >= body + 4 + strtoul(length, NULL, 10)) {
            answered(c, body + 4);
            return;
        }
    }

    must(c->got < LOAD_HEAD - 1, "an answer that is too long");
}


/* As many as may be asked; ms until there may be more. */

static int
run(void)
{
    unsigned         i;
    int64_t          may;
    static unsigned  turn;

    if (rate == 0) {
        return -1;
    }

    may = rate < 0 ? (int64_t) nclients
                   : (now() - since) * rate / 1000 - (int64_t) begun;

    for (i = 0; i < nclients && may > 0 && busy < nclients; i++) {
        turn = (turn + 1) % nclients;

        if (!clients[turn].busy) {
            if (!ask(&clients[turn])) {
                return 10;
            }
            may--;
        }
    }

    return busy == nclients ? -1 : 1;
}


static void
stop(void)
{
    int                 n;
    int64_t             end;
    unsigned            i;
    struct epoll_event  event;

    end = now() + CLIENTS_PATIENCE;

    while (busy && now() < end) {
        n = epoll_wait(epoll, &event, 1, 100);
        if (n == 1 && event.data.ptr) {
            receive(event.data.ptr);
        }
    }

    for (i = 0; i < nclients; i++) {
        if (clients[i].busy) {
            odd++;
            ended(&clients[i], "silent", NULL);
        }
    }

    must(fclose(list) == 0, "FILE");
    counts();
    exit(0);
}


static void
obey(void)
{
    long long  n;
    char       line[128];

    if (fgets(line, sizeof(line), stdin) == NULL) {
        exit(1);
    }

    n = strchr(line, ' ') ? atoll(strchr(line, ' ')) : 0;

    if (strncmp(line, "rate ", 5) == 0) {
        rate = n;
        since = now();
        begun = 0;

    } else if (strncmp(line, "leave ", 6) == 0) {
        leave = (uint64_t) n;

    } else if (strcmp(line, "stop\n") == 0) {
        stop();
    }

    counts();
}


static void
read_users(const char *name)
{
    FILE  *in;

    in = fopen(name, "r");
    must(in != NULL, name);

    while (nusers < CLIENTS_USERS
           && fscanf(in, "%63s %1023s", users[nusers].name,
                     users[nusers].token) == 2)
    {
        nusers++;
    }

    must(nusers != 0, name);
    fclose(in);
}


int
main(int argc, char **argv)
{
    int                 i, n;
    struct epoll_event  events[CLIENTS_MOST];

    must(argc >= 6, "clients PORT TOKENS FILE CONNECTIONS TOOL...");
    bounded();

    port = argv[1];
    read_users(argv[2]);
    list = fopen(argv[3], "w");
    must(list != NULL, argv[3]);
    nclients = (unsigned) atoi(argv[4]);
    must(nclients >= 1 && nclients <= CLIENTS_MOST, "CONNECTIONS");
    tools = argv + 5;
    ntools = (unsigned) argc - 5;

    for (i = 0; i < (int) nclients; i++) {
        clients[i].fd = -1;
    }

    /* a command at a time, since stdio reads ahead */

    setvbuf(stdin, NULL, _IONBF, 0);
    epoll = epoll_create1(EPOLL_CLOEXEC);
    events[0].events = EPOLLIN;
    events[0].data.ptr = NULL;
    must(epoll_ctl(epoll, EPOLL_CTL_ADD, STDIN_FILENO, &events[0]) == 0,
         "epoll");

    for ( ;; ) {
        n = epoll_wait(epoll, events, CLIENTS_MOST, run());

        for (i = 0; i < n; i++) {
            if (events[i].data.ptr) {
                receive(events[i].data.ptr);

            } else {
                obey();
            }
        }
    }
}
