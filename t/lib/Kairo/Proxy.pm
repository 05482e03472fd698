package Kairo::Proxy;

# What is between a client and Postgres, and what can go wrong there: a process
# that listens on loopback, passes bytes on, and does what a test tells it.  It
# ends with the test.

use strict;
use warnings;

use IO::Select;
use IO::Socket::INET;
use JSON::PP;
use Socket qw(AF_UNIX PF_UNSPEC SOCK_STREAM SOL_SOCKET SO_LINGER);
use Time::HiRes qw(sleep time);

use Kairo::Postgres;
use Kairo::Provider;

# to => PORT of 127.0.0.1; port => PORT, or one of the test's own.

sub new {
    my ($class, %with) = @_;
    my $self = bless { to => $with{to}, parent => $$,
                       port => $with{port} // Kairo::Postgres::next_port() },
               $class;

    socketpair my $test, my $proxy, AF_UNIX, SOCK_STREAM, PF_UNSPEC
        or die "socketpair: $!\n";
    $test->autoflush;
    $proxy->autoflush;

    # here, so that the test dies where the port is taken
    $self->{listen} = $self->listener or die "port $self->{port}: $!\n";
    $self->{pid} = fork // die "fork: $!\n";
    if ($self->{pid} == 0) {
        close $test;
        $self->{control} = $proxy;
        $self->serve;
    }
    close delete $self->{listen};
    close $proxy;
    $self->{control} = $test;
    return $self;
}

sub listener {
    my ($self) = @_;
    return IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 64,
               LocalPort => $self->{port}, ReuseAddr => 1);
}

# set NAME => VALUE...: what happens from now on, to connections that are there
# too; without any, bytes pass.  It holds when this returns.
#
#     mode             "swallow": bytes are taken, and nothing is ever answered
#                      "refuse": nobody listens; who is connected stays
#                      "close", "rst": who connects is sent away at once
#     delay            seconds that bytes wait, both ways
#     to_server        bytes that a connection may send yet, before it is ended
#     to_client        bytes that it may be sent
#     message          a type of Postgres's messages, "D": the next one of these
#                      to each client goes half of its way, and that was it
#     end              how it is ended: "close", the default; "rst"; "hang", it
#                      stays open and silent

sub set {
    my ($self, %how) = @_;
    $self->tell({ set => \%how });
    return $self;
}

# drop HOW: all connections end now, by "close" or "rst"; how many there were.

