# Directives: what each refuses and how it says so, and what it must take.

use lib 't/lib';
use Kairo;
use Test::Nginx::Socket;

add_block_preprocessor(sub {
    my ($block) = @_;

    # nginx says on stderr again what it has written into the log
    $block->set_value('suppress_stderr', '');

    if (defined $block->must_die) {
        my $expected = $block->error_log;
        $block->set_value('error_log', ref $expected
                          ? [@$expected, '[emerg]'] : "$expected\n[emerg]");
    }

    $block->set_value('config', 'location /t { empty_gif; }')
        unless defined $block->config;
    $block->set_value('request', 'GET /t')
        unless defined $block->request || defined $block->must_die;
});

run_tests();

__DATA__

=== TEST 1: zone: no size
--- http_config
    kairo_ratelimit_zone $arg_k zone=one rate=1r/s;
--- must_die
--- error_log
invalid zone size "zone=one"


=== TEST 2: zone: no name
--- http_config
    kairo_ratelimit_zone $arg_k zone=:32k rate=1r/s;
--- must_die
--- error_log
invalid zone size "zone=:32k"


=== TEST 3: zone: an empty size
--- http_config
    kairo_ratelimit_zone $arg_k zone=one: rate=1r/s;
--- must_die
--- error_log
invalid zone size "zone=one:"


=== TEST 4: zone: a size of an unknown unit
--- http_config
    kairo_ratelimit_zone $arg_k zone=one:32q rate=1r/s;
--- must_die
--- error_log
invalid zone size "zone=one:32q"


=== TEST 5: zone: a negative size
--- http_config
    kairo_ratelimit_zone $arg_k zone=one:-32k rate=1r/s;
--- must_die
--- error_log
invalid zone size "zone=one:-32k"


=== TEST 6: zone: a byte less than eight pages
--- http_config
    kairo_ratelimit_zone $arg_k zone=one:32767 rate=1r/s;
--- must_die
--- error_log
zone "zone=one:32767" is too small


=== TEST 7: zone: no bytes at all
--- http_config
    kairo_ratelimit_zone $arg_k zone=one:0 rate=1r/s;
--- must_die
--- error_log
zone "zone=one:0" is too small


=== TEST 8: zone: a rate of nothing
--- http_config
    kairo_ratelimit_zone $arg_k zone=one:32k rate=;
--- must_die
--- error_log
invalid rate "rate="


=== TEST 9: zone: a rate of zero
--- http_config
    kairo_ratelimit_zone $arg_k zone=one:32k rate=0r/s;
--- must_die
--- error_log
invalid rate "rate=0r/s"


=== TEST 10: zone: a negative rate
--- http_config
    kairo_ratelimit_zone $arg_k zone=one:32k rate=-1r/s;
--- must_die
--- error_log
invalid rate "rate=-1r/s"


=== TEST 11: zone: a fraction of a request
--- http_config
    kairo_ratelimit_zone $arg_k zone=one:32k rate=1.5r/s;
--- must_die
--- error_log
invalid rate "rate=1.5r/s"


=== TEST 12: zone: a rate without its number
--- http_config
    kairo_ratelimit_zone $arg_k zone=one:32k rate=r/s;
--- must_die
--- error_log
invalid rate "rate=r/s"


=== TEST 13: zone: a rate of an unknown unit
--- http_config
    kairo_ratelimit_zone $arg_k zone=one:32k rate=1r/w;
--- must_die
--- error_log
invalid rate "rate=1r/w"


=== TEST 14: zone: a rate without its unit
--- http_config
    kairo_ratelimit_zone $arg_k zone=one:32k rate=1r/;
--- must_die
--- error_log
invalid rate "rate=1r/"


=== TEST 15: zone: something behind the rate
--- http_config
    kairo_ratelimit_zone $arg_k zone=one:32k rate=1r/sec;
--- must_die
--- error_log
invalid rate "rate=1r/sec"


=== TEST 16: zone: a period without its number
--- http_config
    kairo_ratelimit_zone $arg_k zone=one:32k rate=100/s;
--- must_die
--- error_log
invalid rate "rate=100/s"


=== TEST 17: zone: a period without its unit
--- http_config
    kairo_ratelimit_zone $arg_k zone=one:32k rate=100/10;
--- must_die
--- error_log
invalid rate "rate=100/10"


=== TEST 18: zone: a period of zero
--- http_config
    kairo_ratelimit_zone $arg_k zone=one:32k rate=100/0ms;
--- must_die
--- error_log
invalid rate "rate=100/0ms"


=== TEST 19: zone: a period of more than 366 days
--- http_config
    kairo_ratelimit_zone $arg_k zone=one:32k rate=1/367d;
--- must_die
--- error_log
invalid rate "rate=1/367d"


