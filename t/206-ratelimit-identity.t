# Limits of who somebody is: judged after auth, by what auth has found.

use strict;
use warnings;

use lib 't/lib';
use Kairo::Provider;
use Kairo::Server;
use Kairo::Token qw(key token jwks);
use Test::More;
use Time::HiRes qw(time);

my $key = key('p256');
my $elses = key('p256', 2);
my $app = Kairo::Provider->new->answer(echo => 1);
my $provider = Kairo::Provider->new->answer(body => jwks($key));
my $s = Kairo::Server->new;

$s->file('main.jwks', jwks($key));
$s->file('other.jwks', jwks($elses));
$s->file('html/t', 'content');

my $issuers = <<END;
    kairo_issuer main { issuer https://issuer.test/; audience api;
                        algs ES256; keys file=main.jwks check=1h;
                        tier tier; roles roles;
                        email email verified=always; }
    kairo_issuer other { issuer https://other.test/; audience api;
                         algs ES256; keys file=other.jwks check=1h; }
    kairo_issuer away { issuer https://away.test/; audience api;
                        algs ES256; keys location=/_keys; }
END

# Each zone by a name, and the key or the rate that makes it one of identity.

my %implied = (
    user    => '$kairo_user rate=1r/h',
    braces  => '${kairo_user} rate=1r/h',
    mixed   => 'x${kairo_client}-$kairo_user rate=1r/h',
    letters => '$Kairo_User rate=1r/h',
    subject => '$kairo_subject rate=1r/h',
    email   => '$kairo_email rate=1r/h',
    roles   => '$kairo_roles rate=1r/h',
    tier    => '$kairo_tier rate=1r/h',
    issuer  => '$kairo_issuer rate=1r/h',
    claim   => '$kairo_claim_org rate=1r/h',
    rate    => '$arg_k rate=$kairo_claim_rate default=1r/h',
);

