# Each allocation of the module fails once, in requests that auth refuses and
# in those that pass: nobody gets in by it, nobody is taken for another, and no
# worker dies.

use strict;
use warnings;

use lib 't/lib';
use Kairo::Provider;
use Kairo::Server;
use Kairo::Token qw(key token jwks);
use Test::More;
use Time::HiRes qw(sleep time);

plan(skip_all => 'needs a build whose allocations can fail')
    unless $ENV{KAIRO_FAULT};

my %key = map { $_ => key('p256', ord($_) - 64) } 'A' .. 'D';
my %token = map { $_ => token($key{$_}, claims => { roles => ['r'] }) }
            keys %key;
my $provider = Kairo::Provider->new->answer(body => jwks($key{A}));
my $app = Kairo::Provider->new->answer(echo => 1);
my $s = Kairo::Server->new;

# issuers that have no keys yet, one for each fault

my $most = 30;
my $issuers = join "\n", map { <<"END" } 1 .. $most;
    kairo_issuer first$_ { issuer https://issuer.test/; audience api;
                           algs ES256; roles roles;
                           keys location=/_keys interval=1ms timeout=1s; }
END
my $first = join "\n", map { <<"END" } 1 .. $most;
        location = /first$_ { kairo_auth required issuer=first$_;
                              proxy_pass http://127.0.0.1:$app->{port}; }
END

$s->file('keys', jwks($key{A}));
$s->file('html/t', 'content');
$s->file('html/page', 'page');
$s->start(<<END);
    kairo_issuer file { issuer https://issuer.test/; audience api;
                        algs ES256; roles roles;
                        keys file=keys check=20ms; }
    kairo_issuer away { issuer https://issuer.test/; audience api;
                        algs ES256; roles roles;
                        keys location=/_keys interval=1ms timeout=1s; }
    $issuers
    server {
        listen 127.0.0.1:%%PORT%%;
        root html;
        location = /up { return 200 up; }
        location = /metrics { kairo_metrics; }
        location = /t { kairo_auth required issuer=file; }
        location = /optional { kairo_auth optional issuer=file;
                               try_files /t =404; }
        location = /cookie { kairo_auth required issuer=file
                                        from=bearer,cookie:a,cookie:b;
                             try_files /t =404; }
        location = /page { kairo_auth required issuer=file;
                           error_page 401 /page.html; }
        location = /weak { kairo_auth optional issuer=file;
                           try_files /none /t; }
        location = /claim { kairo_auth required issuer=file;
                            add_header X-Sub \$kairo_claim_sub;
                            try_files /t =404; }
        location = /app { kairo_auth required issuer=file;
                          proxy_pass http://127.0.0.1:$app->{port}; }
        location = /away { kairo_auth required issuer=away;
                           proxy_pass http://127.0.0.1:$app->{port}; }
        $first
        location = /_keys { internal;
                            proxy_pass http://127.0.0.1:$provider->{port}; }
    }
END

my @forged = ('Before: 1', 'X-Kairo-User: forged', 'After: 1',
              'X_Kairo_Roles: forged', 'Accept: */*');

sub bearer { return "Authorization: Bearer $_[0]" }

sub code { return $_[0] =~ m{^HTTP/1.1 (\d+)} ? $1 : 0 }

sub faults { return scalar(() = $s->log =~ /kairo fault:/g) }

# with_faults NAME, LEAST, METHOD, PATH, CHECK, FIELD...: a request for each
# allocation, until there are no more.

sub with_faults {
    my ($name, $least, $method, $path, $check, @fields) = @_;
    my ($fired, $wrong, %seen) = (0, 0);
    for my $n (1 .. 100) {
        my $before = faults();
        my $got = $s->ask($method, $path, undef, "Fault: $n", @forged,
                          @fields);
        $seen{code($got)}++;
        $wrong++ unless $check->($got);
        last if faults() == $before;
        $fired++;
    }
    diag("$name: $fired faults, ", join ', ', map { "$seen{$_} x $_" }
                                              sort keys %seen);
    cmp_ok($fired, '>=', $least, "$name: allocations did fail");
    is($wrong, 0, "$name: and none let in who should not be");
}

# Who is refused without a fault is refused with one, by whatever status.

sub stays_out { return code($_[0]) >= 400 && $_[0] !~ /content$/ }

my $bad = $token{A} =~ s/([^.])([^.]*)$/($1 eq 'x' ? 'y' : 'x') . $2/er;
my @refused = (
    ['no token', 2, 'GET', '/t'],
    ['a bad one', 3, 'GET', '/t', bearer($bad)],
    ['no token at all', 3, 'GET', '/t', bearer('x')],
    ['an unknown key', 3, 'GET', '/t', bearer($token{B})],
    ['an expired one', 3, 'GET', '/t',
     bearer(token($key{A}, claims => { exp => 1 }))],
    ['no subject', 3, 'GET', '/t',
     bearer(token($key{A}, claims => { sub => undef }))],
    ['a bad one where it is optional', 3, 'GET', '/optional', bearer($bad)],
    ['a bad one that is led on', 3, 'GET', '/weak', bearer($bad)],
    ['nobody who is led on', 3, 'GET', '/weak'],
    ['two cookies', 1, 'GET', '/cookie', "Cookie: a=$token{A}; a=$token{A}"],
    ['a bad cookie', 3, 'GET', '/cookie', "Cookie: b=$bad"],
    ['a page of another origin', 1, 'POST', '/cookie',
     "Cookie: b=$token{A}", 'Origin: http://evil.test'],
    ['an error page', 2, 'GET', '/page', bearer($bad)],
    ['an application', 3, 'GET', '/app', bearer($bad)],
);

for my $case (@refused) {
    my ($name, $least, $method, $path, @fields) = @$case;
    ok(stays_out($s->ask($method, $path, undef, @fields)),
       "$name: is refused");
    with_faults($name, $least, $method, $path, \&stays_out, @fields);
}

# Who passes without a fault may be refused with one, and is answered; to the
# application he is himself or does not come.

sub himself {
    my ($got) = @_;
    return code($got) >= 400 unless code($got) == 200;
    my @told = sort map { s/\r$//r } grep { /^x.kairo/i }
               split /\n/, (split /\r\n\r\n/, $got, 2)[1];
    return $got =~ m{^GET /}m && "@told" =~ /^X-Kairo-Issuer:\ \w+
           \ X-Kairo-Roles:\ r\ X-Kairo-Subject:\ alice
           \ X-Kairo-User:\ \w+:alice$/x;
}

for my $n (1 .. 2) {
    with_faults("an application, time $n", 5, 'GET', '/app', \&himself,
                bearer($token{A}));
}
with_faults('claims', 5, 'GET', '/claim', sub { code($_[0]) > 0 },
            bearer($token{A}));
with_faults('metrics', 2, 'GET', '/metrics', sub { code($_[0]) > 0 });

# a key that has gone, and the token is known: whatever fails when the new keys
# are read, it does not come back

{
    my ($wrong, $fired, $later) = (0, 0, 0);
    my $replace = sub {
        my $read = () = $s->log =~ /"file" are read anew/g;
        $s->file('keys.new', jwks(@_));
        rename "$s->{dir}/keys.new", "$s->{dir}/keys";
        $s->until(sub {
            (() = $s->log =~ /"file" are read anew/g) > $read;
        });
    };
    for my $n (1 .. 100) {
        $replace->($key{A});
        $s->until(sub { code($s->get('/t', bearer($token{A}))) == 200 });
        $replace->(@key{qw(B C)});

        my $before = faults();
        my $got = $s->get('/t', "Fault: $n", bearer($token{A}));
        $wrong++ unless stays_out($got);
        my $after = join ' ', map { code($s->get('/t', bearer($token{$_}))) }
                    qw(A B);
        $later++, diag("after fault $n: $after") unless $after eq '401 200';
        last if faults() == $before;
        $fired++;
    }
    diag("new keys: $fired faults");
    cmp_ok($fired, '>', 4, 'new keys: allocations did fail');
    is($wrong, 0, 'new keys: the old one did not come back');
    is($later, 0, 'new keys: and they are in force with the next request');
}

# a fetch: nobody gets in, nobody waits for ever, and it goes on afterwards

$s->get('/away', bearer($token{A}));
with_faults('a fetch for who is unknown', 8, 'GET', '/away', \&stays_out,
            bearer($token{D}));

{
    my ($fired, $wrong, @later) = (0, 0);
    for my $n (1 .. $most) {
        my $before = faults();
        my $got = $s->get("/first$n", "Fault: $n", @forged,
                          bearer($token{A}));
        $wrong++ unless himself($got);
        push @later, $n;
        last if faults() == $before;
        $fired++;
    }
    diag("the first fetch: $fired faults");
    cmp_ok($fired, '>=', 8, 'the first fetch: allocations did fail');
    is($wrong, 0, 'the first fetch: nobody is another');
    my @never = grep {
        my $n = $_;
        !$s->until(sub { code($s->get("/first$n", bearer($token{A}))) == 200 })
    } @later;
    is("@never", '', 'the first fetch: keys come in the end');
}

for my $n (1 .. 60) {
    my ($new, $old) = $n % 2 ? ('B', 'A') : ('A', 'B');
    $provider->answer(body => jwks($key{$new}));
    my $got = $s->get('/away', "Fault: $n", @forged, bearer($token{$new}));
    ok(himself($got), "a new key, fault $n")
        or diag($got) if !himself($got);
    $s->until(sub { code($s->get('/away', bearer($token{$new}))) == 200 })
        or fail("the new key, after fault $n");
    $s->until(sub { code($s->get('/away', bearer($token{$old}))) == 401 })
        or fail("the old key, after fault $n");
}
pass('keys that change with faults');

is(code($s->get('/t', bearer($token{B}))), 200, 'the worker is well');
$s->not_logged(qr/exited on signal/, 'and none has died');
$s->finish;

done_testing();
