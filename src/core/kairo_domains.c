
#include "core/kairo_domains.h"


static uint32_t kairo_domains_bit(unsigned labels);
static uint64_t kairo_domains_hash(uint64_t hash, kairo_span_t label);
static kairo_domains_slot_t *kairo_domains_slot(
    const kairo_domains_t *domains, uint64_t hash, kairo_span_t name);


void
kairo_domains_add(kairo_domains_t *domains, kairo_span_t name, unsigned what)
{
    size_t                 i, end;
    uint64_t               hash;
    unsigned               labels;
    kairo_span_t           label;
    unsigned char         *text;
    kairo_domains_slot_t  *slot;

    hash = 0;
    end = name.n;
    labels = 0;

    for (i = name.n; i-- > 0; /* void */) {

        if (i == 0 || name.p[i - 1] == '.') {
            label.p = name.p + i;
            label.n = end - i;
            hash = kairo_domains_hash(hash, label);
            end = i ? i - 1 : 0;
            labels++;
        }
    }

    domains->labels |= kairo_domains_bit(labels);

    slot = kairo_domains_slot(domains, hash, name);

    if (slot->at) {
        domains->text[slot->at] |= (unsigned char) what;
        return;
    }

    text = domains->text + domains->used;

    text[0] = (unsigned char) name.n;
    text[1] = (unsigned char) what;
    memcpy(text + 2, name.p, name.n);

    slot->hash = (uint32_t) (hash >> 32);
    slot->at = (uint32_t) domains->used + 1;

    domains->used += name.n + 2;
    domains->n++;
}


int
kairo_domains_has(const kairo_domains_t *domains, kairo_span_t name)
{
    size_t                       i, end;
    uint64_t                     hash;
    unsigned                     labels, wanted;
    kairo_span_t                 label, above;
    const kairo_domains_slot_t  *slot;

    if (domains->n == 0) {
        return 0;
    }

    hash = 0;
    end = name.n;
    labels = 0;

    for (i = name.n; i-- > 0; /* void */) {

        if (i && name.p[i - 1] != '.') {
            continue;
        }

        label.p = name.p + i;
        label.n = end - i;
        hash = kairo_domains_hash(hash, label);
        end = i ? i - 1 : 0;
        labels++;

        /* most lists have no name of one label, and few of more than three */

        if (!(domains->labels & kairo_domains_bit(labels))) {
            continue;
        }

        above.p = name.p + i;
        above.n = name.n - i;
        wanted = i ? KAIRO_DOMAINS_BELOW : KAIRO_DOMAINS_SELF;

        slot = kairo_domains_slot(domains, hash, above);

        if (slot->at && (domains->text[slot->at] & wanted)) {
            return 1;
        }
    }

    return 0;
}


static uint32_t
kairo_domains_bit(unsigned labels)
{
    return (uint32_t) 1 << (labels < 31 ? labels : 31);
}


/*
 * Of the labels behind, and this one: eight bytes at a time, each mixed in by
 * a multiplication whose high half is folded down (the constant is that of
 * Fibonacci hashing, 2^64 over the golden ratio; Knuth, volume 3, 6.4).
 */

static uint64_t
kairo_domains_hash(uint64_t hash, kairo_span_t label)
{
    size_t    i;
    uint64_t  word;

    for (i = 0; i + 8 <= label.n; i += 8) {

        memcpy(&word, label.p + i, 8);

        hash = (hash ^ word) * 0x9e3779b97f4a7c15u;
        hash ^= hash >> 29;
    }

    for (word = label.n; i < label.n; i++) {
        word = word << 8 | label.p[i];
    }

    hash = (hash ^ word) * 0x9e3779b97f4a7c15u;

    return hash ^ hash >> 29;
}


/*
 * The one that has the name, or an empty one in which it would be.  Its place
 * is by all bits of the hash, of which the low ones do not know the last bytes
 * of a word.
 */

static kairo_domains_slot_t *
kairo_domains_slot(const kairo_domains_t *domains, uint64_t hash,
    kairo_span_t name)
{
    size_t                 i;
    uint64_t               place;
    const unsigned char   *text;
    kairo_domains_slot_t  *slot;

    place = (hash ^ hash >> 32) * 0xd6e8feb86659fd93u;

    for (i = (size_t) (place >> 32); /* void */; i++) {

        slot = &domains->slots[i & (domains->nslots - 1)];

        if (slot->at == 0) {
            return slot;
        }

        text = domains->text + slot->at - 1;

        if (slot->hash == (uint32_t) (hash >> 32) && text[0] == name.n
            && memcmp(text + 2, name.p, name.n) == 0)
        {
            return slot;
        }
    }
}
