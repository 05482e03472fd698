
/*
 * What the programs of t/load share: sockets of loopback, time, and the end of
 * a program that can't go on.
 */


#ifndef LOAD_H_INCLUDED
#define LOAD_H_INCLUDED


#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>


#define LOAD_HEAD  4096            /* bytes that a head may have */


static void
must(int good, const char *what)
{
    if (!good) {
        fprintf(stderr, "load: %s: %s\n", what, strerror(errno));
        exit(1);
    }
}


/* ms since 1970. */

static int64_t
now(void)
{
    struct timespec  ts;

    (void) clock_gettime(CLOCK_REALTIME, &ts);

    return (int64_t) ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}


/* It ends with who has started it, and in ten minutes at the latest. */

static void
bounded(void)
{
    (void) prctl(PR_SET_PDEATHSIG, SIGKILL);
    (void) signal(SIGPIPE, SIG_IGN);
    (void) alarm(600);
}


static struct sockaddr_in
address(const char *port)
{
    struct sockaddr_in  addr;

    memset(&addr, 0, sizeof(addr));
    addr.sin_family = AF_INET;
    addr.sin_port = htons((uint16_t) atoi(port));
    addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);

    return addr;
}


static int
at_once(int fd)
{
    int  one;

    one = 1;

    return setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
}


/*
 * The value of a field in a terminated head, up to the line's end; "name"
 * begins with "\n" and ends with ":".  NULL: it has none.
 */

static const char *
field(const char *head, const char *name, size_t *n)
{
    const char  *p;

    p = strcasestr(head, name);
    if (p == NULL) {
        return NULL;
    }

    p += strlen(name);
    p += strspn(p, " ");
    *n = strcspn(p, "\r");

    return p;
}


#endif /* LOAD_H_INCLUDED */
