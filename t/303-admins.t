# Who is an administrator: by the configuration, a file, the environment; over
# reloads, which see a new file and no new environment, and over a binary
# upgrade, which hands down what is named.

use strict;
use warnings;

use lib 't/lib';
use Kairo::Server;
use Kairo::Token qw(secret token);
use Test::More;

my %key = map { $_ => secret($_ x 32) } qw(m o);
my $name = 'KAIRO_TEST_ADMINS';

my $main = <<'END';
    kairo_issuer main { issuer https://issuer.test/; audience api; algs HS256;
                        keys secret=file:m.key; roles roles; tier tier;
                        email email verified=email_verified; }
END
my $other = <<'END';
    kairo_issuer other { issuer https://other.test/; audience api; algs HS256;
                         keys secret=file:o.key; subject uid;
                         email mail verified=always; }
END
my $third = <<'END';
    kairo_issuer third { issuer https://third.test/; audience api; algs HS256;
                         keys secret=file:m.key; }
END

sub server {
    my ($issuers) = @_;
    return <<END;
    server {
        listen 127.0.0.1:%%PORT%%;
        root html;
        kairo_auth required $issuers;
        add_header X-Admin "[\$kairo_admin]" always;
        location = /up { kairo_auth off; return 200 up; }
        location = /metrics { kairo_auth off; kairo_metrics; }
        location = /t { }
        location = /admin { kairo_require_admin; try_files /t =404; }
    }
END
}

# made MAIN: a server with its files, not started yet.

