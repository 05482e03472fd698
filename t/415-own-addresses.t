# The machine's own addresses are nothing to fetch from, public as they may be.
# In a network of its own, where it can have any.

use strict;
use warnings;

use lib 't/lib';
use IO::Socket::INET;
use Kairo::Dns;
use Kairo::Server;
use Socket qw(AF_INET AF_INET6 SOCK_DGRAM inet_pton);
use Test::More;

if (!$ENV{KAIRO_OWN_NET}) {
    plan skip_all => 'a network of its own is for root'
        if $> != 0 || system('unshare --net true 2>/dev/null') != 0;
    $ENV{KAIRO_OWN_NET} = 1;
    exec 'unshare', '--net', $^X, '-It/lib', $0 or die "unshare: $!\n";
}

my ($four, $six) = ('198.41.0.4', '2001:503:ba3e::2:30');

# netdevice(7): the flags of an interface, an address, and its network's mask

sub ask {
    my ($family, $what, $bytes) = @_;
    socket my $s, $family, SOCK_DGRAM, 0 or die "socket: $!\n";
    return ioctl $s, $what, $bytes;
}

sub ipv4 { return pack 'a16 S n a4 x8', $_[0], AF_INET, 0,
                       inet_pton(AF_INET, $_[1]) }

ask(AF_INET, 0x8914, pack 'a16 s x22', 'lo', 0x41)
    or plan skip_all => 'no loopback';
ask(AF_INET, 0x8916, ipv4('lo:1', $four))
    && ask(AF_INET, 0x891c, ipv4('lo:1', '255.255.255.255'))
    or plan skip_all => 'no address';
my $has_six = ask(AF_INET6, 0x8916, pack 'a16 L l', inet_pton(AF_INET6, $six),
                                         128, 1);

my $dns = Kairo::Dns->new;
my $s = Kairo::Server->new;
my $port = $s->{port} + 1;

$s->file('html/up.txt', 'up');
$s->file('allow', "$four\n$six\n");
$s->file('deny', "$four\n");
$s->start(<<"END");
    resolver 127.0.0.1:$dns->{port};
    add_header X-Reason \$kairo_reason always;
    add_header X-Addr \$kairo_target_addr always;
    server {
        listen 127.0.0.1:%%PORT%%;
        root html;
        location = /up { return 200 up; }
        kairo_sanitize arg:h type=auto resolve ports=80,443,$port;
        location = /t { try_files /up.txt =404; }
        location = /bare { add_header X-Bare yes; try_files /up.txt =404; }
        location = /nat64 { kairo_sanitize_nat64 64:ff9b::/96;
                            try_files /up.txt =404; }
        location = /allow { kairo_allowlist allow exceptions;
                            try_files /up.txt =404; }
        location = /both { kairo_allowlist allow exceptions;
                           kairo_blocklist deny; try_files /up.txt =404; }
        location = /fetch { kairo_allowlist allow exceptions;
                            proxy_set_header Host \$kairo_target_host;
                            proxy_pass http://\$kairo_target_addr; }
    }
    server {
        listen $four:$port;
        return 200 "this is \$host at \$server_addr";
    }
END

my $names = 0;

sub answers {
    my ($how) = @_;
    my $name = 'n' . ++$names . '.example.org';
    $dns->set($name => $how);
    return $name;
}

sub asks {
    my ($at, $host) = @_;
    my $got = $s->get("/$at?h=$host");
    my ($status) = $got =~ m{^HTTP/1.1 (\d+)};
    return join ' ', $status // 'nothing', $got =~ /"code":"(\w+)"/,
           grep { defined } map { $s->field($got, $_) } qw(X-Addr X-Reason);
}

my $own = '422 target_unresolvable own_address';
my $special = '403 target_special_address own_address';

is(asks('t', answers([$four])), $own, 'its own');
is(asks('t', answers(['198.41.0.5'])), '200 198.41.0.5', 'the next one');
is(asks('t', answers(['198.41.0.5', $four])), $own, 'its own among others');
is(asks('t', "http://$four/"), $special, 'a literal');
is(asks('t', 'http://198.41.0.5/'), '200 198.41.0.5:80',
   'a literal that is not');
is(asks('nat64', answers(['64:ff9b::c629:4'])), $own, 'its own by NAT64');
is(asks('nat64', answers(['64:ff9b::c629:5'])),
   '200 [64:ff9b::c629:5]', 'another by NAT64');
is(asks('allow', answers([$four])), "200 $four", 'an allowlist names it');
is(asks('allow', "http://$four/"), "200 $four:80", 'as a literal too');
is(asks('both', answers([$four])), '422 target_unresolvable listed',
   'a blocklist names it too');

SKIP: {
    skip 'no IPv6', 1 unless $has_six;
    is(asks('t', answers([$six])), $own, 'IPv6: its own');
    is(asks('t', answers(['198.41.0.5', $six])), $own,
       'IPv6: and another of IPv4');
    is(asks('t', "http://[$six]/"), $special, 'IPv6: a literal');
    like(asks('t', answers(['2001:503:ba3e::2:31'])),
         qr/^200 \[2001:503:ba3e::2:31\]$/, 'IPv6: the next one');
    is(asks('allow', answers([$six])), "200 [$six]",
       'IPv6: an allowlist names it');
}

{
    my ($no, $none) = map { $s->get('/bare?h=' . answers($_))
                            =~ s/^Date: .*\r\n//mr } [$four], [];
    is($no, $none, 'as if there were none');

    my $name = answers([$four]);
    like($s->get("/fetch?h=http://$name:$port/"),
         qr/this is \Q$name at $four\E\z/, 'what was judged is asked');
    is($dns->asked($name, 'A'), 1, 'and nobody else for it');
}

$s->finish;
done_testing();
