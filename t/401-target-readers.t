# Whatever "kairo target" allows is the same host to those who will read it: to
# a browser's URL (Node), to Python's urllib and to libcurl.  As it was written
# and in its normal form; the open vectors, and some thousands that are made of
# good ones by the pieces of which tricks are made.

use strict;
use warnings;

use Cwd qw(abs_path);
use File::Temp qw(tempdir);
use Socket qw(AF_INET6 inet_ntop inet_pton);
use Test::More;

my $root = $ENV{KAIRO_ROOT} || abs_path('.');
my $kairo = "$root/build/kairo";

plan skip_all => 'the command is the same in every build'
    if $ENV{KAIRO_PROBE};
plan skip_all => "no $kairo, make it by scripts/build" unless -x $kairo;

my $dir = tempdir(CLEANUP => 1);
my $seed = 401;

# ranges of characters, more of them in use than not

my @letters = ([0x61, 0x7a], [0x30, 0x39], [0xa0, 0x24f], [0x300, 0x36f],
               [0x370, 0x3ff], [0x400, 0x52f], [0x530, 0x5ff], [0x600, 0x6ff],
               [0x900, 0xdff], [0xe00, 0xeff], [0x1000, 0x11ff],
               [0x1d00, 0x1fff], [0x2000, 0x2bff], [0x3000, 0x33ff],
               [0x4e00, 0x4fff], [0xa640, 0xabff], [0xac00, 0xacff],
               [0xf900, 0xffff], [0x10400, 0x10fff], [0x11000, 0x11fff],
               [0x1d400, 0x1d7ff], [0x1e000, 0x1f2ff], [0x2f800, 0x2fa1f],
               [0xe0100, 0xe01ef]);

my @pieces;
my %readers;
$readers{python} = ['python3', "$root/t/lib/readers.py"]
    if quiet('python3', '--version');
$readers{node} = ['node', "$root/t/lib/readers.cjs"]
    if quiet('node', '--version');
$readers{curl} = ["$dir/readers"]
    if quiet('cc', '-D_GNU_SOURCE', '-o', "$dir/readers",
             "$root/t/lib/readers.c", '-lcurl');

for my $name (qw(curl node python)) {
    SKIP: { skip "no reader of $name", 1 unless $readers{$name};
            pass("a reader of $name") }
}

themselves();
family('open vectors', 100, vectors());
family('URLs with errors', 3000, mutated(30000, \&url));
family('hosts with errors', 3000, mutated(15000, \&host));
family('internationalized names', 1000, map { international() } 1 .. 12000);
family('encoded labels', 500, mutated(12000, \&encoded));
family('every letter of the first planes', 10000, letters());
done_testing();


sub quiet {
    my $pid = fork // die "fork: $!\n";

    if ($pid == 0) {
        open STDOUT, '>', '/dev/null' or die;
        open STDERR, '>', '/dev/null' or die;
        exec @_ or exit 1;
    }

    waitpid $pid, 0;
    return $? == 0;
}


# Lines in, lines out.

sub run {
    my ($lines, @command) = @_;

    open my $out, '>:raw', "$dir/in" or die;
    print $out map { "$_\n" } @$lines;
    close $out or die;

    open my $in, '-|:raw', "timeout 60 @command <$dir/in" or die;
    my @lines = <$in>;
    close $in;
    chomp @lines;

    return @lines;
}


# They disagree where all know that they do: a reader that says always what was
# written would be none.

sub themselves {
    my %said = (
        'http://EXAMPLE.com/' => {
            curl => 'EXAMPLE.com', node => 'example.com',
            python => 'example.com' },
        'http://127.1/' => {
            curl => '127.0.0.1', node => '127.0.0.1', python => '127.1' },
        "http://b\xc3\xbccher.de/" => {
            curl => 'xn--bcher-kva.de', node => 'xn--bcher-kva.de',
            python => 'xn--bcher-kva.de' },
        'http://[2606:4700:0::1]/' => {
            curl => '[2606:4700::1]', node => '[2606:4700::1]',
            python => '[2606:4700::1]' },
        'http://' => { curl => '!', node => '!', python => '!' },
    );

    my @urls = sort keys %said;

    for my $name (sort keys %readers) {
        is(join(' ', run(\@urls, @{$readers{$name}})),
           join(' ', map { $said{$_}{$name} } @urls), "$name as it is known");
    }
}


