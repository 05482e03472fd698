package Kairo;

# What the project's Test::Nginx files share: no block may leave an [alert],
# [emerg] or [crit] line in the error log unless it says that it expects one.

use strict;
use warnings;

use Test::Nginx::Socket 'no_plan';

use Exporter 'import';

our @EXPORT_OK = qw(probe_only);

add_block_preprocessor(sub {
    my ($block) = @_;

    return if defined $block->must_die;

    my $expected = $block->error_log // '';
    my @never = grep { index($expected, $_) < 0 } '[alert]', '[emerg]', '[crit]';
    my $own = $block->no_error_log;

    $block->set_value('no_error_log',
                      join("\n", (defined $own ? $own : ()), @never));
});

# By reloads a zone would keep the state of the block before: that is what it
# is for.  So each block's zones get names of their own.

my $block_number = 0;

add_block_preprocessor(sub {
    my ($block) = @_;

    return unless $ENV{TEST_NGINX_USE_HUP} && defined $block->http_config;

    my %zone = map { $_ => 1 }
               $block->http_config =~ /kairo_ratelimit_zone\s[^;]*\bzone=(\w+):/g;
    my $suffix = 'b' . ++$block_number;

    for my $section (qw(http_config config error_log no_error_log
                        grep_error_log grep_error_log_out response_body
                        response_body_like response_headers
                        raw_response_headers_like))
    {
        my $text = $block->$section;
        next unless defined $text && !ref $text;
        for my $name (keys %zone) {
            $text =~ s/(zone=|\\?")$name(?=:|;|\s|\\?")/$1$name$suffix/g;
        }
        $block->set_value($section, $text);
    }
});

no_long_string();
log_level('info');

# The test-only layer is in sanitize and fault builds alone.

sub probe_only {
    return if $ENV{KAIRO_PROBE};
    Test::More::plan(skip_all => 'needs a build with the test-only layer');
}

1;
