# What tells whether runs were lost or doubled: nothing where the accounts
# agree, and each way in which they may differ.

use strict;
use warnings;

use lib 't/lib';
use Kairo::Reconcile;
use Test::More;

my $now = 1_700_000_000_000;
my $users = 5;
my $runs = 1000;
my $killed = $now + 10 * $runs;

# An id of that time, the nth.

sub id {
    my ($ms, $n) = @_;
    my $hex = sprintf '%012x', $ms;
    return sprintf '%s-%s-7000-8000-%012x', substr($hex, 0, 8),
                   substr($hex, 8), $n;
}

# Accounts that agree: a run each 10 ms, and at the end one of each kind that is
# not as it should be, but may be.

sub accounts {
    my (@sent, @received, @rows);
    for my $n (1 .. $runs) {
        my ($user, $tool, $at) = ('u' . $n % $users, 'seo', $now + 10 * $n);
        my $id = id($at, $n);
        push @sent, [$n, $user, $tool, $at, $at + 5, 'ok', $id];
        push @received, [$id, $n];
        push @rows, [$id, $user, $tool, 200];
    }
    my $at = $killed;
    my @id = map { id($at, $runs + $_) } 0 .. 5;

    # left and broken, received or not, and one with and without an end
    push @sent, [$runs + 1, 'u1', 'seo', $at, $at + 5, 'left', '-'],
                [$runs + 2, 'u2', 'seo', $at, $at + 5, 'broken', '-'],
                [$runs + 3, 'u3', 'seo', $at, $at + 5, 'broken', '-'],
                [$runs + 4, 'u4', 'seo', $at, $at + 5, 'full', '-'],
                [$runs + 5, 'u4', 'seo', $at, $at + 5, 'broken', '-'];
    push @received, [$id[1], $runs + 1];
    push @rows, [$id[1], 'u1', 'seo', 499], [$id[2], 'u2', 'seo', ''],
                [$id[3], 'u3', 'seo', 499];

    # an answer that left in the turn in which its worker was killed
    $rows[-4][3] = '' if $rows[-4][0] eq id($now + 10 * $runs, $runs);

    return (sent => \@sent, received => \@received, rows => \@rows,
            killed => [$killed], connections => 4, files => []);
}

sub differences {
    my ($change) = @_;
    my %with = accounts();
    $change->(\%with) if $change;
    return Kairo::Reconcile->of(%with);
}

my $agree = differences();
is_deeply([$agree->differences], [], 'they agree');
is_deeply($agree->sizes, {
    sent => $runs + 5, received => $runs + 1, rows => $runs + 3,
    ok => $runs, full => 1, left => 1, broken => 3, seen => $runs,
    'not received' => 2, 'without an end' => 2, 'answered, without an end' => 1,
}, 'of so many');

# name, how it is brought about, what is said of it

for (
    ['a row is missing', sub { splice @{$_[0]{rows}}, 100, 1 },
     'answered and no row', 'received and no row'],
    ['a row of who has left is missing', sub { splice @{$_[0]{rows}}, -3, 1 },
     'received and no row'],
    ['a row is there twice', sub { push @{$_[0]{rows}}, $_[0]{rows}[7] },
     'an id in two rows'],
    ['an id is received twice',
     sub { push @{$_[0]{received}}, $_[0]{received}[7] },
     'a run received twice', 'an id received twice'],
    ['a run is received by two ids',
     sub { push @{$_[0]{received}}, [id($now + 80, 9999), 8];
           push @{$_[0]{rows}}, [id($now + 80, 9999), 'u3', 'seo', 200] },
     'a run received twice'],
    ['a run is received without an id', sub { $_[0]{received}[7][0] = '-' },
     'answered and not received', 'received and no row',
     'received without an id', 'a row that nobody asked for'],
    ['an answer that nobody gave', sub { splice @{$_[0]{received}}, 7, 1 },
     'a row that nobody asked for', 'answered and not received'],
    ['an answer without an id', sub { $_[0]{sent}[7][6] = '-' },
     'answered without an id'],
    ['answers are mixed up',
     sub { @{$_[0]{sent}}[7, 8] = map { [@$_] } @{$_[0]{sent}}[7, 8];
           ($_[0]{sent}[7][6], $_[0]{sent}[8][6])
               = ($_[0]{sent}[8][6], $_[0]{sent}[7][6]) },
     'answered by the id of another'],
    ['another answer', sub { $_[0]{sent}[-1][5] = '502' },
     'answered in another way'],
    ['no answer', sub { $_[0]{sent}[-1][5] = 'silent' },
     'answered in another way'],
    ['a run that was not sent', sub { splice @{$_[0]{sent}}, 7, 1 },
     'received and not sent'],
    ['a number twice', sub { push @{$_[0]{sent}}, $_[0]{sent}[7] },
     'sent twice'],
    ['refused and received',
     sub { push @{$_[0]{received}}, [id($killed, 9999), $runs + 4];
           push @{$_[0]{rows}}, [id($killed, 9999), 'u4', 'seo', 200] },
     'refused and received'],
    ['refused and a row', sub { $_[0]{sent}[-2][6] = id($killed, 9999);
           push @{$_[0]{rows}}, [id($killed, 9999), 'u4', 'seo', 503] },
     'refused and a row'],
    ['another user', sub { $_[0]{rows}[7][1] = 'u9' }, 'a row of another user'],
    ['no user', sub { $_[0]{rows}[7][1] = '' }, 'a row of another user'],
    ['another tool', sub { $_[0]{rows}[7][2] = 'rank' },
     'a row of another tool'],
    ['another status', sub { $_[0]{rows}[7][3] = 499 },
     'answered by 200, and another status'],
    ['no end', sub { $_[0]{rows}[7][3] = '' }, 'a row without an end'],
    ['many ends are lost',
     sub { $_->[3] = '' for @{$_[0]{rows}}[$runs - 9 .. $runs - 1] },
     'too many ends are lost'],
    ['a row of nobody',
     sub { push @{$_[0]{rows}}, [id($killed, 9999), 'u1', 'seo', 200] },
     'a row that nobody asked for'],
    ['a row of who was not there',
     sub { $_[0]{sent}[-3][3] += 60000; $_[0]{sent}[-3][4] += 60000 },
     'a row that nobody asked for'],
    ['two rows of one that is broken',
     sub { push @{$_[0]{rows}}, [id($killed, 9999), 'u3', 'seo', 499] },
     'a row that nobody asked for'],
    ['many rows of broken connections', sub {
        for my $n (map { $runs + 100 + $_ } 1 .. 20) {
            my $id = id($killed, $n);
            push @{$_[0]{sent}}, [$n, 'u1', 'seo', $killed, $killed, 'broken',
                                  '-'];
            push @{$_[0]{rows}}, [$id, 'u1', 'seo', 499];
        } },
     'too many rows were not received'],
    ['a file is left', sub { push @{$_[0]{files}}, 'x.spool' },
     'a file is left in the spool'],
) {
    my ($name, $change, @expected) = @$_;
    is(join(', ', sort map { s/: .*//sr } differences($change)->differences),
       join(', ', sort @expected), $name);
}

done_testing();
