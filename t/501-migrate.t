# The verb "migrate", in databases of a Postgres of the test's own: what it
# applies and when, who may, what it says of what is wrong, and what is left of
# one that is killed.

use strict;
use warnings;

use Cwd qw(abs_path);
use Digest::SHA qw(sha256_hex);
use Test::More;
use Time::HiRes qw(sleep);

use Kairo::Command;
use Kairo::Postgres;

my $root = $ENV{KAIRO_ROOT} ||= abs_path('.');

Kairo::Command::needed();

my @files = sort glob "$root/sql/*.sql";
my @names = map { m{([^/]+)\.sql$} } @files;
my %sum = map { $names[$_] => sha256_hex(slurp($files[$_])) } 0 .. $#files;
my $last = $names[-1];
my $up = "up to date: $last\n";
my $all = join '', map { "applied $_\n" } @names;

my $pg = Kairo::Postgres->new;

is(scalar @names, 5, 'the migrations that this test was written for');

dry_run();
applies();
where_it_stands();
wrong_connections();
changed();
another_version();
an_older_database();
partitions();
conflicts();
rights();
settings();
read_only();
at_once();
busy();
killed();
through_a_pool();
temporary();
administrators();
done_testing();


# Nothing at all is touched, neither before nor after.

sub dry_run {
    bare();
    fresh('one');
    my $before = dump_of('one') . roles();

    is_deeply([migrate('one', '--dry-run')],
              [0, join('', map { "would apply $_\n" } @names), ''],
              'a dry run tells all of it');
    is(dump_of('one') . roles(), $before, 'and makes nothing');
    is(locks(), '0', 'and leaves no lock');

    my $session = $pg->session;
    $session->run(in_db('one', 'begin;' . lock_sql('kairo.migrate')));
    is((migrate('one', '--dry-run'))[0], 0, 'it waits for nobody');
}


sub applies {
    is_deeply([migrate('one')], [0, $all, ''], 'the first run');
    is(sql('one', 'select name, sum from kairo.migrations order by 1'),
       join("\n", map { "$_|$sum{$_}" } @names), 'rows with their sums');
    is(sql('one', 'select distinct applied_by from kairo.migrations'),
       'postgres', 'and by whom');
    is(sql('one', 'select number, oldest from kairo.version()'), '5|1',
       'the version');

    my $once = dump_of('one') . roles();
    is_deeply([migrate('one')], [0, $up, ''], 'the second run');
    is_deeply([migrate('one', '--dry-run')], [0, $up, ''], 'a dry run then');
    is(dump_of('one') . roles(), $once, 'twice is once');
    is(locks(), '0', 'no lock is left');

    fresh('two');
    is_deeply([migrate('two')], [0, $all, ''],
              'another database of the same cluster');
    is(dump_of('two') . roles(), $once, 'is the same');
}


