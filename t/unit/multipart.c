
/*
 * Forms of parts: what browsers write is taken apart, and what two readers
 * could take apart differently is not.
 */


#include "unit.h"

#include "core/kairo_multipart.h"


#define D     "Content-Disposition: form-data; name="
#define END   "\r\n\r\nb\r\n--B--"
#define TYPE  "multipart/form-data; boundary=B"


static kairo_span_t
exact(const void *p, size_t n)
{
    kairo_span_t  s;

    s.n = n;
    s.p = memcpy(malloc(n ? n : 1), p, n);

    return s;
}


/* The parts as "name=content", with a "*" before a file; "!" where it ends. */

static void
read_parts(const char *type, const char *body, size_t n, char *got,
    size_t size)
{
    int                rc;
    size_t             at;
    kairo_part_t       part;
    kairo_span_t       t, b;
    kairo_multipart_t  m;

    t = exact(type, strlen(type));
    b = exact(body, n);
    at = 0;
    got[0] = '\0';

    if (kairo_multipart(&m, t, b) != 0) {
        (void) snprintf(got, size, "?");

    } else {

        while ((rc = kairo_multipart_next(&m, &part)) > 0 && at < size) {
            at += (size_t) snprintf(got + at, size - at, "%s%.*s=%.*s;",
                                    part.file ? "*" : "", (int) part.name.n,
                                    (const char *) part.name.p,
                                    (int) part.content.n,
                                    (const char *) part.content.p);
        }

        if (rc < 0) {
            (void) snprintf(got + at, size - at, "!");
        }
    }

    free((void *) t.p);
    free((void *) b.p);
}


static void
expect_parts(const char *type, const char *body, const char *wanted)
{
    char  got[512];

    read_parts(type, body, strlen(body), got, sizeof(got));
    expect(strcmp(got, wanted) == 0, "\"%s\": \"%s\"", body, got);
}


static void
good(void)
{
    expect_parts(TYPE, "--B--", "");
    expect_parts(TYPE, "--B--\r\n", "");
    expect_parts(TYPE, "--B\r\n" D "\"a\"\r\n\r\nb\r\n--B--\r\n", "a=b;");
    expect_parts(TYPE, "--B\r\n" D "\"a\"\r\n\r\n\r\n--B--\r\n", "a=;");
    expect_parts(TYPE, "--B\r\n" D "\"a\"\r\n\r\nb\r\n--B\r\n" D
                 "\"c\"; filename=\"f\"\r\nContent-Type: text/plain\r\n\r\n"
                 "--C\r\n-\r\n--\r\n--B--", "a=b;*c=--C\r\n-\r\n--;");
    expect_parts(TYPE, "--B\r\nContent-Type: text/plain;charset=UTF-8\r\n"
                 D "\"a\"\r\n\r\n-B\r\n--B\r\n" D "\"b\"; filename=\"f\"\r\n"
                 "Content-Type: text/csv; charset=iso-8859-1\r\n\r\n\n--A"
                 "\r\n--B--", "a=-B;*b=\n--A;");
    expect_parts("Multipart/Form-Data;boundary=\"B B\"",
                 "--B B\r\ncontent-disposition: FORM-DATA; name=\"a\"\r\n\r\n"
                 "b\r\n--B B--", "a=b;");
    expect_parts("multipart/form-data; boundary=\"--=_(B):/,?\"",
                 "----=_(B):/,?\r\n" D "\"a\"\r\n\r\nb\r\n"
                 "----=_(B):/,?--", "a=b;");
    expect_parts("multipart/form-data; boundary=-'B+_.-", "---'B+_.-\r\n" D
                 "\"a\"\r\n\r\nb\r\n---'B+_.---", "a=b;");

    verdict("what browsers and libraries write");
}


