# conf.examples/subscriptions.conf as it stands, but for addresses and paths of
# a machine: who has bought, who has not, the founder; and all of them while the
# database is away.

use strict;
use warnings;

use lib 't/lib';
use Kairo::Postgres;
use Kairo::Provider;
use Kairo::Server;
use Kairo::Token qw(secret token);
use Test::More;

my $key = secret('k' x 40);
my $pg = Kairo::Postgres->new;
my $app = Kairo::Provider->new->answer(echo => 1);
my $s = started();

my %who = (
    ann     => { sub => 'ann' },
    bob     => { sub => 'bob', tier => 'pro' },
    founder => { sub => 'fay', email => 'founder@example.com',
                 email_verified => JSON::PP::true },
);

sub field {
    my ($who) = @_;
    return 'Authorization: Bearer ' . token($key, claims => {
        iss => 'https://auth.example.com/', aud => 'my-api', %{$who{$who}} });
}

sub statuses { join ' ', map { $s->status($_[0], field($_)) } sort keys %who }

is(statuses('/free/'), '200 200 200', 'all are let in where it is free');
is(statuses('/reports/'), '402 402 200',
   'nobody has bought anything, whatever a token says');
like($s->get('/reports/', field('ann')), qr{"upgrade":"https://www\.example},
     'and is told where to');

$pg->sql(<<'END', 'server');
insert into kairo.entitlements (user_id, plan, source)
select user_id, 'pro', 'test' from kairo.users where subject = 'ann';
END
is(statuses('/reports/'), '200 402 200', 'who has bought is let in at once');
like($s->get('/free/', field('ann')), qr/^x-kairo-tier: pro\r?$/mi,
     'and the application told');

$pg->sql("update kairo.users set blocked = true where subject = 'bob'",
         'server');
is(statuses('/free/'), '200 403 200', 'who is blocked is not');

$pg->stop('immediate');
is(statuses('/reports/'), '503 503 503', 'without a database nobody is');
is(statuses('/free/'), '200 200 200', 'but where that is allowed');
like($s->get('/free/', field('ann')), qr/^x-kairo-tier: free\r?$/mi,
     'with the tier that needs no database');

$pg->start;
ok($s->until(sub { statuses('/reports/') eq '200 403 200' }),
   'and all is as it was when it comes back');
like($s->get('/metrics'), qr/^kairo_postgres_up\{database="main"\} 1$/m,
     'which the metrics tell');

$s->finish;
done_testing();

sub started {
    my $s = Kairo::Server->new;

    open my $in, '<', 'conf.examples/subscriptions.conf' or die "$!\n";
    my $text = join '', <$in>;
    my ($http) = $text =~ /^http \{\n(.*)^\}/ms;

    $http =~ s/listen +8080;/listen 127.0.0.1:%%PORT%%; location = \/up { kairo_auth off; kairo_tier token; return 200; }/
        or die "no listen 8080\n";
    $http =~ s/127\.0\.0\.1:9000/127.0.0.1:$app->{port}/;
    $http =~ s{/etc/kairo/edge}{$pg->{dir}/edge};
    $http =~ s{/etc/kairo/}{$s->{dir}/};
    $s->file('hs256.key', 'k' x 40);
    return $s->start($http);
}
