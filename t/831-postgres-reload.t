# Workers that come and go, while clients ask and Postgres is there, is frozen,
# or is just being connected to: no request is lost, no connection is left at
# the server, and who has nothing to wait for does not stay.  KAIRO_RELOADS is
# how many, 50 unless set, or 15 where nginx is slow.

use strict;
use warnings;

use lib 't/lib';
use Kairo::Load;
use Kairo::Postgres;
use Kairo::Proxy;
use Kairo::Server;
use Kairo::Token qw(key token jwks);
use Test::More;
use Time::HiRes qw(sleep time);

my $reloads = $ENV{KAIRO_RELOADS} || ($ENV{KAIRO_PROBE} ? 15 : 50);
my $timeout = 3;
my $users = 4;

my $pg = Kairo::Postgres->new;
my $proxy = Kairo::Proxy->new(to => $pg->{port});
my $s = Kairo::Server->new(workers => 2,
                           main => 'env ASAN_OPTIONS; env UBSAN_OPTIONS;');
my $key = key('p256', 1);

$pg->sql(join '', map { <<"END" } 1 .. $users);
insert into kairo.plans values ('p$_', 'p$_');
with u as (insert into kairo.users (issuer, subject) values ('file', 'u$_')
           returning user_id)
insert into kairo.entitlements (user_id, plan, source)
    select user_id, 'p$_', 'test' from u;
END

my $http = <<END;
    access_log off;
    kairo_issuer file { issuer https://issuer.test/; audience api;
                        algs ES256; keys file=keys; }
    kairo_postgres main file:edge timeout=${timeout}s connections=2;
    server {
        listen 127.0.0.1:%%PORT%% backlog=1024;
        root html;
        add_header X-Tier \$kairo_tier;
        add_header X-Pid \$pid;
        location = /up { return 200 up; }
        location = /metrics { kairo_metrics; }
        location = /t { kairo_auth required issuer=file;
                        kairo_tier postgres=main default=free; }
    }
END

$s->file('keys', jwks($key));
$s->file('edge', $pg->conninfo('edge', $proxy->{port}));
$s->file('html/t', 'content');
$s->start($http);

my @bearer = map { 'Authorization: Bearer '
                   . token($key, claims => { sub => "u$_" }) } 1 .. $users;

sub connected { return scalar(my @all = $pg->backends('edge')) }

