
#include "core/kairo_memo.h"
#include "core/kairo_siphash.h"


typedef struct {
    uint64_t           hash;
    uint64_t           word;
    uint64_t           text;       /* lengths */
    uint64_t           known;      /* 0: the slot is empty */
    unsigned char      bytes[KAIRO_MEMO_TEXT];
} kairo_memo_slot_t;


struct kairo_memo_s {
    uint64_t           secret[2];
    uint64_t           slots;
    kairo_memo_slot_t  slot[];
};


kairo_memo_t *
kairo_memo_init(void *mem, size_t size, const uint64_t secret[2])
{
    kairo_memo_t  *memo;

    memo = mem;

    if (size < sizeof(*memo) + sizeof(memo->slot[0])) {
        return NULL;
    }

    memo->secret[0] = secret[0];
    memo->secret[1] = secret[1];
    memo->slots = (size - sizeof(*memo)) / sizeof(memo->slot[0]);

    return memo;
}


kairo_span_t
kairo_memo_get(const kairo_memo_t *memo, uint64_t word, kairo_span_t text)
{
    uint64_t                  hash;
    kairo_span_t              known;
    const kairo_memo_slot_t  *slot;

    known.p = NULL;
    known.n = 0;

    hash = kairo_siphash(memo->secret, word, text);
    slot = &memo->slot[hash % memo->slots];

    if (slot->known && slot->hash == hash && slot->word == word
        && slot->text == text.n && memcmp(slot->bytes, text.p, text.n) == 0)
    {
        known.p = slot->bytes + text.n;
        known.n = slot->known;
    }

    return known;
}


void
kairo_memo_put(kairo_memo_t *memo, uint64_t word, kairo_span_t text,
    kairo_span_t known)
{
    uint64_t            hash;
    kairo_memo_slot_t  *slot;

    if (text.n == 0 || known.n == 0 || text.n > KAIRO_MEMO_TEXT
        || known.n > KAIRO_MEMO_TEXT - text.n)
    {
        return;
    }

    hash = kairo_siphash(memo->secret, word, text);
    slot = &memo->slot[hash % memo->slots];

    slot->hash = hash;
    slot->word = word;
    slot->text = text.n;
    slot->known = known.n;

    memcpy(slot->bytes, text.p, text.n);
    memcpy(slot->bytes + text.n, known.p, known.n);
}
