package Kairo::Token;

# Keys and tokens for tests.  Private keys are made by openssl once and kept
# below build/; tokens are signed here, so that a test can write whatever it
# likes into them and still have a genuine signature.

use strict;
use warnings;

use Digest::SHA qw(hmac_sha256 hmac_sha384 hmac_sha512);
use Exporter 'import';
use File::Path qw(make_path);
use JSON::PP;
use MIME::Base64 qw(encode_base64url decode_base64url);

our @EXPORT_OK = qw(key secret token jwks json b64 unb64 claims);

my $json = JSON::PP->new->canonical->utf8;

# what openssl makes a key of each name from

my %kinds = (
    rsa     => 'RSA -pkeyopt rsa_keygen_bits:2048',
    rsa1024 => 'RSA -pkeyopt rsa_keygen_bits:1024',
    p256    => 'EC -pkeyopt ec_paramgen_curve:P-256',
    p384    => 'EC -pkeyopt ec_paramgen_curve:P-384',
    p521    => 'EC -pkeyopt ec_paramgen_curve:P-521',
    k256    => 'EC -pkeyopt ec_paramgen_curve:secp256k1',
    ed25519 => 'ED25519',
    ed448   => 'ED448',
);

my %curves = (p256 => 'P-256', p384 => 'P-384', p521 => 'P-521',
              k256 => 'secp256k1', ed25519 => 'Ed25519', ed448 => 'Ed448');
my %sizes = (p256 => 32, p384 => 48, p521 => 66, k256 => 32, ed25519 => 32,
             ed448 => 57);
my %hmacs = (256 => \&hmac_sha256, 384 => \&hmac_sha384,
             512 => \&hmac_sha512);

# the algorithm that a kind of key signs by where a test names none

my %usual = (rsa => 'RS256', rsa1024 => 'RS256', p256 => 'ES256',
             p384 => 'ES384', p521 => 'ES512', k256 => 'ES256',
             ed25519 => 'EdDSA', ed448 => 'EdDSA', oct => 'HS256');


# key KIND [N]: the Nth key of a kind; its "kid" is KIND-N unless it is set.

sub key {
    my ($kind, $n) = (@_, 1);
    my $dir = "$ENV{KAIRO_ROOT}/build/keys";
    my $file = "$dir/$kind$n.pem";

    if (!-s $file) {
        make_path($dir);
        command("openssl genpkey -algorithm $kinds{$kind} -out $file.$$");

        # another test may have made one, which is in use then

        link "$file.$$", $file or -s $file or die "$file: $!\n";
        unlink "$file.$$";
    }

    return bless { kind => $kind, file => $file, kid => "$kind-$n" };
}

# secret TEXT: a key of kind "oct", without a name.

sub secret {
    my ($text) = @_;
    return bless { kind => 'oct', secret => $text };
}

# with NAME => VALUE...: the same key, called or used in another way: its
# "kid", the "salt" of PSS.

sub with {
    my ($self, %other) = @_;
    return bless { %$self, %other };
}

sub command {
    my ($command) = @_;
    my $out = `$command 2>&1`;
    die "$command: $out\n" if $?;
    return $out;
}

# filter COMMAND, TEXT: what it writes, as bytes; INPUT in it stands for a file
# with the text.

sub filter {
    my ($command, $input) = @_;
    my $file = "$ENV{KAIRO_ROOT}/build/keys/input.$$";
    open my $to, '>:raw', $file or die "$file: $!\n";
    print $to $input;
    close $to;
    $command =~ s/INPUT/$file/;
    open my $from, '-|:raw', "$command 2>/dev/null" or die "$command: $!\n";
    local $/;
    my $out = <$from>;
    close $from or die "$command failed\n";
    unlink $file;
    return $out;
}

sub slurp {
    my ($file) = @_;
    local $/;
    open my $in, '<:raw', $file or die "$file: $!\n";
    return <$in>;
}

sub pem {
    my ($self) = @_;
    return command("openssl pkey -in $self->{file} -pubout");
}

