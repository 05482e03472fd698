
#include "libs/kairo_facts.h"


static size_t kairo_facts_email(unsigned char *out,
    const kairo_facts_map_t *map, const json_t *claims);
static size_t kairo_facts_words(unsigned char *out, const json_t *words);
static size_t kairo_facts_split(unsigned char *out, kairo_span_t text);
static size_t kairo_facts_word(unsigned char *out, size_t have,
    kairo_span_t word);
static kairo_span_t kairo_facts_text(const json_t *claims, const char *path);


int
kairo_facts(kairo_facts_t *facts, unsigned char *buf,
    const kairo_facts_map_t *map, const json_t *claims)
{
    kairo_span_t  text;

    memset(facts, 0, sizeof(*facts));

    text = kairo_facts_text(claims, map->subject);

    if (text.n == 0 || text.n > KAIRO_FACTS_SUBJECT
        || !kairo_facts_printable(text))
    {
        return -1;
    }

    memcpy(buf, text.p, text.n);
    facts->subject.p = buf;
    facts->subject.n = text.n;
    buf += text.n;

    facts->email.p = buf;
    facts->email.n = kairo_facts_email(buf, map, claims);
    buf += facts->email.n;

    facts->roles.p = buf;

    if (map->roles) {
        facts->roles.n = kairo_facts_words(buf, kairo_json_at(claims,
                                                              map->roles));
        buf += facts->roles.n;
    }

    facts->permissions.p = buf;

    if (map->permissions) {
        facts->permissions.n = kairo_facts_words(buf,
                                   kairo_json_at(claims, map->permissions));
        buf += facts->permissions.n;
    }

    text = kairo_facts_text(claims, map->tier);

    if (kairo_facts_is_word(text)) {
        memcpy(buf, text.p, text.n);
        facts->tier.p = buf;
        facts->tier.n = text.n;
    }

    return 0;
}


int
kairo_facts_printable(kairo_span_t text)
{
    size_t  i;

    for (i = 0; i < text.n; i++) {
        if (text.p[i] < ' ' || text.p[i] == 0x7f) {
            return 0;
        }
    }

    return 1;
}


int
kairo_facts_is_word(kairo_span_t text)
{
    size_t  i;

    for (i = 0; i < text.n; i++) {
        if (text.p[i] <= ' ' || text.p[i] >= 0x7f || text.p[i] == ',') {
            return 0;
        }
    }

    return text.n > 0 && text.n <= KAIRO_FACTS_WORD;
}


int
kairo_facts_has(kairo_span_t list, kairo_span_t word)
{
    size_t                n;
    const unsigned char  *comma;

    while (list.n && word.n) {

        comma = memchr(list.p, ',', list.n);
        n = comma ? (size_t) (comma - list.p) : list.n;

        if (n == word.n && memcmp(list.p, word.p, n) == 0) {
            return 1;
        }

        n += (comma != NULL);
        list.p += n;
        list.n -= n;
    }

    return 0;
}


static size_t
kairo_facts_email(unsigned char *out, const kairo_facts_map_t *map,
    const json_t *claims)
{
    if (map->verified
        && !json_is_true(kairo_json_at(claims, map->verified)))
    {
        return 0;
    }

    return kairo_email(kairo_facts_text(claims, map->email), out);
}


static size_t
kairo_facts_words(unsigned char *out, const json_t *words)
{
    size_t  i, n;

    if (!json_is_array(words)) {
        return kairo_facts_split(out, kairo_json_string(words));
    }

    for (i = 0, n = 0; i < json_array_size(words); i++) {
        n = kairo_facts_word(out, n,
                             kairo_json_string(json_array_get(words, i)));
    }

    return n;
}


/* "read write", as a scope is written (RFC 6749, section 3.3) */

static size_t
kairo_facts_split(unsigned char *out, kairo_span_t text)
{
    size_t        i, have;
    kairo_span_t  word;

    word.p = text.p;
    word.n = 0;

    for (i = 0, have = 0; i < text.n; i++) {

        if (text.p[i] != ' ') {
            word.n++;
            continue;
        }

        have = kairo_facts_word(out, have, word);
        word.p = text.p + i + 1;
        word.n = 0;
    }

    return kairo_facts_word(out, have, word);
}


static size_t
kairo_facts_word(unsigned char *out, size_t have, kairo_span_t word)
{
    if (!kairo_facts_is_word(word)
        || have + 1 + word.n > KAIRO_FACTS_WORDS)
    {
        return have;
    }

    if (have) {
        out[have++] = ',';
    }

    memcpy(out + have, word.p, word.n);

    return have + word.n;
}


static kairo_span_t
kairo_facts_text(const json_t *claims, const char *path)
{
    kairo_span_t  none = { NULL, 0 };

    return path ? kairo_json_string(kairo_json_at(claims, path)) : none;
}
