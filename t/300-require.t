# Who may be where: the table of all, each kind of condition with what comes
# near it, and what the client, the log and the metrics are told.

use strict;
use warnings;

use lib 't/lib';
use Kairo::Provider;
use Kairo::Server;
use Kairo::Token qw(secret token);
use Test::More;
use Time::HiRes qw(sleep);

my $key = secret('m' x 32);
my $elses = secret('o' x 32);
my $app = Kairo::Provider->new->answer(echo => 1);
my $s = Kairo::Server->new;

$s->file('main.key', 'm' x 32);
$s->file('other.key', 'o' x 32);
$s->file('html/t', "content\n");
$s->file('html/denied', "page\n");

# Locations of one condition each, by their names.

my %condition = (
    'role'        => 'role=editor',
    'roles'       => 'role=editor|author',
    'role-odd'    => 'role=https://x/y:z',
    'read'        => 'permission=orders:read',
    'refund'      => 'permission=orders:refund',
    'refund-all'  => 'permission=orders:refund:all',
    'order'       => 'permission=order:read',
    'orders'      => 'permission=orders',
    'ordersx'     => 'permission=ordersx:read',
    'either'      => 'permission=orders:read|stock:read',
    'org'         => 'claim org=acme',
    'orgs'        => 'claim org=acme|initech',
    'seven'       => 'claim n=7',
    'real'        => 'claim n=7.5',
    'true'        => 'claim ok=true',
    'null'        => 'claim org=null',
    'list'        => 'claim org=[]',
    'deep'        => 'claim /a/b=x',
    'slash'       => 'claim /a~1b/c~0d=x',
    'url'         => 'claim https://x/role=x',
    'flat'        => 'claim a.b=x',
    'item'        => 'claim /list/0=x',
    'equals'      => 'claim eq=a=b',
    'space'       => 'claim "org=big corp"',
    'arg'         => 'claim org=$arg_org',
    'arg-bar'     => 'claim org=$arg_org|$arg_too',
    'arg-in'      => 'claim org=x-$arg_org',
    'claims'      => 'claim org=$kairo_claim_team',
    'self'        => 'claim sub=$kairo_subject',
    'any'         => 'role=editor | permission=stock:read | claim org=acme'
                     . ' | claim n=7',
    'quote'       => q('role=a"b\\c'),
);

sub places {
    return join '', map { <<END } sort keys %condition;
        location = /$_ { kairo_require $condition{$_}; try_files /t =404; }
END
}

