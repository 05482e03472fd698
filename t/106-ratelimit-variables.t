# rate=, burst= and cost= from variables; per=location; the cap on delays.

use lib 't/lib';
use Kairo;
use Test::Nginx::Socket;

run_tests();

__DATA__

=== TEST 1: a rate from a plan; another plan is another bucket, at once
--- http_config
    map $arg_plan $rate { free 1r/m; pro 1000r/m; default ""; }
    kairo_ratelimit_zone $arg_u zone=one:32k rate=$rate;
--- config
    location /t { kairo_ratelimit zone=one; return 204; }
    location /u { kairo_ratelimit zone=one; root html; }
--- user_files
>>> u
ok
--- pipelined_requests eval
["GET /u?u=a&plan=free", "GET /u?u=a&plan=free", "GET /u?u=a&plan=pro",
 "GET /u?u=a&plan=free"]
--- error_code eval
[200, 429, 200, 429]


=== TEST 2: an unreadable rate is refused, and logged by its name alone
--- http_config
    kairo_ratelimit_zone $arg_u zone=one:32k rate=$arg_rate;
--- config
    location /u { kairo_ratelimit zone=one;
        add_header X-Vars "$kairo_decision $kairo_ratelimit_status" always;
        root html; }
--- request
GET /u?u=a&rate=s3cret
--- error_code: 503
--- response_headers
X-Vars: refused_on_error ERROR
--- error_log
kairo ratelimit: the value of the "$arg_rate" rate is not a rate, by zone "one"


=== TEST 3: passed where the operator has said so
--- http_config
    kairo_ratelimit_zone $arg_u zone=one:32k rate=$arg_rate;
--- config
    location /u { kairo_ratelimit zone=one on_error=pass; root html; }
--- user_files
>>> u
ok
--- request
GET /u?u=a
--- response_body
ok
--- error_log
the value of the "$arg_rate" rate is not a rate


=== TEST 4: default= stands in, for empty and for unreadable
--- http_config
    kairo_ratelimit_zone $arg_u zone=one:32k rate=$arg_rate default=1r/m;
--- config
    location /u { kairo_ratelimit zone=one; root html; }
--- user_files
>>> u
ok
--- pipelined_requests eval
["GET /u?u=a", "GET /u?u=a", "GET /u?u=a&rate=1r/x", "GET /u?u=a&rate=9r/m"]
--- error_code eval
[200, 429, 429, 200]


=== TEST 5: a burst from a variable
--- http_config
    kairo_ratelimit_zone $arg_u zone=one:32k rate=1r/m;
--- config
    location /u { kairo_ratelimit zone=one burst=$arg_b nodelay default=0;
                  root html; }
--- user_files
>>> u
ok
--- pipelined_requests eval
["GET /u?u=a&b=2", "GET /u?u=a&b=2", "GET /u?u=a&b=2", "GET /u?u=a&b=2",
 "GET /u?u=b", "GET /u?u=b", "GET /u?u=b&b=x"]
--- error_code eval
[200, 200, 200, 429, 200, 429, 429]


=== TEST 6: a cost from a variable; a cost of 0 asks; one above all is told
--- http_config
    kairo_ratelimit_zone $arg_u zone=one:32k rate=1r/m;
--- config
    location /u { kairo_ratelimit zone=one burst=4 nodelay cost=$arg_c
                                  default=1; root html; }
--- user_files
>>> u
ok
--- pipelined_requests eval
["GET /u?u=a&c=3", "GET /u?u=a&c=3", "GET /u?u=a&c=0", "GET /u?u=a&c=0",
 "GET /u?u=a&c=2", "GET /u?u=a&c=0", "GET /u?u=a&c=6", "GET /u?u=a"]
--- error_code eval
[200, 429, 200, 200, 200, 429, 429, 429]


=== TEST 7: what can never pass has its own code, and no time to wait
--- http_config
    kairo_ratelimit_zone $arg_u zone=one:32k rate=1r/m;
