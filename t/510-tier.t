# kairo_tier: what was sold holds from the next request on, in each worker and
# by whatever way a request comes; who nobody can vouch for is refused.

use strict;
use warnings;

use lib 't/lib';
use IO::Select;
use Kairo::Postgres;
use Kairo::Provider;
use Kairo::Server;
use Kairo::Token qw(secret token);
use Test::More;
use Time::HiRes qw(sleep time);

my $key = secret('m' x 32);
my $other = secret('o' x 32);
my $pg = Kairo::Postgres->new;
my $app = Kairo::Provider->new->answer(echo => 1);
my $accel = Kairo::Provider->new;
my $s = Kairo::Server->new(workers => 4);

my $uuid = qr/[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/;

$s->file('main.key', 'm' x 32);
$s->file('other.key', 'o' x 32);
$s->file('html/up.txt', 'up');

my $app_is = "proxy_pass http://127.0.0.1:$app->{port};";
my $static = 'try_files /up.txt =404;';

# Ways from one location to another; %s is where to.

my %way = (
    'error'  => 'error_page 404 = %s; try_files /none =404;',
    'try'    => 'try_files /none %s;',
    'named'  => 'error_page 404 = @%s; try_files /none =404;',
    'accel'  => "proxy_pass http://127.0.0.1:$accel->{port};",
);

my %to = (
    db    => 'kairo_tier postgres=main default=free;',
    token => 'kairo_tier token;',
    off   => 'kairo_auth off; kairo_tier token;',
);

sub ways {
    my $text = '';
    for my $to (sort keys %to) {
        $text .= "location = /to/$to { $to{$to} $app_is }\n"
               . "location \@/to/$to { $to{$to} $app_is }\n";
        for my $from (sort keys %to) {
            for my $way (sort keys %way) {
                $text .= "location = /from/$from/$way/$to { $to{$from} "
                       . $way{$way} =~ s{%s}{/to/$to}r . " }\n";
            }
        }
    }
    return $text;
}

# http DATABASE, TEXT: the configuration, where DATABASE is what
# "kairo_postgres main" has behind it, and TEXT stands in http too.

sub issuers {
    return join '', map { <<END } 'main', 'other';
    kairo_issuer $_ {
        issuer https://$_.test/; audience api; algs HS256;
        keys secret=file:$_.key; tier tier;
    }
END
}

sub http {
    my ($database, $more) = @_;
    $database //= 'file:' . $pg->file('edge');
    $more //= '';
    my $db = 'kairo_tier postgres=main default=free;';
    return issuers() . <<END;
    kairo_postgres main $database;
    kairo_admins issuer=main subject:root;
    log_format all '\$uri \$status \$kairo_decision "\$kairo_reason" '
                   '"\$kairo_tier" "\$kairo_user_id"';
    access_log all.log all;
    underscores_in_headers on;
    add_header X-Pid \$pid always;
    add_header X-Tier \$kairo_tier always;
    add_header X-Id \$kairo_user_id always;
    add_header X-Decision \$kairo_decision always;
    $more
    server {
        listen 127.0.0.1:%%PORT%%;
        root html;
        keepalive_requests 10000;
        kairo_auth required issuer=main issuer=other;
        location = /up { kairo_auth off; return 200 up; }
        location = /m { kairo_auth off; kairo_metrics; }
        location = /db { $db $app_is }
        location = /none { kairo_tier postgres=main; $app_is }
        location = /token { kairo_tier token; $app_is }
        location = /without { $app_is }
        location = /s { $db $static }
        location = /paid { $db kairo_entitlement pro; $static }
        location = /team { $db kairo_entitlement team pro bypass=admin;
                           $static }
        location = /said { kairo_entitlement pro; $static }
        location = /pass { kairo_tier postgres=main default=free
                           on_error=pass; $app_is }
        location = /bare { kairo_tier postgres=main on_error=pass; $app_is }
        location = /warn { $db kairo_tier_log_level warn; $static }
        location = /dry { $db kairo_tier_dry_run on; $app_is }
        location = /cors { $db kairo_preflight on; $app_is }
        @{[ways()]}
    }
END
}

$s->start(http());


# bearer CLAIM => VALUE...: the field with a token; "by" is the issuer.

sub bearer {
    my (%claims) = @_;
    my $by = delete $claims{by} // 'main';
    return 'Authorization: Bearer '
           . token($by eq 'main' ? $key : $other,
                   claims => { iss => "https://$by.test/", %claims });
}

sub code { return ($_[0] // '') =~ m{^HTTP/1.1 (\d+)} ? $1 : 'nothing' }

# said RESPONSE: "STATUS TIER" with what the application was told, and what the
# variable has; in a refusal the code of it.

sub said {
    my ($got) = @_;
    my $code = code($got);
    return join ' ', $code, $got =~ /"code":"(\w+)"/ ? $1 : '' if $code ne 200;
    my (undef, $echo) = split /\r\n\r\n/, $got, 2;
    my $told = $s->field($echo, 'X-Kairo-Tier');
    my $var = $s->field($got, 'X-Tier');
    return "told $told, \$kairo_tier " . ($var // "none")
        if defined $told && $told ne ($var // '') && $echo =~ /^GET /;
    return "200 " . ($var // '-');
}

sub asks {
    my ($path, $sub, %more) = @_;
    return said($s->get($path, bearer(sub => $sub, %more)));
}

# told RESPONSE, NAME: the values that the application was told.

sub told {
    my ($got, $name) = @_;
    my (undef, $echo) = split /\r\n\r\n/, $got, 2;
    return $s->field($echo // '', $name);
}

# refuses REASON, NAME: a line of the log says why; ten a second are written.

sub refuses {
    my ($reason, $name) = @_;
    is(asks('/db', 'alice'), '503 undecided', $name);
    ok($s->until(sub { $s->log =~ /"main" has not told, reason: $reason,/
                       || asks('/db', 'alice') && 0 }),
       "$name: the log says so");
}

sub quoted { return '$kairo$' . $_[0] . '$kairo$' }

sub id_of {
    my ($sub, $issuer) = @_;
    $issuer //= 'main';
    utf8::encode($sub);
    return $pg->sql('select user_id from kairo.users where subject = '
                    . quoted($sub) . " and issuer = '$issuer'");
}

# sell SUBJECT, PLAN, RANGE: of the role that sells.

sub sell {
    my ($sub, $plan, $valid) = @_;
    my $id = id_of($sub);
    $valid //= 'tstzrange(now(), null)';
    $pg->sql('insert into kairo.entitlements (user_id, plan, valid, source) '
             . "values ('$id', '$plan', $valid, 'test')", 'server');
}

sub unsell {
    my ($sub) = @_;
    $pg->sql('delete from kairo.entitlements where user_id = \''
             . id_of($sub) . "'", 'server');
}

sub block {
    my ($sub, $blocked) = @_;
    $pg->sql("update kairo.users set blocked = $blocked where user_id = '"
             . id_of($sub) . "'", 'server');
}

sub users { return $pg->sql('select count(*) from kairo.users') }

sub metric {
    my ($name) = @_;
    my ($n) = $s->get('/m') =~ /^\Q$name\E (\S+)$/m;
    return $n // 'none';
}

sub calls { return metric("kairo_postgres_calls_total{database=\"main\","
                          . "result=\"$_[0]\"}") }

# The database is there, as the next request finds it.

sub settled {
    return $s->until(sub { asks('/s', 'settler') =~ /^200/ });
}

ok(settled(), 'the database is asked');


# first sight

my $got = $s->get('/db', bearer(sub => 'alice'));
is(said($got), '200 free', 'first sight: the default');
like(told($got, 'X-Kairo-User-Id'), qr/^$uuid$/, 'first sight: an id');
is(told($got, 'X-Kairo-User-Id'), id_of('alice'), 'first sight: a row');
is($s->field($got, 'X-Id'), id_of('alice'), 'first sight: the variable');
is(told($s->get('/db', bearer(sub => 'alice')), 'X-Kairo-User-Id'),
   id_of('alice'), 'second sight: the same');
is(told($got, 'X-Kairo-Subject'), 'alice', 'what auth tells is told as well');
is(told($got, 'X-Kairo-User'), 'main:alice',
   'X-Kairo-User is not taken for X-Kairo-User-Id');
is($s->field($got, 'X-Decision'), 'passed', 'it is a pass');

$got = $s->get('/none', bearer(sub => 'alice'));
is(told($got, 'X-Kairo-Tier'), undef, 'no default: no tier is told');
is($s->field($got, 'X-Tier'), undef, 'no default: nor has the variable one');
is(told($got, 'X-Kairo-User-Id'), id_of('alice'), 'no default: the id is');


# what is sold

sell('alice', 'pro');
is(asks('/db', 'alice'), '200 pro', 'sold: the next request');
is(asks('/none', 'alice'), '200 pro', 'sold: where there is no default');
unsell('alice');
is(asks('/db', 'alice'), '200 free', 'taken back: the next request');

sell('alice', 'pro', "tstzrange(now() - interval '2 days', "
                     . "now() - interval '1 day')");
is(asks('/db', 'alice'), '200 free', 'one that has ended');
sell('alice', 'pro', "tstzrange(now() + interval '1 hour', null)");
is(asks('/db', 'alice'), '200 free', 'one that is to come');
sell('alice', 'pro', "tstzrange(null, now() + interval '1 hour')");
is(asks('/db', 'alice'), '200 pro', 'one without a beginning');
unsell('alice');

sell('alice', 'pro', "tstzrange(now(), now() + interval '1.5 s')");
is(asks('/db', 'alice'), '200 pro', 'it ends soon: not yet');
ok($s->until(sub { asks('/db', 'alice') eq '200 free' }),
   'it ends soon: it has');
unsell('alice');
sell('alice', 'pro', "tstzrange(now() + interval '1 s', null)");
ok($s->until(sub { asks('/db', 'alice') eq '200 pro' }),
   'it begins soon: it has');
unsell('alice');

$pg->sql("insert into kairo.plans values ('team', 'Team', 50, true), "
         . "('a-team', 'A', 50, false), ('zero.0_x-', 'Zero', -5, false), "
         . "('x' || repeat('y', 63), 'Long', 1000, false)", 'server');
sell('alice', 'team');
is(asks('/db', 'alice'), '200 team', 'ranks: one');
sell('alice', 'free');
is(asks('/db', 'alice'), '200 team', 'ranks: the higher');
sell('alice', 'pro', "tstzrange(now() - interval '1 h', "
                     . "now() + interval '1 h')");
is(asks('/db', 'alice'), '200 pro', 'ranks: the highest');
sell('alice', 'pro', "tstzrange(now() - interval '3 h', null)");
is(asks('/db', 'alice'), '200 pro', 'ranks: the same plan, twice at a time');
$pg->sql("update kairo.plans set rank = 500 where plan = 'free'", 'server');
is(asks('/db', 'alice'), '200 free', 'ranks: they can change');
$pg->sql("update kairo.plans set rank = 0 where plan = 'free'", 'server');
sell('alice', 'x' . 'y' x 63);
is(asks('/db', 'alice'), '200 x' . 'y' x 63, 'the longest name of a plan');
unsell('alice');
sell('alice', 'zero.0_x-');
is(asks('/db', 'alice'), '200 zero.0_x-',
   'each character of a plan, of a rank below 0');
sell('alice', 'team');
sell('alice', 'a-team');
is(asks('/db', 'alice'), '200 a-team', 'ranks: the same, by name');
unsell('alice');


# what the token says

is(asks('/db', 'alice', tier => 'pro'), '200 free',
   'the token claims a tier, and it is not so');
is(asks('/none', 'alice', tier => 'pro'), '200 -',
   'the token claims a tier, and there is none');
is(asks('/token', 'alice', tier => 'team'), '200 team',
   'token: it is what it says');
is(asks('/without', 'alice', tier => 'team'), '200 team',
   'without kairo_tier too');
is(told($s->get('/token', bearer(sub => 'alice')), 'X-Kairo-User-Id'), undef,
   'token: no id');
is(asks('/paid', 'alice', tier => 'pro'), '402 entitlement_required',
   'a paywall does not believe the token');
is(asks('/said', 'alice', tier => 'pro'), '200 pro',
   'where the database is not asked it does');
sell('alice', 'pro');
is(asks('/paid', 'alice', tier => 'free'), '200 pro',
   'a paywall believes the database');
is(asks('/paid', 'alice'), '200 pro', 'and needs no claim');
is(asks('/said', 'alice', tier => 'free'), '402 entitlement_required',
   'where it is not asked the paywall stays shut');
unsell('alice');
is(asks('/team', 'root'), '200 free', 'an administrator passes all the same');
is(asks('/team', 'alice'), '402 entitlement_required', 'others do not');
is(asks('/paid', 'root'), '402 entitlement_required',
   'nor does one without bypass=admin');


# blocked: in each worker, at once


# over SOCKET, PATH, SUBJECT: on a connection that stays.

sub over {
    my ($c, $path, $sub) = @_;
    print $c join "\r\n", "GET $path HTTP/1.1", 'Host: a', bearer(sub => $sub),
                  '', '';
    return answer($c);
}

sub answer {
    my ($c) = @_;
    my $head = '';
    while (defined(my $line = readline $c)) {
        $head .= $line;
        last if $line eq "\r\n";
    }
    my $body = '';
    if ($head =~ /^Content-Length: (\d+)/mi && $1) {
        read $c, $body, $1;
    } elsif ($head =~ /^Transfer-Encoding: chunked/mi) {
        while (defined(my $size = readline $c)) {
            read $c, my $chunk, hex($size) + 2;
            last if $size =~ /^0\r/;
            $body .= substr $chunk, 0, -2;
        }
    }
    return $head . $body;
}

my %line;
for (1 .. 200) {
    last if keys %line == 4;
    my $c = $s->socket;
    my $pid = $s->field(over($c, '/s', 'alice'), 'X-Pid');
    $line{$pid} //= $c;
}
is(scalar keys %line, 4, 'a connection to each worker');

sub everywhere {
    my ($path, $sub) = @_;
    my %said = map { said(over($line{$_}, $path, $sub)) => 1 } keys %line;
    return join ' / ', sort keys %said;
}

for my $round (1 .. 3) {
    block('alice', 'true');
    is(everywhere('/s', 'alice'), '403 user_blocked',
       "blocked: the next request in all workers, $round");
    block('alice', 'false');
    is(everywhere('/s', 'alice'), '200 free',
       "no longer: the next request in all workers, $round");
    sell('alice', 'pro');
    is(everywhere('/paid', 'alice'), '200 pro', "sold in all workers, $round");
    unsell('alice');
    is(everywhere('/paid', 'alice'), '402 entitlement_required',
       "taken back in all workers, $round");
}

block('alice', 'true');
sell('alice', 'pro');
for my $path (qw(/db /none /paid /team /pass)) {
    is(asks($path, 'alice'), '403 user_blocked', "blocked: $path");
}
is(asks('/token', 'alice', tier => 'pro'), '200 pro',
   'blocked: nobody asks where the token counts');
is(asks('/db', 'bob'), '200 free', 'blocked: others are not');
is(asks('/db', 'alice', by => 'other'), '200 free',
   'blocked: nor is who has the same name elsewhere');
$got = $s->get('/db', bearer(sub => 'alice'));
like($got, qr/this account is blocked/, 'blocked: a sentence');
unlike($got, qr/$uuid/, 'blocked: no id is shown');
is($s->field($got, 'X-Tier'), undef, 'blocked: no tier in the response');
$app->forget;
$s->get('/db', bearer(sub => 'alice'));
is($app->count, 0, 'blocked: the application sees nothing of it');
like($s->log('all.log'), qr{^/db 403 refused "user_blocked"}m,
     'blocked: in the log');
unsell('alice');
block('alice', 'false');

$pg->sql("delete from kairo.users where subject = 'bob'");
is(asks('/db', 'bob'), '200 free', 'who was deleted is seen for the first '
                                   . 'time');


# two issuers

my @ids = map { told($s->get('/db', bearer(sub => 'twin', by => $_)),
                     'X-Kairo-User-Id') } 'main', 'other', 'main';
is($ids[0], $ids[2], 'two issuers: one user of each');
isnt($ids[0], $ids[1], 'two issuers: two users');
sell('twin', 'pro');
is(asks('/db', 'twin'), '200 pro', 'two issuers: what one has bought');
is(asks('/db', 'twin', by => 'other'), '200 free',
   'two issuers: the other one has not');
block('twin', 'true');
is(asks('/db', 'twin', by => 'other'), '200 free',
   'two issuers: nor is that one blocked');


# odd subjects

my @odd = (
    ["an apostrophe", "o'neill"], ['two', "''"], ['a quote', '"x"'],
    ['a backslash', 'a\\b'], ['two backslashes', 'a\\\\b'],
    ['a backslash at the end', 'a\\'], ['percent', '%s%n%d'],
    ['percent encoded', '%00%27'], ['a parameter', '$1'], ['dollars', '$$'],
    ['an injection', "'; drop table kairo.users; --"],
    ['another', "\\'; update kairo.users set blocked = true; --"],
    ['a third', "x') on conflict do nothing; select pg_sleep(9); --"],
    ['a brace', '{"a":1}'], ['NULL', 'NULL'], ['null', 'null'],
    ['a blank', 'a b'], ['blanks around', ' a '], ['blank', ' '],
    ['a colon', 'main:alice'], ['issuer and subject', 'other:alice'],
    ['capitals', 'ALICE'], ['a dot', 'alice.'], ['a pipe', 'auth0|5f7c'],
    ['a wildcard', 'a%'], ['another wildcard', 'a_'], ['a star', '*'],
    ['an umlaut', "m\x{fc}ller"], ['one in two', "mu\x{308}ller"],
    ['Cyrillic for Latin', "\x{430}lice"], ['Chinese', "\x{6797}"],
    ['an emoji', "\x{1f600}"], ['a ligature', "\x{fb01}"],
    ['no width', "ali\x{200b}ce"], ['right to left', "\x{202e}alice"],
    ['a byte order mark', "\x{feff}alice"],
    ['a replacement', "\x{fffd}"], ['no character', "\x{ffff}"],
    ['255 bytes', 'z' x 255], ['254 bytes of letters that have two',
                               "\x{fc}" x 127],
    ['252 bytes of letters that have four', "\x{1f600}" x 63],
);

my %seen;
for my $odd (@odd) {
    my ($name, $sub) = @$odd;
    my $before = users();
    my $got = $s->get('/db', bearer(sub => $sub));
    my $id = told($got, 'X-Kairo-User-Id') // 'none';
    is(said($got), '200 free', "subject: $name");
    is(users() - $before, 1, "subject: $name: one more user");
    is(id_of($sub), $id, "subject: $name: as it is");
    ok(!$seen{$id}++, "subject: $name: nobody else");
    is(told($s->get('/db', bearer(sub => $sub)), 'X-Kairo-User-Id'), $id,
       "subject: $name: and again");
}

my $before = users();
for (['empty', ''], ['256 bytes', 'z' x 256], ['256 bytes of 128 letters',
                                               "\x{fc}" x 128],
     ['a zero', "alice\0"], ['a zero first', "\0"], ['a line', "alice\n"],
     ['a number', \'42'], ['none', undef], ['a list', ['alice']],
     ['an object', { a => 1 }], ['true', JSON::PP::true()],
     ['a control', "a\x{1}"], ['delete', "a\x{7f}"],
     ['4000 bytes', 'z' x 4000])
{
    my ($name, $sub) = @$_;
    $sub = $$sub + 0 if ref $sub eq 'SCALAR';
    is(code($s->get('/db', bearer(sub => $sub))), 401,
       "no subject: $name");
}
is(users(), $before, 'no subject: no user');
is(asks('/db', 'alice'), '200 free', 'and nothing has happened to others');


# many at first sight

for my $round (1 .. 3) {
    $before = users();
    my @sent = map { $s->send('/db', bearer(sub => "crowd$round")) } 1 .. 60;
    my %id;
    my %code;
    for (@sent) {
        my $got = $s->receive($_);
        $code{said($got)}++;
        $id{told($got, 'X-Kairo-User-Id') // 'none'}++;
    }
    is_deeply(\%code, { '200 free' => 60 }, "a crowd, $round: all pass");
    is(join(' ', keys %id), id_of("crowd$round"), "a crowd, $round: one id");
    is(users() - $before, 1, "a crowd, $round: one row");
}


# forged fields

my @forged = map { ("$_: forged", "$_: again") } 'X-Kairo-Tier',
    'x-kairo-tier', 'X-KAIRO-TIER', 'X_Kairo_Tier', 'X-Kairo_Tier',
    'x_kairo-tier', 'X-Kairo-User-Id', 'x-kairo-user-id', 'X_KAIRO_USER_ID',
    'X-Kairo-User_Id', 'X-Kairo-UserId', 'X-Kairo-User-ID', 'X-kAiRo-Tier2';

# what an application reads as X-Kairo-*, of the request that it was sent

sub reserved {
    my ($got) = @_;
    my (undef, $echo) = split /\r\n\r\n/, $got, 2;
    return join ', ', sort map { tr/_/-/r } map { lc }
           ($echo // '')
           =~ /^(x[-_]kairo[-_](?:tier|user[-_]?id)\w*: .*?)\r?$/mig;
}

$got = $s->get('/db', @forged, bearer(sub => 'alice'), @forged);
is(reserved($got), 'x-kairo-tier: free, x-kairo-user-id: ' . id_of('alice'),
   'forged: what is told takes its place');
for my $path (qw(/token /without)) {
    is(reserved($s->get($path, @forged, bearer(sub => 'alice'), @forged)), '',
       "forged: nothing is told, $path");
    is(reserved($s->get($path, @forged, bearer(sub => 'alice', tier => 'x'))),
       'x-kairo-tier: x', "forged: the claim is, $path");
}
is(reserved($s->get('/none', @forged, bearer(sub => 'alice', tier => 'pro'))),
   'x-kairo-user-id: ' . id_of('alice'), 'forged: no default');


# by redirects

for my $sub ('alice', 'dora') {
    my $sold = $sub eq 'dora' ? 'pro' : 'free';
    $s->get('/db', bearer(sub => $sub));
    sell($sub, 'pro') if $sold eq 'pro';
    my $id = id_of($sub);
    my %expected = (
        db    => "200 $sold: x-kairo-tier: $sold, x-kairo-user-id: $id",
        token => '200 claim: x-kairo-tier: claim',
        # nobody is asked anew, and what was told before stays
        'db off' => "200 $sold: x-kairo-tier: $sold, x-kairo-user-id: $id",
        'token off' => '200 claim: x-kairo-tier: claim',
        'off off' => '200 -: ',
    );

    for my $to (sort keys %to) {
        # as it is a request, and no refusal
        $accel->answer(fields => ["X-Accel-Redirect: /to/$to"]);
        for my $from (sort keys %to) {
            for my $way (sort keys %way) {
                my $got = $s->get("/from/$from/$way/$to", bearer(sub => $sub,
                                                          tier => 'claim'));
                is(said($got) . ': ' . reserved($got),
                   $expected{"$from $to"} // $expected{$to},
                   "redirect: $sub, from $from by $way to $to");
                is($s->field($got, 'X-Id'),
                   $to eq 'db' || $from eq 'db' && $to eq 'off' ? $id : undef,
                   "redirect: $sub, from $from by $way to $to: the variable");
            }
        }
    }
}

block('alice', 'true');
for my $from (sort keys %to) {
    $accel->answer(fields => ['X-Accel-Redirect: /to/db']);
    is(asks("/from/$from/$_/db", 'alice'), '403 user_blocked',
       "redirect: blocked, from $from by $_") for sort keys %way;
}
for my $to (sort keys %to) {
    is(asks("/from/db/$_/$to", 'alice'), '403 user_blocked',
       "redirect: blocked before, by $_ to $to") for sort keys %way;
}
block('alice', 'false');


# a preflight

my $asked = calls('answered');
$got = $s->ask('OPTIONS', '/cors', undef, 'Origin: https://a.test',
               'Access-Control-Request-Method: GET', @forged);
is(code($got), 200, 'preflight: passes');
is(reserved($got), '', 'preflight: nothing is told');
is(calls('answered'), $asked, 'preflight: nobody is asked');
is(asks('/cors', 'alice'), '200 free', 'preflight: others are');
is(calls('answered'), $asked + 1, 'one question a request');


# dry run

is(asks('/dry', 'alice'), '200 free', 'dry run: the tier is told');
block('alice', 'true');
$got = $s->get('/dry', bearer(sub => 'alice', tier => 'pro'), @forged);
is(code($got), 200, 'dry run: who is blocked passes');
is($s->field($got, 'X-Decision'), 'refused_dry_run', 'dry run: and is noted');
unlike(reserved($got), qr/forged|again/, 'dry run: blocked and forged');
like(reserved($got), qr/tier: free/i, 'dry run: not with the token\'s tier');
is(asks('/db', 'alice'), '403 user_blocked', 'dry run: elsewhere not');
block('alice', 'false');


# connections that stay, and requests behind each other

{
    my $c = $s->socket;
    my %said;
    $said{said(over($c, '/db', $_ % 2 ? 'alice' : 'dora')) . $_ % 2}++
        for 1 .. 50;
    is_deeply(\%said, { '200 free1' => 25, '200 pro0' => 25 },
              'keepalive: two users by turns');

    my $at_once = join '', map {
        join "\r\n", 'GET /db HTTP/1.1', 'Host: a',
             bearer(sub => $_ % 2 ? 'alice' : 'dora'), '', ''
    } 1 .. 20;
    print $c $at_once;
    my @said = map { said(answer($c)) } 1 .. 20;
    is(join(' ', @said), join(' ', ('200 free 200 pro') x 10),
       'pipelined: each its own, in order');
}


# bodies

my $body = join '', map { chr(97 + $_ % 26) } 1 .. 300_000;
$got = $s->ask('POST', '/db', $body, bearer(sub => 'dora'));
is(said($got), '200 pro', 'a body: passes');
ok(index($got, "\r\n\r\n$body") > 0, 'a body: arrives');

{
    my $c = $s->socket;
    print $c join "\r\n", 'POST /db HTTP/1.1', 'Host: a', 'Connection: close',
                  bearer(sub => 'dora'), 'Transfer-Encoding: chunked', '', '';
    for (1 .. 5) {
        sleep 0.05;
        print $c "3\r\nabc\r\n";
    }
    print $c "0\r\n\r\n";
    $got = $s->receive($c);
    is(said($got), '200 pro', 'a body in pieces: passes');
    like($got, qr/(?:abc){5}\z/, 'a body in pieces: arrives');
}

block('alice', 'true');
is(said($s->ask('POST', '/db', $body, bearer(sub => 'alice'))),
   '403 user_blocked', 'a body: who is blocked');
block('alice', 'false');


# a question that waits

my $lock = $pg->session('admin');
my $locked = 'begin; lock table kairo.users in access exclusive mode;';

$lock->run($locked);
my $start = time;
is(asks('/s', 'alice'), '503 undecided', 'locked: it is refused');
my $took = time - $start;
cmp_ok($took, '>', 0.25, 'locked: not before lock_timeout');
cmp_ok($took, '<', 2, 'locked: and in time');
is(asks('/pass', 'alice', tier => 'pro'), '200 free',
   'locked: on_error=pass, with the default');
is(asks('/bare', 'alice', tier => 'pro'), '200 -',
   'locked: on_error=pass, without one');
$got = $s->get('/pass', @forged, bearer(sub => 'alice'));
is(reserved($got), 'x-kairo-tier: free', 'locked: no id, and no forged one');
is($s->field($got, 'X-Decision'), 'passed_on_error', 'locked: it is noted');
is(asks('/dry', 'alice'), '200 free', 'locked: in a dry run it passes');
is(asks('/token', 'alice', tier => 'x'), '200 x',
   'locked: where nobody is asked nothing happens');
is(asks('/paid', 'dora'), '503 undecided', 'locked: a paywall');
$s->logged(qr/\[error\].*kairo tier: "main" has not told, reason: 55P03/,
           'locked: the log says so');
is(asks('/warn', 'alice'), '503 undecided', 'locked: another log level');
$s->logged(qr{\[warn\].*kairo tier: "main" has not told.*"GET /warn},
           'locked: in the log');
{
    my @sent = map { my $c = $s->socket;
                     print $c join "\r\n", 'POST /db HTTP/1.1', 'Host: a',
                                   'Content-Length: 10', 'Connection: close',
                                   bearer(sub => 'dora'), '', 'abcde';
                     $c } 1 .. 5;
    sleep 0.1;
    $lock->run('rollback;');
    print $_ 'fghij' for @sent;
    my @got = map { $s->receive($_) } @sent;
    is(join(' ', map { said($_) } @got), join(' ', ('200 pro') x 5),
       'a body that comes while it waits: passes');
    is(scalar(grep { /\r\n\r\nabcdefghij\z/ } @got), 5,
       'a body that comes while it waits: arrives');
}

for my $round (1 .. 3) {
    $lock->run($locked);
    my @sent = map { $s->send('/db', bearer(sub => "left$_")) } 1 .. 40;
    sleep 0.1;
    close $_ for @sent;
    sleep 0.05;
    $lock->run('rollback;');
    ok($s->until(sub { asks('/db', 'alice') eq '200 free' }),
       "clients that leave, $round: others are served");
}
ok($s->until(sub { (() = $s->log('all.log') =~ m{^/db 499 }mg) >= 60 }),
   'clients that leave: they are noticed');

# who asks while others have left is told about nobody else

$lock->run($locked);
{
    my (@stay, @leave);
    for (1 .. 20) {
        push @leave, $s->send('/db', bearer(sub => 'dora'));
        push @stay, $s->send('/db', bearer(sub => 'alice'));
        push @leave, $s->send('/db', bearer(sub => 'dora'));
    }
    sleep 0.05;
    close $_ for @leave;
    $lock->run('rollback;');
    my %said;
    $said{said($s->receive($_))}++ for @stay;
    is_deeply(\%said, { '200 free' => 20 },
              'who stays while others leave has an answer, and the right one');
}
$lock->finish;


# read only: who is known is known

$pg->sql('alter database app set default_transaction_read_only = on');
$pg->sql("select pg_terminate_backend(pid) from pg_stat_activity "
         . "where usename = 'kairo_edge'");
ok($s->until(sub { asks('/s', 'alice') eq '200 free' }),
   'read only: who is known');
is(asks('/s', 'never-seen'), '503 undecided', 'read only: who is not');
ok($s->until(sub { asks('/s', 'never-seen');
                   $s->log =~ /has not told, reason: 25006,/ }),
   'read only: the log says so');
is(asks('/s', 'dora'), '200 pro', 'read only: others go on');
$pg->sql('set default_transaction_read_only = off; '
         . 'alter database app reset default_transaction_read_only');
$pg->sql("select pg_terminate_backend(pid) from pg_stat_activity "
         . "where usename = 'kairo_edge'");
ok($s->until(sub { asks('/s', 'never-seen') eq '200 free' }),
   'read only: no longer');


# answers that are none: what comes from a server is looked at

my $identify = $pg->sql("select pg_get_functiondef("
                        . "'kairo.identify(text, text)'::regprocedure)");
my $nonsense = 'kairo tier: "main" has not told, reason: nonsense';

# as identify, with another type of a result too

sub answers {
    my ($columns, $select) = @_;
    $pg->sql("drop function kairo.identify(text, text); "
             . "create function kairo.identify(issuer text, subject text, "
             . "$columns) language sql stable security definer "
             . "set search_path = '' as \$f\$ select $select \$f\$; "
             . 'grant execute on function kairo.identify(text, text) '
             . 'to kairo_edge; revoke execute on function '
             . 'kairo.identify(text, text) from public');
}

my $texts = 'out user_id text, out plan text, out blocked text';
my $good = '11111111-2222-3333-4444-555555555555';

for (['a short id', $texts, "'1', 'pro', 'f'"],
     ['a long id', $texts, "'${good}5', 'pro', 'f'"],
     ['an id in capitals', $texts, "'A' || substr('$good', 2), 'pro', 'f'"],
     ['a line in an id', $texts, "repeat(e'\\n', 36), 'pro', 'f'"],
     ['a line in a plan', $texts, "'$good', e'pro\\r\\nX-Evil: 1', 'f'"],
     ['a blank in a plan', $texts, "'$good', 'p r', 'f'"],
     ['a plan in capitals', $texts, "'$good', 'Pro', 'f'"],
     ['a comma in a plan', $texts, "'$good', 'a,b', 'f'"],
     ['a plan that is too long', $texts, "'$good', repeat('x', 65), 'f'"],
     ['no id', $texts, "null, 'pro', 'f'"],
     ['no blocked', $texts, "'$good', 'pro', null"],
     ['an empty blocked', $texts, "'$good', 'pro', ''"],
     ['a long blocked', $texts, "'$good', 'pro', 'false'"])
{
    my ($name, $columns, $select) = @$_;
    answers($columns, $select);
    is(asks('/db', 'alice'), '503 undecided', "nonsense: $name");
}
$s->logged($nonsense, 'nonsense: the log says so');
answers($texts, "'$good', 'pro', 't'");
is(asks('/db', 'alice'), '403 user_blocked', 'blocked, as a text');
answers($texts, "'$good', 'pro', 'x'");
is(asks('/db', 'alice'), '403 user_blocked', 'what is not false is blocked');
answers($texts, "'$good', '', 'f'");
is(asks('/db', 'alice'), '200 free', 'an empty plan is none');
answers($texts =~ s/out plan/out other/r, "'$good', 'pro', 'f'");
refuses('42703', 'another column: it fails');
answers('out user_id text, out plan text, out blocked text',
        "'$good', 'pro', 'f' where false");
is(asks('/db', 'alice'), '503 undecided', 'no row: nonsense');
$pg->sql('revoke execute on function kairo.identify(text, text) '
         . 'from kairo_edge');
refuses('42501', 'no right: it fails');
$pg->sql('drop function kairo.identify(text, text)');
refuses('42883', 'no function: it fails');
$pg->sql("grant create on schema kairo to kairo_functions; "
         . "set role kairo_functions; $identify; "
         . 'grant execute on function kairo.identify(text, text) '
         . 'to kairo_edge; revoke execute on function '
         . 'kairo.identify(text, text) from public; reset role; '
         . 'revoke create on schema kairo from kairo_functions');
is(asks('/db', 'alice'), '200 free', 'the function is there again');


# it is not there

$pg->stop('fast');
is(asks('/db', 'alice'), '503 undecided', 'gone: refused');
is(asks('/pass', 'alice', tier => 'pro'), '200 free', 'gone: on_error=pass');
is(asks('/bare', 'alice', tier => 'pro'), '200 -',
   'gone: on_error=pass, without a default');
is(asks('/dry', 'alice', tier => 'pro'), '200 free', 'gone: a dry run');
is(asks('/team', 'root'), '503 undecided', 'gone: an administrator too');
is(asks('/said', 'alice', tier => 'pro'), '200 pro',
   'gone: where nobody is asked');
like($s->get('/db', bearer(sub => 'alice')),
     qr/could not decide about this request/, 'gone: a sentence');
sleep 1.2;
$start = time;
is(asks('/db', 'alice'), '503 undecided', 'gone for long: refused');
cmp_ok(time - $start, '<', 0.5, 'gone for long: at once');
refuses('down', 'gone for long');
$pg->start;
ok(settled(), 'it is there again, and so are the answers');
is(asks('/db', 'dora'), '200 pro', 'and what was sold');


# reloads: another database, another role, none

$pg->sql("select pg_terminate_backend(pid) from pg_stat_activity "
         . "where usename = 'kairo_edge'");
{
    my $template = $pg->conninfo('admin') =~ s/dbname=app/dbname=postgres/r;
    my @psql = Kairo::Postgres::psql_command($template);
    $s->reload(issuers() . 'server { listen 127.0.0.1:%%PORT%%; '
               . 'location = /up { return 200 up; } }');
    is(system(@psql, '-c', 'create database second template app'), 0,
       'a second database');
}

my $second = $pg->conninfo('edge') =~ s/dbname=app/dbname=second/r;
$s->file('second', $second);
ok($s->reload(http()), 'reload: none, and one again');
ok(settled(), 'reload: it is asked');
is(asks('/db', 'dora'), '200 pro', 'reload: the first');
unsell('dora');
ok($s->reload(http('file:second')), 'reload: another one');
ok($s->until(sub { asks('/db', 'dora') eq '200 pro' }),
   'reload: the other one counts');
is(asks('/db', 'second-alone'), '200 free', 'reload: somebody is new there');
is(id_of('second-alone'), '', 'reload: and not in the first');
ok($s->reload(http()), 'reload: back');
ok($s->until(sub { asks('/db', 'dora') eq '200 free' }),
   'reload: the first counts');

$pg->sql("create role edge_one login in role kairo_edge password 'x1'");
$s->file('one', $pg->conninfo('edge')
                =~ s/user=\S+ password=\S+/user=edge_one password=x1/r);
ok($s->reload(http('file:one')), 'reload: another role');
ok(settled(), 'reload: it is asked');
ok($s->until(sub { my @of = $pg->backends('edge_one'); @of == 4 }),
   'reload: by that role, a connection a worker');
ok($s->until(sub { my @of = $pg->backends('edge'); @of == 0 }),
   'reload: the old ones have ended');
is(asks('/db', 'dora'), '200 free', 'reload: with answers');

ok($s->reload(http('file:one connections=3')), 'reload: more connections');
ok(settled(), 'reload: it is asked');
ok($s->until(sub { my @of = $pg->backends('edge_one'); @of == 12 }),
   'reload: three a worker');

# a request that waits while that happens keeps its worker and its answer

$lock = $pg->session('admin');
$pg->sql("alter role edge_one set lock_timeout = '20s'");
ok($s->reload(http('file:one timeout=20s')), 'reload: a longer time');
ok(settled(), 'reload: it is asked');
sell('dora', 'pro');
$lock->run($locked);
my @waiting = map { $s->send('/db', bearer(sub => 'dora')) } 1 .. 8;
sleep 0.3;
my %old = map { $_ => 1 } $s->children;
$s->configure(http('file:' . $pg->file('edge')));
kill 'HUP', $s->pid;
$s->until(sub { grep { !$old{$_} } $s->children });
sleep 0.5;
$lock->run('rollback;');
is(join(' ', map { said($s->receive($_)) } @waiting),
   join(' ', ('200 pro') x 8), 'reload: who waits has an answer');
ok($s->until(sub { !grep { $old{$_} } $s->children }),
   'reload: and the old workers end');
ok($s->until(sub { my @of = $pg->backends('edge_one'); @of == 0 }),
   'reload: with their connections');

# inheritance

my $auth = 'kairo_auth required issuer=main;';
my $up = 'location = /up { kairo_tier token; kairo_auth off; return 200 up; }';
ok($s->reload(issuers() . <<END), 'inheritance: a configuration');
    kairo_postgres main file:@{[$pg->file('edge')]};
    kairo_postgres second file:second;
    kairo_postgres gone "host=127.0.0.1 port=9 user=a dbname=b";
    add_header X-Tier \$kairo_tier always;
    add_header X-Id \$kairo_user_id always;
    $auth
    kairo_tier postgres=main default=http;
    server {
        listen 127.0.0.1:%%PORT%%;
        root html;
        $up
        location = /s { $app_is }
        location = /http { $app_is }
        location = /token { kairo_tier token; $app_is }
        location /over { kairo_tier postgres=main default=location; $app_is
            location /over/nested { $app_is }
            location /over/none { kairo_tier postgres=main; $app_is }
            location /over/token { kairo_tier token; $app_is
                location /over/token/nested { $app_is }
                location /over/token/back { kairo_tier postgres=second
                                            default=second; $app_is } }
        }
        location = /gone { kairo_tier postgres=gone default=x; $app_is }
        location = /level { kairo_tier_log_level info; $app_is }
        location = /gone/dry { kairo_tier postgres=gone default=x;
                               kairo_tier_dry_run on; $app_is }
        location /pass { kairo_tier postgres=gone on_error=pass; $app_is
            location /pass/in { $app_is }
            location /pass/ask { kairo_tier postgres=gone; $app_is }
        }
    }
    server {
        listen 127.0.0.1:%%PORT%%;
        server_name other;
        kairo_tier token;
        root html;
        location / { $app_is }
        location /db { kairo_tier postgres=main default=other; $app_is }
    }
END
ok(settled(), 'inheritance: it is asked');
unsell('dora');
my @inherited = (
    ['/http', '200 http'], ['/token', '200 claim'], ['/over', '200 location'],
    ['/over/nested', '200 location'], ['/over/none', '200 -'],
    ['/over/token', '200 claim'], ['/over/token/nested', '200 claim'],
    ['/level', '200 http'],
    ['/gone', '503 undecided'], ['/gone/dry', '200 x'], ['/pass', '200 -'],
    ['/pass/in', '200 -'], ['/pass/ask', '503 undecided'],
    ['/over/token/back', '200 pro'],
);
for (@inherited) {
    my ($path, $expected) = @$_;
    ok($s->until(sub { asks($path, 'dora', tier => 'claim') eq $expected }),
       "inheritance: $path, $expected");
}
for (['/x', '200 claim'], ['/db', '200 other']) {
    my ($path, $expected) = @$_;
    is(said($s->ask('GET', $path, undef, 'Host: other',
                    bearer(sub => 'dora', tier => 'claim'))), $expected,
       "inheritance: another server, $path");
}
is(asks('/over/token/back', 'newcomer-of-second'), '200 second',
   'inheritance: the second database has somebody new');
is(id_of('newcomer-of-second'), '', 'inheritance: and the first has not');

# none of them any more

ok($s->reload(issuers() . "server { listen 127.0.0.1:%%PORT%%; $auth $up "
              . "add_header X-Tier \$kairo_tier; "
              . "location = /s { $app_is } }"), 'reload: without a database');
ok($s->until(sub { my @of = $pg->backends('edge'); @of == 0 }),
   'reload: no connection is left');
is(asks('/s', 'dora', tier => 'x'), '200 x', 'reload: the token counts');

$s->finish;

done_testing();
