# From the spool to Postgres: every run that a client was told of is one row,
# whatever is killed, stopped, reloaded or refused in between, and what is not
# a part of a spool holds up nothing.

use strict;
use warnings;

use lib 't/lib';
use Kairo::Load;
use Kairo::Postgres;
use Kairo::Provider;
use Kairo::Server;
use Kairo::Spool;
use Kairo::Token qw(secret token);
use POSIX ();
use Test::More;
use Time::HiRes qw(sleep time);

my $reloads = $ENV{KAIRO_RELOADS} || 20;
my $key = secret('m' x 32);
my $pg = Kairo::Postgres->new;
my $s = Kairo::Server->new(workers => 2, ports => 2,
                           main => 'env ASAN_OPTIONS; env UBSAN_OPTIONS;');
my $app = Kairo::Provider->new;
my $dir = "$s->{dir}/spool";

$s->file('key', 'm' x 32);
$s->file('html/run', 'content');
$app->answer(hold => 1);

# http MORE, POSTGRES: with parameters of kairo_postgres and of kairo_spool

sub http {
    my ($more, $spool) = @_;
    return <<END;
    kairo_issuer main { issuer https://issuer.test/; audience api; algs HS256;
                        keys secret=file:key; }
    kairo_postgres main file:@{[$pg->file('edge')]} @{[$more // '']};
    kairo_spool spool size=16m sync=off edge=one @{[$spool // '']};
    kairo_region eu-west;
    server {
        listen 127.0.0.1:%%PORT%% backlog=1024;
        listen 127.0.0.1:%%PORT+1%% reuseport;
        root html;
        add_header X-Pid \$pid always;
        location = /up { return 200 up; }
        location = /m { kairo_metrics; }
        location = /who {
            kairo_auth required issuer=main;
            kairo_tool_run seo;
            try_files /run =404;
        }
        location = /run { kairo_tool_run \$arg_tool; }
        location = /slow {
            kairo_tool_run \$arg_tool;
            proxy_pass http://127.0.0.1:$app->{port};
        }
    }
END
}

sub metric {
    my ($name) = @_;
    my ($n) = $s->get('/m') =~ /^kairo_spool_$name(?:\{[^}]*\})? (\S+)$/m;
    return $n // 'none';
}

sub id_of { return $s->field($_[0], 'X-Kairo-Event-Id') // '' }

sub row {
    my ($id, $what) = @_;
    return $pg->sql("select $what from kairo.usage_events e
                     left join kairo.users u using (user_id)
                     where event_id = '$id'");
}

sub rows {
    my ($where) = @_;
    return $pg->sql('select count(*) from kairo.usage_events where '
                    . ($where // 'true'));
}

sub files {
    my ($suffix) = @_;
    return map { m{([^/]+)$} } glob "$dir/*.$suffix";
}

# Nothing is on its way, and no file is left but those of the workers.

sub shipped {
    return $s->until(sub {
        metric('oldest_seconds') eq '0' && files('spool') <= $s->{workers}
            && settled();
    });
}

# A run that goes on until the application is told to answer, of either worker.

sub slow {
    my ($tool) = @_;
    my $c = $s->socket($s->{port} + 1) or die 'no connection';
    print $c "GET /slow?tool=$tool HTTP/1.1\r\nHost: localhost\r\n"
             . "Connection: close\r\n\r\n";
    return $c;
}

# Two looks at the directory have found nothing.

sub settled {
    my $was = metric('shipped_total');
    sleep 0.6;
    return metric('shipped_total') eq $was;
}

# The worker that ships has the lock open, and the others have not.

sub shipper {
    my ($found) = grep {
        grep { (readlink // '') eq "$dir/ship.lock" } glob "/proc/$_/fd/*"
    } $s->children;
    return $found;
}

# ask N, PATH: clients in processes of their own; until told() each writes the
# ids that it was answered with.

my (@clients, $round);

sub ask {
    my ($n, $path, $pause) = @_;
    @clients = ();
    $round++;
    for my $i (1 .. $n) {
        my $pid = fork // die "fork: $!\n";
        if ($pid == 0) {
            my $on = 1;
            $SIG{TERM} = sub { $on = 0 };
            open my $out, '>', "$s->{dir}/ids-$round-$i" or die;
            while ($on) {
                my $answer = $s->get($path);
                my $id = id_of($answer);
                print $out "$id\n" if $id && $answer =~ m{^HTTP/1.1 200 };
                sleep $pause if $pause;
            }
            close $out;
            POSIX::_exit(0);
        }
        push @clients, $pid;
    }
}

# told: those ids, when all clients have ended.

sub told {
    kill 'TERM', @clients;
    waitpid $_, 0 for @clients;
    @clients = ();
    return map { split /\n/, Kairo::Provider::slurp($_) }
           glob "$s->{dir}/ids-$round-*";
}

# all_there NAME, ID...: each is a row that has its end.

sub all_there {
    my ($name, @ids) = @_;
    my %rows = map { $_ => 1 } split /\n/,
               $pg->sql('select event_id from kairo.usage_events
                         where status = 200');
    my @none = grep { !$rows{$_} } @ids;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    ok(@ids > 50 && !@none, "$name: " . @ids . ' runs')
        or diag(@none . " are not there: @none[0 .. 2]");
}

sub lines { return scalar(my @all = grep { /$_[0]/ } split /\n/, $s->log) }

$s->{expected} = qr/exited on signal 9/;
$s->start(http());

# a row with all of it

{
    my $before = time;
    my $answer = $s->get('/who', 'Authorization: Bearer '
                         . token($key, claims => { sub => 'ann' }));
    my $id = id_of($answer);

    ok($s->until(sub { row($id, 'status') eq '200' }), 'a run is a row')
        or diag($answer);
    is(row($id, 'issuer, subject, tool, kind, admin, billable, region, edge'),
       'main|ann|seo|run|f|t|eu-west|one', 'who, which, where');
    is(row($id, 'route'), '/who', 'the route');
    like(row($id, 'request_id'), qr/^[0-9a-f]{32}$/, 'the request');
    ok(row($id, 'bytes') > 100 && row($id, 'latency_ms') =~ /^\d+$/,
       'what it took');
    ok(abs(row($id, 'extract(epoch from kairo.event_time(event_id))')
           - $before) < 5, 'when');

    ok(shipped(), 'nothing is left');
    is(metric('shipped_total'), 1, 'one was shipped');
    is(rows(), 1, 'and is there once');
    is(metric('files') . ' ' . metric('known_total') . ' '
       . metric('aside_total'), '1 0 0', 'one file, nothing twice');
}

# as it began and as it ends, in two batches

{
    my $c = slow('slow');
    ok($s->until(sub { rows("tool = 'slow'") == 1 }), 'a run that goes on');
    is($pg->sql("select status is null, ended_at is null
                 from kairo.usage_events where tool = 'slow'"), 't|t',
       'is a row without an end');
    $app->release;
    my $id = id_of($s->receive($c));
    ok($s->until(sub { row($id, 'status') eq '200' }), 'until it ends');
    $app->answer(hold => 1);
}

# Postgres is stopped, and started, while clients ask

for my $mode ('immediate', 'killed') {
    ask(4, "/run?tool=$mode", 0.002);
    sleep 0.5;
    $pg->stop($mode);
    sleep 2.5;
    ok(metric('oldest_seconds') >= 1, 'the oldest has waited');
    $pg->start;
    sleep 1;
    my @ids = told();
    ok(shipped(), "it is back after $mode");
    all_there("Postgres $mode", @ids);
    is(rows("tool = '$mode'"), scalar(@ids), 'each once');
    is($pg->sql('select count(*) from kairo.events_aside'), 0,
       'none was set aside');
}

is(lines('takes no events now'), lines('takes events again'),
   'each time is said once, and that it is over');

# a worker is killed

for my $which ('another', 'the one that ships') {
    my $ships = shipper();
    my ($other) = grep { $_ != $ships } $s->children;
    my $pid = $which eq 'another' ? $other : $ships;
    my (@slow, $at);

    # some of these are its
    push @slow, slow("slow-$pid") for 1 .. 12;
    ask(4, '/run?tool=kill', 0.002);
    sleep 1;
    my @its = grep { /-0*$pid-/ } files('spool');
    ok(@its >= 1, "$which has a file");
    kill 'KILL', $pid;
    $at = time;
    ok($s->until(sub { (shipper() // $pid) != $pid }), "$which: killed");
    cmp_ok(time - $at, '<', 2, 'another ships within two seconds');
    sleep 0.5;
    my @ids = told();
    $app->release;
    my @lost = grep { $s->receive($_) eq '' } @slow;
    ok(shipped(), 'all of it is shipped');
    all_there("$which is killed", @ids);
    ok(!grep({ -e "$dir/$_" } @its), 'its files are removed');
    is(rows("tool = 'slow-$pid'"), 12, 'runs that had begun are there');
    ok(@lost > 0 && @lost < 12, @lost . ' of them were of that worker');
    is(rows("tool = 'slow-$pid' and status is null"), scalar(@lost),
       'and have no end');
    $app->answer(hold => 1);
}

# reloads

{
    ask(4, '/run?tool=reload', 0.002);
    my ($master, $good, @fds) = ($s->pid, 0);
    for my $n (1 .. $reloads) {
        $good += $s->reload(http());
        sleep 0.1;
        push @fds, Kairo::Load::descriptors($master);
    }
    my @ids = told();
    is($good, $reloads, "$reloads reloads come to an end");
    is($fds[-1], $fds[1], 'the master has no more descriptors');
    ok(shipped(), 'all of it is shipped');
    all_there('reloads', @ids);
    is(rows("tool = 'reload'"), scalar(@ids), 'each once');
}

# the right to call the function is taken away, and given back

{
    # with files that have nothing else
    ok($s->reload(http()) && shipped(), 'new workers');
    my $said = lines('takes no events now');
    my ($signature) = $pg->sql("select oid::regprocedure from pg_proc
                                where proname = 'ingest'
                                and pronamespace = 'kairo'::regnamespace");
    $pg->sql("revoke execute on function $signature from kairo_edge");
    ask(2, '/run?tool=right', 0.01);
    sleep 3;
    is(rows("tool = 'right'"), 0, 'nothing is shipped');
    is(lines('takes no events now'), $said + 1, 'one line says so');
    $s->logged('takes no events now: 42501', 'and why');
    # files that are left, and read, and in nobody's memory any more
    ok($s->reload(http()), 'workers come and go');
    ok($s->until(sub { shipper() }), 'one ships');
    sleep 1.5;
    kill 'KILL', shipper();
    ok($s->until(sub { $s->children == 2 && shipper() }), 'one is killed');
    $pg->sql("grant execute on function $signature to kairo_edge");
    my @ids = told();
    ok(shipped(), 'it goes on');
    all_there('with the right to it', @ids);
    is(rows("tool = 'right'"), scalar(@ids), 'each once');
}

# what is none of the spool

{
    my $mine = '0000000000001-0000000001-00000';
    my %made = ("${mine}1.spool" => 'x' x 5000,
                "${mine}2.spool" => '',
                "${mine}3.spool" => "kairospl\2\0" . 'x' x 100,
                "${mine}4.spool" => 'kairospl',
                'notes.txt' => 'hello', '..spool' => 'x');
    for my $name (sort keys %made) {
        $s->file("spool/$name", $made{$name});
        chmod 0666, "$dir/$name";
    }
    symlink '/etc/passwd', "$dir/${mine}5.spool";
    POSIX::mkfifo("$dir/${mine}6.spool", 0666);
    mkdir "$dir/${mine}7.spool";
    sleep 1;
    my $id = id_of($s->get('/run?tool=odd'));
    ok($s->until(sub { row($id, 'status') eq '200' }), 'others go on');
    is(join(' ', map { Kairo::Provider::slurp("$dir/$_") eq $made{$_} ? 1 : 0 }
                 sort keys %made), '1 1 1 1 1 1', 'files of others stay');
    ok(-l "$dir/${mine}5.spool" && -p "$dir/${mine}6.spool"
       && -d "$dir/${mine}7.spool", 'and what is no file');
    is(lines("${mine}1.spool.*is no file of a spool"), 1, 'one line about it');
    is(lines("${mine}3.spool.*is of a later version"), 1,
       'and about a later version');
    rmdir "$dir/${mine}7.spool";
    unlink glob("$dir/${mine}*"), "$dir/notes.txt", "$dir/..spool";
}

# what is damaged: some of a file of before, which nobody shipped

{
    ok($s->reload(http('', 'postgres=off')), 'nobody ships');
    my $its = join '|', $s->children;
    my @ids = map { id_of($s->get("/run?tool=bad$_")) } 1 .. 40;
    ok($s->stop, 'it is stopped');
    my ($damaged) = sort { -s "$dir/$b" <=> -s "$dir/$a" }
                    grep { /-0*(?:$its)-/ } files('spool');
    open my $out, '+<:raw', "$dir/$damaged" or die;
    seek $out, 600, 0;
    print $out "sk\0\1\xff\xff" x 50;
    seek $out, 0, 2;
    print $out "sk\1\0\xff";
    close $out;

    $s->start(http());
    ok($s->until(sub { !-e "$dir/$damaged" }), 'the file is read');
    ok(shipped(), 'to its end');
    my $there = rows("tool like 'bad%'");
    ok($there >= 34 && $there < 40, "most is there: $there");
    my $bad = metric('bad_bytes_total');
    ok($bad >= 305 - 5, 'the rest is counted');
    is(metric('unfinished_bytes_total'), 5, 'and its end by itself');
    ok(-s "$dir/$damaged.bad", 'and the file kept beside');
    is(lines("\Q$damaged\E\" has \\d+ bytes"), 1, 'one line about it');

    # what a worker leaves that is killed within a write
    my $left = Kairo::Spool::make($dir, { ms => 5, pid => 5 },
                                  { id => Kairo::Spool::id(1000 * time, 5),
                                    kind => 'run', tool => 'left',
                                    route => '/run', edge => 'here',
                                    status => 200, latency => 1, bytes => 1 },
                                  "sk\1\0\xff\0\0\0");
    ok($s->until(sub { !-e $left }), 'one that ends in a part of a record');
    ok(shipped() && rows("tool = 'left'") == 1, 'is shipped');
    is(metric('unfinished_bytes_total'), 13, 'that part is counted');
    is(metric('bad_bytes_total'), $bad, 'as nothing else');
    my @bad = files('spool.bad');
    is("@bad", "$damaged.bad", 'and the file is gone');
    is(lines('ends in 8 bytes of a record that was never finished'), 1,
       'one line about it');
}

# a row that Postgres can't take

{
    my $name = $pg->sql("select oid::regprocedure from pg_proc
                         where proname = 'ingest'
                         and pronamespace = 'kairo'::regnamespace");
    my $types = join ', ', ('uuid[]'), ('text[]') x 8, 'jsonb[]', 'boolean[]',
                           'integer[]', 'integer[]', 'bigint[]';
    my $values = join ', ', map { "\$$_" } 1 .. 14;
    $pg->sql(<<"END");
alter function $name rename to ingest_all;
grant usage on schema kairo to kairo_edge;
create function kairo.ingest($types, out begun integer, out ended integer,
    out known integer, out aside integer) language plpgsql security definer
as \$\$
begin
    if 'poison' = any (\$3) then
        raise exception using errcode = '22003', message = 'no';
    end if;
    select * from kairo.ingest_all($values) into begun, ended, known, aside;
end
\$\$;
grant execute on function kairo.ingest($types) to kairo_edge;
END
    ask(4, '/run?tool=good', 0.003);
    sleep 0.3;
    my @poison = map { id_of($s->get('/run?tool=poison')) } 1 .. 3;
    sleep 0.5;
    my @ids = told();
    ok(shipped(), 'all of it is shipped');
    all_there('beside some that can\'t be stored', @ids);
    is(rows("tool = 'good'"), scalar(@ids), 'each once');
    is(rows("tool = 'poison'"), 0, 'those are not there');
    is(metric('aside_total'), 3, 'but set aside');

    my $aside = join '', map { Kairo::Provider::slurp("$dir/$_") }
                         files('aside');
    my @kept = grep {
        (my $hex = $_) =~ tr/-//d;
        index($aside, pack 'H*', $hex) >= 0;
    } @poison;
    is(scalar(@kept), 3, 'in a file');
    like($aside, qr/^kairospl\x01\x00/, 'of the form of a spool');
    $s->logged('can\'t take 1 events \(22003\)', 'the log says so');
}

# a worker that shuts down does not wait for a database that does not answer

{
    ok($s->reload(http('timeout=30s')), 'a long timeout');
    ok($s->until(sub { shipper() }), 'one ships');
    my $id = id_of($s->get('/run?tool=before'));
    ok($s->until(sub { row($id, 'status') eq '200' }), 'it does');
    my @frozen = $pg->backends('edge');
    $pg->freeze(@frozen);
    my @ids = map { id_of($s->get('/run?tool=frozen')) } 1 .. 60;
    sleep 0.5;
    my ($at, @old) = (time, $s->children);
    ok($s->reload(http('timeout=30s')), 'reloaded while it is frozen');
    cmp_ok(time - $at, '<', 5, 'old workers are gone');
    $pg->thaw(@frozen);
    ok(shipped(), 'the new ones ship');
    all_there('frozen', @ids);
    is(rows("tool = 'frozen'"), scalar(@ids), 'each once');
}

is(metric('errors_total'), 0, 'nothing failed to be written');
$s->finish;
done_testing();
