package Kairo::Command;

# The operator's command, as a test runs it: what it prints goes to files of
# the test's own, which are gone with it.

use strict;
use warnings;

use Cwd qw(abs_path);
use Exporter qw(import);
use File::Temp qw(tempdir);
use POSIX ();
use Test::More ();
use Time::HiRes qw(sleep time);

our @EXPORT = qw(kairo start_kairo finish told eventually write_file put
                 directory slurp);

my $root = $ENV{KAIRO_ROOT} ||= abs_path('.');
my $kairo = "$root/build/kairo";
my $files = 0;
my $dir;

# Skips the test where there is no command, or where it has had its turn.

sub needed {
    Test::More::plan(skip_all => 'the command is the same in every build')
        if $ENV{KAIRO_PROBE};
    Test::More::plan(skip_all => "no $kairo, make it by scripts/build")
        unless -x $kairo;
}

# kairo ARGUMENT...: its exit status, what it has printed, and what it said of
# what is wrong.

sub kairo { return finish(start_kairo(@_)) }

sub start_kairo {
    my @args = @_;
    my $file = name('run');
    put("$file.$_", '') for qw(out err);
    my $pid = fork // die "fork: $!\n";

    if ($pid == 0) {
        open STDIN, '<', '/dev/null';
        open STDOUT, '>', "$file.out";
        open STDERR, '>', "$file.err";
        alarm 60;
        exec $kairo, @args or POSIX::_exit(127);
    }

    return { pid => $pid, file => $file };
}

sub finish {
    my ($run) = @_;
    waitpid $run->{pid}, 0;
    my $status = $? & 127 ? 'signal ' . ($? & 127) : $? >> 8;
    my @said = told($run);
    unlink map { "$run->{file}.$_" } qw(out err);
    return ($status, @said);
}

# What one that runs has printed so far, and said.

sub told {
    my ($run) = @_;
    return map { slurp("$run->{file}.$_") } qw(out err);
}

sub eventually {
    my ($check) = @_;
    my $until = time + 15;
    while (time < $until) {
        return 1 if $check->();
        sleep 0.05;
    }
    return 0;
}

# write_file TEXT: the name of a file with it.

sub write_file {
    my ($text) = @_;
    my $name = name('file');
    put($name, $text);
    return $name;
}

sub put {
    my ($name, $text) = @_;
    open my $out, '>:raw', $name or die "$name: $!\n";
    print $out $text;
    close $out or die "$name: $!\n";
}

# An empty one.

sub directory {
    my $name = name('dir');
    mkdir $name, 0700 or die "$name: $!\n";
    return $name;
}

sub slurp {
    my ($name) = @_;
    local $/;
    open my $in, '<:raw', $name or die "$name: $!\n";
    return <$in> // '';
}

sub name {
    my ($what) = @_;
    $dir //= tempdir('kairo-command-XXXXXX', TMPDIR => 1, CLEANUP => 1);
    return "$dir/$what-$$-" . $files++;
}

1;
