# kairo_metrics: what is counted, in both formats, by all workers, over a
# reload.

use lib 't/lib';
use Kairo;
use Test::Nginx::Socket;

use IO::Socket::INET;
use JSON::PP;
use Socket qw(SOL_SOCKET SO_RCVTIMEO);
use Time::HiRes qw(sleep);

master_on();
workers(2);

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

# Requests on one connection; returns the answers as one text.

sub requests {
    my ($port, @paths) = @_;
    my $s = connected($port);
    my $last = pop @paths;

    print $s map({ "GET $_ HTTP/1.1\r\nHost: localhost\r\n\r\n" } @paths),
             "GET $last HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";

    return do { local $/; <$s> };
}

sub get { return requests(server_port_for_client(), @_) }

# Has nginx read its configuration again, and waits for what the log then says.

sub reload {
    my ($sign, $times) = @_;
    my $root = server_root();

    open my $file, '<', "$root/logs/nginx.pid" or die "pid: $!\n";
    kill HUP => int <$file>;

    for (1 .. 600) {
        open my $log, '<', "$root/logs/error.log" or die "log: $!\n";
        return 1 if grep({ /$sign/ } <$log>) >= $times;
        sleep 0.05;
    }

    die "the reload has not come to an end\n";
}

# A good configuration: both old workers end.

sub reloaded { return reload(qr/worker process \d+ exited with code 0/, 2) }

# Changes the configuration that nginx will read.

sub edit {
    my ($from, $to) = @_;
    my $name = server_root() . '/conf/nginx.conf';

    open my $in, '<', $name or die "$name: $!\n";
    my $conf = do { local $/; <$in> };
    $conf =~ s/$from/$to/ or die "no $from in $name\n";

    open my $out, '>', $name or die "$name: $!\n";
    print $out $conf;
    close $out;
}

# Filters: samples of the text that match; one member of the JSON document.

