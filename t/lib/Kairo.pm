package Kairo;

# What the project's Test::Nginx files share: no block may leave an [alert],
# [emerg] or [crit] line in the error log unless it says that it expects one.

use strict;
use warnings;

use Test::Nginx::Socket 'no_plan';

use Exporter 'import';
use File::Path qw(remove_tree);

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

# Where blocks are reloads, Test::Nginx empties the folders of the block
# before and leaves them: the next one may have a file of that name.

add_block_preprocessor(sub {
    remove_tree(glob html_dir() . "/*/")
        if $ENV{TEST_NGINX_USE_HUP};
});

no_long_string();
log_level('info');

# The test-only layer is in sanitize and fault builds alone.

sub probe_only {
    return if $ENV{KAIRO_PROBE};

    # "no_plan" was a plan already, so Test::More can't skip the file
    Test::More->builder->no_ending(1);
    print "1..0 # SKIP needs a build with the test-only layer\n";
    exit 0;
}

1;
