package Kairo::Server;

# An nginx for tests that need more than one configuration or signal: started
# with a text, reloaded with another, asked over plain sockets.  Each has a
# folder of its own below build/ and listens on loopback.

use strict;
use warnings;

use File::Path qw(make_path remove_tree);
use IO::Socket::INET;
use Socket qw(SOL_SOCKET SO_RCVTIMEO);
use Test::More;
use Time::HiRes qw(sleep time);

my $count = 0;

sub new {
    my ($class, %with) = @_;
    my $port = ($ENV{TEST_NGINX_CLIENT_PORT} || 18984) + 10 + $count;
    $count += $with{ports} || 1;
    my $self = bless {
        port => $port, workers => $with{workers} || 1, parent => $$,
        dir  => "$ENV{KAIRO_ROOT}/build/server-$port",
        main => $with{main} || '', events => $with{events} || '',
    }, $class;

    remove_tree($self->{dir});
    make_path("$self->{dir}/tmp", "$self->{dir}/html");
    return $self;
}

# The text of http {}; "%%PORT%%" is a port of this server, "%%PORT+1%%" the
# next one where it has more.

sub configure {
    my ($self, $http) = @_;
    my $dir = $self->{dir};
    my $user = $ENV{TEST_NGINX_WORKER_USER}
             ? "user $ENV{TEST_NGINX_WORKER_USER};" : '';
    my $load = join '', map { "load_module $_;\n" }
               split ' ', $ENV{TEST_NGINX_LOAD_MODULES};

    $http =~ s/%%PORT(?:\+(\d))?%%/$self->{port} + ($1 || 0)/ge;
    $self->file('nginx.conf', <<END);
$load$user
worker_processes $self->{workers};
pid nginx.pid;
error_log error.log info;
$self->{main}
events { worker_connections 256; $self->{events} }
http {
    access_log access.log;
    client_body_temp_path tmp/b; proxy_temp_path tmp/p;
    fastcgi_temp_path tmp/f; uwsgi_temp_path tmp/u; scgi_temp_path tmp/s;
    default_type text/plain;
    $http
}
END
    return $self;
}

sub file {
    my ($self, $name, $text) = @_;
    open my $out, '>', "$self->{dir}/$name" or die "$name: $!\n";
    print $out $text;
    close $out;
    return $self;
}

sub command {
    my ($self, @options) = @_;
    return ($ENV{TEST_NGINX_BINARY}, '-p', $self->{dir}, '-c',
            "$self->{dir}/nginx.conf", '-e', 'error.log', @options);
}

# tells HTTP: what "nginx -t" says about it, and whether it is taken.

sub tells {
    my ($self, $http) = @_;
    $self->configure($http);
    my $pid = open my $out, '-|';
    die "fork: $!\n" unless defined $pid;
    if ($pid == 0) {
        open STDERR, '>&', \*STDOUT;
        exec $self->command('-t', '-q') or die "exec: $!\n";
    }
    local $/;
    my $said = <$out> // '';
    close $out;
    return ($said, $? == 0);
}

sub start {
    my ($self, $http) = @_;
    $self->configure($http);
    system($self->command) == 0 or BAIL_OUT('nginx did not start');
    $self->until(sub { $self->pid && $self->get('/up') }) or
        BAIL_OUT('nginx does not answer');
    return $self;
}

# Reloads with another configuration and waits until the new workers are all
# there is.

sub reload {
    my ($self, $http) = @_;
    my %old = map { $_ => 1 } $self->children;
    $self->configure($http);
    kill 'HUP', $self->pid;
    return $self->until(sub {
        my @now = $self->children;
        return @now == $self->{workers} && !grep { $old{$_} } @now;
    });
}

# 0: it had to be forced, since a request had no end.

sub stop {
    my ($self) = @_;
    my $pid = $self->pid or return 1;
    kill 'QUIT', $pid;
    return 1 if $self->until(sub { !alive($pid) });
    kill 'TERM', $pid;
    $self->until(sub { !alive($pid) });
    return 0;
}

# alive PID: it runs.  One that has ended and that its parent has not asked for
# yet does not; a master's parent is the first process, which may take seconds.

