package Kairo::Postgres;

# A Postgres of a test's own, with kairo's tables and Debian's programs, by
# scripts/cluster; and a PgBouncer in front of it.  Nothing of it survives the
# test, however that ends.

use strict;
use warnings;

use IPC::Open2;
use POSIX ();
use Time::HiRes qw(sleep time);

use Kairo::Provider;
use Kairo::Server;

my $count = 0;
my $files = 0;
my %user = (admin => 'postgres', edge => 'kairo_edge',
            server => 'kairo_server', auditor => 'auditor');
my %signal = (smart => 'TERM', fast => 'INT', immediate => 'QUIT');

# port => PORT, or one of the test's own.

sub new {
    my ($class, %with) = @_;
    my $port = $with{port} // next_port();
    my $self = bless { port => $port, parent => $$,
                       dir => "$ENV{KAIRO_ROOT}/build/postgres-$port" },
               $class;

    $self->{guard} = fork // die "fork: $!\n";
    $self->guard if $self->{guard} == 0;
    $self->cluster('start', $self->{dir}, $port);
    $self->{home} = readlink("$self->{dir}/server") // "$self->{dir}/server";
    return $self;
}

sub next_port { ($ENV{TEST_NGINX_CLIENT_PORT} || 18984) + 90 + $count++ }

sub cluster {
    my ($self, @verb) = @_;
    my @setpriv = $verb[0] eq 'start' ? qw(setpriv --pdeathsig TERM) : ();
    my $pid = fork // die "fork: $!\n";
    if ($pid == 0) {
        open STDOUT, '>&', \*STDERR;
        exec @setpriv, "$ENV{KAIRO_ROOT}/scripts/cluster", @verb
            or POSIX::_exit(127);
    }
    waitpid $pid, 0;
    die "scripts/cluster @verb: failed\n" if $?;
}

# Waits for the end of a test that can't clean up any more, and does it: with
# a session of its own, so that what ends a whole group passes it by.

sub guard {
    my ($self) = @_;
    POSIX::setsid();
    $SIG{$_} = 'IGNORE' for qw(INT TERM HUP PIPE);
    open STDIN, '<', '/dev/null';
    open STDOUT, '>', '/dev/null';
    open STDERR, '>', '/dev/null';
    sleep 0.2 while getppid == $self->{parent};
    # what was about to start has been told to end by then
    sleep 1;
    $self->{home} = readlink("$self->{dir}/server") // "$self->{dir}/server";
    eval { $self->end };
    Kairo::Provider::leave();
}

sub end {
    my ($self) = @_;
    $self->thaw;
    kill 'KILL', $self->bouncers;
    $self->cluster('stop', $self->{dir});
    return 1;
}

# file ROLE, conninfo ROLE: how it logs in: admin, edge, server, auditor; by
# PORT where there is something in between.

sub file {
    my ($self, $role) = @_;
    return "$self->{dir}/$role.conninfo";
}

