# The module loads, and costs nothing where no directive asks for it.

use lib 't/lib';
use Kairo;
use Test::Nginx::Socket;

run_tests();

__DATA__

=== TEST 1: no directive of kairo, no handler and no zone
--- config
    location /t { return 200 "ok\n"; }
--- request
GET /t
--- more_headers
X-Kairo-User: somebody
--- response_body
ok
--- no_error_log
kairo


=== TEST 2: a request without a limit keeps its X-Kairo fields
--- config
    location /t { return 200 "$http_x_kairo_user\n"; }
--- request
GET /t
--- more_headers
X-Kairo-User: somebody
--- response_body
somebody
