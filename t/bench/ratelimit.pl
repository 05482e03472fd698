# A flood over two workers, and instructions a request; see t/bench/ratelimit.

use strict;
use warnings;

use IO::Socket::INET;

my $root = $ENV{KAIRO_ROOT};
my $dir = "$root/build/bench/run";
my $module = "$root/build/ngx_http_kairo_module.so";
my $port = $ENV{KAIRO_BENCH_PORT} || 18180;

flood('kairo', 'kairo_ratelimit_zone $host zone=one:1m rate=200r/s;',
      'kairo_ratelimit zone=one burst=10 nodelay;');
flood('limit_req', 'limit_req_zone $host zone=one:1m rate=200r/s;',
      'limit_req zone=one burst=10 nodelay;');
instructions();


sub configure {
    my (%with) = @_;

    system('rm', '-rf', $dir);
    system('mkdir', '-p', "$dir/tmp", "$dir/html") == 0 or die;
    put("$dir/html/page", "hello\n");

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


sub flood {
    my ($name, $http, $location) = @_;
    my ($rate, $burst, $seconds) = (200, 10, 5);

    configure(workers => 2, main => '', http => $http, location => $location,
              log => 'access.log when if=$admitted');
    system('nginx', '-p', $dir, '-c', "$dir/nginx.conf", '-e', 'error.log') == 0
        or die "nginx did not start\n";

    my $out = `wrk -t 1 -c 16 -d ${seconds}s http://127.0.0.1:$port/page`;
    my ($asked) = $out =~ /([\d.]+k?) requests in/;

    stop();

    open my $log, '<', "$dir/access.log" or die "no access log\n";
    my @times = sort { $a <=> $b } map { chomp; $_ } <$log>;
    my $ideal = $burst + 1 + $rate * ($times[-1] - $times[0]);

    printf "flood, %d r/s, burst %d, %d s, 2 workers, %s requests: %s admits "
           . "%d of %.1f, %+.1f\n", $rate, $burst, $seconds, $asked, $name,
           scalar @times, $ideal, @times - $ideal;
}


sub stop {
    open my $in, '<', "$dir/nginx.pid" or return;
    chomp(my $pid = <$in>);
    kill 'QUIT', $pid;
    select undef, undef, undef, 0.05 while kill 0, $pid;
}


sub instructions {
    my @kinds = (
        ['no limit', '', ''],
        ['limit_req', 'limit_req_zone $binary_remote_addr zone=one:1m '
                      . 'rate=1000r/s;', 'limit_req zone=one burst=1000000 '
                      . 'nodelay;'],
        ['kairo_ratelimit', 'kairo_ratelimit_zone $binary_remote_addr '
                            . 'zone=one:1m rate=1000r/s;',
         'kairo_ratelimit zone=one burst=1000000 nodelay;'],
        ['kairo_ratelimit by $kairo_client', 'kairo_ratelimit_zone '
         . '$kairo_client zone=one:1m rate=1000r/s;',
         'kairo_ratelimit zone=one burst=1000000 nodelay;'],
    );
    my $none;

    print "\ninstructions a request (callgrind)\n\n| | instructions | more "
          . "than no limit |\n|---|---|---|\n";

    for my $kind (@kinds) {
        my ($name, $http, $location) = @$kind;
        configure(workers => 1, http => $http, location => $location,
                  main => 'daemon off; master_process off;', log => 'off');

        my $n = (callgrind(600) - callgrind(100)) / 500;
        $none //= $n;

        printf "| %s | %.0f | %.0f |\n", $name, $n, $n - $none;
    }
}


# All the instructions of a single process that answers n requests.

sub callgrind {
    my ($n) = @_;

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

    for (1 .. $n) {
        print $s "GET /page HTTP/1.1\r\nHost: localhost\r\n\r\n";
        my $got = '';
        while ($got !~ /hello\n\z/) {
            sysread $s, $got, 4096, length $got or die "connection closed\n";
        }
    }

    close $s;
    kill 'QUIT', $pid;
    waitpid $pid, 0;

    open my $in, '<', "$dir/valgrind.log" or die;
    my ($total) = join('', <$in>) =~ /Collected : (\d+)/;
    return $total;
}
