# What is recorded: each run that reached its tool is one event, with who, what,
# where and how it ended, by whatever way the request came and however it ended;
# refusals beside them; and no byte of a client spoils the file.

use strict;
use warnings;

use lib 't/lib';
use IO::Socket::INET;
use Kairo::H2;
use Kairo::Load;
use Kairo::Provider;
use Kairo::Server;
use Kairo::Spool;
use Kairo::Token qw(secret token);
use Test::More;
use Time::HiRes qw(sleep time);

my $key = secret('m' x 32);
my $app = Kairo::Provider->new->answer(echo => 1);
my $bad = Kairo::Provider->new->answer(status => 500, body => 'broken');
my $slow = Kairo::Provider->new;
my $accel = Kairo::Provider->new->answer(fields => ['X-Accel-Redirect: /in']);
my $no = Kairo::Provider->new->answer(status => 403);
my $forger = Kairo::Provider->new->answer(body => 'x', fields => [
    'X-Kairo-Event-Id: forged']);
my $s = Kairo::Server->new(ports => 2);
my $dir = "$s->{dir}/spool";
my $uuid = qr/[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}/;

my $dead = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 1)
    or die "listen: $!\n";
my $dead_port = $dead->sockport;
close $dead;

my ($major, $minor, $patch) = `$ENV{TEST_NGINX_BINARY} -v 2>&1`
                              =~ m{nginx/(\d+)\.(\d+)\.(\d+)};
my $h2 = $major * 1e6 + $minor * 1e3 + $patch >= 1_025_001
       ? 'listen 127.0.0.1:%%PORT+1%%; http2 on;'
       : 'listen 127.0.0.1:%%PORT+1%% http2;';

sub to { return "proxy_pass http://127.0.0.1:$_[0]{port};" }

mkdir "$s->{dir}/html/$_" for 'index', 'dry';
$s->file('main.key', 'm' x 32);
$s->file("html/$_", 'content') for 't', 'index/index.html', 'page',
    'ssi.part', 'check';
$s->file('html/ssi', '<!--#include virtual="/ssi.part" --> and '
                     . '<!--#include virtual="/t" -->');

