# A row is judged once for each location that a request enters, by whatever
# way, and a row that spends once a request.  From a weak location to a strong
# one and back.

use lib 't/lib';
use Kairo qw(probe_only);
use Test::Nginx::Socket;

probe_only();
run_tests();

__DATA__

=== TEST 1: try_files to a strong location
--- config
    location /weak { try_files /none /strong; root html; }
    location /strong { kairo_probe access 403; root html; }
--- request
GET /weak
--- error_code: 403


=== TEST 2: try_files from a judged location to a strong one
--- config
    location /weak { kairo_probe access ok; kairo_probe spend ok;
                     try_files /none /strong; root html; }
    location /strong { kairo_probe access 403; root html; }
--- request
GET /weak
--- error_code: 403
--- grep_error_log eval: qr/kairo probe: \w+ judged in "[^"]*"/
--- grep_error_log_out
kairo probe: access judged in "/weak"
kairo probe: spend judged in "/weak"
kairo probe: access judged in "/strong"


=== TEST 3: try_files to a strong named location
--- config
    location /weak { kairo_probe access ok; try_files /none @strong; root html; }
    location @strong { kairo_probe access 403; root html; }
--- request
GET /weak
--- error_code: 403


=== TEST 4: index to a strong location
--- config
    location /weak/ { kairo_probe access ok; index index.html; root html; }
    location ~ \.html$ { kairo_probe precontent 403; root html; }
--- user_files
>>> weak/index.html
content
--- request
GET /weak/
--- error_code: 403


=== TEST 5: error_page to a strong location, with a status of its own
--- config
    location /weak { kairo_probe access ok; error_page 404 =200 /strong;
                     root html; }
    location /strong { kairo_probe access 403; root html; }
--- user_files
>>> strong
secret
--- request
GET /weak
--- error_code: 403
--- response_body_like: "code":"probe"


=== TEST 6: error_page to a strong named location
--- config
    location /weak { kairo_probe access ok; error_page 404 @strong; root html; }
    location @strong { kairo_probe access 403; return 200 secret; }
    location @stronger { kairo_probe access 403; try_files /strong =404;
                         root html; }
    location /other { kairo_probe access ok; error_page 404 @stronger;
                      root html; }
--- user_files
>>> strong
secret
--- request
GET /other
--- error_code: 403


=== TEST 7: X-Accel-Redirect to a strong location, nothing of the response leaks
--- http_config
    server {
        listen unix:$TEST_NGINX_SERVER_ROOT/app.sock;
        location / {
            add_header X-Accel-Redirect $arg_to;
            add_header Set-Cookie session=1;
            return 200 "app";
        }
    }
--- config
    location /weak { kairo_probe access ok;
                     proxy_pass http://unix:$TEST_NGINX_SERVER_ROOT/app.sock; }
    location /strong { internal; kairo_probe access 403; root html; }
--- user_files
>>> strong
secret
--- request
GET /weak?to=/strong
--- error_code: 403
--- response_headers
! Set-Cookie
--- response_body_like: "code":"probe"


=== TEST 8: X-Accel-Redirect to a strong named location
--- http_config
    server {
        listen unix:$TEST_NGINX_SERVER_ROOT/app.sock;
        location / {
            add_header X-Accel-Redirect @strong;
            return 200 "app";
        }
    }
--- config
    location /weak { kairo_probe access ok;
                     proxy_pass http://unix:$TEST_NGINX_SERVER_ROOT/app.sock; }
    location @strong { kairo_probe access 403; root html; }
--- request
GET /weak
--- error_code: 403


=== TEST 9: from a strong location that passes to a weak one
--- config
    location /strong { kairo_probe access ok when=late; kairo_probe spend ok;
                       try_files /none /weak; root html; }
    location /weak { root html; }
--- user_files
>>> weak
content
--- request
GET /strong
--- response_body
content


=== TEST 10: there and back: each entry is judged, what spends spends once
--- config
    location /a { kairo_probe access ok; kairo_probe precontent ok;
                  kairo_probe spend ok;
                  error_page 404 = /b; recursive_error_pages on; root html; }
    location /b { kairo_probe access ok; kairo_probe precontent ok;
                  kairo_probe spend 402;
                  error_page 404 = /c; recursive_error_pages on; root html; }
    location /c { kairo_probe access ok; kairo_probe precontent ok;
                  kairo_probe spend 402; root html; }
--- user_files
>>> c
content
--- request
GET /a
--- response_body
content
--- grep_error_log eval: qr/kairo probe: \w+ judged in "[^"]*"/
--- grep_error_log_out
kairo probe: access judged in "/a"
kairo probe: precontent judged in "/a"
kairo probe: spend judged in "/a"
kairo probe: access judged in "/b"
kairo probe: precontent judged in "/b"
kairo probe: access judged in "/c"
kairo probe: precontent judged in "/c"


=== TEST 11: the same location entered again is judged again
--- config
    location ~ ^/ { kairo_probe access ok; error_page 404 = /found;
                    root html; }
--- user_files
>>> found
content
--- request
GET /lost
--- response_body
content
--- grep_error_log eval: qr/kairo probe: \w+ judged in "[^"]*"/
--- grep_error_log_out
kairo probe: access judged in "/lost"
kairo probe: access judged in "/found"


