# The walk: what each answer of a row does, now, early, late, twice, never.

use lib 't/lib';
use Kairo qw(probe_only);
use Test::Nginx::Socket;

probe_only();
run_tests();

__DATA__

=== TEST 1: ok passes, in both phases
--- config
    location /t {
        kairo_probe access ok;
        kairo_probe precontent ok;
        add_header X-Decision $kairo_decision;
        root html;
    }
--- user_files
>>> t
content
--- request
GET /t
--- response_body
content
--- response_headers
X-Decision: passed
--- grep_error_log eval: qr/kairo probe: \w+ judged in "[^"]*"/
--- grep_error_log_out
kairo probe: access judged in "/t"
kairo probe: precontent judged in "/t"


=== TEST 2: declined is no decision
--- config
    location /t {
        kairo_probe access declined;
        add_header X-Decision "[$kairo_decision]";
        root html;
    }
--- user_files
>>> t
content
--- request
GET /t
--- response_headers
X-Decision: []


=== TEST 3: a status refuses with a problem
--- config
    location /t {
        kairo_probe access 403;
        add_header X-Vars "$kairo_decision $kairo_layer $kairo_reason" always;
        root html;
    }
--- request
GET /t
--- error_code: 403
--- response_headers
Content-Type: application/problem+json
Cache-Control: no-store
X-Vars: refused probe probe
--- response_body eval
'{"type":"urn:problem-type:kairo:probe","title":"Forbidden","status":403,'
. '"detail":"the test said \"no\"","layer":"probe","code":"probe"}' . "\r\n"


=== TEST 4: precontent refuses too
--- config
    location /t {
        kairo_probe precontent 402;
        root html;
    }
--- request
GET /t
--- error_code: 402
--- response_body_like: Payment Required


=== TEST 5: an error refuses
--- config
    location /t {
        kairo_probe access error;
        add_header X-Vars "$kairo_decision $kairo_layer $kairo_reason" always;
        root html;
    }
--- request
GET /t
--- error_code: 503
--- response_headers
X-Vars: refused_on_error probe undecided
--- response_body_like: "code":"undecided"


=== TEST 6: an error passes where the operator has said so
--- config
    location /t {
        kairo_probe access error on_error=pass;
        add_header X-Vars "$kairo_decision $kairo_layer $kairo_reason" always;
        root html;
    }
--- user_files
>>> t
content
--- request
GET /t
--- response_headers
X-Vars: passed_on_error probe undecided


=== TEST 7: an unknown answer refuses, whatever on_error says
--- config
    location /t {
        kairo_probe access unknown on_error=pass;
        root html;
    }
--- request
GET /t
--- error_code: 503
--- response_body_like: "code":"undecided"
--- error_log
[alert]
kairo probe: unknown answer: "42"


=== TEST 8: to answer "again" without having asked is an unknown answer
--- config
    location /t {
        kairo_probe access again on_error=pass;
        root html;
    }
--- request
GET /t
--- error_code: 503
--- error_log
[alert]
kairo probe: unknown answer


=== TEST 9: dry run passes what would be refused
--- config
    location /t {
        kairo_probe access 403;
        kairo_probe precontent error;
        kairo_probe_dry_run on;
        add_header X-Vars "$kairo_decision $kairo_layer $kairo_reason" always;
        root html;
    }
--- user_files
>>> t
content
--- request
GET /t
--- response_headers
X-Vars: passed_on_error probe_late undecided
--- response_body
content


=== TEST 10: answers that come early
--- config
    location /ok { kairo_probe access ok when=early; root html; }
    location /no { kairo_probe access 403 when=early; root html; }
    location /late { kairo_probe precontent ok when=early; root html; }
    location /error { kairo_probe access error when=early; root html; }
--- user_files
>>> ok
ok
>>> late
late
--- pipelined_requests eval
["GET /ok", "GET /no", "GET /late", "GET /error"]
--- error_code eval
[200, 403, 200, 503]


=== TEST 11: answers that come late
--- config
    location /ok { kairo_probe access ok when=late; root html; }
    location /no { kairo_probe access 403 when=late; root html; }
    location /late { kairo_probe precontent ok when=late; root html; }
    location /gone { kairo_probe precontent 402 when=late; root html; }
    location /error { kairo_probe access error when=late; root html; }
    location /both {
        kairo_probe access ok when=late;
        kairo_probe precontent 403 when=late;
        root html;
    }
--- user_files
>>> ok
ok
>>> late
late
--- pipelined_requests eval
["GET /ok", "GET /no", "GET /late", "GET /gone", "GET /error", "GET /both",
 "GET /ok"]
--- error_code eval
[200, 403, 200, 402, 503, 403, 200]


=== TEST 12: a second answer is dropped
--- config
    location /ok { kairo_probe access ok when=twice; root html; }
    location /no { kairo_probe access 403 when=twice; root html; }
--- user_files
>>> ok
ok
--- pipelined_requests eval
["GET /ok", "GET /no", "GET /ok"]
--- error_code eval
[200, 403, 200]


=== TEST 13: a late refusal of a request with a body, and the next request
--- config
    location /t { kairo_probe access 403 when=late; root html; }
--- pipelined_requests eval
["POST /t\r\n\r\nsome body", "GET /t"]
--- error_code eval
[403, 403]


=== TEST 14: a row that waits is judged once
--- config
    location /t { kairo_probe access ok when=late; root html; }
--- user_files
>>> t
content
--- request
GET /t
--- grep_error_log eval: qr/kairo probe: \w+ judged/
--- grep_error_log_out
kairo probe: access judged


=== TEST 15: a refusal ends the walk
--- config
    location /t {
        kairo_probe access 403;
        kairo_probe precontent ok;
        root html;
    }
--- request
GET /t
--- error_code: 403
--- grep_error_log eval: qr/kairo probe: \w+ judged/
--- grep_error_log_out
kairo probe: access judged


=== TEST 16: subrequests are not judged, they belong to a judged request
--- config
    location /t {
        kairo_probe access ok;
        add_after_body /after;
        addition_types *;
        root html;
    }
    location /after { kairo_probe access 403; kairo_probe precontent 403;
                      root html; }
--- user_files
>>> t
content
>>> after
after
--- request
GET /t
--- response_body
content
after


=== TEST 17: a post_action is not judged, its response has been sent
--- config
    location /t { kairo_probe access ok; root html; post_action /post; }
    location /post { kairo_probe access 403; root html; }
--- user_files
>>> t
content
>>> post
post
--- request
GET /t
--- response_body
content
--- grep_error_log eval: qr/kairo probe: \w+ judged in "[^"]*"/
--- grep_error_log_out
kairo probe: access judged in "/t"


=== TEST 18: text for who prefers text
--- config
    location /t { kairo_probe access 403; root html; }
--- request
GET /t
--- more_headers
Accept: text/html,application/xhtml+xml,*/*;q=0.8
--- error_code: 403
--- response_headers
Content-Type: text/plain
--- response_body eval
"403 Forbidden: the test said \"no\" (probe)\r\n"


=== TEST 19: HEAD gets no body
--- config
    location /t { kairo_probe access 403; root html; }
--- request
HEAD /t
--- error_code: 403
--- response_body
