// An OpenID Connect issuer for tests: the library oidc-provider, laid out like Authentik.
//
// Listens on 127.0.0.1, on $PORT or any free port, and prints `listening <issuer>` when it is ready. It ends
// when its standard input does, so that it never outlives a test. Apart from the issuer's own routes:
//
//   /__test/stats                      how often JWK set and discovery document were fetched
//   /__test/mint?sub=&aud=&ttl=        an access token for anybody
//   /__test/rotate[?type=ec][&drop=1]  a new signing key; with drop=1 the old ones are withdrawn
//   /__test/down?on=1                  answers 503 to everything else until on=0
import { generateKeyPairSync } from 'node:crypto';
import { createServer } from 'node:http';
import Provider from 'oidc-provider';

const BASE = '/application/o/member';
const CLIENT = { client_id: 'svc', client_secret: 'svc-secret-0123456789abcdef0123456789' };
const keys = [];
const hits = { jwks: 0, discovery: 0 };
let made = 0;
let down = false;
let issuer;
let provider;
let callback;

function addKey(type) {
  const { privateKey } = type === 'ec'
    ? generateKeyPairSync('ec', { namedCurve: 'P-256' })
    : generateKeyPairSync('rsa', { modulusLength: 2048 });
  made += 1;
  const alg = type === 'ec' ? 'ES256' : 'RS256';
  keys.unshift({ ...privateKey.export({ format: 'jwk' }), kid: `k${made}`, use: 'sig', alg });
}

function resourceServer(audience, ttl) {
  return {
    scope: 'openid', audience, accessTokenFormat: 'jwt', accessTokenTTL: ttl, jwt: { sign: { alg: keys[0].alg } },
  };
}

// The library takes its keys once: a rotation makes a new provider.
function build() {
  provider = new Provider(issuer, {
    jwks: { keys },
    routes: {
      jwks: '/jwks/', token: '/token/', userinfo: '/userinfo/', authorization: '/authorize/', end_session: '/end-session/',
    },
    clients: [{
      ...CLIENT, grant_types: ['client_credentials'], response_types: [], redirect_uris: [],
      id_token_signed_response_alg: keys[0].alg,
    }],
    findAccount: (_context, id) => ({ accountId: id, claims: () => ({ sub: id }) }),
    extraTokenClaims: (_context, token) => token.extra ?? {},
    features: {
      clientCredentials: { enabled: true },
      devInteractions: { enabled: false },
      resourceIndicators: {
        enabled: true,
        defaultResource: () => 'urn:member-api',
        useGrantedResource: () => true,
        getResourceServerInfo: () => resourceServer('member-api', 300),
      },
    },
  });
  callback = provider.callback();
}

async function mint(query) {
  const sub = query.get('sub') ?? 'user-1';
  const token = new provider.AccessToken({
    client: await provider.Client.find(CLIENT.client_id), accountId: sub, grantId: 'g', gty: 'test', scope: 'openid',
  });
  const server = resourceServer(query.get('aud') ?? 'member-api', Number(query.get('ttl') ?? 300));
  token.resourceServer = new provider.ResourceServer('urn:member-api', server);
  token.extra = { email: `${sub}@example.test`, name: sub, preferred_username: sub };
  return { access_token: await token.save() };
}

function rotate(query) {
  if (query.get('drop') === '1') keys.length = 0;
  addKey(query.get('type'));
  build();
  return keys.map((key) => key.kid);
}

async function command(name, query) {
  if (name === 'stats') return hits;
  if (name === 'mint') return mint(query);
  if (name === 'rotate') return rotate(query);
  if (name === 'down') {
    down = query.get('on') === '1';
    return { down };
  }
  return null;
}

function reply(response, status, body) {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify(body));
}

const server = createServer(async (request, response) => {
  const { pathname, searchParams } = new URL(request.url, 'http://localhost');
  if (pathname.startsWith('/__test/')) {
    const body = await command(pathname.slice('/__test/'.length), searchParams);
    return body === null ? reply(response, 404, {}) : reply(response, 200, body);
  }
  if (down) return reply(response, 503, {});
  if (!pathname.startsWith(`${BASE}/`)) return reply(response, 404, {});
  if (pathname.endsWith('/jwks/')) hits.jwks += 1;
  if (pathname.endsWith('/openid-configuration')) hits.discovery += 1;
  // The library builds its own addresses from the difference between the two.
  request.originalUrl = request.url;
  request.url = request.url.slice(BASE.length);
  return callback(request, response);
});

server.listen(Number(process.env.PORT ?? 0), '127.0.0.1', () => {
  issuer = `http://127.0.0.1:${server.address().port}${BASE}/`;
  addKey();
  build();
  console.log(`listening ${issuer}`);
});

process.stdin.resume();
process.stdin.on('end', () => process.exit(0));