sub samples {
    my ($pattern) = @_;
    return sub {
        return CORE::join '', map { "$_\n" } grep { /$pattern/ && !/^#/ }
                              split /\n/, shift;
    };
}

sub document {
    my ($body) = @_;
    return eval { decode_json($body) } // { 'no JSON' => [] };
}

sub member {
    my ($name) = @_;
    return sub {
        my $document = document(shift);
        return JSON::PP->new->canonical->encode($document->{$name} // []);
    };
}

# A filter: whether the text keeps to the grammar of Prometheus' format.

sub grammar {
    my ($text) = @_;
    my (%seen, $family);

    return "no newline at the end" if $text !~ /\n\z/;

    for (split /\n/, $text) {
        if (/^# HELP ([a-z_]+) \S.*$/) {
            return "second HELP of $1" if $seen{$1}++;
            $family = "$1 without TYPE";

        } elsif (/^# TYPE ([a-z_]+) (?:counter|gauge)$/) {
            return "TYPE of $1 after $family" if $family ne "$1 without TYPE";
            $family = $1;

        } elsif (/^([a-z_]+)(?:\{[a-z]+="(?:[^"\\]|\\["\\n])*"(?:,[a-z]+="(?:[^"\\]|\\["\\n])*")*\})? \d+$/) {
            return "sample of $1 after $family" if $family ne $1;

        } else {
            return "unknown line: $_";
        }
    }

    return 'valid';
}

run_tests();

__DATA__

=== TEST 1: a location that counts, and nothing to count
--- config
    location /m { kairo_metrics; }
--- request
GET /m
--- response_headers
Content-Type: text/plain; version=0.0.4; charset=utf-8
--- response_body_like chomp
^# HELP kairo_build_info .+
# TYPE kairo_build_info gauge
kairo_build_info\{version="[^"]+",nginx="\d+\.\d+\.\d+"\} 1
$


=== TEST 2: requests by result
--- http_config
    kairo_ratelimit_zone $arg_k zone=one:32k rate=1r/h;
--- config
    location /m { kairo_metrics; }
    location /t { kairo_ratelimit zone=one burst=1 nodelay; empty_gif; }
--- init
main::get(qw(/t?k=1 /t?k=1 /t?k=1 /t?k=2 /t));
--- request
GET /m
--- response_body_filters eval: main::samples(qr/^kairo_ratelimit_requests_total/)
--- response_body
kairo_ratelimit_requests_total{zone="one",result="passed"} 3
kairo_ratelimit_requests_total{zone="one",result="delayed"} 0
kairo_ratelimit_requests_total{zone="one",result="rejected"} 1
kairo_ratelimit_requests_total{zone="one",result="delayed_dry_run"} 0
kairo_ratelimit_requests_total{zone="one",result="rejected_dry_run"} 0
kairo_ratelimit_requests_total{zone="one",result="error"} 0


=== TEST 3: requests that wait, and a dry run
--- http_config
    kairo_ratelimit_zone $host zone=one:32k rate=2r/s;
    kairo_ratelimit_zone $host zone=two:32k rate=1r/h;
--- config
    location /m { kairo_metrics; }
    location /t { kairo_ratelimit zone=one burst=5; empty_gif; }
    location /dry { kairo_ratelimit zone=two burst=2; kairo_ratelimit_dry_run on;
                    empty_gif; }
--- init
main::get(qw(/t /t), ('/dry') x 7);
--- request
GET /m
--- response_body_filters eval: main::samples(qr/^kairo_ratelimit_requests_total/)
--- response_body
kairo_ratelimit_requests_total{zone="one",result="passed"} 1
kairo_ratelimit_requests_total{zone="one",result="delayed"} 1
kairo_ratelimit_requests_total{zone="one",result="rejected"} 0
kairo_ratelimit_requests_total{zone="one",result="delayed_dry_run"} 0
kairo_ratelimit_requests_total{zone="one",result="rejected_dry_run"} 0
kairo_ratelimit_requests_total{zone="one",result="error"} 0
kairo_ratelimit_requests_total{zone="two",result="passed"} 1
kairo_ratelimit_requests_total{zone="two",result="delayed"} 0
kairo_ratelimit_requests_total{zone="two",result="rejected"} 0
kairo_ratelimit_requests_total{zone="two",result="delayed_dry_run"} 2
kairo_ratelimit_requests_total{zone="two",result="rejected_dry_run"} 4
kairo_ratelimit_requests_total{zone="two",result="error"} 0


=== TEST 4: a key that is too long is a rejected request
--- http_config
    large_client_header_buffers 4 128k;
    kairo_ratelimit_zone $arg_k zone=one:32k rate=1r/h;
--- config
    location /m { kairo_metrics; }
    location /t { kairo_ratelimit zone=one; empty_gif; }
--- init
main::get('/t?k=' . 'k' x 65536);
--- request
GET /m
--- response_body_filters eval: main::samples(qr/requests_total.* [1-9]/)
--- response_body
kairo_ratelimit_requests_total{zone="one",result="rejected"} 1


=== TEST 5: requests that nothing can be decided about
--- http_config
    kairo_ratelimit_zone $arg_k zone=one:32k rate=$arg_rate;
--- config
    location /m { kairo_metrics; }
    location /r { kairo_ratelimit zone=one; empty_gif; }
    location /p { kairo_ratelimit zone=one on_error=pass; empty_gif; }
--- init
main::get(qw(/r?k=1 /r?k=1 /p?k=1));
--- request
GET /m
--- response_body_filters eval: main::samples(qr/_total.* [1-9]/)
--- response_body
kairo_decisions_total{layer="ratelimit",decision="passed_on_error"} 1
kairo_decisions_total{layer="ratelimit",decision="refused_on_error"} 2
kairo_ratelimit_requests_total{zone="one",result="error"} 3


=== TEST 6: decisions
--- http_config
    kairo_ratelimit_zone $arg_k zone=one:32k rate=1r/h;
--- config
    location /m { kairo_metrics; }
    location /t { kairo_ratelimit zone=one; empty_gif; }
    location /dry { kairo_ratelimit zone=one; kairo_ratelimit_dry_run on;
                    empty_gif; }
--- init
main::get(qw(/t?k=1 /t?k=1 /t?k=1 /t?k=2 /t /dry?k=1));
--- request
GET /m
--- response_body_filters eval: main::samples(qr/^kairo_decisions_total.layer="ratelimit"/)
--- response_body
kairo_decisions_total{layer="ratelimit",decision="passed"} 2
kairo_decisions_total{layer="ratelimit",decision="refused_dry_run"} 1
kairo_decisions_total{layer="ratelimit",decision="passed_on_error"} 0
kairo_decisions_total{layer="ratelimit",decision="refused_on_error"} 0
kairo_decisions_total{layer="ratelimit",decision="refused"} 2


=== TEST 7: keys that owe, the room for keys, the age
--- http_config
    kairo_ratelimit_zone $arg_k zone=one:32k rate=1r/h;
    kairo_ratelimit_zone $arg_k zone=big:1m rate=1r/h;
--- config
    location /m { kairo_metrics; }
    location /t { kairo_ratelimit zone=one; empty_gif; }
    location /b { kairo_ratelimit zone=big; empty_gif; }
--- init
main::get(qw(/t?k=1 /t?k=2 /t?k=3 /t?k=3 /t));
--- request
GET /m
--- response_body_like
kairo_ratelimit_overflow_total\{zone="one"\} 0
kairo_ratelimit_overflow_total\{zone="big"\} 0
.*kairo_ratelimit_keys\{zone="one"\} 3
kairo_ratelimit_keys\{zone="big"\} 0
.*kairo_ratelimit_keys_max\{zone="one"\} 1\d\d\d
kairo_ratelimit_keys_max\{zone="big"\} 6[01]\d\d\d
.*kairo_ratelimit_age_seconds\{zone="one"\} \d\d?
kairo_ratelimit_age_seconds\{zone="big"\} \d\d?


=== TEST 8: a key that no longer owes is not counted
--- http_config
    kairo_ratelimit_zone $arg_k zone=one:32k rate=5r/s;
--- config
    location /m { kairo_metrics; }
    location /t { kairo_ratelimit zone=one; empty_gif; }
--- init
main::get(qw(/t?k=1 /t?k=2));
sleep 0.3;
--- request
GET /m
--- response_body_filters eval: main::samples(qr/^kairo_ratelimit_keys\{/)
--- response_body
kairo_ratelimit_keys{zone="one"} 0


=== TEST 9: a zone that is too small counts what overflows, and keeps who is limited
--- http_config
    keepalive_requests 5000;
    kairo_ratelimit_zone $arg_k zone=one:32k rate=1r/h;
--- config
    location /m { kairo_metrics; }
    location /t { kairo_ratelimit zone=one; kairo_ratelimit_log_level info;
                  empty_gif; }
--- init
main::get(map { "/t?k=victim$_" } 1 .. 50);
main::get(map { "/t?k=$_" } 1 .. 2050);
my $refused = () = main::get(map { "/t?k=victim$_" } 1 .. 50)
                   =~ /HTTP\/1\.1 429 /g;
Test::More::is($refused, 50, "who was limited still is");
--- request
GET /m
--- timeout: 30
--- response_body_like
kairo_ratelimit_overflow_total\{zone="one"\} [1-9]\d*
.*kairo_ratelimit_keys\{zone="one"\} 1\d\d\d


=== TEST 10: the whole text is of Prometheus' format
--- http_config
    kairo_ratelimit_zone $arg_k zone=one:32k rate=1r/h;
    kairo_ratelimit_zone $arg_k 'zone=a"quote:32k' rate=1r/h;
    kairo_ratelimit_zone $arg_k 'zone=a\slash:32k' rate=1r/h;
--- config
    location /m { kairo_metrics; }
    location /t { kairo_ratelimit zone=one; empty_gif; }
--- request
GET /m
--- response_body_filters eval: \&main::grammar
--- response_body chomp
valid


=== TEST 11: many zones
--- http_config eval
CORE::join '', map { "kairo_ratelimit_zone \$arg_k zone=a_zone_of_a_name_$_:32k"
                     . " rate=1r/h;\n" } 1 .. 60
--- config
    location /m { kairo_metrics; }
    location /t { kairo_ratelimit zone=a_zone_of_a_name_60; empty_gif; }
--- request eval
["GET /m", "GET /m?format=json"]
--- response_body_filters eval
[[\&main::grammar],
 [sub { scalar @{ main::document(shift)->{kairo_ratelimit_requests_total} // [] } }]]
--- response_body eval
["valid", 60 * 6]


=== TEST 12: JSON
--- http_config
    kairo_ratelimit_zone $arg_k zone=one:32k rate=1r/h;
--- config
    location /m { kairo_metrics json; }
    location /t { kairo_ratelimit zone=one; empty_gif; }
--- init
main::get(qw(/t?k=1 /t?k=1 /t?k=2));
--- request
GET /m
--- response_headers
Content-Type: application/json
--- response_body_filters eval: main::member('kairo_ratelimit_requests_total')
--- response_body chomp
[{"result":"passed","value":2,"zone":"one"},{"result":"delayed","value":0,"zone":"one"},{"result":"rejected","value":1,"zone":"one"},{"result":"delayed_dry_run","value":0,"zone":"one"},{"result":"rejected_dry_run","value":0,"zone":"one"},{"result":"error","value":0,"zone":"one"}]


=== TEST 13: JSON, a gauge and the names of all metrics
--- http_config
    kairo_ratelimit_zone $arg_k zone=one:32k rate=1r/h;
--- config
    location /m { kairo_metrics json; }
    location /t { kairo_ratelimit zone=one; empty_gif; }
--- init
main::get(qw(/t?k=1 /t?k=1 /t?k=2));
--- request eval
["GET /m", "GET /m"]
--- response_body_filters eval
[[main::member('kairo_ratelimit_keys')],
 [sub { CORE::join ' ', sort keys %{ main::document(shift) } }]]
--- response_body eval
['[{"value":2,"zone":"one"}]',
 'kairo_build_info kairo_decisions_total kairo_ratelimit_age_seconds '
 . 'kairo_ratelimit_keys kairo_ratelimit_keys_max '
 . 'kairo_ratelimit_overflow_total kairo_ratelimit_requests_total']


=== TEST 14: JSON, names that have to be escaped
--- http_config
    kairo_ratelimit_zone $arg_k 'zone=a"quote:32k' rate=1r/h;
    kairo_ratelimit_zone $arg_k 'zone=a\slash:32k' rate=1r/h;
--- config
    location /m { kairo_metrics json; }
--- request
GET /m
--- response_body_filters eval: main::member('kairo_ratelimit_overflow_total')
--- response_body chomp
[{"value":0,"zone":"a\"quote"},{"value":0,"zone":"a\\slash"}]


=== TEST 15: JSON where there is nothing to count
--- config
    location /m { kairo_metrics json; }
--- request
GET /m
--- response_body_filters eval
sub { CORE::join ' ', keys %{ main::document(shift) } }
--- response_body chomp
kairo_build_info


=== TEST 16: the format that the location says, and that the request says
--- config
    location /m { kairo_metrics; }
    location /p { kairo_metrics prometheus; }
    location /j { kairo_metrics json; }
--- request eval
["GET /m", "GET /p", "GET /j",
 "GET /m?format=json", "GET /p?a=b&format=json", "GET /j?format=prometheus"]
--- response_headers eval
my $text = "Content-Type: text/plain; version=0.0.4; charset=utf-8";
my $json = "Content-Type: application/json";
[$text, $text, $json, $json, $json, $text]


=== TEST 17: the format that Accept asks for
--- config
    location /m { kairo_metrics; }
--- request eval
["GET /m", "GET /m", "GET /m"]
--- more_headers eval
["Accept: application/json", "Accept: */*", "Accept: text/plain"]
--- response_headers eval
my $text = "Content-Type: text/plain; version=0.0.4; charset=utf-8";
my $json = "Content-Type: application/json";
[$json, $text, $text]


=== TEST 18: HEAD
--- config
    location /m { kairo_metrics; }
--- request
HEAD /m
--- response_headers_like
Content-Type: text/plain; version=0.0.4; charset=utf-8
Content-Length: [1-9]\d+
--- response_body


=== TEST 19: other methods
--- config
    location /m { kairo_metrics; }
--- pipelined_requests eval
["POST /m\nhello", "PUT /m\nhello", "DELETE /m", "OPTIONS /m", "PATCH /m"]
--- error_code eval
[(405) x 5]


=== TEST 20: a GET that has a body
--- config
    location /m { kairo_metrics json; }
--- pipelined_requests eval
["GET /m\nhello", "GET /m"]
--- response_body_like eval
['^\{"kairo_build_info"', '^\{"kairo_build_info"']


=== TEST 21: reading them is not limited, and not counted
--- http_config
    kairo_ratelimit_zone all zone=one:32k rate=1r/h;
--- config
    location /m { kairo_metrics; }
    location /t { kairo_ratelimit zone=one; empty_gif; }
--- init
main::get(('/m') x 5);
--- request
GET /m
--- response_body_filters eval: main::samples(qr/_total.* [1-9]/)
--- response_body


=== TEST 22: reading them is limited where the location says so
--- http_config
    kairo_ratelimit_zone all zone=one:32k rate=1r/h;
--- config
    location /m { kairo_metrics; kairo_ratelimit zone=one; }
--- pipelined_requests eval
["GET /m", "GET /m"]
--- error_code eval
[200, 429]


=== TEST 23: who may read them
--- config
    location /yes { allow 127.0.0.1; deny all; kairo_metrics; }
    location /no { deny all; kairo_metrics; }
--- request eval
["GET /yes", "GET /no"]
--- error_code eval
[200, 403]


=== TEST 24: the numbers of both workers
--- http_config
    keepalive_requests 5000;
    kairo_ratelimit_zone $arg_k zone=one:32k rate=1r/h;
--- config
    listen 127.0.0.1:$TEST_NGINX_STREAM_PORT reuseport;
    location /m { kairo_metrics; }
    location /t { kairo_ratelimit zone=one burst=20 nodelay;
                  add_header X-Pid $pid always; empty_gif; }
--- init
my (%pids, $passed, $refused);
for (1 .. 50) {
    my $answer = main::requests($ENV{TEST_NGINX_STREAM_PORT}, ('/t?k=1') x 3);
    $pids{$1}++ while $answer =~ /X-Pid: (\d+)/g;
    $passed += () = $answer =~ /HTTP\/1\.1 200 /g;
    $refused += () = $answer =~ /HTTP\/1\.1 429 /g;
}
Test::More::is(scalar keys %pids, 2, "both workers have been asked");
Test::More::is("$passed $refused", "21 129", "and share one bucket");
--- request
GET /m
--- response_body_filters eval: main::samples(qr/requests_total.* [1-9]/)
--- response_body
kairo_ratelimit_requests_total{zone="one",result="passed"} 21
kairo_ratelimit_requests_total{zone="one",result="rejected"} 129


=== TEST 25: the decisions of both workers
--- http_config
    kairo_ratelimit_zone $arg_k zone=one:32k rate=1r/h;
--- config
    listen 127.0.0.1:$TEST_NGINX_STREAM_PORT reuseport;
    location /m { kairo_metrics; }
    location /t { kairo_ratelimit zone=one; empty_gif; }
--- init
main::requests($ENV{TEST_NGINX_STREAM_PORT}, "/t?k=1", "/t?k=$_") for 1 .. 40;
--- request
GET /m
--- response_body_filters eval: main::samples(qr/decisions_total.* [1-9]/)
--- response_body
kairo_decisions_total{layer="ratelimit",decision="passed"} 40
kairo_decisions_total{layer="ratelimit",decision="refused"} 40


=== TEST 26: a reload keeps numbers and buckets
--- http_config
    kairo_ratelimit_zone $arg_k zone=one:32k rate=1r/h;
--- config
    location /m { kairo_metrics; }
    location /t { kairo_ratelimit zone=one; empty_gif; }
--- init
main::get(qw(/t?k=1 /t?k=1 /t?k=2));
main::reloaded();
Test::More::like(main::get('/t?k=2'), qr/^HTTP\/1.1 429 /, "limited as before");
--- request
GET /m
--- response_body_filters eval: main::samples(qr/(?:_total|keys\{).* [1-9]/)
--- response_body
kairo_decisions_total{layer="ratelimit",decision="passed"} 2
kairo_decisions_total{layer="ratelimit",decision="refused"} 2
kairo_ratelimit_requests_total{zone="one",result="passed"} 2
kairo_ratelimit_requests_total{zone="one",result="rejected"} 2
kairo_ratelimit_keys{zone="one"} 2


=== TEST 27: a reload with another size, larger and smaller
--- http_config
    kairo_ratelimit_zone $arg_k zone=one:64k rate=1r/h;
    kairo_ratelimit_zone $arg_k zone=two:64k rate=1r/h;
--- config
    location /m { kairo_metrics; }
    location /t { kairo_ratelimit zone=one; kairo_ratelimit zone=two;
                  empty_gif; }
--- init
main::get(qw(/t?k=1 /t?k=1 /t?k=2));
main::edit('one:64k', 'one:128k');
main::edit('two:64k', 'two:32k');
main::reloaded();
Test::More::like(main::get('/t?k=2'), qr/^HTTP\/1.1 429 /, "limited as before");
--- request
GET /m
--- response_body_filters eval: main::samples(qr/(?:requests_total|keys\{).* [1-9]/)
--- response_body
kairo_ratelimit_requests_total{zone="one",result="passed"} 2
kairo_ratelimit_requests_total{zone="one",result="rejected"} 2
kairo_ratelimit_requests_total{zone="two",result="passed"} 2
kairo_ratelimit_keys{zone="one"} 2
kairo_ratelimit_keys{zone="two"} 2


=== TEST 28: after a reload with another rate every key begins anew
--- http_config
    kairo_ratelimit_zone $arg_k zone=one:32k rate=1r/h;
--- config
    location /m { kairo_metrics; }
    location /t { kairo_ratelimit zone=one; empty_gif; }
--- init
main::get(qw(/t?k=1 /t?k=1));
main::edit('rate=1r/h', 'rate=2r/h');
main::reloaded();
Test::More::like(main::get('/t?k=1'), qr/^HTTP\/1.1 200 /, "has a full bucket");
Test::More::like(main::get('/t?k=1'), qr/^HTTP\/1.1 429 /, "of one request");
--- request
GET /m
--- response_body_filters eval: main::samples(qr/requests_total.* [1-9]/)
--- response_body
kairo_ratelimit_requests_total{zone="one",result="passed"} 2
kairo_ratelimit_requests_total{zone="one",result="rejected"} 2


=== TEST 29: after a reload with another key the zone stays
--- http_config
    kairo_ratelimit_zone $arg_k zone=one:32k rate=1r/h;
--- config
    location /m { kairo_metrics; }
    location /t { kairo_ratelimit zone=one; empty_gif; }
--- init
main::get(qw(/t?k=1 /t?k=1));
main::edit('\$arg_k', '$arg_j');
main::reloaded();
Test::More::like(main::get('/t?k=1'), qr/^HTTP\/1.1 200 /, "no key, no limit");
Test::More::like(main::get('/t?j=1'), qr/^HTTP\/1.1 429 /, "the same value");
Test::More::like(main::get('/t?j=2'), qr/^HTTP\/1.1 200 /, "another value");
--- request
GET /m
--- response_body_filters eval: main::samples(qr/requests_total.* [1-9]/)
--- response_body
kairo_ratelimit_requests_total{zone="one",result="passed"} 2
kairo_ratelimit_requests_total{zone="one",result="rejected"} 2


=== TEST 30: a reload that fails changes nothing
--- http_config
    kairo_ratelimit_zone $arg_k zone=one:32k rate=1r/h;
--- config
    location /m { kairo_metrics; }
    location /t { kairo_ratelimit zone=one; empty_gif; }
--- init
main::get(qw(/t?k=1 /t?k=1));
main::edit('rate=1r/h', 'rate=1r/w');
main::reload(qr/\[emerg\] .*invalid rate "rate=1r\/w"/, 1);
Test::More::like(main::get('/t?k=1'), qr/^HTTP\/1.1 429 /, "limited as before");
--- request
GET /m
--- error_log
[emerg]
invalid rate "rate=1r/w"
--- response_body_filters eval: main::samples(qr/requests_total.* [1-9]/)
--- response_body
kairo_ratelimit_requests_total{zone="one",result="passed"} 1
kairo_ratelimit_requests_total{zone="one",result="rejected"} 2
