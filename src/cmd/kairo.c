
#include <stdlib.h>

#include "cmd/kairo.h"


static const kairo_verb_t  kairo_verb_rate = {
    "rate", "RATE ...",
    "reads rates as kairo_ratelimit_zone does: 30r/m, 100/10s",
    NULL, NULL, kairo_cmd_rate, NULL
};

static const kairo_verb_t  kairo_verb_client = {
    "client", "ADDRESS ...",
    "shows the $kairo_client of addresses: IPv6 by /64",
    NULL, NULL, kairo_cmd_client, NULL
};

static const kairo_verb_t  kairo_verb_zone = {
    "zone", "SIZE ...",
    "tells how many keys a zone has room for: 16m",
    NULL, NULL, kairo_cmd_zone, NULL
};


static const kairo_verb_t  *kairo_verbs[] = {
    &kairo_verb_rate,
    &kairo_verb_client,
    &kairo_verb_zone,
    &kairo_verb_target,
    &kairo_verb_token_check,
    &kairo_verb_token_issue,
    &kairo_verb_migrate,
    &kairo_verb_audit_verify,
    &kairo_verb_spool_list,
    &kairo_verb_spool_verify,
    &kairo_verb_spool_replay,
    &kairo_verb_events,
    NULL
};


static int kairo_usage(FILE *out);
static const kairo_verb_t *kairo_find(int *argc, char ***argv);
static int kairo_options(const kairo_verb_t *verb, int *argc, char ***argv);
static kairo_option_t *kairo_option(const kairo_verb_t *verb,
    const char *name, size_t n);
static int kairo_answer_lines(const kairo_verb_t *verb);


int
main(int argc, char **argv)
{
    int                  rc;
    kairo_span_t         value;
    const kairo_verb_t  *verb;

    argc--;
    argv++;

    if (argc == 0) {
        (void) kairo_usage(stderr);
        return 2;
    }

    if (strcmp(argv[0], "--help") == 0 || strcmp(argv[0], "help") == 0) {
        return kairo_usage(stdout);
    }

    verb = kairo_find(&argc, &argv);

    if (verb == NULL) {
        fprintf(stderr, "kairo: unknown verb \"%s\", see kairo --help\n",
                argv[0]);
        return 2;
    }

    if (kairo_options(verb, &argc, &argv) != 0) {
        return 2;
    }

    if (verb->prepare && verb->prepare() != 0) {
        return 2;
    }

    if (verb->run) {
        return verb->run(argc, argv);
    }

    if (argc == 0) {
        return kairo_answer_lines(verb);
    }

    for (rc = 0; argc; argc--, argv++) {
        value.p = (const unsigned char *) *argv;
        value.n = strlen(*argv);

        rc |= verb->answer(value);
    }

    return rc;
}


static int
kairo_usage(FILE *out)
{
    const kairo_verb_t  **verb;

    fprintf(out, "usage: kairo VERB [OPTION ...] [VALUE ...]\n\n"
                 "Values are arguments or, one a line, standard input.  Each "
                 "gets a line; the exit\nstatus is 0 if all are valid, 1 if "
                 "one is not, 2 if the call was wrong.\n\n");

    for (verb = kairo_verbs; *verb; verb++) {
        fprintf(out, "    kairo %s %s\n        %s\n", (*verb)->name,
                (*verb)->synopsis, (*verb)->help);
    }

    return 0;
}


/* The verb, of one word or two, which are taken off the arguments. */

static const kairo_verb_t *
kairo_find(int *argc, char ***argv)
{
    size_t                n;
    const char           *first, *second;
    const kairo_verb_t  **verb;

    first = (*argv)[0];
    second = *argc > 1 ? (*argv)[1] : "";
    n = strlen(first);

    for (verb = kairo_verbs; *verb; verb++) {

        if (strncmp((*verb)->name, first, n) != 0) {
            continue;
        }

        if ((*verb)->name[n] == '\0') {
            *argc -= 1;
            *argv += 1;
            return *verb;
        }

        if ((*verb)->name[n] == ' '
            && strcmp((*verb)->name + n + 1, second) == 0)
        {
            *argc -= 2;
            *argv += 2;
            return *verb;
        }
    }

    return NULL;
}


/* "--name VALUE" or "--name=VALUE", before the values; "--" ends them. */

static int
kairo_options(const kairo_verb_t *verb, int *argc, char ***argv)
{
    size_t           n;
    const char      *name;
    kairo_option_t  *option;

    while (*argc && strncmp(**argv, "--", 2) == 0) {

        name = **argv + 2;
        n = strcspn(name, "=");

        *argc -= 1;
        *argv += 1;

        if (*name == '\0') {
            break;
        }

        option = kairo_option(verb, name, n);

        if (option == NULL || (option->flag && name[n])) {
            fprintf(stderr, "kairo: unknown option \"--%s\" of \"%s\", which "
                            "takes: %s\n", name, verb->name, verb->synopsis);
            return -1;
        }

        if (option->flag) {
            option->value = "";

        } else if (name[n]) {
            option->value = name + n + 1;

        } else if (*argc) {
            option->value = **argv;
            *argc -= 1;
            *argv += 1;

        } else {
            fprintf(stderr, "kairo: option \"--%s\" wants a value\n", name);
            return -1;
        }
    }

    return 0;
}


static kairo_option_t *
kairo_option(const kairo_verb_t *verb, const char *name, size_t n)
{
    kairo_option_t  *option;

    for (option = verb->options; option && option->name; option++) {
        if (strlen(option->name) == n && strncmp(option->name, name, n) == 0) {
            return option;
        }
    }

    return NULL;
}


static int
kairo_answer_lines(const kairo_verb_t *verb)
{
    int            rc;
    char          *line;
    size_t         size;
    ssize_t        n;
    kairo_span_t   value;

    rc = 0;
    size = 0;
    line = NULL;

    while ((n = getline(&line, &size, stdin)) >= 0) {

        value.p = (const unsigned char *) line;
        value.n = (size_t) n;

        if (value.n && line[value.n - 1] == '\n') {
            value.n--;
        }

        rc |= verb->answer(value);
    }

    free(line);

    return rc;
}
