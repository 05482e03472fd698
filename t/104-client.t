# $kairo_client: who the client is by its address.

use lib 't/lib';
use Kairo;
use Test::Nginx::Socket;

run_tests();

__DATA__

=== TEST 1: an IPv4 address
--- config
    location /t { return 200 "$kairo_client\n"; }
--- request
GET /t
--- response_body
127.0.0.1


=== TEST 2: no header is an address
--- config
    location /t { return 200 "$kairo_client\n"; }
--- request
GET /t
--- more_headers
X-Forwarded-For: 192.0.2.1
X-Real-IP: 192.0.2.2
Forwarded: for=192.0.2.3
X-Kairo-Client: 192.0.2.4
--- response_body
127.0.0.1


=== TEST 3: the address that realip has taken from a header
--- config
    set_real_ip_from 127.0.0.1;
    real_ip_header X-Real-IP;
    location /t { return 200 "$kairo_client\n"; }
--- request eval
["GET /t", "GET /t", "GET /t", "GET /t"]
--- more_headers eval
["X-Real-IP: 192.0.2.1", "X-Real-IP: 223.255.255.254",
 "X-Real-IP: 0.0.0.0", "X-Real-IP: nonsense"]
--- response_body eval
["192.0.2.1\n", "223.255.255.254\n", "0.0.0.0\n", "127.0.0.1\n"]


=== TEST 4: a peer that is not trusted
--- config
    set_real_ip_from 192.0.2.0/24;
    real_ip_header X-Real-IP;
    location /t { return 200 "$kairo_client\n"; }
--- request
GET /t
--- more_headers
X-Real-IP: 192.0.2.1
--- response_body
127.0.0.1


=== TEST 5: the last address that is not a proxy's
--- config
    set_real_ip_from 127.0.0.1;
    set_real_ip_from 2001:db8:ffff::/48;
    real_ip_header X-Forwarded-For;
    real_ip_recursive on;
    location /t { return 200 "$kairo_client\n"; }
--- request
GET /t
--- more_headers
X-Forwarded-For: 198.51.100.1, 2001:db8:1:2::5, 2001:db8:ffff::1
--- response_body
2001:db8:1:2::/64


=== TEST 6: the network of an IPv6 address
--- config
    set_real_ip_from 127.0.0.1;
    real_ip_header X-Real-IP;
    location /t { return 200 "$kairo_client\n"; }
--- request eval
[("GET /t") x 10]
--- more_headers eval
[map { "X-Real-IP: $_" }
     "2001:db8::1", "2001:db8:0:0:ffff:ffff:ffff:ffff",
     "2001:db8:1:2:3:4:5:6", "2001:DB8:AB:CD::", "::1", "::",
     "fe80::1", "0:0:0:1::1", "1:0:0:1::1", "ffff:ffff:ffff:ffff:ffff::"]
--- response_body eval
[map { "$_/64\n" }
     "2001:db8::", "2001:db8::", "2001:db8:1:2::", "2001:db8:ab:cd::", "::",
     "::", "fe80::", "0:0:0:1::", "1:0:0:1::", "ffff:ffff:ffff:ffff::"]


=== TEST 7: an IPv4-mapped IPv6 address is the IPv4 address
--- config
    set_real_ip_from 127.0.0.1;
    real_ip_header X-Real-IP;
    location /t { return 200 "$kairo_client\n"; }
    location /48 { kairo_client_prefix 48; return 200 "$kairo_client\n"; }
--- request eval
["GET /t", "GET /t", "GET /48"]
--- more_headers eval
["X-Real-IP: ::ffff:192.0.2.1", "X-Real-IP: ::FFFF:c000:0202",
 "X-Real-IP: ::ffff:192.0.2.1"]
--- response_body eval
["192.0.2.1\n", "192.0.2.2\n", "192.0.2.1\n"]


=== TEST 8: what only looks IPv4-mapped
--- config
    set_real_ip_from 127.0.0.1;
    real_ip_header X-Real-IP;
    kairo_client_prefix 128;
    location /t { return 200 "$kairo_client\n"; }
--- request eval
["GET /t", "GET /t", "GET /t"]
--- more_headers eval
["X-Real-IP: ::fffe:c000:201", "X-Real-IP: ::ffff:0:c000:201",
 "X-Real-IP: 64:ff9b::c000:201"]
