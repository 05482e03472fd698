# The verbs "spool list", "spool verify" and "spool replay", of directories
# that a writer of the test's own has filled.

use strict;
use warnings;

use JSON::PP;
use POSIX ();
use Test::More;
use Time::HiRes qw(sleep time);

use Kairo::Command;
use Kairo::Postgres;
use Kairo::Server;
use Kairo::Spool;

Kairo::Command::needed();

my $now = int time * 1000;
my $ids = 0;

calls();
list();
verify();
cut();

my $pg = Kairo::Postgres->new;

replay();
locked();
written();
set_aside();
set_aside_again();
damaged();
many();
killed();
rights();
nonsense();
owner();
done_testing();


sub calls {
    my $file = write_file('x');
    for my $verb (qw(list verify)) {
        says("$verb of no directory", 2, ['spool', $verb, "$file.none"],
             qr/can't be opened as a directory: No such file/);
    }
    says('list of a file', 2, ['spool', 'list', $file],
         qr/can't be opened as a directory: Not a directory/);
    says('replay of a file', 2, ['spool', 'replay', $file, 'host=x'],
         qr/can't be opened as a directory: Not a directory/);
    says("replay of @$_", 2, ['spool', 'replay', @$_],
         qr/takes a directory and a database/)
        for [], ['a'], ['a', 'b', 'c'];
    says('a name that a terminal could act on', 2,
         ['spool', 'list', "/none/\e]0;x\a"], qr/\\x1b\]0;x\\x07/);
}


sub list {
    my $dir = directory();
    is_deeply([kairo('spool', 'list', $dir)],
              [0, '0 files: 0 records, 0 events, 0 bytes, oldest -, 0 bad '
                . "bytes, 0 written, 0 left, 0 aside, 0 damaged\n", ''],
              'an empty one');

    my $old = $now - 7200_000;
    my @files = (
        Kairo::Spool::make($dir, { ms => 1 }, run($old), ends(1), run($now)),
        Kairo::Spool::make($dir, { ms => 2 }, run($now), 'garbage'),
        Kairo::Spool::make($dir, { ms => 3 }),
        Kairo::Spool::make($dir, { ms => 4, suffix => '.spool.aside' },
                           run($now)),
        Kairo::Spool::make($dir, { ms => 5, suffix => '.spool.bad' },
                           run($now), 'x' x 30, run($now)));
    my $held = Kairo::Spool::hold($files[2]);

    # none of these is one

    Kairo::Spool::make($dir, { ms => 6, suffix => $_ }, run($now))
        for '.spool.new', '.spool.aside.new', '.spoo', '.bad';
    symlink $files[0], "$dir/0000000000007-0000000001-000001.spool";
    mkdir "$dir/0000000000008-0000000001-000001.spool";
    POSIX::mkfifo("$dir/0000000000009-0000000001-000001.spool", 0600);

    my @size = map { -s } @files;
    my ($status, $out, $err) = kairo('spool', 'list', $dir);
    is("$status $err", '0 ', 'files of all kinds');
    my @lines = split /\n/, $out;
    my $sum = $size[0] + $size[1] + $size[2] + $size[3] + $size[4];
    my @due = (
        qr/^0{12}1-\d+-000001.spool: 3 records, 2 events, $size[0] bytes,(?#
           ) oldest 72\d\d s, 0 bad bytes, left$/,
        qr/: 1 records, 1 events, $size[1] bytes, oldest \d s, 7 bad bytes,(?#
           ) left$/,
        qr/: 0 records, 0 events, 48 bytes, oldest -, 0 bad bytes, written$/,
        qr/.aside: 1 records, 1 events, \d+ bytes, oldest \d s, 0 bad bytes,(?#
           ) aside$/,
        qr/.bad: 2 records, 2 events, \d+ bytes, oldest \d s, 30 bad bytes,(?#
           ) damaged$/,
        qr/^5 files: 7 records, 6 events, $sum bytes, oldest 72\d\d s, 37 (?#
           )bad bytes, 1 written, 2 left, 1 aside, 1 damaged$/);
    is(@lines, @due, 'a line each, and one of the sum');
    like($lines[$_], $due[$_], "line $_") for 0 .. $#due;

    # what can't be read does not hide the others

    Kairo::Spool::make($dir, { ms => 10, version => 2 });
    put("$dir/0000000000011-0000000001-000001.spool", 'nothing of the kind');
    ($status, $out, $err) = kairo('spool', 'list', $dir);
    is("$status $err", '1 ', 'one that is strange');
    like($out, qr/10-\d+-\d+.spool: of a version that this kairo does not/,
         'of another version');
    like($out, qr/11-\d+-\d+.spool: no file of a spool\n7 files: 7 records/,
         'of nothing, and the sum');
    is((kairo('spool', 'list', $dir, $dir))[1], $out x 2, 'two in one call');
}


sub verify {
    my $dir = directory();
    my @events = map { run($now) } 1 .. 20;
    my $whole = Kairo::Spool::make($dir, { ms => 1 }, @events);
    my $text = slurp($whole);
    my $name = '0000000000001-0000000001-000001.spool';

    my $good = [0, "$name: whole: 20 records\n", ''];
    is_deeply([kairo('spool', 'verify', $dir)], $good, 'a directory');
    is_deeply([kairo('spool', 'verify', $whole)], $good, 'a file');

    my $record = (length($text) - 48) / 20;
    my $at = 48 + 10 * $record;

    for (['a changed byte', sub { substr($_[0], $at + 30, 1) ^= "\1" },
          "damaged: 19 records are whole, $record bytes are none, the first "
        . "of them at $at, 1 records are missing"],
         ['bytes in between', sub { substr($_[0], $at, 0) = 'x' x 5 },
          "damaged: 20 records are whole, 5 bytes are none, the first of them "
        . "at $at"],
         ['a record that is missing',
          sub { substr($_[0], $at, $record) = '' },
          'damaged: 19 records are whole, 1 records are missing'],
         ['a record that is no event',
          sub { $_[0] .= Kairo::Spool::record(21, 'x' x 30) },
          "damaged: 21 records are whole, 54 bytes are none, the first of "
        . 'them at ' . length $text],
         ['a record that is there twice',
          sub { $_[0] .= substr $_[0], 48, $record },
          'damaged: 21 records are whole, 1 records are there again, or out '
        . 'of order'],
         ['zeros at the end', sub { $_[0] .= "\0" x 100 },
          'damaged: 20 records are whole, 100 bytes are none, the first of '
        . 'them at ' . length $text],
         ['a cut head', sub { $_[0] = substr $_[0], 0, 47 },
          'no file of a spool'],
         ['another version', sub { substr($_[0], 8, 1) = "\2" },
          'of a version that this kairo does not know'],
         ['nothing', sub { $_[0] = '' }, 'no file of a spool'])
    {
        my ($what, $change, $why) = @$_;
        my $copy = $text;
        $change->($copy);
        put($whole, $copy);
        is_deeply([kairo('spool', 'verify', $whole)],
                  [1, "$name: $why\n", ''], $what);
    }

    put($whole, $text);
    my $other = Kairo::Spool::make($dir, { ms => 2 }, 'x');
    my ($status, $out) = kairo('spool', 'verify', $dir);
    is($status, 1, 'one of two is not whole');
    like($out, qr/^$name: whole: 20 records\n.*: damaged: 0 records are/,
         'which is told');
    unlink $other;

    symlink $whole, "$dir/link";
    is((kairo('spool', 'verify', "$dir/link"))[0], 1, 'a link is none');
    POSIX::mkfifo("$dir/pipe", 0600);
    is((kairo('spool', 'verify', "$dir/pipe"))[0], 1, 'a pipe is none');
}


# The end of a file that is written, and of one that was left.

sub cut {
    my $dir = directory();
    my $file = Kairo::Spool::make($dir, { ms => 1 }, run($now), run($now));
    my $text = slurp($file);
    my $name = '0000000000001-0000000001-000001.spool';
    my $n = (length($text) - 48) / 2;

    for my $cut (1, 23, 24, 25, $n - 1) {
        my $rest = $n - $cut;
        put($file, substr $text, 0, length($text) - $cut);
        is_deeply([kairo('spool', 'verify', $dir)],
                  [0, "$name: whole but for its end: 1 records, and $rest "
                    . "bytes of one that was never finished\n", ''],
                  "cut by $cut bytes, and left");
        my $held = Kairo::Spool::hold($file);
        is_deeply([kairo('spool', 'verify', $dir)],
                  [0, "$name: whole so far: 1 records\n", ''],
                  'and while it is written');
        like((kairo('spool', 'list', $dir))[1],
             qr/, 0 bad bytes, written\n/, 'which "list" says too');
    }
}


sub replay {
    my $dir = directory();
    my ($one, $two) = (run($now), run($now));
    my $file = { ms => $now };
    Kairo::Spool::make($dir, $file, $one, $two, ends_of($one));
    Kairo::Spool::make($dir, { ms => $now + 1 }, ends_of($two, 500));

    my ($status, $out, $err) = kairo('spool', 'replay', $dir,
                                     'file:' . $pg->file('edge'));
    is("$status $err", '0 ', 'two files');
    like($out, qr/\A\S+1.spool: 2 rows: 2 events are new, 0 have ended, (?#
         )0 were known, 0 were set aside in kairo.events_aside\n(?#
         )\S+1.spool: 1 rows: 0 events are new, 1 have ended, 0 were /,
         'what became of them');
    is_deeply([Kairo::Spool::files($dir)], [], 'are removed');
    is_deeply([Kairo::Spool::others($dir)], ['ship.lock'], 'with no rest');
    is(rows("event_id in ('$one->{id}', '$two->{id}')",
            'issuer, subject, tool, status, latency_ms, bytes, outcome'),
       "app|ann|seo|200|12|345|ok\napp|ann|seo|500|12|345|failed",
       'and are rows');

    is_deeply([kairo('spool', 'replay', $dir, $pg->conninfo('edge'))],
              [0, '', ''], 'once more there is nothing');

    Kairo::Spool::make($dir, { ms => $now }, $one, ends_of($one));
    $ENV{KAIRO_THERE} = $pg->conninfo('edge');
    ($status, $out, $err) = kairo('spool', 'replay', $dir, 'env:KAIRO_THERE');
    is("$status $err", '0 ', 'the same again');
    like($out, qr/ 1 rows: 0 events are new, 0 have ended, 1 were known, /,
         'is known');
    is_deeply([Kairo::Spool::files($dir)], [], 'and removed');

    # what the database sets aside by itself

    Kairo::Spool::make($dir, { ms => $now }, run($now - 90 * 86400_000),
                       run($now));
    ($status, $out, $err) = replayed($dir);
    is("$status $err", '0 ', 'one of a day that is over');
    like($out, qr/ 2 rows: 1 events are new, .* 1 were set aside in kairo/,
         'is set aside there');
}


sub locked {
    my $dir = directory();
    my $file = Kairo::Spool::make($dir, { ms => $now }, run($now));
    put("$dir/ship.lock", '');
    my $held = Kairo::Spool::hold("$dir/ship.lock");
    says('a directory that somebody ships', 1,
         ['spool', 'replay', $dir, $pg->conninfo('edge')],
         qr/a worker of nginx, or another kairo spool replay, sends the/);
    ok(-f $file, 'is left alone');
    undef $held;
    is((replayed($dir))[0], 0, 'until it does no more');

    unlink "$dir/ship.lock";
    symlink write_file(''), "$dir/ship.lock";
    says('a lock that is a link', 1,
         ['spool', 'replay', $dir, $pg->conninfo('edge')],
         qr/"ship.lock" can't be locked: Too many levels/);
}


# An end may follow in a later file of the process that writes.

sub written {
    my $dir = directory();
    my $one = run($now);
    my @files = (
        Kairo::Spool::make($dir, { ms => $now, pid => 5 }, $one),
        Kairo::Spool::make($dir, { ms => $now + 1, pid => 5 }, ends_of($one)),
        Kairo::Spool::make($dir, { ms => $now + 2, pid => 6 }, run($now)));
    my $held = Kairo::Spool::hold($files[0]);
    my ($status, $out, $err) = replayed($dir);
    is("$status $err", '0 ', 'one that is written');
    like($out, qr/5-000001.spool: is still written\n\S+5-000001.spool: (?#
         )waits for \S+\n\S+6-000001.spool: 1 rows: 1 events are new/,
         'is left, with what comes behind it');
    is_deeply([map { -f ? 1 : 0 } @files], [1, 1, 0], 'and another is sent');
    undef $held;
    like((replayed($dir))[1], qr/: 1 rows: 1 events are new.*\n.*: 1 rows: (?#
         )0 events are new, 1 have ended/, 'until it is not');
}


# Of what no row can be made: the parameter is no JSON.

sub set_aside {
    my $dir = directory();
    my @good = map { run($now) } 1 .. 40;
    my @bad = map { { %{run($now)}, details => "{bad $_}" } } 1, 2;
    my @all = (@good[0 .. 9], $bad[0], @good[10 .. 38], $bad[1], $good[39]);
    my $file = Kairo::Spool::make($dir, { ms => $now }, @all);

    my ($status, $out, $err) = replayed($dir);
    is("$status $err", '1 ', 'two rows that the database can not take');
    like($out, qr/ 42 rows: 40 events are new, 0 have ended, 0 were known, (?#
         )0 were set aside in kairo.events_aside, 2 are in \S+.aside\n\z/,
         'are told, and where they are');
    is_deeply([Kairo::Spool::files($dir)], [], 'the file is removed');
    is_deeply([Kairo::Spool::others($dir)],
              [($file =~ m{([^/]+)$})[0] . '.aside', 'ship.lock'],
              'another is there');
    is(rows('event_id in (' . join(',', map { "'$_->{id}'" } @all) . ')',
            'count(*)'), 40, 'the others are rows');
    is_deeply([kairo('spool', 'verify', $dir)],
              [0, ($file =~ m{([^/]+)$})[0] . ".aside: whole: 2 records\n",
               ''], 'it is a file of the spool');
    my ($s, $shown) = kairo('events', '--from', $dir, '--format', 'json');
    is_deeply([map { decode_json($_)->{details} } split /\n/, $shown],
              ['{bad 1}', '{bad 2}'], 'with those two');
}


sub set_aside_again {
    my $dir = directory();
    my @bad = map { { %{run($now)}, details => "{bad $_}" } } 1, 2;
    my $aside = Kairo::Spool::make($dir, { ms => $now,
                                           suffix => '.spool.aside' }, @bad);
    my $text = slurp($aside);
    my $name = ($aside =~ m{([^/]+)$})[0];
    for my $time (1, 2) {
        my ($status, $out, $err) = replayed($dir);
        is("$status $err", '1 ', "what was set aside, time $time");
        like($out, qr/^$name: 2 rows: .*, 2 are in $name\n\z/, 'still is');
        is(slurp($aside), $text, 'as it was');
        is_deeply([Kairo::Spool::others($dir)], [$name, 'ship.lock'],
                  'and there is no other');
    }

    # some of it can be a row now

    Kairo::Spool::make($dir, { ms => $now, suffix => '.spool.aside' }, @bad,
                       run($now));
    my ($status, $out, $err) = replayed($dir);
    like($out, qr/^$name: 3 rows: 1 events are new, .*, 2 are in $name\n\z/,
         'some of it is taken');
    like((kairo('spool', 'verify', $dir))[1], qr/: whole: 2 records\n/,
         'and the others are left');

    # where there is a file of that name already, which is another one's

    Kairo::Spool::make($dir, { ms => $now }, @bad, run($now));
    ($status, $out, $err) = replayed($dir);
    is(scalar(grep { /aside/ } Kairo::Spool::others($dir)), 2,
       'a file that is there is not replaced');

    # what one that was killed has left

    put("$dir/$name.new", 'x' x 1000);
    put("$aside.bad", 'y');
    Kairo::Spool::make($dir, { ms => $now, n => 2 }, @bad, run($now));
    put("$dir/" . ($name =~ s/1\.spool.aside/2.spool.new/r), 'x');
    is((replayed($dir))[0], 1, 'with rests of others');
    like((kairo('spool', 'verify', $dir))[1],
         qr/\A(?:\S+: whole: 2 records\n){3}\z/, 'nothing of those is taken');
}


sub damaged {
    my $dir = directory();
    my $file = Kairo::Spool::make($dir, { ms => $now }, run($now), 'x' x 9,
                                  run($now));
    my $text = slurp($file);
    my ($status, $out, $err) = replayed($dir);
    is("$status $err", '1 ', 'a file that was damaged');
    like($out, qr/ 2 rows: 2 events are new, .*; 9 bytes are no event: it (?#
         )is kept as \S+1.spool.bad\n\z/, 'is told');
    ok(!-f $file, 'is gone');
    is(slurp("$file.bad"), $text, 'and kept');
    is_deeply([replayed($dir)], [0, '', ''], 'and not sent again');

    my $cut = Kairo::Spool::make($dir, { ms => $now, n => 3 }, run($now),
                                 "sk\1\0\xff\0\0\0");
    ($status, $out, $err) = replayed($dir);
    is("$status $err", '0 ', 'a file that ends in a part of a record');
    like($out, qr/ 1 rows: 1 events are new, .*; its last 8 bytes are of (?#
         )one that was never finished\n\z/, 'is told');
    ok(!-e $cut && !-e "$cut.bad", 'and gone');

    put($file, $text);
    ($status, $out, $err) = replayed($dir);
    is("$status $err", '1 ', 'where there is such a file already');
    like($out, qr/is kept as it is, since/, 'it keeps its name');
    is(slurp($file), $text, 'and is there');
    unlink $file;

    my $foreign = Kairo::Spool::make($dir, { ms => $now, version => 2 });
    $text = slurp($foreign);
    ($status, $out, $err) = replayed($dir);
    is("$status $err", '1 ', 'one of another version');
    is(slurp($foreign), $text, 'is left');
}


# More than a batch.

sub many {
    my $dir = directory();
    my @events = map { run($now) } 1 .. 1700;
    Kairo::Spool::make($dir, { ms => $now }, @events, map { ends_of($_) }
                                                          @events);
    my $before = rows('true', 'count(*)');
    my ($status, $out, $err) = replayed($dir);
    is("$status $err", '0 ', 'many');
    is(rows('true', 'count(*)') - $before, 1700, 'are there');
    is(rows("status is null and kind = 'run' and event_id >= "
          . "'$events[0]{id}'", 'count(*)'), 0, 'and have ended');
}


# It is killed wherever it is, until it has done all of it.

sub killed {
    my $dir = directory();
    my $before = rows('true', 'count(*)');
    my $n = 0;
    for my $k (1 .. 30) {
        my @events = map { run($now) } 1 .. 200;
        $events[$_]{details} = '{bad}' for 50, 150;
        Kairo::Spool::make($dir, { ms => $now + $k }, @events);
        $n += @events;
    }

    my ($killed, $turns) = (0, 0);
    my $left = sub { scalar(my @files = Kairo::Spool::files($dir)) };
    while ($left->() && $turns++ < 200) {
        my $goal = $left->() - int rand 5;
        my $run = start_kairo('spool', 'replay', $dir, $pg->conninfo('edge'));
        # by its progress: how fast it is depends on the machine
        sleep 0.005 until $left->() <= $goal
                          || !Kairo::Server::alive($run->{pid});
        sleep rand 0.02;
        kill 'KILL', $run->{pid};
        my ($status) = finish($run);
        $killed++ if $status =~ /signal/;
    }
    cmp_ok($killed, '>', 3, "killed $killed times");
    is_deeply([Kairo::Spool::files($dir)], [], 'all of it was sent');
    my ($status, $shown) = kairo('events', '--from', $dir, '--limit', 0,
                                 '--format', 'json');
    my %aside = map { decode_json($_)->{event_id} => 1 } split /\n/, $shown;
    is(rows('true', 'count(*)') - $before + keys %aside, $n,
       'each is a row, or set aside');
    is(scalar keys %aside, 60, 'as many as can be no row');
}


sub rights {
    my $dir = directory();
    my $file = Kairo::Spool::make($dir, { ms => $now }, run($now));
    my $text = slurp($file);
    my $bare = $pg->conninfo =~ s/dbname=\S+/dbname=postgres/r;
    my $nobody = $pg->conninfo('edge') =~ s/port=\d+/port=1/r;

    for (['who may not', $pg->conninfo('auditor'),
          qr/not enough rights: .*\nkairo: who sends is a member of kairo_/],
         ['no tables', $bare, qr/\nkairo: it is kairo migrate that makes/],
         ['no server', $nobody, qr/can't connect: .*refused/],
         ['nonsense', 'nonsense', qr/the connection string can't be read/])
    {
        my ($what, $conninfo, $why) = @$_;
        my ($status, $out, $err) = kairo('spool', 'replay', $dir, $conninfo);
        is("$status $out", '1 ', $what);
        like($err, $why, "$what: why");
        is(slurp($file), $text, "$what: it is all there");
    }
}


# A server's answer is not what it should be.

sub nonsense {
    my $dir = directory();
    my $file = Kairo::Spool::make($dir, { ms => $now }, run($now));
    my $other = $pg->conninfo =~ s/dbname=\S+/dbname=other/r;
    $pg->sql('create database other');

    for my $answer ('0, 0, 0, 0', '2, 0, 0, 0', '-1, 1, 1, 0', 'null, 1, 0, 0',
                    "'x', 1, 0, 0")
    {
        $pg->sql("\\c other\n" . <<"END");
drop schema if exists kairo cascade;
create schema kairo;
create function kairo.keep_partitions() returns integer return 0;
create function kairo.ingest(uuid[], text[], text[], text[], text[], text[],
    text[], text[], text[], jsonb[], boolean[], integer[], integer[], bigint[],
    out begun text, out ended text, out known text, out aside text)
    language sql as \$\$ select $answer \$\$;
END
        my ($status, $out, $err) = kairo('spool', 'replay', $dir, $other);
        is("$status $out", '1 ', "an answer of $answer");
        like($err, qr/answer does not add up to the 1 rows that it was sent/,
             'is not believed');
        ok(-f $file, 'and the file is there');
    }
}


sub owner {
    SKIP: {
        skip 'only root can be another', 2 if $>;
        my $dir = directory();
        chown 33, 33, $dir;
        Kairo::Spool::make($dir, { ms => $now },
                           { %{run($now)}, details => '{bad}' });
        replayed($dir);
        is((stat "$dir/ship.lock")[4], 33, 'the lock is of who ships');
        is((stat glob "$dir/*.aside")[4], 33, 'and what was set aside');
    }
}


# A run that begins, and the end of one.

sub run {
    my ($ms) = @_;
    return { id => Kairo::Spool::id($ms, ++$ids), kind => 'run', tool => 'seo',
             issuer => 'app', subject => 'ann', route => '/tools/seo/',
             edge => 'here' };
}

sub ends { return ends_of({ id => Kairo::Spool::id($now, $_[0]) }) }

sub ends_of {
    my ($event, $status) = @_;
    return { id => $event->{id}, status => $status // 200, latency => 12,
             bytes => 345 };
}

sub replayed {
    my ($dir) = @_;
    return kairo('spool', 'replay', $dir, $pg->conninfo('edge'));
}

sub rows {
    my ($where, $what) = @_;
    my $order = $what =~ /count/ ? '' : 'order by event_id';
    return $pg->sql("select $what from kairo.history where $where $order",
                    'auditor');
}

sub says {
    my ($name, $due, $args, $pattern) = @_;
    my ($status, $out, $err) = kairo(@$args);
    is("$status $out", "$due ", $name);
    like($err, $pattern, "$name: why");
    like($err, qr/\Akairo: [ -~]+\n\z/, "$name: is one line");
}
