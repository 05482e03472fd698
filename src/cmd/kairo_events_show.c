
/*
 * Events as lines: a table for a terminal, where nothing that one could act on
 * is left, JSON, and CSV (RFC 4180).  The last two have the data as it is: a
 * spreadsheet may take a text that begins with "=" for a formula.
 */


#include "cmd/kairo_events.h"
#include "cmd/kairo_time.h"
#include "libs/kairo_json.h"


#define KAIRO_SHOW_FIELDS   16
#define KAIRO_SHOW_COLUMNS  10
#define KAIRO_SHOW_TEXT     1024

/* of details: what is more is shown as a text */

#define KAIRO_SHOW_DEPTH    64
#define KAIRO_SHOW_VALUES   65536


typedef enum {
    KAIRO_SHOW_NULL = 0,
    KAIRO_SHOW_TEXTUAL,
    KAIRO_SHOW_PLAIN,                /* of JSON: no quotes */
    KAIRO_SHOW_OBJECT                /* perhaps */
} kairo_show_type_e;


typedef struct {
    kairo_show_type_e   type;
    kairo_span_t        text;
} kairo_show_field_t;


/* The fields of an event, and what their texts lie in. */

typedef struct {
    kairo_show_field_t   fields[KAIRO_SHOW_FIELDS];
    unsigned char        text[KAIRO_SHOW_TEXT];
    size_t               n;
} kairo_show_t;


static void kairo_show_fields(kairo_show_t *show, const kairo_event_t *event);
static void kairo_show_put(kairo_show_t *show, size_t field,
    kairo_show_type_e type, const char *text);
static void kairo_show_number(kairo_show_t *show, size_t field,
    uint64_t number);
static void kairo_show_line(kairo_events_format_e format,
    const kairo_show_t *show);
static void kairo_show_names(kairo_events_format_e format);
static void kairo_show_json(const kairo_show_t *show);
static void kairo_show_json_text(kairo_span_t text);
static int kairo_show_is_object(kairo_span_t text);
static void kairo_show_csv(const kairo_show_t *show);
static void kairo_show_csv_text(kairo_span_t text);
static void kairo_show_widths(const kairo_show_t *show);
static void kairo_show_columns(const kairo_show_t *show);
static kairo_span_t kairo_show_cell(const kairo_show_t *show, size_t column,
    unsigned char user[KAIRO_SHOW_TEXT]);
static size_t kairo_show_width(kairo_span_t text);


/* As SQL has them, and in the order of JSON and of CSV. */

static const char *const  kairo_show_field[KAIRO_SHOW_FIELDS] = {
    "event_id", "time", "kind", "tool", "issuer", "subject", "admin",
    "outcome", "status", "latency_ms", "bytes", "route", "region",
    "request_id", "edge", "details"
};


/* Those of the table; numbers end where the column does. */

static const struct {
    const char   *name;
    size_t        field;
    int           right;
} kairo_show_column[KAIRO_SHOW_COLUMNS] = {
    { "time", 1, 0 }, { "kind", 2, 0 }, { "tool", 3, 0 }, { "user", 5, 0 },
    { "admin", 6, 0 }, { "outcome", 7, 0 }, { "status", 8, 1 },
    { "latency_ms", 9, 1 }, { "bytes", 10, 1 }, { "event_id", 0, 0 }
};

#define KAIRO_SHOW_ISSUER   4
#define KAIRO_SHOW_SUBJECT  5
#define KAIRO_SHOW_ADMIN    6


/* They grow with what was shown. */

static size_t  kairo_show_wide[KAIRO_SHOW_COLUMNS];


void
kairo_events_show(const kairo_events_ask_t *ask, kairo_events_row_t **rows,
    size_t n)
{
    size_t        i;
    kairo_show_t  show;

    static int  begun;

    for (i = 0; ask->format == KAIRO_EVENTS_TABLE && i < n; i++) {
        kairo_show_fields(&show, &rows[i]->event);
        kairo_show_widths(&show);
    }

    if (!begun) {
        begun = 1;
        kairo_show_names(ask->format);
    }

    for (i = 0; i < n; i++) {
        kairo_show_fields(&show, &rows[i]->event);
        kairo_show_line(ask->format, &show);
    }
}


