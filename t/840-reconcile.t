# Runs while all that they rest on is killed, stopped, renewed and full: what
# clients sent, what the application received and what the database has agree;
# see Kairo::Reconcile.  KAIRO_RATE is how many a second, 2500 unless set, and
# KAIRO_SEED what the last faults are drawn by.

use strict;
use warnings;

use lib 't/lib';
use Kairo::Postgres;
use Kairo::Reconcile;
use Kairo::Runs;
use Kairo::Server;
use Kairo::Token qw(secret token jwks);
use Test::More;
use Time::HiRes qw(sleep time);

# A mount that is ours alone, and goes with us.

my $mounts = $> == 0 && ($ENV{KAIRO_MOUNTS}
                         || system('unshare -m true 2>/dev/null') == 0);
if ($mounts && !$ENV{KAIRO_MOUNTS}) {
    $ENV{KAIRO_MOUNTS} = 1;
    exec 'unshare', '-m', $^X, '-It/lib', $0;
}

my $rate = $ENV{KAIRO_RATE} || 2500;
my $seed = $ENV{KAIRO_SEED} // $$;
my $least = 50_000;      # runs
my $reloads = 50;
my $drain = 60;          # s
my $began = time;

my $port = $ENV{TEST_NGINX_CLIENT_PORT} || 18984;
my $app = $port + 50;
my $pg = Kairo::Postgres->new;
my $s = Kairo::Server->new(workers => 2);
my $spool = "$s->{dir}/spool";
my $key = secret(join '', map { chr 33 + $_ } 1 .. 40);
my %token = map { ("u$_" => token($key, claims => { sub => "u$_",
                                                    exp => time + 3600 })) }
            1 .. 32;

mkdir $spool or die "$spool: $!\n";
$mounts = $mounts && system('mount', '-t', 'tmpfs', '-o', 'size=48m', 'none',
                            $spool) == 0;
diag('no file system can be mounted: the spool is filled to its own bound')
    unless $mounts;
my $size = $mounts ? '64m' : '32m';

$s->file('keys', jwks($key));
$s->file('edge', $pg->conninfo('edge'));

