package Kairo::Reconcile;

# What clients sent, what the application received and what the database has of
# it: three accounts of the same runs, and where they differ.

use strict;
use warnings;

my $slack = 2000;     # ms that who is at work may be late
my $turn = 500;       # ms that a worker may be late with an end
my $share = 0.01;     # of all runs that may be recorded and not received

# of ACCOUNTS:
#
#     sent         [[NUMBER, USER, TOOL, ASKED, ENDED, OUTCOME, ID]...] as
#                  t/load/clients.c writes it down
#     received     [[ID, NUMBER]...] as t/load/app.c does
#     rows         [[ID, USER, TOOL, STATUS]...]; a STATUS of '' has no end
#     killed       ms since 1970 at which a worker was
#     connections  of the clients: as many may end in one turn of a worker
#     files        names that are left in the spool

sub of {
    my ($class, %with) = @_;
    my $self = bless { %with, wrong => {}, told => [], size => {} }, $class;

    $self->index;
    $self->clients;
    $self->application;
    $self->database;
    $self->unexplained;
    $self->ends;
    $self->wrong('a file is left in the spool', $_) for @{$self->{files}};
    return $self;
}

# What is different, a line for each kind of it; and how much there was of
# everything.

sub differences {
    my ($self) = @_;
    my $wrong = $self->{wrong};
    return map { "$_: " . scalar(@{$wrong->{$_}}) . ", as "
                 . join('; ', grep { defined } @{$wrong->{$_}}[0 .. 2])
               } sort keys %$wrong;
}

sub sizes { return $_[0]{size} }

sub wrong {
    my ($self, $rule, $what) = @_;
    push @{$self->{wrong}{$rule}}, $what;
}

# Who is there twice is a difference by itself.

sub index {
    my ($self) = @_;
    my (%sent, %received, %by, %rows);

    for my $sent (@{$self->{sent}}) {
        $self->wrong('sent twice', $sent->[0]) if $sent{$sent->[0]};
        $sent{$sent->[0]} = $sent;
    }
    for my $received (@{$self->{received}}) {
        my ($id, $number) = @$received;
        $self->wrong('received without an id', $number) if $id eq '-';
        $self->wrong('an id received twice', $id) if defined $received{$id};
        $self->wrong('a run received twice', $number) if $by{$number};
        $received{$id} = $number;
        $by{$number} = $id;
    }
    for my $row (@{$self->{rows}}) {
        $self->wrong('an id in two rows', $row->[0]) if $rows{$row->[0]};
        $rows{$row->[0]} = $row;
    }
    @$self{qw(number id by row)} = (\%sent, \%received, \%by, \%rows);
    @{$self->{size}}{qw(sent received rows)}
        = map { scalar @{$self->{$_}} } qw(sent received rows);
}

sub clients {
    my ($self) = @_;
    my $size = $self->{size};
    $size->{$_} = 0 for qw(ok full left broken seen);

    for my $sent (@{$self->{sent}}) {
        my ($number, $outcome, $id) = @$sent[0, 5, 6];
        $size->{$outcome}++;

        if ($outcome !~ /^(?:ok|full|left|broken)\z/) {
            $self->wrong('answered in another way', "$number: $outcome");
        }
        if ($outcome eq 'full') {
            $self->wrong('refused and received', $number)
                if $self->{by}{$number};
            $self->wrong('refused and a row', $id) if $self->{row}{$id};
            next;
        }
        $self->wrong('answered without an id', $number)
            if $outcome eq 'ok' && $id eq '-';
        next if $id eq '-';

        $size->{seen}++;
        $self->wrong('answered and not received', $id)
            unless defined $self->{id}{$id};
        $self->wrong('answered and no row', $id) unless $self->{row}{$id};
        $self->wrong('answered by the id of another', $id)
            if defined $self->{id}{$id} && $self->{id}{$id} ne $number;
    }
}

sub application {
    my ($self) = @_;
    for my $id (keys %{$self->{id}}) {
        $self->wrong('received and no row', $id) unless $self->{row}{$id};
        $self->wrong('received and not sent', $id)
            unless $self->{number}{$self->{id}{$id}};
    }
}

# The run that a row is of, as far as the application has seen it.

sub sent {
    my ($self, $row) = @_;
    my $number = $self->{id}{$row->[0]} // return;
    return $self->{number}{$number};
}

sub database {
    my ($self) = @_;
    for my $row (@{$self->{rows}}) {
        my $sent = $self->sent($row) or next;
        my ($id, $user, $tool, $status) = @$row;
        $self->wrong('a row of another user', "$id: $user, not $sent->[1]")
            if $user ne $sent->[1];
        $self->wrong('a row of another tool', "$id: $tool, not $sent->[2]")
            if $tool ne $sent->[2];
        $self->wrong('answered by 200, and another status', "$id: $status")
            if $sent->[5] eq 'ok' && $status ne '' && $status ne '200';
    }
}

# A row that was not received is of a run whose connection broke: the same user
# and tool, and made while it was under way.  The one that ended first is taken.

sub unexplained {
    my ($self) = @_;
    my %may;
    for my $sent (sort { $a->[4] <=> $b->[4] } @{$self->{sent}}) {
        next unless $sent->[5] =~ /^(?:left|broken)\z/;
        next if $self->{by}{$sent->[0]};
        push @{$may{"$sent->[1] $sent->[2]"}}, $sent;
    }

    my @rows = sort { $a->[0] cmp $b->[0] }
               grep { !defined $self->{id}{$_->[0]} } @{$self->{rows}};

    for my $row (@rows) {
        my $at = made($row->[0]);
        my $of = $may{"$row->[1] $row->[2]"} // [];
        my ($n) = grep { $of->[$_][3] - $slack <= $at
                         && $at <= $of->[$_][4] + $slack } 0 .. $#$of;
        $self->wrong('a row that nobody asked for', "@$row")
            unless defined $n;
        splice @$of, $n, 1 if defined $n;
    }

    $self->{size}{'not received'} = @rows;
    $self->wrong('too many rows were not received', scalar @rows)
        if @rows && @rows >= $share * @{$self->{sent}};
}

# ms since 1970 at which an id was made.

sub made {
    no warnings 'portable';
    return hex(substr($_[0], 0, 8) . substr $_[0], 9, 4);
}

# A row without an end is of a run that was under way in a worker when that was
# killed, or whose answer had left in the same turn.

sub ends {
    my ($self) = @_;
    my ($all, $answered) = (0, 0);
    my @killed = @{$self->{killed}};

    for my $row (grep { $_->[3] eq '' } @{$self->{rows}}) {
        my $sent = $self->sent($row);
        my ($from, $to) = $sent ? @$sent[3, 4] : (made($row->[0])) x 2;
        my $ok = $sent && $sent->[5] eq 'ok';
        my $late = $ok ? $turn : $slack;
        $all++;
        $answered++ if $ok;
        $self->wrong('a row without an end', $row->[0])
            unless grep { $from - $late <= $_ && $_ <= $to + $late } @killed;
    }

    @{$self->{size}}{'without an end', 'answered, without an end'}
        = ($all, $answered);
    $self->wrong('too many ends are lost', $answered)
        if $answered > @killed * $self->{connections};
}

1;
