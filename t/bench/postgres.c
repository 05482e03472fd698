
/*
 * What asks Postgres, and what asks nginx that asks Postgres: closed loops of
 * a depth, one run each.  Figures are "name value" on one line.
 *
 *     postgres pipeline FILE KIND DEPTH MS
 *     postgres turns FILE FILE DEPTH SLICES
 *     postgres http PORT PATH SECRET DEPTH MS [NAME=PID[,PID]...]...
 *     postgres token SECRET
 *     postgres far PORT PORT US
 *
 * FILE holds a connection string.  KIND: "one" is "select 1"; "unnamed" is the
 * question of kairo_tier as kairo asks it, each with a Sync of its own;
 * "prepared" the same by a prepared statement; "gathered" as unnamed, but what
 * is asked at a time leaves with one send(), as libpq does it from version 17
 * on.  "turns" asks two databases by turns.  "http" also tells the CPU time
 * that processes took for a request, and how often one was given a processor.
 * "far" listens on the first port and passes all on to the second, and back,
 * US microseconds later, as a network does; until who has started it ends.
 */


#define _GNU_SOURCE

#include <errno.h>
#include <fcntl.h>
#include <libpq-fe.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>


#define BENCH_USERS    4096        /* who ask; a power of two */
#define BENCH_STEP     1237        /* from one to the next */
#define BENCH_DEPTH    64
#define BENCH_SAMPLES  (1 << 20)
#define BENCH_TEXT     1024
#define BENCH_GROUPS   4
#define BENCH_PIDS     16
#define BENCH_WARM     60          /* ms before what is measured */
#define BENCH_SLICE    20          /* ms of a turn */
#define BENCH_SLICES   1000
#define BENCH_WAYS     32          /* of a network: two a connection */
#define BENCH_CHUNKS   256         /* that are on one of them */
#define BENCH_CHUNK    4096


typedef struct {
    PGconn      *pg;
    const char  *kind;
    unsigned     depth;
    unsigned     first, n;         /* on their way */
    double       asked[BENCH_DEPTH];
} pipe_t;


typedef struct {
    int          fd;
    size_t       got;
    double       asked;
    char         text[BENCH_TEXT];
} client_t;


typedef struct {
    const char  *name;
    int          pids[BENCH_PIDS], n;
    double       cpu, wakes;
} group_t;


typedef struct {
    double       due;
    size_t       n;
    char         data[BENCH_CHUNK];
} chunk_t;


typedef struct {
    int          from, to;
    unsigned     first, n;
    chunk_t      chunks[BENCH_CHUNKS];
} way_t;


static const char  question[] = "select user_id, plan, blocked "
                                "from kairo.identify($1, $2)";

static float     samples[BENCH_SAMPLES];
static unsigned  nsamples;
static unsigned  answered;         /* also before that is measured */
static double    measured;         /* ns: since when; 0: not yet */

static unsigned  next_user;
static char      request[BENCH_USERS][BENCH_TEXT];
static size_t    request_size[BENCH_USERS];

static unsigned long  sends, recvs;
static int            gather = -1;     /* the socket, while it is collected */
static char           gathered[1 << 18];
static size_t         ngathered;


static void
must(int good, const char *what)
{
    if (!good) {
        fprintf(stderr, "postgres: %s\n", what);
        exit(1);
    }
}


static double
now(clockid_t id)
{
    struct timespec  ts;

    (void) clock_gettime(id, &ts);

    return (double) ts.tv_sec * 1e9 + (double) ts.tv_nsec;
}


static unsigned
user(void)
{
    next_user = (next_user + BENCH_STEP) & (BENCH_USERS - 1);

    return next_user;
}


/* libpq's: counted, and collected where that is asked for. */

ssize_t
send(int fd, const void *p, size_t n, int flags)
{
    if (fd == gather) {
        must(ngathered + n <= sizeof(gathered), "too much at a time");
        memcpy(gathered + ngathered, p, n);
        ngathered += n;
        return (ssize_t) n;
    }

    sends++;

    return syscall(SYS_sendto, fd, p, n, flags, NULL, 0);
}


