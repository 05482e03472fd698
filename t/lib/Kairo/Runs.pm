package Kairo::Runs;

# Clients that run tools and the application that does, the programs of t/load:
# what the clients sent and were answered, and what the application received.

use strict;
use warnings;

use File::Path qw(make_path remove_tree);
use IPC::Open2;
use POSIX ();
use Time::HiRes qw(sleep);

use Kairo::Provider;
use Kairo::Server;

# port => PORT of nginx; app => PORT of the application; users => { NAME =>
# TOKEN }; tools => [NAME...]; connections => how many; delay => ms that a slow
# half of an answer takes.

sub new {
    my ($class, %with) = @_;
    my $self = bless { connections => 48, delay => 40, %with, parent => $$,
                       dir => "$ENV{KAIRO_ROOT}/build/runs-$with{port}" },
               $class;

    remove_tree($self->{dir});
    make_path($self->{dir});
    open my $out, '>', "$self->{dir}/users" or die "$self->{dir}: $!\n";
    print $out map { "$_ $self->{users}{$_}\n" } sort keys %{$self->{users}};
    close $out;

    my $pid = fork // die "fork: $!\n";
    if ($pid == 0) {
        exec program('app'), $self->{app}, "$self->{dir}/received",
             $self->{delay} or POSIX::_exit(127);
    }
    $self->{pids} = [$pid];
    Kairo::Server->until(sub { Kairo::Server->socket($self->{app}) })
        or die "the application does not listen\n";
    return $self;
}

sub program { return "$ENV{KAIRO_ROOT}/build/load/$_[0]" }

# start: there are clients, who ask nothing yet.

sub start {
    my ($self) = @_;
    push @{$self->{pids}}, open2(my $out, my $in, program('clients'),
        $self->{port}, "$self->{dir}/users", "$self->{dir}/sent",
        $self->{connections}, @{$self->{tools}});
    $in->autoflush;
    @$self{qw(in out)} = ($in, $out);
    return $self;
}

# tell COMMAND: the counts, by their names.

sub tell {
    my ($self, $command) = @_;
    my ($in, $out) = @$self{qw(in out)};
    print $in "$command\n";
    return { split ' ', readline($out) // die "the clients have ended\n" };
}

# sent: [NUMBER, USER, TOOL, ASKED, ENDED, OUTCOME, ID]; received: [ID, NUMBER].

sub sent { return lines("$_[0]{dir}/sent") }
sub received { return lines("$_[0]{dir}/received") }

sub lines {
    my ($name) = @_;
    open my $in, '<', $name or die "$name: $!\n";
    return [map { [split] } <$in>];
}

sub finish {
    my ($self) = @_;
    return unless $$ == $self->{parent};
    for my $pid (splice @{$self->{pids}}) {
        kill 'KILL', $pid;
        waitpid $pid, 0;
    }
}

sub DESTROY {
    my ($self) = @_;
    local ($?, $!);
    $self->finish;
}

1;
