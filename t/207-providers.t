# The examples of docs/auth.md for providers, as they stand there, against a
# provider of npm's on loopback that says it is the one.

use strict;
use warnings;

use File::Path qw(make_path);
use lib 't/lib';
use Kairo::Server;
use Test::More;
use Time::HiRes qw(sleep);

my $root = $ENV{KAIRO_ROOT};
my $modules = modules();

my %block = blocks();

is(join(' ', sort keys %block), 'auth0 okta own supabase',
   'the page has an example for each');

own($block{own});

SKIP: {
    skip 'no node, or npm has no oauth2-mock-server@7', 1 unless $modules;
    provider($_, $block{$_}) for qw(auth0 okta supabase);
}

done_testing();


# The blocks behind the heading "Providers", by the names of their issuers.

sub blocks {
    open my $in, '<', 'docs/auth.md' or die "docs/auth.md: $!\n";
    my ($part) = join('', <$in>) =~ /^## Providers\n(.*?)^## /ms;
    return map { /^kairo_issuer (\w+)/; ($1 => $_) }
           $part =~ /^```nginx\n(.*?)^```/msg;
}


sub own {
    my ($text) = @_;
    my $s = Kairo::Server->new;

    $s->file('hs256.key', 'k' x 40 . "\n");
    $text =~ s{/etc/kairo/}{$s->{dir}/};

    $s->start($text . server('own'));

    my $token = qx(build/kairo token issue --alg HS256 --issuer \\
                   https://app.example.com/ --audience app \\
                   --key $s->{dir}/hs256.key ann);
    chomp $token;

    like($s->get('/', "Authorization: Bearer $token"), qr/own:ann\b/,
         'own: a token of the application');
    is($s->status('/', "Authorization: Bearer ${token}A"), 401,
       'own: a token that was changed');
    $s->finish;
}


sub provider {
    my ($name, $text) = @_;
    my $s = Kairo::Server->new;
    my $port = $s->{port} + 40;

    my ($issuer) = $text =~ /^ +issuer +(\S+);/m;
    my ($audience) = $text =~ /^ +audience +(\S+);/m;
    my ($alg) = $text =~ /^ +algs +(\S+);/m;
    my ($path) = $text =~ m{^ +keys +location=\S+; +\# (/\S+)$}m;

    my $pid = open my $provider, '-|', 'node', 't/lib/provider.cjs', $modules,
        $port, $path, $issuer, $alg, $audience;
    my $line = <$provider> // '';

    unless (is($line, "ready\n", "$name: a provider")) {
        close $provider;
        return;
    }

    $s->start($text . server($name, "location = /_kairo/jwks { internal; "
                             . "proxy_pass http://127.0.0.1:$port$path; }"));

    my $answer = qx(curl -s -d grant_type=client_credentials \\
                    http://127.0.0.1:$port/token);
    my ($token) = $answer =~ /"access_token":"([^"]+)"/;

    my $got = $s->get('/', "Authorization: Bearer $token");
    like($got, qr/\buser=$name:auth0\|ann /, "$name: a token of the provider");
    like($got, qr/roles=Everyone,editor/, "$name: its groups")
        if $name eq 'okta';

    $token =~ s/\.(.)(?=[^.]*$)/'.' . ($1 eq 'A' ? 'B' : 'A')/e;
    is($s->status('/', "Authorization: Bearer $token"), 401,
       "$name: a token that was changed");
    is($s->status('/'), 401, "$name: no token");

    kill 'TERM', $pid;
    close $provider;
    $s->finish;
}


sub server {
    my ($issuer, $more) = @_;
    $more //= '';
    return <<END;
    server {
        listen 127.0.0.1:%%PORT%%;
        location = /up { return 200; }
        $more
        location / {
            kairo_auth required issuer=$issuer;
            add_header X-Who "user=\$kairo_user roles=\$kairo_roles " always;
            empty_gif;
        }
    }
END
}


# Where npm's modules are; fetched once.

sub modules {
    my $prefix = "$root/build/node-provider";
    my $dir = "$prefix/node_modules";
    return unless system('node --version >/dev/null 2>&1') == 0;

    unless (-d "$dir/oauth2-mock-server") {
        return unless system('npm --version >/dev/null 2>&1') == 0;
        make_path($prefix);
        system("timeout 60 npm install --prefix $prefix --no-audit --no-fund "
               . '--no-save --ignore-scripts --fetch-retries=0 '
               . "oauth2-mock-server\@7 >$prefix/log 2>&1") == 0
            or diag("npm has no oauth2-mock-server, see $prefix/log"), return;
    }

    return $dir;
}
