# What an administrator takes away is gone: by each kind of revocation, for all
# workers from the next request on, over reloads and restarts; and who else
# asks for it is refused.

use strict;
use warnings;

use lib 't/lib';
use Kairo::Provider;
use Kairo::Server;
use Kairo::Token qw(secret token json);
use POSIX ();
use Test::More;
use Time::HiRes qw(sleep time);

my %key = map { $_ => secret($_ x 32) } qw(m o x);
my $app = Kairo::Provider->new->answer(echo => 1);
my $workers = 2;
my $s = Kairo::Server->new(workers => $workers);

sub issuer {
    my ($name, $host, $key, @more) = @_;
    return "kairo_issuer $name { issuer https://$host.test/; audience api; "
           . "algs HS256; keys secret=file:$key.key; tier tier; "
           . "email email verified=email_verified; @more }\n";
}

my $main = issuer('main', 'issuer', 'm', 'max_lifetime 1h;');
my $other = issuer('other', 'other', 'o', 'session /ctx/session;');
my $third = issuer('third', 'third', 'x');

# The servers, where the first issuer is called by another name too.

sub servers {
    my ($name) = @_;
    return <<END;
    kairo_admins subject:root chief\@example.com issuer=$name;
    log_format line '\$request_method \$request_uri \$status '
                    '[\$kairo_decision \$kairo_layer \$kairo_reason] '
                    '[\$kairo_auth_reason]';
    access_log line.log line;
    kairo_auth_log_level info;

    server {
        listen 127.0.0.1:%%PORT%% reuseport;
        root html;
        add_header X-Pid \$pid always;
        add_header X-Reason "\$kairo_auth_reason" always;
        add_header X-Decision "\$kairo_decision|\$kairo_layer|\$kairo_reason"
                   always;
        add_header X-User "\$kairo_user" always;
        kairo_auth required issuer=$name issuer=other
                            from=bearer,cookie:session;

        location = /up { kairo_auth off; return 200 up; }
        location = /metrics { kairo_auth off; kairo_metrics; }
        location = /t { }
        location = /dry { kairo_auth_dry_run on; try_files /t =404; }
        location = /optional { kairo_auth optional issuer=$name;
                               try_files /t =404; }
        location = /paid { kairo_entitlement pro bypass=admin;
                           try_files /t =404; }
        location = /revoke { kairo_revoke; }
        location = /only { kairo_auth required issuer=$name; kairo_revoke; }
        location = /from { kairo_auth_origins https://admin.example.com;
                           kairo_revoke; }
        location = /small { client_body_buffer_size 1k; kairo_revoke; }
        location = /file { client_body_in_file_only clean; kairo_revoke; }
        location = /max { client_max_body_size 1k; kairo_revoke; }
        location = /paged { kairo_revoke; client_max_body_size 20k;
                            error_page 400 403 405 415 /page;
                            error_page 413 = /sent; }
        location = /page { internal; kairo_auth off; try_files /t =404; }
        location = /dry-auth { kairo_auth_dry_run on; kairo_revoke; }
        location = /dry-require { kairo_require_admin;
                                  kairo_require_dry_run on; kairo_revoke; }
        location = /preflight { kairo_preflight on; kairo_revoke; }
        location = /led { kairo_auth off; try_files /none /revoke; }
        location = /lost { kairo_auth off; error_page 404 /revoke; }
        location = /post { kairo_auth off; error_page 404 = \@revoke; }
        location \@revoke { kairo_revoke; }
        location = /sent { kairo_auth off;
                           proxy_pass http://127.0.0.1:$app->{port}; }
        location = /part { auth_request /revoke; try_files /t =404; }
    }
END
}

sub configured {
    my ($name, @more) = @_;
    return $main =~ s/main/$name/r . $other . $third
           . "kairo_revocations revoked;\n" . servers($name) . "@more";
}

$s->file("$_.key", $_ x 32) for keys %key;
$s->file('html/t', "content\n");
$s->start(configured('main'));

my $serial = 0;
my $started = int time - 10;

sub bearer { return "Authorization: Bearer $_[0]" }

# A token like no other, of ten seconds ago.

sub main {
    my $now = int time;
    return token($key{m}, claims => { sub => 'sub-' . ++$serial,
                                      jti => "jti-$serial", iat => $now - 10,
                                      exp => $now + 600, @_ });
}

sub elses {
    my $now = int time;
    return token($key{o}, claims => { iss => 'https://other.test/',
                                      sub => 'sub-' . ++$serial,
                                      iat => $now - 10, exp => $now + 600,
                                      @_ });
}

my $root = main(sub => 'root');
my @json = 'Content-Type: application/json';

sub code { return $_[0] =~ m{^HTTP/1.1 (\d+)} ? $1 : 0 }

sub body { return (split /\r\n\r\n/, $_[0], 2)[1] // '' }

# post PATH, BODY, FIELD...: as an administrator, where no field says else.

sub post {
    my ($path, $body, @fields) = @_;
    $body = json($body) if ref $body;
    push @fields, bearer($root)
        unless grep { /^(?:Authorization|Cookie):/ } @fields;
    return $s->ask('POST', $path, $body, @json, @fields);
}

sub revoke {
    my ($body) = @_;
    my $got = post('/revoke', $body);
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    is(code($got), 200, 'revoked: ' . join ' ', sort keys %$body);
    return body($got);
}

# What all workers say about a token: one text where they agree.

sub everywhere {
    my ($token) = @_;
    my (%by, %said);
    $s->until(sub {
        my $got = $s->get('/t', bearer($token));
        $by{$s->field($got, 'X-Pid')}++;
        $said{join ' ', grep { length } code($got),
              $s->field($got, 'X-Reason') // ''}++;
        return keys %by >= $workers;
    });
    return join ' | ', sort keys %said;
}

my $in = '200';
my $gone = '401 revoked';

sub metric {
    my ($name) = @_;
    my ($n) = $s->get('/metrics') =~ /^\Q$name\E (\d+)/m;
    return $n;
}

sub in_force { return metric('kairo_revocations{state="in_force"}') }


# Each kind: what it is about, what is next to it, and the answer.

is(in_force(), 0, 'nothing is revoked');
cmp_ok(metric('kairo_revocations{state="room"}'), '>', 40_000,
       'and there is room');

{
    my ($token, $same, $next, $elses) = (main(jti => 'one'),
        main(jti => 'one', sub => 'x'), main(jti => 'One'),
        elses(jti => 'one'));
    is(everywhere($_), $in, 'jti: before') for $token, $same, $next, $elses;
    my $now = time;
    my $said = revoke({ issuer => 'main', jti => 'one' });
    like($said, qr/^\{"revoked":"jti","issuer":"main","until":(\d+)\}\r\n\z/,
         'jti: the answer');
    my ($until) = $said =~ /"until":(\d+)/;
    cmp_ok(abs($until - $now - 3600 - 61), '<=', 3,
           'jti: kept as long as such a token can be valid');
    is(everywhere($_), $gone, 'jti: after') for $token, $same;
    is(everywhere($_), $in, 'jti: others') for $next, $elses;
    is(everywhere(main(jti => 'one', iat => int time)), $gone,
       'jti: whenever it was issued');
    is(in_force(), 1, 'jti: one is in force');
    revoke({ issuer => 'main', jti => 'one' });
    is(in_force(), 1, 'jti: and is no other the second time');
}

{
    my $token = main();
    my ($header, $claims) = split /\./, $token;
    my $twin = "$header.$claims." . Kairo::Token::b64('s' x 32);
    my $same = main(sub => "sub-$serial");
    is(everywhere($_), $in, 'token: before') for $token, $same;
    my ($exp) = Kairo::Token::unb64($claims) =~ /"exp":(\d+)/;
    is(revoke({ issuer => 'main', token => $twin }),
       '{"revoked":"token","issuer":"main","until":' . ($exp + 31) . "}\r\n",
       'token: the answer, of a text that need not be signed');
    is(everywhere($token), $gone, 'token: after');
    is(everywhere($same), $in, 'token: another of the same subject');
}

{
    my ($token, $next, $text) = (main(sid => 's1'), main(sid => 's2'),
                                 main(session => 's1'));
    is(everywhere($_), $in, 'session: before') for $token, $next, $text;
    like(revoke({ issuer => 'main', session => 's1' }),
         qr/^\{"revoked":"session","issuer":"main","until":\d+\}/,
         'session: the answer');
    is(everywhere($token), $gone, 'session: after');
    is(everywhere(main(sid => 's1', iat => int time)), $gone,
       'session: whenever it was issued');
    is(everywhere($_), $in, 'session: others') for $next, $text;

    my $deep = elses(ctx => { session => 's1' });
    my $flat = elses(sid => 's1', session => 's1');
    is(everywhere($_), $in, 'session of another issuer') for $deep, $flat;
    is(revoke({ issuer => 'other', session => 's1' }),
       qq({"revoked":"session","issuer":"other"}\r\n),
       'session: for ever, where nobody says how long a token lives');
    is(everywhere($deep), $gone, 'session: by the claim that is named');
    is(everywhere($flat), $in, 'session: by no other');
}

{
    my ($token, $other, $elses) = (main(sub => 'ann'), main(sub => 'Ann'),
                                   elses(sub => 'ann'));
    is(everywhere($_), $in, 'subject: before') for $token, $other, $elses;
    my $now = int time;
    my ($before, $until) = revoke({ issuer => 'main', subject => 'ann' })
        =~ /^\{"revoked":"subject","issuer":"main","before":(\d+),"until":(\d+)\}\r\n\z/;
    cmp_ok(abs($before - $now), '<=', 1, 'subject: until now');
    is($until - $before, 3600 + 31, 'subject: as long as a token lives');
    is(everywhere($token), $gone, 'subject: after');
    is(everywhere(main(sub => 'ann', iat => $before)), $gone,
       'subject: of the same second');
    is(everywhere(main(sub => 'ann', iat => $before + 1)), $in,
       'subject: of the next one');
    is(everywhere($_), $in, 'subject: others') for $other, $elses;

    # no earlier time undoes it

    revoke({ issuer => 'main', subject => 'ann', before => $before - 100 });
    is(everywhere($token), $gone, 'subject: an earlier time changes nothing');

    revoke({ issuer => 'main', subject => 'ann', before => $before + 25 });
    is(everywhere(main(sub => 'ann', iat => $before + 25)), $gone,
       'subject: a later one does');
    is(everywhere(main(sub => 'ann', iat => $before + 26)), $in,
       'subject: and its next second is free');

    my $bob = main(sub => 'bob', iat => $now - 50);
    is(everywhere($bob), $in, 'subject: of a while ago');
    revoke({ issuer => 'main', subject => 'bob', before => $now - 51 });
    is(everywhere($bob), $in, 'subject: an earlier time is not about it');
    revoke({ issuer => 'main', subject => 'bob', before => $now - 50 });
    is(everywhere($bob), $gone, 'subject: its own is');

    # without a time of issue

    my $eve = elses(sub => 'eve', iat => undef);
    is(everywhere($eve), $in, 'subject: a token without iat');
    revoke({ issuer => 'other', subject => 'eve', before => 1 });
    is(everywhere($eve), $gone, 'subject: may be as old as any');
    is(everywhere(elses(sub => 'eve')), $in, 'subject: one with iat is not');
    is(everywhere(elses(sub => 'jim', iat => undef)), $in,
       'subject: nor is another');

    # iat with a fraction

    for my $part (0.5, 0.999) {
        is(everywhere(elses(sub => 'eve', iat => 1 + $part)), $gone,
           "subject: issued at 1+$part");
    }
    is(everywhere(elses(sub => 'eve', iat => 2)), $in,
       'subject: issued at 2');
}

# a name of one kind is none of another

{
    my %token = (jti => main(jti => 'same'), session => main(sid => 'same'),
                 subject => main(sub => 'same'));
    for my $kind (sort keys %token) {
        is(everywhere($token{$kind}), $in, "$kind \"same\": before");
        revoke({ issuer => 'main', $kind => 'same' });
        is(everywhere(delete $token{$kind}), $gone, "$kind \"same\": after");
        is(everywhere($token{$_}), $in, "$kind \"same\": is no $_")
            for sort keys %token;
    }
}

{
    my ($token, $elses, $none) = (main(), elses(),
                                  elses(iat => undef, sub => 'none'));
    is(everywhere($_), $in, 'all: before') for $token, $elses, $none;
    my $now = int time;
    is(revoke({ issuer => 'other', all => JSON::PP::true }) =~ s/\d+/N/r,
       qq({"revoked":"issuer","issuer":"other","before":N}\r\n),
       'all: the answer');
    is(everywhere($_), $gone, 'all: of this issuer') for $elses, $none;
    is(everywhere($token), $in, 'all: and of no other');
    is(everywhere(elses(iat => $now + 20)), $in, 'all: what is issued later');
}

{
    my $mallet = main(sub => 'mallet', tier => 'pro');
    is(code($s->get('/paid', bearer($mallet))), 200, 'everywhere: before');
    revoke({ issuer => 'main', subject => 'mallet' });
    for my $place (qw(/t /paid /optional /revoke)) {
        my $got = $s->get($place, bearer($mallet));
        is(code($got) . ' ' . $s->field($got, 'X-Decision'),
           '401 refused|auth|invalid_token', "everywhere: $place");
        is($s->field($got, 'X-User'), undef, "everywhere: $place: nobody");
    }
    my $got = $s->get('/t', bearer($mallet));
    is($s->field($got, 'WWW-Authenticate'),
       'Bearer realm="kairo", error="invalid_token"',
       'everywhere: like any other that is not valid');
    is(body($got), body($s->get('/t', bearer(main() . 'A'))),
       'everywhere: by the same document');
    unlike($got =~ s/^X-.*?\n//mgr, qr/revoked/, 'everywhere: and no reason');
    $got = $s->get('/dry', bearer($mallet));
    is(code($got) . ' ' . $s->field($got, 'X-Decision'),
       '200 refused_dry_run|auth|invalid_token', 'everywhere: a dry run');
    is($s->field($got, 'X-User'), undef, 'everywhere: where it is nobody');
    is(code($s->get('/t', "Cookie: session=$mallet")), 401,
       'everywhere: from a cookie');
}

{
    my $before = metric('kairo_auth_tokens_total{result="revoked"}');
    my $token = main(jti => 'counted');
    revoke({ issuer => 'main', jti => 'counted' });
    $s->get('/t', bearer($token)) for 1 .. 3;
    is(metric('kairo_auth_tokens_total{result="revoked"}'), $before + 3,
       'metrics: what was refused for it');
}


# An administrator is not above it.

{
    my $admin = main(sub => 'root', jti => 'admin');
    my @as = bearer($admin);
    is(code(post('/revoke', { issuer => 'main', jti => 'admin' }, @as)), 200,
       'administrators: one revokes their own token');
    my $got = post('/revoke', { issuer => 'main', jti => 'more' }, @as);
    is(code($got) . ' ' . $s->field($got, 'X-Reason'), '401 revoked',
       'administrators: and no more by it');
    is(everywhere(main(jti => 'more')), $in, 'administrators: nothing is');
    is(code($s->get('/paid', @as)), 401, 'administrators: nor is it a bypass');
}


# How long it is known.

for (
    [{ issuer => 'main', jti => 'u', until => 4102444800 }, 4102444800],
    [{ issuer => 'main', subject => 'u', until => 4102444800 }, 4102444800],
    [{ issuer => 'other', subject => 'u', before => 5 }, undef],
    [{ issuer => 'main', subject => 'v', before => 5 }, 5 + 3600 + 31],
    [{ issuer => 'other', jti => 'u' }, undef],
    [{ issuer => 'other', jti => 'v', until => 9223372036854775806 },
     9223372036854775806],
) {
    my ($body, $until) = @$_;
    my ($got) = revoke($body) =~ /"until":(\d+)/;
    is($got, $until, 'until: ' . json($body));
}
{
    my $token = elses(iat => time - 10, exp => time + 86400);
    my $got = body(post('/revoke', { issuer => 'other', token => $token,
                                     until => int(time) + 500 }));
    is(everywhere($token), $gone, 'until: of a token');
    like($got, qr/"until":(?!@{[int(time) + 500]})\d+/,
         'until: not before the token ends');

    $token = elses(exp => time - 1000);
    is(code(post('/revoke', { issuer => 'other', token => $token })), 200,
       'a token that has expired');
    $token = elses(exp => undef);
    is(code(post('/revoke', { issuer => 'other', token => $token })), 200,
       'a token that never expires');
    $token = elses(exp => 9.1e18);
    my $huge = post('/revoke', { issuer => 'other', token => $token });
    like(code($huge), qr/^(?:200|400)$/, 'a token that expires very late');
    unlike($huge, qr/"until":-/, 'and not long ago');
}


# What is wrong with the body.

my $names = 'the object has to have one of "jti", "session", "subject", '
            . '"token" and "all", and besides it "issuer", "before" and '
            . '"until" alone';
my $object = 'the body is not a JSON object of a few members';
my $which = '"issuer" has to be the name of a kairo_issuer';
my $text = 'what is revoked has to be a text that is not empty';
my $before = '"before" has to be a time in seconds since 1970, at most 10 '
             . 'minutes ahead';
my $until = '"until" has to be a time to come, in seconds since 1970';
my $now = int time;
my $count = in_force();

for (
    ['', $object], [' ', $object], ['{', $object], ['[]', $object],
    ['"x"', $object], ['1', $object], ['null', $object],
    ['{"issuer":"main","jti":"x"', $object],
    ['{"issuer":"main","jti":"x"}{}', $object],
    ['{"issuer":"main","jti":"x","jti":"y"}', $object],
    ['{"issuer":"main","jti":"x",}', $object],
    ['{"issuer":"main","jti":["x"]}', $object],
    ['{"issuer":"main","jti":{"x":1}}', $object],
    ['{"issuer":"main","jti":"a\u0000b"}', $object],
    ["{\"issuer\":\"main\",\"jti\":\"\xff\"}", $object],
    ["{'issuer':'main','jti':'x'}", $object],
    ['issuer=main&jti=x', $object],
    ['{"jti":"x",' . join(',', map { "\"a$_\":1" } 1 .. 20) . '}', $object],

    ['{}', $which], ['{"jti":"x"}', $which],
    (map { ["{\"issuer\":$_,\"jti\":\"x\"}", $which] }
     '"Main"', '"none"', '""', '"mainx"', '"mai"', 'null', '1', 'true',
     '"https://issuer.test/"'),

    ['{"issuer":"main"}', $names],
    ['{"issuer":"main","jti":"x","subject":"y"}', $names],
    ['{"issuer":"main","jti":"x","all":true}', $names],
    ['{"issuer":"main","jti":"x","all":false}', $names],
    ['{"issuer":"main","jti":"x","session":null}', $names],
    ['{"issuer":"main","jti":"x","reason":"y"}', $names],
    ['{"issuer":"main","jti":"x","Before":1}', $names],
    ['{"issuer":"main","sub":"x"}', $names],
    ['{"issuer":"main","sid":"x"}', $names],
    ['{"issuer":"main","Jti":"x"}', $names],
    ['{"issuer":"main","":"x"}', $names],
    ['{"issuer":"main","before":1}', $names],

    (map { my $kind = $_;
           map { ["{\"issuer\":\"main\",\"$kind\":$_}", $text] }
           '""', '1', 'true', 'null', '1.5' } qw(jti session subject token)),
    (map { ["{\"issuer\":\"main\",\"all\":$_}", '"all" has to be true'] }
     'false', 'null', '1', '"true"', '0', '""'),

    (map { ["{\"issuer\":\"main\",\"subject\":\"x\",\"before\":$_}", $before] }
     0, -1, 1.5, '"1"', 'null', 'true', $now + 660, '1e9', '1.0',
     9223372036854775807, '-9223372036854775808'),
    ['{"issuer":"main","subject":"x","before":9223372036854775808}', $object],
    (map { ["{\"issuer\":\"main\",\"subject\":\"x\",\"until\":$_}", $until] }
     0, -1, 1.5, "\"$now\"", 'null', 'true', 1, $now - 1, '4e9'),
    (map { ["{\"issuer\":\"main\",\"$_\":\"x\",\"before\":1}",
            '"before" goes with "subject" and "all" alone'] }
     qw(jti session)),
    [{ issuer => 'main', token => main(), before => 1 },
     '"before" goes with "subject" and "all" alone'],

    (map { [{ issuer => 'main', token => $_ }, '"token" has to be a token'] }
     'x', 'a.b', 'a.b.c', main() . '.x', ' ' . main(), main() . "\n",
     'Bearer ' . main(), main() =~ s/\..*//r),
    [{ issuer => 'main', token => 'x' x 8193 },
     '"token" is longer than a token can be'],
    (map { [{ issuer => 'main', token => $_ },
            '"token" is not one of this issuer'] }
     elses(), token($key{m}, claims => { iss => 'https://issuer.test' }),
     token($key{m}, claims => { iss => 'https://issues.test/' }),
     token($key{m}, claims => { iss => undef }),
     token($key{m}, claims => { iss => ['https://issuer.test/'] }),
     token($key{m}, claims => '[]')),
) {
    my ($body, $hint) = @$_;
    my $got = post('/revoke', $body);
    my $name = substr ref $body ? json($body) : $body, 0, 60;
    $name =~ s/[^ -~]/?/g;
    is(code($got) . ' ' . $s->field($got, 'X-Decision'),
       '400 refused|auth|bad_revocation', "400: $name");
    my ($detail) = body($got) =~ /"detail":"((?:[^"\\]|\\.)*)"/;
    is($detail =~ s/\\"/"/gr, $hint, "400: $name: says why");
}
{
    my $got = post('/revoke', '{"issuer":"main"}');
    is($s->field($got, 'Content-Type'), 'application/problem+json',
       '400: problem details');
    like(body($got), qr/"title":"Bad Request","status":400,.*"layer":"auth","code":"bad_revocation"\}\r\n\z/,
         '400: the document');
}
is(in_force(), $count, '400: nothing was revoked by any of them');
is(everywhere(main(jti => 'x', sub => 'x', sid => 'x')), $in,
   '400: nor this');


# Who may, and how.

my $never = { issuer => 'main', subject => 'never' };
my $target = main(sub => 'never');
my $user = main(sub => 'user');

# not NAME, STATUS, CODE, RESPONSE: it was refused.

sub not_so {
    my ($name, $status, $why, $got) = @_;
    is(code($got), $status, "$name: $status");
    like(body($got), qr/"status":$status,.*"code":"$why"/, "$name: $why")
        if $why;
    is(everywhere($target), $in, "$name: nothing is revoked");
    return $got;
}

not_so('nobody', 401, 'no_credential',
       $s->ask('POST', '/revoke', json($never), @json));
not_so('a user', 403, 'forbidden', post('/revoke', $never, bearer($user)));
not_so('a user who wants to', 403, 'forbidden',
       post('/revoke', $never, bearer(main(sub => 'x', roles => ['admin'],
            tier => 'admin', admin => JSON::PP::true))));
not_so('the name of one, of another issuer', 403, 'forbidden',
       post('/revoke', $never, bearer(elses(sub => 'root',
                                            iat => time + 25))));
not_so('that issuer where it is not asked', 401, 'invalid_token',
       post('/only', $never, bearer(elses(sub => 'root', iat => time + 25))));
not_so('an address that is not verified', 403, 'forbidden',
       post('/revoke', $never, bearer(main(email => 'chief@example.com'))));
not_so('an expired one', 401, 'invalid_token',
       post('/revoke', $never, bearer(main(sub => 'root', iat => time - 900,
                                           exp => time - 300))));
not_so('a changed one', 401, 'invalid_token',
       post('/revoke', $never, bearer($root . 'A')));
not_so('a user, by GET', 403, 'forbidden',
       $s->get('/revoke', bearer($user)));

not_so('a user in a dry run of require', 403, 'forbidden',
       post('/dry-require', $never, bearer($user)));
not_so('a user in a dry run of auth', 403, 'forbidden',
       post('/dry-auth', $never, bearer($user)));
not_so('nobody in a dry run of auth', 403, 'forbidden',
       $s->ask('POST', '/dry-auth', json($never), @json));
not_so('a bad token in a dry run of auth', 403, 'forbidden',
       post('/dry-auth', $never, bearer('x.y.z')));
not_so('a preflight', 403, 'forbidden',
       $s->ask('OPTIONS', '/preflight', json($never), @json,
               'Origin: http://localhost',
               'Access-Control-Request-Method: POST'));

for my $method (qw(GET PUT DELETE PATCH OPTIONS PROPFIND)) {
    my $got = not_so($method, 405, 'method_not_allowed',
                     $s->ask($method, '/revoke', json($never), @json,
                             bearer($root)));
    is($s->field($got, 'Allow'), 'POST', "$method: what is allowed");
}
is(code($s->ask('HEAD', '/revoke', undef, bearer($root))), 405, 'HEAD: 405');
is(everywhere($target), $in, 'HEAD: nothing is revoked');

not_so("Content-Type: $_", 415, 'unsupported_media_type',
       $s->ask('POST', '/revoke', json($never), bearer($root),
               length ? "Content-Type: $_" : ()))
    for '', 'text/plain', 'application/x-www-form-urlencoded',
        'multipart/form-data; boundary=x', 'application/jsonp', 'json',
        'application/problem+json', 'application/json-patch+json',
        'text/plain; application/json', 'application/json,text/plain';

# cookies

my @cookie = "Cookie: session=$root";

not_so("a cookie $_->[0]", 403, 'cross_site',
       post('/revoke', $never, @cookie, @{$_->[1]})) for (
    ['without a proof', []],
    ['from another site', ['Sec-Fetch-Site: cross-site']],
    ['from the same site', ['Sec-Fetch-Site: same-site']],
    ['of another origin', ['Origin: https://evil.example.com']],
    ['of a page without', ['Origin: null']],
    ['of another port', ['Origin: http://localhost:81']],
    ['with two origins', ['Origin: http://localhost',
                          'Origin: http://localhost']],
    ['from another site, of this origin', ['Sec-Fetch-Site: cross-site',
                                           'Origin: http://localhost']],
);
not_so('a user\'s cookie of this origin', 403, 'forbidden',
       post('/revoke', $never, "Cookie: session=$user",
            'Sec-Fetch-Site: same-origin'));

# a token in the header, from a page

not_so("a token $_->[0]", 403, 'cross_site',
       post('/revoke', $never, @{$_->[1]})) for (
    ['from another site', ['Sec-Fetch-Site: cross-site']],
    ['from the same site', ['Sec-Fetch-Site: same-site']],
    ['of another origin', ['Origin: https://evil.example.com']],
    ['of a page without', ['Origin: null']],
    ['from another site, of this origin', ['Sec-Fetch-Site: cross-site',
                                           'Origin: http://localhost']],
    ['of an origin that is listed elsewhere',
     ['Origin: https://admin.example.com']],
);
not_so('a token of an origin that is not listed', 403, 'cross_site',
       post('/from', $never, 'Origin: https://evil.example.com'));

# by the back door

not_so('a redirect, nobody', 401, 'no_credential',
       $s->ask('POST', '/led', json($never), @json));
not_so('a redirect, a user', 403, 'forbidden',
       post('/led', $never, bearer($user)));
not_so('an error page', 405, '', post('/lost', $never));
not_so('an error page, a user', 403, 'forbidden',
       $s->get('/lost', bearer($user)));
not_so('a named location, a user', 403, 'forbidden',
       post('/post', $never, bearer($user)));
$app->answer(fields => ['X-Accel-Redirect: /revoke'], body => json($never));
not_so('an application that sends an administrator there', 405, '',
       post('/sent', $never));
not_so('an application that sends a user there', 403, 'forbidden',
       post('/sent', $never, bearer($user)));
not_so('a subrequest', 403, '', post('/part', $never));

is(in_force(), $count, 'nothing was revoked by any of them');

# with pages of one's own, before and after the body was read

for (['403', $s->ask('POST', '/paged', json($never), bearer($user), @json)],
     ['405', $s->ask('GET', '/paged', undef, bearer($root))],
     ['405', $s->ask('PUT', '/paged', json($never), bearer($root), @json)],
     ['415', $s->ask('POST', '/paged', json($never), bearer($root))],
     ['400', post('/paged', '{')])
{
    my ($status, $got) = @$_;
    is(code($got) . ' ' . body($got), "$status content\n",
       "a page of one's own: $status");
}
$app->answer(body => 'of the application');
is(body(post('/paged', ' ' x 16385)), 'of the application',
   'an application instead of a page: 413');
is(body(chunked('/paged', (' ' x 1000) x 17)), 'of the application',
   'an application instead of a page: 413, in chunks');
is(code(chunked('/max', (' ' x 1000) x 2)), 413,
   'nginx\'s own limit, in chunks');
is(everywhere($target), $in, 'and nothing is revoked');

# and how it is done

sub done {
    my ($name, $path, @fields) = @_;
    my $token = main();
    is(everywhere($token), $in, "$name: before");
    my $got = post($path, { issuer => 'main', subject => "sub-$serial" },
                   @fields);
    is(code($got), 200, "$name: 200");
    is(everywhere($token), $gone, "$name: after");
}

done('by e-mail', '/revoke',
     bearer(main(sub => 'y', email => 'Chief@Example.COM',
                 email_verified => JSON::PP::true)));
done('a cookie, from here', '/revoke', @cookie, 'Sec-Fetch-Site: same-origin');
done('a cookie, typed in', '/revoke', @cookie, 'Sec-Fetch-Site: none');
done('a cookie, of this origin', '/revoke', @cookie,
     'Origin: http://localhost');
done('a cookie, of a listed origin', '/from', @cookie,
     'Origin: https://admin.example.com', 'Sec-Fetch-Site: same-site');
done('a token, from here', '/revoke', 'Sec-Fetch-Site: same-origin');
done('a token, of this origin', '/revoke', 'Origin: http://localhost');
done('a token, of a listed origin', '/from',
     'Origin: https://admin.example.com', 'Sec-Fetch-Site: same-site');
done('a dry run of auth', '/dry-auth');
done('a dry run of require', '/dry-require');
done('one issuer alone', '/only');
done('a redirect', '/led');
done('a named location', '/post');
done('a body in a file', '/file');

for my $type ('application/json; charset=utf-8', 'Application/JSON',
              'application/json;x', 'application/json ;x')
{
    my $token = main(jti => "type-$type");
    is(code($s->ask('POST', '/revoke',
                    json({ issuer => 'main', jti => "type-$type" }),
                    bearer($root), "Content-Type: $type")), 200,
       "Content-Type: $type");
    is(everywhere($token), $gone, "Content-Type: $type: revoked");
}

# a name that JSON writes in another way

for (["\xc3\xa4", '"\\u00e4"'], ['a/b', '"a\\/b"'], ['"', '"\\""'],
     ['s' x 255, '"' . 's' x 255 . '"'])
{
    my ($subject, $written) = @$_;
    utf8::decode($subject);
    my $token = main(sub => $subject);
    is(everywhere($token), $in, 'written in another way: before');
    is(code(post('/revoke', "{\"issuer\":\"main\",\"subject\":$written}")),
       200, 'written in another way: 200');
    is(everywhere($token), $gone, 'written in another way: after');
}


# The body's length.

sub padded {
    my ($jti, $length) = @_;
    my $body = json({ issuer => 'main', jti => $jti });
    return $body . ' ' x ($length - length $body);
}

sub chunked {
    my ($path, @parts) = @_;
    my $c = $s->socket or return '';
    print $c join "\r\n", "POST $path HTTP/1.1", 'Host: localhost',
             'Connection: close', @json, bearer($root),
             'Transfer-Encoding: chunked', '', '';
    for my $part (@parts, '') {
        print $c sprintf("%x\r\n", length $part), $part, "\r\n";
        sleep 0.002 if @parts < 50;
    }
    return $s->receive($c);
}

$count = in_force();

for my $path (qw(/revoke /small /file)) {
    is(code(post($path, padded("long$path", 16384))), 200, "$path: 16384");
    is(everywhere(main(jti => "long$path")), $gone, "$path: and revoked");
    my $got = post($path, padded("longer$path", 16385));
    is(code($got), 413, "$path: 16385");
    like(body($got), qr/"code":"too_large"/, "$path: says why");
    is(everywhere(main(jti => "longer$path")), $in, "$path: nothing revoked");

    is(code(chunked($path, unpack '(a1000)*', padded("chunks$path", 16384))),
       200, "$path: 16384 in chunks");
    is(everywhere(main(jti => "chunks$path")), $gone,
       "$path: chunks, and revoked");
    is(code(chunked($path, unpack '(a10)*', padded("bits$path", 400))), 200,
       "$path: in bits");
    is(everywhere(main(jti => "bits$path")), $gone, "$path: bits, revoked");
    $got = chunked($path, unpack '(a1000)*', padded("more$path", 16385));
    is(code($got), 413, "$path: 16385 in chunks");
    like(body($got), qr/"code":"too_large"/, "$path: chunks: says why");
    is(code(chunked($path, unpack '(a9000)*', padded("huge$path", 200_000))),
       413, "$path: 200,000 in chunks");
    is(everywhere(main(jti => "$_$path")), $in, "$path: $_: nothing revoked")
        for qw(more huge);
}
is(code(post('/max', padded('max', 1025))), 413, 'nginx\'s own limit');
is(code(post('/max', padded('max', 1024))), 200, 'and what it allows');
is(in_force(), $count + 10, 'as many as were taken');

{
    my $got = post('/revoke', padded('expect', 16385),
                   'Expect: 100-continue');
    is(code($got), 413, 'nobody is asked to send what is too long');

    my $c = $s->socket;
    print $c join "\r\n", 'POST /revoke HTTP/1.1', 'Host: localhost',
             bearer($root), @json, 'Expect: 100-continue',
             'Content-Length: 40', '', '';
    like(scalar readline $c, qr{^HTTP/1.1 100 }, 'who may send is asked to');
    close $c;
}

# one connection: a revocation, and then requests

{
    my $token = main(jti => 'kept');
    my $body = json({ issuer => 'main', jti => 'kept' });
    my $c = $s->socket;
    my $get = join "\r\n", 'GET /t HTTP/1.1', 'Host: localhost',
              bearer($token), '', '';
    my $post = join "\r\n", 'POST /revoke HTTP/1.1', 'Host: localhost',
               bearer($root), @json, 'Content-Length: ' . length $body, '',
               $body;
    print $c $get, $post, $get, $post =~ s/POST/PUT/r,
             $get =~ s/Host/Connection: close\r\nHost/r;
    my $all = $s->receive($c);
    is(join(' ', $all =~ m{^HTTP/1.1 (\d+)}mg), '200 200 401 405 401',
       'on one connection, in order');
}

# a client that does not wait, and one that leaves in the middle

{
    my $token = main(jti => 'left');
    my $body = json({ issuer => 'main', jti => 'left' });
    my $c = $s->socket;
    print $c join("\r\n", 'POST /revoke HTTP/1.1', 'Host: localhost',
             bearer($root), @json, 'Content-Length: ' . length $body, '',
             $body);
    close $c;
    ok($s->until(sub { everywhere($token) eq $gone }),
       'a client that has left: it is revoked');

    for my $n (1 .. length($body) - 1) {
        my $c = $s->socket;
        print $c join("\r\n", 'POST /revoke HTTP/1.1', 'Host: localhost',
                 bearer($root), @json, 'Content-Length: ' . length $body, '',
                 substr($body, 0, $n) =~ s/left/half/r);
        close $c;
    }
    is(everywhere(main(jti => 'half')), $in,
       'a client that leaves in the middle: nothing is');
}


# Under load: not one request that begins after the answer passes.

{
    my @tokens = map { main(sub => "load-$_", jti => "load-$_",
                            sid => "load-$_") } 0 .. 15;
    my @body = map { my $n = $_;
        my $kind = (qw(jti subject session token))[$n % 4];
        { issuer => 'main',
          $kind => $kind eq 'token' ? $tokens[$n] : "load-$n" } } 0 .. 15;

    is(everywhere($_), $in, 'load: known to all') for @tokens;

    my @children = map {
        pipe my $read, my $write or die "pipe: $!\n";
        my $pid = fork // die "fork: $!\n";
        if ($pid == 0) {
            my ($stop, $n, $wrong) = (0, 0, 0);
            my (@last, @first);
            local $SIG{TERM} = sub { $stop = 1 };
            until ($stop) {
                my $i = $n++ % @tokens;
                my $at = time;
                my $status = code($s->get('/t', bearer($tokens[$i])));
                if ($status == 200) { $last[$i] = $at }
                elsif ($status == 401) { $first[$i] //= time }
                else { $wrong++ }
            }
            syswrite $write, join(' ', $n, $wrong, map {
                $last[$_] // 0, $first[$_] // 0 } 0 .. $#tokens) . "\n";
            POSIX::_exit(0);
        }
        close $write;
        { pid => $pid, out => $read };
    } 1 .. 3;

    sleep 0.3;
    my (@sent, @answered);

    for my $i (0 .. $#tokens) {
        $sent[$i] = time;
        is(code(post('/revoke', $body[$i])), 200, "load: revocation $i");
        $answered[$i] = time;
        sleep 0.08;
    }

    sleep 1;
    my (@late, @early);
    my $requests = 0;
    my $unknown = 0;

    for my $child (@children) {
        kill 'TERM', $child->{pid};
        my ($n, $wrong, @times) = split ' ', readline $child->{out};
        waitpid $child->{pid}, 0;
        $requests += $n;
        $unknown += $wrong;
        for my $i (0 .. $#tokens) {
            my ($last, $first) = @times[2 * $i, 2 * $i + 1];
            push @late, $i if $last > $answered[$i];
            push @early, $i if $first && $first < $sent[$i];
        }
    }

    cmp_ok($requests, '>', 100, "load: $requests requests");
    is($unknown, 0, 'load: all are answered');
    is("@late", '', 'load: none passes that begins after the answer');
    is("@early", '', 'load: none is refused before the question');
    is(everywhere($_), $gone, 'load: and all are gone') for @tokens;
}


# Over a reload, by another name of the issuer, and over a restart.

{
    my @revoked = (main(jti => 'one'), main(sid => 's1'),
                   main(sub => 'bob', iat => $started - 60),
                   main(sub => 'load-1', iat => $started),
                   elses(iat => $started));
    my $free = main();
    my $cached = main(jti => 'later');
    my $count = in_force();

    is(everywhere($cached), $in, 'reload: a token that is known before');
    ok($s->reload(configured('main')), 'reload');
    is(everywhere($_), $gone, 'reload: what was revoked') for @revoked;
    is(everywhere($_), $in, 'reload: what was not') for $free, $cached;
    is(in_force(), $count, 'reload: as many');
    is(code(post('/revoke', { issuer => 'main', jti => 'later' })), 200,
       'reload: one more');
    is(everywhere($cached), $gone, 'reload: is revoked');

    ok($s->reload(configured('renamed')), 'another name of the issuer');
    is(everywhere($_), $gone, 'another name: what was revoked')
        for @revoked, $cached;
    is(everywhere($free), $in, 'another name: what was not');
    is(code(post('/revoke', { issuer => 'main', jti => 'x' })), 400,
       'another name: the old one is unknown');

    $s->stop;
    $s->start(configured('main'));
    is(everywhere($_), $gone, 'restart: what was revoked')
        for @revoked, $cached;
    is(everywhere($free), $in, 'restart: what was not');
    is(code(post('/revoke', { issuer => 'main', jti => 'last' })), 200,
       'restart: one more');
    is(everywhere(main(jti => 'last')), $gone, 'restart: is revoked');
}


# The log says that it was done, and of whom in the access log alone.

$s->logged(qr/\[notice\] .*kairo auth: revoked a "$_" of issuer "main"/,
           "the log: $_") for qw(jti token session subject);
$s->logged(qr/\[notice\] .*kairo auth: revoked a "issuer" of issuer "other"/,
           'the log: all');
$s->not_logged(qr/sub-\d|jti-\d|\bann\b|\bbob\b|mallet|never|load-\d|chief|\broot\b(?!.*html)|eyJ|"s1"/i,
               'the log: nobody\'s name');
{
    my $log = $s->log('line.log');
    ok($log =~ m{^GET /t 401 \[refused auth invalid_token\] \[revoked\]$}m,
       'the access log: a revoked token');
    ok($log =~ m{^POST /revoke 400 \[refused auth bad_revocation\] \[-\]$}m,
       'the access log: a bad revocation');
    ok($log =~ m{^POST /revoke 200 \[passed - -\] \[-\]$}m,
       'the access log: a good one');
    open my $in, '<', "$s->{dir}/revoked";
    my $kept = do { local $/; <$in> };
    unlike($kept, qr/sub-\d|jti-|ann|bob|mallet|load|root|main|issuer\.test/,
           'the file: nobody\'s name');
    is((stat "$s->{dir}/revoked")[2] & 07777, 0600, 'the file: for root alone');
}

$s->finish;


# One issuer, whose name can be left out; a token that was known before there
# was any kairo_revocations; no room; and a file that can't be written.

{
    my $s2 = Kairo::Server->new;
    my $http = "%s$main kairo_admins root;\n" . <<'END';
    server {
        listen 127.0.0.1:%%%%PORT%%%%;
        root html;
        kairo_auth required issuer=main;
        add_header X-Reason "$kairo_auth_reason" always;
        location = /up { kairo_auth off; return 200 up; }
        location = /metrics { kairo_auth off; kairo_metrics; }
        location = /t { }
        %s
    }
END
    $s2->file('m.key', 'm' x 32);
    $s2->file('html/t', 'content');
    $s2->start(sprintf $http, '', '');

    my @known = map { main(sub => $_, jti => $_, sid => $_) } 'a' .. 'd';
    is($s2->status('/t', bearer($_)), 200, 'known before') for @known, @known;

    ok($s2->reload(sprintf $http, "kairo_revocations revoked size=64k;\n",
                   'location = /revoke { kairo_revoke; }'),
       'a reload with kairo_revocations');
    is($s2->status('/t', bearer($_)), 200, 'known before, after') for @known;

    my $put = sub {
        return $s2->ask('POST', '/revoke', json($_[0]), @json, bearer($root));
    };

    is(body($put->({ jti => 'a' })) =~ s/\d+/N/r,
       qq({"revoked":"jti","issuer":"main","until":N}\r\n),
       'one issuer need not be named');
    $put->({ subject => 'b' });
    $put->({ session => 'c' });
    $put->({ token => $known[3] });
    is($s2->status('/t', bearer($_)), 401, 'known before, and revoked')
        for @known;

    # another claim names the session, of a token that is known

    my $device = main(sid => 's9', device => 'd9');
    is($s2->status('/t', bearer($device)), 200, 'another session claim');
    ok($s2->reload(sprintf $http =~ s/max_lifetime/session device; $&/r,
                   "kairo_revocations revoked size=64k;\n",
                   'location = /revoke { kairo_revoke; }'),
       'another session claim: a reload');
    is($s2->status('/t', bearer($device)), 200,
       'another session claim: known still');
    is(code($put->({ session => 'd9' })), 200,
       'another session claim: revoked by it');
    is($s2->status('/t', bearer($device)), 401, 'another session claim: gone');

    # no room

    my ($room) = $s2->get('/metrics') =~ /state="room"\} (\d+)/;
    my $n = 5;
    my $got = '';
    $n++ while $n < 5000 && code($got = $put->({ jti => "n$n" })) == 200;
    is($n, $room, 'as many as there is room for');
    is(code($got), 507, 'and no more');
    like(body($got), qr/"status":507,.*"code":"full"\}/, '507: says why');
    is($s2->status('/t', bearer(main(jti => "n$n"))), 200,
       '507: nothing was revoked');
    is($s2->status('/t', bearer($known[0])), 401, '507: nothing is forgotten');
    $s2->logged(qr/\[alert\] .*kairo auth: no room for one more revocation/,
                '507: the log tells');
    is(code($put->({ jti => 'n6' })), 200,
       'what is revoked already needs no room');

    # it can't be written

    $s2->{expected} = qr/no room for one more|was removed|kairo revocations/;
    unlink "$s2->{dir}/revoked";
    $got = $put->({ jti => 'n7' });
    is(code($got), 503, 'a file that was removed');
    like(body($got), qr/"status":503,.*"code":"not_kept"\}/, '503: says why');
    is($s2->status('/t', bearer(main(jti => 'n7'))), 401,
       '503: it is in force');
    $s2->not_logged(qr/eyJ|\bn\d/, 'no name in the log');
    $s2->finish;
}

done_testing();
