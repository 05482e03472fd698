
#include "cmd/kairo.h"


#define KAIRO_LINE  4096


static const kairo_verb_t  kairo_verbs[] = {

    { "rate", "RATE ...",
      "reads rates as kairo_ratelimit_zone does: 30r/m, 100/10s",
      kairo_cmd_rate },

    { "client", "ADDRESS ...",
      "shows the $kairo_client of addresses: IPv6 by /64",
      kairo_cmd_client },

    { "zone", "SIZE ...",
      "tells how many keys a zone has room for: 16m",
      kairo_cmd_zone },

    { NULL, NULL, NULL, NULL }
};


static int kairo_usage(FILE *out);
static int kairo_answer_lines(const kairo_verb_t *verb);


int
main(int argc, char **argv)
{
    int                  i, rc;
    kairo_span_t         value;
    const kairo_verb_t  *verb;

    if (argc < 2) {
        (void) kairo_usage(stderr);
        return 2;
    }

    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "help") == 0) {
        return kairo_usage(stdout);
    }

    for (verb = kairo_verbs; verb->name; verb++) {
        if (strcmp(argv[1], verb->name) == 0) {
            break;
        }
    }

    if (verb->name == NULL) {
        fprintf(stderr, "kairo: unknown verb \"%s\", see kairo --help\n",
                argv[1]);
        return 2;
    }

    if (argc == 2) {
        return kairo_answer_lines(verb);
    }

    rc = 0;

    for (i = 2; i < argc; i++) {
        value.p = (const unsigned char *) argv[i];
        value.n = strlen(argv[i]);

        rc |= verb->answer(value);
    }

    return rc;
}


static int
kairo_usage(FILE *out)
{
    const kairo_verb_t  *verb;

    fprintf(out, "usage: kairo VERB [VALUE ...]\n\n"
                 "Values are arguments or, one a line, standard input.  Each "
                 "gets a line; the exit\nstatus is 0 if all are valid, 1 if "
                 "one is not, 2 if the call was wrong.\n\n");

    for (verb = kairo_verbs; verb->name; verb++) {
        fprintf(out, "    kairo %s %s\n        %s\n", verb->name,
                verb->synopsis, verb->help);
    }

    return 0;
}


static int
kairo_answer_lines(const kairo_verb_t *verb)
{
    int            c, rc;
    char           line[KAIRO_LINE];
    kairo_span_t   value;

    rc = 0;

    while (fgets(line, sizeof(line), stdin)) {

        value.p = (const unsigned char *) line;
        value.n = strlen(line);

        if (value.n && line[value.n - 1] == '\n') {
            value.n--;

        } else if (!feof(stdin)) {

            /* the rest of an overlong line is not a line of its own */

            do {
                c = getchar();
            } while (c != '\n' && c != EOF);

            printf("invalid: a line has at most %d bytes\n", KAIRO_LINE - 2);
            rc = 1;
            continue;
        }

        rc |= verb->answer(value);
    }

    return rc;
}
