# Directives at http, server and location; several limits at one location; one
# request that enters several locations.

use lib 't/lib';
use Kairo;
use Test::Nginx::Socket;

no_root_location();
check_accum_error_log();
run_tests();

__DATA__

=== TEST 1: a limit of http is every location's
--- http_config
    kairo_ratelimit_zone $host zone=one:32k rate=1r/h;
    kairo_ratelimit zone=one;
    server {
        listen $TEST_NGINX_SERVER_PORT;
        server_name other;
        location / { empty_gif; }
    }
--- config
    location /a { empty_gif; }
    location /b { empty_gif; location /b/c { empty_gif; } }
--- pipelined_requests eval
["GET /a", "GET /b", "GET /b/c", "GET /t", "GET /t"]
--- more_headers eval
[("X: x") x 3, ("Host: other") x 2]
--- error_code eval
[200, 429, 429, 200, 429]


=== TEST 2: a limit of a server is that server's
--- http_config
    kairo_ratelimit_zone all zone=one:32k rate=1r/h;
    server {
        listen $TEST_NGINX_SERVER_PORT;
        server_name other;
        location / { empty_gif; }
    }
--- config
    kairo_ratelimit zone=one;
    location /t { empty_gif; }
--- pipelined_requests eval
["GET /t", "GET /t", "GET /t"]
--- more_headers eval
["X: x", "X: x", "Host: other"]
--- error_code eval
[200, 429, 200]


=== TEST 3: a limit of a location is that location's, and of those within
--- http_config
    kairo_ratelimit_zone $host zone=one:32k rate=1r/h;
--- config
    location /a { kairo_ratelimit zone=one; empty_gif;
                  location /a/b { empty_gif; } }
    location /c { empty_gif; }
--- pipelined_requests eval
["GET /a", "GET /a/b", "GET /c"]
--- error_code eval
[200, 429, 200]


=== TEST 4: limits of a level replace those above, all of them
--- http_config
    kairo_ratelimit_zone $host zone=one:32k rate=1r/h;
    kairo_ratelimit_zone $host zone=two:32k rate=1r/h;
    kairo_ratelimit_zone $host zone=three:32k rate=1r/h;
    kairo_ratelimit zone=one;
    kairo_ratelimit zone=two;
    server {
        listen $TEST_NGINX_SERVER_PORT;
        server_name other;
        location / { empty_gif; }
    }
--- config
    kairo_ratelimit zone=three burst=1 nodelay;
    location /t { empty_gif; }
    location /one { kairo_ratelimit zone=one; empty_gif; }
    location /two { kairo_ratelimit zone=two; empty_gif; }
--- pipelined_requests eval
["GET /t", "GET /t", "GET /t", "GET /one", "GET /one", "GET /two", "GET /two"]
--- error_code eval
[200, 200, 429, 200, 429, 200, 429]


=== TEST 5: the same zone with another burst replaces too
--- http_config
    kairo_ratelimit_zone $host zone=one:32k rate=1r/h;
--- config
    kairo_ratelimit zone=one;
    location /a { empty_gif; }
    location /b { kairo_ratelimit zone=one burst=2 nodelay; empty_gif; }
--- pipelined_requests eval
["GET /a", "GET /a", "GET /b", "GET /b", "GET /b"]
--- error_code eval
[200, 429, 200, 200, 429]


=== TEST 6: "off" in a location, and in those within
--- http_config
    kairo_ratelimit_zone $host zone=one:32k rate=1r/h;
    kairo_ratelimit zone=one;
--- config
    location /t { empty_gif; }
    location /off { kairo_ratelimit off; empty_gif;
                    location /off/a { empty_gif; }
                    location /off/b { kairo_ratelimit zone=one; empty_gif; } }
--- pipelined_requests eval
["GET /t", "GET /off", "GET /off", "GET /off/a", "GET /off/b", "GET /t"]
--- error_code eval
[200, 200, 200, 200, 429, 429]


=== TEST 7: "off" in a server
--- http_config
    kairo_ratelimit_zone $host zone=one:32k rate=1r/h;
    kairo_ratelimit zone=one;
--- config
    kairo_ratelimit off;
    location /t { empty_gif; }
    location /on { kairo_ratelimit zone=one; empty_gif; }
--- pipelined_requests eval
["GET /t", "GET /t", "GET /on", "GET /on"]
--- error_code eval
[200, 200, 200, 429]


=== TEST 8: "off" where nothing is on
--- config
    location /t { kairo_ratelimit off; empty_gif; }
--- request
GET /t