ssize_t
recv(int fd, void *p, size_t n, int flags)
{
    recvs++;

    return syscall(SYS_recvfrom, fd, p, n, flags, NULL, NULL);
}


static void
leave(void)
{
    if (ngathered) {
        sends++;
        must(syscall(SYS_sendto, gather, gathered, ngathered, MSG_NOSIGNAL,
                     NULL, 0) == (long) ngathered, "the socket is full");
        ngathered = 0;
    }
}


/* ns on a processor, exact where the process sleeps; and how often it was. */

static double
cpu(int pid, double *wakes)
{
    char    name[64];
    FILE   *in;
    double  ns, waited, n;

    (void) snprintf(name, sizeof(name), "/proc/%d/schedstat", pid);
    in = fopen(name, "r");
    must(in != NULL && fscanf(in, "%lf %lf %lf", &ns, &waited, &n) == 3, name);
    fclose(in);

    if (wakes) {
        *wakes = n;
    }

    return ns;
}


static void
sample(double asked, double at)
{
    if (measured != 0 && asked >= measured && nsamples < BENCH_SAMPLES) {
        samples[nsamples++] = (float) (at - asked);
    }
}


static int
compare(const void *a, const void *b)
{
    float  x = *(const float *) a, y = *(const float *) b;

    return x < y ? -1 : x > y;
}


static void
latencies(void)
{
    must(nsamples != 0, "nothing was answered");

    qsort(samples, nsamples, sizeof(float), compare);

    printf(" p50 %.1f p99 %.1f", samples[nsamples / 2] / 1e3,
           samples[nsamples - 1 - nsamples / 100] / 1e3);
}


static void
slurp(const char *name, char *text, size_t size)
{
    FILE  *in;

    in = fopen(name, "r");
    must(in != NULL, name);
    text[fread(text, 1, size - 1, in)] = '\0';
    fclose(in);
}


static void
connected(pipe_t *p, const char *file)
{
    char       text[BENCH_TEXT];
    PGresult  *result;

    slurp(file, text, sizeof(text));
    p->pg = PQconnectdb(text);
    must(PQstatus(p->pg) == CONNECTION_OK, PQerrorMessage(p->pg));

    if (strcmp(p->kind, "prepared") == 0) {
        result = PQprepare(p->pg, "identify", question, 0, NULL);
        must(PQresultStatus(result) == PGRES_COMMAND_OK, "not prepared");
        PQclear(result);
    }

    must(PQsetnonblocking(p->pg, 1) == 0 && PQenterPipelineMode(p->pg) == 1,
         "no pipeline");
}


static void
ask(pipe_t *p)
{
    int          rc;
    char         subject[32];
    const char  *params[2];

    (void) snprintf(subject, sizeof(subject), "auth0|%08u", user());
    params[0] = "bench";
    params[1] = subject;

    if (strcmp(p->kind, "one") == 0) {
        rc = PQsendQueryParams(p->pg, "select 1", 0, NULL, NULL, NULL, NULL,
                               0);
    } else if (strcmp(p->kind, "prepared") == 0) {
        rc = PQsendQueryPrepared(p->pg, "identify", 2, params, NULL, NULL, 0);

    } else {
        rc = PQsendQueryParams(p->pg, question, 2, NULL, params, NULL, NULL,
                               0);
    }

    must(rc == 1 && PQpipelineSync(p->pg) == 1, PQerrorMessage(p->pg));

    p->asked[(p->first + p->n++) % BENCH_DEPTH] = now(CLOCK_MONOTONIC);
}


static unsigned
answers(pipe_t *p)
{
    double     at;
    unsigned   n;
    PGresult  *result;

    n = 0;
    at = now(CLOCK_MONOTONIC);
    must(PQconsumeInput(p->pg) == 1, PQerrorMessage(p->pg));

    while (p->n && !PQisBusy(p->pg)) {

        result = PQgetResult(p->pg);

        switch (PQresultStatus(result)) {

        case PGRES_PIPELINE_SYNC:
            sample(p->asked[p->first], at);
            p->first = (p->first + 1) % BENCH_DEPTH;
            p->n--;
            n++;
            break;

        case PGRES_TUPLES_OK:
            must(PQntuples(result) == 1, "no row");
            break;

        default:
            must(result == NULL, PQresultErrorMessage(result));
        }

        PQclear(result);
    }

    return n;
}


