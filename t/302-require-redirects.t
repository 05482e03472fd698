# By whatever way a request comes to a location, what that one requires holds;
# and what the one it came from requires held before.

use strict;
use warnings;

use File::Path qw(make_path);
use lib 't/lib';
use Kairo::Server;
use Kairo::Token qw(secret token);
use Test::More;

my $key = secret('m' x 32);
my $elses = secret('o' x 32);
my $s = Kairo::Server->new(ports => 2);

# What is required, what a token has that has it, what those are told who have
# not.

my %kind = (
    role       => ['kairo_require role=strong;', { roles => ['strong'] }, 403],
    permission => ['kairo_require permission=strong:enter;',
                   { roles => ['keeper'] }, 403],
    token      => ['kairo_require permission=strong:enter;',
                   { scope => 'strong:enter' }, 403],
    claim      => ['kairo_require claim org=acme;', { org => 'acme' }, 403],
    variable   => ['kairo_require claim org=$http_org;', { org => 'x' }, 403],
    admin      => ['kairo_require_admin;', { sub => 'root' }, 403],
    paid       => ['kairo_entitlement pro;', { tier => 'pro' }, 402],
    bypass     => ['kairo_entitlement pro bypass=admin;', { sub => 'root' },
                   402],
);

# Ways from one location to another; %s is where to.

my %way = (
    'try-files'    => 'try_files /none %s;',
    'try-named'    => 'try_files /none @%s;',
    'error'        => 'error_page 404 %s;',
    'error-200'    => 'error_page 404 =200 %s;',
    'error-as'     => 'error_page 404 = %s;',
    'error-named'  => 'error_page 404 =200 @%s;',
    'accel'        => 'proxy_pass http://127.0.0.1:%%PORT+1%%/?to=%s;',
    'accel-named'  => 'proxy_pass http://127.0.0.1:%%PORT+1%%/?to=@%s;',
    'index'        => 'index none %s;',
    'recursive'    => 'recursive_error_pages on; error_page 404 %s;',
    'intercept'    => 'proxy_intercept_errors on; error_page 404 =200 %s; '
                      . 'proxy_pass http://127.0.0.1:%%PORT+1%%/missing;',
    'rewrite'      => 'rewrite ^ %s last;',
    'rewrite-if'   => 'if ($request_method) { rewrite ^ %s last; }',
    'two'          => 'try_files /none %s/led;',
);

# What is asked before anything else; a rewrite comes before that, so that the
# first location is never asked.

my %weak = (
    open  => 'kairo_auth off;',
    user  => '',
    weak  => 'kairo_require role=weak;',
    optional => 'kairo_auth optional issuer=main;',
    dry   => 'kairo_auth_dry_run on;',
    either => 'kairo_auth required issuer=main issuer=other;',
);

sub locations {
    my $text = '';

    for my $kind (sort keys %kind) {
        my $rule = $kind{$kind}[0];
        $text .= "location = /strong/$kind { $rule }\n"
               . "location = /strong/$kind/led { kairo_auth off; "
               . "try_files /none /strong/$kind; }\n"
               . "location \@/strong/$kind { $rule "
               . "try_files /strong/$kind =404; }\n"
               . "location = /any/$kind { satisfy any; allow all; $rule }\n"
               . "location = /deny/$kind { satisfy any; deny all; $rule }\n"
               . "location = /all/$kind { satisfy all; allow all; $rule }\n";
        $text .= "location = /any/$kind/led { kairo_auth off; satisfy any; "
               . "allow all; try_files /none /any/$kind; }\n";

        for my $way (sort keys %way) {
            my $slash = $way eq 'index' ? '/' : '';
            for my $weak (sort keys %weak) {
                $text .= "location = /from/$weak/$way/$kind$slash { "
                       . "$weak{$weak} "
                       . $way{$way} =~ s{%s}{/strong/$kind}r . " }\n";
            }
            $text .= "location = /to/$way/$kind$slash { $rule "
                   . $way{$way} =~ s{%s}{/weak}r . " }\n";
            $text .= "location = /both/$way/$kind$slash { $rule "
                   . $way{$way} =~ s{%s}{/strong/both}r . " }\n";
        }
    }
    return $text;
}

