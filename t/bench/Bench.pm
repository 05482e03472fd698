package Bench;

# What the benchmarks share: a server on loopback, wrk, callgrind.

use strict;
use warnings;

use Exporter qw(import);
use IO::Socket::INET;

our @EXPORT = qw(configure put start stop wrk callgrind median $dir $port);

my $root = $ENV{KAIRO_ROOT};
our $dir = "$root/build/bench/run";
our $port = $ENV{KAIRO_BENCH_PORT} || 18180;

my $module = "$root/build/ngx_http_kairo_module.so";


# A fresh folder with this configuration; "files" are put beside it.

sub configure {
    my (%with) = (main => '', http => '', server => '', location => '',
                  log => 'off', workers => 1, @_);

    system('rm', '-rf', $dir);
    system('mkdir', '-p', "$dir/tmp", "$dir/html") == 0 or die;
    put("$dir/html/page", "hello\n");
    put("$dir/$_", $with{files}{$_}) for keys %{$with{files} || {}};

    put("$dir/nginx.conf", <<END);
load_module $module;
worker_processes $with{workers};
$with{main}
pid nginx.pid;
error_log error.log emerg;
events { worker_connections 512; }
http {
    client_body_temp_path tmp/b; proxy_temp_path tmp/p;
    fastcgi_temp_path tmp/f; uwsgi_temp_path tmp/u; scgi_temp_path tmp/s;
    map \$status \$admitted { 200 1; default 0; }
    log_format when '\$msec';
    access_log $with{log};
    keepalive_requests 10000000;
    $with{http}
    server {
        listen 127.0.0.1:$port reuseport;
        $with{server}
        location / { $with{location} root html; }
    }
}
END
}


sub put {
    my ($file, $text) = @_;
    open my $out, '>', $file or die "$file: $!\n";
    print $out $text;
}


sub start {
    system('nginx', '-p', $dir, '-c', "$dir/nginx.conf", '-e', 'error.log') == 0
        or die "nginx did not start\n";
}


sub stop {
    open my $in, '<', "$dir/nginx.pid" or return;
    chomp(my $pid = <$in>);
    kill 'QUIT', $pid;
    select undef, undef, undef, 0.05 while kill 0, $pid;
}


# Requests a second, and those that were not answered 2xx or 3xx.

sub wrk {
    my ($seconds, $connections, @options) = @_;

    open my $in, '-|', 'wrk', '-t', 1, '-c', $connections, '-d',
        "${seconds}s", @options, "http://127.0.0.1:$port/page"
        or die "wrk: $!\n";
    my $out = join '', <$in>;

    my ($rate) = $out =~ m{Requests/sec:\s+([\d.]+)} or die "wrk: $out\n";
    my ($other) = $out =~ /Non-2xx or 3xx responses: (\d+)/;

    return wantarray ? ($rate, $other || 0) : $rate;
}


sub median {
    my @sorted = sort { $a <=> $b } @_;
    return $sorted[@sorted / 2];
}


# Instructions a request: the difference of two runs.  "fields" gives the
# request fields of the n-th, or a reference to all of it.

sub callgrind {
    my ($fields, $n) = (@_, 500);

    return (collect(100 + $n, $fields) - collect(100, $fields)) / $n;
}


# All the instructions of a single process that answers n requests.

sub collect {
    my ($n, $fields) = @_;

    my $pid = fork // die "fork: $!\n";
    if ($pid == 0) {
        open STDERR, '>', "$dir/valgrind.log";
        exec 'valgrind', '--tool=callgrind', '--callgrind-out-file=/dev/null',
             'nginx', '-p', $dir, '-c', "$dir/nginx.conf", '-e', 'error.log';
    }

    my $s;
    for (1 .. 300) {
        $s = IO::Socket::INET->new(PeerAddr => "127.0.0.1:$port") and last;
        select undef, undef, undef, 0.1;
    }
    die "nginx did not start under valgrind\n" unless $s;

    for my $i (1 .. $n) {
        my $more = $fields ? $fields->($i) : '';
        print $s ref $more ? $$more
               : "GET /page HTTP/1.1\r\nHost: localhost\r\n$more\r\n";
        my $got = '';
        while ($got !~ /hello\n\z/) {
            sysread $s, $got, 4096, length $got and next;
            kill 'KILL', $pid;
            die "connection closed\n";
        }
    }

    close $s;
    kill 'QUIT', $pid;
    waitpid $pid, 0;

    open my $in, '<', "$dir/valgrind.log" or die;
    my ($total) = join('', <$in>) =~ /Collected : (\d+)/;
    return $total;
}


1;
