# A flood over two workers, and instructions a request; see t/bench/ratelimit.

use strict;
use warnings;

use Bench;

flood('kairo', 'kairo_ratelimit_zone $host zone=one:1m rate=200r/s;',
      'kairo_ratelimit zone=one burst=10 nodelay;');
flood('limit_req', 'limit_req_zone $host zone=one:1m rate=200r/s;',
      'limit_req zone=one burst=10 nodelay;');
instructions();


sub flood {
    my ($name, $http, $location) = @_;
    my ($rate, $burst, $seconds) = (200, 10, 5);

    configure(workers => 2, http => $http, location => $location,
              log => 'access.log when if=$admitted');
    start();
    my $asked = wrk($seconds, 16) * $seconds;

    stop();

    open my $log, '<', "$dir/access.log" or die "no access log\n";
    my @times = sort { $a <=> $b } map { chomp; $_ } <$log>;
    my $ideal = $burst + 1 + $rate * ($times[-1] - $times[0]);

    printf "flood, %d r/s, burst %d, %d s, 2 workers, %d requests: %s admits "
           . "%d of %.1f, %+.1f\n", $rate, $burst, $seconds, $asked,
           $name,
           scalar @times, $ideal, @times - $ideal;
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
        configure(http => $http, location => $location,
                  main => 'daemon off; master_process off;');

        my $n = callgrind();
        $none //= $n;

        printf "| %s | %.0f | %.0f |\n", $name, $n, $n - $none;
    }
}
