
/*
 * Any address and prefix: the text is read back by the C library.
 *
 * Input: the prefix, then the address.
 */


#include "fuzz.h"

#include <arpa/inet.h>

#include "core/kairo_addr.h"


static const unsigned char  mapped[12] = {
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff
};


static size_t
text_v6(char *text, const unsigned char *addr, unsigned prefix)
{
    size_t          n;
    unsigned char  *buf;

    buf = fuzz_copy(text, KAIRO_ADDR_TEXT);

    n = kairo_addr_v6(buf, addr, prefix);
    must(n > 0 && n < KAIRO_ADDR_TEXT);

    memcpy(text, buf, n);
    text[n] = '\0';

    free(buf);

    return n;
}


static void
check_v4(const unsigned char *addr, const char *text)
{
    size_t         n;
    unsigned char  back[4], again[KAIRO_ADDR_TEXT];

    must(inet_pton(AF_INET, text, back) == 1);
    must(memcmp(back, addr, 4) == 0);

    n = kairo_addr_v4(again, addr);
    must(n == strlen(text) && memcmp(again, text, n) == 0);
}


static void
check_v6(const unsigned char *addr, unsigned prefix, char *text)
{
    char          *slash, *end;
    unsigned       bit;
    unsigned char  masked[16], back[16];

    memcpy(masked, addr, 16);

    for (bit = prefix; bit < 128; bit++) {
        masked[bit / 8] &= (unsigned char) ~(0x80u >> bit % 8);
    }

    slash = strchr(text, '/');
    must(slash != NULL);
    must(strtoul(slash + 1, &end, 10) == prefix && *end == '\0');

    *slash = '\0';

    must(inet_pton(AF_INET6, text, back) == 1);
    must(memcmp(back, masked, 16) == 0);

    /* RFC 5952: no capitals, no IPv4, one "::", no zero in front */

    must(strspn(text, "0123456789abcdef:") == strlen(text));
    must(text[0] != '0' || text[1] == ':');
    must(strstr(text, ":00") == NULL);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char            text[KAIRO_ADDR_TEXT + 1];
    unsigned        prefix;
    unsigned char  *addr;

    if (size != 17) {
        return 0;
    }

    memset(text, 0, sizeof(text));

    prefix = 1 + data[0] % 128;
    addr = fuzz_copy(data + 1, 16);

    (void) text_v6(text, addr, prefix);

    if (memcmp(addr, mapped, sizeof(mapped)) == 0) {
        check_v4(addr + 12, text);

    } else {
        check_v6(addr, prefix, text);
    }

    free(addr);

    return 0;
}
