// npm's oidc-provider with one person, ann: `node provider.mjs <port> <redirect URI> <address after signing out>`.
// A line "disable" on standard input takes the account away, "enable" gives it back.
import { createInterface } from 'node:readline';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';

const require = createRequire(`${process.env.NODE_PATH}/`);
const { default: Provider } = await import(pathToFileURL(require.resolve('oidc-provider')));
const [port, redirectUri, afterSignOut] = process.argv.slice(2);
let enabled = true;
const claims = { preferred_username: 'ann', email: 'ann@example.com', email_verified: true, groups: ['devs'] };
const provider = new Provider(`http://127.0.0.1:${port}`, {
  clients: [{
    client_id: 'portside',
    client_secret: 'from the provider',
    redirect_uris: [redirectUri],
    post_logout_redirect_uris: [afterSignOut],
    grant_types: ['authorization_code', 'refresh_token'],
    response_types: ['code'],
  }],
  claims: { openid: ['sub'], profile: ['preferred_username'], email: ['email', 'email_verified'], groups: ['groups'] },
  scopes: ['openid', 'profile', 'email', 'groups'],
  cookies: { keys: ['only for tests'] },
  findAccount: (_, id) => (enabled ? { accountId: id, claims: () => ({ sub: id, ...claims }) } : undefined),
  issueRefreshToken: (_, client) => client.grantTypeAllowed('refresh_token'),
  ttl: { AccessToken: 600, AuthorizationCode: 60, IdToken: 600, Interaction: 600, Grant: 3600, Session: 3600, RefreshToken: 3600 },
});
createInterface({ input: process.stdin }).on('line', (line) => { enabled = line.trim() !== 'disable'; });
provider.listen(Number(port), '127.0.0.1', () => console.log('ready'));
