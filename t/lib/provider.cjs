// An identity provider on loopback, by npm's oauth2-mock-server:
//
//     node provider.cjs MODULES PORT PATH ISSUER ALG AUDIENCE
//
// Its keys are at PATH; a token of ISSUER is what POST /token gives.  Writes "ready" when
// it listens.

const [modules, port, path, issuer, alg, audience] = process.argv.slice(2);
const { OAuth2Server } = require(modules + '/oauth2-mock-server');

(async () => {
    const server = new OAuth2Server(undefined, undefined,
                                    { endpoints: { jwks: path } });

    server.issuer.url = issuer;
    await server.issuer.keys.generate(alg);

    server.service.on('beforeTokenSigning', (token) => {
        Object.assign(token.payload, {
            aud: audience, sub: 'auth0|ann', scope: 'openid email',
            email: 'Ann@Example.com', email_verified: true,
            groups: ['Everyone', 'editor'], role: 'authenticated',
        });
    });

    await server.start(Number(port), '127.0.0.1');
    console.log('ready');
})().catch((e) => { console.error(e); process.exit(1); });
