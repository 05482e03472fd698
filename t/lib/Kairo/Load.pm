package Kairo::Load;

# Clients that ask without end, in a process of their own, while a test does
# harm to what they ask; and what became of each of their requests.

use strict;
use warnings;

use IO::Select;
use IO::Socket::INET;
use JSON::PP;
use POSIX ();
use Socket qw(AF_UNIX PF_UNSPEC SOCK_STREAM);
use Time::HiRes qw(sleep time);

use Kairo::Provider;

# port => PORT of nginx; clients => how many; pause => seconds between two
# requests of one; close => 1: each request has a connection of its own;
# requests => what is asked, by turns:
#
#     { kind => WORD, path => PATH, fields => [...], good => REGEX }
#
# A response is good when its status is 200 and REGEX matches it.  keep =>
# REGEX: what it finds first in each response is kept, of those that are cut off
# too.

sub new {
    my ($class, %with) = @_;
    my $self = bless { pause => 0.03, clients => 16, %with, parent => $$ },
               $class;

    socketpair my $test, my $load, AF_UNIX, SOCK_STREAM, PF_UNSPEC
        or die "socketpair: $!\n";
    $test->autoflush;
    $load->autoflush;
    $self->{pid} = fork // die "fork: $!\n";
    if ($self->{pid} == 0) {
        close $test;
        $self->{control} = $load;
        $self->run;
    }
    close $load;
    $self->{control} = $test;
    return $self;
}

# take: what became of the requests that have ended since the last time.
#
#     n             all of them
#     KIND          { n, good, refused, slowest (ms), most: of a thousand
#                   requests 999 took no longer, first and last: when one was
#                   refused, in seconds since the last take }
#     kept          what "keep" has found
#     odd           what was neither good nor the documented refusal, as texts
#     oldest        seconds that one waits for its answer now

