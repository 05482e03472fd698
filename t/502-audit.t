# The verb "audit verify": a history that was written by kairo.audit() is
# valid, whatever is in it, and no change to it goes unnoticed; the test's own
# Postgres plays who may write everything.

use strict;
use warnings;

use Digest::SHA qw(sha256_hex);
use POSIX qw(_exit);
use Test::More;

use Kairo::Command;
use Kairo::Postgres;

Kairo::Command::needed();

my $pg = Kairo::Postgres->new;

# whether a test changes more than rows

our $whole = 0;

# what most changes come to

my $changed = 'changed, or put in between: its hash is not that of its '
            . 'content and of the hash before';

calls();
begins();
contents();
columns();
rows();
ends();
heads();
forms();
settings();
rights();
writers();
days();
done_testing();


sub calls {
    my $hash = 'a' x 64;
    for my $text ('', 'x', '5', '5:', ":$hash", "5:$hash" . 'a', "-5:$hash",
                  " 5:$hash", "5x:$hash", '5:' . 'g' x 64,
                  "99999999999999999999:$hash")
    {
        my ($status, $out, $err) = kairo('audit', 'verify', '--head', $text,
                                         $pg->conninfo('auditor'));
        is("$status $out", '2 ', "no head: \"$text\"");
        like($err, qr/^kairo: --head wants NUMBER:HASH, [^\n]+\n\z/,
             'a sentence');
    }
}


sub begins {
    # what kairo migrate has written into it is not of interest here
    my ($status, $out) = verify();
    is($status, 0, 'as it was made');
    unchain();
    chain();
    is_deeply([verify('--head', '0:' . sha256_hex('kairo'))],
              [0, "valid 8 entries, head " . head() . "\n", ''],
              'every chain begins with this head');
    is_deeply([verify('--head', '0:' . 'a' x 64)],
              [1, "invalid entry 0: no chain begins with the head that was "
                  . "noted\n", ''], 'and with no other');
    ($status, $out) = kairo('audit', 'verify',
                            'file:' . $pg->file('auditor'));
    is($status, 0, 'file:');
    is((kairo('audit', 'verify', $pg->conninfo('admin')))[0], 0,
       'as a superuser');
}


# Whatever can be written is valid.

sub contents {
    chain();
    my $n = 8;
    for my $call (
        q('a', null, '{}'), q('a', '', '{}'), q('a', '-1', '[]'),
        q('A"b''c\d', E'\t\n\x01\x7f', '"\u0001\"\\\\"'),
        q('é☃𝄞', repeat('☃', 255), '{"𝄞": "\ud834\udd1e", "☃": null}'),
        q(repeat('x', 128), repeat('y', 255), 'null'),
        q('n', 'numbers', '[1, 1.0, 1.50, 1e3, -0, 1e-7, 12345678901234567890,
          0.1000000000000000055511151231257827]'),
        q('k', 'keys', '{"b": 1, "a": 2, "a": 3, "aa": {"": []}}'),
        q('d', 'deep', (repeat('[', 900) || repeat(']', 900))::jsonb),
        q('b', 'big', to_jsonb(repeat('big ☃', 400000))),
        q('b', 'many', (select jsonb_object_agg(n, repeat('v', 100))
                        from generate_series(1, 5000) n)))
    {
        $pg->sql("select kairo.audit($call)");
        $n++;
        my $name = substr($call, 0, 30);
        is_deeply([verify()],
                  [0, "valid $n entries, head " . head() . "\n", ''], $name);
    }

    # one row of each that somebody changes by a byte

    save();
    for my $k (9 .. $n) {
        tampered("$k: a byte of its detail",
                 "update kairo.audit_log set detail = detail || '[1]' "
               . "where number = $k", $k, $changed);
    }

    # who writes is a part of it, with any name

    $pg->sql(<<'END');
create role "o'k ""☃" login in role kairo_server inherit;
grant execute on function kairo.audit(text, text, jsonb) to "o'k ""☃";
set session authorization "o'k ""☃";
select kairo.audit('a', 'b', '{}');
reset session authorization;
revoke execute on function kairo.audit(text, text, jsonb) from "o'k ""☃";
drop role "o'k ""☃";
END
    is((verify())[0], 0, 'an actor with a name of many kinds');
}