=== TEST 20: zone: a period of more digits than any number has
--- http_config
    kairo_ratelimit_zone $arg_k zone=one:32k rate=1/18446744073709551617s;
--- must_die
--- error_log
invalid rate "rate=1/18446744073709551617s"


=== TEST 21: zone: a count of more digits than any number has
--- http_config
    kairo_ratelimit_zone $arg_k zone=one:32k rate=18446744073709551617r/s;
--- must_die
--- error_log
invalid rate "rate=18446744073709551617r/s"


=== TEST 22: zone: an unknown parameter
--- http_config
    kairo_ratelimit_zone $arg_k zone=one:32k speed=1r/s;
--- must_die
--- error_log
invalid parameter "speed=1r/s"


=== TEST 23: zone: "zone" twice
--- http_config
    kairo_ratelimit_zone $arg_k zone=one:32k zone=two:32k;
--- must_die
--- error_log
invalid parameter "zone=two:32k"


=== TEST 24: zone: "rate" twice
--- http_config
    kairo_ratelimit_zone $arg_k rate=1r/s rate=2r/s;
--- must_die
--- error_log
invalid parameter "rate=2r/s"


=== TEST 25: zone: no rate
--- http_config
    kairo_ratelimit_zone $arg_k zone=one:32k default=1r/s;
--- must_die
--- error_log
"kairo_ratelimit_zone" must have "rate" parameter


=== TEST 26: zone: an unknown parameter behind the others
--- http_config
    kairo_ratelimit_zone $arg_k zone=one:32k rate=1r/s sync;
--- must_die
--- error_log
invalid parameter "sync"


=== TEST 27: zone: no zone
--- http_config
    kairo_ratelimit_zone $arg_k rate=1r/s window=1s;
--- must_die
--- error_log
"kairo_ratelimit_zone" must have "zone" parameter


=== TEST 28: zone: "window" twice
--- http_config
    kairo_ratelimit_zone $arg_k zone=one:32k rate=1 window=1s window=2s;
--- must_die
--- error_log
invalid parameter "window=2s"


=== TEST 29: zone: "default" twice
--- http_config
    kairo_ratelimit_zone $arg_k zone=one:32k rate=$arg_r default=1 default=2;
--- must_die
--- error_log
invalid parameter "default=2"


=== TEST 30: zone: a variable that nobody knows
--- http_config
    kairo_ratelimit_zone $no_such_variable zone=one:32k rate=1r/s;
--- must_die
--- error_log
unknown "no_such_variable" variable


=== TEST 31: zone: defined twice
--- http_config
    kairo_ratelimit_zone $arg_k zone=one:32k rate=1r/s;
    kairo_ratelimit_zone $arg_k zone=one:32k rate=1r/s;
--- must_die
--- error_log
kairo_ratelimit_zone "one" is defined already


=== TEST 32: zone: defined twice, with two sizes
--- http_config
    kairo_ratelimit_zone $arg_k zone=one:32k rate=1r/s;
    kairo_ratelimit_zone $arg_k zone=one:64k rate=1r/s;
--- must_die
--- error_log
"one"


=== TEST 33: zone: in a server
--- config
    kairo_ratelimit_zone $arg_k zone=one:32k rate=1r/s;
--- must_die
--- error_log
"kairo_ratelimit_zone" directive is not allowed here


=== TEST 34: zone: in a location
--- config
    location /t { kairo_ratelimit_zone $arg_k zone=one:32k rate=1r/s; }
--- must_die
--- error_log
"kairo_ratelimit_zone" directive is not allowed here


=== TEST 35: zone: outside http
--- main_config
    kairo_ratelimit_zone $arg_k zone=one:32k rate=1r/s;
--- must_die
--- error_log
"kairo_ratelimit_zone" directive is not allowed here


=== TEST 36: zone: the name is a zone of limit_req
--- http_config
    limit_req_zone $arg_k zone=one:32k rate=1r/s;
    kairo_ratelimit_zone $arg_k zone=one:32k rate=1r/s;
--- must_die
--- error_log
the shared memory zone "one" is already declared for a different use


=== TEST 37: zone: limit_req takes the name afterwards
--- http_config
    kairo_ratelimit_zone $arg_k zone=one:32k rate=1r/s;
    limit_req_zone $arg_k zone=one:32k rate=1r/s;
--- must_die
--- error_log
the shared memory zone "one" is already declared for a different use


=== TEST 38: zone: rates that are taken
--- http_config
    kairo_ratelimit_zone $arg_k zone=z1:32k rate=2r/s;
    kairo_ratelimit_zone $arg_k zone=z2:32k rate=30r/m;
    kairo_ratelimit_zone $arg_k zone=z3:32k rate=5r/h;
    kairo_ratelimit_zone $arg_k zone=z4:32k rate=1000r/d;
    kairo_ratelimit_zone $arg_k zone=z5:32k rate=100/10s;
    kairo_ratelimit_zone $arg_k zone=z6:32k rate=5/1h;
    kairo_ratelimit_zone $arg_k zone=z7:32k rate=1/1ms;
    kairo_ratelimit_zone $arg_k zone=z8:32k rate=1/366d;
    kairo_ratelimit_zone $arg_k zone=z9:32k rate=7/2m;
    kairo_ratelimit_zone $arg_k zone=z10:32k rate=10;
