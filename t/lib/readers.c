
/*
 * The host of each URL, one a line, as libcurl has it and resolves it; "!" for
 * none.
 */


#include <curl/curl.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>


int
main(void)
{
    char    *line, *host;
    CURLU   *url;
    size_t   size;
    ssize_t  n;

    /* libidn2 takes a name in the character set of the locale */

    setlocale(LC_ALL, "C.UTF-8");

    line = NULL;
    size = 0;

    while ((n = getline(&line, &size, stdin)) > 0) {

        line[n - 1] = '\0';

        url = curl_url();
        host = NULL;

        if (curl_url_set(url, CURLUPART_URL, line, 0) != CURLUE_OK
            || curl_url_get(url, CURLUPART_HOST, &host, CURLU_PUNYCODE)
               != CURLUE_OK)
        {
            puts("!");

        } else {
            puts(host);
        }

        curl_free(host);
        curl_url_cleanup(url);
    }

    free(line);

    return 0;
}
