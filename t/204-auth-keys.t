# Keys of a file or a secret while nginx runs: new ones, broken ones, none; in
# all workers, with tokens that are known already, and over reloads.

use strict;
use warnings;

use lib 't/lib';
use Kairo::Server;
use Kairo::Token qw(key secret token jwks json claims);
use Test::More;
use Time::HiRes qw(sleep time);

my %key = map { $_ => key('p256', ord($_) - 64) } 'A' .. 'F';
my $workers = 3;
my $s = Kairo::Server->new(workers => $workers);

# what a location is asked, and by whom

my $locations = <<'END';
    server {
        listen 127.0.0.1:%%PORT%% reuseport;
        root html;
        add_header X-Pid $pid always;
        add_header X-User "$kairo_user" always;
        add_header X-Roles "$kairo_roles" always;
        add_header X-Reason $kairo_auth_reason always;
        location = /up { return 200 up; }
        location = /metrics { kairo_metrics; }
        location = /t { kairo_auth required issuer=main; }
    }
END

sub issuer {
    my (%line) = (issuer => 'https://issuer.test/', audience => 'api',
                  algs => 'ES256 HS256', keys => 'file=keys check=50ms', @_);
    my $name = delete $line{name} // 'main';
    return "kairo_issuer $name {\n"
           . join('', map { "$_ $line{$_};\n" } sort keys %line) . "}\n";
}

# Puts a file in the place of another, as it should be done.

sub replace {
    my ($name, $text) = @_;
    $s->file("$name.new", $text);
    rename "$s->{dir}/$name.new", "$s->{dir}/$name" or die "$name: $!\n";
}

sub bearer { return "Authorization: Bearer $_[0]" }

sub answer {
    my ($token) = @_;
    my $got = $s->get('/t', bearer($token));
    my ($status) = $got =~ m{^HTTP/1.1 (\d+)};
    return ($status // 0, map { $s->field($got, $_) // '' }
                          qw(X-User X-Reason X-Pid));
}

# What all workers say about a token: one text where they agree.

sub everywhere {
    my ($token) = @_;
    my (%by, %said);
    $s->until(sub {
        my ($status, $user, $reason, $pid) = answer($token);
        $by{$pid}++;
        $said{join ' ', grep { length } $status, $user, $reason}++;
        return keys %by >= $workers;
    });
    return join ' | ', sort keys %said;
}

# Waits until anybody answers so, and asks all of them then.

sub becomes {
    my ($token, $want) = @_;
    $s->until(sub { join(' ', (answer($token))[0]) eq $want });
    return everywhere($token);
}

sub metric {
    my ($name) = @_;
    my ($n) = $s->get('/metrics') =~ /^\Q$name\E (\d+)/m;
    return $n;
}

sub known { return metric('kairo_auth_tokens_total{result="known"}') }

sub said {
    my ($what) = @_;
    return scalar(() = $s->log =~ /$what/g);
}

my %token = map { $_ => token($key{$_}) } keys %key;
my $in = '200 main:alice';
my $gone = '401 unknown_key';

$s->file('html/t', 'content');
$s->file('keys', jwks($key{A}));
$s->start(issuer() . $locations);


# One set for another.

is(everywhere($token{A}), $in, 'a key, and its token is known to all');
is(everywhere($token{B}), $gone, 'another is not');

replace('keys', jwks($key{B}));
is(becomes($token{A}, 401), $gone,
   'a key that goes away is gone for all workers at once, cached or not');
is(everywhere($token{B}), $in, 'and the new one is there for all');
$s->logged(qr/\[notice\].*keys of issuer "main" are read anew/,
     'the log says so');

replace('keys', jwks($key{A}, $key{B}));
is(becomes($token{A}, 200), $in, 'it comes back');
is(everywhere($token{B}), $in, 'and the other stays');

# another key of the same name, and the same key for something else

replace('keys', jwks($key{A}, $key{C}->with(kid => $key{B}{kid})));
is(becomes($token{B}, 401), '401 bad_signature',
   'a name that was given to another key');
is(everywhere(token($key{C}, kid => $key{B}{kid})), $in, 'is that one\'s');

replace('keys', jwks($key{A}, secret('s' x 64)->with(kid => 'S')));
my $hs = token(secret('s' x 64), kid => 'S');
is(becomes($hs, 200), $in, 'a secret in a file');
replace('keys', jwks($key{A}, secret('s' x 64)->jwk(kid => 'S',
                                                    alg => 'HS512')));
is(becomes($hs, 401), '401 unfit_key',
   'the same one for another algorithm is another key');

# PEM

