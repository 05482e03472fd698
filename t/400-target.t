# The verb "target": types, lines, exit status and error sentences, and the
# verdict of each open test vector.

use strict;
use warnings;

use Cwd qw(abs_path);
use File::Temp qw(tempdir);
use Test::More;

my $root = $ENV{KAIRO_ROOT} || abs_path('.');
my $kairo = "$root/build/kairo";

plan skip_all => 'the command is the same in every build'
    if $ENV{KAIRO_PROBE};
plan skip_all => "no $kairo, make it by scripts/build" unless -x $kairo;

my $dir = tempdir(CLEANUP => 1);
my $malformed = 'block target_malformed';

usage();
options();
types();
answers_and_status();
input();
documentation();
vectors();
done_testing();


# Runs the command: its exit status, and what it wrote.

sub kairo_in {
    my ($in, @args) = @_;

    open my $out, '>:raw', "$dir/stdin" or die;
    print $out $in;
    close $out or die;

    my $pid = fork // die "fork: $!\n";

    if ($pid == 0) {
        open STDIN, '<', "$dir/stdin" or die;
        open STDOUT, '>', "$dir/stdout" or die;
        open STDERR, '>', "$dir/stderr" or die;
        alarm 20;
        exec $kairo, 'target', @args or die;
    }

    waitpid $pid, 0;
    my $status = $? & 127 ? "signal $?" : $? >> 8;

    return ($status, read_file("$dir/stdout"), read_file("$dir/stderr"));
}


sub read_file {
    my ($file) = @_;
    local $/;
    open my $in, '<:raw', $file or die "$file: $!\n";
    return <$in> // '';
}


# answers STATUS, OUT, ERR, NAME, ARGUMENT...

sub answers {
    my ($status, $out, $err, $name, @args) = @_;
    my ($s, $o, $e) = kairo_in('', @args);
    is("$s\n$o$e", "$status\n$out$err", $name);
}


sub usage {
    my $out = qx($kairo --help);
    like($out, qr/^    kairo target \[--type url\|host\|hostport\|ip\|auto\] .* TARGET \.\.\.$/m,
         'help knows it');
}


sub options {
    my $takes = 'which takes: [--type url|host|hostport|ip|auto] '
              . '[--blocklist FILE] [--allowlist FILE [--exceptions]] '
              . 'TARGET ...';

    for my $bad ('', 'URL', 'domain', 'url ', 'urls', 'ur', 'host|ip') {
        answers(2, '', "kairo: unknown type \"$bad\", expected url, host, "
                       . "hostport, ip or auto\n", "--type \"$bad\"",
                "--type=$bad", 'example.com');
    }

    answers(2, '', "kairo: option \"--type\" wants a value\n",
            '--type without a value', '--type');
    answers(2, '', "kairo: unknown option \"--types\" of \"target\", $takes\n",
            'an option that is none', '--types', 'url', 'x');
    answers(2, '', "kairo: unknown option \"--t\" of \"target\", $takes\n",
            'no abbreviations', '--t', 'url', 'x');
    answers(0, "allow example.com\n", '', 'the last of an option counts',
            '--type', 'url', '--type', 'host', 'example.com');
    answers(1, "$malformed port_not_wanted\n", '', 'a value behind "="',
            '--type=host', 'example.com:80');
    answers(1, "$malformed hyphen\n", '', 'behind "--" is a value', '--',
            '--type');
    answers(1, "$malformed hyphen\n", '', 'and so is one hyphen', '-a.com');
    answers(1, "allow example.com\n$malformed hyphen\n", '',
            'options come first', 'example.com', '--type');
}


# What each type makes of each value.

