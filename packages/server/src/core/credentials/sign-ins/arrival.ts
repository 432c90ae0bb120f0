import { Secret } from '@mooring/connectors/interface/secret';
import { sha256 } from '../../crypto/digest.js';
import { newBase62 } from '../../crypto/random.js';
import { readRedirect } from '../../oauth/redirect.js';
import type { Store } from '../../store/store.js';
import type { SignInTable } from '../../store/tables.js';
import type { CredentialDependencies } from '../dependencies.js';
import { maskedAccount, rememberedAccount } from '../grants/grant-account.js';
import { endSignIn, sealField } from './sign-in-store.js';

// The redirect lands here. Nothing is granted: the code is sealed, and a one-time ticket stands for it that only the
// user who began can redeem.

export type Arrival =
  | {
      ok: true;
      ticket: string;
      initiatorName: string;
      sourceId: string;
      connectionName?: string;
      expiresAt: Date;
      /** Account, masked, that the credential had: the page may renew it in place. */
      renews?: string;
    }
  | { ok: false; reason: 'unknown' | 'expired' | 'used' | 'issuer' | 'provider'; providerError?: string };

type ArrivalDependencies = Pick<CredentialDependencies, 'store' | 'vault'>;

export const createArrivals = (deps: ArrivalDependencies) => ({
  /** See {@link arrive}. */
  arrive: (context: string, parameters: URLSearchParams) => arrive(deps, context, parameters),
});

/** @param context segment of the path that the redirect arrived at; @param parameters its query */
async function arrive(
  deps: ArrivalDependencies,
  context: string,
  parameters: URLSearchParams,
): Promise<Arrival> {
  const { store } = deps;
  const states = parameters.getAll('state');
  const row = await findByState(store, states.length === 1 ? states[0] : undefined);
  if (!row || row.context !== context) return { ok: false, reason: 'unknown' };
  if (row.expires_at <= store.clock.iso()) {
    if (row.status === 'pending' || row.status === 'arrived') await endSignIn(store.db, row, 'expired');
    return { ok: false, reason: 'expired' };
  }
  if (row.status !== 'pending' && row.status !== 'arrived') return { ok: false, reason: 'used' };
  const read = readRedirect({
    parameters,
    ...(row.issuer === null ? {} : { issuer: row.issuer }),
    issuerPromised: row.issuer_promised === 1,
  });
  if (!read.ok) {
    await endSignIn(store.db, row, 'failed', read.providerError ?? read.error);
    const { error, providerError } = read;
    if (error === 'provider')
      return { ok: false, reason: error, ...(providerError ? { providerError } : {}) };
    return { ok: false, reason: error === 'issuer' ? error : 'unknown' };
  }
  const ticket = await keepCode(deps, row, read.code);
  if (ticket === undefined) return { ok: false, reason: 'used' };
  const remembered =
    row.credential_id === null
      ? undefined
      : await rememberedAccount(store.db, {
          ...{ id: row.credential_id, tenant_id: row.tenant_id, owner_id: row.user_id },
        });
  return {
    ok: true,
    ticket,
    initiatorName: row.user_name,
    sourceId: row.source_id,
    ...(row.connection_name === null ? {} : { connectionName: row.connection_name }),
    expiresAt: new Date(row.expires_at),
    ...(remembered ? { renews: maskedAccount(remembered) } : {}),
  };
}

/** No user: anyone with the state may follow the redirect, and gets only a ticket for the user who began. */
const findByState = async ({ db }: Store, state: string | undefined) =>
  state === undefined || state === ''
    ? undefined
    : db
        .selectFrom('sign_in')
        .innerJoin('user', (join) =>
          join.onRef('user.id', '=', 'sign_in.user_id').onRef('user.tenant_id', '=', 'sign_in.tenant_id'),
        )
        .selectAll('sign_in')
        .select('user.name as user_name')
        .where('sign_in.state_hash', '=', sha256(state))
        .executeTakeFirst();

/** @returns a ticket for the code; undefined if another code arrived first, or the sign-in is no longer open */
async function keepCode(
  { store, vault }: ArrivalDependencies,
  row: SignInTable,
  code: string,
): Promise<string | undefined> {
  const ticket = `mst_${newBase62(32)}`;
  const kept = await store.transaction(async (tx) => {
    const updated = await tx
      .updateTable('sign_in')
      .set({ status: 'arrived', ticket_hash: sha256(ticket), code_hash: sha256(code) })
      .where('id', '=', row.id)
      .where('tenant_id', '=', row.tenant_id)
      .where('user_id', '=', row.user_id)
      .where((eb) =>
        eb.or([
          eb('status', '=', 'pending'),
          // The user reloaded the page: the same code gets a new ticket, another code does not.
          eb.and([eb('status', '=', 'arrived'), eb('code_hash', '=', sha256(code))]),
        ]),
      )
      .executeTakeFirst();
    if (updated.numUpdatedRows !== 1n) return false;
    await sealField(tx, vault, row, ['code', new Secret(code)]);
    return true;
  });
  return kept ? ticket : undefined;
}