replace('keys', $key{D}->pem);
is(becomes($token{D}, 200), $in, 'PEM');
is(everywhere($token{A}), '401 bad_signature', 'the set is gone');
replace('keys', $key{D}->pem . $key{E}->pem);
my $bob = token($key{E}, claims => { sub => 'bob' });
ok($s->until(sub { everywhere($bob) eq '401 ambiguous_key' }),
   'two keys without names, and nobody knows which');
is(everywhere($token{D}), $in, 'but for a token that is known');

# changes that follow each other, of one size and one time

{
    my $now = int time;
    for my $name ('A' .. 'F') {
        $s->file('keys.new', jwks($key{$name}));
        utime $now, $now, "$s->{dir}/keys.new";
        rename "$s->{dir}/keys.new", "$s->{dir}/keys";
        sleep 0.03;
    }
    is(becomes($token{F}, 200), $in, 'many in one second: the last counts');
    is(everywhere($token{$_}), $gone, "and not key $_") for 'A' .. 'E';

    $s->file('keys', jwks($key{C}));
    utime $now, $now, "$s->{dir}/keys";
    is(becomes($token{C}, 200), $in, 'another content for the same inode');
    is(everywhere($token{F}), $gone, 'and not the one before');

    replace('keys', jwks($key{A}));
    replace('keys', jwks($key{B}));
    is(becomes($token{B}, 200), $in, 'two at once');
    is(everywhere($token{$_}), $gone, "and not key $_") for 'A', 'F';
}


# What an operator does wrong: the old keys stay.

sub stays {
    my ($name, $why, $change) = @_;
    my $before = said($why);
    $change->();
    ok($s->until(sub { said($why) > $before }), "$name: the log says why");
    is(everywhere($token{B}), $in, "$name: the old key stays");
    is(everywhere($token{A}), $gone, "$name: and no other");
    sleep 0.12;
    cmp_ok(said($why) - $before, '<=', $workers, "$name: which is told once");
}

my $path = "$s->{dir}/keys";

stays('not JSON', 'it is not a JSON object', sub { replace('keys', '{"k') });
stays('half of it', 'it is not a JSON object', sub {
    my $text = jwks($key{A});
    replace('keys', substr $text, 0, length($text) / 2);
});
stays('no key', 'it has no "keys" with a key in it',
      sub { replace('keys', jwks()) });
stays('weak keys', 'none of its keys is of use',
      sub { replace('keys', jwks(key('rsa1024'))) });
stays('a private key', 'it has a private key', sub {
    replace('keys', Kairo::Token::slurp($key{A}{file})) });
stays('nothing', 'it is neither JSON nor PEM', sub { replace('keys', '') });
stays('too much', 'it has more than 256 KiB',
      sub { replace('keys', jwks($key{A}) . ' ' x 300_000) });
stays('a file that is away', 'it can\'t be found', sub { unlink $path });
stays('a folder', 'it is not a file', sub { mkdir $path });
rmdir $path;
stays('a link to nowhere', 'it can\'t be found',
      sub { symlink "$path.none", $path });
unlink $path;
stays('a pipe', 'it is not a file', sub { system 'mkfifo', $path });
unlink $path;
stays('a file of zeroes', 'it is neither JSON nor PEM',
      sub { replace('keys', "\0" x 1000) });

replace('keys', jwks($key{C}));
is(becomes($token{C}, 200), $in, 'a good one is taken after all of that');
is(everywhere($token{B}), $gone, 'in the place of the old one');

# a file that is written into, bit by bit

{
    my $text = jwks($key{D});
    open my $out, '>', $path or die "$path: $!\n";
    $out->autoflush(1);
    for my $part (unpack '(a40)*', $text) {
        print $out $part;
        sleep 0.06;
        is((answer($token{C}))[0], 200, 'while it is written the old stays')
            if length $part == 40;
    }
    close $out;
    is(becomes($token{D}, 200), $in, 'and then the new one is there');
    is(everywhere($token{C}), $gone, 'and the old one is not');
}

# a worker that dies: who comes after it does not begin with the keys that were
# there when nginx was started

{
    my @before = $s->children;
    kill 'KILL', @before;
    ok($s->until(sub {
        my %now = map { $_ => 1 } $s->children;
        delete @now{@before};
        return keys %now == $workers;
    }), 'all workers die, and others come');
    is(everywhere($token{A}), $gone, 'the first key stays away');
    is(everywhere($token{D}), $in, 'the last one is there');
    replace('keys', jwks($key{E}));
    is(becomes($token{E}, 200), $in, 'and they look at the file');
}

# under load: a key that is there before and after is never missing, and one
# that is never there is never taken