--- no_error_log
[warn]


=== TEST 39: zone: windows and defaults that are taken
--- http_config
    kairo_ratelimit_zone $arg_k zone=z1:32k rate=100 window=1h;
    kairo_ratelimit_zone $arg_k window=1ms zone=z2:32k rate=1;
    kairo_ratelimit_zone $arg_k zone=z3:32k rate=1048575 window=366d;
    kairo_ratelimit_zone $arg_k zone=z4:32k rate=$arg_r;
    kairo_ratelimit_zone $arg_k zone=z5:32k rate=$arg_r default=5/10s;
    kairo_ratelimit_zone $arg_k zone=z6:32k rate=${arg_r}r/m default=1r/s;
    kairo_ratelimit_zone $arg_k zone=z7:32k rate=$arg_r default=5 window=1m;
--- no_error_log
[warn]


=== TEST 40: zone: sizes that are taken
--- http_config
    kairo_ratelimit_zone $arg_k zone=z1:32k rate=1r/s;
    kairo_ratelimit_zone $arg_k zone=z2:32768 rate=1r/s;
    kairo_ratelimit_zone $arg_k zone=z3:33001 rate=1r/s;
    kairo_ratelimit_zone $arg_k zone=z4:1m rate=1r/s;
    kairo_ratelimit_zone $arg_k zone=z5:1M rate=1r/s;
--- no_error_log
[warn]


=== TEST 41: zone: the parameters in the other order, and keys of any text
--- http_config
    kairo_ratelimit_zone $arg_k rate=1r/s zone=z1:32k;
    kairo_ratelimit_zone "$arg_a:$arg_b" zone=z2:32k rate=1r/s;
    kairo_ratelimit_zone everybody zone=z3:32k rate=1r/s;
    kairo_ratelimit_zone ${arg_a}x zone=z4.a-b:32k rate=1r/s;
--- no_error_log
[warn]


=== TEST 42: zone: used before it is defined
--- http_config
    server {
        listen unix:$TEST_NGINX_SERVER_ROOT/early.sock;
        kairo_ratelimit zone=one;
    }
    kairo_ratelimit_zone $arg_k zone=one:32k rate=1r/s;
--- no_error_log
[warn]


=== TEST 43: a key that is an address out of a header
--- http_config
    kairo_ratelimit_zone $http_x_forwarded_for zone=z1:32k rate=1r/s;
    kairo_ratelimit_zone $proxy_add_x_forwarded_for zone=z2:32k rate=1r/s;
    kairo_ratelimit_zone $http_forwarded zone=z3:32k rate=1r/s;
    kairo_ratelimit_zone $http_x_real_ip zone=z4:32k rate=1r/s;
    kairo_ratelimit_zone $http_x_client_ip zone=z5:32k rate=1r/s;
    kairo_ratelimit_zone $http_client_ip zone=z6:32k rate=1r/s;
    kairo_ratelimit_zone $http_x_cluster_client_ip zone=z7:32k rate=1r/s;
    kairo_ratelimit_zone $http_true_client_ip zone=z8:32k rate=1r/s;
    kairo_ratelimit_zone $http_cf_connecting_ip zone=z9:32k rate=1r/s;
    kairo_ratelimit_zone $http_fastly_client_ip zone=z10:32k rate=1r/s;
--- grep_error_log eval: qr/the key "[^"]+" is what any client can write/
--- grep_error_log_out
the key "$http_x_forwarded_for" is what any client can write
the key "$proxy_add_x_forwarded_for" is what any client can write
the key "$http_forwarded" is what any client can write
the key "$http_x_real_ip" is what any client can write
the key "$http_x_client_ip" is what any client can write
the key "$http_client_ip" is what any client can write
the key "$http_x_cluster_client_ip" is what any client can write
the key "$http_true_client_ip" is what any client can write
the key "$http_cf_connecting_ip" is what any client can write
the key "$http_fastly_client_ip" is what any client can write


