# Directives of rights: what each refuses and how it says so, without a name of
# anybody, what is taken, and what is inherited from level to level.

use strict;
use warnings;

use lib 't/lib';
use Kairo::Server;
use Kairo::Token qw(secret token);
use Test::More;

my $s = Kairo::Server->new;

$s->file('key', 'k' x 32);
$s->file('revoked', '');
mkdir "$s->{dir}/folder";
unlink "$s->{dir}/revoked";
$s->file($_->[0], $_->[1]) for (
    ['list', "# all\nfounder\@example.com\n\n  subject:auth0|5f7c \t\r\n"],
    ['list.none', "# nobody\n\n"],
    ['list.ends', 'founder@example.com'],
    ['list.comment', "founder\@example.com\n  # behind spaces\n"],
    ['list.two-at', "# all\nann\@example.com\n\nbob\@a\@b\n"],
    ['list.bom', "\xef\xbb\xbffounder\@example.com\n"],
    ['list.control', "secret-subject\x01\n"],
    ['list.nul', "secret-subject\0x\n"],
    ['list.long', ('s' x 256) . "\n"],
    ['list.255', ('s' x 255) . "\n"],
    ['list.large', "secret-subject\n" x 5000],
    ['list.behind', "secret-one\@example.com # a comment\n"],
    ['list.words', "secret-one\@example.com,secret-two\@example.com\n"],
    ['list.prefix', "secret-one\@example.com\nsubject:\n"],
    ['text', "this is a text\n"],
);

sub tells { return $s->tells(@_) }

my $issuer = 'kairo_issuer main { issuer https://issuer.test/; audience api;'
             . " algs HS256; keys secret=file:key; roles roles; tier tier;"
             . " email email verified=always; }\n";
my $second = $issuer =~ s/main/second/r =~ s/issuer\.test/second.test/r;
my $admins = "kairo_admins founder\@example.com;\n";
my $auth = 'kairo_auth required issuer=main;';

sub server { return "server { listen 127.0.0.1:%%PORT%%; $_[0] }\n" }

# place TEXT: a location that has it, in a server with auth and all there is.

sub place {
    return $issuer . $admins . server("$auth location /x { $_[0] }");
}

sub wrong {
    my ($name, $http, $message, %with) = @_;
    my ($said, $taken) = tells($http);
    ok(!$taken, "$name: is not taken");
    ok(index($said, $message) >= 0, "$name: says why")
        or diag("expected: $message\ngot: $said");
    like($said, $with{nowhere} ? qr/^nginx: \[emerg\] /m
                               : qr/^nginx: \[emerg\] .* in \S+:\d+$/m,
         "$name: and where");
    unlike($said, qr/founder|secret-|auth0|\@/, "$name: and no name");
}

sub right {
    my ($name, $http, $warning) = @_;
    my ($said, $taken) = tells($http);
    ok($taken, "$name: is taken") or diag($said);
    $said =~ s/^nginx: \[notice\].*\n//mg;
    return is($said, '', "$name: without a word") unless $warning;
    like($said, qr/^nginx: \[warn\] .*\Q$warning\E/m, "$name: with a warning");
    unlike($said, qr/\[emerg\]|founder|secret-|\@/,
           "$name: no error, and no name");
}


# kairo_require