my $http = <<END;
    kairo_issuer main {
        issuer https://issuer.test/; audience api; algs HS256;
        keys secret=file:main.key; max_lifetime 1h;
        roles roles; permissions scope; tier tier;
        email email verified=email_verified;
    }
    kairo_issuer other {
        issuer https://other.test/; audience api; algs HS256;
        keys secret=file:other.key;
        roles roles; tier tier; email email verified=always;
    }

    kairo_admins founder\@example.com subject:root issuer=main;
    kairo_revocations revoked;

    kairo_role clerk orders:read;
    kairo_role manager orders:* stock:read;
    kairo_role boss *;
    kairo_role near orders order:* ordersx;
    kairo_role deeper orders:refund:*;

    log_format line '\$request_uri \$status [\$kairo_decision \$kairo_layer '
                    '\$kairo_reason] [\$kairo_entitlement] '
                    '[\$kairo_admin_run]';
    access_log line.log line;
    kairo_require_log_level info;
    kairo_entitlement_upgrade https://www.example.com/pricing?a=1&b=2;

    server {
        listen 127.0.0.1:%%PORT%%;
        root html;
        kairo_auth required issuer=main issuer=other;
        add_header X-Decision "\$kairo_decision|\$kairo_layer|\$kairo_reason"
                   always;
        add_header X-Rights "\$kairo_admin|\$kairo_permissions|\$kairo_entitlement|\$kairo_admin_run"
                   always;

        location = /up { kairo_auth off; return 200 up; }
        location = /metrics { kairo_auth off; kairo_metrics; }
        location = /revoke { kairo_revoke; }

        location = /open { kairo_auth off; try_files /t =404; }
        location = /user { try_files /t =404; }
        location = /permission { kairo_require permission=orders:read;
                                 try_files /t =404; }
        location = /admin { kairo_require_admin; try_files /t =404; }
        location = /paid { kairo_entitlement pro team bypass=admin;
                           try_files /t =404; }
        location = /strict { kairo_entitlement pro team;
                             try_files /t =404; }
        location = /all { kairo_require role=editor;
                          kairo_require permission=orders:read;
                          kairo_require_admin;
                          kairo_entitlement pro bypass=admin;
                          try_files /t =404; }
@{[places()]}
        location ~ ^/tenant/(?<tenant>\\w*)\$ {
            kairo_require claim org=\$tenant; try_files /t =404;
        }
        location = /two { kairo_require role=editor;
                          kairo_require claim org=acme; try_files /t =404; }

        location /seen/ {
            add_header X-None "";
            location = /seen/role { kairo_require role=editor; }
            location = /seen/admin { kairo_require_admin; }
            location = /seen/paid { kairo_entitlement pro; }
            location = /seen/path { kairo_entitlement pro;
                                    kairo_entitlement_upgrade /plans; }
            location = /seen/page { kairo_require role=editor;
                                    error_page 403 /denied; }
            location = /seen/body { kairo_require role=editor;
                                    proxy_pass http://127.0.0.1:$app->{port}; }
        }
        location = /denied { internal; kairo_require_admin; }

        location /dry/ {
            kairo_require_dry_run on;
            location = /dry/role { kairo_require role=editor;
                                   try_files /t =404; }
            location = /dry/admin { kairo_require_admin; try_files /t =404; }
            location = /dry/paid { kairo_entitlement pro bypass=admin;
                                   try_files /t =404; }
        }
        location /auth-dry/ {
            kairo_auth_dry_run on;
            location = /auth-dry/role { kairo_require role=editor;
                                        try_files /t =404; }
            location = /auth-dry/paid { kairo_entitlement pro bypass=admin;
                                        try_files /t =404; }
            location = /auth-dry/both { kairo_require_admin;
                                        kairo_require_dry_run on;
                                        try_files /t =404; }
        }
        location = /level { kairo_require role=level;
                            kairo_require_log_level error;
                            try_files /t =404; }
        location = /flood { kairo_require role=flood;
                            kairo_require_log_level notice;
                            try_files /t =404; }
        location = /preflight { kairo_preflight on; kairo_require role=editor;
                                kairo_require_admin; kairo_entitlement pro;
                                proxy_pass http://127.0.0.1:$app->{port}; }
        location = /no-preflight { kairo_require role=editor;
                                   proxy_pass http://127.0.0.1:$app->{port}; }
        location = /app { kairo_entitlement pro bypass=admin;
                          proxy_set_header Admin-Run \$kairo_admin_run;
                          proxy_pass http://127.0.0.1:$app->{port}; }
    }
END

$s->start($http);

sub bearer { return "Authorization: Bearer $_[0]" }

sub main { return token($key, claims => { @_ }) }

sub elses {
    return token($elses, claims => { iss => 'https://other.test/', @_ });
}

sub code { return $_[0] =~ m{^HTTP/1.1 (\d+)} ? $1 : 0 }

sub body { return (split /\r\n\r\n/, $_[0], 2)[1] // '' }

sub get { return $s->get($_[0], bearer($_[1])) }

sub metric {
    my ($name) = @_;
    my ($n) = $s->get('/metrics') =~ /^\Q$name\E (\d+)/m;
    return $n;
}

sub total {
    my ($requirement, $result) = @_;
    return metric("kairo_require_total{requirement=\"$requirement\","
                  . "result=\"$result\"}");
}

# A second without lines: of each only ten are written.

sub quiet { sleep 1.1 }

my @founder = (sub => 'f1', email => 'Founder@Example.com',
               email_verified => JSON::PP::true);
my @all = (roles => ['editor', 'clerk'], tier => 'pro');


# Everybody everywhere.

my $table = <<'END';
                     open user role permission admin paid
nobody               200  401  401  401        401   401
a_user               200  200  403  403        403   402
the_admin's_name     200  200  403  403        403   402
an_editor            200  200  200  403        403   402
a_clerk              200  200  403  200        403   402
who_has_paid         200  200  403  403        403   200
the_admin            200  200  403  403        200   200
by_subject           200  200  403  403        200   200
with_everything      200  200  200  200        200   200
unverified           200  200  403  403        403   402
verified_by_a_text   200  200  403  403        403   402
revoked              200  401  401  401        401   401
an_expired_admin     200  401  401  401        401   401
a_changed_token      200  401  401  401        401   401
END

my %who = (
    "nobody"             => undef,
    "a_user"             => main(sub => 'bob'),
    "the_admin's_name"   => elses(sub => 'root', email => $founder[3]),
    "an_editor"          => main(roles => ['editor']),
    "a_clerk"            => main(roles => 'clerk'),
    "who_has_paid"       => main(tier => 'pro'),
    "the_admin"          => main(@founder),
    "by_subject"         => main(sub => 'root'),
    "with_everything"    => main(@founder, @all),
    "unverified"         => main(@founder, email_verified => JSON::PP::false),
    "verified_by_a_text" => main(@founder, email_verified => 'true'),
    "revoked"            => main(sub => 'root', jti => 'gone', @all),
    "an_expired_admin"   => main(@founder, @all, iat => time - 1800,
                                 exp => time - 600),
    "a_changed_token"    => main(@founder, @all) =~ s/.\z//r,
);

is(code($s->get('/role', bearer($who{revoked}))), 200,
   'what is revoked later is in use before');
is(code($s->ask('POST', '/revoke', '{"issuer":"main","jti":"gone"}',
                bearer($who{the_admin}), 'Content-Type: application/json')),
   200, 'a token is revoked');

my ($head, @rows) = split /\n/, $table;
my @places = split ' ', $head;

for my $row (@rows) {
    my ($who, @expected) = split ' ', $row;
    for my $i (0 .. $#places) {
        my @field = defined $who{$who} ? bearer($who{$who}) : ();
        my $got = $s->get("/$places[$i]", @field);
        is(code($got), $expected[$i], "$who: /$places[$i]");
        is(body($got) eq "content\n" ? 1 : 0, $expected[$i] == 200 ? 1 : 0,
           "$who: /$places[$i]: what is there, or nothing of it");
    }
}

is(code(get('/all', $who{with_everything})), 200, 'all at once');
is(code(get('/all', main(@founder, %{{@all}}{'roles'}))), 200,
   'all at once, with the bypass');
is($s->field(get('/all', $_->[1]), 'X-Decision'), "refused|require|$_->[0]",
   "all at once: $_->[0] is told first")
    for ['role=editor', main(sub => 'bob')],
        ['permission=orders:read', main(roles => ['editor'])],
        ['admin', main(roles => ['editor', 'clerk'])],
        ['admin', main(@all)];


# Each condition, and what comes near it.

sub holds { return judged(200, @_) }
sub fails { return judged(403, @_) }

sub judged {
    my ($status, $path, $name, @claims) = @_;
    my $got = get($path =~ m{^/} ? $path : "/$path", main(@claims));
    return is(code($got), $status, "$path: $name");
}

holds('role', 'an array', roles => ['author', 'editor']);
holds('role', 'a text', roles => 'editor');
holds('role', 'a text of words', roles => 'author editor');
fails('role', $_->[0], roles => $_->[1]) for (
    ['another case', ['Editor']], ['a longer one', ['editors']],
    ['a shorter one', ['edito']], ['with a space', ['editor ']],
    ['words in an array', ['author editor']],
    ['commas in an array', ['author,editor']],
    ['commas in a text', 'author,editor'],
    ['an array in it', [['editor']]], ['an object', { editor => 1 }],
    ['a truth', JSON::PP::true], ['nothing', undef], ['an empty one', ''],
    ['no array', []], ['a null', [undef]],
    ['a text with more behind it', "editor\tx"],
);
fails('role', 'a role that is named by another claim', role => 'editor',
      scope => 'editor', tier => 'editor');

holds('roles', $_, roles => [$_]) for qw(editor author);
fails('roles', 'neither', roles => ['reader']);
fails('roles', 'the text itself', roles => ['editor|author']);
holds('role-odd', 'a name of many signs', roles => ['https://x/y:z']);

# permissions by a role

sub granted {
    my ($role, %expected) = @_;
    judged($expected{$_} ? 200 : 403, $_, "as $role", roles => [$role])
        for qw(read refund refund-all order orders ordersx either);
}

granted('clerk',   read => 1, either => 1);
granted('manager', read => 1, refund => 1, 'refund-all' => 1, either => 1);
granted('boss',    map { $_ => 1 } qw(read refund refund-all order orders
                                      ordersx either));
granted('near',    order => 1, orders => 1);
granted('deeper',  'refund-all' => 1);
granted($_)        for 'orders:read', 'orders:*', '*', 'Clerk', 'cler';

# permissions of the token, where the issuer is trusted with them

holds('read', 'by the token', scope => 'orders:read');
holds('read', 'among others', scope => ['x', 'orders:read', 'y']);
holds('either', 'the other', scope => 'stock:read');
fails('read', "a token has $_", scope => $_)
    for 'orders:*', '*', 'orders', 'orders:', 'orders:read:x', 'orders:rea',
        'clerk', 'manager', 'boss', 'orders:read,x', 'ORDERS:READ';
fails('read', 'under another name', permissions => ['orders:read']);
is(code(get('/read', elses(scope => 'orders:read',
                           permissions => ['orders:read']))), 403,
   'an issuer without a line "permissions"');
is(code(get('/read', elses(roles => ['clerk']))), 200,
   'whose roles count all the same');

# claims

for my $name (qw(org orgs)) {
    holds($name, 'a text', org => 'acme');
    holds($name, 'in an array', org => ['x', 'acme']);
    fails($name, $_->[0], org => $_->[1]) for (
        ['another', 'umbrella'], ['another case', 'Acme'],
        ['with a space', 'acme '], ['longer', 'acmee'], ['shorter', 'acm'],
        ['words', 'acme initech'], ['nobody', undef], ['empty', ''],
        ['an object', { acme => 'acme' }], ['an array in it', [['acme']]],
        ['an empty array', []], ['a number', 0], ['a truth', JSON::PP::true],
        ['the alternatives', 'acme|initech'],
    );
}
fails('org', 'the other alternative', org => 'initech');
holds('orgs', 'the other alternative', org => 'initech');
fails('org', 'by another case of its name', Org => 'acme');

holds('seven', $_->[0], n => $_->[1])
    for ['a number', 7], ['a text', '7'], ['in an array', [1, 7]];
fails('seven', $_->[0], n => $_->[1])
    for ['77', 77], ['-7', -7], ['7.5', 7.5], ['" 7"', ' 7'], ['"07"', '07'],
        ['a truth', JSON::PP::true], ['[[7]]', [[7]]];
holds('real', 'a real number', n => 7.5);
holds('true', $_->[0], ok => $_->[1])
    for ['a truth', JSON::PP::true], ['a text', 'true'];
fails('true', $_->[0], ok => $_->[1])
    for ['false', JSON::PP::false], ['1', 1], ['"TRUE"', 'TRUE'];

# numbers as a token may write them

for (['7', 200], ['7.0', 403], ['70e-1', 403], ['7e0', 403]) {
    my ($text, $status) = @$_;
    my $claims = Kairo::Token::json(Kairo::Token::claims());
    $claims =~ s/\}\z/,"n":$text}/;
    is(code(get('/seven', token($key, claims => $claims))), $status,
       "the number $text");
}
for (['null', 'null'], ['list', '[]']) {
    my ($place, $text) = @$_;
    my $claims = Kairo::Token::json(Kairo::Token::claims());
    $claims =~ s/\}\z/,"org":$text}/;
    is(code(get("/$place", token($key, claims => $claims))), 403,
       "$text is no text");
}

holds('deep', 'a JSON Pointer', a => { b => 'x' });
fails('deep', $_->[0], @{$_->[1]})
    for ['another', [a => { b => 'y' }]], ['a member of that name',
        ['/a/b' => 'x']], ['flat', ['a.b' => 'x']], ['too short',
        [a => 'x']], ['an array on the way', [a => [{ b => 'x' }]]];
holds('slash', 'escapes', 'a/b' => { 'c~d' => 'x' });
fails('slash', 'escapes as they are', 'a~1b' => { 'c~0d' => 'x' });
holds('url', 'a name with slashes', 'https://x/role' => 'x');
holds('flat', 'a name with dots', 'a.b' => 'x');
fails('flat', 'dots are no path', a => { b => 'x' });
fails('item', 'an array has no names', list => ['x']);
holds('equals', 'a value with "="', eq => 'a=b');
fails('equals', 'a part of it', eq => 'a');
holds('space', 'a value with a space', org => 'big corp');

# variables

holds('/arg?org=acme', 'a variable', org => 'acme');
holds('/arg?org=acme', 'in an array', org => ['x', 'acme']);
fails('/arg?org=acm', 'another', org => 'acme');
fails("/arg$_->[0]", "an empty one: $_->[1]", @{$_->[2]})
    for ['', 'no claim', []], ['?org=', 'no claim', []],
        ['', 'an empty claim', [org => '']],
        ['?org=', 'an empty claim', [org => '']],
        ['?org=', 'in an array', [org => ['']]],
        ['', 'a claim', [org => 'acme']];
fails('/arg?org=acme|x', 'a "|" in a variable is no more than itself',
      org => 'acme');
holds('/arg?org=acme|x', 'and that it is', org => 'acme|x');
holds('/arg-bar?org=acme', 'the first of two', org => 'acme');
holds('/arg-bar?too=acme', 'the second of two, the first is empty',
      org => 'acme');
fails('/arg-bar?too=x&org=y', 'neither', org => 'acme');
fails('/arg-bar', 'both are empty', org => '');
holds('/arg-in?org=1', 'a part of a value', org => 'x-1');
fails('/arg-in?org=1', 'the part alone', org => '1');
holds('/tenant/acme', 'of the path', org => 'acme');
fails('/tenant/umbrella', 'of another path', org => 'acme');
fails('/tenant/', 'of no path', org => '');
holds('claims', 'another claim', org => 'x', team => 'x');
fails('claims', 'that differs', org => 'x', team => 'y');
fails('claims', 'that neither has');
fails('claims', 'that one has', org => '');
holds('self', 'what auth knows', sub => 'bob');

# any, and all

holds('any', $_->[0], @{$_->[1]})
    for ['the first', [roles => ['editor']]],
        ['the second', [scope => 'stock:read']],
        ['the second, by a role', [roles => ['manager']]],
        ['the third', [org => 'acme']], ['the last', [n => 7]];
fails('any', 'none', roles => ['clerk'], scope => 'x', org => 'y', n => 8);
holds('two', 'both', roles => ['editor'], org => 'acme');
fails('two', 'the first', roles => ['editor']);
fails('two', 'the second', org => 'acme');
fails('two', 'none');

# tiers

is(code(get('/paid', main(tier => $_))), 200, "tier $_") for qw(pro team);
is(code(get('/paid', main(tier => $_))), 402, "tier \"$_\"")
    for 'free', 'Pro', 'pro ', 'proo', 'pr', 'admin', 'pro,team', 'pro|team',
        'bypass=admin', '';
is(code(get('/paid', main(tier => ['pro']))), 402, 'tier: an array');
is(code(get('/paid', main(tier => undef))), 402, 'tier: none');
is(code(get('/paid', main(tier => 'admin', roles => ['admin'],
                          admin => JSON::PP::true))), 402,
   'a token says that it is an administrator, and is none');
is(code(get('/admin', main(tier => 'admin', roles => ['admin'],
                           admin => JSON::PP::true, sub => 'admin'))), 403,
   'nor is it one anywhere');
is(code(get('/strict', $who{the_admin})), 402,
   'an administrator, where nothing is said of a bypass');


# What is known of it: variables.

sub rights { return $s->field(get(@_), 'X-Rights') }

is(rights('/user', $who{the_admin}), '1|||', 'variables: an administrator');
is(rights('/user', $who{"the_admin's_name"}), '|||',
   'variables: of another issuer');
is(rights('/user', main(scope => 'a b c:d')), '|a,b,c:d||',
   'variables: permissions of the token');
is(rights('/user', main(roles => ['manager'])), '|||',
   'variables: those of a role are none of the token');
is(rights('/paid', main(tier => 'team')), '||team|',
   'variables: the tier that has opened');
is(rights('/paid', $who{the_admin}), '1||admin|1',
   'variables: the bypass');
is(rights('/paid', main(@founder, tier => 'pro')), '1||pro|',
   'variables: an administrator who has paid needs none');
is(rights('/paid', main(@founder, tier => 'admin')), '1||admin|1',
   'variables: nor does a tier "admin" matter');
is(rights('/paid', $who{a_user}), '|||', 'variables: who has not paid');
is(rights('/user', main(tier => 'pro')), '|||',
   'variables: where no paywall is');
is(rights('/strict', $who{the_admin}), '1|||', 'variables: no bypass');
is($s->field(get('/role', $who{a_user}), 'X-Decision'),
   'refused|require|role=editor', 'variables: the requirement');
is($s->field(get('/space', $who{a_user}), 'X-Decision'),
   'refused|require|claim org=big corp', 'variables: a claim');
is($s->field(get('/arg?org=acme', $who{a_user}), 'X-Decision'),
   'refused|require|claim org=$arg_org',
   'variables: as it stands in the configuration, not what it came to');
is($s->field(get('/any', $who{a_user}), 'X-Decision'),
   "refused|require|$condition{any}", 'variables: all of the line');
is($s->field(get('/paid', $who{a_user}), 'X-Decision'),
   'refused|require|entitlement=pro|team', 'variables: the paywall');
is($s->field(get('/admin', $who{a_user}), 'X-Decision'),
   'refused|require|admin', 'variables: administrators alone');
is($s->field(get('/role', $who{an_editor}), 'X-Decision'),
   'passed||', 'variables: a pass');

like(get('/app', $who{the_admin}), qr/^Admin-Run: 1\r$/m,
     'the application is told of the bypass');
unlike($s->get('/app', bearer(main(tier => 'pro')), 'Admin-Run: 1'),
       qr/^Admin-Run:/m, 'and by nobody else');


# What the client sees, and what it does not.

{
    my $got = get('/seen/role', $who{a_user});
    is($s->field($got, 'WWW-Authenticate'),
       'Bearer realm="kairo", error="insufficient_scope"',
       '403: the challenge');
    is($s->field($got, 'Content-Type'), 'application/problem+json',
       '403: problem details');
    is($s->field($got, 'Cache-Control'), 'no-store', '403: is not kept');
    is(body($got), '{"type":"urn:problem-type:kairo:forbidden",'
       . '"title":"Forbidden","status":403,'
       . '"detail":"you have no right to this","layer":"require",'
       . '"code":"forbidden"}' . "\r\n", '403: the document');
    unlike($got, qr/editor/, '403: and nothing of the requirement');
    is(body(get('/seen/admin', $who{a_user})), body($got),
       '403: the same for an administrator\'s place');
    unlike(get('/seen/admin', $who{a_user}), qr/admin/i,
           '403: which is not told');

    is(body($s->get('/seen/role', bearer($who{a_user}), 'Accept: text/plain')),
       "403 Forbidden: you have no right to this (forbidden)\r\n",
       '403: as text');

    $got = $s->ask('HEAD', '/seen/role', undef, bearer($who{a_user}));
    is(code($got) . body($got), '403', '403: HEAD');
    is(body(get('/seen/page', $who{a_user})), "page\n",
       '403: a page of the location\'s own');
    is(code(get('/seen/page', $who{a_user})), 403, '403: with its status');

    $got = $s->ask('POST', '/seen/body', 'x' x 100_000, bearer($who{a_user}));
    is(code($got), 403, '403: with a body that nobody reads');

    $got = get('/seen/paid', $who{a_user});
    is(body($got), '{"type":"urn:problem-type:kairo:entitlement_required",'
       . '"title":"Payment Required","status":402,'
       . '"detail":"this is not part of your plan","layer":"require",'
       . '"code":"entitlement_required",'
       . '"upgrade":"https://www.example.com/pricing?a=1&b=2"}' . "\r\n",
       '402: the document, with the address');
    is($s->field($got, 'WWW-Authenticate'), undef, '402: no challenge');
    unlike($got, qr/\bpro\b/, '402: and nothing of the tier');
    like(get('/seen/path', $who{a_user}), qr{"upgrade":"/plans"\}},
         '402: another address of the location\'s own');
    is(body($s->get('/seen/paid', bearer($who{a_user}), 'Accept: text/plain')),
       '402 Payment Required: this is not part of your plan '
       . '(entitlement_required) https://www.example.com/pricing?a=1&b=2'
       . "\r\n", '402: as text');
    is($s->field(get('/seen/role', $who{a_user}), 'X-Decision'), undef,
       'a location that tells nothing');
}


