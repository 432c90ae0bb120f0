import type { Network } from '@mooring/connectors/spec/network';
import type { Logger } from 'pino';
import { type AuditEvent, recordCredential } from '../../audit/record.js';
import type { Catalogue } from '../../catalogue/catalogue.js';
import type { Config } from '../../config/config.js';
import { mayRevoke, revokeToken } from '../../oauth/revocation.js';
import type { TokenSet } from '../../oauth/types.js';
import type { Queryable, Tx } from '../../store/queryable.js';
import type { Store } from '../../store/store.js';
import { StoreUnavailableError } from '../../store/store-error.js';
import type { ConnectionTable, CredentialTable, RevocationTable, SignInTable } from '../../store/tables.js';
import { UnreadableError, type Vault } from '../../vault/envelope.js';
import { loadSecret, openGrant, shredCredential } from '../records/credential-records.js';
import { credentialsIn, type EndScope, openSignInsIn } from '../records/end-scope.js';
import { setupToEnd } from '../resolve/credential-setup.js';
import { sealedGrantOf } from '../sign-ins/sealed-grants.js';
import { endSignIn } from '../sign-ins/sign-in-store.js';
import type { OAuthSetup } from './oauth-setup.js';
import {
  credentialOfSignIn,
  due,
  end,
  enqueue,
  open,
  putOff,
  type RevokedCredential,
  take,
  tokenToRevoke,
} from './revocation-queue.js';

// The end of credentials: the key to their secrets is destroyed in the transaction that deletes them, and their
// providers are told afterwards, for as long as it takes.

export interface EndOptions {
  /** Those with one id make one report; without one, only ends that a provider must be told are on record. */
  batchId?: string;
  /** Who ends it, for the record; absent: its owner. */
  by?: AuditEvent['by'];
  /** The connection as it was, where it is being changed in the same transaction. */
  connection?: ConnectionTable;
  /** Records at most, so that others get their turn in between; all of them unless given. */
  limit?: number;
}

/** Tokens that nobody is to have, and where their provider is told so. */
export interface GivenUp extends Pick<EndOptions, 'batchId'> {
  setup: OAuthSetup;
  tokens: TokenSet;
}

export interface Revoker {
  /**
   * Ends everything that is sealed of what is named, credentials and open sign-ins: deletes it, destroys its keys, puts
   * it on record, and notes in the same transaction what providers are to be told; `kick` afterwards.
   * @returns how many records have ended
   */
  end(tx: Tx, scope: EndScope, options?: EndOptions): Promise<number>;
  /** Notes tokens that nobody is to have, in the transaction that ends what they were kept with; `kick` afterwards. */
  noteTokens(tx: Tx, credential: RevokedCredential, given: GivenUp): Promise<void>;
  /** Notes tokens that were issued for a credential that is gone. */
  endTokens(credential: RevokedCredential, setup: OAuthSetup, tokens: TokenSet): Promise<void>;
  /**
   * Decides in a transaction what becomes of fresh tokens. While the store does not take it they are kept in memory,
   * and it is tried again: the work may run after it has been committed already.
   */
  untilStored(work: (tx: Tx) => Promise<void>): Promise<void>;
  /** Tells providers what is due, without holding anybody up; a node that dies leaves it to the next. */
  kick(): void;
  /** Resolves when what was begun has ended. */
  settled(): Promise<void>;
  /** Goes on for a moment; what is left then is told at the next start, or by another node. */
  close(): Promise<void>;
}

export interface RevokerDependencies {
  store: Store;
  vault: Vault;
  network: Network;
  catalogue: Catalogue;
  clients: Config['oauth']['clients'];
  log: Logger;
  /** Between looks at what others have left. */
  lookMs?: number;
  /** How long a close goes on telling providers. An entry whose answer is not waited for is told again. */
  closeMs?: number;
}

const atOnce = 8;
const pause = { firstMs: 1_000, mostMs: 600_000 };
/** A provider that could not be told for so long will not be. */
const patienceMs = 7 * 86_400_000;

const after = (ms: number) => new Promise<void>((resolve) => void setTimeout(resolve, ms).unref());