# Each column of a row in the middle, the first and the last.

sub columns {
    my %column = (
        actor  => [q(actor || ' '), q('x'), q(repeat('x', 100000)), 'null',
                   q('')],
        action => [q(upper(action)), q(' ' || action), 'null'],
        object => [q(coalesce(object, '') || 'x'), q(repeat('x', 255))],
        at     => [q(at + interval '1 microsecond'),
                   q(at - interval '1 microsecond'),
                   q(at + interval '400 years'),
                   q(at + interval '10000 years'), 'null', q('infinity'),
                   q('-infinity'), q('294276-12-31'), q('4713-01-01 BC'),
                   q('0001-12-31 BC')],
        detail => [q('{}'::jsonb || '{"x": 1}'), 'null', q('null'),
                   q('{"a": 1.500}')],
        hash   => [q(sha256(hash)), q(substr(hash, 2)), q(hash || '\x00'),
                   q('\x'), 'null'],
    );
    chain();
    for my $column (sort keys %column) {
        my @values = @{$column{$column}};
        for (map({ [4, $_] } @values), [1, $values[0]], [8, $values[0]]) {
            my ($k, $value) = @$_;
            tampered("entry $k: $column = " . substr($value, 0, 30),
                     "update kairo.audit_log set $column = $value "
                   . "where number = $k", $k, $changed);
        }
    }
    tampered('a text that moves to the next', <<'END', 4, $changed);
update kairo.audit_log set action = action || substr(object, 1, 1),
    object = substr(object, 2) where number = 4
END
    tampered('a null that becomes empty', <<'END', 5, $changed);
update kairo.audit_log set object = '' where number = 5
END
    tampered('an empty one that becomes null', <<'END', 6, $changed);
update kairo.audit_log set object = null where number = 6
END
}


sub rows {
    chain();
    tampered('without the first', 'delete from kairo.audit_log '
           . 'where number = 1', 1, 'missing');
    tampered('without one in the middle', 'delete from kairo.audit_log '
           . 'where number = 4', 4, 'missing');
    tampered('without two', 'delete from kairo.audit_log '
           . 'where number in (4, 5)', 4, 'missing');
    tampered('without the last', 'delete from kairo.audit_log '
           . 'where number = 8', 8, 'missing: the end is cut off');
    tampered('without any', 'delete from kairo.audit_log', 1,
             'missing: the end is cut off');
    tampered('without one, numbered anew', <<'END', 4, $changed);
delete from kairo.audit_log where number = 4;
update kairo.audit_log set number = number - 1 where number > 4;
update kairo.audit_end set number = number - 1
END
    tampered('one in between, numbered anew', <<'END', 4, $changed);
update kairo.audit_log set number = -number where number > 3;
insert into kairo.audit_log select 4, at, actor, action, object, detail, hash
    from kairo.audit_log where number = 3;
update kairo.audit_log set number = 1 - number where number < 0;
update kairo.audit_end set number = number + 1
END
    tampered('one in between, with its own hash', <<'END', 5, $changed);
update kairo.audit_log set number = -number where number > 3;
select rechain.add(4, 'x', 'y', null, '{}');
update kairo.audit_log set number = 1 - number where number < 0;
update kairo.audit_end set number = number + 1
END
    tampered('one before the first', <<'END', 0, 'put in between, or there '
insert into kairo.audit_log select 0, at, actor, action, object, detail, hash
    from kairo.audit_log where number = 3
END
           . 'twice');
    tampered('one with a negative number', <<'END', '-9223372036854775808',
insert into kairo.audit_log select -9223372036854775808, at, actor, action,
    object, detail, hash from kairo.audit_log where number = 3
END
             'put in between, or there twice');
    tampered('one twice', <<'END', 3, 'put in between, or there twice');
insert into kairo.audit_log select * from kairo.audit_log where number = 3
END
    tampered('one without a number', <<'END', 9, 'changed, it has no number');
insert into kairo.audit_log select null, at, actor, action, object, detail,
    hash from kairo.audit_log where number = 3
END
    tampered('two that change places', <<'END', 4, $changed);
update kairo.audit_log set number = 9 - number where number in (4, 5)
END
    tampered('two that change contents', <<'END', 4, $changed);
update kairo.audit_log a set action = b.action, detail = b.detail, at = b.at
    from kairo.audit_log b where a.number in (4, 5) and b.number = 9 - a.number
END
    tampered('the last one changed, with its hash', <<'END', 8,
delete from kairo.audit_log where number = 8;
select rechain.add(8, 'x', 'y', null, '{}')
END
             'the last, and kairo.audit_end tells of another end');
    tampered('one behind the end', <<'END', 9,
select rechain.add(9, 'x', 'y', null, '{}')
END
             'the last, and kairo.audit_end tells of another end');
    tampered('one far behind the end', <<'END', 9, 'missing');
insert into kairo.audit_log select 9223372036854775807, at, actor, action,
    object, detail, hash from kairo.audit_log where number = 3
END
}


