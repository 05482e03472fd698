# Each allocation of the module fails once while something is revoked, and in
# requests by what was: what was answered 200 is kept and in force, and nobody
# who was revoked gets in.

use strict;
use warnings;

use lib 't/lib';
use Kairo::Revoked qw(lines digest);
use Kairo::Revoker;
use Kairo::Token qw(json);
use Test::More;

plan(skip_all => 'needs a build whose allocations can fail')
    unless $ENV{KAIRO_FAULT};

$workers = 1;
server()->start(http());

sub faults { return scalar(() = $s->log =~ /kairo fault:/g) }

sub kept_digests { return map { $_->[1] => 1 } lines(text()) }

# with_faults NAME, LEAST, ASK, CHECK: asks for each allocation, until there
# are no more, and then another thing each time.

sub with_faults {
    my ($name, $least, $ask, $check) = @_;
    my ($fired, $wrong, %seen) = (0, 0);
    for my $n (1 .. 100) {
        my $before = faults();
        my $got = $ask->($n);
        my $fault = faults() > $before;
        $seen{told($got)}++;
        if (my $why = $check->($n, $got, $fault)) {
            $wrong++;
            diag("$name, fault $n: $why, ", told($got));
        }
        last unless $fault;
        $fired++;
    }
    diag("$name: $fired faults, ", join ', ', map { "$seen{$_} x $_" }
                                              sort keys %seen);
    cmp_ok($fired, '>=', $least, "$name: allocations did fail");
    is($wrong, 0, "$name: and nothing was wrong");
}

# What was said, what is in force, and what is on the disk.

sub holds {
    my ($jti, $kind, $value, $got, $fault) = @_;
    my $said = told($got);
    my $state = (answer($jti))[0];
    my %kept = kept_digests();
    my $is_kept = $kept{digest($kind, $value)};

    return 'it is not answered' if $said eq '0' && !$fault;
    return 'no fault, and not revoked' if !$fault && $said ne '200';
    return '200, and not in force' if $said =~ /^200/ && $state ne $out;
    return '200, and not kept' if $said =~ /^200/ && !$is_kept;
    return 'not_kept, and not in force'
        if $said eq '503 not_kept' && $state ne $out;
    return 'neither revoked nor not' if $state ne $out && $state ne $in;
    return '';
}

sub ask {
    my ($n, %what) = @_;
    return $s->ask('POST', '/revoke', json(\%what), "Fault: $n",
                   bearer($admin), 'Content-Type: application/json');
}

for my $time (1, 2) {
    with_faults("a jti, time $time", 5,
                sub { ask($_[0], jti => "j$time-$_[0]") },
                sub { holds("j$time-$_[0]", 'jti', "j$time-$_[0]",
                            @_[1, 2]) });
}

with_faults('a token', 5, sub { ask($_[0], token => user("t$_[0]")) }, sub {
    my ($n) = @_;
    my ($input) = user("t$n") =~ /^(.*)\./;
    return holds("t$n", 'token', $input, @_[1, 2]);
});

with_faults('a body in two parts', 5, sub {
    my ($n) = @_;
    my $body = json({ jti => "p$n" });
    my $socket = $s->socket;
    print $socket join "\r\n", 'POST /revoke HTTP/1.1', 'Host: localhost',
                  'Connection: close', bearer($admin), "Fault: $n",
                  'Content-Type: application/json',
                  'Content-Length: ' . length $body, '', substr $body, 0, 4;
    $socket->flush;
    select undef, undef, undef, 0.05;
    print $socket substr $body, 4;
    $socket->flush;
    return $s->receive($socket);
}, sub { holds("p$_[0]", 'jti', "p$_[0]", @_[1, 2]) });

# What is not revoked is not, whatever the answer.

my @wrong = (
    ['not JSON', sub { $s->ask('POST', '/revoke', '{"jti":', "Fault: $_[0]",
                               bearer($admin),
                               'Content-Type: application/json') }],
    ['not an administrator', sub {
        $s->ask('POST', '/revoke', json({ jti => 'never' }), "Fault: $_[0]",
                bearer(user('somebody')), 'Content-Type: application/json') }],
    ['nobody', sub {
        $s->ask('POST', '/revoke', json({ jti => 'never' }), "Fault: $_[0]",
                'Content-Type: application/json') }],
    ['another way', sub {
        $s->ask('GET', '/revoke', undef, "Fault: $_[0]", bearer($admin)) }],
    ['too much', sub {
        $s->ask('POST', '/revoke', json({ jti => 'x' x 17_000 }),
                "Fault: $_[0]", bearer($admin),
                'Content-Type: application/json') }],
);

for my $case (@wrong) {
    my ($name, $ask) = @$case;
    my $before = kept();
    with_faults($name, 1, $ask, sub {
        return 'it was done' if told($_[1]) =~ /^2/;
        return '';
    });
    is(kept(), $before, "$name: nothing is written");
}
is((answer('never'))[0], $in, 'who was not revoked gets in');

# Nobody who was revoked gets in, whether his token is known or new.

revoke(jti => 'out');
for my $time (1, 2) {
    with_faults("a revoked token, time $time", 1,
                sub { $s->get('/t', "Fault: $_[0]", bearer(user('out'))) },
                sub { code($_[1]) < 400 ? 'it gets in' : '' });
}

user('new'), revoke(jti => 'new');
for my $n (1 .. 40) {
    my $jti = "new$n";
    revoke(jti => $jti);
    my $got = $s->get('/t', "Fault: $n", bearer(user($jti)));
    cmp_ok(code($got), '>=', 400, "a new one, fault $n")
        if code($got) < 400 || $n == 1;
    cmp_ok(code($s->get('/t', bearer(user($jti)))), '==', 401,
           "and then, fault $n");
}

# The table's metrics, and all of it after a restart.

with_faults('metrics', 1, sub { $s->get('/metrics', "Fault: $_[0]") },
            sub { code($_[1]) ? '' : 'no answer' });

my %kept = kept_digests();
my @all = grep { $kept{digest('jti', $_)} }
          map { ("j1-$_", "j2-$_", "p$_", "new$_") } 1 .. 40;
cmp_ok(scalar @all, '>', 30, 'many are kept');
ok(restart(), 'a restart');
is(join(' ', grep { (answer($_))[0] ne $out } @all), '',
   'and all of them are in force');
is((answer('never'))[0], $in, 'nothing else is');

$s->{expected} = qr/revoked" can.t be written/;
$s->not_logged(qr/exited on signal/, 'no worker has died');
$s->finish;

done_testing();