{
    my $end = time + 1.5;
    my @children = map {
        my $pid = fork // die "fork: $!\n";
        if ($pid == 0) {
            my $wrong = 0;
            while (time < $end) {
                $wrong++ if (answer($token{E}))[0] != 200;
                $wrong++ if (answer($token{F}))[0] != 401;
            }
            require POSIX;
            POSIX::_exit($wrong > 100 ? 100 : $wrong);
        }
        $pid;
    } 1 .. 3;
    for (my $i = 0; time < $end; $i++) {
        replace('keys', jwks(@key{'E', ('A' .. 'D')[$i % 4]}));
        sleep 0.02;
    }
    my $wrong = 0;
    for (@children) { waitpid $_, 0; $wrong += $? >> 8 }
    is($wrong, 0, 'keys that change under load: no wrong answer');
}


# Reloads.

replace('keys', jwks($key{A}));
is(becomes($token{A}, 200), $in, 'a key');
my $known = known();
ok($s->reload(issuer() . $locations), 'a reload');
is(everywhere($token{A}), $in, 'changes nothing');
cmp_ok(known() - $known, '>=', $workers, 'and what was known is known');

replace('keys', 'broken');
{
    my @old = sort $s->children;
    kill 'HUP', $s->pid;
    ok($s->until(sub { $s->log =~ /\[emerg\].*neither JSON nor PEM/ }),
       'a reload with broken keys is refused');
    is(join(' ', sort $s->children), "@old", 'the workers stay');
    is(everywhere($token{A}), $in, 'and the key');
}
replace('keys', jwks($key{A}));
$s->file('other', jwks($key{B}));

# what was verified under one configuration is judged by the next: a location
# for each line that changes

$s->file('more', jwks($key{A}, secret('s' x 64)->with(kid => 'S')));
$s->file('secret', 's' x 64);

my $token = token($key{A}, header => { typ => undef }, claims =>
                  { iat => time - 60, roles => ['r'], groups => ['g'],
                    uid => 'al' });
my $late = token($key{A}, claims => { exp => time - 5 });
my @changes = (
    ['nothing', {}, '200 main:alice r'],
    ['keys in another file', { keys => 'file=other check=50ms' }, $gone],
    ['a secret', { keys => 'secret=file:secret', algs => 'HS256' },
     '401 algorithm_not_allowed'],
    ['another audience', { audience => 'web' }, '401 wrong_audience'],
    ['other audiences', { audience => 'x y z' }, '401 wrong_audience'],
    ['one more audience', { audience => 'x api' }, '200 main:alice r'],
    ['another issuer', { issuer => 'https://issuer.test' },
     '401 wrong_issuer'],
    ['one more algorithm', { algs => 'HS256 ES384 ES256' },
     '200 main:alice r'],
    ['without its algorithm', { algs => 'HS256' },
     '401 algorithm_not_allowed'],
    ['other types', { types => 'JWT at+jwt' }, '401 wrong_type'],
    ['a life that is shorter', { max_lifetime => '10s' },
     '401 lifetime_too_long'],
    ['a subject by another claim', { subject => 'uid' }, '200 main:al r'],
    ['a subject that it does not have', { subject => 'nobody' },
     '401 bad_subject'],
    ['roles by another claim', { roles => 'groups' }, '200 main:alice g'],
    ['another name', { name => 'new' }, '200 new:alice r'],
    ['less leeway', { leeway => '0' }, '401 expired'],
);

sub changed {
    my ($n, %line) = @_;
    my $name = $line{name} // 'main';
    my $issuer = issuer(keys => 'file=more check=50ms', roles => 'roles',
                        %line) =~ s/kairo_issuer \K$name/$name$n/r;
    return ($issuer, "location = /$n { kairo_auth required issuer=$name$n; "
                     . 'try_files /t =404; }');
}

sub all_of {
    my ($new) = @_;
    my @blocks = map { [changed($_, $new ? %{$changes[$_][1]} : ())] }
                 0 .. $#changes;
    return join('', map { $_->[0] } @blocks)
           . $locations =~ s/(?=location = \/t)/join '', map { "$_->[1]\n" }
                            @blocks/er =~ s/^.*issuer=main;.*\n//mr;
}

