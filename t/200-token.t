# The verbs "token check" and "token issue": every option, message and exit
# status; tokens of openssl, of the JOSE cookbook and, where Node is there, of
# its jose, which then says too what it makes of each.

use strict;
use warnings;

use Cwd qw(abs_path);
use Digest::SHA qw(hmac_sha256 hmac_sha384 hmac_sha512);
use File::Basename;
use File::Path qw(make_path);
use File::Temp qw(tempdir);
use JSON::PP;
use MIME::Base64 qw(encode_base64url decode_base64url);
use Test::More;

my $root = $ENV{KAIRO_ROOT} || abs_path('.');
my $kairo = "$root/build/kairo";

plan skip_all => 'the command is the same in every build'
    if $ENV{KAIRO_PROBE};
plan skip_all => "no $kairo, make it by scripts/build" unless -x $kairo;

my $dir = tempdir(CLEANUP => 1);
my $json = JSON::PP->new->canonical->utf8;
my $now = 1700000000;
my $secret = 'a secret of 64 bytes, which is as long as SHA-512 wants it, so..';
my %sha = (256 => \&hmac_sha256, 384 => \&hmac_sha384, 512 => \&hmac_sha512);

write_file('secret', "$secret\n");

my $rsa = key('rsa', 'RSA', 'rsa_keygen_bits:2048');
my $weak = key('weak', 'RSA', 'rsa_keygen_bits:1024');
my %ec = map { $_ => key("p$_", 'EC', "ec_paramgen_curve:P-$_") }
         256, 384, 521;
my $ed25519 = key('ed25519', 'ED25519');
my $ed448 = key('ed448', 'ED448');
my @fresh = ('--now', $now, '--expires', 600);

usage();
check_options();
check_keys();
check_claims();
check_reasons();
check_output();
check_lines();
issue_options();
issue_claims();
issue_keys();
issue_lines();
round_trips();
by_openssl();
cookbook();
node();
done_testing();


# Runs the command: its exit status, and what it wrote.

sub kairo_in {
    my ($in, @args) = @_;

    write_file('stdin', $in);

    my $pid = fork // die "fork: $!\n";

    if ($pid == 0) {
        open STDIN, '<', "$dir/stdin" or die;
        open STDOUT, '>', "$dir/stdout" or die;
        open STDERR, '>', "$dir/stderr" or die;
        alarm 20;
        exec $kairo, @args or die;
    }

    waitpid $pid, 0;
    my $status = $? & 127 ? "signal $?" : $? >> 8;

    return ($status, read_file('stdout'), read_file('stderr'));
}


sub kairo { return kairo_in('', @_) }


# The one line of standard output, when nothing else was said.

sub answer {
    my ($status, $out, $err) = kairo(@_);
    return "$status $err" if $err ne '';
    chomp $out;
    return $out;
}


sub check { return answer('token', 'check', @_) }
sub issue { return answer('token', 'issue', @_) }


# answers STATUS, OUT, ERR, NAME, ARGUMENT...

sub answers {
    my ($status, $out, $err, $name, @args) = @_;
    my @got = kairo(@args);

    is_deeply(\@got, [$status, $out, $err], $name);
}


sub write_file {
    my ($name, $text) = @_;
    open my $out, '>:raw', "$dir/$name" or die "$dir/$name: $!\n";
    print $out $text;
    close $out;
    return "$dir/$name";
}


sub read_file {
    my ($name) = @_;
    local $/;
    open my $in, '<:raw', "$dir/$name" or die "$dir/$name: $!\n";
    return <$in> // '';
}


# A private key of openssl's; its public half is in FILE.pub.

sub key {
    my ($name, $type, @option) = @_;
    my $file = "$dir/$name.pem";

    system("openssl genpkey -algorithm $type "
           . join(' ', map { "-pkeyopt $_" } @option)
           . " -out $file 2>/dev/null") == 0
        or die "openssl makes no key of $type\n";
    system("openssl pkey -in $file -pubout -out $file.pub") == 0 or die;

    return $file;
}


# A token by HMAC, made here: of parts that are JSON or text as it is.

