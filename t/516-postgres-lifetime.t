# lifetime: a connection is replaced when it is old, while requests go on, and
# the next one is looked at anew: its role, and the partitions.

use strict;
use warnings;

use lib 't/lib';
use Kairo::Postgres;
use Kairo::Provider;
use Kairo::Server;
use Kairo::Token qw(secret token);
use Test::More;
use Time::HiRes qw(sleep time);

my $key = secret('k' x 40);
my $pg = Kairo::Postgres->new;
my $app = Kairo::Provider->new->answer(echo => 1);
my $s = Kairo::Server->new(workers => 2);

$s->file('key', 'k' x 40);
$s->start(<<END);
kairo_issuer app {
    issuer https://a.example/; audience x; algs HS256;
    keys secret=file:$s->{dir}/key;
}
kairo_postgres main file:$pg->{dir}/edge.conninfo lifetime=1s connections=2;
server {
    listen 127.0.0.1:%%PORT%%;
    location /up { return 200; }
    location /metrics { kairo_metrics; }
    location / {
        kairo_auth required issuer=app;
        kairo_tier postgres=main default=free;
        proxy_pass http://127.0.0.1:$app->{port};
    }
}
END

my $field = 'Authorization: Bearer ' . token($key, claims => {
    iss => 'https://a.example/', aud => 'x', sub => 'ann' });

sub metric {
    my ($name) = @_;
    return $s->get('/metrics') =~ /^kairo_postgres_\Q$name\E (\d+)$/m ? $1 : -1;
}

sub made { metric('connections_total{database="main",result="made"}') }

ok($s->until(sub { made() >= 4 }), 'two workers have two connections each');

my %first = map { $_ => 1 } $pg->backends('edge');
my ($asked, $good, $most) = (0, 0, 0);
my $end = time + 60;

# three times as many as there were, so that each was replaced

while (time < $end && made() < 12) {
    $asked++;
    $good++ if $s->status('/', $field) == 200;
    my @now = $pg->backends('edge');
    $most = @now if @now > $most;
}

cmp_ok(made(), '>=', 12, 'they are replaced');
cmp_ok($asked, '>', 50, "while $asked requests come");
is($good, $asked, 'each of which gets its answer');
is(scalar(grep { $first{$_} } $pg->backends('edge')), 0,
   'none of the first ones is left');

# one that ends may still be there when the next one is

cmp_ok($most, '<=', 8, 'and there are no more than there were');
is(metric('calls_total{database="main",result="lost"}'), 0, 'nothing is lost');
unlike($s->log, qr/lost a connection|\[(?:alert|emerg|crit)\]/,
       'and nobody is told of it');

# what a role may has changed meanwhile

$pg->sql('grant select on kairo.users to kairo_edge');
ok($s->until(sub { $s->status('/', $field) == 503 }),
   'a right too much is noticed when the next one is made');
like($s->log, qr/can't be used: .*: revoke select on kairo\.users from kairo_edge/,
     'and told');
$pg->sql('revoke select on kairo.users from kairo_edge');
ok($s->until(sub { $s->status('/', $field) == 200 }), 'and so is its end');

# a partition that is gone is made again

my $last = $pg->sql(<<'END');
select relname from pg_class where relname like 'usage\_events\_2%'
and relkind = 'r' order by relname desc limit 1
END
chomp $last;
$pg->sql("drop table kairo.$last");
ok($s->until(sub { $pg->sql("select to_regclass('kairo.$last')") =~ /$last/ }),
   'a partition that is missing is there again');

$s->finish;
done_testing();
