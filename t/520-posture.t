# Who may do what in the database: each role tries each verb on each table,
# each partition and each function there is in the catalog, and only what
# docs/database.md lists comes of it.  Then each piece of the protection is
# taken away, one at a time, and that has to be noticed.

use strict;
use warnings;

use lib 't/lib';
use Kairo::Posture qw(runner lints mutations);
use Kairo::Postgres;
use Test::More;
use Time::HiRes qw(time);

my $pg = Kairo::Postgres->new;
my $begun = time;

# Somebody with no right at all, and somebody who has no more than PUBLIC would
# have behind the schema's door.

my ($other, $guest) = qw(posture_other posture_guest);

# An edge with a login of its own may what an edge may.

my ($edge, %as) = ('posture_edge', posture_edge => 'kairo_edge');

$pg->sql(<<"END");
create role $other login;
create role $guest login;
create role $edge login in role kairo_edge;
grant usage on schema kairo to $guest;
END

my %id = map { $_ => "$_" x 8 . '-0000-4000-8000-000000000000' } 'a' .. 'd';

# Two people with something now and something else at another time, and one who
# has what the others don't.

$pg->sql(<<"END");
insert into kairo.migrations (name, sum)
values ('0000-posture', repeat('0', 64));
insert into kairo.users (user_id, issuer, subject) values
    ('$id{a}', 'main', 'A'), ('$id{b}', 'main', 'B'), ('$id{c}', 'main', 'C');
insert into kairo.plans (plan, title, published) values
    ('early', 'Early', false), ('late', 'Late', false);
insert into kairo.plan_limits
    select plan, 'runs', 1, 'day' from kairo.plans;
insert into kairo.entitlements values
    ('$id{a}', 'early', tstzrange(now(), null), 'test'),
    ('$id{a}', 'late', tstzrange(null, now() - interval '1 day'), 'test'),
    ('$id{b}', 'late', tstzrange(now() + interval '1 day', null), 'test'),
    ('$id{b}', 'pro', tstzrange(null, now() - interval '1 day'), 'test'),
    ('$id{c}', 'late', tstzrange(now(), null), 'test');
insert into kairo.usage_refunds values ('$id{a}', 'test');
insert into kairo.events_aside (sum, row, state, message, at) values
    (sha256('old'), '{}', 'OLD00', 'x', now() - interval '63 days'),
    (sha256('new'), '{}', 'NEW00', 'x', now());
END

# Statements by their verbs, beginning with those of which nothing but a right
# to the table is asked.  The rows of a select are told by their labels.  What
# comes of a right to some of the rows, or of the columns: by who asks (nobody,
# A, B), or the same for all; "all" is what comes of a right to all.

my $sum = '\\x' . 'a' x 64;
my $owns = { select => ['', 'a', 'b'] };
my $event = '(event_id, user_id, tool, edge)';

