# kairo.ingest(): batches of events as an edge sends them, again and again, from
# two edges at once, with rows that can't be events among those that are; what
# is read of them, and for how long they are kept.

use strict;
use warnings;

use List::Util qw(shuffle sum0);
use POSIX qw(_exit);
use Test::More;
use Time::HiRes qw(time);

use Kairo::Postgres;

plan skip_all => 'the database is the same in every build'
    if $ENV{KAIRO_PROBE};

my $pg = Kairo::Postgres->new;
my $now = int(time * 1000);
my $made = 0;

# the statement as the module has it, and its parameters

my $statement = statement();
my @param = qw(id kind tool issuer subject route region request_id edge details
               admin status latency_ms bytes);
my $prepare = 'prepare i (' . join(', ', ('text') x @param)
              . ") as $statement;\n";

my $patience = "set lock_timeout = '20s'; set statement_timeout = '20s'; "
               . "set idle_in_transaction_session_timeout = '60s';";

my $edge = patient();

columns();
billing();
parts();
counts();
lengths();
bad_rows();
all_bad();
one_of_each_day();
kept();
partitions_alone();
both();
crossing();
two_at_once();
models();
history();
examples();
retention();
done_testing();


# What is stored of a row, and of one that says no more than it has to.

sub columns {
    my $id = id();
    is(ingest(run(id => $id, status => 201, latency_ms => 1500, bytes => 7,
                  route => '/r', region => 'eu', request_id => 'f' x 32,
                  details => '{"a": [1, "☃"]}', admin => 't')), '1|0|0|0',
       'an event with all that there is');
    is($pg->sql(<<"END"), <<'END2' =~ s/\n//gr, 'is stored as it is');
select u.issuer, u.subject, e.tool, e.kind, e.admin, e.billable, e.units,
       e.route, e.region, e.request_id, e.edge, e.details, e.status,
       e.latency_ms, e.bytes,
       e.ended_at - kairo.event_time(e.event_id) = interval '1.5 s'
from kairo.usage_events e join kairo.users u using (user_id)
where e.event_id = '$id'
END
app|alice|seo|run|t|f|1|/r|eu|ffffffffffffffffffffffffffffffff|edge1|
{"a": [1, "☃"]}|201|1500|7|t
END2

    $id = id();
    is(ingest({ id => $id, kind => 'run', tool => 'seo', edge => 'e' }),
       '1|0|0|0', 'a run where nobody was asked who it is');
    is(event($id), '||seo|run|f|t|||', 'has no user');

    $id = id();
    is(ingest({ id => $id, kind => 'refused', edge => 'e', status => 429 }),
       '1|0|0|0', 'what is no run');
    is(event($id), '|||refused|f|f|429||t', 'needs no tool');

    my @name = (issuer => "app", subject => 'new');
    is(ingest(run(@name), run(@name), run(@name, subject => 'newer')),
       '3|0|0|0', 'users at first sight');
    is($pg->sql("select count(*) from kairo.users where subject ~ '^new'"), 2,
       'are made once');
    is($pg->sql("select plan from kairo.identify('app', 'new')", 'edge'), '',
       'and are those that others know');
    is($pg->sql("select count(*) from kairo.users where subject = 'new'"), 1,
       'by the same name');
}

# event ID: who, what, how it ended.

sub event {
    return $pg->sql(<<"END");
select u.issuer, u.subject, e.tool, e.kind, e.admin, e.billable, e.status,
       e.latency_ms, e.ended_at is not null or null
from kairo.usage_events e left join kairo.users u using (user_id)
where e.event_id = '$_[0]'
END
}


# Who pays is decided here.

sub billing {
    for (['run', undef, 't'], ['run', 'f', 't'], ['run', 't', 'f'],
         ['refused', 'f', 'f'], ['refused', 't', 'f'], ['gap', undef, 'f'],
         ['approval', undef, 'f'])
    {
        my ($kind, $admin, $billable) = @$_;
        my $id = id();
        ingest(run(id => $id, kind => $kind, admin => $admin));
        is($pg->sql("select billable from kairo.usage_events "
                    . "where event_id = '$id'"), $billable,
           "$kind, admin: " . ($admin // 'not told'));
    }
}


# Beginnings and ends, in one batch and in several.

sub parts {
    my ($a, $b, $c) = map { id() } 1 .. 3;
    is(ingest(run(id => $a), run(id => $b)), '2|0|0|0', 'two begin');
    is(ended($a), '', 'and have not ended');
    is(ingest(end($a, 200, 5, 1)), '0|1|0|0', 'one ends');
    is(ended($a), '200|5|1|00:00:00.005', 'so');
    is(ingest(end($a, 500, 6, 2)), '0|0|1|0', 'and not once more');
    is(ended($a), '200|5|1|00:00:00.005', 'nor otherwise');
    is(ingest(end($b, 500, undef, undef)), '0|1|0|0', 'one just ends');
    is(ended($b), '500|||00:00:00', 'at its beginning');

    is(ingest(end($c, 200, 1, 1), run(id => $c)), '1|1|0|0',
       'an end before its beginning, in one batch');
    is(ended($c), '200|1|1|00:00:00.001', 'is written');

    my $d = id();
    is(ingest(end($d, 503, 1, 1), run(id => $d), end($d, 200, 2, 2)),
       '1|1|1|0', 'two ends in a batch');
    is(ended($d), '503|1|1|00:00:00.001', 'the first counts');

    my $e = id();
    is(ingest(run(id => $e, tool => 'one'), run(id => $e, tool => 'two')),
       '1|0|1|0', 'two beginnings in a batch');
    is($pg->sql("select tool from kairo.usage_events where event_id = '$e'"),
       'one', 'the first counts');
    is(ingest(run(id => $e, tool => 'three', status => 200)), '0|1|0|0',
       'an event whose beginning was there');
    is($pg->sql("select tool, status from kairo.usage_events "
                . "where event_id = '$e'"), 'one|200', 'ends');
    is(ingest(run(id => $e, status => 404)), '0|0|1|0', 'once');

    my $f = id();
    is(ingest(run(id => $f, status => 200), end($f, 500, 1, 1)), '1|0|1|0',
       'an end of what has ended');
    is(ended($f), '200|||00:00:00', 'is that end');
}

sub ended {
    return $pg->sql(<<"END");
select status, latency_ms, bytes, ended_at - kairo.event_time(event_id)
from kairo.usage_events where event_id = '$_[0]' and ended_at is not null
END
}


# The same again changes nothing, and each row is counted once.

sub counts {
    my @open = map { run() } 1 .. 5;
    my @whole = map { run(status => 200) } 1 .. 3;
    my @ends = map { end($_->{id}, 200, 1, 1) } @open[0, 1];
    my $unknown = end(id(), 200, 1, 1);

    is(ingest(), '0|0|0|0', 'nothing');
    is(ingest(@open, @whole, @ends, $unknown), '8|2|0|1', 'some of each');
    my $was = contents();
    is(ingest(@open, @whole, @ends, $unknown), '0|0|11|0', 'again');
    is(ingest(reverse @open, @whole, @ends, $unknown), '0|0|11|0',
       'backwards');
    is(ingest((@open) x 3), '0|0|15|0', 'three at a time');
    is(contents(), $was, 'nothing has changed');
    my @new = map { run() } 1 .. 2;
    is(ingest($open[0], end($open[2]{id}, 200, 1, 1), $new[0], $whole[0],
              $new[1]), '2|1|2|0', 'what is new among what is known');
}

# Everything that a batch may write to.

sub contents {
    return $pg->sql(<<'END');
select md5(string_agg(t::text, '|' order by t::text)) from (
    select e::text from kairo.usage_events e
    union all select u::text from kairo.users u
    union all select a::text from kairo.events_aside a) t (t)
END
}


sub lengths {
    my $was = contents();
    for my $n (0 .. $#param) {
        for my $lack ('{}', undef) {
            my @arrays = arrays(run(), run());
            $arrays[$n] = $lack;
            my ($good, undef, $err) = call(@arrays);
            ok(!$good, "$param[$n]: " . ($lack // 'none'));
            like($err, qr/^ERROR: +22023: .*different lengths/m,
                 'is told so');
        }
    }
    my @arrays = map { defined $_ ? '{' . substr($_, 1, -1) . ',NULL}' : $_ }
                 arrays(run());
    $arrays[13] = '{NULL}';
    ok(!(call(@arrays))[0], 'one more in all but the last');
    is(contents(), $was, 'nothing is stored');
}


# Each way in which a row can't be an event, between two that are.

sub bad_rows {
    my $open = run();
    my $day = 86_400_000;
    ingest($open);

    my @bad = (
        ['no id', run(id => undef), 23514],
        ['an id of version 4', run(id => '01a20a5b-8ac8-40b3-8a28-'
                                         . 'b0cdb951669f'), 23514],
        ['a day long ago', run(id => id(0)), 23514],
        ['a day before those there are', run(id => id($now - 9 * $day)),
         23514],
        ['a day far ahead', run(id => id($now + 99 * $day)), 23514],
        ['the last day', run(id => 'ffffffff-ffff-7fff-bfff-ffffffffffff'),
         23514],
        ['a run without a tool', run(tool => undef), 23514],
        ['an empty tool', run(tool => ''), 23514],
        ['a long tool', run(tool => 'x' x 129), 23514],
        ['an empty kind', run(kind => ''), 23514],
        ['a long kind', run(kind => 'x' x 65), 23514],
        ['no subject', run(subject => undef), 23502],
        ['no issuer', run(issuer => undef), 23502],
        ['an empty subject', run(subject => ''), 23514],
        ['a long subject', run(subject => '☃' x 256), 23514],
        ['a long issuer', run(issuer => 'x' x 65), 23514],
        ['a long route', run(route => '/' x 256), 23514],
        ['a long region', run(region => 'x' x 33), 23514],
        ['a long request id', run(request_id => 'x' x 65), 23514],
        ['no edge', run(edge => undef), 23502],
        ['an empty edge', run(edge => ''), 23514],
        ['a long edge', run(edge => 'x' x 65), 23514],
        ['details of a list', run(details => '[1]'), 23514],
        ['details of nothing', run(details => 'null'), 23514],
        ['big details', run(details => '{"a": "' . 'x' x 70_000 . '"}'),
         23514],
        ['a status of 99', run(status => 99), 23514],
        ['a status of 600', run(status => 600), 23514],
        ['a status that is no smallint', run(status => 70_000), 22003],
        ['a negative latency', run(status => 200, latency_ms => -1), 23514],
        ['negative bytes', run(status => 200, bytes => -1), 23514],
        ['an end of status 99', end($open->{id}, 99, 1, 1), 23514],
        ['an end that is no smallint', end($open->{id}, 70_000, 1, 1), 22003],
        ['an end of negative bytes', end($open->{id}, 200, 1, -1), 23514],
        ['an end without a beginning', end(id(), 200, 1, 1), 'KA003'],
        ['an end without an id', end(undef, 200, 1, 1), 'KA003'],
        ['an end of long ago', end(id(0), 200, 1, 1), 'KA003'],
        ['neither', { id => id(), edge => 'e', tool => 'seo' }, 'KA003'],
        ['nothing at all', {}, 'KA003'],
    );

    for (@bad) {
        my ($name, $row, $state) = @$_;
        my $who = run(subject => "beside $name");
        my @batch = ($who, $row, run(status => 200));
        my $sum = aside();
        is(ingest(@batch), '2|0|0|1', "$name: set aside, the others are not");
        is(aside() - $sum, 1, "$name: is seen");
        my ($id, $edge, $told, $message, $same)
            = split /\|/, last_aside(json($row)), -1;
        is("$id $edge $told",
           join(' ', map { $_ // '' } @$row{'id', 'edge'}, $state),
           "$name: by its id, its edge and a reason");
        like($message, qr/\w \w/, "$name: which says what");
        is($same, 't', "$name: with all that it told");
        my $was = contents();
        is(ingest(reverse @batch), '0|0|3|0', "$name: again");
        is(contents(), $was, "$name: changes nothing");
    }

    is(ended($open->{id}), '', 'an event has no end that can not be');
    my ($good) = $pg->psql('edge', 'select * from kairo.events_aside');
    ok(!$good, 'the edge does not see what is set aside');

    my @all = map { { %{$_->[1]} } }
              grep { ($_->[1]{id} // '') ne $open->{id} } @bad;
    $_->{request_id} .= '!' for @all;
    my $n = @all;
    my @good = map { run() } 1 .. 20;
    is(ingest(shuffle(@all, @good, end($open->{id}, 200, 1, 1))),
       "20|1|0|$n", 'all of them in a batch');

    # two ends of which the first can't be

    my $r = run();
    ingest($r);
    is(ingest(end($r->{id}, 999, 1, 1), end($r->{id}, 200, 1, 1)), '0|1|0|1',
       'an end that can not be, and then one that can');
    is(ended($r->{id}), '200|1|1|00:00:00.001', 'is that one');

    # an end that belongs to what is not fit is no end of another

    $r = run();
    ingest($r);
    is(ingest(run(id => $r->{id}, tool => undef, status => 200)), '0|0|0|1',
       'a whole event that can not be, by the id of an open one');
    is(ended($r->{id}), '', 'does not end it');

    my $null = '{"a": "\\u0000"}';
    ok(!(call(arrays(run(details => $null))))[0],
       'what is no jsonb is refused before it is a row');
}

sub aside { return $pg->sql('select count(*) from kairo.events_aside') }

sub last_aside {
    my ($row) = @_;
    $row =~ s/'/''/g;
    return $pg->sql(<<"END");
select id, edge, state, message,
       jsonb_strip_nulls(row - 'details')
           = jsonb_strip_nulls('$row'::jsonb - 'details')
       and coalesce(nullif(row -> 'details', 'null'), '0')
           = coalesce(nullif('$row'::jsonb -> 'details', 'null'), '0')
from kairo.events_aside order by at desc limit 1
END
}

sub json {
    my ($row) = @_;
    return '{' . join(', ', map {
        my $value = $row->{$_};
        qq("$_": ) . ($_ eq 'details' ? $value
                      : /^(status|latency_ms|bytes)$/ ? $value : qq("$value"))
    } grep { defined $row->{$_} } sort keys %$row) . '}';
}


# The most that a batch has, and nothing of it good.

sub all_bad {
    my @days = map { run(id => id(1_000_000 + $_)) } 1 .. 500;
    is(ingest(@days), '0|0|0|500', '500 of a day that is not there');
    is(ingest(@days), '0|0|500|0', 'again');
    my @names = map { run(subject => 'x' x 256 . $_) } 1 .. 500;
    is(ingest(@names), '0|0|0|500', '500 of users that can not be');
    my @open = map { run() } 1 .. 500;
    is(ingest(@open), '500|0|0|0', '500 that begin');
    is(ingest(map { end($_->{id}, 999, 1, 1) } @open), '0|0|0|500',
       '500 ends that can not be');
    is(ingest(map { end($_->{id}, 200, 1, 1) } @open), '0|500|0|0',
       '500 that can');
}


# A partition that is made later takes what the others take.

sub one_of_each_day {
    $pg->sql(q(do $$ begin execute 'drop table kairo.usage_events_'
               || to_char(now() at time zone 'utc' + interval '7 days',
                          'YYYYMMDD'); end $$));
    is($pg->sql('select kairo.keep_partitions()', 'edge'), 1,
       'a partition is made anew');
    my @days = map { run(id => id($now + $_ * 86_400_000), route => undef,
                         details => '{}') } -3 .. 7;
    is(ingest(@days), '11|0|0|0', 'an event of each day');
    is(ingest(map { end($_->{id}, 200, 1, 1) } @days), '0|11|0|0',
       'and its end');
    is(ingest(run(id => id($now + 7 * 86_400_000), details => '[]')),
       '0|0|0|1', 'whose details are an object there too');
}


# Nothing of an event but its end is ever changed, whoever tries.

sub kept {
    my $r = run(route => '/', region => 'eu', request_id => 'r',
                details => '{"a": 1}');
    ingest($r);
    my $of = "where event_id = '$r->{id}'";
    my $ends = 'status = 200, latency_ms = 1, bytes = 1, ended_at = now()';
    my %other = (admin => 'true, billable = false', event_id => "'" . id()
                 . "'", user_id => 'gen_random_uuid()', details => "'{}'",
                 written_at => "now() - interval '1 day'", units => 7,
                 billable => 'false');
    my @columns = split /\n/, $pg->sql(<<'END');
select attname from pg_attribute where attrelid = 'kairo.usage_events'::regclass
and attnum > 0 and not attisdropped
and attname not in ('status', 'latency_ms', 'bytes', 'ended_at')
END
    cmp_ok(scalar @columns, '>=', 13, 'columns that are history');
    for my $column (@columns) {
        for my $value ($other{$column} // "'other'", 'null') {
            my ($good, undef, $err)
                = $pg->psql('admin', "\\set VERBOSITY verbose\n"
                  . "update kairo.usage_events set $ends, $column = $value "
                  . $of);
            ok(!$good, "$column = $value");
            like($err, qr/^ERROR: +(KA001|23502)/m, 'is refused') or diag $err;
        }
    }

    for my $set ('status = 200', 'ended_at = null', 'bytes = 1') {
        my ($good, undef, $err)
            = $pg->psql('admin', "update kairo.usage_events set $set $of");
        ok(!$good, "$set, and no end");
    }
    ok(($pg->psql('admin', "update kairo.usage_events set $ends $of"))[0],
       'an end is no change of history');
    for my $set ($ends, 'status = 500', 'ended_at = null') {
        my ($good) = $pg->psql('admin', "update kairo.usage_events set $set "
                                        . $of);
        ok(!$good, "$set, after the end");
    }
}


# A batch reads the partitions of its days and no others, however many there
# are, in the first call of a session and in the twentieth.

sub partitions_alone {
    my $session = $pg->session('edge');
    $session->run($prepare);
    my @batches = map { [map { run() } 1 .. 5] } 1 .. 20;
    my @seen;

    for my $batch (@batches) {
        $session->run('begin; ' . execute(@$batch));
        push @seen, locked();
        $session->run('commit; begin; '
                      . execute(map { end($_->{id}, 200, 1, 1) } @$batch));
        push @seen, locked();
        $session->run('commit; begin; ' . execute(@$batch));
        push @seen, locked();
        $session->run('commit;');
    }
    is_deeply([grep { $_ != 1 } @seen], [], 'one partition of eleven');
    is(scalar @seen, 60, 'whenever it was looked at');
}

sub locked {
    return $pg->sql(<<'END');
select count(distinct c.relname) from pg_locks l
join pg_stat_activity a on a.pid = l.pid and a.usename = 'kairo_edge'
join pg_class c on c.oid = l.relation
where c.relname ~ '^usage_events_\d+$'
END
}


# Two sessions with the same events, one of which has not committed yet.

sub both {
    my @session = map { patient() } 1 .. 2;
    my @batch = map { run(subject => "both $_") } 1 .. 5;
    my @ends = map { end($_->{id}, 200, 1, 1) } @batch;

    for (['the same batch', [@batch], [@batch], '5|0|0|0', '0|0|5|0'],
         ['the same ends', [@ends], [reverse @ends], '0|5|0|0', '0|0|5|0'],
         ['the same that can not be', [map { run(subject => $_ x 256) } 1 .. 3],
          undef, '0|0|0|3', '0|0|3|0'])
    {
        my ($name, $one, $two, $first, $second) = @$_;
        $two //= [reverse @$one];
        is($session[0]->run('begin; ' . execute(@$one)), "$first\n",
           "$name: the first");
        $session[1]->say(execute(@$two));
        ok(eventually(sub { waiting() == 1 }),
           "$name: the second waits");
        $session[0]->run('commit;');
        is($session[1]->run(''), "$second\n", "$name: and has known it");
    }

    my @more = map { run(subject => "undone $_") } 1 .. 3;
    $session[0]->run('begin; ' . execute(@more));
    $session[1]->say(execute(@more));
    ok(eventually(sub { waiting() == 1 }),
       'of what is not committed one waits');
    $session[0]->run('rollback;');
    is($session[1]->run(''), "3|0|0|0\n", 'and stores it when it was undone');
}


# Two batches of the same in opposite orders, while a third session has what is
# in their middle: each waits for it, and neither for the other for ever.

sub crossing {
    my @session = map { patient() } 0 .. 2;
    my @open = in_order(map { run() } 1 .. 9);
    my @new = in_order(map { run() } 1 .. 9);
    my @users = map { run(subject => "crossing $_") } 1 .. 9;
    ingest(@open);

    for (['users', '9|0|0|0', run(subject => 'crossing 5'), @users],
         ['beginnings', '8|0|1|0', @new[4, 0 .. 3, 4, 5 .. 8]],
         ['ends', '0|8|1|0', map { end($_->{id}, 200, 1, 1) }
                             @open[4, 0 .. 3, 4, 5 .. 8]],
         ['what is set aside', '0|0|1|8', (map { run(tool => undef) } 1 .. 9)
                                          [4, 0 .. 3, 4, 5 .. 8]])
    {
        my ($name, $first, $middle, @rows) = @$_;
        $session[0]->run('begin; ' . execute($middle));
        $session[1]->say(execute(@rows));
        ok(eventually(sub { waiting() == 1 }), "$name: one waits");
        $session[2]->say(execute(reverse @rows));
        ok(eventually(sub { waiting() == 2 }), "$name: both do");
        $session[0]->run('commit;');
        my @told = map { $_->run('') } @session[1, 2];
        is_deeply([sort @told], [sort "$first\n", "0|0|9|0\n"],
                  "$name: and both are done");
    }
}

# In the order in which they are written: who waits for the middle one has those
# before it, and another waits for these.

sub in_order {
    return sort { $a->{id} cmp $b->{id} } @_;
}

# A session of an edge's, which waits for longer: the machine may be busy.

sub patient {
    return $pg->session('edge')->say($prepare)->say($patience);
}

sub waiting {
    return $pg->sql('select count(*) from pg_stat_activity '
                    . "where wait_event = 'transactionid'");
}


# Batches that overlap, as fast as two can: no row is there twice or missing.

sub two_at_once {
    my @rows = map { run(subject => 'racer ' . ($_ % 700)) } 1 .. 6000;
    my @bad = map { run(tool => undef) } 1 .. 30;
    my $logged = length $pg->log;
    my @pid;

    for my $turn (0, 1) {
        my @calls;
        srand 7 + $turn;
        for (my $n = 0; $n < @rows; $n += 50) {
            my $to = $n + 99 < $#rows ? $n + 99 : $#rows;
            my @some = @rows[$n .. $to];
            push @some, map { end($_->{id}, 200, 1, 1) } @some[0 .. 49];
            push @some, $bad[rand @bad] if @calls % 3 == 0;
            push @calls, [shuffle @some];
        }
        my $text = join '', map { execute(@$_) . "\n" } @calls;

        my $pid = fork // die "fork: $!\n";
        if ($pid == 0) {
            my ($good, $out, $err)
                = $pg->psql('edge', "$prepare$patience\n$text");
            open my $file, '>', "$pg->{dir}/racer-$turn";
            print $file $good ? "$out\n" : "ERROR $err\n";
            close $file;
            _exit(0);
        }
        push @pid, $pid;
    }
    waitpid $_, 0 for @pid;

    my @told = map { split /\n/, slurp("$pg->{dir}/racer-$_") } 0, 1;
    is_deeply([grep { !/^\d+\|\d+\|\d+\|\d+$/ } @told], [],
              'each batch was taken');
    is(scalar @told, 240, 'all of them');
    my @sum = (0) x 4;
    for (@told) {
        my @n = split /\|/;
        $sum[$_] += $n[$_] // 0 for 0 .. 3;
    }
    is("@sum[0, 1]", '6000 6000', 'each event has begun and ended once');
    my $ids = join ',', map { $_->{id} } @rows;
    is($pg->sql("select count(*), count(ended_at) from kairo.usage_events "
                . "where event_id = any ('{$ids}')"), '6000|6000',
       'and is there');
    is($pg->sql("select count(*), count(distinct subject) from kairo.users "
                . "where subject ~ '^racer '"), '700|700',
       'each user was made once');
    unlike(substr($pg->log, $logged), qr/deadlock/, 'nobody was locked out');
}

# Batches at random, and what has to come of them by a model.

sub models {
    srand($ENV{KAIRO_SEED} // 11);
    my (%event, %aside, $bad, $odd);
    my @ids = (map({ id() } 1 .. 150), undef, id(5));
    my $wrong = 0;

    for my $turn (1 .. 150) {
        my @batch = map { random_row(\@ids) } 1 .. 1 + rand 60;
        my ($begun, $ended, $aside) = model(\%event, \%aside, @batch);
        my $known = @batch - $begun - $ended - $aside;
        my $told = ingest(@batch);
        $bad += $aside;
        $odd++ if $aside && $begun;
        next if $told eq "$begun|$ended|$known|$aside";
        $wrong++ or diag("turn $turn: $told, and not "
                         . "$begun|$ended|$known|$aside");
    }

    is($wrong, 0, 'the counts are those of the model');
    cmp_ok($bad, '>', 100, 'there was something to set aside');
    cmp_ok($odd, '>', 10, 'beside what was good');
    my $list = join ',', grep { defined } @ids;
    is($pg->sql(<<"END"), join("\n", map {
select event_id, tool, kind, admin, status, latency_ms, bytes
from kairo.usage_events where event_id = any ('{$list}') order by event_id
END
        my $e = $event{$_};
        join '|', $_, @$e{'tool', 'kind'}, $e->{admin} // 'f',
                  map { $_ // '' } @$e{'status', 'latency_ms', 'bytes'}
    } sort keys %event), 'the events too');
    cmp_ok(scalar keys %event, '>', 100, 'of which there are some');
    is($pg->sql("select count(*) from kairo.events_aside "
                . "where row ->> 'request_id' = 'model'"),
       scalar keys %aside, 'and what is set aside');
}

sub random_row {
    my ($ids) = @_;
    my $id = $ids->[rand @$ids];
    my %row = (id => $id, request_id => 'model');
    if (rand() < 0.6) {
        %row = (%row, kind => rand() < 0.8 ? 'run' : 'other', edge => 'e',
                tool => rand() < 0.1 ? undef : 'tool' . int rand 5,
                admin => rand() < 0.2 ? 't' : undef);
        my $who = rand;
        @row{'issuer', 'subject'} = ('app', 'model ' . int rand 30)
            if $who < 0.7;
        $row{issuer} = 'app' if $who > 0.97;
    }
    if (rand() < 0.55) {
        $row{status} = rand() < 0.04 ? 999 : 200 + int rand 300;
        $row{latency_ms} = int rand 1000 if rand() < 0.8;
        $row{bytes} = rand() < 0.03 ? -1 : int rand 1000;
    }
    return \%row;
}

sub model {
    my ($event, $aside, @batch) = @_;
    my ($begun, $ended, $set_aside, @rest) = (0, 0, 0);
    my $put = sub {
        my ($row) = @_;
        my $key = json($row);
        $set_aside++ unless $aside->{$key}++;
    };
    my $n = 0;
    my @order = map { $_->[1] }
                sort { ($a->[1]{id} // 'z') cmp ($b->[1]{id} // 'z')
                       || $a->[0] <=> $b->[0] } map { [$n++, $_] } @batch;
    my $no_end = sub {
        my ($row) = @_;
        return ($row->{status} // 200) > 599 || ($row->{bytes} // 0) < 0;
    };

    for my $row (@order) {
        if (!defined $row->{kind}) { push @rest, $row; next }
        my $fit = defined $row->{id} && $row->{id} !~ /^0000/
            && !(defined $row->{issuer} xor defined $row->{subject})
            && !($row->{kind} eq 'run' && !defined $row->{tool})
            && !$no_end->($row);
        if (!$fit) { $put->($row); next }
        push @rest, $row;
        next if $event->{$row->{id}};
        $event->{$row->{id}} = { %$row, tool => $row->{tool} // '' };
        $begun++;
    }

    for my $row (@rest) {
        my $of = $event->{$row->{id} // ''};
        if (!defined $row->{kind} && (!defined $row->{status} || !$of)) {
            $put->($row);
            next;
        }
        next if !defined $row->{status} || defined $of->{status};
        if ($no_end->($row)) { $put->($row); next }
        @$of{'status', 'latency_ms', 'bytes'}
            = @$row{'status', 'latency_ms', 'bytes'};
        $ended++;
    }

    return ($begun, $ended, $set_aside);
}


# What an auditor reads.

sub history {
    my %outcome;
    for (['ok', run(status => 399)], ['failed', run(status => 400)],
         ['open', run()], ['refused', run(kind => 'refused', status => 429)],
         ['gap', run(kind => 'gap', status => 200)])
    {
        my ($outcome, $row) = @$_;
        ingest($row);
        is(read_as("select outcome, refunded from kairo.history "
                   . "where event_id = '$row->{id}'"), "$outcome|f", $outcome);
        $outcome{$outcome} = $row->{id};
    }
    $pg->sql("insert into kairo.usage_refunds values ('$outcome{failed}', 'x')");
    is(read_as("select refunded, floor(extract(epoch from time)), issuer, "
               . "subject from kairo.history where event_id = "
               . "'$outcome{failed}'"), 't|' . int($now / 1000)
               . '|app|alice', 'refunded, when and whose');

    # a day of its own: -2

    my $day = $now - 2 * 86_400_000;
    my @of = (issuer => 'app', subject => 'payer', tool => 'paid');
    my @runs = map { run(id => id($day), @of, status => 200) } 1 .. 5;
    ingest(@runs, run(id => id($day), @of, admin => 't'),
           run(id => id($day), @of, kind => 'refused', status => 429),
           run(id => id($day), tool => 'paid', issuer => undef,
               subject => undef),
           run(id => id($day + 86_400_000), @of));
    $pg->sql("insert into kairo.usage_refunds values ('$runs[0]{id}', 'x')");
    is(read_as(<<'END'), "app|payer|6|5|1|1\n||1|1|0|0", 'a day of bills');
select issuer, subject, runs, units, refunded_units, admin_runs
from kairo.billing_days
where day = (kairo.event_time((select max(event_id::text)::uuid
    from kairo.history where tool = 'paid')) at time zone 'utc')::date - 1
    and tool = 'paid'
order by issuer
END
    is(read_as('select sum(runs) from kairo.billing_days'),
       $pg->sql("select count(*) from kairo.usage_events where kind = 'run'"),
       'all days together have all runs');

    # a month of partitions, of which a question reads what it asks for

    for my $text ("select * from kairo.history where event_id >= "
                  . "kairo.first_event('%s') and event_id < "
                  . "kairo.first_event('%s'::timestamptz + interval '1 day')",
                  "select * from kairo.billing_days where day = '%s'")
    {
        my $at = $pg->sql("select date_trunc('day', now() at time zone 'utc')"
                          . "::date - 1");
        my $plan = read_as('explain (analyze, timing off, costs off) '
                           . ($text =~ s/%s/$at 00:00Z/gr =~ s/day = '(\S+) .*?'/day = '$1'/r));
        my @read = grep { !/never executed/ } $plan =~ /(usage_events_\d+ .*)/g;
        is(scalar @read, 1, "one partition is read: $text") or diag $plan;
    }
    my $plan = read_as("explain (costs off) select * from kairo.history where "
                       . "user_id = '$outcome{ok}' and event_id >= "
                       . "kairo.first_event(now())");
    like($plan, qr/usage_events_\d+_user_id_event_id_idx/,
         'somebody is found by an index');
}

sub read_as { return $pg->sql($_[0], 'auditor') }


# What docs/database.md shows, as it is written there.

sub examples {
    my $page = slurp("$ENV{KAIRO_ROOT}/docs/database.md");
    my ($part) = $page =~ /^## What happened\n(.*?)^## Who may/ms
        or return fail('the page tells of history');
    ingest(run(id => id($now - 2 * 3_600_000)), run());
    my @sql = $part =~ /^```sql\n(.*?)^```/msg;
    cmp_ok(scalar @sql, '>=', 5, 'the page has examples');
    for my $sql (@sql) {
        my $makes = $sql =~ /^create role/;
        my ($good, $out, $err) = $pg->psql($makes ? 'admin' : 'auditor', $sql);
        ok($good, ($sql =~ /^(.*)/)[0]) or diag $err;
        isnt($out, '', 'and something comes of it') unless $makes;
    }

    my ($cron) = $part =~ /psql -XAtqc "(select .*?)"/;
    is($pg->sql("set session authorization janitor; $cron"), 0,
       'the line of a crontab');
}


# For how long.

sub retention {
    $pg->sql("create role sweeper login in role kairo_janitor");
    my $drop = sub {
        my ($keep) = @_;
        return $pg->psql('admin', "\\set VERBOSITY verbose\n"
            . "set session authorization sweeper;\n"
            . "select kairo.drop_partitions($keep)");
    };

    for my $keep ("'61 days'", "'0'", "'-70 days'", "'61 days 23:59:59'",
                  'null', "'1 month'")
    {
        my ($good, undef, $err) = $drop->($keep);
        ok(!$good, "not less than it has to be: $keep");
        like($err, qr/^ERROR: +22023: .*kept for 62 days at least/m, 'is told');
    }

    my $days = sub { $pg->sql('select count(*) from pg_inherits where '
                              . "inhparent = 'kairo.usage_events'::regclass") };
    my $had = $days->();
    old_day($_) for 60 .. 64, 70 .. 105;
    my $n = $days->() - $had;
    is($n, 41, 'days that were');
    $pg->sql(<<'END');
insert into kairo.events_aside (sum, row, state, message, at)
select sha256(d::text::bytea), '{}', 'KA003', 'x', now() - d * interval '1 day'
from generate_series(60, 100, 10) d
END
    my $was = aside();

    is(($drop->("'101 days'"))[1], 4, 'what is older than 101 days');
    is($was - aside(), 0, 'of what was set aside nothing is as old');
    is(($drop->("'62 days'"))[1], 31, 'a month at a time');
    is($was - aside(), 4, 'and what was set aside by then');
    is(($drop->("'62 days'"))[1], 3, 'and the rest');
    is(($drop->("'62 days'"))[1], 0, 'and no more');
    is($pg->sql(<<'END'), '60 61 62', 'whole days are kept');
select string_agg(((now() at time zone 'utc')::date
                   - to_date(right(c.relname, 8), 'YYYYMMDD'))::text, ' '
                  order by c.relname desc)
from pg_inherits i join pg_class c on c.oid = i.inhrelid
where i.inhparent = 'kairo.usage_events'::regclass
and to_date(right(c.relname, 8), 'YYYYMMDD') < now() - interval '30 days'
END
    is($pg->sql(<<'END'), "sweeper|events_aside.drop|1\nsweeper|usage_events.drop|38", 'all of it is in the audit log');
select actor, action, count(*) from kairo.audit_log
where action ~ 'drop$' group by 1, 2 order by 2
END
    is(ingest(run(status => 200)), '1|0|0|0', 'and events go on');
    is($pg->sql('select count(*) from kairo.events_aside where '
                . "at < now() - interval '62 days'"), 0, 'nothing old is left');
    for my $of ('delete from kairo.events_aside',
                "update kairo.events_aside set message = 'x'",
                'truncate kairo.events_aside')
    {
        my ($good, undef, $err)
            = $pg->psql('admin', "\\set VERBOSITY verbose\n$of");
        ok(!$good && $err =~ /KA001/, "nobody may $of");
    }
}

# A partition of N days ago, as it was made then.

sub old_day {
    my ($n) = @_;
    $pg->sql(<<"END");
do \$\$
declare
    day  timestamptz := date_trunc('day', now(), 'utc') - interval '$n days';
    name text := 'usage_events_'
                 || to_char(day at time zone 'utc', 'YYYYMMDD');
begin
    set local role kairo_owner;
    execute format('create table kairo.%I (like kairo.usage_events including '
                   'defaults including constraints)', name);
    perform kairo.protect(format('kairo.%I', name)::regclass);
    execute format('create trigger keep_table before truncate on kairo.%I for '
                   'each statement execute function kairo.keep_history()',
                   name);
    execute format('alter table kairo.usage_events attach partition kairo.%I '
                   'for values from (%L) to (%L)', name, kairo.first_event(day),
                   kairo.first_event(day + interval '1 day'));
    set local role none;
    insert into kairo.usage_events (event_id, tool, edge)
    values ((left(kairo.first_event(day)::text, 14)
             || '7000-8000-000000000001')::uuid, 't', 'e');
end
\$\$;
END
}


# run FIELD => VALUE...: a row that begins; end ID, STATUS, LATENCY, BYTES.

sub run {
    my %with = @_;
    return { id => $with{id} // id(), kind => 'run', tool => 'seo',
             issuer => 'app', subject => 'alice', edge => 'edge1', %with };
}

sub end {
    my ($id, $status, $latency, $bytes) = @_;
    return { id => $id, status => $status, latency_ms => $latency,
             bytes => $bytes };
}

# id MS: a UUID of version 7, which is a new one.

sub id {
    my ($ms) = @_;
    my $hex = sprintf '%012x', $ms // $now;
    return sprintf '%s-%s-7%03x-8%03x-%012x', substr($hex, 0, 8),
                   substr($hex, 8), rand 4096, rand 4096, ++$made;
}

# ingest ROW...: what is told of the batch; in one session of the edge's.

sub ingest {
    my @rows = @_;
    my $told = $edge->run(execute(@rows));
    chomp $told;
    return $told;
}

sub execute {
    return 'execute i (' . join(', ', map { literal($_) } arrays(@_)) . ');';
}

# call ARRAY...: as psql() says.

sub call {
    return $pg->psql('edge', "\\set VERBOSITY verbose\n${prepare}execute i ("
                             . join(', ', map { literal($_) } @_) . ');');
}

sub literal {
    my ($text) = @_;
    return 'null' unless defined $text;
    return "'" . $text =~ s/'/''/gr . "'";
}

sub arrays {
    my @rows = @_;
    return map {
        my $name = $_;
        '{' . join(',', map {
            my $value = $_->{$name};
            defined $value ? '"' . $value =~ s/(["\\])/\\$1/gr . '"' : 'NULL'
        } @rows) . '}';
    } @param;
}

sub statement {
    my $header = slurp("$ENV{KAIRO_ROOT}/src/libs/kairo_ingest.h");
    my ($text) = $header =~ /^#define KAIRO_INGEST_STATEMENT(.*?[^\\])\n\n/ms
        or die "no statement in kairo_ingest.h\n";
    return join '', $text =~ /"([^"]*)"/g;
}

sub eventually {
    my ($check) = @_;
    my $until = time + 15;
    while (time < $until) {
        return 1 if $check->();
        select undef, undef, undef, 0.05;
    }
    return 0;
}

sub slurp {
    my ($name) = @_;
    local $/;
    open my $in, '<', $name or die "$name: $!\n";
    return <$in> // '';
}
