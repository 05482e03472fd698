# What is between nginx and Postgres, and what goes wrong there, while clients
# ask: cuts, delays, silence, resets, refusals, and servers that are none.  Each
# request is answered in time, and nobody is taken for another.

use strict;
use warnings;

use lib 't/lib';
use IO::Select;
use IO::Socket::INET;
use Kairo::Dns;
use Kairo::Load;
use Kairo::Postgres;
use Kairo::Provider;
use Kairo::Proxy;
use Kairo::Server;
use Kairo::Token qw(key token jwks);
use Test::More;
use Time::HiRes qw(sleep time);

my $timeout = 1;
my $users = 8;

my $pg = Kairo::Postgres->new;
my $proxy = Kairo::Proxy->new(to => $pg->{port});
my $liar = Liar->new;
my $dns = Kairo::Dns->new;
my $s = Kairo::Server->new(workers => 2);
my $key = key('p256', 1);

$pg->sql(join '', map { <<"END" } 1 .. $users);
insert into kairo.plans values ('p$_', 'p$_');
with u as (insert into kairo.users (issuer, subject) values ('file', 'u$_')
           returning user_id)
insert into kairo.entitlements (user_id, plan, source)
    select user_id, 'p$_', 'test' from u;
END

my $data = "$pg->{home}/data";
system("openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=pg "
       . "-keyout $data/server.key -out $data/server.crt 2>/dev/null") == 0
    or die "openssl\n";
chmod 0600, "$data/server.key";
chown((stat $data)[4, 5], "$data/server.key", "$data/server.crt");
$pg->sql('alter system set ssl = on');
$pg->sql('select pg_reload_conf()');

# both of the addresses of a name refuse

$dns->set('gone.example.com' => ['127.0.0.2', '127.0.0.3']);

my $plain = $pg->conninfo('edge', $proxy->{port});
$s->file('keys', jwks($key));
$s->file('plain', $plain);
$s->file('tls', $plain =~ s/sslmode=disable/sslmode=require/r);
$s->file('liar', $pg->conninfo('edge', $liar->{port}));
$s->file('gone', $plain =~ s/host=\S+/host=gone.example.com/r);
$s->file('html/t', 'content');

