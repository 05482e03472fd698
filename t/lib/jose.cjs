// Tokens by jose, and what jose makes of tokens: t/200-token.t runs it.
//
//   make DIR   writes keys into DIR, and a line of JSON for each token
//   check DIR  reads DIR/made, "ALG KEY TOKEN" a line, and says of each
//              whether it is valid by the key that openssl has made

'use strict';

const crypto = require('crypto');
const fs = require('fs');
const jose = require('jose');

const now = 1700000000;
const [verb, dir] = process.argv.slice(2);

const b64 = (data) => Buffer.from(data).toString('base64url');
const claims = (more) => ({ iss: 'me', sub: 'you', aud: 'api',
                            iat: now - 10, exp: now + 600, ...more });

const options = {
    issuer: 'me', audience: 'api', requiredClaims: ['exp'],
    clockTolerance: 30, currentDate: new Date(now * 1000),
};


async function verdict(token, key) {
    try {
        await jose.jwtVerify(token, key, options);
        return { jose: true, said: 'valid' };
    } catch (e) {
        return { jose: false, said: String(e.message) };
    }
}


// Any algorithm by node:crypto alone, where jose would refuse to sign.

function sign(header, payload, key, how = {}) {
    const text = typeof header === 'string' ? header : JSON.stringify(header);
    const body = typeof payload === 'string' ? payload
                                             : JSON.stringify(payload);
    const input = `${b64(text)}.${b64(body)}`;
    const alg = how.alg || header.alg;
    const hash = `sha${alg.slice(2)}`;
    let signature;

    switch (alg.slice(0, 2)) {
    case 'HS':
        signature = crypto.createHmac(hash, key).update(input).digest();
        break;
    case 'RS':
        signature = crypto.sign(hash, input, key);
        break;
    case 'PS':
        signature = crypto.sign(hash, input, {
            key, padding: crypto.constants.RSA_PKCS1_PSS_PADDING,
            saltLength: how.salt === undefined ? alg.slice(2) / 8 : how.salt,
        });
        break;
    case 'ES':
        signature = crypto.sign(hash, input, {
            key, dsaEncoding: how.der ? 'der' : 'ieee-p1363',
        });
        break;
    default:
        signature = crypto.sign(null, input, key);
        break;
    }

    if (how.change) {
        signature = how.change(signature);
    }

    return `${input}.${b64(signature)}`;
}