sub pid_of { return $s->field($_[0], 'X-Pid') // '' }

sub whole {
    return $s->until(sub {
        connected() == 4 && $s->status('/t', $bearer[0]) == 200;
    });
}

# ended PID...: the seconds until these are gone.

sub ended {
    my $at = time;
    my @pids = @_;
    $s->until(sub { !grep { Kairo::Server::alive($_) } @pids }) or return 60;
    return time - $at;
}

# A client whose worker stays for its sake: who asks by it is answered by a
# worker that shuts down.  It has begun a request, and goes on with it later.

sub begun {
    my $c = $s->socket;
    print $c "GET /t HTTP/1.1\r\nHost: localhost\r\n";
    $c->flush;
    # so that a worker has read it
    sleep 0.2;
    return $c;
}

sub go_on {
    my ($c) = @_;
    print $c "Connection: close\r\n$bearer[0]\r\n\r\n";
    return $s->receive($c);
}

sub code { return $_[0] =~ m{^HTTP/1.1 (\d+)} ? $1 : 0 }

ok(whole(), 'two workers, two connections each');

my $load = Kairo::Load->new(port => $s->{port}, clients => 16, close => 1,
    requests => [map { { kind => 't', path => '/t', fields => [$bearer[$_ - 1]],
                         good => qr/^X-Tier: p$_\r$/m } } 1 .. $users]);
sleep 0.3;

# reloads under load

{
    my (%seen, $good);
    my $at = time;
    $load->take;
    for (1 .. $reloads) {
        $seen{$_} = 1 for $s->children;
        $good += $s->reload($http);
    }
    my $got = $load->take;
    diag(sprintf '%d reloads in %.1f s, %d requests, slowest %.0f ms',
         $reloads, time - $at, $got->{n}, $got->{t}{slowest});
    is($good, $reloads, "$reloads reloads come to an end");
    is(scalar(keys %seen), 2 * $reloads, 'by as many workers');
    is_deeply($got->{odd}, [], 'no request is lost');
    cmp_ok($got->{t}{n}, '>', 5 * $reloads, 'there were some');
    is($got->{t}{refused}, 0, 'none is refused');
    ok(whole(), 'as many connections as before');
    is($pg->sql(q(select count(*) from pg_stat_activity
                  where usename = 'kairo_edge')), 4, 'as the server sees it');
}

# one after the other, faster than they come to an end

{
    $load->take;
    for (1 .. 8) {
        kill 'HUP', $s->pid;
        sleep 0.05;
    }
    ok($s->until(sub { my @all = $s->children; @all == 2 }),
       'eight at once come to an end');
    ok(whole(), 'as many connections as before');
    my $got = $load->take;
    is_deeply($got->{odd}, [], 'no request is lost');
    is($got->{t}{refused}, 0, 'none is refused');
    cmp_ok($got->{t}{good}, '>', 10, 'there were some');
}
$load->pause;

# while Postgres is frozen: with questions that wait, and with none

{
    my @old = $s->children;
    my @pids = $pg->backends('edge');
    $pg->freeze(@pids);
    my @asked = map { $s->send('/t', $bearer[0]) } 1 .. 8;
    sleep 0.3;
    kill 'HUP', $s->pid;
    my @got = map { $s->receive($_) } @asked;
    is(join(' ', map { code($_) } @got), join(' ', (503) x 8),
       'who waits for what is frozen is refused');
    cmp_ok(ended(@old), '<', 2 * $timeout + 2, 'and then old workers end');
    $pg->thaw(@pids);
    ok(whole(), 'as many connections as before');

    @old = $s->children;
    $pg->freeze;
    $s->configure($http);
    kill 'HUP', $s->pid;
    cmp_ok(ended(@old), '<', 3, 'who has nobody to wait for ends at once');
    sleep 0.3;

    # those that connect in vain end too
    @old = $s->children;
    kill 'HUP', $s->pid;
    cmp_ok(ended(@old), '<', 3, 'who is being connected ends at once');
    $pg->thaw;
    ok(whole(), 'as many connections as before');
}

# while there is nobody to connect to

{
    my @old = $s->children;
    $proxy->set(mode => 'refuse');
    $proxy->drop;
    sleep 0.5;
    kill 'HUP', $s->pid;
    cmp_ok(ended(@old), '<', 3, 'who tries again and again ends at once');
    @old = $s->children;
    sleep 0.3;
    kill 'HUP', $s->pid;
    cmp_ok(ended(@old), '<', 3, 'and so does who has never had one');
    $proxy->set;
    ok(whole(), 'as many connections as before');
}

# questions that are in flight are answered before a worker ends

{
    # the server counts a connection before its worker has looked at it
    sleep 1;
    my @old = $s->children;
    $proxy->set(delay => 0.8);
    my @asked = map { $s->send('/t', $bearer[0]) } 1 .. 8;
    sleep 0.6;
    kill 'HUP', $s->pid;
    my @got = map { $s->receive($_) } @asked;
    $proxy->set;
    is(join(' ', map { code($_) } @got), join(' ', (200) x 8),
       'what was asked before is answered');
    my %old = map { $_ => 1 } @old;
    is(scalar(grep { $old{pid_of($_)} } @got), 8, 'by who was asked');
    cmp_ok(ended(@old), '<', 3, 'which ends then');
    ok(whole(), 'as many connections as before');
}

# a slow client of an old worker that asks when the worker has closed all

{
    my @old = $s->children;
    my $slow = begun();
    kill 'HUP', $s->pid;
    ok($s->until(sub { 2 > grep { Kairo::Server::alive($_) } @old }),
       'one old worker has ended, the other one stays for a client');
    ok($s->until(sub { connected() == 4 }), 'without a connection');
    my $got = go_on($slow);
    is(code($got), 200, 'which asks then, and is answered');
    ok((grep { $_ eq pid_of($got) } @old), 'by the old one');
    cmp_ok(ended(@old), '<', 3, 'which ends then');
    ok(whole(), 'as many connections as before');
}

# the same, and there is no room for it: that is no fault of the new workers

{
    my @old = $s->children;
    my $slow = begun();
    kill 'HUP', $s->pid;
    $s->until(sub { 2 > grep { Kairo::Server::alive($_) } @old });
    ok(whole(), 'new workers are there');
    $pg->sql('alter role kairo_edge connection limit 4');
    is(code(go_on($slow)), 503, 'there is no room for who comes late');
    cmp_ok(ended(@old), '<', 3, 'it ends then');
    $pg->sql('alter role kairo_edge connection limit -1');
    my $refused = grep { $s->status('/t', $bearer[0]) != 200 } 1 .. 8;
    is($refused, 0, 'others are answered all the while');
    like($s->get('/metrics'), qr/^kairo_postgres_up\{database="main"\} 1$/m,
         'the database is up');

    # it was down for long, if anybody thought so
    sleep $timeout;
    $proxy->drop;
    my @codes = map { $s->status('/t', $bearer[0]) } 1 .. 8;
    is("@codes", '200 200 200 200 200 200 200 200',
       'and when connections are lost the gap is bridged');
    ok(whole(), 'as many connections as before');
}

# workers that are killed, told to end quickly, and in great haste

$load->go;
{
    $load->take;
    for my $signal (qw(KILL TERM KILL)) {
        my @old = $s->children;
        kill $signal, $old[0];
        ok($s->until(sub {
            my @now = $s->children;
            @now == 2 && !grep { $_ == $old[0] } @now;
        }), "$signal: there is another worker");
        ok(whole(), "$signal: as many connections as before");
        is((grep { $_ == $old[1] } $s->children), 1,
           "$signal: the other one is as it was");
    }
    my $got = $load->take;
    cmp_ok($got->{t}{good}, '>', 10, 'others are answered all the while');
    is($got->{t}{refused}, 0, 'by what is right');
    my @strange = grep { !/closed without an answer/ } @{$got->{odd}};
    is("@strange", '', 'but those that the worker had');
}

# a binary upgrade

{
    my $old = $s->pid;
    $load->take;
    kill 'USR2', $old;
    ok($s->until(sub { ($s->pid // $old) != $old && $s->children == 2 }),
       'a new master has started its workers');
    ok($s->until(sub { connected() == 8 }), 'both have connections');
    kill 'QUIT', $old;
    ok($s->until(sub { !Kairo::Server::alive($old) }), 'the old one ends');
    ok(whole(), 'as many connections as before');
    my $got = $load->take;
    is_deeply($got->{odd}, [], 'no request is lost');
    is($got->{t}{refused}, 0, 'none is refused');
    cmp_ok($got->{t}{good}, '>', 10, 'there were some');
}
$load->finish;

# Connections to nginx with bytes that no worker has taken yet: where one that
# is told to end has nobody who asks, it closes its connections at once.

sub unread {
    open my $in, '<', '/proc/net/tcp' or die "/proc/net/tcp: $!\n";
    my $local = sprintf '0100007F:%04X', $s->{port};
    my $queues = qr/[0-9A-F]{8}:([0-9A-F]{8})/;
    return grep { /^ *\d+: $local \S+ 01 $queues/ && hex $1 } <$in>;
}

# the end of all, with questions in flight

{
    $proxy->set(delay => 0.4);
    my @asked = map { $s->send('/t', $bearer[0]) } 1 .. 8;
    ok($s->until(sub { !unread() }), 'the workers have read all requests');
    my $master = $s->pid;
    kill 'QUIT', $master;
    my @got = map { code($s->receive($_)) } @asked;
    is("@got", '200 200 200 200 200 200 200 200',
       'what was asked before the end is answered');
    cmp_ok(ended($master), '<', 5, 'and then it ends');
    $proxy->set;
    ok($s->until(sub { connected() == 0 }), 'no connection is left');

    $s->start($http);
    ok(whole(), 'started again');
    $master = $s->pid;
    $pg->freeze;
    my @unanswered = map { $s->send('/t', $bearer[0]) } 1 .. 4;
    ok($s->until(sub { !unread() }), 'the workers have read all of them');
    kill 'TERM', $master;
    cmp_ok(ended($master), '<', 3, 'a quick end waits for nobody');
    $pg->thaw;
    ok($s->until(sub { connected() == 0 }), 'and leaves no connection');
}

$s->not_logged(qr/open socket/, 'no socket was left open');
$s->not_logged(qr/exited on signal (?!9)/, 'no worker has died by itself');
$s->{expected} = qr/exited on signal 9/;
my @bad = grep { /\[(alert|emerg|crit)\]/ && !/exited on signal 9/ }
          split /\n/, $s->log;
is("@bad", '', 'nothing alarming');

done_testing();