wrong("kairo_require $_->[0]", place("kairo_require $_->[0];"), $_->[1]) for (
    ['', 'invalid number of arguments in "kairo_require"'],
    (map { ["$_", 'invalid condition "' . s/"//gr =~ s/^role=x \| | .*//gr
                  . '", expected role=NAME, '
                  . 'permission=NAME, claim NAME=VALUE, or "off" alone'] }
     'editor', 'on', 'OFF', 'Role=x', 'roles=x', 'role=', 'permission=',
     'permissions=x', 'claims a=b', '""', 'claim=a', 'off role=x',
     'role=x | off', 'role =x', 'tier=pro', 'admin'),
    (map { ["role=$_->[0]", "invalid name \"$_->[1]\" in \"$_->[2]\", "
            . 'expected up to 64 visible ASCII characters without a comma, '
            . '"="'] }
     ['a,b', ('a,b') x 2], ['a|', '', 'a|'], ['|a', '', '|a'],
     ['a||b', '', 'a||b'], ['a=b', ('a=b') x 2], ['x' x 65, ('x' x 65) x 2],
     ["\xc3\xa4", ("\xc3\xa4") x 2], ['a|role=b', 'role=b', 'a|role=b']),
    ['"role=a b"', 'invalid name "a b" in "a b"'],
    (map { ["permission=$_", "invalid name \"$_\" in \"$_\", expected up to 64"
            . ' visible ASCII characters without a comma, "=" and "*", which '
            . 'belongs into kairo_role'] }
     'orders:*', '*', 'a*b', 'a,b', 'a=b', 'x' x 65),
    ['permission=a|b:*', 'invalid name "b:*" in "a|b:*"'],
    ['claim', 'has "claim" without NAME=VALUE'],
    ['role=x | claim', 'has "claim" without NAME=VALUE'],
    (map { ["claim $_", "invalid claim \"$_\", expected NAME=VALUE"] }
     'org', '=acme', '='),
    ['claim | role=x', 'invalid claim "|", expected NAME=VALUE'],
    (map { ["claim $_", "the claim \"$_\" has an empty value, which none ever "
            . 'has'] } 'org=', 'org=a|', 'org=|a', 'org=a||b', 'org=|'),
    (map { [$_, 'has two conditions without "|" between: write "|" where one '
            . 'of them is enough, or a line for each'] }
     'role=x role=y', 'role=x | role=y role=z', 'claim a=b c=d',
     'role=x || role=y', 'role=x claim a=b', 'role=x off'),
    (map { [$_, 'has a "|" without a condition on both sides'] }
     '|', '| role=x', 'role=x |', 'role=x | | role=y', 'claim a=b |'),
    ['claim a=$', 'invalid variable name'],
);
wrong('an unknown variable', place('kairo_require claim a=$no_such_variable;'),
      'unknown "no_such_variable" variable', nowhere => 1);
wrong("off: $_", place($_), '"off" comes first, and once: it takes away what '
                            . 'the levels above require')
    for 'kairo_require off; kairo_require off;',
        'kairo_require role=x; kairo_require off;',
        'kairo_require off; kairo_require role=x; kairo_require off;';
wrong('kairo_require in an "if"',
      place('if ($arg_x) { kairo_require role=x; }'),
      '"kairo_require" directive is not allowed here');

right("kairo_require $_", place("kairo_require $_;")) for
    'off', 'role=editor', 'role=a|b|c', 'role=a | role=b', 'role=off',
    'permission=orders:read|x', 'role=' . 'x' x 64, 'claim a=b',
    'claim /a/b=c|d', 'claim a=b | claim c=d | role=x', 'claim a==',
    'claim https://x/y=$arg_x', '"claim" "a b=c d"', 'claim a=${arg_x}y|z',
    'claim role=x', 'claim off=off';
right('off, and then lines',
      place('kairo_require off; kairo_require role=a; kairo_require role=b;'));

# what it needs

my $needs = 'requires who may be there, and needs "kairo_auth required" in the'
            . ' same place';

