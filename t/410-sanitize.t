# Targets in requests: every place, every occurrence, what can't be looked at,
# and what the tool is told.

use strict;
use warnings;

use lib 't/lib';
use Kairo::Provider;
use Kairo::Server;
use Test::More;
use Time::HiRes qw(sleep time);

my $tool = Kairo::Provider->new->answer(echo => 1);
my $s = Kairo::Server->new;

my $http = <<"END";
    log_format x '\$uri \$status \$kairo_layer \$kairo_reason';
    access_log access.log x;
    client_header_buffer_size 16k;
    kairo_issuer app { issuer https://issuer.test/; audience api; algs HS256;
                       keys secret=file:secret; }
    server {
        listen 127.0.0.1:%%PORT%%;
        root html;
        location = /up { return 200 up; }
        location = /metrics { kairo_metrics; }

        location /arg { kairo_sanitize arg:url type=auto; @{[tool()]} }
        location /need { kairo_sanitize arg:url type=url required; @{[tool()]} }
        location /many { kairo_sanitize arg:url type=auto duplicates=allow;
                         @{[tool()]} }
        location /host { kairo_sanitize arg:url type=host max=20; @{[tool()]} }
        location /port { kairo_sanitize arg:url type=url ports=8443,80;
                         @{[tool()]} }
        location /two { kairo_sanitize arg:a type=url;
                        kairo_sanitize arg:b type=host; @{[tool()]} }
        location /header { kairo_sanitize header:X-Target type=auto;
                           @{[tool()]} }
        location /cookie { kairo_sanitize cookie:target type=auto;
                           @{[tool()]} }
        location ~ ^/capture/(?<target>.*)\$ {
            kairo_sanitize capture:target type=auto; @{[tool()]} }
        location /form { kairo_sanitize form:url type=auto; @{[tool()]} }
        location /multi { kairo_sanitize multipart:url type=auto; @{[tool()]} }
        location /json { kairo_sanitize json:\$.target.url type=auto;
                         @{[tool()]} }
        location /any { kairo_sanitize json:url type=auto; @{[tool()]} }
        location /bodies { kairo_sanitize form:url type=auto;
                           kairo_sanitize json:url type=auto required;
                           kairo_sanitize_body 1k; @{[tool()]} }
        location /file { client_body_in_file_only clean;
                         kairo_sanitize json:url type=auto; @{[tool()]} }
        location /small { client_body_buffer_size 1k;
                          kairo_sanitize json:url type=auto; @{[tool()]} }
        location /dry { kairo_sanitize arg:url type=auto;
                        kairo_sanitize_dry_run on; @{[tool()]} }
        location /dry-form { kairo_sanitize form:url type=auto;
                             kairo_sanitize_dry_run on;
                             client_max_body_size 10; @{[tool()]} }
        location /preflight { kairo_preflight on;
                              kairo_sanitize arg:url type=auto required;
                              kairo_sanitize form:url type=auto required;
                              @{[tool()]} }
        location /outer {
            kairo_sanitize arg:a type=auto; @{[tool()]}
            location /outer/inner { kairo_sanitize arg:b type=auto;
                                    @{[tool()]} }
            location /outer/off { kairo_sanitize off; @{[tool()]} }
            location /outer/other { kairo_sanitize off;
                                    kairo_sanitize arg:b type=auto;
                                    @{[tool()]} }
        }
        location /redirect { rewrite ^ /arg last; }
        location /vars {
            kairo_sanitize arg:url type=auto;
            add_header X-Host "\$kairo_target_host" always;
            add_header X-Port "\$kairo_target_port" always;
            add_header X-Url "\$kairo_target_url" always;
            try_files /up.txt =404;
        }
    }
END

sub tool { return "proxy_pass http://127.0.0.1:$tool->{port};" }

$s->file('secret', 's' x 32);
$s->file('html/up.txt', 'up');
$s->start($http);

my $bad = 'http%3A%2F%2F10.0.0.1%2F';
my $good = 'https%3A%2F%2Fexample.com%2F';