=== TEST 9: the status is inherited
--- http_config
    kairo_ratelimit_zone $host zone=one:32k rate=1r/h;
    kairo_ratelimit zone=one;
    kairo_ratelimit_status 503;
    server {
        listen $TEST_NGINX_SERVER_PORT;
        server_name other;
        kairo_ratelimit_status 507;
        location / { empty_gif; }
        location /t { kairo_ratelimit_status 413; empty_gif; }
    }
--- config
    location / { empty_gif; }
    location /t { kairo_ratelimit_status 403; empty_gif; }
--- pipelined_requests eval
["GET /", "GET /", "GET /t", "GET /", "GET /", "GET /t"]
--- more_headers eval
[("X: x") x 3, ("Host: other") x 3]
--- error_code eval
[200, 503, 403, 200, 507, 413]


=== TEST 10: the log level is inherited
--- http_config
    kairo_ratelimit_zone $host zone=http:32k rate=1r/h;
    kairo_ratelimit_zone $host zone=server:32k rate=1r/h;
    kairo_ratelimit_zone $host zone=location:32k rate=1r/h;
    kairo_ratelimit_log_level warn;
    server {
        listen $TEST_NGINX_SERVER_PORT;
        server_name other;
        kairo_ratelimit_log_level notice;
        location / { kairo_ratelimit zone=server; empty_gif; }
        location /t { kairo_ratelimit zone=location;
                      kairo_ratelimit_log_level info; empty_gif; }
    }
--- config
    location / { kairo_ratelimit zone=http; empty_gif; }
--- pipelined_requests eval
["GET /", "GET /", "GET /", "GET /", "GET /t", "GET /t"]
--- more_headers eval
[("X: x") x 2, ("Host: other") x 4]
--- error_code eval
[(200, 429) x 3]
--- error_log eval
[qr/\[warn\] .*limiting requests.* by zone "http"/,
 qr/\[notice\] .*limiting requests.* by zone "server"/,
 qr/\[info\] .*limiting requests.* by zone "location"/]


=== TEST 11: the dry run is inherited
--- http_config
    kairo_ratelimit_zone $host zone=one:32k rate=1r/h;
    kairo_ratelimit zone=one;
    kairo_ratelimit_dry_run on;
    server {
        listen $TEST_NGINX_SERVER_PORT;
        server_name other;
        kairo_ratelimit_dry_run off;
        location / { empty_gif; }
        location /t { kairo_ratelimit_dry_run on; empty_gif; }
    }
--- config
    location / { empty_gif; }
    location /t { kairo_ratelimit_dry_run off; empty_gif; }
--- pipelined_requests eval
["GET /", "GET /", "GET /t", "GET /", "GET /", "GET /t"]
--- more_headers eval
[("X: x") x 3, ("Host: other") x 3]
--- error_code eval
[200, 200, 429, 200, 429, 200]


=== TEST 12: an "if" and a limit_except keep the location's limits
--- http_config
    kairo_ratelimit_zone $host zone=one:32k rate=1r/h;
--- config
    location /t { kairo_ratelimit zone=one; kairo_ratelimit_status 503;
                  if ($arg_k) { add_header X-If yes; }
                  limit_except POST { allow all; }
                  root html; }
--- user_files
>>> t
content
--- pipelined_requests eval
["GET /t?k=1", "GET /t?k=1", "GET /t", "POST /t"]
--- error_code eval
[200, 503, 503, 503]


=== TEST 13: two limits, either refuses
--- http_config
    kairo_ratelimit_zone $arg_a zone=one:32k rate=1r/h;
    kairo_ratelimit_zone $arg_b zone=two:32k rate=1r/h;
--- config
    location /t { kairo_ratelimit zone=one; kairo_ratelimit zone=two;
                  empty_gif; }
--- pipelined_requests eval
["GET /t?a=1&b=1", "GET /t?a=1&b=2", "GET /t?a=2&b=1", "GET /t?a=2&b=2"]
--- error_code eval
[200, 429, 429, 200]


=== TEST 14: what passes is charged to all
--- http_config
    kairo_ratelimit_zone $host zone=one:32k rate=1r/h;
    kairo_ratelimit_zone $host zone=two:32k rate=1r/h;
    kairo_ratelimit_zone $host zone=three:32k rate=1r/h;
--- config
    location /t { kairo_ratelimit zone=one; kairo_ratelimit zone=two;
                  kairo_ratelimit zone=three; empty_gif; }
    location /one { kairo_ratelimit zone=one; empty_gif; }
    location /two { kairo_ratelimit zone=two; empty_gif; }
    location /three { kairo_ratelimit zone=three; empty_gif; }
