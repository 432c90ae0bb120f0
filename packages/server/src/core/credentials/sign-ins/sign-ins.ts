import type { Secret } from '@mooring/connectors/interface/secret';
import { sha256 } from '../../crypto/digest.js';
import { newToken } from '../../crypto/random.js';
import { AppError } from '../../errors/app-error.js';
import { createSignInSecrets } from '../../oauth/authorization-url.js';
import { issuerPromisesParameter } from '../../oauth/discovery.js';
import { signInUrl } from '../../oauth/pushed-authorization.js';
import type { SignInTable } from '../../store/tables.js';
import { rejectBegin } from '../grants/oauth-failures.js';
import { beginOnDevice, endUnclaimed, pollDevice, redeemOnDevice } from './device-sign-ins.js';
import { findOnDevice } from './find-sign-in.js';
import { readLoopbackRedirect } from './loopback-redirect.js';
import { beginAgain } from './open-sign-in.js';
import { redeemCode } from './redeem-code.js';
import { type RedeemedSignIn, storedOrAbandoned } from './redeemed-sign-in.js';
import {
  type BegunSignIn,
  newSignIn,
  type SignInDependencies,
  type SignInRequest,
} from './sign-in-request.js';
import { addSignIn, endSignIn } from './sign-in-store.js';

// The life of an interactive sign-in between its first and its second call. DESIGN section 5, points 1 to 4.

export type SignIns = ReturnType<typeof createSignIns>;

export const createSignIns = (deps: SignInDependencies) => ({
  begin: (request: SignInRequest) =>
    request.device || request.method.oauth?.grant === 'device_code'
      ? beginOnDevice(deps, request)
      : beginWithRedirect(deps, request),

  /** @param pasted the code or ticket; the id of a sign-in on another device */
  async redeem(request: SignInRequest, pasted: Secret<string>): Promise<RedeemedSignIn> {
    const onDevice = await findOnDevice(deps.store, request, pasted);
    if (onDevice) return redeemOnDevice(deps, request, onDevice);
    if (request.method.oauth?.grant === 'device_code')
      throw new AppError(
        'SIGN-IN-INVALID',
        `authCode must be the signInId of a sign-in of yours for this data source. ${beginAgain}`,
      );
    return redeemCode(deps, request, pasted);
  },

  /** See {@link parkingForPastedToken}. */
  parkingForPastedToken: (request: SignInRequest, fresh: Pick<RedeemedSignIn, 'abandon'>) =>
    parkingForPastedToken(deps, request, fresh),

  /** Polls the provider about a sign-in on another device, if the interval allows. */
  poll: (row: SignInTable) => pollDevice(deps, row),

  /** Revokes tokens that were not claimed in time. */
  endUnclaimed: () => endUnclaimed(deps),
});

/**
 * Segment of the redirect path. One for each authorization server, so that a code which arrives at another
 * server's path is refused (RFC 9700 section 4.4), and stable, so that it can be registered.
 */
function redirectContext({ manifest, setup }: SignInRequest): string {
  if (setup.preset.provider) return setup.preset.provider;
  const { authorizationEndpoint, tokenEndpoint, issuer } = setup.preset;
  const server = tokenEndpoint === '' ? `issuer ${issuer}` : `${authorizationEndpoint} ${tokenEndpoint}`;
  const digest = sha256(server).replace(/[^A-Za-z0-9]/g, '');
  return `${manifest.id}-${digest.slice(0, 16)}`;
}

/**
 * Begins a sign-in with a redirect.
 * @throws AppError PROVIDER-FAILED, PROVIDER-REFUSED; ConnectorError `egress_refused`
 */
async function beginWithRedirect(deps: SignInDependencies, request: SignInRequest): Promise<BegunSignIn> {
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

/**
 * Where a grant waits for its user's choice that came by a pasted refresh token, without a sign-in.
 * @param fresh abandoned if the grant cannot be kept
 */
function parkingForPastedToken(
  { store, parked, signInMinutes }: SignInDependencies,
  request: SignInRequest,
  fresh: Pick<RedeemedSignIn, 'abandon'>,
): Pick<RedeemedSignIn, 'park' | 'signInId'> {
  const { clock } = store;
  const row = newSignIn(request, {
    context: 'pasted',
    // No redirect leads here: the digest of an unknown value.
    state_hash: sha256(newToken()),
    redirect_uri: '',
    created_at: clock.iso(),
    expires_at: clock.iso(signInMinutes * 60_000),
  });
  return {
    signInId: row.id,
    async park(grant, account, login) {
      const { setup } = request;
      const isKept = await storedOrAbandoned(fresh, async () => {
        await store.db.insertInto('sign_in').values(row).execute();
        return parked.park(row, { grant, setup, login }, { account, intentId: row.id });
      });
      if (isKept) return true;
      await fresh.abandon('not_stored');
      await endSignIn(store.db, row, 'failed', 'not_stored');
      return false;
    },
  };
}
