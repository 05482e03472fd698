# Requests of HTTP/2 whose bodies come while they are delayed: nginx keeps what
# comes in that time in a buffer of its own, and it must all reach who reads
# the body in the end.

use strict;
use warnings;

use lib 't/lib';
use Digest::MD5 qw(md5_hex);
use IO::Select;
use IO::Socket::INET;
use Kairo::H2;
use Kairo::Server;
use POSIX ();
use Test::More;
use Time::HiRes qw(sleep time);

# The application: answers with the digest of the body that it was sent.  The
# body itself would be too long: nginx before 1.23.1, when it shuts down, may
# leave an answer behind that takes more than one read.

my $app = IO::Socket::INET->new(Listen => 64, LocalAddr => '127.0.0.1:0')
    or die "listen: $!\n";
my $app_port = $app->sockport;
my $test = $$;
my $app_pid = fork // die "fork: $!\n";

if ($app_pid == 0) {
    $SIG{CHLD} = 'IGNORE';
    my $select = IO::Select->new($app);
    while (getppid == $test) {
        next unless $select->can_read(1);
        my $s = $app->accept or next;
        next if fork;
        my ($head, $body) = ('', '');
        while (my $line = <$s>) {
            last if $line eq "\r\n";
            $head .= $line;
        }
        my ($length) = $head =~ /^Content-Length: (\d+)/mi;
        read $s, $body, $length || 0;
        my $answer = digest($body);
        print $s "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: ",
                 length $answer, "\r\n\r\n$answer";
        POSIX::_exit(0);
    }
    POSIX::_exit(0);
}

# since nginx 1.25.1 HTTP/2 is a directive

my ($major, $minor, $patch) = `$ENV{TEST_NGINX_BINARY} -v 2>&1`
                              =~ m{nginx/(\d+)\.(\d+)\.(\d+)};
my $h2 = $major * 1e6 + $minor * 1e3 + $patch >= 1_025_001
       ? 'listen 127.0.0.1:%%PORT+1%%; http2 on;'
       : 'listen 127.0.0.1:%%PORT+1%% http2;';

my $s = Kairo::Server->new(ports => 2);
my $http = <<END;
    kairo_ratelimit_zone \$arg_k zone=slow:64k rate=1r/s;
    kairo_ratelimit_zone \$arg_k zone=never:64k rate=1r/h;
    kairo_ratelimit_max_delayed 3;
    server {
        listen 127.0.0.1:%%PORT%%;
        location = /up { return 200 up; }
    }
    server {
        $h2
        add_header X-Status \$kairo_ratelimit_status always;
        location / { proxy_pass http://127.0.0.1:$app_port;
                     kairo_ratelimit zone=slow burst=5; }
        location /direct { proxy_pass http://127.0.0.1:$app_port;
                           proxy_request_buffering off;
                           kairo_ratelimit zone=slow burst=5; }
        location /never { proxy_pass http://127.0.0.1:$app_port;
                          kairo_ratelimit zone=never burst=5; }
        location /full { proxy_pass http://127.0.0.1:$app_port;
                         kairo_ratelimit zone=never; }
    }
END
$s->start($http);

# A client whose next request to its path will be delayed: the one that takes
# the room goes out with it.

my $key = 'a';

sub client {
    my ($path) = @_;
    my $c = Kairo::H2->new($s);

    $c->{path} = "$path?k=" . $key++;
    $c->request('GET', $c->{path});
    return $c;
}

