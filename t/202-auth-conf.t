# Directives of auth and lines of kairo_issuer: what each refuses and how it
# says so, what is warned of, and what must be taken.

use strict;
use warnings;

use lib 't/lib';
use Kairo::Server;
use Kairo::Token qw(key secret jwks json b64 unb64);
use Test::More;

my $s = Kairo::Server->new;
my $rsa = key('rsa');
my $p256 = key('p256');

# A directory, a file that is too large, and others that an operator may have.

mkdir "$s->{dir}/folder";
$s->file($_->[0], $_->[1]) for (
    ['good.jwks', jwks($p256, $rsa)],
    ['good.pem', $p256->pem],
    ['one.jwk', json($p256->jwk)],
    ['empty', ''],
    ['space', " \n"],
    ['list.json', '[]'],
    ['text', 'a text'],
    ['broken.jwks', '{"keys":['],
    ['none.jwks', '{"keys":[]}'],
    ['no-keys.jwks', '{}'],
    ['number.jwks', '{"keys":1}'],
    ['twice.jwks', '{"keys":[],' . substr jwks($p256), 1],
    ['behind.jwks', jwks($p256) . '{}'],
    ['large', jwks($p256) . ' ' x 262144],
    ['many.jwks', jwks(($p256->with(kid => undef)) x 65)],
    ['secret.jwks', jwks(secret('s' x 32))],
    ['s31', 's' x 31], ['s32', 's' x 32], ['s32.line', 's' x 32 . "\r\n"],
    ['s47', 's' x 47], ['s63', 's' x 63], ['s64', 's' x 64],
    ['s4096', 's' x 4096], ['s4097', 's' x 4097], ['line', "\n"],
    ['private.pem', Kairo::Token::slurp($rsa->{file})],
    ['private-too.pem', $p256->pem . Kairo::Token::slurp($rsa->{file})],
);
Kairo::Token::command("openssl req -x509 -key $rsa->{file} -subj /CN=x "
                      . "-days 2 -out $s->{dir}/cert.pem");

# tells HTTP: what "nginx -t" says about it, and whether it is taken.

sub tells { return $s->tells(@_) }

# issuer LINE...: a block that is right but for lines that are given here; a
# line of one word takes that line away.

sub issuer {
    my @given = @_;
    my %line = (issuer => 'https://issuer.test/', audience => 'api',
                algs => 'ES256 RS256', keys => 'file=good.jwks');
    my @more;
    for my $given (@given) {
        my ($name, $rest) = split / /, $given, 2;
        delete $line{$name};
        push @more, $given if defined $rest;
    }
    return 'kairo_issuer main {' . join('', map { "\n$_;" }
           (map { "$_ $line{$_}" } sort keys %line), @more) . "\n}\n";
}

sub server { return "server { listen 127.0.0.1:%%PORT%%; $_[0] }\n" }

sub wrong {
    my ($name, $http, $message, @never) = @_;
    my ($said, $taken) = tells($http);
    ok(!$taken, "$name: is not taken");
    ok(index($said, $message) >= 0, "$name: says why")
        or diag("expected: $message\ngot: $said");
    like($said, qr/^nginx: \[emerg\] .* in \S+:\d+$/m, "$name: and where");
    ok(index($said, $_) < 0, "$name: and shows no secret") for @never;
}

sub right {
    my ($name, $http, $warning) = @_;
    my ($said, $taken) = tells($http);
    ok($taken, "$name: is taken") or diag($said);
    return is($said, '', "$name: without a word") unless $warning;
    like($said, qr/^nginx: \[warn\] .*\Q$warning\E/m, "$name: with a warning");
    unlike($said, qr/\[emerg\]/, "$name: and no error");
}


# kairo_issuer: the name.

wrong("issuer name \"$_\"", "kairo_issuer \"$_\" { }",
      "invalid issuer name \"$_\", expected 1 to 32 letters")
    for '', 'a b', 'a:b', "a'", 'x' x 33, 'a.b', "\xc3\xa4";