my %table = (
    migrations => {
        label  => 'name',
        insert => "(name, sum) values ('0001-new', repeat('0', 64))",
        update => 'applied_by = applied_by',
    },
    users => {
        label   => 'left(user_id::text, 1)',
        insert  => "(issuer, subject) values ('main', 'D')",
        'insert blocked' => '(issuer, subject, blocked)'
                            . " values ('main', 'D', true)",
        update  => 'seen_at = now()',
        audited => 'update delete',
        rows    => { own => $owns,
                     'not blocked' => { insert => 1,
                                        'insert blocked' => 'policy' } },
    },
    plans => {
        label   => 'plan',
        insert  => "(plan, title) values ('new', 'New')",
        update  => 'rank = 7',
        audited => 'insert update delete',
        rows    => { published => { select => 'free pro' },
                     'published, or entitled to' =>
                         { select => ['free pro', 'early free pro',
                                      'free pro'] } },
    },
    plan_limits => {
        label   => 'plan',
        insert  => "values ('pro', 'posture', 1, 'day')",
        update  => 'units = 7',
        audited => 'insert update delete',
        rows    => { published => { select => 'free pro' },
                     'of plans that it sees' =>
                         { select => ['free pro', 'early free pro',
                                      'free pro'] } },
    },
    entitlements => {
        label   => "left(user_id::text, 1) || ':' || plan",
        insert  => "(user_id, plan, source) values ('$id{b}', 'free', 'x')",
        update  => "source = 'y'",
        audited => 'insert update delete',
        rows    => { own => { select => ['', 'a:early a:late',
                                         'b:late b:pro'] } },
    },
    audit_log => {
        label   => 'action',
        insert  => '(number, at, actor, action, hash)'
                   . " values (0, now(), 'x', 'y', sha256('z'))",
        update  => "action = 'x'",
        history => {},
    },
    audit_end => {
        label  => 'single::text',
        insert => "values (true, 0, '')",
        first  => 'delete from kairo.audit_end',
        update => 'number = 99',
        'update zero' => 'number = 0',
        rows   => { 'above 0' => { update => 1, 'update zero' => 'policy' } },
    },
    usage_events => {
        label   => 'left(user_id::text, 1)',
        'select end' => "string_agg(distinct (ended_at is null)::text, ' ')"
                        . ' from kairo.TABLE where event_id is not null',
        insert  => "$event values ('EVENT', '$id{a}', 't', 'e')",
        'insert free'  => '(event_id, tool, edge, billable)'
                          . " values ('EVENT', 't', 'e', false)",
        'insert units' => '(event_id, tool, edge, units)'
                          . " values ('EVENT', 't', 'e', 7)",
        update  => "tool = 'x'",
        'update end'   => 'status = 200, ended_at = now()'
                          . ' where ended_at is null',
        'update again' => 'status = 500 where ended_at is not null',
        'update both'  => 'status = 200, ended_at = now(), units = 7'
                          . ' where ended_at is null',
        history => { 'update end' => 'all' },
        rows    => { own => { %$owns, 'select end' => ['', 'true', 'false'] },
                     'all, by those' =>
                         { select => 'refused', 'select end' => 'all' },
                     'billed as runs are' =>
                         { insert => 1, 'insert free' => 'policy',
                           'insert units' => 'refused' },
                     'not ended' =>
                         { update => 'refused', 'update both' => 'refused',
                           'update end' => 'all', 'update again' => 0 } },
    },
    events_aside => {
        label   => 'lower(state)',
        insert  => "(sum, row, state, message) values ('$sum', '{}', 'x0000',"
                   . " 'x')",
        update  => "message = 'x'",
        history => {},
        rows    => { 'older than 62 days' =>
                         { select => 'old00', delete => 1 } },
    },
    history      => { view => 1, label => 'edge' },
    billing_days => { view => 1, label => 'left(user_id::text, 1)' },
    usage_refunds => {
        label   => 'reason',
        insert  => "values ('$id{b}', 'x')",
        update  => "reason = 'x'",
        history => {},
    },
);

# ingested COUNT, ID, KIND, SUBJECT, STATUS: a batch of one, and a count of it.
# NEW and OPEN are the ids of an event that is not there, and of one that is.

sub ingested {
    my ($count, $id, $kind, $subject, $status) = @_;
    my $null = "'{null}'";
    return "select $count from kairo.ingest('$id', '$kind', '{t}', "
           . ($subject eq '{null}' ? $null : "'{main}'") . ", '$subject',"
           . " $null, $null, $null, '{e}', $null, $null, '$status', $null,"
           . " $null)";
}

# Calls, what they give to who may call, and what a superuser does before.

my $trigger = sub { ["select kairo.$_[0]()", 'trigger'] };