=== TEST 44: the same in braces
--- http_config
    kairo_ratelimit_zone ${http_x_forwarded_for} zone=z1:32k rate=1r/s;
    kairo_ratelimit_zone ${proxy_add_x_forwarded_for} zone=z2:32k rate=1r/s;
    kairo_ratelimit_zone ${http_forwarded} zone=z3:32k rate=1r/s;
    kairo_ratelimit_zone ${http_x_real_ip} zone=z4:32k rate=1r/s;
    kairo_ratelimit_zone ${http_x_client_ip} zone=z5:32k rate=1r/s;
    kairo_ratelimit_zone ${http_client_ip} zone=z6:32k rate=1r/s;
    kairo_ratelimit_zone ${http_x_cluster_client_ip} zone=z7:32k rate=1r/s;
    kairo_ratelimit_zone ${http_true_client_ip} zone=z8:32k rate=1r/s;
    kairo_ratelimit_zone ${http_cf_connecting_ip} zone=z9:32k rate=1r/s;
    kairo_ratelimit_zone ${http_fastly_client_ip} zone=z10:32k rate=1r/s;
--- grep_error_log eval: qr/the key "[^"]+" is what any client can write/
--- grep_error_log_out
the key "${http_x_forwarded_for}" is what any client can write
the key "${proxy_add_x_forwarded_for}" is what any client can write
the key "${http_forwarded}" is what any client can write
the key "${http_x_real_ip}" is what any client can write
the key "${http_x_client_ip}" is what any client can write
the key "${http_client_ip}" is what any client can write
the key "${http_x_cluster_client_ip}" is what any client can write
the key "${http_true_client_ip}" is what any client can write
the key "${http_cf_connecting_ip}" is what any client can write
the key "${http_fastly_client_ip}" is what any client can write


=== TEST 45: such a key amid other text, in capitals, twice in one key
--- http_config
    kairo_ratelimit_zone "$host:$http_x_real_ip" zone=z1:32k rate=1r/s;
    kairo_ratelimit_zone "$http_x_real_ip:$host" zone=z2:32k rate=1r/s;
    kairo_ratelimit_zone ${http_x_real_ip}_$host zone=z3:32k rate=1r/s;
    kairo_ratelimit_zone $HTTP_X_Real_IP zone=z4:32k rate=1r/s;
    kairo_ratelimit_zone $http_forwarded$http_forwarded zone=z5:32k rate=1r/s;
    kairo_ratelimit_zone $http_x_real_ipx$http_x_real_ip zone=z6:32k rate=1r/s;
--- grep_error_log eval: qr/the key "[^"]+" is what any client can write/
--- grep_error_log_out
the key "$host:$http_x_real_ip" is what any client can write
the key "$http_x_real_ip:$host" is what any client can write
the key "${http_x_real_ip}_$host" is what any client can write
the key "$HTTP_X_Real_IP" is what any client can write
the key "$http_forwarded$http_forwarded" is what any client can write
the key "$http_x_real_ipx$http_x_real_ip" is what any client can write


=== TEST 46: the warning is one, and says what to write
--- http_config
    kairo_ratelimit_zone $http_x_forwarded_for zone=z1:32k rate=1r/s;
--- error_log eval
[qr/\[warn\] .*\$kairo_client.*set_real_ip_from.*real_ip_header.* in \S+:\d+/]


=== TEST 47: keys that are not such
--- http_config
    kairo_ratelimit_zone $kairo_client zone=z1:32k rate=1r/s;
    kairo_ratelimit_zone $binary_remote_addr zone=z2:32k rate=1r/s;
    kairo_ratelimit_zone $remote_addr zone=z3:32k rate=1r/s;
    kairo_ratelimit_zone $http_x_real_ip_foo zone=z4:32k rate=1r/s;
    kairo_ratelimit_zone ${http_x_real_ip_foo} zone=z5:32k rate=1r/s;
    kairo_ratelimit_zone $http_x_real_ip6 zone=z6:32k rate=1r/s;
    kairo_ratelimit_zone $http_forwarded_proto zone=z7:32k rate=1r/s;
    kairo_ratelimit_zone http_x_real_ip zone=z8:32k rate=1r/s;
    kairo_ratelimit_zone $arg_http_x_real_ip zone=z9:32k rate=1r/s;
    kairo_ratelimit_zone $http_x_real zone=z10:32k rate=1r/s;
    kairo_ratelimit_zone $server_name$host zone=z11:32k rate=1r/s;
    kairo_ratelimit_zone $kairo_client_56 zone=z12:32k rate=1r/s;
--- no_error_log
[warn]


=== TEST 48: limit: no parameter
--- config
    location /t { kairo_ratelimit; }
--- must_die
--- error_log
invalid number of arguments in "kairo_ratelimit" directive


=== TEST 49: limit: no zone
--- config
    location /t { kairo_ratelimit burst=5; }
--- must_die
--- error_log
"kairo_ratelimit" must have "zone" parameter


=== TEST 50: limit: a zone that nobody defines
--- config
    location /t { kairo_ratelimit zone=nosuch; }
--- must_die
--- error_log eval
[qr/\[emerg\] .*unknown zone "nosuch".*nginx\.conf:\d+/]


=== TEST 51: limit: a zone without a name
--- config
    location /t { kairo_ratelimit zone=; }