=== TEST 12: a refusal goes to the location's error_page, not judged again
--- config
    location /t { kairo_probe access 403; error_page 403 /page; root html; }
    location /page { kairo_probe access 403; kairo_probe precontent 403;
                     root html; }
--- user_files
>>> page
the page
--- request
GET /t
--- error_code: 403
--- response_headers
Cache-Control: no-store
--- response_body
the page


=== TEST 13: a late refusal in precontent goes to a named error page
--- config
    location /t { kairo_probe precontent 402 when=late; error_page 402 @page;
                  root html; }
    location @page { kairo_probe access 403; root html;
                     try_files /page =404; }
--- user_files
>>> page
pay here
--- request
GET /t
--- error_code: 402
--- response_body
pay here


=== TEST 14: an error_page for another status does not speak
--- config
    location /t { kairo_probe access 403; error_page 404 /page; root html; }
--- user_files
>>> page
the page
--- request
GET /t
--- error_code: 403
--- response_body_like: "code":"probe"


=== TEST 15: a missing error page of a refusal is nginx's 404, and no loop
--- config
    location /t { kairo_probe access 403; error_page 403 /none; root html; }
--- request
GET /t
--- error_code: 404


=== TEST 16: a rewrite within the server enters once
--- config
    location /old { kairo_probe access 403; rewrite ^ /new last; root html; }
    location /new { kairo_probe access ok; root html; }
--- user_files
>>> new
content
--- request
GET /old
--- response_body
content
--- grep_error_log eval: qr/kairo probe: \w+ judged in "[^"]*"/
--- grep_error_log_out
kairo probe: access judged in "/new"


=== TEST 17: satisfy any beside "allow": kairo's refusal stands
--- config
    location /t { satisfy any; allow all; kairo_probe access 403; root html; }
--- user_files
>>> t
secret
--- request
GET /t
--- error_code: 403
--- response_body_like: "code":"probe"


=== TEST 18: satisfy any beside "deny": kairo's pass lets nobody in
--- config
    location /t { satisfy any; deny all; kairo_probe access ok; root html; }
--- user_files
>>> t
secret
--- request
GET /t
--- error_code: 403
--- error_log
access forbidden by rule


=== TEST 19: satisfy any, a late refusal of precontent stands
--- config
    location /t { satisfy any; allow all; kairo_probe precontent 403 when=late;
                  root html; }
--- request
GET /t
--- error_code: 403


=== TEST 20: what spends does so after nginx's own rules
--- config
    location /t { deny all; kairo_probe spend ok; root html; }
--- request
GET /t
--- error_code: 403
--- no_error_log
spend judged
--- error_log
access forbidden by rule


=== TEST 21: auth_request runs beside a row that waits
--- config
    location /t { auth_request /auth; kairo_probe access ok when=late;
                  kairo_probe precontent ok when=late; root html; }
    location = /auth { internal; return 204; }
--- user_files
>>> t
content
--- request
GET /t
--- response_body
content


=== TEST 22: auth_request refuses
--- config
    location /t { auth_request /auth; kairo_probe access ok when=late;
                  kairo_probe spend ok; root html; }
    location = /auth { internal; return 401; }
--- request
GET /t
--- error_code: 401
--- no_error_log
spend judged
