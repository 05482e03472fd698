
/*
 * What several verbs need: files, and text that is safe to show.
 */


#include <errno.h>
#include <stdlib.h>

#include "cmd/kairo.h"


#define KAIRO_FILE  (1024 * 1024)


unsigned char *
kairo_cmd_file(const char *path, size_t *n)
{
    FILE           *in;
    unsigned char  *text;

    in = fopen(path, "rb");

    if (in == NULL) {
        fprintf(stderr, "kairo: \"%s\" can't be read: %s\n", path,
                strerror(errno));
        return NULL;
    }

    text = malloc(KAIRO_FILE + 1);
    *n = text ? fread(text, 1, KAIRO_FILE + 1, in) : 0;

    if (text == NULL || ferror(in) || *n > KAIRO_FILE) {
        fprintf(stderr, "kairo: \"%s\" can't be read, or has more than a "
                        "megabyte\n", path);
        free(text);
        text = NULL;
    }

    (void) fclose(in);

    return text;
}


void
kairo_cmd_print(kairo_span_t text)
{
    size_t  i;

    for (i = 0; i < text.n; i++) {

        if (text.p[i] > ' ' && text.p[i] < 0x7f && text.p[i] != '\\') {
            (void) putchar(text.p[i]);

        } else {
            printf("\\x%02x", text.p[i]);
        }
    }
}


void
kairo_cmd_say(const char *text)
{
    int            space;
    unsigned char  c;

    /* the space between two words, none before the first or after the last */

    for (space = 0; *text; text++) {

        c = (unsigned char) *text;

        if (c == ' ' || c == '\t' || c == '\n') {
            space |= 1;
            continue;
        }

        if (space == 3) {
            fputc(' ', stderr);
        }

        space = 2;

        if (c > ' ' && c < 0x7f && c != '\\') {
            fputc(c, stderr);

        } else {
            fprintf(stderr, "\\x%02x", c);
        }
    }
}
