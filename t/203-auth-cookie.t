# Tokens in cookies: where they are looked for, what a page of another origin
# can't do with them, and the preflight that has none.

use strict;
use warnings;

use lib 't/lib';
use Kairo::Provider;
use Kairo::Server;
use Kairo::Token qw(key token jwks);
use Test::More;

my $key = key('p256');
my $app = Kairo::Provider->new->answer(echo => 1);
my $s = Kairo::Server->new;
my $h2 = $s->{port} + 30;

$s->file('main.jwks', jwks($key));
$s->start(<<END);
    kairo_issuer main {
        issuer   https://issuer.test/;
        audience api;
        algs     ES256;
        keys     file=main.jwks check=1h;
    }
    server {
        listen 127.0.0.1:%%PORT%%;
        listen 127.0.0.1:$h2 http2;
        add_header X-User "\$kairo_user" always;
        add_header X-Reason \$kairo_auth_reason always;
        kairo_auth required issuer=main from=cookie:session;
        kairo_auth_origins https://app.example.com https://admin.test:8443;
        proxy_set_header Host app;

        location = /up { return 200 up; }
        location / { proxy_pass http://127.0.0.1:$app->{port}; }

        location /none {
            kairo_auth_origins off;
            proxy_pass http://127.0.0.1:$app->{port};
            location = /none/other {
                kairo_auth_origins https://other.test;
                proxy_pass http://127.0.0.1:$app->{port};
            }
        }
        location = /both {
            kairo_auth required issuer=main from=bearer,cookie:session;
            proxy_pass http://127.0.0.1:$app->{port};
        }
        location = /cookie-first {
            kairo_auth required issuer=main from=cookie:session,bearer;
            proxy_pass http://127.0.0.1:$app->{port};
        }
        location = /two {
            kairo_auth required issuer=main
                       from=cookie:__Host-new,cookie:old;
            proxy_pass http://127.0.0.1:$app->{port};
        }
        location = /optional {
            kairo_auth optional issuer=main from=cookie:session;
            proxy_pass http://127.0.0.1:$app->{port};
        }
        location = /dry {
            kairo_auth_dry_run on;
            proxy_pass http://127.0.0.1:$app->{port};
        }
        location = /bearer {
            kairo_auth required issuer=main;
            proxy_pass http://127.0.0.1:$app->{port};
        }
        location = /page { error_page 403 /sorry;
                           proxy_pass http://127.0.0.1:$app->{port}; }
        location = /sorry { kairo_auth off; root html; }

        location /preflight {
            kairo_preflight on;
            proxy_pass http://127.0.0.1:$app->{port};
            location = /preflight/off {
                kairo_preflight off;
                proxy_pass http://127.0.0.1:$app->{port};
            }
            location = /preflight/in {
                proxy_pass http://127.0.0.1:$app->{port};
            }
            location = /preflight/to {
                try_files /none /;
            }
        }
    }
END
$s->file('html/sorry', 'sorry');

my $good = token($key);
my $bad = $good =~ s/([^.])([^.]*)$/($1 eq 'x' ? 'y' : 'x') . $2/er;
my $bob = token($key, claims => { sub => 'bob' });
my $mine = "Cookie: session=$good";

# is METHOD, PATH, WANT, NAME, FIELD...: the status and the reason.

sub answers {
    my ($method, $path, $want, $name, @fields) = @_;
    my $got = $s->ask($method, $path, undef, @fields);
    my ($status) = $got =~ m{^HTTP/1.1 (\d+)};
    my @is = grep { defined && length } $status // 'none',
             $s->field($got, 'X-Reason'), $s->field($got, 'X-User');
    is("@is", $want, "$method $path: $name");
    return $got;
}

my $in = '200 main:alice';
my $away = '403 cross_site';


# Where the cookie is.

answers('GET', '/', $_->[0], $_->[1], map { "Cookie: $_" } @$_[2 .. $#$_])
for (
    [$in, 'a cookie', "session=$good"],
    [$in, 'among others', "a=b; session=$good; c=d"],
    [$in, 'without spaces', "a=b;session=$good;c=d"],
    [$in, 'with more spaces', " a=b ;\t session=$good \t; c=d"],
    [$in, 'a semicolon behind', "session=$good;"],
    [$in, 'semicolons', ";; ;session=$good;; ;"],
    [$in, 'a cookie without a name', "=x; session=$good; =y; z"],
    [$in, 'a name within a value', "a=session=$bad; session=$good"],
    [$in, 'a name that ends alike', "xsession=$bad; session=$good"],
    [$in, 'a name that begins alike', "session2=$bad; session=$good"],
    [$in, 'a name in other letters', "Session=$bad; session=$good"],
    [$in, 'another field', "session=$good", 'a=b'],
    [$in, 'another field before', 'a=b', "session=$good"],
    ['401 no_credential', 'no cookie'],
    ['401 no_credential', 'others', 'a=b; sessio=x; sessions=y'],
    ['401 no_credential', 'a space in the name', "session =$good"],
    ['401 no_credential', 'a comma before', "a=b, session=$good"],
    ['401 no_credential', 'a token without a name', $good],
    ['401 malformed', 'no value', 'session='],
    ['401 malformed', 'a name alone', 'session'],
    ['401 malformed', 'quotes', "session=\"$good\""],
    ['401 malformed', 'a space before', "session= $good"],
    ['401 malformed', 'an equals sign', "session=$good="],
    ['401 malformed', 'the scheme of a field', "session=Bearer $good"],
    ['401 bad_signature', 'a bad one', "session=$bad"],
    ['400 duplicate_credential', 'twice the same',
     "session=$good; session=$good"],
    ['400 duplicate_credential', 'a good one and a bad one',
     "session=$good; session=$bad"],
    ['400 duplicate_credential', 'a bad one and a good one',
     "session=$bad; a=b; session=$good"],
    ['400 duplicate_credential', 'a good one and an empty one',
     "session=$good; session="],
    ['400 duplicate_credential', 'a good one and a name',
     "session; session=$good"],
    ['400 duplicate_credential', 'two fields', "session=$good",
     "session=$good"],
    ['400 duplicate_credential', 'two fields, two users', "session=$good",
     "a=b; session=$bob"],
);
answers('GET', '/', '401 no_credential', 'a token in Authorization',
        "Authorization: Bearer $good");
like(answers('GET', '/', '400 duplicate_credential', 'two', $mine, $mine),
     qr/"code":"duplicate_credential"/, 'and says what is wrong');

# several sources: the first place that has one decides

answers('GET', $_->[0], @$_[1, 2], @$_[3 .. $#$_]) for (
    ['/both', $in, 'a field', "Authorization: Bearer $good"],
    ['/both', $in, 'a cookie', $mine],
    ['/both', $in, 'a field and a cookie', "Authorization: Bearer $good",
     "Cookie: session=$bob"],
    ['/both', '401 bad_signature', 'a bad field and a good cookie',
     "Authorization: Bearer $bad", $mine],
    ['/both', $in, 'a good field and a bad cookie',
     "Authorization: Bearer $good", "Cookie: session=$bad"],
    ['/both', $in, 'a good field and two cookies',
     "Authorization: Bearer $good", $mine, $mine],
    ['/both', $in, 'Basic and a cookie', 'Authorization: Basic YTpi', $mine],
    ['/both', '401 malformed', 'an empty field and a good cookie',
     'Authorization: Bearer', $mine],
    ['/cookie-first', '200 main:bob', 'a field and a cookie',
     "Authorization: Bearer $good", "Cookie: session=$bob"],
    ['/cookie-first', '401 bad_signature', 'a good field and a bad cookie',
     "Authorization: Bearer $good", "Cookie: session=$bad"],
    ['/cookie-first', $in, 'a field', "Authorization: Bearer $good"],
    ['/two', $in, 'the first', "Cookie: __Host-new=$good"],
    ['/two', $in, 'the second', "Cookie: old=$good"],
    ['/two', $in, 'both', "Cookie: old=$bob; __Host-new=$good"],
    ['/two', '401 bad_signature', 'the first is bad',
     "Cookie: old=$good; __Host-new=$bad"],
    ['/two', '401 no_credential', 'neither', $mine],
    ['/optional', '200', 'nothing'],
    ['/optional', $in, 'a cookie', $mine],
    ['/optional', '401 bad_signature', 'a bad one', "Cookie: session=$bad"],
    ['/bearer', '401 no_credential', 'a cookie where none is looked for',
     $mine],
);


# Who has asked for it: by method, and by what the browser says.

answers($_, '/', $in, 'changes nothing', $mine) for qw(GET HEAD OPTIONS);
answers($_, '/', $away, 'without a proof', $mine)
    for qw(POST PUT PATCH DELETE PROPFIND MKCOL LOCK COPY SUBSCRIBE);
answers($_, '/', '401 no_credential', 'without a cookie', 'Origin: http://x')
    for qw(POST DELETE);

my $host = 'Host: api.test';

answers('POST', '/', $_->[0], join(', ', @$_[1 .. $#$_]) || 'nothing', $mine,
        (grep { /^Host:/ } @$_) ? () : $host, @$_[1 .. $#$_])
for (
    [$away],

    # what the browser says of the page

    [$in, 'Sec-Fetch-Site: same-origin'],
    [$in, 'Sec-Fetch-Site: none'],
    [$in, 'sec-fetch-site: same-origin'],
    [$in, 'Sec-Fetch-Site: same-origin', 'Origin: https://evil.test'],
    [$away, 'Sec-Fetch-Site: same-site'],
    [$away, 'Sec-Fetch-Site: cross-site'],
    [$away, 'Sec-Fetch-Site: Same-Origin'],
    [$away, 'Sec-Fetch-Site: same-origin2'],
    [$away, 'Sec-Fetch-Site: same'],
    [$away, 'Sec-Fetch-Site: same-origin, cross-site'],
    [$away, 'Sec-Fetch-Site: "none"'],
    [$away, 'Sec-Fetch-Site:'],
    [$away, 'Sec-Fetch-Site: same-origin', 'Sec-Fetch-Site: cross-site'],
    [$away, 'Sec-Fetch-Site: none', 'Sec-Fetch-Site: none'],
    [$away, 'Sec-Fetch-Site: cross-site', 'Origin: http://api.test'],
    [$away, 'Sec-Fetch-Site: same-site', 'Origin: http://api.test'],
    [$away, 'Sec-Fetch-Site:', 'Origin: http://api.test'],
    [$away, 'Sec-Fetch-Mode: navigate', 'Sec-Fetch-Dest: document'],

    # a browser that says nothing of it

    [$in, 'Origin: http://api.test'],
    [$in, 'Origin: https://api.test'],
    [$in, 'Origin: https://API.test'],
    [$in, 'Host: api.test:8443', 'Origin: https://api.test:8443'],
    [$in, 'Host: [::1]:8443', 'Origin: https://[::1]:8443'],
    [$away, 'Host: api.test:8443', 'Origin: https://api.test'],
    [$away, 'Origin: https://api.test:8443'],
    [$away, 'Origin: http://evil.test'],
    [$away, 'Origin: http://sub.api.test'],
    [$away, 'Origin: http://test'],
    [$away, 'Origin: http://api.test.evil.test'],
    [$away, 'Origin: http://evilapi.test'],
    [$away, 'Origin: http://api.test@evil.test'],
    [$away, 'Origin: http://evil.test/api.test'],
    [$away, 'Origin: http://api.test/'],
    [$away, 'Origin: http://api.test http://evil.test'],
    [$away, 'Origin: HTTP://api.test'],
    [$away, 'Origin: ftp://api.test'],
    [$away, 'Origin: api.test'],
    [$away, 'Origin: //api.test'],
    [$away, 'Origin: http://'],
    [$away, 'Origin: https://'],
    [$away, 'Origin: null'],
    [$away, 'Origin:'],
    [$away, 'Origin: http://api.test', 'Origin: http://evil.test'],
    [$away, 'Origin: http://evil.test', 'Origin: http://api.test'],
    [$away, 'Origin: http://api.test', 'Origin: http://api.test'],

    # origins that are listed

    [$in, 'Origin: https://app.example.com'],
    [$in, 'Origin: https://admin.test:8443'],
    [$in, 'Origin: https://app.example.com', 'Sec-Fetch-Site: cross-site'],
    [$in, 'Origin: https://app.example.com', 'Sec-Fetch-Site: same-site'],
    [$away, 'Origin: http://app.example.com'],
    [$away, 'Origin: https://app.example.com:443'],
    [$away, 'Origin: https://app.example.com.'],
    [$away, 'Origin: https://app.example.co'],
    [$away, 'Origin: https://admin.test'],
    [$away, 'Origin: https://x.app.example.com'],
    [$away, 'Origin: https://app.example.com https://evil.test'],
    [$away, 'Origin: https://app.example.com', 'Origin: https://evil.test'],

    # what proves nothing

    [$away, 'Referer: http://api.test/page'],
    [$away, 'X-Requested-With: XMLHttpRequest'],
    [$away, 'X-Forwarded-Host: evil.test', 'Origin: http://evil.test'],
    [$away, 'X-Forwarded-For: 127.0.0.1'],
    [$away, 'Forwarded: host=evil.test', 'Origin: http://evil.test'],
    [$away, 'X-HTTP-Method-Override: GET'],
    [$away, 'Content-Type: application/json'],
    [$away, 'X_Sec_Fetch_Site: same-origin', 'Sec_Fetch_Site: same-origin'],
    [$away, 'Access-Control-Request-Method: POST', 'Origin: https://x.test'],
);

# a name in the request's line that is not the one of Host

{
    my $c = $s->socket;
    print $c "POST http://evil.test/ HTTP/1.1\r\nHost: api.test\r\n$mine\r\n"
             . "Origin: http://evil.test\r\nContent-Length: 0\r\n"
             . "Connection: close\r\n\r\n";
    like($s->receive($c), qr{^HTTP/1.1 403}, 'the name of a request\'s line');
    $c = $s->socket;
    print $c "POST / HTTP/1.0\r\n$mine\r\nOrigin: http://\r\n"
             . "Content-Length: 0\r\n\r\n";
    like($s->receive($c), qr{^HTTP/1.1 403}, 'no Host');
}

# a method that changes nothing opens a connection that does

answers('GET', '/', $away, 'a WebSocket from elsewhere', $mine,
        'Connection: Upgrade', 'Upgrade: websocket', 'Origin: https://x.test',
        'Sec-WebSocket-Version: 13', 'Sec-WebSocket-Key: x');
answers('GET', '/', $away, 'in other letters', $mine, 'UPGRADE: WebSocket');
answers('GET', '/', $away, 'without Connection', $mine, 'Upgrade: websocket');
answers('GET', '/', $away, 'a WebSocket of no origin', $mine,
        'Connection: Upgrade', 'Upgrade: websocket');
answers('GET', '/', $in, 'a WebSocket of this origin', $mine, $host,
        'Connection: Upgrade', 'Upgrade: websocket',
        'Origin: https://api.test');
answers('GET', '/', $in, 'a WebSocket of a listed one', $mine,
        'Connection: Upgrade', 'Upgrade: websocket',
        'Origin: https://app.example.com');
answers('GET', '/both', $in, 'a WebSocket by a field',
        'Upgrade: websocket', "Authorization: Bearer $good");
answers('GET', '/', $in, 'another field of a similar name', $mine,
        'Upgrade-Insecure-Requests: 1');

# what no browser sends by itself needs no proof

answers('POST', '/both', $in, 'a token in a field',
        "Authorization: Bearer $good", 'Origin: https://evil.test');
answers('POST', '/both', $in, 'in a field and in a cookie',
        "Authorization: Bearer $good", $mine,
        'Sec-Fetch-Site: cross-site');
answers('POST', '/both', $away, 'in a cookie', $mine);
answers('POST', '/both', $away, 'in a cookie, and Basic', $mine,
        'Authorization: Basic YTpi');
answers('POST', '/cookie-first', $away, 'in a cookie, which comes first',
        $mine, "Authorization: Bearer $good");

# who may send it is asked before whose it is, and after how many there are

answers('POST', '/', $away, 'a bad cookie', "Cookie: session=$bad");
answers('POST', '/', '400 duplicate_credential', 'two', $mine, $mine);
answers('POST', '/', '401 bad_signature', 'a bad cookie of this origin',
        "Cookie: session=$bad", 'Sec-Fetch-Site: same-origin');

# origins of another level

my @listed = ($mine, $host, 'Origin: https://app.example.com');
answers('POST', '/none', $away, 'no origin is listed', @listed);
answers('POST', '/none/other', $away, 'another one is', @listed);
answers('POST', '/none/other', $in, 'this one', $mine, $host,
        'Origin: https://other.test');
answers('POST', '/none', $in, 'the own one is always good', $mine, $host,
        'Origin: https://api.test');

# the answer

my $sorry = answers('POST', '/', $away, 'the answer', $mine);
like($sorry, qr/"status":403,.*"layer":"auth","code":"cross_site"/,
     'tells what happened');
is($s->field($sorry, 'WWW-Authenticate'), undef, 'and asks for no token');
like(answers('POST', '/page', $away, 'an error page', $mine),
     qr/\r\n\r\nsorry$/, 'may be another');
answers('POST', '/optional', $away, 'optional', $mine);
answers('POST', '/dry', '200 cross_site', 'a dry run lets it pass', $mine);
answers('POST', '/dry', $in, 'a dry run, and no reason', $mine,
        'Sec-Fetch-Site: same-origin');

$app->forget;
my $body = 'x' x 70_000;
like($s->ask('POST', '/', $body, $mine, $host, 'Origin: https://api.test'),
     qr/\r\n\r\n$body\z/, 'a body arrives');
like($s->ask('POST', '/', $body, $mine), qr{^HTTP/1.1 403},
     'or is not asked for');
is($app->count, 1, 'what is refused does not reach the application');


# A preflight has no credential, and passes where it may: all three of it.

my @pre = ('Origin: https://x.test', 'Access-Control-Request-Method: POST');
$app->forget;

answers('OPTIONS', '/preflight', '200', 'passes', @pre);
answers('OPTIONS', '/preflight/in', '200', 'is inherited', @pre);
answers('OPTIONS', '/preflight', '200', 'passes as nobody', @pre, $mine);
answers('OPTIONS', '/preflight', '200', 'with a bad cookie', @pre,
        "Cookie: session=$bad");
answers('OPTIONS', '/preflight', '200', 'with two', @pre, $mine, $mine);
my $spoofed = answers('OPTIONS', '/preflight', '200', 'can\'t say who it is',
                      @pre, 'X-Kairo-User: main:admin', 'X_Kairo_User: a');
unlike($spoofed, qr/^x.kairo/mi, 'not to the application');
answers('OPTIONS', '/preflight', '401 no_credential', 'without Origin',
        $pre[1]);
answers('OPTIONS', '/preflight', '401 no_credential', 'without the method',
        $pre[0]);
answers('OPTIONS', '/preflight', '401 no_credential', 'an underscore',
        $pre[0], 'Access_Control_Request_Method: POST');
answers('OPTIONS', '/preflight', '401 no_credential', 'OPTIONS alone');
answers('OPTIONS', '/preflight', $in, 'OPTIONS with a cookie', $mine);
answers($_, '/preflight', '401 no_credential', 'is no preflight', @pre)
    for qw(GET HEAD POST DELETE OPTIONSX);
answers('OPTIONS', '/preflight/off', '401 no_credential', 'off', @pre);
answers('OPTIONS', '/', '401 no_credential', 'off unless it is said', @pre);
answers('OPTIONS', '/preflight/to', '401 no_credential',
        'a preflight that is led to where it may not pass', @pre);

$app->forget->answer(fields => ['X-Accel-Redirect: /both']);
answers('OPTIONS', '/preflight', '401 no_credential',
        'nor by the application', @pre);
$app->answer(echo => 1);


# The same over HTTP/2, where Host is written differently and cookies come in
# crumbs.

sub curl {
    my ($want, $name, @options) = @_;
    open my $out, '-|', 'curl', '-s', '--http2-prior-knowledge', '-o',
         '/dev/null', '-w', '%{http_version} %{http_code} %header{x-reason}',
         @options, "http://127.0.0.1:$h2/" or die "curl: $!\n";
    my $got = do { local $/; <$out> } // '';
    $got =~ s/\s+\z//;
    is($got, "2 $want", "HTTP/2: $name");
}

curl('200', 'a cookie', '-H', $mine);
curl('200', 'crumbs', '-H', 'Cookie: a=b', '-H', $mine, '-H', 'Cookie: c=d');
curl('400 duplicate_credential', 'two', '-H', $mine, '-H', $mine);
curl('403 cross_site', 'POST', '-X', 'POST', '-H', $mine);
curl('403 cross_site', 'POST of another origin', '-X', 'POST', '-H', $mine,
     '-H', 'Origin: http://evil.test');
curl('200', 'POST of this origin', '-X', 'POST', '-H', $mine, '-H',
     "Origin: http://127.0.0.1:$h2");
curl('401 no_credential', 'nothing');

$s->finish;

done_testing();
