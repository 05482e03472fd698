# What recording a run costs, and how fast the spool gets to Postgres; see
# t/bench/events.

use strict;
use warnings;

use Bench;

BEGIN { $ENV{TEST_NGINX_CLIENT_PORT} = $Bench::port }

use Kairo::Postgres;
use Time::HiRes qw(sleep time);

my $root = $ENV{KAIRO_ROOT};
my $program = "$root/build/bench/events";
my ($rounds, $seconds, $drains, $backlog) = (11, 1.5, 5, 200_000);
my $spool = "$root/build/bench/spool";
my $secret = join '', map { sprintf '%02x', rand 256 } 1 .. 32;
my @paths = ('/proxied/without', '/proxied/with', '/file/without',
             '/file/with');

my ($pg, $runs, $app, $field, $worker);

$SIG{$_} = sub { exit 1 } for qw(INT TERM);
$| = 1;

END {
    local $?;
    ended();
    kill 'KILL', $app if $app;
    $pg->finish if $pg;
    system('rm', '-rf', $spool, "$spool.copy");
}

$pg = Kairo::Postgres->new(port => $port + 1);
$pg->sql('alter system set autovacuum = off; select pg_reload_conf()');
calibration();
application();

fresh('off');
paused();
size();
calls();

fresh('main');
shipping();

drained();


# A round trip, as the machine is now.

sub calibration {
    open my $in, '<', '/proc/loadavg' or die;
    my ($load) = split ' ', <$in>;
    my @us = map {
        my $out = `$root/build/bench/postgres pipeline @{[$pg->file('edge')]} one 1 200`;
        die "no figures\n" if $?;
        my %of = split ' ', $out;
        1e6 / $of{rate};
    } 1 .. 5;
    printf "calibration: a round trip, \"select 1\" by libpq over 127.0.0.1, "
           . "%.0f us (median %.0f); load average %s\n\n",
           (sort { $a <=> $b } @us)[0], median(@us), $load;
}


sub application {
    $app = fork // die "fork: $!\n";
    exec "$root/build/load/app", $port + 2, '-', 40 if $app == 0;
}


# An empty spool, and one worker that records into it.

sub fresh {
    my ($database) = @_;
    ended();
    system('rm', '-rf', $spool);
    server($database);
}


sub ended {
    stop() if $runs;
    $runs = 0;
}


