# Keys that are fetched through a location: once for all, by nobody who floods,
# with nothing of a client's, and kept when the provider fails.

use strict;
use warnings;

use lib 't/lib';
use Kairo::Provider;
use Kairo::Server;
use Kairo::Token qw(key secret token jwks json claims);
use Test::More;
use Time::HiRes qw(sleep time);

my %key = map { $_ => key('p256', ord($_) - 64) } 'A' .. 'F';
my %token = map { $_ => token($key{$_}) } keys %key;

my $provider = Kairo::Provider->new;
my $app = Kairo::Provider->new->answer(echo => 1);
my $s = Kairo::Server->new(workers => 3);

# Issuers whose keys come from the provider, each by its name, with a folder of
# locations of its own; "times" and "location" are what it has of its own.

my %times = (
    (map { $_ => 'interval=10s timeout=5s' }
     qw(start get cookie head post upgrade expect redirect chunks line large
        length drips leaves others reload open app)),
    (map { ("fail$_" => 'interval=10s timeout=5s') } 0 .. 30),
    (map { $_ => 'interval=10s timeout=5s' } qw(alias return other down none)),
    change   => 'interval=400ms timeout=5s',
    early    => 'interval=30s timeout=5s',
    flood    => 'interval=700ms timeout=5s',
    load     => 'interval=100ms timeout=5s',
    due      => 'refresh=1s interval=200ms timeout=5s',
    failing  => 'interval=1ms timeout=5s',
    retry    => 'interval=30s timeout=5s',
    slow     => 'interval=10s timeout=400ms',
    dripping => 'interval=10s timeout=300ms',
    stale    => 'refresh=200ms stale=1s interval=100ms timeout=1s',
    served   => 'refresh=100ms interval=300ms timeout=5s',
    dies     => 'interval=30s timeout=1s',
);

my $seen = join '', map { "\$$_" }
           qw(http_authorization http_cookie http_x_mine cookie_session
              args arg_secret content_length content_type request_body
              http_referer http_user_agent remote_user http_range);
my $nobody = $provider->{port} + 9;
my %location = (
    alias  => "alias $s->{dir}/html/keys.jwks;",
    return => "return 200 '" . jwks($key{A}) . "';",
    other  => 'try_files /none /keys.jwks;',
    down   => "proxy_pass http://127.0.0.1:$nobody/jwks;",
    none   => 'return 404;',
);

