# What can go wrong between libpq and an event loop, by statements of the
# test's own.

use strict;
use warnings;

use lib 't/lib';
use IO::Socket::INET;
use Kairo::Load;
use Kairo::Postgres;
use Kairo::Server;
use Test::More;
use Time::HiRes qw(sleep time);

plan(skip_all => 'needs the test-only layer') unless $ENV{KAIRO_PROBE};

my $pg = Kairo::Postgres->new;
my $s = Kairo::Server->new;

# TLS, with a certificate that nobody looks at

my $data = "$pg->{home}/data";
system("openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=pg "
       . "-keyout $data/server.key -out $data/server.crt 2>/dev/null") == 0
    or die "openssl\n";
chmod 0600, "$data/server.key";
chown((stat $data)[4, 5], "$data/server.key", "$data/server.crt");
$pg->sql('alter system set ssl = on');
$pg->sql('select pg_reload_conf()');

# and what libpq prints to standard error, when nobody tells it otherwise

$pg->sql(q(update pg_database set datcollversion = '1' where datname = 'app'));

# databases: by one connection, by four, over TLS, with a short queue, one whose
# statements have no bound at the server, and one that takes few bytes at a time

my $edge = $pg->conninfo('edge');
my $lasting = "options='-c statement_timeout=0 -c lock_timeout=0'";
$s->file('plain', $edge);
$s->file('tls', $edge =~ s/sslmode=disable/sslmode=require/r);
$s->file('lasting', "$edge $lasting");
$s->file('local', "host=$pg->{home} port=$pg->{port} dbname=app "
                  . "user=kairo_edge $lasting");

$pg->sql(<<'END');
create table public.once (n integer unique deferrable initially deferred);
insert into public.once values (1);
create function public.late() returns integer language sql security definer
    as 'insert into public.once values (1) returning n';
create function public.shout(n integer) returns integer language plpgsql as $$
begin
    for i in 1 .. n loop raise notice 'shouted % %', i, repeat('x', 200);
    end loop;
    return n;
end $$;
create function public.tell() returns void language sql
    as $$ select pg_notify('heard', 'told') $$;
END

my %statement = (
    one => 'select 1',
    middle => q(select repeat('x', 600000)),
    large => q(select repeat('x', 5000000)),
    wide => q(select repeat('x', 1000) from generate_series(1, 5000)),
    wrong => 'select 1 / 0',
    syntax => 'selct',
    several => q(select 'abc' from generate_series(1, 3)),
    none => 'select 1 where false',
    command => 'set application_name = x',
    columns => 'select',
    null => 'select null',
    shout => 'select public.shout(2000)',
    listen => 'listen heard',
    sleep => 'select pg_sleep(5)',
    soon => 'select pg_sleep(0.3)',
    empty => '',
    blank => ' ; ',
    two => 'select 1; select 2',
    out => 'copy (select 1) to stdout',
    in => 'copy pg_temp.t from stdin',
    begin => 'begin read only',
    state => q(select current_setting('transaction_read_only')),
    temp => 'create temp table t (a text)',
    bad => q(select convert_from('\xff', 'UTF8')),
    zero => q(select chr(0)),
    dies => 'select pg_terminate_backend(pg_backend_pid())',
    # nginx takes no word that is much longer
    both => "select repeat('x', 600000), '" . 'y' x 3900 . "'",
    late => 'select public.late()',
);