sub code { return $_[0] =~ /"code":"([a-z_]+)"/ ? $1 : '' }

# A request: "status code".

sub said {
    my ($got) = @_;
    my ($status) = $got =~ m{^HTTP/1.1 (\d+)};
    return join ' ', grep { length } $status // 'nothing', code($got);
}

sub get { return said($s->get(@_)) }

sub post {
    my ($path, $type, $body, @more) = @_;
    return said($s->ask('POST', $path, $body,
                        (defined $type ? "Content-Type: $type" : ()), @more));
}

my $form = 'application/x-www-form-urlencoded';
my $special = '403 target_special_address';
my $malformed = '400 target_malformed';


# The query.

is(get("/arg?url=$good"), '200', 'arg: a public one');
is(get("/arg?url=$bad"), $special, 'arg: a private one');
is(get('/arg'), '200', 'arg: none');
is(get('/arg?other=http://10.0.0.1/'), '200', 'arg: another');
is(get("/arg?$_=$bad"), $special, "arg: $_")
    for 'URL', 'u%72l', 'url[]', 'url%5B%5D', 'url[7]', 'url.0', '+url',
        '%20url', 'a=b&url', 'a;url', '&&url', 'url[x]', 'url[][x]', '[url]',
        'url]', '%5Burl%5D[]';
is(get("/arg?$_=$bad"), '200', "arg: $_ is another")
    for 'urls', 'xurl', 'url_', 'url.x', 'my.url';
is(get("/arg?url=$good&url=$good"), '400 target_duplicate', 'arg: twice');
is(get("/arg?url=$good&URL[]=$bad"), '400 target_duplicate',
   'arg: in another spelling');
is(get("/many?url=$good&url=$good"), '200', 'arg: twice is allowed');
is(get("/many?url=$good&URL[]=$bad"), $special, 'arg: all of them are judged');
is(get('/many?' . join '&', map { "url=a$_.example.com" } 1 .. 16), '200',
   'arg: sixteen');
is(get('/many?' . join '&', map { "url=a$_.example.com" } 1 .. 17),
   '400 target_duplicate', 'arg: one too many');
is(get("/arg?$_"), $malformed, "arg: $_")
    for "url;a=$bad", 'url=%', 'url=%2', 'url=%zz', 'url=a%00b', 'url=%c0%af', 'url=%u0041',
        '%u0075rl=x', 'a%=b', '%00=b', '%ff=b', 'url=http://127.1/', 'url=',
        'url', "url=$good%20", 'url=http://a.com;@10.0.0.1/',
        'url=a.com;.evil.test&b=c', 'url=;', "url=$good;url=$good;%zz";
is(get("/arg?url=$good;a&b=$bad"), '200', 'arg: a ";" behind the host');
is(get("/arg?url=$good;url=$bad"), '400 target_duplicate',
   'arg: what is behind it is looked at too');
is(get('/need'), '400 target_missing', 'arg: required');
is(get("/need?x=$good"), '400 target_missing', 'arg: required, by its name');
is(get("/need?url=$good"), '200', 'arg: required, and there');
is(get('/need?url=example.com'), $malformed, 'type=url');
is(get('/host?url=example.com'), '200', 'type=host');
is(get('/host?url=http://example.com'), $malformed, 'type=host: no URL');
is(get('/host?url=' . 'a' x 16 . '.com'), '200', 'max: as long');
is(get('/host?url=' . 'a' x 17 . '.com'), $malformed, 'max: longer');
is(get('/port?url=https://example.com:8443/'), '200', 'ports: one of them');
is(get('/port?url=https://example.com:443/'), '403 target_port',
   'ports: none of them');
is(get('/arg?url=ftp://example.com/'), '403 target_scheme', 'a scheme');
is(get('/arg?url=http://169.254.169.254/'), '403 target_metadata',
   'a metadata service');
