# What kairo_sanitize costs a request; see t/bench/sanitize.

use strict;
use warnings;

use Bench;

my $single = 'daemon off; master_process off;';
my $json = body();

print "\ninstructions a request (callgrind)\n\n| | instructions | more than "
    . "without |\n|---|---|---|\n";

compare('an argument', 'kairo_sanitize arg:url type=url;', sub {
    my $text = "GET /page?id=$_[0]&url=https://www.example.com/a HTTP/1.1\r\n"
             . "Host: localhost\r\n\r\n";
    return \$text;
});

# The body is read without kairo too, since it goes to an application, which
# is this nginx itself.

compare('JSON of ' . length($json) . ' bytes, proxied',
        'kairo_sanitize json:$.target.url type=url;', sub {
    my $text = "POST /tool HTTP/1.1\r\nHost: localhost\r\nContent-Type: "
             . "application/json\r\nContent-Length: " . length($json)
             . "\r\n\r\n$json";
    return \$text;
});


sub compare {
    my ($what, $directive, $request) = @_;
    my @n;

    for my $on ('', $directive) {
        configure(main => $single, location => $on, server => <<END);
            location = /tool {
                $on
                proxy_pass http://127.0.0.1:$port/app;
                proxy_method GET;
                proxy_pass_request_body off;
                proxy_set_header Content-Length "";
            }
            location = /app { return 200 "hello\\n"; }
END
        push @n, callgrind($request);
    }

    printf "| %s | %.0f | %.0f |\n", "$what, not judged", $n[0], 0;
    printf "| %s | %.0f | %.0f |\n", "$what, judged", $n[1], $n[1] - $n[0];
}


# As of an application: objects in a list, and the target.

sub body {
    my $items = join ',', map {
        qq({"id":$_,"name":"item $_","tags":["a","b"],"price":$_.5})
    } 1 .. 68;
    return qq({"target":{"url":"https://www.example.com/a"},"items":[$items]});
}
