// The page of OAuth providers, from their presets.
import { providers } from '../packages/connectors/dist/providers/registry.js';
import { code, head, list, table } from './markdown.mjs';

export function providersPage() {
  let text = head('OAuth providers');
  text +=
    'Providers that `rest` connections can name as `oauthProvider`, instead of URLs. **Verified against the lab only**: each preset goes through a sign-in, two refreshes and a revocation against the lab’s authorization server, which behaves as the provider’s documentation says (`npx vitest run packages/server/src/core/oauth/provider-presets.test.ts packages/server/src/core/credentials/sign-ins/providers.test.ts`). No preset was tested against the provider itself, which would need an account there.\n\n';
  text +=
    'A connection has its own client (`clientId`, `clientSecret`), or uses the operator’s: `oauth.clients.<provider>` with `clientId`, `clientSecret`, `place` where the provider has one, and `origins`: the origins that tokens of this client may be sent to. Without `origins` no `rest` connection can use it.\n\n';
  text +=
    'The redirect URI of an operator’s client is `<public URL>/oauth/callback/<provider>`; that of a connection’s own client is in the `authUrl` of its first sign-in (`redirect_uri`), and stays the same for all connections with the same endpoints. The presets, and for all providers `packages/server/src/core/oauth/answers.ts`, classify the answers.\n\n';
  text += `${table(
    ['`oauthProvider`', 'provider', '`oauthProviderPlace`', 'scopes added to `scope`', 'account from'],
    providers.map((provider) => {
      const preset = provider.preset(provider.place?.example ?? '');
      const { account } = preset;
      return [
        `[${code(provider.id)}](#${provider.id})`,
        provider.name,
        provider.place ? `${provider.place.title}, like ${code(provider.place.example)}` : '',
        [...preset.scopes, ...(preset.accountScopes ?? [])].map(code).join(' '),
        preset.issuer || preset.idTokenIssuer
          ? 'ID token'
          : account?.endpoint
            ? code(account.endpoint)
            : 'the token response',
      ];
    }),
  )}\n`;
  for (const provider of providers) {
    const preset = provider.preset(provider.place?.example ?? '');
    const { place } = provider;
    text += `\n## ${provider.id}\n\n[${provider.name}](${provider.documentation}).\n\n`;
    text += `Register: ${provider.register}\n\n`;
    if (place) {
      text += `Place: ${place.description} Example: ${code(place.example)}${place.default ? `; default: ${code(place.default)}` : ''}.\n\n`;
    }
    text += list([
      `Client authentication: ${code(preset.clientAuthentication)}.`,
      preset.idleDays
        ? `Idle grants are refreshed every ${preset.idleDays / 2} days.`
        : 'Idle grants are not refreshed.',
      preset.revocationEndpoint
        ? 'Deleting a credential revokes its grant.'
        : preset.tokenEndpoint === ''
          ? 'Deleting a credential revokes its grant, if the issuer has a revocation endpoint.'
          : 'No revocation endpoint (RFC 7009): revoke the grant at the provider.',
      ...(preset.apiPlace
        ? [
            `The token response names the API in ${code(preset.apiPlace.at)}, at ${preset.apiPlace.domains.map(code).join(', ')} or an origin of ${code(`oauth.clients.${provider.id}.origins`)}; any other address is refused, and no token is sent there.`,
          ]
        : []),
      ...provider.quirks,
    ]);
  }
  return text;
}
