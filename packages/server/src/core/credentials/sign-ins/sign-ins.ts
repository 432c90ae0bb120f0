import type { Secret } from '@mooring/connectors/spec/secret';
import { sha256 } from '../../crypto/digest.js';
import { newToken, newUuid } from '../../crypto/random.js';
import { egressRefused } from '../../egress/failure.js';
import { AppError } from '../../errors/app-error.js';
import { createSignInSecrets } from '../../oauth/authorization-url.js';
import { exchangeCode } from '../../oauth/code-grant.js';
import { issuerPromisesParameter } from '../../oauth/discovery.js';
import { OAuthError } from '../../oauth/oauth-error.js';
import { signInUrl } from '../../oauth/pushed-authorization.js';
import type { TokenSet } from '../../oauth/types.js';
import type { SignInTable } from '../../store/tables.js';
import { mendedBy } from '../grants/oauth-setup.js';
import { createDeviceSignIns } from './device-sign-ins.js';
import { recordFailedExchange } from './failed-exchange.js';
import { assertSameRedirect, readLoopbackRedirect } from './loopback-redirect.js';
import { assertOpen, beginAgain } from './open-sign-in.js';
import { readPastedCode } from './pasted-code.js';
import { createRedeemed, type RedeemedSignIn, storedOrAbandoned } from './redeemed-sign-in.js';
import {
  type BegunSignIn,
  newSignIn,
  refuseSetup,
  type SignInDependencies,
  type SignInRequest,
} from './sign-in-request.js';
import { addSignIn, claimSignIn, endSignIn, openField } from './sign-in-store.js';

// The life of an interactive sign-in between its first and its second call. DESIGN section 5, points 1 to 4.

export interface SignIns {
  begin(request: SignInRequest): Promise<BegunSignIn>;
  /** @param pasted the code or ticket; the id of a sign-in on another device */
  redeem(request: SignInRequest, pasted: Secret<string>): Promise<RedeemedSignIn>;
  /**
   * For a grant that came without a sign-in of ours and that its person may have to choose about: one to wait in.
   * @param fresh is given up when the grant cannot be kept
   */
  waitingRoom(
    request: SignInRequest,
    fresh: Pick<RedeemedSignIn, 'abandon'>,
  ): Pick<RedeemedSignIn, 'park' | 'signInId'>;
  /** Asks the provider about a sign-in on another device, if it may be asked again by now. */
  poll(row: SignInTable): Promise<SignInTable>;
  /** Revokes tokens that nobody claimed in time. */
  endUnclaimed(): Promise<void>;
}

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

