# kairo_spool and the directives of what is recorded: what each refuses and how
# it says so, what is taken, and what is inherited from level to level.

use strict;
use warnings;

use lib 't/lib';
use Kairo::Server;
use Kairo::Spool;
use Kairo::Token qw(json);
use Test::More;

my $s = Kairo::Server->new;
my $local = 'host=127.0.0.1 port=1 user=kairo_edge dbname=app';

$s->file('file', "no folder\n");

sub server { return "server { listen 127.0.0.1:%%PORT%%; $_[0] }\n" }

sub spool { return "kairo_spool $_[0];\n" . server('') }

# place TEXT: a location that has it, where there is a spool.

sub place { return "kairo_spool spool;\n" . server("location /x { $_[0] }") }

sub wrong {
    my ($name, $http, $message, %with) = @_;
    my ($said, $taken) = $s->tells($http);
    ok(!$taken, "$name: is not taken");
    ok(index($said, $message) >= 0, "$name: says why")
        or diag("expected: $message\ngot: $said");
    like($said, $with{nowhere} ? qr/^nginx: \[emerg\] /m
                               : qr/^nginx: \[emerg\] .* in \S+:\d+\n/ms,
         "$name: and where");
}

sub right {
    my ($name, $http) = @_;
    my ($said, $taken) = $s->tells($http);
    ok($taken, "$name: is taken") or diag($said);
    $said =~ s/^nginx: \[notice\].*\n//mg;
    return is($said, '', "$name: without a word");
}


# kairo_spool

wrong('no directory', spool(''),
      'invalid number of arguments in "kairo_spool"');
wrong('an empty one', spool('""'), 'invalid directory ""');
wrong('twice', "kairo_spool a; kairo_spool b;\n" . server(''),
      '"kairo_spool" directive is duplicate');
wrong("in $_->[0]", $_->[1], '"kairo_spool" directive is not allowed here')
    for ['a server', server('kairo_spool spool;')],
        ['a location', server('location / { kairo_spool spool; }')];

wrong("kairo_spool $_", spool("spool $_"), 'invalid parameter "'
      . s/.* //r =~ s/"//gr . '", expected size=SIZE of 4m or more, sync=off, '
      . 'sync=always or sync=TIME from 1ms to 60s, postgres=NAME or '
      . 'postgres=off, or edge=NAME of up to 64 bytes')
    for 'size=', 'size=4', 'size=4095k', 'size=-1m', 'size=x', 'size=4mb',
        'size=99999999999g', 'Size=4m', 'size', 'sync=', 'sync=on', 'sync=0',
        'sync=0ms', 'sync=61s', 'sync=60001ms', 'sync=1m1ms', 'sync=-1s',
        'sync=Always', 'sync=always2', 'sync=off2', 'sync', 'postgres=',
        'postgres', 'edge=', 'edge', 'edge=' . 'x' x 65, 'extra', 'on_full=drop',
        '""', 'size=4m sync=x';

right("kairo_spool $_", spool("spool $_")) for
    '', 'size=4m', 'size=4096k', 'size=100g', 'sync=off', 'sync=always',
    'sync=1ms', 'sync=60s', 'sync=1m', 'sync=60000ms', 'edge=' . 'x' x 64,
    'edge=a', 'postgres=off',
    'size=1g sync=100ms edge=eu-1 postgres=off';

# its database

my $db = sub { join '', map { "kairo_postgres $_ \"$local\";\n" } @_ };
my $several = 'there are several databases, and "kairo_spool" does not say '
              . 'which one gets its events; write postgres=NAME, or '
              . 'postgres=off';

right('one database', $db->('main') . spool('spool'));
right('one, which stands behind', spool('spool') . $db->('main'));
right('one by its name', $db->('main') . spool('spool postgres=main'));
right('one, and none of it', $db->('main') . spool('spool postgres=off'));
wrong('two', $db->('main', 'other') . spool('spool'), $several, nowhere => 1);
wrong('two, which stand behind', spool('spool') . $db->('main', 'other'),
      $several, nowhere => 1);
right('two, and one by its name',
      $db->('main', 'other') . spool('spool postgres=other'));
