
#include <stdlib.h>

#include "cmd/kairo_token.h"


int64_t
kairo_token_seconds(const char *name, const char *text, int64_t otherwise)
{
    size_t   i;
    int64_t  n;

    if (text == NULL) {
        return otherwise;
    }

    n = 0;

    for (i = 0; i < 15 && kairo_is_digit((unsigned char) text[i]); i++) {
        n = n * 10 + (text[i] - '0');
    }

    if (i == 0 || text[i] != '\0') {
        fprintf(stderr, "kairo: --%s wants a number of seconds, and \"%s\" is "
                        "none\n", name, text);
        return -1;
    }

    return n;
}