async function make() {
    const pair = (type, opts) => crypto.generateKeyPairSync(type, opts);
    const secret = fs.readFileSync(`${dir}/hmac`);
    const keys = {
        rsa: pair('rsa', { modulusLength: 2048 }),
        p256: pair('ec', { namedCurve: 'P-256' }),
        p384: pair('ec', { namedCurve: 'P-384' }),
        p521: pair('ec', { namedCurve: 'P-521' }),
        ed25519: pair('ed25519'),
        ed448: pair('ed448'),
    };
    const of = {
        RS256: 'rsa', RS384: 'rsa', RS512: 'rsa', PS256: 'rsa',
        PS384: 'rsa', PS512: 'rsa', ES256: 'p256', ES384: 'p384',
        ES512: 'p521', EdDSA: 'ed25519',
    };

    const jwks = { keys: [] };
    for (const [kid, { publicKey }] of Object.entries(keys)) {
        jwks.keys.push({ ...publicKey.export({ format: 'jwk' }), kid });
    }
    jwks.keys.push({ kty: 'oct', kid: 'secret', k: b64(secret) });
    fs.writeFileSync(`${dir}/node.jwks`, JSON.stringify(jwks));

    const get = async (header) => {
        const jwk = jwks.keys.find((k) => k.kid === header.kid);
        if (!jwk) throw new Error('no such key');
        return jose.importJWK(jwk, header.alg);
    };

    const tell = async (good, name, token) => {
        console.log(JSON.stringify({ name, token, good, keys: 'node.jwks',
                                     ...await verdict(token, get) }));
    };
    const good = (name, token) => tell(true, name, token);
    const bad = (name, token) => tell(false, name, token);

    const all = [
        ...Object.entries(of).map(([alg, kid]) => [alg, kid]),
        ['EdDSA', 'ed448'], ['HS256', 'secret'], ['HS384', 'secret'],
        ['HS512', 'secret'],
    ];

    for (const [alg, kid] of all) {
        const key = kid === 'secret' ? secret : keys[kid].privateKey;

        for (const typ of [undefined, 'JWT', 'at+jwt']) {
            const token = await new jose.SignJWT(claims())
                .setProtectedHeader({ alg, kid, ...(typ ? { typ } : {}) })
                .sign(key);
            await good(`${alg} by ${kid}, ${typ || 'no type'}`, token);
        }

        const header = { alg, kid };
        await good(`${alg} by ${kid}, with an array for aud`,
            sign(header, claims({ aud: ['web', 'api'] }), key));
        await bad(`${alg} by ${kid}, one bit off`,
            sign(header, claims(), key, { change: (s) => {
                s[s.length >> 1] ^= 1; return s; } }));
        await bad(`${alg} by ${kid}, cut`,
            sign(header, claims(), key, { change: (s) => s.subarray(1) }));
        await bad(`${alg} by ${kid}, and a zero`,
            sign(header, claims(), key, { change: (s) =>
                Buffer.concat([s, Buffer.alloc(1)]) }));
        await bad(`${alg} by ${kid}, nothing but zeroes`,
            sign(header, claims(), key, { change: (s) =>
                Buffer.alloc(s.length) }));
        await bad(`${alg} by ${kid}, no signature`,
            sign(header, claims(), key, { change: () => '' }));
        await bad(`${alg} by ${kid}, expired`,
            sign(header, claims({ exp: now - 31 }), key));
        await bad(`${alg} by ${kid}, crit`,
            sign({ ...header, crit: ['x'], x: 1 }, claims(), key));
    }

    const { privateKey: rsa, publicKey } = keys.rsa;

    for (const bits of [256, 384, 512]) {
        const header = { alg: `PS${bits}`, kid: 'rsa' };
        for (const salt of [0, 20, bits / 8 - 1, bits / 8 + 1]) {
            await bad(`PS${bits} with a salt of ${salt}`,
                sign(header, claims(), rsa, { salt }));
        }
        await bad(`PS${bits} signed by RS${bits}`,
            sign(header, claims(), rsa, { alg: `RS${bits}` }));
        await bad(`RS${bits} signed by PS${bits}`,
            sign({ alg: `RS${bits}`, kid: 'rsa' }, claims(), rsa,
                 { alg: `PS${bits}` }));
        const es = bits === 512 ? 'p521' : `p${bits}`;
        await bad(`ES${bits} in DER`,
            sign({ alg: `ES${bits}`, kid: es }, claims(),
                 keys[es].privateKey, { der: true }));
        for (const other of ['p256', 'p384', 'p521']) {
            if (other !== es) {
                await bad(`ES${bits} by ${other}`,
                    sign({ alg: `ES${bits}`, kid: other }, claims(),
                         keys[other].privateKey));
            }
        }
        for (const type of ['spki', 'pkcs1']) {
            for (const format of ['pem', 'der']) {
                await bad(`HS${bits} with the public key, ${type} ${format}`,
                    sign({ alg: `HS${bits}`, kid: 'rsa' }, claims(),
                         publicKey.export({ type, format })));
            }
        }
    }

    const hs = { alg: 'HS256', kid: 'secret' };
    const h = (header, payload) => sign({ ...hs, ...header },
                                        payload || claims(), secret,
                                        { alg: 'HS256' });
    const c = (more) => h({}, claims(more));

    for (const alg of ['none', 'None', 'nOnE', 'hs256', 'HS257', '', null]) {
        await bad(`alg ${JSON.stringify(alg)}`, h({ alg }));
        const input = `${b64(JSON.stringify({ alg }))}.`
                      + b64(JSON.stringify(claims()));
        await bad(`alg ${JSON.stringify(alg)} without a signature`,
            `${input}.`);
    }

    await bad('an unsecured JWT', new jose.UnsecuredJWT(claims()).encode());
    await bad('an unencoded payload',
        h({ b64: false, crit: ['b64'] }));
    await bad('b64 alone', h({ b64: false }));
    await bad('an empty crit', h({ crit: [] }));
    await bad('an unknown kid', h({ kid: 'another' }));
    await bad('a kid that is a number', h({ kid: 5 }));
    await bad('an encrypted JWT', await new jose.EncryptJWT(claims())
        .setProtectedHeader({ alg: 'dir', enc: 'A256CBC-HS512' })
        .encrypt(secret));
    await bad('a nested one', h({ cty: 'JWT' }, h({})));
    await bad('no issuer', c({ iss: undefined }));
    await bad('another issuer', c({ iss: 'me/' }));
    await bad('no audience', c({ aud: undefined }));
    await bad('another audience', c({ aud: ['web'] }));
    await bad('no expiry', c({ exp: undefined }));
    await bad('an expiry that is a string', c({ exp: String(now + 600) }));
    await bad('an expiry that is null', c({ exp: null }));
    await bad('a negative expiry', c({ exp: -1 }));
    await bad('an expiry beyond all', h({}, '{"iss":"me","aud":"api",'
                                            + '"exp":1e400}'));
    await bad('not yet', c({ nbf: now + 31 }));
    await bad('nbf that is a string', c({ nbf: '1' }));
    await bad('issued in times to come', c({ iat: now + 31 }));
    await bad('claims that are an array', h({}, '[]'));
    await bad('claims that are no JSON', h({}, 'x'));
    await bad('claims twice', h({}, JSON.stringify(claims()).slice(0, -1)
                                    + ',"sub":"x"}'));
    await bad('NUL behind a number', h({}, '{"iss":"me","aud":"api","exp":'
                                           + `${now + 600}\0}`));
    await bad('a byte order mark', h({}, '\ufeff'
                                         + JSON.stringify(claims())));

    const [x, y, z] = h({}).split('.');
    await bad('padding', `${x}.${y}.${z}=`);
    await bad('flattened JSON', JSON.stringify({ protected: x, payload: y,
                                                 signature: z }));
    await bad('four parts', `${x}.${y}.${z}.${z}`);
    await bad('a space', `${x}.${y}.${z} `);
    const last = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
                 + '0123456789-_';
    await bad('trailing bits', `${x}.${y}.${z.slice(0, -1)}`
                               + last[last.indexOf(z.slice(-1)) + 1]);
}


async function check() {
    for (const line of fs.readFileSync(`${dir}/made`, 'utf8').split('\n')) {
        if (!line) continue;
        const [alg, name, token] = line.split(' ');
        const key = name === 'hmac'
            ? fs.readFileSync(`${dir}/hmac`)
            : crypto.createPublicKey(fs.readFileSync(`${dir}/${name}.pem.pub`));
        console.log(alg, (await verdict(token, key)).said);
    }
}


(verb === 'make' ? make() : check()).catch((e) => {
    console.error(e);
    process.exit(1);
});