right('two, and none of them',
      $db->('main', 'other') . spool('spool postgres=off'));
wrong("a database that there is not: $_->[0]", $_->[1],
      '"kairo_spool" has postgres=none, and there is no "kairo_postgres" of '
      . 'that name in http', nowhere => 1)
    for ['none', spool('spool postgres=none')],
        ['another', $db->('main') . spool('spool postgres=none')];

# its directory

{
    my $dir = "$s->{dir}/spool";
    ok(-d $dir, 'nginx -t makes it');
    is((stat $dir)[2] & 07777, 0700, 'for its user alone');
    is(join(' ', Kairo::Spool::files($dir), Kairo::Spool::others($dir)), '',
       'and nothing in it');
    chmod 0500, $dir;
    right('one that is there', spool('spool/'));
    is((stat $dir)[2] & 0700, 0700, 'it may be written to');
    right('an absolute one', spool("$s->{dir}/absolute//"));
    ok(-d "$s->{dir}/absolute", 'is made');

    wrong('no parent', spool('none/spool'),
          "mkdir() \"$s->{dir}/none/spool\" failed (2: No such file",
          nowhere => 1);
    wrong('a file for a parent', spool('file/spool'),
          "mkdir() \"$s->{dir}/file/spool\" failed (20: Not a directory",
          nowhere => 1);
    wrong('a file in its place', spool('file'),
          "the spool \"$s->{dir}/file\" is no directory", nowhere => 1);
    is($s->log('file'), "no folder\n", 'and the file stays');
    symlink "$s->{dir}/absolute", "$s->{dir}/link";
    right('a link to one', spool('link'));
}


# kairo_tool_run

wrong("kairo_tool_run $_->[0]", place("kairo_tool_run $_->[0];"), $_->[1])
for (
    ['', 'invalid number of arguments in "kairo_tool_run"'],
    ['a b c', 'invalid number of arguments in "kairo_tool_run"'],
    (map { ["$_", 'invalid tool "' . s/"//gr =~ s/ .*//r . '", expected a name of 1 to 128 '
            . 'bytes, or "off" alone'] } '""', 'x' x 129, '"" on_full=drop',
            'off on_full=drop', 'off on_full=refuse'),
    (map { ["seo $_", 'invalid parameter "' . s/"//gr . '", expected '
            . 'on_full=refuse or on_full=drop'] }
     'on_full', 'on_full=', 'on_full=pass', 'On_full=drop', 'x', '""', 'off'),
    ['a$', 'invalid variable name'],
);
wrong('kairo_tool_run: an unknown variable', place('kairo_tool_run $no_such;'),
      'unknown "no_such" variable', nowhere => 1);
wrong("kairo_tool_run twice: $_", place($_),
      '"kairo_tool_run" directive is duplicate')
    for 'kairo_tool_run a; kairo_tool_run b;',
        'kairo_tool_run off; kairo_tool_run b;',
        'kairo_tool_run a; kairo_tool_run off;';
wrong('kairo_tool_run in an "if"',
      place('if ($arg_x) { kairo_tool_run seo; }'),
      '"kairo_tool_run" directive is not allowed here');
right("kairo_tool_run $_", place("kairo_tool_run $_;")) for
    'off', 'seo', '$arg_tool', 'a-${arg_tool}', 'x' x 128, 'seo on_full=drop',
    'seo on_full=refuse', '"a b"', "\xc3\xa4", 'a$arg_x' . 'x' x 200;


# kairo_event

my $pair = ', expected KEY=VALUE with a key of up to 64 of a-z, 0-9, "_", "."'
           . ' and "-", on_full=refuse or on_full=drop';

