# The dry run, and what the variables say in every state.

use lib 't/lib';
use Kairo;
use Test::Nginx::Socket;

check_accum_error_log();
run_tests();

__DATA__

=== TEST 1: nobody is refused
--- http_config
    kairo_ratelimit_zone $host zone=one:32k rate=1r/h;
--- config
    location /t { kairo_ratelimit zone=one; kairo_ratelimit_dry_run on;
                  add_header X-Vars "$kairo_ratelimit_status|$kairo_decision"
                                    always;
                  empty_gif; }
--- pipelined_requests eval
[("GET /t") x 4]
--- error_code eval
[(200) x 4]
--- response_headers eval
["X-Vars: PASSED|passed", ("X-Vars: REJECTED_DRY_RUN|refused_dry_run") x 3]
--- error_log eval
[qr/\[error\] .*kairo ratelimit: limiting requests, dry run, excess: [01]\.\d{3} by zone "one", client: 127\.0\.0\.1,/]


=== TEST 2: what passes instead of a refusal has nothing of one
--- http_config
    kairo_ratelimit_zone $host zone=one:32k rate=1r/h;
--- config
    location /t { kairo_ratelimit zone=one; kairo_ratelimit_dry_run on;
                  kairo_ratelimit_status 503; error_page 503 /busy;
                  empty_gif; }
    location /busy { return 200 "busy\n"; }
--- pipelined_requests eval
["GET /t", "GET /t"]
--- response_headers eval
[("Content-Type: image/gif\n! Retry-After\n! Cache-Control") x 2]
--- response_body_like eval
[("^GIF") x 2]


=== TEST 3: nobody is delayed
--- http_config
    kairo_ratelimit_zone $host zone=one:32k rate=1r/h;
--- config
    location /t { kairo_ratelimit zone=one burst=2; kairo_ratelimit_dry_run on;
                  add_header X-Vars "$kairo_ratelimit_status|$kairo_decision";
                  empty_gif; }
--- pipelined_requests eval
[("GET /t") x 4]
--- error_code eval
[(200) x 4]
--- response_headers eval
["X-Vars: PASSED|passed", ("X-Vars: DELAYED_DRY_RUN|passed") x 2,
 "X-Vars: REJECTED_DRY_RUN|refused_dry_run"]
--- error_log eval
[qr/\[warn\] .*kairo ratelimit: delaying request, dry run, excess: [01]\.\d{3}, by zone "one", client: 127\.0\.0\.1,/,
 qr/\[error\] .*kairo ratelimit: limiting requests, dry run, excess: [23]\.\d{3} by zone "one",/]


=== TEST 4: nodelay and delay=N in a dry run
--- http_config
    kairo_ratelimit_zone $host zone=one:32k rate=1r/h;
    kairo_ratelimit_zone $host zone=two:32k rate=1r/h;
--- config
    kairo_ratelimit_dry_run on;
    add_header X-Status $kairo_ratelimit_status;
    location /n { kairo_ratelimit zone=one burst=1 nodelay; empty_gif; }
    location /d { kairo_ratelimit zone=two burst=2 delay=1; empty_gif; }
--- pipelined_requests eval
[("GET /n") x 3, ("GET /d") x 4]
--- error_code eval
[(200) x 7]
--- response_headers eval
["X-Status: PASSED", "X-Status: PASSED", "X-Status: REJECTED_DRY_RUN",
 "X-Status: PASSED", "X-Status: PASSED", "X-Status: DELAYED_DRY_RUN",
 "X-Status: REJECTED_DRY_RUN"]


=== TEST 5: what passes in a dry run is charged
--- http_config
    kairo_ratelimit_zone $host zone=one:32k rate=1r/h;
--- config
    kairo_ratelimit zone=one;
    location /dry { kairo_ratelimit_dry_run on; empty_gif; }
    location /wet { empty_gif; }
--- pipelined_requests eval
["GET /dry", "GET /wet"]
--- error_code eval
[200, 429]


=== TEST 6: what would be delayed is charged
--- http_config
    kairo_ratelimit_zone $host zone=one:32k rate=1r/h;
