# What a question to Postgres costs, and what pipelining buys; see
# t/bench/postgres.

use strict;
use warnings;

use Bench;

# the PgBouncer's port is counted from it
BEGIN { $ENV{TEST_NGINX_CLIENT_PORT} = $Bench::port }

use Kairo::Postgres;

my $program = "$ENV{KAIRO_ROOT}/build/bench/postgres";
my ($rounds, $ms, $pairs, $people) = (7, 120, 80, 100000);
my @depths = (1, 16, 64);
my $secret = join '', map { sprintf '%02x', rand 256 } 1 .. 32;

my ($pg, $pooled, $runs, $worker, @backends);

$SIG{$_} = sub { exit 1 } for qw(INT TERM);
$| = 1;

END {
    local $?;
    stop() if $runs;
    $pg->finish if $pg;
}

$pg = Kairo::Postgres->new(port => $port + 1);
people();
$pooled = -x '/usr/sbin/pgbouncer' && pooled();
far();
$worker = server(1);

my @rows = rows();
my %got;

measure();
calibration();
rates();
latencies();
processors();
row_security();
calls();
memory();
instructions();
people_are($people);


# Users as edges know them, a third of whom have bought something; and the same
# without row security.  What would be written down of them isn't.

sub people {
    $pg->sql(<<END);
        alter system set autovacuum = off;
        select pg_reload_conf();
        set session_replication_role = replica;
        insert into kairo.users (issuer, subject)
            select 'bench', 'auth0|' || lpad(n::text, 8, '0')
            from generate_series(0, $people - 1) n;
        insert into kairo.entitlements (user_id, plan, source)
            select user_id, 'pro', 'bench' from kairo.users
            where right(subject, 1) in ('0', '3', '6');
        vacuum analyze;
        checkpoint;
        create database unprotected template app;
        \\connect unprotected
        select format('alter table %s disable row level security',
                      oid::regclass)
            from pg_class where relrowsecurity
        \\gexec
        vacuum analyze;
END
    my $text = $pg->conninfo('edge');
    $text =~ s/dbname=app/dbname=unprotected/ or die "no database\n";
    put("$pg->{dir}/unprotected.conninfo", "$text\n");
}


# Nobody was made: the questions were about those who are known.

sub people_are {
    my ($n) = @_;
    my $now = $pg->sql('select count(*) from kairo.users');
    die "there are $now users, not $n\n" if $now != $n;
}


sub pooled {
    my $text = $pg->conninfo('edge', $pg->pgbouncer);
    put("$pg->{dir}/pooled.conninfo", "$text\n");
    return 1;
}


# As from another building: a round trip takes a millisecond more.

sub far {
    my $text = $pg->conninfo('edge', $port + 2);
    put("$pg->{dir}/far.conninfo", "$text\n");

    my $pid = fork // die "fork: $!\n";
    exec $program, 'far', $port + 2, $port + 1, 500 if $pid == 0;
}


# One worker, with so many connections to its first database; its pid.  All
# tokens are known to it, and all databases are there.

sub server {
    my ($connections) = @_;
    my $file = $pg->file('edge');
    my $databases = <<END;
    kairo_postgres main file:$file connections=$connections;
    kairo_postgres two file:$file connections=2;
    kairo_postgres far file:$pg->{dir}/far.conninfo;
END
    $databases .= "kairo_postgres pooled file:$pg->{dir}/pooled.conninfo;\n"
        if $pooled;

    my @names = ('main', 'two', 'far', $pooled ? 'pooled' : ());
    my $locations = join "\n", 'location = /alone { empty_gif; }', map {
        "location = /$_ { kairo_tier postgres=$_ default=free; empty_gif; }"
    } @names;

    configured("$databases kairo_auth required issuer=bench;",
               server => $locations);
    start();
    $runs = 1;

    for my $name (@names) {
        my $try = 0;
        until (system("$program http $port /$name $dir/secret 1 50 "
                      . '>/dev/null 2>&1') == 0)
        {
            die "nginx does not get to Postgres\n" if ++$try == 50;
            select undef, undef, undef, 0.1;
        }
    }
    run('http', $port, '/alone', "$dir/secret", 16, 500);
    @backends = $pg->backends('edge');

    open my $in, '<', "$dir/nginx.pid" or die;
    chomp(my $pid = <$in>);
    open $in, '<', "/proc/$pid/task/$pid/children" or die;
    return (split ' ', <$in>)[0];
}


sub configured {
    my ($http, %with) = @_;
    configure(files => { secret => $secret }, http => <<END, %with);
    kairo_issuer bench {
        issuer https://bench.example/; audience bench; algs HS256;
        keys secret=file:$dir/secret;
    }
    kairo_auth_cache 16m;
    $http
END
}


# The figures of one run, by their names.

sub run {
    my $out = `$program @_`;
    die "postgres @_: failed\n" if $?;
    return { split ' ', $out };
}