--- must_die
--- error_log
unknown zone ""


=== TEST 52: limit: a zone of limit_req
--- http_config
    limit_req_zone $arg_k zone=one:32k rate=1r/s;
--- config
    location /t { kairo_ratelimit zone=one; }
--- must_die
--- error_log
the shared memory zone "one" is already declared for a different use


=== TEST 53: limit: limit_req names a zone of kairo
--- http_config
    kairo_ratelimit_zone $arg_k zone=one:32k rate=1r/s;
--- config
    location /t { limit_req zone=one; }
--- must_die
--- error_log
the shared memory zone "one" is already declared for a different use


=== TEST 54: limit: a burst of zero
--- http_config
    kairo_ratelimit_zone $arg_k zone=one:32k rate=1r/s;
--- config
    location /t { kairo_ratelimit zone=one burst=0; }
--- must_die
--- error_log
invalid burst value "burst=0"


=== TEST 55: limit: a negative burst
--- http_config
    kairo_ratelimit_zone $arg_k zone=one:32k rate=1r/s;
--- config
    location /t { kairo_ratelimit zone=one burst=-1; }
--- must_die
--- error_log
invalid burst value "burst=-1"


=== TEST 56: limit: a burst of nothing
--- http_config
    kairo_ratelimit_zone $arg_k zone=one:32k rate=1r/s;
--- config
    location /t { kairo_ratelimit zone=one burst=; }
--- must_die
--- error_log
invalid burst value "burst="


=== TEST 57: limit: a burst that is no number
--- http_config
    kairo_ratelimit_zone $arg_k zone=one:32k rate=1r/s;
--- config
    location /t { kairo_ratelimit zone=one burst=5x; }
--- must_die
--- error_log
invalid burst value "burst=5x"


=== TEST 58: limit: a burst of more than 64 bits
--- http_config
    kairo_ratelimit_zone $arg_k zone=one:32k rate=1r/s;
--- config
    location /t { kairo_ratelimit zone=one burst=18446744073709551617; }
--- must_die
--- error_log
invalid burst value "burst=18446744073709551617"


=== TEST 59: limit: a delay of zero
--- http_config
    kairo_ratelimit_zone $arg_k zone=one:32k rate=1r/s;
--- config
    location /t { kairo_ratelimit zone=one burst=5 delay=0; }
--- must_die
--- error_log
invalid delay value "delay=0"


=== TEST 60: limit: a delay that is no number
--- http_config
    kairo_ratelimit_zone $arg_k zone=one:32k rate=1r/s;
--- config
    location /t { kairo_ratelimit zone=one burst=5 delay=1s; }
--- must_die
--- error_log
invalid delay value "delay=1s"


=== TEST 61: limit: a delay of nothing
--- http_config
    kairo_ratelimit_zone $arg_k zone=one:32k rate=1r/s;
--- config
    location /t { kairo_ratelimit zone=one burst=5 delay=; }
--- must_die
--- error_log
invalid delay value "delay="


=== TEST 62: limit: nodelay beside delay
--- http_config
    kairo_ratelimit_zone $arg_k zone=one:32k rate=1r/s;
--- config
    location /t { kairo_ratelimit zone=one burst=5 nodelay delay=2; }
--- must_die
--- error_log
has both "nodelay" and "delay"


=== TEST 63: limit: delay beside nodelay
--- http_config
    kairo_ratelimit_zone $arg_k zone=one:32k rate=1r/s;
--- config
    location /t { kairo_ratelimit zone=one burst=5 delay=2 nodelay; }
--- must_die
--- error_log
has both "nodelay" and "delay"


=== TEST 64: limit: an unknown parameter
--- http_config
    kairo_ratelimit_zone $arg_k zone=one:32k rate=1r/s;
--- config
    location /t { kairo_ratelimit zone=one no_delay; }
--- must_die
--- error_log
invalid parameter "no_delay"


=== TEST 65: limit: nodelay with a value
--- http_config
    kairo_ratelimit_zone $arg_k zone=one:32k rate=1r/s;
--- config
    location /t { kairo_ratelimit zone=one burst=5 nodelay=on; }
--- must_die
--- error_log
invalid parameter "nodelay=on"


=== TEST 66: limit: on_error with an unknown value
--- http_config
    kairo_ratelimit_zone $arg_k zone=one:32k rate=1r/s;
--- config
    location /t { kairo_ratelimit zone=one on_error=ignore; }
--- must_die
--- error_log
invalid parameter "on_error=ignore"


=== TEST 67: limit: apart by what nobody knows
--- http_config
    kairo_ratelimit_zone $arg_k zone=one:32k rate=1r/s;
--- config
    location /t { kairo_ratelimit zone=one per=server; }
--- must_die
--- error_log
invalid parameter "per=server"


