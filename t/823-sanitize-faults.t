# Each allocation of the module fails once, in requests with a target that is
# refused and in those that pass, while names are looked up and while a list is
# read anew: no failure lets a target through, no tool is told another one, and
# no worker dies.

use strict;
use warnings;

use lib 't/lib';
use Kairo::Dns;
use Kairo::Provider;
use Kairo::Server;
use Test::More;
use Time::HiRes qw(sleep time);

plan(skip_all => 'needs a build whose allocations can fail')
    unless $ENV{KAIRO_FAULT};

my $most = 60;
my $dns = Kairo::Dns->new;
my $tool = Kairo::Provider->new->answer(echo => 1);
my $s = Kairo::Server->new;

sub tool { return "proxy_pass http://127.0.0.1:$tool->{port};" }

# names that nobody has asked for yet, one for each fault

$dns->set(map {
    ("good$_.example.com" => ['8.8.8.8', '2606:4700::1111'],
     "more$_.example.com" => ['8.8.4.4'],
     "bad$_.example.com"  => ['8.8.8.8', '10.0.0.1'])
} 0 .. $most);

$s->file('html/t', 'content');
$s->file('html/page', 'page');
$s->file('deny', "denied.example.com\n");
$s->file('names', "named.example.com\n192.168.0.0/16\n");
$s->start(<<END);
    resolver 127.0.0.1:$dns->{port};
    server {
        listen 127.0.0.1:%%PORT%%;
        root html;
        location = /up { return 200 up; }
        location = /arg { kairo_sanitize arg:url type=auto; @{[tool()]} }
        location = /header { kairo_sanitize header:X-Target type=auto;
                             @{[tool()]} }
        location = /cookie { kairo_sanitize cookie:url type=auto;
                             @{[tool()]} }
        location ~ ^/capture/(?<target>.*)\$ {
            kairo_sanitize capture:target type=auto; @{[tool()]} }
        location = /need { kairo_sanitize json:url type=auto required;
                           @{[tool()]} }
        location = /form { kairo_sanitize form:url type=auto; @{[tool()]} }
        location = /multi { kairo_sanitize multipart:url type=auto;
                            @{[tool()]} }
        location = /json { kairo_sanitize json:\$.target.url type=auto;
                           @{[tool()]} }
        location = /file { client_body_in_file_only clean;
                           kairo_sanitize json:url type=auto; @{[tool()]} }
        location = /page { kairo_sanitize arg:url type=auto;
                           error_page 403 400 /page.html; @{[tool()]} }
        location = /led { try_files /none /arg?\$args; }
        location = /twice { kairo_sanitize arg:a type=auto;
                            try_files /none /arg?\$args; }
        location = /resolve { kairo_sanitize arg:url type=auto resolve
                                             duplicates=allow; @{[tool()]} }
        location = /dry { kairo_sanitize arg:url type=auto resolve;
                          kairo_sanitize form:url type=auto resolve;
                          kairo_sanitize_dry_run on; @{[tool()]} }
        location = /lists { kairo_sanitize arg:url type=auto;
                            kairo_blocklist deny;
                            kairo_allowlist names exceptions; @{[tool()]} }
    }
END

my @forged = ('Before: 1', 'X-Kairo-Target-Host: forged.test', 'After: 1',
              'X_Kairo_Target_Addr: forged.test', 'Accept: */*');

sub code { return $_[0] =~ m{^HTTP/1.1 (\d+)} ? $1 : 0 }

sub faults { return scalar(() = $s->log =~ /kairo fault:/g) }

# with_faults NAME, LEAST, CHECK, METHOD, PATH, BODY, FIELD...: a request for
# each allocation, until there are no more; "%n" is of this one.

sub with_faults {
    my ($name, $least, $check, $method, $path, $body, @fields) = @_;
    my ($fired, $wrong, %seen) = (0, 0);
    for my $n (1 .. $most) {
        my $before = faults();
        my $got = $s->ask($method, $path =~ s/%n/$n/gr, $body, "Fault: $n",
                          @forged, @fields);
        $seen{code($got)}++;
        $check->($got, $n) or $wrong++, diag("$name, fault $n: $got");
        last if faults() == $before;
        $fired++;
    }
    diag("$name: $fired faults, ", join ', ', map { "$seen{$_} x $_" }
                                              sort keys %seen);
    cmp_ok($fired, '>=', $least, "$name: allocations did fail");
    cmp_ok($fired, '<', $most, "$name: all of them");
    is($wrong, 0, "$name: and nothing came through");
}

# No tool has seen it.

sub stays_out { return code($_[0]) >= 400 && $_[0] !~ m{^\w+ /\S* HTTP/}m }

# The tool has seen it, and is told what it is to be, or it has not.

