
/*
 * kairo target: whether a tool may be asked to fetch it, and why not.
 */


#include <stdlib.h>

#include "cmd/kairo.h"
#include "libs/kairo_target.h"


static int kairo_target_prepare(void);
static int kairo_target_read_lists(void);
static int kairo_target_read_list(const char *path, kairo_hostlist_t **list);
static int kairo_target_print(kairo_span_t value);


enum {
    KAIRO_TARGET_TYPE = 0,
    KAIRO_TARGET_BLOCKLIST,
    KAIRO_TARGET_ALLOWLIST,
    KAIRO_TARGET_EXCEPTIONS,
    KAIRO_TARGET_OPTIONS
};


static kairo_option_t  kairo_target_options[] = {
    { "type", 0, NULL },
    { "blocklist", 0, NULL },
    { "allowlist", 0, NULL },
    { "exceptions", 1, NULL },
    { NULL, 0, NULL }
};


const kairo_verb_t  kairo_verb_target = {
    "target", "[--type url|host|hostport|ip|auto] [--blocklist FILE]"
    " [--allowlist FILE [--exceptions]] TARGET ...",
    "tells whether a tool may fetch it: allow NORMALISED | block CODE REASON",
    kairo_target_options, kairo_target_prepare, kairo_target_print, NULL
};


/* they live as long as the process */

static kairo_target_policy_t    kairo_target_policy;
static kairo_target_lists_t     kairo_target_lists;
static const kairo_hostlist_t  *kairo_target_deny;


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
        return kairo_target_read_lists();
    }

    for (i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        if (strcmp(type, types[i].name) == 0) {
            kairo_target_policy.form = types[i].form;
            return kairo_target_read_lists();
        }
    }

    fprintf(stderr, "kairo: unknown type \"%s\", expected url, host, "
                    "hostport, ip or auto\n", type);

    return 2;
}


static int
kairo_target_read_lists(void)
{
    const char        *deny, *allow;
    kairo_hostlist_t  *list;

    deny = kairo_target_options[KAIRO_TARGET_BLOCKLIST].value;
    allow = kairo_target_options[KAIRO_TARGET_ALLOWLIST].value;

    if (deny) {

        if (kairo_target_read_list(deny, &list) != 0) {
            return 2;
        }

        kairo_target_deny = list;
        kairo_target_lists.deny = &kairo_target_deny;
        kairo_target_lists.ndeny = 1;
    }

    if (allow) {

        if (kairo_target_read_list(allow, &list) != 0) {
            return 2;
        }

        kairo_target_lists.allow = list;
    }

    kairo_target_lists.exceptions =
        kairo_target_options[KAIRO_TARGET_EXCEPTIONS].value != NULL;

    return 0;
}


static int
kairo_target_read_list(const char *path, kairo_hostlist_t **list)
{
    kairo_span_t             text;
    unsigned char           *bytes;
    kairo_hostlist_error_t   error;

    bytes = kairo_cmd_file(path, &text.n);
    if (bytes == NULL) {
        return 2;
    }

    text.p = bytes;
    *list = kairo_hostlist(text, &error);

    free(bytes);

    if (*list == NULL) {
        fprintf(stderr, "kairo: list \"%s\", line %lu: %s\n", path,
                (unsigned long) error.line, error.wrong);
        return 2;
    }

    return 0;
}


static int
kairo_target_print(kairo_span_t value)
{
    size_t           n;
    unsigned char   *text;
    kairo_target_t   target;

    kairo_target(&target, value, &kairo_target_policy, &kairo_target_lists);

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