my $locations = '';
for my $db (qw(plain tls lasting four short local)) {
    for (sort keys %statement) {
        my $text = $statement{$_} =~ s/(["\\])/\\$1/gr;
        $locations .= "location = /$db/$_ { kairo_probe_postgres $db "
                      . "\"$text\"; try_files /t =404; }\n";
    }
}

my $http = <<END;
    kairo_postgres plain file:plain timeout=5s;
    kairo_postgres tls file:tls timeout=5s;
    kairo_postgres lasting file:lasting timeout=1s;
    kairo_postgres four file:lasting timeout=1s connections=4;
    kairo_postgres short file:lasting timeout=1s queue=4;
    kairo_postgres local file:local timeout=10s;
    server {
        listen 127.0.0.1:%%PORT%%;
        root html;
        location = /up { return 200 up; }
        location = /metrics { kairo_metrics; }
        $locations
    }
END
$s->file('html/t', 'content');
$s->start($http);

my ($worker) = $s->children;

sub metric {
    my ($name, %labels) = @_;
    my $labels = join ',', map { qq($_="$labels{$_}") } sort keys %labels;
    my ($n) = $s->get('/metrics') =~ /^kairo_postgres_\Q$name\E\{\Q$labels\E\} (\S+)$/m;
    return $n // die "no kairo_postgres_$name\{$labels}\n";
}

sub calls { return metric('calls_total', database => $_[0], result => $_[1]) }

sub made {
    return metric('connections_total', database => $_[0], result => 'made');
}

# The probe's words about the requests since the last time.

my $read = 0;

sub said {
    my $log = substr $s->log, $read;
    $read = length $s->log;
    return join "\n", $log =~ /kairo probe: (.*?)(?:, client.*)?$/mg;
}

sub code { return $_[0] =~ m{^HTTP/1.1 (\d+)} ? $1 : 0 }

# asks PATH, CODE, WORDS, NAME

sub asks {
    my ($path, $code, $words, $name) = @_;
    said();
    my $at = time;
    is(code($s->get($path)), $code, "$name: $code");
    like(said(), qr/^\Q$words\E$/, "$name: \"$words\"");
    return time - $at;
}

sub ready {
    my ($db) = @_;
    return $s->until(sub { code($s->get("/$db/one")) == 200 });
}

ok(ready($_), "$_: connected")
    for qw(plain tls lasting four short local);
is($pg->sql(q(select count(*) from pg_stat_activity a
              join pg_stat_ssl using (pid) where usename = 'kairo_edge'
              and ssl)), 1, 'one of them over TLS');
my $descriptors = Kairo::Load::descriptors($worker);

like(($pg->psql('admin', 'select 1'))[2], qr/no actual collation version/,
     'the server has warned who connects');
$s->not_logged(qr/collation version/, 'and that is no line of the log');

# large answers, alone and many at once

for my $db (qw(plain tls)) {
    asks("/$db/middle", 200, 'answered, 1 rows, 600000 bytes', "$db, 600 kB");
    asks("/$db/large", 200, 'answered, 1 rows, 5000000 bytes', "$db, 5 MB");
    asks("/$db/wide", 200, 'answered, 5000 rows, 1000 bytes',
         "$db, 5000 rows");

    said();
    my @all = map { $s->send("/$db/middle") } 1 .. 32;
    is(scalar(grep { code($s->receive($_)) == 200 } @all), 32,
       "$db, 32 times 600 kB at once");
    is(scalar(() = said() =~ /answered, 1 rows, 600000 bytes/g), 32,
       "$db: each of them whole");
}
is(made('tls') . made('plain'), '11', 'and no connection was lost by it');

# both directions are full, which the buffers of a local socket soon are: a
# server that can't write does not read either

{
    said();
    my @all = map { $s->send('/local/both') } 1 .. 128;
    is(scalar(grep { code($s->receive($_)) == 200 } @all), 128,
       'large answers while large questions are on their way');
    is(scalar(() = said() =~ /answered, 1 rows, 600000 bytes/g), 128,
       'each of them whole');
    is(made('local'), 1, 'over one connection');
}

# what is wrong with one question is wrong with no other one

for my $db (qw(plain tls four)) {
    said();
    my @all = map { [$_ % 3 ? 'one' : 'wrong',
                     $s->send("/$db/" . ($_ % 3 ? 'one' : 'wrong'))] } 1 .. 48;
    my %got;
    $got{$_->[0]}{code($s->receive($_->[1]))}++ for @all;
    is_deeply(\%got, { one => { 200 => 32 }, wrong => { 503 => 16 } },
              "$db: errors in the middle hit their own questions");
    is(scalar(() = said() =~ /22012, 0 rows/g), 16, "$db: by their SQLSTATE");
}

asks('/plain/several', 200, 'answered, 3 rows, 3 bytes', 'several rows');
asks('/plain/none', 200, 'answered, 0 rows, 0 bytes', 'no row');
asks('/plain/columns', 200, 'answered, 1 rows, 0 bytes', 'no column');
asks('/plain/null', 200, 'answered, 1 rows, 0 bytes', 'null');
asks('/plain/syntax', 503, '42601, 0 rows, 0 bytes', 'a mistake');
asks('/plain/empty', 503, 'XXKAI, 0 rows, 0 bytes', 'nothing at all');
asks('/plain/blank', 503, 'XXKAI, 0 rows, 0 bytes', 'nothing but a semicolon');
asks('/plain/two', 503, '42601, 0 rows, 0 bytes', 'two statements');
asks('/plain/command', 503, 'XXKAI, 0 rows, 0 bytes', 'no rows');
asks('/plain/bad', 503, '22021, 0 rows, 0 bytes', 'what is no UTF-8');
asks('/plain/zero', 503, '54000, 0 rows, 0 bytes', 'a zero byte');
asks('/plain/one', 200, 'answered, 1 rows, 1 bytes', 'after all of it');
is(made('plain'), 1, 'by the same connection');

# an answer that the end of its transaction takes back

asks('/plain/late', 503, '23505, 0 rows, 0 bytes',
     'what can\'t be committed is no answer');
asks('/plain/one', 200, 'answered, 1 rows, 1 bytes', 'and the next one is');

# notices and notifications reach nobody

asks('/plain/shout', 200, 'answered, 1 rows, 4 bytes', '2000 notices');
asks('/plain/listen', 503, 'XXKAI, 0 rows, 0 bytes', 'who listens');
$pg->sql('select public.tell() from generate_series(1, 200)');
asks('/plain/one', 200, 'answered, 1 rows, 1 bytes', 'and is told');
$s->not_logged(qr/shouted|heard/, 'nothing of it is in the log');
cmp_ok(Kairo::Load::busy(0.5, $worker), '<', 0.2, 'and nothing spins');

# an idle connection that the server ends

my $before = made('plain');
$pg->sql(q(select pg_terminate_backend(pid) from pg_stat_activity
           where usename = 'kairo_edge'));
ok($s->until(sub { made('plain') == $before + 1 && made('four') >= 8 }),
   'connections that are ended are made again');
ok(ready($_), "$_: there again")
    for qw(plain tls lasting four short local);
cmp_ok(Kairo::Load::busy(0.5, $worker), '<', 0.2, 'and nothing spins');
is($pg->sql(q(select count(*) from pg_stat_activity
              where usename = 'kairo_edge')), 9, 'as many as before');

# one that ends itself is asked once more, and that was it

asks('/plain/dies', 503, 'lost, 0 rows, 0 bytes', 'who is lost twice');
ok(ready('plain'), 'and the next one is answered');

# beyond the deadline

{
    my $took = asks('/lasting/sleep', 503, 'timeout, 0 rows, 0 bytes',
                    'five seconds');
    cmp_ok($took, '>', 0.9, 'not before the deadline');
    cmp_ok($took, '<', 3, 'but then');

    my $slow = $s->send('/lasting/sleep');
    sleep 0.5;
    said();
    my @behind = map { $s->send('/lasting/one') } 1 .. 8;
    is(scalar(grep { code($s->receive($_)) == 200 } @behind), 8,
       'who waits behind it is answered by another connection');
    is(code($s->receive($slow)), 503, 'it is not');
    cmp_ok(metric('resent_total', database => 'lasting'), '>=', 8,
           'they were asked once more');

    # by four
    said();
    my @four = map { $s->send('/four/sleep') } 1 .. 3;
    sleep 0.2;
    my $at = time;
    asks('/four/one', 200, 'answered, 1 rows, 1 bytes', 'the fourth is free');
    cmp_ok(time - $at, '<', 0.7, 'at once');
    $s->receive($_) for @four;
    ok(ready('four'), 'and all of them are');
}

# a queue that is full

{
    my $full = calls('short', 'full');
    my @four = map { $s->send('/short/sleep') } 1 .. 4;
    sleep 0.2;
    my $took = asks('/short/one', 503, 'turned away, full', 'the fifth');
    cmp_ok($took, '<', 0.7, 'at once');
    is(calls('short', 'full'), $full + 1, 'and is counted');
    is(scalar(grep { code($s->receive($_)) == 503 } @four), 4,
       'the four have an end');
    ok(ready('short'), 'there is room again');
}

# clients that leave, before it is sent and after

{
    my @gone = map { $s->send('/lasting/soon') } 1 .. 200;
    sleep 0.1;
    close $_ for @gone;
    ok(ready('lasting'), 'clients have left');
    $s->until(sub { ready('lasting'); $s->log =~ /prematurely/ });
    my $took = time;
    asks('/lasting/one', 200, 'answered, 1 rows, 1 bytes',
         'nobody waits for their answers');
}

# statements that a pipeline does not have

for my $db (qw(plain four)) {
    for my $what (qw(out in)) {
        my $at = time;
        my $beside = $s->send("/$db/one");
        $s->get("/$db/temp") if $what eq 'in';
        is(code($s->get("/$db/$what")), 503, "$db, copy $what: an error");
        cmp_ok(time - $at, '<', 8, 'in time');
        is(code($s->receive($beside)), 200, 'what is beside it is answered');
        ok(ready($db), "and $db goes on");
    }
}
cmp_ok(Kairo::Load::busy(0.5, $worker), '<', 0.2, 'nothing spins');

# a transaction that a statement leaves open is nobody else's

{
    $s->get('/plain/begin');
    sleep 0.05;
    asks('/plain/state', 200, 'answered, 1 rows, 3 bytes',
         'who comes after "begin" is in a transaction of his own');
    $s->get('/plain/wrong');
    asks('/plain/one', 200, 'answered, 1 rows, 1 bytes',
         'and none that has failed');
}

# the same worker, and what it holds

is(join(' ', $s->children), $worker, 'no worker has died');
ok($s->until(sub { Kairo::Load::descriptors($worker) <= $descriptors }),
   'no descriptor is left open');
$s->not_logged(qr/\[(alert|emerg|crit)\]/, 'nothing alarming');

$s->finish;

done_testing();