for my $line ('kairo_require role=x;', 'kairo_require_admin;',
              'kairo_entitlement pro;', 'kairo_entitlement pro bypass=admin;')
{
    wrong("no auth: $line", $issuer . $admins
          . server("location /x { $line }"), "location \"/x\" $needs",
          nowhere => 1);
    wrong("optional auth: $line", $issuer . $admins
          . server("kairo_auth optional issuer=main; location /x { $line }"),
          "location \"/x\" $needs", nowhere => 1);
    wrong("auth that is taken away: $line", $issuer . $admins
          . server("$auth location /x { kairo_auth off; $line }"),
          "location \"/x\" $needs", nowhere => 1);
    wrong("auth that is taken away below: $line", $issuer . $admins
          . server("$auth location /x { $line location /x/y "
                   . '{ kairo_auth off; } }'),
          "location \"/x/y\" $needs", nowhere => 1);
    wrong("auth that is optional in a nested location: $line", $issuer
          . $admins . server("$auth $line location /x { location /x/y { "
                             . 'kairo_auth optional issuer=main; } }'),
          "location \"/x/y\" $needs", nowhere => 1);
    wrong("auth in locations alone: $line", $issuer . $admins
          . server("$line location /x { $auth }"),
          "a server, outside of its locations, $needs", nowhere => 1);
    wrong("another server: $line", $issuer . $admins . $line
          . server($auth) . server('server_name other;'),
          "a server, outside of its locations, $needs", nowhere => 1);
    right("with auth: $line",
          $issuer . $admins . $line . $auth . server('location /x { }'));
    right("auth in a dry run: $line", $issuer . $admins
          . server("$auth kairo_auth_dry_run on; $line"));
}

wrong("no kairo_admins: $_", $issuer . server("$auth location /x { $_ }"),
      'location "/x" requires who may be there, and needs kairo_admins, which '
      . 'says who is an administrator', nowhere => 1)
    for 'kairo_require_admin;', 'kairo_entitlement pro bypass=admin;';
right("no kairo_admins: $_", $issuer . server("$auth location /x { $_ }"))
    for 'kairo_require_admin off;', 'kairo_entitlement pro;',
        'kairo_entitlement off;', 'kairo_require role=x;';
right('what is off needs nobody',
      server('kairo_require off; kairo_require_admin off; '
             . 'kairo_entitlement off;'));


# kairo_require_admin

wrong("kairo_require_admin $_", place("kairo_require_admin $_;"),
      "invalid value \"$_\", expected \"off\" or nothing")
    for qw(on OFF 1 admin no);
wrong('kairo_require_admin off off', place('kairo_require_admin off off;'),
      'invalid number of arguments in "kairo_require_admin"');
wrong("kairo_require_admin twice: $_", place($_),
      '"kairo_require_admin" directive is duplicate')
    for 'kairo_require_admin; kairo_require_admin;',
        'kairo_require_admin; kairo_require_admin off;',
        'kairo_require_admin off; kairo_require_admin;';


# kairo_role

wrong("kairo_role $_->[0]", place('') . "kairo_role $_->[0];", $_->[1]) for (
    ['', 'invalid number of arguments in "kairo_role"'],
    ['editor', 'invalid number of arguments in "kairo_role"'],
    (map { ["$_ x", 'invalid role "' . s/"//gr . '", expected up to 64 visible'
            . ' ASCII characters without "," and "|"'] }
     '""', 'a,b', 'a|b', 'x' x 65, '"a b"', "\xc3\xa4"),
    (map { ["editor x $_", 'invalid permission "' . s/"//gr . '", expected up '
            . 'to 64 visible ASCII characters without "," and "|", and "*" '
            . 'alone or after the last ":"'] }
     '""', 'a,b', 'a|b', 'a*', 'a:*b', 'a:*:b', '**', 'a:**', '*:a', '*a',
     '"a b"', 'x' x 65),
);
wrong('a role twice', 'kairo_role a x; kairo_role a y;',
      '"kairo_role" directive is duplicate');
wrong('a role in a server', server('kairo_role a x;'),
      '"kairo_role" directive is not allowed here');
right("kairo_role $_", "kairo_role $_;")
    for 'editor x', 'editor articles:* images:upload', 'boss *',
        'a ' . 'x' x 64, 'deep a:b:c:*', 'odd :*';
right('two roles', 'kairo_role a x; kairo_role A x; kairo_role ab x;');
right('roles that nobody asks for', place('kairo_require role=z;')
      . 'kairo_role a x;');