static void
kairo_show_fields(kairo_show_t *show, const kairo_event_t *event)
{
    char    text[KAIRO_TIME];
    size_t  i;

    static const struct {
        size_t               field;
        kairo_event_text_e   text;
    } texts[] = {
        { 2, KAIRO_EVENT_KIND }, { 3, KAIRO_EVENT_TOOL },
        { 4, KAIRO_EVENT_ISSUER }, { 5, KAIRO_EVENT_SUBJECT },
        { 11, KAIRO_EVENT_ROUTE }, { 12, KAIRO_EVENT_REGION },
        { 13, KAIRO_EVENT_REQUEST }, { 14, KAIRO_EVENT_EDGE },
        { 15, KAIRO_EVENT_DETAILS }
    };

    memset(show->fields, 0, sizeof(show->fields));
    show->n = 0;

    for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {

        if (event->text[texts[i].text].n) {
            show->fields[texts[i].field].text = event->text[texts[i].text];
            show->fields[texts[i].field].type =
                texts[i].text == KAIRO_EVENT_DETAILS ? KAIRO_SHOW_OBJECT
                                                     : KAIRO_SHOW_TEXTUAL;
        }
    }

    kairo_uuid_write(event->id, text);
    text[KAIRO_UUID_TEXT] = '\0';
    kairo_show_put(show, 0, KAIRO_SHOW_TEXTUAL, text);

    kairo_time_write(text, (uint64_t) kairo_uuid7_ms(event->id));
    kairo_show_put(show, 1, KAIRO_SHOW_TEXTUAL, text);

    kairo_show_put(show, 6, KAIRO_SHOW_PLAIN, event->admin ? "true" : "false");
    kairo_show_put(show, 7, KAIRO_SHOW_TEXTUAL, kairo_events_outcome(event));

    if (event->status) {
        kairo_show_number(show, 8, event->status);
        kairo_show_number(show, 9, event->latency);
        kairo_show_number(show, 10, event->bytes);
    }
}


static void
kairo_show_put(kairo_show_t *show, size_t field, kairo_show_type_e type,
    const char *text)
{
    size_t  n;

    n = strlen(text);

    memcpy(show->text + show->n, text, n);

    show->fields[field].type = type;
    show->fields[field].text.p = show->text + show->n;
    show->fields[field].text.n = n;

    show->n += n;
}


static void
kairo_show_number(kairo_show_t *show, size_t field, uint64_t number)
{
    char  text[24];

    (void) snprintf(text, sizeof(text), "%llu", (unsigned long long) number);

    kairo_show_put(show, field, KAIRO_SHOW_PLAIN, text);
}


static void
kairo_show_line(kairo_events_format_e format, const kairo_show_t *show)
{
    switch (format) {

    case KAIRO_EVENTS_JSON:
        kairo_show_json(show);
        break;

    case KAIRO_EVENTS_CSV:
        kairo_show_csv(show);
        break;

    default:
        kairo_show_columns(show);
    }
}


static void
kairo_show_names(kairo_events_format_e format)
{
    size_t  i;

    if (format == KAIRO_EVENTS_CSV) {

        for (i = 0; i < KAIRO_SHOW_FIELDS; i++) {
            printf("%s%s", i ? "," : "", kairo_show_field[i]);
        }

        printf("\r\n");
    }

    if (format == KAIRO_EVENTS_TABLE) {
        kairo_show_columns(NULL);
    }
}


static void
kairo_show_json(const kairo_show_t *show)
{
    size_t                     i;
    const kairo_show_field_t  *field;

    for (i = 0; i < KAIRO_SHOW_FIELDS; i++) {

        field = &show->fields[i];

        printf("%s\"%s\":", i ? "," : "{", kairo_show_field[i]);

        if (field->type == KAIRO_SHOW_NULL) {
            printf("null");

        } else if (field->type == KAIRO_SHOW_PLAIN
                   || (field->type == KAIRO_SHOW_OBJECT
                       && kairo_show_is_object(field->text)))
        {
            (void) fwrite(field->text.p, 1, field->text.n, stdout);

        } else {
            kairo_show_json_text(field->text);
        }
    }

    printf("}\n");
}


static void
kairo_show_json_text(kairo_span_t text)
{
    size_t         i;
    unsigned char  c;

    (void) putchar('"');

    for (i = 0; i < text.n; i++) {

        c = text.p[i];

        if (c == '"' || c == '\\') {
            printf("\\%c", c);

        } else if (c < ' ' || c == 0x7f) {
            printf("\\u%04x", c);

        } else {
            (void) putchar(c);
        }
    }

    (void) putchar('"');
}


/* Nobody has looked at whether they are one. */