/* Until then, and to the last answer; how many there were. */

static unsigned
asking(pipe_t *p, double until)
{
    unsigned       n;
    struct pollfd  fd;

    n = 0;
    fd.fd = PQsocket(p->pg);
    gather = strcmp(p->kind, "gathered") == 0 ? fd.fd : -1;

    for ( ;; ) {

        if (now(CLOCK_MONOTONIC) < until) {
            while (p->n < p->depth) {
                ask(p);
            }

        } else if (p->n == 0) {
            return n;
        }

        fd.events = POLLIN;

        if (PQflush(p->pg)) {
            fd.events |= POLLOUT;
        }

        leave();
        must(poll(&fd, 1, 10000) == 1, "no answer");

        if (fd.revents != POLLOUT) {
            n += answers(p);
        }
    }
}


static void
pipeline(char **argv)
{
    double    start, self, server, took;
    unsigned  n;
    pipe_t    p;

    memset(&p, 0, sizeof(pipe_t));
    p.kind = argv[1];
    p.depth = (unsigned) atoi(argv[2]);
    must(p.depth >= 1 && p.depth <= BENCH_DEPTH, "DEPTH");

    connected(&p, argv[0]);
    (void) asking(&p, now(CLOCK_MONOTONIC) + BENCH_WARM * 1e6);

    sends = recvs = 0;
    server = cpu(PQbackendPID(p.pg), NULL);
    self = now(CLOCK_PROCESS_CPUTIME_ID);
    start = measured = now(CLOCK_MONOTONIC);

    n = asking(&p, start + atof(argv[3]) * 1e6);

    took = now(CLOCK_MONOTONIC) - start;
    self = now(CLOCK_PROCESS_CPUTIME_ID) - self;
    server = cpu(PQbackendPID(p.pg), NULL) - server;

    printf("rate %.1f asks %.2f server %.2f sends %.3f recvs %.3f",
           n / took * 1e9, self / n / 1e3, server / n / 1e3,
           (double) sends / n, (double) recvs / n);
    latencies();
    putchar('\n');

    PQfinish(p.pg);
}


/* A B B A, so that a machine that slows down does not favour one of them. */

static void
turns(char **argv)
{
    int       i, k, slices;
    double    start, server;
    float     us[2][2][BENCH_SLICES];
    unsigned  n;
    pipe_t    p[2];

    const char  *name;

    slices = atoi(argv[3]);
    must(slices >= 1 && slices <= BENCH_SLICES, "SLICES");
    memset(p, 0, sizeof(p));

    for (i = 0; i < 2; i++) {
        p[i].kind = "unnamed";
        p[i].depth = (unsigned) atoi(argv[2]);
        must(p[i].depth >= 1 && p[i].depth <= BENCH_DEPTH, "DEPTH");
        connected(&p[i], argv[i]);
        (void) asking(&p[i], now(CLOCK_MONOTONIC) + BENCH_WARM * 1e6);
    }

    for (i = 0; i < 2 * slices; i++) {
        k = ((i + 1) >> 1) & 1;

        server = cpu(PQbackendPID(p[k].pg), NULL);
        start = now(CLOCK_MONOTONIC);

        n = asking(&p[k], start + BENCH_SLICE * 1e6);

        us[k][0][i / 2] = (float) ((now(CLOCK_MONOTONIC) - start) / n / 1e3);
        server = cpu(PQbackendPID(p[k].pg), NULL) - server;
        us[k][1][i / 2] = (float) (server / n / 1e3);
    }

    for (k = 0; k < 2; k++) {

        for (i = 0; i < slices; i++) {
            samples[i] = us[0][k][i] / us[1][k][i];
        }

        qsort(samples, (size_t) slices, sizeof(float), compare);
        name = k ? "cpu" : "time";
        printf("%s %.4f %s_low %.4f %s_high %.4f ", name, samples[slices / 2],
               name, samples[slices / 4], name, samples[slices * 3 / 4]);
    }

    /* the best quarter of each */

    for (k = 0; k < 2; k++) {
        for (i = 0; i < 2; i++) {
            qsort(us[k][i], (size_t) slices, sizeof(float), compare);
            printf("%s_%s %.2f ", k ? "second" : "first", i ? "cpu" : "time",
                   us[k][i][slices / 4]);
        }
    }

    putchar('\n');
}