--- response_body eval
["::fffe:c000:201/128\n", "::ffff:0:c000:201/128\n",
 "64:ff9b::c000:201/128\n"]


=== TEST 9: prefixes
--- config
    set_real_ip_from 127.0.0.1;
    real_ip_header X-Real-IP;
    location /1 { kairo_client_prefix 1; return 200 "$kairo_client\n"; }
    location /32 { kairo_client_prefix 32; return 200 "$kairo_client\n"; }
    location /48 { kairo_client_prefix 48; return 200 "$kairo_client\n"; }
    location /56 { kairo_client_prefix 56; return 200 "$kairo_client\n"; }
    location /63 { kairo_client_prefix 63; return 200 "$kairo_client\n"; }
    location /65 { kairo_client_prefix 65; return 200 "$kairo_client\n"; }
    location /127 { kairo_client_prefix 127; return 200 "$kairo_client\n"; }
    location /128 { kairo_client_prefix 128; return 200 "$kairo_client\n"; }
--- request eval
[map { "GET /$_" } 1, 32, 48, 56, 63, 65, 127, 128]
--- more_headers
X-Real-IP: fedc:ba98:7654:3211:8001:2003:4005:6007
--- response_body eval
["8000::/1\n", "fedc:ba98::/32\n", "fedc:ba98:7654::/48\n",
 "fedc:ba98:7654:3200::/56\n", "fedc:ba98:7654:3210::/63\n",
 "fedc:ba98:7654:3211:8000::/65\n",
 "fedc:ba98:7654:3211:8001:2003:4005:6006/127\n",
 "fedc:ba98:7654:3211:8001:2003:4005:6007/128\n"]


=== TEST 10: a prefix is not for IPv4
--- config
    kairo_client_prefix 8;
    location /t { return 200 "$kairo_client\n"; }
--- request
GET /t
--- response_body
127.0.0.1


=== TEST 11: the prefix of each level
--- http_config
    kairo_client_prefix 16;
    set_real_ip_from 127.0.0.1;
    real_ip_header X-Real-IP;
    server {
        listen $TEST_NGINX_SERVER_PORT;
        server_name other;
        location /a { return 200 "$kairo_client\n"; }
        location /b { kairo_client_prefix 48; return 200 "$kairo_client\n"; }
    }
--- config
    kairo_client_prefix 32;
    location /a { return 200 "$kairo_client\n";
                  location /a/b { return 200 "$kairo_client\n"; } }
    location /b { kairo_client_prefix 48;
                  location /b/c { return 200 "$kairo_client\n"; } }
--- request eval
["GET /a", "GET /a/b", "GET /b/c", "GET /a", "GET /b"]
--- more_headers eval
[("X-Real-IP: 2001:db8:1:2::3") x 3,
 ("X-Real-IP: 2001:db8:1:2::3\nHost: other") x 2]
--- response_body eval
["2001:db8::/32\n", "2001:db8::/32\n", "2001:db8:1::/48\n",
 "2001::/16\n", "2001:db8:1::/48\n"]


=== TEST 12: the variables of a fixed prefix
--- config
    set_real_ip_from 127.0.0.1;
    real_ip_header X-Real-IP;
    kairo_client_prefix 32;
    location /t { return 200 "$kairo_client_48 $kairo_client_56 $kairo_client_64 $kairo_client_128\n"; }
--- request eval
["GET /t", "GET /t", "GET /t"]
--- more_headers eval
["X-Real-IP: 2001:db8:1:2233:4::5", "X-Real-IP: 192.0.2.1",
 "X-Real-IP: ::ffff:192.0.2.1"]
--- response_body eval
["2001:db8:1::/48 2001:db8:1:2200::/56 2001:db8:1:2233::/64"
 . " 2001:db8:1:2233:4::5/128\n",
 ("192.0.2.1 192.0.2.1 192.0.2.1 192.0.2.1\n") x 2]


=== TEST 13: a variable that is read in two locations has the prefix of each
--- config
    set_real_ip_from 127.0.0.1;
    real_ip_header X-Real-IP;
    kairo_client_prefix 32;
    set $first $kairo_client;
    location /t { kairo_client_prefix 48; set $second $kairo_client;
                  try_files /nothing @last; }
    location @last { return 200 "$first $second $kairo_client\n"; }
--- request
GET /t
--- more_headers
X-Real-IP: 2001:db8:1:2::3
--- response_body
2001:db8::/32 2001:db8:1::/48 2001:db8::/32