static int
kairo_show_is_object(kairo_span_t text)
{
    json_t  *object;

    static const kairo_json_shape_t  limit = {
        KAIRO_SHOW_DEPTH, KAIRO_SHOW_VALUES
    };

    /* white space may be a line's end */

    if (memchr(text.p, '\n', text.n) || memchr(text.p, '\r', text.n)) {
        return 0;
    }

    object = kairo_json_object(text, &limit);

    json_decref(object);

    return object != NULL;
}


static void
kairo_show_csv(const kairo_show_t *show)
{
    size_t  i;

    for (i = 0; i < KAIRO_SHOW_FIELDS; i++) {

        if (i) {
            (void) putchar(',');
        }

        kairo_show_csv_text(show->fields[i].text);
    }

    printf("\r\n");
}


static void
kairo_show_csv_text(kairo_span_t text)
{
    int     quoted;
    size_t  i;

    if (text.n == 0) {
        return;
    }

    quoted = text.p[0] == ' ' || text.p[text.n - 1] == ' ';

    for (i = 0; i < text.n; i++) {
        quoted |= text.p[i] == '"' || text.p[i] == ',' || text.p[i] == '\r'
                  || text.p[i] == '\n';
    }

    if (quoted) {
        (void) putchar('"');
    }

    for (i = 0; i < text.n; i++) {

        if (text.p[i] == '"') {
            (void) putchar('"');
        }

        (void) putchar(text.p[i]);
    }

    if (quoted) {
        (void) putchar('"');
    }
}


static void
kairo_show_widths(const kairo_show_t *show)
{
    size_t         i, n;
    unsigned char  user[KAIRO_SHOW_TEXT];

    for (i = 0; i < KAIRO_SHOW_COLUMNS; i++) {

        n = kairo_show_width(kairo_show_cell(show, i, user));

        if (n > kairo_show_wide[i]) {
            kairo_show_wide[i] = n;
        }
    }
}


/* NULL: the names. */

static void
kairo_show_columns(const kairo_show_t *show)
{
    int            pad;
    size_t         i, n;
    kairo_span_t   cell;
    unsigned char  user[KAIRO_SHOW_TEXT];

    for (i = 0; i < KAIRO_SHOW_COLUMNS; i++) {

        n = strlen(kairo_show_column[i].name);

        if (kairo_show_wide[i] < n) {
            kairo_show_wide[i] = n;
        }

        cell.p = (const unsigned char *) kairo_show_column[i].name;
        cell.n = n;

        if (show) {
            cell = kairo_show_cell(show, i, user);
        }

        pad = (int) (kairo_show_wide[i] - kairo_show_width(cell));

        if (kairo_show_column[i].right) {
            printf("%*s", pad, "");
            pad = 0;
        }

        kairo_cmd_print(cell);

        if (i < KAIRO_SHOW_COLUMNS - 1) {
            printf("%*s", pad + 2, "");
        }
    }

    printf("\n");
}


/* "-" for what is not told; who it was is one column. */

static kairo_span_t
kairo_show_cell(const kairo_show_t *show, size_t column,
    unsigned char user[KAIRO_SHOW_TEXT])
{
    size_t        field;
    kairo_span_t  cell, issuer;

    field = kairo_show_column[column].field;
    cell = show->fields[field].text;
    issuer = show->fields[KAIRO_SHOW_ISSUER].text;

    if (field == KAIRO_SHOW_SUBJECT && issuer.n
        && issuer.n + 1 + cell.n <= KAIRO_SHOW_TEXT)
    {
        memcpy(user, issuer.p, issuer.n);
        user[issuer.n] = ':';

        if (cell.n) {
            memcpy(user + issuer.n + 1, cell.p, cell.n);
        }

        cell.p = user;
        cell.n += issuer.n + 1;
    }

    if (field == KAIRO_SHOW_ADMIN) {
        /* it is the few that are to be seen */
        cell.n = show->fields[field].text.p[0] == 't' ? cell.n : 0;
    }

    if (cell.n == 0) {
        cell.p = (const unsigned char *) "-";
        cell.n = 1;
    }

    return cell;
}


/* Of what kairo_cmd_print() makes of it. */

static size_t
kairo_show_width(kairo_span_t text)
{
    size_t  i, n;

    for (i = 0, n = 0; i < text.n; i++) {
        n += text.p[i] > ' ' && text.p[i] < 0x7f && text.p[i] != '\\' ? 1 : 4;
    }

    return n;
}