sub by_each {
    my ($n) = @_;
    my $used = $changes[$n][0] eq 'less leeway' ? $late : $token;
    my $got = $s->get("/$n", bearer($used));
    my ($status) = $got =~ m{^HTTP/1.1 (\d+)};
    return join ' ', grep { length } $status, map { $s->field($got, $_) // '' }
                     qw(X-User X-Roles X-Reason);
}

ok($s->reload(all_of(0)), 'a location for each line');
for my $n (0 .. $#changes) {
    my $user = "200 main$n:alice" . ($changes[$n][0] =~ /leeway/ ? '' : ' r');
    is(by_each($n), $user, "before: $changes[$n][0]") for 1 .. 2 * $workers;
}
ok($s->reload(all_of(1)), 'and each line changes');
for my $n (0 .. $#changes) {
    my $want = $changes[$n][2] =~ s/(main|new)\K:/$n:/r;
    is(by_each($n), $want, "after: $changes[$n][0]") for 1 .. $workers;
}

# times are judged again at each use

$s->reload(issuer(leeway => '0') . $locations);
{
    my $short = token($key{A}, claims => { exp => time + 2 });
    is(everywhere($short), $in, 'a token that has a second to live');
    is(becomes($short, 401), '401 expired', 'expires in the cache');
}


# A secret is read at a reload, and then alone.

$s->file('secret', "the first secret, of more than 32 bytes\n");
my $first = token(secret('the first secret, of more than 32 bytes'));
my $second = token(secret('the second secret, of more than 32'));
my @secret = (keys => 'secret=file:secret', algs => 'HS256');

$s->reload(issuer(@secret) . $locations);
is(everywhere($first), $in, 'a secret in a file');
is(everywhere(token(secret("the first secret, of more than 32 bytes\n"))),
   '401 bad_signature', 'whose line end is no part of it');
replace('secret', 'the second secret, of more than 32');
sleep 0.2;
is(everywhere($first), $in, 'that changes is not read');
is(everywhere($second), '401 bad_signature', 'nor is the new one known');
$s->reload(issuer(@secret) . $locations);
is(everywhere($first), '401 bad_signature',
   'until a reload: what was known by the old one is not any more');
is(everywhere($second), $in, 'and the new one is');
replace('secret', 'short');
kill 'HUP', $s->pid;
ok($s->until(sub { $s->log =~ /\[emerg\].*none of its keys is of use/ }),
   'a reload with a short one is refused');
is(everywhere($second), $in, 'and the old one stays');
$s->not_logged(qr/second secret|first secret/, 'no secret is in the log');


# The cache: full, and filled by nobody who is not known.

$s->reload("kairo_auth_cache 64k;\n" . issuer() . $locations);
replace('keys', jwks($key{A}, secret('s' x 64)->with(kid => 'S')));

my @many = map { token(secret('s' x 64), kid => 'S',
                       claims => { sub => "user$_" }) } 1 .. 300;
is(becomes($many[0], 200), '200 main:user1', 'a small cache');

{
    my @wrong;
    for my $round (1 .. 2) {
        for my $i (1 .. @many) {
            my ($status, $user) = answer($many[$i - 1]);
            push @wrong, "$i: $status $user"
                unless $status == 200 && $user eq "main:user$i";
        }
    }
    is("@wrong", '', 'more tokens than it has room for: all are right');
    my $before = known();
    answer($_) for @many;
    my $n = known() - $before;
    cmp_ok($n, '<', 200, 'though it does not know most of them');

    # new ones, which all workers find in it or know by heart since

    my @last = map { token(secret('s' x 64), kid => 'S',
                           claims => { sub => "last$_" }) } 1 .. 10;
    everywhere($_) for @last;
    $before = known();
    answer(token(secret('x' x 64), kid => 'S', claims => { sub => "x$_" }))
        for 1 .. 300;
    answer($_) for @last;
    is(known() - $before, 10, 'who is refused puts nothing into it');
}

# many workers and many clients at one small cache: nobody becomes another

{
    my $end = time + 1.5;
    my @children = map {
        my $pid = fork // die "fork: $!\n";
        if ($pid == 0) {
            srand;
            my $wrong = 0;
            while (time < $end) {
                my $i = int rand @many;
                my ($status, $user) = answer($many[$i]);
                next unless $status;
                $wrong++ unless $status == 200
                                && $user eq 'main:user' . ($i + 1);
            }
            require POSIX;
            POSIX::_exit($wrong > 100 ? 100 : $wrong);
        }
        $pid;
    } 1 .. 3;

    # and workers that die in the middle of it

    while (time < $end - 0.3) {
        sleep 0.3;
        my ($victim) = $s->children;
        kill 'KILL', $victim if $victim;
    }
    my $wrong = 0;
    for (@children) { waitpid $_, 0; $wrong += $? >> 8 }
    is($wrong, 0, 'many at once: everybody is who he is');
}

# its size changes, which makes it empty

my $before = known();
is(everywhere($many[0]), '200 main:user1', 'a token');
$s->reload("kairo_auth_cache 1m;\n" . issuer() . $locations);
is(everywhere($many[0]), '200 main:user1', 'in a cache of another size');

$s->{expected} = qr/exited on signal 9|neither JSON nor PEM|of use/;
$s->finish;

done_testing();