sub rows {
    my $libpq = sub {
        my ($kind, $file) = (@_, $pg->file('edge'));
        return sub { run('pipeline', $file, $kind, $_[0], $ms) };
    };
    my $nginx = sub {
        my ($path) = @_;
        return sub {
            run('http', $port, $path, "$dir/secret", $_[0], $ms,
                "asks=$worker", 'server=' . join(',', @backends),
                $pooled ? 'pooler=' . join(',', $pg->bouncers) : ());
        };
    };

    return (
        [ 'libpq, select 1', $libpq->('one') ],
        [ 'libpq', $libpq->('unnamed') ],
        [ 'libpq, prepared', $libpq->('prepared') ],
        [ 'libpq, one send()', $libpq->('gathered') ],
        [ 'nginx, no question', $nginx->('/alone') ],
        [ 'nginx', $nginx->('/main') ],
        [ 'nginx, 2 connections', $nginx->('/two') ],
        $pooled ? [ 'nginx, PgBouncer', $nginx->('/pooled') ] : (),
        [ 'libpq, 1 ms away',
          $libpq->('unnamed', "$pg->{dir}/far.conninfo") ],
        [ 'nginx, 1 ms away', $nginx->('/far') ],
    );
}


# Round by round, so that a noisy moment hits all alike.

sub measure {
    for my $round (1 .. $rounds) {
        for my $depth (@depths) {
            push @{$got{$_->[0]}{$depth}}, $_->[1]->($depth) for @rows;
        }
    }
}


sub of {
    my ($row, $depth, $figure) = @_;
    return map { $_->{$figure} } @{$got{$row}{$depth}};
}


sub mid { return median(of(@_)) }


# What else runs on the machine only ever takes away: the best round is the one
# to compare.

sub least { return (sort { $a <=> $b } of(@_))[0] }

sub most { return (sort { $b <=> $a } of(@_))[0] }


# "text" for each depth, in one line.

sub each_depth {
    my ($text) = @_;
    return join(', ', map { $text->($_) . " with $_ waiting" } @depths);
}


# Columns are as wide as what is in them.