=== TEST 68: limit: the same zone twice at one level
--- http_config
    kairo_ratelimit_zone $arg_k zone=one:32k rate=1r/s;
--- config
    location /t {
        kairo_ratelimit zone=one;
        kairo_ratelimit zone=one burst=5;
    }
--- must_die
--- error_log
"kairo_ratelimit" directive is duplicate


=== TEST 69: limit: a seventeenth
--- http_config eval
CORE::join '', map { "kairo_ratelimit_zone \$arg_k zone=z$_:32k rate=1r/s;\n" } 1 .. 17
--- config eval
"location /t {\n"
. CORE::join('', map { "kairo_ratelimit zone=z$_;\n" } 1 .. 17) . "empty_gif;\n}\n"
--- must_die
--- error_log
"kairo_ratelimit" directive is too many


=== TEST 70: limit: sixteen
--- http_config eval
CORE::join '', map { "kairo_ratelimit_zone \$arg_k zone=z$_:32k rate=1r/s;\n" } 1 .. 16
--- config eval
"location /t {\n"
. CORE::join('', map { "kairo_ratelimit zone=z$_;\n" } 1 .. 16) . "empty_gif;\n}\n"


=== TEST 71: limit: "off" behind another
--- http_config
    kairo_ratelimit_zone $arg_k zone=one:32k rate=1r/s;
--- config
    location /t { kairo_ratelimit zone=one; kairo_ratelimit off; }
--- must_die
--- error_log
"off" excludes other limits of the same level


=== TEST 72: limit: another behind "off"
--- http_config
    kairo_ratelimit_zone $arg_k zone=one:32k rate=1r/s;
--- config
    location /t { kairo_ratelimit off; kairo_ratelimit zone=one; }
--- must_die
--- error_log
"off" excludes other limits of the same level


=== TEST 73: limit: "off" twice
--- config
    location /t { kairo_ratelimit off; kairo_ratelimit off; }
--- must_die
--- error_log
"kairo_ratelimit" directive


=== TEST 74: limit: "off" beside a parameter
--- http_config
    kairo_ratelimit_zone $arg_k zone=one:32k rate=1r/s;
--- config
    location /t { kairo_ratelimit off burst=5; }
--- must_die
--- error_log
invalid parameter "off"


=== TEST 75: limit: a burst that takes more than 146 years
--- http_config
    kairo_ratelimit_zone $arg_k zone=slow:32k rate=1/366d;
--- config
    location /t { kairo_ratelimit zone=slow burst=146; }
--- must_die
--- error_log
burst=146


=== TEST 76: limit: the text of that error
--- http_config
    kairo_ratelimit_zone $arg_k zone=slow:32k rate=1r/d;
--- config
    location /t { kairo_ratelimit zone=slow burst=9223372036854775807; }
--- must_die
--- error_log eval
[qr/burst=9223372036854775807 .*is more than 146 years of the rate/]


=== TEST 77: limit: in an "if"
--- http_config
    kairo_ratelimit_zone $arg_k zone=one:32k rate=1r/s;
--- config
    location /t { if ($arg_k) { kairo_ratelimit zone=one; } }
--- must_die
--- error_log
"kairo_ratelimit" directive is not allowed here


=== TEST 78: limit: outside http
--- main_config
    kairo_ratelimit zone=one;
--- must_die
--- error_log
"kairo_ratelimit" directive is not allowed here


=== TEST 79: limit: in an upstream
--- http_config
    upstream app { server 127.0.0.1:1; kairo_ratelimit zone=one; }
--- must_die
--- error_log
"kairo_ratelimit" directive is not allowed here


=== TEST 80: limit: parameters that are taken
--- http_config
    kairo_ratelimit_zone $arg_k zone=one:32k rate=1r/s;
    kairo_ratelimit_zone $arg_k zone=two:32k rate=1r/s;
    kairo_ratelimit_zone $arg_k zone=slow:32k rate=1/366d;
--- config
    location /t { kairo_ratelimit zone=one; empty_gif; }
    location /a { kairo_ratelimit burst=1 zone=one; }
    location /b { kairo_ratelimit zone=one burst=5 delay=5; }
    location /c { kairo_ratelimit zone=one burst=5 delay=6; }
    location /d { kairo_ratelimit nodelay zone=one burst=5; }
    location /e { kairo_ratelimit zone=one nodelay; }
    location /f { kairo_ratelimit zone=one on_error=refuse;
                  kairo_ratelimit zone=two on_error=pass burst=3; }
    location /g { kairo_ratelimit zone=slow burst=140; }
    location /h { kairo_ratelimit off; }
    location /i { kairo_ratelimit zone=one cost=0 headers=off;
                  kairo_ratelimit zone=two cost=5 headers=legacy; }
    location /j { kairo_ratelimit zone=one cost=$arg_c default=0 burst=9; }
    location /k { kairo_ratelimit zone=one burst=$arg_b default=1; }
    location /l { kairo_ratelimit zone=one burst=$arg_b cost=$arg_c; }
    location /m { kairo_ratelimit zone=one per=location headers=draft; }
    location /n { kairo_ratelimit zone=one headers=draft,all;
                  kairo_ratelimit zone=two headers=legacy,all; }