# Dry runs.

quiet();
is($s->field(get('/dry/role', $who{a_user}), 'X-Decision'),
   'refused_dry_run|require|role=editor', 'dry run: would be refused');
is(code(get("/dry/$_", $who{a_user})), 200, "dry run: $_ passes")
    for qw(role admin paid);
is(rights('/dry/paid', $who{the_admin}), '1||admin|1', 'dry run: the bypass');
is(rights('/dry/paid', $who{a_user}), '|||', 'dry run: no bypass');
is(code($s->get('/dry/role')), 401, 'dry run: of this alone, not of auth');
is(total('role=editor', 'refused_dry_run'), 2, 'dry run: is counted');
$s->logged(qr/\[info\] .*kairo require: refused, dry run, requirement: role=editor,/,
           'dry run: is logged');

{
    my $got = $s->get('/auth-dry/role');
    is(code($got) . ' ' . $s->field($got, 'X-Decision'),
       '401 refused|require|no_credential', 'auth in a dry run: nobody');
    like($s->field($got, 'WWW-Authenticate'), qr/^Bearer\b/,
         'auth in a dry run: the challenge');
    like(body($got), qr/"status":401,.*"code":"no_credential"\}/,
         'auth in a dry run: the document');
    is(code(get('/auth-dry/role', 'not.a.token')), 401,
       'auth in a dry run: a bad token');
    is(code(get('/auth-dry/role', $who{an_expired_admin})), 401,
       'auth in a dry run: an expired one');
    is(code(get('/auth-dry/paid', $who{revoked})), 401,
       'auth in a dry run: a revoked one');
    is(code($s->get('/auth-dry/paid')), 401, 'auth in a dry run: a paywall');
    is(code(get('/auth-dry/role', $who{an_editor})), 200,
       'auth in a dry run: who may');
    is(code(get('/auth-dry/role', $who{a_user})), 403,
       'auth in a dry run: who may not');
    is(code($s->get('/auth-dry/both')), 200, 'both in a dry run');
}