--- pipelined_requests eval
["GET /t", "GET /one", "GET /two", "GET /three"]
--- error_code eval
[200, 429, 429, 429]


=== TEST 15: what the last refuses is charged to none
--- http_config
    kairo_ratelimit_zone $host zone=one:32k rate=1r/h;
    kairo_ratelimit_zone $host zone=two:32k rate=1r/h;
    kairo_ratelimit_zone $host zone=three:32k rate=1r/h;
--- config
    location /t { kairo_ratelimit zone=one; kairo_ratelimit zone=two;
                  kairo_ratelimit zone=three; empty_gif; }
    location /one { kairo_ratelimit zone=one; empty_gif; }
    location /two { kairo_ratelimit zone=two; empty_gif; }
    location /three { kairo_ratelimit zone=three; empty_gif; }
--- pipelined_requests eval
["GET /three", "GET /t", "GET /t", "GET /one", "GET /two"]
--- error_code eval
[200, 429, 429, 200, 200]


=== TEST 16: what the first refuses is charged to none
--- http_config
    kairo_ratelimit_zone $host zone=one:32k rate=1r/h;
    kairo_ratelimit_zone $host zone=two:32k rate=1r/h;
    kairo_ratelimit_zone $host zone=three:32k rate=1r/h;
--- config
    location /t { kairo_ratelimit zone=one; kairo_ratelimit zone=two;
                  kairo_ratelimit zone=three; empty_gif; }
    location /one { kairo_ratelimit zone=one; empty_gif; }
    location /two { kairo_ratelimit zone=two; empty_gif; }
    location /three { kairo_ratelimit zone=three; empty_gif; }
--- pipelined_requests eval
["GET /one", "GET /t", "GET /t", "GET /two", "GET /three"]
--- error_code eval
[200, 429, 429, 200, 200]


=== TEST 17: a refusal leaves the other's burst as it was
--- http_config
    kairo_ratelimit_zone $host zone=one:32k rate=1r/h;
    kairo_ratelimit_zone $host zone=two:32k rate=1r/h;
--- config
    location /t { kairo_ratelimit zone=one burst=2 nodelay;
                  kairo_ratelimit zone=two; empty_gif; }
    location /one { kairo_ratelimit zone=one burst=2 nodelay; empty_gif; }
--- pipelined_requests eval
["GET /t", ("GET /t") x 5, ("GET /one") x 3]
--- error_code eval
[200, (429) x 5, 200, 200, 429]


=== TEST 18: a key that is too long is charged to none either
--- http_config
    large_client_header_buffers 4 128k;
    kairo_ratelimit_zone $host zone=one:32k rate=1r/h;
    kairo_ratelimit_zone $http_x_key zone=two:32k rate=1r/h;
--- config
    location /t { kairo_ratelimit zone=one; kairo_ratelimit zone=two;
                  empty_gif; }
--- request eval
["GET /t", "GET /t"]
--- more_headers eval
["X-Key: " . "k" x 65536, "X-Key: k"]
--- error_code eval
[429, 200]


=== TEST 19: an empty key leaves the other limits
--- http_config
    kairo_ratelimit_zone $arg_k zone=one:32k rate=1r/h;
    kairo_ratelimit_zone $host zone=two:32k rate=1r/h;
--- config
    location /t { kairo_ratelimit zone=one; kairo_ratelimit zone=two;
                  empty_gif; }
--- pipelined_requests eval
["GET /t", "GET /t"]
--- error_code eval
[200, 429]


=== TEST 20: sixteen limits, all are charged
--- http_config eval
CORE::join '', map { "kairo_ratelimit_zone \$host zone=z$_:32k rate=1r/h;\n" }
               1 .. 16
--- config eval
CORE::join '', "location /t {\n", map({ "kairo_ratelimit zone=z$_;\n" } 1 .. 16),
               "empty_gif; }\n",
               map { "location =/$_ { kairo_ratelimit zone=z$_; empty_gif; }\n" }
                   1 .. 16
--- pipelined_requests eval
["GET /t", "GET /t", map { "GET /$_" } 1 .. 16]
--- error_code eval
[200, (429) x 17]


=== TEST 21: sixteen limits, the last refuses and none is charged
--- http_config eval
CORE::join '', map { "kairo_ratelimit_zone \$host zone=z$_:32k rate=1r/h;\n" }
               1 .. 16
--- config eval
CORE::join '', "location /t {\n", map({ "kairo_ratelimit zone=z$_;\n" } 1 .. 16),
               "empty_gif; }\n",
               map { "location =/$_ { kairo_ratelimit zone=z$_; empty_gif; }\n" }
                   1 .. 16
