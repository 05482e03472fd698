# What kairo_auth costs a request; see t/bench/auth.

use strict;
use warnings;

use IO::Socket::INET;
use Time::HiRes;

use Bench;

my $root = $ENV{KAIRO_ROOT};
my $made = "$root/build/bench/tokens";
my @algs = qw(HS256 RS256 PS256 ES256 ES384 EdDSA);

system('mkdir', '-p', $made);
system("$root/build/bench/auth", $made, 3000) == 0 or die "no tokens\n";

known();
instructions();
memory();
flood();


sub tokens {
    my ($alg) = @_;
    open my $in, '<', "$made/$alg.tokens" or die "$alg: $!\n";
    chomp(my @tokens = <$in>);
    return @tokens;
}


# Servers as "configure" wants them, for one algorithm.

sub auth {
    my ($alg, %with) = @_;
    my $keys = $alg eq 'HS256' ? "secret=file:$made/secret"
                               : "file=$made/$alg.pem";
    return (%with, http => <<END . ($with{http} || ''));
    kairo_issuer bench {
        issuer https://bench.example/; audience bench; algs $alg; keys $keys;
        roles roles; tier tier; email email verified=email_verified;
    }
    kairo_auth_cache 64k;
END
}


# Round by round, so that a noisy minute hits all alike.

sub known {
    my ($rounds, $seconds) = (7, 2);
    my (%rate, %share);

    for my $round (1 .. $rounds) {
        for my $alg ('none', @algs) {
            my $on = $alg ne 'none';
            configure($on ? auth($alg) : (),
                      location => $on ? 'kairo_auth required issuer=bench;'
                                      : '');
            start();
            my ($token) = tokens($on ? $alg : 'HS256');
            my ($rate, $refused) = wrk($seconds, 16, '-H',
                                       "Authorization: Bearer $token");
            stop();
            die "$alg: $refused refused\n" if $refused;
            push @{$rate{$alg}}, $rate;
            push @{$share{$alg}}, $rate / $rate{none}[-1];
        }
    }

    print "\nrequests a second of a small file, 1 worker, median of $rounds "
        . "rounds\n\n| | requests/s | share of no auth (least to most) |\n"
        . "|---|---|---|\n";

    for my $alg ('none', @algs) {
        my @share = sort { $a <=> $b } @{$share{$alg}};
        printf "| %s | %.0f | %.2f (%.2f to %.2f) |\n",
               $alg eq 'none' ? 'no auth' : "$alg, known", median(@{$rate{$alg}}),
               median(@share), @share[0, -1];
    }
}


sub instructions {
    my $single = 'daemon off; master_process off;';
    my @tokens = tokens('ES256');
    my $field = sub { "Authorization: Bearer $_[0]\r\n" };

    configure(main => $single);
    my $none = callgrind(sub { $field->($tokens[0]) });

    configure(auth('ES256', main => $single),
              location => 'kairo_auth required issuer=bench;');
    my $known = callgrind(sub { $field->($tokens[0]) });
    my $new = callgrind(sub { $field->($tokens[$_[0]]) });

    print "\ninstructions a request, ES256 (callgrind)\n\n| | instructions "
        . "| more than no auth |\n|---|---|---|\n";
    printf "| %s | %.0f | %.0f |\n", @$_, $_->[1] - $none
        for ['no auth', $none], ['known', $known], ['not known', $new];
}


# How many tokens a cache keeps: those that are known when they come again.

sub memory {
    my @tokens = tokens('HS256');
    my $size = 1024 * 1024;

    configure(auth('HS256'), location => 'kairo_auth required issuer=bench;',
              server => 'location = /m { kairo_metrics; }');
    system('sed', '-i', 's/kairo_auth_cache 64k/kairo_auth_cache 1m/',
           "$dir/nginx.conf");
    start();

    my $n = 1000;
    ask($_) for @tokens[0 .. $n - 1];
    my $before = result('known');
    ask($_) for @tokens[0 .. $n - 1];
    my $kept = result('known') - $before;
    stop();

    printf "\nof %d tokens a cache of 1m knows %d when they come again; a "
           . "record has 512 bytes\n", $n, $kept;
}