sub ends {
    my $other = 'the last, and kairo.audit_end tells of another end';
    my $not_one = 'the end of the chain is not one row of kairo.audit_end';
    chain();
    for (['number = 7', $other], ['number = 0', $other],
         ['hash = sha256(hash)', $other], [q(hash = '\x'), $other],
         ['hash = null', $other], ['number = null', $not_one])
    {
        tampered("the end has $_->[0]", "update kairo.audit_end set $_->[0]",
                 8, $_->[1]);
    }
    tampered('the end is later', 'update kairo.audit_end set number = 9', 9,
             'missing: the end is cut off');
    tampered('no end', 'delete from kairo.audit_end', 8, $not_one);
    tampered('two ends', 'insert into kairo.audit_end '
           . 'select false, number, hash from kairo.audit_end', 8, $not_one);
}


# What only who has noted a head can see.

sub heads {
    chain();
    my @heads = map { $pg->sql("select number || ':' || encode(hash, 'hex') "
                             . "from kairo.audit_log where number = $_") }
                1 .. 8;
    for my $noted (@heads) {
        is((verify('--head', $noted))[0], 0, "noted: $noted");
    }
    is((verify('--head', uc $heads[4]))[0], 0, 'in capital letters');

    my $anew = 'not the head that was noted: the chain was written anew';
    my $cut = 'missing: the chain ends before the head that was noted';

    my $text = q(update kairo.audit_log set actor = 'me' where number = 3;
                 select rechain.all());
    tampered('written anew', $text, undef);
    tampered("written anew, and $_ was noted", $text, $_, $anew,
             '--head', $heads[$_ - 1]) for 3, 5, 8;
    tampered('written anew behind what was noted', $text, undef, undef,
             '--head', $heads[1]);

    $text = 'delete from kairo.audit_log where number > 5;'
          . 'select rechain.all()';
    tampered('cut', $text, undef);
    tampered("cut, and $_ was noted", $text, 6, $cut,
             '--head', $heads[$_ - 1]) for 6, 8;
    tampered('cut behind what was noted', $text, undef, undef,
             '--head', $heads[4]);

    $text = 'delete from kairo.audit_log; select rechain.all()';
    tampered('emptied', $text, undef);
    tampered('emptied, and a head was noted', $text, 1, $cut,
             '--head', $heads[0]);

    # whoever it was that changed one of it too is told of that

    tampered('changed and noted', 'update kairo.audit_log '
           . "set actor = 'me' where number = 3", 3, $changed,
             '--head', $heads[7]);

    $pg->sql(q(select kairo.audit('and', 'on', '{}')));
    is((verify('--head', $heads[7]))[0], 0, 'a chain that has grown');
}


