# conf.examples/tools.conf as it stands, but for addresses and paths of a
# machine: each run is a row, and so is what was refused; and those of the time
# when the database was away come when it is back.

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
    founder => { sub => 'fay', email => 'founder@example.com',
                 email_verified => JSON::PP::true },
);

sub field {
    my ($who) = @_;
    return 'Authorization: Bearer ' . token($key, claims => {
        iss => 'https://auth.example.com/', aud => 'my-api', %{$who{$who}} });
}

# rows WHERE: kind, tool, subject, admin and status of each, by their ids

sub rows {
    my ($where) = @_;
    return $pg->sql('select kind, tool, subject, admin, status '
                    . "from kairo.history where $where order by event_id",
                    'auditor');
}

sub becomes {
    my ($where, $rows, $name) = @_;
    $s->until(sub { rows($where) eq $rows });
    is(rows($where), $rows, $name);
}

my ($id) = $s->get('/tools/seo/x', field('ann'))
           =~ /^X-Kairo-Event-Id: (\S+)\r$/mi;
like($id, qr/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab]/,
     'the client is told the id of its run');
like($s->get('/tools/seo/x', field('founder')),
     qr/\n\r?\n.*^x-kairo-event-id: \S+\r?$/msi, 'and so is the application');

becomes("kind = 'run'", "run|seo|ann|f|200\nrun|seo|fay|t|200",
        'each run is a row, and an administrator\'s is flagged');
becomes("event_id = '$id'", 'run|seo|ann|f|200', 'with that id');

$s->get('/export/?format=csv', field('ann'));
becomes("kind = 'export'", 'export||ann|f|200', 'an event of another kind');
is($pg->sql("select details from kairo.history where kind = 'export'",
            'auditor'), '{"format": "csv"}', 'has its details');

is($s->status('/tools/seo/'), 401, 'who is not known is refused');
becomes("kind = 'refused'", 'refused|||f|401', 'which is a row too');
is($pg->sql("select details->>'layer' from kairo.history "
            . "where kind = 'refused'", 'auditor'), 'auth', 'and tells why');

$pg->stop('immediate');
is(join(' ', map { $s->status('/tools/preview/', field('ann')) } 1 .. 5),
   '200 200 200 200 200', 'without a database tools run');
$pg->start;
becomes("tool = 'preview'", join("\n", ('run|preview|ann|f|200') x 5),
        'and those runs are rows when it is back');

$s->finish;
done_testing();

sub started {
    my $s = Kairo::Server->new;

    open my $in, '<', 'conf.examples/tools.conf' or die "$!\n";
    my $text = join '', <$in>;
    my ($http) = $text =~ /^http \{\n(.*)^\}/ms;

    $http =~ s/listen +8080;/listen 127.0.0.1:%%PORT%%; location = \/up { return 200; }/
        or die "no listen 8080\n";
    $http =~ s/127\.0\.0\.1:9000/127.0.0.1:$app->{port}/;
    $http =~ s{/etc/kairo/edge}{$pg->{dir}/edge};
    $http =~ s{/etc/kairo/}{$s->{dir}/};
    $http =~ s{/var/spool/kairo}{spool};
    $s->file('hs256.key', 'k' x 40);
    return $s->start($http);
}