# The log and the metrics.

{
    my $before = total('role=a\"b\\\\c', 'refused');
    is($before, 0, 'a name that has to be escaped');
    is(code(get('/quote', main(roles => ['a"b\\c']))), 200,
       'a name that has to be escaped holds');
    get('/quote', $who{a_user});
    is(total('role=a\"b\\\\c', 'refused'), 1, 'and is counted');
}

quiet();
get('/level', $who{a_user});
is(total('role=level', $_->[0]), $_->[1], "counted: $_->[0]")
    for ['refused', 1], ['refused_dry_run', 0], ['bypassed', 0];
$s->logged(qr/\[error\] .*kairo require: refused, requirement: role=level, client: 127\.0\.0\.1,/,
           'the log line, at its level');

{
    my $bypassed = total('entitlement=pro|team', 'bypassed');
    my $refused = total('entitlement=pro|team', 'refused');
    cmp_ok($bypassed, '>', 0, 'what was bypassed is counted');
    get('/paid', $_) for $who{the_admin}, $who{a_user}, main(tier => 'pro');
    is(total('entitlement=pro|team', 'bypassed'), $bypassed + 1,
       'one more is');
    is(total('entitlement=pro|team', 'refused'), $refused + 1,
       'who was refused too, and a pass is not');
    cmp_ok(total('admin', 'refused'), '>', 0, 'administrators alone');
    is(total('role=editor|author', 'refused'), 2,
       'a line of two is one requirement');
}