# Tables that are not what they were.

sub forms {
    chain();
    save_all();
    local $whole = 1;
    my $types = 'the columns are not those that were made';
    for my $column (qw(actor object action)) {
        tampered("$column of another type", "alter table kairo.audit_log "
               . "alter $column type varchar", 1, $types);
    }
    tampered('detail of another type', 'alter table kairo.audit_log '
           . 'alter detail drop default, alter detail type json', 1, $types);
    tampered('number of another type', 'alter table kairo.audit_log '
           . 'alter number type integer', 1, $types);
    tampered('hash of another type', 'alter table kairo.audit_log '
           . 'alter hash type text '
           . q(using encode(hash, 'hex')), 1, $types);
    tampered('the end of another type', 'drop policy functions on '
           . 'kairo.audit_end; alter table kairo.audit_end '
           . 'alter number type integer', 8,
             'the end of the chain is not one row of kairo.audit_end');
    tampered('a policy that hides', 'create policy hide on kairo.audit_log '
           . 'as restrictive for select to kairo_auditor using (number <> 4)',
             4, 'missing');
    tampered('a view in its place', <<'END', 4, $changed);
alter table kairo.audit_log rename to was;
create view kairo.audit_log as select number, at,
    case number when 4 then 'x' else actor end as actor, action, object,
    detail, hash from kairo.was;
grant select on kairo.audit_log to kairo_auditor
END

    # functions of the server's that lie

    tampered('functions that lie', <<'END', 3, $changed);
update kairo.audit_log set actor = 'me' where number = 3;
create or replace function kairo.audit_bytes(variadic texts text[])
    returns bytea language sql immutable parallel safe
    return 'lie'::bytea;
create function kairo.sha256(text) returns bytea language sql
    return 'lie'::bytea
END

    for my $sql ('alter table kairo.audit_log drop column detail',
                 'drop table kairo.audit_log', 'drop schema kairo cascade')
    {
        tamper($sql);
        my ($status, $out, $err) = verify();
        is("$status $out", '1 ', $sql);
        like($err, qr/^kairo: can't read history: .* does not exist$/m,
             'is told');
        restore_all();
    }
}


sub settings {
    chain();
    my ($status, $out) = verify();
    $pg->sql("alter role auditor set $_")
        for "timezone = 'Pacific/Kiritimati'", "DateStyle = 'German, DMY'",
            "bytea_output = 'escape'", 'extra_float_digits = 0',
            "lc_time = 'C'", "client_encoding = 'LATIN1'",
            "search_path = 'evil', 'pg_catalog'",
            "statement_timeout = '100ms'", 'enable_indexscan = off',
            "default_transaction_isolation = 'read committed'",
            'default_transaction_read_only = on', 'row_security = on',
            "IntervalStyle = 'sql_standard'", 'quote_all_identifiers = on',
            'standard_conforming_strings = off';
    is_deeply([verify()], [$status, $out, ''], 'settings change nothing');
    local $ENV{PGOPTIONS} = '-c timezone=Asia/Kathmandu';
    local $ENV{PGCLIENTENCODING} = 'LATIN1';
    local $ENV{PGDATESTYLE} = 'SQL';
    is_deeply([verify()], [$status, $out, ''], 'nor does the environment');
    $pg->sql('alter role auditor reset all');
}