static size_t
encode(char *out, const unsigned char *p, size_t n)
{
    size_t  i, len;

    len = (size_t) EVP_EncodeBlock((unsigned char *) out, p, (int) n);

    while (len && out[len - 1] == '=') {
        len--;
    }

    for (i = 0; i < len; i++) {
        out[i] = out[i] == '+' ? '-' : out[i] == '/' ? '_' : out[i];
    }

    return len;
}


/* A token for each user, in the request that it makes. */

static void
requests(const char *path, const char *file)
{
    int             n;
    char            secret[BENCH_TEXT], json[256], token[BENCH_TEXT / 2];
    size_t          len;
    unsigned        i, size;
    unsigned char   hash[EVP_MAX_MD_SIZE];

    static const char  header[] = "{\"alg\":\"HS256\",\"typ\":\"JWT\"}";

    slurp(file, secret, sizeof(secret));

    for (i = 0; i < BENCH_USERS; i++) {

        n = snprintf(json, sizeof(json),
                     "{\"iss\":\"https://bench.example/\",\"aud\":\"bench\","
                     "\"sub\":\"auth0|%08u\",\"iat\":1700000000,"
                     "\"exp\":4000000000}", i);

        len = encode(token, (const unsigned char *) header,
                     sizeof(header) - 1);
        token[len++] = '.';
        len += encode(token + len, (unsigned char *) json, (size_t) n);

        must(HMAC(EVP_sha256(), secret, (int) strlen(secret),
                  (unsigned char *) token, len, hash, &size) != NULL, "HMAC");

        token[len++] = '.';
        len += encode(token + len, hash, size);

        n = snprintf(request[i], BENCH_TEXT, "GET %s HTTP/1.1\r\n"
                     "Host: localhost\r\nAuthorization: Bearer %.*s\r\n\r\n",
                     path, (int) len, token);
        must(n < BENCH_TEXT, "PATH");
        request_size[i] = (size_t) n;
    }
}


static int
at_once(int fd)
{
    int  one;

    one = 1;
    must(fd != -1
         && setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)) == 0
         && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) == 0,
         "no socket");
    return fd;
}


/* By connect() or bind(). */

static int
local(const char *port, int (*attach)(int, const struct sockaddr *, socklen_t))
{
    int                 fd;
    struct sockaddr_in  addr;

    memset(&addr, 0, sizeof(addr));
    addr.sin_family = AF_INET;
    addr.sin_port = htons((unsigned short) atoi(port));
    addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);

    fd = at_once(socket(AF_INET, SOCK_STREAM, 0));
    must(attach(fd, (struct sockaddr *) &addr, sizeof(addr)) == 0, port);

    return fd;
}


static void
connect_client(client_t *c, const char *port, int epoll)
{
    struct epoll_event  event;

    c->fd = local(port, connect);

    event.events = EPOLLIN;
    event.data.ptr = c;
    must(epoll_ctl(epoll, EPOLL_CTL_ADD, c->fd, &event) == 0, "epoll");
}


static void
ask_http(client_t *c)
{
    unsigned  i;

    i = user();
    c->got = 0;
    c->asked = now(CLOCK_MONOTONIC);

    must(send(c->fd, request[i], request_size[i], MSG_NOSIGNAL)
         == (ssize_t) request_size[i], "nginx takes no request");
}