$s->start(<<END);
    $issuers
    map \$kairo_user \$mapped { default \$kairo_user; "" ""; }
    map \$kairo_tier \$plan { volatile; pro 3r/h; default 1r/h; }
    @{[map { my ($k, $rate) = split / /, $implied{$_}, 2;
             "kairo_ratelimit_zone $k zone=$_:64k $rate;\n" }
       sort keys %implied]}
    kairo_ratelimit_zone \$mapped zone=mapped:64k rate=1r/h;
    kairo_ratelimit_zone \$kairo_user zone=plan:64k rate=\$plan;
    kairo_ratelimit_zone \$arg_k zone=early:64k rate=1r/h;
    kairo_ratelimit_zone \$kairo_user zone=late:64k rate=1r/h;
    kairo_ratelimit_zone \$arg_k zone=burst:64k rate=1r/h;
    kairo_ratelimit_zone \$arg_k zone=cost:64k rate=1r/h;
    kairo_ratelimit_zone \$kairo_user zone=slow:64k rate=4r/s;
    kairo_ratelimit_zone \$kairo_user zone=window:64k rate=2 window=1h;
    kairo_ratelimit_zone \$http_x_kairo_user\$kairo_user zone=spoof:64k
                         rate=1r/h;
    kairo_ratelimit_zone \$arg_k zone=pre:64k rate=1r/h;
    kairo_ratelimit_zone \$kairo_user\$arg_k zone=post:64k rate=1r/h;

    server {
        listen 127.0.0.1:%%PORT%%;
        root html;
        add_header X-User "\$kairo_user" always;
        add_header X-Limit \$kairo_ratelimit_status always;
        add_header X-Decision "\$kairo_decision" always;
        kairo_auth optional issuer=main issuer=other;

        location = /up { kairo_auth off; return 200 up; }
        location = /metrics { kairo_auth off; kairo_metrics; }
        location = /t { kairo_auth off; }
        @{[map { "location = /$_ { kairo_ratelimit zone=$_;
                  try_files /t =404; }\n" } sort(keys %implied),
           qw(plan window spoof)]}

        location = /mapped/early { kairo_ratelimit zone=mapped;
                                   try_files /t =404; }
        location = /mapped { kairo_ratelimit zone=mapped after=auth;
                             try_files /t =404; }
        location = /burst { kairo_ratelimit zone=burst nodelay
                                burst=\$kairo_claim_burst default=0;
                            try_files /t =404; }
        location = /cost { kairo_ratelimit zone=cost burst=5 nodelay
                               cost=\$kairo_claim_cost default=1;
                           try_files /t =404; }
        location = /required { kairo_auth required issuer=main;
                               kairo_ratelimit zone=late burst=1 nodelay;
                               try_files /t =404; }
        location = /early { kairo_auth required issuer=main;
                            kairo_ratelimit zone=early burst=1 nodelay;
                            try_files /t =404; }
        location = /after { kairo_auth required issuer=main;
                            kairo_ratelimit zone=early burst=1 nodelay
                                            after=auth;
                            try_files /t =404; }
        location = /two { kairo_auth required issuer=main;
                          kairo_ratelimit zone=pre burst=2 nodelay
                                          headers=draft,all;
                          kairo_ratelimit zone=post burst=1 nodelay
                                          headers=draft,all;
                          try_files /t =404; }
        location = /legacy { kairo_auth required issuer=main;
                             kairo_ratelimit zone=pre burst=9 nodelay
                                             headers=legacy,all;
                             kairo_ratelimit zone=post burst=1 nodelay
                                             headers=legacy,all;
                             try_files /t =404; }
        location = /slow { kairo_auth required issuer=main;
                           kairo_ratelimit zone=slow burst=5;
                           proxy_pass http://127.0.0.1:$app->{port}; }
        location = /preflight { kairo_auth required issuer=main;
                                kairo_preflight on;
                                kairo_ratelimit zone=pre burst=2 nodelay;
                                kairo_ratelimit zone=post burst=1 nodelay;
                                proxy_pass http://127.0.0.1:$app->{port}; }
        location = /dry { kairo_auth required issuer=main;
                          kairo_auth_dry_run on;
                          kairo_ratelimit zone=late burst=1 nodelay;
                          try_files /t =404; }
        location = /dry/limit { kairo_auth required issuer=main;
                                kairo_ratelimit zone=late burst=1 nodelay;
                                kairo_ratelimit_dry_run on;
                                try_files /t =404; }
        location = /off { kairo_auth off;
                          kairo_ratelimit zone=late burst=1 nodelay;
                          try_files /t =404; }
        location = /away { kairo_auth required issuer=away;
                           kairo_ratelimit zone=pre burst=2 nodelay;
                           kairo_ratelimit zone=post burst=2 nodelay;
                           try_files /t =404; }
        location = /led { kairo_ratelimit zone=post burst=1 nodelay;
                          try_files /none /led/to; }
        location = /led/to { kairo_auth required issuer=main;
                             kairo_ratelimit zone=post burst=1 nodelay;
                             try_files /t =404; }
        location = /led/free { kairo_auth off; try_files /none /led/to; }
        location = /_keys { internal;
                            proxy_pass http://127.0.0.1:$provider->{port}; }
    }
END

sub bearer { return "Authorization: Bearer $_[0]" }

# user NAME, CLAIM => VALUE...: the field of somebody, by another token each
# time.

my $tokens = 0;

sub user {
    my ($name, %claims) = @_;
    return bearer(token($key, claims => { sub => $name, jti => ++$tokens,
                                          %claims }));
}

sub stranger {
    my ($name) = @_;
    return bearer(token($elses, claims => { iss => 'https://other.test/',
                                            sub => $name }));
}

sub answers {
    my ($want, $name, @requests) = @_;
    my @got = map { $s->status(@$_) } @requests;
    is("@got", $want, $name);
}

sub metrics {
    my %n;
    for (split /\n/, $s->get('/metrics')) {
        $n{$1}{$2} = $3
            if /^kairo_ratelimit_requests_total\{zone="(\w+)",result="(\w+)"\}
                \ (\d+)/x;
    }
    return \%n;
}


# What names who it is, is judged after auth: by its key, its rate, its cost.

my %claim = (user => [], braces => [], mixed => [], letters => [],
             subject => [], issuer => [], email => [email => 'a@b.test'],
             roles => [roles => ['r']], tier => [tier => 'pro'],
             claim => [org => 'acme']);

for my $zone (sort keys %claim) {
    my @claims = @{$claim{$zone}};
    answers('200 429', "by $zone",
            map { ["/$zone", user('alice', @claims)] } 1 .. 2);
    answers('200 200 200', "by $zone: nobody is not limited",
            (["/$zone"]) x 3) unless $zone eq 'mixed';
}
answers('200 429', 'by more than who it is: nobody is limited too',
        (['/mixed']) x 2);
answers('200 429', 'a rate by default', (['/rate?k=x']) x 2);
answers('200 429', 'a rate of a claim', map { ['/rate?k=x',
        user('alice', rate => '9r/h')] } 1 .. 2);
answers('200 200 200 429', 'a burst of a claim', map { ['/burst?k=x',
        user('alice', burst => 2)] } 1 .. 4);
answers('200 429', 'a burst by default', (['/burst?k=y']) x 2);
answers('200 200 429', 'a cost of a claim', map { ['/cost?k=x',
        user('alice', cost => 3)] } 1 .. 3);
answers('200 200 200 200 200 200 429', 'a cost by default',
        (['/cost?k=y']) x 7);

# one that comes by way of a map is seen where it is said

answers('200 200 200', 'a map, early: nobody is known yet',
        map { ['/mapped/early', user('alice')] } 1 .. 3);
answers('200 429', 'a map, after auth',
        map { ['/mapped', user('alice')] } 1 .. 2);
answers('200 200', 'a map, after auth: nobody', (['/mapped']) x 2);

# a tier of its own rate, from the next token on

answers('200 429', 'one plan', map { ['/plan', user('alice')] } 1 .. 2);
answers('200 429', 'another plan: a bucket of its own',
        map { ['/plan', user('alice', tier => 'pro')] } 1 .. 2);
answers('200 200 429', 'a window', map { ['/window', user('alice')] } 1 .. 3);

# who is who

answers('200 200 429 429', 'users have buckets of their own',
        map { ['/required', user($_)] } qw(bob bob bob bob));
answers('200 200 429', 'whoever has used his', map { ['/required', user($_)] }
        qw(carol carol carol));
answers('200 200 429 429', 'users of two issuers do not meet',
        ['/subject', user('dave')], ['/user', stranger('dave')],
        ['/user', stranger('dave')], ['/subject', stranger('dave')]);
answers('200 429', 'but by a key that says so they do',
        ['/subject', user('erin')], ['/subject', stranger('erin')]);
answers('200 200 429', 'a name with a colon is not another\'s',
        ['/user', user('other:frank')], ['/user', stranger('frank')],
        ['/user', user('other:frank')]);
answers('200 429', 'what a client says he is changes nothing',
        ['/spoof', user('grace'), 'X-Kairo-User: a', 'X_Kairo_User: b'],
        ['/spoof', user('grace'), 'X-Kairo-User: c', 'X-KAIRO-USER: d']);
answers('200 200 200', 'nor does it limit who is nobody',
        map { ['/spoof', 'X-Kairo-User: main:grace'] } 1 .. 3);


# Before and after: who pays for a bad token.

{
    my $before = metrics()->{late} // {};
    answers('401 401 401 401', 'bad tokens of somebody', map { ['/required',
            user('heidi', exp => 1)] } 1 .. 4);
    is(metrics()->{late}{passed} // 0, $before->{passed} // 0,
       'are nothing to his limit');
    answers('200 200 429', 'which he has for himself',
            map { ['/required', user('heidi')] } 1 .. 3);
}
answers('401 401 429 429', 'a limit before auth: a flood costs no signature',
        (['/early?k=flood', bearer('x')]) x 4);
answers('401 401 401 200 200 429', 'after=auth: who is refused is not limited',
        (['/after?k=after', bearer('x')]) x 3,
        (['/after?k=after', user('ivan')]) x 3);

# two steps: each charges what passes it

{
    my @two = map { $s->get('/two?k=two', user('judy')) } 1 .. 4;
    is(join(' ', map { m{^HTTP/1.1 (\d+)} } @two), '200 200 429 429',
       'two steps');
    is(join(' ', map { $s->field($_, 'RateLimit') =~ /"(\w+)"/g } @two[2, 3]),
       'post pre', 'the second has refused, then the first');
    is($s->field($two[2], 'RateLimit-Policy'), '"post";q=2;w=7200',
       'a refusal tells of its own step');
    is(join(' ', ($s->field($two[0], 'RateLimit-Policy') // '')
                 =~ /"(\w+)";q=\d/g), 'pre post',
       'who passes is told of both');
    is(join(' ', ($s->field($two[1], 'RateLimit') // '')
                 =~ /"(\w+)";r=(\d+)/g), 'pre 1 post 0',
       'and of what is left of them');
    like($s->field($two[2], 'Retry-After'), qr/^3[56]\d\d$/,
         'when to come back');

    my $bad = $s->get('/two?k=bad', bearer('x'));
    like($bad, qr{^HTTP/1.1 401}, 'a bad token has passed the first step');
    is($s->field($bad, 'RateLimit'), undef, 'and is told of no limit');
    is($s->field($bad, 'X-Limit'), 'PASSED', 'though it was charged');
    is($s->field($two[2], 'X-Limit'), 'REJECTED', 'the later one counts');
}

{
    my @got = map { $s->get('/legacy?k=legacy', user('lars')) } 1 .. 3;
    is(join(' ', map { $s->field($_, 'X-RateLimit-Remaining') } @got),
       '1 0 0', 'the older fields tell of the one that leaves the least');
    is(join(' ', map { $s->field($_, 'X-RateLimit-Limit') } @got),
       '2 2 2', 'and of it alone');
}

# metrics have one line for each layer and decision, of both steps together

{
    my $text = $s->get('/metrics');
    my %lines;
    $lines{$1}++ while $text =~ /^(kairo_decisions_total\{.*\}) /mg;
    is(join(' ', grep { $lines{$_} != 1 } sort keys %lines), '',
       'one line for each layer and decision');
    my $sum = sub {
        my ($decision, $from) = @_;
        my ($n) = $from =~ /layer="ratelimit",decision="$decision"\} (\d+)/;
        return $n;
    };
    $s->get('/two?k=sum', user('kate')) for 1 .. 3;
    my $now = $s->get('/metrics');
    is($sum->('passed', $now) - $sum->('passed', $text), 5,
       'both steps are in it');
    is($sum->('refused', $now) - $sum->('refused', $text), 1,
       'a refusal is one');
    my $json = $s->get('/metrics?format=json');
    my @twice = $json =~ /"layer":"ratelimit","decision":"passed"/g;
    is(scalar @twice, 1, 'in JSON too');
}


# A preflight is charged nothing, in either step.

my @pre = ('Origin: https://x.test', 'Access-Control-Request-Method: GET');
my $ask = sub {
    my ($method, @fields) = @_;
    my ($status) = $s->ask($method, '/preflight?k=pre', undef, @fields)
                   =~ m{^HTTP/1.1 (\d+)};
    return $status;
};
is(join(' ', map { $ask->('OPTIONS', @pre) } 1 .. 8), '200 ' x 7 . '200',
   'preflights pass');
is(join(' ', map { $ask->('OPTIONS', @pre, user('leo')) } 1 .. 8),
   '200 ' x 7 . '200', 'whatever they carry');
is(join(' ', map { $ask->('GET', user('leo')) } 1 .. 3), '200 200 429',
   'and have used nothing up');
is($ask->('OPTIONS', @pre), 429, 'where a limit is reached they are refused');
is($ask->('OPTIONS', user('leo')), 429, 'as is OPTIONS alone');


# Delays, dry runs, redirects, and keys that come late.

{
    my $begin = time;
    my @c = map { $s->send('/slow', user('mia')) } 1 .. 3;
    my @got = map { $s->receive($_) } @c;
    is(join(' ', map { m{^HTTP/1.1 (\d+)} } @got), '200 200 200', 'delayed');
    cmp_ok(time - $begin, '>', 0.45, 'by who it is');
    is(scalar(grep { /^X-Kairo-User: main:mia\r$/m } @got), 3,
       'who he still is afterwards');
    is(join(' ', sort map { $s->field($_, 'X-Limit') } @got),
       'DELAYED DELAYED PASSED', 'and is told so');
}

answers('200 200 200 200', 'a dry run of auth: nobody is limited',
        (['/dry', bearer('x')]) x 4);
answers('200 200 429', 'who is known is',
        map { ['/dry', user('nina')] } 1 .. 3);
answers('200 200 200', 'a dry run of the limit',
        map { ['/dry/limit', user('olga')] } 1 .. 3);
is($s->field($s->get('/dry/limit', user('olga')), 'X-Limit'),
   'REJECTED_DRY_RUN', 'tells what it would do');
answers('200 200 200', 'auth is off: nobody is limited',
        (['/off', user('pia')]) x 3);

answers('200 200 429', 'led on: charged once',
        map { ['/led?k=l', user('quinn')] } 1 .. 3);
answers('200 200 429', 'led on from where nobody is asked',
        map { ['/led/free?k=m', user('rosa')] } 1 .. 3);
answers('401 401 401', 'led on without a token',
        map { ['/led/free?k=n'] } 1 .. 3);

$provider->answer(body => jwks($key), delay => 0.3);
{
    my $token = bearer(token($key, claims => { iss => 'https://away.test/' }));
    my @c = map { $s->send('/away?k=away', $token) } 1 .. 4;
    is(join(' ', sort map { $s->receive($_) =~ m{^HTTP/1.1 (\d+)} } @c),
       '200 200 200 429', 'a request that waits for keys is charged once');
    is($provider->count, 1, 'which are fetched once');
}

$s->finish;


# Directives.

sub tells {
    my ($zone, $limit) = @_;
    $s->configure("$issuers kairo_ratelimit_zone $zone; server { listen "
                  . "127.0.0.1:%%PORT%%; location / { kairo_ratelimit "
                  . "$limit; } }");
    my $pid = open(my $out, '-|') // die "fork: $!\n";
    if ($pid == 0) {
        open STDERR, '>&', \*STDOUT;
        exec $s->command('-t', '-q') or die "exec: $!\n";
    }
    local $/;
    return <$out> // '';
}

my $zone = '$kairo_user zone=one:64k rate=1r/s';
is(tells($zone, "zone=one $_"), '', "after: $_")
    for 'after=auth', 'after=auth burst=5 nodelay headers=draft,all', '';
like(tells($zone, "zone=one $_"),
     qr/invalid parameter "$_", expected .*after=auth/, "after: $_")
    for qw(after= after=require after=AUTH before=auth after);

done_testing();
