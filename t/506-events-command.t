# The verb "events": history of a spool, that a writer of the test's own has
# filled, and of a Postgres that has the same.

use strict;
use warnings;

use JSON::PP;
use POSIX ();
use Test::More;
use Time::HiRes qw(sleep time);

use Kairo::Command;
use Kairo::Postgres;
use Kairo::Spool;

Kairo::Command::needed();

my $now = int(time * 1000);
my $ids = 0;
my @names = qw(event_id time kind tool issuer subject admin outcome status
               latency_ms bytes route region request_id edge details);

calls();
when();
my $dir = filled();
asked('--from', $dir);
json();
csv();
table();
limits();
parts();
strange();
follow();
follow_ends();

my $pg = Kairo::Postgres->new;
my @database = ('--database', 'file:' . $pg->file('auditor'));

same();
asked(@database);
follow_database();
others();
databases();
done_testing();


sub calls {
    my @from = ('--from', directory());
    says('nothing', [], qr/wants one of --from, .*, and --database, /);
    says('both', [@from, '--database', 'x'], qr/wants one of --from/);
    says('a value', [@from, 'value'], qr/takes options and no values/);
    says("--$_->[0] $_->[1]", [@from, "--$_->[0]", $_->[1]], $_->[2])
        for ['outcome', 'good', qr/wants an --outcome that is ok, failed, /],
            ['format', 'xml', qr/wants a --format that is table, json or csv/],
            (map { ['limit', $_, qr/wants a --limit that is a number/] }
                 '-1', 'x', '1x', '', '100000001', '99999999999999999999'),
            (map { ['since', $_, qr/wants a time as /] } '', 'now', '2h ago',
                 '-2h', '2', '2y', 'h', '1234567890s', '2026-02-29',
                 '2026-04-31', '2026-13-01', '2026-01-01T24:00:00Z',
                 '2026-01-01T00:00:00', '2026-01-01T00:00:00+1',
                 '2026-01-01T00:00:00Zx', '2026-01-01T00:00:00.Z',
                 '1969-12-31', '26-01-01', '2026-1-1', '2026-01-01T'),
            ['until', 'x', qr/wants a time as /];
    says('what no other may be with', [@from, @$_], $_->[-1] =~ /follow/
         ? qr/goes on with --follow, and takes no --until/
         : qr/takes one of --admin and --no-admin/)
        for ['--admin', '--no-admin'], ['--until', '1h', '--follow'];
    says('no time between', [@from, '--since', '1h', '--until', '2h'],
         qr/wants a --since that is before --until/);
    says('no user', [@from, '--user', ''], qr/wants a --user that is a subject/);
    says('an option that is none', [@from, '--none'], qr/unknown option/);
    says('no directory', ['--from', "$from[1]/none"],
         qr/can't be opened as a directory: No such file/);
    says('a file', ['--from', write_file('x')],
         qr/can't be opened as a directory: Not a directory/);

    is_deeply([kairo('events', @from, '--format', 'json')], [0, '', ''],
              'no events');
    is_deeply([kairo('events', @from, '--format', 'csv')],
              [0, join(',', @names) . "\r\n", ''], 'no events, as CSV');

    SKIP: {
        skip 'nobody else can run it', 3 if $> || !can_be_nobody();
        as_nobody($from[1]);
    }
}


# Of one who may read neither the directory nor, then, the file.

sub can_be_nobody {
    return system("setpriv --reuid 65534 --clear-groups "
                . "$ENV{KAIRO_ROOT}/build/kairo --help >/dev/null 2>&1") == 0;
}

sub as_nobody {
    my ($dir) = @_;
    my @run = (qw(setpriv --reuid 65534 --clear-groups),
               "$ENV{KAIRO_ROOT}/build/kairo", 'events', '--from', $dir);
    my $out = `@run 2>&1`;
    is($? >> 8, 2, 'a spool that one may not read');
    like($out, qr/\Akairo: "\S+" can't be opened as a directory: Permission /,
         'is a sentence');
    is(() = $out =~ /\n/g, 1, 'of one line');
}


sub when {
    my $dir = directory();
    my $base = 1769860800_000;       # 2026-01-31T12:00:00Z
    my @ms = map { $base + $_ } 0, 1, 999, 1000, 3600_000, 86400_000;
    Kairo::Spool::make($dir, { ms => $base },
                       map { { %{run($_)}, tool => $_ } } @ms);
    my $shown = sub {
        my ($status, $out, $err) = kairo('events', '--from', $dir, @_,
                                         '--format', 'json');
        is("$status $err", '0 ', "@_");
        return [map { decode_json($_)->{tool} - $base } split /\n/, $out];
    };

    for (['2026-01-31T12:00:00Z', 0], ['2026-01-31t12:00:00z', 0],
         ['2026-01-31 12:00:00Z', 0], ['2026-01-31T12:00:00.001Z', 1],
         ['2026-01-31T12:00:00.0019999Z', 1],
         ['2026-01-31T12:00:00.01Z', 2], ['2026-01-31T12:00:01Z', 3],
         ['2026-01-31T13:00:01+01:00', 3], ['2026-01-31T01:29:60-10:30', 0],
         ['2026-01-31T11:59:59.999Z', 0], ['2026-01-31', 0],
         ['2026-02-01', 5], ['2026-02-01T12:00:00.001Z', 6],
         ['9999-12-31T23:59:59Z', 6], ['1970-01-01T00:00:00Z', 0])
    {
        my ($time, $first) = @$_;
        my @all = (0, 1, 999, 1000, 3600_000, 86400_000);
        is_deeply($shown->('--since', $time), [splice @all, $first],
                  "since $time");
        is_deeply($shown->('--until', $time), \@all, "until $time")
            if $time gt '1970-01-01U';
    }

    $dir = directory();
    my %ago = (s => 1, m => 60, h => 3600, d => 86400, w => 604800);
    for my $unit (keys %ago) {
        my $is = int(time * 1000);
        my $file = Kairo::Spool::make($dir, { ms => $is },
            run($is - 3 * $ago{$unit} * 1000 - 900),
            run($is - 2 * $ago{$unit} * 1000));
        my ($status, $out) = kairo('events', '--from', $dir, '--format',
                                   'json', '--since', "3$unit");
        is(() = $out =~ /\n/g, 1, "3$unit ago");
        unlink $file;
    }
    is((kairo('events', '--from', $dir, '--since', '999999999w'))[0], 0,
       'longer than there was time');
}


# Runs and other events of several users, in the files of two processes.

sub filled {
    my $dir = directory();
    my @run = map { run($now - 10_000 + 100 * $_) } 0 .. 9;
    $run[1]{subject} = 'bob';
    $run[2]{issuer} = 'other';
    @{$run[3]}{qw(issuer subject)} = ('https://idp', 'a:b');
    $run[4]{tool} = 'crawl';
    $run[5]{admin} = 1;
    @{$run[6]}{qw(region request_id)} = ('eu', '0123456789abcdef');
    $run[6]{details} = '{"a": "b", "n": [1, 2.50, null]}';
    @{$run[7]}{qw(kind tool)} = ('refused', undef);
    @{$run[7]}{qw(status latency bytes)} = (429, 0, 17);
    $run[7]{details} = '{"layer":"ratelimit","reason":"rate_limited"}';
    $run[8] = { id => $run[8]{id}, kind => 'gap', edge => 'here',
                details => '{"lost":3}' };
    $run[9]{kind} = 'export';

    Kairo::Spool::make($dir, { ms => $now, pid => 1 },
                       @run[0, 2, 4, 6, 8], ends_of($run[0]),
                       ends_of($run[4], 404), ends_of($run[6], 399));
    Kairo::Spool::make($dir, { ms => $now + 1, pid => 2 }, @run[1, 3, 5],
                       ends_of($run[1], 500), ends_of($run[5], 400));
    Kairo::Spool::make($dir, { ms => $now + 2, pid => 1 }, ends_of($run[2]));
    Kairo::Spool::make($dir, { ms => $now + 3, pid => 2,
                               suffix => '.spool.aside' }, @run[7, 9]);
    return $dir;
}


# Which of them are shown, by the last digit of their ids: of either source.

sub asked {
    my @from = @_;
    my $first;
    for (['', '0123456789'], ['--tool crawl', '4'], ['--tool Seo', ''],
         ['--user ann', '0245679'], ['--user bob', '1'],
         ['--user app:ann', '045679'], ['--user other:ann', '2'],
         ['--user a:b', '3'], ['--user https://idp:a:b', '3'],
         ['--user https:b', ''], ['--user app', ''], ['--user app:', ''],
         ['--kind refused', '7'], ['--kind export', '9'], ['--kind gap', '8'],
         ['--kind run', '0123456'], ['--admin', '5'],
         ['--no-admin', '012346789'], ['--outcome ok', '026'],
         ['--outcome failed', '145'], ['--outcome refused', '7'],
         ['--outcome gap', '8'], ['--outcome open', '39'],
         ['--outcome ok --tool seo --user ann', '026'],
         ['--limit 3', '789'], ['--limit 0', '0123456789'],
         ['--limit 1 --outcome failed', '5'], ['--limit 2 --tool seo', '69'],
         ['--limit 10', '0123456789'])
    {
        my ($options, $due) = @$_;
        my ($status, $out, $err) = kairo('events', @from, split(' ', $options),
                                         '--format', 'json');
        is("$status $err", '0 ', "$from[0] $options");
        my @shown = map { decode_json($_) } split /\n/, $out;
        $first //= substr $shown[0]{event_id}, -12;
        is(join('', map { hex(substr $_->{event_id}, -12) - hex $first }
                        @shown), $due, 'shows these');
    }

    my $since = $now - 10_000 + 300;
    my $time = POSIX::strftime('%Y-%m-%dT%H:%M:%S', gmtime $since / 1000)
             . sprintf '.%03dZ', $since % 1000;
    for (['--since', 7], ['--until', 3]) {
        my ($status, $out) = kairo('events', @from, $_->[0], $time,
                                   '--format', 'json');
        is(() = $out =~ /\n/g, $_->[1], "$from[0] $_->[0] a time");
    }
}


sub json {
    my ($status, $out) = kairo('events', '--from', $dir, '--format', 'json');
    my @lines = split /\n/, $out;
    my @all = map { decode_json($_) } @lines;
    for my $line (@lines) {
        my @found = $line =~ /"(\w+)":/g;
        is(join(' ', @found[0 .. $#names - 1]),
           join(' ', @names[0 .. $#names - 1]), 'names, in order');
    }

    my $ms = $now - 10_000 + 600;
    my $time = POSIX::strftime('%Y-%m-%dT%H:%M:%S', gmtime $ms / 1000)
             . sprintf '.%03dZ', $ms % 1000;
    is_deeply($all[6],
              { event_id => $all[6]{event_id}, time => $time, kind => 'run',
                tool => 'seo', issuer => 'app', subject => 'ann',
                admin => JSON::PP::false, outcome => 'ok', status => 399,
                latency_ms => 12, bytes => 345, route => '/tools/seo/',
                region => 'eu', request_id => '0123456789abcdef',
                edge => 'here',
                details => { a => 'b', n => [1, 2.5, undef] } },
              'all of one');
    is($all[5]{admin}, 1, 'an administrator');
    is_deeply([map { $all[3]{$_} } qw(outcome status latency_ms bytes region
                                      details)],
              ['open', (undef) x 5], 'what is not told is null');
    is_deeply($all[8]{details}, { lost => 3 }, 'details');
    is($all[8]{tool}, undef, 'no tool');
}


sub csv {
    my $dir = directory();
    my %odd = (tool => '=1+1', route => qq(a "b", c), subject => ' x ',
               region => "\xc3\xa9;", edge => '@"', request_id => ',');
    Kairo::Spool::make($dir, { ms => 1 }, { %{run($now)}, %odd,
                                            details => '{"a": "b,c"}' });
    my ($status, $out) = kairo('events', '--from', $dir, '--format', 'csv');
    my @lines = split /\r\n/, $out, -1;
    is(scalar @lines, 3, 'a line of names, one, and its end');
    is($lines[0], join(',', @names), 'the names');
    like($lines[1], qr/^\S{36},\d{4}-\S+Z,run,=1\+1,app," x ",false,open,,,,(?#
         )"a ""b"", c",\xc3\xa9;,",","@""","\{""a"": ""b,c""\}"\z/,
         'as it was recorded, in quotes where that is needed');
}


# Nothing is left that a terminal could act on, and columns are columns.

sub table {
    my ($status, $out, $err) = kairo('events', '--from', $dir);
    my @lines = split /\n/, $out;
    is(scalar @lines, 11, 'a line of names, and one each');
    like($lines[0], qr/^time +kind +tool +user +admin +outcome +status +(?#
         )latency_ms +bytes +event_id$/, 'the names');
    my %at = map { $_ => index $lines[0], $_ } qw(kind tool user event_id);
    my $end = index($lines[0], 'bytes') + 5;
    for my $line (@lines[1 .. 10]) {
        is(join('', map { substr $line, $at{$_} - 1, 1 } sort keys %at),
           ' ' x 4, 'columns begin where the names do');
        like(substr($line, 0, $end), qr/(?:345|17|-)$/, 'numbers end there');
        like($line, qr/ [0-9a-f-]{36}$/, 'and it ends with an id');
    }
    like($lines[6], qr/ admin |true/, 'an administrator is seen');
    like($lines[1], qr/ run +seo +app:ann +- +ok +200 +12 +345 /, 'a run');
    like($lines[9], qr/ gap +- +- +- +gap +- +- +- /, 'a gap');

    my $hostile = directory();
    Kairo::Spool::make($hostile, { ms => 1 },
        { %{run($now)}, subject => "\xc2\x9b2J\xe2\x80\xae x\\",
          tool => 'a b' });
    ($status, $out) = kairo('events', '--from', $hostile);
    like($out, qr/ a\\x20b +app:\\xc2\\x9b2J\\xe2\\x80\\xae\\x20x\\x5c /,
         'what is hostile is escaped');
    like($out, qr/\A[ -~\n]+\z/, 'all of it');
}


sub limits {
    my $dir = directory();
    my @all = map { run($now + int $_ / 3) } 1 .. 1000;
    my @mixed = sort { $a->{id} =~ s/.*(.)$/$1/r cmp
                       $b->{id} =~ s/.*(.)$/$1/r } @all;
    Kairo::Spool::make($dir, { ms => 1 }, @mixed);
    for my $limit (1, 2, 7, 100, 499, 500, 501, 999, 1000, 1001, 0) {
        my ($status, $out) = kairo('events', '--from', $dir, '--format',
                                   'json', '--limit', $limit);
        my $n = !$limit || $limit > 1000 ? 1000 : $limit;
        is_deeply([$out =~ /"event_id":"([^"]+)/g],
                  [map { $_->{id} } @all[1000 - $n .. 999]],
                  "the newest $n of 1000");
    }
    my ($status, $out) = kairo('events', '--from', $dir, '--format', 'json');
    is(() = $out =~ /\n/g, 100, 'a hundred unless it is said');
}


# What is there twice, or in part.

sub parts {
    my $dir = directory();
    my ($one, $two, $three) = map { run($now + $_) } 1 .. 3;
    Kairo::Spool::make($dir, { ms => 1 }, $one, $one, ends_of($one),
                       ends_of($two));
    Kairo::Spool::make($dir, { ms => 1, suffix => '.spool.aside' },
                       { %$one, %{ends_of($one)} }, $three, $three, $one);
    my ($status, $out, $err) = kairo('events', '--from', $dir, '--format',
                                     'json');
    is("$status $err", '0 ', 'parts');
    my @all = map { decode_json($_) } split /\n/, $out;
    is_deeply([map { [@$_{qw(event_id kind outcome)}] } @all],
              [[$one->{id}, 'run', 'ok'], [$two->{id}, undef, 'ok'],
               [$three->{id}, 'run', 'open']],
              'what is there twice is shown once, and an end alone too');

    # a clock that has stepped back: the file with the end sorts before
    $dir = directory();
    Kairo::Spool::make($dir, { ms => 1, n => 2 }, ends_of($one, 500),
                       ends_of($two));
    Kairo::Spool::make($dir, { ms => 2 }, { %$one, admin => 1 });
    ($status, $out, $err) = kairo('events', '--from', $dir, '--format',
                                  'json');
    is("$status $err", '0 ', 'an end before its beginning');
    @all = map { decode_json($_) } split /\n/, $out;
    is_deeply([map { [@$_{qw(event_id kind outcome)}] } @all],
              [[$one->{id}, 'run', 'failed'], [$two->{id}, undef, 'ok']],
              'is joined to it');
    for (['--admin', $one], ['--no-admin']) {
        my ($option, @due) = @$_;
        (undef, $out) = kairo('events', '--from', $dir, '--format', 'json',
                              $option);
        is_deeply([map { decode_json($_)->{event_id} } split /\n/, $out],
                  [map { $_->{id} } @due],
                  "$option: who has ended alone is nobody");
    }
}


# What can't be read hides nothing else, and is told.

sub strange {
    my $dir = directory();
    my $one = run($now);
    Kairo::Spool::make($dir, { ms => 1 }, $one, 'x' x 9, ends_of($one));
    my $shown = sub { return kairo('events', '--from', $dir, '--format',
                                   'json') };
    my ($status, $out, $err) = $shown->();
    is($status, 1, 'a file that was damaged');
    like($out, qr/\A.*"outcome":"ok".*\n\z/, 'shows what is in it');
    like($err, qr/\Akairo: \S+1.spool: 9 bytes are no event\n\z/, 'and tells');

    put("$dir/0000000000002-0000000001-000001.spool", 'x');
    Kairo::Spool::make($dir, { ms => 3, version => 2 });
    ($status, $out, $err) = $shown->();
    is($status, 1, 'files that are none');
    like($err, qr/2-\S+: no file of a spool\n.*3-\S+: of a version that/,
         'are told');
    is(() = $out =~ /\n/g, 1, 'and the others are shown');
}


# Who follows is shown what begins and what ends.

sub follow {
    my $dir = directory();
    my ($old, $open, $next, $other) = map { run($now + $_) } 1 .. 4;
    my $file = { ms => 1 };
    my $path = Kairo::Spool::make($dir, $file, $old, ends_of($old), $open);
    my $run = start_kairo('events', '--from', $dir, '--follow', '--format',
                          'json');
    my $shows = shows($run, "$old->{id} ok", "$open->{id} open");
    $shows->('what is there');

    add($path, Kairo::Spool::records($file, $open));
    sleep 0.5;
    $shows->('its beginning again is nothing new');
    add($path, Kairo::Spool::records($file, ends_of($open)));
    $shows->('the end of one', "$open->{id} ok");

    my $record = Kairo::Spool::records($file, $next);
    add($path, substr $record, 0, 40);
    sleep 0.5;
    $shows->('a part of a record is none');
    add($path, substr $record, 40);
    $shows->('until it is whole', "$next->{id} open");

    my $second = { ms => 2 };
    Kairo::Spool::make($dir, $second, ends_of($next, 500), $other,
                       ends_of($other));
    $shows->('another file', "$next->{id} failed", "$other->{id} ok");

    unlink $path;
    my $last = run($now + 9);
    add("$dir/0000000000002-0000000001-000001.spool",
        Kairo::Spool::records($second, $last, ends_of($last)));
    $shows->('and when one is gone', "$last->{id} ok");

    kill 'TERM', $run->{pid};
    is_deeply([(finish($run))[0, 2]], [0, ''], 'until it is told to end');
}


sub follow_ends {
    my $dir = directory();
    my $run = start_kairo('events', '--from', $dir, '--follow');
    ok(eventually(sub { (told($run))[0] =~ /time/ }), 'one that follows');
    kill 'INT', $run->{pid};
    is_deeply([(finish($run))[0, 2]], [0, ''], 'SIGINT');

    pipe my $in, my $out or die "pipe: $!\n";
    my $pid = fork // die "fork: $!\n";
    if ($pid == 0) {
        open STDOUT, '>&', $out;
        close $_ for $in, $out;
        alarm 30;
        exec "$ENV{KAIRO_ROOT}/build/kairo", 'events', '--from', $dir,
             '--follow' or POSIX::_exit(127);
    }
    close $out;
    like(scalar <$in>, qr/^time/, 'into a pipe');
    close $in;
    waitpid $pid, 0;
    is($?, 0, 'that is closed, with nothing to show');

    $run = start_kairo('events', '--from', $dir, '--follow', '--format',
                       'json');
    sleep 0.5;
    rmdir $dir;
    my ($status, $shown, $err) = finish_later($run);
    is($status, 0, 'a directory that is gone has no files');
}

sub finish_later {
    my ($run) = @_;
    sleep 0.5;
    kill 'TERM', $run->{pid};
    return finish($run);
}


# The same from both, but for the spaces in JSON.

sub same {
    my $copy = directory();
    system('cp', glob("$dir/*.spool*"), $copy) == 0 or die "cp: $?\n";
    my ($status, $out, $err) = kairo('spool', 'replay', $copy,
                                     $pg->conninfo('edge'));
    is("$status $err", '0 ', 'all of it is sent to Postgres');
    my @both;
    for my $from (['--from', $dir], \@database) {
        my ($status, $out, $err) = kairo('events', @$from, '--format', 'json',
                                         '--limit', 0);
        is("$status $err", '0 ', "from @$from[0]");
        push @both, [map { decode_json($_) } split /\n/, $out];
    }
    is_deeply($both[1], $both[0], 'which shows the same');
    is(scalar @{$both[0]}, 10, 'all of it');
    is((kairo('events', @database))[1], (kairo('events', '--from', $dir))[1],
       'as a table too');
}


sub follow_database {
    my $at = int(time * 1000);
    my ($one, $late, $next) = map { run($at + $_) } -2000, -5000, 100;
    my $long = run($at - 60_000);
    my $dir = directory();
    my $send = sub {
        my $path = Kairo::Spool::make($dir, { ms => $at }, @_);
        my ($status, $out, $err) = kairo('spool', 'replay', $dir,
                                         $pg->conninfo('edge'));
        is("$status $err", '0 ', 'more is sent');
    };
    $send->($long);
    my $run = start_kairo('events', @database, '--follow', '--format', 'json',
                          '--since', '8s');
    my $failed = start_kairo('events', @database, '--follow', '--format',
                             'json', '--since', '90s', '--outcome', 'failed');
    my $shows = shows($run);

    $send->($one);
    $shows->('one that begins', "$one->{id} open");
    $send->($late, ends_of($late));
    $shows->('one that comes late', "$late->{id} ok");
    $send->(ends_of($one, 503), $next, ends_of($next), ends_of($long, 500));
    $shows->('an end, and the next', "$one->{id} failed", "$next->{id} ok");
    sleep 2.5;
    $shows->('and none twice');

    is((told($run))[1], '', 'nothing is wrong');
    kill 'TERM', $_->{pid} for $run, $failed;
    is_deeply([(finish($run))[0, 2]], [0, ''], 'until it is told to end');
    my ($status, $out) = finish($failed);
    my %shown = map { $_ => 1 } $out =~ /"event_id":"([^"]+)/g;
    is_deeply([@shown{map { $_->{id} } $one, $long, $late}], [1, 1, undef],
              'who asks for those that have failed is shown those');
    is($out =~ /"outcome":"(?!failed)/, '', 'and no others');
    is(() = $out =~ /"$long->{id}"/g, 1, 'also one of a while ago, once');

    $run = start_kairo('events', @database, '--follow');
    ok(eventually(sub { (told($run))[0] =~ /time/ }), 'one that follows');
    kill 'TERM', $pg->backends('auditor');
    my ($ended, $shown, $err) = finish($run);
    is($ended, 2, 'a connection that is lost');
    like($err, qr/\Akairo: history can't be read: [^\n]+\n\z/, 'is told');
}


# Texts that no edge has written.

sub others {
    my $id = Kairo::Spool::id($now, ++$ids);
    $pg->sql(<<"END");
insert into kairo.usage_events (event_id, tool, kind, edge, billable, details)
values ('$id', E'a\\n"\\\\\\t\\x7f', 'odd', 'there', false,
        '{"a": "\\n", "b": 1e400}')
END
    my ($status, $out, $err) = kairo('events', @database, '--kind', 'odd',
                                     '--format', 'json');
    is("$status $err", '0 ', 'texts with what is hostile');
    is(() = $out =~ /\n/g, 1, 'are one line of JSON');
    is(decode_json($out)->{tool}, "a\n\"\\\t\x7f", 'and what they were');
    ($status, $out) = kairo('events', @database, '--kind', 'odd');
    like($out, qr/ odd +a\\x0a"\\x5c\\x09\\x7f /, 'and are seen in a table');
}


sub databases {
    my $bare = $pg->conninfo =~ s/dbname=\S+/dbname=postgres/r;
    my $old = $pg->conninfo =~ s/dbname=\S+/dbname=old/r;
    my $nobody = $pg->conninfo =~ s/port=\d+/port=1/r;
    my $reader = $pg->conninfo
        =~ s/user=\S+ password=\S+/user=reader password=pw/r;
    $pg->sql(<<'END');
create role reader login password 'pw';
grant usage on schema kairo to reader;
grant select on kairo.history, kairo.usage_events, kairo.users,
    kairo.usage_refunds to reader;
END
    $pg->sql('create database old');
    $pg->sql("\\c old\ncreate schema kairo;"
           . 'grant usage on schema kairo to public');

    for (['no kairo', $bare, qr/\nkairo: it is kairo migrate that makes it/],
         ['an older one', $old, qr/\nkairo: it is kairo migrate that makes/],
         ['who may not', $pg->conninfo('edge'),
          qr/not enough rights: .*\nkairo: who reads it is a member of kairo/],
         ['who sees no row of it', $reader, qr/is a member of kairo_auditor/],
         ['no server', $nobody, qr/can't connect: .*refused/],
         ['nonsense', 'nonsense', qr/connection string can't be read/])
    {
        my ($what, $conninfo, $why) = @$_;
        my ($status, $out, $err) = kairo('events', '--database', $conninfo);
        is("$status $out", '2 ', $what);
        like($err, $why, "$what: why");
    }
}


sub run {
    my ($ms) = @_;
    return { id => Kairo::Spool::id($ms, ++$ids), kind => 'run', tool => 'seo',
             issuer => 'app', subject => 'ann', route => '/tools/seo/',
             edge => 'here' };
}

sub ends_of {
    my ($event, $status) = @_;
    return { id => $event->{id}, status => $status // 200, latency => 12,
             bytes => 345 };
}

# shows RUN, DUE...: what tells whether one that runs has shown these, and what
# else it is given each time: texts of an id and an outcome.

sub shows {
    my ($run, @due) = @_;
    return sub {
        my ($what, @more) = @_;
        push @due, @more;
        my @shown;
        eventually(sub {
            @shown = map { /"event_id":"([^"]+)".*"outcome":"(\w+)"/
                           ? "$1 $2" : () } split /\n/, (told($run))[0];
            return @shown >= @due;
        });
        is("@shown", "@due", $what);
    };
}

sub add {
    my ($file, $text) = @_;
    open my $out, '>>:raw', $file or die "$file: $!\n";
    print $out $text;
    close $out or die "$file: $!\n";
}

sub says {
    my ($name, $args, $pattern) = @_;
    my ($status, $out, $err) = kairo('events', @$args);
    is("$status $out", '2 ', $name);
    like($err, $pattern, "$name: why");
    like($err, qr/\Akairo: [ -~\n]+\n\z/, "$name: is a sentence");
}