my %function = (
    protect     => [["select kairo.protect('kairo.plans')", '']],
    version     => [['select number >= 0 from kairo.version()', 'true']],
    audit       => [["select kairo.audit('x', 'y', '{}') > 0", 'true']],
    audit_bytes => [["select kairo.audit_bytes('x')", '\x0000000178']],
    me          => [['select kairo.me()', ['', @id{'a', 'b'}]]],
    identify    => [
        ["select plan from kairo.identify('main', 'A')", 'early'],
        ["select plan from kairo.identify('main', 'B')", ''],
        ["select blocked from kairo.identify('main', 'D')", 'false'],
    ],
    event_time  => [["select kairo.event_time('$id{a}') > '1970-01-01'",
                     'true']],
    first_event => [["select kairo.first_event('1970-01-01Z')",
                     '00000000-0000-0000-0000-000000000000']],
    keep_partitions => [['select kairo.keep_partitions() > 0', 'true',
                         'drop table kairo.PARTITION']],
    meet         => [["select kairo.meet('{}')", '{}']],
    begin_events => [["select begun from kairo.begin_events('{}')", 0]],
    end_events   => [["select ended from kairo.end_events('{}')", 0]],
    unfit        => [["select state from kairo.unfit(null, 'x', 'y')", 'x']],
    unfit_parts  => [["select kairo.unfit_parts('{}')", '{}']],
    fit_parts    => [["select kairo.fit_parts('{}', '{}')", '{}']],
    ingest       => [
        [ingested('begun', '{NEW}', '{run}', '{D}', '{null}'), 1],
        [ingested('begun', '{NEW}', '{refused}', '{A}', '{403}'), 1],
        [ingested('ended', '{OPEN}', '{null}', '{null}', '{200}'), 1],
        [ingested('known', '{OPEN}', '{run}', '{A}', '{null}'), 1],
        [ingested('aside', '{NEW}', '{null}', '{null}', '{200}'), 1],
    ],
    least_kept      => [['select kairo.least_kept()', '62 days']],
    drop_partitions => [
        ["select kairo.drop_partitions('62 days')", 1,
         'create table kairo.usage_events_20200101'
         . ' (like kairo.usage_events including all);'
         . ' alter table kairo.usage_events_20200101 owner to kairo_owner;'
         . ' alter table kairo.usage_events attach partition'
         . ' kairo.usage_events_20200101 for values from'
         . " ('016f5e66-e800-0000-0000-000000000000') to"
         . " ('016f638d-4400-0000-0000-000000000000')"]],
    map { $_ => [$trigger->($_)] } qw(keep_history keep_aside
                                      audit_change),
);

# What the catalog has, and what the page says.

$pg->sql(runner() . lints());

my @roles = split /\n/, $pg->sql('select rolname from posture.roles');
my $super = $pg->sql('select current_user');
my @members = map { [split /\|/] } split /\n/, $pg->sql(<<'END');
select m.member::regrole, m.roleid::regrole from pg_auth_members m
where m.member in (select oid from posture.roles)
END
my @tables = map { [split /\|/, $_, -1] } split /\n/, $pg->sql(<<'END');
select t.name, t.relowner::regrole, p.relname,
       substr(pg_get_expr(c.relpartbound, c.oid), 19, 36)
from posture.tables t join pg_class c on c.oid = t.oid
left join pg_inherits i on i.inhrelid = t.oid
left join pg_class p on p.oid = i.inhparent
where t.kind <> 'c' order by t.name
END
my @functions = map { [split /\|/] } split /\n/, $pg->sql(<<'END');
select proname, name, owner from posture.functions order by name
END
my (%right, @rights);

open my $page, '<', 'docs/database.md' or die "docs/database.md: $!\n";
while (<$page>) {
    next unless /^## Who may do what/ .. /^## (?!Who may do what)/;
    my ($who) = /^\| `(\w+)` \|/ or next;
    my (undef, undef, $may, $what, $rows) = split /\s*\|\s*/;
    my ($columns, $of) = $what =~ /^(.+) of (`\w+`)$/ ? ($1, $2) : ('', $what);
    for my $verb (split /, /, $may) {
        for my $object ($of =~ /`(\w+)`/g) {
            $right{$who}{$verb}{$object} = $rows;
            push @rights, $columns
                ? map { [$who, $verb, "$object.$_"] } $columns =~ /`(\w+)`/g
                : [$who, $verb, $object];
        }
    }
}

# A partition is tried as its table is, with a time of its own: a row of A that
# has not ended, and one of B that has.

my @partitions = grep { $_->[2] } @tables;
my $event_of = sub {
    my ($first, $n) = @_;
    return substr($first, 0, 14) . "7000-8000-00000000000$n";
};

for my $call (@{$function{ingest}}) {
    $call->[0] =~ s/NEW/$event_of->($partitions[-1][3], 4)/e;
    $call->[0] =~ s/OPEN/$event_of->($partitions[-1][3], 1)/e;
}