/* Whether all of an answer is there. */

static int
answer(client_t *c)
{
    char     *body, *length;
    ssize_t   n;

    n = recv(c->fd, c->text + c->got, BENCH_TEXT - 1 - c->got, MSG_DONTWAIT);

    if (n == -1 && errno == EAGAIN) {
        return 0;
    }

    must(n > 0, "nginx has closed the connection");

    c->got += (size_t) n;
    c->text[c->got] = '\0';

    body = strstr(c->text, "\r\n\r\n");
    length = strstr(c->text, "Content-Length: ");

    if (body == NULL || length == NULL
        || c->got < (size_t) (body - c->text) + 4
                    + strtoul(length + 16, NULL, 10))
    {
        return 0;
    }

    must(strncmp(c->text, "HTTP/1.1 200 ", 13) == 0, c->text);
    answered++;
    sample(c->asked, now(CLOCK_MONOTONIC));

    return 1;
}


static int
groups(char **argv, int n, group_t *group)
{
    int    i;
    char  *p;

    must(n <= BENCH_GROUPS, "NAME=PID");
    memset(group, 0, sizeof(group_t) * BENCH_GROUPS);

    for (i = 0; i < n; i++) {
        group[i].name = argv[i];
        p = strchr(argv[i], '=');
        must(p != NULL, "NAME=PID");

        while (*p) {
            *p++ = '\0';
            must(group[i].n < BENCH_PIDS, "too many PIDs");
            group[i].pids[group[i].n++] = (int) strtol(p, &p, 10);
        }
    }

    return n;
}


static void
spent(group_t *group, int n, int sign)
{
    int     i, k;
    double  wakes;

    for (i = 0; i < n; i++) {
        for (k = 0; k < group[i].n; k++) {
            group[i].cpu += sign * cpu(group[i].pids[k], &wakes);
            group[i].wakes += sign * wakes;
        }
    }
}


static void
http(char **argv, int argc)
{
    int                  i, k, n, epoll, depth;
    double               at, start, end, self;
    group_t              group[BENCH_GROUPS];
    struct epoll_event   events[BENCH_DEPTH];

    static client_t  clients[BENCH_DEPTH];

    depth = atoi(argv[3]);
    must(depth >= 1 && depth <= BENCH_DEPTH, "DEPTH");
    n = groups(argv + 5, argc - 5, group);

    requests(argv[1], argv[2]);
    epoll = epoll_create1(0);

    for (i = 0; i < depth; i++) {
        connect_client(&clients[i], argv[0], epoll);
        ask_http(&clients[i]);
    }

    self = 0;
    start = now(CLOCK_MONOTONIC) + BENCH_WARM * 1e6;
    end = start + atof(argv[4]) * 1e6;

    for ( ;; ) {

        at = now(CLOCK_MONOTONIC);

        if (at >= end) {
            break;
        }

        if (measured == 0 && at >= start) {
            spent(group, n, -1);
            self = now(CLOCK_PROCESS_CPUTIME_ID);
            measured = now(CLOCK_MONOTONIC);
        }

        k = epoll_wait(epoll, events, BENCH_DEPTH, 10000);
        must(k > 0, "no answer");

        for (i = 0; i < k; i++) {
            if (answer(events[i].data.ptr)) {
                ask_http(events[i].data.ptr);
            }
        }
    }

    at -= measured;
    self = now(CLOCK_PROCESS_CPUTIME_ID) - self;
    spent(group, n, 1);

    printf("all %u rate %.1f client %.2f", answered, nsamples / at * 1e9,
           self / nsamples / 1e3);

    for (i = 0; i < n; i++) {
        printf(" %s %.2f %s_wakes %.3f", group[i].name,
               group[i].cpu / nsamples / 1e3, group[i].name,
               group[i].wakes / nsamples);
    }

    latencies();
    putchar('\n');
}


