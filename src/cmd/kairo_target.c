
/*
 * kairo target: whether a tool may be asked to fetch it, and why not.
 */


#include <stdlib.h>

#include "cmd/kairo.h"
#include "libs/kairo_target.h"


static int kairo_target_prepare(void);
static int kairo_target_answer(kairo_span_t value);


enum {
    KAIRO_TARGET_TYPE = 0,
    KAIRO_TARGET_OPTIONS
};


static kairo_option_t  kairo_target_options[] = {
    { "type", 0, NULL },
    { NULL, 0, NULL }
};


const kairo_verb_t  kairo_verb_target = {
    "target", "[--type url|host|hostport|ip|auto] TARGET ...",
    "tells whether a tool may fetch it: allow NORMALISED | block CODE REASON",
    kairo_target_options, kairo_target_prepare, kairo_target_answer
};


static kairo_target_policy_t  kairo_target_policy;


static int
kairo_target_prepare(void)
{
    size_t       i;
    const char  *type;

    static const struct {
        const char        *name;
        kairo_url_form_t   form;
    } types[] = {
        { "auto", KAIRO_URL_AUTO },
        { "url", KAIRO_URL_URL },
        { "host", KAIRO_URL_HOST },
        { "hostport", KAIRO_URL_HOSTPORT },
        { "ip", KAIRO_URL_IP }
    };

    kairo_target_policy = kairo_target_default;
    type = kairo_target_options[KAIRO_TARGET_TYPE].value;

    if (type == NULL) {
        return 0;
    }

    for (i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        if (strcmp(type, types[i].name) == 0) {
            kairo_target_policy.form = types[i].form;
            return 0;
        }
    }

    fprintf(stderr, "kairo: unknown type \"%s\", expected url, host, "
                    "hostport, ip or auto\n", type);

    return 2;
}


static int
kairo_target_answer(kairo_span_t value)
{
    size_t           n;
    unsigned char   *text;
    kairo_target_t   target;

    kairo_target(&target, value, &kairo_target_policy);

    if (target.code) {
        printf("block %s %s\n", target.code, target.reason);
        return 1;
    }

    text = malloc(KAIRO_TARGET_SIZE + target.rest.n);
    if (text == NULL) {
        printf("block target_malformed no_memory\n");
        return 1;
    }

    n = kairo_target_write(&target, text);
    printf("allow %.*s\n", (int) n, (char *) text);

    free(text);

    return 0;
}