sub events {
    my ($first) = $_[0][3];
    return 'insert into kairo.usage_events (event_id, user_id, tool, edge,'
           . " ended_at) values ('" . $event_of->($first, 1) . "', '$id{a}',"
           . " 't', 'e', null), ('" . $event_of->($first, 2) . "', '$id{b}',"
           . " 't', 'e', now());\n";
}

$pg->sql(join '', map { events($_) } @partitions);

# statements TABLE, FIRST: [PROBE, VERB, STATEMENT] of each.

sub statements {
    my ($name, $like, $first) = @_;
    my $table = $table{$like} or return;
    my @all = (
        ['select', 'select', "select string_agg(distinct $table->{label}, ' '"
         . " order by $table->{label}) from kairo.$name t"
         . ' where t::text is not null']);
    return @all if $table->{view};

    push @all, (
        ['delete', 'delete', "delete from kairo.$name"],
        ['truncate', 'truncate', "truncate kairo.$name cascade"]);

    my %text = (select => 'select ', insert => "insert into kairo.$name ",
                update => "update kairo.$name set ");
    for my $probe (sort grep { /^(select|insert|update)/ } keys %$table) {
        my ($verb) = $probe =~ /^(\w+)/;
        my $id = $event_of->($first, 3) if $first;
        push @all, [$probe, $verb, $text{$verb} . $table->{$probe}
                    =~ s/EVENT/$id/r =~ s/TABLE/$name/r];
    }
    return @all;
}

# Controls: each statement has an effect when who tries may all, and no trigger
# keeps history.

my (@cells, %effect, $controls);
my @me = ('', @id{'a', 'b'});

sub cell {
    my ($who, $me, $object, $verb, $statement, $expected, $first) = @_;
    $first //= $verb eq 'insert' && $table{$object}{first} || '';
    $first =~ s/PARTITION/$partitions[-1][0]/;
    push @cells, join "\t", map { s/\\/\\\\/gr } scalar(@cells), @$who, $me,
                 $object, $verb, $first, $statement, $expected;
}

sub load {
    $pg->sql("truncate posture.cells;\ncopy posture.cells from stdin;\n"
             . join('', map { "$_\n" } @cells)
             . "\\.\nanalyze posture.cells;");
}

my $first = $partitions[-1][3];

for (@tables) {
    my ($name, undef, $parent, $bound) = @$_;
    my @all = statements($name, $parent || $name, $bound || $first);
    ok(scalar @all, "$name: statements are known") or next;
    cell([('control') x 3], '', $name, @$_[1, 2], '') for @all;
}

for (@functions) {
    my ($name, $object) = @$_;
    ok($function{$name}, "$object: a call is known") or next;
    cell([('control') x 3], $id{a}, $object, 'execute', $_->[0],
         ref $_->[1] ? $_->[1][1] : $_->[1], $_->[2]) for @{$function{$name}};
}

load();

my @told = split /\n/, $pg->sql('select posture.outcome(c, true)'
                                . ' from posture.cells c order by c.n');
is(scalar @told, scalar @cells, 'each statement has its control');

for (@cells) {
    my ($object, $verb, undef, $statement, $expected)
        = (split /\t/, $_, -1)[5 .. 9];
    $expected =~ s/\\\\/\\/g;
    my $told = shift @told;
    ok($verb eq 'execute' ? $told eq $expected
       : $verb eq 'select' ? $told =~ /./ && $told !~ /^[0-9A-Z]{5} /
       : $verb eq 'truncate' ? $told eq 'emptied' : $told =~ /^[1-9]\d{0,2}$/,
       "control: $object, $statement") or diag("told: $told");
    $effect{$object}{$statement} = $told;
    $controls++;
}

# Cells: who is not listed is refused.

my @who = ((map { [($_) x 3] } @roles, $other, $guest, $edge, $super),
           (map { ["$_->[1] of $_->[0]", @$_] } @members));

@cells = ();

