# Every harness: the corpus of the tree replayed, then some seconds of search.
# KAIRO_FUZZ_SECONDS is how many for each harness, 10 unless set.

use strict;
use warnings;

use File::Basename;
use File::Temp qw(tempdir);
use Test::More;

my $seconds = $ENV{KAIRO_FUZZ_SECONDS} // 10;

for my $source (sort glob 't/fuzz/*.c') {
    my $name = basename($source, '.c');
    my $harness = "build/fuzz/$name";
    my $corpus = "t/fuzz/corpus/$name";
    my $new = tempdir(CLEANUP => 1);

    ok(-x $harness, "$name is built") or next;
    cmp_ok(scalar(() = glob "$corpus/*"), '>', 0, "$name has a corpus");

    run("$name replays its corpus", $harness, '-runs=0', $corpus);
    run("$name searches for $seconds s", $harness, '-max_len=512',
        "-max_total_time=$seconds", "-artifact_prefix=build/fuzz/$name-",
        $new, $corpus);
}

done_testing();


sub run {
    my ($what, @command) = @_;
    my $out = qx(@command 2>&1);
    ok($? == 0, $what) or diag(substr $out, -3000);
}
