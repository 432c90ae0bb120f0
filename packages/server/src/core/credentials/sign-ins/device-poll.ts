import { revealedJson, Secret } from '@mooring/connectors/spec/secret';
import { untilInstant } from '../../errors/coarse.js';
import { pollDeviceCode } from '../../oauth/device-grant.js';
import { OAuthError } from '../../oauth/oauth-error.js';
import type { TokenSet } from '../../oauth/types.js';
import type { SignInTable } from '../../store/tables.js';
import type { ClientConfiguration } from '../grants/client-configuration.js';
import { credentialOfSignIn } from '../grants/revocation-queue.js';
import { mayAnswerBetter } from './failed-exchange.js';
import { isKeptWith } from './redeemed-sign-in.js';
import { openedDevice } from './sealed-grants.js';
import type { SignInDependencies } from './sign-in-request.js';
import { changeWhile, endSignIn, findSignIn, openField, sealField } from './sign-in-store.js';

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
  const { setup, deviceCode, isToldCoarsely } = openedDevice(secrets);
  const since = performance.now();
  try {
    const answer = await pollDeviceCode({ ...setup, deviceCode, network, now: store.clock.now });
    if (answer.state === 'granted') await park(deps, row, setup, answer.tokens);
    if (answer.state === 'slower') await slowDown(deps, row, interval + slowerBySeconds);
  } catch (error) {
    if (!(error instanceof OAuthError)) throw error;
    log.info({ signInId: row.id, kind: error.kind, code: error.providerCode }, 'device sign-in: poll failed');
    if (mayAnswerBetter(error.kind, isToldCoarsely)) {
      await slowDown(deps, row, Math.max(error.retryAfterSeconds ?? 0, interval + slowerBySeconds));
      if (isToldCoarsely) await untilInstant({ since, seconds: deps.coarseSeconds });
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