sub delayed {
    my ($c) = @_;
    my $line = qr{delaying request.*"POST \Q$c->{path}\E HTTP/2};
    $s->until(sub { $s->log =~ $line }) or diag("$c->{path}: not delayed");
}

sub digest { return length($_[0]) . ' bytes, ' . md5_hex($_[0]) }

# No two places of it are alike, so that nothing can be lost, doubled or moved
# unseen.

sub body {
    my ($size) = @_;
    return substr join('', map { pack 'N', $_ } 1 .. $size / 4 + 1), 0, $size;
}

sub whole {
    my ($c, $id, $body, $name) = @_;
    my $got = $c->answer($id);

    is("$got->{status} " . ($got->{fields}{'x-status'} // ''), '200 DELAYED',
       $name);
    is($got->{body}, digest($body), "$name: the body is whole");
}

{
    my $name = 'a body in one segment with the head';
    my $c = client('/');
    my $id = $c->request('POST', $c->{path}, 'content-length' => 1000);
    $c->data($id, body(1000), 1)->flush;
    whole($c, $id, body(1000), $name);
    $c->close;
}

{
    my $name = 'a body that comes during the delay';
    my $c = client('/');
    my $id = $c->request('POST', $c->{path}, 'content-length' => 1000);
    $c->flush;
    delayed($c);
    $c->data($id, body(1000), 1);
    whole($c, $id, body(1000), $name);
    $c->close;
}

{
    my $name = 'a body in many frames during the delay';
    my $c = client('/');
    my $id = $c->request('POST', $c->{path});
    $c->flush;
    delayed($c);
    for my $part (unpack '(a2000)*', body(20_000)) {
        $c->data($id, $part)->flush;
        sleep 0.02;
    }
    $c->data($id, '', 1);
    whole($c, $id, body(20_000), $name);
    $c->close;
}

# nginx opens the window when it begins to read the body: when the delay ends

{
    my $name = 'a body of which a part comes after the delay';
    my $began = time;
    my $c = client('/');
    my $id = $c->request('POST', $c->{path}, 'content-length' => 20_000);
    $c->data($id, substr body(20_000), 0, 5000)->flush;
    $c->until(sub { $c->seen('WINDOW_UPDATE', $id) });
    my ($opened) = $c->seen('WINDOW_UPDATE', $id);
    cmp_ok(($opened // 0) - $began, '>', 0.9, "$name: not read before");
    $c->data($id, substr(body(20_000), 5000), 1);
    whole($c, $id, body(20_000), $name);
    $c->close;
}

for my $path ('/', '/direct') {
    my $name = "a body larger than the window, $path";
    my $c = client($path);
    my $id = $c->request('POST', $c->{path}, 'content-length' => 300_000);
    $c->data($id, body(300_000), 1)->flush;
    is(length $c->stream_blocked_data($id), 300_000 - 65_536,
       "$name: the rest has to wait");
    whole($c, $id, body(300_000), $name);
    $c->close;
}

# More of them than may wait at a time: each leaves its place to the next.

{
    my $c = Kairo::H2->new($s);
    my $good = 0;

    for (1 .. 4) {
        $c->{path} = '/never?k=' . $key++;
        $c->request('GET', $c->{path});
        my $id = $c->request('POST', $c->{path}, 'content-length' => 1000);
        $c->data($id, body(500))->flush;
        delayed($c);
        $c->reset($id);
        $good += $s->until(sub {
            $s->log('access.log') =~ m{"POST \Q$c->{path}\E HTTP/2.0" 499 } });
    }

    is($good, 4, 'a stream that is reset is waited for no longer');
    my $id = $c->request('POST', '/?k=' . $key++);
    is($c->data($id, 'abc', 1)->answer($id)->{body}, digest('abc'),
       'and its connection goes on');
    $c->close;
}

{
    my $good = 0;

    for (1 .. 4) {
        my $c = client('/never');
        my $id = $c->request('POST', $c->{path}, 'content-length' => 1000);
        $c->data($id, body(500))->flush;
        delayed($c);
        $c->close;
        $good += $s->until(sub {
            $s->log('access.log') =~ m{"POST \Q$c->{path}\E HTTP/2.0" 499 } });
    }

    is($good, 4, 'nor is one whose connection is closed');
}

{
    my $name = 'a stream beside one that is delayed';
    my $c = client('/');
    $c->request('GET', $c->{path});    # two seconds, then
    my $late = $c->request('POST', $c->{path});
    my $soon = $c->request('POST', '/?k=' . $key++);
    my $other = reverse body(10_000);

    for my $at (map { $_ * 1000 } 0 .. 9) {
        $c->data($late, substr(body(10_000), $at, 1000), $at == 9000);
        $c->data($soon, substr($other, $at, 1000), $at == 9000);
    }
    $c->flush;

    whole($c, $late, body(10_000), $name);
    is($c->answer($soon)->{body}, digest($other), "$name: the other's body");
    is(join(' ', grep { $_ == $soon || $_ == $late } $c->closed),
       "$soon $late", "$name: the order");
    $c->close;
}

{
    my $name = 'two that are delayed by one key';
    my $c = client('/');
    my ($one, $two) = map { $c->request('POST', $c->{path}) } 1, 2;
    $c->data($two, body(300), 1)->data($one, body(200), 1)->flush;
    whole($c, $two, body(300), "$name, the second");
    whole($c, $one, body(200), "$name, the first");
    is(join(' ', ($c->closed)[-2, -1]), "$one $two", "$name: the order");
    $c->close;
}

{
    my $name = 'a refusal whose body is still to come';
    my $c = client('/full');
    my $id = $c->request('POST', $c->{path}, 'content-length' => 1000);
    $c->data($id, body(500))->flush;
    is($c->answer($id)->{status}, 429, $name);
    $id = $c->request('POST', '/?k=' . $key++);
    is($c->data($id, 'abc', 1)->answer($id)->{body}, digest('abc'),
       "$name: its connection goes on");
    $c->close;
}

{
    my $name = 'a client that says GOAWAY during the delay';
    my $c = client('/');
    my $id = $c->request('POST', $c->{path});
    $c->data($id, body(500))->flush;
    delayed($c);
    $c->finish;
    $c->data($id, substr(body(1000), 500), 1);
    whole($c, $id, body(1000), $name);
    $c->close;
}

# The old worker sends GOAWAY, and ends when the delayed request is answered.

{
    my $name = 'a reload during the delay';
    my $c = client('/');
    my $id = $c->request('POST', $c->{path}, 'content-length' => 100_000);
    $c->data($id, substr body(100_000), 0, 50_000)->flush;
    delayed($c);
    my ($old) = $s->children;
    kill 'HUP', $s->pid;
    ok($c->until(sub { $c->seen('GOAWAY') }), "$name: GOAWAY");
    $c->data($id, substr(body(100_000), 50_000), 1);
    whole($c, $id, body(100_000), $name);
    $c->until(sub { 0 });
    ok($c->{eof}, "$name: the connection is closed");
    $c->close;
    ok($s->until(sub { !grep { $_ == $old } $s->children }),
       "$name: the old worker ends");

    my $new = client('/');
    is($new->answer($new->request('GET', $new->{path}))->{fields}{'x-status'},
       'DELAYED', "$name: the new worker delays");
    $new->close;
}

kill 'TERM', $app_pid;
waitpid $app_pid, 0;
$s->finish;

done_testing();