wrong("kairo_event $_->[0]", place("kairo_event $_->[0];"), $_->[1])
for (
    ['', 'invalid number of arguments in "kairo_event"'],
    (map { ["$_", 'invalid event "' . s/"//gr =~ s/ .*//r . '", expected up to '
            . '64 of a-z, 0-9, "_", "." and "-", and not "run", "refused" or '
            . '"gap", which kairo writes, or "off" alone'] }
     '""', 'A', 'a=b', 'a/b', 'x' x 65, 'run', 'refused', 'gap', '$arg_x',
     "\xc3\xa4", 'run a=b', 'off a=b', 'off on_full=drop'),
    (map { ["x $_", 'invalid parameter "' . s/"//gr . "\"$pair"] }
     'a', '=b', 'A=b', '""', 'on_full=', 'on_full=x', 'on_full=dropped',
     'x' x 65 . '=b', 'a/b=c', "\xc3\xa4=b", 'run=x', 'gap=', 'refused=y'),
    ['x a=$', 'invalid variable name'],
    ['x a=b b=$', 'invalid variable name'],
);
wrong('kairo_event: an unknown variable', place('kairo_event x a=$no_such;'),
      'unknown "no_such" variable', nowhere => 1);
wrong("kairo_event and off: $_->[0]", place($_->[0]), $_->[1]) for
    ['kairo_event off; kairo_event off;', 'can\'t be "off" beside others'],
    ['kairo_event a; kairo_event off;', 'can\'t be "off" beside others'],
    ['kairo_event off; kairo_event a;', 'is "off" already'];
wrong('kairo_event nine times',
      place(join ' ', map { "kairo_event e$_;" } 1 .. 9),
      'is there more than 8 times');
wrong('kairo_event in an "if"', place('if ($arg_x) { kairo_event x; }'),
      '"kairo_event" directive is not allowed here');
right("kairo_event $_", place("kairo_event $_;")) for
    'off', 'x', 'a.b-c_9', 'x' x 64, 'x a=b', 'x a=', 'x a=b=c', 'x a=$arg_a',
    'x a=b on_full=drop', 'x on_full=refuse a=b', 'x "a=b c"', 'offer',
    'x ' . 'k' x 64 . '=v', 'x off=b', 'x a=b a=c';
right('kairo_event eight times',
      place(join ' ', map { "kairo_event e$_;" } 1 .. 8));


# kairo_refusals

wrong("kairo_refusals $_->[0]", place("kairo_refusals $_->[0];"), $_->[1])
for (
    ['', 'invalid number of arguments in "kairo_refusals"'],
    (map { ["$_", 'invalid value "' . s/"//gr . '", expected "off", "all", or '
            . 'how many of each reason a worker records, as in 10r/s'] }
     '""', 'on', '0r/s', '-1r/s', 'r/s', '10', '10r/m', '1.5r/s', '10R/s',
     'All', '99999999999999999999r/s', '$arg_x', '10r/s2'),
);
wrong("kairo_refusals twice: $_", place($_),
      '"kairo_refusals" directive is duplicate')
    for 'kairo_refusals all; kairo_refusals off;',
        'kairo_refusals off; kairo_refusals 1r/s;';
right("kairo_refusals $_", place("kairo_refusals $_;"))
    for 'off', 'all', '1r/s', '1000000r/s';


# the others

wrong('kairo_region', place('kairo_region;'),
      'invalid number of arguments in "kairo_region"');
wrong('kairo_region twice', place('kairo_region a; kairo_region b;'),
      '"kairo_region" directive is duplicate');
wrong('kairo_region, an unknown variable', place('kairo_region $no_such;'),
      'unknown "no_such" variable', nowhere => 1);
right("kairo_region $_", place("kairo_region $_;")) for 'eu', '$arg_region',
    '""', 'x' x 100;

