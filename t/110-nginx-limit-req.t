# What nginx's own tests ask of limit_req, asked of kairo_ratelimit with the
# directives renamed.

use lib 't/lib';
use Kairo;
use Test::Nginx::Socket;

use IO::Socket::INET;
use Socket qw(inet_aton SOL_SOCKET SO_RCVBUF SO_RCVTIMEO);
use Time::HiRes qw(sleep);

no_root_location();
check_accum_error_log();

# Sends requests on one connection that has little room for answers, so that
# nginx can't be done with long ones before anything is read.

sub ask {
    my @paths = @_;
    my $last = pop @paths;
    my $s;

    for (1 .. 600) {
        $s = IO::Socket::INET->new(Proto => 'tcp') or die "socket: $!\n";
        $s->setsockopt(SOL_SOCKET, SO_RCVBUF, 4096);
        $s->setsockopt(SOL_SOCKET, SO_RCVTIMEO, pack('l!l!', 30, 0));

        last if $s->connect(server_port_for_client(), inet_aton('127.0.0.1'));
        sleep 0.05;    # nginx may still be starting
    }

    print $s map({ "GET $_ HTTP/1.1\r\nHost: localhost\r\n\r\n" } @paths),
             "GET $last HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    return $s;
}

# The same, and reads all answers, after a while.

sub late {
    my ($wait, @paths) = @_;
    my $s = ask(@paths);

    sleep $wait;
    return do { local $/; <$s> };
}

run_tests();

__DATA__

=== TEST 1: one zone refuses at once
--- http_config
    kairo_ratelimit_zone $binary_remote_addr zone=one:1m rate=1r/m;
--- config
    location /t { kairo_ratelimit zone=one nodelay; empty_gif; }
--- pipelined_requests eval
["GET /t", "GET /t", "GET /t"]
--- error_code eval
[200, 429, 429]


=== TEST 2: the status that limit_req has
--- http_config
    kairo_ratelimit_zone $binary_remote_addr zone=one:1m rate=1r/m;
--- config
    kairo_ratelimit_status 503;
    location /t { kairo_ratelimit zone=one nodelay; empty_gif; }
--- pipelined_requests eval
["GET /t", "GET /t"]
--- error_code eval
[200, 503]


=== TEST 3: a refused request is not counted
--- http_config
    kairo_ratelimit_zone $binary_remote_addr zone=one:1m rate=2r/s;
--- config
    location /t { kairo_ratelimit zone=one; empty_gif; }
--- init
main::late(0, ('/t') x 20);
sleep 0.6;
--- request
GET /t
--- error_log
limiting requests, excess:


=== TEST 4: one zone with a burst, refused beyond it
--- http_config
    kairo_ratelimit_zone $binary_remote_addr zone=one:1m rate=1r/m;
--- config
    location /t { kairo_ratelimit zone=one burst=2 nodelay; empty_gif; }
--- pipelined_requests eval
[("GET /t") x 5]
--- error_code eval
[200, 200, 200, 429, 429]


=== TEST 5: the excess drains at the rate
--- http_config
    kairo_ratelimit_zone $binary_remote_addr zone=one:1m rate=2r/s;
--- config
    location /t { kairo_ratelimit zone=one burst=1 nodelay; empty_gif; }
--- init
main::late(0, '/t', '/t');
sleep 1.1;
--- pipelined_requests eval
["GET /t", "GET /t"]
--- error_code eval
[200, 200]


=== TEST 6: a delayed response is whole though its client reads late
--- http_config
    kairo_ratelimit_zone $binary_remote_addr zone=one:1m rate=2r/s;
--- config
    location / { kairo_ratelimit zone=one burst=5; root html; sendfile off; }
    location /t { return 200; }
