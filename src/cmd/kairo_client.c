
#include <arpa/inet.h>

#include "cmd/kairo.h"
#include "core/kairo_addr.h"


int
kairo_cmd_client(kairo_span_t value)
{
    char           text[INET6_ADDRSTRLEN];
    size_t         n;
    unsigned char  addr[16], buf[KAIRO_ADDR_TEXT];

    if (value.n < sizeof(text)) {

        memcpy(text, value.p, value.n);
        text[value.n] = '\0';

        if (strlen(text) == value.n) {

            if (inet_pton(AF_INET, text, addr) == 1) {
                n = kairo_addr_v4(buf, addr);
                printf("valid %s: %.*s\n", text, (int) n, (char *) buf);
                return 0;
            }

            if (inet_pton(AF_INET6, text, addr) == 1) {
                n = kairo_addr_v6(buf, addr, KAIRO_ADDR_V6_PREFIX);
                printf("valid %s: %.*s\n", text, (int) n, (char *) buf);
                return 0;
            }
        }
    }

    printf("invalid %.*s: neither an IPv4 nor an IPv6 address\n",
           (int) value.n, (const char *) value.p);

    return 1;
}