my $http = <<END;
    access_log off;
    kairo_issuer main { issuer https://issuer.test/; audience api;
                        algs HS256; keys file=keys; }
    kairo_postgres main file:edge;
    kairo_spool spool size=$size sync=100ms postgres=main;
    upstream app { server 127.0.0.1:$app; keepalive 64; }
    server {
        listen 127.0.0.1:%%PORT%%;
        location = /up { return 200 up; }
        location = /metrics { kairo_metrics; }
        location /tools/ {
            kairo_auth required issuer=main;
            proxy_pass http://app;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            location /tools/seo/ { kairo_tool_run seo;
                                   proxy_pass http://app; }
            location /tools/rank/ { kairo_tool_run rank;
                                    proxy_pass http://app; }
        }
    }
END
$s->{expected} = qr/exited on signal 9/;
$s->start($http);

my $runs = Kairo::Runs->new(port => $s->{port}, app => $app,
                            users => \%token, tools => ['seo', 'rank'])->start;
my (%done, @killed);

# fault NAME, CODE: does it while clients run tools, who get on afterwards.

sub fault {
    my ($name, $do) = @_;
    my $before = $runs->tell('count');
    my $at = time;
    $do->();
    my $over = time;
    my $then = $runs->tell('count');
    ok($s->until(sub { $runs->tell('count')->{ok} > $then->{ok} + 100 }),
       "$name: clients get on");
    my $after = $runs->tell('count');
    diag(sprintf '%5.1f s  %-44s %5.1f s, %s', $at - $began, $name,
         $over - $at, join ', ', map { ($after->{$_} - $before->{$_}) . " $_" }
                          qw(ok full broken left_at_once left_in_answer));
}

sub ms { return int 1000 * time }

sub kill_worker {
    my @workers = $s->children;
    my $pid = $workers[rand @workers] or return;
    push @killed, ms();
    $done{'workers killed'} += kill 'KILL', $pid;
}

# Whether the database answers us; it does not while it recovers.

sub answers { return ($pg->psql('admin', 'select 1'))[0] }

sub kill_backend {
    my @pids;
    $s->until(sub { @pids = $pg->backends('edge') });
    $done{'backends killed'} += kill 'KILL', $pids[rand @pids];
    sleep 0.2;
    $s->until(\&answers);
}

sub terminate {
    my ($good, $n) = $pg->psql('admin', q(select count(pg_terminate_backend(pid))
        from pg_stat_activity where usename = 'kairo_edge'));
    $done{'backends terminated'} += $n if $good;
}

sub freeze {
    my ($seconds, @pids) = @_;
    $done{'times frozen'}++;
    $pg->freeze(@pids);
    sleep $seconds;
    $pg->thaw;
}

sub restart {
    my ($mode) = @_;
    $pg->restart($mode);
    $done{"restarts, $mode"}++;
}

sub reload { $done{reloads} += $s->reload($http) }

sub upgrade {
    my $old = $s->pid;
    kill 'USR2', $old;
    $s->until(sub { ($s->pid // $old) != $old && $s->children == 2 })
        or return;
    # both are there for a while
    sleep 0.5;
    kill 'QUIT', $old;
    $done{upgrades} += $s->until(sub { !Kairo::Server::alive($old) });
}

# The file system, or without one of ours the spool, is full until some were
# refused for that.

sub fill {
    my $before = $runs->tell('count')->{full};
    $pg->stop;
    my $ballast = $mounts && ballast();
    my $full = $s->until(sub {
        $runs->tell('count')->{full} > $before + 1000 });
    kill_worker();
    sleep 0.5;
    unlink $ballast if $ballast;
    $pg->start;
    $done{'times full'} += $full;
}

sub ballast {
    my $name = "$spool/ballast";
    open my $out, '>', $name or die "$name: $!\n";
    1 while syswrite $out, "\0" x 65536;
    $done{'bytes of ballast'} += -s $name;
    return $name;
}


# what happens

srand $seed;
diag("seed $seed, $rate runs a second");
$runs->tell('leave 250');
$runs->tell("rate $rate");

fault('nothing', sub { sleep 2 });
fault('backends are killed', sub { kill_backend() for 1 .. 3 });
fault('backends are told to end', sub {
    for (1 .. 5) {
        terminate();
        sleep 0.3;
    }
});
fault('backends are frozen', sub { freeze(2, $pg->backends('edge')) });
fault('all of Postgres is frozen', sub { freeze(2) for 1 .. 2 });
for my $mode (qw(immediate fast killed)) {
    fault("restart, $mode", sub { restart($mode); restart($mode) });
}
fault('Postgres is gone', sub {
    $pg->stop;
    $done{'times gone'}++;
    sleep 4;
    $pg->start;
});

$runs->tell('rate 8000');
fault('workers are killed under more load', sub {
    for (1 .. 20) {
        kill_worker();
        sleep 0.25;
    }
});
fault('the spool is full', \&fill);
$runs->tell("rate $rate");

fault("$reloads reloads", sub { reload() for 1 .. $reloads });
fault('upgrades', sub { upgrade() for 1 .. 2 });
fault('workers are killed while Postgres is gone', sub {
    $pg->stop('immediate');
    for (1 .. 10) {
        kill_worker();
        sleep 0.2;
    }
    $pg->start;
});

# files that are read to their end, in batches that nobody has answered

$runs->tell('rate 200');
for my $mode (qw(gone frozen)) {
    fault("workers with few runs are killed while Postgres is $mode", sub {
        $s->until(sub { -e "$spool/ship.lock" && !behind() });
        $mode eq 'gone' ? $pg->stop : $pg->freeze;
        for (1 .. 8) {
            sleep 0.3;
            kill_worker();
        }
        $mode eq 'gone' ? $pg->start : $pg->thaw;
        $done{"times $mode"}++;
    });
}
$runs->tell("rate $rate");

fault('all of it', sub {
    my @all = (\&kill_worker, \&kill_worker, \&reload, \&terminate,
               sub { kill_backend() if answers() },
               sub { restart('immediate') }, sub { freeze(0.7) });
    for (1 .. 60) {
        $all[rand @all]->();
        sleep rand 0.3;
    }
});

# whether all of it is there

my $counts = $runs->tell('stop');
diag(join ', ', map { "$_ $counts->{$_}" } sort keys %$counts);
$done{$_ =~ tr/_/ /r} = $counts->{$_}
    for qw(left_at_once left_in_answer full broken);

my $received = $runs->received;
my $at = time;
my ($have, $files);
my $shipped = $s->until(sub { time - $at > $drain || drained() });
diag(sprintf 'drained within %.1f s', time - $at);
ok($shipped && time - $at <= $drain, 'the spool is empty in the end')
    or diag("files are left: @$files");

# Nothing waits any more: no file of a process that is gone, and as many rows as
# a second ago.

sub drained {
    my $before = $have // -1;
    $files = [behind()];
    $have = $pg->sql('select count(*), count(ended_at)
                      from kairo.usage_events');
    return 1 if !@$files && $have eq $before;
    sleep 1;
    return 0;
}

sub behind {
    my %ours = map { $_ => 1 } $s->children;
    return grep { !/^\d+-0*(\d+)-\d+\.spool\z/ || !$ours{$1} }
           grep { !/^(?:\.|ship\.lock\z)/ } listed();
}

sub listed {
    opendir my $dir, $spool or die "$spool: $!\n";
    return sort readdir $dir;
}

my $rows = [map { [split /\|/, $_, -1] } split /\n/, $pg->sql(<<'END')];
    select event_id, u.subject, e.tool, e.status
    from kairo.usage_events e left join kairo.users u using (user_id)
    where e.kind = 'run'
END
my $other = $pg->sql(q(select string_agg(kind || ' ' || n, ', ') from (select
    kind, count(*) n from kairo.usage_events where kind <> 'run'
    group by kind) k));
diag("rows of other kinds: $other") if $other ne '';

my $accounts = Kairo::Reconcile->of(
    sent => $runs->sent, received => $received, rows => $rows,
    killed => \@killed, connections => $runs->{connections},
    files => $files);
my $sizes = $accounts->sizes;

diag("$_: $done{$_}") for sort keys %done;
diag("$_: $sizes->{$_}") for sort keys %$sizes;
my ($metrics) = $s->get('/metrics') =~ /\r\n\r\n(.*)/s;
diag($_) for grep { /^kairo_(?:spool|events?|tool)/ } split /\n/, $metrics;

sub metric { return $metrics =~ /^kairo_spool_$_[0]_total (\d+)/m ? $1 : 0 }

is(join("\n", $accounts->differences), '', 'no run is lost or doubled');
is($sizes->{sent}, $counts->{sent}, 'all that were sent are written down');
cmp_ok($sizes->{ok}, '>=', $least, "$least runs are answered");
cmp_ok($done{$_} // 0, '>', 0, $_)
    for 'backends killed', 'backends terminated', 'times frozen', 'times gone',
        (map { "restarts, $_" } qw(immediate fast killed)), 'workers killed',
        'upgrades', 'times full', $mounts ? 'bytes of ballast' : (),
        'left at once', 'left in answer', 'broken', 'full';
cmp_ok($done{reloads}, '>=', $reloads, 'reloads');
cmp_ok(metric('known'), '>', 0, 'rows were sent again');
cmp_ok(time - $began, '<', 300, 'within five minutes');

$runs->finish;
$s->finish;
$pg->finish;

done_testing();
