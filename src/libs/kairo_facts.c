
#include "libs/kairo_facts.h"


static size_t kairo_facts_email(unsigned char *out,
    const kairo_facts_map_t *map, const json_t *claims);
static size_t kairo_facts_roles(unsigned char *out, const json_t *roles);
static size_t kairo_facts_role(unsigned char *out, size_t have,
    kairo_span_t role);
static size_t kairo_facts_words(unsigned char *out, size_t have,
    kairo_span_t text);
static int kairo_facts_is_word(kairo_span_t text);
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
        facts->roles.n = kairo_facts_roles(buf, kairo_json_at(claims,
                                                              map->roles));
        buf += facts->roles.n;
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
kairo_facts_roles(unsigned char *out, const json_t *roles)
{
    size_t         i, n;
    kairo_span_t   role;
    const json_t  *text;

    if (!json_is_array(roles)) {
        return kairo_facts_words(out, 0, kairo_json_string(roles));
    }

    for (i = 0, n = 0; i < json_array_size(roles); i++) {
        text = json_array_get(roles, i);
        role = kairo_json_string(text);
        n = kairo_facts_role(out, n, role);
    }

    return n;
}


/* "read write", as a scope is written (RFC 6749, section 3.3) */

static size_t
kairo_facts_words(unsigned char *out, size_t have, kairo_span_t text)
{
    size_t        i;
    kairo_span_t  word;

    word.p = text.p;
    word.n = 0;

    for (i = 0; i < text.n; i++) {

        if (text.p[i] != ' ') {
            word.n++;
            continue;
        }

        have = kairo_facts_role(out, have, word);
        word.p = text.p + i + 1;
        word.n = 0;
    }

    return kairo_facts_role(out, have, word);
}


static size_t
kairo_facts_role(unsigned char *out, size_t have, kairo_span_t role)
{
    if (!kairo_facts_is_word(role)
        || have + 1 + role.n > KAIRO_FACTS_ROLES)
    {
        return have;
    }

    if (have) {
        out[have++] = ',';
    }

    memcpy(out + have, role.p, role.n);

    return have + role.n;
}


static int
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


static kairo_span_t
kairo_facts_text(const json_t *claims, const char *path)
{
    kairo_span_t  none = { NULL, 0 };

    return path ? kairo_json_string(kairo_json_at(claims, path)) : none;
}