sub rights {
    for my $role (qw(edge server)) {
        my ($status, $out, $err) = kairo('audit', 'verify',
                                         $pg->conninfo($role));
        is("$status $out", '1 ', "$role may not read history");
        like($err, qr/^kairo: can't read history: not enough rights: .*\n(?#
                      )kairo: who verifies is a member of kairo_auditor\n\z/,
             'is told');
    }

    # who owns the tables sees none of their rows

    $pg->sql(q(create role owner login password 'pw' in role kairo_owner));
    (my $owner = $pg->conninfo) =~ s/user=\S+ password=\S+/user=owner
        password=pw/;
    my ($status, $out, $err) = kairo('audit', 'verify', $owner);
    is("$status $out", '1 ', 'nor may the owner');
    like($err, qr/who verifies is a member of kairo_auditor/, 'is told');

    $pg->sql('alter role auditor noinherit');
    is((verify())[0], 0, 'an auditor who does not inherit');
    $pg->sql('alter role auditor inherit');

    (my $none = $pg->conninfo('auditor')) =~ s/dbname=\S+/dbname=postgres/;
    ($status, $out, $err) = kairo('audit', 'verify', $none);
    is("$status $out", '1 ', 'a database without history');
    like($err, qr/does not exist\nkairo: it is kairo migrate that makes it\n/,
         'is told');

    (my $wrong = $pg->conninfo('auditor')) =~ s/password=\S+/password=hush/;
    ($status, $out, $err) = kairo('audit', 'verify', $wrong);
    is("$status $out", '1 ', 'a wrong password');
    unlike($err, qr/hush/, 'is not shown');
}


# Many at once, and one that verifies meanwhile.

sub writers {
    chain();
    my @pids;
    for my $n (1 .. 8) {
        my $pid = fork // die "fork: $!\n";
        if ($pid == 0) {
            my ($good) = $pg->psql('admin', join '', map {
                "select kairo.audit('w', '$n', '{\"n\": $_}');\n"
              . ($_ % 7 ? '' : "begin; select kairo.audit('w', '$n', '{}');"
                             . "rollback;\n")
            } 1 .. 100);
            _exit($good ? 0 : 1);
        }
        push @pids, $pid;
    }
    my $bad = 0;
    my $noted = '0:' . sha256_hex('kairo');
    for (1 .. 20) {
        my ($status, $out) = verify('--head', $noted);
        $bad++, diag($out) if $status;
        ($noted) = $out =~ /head (\S+)/ or last;
    }
    is($bad, 0, 'a chain that grows is valid at each time');
    my $failed = 0;
    for (@pids) { waitpid $_, 0; $failed++ if $? }
    is($failed, 0, 'eight have written at once');
    is_deeply([verify('--head', $noted)],
              [0, 'valid 808 entries, head ' . head() . "\n", ''],
              'and the chain is whole');
}


# The days of four thousand years, as Postgres writes them.

sub days {
    chain();

    # so many take longer than the auditor may take by its settings

    $pg->sql("alter role auditor set statement_timeout = '20ms'");
    tampered('times from year 1 to 9999', <<'END', undef);
delete from kairo.audit_log;
create index on kairo.audit_log (number);
insert into kairo.audit_log
    select row_number() over (), t, 'a', 'b', null, '{}', sha256('')
    from (select t from generate_series('0001-01-01'::timestamptz at time zone
                 'utc', '9999-12-31', '97 days 11:22:33.000007') t
          union select ('2000-01-01'::timestamp + n * interval '1 day')
          from generate_series(-40000, 40000) n
          union values ('9999-12-31 23:59:59.999999'::timestamp),
                       ('1999-12-31 23:59:59.999999'),
                       ('0001-01-01 00:00:00')) as x (t);
select rechain.all()
END
    $pg->sql('alter role auditor reset all');
}


# A new chain of eight, and what a superuser would write one anew by.