sub drop {
    my ($self, $how) = @_;
    return $self->tell({ drop => $how // 'close' })->{open};
}

# How many connections there are, and how many there have been.

sub connections { return $_[0]->tell({})->{open} }
sub accepted { return $_[0]->tell({})->{accepted} }

sub tell {
    my ($self, $what) = @_;
    my $control = $self->{control};
    print $control JSON::PP->new->encode($what), "\n";
    my $line = <$control> // die "the proxy has ended\n";
    return JSON::PP->new->decode($line);
}

sub serve {
    my ($self) = @_;
    $SIG{TERM} = 'DEFAULT';
    $SIG{PIPE} = 'IGNORE';
    $self->{how} = {};
    $self->{pairs} = {};
    $self->{accepted} = 0;

    while (getppid == $self->{parent}) {
        $self->turn;
    }
    Kairo::Provider::leave();
}

# A pair is a client and its connection to the server; each end knows what it
# has to send, and from when on.

sub turn {
    my ($self) = @_;
    my @ends = map { @$_{qw(client server)} } values %{$self->{pairs}};
    my $now = time;
    my (%end, $soon);
    my ($read, $write) = (IO::Select->new($self->{control}), IO::Select->new);

    $read->add($self->{listen}) if $self->{listen};
    for my $end (@ends) {
        $end{$end->{socket}} = $end;
        # who is not read from waits: no more than this is kept
        $read->add($end->{socket})
            if !$end->{eof} && @{$end->{other}{queue}} < 64;
        if (my $first = $end->{queue}[0]) {
            my $wait = $first->[0] - $now;
            if ($wait <= 0) { $write->add($end->{socket}) }
            else { $soon = $wait if !defined $soon || $wait < $soon }
        }
    }

    $soon = 0.2 if !defined $soon || $soon > 0.2;
    my ($readable, $writable) = IO::Select->select($read, $write, undef, $soon);

    for my $s (@{$writable // []}) {
        $self->flush($end{$s}) unless $end{$s}{over};
    }
    my $told;
    for my $s (@{$readable // []}) {
        if ($s == $self->{control}) { $told = 1 }
        elsif ($self->{listen} && $s == $self->{listen}) { $self->accept }
        elsif (!$end{$s}{over}) { $self->receive($end{$s}) }
    }
    # at the end, since it may close what was ready
    $self->obey if $told;
}

sub obey {
    my ($self) = @_;
    my $line = readline $self->{control};
    Kairo::Provider::leave() unless defined $line;
    my $what = JSON::PP->new->decode($line);

    if (my $how = $what->{set}) {
        $self->{how} = $how;
        $_->{left} = $self->left for values %{$self->{pairs}};
        my $refuse = ($how->{mode} // '') eq 'refuse';
        if ($refuse && $self->{listen}) {
            close delete $self->{listen};
        } elsif (!$refuse && !$self->{listen}) {
            $self->{listen} = $self->listener;
        }
    }

    my $open = keys %{$self->{pairs}};
    if (my $how = $what->{drop}) {
        $self->over($_, $how) for values %{$self->{pairs}};
    }
    print {$self->{control}} JSON::PP->new->encode(
        { open => $open, accepted => $self->{accepted} }), "\n";
}

sub left {
    my ($self) = @_;
    return { server => $self->{how}{to_server},
             client => $self->{how}{to_client} };
}

sub accept {
    my ($self) = @_;
    my $c = $self->{listen}->accept or return;
    my $mode = $self->{how}{mode} // '';
    $self->{accepted}++;

    return reset_of($c) if $mode eq 'rst';
    return close $c if $mode eq 'close';

    my $s = IO::Socket::INET->new(PeerAddr => "127.0.0.1:$self->{to}",
                                  Timeout => 30) or return reset_of($c);
    my $pair = { left => $self->left };
    for (['client', $c], ['server', $s]) {
        my ($name, $socket) = @$_;
        $socket->blocking(0);
        $pair->{$name} = { name => $name, socket => $socket, queue => [],
                           pair => $pair };
    }
    $pair->{client}{other} = $pair->{server};
    $pair->{server}{other} = $pair->{client};
    $self->{pairs}{$pair} = $pair;
}

sub receive {
    my ($self, $end) = @_;
    my $pair = $end->{pair};
    my $n = sysread $end->{socket}, my $bytes, 16384;

    return if !defined $n && ($!{EAGAIN} || $!{EINTR});
    if (!defined $n) {
        return $self->over($pair, 'rst');
    }
    if ($n == 0) {
        $end->{eof} = 1;
        return if $end->{name} eq 'server' && $self->swallows($pair);
        return $self->over($pair, 'close') if $pair->{silent};
        # what is on its way arrives first
        push @{$end->{other}{queue}}, [$self->due, undef];
        return;
    }
    return if $self->swallows($pair);
    $self->pass($end, $end->{other}, $bytes);
}

sub swallows {
    my ($self, $pair) = @_;
    return $pair->{silent} || ($self->{how}{mode} // '') eq 'swallow';
}

sub due { return time + ($_[0]{how}{delay} // 0) }

sub pass {
    my ($self, $from, $to, $bytes) = @_;
    my $pair = $from->{pair};
    my $all = length $bytes;
    my $keep = $all;

    if ($from->{name} eq 'server') {
        my $at = $self->cut_at($pair, $bytes);
        $keep = $at if defined $at;
    } elsif (!$pair->{begun}++) {
        # the answer to a request for TLS is no message
        $pair->{skip} = 1 if $bytes =~ /^\0\0\0\x08\x04\xd2\x16[\x2f\x30]$/;
    }

    my $left = \$pair->{left}{$to->{name}};
    if (defined $$left) {
        $keep = $$left if $$left <= $keep;
        $$left -= $keep;
    }

    push @{$to->{queue}}, [$self->due, substr $bytes, 0, $keep] if $keep;
    if ($keep < $all || defined $$left && $$left <= 0) {
        $pair->{silent} = 1;
        push @{$to->{queue}}, [$self->due, undef, $self->{how}{end}];
    }
}

# Where in these bytes of the server half of the message is that is waited for;
# follows the messages: a type, and a length that counts itself.

sub cut_at {
    my ($self, $pair, $bytes) = @_;
    my $type = $self->{how}{message};
    my $at = 0;
    my $cut;

    while ($at < length $bytes) {
        if ($pair->{skip}) {
            my $n = length($bytes) - $at;
            $n = $pair->{skip} if $pair->{skip} < $n;
            $cut = $at + $pair->{cut}
                if !defined $cut && defined $pair->{cut} && $pair->{cut} <= $n;
            $pair->{cut} -= $n if defined $pair->{cut};
            $pair->{skip} -= $n;
            delete $pair->{cut} unless $pair->{skip};
            $at += $n;
            next;
        }
        $pair->{head} .= substr $bytes, $at++, 1;
        next if length $pair->{head} < 5;
        my ($is, $length) = unpack 'a N', delete $pair->{head};
        $pair->{skip} = $length - 4;
        if (defined $type && $is eq $type && !defined $cut) {
            $pair->{cut} = int(($length - 4) / 2);
            $cut = $at > 2 ? $at - 2 : 0 if !$pair->{skip};
        }
    }
    return $cut;
}

sub flush {
    my ($self, $end) = @_;
    my $queue = $end->{queue};

    while (@$queue && $queue->[0][0] <= time) {
        my ($due, $bytes, $how) = @{$queue->[0]};
        if (!defined $bytes) {
            shift @$queue;
            return if ($how // '') eq 'hang';
            return $self->over($end->{pair}, $how // 'close');
        }
        my $n = syswrite $end->{socket}, $bytes;
        return if !defined $n && ($!{EAGAIN} || $!{EINTR});
        return $self->over($end->{pair}, 'rst') unless defined $n;
        if ($n < length $bytes) {
            $queue->[0][1] = substr $bytes, $n;
            return;
        }
        shift @$queue;
    }
}

sub over {
    my ($self, $pair, $how) = @_;
    delete $self->{pairs}{$pair};
    for my $end (@$pair{qw(client server)}) {
        $end->{over} = 1;
        if ($how eq 'rst') { reset_of($end->{socket}) }
        else { close $end->{socket} }
        # they know each other: nobody would free them
        delete @$end{qw(other pair)};
    }
}

# A socket that does not linger is reset by its close.

sub reset_of {
    my ($s) = @_;
    setsockopt $s, SOL_SOCKET, SO_LINGER, pack 'i2', 1, 0;
    close $s;
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
