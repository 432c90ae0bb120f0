import { decideFor } from '../../access/connection-access.js';
import { recordCredential } from '../../audit/record.js';
import { sha256 } from '../../crypto/digest.js';
import { newUuid } from '../../crypto/random.js';
import { AppError } from '../../errors/app-error.js';
import { untilInstant } from '../../errors/coarse.js';
import { apiOriginOf } from '../../oauth/api-origin.js';
import { exchangeCode } from '../../oauth/code-grant.js';
import { rolesOf } from '../../store/decoded-rows.js';
import type { Store } from '../../store/store.js';
import type { ConnectionTable, CredentialTable, SignInTable } from '../../store/tables.js';
import type { ClientConfiguration } from '../grants/client-configuration.js';
import {
  accountOfGrant,
  compareAccounts,
  maskedAccount,
  rememberedAccount,
} from '../grants/grant-account.js';
import { endsAt, type StoredGrant, storedGrant } from '../grants/grant-state.js';
import { renewGrant } from '../records/credential-records.js';
import { recordFailedExchange } from './failed-exchange.js';
import { createRedeemed, type RedeemedSignIn, storedOrAbandoned } from './redeemed-sign-in.js';
import type { SignInDependencies } from './sign-in-request.js';
import { claimSignIn, openField } from './sign-in-store.js';

// One click on the page renews a grant in place, without copying: only for a credential that its own user began to
// renew, and only for the very account it had. A click gives no user more than they had before: the grant of any other
// account is abandoned, since another user than the one who began may have clicked.

export type Renewal =
  | {
      ok: true;
      account: string;
      /** Of a grant that cannot be renewed. */
      endsAt?: string;
    }
  | { ok: false; reason: 'unknown' | 'expired' | 'used' | 'different' | 'unproven' | 'provider' | 'again' };

export interface RenewalDependencies extends Omit<SignInDependencies, 'publicUrl' | 'signInMinutes'> {
  /** Endpoints and client for a credential; undefined if the connection has changed since. */
  configurationOf(
    credential: CredentialTable,
    connection: ConnectionTable,
  ): Promise<ClientConfiguration | undefined>;
}

export const createRenewals = (deps: RenewalDependencies) => ({
  /** See {@link renew}. */
  renew: (context: string, ticket: string) => renew(deps, context, ticket),
});

/** @param context segment of the path that the ticket was sent to; @param ticket as the page carries it */
async function renew(deps: RenewalDependencies, context: string, ticket: string): Promise<Renewal> {
  const { store } = deps;
  const found = await find(store, context, ticket);
  if (!found) return { ok: false, reason: 'unknown' };
  const { row, credential, connection } = found;
  if (row.expires_at <= store.clock.iso()) return { ok: false, reason: 'expired' };
  if (row.status !== 'arrived') return { ok: false, reason: 'used' };
  const setup = await deps.configurationOf(credential, connection).catch((error: unknown) => {
    // The client of the connection is no longer configured.
    if (error instanceof AppError) return undefined;
    throw error;
  });
  if (!setup) return { ok: false, reason: 'unknown' };
  const intentId = newUuid();
  if (!(await claimSignIn(store, row, intentId))) return { ok: false, reason: 'used' };
  const since = performance.now();
  let grant: StoredGrant;
  try {
    grant = await exchange(deps, row, setup);
  } catch (error) {
    const isCoarse = setup.preset.provider === undefined && !(await mayEdit(store, row.user_id, connection));
    const mayRetry = await recordFailedExchange(deps, row, intentId, { error, isCoarse });
    if (isCoarse && mayRetry) await untilInstant({ since, seconds: deps.coarseSeconds });
    return { ok: false, reason: mayRetry ? 'again' : 'provider' };
  }
  const redeemed = createRedeemed(deps, {
    ...{ row, intentId, tokens: grant.tokens },
    request: { setup, renews: credential },
  });
  if (apiOriginOf(setup.preset, grant.tokens) === 'foreign') {
    await redeemed.abandon('not_stored');
    return { ok: false, reason: 'provider' };
  }
  return storeIfSameAccount(deps, credential, grant, redeemed);
}

async function find({ db }: Store, context: string, ticket: string) {
  const row = await db
    .selectFrom('sign_in')
    .selectAll()
    .where('ticket_hash', '=', sha256(ticket))
    .where('context', '=', context)
    .where('credential_id', 'is not', null)
    .executeTakeFirst();
  const credential =
    row &&
    (await db
      .selectFrom('credential')
      .innerJoin('credential_destination', 'credential_destination.credential_id', 'credential.id')
      .selectAll('credential')
      .where('credential.id', '=', row.credential_id)
      .where('credential.tenant_id', '=', row.tenant_id)
      .where('credential.owner_id', '=', row.user_id)
      .where('credential_destination.destination', '=', row.destination)
      .executeTakeFirst());
  const connection =
    row &&
    (await db
      .selectFrom('connection')
      .selectAll()
      .where('id', '=', row.connection_id)
      .where('tenant_id', '=', row.tenant_id)
      // Otherwise it was changed since, and the code is not for what it points at now.
      .where('destination', '=', row.destination)
      .executeTakeFirst());
  return row && credential && connection ? { row, credential, connection } : undefined;
}

/** Of the user who began: anyone may click. */
async function mayEdit({ db }: Store, userId: string, connection: ConnectionTable): Promise<boolean> {
  const user = await db
    .selectFrom('user')
    .select('roles')
    .where('id', '=', userId)
    .where('tenant_id', '=', connection.tenant_id)
    .executeTakeFirst();
  if (!user) return false;
  const who = { userId, tenantId: connection.tenant_id, roles: rolesOf(user) };
  return (await decideFor(db, who, connection)).privileges.includes('update');
}

async function exchange(
  { store, vault, network }: RenewalDependencies,
  row: SignInTable,
  setup: ClientConfiguration,
): Promise<StoredGrant> {
  const codeVerifier = await openField(store.db, vault, row, 'verifier');
  const code = await openField(store.db, vault, row, 'code');
  if (codeVerifier === undefined || code === undefined) throw new Error('the sealed parts are gone');
  const call = { ...setup, redirectUri: row.redirect_uri, code, codeVerifier, network };
  const tokens = await exchangeCode({ ...call, now: store.clock.now });
  return storedGrant(tokens, store.clock.now(), setup.preset);
}

async function storeIfSameAccount(
  { store, vault }: RenewalDependencies,
  credential: CredentialTable,
  grant: StoredGrant,
  redeemed: RedeemedSignIn,
): Promise<Renewal> {
  const account = accountOfGrant(grant);
  const comparison = compareAccounts(await rememberedAccount(store.db, credential), account);
  if (comparison !== 'same') {
    const isOther = comparison === 'different';
    await redeemed.abandon(isOther ? 'another_account' : 'account_unknown');
    return { ok: false, reason: isOther ? 'different' : 'unproven' };
  }
  const isKept = await storedOrAbandoned(redeemed, () =>
    store.transaction(async (tx) => {
      if (!(await renewGrant(tx, vault, credential, { grant, at: store.clock.iso() }))) return false;
      await recordCredential(tx, 'updated', credential);
      await redeemed.complete(tx);
      return true;
    }),
  );
  if (!isKept) {
    await redeemed.abandon('not_stored');
    return { ok: false, reason: 'unknown' };
  }
  const end = endsAt(grant);
  const name = account ? maskedAccount(account) : '';
  return { ok: true, account: name, ...(end === null ? {} : { endsAt: end }) };
}