sub take {
    my ($self) = @_;
    my $got = $self->tell('take');
    my %all = (n => 0, odd => $got->{odd}, oldest => $got->{oldest},
               kept => $got->{kept});
    my %took;
    for (@{$got->{done}}) {
        my ($kind, $at, $ms, $good) = @$_;
        my $of = $all{$kind} //= { n => 0, good => 0, refused => 0 };
        push @{$took{$kind}}, $ms;
        $all{n}++;
        $of->{n}++;
        $of->{$good ? 'good' : 'refused'}++;
        next if $good;
        $of->{first} //= $at;
        $of->{last} = $at;
    }
    for my $kind (keys %took) {
        my @sorted = sort { $a <=> $b } @{$took{$kind}};
        $all{$kind}{slowest} = $sorted[-1];
        $all{$kind}{most} = $sorted[$#sorted * 0.999];
    }
    return \%all;
}

# pause: nobody asks any more, and all have been answered; go: they do again.

sub pause { $_[0]->tell('pause') }
sub go { $_[0]->tell('go') }

sub tell {
    my ($self, $word) = @_;
    my $control = $self->{control};
    print $control "$word\n";
    my $line = <$control> // die "the load has ended\n";
    return JSON::PP->new->decode($line);
}

sub run {
    my ($self) = @_;
    $SIG{PIPE} = 'IGNORE';
    $SIG{TERM} = 'DEFAULT';
    @$self{qw(done odd kept begun turn)} = ([], [], [], time, 0);
    my @clients = map { { next => time + rand $self->{pause} } }
                  1 .. $self->{clients};
    my $paused = 0;

    while (getppid == $self->{parent}) {
        my $now = time;
        my $read = IO::Select->new($self->{control});
        my (%of, $soon);

        for my $client (@clients) {
            if (!$client->{request} && !$paused && $client->{next} <= $now) {
                $self->ask($client);
            }
            if ($client->{request}) {
                $read->add($client->{socket});
                $of{$client->{socket}} = $client;
                $self->over($client, 'no answer at all')
                    if $now - $client->{at} > 20;
            } elsif (!$paused) {
                my $wait = $client->{next} - $now;
                $soon = $wait if !defined $soon || $wait < $soon;
            }
        }

        $soon = 0.2 if !defined $soon || $soon > 0.2;
        my @ready = $read->can_read($soon > 0 ? $soon : 0);
        $self->read($_) for map { $of{$_} // () } @ready;
        # then, since it may end what others of these were ready for
        if (grep { $_ == $self->{control} } @ready) {
            $paused = $self->obey($paused, @clients);
        }
    }
    Kairo::Provider::leave();
}

# What the test says; whether the clients pause from now on.

sub obey {
    my ($self, $paused, @clients) = @_;
    my $word = readline $self->{control};
    Kairo::Provider::leave() unless defined $word;
    chomp $word;

    if ($word eq 'take') {
        $self->report(@clients);
        return $paused;
    }
    $self->drain(@clients) if $word eq 'pause';
    print {$self->{control}} "{}\n";
    return $word eq 'pause';
}

# Until all have been answered.

sub drain {
    my ($self, @clients) = @_;
    while (my @open = grep { $_->{request} } @clients) {
        my $wait = IO::Select->new(map { $_->{socket} } @open);
        my %at = map { ($_->{socket} => $_) } @open;
        $self->read($at{$_}) for $wait->can_read(1);
        time - $_->{at} > 20 && $_->{request}
            and $self->over($_, 'no answer at all') for @open;
    }
}

sub report {
    my ($self, @clients) = @_;
    my ($oldest) = sort { $b <=> $a } 0, map { time - $_->{at} }
                   grep { $_->{request} } @clients;
    print {$self->{control}} JSON::PP->new->encode(
        { done => $self->{done}, odd => $self->{odd}, oldest => $oldest,
          kept => $self->{kept} }),
        "\n";
    @$self{qw(done odd kept begun)} = ([], [], [], time);
}

sub ask {
    my ($self, $client) = @_;
    my $all = $self->{requests};
    my $request = $all->[$self->{turn}++ % @$all];

    @$client{qw(request at got)} = ($request, time, '');
    $client->{kept} = $client->{socket} ? 1 : 0;
    $client->{socket} //= IO::Socket::INET->new(
        PeerAddr => "127.0.0.1:$self->{port}", Timeout => 10)
        or return $self->over($client, "no connection: $!");

    my $text = join "\r\n", "GET $request->{path} HTTP/1.1", 'Host: localhost',
               ($self->{close} ? 'Connection: close' : ()),
               @{$request->{fields} // []}, '', '';
    $client->{socket}->blocking(1);
    syswrite($client->{socket}, $text) // return $self->broken($client);
    $client->{socket}->blocking(0);
}

# A connection that was kept may be closed while the request is on its way:
# that is no loss, and it is sent again.

sub broken {
    my ($self, $client) = @_;
    my $why = "closed without an answer: $!";
    if ($client->{kept} && $client->{got} eq '') {
        close delete $client->{socket};
        @$client{qw(request next)} = (undef, time);
        return;
    }
    $self->over($client, $why);
}

sub read {
    my ($self, $client) = @_;
    my $n = sysread $client->{socket}, $client->{got}, 65536,
                    length $client->{got};

    return if !defined $n && ($!{EAGAIN} || $!{EINTR});
    return $self->broken($client) if !defined $n || $n == 0;
    return unless $client->{got} =~ /\r\n\r\n/;

    my ($head, $body) = split /\r\n\r\n/, $client->{got}, 2;
    my ($length) = $head =~ /^Content-Length: (\d+)/mi;
    return $self->over($client, "no length: $head") unless defined $length;
    return if length $body < $length;

    my $request = $client->{request};
    my ($status) = $head =~ m{^HTTP/1.1 (\d+)};
    my $good = $status == 200 && $client->{got} =~ $request->{good};
    my $refused = $status == 503 && $body =~ /"code":"undecided"/;

    return $self->over($client, $client->{got}) unless $good || $refused;
    push @{$self->{done}}, [$request->{kind}, $client->{at} - $self->{begun},
                            1000 * (time - $client->{at}), $good ? 1 : 0];
    $self->rest($client, $head =~ /^Connection: close/mi);
}

sub over {
    my ($self, $client, $why) = @_;
    push @{$self->{odd}}, substr "$client->{request}{path}: $why", 0, 400;
    $self->rest($client, 1);
}

sub rest {
    my ($self, $client, $close) = @_;
    push @{$self->{kept}}, $1
        if $self->{keep} && ($client->{got} // '') =~ $self->{keep};
    close delete $client->{socket} if $close && $client->{socket};
    @$client{qw(request next)}
        = (undef, time + $self->{pause} * (0.5 + rand));
}

sub finish {
    my ($self) = @_;
    return unless $self->{pid} && $$ == $self->{parent};
    kill 'TERM', $self->{pid};
    waitpid delete $self->{pid}, 0;
}

sub DESTROY {
    my ($self) = @_;
    local ($?, $!);
    $self->finish;
}

# busy SECONDS, PID...: what part of one processor they take, meanwhile.

sub busy {
    my ($seconds, @pids) = @_;
    my $before = ticks(@pids);
    my $at = time;
    sleep $seconds;
    return (ticks(@pids) - $before) / POSIX::sysconf(POSIX::_SC_CLK_TCK())
           / (time - $at);
}

sub ticks {
    my $all = 0;
    for (@_) {
        my ($rest) = Kairo::Provider::slurp("/proc/$_/stat") =~ /\) (.*)/s
            or next;
        my @stat = split ' ', $rest;
        $all += $stat[11] + $stat[12];
    }
    return $all;
}

# descriptors PID: how many it has open.

sub descriptors { return scalar(my @all = glob "/proc/$_[0]/fd/*") }

1;
