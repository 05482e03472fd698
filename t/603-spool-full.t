# A spool that is full, or that can't be written: runs are refused before they
# reach their tool, what may be dropped is told by a gap, the log says so once,
# the end of each run that was open is written, and all goes on when there is
# room.

use strict;
use warnings;

use lib 't/lib';
use Kairo::Provider;
use Kairo::Server;
use Kairo::Spool;
use Kairo::Token qw(json);
use Test::More;
use POSIX ();
use Time::HiRes qw(sleep time);

my $slow = Kairo::Provider->new;
my $app = Kairo::Provider->new->answer(body => 'done');
my @user = $> == 0 ? getpwnam 'nobody' : ();
my ($s, $dir, %told);
my $key = 0;

sub server {
    my (%with) = @_;
    $s = Kairo::Server->new(%with);
    $dir = "$s->{dir}/spool";
    mkdir $dir;
    $s->file('html/t', 'content');
    chmod 0755, $s->{dir};
    return $s;
}

sub http {
    my ($spool) = @_;
    $spool //= '';
    return <<END;
    kairo_spool $dir $spool;
    kairo_ratelimit_zone \$arg_k zone=one:64k rate=1r/h;
    add_header X-Pid \$pid always;
    server {
        listen 127.0.0.1:%%PORT%%;
        root html;
        location = /up { return 200 up; }
        location = /metrics { kairo_metrics; }
        location = /run { kairo_tool_run seo;
                          proxy_pass http://127.0.0.1:$app->{port}; }
        location = /t { kairo_tool_run seo; }
        location = /large { kairo_tool_run seo;
                            kairo_event large a=\$http_x_large on_full=drop;
                            try_files /t =404; }
        location = /drop { kairo_tool_run seo on_full=drop; try_files /t =404; }
        location = /event { kairo_event seen on_full=drop; try_files /t =404; }
        location = /must { kairo_event seen; try_files /t =404; }
        location = /both { kairo_tool_run seo; kairo_event seen on_full=drop;
                           try_files /t =404; }
        location = /slow { kairo_tool_run seo;
                           proxy_pass http://127.0.0.1:$slow->{port}; }
        location = /rate { kairo_ratelimit zone=one; kairo_refusals all;
                           try_files /t =404; }
    }
END
}

sub code { return ($_[0] // '') =~ m{^HTTP/1.1 (\d+)} ? $1 : 0 }

sub lines { my ($what) = @_; return scalar(my @n = $s->log =~ /$what/g) }

sub lost {
    my ($class) = @_;
    return $s->get('/metrics')
           =~ /^kairo_spool_lost_total\{class="$class"\} (\d+)/m ? $1 : 'none';
}

sub kinds {
    my ($kind) = @_;
    my $all = Kairo::Spool::read($dir);
    return grep { ($_->{kind} // '') eq $kind } values %{$all->{events}};
}

# fill PATH, FIELD...: asks until the spool is full; how many passed.

sub fill {
    my (@request) = @_;
    for my $n (0 .. 20_000) {
        my $code = $s->status(@request);
        return $n if $code == 503;
        return "odd: $code" if $code != 200;
    }
    return 'never';
}

my @large = ('/large', 'X-Large: ' . 'x' x 4000);

sub refused {
    my ($name) = @_;
    my $n = $app->count;
    my $got = $s->get('/run');
    is(code($got), 503, "$name: a run is refused");
    like($got, qr/"layer":"record","code":"spool_full"/, "$name: as full");
    like($got, qr/^Content-Type: application\/problem\+json\r$/m,
         "$name: as a problem");
    is($s->field($got, 'Retry-After'), 1, "$name: for a while");
    unlike($got, qr/X-Kairo-Event-Id/, "$name: without an id");
    is($app->count, $n, "$name: before it reaches the tool");
    is($s->status('/must'), 503, "$name: an event that must be there too");
}

sub whole {
    my ($name, $removed) = @_;
    my $all = Kairo::Spool::ended($dir);
    is_deeply($all->{wrong}, [], "$name: all of it is whole");
    my @odd = grep { $all->{parts}{$_}[0] != 1 && !$removed
                     || $all->{parts}{$_}[0] > 1 || $all->{parts}{$_}[1] != 1 }
              keys %{$all->{parts}};
    is("@odd", '', "$name: each has one beginning and one end");
    return $all;
}

# What is full: lets runs be open meanwhile, and looks at all that is lost and
# at what is told of it.  MAKE makes it full, ROOM makes room.

sub is_full {
    my ($name, $line, $make, $room) = @_;
    my (@open, @ids);

    $slow->forget->answer(hold => 1, body => 'x');
    @open = map { $s->send('/slow') } 1 .. 10;
    $s->until(sub { $slow->count == 10 });
    @ids = map { /^X-Kairo-Event-Id: (\S+)\r$/m } $slow->asked;
    is(scalar @ids, 10, "$name: ten runs are open");
    my %first = map { $_ => lost($_) } qw(run event refusal);
    my $gaps = kinds('gap');
    my $said = lines($line);
    my $back = lines('there is room in');
    my $begun = 1000 * time;

    $make->();
    my %before = map { $_ => lost($_) } qw(run event refusal);
    refused($name);
    is(join(' ', map { $s->status('/drop') } 1 .. 5), '200 200 200 200 200',
       "$name: runs that may be dropped pass");
    unlike($s->get('/drop'), qr/X-Kairo-Event-Id/, "$name: without an id");
    is(join(' ', map { $s->status('/event') } 1 .. 3), '200 200 200',
       "$name: events that may be dropped too");
    $key++;
    is(join(' ', map { $s->status("/rate?k=$key") } 1 .. 3),
       '200 429 429', "$name: refusals are refusals");
    sleep 0.5;
    my $to = 1000 * time;
    is(join(' ', map { lost($_) - $before{$_} } qw(run event)), '6 3',
       "$name: the counters tell how many are lost");
    my $refusals = lost('refusal') - $before{refusal};
    is($refusals, 2, "$name: of refusals too");

    $slow->release;
    is(join(' ', map { code($s->receive($_)) } @open), join(' ', (200) x 10),
       "$name: runs that were open end");
    $s->until(sub { my $p = Kairo::Spool::read($dir)->{parts};
                    !grep { ($p->{$_}[1] // 0) != 1 } @ids });
    my $parts = Kairo::Spool::read($dir)->{parts};
    is(join(' ', map { $parts->{$_}[1] // 0 } @ids), join(' ', (1) x 10),
       "$name: and their ends are written");
    is($s->status('/run'), 503, "$name: it is full still");
    is(join(' ', grep { $_ ne 'fill' } Kairo::Spool::others($dir)), '',
       "$name: no file that could not be made is left");
    cmp_ok(lines($line) - $said, '>=', 1, "$name: the log says so");
    cmp_ok(lines($line) - $said, '<=', $s->{workers}, "$name: once a worker");
    is(lines('there is room in') - $back, 0, "$name: and nothing else");

    $room->();
    ok($s->until(sub { kinds('gap') >= $gaps + 3 }),
       "$name: gaps are told when there is room, by themselves");
    ok($s->until(sub { $s->status('/run') == 200 }), "$name: runs pass");
    my %gap;
    for (sort { $a->{id} cmp $b->{id} } kinds('gap')) {
        my $d = $_->{details};
        next if $d->{last_ms} < $begun - 50;
        next if $told{$_->{id}}++;
        $gap{$d->{class}} += $d->{lost};
        ok($d->{first_ms} <= $d->{last_ms} && $d->{first_ms} >= $begun - 50
           && $d->{last_ms} <= $to + 50,
           "$name: the gap of class $d->{class} tells when") or diag(json($d),
           " from $begun to $to");
    }
    is($gap{$_} // 0, lost($_) - $first{$_}, "$name: of as many ${_}s")
        for qw(run event refusal);
    cmp_ok(lines('there is room in') - $back, '>=', 1,
           "$name: the log tells that there is room");
    is(join(' ', map { $s->status('/run') } 1 .. 5), '200 200 200 200 200',
       "$name: it stays so");
    whole($name, $name eq 'size');
}


# size=

server()->start(http('size=4m edge=x'));
{
    my $most = 4 * 1024 * 1024;
    is_full('size', 'is full: no more than size=4194304', sub {
        like(fill(@large), qr/^\d{3,}$/, 'size: it gets full');
        my $disk = Kairo::Spool::disk($dir);
        cmp_ok($disk, '<=', $most, 'size: and takes no more');
        cmp_ok($disk, '>=', $most - 300_000, 'size: nor much less');
    }, sub {
        my @files = Kairo::Spool::files($dir);
        unlink map { "$dir/$_" } grep { !Kairo::Spool::locked("$dir/$_") }
                                 @files;
    });
    is($s->status(@large), 200, 'size: large ones pass');
    my $all = whole('size', 1);
    is(join(' ', map { $_->{edge} // '' } kinds('gap')) =~ s/ .*//r, 'x',
       'size: gaps have an edge');
}
# all files, the one that is written too

{
    fill(@large);
    unlink map { "$dir/$_" } Kairo::Spool::files($dir);
    ok($s->until(sub { $s->status('/run') == 200 }),
       'size: without any file there is room');
    my @ids = map { $s->get('/t') =~ /^X-Kairo-Event-Id: (\S+)\r$/m } 1 .. 5;
    my $all = Kairo::Spool::ended($dir);
    is(scalar(grep { $all->{parts}{$_} } @ids), 5,
       'size: and what is told is in a file that is there');
}
$s->finish;

# of several workers

server(workers => 4)->start(http('size=4m'));
{
    my @children = map {
        my $pid = fork // die "fork: $!\n";
        if ($pid == 0) {
            fill(@large);
            POSIX::_exit(0);
        }
        $pid;
    } 1 .. 4;
    waitpid $_, 0 for @children;
    cmp_ok(Kairo::Spool::disk($dir), '<=', (4 + 4 * 0.25) * 1024 * 1024,
           'four workers: no more than a segment each beyond it');
    whole('four workers');
}
$s->finish;


# A directory that is taken away, replaced, or can't be written.

SKIP: {
    skip 'needs another user for workers', 1 if !@user;
    local $ENV{TEST_NGINX_WORKER_USER} = 'nobody ' . getgrgid $user[3];
    server()->start(http('size=4m'));
    is((stat $dir)[4], $user[2], 'the directory is of the workers');

    my $next = sub { fill(@large) };
    is_full('unreadable', "can't be written.*denied", sub {
        chmod 0, $dir; $next->() }, sub { chmod 0700, $dir });
    is_full('owned by another', "can't be written.*denied", sub {
        chown 0, 0, $dir; $next->() },
        sub { chown @user[2, 3], $dir });
    is($s->status('/up'), 200, 'it is well');
    $s->finish;
}

server()->start(http('size=4m'));
{
    # a file that has no name any more is not written to: who came meanwhile
    # is refused, the next one passes

    my ($id) = $s->get('/t') =~ /^X-Kairo-Event-Id: (\S+)\r$/m;
    ok($id, 'a run');
    Kairo::Spool::ended($dir);
    unlink map { "$dir/$_" } Kairo::Spool::files($dir);
    is($s->status('/t'), 503, 'a file that was removed');
    is($s->status('/t'), 200, 'and another one');

    # nobody waits for the record of a refusal, nor for a gap: what is not
    # written of these is told by the next one

    my $lost = lost('refusal');
    $s->status('/rate?k=gone') for 1, 2;
    ok($s->until(sub { kinds('refused') }), 'a refusal');
    unlink map { "$dir/$_" } Kairo::Spool::files($dir);
    is($s->status('/rate?k=gone'), 429, 'another one, to a file that is gone');
    ok($s->until(sub { lost('refusal') == $lost + 1 }), 'is counted as lost');
    ok($s->until(sub { kinds('gap') }), 'and a gap tells of it');
    is(((kinds('gap'))[0] // {})->{details}{lost}, 1, 'once');

    # an end that can't be written yet is when there is room, by itself

    $slow->forget->answer(hold => 1);
    my $open = $s->send('/slow');
    $s->until(sub { $slow->count });
    my ($late) = ($slow->asked)[0] =~ /^X-Kairo-Event-Id: (\S+)\r$/m;
    unlink map { "$dir/$_" } Kairo::Spool::files($dir);
    rmdir $dir;
    $slow->release;
    is(code($s->receive($open)), 200, 'a run ends while there is no directory');
    sleep 0.6;
    mkdir $dir;
    ok($s->until(sub { (Kairo::Spool::read($dir)->{parts}{$late} // [0, 0])->[1]
                       == 1 }), 'and its end is written when there is one');
    unlink map { "$dir/$_" } Kairo::Spool::files($dir);
    rmdir $dir or diag("rmdir: $!");
    sleep 0.3;
    refused('removed');
    is($s->status('/drop'), 200, 'removed: what may be dropped passes');
    mkdir $dir;
    ok($s->until(sub { $s->status('/run') == 200 }),
       'removed: when it is there again runs pass');
    whole('removed');

    # another in its place

    rename $dir, "$dir.old";
    mkdir $dir;
    my @ids = map { $s->get('/t') =~ /^X-Kairo-Event-Id: (\S+)\r$/m } 1 .. 5;
    my $all = Kairo::Spool::ended("$dir.old");
    my $new = Kairo::Spool::ended($dir);
    is(scalar(grep { $all->{parts}{$_} || $new->{parts}{$_} } @ids), 5,
       'replaced: all are in one or the other');
    for (1 .. 2000) {
        last if Kairo::Spool::files($dir) || $s->status(@large) != 200;
    }
    $all = Kairo::Spool::ended("$dir.old");
    is_deeply($all->{wrong}, [], 'replaced: the old one is whole');
    whole('replaced', 1);

    # a file in its place

    rename $dir, "$dir.new";
    $s->file('spool', 'x');
    for (1 .. 2000) { last if $s->status(@large) == 503 }
    refused('a file in its place');
    unlink $dir;
    mkdir $dir;
    ok($s->until(sub { $s->status('/run') == 200 }),
       'and then it is a directory again');
}
$s->finish;


# A disk that is full.

SKIP: {
    server();
    skip 'no other disk can be mounted', 1
        if system("mount -t tmpfs -o size=1m kairo $dir 2>/dev/null") != 0;
    $s->start(http('size=4m'));
    is($s->status('/run'), 200, 'a disk with room');
    my $fill;
    is_full('a full disk', "can't be written.*No space left", sub {
        open $fill, '>', "$dir/fill" or die "fill: $!\n";
        1 while syswrite $fill, 'x' x 4096;
        fill(@large);
    }, sub { truncate $fill, 0 });
    $s->finish;
    close $fill;
    system "umount $dir";
}

done_testing();