sub told {
    my ($host, $addr) = @_;
    return sub {
        my ($got, $n) = @_;
        return code($got) >= 400 unless code($got) == 200;
        my $wanted = $host =~ s/%n/$n/r;
        my @told = sort map { s/\r$//r } grep { /^x.kairo/i }
                   split /\n/, (split /\r\n\r\n/, $got, 2)[1];
        my @wanted = sort "X-Kairo-Target-Host: $wanted",
                          $addr ? "X-Kairo-Target-Addr: $addr" : ();
        return "@told" eq "@wanted";
    };
}

# All that a request has, with "TARGET" for the target.

my $form = 'Content-Type: application/x-www-form-urlencoded';
my $json = 'Content-Type: application/json';
my $multi = 'Content-Type: multipart/form-data; boundary=B';
my $pad = 'x' x 4000;
my @places = (
    ['a query', 3, 'GET', '/arg?a=b&url=TARGET'],
    ['a field', 2, 'GET', '/header', undef, 'X-Target: TARGET'],
    ['a cookie', 2, 'GET', '/cookie', undef, 'Cookie: a=b; url=TARGET'],
    ['a capture', 2, 'GET', '/capture/TARGET'],
    ['a form', 3, 'POST', '/form', 'a=b&url=TARGET', $form],
    ['parts', 2, 'POST', '/multi', "--B\r\nContent-Disposition: form-data; "
     . "name=\"url\"\r\n\r\nTARGET\r\n--B--\r\n", $multi],
    ['JSON', 2, 'POST', '/json', '{"target":{"url":"TARGET"}}', $json],
    ['JSON in a file', 3, 'POST', '/file', '{"url":"TARGET"}', $json],
    ['much JSON', 3, 'POST', '/file', "{\"p\":\"$pad\",\"url\":\"TARGET\"}",
     $json],
    ['who is led on', 3, 'GET', '/led?url=TARGET'],
    ['who is told twice', 8, 'GET', '/twice?a=a.com&url=TARGET'],
);

for my $place (@places) {
    my ($name, $least, @request) = @$place;
    for my $target ('10.0.0.1', 'localhost', 'a@b') {
        my @bad = map { defined && s/TARGET/$target/r } @request;
        ok(stays_out($s->ask(@bad)), "$name, $target: is refused");
        with_faults("$name, $target", $least, \&stays_out, @bad);
    }
    my @good = map { defined && s/TARGET/example.com/r } @request;
    with_faults("$name, a good one", $least, told('example.com'), @good);
}

with_faults('a body that is missing', 1, \&stays_out, 'POST', '/need');
with_faults('another body', 1, \&stays_out, 'POST', '/need', 'x', $form);
with_faults('no JSON', 1, \&stays_out, 'POST', '/need', '{', $json);
with_faults('an error page', 2, sub { code($_[0]) >= 400 }, 'GET',
            '/page?url=10.0.0.1');

# names: those that wait for an answer, and those that nginx knows

for my $time ('at first', 'known') {
    with_faults("a bad name, $time", 4, \&stays_out, 'GET',
                '/resolve?url=bad%n.example.com');
    with_faults("a bad name behind a good one, $time", 6, \&stays_out, 'GET',
                '/resolve?url=more%n.example.com&url=bad%n.example.com');
    with_faults("a good name, $time", 6, told('good%n.example.com', '8.8.8.8'),
                'GET', '/resolve?url=good%n.example.com');
}
with_faults('no name', 4, \&stays_out, 'GET',
            '/resolve?url=none%n.example.com');

# a dry run passes them all, and no tool is told a part

for my $path ('/dry?url=10.0.0.1', '/dry?url=bad0.example.com',
              '/dry?url=a.com&url=b.com')
{
    with_faults("dry run, $path", 3, sub {
        my ($got) = @_;
        return code($got) >= 400 || $got !~ /^x.kairo/mi;
    }, 'GET', $path);
}
with_faults('dry run, a good name', 6, sub {
    my ($got) = @_;
    my @told = $got =~ /^(x.kairo[^\r\n]*)/mig;
    return code($got) >= 400 || @told == 0
           || "@told" =~ /^X-Kairo-Target-Host:\ good0\.example\.com
                          \ X-Kairo-Target-Addr:\ 8\.8\.8\.8$/x;
}, 'GET', '/dry?url=good0.example.com');

# a list that is read anew: the old one or the new one is in force, and the new
# one in the end, by itself

{
    my ($fired, $wrong) = (0, 0);
    my $said = sub { return code($s->get("/lists?url=$_[0]")) };

    # what is asked would begin to count anew, so that the log is looked at

    my $read = sub {
        return scalar(() = $s->log =~ m{/deny" is read anew}g);
    };
    for my $n (1 .. 30) {
        my ($before, $faults) = ($read->(), faults());
        $s->get('/up', "Fault: $n");
        $s->file('deny.new', join "\n", 'denied.example.com',
                 "new$n.example.com", '8.8.8.0/24', '~ads[0-9]+\.com',
                 map { "name$_.example.com" } 1 .. 100);
        rename "$s->{dir}/deny.new", "$s->{dir}/deny";
        $s->until(sub { $read->() > $before || faults() > $faults });
        my $fault = faults() > $faults;
        $wrong++ if $said->('denied.example.com') != 403
                    || $said->('10.0.0.1') != 403
                    || $said->('192.168.0.1') != 200;
        $s->until(sub { $read->() > $before });
        $wrong++ if grep { $said->($_) != 403 } "new$n.example.com",
                    'denied.example.com', '8.8.8.8', 'ads1.com';
        diag("a list, fault $n: $wrong wrong") if $wrong;
        last unless $fault;
        $fired++;
    }
    diag("a list: $fired faults");
    cmp_ok($fired, '>', 6, 'a list: allocations did fail');
    cmp_ok($fired, '<', 30, 'a list: all of them');
    is($wrong, 0, 'a list: and it is in force in the end');
}

is(code($s->get('/arg?url=example.com')), 200, 'the worker is well');
$s->not_logged(qr/exited on signal/, 'and none has died');
$s->finish;

done_testing();