sub hs {
    my ($header, $payload, $key) = @_;

    $header = $json->encode($header) if ref $header;
    $payload = $json->encode($payload) if ref $payload;

    my $input = encode_base64url($header) . '.' . encode_base64url($payload);
    my ($bits) = $header =~ /"HS(256|384|512)"/;

    return "$input." . encode_base64url($sha{$bits || 256}->($input,
                                                             $key // $secret));
}


sub claims {
    my (%with) = @_;
    my %claims = (iss => 'me', sub => 'you', aud => 'api', iat => $now - 10,
                  exp => $now + 600, %with);
    delete $claims{$_} for grep { !defined $claims{$_} } keys %claims;
    return \%claims;
}


sub part {
    my ($token, $n) = @_;
    return $json->decode(decode_base64url((split /\./, $token)[$n]));
}


sub hs_check { return check('--keys', "$dir/secret", '--now', $now, @_) }


sub usage {
    my ($status, $out, $err) = kairo('--help');
    is("$status$err", '0', 'help is no failure');
    like($out, qr/kairo token check --keys .*--issuer I.*--audience A/,
         'it knows token check');
    like($out, qr/kairo token issue --key .*--alg ALG/, 'and token issue');

    for my $args (['token'], ['token', 'nonsense'], ['token', 'check2'],
                  ['check'], ['toke', 'check'], ['tokens', 'check'])
    {
        answers(2, '', "kairo: unknown verb \"$args->[0]\", see kairo "
                       . "--help\n", "no verb: @$args", @$args);
    }
}


sub check_options {
    my @check = ('token', 'check');
    my @keys = ('--keys', "$dir/secret");
    my $takes = "--keys JWKS|PEM|SECRETFILE [--issuer I] [--audience A]\n"
                . '            [--algs LIST] [--now T] [--leeway S] [--jws] '
                . "TOKEN ...\n";

    answers(2, '', "kairo: token check wants --keys FILE, a JWK Set, PEM or a "
                   . "secret\n", 'no keys', @check, 'x');
    answers(2, '', "kairo: unknown option \"--key\" of \"token check\", which "
                   . "takes: $takes", 'an option that is none', @check,
            '--key', 'x');
    answers(2, '', "kairo: unknown option \"--Keys=x\" of \"token check\", "
                   . "which takes: $takes", 'in another case', @check,
            '--Keys=x');
    answers(2, '', "kairo: unknown option \"--jws=1\" of \"token check\", "
                   . "which takes: $takes", 'a flag with a value', @check,
            @keys, '--jws=1');

    for my $name (qw(keys issuer audience algs now leeway)) {
        answers(2, '', "kairo: option \"--$name\" wants a value\n",
                "--$name without a value", @check, "--$name");
    }

    for my $name (qw(now leeway)) {
        for my $bad ('', '-1', '+1', '1.5', '1e3', '0x10', ' 1', '1 ', 'now',
                     '1234567890123456')
        {
            answers(2, '', "kairo: --$name wants a number of seconds, and "
                           . "\"$bad\" is none\n", "--$name \"$bad\"", @check,
                    @keys, "--$name=$bad", 'x');
        }
    }

    for my $bad (['HS257', 'HS257'], ['hs256', 'hs256'], ['none', 'none'],
                 ['HS256,none', 'none'], ['HS256;ES256', 'HS256;ES256'],
                 [',HS256', ''], ['unknown', 'unknown'])
    {
        answers(2, '', "kairo: unknown algorithm \"$bad->[1]\" in --algs\n",
                "--algs $bad->[0]", @check, @keys, '--algs', $bad->[0], 'x');
    }

    answers(2, '', "kairo: --algs names no algorithm\n", '--algs of none',
            @check, @keys, '--algs', '', 'x');

    my $good = hs({ alg => 'HS256' }, claims());
    my $valid = 'valid HS256 - iss=me sub=you exp=1700000600';

    is(check('--keys', "$dir/secret", '--now', $now, $good), $valid,
       'a value after its option');
    is(check("--keys=$dir/secret", "--now=$now", $good), $valid,
       'or behind "="');
    is(check("--keys=$dir/secret", "--now=$now", '--', $good), $valid,
       '"--" ends the options');
    answers(1, "invalid malformed\n", '', 'what is behind is a value', @check,
            @keys, '--', '--jws');
    answers(1, "invalid malformed\n", '', 'and so is one hyphen', @check,
            @keys, '-x');
    is(check('--keys', "$dir/nothing", '--keys', "$dir/secret", '--now', $now,
             $good), $valid, 'the last of an option counts');

    is(hs_check('--algs', 'HS256', $good), $valid, '--algs HS256');
    is(hs_check('--algs', 'ES256,HS256,RS256', $good), $valid,
       '--algs with commas');
    is(hs_check('--algs', 'ES256 HS256, RS256', $good), $valid,
       '--algs with spaces');
    is(hs_check('--algs', 'HS384,HS512', $good),
       'invalid algorithm_not_allowed', '--algs of others');
    is(hs_check('--jws', '--algs', 'HS512', $good),
       'invalid algorithm_not_allowed', 'for any signed text, too');
}


sub check_keys {
    my @check = ('token', 'check', '--keys');
    my $pub = "$rsa.pub";

    answers(2, '', "kairo: \"$dir/nothing\" can't be read: No such file or "
                   . "directory\n", 'no file', @check, "$dir/nothing", 'x');
    answers(2, '', "kairo: \"$dir\" can't be read, or has more than a "
                   . "megabyte\n", 'a folder', @check, $dir, 'x');

    my $file = write_file('huge', 'x' x (1024 * 1024 + 1));
    answers(2, '', "kairo: \"$file\" can't be read, or has more than a "
                   . "megabyte\n", 'more than a megabyte', @check, $file, 'x');

    for my $case (
        ['', 'it is a secret of fewer than 32 bytes', 'nothing'],
        ["0123456789abcdef0123456789abcde\n",
         'it is a secret of fewer than 32 bytes', 'a short secret'],
        ['{"keys":[{"kty":"EC"}]}',
         'its "crv" is none of P-256, P-384 and P-521', 'a key that is none'],
        ['{"keys":[{"kty":"RSA","n":"AQ","e":"AQAB"}]}',
         'it is an RSA key of fewer than 2048 bits', 'a weak key'],
        [read_file('weak.pem.pub'),
         'it is an RSA key of fewer than 2048 bits', 'a weak key in PEM'],
        ["\xef\xbb\xbf{\"keys\":[{\"kty\":\"EC\"}]}          ",
         'it is a key or a certificate, and no secret',
         'JSON behind a byte order mark'],
    ) {
        my ($text, $why, $about) = @$case;
        $file = write_file('keys', $text);
        answers(2, '', "kairo: key 1 of \"$file\" is left out: $why\n"
                       . "kairo: \"$file\" has no keys: none of its keys is "
                       . "of use\n", $about, @check, $file, 'x');
    }

    for my $case (
        ['{}', 'it has no "keys" with a key in it', 'an empty object'],
        ['{"keys":[]}', 'it has no "keys" with a key in it', 'no keys'],
        ['{"keys":', 'it is not a JSON object', 'broken JSON'],
        ['{"keys":[],"keys":[]}', 'it is not a JSON object', 'keys twice'],
        [read_file('rsa.pem'), 'it has a private key, and verifying needs the '
         . 'public one', 'a private key'],
        ["-----BEGIN PUBLIC KEY-----\nAAAA\n",
         'it has PEM that breaks off or is no base64', 'PEM that breaks off'],
        [' ' x (256 * 1024) . '{}', 'it has more than 256 KiB',
         'more than 256 KiB'],
    ) {
        my ($text, $why, $about) = @$case;
        $file = write_file('keys', $text eq ' ' x (256 * 1024) . '{}'
                                   ? '{}' . ' ' x (256 * 1024) : $text);
        answers(2, '', "kairo: \"$file\" has no keys: $why\n", $about, @check,
                $file, 'x');
    }

    my $k = encode_base64url($secret);
    my $good = hs({ alg => 'HS256', kid => 'b' }, claims());
    $file = write_file('jwks', "{\"keys\":[{\"kty\":\"EC\"},{\"kty\":\"oct\","
                               . "\"kid\":\"b\",\"k\":\"$k\"},"
                               . '{"kty":"oct","k":"AA"}]}');

    answers(0, "valid HS256 b iss=me sub=you exp=1700000600\n",
            "kairo: key 1 of \"$file\" is left out: its \"crv\" is none of "
            . "P-256, P-384 and P-521\n", 'one key is left out, and told of',
            @check, $file, '--now', $now, $good);

    $file = write_file('jwk', "{\"kty\":\"oct\",\"k\":\"$k\"}");
    is(check('--keys', $file, '--now', $now, $good),
       'valid HS256 b iss=me sub=you exp=1700000600', 'a single JWK');

    $file = write_file('both', read_file('rsa.pem.pub')
                               . read_file('p256.pem.pub'));
    my $by_rsa = issue('--key', $rsa, '--alg', 'RS256', @fresh, 'a');
    my $by_ec = issue('--key', $ec{256}, '--alg', 'ES256', @fresh, 'b');
    answers(0, "valid RS256 - sub=a exp=1700000600\n"
               . "valid ES256 - sub=b exp=1700000600\n", '',
            'two keys in PEM', @check, $file, '--now', $now, $by_rsa, $by_ec);

    # what everybody knows is no secret

    for my $known (read_file('rsa.pem.pub'), $pub, '') {
        is(check('--keys', $pub, '--now', $now,
                 hs({ alg => 'HS256' }, claims(), $known)),
           'invalid unfit_key', 'HS256 with a public key');
    }
}


sub check_claims {
    my $good = hs({ alg => 'HS256' }, claims());
    my $valid = 'valid HS256 - iss=me sub=you exp=1700000600';

    is(hs_check('--issuer', 'me', $good), $valid, '--issuer');
    is(hs_check('--issuer', 'me/', $good), 'invalid wrong_issuer',
       'another issuer');
    is(hs_check('--issuer', '', $good), 'invalid wrong_issuer',
       'an empty issuer');
    is(hs_check('--audience', 'api', $good), $valid, '--audience');
    is(hs_check('--audience', 'API', $good), 'invalid wrong_audience',
       'another audience');
    is(hs_check('--issuer', 'me', '--audience', 'api', $good), $valid,
       'both');
    is(hs_check('--audience', 'b', hs({ alg => 'HS256' },
                                      claims(aud => ['a', 'b']))), $valid,
       'one of several audiences');
    is(hs_check('--audience', 'a', hs({ alg => 'HS256' },
                                      claims(aud => undef))),
       'invalid wrong_audience', 'no audience');
    is(hs_check(hs({ alg => 'HS256' }, claims(aud => undef, iss => undef))),
       'valid HS256 - sub=you exp=1700000600', 'where none is asked for');

    # the leeway is 30 s unless it is told

    my %at = (599 => 1, 600 => 1, 629 => 1, 630 => 0, 631 => 0, -39 => 1,
              -40 => 1, -41 => 0);

    for my $s (sort { $a <=> $b } keys %at) {
        is(check('--keys', "$dir/secret", '--now', $now + $s, $good),
           $at{$s} ? $valid : $s > 0 ? 'invalid expired'
                                     : 'invalid not_yet_valid', "at $s s");
    }

    is(check('--keys', "$dir/secret", '--now', $now + 599, '--leeway', 0,
             $good), $valid, '--leeway 0');
    is(check('--keys', "$dir/secret", '--now', $now + 600, '--leeway', 0,
             $good), 'invalid expired', 'at the second it is over');
    is(check('--keys', "$dir/secret", '--now', $now + 700, '--leeway', 101,
             $good), $valid, '--leeway 101');

    # the clock, where no other time is told

    my $time = time;
    is(check('--keys', "$dir/secret",
             hs({ alg => 'HS256' }, claims(iat => $time, exp => $time + 60))),
       "valid HS256 - iss=me sub=you exp=" . ($time + 60), 'now is now');
    is(check('--keys', "$dir/secret", $good), 'invalid expired',
       'and not then');
}


# One of each reason, by name: they are for programs.

sub check_reasons {
    my $good = hs({ alg => 'HS256' }, claims());
    my ($h, $p, $s) = split /\./, $good;
    my %reason = (
        too_long => [$good . 'A' x 8192,
                     hs({ alg => 'HS256', x => 'x' x 2048 }, claims())],
        malformed => ['', '.', '...', 'x', "$good.", ".$good", "$good ",
                      " $good", "$h.$p", "$h.$p.$s=", "$h=.$p.$s",
                      "$h.$p+.$s", "$good.$s.$s", "Bearer $good",
                      "{\"payload\":\"$p\",\"protected\":\"$h\","
                      . "\"signature\":\"$s\"}"],
        bad_header => ['..', hs('{"typ":"JWT"}', claims()), hs('[]', claims()),
                       hs('{"alg":"HS256","alg":"HS256"}', claims()),
                       hs('{"alg":"HS256","kid":1}', claims()),
                       hs('{"alg":256}', claims()),
                       hs("\xef\xbb\xbf{\"alg\":\"HS256\"}", claims()),
                       hs("{\"alg\":\"HS256\"}\0", claims())],
        critical_header => [hs('{"alg":"HS256","crit":["exp"]}', claims()),
                            hs('{"alg":"HS256","crit":[]}', claims()),
                            hs('{"alg":"HS256","b64":false}', claims()),
                            hs('{"alg":"HS256","b64":true}', claims())],
        encrypted => [hs('{"alg":"HS256","enc":"A128GCM"}', claims()),
                      hs('{"alg":"HS256","zip":"DEF"}', claims()),
                      hs('{"alg":"HS256","cty":"JWT"}', claims())],
        algorithm_not_allowed => [hs('{"alg":"none"}', claims()),
                                  hs('{"alg":"hs256"}', claims()),
                                  encode_base64url('{"alg":"none"}')
                                  . ".$p."],
        wrong_type => [hs('{"alg":"HS256","typ":"JOSE"}', claims()),
                       hs('{"alg":"HS256","typ":"logout+jwt"}', claims()),
                       hs('{"alg":"HS256","typ":""}', claims()),
                       hs({ alg => 'HS256' }, claims(events => {}))],
        bad_claims => [hs({ alg => 'HS256' }, '[]'),
                       hs({ alg => 'HS256' }, ''),
                       hs({ alg => 'HS256' }, $good), "$h..$s",
                       hs({ alg => 'HS256' }, '{"exp":1,"exp":1}'),
                       hs({ alg => 'HS256' }, "{\"exp\":1700000600\0}")],
        no_expiry => [hs({ alg => 'HS256' }, claims(exp => undef)),
                      hs({ alg => 'HS256' }, claims(exp => '1700000600 ')),
                      hs({ alg => 'HS256' }, '{"exp":1e18}'),
                      hs({ alg => 'HS256' }, '{"exp":-1}')],
        bad_time => [hs({ alg => 'HS256' }, claims(nbf => 'now')),
                     hs({ alg => 'HS256' }, claims(iat => 'now'))],
        expired => [hs({ alg => 'HS256' }, claims(exp => $now - 30))],
        not_yet_valid => [hs({ alg => 'HS256' }, claims(nbf => $now + 31)),
                          hs({ alg => 'HS256' }, claims(iat => $now + 31))],
        unfit_key => [hs({ alg => 'HS256' }, claims()) =~ s/^[^.]*/
                      encode_base64url('{"alg":"RS256"}')/er],
        bad_signature => ["$h.$p.", "$h.$p.AAAA",
                          hs({ alg => 'HS256' }, claims(), 'x' x 64),
                          hs({ alg => 'HS256' }, claims(sub => 'x'))
                          =~ s/[^.]*$/$s/r],
    );

    for my $name (sort keys %reason) {
        my $n = 0;
        for my $token (@{$reason{$name}}) {
            $n++;
            next if $token =~ /\n/;
            answers(1, "invalid $name\n", '', "$name $n", 'token', 'check',
                    '--keys', "$dir/secret", '--now', $now, '--', $token);
        }
    }

    my $k = encode_base64url($secret);
    my $file = write_file('named', '{"keys":[' . join(',', map {
        qq({"kty":"oct","kid":"$_","k":"$k"}) } 'a', 'b') . ']}');

    is(check('--keys', $file, '--now', $now,
             hs({ alg => 'HS256', kid => 'c' }, claims())),
       'invalid unknown_key', 'unknown_key');
    is(check('--keys', $file, '--now', $now, $good), 'invalid ambiguous_key',
       'ambiguous_key');
    is(check('--keys', $file, '--now', $now,
             hs({ alg => 'HS256', kid => 'b' }, claims())),
       'valid HS256 b iss=me sub=you exp=1700000600', 'a key by its name');
}


sub check_output {
    my @jws = ('--keys', "$dir/secret", '--jws');

    is(hs_check(hs({ alg => 'HS256' }, { exp => $now + 1 })),
       "valid HS256 - exp=1700000001", 'neither issuer nor subject');
    is(hs_check(hs({ alg => 'HS512', kid => "k \e[2J\\" },
                   claims(iss => "i\n", sub => "\x{e9}\x{7f}"))),
       'valid HS512 k\x20\x1b[2J\x5c iss=i\x0a sub=\xc3\xa9\x7f '
       . 'exp=1700000600', 'nothing that a terminal would act on');
    is(hs_check(hs({ alg => 'HS256', kid => '' }, claims())),
       'valid HS256 - iss=me sub=you exp=1700000600', 'a kid of no bytes');
    is(hs_check(hs({ alg => 'HS256' }, claims(sub => [1], iss => 5))),
       'valid HS256 - exp=1700000600', 'claims that are no text');
    is(hs_check(hs({ alg => 'HS256' }, '{"exp":1700000600.9}')),
       'valid HS256 - exp=1700000600', 'a fraction of a second');

    is(check(@jws, hs({ alg => 'HS256', kid => 'k' }, 'any text')),
       'valid HS256 k', '--jws: any text');
    is(check(@jws, hs({ alg => 'HS256' }, '')), 'valid HS256 -',
       '--jws: none at all');
    is(check(@jws, hs({ alg => 'HS256' }, claims(exp => 1))),
       'valid HS256 -', '--jws: claims are not looked at');
    is(check(@jws, hs({ alg => 'HS256', typ => 'JOSE' }, 'x')),
       'valid HS256 -', '--jws: nor is the type');
    is(check(@jws, hs({ alg => 'HS256' }, 'x', 'y' x 64)),
       'invalid bad_signature', '--jws: the signature is');
    is(check(@jws, hs({ alg => 'HS256', crit => ['exp'] }, 'x')),
       'invalid critical_header', '--jws: and the header');
}


# Many at once: a line of answer for each.

sub check_lines {
    my @check = ('token', 'check', '--keys', "$dir/secret", '--now', $now);
    my $good = hs({ alg => 'HS256' }, claims());
    my $late = hs({ alg => 'HS256' }, claims(exp => 1));
    my $valid = "valid HS256 - iss=me sub=you exp=1700000600\n";
    my $bad = "invalid malformed\n";

    for my $case (
        ['', 0, '', 'no line'],
        ["$good\n", 0, $valid, 'a line'],
        [$good, 0, $valid, 'without its end'],
        ["$good\n$good\n$good\n", 0, $valid x 3, 'three of them'],
        ["$good\n$late\n$good\n", 1, "${valid}invalid expired\n$valid",
         'one that is not valid'],
        ["$late\n$good\n", 1, "invalid expired\n$valid", 'the first one'],
        ["\n", 1, $bad, 'an empty line'],
        ["$good\n\n$good\n", 1, $valid . $bad . $valid, 'between others'],
        ["$good\r\n", 1, $bad, 'a carriage return'],
        [" $good\n", 1, $bad, 'a space'],
        ["$good\0\n", 1, $bad, 'NUL'],
        ["\0$good\n", 1, $bad, 'NUL before it'],
        ['A' x 100000 . "\n$good\n", 1, "invalid too_long\n$valid",
         'a line without end'],
        [join('', map { "$good\n" } 1 .. 2000), 0, $valid x 2000,
         'two thousand'],
    ) {
        my ($in, $status, $out, $about) = @$case;
        my @got = kairo_in($in, @check);
        is_deeply(\@got, [$status, $out, ''], "standard input: $about");
    }

    my @got = kairo_in("$late\n", @check, $good);
    is_deeply(\@got, [0, $valid, ''], 'arguments come before it');

    answers(1, $valid . $bad . $valid, '', 'arguments, one of them bad',
            @check, $good, 'x', $good);
    answers(1, $bad, '', 'an empty argument', @check, '');
}


sub issue_options {
    my @issue = ('token', 'issue');
    my $takes = "--key PEM|SECRETFILE --alg ALG [--kid K] [--issuer I]\n"
                . '            [--audience A] [--expires S] [--now T] '
                . "SUBJECT|CLAIMS ...\n";
    my $wants = 'kairo: token issue wants --key FILE, a private key in PEM or '
                . "a secret, and --alg, as in ES256\n";

    answers(2, '', $wants, 'neither key nor algorithm', @issue, 'x');
    answers(2, '', $wants, 'no algorithm', @issue, '--key', "$dir/secret",
            'x');
    answers(2, '', $wants, 'no key', @issue, '--alg', 'HS256', 'x');
    answers(2, '', "kairo: unknown option \"--keys\" of \"token issue\", "
                   . "which takes: $takes", 'an option that is none', @issue,
            '--keys', 'x');

    for my $name (qw(key alg kid issuer audience expires now)) {
        answers(2, '', "kairo: option \"--$name\" wants a value\n",
                "--$name without a value", @issue, "--$name");
    }

    for my $bad ('none', 'hs256', 'HS257', '') {
        answers(2, '', "kairo: unknown algorithm \"$bad\" in --alg\n",
                "--alg $bad", @issue, '--key', "$dir/secret", '--alg', $bad,
                'x');
    }

    my @hs256 = (@issue, '--key', "$dir/secret", '--alg', 'HS256');

    for my $name (qw(expires now)) {
        for my $bad ('', '-1', '1.5', '1h') {
            answers(2, '', "kairo: --$name wants a number of seconds, and "
                           . "\"$bad\" is none\n", "--$name \"$bad\"", @hs256,
                    "--$name=$bad", 'x');
        }
    }

    for my $name (qw(issuer audience)) {
        for my $bad ('', "\xff", "\xc0\x80", "\xed\xa0\x80") {
            answers(2, '', "kairo: --$name wants a text in UTF-8\n",
                    "--$name of " . unpack('H*', $bad), @hs256,
                    "--$name=$bad", 'x');
        }
    }

    answers(2, '', "kairo: \"$dir/nothing\" can't be read: No such file or "
                   . "directory\n", 'no file', @issue, '--key',
            "$dir/nothing", '--alg', 'HS256', 'x');
}


sub issue_claims {
    my @hs256 = ('--key', "$dir/secret", '--alg', 'HS256');

    my $token = issue(@hs256, '--now', $now, 'you');
    is_deeply(part($token, 0), { alg => 'HS256', typ => 'JWT' }, 'a header');
    is_deeply(part($token, 1), { sub => 'you', iat => $now,
                                 exp => $now + 3600 },
              'a subject, for an hour');

    $token = issue(@hs256, '--now', $now, '--expires', 60, '--kid', 'k 1',
                   '--issuer', "i\xc3\xa9", '--audience', 'a', 'you');
    is_deeply(part($token, 0), { alg => 'HS256', typ => 'JWT',
                                 kid => 'k 1' }, '--kid');
    is_deeply(part($token, 1), { sub => 'you', iss => "i\x{e9}", aud => 'a',
                                 iat => $now, exp => $now + 60 },
              '--issuer, --audience, --expires, --now');

    my $time = time;
    my $claims = part(issue(@hs256, 'you'), 1);
    cmp_ok(abs($claims->{iat} - $time), '<', 10, 'now is now');
    is($claims->{exp}, $claims->{iat} + 3600, 'an hour from then');

    $token = issue(@hs256, '--now', $now, '--issuer', 'i', '--audience', 'a',
                   '{"iss":"own","aud":["x","y"],"exp":5,"iat":4,"n":1.5,'
                   . '"deep":{"a":[null,true]}}');
    is_deeply(part($token, 1), { iss => 'own', aud => ['x', 'y'], exp => 5,
                                 iat => 4, n => 1.5,
                                 deep => { a => [undef, JSON::PP::true] } },
              'claims of JSON come before the options');

    $token = issue(@hs256, '--now', $now, '{}');
    is_deeply(part($token, 1), { iat => $now, exp => $now + 3600 },
              'and the options where there are none');

    is(part(issue(@hs256, '[1]'), 1)->{sub}, '[1]',
       'an array is a subject as others are');

    for my $case (
        ["\xff", '\xff', 'no UTF-8'],
        ['{', '{', 'broken JSON'],
        ['{"a":1,"a":2}', '{"a":1,"a":2}', 'a name twice'],
        ['{"a":"' . "\xff" . '"}', '{"a":"\xff"}', 'no UTF-8 in JSON'],
        ['{} {}', '{}\x20{}', 'two objects'],
        ['{"a":"\u0000"}', '{"a":"\x5cu0000"}', 'NUL in JSON'],
        ['{"a":' . '[' x 16 . ']' x 16 . '}',
         '{"a":' . '[' x 16 . ']' x 16 . '}', 'claims that nobody would read'],
    ) {
        my ($value, $shown, $about) = @$case;
        answers(1, "invalid $shown: neither a subject in UTF-8 nor a JSON "
                   . "object\n", '', "not: $about", 'token', 'issue', @hs256,
                $value);
    }
}


sub issue_keys {
    my $not = 'invalid: the key is not one for this algorithm';
    my $none = 'invalid: the key is not a private one in PEM, without a '
               . 'password';
    my $locked = "$dir/locked.pem";

    system("openssl pkey -in $rsa -aes128 -passout pass:word -out $locked")
        == 0 or die;

    for my $case (
        [$ec{384}, 'ES256', $not], [$ec{521}, 'ES256', $not],
        [$ec{256}, 'ES384', $not], [$ec{256}, 'ES512', $not],
        [$rsa, 'ES256', $not], [$ec{256}, 'RS256', $not],
        [$ed25519, 'ES256', $not], [$ed25519, 'RS256', $not],
        [$weak, 'RS256', 'invalid: it is an RSA key of fewer than 2048 bits'],
        ["$rsa.pub", 'RS256', $none], ["$dir/secret", 'RS256', $none],
        [$locked, 'RS256', $none],
        ["$rsa.pub", 'HS256',
         'invalid: it is a key or a certificate, and no secret'],
        [$rsa, 'HS256', 'invalid: it is a key or a certificate, and no '
         . 'secret'],
        [write_file('s31', 's' x 31 . "\n"), 'HS256', 'invalid: the secret is '
         . "shorter than the algorithm's hash"],
        [write_file('s47', 's' x 47), 'HS384', 'invalid: the secret is '
         . "shorter than the algorithm's hash"],
        [write_file('s63', 's' x 63), 'HS512', 'invalid: the secret is '
         . "shorter than the algorithm's hash"],
        (map { [$rsa, $_, 'invalid: libjwt signs by HS, RS and ES algorithms '
                . 'alone'] } qw(PS256 PS384 PS512)),
        [$ed25519, 'EdDSA', 'invalid: libjwt signs by HS, RS and ES '
         . 'algorithms alone'],
    ) {
        my ($key, $alg, $said) = @$case;
        answers(1, "$said\n", '', "$alg by " . basename($key), 'token',
                'issue', '--key', $key, '--alg', $alg, 'you');
    }

    for my $kid ('', 'k' x 129) {
        answers(1, "invalid: the key's name is not of 1 to 128 bytes\n", '',
                'a kid of ' . length $kid, 'token', 'issue', '--key',
                "$dir/secret", '--alg', 'HS256', '--kid', $kid, 'you');
    }

    answers(1, "invalid: libjwt takes no such claims or key name\n", '',
            'a kid that is no UTF-8', 'token', 'issue', '--key',
            "$dir/secret", '--alg', 'HS256', '--kid', "\xff", 'you');
}


sub issue_lines {
    my @issue = ('token', 'issue', '--key', "$dir/secret", '--alg', 'HS256',
                 @fresh);
    my ($status, $out, $err) = kairo_in("a\n{\"sub\":\"b\"}\n\xff\n\n",
                                        @issue);
    my @lines = split /\n/, $out;

    is("$status $err", '1 ', 'a line that is none');
    is(scalar @lines, 4, 'a line of answer for each');
    is(part($lines[0], 1)->{sub}, 'a', 'a subject');
    is(part($lines[1], 1)->{sub}, 'b', 'claims');
    is($lines[2], 'invalid \xff: neither a subject in UTF-8 nor a JSON object',
       'what is neither');
    is(part($lines[3], 1)->{sub}, '', 'an empty subject');

    my @got = kairo_in("a\0b\n", @issue);
    is_deeply(\@got, [1, "invalid: libjwt takes no such claims or key name\n",
                      ''], 'NUL in a subject');

    # nobody's subject is taken for a password

    ($status, $out, $err) = kairo_in("word\nword\nme\n", 'token', 'issue',
                                     '--key', "$dir/locked.pem", '--alg',
                                     'RS256');
    is("$status$err", '1', 'a key with a password is none');
    is(scalar(() = $out =~ /\n/g), 3, 'each line is a subject');
}


sub round_trips {
    my %key = (HS => sub { ("$dir/secret", "$dir/secret") },
               RS => sub { ($rsa, "$rsa.pub") },
               ES => sub { my $k = $ec{$_[0] == 512 ? 521 : $_[0]};
                           ($k, "$k.pub") });

    for my $kind (sort keys %key) {
        for my $bits (256, 384, 512) {
            my $alg = "$kind$bits";
            my ($private, $public) = $key{$kind}->($bits);
            my @told = ('--issuer', "https://i.example/", '--audience', 'a');

            my ($status, $out, $err)
                = kairo_in(join('', map { "user $_\n" } 1 .. 20), 'token',
                           'issue', '--key', $private, '--alg', $alg, '--kid',
                           'k', @told, @fresh);
            is("$status$err", '0', "$alg: twenty tokens");

            my @got = kairo_in($out, 'token', 'check', '--keys', $public,
                               '--algs', $alg, '--now', $now, @told);
            is_deeply(\@got, [0, join('', map {
                "valid $alg k iss=https://i.example/ sub=user\\x20$_ "
                . "exp=1700000600\n" } 1 .. 20), ''], "$alg: all valid");

            (my $broken = $out) =~ s/([^.\n])([^.\n]{6}\n)/
                ($1 eq 'A' ? 'B' : 'A') . $2/ge;
            @got = kairo_in($broken, 'token', 'check', '--keys', $public,
                            '--now', $now);
            is_deeply(\@got, [1, "invalid bad_signature\n" x 20, ''],
                      "$alg: none, with another signature");
        }
    }
}


# What libjwt can't make: by the command that everybody has.

sub by_openssl {
    for my $bits (256, 384, 512) {
        my $header = { alg => "PS$bits", typ => 'at+jwt' };

        for my $case ([digest => 'valid'], [0 => 'invalid'],
                      [$bits / 8 - 1 => 'invalid'], [max => 'invalid'])
        {
            my ($salt, $want) = @$case;
            my $token = openssl($header, 'dgst', "-sha$bits", '-sign', $rsa,
                                '-sigopt', 'rsa_padding_mode:pss', '-sigopt',
                                "rsa_pss_saltlen:$salt");
            is(check('--keys', "$rsa.pub", '--now', $now, $token),
               $want eq 'valid' ? "valid PS$bits - iss=me sub=you "
                                  . 'exp=1700000600'
                                : 'invalid bad_signature',
               "PS$bits with a salt of $salt");
        }

        my $token = openssl($header, 'dgst', "-sha$bits", '-sign', $rsa);
        is(check('--keys', "$rsa.pub", '--now', $now, $token),
           'invalid bad_signature', "PS$bits signed as RS$bits");
    }

    for my $key ($ed25519, $ed448) {
        my $name = basename($key, '.pem');
        my $token = openssl({ alg => 'EdDSA' }, 'pkeyutl', '-sign', '-rawin',
                            '-inkey', $key);
        is(check('--keys', "$key.pub", '--now', $now, $token),
           'valid EdDSA - iss=me sub=you exp=1700000600', $name);
        is(check('--keys', ($key eq $ed448 ? $ed25519 : $ed448) . '.pub',
                 '--now', $now, $token), 'invalid bad_signature',
           "$name, by the other key");
    }

    # DER, as openssl writes it, is not for JOSE

    for my $curve (sort keys %ec) {
        my $alg = $curve == 521 ? 512 : $curve;
        my $token = openssl({ alg => "ES$alg" }, 'dgst', "-sha$alg", '-sign',
                            $ec{$curve});
        is(check('--keys', "$ec{$curve}.pub", '--now', $now, $token),
           'invalid bad_signature', "ES$alg in DER");
    }
}


sub openssl {
    my ($header, $verb, @args) = @_;
    my $input = encode_base64url($json->encode($header)) . '.'
                . encode_base64url($json->encode(claims()));
    my $file = write_file('input', $input);
    my @in = $verb eq 'pkeyutl' ? ('-in', $file) : $file;

    system("openssl $verb @args -out $dir/signature @in") == 0
        or die "openssl $verb\n";

    return "$input." . encode_base64url(read_file('signature'));
}


# RFC 7520, 8037 and 7797, as ietf-jose/cookbook has them.

sub cookbook {
    my $vectors = $ENV{KAIRO_VECTORS} || '../shared/vectors';
    my @files = glob "$vectors/jose-cookbook/{jws,rfc,curve}*.json";

    SKIP: {
        skip "no $vectors/jose-cookbook", 1 unless @files;

        for my $path (@files) {
            open my $in, '<:raw', $path or die "$path: $!\n";
            local $/;
            my $v = $json->decode(<$in>);
            my $name = basename($path, '.json');
            my $keys = $v->{input}{key};
            $keys = [$keys] unless ref $keys eq 'ARRAY';

            my %seen;
            @$keys = grep { !$seen{$_->{kid} // ''}++ } @$keys;
            my $file = write_file('jwks', $json->encode({ keys => $keys }));

            if (my $token = $v->{output}{compact}) {
                my $good = $token !~ /\.\./;
                like(check('--keys', $file, '--jws', $token),
                     $good ? qr/^valid \Q$v->{input}{alg}\E \S+$/
                           : qr/^invalid bad_signature$/,
                     ($good ? '' : 'not: ') . $name);
                isnt(substr(check('--keys', $file, $token), 0, 5), 'valid',
                     "$name is no JWT");
            }

            for my $form (qw(json json_flat)) {
                next unless $v->{output}{$form};
                answers(1, "invalid malformed\n", '', "not: $name as $form",
                        'token', 'check', '--keys', $file, '--jws',
                        $json->encode($v->{output}{$form}));
            }
        }
    }
}


# An implementation in another language, by people who have nothing to do with
# this one: whatever is valid here must be valid there.

sub node {
    SKIP: {
        my $modules = jose() or return skip('no Node, or no way to its jose',
                                            1);
        my $secret_file = write_file('hmac', $secret);

        local $ENV{NODE_PATH} = $modules;
        my ($status, $out) = run_node('make', $dir);
        is($status, 0, 'jose makes its tokens') or return diag($out);

        my @cases = map { $json->decode($_) } split /\n/, $out;
        cmp_ok(scalar @cases, '>', 60, 'some good, some bad');

        my %keys;
        push @{$keys{$_->{keys}}}, $_ for @cases;

        for my $file (sort keys %keys) {
            my @of = @{$keys{$file}};
            my (undef, $lines, $err)
                = kairo_in(join('', map { "$_->{token}\n" } @of), 'token',
                           'check', '--keys', "$dir/$file", '--issuer', 'me',
                           '--audience', 'api', '--now', $now);
            is($err, '', "$file is read");
            my @lines = split /\n/, $lines;
            is(scalar @lines, scalar @of, "an answer for each of $file");

            for my $i (0 .. $#of) {
                my $case = $of[$i];
                my $valid = ($lines[$i] // '') =~ /^valid /;

                if ($case->{good}) {
                    ok($valid && $case->{jose}, "both: $case->{name}")
                        or diag("$lines[$i], jose: $case->{said}");
                } else {
                    ok(!$valid, "not: $case->{name}"
                       . ($case->{jose} ? ', which jose takes' : ''));
                }
            }
        }

        # and the tokens that are made here

        my @made;
        for my $kind (['hmac', 'HS', $secret_file], ['rsa', 'RS', $rsa],
                      ['p256', 'ES256', $ec{256}], ['p384', 'ES384', $ec{384}],
                      ['p521', 'ES512', $ec{521}])
        {
            my ($name, $alg, $file) = @$kind;
            for my $full (length $alg > 2 ? $alg
                                          : map { "$alg$_" } 256, 384, 512)
            {
                my $token = issue('--key', $file, '--alg', $full, '--issuer',
                                  'me', '--audience', 'api', @fresh, 'you');
                push @made, join ' ', $full, "$name", $token;
            }
        }

        write_file('made', join '', map { "$_\n" } @made);
        ($status, $out) = run_node('check', $dir);
        is($out, join('', map { (split / /)[0] . " valid\n" } @made),
           'jose takes each token that is made here');
    }
}


sub run_node {
    my @args = @_;
    my $out = qx(timeout 60 node "$root/t/lib/jose.cjs" @args 2>&1);
    return ($? >> 8, $out);
}


# Where the modules are; fetched once.

sub jose {
    my $prefix = "$root/build/node";
    return unless system('node --version >/dev/null 2>&1') == 0;

    unless (-d "$prefix/node_modules/jose") {
        return unless system('npm --version >/dev/null 2>&1') == 0;
        make_path($prefix);
        system("timeout 30 npm install --prefix $prefix --no-audit --no-fund "
               . '--no-save --ignore-scripts --fetch-retries=0 jose@5 '
               . ">$prefix/log 2>&1") == 0
            or diag("npm has no jose, see $prefix/log"), return;
    }

    return "$prefix/node_modules";
}
