package Kairo::Spool;

# A strict reader of the files of a spool, and a writer, of its own: they share
# no code with those of the module.  See src/core/kairo_spool.h and
# src/core/kairo_event.h.

use strict;
use warnings;

use Encode ();
use JSON::PP;
use Time::HiRes qw(sleep time);

my @texts = (undef, qw(kind tool issuer subject route region request_id edge
                       details));
my %most = (kind => 64, tool => 128, issuer => 64, subject => 255,
            route => 255, region => 32, request_id => 64, edge => 64,
            details => 4096);
my %numbers = (64 => ['admin', 1, 1, 1], 65 => ['status', 2, 100, 599],
               66 => ['latency', 4, 0, 2 ** 31 - 1],
               67 => ['bytes', 8, 0, 2 ** 63 - 1]);

# The names of the files in a directory, in the order in which they were made.

sub files {
    my ($dir) = @_;
    opendir my $in, $dir or return;
    return sort grep { /^\d{13}-\d{10}-\d{6}\.spool$/ } readdir $in;
}

# What else is in it.

sub others {
    my ($dir) = @_;
    my %ours = map { $_ => 1 } '.', '..', files($dir);
    opendir my $in, $dir or return;
    return sort grep { !$ours{$_} } readdir $in;
}

# Bytes of disk that it takes, and bytes that are in its files.

