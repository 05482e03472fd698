# Lists of names and addresses: each kind of line, what beats what, the levels
# of a configuration, and files that change while requests are served.

use strict;
use warnings;

use lib 't/lib';
use Kairo::Server;
use Test::More;
use Time::HiRes qw(sleep stat time utime);

my $workers = 2;
my $s = Kairo::Server->new(workers => $workers);

my $denied = '403 target_denied listed';
my $other = '403 target_not_allowed not_listed';

sub path { return "$s->{dir}/$_[0]" }

# place NAME, DIRECTIVE...: a location that judges arg:h.

sub place {
    my ($name, @more) = @_;
    return "location = /$name { kairo_sanitize arg:h type=auto; @more "
           . "try_files /up.txt =404; }\n";
}

sub code { return $_[0] =~ m{^HTTP/1.1 (\d+)} ? $1 : 'nothing' }

sub said {
    my ($got) = @_;
    return join ' ', grep { length } code($got),
                     $got =~ /"code":"(\w+)"/ ? $1 : '',
                     code($got) eq 200 ? ''
                     : $s->field($got, 'X-Reason') // '';
}

sub asks {
    my ($at, $host) = @_;
    return said($s->get("/$at?h=" . escaped($host)));
}

sub escaped { return $_[0] =~ s/([^\w.:\/\[\]-])/sprintf '%%%02X', ord $1/ger }


# Each kind of line: what it is about, and what it is not.