sub comes {
    my ($role, $object, $like, $probe, $verb, $statement, $owner) = @_;
    my $table = $table{$like};
    my $all = $effect{$object}{$statement};
    $all .= ", audited $all"
        if grep { $_ eq $verb } split ' ', $table->{audited} // '';

    if ($role eq $super) {
        return unless $table->{history} && $verb =~ /update|delete|truncate/;
        my $comes = $table->{history}{$probe} // 'history';
        return $comes eq 'all' ? $all : $comes;
    }

    return 'outside' if $role eq $other;
    my $rows = $like eq $object ? $right{$role}{$verb}{$like} : undef;
    return $all if ($rows // '') eq 'all';
    if ($rows) {
        my $comes = $table->{rows}{$rows}{$probe}
            // die "$like: \"$rows\" says nothing of $probe\n";
        return $comes eq 'all' ? $all : $comes;
    }
    return 'refused' if $role ne $owner;
    return $verb eq 'truncate' ? ($table->{history} ? 'history' : 'emptied')
         : $verb eq 'select' ? '' : $verb eq 'insert' ? 'policy' : 0;
}

for my $who (@who) {
    my $role = $as{$who->[2]} // $who->[2];

    for (@tables) {
        my ($name, $owner, $parent, $bound) = @$_;
        for (statements($name, $parent || $name, $bound || $first)) {
            my ($probe, $verb, $statement) = @$_;
            my $comes = comes($role, $name, $parent || $name, @$_, $owner);
            next unless defined $comes;
            cell($who, $me[$_], $name, $verb, $statement,
                 ref $comes ? $comes->[$_] : $comes) for 0 .. 2;
        }
    }

    next if $role eq $super;

    cell($who, '', 'schema', @$_) for
        ['create', 'create table kairo.new ()',
         $role eq 'kairo_owner' ? 0 : 'outside'],
        ['select', "select has_schema_privilege('kairo', 'usage')",
         $role eq $other ? 'false' : 'true'];

    for (@functions) {
        my ($name, $object, $owner) = @$_;
        for (@{$function{$name} // []}) {
            my ($call, $comes, $first) = @$_;
            $comes = $role eq $other ? 'outside' : 'refused'
                unless $role eq $owner
                       || defined $right{$role}{execute}{$name};
            cell($who, $me[$_], $object, 'execute', $call,
                 ref $comes ? $comes->[$_] : $comes, $first) for 0 .. 2;
        }
    }
}

load();
$pg->sql(<<"END");
insert into posture.rights
select t.relowner::regrole::text, lower(a.privilege_type), t.name::text
from posture.tables t, aclexplode(acldefault('r', t.relowner)) a
where t.kind <> 'c'
union all
select f.owner, 'execute', f.name from posture.functions f
union all
select r.rolname, 'usage', 'schema' from posture.roles r
union all
values ('kairo_owner', 'create', 'schema'), ('$guest', 'usage', 'schema')
@{[map { my ($who, $verb, $object) = @$_;
         $who eq 'kairo_owner' && $verb ne 'execute' ? ()
         : $verb eq 'execute'
         ? map { "union all values ('$who', 'execute', '$_->[1]')" }
           grep { $_->[0] eq $object } @functions
         : "union all values ('$who', '$verb', '$object')" } @rights]};
END

# named rights lead somewhere

my %known = map { $_ => 1 } @roles, map { $_->[0] } @tables, @functions;
is_deeply([grep { !$known{s/\..*//r} } map { @$_[0, 2] } @rights], [],
          'whoever and whatever the page names is there');

my @wrong = split /\n/, $pg->sql('select posture.wrong(null)');
is(scalar @wrong, 0, scalar(@cells) . ' cells are as expected');
diag($_) for @wrong;

@wrong = split /\n/, $pg->sql('select posture.lint()');
is(scalar @wrong, 0, 'the catalog is as expected');
diag($_) for @wrong;

my $refused = grep { /\t(?:refused|outside|policy|history)$/ } @cells;
my $verbs = 5 * @roles * @tables;
cmp_ok(scalar @cells, '>=', $verbs + @roles * @functions,
       'each role tried each verb on each table, and each function');

# A partition that an edge makes later is as those that were there.

my ($last) = @{$partitions[-1]};

sub remade {
    my ($before) = @_;
    return $pg->sql(<<"END" . events($partitions[-1]) . <<"END2");
begin;
$before
drop table kairo.$last;
set local session authorization kairo_edge;
select kairo.keep_partitions() > 0;
set local session authorization default;
END
select count(*) from posture.tables where name = '$last';
select posture.lint();
select posture.wrong('{$last}');
rollback;
END2
}

is(remade(''), "t\n1", 'a partition that is made anew is protected');

for my $part ('perform kairo.protect', "execute format\\(''create trigger") {
    like(remade("do \$\$ begin execute regexp_replace(pg_get_functiondef("
                . "'kairo.keep_partitions'::regproc), '$part.*?;', ''); end"
                . ' $$;'), qr/^t\n1\n./, "control: without $part it is not");
}

# Types of a caller's own are nobody else's.

sub taken {
    my ($role, $call, $before) = @_;
    my ($good, undef, $why) = $pg->psql('admin', <<"END");
begin;
$before
grant temporary on database @{[$pg->sql('select current_database()')]}
    to $role;
set local session authorization $role;
create function pg_temp.taken() returns boolean language plpgsql as
    'begin raise exception ''taken as %'', current_user; end';
do \$\$
declare
    name name;
begin
    for name in select typname from pg_catalog.pg_type
                where typnamespace = 'pg_catalog'::regnamespace
                      and typtype = 'b' and typcategory <> 'A'
    loop
        execute format('create domain pg_temp.%I as pg_catalog.%1\$I '
                       'check (pg_temp.taken())', name);
    end loop;
end
\$\$;
$call;
rollback;
END
    return $good ? 'not taken' : $why =~ /(taken as \w+)/ ? $1 : $why;
}

for my $role ('kairo_edge') {
    my %was;

    for (grep { defined $right{$role}{execute}{$_->[0]} } @functions) {
        my ($name, $object, $owner) = @$_;
        for (@{$function{$name}}) {
            my ($call, undef, $first) = @$_;
            my $drop = ($first // '') =~ s/PARTITION/$last/r . ';';
            is(taken($role, $call, $drop), 'not taken',
               "$role: $call takes no type of its caller's");
            $was{taken($role, $call, "$drop alter function kairo.$object"
                                     . " set search_path = '';")}++;
        }
    }

    ok(delete $was{'taken as kairo_functions'},
       "control: $role, with a search path that is empty");
    diag("$role: $_") for grep { $_ ne 'not taken'
                                 && $_ ne 'taken as kairo_owner' } keys %was;
}

# Mutations, each in a transaction of its own.

my @mutations = map { [split /\|/, $_, 3] } split /\n/, $pg->sql(mutations());
my ($n, %kinds, %by) = (0);
my @noticed = split /\n/, $pg->sql(join '', map { <<"END" } @mutations);
begin;
set local statement_timeout = '60s';
$_->[2];
select coalesce(posture.noticed(array['$_->[1]']), 'nobody');
rollback;
END

is(scalar @noticed, scalar @mutations, 'each mutation was tried');

for (@mutations) {
    my ($kind, $object, $statement) = @$_;
    my $told = shift @noticed // '';
    ok($told =~ /^(cell|lint)/, "noticed: $statement")
        or diag("by: $told");
    $kinds{$kind}++;
    $by{$told =~ /^(\w+)/ ? $1 : ''}++;
}

# none of the kinds is empty for want of something to take away

my %least = split /[|\n]/, $pg->sql(<<'END');
select 'policy dropped', count(*) from pg_policies where schemaname = 'kairo'
union all
select 'not forced', count(*) from pg_class
where relnamespace = 'kairo'::regnamespace and relkind in ('r', 'p')
union all
select 'granted to all', count(*) from pg_proc
where pronamespace = 'kairo'::regnamespace
END

cmp_ok($kinds{$_} // 0, '>=', $least{$_} || 1, "mutations: $_")
    for keys %least, 'using true', 'with check true', 'policy for all',
        'grant revoked', 'member no more', 'member', 'not enabled',
        'trigger dropped', 'trigger disabled', 'granted to the edge',
        'a column of the edge', 'search path', 'runs as the caller',
        'runs as its owner', 'runs as a superuser', 'a role', 'logs in',
        'a default', 'something new', 'a column revoked',
        'a column granted', 'reads as its owner';

printf "# %d mutations: %s; noticed by %s\n", scalar @mutations,
       join(', ', map { "$kinds{$_} $_" } sort keys %kinds),
       join(', ', map { "$_: $by{$_}" } sort keys %by);
printf "# %d cells, %d of them refusals; %d controls; %.1f s\n",
       scalar @cells, $refused, $controls, time - $begun;

done_testing();
