# The way to a database: TLS, names, sockets, a pooler in between; and that
# nothing of it comes from the environment or a home directory.

use strict;
use warnings;

use lib 't/lib';
use IO::Select;
use IO::Socket::INET;
use Kairo::Dns;
use Kairo::Postgres;
use Kairo::Provider;
use Kairo::Server;
use Kairo::Token qw(secret token);
use POSIX ();
use Test::More;
use Time::HiRes qw(sleep time);

my $key = secret('m' x 32);
my $pg = Kairo::Postgres->new;
my $dns = Kairo::Dns->new;
my $s = Kairo::Server->new(workers => 2);
my $home = "$s->{dir}/home";

$s->file('key', 'm' x 32);
$s->file('html/up.txt', 'up');

sub http {
    my ($database, $more) = @_;
    $more //= "resolver 127.0.0.1:$dns->{port} valid=1s;";
    return <<END;
    $more
    kairo_issuer main { issuer https://issuer.test/; audience api; algs HS256;
                        keys secret=file:key; }
    kairo_postgres main $database;
    add_header X-Tier \$kairo_tier always;
    add_header X-Id \$kairo_user_id always;
    server {
        listen 127.0.0.1:%%PORT%%;
        root html;
        location = /up { return 200 up; }
        location = /m { kairo_metrics; }
        location = /s { kairo_auth required issuer=main;
                        kairo_tier postgres=main default=free;
                        try_files /up.txt =404; }
    }
END
}

my $bearer = 'Authorization: Bearer ' . token($key, claims => {});

sub serves { return $s->status('/s', $bearer) == 200 }

sub soon {
    my ($condition) = @_;
    my $end = time + 15;
    while (time < $end) {
        return 1 if $condition->();
        sleep 0.05;
    }
    return 0;
}

my $mark = 0;
sub mark { $mark = length $s->log }

sub unusable {
    my %now = map { $_ => 1 } $s->children;
    return map { $_->[1] } grep { $now{$_->[0]} } map {
        /(\d+)#\d+: .*"main" can't be used: (?!FATAL: terminating)(.*)/
            ? [$1, $2] : ()
    } split /\n/, substr $s->log, $mark;
}

sub kick {
    $pg->sql("select pg_terminate_backend(pid) from pg_stat_activity "
             . "where usename = 'kairo_edge'");
}

# string FROM => TO...: how the edge logs in, with some of it changed; "+" puts
# more behind it.  Each is another one: what is known of a server outlives a
# reload, and what is known is no news.

my $strings = 0;

sub string {
    my (%other) = @_;
    my $text = $pg->conninfo('edge');
    my $more = delete $other{'+'} // '';
    for my $name (sort keys %other) {
        my $to = defined $other{$name} ? "$name=$other{$name}" : '';
        $text =~ s/\b$name=\S+/$to/ or $more .= " $to";
    }
    my $file = 'string' . ++$strings;
    $s->file($file, "$text $more keepalives_count=" . ($strings + 2));
    return "file:$file";
}

sub goes {
    my ($name, $database, $more) = @_;
    mark();
    ok($s->reload(http("$database connect_timeout=1s", $more)),
       "$name: reload");
    ok(soon(\&serves), "$name: goes") || diag(join "\n", unusable());
}

sub goes_not {
    my ($name, $database, $sentence, $more) = @_;
    mark();
    ok($s->reload(http("$database connect_timeout=1s", $more)),
       "$name: reload");
    ok(soon(sub { scalar(my @all = unusable()) }), "$name: goes not");
    like((unusable())[0], $sentence, "$name: in one sentence");
    my $began = time;
    ok(!serves(), "$name: nobody is served");
    cmp_ok(time - $began, '<', 3, "$name: and is told so in time");
    is($s->status('/up'), 200, "$name: others are");
}


# certificates: an authority, another one, and what they have signed

sub openssl {
    my ($command) = @_;
    my $out = `cd $s->{dir} && openssl $command 2>&1`;
    die "openssl $command: $out" if $?;
}

for my $ca ('ca', 'other-ca') {
    openssl("req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes "
            . "-keyout $ca.key -out $ca.crt -days 30 -subj /CN=$ca");
}

