
/*
 * A disk as a test wants it, for the file of revocations alone: preloaded into
 * nginx, told what to do by a file that KAIRO_DISK names.
 *
 *     hold      nothing comes to the disk as long as it says so
 *     broken    fdatasync() fails
 *     full N    write() takes N bytes, and nothing where N is 0
 *
 * Folders whose names are brought to the disk are told in the file that
 * KAIRO_DISK_SYNCED names.
 */


#define _GNU_SOURCE

#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>


static char  order_file[4096];
static char  synced_file[4096];


static void __attribute__ ((constructor))
disk_begin(void)
{
    /* a process that changes its title writes over its environment */

    if (getenv("KAIRO_DISK")) {
        snprintf(order_file, sizeof(order_file), "%s", getenv("KAIRO_DISK"));
    }

    if (getenv("KAIRO_DISK_SYNCED")) {
        snprintf(synced_file, sizeof(synced_file), "%s",
                 getenv("KAIRO_DISK_SYNCED"));
    }
}


static int
is_ours(int fd)
{
    char     link[64], name[4096];
    ssize_t  n;

    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    n = readlink(link, name, sizeof(name) - 1);

    if (n < 0) {
        return 0;
    }

    name[n] = '\0';

    return strstr(name, "/revoked") != NULL;
}


static void
order(char *text, size_t size)
{
    FILE  *in;

    text[0] = '\0';
    in = order_file[0] ? fopen(order_file, "r") : NULL;

    if (in) {
        if (fgets(text, (int) size, in) == NULL) {
            text[0] = '\0';
        }

        fclose(in);
    }
}


int
fdatasync(int fd)
{
    int   (*real)(int);
    char    text[64];

    *(void **) &real = dlsym(RTLD_NEXT, "fdatasync");

    if (is_ours(fd)) {

        order(text, sizeof(text));

        while (strncmp(text, "hold", 4) == 0) {
            usleep(5000);
            order(text, sizeof(text));
        }

        if (strncmp(text, "broken", 6) == 0) {
            errno = EIO;
            return -1;
        }
    }

    return real(fd);
}


int
fsync(int fd)
{
    int         (*real)(int);
    char          link[64], name[4096];
    FILE         *out;
    ssize_t       n;
    struct stat   st;

    *(void **) &real = dlsym(RTLD_NEXT, "fsync");

    if (synced_file[0] && fstat(fd, &st) == 0 && S_ISDIR(st.st_mode)) {

        snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
        n = readlink(link, name, sizeof(name) - 1);
        out = fopen(synced_file, "a");

        if (out && n > 0) {
            fprintf(out, "%.*s\n", (int) n, name);
        }

        if (out) {
            fclose(out);
        }
    }

    return real(fd);
}


ssize_t
write(int fd, const void *buf, size_t size)
{
    char      text[64];
    size_t    n;
    ssize_t (*real)(int, const void *, size_t);

    *(void **) &real = dlsym(RTLD_NEXT, "write");

    if (is_ours(fd)) {

        order(text, sizeof(text));

        if (strncmp(text, "full ", 5) == 0) {

            n = strtoul(text + 5, NULL, 10);

            if (n == 0) {
                errno = ENOSPC;
                return -1;
            }

            size = n < size ? n : size;
        }
    }

    return real(fd, buf, size);
}
