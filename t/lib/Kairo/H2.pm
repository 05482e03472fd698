package Kairo::H2;

# A client of HTTP/2 in cleartext.  Frames are queued by request(), data(),
# reset(), and go out together with flush(), so that a test says which of them
# share a segment and which come later.  What is larger than the windows that
# the server has opened waits in the library until there is room.

use strict;
use warnings;

use IO::Select;
use Protocol::HTTP2::Constants
    qw(const_name :endpoints :errors :frame_types :states);
use Time::HiRes qw(time);

use parent 'Protocol::HTTP2::Connection';

# Connects, and knows the server's settings and window when it returns.

sub new {
    my ($class, $server) = @_;
    my $self = $class->SUPER::new(CLIENT);

    $self->{seen} = [];
    $self->{input} = '';
    $self->{socket} = $server->socket($server->{port} + 1)
        or die "no connection: $!\n";

    $self->enqueue_raw($self->preface_encode);
    $self->enqueue(SETTINGS, 0, 0, {});
    $self->preface(1);
    $self->until(sub {
        $self->seen('SETTINGS') && $self->seen('WINDOW_UPDATE', 0);
    }) or die "no settings\n";
    return $self;
}

# request METHOD, PATH, FIELD, VALUE, ...: its HEADERS, and for a GET the end;
# returns the stream.

sub request {
    my ($self, $method, $path, @fields) = @_;
    my $id = $self->new_stream or die "no more streams\n";

    $self->send_headers($id, [':method' => $method, ':scheme' => 'http',
                              ':path' => $path, ':authority' => 'localhost',
                              @fields], $method eq 'GET');

    # the library forgets the stream when it is closed
    $self->stream_cb($id, CLOSED, sub {
        $self->{answer}{$id} = {
            fields => { @{$self->stream_headers($id) || []} },
            body   => $self->stream_data($id) // '',
        };
        push @{$self->{closed}}, $id;
    });

    return $id;
}

# data STREAM, BYTES, END: DATA frames, the last one ends the request or not.

sub data {
    my ($self, $id, $bytes, $end) = @_;
    $self->send_data($id, $bytes, $end ? 1 : 0);
    return $self;
}

sub reset {
    my ($self, $id) = @_;
    $self->stream_error($id, CANCEL);
    return $self->flush;
}

# Writes what is queued, at once.

sub flush {
    my ($self) = @_;
    my $out = '';

    while (my $frame = $self->dequeue) { $out .= $frame }

    local $SIG{PIPE} = 'IGNORE';
    while (length $out) {
        my $n = syswrite $self->{socket}, $out;
        last unless $n;
        substr $out, 0, $n, '';
    }

    return $self;
}

# until CONDITION, SECONDS: reads, and answers what the library wants answered,
# until the condition holds, the server has closed, or time is up.

sub until {
    my ($self, $condition, $seconds) = @_;
    my $end = time + ($seconds || 60);
    my $select = IO::Select->new($self->{socket});

    while (1) {
        $self->flush;
        return 1 if $condition->();
        return 0 if $self->{eof} || time >= $end;
        next unless $select->can_read(0.05);

        if (!sysread $self->{socket}, $self->{input}, 65536,
                     length $self->{input})
        {
            $self->{eof} = 1;
            next;
        }

        while (my $n = $self->frame_decode(\$self->{input}, 0)) {
            substr $self->{input}, 0, $n, '';
        }
    }
}

# The response to a stream: status, fields, body; all empty without one.

sub answer {
    my ($self, $id) = @_;

    $self->until(sub { $self->{answer}{$id} });
    my $answer = $self->{answer}{$id} || { fields => {}, body => '' };
    $answer->{status} = $answer->{fields}{':status'} // 0;
    return $answer;
}

# The streams that have ended, in that order.

sub closed { return @{$_[0]{closed} || []} }

# seen TYPE, STREAM: when such frames have come.

sub seen {
    my ($self, $type, $id) = @_;
    return map { $_->[2] }
           grep { $_->[0] eq $type && (!defined $id || $_->[1] == $id) }
           @{$self->{seen}};
}

sub close { CORE::close($_[0]{socket}) }

# Called for every frame, once it has come as a whole.

sub state_machine {
    my ($self, $act, $type, $flags, $id) = @_;

    push @{$self->{seen}}, [const_name('frame_types', $type), $id, time]
        if $act eq 'recv';
    return $self->SUPER::state_machine($act, $type, $flags, $id);
}

1;
