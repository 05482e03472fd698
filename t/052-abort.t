# Clients that leave while a row waits.

use lib 't/lib';
use Kairo qw(probe_only);
use Test::Nginx::Socket;

probe_only();
run_tests();

__DATA__

=== TEST 1: a client that leaves cancels an answer that never comes
--- config
    location /t { kairo_probe access ok when=never; root html; }
--- request
GET /t
--- abort
--- timeout: 0.2
--- wait: 0.3
--- ignore_response
--- error_log
client prematurely closed connection
kairo probe: canceled


=== TEST 2: the same in precontent
--- config
    location /t { kairo_probe precontent ok when=never; root html; }
--- request
GET /t
--- abort
--- timeout: 0.2
--- wait: 0.3
--- ignore_response
--- error_log
kairo probe: canceled


=== TEST 3: a timer is taken back
--- config
    location /t { kairo_probe access ok when=late; root html; }
--- request
GET /t
--- abort
--- timeout: 0.03
--- wait: 0.4
--- ignore_response
--- error_log
kairo probe: canceled
--- no_error_log
answered a tombstone


=== TEST 4: an answer to who has gone finds a tombstone
--- config
    location /t { kairo_probe access ok when=tomb; root html; }
--- request
GET /t
--- abort
--- timeout: 0.03
--- wait: 0.4
--- ignore_response
--- error_log
kairo probe: canceled
kairo probe: answered a tombstone


=== TEST 5: a delayed request whose client leaves
--- http_config
    kairo_ratelimit_zone $host zone=one:32k rate=1r/m;
--- config
    location /t { kairo_ratelimit zone=one burst=5; root html; }
--- raw_request eval
"GET /t HTTP/1.1\r\nHost: a\r\n\r\nGET /t HTTP/1.1\r\nHost: a\r\n\r\n"
--- abort
--- timeout: 0.3
--- wait: 0.3
--- ignore_response
--- error_log
delaying request
client prematurely closed connection