sub certificate {
    my ($name, $ca, $san, $days) = @_;
    $s->file("$name.ext", "subjectAltName = $san\n");
    openssl("req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes "
            . "-keyout $name.key -out $name.csr -subj /CN=$name");
    openssl("x509 -req -in $name.csr -CA $ca.crt -CAkey $ca.key "
            . "-CAcreateserial -extfile $name.ext -days $days "
            . "-out $name.crt");
}

certificate('good', 'ca', 'DNS:db.example.test, IP:127.0.0.1', 30);
certificate('wild', 'ca', 'DNS:*.example.test', 30);
certificate('elses', 'other-ca', 'DNS:db.example.test', 30);
# over before anybody looks at it
certificate('expired', 'ca', 'DNS:db.example.test', 0);

# tls NAME: the server has this certificate from now on; none: no TLS

sub tls {
    my ($name) = @_;
    if ($name) {
        for ('crt', 'key') {
            my $to = "$pg->{home}/data/server.$_";
            Kairo::Postgres::write_file($to, Kairo::Provider::slurp(
                                            "$s->{dir}/$name.$_"));
            chown((stat "$pg->{home}/data")[4, 5], $to) if $> == 0;
        }
    }
    my ($on) = $name ? 'on' : 'off';
    $pg->sql("alter system set ssl = $on");
    $pg->sql('select pg_reload_conf()');
    soon(sub { $pg->sql('show ssl') eq $on }) or die "ssl = $on\n";
    # who was there before the files were read
    sleep 0.3;
}

$dns->set('db.example.test' => ['127.0.0.1'],
          'other.example.test' => ['127.0.0.1'],
          'db.elsewhere.test' => ['127.0.0.1']);

sub over_tls {
    return $pg->sql("select bool_and(s.ssl) from pg_stat_activity a join "
                    . "pg_stat_ssl s using (pid) "
                    . "where a.usename = 'kairo_edge'") eq 't';
}

my @full = (sslmode => 'verify-full', sslrootcert => "$s->{dir}/ca.crt");
my $failed = qr/: SSL error: certificate verify failed$/;

tls('good');
$s->start(http(string(host => 'db.example.test', @full)));
ok(soon(\&serves), 'verify-full, by a name');
ok(over_tls(), 'verify-full: it is TLS');
goes('verify-full, by a name and an address',
     string(host => 'db.example.test', hostaddr => '127.0.0.1', @full));
goes('verify-full, by the address of a certificate', string(@full));
ok(over_tls(), 'verify-full, by an address: it is TLS');
goes('verify-full, of capitals', string(host => 'DB.Example.TEST', @full));
goes_not('verify-full, another name',
         string(host => 'other.example.test', @full),
         qr/certificate for "db\.example\.test" \(and 1 other name\) does/);
goes_not('verify-full, another name of the same address', string(
         host => 'other.example.test', hostaddr => '127.0.0.1', @full),
         qr/does not match host name "other\.example\.test"$/);
goes_not('verify-full, localhost', string(host => 'localhost', @full),
         qr/does not match host name "localhost"$/);
goes('verify-ca, another name', string(
     host => 'other.example.test', @full, sslmode => 'verify-ca'));
goes_not('verify-full, another authority', string(
         host => 'db.example.test', @full,
         sslrootcert => "$s->{dir}/other-ca.crt"), $failed);
goes_not('require with an authority is verified', string(
         host => 'db.example.test', sslmode => 'require',
         sslrootcert => "$s->{dir}/other-ca.crt"), $failed);
goes('require, of whom nobody vouches for',
     string(host => 'other.example.test', sslmode => 'require'));
ok(over_tls(), 'require: it is TLS');
goes('disable', string(host => 'other.example.test', sslmode => 'disable'));
ok(!over_tls(), 'disable: it is not TLS');

tls('wild');
goes('verify-full, by a star', string(host => 'any.example.test',
     hostaddr => '127.0.0.1', @full));
goes_not('verify-full, more than a star', string(host => 'a.b.example.test',
         hostaddr => '127.0.0.1', @full), qr/does not match host name/);
tls('elses');
goes_not('verify-full, signed by another', string(
         host => 'db.example.test', @full), $failed);
tls('expired');
goes_not('verify-full, expired', string(host => 'db.example.test',
         application_name => 'another', @full), $failed);
tls('good');
ok(soon(\&serves), 'verify-full: once it has another one');
mark();
tls(undef);
kick();
my $no_tls = qr/: server does not support SSL, but SSL was required$/;
ok(soon(sub { "@{[unusable()]}" =~ $no_tls }), 'the server has no TLS');
ok(!serves(), 'the server has no TLS: nobody is served');
goes_not('require, and the server has no TLS',
         string(host => 'db.example.test', sslmode => 'require'), $no_tls);