sub chain {
    $pg->sql(<<'END');
set session_replication_role = replica;
delete from kairo.audit_log;
update kairo.audit_end set number = 0, hash = sha256('kairo');
set session_replication_role = origin;
create schema if not exists rechain;
create or replace function rechain.add(n bigint, who text, what text, o text,
    d jsonb) returns void language plpgsql as $$
declare
    t timestamptz := clock_timestamp();
begin
    insert into kairo.audit_log values (n, t, who, what, o, d,
        (select rechain.sum(hash, n, t, who, what, o, d)
         from kairo.audit_log where number = n - 1));
end
$$;
create or replace function rechain.sum(was bytea, n bigint, t timestamptz,
    who text, what text, o text, d jsonb) returns bytea language sql as $$
    select sha256(was || kairo.audit_bytes(n::text,
        to_char(t at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.US'), who, what,
        o, d::text))
$$;
create or replace function rechain.all() returns void language plpgsql as $$
declare
    r    kairo.audit_log;
    was  bytea := sha256('kairo');
    last bigint := 0;
begin
    for r in select * from kairo.audit_log order by number
    loop
        was := rechain.sum(was, r.number, r.at, r.actor, r.action, r.object,
                           r.detail);
        last := r.number;
        update kairo.audit_log set hash = was where number = last;
    end loop;
    update kairo.audit_end set number = last, hash = was;
end
$$;
select kairo.audit('first', 'it', '{"a": 1.50}');
select kairo.audit('plans.insert', 'pro', '{"is": {"plan": "pro"}}');
select kairo.audit('plans.update', 'pro', '{"was": {}, "is": {"é": "☃"}}');
select kairo.audit('plans.delete', 'pro', '[]');
select kairo.audit('null', null, '{}');
select kairo.audit('empty', '', '{}');
select kairo.audit('quotes', '''"\', '{"q": "\"''\\"}');
select kairo.audit('last', 'it', '{"z": null}');
END
    save();
}

# save, restore: the rows.

sub save {
    $pg->sql(<<'END');
drop table if exists rechain.log, rechain.ends;
create table rechain.log as table kairo.audit_log;
create table rechain.ends as table kairo.audit_end;
END
}

sub restore {
    $pg->sql(<<'END');
set session_replication_role = replica;
delete from kairo.audit_log;
delete from kairo.audit_end;
insert into kairo.audit_log table rechain.log;
insert into kairo.audit_end table rechain.ends;
END
}

# save_all, restore_all: the database.

sub save_all {
    $pg->sql("\\c postgres\ndrop database if exists saved with (force);\n"
           . 'create database saved template app');
}

sub restore_all {
    $pg->sql("\\c postgres\ndrop database app with (force);\n"
           . 'create database app template saved');
}


# tampered NAME, SQL, ENTRY, WHY, OPTION...: what is said of a chain that was
# tampered with; without an ENTRY, nothing.

sub tampered {
    my ($name, $sql, $entry, $why, @options) = @_;
    tamper($sql);
    my ($status, $out, $err) = verify(@options);
    my $want = defined $entry ? "1 invalid entry $entry: $why\n"
             : '0 valid ' . (head() =~ /^(\d+)/)[0] . ' entries, head '
               . head() . "\n";
    is("$status $out$err", $want, $name);
    $whole ? restore_all() : restore();
}

sub tamper { $pg->sql("set session_replication_role = replica;\n$_[0]") }


# Triggers, keys and checks are no obstacle to who owns everything.

sub unchain {
    $pg->sql(<<'END');
alter table kairo.audit_log drop constraint audit_log_pkey;
alter table kairo.audit_end drop constraint audit_end_pkey;
do $$
declare
    x record;
begin
    for x in select conrelid::regclass as t, conname as name
             from pg_constraint where contype = 'c'
             and conrelid in ('kairo.audit_log'::regclass,
                              'kairo.audit_end'::regclass)
    loop
        execute format('alter table %s drop constraint %I', x.t, x.name);
    end loop;
    for x in select attrelid::regclass as t, attname as name
             from pg_attribute where attnotnull and attnum > 0
             and attrelid in ('kairo.audit_log'::regclass,
                              'kairo.audit_end'::regclass)
    loop
        execute format('alter table %s alter %I drop not null', x.t, x.name);
    end loop;
end
$$;
END
}

sub verify { return kairo('audit', 'verify', @_, $pg->conninfo('auditor')) }

sub head {
    return $pg->sql(q(select number || ':' || encode(hash, 'hex')
                      from kairo.audit_end));
}