# kairo_entitlement, kairo_entitlement_upgrade

wrong("kairo_entitlement $_->[0]", place("kairo_entitlement $_->[0];"),
      $_->[1]) for (
    ['', 'invalid number of arguments in "kairo_entitlement"'],
    ['bypass=admin', '"kairo_entitlement" directive names no tier'],
    (map { ["pro $_", 'invalid parameter "' . s/"//gr . '", expected up to 8 '
            . 'names of tiers with spaces between, and bypass=admin'] }
     'team|free', 'off', 'bypass=', 'bypass=all', 'bypass=administrator', 'a=b', 'a,b', '""',
     '"a b"', 'x' x 65, "\xc3\xa4"),
    ['a b c d e f g h i', 'invalid parameter "i"'],
    (map { [$_, 'can\'t have "admin" for a tier of a token: write '
            . 'bypass=admin, or kairo_require_admin'] }
     'admin', 'pro admin', 'admin bypass=admin'),
);
wrong("kairo_entitlement twice: $_", place($_),
      '"kairo_entitlement" directive is duplicate')
    for 'kairo_entitlement pro; kairo_entitlement team;',
        'kairo_entitlement off; kairo_entitlement pro;',
        'kairo_entitlement pro; kairo_entitlement off;';
right("kairo_entitlement $_", place("kairo_entitlement $_;"))
    for 'off', 'pro', 'a b c d e f g h', 'a b c d e f g h bypass=admin',
        'bypass=admin pro', 'administrator', 'Admin';

wrong("kairo_entitlement_upgrade $_",
      place("kairo_entitlement_upgrade $_;"),
      'invalid URL "' . s/"//gr . '", expected http://, https:// or a path, in '
      . 'ASCII without spaces and quotes')
    for 'pricing', '""', 'ftp://x/', 'HTTPS://x/', 'javascript:alert(1)',
        '"https://x/a b"', "https://x/\xc3\xa4", 'https:/x', '"https://x/<>"';
wrong('a quote in it', place(q(kairo_entitlement_upgrade 'https://x/"';)),
      'invalid URL "https://x/""');
wrong('kairo_entitlement_upgrade twice',
      place('kairo_entitlement_upgrade /a; kairo_entitlement_upgrade /b;'),
      '"kairo_entitlement_upgrade" directive is duplicate');
wrong("kairo_entitlement_upgrade $_", place("kairo_entitlement_upgrade $_;"),
      'invalid number of arguments in "kairo_entitlement_upgrade"')
    for '', '/a /b';
right("kairo_entitlement_upgrade $_", place("kairo_entitlement_upgrade $_;"))
    for '/', '/plans?a=1&b=2#c', 'http://x', 'https://x/~y';


# kairo_require_log_level, kairo_require_dry_run

wrong("kairo_require_log_level $_", place("kairo_require_log_level $_;"),
      "invalid value \"$_\"") for qw(debug crit off warning);
right("kairo_require_log_level $_", place("kairo_require_log_level $_;"))
    for qw(info notice warn error);
wrong("kairo_require_dry_run $_", place("kairo_require_dry_run $_;"),
      "invalid value \"$_\"") for qw(yes 1 true);
right("kairo_require_dry_run $_", place("kairo_require_dry_run $_;"))
    for qw(on off);


# kairo_admins

my $nobody = 'is neither an address of e-mail nor a subject';

sub admins { return "$issuer kairo_admins $_[0];\n" }

wrong('kairo_admins without any', admins(''),
      'invalid number of arguments in "kairo_admins"');
wrong('kairo_admins in a server', $issuer
      . server('kairo_admins secret-one;'),
      '"kairo_admins" directive is not allowed here');
wrong('kairo_admins twice', $issuer . $admins . $admins,
      '"kairo_admins" directive is duplicate');