export function createRevoker(deps: RevokerDependencies): Revoker {
  const { store, vault, network, log } = deps;

  /** What the provider of a stored grant is to be told; a status when there is nothing to tell. */
  const toTell = async (tx: Queryable, credential: CredentialTable, connection?: ConnectionTable) => {
    const row = await loadSecret(tx, credential, 'grant');
    if (!row) return { status: 'none' as const };
    try {
      const { tokens } = openGrant(vault, credential, row);
      const setup = await setupToEnd(tx, deps, credential, connection);
      if (!setup || !mayRevoke(setup.preset)) return { status: 'unsupported' as const };
      return { sealed: { setup, token: tokenToRevoke(tokens) } };
    } catch (error) {
      // Its key may be one that this node is only learning.
      if (error instanceof StoreUnavailableError) throw error;
      // An unreadable grant or a client that is no longer configured must not keep a person from deleting.
      log.warn({ credentialId: credential.id }, 'grant cannot be revoked at the provider');
      return {
        status: error instanceof UnreadableError ? ('unreadable' as const) : ('unsupported' as const),
      };
    }
  };

  const tell = async (row: RevocationTable): Promise<void> => {
    if (!(await take(store, row))) return;
    const sealed = await open(store, vault, row).catch((error: unknown) => {
      if (error instanceof UnreadableError) return undefined;
      throw error;
    });
    if (!sealed) return end(store, row, 'unreadable');
    const outcome = await revokeToken({ ...sealed.setup, token: sealed.token, network });
    log.info(
      { credentialId: row.credential_id, outcome, attempts: row.attempts + 1 },
      'provider told of the end',
    );
    if (outcome !== 'failed') return end(store, row, outcome);
    if (Date.parse(row.created_at) + patienceMs < store.clock.now()) return end(store, row, 'failed');
    return putOff(store, row, Math.min(pause.firstMs * 2 ** Math.min(row.attempts, 20), pause.mostMs));
  };

  let isClosed = false;
  let working: Promise<void> | undefined;
  const work = async (): Promise<void> => {
    for (let rows = await due(store, atOnce); rows.length > 0 && !isClosed; rows = await due(store, atOnce)) {
      await Promise.all(rows.map(tell));
    }
  };
  const unstored = new Set<(tx: Tx) => Promise<void>>();
  const storeLeft = async (): Promise<void> => {
    for (const one of unstored) {
      const isStored = await store.transaction(one).then(
        () => true,
        () => false,
      );
      if (isStored) unstored.delete(one);
    }
  };
  const kick = (): void => {
    working ??= storeLeft()
      .then(work)
      .catch((error: unknown) => log.warn({ err: error }, 'the queue of revocations could not be worked on'))
      .finally(() => {
        working = undefined;
      });
  };
  const noteTokens: Revoker['noteTokens'] = async (tx, credential, { setup, tokens, batchId }) => {
    const batch = batchId === undefined ? {} : { batchId };
    if (mayRevoke(setup.preset)) {
      const sealed = { setup, token: tokenToRevoke(tokens) };
      await enqueue(tx, store, vault, { credential, sealed, ...batch });
    } else if (batchId !== undefined) {
      await enqueue(tx, store, vault, { credential, status: 'unsupported', ...batch });
    }
  };
  const untilStored: Revoker['untilStored'] = async (work) => {
    try {
      await store.transaction(work);
    } catch (error) {
      log.warn({ err: error }, 'what becomes of a fresh grant could not be stored yet');
      unstored.add(work);
    }
    kick();
  };

  const endCredential = async (
    tx: Tx,
    credential: CredentialTable,
    { batchId, by, connection }: EndOptions,
  ): Promise<void> => {
    const found = await toTell(tx, credential, connection);
    if (batchId !== undefined || found.sealed) {
      await enqueue(tx, store, vault, {
        credential,
        ...found,
        ...(batchId === undefined ? {} : { batchId }),
      });
    }
    await shredCredential(tx, credential);
    // Of those that are revoked together there is one event, and a report that names each.
    if (batchId === undefined) await recordCredential(tx, 'deleted', credential, by);
  };

  const endSignInOf = async (tx: Tx, row: SignInTable, { batchId }: EndOptions): Promise<void> => {
    const found = await sealedGrantOf(tx, vault, row);
    if (found) {
      const given = batchId === undefined ? found : { ...found, batchId };
      await noteTokens(tx, credentialOfSignIn(row), given);
    }
    await endSignIn(tx, row, 'failed', 'ended');
  };
  const looking = setInterval(kick, deps.lookMs ?? 5_000).unref();

  return {
    async end(tx, scope, options = {}) {
      const { limit } = options;
      // First what could still bring a credential.
      const signIns = await openSignInsIn(tx, scope, limit);
      for (const signIn of signIns) await endSignInOf(tx, signIn, options);
      const left = limit === undefined ? undefined : limit - signIns.length;
      const credentials = left === 0 ? [] : await credentialsIn(tx, scope, left);
      for (const credential of credentials) await endCredential(tx, credential, options);
      return credentials.length + signIns.length;
    },
    noteTokens,
    endTokens: (credential, setup, tokens) =>
      untilStored((tx) => noteTokens(tx, credential, { setup, tokens })),
    untilStored,
    kick,
    async settled() {
      kick();
      await working;
    },
    async close() {
      clearInterval(looking);
      kick();
      await Promise.race([working, after(deps.closeMs ?? 5_000)]);
      isClosed = true;
    },
  };
}