--- config
    location /dry { kairo_ratelimit zone=one burst=2; kairo_ratelimit_dry_run on;
                    empty_gif; }
    location /wet { kairo_ratelimit zone=one burst=3 nodelay; empty_gif; }
--- pipelined_requests eval
["GET /dry", "GET /dry", "GET /dry", "GET /wet", "GET /wet"]
--- error_code eval
[200, 200, 200, 200, 429]


=== TEST 7: what would be refused is not charged
--- http_config
    kairo_ratelimit_zone $host zone=one:32k rate=1r/h;
--- config
    location /dry { kairo_ratelimit zone=one; kairo_ratelimit_dry_run on;
                    empty_gif; }
    location /wet { kairo_ratelimit zone=one burst=1 nodelay; empty_gif; }
--- pipelined_requests eval
[("GET /dry") x 5, "GET /wet", "GET /wet"]
--- error_code eval
[(200) x 6, 429]


=== TEST 8: what a wet location has charged, a dry one would refuse
--- http_config
    kairo_ratelimit_zone $host zone=one:32k rate=1r/h;
--- config
    kairo_ratelimit zone=one;
    add_header X-Status $kairo_ratelimit_status;
    location /dry { kairo_ratelimit_dry_run on; empty_gif; }
    location /wet { empty_gif; }
--- pipelined_requests eval
["GET /wet", "GET /dry"]
--- response_headers eval
["X-Status: PASSED", "X-Status: REJECTED_DRY_RUN"]


=== TEST 9: several limits in a dry run, what one would refuse is charged to none
--- http_config
    kairo_ratelimit_zone $host zone=one:32k rate=1r/h;
    kairo_ratelimit_zone $host zone=two:32k rate=1r/h;
--- config
    location /dry { kairo_ratelimit zone=one; kairo_ratelimit zone=two;
                    kairo_ratelimit_dry_run on; empty_gif; }
    location /one { kairo_ratelimit zone=one; empty_gif; }
    location /two { kairo_ratelimit zone=two; empty_gif; }
--- pipelined_requests eval
["GET /two", "GET /dry", "GET /one", "GET /two"]
--- error_code eval
[200, 200, 200, 429]


=== TEST 10: a key that is too long passes in a dry run
--- http_config
    large_client_header_buffers 4 128k;
    kairo_ratelimit_zone $http_x_key zone=one:32k rate=1r/h;
--- config
    location /t { kairo_ratelimit zone=one; kairo_ratelimit_dry_run on;
                  add_header X-Vars
                      "$kairo_ratelimit_status|$kairo_decision|$kairo_reason";
                  empty_gif; }
--- request
GET /t
--- more_headers eval
"X-Key: " . "k" x 65536
--- response_headers
X-Vars: REJECTED_DRY_RUN|refused_dry_run|key_too_long
--- error_log
65535 bytes


=== TEST 11: a dry run answers no request twice
--- http_config
    kairo_ratelimit_zone $host zone=one:32k rate=1r/h;
--- config
    kairo_ratelimit_dry_run on;
    location /t { kairo_ratelimit zone=one; try_files /nothing @next; }
    location @next { kairo_ratelimit zone=one; kairo_ratelimit_dry_run off;
                     add_header X-Status $kairo_ratelimit_status; empty_gif; }
--- pipelined_requests eval
["GET /t", "GET /t"]
--- error_code eval
[200, 200]
--- response_headers eval
["X-Status: PASSED", "X-Status: REJECTED_DRY_RUN"]


=== TEST 12: the variables of who has passed
--- http_config
    kairo_ratelimit_zone $host zone=one:32k rate=1r/h;
    log_format vars "[$kairo_ratelimit_status|$kairo_decision|$kairo_layer|$kairo_reason]";
--- config
    location /t { kairo_ratelimit zone=one; access_log logs/access.log vars;
                  add_header X-Vars "$kairo_ratelimit_status|$kairo_decision|$kairo_layer|$kairo_reason" always;
                  empty_gif; }
--- request
GET /t
--- response_headers
X-Vars: PASSED|passed||
--- access_log
[PASSED|passed|-|-]