sub alive {
    my ($pid) = @_;
    open my $in, '<', "/proc/$pid/stat" or return 0;
    return <$in> !~ /^\d+ \(.*\) [ZX]/s;
}

sub pid {
    my ($self) = @_;
    open my $in, '<', "$self->{dir}/nginx.pid" or return;
    my $pid = <$in>;
    return unless $pid && $pid =~ /^(\d+)/;
    return $1;
}

# The workers of the master.

sub children {
    my ($self) = @_;
    my $pid = $self->pid or return;
    open my $in, '<', "/proc/$pid/task/$pid/children" or return;
    return split ' ', <$in> // '';
}

# until CONDITION: waits for it, a minute at most: slow is not wrong.

sub until {
    my ($self, $condition) = @_;
    my $end = time + 60;
    while (time < $end) {
        return 1 if $condition->();
        sleep 0.02;
    }
    return 0;
}

sub socket {
    my ($self, $port) = @_;
    $port ||= $self->{port};
    my $s = IO::Socket::INET->new(PeerAddr => "127.0.0.1:$port",
                                  Timeout => 30) or return;
    # for each read too
    $s->setsockopt(SOL_SOCKET, SO_RCVTIMEO, pack 'l!l!', 30, 0);
    return $s;
}

# get PATH, FIELD...: the response as one text, '' when there is none.

sub get {
    my ($self, $path, @fields) = @_;
    my $s = $self->send($path, @fields) or return '';
    return $self->receive($s);
}

sub send {
    my ($self, $path, @fields) = @_;
    my $s = $self->socket or return;
    print $s join "\r\n", "GET $path HTTP/1.1", 'Host: localhost',
                  'Connection: close', @fields, '', '';
    return $s;
}

sub receive {
    my ($self, $s) = @_;
    local $/;
    return scalar(<$s>) // '';
}

# ask METHOD, PATH, BODY, FIELD...: the same by another method; a BODY that is
# defined is sent.

sub ask {
    my ($self, $method, $path, $body, @fields) = @_;
    my $s = $self->socket or return '';
    push @fields, 'Content-Length: ' . length $body if defined $body;
    unshift @fields, 'Host: localhost' unless grep { /^Host:/ } @fields;
    print $s join("\r\n", "$method $path HTTP/1.1", 'Connection: close',
                  @fields, '', ''), $body // '';
    return $self->receive($s);
}

# field RESPONSE, NAME: its values with commas between; undef: there is none.

sub field {
    my ($self, $response, $name) = @_;
    my ($head) = split /\r\n\r\n/, $response, 2;
    my @values = ($head // '') =~ /^\Q$name\E: *(.*?)\r?$/mig;
    return @values ? join ', ', @values : undef;
}

sub status {
    my ($self, @request) = @_;
    return $self->get(@request) =~ m{^HTTP/1.1 (\d+)} ? $1 : 0;
}

sub log {
    my ($self, $name) = @_;
    local $/;
    open my $in, '<', "$self->{dir}/" . ($name || 'error.log') or return '';
    return <$in>;
}

# logged PATTERN, NAME: a test that does not show the whole of the log when it
# fails.

sub logged {
    my ($self, $pattern, $name) = @_;
    my @lines = grep { /$pattern/ } split /\n/, $self->log;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    return ok(scalar @lines, $name) || diag("no line matches $pattern");
}

sub not_logged {
    my ($self, $pattern, $name) = @_;
    my @lines = grep { /$pattern/ } split /\n/, $self->log;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    return is($lines[0], undef, $name);
}

# Stops, and reports what a healthy server never logs.

sub finish {
    my ($self) = @_;
    ok($self->stop, 'it ends when it is told to');
    my @bad = grep { !$self->{expected} || !/$self->{expected}/ }
              grep { /\[(alert|emerg|crit)\]|AddressSanitizer/ }
              split /\n/, $self->log;
    is(join("\n", @bad), '', 'no alerts in the log');
}

# A process of the test's that ends is no reason to stop.

sub DESTROY {
    my ($self) = @_;
    local $?;
    $self->stop if $$ == $self->{parent};
}

1;