sub types {
    my %want = (
        'http://example.com/x' => {
            url => 'allow http://example.com/x',
            auto => 'allow http://example.com/x',
            host => "$malformed port", hostport => "$malformed port",
            ip => "$malformed port" },
        'example.com' => {
            url => "$malformed no_scheme", auto => 'allow example.com',
            host => 'allow example.com', hostport => 'allow example.com',
            ip => "$malformed ipv4" },
        'Example.com.:443' => {
            url => "$malformed slashes", auto => 'allow example.com:443',
            host => "$malformed port_not_wanted",
            hostport => 'allow example.com:443',
            ip => "$malformed port_not_wanted" },
        '8.8.8.8' => {
            url => "$malformed no_scheme", auto => 'allow 8.8.8.8',
            host => 'allow 8.8.8.8', hostport => 'allow 8.8.8.8',
            ip => 'allow 8.8.8.8' },
        '[2606:4700:0::1]' => {
            url => "$malformed no_scheme", auto => 'allow 2606:4700::1',
            host => 'allow 2606:4700::1', hostport => 'allow 2606:4700::1',
            ip => 'allow 2606:4700::1' },
        '[2606:4700:0::1]:80' => {
            url => "$malformed no_scheme", auto => 'allow [2606:4700::1]:80',
            host => "$malformed port_not_wanted",
            hostport => 'allow [2606:4700::1]:80',
            ip => "$malformed port_not_wanted" },
    );

    for my $value (sort keys %want) {
        for my $type (sort keys %{$want{$value}}) {
            my $wanted = $want{$value}{$type};
            answers($wanted =~ /^allow/ ? 0 : 1, "$wanted\n", '',
                    "$type: $value", '--type', $type, $value);
        }
        answers($want{$value}{auto} =~ /^allow/ ? 0 : 1,
                "$want{$value}{auto}\n", '', "no type: $value", $value);
    }
}


sub answers_and_status {
    answers(0, "allow example.com\nallow 8.8.8.8\n", '', 'all are allowed',
            'example.com', '8.8.8.8');
    answers(1, "allow example.com\n$malformed ipv4\nallow example.org\n", '',
            'one is not', 'example.com', '127.1', 'example.org');
    answers(1, "$malformed empty\n", '', 'an empty argument', '');

    # each code

    my %codes = (
        'http://a@example.com/' => 'target_malformed userinfo',
        'ftp://example.com/' => 'target_scheme scheme',
        'example.com:22' => 'target_port port_not_listed',
        'localhost' => 'target_special_name special_domain',
        'wiki' => 'target_special_name single_label',
        'a.nip.io' => 'target_special_name wildcard_dns',
        'metadata.google.internal' => 'target_metadata metadata_name',
        '169.254.169.254' => 'target_metadata metadata_address',
        '10.0.0.1' => 'target_special_address ipv4_private',
    );

    for my $value (sort keys %codes) {
        answers(1, "block $codes{$value}\n", '', $codes{$value}, $value);
    }

    # what is blocked is said, the text is not

    my ($status, $out, $err) = kairo_in("http://a\x1b[31m.com/\n\xff\n");
    is("$status$err", '1', 'bytes that a terminal obeys');
    is($out, "$malformed control_or_space\n$malformed not_utf8\n",
       'are not written');
}


sub input {
    my ($status, $out, $err) = kairo_in("example.com\n127.0.0.1\n\n8.8.8.8");
    is("$status$err", '1', 'lines: one is not allowed');
    is($out, "allow example.com\nblock target_special_address ipv4_loopback\n"
             . "$malformed empty\nallow 8.8.8.8\n",
       'an answer for each line, the last without an end too');

    ($status, $out, $err) = kairo_in("example.com\nexample.org\n");
    is("$status$out$err", "0allow example.com\nallow example.org\n",
       'all lines are allowed');

    ($status, $out, $err) = kairo_in('');
    is("$status$out$err", '0', 'no lines');

    ($status, $out, $err) = kairo_in("example.com\r\n");
    is("$status$out$err", "1$malformed control_or_space\n", 'CR and LF');

    ($status, $out, $err) = kairo_in("example.com\0.evil.com\n");
    is("$status$out$err", "1$malformed control_or_space\n", 'a zero');

    my $long = 'http://example.com/' . 'a' x (2048 - 19);
    ($status, $out, $err) = kairo_in("$long\n${long}a\n" . 'a' x 100000);
    is("$status$out$err", "1allow $long\n$malformed too_long\n"
                          . "$malformed too_long\n", 'long lines');

    ($status, $out, $err) = kairo_in("8.8.8.8\nexample.com\n", '--type', 'ip');
    is("$status$out$err", "1allow 8.8.8.8\n$malformed ipv4\n",
       'lines of a type');

    my $many = join '', map { "a$_.example.com\n" } 1 .. 5000;
    ($status, $out, $err) = kairo_in($many);
    (my $wanted = $many) =~ s/^/allow /mg;
    ok($status eq '0' && $out eq $wanted, 'thousands of lines');
}


