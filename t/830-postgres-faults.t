# Postgres that is killed, stopped, frozen, full, locked and not as it was, while
# clients ask: each request is answered in time, by what is right or by the
# documented refusal; and all is well by itself when the fault is over.

use strict;
use warnings;

use lib 't/lib';
use Kairo::Load;
use Kairo::Postgres;
use Kairo::Server;
use Kairo::Token qw(key token jwks);
use Test::More;
use Time::HiRes qw(sleep time);

my $timeout = 1;       # of "main", s
my $patience = 10;     # of "patient", s: longer than any gap here
my $users = 8;

my $pg = Kairo::Postgres->new;
my $s = Kairo::Server->new(workers => 2);
my $key = key('p256', 1);
my %token = map { $_ => token($key, claims => { sub => $_ }) }
            (map { "u$_" } 1 .. $users), map { "new$_" } 1 .. 9;

# somebody has a plan of his own, so that nobody can be taken for another

$pg->sql(join '', map { <<"END" } 1 .. $users);
insert into kairo.plans values ('p$_', 'p$_');
with u as (insert into kairo.users (issuer, subject) values ('file', 'u$_')
           returning user_id)
insert into kairo.entitlements (user_id, plan, source)
    select user_id, 'p$_', 'test' from u;
END

$s->file('keys', jwks($key));
$s->file('edge', $pg->conninfo('edge'));
$s->file('html/t', 'content');
$s->file('html/p', 'content');
mkdir "$s->{dir}/html/led";
$s->file('html/led/index.html', 'content');
$s->start(<<END);
    access_log off;
    kairo_issuer file { issuer https://issuer.test/; audience api;
                        algs ES256; keys file=keys; }
    kairo_postgres main file:edge timeout=${timeout}s;
    kairo_postgres patient file:edge timeout=${patience}s connections=4;
    add_header X-Tier \$kairo_tier;
    server {
        listen 127.0.0.1:%%PORT%%;
        root html;
        kairo_auth_log_level info;
        location = /up { return 200 up; }
        location = /plain { return 200 plain; }
        location = /metrics { kairo_metrics; }
        location = /t { kairo_auth required issuer=file;
                        kairo_tier postgres=main default=free; }
        location = /p { kairo_auth required issuer=file;
                        kairo_tier postgres=patient default=free; }
        location /led/ { kairo_auth required issuer=file;
                         kairo_tier postgres=main default=free on_error=pass;
                         index index.html; }
    }
END

sub bearer { return "Authorization: Bearer $token{$_[0]}" }

sub made {
    my $name = qr/kairo_postgres_connections_total/;
    return $s->get('/metrics')
        =~ /^$name\{database="$_[0]",result="made"\} (\d+)/m ? $1 : 0;
}

# How many connections the server has of ours, without asking it.

sub connected { return scalar(my @all = $pg->backends('edge')) }

my @requests = map {
    my $n = $_;
    map { { kind => $_, path => "/$_", fields => [bearer("u$n")],
            good => qr/^X-Tier: p$n\r$/m } } 't', 'p'
} 1 .. $users;
my @plain = ({ kind => 'plain', path => '/plain', good => qr/plain/ }) x 2;

sub whole {
    return $s->until(sub {
        connected() == 10 && $s->status('/t', bearer('u1')) == 200
            && $s->status('/p', bearer('u1')) == 200;
    });
}

ok(whole(), 'two workers have one connection, and four of the other kind');

my @workers = sort $s->children;
my %descriptors = map { $_ => Kairo::Load::descriptors($_) } @workers;
my $load = Kairo::Load->new(port => $s->{port}, clients => 16, requests =>
                            [@plain, grep { $_->{kind} eq 't' } @requests]);
my $patient = Kairo::Load->new(port => $s->{port}, clients => 8, requests =>
                               [grep { $_->{kind} eq 'p' } @requests]);
sleep 0.5;

# fault NAME, OPTION => VALUE..., CODE: does it while clients ask, and waits
# until all is well.
#
#     bridged     0: who is patient may be refused; else nobody is
#     canceled    of those who are patient so many may be: a process that is
#                 frozen has used up the time of its statement when it goes on
#     none        1: nobody at all is refused
#     refused     1: somebody was, or nothing has happened
#     lost        connections that are made anew, at least

