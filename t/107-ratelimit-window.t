# Sliding windows.

use lib 't/lib';
use Kairo;
use Test::Nginx::Socket;

run_tests();

__DATA__

=== TEST 1: as many as the count at once, and then none
--- http_config
    kairo_ratelimit_zone $arg_u zone=one:32k rate=3 window=1d;
--- config
    location /u { kairo_ratelimit zone=one; root html; }
--- user_files
>>> u
ok
--- pipelined_requests eval
["GET /u?u=a", "GET /u?u=a", "GET /u?u=a", "GET /u?u=a", "GET /u?u=b"]
--- error_code eval
[200, 200, 200, 429, 200]
--- response_body_like eval
["ok", "ok", "ok", '"code":"rate_limited"', "ok"]


=== TEST 2: a cost above the count
--- http_config
    kairo_ratelimit_zone $arg_u zone=one:32k rate=3 window=1h;
--- config
    location /u { kairo_ratelimit zone=one cost=4; root html; }
--- request
GET /u?u=a
--- error_code: 429
--- response_body_like: "code":"cost_above_limit"


=== TEST 3: a count from a variable
--- http_config
    kairo_ratelimit_zone $arg_u zone=one:32k rate=$arg_n default=1 window=1d;
--- config
    location /u { kairo_ratelimit zone=one; root html; }
--- user_files
>>> u
ok
--- pipelined_requests eval
["GET /u?u=a&n=2", "GET /u?u=a&n=2", "GET /u?u=a&n=2", "GET /u?u=b&n=1r/s",
 "GET /u?u=b&n=1048576"]
--- error_code eval
[200, 200, 429, 200, 429]


=== TEST 4: several limits, a bucket and a window: all or nothing
--- http_config
    kairo_ratelimit_zone $arg_u zone=win:32k rate=2 window=1d;
    kairo_ratelimit_zone $arg_v zone=buck:32k rate=1r/m;
--- config
    location /u { kairo_ratelimit zone=win; kairo_ratelimit zone=buck;
                  root html; }
--- user_files
>>> u
ok
--- pipelined_requests eval
["GET /u?u=a&v=1", "GET /u?u=a&v=1", "GET /u?u=a&v=2", "GET /u?u=a&v=3"]
--- error_code eval
[200, 429, 200, 429]


=== TEST 5: burst is not for a window
--- http_config
    kairo_ratelimit_zone $arg_u zone=one:32k rate=3 window=1h;
--- config
    location /u { kairo_ratelimit zone=one burst=2; }
--- must_die
--- error_log
burst, delay and nodelay of kairo_ratelimit are not for zone "one", which has a window


=== TEST 6: nor is nodelay
--- http_config
    kairo_ratelimit_zone $arg_u zone=one:32k rate=3 window=1h;
--- config
    location /u { kairo_ratelimit zone=one nodelay; }
--- must_die
--- error_log
which has a window


=== TEST 7: a rate with a unit is not a count
--- http_config
    kairo_ratelimit_zone $arg_u zone=one:32k rate=3r/s window=1h;
--- config
    location /t { return 204; }
--- must_die
--- error_log
invalid rate "rate=3r/s", with a window it is a number of requests from 1 to 1048575


=== TEST 8: a count that is too large
--- http_config
    kairo_ratelimit_zone $arg_u zone=one:32k rate=1048576 window=1h;
--- config
    location /t { return 204; }
--- must_die
--- error_log
with a window it is a number of requests from 1 to 1048575


=== TEST 9: a window of nothing
--- http_config
    kairo_ratelimit_zone $arg_u zone=one:32k rate=3 window=0s;
--- config
    location /t { return 204; }
--- must_die
--- error_log
invalid window "window=0s", expected a time from 1ms to 366d, as in window=1h


=== TEST 10: a default beside a fixed rate
--- http_config
    kairo_ratelimit_zone $arg_u zone=one:32k rate=3r/s default=1r/s;
--- config
    location /t { return 204; }
--- must_die
--- error_log
"default=1r/s" is of no use beside "rate=3r/s"


=== TEST 11: a default that is no rate
--- http_config
    kairo_ratelimit_zone $arg_u zone=one:32k rate=$arg_r default=fast;
--- config
    location /t { return 204; }
--- must_die
--- error_log
invalid rate "default=fast"


=== TEST 12: a default for two variables
--- http_config
    kairo_ratelimit_zone $arg_u zone=one:32k rate=1r/s;
--- config
    location /u { kairo_ratelimit zone=one burst=$arg_b cost=$arg_c default=1; }
--- must_die
--- error_log
"default=1" is for a limit where either burst= or cost= has variables


=== TEST 13: a default for none
--- http_config
    kairo_ratelimit_zone $arg_u zone=one:32k rate=1r/s;
--- config
    location /u { kairo_ratelimit zone=one burst=2 default=1; }
--- must_die
--- error_log
"default=1" is for a limit where either burst= or cost= has variables


=== TEST 14: a default that is no number
--- http_config
    kairo_ratelimit_zone $arg_u zone=one:32k rate=1r/s;
--- config
    location /u { kairo_ratelimit zone=one burst=$arg_b default=many; }
--- must_die
--- error_log
invalid default value "default=many", expected a number from 0


=== TEST 15: a cost that is no number
--- http_config
    kairo_ratelimit_zone $arg_u zone=one:32k rate=1r/s;
--- config
    location /u { kairo_ratelimit zone=one cost=some; }
--- must_die
--- error_log
invalid cost value "cost=some", expected a number from 0, or variables


=== TEST 16: headers that nobody knows
--- http_config
    kairo_ratelimit_zone $arg_u zone=one:32k rate=1r/s;
--- config
    location /u { kairo_ratelimit zone=one headers=off,all; }
--- must_die
--- error_log
invalid headers value "headers=off,all", expected headers=draft, legacy or off


=== TEST 17: too many delayed
--- http_config
    kairo_ratelimit_max_delayed 1000001;
--- config
    location /t { return 204; }
--- must_die
--- error_log
value must be between 0 and 1000000
