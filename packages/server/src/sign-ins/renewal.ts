import type { Network } from '@mooring/connectors/spec/network';
import type { Logger } from 'pino';
import { record } from '../audit/record.js';
import { renewGrant } from '../broker/credential-records.js';
import {
  accountOfGrant,
  compareAccounts,
  maskedAccount,
  rememberedAccount,
} from '../broker/grant-account.js';
import { type StoredGrant, storedGrant } from '../broker/grant-state.js';
import type { OAuthSetup } from '../broker/oauth-setup.js';
import { exchangeCode } from '../oauth/code-grant.js';
import { OAuthError } from '../oauth/oauth-error.js';
import type { Store } from '../store/store.js';
import type { ConnectionTable, CredentialTable, SignInTable } from '../store/tables.js';
import { sha256 } from '../vault/digest.js';
import type { Vault } from '../vault/envelope.js';
import { newUuid } from '../vault/random.js';
import { type ParkedGrants, readSetup } from './parked-grants.js';
import { claimSignIn, endSignIn, openField } from './sign-in-store.js';

// One click on the page renews a grant in place, without copying: only for a credential that its own person began to
// renew, and only for the very account it had. Whoever clicks gives nobody anything that they did not have before.

export type Renewal =
  | { ok: true; account: string }
  | { ok: false; reason: 'unknown' | 'expired' | 'used' | 'different' | 'unproven' | 'provider' | 'again' };

export interface RenewalDependencies {
  store: Store;
  vault: Vault;
  network: Network;
  log: Logger;
  parked: ParkedGrants;
  /** Endpoints and client for a credential; undefined when the connection has changed since. */
  setupOf(credential: CredentialTable, connection: ConnectionTable): Promise<OAuthSetup | undefined>;
  /** Tokens that nobody is to have are ended at the provider. */
  endTokens(credential: CredentialTable, setup: OAuthSetup, tokens: StoredGrant['tokens']): Promise<void>;
}

export function createRenewals(deps: RenewalDependencies) {
  const { store, vault, network, log, parked } = deps;

  const find = async (context: string, ticket: string) => {
    const row = await store.db
      .selectFrom('sign_in')
      .selectAll()
      .where('ticket_hash', '=', sha256(ticket))
      .where('context', '=', context)
      .where('credential_id', 'is not', null)
      .executeTakeFirst();
    const credential =
      row &&
      (await store.db
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
      (await store.db
        .selectFrom('connection')
        .selectAll()
        .where('id', '=', row.connection_id)
        .where('tenant_id', '=', row.tenant_id)
        // Changed since: the code is not for what it points at now.
        .where('destination', '=', row.destination)
        .executeTakeFirst());
    return row && credential && connection ? { row, credential, connection } : undefined;
  };

  const failed = async (row: SignInTable, intentId: string, error: unknown): Promise<Renewal> => {
    const kind = error instanceof OAuthError ? error.kind : 'unavailable';
    log.warn({ signInId: row.id, kind }, 'code exchange failed');
    const mayRetry = kind === 'unavailable' || kind === 'rate_limited';
    await store.transaction(async (tx) => {
      await tx.deleteFrom('intent').where('id', '=', intentId).execute();
      if (!mayRetry) return endSignIn(tx, row, 'failed', kind);
      await tx.updateTable('sign_in').set({ status: 'arrived' }).where('id', '=', row.id).execute();
    });
    return { ok: false, reason: mayRetry ? 'again' : 'provider' };
  };

  const keep = async (
    row: SignInTable,
    credential: CredentialTable,
    intentId: string,
    grant: StoredGrant,
  ): Promise<void> => {
    await store.transaction(async (tx) => {
      await renewGrant(tx, vault, credential, grant);
      await tx.deleteFrom('intent').where('id', '=', intentId).execute();
      await endSignIn(tx, row, 'completed');
      const by = { tenantId: row.tenant_id, userId: row.user_id };
      await record(tx, { name: 'sign-in.completed', by, resourceId: row.id });
    });
  };

  return {
    /** @param ticket as the page carries it; @param context segment of the path it was sent to */
    async renew(context: string, ticket: string): Promise<Renewal> {
      const found = await find(context, ticket);
      if (!found) return { ok: false, reason: 'unknown' };
      const { row, credential, connection } = found;
      if (row.expires_at <= store.clock.iso()) return { ok: false, reason: 'expired' };
      if (row.status !== 'arrived') return { ok: false, reason: 'used' };
      const setup = await readSetup(deps, credential, connection);
      if (!setup) return { ok: false, reason: 'unknown' };
      const intentId = newUuid();
      if (!(await claimSignIn(store, row, intentId, store.clock.iso()))) return { ok: false, reason: 'used' };
      let grant: StoredGrant;
      try {
        const codeVerifier = await openField(store.db, vault, row, 'verifier');
        const code = await openField(store.db, vault, row, 'code');
        if (codeVerifier === undefined || code === undefined) throw new Error('the sealed parts are gone');
        const exchange = { ...setup, redirectUri: row.redirect_uri, code, codeVerifier, network };
        const tokens = await exchangeCode({ ...exchange, now: store.clock.now });
        grant = storedGrant(tokens, store.clock.now(), setup.preset);
      } catch (error) {
        return failed(row, intentId, error);
      }
      const account = accountOfGrant(grant);
      const comparison = compareAccounts(await rememberedAccount(store.db, credential), account);
      try {
        if (comparison !== 'same') {
          await parked.park(row, grant, { account, intentId });
          return { ok: false, reason: comparison === 'different' ? 'different' : 'unproven' };
        }
        await keep(row, credential, intentId, grant);
      } catch (error) {
        await deps.endTokens(credential, setup, grant.tokens);
        await endSignIn(store.db, row, 'failed', 'not_stored');
        throw error;
      }
      return { ok: true, account: account ? maskedAccount(account) : '' };
    },
  };
}