sub where_it_stands {
    my $conninfo = conninfo('one');
    my $file = write_file("$conninfo\r\n\n");

    is_deeply([kairo('migrate', "file:$file")], [0, $up, ''], 'file:');
    $ENV{KAIRO_HERE} = $conninfo;
    is_deeply([kairo('migrate', 'env:KAIRO_HERE')], [0, $up, ''], 'env:');
    my ($host, $port, $user, $password)
        = map { $conninfo =~ /\b$_=(\S+)/ } qw(host port user password);
    is_deeply([kairo('migrate',
                     "postgresql://$user:$password\@$host:$port/one")],
              [0, $up, ''], 'a URI');
    is_deeply([kairo('migrate', "file:$file", 'env:KAIRO_HERE')],
              [0, "$up$up", ''], 'two in one call');

    says('no variable', ['env:KAIRO_NOT'],
         qr/there is no variable "KAIRO_NOT"/);
    says('no file', ["file:$file.not"], qr/can't be read: No such file/);
    says('a file that is no text', ['file:' . write_file("a\0b")],
         qr/is no text/);
}


# What might be a part of a password is not shown.

sub wrong_connections {
    my $conninfo = conninfo('one');
    my $secret = 'hush4hush';

    for my $text ($secret, "password=a $secret", "password='$secret",
                  "postgresql://u:a\@$secret\@127.0.0.1/d",
                  "postgresql://u:$secret/b\@127.0.0.1/d",
                  "postgresql://u:1/$secret\@127.0.0.1/d",
                  "postgresql://u:1/a?$secret\@127.0.0.1/d",
                  "postgresql://u:%zz$secret\@127.0.0.1/d",
                  "postgresql://[$secret", "$secret=1", "port=$secret")
    {
        says("not a connection: $text", [$text],
             qr/the connection string can't be read/);
    }

    (my $wrong = $conninfo) =~ s/password=\S+/password=$secret/;
    says('a wrong password', [$wrong],
         qr/can't connect: .*password authentication failed/);
    says('no such database', [conninfo('none')],
         qr/can't connect: .*database "none" does not exist/);
    (my $nobody = $conninfo) =~ s/port=\d+/port=1/;
    says('no server', [$nobody],
         qr/can't connect: .*Connection refused/);
    says('no such host', ["host=no-such-host.invalid password=$secret"],
         qr/can't connect: could not translate host name/);
}


sub changed {
    sql('one', "update kairo.migrations set sum = repeat('0', 64) "
             . "where name = '$names[1]'");
    my $why = qr/$names[1] is not what was applied .* use the kairo that/;
    says('a migration that was another one', [conninfo('one')], $why);
    says('in a dry run', ['--dry-run', conninfo('one')], $why);
    sql('one', "update kairo.migrations set sum = '$sum{$names[1]}' "
             . "where name = '$names[1]'");
    is((migrate('one'))[0], 0, 'and is not any more');
}


sub another_version {
    row('one', '9999-newer');
    says('a newer database', [conninfo('one')],
         qr/9999-newer was applied .*newer than this kairo.*last is $last/);
    unrow('one', '9999-newer');

    unrow('one', $names[0]);
    says('a gap', [conninfo('one')],
         qr/$names[1] was applied .*, but not $names[0], which comes before/);
    row('one', $names[0]);

    sql('one', "update kairo.migrations set name = '0002-other' "
             . "where name = '$names[1]'");
    says('another of the same number', [conninfo('one')],
         qr/0002-other was applied .*knows of no such migration/);
    sql('one', "update kairo.migrations set name = '$names[1]' "
             . "where name = '0002-other'");

    sql('one', 'alter table kairo.migrations '
             . 'drop constraint migrations_name_check');
    row('one', "\e]0;9\a\n");
    my ($status, $out, $err) = migrate('one');
    like($err, qr/^kairo: \\x1b\]0;9\\x07 was applied/,
         'what a terminal could act on is escaped');
    fresh('one');
    migrate('one');
}


sub an_older_database {
    my $once = dump_of('one');
    for my $n (1 .. $#names) {
        fresh('older');
        by_hand('older', $n);
        is_deeply([migrate('older', '--dry-run')],
                  [0, join('', map { "would apply $_\n" }
                               @names[$n .. $#names]), ''],
                  "a dry run in a database with the first $n");
        is_deeply([migrate('older')],
                  [0, join('', map { "applied $_\n" } @names[$n .. $#names]),
                   ''], 'a run');
        is(dump_of('older'), $once, 'comes to the same');
    }
}


sub partitions {
    my $of = q(select count(*) from pg_inherits where inhparent =
               'kairo.usage_events'::regclass);
    is(sql('one', $of), '11', 'eleven days');
    my $name = sql('one', q(select max(inhrelid::regclass::text)
                            from pg_inherits where inhparent =
                            'kairo.usage_events'::regclass));
    my $once = dump_of('one');
    sql('one', "drop table $name");
    is(sql('one', $of), '10', 'one is missing');
    is_deeply([migrate('one', '--dry-run')], [0, $up, ''], 'a dry run');
    is(sql('one', $of), '10', 'leaves it missing');
    is_deeply([migrate('one')], [0, $up, ''], 'a run with nothing to apply');
    is(dump_of('one'), $once, 'makes it');
}


# One that fails leaves nothing of itself.

sub conflicts {
    fresh('older');
    by_hand('older', 2);
    sql('older', 'create table kairo.entitlements ()');
    my $before = dump_of('older');
    says('a table that is there', [conninfo('older')],
         qr/^kairo: $names[2]: relation "entitlements" already exists$/);
    is(dump_of('older'), $before, 'nothing of it is there');
    sql('older', 'drop table kairo.entitlements');
    is((migrate('older'))[0], 0, 'and the next run goes on');
    is(dump_of('older'), dump_of('one'), 'to the same');

    fresh('theirs');
    sql('theirs', 'create schema kairo');
    says("somebody else's schema", [conninfo('theirs')],
         qr/^kairo: $names[0]: schema "kairo" already exists$/);
}


sub rights {
    login('weak', '');
    for my $name ('one', 'bare') {
        fresh($name) if $name eq 'bare';
        my ($status, $out, $err) = migrate_as($name, 'weak');
        is("$status $out", '1 ', "$name: somebody without rights");
        like($err, qr/not enough rights: .*\nkairo: who migrates is a/,
             'is told');
    }
    for my $role (qw(edge server auditor)) {
        my ($status, $out, $err) = kairo('migrate', $pg->conninfo($role));
        is("$status $out", '1 ', "$role may not migrate")
            if $err !~ /can't connect/;
    }
}


# What the role has set changes nothing.

sub settings {
    fresh('set');
    sql('set', <<'END');
create schema evil;
grant usage on schema evil to public;
create function evil.slow() returns event_trigger language plpgsql as
    'begin perform pg_catalog.pg_sleep(0.5); end';
create event trigger slow on ddl_command_start when tag in ('CREATE SCHEMA')
    execute function evil.slow();
create function evil.pg_advisory_xact_lock(integer) returns void
    language sql as 'select 1/0';
create function evil.hashtext(text) returns integer
    language sql as 'select 1/0';
create function evil.sha256(text) returns bytea
    language sql as 'select ''x''::bytea';
create function evil.format(text, text) returns text
    language sql as 'select ''x''::text';
alter role postgres in database set
    set search_path = evil, pg_catalog, public;
alter role postgres in database set
    set default_transaction_isolation = 'serializable';
alter role postgres in database set set statement_timeout = '200ms';
alter role postgres in database set
    set standard_conforming_strings = off;
alter role postgres in database set set DateStyle = 'SQL, DMY';
alter role postgres in database set set timezone = 'Pacific/Kiritimati';
alter role postgres in database set set bytea_output = 'escape';
END
    is_deeply([migrate('set')], [0, $all, ''], 'settings of the role');
    sql('set', 'alter role postgres in database set reset all');
    sql('set', 'drop event trigger slow; drop schema evil cascade');
    is(sql('set', "select hash = sha256('kairo') from kairo.audit_end"), 't',
       'functions of a schema in the path are not called');
    is(dump_of('set'), dump_of('one'), 'change nothing');
}


sub read_only {
    my @only = (conninfo('theirs') . " options='-c "
                . "default_transaction_read_only=on'");
    sql('theirs', 'drop schema kairo');
    says('no changes', \@only, qr/the database takes no changes: it is a/);
    is_deeply([kairo('migrate', '--dry-run', @only)],
              [0, join('', map { "would apply $_\n" } @names), ''],
              'but a dry run');
}


sub at_once {
    fresh('one');
    my @both = map { start_migrate('one') } 1, 2;
    my @said = map { [finish($_)] } @both;
    is_deeply([map { $_->[0], $_->[2] } @said], [0, '', 0, ''],
              'two at once, both are content');
    is(join('', sort map { "$_\n" } grep { /^applied/ }
                map { split /\n/, $_->[1] } @said), $all,
       'each migration was applied once');

    # the roles are the cluster's, and there is no lock for it

    bare();
    fresh($_) for 'one', 'two';
    @said = map { [finish($_)] } map { start_migrate($_) } 'one', 'two';
    is_deeply([map { @$_[0, 1] } @said], [0, $all, 0, $all],
              'two databases at once, whose roles are the same')
        or diag explain \@said;

    my $session = $pg->session;
    $session->run(in_db('one', 'begin;' . lock_sql('kairo.migrate')));
    my $waiting = start_migrate('one');
    sleep 1;
    $session->run('rollback;');
    is_deeply([finish($waiting)], [0, $up, ''], 'one that waits for another');
}


# What somebody holds for a while, and for good: three at a time.

sub busy {
    fresh($_) for qw(first short long);
    by_hand($_, $#names) for qw(short long);

    my $table = 'lock table kairo.migrations in share mode;';
    my %held = (short => $table, long => $table,
                first => lock_sql('kairo.migrate'));
    my %session = map { $_ => $pg->session } keys %held;
    $session{$_}->run(in_db($_, "begin;$held{$_}")) for keys %held;

    my %run = map { $_ => start_migrate($_) } keys %held;
    sleep 2.5;
    is(sql('long', "select pg_try_advisory_xact_lock(hashtext("
                 . "'kairo.migrate'))"), 't',
       'who pauses holds nothing');
    $session{short}->run('rollback;');

    my ($status, $out, $err) = finish($run{short});
    is("$status $out", "0 applied $last\n", 'a lock that passes');
    like($err, qr/^kairo: $last: canceling .*lock timeout\n(?#
                  )kairo: trying again in 1 s\n/, 'was waited for');

    ($status, $out, $err) = finish($run{first});
    is("$status $out", '1 ', 'another that migrates, and goes on and on');
    like($err, qr/^kairo: another kairo migrate is at work.*\n\z/,
         'is a sentence');
    is(sql('first', q(select count(*) from pg_namespace
                      where nspname = 'kairo')), '0', 'and nothing is done');

    ($status, $out, $err) = finish($run{long});
    is("$status $out", '1 ', 'a lock that does not pass');
    is(() = $err =~ /trying again/g, 3, 'was waited for three times');
    is(sql('long', 'select count(*) from kairo.migrations'), $#names,
       'nothing of the migration is there');
    $session{long}->run('rollback;');
    is_deeply([migrate('long')], [0, "applied $last\n", ''],
              'and the next run goes on');
}


# Each migration is killed in its middle, and then done.

sub killed {
    fresh('whole');
    migrate('whole');
    fresh('killed');
    sql('killed', <<'END');
create table public.hold (n integer);
insert into public.hold values (0);
grant select on public.hold to public;
create function public.hold() returns event_trigger language plpgsql as $$
declare
    n integer := 0;
begin
    if to_regclass('kairo.migrations') is not null then
        execute 'select count(*) from kairo.migrations' into n;
    end if;
    if n = (select h.n from public.hold h) then
        perform pg_sleep(60);
    end if;
end
$$;
END
    sql('killed', "create event trigger hold on ddl_command_start when tag in "
                . "('CREATE POLICY') execute function public.hold()");

    for my $n (0 .. $#names) {
        sql('killed', "update public.hold set n = $n");
        my $run = start_migrate('killed');
        ok(eventually(sub { sql('killed', q(
            select count(*) from pg_stat_activity where datname = 'killed'
            and wait_event = 'PgSleep')) }), "$names[$n] is at work");
        kill $n % 2 ? 'INT' : 'KILL', $run->{pid};
        my ($status, $out) = finish($run);
        like($status, qr/signal/, 'and killed');
        ok(eventually(sub { !sql('killed', q(
            select count(*) from pg_stat_activity where datname = 'killed'
            and pid <> pg_backend_pid())) }), 'which Postgres has noticed');
        is(locks(), '0', 'no lock is left');
        is($n == 0
           ? sql('killed', q(select count(*) from pg_namespace
                             where nspname = 'kairo'))
           : sql('killed', 'select count(*) from kairo.migrations'), $n,
           'nothing of it is there');
    }

    sql('killed', 'drop event trigger hold; drop function public.hold();'
                . 'drop table public.hold');
    is_deeply([migrate('killed')], [0, "applied $last\n", ''],
              'the next run goes on');
    is(dump_of('killed'), dump_of('whole'), 'and comes to the same');
}


# Nothing of a run is left in a connection that others get.

sub through_a_pool {
    fresh('app');
    my $port = $pg->pgbouncer('transaction', default_pool_size => 1);
    my $conninfo = $pg->conninfo('admin', $port);
    is_deeply([kairo('migrate', $conninfo)], [0, $all, ''], 'through a pool');
    is_deeply([kairo('migrate', $conninfo)], [0, $up, ''], 'twice');
    is(($pg->psql('admin', 'show lock_timeout; show search_path;'
                         . 'select current_user', $port))[1],
       qq(0\n"\$user", public\npostgres), 'its settings are gone');
    is(locks(), '0', 'and its locks');
}


# A type of the caller's own is not taken for Postgres' in a function that runs
# as somebody else.

sub temporary {
    is(sql('one', q(select string_agg(proname, ' ') from pg_proc
                    where pronamespace = 'kairo'::regnamespace
                    and (prosecdef or prosrc <> '') and coalesce(not
                    'search_path=pg_catalog, pg_temp' = any (proconfig),
                    true))), '',
       'functions have a path whose end is pg_temp');

    my ($password) = $pg->conninfo('edge') =~ /password=(\S+)/;
    $pg->sql("alter role kairo_edge password '$password'");

    my $evil = <<'END';
create function pg_temp.evil(v pg_catalog.text) returns boolean
    language plpgsql as $$
begin
    if current_user <> session_user then
        raise exception 'runs as %', current_user;
    end if;
    return true;
end
$$;
END
    for my $type (qw(text date uuid jsonb timestamptz bytea regclass)) {
        for my $call ('kairo.keep_partitions()', 'kairo.version()',
                      "kairo.identify('i', '$type')")
        {
            my ($good, $out, $err) = $pg->psql('edge', in_db('one', <<"END"));
$evil
create domain pg_temp.$type as pg_catalog.$type
    check (pg_temp.evil(value::pg_catalog.text));
select $call
END
            ok($good, "pg_temp.$type does not get into $call") or diag $err;
        }
    }
}


# An administrator who is no superuser, as of a managed Postgres.

sub administrators {
    my $new = $pg->sql("select current_setting('server_version_num')::int "
                     . '>= 160000') eq 't';
    my $whole = dump_of('whole');

    for my $inherit ('', 'noinherit') {
        bare();
        sql('postgres', 'drop role if exists adm');
        login('adm', "createrole $inherit");
        fresh($_, 'adm') for qw(one two);

        is_deeply([migrate_as($_, 'adm')], [0, $all, ''],
                  "$_ of an administrator, $inherit") for qw(one two);
        is_deeply([migrate_as('one', 'adm')], [0, $up, ''], 'twice');
        is_deeply([migrate('one')], [0, $up, ''], 'and a superuser then');
        is(dump_of('one'), $whole, 'the same as by a superuser');
    }

    login('adm2', 'createrole');
    fresh('three', 'adm2');
    my ($status, $out, $err) = migrate_as('three', 'adm2');

    if ($new) {
        is("$status $out", '1 ', 'who has not made the roles');
        like($err, qr/not enough rights: .*\nkairo: who migrates is a/,
             'is told');

    } else {
        is_deeply([$status, $out, $err], [0, $all, ''],
                  'who has not made the roles, before Postgres 16');
    }

    login('adm3', '');
    fresh('four', 'adm3');
    ($status, $out, $err) = migrate_as('four', 'adm3');
    is("$status $out", '1 ', 'an owner without CREATEROLE');
    like($err, qr/^kairo: $names[0]: not enough rights: /, 'is told');
    is(dump_of('four'), dump_of_nothing(), 'and nothing is there');
}


# says NAME, ARGUMENTS, PATTERN: nothing but a sentence, which tells no secret.

sub says {
    my ($name, $args, $pattern) = @_;
    my ($status, $out, $err) = kairo('migrate', @$args);
    my ($password) = $pg->conninfo =~ /password=(\S+)/;
    is("$status $out", '1 ', $name);
    like($err, $pattern, "$name: why");
    like($err, qr/\Akairo: [ -~]+\n\z/, "$name: is one line");
    unlike($err, qr/\Q$password\E|hush4hush/, "$name: tells no secret")
        unless $name =~ /host/;
}


sub migrate {
    my ($db, @options) = @_;
    return kairo('migrate', @options, conninfo($db));
}

sub migrate_as {
    my ($db, $role) = @_;
    my $conninfo = conninfo($db);
    $conninfo =~ s/user=\S+ password=\S+/user=$role password=pw-$role/;
    return kairo('migrate', $conninfo);
}

sub conninfo {
    my ($db) = @_;
    my $conninfo = $pg->conninfo;
    $conninfo =~ s/dbname=\S+/dbname=$db/;
    return $conninfo;
}

sub start_migrate { return start_kairo('migrate', conninfo($_[0])) }


# A session in a database, by psql's own command.

sub in_db { return '\\c ' . "$_[0]\n$_[1]" }

sub sql {
    my ($db, $text) = @_;
    return $pg->sql(in_db($db, $text));
}

sub lock_sql { return "select pg_advisory_xact_lock(hashtext('$_[0]'));" }

sub locks {
    return $pg->sql(in_db('postgres', q(select count(*) from pg_locks
                                        where locktype = 'advisory')));
}

sub login {
    my ($role, $with) = @_;
    $pg->sql(in_db('postgres',
                   "create role $role login $with password 'pw-$role'"));
}

sub fresh {
    my ($db, $owner) = @_;
    $pg->sql(in_db('postgres', "drop database if exists $db with (force);\n"
                             . "create database $db"
                             . ($owner ? " owner $owner" : '')));
}


# A cluster that has never seen kairo, with the database that each session
# begins in.

sub bare {
    my $names = $pg->sql(in_db('postgres', q(select string_agg(datname, ' ')
        from pg_database where not datistemplate and datname <> 'postgres')));
    $pg->sql(in_db('postgres', "drop database $_ with (force)"))
        for grep { $_ ne 'app' } split ' ', $names;
    fresh('app');
    my $roles = $pg->sql(in_db('postgres', q(select string_agg(rolname, ', ')
        from pg_roles where rolname like 'kairo%')));
    $pg->sql(in_db('postgres', "drop role $roles")) if $roles;
}


# by_hand DB, N: the first N, by psql, and their rows.

sub by_hand {
    my ($db, $n) = @_;
    for my $i (0 .. $n - 1) {
        sql($db, "begin;\n" . slurp($files[$i]) . ';commit');
        row($db, $names[$i]);
    }
}

sub row {
    my ($db, $name) = @_;
    my $sum = $sum{$name} // '0' x 64;
    sql($db, "insert into kairo.migrations (name, sum) "
           . "values ('$name', '$sum')");
}

sub unrow {
    my ($db, $name) = @_;
    sql($db, "delete from kairo.migrations where name = '$name'");
}


# The schema, without what is different in each dump.

sub dump_of {
    my ($db) = @_;
    local $ENV{PGPASSWORD} = ($pg->conninfo =~ /password=(\S+)/)[0];
    (my $conninfo = conninfo($db)) =~ s/password=\S+//;
    open my $in, '-|', 'pg_dump', '--schema-only', $conninfo
        or die "pg_dump: $!\n";
    my $text = join '', grep { !/^\\(un)?restrict / } <$in>;
    close $in or die "pg_dump: failed\n";
    return $text;
}

sub dump_of_nothing {
    fresh('nothing');
    return dump_of('nothing');
}

sub roles {
    return $pg->sql(in_db('postgres', <<'END'));
select rolname, rolsuper, rolinherit, rolcreaterole, rolcanlogin, rolbypassrls
from pg_roles where rolname like 'kairo%' order by 1;
select r.rolname, m.rolname from pg_auth_members a
join pg_roles r on r.oid = a.roleid join pg_roles m on m.oid = a.member
where r.rolname like 'kairo%' order by 1, 2;
select r.rolname, s.setconfig from pg_db_role_setting s
join pg_roles r on r.oid = s.setrole where r.rolname like 'kairo%' order by 1;
END
}