my $http = join '', <<END, map { <<"LOCATION" } qw(plain tls liar gone);
    access_log off;
    resolver 127.0.0.1:$dns->{port};
    kairo_issuer file { issuer https://issuer.test/; audience api;
                        algs ES256; keys file=keys; }
    kairo_postgres plain file:plain timeout=${timeout}s connect_timeout=1s;
    kairo_postgres tls file:tls timeout=${timeout}s connect_timeout=1s
                   connections=2;
    %LIAR%
    add_header X-Tier \$kairo_tier;
    server {
        listen 127.0.0.1:%%PORT%%;
        root html;
        kairo_auth_log_level info;
        location = /up { return 200 up; }
        location = /free { return 200 plain; }
        location = /metrics { kairo_metrics; }
END
        location = /$_ { kairo_auth required issuer=file;
                         kairo_tier postgres=$_ default=free;
                         try_files /t =404; }
LOCATION
$http .= "}\n";
my $others = <<"END";
    kairo_postgres liar file:liar timeout=${timeout}s connect_timeout=1s;
    kairo_postgres gone file:gone timeout=${timeout}s connect_timeout=1s;
END

sub config {
    my ($with) = @_;
    return $http =~ s/%LIAR%/$others/r if $with;
    return $http =~ s/%LIAR%//r =~ s/location = \/(?:liar|gone) \{.*?\}//gsr;
}

$s->start(config(0));

sub bearer {
    return 'Authorization: Bearer '
           . token($key, claims => { sub => $_[0] });
}

sub connections {
    my ($db, $result) = @_;
    my $name = qr/kairo_postgres_connections_total/;
    return $s->get('/metrics')
        =~ /^$name\{database="$db",result="$result"\} (\d+)/m ? $1 : 0;
}

my $me = bearer('u1');

sub whole {
    return $s->until(sub {
        $proxy->connections == 6 && $pg->backends('edge') == 6
            && $s->status('/plain', $me) == 200
            && $s->status('/tls', $me) == 200;
    });
}

ok(whole(), 'two workers are connected, by one connection and by two');

my @workers = sort $s->children;
my %descriptors = map { $_ => Kairo::Load::descriptors($_) } @workers;
my @requests = map {
    my $n = $_;
    map { { kind => $_, path => "/$_", fields => [bearer("u$n")],
            good => qr/^X-Tier: p$n\r$/m } } 'plain', 'tls'
} 1 .. $users;
push @requests, ({ kind => 'free', path => '/free', good => qr/plain/ }) x 4;
my $load = Kairo::Load->new(port => $s->{port}, clients => 24,
                            requests => \@requests);
sleep 0.5;

# wire NAME, OPTION => VALUE..., do => CODE
#
#     none      1: nobody is refused
#     refused   1: somebody is
#     lost      connections that are made anew, at least

sub wire {
    my ($name, %with) = @_;
    my $log = length $s->log;
    my $made = connections('plain', 'made') + connections('tls', 'made');
    my ($before, $at) = ($proxy->accepted, time);

    $load->take;
    $with{do}->();
    my ($accepted, $while) = ($proxy->accepted - $before, time - $at);
    $proxy->set;
    my $whole = whole();
    my $took = time - $at - $while;
    sleep 0.2;
    my $got = $load->take;
    my ($free, @of) = @$got{qw(free plain tls)};
    my @lines = grep { /kairo postgres/ } split /\n/, substr $s->log, $log;

    diag(sprintf '%s: %d asked, %d refused, %.0f and %.0f ms; free %.0f ms; '
         . '%.1f s, %d connections, well after %.1f s, %d lines', $name,
         $of[0]{n} + $of[1]{n}, $of[0]{refused} + $of[1]{refused},
         $of[0]{slowest}, $of[1]{slowest}, $free->{slowest}, $while,
         $accepted, $took, scalar @lines);

    ok($whole, "$name: all is well afterwards");
    cmp_ok($took, '<', 15, "$name: soon");
    is_deeply($got->{odd}, [],
              "$name: nothing but answers and the documented refusal");
    cmp_ok($_->{n}, '>', 20, "$name: clients did ask") for @of;
    is($free->{refused}, 0, "$name: who needs no database is not concerned");
    my $slack = 500 + 3 * $free->{slowest};
    cmp_ok($_->{slowest}, '<', 1000 * $timeout + $slack,
           "$name: answered in time") for @of;
    cmp_ok($free->{slowest}, '<', 1000, "$name: no worker was held up");
    is($of[0]{refused} + $of[1]{refused}, 0, "$name: nobody is refused")
        if $with{none};
    cmp_ok($of[0]{refused} + $of[1]{refused}, '>', 0,
           "$name: some were refused") if $with{refused};
    cmp_ok(connections('plain', 'made') + connections('tls', 'made') - $made,
           '>=', $with{lost}, "$name: connections were lost") if $with{lost};
    # each of six no more than four times a second
    cmp_ok($accepted, '<', 12 + 30 * $while,
           "$name: no loop of connections");
    cmp_ok(scalar @lines, '<', 40 + 30 * $while, "$name: lines are bounded")
        or diag(join "\n", @lines[0 .. 30]);
    is("@{[sort $s->children]}", "@workers", "$name: no worker has died");
}

wire('all are closed', none => 1, lost => 6, do => sub {
    is($proxy->drop, 6, 'six were there');
});
sleep 1.1;
wire('all are reset', none => 1, lost => 6, do => sub {
    is($proxy->drop('rst'), 6, 'six were there');
});

# the answer that is cut, at each of many places of it and of the handshake

wire('cut after some bytes', refused => 1, lost => 6, do => sub {
    for my $n (0, 1, 4, 5, 17, 60, 99, 150, 400, 700, 1500, 3000) {
        $proxy->set(to_client => $n, end => $n % 2 ? 'rst' : 'close');
        sleep 0.25;
    }
});
wire('cut after some bytes of questions', refused => 1, lost => 6, do => sub {
    for my $n (0, 1, 7, 30, 90, 200, 1000, 5000) {
        $proxy->set(to_server => $n, end => $n % 2 ? 'rst' : 'close');
        sleep 0.25;
    }
});
for my $type (qw(D T Z)) {
    wire("cut within a message \"$type\"", lost => 2, do => sub {
        $proxy->set(message => $type);
        sleep 0.6;
    });
}

wire('silent after some bytes', refused => 1, lost => 2, do => sub {
    $proxy->set(to_client => 300, end => 'hang');
    sleep 2.5;
});
wire('swallowed', refused => 1, lost => 6, do => sub {
    $proxy->set(mode => 'swallow');
    sleep 2.5;
});
wire('late, but in time', none => 1, do => sub {
    $proxy->set(delay => 0.1);
    sleep 1;
});
wire('too late', refused => 1, do => sub {
    $proxy->set(delay => 0.8);
    sleep 3;
});
for my $mode (qw(close rst refuse)) {
    wire("sent away, by $mode", refused => 1, lost => 6, do => sub {
        $proxy->set(mode => $mode);
        $proxy->drop;
        sleep 2.5;
        $load->pause;
        cmp_ok(Kairo::Load::busy(0.5, @workers), '<', 0.3,
               "$mode: no worker spins");
        $load->go;
    });
}

# a server that lets everybody in, and then closes with the first question: it
# is not met in a loop

wire('cut with each question', refused => 1, lost => 6, do => sub {
    for (1 .. 10) {
        $proxy->set(message => 'D');
        $proxy->drop if $_ == 5;
        sleep 0.2;
    }
});

$load->pause;
cmp_ok(Kairo::Load::busy(1, @workers), '<', 0.1, 'nothing spins');
$load->finish;
for my $pid (@workers) {
    ok($s->until(sub { Kairo::Load::descriptors($pid) <= $descriptors{$pid} }),
       'no descriptor is left open')
        or diag("$descriptors{$pid}, now "
                . Kairo::Load::descriptors($pid));
}

# servers that are none

my $begin = pack 'C N N', ord 'R', 8, 0;
my %lies = (
    'garbage'               => ["\x00\xff" x 500],
    'a web server'          => ["HTTP/1.1 400 Bad Request\r\n\r\n"],
    'nothing but a notice'  => [("N" . pack('N', 4 + 30) . "SWARNING\0C00000\0"
                                 . "Mshouted again\0")],
    'an endless message'    => ['R' . pack('N', 0x7fffffff), ('x' x 1000) x 50],
    'no length at all'      => ['R' . pack('N', 0)],
    'in, and then garbage'  => [$begin . 'Z' . pack('N', 5) . 'I',
                                "\x00\xff" x 500],
    'in, and then silence'  => [$begin . 'Z' . pack('N', 5) . 'I'],
    'in, and an endless answer' => [
        $begin . 'Z' . pack('N', 5) . 'I', '1' . pack('N', 4)
        . '2' . pack('N', 4) . 'T' . pack('N n Z* N n N n N n', 6 + 20, 1, 'w',
                                          0, 0, 25, -1, -1, 0),
        ('D' . pack('N n N', 10 + 5000, 1, 5000) . 'x' x 5000) x 200],
    'in, and an error without end' => [
        $begin . 'Z' . pack('N', 5) . 'I',
        ('E' . pack('N', 4 + 21) . "SERROR\0C42601\0Mno\0\0") x 200],
    'in, and copies' => [$begin . 'Z' . pack('N', 5) . 'I',
                         '1' . pack('N', 4) . '2' . pack('N', 4)
                         . 'H' . pack('N C n', 7, 0, 0)],
    'in, and answers that nobody has asked for' => [
        $begin . 'Z' . pack('N', 5) . 'I',
        ('C' . pack('N', 4 + 9) . "SELECT 1\0" . 'Z' . pack('N', 5) . 'I')
        x 2000],
);

$s->reload(config(1)) or fail('reload');
@workers = sort $s->children;

for my $name (sort keys %lies) {
    $liar->say(0.005, @{$lies{$name}});
    my ($log, $before, $at) = (length $s->log, $liar->accepted, time);
    my @asked = map { $s->send('/liar', $me) } 1 .. 8;
    my @got = map { $s->receive($_) =~ /^\S+ (\d+)/ ? $1 : 'none' } @asked;
    cmp_ok(time - $at, '<', 4 * $timeout, "$name: answered in time");
    is("@got", "503 503 503 503 503 503 503 503", "$name: refused");
    $s->until(sub { $liar->accepted > $before });
    cmp_ok($liar->accepted - $before, '<', 12 + 30 * (time - $at),
           "$name: no loop of connections");
    cmp_ok(Kairo::Load::busy(0.3, @workers), '<', 0.5,
           "$name: no worker spins");
    my @lines = grep { /kairo postgres/ } split /\n/, substr $s->log, $log;
    cmp_ok(scalar @lines, '<', 20, "$name: lines are bounded")
        or diag(join "\n", @lines[0 .. 20]);
    is("@{[sort $s->children]}", "@workers", "$name: no worker has died");
    last unless is($s->status('/free'), 200, "$name: others are served");
}
$s->not_logged(qr/shouted again|\x00/, 'what it says is no line of the log');

# a name whose addresses refuse, each in words of its own

{
    my $log = length $s->log;
    my $before = connections('gone', 'failed');
    ok($s->until(sub { connections('gone', 'failed') >= $before + 5 }),
       'a name that refuses is tried');
    my $lines = () = substr($s->log, $log) =~ /"gone" can't be used/g;
    cmp_ok($lines, '<=', 2, 'which is said once, not for each try');
}

$s->finish;

done_testing();


package Liar;

# Listens as a Postgres would, and says to everybody what a test wants.

sub new {
    my ($class) = @_;
    my $port = Kairo::Postgres::next_port();
    my $self = bless { port => $port, parent => $$,
                       file => "$ENV{KAIRO_ROOT}/build/liar-$port" }, $class;
    my $listen = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 64,
                     LocalPort => $port, ReuseAddr => 1)
        or die "port $port: $!\n";
    $self->say(0, '');
    open my $empty, '>', "$self->{file}.accepted";
    close $empty;
    $self->{pid} = fork // die "fork: $!\n";
    $self->serve($listen) if $self->{pid} == 0;
    close $listen;
    return $self;
}

