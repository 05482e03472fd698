# Each allocation of the module fails once, or from then on, in a request that
# is refused and in one that passes: the first is never let through, and no
# worker dies.

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
    kairo_ratelimit_zone $kairo_client zone=client:64k rate=1r/d;
    map $kairo_client $rate { 127.0.0.1 1r/d; default 1r/h; }
    kairo_ratelimit_zone $arg_k zone=mapped:64k rate=$rate default=2r/d;
    server {
        listen 127.0.0.1:%%PORT%%;
        location = /up { return 200 up; }
        location = /metrics { kairo_metrics; }
        root html;
        location /limited { kairo_ratelimit zone=one headers=draft,all;
                            kairo_ratelimit zone=two headers=legacy,all; }
        location /page { kairo_ratelimit zone=one; error_page 429 /page; }
        location /delayed { kairo_ratelimit zone=slow burst=5; }
        location /client { kairo_ratelimit zone=client; }
        location /mapped { kairo_ratelimit zone=mapped; }
        location /forged { kairo_probe access ok;
                           return 200 "content <$http_x_kairo_user>"; }
        location /refused { kairo_probe access 403; }
        location /late { kairo_probe access 403 when=late; }
        location /later { kairo_probe precontent 402 when=late; }
        location /again { kairo_probe access ok;
                          error_page 404 = /refused; }
    }
END
$s->file("html/$_", 'content')
    for qw(limited delayed client mapped refused late later);

my @forged = ('Before: 1', 'X-Kairo-User: x', 'After: 1', 'X-Kairo-User: y',
              'Accept: */*');

# faults FIELD, PATH, CHECK: a request for each allocation that fails; says how
# many did.  In PATH "%" is a number of its own.

sub faults {
    my ($field, $path, $check) = @_;
    my ($fired, %seen) = (0);

    for my $n (1 .. 60) {
        my $this = $path =~ s/%/$field$n/r;
        my $before = () = $s->log =~ /kairo fault:/g;
        my $got = $s->get($this, "$field: $n", @forged);
        my $after = () = $s->log =~ /kairo fault:/g;

        my ($status) = $got =~ m{^HTTP/1.1 (\d+)};
        $seen{$status // 'none'}++;
        $check->($got, $status // 0);
        last if $after == $before || !$status;
        $fired++;
    }

    diag("$path, $field: $fired, ",
         join ', ', map { "$seen{$_} x $_" } sort keys %seen);
    return $fired;
}

# what is refused without a fault is refused with one, by whatever status

$s->get($_) for qw(/limited?k=full /client /mapped?k=full);

for my $path (qw(/limited?k=full /client /mapped?k=full /refused /late /later
                 /again?k=full))
{
    for my $field (qw(Fault Faults)) {
        my $passed = 0;
        my $fired = faults($field, $path, sub {
            my ($got, $status) = @_;
            $passed++ if $status < 400 || $got =~ /content$/;
        });
        cmp_ok($fired, '>', 2, "$path, $field: allocations did fail");
        is($passed, 0, "$path, $field: and no refusal became a pass");
    }
}

# what passes without a fault may be refused with one, but is answered, and no
# forged field comes through

$s->get('/delayed?k=full');

for my $path (qw(/limited?k=% /delayed?k=full /page?k=% /metrics /forged)) {
    for my $field (qw(Fault Faults)) {
        my ($unanswered, $forged) = (0, 0);
        my $fired = faults($field, $path, sub {
            my ($got, $status) = @_;
            $unanswered++ unless $status;
            $forged++ if $got =~ /<[xy]/;
        });
        cmp_ok($fired, '>', 1, "$path, $field: allocations did fail");
        is($unanswered, 0, "$path, $field: every request is answered");
        is($forged, 0, "$path, $field: and no field was forged");
    }
}

like($s->log, qr/delaying request/, 'a request was delayed');
is($s->status('/limited?k=after'), 200, 'the worker is well');
unlike($s->log, qr/exited on signal/, 'and none has died');
$s->finish;

done_testing();