sub table {
    my (@lines) = @_;
    my @wide;

    for my $line (@lines) {
        for my $i (0 .. $#$line) {
            my $n = length $line->[$i];
            $wide[$i] = $n if $n > ($wide[$i] // 0);
        }
    }

    for my $n (0 .. $#lines) {
        print '| ', join(' | ', map {
            sprintf $_ ? "%$wide[$_]s" : "%-$wide[$_]s", $lines[$n][$_]
        } 0 .. $#wide), " |\n";
        print '|', '---|' x @wide, "\n" if $n == 0;
    }
    print "\n";
}


sub calibration {
    open my $in, '<', '/proc/loadavg' or die;
    my ($load) = split ' ', <$in>;

    printf "calibration: a round trip, \"select 1\" by libpq over 127.0.0.1, "
           . "%.0f us (median %.0f); load average %s\n\n",
           map({ 1e6 / $_ } most('libpq, select 1', 1, 'rate'),
               mid('libpq, select 1', 1, 'rate')), $load;
}


sub rates {
    print "questions a second, best of $rounds rounds (median), and to "
        . "libpq's with as many waiting\n\n";

    table([ '', map { ("$_ waiting", 'to libpq') } @depths ], map {
        my $name = $_->[0];
        [ $name, map {
            my $most = most($name, $_, 'rate');
            (sprintf('%.0f (%.0f)', $most, mid($name, $_, 'rate')),
             sprintf('%.2f', $most / most('libpq', $_, 'rate')))
        } @depths ]
    } @rows);
}


sub latencies {
    print "us from asked to answered, best of $rounds rounds (median)\n\n";

    table([ '', map { ("$_ waiting, p50", 'p99') } @depths ], map {
        my $name = $_->[0];
        [ $name, map { (least_of($name, $_, 'p50', '%.0f'),
                        least_of($name, $_, 'p99', '%.0f')) } @depths ]
    } @rows);
}


sub least_of {
    my ($name, $depth, $figure, $format) = @_;
    return sprintf "$format ($format)", least($name, $depth, $figure),
                   mid($name, $depth, $figure);
}


# Who asks is the worker in nginx's rows, and its requests are a part of it.

sub processors {
    print "us of a processor a question, best of $rounds rounds (median)\n\n";

    table([ '', map { ("$_ waiting, who asks", 'Postgres') } @depths ], map {
        my $name = $_->[0];
        [ $name, map {
            (least_of($name, $_, 'asks', '%.1f'),
             $name eq 'nginx, no question'
             ? '-' : least_of($name, $_, 'server', '%.1f'))
        } @depths ]
    } @rows);

    print 'us a question takes of a worker beside its request: ',
        each_depth(sub {
            return sprintf '%.1f (%.1f)',
                map { my $of = $_;
                      $of->('nginx', $_[0], 'asks')
                      - $of->('nginx, no question', $_[0], 'asks')
                } \&least, \&mid;
        }), "\n";

    print 'times a worker wakes for a request, and for one without a '
        . 'question: ', each_depth(sub {
            return sprintf '%.2f and %.2f',
                           map { mid($_, $_[0], 'asks_wakes') }
                           'nginx', 'nginx, no question';
        }), "\n";

    for my $name ('libpq', 'libpq, one send()') {
        print "send() and recv() a question, $name: ", each_depth(sub {
            return sprintf '%.2f and %.2f', map { mid($name, $_[0], $_) }
                                            'sends', 'recvs';
        }), "\n";
    }

    print $pooled ? 'us of PgBouncer a question: ' . each_depth(sub {
        return least_of('nginx, PgBouncer', $_[0], 'pooler', '%.1f');
    }) : 'PgBouncer is not installed', "\n\n";
}


sub row_security {
    print "the question with row security and without, by turns of 20 ms: us, "
        . "best quarter of $pairs turns; median of the pairs' ratios (middle "
        . "half)\n\n";

    table([ '', 'with', 'without', 'ratio', 'pairs' ],
          map { turns($_) } 1, 64);
}


sub turns {
    my ($depth) = @_;
    my @files = ($pg->file('edge'), "$pg->{dir}/unprotected.conninfo");
    my $out = `$program turns @files $depth $pairs`;
    die "postgres turns: failed\n" if $?;
    my %of = split ' ', $out;

    return map {
        my ($with, $without) = @of{"first_$_", "second_$_"};
        [ "$depth waiting, " . ($_ eq 'cpu' ? 'CPU time of Postgres' : 'time'),
          map({ sprintf '%.1f', $_ } $with, $without),
          sprintf('%.2f', $with / $without),
          sprintf('%.2f (%.2f to %.2f)', @of{$_, "${_}_low", "${_}_high"}) ]
    } 'time', 'cpu';
}


# Of a worker, with 1 connection and with 16 that have all been asked.

sub memory {
    my @kb;

    for my $n (1, 16) {
        if ($n > 1) {
            stop();
            $worker = server($n);
        }
        run('http', $port, '/main', "$dir/secret", 64, 500);
        push @kb, anonymous($worker);
    }

    printf "KB of memory of a connection: %.0f of the worker, %d of its "
           . "process of Postgres\n", ($kb[1] - $kb[0]) / 15,
           anonymous($backends[0]);
}


sub anonymous {
    my ($pid) = @_;
    open my $in, '<', "/proc/$pid/status" or die;
    my ($kb) = join('', <$in>) =~ /^RssAnon:\s+(\d+)/m;
    return $kb;
}


# strace makes a worker slow, so that more comes at a time than without it.

sub calls {
    if (!grep { -x "$_/strace" } split /:/, $ENV{PATH}) {
        print "strace is not installed\n";
        return;
    }

    for my $path ('/alone', '/main') {
        my $of = traced($path);
        printf "system calls a request, %s, 64 waiting, under strace: %s\n",
            $path eq '/main' ? 'kairo_tier' : 'no question',
            join ', ', map { sprintf '%s %.2f', $_, $of->{$_} }
                       sort { $of->{$b} <=> $of->{$a} || $a cmp $b }
                       grep { $of->{$_} >= 0.01 } keys %$of;
    }
}


# With what is the same for each of them.

sub instructions {
    my $field = 'Authorization: Bearer '
              . `$program token $dir/secret` =~ s/\s+\z/\r\n/r;
    my @of;

    stop();
    $runs = 0;

    for my $tier ('', 'kairo_tier postgres=main default=free;') {
        configured('kairo_postgres main file:' . $pg->file('edge')
                   . ' timeout=30s connect_timeout=30s;',
                   main => 'daemon off; master_process off;',
                   location => "kairo_auth required issuer=bench; $tier");
        push @of, callgrind(sub { $field }, 200);
    }

    printf "instructions a request (callgrind), no question: %.0f, "
           . "kairo_tier: %.0f, more by %.0f\n", @of, $of[1] - $of[0];
}


sub traced {
    my ($path) = @_;
    my $pid = fork // die "fork: $!\n";

    if ($pid == 0) {
        open STDERR, '>', '/dev/null';
        exec 'strace', '-c', '-o', "$dir/strace", '-p', $worker;
    }

    select undef, undef, undef, 0.3;
    my $n = run('http', $port, $path, "$dir/secret", 64, 1000)->{all};
    kill 'INT', $pid;
    waitpid $pid, 0;

    my %of;
    open my $in, '<', "$dir/strace" or die "strace: $!\n";
    while (<$in>) {
        my @field = split;
        next unless @field > 4 && $field[3] =~ /^\d+$/;
        $of{$field[-1]} = $field[3] / $n unless $field[-1] eq 'total';
    }
    return \%of;
}
