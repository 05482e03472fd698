
#include "core/kairo_json_write.h"
#include "core/kairo_utf8.h"


#define KAIRO_JSON_DIGITS  20        /* of 64 bits */


static int kairo_json_write_key(kairo_json_write_t *object, kairo_span_t key);
static int kairo_json_write_string(kairo_json_write_t *object,
    kairo_span_t text);
static int kairo_json_write_bytes(kairo_json_write_t *object, const void *p,
    size_t n);


void
kairo_json_write_begin(kairo_json_write_t *object, unsigned char *p,
    size_t size)
{
    object->p = p;
    object->p[0] = '{';
    object->n = 1;
    object->size = size;
}


int
kairo_json_write_text(kairo_json_write_t *object, kairo_span_t key,
    kairo_span_t value)
{
    size_t  before;

    before = object->n;

    if (kairo_json_write_key(object, key) != 0
        || kairo_json_write_string(object, value) != 0)
    {
        object->n = before;
        return -1;
    }

    return 0;
}


int
kairo_json_write_number(kairo_json_write_t *object, kairo_span_t key,
    uint64_t value)
{
    size_t  before, i;
    char    digits[KAIRO_JSON_DIGITS];

    before = object->n;
    i = sizeof(digits);

    do {
        digits[--i] = (char) ('0' + value % 10);
        value /= 10;
    } while (value);

    if (kairo_json_write_key(object, key) != 0
        || kairo_json_write_bytes(object, digits + i, sizeof(digits) - i) != 0)
    {
        object->n = before;
        return -1;
    }

    return 0;
}


static int
kairo_json_write_key(kairo_json_write_t *object, kairo_span_t key)
{
    if (object->n > 1 && kairo_json_write_bytes(object, ",", 1) != 0) {
        return -1;
    }

    if (kairo_json_write_string(object, key) != 0) {
        return -1;
    }

    return kairo_json_write_bytes(object, ":", 1);
}


static int
kairo_json_write_string(kairo_json_write_t *object, kairo_span_t text)
{
    int     rc;
    size_t  n;

    rc = kairo_json_write_bytes(object, "\"", 1);

    while (text.n && rc == 0) {

        n = kairo_utf8_shown(text);

        if (n == 0) {
            n = 1;
            rc = kairo_json_write_bytes(object, "?", 1);

        } else {

            if (text.p[0] == '"' || text.p[0] == '\\') {
                rc = kairo_json_write_bytes(object, "\\", 1);
            }

            rc = rc == 0 ? kairo_json_write_bytes(object, text.p, n) : rc;
        }

        text.p += n;
        text.n -= n;
    }

    return rc == 0 ? kairo_json_write_bytes(object, "\"", 1) : rc;
}


/* One byte is kept, which closes the object. */

static int
kairo_json_write_bytes(kairo_json_write_t *object, const void *p, size_t n)
{
    if (n >= object->size - object->n) {
        return -1;
    }

    memcpy(object->p + object->n, p, n);
    object->n += n;

    return 0;
}


kairo_span_t
kairo_json_write_end(kairo_json_write_t *object)
{
    kairo_span_t  text;

    object->p[object->n++] = '}';

    text.p = object->p;
    text.n = object->n;

    return text;
}
