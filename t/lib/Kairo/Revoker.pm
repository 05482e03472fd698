package Kairo::Revoker;

# A server with a file of revocations, who may revoke, and whom it is about:
# what the tests of revocations share.

use strict;
use warnings;

use Exporter 'import';
use Kairo::Revoked qw(lines);
use Kairo::Server;
use Kairo::Token qw(secret token json);
use Test::More;
use Time::HiRes qw(sleep time);

our @EXPORT = qw($s $workers $admin $in $out server http user bearer code
                 revoke told answer everywhere these becomes text metric kept
                 up begin restart refused slurp upgrade ends);

my $secret = secret('s' x 64);
our $admin = token($secret, claims => { sub => 'root', exp => time() + 3000 });
our $workers = 2;
our $s;

# A server of its own for each part, whose file is "revoked".

sub server {
    my (%with) = @_;
    $s = Kairo::Server->new(workers => $workers, %with);
    $s->file('secret', 's' x 64);
    $s->file('html/t', 'content');
    return $s;
}

sub http {
    my ($size) = @_;
    $size = $size ? "size=$size" : '';
    return <<END;
    kairo_issuer app { issuer https://issuer.test/; audience api;
                       algs HS256; keys secret=file:secret;
                       max_lifetime 1h; }
    kairo_admins subject:root;
    kairo_revocations revoked $size;
    client_header_timeout 30s;
    server {
        listen 127.0.0.1:%%PORT%% reuseport;
        root html;
        add_header X-Pid \$pid always;
        add_header X-Reason \$kairo_auth_reason always;
        location = /up { return 200 up; }
        location = /metrics { kairo_metrics; }
        location = /t { kairo_auth required issuer=app; }
        location = /revoke { kairo_auth required issuer=app; kairo_revoke; }
    }
END
}

my %token;

sub user {
    my ($jti) = @_;
    $token{$jti} //= token($secret, claims => { jti => $jti,
                                                exp => int(time) + 3000 });
    return $token{$jti};
}

sub bearer { return "Authorization: Bearer $_[0]" }

sub code { return $_[0] =~ m{^HTTP/1.1 (\d+)} ? $1 : 0 }

# revoke NAME => VALUE...: the status, and the code of a problem.

sub revoke {
    my (%what) = @_;
    my $got = $s->ask('POST', '/revoke', json(\%what), bearer($admin),
                      'Content-Type: application/json');
    return told($got);
}

sub told {
    my ($got) = @_;
    my ($code) = $got =~ /"code":"(\w+)"/;
    return join ' ', code($got), $code // ();
}

# What a worker, and what all of them say about a token.

sub answer {
    my ($jti) = @_;
    my $got = $s->get('/t', bearer(user($jti)));
    my $reason = $s->field($got, 'X-Reason') // '';
    return (join(' ', code($got), $reason eq '' ? () : $reason),
            $s->field($got, 'X-Pid') // 0);
}

sub everywhere {
    my ($jti) = @_;
    my (%by, %said);
    $s->until(sub {
        my ($said, $pid) = answer($jti);
        $by{$pid}++;
        $said{$said}++;
        return keys %by >= $workers;
    });
    return join ' | ', sort keys %said;
}

# these JTI...: all that all of them are, of several tokens.

sub these { my %said = map { $_ => 1 } map { everywhere($_) } @_;
            return join ' | ', sort keys %said }

sub becomes {
    my ($jti, $want) = @_;
    $s->until(sub { everywhere($jti) eq $want });
    return everywhere($jti);
}

our $in = '200';
our $out = '401 revoked';

sub text { return $s->log('revoked') }

sub metric {
    my ($state) = @_;
    my ($n) = $s->get('/metrics') =~ /^kairo_revocations\{state="$state"\} (\d+)/m;
    return $n;
}

sub kept { return scalar(my @all = lines(text())) }

sub up { return $s->until(sub { $s->pid && $s->get('/up') }) }

# starts with the file and configuration that are there

sub begin {
    my $out = qx(@{[ $s->command ]} 2>&1);
    return $? == 0 && up() || diag($out) && 0;
}

sub restart { return $s->stop && begin() }

# refused PATTERN, NAME: it does not start, and says why.

sub refused {
    my ($pattern, $name) = @_;
    my $said = qx(@{[ $s->command ]} 2>&1);
    my $status = $?;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    isnt($status, 0, "$name: no start");
    $s->stop if $status == 0;
    my ($line) = grep { /emerg/ } split /\n/, $said . $s->log;
    like($said . $s->log, $pattern, "$name: and why") or diag($line);
    unlink "$s->{dir}/error.log";
}

sub slurp { local $/; open my $in, '<', $_[0] or return; return <$in> }

# another nginx of the same folder, as a binary upgrade makes it

sub upgrade {
    my $old = $s->pid;
    kill 'USR2', $old;
    $s->until(sub { ($s->pid // $old) != $old && $s->children == $workers })
        or return;
    return $old;
}

sub ends {
    my ($pid) = @_;
    return $s->until(sub { !Kairo::Server::alive($pid) });
}

1;
