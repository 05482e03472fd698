# The open test vectors by every place that a target may have, both ways: what
# is allowed reaches the tool as it came, what is blocked never does.  Then
# requests that two programs may read differently.

use strict;
use warnings;

use lib 't/lib';
use Cwd qw(abs_path);
use File::Temp qw(tempdir);
use IO::Select;
use IO::Socket::INET;
use Kairo::H2;
use Kairo::Server;
use POSIX ();
use Test::More;

my $root = $ENV{KAIRO_ROOT} || abs_path('.');
my $kairo = "$root/build/kairo";
my $tool = tool();
my $s = Kairo::Server->new(ports => 2);

# since nginx 1.25.1 HTTP/2 is a directive

my ($major, $minor, $patch) = `$ENV{TEST_NGINX_BINARY} -v 2>&1`
                              =~ m{nginx/(\d+)\.(\d+)\.(\d+)};
my $h2 = $major * 1e6 + $minor * 1e3 + $patch >= 1_025_001
       ? 'listen 127.0.0.1:%%PORT+1%%; http2 on;'
       : 'listen 127.0.0.1:%%PORT+1%% http2;';

$s->start(<<"END");
    keepalive_requests 1000000;
    large_client_header_buffers 4 16k;
    client_max_body_size 4m;
    access_log off;
    kairo_ratelimit_zone \$arg_k zone=slow:64k rate=5r/s;
    upstream tool { server 127.0.0.1:$tool; keepalive 4; }
    server {
        listen 127.0.0.1:%%PORT%%;
        $h2
        merge_slashes off;
        underscores_in_headers on;
        proxy_http_version 1.1;
        proxy_set_header Connection "";
        location = /up { return 200 up; }
        location = /seen { proxy_pass http://tool; }
        location /arg { kairo_sanitize arg:t type=auto;
                        proxy_pass http://tool; }
        location /form { kairo_sanitize form:t type=auto;
                         proxy_pass http://tool; }
        location /json { kairo_sanitize json:\$.t type=auto;
                         proxy_pass http://tool; }
        location /multipart { kairo_sanitize multipart:t type=auto;
                              proxy_pass http://tool; }
        location /header { kairo_sanitize header:X-Target type=auto;
                           proxy_pass http://tool; }
        location /cookie { kairo_sanitize cookie:t type=auto;
                           proxy_pass http://tool; }
        location ~ "(?s)^/capture/(?<target>.*)\\z" {
            kairo_sanitize capture:target type=auto; proxy_pass http://tool; }
        location /links { kairo_sanitize arg:links_to type=auto;
                          kairo_sanitize cookie:links_to type=auto;
                          kairo_sanitize json:links type=auto;
                          proxy_pass http://tool; }
        location /bodies {
            kairo_sanitize form:t type=auto;
            kairo_sanitize json:t type=auto;
            kairo_sanitize multipart:t type=auto;
            kairo_sanitize_body 1k;
            proxy_pass http://tool;
            location /bodies/large { kairo_sanitize_body 2m;
                                     proxy_pass http://tool; }
            location /bodies/buffer { kairo_sanitize_body 64k;
                                      client_body_buffer_size 1k;
                                      proxy_pass http://tool; }
            location /bodies/file { kairo_sanitize_body 64k;
                                    client_body_in_file_only clean;
                                    proxy_pass http://tool; }
            location /bodies/late { kairo_ratelimit zone=slow burst=9;
                                    proxy_pass http://tool; }
        }
    }
END

my $json = 'application/json';
my $form = 'application/x-www-form-urlencoded';
my $mark = 'a.Boundary_of-9';
my $multipart = "multipart/form-data; boundary=$mark";

my $good = 'http://example.com/';
my $bad = 'http://10.0.0.1/';
my $special = '403 target_special_address';
my $malformed = '400 target_malformed';
my $duplicate = '400 target_duplicate';
my $wrong = '400 body_malformed';
my $unfit = '415 body_not_inspectable';

# What each place makes of a text: the path, fields, the body.

my %carry = (
    arg => sub { return { path => '/arg?t=' . encoded($_[0]) } },
    form => sub { return post('/form', $form, 't=' . encoded($_[0])) },
    json => sub { return post('/json', $json, '{"t":' . quoted($_[0]) . '}') },
    multipart => sub {
        return post('/multipart', $multipart, parts(part('t', $_[0]))) },
    header => sub {
        return { path => '/header', fields => ["X-Target: $_[0]"] } },
    cookie => sub {
        return { path => '/cookie',
                 fields => ['Cookie: a=b; t=' . encoded($_[0])] } },
    capture => sub { return { path => '/capture/' . encoded($_[0]) } },
);

# How a place can't hold a text.  It is "gone" when it would be another one,
# and "nginx" when nginx refuses it.

my %cannot = (
    # a line of a header ends at a line feed, and has no spaces at its ends
    header => sub {
        return $_[0] =~ /\n|\A | \z/ ? 'gone' : $_[0] =~ /[\0\r]/ ? 'nginx'
                                                                  : '';
    },
    # the path of a request is put right: what then differs is refused
    capture => sub {
        return $_[0] =~ /\0/ ? 'nginx'
             : "/$_[0]" =~ m{/\.\.?(?:/|\z)} ? 'path' : '';
    },
);

my $passed = 0;
my $client;

vectors();
twice();
spellings();
paths();
types();
texts();
forms_of_parts();
lengths();
http2();

is(seen(), $passed, 'the tool has seen what has passed, and nothing else');
$s->finish;
done_testing();


# The tool: answers each request with the request, and counts them.

sub tool {
    my $listen = IO::Socket::INET->new(Listen => 64,
                                       LocalAddr => '127.0.0.1:0')
        or die "listen: $!\n";
    my $port = $listen->sockport;
    my $test = $$;
    my $pid = fork // die "fork: $!\n";

    return $port if $pid;

    my $select = IO::Select->new($listen);
    my ($count, %in) = (0);

    while (getppid == $test) {
        for my $c ($select->can_read(1)) {

            if ($c == $listen) {
                $select->add($listen->accept);
                next;
            }

            if (!sysread $c, $in{$c}, 65536, length($in{$c} // '')) {
                delete $in{$c};
                $select->remove($c);
                close $c;
                next;
            }

            my $end = index $in{$c}, "\r\n\r\n";
            my ($length) = substr($in{$c}, 0, $end + 2)
                           =~ /^Content-Length: (\d+)\r$/mi;
            next if $end < 0 || length $in{$c} < $end + 4 + ($length || 0);

            my $said = $in{$c} =~ m{^GET /seen } ? $count : $in{$c};
            $count++ if $said ne $count;
            delete $in{$c};

            my $answer = "HTTP/1.1 200 OK\r\nContent-Length: " . length($said)
                         . "\r\n\r\n$said";
            while (length $answer) {
                my $n = syswrite $c, $answer or last;
                substr $answer, 0, $n, '';
            }
        }
    }

    POSIX::_exit(0);
}


sub seen {
    return (ask({ path => '/seen' }))[1];
}


sub post {
    my ($path, $type, $body, @fields) = @_;
    unshift @fields, "Content-Type: $type" if defined $type;
    return { path => $path, body => $body, fields => \@fields };
}


sub encoded {
    my ($text) = @_;
    $text =~ s/([^A-Za-z0-9_.~-])/sprintf '%%%02X', ord $1/ge;
    return $text;
}


sub quoted {
    my ($text) = @_;
    $text =~ s/([\x00-\x1f"\\])/sprintf '\\u%04x', ord $1/ge;
    return "\"$text\"";
}


sub part {
    my ($name, $text, $more, $before) = @_;
    return ($before // '') . "Content-Disposition: form-data; name=\"$name\""
           . ($more // '') . "\r\n\r\n$text";
}


sub parts {
    return join '', map({ "--$mark\r\n$_\r\n" } @_), "--$mark--\r\n";
}


# ask REQUEST: status and body, on a connection that is kept as long as nginx
# keeps it.  The request's text is "raw", or made of its parts.

sub ask {
    my ($q) = @_;
    my ($in, $head, $length) = ('');

    $client ||= $s->socket or die "no connection\n";
    print $client $q->{raw} // raw($q);
    $client->flush;

    while (1) {
        if (!defined $head && $in =~ /\r\n\r\n/) {
            ($head, $in) = split /\r\n\r\n/, $in, 2;
            ($length) = $head =~ /^Content-Length: (\d+)/mi;
        }
        last if defined $head && defined $length && length $in >= $length;
        sysread $client, $in, 65536, length $in or last;
    }

    $head //= '';
    undef $client if $q->{raw} || $head !~ /^Connection: keep-alive\r?$/mi;

    my ($status) = $head =~ m{^HTTP/1\.1 (\d+)};
    $passed++ if ($status // 0) == 200 && $q->{path} ne '/seen';
    return ($status // 0, $in);
}


sub raw {
    my ($q) = @_;
    my $body = $q->{body};
    my @fields = @{$q->{fields} || []};

    push @fields, 'Content-Length: ' . length $body
        if defined $body && !$q->{chunks};
    push @fields, 'Transfer-Encoding: chunked' if $q->{chunks};
    $body = $q->{chunks} if $q->{chunks};

    return join("\r\n", ($q->{method} // (defined $body ? 'POST' : 'GET'))
                        . " $q->{path} HTTP/1.1", 'Host: a', @fields, '', '')
           . ($body // '');
}


# said REQUEST: "status code".

sub said {
    my ($status, $body) = ask($_[0]);
    return join ' ', $status, $body =~ /"code":"(\w+)"/;
}


# Cases that others have written.

sub vectors {
    my $vectors = $ENV{KAIRO_VECTORS} || '../shared/vectors';

    SKIP: {
        skip "no $vectors/targets.tsv", 1 unless -f "$vectors/targets.tsv";
        skip "no $kairo, make it by scripts/build", 1 unless -x $kairo;

        my @cases = judged("$vectors/targets.tsv");

        for my $place (sort keys %carry) {
            for my $verdict (qw(allow block)) {
                my @those = grep { $_->{verdict} eq $verdict } @cases;
                direction($place, $verdict, @those);
            }
        }
    }
}


# The cases, and what the command says of each.

sub judged {
    my ($file) = @_;
    my (@cases, %of);
    my $dir = tempdir(CLEANUP => 1);

    open my $in, '<:raw', $file or die "$file: $!\n";
    open my $out, '>:raw', "$dir/in" or die "$dir/in: $!\n";

    while (<$in>) {
        my ($text, $verdict) = split /\t/;
        my $value = unescape($text);
        push @cases, { text => $text, value => $value, verdict => $verdict };
        $of{$value} = $cases[-1];
        print $out "$value\n" if $value !~ /\n/;
    }

    close $out or die "$dir/in: $!\n";

    my @said = `$kairo target <$dir/in`;

    for my $case (@cases) {
        # which is on more than one line is none on standard input
        my $line = $case->{value} =~ /\n/ ? 'block target_malformed'
                                          : shift @said;
        chomp $line;
        @$case{qw(said code)} = split / /, $line;
        next if $case->{said} ne 'allow';
        ($case->{host}) = $case->{code}
                          =~ m{^https?://(\[[^]]*\]|[^:/?\#]*)};
        $case->{host} //= $case->{code} =~ /^(\[[^]]*\]|[^:]*)(?::\d+)?$/
                        ? $1 : $case->{code};
        $case->{host} =~ tr/[]//d;
    }

    return @cases;
}


sub unescape {
    my ($text) = @_;
    my %short = ('\\' => '\\', t => "\t", n => "\n", r => "\r");

    # all are characters, also \xHH

    $text =~ s{\\(?:([\\tnr])|x([0-9A-Fa-f]{2})|u([0-9A-Fa-f]{4})
               |U([0-9A-Fa-f]{8}))}
              {my $c = defined $1 ? $short{$1} : chr hex($2 // $3 // $4);
               utf8::encode($c) unless defined $1; $c}gex;
    return $text;
}


sub direction {
    my ($place, $verdict, @cases) = @_;
    my ($n, $left, $refused, @wrong) = (0, 0, 0);
    my $before = seen();

    for my $case (@cases) {
        my $cannot = $cannot{$place} ? $cannot{$place}->($case->{value}) : '';

        if ($cannot eq 'gone') {
            $left++;
            push @wrong, "$case->{text}: can't be carried"
                if $verdict eq 'allow';
            next;
        }

        my $q = $carry{$place}->($case->{value});
        my ($status, $body) = ask($q);
        my $problem;
        $n++;

        if ($cannot eq 'path' && $verdict eq 'allow') {
            $refused++;
            $problem = 'passes' if $status != 400;

        } elsif ($verdict eq 'allow') {
            $problem = $status != 200 ? 'refused' : changed($q, $case, $body);

        } elsif ($status < 400 || $status > 499) {
            $problem = 'passes';

        } elsif (!$cannot && $body !~ /"code":"$case->{code}"/) {
            $problem = "no $case->{code}";
        }

        push @wrong, "$case->{text}: $status, $problem" if $problem;
    }

    is(join("\n", splice @wrong, 0, 10), '', "$place: $verdict, $n cases"
       . ($left ? ", $left left out" : '')
       . ($refused ? ", $refused in another path" : ''));
    is(seen() - $before, $verdict eq 'allow' ? $n - $refused : 0,
       "$place: $verdict, as many reach the tool");
}


# What the tool has got is what was sent, and the host as it was judged.

sub changed {
    my ($q, $case, $got) = @_;
    my ($head, $body) = split /\r\n\r\n/, $got, 2;
    my @lines = split /\r\n/, $head;
    my $first = (defined $q->{body} ? 'POST' : 'GET') . " $q->{path} HTTP/1.1";

    return "not $first" if $lines[0] ne $first;
    return 'another body' if $body ne ($q->{body} // '');

    for my $field (@{$q->{fields} || []}) {
        return "no $field" unless grep { $_ eq $field } @lines;
    }

    my @hosts = map { /^X-Kairo-Target-Host: (.*)/i ? $1 : () } @lines;
    return @hosts == 1 && $hosts[0] eq $case->{host} ? ''
           : "host @hosts, not $case->{host}";
}


# Two of them, whichever comes first, are refused, also in another spelling.

sub twice {
    my %two = (
        arg => sub { return map { { path => "/arg?$_" } }
                            "t=$_[0]&t=$_[1]", "t=$_[0];T[]=$_[1]",
                            "%74=$_[0]&x=y&t.1=$_[1]" },
        form => sub { return map { post('/form', $form, $_) }
                             "t=$_[0]&t=$_[1]", "T=$_[0]&t%5B%5D=$_[1]",
                             "t=$_[0];%54[x]=$_[1]" },
        json => sub { return map { post('/json', $json, $_) }
                             "[{\"t\":\"$_[0]\"},{\"T\":\"$_[1]\"}]",
                             "{\"T\":\"$_[0]\",\"\\u0074\":\"$_[1]\"}",
                             "{\"t\":[\"$_[0]\",[\"$_[1]\"]]}" },
        multipart => sub {
            return map { post('/multipart', $multipart, parts(@$_)) }
                   [part('t', $_[0]), part('t', $_[1])],
                   [part('T', $_[0]), part('x', ''), part('t[]', $_[1])],
                   [part('t', $_[0], '', "Content-Type: text/plain\r\n"),
                    part(' t', $_[1])] },
        header => sub { return map { { path => '/header', fields => $_ } }
                               ["X-Target: $_[0]", "X-Target: $_[1]"],
                               ["x-tArget: $_[0]", 'X: y',
                                "X_Target: $_[1]"] },
        cookie => sub { return map { { path => '/cookie', fields => $_ } }
                               ["Cookie: t=$_[0]; t=$_[1]"],
                               ["Cookie: t=$_[0]", "Cookie: T[]=$_[1]"],
                               ["Cookie: a=b; t =$_[0];\tT\t= $_[1]"] },
    );

    for my $place (sort keys %two) {
        for my $values ([$good, $bad], [$good, $good]) {
            is(said($_), $duplicate, "$place: two of them")
                for $two{$place}->(@$values);
        }

        # the first one that is refused says why

        like(said($_), qr/^$special|^$duplicate/, "$place: a bad one first")
            for $two{$place}->($bad, $good);
    }

    # elements of an array are no two of them for a place in JSON

    is(said(post('/links', $json, "{\"links\":[\"$good\",\"$bad\"]}")),
       $duplicate, 'json: elements of an array are counted');
}


# Names of the same place in the eyes of some program.

sub spellings {
    is(said(post('/form', $form, "a=b&$_=$bad")), $special, "form: $_")
        for 'T', '%74', 't%5B%5D', 't[7]', 't.0', '+t', 'a;t', '&&t', 't[x]',
            't[][]';

    for my $name ('links.to', 'links+to', 'links[to', 'LINKS_TO[]',
                  'lin%E2%84%AAs_to', "link\xc5\xbf_to", 'L%C4%B0nks_to')
    {
        is(said({ path => "/links?$name=$bad" }), $special, "arg: $name");
    }

    is(said(post('/links', $json, "{\"$_\":\"$bad\"}")), $special, "json: $_")
        for 'LINKS', 'l\u0131nks', "lin\xe2\x84\xaas", 'link\u017f';

    is(said({ path => '/cookie', fields => ["Cookie: $_"] }), $special,
       "cookie: $_")
        for "t =$bad", "t= $bad", "a=b;t\t=\t$bad", "a=b t=$bad",
            "a=b,t=$bad", "a=\"b; t=$bad", "\xa0t=$bad", "T[]=$bad",
            "t=\"$bad\"", "=x; t=$bad", "a; t=" . encoded($bad);
    is(said({ path => '/links', fields => ["Cookie: links.to=$bad"] }),
       $special, 'cookie: as PHP names it');

    is(said({ path => '/header', fields => ["X_Target: $bad"] }), $special,
       'header: as CGI names it');
    is(said({ path => '/header', fields => ["X_Target : $bad"] }), '400',
       'header: no name of a field');
    is(said({ path => '/header', fields => ["X-Target: $good,$bad"] }), '200',
       'header: a URL with a comma is one');
    is(said({ path => '/header',
              fields => ['X-Target: example.com,10.0.0.1'] }), $malformed,
       'header: a list of hosts is none');
    is(said({ path => '/header', fields => ["X-Target: $good", " $bad"] }),
       '400', 'header: on two lines');
    is(said({ path => '/header', fields => ['X-Target:'] }), $malformed,
       'header: empty');

    my $got = ask_raw("POST /header HTTP/1.1\r\nHost: a\r\n"
                      . "Transfer-Encoding: chunked\r\nTrailer: X-Target\r\n"
                      . "\r\n1\r\nx\r\n0\r\nX-Target: $bad\r\n\r\n");
    unlike($got, qr/10\.0\.0\.1/, 'header: a trailer never reaches the tool');
}


sub ask_raw {
    my ($status, $body) = ask({ raw => $_[0], path => '' });
    return $body;
}


# What is behind a "#", and what nginx puts right, is another path for a tool
# that does neither.

sub paths {
    is(said({ path => $_ }), $malformed, "path: $_")
        for "/arg?t=$good#&t=$bad", "/arg?a=b#&t=$bad", "/arg#?t=$bad",
            "/capture/$good#\@10.0.0.1", "/capture/$bad/../../../$good",
            "/capture/10.0.0.1/../example.com", "/capture/./example.com",
            '/capture/%2e/example.com', '/x/../capture/example.com';
    is(said({ path => $_ }), '200', "path: $_")
        for "/capture/$good", '/capture/example%2Ecom',
            '/capture/http:%2f%2Fexample.com?t=x', '/arg?a=b%23&c=d',
            "/arg?t=${good}a/../b", '/capture/example.com?a=/../b';
    is(said({ path => "/capture/10.0.0.1?/example.com" }), $special,
       'path: it ends at a "?"');
    is(said({ path => "http://a/capture/example.com" }), '200',
       'path: behind a host');
}


# What a body is, and whether it can be looked at.

sub types {
    my @json = ("{\"t\":\"$good\"}");
    my @form = ("t=$good");

    for my $type ("$json; charset=utf-16", "$json; charset=utf-7",
                  "$json; charset=utf-8; charset=utf-16", "$json;",
                  "$json; charset=\"utf-16\"", 'text/json', 'text/plain',
                  'application/json5', 'application/ld+json', "$json, $form",
                  "$json $form", '*/*')
    {
        is(said(post('/bodies', $type, @json)), $unfit, "type: $type");
    }

    is(said(post('/bodies', $_, @json)), '200', "type: $_")
        for $json, uc $json, "$json;charset=UTF-8";
    is(said(post('/bodies', $form, @form, "Content-Type: $_")), $unfit,
       "type: two, $_") for $form, $json, 'text/plain', '';
    is(said(post('/bodies', $form, @form, map { "Content-Encoding: $_" }
                                              @$_)), $unfit,
       "coding: @$_") for ['gzip'], ['deflate'], ['br'], ['identity, gzip'],
                          ['identity', 'gzip'], ['gzip', 'identity'], ['x'];
    is(said(post('/bodies', $form, @form, map { "Content-Encoding: $_" }
                                              @$_)), '200',
       "coding: @$_") for ['identity'], ['Identity'];
    is(said({ %{post('/bodies', $form, "t=$bad")}, method => $_ }), $special,
       "a body of $_") for qw(GET PUT PATCH DELETE OPTIONS REPORT);
}


# JSON that programs read differently, or not at all.

sub texts {
    my $deep = 100000;
    my %text = (
        'UTF-16, little-endian' => join('', map { "$_\0" } split //,
                                        "{\"t\":\"$good\"}"),
        'UTF-16, big-endian' => join('', map { "\0$_" } split //,
                                     "{\"t\":\"$good\"}"),
        'UTF-16 with a mark' => "\xff\xfe{\0}\0",
        'UTF-8 with a mark' => "\xef\xbb\xbf{\"t\":\"$good\"}",
        'a name twice' => "{\"t\":\"$bad\",\"t\":\"$good\"}",
        'a name twice, escaped' => "{\"\\u0074\":\"$bad\",\"t\":\"$good\"}",
        'another name twice' => '{"a":1,"a":2}',
        'deep arrays' => '[' x $deep . ']' x $deep,
        'deep objects' => '{"t":' x $deep . '1' . '}' x $deep,
        'deep, and no end' => '[' x $deep,
        'as deep as is too deep' => '[' x 33 . ']' x 33,
        'many values' => '[' . '1,' x 70000 . '1]',
        'NaN' => '{"a":NaN}', 'Infinity' => '{"a":-Infinity}',
        'a comment' => '{"a":1/**/}', 'a line comment' => "{\"a\":1}//\n",
        'a comma at the end' => '[1,]', 'commas' => '{,}',
        'an apostrophe' => "{'a':1}", 'a bare name' => '{a:1}',
        'a lone surrogate' => '{"a":"\ud800"}',
        'a lone second surrogate' => '{"a":"\udc00"}',
        'a surrogate in UTF-8' => "{\"a\":\"\xed\xa0\x80\"}",
        'a long form' => "{\"a\":\"\xc0\xae\"}",
        'NUL in a name' => '{"t\u0000":1}', 'NUL behind' => "{}\0",
        'a line feed in a text' => "{\"a\":\"\n\"}",
        'an escape that is none' => '{"a":"\x41"}',
        'two texts' => "{}{\"t\":\"$bad\"}", 'lines' => "{}\n{}",
        'half of it' => '{"t":', 'a sign' => '[+1]', 'a zero' => '[01]',
        'a point' => '[1.]', 'hexadecimal' => '[0x1]', 'white space' => " \n",
        'a vertical tab' => "[1,\x{b}2]", 'a number beyond all' => '[1e999]',
        'digits beyond all' => '[' . '9' x 400 . ']',
    );

    is(said(post('/bodies/large', $json, $text{$_})), $wrong, "JSON: $_")
        for sort keys %text;

    my %taken = (
        'a large number' => '{"a":' . '9' x 300 . ',"t":"%s"}',
        'a small number' => '{"a":1e-400,"t":"%s"}',
        'a number of 64 bits' => '{"a":18446744073709551616,"t":"%s"}',
        'as deep as may be' => '[' x 31 . '{"t":"%s"}' . ']' x 31,
        'a surrogate pair' => '{"a":"\ud83d\ude00","t":"%s"}',
        'NUL in a text' => '{"a":"\u0000","t":"%s"}',
        'an empty name' => '{"":1,"t":"%s"}',
        'white space' => " \r\n\t{ \"t\" :\t\"%s\" }\n",
    );

    for my $name (sort keys %taken) {
        is(said(post('/bodies', $json, sprintf $taken{$name}, $good)), '200',
           "JSON: $name");
        is(said(post('/bodies', $json, sprintf $taken{$name}, $bad)),
           $special, "JSON: $name, and a bad one");
    }
}


# Forms of parts that programs take apart differently.

sub forms_of_parts {
    my $lf = "--$mark\r\n" . part('a', 'b');
    my $hidden = "--$mark\r\n" . part('t', $bad) . "\r\n--$mark--\r\n";

    my %body = (
        'a name in another form' => parts("Content-Disposition: form-data; "
                                          . "name*=UTF-8''t\r\n\r\n$bad"),
        'two forms of a name' => parts(part('x', $bad, "; name*=UTF-8''t")),
        'two names' => parts(part('x', $bad, '; name="t"')),
        'a name in apostrophes' => parts("Content-Disposition: form-data; "
                                         . "name='t'\r\n\r\n$bad"),
        'an escape in a name' => parts(part('\\t', $bad)),
        'a quote in a name' => parts(part('x\\"; name="t', $bad)),
        'no name' => parts(part('', $bad)),
        'a file in another form' => parts(part('x', 'y',
                                               "; filename*=UTF-8''f")),
        'a folded line' => parts(part('x', $bad, ";\r\n name=\"t\"")),
        'two dispositions' => parts(part('x', $bad, "\r\nContent-Disposition: "
                                         . 'form-data; name="t"')),
        'base64' => parts(part('t', 'aHR0cDovLzEwLjAuMC4xLw==', '',
                               "Content-Transfer-Encoding: base64\r\n")),
        'quoted-printable' => parts(part('t', $good, "\r\nContent-Transfer-"
                                         . 'Encoding: quoted-printable')),
        'another charset' => parts(part('t', $good, "\r\nContent-Type: "
                                        . 'text/plain; charset=utf-16')),
        'two types' => parts(part('t', $good, "\r\nContent-Type: a/b"
                                  . "\r\nContent-Type: a/c")),
        'parts within a part' => parts(part('x', "--C\r\n" . part('t', $bad)
            . "\r\n--C--", "\r\nContent-Type: multipart/mixed; boundary=C")),
        'parts within a file' => parts(part('x', 'y', '; filename="f"'
            . "\r\nContent-Type: Multipart/mixed; boundary=C")),
        'a boundary behind a line feed' => "$lf\n$hidden",
        'a boundary behind a return' => "$lf\r$hidden",
        'a boundary that begins a text' => "--$mark\r\n" . part('a', '')
                                           . $hidden,
        'a boundary in a line' => "$lf $hidden",
        'a boundary with a space behind' => "$lf\r\n--$mark \r\n"
                                            . part('t', $bad)
                                            . "\r\n--$mark--\r\n",
        'line feeds alone' => parts(part('t', $bad)) =~ s/\r//gr,
        'a preamble' => "x\r\n$hidden", 'an empty preamble' => "\r\n$hidden",
        'a preamble that is a part' => "--${mark}x\r\n$hidden",
        'an end in front' => "--$mark--\r\n$hidden",
        'something behind' => parts(part('t', $good)) . $hidden,
        'no end' => "--$mark\r\n" . part('t', $bad),
        'another boundary' => parts(part('t', $bad)) =~ s/$mark/other/gr,
        'a boundary of another case' => parts(part('t', $bad))
                                        =~ s/$mark/\U$mark/gr,
        'NUL in a line' => parts(part("t\0", $bad)),
    );

    is(said(post('/multipart', $multipart, $body{$_})), $wrong, "parts: $_")
        for sort keys %body;

    is(said(post('/multipart', $multipart, parts(part('t', $_)))), $malformed,
       'parts: a text that is none')
        for "$good\r\n", "\r\n$good", " $good", "$good\0", "\xef\xbb\xbf$good",
            '';
    is(said(post('/multipart', $multipart,
                 parts(part('t', $good, "; filename=\"$_\"")))), $malformed,
       'parts: a file') for '', 'f', 'http://example.com/';
    is(said(post('/multipart', $_, parts(part('t', $good)))), $unfit,
       "parts: $_")
        for "$multipart; charset=utf-8",
            "multipart/form-data; boundary=x; boundary=$mark",
            "multipart/form-data; boundary*=UTF-8''$mark",
            "multipart/form-data; boundary='$mark' x=\"",
            "multipart/form-data;\tboundary=$mark", 'multipart/mixed';
    is(said(post('/multipart', $_, parts(part('t', $bad)))), $special,
       "parts: $_")
        for "MULTIPART/form-data;boundary=$mark",
            "multipart/form-data; boundary=\"$mark\"";
}


# Bodies in pieces, in files, and as long as may be.

sub lengths {
    my %kind = (
        $form => sub { return 't=' . $_[0] . '&p=' . 'x' x $_[1] },
        $json => sub {
            return "{\"p\":\"" . 'x' x $_[1] . "\",\"t\":\"$_[0]\"}" },
        $multipart => sub { return parts(part('p', 'x' x $_[1]),
                                         part('t', $_[0])) },
    );

    for my $type (sort keys %kind) {
        my ($name) = $type =~ /([a-z]+)(?:-urlencoded)?(?:;|$)/;

        for my $to ([$good, '200'], [$bad, $special]) {
            my $empty = length $kind{$type}->($to->[0], 0);

            for my $where ('buffer', 'file') {
                my $body = $kind{$type}->($to->[0], 20000);
                my ($status, $got) = ask(post("/bodies/$where", $type, $body));
                is($status, substr($to->[1], 0, 3), "$name: in a $where");
                is(length((split /\r\n\r\n/, $got, 2)[1]), length $body,
                   "$name: the tool gets all of it") if $status == 200;
            }

            for my $size (1024, 1025) {
                my $body = $kind{$type}->($to->[0], $size - $empty);
                my $wanted = $size == 1024 ? $to->[1] : '413 body_too_large';
                my $q = post('/bodies', $type, $body);

                is(length $body, $size, "$name: a body of $size");
                is(said($q), $wanted, "$name: $size bytes");
                is(said({ %$q, chunks => chunks($body, $_) }), $wanted,
                   "$name: $size bytes in chunks of $_") for 1, 100, 2000;
            }
        }
    }

    my $q = post('/bodies', $form, "t=$bad");

    is(said({ %$q, raw => raw({ %$q, chunks => "d;x=y;z\r\n$q->{body}\r\n"
                                                . "0\r\n\r\n" }) }), '400',
       'chunks: one that is not as long as it says');
    is(said({ %$q, chunks => sprintf("%x;x=\"y\"\r\n%s\r\n000\r\n\r\n",
                                     length $q->{body}, $q->{body}) }),
       $special, 'chunks: with an extension');
    is(said({ %$q, raw => "POST /bodies HTTP/1.1\r\nHost: a\r\n"
              . "Content-Type: $form\r\nContent-Length: 3\r\n"
              . "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n" }), '400',
       'chunks: and a length');
    is(said({ %$q, raw => "POST /bodies HTTP/1.1\r\nHost: a\r\n"
              . "Content-Type: $form\r\nContent-Length: 3\r\n"
              . "Content-Length: 30\r\n\r\nt=$bad" }), '400',
       'two lengths');
}


sub chunks {
    my ($body, $size) = @_;
    return join '', (map { sprintf "%x\r\n%s\r\n", length, $_ }
                     $body =~ /(.{1,$size})/gs), "0\r\n\r\n";
}


# HTTP/2: bodies whose length nobody says, that come at once, in pieces, or
# while the request waits for another row.

sub http2 {
    my $c = Kairo::H2->new($s);
    my $key = 0;

    for my $to ([$good, 200], [$bad, 403]) {
        for my $how ('at once', 'in pieces', 'later', 'while it waits') {
            for my $length (0, 1) {
                my $body = "{\"p\":\"" . 'x' x 500 . "\",\"t\":\"$to->[0]\"}";
                my $path = '/bodies';

                if ($how eq 'while it waits') {
                    # the first of a key does not wait
                    $key++;
                    ask_raw("GET /bodies/late?k=$key HTTP/1.1\r\n"
                            . "Host: a\r\n\r\n");
                    $path = "/bodies/late?k=$key";
                }

                my $id = $c->request('POST', $path, 'content-type' => $json,
                                     $length ? ('content-length' =>
                                                length $body) : ());

                if ($how eq 'later') {
                    $c->flush->until(sub { 0 }, 0.1);
                }

                if ($how eq 'in pieces') {
                    $c->data($id, $_)->flush->until(sub { 0 }, 0.01)
                        for $body =~ /(.{1,100})/gs;
                    $c->data($id, '', 1)->flush;

                } else {
                    $c->data($id, $body, 1)->flush;
                }

                my $answer = $c->answer($id);
                $passed++ if $answer->{status} == 200;
                is($answer->{status}, $to->[1],
                   "HTTP/2: $how, " . ($length ? 'with' : 'without')
                   . " a length, to be $to->[1]");
            }
        }
    }

    my $id = $c->request('GET', "/arg?t=$bad");
    is($c->answer($id)->{status}, 403, 'HTTP/2: an argument');
    $id = $c->request('GET', '/cookie', cookie => 'a=b', cookie => "t=$bad");
    is($c->answer($id)->{status}, 403, 'HTTP/2: cookies in several fields');
    $c->close;
}