=== TEST 13: the variables of who has waited
--- http_config
    kairo_ratelimit_zone $host zone=one:32k rate=2r/s;
    log_format vars "[$kairo_ratelimit_status|$kairo_decision|$kairo_layer|$kairo_reason]";
--- config
    location /t { kairo_ratelimit zone=one burst=5;
                  access_log logs/access.log vars;
                  add_header X-Vars "$kairo_ratelimit_status|$kairo_decision|$kairo_layer|$kairo_reason" always;
                  empty_gif; }
--- pipelined_requests eval
["GET /t", "GET /t"]
--- timeout: 20
--- response_headers eval
["X-Vars: PASSED|passed||", "X-Vars: DELAYED|passed||"]
--- access_log
[DELAYED|passed|-|-]


=== TEST 14: the variables of who is refused
--- http_config
    kairo_ratelimit_zone $host zone=one:32k rate=1r/h;
    log_format vars "[$kairo_ratelimit_status|$kairo_decision|$kairo_layer|$kairo_reason]";
--- config
    location /t { kairo_ratelimit zone=one; access_log logs/access.log vars;
                  add_header X-Vars "$kairo_ratelimit_status|$kairo_decision|$kairo_layer|$kairo_reason" always;
                  empty_gif; }
--- pipelined_requests eval
["GET /t", "GET /t"]
--- error_code eval
[200, 429]
--- response_headers eval
["X-Vars: PASSED|passed||",
 "X-Vars: REJECTED|refused|ratelimit|rate_limited"]
--- access_log
[REJECTED|refused|ratelimit|rate_limited]


=== TEST 15: the variables of who is refused, on an error page
--- http_config
    kairo_ratelimit_zone $host zone=one:32k rate=1r/h;
--- config
    location /t { kairo_ratelimit zone=one; error_page 429 @busy; empty_gif; }
    location @busy { return 429 "$kairo_ratelimit_status $kairo_decision $kairo_layer $kairo_reason\n"; }
--- pipelined_requests eval
["GET /t", "GET /t"]
--- error_code eval
[200, 429]
--- response_body_like eval
["^GIF", "^REJECTED refused ratelimit rate_limited\n\$"]


=== TEST 16: the variables of who would have waited
--- http_config
    kairo_ratelimit_zone $host zone=one:32k rate=1r/h;
    log_format vars "[$kairo_ratelimit_status|$kairo_decision|$kairo_layer|$kairo_reason]";
--- config
    location /t { kairo_ratelimit zone=one burst=5; kairo_ratelimit_dry_run on;
                  access_log logs/access.log vars;
                  add_header X-Vars "$kairo_ratelimit_status|$kairo_decision|$kairo_layer|$kairo_reason" always;
                  empty_gif; }
--- pipelined_requests eval
["GET /t", "GET /t"]
--- response_headers eval
["X-Vars: PASSED|passed||", "X-Vars: DELAYED_DRY_RUN|passed||"]
--- access_log
[DELAYED_DRY_RUN|passed|-|-]


=== TEST 17: the variables of who would have been refused
--- http_config
    kairo_ratelimit_zone $host zone=one:32k rate=1r/h;
    log_format vars "[$kairo_ratelimit_status|$kairo_decision|$kairo_layer|$kairo_reason]";
--- config
    location /t { kairo_ratelimit zone=one; kairo_ratelimit_dry_run on;
                  access_log logs/access.log vars;
                  add_header X-Vars "$kairo_ratelimit_status|$kairo_decision|$kairo_layer|$kairo_reason" always;
                  empty_gif; }
--- pipelined_requests eval
["GET /t", "GET /t"]
--- response_headers eval
["X-Vars: PASSED|passed||",
 "X-Vars: REJECTED_DRY_RUN|refused_dry_run|ratelimit|rate_limited"]
--- access_log
[REJECTED_DRY_RUN|refused_dry_run|ratelimit|rate_limited]


=== TEST 18: the variables of who is refused because nothing can be decided
--- http_config
    kairo_ratelimit_zone $host zone=one:32k rate=$arg_rate;
    log_format vars "[$kairo_ratelimit_status|$kairo_decision|$kairo_layer|$kairo_reason]";