# say PAUSE, PIECE...: the first one once a client has said something, the
# others when it has said something more, with pauses between.

sub say {
    my ($self, $pause, @pieces) = @_;
    open my $out, '>:raw', "$self->{file}.new" or die "liar: $!\n";
    print $out JSON::PP->new->latin1->encode([$pause, @pieces]);
    close $out;
    rename "$self->{file}.new", $self->{file};
}

sub accepted { return -s "$_[0]{file}.accepted" }

sub serve {
    my ($self, $listen) = @_;
    my $waiting = IO::Select->new($listen);
    local $SIG{CHLD} = 'IGNORE';
    $SIG{TERM} = 'DEFAULT';
    $SIG{PIPE} = 'DEFAULT';
    while (getppid == $self->{parent}) {
        next unless $waiting->can_read(0.5);
        my $c = $listen->accept or next;
        open my $count, '>>', "$self->{file}.accepted";
        syswrite $count, '.';
        close $count;
        my $pid = fork;
        if (defined $pid && $pid == 0) {
            close $listen;
            my ($pause, @pieces) = @{JSON::PP->new->latin1->decode(
                Kairo::Provider::slurp($self->{file}))};
            for my $n (0 .. $#pieces) {
                sysread $c, my $said, 65536 or last if $n < 2;
                syswrite $c, $pieces[$n] or last;
                Time::HiRes::sleep($pause);
            }
            Kairo::Provider::leave()
                unless defined sysread $c, my $rest, 1;
            1 while sysread $c, $rest, 65536;
            Kairo::Provider::leave();
        }
        close $c;
    }
    Kairo::Provider::leave();
}

sub DESTROY {
    my ($self) = @_;
    return unless $self->{pid} && $$ == $self->{parent};
    local ($?, $!);
    kill 'TERM', $self->{pid};
    waitpid delete $self->{pid}, 0;
}