$s->file('main.key', 'm' x 32);
$s->file('other.key', 'o' x 32);
for my $kind (keys %kind) {
    make_path(map { "$s->{dir}/html/$_/index/$kind" }
              'to', 'both', map { "from/$_" } keys %weak);
}
make_path(map { "$s->{dir}/html/$_" } qw(strong any deny all));
for my $kind (keys %kind) {
    $s->file("html/$_/$kind", "secret $kind\n") for qw(strong any deny all);
}
$s->file('html/strong/both', "secret both\n");
$s->file('html/weak', "weak\n");

$s->start(<<END);
    variables_hash_max_size 4096;
    kairo_issuer main {
        issuer https://issuer.test/; audience api; algs HS256;
        keys secret=file:main.key; roles roles; permissions scope; tier tier;
    }
    kairo_issuer other {
        issuer https://other.test/; audience api; algs HS256;
        keys secret=file:other.key; roles roles; permissions scope; tier tier;
    }
    kairo_admins root issuer=main;
    kairo_role keeper strong:*;
    log_format line '\$request_uri \$status [\$kairo_admin_run] '
                    '[\$kairo_entitlement] [\$kairo_reason]';
    access_log line.log line;
    kairo_require_log_level info;
    kairo_auth_log_level info;
    log_not_found off;

    server {
        listen 127.0.0.1:%%PORT%%;
        root html;
        kairo_auth required issuer=main;
        add_header X-Flags "\$kairo_admin_run|\$kairo_entitlement" always;
        add_header X-User "\$kairo_user" always;
        error_page 599 /none;

        location = /up { kairo_auth off; return 200 up; }
        location = /weak { kairo_auth off; }
        location \@/weak { kairo_auth off; try_files /weak =404; }
        location = /weak/led { kairo_auth off; try_files /none /weak; }
        location = /strong/both { kairo_require role=both; }
        location = /strong/both/led { try_files /none /strong/both; }
        location \@/strong/both { kairo_require role=both;
                                  try_files /strong/both =404; }

        # flags

        location = /flag/plain { kairo_entitlement pro bypass=admin;
                                 try_files /none /plain; }
        location = /flag/named { kairo_entitlement pro bypass=admin;
                                 try_files /none \@plain; }
        location = /flag/team { kairo_entitlement pro bypass=admin;
                                try_files /none /team; }
        location = /flag/more { kairo_entitlement pro bypass=admin;
                                try_files /none /more; }
        location = /flag/closed { kairo_entitlement pro bypass=admin;
                                  try_files /none /closed; }
        location = /flag/back { try_files /none /paid; }
        location = /flag/nobody { kairo_entitlement pro bypass=admin;
                                  try_files /none /nobody; }
        location = /flag/other { kairo_entitlement pro bypass=admin;
                                 try_files /none /other; }
        location = /plain { try_files /weak =404; }
        location \@plain { try_files /weak =404; }
        location = /paid { kairo_entitlement pro bypass=admin;
                           try_files /weak =404; }
        location = /team { kairo_entitlement team bypass=admin;
                           try_files /weak =404; }
        location = /more { kairo_require role=more;
                           kairo_entitlement pro bypass=admin;
                           try_files /weak =404; }
        location = /closed { kairo_entitlement team;
                             try_files /weak =404; }
        location = /nobody { kairo_auth optional issuer=main from=cookie:no;
                             try_files /weak =404; }
        location = /other { kairo_auth required issuer=main from=cookie:it;
                            try_files /weak =404; }
@{[locations()]}
    }
    server {
        listen 127.0.0.1:%%PORT+1%%;
        location = / { add_header X-Accel-Redirect \$arg_to; return 200 app; }
        location / { return 404; }
    }
END

sub code { return $_[0] =~ m{^HTTP/1.1 (\d+)} ? $1 : 0 }

sub asked {
    my ($path, $claims, @more) = @_;
    my @field = $claims
        ? 'Authorization: Bearer ' . token($key, claims => $claims) : ();
    return $s->get($path, 'Org: x', @field, @more);
}

# told NAME, STATUS, RESPONSE, CONTENT: the status; and of what is there all, or
# nothing at all.

