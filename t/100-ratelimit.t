# The rate limiter at one location with one zone.
#
# Refusals are provoked at a request a minute and delays by pipelining, where
# nothing depends on how fast the machine is.

use lib 't/lib';
use Kairo;
use Test::Nginx::Socket;

use JSON::PP;

# a JSON document, its members sorted

sub canonical {
    my ($body) = @_;
    my $document = eval { decode_json($body) };
    return $document ? JSON::PP->new->canonical->encode($document) : $body;
}

run_tests();

__DATA__

=== TEST 1: the first passes, the second is one too many
--- http_config
    kairo_ratelimit_zone $host zone=one:32k rate=1r/m;
--- config
    location /t { kairo_ratelimit zone=one; empty_gif; }
--- pipelined_requests eval
["GET /t", "GET /t", "GET /t"]
--- error_code eval
[200, 429, 429]


=== TEST 2: the fields of a refusal
--- http_config
    kairo_ratelimit_zone $host zone=one:32k rate=1r/m;
--- config
    location /t { kairo_ratelimit zone=one; empty_gif; }
--- pipelined_requests eval
["GET /t", "GET /t"]
--- error_code eval
[200, 429]
--- raw_response_headers_like eval
["^HTTP/1.1 200 OK\r\n", "^HTTP/1.1 429 Too Many Requests\r\n"]
--- response_headers_like eval
["Content-Type: image/gif\nCache-Control:\nRetry-After:",
 "Content-Type: application/problem.json\nCache-Control: no-store
Retry-After: (60|5.)\nContent-Length: [1-9]\\d+"]


=== TEST 3: the body of a refusal
--- http_config
    kairo_ratelimit_zone $host zone=one:32k rate=1/366d;
--- config
    location /t { kairo_ratelimit zone=one; empty_gif; }
    location /first { kairo_ratelimit zone=one;
                      try_files /nothing @text; }
    location @text { return 200 "passed\n"; }
--- pipelined_requests eval
["GET /first", "GET /t"]
--- error_code eval
[200, 429]
--- response_body_filters eval
sub { my $s = main::canonical(shift); $s =~ s/(?<=:)3162[23]\d+/N/; $s }
--- response_body eval
["passed\n",
 '{"code":"rate_limited","detail":"too many requests; wait as many seconds as '
 . 'Retry-After says, then try again","layer":"ratelimit","retry_after":N,'
 . '"status":429,"title":"Too Many Requests",'
 . '"type":"urn:problem-type:kairo:rate_limited"}']


=== TEST 4: the body is one line
--- http_config
    kairo_ratelimit_zone $host zone=one:32k rate=1r/m;
--- config
    location /t { kairo_ratelimit zone=one; empty_gif; }
--- pipelined_requests eval
["GET /t", "GET /t"]
--- error_code eval
[200, 429]
--- response_body_like eval
["^GIF", "^\\{[^\r\n]*\\}\r?\n\$"]


=== TEST 5: who prefers text gets a line of text
--- http_config
    kairo_ratelimit_zone $host zone=one:32k rate=1r/m;
--- config
    location /t { kairo_ratelimit zone=one; empty_gif; }
--- pipelined_requests eval
["GET /t", "GET /t"]
--- more_headers
Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8
--- error_code eval
[200, 429]
--- response_headers_like eval
["Content-Type: image/gif",
 "Content-Type: text/plain\nCache-Control: no-store\nRetry-After: (60|5.)"]
--- response_body_like eval
["^GIF", "^429 Too Many Requests[^\r\n]*rate_limited[^\r\n]*\r?\n\$"]


=== TEST 6: who takes anything, or JSON, gets a problem
--- http_config
    kairo_ratelimit_zone $host zone=one:32k rate=1r/m;
--- config
    location /t { kairo_ratelimit zone=one; empty_gif; }
--- pipelined_requests eval
["GET /t", "GET /t", "GET /t", "GET /t"]
--- more_headers eval
["X: x", "Accept: */*", "Accept: application/json",
 "Accept: text/plain;q=0.5, application/problem+json"]
--- error_code eval
[200, 429, 429, 429]
--- response_headers eval
["Content-Type: image/gif", ("Content-Type: application/problem+json") x 3]


=== TEST 7: HEAD is answered without a body
--- http_config
    kairo_ratelimit_zone $host zone=one:32k rate=1r/m;
--- config
    location /t { kairo_ratelimit zone=one; empty_gif; }
--- request eval
["GET /t", "HEAD /t"]
--- error_code eval
[200, 429]
--- response_headers_like eval
["Retry-After:", "Content-Type: application/problem.json
Content-Length: [1-9]\\d+\nRetry-After: (60|5.)"]
--- response_body_like eval
["^GIF", "^\$"]


=== TEST 8: another status
--- http_config
    kairo_ratelimit_zone $host zone=one:32k rate=1r/m;
--- config
    location /t { kairo_ratelimit zone=one; kairo_ratelimit_status 503;
                  empty_gif; }
--- pipelined_requests eval
["GET /t", "GET /t"]
--- error_code eval
[200, 503]
--- response_headers_like eval
["Retry-After:", "Retry-After: (60|5.)\nCache-Control: no-store"]
--- response_body_like eval
["^GIF", '"title":"Service Unavailable","status":503,']


=== TEST 9: the bounds of the status
--- http_config
    kairo_ratelimit_zone $host zone=one:32k rate=1r/m;
--- config
    kairo_ratelimit zone=one;
    location /t { empty_gif; }
    location /low { kairo_ratelimit_status 400; empty_gif; }
    location /high { kairo_ratelimit_status 599; empty_gif; }
--- pipelined_requests eval
["GET /t", "GET /low", "GET /high", "GET /t"]
--- error_code eval
[200, 400, 599, 429]
--- response_body_like eval
["^GIF", '"status":400,', '"status":599,', '"status":429,']


=== TEST 10: a rate by minute, hour or day
--- http_config
    kairo_ratelimit_zone $host zone=m1:32k rate=1r/m;
    kairo_ratelimit_zone $host zone=m4:32k rate=4r/m;
    kairo_ratelimit_zone $host zone=h1:32k rate=1r/h;
    kairo_ratelimit_zone $host zone=h5:32k rate=5r/h;
    kairo_ratelimit_zone $host zone=d1:32k rate=1r/d;
    kairo_ratelimit_zone $host zone=d1000:32k rate=1000r/d;
--- config
    location /m1 { kairo_ratelimit zone=m1; empty_gif; }
    location /m4 { kairo_ratelimit zone=m4; empty_gif; }
    location /h1 { kairo_ratelimit zone=h1; empty_gif; }
    location /h5 { kairo_ratelimit zone=h5; empty_gif; }
    location /d1 { kairo_ratelimit zone=d1; empty_gif; }
    location /d1000 { kairo_ratelimit zone=d1000; empty_gif; }
--- pipelined_requests eval
["GET /m1", "GET /m1", "GET /m4", "GET /m4", "GET /h1", "GET /h1",
 "GET /h5", "GET /h5", "GET /d1", "GET /d1", "GET /d1000", "GET /d1000"]
--- error_code eval
[(200, 429) x 6]
--- response_headers_like eval
[map { ("Retry-After:", "Retry-After: $_") }
     "(60|59|58)", "(15|14|13)", "(3600|359[89])", "(720|71[89])",
     "(86400|8639[89])", "(87|86|85)"]


=== TEST 11: a rate by second, and a bare number
--- http_config
    kairo_ratelimit_zone $host zone=s:32k rate=1r/s;
    kairo_ratelimit_zone $host zone=n:32k rate=1;
--- config
    location /s { kairo_ratelimit zone=s; empty_gif; }
    location /n { kairo_ratelimit zone=n; empty_gif; }
--- pipelined_requests eval
["GET /s", "GET /s", "GET /n", "GET /n"]
--- error_code eval
[200, 429, 200, 429]
--- response_headers eval
[("! Retry-After", "Retry-After: 1") x 2]


=== TEST 12: a rate by any period
--- http_config
    kairo_ratelimit_zone $host zone=p10s:32k rate=1/10s;
    kairo_ratelimit_zone $host zone=p30s:32k rate=3/30s;
    kairo_ratelimit_zone $host zone=p5:32k rate=5/1h;
    kairo_ratelimit_zone $host zone=p90m:32k rate=1/90m;
    kairo_ratelimit_zone $host zone=p2d:32k rate=2/2d;
    kairo_ratelimit_zone $host zone=pms:32k rate=1/20000ms;
--- config
    location /p10s { kairo_ratelimit zone=p10s; empty_gif; }
    location /p30s { kairo_ratelimit zone=p30s; empty_gif; }
    location /p5 { kairo_ratelimit zone=p5; empty_gif; }
    location /p90m { kairo_ratelimit zone=p90m; empty_gif; }
    location /p2d { kairo_ratelimit zone=p2d; empty_gif; }
    location /pms { kairo_ratelimit zone=pms; empty_gif; }
--- pipelined_requests eval
[map { ("GET /$_", "GET /$_") } qw(p10s p30s p5 p90m p2d pms)]
--- error_code eval
[(200, 429) x 6]
--- response_headers_like eval
[map { ("Retry-After:", "Retry-After: $_") }
     "(10|9|8)", "(10|9|8)", "(720|71[89])", "(5400|539[89])",
     "(86400|8639[89])", "(20|19|18)"]


=== TEST 13: a fast rate refuses nobody who keeps to it
--- http_config
    kairo_ratelimit_zone $host zone=one:32k rate=1000000r/s;
--- config
    location /t { kairo_ratelimit zone=one; empty_gif; }
--- pipelined_requests eval
[("GET /t") x 5]
--- error_code eval
[(200) x 5]


=== TEST 14: an interval later there is room for one more
--- http_config
    kairo_ratelimit_zone $host zone=one:32k rate=20/10s;
--- config
    location /t { kairo_ratelimit zone=one; empty_gif; }
--- request eval
["GET /t", "GET /t", "GET /t"]
--- wait: 0.6
--- error_code eval
[200, 200, 200]


=== TEST 15: a burst passes, and one of it has been spent by the first
--- http_config
    kairo_ratelimit_zone $host zone=one:32k rate=1r/m;
--- config
    location /t { kairo_ratelimit zone=one burst=3 nodelay;
                  add_header X-Status $kairo_ratelimit_status always;
                  empty_gif; }
--- pipelined_requests eval
[("GET /t") x 6]
--- error_code eval
[200, 200, 200, 200, 429, 429]
--- response_headers eval
[("X-Status: PASSED") x 4, ("X-Status: REJECTED") x 2]


=== TEST 16: Retry-After is the time until there is room in the burst
--- http_config
    kairo_ratelimit_zone $host zone=one:32k rate=1r/m;
--- config
    location /t { kairo_ratelimit zone=one burst=3 nodelay; empty_gif; }
--- pipelined_requests eval
[("GET /t") x 6]
--- error_code eval
[200, 200, 200, 200, 429, 429]
--- response_headers_like eval
[("Retry-After:") x 4, ("Retry-After: (60|5.)") x 2]


=== TEST 17: one zone with two bursts, Retry-After is the location's
--- http_config
    kairo_ratelimit_zone $host zone=one:32k rate=1r/m;
--- config
    location /wide { kairo_ratelimit zone=one burst=3 nodelay; empty_gif; }
    location /narrow { kairo_ratelimit zone=one; empty_gif; }
--- pipelined_requests eval
["GET /wide", "GET /wide", "GET /wide", "GET /narrow"]
--- error_code eval
[200, 200, 200, 429]
--- response_headers_like eval
[("Retry-After:") x 3, "Retry-After: (180|17.)"]


=== TEST 18: a request ahead of the rate waits until it is due
--- http_config
    kairo_ratelimit_zone $host zone=one:32k rate=2r/s;
--- config
    location /t { kairo_ratelimit zone=one burst=1;
                  add_header X-Time $request_time always;
                  add_header X-Status $kairo_ratelimit_status always;
                  empty_gif; }
--- pipelined_requests eval
["GET /t", "GET /t"]
--- timeout: 20
--- error_code eval
[200, 200]
--- response_headers_like eval
["X-Status: PASSED", "X-Status: DELAYED\nX-Time: (0\\.[3-9]|[1-9]).*"]


=== TEST 19: those who wait come out one by one, none early
--- http_config
    kairo_ratelimit_zone $host zone=one:32k rate=10r/s;
--- config
    location /t { kairo_ratelimit zone=one burst=5;
                  try_files /nothing @now; }
    location @now { return 200 $msec; }
--- pipelined_requests eval
[("GET /t") x 4]
--- timeout: 20
--- error_code eval
[(200) x 4]
--- response_body_filters eval
my ($first, $n);
sub {
    my ($now) = @_;
    $first //= $now;
    my $due = $first + $n++ * 0.1 - 0.02;
    return $now >= $due ? "in time" : "at $now, was due at $due";
}
--- response_body eval
[("in time") x 4]


=== TEST 20: who is refused does not wait
--- http_config
    kairo_ratelimit_zone $host zone=one:32k rate=1r/m;
--- config
    location /t { kairo_ratelimit zone=one burst=1 nodelay; empty_gif; }
    location /d { kairo_ratelimit zone=one burst=1; empty_gif; }
--- pipelined_requests eval
["GET /t", "GET /t", "GET /d"]
--- error_code eval
[200, 200, 429]


=== TEST 21: nodelay makes nobody wait
--- http_config
    kairo_ratelimit_zone $host zone=one:32k rate=1r/h;
--- config
    location /t { kairo_ratelimit zone=one burst=5 nodelay; empty_gif; }
--- pipelined_requests eval
[("GET /t") x 6]
--- error_code eval
[(200) x 6]
--- no_error_log
delaying request


=== TEST 22: delay=N lets N pass at once
--- http_config
    kairo_ratelimit_zone $host zone=one:32k rate=2r/s;
--- config
    location /t { kairo_ratelimit zone=one burst=4 delay=2;
                  add_header X-Time $request_time always;
                  add_header X-Status $kairo_ratelimit_status always;
                  empty_gif; }
--- pipelined_requests eval
[("GET /t") x 4]
--- timeout: 20
--- error_code eval
[(200) x 4]
--- response_headers_like eval
[("X-Status: PASSED") x 3,
 "X-Status: DELAYED\nX-Time: (0\\.[3-9]|[1-9]).*"]


=== TEST 23: delay=N refuses beyond the burst
--- http_config
    kairo_ratelimit_zone $host zone=one:32k rate=1r/h;
--- config
    location /t { kairo_ratelimit zone=one burst=2 delay=2; empty_gif; }
--- pipelined_requests eval
[("GET /t") x 4]
--- error_code eval
[200, 200, 200, 429]


=== TEST 24: a delay above the burst does not widen the burst
--- http_config
    kairo_ratelimit_zone $host zone=one:32k rate=1r/h;
--- config
    location /t { kairo_ratelimit zone=one burst=1 delay=5; empty_gif; }
--- pipelined_requests eval
[("GET /t") x 3]
--- error_code eval
[200, 200, 429]


=== TEST 25: a delay of any size delays nobody
--- http_config
    kairo_ratelimit_zone $host zone=one:32k rate=1r/h;
--- config
    location /t { kairo_ratelimit zone=one burst=1 delay=9223372036854775807;
                  empty_gif; }
--- pipelined_requests eval
[("GET /t") x 3]
--- error_code eval
[200, 200, 429]


=== TEST 26: an empty key is not limited
--- http_config
    kairo_ratelimit_zone $arg_k zone=one:32k rate=1r/h;
--- config
    location /t { kairo_ratelimit zone=one;
                  add_header X-Vars "[$kairo_ratelimit_status$kairo_decision]";
                  empty_gif; }
--- pipelined_requests eval
["GET /t", "GET /t", "GET /t?k="]
--- error_code eval
[200, 200, 200]
--- response_headers eval
[("X-Vars: []") x 3]


=== TEST 27: keys are apart
--- http_config
    kairo_ratelimit_zone $arg_k zone=one:32k rate=1r/h;
--- config
    location /t { kairo_ratelimit zone=one; empty_gif; }
--- pipelined_requests eval
["GET /t?k=a", "GET /t?k=b", "GET /t?k=A", "GET /t?k=aa",
 "GET /t?k=a", "GET /t?k=b"]
--- error_code eval
[200, 200, 200, 200, 429, 429]


=== TEST 28: a key of several variables and text
--- http_config
    kairo_ratelimit_zone "$arg_a/$arg_b" zone=one:32k rate=1r/h;
--- config
    location /t { kairo_ratelimit zone=one; empty_gif; }
--- pipelined_requests eval
["GET /t?a=1&b=2", "GET /t?a=12&b=", "GET /t?a=&b=12", "GET /t?b=2&a=1",
 "GET /t"]
--- error_code eval
[200, 200, 200, 429, 200]


=== TEST 29: a key without a variable is one for all
--- http_config
    kairo_ratelimit_zone all zone=one:32k rate=1r/h;
--- config
    location /t { kairo_ratelimit zone=one; empty_gif; }
--- pipelined_requests eval
["GET /t?k=a", "GET /t?k=b"]
--- error_code eval
[200, 429]


=== TEST 30: a zone is one for all locations that name it
--- http_config
    kairo_ratelimit_zone $host zone=one:32k rate=1r/h;
    kairo_ratelimit_zone $host zone=two:32k rate=1r/h;
--- config
    location /a { kairo_ratelimit zone=one; empty_gif; }
    location /b { kairo_ratelimit zone=one; empty_gif; }
    location /c { kairo_ratelimit zone=two; empty_gif; }
--- pipelined_requests eval
["GET /a", "GET /b", "GET /c"]
--- error_code eval
[200, 429, 200]


=== TEST 31: a key of 65535 bytes is a key as any other
--- http_config
    large_client_header_buffers 4 128k;
    kairo_ratelimit_zone $http_x_key zone=one:32k rate=1r/h;
--- config
    location /t { kairo_ratelimit zone=one; empty_gif; }
--- request eval
["GET /t", "GET /t", "GET /t"]
--- more_headers eval
["X-Key: " . "k" x 65535, "X-Key: " . "k" x 65535, "X-Key: " . "k" x 65534]
--- error_code eval
[200, 429, 200]


=== TEST 32: a longer key is refused, the first time too
--- http_config
    large_client_header_buffers 4 128k;
    kairo_ratelimit_zone $http_x_key zone=one:32k rate=1r/h;
--- config
    location /t { kairo_ratelimit zone=one; empty_gif; }
--- request
GET /t
--- more_headers eval
"X-Key: " . "k" x 65536
--- error_code: 429
--- response_headers
Content-Type: application/problem+json
Cache-Control: no-store
--- response_body_like: "type":"urn:problem-type:kairo:key_too_long".*"code":"key_too_long"
--- error_log eval
[qr/\[error\] .*kairo ratelimit: .*65535 bytes.*by zone "one"/]


=== TEST 33: such a key is refused with the location's status
--- http_config
    large_client_header_buffers 4 128k;
    kairo_ratelimit_zone $http_x_key zone=one:32k rate=1r/h;
--- config
    location /t { kairo_ratelimit zone=one on_error=pass;
                  kairo_ratelimit_status 503;
                  add_header X-Vars
                      "$kairo_ratelimit_status $kairo_decision $kairo_reason"
                      always;
                  empty_gif; }
--- request
GET /t
--- more_headers eval
"X-Key: " . "k" x 70000
--- error_code: 503
--- response_headers
X-Vars: REJECTED refused key_too_long


=== TEST 34: on_error changes nothing where there is no error
--- http_config
    kairo_ratelimit_zone $host zone=one:32k rate=1r/h;
    kairo_ratelimit_zone $host zone=two:32k rate=1r/h;
--- config
    location /pass { kairo_ratelimit zone=one on_error=pass; empty_gif; }
    location /refuse { kairo_ratelimit zone=two on_error=refuse; empty_gif; }
--- pipelined_requests eval
["GET /pass", "GET /pass", "GET /refuse", "GET /refuse"]
--- error_code eval
[200, 429, 200, 429]


=== TEST 35: the connection outlives a refusal
--- http_config
    kairo_ratelimit_zone $host zone=one:32k rate=1r/h;
--- config
    location /t { kairo_ratelimit zone=one; empty_gif; }
    location /free { return 200 "$connection_requests\n"; }
--- pipelined_requests eval
["GET /t", "GET /t", "GET /t", "GET /free"]
--- error_code eval
[200, 429, 429, 200]
--- raw_response_headers_like eval
[("\r\nConnection: keep-alive\r\n") x 3, "\r\nConnection: close\r\n"]
--- response_body_like eval
["^GIF", ("rate_limited") x 2, "^4\n\$"]


=== TEST 36: the body of a refused POST is read away
--- http_config
    kairo_ratelimit_zone $host zone=one:32k rate=1r/h;
--- config
    location /t { kairo_ratelimit zone=one; empty_gif; }
    location /free { return 200 "$connection_requests\n"; }
--- pipelined_requests eval
["GET /t", "POST /t\nhello, world", "GET /free"]
--- error_code eval
[200, 429, 200]
--- response_body_like eval
["^GIF", "rate_limited", "^3\n\$"]


=== TEST 37: a body that comes in many pieces
--- http_config
    kairo_ratelimit_zone $host zone=one:32k rate=1r/h;
--- config
    client_body_buffer_size 1k;
    location /t { kairo_ratelimit zone=one; empty_gif; }
    location /free { return 200 "$connection_requests\n"; }
--- pipelined_requests eval
["GET /t", "POST /t\n" . "0123456789" x 30000, "GET /free"]
--- timeout: 20
--- error_code eval
[200, 429, 200]
--- response_body_like eval
["^GIF", "rate_limited", "^3\n\$"]


=== TEST 38: a chunked body
--- http_config
    kairo_ratelimit_zone $host zone=one:32k rate=1r/h;
--- config
    location /t { kairo_ratelimit zone=one; empty_gif; }
    location /free { return 200 "$connection_requests\n"; }
--- pipelined_requests eval
["GET /t", "POST /t\n5\r\nhello\r\n5\r\nworld\r\n0\r\n\r\n", "GET /free"]
--- more_headers eval
["X: x", "Transfer-Encoding: chunked", "X: x"]
--- error_code eval
[200, 429, 200]
--- response_body_like eval
["^GIF", "rate_limited", "^3\n\$"]


=== TEST 39: a body that waits for "100 Continue" is not asked for
--- http_config
    kairo_ratelimit_zone $host zone=one:32k rate=1r/h;
--- config
    location /t { kairo_ratelimit zone=one; empty_gif; }
--- request eval
["GET /t", "POST /t\nhello"]
--- more_headers eval
["X: x", "Expect: 100-continue"]
--- error_code eval
[200, 429]
--- raw_response_headers_like eval
["^HTTP/1.1 200 ", "^HTTP/1.1 429 "]


=== TEST 40: a POST that passes late has its body
--- http_config
    kairo_ratelimit_zone $host zone=one:32k rate=2r/s;
    server {
        listen unix:$TEST_NGINX_SERVER_ROOT/app.sock;
        location / { proxy_pass http://unix:$TEST_NGINX_SERVER_ROOT/echo.sock;
                     proxy_method GET; }
    }
    server {
        listen unix:$TEST_NGINX_SERVER_ROOT/echo.sock;
        location / { return 200 "$content_length\n"; }
    }
--- config
    location /t { kairo_ratelimit zone=one burst=3;
                  proxy_pass http://unix:$TEST_NGINX_SERVER_ROOT/app.sock; }
--- pipelined_requests eval
["POST /t\nabc", "POST /t\n" . "d" x 100000]
--- timeout: 20
--- error_code eval
[200, 200]
--- response_body eval
["3\n", "100000\n"]


=== TEST 41: HTTP/1.0 is limited too
--- http_config
    kairo_ratelimit_zone $host zone=one:32k rate=1r/h;
--- config
    location /t { kairo_ratelimit zone=one; empty_gif; }
--- request eval
["GET /t HTTP/1.0", "GET /t HTTP/1.0"]
--- error_code eval
[200, 429]
--- raw_response_headers_like eval
["\r\nConnection: close\r\n", "\r\nConnection: close\r\n"]


=== TEST 42: the location's error_page for the status is the answer
--- http_config
    kairo_ratelimit_zone $host zone=one:32k rate=1r/m;
--- config
    location /t { kairo_ratelimit zone=one; error_page 429 /busy.txt;
                  empty_gif; }
    location /busy.txt { root html; }
--- user_files
>>> busy.txt
too busy
--- pipelined_requests eval
["GET /t", "GET /t"]
--- error_code eval
[200, 429]
--- response_headers_like eval
["Retry-After:",
 "Content-Type: text/plain\nRetry-After: (60|5.)\nCache-Control: no-store"]
--- response_body_like eval
["^GIF", "^too busy\n\$"]


=== TEST 43: an error_page with a status of its own
--- http_config
    kairo_ratelimit_zone $host zone=one:32k rate=1r/m;
--- config
    location /t { kairo_ratelimit zone=one; error_page 429 =503 @busy;
                  empty_gif; }
    location @busy { return 503 "too busy\n"; }
--- pipelined_requests eval
["GET /t", "GET /t"]
--- error_code eval
[200, 503]
--- response_headers_like eval
["Retry-After:", "Retry-After: (60|5.)\nCache-Control: no-store"]
--- response_body_like eval
["^GIF", "^too busy\n\$"]


=== TEST 44: what "return" answers is not limited
--- http_config
    kairo_ratelimit_zone $host zone=one:32k rate=1r/h;
--- config
    location /t { kairo_ratelimit zone=one; return 200 "returned\n"; }
--- pipelined_requests eval
["GET /t", "GET /t"]
--- response_body eval
["returned\n", "returned\n"]


=== TEST 45: status 444 closes the connection without an answer
--- http_config
    kairo_ratelimit_zone $arg_k zone=close:32k rate=1r/m;
--- config
    location /t { kairo_ratelimit zone=close; kairo_ratelimit_status 444;
                  root html; }
--- user_files
>>> t
ok
--- raw_request eval
"GET /t?k=1 HTTP/1.1\r\nHost: a\r\n\r\nGET /t?k=1 HTTP/1.1\r\nHost: a\r\n\r\n"
--- response_body_like: ^ok
--- error_log
limiting requests
--- no_error_log
[alert]