--- config
    location /t { kairo_ratelimit zone=one; access_log logs/access.log vars;
                  add_header X-Vars "$kairo_ratelimit_status|$kairo_decision|$kairo_layer|$kairo_reason" always;
                  empty_gif; }
--- request
GET /t
--- error_code: 503
--- response_headers
X-Vars: ERROR|refused_on_error|ratelimit|undecided
--- response_body_like: "code":"undecided"
--- access_log
[ERROR|refused_on_error|ratelimit|undecided]


=== TEST 19: the variables of who passes though nothing can be decided
--- http_config
    kairo_ratelimit_zone $host zone=one:32k rate=$arg_rate;
    log_format vars "[$kairo_ratelimit_status|$kairo_decision|$kairo_layer|$kairo_reason]";
--- config
    location /t { kairo_ratelimit zone=one on_error=pass;
                  access_log logs/access.log vars;
                  add_header X-Vars "$kairo_ratelimit_status|$kairo_decision|$kairo_layer|$kairo_reason" always;
                  empty_gif; }
--- request
GET /t
--- response_headers
X-Vars: ERROR|passed_on_error|ratelimit|undecided
--- access_log
[ERROR|passed_on_error|ratelimit|undecided]


=== TEST 20: a dry run in which nothing can be decided
--- http_config
    kairo_ratelimit_zone $host zone=one:32k rate=$arg_rate;
--- config
    location /t { kairo_ratelimit zone=one; kairo_ratelimit_dry_run on;
                  add_header X-Vars "$kairo_ratelimit_status";
                  empty_gif; }
--- request
GET /t
--- response_headers
X-Vars: ERROR


=== TEST 21: the variables where nothing is limited
--- http_config
    kairo_ratelimit_zone $arg_k zone=one:32k rate=1r/h;
    log_format vars "[$kairo_ratelimit_status|$kairo_decision|$kairo_layer|$kairo_reason]";
--- config
    access_log logs/access.log vars;
    add_header X-Vars "[$kairo_ratelimit_status|$kairo_decision|$kairo_layer|$kairo_reason]" always;
    location /no { empty_gif; }
    location /off { kairo_ratelimit off; empty_gif; }
    location /empty { kairo_ratelimit zone=one; empty_gif; }
    location /early { kairo_ratelimit zone=one; return 200 "early\n"; }
--- pipelined_requests eval
["GET /no", "GET /off", "GET /empty", "GET /early?k=1"]
--- response_headers eval
[("X-Vars: [|||]") x 4]
--- access_log
[-|-|-|-]


=== TEST 22: the variables where no directive of kairo is
--- config
    location /t { return 200 "[$kairo_ratelimit_status|$kairo_decision|$kairo_layer|$kairo_reason]\n"; }
--- request
GET /t
--- response_body
[|||]


=== TEST 23: a variable that is read before and after the decision
--- http_config
    kairo_ratelimit_zone $host zone=one:32k rate=1r/h;
--- config
    location /t { set $before "[$kairo_ratelimit_status$kairo_decision]";
                  kairo_ratelimit zone=one;
                  add_header X-Before $before always;
                  add_header X-After "$kairo_ratelimit_status $kairo_decision" always;
                  empty_gif; }
--- pipelined_requests eval
["GET /t", "GET /t"]
--- error_code eval
[200, 429]
--- response_headers eval
["X-Before: []\nX-After: PASSED passed",
 "X-Before: []\nX-After: REJECTED refused"]


=== TEST 24: the variables are the request's, not the connection's
--- http_config
    kairo_ratelimit_zone $host zone=one:32k rate=1r/h;
--- config
    add_header X-Vars "[$kairo_ratelimit_status|$kairo_decision]" always;
    location /t { kairo_ratelimit zone=one; empty_gif; }
    location /no { empty_gif; }
--- pipelined_requests eval
["GET /t", "GET /t", "GET /no"]
--- error_code eval
[200, 429, 200]
--- response_headers eval
["X-Vars: [PASSED|passed]", "X-Vars: [REJECTED|refused]", "X-Vars: [|]"]