--- no_error_log
[warn]


=== TEST 81: limit: one zone at several levels
--- http_config
    kairo_ratelimit_zone $arg_k zone=one:32k rate=1r/s;
    kairo_ratelimit zone=one;
--- config
    kairo_ratelimit zone=one burst=5;
    location /t { kairo_ratelimit zone=one nodelay;
                  location /t/t { kairo_ratelimit off; } empty_gif; }
--- no_error_log
[warn]


=== TEST 82: most that are delayed: too many
--- http_config
    kairo_ratelimit_max_delayed 1000001;
--- must_die
--- error_log
value must be between 0 and 1000000


=== TEST 83: most that are delayed: no number
--- http_config
    kairo_ratelimit_max_delayed -1;
--- must_die
--- error_log
"kairo_ratelimit_max_delayed" directive invalid number


=== TEST 84: most that are delayed: no value
--- http_config
    kairo_ratelimit_max_delayed;
--- must_die
--- error_log
invalid number of arguments in "kairo_ratelimit_max_delayed" directive


=== TEST 85: most that are delayed: twice
--- http_config
    kairo_ratelimit_max_delayed 5;
    kairo_ratelimit_max_delayed 5;
--- must_die
--- error_log
"kairo_ratelimit_max_delayed" directive is duplicate


=== TEST 86: most that are delayed: in a server
--- config
    kairo_ratelimit_max_delayed 5;
--- must_die
--- error_log
"kairo_ratelimit_max_delayed" directive is not allowed here


=== TEST 87: most that are delayed: outside http
--- main_config
    kairo_ratelimit_max_delayed 5;
--- must_die
--- error_log
"kairo_ratelimit_max_delayed" directive is not allowed here


=== TEST 88: most that are delayed: none
--- http_config
    kairo_ratelimit_max_delayed 0;
--- no_error_log
[warn]


=== TEST 89: most that are delayed: a million
--- http_config
    kairo_ratelimit_max_delayed 1000000;
--- no_error_log
[warn]


=== TEST 90: status: too low
--- config
    location /t { kairo_ratelimit_status 399; }
--- must_die
--- error_log
value must be between 400 and 599


=== TEST 91: status: too high
--- config
    location /t { kairo_ratelimit_status 600; }
--- must_die
--- error_log
value must be between 400 and 599


=== TEST 92: status: no number
--- config
    location /t { kairo_ratelimit_status busy; }
--- must_die
--- error_log
"kairo_ratelimit_status" directive invalid number


=== TEST 93: status: no value
--- config
    location /t { kairo_ratelimit_status; }
--- must_die
--- error_log
invalid number of arguments in "kairo_ratelimit_status" directive


=== TEST 94: status: two values
--- config
    location /t { kairo_ratelimit_status 429 503; }
--- must_die
--- error_log
invalid number of arguments in "kairo_ratelimit_status" directive


=== TEST 95: status: twice
--- config
    location /t { kairo_ratelimit_status 429; kairo_ratelimit_status 429; }
--- must_die
--- error_log
"kairo_ratelimit_status" directive is duplicate


=== TEST 96: status: outside http
--- main_config
    kairo_ratelimit_status 429;
--- must_die
--- error_log
"kairo_ratelimit_status" directive is not allowed here


=== TEST 97: status: the bounds, at each level
--- http_config
    kairo_ratelimit_status 400;
--- config
    kairo_ratelimit_status 599;
    location /t { kairo_ratelimit_status 503; empty_gif; }
--- no_error_log
[warn]


=== TEST 98: log level: unknown
--- config
    location /t { kairo_ratelimit_log_level loud; }
--- must_die
--- error_log
invalid value "loud"


=== TEST 99: log level: one of nginx's that is not a level of refusals
--- config
    location /t { kairo_ratelimit_log_level crit; }
--- must_die
--- error_log
invalid value "crit"


=== TEST 100: log level: another
--- config
    location /t { kairo_ratelimit_log_level debug; }
--- must_die
--- error_log
invalid value "debug"


=== TEST 101: log level: no value
--- config
    location /t { kairo_ratelimit_log_level; }
--- must_die
--- error_log
invalid number of arguments in "kairo_ratelimit_log_level" directive


=== TEST 102: log level: two values
--- config
    location /t { kairo_ratelimit_log_level info warn; }
--- must_die
--- error_log
invalid number of arguments in "kairo_ratelimit_log_level" directive


=== TEST 103: log level: twice
--- config
    location /t { kairo_ratelimit_log_level info;
                  kairo_ratelimit_log_level info; }