sub jwk {
    my ($self, %extra) = @_;
    my $kind = $self->{kind};
    my %kid = defined $self->{kid} ? (kid => $self->{kid}) : ();

    if ($kind eq 'oct') {
        return { kty => 'oct', k => b64($self->{secret}), %kid, %extra };
    }

    if ($kind =~ /^rsa/) {
        my ($hex) = command("openssl rsa -in $self->{file} -modulus -noout")
                    =~ /Modulus=(\w+)/;
        return { kty => 'RSA', n => b64(pack 'H*', $hex), e => 'AQAB', %kid,
                 %extra };
    }

    my $der = filter("openssl pkey -in $self->{file} -pubout -outform DER",
                     '');
    my $size = $sizes{$kind};

    if ($kind =~ /^ed/) {
        return { kty => 'OKP', crv => $curves{$kind},
                 x => b64(substr $der, -$size), %kid, %extra };
    }

    return { kty => 'EC', crv => $curves{$kind},
             x => b64(substr $der, -2 * $size, $size),
             y => b64(substr $der, -$size), %kid, %extra };
}

# sign ALG TEXT: the signature, as bytes.

sub sign {
    my ($self, $alg, $text) = @_;
    my ($bits) = $alg =~ /(\d+)/;
    my $file = $self->{file};

    return $hmacs{$bits}->($text, $self->{secret}) if $alg =~ /^HS/;

    return filter("openssl pkeyutl -sign -inkey $file -rawin -in INPUT",
                  $text) if $alg eq 'EdDSA';

    my $pss = $alg =~ /^PS/ ? '-sigopt rsa_padding_mode:pss -sigopt '
              . 'rsa_pss_saltlen:' . ($self->{salt} // 'digest') : '';
    my $out = filter("openssl dgst -sha$bits -sign $file $pss INPUT", $text);

    return $alg =~ /^ES/ ? raw($out, $sizes{$self->{kind}}) : $out;
}

# The two numbers of an ECDSA signature in DER, each of "size" bytes.

sub raw {
    my ($der, $size) = @_;
    my $at = ord(substr $der, 1, 1) & 0x80 ? 3 : 2;
    my $raw = '';
    for (1 .. 2) {
        my $n = ord substr $der, $at + 1, 1;
        my $number = substr $der, $at + 2, $n;
        $number =~ s/^\0+//;
        $raw .= "\0" x ($size - length $number) . $number;
        $at += 2 + $n;
    }
    return $raw;
}

# The claims of a good token of https://issuer.test/, with some changed; those
# that are undefined are left out.

sub claims {
    my (%other) = @_;
    my %claims = (iss => 'https://issuer.test/', aud => 'api', sub => 'alice',
                  iat => time, exp => time + 600, %other);
    delete @claims{grep { !defined $claims{$_} } keys %claims};
    return \%claims;
}

# token KEY, OPTION => VALUE...: compact and signed.  "claims" are those that
# differ from the good ones, or a text; "header" and "alg", "kid" likewise;
# "signature" stands in for the one that the key makes, "by" for the
# algorithm that it is made by.

sub token {
    my ($key, %with) = @_;
    my $alg = $with{alg} // $usual{$key->{kind}};
    my $kid = exists $with{kid} ? $with{kid} : $key->{kid};
    my $claims = $with{claims} // {};
    my $header = $with{header} // {};

    if (ref $header) {
        my %header = (alg => $alg, typ => 'JWT', kid => $kid, %$header);
        delete @header{grep { !defined $header{$_} } keys %header};
        $header = json(\%header);
    }

    $claims = json(claims(%$claims)) if ref $claims;

    my $input = b64($header) . '.' . b64($claims);

    return "$input." . ($with{signature}
                        // b64($key->sign($with{by} // $alg, $input)));
}

# jwks KEY...: a JWK Set; a KEY may be a JWK too.

sub jwks {
    return json({ keys => [map { ref $_ eq 'HASH' ? $_ : $_->jwk } @_] });
}

sub json { return $json->encode($_[0]) }

sub b64 { return encode_base64url($_[0]) }

sub unb64 { return decode_base64url($_[0]) }

1;
