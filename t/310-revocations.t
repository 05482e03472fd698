# What was revoked stays so: for all workers, from the next request on, over
# everything that can happen to nginx, its workers, its file and its disk.

use strict;
use warnings;

use lib 't/lib';
use Kairo::Revoked qw(line lines digest EVER);
use Kairo::Revoker;
use Kairo::Token qw(json);
use Test::More;
use Time::HiRes qw(sleep time);

# A restart.

server()->start(http());
is(text(), Kairo::Revoked::header, 'a file is made');
is((stat "$s->{dir}/revoked")[2] & 07777, 0600, 'for root alone');
is(metric('in_force'), 0, 'nothing is revoked');
cmp_ok(metric('room'), '>', 4 * 12000, 'and there is room');

is(these('a', 'b'), $in, 'tokens');
is(revoke(jti => 'a'), '200', 'one is revoked');
is(everywhere('a'), $out, 'and refused by all workers');
is(everywhere('b'), $in, 'the other is not');
is(metric('in_force'), 1, 'one is in force');
is(join(' ', map { "@$_[0, 1]" } lines(text())), 'jti ' . digest('jti', 'a'),
   'its line is on the disk');

my $pids = join ' ', sort $s->children;
ok(restart(), 'a restart');
isnt(join(' ', sort $s->children), $pids, 'with other workers');
is(everywhere('a'), $out, 'it stays revoked');
is(everywhere('b'), $in, 'and nothing else is');

is(revoke(subject => 'alice'), '200', 'all tokens of somebody');
is(these('a', 'b'), $out, 'are refused');
ok(restart(), 'a restart');
is(these('a', 'b'), $out, 'and stay refused');
$s->finish;

# Reloads that change nothing.

server()->start(http());
is(revoke(jti => 'a'), '200', 'one is revoked');
ok($s->reload(http()), 'a reload');
is(these('a'), $out, 'it stays revoked');
is(these('b'), $in, 'and nothing else is');
is(revoke(jti => 'b'), '200', 'another one');
is(these('a', 'b'), $out, 'both are');
is(kept(), 2, 'and kept');

# Workers that are killed, and the master.

for my $n (1 .. 3) {
    my @before = $s->children;
    is(revoke(jti => "w$n"), '200', 'one is revoked');
    kill 'KILL', @before;
    ok($s->until(sub {
        my %now = map { $_ => 1 } $s->children;
        delete @now{@before};
        return keys %now == $workers;
    }), 'all workers are killed, and others come');
    is(these('a', 'b', map { "w$_" } 1 .. $n), $out, 'what is revoked stays');
    is(everywhere('c'), $in, 'and nothing else is');
}

{
    my ($master, @all) = ($s->pid, $s->children);
    is(revoke(jti => 'm'), '200', 'one is revoked');
    kill 'KILL', $master, @all;
    ok($s->until(sub { !grep { Kairo::Server::alive($_) } $master, @all }),
       'everybody is killed');
    ok(begin(), 'another start');
    is(these(qw(a b w1 w2 w3 m)), $out, 'what is revoked stays');
    is(everywhere('c'), $in, 'and nothing else is');

    ($master, @all) = ($s->pid, $s->children);
    kill 'KILL', $master;
    $s->until(sub { !Kairo::Server::alive($master) });
    is(revoke(jti => 'orphan'), '200', 'workers without a master revoke');
    kill 'KILL', @all;
    $s->until(sub { !grep { Kairo::Server::alive($_) } @all });
    ok(begin(), 'another start');
    is(these(qw(a b m orphan)), $out, 'what is revoked stays');
}
$s->{expected} = qr/exited on signal 9|open socket/;
$s->finish;


# Another size, and who was there before.