wrong("kairo_admins: $_", admins("secret-one $_"),
      "word 2 of kairo_admins $nobody, nor issuer=NAME, file=PATH or env=NAME")
    for 'secret-two@a@b', '@secret-two', 'secret-two@', 'email:secret-two',
        "secret-two\@ex\xc3\xa4mple.com", '"secret-two @example.com"',
        "email:secret-two\@", '"secret-two@example.com,secret-three"',
        'secret-two@' . 'x' x 255, 's' x 256, "\"subject:secret-\x01\"",
        '"Founder <secret-two@example.com>"', '""', '@', 'email:@',
        'email:', 'subject:', 'env=', 'file=', 'issuer=';
right("kairo_admins: $_", admins($_))
    for 'founder@example.com', 'auth0|5f7c', 'subject:a@b', 'email:a@b',
        's' x 255, 'email:' . 'a' x 60 . '@b', "subject:\xc3\xa4",
        'subject:env=', 'a b c d e f g h i', 'issuer=main a', 'a issuer=main',
        'issuer=main', 'file=list', 'file=list.none', 'file=list.ends',
        'file=list.comment', 'file=list.255', 'file=list file=list.ends b';

wrong("a list: $_->[0]", admins("file=$_->[0]"), $_->[1]) for (
    ['list.two-at', "line 4 of the list of kairo_admins, \"$s->{dir}/"
                    . "list.two-at\", $nobody"],
    ['list.bom', "line 1 of the list of kairo_admins, \"$s->{dir}/list.bom\", "
                 . $nobody],
    ['list.control', 'line 1 of the list'], ['list.nul', 'line 1 of the list'],
    ['list.long', 'line 1 of the list'], ['list.behind', 'line 1 of the list'],
    ['list.words', 'line 1 of the list'], ['list.prefix',
                                           'line 2 of the list'],
    ['list.large', "the list of kairo_admins, \"$s->{dir}/list.large\", can't "
                   . 'be read, or has 64 KiB or more'],
    ['folder', "the list of kairo_admins, \"$s->{dir}/folder\", can't be read"
               . ', or has 64 KiB or more (21: Is a directory)'],
    ['missing', "the list of kairo_admins, \"$s->{dir}/missing\", can't be "
                . 'opened (2: No such file or directory)'],
);

wrong('two issuers, and none is named', $issuer . $second . $admins,
      'kairo_admins has to name its issuer, issuer=NAME: there are 2 of them',
      nowhere => 1);
wrong('no issuer at all', $admins, 'kairo_admins has to name its issuer, '
      . 'issuer=NAME: there are 0 of them', nowhere => 1);
wrong('an unknown issuer', admins('secret-one issuer=mainly'),
      'unknown issuer "mainly" of kairo_admins, define it by kairo_issuer',
      nowhere => 1);
wrong('nine issuers', admins('secret-one ' . 'issuer=main ' x 9),
      '"kairo_admins" directive names more than 8 issuers');
right('eight issuers', admins('secret-one ' . 'issuer=main ' x 8));
right('an issuer that comes later', "kairo_admins a issuer=second;\n"
      . $issuer . $second);
wrong('two variables', admins('env=A env=B'),
      '"kairo_admins" directive has "env=" twice');

{
    local $s->{main} = 'env KAIRO_TEST_ADMINS;';
    my $env = 'env=KAIRO_TEST_ADMINS';
    right('a variable that is not set', admins("founder\@example.com $env"));
    for (['', 1], ['a@b', 1], [' a@b ,, subject:x@y	z,', 1],
         ['a@b,secret-two@@x', 0, 2], ["a\@b \n secret-one\@", 0, 2],
         ["secret-one\x01", 0, 1], ['subject:', 0, 1],
         ["a b c secret-d\@\xc3\xa4", 0, 4])
    {
        my ($value, $good, $entry) = @$_;
        local $ENV{KAIRO_TEST_ADMINS} = $value;
        my $name = 'the variable "' . $value =~ s/[^ -~]/?/gr . '"';
        if ($good) {
            right($name, admins("founder\@example.com $env"));
        } else {
            wrong($name, admins("founder\@example.com $env"),
                  "entry $entry of \"KAIRO_TEST_ADMINS\" in the environment "
                  . $nobody, nowhere => 1);
        }
    }
    local $ENV{KAIRO_TEST_ADMINS} = 'a@b';
    wrong('a list that is replaced has to be right all the same',
          admins("secret-one\@ $env"), "word 1 of kairo_admins $nobody");
}