is(get('/arg?url=http://intranet/'), '403 target_special_name', 'a name');
{
    my @preflight = ('Origin: http://a.test',
                     'Access-Control-Request-Method: POST');
    my $ask = sub {
        my ($args, @more) = @_;
        return said($s->ask('OPTIONS', "/preflight$args", @more, @preflight));
    };
    is($ask->('', undef), '200', 'preflight: nothing is required');
    is($ask->("?url=$good", undef), '200', 'preflight: a public one');
    is($ask->("?url=$bad", undef), $special, 'preflight: a private one');
    is($ask->('', "url=$bad", 'Content-Type: '
                              . 'application/x-www-form-urlencoded'),
       $special, 'preflight: that has a body');
}

is(get("/two?a=$good&b=10.0.0.1"), $special, 'the second of two rules');


# Fields, cookies, captures.

is(get('/header', 'X-Target: example.com'), '200', 'header: a public one');
is(get('/header', 'X-Target: 10.0.0.1'), $special, 'header: a private one');
is(get('/header', 'X-Target: example.com', 'x-target: 10.0.0.1'),
   '400 target_duplicate', 'header: twice');
is(get('/header'), '200', 'header: none');
is(get('/cookie', "Cookie: a=b; target=$good; c=d"), '200',
   'cookie: a public one');
is(get('/cookie', "Cookie: a=b; target=$bad"), $special,
   'cookie: a private one');
is(get('/cookie', "Cookie: target=\"$bad\""), $special, 'cookie: in quotes');
is(get('/cookie', "Cookie: a%=b; ta%72get=$bad"), $special,
   'cookie: with a name that is encoded');
is(get('/cookie', "Cookie: ta%72=b; target%=$bad; target=$good"), '200',
   'cookie: other names that are');
is(get('/cookie', "Cookie: Target=$good", "Cookie: target=$bad"),
   '400 target_duplicate', 'cookie: twice');
is(get('/capture/example.com'), '200', 'capture: a public one');
is(get('/capture/10.0.0.1'), $special, 'capture: a private one');
is(get('/capture/10%2e0.0.1'), $special, 'capture: decoded');
is(get('/capture/'), '200', 'capture: none');


# Bodies.

is(post('/form', $form, "a=b&url=$good"), '200', 'form: a public one');
is(post('/form', $form, "a=b&url=$bad"), $special, 'form: a private one');
is(post('/form', "$form; charset=UTF-8", "url=$bad"), $special,
   'form: that says what it is');
is(post('/form', $form, 'url=http://a.com;@10.0.0.1/'), $malformed,
   'form: a host before ";" and one behind it');
