package Kairo::Provider;

# Who issues keys, or an application: a server that answers what a test tells
# it to, each connection in a process of its own, and keeps what it was asked.
# It ends with the test.

use strict;
use warnings;

use File::Path qw(make_path remove_tree);
use IO::Select;
use IO::Socket::INET;
use JSON::PP;
use Time::HiRes qw(sleep time);

my $count = 0;

sub new {
    my ($class) = @_;
    my $port = ($ENV{TEST_NGINX_CLIENT_PORT} || 18984) + 60 + $count++;
    my $self = bless { port => $port, parent => $$,
                       dir => "$ENV{KAIRO_ROOT}/build/provider-$port" };

    remove_tree($self->{dir});
    make_path("$self->{dir}/asked");
    $self->answer;

    my $listen = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 64,
                     LocalPort => $port, ReuseAddr => 1)
        or die "port $port: $!\n";

    $self->{pid} = fork // die "fork: $!\n";
    $self->serve($listen) if $self->{pid} == 0;
    close $listen;
    return $self;
}

# answer NAME => VALUE...: what is answered from now on.
#
#     status, body, fields     of the response; "fields" are lines
#     length                   what Content-Length says, undef: nothing
#     delay                    seconds before, "hold" until release()
#     drip                     seconds between the bytes of the body
#     echo                     the body is the request, as it came

sub answer {
    my ($self, %how) = @_;
    my $body = delete $how{body} // '';
    $how{length} = length $body unless exists $how{length};
    $self->write('how', JSON::PP->new->encode(\%how) . "\n$body");
    $self->write('hold', '') if $how{hold};
    return $self;
}

sub release {
    my ($self) = @_;
    unlink "$self->{dir}/hold";
}

sub write {
    my ($self, $name, $text) = @_;
    my $new = "$self->{dir}/new.$$";
    open my $out, '>:raw', $new or die "$new: $!\n";
    print $out $text;
    close $out;
    rename $new, "$self->{dir}/$name" or die "$name: $!\n";
}

# The requests so far, each as one text, and how many.

sub asked {
    my ($self) = @_;
    return map { slurp($_) } sort glob "$self->{dir}/asked/*";
}

sub count {
    my ($self) = @_;
    return scalar(my @all = glob "$self->{dir}/asked/*");
}

sub forget {
    my ($self) = @_;
    unlink glob "$self->{dir}/asked/*";
    return $self;
}

sub slurp {
    my ($file) = @_;
    local $/;
    open my $in, '<:raw', $file or return '';
    return <$in> // '';
}

sub serve {
    my ($self, $listen) = @_;
    my $waiting = IO::Select->new($listen);
    local $SIG{CHLD} = 'IGNORE';
    $SIG{TERM} = 'DEFAULT';

    while (getppid == $self->{parent}) {
        next unless $waiting->can_read(0.5);
        my $c = $listen->accept or next;
        my $pid = fork;
        if (defined $pid && $pid == 0) {
            close $listen;
            $self->respond($c);
            leave();
        }
        close $c;
    }
    leave();
}

# Without what perl does at its end: the test's own objects are not ours.

sub leave {
    require POSIX;
    POSIX::_exit(0);
}

sub respond {
    my ($self, $c) = @_;
    my $request = '';
    my $parent = getppid;

    while ($request !~ /\r\n\r\n/) {
        sysread $c, $request, 65536, length $request or return;
    }

    my ($head, $body) = split /\r\n\r\n/, $request, 2;
    my ($length) = $head =~ /^Content-Length: (\d+)/mi;

    while ($length && length $body < $length) {
        sysread $c, $body, 65536, length $body or last;
    }

    $request = "$head\r\n\r\n$body";
    $self->write(sprintf('asked/%.6f-%d', time, $$), $request);

    my ($line, $answer) = split /\n/, slurp("$self->{dir}/how"), 2;
    my $how = JSON::PP->new->decode($line);
    sleep $how->{delay} if $how->{delay};
    while ($how->{hold} && -e "$self->{dir}/hold") {
        sleep 0.01;
        return if getppid != $parent;
    }

    if ($how->{echo}) {
        $answer = $request;
        $how->{length} = length $request;
    }

    my $status = $how->{status} // 200;
    my @lines = ("HTTP/1.1 $status Said", 'Connection: close',
                 (defined $how->{length} ? "Content-Length: $how->{length}"
                                         : ()), @{$how->{fields} // []});

    print $c join("\r\n", @lines), "\r\n\r\n";
    $c->flush;

    if (!$how->{drip}) {
        print $c $answer;
        $c->flush;
        return;
    }

    local $SIG{PIPE} = 'DEFAULT';
    for (split //, $answer) {
        syswrite $c, $_ or return;
        sleep $how->{drip};
    }
}

sub finish {
    my ($self) = @_;
    return unless $self->{pid} && $$ == $self->{parent};
    kill 'TERM', $self->{pid};
    waitpid $self->{pid}, 0;
    delete $self->{pid};
}

sub DESTROY {
    my ($self) = @_;
    local ($?, $!);
    $self->finish;
}

1;