--- must_die
--- error_log
"kairo_ratelimit_log_level" directive is duplicate


=== TEST 104: log level: outside http
--- main_config
    kairo_ratelimit_log_level info;
--- must_die
--- error_log
"kairo_ratelimit_log_level" directive is not allowed here


=== TEST 105: log level: all that are taken
--- http_config
    kairo_ratelimit_log_level info;
--- config
    kairo_ratelimit_log_level notice;
    location /t { kairo_ratelimit_log_level warn; empty_gif; }
    location /a { kairo_ratelimit_log_level error; }
--- no_error_log
[warn]


=== TEST 106: dry run: neither on nor off
--- config
    location /t { kairo_ratelimit_dry_run yes; }
--- must_die
--- error_log
invalid value "yes"


=== TEST 107: dry run: no value
--- config
    location /t { kairo_ratelimit_dry_run; }
--- must_die
--- error_log
invalid number of arguments in "kairo_ratelimit_dry_run" directive


=== TEST 108: dry run: two values
--- config
    location /t { kairo_ratelimit_dry_run on off; }
--- must_die
--- error_log
invalid number of arguments in "kairo_ratelimit_dry_run" directive


=== TEST 109: dry run: twice
--- config
    location /t { kairo_ratelimit_dry_run on; kairo_ratelimit_dry_run on; }
--- must_die
--- error_log
"kairo_ratelimit_dry_run" directive is duplicate


=== TEST 110: dry run: outside http
--- main_config
    kairo_ratelimit_dry_run on;
--- must_die
--- error_log
"kairo_ratelimit_dry_run" directive is not allowed here


=== TEST 111: dry run: at each level
--- http_config
    kairo_ratelimit_dry_run on;
--- config
    kairo_ratelimit_dry_run off;
    location /t { kairo_ratelimit_dry_run ON; empty_gif; }
--- no_error_log
[warn]


=== TEST 112: client prefix: no bit
--- config
    location /t { kairo_client_prefix 0; }
--- must_die
--- error_log
value must be between 1 and 128


=== TEST 113: client prefix: more bits than an address has
--- config
    location /t { kairo_client_prefix 129; }
--- must_die
--- error_log
value must be between 1 and 128


=== TEST 114: client prefix: no number
--- config
    location /t { kairo_client_prefix /64; }
--- must_die
--- error_log
"kairo_client_prefix" directive invalid number


=== TEST 115: client prefix: no value
--- config
    location /t { kairo_client_prefix; }
--- must_die
--- error_log
invalid number of arguments in "kairo_client_prefix" directive


=== TEST 116: client prefix: two values
--- config
    location /t { kairo_client_prefix 48 64; }
--- must_die
--- error_log
invalid number of arguments in "kairo_client_prefix" directive


=== TEST 117: client prefix: twice
--- config
    location /t { kairo_client_prefix 64; kairo_client_prefix 64; }
--- must_die
--- error_log
"kairo_client_prefix" directive is duplicate


=== TEST 118: client prefix: outside http
--- main_config
    kairo_client_prefix 64;
--- must_die
--- error_log
"kairo_client_prefix" directive is not allowed here


=== TEST 119: client prefix: the bounds, at each level
--- http_config
    kairo_client_prefix 1;
--- config
    kairo_client_prefix 128;
    location /t { kairo_client_prefix 56; empty_gif; }
--- no_error_log
[warn]


=== TEST 120: metrics: an unknown format
--- config
    location /t { kairo_metrics xml; }
--- must_die
--- error_log
invalid parameter "xml"


=== TEST 121: metrics: two formats
--- config
    location /t { kairo_metrics json prometheus; }
--- must_die
--- error_log
invalid number of arguments in "kairo_metrics" directive


=== TEST 122: metrics: twice
--- config
    location /t { kairo_metrics; kairo_metrics json; }
--- must_die
--- error_log
"kairo_metrics" directive is duplicate


=== TEST 123: metrics: in a server
--- config
    kairo_metrics;
--- must_die
--- error_log
"kairo_metrics" directive is not allowed here


=== TEST 124: metrics: in http
--- http_config
    kairo_metrics;
--- must_die
--- error_log
"kairo_metrics" directive is not allowed here


=== TEST 125: metrics: in an "if"
--- config
    location /t { if ($arg_k) { kairo_metrics; } }
--- must_die
--- error_log
"kairo_metrics" directive is not allowed here


=== TEST 126: metrics: outside http
--- main_config
    kairo_metrics;
--- must_die
--- error_log
"kairo_metrics" directive is not allowed here


=== TEST 127: metrics: both formats, and none
--- config
    location /t { kairo_metrics; }
    location /a { kairo_metrics prometheus; }
    location /b { kairo_metrics json; location /b/b { kairo_metrics; } }
--- no_error_log
[warn]
