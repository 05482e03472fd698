# What a zone keeps over a reload, a change of its size, and a worker's death.

use strict;
use warnings;

use lib 't/lib';
use Kairo::Server;
use Test::More;

sub http {
    my (%with) = @_;
    my $key = $with{key} || '$arg_k';
    my $rate = $with{rate} || '1r/m';
    my $size = $with{size} || '64k';
    my $zone = $with{none} ? '' : "kairo_ratelimit_zone $key zone=one:$size rate=$rate;";
    my $limit = $with{none} ? '' : 'kairo_ratelimit zone=one burst=1 nodelay;';
    return <<END;
    $zone
    server {
        listen 127.0.0.1:%%PORT%%;
        location = /up { return 200 up; }
        location = /metrics { kairo_metrics; }
        location / { $limit root html; }
    }
END
}

sub counted {
    my ($server, $result) = @_;
    my ($n) = $server->get('/metrics')
              =~ /requests_total\{zone="one",result="$result"\} (\d+)/;
    return $n;
}

my $s = Kairo::Server->new(workers => 2);
$s->file("html/t", 'content');
$s->start(http());

is(join(' ', map { $s->status('/t?k=a') } 1 .. 3), '200 200 429',
   'burst and refusal');

ok($s->reload(http()), 'reload, all workers are new');
is($s->status('/t?k=a'), 429, 'same configuration: still refused');
is($s->status('/t?k=b'), 200, 'another key passes');
is(counted($s, 'rejected'), 2, 'counters go on');

ok($s->reload(http(size => '1m')), 'a larger zone');
is($s->status('/t?k=a'), 429, 'still refused');
is(counted($s, 'rejected'), 3, 'counters are copied');

ok($s->reload(http(size => '32k')), 'a smaller zone');
is($s->status('/t?k=a'), 429, 'still refused');

ok($s->reload(http(size => '32k', rate => '2r/m')), 'another rate');
is($s->status('/t?k=a'), 200, 'begins with a full bucket');

ok($s->reload(http(size => '32k', key => '$arg_k$arg_j')), 'another key');
is($s->status('/t?k=a&j=x'), 200, 'is limited by the new key');

my ($victim) = $s->children;
is(join(' ', map { $s->status('/t?k=d') } 1 .. 3), '200 200 429', 'limited');
kill 'KILL', $victim;
ok($s->until(sub {
    my @now = $s->children;
    @now == 2 && !grep { $_ == $victim } @now;
}), 'a killed worker is replaced');
is($s->status('/t?k=d'), 429, 'and what it has charged still counts');

$s->configure(http(rate => '1r/x'));
my @workers = $s->children;
kill 'HUP', $s->pid;
ok($s->until(sub { $s->log =~ /invalid rate "rate=1r\/x"/ }),
   'a wrong rate is named');
is(join(' ', $s->children), "@workers", 'and the old workers stay');
is($s->status('/t?k=d'), 429, 'with the old limits');

ok($s->reload(http(none => 1)), 'no limit');
is($s->status('/t?k=d'), 200, 'no limit, no refusal');
ok($s->reload(http()), 'the limit again');
is($s->status('/t?k=d'), 200, 'a removed zone has forgotten');

# a request that is delayed while the configuration changes

$s->reload(<<'END');
    kairo_ratelimit_zone $arg_k zone=slow:64k rate=1r/s;
    server {
        listen 127.0.0.1:%%PORT%%;
        location = /up { return 200 up; }
        location / { kairo_ratelimit zone=slow burst=5; root html; }
    }
END

my @slow = map { $s->send('/t?k=e') } 1 .. 2;
ok($s->until(sub { $s->log =~ /delaying request/ }), 'a request is delayed');
kill 'HUP', $s->pid;
like($s->receive($_), qr/content$/, 'it is answered in the end') for @slow;

$s->{expected} = qr/exited on signal 9|invalid rate/;
$s->finish;

done_testing();
