# Each allocation of the module fails once, and each call that makes, writes or
# syncs a file, in requests that are recorded: each is answered as documented,
# what was told is on the disk, once, no end is lost, and it goes on afterwards.

use strict;
use warnings;

use lib 't/lib';
use Kairo::Load;
use Kairo::Server;
use Kairo::Spool;
use Test::More;
use Time::HiRes qw(sleep time);

plan(skip_all => 'needs a build whose allocations can fail')
    unless $ENV{KAIRO_FAULT};

my ($s, $dir, $worker, $descriptors);

sub code { return $_[0] =~ m{^HTTP/1.1 (\d+)} ? $1 : 0 }

sub faults { return scalar(() = $s->log =~ /kairo fault:/g) }

sub http {
    my ($sync) = @_;
    return <<END;
    kairo_spool spool size=4m sync=$sync;
    kairo_ratelimit_zone \$arg_k zone=one:64k rate=1r/h;
    server {
        listen 127.0.0.1:%%PORT%%;
        root html;
        location = /up { return 200 up; }
        location = /ok { kairo_tool_run seo; try_files /t =404; }
        location = /run { kairo_tool_run \$arg_tool; kairo_region \$arg_region;
                          kairo_event seen a=\$arg_a b=c; kairo_event more;
                          try_files /t =404; }
        location = /drop { kairo_tool_run seo on_full=drop;
                           kairo_event seen a=b on_full=drop;
                           try_files /t =404; }
        location = /refused { kairo_refusals all; kairo_tool_run seo;
                              kairo_ratelimit zone=one; try_files /t =404; }
    }
END
}

# with_faults NAME, LEAST, GOOD, BEFORE, PATH: a request for each call, until
# there are no more.

sub with_faults {
    my ($name, $least, $good, $before, $path) = @_;
    my ($fired, $wrong, $late, $never, %seen) = (0, 0, 0, 0);
    for my $n (1 .. 80) {
        $s->until(sub { $s->status('/ok') == 200 }) or $never++, last;
        $before->();
        my ($old, $at) = (faults(), time);
        my $got = $s->get($path =~ s/%n/$n/r, "Fault: $n");
        sleep 0.01;
        $late++ if time - $at > 6;
        $seen{code($got)}++;
        code($got) =~ $good or $wrong++, diag("$name, fault $n: $got");
        last if faults() == $old;
        $fired++;
    }
    diag("$name: $fired faults, ", join ', ', map { "$seen{$_} x $_" }
                                              sort keys %seen);
    cmp_ok($fired, '>=', $least, "$name: calls did fail");
    cmp_ok($fired, '<', 80, "$name: all of them");
    is($wrong, 0, "$name: answered as documented");
    is($late, 0, "$name: and in time");
    is($never, 0, "$name: and it goes on afterwards");
}

# whole NAME: what is recorded; who was answered 200 is.

sub whole {
    my ($name) = @_;
    $s->until(sub { $s->status('/ok') == 200 });
    my $all = Kairo::Spool::ended($dir);
    is_deeply($all->{wrong}, [], "$name: all of it is whole");
    my @odd = grep { $all->{parts}{$_}[0] != 1 || $all->{parts}{$_}[1] != 1 }
              keys %{$all->{parts}};
    is("@odd", '', "$name: each has one beginning and one end");
    return $all;
}

# A request begins a file when there is none.

sub anew { unlink map { "$dir/$_" } Kairo::Spool::files($dir);
           $s->status('/ok') }

for my $sync ('off', '1ms', 'always') {
    my $name = "sync=$sync";
    $s = Kairo::Server->new;
    $dir = "$s->{dir}/spool";
    $s->file('html/t', 'content');
    $s->start(http($sync));
    is($s->status('/ok'), 200, "$name: it is well");
    ($worker) = $s->children;
    $descriptors = Kairo::Load::descriptors($worker);

    my $run = qr/^(?:200|5\d\d)$/;
    with_faults("$name: a run and events", 6, $run, sub {},
                '/run?tool=a&region=b&a=c');
    with_faults("$name: a run that may be dropped", 4, $run, sub {}, '/drop');
    with_faults("$name: a refusal", 1, qr/^(?:429|5\d\d)$/,
                sub { $s->get('/refused?k=1') }, '/refused?k=1');
    whole($name);

    # with a file that is begun

    with_faults("$name: a file that is begun", 10, $run, sub {
        unlink map { "$dir/$_" } Kairo::Spool::files($dir);
        $s->status('/up');
    }, '/run?tool=a&region=b&a=c');
    my $all = Kairo::Spool::ended($dir);
    is_deeply($all->{wrong}, [], "$name: all of it is whole");
    is(join(' ', Kairo::Spool::others($dir)), '', "$name: and nothing else");

    # from one call on all of them fail, until the next request

    for my $n (1 .. 25) {
        $s->get('/run?tool=a&a=b', "Faults: $n");
        $s->get('/drop', "Faults: $n");
    }
    ok($s->until(sub { $s->status('/ok') == 200 }),
       "$name: nothing works any more, and then it does");

    # clients that leave

    for my $n (1 .. 20) {
        close $s->send('/run?tool=a&a=b', "Fault: $n");
        sleep 0.02;
    }
    ok($s->until(sub { $s->status('/ok') == 200 }),
       "$name: clients leave, and it goes on");

    is("@{[$s->children]}", $worker, "$name: no worker has died");
    ok($s->until(sub { Kairo::Load::descriptors($worker) <= $descriptors }),
       "$name: no descriptor is left open");
    cmp_ok(Kairo::Load::busy(1, $worker), '<', 0.1, "$name: nothing spins");
    $s->finish;
}

done_testing();
