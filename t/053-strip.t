# X-Kairo-* fields of a client never get through.

use lib 't/lib';
use Kairo;
use Test::Nginx::Socket;

add_block_preprocessor(sub {
    my ($block) = @_;
    $block->set_value('http_config', <<'END') unless defined $block->http_config;
    kairo_ratelimit_zone $kairo_client zone=one:32k rate=1000r/s;
    server {
        listen unix:$TEST_NGINX_SERVER_ROOT/app.sock;
        ignore_invalid_headers off;
        underscores_in_headers on;
        location / {
            default_type text/plain;
            return 200 "$http_x_kairo_user|$http_before|$http_after\n";
        }
    }
END
});

run_tests();

__DATA__

=== TEST 1: a forged field is removed, its neighbours stay
--- config
    location /t { kairo_ratelimit zone=one burst=100 nodelay;
                  proxy_pass http://unix:$TEST_NGINX_SERVER_ROOT/app.sock; }
--- request
GET /t
--- more_headers
Before: b
X-Kairo-User: forged
After: a
--- response_body
|b|a


=== TEST 2: many of them, in every spelling
--- config
    ignore_invalid_headers off;
    underscores_in_headers on;
    location /t { kairo_ratelimit zone=one burst=100 nodelay;
                  proxy_pass http://unix:$TEST_NGINX_SERVER_ROOT/app.sock; }
--- request
GET /t
--- more_headers
x-kairo-user: forged
X_Kairo_User: forged
X-KAIRO_USER: forged
Before: b
X-Kairo-User: forged
X.Kairo.User: forged
X_KAIRO-USER: forged
After: a
X-Kairo-User: forged
--- response_body
|b|a


=== TEST 3: more fields than one part of nginx's list holds
--- config
    location /t { kairo_ratelimit zone=one burst=100 nodelay;
                  proxy_pass http://unix:$TEST_NGINX_SERVER_ROOT/app.sock; }
--- request
GET /t
--- more_headers eval
CORE::join "\n", 'Before: b', (map { "X-Kairo-User: $_\nX-Other-$_: $_" } 1 .. 60),
           (map { "X-Kairo-$_: $_" } 1 .. 45), 'After: a', ''
--- response_body
|b|a


=== TEST 4: the edge's own value arrives
--- config
    location /t { kairo_ratelimit zone=one burst=100 nodelay;
                  proxy_set_header X-Kairo-User edge;
                  proxy_pass http://unix:$TEST_NGINX_SERVER_ROOT/app.sock; }
--- request
GET /t
--- more_headers
X-Kairo-User: forged
--- response_body
edge||


=== TEST 5: another location of the same server, and variables of an early phase
--- config
    location /limited { kairo_ratelimit zone=one; root html; }
    location /t { set $seen $http_x_kairo_user; return 200 "[$seen]\n"; }
--- request
GET /t
--- more_headers
X-Kairo-User: forged
--- response_body
[]


=== TEST 6: a server that does not use kairo is left alone
--- config
    location /t { return 200 "[$http_x_kairo_user]\n"; }
--- request
GET /t
--- more_headers
X-Kairo-User: mine
--- response_body
[mine]


=== TEST 7: a name that only looks alike stays
--- config
    location /t { kairo_ratelimit zone=one burst=100 nodelay;
                  return 200 "[$http_x_kairos_user$http_x_kairo]\n"; }
--- request
GET /t
--- more_headers
X-Kairos-User: mine
X-Kairo: too
--- response_body
[minetoo]
