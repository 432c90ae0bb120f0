import { revealedJson, Secret } from '@mooring/connectors/spec/secret';
import { sha256 } from '../../crypto/digest.js';
import { newToken, newUuid } from '../../crypto/random.js';
import { AppError } from '../../errors/app-error.js';
import { untilInstant } from '../../errors/coarse.js';
import { pollDeviceCode, requestDeviceCode } from '../../oauth/device-grant.js';
import { OAuthError } from '../../oauth/oauth-error.js';
import type { TokenSet } from '../../oauth/types.js';
import { eachByItself } from '../../store/batches.js';
import type { SignInTable } from '../../store/tables.js';
import { UnreadableError } from '../../vault/envelope.js';
import type { OAuthSetup } from '../grants/oauth-setup.js';
import { credentialOfSignIn } from '../grants/revocation-queue.js';
import { mayAnswerBetter } from './failed-exchange.js';
import { assertOpen } from './open-sign-in.js';
import { createRedeemed, isKeptWith, type RedeemedSignIn } from './redeemed-sign-in.js';
import { type DeviceSecrets, openedDevice, openedTokens, openSealedGrant } from './sealed-grants.js';
import {
  type BegunSignIn,
  newSignIn,
  refuseSetup,
  type SignInDependencies,
  type SignInRequest,
} from './sign-in-request.js';
import {
  addSignIn,
  changeWhile,
  claimSignIn,
  endSignIn,
  openField,
  type SignInRef,
  sealField,
} from './sign-in-store.js';

// Sign-in on another device (RFC 8628). The provider is asked while the person looks at their sign-in, never faster
// than it allows; the tokens wait, sealed, for the one who began.

/** Section 3.5. */
const slowerBySeconds = 5;
const secondsMax = 1800;

