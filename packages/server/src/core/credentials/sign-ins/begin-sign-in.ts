import { sha256 } from '../../crypto/digest.js';
import { createSignInSecrets } from '../../oauth/authorization-url.js';
import { issuerPromisesParameter } from '../../oauth/discovery.js';
import { signInUrl } from '../../oauth/pushed-authorization.js';
import { rejectBegin } from '../grants/oauth-failures.js';
import { readLoopbackRedirect } from './loopback-redirect.js';
import {
  type BegunSignIn,
  newSignIn,
  type SignInDependencies,
  type SignInRequest,
} from './sign-in-request.js';
import { addSignIn } from './sign-in-store.js';

/**
 * Segment of the redirect path. One for each authorization server, so that a code which arrives at another
 * server's path is refused (RFC 9700 section 4.4), and stable, so that it can be registered.
 */
function redirectContext({ manifest, setup }: SignInRequest): string {
  if (setup.preset.provider) return setup.preset.provider;
  const { authorizationEndpoint, tokenEndpoint, issuer } = setup.preset;
  const server = tokenEndpoint === '' ? `issuer ${issuer}` : `${authorizationEndpoint} ${tokenEndpoint}`;
  return `${manifest.id}-${sha256(server)
    .replace(/[^A-Za-z0-9]/g, '')
    .slice(0, 16)}`;
}

/**
 * Begins a sign-in with a redirect.
 * @throws AppError PROVIDER-FAILED, PROVIDER-REFUSED; ConnectorError `egress_refused`
 */
export async function beginWithRedirect(
  deps: SignInDependencies,
  request: SignInRequest,
): Promise<BegunSignIn> {
  const { store, vault, network, signInMinutes } = deps;
  const { setup } = request;
  const at = store.clock.now();
  const secrets = createSignInSecrets();
  const context = redirectContext(request);
  const redirectUri =
    request.loopbackRedirect === undefined
      ? `${deps.publicUrl()}/oauth/callback/${context}`
      : readLoopbackRedirect(request.loopbackRedirect, setup);
  const call = { ...setup, redirectUri, ...secrets, network, now: store.clock.now };
  const authUrl = await signInUrl(call).catch(rejectBegin(setup));
  const promised = setup.preset.issuer ? await issuerPromisesParameter(setup.preset.issuer, network) : false;
  const row = newSignIn(request, {
    context,
    state_hash: sha256(secrets.state),
    redirect_uri: redirectUri,
    ...(promised ? { issuer_promised: 1 } : {}),
    created_at: new Date(at).toISOString(),
    expires_at: new Date(at + signInMinutes * 60_000).toISOString(),
  });
  await addSignIn(store, vault, row, ['verifier', secrets.codeVerifier]);
  const own = request.loopbackRedirect === undefined ? {} : { state: secrets.state };
  return { authUrl, signInId: row.id, ...own, expiresAt: row.expires_at };
}
