# Reloads and a binary upgrade while requests come: none is lost, no limit is
# lifted by a reload, no socket is left open.  KAIRO_RELOADS is how many, 10
# unless set.

use strict;
use warnings;

use lib 't/lib';
use Kairo::Server;
use POSIX ();
use Test::More;
use Time::HiRes qw(sleep);

my $reloads = $ENV{KAIRO_RELOADS} || 10;

my $http = <<'END';
    kairo_ratelimit_zone $arg_k zone=one:64k rate=1r/d;
    kairo_ratelimit_zone $arg_k zone=slow:64k rate=20r/s;
    access_log off;
    server {
        listen 127.0.0.1:%%PORT%%;
        location = /up { return 200 up; }
        root html;
        location /t { kairo_ratelimit zone=one; kairo_ratelimit_log_level info; }
        location /slow { kairo_ratelimit zone=slow burst=10; }
    }
END

# a new binary gets no environment but what is named

my $s = Kairo::Server->new(workers => 2,
                           main => 'env ASAN_OPTIONS; env UBSAN_OPTIONS;');
$s->file('html/t', 'content');
$s->file('html/slow', 'content');
$s->start($http);

is($s->status('/t?k=limited'), 200, 'a client takes its one request');

# Children that ask until they are told to stop, and tell what they have seen.

my @children = map {
    my $path = $_ % 2 ? '/t?k=limited' : "/slow?k=$_";
    my $expect = $_ % 2 ? 429 : 200;
    pipe my $read, my $write or die "pipe: $!\n";
    my $pid = fork // die "fork: $!\n";

    if ($pid == 0) {
        my ($stop, $asked, $lost, $wrong) = (0, 0, 0, 0);
        $SIG{TERM} = sub { $stop = 1 };
        until ($stop) {
            my $got = $s->get($path);
            $asked++;
            if ($got !~ m{^HTTP/1.1 (\d+).*\r\n\r\n.+}s) { $lost++ }
            elsif ($1 != $expect) { $wrong++ }
        }
        syswrite $write, "$asked $lost $wrong\n";
        POSIX::_exit(0);
    }

    close $write;
    { pid => $pid, out => $read, path => $path };
} 1 .. 4;

my $good = 0;
$good += $s->reload($http) for 1 .. $reloads;
is($good, $reloads, "$reloads reloads come to an end");

for my $child (@children) {
    kill 'TERM', $child->{pid};
    my $told = readline $child->{out};
    waitpid $child->{pid}, 0;
    my ($asked, $lost, $wrong) = split ' ', $told // '0 1 1';
    cmp_ok($asked, '>', $reloads, "$child->{path}: $asked requests");
    is("$lost lost, $wrong wrong", '0 lost, 0 wrong', "$child->{path}");
}

# a binary upgrade begins with empty zones

my $old = $s->pid;
kill 'USR2', $old;
ok($s->until(sub { ($s->pid // $old) != $old && $s->children == 2 }),
   'a new master has started its workers');
kill 'QUIT', $old;
ok($s->until(sub { !Kairo::Server::alive($old) }), 'and the old one ends');
is(join(' ', map { $s->status('/t?k=limited') } 1, 2), '200 429',
   'limits begin anew, and hold');

$s->finish;

done_testing();