server()->start(http());
is(revoke(jti => 'a'), '200', 'one is revoked');
user($_) for 'b', 'late', 'slow';
{
    # requests that have begun: one that revokes, and one by a token that is
    # revoked by somebody else then

    my $body = json({ jti => 'b' });
    my $slow = $s->socket;
    print $slow join "\r\n", 'POST /revoke HTTP/1.1', 'Host: localhost',
                'Connection: close', bearer($admin),
                'Content-Type: application/json',
                'Content-Length: ' . length $body, '', substr $body, 0, 5;
    my $late = $s->socket;
    print $late join "\r\n", 'GET /t HTTP/1.1', 'Host: localhost',
                'Connection: close', bearer(user('late')), '';
    $_->flush for $slow, $late;
    sleep 0.2;

    my %old = map { $_ => 1 } $s->children;
    $s->configure(http('1m'));
    kill 'HUP', $s->pid;
    ok($s->until(sub { my (undef, $pid) = answer('a'); !$old{$pid} }),
       'a reload with another size');
    ok((grep { $old{$_} } $s->children), 'and an old worker that goes on');
    $s->until(sub { !$old{(answer('a'))[1]} }) for 1 .. 5;
    is((answer('a'))[0], $out, 'what is revoked stays');

    print $slow substr $body, 5;
    $slow->flush;
    is(told($s->receive($slow)), '200', 'the old worker revokes');
    ok($s->until(sub { (answer('b'))[0] eq $out }), 'and the new ones know');

    is(revoke(jti => 'late'), '200', 'a new worker revokes');
    sleep 2.2;
    print $late "\r\n";
    $late->flush;
    is(code($s->receive($late)), 401, 'and an old one knows');
    ok($s->until(sub { $s->children == $workers }), 'the old ones end');
    is(these(qw(a b late)), $out, 'all of it stays');
    is(metric('in_force'), 3, 'and is counted once');
    cmp_ok(metric('room'), '<', 12500, 'in less room');
}
ok(restart(), 'a restart');
is(these(qw(a b late)), $out, 'all of it stays');
is(everywhere('slow'), $in, 'and nothing else is revoked');
$s->finish;


# A binary upgrade: two nginx, and each knows what the other revokes.