# who is in between says that there is none: nothing is sent then

{
    my $listen = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 64)
        or die "listen: $!\n";
    mark();
    $s->reload(http(string(host => 'db.example.test', @full,
                           port => $listen->sockport)
                    . ' connect_timeout=1s'));
    my $c = $listen->accept;
    sysread $c, my $bytes, 100;
    is(unpack('H*', $bytes), '0000000804d2162f', 'in between: TLS is wanted');
    syswrite $c, 'N';
    my $more = '';
    1 while sysread $c, $more, 1000, length $more;
    is($more, '', 'in between: nothing comes in the clear');
    ok(soon(sub { "@{[unusable()]}" =~ $no_tls }), 'in between: it is said');
}


# names

tls(undef);
my @plain = (sslmode => 'disable');

goes('two addresses, one of them dead', do {
    $dns->set('db.example.test' => ['127.0.0.1', '127.0.0.2', '::1']);
    string(host => 'db.example.test', @plain);
});
for (1 .. 3) {
    kick();
    ok(soon(\&serves), "two addresses: connected anew, $_");
}
{
    my $silent = IO::Socket::INET->new(LocalAddr => '127.0.0.3', Listen => 64,
                                       LocalPort => $pg->{port})
        or die "127.0.0.3: $!\n";
    $dns->set('db.example.test' => ['127.0.0.3', '127.0.0.1']);
    sleep 1.1;
    goes('two addresses, one of them silent',
         string(host => 'db.example.test', @plain));
    kick();
    ok(soon(\&serves), 'one of them silent: connected anew');
    $dns->set('db.example.test' => ['127.0.0.3']);
    sleep 1.1;
    goes_not('an address that is silent',
             string(host => 'db.example.test', @plain),
             qr/^it does not answer in time$/);
    $dns->set('db.example.test' => ['127.0.0.1']);
    ok(soon(\&serves), 'an address that is silent: until there is another');
}

my $no_address = qr/^its name has no address; .* "hostaddr" in the connection/;
my $no_server = qr/^no name server answers for its name$|^it does not answer/;