static void
bad(void)
{
    char                body[200];
    size_t              i;
    static const char  *edges[] = { "", "x", "\n", "\r", "x\n", "x\r", "\n\r",
                                    "x\n\n", "-" };
    static const char  *types[] = {
        "", "multipart/form-data", "multipart/mixed; boundary=B",
        "multipart/form-data; boundary=", "multipart/form-data; boundary=\"\"",
        "multipart/form-data; boundary=B; x=y",
        "multipart/form-databoundary=B",
        "multipart/form-data; x=y; boundary=B",
        "multipart/form-data; boundary=\"B",
        "multipart/form-data; boundary=B;",
        "multipart/form-data; boundary=A,B",
        "multipart/form-data; boundary=A B",
        "multipart/form-data; boundary=A=B",
        "multipart/form-data; boundary=\"B \"",
        "multipart/form-data; boundary=B\"", "multipart/form-data, boundary=B"
    };
    static const char  *bodies[] = {
        "", "--", "--B", "--B\r\n", "--B-", "--B--x", "--B--\r\n\r\n",
        "\r\n--B--", "x\r\n--B--", "--C--", "--B \r\n" D "\"a\"" END,
        "--B" END, "--B\r\n" D "\"a\"\r\n\r\nb",
        "--B\r\n" D "a" END,
        "--B\r\n" D "\"\"" END, "--B\r\n" D "\"a" END,
        "--B\r\n" D "\"a\\\"\"" END,
        "--B\r\n" D "\"a\"; filename=f" END,
        "--B\r\n" D "\"a\"; name=\"c\"" END,
        "--B\r\n" D "\"a\"; filename*=UTF-8''f" END,
        "--B\r\n" D "\"a\"\r\n" D "\"c\"" END,
        "--B\r\n" D "\"a\"\r\n x" END,
        "--B\r\n" D "\"a\"\r\nX-Y: z" END,
        "--B\r\n" D "\"a\"\r\nContent-Transfer-Encoding: base64" END,
        "--B\n" D "\"a\"\n\nb\n--B--", "--B\r\n" D "\"a\"\n\r\nb\r\n--B--",
        "--B\r\nContent-Disposition: attachment; name=\"a\"" END,
        "--B\r\n" D "\"a\"\r\nContent-Type: text/plain\r\n"
            "Content-Type: text/plain" END,
        "--B\r\n" D "\"a\"\r\nContent-Type: " END,
        "--B\r\n" D "\"--B\"" END,
        "--B\r\n" D "\"a\"\r\nContent-Type: text/plain;" END,
        "--B\r\n" D "\"a\"\r\nContent-Type: text/plain; "
            "charset=ISO-8859-1" END,
        "--B\r\n" D "\"a\"\r\nContent-Type: text/plain; charset=utf-8; "
            "charset=utf-16" END,
        "--B\r\n" D "\"a\"\r\nContent-Type: Multipart/mixed; boundary=C" END,
        "--B\r\n" D "\"a\"; filename=\"f\"\r\nContent-Type: message/rfc822"
            END,
        "--B\r\nContent-Disposition:form-data; name=\"a\"" END
    };

    for (i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        expect_parts(types[i], "--B--", "?");
    }

    for (i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
        expect_parts(TYPE, bodies[i], "!");
    }

    verdict("what could be read in two ways");

    /* a part within a part, for PHP, for Go, and for a reader of pieces */

    for (i = 0; i < sizeof(edges) / sizeof(edges[0]); i++) {
        (void) snprintf(body, sizeof(body), "--B\r\n" D "\"a\"\r\n\r\n%s"
                        "--B\r\n" D "\"u\"" END, edges[i]);
        expect_parts(TYPE, body, "!");
    }

    verdict("a boundary where only some readers see one");
}


/* A boundary of each length, and the body cut at each byte. */

static void
cut(void)
{
    char    type[200], body[400], got[512];
    size_t  n, len;

    for (n = 1; n < 80; n++) {

        (void) snprintf(type, sizeof(type),
                        "multipart/form-data; boundary=%0*d", (int) n, 7);
        (void) snprintf(body, sizeof(body), "--%0*d\r\n" D
                        "\"a\"\r\n\r\nb\r\n--%0*d--", (int) n, 7, (int) n, 7);

        read_parts(type, body, strlen(body), got, sizeof(got));
        expect(strcmp(got, n > 70 ? "?" : "a=b;") == 0, "%zu: %s", n, got);
    }

    verdict("boundaries of 1 to 70");

    len = strlen("--B\r\n" D "\"a\"" END);

    for (n = 0; n < len; n++) {
        read_parts(TYPE, "--B\r\n" D "\"a\"" END, n, got,
                   sizeof(got));
        expect(got[strlen(got) - 1] == '!', "%zu: %s", n, got);
    }

    verdict("cut anywhere");
}


int
main(void)
{
    unit_begin(0);

    good();
    bad();
    cut();

    return unit_done();
}