--- config
    location /u { kairo_ratelimit zone=one burst=4 nodelay cost=6; root html; }
--- request
GET /u?u=a
--- error_code: 429
--- response_headers
! Retry-After
RateLimit: "one";r=5
--- response_body_like: "code":"cost_above_limit"


=== TEST 8: an unreadable cost is refused
--- http_config
    kairo_ratelimit_zone $arg_u zone=one:32k rate=1r/m;
--- config
    location /u { kairo_ratelimit zone=one burst=4 nodelay cost=$arg_c;
                  root html; }
--- pipelined_requests eval
["GET /u?u=a", "GET /u?u=a&c=-1", "GET /u?u=a&c=1.5",
 "GET /u?u=a&c=99999999999999999999"]
--- error_code eval
[503, 503, 503, 503]


=== TEST 9: a burst that can't be kept is refused
--- http_config
    kairo_ratelimit_zone $arg_u zone=one:32k rate=1r/d;
--- config
    location /u { kairo_ratelimit zone=one burst=$arg_b nodelay; root html; }
--- request
GET /u?u=a&b=999999999
--- error_code: 503
--- error_log
the value of the "$arg_b" burst is more than 146 years of the rate


=== TEST 10: one limit for a server, and each location apart
--- http_config
    kairo_ratelimit_zone $arg_u zone=one:32k rate=1r/m;
--- config
    kairo_ratelimit zone=one per=location;
    location /a { root html; }
    location = /a { root html; }
    location /b { root html; }
--- user_files
>>> a
a
>>> b
b
--- pipelined_requests eval
["GET /a?u=a", "GET /a?u=a", "GET /b?u=a", "GET /b?u=a", "GET /ab?u=a"]
--- error_code eval
[200, 429, 200, 429, 404]


=== TEST 11: no more than so many wait, and who is sent away pays nothing
--- http_config
    kairo_ratelimit_zone $arg_u zone=one:32k rate=1r/m;
    kairo_ratelimit_max_delayed 0;
--- config
    location /u { kairo_ratelimit zone=one burst=5; root html; }
    location /n { kairo_ratelimit zone=one burst=1 nodelay; root html; }
--- user_files
>>> u
ok
>>> n
ok
--- pipelined_requests eval
["GET /u?u=a", "GET /u?u=a", "GET /n?u=a", "GET /n?u=a"]
--- error_code eval
[200, 429, 200, 429]
--- response_body_like eval
["ok", '"code":"too_many_delayed"', "ok", '"code":"rate_limited"']


=== TEST 12: several IPv6 tiers have their variables
--- http_config
    kairo_ratelimit_zone $kairo_client_64 zone=by64:32k rate=1r/m;
    kairo_ratelimit_zone $kairo_client_56 zone=by56:32k rate=2r/m;
    kairo_ratelimit_zone $kairo_client_48 zone=by48:32k rate=3r/m;
    set_real_ip_from 127.0.0.1;
    real_ip_header X-Real-IP;
--- config
    location /u {
        kairo_ratelimit zone=by64 nodelay;
        kairo_ratelimit zone=by56 burst=1 nodelay;
        kairo_ratelimit zone=by48 burst=2 nodelay;
        add_header X-Who "$kairo_client_128 $kairo_client_48" always;
        root html;
    }
--- user_files
>>> u
ok
--- pipelined_requests eval
["GET /u", "GET /u", "GET /u", "GET /u", "GET /u", "GET /u"]
--- more_headers eval
["X-Real-IP: 2001:db8:1:100::1", "X-Real-IP: 2001:db8:1:100::2",
 "X-Real-IP: 2001:db8:1:101::1", "X-Real-IP: 2001:db8:1:102::1",
 "X-Real-IP: 2001:db8:1:200::1", "X-Real-IP: 2001:db8:1:300::1"]
--- error_code eval
[200, 429, 200, 429, 200, 429]
--- response_headers eval
["X-Who: 2001:db8:1:100::1/128 2001:db8:1::/48", "", "", "", "", ""]