# ten lines a second, and then how many were left out

get('/flood', $who{a_user}) for 1 .. 60;
$s->until(sub { get('/flood', $who{a_user});
                $s->log =~ /\[notice\] .*require: left out \d+ lines/ });
$s->logged(qr/\[notice\] .*kairo require: left out \d+ lines/,
           'lines that were left out are counted');
cmp_ok(scalar(() = $s->log =~ /requirement: role=flood/g), '<', 40,
       'and are not there');


# A CORS preflight has no credentials.

my @preflight = ('Origin: https://app.example.com',
                 'Access-Control-Request-Method: POST');

like($s->ask('OPTIONS', '/preflight', undef, @preflight), qr/^HTTP\S+ 200 .*^OPTIONS \/preflight/ms,
     'a preflight passes');
is(code($s->ask('OPTIONS', '/preflight', undef, $preflight[0])), 401,
   'what is none does not');
is(code($s->ask('POST', '/preflight', '', @preflight)), 401,
   'nor does a POST that looks like one');
is(code($s->get('/preflight', @preflight, bearer($who{a_user}))), 403,
   'nor a user');
is(code($s->ask('OPTIONS', '/preflight', undef, bearer($who{a_user}))), 403,
   'nor a user who asks for the options');
is(code($s->ask('OPTIONS', '/no-preflight', undef, @preflight)), 401,
   'nor any where that is not allowed');
