# Who gets in by which token, from the first byte to the application: every
# algorithm, every attack that is known, and what is told of whom.

use strict;
use warnings;

use lib 't/lib';
use Kairo::Provider;
use Kairo::Server;
use Kairo::Token qw(key secret token jwks json b64 unb64 claims);
use Test::More;

my $rsa = key('rsa');
my $p256 = key('p256');
my $p384 = key('p384');
my $p521 = key('p521');
my $ed = key('ed25519');
my $ed448 = key('ed448');
my $hmac = secret('s' x 64);
$hmac->{kid} = 'hs-1';
my $second = key('p256', 2);          # of the other issuer
my $unknown = key('p256', 3);         # of nobody

my $app = Kairo::Provider->new->answer(echo => 1);
my $s = Kairo::Server->new;

# the harshest set: public keys of every kind and a secret in one place

$s->file('main.jwks', jwks($rsa, $p256, $p384, $p521, $ed, $ed448, $hmac));
$s->file('other.pem', $second->pem);
$s->file('lone.jwks', json({ %{$p256->jwk}, kid => undef }) =~
                      s/"kid":null,//r);
$s->file("html/$_", "$_\n")
    for qw(t free in deep weak strong page lost.html app);
mkdir "$s->{dir}/html/$_" for qw(dir weakdir);
$s->file('html/dir/strong.html', "strong\n");
$s->file('html/weakdir/index.html', "index\n");

my $issuers = <<'END';
    kairo_issuer main {
        issuer   https://issuer.test/;
        audience api web;
        algs     HS256 HS384 HS512 RS256 RS384 RS512 PS256 PS384 PS512
                 ES256 ES384 ES512 EdDSA;
        keys     file=main.jwks check=1h;
        roles    roles;
        tier     tier;
        email    email verified=email_verified;
    }
    kairo_issuer other {
        issuer   https://other.test/;
        audience off;
        algs     ES256;
        keys     file=other.pem check=1h;
        subject  uid;
        roles    /realm_access/roles;
        tier     /plan/na~1me;
        email    mail verified=always;
    }
    kairo_issuer strict {
        issuer   https://strict.test/;
        audience api;
        algs     RS256 ES384;
        keys     file=main.jwks check=1h;
        types    at+jwt;
        leeway   0;
        max_lifetime 1h;
    }
    kairo_issuer lone {
        issuer   https://lone.test/;
        audience api;
        algs     RS256 ES256;
        keys     file=lone.jwks check=1h;
    }
END

my $who = '$kairo_issuer|$kairo_subject|$kairo_user|$kairo_email|'
          . '$kairo_roles|$kairo_tier';

my $claims = join '|', map { "\$kairo_claim_$_" }
             qw(text number real truth orgid array object null none bad);

$s->start(<<END);
    $issuers
    large_client_header_buffers 8 32k;
    log_format auth
        '\$request_uri \$status [\$kairo_auth_reason] \$kairo_user';
    access_log auth.log auth;
    kairo_auth_log_level notice;

    server {
        listen 127.0.0.1:%%PORT%%;
        root html;
        add_header X-Who "$who" always;
        add_header X-Reason \$kairo_auth_reason always;
        add_header X-Decision "\$kairo_decision \$kairo_layer \$kairo_reason"
                   always;
        location = /up { return 200 up; }
        location = /metrics { kairo_metrics; }

        location = /t { kairo_auth required issuer=main; }
        location = /other { kairo_auth required issuer=other;
                            try_files /t =404; }
        location = /strict { kairo_auth required issuer=strict;
                             try_files /t =404; }
        location = /lone { kairo_auth required issuer=lone;
                            try_files /t =404; }
        location = /all { kairo_auth required issuer=main issuer=other
                                              issuer=strict;
                          try_files /t =404; }
        location = /optional { kairo_auth optional issuer=main;
                               try_files /t =404; }
        location = /realm { kairo_auth required issuer=main
                                       "realm=the kitchen, 2nd";
                            try_files /t =404; }
        location = /dry { kairo_auth required issuer=main;
                          kairo_auth_dry_run on; try_files /t =404; }
        location = /free { kairo_auth off; }

        location = /claims {
            kairo_auth required issuer=main;
            add_header X-Claims "$claims";
            try_files /t =404;
        }

        location = /app { kairo_auth required issuer=main issuer=other;
                          proxy_pass http://127.0.0.1:$app->{port}; }
        location = /app/optional { kairo_auth optional issuer=main;
                                   proxy_pass http://127.0.0.1:$app->{port}; }
        location = /app/dry { kairo_auth required issuer=main;
                              kairo_auth_dry_run on;
                              proxy_pass http://127.0.0.1:$app->{port}; }
        location = /app/off { proxy_pass http://127.0.0.1:$app->{port}; }

        location = /body { kairo_auth required issuer=main;
                           proxy_pass http://127.0.0.1:$app->{port}; }
    }
END

sub bearer { return "Authorization: Bearer $_[0]" }

sub reason { return $s->field($_[0], 'X-Reason') // '' }

sub code { return $_[0] =~ m{^HTTP/1.1 (\d+)} ? $1 : 0 }

sub body { return (split /\r\n\r\n/, $_[0], 2)[1] // '' }

# accepted PATH, TOKEN, NAME: and by whom; twice, so that the second time it
# is found in the cache.

sub accepted {
    my ($path, $token, $name, $as) = @_;
    my @got = map { $s->get($path, bearer($token)) } 1 .. 2;
    is(join(' ', map { code($_), reason($_) } @got), '200  200 ', $name);
    is($s->field($got[$_], 'X-Who'), $as, "$name: who, time $_")
        for grep { defined $as } 0 .. 1;
}

sub refused {
    my ($path, $token, $why, $name) = @_;
    my $got = $s->get($path, bearer($token));
    is(code($got) . ' ' . reason($got), "401 $why", $name);
}

sub metric {
    my ($name) = @_;
    my ($n) = $s->get('/metrics') =~ /^\Q$name\E (\d+)/m;
    return $n;
}


# Every algorithm, by every kind of key.

accepted('/t', token($rsa, alg => $_), $_)
    for qw(RS256 RS384 RS512 PS256 PS384 PS512);
accepted('/t', token($hmac, alg => $_), $_) for qw(HS256 HS384 HS512);
accepted('/t', token($p256), 'ES256');
accepted('/t', token($p384), 'ES384');
accepted('/t', token($p521), 'ES512');
accepted('/t', token($ed), 'EdDSA, Ed25519');
accepted('/t', token($ed448), 'EdDSA, Ed448');

is(metric('kairo_auth_tokens_total{result="verified"}'), 14,
   'each was verified once');
is(metric('kairo_auth_tokens_total{result="known"}'), 14,
   'and was known the second time');
is(metric('kairo_auth_keys{issuer="main"}'), 7, 'as many keys');
is(metric('kairo_auth_keys{issuer="other"}'), 1, 'and one of the other');

# tokens of another make: libjwt's

for my $by (['RS256', $rsa], ['ES256', $p256], ['ES512', $p521]) {
    my ($alg, $key) = @$by;
    my $token = Kairo::Token::command(
        "$ENV{KAIRO_ROOT}/build/kairo token issue --key $key->{file} "
        . "--alg $alg --kid $key->{kid} --issuer https://issuer.test/ "
        . '--audience web bob');
    chomp $token;
    accepted('/t', $token, "$alg by libjwt", 'main|bob|main:bob|||');
}


# spare TEXT: the same bytes of base64url in another spelling, by the bits that
# are left over in its last character.

sub spare {
    my ($text) = @_;
    my $all = join '', 'A' .. 'Z', 'a' .. 'z', 0 .. 9, '-_';
    my $at = index $all, substr $text, -1;
    return substr($text, 0, -1) . substr $all, $at + 1, 1;
}


# The rows of attacks: name, token, reason.

my $good = token($p256);
my ($h, $c, $sig) = split /\./, $good;
my $pem = $rsa->pem;
my $now = time;

sub changed { return token($p256, claims => { @_ }) }
sub headed { return token($p256, header => { @_ }) }

# a key of the attacker's, and a header that brings it along

my %brought = map { $_ => $unknown->jwk(kid => $_) } 'own', $p256->{kid};

my @attacks = (

    # confusion of algorithms

    (map {
        my $secret = secret($_->[1]);
        (["HS256 by $_->[0], its kid",
          token($secret, kid => $rsa->{kid}), 'unfit_key'],
         ["HS256 by $_->[0], no kid",
          token($secret, kid => undef), 'bad_signature'],
         ["HS256 by $_->[0], the secret's kid",
          token($secret, kid => 'hs-1'), 'bad_signature'])
    } ['the PEM', $pem], ['the PEM without line end', $pem =~ s/\n\z//r],
      ['the modulus', unb64($rsa->jwk->{n})],
      ['the modulus in base64', $rsa->jwk->{n}]),
    ['HS256 by the point of P-256',
     token(secret($p256->pem), kid => $p256->{kid}), 'unfit_key'],
    ['RS256 by the name of a secret',
     token($rsa, kid => 'hs-1'), 'unfit_key'],
    ['PS256 that was signed as RS256',
     token($rsa, alg => 'PS256', by => 'RS256'), 'bad_signature'],
    ['RS256 that was signed as PS256',
     token($rsa, alg => 'RS256', by => 'PS256'), 'bad_signature'],
    ['RS512 that was signed as RS256',
     token($rsa, alg => 'RS512', by => 'RS256'), 'bad_signature'],
    ['ES256 by a key of P-384',
     token($p384, alg => 'ES256'), 'unfit_key'],
    ['ES256 by the name of a key of P-256, signed by P-384',
     token($p384, alg => 'ES256', kid => $p256->{kid}), 'bad_signature'],
    ['ES512 by a key of P-256', token($p256, alg => 'ES512'), 'unfit_key'],
    ['EdDSA by a key of P-256',
     token($p256, alg => 'EdDSA', signature => $sig), 'unfit_key'],

    # no algorithm

    (map {
        (["alg \"$_\", no signature",
          token($p256, alg => $_, signature => ''), 'algorithm_not_allowed'],
         ["alg \"$_\", a good signature",
          token($p256, alg => $_, by => 'ES256'), 'algorithm_not_allowed'])
    } qw(none None NONE nOnE es256 Es256 ES256K HS1 A128GCMKW), '',
      'ES256 ', ' ES256', "ES256\tES256"),
    ['no alg', headed(alg => undef), 'bad_header'],
    (map { ['alg that is ' . json($_), headed(alg => $_), 'bad_header'] }
     1, [], ['ES256'], {}, JSON::PP::true),
    ['alg null', token($p256, by => 'ES256', header =>
                       '{"alg":null,"kid":"p256-1"}'), 'bad_header'],
    ['alg with a NUL', token($p256, by => 'ES256', header =>
                       '{"alg":"ES256\u0000","kid":"p256-1"}'), 'bad_header'],

    # no key

    ['HS256 by the empty secret', token(secret(''), kid => undef),
     'bad_signature'],
    ['HS256 by a secret of zeroes', token(secret("\0" x 64), kid => undef),
     'bad_signature'],
    ['no signature', token($p256, signature => ''), 'bad_signature'],
    ['another key, the name of ours',
     token($unknown, kid => $p256->{kid}), 'bad_signature'],
    ['another key, its own name', token($unknown), 'unknown_key'],
    ['another key, no name',
     token($unknown, kid => undef), 'bad_signature'],
    ['no name, and several keys would do',
     token($ed, kid => undef), 'ambiguous_key'],
    ['the key of another issuer', token($second), 'unknown_key'],

    # names of keys

    (map { ['kid "' . substr($_, 0, 20) . '"',
            token($p256, kid => $_),
            length > 128 ? 'bad_header' : 'unknown_key'] }
     '../../../../dev/null', '/dev/null', "' OR 1=1 --", '', 'p256', 'p256-1 ',
     'P256-1', 'p256-1/', '%70256-1', "p256-1\n", 'x' x 1500),
    ['a kid with a NUL', token($p256, by => 'ES256', header =>
     '{"alg":"ES256","kid":"p256-1\u0000"}'), 'bad_header'],
    (map { ['kid that is ' . json($_), headed(kid => $_), 'bad_header'] }
     1, [], ['p256-1'], {}),

    # a key that the token brings along

    (map {
        my $kid = $_;
        my $jwk = $brought{$kid};
        (["jwk in the header, kid $kid",
          token($unknown, header => { jwk => $jwk, kid => $kid }),
          $kid eq 'own' ? 'unknown_key' : 'bad_signature'],
         ["jku in the header, kid $kid",
          token($unknown, header => { kid => $kid,
                jku => "http://127.0.0.1:$app->{port}/" }),
          $kid eq 'own' ? 'unknown_key' : 'bad_signature'],
         ["x5u in the header, kid $kid",
          token($unknown, header => { kid => $kid,
                x5u => "http://127.0.0.1:$app->{port}/" }),
          $kid eq 'own' ? 'unknown_key' : 'bad_signature'],
         ["x5c in the header, kid $kid",
          token($unknown, header => { x5c => [$unknown->pem], kid => $kid }),
          $kid eq 'own' ? 'unknown_key' : 'bad_signature'])
    } 'own', $p256->{kid}),

    # what is not understood

    (map { ['crit ' . json($_), headed(crit => $_, exp => 1),
            'critical_header'] } ['exp'], [], 'exp', {}, 1, ['b64']),
    ['crit null', token($p256, by => 'ES256', header =>
     '{"alg":"ES256","kid":"p256-1","crit":null}'), 'critical_header'],
    ['b64 false', headed(b64 => JSON::PP::false), 'critical_header'],
    ['b64 false in crit',
     headed(b64 => JSON::PP::false, crit => ['b64']), 'critical_header'],
    ['b64 true', headed(b64 => JSON::PP::true), 'critical_header'],
    ['enc', headed(enc => 'A256GCM'), 'encrypted'],
    ['zip', headed(zip => 'DEF'), 'encrypted'],
    (map { ["cty $_", headed(cty => $_), 'encrypted'] }
     qw(JWT jwt Jwt application/jwt)),

    # other forms

    ['JSON, flattened', qq({"payload":"$c","protected":"$h",)
     . qq("signature":"$sig"}), 'malformed'],
    ['JSON, general', qq({"payload":"$c","signatures":[{"protected":"$h",)
     . qq("signature":"$sig"}]}), 'malformed'],
    ['five parts', "$good.$c.$sig", 'malformed'],
    ['four parts', "$good.", 'malformed'],
    ['two parts', "$h.$c", 'malformed'],
    ['one part', $h, 'malformed'],
    ['no part', '', 'malformed'],
    ['two dots', '..', 'bad_header'],
    ['detached', "$h..$sig", 'bad_claims'],
    ['no header', ".$c.$sig", 'bad_header'],

    # other spellings of the same bytes

    ['padding', $good . '=', 'malformed'],
    ['more padding', "$good==", 'malformed'],
    ['padding of the header', "$h=.$c.$sig", 'malformed'],
    ['a plus', token($p256, signature => $sig =~ s/^./+/r), 'malformed'],
    ['a slash', token($p256, signature => $sig =~ s/^./\//r), 'malformed'],
    ['a space', "$h.$c. $sig", 'malformed'],
    ['a second token', "$good $good", 'malformed'],
    ['a comma', "$good,$good", 'malformed'],
    ['junk behind', "$good%00", 'malformed'],
    ['a quote', "\"$good\"", 'malformed'],
    ['a byte beyond ASCII', "$good\xc3\xa9", 'malformed'],
    ['one character more', $good . 'A', 'bad_signature'],
    ['three characters more', $good . 'AAA', 'malformed'],
    ['one character less', substr($good, 0, -1), 'malformed'],
    ['bits left over in the signature', spare($good), 'malformed'],
    (map {
        # claims and a header whose length leaves bits over, and a signature
        # for the other spelling
        my ($name, $header, $claims) = @$_;
        my $input = join '.', $header, $claims;
        ["bits left over in the $name", "$input."
         . b64($p256->sign('ES256', $input)), 'malformed']
     } ['header', spare(b64('{"alg":"ES256","kid":"p256-1" }')), $c],
       ['claims', $h, spare(b64(json(claims(x => '')) =~ s/""/'"' . 'x'
                      x ((5 - length(json(claims(x => ''))) % 3) % 3) . '"'
                      /er))]),

    # JSON

    ['a name twice in the header', token($p256, by => 'ES256', header =>
     '{"alg":"none","alg":"ES256","kid":"p256-1"}'), 'bad_header'],
    ['a name twice, written differently', token($p256, by => 'ES256',
     header => '{"alg":"ES256","\u0061lg":"ES256","kid":"p256-1"}'),
     'bad_header'],
    ['a claim twice', token($p256, claims => json(claims())
                            =~ s/^\{/{"sub":"admin",/r), 'bad_claims'],
    ['a claim twice within', token($p256, claims => json(claims())
                            =~ s/^\{/{"x":{"a":1,"a":2},/r), 'bad_claims'],
    ['NUL in the subject', token($p256, claims => json(claims())
                            =~ s/alice/alice\\u0000/r), 'bad_claims'],
    ['NUL behind', token($p256, claims => json(claims()) . "\0"),
     'bad_claims'],
    ['NUL and another object behind',
     token($p256, claims => json(claims()) . "\0{}"), 'bad_claims'],
    ['another object behind', token($p256, claims => json(claims()) . '{}'),
     'bad_claims'],
    ['a byte order mark', token($p256, claims => "\xef\xbb\xbf"
                                . json(claims())), 'bad_claims'],
    ['no UTF-8', token($p256, claims => json(claims())
                       =~ s/alice/al\xffice/r), 'bad_claims'],
    ['a lone surrogate', token($p256, claims => json(claims())
                       =~ s/alice/al\\ud800ice/r), 'bad_claims'],
    ['a claim of 1e400', token($p256, claims => json(claims())
                       =~ s/^\{/{"x":1e400,/r), 'bad_claims'],
    ['a claim of too large an integer', token($p256, claims => json(claims())
                       =~ s/^\{/{"x":99999999999999999999,/r), 'bad_claims'],
    ['17 deep', token($p256, claims => json(claims())
        =~ s/^\{/'{"x":' . '[' x 16 . ']' x 16 . ','/er), 'bad_claims'],
    ['2000 deep', token($p256, claims => '{"x":' . '[' x 2000 . ']' x 2000
                        . '}'), 'bad_claims'],
    ['300 values', changed(x => [1 .. 300]), 'bad_claims'],
    (map { ["claims $_", token($p256, claims => $_), 'bad_claims'] }
     '[]', '"x"', 'null', '1', '', '{', '{}{}'),
    (map { ["header $_", token($p256, by => 'ES256', header => $_),
            'bad_header'] } '[]', '"x"', 'null', '', '{', '{}'),

    # size

    ['a token that is too long', changed(x => 'x' x 8200), 'too_long'],
    ['a much longer one', changed(x => 'x' x 20000), 'too_long'],
    ['a header of 2049 bytes', token($p256, by => 'ES256', header => do {
        my $header = '{"alg":"ES256","kid":"p256-1","x":""}';
        $header =~ s/""/'"' . 'x' x (2049 - length $header) . '"'/er;
    }), 'too_long'],

    # signatures

    ['r and s of 0', token($p256, signature => b64("\0" x 64)),
     'bad_signature'],
    ['s of 0', token($p256, signature => b64(substr(unb64($sig), 0, 32)
                                             . "\0" x 32)), 'bad_signature'],
    ['r and s of 1', token($p256, signature => b64(
        ("\0" x 31 . "\1") x 2)), 'bad_signature'],
    ['r and s of ff', token($p256, signature => b64("\xff" x 64)),
     'bad_signature'],
    ['r of n', token($p256, signature => b64(pack('H*',
        'ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551')
        . substr unb64($sig), 32)), 'bad_signature'],
    ['a zero before each number', token($p256, signature => b64(
        "\0" . substr(unb64($sig), 0, 32) . "\0" . substr unb64($sig), 32)),
     'bad_signature'],
    ['one byte less', token($p256, signature => b64(substr unb64($sig), 1)),
     'bad_signature'],
    ['DER', token($p256, signature => b64(Kairo::Token::filter(
        "openssl dgst -sha256 -sign $p256->{file} INPUT", "$h.$c"))),
     'bad_signature'],
    ['the signature of another token', do {
        my ($h2, $c2) = split /\./, changed(sub => 'admin');
        "$h2.$c2.$sig";
     }, 'bad_signature'],
    (map { ["a signature of $_ bytes", token($ed, signature =>
            b64("\x55" x $_)), 'bad_signature'] } 0, 1, 63, 64, 65, 1000),
    (map { ["RSA, a signature of $_ bytes", token($rsa, signature =>
            b64("\0" x $_)), 'bad_signature'] } 0, 1, 255, 256, 257, 4000),
    (map { ["HMAC, a digest of $_ bytes", token($hmac, signature =>
            b64("\0" x $_)), 'bad_signature'] } 0, 1, 31, 32, 33),
    ['half of a digest', do {
        my ($hh, $hc, $hs) = split /\./, token($hmac);
        "$hh.$hc." . b64(substr unb64($hs), 0, 16);
     }, 'bad_signature'],
    (map { ["PSS with a salt of $_",
            token($rsa->with(salt => $_), alg => 'PS256'), 'bad_signature'] }
     0, 20, 'max'),

    # times

    ['no exp', changed(exp => undef), 'no_expiry'],
    (map { ["exp $_", token($p256, claims => json(claims())
                            =~ s/"exp":\d+/"exp":$_/r), 'no_expiry'] }
     '"' . ($now + 600) . '"', 'null', 'true', '[]', '{}', -1, '-1e3', '1e18',
     '9007199254740992', '0'),
    ['exp of a second ago, and no leeway', token($rsa, header =>
        { typ => 'at+jwt' }, claims => { iss => 'https://strict.test/',
          exp => $now - 1 }), 'expired', '/strict'],
    ['exp beyond the leeway', changed(exp => $now - 40), 'expired'],
    ['exp of 1', changed(exp => 1), 'expired'],
    ['nbf to come', changed(nbf => $now + 300), 'not_yet_valid'],
    ['iat to come', changed(iat => $now + 300), 'not_yet_valid'],
    (map { ["$_ a text", changed($_ => "$now"), 'bad_time'],
           ["$_ negative", changed($_ => -1), 'bad_time'] } qw(nbf iat)),
    ['too long a life', token($rsa, header => { typ => 'at+jwt' }, claims =>
        { iss => 'https://strict.test/', exp => $now + 3700 }),
     'lifetime_too_long', '/strict'],
    ['a life of unknown begin', token($rsa, header => { typ => 'at+jwt' },
        claims => { iss => 'https://strict.test/', iat => undef }),
     'lifetime_too_long', '/strict'],

    # for whom

    (map { ["iss $_", changed(iss => $_), 'wrong_issuer'] }
     'https://issuer.test', 'HTTPS://issuer.test/', 'https://issuer.test//',
     'https://other.test/', 'https://issuer.test/x', ''),
    (map { ['iss ' . json($_), changed(iss => $_), 'wrong_issuer'] }
     ['https://issuer.test/'], {}, 1),
    ['no iss', changed(iss => undef), 'wrong_issuer'],
    (map { ['aud ' . (defined $_ ? json($_) : 'absent'), changed(aud => $_),
            'wrong_audience'] }
     undef, 'ap', 'api2', 'API', '', 'api ', [], ['x'], ['api', 1], [['api']],
     { api => 1 }, 1, JSON::PP::true),
    ['typ logout+jwt', headed(typ => 'logout+jwt'), 'wrong_type'],
    ['typ dpop+jwt', headed(typ => 'dpop+jwt'), 'wrong_type'],
    ['typ empty, which is not without', headed(typ => ''), 'wrong_type'],
    ['typ a number', headed(typ => 1), 'bad_header'],
    ['a logout token', changed(events => {}), 'wrong_type'],
    ['no typ, where at+jwt is wanted', token($rsa, header => { typ => undef },
        claims => { iss => 'https://strict.test/' }), 'wrong_type',
     '/strict'],
    ['typ JWT, where at+jwt is wanted', token($rsa,
        claims => { iss => 'https://strict.test/' }), 'wrong_type',
     '/strict'],
    ['an algorithm that the issuer does not have', token($p256, header =>
        { typ => 'at+jwt' }, claims => { iss => 'https://strict.test/' }),
     'algorithm_not_allowed', '/strict'],
    ['an issuer that the location does not have',
     token($second, claims => { iss => 'https://other.test/', uid => 'u' }),
     'wrong_issuer'],
    ['the key of one issuer, the name of another', token($p256, claims =>
        { iss => 'https://other.test/', uid => 'u' }), 'bad_signature',
     '/other'],

    # the subject

    (map { ['sub ' . (defined $_ ? substr json($_), 0, 20 : 'absent'),
            changed(sub => $_), 'bad_subject'] }
     undef, '', 'x' x 256, "a\r\nX-Kairo-Roles: admin", "a\tb", "a\x7f", 1,
     ['alice'], {}),
);

# the same answer for all of them, but for what the test itself adds

my %answers;

for my $attack (@attacks) {
    my ($name, $token, $why, $path) = @$attack;
    my $got = $s->get($path // '/t', bearer($token));

    is(code($got) . ' ' . reason($got), "401 $why", $name);
    is($s->field($got, 'X-Who'), '|||||', "$name: nobody is known");

    $got =~ s/^(Date|X-Reason): .*\r\n//mg;
    $answers{$got} = $name;
}

is(scalar keys %answers, 1, 'every failure is answered alike')
    or diag(join "\n", map { "$answers{$_}:\n$_" } keys %answers);

my ($answer) = keys %answers;
is($s->field($answer, 'WWW-Authenticate'),
   'Bearer realm="kairo", error="invalid_token"', 'the challenge');
is($s->field($answer, 'Cache-Control'), 'no-store', 'is not kept');
like(body($answer), qr/"status":401,.*"layer":"auth","code":"invalid_token"/,
     'and is a problem document');
is($app->count, 0, 'no key was fetched from where a token says');

# what is next to an attack, and is none

accepted('/t', $_->[1], $_->[0]) for (
    ['a key by the only one of its kind', token($p256, kid => undef)],
    ['a key set that a token names, which is not looked at',
     headed(jku => "http://127.0.0.1:$app->{port}/", x5u => 'x',
            x5c => ['x'], jwk => $unknown->jwk)],
    ['a cty of another kind', headed(cty => 'text/plain')],
    ['typ in other letters', headed(typ => 'jwt')],
    ['typ at+jwt', headed(typ => 'at+jwt')],
    ['typ as a media type', headed(typ => 'application/AT+JWT')],
    ['no typ', headed(typ => undef)],
    ['exp with a fraction', token($p256, claims => json(claims())
                            =~ s/("exp":\d+)/$1.5/r)],
    ['exp as a float', token($p256, claims => json(claims())
                             =~ s/"exp":(\d+)(\d{9})/"exp":$1.${2}e9/r)],
    ['exp within the leeway', changed(exp => time - 5)],
    ['nbf within the leeway', changed(nbf => time + 20, iat => time + 20)],
    ['no iat, no nbf', changed(iat => undef)],
    ['one of several audiences', changed(aud => ['x', 'web', 'y'])],
    ['white space in JSON', token($p256, claims => " \n"
                            . json(claims()) =~ s/,/ ,\t/gr . "\r\n ")],
    ['16 deep', token($p256, claims => json(claims())
        =~ s/^\{/'{"x":' . '[' x 15 . ']' x 15 . ','/er)],
    ['a name of a claim that looks like ours', changed(crit => ['x'],
                                                       enc => 'x')],
    ['a subject of 255 bytes', changed(sub => 'x' x 255)],
    ['a token of 8 KiB', do {
        my $x = int((8192 - length changed(x => '')) * 3 / 4) - 4;
        my $token = changed(x => 'x' x $x);
        cmp_ok(length $token, '>', 8170, 'nearly 8192 bytes');
        $token;
     }],
);
accepted('/strict', token($rsa, header => { typ => 'at+jwt' }, claims =>
         { iss => 'https://strict.test/', exp => time + 3600 }),
         'a life as long as it may be');
accepted('/other', token($second, claims => { aud => undef, uid => 'u',
         iss => 'https://other.test/' }), 'no audience, where it is off',
         'other|u|other:u|||');
accepted('/lone', token($p256, kid => $_, claims =>
         { iss => 'https://lone.test/' }), 'a key without a name, kid '
         . ($_ // 'absent')) for undef, 'x';
refused('/lone', token($rsa, claims => { iss => 'https://lone.test/' }),
        'unfit_key', 'no key for the algorithm');

# a token that is known has one spelling: no other byte at any place of it

{
    my @changed = map {
        my $other = $good;
        my $at = $_;
        my $was = substr $other, $at, 1;
        my $is = $was;
        $is = (('A' .. 'Z', 'a' .. 'z', 0 .. 9, '-', '_', '.')[rand 65])
            while $is eq $was;
        substr($other, $at, 1) = $is;
        $other;
    } 0 .. length($good) - 1;

    accepted('/t', $good, 'the token');
    my @passed = grep { code($s->get('/t', bearer($_))) != 401 } @changed;
    is(join("\n", @passed), '', 'none with a byte changed')
        or diag("of $good");
    accepted('/t', $good, 'the token still');
}

# what a location has accepted is nothing to another

accepted('/all', $good, 'one of three issuers', 'main|alice|main:alice|||');
accepted('/all', token($second, claims => { iss => 'https://other.test/',
         uid => 'alice' }), 'another of them', 'other|alice|other:alice|||');
refused('/other', $good, 'wrong_issuer', 'which this location does not have');
refused('/strict', $good, 'wrong_issuer', 'nor this');
refused('/lone', $good, 'wrong_issuer', 'nor that');


# What is sent, and how.

sub answers {
    my ($path, $want, $name, @fields) = @_;
    my $got = $s->get($path, @fields);
    is(code($got) . ' ' . reason($got), $want, $name);
    return $got;
}

my $none = answers('/t', '401 no_credential', 'nothing');
is($s->field($none, 'WWW-Authenticate'), 'Bearer realm="kairo"',
   'is challenged without an error');
like(body($none), qr/"code":"no_credential"/, 'and told what to send');
is($s->field(answers('/realm', '401 no_credential', 'nothing, of a realm'),
             'WWW-Authenticate'), 'Bearer realm="the kitchen, 2nd"',
   'which is named');
is($s->field(answers('/realm', '401 bad_signature', 'of a realm',
                     bearer($good . 'A')), 'WWW-Authenticate'),
   'Bearer realm="the kitchen, 2nd", error="invalid_token"', 'with an error');

answers('/t', '401 no_credential', 'Basic', 'Authorization: Basic YTpi');
answers('/t', '401 no_credential', 'a scheme that begins alike',
        "Authorization: Bearers $good");
answers('/t', '401 no_credential', 'no scheme', "Authorization: $good");
answers('/t', '401 no_credential', 'another field', "X-Authorization: Bearer"
        . " $good");
answers('/t', '401 no_credential', 'Proxy-Authorization',
        "Proxy-Authorization: Bearer $good");
answers('/t', '401 no_credential', 'a cookie that nobody looks for',
        "Cookie: Authorization=$good; token=$good");
answers("/t?access_token=$good", '401 no_credential', 'an argument');
answers('/t', '401 malformed', 'the scheme alone', 'Authorization: Bearer');
answers('/t', '200 ', 'the scheme in other letters',
        "authorization: bEARER $good");
answers('/t', '200 ', 'several spaces', "Authorization: Bearer   $good");
is(code($s->get('/t', @$_)), 400, 'two fields')
    for [bearer($good), bearer($good)], [bearer($good), bearer('x')],
        [bearer('x'), bearer($good)],
        ['Authorization: Basic YTpi', bearer($good)];

# optional, and off

is($s->field(answers('/optional', '200 ', 'optional, nothing'), 'X-Who'),
   '|||||', 'is nobody');
answers('/optional', '200 ', 'optional, Basic', 'Authorization: Basic YTpi');
is($s->field(answers('/optional', '200 ', 'optional, a token',
                     bearer($good)), 'X-Who'), 'main|alice|main:alice|||',
   'is somebody');
answers('/optional', '401 bad_signature', 'optional, a bad one',
        bearer($good . 'A'));
is(code($s->get('/optional', bearer($good), bearer($good))), 400,
   'optional, two');
is($s->field(answers('/free', '200 ', 'off, a good token', bearer($good)),
             'X-Who'), '|||||', 'is nobody');
answers('/free', '200 ', 'off, a bad token', bearer('x'));

# a dry run lets all pass, and says what it would have done

is($s->field(answers('/dry', '200 bad_signature', 'dry run, a bad token',
                     bearer($good . 'A')), 'X-Decision'),
   'refused_dry_run auth invalid_token', 'is told');
is($s->field(answers('/dry', '200 no_credential', 'dry run, nothing'),
             'X-Who'), '|||||', 'is nobody');
my $dry = answers('/dry', '200 ', 'dry run, a good token', bearer($good));
is($s->field($dry, 'X-Who'), 'main|alice|main:alice|||', 'is somebody');
is($s->field($dry, 'WWW-Authenticate'), undef, 'and nobody is challenged');
ok($s->until(sub {
    $s->get('/dry', bearer('x'));
    $s->log =~ /credential refused, dry run, reason: malformed/;
}), 'the log says so');

# other methods

is(body($s->ask('HEAD', '/t', undef)), '', 'HEAD is refused without a body');
is(code($s->ask('HEAD', '/t', undef)), 401, 'by the same status');
is(code($s->ask('HEAD', '/t', undef, bearer($good))), 200, 'HEAD passes');
is(code($s->ask('OPTIONS', '/t', undef, 'Origin: https://x.test',
                'Access-Control-Request-Method: GET')), 401,
   'a preflight is refused unless it is let through');
is(code($s->ask('POST', '/body', 'x' x 100_000)), 401,
   'a body that nobody reads is refused');
is(code($s->ask('POST', '/body', 'x' x 100, 'Expect: 100-continue')), 401,
   'and is not asked for');
my $posted = join '', map { chr(ord('a') + $_ % 26) } 1 .. 50_000;
like($s->ask('POST', '/body', $posted, bearer($good)),
     qr/\r\n\r\n\Q$posted\E\z/, 'a body arrives');


# What is known of whom.

accepted('/t', changed(%{$_->[1]}), $_->[0], $_->[2]) for (
    ['roles', { roles => ['editor', 'admin'] },
     'main|alice|main:alice||editor,admin|'],
    ['roles in one text', { roles => 'read write' },
     'main|alice|main:alice||read,write|'],
    ['roles that could be others', { roles => ['a,admin', 'b c', "d\n", '',
     'x' x 65, 1, undef, ['e'], "f\x{e9}", 'g'] },
     'main|alice|main:alice||g|'],
    ['roles that are no text', { roles => 7 }, 'main|alice|main:alice|||'],
    ['a tier', { tier => 'pro' }, 'main|alice|main:alice|||pro'],
    ['a tier of two words', { tier => 'pro max' },
     'main|alice|main:alice|||'],
    ['a tier that is a list', { tier => ['pro'] },
     'main|alice|main:alice|||'],
    ['an address', { email => 'Alice@Example.COM',
                     email_verified => JSON::PP::true },
     'main|alice|main:alice|alice@example.com||'],
    (map { ['an address, verified ' . json($_),
            { email => 'alice@example.com', email_verified => $_ },
            'main|alice|main:alice|||'] }
     'true', 1, JSON::PP::false, undef, ['true'], {}),
    (map { ['an address as ' . json([$_]), { email => $_,
                                  email_verified => JSON::PP::true },
            'main|alice|main:alice|||'] }
     'a@evil.test@corp.test', '@corp.test', 'alice', 'a b@corp.test',
     'a@corp.test,b', 'a@corp.test;', '<a@corp.test>', "a\@corp.test\n",
     "\x{430}\@corp.test", 'a@', 'x' x 250 . '@corp.test'),
    ['a subject with a colon', { sub => 'other:bob' },
     'main|other:bob|main:other:bob|||'],
    ['a subject of other letters', { sub => "\x{443}\x{447}" },
     "main|\xd1\x83\xd1\x87|main:\xd1\x83\xd1\x87|||"],
    ['all that does not fit into the cache', { roles => [map { "r$_" x 9 }
      1 .. 40], tier => 'pro' },
     'main|alice|main:alice||' . join(',', map { "r$_" x 9 } 1 .. 40)
     . '|pro'],
);

accepted('/other', token($second, claims => { iss => 'https://other.test/',
         uid => 'u1', sub => 'not this', mail => 'U1@x.test',
         realm_access => { roles => ['r1', 'r2'] },
         plan => { 'na/me' => 'gold' } }), 'claims within claims',
         'other|u1|other:u1|u1@x.test|r1,r2|gold');
accepted('/other', token($second, claims => { iss => 'https://other.test/',
         uid => 'u1', realm_access => ['roles'], plan => 'gold' }),
         'claims that are not within', 'other|u1|other:u1|||');

is($s->field($s->get('/claims', bearer(changed(text => 'a text',
    number => 17, real => 1.5, truth => JSON::PP::true, orgId => 'acme',
    array => [1], object => {}, null => undef, bad => "a\nb"))), 'X-Claims'),
   'a text|17|1.5|true|acme|||||', 'claims by their names');
is($s->field($s->get('/claims', bearer(changed(orgId => 'a', orgID => 'b',
    Text => 'x', text => 'y'))), 'X-Claims'), 'y|||||||||',
   'and of two that differ by case the one that is written so, or none');
is($s->field($s->get('/claims'), 'X-Claims'), undef, 'none of nobody');


# What the application is told.

my @spoofs = map { ("$_: forged") } (
    (map { ("X-Kairo-$_", "x-kairo-\L$_", "X_Kairo_$_", "X-KAIRO-\U$_",
            "X-Kairo_$_", "X.Kairo.$_") }
     qw(User Subject Issuer Email Roles Tier)),
    'X-Kairo-Anything', 'X-Kairo-',
);

sub told {
    my ($got) = @_;
    return join ' ', sort map { s/\r$//r } grep { /^x.kairo/i }
                     split /\n/, body($got);
}

is(told($s->get('/app', bearer($good))),
   'X-Kairo-Issuer: main X-Kairo-Subject: alice X-Kairo-User: main:alice',
   'the application is told who it is');
is(told($s->get('/app', bearer(changed(roles => ['r'], tier => 't',
    email => 'a@b.test', email_verified => JSON::PP::true)))),
   'X-Kairo-Email: a@b.test X-Kairo-Issuer: main X-Kairo-Roles: r '
   . 'X-Kairo-Subject: alice X-Kairo-Tier: t X-Kairo-User: main:alice',
   'and all that is known');
is(told($s->get('/app', @spoofs, bearer($good), @spoofs)),
   'X-Kairo-Issuer: main X-Kairo-Subject: alice X-Kairo-User: main:alice',
   'whatever the client says');
is(told($s->get('/app/optional', @spoofs)), '', 'of nobody nothing');
is(told($s->get('/app/dry', @spoofs, bearer('x'))), '',
   'nor of who has a bad token in a dry run');
is(told($s->get('/app/off', @spoofs, bearer($good))), '',
   'nor where nobody is asked');
like(body($s->get('/app', bearer($good))), qr/^Authorization: Bearer \Q$good/m,
     'the token itself is the application\'s to read');


# What metrics tell.

{
    my %before = map { $_ => metric("kairo_auth_tokens_total{result=\"$_\"}") }
                 qw(known verified refused absent);
    my $new = changed(sub => 'counted');
    $s->get('/t', @$_) for [bearer($new)], [bearer($new)], [bearer('x')], [];
    $s->get('/optional');
    my %now = map { $_ => metric("kairo_auth_tokens_total{result=\"$_\"}") }
              qw(known verified refused absent);
    is(join(' ', map { $now{$_} - $before{$_} }
                 qw(known verified refused absent)), '1 1 1 1',
       'each request is counted for what it was');
}

# No part of a token is in a log.

{
    my %part = map { $_ => 1 } map { split /\./ } $good, map { $_->[1] }
               grep { $_->[2] ne 'malformed' && $_->[2] ne 'too_long' }
               @attacks;
    my @long = grep { length > 20 } keys %part;
    my @told = grep { !/client sent duplicate header line/ }
               split /\n/, $s->log;
    ok(@told > 20, 'there is a log');
    my @leaks = grep { my $line = $_; grep { index($line, $_) >= 0 } @long }
                @told;
    is(join("\n", @leaks), '', 'which has no token');

    open my $in, '<', "$s->{dir}/auth.log" or die "auth.log: $!\n";
    my $log = do { local $/; <$in> };
    like($log, qr{^/t 401 \[bad_signature\] -$}m,
         'an access log can tell the reason');
    like($log, qr{^/t 200 \[-\] main:alice$}m, 'and who it was');
}

$s->{expected} = qr/^$/;
$s->finish;


# From here to there: a location that asks nobody leads to one that does, by
# all the ways that nginx has, and back.

my $lead = Kairo::Provider->new;
my $two = Kairo::Server->new(workers => 1);
my $tls = $two->{port} + 30;

$two->file('main.jwks', jwks($p256, $p384));
$two->file('lone.jwks', json($p256->jwk));
$two->file('other.pem', $second->pem);
mkdir "$two->{dir}/html/$_" for qw(dir weakdir);
$two->file("html/$_", "[$_]")
    for qw(t weak strong stronger login if limit nested dir/strong.html);
Kairo::Token::command("openssl req -x509 -key $rsa->{file} -days 2 "
                      . "-subj /CN=localhost -out $two->{dir}/tls.pem");
my $asked = 'kairo_auth required issuer=main';

$two->start(<<END);
    error_log error.log debug;
    $issuers
    kairo_auth required issuer=main realm=http;
    add_header X-Who "$who" always;
    add_header X-Reason \$kairo_auth_reason always;

    server {
        listen 127.0.0.1:%%PORT%%;
        listen 127.0.0.1:$tls ssl;
        ssl_certificate tls.pem;
        ssl_certificate_key $rsa->{file};
        root html;
        kairo_auth off;
        recursive_error_pages on;

        location = /up { return 200 up; }
        location = /t { $asked; }
        location = /strong { $asked; }
        location \@strong { $asked; try_files /strong =404; }
        location = /stronger { kairo_auth required issuer=other; }
        location ~ strong\\.html\$ { $asked; }

        location = /by/try_files { try_files /none /strong; }
        location = /by/try_files/named { try_files /none \@strong; }
        location = /by/error_page { error_page 404 =200 /strong; }
        location = /by/error_page/named { error_page 404 =200 \@strong; }
        location = /by/rewrite { rewrite ^ /strong last; }
        location = /by/dry { $asked; kairo_auth_dry_run on;
                             try_files /none /strong; }
        location = /by/optional { kairo_auth optional issuer=main;
                                  try_files /none /strong; }
        location = /by/accel { proxy_pass http://127.0.0.1:$lead->{port}; }
        location = /by/twice { try_files /none /by/try_files; }
        location /dir/ { index strong.html; }

        location = /back { $asked; try_files /none /weak; }
        location = /back/error_page { $asked; error_page 404 = /weak; }
        location = /back/accel { $asked;
                                 proxy_pass http://127.0.0.1:$lead->{port}; }
        location = /other { $asked; try_files /none /stronger; }
        location = /either { kairo_auth required issuer=main issuer=other;
                             try_files /none /stronger; }
        location = /there { $asked; try_files /none /between; }
        location = /between { try_files /none /strong; }
        location = /weak { }

        location = /page { $asked; error_page 401 /login; }
        location = /page/named { $asked; error_page 401 \@login; }
        location = /page/proxied { $asked; error_page 401 /app; }
        location = /page/redirect { $asked; error_page 401 =302 /login; }
        location = /page/strong { $asked; error_page 401 /strong; }
        location = /page/other { $asked; error_page 404 /login; }
        location = /login { }
        location \@login { try_files /login =404; }
        location = /app { proxy_pass http://127.0.0.1:$app->{port}; }

        location = /any/allow { satisfy any; allow all; $asked;
                                try_files /t =404; }
        location = /any/deny { satisfy any; deny all; $asked;
                               try_files /t =404; }
        location = /any/request { satisfy any; auth_request /yes; $asked;
                                  try_files /t =404; }
        location = /all/request { auth_request /yes; $asked;
                                  try_files /t =404; }
        location = /all/no { auth_request /no; $asked; try_files /t =404; }
        location = /only/request { auth_request /checked; try_files /t =404; }
        location = /yes { internal;
                          proxy_pass http://127.0.0.1:$app->{port}; }
        location = /no { internal; return 403; }
        location = /checked { internal; $asked; try_files /t =404; }
        location = /added { addition_types *; add_after_body /strong;
                            try_files /t =404; }

        location = /if { $asked; if (\$arg_x) { set \$x 1; } }
        location = /limit { $asked; limit_except GET { allow all; } }
    }
    server {
        listen 127.0.0.1:%%PORT%%;
        server_name below;
        root html;
        location / {
            location = /nested { }
            location /off { kairo_auth off; try_files /t =404;
                            location = /off/in { try_files /t =404; }
                            location = /off/on { $asked;
                                                 try_files /t =404; } }
            location = /optional { kairo_auth optional issuer=other;
                                   try_files /t =404; }
        }
    }
    server {
        listen 127.0.0.1:%%PORT%%;
        server_name server;
        root html;
        kairo_auth required issuer=other realm=server;
        kairo_auth_dry_run on;
        location = /t { }
        location = /wet { kairo_auth_dry_run off; try_files /t =404; }
        location = /own { $asked; kairo_auth_dry_run off; try_files /t =404; }
    }
END

# goes PATH, WITH, WITHOUT, NAME: the file that answers, and who is known, with
# a token and without.

sub shows {
    my ($got) = @_;
    my ($as) = ($two->field($got, 'X-Who') // '') =~ /\|([^|:]+:\w+)\|/;
    my ($file) = body($got) =~ /\[([^\[\]]+)\]/;
    return join ' ', code($got), grep { defined } $file, $as;
}

sub goes {
    my ($path, $with, $without, $name) = @_;
    is(shows($two->get($path, bearer($good))), $with, "$name: with a token");
    is(shows($two->get($path)), $without, "$name: without");
    is(shows($two->get($path, bearer($good . 'A'))),
       $without =~ /^200/ && $path !~ /dry/ ? $without : '401',
       "$name: with a bad one") unless $path =~ m{/page|/added|/only|/any};
}

goes("/by/$_", '200 strong main:alice', '401', $_)
    for qw(try_files try_files/named error_page error_page/named rewrite dry
           optional twice);
goes('/dir/', '200 dir/strong.html main:alice', '401', 'index');

for my $to ('/strong', '@strong') {
    $lead->answer(fields => ["X-Accel-Redirect: $to", 'Set-Cookie: x=1']);
    goes('/by/accel', '200 strong main:alice', '401', "accel to $to");
    is($two->field($two->get('/by/accel'), 'Set-Cookie'), undef,
       'and of what led here nothing is left');
}

goes($_, '200 weak main:alice', '401', $_) for '/back', '/back/error_page';
$lead->answer(fields => ['X-Accel-Redirect: /weak']);
goes('/back/accel', '200 weak main:alice', '401', 'accel, back');
goes('/there', '200 strong main:alice', '401', 'there and back and there');

# to a location of another issuer

my $elses = token($second, claims => { iss => 'https://other.test/',
                                       uid => 'eve' });
my $led = $two->get('/other', bearer($good));
is(shows($led), '401', 'known to one location is nobody in the next');
is($two->field($led, 'X-Who'), '|||||', 'and is not called so any more');
is(shows($two->get('/other', bearer($elses))), '401',
   'nor does it help to be known to the second alone');
is(shows($two->get('/either', bearer($elses))), '200 stronger other:eve',
   'who is known to both passes');

# error pages

my $page = $two->get('/page');
is(shows($page), '401 login', 'an error page answers');
is($two->field($page, 'WWW-Authenticate'), 'Bearer realm="kairo"',
   'with the challenge');
is($two->field($page, 'X-Reason'), 'no_credential', 'and the reason');
is(shows($two->get('/page/named')), '401 login', 'a named one');
is(shows($two->get('/page', bearer($good . 'A'))), '401 login',
   'for who has a bad token too');
is(code($two->get('/page/redirect')), 302, 'or leads to where to sign in');
is(code($two->get('/page/other')), 401, 'one for another status does not');
is(shows($two->get('/page/strong')), '401 strong',
   'an error page is not judged, whatever it is');
$app->forget;
is(code($two->get('/page/proxied', 'X-Kairo-User: forged')), 401,
   'an error page of the application');
is(told("\r\n\r\n" . join '', $app->asked), '', 'which is told of nobody');

# beside other modules

goes('/any/allow', '200 t main:alice', '401', 'satisfy any, allow all');
goes('/any/deny', '403 main:alice', '401', 'satisfy any, deny all');
goes('/any/request', '200 t main:alice', '401', 'satisfy any, auth_request');
goes('/all/no', '403 main:alice', '401', 'auth_request that refuses');
goes('/only/request', '200 t', '200 t', 'a subrequest is not judged');
goes('/added', '200 t', '200 t', 'nor is one that adds to a body');

$app->forget;
goes('/all/request', '200 t main:alice', '401', 'auth_request that passes');
is(told("\r\n\r\n" . ($app->asked)[0]),
   'X-Kairo-Issuer: main X-Kairo-Subject: alice X-Kairo-User: main:alice',
   'is told who it is');
is($app->count, 1, 'and is not asked about who was refused');

# blocks that nginx makes locations of

is(shows($two->get("/if?$_", bearer($good))), '200 if main:alice',
   "if, $_: with a token") for 'x=1', 'y=1';
is(shows($two->get("/if?$_")), '401', "if, $_: without") for 'x=1', 'y=1';
is(code($two->ask($_, '/limit', undef)), 401, "limit_except, $_")
    for qw(GET POST);
is(code($two->ask('POST', '/limit', '', bearer($good))), 405,
   'limit_except, with a token');

# inheritance

sub of {
    my ($host, $path, @fields) = @_;
    my $got = $two->ask('GET', $path, undef, "Host: $host", @fields);
    my ($realm) = ($two->field($got, 'WWW-Authenticate') // '')
                  =~ /realm="(\w+)"/;
    return join ' ', shows($got), $realm // ();
}

is(of('below', '/nested'), '401 http', 'http is inherited, two levels down');
is(of('below', '/nested', bearer($good)), '200 nested main:alice',
   'with its issuers');
is(of('below', $_), '200 t', "$_: off in a location")
    for '/off', '/off/in';
is(of('below', '/off/on'), '401 kairo', 'and on again within, by its line');
is(of('below', '/optional'), '200 t', 'optional in a location');
is(of('below', '/optional', bearer($good)), '401 kairo',
   'whose issuers replace the others');
is(of('server', '/t'), '200 t', 'a dry run of a server');
is(of('server', '/wet'), '401 server', 'is off in a location');
is(of('server', '/wet', bearer($good)), '401 server', 'the issuer is not');
is(of('server', '/own', bearer($good)), '200 t main:alice', 'unless it is');

# one connection, many users: nobody is taken for who was there before

{
    my %token = map { $_ => changed(sub => $_) } qw(alice bob);
    my @order = map { (qw(alice bob), '', 'bob', 'bad', 'alice')[$_ % 6] }
                0 .. 59;
    my $request = sub {
        my ($user, $close) = @_;
        return "GET /t HTTP/1.1\r\nHost: a\r\n"
               . ($user ? bearer($token{$user} // 'x') . "\r\n" : '')
               . ($close ? "Connection: close\r\n" : '') . "\r\n";
    };
    my @want = map { $token{$_} ? "main:$_" : '' } @order;

    my $c = $two->socket;
    print $c map { $request->($order[$_], $_ == $#order) } 0 .. $#order;
    my @got = $two->receive($c) =~ /^X-Who: \w*\|\w*\|([\w:]*)\|/mg;
    is("@got", "@want", 'sixty requests at once on one connection');

    # two connections by turns, each field of a request by itself

    my @c = map { $two->socket } 1 .. 2;
    my @seen;
    for my $i (0 .. 11) {
        my @users = @order[$i, $i + 1];
        my @lines = map { [split /^/, $request->($_, 0)] } @users;
        for my $line (0 .. 3) {
            for (0, 1) { my $c = $c[$_]; print $c $lines[$_][$line] // '' }
        }
        for (0, 1) {
            my $got = '';
            until ($got =~ /\r\n\r\n(\[t\]|\{.*\}\r\n)\z/s) {
                sysread $c[$_], $got, 8192, length $got or last;
            }
            push @seen, $got =~ /^X-Who: \w*\|\w*\|([\w:]*)\|/mg;
        }
    }
    is("@seen", join(' ', map { @want[$_, $_ + 1] } 0 .. 11),
       'two connections by turns');
}

# over TLS: what OpenSSL thinks of a token is nothing to the connection

{
    my @bad = map { bearer($_->[1]) } grep { length $_->[1] < 4000 }
              grep { $_->[2] =~ /signature|key/ } @attacks;
    open my $out, '>', "$two->{dir}/curl" or die "curl: $!\n";
    print $out join "next\n", map { <<"END" } @bad, bearer($good);
url = "https://127.0.0.1:$tls/t"
header = "$_"
insecure
silent
output = "$two->{dir}/page"
write-out = "%{http_code} %{num_connects}\\n"
END
    close $out;
    my @got = split /\n/, `curl -K $two->{dir}/curl`;
    is(scalar @got, @bad + 1, 'all are answered');
    is($got[-1], '200 0', 'the last one by the same connection');
    is(scalar(grep { !/^(401|200) / } @got), 0, 'as they ought to be');
    $two->not_logged(qr/stale global SSL error/, 'no error is left over');
}

{
    my @long = grep { length > 20 } split /\./, $good;
    my @leaks = grep { my $line = $_; grep { index($line, $_) >= 0 } @long }
                grep { /kairo auth/ } split /\n/, $two->log;
    is(join("\n", @leaks), '', 'the log of debugging has no token either');
}

$two->finish;

done_testing();