--- pipelined_requests eval
["GET /16", "GET /t", map { "GET /$_" } 1 .. 15]
--- error_code eval
[200, 429, (200) x 15]


=== TEST 22: the delay is the longest, the slow limit first
--- http_config
    kairo_ratelimit_zone $host zone=fast:32k rate=1000r/s;
    kairo_ratelimit_zone $host zone=slow:32k rate=2r/s;
--- config
    location /t { kairo_ratelimit zone=slow burst=5;
                  kairo_ratelimit zone=fast burst=5;
                  add_header X-Time $request_time; empty_gif; }
--- pipelined_requests eval
["GET /t", "GET /t"]
--- timeout: 20
--- response_headers_like eval
["X-Time: .*", "X-Time: (0\\.[3-9]|[1-9]).*"]
--- error_log eval
[qr/delaying request, excess: \d\.\d+, by zone "slow"/]


=== TEST 23: the delay is the longest, the slow limit last
--- http_config
    kairo_ratelimit_zone $host zone=fast:32k rate=1000r/s;
    kairo_ratelimit_zone $host zone=slow:32k rate=2r/s;
--- config
    location /t { kairo_ratelimit zone=fast burst=5;
                  kairo_ratelimit zone=slow burst=5;
                  add_header X-Time $request_time; empty_gif; }
--- pipelined_requests eval
["GET /t", "GET /t"]
--- timeout: 20
--- response_headers_like eval
["X-Time: .*", "X-Time: (0\\.[3-9]|[1-9]).*"]
--- error_log eval
[qr/delaying request, excess: \d\.\d+, by zone "slow"/]


=== TEST 24: the delay is the longest, not their sum
--- http_config
    kairo_ratelimit_zone $host zone=one:32k rate=1r/s;
    kairo_ratelimit_zone $host zone=two:32k rate=10/9s;
    kairo_ratelimit_zone $host zone=three:32k rate=10/8s;
--- config
    location /t { kairo_ratelimit zone=one burst=5;
                  kairo_ratelimit zone=two burst=5;
                  kairo_ratelimit zone=three burst=5;
                  add_header X-Status $kairo_ratelimit_status;
                  add_header X-Time $request_time; empty_gif; }
--- pipelined_requests eval
["GET /t", "GET /t"]
--- timeout: 20
--- response_headers_like eval
["X-Status: PASSED", "X-Status: DELAYED\nX-Time: (0\\.[6-9]|1\\.|2\\.[0-4]).*"]


=== TEST 25: nodelay of one limit does not take the other's delay away
--- http_config
    kairo_ratelimit_zone $host zone=one:32k rate=1r/h;
    kairo_ratelimit_zone $host zone=two:32k rate=2r/s;
--- config
    location /t { kairo_ratelimit zone=one burst=5 nodelay;
                  kairo_ratelimit zone=two burst=5;
                  add_header X-Status $kairo_ratelimit_status;
                  add_header X-Time $request_time; empty_gif; }
--- pipelined_requests eval
["GET /t", "GET /t"]
--- timeout: 20
--- response_headers_like eval
["X-Status: PASSED", "X-Status: DELAYED\nX-Time: (0\\.[3-9]|[1-9]).*"]


=== TEST 26: Retry-After is the longest of theirs, whoever refuses
--- http_config
    kairo_ratelimit_zone $arg_k zone=minute:32k rate=1r/m;
    kairo_ratelimit_zone $arg_k zone=hour:32k rate=1r/h;
--- config
    location /a { kairo_ratelimit zone=minute; kairo_ratelimit zone=hour;
                  empty_gif; }
    location /b { kairo_ratelimit zone=hour; kairo_ratelimit zone=minute;
                  empty_gif; }
    location /m { kairo_ratelimit zone=minute; empty_gif; }
--- pipelined_requests eval
["GET /a?k=1", "GET /a?k=1", "GET /b?k=1",
 "GET /m?k=2", "GET /a?k=2", "GET /b?k=2"]
--- error_code eval
[200, 429, 429, 200, 429, 429]
--- response_headers_like eval
["Retry-After:", ("Retry-After: (3600|359.)") x 2,
 "Retry-After:", ("Retry-After: (60|5.)") x 2]


=== TEST 27: the log names the limit that refuses
--- http_config
    kairo_ratelimit_zone $host zone=one:32k rate=1r/h;
    kairo_ratelimit_zone $host zone=two:32k rate=1r/h;
--- config
    location /t { kairo_ratelimit zone=one burst=5 nodelay;
                  kairo_ratelimit zone=two; empty_gif; }
