# The file of revocations and its disk: full, slow, broken, gone; a table that
# is full; a file that grows and is written anew.

use strict;
use warnings;

use lib 't/lib';
use Kairo::Revoked qw(line lines digest EVER);
use Kairo::Revoker;
use Kairo::Token qw(json);
use POSIX ();
use Test::More;
use Time::HiRes qw(sleep time);

sub file_of { return Kairo::Revoked::header . join '', map { "\n$_\n" } @_ }

sub inode { return (stat "$s->{dir}/revoked")[1] // 0 }

sub alerts { return scalar(() = $s->log =~ /\[alert\].*$_[0]/g) }

sub post {
    my ($body, $socket) = @_;
    $body = json($body);
    $socket ||= $s->socket;
    print $socket join "\r\n", 'POST /revoke HTTP/1.1', 'Host: localhost',
                  'Connection: close', bearer($admin),
                  'Content-Type: application/json',
                  'Content-Length: ' . length $body, '', $body;
    $socket->flush;
    return $socket;
}

sub spoiled {
    my ($n) = @_;
    my $line = line('jti', 'long ago', 1_700_000_000);
    return "\n$line\n" x $n;
}

sub append {
    open my $out, '>>', "$s->{dir}/revoked" or die "revoked: $!\n";
    print $out @_;
    close $out;
}


# More than there is room for.

server()->configure(http('64k'));
my @many = map { line('jti', "many$_", EVER) } 1 .. 1500;
$s->file('revoked', file_of(@many));
refused(qr/has room for \d+, and "\S+revoked" has more that are in force/,
        'a size that is too small');
$s->configure(http('1m'));
ok(begin(), 'one that is not');
is(metric('in_force'), 1500, 'all are in force');
is(these('many1', 'many750', 'many1500'), $out, 'the first and the last');

{
    my $pids = join ' ', sort $s->children;
    $s->configure(http('64k'));
    kill 'HUP', $s->pid;
    ok($s->until(sub { $s->log =~ /\[emerg\].*has room for/ }),
       'a reload with too small a size is refused');
    is(join(' ', sort $s->children), $pids, 'the workers stay');
    is(these('many1', 'many1500'), $out, 'and what is revoked');
    is(revoke(jti => 'more'), '200', 'and more can be');
    is(everywhere('more'), $out, 'which is refused');
    ok($s->reload(http('256k')), 'a reload with enough');
    is(these('many1', 'many1500', 'more'), $out, 'all are there');
    is(metric('in_force'), 1501, 'and counted');
}
$s->{expected} = qr/has room for/;
$s->finish;

# A table that is full.

server()->start(http('64k'));
my $room = metric('room');
cmp_ok($room, '>', 500, 'there is some room');
$s->stop;
my $until = int(time) + 6;
$s->file('revoked', file_of(@many[0 .. $room - 3],
                            map { line('jti', "last$_", $until) } 1, 2));
ok(begin(), 'all of it, two of them not for long');
is(revoke(jti => 'over'), '507 full', 'there is no room for one more');
$s->logged(qr/\[alert\].*no room for one more revocation.*larger size=/,
           'an alert');
is(everywhere('over'), $in, 'and it is not revoked');
unlike(text(), qr/@{[digest('jti', 'over')]}/, 'nor in the file');
is(revoke(jti => 'over'), '507 full', 'nor the second time');
is(revoke(jti => 'many1'), '200', 'one that is known can be revoked');
is(these('many1', "many@{[$room - 2]}", 'last1', 'last2'), $out,
   'all that were revoked are');
is(metric('in_force'), $room, 'they are as many as there is room for');
sleep 0.2 while time < $until + 1;
is(metric('in_force'), $room - 2, 'two expire');
is(revoke(jti => 'over'), '200', 'there is room again');
is(everywhere('over'), $out, 'which is taken');
is(revoke(subject => 'bob'), '200', 'for one more');
is(revoke(jti => 'none'), '507 full', 'and not for a third');
is(everywhere('many1'), $out, 'the first still holds');
ok(restart(), 'a restart, with all of it');
is(these('many1', 'over'), $out, 'which holds');
is(everywhere('none'), $in, 'and nothing else');
$s->{expected} = qr/no room for/;
$s->finish;


# What has expired is left out.

server()->configure(http());
my @kept = map { line('jti', "kept$_", EVER) } 1 .. 5;
my $soon = line('jti', 'soon', int(time) + 600);
my @mixed = map { ("\n$_\n", spoiled(300)) } @kept, $soon;
$s->file('revoked', Kairo::Revoked::header . join('', @mixed)
                    . "\n" . substr $kept[0], 0, 40);
chmod 0600, "$s->{dir}/revoked";
{
    my ($old, $inode) = (text(), inode());
    for (1, 2) {
        my $said = qx(@{[ $s->command('-t') ]} 2>&1);
        is($?, 0, 'a test of the configuration') or diag($said);
        is(text() eq $old && inode(), $inode, 'leaves the file as it is');
    }
    ok(!-e "$s->{dir}/revoked.new", 'and no other');

    ok(begin(), 'a start');
    isnt(inode(), $inode, 'writes a new one');
    is(text(), Kairo::Revoked::header . join('', map { "$_\n" } @kept, $soon),
       'with all that are in force');
    is((stat "$s->{dir}/revoked")[2] & 07777, 0600, 'for root alone');
    ok(!-e "$s->{dir}/revoked.new", 'and nothing is left over');
    is(these('soon', map { "kept$_" } 1 .. 5), $out, 'they are in force');
    is(revoke(jti => 'then'), '200', 'one more');
    is(kept(), 7, 'is in it');
    $inode = inode();
    ok(restart(), 'a restart');
    is(inode(), $inode, 'leaves it as it is');
    is(these('then', 'soon', map { "kept$_" } 1 .. 5), $out, 'all are there');

    # the same by a reload with another size: the old workers have it open

    append(spoiled(2000));
    ok($s->reload(http('1m')), 'a reload with another size');
    is(inode(), $inode, 'does not write a new one');
    is(revoke(jti => 'again'), '200', 'one more');
    is(these('again', 'then', 'kept1'), $out, 'all are there');
    ok(restart(), 'a restart');
    isnt(inode(), $inode, 'does');
    is(kept(), 8, 'with all of them');
    is(these('again', 'then', 'kept1'), $out, 'which are in force');
}
$s->finish;

# Not while another nginx has it open.

for my $sized ('', '1m') {
    server(main => 'env ASAN_OPTIONS; env UBSAN_OPTIONS;')->start(http());
    my $name = $sized ? 'after a reload with another size' : 'as it began';
    my $inode = inode();
    is(revoke(jti => 'first'), '200', "$name: one is revoked");
    append(spoiled(2000));
    $s->reload(http($sized)) if $sized;

    for my $n (1 .. 2) {
        my %old = map { $_ => 1 } $s->children;
        my $old = upgrade();
        ok($old, "$name: upgrade $n");
        is(inode(), $inode, "$name: the file stays");

        my $mine = sub {
            my ($ask, $new) = @_;
            my $got;
            $s->until(sub {
                $got = $ask->();
                !$old{$s->field($got, 'X-Pid') // 0} == !!$new;
            });
            return $got;
        };
        for my $new (0, 1) {
            my $jti = "of$n$new";
            $s->until(sub {
                told($mine->(sub { $s->receive(post({ jti => $jti })) },
                             $new)) eq '200';
            });
            ok($s->until(sub { code($mine->(sub {
                $s->get('/t', bearer(user($jti))) }, !$new)) == 401 }),
               "$name: what one revokes the other knows");
        }
        kill 'QUIT', $old;
        ok(ends($old), "$name: the old one ends");
        is(revoke(jti => "on$n"), '200', "$name: one more");
        is(these('first', "of${n}0", "of${n}1", "on$n"), $out,
           "$name: all are refused");
    }
    ok(restart(), "$name: a start");
    isnt(inode(), $inode, "$name: writes it anew");
    is(these('first', 'of10', 'of11', 'of20', 'of21', 'on1', 'on2'), $out,
       "$name: and all are refused");
    $s->finish;
}

# Who starts while another writes it anew waits for the new one.

server()->configure(http());
$s->file('revoked', file_of(line('jti', 'old', EVER)));
{
    my $new = file_of(map { line('jti', $_, EVER) } 'old', 'new');
    $s->file('revoked.other', $new);
    pipe my $read, my $write or die "pipe: $!\n";
    my $pid = fork // die "fork: $!\n";
    if ($pid == 0) {
        # F_OFD_SETLK, a struct flock of F_WRLCK
        open my $held, '+<', "$s->{dir}/revoked" or POSIX::_exit(1);
        my $lock = pack 's s x4 q q i x4', 1, 0, 0, 0, 0;
        fcntl $held, 37, $lock or POSIX::_exit(2);
        syswrite $write, "x\n";
        sleep 0.5;
        rename "$s->{dir}/revoked.other", "$s->{dir}/revoked";
        POSIX::_exit(0);
    }
    close $write;
    is(readline $read, "x\n", 'a lock');
    ok(begin(), 'a start while another nginx writes the file anew');
    waitpid $pid, 0;
    is($?, 0, 'which did so');
    is(these('old', 'new'), $out, 'what is in the new file is in force');
    is(revoke(jti => 'more'), '200', 'and it is written to');
    is(text(), $new . "\n" . line('jti', 'more',
                                  (lines(text()))[-1][3] =~ s/^0+//r) . "\n",
       'it alone');
}
$s->finish;

# What there is no room for when another nginx revokes it.

server(main => 'env ASAN_OPTIONS; env UBSAN_OPTIONS;')->configure(http('64k'));
{
    my $until = int(time) + 15;
    my $limit = $room - 1;
    $s->file('revoked', file_of(@many[0 .. $limit - 1],
                                line('jti', 'short', $until)));
    ok(begin(), 'a table that is full');
    my %old = map { $_ => 1 } $s->children;
    $s->configure(http('1m'));
    my $old = upgrade();
    ok($old, 'an upgrade to a larger one');
    my $by = sub {
        my ($new, $jti) = @_;
        my $got;
        $s->until(sub {
            $got = $s->get('/t', bearer(user($jti)));
            !$old{$s->field($got, 'X-Pid') // 0} == !!$new;
        });
        return code($got);
    };
    $s->until(sub { revoke(jti => 'over') eq '200' && $by->(1, 'over') == 401 });
    ok($s->until(sub { alerts('no room for what another nginx has revoked') }),
       'there is an alert');
    is($by->(0, 'over'), 200, 'the old one has no room for it');
    is($by->(0, 'short'), 401, 'and forgets nothing');
    sleep 3;
    cmp_ok(alerts('no room for what'), '<=', 2, 'which is told once');
    ok($s->until(sub { $by->(0, 'over') == 401 }),
       'and then there is room');
    cmp_ok(time, '>=', $until, 'when another has expired');
    kill 'QUIT', $old;
    ok(ends($old), 'the old one ends');
    is(these('over', 'many1'), $out, 'all are refused');
}
$s->{expected} = qr/no room for/;
$s->finish;


# A file that is taken away.

server()->start(http());
is(revoke(jti => 'a'), '200', 'one is revoked');
my $copy = text();
unlink "$s->{dir}/revoked";
is(revoke(jti => 'b'), '503 not_kept', 'one of a file that was removed');
is(these('a', 'b'), $out, 'is in force');
ok($s->until(sub { alerts('revoked" was removed') == 2 }), 'an alert of each');
sleep 1.5;
is(alerts('revoked" was removed'), 2, 'and once');
ok(!-e "$s->{dir}/revoked", 'and no other file comes');

# and put back, with one more in it

$s->file('revoked', $copy . "\n" . line('jti', 'back', EVER) . "\n");
is(revoke(jti => 'c'), '503 not_kept', 'another file is not taken');
is(text(), $copy . "\n" . line('jti', 'back', EVER) . "\n", 'nor written');
ok($s->reload(http()), 'until a reload');
is(becomes('back', $out), $out, 'what it has is in force');
is(these('a', 'b', 'c'), $out, 'and what was');
is(revoke(jti => 'd'), '200', 'and more can be revoked');
is(kept(), 3, 'in it');
$s->logged(qr/\[alert\].*another file/, 'an alert tells that it is another');
ok($s->reload(http()), 'another reload');
is(revoke(jti => 'e'), '200', 'and one more');
is(these('a' .. 'e', 'back'), $out, 'all are in force');
ok(restart(), 'a restart');
is(these('a', 'd', 'e', 'back'), $out, 'what the file has is in force');

# one that is damaged is not taken by a reload

{
    my $text = text();
    my $pids = join ' ', sort $s->children;
    unlink "$s->{dir}/revoked";
    $s->file('revoked', $text . "x" x 97 . "\n");
    kill 'HUP', $s->pid;
    ok($s->until(sub { $s->log =~ /\[emerg\].*is damaged at byte/ }),
       'a reload with a damaged file is refused');
    is(join(' ', sort $s->children), $pids, 'the workers stay');
    unlink "$s->{dir}/revoked";
    $s->file('revoked', $text);
    ok($s->reload(http()), 'and a good one is taken');
    is(revoke(jti => 'f'), '200', 'one more');
    is(these('a', 'd', 'e', 'f', 'back'), $out, 'all are in force');
}
$s->{expected} = qr/was removed|can't be written|another file|is damaged/;
$s->finish;


# Many at once.

server()->start(http());
{
    my ($clients, $each) = (6, 40);
    my @children = map {
        my $who = $_;
        my $pid = fork // die "fork: $!\n";
        if ($pid == 0) {
            my $wrong = 0;
            for my $n (1 .. $each) {
                $wrong++ if revoke(jti => "c$who-$n") ne '200';
                $wrong++ if (answer("c$who-$n"))[0] ne $out;
            }
            POSIX::_exit($wrong > 100 ? 100 : $wrong);
        }
        $pid;
    } 1 .. $clients;
    my $wrong = 0;
    for (@children) { waitpid $_, 0; $wrong += $? >> 8 }
    is($wrong, 0, 'many revoke at once, and each holds at once');

    my @all = map { my $who = $_; map { "c$who-$_" } 1 .. $each }
              1 .. $clients;
    my %kept = map { $_->[1] => 1 } lines(text());
    is(scalar(grep { !$kept{digest('jti', $_)} } @all), 0,
       'all are on the disk');
    is(scalar keys %kept, $clients * $each, 'and nothing else');
    ok(restart(), 'a restart');
    is(metric('in_force'), $clients * $each, 'all are in force');
    is(these('c1-1', 'c3-20', 'c6-40'), $out, 'some of them');
}
$s->finish;


# A disk that does as it is told.

SKIP: {
    my $so = "$ENV{KAIRO_ROOT}/build/disk.so";
    skip 'the sanitizer wants to be loaded first'
        if $ENV{TEST_NGINX_BINARY} =~ /sanitize|valgrind/;
    skip 'no compiler'
        if system("cc -shared -fPIC -o $so t/lib/disk.c -ldl") != 0;

    server();
    my $disk = sub { $s->file('disk.new', "$_[0]\n");
                     rename "$s->{dir}/disk.new", "$s->{dir}/disk" };
    local $ENV{LD_PRELOAD} = $so;
    local $ENV{KAIRO_DISK} = "$s->{dir}/disk";
    local $ENV{KAIRO_DISK_SYNCED} = "$s->{dir}/synced";
    $disk->('');
    $s->start(http());
    is($s->log('synced'), "$s->{dir}\n", 'the name of a new file is kept');
    unlink "$s->{dir}/synced";

    for (['broken', 'sync'], ['full 0', 'none'], ['full 1', 'one'],
         ['full 50', 'half'], ['full 98', 'all but the end'])
    {
        my ($order, $name) = @$_;
        is(revoke(jti => "before $name"), '200', "$name: a good disk");
        my $before = alerts('can\'t be written');
        $disk->($order);
        is(revoke(jti => $name), '503 not_kept', "$name: it can't be kept");
        is(everywhere($name), $out, "$name: and is in force");
        is(alerts('can\'t be written') - $before, 1, "$name: an alert");
        $disk->('');
        is(revoke(jti => "after $name"), '200', "$name: it is well again");
        is(these("before $name", $name, "after $name"), $out,
           "$name: all are in force");
        is(revoke(jti => $name), '200', "$name: and can be kept");
    }
    ok(restart(), 'a restart');
    is(these(map { ("before $_", $_, "after $_") } 'sync', 'none', 'one',
             'half', 'all but the end'), $out, 'all are in force');
    $s->logged(qr/\[warn\].*not written to its end/, 'torn lines are told');

    # slow

    $disk->('hold');
    my $slow = post({ jti => 'slow' });
    is(becomes('slow', $out), $out, 'it is in force before it is kept');
    my $ready = '';
    vec($ready, fileno $slow, 1) = 1;
    is(scalar select($ready, undef, undef, 0.5), 0, 'and not answered');
    is($s->status('/up'), 200, 'nobody waits for it');
    my $second = post({ jti => 'second' });
    $disk->('');
    is(told($s->receive($slow)), '200', 'then it is');
    is(told($s->receive($second)), '200', 'as is another');

    # a client that leaves

    $disk->('hold');
    for my $n (1 .. 10) {
        my $gone = post({ jti => "gone$n" });
        becomes("gone$n", $out);
        close $gone;
    }
    sleep 0.3;
    $disk->('');
    ok($s->until(sub { my %kept = map { $_->[1] => 1 } lines(text());
                       !grep { !$kept{digest('jti', "gone$_")} } 1 .. 10 }),
       'clients leave: what they revoke is kept');
    is(these('gone1', 'gone10'), $out, 'and in force');

    # workers that shut down

    $disk->('hold');
    my $late = post({ jti => 'late' });
    becomes('late', $out);
    kill 'HUP', $s->pid;
    sleep 1;
    $disk->('');
    is(told($s->receive($late)), '200', 'a worker that ends has an answer');
    ok($s->until(sub { $s->children == $workers }), 'and ends');
    is(becomes('late', $out), $out, 'what it revoked stays');

    # and that are killed in the middle

    $disk->('hold');
    my $cut = post({ jti => 'cut' });
    becomes('cut', $out);
    my @old = $s->children;
    kill 'KILL', @old;
    $s->until(sub { my @now = $s->children;
                    @now == $workers && !grep { my $p = $_;
                                                grep { $_ == $p } @old }
                                        @now });
    is(told($s->receive($cut)), '0', 'a worker is killed');
    is(everywhere('cut'), $out, 'what it revoked stays');
    $disk->('');
    is(revoke(jti => 'cut'), '200', 'and can be kept');

    # a file that can't be written anew

    append(spoiled(2000));
    $s->stop;
    my ($text, $inode) = (text(), inode());
    for my $order ('full 0', 'full 10', 'full 1000') {
        $disk->($order);
        ok(begin(), "$order: a start");
        is(text() eq $text && inode(), $inode, "$order: the old file stays");
        ok(!-e "$s->{dir}/revoked.new", "$order: and no other");
        is(these('cut', 'late', 'gone1', 'half'), $out,
           "$order: all are in force");
        $s->logged(qr/\[warn\].*revoked.new" could not be written/,
                   "$order: a warning");
        $s->stop;
        unlink "$s->{dir}/error.log";
    }
    $disk->('');
    is($s->log('synced'), '', 'no name has changed');
    ok(begin(), 'then it can');
    is($s->log('synced'), "$s->{dir}\n", 'the name of the new one is kept');
    isnt(inode(), $inode, 'and is');
    is(these('cut', 'late', 'gone1', 'half'), $out, 'all are in force');
    $s->stop;

    # nor be made

    unlink "$s->{dir}/revoked";
    $disk->('full 7');
    refused(qr/file of revocations "\S+revoked" can't be written/,
            'a new file on a full disk');
    $disk->('');
    ok(begin(), 'when there is room again it starts');
    is(revoke(jti => 'a'), '200', 'and one can be revoked');
    ok(restart(), 'and a restart');
    is(everywhere('a'), $out, 'it is in force');

    $s->{expected} = qr/can't be written|exited on signal 9/;
    $s->finish;
}

# A disk that is full.

SKIP: {
    server();
    my $dir = "$s->{dir}/disk";
    mkdir $dir;
    skip 'no other disk'
        if system("mount -t tmpfs -o size=32k kairo $dir 2>/dev/null") != 0;
    symlink "$dir/revoked", "$s->{dir}/revoked";
    $s->start(http());
    is(revoke(jti => 'a'), '200', 'one is revoked');
    open my $fill, '>', "$dir/fill";
    1 while syswrite $fill, 'x' x 4096;
    my ($n, $said) = (0, '');
    while ($said ne '503 not_kept' && $n++ < 100) {
        $said = revoke(jti => "n$n");
    }
    is($said, '503 not_kept', 'a disk that is full');
    is(these('a', 'n1', "n$n"), $out, 'all are in force');
    is(revoke(jti => 'more'), '503 not_kept', 'and what comes then');
    truncate $fill, 0;
    is(revoke(jti => "n$n"), '200', 'there is room again');
    is(revoke(jti => 'end'), '200', 'and for others');
    ok(restart(), 'a restart');
    is(these('a', 'n1', "n$n", 'end'), $out, 'all are in force');
    is(everywhere('more'), $in, 'but what was not kept');
    $s->stop;

    # the name is a link, and stays one

    my $inode = inode();
    truncate $fill, 0;
    system "mount -o remount,size=1m $dir";
    append(spoiled(2000));
    ok(begin(), 'a file by a link that is written anew');
    ok(-l "$s->{dir}/revoked", 'the link stays');
    isnt(inode(), $inode, 'the file is another');
    ok(!-e "$s->{dir}/revoked.new" && !-e "$dir/revoked.new",
       'and nothing is left over');
    is(these('a', 'n1', 'end'), $out, 'all are in force');
    $s->{expected} = qr/can't be written/;
    $s->finish;
    close $fill;
    system "umount $dir";
}

done_testing();