right('a name of 32', issuer() =~ s/main/'x' x 32/er);
wrong('two of a name', issuer() . issuer(),
      '"kairo_issuer" directive is duplicate');
wrong('an issuer in a server', server(issuer()),
      '"kairo_issuer" directive is not allowed here');
wrong('no name', issuer() =~ s/main//r,
      'invalid number of arguments in "kairo_issuer"');
wrong('no block', 'kairo_issuer main;', 'has no opening "{"');

# its lines

wrong('an unknown line', issuer('audiences x'),
      'unknown line "audiences" in issuer "main", expected issuer, audience');
wrong('a line with more to it', issuer('issuers https://x/'),
      'unknown line "issuers" in issuer "main"');
wrong('a block in it', issuer('keys {'), 'unexpected "{"');

for (['issuer', 1, 1], ['audience', 1, 8], ['algs', 1, 13], ['keys', 1, 5],
     ['types', 1, 8], ['leeway', 1, 1], ['max_lifetime', 1, 1],
     ['subject', 1, 1], ['roles', 1, 1], ['tier', 1, 1], ['email', 2, 2])
{
    my ($name, $least, $most) = @$_;
    wrong("$name of $_", issuer("$name " . join ' ', ('x') x $_),
          "invalid number of arguments of \"$name\" in issuer \"main\"")
        for $least - 1, $most + 1;
}

wrong("$_ twice", issuer($_, $_), do {
    my ($name) = split;
    "\"$name\" is duplicate in issuer \"main\"";
}) for 'issuer https://a/', 'audience a', 'audience off', 'algs ES256',
       'keys file=good.jwks', 'types none', 'leeway 1s', 'max_lifetime 1h',
       'subject sub', 'roles a', 'tier a', 'email a verified=always';
wrong('two kinds of keys', issuer('keys file=good.jwks', 'keys location=/k'),
      '"keys" is duplicate in issuer "main"');
wrong('an audience and off', issuer('audience a', 'audience off'),
      '"audience" is duplicate in issuer "main"');

wrong("no $_->[0]", issuer($_->[0]), "issuer \"main\" has no \"$_->[1]")
    for ['issuer', 'issuer URL;"'], ['audience', 'audience NAME;"'],
        ['algs', 'algs ALG ...;"'], ['keys', 'keys location=/URI;"'];
wrong('nothing', 'kairo_issuer main { }', 'issuer "main" has no "issuer URL');

wrong("algorithm $_", issuer("algs ES256 $_"),
      "unknown algorithm \"$_\" of issuer \"main\", expected some of HS256")
    for qw(none None es256 ES256K HS1 RS1 RSA-OAEP A128KW EDDSA Ed25519 *);

wrong("leeway $_", issuer("leeway $_"), "invalid leeway \"$_\"")
    for qw(11m 601 -1 x 1.5);
right("leeway $_", issuer("leeway $_")) for qw(0 0s 10m 600);
wrong("max_lifetime $_", issuer("max_lifetime $_"),
      "invalid max_lifetime \"$_\"") for qw(0 0s -1 x);

wrong("email $_", issuer("email mail $_"), 'invalid "' . (split)[0]
      . '" of issuer "main", expected email CLAIM verified=CLAIM')
    for qw(verified verified= email_verified unverified=x Verified=always);
right("email $_", issuer("email mail $_")) for qw(verified=always verified=x
                                                  verified=/a/b);

# where the keys are