sub fault {
    my ($name, %with) = @_;
    my $do = delete $with{do};
    my ($log, $made) = (length $s->log, made('main') + made('patient'));

    $_->take for $load, $patient;
    my $at = time;
    $do->();
    my $over = time;
    my $whole = whole();
    my $took = time - $over;
    sleep 0.3;
    my ($t, $p) = ($load->take, $patient->take);
    my ($main, $plain, $other) = ($t->{t}, $t->{plain}, $p->{p});
    my @lines = grep { /kairo postgres/ }
                split /\n/, substr $s->log, $log;

    diag(sprintf '%s: %d asked, %d refused, %.0f ms; patient %d, %d, %.0f ms; '
         . 'plain %d, %.0f ms; fault of %.1f s, well after %.1f s, %d lines',
         $name, @$main{qw(n refused slowest)}, @$other{qw(n refused slowest)},
         @$plain{qw(n slowest)}, $over - $at, $took, scalar @lines);

    ok($whole, "$name: all is well afterwards");
    cmp_ok($took, '<', 15, "$name: soon");
    is_deeply([@{$t->{odd}}, @{$p->{odd}}], [],
              "$name: nothing but answers and the documented refusal");
    cmp_ok($main->{n}, '>', 20, "$name: clients did ask");
    cmp_ok($plain->{n}, '>', 5, "$name: and who needs no database");
    is($plain->{refused}, 0, "$name: is not concerned");

    # what a busy machine takes is seen by who needs no database
    my $slack = 500 + 3 * $plain->{slowest};
    cmp_ok($main->{slowest}, '<', 1000 * $timeout + $slack,
           "$name: answered in time");
    cmp_ok($plain->{slowest}, '<', 1000, "$name: no worker was held up");
    cmp_ok($other->{refused}, '<=', $with{canceled} // 0,
           "$name: who is patient is not refused")
        unless defined $with{bridged} && !$with{bridged};
    is($main->{refused}, 0, "$name: nobody is") if $with{none};
    cmp_ok($main->{refused}, '>', 0, "$name: some were refused")
        if $with{refused};
    cmp_ok(made('main') + made('patient') - $made, '>=', $with{lost},
           "$name: connections were lost") if $with{lost};
    cmp_ok(scalar @lines, '<', 60, "$name: few lines in the log")
        or diag(join "\n", @lines);
    is("@{[sort $s->children]}", "@workers", "$name: no worker has died");
}

# terminates all of ours

sub terminate {
    $pg->sql(q(select pg_terminate_backend(pid) from pg_stat_activity
               where usename = 'kairo_edge'));
}

fault('a backend is told to end', none => 1, lost => 3, do => sub {
    for my $n (0 .. 2) {
        my @pids = $pg->backends('edge');
        kill 'TERM', $pids[$n % @pids];
        sleep 0.6;
    }
});

fault('all backends are told to end', none => 1, lost => 4,
      do => \&terminate);

fault('a backend is killed, and the server begins anew', lost => 4, do => sub {
    my ($pid) = $pg->backends('edge');
    kill 'KILL', $pid;
    $s->until(sub { !grep { $_ == $pid } $pg->backends('edge') });
});

# A connection is given up by who has asked over it, and one worker may have all
# the clients.

fault('backends are frozen', refused => 1, lost => 1, canceled => 8,
      do => sub {
    my @pids = $pg->backends('edge');
    $pg->freeze(@pids);
    # the second question of one request is asked while the first one ends
    my @led = map { $s->send('/led/', bearer('u1')) } 1 .. 4;
    sleep 1.5 * $timeout;
    my @codes = map { $s->receive($_) =~ m{^HTTP/1.1 (\d+)} ? $1 : 0 } @led;
    is("@codes", '200 200 200 200', 'who passes on error is answered');
    $pg->thaw(@pids);
});

fault('the postmaster is frozen', none => 1, do => sub {
    $pg->freeze($pg->pid);
    sleep 1.5;
    $pg->thaw($pg->pid);
});

fault('nobody can connect', refused => 1, lost => 4, do => sub {
    my @pids = $pg->backends('edge');
    $pg->freeze($pg->pid);
    kill 'TERM', @pids;
    sleep 2.5 * $timeout;
    my $codes = join ' ', map { $s->status('/t', bearer('u1')) } 1 .. 5;
    is($codes, '503 503 503 503 503', 'all are refused in the end');
    $pg->thaw;
});

