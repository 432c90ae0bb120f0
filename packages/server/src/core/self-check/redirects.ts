import type { SourceManifest } from '@mooring/connectors/interface/manifest';
import type { Network } from '@mooring/connectors/interface/network';
import { isInteractive, type SignInMethod } from '@mooring/connectors/interface/sign-in';
import type { SelfCheckReply } from '@mooring/contract/routes/self-check';
import type { Config, OAuthClientSettings } from '../config/config.js';
import { type ClientConfiguration, clientConfiguration } from '../credentials/grants.js';
import { AppError } from '../errors/app-error.js';
import { createSignInSecrets } from '../oauth/authorization-url.js';
import { OAuthError } from '../oauth/oauth-error.js';
import { signInUrl } from '../oauth/pushed-authorization.js';

const timeoutMs = 5_000;
const bodyBytesMax = 1024 * 1024;

type Finding = SelfCheckReply['clients'][number];
type Clients = Config['oauth']['clients'];

/** One sign-in method for each provider where sources sign in with the operator's client. */
function methodsByProvider(manifests: readonly SourceManifest[]): Map<string, SignInMethod> {
  const found = new Map<string, SignInMethod>();
  for (const method of manifests.flatMap(({ signIns }) => signIns)) {
    if (!isInteractive(method.oauth) || method.oauth?.clientFields) continue;
    const provider = method.oauth?.preset({}).provider;
    if (provider !== undefined && !found.has(provider)) found.set(provider, method);
  }
  return found;
}

interface Use {
  method: SignInMethod;
  definition: Readonly<Record<string, unknown>>;
}

/** For providers that users choose on a connection: one that could use this client. */
function useBySelection(
  manifests: readonly SourceManifest[],
  provider: string,
  { place, origins }: OAuthClientSettings,
): Use | undefined {
  for (const method of manifests.flatMap(({ signIns }) => signIns)) {
    const selected = method.oauth?.select?.(provider, place);
    const target = method.oauth?.clientFields?.tokensGoTo;
    if (isInteractive(method.oauth) && selected && target) {
      return { method, definition: { ...selected, [target]: origins?.[0] } };
    }
  }
  return undefined;
}

export interface RedirectsInput {
  manifests: readonly SourceManifest[];
  clients: Clients;
  publicUrl: string;
  network: Network;
  /** Milliseconds since the epoch. */
  now: () => number;
}

/** For each OAuth client of the configuration: what to register, and whether the provider accepts it. */
export function checkRedirects(input: RedirectsInput): Promise<Finding[]> {
  const methods = methodsByProvider(input.manifests);
  return Promise.all(
    Object.entries(input.clients).map(([provider, settings]) => {
      const method = methods.get(provider);
      const use = method ? { method, definition: {} } : useBySelection(input.manifests, provider, settings);
      return checkClient(input, provider, use);
    }),
  );
}

async function checkClient(
  { clients, publicUrl, network, now }: RedirectsInput,
  provider: string,
  use: Use | undefined,
): Promise<Finding> {
  const redirectUri = `${publicUrl}/oauth/callback/${provider}`;
  if (!use) {
    return {
      ...{ provider, redirectUri, state: 'incomplete' },
      detail: 'No data source of this server signs in at a provider of this name.',
      remedy: `Check the spelling of oauth.clients.${provider}.`,
    };
  }
  let setup: ClientConfiguration;
  try {
    setup = clientConfiguration({ ...use, secrets: {} }, clients);
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    return {
      ...{ provider, redirectUri, state: 'incomplete', detail: error.detail ?? '' },
      remedy: `Complete oauth.clients.${provider}: docs/reference/oauth-providers.md says what this provider needs.`,
    };
  }
  const { documentation } = setup.preset;
  const base = { provider, redirectUri, ...(documentation === undefined ? {} : { documentation }) };
  return { ...base, ...(await askProvider(setup, redirectUri, { network, now })) };
}

type Outcome = Pick<Finding, 'state' | 'detail' | 'remedy'>;

/**
 * An authorization request without a page (`prompt=none`, OpenID Connect Core section 3.1.2.1). A server that knows
 * the redirect URI redirects there, with an error; one that does not must not redirect (RFC 6749 section 4.1.2.1).
 */
async function askProvider(
  setup: ClientConfiguration,
  redirectUri: string,
  { network, now }: Pick<RedirectsInput, 'network' | 'now'>,
): Promise<Outcome> {
  const { authorizationParameters } = setup.preset;
  const preset = { ...setup.preset, authorizationParameters: { ...authorizationParameters, prompt: 'none' } };
  try {
    const secrets = createSignInSecrets();
    const asked = { ...setup, preset, redirectUri, network, now, tokenTimeoutMs: 5_000 };
    const url = await signInUrl({ ...asked, ...secrets });
    const response = await network.fetch(url, { signal: AbortSignal.timeout(timeoutMs), bodyBytesMax });
    await response.body?.cancel();
    return judge(response, redirectUri);
  } catch (error) {
    if (error instanceof OAuthError && error.kind === 'client_refused')
      return refused(error.message, redirectUri);
    return {
      state: 'unreachable',
      detail: 'The authorization server could not be reached.',
      remedy: "Check the provider's address, the network and egress.allow.",
    };
  }
}

function judge(response: Response, redirectUri: string): Outcome {
  const { status } = response;
  const location = response.headers.get('location');
  if (status >= 300 && status < 400 && location !== null) {
    const isHere = location === redirectUri || location.startsWith(`${redirectUri}?`);
    if (isHere) return { state: 'accepted', detail: 'The authorization server redirects to it.' };
  }
  if (status >= 400 && status < 500) {
    return refused('The authorization server answered with an error page.', redirectUri);
  }
  return {
    state: 'unknown',
    detail: 'The authorization server does not say before a sign-in. Sign in once to find out.',
  };
}

const refused = (detail: string, redirectUri: string): Outcome => ({
  state: 'refused',
  detail,
  remedy: `Register ${redirectUri} as a redirect URI of this client, and check its client id.`,
});