=== TEST 14: a unix socket
--- http_config
    server {
        listen unix:$TEST_NGINX_SERVER_ROOT/app.sock;
        location / { return 200 "$kairo_client\n"; }
    }
--- config
    location /t { proxy_pass http://unix:$TEST_NGINX_SERVER_ROOT/app.sock; }
--- request
GET /t
--- response_body
unix:


=== TEST 15: a proxy at a unix socket that names its client
--- http_config
    server {
        listen unix:$TEST_NGINX_SERVER_ROOT/app.sock;
        set_real_ip_from unix:;
        real_ip_header X-Real-IP;
        location / { return 200 "$kairo_client\n"; }
    }
--- config
    location /t { proxy_pass http://unix:$TEST_NGINX_SERVER_ROOT/app.sock; }
--- request
GET /t
--- more_headers
X-Real-IP: 2001:db8:1:2::3
--- response_body
2001:db8:1:2::/64


=== TEST 16: all clients of a unix socket are one
--- http_config
    kairo_ratelimit_zone $kairo_client zone=unix:32k rate=1r/h;
    server {
        listen unix:$TEST_NGINX_SERVER_ROOT/app.sock;
        location / { kairo_ratelimit zone=unix; empty_gif; }
    }
--- config
    location /t { proxy_pass http://unix:$TEST_NGINX_SERVER_ROOT/app.sock; }
    location /direct { kairo_ratelimit zone=unix; empty_gif; }
--- request eval
["GET /t", "GET /t", "GET /direct"]
--- error_code eval
[200, 429, 200]


=== TEST 17: "set" replaces it, where it is read
--- config
    location /t { set $kairo_client "me:$kairo_client";
                  return 200 "$kairo_client\n"; }
    location /other { return 200 "$kairo_client\n"; }
--- request eval
["GET /t", "GET /other"]
--- response_body eval
["me:127.0.0.1\n", "127.0.0.1\n"]


=== TEST 18: "set" replaces it for the limit too
--- http_config
    kairo_ratelimit_zone $kairo_client zone=set:32k rate=1r/h;
--- config
    location /t { set $kairo_client $arg_k; kairo_ratelimit zone=set;
                  empty_gif; }
--- request eval
["GET /t?k=1", "GET /t?k=2", "GET /t?k=1", "GET /t", "GET /t"]
--- error_code eval
[200, 200, 429, 200, 200]


=== TEST 19: "set" in a server, for all its locations
--- config
    set $kairo_client somebody;
    location /t { try_files /nothing @last; }
    location @last { return 200 "$kairo_client\n"; }
--- request
GET /t
--- response_body
somebody


=== TEST 20: in a map, an "if" and a log
--- http_config
    map $kairo_client $known { default no; 127.0.0.1 yes; }
    log_format client "client=[$kairo_client] known=$known";
--- config
    location /t { access_log logs/access.log client;
                  if ($kairo_client = 127.0.0.1) { return 200 "$known\n"; }
                  return 404; }
--- request
GET /t
--- response_body
yes
--- access_log
client=[127.0.0.1] known=yes


=== TEST 21: addresses of one network share a limit
--- http_config
    kairo_ratelimit_zone $kairo_client zone=network:32k rate=1r/h;
    set_real_ip_from 127.0.0.1;
    real_ip_header X-Real-IP;
--- config
    location /t { kairo_ratelimit zone=network; empty_gif; }
--- request eval
[("GET /t") x 7]
--- more_headers eval
[map { "X-Real-IP: $_" }
     "2001:db8::1", "2001:db8::2", "2001:db8:0:0:ffff::", "2001:db8:0:1::1",
     "192.0.2.1", "192.0.2.2", "::ffff:192.0.2.1"]
--- error_code eval
[200, 429, 429, 200, 200, 200, 429]


=== TEST 22: a wider network shares a limit where the location says so
--- http_config
    kairo_ratelimit_zone $kairo_client zone=wide:32k rate=1r/h;
    set_real_ip_from 127.0.0.1;
    real_ip_header X-Real-IP;
--- config
    location /t { kairo_client_prefix 56; kairo_ratelimit zone=wide; empty_gif; }
--- request eval
[("GET /t") x 3]
--- more_headers eval
[map { "X-Real-IP: $_" }
     "2001:db8::1", "2001:db8:0:ff::2", "2001:db8:0:100::1"]
--- error_code eval
[200, 429, 200]
