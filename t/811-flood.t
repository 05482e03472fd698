# Two workers and many connections admit what the rate allows, no more.

use strict;
use warnings;

use lib 't/lib';
use Kairo::Server;
use Test::More;
use Time::HiRes qw(time);

# the burst makes up for half a second in which nobody was scheduled

my ($rate, $burst) = (50, 25);

my $s = Kairo::Server->new(workers => 2);
$s->file('html/t', 'content');
$s->start(<<END);
    kairo_ratelimit_zone \$host zone=one:64k rate=${rate}r/s;
    log_format admitted '\$msec \$status';
    access_log admitted.log admitted;
    server {
        listen 127.0.0.1:%%PORT%% reuseport;
        location = /up { access_log off; return 200 up; }
        location / { kairo_ratelimit zone=one burst=$burst nodelay;
                     kairo_ratelimit_log_level info; root html; }
    }
END

my @children = map {
    my $pid = fork // die "fork: $!\n";
    if ($pid == 0) {
        my $end = time + 3;
        while (time < $end) {
            my $c = $s->socket or next;
            for (1 .. 50) {
                print $c "GET /t HTTP/1.1\r\nHost: localhost\r\n\r\n";
                my $got = '';
                while ($got !~ /\r\n\r\n(content|\{.*\}\r\n)\z/s) {
                    sysread $c, $got, 8192, length $got or last;
                }
            }
        }
        require POSIX;
        POSIX::_exit(0);
    }
    $pid;
} 1 .. 4;

waitpid $_, 0 for @children;

# the log is written when a response is sent: wait for the workers to end
$s->stop;

open my $log, '<', "$s->{dir}/admitted.log" or die "$!\n";
my (@admitted, $refused);
while (<$log>) {
    /^([\d.]+) 200/ ? push @admitted, $1 : $refused++;
}
@admitted = sort { $a <=> $b } @admitted;

my $ideal = $burst + 1 + $rate * ($admitted[-1] - $admitted[0]);
diag(sprintf '%d admitted, %.1f is ideal, %d refused',
     scalar @admitted, $ideal, $refused);

cmp_ok($refused, '>', 5 * @admitted, 'it was a flood');
cmp_ok(scalar @admitted, '<=', $ideal + 2, 'no more than the rate allows');
cmp_ok(scalar @admitted, '>=', $ideal - 2, 'and no less');

$s->finish;

done_testing();
