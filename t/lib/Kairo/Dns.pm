package Kairo::Dns;

# A name server that says what a test wants, wrong things too, over UDP and TCP
# on one port of loopback, and keeps what it was asked.  It ends with the test.

use strict;
use warnings;

use File::Path qw(make_path remove_tree);
use IO::Select;
use IO::Socket::INET;
use JSON::PP;
use Socket qw(AF_INET AF_INET6 inet_pton);
use Time::HiRes qw(sleep time);

use parent 'Kairo::Provider';

my $count = 0;
my $serial = 0;
my %type = (A => 1, CNAME => 5, AAAA => 28);
my %type_of = reverse %type;
my %code = (NOERROR => 0, FORMERR => 1, SERVFAIL => 2, NXDOMAIN => 3,
            NOTIMP => 4, REFUSED => 5, NOTAUTH => 9);

# at => ADDRESS: on its port 53, where the C library would ask; else on a port of
# 127.0.0.1.

sub new {
    my ($class, %with) = @_;
    my $id = ($ENV{TEST_NGINX_CLIENT_PORT} || 18984) + 80 + $count++;
    my $port = $with{at} ? 53 : $id;
    my $self = bless { port => $port, parent => $$,
                       dir => "$ENV{KAIRO_ROOT}/build/dns-$id" }, $class;

    remove_tree($self->{dir});
    make_path("$self->{dir}/zone");
    $self->forget;

    my @at = (LocalAddr => $with{at} || '127.0.0.1', LocalPort => $port);
    my $udp = IO::Socket::INET->new(@at, Proto => 'udp')
        or die "port $port: $!\n";
    my $tcp = IO::Socket::INET->new(@at, Listen => 64, ReuseAddr => 1)
        or die "port $port: $!\n";

    $self->{pid} = fork // die "fork: $!\n";
    $self->serve($udp, $tcp) if $self->{pid} == 0;
    return $self;
}

# set NAME => ANSWER...: what is said of a name from now on; of names that are
# not set, NXDOMAIN.  An answer is a list of addresses, or has
#
#     addr                     addresses, each in answers of its type
#     cname                    another name, with its records behind it
#     alone                    without them
#     ttl                      of all records, 60
#     code                     SERVFAIL and so on, without records
#     silent                   nothing is said
#     delay                    seconds before
#     tc                       over UDP only that there is more; "both": over
#                              TCP too
#     tcp                      "close" before the answer, or "pieces"
#     wrong                    "id", "question", "garbage", "short", "query",
#                              "class", "size", "loop", "empty"
#     right                    after what is wrong, the right one
#     A, AAAA                  answers for this type, instead
#     turns                    a list of answers, each for one query of a type,
#                              and the last for all that follow

sub set {
    my ($self, %names) = @_;
    for my $name (sort keys %names) {
        my $how = $names{$name};
        $how = { addr => $how } if ref $how eq 'ARRAY';
        $self->write('zone/' . lc $name, JSON::PP->new->encode(
                         { %$how, serial => ++$serial }));
    }
    return $self;
}

# asked NAME, TYPE, PROTOCOL: how often, by any type or protocol where none is
# given.

sub asked {
    my ($self, $name, $type, $protocol) = @_;
    $_ //= '\w+' for $type, $protocol;
    return scalar(() = Kairo::Provider::slurp("$self->{dir}/asked")
                        =~ /^\Q$name\E $type $protocol$/mig);
}

sub forget { $_[0]->write('asked', '') }