server(main => 'env ASAN_OPTIONS; env UBSAN_OPTIONS;')->start(http());
is(revoke(jti => 'before'), '200', 'one is revoked');
{
    my $old = upgrade();
    ok($old, 'a binary upgrade');
    my %new = map { $_ => 1 } $s->children;
    my $by = sub {
        my ($mine, $ask) = @_;
        my $got;
        $s->until(sub {
            $got = $ask->();
            return !$mine == !$new{$s->field($got, 'X-Pid') // 0};
        });
        return $got;
    };
    my $asked = sub {
        my ($mine, $jti) = @_;
        return $by->($mine, sub { $s->get('/t', bearer(user($jti))) });
    };

    is(code($asked->($_, 'before')), 401, 'both know it') for 0, 1;

    for my $mine (0, 1) {
        my $who = $mine ? 'the new one' : 'the old one';
        my $jti = "by$mine";
        is(told($by->($mine, sub {
            $s->ask('POST', '/revoke', json({ jti => $jti }), bearer($admin),
                    'Content-Type: application/json')
        })), '200', "$who revokes");
        is(code($asked->($mine, $jti)), 401, "$who knows it at once");
        my $then = time;
        ok($s->until(sub { code($asked->(!$mine, $jti)) == 401 }),
           'and the other soon');
        cmp_ok(time - $then, '<', 5, 'after a second or so');
        sleep 1.5;
        is(code($asked->(!$mine, $jti)), 401, 'all workers of it') for 1 .. 4;
    }

    kill 'QUIT', $old;
    ok(ends($old), 'the old one ends');
    is(these(qw(before by0 by1)), $out, 'all stay revoked');
    my %kept = map { $_->[1] => 1 } lines(text());
    is(keys %kept, 3, 'and each has a line');
}
ok(restart(), 'a restart');
is(these(qw(before by0 by1)), $out, 'all stay revoked');
is(everywhere('other'), $in, 'and nothing else is');
$s->finish;


# What is wrong with a file.

server()->start(http());
is(revoke(jti => $_), '200', "$_ is revoked") for 'a', 'b', 'c';
$s->stop;
my $good = text();
my ($before, $line, $after) = $good =~ /^(.*?\n)([^\n]{97})(\n.*)$/s;

for ([50, 'half a line'], [96, 'all but a byte'], [1, 'a byte'],
     [97, 'all but its end'])
{
    my ($n, $name) = @$_;
    $s->file('revoked', $good . "\n" . substr line('jti', 'torn', EVER), 0,
                                       $n);
    ok(begin(), "$name at the end: a start");
    is(these('a', 'b', 'c'), $out, "$name: all others are there");
    is(revoke(jti => "after$n"), '200', "$name: and another is revoked");
    ok(restart(), "$name: a restart");
    is(these('a', 'b', 'c', "after$n"), $out, "$name: with all of them");
    is(everywhere('torn'), $n == 97 ? $out : $in, "$name: and this one");
    is($s->log =~ /\[warn\].*not written to its end/ ? 1 : 0,
       $n == 97 ? 0 : 1, "$name: the log says so");
    $s->stop;
    unlink "$s->{dir}/error.log";
}

$s->file('revoked', $good . "\0" x 99);
ok(begin(), 'zeroes at the end: a start');
is(revoke(jti => 'behind'), '200', 'zeroes: and another is revoked');
ok(restart(), 'zeroes: a restart');
is(these('a', 'b', 'c', 'behind'), $out, 'zeroes: with all of them');
$s->stop;
unlink "$s->{dir}/error.log";

$s->file('revoked', $before . substr($line, 0, 60) . $after);
ok(begin(), 'a torn line in the middle');
is(these('b', 'c'), $out, 'is left out');
is(everywhere('a'), $in, 'it alone');
$s->logged(qr/\[warn\].*line at byte @{[length $before]} that was not written/,
           'the log says so');
$s->stop;
unlink "$s->{dir}/error.log";

$s->file('revoked', $before . substr($line, 0, 60) . 'x' . substr($line, 61)
                    . $after);
refused(qr/"\S+revoked" is damaged at byte @{[length $before]}: bring back/,
        'a damaged line');
$s->file('revoked', $before . $line . 'x' . $after);
refused(qr/is damaged at byte/, 'a line that is longer');
$s->file('revoked', $before . $line . ' ' . $line . $after);
refused(qr/is damaged at byte/, 'two in one');
$s->file('revoked', $before . "\0" x 512 . $after);
refused(qr/is damaged at byte/, 'a sector of zeroes');
$s->file('revoked', $before . $line =~ s/^jti    /jti\t\t\t\t/r . $after);
refused(qr/is damaged at byte/, 'what an editor has spoiled');
$s->file('revoked', $good . 'x' x 70_000);
refused(qr/has a line without an end at byte @{[length $good]}/, 'no end');

for (["kairo revocations 2\n", 'another version'], ["\n", 'an empty line'],
     ["127.0.0.1 localhost\n", 'another file'], ["$line\n", 'no header'],
     ['kairo revo', 'half a header'],
     ['127.0.0.1 localhost', 'another file, of one line without an end'],
     ["\0", 'a zero'], [" $good", 'a space'])
{
    my ($text, $name) = @$_;
    $s->file('revoked', $text);
    refused(qr/does not begin with "kairo revocations 1"/, $name);
    is(text(), $text, "$name: it stays as it was");
}

unlink "$s->{dir}/revoked";
mkdir "$s->{dir}/revoked";
refused(qr/can't be opened|is not a file/, 'a folder');
rmdir "$s->{dir}/revoked";
system 'mkfifo', "$s->{dir}/revoked";
refused(qr/is not a file/, 'a pipe');
unlink "$s->{dir}/revoked";
symlink '/dev/null', "$s->{dir}/revoked";
refused(qr/is not a file/, 'a device');
unlink "$s->{dir}/revoked";
$s->configure(http() =~ s/ revoked / none\/revoked /r);
refused(qr/can't be opened.*No such file/, 'no folder');

$s->configure(http());
$s->file('revoked', '');
ok(begin(), 'an empty file is a new one');
is(text(), Kairo::Revoked::header, 'and gets its header');
$s->finish;

done_testing();
