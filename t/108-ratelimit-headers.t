# What a response tells of its limits.

use lib 't/lib';
use Kairo;
use Test::Nginx::Socket;

run_tests();

__DATA__

=== TEST 1: a refusal tells by default, a pass does not
--- http_config
    kairo_ratelimit_zone $arg_u zone=perip:32k rate=1r/m;
--- config
    location /u { kairo_ratelimit zone=perip burst=1 nodelay; root html; }
--- user_files
>>> u
ok
--- pipelined_requests eval
["GET /u?u=a", "GET /u?u=a", "GET /u?u=a"]
--- error_code eval
[200, 200, 429]
--- response_headers eval
["!RateLimit\n!RateLimit-Policy", "!RateLimit",
 "RateLimit-Policy: \"perip\";q=2;w=120\nRateLimit: \"perip\";r=0;t=60\nRetry-After: 60"]


=== TEST 2: with "all" a pass tells too
--- http_config
    kairo_ratelimit_zone $arg_u zone=perip:32k rate=1r/m;
--- config
    location /u { kairo_ratelimit zone=perip burst=2 nodelay
                                  headers=draft,all; root html; }
--- user_files
>>> u
ok
--- request
GET /u?u=a
--- response_headers
RateLimit-Policy: "perip";q=3;w=180
RateLimit: "perip";r=2;t=60


=== TEST 3: several policies; of a refusal RateLimit names who has refused
--- http_config
    kairo_ratelimit_zone $arg_u zone=first:32k rate=1r/m;
    kairo_ratelimit_zone $arg_u zone=second:32k rate=100 window=1d;
--- config
    location /u { kairo_ratelimit zone=first headers=draft,all;
                  kairo_ratelimit zone=second headers=draft,all; root html; }
--- user_files
>>> u
ok
--- pipelined_requests eval
["GET /u?u=a", "GET /u?u=a"]
--- error_code eval
[200, 429]
--- raw_response_headers_like eval
["RateLimit-Policy: \"first\";q=1;w=60, \"second\";q=100;w=86400\r\n"
 . "RateLimit: \"first\";r=0;t=60, \"second\";r=99;t=\\d+\r\n",
 "RateLimit-Policy: \"first\";q=1;w=60, \"second\";q=100;w=86400\r\n"
 . "RateLimit: \"first\";r=0;t=60\r\n"]


=== TEST 4: the wait is that of the slowest that has refused
--- http_config
    kairo_ratelimit_zone $arg_u zone=first:32k rate=1r/m;
    kairo_ratelimit_zone $arg_u zone=second:32k rate=1r/h;
--- config
    location /u { kairo_ratelimit zone=first; kairo_ratelimit zone=second;
                  root html; }
--- user_files
>>> u
ok
--- pipelined_requests eval
["GET /u?u=a", "GET /u?u=a"]
--- error_code eval
[200, 429]
--- response_headers eval
["", "Retry-After: 3600\nRateLimit: \"first\";r=0;t=60, \"second\";r=0;t=3600"]


=== TEST 5: legacy fields, of the limit that leaves the least
--- http_config
    kairo_ratelimit_zone $arg_u zone=first:32k rate=1r/m;
    kairo_ratelimit_zone $arg_u zone=second:32k rate=1r/h;
--- config
    location /u { kairo_ratelimit zone=first burst=5 nodelay headers=legacy,all;
                  kairo_ratelimit zone=second burst=1 nodelay
                                  headers=legacy,all; root html; }
--- user_files
>>> u
ok
--- pipelined_requests eval
["GET /u?u=a", "GET /u?u=a", "GET /u?u=a"]
--- error_code eval
[200, 200, 429]
--- response_headers eval
["X-RateLimit-Limit: 2\nX-RateLimit-Remaining: 1\nX-RateLimit-Reset: 3600\n!RateLimit",
 "X-RateLimit-Limit: 2\nX-RateLimit-Remaining: 0",
 "X-RateLimit-Limit: 2\nX-RateLimit-Remaining: 0\nX-RateLimit-Reset: 3600\nRetry-After: 3600"]


=== TEST 6: off tells nothing but Retry-After
--- http_config
    kairo_ratelimit_zone $arg_u zone=perip:32k rate=1r/m;
--- config
    location /u { kairo_ratelimit zone=perip headers=off; root html; }
--- user_files
>>> u
ok
--- pipelined_requests eval
["GET /u?u=a", "GET /u?u=a"]
--- error_code eval
[200, 429]
--- response_headers eval
["", "!RateLimit\n!RateLimit-Policy\n!X-RateLimit-Limit\nRetry-After: 60"]


=== TEST 7: a dry run tells nothing
--- http_config
    kairo_ratelimit_zone $arg_u zone=perip:32k rate=1r/m;
--- config
    location /u { kairo_ratelimit zone=perip headers=draft,all;
                  kairo_ratelimit_dry_run on; root html; }
--- user_files
>>> u
ok
--- pipelined_requests eval
["GET /u?u=a", "GET /u?u=a"]
--- error_code eval
[200, 200]
--- response_headers eval
["!RateLimit", "!RateLimit\n!Retry-After"]


=== TEST 8: the fields are on an error page too
--- http_config
    kairo_ratelimit_zone $arg_u zone=perip:32k rate=1r/m;
--- config
    location /u { kairo_ratelimit zone=perip; error_page 429 /page; root html; }
    location /page { root html; }
--- user_files
>>> u
ok
>>> page
slow down
--- pipelined_requests eval
["GET /u?u=a", "GET /u?u=a"]
--- error_code eval
[200, 429]
--- response_body_like eval
["ok", "slow down"]
--- response_headers eval
["", "RateLimit: \"perip\";r=0;t=60"]


=== TEST 9: cost 0 tells what is left, and takes nothing
--- http_config
    kairo_ratelimit_zone $arg_u zone=perip:32k rate=1r/m;
--- config
    location /u { kairo_ratelimit zone=perip burst=4 nodelay cost=$arg_c
                                  headers=draft,all; root html; }
--- user_files
>>> u
ok
--- pipelined_requests eval
["GET /u?u=a&c=0", "GET /u?u=a&c=2", "GET /u?u=a&c=0"]
--- response_headers eval
["RateLimit: \"perip\";r=5;t=0", "RateLimit: \"perip\";r=3;t=120",
 "RateLimit: \"perip\";r=3;t=120"]
