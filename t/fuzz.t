# Every harness: the corpus of the tree replayed, then some seconds of search,
# two harnesses at once.  KAIRO_FUZZ_SECONDS is how many for each of them, 10
# unless set.

use strict;
use warnings;

use File::Basename;
use File::Temp qw(tempdir);
use Test::More;

my $seconds = $ENV{KAIRO_FUZZ_SECONDS} // 10;
my @searching;

for my $source (sort glob 't/fuzz/*.c') {
    my $name = basename($source, '.c');
    my $harness = "build/fuzz/$name";
    my $corpus = "t/fuzz/corpus/$name";
    my $new = tempdir(CLEANUP => 1);

    ok(-x $harness, "$name is built") or next;
    cmp_ok(scalar(() = glob "$corpus/*"), '>', 0, "$name has a corpus");

    ended(started("$name replays its corpus", $harness, '-runs=0', $corpus));

    ended(shift @searching) if @searching == 2;
    push @searching, started("$name searches for $seconds s", $harness,
                             '-max_len=512', "-max_total_time=$seconds",
                             "-artifact_prefix=build/fuzz/$name-", $new,
                             $corpus);
}

ended($_) for @searching;

done_testing();


sub started {
    my ($what, @command) = @_;
    open my $out, '-|', "@command 2>&1" or die "$command[0]: $!\n";
    return [$what, $out];
}


sub ended {
    my ($what, $from) = @{$_[0]};
    my $out = do { local $/; <$from> };
    ok(close($from), $what) or diag(substr $out, -3000);
}