my $address = ['http://93.184.216.34/', '[2606:4700::1111]'];
my @kinds = (
    ['a name', 'bad.example.org',
     [qw(bad.example.org BAD.example.org bad.example.org.
         https://bad.example.org/x bad.example.org:443)],
     [qw(x.bad.example.org xbad.example.org example.org bad.example.org.uk
         ad.example.org bad.example.or), @$address]],
    ['a name and all below', '.example.org',
     [qw(example.org www.example.org a.b.c.example.org EXAMPLE.ORG.)],
     [qw(xexample.org example.org.uk www.example.com example.net), @$address]],
    ['a pattern', '~ads[0-9]+\.example\.org',
     [qw(ads1.example.org ADS22.Example.org ads3.example.org.)],
     [qw(ads.example.org xads1.example.org ads1.example.org.uk
         x.ads1.example.org ads1xexample.org), @$address]],
    ['a pattern with alternatives', '~www|example\.org|a\.b\.com',
     [qw(example.org a.b.com)],
     [qw(www.com xexample.org example.org.uk www.example.org a.b.com.br)]],
    ['a pattern with its own ends', '~^www\.example\.org$',
     [qw(www.example.org)], [qw(www.example.org.uk awww.example.org)]],
    ['a pattern in capitals', '~ADS\.example\.org',
     [qw(ads.example.org ADS.EXAMPLE.ORG)], [qw(adx.example.org)]],
    ['a pattern of one letter less', '~www\.example\.or', [],
     [qw(www.example.org)]],
    ['a pattern for all names', '~.*', [qw(example.org a.b.c.com)], $address],
    ['an IPv4 address', '93.184.216.34',
     [qw(93.184.216.34 http://93.184.216.34/ 93.184.216.34:80)],
     [qw(93.184.216.35 93.184.216.33 example.org [2606:4700::1111])]],
    ['an IPv4 network', '93.184.0.0/15',
     [qw(93.184.0.0 93.185.255.255 93.184.216.34)],
     [qw(93.183.255.255 93.186.0.0 example.org)]],
    ['all of IPv4', '0.0.0.0/0', [qw(1.1.1.1 223.255.255.255)],
     [qw([2606:4700::1111] example.org)]],
    ['an IPv6 address', '2606:4700:0:0::1111',
     [qw([2606:4700::1111] http://[2606:4700:0::1111]/)],
     [qw([2606:4700::1112] [2606:4701::1111] example.org)]],
    ['an IPv6 network', '2606:4700::/32',
     [qw([2606:4700::] [2606:4700:ffff:ffff:ffff:ffff:ffff:ffff])],
     [qw([2606:46ff:ffff::] [2606:4701::] 93.184.216.34)]],
    ['a network of odd bits', '2606:4700:8000::/33',
     [qw([2606:4700:8000::] [2606:4700:ffff::1])],
     [qw([2606:4700:7fff::] [2606:4701:8000::])]],
    ['all of IPv6', '::/0', [qw([2606:4700::1111])],
     [qw(93.184.216.34 example.org)]],
    ['a name in another script', "b\xc3\xbccher.example.org",
     ["b\xc3\xbccher.example.org", 'xn--bcher-kva.example.org',
      "B\xc3\x9cCHER.example.org"],
     [qw(bucher.example.org b.example.org), "x.b\xc3\xbccher.example.org"]],
    ['such a one in capitals, and all below', ".B\xc3\x9cCHER.Example.org",
     ["b\xc3\xbccher.example.org", "www.b\xc3\xbccher.example.org"],
     [qw(example.org xbcher-kva.example.org)]],
    ['as it is encoded', 'xn--bcher-kva.example.org',
     ["b\xc3\xbccher.example.org", 'XN--BCHER-KVA.example.org'],
     ['example.org']],
    ['capitals', 'Bad.EXAMPLE.Org', ['bad.example.org'], ['example.org']],
    ['a dot at the end', 'bad.example.org.',
     [qw(bad.example.org bad.example.org.)], ['www.bad.example.org']],
    ['dots at both ends', '.example.org.', [qw(example.org www.example.org)],
     ['xexample.org']],
    ['an underscore', '_x.example.org', ['_x.example.org'],
     ['x.example.org']],
    ['lines as in DOS', "a.example.org\r\n\r\n# b.example.org\r\n"
                        . ".c.example.org\r\n8.8.8.0/24\r\n~d.*\\.com\r\n",
     [qw(a.example.org x.c.example.org 8.8.8.8 d1.com)],
     [qw(b.example.org 8.8.9.8 example.org)]],
    ['comments, empty lines, no end of line',
     "\n\n# a.example.org\n#b.example.org\n\n###\nc.example.org",
     ['c.example.org'], [qw(a.example.org b.example.org)]],
    ['comments alone', "# nothing\n\n", [], [qw(example.org), @$address]],
    ['nothing', '', [], [qw(example.org), @$address]],
    ['the same twice', "a.example.org\n.a.example.org\na.example.org\n",
     [qw(a.example.org b.a.example.org)], ['example.org']],
    ['all of them', join("\n", 'one.example.org', '.two.example.org',
                         '~three\d\.example\.org', '8.8.8.8',
                         '2606:4700::/32', '9.9.9.0/24', '9.9.8.0/24'),
     [qw(one.example.org two.example.org x.two.example.org
         three3.example.org 8.8.8.8 [2606:4700::5] 9.9.8.0 9.9.9.255)],
     [qw(example.org x.one.example.org 9.9.7.255 9.9.10.0 8.8.8.7)]],
);


# What beats what.  Of each class and kind four hosts: in no list, denied,
# allowed, and in both lists.

my %hosts = (
    metadata => { name => [qw(metadata.google.internal
                              instance-data.ec2.internal metadata.goog
                              metadata.tencentyun.com)],
                  IPv4 => [qw(169.254.169.254 169.254.170.2 169.254.170.23
                              169.254.42.42)],
                  IPv6 => [qw(fd00:ec2::254 fd00:ec2::23 fd20:ce::254
                              fd00:42::42)] },
    special  => { name => [map { "s$_.local" } 0 .. 3],
                  IPv4 => [map { "10.20.3$_.7" } 0 .. 3],
                  IPv6 => [map { "fd12:3:4:1$_\::7" } 0 .. 3] },
    plain    => { name => [map { "p$_.example.org" } 0 .. 3],
                  IPv4 => [map { "93.184.$_.7" } 0 .. 3],
                  IPv6 => [map { "2606:4700:1:1$_\::7" } 0 .. 3] },
);
my %word = (name => 'special_domain', IPv4 => 'ipv4_private',
            IPv6 => 'ipv6_unique_local');

sub listed {
    my ($bit) = @_;
    return join "\n", map {
        my $of = $_;
        map { $hosts{$of->[0]}{$of->[1]}[$_] } grep { $_ & $bit } 0 .. 3;
    } map { my $class = $_; map { [$class, $_] } qw(name IPv4 IPv6) }
      sort keys %hosts;
}

# The answer: "deny", "only", "except" say which lists there are.  What is
# special is told as that, though nothing else is allowed either.

sub verdict {
    my ($class, $kind, $in, $lists) = @_;
    my $allows = $lists ne 'deny';
    return '403 target_metadata metadata_'
           . ($kind eq 'name' ? 'name' : 'address') if $class eq 'metadata';
    return $denied if $in & 1;
    return '200' if $in & 2 && $allows;
    return $lists eq 'only' ? $other : '200' if $class eq 'plain';
    return '403 target_special_' . ($kind eq 'name' ? 'name' : 'address')
           . " $word{$kind}";
}


my $kinds = join '', map { place("b$_", "kairo_blocklist b$_;"),
                           place("a$_", "kairo_allowlist b$_;"),
                           place("e$_", "kairo_allowlist b$_ exceptions;") }
                     0 .. $#kinds;

sub http {
    return <<END;
    kairo_sanitize_log_level notice;
    add_header X-Pid \$pid always;
    add_header X-Reason \$kairo_reason always;
    add_header X-Verdict \$kairo_target_verdict always;
    server {
        listen 127.0.0.1:%%PORT%% reuseport;
        root html;
        location = /up { return 200 up; }
        $kinds
        @{[place('deny', 'kairo_blocklist deny;')]}
        @{[place('except', 'kairo_blocklist deny;
                            kairo_allowlist allow exceptions;')]}
        @{[place('only', 'kairo_blocklist deny; kairo_allowlist allow;')]}
        @{[place('special', 'kairo_allowlist special exceptions;')]}
        @{[place('wide', 'kairo_allowlist wide exceptions;')]}
        @{[place('live', 'kairo_blocklist live;')]}
        @{[place('again', 'kairo_blocklist live;
                           kairo_allowlist live-allow;')]}
        @{[place('link', 'kairo_blocklist link;')]}
        @{[place('big', 'kairo_blocklist big;')]}
        @{[place('slow', 'kairo_blocklist slow;')]}
        @{[place('slow-only', 'kairo_allowlist slow;')]}
        @{[place('slow-except', 'kairo_allowlist slow exceptions;')]}
        @{[place('dry', 'kairo_blocklist deny; kairo_sanitize_dry_run on;')]}
    }
END
}

# Lists are read while they are written to: a file is replaced unless a test is
# about something else.

sub replace {
    my ($name, $text) = @_;
    $s->file("$name.new", $text);
    rename "$s->{dir}/$name.new", "$s->{dir}/$name" or die "$name: $!\n";
}

# everywhere PLACE, HOST: what all workers say: one text where they agree.

sub everywhere {
    my ($at, $host) = @_;
    my (%by, %said);
    $s->until(sub {
        my $got = $s->get("/$at?h=$host");
        $by{$s->field($got, 'X-Pid')}++;
        $said{said($got)}++;
        return keys %by >= $workers;
    });
    return join ' | ', sort keys %said;
}

# becomes PLACE, HOST, ANSWER, NAME: in force in about two seconds; some more
# are for a machine that has other things to do.

sub becomes {
    my ($at, $host, $wanted, $name) = @_;
    my $begin = time;
    my $said;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    $s->until(sub {
        $said = everywhere($at, $host);
        return $said eq $wanted || time > $begin + 10;
    });
    is($said, $wanted, $name);
}

# lines PATTERN: how often it is in the log.

sub lines { return scalar grep { /$_[0]/ } split /\n/, $s->log }

my $big = "~(?:[a-z]+[0-9]+)+\\.pattern\\.example\\.org\n"
          . join '', map { "b\xc3\xbccher$_.example.org\n" } 1 .. 50_000;
cmp_ok(length $big, '>', 256 * 1024, 'a large list');

$s->file('html/up.txt', 'up');
$s->file("b$_", $kinds[$_][1]) for 0 .. $#kinds;
$s->file('deny', listed(1));
$s->file('allow', listed(2));
$s->file('special', "intranet\n.internal\nlocalhost\n~.*\\.nip\\.io\n");
$s->file('wide', "::/0\n");
$s->file('slow', "~(a+)+\$\n~(a|aa)+\n~(?:.*a){12}\n");
$s->file('live', "old.example.org\n");
$s->file('live-allow', ".example.org\n");
$s->file('one', "one.example.org\n");
$s->file('two', "two.example.org\n");
symlink 'one', "$s->{dir}/link" or die "link: $!\n";
$s->file('big', "# as long as it is small\n");
$s->start(http());


# The kinds of lines.

for my $n (0 .. $#kinds) {
    my ($kind, $text, $in, $out) = @{$kinds[$n]};
    for my $host (@$in) {
        is(asks("b$n", $host), $denied, "$kind: $host is denied");
        is(asks("a$n", $host), '200', "$kind: $host is allowed");
        is(asks("e$n", $host), '200', "$kind: $host is allowed besides");
    }
    for my $host (@$out) {
        is(asks("b$n", $host), '200', "$kind: $host is not denied");
        is(asks("a$n", $host), $other, "$kind: $host is not allowed");
        is(asks("e$n", $host), '200', "$kind: $host is allowed anyway");
    }
}

is(asks('special', $_), '200', "a special name is allowed: $_")
    for qw(intranet http://intranet/ a.b.internal internal localhost
           10.0.0.1.nip.io);
like(asks('special', $_), qr/^403 target_special_/,
     "and no other: $_") for qw(intranet2 x.localhost nip.io 10.0.0.1 a.local);
like(asks('special', $_), qr/^403 target_metadata metadata_name$/,
     "and never a metadata service: $_")
    for qw(metadata.google.internal instance-data.ec2.internal);
is(asks('wide', '[fd12::1]'), '200', 'all of IPv6 is allowed');
like(asks('wide', '10.0.0.1'), qr/^403 target_special_address /,
     'and nothing of IPv4');
like(asks('wide', '[fd00:ec2::254]'), qr/^403 target_metadata /,
     'nor a metadata service');
like(asks('b0', $_), qr/^400 target_malformed /, "what is malformed: $_")
    for 'http://user@bad.example.org/', 'bad..example.org', '127.1';
like(asks('a0', 'http://user@bad.example.org/'), qr/^400 target_malformed /,
     'a list allows nothing that is malformed');
like(asks('a0', $_), qr/^403 target_(?:port|scheme) /, "nor $_")
    for 'http://bad.example.org:8080/', 'ftp://bad.example.org/';


# What beats what.

for my $class (sort keys %hosts) {
    for my $kind (sort keys %{$hosts{$class}}) {
        for my $in (0 .. 3) {
            my $host = $hosts{$class}{$kind}[$in];
            my $how = join ', ', $class, $kind, $in & 1 ? 'denied' : (),
                                 $in & 2 ? 'allowed' : ();
            $host = "[$host]" if $host =~ /:/;
            is(asks($_, $host), verdict($class, $kind, $in, $_), "$_: $how")
                for qw(deny except only);
        }
    }
}

{
    my $got = $s->get('/deny?h=p1.example.org');
    is($s->field($got, 'X-Verdict'), 'block target_denied listed',
       '$kairo_target_verdict: denied');
    like($got, qr/"param":"arg:h"/, 'a refusal names the place');
    unlike($got =~ s/.*\r\n\r\n//sr, qr/p1\.example|listed/, 'and no more');
    is($s->field($s->get('/only?h=p0.example.org'), 'X-Verdict'),
       'block target_not_allowed not_listed',
       '$kairo_target_verdict: not allowed');
    is(code($s->get('/dry?h=p1.example.org')), 200, 'dry run');
    ok($s->until(sub {
        $s->get('/deny?h=p1.example.org');
        return lines('kairo sanitize: refused, arg:h: target_denied, listed');
    }), 'log: denied');
    ok($s->until(sub {
        $s->get('/dry?h=p1.example.org');
        return lines('refused, dry run, arg:h: target_denied, listed');
    }), 'log: in a dry run');
}


# Patterns that would take for ever: within their limits, and not in favour.

{
    my $long = join '.', ('a' x 55) x 3, 'example.org';
    my %wanted = (slow => qr/^403 target_denied /,
                  'slow-only' => qr/^403 target_not_allowed /,
                  'slow-except' => qr/^403 target_special_name /);
    for my $at (sort keys %wanted) {
        my $host = $at eq 'slow-except' ? $long =~ s/example.org/local/r
                                        : $long;
        my $begin = time;
        like(asks($at, $host), $wanted{$at}, "$at: a long name");
        cmp_ok(time - $begin, '<', 30, "$at: it ends");
        $begin = time;
        my @all = map { $s->send("/$at?h=" . 'a' x $_ . $host) } 0 .. 7;
        $s->receive($_) for @all;
        cmp_ok(time - $begin, '<', 60, "$at: eight of them");
    }
    is(asks('slow', 'www.example.org'), '200', 'slow: a short name passes');
}


# Files that change.

is(everywhere('live', 'old.example.org'), $denied, 'live: denied');
is(everywhere('live', 'new.example.org'), '200', 'live: not denied');

replace('live', "new.example.org\nmore.example.org\n# a comment\n");
becomes('live', 'new.example.org', $denied, 'live: replaced');
becomes('live', 'old.example.org', '200', 'live: what was there is gone');
becomes('again', 'new.example.org', $denied, 'live: everywhere');
ok($s->until(sub { lines('\[notice\].*kairo sanitize: list "[^"]*live" is '
                         . 'read anew, 2 lines') }), 'live: the log tells');

$s->file('live', "over.example.org\n");
becomes('live', 'over.example.org', $denied, 'live: written over');

# as long as before, and as old as before

{
    my $file = "$s->{dir}/live";
    my ($atime, $mtime) = (stat $file)[8, 9];
    open my $out, '+<', $file or die "$file: $!\n";
    print $out "ever.example.org\n";
    close $out;
    utime $atime, $mtime, $file;
    becomes('live', 'ever.example.org', $denied,
            'live: of the same size and time');

    $s->file('live.new', "ogre.example.org\n");
    utime $atime, $mtime, "$file.new";
    rename "$file.new", $file;
    becomes('live', 'ogre.example.org', $denied,
            'live: another of the same size and time');
}

for my $n (1 .. 20) {
    replace('live', "turn$n.example.org\n");
    sleep 0.05;
}
becomes('live', 'turn20.example.org', $denied, 'live: the last of many');
becomes('live', 'turn19.example.org', '200', 'live: and that one alone');

is(everywhere('link', 'one.example.org'), $denied, 'link: one');
symlink 'two', "$s->{dir}/link.new" and rename "$s->{dir}/link.new",
                                               "$s->{dir}/link";
becomes('link', 'two.example.org', $denied, 'link: leads to another file');
becomes('link', 'one.example.org', '200', 'link: and to that one alone');

replace('live-allow', "turn1.example.org\n");
becomes('again', 'turn2.example.org', $other, 'an allowlist too');
is(everywhere('again', 'turn1.example.org'), '200', 'with what it has');
replace('live-allow', '');
becomes('again', 'turn1.example.org', $other, 'and without anything');

# what is of no use

my $useless = 'kairo sanitize: list "[^"]*live" is of no use, '
              . 'the old one stays: ';
is(lines($useless), 0, 'bad: none so far');
{
    my $first = "good.example.org\n";
    my @bad = (
        ['a malformed line', 'line 3: ', "$first#\na..b\nx.example.org\n"],
        ['a bad pattern', 'line 2: ', "$first~(\n"],
        ['missing', '\S'],
    );
    for (@bad) {
        my ($how, $says, $text) = @$_;
        my $before = lines("\\[error\\].*$useless$says");
        my $all = lines($useless);
        if (defined $text) {
            replace('live', $text);
        } else {
            unlink "$s->{dir}/live";
        }
        ok($s->until(sub { lines($useless) > $all }),
           "bad: $how: the log tells");
        is(everywhere('live', 'turn20.example.org'), $denied,
           "bad: $how: the old one stays");
        is(everywhere('live', 'good.example.org'), '200',
           "bad: $how: all of it");
        is(lines("\\[error\\].*$useless$says"), $before + 1,
           "bad: $how: what is wrong");
        sleep 3.2;
        is(lines($useless), $all + 1, "bad: $how: it tells once");
    }

    my $before = lines($useless);
    $s->file('live', "again.example.org\n");
    becomes('live', 'again.example.org', $denied, 'bad: repaired');
    becomes('live', 'turn20.example.org', '200', 'bad: nothing old');
    replace('live', "10.0.0.0/33\n");
    ok($s->until(sub { lines($useless) > $before }),
       'bad: once more, and it is told');

    my @pids = sort $s->children;
    my $refused = lines('\[emerg\].*live');
    kill 'HUP', $s->pid;
    ok($s->until(sub { lines('\[emerg\].*live.*line 1\b') > $refused }),
       'bad: no reload with it');
    is(join(' ', sort $s->children), "@pids", 'bad: the workers stay');
    is(everywhere('live', 'again.example.org'), $denied, 'bad: and the list');
    replace('live', "last.example.org\n");
    becomes('live', 'last.example.org', $denied, 'bad: repaired again');
}


# A large one, of names that take their time, is read while others are served.

# What the workers have worked, in clock ticks: those who serve, and their
# threads.  It is what a loaded machine does not change.

sub worked {
    my ($served, $beside) = (0, 0);
    for my $pid ($s->children) {
        for my $stat (glob "/proc/$pid/task/*/stat") {
            open my $in, '<', $stat or next;
            my ($user, $system) = (split ' ', <$in> =~ s/^.*\)//sr)[11, 12];
            ($stat =~ m{/$pid/stat$} ? $served : $beside) += $user + $system;
        }
    }
    return ($served, $beside);
}

{
    my $done = '';
    my ($served, $beside) = worked();
    replace('big', $big);
    my $begin = time;
    while (time < $begin + 60) {
        my $said = everywhere('big', "b\%C3\%BCcher50000.example.org");
        $done = $said and last if $said eq $denied;
        sleep 0.05;
    }
    is($done, $denied, 'large: in force');

    my ($serves, $reads) = worked();
    $serves -= $served;
    $reads -= $beside;
    cmp_ok($reads, '>', 4, 'large: it takes its time');
    cmp_ok($serves, '<', $reads / 2, 'large: but none of who serves');

    is(everywhere('big', $_), $denied, "large: $_")
        for "b\%C3\%BCcher1.example.org", "B\%C3\%9CCHER777.example.org",
            'aa1b22.pattern.example.org';
    is(everywhere('big', $_), '200', "large: not $_")
        for "b\%C3\%BCcher50001.example.org", 'bcher.example.org',
            'aa1b.pattern.example.org';
}

$s->{expected} = qr/\[emerg\].*live/;
$s->finish;


# The levels of a configuration.

my %level = (
    # what is denied, where a server has s and http h
    '/deny'            => 'h s',
    '/deny/more'       => 'h s l',
    '/deny/more/in'    => 'h s l m',
    '/deny/two'        => 'h s l m',
    '/deny/off'        => '',
    '/deny/off/in'     => 'm',
    '/deny/others'     => 'l m',
    # what is not allowed
    '/only'            => 'h l m o',
    '/only/more'       => 'h s m o',
    '/only/more/in'    => 'h s m o',
    '/only/off'        => '',
    '/only/off/in'     => 'h s l o',
    '/only/except'     => '',
    '/only/except/in'  => '',
    '/only/except/own' => 'h s l o',
);

sub level {
    my ($name, @in) = @_;
    return "location $name { try_files /up.txt =404; @in }\n";
}

$s = Kairo::Server->new(ports => 3);
$s->file($_, "$_.example.org\n$_.local\n") for qw(h s l m o);
$s->file('html/up.txt', 'up');
$s->start(<<END);
    add_header X-Pid \$pid always;
    add_header X-Reason \$kairo_reason always;
    kairo_blocklist h;
    server {
        listen 127.0.0.1:%%PORT%%;
        root html;
        location = /up { return 200 up; }
        kairo_sanitize arg:h type=auto;
        kairo_blocklist s;
        @{[level('/deny')]}
        @{[level('/deny/more', 'kairo_blocklist l;',
                 level('/deny/more/in', 'kairo_blocklist m;'))]}
        @{[level('/deny/two', 'kairo_blocklist l; kairo_blocklist m;')]}
        @{[level('/deny/off', 'kairo_blocklist off;',
                 level('/deny/off/in', 'kairo_blocklist m;'))]}
        @{[level('/deny/others', 'kairo_blocklist off; kairo_blocklist l;
                                  kairo_blocklist m;')]}
        location /only {
            kairo_blocklist off;
            kairo_allowlist s;
            try_files /up.txt =404;
            @{[level('/only/more', 'kairo_allowlist l;',
                     level('/only/more/in'))]}
            @{[level('/only/off', 'kairo_allowlist off;',
                     level('/only/off/in', 'kairo_allowlist m;'))]}
            @{[level('/only/except', 'kairo_allowlist l exceptions;',
                     level('/only/except/in'),
                     level('/only/except/own', 'kairo_allowlist m;'))]}
        }
    }
    server {
        listen 127.0.0.1:%%PORT+1%%;
        root html;
        kairo_sanitize arg:h type=auto;
        @{[level('/')]}
    }
END

for my $at (sort keys %level) {
    my $answer = $at =~ /deny/ ? $denied : $other;
    for my $name (qw(h s l m o)) {
        my $in = grep { $_ eq $name } split ' ', $level{$at};
        is(said($s->get("$at?h=$name.example.org")), $in ? $answer : '200',
           "$at: $name");
    }
}
is(said($s->get("$_?h=l.local")), '200', "$_: what is special")
    for qw(/only/except /only/except/in);
like(said($s->get("/only/except?h=s.local")), qr/^403 target_special_name /,
     '/only/except: and not in its list');
is(said($s->get("/only?h=s.local")), '200', '/only: what is special');

{
    my $c = $s->socket($s->{port} + 1);
    print $c "GET /?h=h.example.org HTTP/1.0\r\n\r\n";
    is(said($s->receive($c)), $denied, 'of http, in another server');
    $c = $s->socket($s->{port} + 1);
    print $c "GET /?h=s.example.org HTTP/1.0\r\n\r\n";
    is(said($s->receive($c)), '200', "and not that server's");
}


# What is wrong is said at the start: the file and the line.

sub told {
    my ($directive, $text) = @_;
    $s->file('bad', $text) if defined $text;
    return $s->tells("server { listen 127.0.0.1:%%PORT%%; location / {
                      kairo_sanitize arg:h type=auto; $directive; } }");
}

my @bad = ('a..b.org', '..example.org', '-a.example.org', 'a-.example.org',
           'a' x 64 . '.org', join('.', ('a' x 60) x 5), 'exa mple.org',
           'a.example.org b.example.org', 'http://example.org/',
           'example.org/path', 'example.org:80', '*.example.org',
           'user@example.org', '.', '!example.org', "exa\xffmple.org",
           "a\0b.example.org", "a\tb.example.org", 'xn--a.example.org',
           "fa\xc3\x9f.example.org", '~(', '~[a', '~*x', '~a{2,1}', '~(?<a>',
           '10.0.0.0/33', '10.0.0.0/', '10.0.0.0/x', '10.0.0.0/-1',
           '10.0.0.0/08', '10.0.0.0/8/8', '10.1.0.0/8', '10.0.0', '256.1.1.1',
           '010.0.0.1', '0x7f.1', '127.0.0.1.', '/8', '10.0.0.1-10.0.0.9',
           '2001:db8::/129', '2001:db8::1/32', '2001:db8:::', ':',
           'fe80::1%lo', '[2001:db8::1]', '::ffff:10.0.0.1.2',
           'example.org/24');
for my $line (@bad) {
    my $name = $line =~ s/([^!-~])/sprintf '\\x%02x', ord $1/ger;
    for my $directive ('kairo_blocklist bad', 'kairo_allowlist bad',
                       'kairo_allowlist bad exceptions')
    {
        my ($said, $good) = told($directive,
                                 "# good\ngood.example.org\n$line\n.x.org\n");
        ok(!$good, "$directive: $name is refused");
        like($said, qr/\[emerg\].*\bbad\b.*line 3\b/,
             "$directive: $name: where it is");
    }
}
{
    my ($said) = told('kairo_blocklist bad', "a.example.org\r\n\r\n~(\r\n");
    like($said, qr/line 3\b/, 'lines of DOS are counted');
    ($said) = told('kairo_blocklist bad', "~(");
    like($said, qr/line 1\b/, 'without an end of line');
    ($said) = told('kairo_blocklist bad', "good.example.org\n");
    is($said, '', 'a good one');
}
for my $directive ('kairo_blocklist none', 'kairo_allowlist none',
                   'kairo_blocklist html')
{
    my ($said, $good) = told($directive);
    my ($file) = $directive =~ /(\w+)$/;
    ok(!$good, "$directive: no file");
    like($said, qr/\[emerg\].*\b$file\b/, "$directive: it is said");
}
for my $directive ('kairo_blocklist', 'kairo_allowlist',
                   'kairo_blocklist bad bad', 'kairo_allowlist bad bad',
                   'kairo_allowlist bad except',
                   'kairo_allowlist bad exceptions exceptions',
                   'kairo_blocklist bad exceptions',
                   'kairo_blocklist bad; kairo_blocklist off',
                   'kairo_allowlist bad; kairo_allowlist bad',
                   'kairo_allowlist off; kairo_allowlist bad',
                   'kairo_allowlist off exceptions',
                   'kairo_blocklist off; kairo_blocklist off')
{
    my ($said, $good) = told($directive, "good.example.org\n");
    ok(!$good, "$directive: is refused");
    like($said, qr/\[emerg\].*kairo_(?:block|allow)list|\[emerg\].*invalid/,
         "$directive: it is said");
}

$s->{expected} = qr/\[emerg\]/;
$s->finish;


# The command, with the same lists.

SKIP: {
    my $kairo = "$ENV{KAIRO_ROOT}/build/kairo";
    skip 'the command is the same in every build', 1 if $ENV{KAIRO_PROBE};
    skip "no $kairo, make it by scripts/build", 1 unless -x $kairo;

    my $ask = sub {
        my ($host, @options) = @_;
        open my $out, '-|', $kairo, 'target', @options, $host
            or die "$kairo: $!\n";
        my $said = join '', <$out>;
        close $out;
        chomp $said;
        return ($said, $? >> 8);
    };
    $s->file('deny', listed(1));
    $s->file('allow', listed(2));
    my @deny = ('--blocklist', path('deny'));
    my %lists = (deny => \@deny, only => [@deny, '--allowlist', path('allow')],
                 except => [@deny, '--allowlist', path('allow'),
                            '--exceptions']);
    for my $class (sort keys %hosts) {
        for my $kind (sort keys %{$hosts{$class}}) {
            for my $in (0 .. 3) {
                my $host = $hosts{$class}{$kind}[$in];
                $host = "[$host]" if $host =~ /:/;
                for my $at (sort keys %lists) {
                    my $wanted = verdict($class, $kind, $in, $at)
                                 =~ s/^\d+ /block /r
                                 =~ s/^200$/allow/r;
                    my ($said, $status) = $ask->($host, @{$lists{$at}});
                    is($said =~ s/^allow\K .*//r, $wanted,
                       "the command: $at: $class, $kind, $in");
                    is($status, $wanted eq 'allow' ? 0 : 1,
                       'and its exit status');
                }
            }
        }
    }
    $s->file('bad', "good.example.org\n~(\n");
    for my $option (qw(--blocklist --allowlist)) {
        my $run = "$kairo target $option";
        my $said = qx($run @{[path('bad')]} example.org 2>&1);
        isnt($? >> 8, 0, "the command: $option: a bad list");
        like($said, qr/bad.*line 2\b/, 'is told, with its line');
        $said = qx($run @{[path('none')]} example.org 2>&1);
        isnt($? >> 8, 0, "the command: $option: no list");
    }
}

done_testing();