sub locations {
    my ($name) = @_;
    my $location = $location{$name}
                   // "proxy_pass http://127.0.0.1:$provider->{port}/jwks;
                       proxy_set_header X-Seen \"$seen\";";
    my $internal = $name eq 'open' ? '' : 'internal;';
    return <<END;
        location = /$name/t { kairo_auth required issuer=$name;
                              try_files /t =404; }
        location = /$name/app { kairo_auth required issuer=$name;
                                proxy_pass http://127.0.0.1:$app->{port}; }
        location = /$name/optional { kairo_auth optional issuer=$name;
                                     try_files /t =404; }
        location = /$name/dry { kairo_auth required issuer=$name;
                                kairo_auth_dry_run on; try_files /t =404; }
        location = /$name/cookie { kairo_auth required issuer=$name
                                              from=cookie:session;
                                   try_files /t =404; }
        location = /$name/weak { try_files /none /$name/t; }
        location = /$name/page { kairo_auth required issuer=$name;
                                 error_page 401 503 /sorry; }
        location = /_keys/$name { $internal $location }
END
}

sub http {
    my @names = @_;
    return join('', map { <<END } @names) . <<END;
    kairo_issuer $_ {
        issuer   https://issuer.test/;
        audience api;
        algs     ES256;
        keys     location=/_keys/$_ $times{$_};
    }
END
    proxy_connect_timeout 2s;
    proxy_read_timeout 20s;
    large_client_header_buffers 4 32k;
    gzip on;
    gzip_types *;
    gzip_min_length 1;
    server {
        listen 127.0.0.1:%%PORT%% reuseport;
        root html;
        add_header X-Pid \$pid always;
        add_header X-User "\$kairo_user" always;
        add_header X-Reason \$kairo_auth_reason always;
        location = /up { return 200 up; }
        location = /metrics { kairo_metrics; }
        location = /open { }
        @{[map { locations($_) } @names]}
    }
END
}

# begin NAME, ANSWER: another issuer, and nothing asked so far.

my $at;

sub begin {
    my ($name, %answer) = @_;
    $at = "/$name";
    $provider->answer(%answer ? %answer : (body => jwks($key{A})))->forget;
}

sub bearer { return "Authorization: Bearer $_[0]" }

sub code { return $_[0] =~ m{^HTTP/1.1 (\d+)} ? $1 : 0 }

sub says {
    my ($got) = @_;
    return join ' ', grep { length } code($got),
                     map { $s->field($got, $_) // '' } qw(X-User X-Reason);
}

sub answer {
    my ($token, $path) = @_;
    return says($s->get($at . ($path // '/t'), bearer($token)));
}

# The response to what was sent, without waiting for the connection's end: it
# lasts as long as a fetch that began there.

sub response {
    my ($c) = @_;
    my $got = '';
    until ($got =~ /\r\n\r\n(?:content|\{.*\}\r\n)\z/s) {
        sysread $c, $got, 8192, length $got or last;
    }
    return $got;
}

# What comes of many requests at once, each on a connection of its own.

sub at_once {
    my @tokens = @_;
    my @c = map { $s->send("$at/t", bearer($_)) } @tokens;
    return map { says(response($_)) =~ s/ \w+:/ /r } @c;
}

sub counted {
    my %n;
    $n{$_}++ for @_;
    return join ', ', map { "$n{$_} x $_" } sort keys %n;
}

# unknown N: tokens of keys that nobody has, each of another name.

my $made = 0;

sub unknown {
    my ($n) = @_;
    my ($h, $c, $signature) = split /\./, $token{F};
    return map { token($key{F}, kid => 'no' . $made++,
                       signature => $signature) } 1 .. $n;
}

my $long = jwks(@key{qw(A B)});

$s->file('html/t', 'content');
$s->file('html/sorry', 'sorry');
$s->file('html/open', $long);
$s->file('html/keys.jwks', jwks($key{A}));
$s->start(http(sort keys %times));
begin('start');


# Nobody needs keys: none are fetched.

is(code($s->get('/start/t')), 401, 'no token');
is(code($s->get('/start/optional')), 200, 'none where it is optional');
is(answer($_->[1]), "401 $_->[0]", "$_->[0]: no need for keys")
    for ['malformed', 'x'], ['malformed', "$token{A}."],
        ['too_long', token($key{A}, claims => { x => 'x' x 9000 })],
        ['bad_header', token($key{A}, header => '{}', by => 'ES256')],
        ['critical_header', token($key{A}, header => { crit => [] })],
        ['algorithm_not_allowed', token(key('rsa'))],
        ['algorithm_not_allowed', token($key{A}, alg => 'none',
                                        signature => '')],
        ['expired', token($key{A}, claims => { exp => 1 })],
        ['not_yet_valid', token($key{A}, claims => { nbf => time + 99 })],
        ['wrong_issuer', token($key{A}, claims => { iss => 'x' })],
        ['wrong_audience', token($key{A}, claims => { aud => 'x' })],
        ['wrong_type', token($key{A}, header => { typ => 'x' })];
is($provider->count, 0, 'and none were fetched');

# The first fetch: one, whoever comes in whichever worker.

$provider->answer(body => jwks($key{A}), hold => 1);
{
    my @c = map { $s->send("$at/t", bearer($token{A})) } 1 .. 40;
    ok($s->until(sub { $provider->count }), 'forty at once: keys are fetched');
    my @bad = map { $s->send("$at/t", bearer($_)) } unknown(5),
              $token{A} =~ s/.$/$& eq 'A' ? 'Q' : 'A'/er;
    sleep 0.2;
    is($provider->count, 1, 'once');
    $provider->release;
    my (%by, %said);
    for (@c) {
        my $got = $s->receive($_);
        $by{$s->field($got, 'X-Pid')}++;
        $said{code($got)}++;
    }
    is(join(' ', %said), '200 40', 'and all of them pass');
    cmp_ok(scalar keys %by, '>', 1, 'in more than one worker');
    is(counted(map { code($s->receive($_)) } @bad), '6 x 401',
       'but for those who should not');
    is($provider->count, 1, 'who are the cause of no other fetch');
}

# Nothing of a client's goes to the provider.

sub carries {
    my ($name, $method, $path, $body, @fields) = @_;
    begin($name);
    my $got = $s->ask($method, "$at$path?secret=word", $body, @fields);
    my @asked = $provider->asked;
    is(scalar @asked, 1, "$name: one fetch");
    is(($asked[0] // '') =~ s/127.0.0.1:\d+/provider/r,
       "GET /jwks HTTP/1.0\r\nHost: provider\r\nConnection: close\r\n\r\n",
       "$name: which is bare");
    return $got;
}

my $sent = 'x' x 30_000 . 'end';
my @own = (bearer($token{A}), "Cookie: session=$token{A}; a=b", 'X-Mine: mine',
           'Referer: http://mine.test/', 'User-Agent: mine',
           'Range: bytes=0-3', 'If-None-Match: "mine"', 'Via: mine',
           'If-Modified-Since: Thu, 01 Jan 2099 00:00:00 GMT',
           'Accept-Encoding: gzip', 'X-Forwarded-For: 1.2.3.4', 'TE: gzip',
           'X-Kairo-User: mine', 'Content-Type: text/mine', 'Accept: mine');

carries('get', 'GET', '/t', undef, @own);
carries('cookie', 'GET', '/cookie', undef, "Cookie: session=$token{A}");
carries('head', 'HEAD', '/t', undef, @own);
like(carries('post', 'POST', '/app', $sent, @own), qr/\r\n\r\n$sent\z/,
     'a body that waits for keys arrives whole');
like(carries('upgrade', 'GET', '/app', undef, 'Connection: Upgrade',
             'Upgrade: websocket', @own), qr{^HTTP/1.1 200}, 'passes');
like(carries('expect', 'POST', '/app', 'few', 'Expect: 100-continue',
             @own), qr/\r\n\r\nfew\z/, 'a body that is asked for arrives');
is(says(carries('redirect', 'GET', '/weak', undef, @own)) ,
   '206 redirect:alice', 'passes, with its range');

{
    begin('chunks', body => jwks($key{A}), hold => 1);
    my $c = $s->socket;
    print $c join "\r\n", 'POST /chunks/app HTTP/1.1', 'Host: a',
                  'Connection: close', bearer($token{A}), 'Transfer-Encoding: chunked', '',
                  '4', 'abcd', '';
    ok($s->until(sub { $provider->count }), 'a body in chunks, keys are due');
    print $c "6\r\nefghij\r\n";
    $provider->release;
    sleep 0.1;
    print $c "3\r\nklm\r\n0\r\n\r\n";
    like($s->receive($c), qr/abcdefghijklm\z/, 'arrives whole');
}

# one connection: what comes behind a request that waits

{
    begin('line', body => jwks($key{A}), delay => 0.2);
    my $c = $s->socket;
    print $c map { join "\r\n", 'GET /line/t HTTP/1.1', 'Host: a', bearer($_),
                                '', '' } @token{qw(A B A)};
    print $c "GET /line/t HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    is(join(' ', $s->receive($c) =~ m{HTTP/1.1 (\d+)}g), '200 401 200 401',
       'is answered in its order');
    is($provider->count, 1, 'with one fetch');
}

# what the provider sends is not the client's, and keeps its size

for my $way (['large', body => jwks($key{A}) . ' ' x 250_000,
              fields => ['Set-Cookie: provider=1', 'X-Provider: 1']],
             ['length', body => jwks($key{A}) . ' ' x 70_000,
              length => undef],
             ['drips', body => jwks($key{A}), drip => 0.002])
{
    my ($name, @how) = @$way;
    begin($name, @how);
    my $got = $s->get("$at/t", bearer($token{A}), 'Accept-Encoding: gzip');
    is(code($got), 200, "$name: keys");
    unlike($got, qr/provider/i, "$name: which stay where they are");
}

begin($_), is(answer($token{A}), "200 $_:alice", "by $_") for qw(alias return);
begin('other');
is(answer($token{A}), '503 no_keys', 'a location that leads to an open one');


# Keys that change.

begin('change');
like(answer($token{A}), qr/^200/, 'a key');
sleep 0.45;
$provider->answer(body => jwks(@key{qw(A B)}), delay => 0.1)->forget;
{
    my @got = at_once(($token{B}) x 10, ($token{A}) x 10, unknown(10));
    is(counted(@got), '20 x 200 alice, 10 x 401 unknown_key',
       'a new one: its tokens wait for it, others pass, and others do not');
    is($provider->count, 1, 'with one fetch');
}
sleep 0.45;
$provider->answer(body => jwks($key{B}))->forget;
like(answer((unknown(1))[0]), qr/^401/, 'a key goes away');
is(answer($token{A}), '401 unknown_key',
   'its tokens are known to nobody from then on') for 1 .. 6;
like(answer($token{B}), qr/^200/, 'the other stays') for 1 .. 6;

# who comes too early is refused, and asks nobody

begin('early');
like(answer($token{A}), qr/^200/, 'a key');
$provider->answer(body => jwks(@key{qw(A B)}))->forget;
{
    my @got = at_once(unknown(150));
    is(counted(@got), '150 x 401 unknown_key', 'a flood of unknown keys');
    is(answer($token{B}), '401 unknown_key',
       'keeps a new key out until the interval is over');
    is($provider->count, 0, 'and is not passed on');
    is(counted(at_once(($token{A}) x 20)), '20 x 200 alice',
       'who is known is served meanwhile');
}

begin('flood');
like(answer($token{A}), qr/^200/, 'a key');
$provider->forget;
{
    my $begin = time;
    my @got;
    push @got, at_once(unknown(15)) while time < $begin + 2.2;
    my $n = $provider->count;
    my $most = 1 + int((time - $begin) / 0.7);
    is(counted(@got), @got . ' x 401 unknown_key', 'a longer flood');
    cmp_ok($n, '>', 1, 'is told of once in an interval');
    cmp_ok($n, '<=', $most, 'and no more');
}

# rotation under load: at every moment each good token passes, no other does

{
    begin('load', body => jwks($key{A}), delay => 0.03);
    answer($token{A});
    my $end = time + 2;
    my @bad = unknown(20);
    my @children = map {
        my $i = $_;
        my $pid = fork // die "fork: $!\n";
        if ($pid == 0) {
            my $wrong = 0;
            while (time < $end) {
                $wrong++ if answer($token{A}) !~ /^200/;
                $wrong++ if answer($token{F}) !~ /^401/;
                $wrong++ if answer($bad[rand @bad]) !~ /^401/;
            }
            require POSIX;
            POSIX::_exit($wrong > 100 ? 100 : $wrong);
        }
        $pid;
    } 1 .. 3;
    my $refused = 0;
    for my $name (qw(B C D E)) {
        $provider->answer(body => jwks(@key{'A', $name}), delay => 0.03);
        $s->until(sub { answer($token{$name}) =~ /^200/ });
        $refused += answer($token{$name}) !~ /^200/ for 1 .. 20;
        sleep 0.15;
    }
    my $wrong = 0;
    for (@children) { waitpid $_, 0; $wrong += $? >> 8 }
    is($wrong, 0, 'rotation under load: no wrong answer');
    is($refused, 0, 'nor is a key lost again');
}

# keys that are of use are fetched anew beside a request, in time

begin('due');
like(answer($token{A}), qr/^200/, 'a key');
sleep 1.05;
$provider->answer(body => jwks($key{B}), hold => 1)->forget;
{
    my $c = $s->send("$at/t", bearer($token{A}));
    is(says(response($c)), '200 due:alice', 'is due');
    $s->until(sub { $provider->count });
    like(answer($token{A}), qr/^200/, 'is of use meanwhile') for 1 .. 10;
    is($provider->count, 1, 'is fetched once');
    $provider->release;
    ok($s->until(sub { answer($token{A}) =~ /^401/ }), 'and then is gone');
    like(answer($token{B}), qr/^200/, 'for the one that is there');
}


# A provider that fails: before there are keys, and when there are.

my @failures = (
    ['500', { status => 500, body => $long }],
    ['404', { status => 404, body => $long }],
    ['403', { status => 403, body => $long }],
    ['204', { status => 204, body => '' }],
    ['206', { status => 206, body => $long,
              fields => ['Content-Range: bytes 0-9/10'] }],
    ['302', { status => 302, body => $long,
              fields => ["Location: http://127.0.0.1:$app->{port}/"] }],
    ['301 to here', { status => 301, body => $long,
                      fields => ['Location: /_other'] }],
    ['304', { status => 304, body => '' }],
    ['HTML', { body => '<html><body>sign in</body></html>',
               fields => ['Content-Type: text/html'] }],
    ['nothing', { body => '' }],
    ['white space', { body => "\r\n" }],
    ['an array', { body => '[]' }],
    ['no key', { body => jwks() }],
    ['a secret alone', { body => jwks(secret('s' x 64)) }],
    ['weak keys', { body => jwks(key('rsa1024')) }],
    ['PEM', { body => $key{B}->pem }],
    ['65 keys', { body => jwks(($key{B}->jwk(kid => undef)) x 65) }],
    ['a name twice', { body => '{"keys":[],' . substr $long, 1 }],
    ['1 MiB', { body => $long . ' ' x 1048576 }],
    ['1 MiB of no known length', { body => $long . ' ' x 1048576,
                                   length => undef }],
    ['257 KiB', { body => $long . ' ' x 263168 }],
    ['gzip', { body => $long, fields => ['Content-Encoding: gzip'] }],
    ['another encoding', { body => $long, fields => ['Content-Encoding: x'] }],
    ['less than it says', { body => $long, length => 9000 }],
    ['half of it', { body => substr($long, 0, 100), length => undef }],
    ['no HTTP', { status => "200\r\n\0\0" }],
    ['a location that is not internal', { body => $long,
      fields => ['X-Accel-Redirect: /open'] }],
);

for my $n (0 .. $#failures) {
    my ($name, $how) = @{$failures[$n]};
    begin("fail$n", %$how);
    my $got = $s->get("$at/t", bearer($token{A}));
    is(says($got), '503 no_keys', "$name: no keys");
    $s->logged(qr/\[error\].*issuer "fail$n" could not be fetched from/,
         "$name: the log says so");
    next if $n;
    like($s->field($got, 'Retry-After') // '', qr/^[1-9]/,
         'when to come back');
    is($s->field($got, 'WWW-Authenticate'), undef, 'whoever it is');
}

# when there are keys none of these changes anything

begin('failing');
like(answer($token{A}), qr/^200/, 'a key');
for my $failure (@failures) {
    my ($name, $how) = @$failure;
    $provider->answer(%$how)->forget;
    sleep 0.005;
    is(answer($token{B}), '401 unknown_key', "$name: no new key");
    is($provider->count, 1, "$name: though it was asked for");
    like(answer($token{A}), qr/^200/, "$name: the old one stays");
}
$provider->answer(body => $long);
like(answer($token{B}), qr/^200/, 'a good answer is taken after all of that');
$s->logged(qr/\[notice\].*are fetched again, after @{[scalar @failures]} /,
     'and the log says so');
is(scalar(() = $s->log =~ /keys of issuer "failing" could not be/g), 1,
   'which it did of the failures once');

# nobody there

begin('down');
is(answer($token{A}), '503 no_keys', 'nobody listens');
is(answer($token{A}, '/page'), '503 no_keys',
   'an error page of the location is shown');
is(answer($token{A}, '/dry'), '200 no_keys', 'a dry run passes');
is(code($s->get("$at/optional")), 200, 'who has no token needs no keys');
is(answer($token{A}, '/optional'), '503 no_keys', 'who has one does');
begin('none');
is(answer($token{A}), '503 no_keys', 'a location that has none');
begin('open');
is(answer($token{A}), '503 no_keys', 'a location that is not internal');
$s->logged(qr/"open".*: it is not an internal location of this server/,
     'is told of');

# the first keys are tried for again: after a second, two, four

begin('retry', status => 500);
{
    my $begin = time;
    answer($token{A}), sleep 0.05 while time < $begin + 2.6;
    my $n = $provider->count;
    cmp_ok($n, '>=', 2, 'a provider that fails is asked again');
    cmp_ok($n, '<=', 3, 'but not each time');
    $provider->answer(body => jwks($key{A}));
    ok($s->until(sub { answer($token{A}) =~ /^200/ }), 'until it answers');
}

# slow: no longer than the timeout

begin('slow', body => jwks($key{A}), hold => 1);
{
    my $begin = time;
    is(counted(at_once(($token{A}) x 10)), '10 x 503 no_keys', 'slow');
    cmp_ok(time - $begin, '>', 0.3, 'they have waited');
    cmp_ok(time - $begin, '<', 3, 'and no longer');
    is($provider->count, 1, 'for one fetch');
    $provider->release;
    ok($s->until(sub { answer($token{A}) =~ /^200/ }),
       'whose answer is taken when it comes');
}
begin('dripping', body => jwks($key{A}), drip => 0.1);
is(counted(at_once($token{A})), '1 x 503 no_keys', 'one that drips');

# keys that are too old

begin('stale');
like(answer($token{A}), qr/^200/, 'a key');
$provider->answer(status => 500);
sleep 0.4;
like(answer($token{A}), qr/^200/, 'is of use without the provider');
sleep 0.9;
is(answer($token{A}), '503 no_keys',
   'until it is too old, though its token is known');
$provider->answer(body => jwks($key{A}));
ok($s->until(sub { answer($token{A}) =~ /^200/ }), 'and then it is back');


# Clients that leave, workers that die, a reload: in the middle of a fetch.

# Who is first can't call off what all of them need: neither once nor always.

begin('leaves', body => jwks($key{A}), hold => 1);
{
    my ($forged) = unknown(1);
    my $c = $s->send("$at/t", bearer($forged));
    $s->until(sub { $provider->count });
    close $c;
    my @c = map { $s->send("$at/t", bearer($token{A})) } 1 .. 10;
    sleep 0.1;
    $provider->release;
    is(counted(map { code($s->receive($_)) } @c), '10 x 200',
       'a client that leaves takes no keys along');
    is($provider->count, 1, 'nor is another fetch needed');
}

# one that waits for the fetch of another is nobody's loss

begin('others', body => jwks($key{A}), hold => 1);
{
    my $first = $s->send("$at/t", bearer($token{A}));
    $s->until(sub { $provider->count });
    my @others = map { $s->send("$at/t", bearer($token{A})) } 1 .. 5;
    sleep 0.1;
    close $_ for @others;
    sleep 0.1;
    $provider->release;
    is(code($s->receive($first)), 200, 'others that leave');
    $s->logged(qr/client prematurely closed connection/, 'are let go');
}

# beside a request that is served: a second later somebody else does it

begin('served');
like(answer($token{A}), qr/^200/, 'a key');
sleep 0.35;
$provider->answer(body => jwks($key{B}), hold => 1)->forget;
$app->answer(hold => 1)->forget;
{
    my $c = $s->send("$at/app", bearer($token{A}));
    ok($s->until(sub { $provider->count && $app->count }),
       'is due, beside a request');
    close $c;
    $app->release;
    $app->answer(echo => 1);
    $provider->answer(body => jwks($key{B}))->release;
    ok($s->until(sub { answer($token{A}) =~ /^401/ }),
       'whose client leaves: another one fetches');
    like(answer($token{B}), qr/^200/, 'and there is the new key');
    $s->not_logged(qr/issuer "served" are fetched again, after/,
           'nobody has failed');
}

# a worker dies with the claim: for no longer than the timeout

begin('dies', body => jwks($key{A}), hold => 1);
{
    my $c = $s->send("$at/t", bearer($token{A}));
    $s->until(sub { $provider->count });
    my @before = $s->children;
    kill 'KILL', @before;
    $provider->answer(body => jwks($key{A}));
    my $begin = time;
    ok($s->until(sub { answer($token{A}) =~ /^200/ }),
       'the worker that fetches dies');
    cmp_ok(time - $begin, '<', 10, 'and another does it soon');
}

# a reload, while old workers fetch

begin('reload', body => jwks($key{A}), hold => 1);
{
    my @c = map { $s->send("$at/t", bearer($token{A})) } 1 .. 5;
    $s->until(sub { $provider->count });
    my %old = map { $_ => 1 } $s->children;
    $s->configure(http(sort keys %times));
    kill 'HUP', $s->pid;
    $s->until(sub { (grep { !$old{$_} } $s->children) >= 3 });
    push @c, map { $s->send("$at/t", bearer($token{A})) } 1 .. 5;
    sleep 0.2;
    is($provider->count, 1, 'a reload fetches nothing again');
    $provider->release;
    is(counted(map { code($s->receive($_)) } @c), '10 x 200',
       'and who waits, in old workers and new, passes');
    $s->until(sub { $s->children == 3 });
    like(answer($token{A}), qr/^200/, 'the keys stay');
    is($provider->count, 1, 'as they are');
}

$s->{expected} = qr/exited on signal 9/;
$s->finish;


# One worker alone.

{
    my $one = Kairo::Server->new;
    $one->file('html/t', 'content');
    $one->start(http('start'));
    begin('start', body => jwks($key{A}), delay => 0.3);
    my $c = $one->send("$at/t", bearer((unknown(1))[0]));
    $one->until(sub { $provider->count });
    close $c;
    my @c = map { $one->send("$at/t", bearer($token{A})) } 1 .. 5;
    is(counted(map { code($one->receive($_)) } @c), '5 x 200',
       'one worker: all pass');
    is($provider->count, 1, 'with one fetch');
    $one->finish;
}

done_testing();
