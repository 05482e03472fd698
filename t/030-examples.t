# Each file of conf.examples/ is loaded as it stands, but for addresses and
# paths of a machine, and does what its first line says.

use strict;
use warnings;

use lib 't/lib';
use Kairo::Server;
use Test::More;

# started EXAMPLE: a server with its http {} and an application behind it.

sub started {
    my ($example, $file, $content) = @_;
    my $s = Kairo::Server->new;
    my $app = $s->{port} + 20;

    open my $in, '<', "conf.examples/$example.conf" or die "$example: $!\n";
    my $text = join '', <$in>;
    my ($http) = $text =~ /^http \{\n(.*)^\}/ms;

    $http =~ s/listen +8080;/listen 127.0.0.1:%%PORT%%; location = \/up { return 200; }/
        or die "$example has no listen 8080\n";
    $http =~ s/127\.0\.0\.1:9000/127.0.0.1:$app/;
    $http =~ s{/var/log/nginx/}{};
    $http =~ s{/etc/kairo/}{$s->{dir}/};
    $http =~ s/set_real_ip_from +10\.0\.0\.0/set_real_ip_from 127.0.0.0/;

    if ($file) {
        open my $out, '>', "$s->{dir}/$file" or die "$file: $!\n";
        print $out $content;
    }

    $s->start($http . <<END);
    server { listen 127.0.0.1:$app; location / { return 200 "app\\n"; } }
END
    return $s;
}

sub statuses {
    my ($s, @requests) = @_;
    return join ' ', map { $s->status(ref $_ ? @$_ : $_) } @requests;
}

{
    my $s = started('public-api');
    my @burst = map { ['/v1/', 'X-Forwarded-For: 2001:db8:1:100::1'] } 1 .. 30;
    like(statuses($s, @burst), qr/^(200 ){20,}.*429/, 'public-api: a /64');
    is($s->status('/v1/', 'X-Forwarded-For: 2001:db8:1:101::1'), 200,
       'public-api: its neighbour');
    like($s->get('/metrics'), qr/zone="customer",result="passed"/,
         'public-api: metrics');
    $s->finish;
}

{
    my $s = started('plans');
    my @ann = map { ['/v1/x', 'X-Api-Key: key-ann'] } 1 .. 15;
    my @bob = map { ['/v1/x', 'X-Api-Key: key-bob'] } 1 .. 15;
    like(statuses($s, @ann), qr/^(200 ){11,}.*429/, 'plans: free is limited');
    unlike(statuses($s, @bob), qr/429/, 'plans: pro is not');
    like($s->get('/v1/search', 'X-Api-Key: key-bob'),
         qr/RateLimit: "plan";r=\d+;t=\d+/, 'plans: told on a pass');
    is(statuses($s, map { '/v1/search' } 1 .. 3), '200 200 429',
       'plans: a search weighs five');
    $s->finish;
}

{
    my $s = started('login');
    is(statuses($s, map { "/login?account=a$_" } 1 .. 6),
       '200 200 200 200 200 429', 'login: five tries');
    is($s->status('/'), 200, 'login: the rest is free');
    $s->finish;
}

{
    my $s = started('exports');
    is(statuses($s, ('/export/1') x 4), '200 200 200 429', 'exports: three');
    is($s->status('/report/1'), 200, 'exports: reports apart');
    is(statuses($s, ('/') x 5), '200 200 200 200 200', 'exports: off');
    $s->finish;
}

{
    my $s = started('from-limit-req');
    is(statuses($s, ('/search/') x 8), join(' ', (200) x 8),
       'from-limit-req: a dry run');
    ok($s->until(sub {
        open my $in, '<', "$s->{dir}/access.log" or return;
        join('', <$in>) =~ /REJECTED_DRY_RUN/;
    }), 'from-limit-req: that tells what it would do');
    $s->finish;
}

{
    my $s = started('identity', 'hs256.key', 'x' x 32);
    my $token = sub {
        my $claims = shift;
        my @command = ('build/kairo', 'token', 'issue', '--alg', 'HS256',
                       '--key', "$s->{dir}/hs256.key", '--audience', 'app-api',
                       '--issuer', 'https://auth.example.com/', $claims);
        open my $in, '-|', @command or die "$command[0]: $!\n";
        chomp(my $t = <$in>);
        return $t;
    };
    my $ann = 'Authorization: Bearer ' . $token->('ann');
    my $pro = 'Authorization: Bearer ' . $token->('{"sub":"bob","tier":"pro"}');
    is($s->status('/v1/'), 401, 'identity: nobody');
    is($s->status('/'), 200, 'identity: open to all');
    like(statuses($s, map { ['/v1/', $ann] } 1 .. 25),
         qr/^(200 ){21,}.*429/, 'identity: the rate of who pays nothing');
    unlike(statuses($s, map { ['/v1/', $pro] } 1 .. 20), qr/429/,
           'identity: and of who does');
    (my $cookie = $pro) =~ s/Authorization: Bearer /Cookie: session=/;
    is($s->status('/v1/', $cookie), 200, 'identity: a cookie');
    $s->finish;
}

my %tested = map { $_ => 1 } qw(public-api plans login exports from-limit-req
                                identity demo fetch fetch-hints
                                subscriptions tools);
is(join(' ', grep { !$tested{$_} } map { m{([^/]+)\.conf$} }
                                   glob 'conf.examples/*.conf'),
   '', 'every example is tested here, by scripts/run --check, t/414, t/515 or t/605');

done_testing();
