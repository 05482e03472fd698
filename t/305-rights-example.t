# The example of docs/rights.md, "A small product", as it stands there but for
# addresses and paths of a machine; and its table, each field of it.

use strict;
use warnings;

use lib 't/lib';
use Kairo::Provider;
use Kairo::Server;
use Kairo::Token qw(secret token);
use Test::More;

my ($text, $table) = example();

like($text, qr/^env KAIRO_ADMINS;\n\nhttp \{\n/, 'the page has an example');

my $key = secret('k' x 40);
my $app = Kairo::Provider->new->answer(echo => 1);

# Who asks, as the table calls them.

my $iss = 'https://auth.example.com/';

my %who = (
    'no token'                   => undef,
    'a user'                     => { },
    'a user with `"tier": "pro"`' => { tier => 'pro' },
    '`"roles": ["support"]`'     => { roles => ['support'] },
    '`"roles": ["manager"]`'     => { roles => ['manager'] },
    'the founder'                => { email => 'founder@example.com',
                                      email_verified => JSON::PP::true },
);

my ($head, $line, @rows) = map { [/\|\s*([^|]*?)\s*(?=\|)/g] }
                           split /\n/, $table;
my @places = @{$head}[1 .. $#$head];

is(join(' ', @places), '/free/ /paid/ /orders/ /orders/refund /admin/',
   'the table is about all of its locations');
is(join(', ', sort map { $_->[0] } @rows), join(', ', sort keys %who),
   'and about all of its people');

{
    local $ENV{KAIRO_ADMINS};
    delete $ENV{KAIRO_ADMINS};
    my $s = started();

    for my $row (@rows) {
        my ($who, @expected) = @$row;
        is($s->status($places[$_], field($who{$who})), $expected[$_],
           "$who: $places[$_]") for 0 .. $#places;
    }

    # what stands beside the table

    my $got = $s->get('/paid/', field($who{'a user'}));
    like($got, qr{"upgrade":"https://www\.example\.com/pricing"\}},
         'who has not paid is told where to');
    like($s->get('/paid/', field($who{'the founder'})),
         qr/^X-Admin-Run: 1\r$/m, 'the founder\'s run is flagged');
    unlike($s->get('/paid/', field({ tier => 'pro' }), 'X-Admin-Run: 1'),
           qr/^X-Admin-Run/m, 'and nobody else\'s');

    # "founder" is an administrator by an e-mail that is verified

    is($s->status('/admin/', field({ email => 'founder@example.com' })), 403,
       'an address that is not verified');
    is($s->status('/free/', field({ exp => time + 50_000 })), 401,
       'a token for longer than 12 hours');

    # one who leaves

    my $user = field({ sub => 'gone', tier => 'pro' });
    is($s->status('/paid/', $user), 200, 'a user, before');
    my @post = ('POST', '/admin/revoke', '{"subject":"gone"}',
                'Content-Type: application/json');
    is(status($s->ask(@post, $user)), 403, 'who can\'t revoke');
    is(status($s->ask(@post)), 401, 'nor can nobody');
    is(status($s->ask(@post, field($who{'the founder'}))), 200,
       'whom the founder revokes');
    is($s->status('/paid/', $user), 401, 'and who is gone');
    is($s->status('/free/', field({ sub => 'here' })), 200, 'others are not');
    ok(-s "$s->{dir}/revoked", 'which is kept');
    $s->finish;
}

{
    local $ENV{KAIRO_ADMINS} = 'ann@example.com';
    my $s = started();
    is($s->status('/admin/', field($who{'the founder'})), 403,
       'the environment: the founder is none');
    is($s->status('/admin/', field({ email => 'ann@example.com',
                                     email_verified => JSON::PP::true })), 200,
       'the environment: ann is one');
    $s->finish;
}

done_testing();


# The first example of the page, and the table beneath it.

sub example {
    open my $in, '<', 'docs/rights.md' or die "docs/rights.md: $!\n";
    my ($part) = join('', <$in>) =~ /^## A small product\n(.*?)^## /ms;
    return $part =~ /^```nginx\n(.*?)^```\n+(\|.*\|\n)$/ms;
}


sub started {
    my ($main, $http) = $text =~ /\A(.*)^http \{\n(.*)^\}\n\z/ms;
    my $s = Kairo::Server->new(main => $main);

    $s->file('hs256.key', 'k' x 40 . "\n");

    $http =~ s/listen 8080;/listen 127.0.0.1:%%PORT%%;
               location = \/up { kairo_auth off; return 200; }/
        or die "the example has no listen 8080\n";
    $http =~ s{/etc/kairo/}{$s->{dir}/} or die "no key\n";
    $http =~ s{/var/lib/kairo/}{$s->{dir}/} or die "no revocations\n";

    return $s->start($http . "upstream app { server "
                     . "127.0.0.1:$app->{port}; }\n");
}


sub field {
    my ($claims) = @_;
    return () unless $claims;
    return 'Authorization: Bearer '
           . token($key, claims => { iss => $iss, aud => 'kairo-api',
                                     %$claims });
}


sub status { return $_[0] =~ m{^HTTP/1.1 (\d+)} ? $1 : 0 }