# family NAME, LEAST, TEXT...: of the texts at least so many are allowed, and
# each reader finds the host of the normal form in both.

sub family {
    my ($name, $least, @texts) = @_;

    SKIP: {
        skip "no $name", 1 unless @texts;

        my @lines = run(\@texts, $kairo, 'target');
        is(scalar @lines, scalar @texts, "$name: each has an answer");

        my (@written, @normal, @hosts);

        for my $i (0 .. $#texts) {
            my ($normal) = ($lines[$i] // '') =~ /^allow (.*)/ or next;
            push @written, as_url($texts[$i]);
            push @normal, as_url($normal);
            push @hosts, $normal[-1] =~ m{^https?://(\[[^]]*\]|[^:/?#]*)};
        }

        cmp_ok(scalar @hosts, '>=', $least,
               "$name: allowed are " . @hosts . ' of ' . @texts);

        for my $reader (sort keys %readers) {
            my @as_written = run(\@written, @{$readers{$reader}});
            my @as_normal = run(\@normal, @{$readers{$reader}});
            my @wrong;

            for my $i (0 .. $#hosts) {
                my $said = normal($as_written[$i] // '(nothing)');

                # Python knows no letter that is younger than Unicode 3.2, and
                # libcurl no hyphens in the third place and the fourth of a
                # name that is not ASCII: they may refuse, and no more

                next if $said eq '!' && $reader ne 'node'
                        && $written[$i] =~ /[\x80-\xff]/
                        && ($as_normal[$i] // '') eq $hosts[$i];

                push @wrong, "$written[$i]: $said, not $hosts[$i]"
                    unless $said eq $hosts[$i];
                push @wrong, "$normal[$i]: $as_normal[$i], not $hosts[$i]"
                    unless ($as_normal[$i] // '(nothing)') eq $hosts[$i];
            }

            my $n = @wrong;
            is($n, 0, "$name: $reader reads the same host")
                or diag(join "\n", splice @wrong, 0, 8);
        }
    }
}


# Small letters, no dot at the end; an IPv6 address in its one spelling.

sub normal {
    my ($host) = @_;

    if ($host =~ /^\[(.*)\]\z/ && (my $ip = inet_pton(AF_INET6, $1))) {
        return '[' . inet_ntop(AF_INET6, $ip) . ']';
    }

    $host =~ s/\.\z//;
    return lc $host;
}


# What a tool would make of a host: the URL that it fetches.

sub as_url {
    my ($text) = @_;
    return $text if $text =~ m{^https?://}i;
    return "http://[$text]/" if $text !~ /^\[/ && $text =~ /:.*:/;
    return "http://$text/";
}


sub vectors {
    my $vectors = $ENV{KAIRO_VECTORS} || '../shared/vectors';
    open my $in, '<:raw', "$vectors/targets.tsv" or return;

    my @texts;
    while (<$in>) {
        my ($text) = split /\t/;
        push @texts, $text unless $text =~ /\\/;
    }
    return @texts;
}


# The same numbers wherever it runs.

sub draw {
    my ($n) = @_;
    $seed = ($seed * 1103515245 + 12345) & 0x7fffffff;
    return ($seed >> 8) % $n;
}


sub one { return $_[draw(scalar @_)] }


sub host {
    return one('example.com', 'a-b.example.co.uk', 'Foo_Bar.Example.ORG',
               'r3---sn-x.googlevideo.com', '8.8.8.8', '192.0.66.2',
               '1.2.3.4.example.net', '0x7f.com', 'example.com.',
               '2606:4700::1111', '[2001:4860:4860::8888]',
               '2606:4700:1:2:3:4:1.2.3.4', '[2a00:1450:0:0:0:0:0:5]',
               "b\xc3\xbccher.de", 'xn--bcher-kva.de', 'example.com:80',
               '[2606:4700::1]:443', "\xe9\x95\xb7\xe5\xb4\x8e.jp",
               "xn--85x722f.xn--fiqs8s", 'x.com');
}


sub url {
    my $host = host();
    $host = "[$host]" if $host !~ /^\[/ && $host =~ /:.*:/;
    return one('http://', 'https://', 'hTTp://') . $host
           . one('', ':443', '', '/', '/', '/a/b?c=d#e', '?q=1', '#x', '/@b',
                 '//c.com/', '/?u=http://d.com:1@e.com/', "/\xc3\xa9?\xc3\xbc",
                 '/[1-3]{a,b}', '/%2e%2e/%00', '/a;b', '?/@c.com');
}


sub encoded {
    return one('xn--bcher-kva', 'xn--p1ai', 'xn--85x722f', 'xn--fiqs8s',
               'xn--fa-hia', 'xn--80aaeib8abrryx4k', 'xn--q3c4c8cq',
               'xn--ggle-0nda', 'xn--mgbh0fb') . one('.com', '.xn--p1ai',
               '.co.uk');
}


sub pieces {
    return @pieces if @pieces;

    @pieces = (map({ chr } 0x21 .. 0x7e), '#', '#@', '://', qw(. . . - - 0 1 a A @ : / ? [ ]
        % \\ :80 :443 :0 :080 .. ./ /. // :// http:// @b.com ?@ %2e %00
        %40 0x 0x7f 00 127.0.0.1 .1 .0x 255 256 :: ::1 fe80 %25eth0 xn-- -a
        localhost .local nip.io _ ~ ; & + $ * ' " ( ) | ^ ` { } < >), ' ',
        "\t",
        map { my $c = chr; utf8::encode($c); $c }
            0x80, 0xa0, 0xad, 0xb7, 0xdf, 0xe9, 0xc9, 0x130, 0x131, 0x17f,
            0x3c2, 0x3bf, 0x430, 0x4c0, 0x5d0, 0x627, 0x661, 0x6f1, 0x640,
            0x200b, 0x200c, 0x200d, 0x200e, 0x2024, 0x2028, 0x2060, 0x2064,
            0x2100, 0x2044, 0x2215, 0x2488, 0x24d0, 0x2a74, 0x3002, 0x30fb,
            0xfe0f, 0xfeff, 0xff0e, 0xff0f, 0xff11, 0xff20, 0xff61, 0xfffd,
            0x13a0, 0x1d2c, 0x1e9e, 0x301, 0x34f, 0x1f4a9, 0x1f130, 0x1ee00,
            0xe0100, 0x1d7cf);
    return @pieces;
}


# One to three errors each, in the middle of it; one of five is left well.

sub mutated {
    my ($n, $make) = @_;
    my @texts;

    for (1 .. $n) {
        my $text = $make->();

        for (1 .. (draw(5) ? 1 + draw(3) : 0)) {
            my $at = draw(length($text) + 1);
            my $how = draw(5);

            # no half of a character

            $at++ while substr($text, $at, 1) =~ /[\x80-\xbf]/;

            if ($how == 0) {
                substr($text, $at) =~ s/\A[\x00-\x7f\xc0-\xff][\x80-\xbf]*//;
            } elsif ($how == 1) {
                substr($text, $at) =~ s/\A[\x00-\x7f\xc0-\xff][\x80-\xbf]*/
                                        one(pieces())/e;
            } elsif ($how == 2) {
                substr($text, $at, 0) = substr($text, 0, $at);
            } else {
                substr($text, $at, 0) = one(pieces());
            }
        }

        push @texts, $text if $text !~ /\n/ && length $text < 500;
    }

    return @texts;
}


sub international {
    my @labels;

    for (1 .. 1 + draw(2)) {
        my @of = (one(@letters), one(@letters), $letters[0]);
        my $label = '';

        for (1 .. 1 + draw(4)) {
            my $of = one(@of);
            $label .= chr($of->[0] + draw($of->[1] - $of->[0] + 1));
        }

        push @labels, $label;
    }

    my $text = join '.', @labels, one('com', 'com', "\x{43c}\x{43a}\x{434}");
    utf8::encode($text);
    return $text;
}


# Each on its own beside a letter that is not ASCII, so that one which vanishes
# is seen; one of three, so that it takes no longer than it has to.

sub letters {
    my @texts;

    for my $c (0x80 .. 0x33ff, 0xa000 .. 0xabff, 0xf900 .. 0xffef,
               0x10000 .. 0x12fff, 0x16a00 .. 0x16fff, 0x1bc00 .. 0x1f2ff,
               0x2f800 .. 0x2fa1f, 0xe0000 .. 0xe01ef)
    {
        my $text = one("\xe9", 'a', '') . chr($c) . one('', 'b') . '.com';
        utf8::encode($text);
        push @texts, $text;
    }

    return @texts;
}