sub http {
    my ($spool) = @_;
    return <<END;
    kairo_spool spool edge=edge-1 @{[$spool // '']};
    kairo_issuer main { issuer https://issuer.test/; audience api; algs HS256;
                        keys secret=file:main.key; roles roles; }
    kairo_admins issuer=main subject:root;
    kairo_ratelimit_zone \$arg_k zone=one:64k rate=1r/h;
    log_format all '\$request_id \$kairo_event_id \$status \$bytes_sent '
                   '\$request_time';
    access_log all.log all;
    proxy_read_timeout 20s;
    add_header X-Event \$kairo_event_id always;
    server {
        listen 127.0.0.1:%%PORT%%;
        $h2
        root html;
        kairo_region \$arg_region;
        location = /up { return 200 up; }
        location = /metrics { kairo_metrics; }
        location = /t { kairo_tool_run seo; }
        location = /missing { kairo_tool_run seo; }
        location = /app { kairo_tool_run \$arg_tool; @{[to($app)]} }
        location = /who { kairo_auth optional issuer=main;
                          kairo_tool_run seo; @{[to($app)]} }
        location = /500 { kairo_tool_run seo; @{[to($bad)]} }
        location = /502 { kairo_tool_run seo;
                          proxy_pass http://127.0.0.1:$dead_port; }
        location = /504 { kairo_tool_run seo; proxy_read_timeout 200ms;
                          @{[to($slow)]} }
        location = /slow { kairo_tool_run seo; proxy_buffering off;
                           @{[to($slow)]} }
        location = /forger { kairo_tool_run seo; @{[to($forger)]} }
        location = /return { kairo_tool_run seo; return 200 said; }
        location = /444 { kairo_tool_run seo; try_files /none =444; }
        location = /try { kairo_tool_run try; try_files /none /t; }
        location = /only { try_files /none /t; }
        location = /named { kairo_tool_run named; try_files /none \@in; }
        location \@in { kairo_tool_run in; try_files /t =404; }
        location = /to-named { try_files /none \@in; }
        location = /error { kairo_tool_run error; error_page 404 /t;
                            try_files /none =404; }
        location = /intercept { kairo_tool_run seo; error_page 500 =200 /page;
                                proxy_intercept_errors on; @{[to($bad)]} }
        location = /page { kairo_tool_run page; }
        location = /accel { kairo_tool_run accel; @{[to($accel)]} }
        location = /in { internal; kairo_tool_run in; try_files /t =404; }
        location /index/ { kairo_tool_run index; }
        location ~ ^/regex/(\\w+)\$ { kairo_tool_run \$1; try_files /t =404; }
        location = /auth { auth_request /check; kairo_tool_run seo;
                           try_files /t =404; }
        location = /auth-no { auth_request /check-no; kairo_tool_run seo;
                              try_files /t =404; }
        location = /check { kairo_tool_run check; try_files /t =404; }
        location = /check-no { kairo_tool_run check; @{[to($no)]} }
        location = /ssi { ssi on; ssi_types *; kairo_tool_run ssi; }
        location = /ssi.part { log_subrequest on; kairo_tool_run part; kairo_event part; }
        location = /body { kairo_tool_run seo; client_max_body_size 100k;
                           client_body_buffer_size 1k; @{[to($app)]} }
        location = /cors { kairo_preflight on; kairo_tool_run seo;
                           @{[to($app)]} }
        location = /dry { kairo_record_dry_run on; kairo_tool_run seo;
                          @{[to($app)]} }
        location = /events { kairo_tool_run seo;
                             kairo_event asked what=\$arg_a field=\$http_x_a
                                         key=\$arg_a on_full=drop;
                             kairo_event empty nothing=\$arg_none; @{[to($app)]} }
        location = /event { kairo_event asked what=\$arg_a; @{[to($app)]} }
        location = /hostile { kairo_tool_run \$http_x_tool;
                              kairo_region \$http_x_region;
                              kairo_event asked value=\$http_x_value
                                                more=\$http_x_value;
                              try_files /t =404; }

        location /refused/ {
            kairo_refusals all;
            kairo_tool_run seo;
            location = /refused/auth { kairo_auth required issuer=main; }
            location = /refused/require { kairo_auth required issuer=main;
                                          kairo_require role=editor; }
            location = /refused/rate { kairo_ratelimit zone=one; }
            location = /refused/page {
                kairo_auth required issuer=main; kairo_region mars;
                error_page 401 /page; }
            location = /refused/off { kairo_refusals off;
                                      kairo_auth required issuer=main; }
            location = /refused/r9 { kairo_auth required issuer=main;
                                     kairo_refusals 3r/s;
                                     kairo_require role=r9; }
            location = /refused/r24 { kairo_auth required issuer=main;
                                      kairo_refusals 3r/s;
                                      kairo_require role=r24; }
        }
        location = /sampled { kairo_refusals 3r/s; kairo_tool_run seo;
                              kairo_auth required issuer=main; }
        location = /only-refusals { kairo_refusals all;
                                    kairo_auth required issuer=main;
                                    try_files /t =404; }
    }
END
}

$s->start(http());

sub bearer {
    return 'Authorization: Bearer '
           . token($key, claims => { iss => 'https://issuer.test/', @_ });
}

sub code { return ($_[0] // '') =~ m{^HTTP/1.1 (\d+)} ? $1 : 0 }

my %known;
my $wrong = 0;

# news N, CODE: what CODE has recorded, in order, when all of it has ended;
# N is how many events that are.

sub news {
    my ($n, $ask) = @_;
    my $end = time + 10;
    my (@new, $all);
    $ask->();
    do {
        $all = Kairo::Spool::ended($dir);
        @new = grep { !$known{$_} } @{$all->{order}};
        sleep 0.03;
    } while (@new < $n && time < $end);

    if (!$n) {
        sleep 0.1;
        $all = Kairo::Spool::ended($dir);
        @new = grep { !$known{$_} } @{$all->{order}};
    }

    $wrong++, diag(join "\n", @{$all->{wrong}}) if @{$all->{wrong}};
    my @odd = grep { $all->{parts}{$_}[0] != 1 || $all->{parts}{$_}[1] != 1 }
              keys %{$all->{parts}};
    $wrong++, diag("not one beginning and one end: @odd") if @odd;
    $known{$_} = 1 for @new;
    return map { $all->{events}{$_} } @new;
}

# shown EVENT: as one text.

sub shown {
    my ($event) = @_;
    return join ' ', map { $event->{$_} // '-' } qw(kind tool status route);
}

# records NAME, WANTED, CODE

sub records {
    my ($name, $wanted, $ask) = @_;
    my @wanted = split /, /, $wanted;
    my @new = news(scalar @wanted, $ask);
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    is(join(', ', map { shown($_) } @new), $wanted, $name);
    return @new;
}


# The fields of one.

{
    my $before = time;
    my $got;
    my ($run) = records('a run', 'run seo 200 /app', sub {
        $got = $s->get('/app?tool=seo&region=eu') });
    my $after = time;
    my ($told) = $got =~ /^X-Kairo-Event-Id: (\S+)\r$/m;
    is($told // '', $run->{id}, 'the client is told its id');
    is($s->field($got, 'X-Event'), $run->{id}, 'the variable has it');
    my (undef, $echo) = split /\r\n\r\n/, $got, 2;
    is(join(',', $echo =~ /^X-Kairo-Event-Id: (\S+)\r$/mg), $run->{id},
       'and the application is told');
    no warnings 'portable';
    my $ms = hex substr $run->{id} =~ s/-//gr, 0, 12;
    ok($ms >= 1000 * $before - 10 && $ms <= 1000 * $after + 1,
       'its id tells the time');
    is($run->{edge}, 'edge-1', 'edge');
    is($run->{region}, 'eu', 'region');
    is($run->{admin} // 0, 0, 'no administrator');
    is(join('', map { $_ // '' } @$run{qw(issuer subject details)}), '',
       'anonymous');
    is($run->{bytes}, length $got, 'bytes');
    cmp_ok($run->{latency}, '<', 5000, 'latency');
    $s->until(sub { $s->log('all.log') =~ /$run->{id}/ });
    my ($line) = grep { /$run->{id}/ } split /\n/, $s->log('all.log');
    is($line =~ s/ \S+$//r, "$run->{request_id} $run->{id} 200 $run->{bytes}",
       'as nginx logs it');
}

{
    my ($run) = records('a user', 'run seo 200 /who',
                        sub { $s->get('/who', bearer(sub => 'alice')) });
    is("$run->{issuer} $run->{subject}", 'main alice', 'issuer and subject');
    is($run->{admin} // 0, 0, 'who is no administrator');
    is($run->{region}, undef, 'no region');

    ($run) = records('an administrator', 'run seo 200 /who',
                     sub { $s->get('/who', bearer(sub => 'root')) });
    is("$run->{issuer} $run->{subject} $run->{admin}", 'main root 1', 'is one');

    ($run) = records('nobody', 'run seo 200 /who', sub { $s->get('/who') });
    is($run->{subject}, undef, 'has no subject');

    my $odd = "o\"'\\|\x{e9}";
    utf8::encode($odd);
    ($run) = records('an odd user', 'run seo 200 /who', sub {
        $s->get('/who', 'Authorization: Bearer ' . token($key, claims =>
            { iss => 'https://issuer.test/', sub => "o\"'\\|\x{e9}" })) });
    is($run->{subject}, "o\"'\\|\x{e9}", 'as the token has it');
}

records('a tool by a variable', 'run links.v2 200 /app',
        sub { $s->get('/app?tool=links.v2') });
records('an empty variable', '', sub {
    my $got = $s->get('/app');
    is(code($got), 200, 'passes');
    unlike($got, qr/X-Kairo-Event-Id/, 'and nobody is told of an id');
});


# How it ends.

records("status $_->[0]", $_->[1], $_->[2]) for
    ['200', 'run seo 200 /t', sub { $s->get('/t') }],
    ['404', 'run seo 404 /missing', sub { $s->get('/missing') }],
    ['405', 'run seo 405 /t', sub { $s->ask('POST', '/t', 'x') }],
    ['304', 'run seo 304 /t',
     sub { $s->get('/t', 'If-None-Match: *') }],
    ['206', 'run seo 206 /t', sub { $s->get('/t', 'Range: bytes=1-2') }],
    ['416', 'run seo 416 /t', sub { $s->get('/t', 'Range: bytes=90-99') }],
    ['500', 'run seo 500 /500', sub { $s->get('/500') }],
    ['502', 'run seo 502 /502', sub { $s->get('/502') }],
    ['444', 'run seo 444 /444', sub { $s->get('/444') }];

{
    $slow->answer(hold => 1);
    my ($run) = records('status 504', 'run seo 504 /504', sub {
        $s->get('/504') });
    cmp_ok($run->{latency}, '>=', 195, 'after that time');
    cmp_ok($run->{latency}, '<', 5000, 'and not much more');
    $slow->release;
}

records('a client that leaves before the answer', 'run seo 499 /slow', sub {
    $slow->forget->answer(hold => 1);
    my $c = $s->send('/slow');
    $s->until(sub { $slow->count });
    my ($id) = ($slow->asked)[0] =~ /^X-Kairo-Event-Id: (\S+)\r$/m;
    my $all = Kairo::Spool::read($dir);
    is(join(' ', @{$all->{parts}{$id // ''} // []}), '1 0',
       'a run is on disk when the tool sees it, and is open');
    close $c;
});
$slow->release;

{
    my ($run) = records('and in the middle of it', 'run seo 200 /slow', sub {
        $slow->answer(body => 'x' x 1000, drip => 0.01);
        my $c = $s->send('/slow');
        sysread $c, my $part, 500;
        sleep 0.1;
        close $c;
    });
    cmp_ok($run->{bytes}, '<', 1000, 'with what it was sent');
    cmp_ok($run->{bytes}, '>', 100, 'of it');
    cmp_ok($run->{latency}, '>', 80, 'as long as it took');
    $slow->answer(body => 'x');
}

records('a client that leaves at once: one event, or none', join(', ',
        ('run seo 499 /slow') x 20), sub {
    $slow->answer(hold => 1);
    my @all = map { $s->send('/slow') } 1 .. 20;
    sleep 0.5;
    close $_ for @all;
    sleep 0.2;
    $slow->release;
});
$slow->answer(body => 'x');


# Ways from one location to another: one run, one event, of the first.

records("$_->[0]", $_->[1], $_->[2]) for
    ['try_files', 'run try 200 /try', sub { $s->get('/try') }],
    ['try_files, from where none is', 'run seo 200 /t',
     sub { $s->get('/only') }],
    ['a named location', 'run named 200 /named', sub { $s->get('/named') }],
    ['a named location, from where none is', 'run in 200 @in',
     sub { $s->get('/to-named') }],
    ['error_page', 'run error 404 /error', sub { $s->get('/error') }],
    ['an error page with a status', 'run seo 200 /intercept',
     sub { $s->get('/intercept') }],
    ['X-Accel-Redirect', 'run accel 200 /accel', sub { $s->get('/accel') }],
    ['an index', 'run index 200 /index/', sub { $s->get('/index/') }],
    ['a location by a regex', 'run word 200 ^/regex/(\w+)$',
     sub { $s->get('/regex/word') }],
    ['return, which reaches no tool', '', sub { $s->get('/return') }],
    ['a redirect to a folder', 'run index 404 /index/',
     sub { $s->get('/index/none') }];

for my $path ('/try', '/named', '/error', '/accel', '/index/', '/intercept') {
    my $got;
    my ($run) = news(1, sub { $got = $s->get($path) });
    is(join(',', $got =~ /^X-Kairo-Event-Id: (\S+)\r$/mg), $run->{id},
       "$path: one id is told");
    is($s->field($got, 'X-Event'), $run->{id}, "$path: and by the variable");
}


# Subrequests are none.

records('auth_request', 'run seo 200 /auth', sub { $s->get('/auth') });
records('auth_request that refuses', '', sub {
    is($s->status('/auth-no'), 403, 'is no run') });
{
    my $got;
    my ($run) = records('ssi', 'run ssi 200 /ssi', sub { $got = $s->get('/ssi') });
    like($got, qr/content\r?\n.* and .*content/s, 'pages in a page');
    is($run->{bytes}, length $got, 'which is ended when all of it was sent');
}


# Methods, connections, HTTP/2.

{
    my ($run) = records('HEAD', 'run seo 200 /t',
                        sub { $s->ask('HEAD', '/t') });
    cmp_ok($run->{bytes}, '>', 100, 'has a head');

    my $c;
    my @runs = records('pipelining', join(', ', ('run seo 200 /t') x 3,
                                          'run seo 404 /missing'), sub {
        $c = $s->socket;
        print $c map { "GET $_ HTTP/1.1\r\nHost: a\r\n\r\n" }
                 '/t', '/t', '/t';
        print $c "GET /missing HTTP/1.1\r\nHost: a\r\nConnection: close\r\n"
                 . "\r\n";
        my $got = $s->receive($c);
        is(scalar(my @n = $got =~ m{HTTP/1.1 \d}g), 4, 'four answers');
        my %ids = map { $_ => 1 } $got =~ /^X-Kairo-Event-Id: (\S+)\r$/mg;
        is(scalar keys %ids, 4, 'with an id each');
    });
    is("$runs[0]{bytes} $runs[1]{bytes}", "$runs[2]{bytes} $runs[0]{bytes}",
       'of the same size');
    my %requests = map { $_->{request_id} => 1 } @runs;
    is(scalar keys %requests, 4, 'and requests of their own');
}

{
    my $got;
    my ($run) = records('a body', 'run seo 200 /body', sub {
        $got = $s->ask('POST', '/body', 'b' x 90_000) });
    like($got, qr/(?:b{9000}){10}$/, 'which the tool is sent');
    records('a body that ends early', 'run seo 400 /body', sub {
        my $c = $s->socket;
        print $c "POST /body HTTP/1.1\r\nHost: a\r\nContent-Length: 50\r\n\r\n"
                 . 'half of it';
        sleep 0.2;
        close $c;
    });
}

{
    my ($h, @ids, @answers);
    my @runs = records('HTTP/2', join(', ', ('run a 200 /app') x 10), sub {
        $h = Kairo::H2->new($s);
        @ids = map { $h->request('GET', '/app?tool=a',
                                 'x-kairo-event-id' => 'forged') } 1 .. 10;
        $h->flush;
        @answers = map { $h->answer($_) } @ids;
    });
    is(join(' ', sort map { $_->{fields}{'x-kairo-event-id'} // '' } @answers),
       join(' ', sort map { $_->{id} } @runs), 'each stream has its own');
    is(scalar(grep { $_->{body} =~ /forged/ } @answers), 0,
       'and none that it made up');

    $slow->answer(hold => 1);
    records('a stream that is canceled', 'run seo 499 /slow', sub {
        my $asked = $slow->count;
        my $id = $h->request('GET', '/slow');
        $h->flush;
        $s->until(sub { $slow->count > $asked });
        $h->reset($id);
    });
    $slow->release;
    $slow->answer(body => 'x');
    $h->close;
}


# What a client makes up.

records('forged ids', join(', ', ('run a 200 /app') x 3, 'asked - 200 /event'),
        sub {
    my $got = join '', map { $s->get('/app?tool=a', $_) }
        'X-Kairo-Event-Id: forged', 'X_Kairo_Event_Id: forged',
        "X-Kairo-Event-Id: forged\r\nx-kairo-event-id: forged";
    $got .= $s->get('/event', 'X-Kairo-Event-Id: forged');
    unlike($got, qr/forged/, 'are not passed on');
});
records('none, and a forged id', '', sub {
    unlike($s->get('/app', 'X-Kairo-Event-Id: forged'), qr/forged/,
           'is not passed on either') });
{
    my $got;
    my ($run) = records('an application that tells one', 'run seo 200 /forger',
                        sub { $got = $s->get('/forger') });
    ok(scalar(grep { $_ eq $run->{id} }
              $got =~ /^X-Kairo-Event-Id: (\S+)\r$/mg),
       'the client has the right one');
}


# Events of other kinds.

{
    my @new = records('a run and events', 'run seo 200 /events, '
                      . 'asked - 200 /events, empty - 200 /events',
                      sub { $s->get('/events?a=b', 'X-A: c d') });
    is_deeply($new[1]{details}, { what => 'b', field => 'c d', key => 'b' },
              'with details');
    is_deeply($new[2]{details}, { nothing => '' }, 'an empty one');
    my %requests = map { $_->{request_id} => 1 } @new;
    is(scalar keys %requests, 1, 'of one request');
    my $got;
    my ($event) = records('an event alone', 'asked - 200 /event', sub {
        $got = $s->get('/event?a=1') });
    is($s->field($got, 'X-Kairo-Event-Id'), $event->{id}, 'is told too');
}


# Bytes that a client chooses.

my @hostile = ('"', '\\', '\\"', "'", '{}', '","x":"', '\u0000', '%00', "\t",
               "\x7f", "\x80", "\xff\xfe", "\xc3", "\xe2\x82", "\xc3\xa4",
               "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xc0\x80", "\xe2\x80\xae",
               "\xc2\x85", "\xf0\x9f\x98\x80", 'x' x 127, 'x' x 128, 'x' x 129,
               'x' x 126 . "\xc3\xa4", 'x' x 127 . "\xc3\xa4", 'x' x 5000,
               "\xc3\xa4" x 2500, "\xff" x 5000, '"' x 2047, '"' x 2500,
               '\\' x 3000, 'kairospl', "sk\x01", ' ', ', ', 'null', '$arg_a',
               'off', '-', "\x1b[31m");

for my $text (@hostile) {
    my $name = unpack 'H*', substr $text, 0, 12;
    $name .= '... ' . length $text if length $text > 12;
    my $got = '';
    my @new = news(1, sub {
        $got = $s->get('/hostile', "X-Tool: $text", "X-Region: $text",
                       "X-Value: $text") });
    my ($run) = grep { $_->{kind} eq 'run' } @new;
    my ($event) = grep { $_->{kind} eq 'asked' } @new;
    is(code($got), 200, "$name: passes");
    next unless $text =~ /\S/;
    ok($run && $event, "$name: a run and an event") or next;
    my $value = $event->{details}{value};
    my $plain = eval { Encode::decode('UTF-8', my $copy = $text, 1) };
    if (defined $plain && $plain !~ /[\x00-\x1f\x7f]/) {
        is($run->{tool}, expected($plain, 128), "$name: the tool");
        is($run->{region}, expected($plain, 32), "$name: the region");
        is($value, $plain =~ s/[ \t]+$//r, "$name: the value")
            if length $text < 2000;
    } else {
        like($run->{tool}, qr/\?/, "$name: what is no text becomes \"?\"");
    }
}

sub expected {
    my ($text, $most) = @_;
    $text =~ s/^[ \t]+|[ \t]+$//g;
    chop $text while length Encode::encode('UTF-8', $text) > $most;
    return $text;
}

is($wrong, 0, 'whatever was written is read again as a whole');


# Refusals.

{
    my @new = records('refused by auth', 'refused - 401 /refused/auth',
                      sub { $s->get('/refused/auth?region=eu') });
    is_deeply($new[0]{details}, { layer => 'auth', reason => 'no_credential' },
              'says why') if $new[0];
    is($new[0]{region}, 'eu', 'and where');
    is($new[0]{tool}, undef, 'and names no tool');
    @new = records('refused by require', 'refused - 403 /refused/require', sub {
        $s->get('/refused/require', bearer(sub => 'bob')) });
    is("$new[0]{issuer} $new[0]{subject}", 'main bob', 'who it was');
    is_deeply($new[0]{details}, { layer => 'require', reason => 'role=editor' },
              'says why');
    records('a rate', 'run seo 404 /refused/rate, refused - 429 /refused/rate',
            sub { $s->get('/refused/rate?k=1') for 1, 2 });
    @new = records('an error page', 'refused - 401 /refused/page', sub {
        $s->get('/refused/page?region=eu') });
    is($new[0]{region}, 'mars', 'of where it was refused');
    records('none where it is off', '', sub {
        is($s->status('/refused/off'), 401, 'refused') });
    records('none where it is not set', '', sub {
        is($s->status('/auth-no'), 403, 'refused') });
    records('without a run', 'refused - 401 /only-refusals',
            sub { $s->get('/only-refusals') });
    records('who passes there', '', sub {
        is($s->status('/only-refusals', bearer(sub => 'bob')), 200, 'passes')
    });
}

# second CODE: in one second

sub second {
    my ($ask) = @_;
    sleep 1.02 - (time - int time);
    $ask->();
}

{
    my @new = news(3, sub { second(sub { $s->get('/sampled') for 1 .. 10 }) });
    is(scalar @new, 3, 'three of ten in a second');
    is(join(',', map { $_->{details}{left_out} // 0 } @new), '0,0,0',
       'none was left out before');
    my ($next) = news(1, sub { second(sub { $s->get('/sampled') }) });
    is($next->{details}{left_out}, 7, 'seven were');
    ($next) = news(1, sub { second(sub { $s->get('/sampled') }) });
    is($next->{details}{left_out}, undef, 'and none since');
}

# two reasons that are counted in one place

{
    my @bearer = bearer(sub => 'bob');
    my @new = news(3, sub { second(sub {
        for (1 .. 5) { $s->get("/refused/$_", @bearer) for 'r9', 'r24' } }) });
    cmp_ok(scalar @new, '<=', 3, 'reasons that share a place are not more');
}


# Preflight, dry run.

records('a preflight', '', sub {
    is($s->ask('OPTIONS', '/cors', undef, 'Origin: https://a.test',
               'Access-Control-Request-Method: POST') =~ /^HTTP\S+ 200/, 1,
       'passes') });
records('no preflight', 'run seo 200 /cors', sub {
    $s->ask('OPTIONS', '/cors', undef, 'Origin: https://a.test') });
records('a dry run', '', sub { is($s->status('/dry'), 200, 'passes') });

$wrong = 0;


# Under load, as it is brought to the disk.

my $tool = Kairo::Server->new(workers => 2)->start(<<'END');
    log_format ids '$http_x_kairo_event_id';
    access_log ids.log ids;
    server { listen 127.0.0.1:%%PORT%%; keepalive_requests 100000;
             location / { return 200 ok; }
             location = /up { access_log off; return 200 ok; } }
END

for my $sync ('sync=off', 'sync=always', 'sync=1ms', '') {
    my $name = $sync || 'as it is';
    ok($s->reload(http($sync) =~ s{(location = /up)}{
        location = /load { kairo_tool_run seo; kairo_event also a=b;
                           proxy_pass http://127.0.0.1:$tool->{port}; } $1}r),
       "$name: a reload");
    open my $empty, '>', "$tool->{dir}/ids.log";
    close $empty;
    my ($load, $got);
    my @new = news(1, sub {
        $load = Kairo::Load->new(port => $s->{port}, clients => 64,
            pause => 0.05, requests => [{ kind => 'run', path => '/load',
                good => qr/^X-Kairo-Event-Id: $uuid\r$/m }]);
        sleep 2;
        $load->pause;
        $got = $load->take;
        $load->finish;
    });
    my %runs = map { $_->{id} => 1 } grep { $_->{kind} eq 'run' } @new;
    my @seen = split /\n/, $tool->log('ids.log');
    my %seen = map { $_ => 1 } @seen;
    diag("$name: $got->{n} requests, slowest $got->{run}{slowest} ms");
    cmp_ok($got->{n}, '>', 100, "$name: requests");
    is("@{$got->{odd}}", '', "$name: all were answered");
    is($got->{run}{refused}, 0, "$name: and passed");
    is(scalar @seen, $got->{n}, "$name: the tool has seen them");
    is(scalar keys %seen, $got->{n}, "$name: each with an id of its own");
    is(scalar(grep { !$runs{$_} } @seen), 0, "$name: all are recorded");
    is(scalar keys %runs, $got->{n}, "$name: and no others");
    is(scalar @new, 2 * $got->{n}, "$name: with an event each");
    is(scalar(grep { $_->{status} != 200 } @new), 0, "$name: and their end");
}

# clients that leave while it is brought to the disk

{
    ok($s->reload(http('sync=always')), 'a reload');
    my @new = news(1, sub {
        for (1 .. 300) { close $s->send('/slow') }
        sleep 0.5;
    });
    cmp_ok(scalar @new, '>', 10, 'clients that leave at once');
    my %ends;
    $ends{$_->{status} // 'none'}++ for @new;
    diag(map { "$_ x $ends{$_} " } sort keys %ends);
    is($ends{none}, undef, 'each run of them has its end');
}

is($wrong, 0, 'all of it is whole');
my ($records) = $s->get('/metrics') =~ /^kairo_spool_records_total (\d+)/m;
my $all = Kairo::Spool::read($dir);
is($records, $all->{records}, 'the counter says how many records');
my ($bytes) = $s->get('/metrics') =~ /^kairo_spool_written_bytes_total (\d+)/m;
my @files = Kairo::Spool::files($dir);
is($bytes, Kairo::Spool::size($dir) - 48 * @files,
   'and of how many bytes');
is(scalar(grep { ((stat "$dir/$_")[2] & 07777) != 0600 } @files), 0, 'files are for their user alone');
is(join(' ', Kairo::Spool::others($dir)), '', 'and nothing else is there');

$tool->finish;
$s->finish;

done_testing();