for (['has no address', { code => 'NXDOMAIN' }, $no_address],
     ['has none of either kind', { addr => [] }, undef],
     ['is refused', { code => 'REFUSED' }, undef],
     ['can\'t be told', { code => 'SERVFAIL' }, $no_server],
     ['is not answered', { silent => 1 }, $no_server])
{
    my ($name, $how, $sentence) = @$_;
    my $host = 'n' . ++$strings . '.example.test';
    $dns->set($host => $how);
    goes_not("a name that $name", string(host => $host, @plain),
             $sentence // qr/name/);
    $dns->set($host => ['127.0.0.1']);
    ok(soon(\&serves), "a name that $name: until it has one")
        || diag(join "\n", unusable());
}

$dns->set('moves.example.test' => { addr => ['127.0.0.9'], ttl => 1 });
goes_not('a name of a dead address',
         string(host => 'moves.example.test', @plain),
         qr/"127\.0\.0\.9", .*Connection refused$/);
$dns->set('moves.example.test' => { addr => ['127.0.0.1'], ttl => 1 });
# each worker has a resolver of its own, which remembers for a while
ok(soon(sub { my @all = $pg->backends('edge'); @all == 2 && serves() }),
   'a name that moves: they go there');
$dns->set('moves.example.test' => { addr => ['127.0.0.9'], ttl => 1 });
sleep 2.5;
ok(serves(), 'a name that moves: who is connected stays');
mark();
kick();
ok(soon(sub { "@{[unusable()]}" =~ /127\.0\.0\.9.*refused/ }),
   'a name that moves: asked anew');
$dns->set('moves.example.test' => { addr => ['127.0.0.1'], ttl => 1 });
ok(soon(\&serves), 'a name that moves: and back');
$dns->set('alias.example.test' => { cname => 'moves.example.test' });
goes('an alias', string(host => 'alias.example.test', @plain));

goes('a name in upper case', string(host => 'Alias.EXAMPLE.test', @plain));

$dns->forget;
goes('Localhost', string(host => 'Localhost', sslmode => undef));
goes('localhost', string(host => 'localhost', sslmode => undef));
is($dns->asked('localhost'), 0, 'localhost: nobody is asked');
goes('localhost, without a resolver', string(host => 'localhost',
     sslmode => undef), '');
goes('an address, without a resolver', string(sslmode => undef), '');


# a socket

goes('a socket', string(host => $pg->{home}, password => undef,
                        sslmode => undef));
is($pg->sql("select count(*) from pg_stat_activity where usename = "
            . "'kairo_edge' and client_addr is null"), 2,
   'a socket: it is one');
goes_not('a socket that is not there', string(host => $s->{dir},
         password => undef), qr/on socket.*failed: No such file or directory/);


# the environment and the home directory: all of it is in the string

mkdir $home or die "$home: $!\n";
mkdir "$home/.postgresql";
my ($password) = $pg->conninfo('edge') =~ /password=(\S+)/;
$s->file('home/.pgpass', "*:*:*:*:$password\n");
$s->file('home/.pg_service.conf', "[kairo]\nhost=127.0.0.9\nuser=postgres\n"
         . "password=x\noptions=-c application_name=service\n");
$s->file('home/.postgresql/root.crt',
         Kairo::Provider::slurp("$s->{dir}/other-ca.crt"));
$s->file('home/.postgresql/root.crl', "nonsense\n");
$s->file("home/.postgresql/postgresql.$_", "nonsense\n") for 'crt', 'key';
$s->file('home/pass', "*:*:*:*:$password\n");
chmod 0600, map { "$home/$_" } '.pgpass', 'pass', '.postgresql/postgresql.key';

my %env = (
    PGHOST => '127.0.0.9', PGHOSTADDR => '127.0.0.9', PGPORT => 1,
    PGDATABASE => 'nowhere', PGUSER => 'nobody', PGPASSWORD => 'wrong',
    PGPASSFILE => "$home/pass", PGSERVICE => 'kairo',
    PGSERVICEFILE => "$home/.pg_service.conf", PGSYSCONFDIR => $home,
    PGOPTIONS => '-c no_such_setting=1', PGAPPNAME => 'environment',
    PGSSLMODE => 'require', PGREQUIRESSL => 1,
    PGSSLROOTCERT => "$s->{dir}/other-ca.crt", PGSSLCERT => "$s->{dir}/key",
    PGSSLKEY => "$s->{dir}/key", PGSSLCRL => "$s->{dir}/key",
    PGSSLCRLDIR => $s->{dir}, PGSSLMINPROTOCOLVERSION => 'TLSv1.3',
    PGREQUIREPEER => 'nobody', PGTARGETSESSIONATTRS => 'standby',
    PGCHANNELBINDING => 'require', PGREQUIREAUTH => 'none',
    PGCONNECT_TIMEOUT => 2, PGCLIENTENCODING => 'SJIS',
    PGDATESTYLE => 'German',
    PGTZ => 'Asia/Tokyo', PGGEQO => 'off', PGKRBSRVNAME => 'x',
    PGGSSENCMODE => 'require', PGLOADBALANCEHOSTS => 'random', HOME => $home,
);

# who is connected, and by which settings

sub seen {
    return join ' ', soon(\&serves) ? 'served' : 'not served', $pg->sql(
        "select distinct datname || ' ' || application_name || ' ' "
        . "|| coalesce(host(client_addr), 'socket') from pg_stat_activity "
        . "where usename = 'kairo_edge'");
}

$s->stop;
my @names = sort keys %env;
{
    local @ENV{@names} = @env{@names};
    $s->start(http(string()));
}
my $seen = 'served app kairo 127.0.0.1';
is(seen(), $seen, 'the environment of nginx: nothing of it counts');

for my $name (@names) {
    $s->{main} = "env $name;";
    mark();
    $s->reload(http(string()));
    is(seen(), $seen, "env $name: is nothing to it") ||
        diag(join "\n", unusable());
}
$s->{main} = join ' ', map { "env $_;" } @names;
mark();
$s->reload(http(string()));
is(seen(), $seen, 'all of them are nothing to it') ||
    diag(join "\n", unusable());
goes('all of them, by a socket', string(host => $pg->{home},
     password => undef, sslmode => undef));

for my $with ('PGPASSWORD', 'PGPASSFILE', 'HOME', 'PGSERVICE') {
    $s->{main} = "env $with; env HOME;";
    goes_not("env $with: where there is no password", string(
             password => undef, application_name => $with),
             qr/no password supplied/);
}
tls('good');
$s->{main} = join ' ', map { "env $_;" } @names;
goes('TLS, and what a home has for it',
     string(host => 'db.example.test', sslmode => 'require'));
ok(over_tls(), 'TLS, and what a home has for it: it is TLS');
goes('TLS that is verified, and what a home has for it',
     string(host => 'db.example.test', @full));
tls(undef);
$s->{main} = '';


# PgBouncer, by transactions

my $port = $pg->pgbouncer('transaction', default_pool_size => 3);
$s->{workers} = 4;
goes('PgBouncer', string(port => $port));

sub crowd {
    my ($round) = @_;
    my %said;
    my %id;
    my @sent = map { [$_, $s->send('/s', 'Authorization: Bearer '
                         . token($key, claims => { sub => "u$_" }))] }
               1 .. 200;
    for (@sent) {
        my ($n, $c) = @$_;
        my $got = $s->receive($c);
        my ($code) = $got =~ m{^HTTP/1.1 (\d+)};
        $said{($code // 'nothing') . ' ' . ($s->field($got, 'X-Tier') // '-')}
            ++;
        $id{"u$n"} = $s->field($got, 'X-Id') // '';
    }
    my %real = map { /^(u\d+)\|(.*)/ ? ($1, $2) : () } split /\n/, $pg->sql(
        "select subject, user_id from kairo.users where subject ~ '^u'");
    return (\%said, scalar grep { $id{$_} ne ($real{$_} // 'none') } keys %id);
}

for my $round (1 .. 3) {
    my ($said, $wrong) = crowd($round);
    is_deeply($said, { '200 free' => 200 }, "PgBouncer: a crowd, $round");
    is($wrong, 0, "PgBouncer: each its own answer, $round");
}
$pg->sql("insert into kairo.entitlements (user_id, plan, source) select "
         . "user_id, 'pro', 'test' from kairo.users where subject = 'alice'");
is($s->field($s->get('/s', $bearer), 'X-Tier'), 'pro',
   'PgBouncer: what is sold holds at once');

# as pgbouncer() starts it

sub bounce {
    my @as = qw(setpriv --pdeathsig KILL);
    if ($> == 0) {
        my ($uid, $gid) = (stat "$pg->{home}/data")[4, 5];
        push @as, '--reuid', $uid, '--regid', $gid, '--init-groups';
    }
    my $pid = fork // die "fork: $!\n";
    if ($pid == 0) {
        chdir '/';
        open STDOUT, '>', '/dev/null';
        open STDERR, '>', '/dev/null';
        exec @as, '/usr/sbin/pgbouncer', "$pg->{home}/pgbouncer-$port/ini"
            or POSIX::_exit(127);
    }
    waitpid $pg->{bouncers}{$port}, 0;
    $pg->{bouncers}{$port} = $pid;
    soon(sub { $s->socket($port) });
}

for my $round (1 .. 3) {
    kill 'KILL', $pg->bouncers($port);
    ok(soon(sub { !serves() }), "PgBouncer is killed, $round");
    is($s->status('/up'), 200, "PgBouncer is killed: others go on, $round");
    bounce();
    ok(soon(\&serves), "PgBouncer is there again, $round");
    my ($said, $wrong) = crowd($round);
    is_deeply($said, { '200 free' => 200 },
              "PgBouncer is there again: a crowd, $round");
    is($wrong, 0, "PgBouncer is there again: each its own, $round");
}
$pg->restart('fast');
ok(soon(\&serves), 'Postgres behind PgBouncer is restarted');

mark();
$pg->sql('grant select on kairo.users to kairo_edge');
kill 'KILL', $pg->bouncers($port);
soon(sub { !serves() });
bounce();
ok(soon(sub { "@{[unusable()]}" =~ /kairo_edge may select kairo\.users/ }),
   'PgBouncer: its role is looked at too');
$pg->sql('revoke select on kairo.users from kairo_edge');
ok(soon(\&serves), 'PgBouncer: and taken when it is right');
goes_not('PgBouncer, a database that it does not know',
         string(port => $port, dbname => 'nowhere'), qr/FATAL: .*nowhere/);
goes_not('PgBouncer, a wrong password', string(port => $port,
         password => 'wrong'), qr/FATAL: .*(?:auth|password)/i);

$s->finish;

done_testing();