wrong("keys $_", issuer("keys $_"), "invalid keys \"$_\" of issuer \"main\"")
    for qw(good.jwks file= location= location=jwks location=https://a/
           location=@named secret= url=https://a/ https://a/ FILE=good.jwks);

wrong("keys $_->[0] $_->[1]", issuer("keys $_->[0] $_->[1]"),
      "invalid \"$_->[1]\" of keys of issuer \"main\", expected a time")
    for (map { ['file=good.jwks', $_] } qw(check= check=0 check=x check=-1
         refresh=1m stale=1d interval=1s timeout=1s other)),
        (map { ['location=/k', $_] } qw(check=1s refresh= refresh=0 stale=0
         interval=0 timeout=0 timeout=x)),
        ['secret=file:s32', 'check=1s'];
right("keys $_", issuer("keys $_", 'algs ES256'))
    for 'file=good.jwks check=100ms', 'file=good.jwks check=1d',
        'location=/k', 'location=/k?set=1',
        'location=/k refresh=1m stale=1d interval=1s timeout=500ms';

# a file

wrong("keys file=$_->[0]", issuer("keys file=$_->[0]"), $_->[1]) for (
    ['missing', 'keys file "'],
    ['missing', 'it can\'t be opened'],
    ['folder', 'it is not a file'],
    ['large', 'it has more than 256 KiB'],
    ['empty', 'keys of issuer "main" in "'],
    ['empty', 'it is neither JSON nor PEM'],
    ['space', 'it is neither JSON nor PEM'],
    ['text', 'it is neither JSON nor PEM'],
    ['list.json', 'it is neither JSON nor PEM'],
    ['broken.jwks', 'it is not a JSON object'],
    ['twice.jwks', 'it is not a JSON object'],
    ['behind.jwks', 'it is not a JSON object'],
    ['none.jwks', 'it has no "keys" with a key in it'],
    ['no-keys.jwks', 'it has no "keys" with a key in it'],
    ['number.jwks', 'it has no "keys" with a key in it'],
    ['many.jwks', 'it has more than 64 keys'],
    ['private.pem', 'it has a private key, and verifying needs the public'],
    ['private-too.pem', 'it has a private key, and verifying needs the'],
    ['s64', 'it is neither JSON nor PEM'],
);
right("keys file=$_->[0], algs $_->[1]",
      issuer("keys file=$_->[0]", "algs $_->[1]"))
    for ['good.jwks', 'ES256 RS256'], ['good.pem', 'ES256'],
        ['one.jwk', 'ES256'], ['cert.pem', 'PS256'], ['secret.jwks', 'HS256'],
        ["$s->{dir}/good.jwks", 'ES256'];
wrong("keys file=$_->[0], algs $_->[1]",
      issuer("keys file=$_->[0]", "algs $_->[1]"),
      'the keys of issuer "main" are not for its algs')
    for ['good.jwks', 'HS256'], ['good.pem', 'RS256'], ['good.pem', 'ES384'],
        ['good.pem', 'HS256 HS384'], ['cert.pem', 'ES256'],
        ['secret.jwks', 'HS384'], ['secret.jwks', 'RS256 ES256'];
wrong('a location, and a secret wanted', issuer('keys location=/k',
      'algs HS256 HS512'), 'the keys of issuer "main" are not for its algs');

# keys that are left out, alone and beside a good one

my $point = $p256->jwk;
my $n = unb64($rsa->jwk->{n});

for (['weak RSA', key('rsa1024')->jwk, 'fewer than 2048 bits'],
     ['a large RSA', $rsa->jwk(n => b64($n x 5)), 'n" or "e" is missing, too'],
     ['RSA of 9000 bits', $rsa->jwk(n => b64(("\xff" x 1125))), 'too long'],
     ['an exponent of 1', $rsa->jwk(e => 'AQ'), 'exponent is even, 1'],
     ['an even exponent', $rsa->jwk(e => 'AQAA'), 'exponent is even'],
     ['no modulus', $rsa->jwk(n => undef), 'is missing'],
     ['an RSA key without kty', $rsa->jwk(kty => undef), 'no "kty"'],
     ['a kty of another kind', $rsa->jwk(kty => 'DH'), 'is none of RSA'],
     ['a kty in small letters', $rsa->jwk(kty => 'rsa'), 'is none of RSA'],
     ['a point off its curve', { %$point, x => $point->{y} }, 'not on the'],
     ['the point of zeroes', { %$point, x => b64("\0" x 32),
                               y => b64("\0" x 32) }, 'not on the curve'],
     ['a short coordinate', { %$point, x => b64("\1" x 31) }, 'curve\'s size'],
     ['secp256k1', key('k256')->jwk, 'is none of P-256'],
     ['a point of another curve', { %$point, crv => 'P-384' },
      'curve\'s size'],
     ['Ed25519 of 31 bytes', key('ed25519')->jwk(x => b64("\1" x 31)),
      'size'],
     ['X25519', { kty => 'OKP', crv => 'X25519', x => b64("\1" x 32) },
      'neither Ed25519 nor Ed448'],
     ['a key to encrypt', $p256->jwk(use => 'enc'), 'is not "sig"'],
     ['a use that is no text', $p256->jwk(use => ['sig']), 'is not "sig"'],
     ['a key to sign alone', $p256->jwk(key_ops => ['sign']), 'no "verify"'],
     ['no operation', $p256->jwk(key_ops => []), 'no "verify"'],
     ['alg of another kind', $p256->jwk(alg => 'RS256'), 'such a key'],
     ['alg none', $p256->jwk(alg => 'none'), 'such a key'],
     ['alg that is no text', $p256->jwk(alg => 1), 'such a key'],
     ['an empty kid', $p256->jwk(kid => ''), 'is not a text of 1 to 128'],
     ['a long kid', $p256->jwk(kid => 'x' x 129), 'is not a text of 1 to'],
     ['a kid that is no text', $p256->jwk(kid => 1), 'is not a text of 1 to'],
     ['padding', { %$point, x => "$point->{x}=" }, 'missing or not'],
     ['a short secret', secret('s' x 31)->jwk, 'fewer than 32 bytes'],
     ['no key', {}, 'it has no "kty"'])
{
    my ($name, $jwk, $why) = @$_;
    my %other = %{key('p256', 9)->jwk};
    $s->file('weak.jwks', jwks($jwk));
    my ($said, $taken) = tells(issuer('keys file=weak.jwks'));
    ok(!$taken, "$name: alone it is no key");
    like($said, qr/ is left out: .*\Q$why\E/, "$name: and the log says why");
    like($said, qr/none of its keys is of use/, "$name: none is of use");

    $s->file('weak.jwks', jwks(\%other, $jwk));
    right("$name beside a good key", issuer('keys file=weak.jwks'),
          "key 2 of \"$s->{dir}/weak.jwks\" of issuer \"main\" is left out: ");
}

for my $twice (jwks($p256, $p256->with(kid => 'x'), key('p256', 2)
                                            ->with(kid => 'p256-1')))
{
    $s->file('weak.jwks', $twice);
    right('one kid twice', issuer('keys file=weak.jwks'),
          'key 3 of "' . "$s->{dir}/weak.jwks" . '" of issuer "main" is left '
          . 'out: another key has the same "kid"');
}

# a secret

wrong("a secret as it is, $_", issuer("keys secret=$_"),
      'the secret of issuer "main" has to be a reference', 'TopSecret')
    for 'TopSecret-of-more-than-32-bytes-in-all', 'plain:TopSecret',
        'File:TopSecret', 'FILE:/etc/TopSecret';
wrong("keys secret=$_", issuer("keys secret=$_"), 'has to be a reference')
    for 'file:', 'env:', 'file', 'env';
wrong('no such file', issuer('keys secret=file:missing', 'algs HS256'),
      '/missing" can\'t be opened');
wrong('a folder', issuer('keys secret=file:folder', 'algs HS256'),
      '/folder" can\'t be read');
wrong('a large file', issuer('keys secret=file:s4097', 'algs HS256'),
      '/s4097" can\'t be read, or has more than 4096 bytes', 'sssss');
right('a file of 4096', issuer('keys secret=file:s4096', 'algs HS256'));
wrong("an empty one, $_", issuer("keys secret=file:$_", 'algs HS256'),
      "the secret in \"file:$_\" is empty") for 'empty', 'line';
wrong('PEM', issuer('keys secret=file:good.pem', 'algs HS256'),
      'it is PEM, and no secret', 'BEGIN');
wrong('31 bytes', issuer('keys secret=file:s31', 'algs HS256'),
      'none of its keys is of use', 'sssss');
right('32 bytes', issuer('keys secret=file:s32', 'algs HS256'));
right('32 bytes and a line end', issuer('keys secret=file:s32.line',
                                        'algs HS256'));
wrong("$_->[0] bytes for $_->[1]", issuer("keys secret=file:s$_->[0]",
      "algs $_->[1]"), 'a secret is for HS256 from 32 bytes, HS384 from 48, '
      . 'HS512 from 64', 'sssss')
    for [32, 'HS384'], [47, 'HS384'], [63, 'HS512'], [63, 'HS256 HS512'],
        [64, 'RS256'], [64, 'HS256 RS256'];
right("64 bytes for $_", issuer('keys secret=file:s64', "algs $_"))
    for 'HS256', 'HS384', 'HS512', 'HS256 HS384 HS512';

{
    local $ENV{KAIRO_SECRET} = 'TopSecret' x 8;
    local $ENV{KAIRO_SHORT} = 'TopSecret';
    local $ENV{KAIRO_EMPTY} = '';
    right('a variable', issuer('keys secret=env:KAIRO_SECRET', 'algs HS256'));
    wrong('a short one', issuer('keys secret=env:KAIRO_SHORT', 'algs HS256'),
          'none of its keys is of use', 'TopSecret');
    wrong('an empty one', issuer('keys secret=env:KAIRO_EMPTY', 'algs HS256'),
          'the secret in "env:KAIRO_EMPTY" is empty');
    wrong('none', issuer('keys secret=env:KAIRO_NONE', 'algs HS256'),
          'the environment of nginx has no "KAIRO_NONE"');
}


# kairo_auth

sub auth {
    my ($line) = @_;
    return issuer() . server("location / { kairo_auth $line; }");
}

wrong("kairo_auth $_", auth($_), 'names no issuer, write issuer=NAME')
    for 'required', 'optional', 'required from=bearer', 'optional realm=x';
wrong("kairo_auth $_", auth($_), 'invalid value "')
    for 'on', 'Required', 'issuer=main', '""', 'of';
wrong('kairo_auth off with more', auth('off issuer=main'),
      '"kairo_auth" directive "off" stands alone');
wrong('nothing', auth(''), 'invalid number of arguments in "kairo_auth"');
wrong('an unknown issuer', auth('required issuer=man'),
      'unknown issuer "man" of kairo_auth, define it by kairo_issuer');
wrong('an issuer in other letters', auth('required issuer=Main'),
      'unknown issuer "Main"');
wrong("parameter $_", auth("required issuer=main $_"),
      "invalid parameter \"$_\", expected issuer=NAME, from=bearer")
    for qw(issuer= from= realm= audience=x Issuer=main main off);
wrong("from $_", auth("required issuer=main from=$_"), "invalid \"from=$_\"")
    for 'x', 'Bearer', 'cookie', 'cookie:', 'header:x', 'bearer,', ',bearer',
        'bearer,,cookie:a', 'query:access_token';
wrong('from twice', auth('required issuer=main from=bearer from=cookie:a'),
      'has "from=" twice');
wrong("from $_", auth("required issuer=main from=$_"),
      'names one source of tokens twice')
    for 'bearer,bearer', 'cookie:a,bearer,cookie:a';
wrong('nine sources', auth('required issuer=main from='
      . join ',', map { "cookie:c$_" } 1 .. 9),
      'names more than 8 sources of tokens');
right('eight sources', auth('required issuer=main from=bearer,'
      . join ',', map { "cookie:c$_" } 1 .. 7));
right('cookies that differ by case', auth('required issuer=main '
      . 'from=cookie:a,cookie:A'));
wrong("realm $_", auth("required issuer=main 'realm=$_'"),
      'has a realm with a character that a quoted field can\'t hold')
    for 'a"b', 'a\\\\b', "a\tb", "\xc3\xa4", "a\x7f";
right('a realm', auth('required issuer=main "realm=a b, \'c\'; d=e"'));

my @nine = map { issuer("issuer https://$_/") =~ s/main/i$_/r } 1 .. 9;
wrong('nine issuers', join('', @nine) . server('location / { kairo_auth '
      . 'required ' . join(' ', map { "issuer=i$_" } 1 .. 9) . '; }'),
      'names more than 8 issuers');
right('eight issuers', join('', @nine) . server('location / { kairo_auth '
      . 'required ' . join(' ', map { "issuer=i$_" } 1 .. 8) . '; }'));
wrong('two issuers of one URL', issuer() . issuer() =~ s/main/too/r
      . server('location / { kairo_auth required issuer=main issuer=too; }'),
      'issuers "main" and "too" of one kairo_auth have the same URL');
wrong('one issuer twice', auth('required issuer=main issuer=main'),
      'issuers "main" and "main" of one kairo_auth have the same URL');
right('two issuers of one URL, apart', issuer() . issuer() =~ s/main/too/r
      . server('location /a { kairo_auth required issuer=main; }
                location /b { kairo_auth required issuer=too; }'));
wrong("twice at one level, $_->[0]", issuer() . $_->[1] =~ s/HERE/
      'kairo_auth required issuer=main; kairo_auth off;'/er,
      '"kairo_auth" directive is duplicate')
    for ['http', 'HERE'], ['server', server('HERE')],
        ['location', server('location / { HERE }')];
right('once at each level', issuer() . 'kairo_auth required issuer=main;'
      . server('kairo_auth off; location / { kairo_auth optional '
      . 'issuer=main; location /a { kairo_auth off; } }'));
wrong("kairo_auth in $_->[0]", issuer() . server(sprintf $_->[1],
      'kairo_auth off;'), '"kairo_auth" directive is not allowed here')
    for ['if', 'location / { if ($arg_x) { %s } }'],
        ['limit_except', 'location / { limit_except GET { %s } }'],
        ['upstream', '} upstream u { server 127.0.0.1:1; %s'];
right('an issuer that stands behind its use', server('location / { kairo_auth '
      . 'required issuer=main; }') . issuer());
right('an issuer that nobody uses', issuer());

# the other directives

wrong("origin $_", auth("off; kairo_auth_origins $_"), "invalid origin \"$_\"")
    for 'app.example.com', 'https://', '://x', 'https://a/', 'https://a/b',
        'https://*.example.com', '*', 'null';
wrong('an origin and off', auth('off; kairo_auth_origins off https://a'),
      'invalid origin "off"');
right("origins $_", auth("off; kairo_auth_origins $_"))
    for 'off', 'https://a', 'https://a:8443 http://b',
        'chrome-extension://abc';
wrong('origins twice', auth('off; kairo_auth_origins https://a; '
      . 'kairo_auth_origins https://b'),
      '"kairo_auth_origins" directive is duplicate');
wrong('no origin', auth('off; kairo_auth_origins'),
      'invalid number of arguments in "kairo_auth_origins"');

wrong("cache $_", "kairo_auth_cache $_;" . issuer(), 'is too small')
    for qw(0 1 65535 63k);
wrong('a cache of no size', 'kairo_auth_cache x;', 'invalid value');
wrong('two caches', 'kairo_auth_cache 1m; kairo_auth_cache 1m;',
      'is duplicate');
wrong('a cache in a server', server('kairo_auth_cache 1m;'),
      'is not allowed here');
right("cache $_", "kairo_auth_cache $_;" . issuer()) for qw(64k 65536 1m);

wrong("$_", auth("off; $_"), 'invalid value')
    for 'kairo_auth_log_level debug', 'kairo_auth_log_level emerg',
        'kairo_auth_dry_run yes', 'kairo_preflight true';
wrong("$_ twice", auth("off; $_; $_"), 'is duplicate')
    for 'kairo_auth_log_level info', 'kairo_auth_dry_run on',
        'kairo_preflight on';
right($_, auth("off; $_"))
    for 'kairo_auth_log_level info', 'kairo_auth_log_level notice',
        'kairo_auth_log_level warn', 'kairo_auth_log_level error',
        'kairo_auth_dry_run on', 'kairo_auth_dry_run off',
        'kairo_preflight on', 'kairo_preflight off';

done_testing();
