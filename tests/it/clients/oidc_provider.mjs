// A provider of identities as hospitals run them: oidc-provider, certified by the OpenID
// Foundation. Whoever types `007_doctor` is that subject, by the name `doctor` until
// somebody asks for `/rename?007_doctor=pharmacist`.
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';

const { MODULES, BACK, ID_TOKEN_CLAIMS } = process.env;
const require = createRequire(`${MODULES}/`);
const { Provider } = await import(pathToFileURL(require.resolve('oidc-provider')).href);

const names = new Map();
const server = createServer();
await new Promise((ready) => server.listen(0, '127.0.0.1', ready));
const issuer = `http://127.0.0.1:${server.address().port}`;

const provider = new Provider(issuer, {
  clients: [{
    client_id: 'xinglin',
    client_secret: 'a secret of its own: + & %',
    redirect_uris: [BACK],
  }],
  claims: {
    openid: ['sub'],
    profile: ['preferred_username', 'employee_number'],
    email: ['email', 'email_verified'],
  },
  // Most providers send little in the id token and the rest when they are asked.
  conformIdTokenClaims: ID_TOKEN_CLAIMS !== 'all',
  features: { devInteractions: { enabled: true } },
  findAccount: (_, id) => ({
    accountId: id,
    claims: () => {
      const name = names.get(id) ?? id.split('_')[1];
      return {
        sub: id,
        preferred_username: name,
        employee_number: name,
        email: `${name}@hospital.example`,
        email_verified: name !== 'patient',
      };
    },
  }),
});
provider.on('server_error', (_, error) => console.error(error));
const serve = provider.callback();
server.on('request', (request, response) => {
  const url = new URL(request.url, issuer);
  if (url.pathname !== '/rename') return serve(request, response);
  url.searchParams.forEach((name, id) => names.set(id, name));
  response.end();
});
console.log(issuer);
// Nobody reads any further.
console.info = console.log = console.warn = () => {};