--- pipelined_requests eval
["GET /t", "GET /t"]
--- error_code eval
[200, 429]
--- error_log eval
[qr/limiting requests, excess: [01]\.\d\d\d by zone "two"/]
--- no_error_log
by zone "one"


=== TEST 28: a request is limited once, in the first location with limits
--- http_config
    kairo_ratelimit_zone $host zone=one:32k rate=1r/h;
    kairo_ratelimit_zone $host zone=two:32k rate=1r/h;
--- config
    location /t { kairo_ratelimit zone=one burst=1 nodelay;
                  try_files /nothing @next; }
    location @next { kairo_ratelimit zone=two; empty_gif; }
    location /one { kairo_ratelimit zone=one; empty_gif; }
    location /two { kairo_ratelimit zone=two; empty_gif; }
--- pipelined_requests eval
["GET /t", "GET /t", "GET /one", "GET /two"]
--- error_code eval
[200, 200, 429, 200]


=== TEST 29: a zone that is entered twice is charged once
--- http_config
    kairo_ratelimit_zone $host zone=one:32k rate=1r/h;
    kairo_ratelimit zone=one;
--- config
    location /t { try_files /nothing @next; }
    location @next { empty_gif; }
--- request
GET /t


=== TEST 30: from a location without limits to one with
--- http_config
    kairo_ratelimit_zone $host zone=one:32k rate=1r/h;
--- config
    location /t { try_files /nothing @next; }
    location @next { kairo_ratelimit zone=one; empty_gif; }
--- pipelined_requests eval
["GET /t", "GET /t"]
--- error_code eval
[200, 429]


=== TEST 31: from a location whose keys are empty to one that limits
--- http_config
    kairo_ratelimit_zone $arg_k zone=one:32k rate=1r/h;
    kairo_ratelimit_zone $host zone=two:32k rate=1r/h;
--- config
    location /t { kairo_ratelimit zone=one; try_files /nothing @next; }
    location @next { kairo_ratelimit zone=two; empty_gif; }
--- pipelined_requests eval
["GET /t", "GET /t", "GET /t?k=1"]
--- error_code eval
[200, 429, 200]


=== TEST 32: an error page is limited by its own location, where nothing was before
--- http_config
    kairo_ratelimit_zone $host zone=one:32k rate=1r/h;
--- config
    location /t { root html; error_page 404 = /page; }
    location /page { kairo_ratelimit zone=one; empty_gif; }
--- pipelined_requests eval
["GET /t", "GET /t"]
--- error_code eval
[200, 429]


=== TEST 33: subrequests are not limited
--- http_config
    kairo_ratelimit_zone $host zone=one:32k rate=1r/h;
    server {
        listen unix:$TEST_NGINX_SERVER_ROOT/app.sock;
        location / { return 200 ok; }
    }
--- config
    location /t { auth_request /sub; mirror /sub; empty_gif; }
    location /sub { kairo_ratelimit zone=one;
                    proxy_pass http://unix:$TEST_NGINX_SERVER_ROOT/app.sock; }
--- pipelined_requests eval
["GET /t", "GET /t", "GET /t", "GET /sub", "GET /sub"]
--- error_code eval
[200, 200, 200, 200, 429]


=== TEST 34: a request that has subrequests is charged once
--- http_config
    kairo_ratelimit_zone $host zone=one:32k rate=1r/h;
    kairo_ratelimit zone=one burst=1 nodelay;
    server {
        listen unix:$TEST_NGINX_SERVER_ROOT/app.sock;
        kairo_ratelimit off;
        location / { return 200 ok; }
    }
--- config
    location /t { auth_request /sub; mirror /sub; empty_gif; }
    location /sub { proxy_pass http://unix:$TEST_NGINX_SERVER_ROOT/app.sock; }
--- pipelined_requests eval
["GET /t", "GET /t", "GET /t"]
--- error_code eval
[200, 200, 429]


=== TEST 35: "satisfy any" lets nobody evade a refusal
--- http_config
    kairo_ratelimit_zone $host zone=one:32k rate=1r/h;
--- config
    location /t { satisfy any; allow all; kairo_ratelimit zone=one; empty_gif; }
--- pipelined_requests eval
["GET /t", "GET /t"]
--- error_code eval
[200, 429]


=== TEST 36: "satisfy any" lets nobody in because a limit has passed him
--- http_config
    kairo_ratelimit_zone $host zone=one:32k rate=1r/h;
--- config
    location /t { satisfy any; deny all; kairo_ratelimit zone=one; empty_gif; }
--- request
GET /t
--- error_code: 403
