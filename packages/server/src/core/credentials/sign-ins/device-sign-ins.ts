import { revealedJson, Secret } from '@mooring/connectors/spec/secret';
import { sha256 } from '../../crypto/digest.js';
import { newToken, newUuid } from '../../crypto/random.js';
import { AppError } from '../../errors/app-error.js';
import { requestDeviceCode } from '../../oauth/device-grant.js';
import { eachByItself } from '../../store/batches.js';
import type { SignInTable } from '../../store/tables.js';
import { UnreadableError } from '../../vault/envelope.js';
import { rejectBegin } from '../grants/oauth-failures.js';
import { credentialOfSignIn } from '../grants/revocation-queue.js';
import { pollDevice } from './device-poll.js';
import { assertOpen, redeemedElsewhere } from './open-sign-in.js';
import { createRedeemed, type RedeemedSignIn } from './redeemed-sign-in.js';
import { type DeviceSecrets, openedTokens, openSealedGrant } from './sealed-grants.js';
import {
  type BegunSignIn,
  newSignIn,
  type SignInDependencies,
  type SignInRequest,
} from './sign-in-request.js';
import { addSignIn, changeWhile, claimSignIn, endSignIn, openField } from './sign-in-store.js';

// Sign-in on another device (RFC 8628).

const secondsMax = 1800;

/** @throws AppError PROVIDER-FAILED, PROVIDER-REFUSED; ConnectorError `egress_refused` */
export async function beginOnDevice(
  { store, vault, network }: SignInDependencies,
  request: SignInRequest,
): Promise<BegunSignIn> {
  const { setup, isToldCoarsely = false } = request;
  const { clock } = store;
  const device = await requestDeviceCode({ ...setup, network, now: clock.now }).catch(rejectBegin(setup));
  const row = newSignIn(request, {
    context: 'device',
    // No redirect leads here: the digest of an unknown value.
    state_hash: sha256(newToken()),
    redirect_uri: '',
    device_interval: device.intervalSeconds,
    // The interval lies between two polls (section 3.2), so the first may follow at once.
    device_next_at: clock.iso(),
    created_at: clock.iso(),
    expires_at: clock.iso(Math.min(device.expiresInSeconds, secondsMax) * 1000),
  });
  const secrets: DeviceSecrets = { deviceCode: device.deviceCode, setup, isToldCoarsely };
  await addSignIn(store, vault, row, ['device', new Secret(revealedJson(secrets))]);
  return {
    authUrl: device.verificationUrl,
    userCode: device.userCode,
    signInId: row.id,
    expiresAt: row.expires_at,
  };
}

/** @throws AppError SIGN-IN-INVALID; SIGN-IN-IN-PROGRESS, also while the user has not finished at the provider */
export async function redeemOnDevice(
  deps: SignInDependencies,
  request: SignInRequest,
  found: SignInTable,
): Promise<RedeemedSignIn> {
  const { store, vault } = deps;
  await assertOpen(store, found, request);
  const row = await pollDevice(deps, found);
  await assertOpen(store, row, request);
  if (row.status === 'pending') {
    throw new AppError(
      'SIGN-IN-IN-PROGRESS',
      "The user has not finished at the provider's page yet. Send the same request again when the sign-in has arrived.",
    );
  }
  const intentId = newUuid();
  const tokensText = await openField(store.db, vault, row, 'tokens');
  if (tokensText === undefined || !(await claimSignIn(store, row, intentId))) throw redeemedElsewhere();
  return createRedeemed(deps, { row, request, intentId, tokens: openedTokens(tokensText) });
}

/** Ends sign-ins whose tokens were not claimed in time, and queues those for revocation. */
export async function endUnclaimed(deps: SignInDependencies): Promise<void> {
  const { store, revoker } = deps;
  const rows = await store.db
    .selectFrom('sign_in')
    .selectAll()
    .where('status', '=', 'arrived')
    .where('device_next_at', 'is not', null)
    .where('expires_at', '<=', store.clock.iso())
    .limit(100)
    .execute();
  await eachByItself(rows, (row) => expire(deps, row)).finally(() => {
    if (rows.length > 0) revoker.kick();
  });
}

/** One that cannot be read is ended without telling the provider: its grant can never be claimed. */
const expire = ({ store, vault, revoker, log }: SignInDependencies, row: SignInTable): Promise<void> =>
  store.transaction(async (tx) => {
    if (!(await changeWhile(tx, row, 'arrived', { status: 'expired' }))) return;
    let problem: string | null = null;
    try {
      const unclaimed = await openSealedGrant(tx, vault, row);
      if (unclaimed) await revoker.queueRevocation(tx, credentialOfSignIn(row), unclaimed);
    } catch (error) {
      if (!(error instanceof UnreadableError)) throw error;
      problem = 'unreadable';
      log.warn({ signInId: row.id }, 'an unclaimed sign-in cannot be read; it was ended');
    }
    await endSignIn(tx, row, 'expired', problem);
  });
