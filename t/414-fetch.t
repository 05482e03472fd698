# The two examples of tools that can't be led astray, as they stand in
# conf.examples/ but for addresses, ports and paths: nginx fetches by itself
# from the address that was judged, or the tool is told of it.

use strict;
use warnings;

use lib 't/lib';
use Kairo::Dns;
use Kairo::Server;
use Test::More;

my $dns = Kairo::Dns->new;
my $s;

fetch();
hints();

done_testing();


# The example's http {}, and what the test puts before and behind it.

sub start {
    my ($example, $before, $behind) = @_;
    $s = Kairo::Server->new;

    open my $in, '<', "conf.examples/$example.conf" or die "$example: $!\n";
    my ($http) = join('', <$in>) =~ /^http \{\n(.*)^\}/ms;

    $http =~ s/listen +8080;/listen 127.0.0.1:%%PORT%%;/ or die;
    $http =~ s/resolver +127\.0\.0\.53/resolver 127.0.0.1:$dns->{port} valid=1s/
        or die;
    $http =~ s{/etc/kairo/}{$s->{dir}/} or die;
    $http =~ s{/etc/ssl/certs/ca-certificates\.crt}{$s->{dir}/ca.pem};
    my $app = $s->{port} + 20;
    $http =~ s/127\.0\.0\.1:9000/127.0.0.1:$app/;
    $http =~ s/schemes=https;/schemes=https ports=$app;/;
    s/%%APP%%/$app/g for $before, $behind;

    $s->file('bad-hosts', ".bad.example.com\n");
    $s->file('networks', "127.0.0.0/8\n::ffff:127.0.0.77\n");
    certificate();
    $s->start("kairo_allowlist networks exceptions; $before $http $behind");
    return $app;
}


# One for files.example.com, signed by an authority of ours.

sub certificate {
    my $dir = $s->{dir};
    my $key = '-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes';
    my $quietly = '>/dev/null 2>&1';

    $s->file('ext', "subjectAltName=DNS:files.example.com\n");
    for my $command (
        "openssl req -x509 $key -keyout $dir/ca.key -out $dir/ca.pem "
            . '-subj /CN=ours -days 2',
        "openssl req $key -keyout $dir/tls.key -out $dir/tls.csr "
            . '-subj /CN=files',
        "openssl x509 -req -in $dir/tls.csr -CA $dir/ca.pem "
            . "-CAkey $dir/ca.key -CAcreateserial -extfile $dir/ext "
            . "-out $dir/tls.pem -days 2")
    {
        system("$command $quietly") == 0 or die "$command\n";
    }
}


sub fetch {
    my $app = start('fetch', '', <<'END');
    server {
        listen 127.0.0.1:%%APP%% ssl;
        ssl_certificate     tls.pem;
        ssl_certificate_key tls.key;
        location /accel { add_header X-Accel-Redirect /elsewhere;
                          return 200 "itself"; }
        location /moved { return 302 https://10.0.0.1/; }
        location / {
            return 200 "$host|$ssl_server_name|$request_uri|$request_method|$http_x_secret$http_cookie$http_authorization|";
        }
    }
END
    $dns->set('files.example.com' => ['127.0.0.1'],
              'other.example.com' => ['127.0.0.1'],
              'inner.example.com' => ['10.1.2.3'],
              'a.bad.example.com' => ['127.0.0.1']);

    my $url = "https://files.example.com:$app";

    like($s->get("/fetch?url=$url/a?b=c%26d%23frag", 'X-Secret: s',
                 'Cookie: c=1', 'Authorization: Basic eDp5'),
         qr/\Qfiles.example.com|files.example.com|\/a?b=c&d|GET||\E/,
         'fetched: the host, SNI, path and query, and nothing of the client');
    like($s->get("/fetch?url=$url"), qr/\|\/\|GET/, 'a path where none is');
    like($s->get("/fetch?url=$url%3Fq"), qr/\|\/\?q\|GET/, 'before a query');

    like($s->get("/fetch?url=$url/moved"),
         qr{^HTTP/1.1 302.*^Location: https://10.0.0.1/\r}ms,
         'a redirect comes back');
    like($s->get("/fetch?url=$url/accel"), qr{^HTTP/1.1 200.*^itself}ms,
         'a site does not lead nginx elsewhere');
    like($s->get('/fetch?url=https://10.0.0.1/'), qr/target_special_address/,
         'and is judged when it is asked for');

    is($s->status("/fetch?url=https://other.example.com:$app/"), 502,
       'the certificate is of another name');
    like($s->get("/fetch?url=https://inner.example.com:$app/"),
         qr/422.*target_unresolvable/s, 'a private address');
    like($s->get("/fetch?url=https://a.bad.example.com:$app/"),
         qr/403.*target_denied/s, 'a bad host');
    like($s->get("/fetch?url=http://files.example.com:$app/"),
         qr/403.*target_scheme/s, 'another scheme');
    like($s->get('/fetch'), qr/400.*target_missing/s, 'none');

    # a moment later it leads elsewhere: nobody goes there

    $dns->set('files.example.com' => { turns => [['127.0.0.1'],
                                                 ['10.0.0.1']], ttl => 0 });
    sleep 2;
    like($s->get("/fetch?url=$url/x"), qr/^HTTP\/1.1 (?:200|422)/,
         'rebinding: the address that was judged, or none');
    sleep 2;
    is($s->status("/fetch?url=$url/x"), 422, 'rebinding: later none');

    $s->finish;
}


sub hints {
    my $app = start('fetch-hints', '', <<'END');
    server {
        listen 127.0.0.1:%%APP%%;
        location / {
            return 200 "$http_x_kairo_target_host|$http_x_kairo_target_port|$http_x_kairo_target_addr|$http_x_kairo_target_url|$request_uri|";
        }
    }
END
    $dns->set('site.example.com' => ['127.0.0.9', '::ffff:127.0.0.1'],
              'good.example.com' => ['127.0.0.9']);

    like($s->get('/tools/seo/?url=HTTP://Good.example.com/x',
                 'X-Kairo-Target-Addr: 8.8.8.8', 'X_Kairo_Target_Addr: 8.8.4.4'),
         qr{\Qgood.example.com|80|127.0.0.9:80|http://good.example.com/x|/tools/seo/?url=HTTP://Good.example.com/x|\E},
         'the tool is told; the request is as it was');
    like($s->get('/tools/seo/?url=http://[::ffff:127.0.0.77]/'),
         qr{\Q::ffff:127.0.0.77|80|[::ffff:127.0.0.77]:80|http://[::ffff:127.0.0.77]/|\E},
         'of an IPv4 address in one of IPv6 too');
    like($s->get('/tools/seo/', 'X-Kairo-Target-Addr: 8.8.8.8'),
         qr/^\|\|\|\|/m, 'nothing to tell, and nothing of a client');
    is($s->status('/tools/seo/?url=http://site.example.com/'), 422,
       'all addresses have to be good');

    my $json = '{"a":[{"URL":"https://good.example.com"}]}';
    like($s->ask('POST', '/tools/seo/', $json,
                 'Content-Type: application/json'),
         qr/good\.example\.com\|443\|127\.0\.0\.9:443/, 'in JSON, anywhere');

    $s->finish;
}
