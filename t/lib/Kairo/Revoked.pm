package Kairo::Revoked;

# Lines of the file of revocations, written and read by another hand than the
# module's: digests by SHA-256, and the hash, SipHash-1-3, in Perl.

use strict;
use warnings;

use Digest::SHA qw(sha256);
use Exporter 'import';

our @EXPORT_OK = qw(line lines digest header EVER);

use constant EVER => '9223372036854775807';
use constant header => "kairo revocations 1\n";

my @kinds = qw(token jti session subject issuer);

# digest KIND, VALUE, ISSUER: in hexadecimal, as it is in a line.

sub digest {
    my ($kind, $value, $issuer) = @_;
    my ($n) = grep { $kinds[$_] eq $kind } 0 .. $#kinds;
    $issuer //= 'https://issuer.test/';
    return sprintf '%016x%016x',
           unpack 'Q<2', sha256(chr($n) . "$issuer\0$value");
}

# line KIND, VALUE, UNTIL, BEFORE: without its end.

sub line {
    my ($kind, $value, $until, $before) = @_;
    my $text = sprintf '%-7s %s %s %s ', $kind, digest($kind, $value),
               map { '0' x (19 - length) . $_ } $before // EVER, $until;
    return $text . sprintf '%016x', siphash($text);
}

# lines TEXT: those of a file that are whole, each [KIND, DIGEST, BEFORE,
# UNTIL]; dies of one that is damaged.

sub lines {
    my ($text) = @_;
    my @lines;
    for my $line (split /\n/, $text) {
        next if length $line != 97;
        my ($what, $hash) = $line =~ /^(.{81})(\w{16})$/ or die "$line\n";
        die "bad hash: $line\n" if $hash ne sprintf '%016x', siphash($what);
        push @lines, [split ' ', $what];
    }
    return @lines;
}

sub add {
    my ($x, $y) = @_;
    { use integer; $x += $y; }
    return $x & ~0;
}

sub rotl { return ($_[0] << $_[1] | $_[0] >> 64 - $_[1]) & ~0 }

sub rounds {
    my ($v, $n) = @_;
    for (1 .. $n) {
        for ([0, 1, 13, 32], [2, 3, 16, 0], [0, 3, 21, 0], [2, 1, 17, 32]) {
            my ($i, $j, $turn, $half) = @$_;
            $v->[$i] = add($v->[$i], $v->[$j]);
            $v->[$j] = rotl($v->[$j], $turn) ^ $v->[$i];
            $v->[$i] = rotl($v->[$i], $half) if $half;
        }
    }
}

sub siphash {
    my ($text) = @_;
    no warnings 'portable';
    my @v = (0x736f6d6570736575, 0x646f72616e646f6d, 0x6c7967656e657261,
             0x7465646279746573);

    # a word of zeroes comes first

    $text = "\0" x 8 . $text;
    my $n = length $text;
    $text .= "\0" x (7 - $n % 8) . chr($n & 255);

    for my $m (unpack 'Q<*', $text) {
        $v[3] ^= $m;
        rounds(\@v, 1);
        $v[0] ^= $m;
    }

    $v[2] ^= 0xff;
    rounds(\@v, 3);
    return $v[0] ^ $v[1] ^ $v[2] ^ $v[3];
}

1;
