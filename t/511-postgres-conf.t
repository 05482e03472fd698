# kairo_postgres and kairo_tier: what each refuses and how it says so, with no
# word of a secret, in nginx -t and in the log; and nothing connects for it.

use strict;
use warnings;

use lib 't/lib';
use IO::Select;
use IO::Socket::INET;
use Kairo::Server;
use Test::More;
use Time::HiRes qw(sleep time);

my $s = Kairo::Server->new(ports => 2);
my $secret = 'hunter2hunter2';

# who would be asked: it listens, and nobody may come

my $port = $s->{port} + 1;
my $listen = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 64,
                                   LocalPort => $port, ReuseAddr => 1)
    or die "port $port: $!\n";

sub visited {
    my ($wait) = @_;
    return IO::Select->new($listen)->can_read($wait // 0) ? 1 : 0;
}

my $local = "host=127.0.0.1 port=$port user=kairo_edge dbname=app";

$s->file('key', 'k' x 32);
$s->file('ca', "no certificate\n");
$s->file('good', "$local password=$secret\n");
$s->file('crlf', "$local password=$secret\r\n");
$s->file('lines', $local =~ s/ /\n/gr . "\npassword='$secret'\n");
$s->file('uri', "postgresql://kairo_edge:$secret\@127.0.0.1:$port/app");
$s->file('empty', '');
$s->file('newline', "\n");
$s->file('blank', "  \n");
$s->file('4096', $local . ' ' x (4096 - length $local));
$s->file('4097', $local . ' ' x (4097 - length $local));
$s->file('remote', "host=db.example.com user=a dbname=b password=$secret");
$s->file('broken', "$local password='$secret\n");
$s->file('broken.uri', "postgresql://a:$secret\@[::1/app");
$s->file('percent', "postgresql://a:$secret%zz\@h/app");
$s->file('extra', "$local password=$secret kairo=$secret");
$s->file('nothing', "$secret");
$s->file('prefer', "host=10.0.0.1 user=a dbname=b sslmode=prefer "
                   . "password=$secret");
mkdir "$s->{dir}/folder";

my $issuer = 'kairo_issuer main { issuer https://issuer.test/; audience api;'
             . " algs HS256; keys secret=file:key; tier tier; }\n";
my $auth = 'kairo_auth required issuer=main;';

# what was said before is not looked at again

sub tells {
    $s->file('error.log', '');
    return $s->tells(@_);
}

sub server { return "server { listen 127.0.0.1:%%PORT%%; $_[0] }\n" }

sub postgres { return "kairo_postgres $_[0];\n" . server('') }

sub wrong {
    my ($name, $http, $message, %with) = @_;
    my ($said, $taken) = tells($http);
    ok(!$taken, "$name: is not taken");
    ok(index($said, $message) >= 0, "$name: says why")
        or diag("expected: $message\ngot: $said");
    like($said, $with{nowhere} ? qr/^nginx: \[emerg\] /m
                               : qr/^nginx: \[emerg\] .* in \S+:\d+\n/ms,
         "$name: and where");
    unlike($said . $s->log, qr/hunter/, "$name: and no secret");
}

# what stands behind ":" or "=" could be a password

sub shown { 'invalid name "' . ($_[0] =~ s/"//gr =~ s/[:=].*//r) . '"' }

sub right {
    my ($name, $http) = @_;
    my ($said, $taken) = tells($http);
    ok($taken, "$name: is taken") or diag($said);
    $said =~ s/^nginx: \[notice\].*\n//mg;
    is($said, '', "$name: without a word");
    unlike($s->log, qr/hunter/, "$name: and no secret");
}

my $right = 'the connection string of database "main" is not right: ';


# arguments, names

wrong("kairo_postgres $_", postgres($_),
      'invalid number of arguments in "kairo_postgres"') for '', 'main';
wrong("a name: $_", postgres("$_ \"$local\""), shown($_) . ' of a database, '
      . 'expected up to 32 of a-z, 0-9, "_" and "-"')
    for '""', 'Main', 'a.b', 'a/b', '"a b"', 'a:b', "\xc3\xa4", 'x' x 33, '$a',
        'a,b';
right("a name: $_", postgres("$_ \"$local\"")) for 'a', '0', '-', '_a-9',
    'x' x 32;
wrong('twice', "kairo_postgres main \"$local\"; kairo_postgres main "
      . "\"$local\";" . server(''), 'duplicate database "main"');
right('two', "kairo_postgres main \"$local\"; kairo_postgres main2 "
      . "\"$local\";" . server(''));
wrong("in $_->[0]", $_->[1], '"kairo_postgres" directive is not allowed here')
    for ['a server', server("kairo_postgres main \"$local\";")],
        ['a location',
         server("location / { kairo_postgres main \"$local\"; }")];


# a secret in the configuration: wherever it stands

my $place = 'has a password, and a configuration is no place for one: write '
            . 'file:PATH or env:NAME, with the string in there';

wrong("a password: $_->[0]", postgres("main \"$_->[1]\""),
      "the connection string of database \"main\" $place") for
    ['of words', "$local password=$secret"],
    ['first', "password=$secret $local"],
    ['with blanks', "$local password = $secret"],
    ['in quotes', "$local password='$secret'"],
    ['in a URI', "postgresql://a:$secret\@127.0.0.1/app"],
    ['in a URI of another name', "postgres://a:$secret\@127.0.0.1/app"],
    ['as a parameter of a URI',
     "postgresql://a\@127.0.0.1/app?password=$secret"],
    ['of a key', "host=127.0.0.1 user=a dbname=b sslpassword=$secret"];
wrong('a password, and something else that is wrong',
      postgres("main \"host=10.0.0.1 user=a dbname=b password=$secret\""),
      $right);
wrong('a password twice', postgres("main \"$local password=$secret "
                                   . "password=x$secret\""),
      "the connection string of database \"main\" $place");
right('an empty password', postgres("main \"$local password=''\""));

# not quoted, so that it is several words to nginx

wrong("a password in a word of its own: $_", postgres($_), 'is not right: ')
    for "main host=127.0.0.1 password=$secret user=a",
        "main user=a password=$secret";
wrong("a password in a word of its own: $_", postgres($_),
      'invalid parameter "')
    for "main \"$local\" password=$secret",
        "main file:good password=$secret",
        "main \"$local\" PASSWORD=$secret",
        "main \"$local\" timeout=1s postgresql://a:$secret\@127.0.0.1/b";
wrong("a password where the name should be: $_", postgres($_),
      'invalid name')
    for "\"$local password=$secret\" timeout=1s",
        "postgresql://a:$secret\@127.0.0.1/b main",
        "password=$secret \"$local\"";


# references

wrong("a reference: $_->[0]", postgres("main $_->[0]"), $_->[1])
    for ['file:none', 'can\'t be opened'], ['file:folder', 'can\'t be read'],
        ['file:empty', 'the secret in "file:empty" is empty'],
        ['file:newline', 'the secret in "file:newline" is empty'],
        ['file:4097', 'has more than 4096 bytes'],
        ['env:KAIRO_NO_SUCH', 'the environment of nginx has no '
         . '"KAIRO_NO_SUCH", which a secret refers to'],
        ['file:nothing', 'it is no connection string'],
        ['file:blank', 'it has no "host"'],
        ['file:broken', 'it is no connection string'],
        ['file:broken.uri', 'it is no connection string'],
        ['file:percent', 'it is no connection string'],
        ['file:extra', 'it is no connection string'],
        ['file:remote', 'it has no "sslmode"'],
        ['file:prefer', 'is one that who is in between can switch off'],
        ['file:', 'it is no connection string'],
        ['env:', 'it is no connection string'];
{
    local $ENV{KAIRO_EMPTY} = '';
    local $ENV{KAIRO_STRING} = "$local password=$secret";
    local $ENV{KAIRO_WRONG} = "$local password='$secret";
    wrong('an empty variable', postgres('main env:KAIRO_EMPTY'),
          'the secret in "env:KAIRO_EMPTY" is empty');
    wrong('a variable that is wrong', postgres('main env:KAIRO_WRONG'),
          "${right}it is no connection string");
    right('a variable', postgres('main env:KAIRO_STRING'));
}
right("a reference: $_", postgres("main file:$_"))
    for 'good', 'crlf', 'lines', 'uri', '4096', "$s->{dir}/good";


# connection strings

my $no_string = 'it is no connection string, expected "host=... dbname=... '
                . 'user=..." or "postgresql://user@host/dbname"';
my $several = 'it names several servers, expected one: a proxy or a name can '
              . 'stand for several';
my $no_host = 'it has no "host": a name, an address, or the folder of a '
              . 'socket as in "host=/run/postgresql"';
my $no_user = 'it has no "user" or no "dbname", as in "user=kairo_edge '
              . 'dbname=app"';
my $port_is = 'its "port" is no number from 1 to 65535';
my $mode = 'its "sslmode" is one that who is in between can switch off, '
           . 'expected verify-full, verify-ca, require or disable';
my $no_mode = 'its server is another machine and it has no "sslmode", '
              . 'expected "sslmode=verify-full sslrootcert=FILE", or '
              . '"sslmode=disable" where nobody can listen';
my $no_root = 'its "sslmode" verifies and it has no "sslrootcert", as in '
              . '"sslrootcert=/etc/ssl/certs/ca-certificates.crt"';
my $no_use = 'it has a keyword that kairo has no use for, expected host, '
             . 'hostaddr, port, dbname, user, password, options, '
             . 'application_name, and those of TLS and keepalives';
my $elsewhere = 'it refers to another file, expected all of it in one place: '
                . '"file:PATH"';
my $sets = 'it has "client_encoding" or "gssencmode", which kairo sets';
my $waits = 'it has "connect_timeout", which is a parameter of the directive';
my $of = 'user=a dbname=b';

wrong("a string: $_->[0]", postgres("main \"$_->[0]\""), $right . $_->[1]) for
    ['app', $no_string], ['host', $no_string], ['host=127.0.0.1;', $no_user],
    ['host:127.0.0.1', $no_string], ["$local sslmod=disable", $no_string],
    ["$local HOST=x", $no_string], ["$local x", $no_string],
    ['mysql://a@h/b', $no_string], ['postgresql:/a@h/b', $no_string],
    ["host='127.0.0.1 $of", $no_string],
    ['', $no_host], [' ', $no_host], [$of, $no_host],
    ["host='' $of", $no_host], ['postgresql:///b', $no_host],
    ['postgresql://a@/b', $no_host], ["port=5432 $of", $no_host],
    ['host=127.0.0.1', $no_user], ['host=127.0.0.1 user=a', $no_user],
    ['host=127.0.0.1 dbname=b', $no_user],
    ["host=127.0.0.1 user='' dbname=b", $no_user],
    ['postgresql://127.0.0.1/b', $no_user],
    ['postgresql://a@127.0.0.1', $no_user],
    ["host=127.0.0.1,127.0.0.2 $of", $several],
    ["host=/tmp,/run $of", $several],
    ["host=127.0.0.1 port=1,2 $of", $several],
    ["hostaddr=127.0.0.1,127.0.0.2 $of", $several],
    ["host=, $of", $several],
    ['postgresql://a@127.0.0.1,127.0.0.2/b', $several],
    (map { ["host=127.0.0.1 port=$_ $of", $port_is] }
     0, -1, 65536, 'x', '5432x', '0x10', '99999999999999999999', '1.5'),
    ["hostaddr=db.example.com $of", 'its "hostaddr" is no address'],
    ["host=db.example.com hostaddr=1.2.3 $of",
     'its "hostaddr" is no address'],
    ["hostaddr=127.0.0.1/8 $of", 'its "hostaddr" is no address'],
    (map { ["host=$_ $of", $no_mode] }
     'db.example.com', '10.0.0.1', '2606:4700::1', '::ffff:127.0.0.1',
     'localhost.', '128.0.0.1', '1270.example.com', '0.0.0.0'),
    ["host=localhost hostaddr=10.0.0.1 $of", $no_mode],
    ["hostaddr=10.0.0.1 $of", $no_mode],
    ['postgresql://a@db.example.com/b', $no_mode],
    (map { ["$_->[0] sslmode=$_->[1] $of", $mode] }
     map({ my $host = $_; map { ["host=$host", $_] } 'prefer', 'allow' }
         'db.example.com', '10.0.0.1', '127.0.0.1', 'localhost')),
    ['postgresql://a@db.example.com/b?sslmode=prefer', $mode],
    (map { ["host=db.example.com sslmode=$_ $of", $no_root] }
     'verify-full', 'verify-ca'),
    ["host=127.0.0.1 sslmode=verify-full $of", $no_root],
    ["$local connect_timeout=5", $waits],
    ["$local service=app", $elsewhere],
    ["$local passfile=/etc/pgpass", $elsewhere],
    ["$local client_encoding=UTF8", $sets],
    ["$local gssencmode=prefer", $sets],
    (map { ["$local $_", $no_use] }
     'target_session_attrs=read-write', 'replication=database',
     'krbsrvname=x', 'requirepeer=x', 'fallback_application_name=x',
     'sslcompression=1', 'sslcrldir=/x', 'gsslib=gssapi');
wrong("a string with an sslmode that there is not: $_",
      postgres("main \"host=db.example.com sslmode=$_ $of\""),
      "${right}its \"sslmode\" is none, expected verify-full, verify-ca, "
      . 'require or disable')
    for 'on', 'verify', 'REQUIRE', 'verifyfull', 'disabled', 'required';
wrong('no name: ' . $_,
      postgres("main \"host=$_ sslmode=disable $of\""),
      "${right}its \"host\" is no name", nowhere => 1)
    for 'a..b', '.a', 'a.', 'a/b', '127.0.0.1:5432', '[::1]', 'x' x 64,
        join('.', ('x' x 50) x 6), "'a b'", 'a%', "\xc3\xa4.example.com", '-%';

wrong('a certificate that is not there', postgres(
      "main \"host=db.example.com sslmode=verify-full sslrootcert=/no/file "
      . "$of\""), "${right}its \"sslrootcert\" can't be read", nowhere => 1);

right("a string: $_", "resolver 127.0.0.1:9;" . postgres("main \"$_\"")) for
    $local, "host=::1 $of", "host=localhost $of", "host=Localhost $of",
    "host=127.8.9.10 $of",
    "host=/run/postgresql $of", "host=\@kairo $of", "hostaddr=127.0.0.1 $of",
    "host=db.example.com hostaddr=127.0.0.1 $of",
    "host=db.example.com sslmode=disable $of",
    "host=db.example.com sslmode=require $of",
    "host=db.example.com sslmode=verify-full sslrootcert=$s->{dir}/ca $of",
    "host=10.0.0.1 sslmode=verify-ca sslrootcert=$s->{dir}/ca $of",
    "host=/tmp sslmode=prefer $of", "host=/run/a port=1 $of",
    "postgresql://a\@127.0.0.1:65535/b", 'postgresql://a@%2Frun/b',
    'postgresql://a@[::1]/b', 'postgres://a@localhost/b',
    "$local options='-c jit=off'", "$local application_name=edge-1",
    "$local keepalives=1 keepalives_idle=5 keepalives_interval=1 "
    . 'keepalives_count=2 tcp_user_timeout=1000',
    "host=db.example.com sslmode=require sslcert=/a sslkey=/b sslcrl=/c "
    . "sslsni=1 ssl_min_protocol_version=TLSv1.3 "
    . "ssl_max_protocol_version=TLSv1.3 channel_binding=require $of";


# parameters

my $invalid = 'expected timeout=TIME and connect_timeout=TIME from 10ms to '
              . '60s, lifetime=TIME from 1s to 24h, connections=1 to 16 or '
              . 'queue=1 to 65536; a connection string that has spaces is '
              . 'quoted';

wrong("a parameter: $_", postgres("main \"$local\" $_"),
      'invalid parameter "' . s/"|[=:].*//gr . "\", $invalid") for
    'timeout', 'timeout=', 'timeout=0', 'timeout=9ms', 'timeout=61s',
    'timeout=60001ms', 'timeout=2m', 'timeout=x', 'timeout=-1s', 'timeout=1h',
    'timeout=1.5s', 'timeout=99999999999999999999s', 'Timeout=1s',
    'connect_timeout=', 'connect_timeout=9ms', 'connect_timeout=61s',
    'connect_timeout=0', 'lifetime=', 'lifetime=999ms', 'lifetime=25h',
    'lifetime=86400001ms', 'lifetime=x', 'connections=', 'connections=0', 'connections=17',
    'connections=-1', 'connections=1x', 'connections=x', 'queue=', 'queue=0',
    'queue=65537', 'queue=x', 'queue=99999999999999999999', 'queue', 'on',
    'pool=2', '""', '"timeout =1s"', 'resolver=1.2.3.4';
right("a parameter: $_", postgres("main \"$local\" $_")) for
    'timeout=10ms', 'timeout=60s', 'timeout=1m', 'timeout=60000ms',
    'connect_timeout=10ms', 'connect_timeout=60s', 'lifetime=1s',
    'lifetime=24h', 'connections=1',
    'connections=16', 'queue=1', 'queue=65536',
    'timeout=1s connect_timeout=2s connections=2 queue=3',
    'queue=3 connections=2 connect_timeout=2s timeout=1s';


# kairo_tier

my $main = "kairo_postgres main \"$local\";\n";

sub place { return $main . $issuer . server("$auth location /x { $_[0] }") }

my $expected = 'expected "token", or postgres=NAME with default=TIER and '
               . 'on_error=refuse or pass';

wrong("kairo_tier $_->[0]", place("kairo_tier $_->[0];"), $_->[1]) for
    ['', 'invalid number of arguments in "kairo_tier"'],
    (map { [$_, 'invalid parameter "' . (split)[-1] . "\", $expected"] }
     'main', 'off', 'on', 'Token', 'tokens', 'postgres', 'postgres=',
     'Postgres=main', 'database=main', 'postgres=main default',
     'postgres=main default=', 'postgres=main on_error',
     'postgres=main on_error=', 'postgres=main on_error=fail',
     'postgres=main on_error=Pass', 'postgres=main on_error=pass,refuse',
     'postgres=main token', 'postgres=main timeout=1s'),
    ['""', "invalid parameter \"\", $expected"],
    ['token postgres=main', "invalid parameter \"token\", $expected"],
    ['token default=x', "invalid parameter \"token\", $expected"],
    (map { [$_, 'has no "postgres=NAME"'] }
     'default=x', 'on_error=pass', 'default=x on_error=refuse'),
    (map { ["postgres=main \"default=$_\"", 'invalid tier "'] }
     'a b', 'a,b', "a\r\nX: 1", "\xc3\xa4", 'x' x 65),
    ['postgres=main default=admin', 'can\'t have "admin" for a tier: '
     . 'administrators are those of kairo_admins'];
wrong("kairo_tier twice: $_", place($_), '"kairo_tier" directive is duplicate')
    for 'kairo_tier token; kairo_tier token;',
        'kairo_tier postgres=main; kairo_tier postgres=main;',
        'kairo_tier token; kairo_tier postgres=main;',
        'kairo_tier postgres=main; kairo_tier token;';
wrong('kairo_tier in an "if"', place('if ($arg_x) { kairo_tier token; }'),
      '"kairo_tier" directive is not allowed here');
right("kairo_tier $_", place("kairo_tier $_;")) for
    'token', 'postgres=main', 'postgres=main default=free',
    'default=free postgres=main', 'postgres=main on_error=pass',
    'postgres=main on_error=refuse default=x', 'postgres=main default=Admin',
    'postgres=main default=administrator';

wrong("kairo_tier_log_level $_", place("kairo_tier_log_level $_;"),
      "invalid value \"$_\"") for 'off', 'debug', 'crit', 'x';
wrong('kairo_tier_log_level twice',
      place('kairo_tier_log_level warn; kairo_tier_log_level warn;'),
      '"kairo_tier_log_level" directive is duplicate');
right("kairo_tier_log_level $_", place("kairo_tier_log_level $_;"))
    for qw(info notice warn error);
wrong('kairo_tier_dry_run x', place('kairo_tier_dry_run x;'),
      'invalid value "x" in "kairo_tier_dry_run" directive');
wrong('kairo_tier_dry_run twice',
      place('kairo_tier_dry_run on; kairo_tier_dry_run on;'),
      '"kairo_tier_dry_run" directive is duplicate');
right("kairo_tier_dry_run $_", place("kairo_tier_dry_run $_;"))
    for qw(on off);


# what it needs

my $no_db = 'there is no "kairo_postgres" of that name in http';
my $nobody = 'nobody is known without "kairo_auth required" in the same place';
my $tier = 'kairo_tier postgres=main;';

wrong('no database', $issuer . server("$auth location /x { $tier }"),
      "location \"/x\" has \"kairo_tier postgres=main\", and $no_db",
      nowhere => 1);
wrong('another database', $main . $issuer
      . server("$auth location /x { kairo_tier postgres=mai; }"),
      "location \"/x\" has \"kairo_tier postgres=mai\", and $no_db",
      nowhere => 1);
wrong('another database, outside of locations', $main . $issuer
      . server("$auth kairo_tier postgres=main2;"),
      'a server, outside of its locations, has "kairo_tier postgres=main2", '
      . "and $no_db", nowhere => 1);
right('a database behind its use', $issuer
      . server("$auth location /x { $tier }") . $main);
wrong("auth: $_->[0]", $main . $issuer . $_->[1],
      "$_->[2] has \"kairo_tier postgres=main\", and $nobody", nowhere => 1)
    for
    ['none', server("location /x { $tier }"), 'location "/x"'],
    ['none, in a server', server($tier),
     'a server, outside of its locations,'],
    ['none, in http', $tier . server(''),
     'a server, outside of its locations,'],
    ['none in one of two servers', $tier . server($auth)
     . server('server_name other;'), 'a server, outside of its locations,'],
    ['optional', server('kairo_auth optional issuer=main; location /x '
                        . "{ $tier }"), 'location "/x"'],
    ['taken away', server("$auth location /x { kairo_auth off; $tier }"),
     'location "/x"'],
    ['taken away below', server("$auth $tier location /x { kairo_auth off; }"),
     'location "/x"'],
    ['optional below', server("$auth $tier location /x { location /x/y { "
                              . 'kairo_auth optional issuer=main; } }'),
     'location "/x/y"'],
    ['in a named location', server("location \@x { $tier }"),
     'location "@x"'];
right("auth: $_->[0]", $main . $issuer . $_->[1]) for
    ['from above', $auth . $tier . server('location /x { }')],
    ['taken away, with token',
     server("$auth $tier location /x { kairo_auth off; kairo_tier token; }")],
    ['from below', server("location /x { $auth $tier }")],
    ['in a dry run', server("$auth kairo_auth_dry_run on; $tier")],
    ['token needs none', server('kairo_tier token;')],
    ['options need none', server('kairo_tier_dry_run on; '
                                 . 'kairo_tier_log_level info;')];

is(visited(0.5), 0, 'of all this nobody has connected anywhere');


# nginx -t where the database is and where it is not

right('a database that listens', place($tier));
is(visited(0.5), 0, 'nginx -t connects nowhere');
right('a database that does not',
      "kairo_postgres main \"host=127.0.0.1 port=1 $of\";" . $issuer
      . server("$auth location /x { $tier }"));
right('a name that nobody knows', 'resolver 127.0.0.1:9;'
      . "kairo_postgres main \"host=no.such.host.test sslmode=disable $of\";"
      . $issuer . server("$auth location /x { $tier }"));
right('a socket that is not there',
      postgres("main \"host=/nonexistent $of\""));
{
    my $started = time;
    $s->tells('resolver 192.0.2.1;'
              . postgres("main \"host=no.such.host.test sslmode=disable "
                         . "$of\""));
    cmp_ok(time - $started, '<', 2, 'nginx -t waits for nobody');
}


# a worker connects, and the log has no secret at any level

my $up = 'location = /up { return 200 up; }';

for my $level ('info', 'debug') {
    $s->file('error.log', '');
    $s->{main} = "error_log error.log $level;";
    $s->start("kairo_postgres main file:good connect_timeout=300ms;\n"
              . $issuer . server("$up location /x { $auth $tier }"));
    ok(visited(10), "$level: a worker connects, and nobody asks for it");
    my $c = $listen->accept;
    sysread $c, my $bytes, 1000;
    like($bytes // '', qr/user\0kairo_edge\0/, "$level: as who it is");
    unlike($bytes // '', qr/hunter/, "$level: without its password yet");
    # it wants the password in the clear, and says no
    syswrite $c, pack('A N N', 'R', 8, 3);
    sysread $c, $bytes, 1000;
    my $message = "SFATAL\0VFATAL\0C28P01\0Mpassword authentication failed "
                  . "for user \"kairo_edge\"\0\0";
    syswrite $c, pack('A N', 'E', 4 + length $message) . $message;
    ok($s->until(sub { $s->log =~ /"main" can't be used: /}),
       "$level: it can't be used");
    $s->logged(qr/"main" can't be used: .*password authentication failed/,
               "$level: the log says why");
    $s->not_logged(qr/hunter/, "$level: no secret in the log");
    $s->file('good', "$local password=$secret sslmode=prefer\n");
    kill 'HUP', $s->pid;
    ok($s->until(sub { $s->log =~ /is one that who is in between/ }),
       "$level: a reload of what is wrong is refused");
    $s->not_logged(qr/hunter/, "$level: no secret in the log, then");
    $s->file('good', "$local password=$secret\n");
    $s->stop;
    $listen->blocking(0);
    1 while $listen->accept;
    $listen->blocking(1);
}

$s->{expected} = qr/\[emerg\].*is not right/;
$s->start($issuer . server($up));
$s->finish;

done_testing();