sub told {
    my ($name, $status, $got, $content) = @_;
    my $body = (split /\r\n\r\n/, $got, 2)[1] // '';
    $body = 'a problem' if $body =~ /^\{"type":/;
    return is(code($got) . " $body", "$status " . ($content // 'a problem'),
              $name);
}

for my $kind (sort keys %kind) {
    my ($rule, $has, $refused) = @{$kind{$kind}};
    my $may = { %$has };
    my $weak = { roles => ['weak'] };
    my $both = { %$has, roles => [@{$has->{roles} // []}, 'weak', 'both'] };

    for my $way (sort keys %way) {

        # nginx reports the first status where it is told no other

        my $slash = $way eq 'index' ? '/' : '';
        my $arrived = $way =~ /^(?:error|recursive)$/ ? 404 : 200;

        for my $from (sort keys %weak) {
            my $path = "/from/$from/$way/$kind$slash";
            told("$path: nobody", 401, asked($path));
            told("$path: a user", $refused, asked($path, $weak));
            told("$path: who may", $arrived, asked($path, $both),
                 "secret $kind\n");
            next unless $from =~ /^(?:open|dry|either)$/;
            told("$path: a bad token", 401,
                 $s->get($path, 'Authorization: Bearer x.y.z'));
            told("$path: of another issuer", 401,
                 $s->get($path, 'Authorization: Bearer ' . token($elses,
                         claims => { iss => 'https://other.test/', %$may })));
        }

        next if $way =~ /^rewrite/;     # it comes before any question

        my $path = "/to/$way/$kind$slash";
        told("$path: nobody", 401, asked($path));
        told("$path: a user", $refused, asked($path, $weak));
        told("$path: who may", $arrived, asked($path, $may), "weak\n");

        $path = "/both/$way/$kind$slash";
        told("$path: nobody", 401, asked($path));
        told("$path: who has the one", 403, asked($path, $may));
        told("$path: who has the other", $refused,
             asked($path, { roles => ['both'] }));
        told("$path: who has both", $arrived, asked($path, $both),
             "secret both\n");
    }

    for my $path ("/any/$kind", "/all/$kind", "/any/$kind/led") {
        told("$path: nobody", 401, asked("$path"));
        told("$path: a user", $refused, asked("$path", $weak));
        told("$path: who may", 200, asked("$path", $may),
             "secret $kind\n");
    }
    is(code(asked("/deny/$kind", $may)), 403,
       "/deny/$kind: \"satisfy any\" has nothing to do with it");
    unlike(asked("/deny/$kind", $may), qr/secret/,
           "/deny/$kind: and nothing is shown");
}


# A flag is about the location that the request has come to.

sub flags {
    my ($path, $claims, @more) = @_;
    my $got = asked($path, $claims, @more);
    return join ' ', code($got), $s->field($got, 'X-Flags');
}

my $root = { sub => 'root' };

is(flags('/paid', $root), '200 1|admin', 'flags: the bypass');
is(flags('/flag/back', $root), '200 1|admin', 'flags: after a redirect');
is(flags('/flag/plain', $root), '200 1|admin',
   'flags: where nothing is required');
is(flags('/flag/named', $root), '200 1|admin',
   'flags: in a named location');
is(flags('/flag/team', { %$root, tier => 'team' }), '200 |team',
   'flags: a tier has opened the second paywall');
is(flags('/flag/team', { %$root, tier => 'pro' }), '200 1|admin',
   'flags: a tier has opened the first');
is(flags('/flag/team', { tier => 'pro' }), '402 |',
   'flags: the second stays closed');
is(flags('/flag/more', $root), '403 |', 'flags: the second requires more');
is(flags('/flag/more', { tier => 'pro' }), '403 |',
   'flags: the second requires more, of a tier');
is(flags('/flag/closed', $root), '402 |', 'flags: the second has no bypass');
is(flags('/flag/nobody', $root), '200 |',
   'flags: nobody is known where it ends');
is(flags('/flag/nobody', { tier => 'pro' }), '200 |',
   'flags: nobody is known, of a tier');
is(flags('/flag/other', $root, 'Cookie: it='
         . token($key, claims => { sub => 'bob' })), '200 |',
   'flags: another is known where it ends');
is(flags('/flag/other', { tier => 'pro' }, 'Cookie: it='
         . token($key, claims => { sub => 'bob' })), '200 |',
   'flags: another is known, of a tier');
is(flags('/flag/other', $root, 'Cookie: it='
         . token($key, claims => $root)), '200 1|admin',
   'flags: the same is known, from elsewhere');

$s->finish;

done_testing();