export function createDeviceSignIns(deps: SignInDependencies) {
  const { store, vault, network, log, revoker } = deps;
  const now = deps.now ?? (() => new Date());
  const inSeconds = (seconds: number) => new Date(now().getTime() + seconds * 1000).toISOString();

  const read = (row: SignInRef) =>
    store.db
      .selectFrom('sign_in')
      .selectAll()
      .where('id', '=', row.id)
      .where('tenant_id', '=', row.tenant_id)
      .where('user_id', '=', row.user_id)
      .executeTakeFirst();

  const secretsOf = async (row: SignInTable): Promise<DeviceSecrets | undefined> => {
    const text = await openField(store.db, vault, row, 'device');
    return text === undefined ? undefined : openedDevice(text);
  };

  /** The code is spent: the tokens are sealed for who began, or given up, and never just dropped. */
  const park = (row: SignInTable, setup: OAuthSetup, tokens: TokenSet): Promise<void> =>
    revoker.untilStored(async (tx) => {
      if (await changeWhile(tx, row, 'pending', { status: 'arrived' }))
        return sealField(tx, vault, row, 'tokens', new Secret(revealedJson(tokens)));
      if (!(await isKeptWith(tx, row))) {
        await revoker.noteTokens(tx, credentialOfSignIn(row), { setup, tokens });
      }
    });

  /** One of all who look asks; it takes the turn before it asks. */
  const takeTurn = async (row: SignInTable, interval: number): Promise<boolean> => {
    const taken = await store.db
      .updateTable('sign_in')
      .set({ device_next_at: inSeconds(interval) })
      .where('id', '=', row.id)
      .where('tenant_id', '=', row.tenant_id)
      .where('user_id', '=', row.user_id)
      .where('status', '=', 'pending')
      .where('device_next_at', '=', row.device_next_at)
      .executeTakeFirst();
    return taken.numUpdatedRows === 1n;
  };

  const slowDown = async (row: SignInTable, seconds: number): Promise<void> => {
    const change = { device_interval: seconds, device_next_at: inSeconds(seconds) };
    await changeWhile(store.db, row, 'pending', change);
  };

  const ask = async (row: SignInTable, interval: number): Promise<void> => {
    const secrets = await secretsOf(row);
    if (!secrets) return;
    const since = performance.now();
    try {
      const answer = await pollDeviceCode({ ...secrets.setup, deviceCode: secrets.deviceCode, network });
      if (answer.state === 'granted') await park(row, secrets.setup, answer.tokens);
      if (answer.state === 'slower') await slowDown(row, interval + slowerBySeconds);
    } catch (error) {
      if (!(error instanceof OAuthError)) throw error;
      log.info({ signInId: row.id, kind: error.kind, code: error.providerCode }, 'device sign-in asked');
      if (mayAnswerBetter(error.kind, secrets.isToldCoarsely)) {
        await slowDown(row, Math.max(error.retryAfterSeconds ?? 0, interval + slowerBySeconds));
        if (secrets.isToldCoarsely) await untilInstant({ since, seconds: deps.coarseSeconds });
        return;
      }
      const status = error.providerCode === 'expired_token' ? 'expired' : 'failed';
      await store.transaction(async (tx) => {
        // Another poll, which was asked later and answered earlier, may have brought the grant.
        if (await changeWhile(tx, row, 'pending', { status }))
          await endSignIn(tx, row, status, error.providerCode ?? error.kind);
      });
    }
  };

  const poll = async (row: SignInTable): Promise<SignInTable> => {
    if (row.status !== 'pending' || row.device_next_at === null) return row;
    const at = now().toISOString();
    const interval = row.device_interval ?? slowerBySeconds;
    if (row.expires_at <= at || row.device_next_at > at) return row;
    if (await takeTurn(row, interval)) await ask(row, interval);
    return (await read(row)) ?? row;
  };

  /** A sign-in that cannot be read is ended without telling the provider: nobody can ever claim its grant. */
  const expire = (row: SignInTable): Promise<void> =>
    store.transaction(async (tx) => {
      if (!(await changeWhile(tx, row, 'arrived', { status: 'expired' }))) return;
      let problem: string | null = null;
      try {
        const unclaimed = await openSealedGrant(tx, vault, row);
        if (unclaimed) await revoker.noteTokens(tx, credentialOfSignIn(row), unclaimed);
      } catch (error) {
        if (!(error instanceof UnreadableError)) throw error;
        problem = 'unreadable';
        log.warn({ signInId: row.id }, 'a sign-in that nobody claimed cannot be read and was ended');
      }
      await endSignIn(tx, row, 'expired', problem);
    });

  return {
    poll,

    async begin(request: SignInRequest): Promise<BegunSignIn> {
      const { setup } = request;
      const device = await requestDeviceCode({ ...setup, network }).catch(refuseSetup(setup));
      const row = newSignIn(request, {
        context: 'device',
        // No redirect leads here: the digest of something that nobody knows.
        state_hash: sha256(newToken()),
        redirect_uri: '',
        device_interval: device.intervalSeconds,
        // The interval lies between two polls (section 3.2), so the first is free.
        device_next_at: now().toISOString(),
        created_at: now().toISOString(),
        expires_at: inSeconds(Math.min(device.expiresInSeconds, secondsMax)),
      });
      const { isToldCoarsely = false } = request;
      const secrets: DeviceSecrets = { deviceCode: device.deviceCode, setup, isToldCoarsely };
      await addSignIn(store, vault, row, ['device', new Secret(revealedJson(secrets))]);
      return {
        authUrl: device.verificationUrl,
        userCode: device.userCode,
        signInId: row.id,
        expiresAt: row.expires_at,
      };
    },

    /** The sign-in on another device that a pasted text is the id of, if the caller began it for this source. */
    find: ({ caller, manifest }: SignInRequest, pasted: Secret<string>): Promise<SignInTable | undefined> =>
      store.db
        .selectFrom('sign_in')
        .selectAll()
        .where('id', '=', pasted.reveal().trim().toLowerCase())
        .where('tenant_id', '=', caller.tenantId)
        .where('user_id', '=', caller.userId)
        .where('source_id', '=', manifest.id)
        .where('device_next_at', 'is not', null)
        .executeTakeFirst(),

    async redeem(request: SignInRequest, found: SignInTable): Promise<RedeemedSignIn> {
      await assertOpen(store.db, found, request, now());
      const row = await poll(found);
      await assertOpen(store.db, row, request, now());
      if (row.status === 'pending') {
        throw new AppError(
          'SIGN-IN-IN-PROGRESS',
          "The person has not finished at the provider's page yet. Send the same request again when the sign-in has arrived.",
        );
      }
      const intentId = newUuid();
      const tokensText = await openField(store.db, vault, row, 'tokens');
      if (tokensText === undefined || !(await claimSignIn(store, row, intentId, now().toISOString()))) {
        throw new AppError(
          'SIGN-IN-IN-PROGRESS',
          'Another request is completing this sign-in. Look at the sign-in for its result.',
        );
      }
      const tokens = openedTokens(tokensText);
      return createRedeemed(deps, { row, request, intentId, tokens });
    },

    /** Grants of people who never came back: forgotten, and their providers are told. */
    async endUnclaimed(): Promise<void> {
      const rows = await store.db
        .selectFrom('sign_in')
        .selectAll()
        .where('status', '=', 'arrived')
        .where('device_next_at', 'is not', null)
        .where('expires_at', '<=', now().toISOString())
        .limit(100)
        .execute();
      await eachByItself(rows, expire).finally(() => {
        if (rows.length > 0) revoker.kick();
      });
    },
  };
}