fault("restart, $_", lost => 4, do => sub { $pg->restart($_) })
    for qw(fast immediate killed);

fault('stopped for seconds', refused => 1, lost => 4, do => sub {
    $pg->stop;
    sleep 1.5;
    $load->pause;
    # the others wait, and there is nothing to do
    cmp_ok(Kairo::Load::busy(1, @workers), '<', 0.3, 'no worker spins');
    $load->go;
    sleep 0.5;
    my $at = time;
    is($s->status('/t', bearer('u1')), 503, 'it has been gone for long');
    cmp_ok(time - $at, '<', 0.9 * $timeout, 'that is known at once');
    like($s->get('/metrics'), qr/^kairo_postgres_up\{database="main"\} 0$/m,
         'and told');
    $pg->start;
});
like($s->get('/metrics'), qr/^kairo_postgres_up\{database="main"\} 1$/m,
     'it is there again');

fault('there is no room for more connections', refused => 1, lost => 4,
      do => sub {
    $pg->sql('alter role kairo_edge connection limit 0');
    terminate();
    sleep 2 * $timeout;
    $pg->sql('alter role kairo_edge connection limit -1');
});
$s->logged(qr/"main" can't be used: .*too many connections/, 'which is said');

is($s->status('/t', bearer('new1')), 200, 'who is new is added');
fault('read-only', none => 1, lost => 8, do => sub {
    $pg->sql('alter role kairo_edge set default_transaction_read_only = on');
    terminate();
    ok(whole(), 'it can be used all the same');
    is(join(' ', map { $s->status('/t', bearer("new$_")) } 1, 2, 3),
       '200 503 503', 'who is known passes, who is new is refused');
    $pg->sql('alter role kairo_edge reset default_transaction_read_only');
    terminate();
});
is($s->status('/t', bearer('new2')), 200, 'and then passes');

fault('a table is locked', refused => 1, bridged => 0, do => sub {
    my $session = $pg->session('admin');
    $session->run('begin; lock table kairo.users in access exclusive mode;');
    sleep 3;
    $session->run('commit;');
    $session->finish;
});

fault('a partition is not there', none => 1, lost => 4, do => sub {
    my $name = $pg->sql(q(select 'usage_events_' || to_char(now() at time zone
                          'utc', 'YYYYMMDD')));
    $pg->sql("drop table kairo.$name");
    terminate();
    ok(whole(), 'connected again');
    is($pg->sql("select to_regclass('kairo.$name') is not null"), 't',
       'who connects makes it again');
});

fault('a function may not be called', refused => 1, bridged => 0, do => sub {
    $pg->sql('revoke execute on function kairo.identify(text, text)
              from kairo_edge');
    sleep 0.7;
    is(connected(), 10, 'no connection is lost by it');
    $pg->sql('grant execute on function kairo.identify(text, text)
              to kairo_edge');
});

fault('the schema is not known', refused => 1, lost => 4, do => sub {
    $pg->sql('alter function kairo.version() rename to elsewhere');
    sleep 0.5;
    is($s->status('/t', bearer('u1')), 200, 'who is connected stays');
    terminate();
    sleep 2 * $timeout;
    $pg->sql('alter function kairo.elsewhere() rename to version');
});
$s->logged(qr/"main" can't be used: .*run: kairo migrate/, 'which is said');

fault('a role that could do more', refused => 1, lost => 4, do => sub {
    $pg->sql('grant select on kairo.users to kairo_edge');
    terminate();
    sleep 2 * $timeout;
    $pg->sql('revoke select on kairo.users from kairo_edge');
});
$s->logged(qr/revoke select on kairo.users from kairo_edge/, 'which is said');

# what is left of all that

$_->pause for $load, $patient;
cmp_ok(Kairo::Load::busy(1, @workers), '<', 0.1, 'nothing spins');
ok($s->until(sub { connected() == 10 }), 'as many connections as before');
$_->finish for $load, $patient;
for my $pid (@workers) {
    ok($s->until(sub { Kairo::Load::descriptors($pid) <= $descriptors{$pid} }),
       'no descriptor is left open')
        or diag("$descriptors{$pid}, now "
                . Kairo::Load::descriptors($pid));
}
$s->finish;

done_testing();
