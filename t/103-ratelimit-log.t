# What the limiter writes into the error log, how loud, and how often.
#
# Counts of sampled lines are taken from the lines' own timestamps, so that
# they hold on a machine that is too slow to send a burst within a second.

use lib 't/lib';
use Kairo;
use Test::Nginx::Socket;

use IO::Socket::INET;
use List::Util qw(max sum0);
use Socket qw(SOL_SOCKET SO_RCVTIMEO);
use Time::HiRes qw(sleep time);

check_accum_error_log();

# nginx may still be starting

sub connected {
    my ($port) = @_;

    for (1 .. 600) {
        my $s = IO::Socket::INET->new(PeerAddr => '127.0.0.1', Proto => 'tcp',
                                      PeerPort => $port);
        if ($s) {
            # an answer that never comes shall fail the test, not stop it
            $s->setsockopt(SOL_SOCKET, SO_RCVTIMEO, pack('l!l!', 30, 0));
            return $s;
        }
        sleep 0.05;
    }

    die "connect: $!\n";
}

# n requests on one connection; returns how many were refused

sub burst {
    my ($n, $path, $header) = @_;
    my $s = connected(server_port_for_client());

    $header = defined $header ? "$header\r\n" : '';

    print $s "GET $path HTTP/1.1\r\nHost: localhost\r\n$header\r\n" x ($n - 1),
             "GET $path HTTP/1.1\r\nHost: localhost\r\n$header",
             "Connection: close\r\n\r\n";

    my $answer = do { local $/; <$s> };

    return scalar(() = $answer =~ /HTTP\/1\.1 429 /g);
}

# Waits for the first tenth of a second, and until nginx knows of it.

sub new_second {
    sleep 0.01 while time - int time > 0.1;
    sleep 0.02;
}

# Lines that match: the most in one second, all, and how many were left out.