right("a variable that no \"env\" names: $_->[0]",
      admins("founder\@example.com env=$_->[1]"),
      "kairo_admins has env=$_->[1], and no \"env $_->[1];\" stands before "
      . '"http": a binary upgrade would lose the variable, and with it who is '
      . 'an administrator')
    for ['unset', 'KAIRO_TEST_NONE'], ['another', 'KAIRO_TEST_ADMIN'];
{
    local $s->{main} = 'env KAIRO_TEST_ADMINS=secret-one@example.com;';
    right('a variable with its value',
          admins('founder@example.com env=KAIRO_TEST_ADMINS'));
    right('a name that is the beginning of another',
          admins('founder@example.com env=KAIRO_TEST_ADMIN'),
          'no "env KAIRO_TEST_ADMIN;" stands before');
    local $s->{main} = 'env KAIRO_TEST_ADMINS=secret-one@;';
    wrong('a variable with a wrong value',
          admins('founder@example.com env=KAIRO_TEST_ADMINS'),
          'entry 1 of "KAIRO_TEST_ADMINS" in the environment', nowhere => 1);
}


# kairo_revocations, kairo_revoke

my $revocations = "kairo_revocations revoked;\n";
my $all = $issuer . $admins . $revocations;

wrong("kairo_revocations $_->[0]", $issuer . "kairo_revocations $_->[0];",
      $_->[1]) for (
    ['', 'invalid number of arguments in "kairo_revocations"'],
    ['a b c', 'invalid number of arguments in "kairo_revocations"'],
    (map { ["revoked $_", "invalid parameter \"$_\""] }
     'size=', 'size=x', 'size=-1', 'size=1k', 'max=1m', 'Size=4m'),
);
wrong('a folder that is not there', $issuer
      . 'kairo_revocations none/revoked;', 'can\'t be opened', nowhere => 1);
wrong('a folder', $issuer . 'kairo_revocations folder;', 'can\'t be opened',
      nowhere => 1);
wrong('a text', $issuer . 'kairo_revocations text;', 'does not begin with',
      nowhere => 1);
wrong('kairo_revocations twice', $issuer . $revocations x 2,
      '"kairo_revocations" directive is duplicate');
wrong('kairo_revocations in a server', $issuer . server($revocations),
      '"kairo_revocations" directive is not allowed here');
right("kairo_revocations $_", $issuer . "kairo_revocations $_;")
    for 'revoked', 'revoked size=1m';

my $unfit = '"kairo_auth required" in the location of kairo_revoke';

wrong("kairo_revoke: $_", $all . server($_), "needs $unfit", nowhere => 1)
    for 'location /x { kairo_revoke; }',
        "location /x { $auth location /x/y { kairo_auth off; kairo_revoke; } }",
        'location /x { kairo_auth optional issuer=main; kairo_revoke; }';
wrong("kairo_revoke without $_->[0]", $issuer . $_->[1]
      . server("$auth location /x { kairo_revoke; }"),
      'needs kairo_admins and kairo_revocations for kairo_revoke',
      nowhere => 1)
    for ['kairo_admins', $revocations], ['kairo_revocations', $admins],
        ['both', ''];
wrong("kairo_revoke and $_", $all
      . server("$auth location /x { kairo_revoke; $_ }"),
      'has kairo_revoke and another handler in one location', nowhere => 1)
    for 'proxy_pass http://127.0.0.1:1;', 'kairo_metrics;';