sub serve {
    my ($self, $udp, $tcp) = @_;
    my $waiting = IO::Select->new($udp, $tcp);
    my @late;
    $SIG{TERM} = 'DEFAULT';
    $SIG{PIPE} = 'IGNORE';

    while (getppid == $self->{parent}) {
        for my $s ($waiting->can_read(@late ? 0.005 : 0.5)) {
            if ($s == $udp) {
                my $peer = $udp->recv(my $query, 65535) // next;
                push @late, $self->answers($query, 'udp', sub {
                    $udp->send($_[0], 0, $peer);
                });
            } elsif ($s == $tcp) {
                $waiting->add($tcp->accept // next);
            } elsif (my $query = stream_query($s)) {
                push @late, $self->answers($query, 'tcp', sub {
                    stream($s, @_);
                });
            } else {
                $waiting->remove($s);
            }
        }
        my $now = time;
        $_->[1]->() for grep { $_->[0] <= $now } @late;
        @late = grep { $_->[0] > $now } @late;
    }
    Kairo::Provider::leave();
}

# A resolver writes a query at once.

sub stream_query {
    my ($s) = @_;
    sysread $s, my $size, 2 or return;
    sysread $s, my $query, unpack 'n', $size or return;
    return $query;
}

sub stream {
    my ($s, $answer, $how) = @_;
    my $tcp = $how->{tcp} // '';
    my $bytes = pack 'n/a*', $answer;
    return shutdown $s, 2 if $tcp eq 'close';
    my $size = $tcp eq 'pieces' ? 1 + int(length($bytes) / 5) : length $bytes;
    for (unpack "(a$size)*", $bytes) {
        syswrite $s, $_;
        sleep 0.02 if $tcp eq 'pieces';
    }
}

# What is to be sent for a query, each as its time and what sends it.

sub answers {
    my ($self, $query, $protocol, $send) = @_;
    return unless length $query > 12;
    my @labels;
    my $at = 12;
    while (my $n = unpack "x${at}C", $query) {
        return if $n > 63 || $at + $n + 6 > length $query;
        push @labels, substr $query, $at + 1, $n;
        $at += $n + 1;
    }
    my $name = lc join '.', @labels;
    my $type = $type_of{unpack 'n', substr $query, $at + 1, 2} // 'OTHER';
    my $question = substr $query, 12, $at + 5 - 12;

    open my $out, '>>', "$self->{dir}/asked" or die "asked: $!\n";
    syswrite $out, "$name $type $protocol\n";

    my $how = $self->zone($name, $type);
    return if $how->{silent};
    my @packets;
    push @packets, wrong($how->{wrong}, $query, $question, $type)
        if $how->{wrong};
    push @packets, $self->packet($query, $question, $name, $type, $how,
                                 $protocol)
        if !$how->{wrong} || $how->{right};
    my $due = time + ($how->{delay} // 0);
    return map { my $p = $_; [$due, sub { $send->($p, $how) }] } @packets;
}

sub zone {
    my ($self, $name, $type) = @_;
    my $text = Kairo::Provider::slurp("$self->{dir}/zone/$name")
               || '{"code":"NXDOMAIN"}';
    my $how = JSON::PP->new->decode($text);
    if (my $turns = $how->{turns}) {
        my $n = $self->{turn}{"$name $type $how->{serial}"}++;
        $how = $turns->[$n < @$turns ? $n : -1];
    }
    $how = $how->{$type} // $how if ref $how eq 'HASH';
    return ref $how eq 'ARRAY' ? { addr => $how } : $how;
}

sub packet {
    my ($self, $query, $question, $name, $type, $how, $protocol) = @_;
    my $flags = 0x8180 | $code{$how->{code} // 'NOERROR'};
    my @records;

    if ($how->{tc} && ($protocol eq 'udp' || $how->{tc} eq 'both')) {
        $flags |= 0x0200;
    } elsif (!$how->{code}) {
        @records = $self->records("\xc0\x0c", $type, $how, 0);
    }
    return pack('a2 n5', $query, $flags, 1, scalar @records, 0, 0)
           . $question . join '', @records;
}

sub records {
    my ($self, $owner, $type, $how, $depth) = @_;
    my $ttl = $how->{ttl} // 60;
    my @records = map { record($owner, $type, $ttl, $_) }
                  grep { length == ($type eq 'A' ? 4 : 16) }
                  map { address($_) } @{$how->{addr} // []};

    if (defined(my $to = $how->{cname})) {
        push @records, record($owner, 'CNAME', $ttl, labels($to));
        push @records, $self->records(labels($to), $type,
                                      $self->zone($to, $type), $depth + 1)
            unless $how->{alone} || $depth > 20;
    }
    return @records;
}

sub record {
    my ($owner, $type, $ttl, $data) = @_;
    return $owner . pack 'n n N n/a*', $type{$type}, 1, $ttl, $data;
}

sub labels {
    my ($name) = @_;
    return join '', map({ pack 'C/a*', $_ } split /\./, $name), "\0";
}

sub address {
    my ($text) = @_;
    return inet_pton($text =~ /:/ ? AF_INET6 : AF_INET, $text)
           // die "no address: $text\n";
}

# Each would be an answer with a public address, were it not for what is wrong.

sub wrong {
    my ($wrong, $query, $question, $type) = @_;
    my $id = unpack('n', $query) ^ ($wrong eq 'id');
    my $flags = $wrong eq 'query' ? 0x0180 : 0x8180;
    my $class = $wrong eq 'class' ? 3 : 1;
    my $data = address($type eq 'A' ? '93.184.216.34' : '2606:4700::1111');

    return "\xff" x 80 if $wrong eq 'garbage';
    return substr $query, 0, 7 if $wrong eq 'short';
    $question = labels('other.example.net') . pack 'n2', $type{$type}, 1
        if $wrong eq 'question';
    $data .= 'x' if $wrong eq 'size';
    # a name that is a pointer to itself
    ($type, $data) = ('CNAME', pack 'n', 0xc000 | length($question) + 24)
        if $wrong eq 'loop';
    my $record = pack 'n3 N n/a*', 0xc00c, $type{$type}, $class, 60, $data;
    $record = '' if $wrong eq 'empty';    # it only says that there is one
    return pack('n6', $id, $flags, 1, 1, 0, 0) . $question . $record;
}

1;