export function createSignIns(deps: SignInDependencies): SignIns {
  const { store, vault, network } = deps;
  const devices = createDeviceSignIns(deps);
  const now = deps.now ?? (() => new Date());

  /** The sign-in that a pasted text belongs to: by our ticket, by the provider's code or by its state; else the latest. */
  const find = async (
    { caller, manifest, destination }: SignInRequest,
    pasted: { code: Secret<string>; state?: string },
  ) => {
    const mine = store.db
      .selectFrom('sign_in')
      .selectAll()
      .where('tenant_id', '=', caller.tenantId)
      .where('user_id', '=', caller.userId)
      .where('source_id', '=', manifest.id);
    const hash = sha256(pasted.code.reveal());
    const exact = await mine
      .where((eb) => eb.or([eb('ticket_hash', '=', hash), eb('code_hash', '=', hash)]))
      .executeTakeFirst();
    if (exact) return exact;
    // Our tickets are known by their form: one that is not the caller's own must not fall through to another.
    if (pasted.code.reveal().startsWith('mst_')) return undefined;
    if (pasted.state !== undefined)
      return mine.where('state_hash', '=', sha256(pasted.state)).executeTakeFirst();
    return mine
      .where('status', '=', 'pending')
      .where('destination', '=', destination)
      .orderBy('created_at', 'desc')
      .limit(1)
      .executeTakeFirst();
  };

  const failExchange = async (
    { setup, isToldCoarsely }: SignInRequest,
    row: SignInTable,
    intentId: string,
    error: unknown,
  ): Promise<never> => {
    const failed = { error, isToldCoarsely };
    const { kind, mayRetry } = await recordFailedExchange(deps, row, intentId, failed);
    if (kind === 'egress_refused') throw egressRefused();
    if (mayRetry || kind === 'nonsense') {
      const retryAfterSeconds = error instanceof OAuthError ? error.retryAfterSeconds : undefined;
      const odd =
        kind === 'nonsense' && error instanceof OAuthError ? `${error.message} ${mendedBy(setup)} ` : '';
      const what = mayRetry ? 'Send the same code again in a moment.' : beginAgain;
      throw new AppError('PROVIDER-FAILED', `${odd}${what}`, {
        cause: error,
        ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }),
      });
    }
    const code = error instanceof OAuthError && error.providerCode ? ` (${error.providerCode})` : '';
    if (kind === 'client_refused') {
      const detail = `The identity provider does not accept the OAuth client or its request${code}. ${mendedBy(setup)} Then: ${beginAgain}`;
      throw new AppError('PROVIDER-REFUSED', detail, { cause: error });
    }
    throw new AppError('PROVIDER-REFUSED', `The identity provider refused the code${code}. ${beginAgain}`, {
      cause: error,
    });
  };

  return {
    poll: devices.poll,
    endUnclaimed: devices.endUnclaimed,

    waitingRoom(request, fresh) {
      const at = now().getTime();
      const row = newSignIn(request, {
        context: 'pasted',
        // No redirect leads here: the digest of something that nobody knows.
        state_hash: sha256(newToken()),
        redirect_uri: '',
        created_at: new Date(at).toISOString(),
        expires_at: new Date(at + deps.signInMinutes * 60_000).toISOString(),
      });
      return {
        signInId: row.id,
        async park(grant, account, login) {
          const { setup } = request;
          const isKept = await storedOrAbandoned(fresh, async () => {
            await store.db.insertInto('sign_in').values(row).execute();
            return deps.parked.park(row, { grant, setup, login }, { account, intentId: row.id });
          });
          if (isKept) return true;
          await fresh.abandon('not_stored');
          await endSignIn(store.db, row, 'failed', 'not_stored');
          return false;
        },
      };
    },

    async begin(request) {
      if (request.device || request.method.oauth?.grant === 'device_code') return devices.begin(request);
      const { setup } = request;
      const at = now();
      const secrets = createSignInSecrets();
      const context = redirectContext(request);
      const redirectUri =
        request.loopbackRedirect === undefined
          ? `${deps.publicUrl()}/oauth/callback/${context}`
          : readLoopbackRedirect(request.loopbackRedirect, setup);
      const authUrl = await signInUrl({ ...setup, redirectUri, ...secrets, network }).catch(
        refuseSetup(setup),
      );
      const promised = setup.preset.issuer
        ? await issuerPromisesParameter(setup.preset.issuer, network)
        : false;
      const row = newSignIn(request, {
        context,
        state_hash: sha256(secrets.state),
        redirect_uri: redirectUri,
        ...(promised ? { issuer_promised: 1 } : {}),
        created_at: at.toISOString(),
        expires_at: new Date(at.getTime() + deps.signInMinutes * 60_000).toISOString(),
      });
      await addSignIn(store, vault, row, ['verifier', secrets.codeVerifier]);
      const own = request.loopbackRedirect === undefined ? {} : { state: secrets.state };
      return { authUrl, signInId: row.id, ...own, expiresAt: row.expires_at };
    },

    async redeem(request, pastedText) {
      const onDevice = await devices.find(request, pastedText);
      if (onDevice) return devices.redeem(request, onDevice);
      if (request.method.oauth?.grant === 'device_code')
        throw new AppError(
          'SIGN-IN-INVALID',
          `authCode is the signInId of a sign-in of yours for this data source. ${beginAgain}`,
        );
      const pasted = readPastedCode(pastedText);
      const row = pasted && (await find(request, pasted));
      if (!pasted || !row)
        throw new AppError(
          'SIGN-IN-INVALID',
          `The code belongs to no sign-in of yours for this data source. ${beginAgain}`,
        );
      assertSameRedirect(row, pasted);
      await assertOpen(store.db, row, request, now());
      if (pasted.issuer !== undefined && row.issuer !== null && pasted.issuer !== row.issuer) {
        throw new AppError('SIGN-IN-INVALID', `The code comes from another identity provider. ${beginAgain}`);
      }
      const intentId = newUuid();
      if (!(await claimSignIn(store, row, intentId, now().toISOString()))) {
        throw new AppError(
          'SIGN-IN-IN-PROGRESS',
          'Another request is completing this sign-in. Look at the sign-in for its result.',
        );
      }
      const isTicket = row.ticket_hash === sha256(pasted.code.reveal());
      const codeVerifier = await openField(store.db, vault, row, 'verifier');
      const code = isTicket ? await openField(store.db, vault, row, 'code') : pasted.code;
      const exchange = { ...request.setup, redirectUri: row.redirect_uri, network };
      let tokens: TokenSet;
      try {
        if (codeVerifier === undefined || code === undefined)
          throw new Error('the sealed parts of the sign-in are gone');
        tokens = await exchangeCode({ ...exchange, code, codeVerifier });
      } catch (error) {
        return failExchange(request, row, intentId, error);
      }
      return createRedeemed(deps, { row, request, intentId, tokens });
    },
  };
}