wrong('kairo_revoke in a server', $all . server("$auth kairo_revoke;"),
      '"kairo_revoke" directive is not allowed here');
wrong('kairo_revoke with more', $all
      . server("$auth location /x { kairo_revoke on; }"),
      'invalid number of arguments in "kairo_revoke"');
wrong('kairo_revoke twice', $all
      . server("$auth location /x { kairo_revoke; kairo_revoke; }"),
      '"kairo_revoke" directive is duplicate');
right('kairo_revoke', $all . server("$auth location /x { kairo_revoke; }"));
right('two of them', $all . server("$auth location /x { kairo_revoke; "
                                   . 'location /x/y { kairo_revoke; } }'));


# What is inherited: the requirement that refuses who has none of them, or the
# status.  "-" is who has all but it.

my $key = secret('k' x 32);

$s = Kairo::Server->new;
$s->file('key', 'k' x 32);

$s->start(<<"END");
    $issuer
    kairo_admins root;
    kairo_auth required issuer=main;
    kairo_require role=http;
    kairo_entitlement basic;
    kairo_entitlement_upgrade /http;

    server {
        listen 127.0.0.1:%%PORT%%;
        root html;
        add_header X-Reason \$kairo_reason always;
        kairo_require role=server;

        location = /up { kairo_auth off; kairo_require off;
                         kairo_entitlement off; return 200; }

        location /a { }
        location /b { kairo_require role=one; kairo_require role=two;
            location /b/c { kairo_require role=three;
                location /b/c/d { } }
            location /b/e { kairo_require off; kairo_require role=four;
                location /b/e/f { kairo_require role=five; } }
            location /b/g { kairo_require off;
                location /b/g/h { kairo_require role=six; } }
        }
        location /i { kairo_require_admin; kairo_require off;
            location /i/j { kairo_require role=one; }
            location /i/k { kairo_require_admin off; }
            location /i/l { kairo_require off;
                            kairo_entitlement off; }
        }
        location /m { kairo_require off; kairo_entitlement pro;
                      kairo_entitlement_upgrade /m;
            location /m/n { }
            location /m/o { kairo_entitlement off;
                location /m/o/p { }
                location /m/o/q { kairo_entitlement team bypass=admin; } }
            location /m/r { kairo_entitlement_upgrade /r; }
        }
        location /s { kairo_require off; kairo_entitlement off; }
        location /v { kairo_require_dry_run on;
            location /v/w { kairo_require_dry_run off; }
        }
        location /l { limit_except POST { allow all; }
                      kairo_require role=one; }
        location /y { kairo_require role=one;
                      if (\$arg_x) { set \$y 1; } }
    }
    server {
        listen 127.0.0.1:%%PORT%%;
        server_name other;
        add_header X-Reason \$kairo_reason always;
        kairo_require off;
        kairo_entitlement off;
        kairo_require_admin;
        root html;
        location /a { }
        location /b { kairo_require_admin off; }
        location /c { kairo_require role=one; }
    }
END

sub asked {
    my ($path, $claims, @more) = @_;
    my $got = $s->ask('GET', $path, undef,
                      'Authorization: Bearer ' . token($key, claims => $claims),
                      @more);
    return join ' ', $got =~ m{^HTTP/1.1 (\d+)},
                     $s->field($got, 'X-Reason') // ();
}

# path, requirements in their order

my @other = ('Host: other');