sub ask {
    my ($token) = @_;
    our $s //= IO::Socket::INET->new(PeerAddr => "127.0.0.1:$port") or die;
    print $s "GET /page HTTP/1.1\r\nHost: localhost\r\n"
           . "Authorization: Bearer $token\r\n\r\n";
    my $got = '';
    while ($got !~ /hello\n\z/) {
        sysread $s, $got, 4096, length $got or die "refused: $got\n";
    }
}


sub result {
    my ($result) = @_;
    my $text = `curl -s http://127.0.0.1:$port/m`;
    my ($n) = $text =~ /kairo_auth_tokens_total\{result="$result"\} (\d+)/;
    return $n;
}


# Forged tokens, each another, from one address; good requests from another.

sub flood {
    my $seconds = 4;
    my ($good) = tokens('RS256');
    my %rate;

    open my $lua, '>', "$made/forged.lua" or die;
    print $lua <<'END';
local n = 0
local head, body
function init(args)
    local f = io.open(args[1]); local t = f:read("*l"); f:close()
    head, body = t:match("^(.*%.)([^.]*)$")
end
function request()
    n = n + 1
    local s = string.format("%08d", n) .. body:sub(9)
    return wrk.format("GET", "/page", { ["X-Real-IP"] = "192.0.2.1",
                      ["Authorization"] = "Bearer " .. head .. s })
end
END
    close $lua;

    for my $kind ('alone', 'flood', 'limit') {
        configure(auth('RS256', http => 'kairo_ratelimit_zone $kairo_client '
                       . 'zone=ip:1m rate=100r/s; set_real_ip_from 127.0.0.1; '
                       . 'real_ip_header X-Real-IP;'),
                  location => ($kind eq 'limit'
                               ? 'kairo_ratelimit zone=ip burst=100000 nodelay;'
                               : '') . 'kairo_auth required issuer=bench;');
        system('sed', '-i', 's/burst=100000/burst=100/', "$dir/nginx.conf");
        start();

        my $pid = $kind eq 'alone' ? 0 : fork;
        if ($kind ne 'alone' && $pid == 0) {
            open STDOUT, '>', '/dev/null';
            exec 'wrk', '-t', 1, '-c', 32, '-d', $seconds + 2, '-s',
                 "$made/forged.lua", "http://127.0.0.1:$port/page", '--',
                 "$made/RS256.tokens";
        }
        select undef, undef, undef, 1;
        $rate{$kind} = paced($good, $seconds);
        waitpid $pid, 0 if $pid;
        stop();
    }

    printf "\ngood requests, 50 a second wanted, during a flood of forged "
           . "RS256 tokens from one address: served %.0f %%, median %.1f ms; "
           . "with a limit of 100r/s an address before auth: %.0f %%, "
           . "%.1f ms; without a flood: %.0f %%, %.1f ms\n",
           map { @{$rate{$_}} } qw(flood limit alone);
}


# 50 requests a second by one connection, each with 20 ms to be answered in.

sub paced {
    my ($token, $seconds) = @_;
    my ($served, @ms) = (0);
    my $n = 50 * $seconds;

    my $s = IO::Socket::INET->new(PeerAddr => "127.0.0.1:$port") or die;
    for my $i (1 .. $n) {
        my $start = Time::HiRes::time();
        print $s "GET /page HTTP/1.1\r\nHost: localhost\r\nX-Real-IP: "
               . "192.0.2.2\r\nAuthorization: Bearer $token\r\n\r\n";
        my $got = '';
        while ($got !~ /hello\n\z/) {
            sysread $s, $got, 4096, length $got or last;
        }
        my $took = Time::HiRes::time() - $start;
        push @ms, 1000 * $took;
        $served++ if $took < 0.02 && $got =~ /hello\n\z/;
        select undef, undef, undef, 0.02 - $took if $took < 0.02;
    }
    return [100 * $served / $n, median(@ms)];
}