--- user_files eval
[["small", "s"], ["big", "0123456789" x 400_000]]
--- init
my ($body) = main::late(0.8, '/small', '/big') =~ /\r\n\r\n([0-9]+)\z/;
Test::More::is(length($body // ''), 4_000_000, "nothing is missing");
--- request
GET /t
--- error_log
delaying request


=== TEST 7: the same through sendfile, on a connection of its own
--- http_config
    kairo_ratelimit_zone $binary_remote_addr zone=one:1m rate=1r/s;
--- config
    location / { kairo_ratelimit zone=one burst=5; root html; sendfile on; }
    location /t { return 200; }
--- user_files eval
[["small", "s"], ["big", "0123456789" x 400_000]]
--- init
main::late(0, '/small');
my ($body) = main::late(1.3, '/big') =~ /\r\n\r\n([0-9]+)\z/;
Test::More::is(length($body // ''), 4_000_000, "nothing is missing");
--- request
GET /t
--- error_log
delaying request


=== TEST 8: a fast and a slow zone, the slow one refuses
--- http_config
    kairo_ratelimit_zone $binary_remote_addr zone=fast:1m rate=1000r/s;
    kairo_ratelimit_zone $binary_remote_addr zone=slow:1m rate=1r/m;
--- config
    location /a { kairo_ratelimit zone=fast burst=5; kairo_ratelimit zone=slow;
                  empty_gif; }
    location /b { kairo_ratelimit zone=slow; kairo_ratelimit zone=fast burst=5;
                  empty_gif; }
--- pipelined_requests eval
["GET /a", "GET /a", "GET /b"]
--- error_code eval
[200, 429, 429]


=== TEST 9: a fast and a slow zone without delay, the slow one's burst counts
--- http_config
    kairo_ratelimit_zone $binary_remote_addr zone=fast:1m rate=1000r/s;
    kairo_ratelimit_zone $binary_remote_addr zone=slow:1m rate=1r/m;
--- config
    location /t { kairo_ratelimit zone=fast burst=10 nodelay;
                  kairo_ratelimit zone=slow burst=2 nodelay; empty_gif; }
--- pipelined_requests eval
[("GET /t") x 5]
--- error_code eval
[200, 200, 200, 429, 429]


=== TEST 10: a fast and a slow zone with delay, the slow one's delay counts
--- http_config
    kairo_ratelimit_zone $binary_remote_addr zone=fast:1m rate=1000r/s;
    kairo_ratelimit_zone $binary_remote_addr zone=slow:1m rate=2r/s;
--- config
    location /t { kairo_ratelimit zone=fast burst=5;
                  kairo_ratelimit zone=slow burst=5;
                  add_header X-Time $request_time; empty_gif; }
--- pipelined_requests eval
["GET /t", "GET /t"]
--- timeout: 20
--- response_headers_like eval
["X-Time: .*", "X-Time: (0\\.[3-9]|[1-9]).*"]


=== TEST 11: what one zone refuses another has not counted
--- http_config
    kairo_ratelimit_zone $binary_remote_addr zone=one:1m rate=1r/m;
    kairo_ratelimit_zone $binary_remote_addr zone=two:1m rate=1r/m;
--- config
    location /one { kairo_ratelimit zone=one; empty_gif; }
    location /two { kairo_ratelimit zone=two burst=1 nodelay; empty_gif; }
    location /both { kairo_ratelimit zone=two burst=1 nodelay;
                     kairo_ratelimit zone=one; empty_gif; }
--- pipelined_requests eval
["GET /one", "GET /both", "GET /both", "GET /two", "GET /two", "GET /two"]
--- error_code eval
[200, 429, 429, 200, 200, 429]


=== TEST 12: delay=1 burst=2: at once, at once, late, refused
--- http_config
    kairo_ratelimit_zone $binary_remote_addr zone=one:1m rate=2r/s;
--- config
    location /t { kairo_ratelimit zone=one delay=1 burst=2;
                  add_header X-Time $request_time always;
                  add_header X-Status $kairo_ratelimit_status always;
                  empty_gif; }
--- pipelined_requests eval
[("GET /t") x 3]
--- timeout: 20
--- error_code eval
[200, 200, 200]
--- response_headers_like eval
["X-Status: PASSED", "X-Status: PASSED",
 "X-Status: DELAYED\nX-Time: (0\\.[3-9]|[1-9]).*"]


=== TEST 13: delay=1 burst=2: who comes while the third waits
--- http_config
    kairo_ratelimit_zone $binary_remote_addr zone=one:1m rate=1r/h;
--- config
    location /t { kairo_ratelimit zone=one delay=1 burst=2; empty_gif; }
    location /free { return 200; }
--- init
Test::More::like(main::late(0, '/t', '/t'),
                 qr{^HTTP/1\.1 200 .*HTTP/1\.1 200 }s, "at once");
my $third = main::ask('/t');
sleep 0.3;
Test::More::like(main::late(0, '/t'), qr{^HTTP/1\.1 429 }, "the fourth");
close $third;
--- request
GET /free
--- error_log
delaying request, excess:
limiting requests, excess:
--- no_error_log
dry run


=== TEST 14: a dry run of a delay
--- http_config
    kairo_ratelimit_zone $binary_remote_addr zone=one:1m rate=1r/m;
--- config
    location /t { kairo_ratelimit zone=one burst=2; kairo_ratelimit_dry_run on;
                  add_header X-Status $kairo_ratelimit_status; empty_gif; }
--- pipelined_requests eval
["GET /t", "GET /t"]
--- response_headers eval
["X-Status: PASSED", "X-Status: DELAYED_DRY_RUN"]
--- error_log
delaying request, dry run
--- no_error_log
limiting requests


=== TEST 15: a dry run of a refusal, and a location within that is not dry
--- http_config
    kairo_ratelimit_zone $binary_remote_addr zone=one:1m rate=1r/m;
--- config
    location /t { kairo_ratelimit zone=one; kairo_ratelimit_dry_run on;
                  add_header X-Status $kairo_ratelimit_status always; empty_gif;
                  location /t/off { kairo_ratelimit_dry_run off; empty_gif; } }
--- pipelined_requests eval
["GET /t", "GET /t", "GET /t/off"]
--- error_code eval
[200, 200, 429]
--- response_headers eval
["X-Status: PASSED", "X-Status: REJECTED_DRY_RUN", "X-Status: REJECTED"]
--- error_log eval
[qr/limiting requests, dry run, excess:/, qr/limiting requests, excess:/]


=== TEST 16: an empty key is not limited, and a missing variable is empty
--- http_config
    kairo_ratelimit_zone $http_x_user zone=one:1m rate=1r/m;
--- config
    location /t { kairo_ratelimit zone=one; empty_gif; }
--- pipelined_requests eval
["GET /t", "GET /t"]