is(code($s->ask('OPTIONS', '/no-preflight', undef, @preflight,
                bearer($who{a_user}))), 403, 'by a user neither');


# Counters go on over a reload.

{
    my %before = map { $_ => total($_, 'refused') } 'admin', 'role=editor',
                 'entitlement=pro|team';
    my $reordered = $http =~ s/(location = \/any .*\n)//r =~
                    s/(kairo_auth required.*?;)/$1 location = \/first {
                      kairo_require role=first; }/sr;
    ok($s->reload($reordered), 'a reload with other requirements');
    is(total($_, 'refused'), $before{$_}, "a reload: counted: $_")
        for sort keys %before;
    get('/role', $who{a_user});
    get('/first', $who{a_user});
    is(total('role=editor', 'refused'), $before{'role=editor'} + 1,
       'a reload: and counted on');
    is(total('role=first', 'refused'), 1, 'a reload: as one that is new');
}


# Nobody's name, and no part of a token, is in the error log.

$s->not_logged(qr/founder|f1\b|bob\b|alice|example\.com|eyJ/i,
               'no name in the error log');

sub access_logged {
    my ($line, $name) = @_;
    return ok(scalar(grep { $_ eq $line } split /\n/, $s->log('line.log')),
              $name);
}

access_logged('/paid 200 [passed - -] [admin] [1]',
              'the access log is told of a bypass');
