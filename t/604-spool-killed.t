# Workers that are killed, reloads and a binary upgrade while runs come: each id
# that a client or a tool was told is in the files, once, and what processes
# that are gone have kept of the disk is given back.

use strict;
use warnings;

use lib 't/lib';
use Kairo::Load;
use Kairo::Server;
use Kairo::Spool;
use Test::More;
use Time::HiRes qw(sleep time);

my $reloads = $ENV{KAIRO_RELOADS} || 20;
my $kills = 10;
my $uuid = qr/[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/;

my $tool = Kairo::Server->new(workers => 1)->start(<<'END');
    log_format ids '$http_x_kairo_event_id';
    access_log ids.log ids;
    server { listen 127.0.0.1:%%PORT%%; keepalive_requests 100000;
             location / { return 200 ok; }
             location = /up { access_log off; return 200 ok; } }
END

# a new binary gets no environment but what is named

my $s = Kairo::Server->new(workers => 2,
                           main => 'env ASAN_OPTIONS; env UBSAN_OPTIONS;');
my $dir = "$s->{dir}/spool";

sub http {
    my ($sync) = @_;
    return <<END;
    kairo_spool spool size=100m sync=$sync;
    access_log off;
    server {
        listen 127.0.0.1:%%PORT%%;
        location = /up { return 200 up; }
        location / { kairo_tool_run seo;
                     proxy_pass http://127.0.0.1:$tool->{port}; }
    }
END
}

sub load {
    return Kairo::Load->new(port => $s->{port}, clients => 32, pause => 0.02,
        keep => qr/^X-Kairo-Event-Id: ($uuid)\r$/m,
        requests => [{ kind => 'run', path => '/run',
                       good => qr/^X-Kairo-Event-Id: $uuid\r$/m }]);
}

sub locked { return grep { Kairo::Spool::locked("$dir/$_") }
                         Kairo::Spool::files($dir) }

# trimmed: the files that nobody writes take no more than they hold.

sub trimmed {
    my @fat;
    for my $name (Kairo::Spool::files($dir)) {
        next if Kairo::Spool::locked("$dir/$name");
        my @stat = stat "$dir/$name";
        push @fat, "$name: $stat[7] bytes, $stat[12] blocks"
            if 512 * $stat[12] >= $stat[7] + 16384;
    }
    return @fat;
}

# reconcile NAME, GOT, LEAST, KILLED: what the load was told and the tool has
# seen against what is in the files.

sub reconcile {
    my ($name, $got, $least, $killed) = @_;
    my @told = @{$got->{kept}};
    my $all = $killed ? Kairo::Spool::read($dir) : Kairo::Spool::ended($dir);
    my $parts = $all->{parts};
    my @seen = grep { /^$uuid$/ } split /\n/, $tool->log('ids.log');
    my (%seen, %told);
    $seen{$_}++ for @seen;
    $told{$_}++ for @told;
    my @open = grep { !$parts->{$_}[1] } keys %$parts;

    diag("$name: $got->{n} answers, ", scalar @{$got->{odd}}, ' without one, ',
         scalar @told, ' told, ', scalar @seen, ' seen, ',
         scalar keys %$parts, ' recorded, ', scalar @open, ' open');
    cmp_ok(scalar @told, '>=', $least, "$name: there were many");
    is(scalar(grep { $_ > 1 } values %told, values %seen), 0,
       "$name: no id was given twice");
    is(scalar(grep { !$parts->{$_} || !$parts->{$_}[0] } @told), 0,
       "$name: all that clients were told are recorded");
    is(scalar(grep { !$parts->{$_} || !$parts->{$_}[0] } @seen), 0,
       "$name: and all that the tool has seen");
    is(scalar(grep { $_->[0] != 1 || $_->[1] > 1 } values %$parts), 0,
       "$name: nothing is there twice, and no end without a beginning");
    my @cut = grep { /a cut record/ } @{$all->{wrong}};
    is_deeply([grep { !/a cut record/ } @{$all->{wrong}}], [],
              "$name: all of it is whole");
    cmp_ok(scalar @cut, '<=', $killed ? $kills : 0,
           "$name: but what a worker was killed at");
    cmp_ok(scalar @open, '<=', $killed ? 64 * $kills : 0,
           "$name: what is open is what it had not ended");
    return $all;
}

for my $sync ('100ms', 'always') {
    my $name = "sync=$sync";
    system 'rm', '-rf', $dir;
    unlink "$s->{dir}/error.log";
    $s->start(http($sync));
    open my $empty, '>', "$tool->{dir}/ids.log";
    close $empty;

    # reloads

    my $load = load();
    my $good = 0;
    $good += $s->reload(http($sync)) for 1 .. $reloads;
    is($good, $reloads, "$name: $reloads reloads come to an end");
    $load->pause;
    my $got = $load->take;
    is("@{$got->{odd}}", '', "$name: reloads: nobody is without an answer");
    reconcile("$name: reloads", $got, 200);
    is_deeply([trimmed()], [], "$name: reloads: no room is kept");
    cmp_ok(scalar(locked()), '<=', 2, "$name: reloads: a file for each worker");

    # a binary upgrade

    $load->go;
    my $old = $s->pid;
    kill 'USR2', $old;
    ok($s->until(sub { ($s->pid // $old) != $old && $s->children == 2 }),
       "$name: upgrade: a new master has started its workers");
    sleep 0.5;
    kill 'QUIT', $old;
    ok($s->until(sub { !Kairo::Server::alive($old) }),
       "$name: upgrade: and the old one ends");
    sleep 0.3;
    $load->pause;
    my $more = $load->take;
    is("@{$more->{odd}}", '', "$name: upgrade: nobody is without an answer");
    unshift @{$more->{kept}}, @{$got->{kept}};
    my $all = reconcile("$name: upgrade", $more, @{$got->{kept}} + 20);
    is_deeply([trimmed()], [], "$name: upgrade: no room is kept");

    # kills

    $load->go;
    for (1 .. $kills) {
        sleep 0.2 + rand 0.1;
        my ($victim) = $s->children;
        kill 'KILL', $victim;
        $s->until(sub { my @now = $s->children;
                        @now == 2 && !grep { $_ == $victim } @now });
    }
    sleep 0.3;
    $load->pause;
    my $last = $load->take;
    $load->finish;
    unshift @{$last->{kept}}, @{$more->{kept}};
    sleep 0.3;
    reconcile("$name: killed", $last, @{$more->{kept}} + 100, 1);
    cmp_ok(scalar(my @files = Kairo::Spool::files($dir)), '>', $kills,
           "$name: killed: each had a file");
    is_deeply([trimmed()], [], "$name: killed: no room is kept");
    cmp_ok(scalar(locked()), '<=', 2, "$name: killed: nor is a lock");
    is(join(' ', grep { !/\.new$/ } Kairo::Spool::others($dir)), '',
       "$name: killed: nothing else is left, but files that were just made");

    # all of them, the master too

    my @children = $s->children;
    kill 'KILL', $s->pid, @children;
    $s->until(sub { $s->status('/up') == 0 });
    is(scalar(locked()), 0, "$name: none has a lock when all are killed");
    my $before = Kairo::Spool::read($dir);
    my @made = map { "0000000000001-0000000001-00000$_.spool.new" } 1 .. 3;
    for (@made) {
        open my $out, '>', "$dir/$_" or die "$_: $!\n";
    }
    my @old = (time - 100) x 2;
    utime @old, map { "$dir/$_" } @made[0, 1];
    my $held = Kairo::Spool::hold("$dir/$made[1]");
    $s->start(http($sync));
    is_deeply([trimmed()], [], "$name: and a start gives back their room");
    $s->until(sub { !-e "$dir/$made[0]" });
    is(join(' ', grep { /^0{12}1/ } Kairo::Spool::others($dir)),
       "@made[1, 2]", "$name: of files that were never made too, "
                    . 'but not of those that may be');
    close $held;
    unlink map { "$dir/$_" } @made;
    my ($id) = $s->get('/run') =~ /^X-Kairo-Event-Id: (\S+)\r$/m;
    my $after = Kairo::Spool::read($dir);
    is(scalar(grep { !$after->{parts}{$_} } $id, keys %{$before->{parts}}), 0,
       "$name: and keeps what is recorded");
    $s->{expected} = qr/exited on signal 9/;
    ok($s->stop, "$name: it ends");
    is(scalar(locked()), 0, "$name: without a lock");
    is_deeply([trimmed()], [], "$name: and without room");
    $s->not_logged(qr/open socket/, "$name: and nobody is cut off");
    $s->not_logged(qr/exited on signal (?!9)|Sanitizer/, "$name: none has died");
}

$tool->finish;

done_testing();