sub conninfo {
    my ($self, $role, $port) = @_;
    my $text = Kairo::Provider::slurp($self->file($role // 'admin'));
    $text =~ s/port=\d+/port=$port/ if $port;
    chomp $text;
    return $text;
}

# sql TEXT, ROLE: what psql prints for it, rows as lines and columns with "|"
# between; dies of the first error.

sub sql {
    my ($self, $text, $role) = @_;
    my ($good, $out, $err) = $self->psql($role // 'admin', $text);
    die "$text: $err" unless $good;
    return $out;
}

# psql ROLE, TEXT, PORT: whether all of it went well, what was printed, and
# what went wrong.

sub psql {
    my ($self, $role, $text, $port) = @_;
    my $name = "$self->{dir}/psql-$$-" . $files++;
    open my $in, '>:raw', "$name.in" or die "$name.in: $!\n";
    print $in $text;
    close $in;

    my $pid = fork // die "fork: $!\n";
    if ($pid == 0) {
        open STDIN, '<', "$name.in";
        open STDOUT, '>', "$name.out";
        open STDERR, '>', "$name.err";
        exec psql_command($self->conninfo($role, $port))
            or POSIX::_exit(127);
    }
    waitpid $pid, 0;
    my $status = $?;
    my ($out, $err) = map { Kairo::Provider::slurp("$name.$_") } 'out', 'err';
    unlink map { "$name.$_" } qw(in out err);
    $out =~ s/\n\z//;
    return ($status == 0, $out, $err);
}

# Debian's own "psql" is a script that looks for this one.

sub psql_command {
    my ($newest) = sort { ($b =~ /(\d+)/)[0] <=> ($a =~ /(\d+)/)[0] }
                   glob '/usr/lib/postgresql/*/bin/psql';
    return ($newest, '-XAtq', '-v', 'ON_ERROR_STOP=1', $_[0]);
}

# session ROLE: one that stays, to hold a lock or a transaction open.

sub session {
    my ($self, $role, $port) = @_;
    my @psql = psql_command($self->conninfo($role, $port));
    splice @psql, 2, 2;
    my $pid = open2(my $out, my $in, @psql);
    $in->autoflush;
    return bless { pid => $pid, in => $in, out => $out },
                 'Kairo::Postgres::Session';
}

# stop MODE: smart, fast, immediate; or killed, with all of its processes.

sub stop {
    my ($self, $mode) = @_;
    my $pid = $self->pid or return $self;
    my @all = ($pid, $self->children);
    $mode //= 'fast';
    $self->thaw;
    if ($mode eq 'killed') { kill 'KILL', @all }
    else { kill $signal{$mode} // die("mode $mode\n"), $pid }
    Kairo::Server->until(sub { !grep { Kairo::Server::alive($_) } @all })
        or die "Postgres $pid does not end\n";
    # a pid that nobody has asked for yet would be taken for one that runs
    unlink "$self->{home}/data/postmaster.pid",
           glob "$self->{home}/.s.PGSQL.*";
    return $self;
}

sub start {
    my ($self) = @_;
    $self->cluster('again', $self->{dir});
    return $self;
}

sub restart {
    my ($self, $mode) = @_;
    return $self->stop($mode)->start;
}

# Its main process, and those of it.

sub pid {
    my ($self) = @_;
    my ($pid) = Kairo::Provider::slurp("$self->{dir}/server/data/postmaster.pid")
                =~ /^(\d+)/ or return;
    my $at = readlink "/proc/$pid/cwd" or return;
    return $at =~ m{/data$} && Kairo::Server::alive($pid) ? $pid : undef;
}

sub children {
    my ($self) = @_;
    my $pid = $self->pid or return;
    return split ' ', Kairo::Provider::slurp("/proc/$pid/task/$pid/children");
}

# backends ROLE: the processes that clients are connected to, those of ROLE
# where one is given; without asking Postgres, which may be frozen.

sub backends {
    my ($self, $role) = @_;
    my $user = $role ? $user{$role} // $role : '\S+';
    return grep {
        Kairo::Provider::slurp("/proc/$_/cmdline")
            =~ /^postgres: $user \S+ (?:127\.0\.0\.1\(|\[local\])/
    } $self->children;
}

# freeze PID...: these, or all of it, do nothing any more, and close nothing.

sub freeze {
    my ($self, @pids) = @_;
    @pids = grep { defined } $self->pid, $self->children unless @pids;
    kill 'STOP', @pids;
    return $self;
}

sub thaw {
    my ($self, @pids) = @_;
    @pids = grep { defined } $self->children, $self->pid unless @pids;
    kill 'CONT', @pids;
    return $self;
}

# pgbouncer MODE, NAME => VALUE...: one in front, in MODE or by transactions,
# with more settings; every role logs in as it does without.  Its port.

sub pgbouncer {
    my ($self, $mode, %with) = @_;
    my $port = next_port();
    my $dir = "$self->{home}/pgbouncer-$port";
    mkdir $dir or die "$dir: $!\n";
    $mode //= 'transaction';
    my %set = (
        listen_addr => '127.0.0.1', listen_port => $port,
        unix_socket_dir => '', auth_type => 'scram-sha-256',
        auth_file => "$dir/users", pool_mode => $mode, max_client_conn => 100,
        default_pool_size => 5, logfile => "$dir/log", %with);

    write_file("$dir/users", map {
        sprintf qq("%s" "%s"\n), $self->conninfo($_)
                                 =~ /user=(\S+) password=(\S+)/
    } keys %user);
    write_file("$dir/ini", "[databases]\n",
               "app = host=127.0.0.1 port=$self->{port} dbname=app\n",
               "[pgbouncer]\n", map { "$_ = $set{$_}\n" } sort keys %set);

    my @as = qw(setpriv --pdeathsig KILL);
    if ($> == 0) {
        my ($uid, $gid) = (stat "$self->{home}/data")[4, 5];
        chown $uid, $gid, $dir, "$dir/users", "$dir/ini";
        push @as, '--reuid', $uid, '--regid', $gid, '--init-groups';
    }

    my $pid = fork // die "fork: $!\n";
    if ($pid == 0) {
        chdir '/';
        open STDIN, '<', '/dev/null';
        open STDOUT, '>', '/dev/null';
        open STDERR, '>', '/dev/null';
        exec @as, '/usr/sbin/pgbouncer', "$dir/ini" or POSIX::_exit(127);
    }
    $self->{bouncers}{$port} = $pid;
    Kairo::Server->until(sub {
        waitpid($pid, POSIX::WNOHANG()) != 0
            or Kairo::Server->socket($port);
    });
    Kairo::Server::alive($pid)
        or die 'PgBouncer did not start: ', Kairo::Provider::slurp("$dir/log");
    return $port;
}

# bouncers PORT: the process of the one on PORT, or of each.

sub bouncers {
    my ($self, $port) = @_;
    my $where = "$self->{home}/pgbouncer-" . ($port // '');
    return map { m{^/proc/(\d+)/} } grep {
        Kairo::Provider::slurp($_) =~ m{pgbouncer\0\Q$where\E}
    } glob '/proc/[0-9]*/cmdline';
}

sub write_file {
    my ($name, @text) = @_;
    open my $out, '>', $name or die "$name: $!\n";
    print $out @text;
    close $out or die "$name: $!\n";
    chmod 0600, $name;
}

# What the server has said.

sub log {
    my ($self) = @_;
    return Kairo::Provider::slurp("$self->{dir}/log");
}

sub finish {
    my ($self) = @_;
    return unless $self->{guard} && $$ == $self->{parent};
    my $why = eval { $self->end } ? '' : $@;
    waitpid $_, 0 for values %{$self->{bouncers} // {}};
    my $guard = delete $self->{guard};
    kill 'KILL', $guard;
    waitpid $guard, 0;
    die $why if $why;
}

sub DESTROY {
    my ($self) = @_;
    local ($?, $!, $@);
    eval { $self->finish; 1 } or warn $@;
}


package Kairo::Postgres::Session;

# say TEXT: sends it and does not wait.

sub say {
    my ($self, $text) = @_;
    my $in = $self->{in};
    print $in "$text\n";
    return $self;
}

# run TEXT: what it prints, when it is done.

sub run {
    my ($self, $text) = @_;
    $self->say("$text\n\\echo -- done --");
    my $printed = '';
    while (defined(my $line = readline $self->{out})) {
        return $printed if $line eq "-- done --\n";
        $printed .= $line;
    }
    die "psql has ended: $printed\n";
}

sub finish {
    my ($self) = @_;
    my $pid = delete $self->{pid} or return;
    kill 'TERM', $pid;
    close $self->{in};
    close $self->{out};
    waitpid $pid, 0;
}

sub DESTROY {
    my ($self) = @_;
    local ($?, $!);
    local $SIG{PIPE} = 'IGNORE';
    $self->finish;
}

1;
