
/*
 * An application that runs tools, for tests: it writes down each run before it
 * answers.
 *
 *     app PORT FILE MS
 *
 * FILE is added to, a line for each request: X-Kairo-Event-Id and X-Number,
 * "-" for what is not there.  FILE "-": nothing is written.  A path with
 * "slow" is answered MS later by a head and a half of the body, and by the
 * rest after as long again.
 */


#define _GNU_SOURCE

#include <fcntl.h>
#include <sys/epoll.h>

#include "load.h"


#define APP_CONNECTIONS  4096      /* descriptors */
#define APP_EVENTS         64


typedef struct {
    int      open;
    int      part;                 /* of a slow answer that is next; 0: none */
    int64_t  due;
    size_t   got;
    char     head[LOAD_HEAD];
} conn_t;


static conn_t    conns[APP_CONNECTIONS];
static int       last;             /* the highest descriptor of a connection */
static unsigned  slow;             /* that wait for their time */
static int       epoll;
static int       list = -1;
static int64_t   delay;

static const char  fast[] = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"
                            "Content-Length: 6\r\n\r\nhello\n";
static const char  first[] = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"
                             "X-Accel-Buffering: no\r\n"
                             "Content-Length: 12\r\n\r\nhello\n";
static const char  rest[] = "again\n";


static void
leave(int fd)
{
    slow -= conns[fd].part != 0;
    conns[fd].open = 0;
    close(fd);
}


/* Who does not take a few bytes has left. */

static void
say(int fd, const char *text, size_t n)
{
    if (send(fd, text, n, MSG_DONTWAIT) != (ssize_t) n) {
        leave(fd);
    }
}


static void
write_down(const char *head)
{
    int          n;
    char         line[256];
    size_t       ids, numbers;
    const char  *id, *number;

    ids = numbers = 1;
    id = field(head, "\nX-Kairo-Event-Id:", &ids);
    number = field(head, "\nX-Number:", &numbers);

    n = snprintf(line, sizeof(line), "%.*s %.*s\n",
                 id ? (int) ids : 1, id ? id : "-",
                 number ? (int) numbers : 1, number ? number : "-");

    must(n < (int) sizeof(line) && write(list, line, (size_t) n) == n, "FILE");
}


static void
answer(int fd)
{
    conn_t  *c;

    c = &conns[fd];

    if (list != -1) {
        write_down(c->head);
    }

    /* of the request's line */

    c->head[strcspn(c->head, "\r")] = '\0';
    c->got = 0;

    if (strstr(c->head, "slow")) {
        c->part = 1;
        c->due = now() + delay;
        slow++;
        return;
    }

    say(fd, fast, sizeof(fast) - 1);
}


static void
receive(int fd)
{
    conn_t   *c;
    ssize_t   n;

    c = &conns[fd];

    n = recv(fd, c->head + c->got, LOAD_HEAD - 1 - c->got, MSG_DONTWAIT);

    if (n <= 0) {
        if (n == 0 || errno != EAGAIN) {
            leave(fd);
        }
        return;
    }

    c->got += (size_t) n;
    c->head[c->got] = '\0';

    if (c->got >= 4 && memcmp(c->head + c->got - 4, "\r\n\r\n", 4) == 0) {
        answer(fd);

    } else if (c->got == LOAD_HEAD - 1) {
        leave(fd);
    }
}


/* Answers who has waited; ms until the next one is due. */

static int
due(void)
{
    int      fd, soon;
    int64_t  at;

    at = now();
    soon = 1000;

    for (fd = 0; slow && fd <= last; fd++) {

        if (!conns[fd].open || conns[fd].part == 0) {
            continue;
        }

        if (conns[fd].due > at) {
            soon = conns[fd].due - at < soon ? (int) (conns[fd].due - at)
                                             : soon;

        } else if (conns[fd].part == 1) {
            conns[fd].part = 2;
            conns[fd].due = at + delay;
            soon = delay < soon ? (int) delay : soon;
            say(fd, first, sizeof(first) - 1);

        } else {
            conns[fd].part = 0;
            slow--;
            say(fd, rest, sizeof(rest) - 1);
        }
    }

    return slow ? soon : -1;
}


static void
watch(int fd)
{
    struct epoll_event  event;

    event.events = EPOLLIN;
    event.data.fd = fd;
    must(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) == 0, "epoll");
}


static void
welcome(int listens)
{
    int  fd;

    fd = accept4(listens, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd == -1) {
        return;
    }

    must(fd < APP_CONNECTIONS, "too many connections");
    (void) at_once(fd);
    memset(&conns[fd], 0, sizeof(conn_t));
    conns[fd].open = 1;
    last = fd > last ? fd : last;
    watch(fd);
}


int
main(int argc, char **argv)
{
    int                 i, n, one, listens;
    struct epoll_event  events[APP_EVENTS];
    struct sockaddr_in  addr;

    must(argc == 4, "app PORT FILE MS");
    bounded();

    if (strcmp(argv[2], "-") != 0) {
        list = open(argv[2], O_WRONLY | O_CREAT | O_APPEND, 0644);
        must(list != -1, argv[2]);
    }

    delay = atoi(argv[3]);
    addr = address(argv[1]);
    one = 1;
    listens = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    must(setsockopt(listens, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) == 0
         && bind(listens, (struct sockaddr *) &addr, sizeof(addr)) == 0
         && listen(listens, 1024) == 0, argv[1]);

    epoll = epoll_create1(EPOLL_CLOEXEC);
    watch(listens);

    for ( ;; ) {
        n = epoll_wait(epoll, events, APP_EVENTS, due());

        for (i = 0; i < n; i++) {
            if (events[i].data.fd == listens) {
                welcome(listens);

            } else {
                receive(events[i].data.fd);
            }
        }
    }
}