# The page shows an example: it is what happens.

sub documentation {
    my $page = read_file("$root/docs/sanitize.md");
    my ($call, $out) = $page =~ /^    \$ kairo target ([^\n]+)\n((?:    .*\n)+)/m;

    ok($call, 'the page shows an example') or return;
    $out =~ s/^    //mg;

    my ($status, $said) = kairo_in('', split / /, $call);
    is($said, $out, 'as it is');

    # every reason that the code has is in the page

    my %reasons;
    for my $file (glob("$root/src/core/kairo_{url,name,net}.c"),
                  glob("$root/src/libs/kairo_{idna,target}.c"))
    {
        my $text = read_file($file);
        $reasons{$_} = 1 for $text =~ /return "(\w+)"/g,
                             $text =~ /\? "(\w+)"/g, $text =~ /: "(\w+)"/g,
                             $text =~ /"target_\w+", "(\w+)"/g,
                             $text =~ /\? wrong : "(\w+)"/g;
    }

    delete $reasons{no_memory};
    my @unknown = grep { !/^ipv[46]_/ && index($page, "`$_`") < 0 }
                  sort keys %reasons;
    cmp_ok(scalar keys %reasons, '>', 25, 'reasons are found');
    is("@unknown", '', 'and all are in the page');
}


# Cases that others have written: URLs, hosts, hosts with a port, addresses.

sub vectors {
    my $vectors = $ENV{KAIRO_VECTORS} || '../shared/vectors';

    SKIP: {
        skip "no $vectors/targets.tsv", 1 unless -f "$vectors/targets.tsv";

        my (@cases, $in);

        for my $line (split /\n/, read_file("$vectors/targets.tsv")) {
            my ($text, $verdict, $source) = split /\t/, $line;
            my $value = unescape($text);

            # no line on standard input can hold it

            if ($value =~ /\n/) {
                my (undef, $out) = kairo_in('', $value);
                is((split / /, $out)[0], $verdict, "$verdict: $text");
                next;
            }

            push @cases, [$text, $verdict, $source];
            $in .= "$value\n";
        }

        my (undef, $out, $err) = kairo_in($in);
        my @lines = split /\n/, $out;

        is($err, '', 'nothing is said of the cases');
        is(scalar @lines, scalar @cases, 'each case has an answer');

        my %of;
        for my $i (0 .. $#cases) {
            my ($text, $verdict, $source) = @{$cases[$i]};
            $of{$verdict}++;
            push @{$of{wrong}}, "$text: $lines[$i], not $verdict ($source)"
                unless ($lines[$i] // '') =~ /^$verdict /;
        }

        cmp_ok($of{allow}, '>', 100, 'cases to be allowed');
        cmp_ok($of{block}, '>', 100, 'cases to be blocked');
        is(join("\n", @{$of{wrong} || []}), '', 'each as it is to be');
    }
}


sub unescape {
    my ($text) = @_;
    my %short = ('\\' => '\\', t => "\t", n => "\n", r => "\r");

    # all are characters, also \xHH

    $text =~ s{\\(?:([\\tnr])|x([0-9A-Fa-f]{2})|u([0-9A-Fa-f]{4})
               |U([0-9A-Fa-f]{8}))}
              {defined $1 ? $short{$1} : bytes(hex($2 // $3 // $4))}gex;
    return $text;
}


sub bytes {
    my ($text) = chr $_[0];
    utf8::encode($text);
    return $text;
}