is(post('/form', $form, ''), '200', 'form: empty');
is(post('/form', $form, undef), '200', 'form: none');
is(post('/form', $_, "url=$good"), '415 body_not_inspectable',
   'form: as ' . ($_ // 'nothing'))
    for undef, 'application/json', 'text/plain', "$form; charset=utf-16",
        "${form}x", 'multipart/form-data; boundary=x', '';
is(post('/form', $form, "url=$good", 'Content-Encoding: gzip'),
   '415 body_not_inspectable', 'form: encoded');
is(post('/form', $form, "url=$good", 'Content-Encoding: identity'), '200',
   'form: not encoded');
is(post('/form', $form, "url=$good", 'Content-Type: text/plain'),
   '415 body_not_inspectable', 'form: of two types');
is(said($s->ask('GET', '/form', "url=$bad", "Content-Type: $form")), $special,
   'form: of a GET');

sub parts {
    return join '', map({ "--B\r\n$_\r\n" } @_), "--B--\r\n";
}
sub part {
    my ($name, $value, $more) = @_;
    return "Content-Disposition: form-data; name=\"$name\"" . ($more // '')
           . "\r\n\r\n$value";
}
my $multi = 'multipart/form-data; boundary=B';

is(post('/multi', $multi, parts(part('a', 'b'), part('url', 'example.com'))),
   '200', 'multipart: a public one');
is(post('/multi', $multi, parts(part('a', 'b'), part('url', '10.0.0.1'))),
   $special, 'multipart: a private one');
is(post('/multi', $multi, parts(part('url', 'example.com'),
                                part('URL[]', '10.0.0.1'))),
   '400 target_duplicate', 'multipart: twice');
is(post('/multi', $multi, parts(part('url', '10.0.0.1',
                                     '; filename="x"'))),
   $malformed, 'multipart: a file');
is(post('/multi', $multi, parts(part('f', "any\r\n\0bytes",
                                     "; filename=\"x\"\r\nContent-Type: a/b"))),
   '200', 'multipart: another file');
is(post('/multi', $multi, $_), '400 body_malformed', 'multipart: malformed')
    for 'x', "--B\r\n", "--B--x", parts("X: y\r\n\r\n10.0.0.1"),
        'pre' . parts(part('url', 'example.com')),
        parts(part('url', 'example.com')) . 'post',
        parts("Content-Disposition: form-data; name=url\r\n\r\n10.0.0.1"),
        parts("Content-Disposition: form-data; name=\"u\\rl\"\r\n\r\nx"),
        parts("Content-Transfer-Encoding: base64\r\n" . part('url', 'MTA=')),
        "--B\n" . part('url', '10.0.0.1') . "\n--B--\n";
is(post('/multi', $_, parts(part('url', 'example.com'))),
   '415 body_not_inspectable', "multipart: as $_")
    for 'multipart/form-data', 'multipart/mixed; boundary=B',
        'multipart/form-data; boundary=B; boundary=C',
        'multipart/form-data; boundary=B,C', 'multipart/form-data; boundary=B C',
        'multipart/form-data; boundary=' . 'B' x 71;

my $json = 'application/json';
is(post('/json', $json, '{"target":{"url":"https://example.com/"}}'), '200',
   'json: a public one');
is(post('/json', $json, $_), $special, "json: $_")
    for '{"target":{"url":"http://10.0.0.1/"}}',
        '{"TARGET":{"Url":"http://10.0.0.1/"}}',
        '{"t\u0061rget":{"url":"http:\/\/10.0.0.1"}}',
        '[{"target":[{"url":["10.0.0.1"]}]}]',
        '{"n":12345678901234567890123,"target":{"url":"10.0.0.1"}}';
is(post('/json', $json, $_), '200', "json: $_")
    for '{"url":"http://10.0.0.1/"}', '{"target":{"url":null}}', '[]', '1',
        '{"target":"http://10.0.0.1/"}', '"text"', '{"s":"\u0000"}';
is(post('/json', $json, $_), $malformed, "json: $_")
    for '{"target":{"url":1}}', '{"target":{"url":{}}}',
        '{"target":{"url":true}}', '{"target":{"url":"example.com\u0000"}}';
is(post('/json', $json, '{"target":{"url":"example.com","URL":"10.0.0.1"}}'),
   '400 target_duplicate', 'json: two spellings');
is(post('/json', $json, $_), '400 body_malformed', 'json: malformed')
    for '{"target":{"url":"a.com","url":"10.0.0.1"}}', '{', '{"a":1,}',
        "\xef\xbb\xbf{}", "{}\0", 'NaN', '{}{}', '[' x 40 . ']' x 40,
        '{"a":"' . "\xff" . '"}';
is(post('/any', $json, $_), $special, "anywhere: $_")
    for '{"url":"10.0.0.1"}', '{"a":[{"b":{"URL":["10.0.0.1"]}}]}';
is(post('/any', $json, '[{"url":"a.com"},{"url":"b.com"}]'),
   '400 target_duplicate', 'anywhere: two of them');

is(post('/bodies', $form, "url=$good"), '400 target_missing',
   'bodies: the required one is of the other kind');
is(post('/bodies', $json, '{"url":"a.com","x":"' . 'x' x 1024 . '"}'),
   '413 body_too_large', 'bodies: longer than is looked at');

for my $where (qw(file small)) {
    my $pad = 'x' x 4000;
    is(post("/$where", $json, "{\"url\":\"10.0.0.1\",\"p\":\"$pad\"}"),
       $special, "$where: a private one");
    my $body = "{\"url\":\"example.com\",\"p\":\"$pad\"}";
    my $got = $s->ask('POST', "/$where", $body, "Content-Type: $json");
    is(said($got), '200', "$where: a public one");
    like($got, qr/\Q$body\E/, "$where: the tool gets all of it");
}

# in pieces, and chunked

sub slowly {
    my ($head, @pieces) = @_;
    my $c = $s->socket;
    print $c join "\r\n", @$head, '', '';
    for (@pieces) {
        sleep 0.1;
        print $c $_;
        $c->flush;
    }
    return $s->receive($c);
}

for my $to (['10.0.0.1', $special], ['example.com', '200']) {
    my $body = "{\"url\":\"$to->[0]\"}";
    my @head = ('POST /any HTTP/1.1', 'Host: a', 'Connection: close',
                "Content-Type: $json");
    is(said(slowly([@head, 'Content-Length: ' . length $body],
                   split /(?<=:)/, $body)), $to->[1],
       "$to->[0] in pieces");
    my $got = slowly([@head, 'Transfer-Encoding: chunked'],
                     (map { sprintf "%x\r\n%s\r\n", length, $_ }
                      split /(?<=:)/, $body), "0\r\n\r\n");
    is(said($got), $to->[1], "$to->[0] in chunks");
}
{
    my $got = slowly(['POST /bodies HTTP/1.1', 'Host: a', 'Connection: close',
                      "Content-Type: $json", 'Transfer-Encoding: chunked'],
                     (map { sprintf "%x\r\n%s\r\n", 300, 'x' x 300 } 1 .. 4),
                     "0\r\n\r\n");
    is(said($got), '413 body_too_large', 'chunks that are too many');
}

# what nginx itself can't read is for nobody to pass

for my $path ('/form', '/dry-form') {
    my @head = ("POST $path HTTP/1.1", 'Host: a', 'Connection: close',
                "Content-Type: $form", 'Transfer-Encoding: chunked');
    my $text = join "\r\n", @head, '', '5', 'url=a', 'zz', '';
    my $c = $s->socket;
    print $c $text;
    my $got = $s->receive($c);
    is(said($got), '400', "$path: chunks that are none");
    unlike($got, qr/problem/, "$path: nginx says so");
    is(said(slowly(\@head, "5\r\nurl=a\r\nzz\r\n")), '400',
       "$path: later");
}
{
    my @head = ('POST /dry-form HTTP/1.1', 'Host: a', 'Connection: close',
                "Content-Type: $form", 'Transfer-Encoding: chunked');
    my $c = $s->socket;
    print $c join "\r\n", @head, '', '20', 'x' x 32, '0', '', '';
    is(said($s->receive($c)), '413', 'dry run: a body that is too long');
}

# a client that leaves in the middle of its body

{
    my $c = $s->socket;
    print $c "POST /any HTTP/1.1\r\nHost: a\r\nContent-Type: $json\r\n"
             . "Content-Length: 100\r\n\r\n{";
    sleep 0.2;
    close $c;
    ok($s->until(sub { $s->log('access.log') =~ m{^/any 400 }m
                       || $s->log('access.log') =~ m{^/any 499 }m }),
       'a client that leaves');
}


# What the tool gets.

{
    my $got = $s->get('/arg?url=HTTPS://Ex%61mple.COM:443/a%3Fb',
                      'X-Kairo-Target-Host: forged',
                      'X_Kairo_Target_Url: forged');
    like($got, qr/^X-Kairo-Target-Host: example\.com\r$/m, 'told: the host');
    like($got, qr/^X-Kairo-Target-Port: 443\r$/m, 'told: the port');
    like($got, qr{^X-Kairo-Target-Url: https://example\.com:443/a\?b\r$}m,
         'told: the URL');
    unlike($got, qr/forged/, 'told: not by a client');
    like($got, qr{^GET /arg\?url=HTTPS://Ex%61mple\.COM:443/a%3Fb HTTP}m,
         'the request is as it came');

    $got = $s->ask('POST', '/any', '{"url":"http://example.com/a?b"}',
                   "Content-Type: $json");
    like($got, qr{^X-Kairo-Target-Url: http://example\.com/a\?b\r$}m,
         'told: the URL of a body');

    $got = $s->get('/arg', 'X-Kairo-Target-Host: forged');
    unlike($got, qr/X-Kairo-Target/i, 'told: nothing without a target');

    $got = $s->get('/vars?url=http://xn--bcher-kva.example.com/');
    is($s->field($got, 'X-Host'), 'xn--bcher-kva.example.com',
       '$kairo_target_host');
    is($s->field($got, 'X-Port'), 80, '$kairo_target_port: of the scheme');
    is($s->field($got, 'X-Url'), 'http://xn--bcher-kva.example.com/',
       '$kairo_target_url');
    $got = $s->get('/vars?url=[2606:4700::1111]:443');
    is($s->field($got, 'X-Host'), '2606:4700::1111', 'IPv6 without brackets');
    is($s->field($got, 'X-Port'), 443, 'a port');
    is($s->field($got, 'X-Url') // '', '', 'no URL of a host');
    is(get("/redirect?url=$bad"), $special, 'after a redirect');
}


# Levels, dry run, what is told of a refusal.

is(get("/outer?a=$bad"), $special, 'levels: outside');
is(get("/outer/inner?a=$bad"), $special, 'levels: what the outer one has');
is(get("/outer/inner?b=$bad"), $special, 'levels: and its own');
is(get("/outer/off?a=$bad"), '200', 'levels: off');
is(get("/outer/other?a=$bad"), '200', 'levels: off, and others');
is(get("/outer/other?b=$bad"), $special, 'levels: these others');

{
    my $got = $s->get("/dry?url=$bad");
    is(said($got), '200', 'dry run');
    unlike($got, qr/X-Kairo-Target/, 'dry run: the tool is told nothing');
    $s->logged('refused, dry run, arg:url: target_special_address, '
               . 'ipv4_private', 'dry run: the log says it');
}
{
    my $got = $s->get("/arg?url=$bad");
    like($got, qr/"param":"arg:url"/, 'a refusal names the place');
    unlike($got, qr/10\.0\.0\.1|ipv4_private/, 'and not what it is');
    like($s->get('/json', 'Accept: text/plain'), qr/^HTTP\/1.1 200/, 'text');
    ok($s->until(sub { $s->log('access.log')
                       =~ m{^/arg 403 sanitize ipv4_private$}m }),
       '$kairo_layer and $kairo_reason');
    unlike($s->log, qr/refused[^\n]*10\.0\.0\.1[^\n]*client/,
           'no target in the log but in the request line');
    like($s->get('/metrics'),
         qr/layer="sanitize",decision="refused"\} [1-9]/, 'metrics');
}

# Names that no request has, or that are not all there is of one.

{
    my $other = Kairo::Server->new;
    my $tells = sub {
        return $other->tells('server { listen 127.0.0.1:%%PORT%%; location / {'
                             . " kairo_sanitize $_[0] type=url; } }");
    };
    for my $place ('arg:url[]', 'form:url[0]', 'multipart:a[b][]', 'arg:a%62',
                   'cookie:a=b', 'cookie:url[12]', 'header:X:Y')
    {
        my ($said, $taken) = $tells->($place);
        ok(!$taken, "$place is not taken");
        like($said, qr/invalid name "\Q@{[$place =~ s{^.*?:}{}r]}\E"/,
             "$place: the name");
    }
    for my $place ('arg:a[b]', 'arg:[]', 'form:a.b', 'multipart:a%b',
                   'cookie:a[b]', 'header:X-Y_Z', 'json:$.a[0].b[*]')
    {
        my ($said, $taken) = $tells->($place);
        is($said, '', "$place is taken");
    }
}

$s->finish;
done_testing();
