# Each allocation of the module fails once, in a request that is refused and
# in one that passes: the first is never let through, and no worker dies.

use strict;
use warnings;

use lib 't/lib';
use Kairo::Server;
use Test::More;

plan(skip_all => 'needs a build whose allocations can fail')
    unless $ENV{KAIRO_FAULT};

my $s = Kairo::Server->new;
$s->file('html/t', 'content');
$s->file('html/page', 'page');
$s->start(<<'END');
    kairo_ratelimit_zone $arg_k zone=one:64k rate=1r/d;
    kairo_ratelimit_zone $arg_k zone=two:64k rate=$arg_r default=1r/d;
    kairo_ratelimit_zone $kairo_client$arg_k zone=slow:64k rate=10r/s;
    server {
        listen 127.0.0.1:%%PORT%%;
        location = /up { return 200 up; }
        location = /metrics { kairo_metrics; }
        root html;
        location /limited { kairo_ratelimit zone=one headers=draft,all;
                            kairo_ratelimit zone=two headers=legacy,all; }
        location /page { kairo_ratelimit zone=one; error_page 429 /page; }
        location /delayed { kairo_ratelimit zone=slow burst=5; }
        location /refused { kairo_probe access 403; }
        location /late { kairo_probe access 403 when=late; }
        location /later { kairo_probe precontent 402 when=late; }
        location /again { kairo_probe access ok;
                          error_page 404 = /refused; }
    }
END
$s->file("html/$_", 'content') for qw(limited delayed refused late later);

my @forged = ('Before: 1', 'X-Kairo-User: x', 'After: 1', 'X-Kairo-User: y',
              'Accept: */*');

# what is refused without a fault is refused with one, by whatever status

$s->get("/$_?k=full") for qw(limited limited);

for my $path (qw(/limited?k=full /refused /late /later /again?k=full)) {

    my ($passed, $fired, @seen) = (0, 0);

    for my $n (1 .. 60) {
        my $before = () = $s->log =~ /kairo fault:/g;
        my $got = $s->get($path, "Fault: $n", @forged);
        my $after = () = $s->log =~ /kairo fault:/g;

        my ($status) = $got =~ m{^HTTP/1.1 (\d+)};
        $seen[$status || 0]++;
        $passed++ if $got =~ /content$/ || ($status && $status == 200);
        last if $after == $before;
        $fired++;
    }

    my %seen = map { $_ => $seen[$_] } grep { $seen[$_] } 0 .. $#seen;
    diag("$path: $fired faults, ", join ', ', map { "$seen{$_} x $_" }
                                              sort keys %seen);
    cmp_ok($fired, '>', 2, "$path: allocations did fail");
    is($passed, 0, "$path: and no refusal became a pass");
}

# what passes without a fault may be refused with one, but is answered

for my $path (qw(/limited /delayed /page /metrics)) {

    my ($unanswered, $fired) = (0, 0);

    for my $n (1 .. 60) {
        my $before = () = $s->log =~ /kairo fault:/g;
        my $got = $s->get("$path?k=$path$n", "Fault: $n", @forged);
        my $after = () = $s->log =~ /kairo fault:/g;
        $unanswered++ unless $got =~ m{^HTTP/1.1 \d+};
        last if $after == $before;
        $fired++;
    }

    diag("$path: $fired faults");
    is($unanswered, 0, "$path: every request is answered");
}

is($s->status('/limited?k=after'), 200, 'the worker is well');

my @workers = $s->children;
unlike($s->log, qr/exited on signal/, 'and none has died');
$s->finish;

done_testing();
