import { revealedJson, Secret } from '@mooring/connectors/interface/secret';
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
import type { ClientConfiguration } from '../grants/client-configuration.js';
import { rejectBegin } from '../grants/oauth-failures.js';
import { credentialOfSignIn } from '../grants/revocation-queue.js';
import { mayAnswerBetter } from './failed-exchange.js';
import { assertOpen, redeemedElsewhere } from './open-sign-in.js';
import { createRedeemed, isKeptWith, type RedeemedSignIn } from './redeemed-sign-in.js';
import { type DeviceSecrets, openedDevice, openedTokens, openSealedGrant } from './sealed-grants.js';
import {
  type BegunSignIn,
  newSignIn,
  type SignInDependencies,
  type SignInRequest,
} from './sign-in-request.js';
import {
  addSignIn,
  changeWhile,
  claimSignIn,
  endSignIn,
  findSignIn,
  openField,
  sealField,
} from './sign-in-store.js';

// Sign-in on another device (RFC 8628).

const secondsMax = 1800;

/** @throws AppError PROVIDER-FAILED, PROVIDER-REFUSED; ConnectorError `egress_refused` */
export async function beginOnDevice(
  { store, vault, network }: SignInDependencies,
  request: SignInRequest,
): Promise<BegunSignIn> {
  const { setup, isCoarse = false } = request;
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
  const secrets: DeviceSecrets = { deviceCode: device.deviceCode, setup, isCoarse };
  await addSignIn(store, vault, row, ['device', new Secret(revealedJson(secrets))]);
  return {
    authUrl: device.verificationUrl,
    userCode: device.userCode,
    signInId: row.id,
    expiresAt: row.expires_at,
  };
}

// Polling of a sign-in on another device (RFC 8628 section 3.4): only while its user looks at it, and never faster than
// the provider allows. The tokens wait, sealed, for the user who began.

/** RFC 8628 section 3.5. */
const slowerBySeconds = 5;

/** @returns the row after the poll; as it was given if it is not time to poll, or if its state has no polls */
export async function pollDevice(deps: SignInDependencies, row: SignInTable): Promise<SignInTable> {
  if (row.status !== 'pending' || row.device_next_at === null) return row;
  const at = deps.store.clock.iso();
  const interval = row.device_interval ?? slowerBySeconds;
  if (row.expires_at <= at || row.device_next_at > at) return row;
  if (await takeTurn(deps, row, interval)) await ask(deps, row, interval);
  return (await findSignIn(deps.store.db, row)) ?? row;
}

/** Of all requests that look, one polls; it takes the turn first. */
async function takeTurn({ store }: SignInDependencies, row: SignInTable, interval: number): Promise<boolean> {
  const taken = await store.db
    .updateTable('sign_in')
    .set({ device_next_at: store.clock.iso(interval * 1000) })
    .where('id', '=', row.id)
    .where('tenant_id', '=', row.tenant_id)
    .where('user_id', '=', row.user_id)
    .where('status', '=', 'pending')
    .where('device_next_at', '=', row.device_next_at)
    .executeTakeFirst();
  return taken.numUpdatedRows === 1n;
}

async function slowDown({ store }: SignInDependencies, row: SignInTable, seconds: number): Promise<void> {
  const change = { device_interval: seconds, device_next_at: store.clock.iso(seconds * 1000) };
  await changeWhile(store.db, row, 'pending', change);
}

/** The code is used up: the tokens are sealed for the user who began or queued for revocation, never dropped. */
const park = (
  { vault, revoker }: SignInDependencies,
  row: SignInTable,
  setup: ClientConfiguration,
  tokens: TokenSet,
): Promise<void> =>
  revoker.untilStored(async (tx) => {
    if (await changeWhile(tx, row, 'pending', { status: 'arrived' }))
      return sealField(tx, vault, row, ['tokens', new Secret(revealedJson(tokens))]);
    if (!(await isKeptWith(tx, row))) {
      await revoker.queueRevocation(tx, credentialOfSignIn(row), { setup, tokens });
    }
  });

async function ask(deps: SignInDependencies, row: SignInTable, interval: number): Promise<void> {
  const { store, vault, network, log } = deps;
  const secrets = await openField(store.db, vault, row, 'device');
  if (!secrets) return;
  const { setup, deviceCode, isCoarse } = openedDevice(secrets);
  const since = performance.now();
  try {
    const answer = await pollDeviceCode({ ...setup, deviceCode, network, now: store.clock.now });
    if (answer.state === 'granted') await park(deps, row, setup, answer.tokens);
    if (answer.state === 'slower') await slowDown(deps, row, interval + slowerBySeconds);
  } catch (error) {
    if (!(error instanceof OAuthError)) throw error;
    log.info({ signInId: row.id, kind: error.kind, code: error.providerCode }, 'device sign-in: poll failed');
    if (mayAnswerBetter(error.kind, isCoarse)) {
      await slowDown(deps, row, Math.max(error.retryAfterSeconds ?? 0, interval + slowerBySeconds));
      if (isCoarse) await untilInstant({ since, seconds: deps.coarseSeconds });
      return;
    }
    const status = error.providerCode === 'expired_token' ? 'expired' : 'failed';
    await store.transaction(async (tx) => {
      // Another poll that was sent later and answered earlier may have stored the grant.
      if (await changeWhile(tx, row, 'pending', { status }))
        await endSignIn(tx, row, status, error.providerCode ?? error.kind);
    });
  }
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