access_logged('/paid 402 [refused require entitlement=pro|team] [-] [-]',
              'the access log is told of a refusal');

$s->finish;


# More requirements than there are counters.

{
    my $s = Kairo::Server->new;
    $s->file('main.key', 'm' x 32);
    $s->start(<<END);
    kairo_issuer main { issuer https://issuer.test/; audience api; algs HS256;
                        keys secret=file:main.key; }
    server {
        listen 127.0.0.1:%%PORT%%;
        kairo_auth required issuer=main;
        location = /up { kairo_auth off; return 200 up; }
        location = /metrics { kairo_auth off; kairo_metrics; }
        location = /long { kairo_require role=@{['l' x 64]}
                                         | role=@{['m' x 64]}; }
        @{[map { "location = /$_ { kairo_require role=r$_; }\n" } 1 .. 300]}
    }
END
    my $user = bearer($who{a_user});
    is($s->status("/$_", $user), 403, "requirement $_ holds")
        for 1, 253, 254, 300, 'long';
    my %count = $s->get('/metrics')
        =~ /^kairo_require_total\{requirement="([^"]+)",result="refused"\} (\d+)/mg;
    is(scalar(keys %count), 256, '255 requirements, and the others');
    is($count{$_}, 1, "$_ is counted") for 'role=r1', 'role=r253';
    is($count{'role=' . 'l' x 64 . ' | role=' . 'm' x 35}, 1,
       'a long one by what there is room for');
    is($count{others}, 2, 'and those that have none of their own');
    is($s->pid && $s->children, 1, 'and all is well');
    $s->finish;
}

done_testing();