for (
    ['/a', 'role=http', 'role=server', 'entitlement=basic'],
    ['/b', 'role=http', 'role=server', 'role=one', 'role=two',
     'entitlement=basic'],
    ['/b/c', 'role=http', 'role=server', 'role=one', 'role=two', 'role=three',
     'entitlement=basic'],
    ['/b/c/d', 'role=http', 'role=server', 'role=one', 'role=two',
     'role=three', 'entitlement=basic'],
    ['/b/e', 'role=four', 'entitlement=basic'],
    ['/b/e/f', 'role=four', 'role=five', 'entitlement=basic'],
    ['/b/g', 'entitlement=basic'],
    ['/b/g/h', 'role=six', 'entitlement=basic'],
    ['/i', 'admin', 'entitlement=basic'],
    ['/i/j', 'role=one', 'admin', 'entitlement=basic'],
    ['/i/k', 'entitlement=basic'],
    ['/i/l', 'admin'],
    ['/m', 'entitlement=pro'],
    ['/m/n', 'entitlement=pro'],
    ['/m/o'],
    ['/m/o/p'],
    ['/m/o/q', 'entitlement=team'],
    ['/m/r', 'entitlement=pro'],
    ['/s'],
    ['/v/w', 'role=http', 'role=server', 'entitlement=basic'],
    ['/l', 'role=http', 'role=server', 'role=one', 'entitlement=basic'],
    ['/y', 'role=http', 'role=server', 'role=one', 'entitlement=basic'],
    ['/y?x=1', 'role=http', 'role=server', 'role=one', 'entitlement=basic'],
    ['/none', 'role=http', 'role=server', 'entitlement=basic'],
    [['/a', @other], 'admin'],
    [['/b', @other]],
    [['/c', @other], 'role=one', 'admin'],
    [['/none', @other], 'admin'],
) {
    my ($path, @required) = @$_;
    my @request = ref $path ? @$path : $path;
    my $name = join ' ', @request;
    my (%has, @roles);

    # one more right at a time: what is asked next, to the end

    for my $next (@required, undef) {
        my $status = !defined $next ? '' : $next =~ /^ent/ ? 402 : 403;
        my $got = asked($request[0], { %has, roles => [@roles] },
                        @request[1 .. $#request]);
        if (defined $next) {
            is($got, "$status $next", "$name: $next");
        } else {
            like($got, qr/^404\b/, "$name: " . (@required
                 ? 'who has all of it' : 'anybody'));
            last;
        }
        push @roles, $next =~ s/role=//r if $next =~ /^role/;
        $has{sub} = 'root' if $next eq 'admin';
        $has{tier} = $1 if $next =~ /^entitlement=(\w+)/;
    }
}

is(asked('/v', { }), '404 role=http', 'a dry run of a level');
is(asked('/m/o/q', { sub => 'root' }), '404', 'the bypass of a level');
is(asked('/m', { sub => 'root' }), '402 entitlement=pro',
   'and not of that above');

for (['/a', '/http'], ['/m', '/m'], ['/m/n', '/m'], ['/m/r', '/r'],
     ['/m/o/q', '/m'])
{
    my ($path, $upgrade) = @$_;
    my $got = $s->get($path, 'Authorization: Bearer '
                      . token($key, claims => { roles => 'http server' }));
    like($got, qr/"upgrade":"\Q$upgrade\E"\}/, "$path: where it can be had");
}

$s->finish;


# A configuration that uses none of it has no zone and no handler.

{
    my $s = Kairo::Server->new;
    $s->start(<<'END');
    kairo_role a x:*;
    server {
        listen 127.0.0.1:%%PORT%%;
        kairo_require off;
        kairo_entitlement off;
        kairo_entitlement_upgrade /x;
        kairo_require_log_level info;
        location = /up { return 200; }
        location /t { add_header X-All
            "[$kairo_admin$kairo_entitlement$kairo_admin_run$kairo_permissions$kairo_decision]";
            empty_gif; }
        location /m { kairo_metrics; }
    }
END
    is($s->field($s->get('/t'), 'X-All'), '[]', 'unused: nothing is known');
    unlike($s->get('/m'), qr/kairo_require_total|kairo_admins|kairo_revoc/,
           'unused: no metrics');
    $s->not_logged(qr/kairo admins/, 'unused: no word of administrators');
    $s->finish;
}

done_testing();