wrong("kairo_record_log_level $_", place("kairo_record_log_level $_;"),
      'invalid value "' . s/"//gr . '"') for 'debug', 'infos', 'crit', '""';
wrong('kairo_record_log_level twice',
      place('kairo_record_log_level info; kairo_record_log_level warn;'),
      '"kairo_record_log_level" directive is duplicate');
right("kairo_record_log_level $_", place("kairo_record_log_level $_;"))
    for qw(info notice warn error);

wrong("kairo_record_dry_run $_", place("kairo_record_dry_run $_;"),
      'it must be "on" or "off"') for 'yes', '1', '""';
wrong('kairo_record_dry_run twice',
      place('kairo_record_dry_run on; kairo_record_dry_run off;'),
      '"kairo_record_dry_run" directive is duplicate');
right("kairo_record_dry_run $_", place("kairo_record_dry_run $_;"))
    for qw(on off);


# without a spool

for my $of ('kairo_tool_run seo', 'kairo_event x a=b', 'kairo_refusals all',
            'kairo_refusals 5r/s', 'kairo_tool_run seo on_full=drop',
            'kairo_record_dry_run on; kairo_tool_run seo')
{
    my ($name) = $of =~ /.*(kairo_(?:tool_run|event|refusals))/;
    my $none = "has \"$name\", and there is no place for events: write "
               . '"kairo_spool DIRECTORY" in http';
    wrong("no spool: $of", server("location /x { $of; }"),
          "location \"/x\" $none", nowhere => 1);
    wrong("no spool, inherited: $of", server("$of; location /x { }"), $none,
          nowhere => 1);
    wrong("no spool, from http: $of", "$of;" . server(''), $none,
          nowhere => 1);
}
right("no spool: $_", server("location /x { $_; }")) for
    'kairo_tool_run off', 'kairo_event off', 'kairo_refusals off',
    'kairo_region eu', 'kairo_record_dry_run on', 'kairo_record_log_level info';
right('no spool, and off where it would be used',
      server('location /x { kairo_tool_run off; kairo_event off; }'));
right('a spool behind what uses it',
      server('location /x { kairo_tool_run seo; }') . 'kairo_spool spool;');
right('a spool that nobody uses', spool('spool'));


# inheritance: what each place records

$s->file('error.log', '');
$s->file('html/t', 'content');

$s->start(<<'END');
    kairo_spool events edge=test;
    kairo_tool_run from-http;
    kairo_event seen at=http;
    kairo_region http;
    server {
        listen 127.0.0.1:%%PORT%%;
        root html;
        add_header X-Id $kairo_event_id;
        location = /up { kairo_tool_run off; kairo_event off; return 200 up; }
        location /inherited { try_files /t =404; }
        location /own { kairo_tool_run own; kairo_region own; try_files /t =404; }
        location /off { kairo_tool_run off; try_files /t =404; }
        location /event { kairo_event other a=b; kairo_event more;
                          try_files /t =404;
                          location /event/off { kairo_event off;
                                                try_files /t =404; }
                          location /event/in { kairo_tool_run in;
                                               try_files /t =404; } }
        location /none { kairo_tool_run off; kairo_event off;
                         try_files /t =404;
                         location /none/run { kairo_tool_run again;
                                              try_files /t =404; } }
        location /region { kairo_region ""; try_files /t =404; }
        location /dry { kairo_record_dry_run on; try_files /t =404;
                        location /dry/off { kairo_record_dry_run off;
                                            try_files /t =404; } }
    }
END

my $dir = "$s->{dir}/events";

for (['/inherited', 'run from-http http, seen http'],
     ['/own', 'run own own, seen own'],
     ['/off', 'seen http'],
     ['/event', 'run from-http http, other http, more http'],
     ['/event/off', 'run from-http http'],
     ['/event/in', 'run in http, other http, more http'],
     ['/none', ''],
     ['/none/run', 'run again http'],
     ['/region', 'run from-http, seen'],
     ['/dry', ''],
     ['/dry/off', 'run from-http http, seen http'],
     ['/up', ''])
{
    my ($path, $wanted) = @$_;
    my $before = Kairo::Spool::read($dir);
    my $got = $s->get($path);
    my $all = Kairo::Spool::ended($dir);
    my @new = grep { !$before->{events}{$_} } @{$all->{order}};
    is(join(', ', map { my $e = $all->{events}{$_};
                        join ' ', grep { defined } @$e{qw(kind tool region)} }
                  @new), $wanted, "$path: what is recorded");
    is($s->field($got, 'X-Id') // '', $new[0] // '', "$path: and told");
    is_deeply($all->{wrong}, [], "$path: all of it is whole");
}

{
    my $all = Kairo::Spool::read($dir);
    my %details = map { $_->{kind} . ' ' . json($_->{details} // {}) => 1 }
                  values %{$all->{events}};
    is(join(', ', sort keys %details), 'more {}, other {"a":"b"}, run {}, '
       . 'seen {"at":"http"}', 'with these details');
}

$s->finish;

done_testing();