sub lines {
    my ($pattern) = @_;
    my (%second, $left_out);

    sleep 0.1;
    open my $log, '<', server_root() . '/logs/error.log' or die "log: $!\n";

    while (<$log>) {
        next unless my ($when) = /^(\S+ \S+) .*$pattern/;
        $left_out += $1 if /left out (\d+) lines/;
        $second{$when}++ unless /left out/;
    }

    return (max(values %second) // 0, sum0(values %second), $left_out // 0);
}

sub check_sample {
    my ($name, $pattern, $events) = @_;
    my ($most, $lines, $left_out) = lines($pattern);

    Test::More::is($most, 10, "$name: ten lines in one second");
    Test::More::is($lines + $left_out, $events, "$name: all are accounted for");
}

run_tests();

__DATA__

=== TEST 1: the line of a refusal
--- http_config
    kairo_ratelimit_zone $host zone=perip:32k rate=1r/h;
--- config
    location /t { kairo_ratelimit zone=perip; empty_gif; }
--- pipelined_requests eval
["GET /t", "GET /t?a=b"]
--- error_code eval
[200, 429]
--- error_log eval
[qr{\[error\] \d+#\d+: \*\d+ kairo ratelimit: limiting requests, excess: (?:1\.000|0\.9\d\d) by zone "perip", client: 127\.0\.0\.1, server: localhost, request: "GET /t\?a=b HTTP/1\.1", host: "localhost"}]


=== TEST 2: the line of a delay
--- http_config
    kairo_ratelimit_zone $host zone=perip:32k rate=2r/s;
--- config
    location /t { kairo_ratelimit zone=perip burst=5; empty_gif; }
--- pipelined_requests eval
["GET /t", "GET /t?a=b"]
--- timeout: 20
--- error_log eval
[qr{\[warn\] \d+#\d+: \*\d+ kairo ratelimit: delaying request, excess: [01]\.\d\d\d, by zone "perip", client: 127\.0\.0\.1, server: localhost, request: "GET /t\?a=b HTTP/1\.1", host: "localhost"}]
--- no_error_log
limiting requests


=== TEST 3: who passes at once leaves no line
--- http_config
    kairo_ratelimit_zone $host zone=perip:32k rate=1r/h;
--- config
    location /t { kairo_ratelimit zone=perip burst=5 nodelay; empty_gif; }
--- pipelined_requests eval
[("GET /t") x 3]
--- no_error_log
kairo


=== TEST 4: the excess counts what is ahead of the rate
--- http_config
    kairo_ratelimit_zone $host zone=perip:32k rate=1r/d;
--- config
    location /t { kairo_ratelimit zone=perip burst=3 nodelay; empty_gif; }
--- pipelined_requests eval
[("GET /t") x 5]
--- error_code eval
[(200) x 4, 429]
--- error_log eval
[qr{limiting requests, excess: (?:4\.000|3\.999) by zone "perip"}]


=== TEST 5: levels by default
--- http_config
    kairo_ratelimit_zone $host zone=one:32k rate=1r/h;
--- config
    location /t { kairo_ratelimit zone=one burst=1; kairo_ratelimit_dry_run on;
                  empty_gif; }
--- pipelined_requests eval
[("GET /t") x 3]
--- error_log eval
[qr/\[warn\] .*delaying request/, qr/\[error\] .*limiting requests/]


=== TEST 6: levels at "error"
--- http_config
    kairo_ratelimit_zone $host zone=one:32k rate=1r/h;
--- config
    location /t { kairo_ratelimit zone=one burst=1; kairo_ratelimit_dry_run on;
                  kairo_ratelimit_log_level error; empty_gif; }
--- pipelined_requests eval
[("GET /t") x 3]
--- error_log eval
[qr/\[warn\] .*delaying request/, qr/\[error\] .*limiting requests/]


=== TEST 7: levels at "warn"
--- http_config
    kairo_ratelimit_zone $host zone=one:32k rate=1r/h;
--- config
    location /t { kairo_ratelimit zone=one burst=1; kairo_ratelimit_dry_run on;
                  kairo_ratelimit_log_level warn; empty_gif; }
--- pipelined_requests eval
[("GET /t") x 3]
--- error_log eval
[qr/\[notice\] .*delaying request/, qr/\[warn\] .*limiting requests/]


=== TEST 8: levels at "notice"
--- http_config
    kairo_ratelimit_zone $host zone=one:32k rate=1r/h;
--- config
    location /t { kairo_ratelimit zone=one burst=1; kairo_ratelimit_dry_run on;
                  kairo_ratelimit_log_level notice; empty_gif; }
--- pipelined_requests eval
[("GET /t") x 3]
--- error_log eval
[qr/\[info\] .*delaying request/, qr/\[notice\] .*limiting requests/]


=== TEST 9: levels at "info"
--- http_config
    kairo_ratelimit_zone $host zone=one:32k rate=1r/h;
--- config
    location /t { kairo_ratelimit zone=one burst=1; kairo_ratelimit_dry_run on;
                  kairo_ratelimit_log_level info; empty_gif; }
--- pipelined_requests eval
[("GET /t") x 3]
--- error_log eval
[qr/\[info\] .*delaying request/, qr/\[info\] .*limiting requests/]


=== TEST 10: ten lines of a burst of refusals, and later how many were left out
--- http_config
    kairo_ratelimit_zone $host zone=one:32k rate=1r/h;
--- config
    location /t { kairo_ratelimit zone=one; empty_gif; }
--- init
main::new_second();
Test::More::is(main::burst(31, '/t'), 30, "thirty refusals");
sleep 1.1;
Test::More::is(main::burst(1, '/t'), 1, "one more, later");
main::check_sample("refusals", qr/limiting requests|left out/, 31);
--- request
GET /t
--- error_code: 429
--- error_log eval
[qr/\[error\] .*kairo ratelimit: .*left out \d+ lines.*by zone "one", client: 127\.0\.0\.1,/]


=== TEST 11: without a later line nothing is told
--- http_config
    kairo_ratelimit_zone $host zone=one:32k rate=1r/h;
--- config
    location /t { kairo_ratelimit zone=one; empty_gif; }
    location /free { return 200 "free\n"; }
--- init
main::burst(9, '/t');
--- request
GET /free
--- error_log
limiting requests
--- no_error_log
left out


=== TEST 12: what was left out is told once
--- http_config
    kairo_ratelimit_zone $host zone=one:32k rate=1r/h;
--- config
    location /t { kairo_ratelimit zone=one; empty_gif; }
--- init
main::new_second();
main::burst(21, '/t');
sleep 1.1;
main::burst(3, '/t');
main::check_sample("refusals", qr/limiting requests|left out/, 23);
--- request
GET /t
--- error_code: 429


=== TEST 13: delays and refusals are sampled apart
--- http_config
    kairo_ratelimit_zone $host zone=one:32k rate=1r/h;
--- config
    location /t { kairo_ratelimit zone=one burst=20; kairo_ratelimit_dry_run on;
                  empty_gif; }
--- init
main::new_second();
main::burst(41, '/t');
my ($delays) = main::lines(qr/delaying request/);
my ($refusals) = main::lines(qr/limiting requests/);
Test::More::is($delays, 10, "ten lines of delays in one second");
Test::More::is($refusals, 10, "ten lines of refusals in one second");
--- request
GET /t


=== TEST 14: zones are sampled apart
--- http_config
    kairo_ratelimit_zone $host zone=one:32k rate=1r/h;
    kairo_ratelimit_zone $host zone=two:32k rate=1r/h;
--- config
    location /one { kairo_ratelimit zone=one; empty_gif; }
    location /two { kairo_ratelimit zone=two; empty_gif; }
--- init
main::new_second();
main::burst(21, '/one');
main::burst(21, '/two');
sleep 1.1;
main::burst(1, '/one');
main::burst(1, '/two');
main::check_sample("one", qr/kairo ratelimit: .*by zone "one"/, 21);
main::check_sample("two", qr/kairo ratelimit: .*by zone "two"/, 21);
--- request
GET /one
--- error_code: 429


=== TEST 15: keys that are too long are sampled as well
--- http_config
    large_client_header_buffers 4 128k;
    kairo_ratelimit_zone $http_x_key zone=one:32k rate=1r/h;
--- config
    location /t { kairo_ratelimit zone=one; empty_gif; }
--- init
my $key = "X-Key: " . "k" x 65536;
main::new_second();
Test::More::is(main::burst(20, '/t', $key), 20, "all are refused");
sleep 1.1;
main::burst(1, '/t', $key);
main::check_sample("keys", qr/65535 bytes|left out/, 21);
--- request
GET /t
--- timeout: 20


=== TEST 16: no key is in the log
--- http_config
    kairo_ratelimit_zone $http_authorization zone=one:32k rate=1r/h;
--- config
    location /t { kairo_ratelimit zone=one; empty_gif; }
    location /dry { kairo_ratelimit zone=one burst=1;
                    kairo_ratelimit_dry_run on; empty_gif; }
--- pipelined_requests eval
["GET /t", "GET /dry", "GET /dry", "GET /t"]
--- more_headers
Authorization: Bearer s3cret
--- error_code eval
[200, 200, 200, 429]
--- error_log
delaying request, dry run
limiting requests, dry run
--- no_error_log
s3cret


=== TEST 17: no key that is too long is in the log
--- http_config
    large_client_header_buffers 4 128k;
    kairo_ratelimit_zone $http_x_key zone=one:32k rate=1r/h;
--- config
    location /t { kairo_ratelimit zone=one; empty_gif; }
--- request
GET /t
--- more_headers eval
"X-Key: " . "s3cret" x 12000
--- error_code: 429
--- error_log
by zone "one"
--- no_error_log
s3cret