sub disk {
    my ($dir) = @_;
    my $n = 0;
    $n += 512 * ((stat "$dir/$_")[12] // 0) for files($dir), others($dir);
    return $n;
}

sub size {
    my ($dir) = @_;
    my $n = 0;
    $n += -s "$dir/$_" // 0 for files($dir);
    return $n;
}

# locked FILE: somebody adds to it.  hold FILE: so do we, until what it returns
# goes away; undef, and $!, where somebody does.

sub locked { return hold($_[0]) ? 0 : 1 }

sub hold {
    my ($file) = @_;
    open my $held, '+<', $file or die "$file: $!\n";
    # F_OFD_SETLK, a struct flock of F_WRLCK
    my $lock = pack 's s x4 q q i x4', 1, 0, 0, 1, 0;
    return fcntl($held, 37, $lock) ? $held : undef;
}

# read DIR: a hash of all that is in it:
#
#     parts     how often each id tells how it began, and how it ended:
#               { ID => [N, N] }
#     events    { ID => { kind, tool, ..., status, latency, bytes } }, where
#               "details" is what the JSON is of
#     order     the ids, as they began
#     wrong     texts: bytes that are no record, numbers that are out of order,
#               records that are no event
#     records   how many

sub read {
    my ($dir) = @_;
    my %all = (parts => {}, events => {}, order => [], wrong => [],
               records => 0);
    for my $name (files($dir)) {
        my $text = slurp("$dir/$name");
        file(\%all, $name, $text) if defined $text;
    }
    return \%all;
}

# ended DIR: the same, when all that has begun has ended.

sub ended {
    my ($dir) = @_;
    my ($all, $end);
    $end = time + 10;
    do {
        sleep 0.02 if $all;
        $all = Kairo::Spool::read($dir);
    } while (time < $end
             && grep { !$_->[1] } values %{$all->{parts}});
    return $all;
}

sub slurp {
    my ($file) = @_;
    local $/;
    open my $in, '<:raw', $file or return;
    return <$in> // '';
}

sub file {
    my ($all, $name, $text) = @_;
    my $wrong = sub { push @{$all->{wrong}}, "$name: $_[0]" };

    return $wrong->('a cut head') if length $text < 48;
    my ($magic, $version, $n, $pid, $made, $k0, $k1, $sum)
        = unpack 'a8 v v V Q< Q< Q< Q<', $text;

    return $wrong->('no file of a spool')
        if $magic ne 'kairospl' || $version != 1 || $n != 48;
    $wrong->('a head with a wrong sum')
        if siphash($k0, $k1, "\0" x 8 . substr $text, 0, 40) != $sum;
    $wrong->('another name than its head has')
        if $name !~ sprintf '^%013d-%010d-', $made, $pid;

    my ($at, $last) = (48, 0);
    while ($at < length $text) {
        return $wrong->("a cut record at $at") if $at + 24 > length $text;
        my ($mark, $type, $bytes, $sum, $number)
            = unpack 'v v V Q< Q<', substr $text, $at, 24;
        return $wrong->("no record at $at")
            if $mark != 0x6b73 || $bytes > 65535;
        return $wrong->("a cut record at $at")
            if $at + 24 + $bytes > length $text;

        my $content = substr $text, $at + 24, $bytes;
        $wrong->("a wrong sum at $at")
            if siphash($k0, $k1, substr($text, $at, 8)
                                 . substr($text, $at + 16, 8 + $bytes))
               != $sum;
        $wrong->("record $number behind $last") if $number != $last + 1;
        $wrong->("type $type") if $type != 1;

        my $why = part($all, $content);
        $wrong->("at $at: $why") if $why;
        $all->{records}++;
        $last = $number;
        $at += 24 + $bytes;
    }
}

sub part {
    my ($all, $content) = @_;
    return "too long, or short" if length $content < 16
                                   || length $content > 8192;
    my $id = unpack 'H*', substr $content, 0, 16, '';
    return "no UUID of version 7: $id"
        unless $id =~ s/^(.{8})(.{4})(7.{3})([89ab].{3})(.{12})$/$1-$2-$3-$4-$5/;

    my %part;
    while (length $content) {
        return 'a cut field' if length $content < 3;
        my ($field, $n) = unpack 'C v', substr $content, 0, 3, '';
        return 'a cut field' if length $content < $n;
        my $held = substr $content, 0, $n, '';

        if ($field < @texts && $texts[$field]) {
            my $name = $texts[$field];
            return "$name twice" if exists $part{$name};
            return "$name of $n bytes" if !$n || $n > $most{$name};
            my $text = eval { Encode::decode('UTF-8', my $copy = $held, 1) };
            return "$name is no UTF-8" unless defined $text;
            return "$name has a control character"
                if $text =~ /[\x00-\x1f\x7f]/;
            if ($name eq 'details') {
                $text = eval { JSON::PP->new->utf8->decode($held) };
                return 'details are no JSON object' if ref $text ne 'HASH';
            }
            $part{$name} = $text;
            next;
        }

        my $of = $numbers{$field} or return "field $field";
        my ($name, $size, $least, $top) = @$of;
        return "$name twice" if exists $part{$name};
        return "$name of $n bytes" if $n != $size;
        my $value = unpack { 1 => 'C', 2 => 'v', 4 => 'V', 8 => 'Q<' }->{$n},
                           $held;
        return "$name is $value" if $value < $least || $value > $top;
        $part{$name} = $value;
    }

    my $ends = grep { exists $part{$_} } qw(status latency bytes);
    return 'half an end' unless $ends == 0 || $ends == 3;

    my $count = $all->{parts}{$id} //= [0, 0];
    if (defined $part{kind}) {
        $count->[0]++;
        push @{$all->{order}}, $id;
    }
    $count->[1]++ if $ends;
    my $event = $all->{events}{$id} //= { id => $id };
    $event->{$_} //= $part{$_} for keys %part;
    return;
}

# make DIR, FILE, EVENT...: a file with these events, or parts of some; FILE
# has "ms", "pid" and "n" of its name, and a suffix.  An event that is a text is
# written as it is.  Its path.

sub make {
    my ($dir, $file, @events) = @_;
    my $path = sprintf '%s/%013d-%010d-%06d%s', $dir, $file->{ms},
               $file->{pid} // 1, $file->{n} // 1, $file->{suffix} // '.spool';
    open my $out, '>:raw', $path or die "$path: $!\n";
    print $out head($file), records($file, @events);
    close $out or die "$path: $!\n";
    return $path;
}

my @key = unpack 'Q<2', join '', map { chr } 0 .. 15;

sub head {
    my ($file) = @_;
    my $head = pack 'a8 v v V Q< Q< Q<', 'kairospl', $file->{version} // 1, 48,
                    $file->{pid} // 1, $file->{ms}, @key;
    return $head . pack 'Q<', siphash(@key, "\0" x 8 . $head);
}

sub records {
    my ($file, @events) = @_;
    return join '', map {
        !ref $_ ? $_ : record(++$file->{records}, content($_))
    } @events;
}

sub record {
    my ($number, $content, $type) = @_;
    my $mark = pack 'v v V', 0x6b73, $type // 1, length $content;
    my $rest = pack('Q<', $number) . $content;
    return $mark . pack('Q<', siphash(@key, $mark . $rest)) . $rest;
}

sub content {
    my ($event) = @_;
    my ($id, $n) = ($event->{id} =~ tr/-//dr, 0);
    my $content = pack 'H*', $id;
    for my $name (@texts) {
        my $text = $event->{$name // ''} if $name;
        $content .= pack 'C v/a*', $n, $text if defined $text;
        $n++;
    }
    for my $field (sort { $a <=> $b } keys %numbers) {
        my ($name, $size) = @{$numbers{$field}};
        next unless defined $event->{$name};
        $content .= pack 'C v ' . { 1 => 'C', 2 => 'v', 4 => 'V',
                                    8 => 'Q<' }->{$size},
                         $field, $size, $event->{$name};
    }
    return $content;
}

# id MS, N: the nth of that ms.

sub id {
    my ($ms, $n) = @_;
    return (sprintf '%012x', $ms) =~ s/^(.{8})/$1-/r
           . sprintf '-7%03x-8000-%012x', $n & 0xfff, $n;
}

# SipHash-1-3, of a text.

sub siphash {
    use integer;
    no warnings "portable";
    my ($k0, $k1, $text) = @_;
    my ($v0, $v1, $v2, $v3) = ($k0 ^ 0x736f6d6570736575,
                               $k1 ^ 0x646f72616e646f6d,
                               $k0 ^ 0x6c7967656e657261,
                               $k1 ^ 0x7465646279746573);
    my $n = length $text;
    $text .= "\0" x (7 - $n % 8) . chr($n & 255);

    for my $m (unpack('q<*', $text), undef, 0, 0) {
        if (defined $m) { $v3 ^= $m } else { $v2 ^= 0xff }
        $v0 += $v1;
        $v1 = $v1 << 13 | $v1 >> 51 & 0x1fff;
        $v1 ^= $v0;
        $v0 = $v0 << 32 | $v0 >> 32 & 0xffffffff;
        $v2 += $v3;
        $v3 = $v3 << 16 | $v3 >> 48 & 0xffff;
        $v3 ^= $v2;
        $v0 += $v3;
        $v3 = $v3 << 21 | $v3 >> 43 & 0x1fffff;
        $v3 ^= $v0;
        $v2 += $v1;
        $v1 = $v1 << 17 | $v1 >> 47 & 0x1ffff;
        $v1 ^= $v2;
        $v2 = $v2 << 32 | $v2 >> 32 & 0xffffffff;
        $v0 ^= $m if defined $m;
    }
    my $sum = $v0 ^ $v1 ^ $v2 ^ $v3;
    no integer;
    return unpack 'Q', pack 'q', $sum;
}

1;