sub made {
    my ($before) = @_;
    my $s = Kairo::Server->new(main => $before // '');
    $s->file("$_.key", $_ x 32) for keys %key;
    $s->file('html/t', "content\n");
    return $s;
}

# started ADMINS, MAIN: with one issuer.

sub started {
    my ($admins, $before) = @_;
    my $s = made($before);
    return $s->start("$main kairo_admins $admins;\n" . server('issuer=main'));
}

# silently CODE: without what nginx says on stderr as well as in its log.

sub silently {
    my ($code) = @_;
    open my $keep, '>&', \*STDERR or die "stderr: $!\n";
    open STDERR, '>', '/dev/null' or die "/dev/null: $!\n";
    my $result = $code->();
    open STDERR, '>&', $keep or die "stderr: $!\n";
    return $result;
}

sub is_admin {
    my ($s, %claims) = @_;
    my $key = $key{($claims{iss} // '') =~ /other/ ? 'o' : 'm'};
    my $field = 'Authorization: Bearer ' . token($key, claims => \%claims);
    my $got = $s->get('/t', $field);
    my $flag = $s->field($got, 'X-Admin');
    my $status = $s->status('/admin', $field);
    return "$flag $status" if ($flag eq '[1]' ? 200 : 403) != $status;
    return $flag eq '[1]' ? 1 : 0;
}

sub mail {
    my ($email, $verified) = (@_, JSON::PP::true);
    return (email => $email, email_verified => $verified);
}

# admins SERVER: which of some people are.

sub admins {
    my ($s) = @_;
    return join ' ', grep { is_admin($s, sub => 'x', mail("$_\@b.test")) ||
                            is_admin($s, sub => $_) } 'a' .. 'f';
}

sub counts {
    my ($s) = @_;
    my $metrics = $s->get('/metrics');
    return join ' ', map { $metrics =~ /^kairo_admins\{source="$_"\} (\d+)$/m }
                     qw(configuration file environment);
}

sub said {
    my ($s, $what) = @_;
    return scalar(() = $s->log =~ /\[notice\].*kairo admins: $what/mg);
}


# Entries.

{
    my $s = started('founder@Example.COM subject:Auth0|5f7c name '
                    . 'subject:who@example.com email:b@b.test '
                    . 'UPPER "subject:two words" x@y '
                    . "subject:\xc3\xa4 issuer=main");

    ok(is_admin($s, sub => 'x', mail($_)), "e-mail: $_")
        for 'founder@example.com', 'Founder@EXAMPLE.com', 'b@b.test',
            'B@B.Test', 'x@y';
    ok(!is_admin($s, sub => 'x', mail($_)), 'e-mail: not ' . s/[^ -~]/?/gr)
        for 'founder@example.co', 'ounder@example.com',
            'founder@example.com.', 'founder@example.comm',
            'founder @example.com', ' founder@example.com',
            'founder@example.com ', 'founder@@example.com',
            'founder@example.com@example.com', 'a@founder@example.com',
            "f\x{f6}under\@example.com", "founder\@ex\x{e4}mple.com",
            "\x{212a}ounder\@example.com", '<founder@example.com>',
            'founder+1@example.com', '', '@', 'name', 'subject:name',
            'who@example.com', 'Auth0|5f7c', "founder\@example.com\x{0130}";
    ok(!is_admin($s, sub => 'x', mail('founder@example.com', $_->[1])),
       "e-mail: verified is $_->[0]")
        for ['false', JSON::PP::false], ['"true"', 'true'], ['1', 1],
            ['null', undef], ['"1"', '1'], ['[true]', [JSON::PP::true]];
    ok(!is_admin($s, sub => 'x', mail(['founder@example.com'])),
       'e-mail: an array');
    ok(!is_admin($s, sub => 'x', email => 'founder@example.com'),
       'e-mail: nobody says that it is verified');
    ok(!is_admin($s, sub => 'founder@example.com'),
       'an address that is a subject');

    ok(is_admin($s, sub => $_), 'subject: ' . s/[^ -~]/?/gr)
        for 'Auth0|5f7c', 'name', 'who@example.com', 'UPPER', 'two words',
            "\x{e4}";
    ok(!is_admin($s, sub => $_), 'subject: not ' . s/[^ -~]/?/gr)
        for 'auth0|5f7c', 'Auth0|5f7', 'Auth0|5f7cc', 'Name', 'upper',
            'who@EXAMPLE.com', 'b@b.test', 'x@y', 'subject:name', 'sname',
            'ename', 'two', "\x{c4}", 'issuer=main', 'name ', 's' x 255;
    ok(!is_admin($s, sub => 'x', roles => ['admin', 'name'], tier => 'admin',
                 admin => JSON::PP::true, kairo_admin => 1),
       'a token that says so is none');

    is(counts($s), '9 0 0', 'how many there are');
    $s->logged(qr/\[notice\] .*kairo admins: 9 from the configuration, 0 from its file$/,
               'which the log of the start says');
    $s->not_logged(qr/founder|auth0|5f7c|who\@|b\@b|UPPER|two words/i,
                   'and not who they are');
    $s->finish;
}


# Issuers.

{
    my $s = made();
    $s->start($main . $other . $third . "kairo_admins founder\@example.com "
              . "name issuer=other issuer=third;\n"
              . server('issuer=main issuer=other issuer=third'));
    my @other = (iss => 'https://other.test/', uid => 'x');
    my @third = (iss => 'https://third.test/');

    ok(!is_admin($s, sub => 'name'), 'issuer: the first is not named');
    ok(!is_admin($s, sub => 'x', mail('founder@example.com')),
       'issuer: nor its e-mail');
    ok(is_admin($s, @other, uid => 'name'), 'issuer: the second');
    ok(!is_admin($s, @other, sub => 'name'), 'issuer: by its own subject');
    ok(is_admin($s, @other, mail => 'Founder@example.com'),
       'issuer: an e-mail that it says is verified always');
    ok(!is_admin($s, @other, mail('founder@example.com')),
       'issuer: by the claim that is named');
    ok(is_admin($s, @third, sub => 'name'), 'issuer: the third');
    ok(!is_admin($s, @third, sub => 'x', mail('founder@example.com')),
       'issuer: one that has no e-mail');
    is(counts($s), '2 0 0', 'issuer: entries are counted once');

    $s->reload($main . $other . $third . "kairo_admins founder\@example.com "
               . "name issuer=main;\n"
               . server('issuer=main issuer=other issuer=third'));
    ok(is_admin($s, sub => 'name'), 'issuer: another after a reload');
    ok(!is_admin($s, @other, uid => 'name'), 'issuer: and no more');
    $s->finish;
}


# A file, and a reload with another one.

{
    my $s = made();
    my $http = "$main kairo_admins a file=list f\@b.test file=more;\n"
               . server('issuer=main');
    $s->file('list', "# who\nb\@b.test\n\n\tsubject:c \r\n#d\@b.test\n");
    $s->file('more', 'B@B.TEST');
    $s->start($http);

    is(admins($s), 'a b c f', 'file: with those of the configuration');
    is(counts($s), '2 3 0', 'file: how many');
    is(said($s, '2 from the configuration, 3 from its file$'), 1,
       'file: the log');

    my $token = token($key{m}, claims => { sub => 'c' });
    is($s->status('/admin', "Authorization: Bearer $token"), 200,
       'file: a token that is known');

    $s->file('list', "d\@b.test");
    is(admins($s), 'a b c f', 'file: another one, and no reload');
    ok($s->reload($http), 'file: a reload');
    is(admins($s), 'a b d f', 'file: which takes it');
    is($s->status('/admin', "Authorization: Bearer $token"), 403,
       'file: who was taken off is none, though the token is known');
    is(counts($s), '2 2 0', 'file: how many now');
    is(said($s, '2 from the configuration, 2 from its file$'), 1,
       'file: the log says so');

    # what is wrong leaves all as it was

    my @workers = $s->children;
    for (["secret\@\n", qr/\[emerg\].*line 1 of the list of kairo_admins/],
         [undef, qr/\[emerg\].*the list of kairo_admins.*can't be opened/])
    {
        my ($text, $why) = @$_;
        defined $text ? $s->file('list', $text) : unlink "$s->{dir}/list";
        kill 'HUP', $s->pid;
        ok($s->until(sub { $s->log =~ $why }), "file: $why");
        is(join(' ', $s->children), join(' ', @workers),
           'file: the workers stay');
        is(admins($s), 'a b d f', 'file: and so do the administrators');
    }
    $s->file('list', "# nobody\n");
    ok($s->reload($http), 'file: an empty one');
    is(admins($s), 'a b f', 'file: which is a list too');
    $s->not_logged(qr/secret|b\.test/, 'file: no name in the log');
    $s->{expected} = qr/the list of kairo_admins/;
    $s->finish;
}


# The environment: set, empty, not set.

for (
    ['set', 'c@b.test, d', 'c d', '0 0 2'],
    ['with much space', "\t c\@b.test ,,\r\n subject:d,e\@B.test, ", 'c d e',
     '0 0 3'],
    ['empty', '', '', '0 0 0'],
    ['nothing but commas', ' , ,', '', '0 0 0'],
    ['not set', undef, 'a b', '1 1 0'],
) {
    my ($what, $value, $who, $counts) = @$_;
    local $ENV{$name} = $value;
    delete $ENV{$name} unless defined $value;

    my $s = made("env $name;");
    $s->file('list', "b\n");
    my $http = "$main kairo_admins a\@b.test file=list env=$name;\n"
               . server('issuer=main');
    $s->start($http);

    is(admins($s), $who, "environment: $what");
    is(counts($s), $counts, "environment: $what: how many");
    my ($n) = $counts =~ /(\d)$/;
    is(said($s, defined $value
            ? "$n from the environment, by \"$name\", instead of those of "
              . 'the configuration$'
            : '1 from the configuration, 1 from its file$'), 1,
       "environment: $what: the log");
    $s->not_logged(qr/kairo_admins has/, "environment: $what: no warning");
    $s->not_logged(qr/b\.test/i, "environment: $what: no name");

    # a reload keeps what the start has seen, and a restart does not

    $ENV{$name} = 'f';
    ok($s->reload($http), "environment: $what: a reload");
    is(admins($s), $who, "environment: $what: which changes nothing");
    is(counts($s), $counts, "environment: $what: nor how many");

    if ($what =~ /^(?:set|not set)$/) {
        $s->stop;
        $s->start($http);
        is(admins($s), 'f', "environment: $what: a restart does");
    }
    $s->finish;
}

# a reload that asks for another variable

{
    local $ENV{$name} = 'c';
    local $ENV{"${name}_2"} = 'd';
    my $s = made("env $name; env ${name}_2;");
    my $http = "$main kairo_admins a env=$name;\n" . server('issuer=main');
    $s->start($http);
    is(admins($s), 'c', 'another variable: before');
    $s->reload($http =~ s/env=$name/env=${name}_2/r);
    is(admins($s), 'd', 'another variable: after');
    $s->reload($http =~ s/ env=$name//r);
    is(admins($s), 'a', 'no variable');
    is(counts($s), '1 0 0', 'no variable: how many');
    $s->finish;
}

# a value in the configuration, which counts over that of the environment

for my $there ('d', undef) {
    local $ENV{$name} = $there;
    delete $ENV{$name} unless defined $there;
    my $s = started("a env=$name", "env $name=b,c\@b.test;");
    is(admins($s), 'b c', 'a value in the configuration'
       . (defined $there ? ', over another' : ''));
    is(counts($s), '0 0 2', 'a value in the configuration: how many');
    $s->not_logged(qr/kairo_admins has/, 'a value in the configuration: no warning');

    $s->{main} = "env $name=e;";
    ok($s->reload("$main kairo_admins a env=$name;\n"
                  . server('issuer=main')), 'a value: a reload');
    is(admins($s), 'e', 'a value: which sees another one');
    $s->{main} = "env $name=;";
    ok($s->reload("$main kairo_admins a env=$name;\n"
                  . server('issuer=main')), 'an empty value: a reload');
    is(admins($s), '', 'an empty value: nobody');
    $s->not_logged(qr/b\.test/, 'a value: no name');
    $s->finish;
}

# with no "env" it is read, and nginx warns

for my $env ('', "env ${name}S=b;") {
    local $ENV{$name} = 'c';
    my $s = silently(sub { started("a env=$name", $env) });
    is(admins($s), 'c', "\"$env\": the variable counts");
    $s->logged(qr/\[warn\] .*kairo_admins has env=$name, and no "env $name;" stands before "http"/,
               "\"$env\": and nginx warns");
    $s->finish;
}


# A binary upgrade: the new nginx has what is named, and no more.

for (['named', "env $name;", 'c'], ['not named', '', 'a'],
     ['a value', "env $name=d;", 'd'])
{
    my ($what, $env, $after) = @$_;
    local $ENV{$name} = 'c';
    my $s = made("env ASAN_OPTIONS; env UBSAN_OPTIONS; $env");
    silently(sub { $s->start("$main kairo_admins a env=$name;\n"
                             . server('issuer=main')) });
    is(admins($s), $what eq 'a value' ? 'd' : 'c', "upgrade, $what: before");

    $ENV{$name} = 'f';
    my $old = $s->pid;
    kill 'USR2', $old;
    ok($s->until(sub { ($s->pid // $old) != $old && $s->children == 1 }),
       "upgrade, $what: a new master has started its worker");
    kill 'QUIT', $old;
    ok($s->until(sub { !Kairo::Server::alive($old) }), "upgrade, $what: the old one ends");
    is(admins($s), $after, "upgrade, $what: after");
    is(counts($s), $after eq 'a' ? '1 0 0' : '0 0 1',
       "upgrade, $what: how many");
    is($s->log =~ /\[warn\].*no "env $name;"/ ? 1 : 0,
       $what eq 'not named' ? 1 : 0, "upgrade, $what: what was warned of");
    $s->finish;
}

done_testing();