sub configured {
    my ($database) = @_;
    my $upstream = $port + 2;
    my $file = $pg->file('edge');

    configure(files => { secret => $secret }, http => <<END,
    kairo_issuer bench {
        issuer https://bench.example/; audience bench; algs HS256;
        keys secret=file:$dir/secret;
    }
    kairo_auth_cache 16m;
    kairo_postgres main file:$file;
    kairo_spool $spool size=4g sync=100ms postgres=$database;
    upstream app { server 127.0.0.1:$upstream; keepalive 128; }
END
              server => <<'END');
    location = /metrics { kairo_metrics; }
    location /proxied/ {
        kairo_auth required issuer=bench;
        proxy_pass http://app;
        proxy_http_version 1.1;
        proxy_set_header Connection "";
        location /proxied/with { kairo_tool_run seo; proxy_pass http://app; }
    }
    location /file/ {
        kairo_auth required issuer=bench;
        location = /file/without { alias html/page; }
        location = /file/with { kairo_tool_run seo; alias html/page; }
    }
END
}


sub server {
    my ($database) = @_;
    configured($database);
    start();
    $runs = 1;

    chomp($field = `$root/build/bench/postgres token $dir/secret`);
    $field = "Authorization: Bearer $field";

    open my $in, '<', "$dir/nginx.pid" or die;
    chomp(my $pid = <$in>);
    open $in, '<', "/proc/$pid/task/$pid/children" or die;
    ($worker) = split ' ', <$in>;
    ask($_, 0.5) for @paths;
    recorded(0) if $database ne 'off';
}


# rate, n and cpu, us of the worker a request with all its threads; "until" is
# done before that is taken.

sub ask {
    my ($path, $time, $until) = @_;
    my $before = cpu();
    my ($n, $rate) = wrk_at($path, $time);
    $until->($n) if $until;
    return { rate => $rate, n => $n, cpu => (cpu() - $before) / $n / 1e3 };
}


# wrk takes whole seconds: one that is told to end early tells what it has got.

sub wrk_at {
    my ($path, $time) = @_;
    my $pid = open my $in, '-|', 'wrk', '-t', 1, '-c', 64, '-d', '60s',
        '-H', $field, "http://127.0.0.1:$port$path" or die "wrk: $!\n";
    sleep $time;
    kill 'INT', $pid;
    my $out = join '', <$in>;
    close $in;

    die "$path: $out\n" if $out =~ /Non-2xx|Socket errors/;
    my ($n) = $out =~ /(\d+) requests in/ or die "wrk: $out\n";
    my ($rate) = $out =~ m{Requests/sec:\s+([\d.]+)};
    return ($n, $rate);
}


# ns on a processor

sub cpu {
    my $ns = 0;
    for my $file (glob "/proc/$worker/task/*/schedstat") {
        open my $in, '<', $file or next;
        $ns += (split ' ', <$in>)[0];
    }
    return $ns;
}


sub ratio {
    my @of = sort { $a <=> $b } @_;
    return sprintf '%.2f (%.2f to %.2f)', median(@of), $of[@of / 4],
                   $of[@of * 3 / 4];
}


# The four by turns, so that a noisy moment hits all alike; ratios are of one
# round.

sub rounds {
    my ($until) = @_;
    my %got;
    for my $round (1 .. $rounds) {
        for my $path ($round % 2 ? @paths : reverse @paths) {
            my $ends = $until && $path =~ /with$/ && $path !~ /without/;
            push @{$got{$path}}, ask($path, $seconds, $ends && $until);
        }
    }
    return \%got;
}


sub told {
    my ($what, $got) = @_;
    print "| $what | requests/s without | with | ratio (middle half) | "
        . "us of the worker without | with | ratio (middle half) |\n"
        . '|', '---|' x 7, "\n";

    for my $kind ('proxied', 'file') {
        my ($without, $with) = @$got{"/$kind/without", "/$kind/with"};
        my @row = map {
            my $of = $_;
            my $format = $of eq 'cpu' ? '%.2f' : '%.0f';
            (map({ sprintf $format, median(map { $_->{$of} } @$_) }
                 $without, $with),
             ratio(map { $with->[$_]{$of} / $without->[$_]{$of} }
                   0 .. $#$with))
        } 'rate', 'cpu';
        print '| ', join(' | ', $kind, @row), " |\n";
    }
    print "\n";
}


sub paused {
    told("nobody ships, median of $rounds rounds", rounds());
}


# All that is in the spool, begun and ended.

sub spooled {
    my $out = `$program runs $spool`;
    die "events runs: failed\n" if $?;
    return { split ' ', $out };
}


sub size {
    my $of = spooled();
    printf "a run takes %.0f bytes of the spool, in %.2f records\n",
           $of->{bytes} / $of->{runs}, $of->{records} / $of->{runs};
}


# strace makes a worker slow, so that more comes at a time than without it.

sub calls {
    my $pid = fork // die "fork: $!\n";
    if ($pid == 0) {
        open STDERR, '>', '/dev/null';
        exec 'strace', '-f', '-c', '-o', "$dir/strace", '-p', $worker;
        die "strace is not installed\n";
    }
    sleep 0.3;
    my ($n) = wrk_at('/proxied/with', 1);
    kill 'INT', $pid;
    waitpid $pid, 0;

    open my $in, '<', "$dir/strace" or return;
    my %of;
    while (<$in>) {
        my @column = split;
        $of{$column[-1]} = $column[3] / $n
            if @column > 4 && $column[3] =~ /^\d+$/ && $column[-1] ne 'total';
    }
    print "system calls a run, proxied, under strace: ",
        join(', ', map { sprintf '%s %.2f', $_, $of{$_} }
                   sort { $of{$b} <=> $of{$a} || $a cmp $b }
                   grep { $of{$_} >= 0.01 } keys %of), "\n\n";
}


# recorded: waits until the database has all of them, ended.

sub rows {
    return $pg->sql('select count(ended_at) from kairo.usage_events');
}

my $expected;

sub recorded {
    my ($n) = @_;
    if (!$expected) {
        # what has come while it was warmed up
        my $before = -1;
        for (1 .. 60) {
            $expected = rows();
            last if $expected && $expected == $before;
            $before = $expected;
            sleep 1;
        }
        return;
    }
    # wrk leaves some connections with their last request under way
    $expected += $n;
    my $end = time + 60;
    until (rows() >= $expected) {
        die 'the spool is not empty after a minute: ', rows(),
            " of $expected\n" if time > $end;
        sleep 0.3;
    }
    sleep 0.3;
    $expected = rows();
}


sub shipping {
    told("records and ships, median of $rounds rounds; the worker until all "
         . 'is shipped', rounds(\&recorded));
}


# The same backlog again and again, by turns.

sub drained {
    fresh('off');
    wrk_at('/file/with', 1) while spooled()->{runs} < $backlog;
    ended();
    system('rm', '-rf', "$spool.copy");
    rename $spool, "$spool.copy" or die "$spool: $!\n";
    configured('main');

    my %rate;
    my @kinds = ('nginx', 'ingest 1', 'ingest 4', 'plain 1');
    for my $round (1 .. $drains) {
        for my $kind (@kinds) {
            push @{$rate{$kind}}, $kind eq 'nginx' ? ship() : bare($kind);
        }
    }

    my $bare = $rate{'ingest 1'};
    print "| $backlog runs and more to Postgres, median of $drains | rows/s | "
        . "to a bare kairo.ingest(), one batch at a time (least to most) |\n"
        . "|---|---|---|\n";
    for my $kind (@kinds) {
        my @of = sort { $a <=> $b } map { $rate{$kind}[$_] / $bare->[$_] }
                 0 .. $drains - 1;
        printf "| %s | %.0f | %.2f (%.2f to %.2f) |\n", $kind,
               median(@{$rate{$kind}}), median(@of), @of[0, -1];
    }
}


sub emptied {
    $pg->sql('set session_replication_role = replica;
              truncate kairo.usage_events; checkpoint');
}


sub bare {
    my ($kind) = @_;
    my ($what, $depth) = split ' ', $kind;
    my $file = $pg->file($what eq 'plain' ? 'admin' : 'edge');
    emptied();
    my $out = `$program insert $file $spool.copy $what $depth`;
    die "events insert $kind: failed\n" if $?;
    my %of = split ' ', $out;
    return $of{rate};
}


# From the first file that is gone to the last one: none is looked at more
# closely, for that takes time of the same processors.

sub ship {
    emptied();
    system('rm', '-rf', $spool);
    system('cp', '-a', "$spool.copy", $spool) == 0 or die;
    my $n = spooled()->{runs};
    my %size = map { $_ => -s } glob "$spool/*.spool";
    my ($bytes, $all) = (0, scalar keys %size);
    my ($first, $end);
    $bytes += $_ for values %size;

    start();
    $runs = 1;
    $end = time + 90;
    for ( ;; ) {
        my @left = grep { -e } keys %size;
        my $at = time;
        if (!$first && @left < $all) {
            $first = $at;
            $n *= 1 - $size{$_} / $bytes for grep { !-e } keys %size;
        }
        if (!@left) {
            ended();
            die 'rows are missing: ', rows(), "\n" if rows() < $backlog;
            return $n / ($at - $first);
        }
        die scalar(@left), " of $all files after 90 s\n" if $at > $end;
        sleep 0.01;
    }
}
