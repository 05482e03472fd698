# Each allocation of the module fails once, and each call of libpq that may
# fail, in requests that ask Postgres and while a connection is made: everybody
# is answered, nobody is taken for another, and the connection is there again.

use strict;
use warnings;

use lib 't/lib';
use Kairo::Load;
use Kairo::Postgres;
use Kairo::Server;
use Kairo::Token qw(key token jwks);
use Test::More;
use Time::HiRes qw(sleep time);

plan(skip_all => 'needs a build whose allocations can fail')
    unless $ENV{KAIRO_FAULT};

my $pg = Kairo::Postgres->new;
my $s = Kairo::Server->new;
my $key = key('p256', 1);

$pg->sql(join '', map { <<"END" } 1 .. 3);
insert into kairo.plans values ('p$_', 'p$_');
with u as (insert into kairo.users (issuer, subject, blocked)
           values ('file', 'u$_', $_ = 3) returning user_id)
insert into kairo.entitlements (user_id, plan, source)
    select user_id, 'p$_', 'test' from u;
END

$s->file('keys', jwks($key));
$s->file('edge', $pg->conninfo('edge'));
$s->file('html/t', 'content');
$s->file('html/index.html', 'content');
$s->start(<<END);
    kairo_issuer file { issuer https://issuer.test/; audience api;
                        algs ES256; keys file=keys; }
    kairo_postgres main file:edge timeout=3s connect_timeout=1s;
    server {
        listen 127.0.0.1:%%PORT%%;
        root html;
        add_header X-Tier "\$kairo_tier \$kairo_user_id";
        kairo_auth_log_level info;
        location = /up { return 200 up; }
        location = /metrics { kairo_metrics; }
        location = /t { kairo_auth required issuer=file;
                        kairo_tier postgres=main default=free; }
        location = /dry { kairo_auth required issuer=file; kairo_tier_dry_run on;
                          kairo_tier postgres=main default=free;
                          try_files /t =404; }
        location / { kairo_auth required issuer=file;
                     kairo_tier postgres=main default=free on_error=pass;
                     index index.html; }
    }
END

my %bearer = map { $_ => 'Authorization: Bearer '
                         . token($key, claims => { sub => $_ }) }
             qw(u1 u2 u3 new);
my @ids = map { $pg->sql("select user_id from kairo.users
                          where subject = 'u$_'") } 1 .. 3;

sub code { return $_[0] =~ m{^HTTP/1.1 (\d+)} ? $1 : 0 }

sub faults { return scalar(() = $s->log =~ /kairo fault:/g) }

sub connected { return scalar(my @all = $pg->backends('edge')) }

# Each request, of whatever, is the end of what fails for the one before it.

sub whole {
    return $s->until(sub {
        $s->get('/t', $bearer{u1}) =~ /^X-Tier: p1 /m && connected() == 1 });
}

# Two are themselves; one is blocked and never gets in; who passes on error has
# bought nothing.

my %check = (
    u1 => sub { $_[0] =~ /^X-Tier: p1 $ids[0]\r$/m || code($_[0]) >= 500 },
    u3 => sub { code($_[0]) == 403 || code($_[0]) >= 500 },
    new => sub { $_[0] =~ /^X-Tier: free [0-9a-f-]{36}\r$/m
                 || code($_[0]) >= 500 },
    pass => sub { $_[0] =~ /^X-Tier: (?:p1 $ids[0]|free )\r$/m
                  || code($_[0]) >= 500 },
    blocked => sub { code($_[0]) == 403 || $_[0] =~ /^X-Tier: free \r$/m
                     || code($_[0]) >= 500 },
);

# with_faults NAME, LEAST, CHECK, BEFORE, PATH, FIELD...: a request for each
# call, until there are no more.

sub with_faults {
    my ($name, $least, $check, $before, $path, @fields) = @_;
    my ($fired, $wrong, $late, $never, %seen) = (0, 0, 0, 0);
    for my $n (1 .. 80) {
        whole() or $never++;
        last if $never;
        $before->();
        my ($old, $at) = (faults(), time);
        my $got = $s->get($path, "Fault: $n", @fields);
        $late++ if time - $at > 6;
        $seen{code($got)}++;
        $check->($got) or $wrong++, diag("$name, fault $n: $got");
        last if faults() == $old;
        $fired++;
    }
    diag("$name: $fired faults, ", join ', ', map { "$seen{$_} x $_" }
                                              sort keys %seen);
    cmp_ok($fired, '>=', $least, "$name: calls did fail");
    cmp_ok($fired, '<', 80, "$name: all of them");
    is($wrong, 0, "$name: nobody is another");
    is($late, 0, "$name: answered in time");
    is($never, 0, "$name: and it goes on afterwards");
}

ok(whole(), 'connected');
my ($worker) = $s->children;
my $descriptors = Kairo::Load::descriptors($worker);

with_faults('who is known', 6, $check{u1}, sub {}, '/t', $bearer{u1});
with_faults('who is blocked', 5, $check{u3}, sub {}, '/t', $bearer{u3});
with_faults('who is new', 6, $check{new}, sub {}, '/t', $bearer{new});
with_faults('a page and its index', 10, $check{pass}, sub {}, '/',
            $bearer{u1});
with_faults('who is blocked, and passes on error', 5, $check{blocked}, sub {},
            '/', $bearer{u3});
with_faults('a dry run', 6, $check{pass}, sub {}, '/dry', $bearer{u1});

# a connection that is made meanwhile

sub cut {
    my @pids = $pg->backends('edge');
    kill 'TERM', @pids;
    $s->until(sub { my %now = map { $_ => 1 } $pg->backends('edge');
                    !grep { $now{$_} } @pids });
}

with_faults('a connection that is made', 12, $check{u1}, \&cut, '/t',
            $bearer{u1});

# from one call on all of them fail, until the next request

{
    my ($fired, $wrong) = (0, 0);
    for my $n (1 .. 30) {
        whole() or last;
        cut() if $n % 3 == 0;
        my $old = faults();
        my $got = $s->get('/t', "Faults: $n", $bearer{u1});
        $check{u1}->($got) or $wrong++, diag("faults from $n on: $got");
        $fired++ if faults() > $old;
    }
    cmp_ok($fired, '>', 10, 'nothing works any more: calls did fail');
    is($wrong, 0, 'nothing works any more: nobody is another');
    ok(whole(), 'and it goes on afterwards');
}

# clients that leave before they are answered

{
    my $old = faults();
    for my $n (1 .. 20) {
        close $s->send('/t', "Fault: $n", $bearer{u1});
        sleep 0.02;
    }
    cmp_ok(faults() - $old, '>', 5, 'clients that leave: calls did fail');
    ok(whole(), 'and it goes on afterwards');
}

is("@{[$s->children]}", $worker, 'no worker has died');
ok($s->until(sub { Kairo::Load::descriptors($worker) <= $descriptors }),
   'no descriptor is left open');
cmp_ok(Kairo::Load::busy(1, $worker), '<', 0.1, 'and nothing spins');
is(connected(), 1, 'one connection');

$s->finish;

done_testing();