static unsigned
add_ways(way_t *way, unsigned n, int fd, const char *port)
{
    must(n + 2 <= BENCH_WAYS, "too many connections");

    way[n].from = way[n + 1].to = at_once(fd);
    way[n].to = way[n + 1].from = local(port, connect);
    way[n].n = way[n + 1].n = 0;

    return n + 2;
}


/* 0: it has ended. */

static int
take(way_t *way, double delay)
{
    ssize_t   n;
    chunk_t  *chunk;

    chunk = &way->chunks[(way->first + way->n) % BENCH_CHUNKS];
    n = recv(way->from, chunk->data, BENCH_CHUNK, 0);

    if (n <= 0) {
        return 0;
    }

    chunk->n = (size_t) n;
    chunk->due = now(CLOCK_MONOTONIC) + delay;
    way->n++;

    return 1;
}


/* When the next is due, or "next" where that is sooner. */

static double
deliver(way_t *way, double next)
{
    chunk_t  *chunk;

    while (way->n) {
        chunk = &way->chunks[way->first];

        if (chunk->due > now(CLOCK_MONOTONIC)) {
            return chunk->due < next ? chunk->due : next;
        }

        (void) send(way->to, chunk->data, chunk->n, MSG_NOSIGNAL);
        way->first = (way->first + 1) % BENCH_CHUNKS;
        way->n--;
    }

    return next;
}


static void
far(char **argv)
{
    int              listens;
    double           next, delay, left;
    unsigned         i, n;
    struct pollfd    fds[BENCH_WAYS + 1];
    struct timespec  ts;

    static way_t  ways[BENCH_WAYS];

    (void) prctl(PR_SET_PDEATHSIG, SIGKILL);
    (void) prctl(PR_SET_TIMERSLACK, 1);

    listens = local(argv[0], bind);
    must(listen(listens, 16) == 0, argv[0]);
    delay = atof(argv[2]) * 1e3;
    n = 0;

    for ( ;; ) {

        next = now(CLOCK_MONOTONIC) + 1e9;
        fds[n].fd = listens;
        fds[n].events = POLLIN;

        for (i = 0; i < n; i++) {
            next = deliver(&ways[i], next);
            fds[i].fd = ways[i].n < BENCH_CHUNKS ? ways[i].from : -1;
            fds[i].events = POLLIN;
        }

        left = next - now(CLOCK_MONOTONIC);
        ts.tv_sec = 0;
        ts.tv_nsec = left < 0 ? 0 : left > 999999999 ? 999999999 : (long) left;

        if (ppoll(fds, n + 1, &ts, NULL) <= 0) {
            continue;
        }

        if (fds[n].revents) {
            n = add_ways(ways, n, accept(listens, NULL, NULL), argv[1]);
            continue;
        }

        for (i = 0; i < n; i++) {

            if (fds[i].fd == -1 || fds[i].revents == 0
                || take(&ways[i], delay))
            {
                continue;
            }

            /* both directions; the last two take their place */

            i &= ~1u;
            close(ways[i].from);
            close(ways[i].to);
            n -= 2;
            memmove(&ways[i], &ways[n], 2 * sizeof(way_t));
            break;
        }
    }
}


int
main(int argc, char **argv)
{
    alarm(argc > 1 && strcmp(argv[1], "far") == 0 ? 300 : 60);
    next_user = (unsigned) getpid() & (BENCH_USERS - 1);

    if (argc == 6 && strcmp(argv[1], "pipeline") == 0) {
        pipeline(argv + 2);

    } else if (argc == 6 && strcmp(argv[1], "turns") == 0) {
        turns(argv + 2);

    } else if (argc >= 7 && strcmp(argv[1], "http") == 0) {
        http(argv + 2, argc - 2);

    } else if (argc == 3 && strcmp(argv[1], "token") == 0) {
        requests("/", argv[2]);
        printf("%.*s\n", (int) strcspn(strstr(request[0], "Bearer ") + 7,
                                       "\r"),
               strstr(request[0], "Bearer ") + 7);

    } else if (argc == 5 && strcmp(argv[1], "far") == 0) {
        far(argv + 2);

    } else {
        must(0, "what?");
    }

    return 0;
}
