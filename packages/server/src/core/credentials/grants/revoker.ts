import { revokeToken } from '../../oauth/revocation.js';
import type { TokenSet } from '../../oauth/types.js';
import type { Tx } from '../../store/queryable.js';
import type { RevocationTable } from '../../store/tables.js';
import { UnreadableError } from '../../vault/envelope.js';
import type { CredentialDependencies } from '../dependencies.js';
import type { EndScope } from '../records/end-scope.js';
import type { ClientConfiguration } from './client-configuration.js';
import { type EndOptions, endCredentials, queueRevocation, type TokensToRevoke } from './end-credentials.js';
import { due, end, open, putOff, type RevokedCredential, take } from './revocation-queue.js';

// Works on the queue of revocations: tells providers that grants have ended, for as long as it takes.

export interface RevokerDependencies extends CredentialDependencies {
  /** Between looks at what other nodes have left. */
  lookMs?: number;
  /** How long a close continues to call providers. An entry whose answer is not waited for is sent again. */
  closeMs?: number;
}

const atOnce = 8;
const pause = { firstMs: 1_000, mostMs: 600_000 };
/** After so long, a revocation is given up. */
const patienceMs = 7 * 86_400_000;

const after = (ms: number) => new Promise<void>((resolve) => void setTimeout(resolve, ms).unref());

export type Revoker = ReturnType<typeof createRevoker>;

export function createRevoker(deps: RevokerDependencies) {
  const { store, log } = deps;
  let isClosed = false;
  let working: Promise<void> | undefined;
  const work = async (): Promise<void> => {
    for (let rows = await due(store, atOnce); rows.length > 0 && !isClosed; rows = await due(store, atOnce)) {
      await Promise.all(rows.map((row) => tellProvider(deps, row)));
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
      .catch((error: unknown) => log.warn({ err: error }, 'revocation queue failed; it is retried'))
      .finally(() => {
        working = undefined;
      });
  };
  const untilStored = async (decide: (tx: Tx) => Promise<void>): Promise<void> => {
    try {
      await store.transaction(decide);
    } catch (error) {
      log.warn({ err: error }, 'the outcome of a fresh grant could not be stored yet; it is retried');
      unstored.add(decide);
    }
    kick();
  };
  const looking = setInterval(kick, deps.lookMs ?? 5_000).unref();

  return {
    /**
     * Ends all sealed records in the scope, credentials and open sign-ins: deletes them, destroys their keys, writes them to
     * the audit log, and queues their revocations in the same transaction. Call `kick()` after commit.
     * @returns how many records have ended
     */
    end: (tx: Tx, scope: EndScope, options: EndOptions = {}) => endCredentials(deps, tx, scope, options),
    /** Queues tokens for revocation in the transaction that deletes their owner. Call `kick()` after commit. */
    queueRevocation: (tx: Tx, credential: RevokedCredential, given: TokensToRevoke) =>
      queueRevocation(deps, tx, credential, given),
    /** Queues tokens for revocation that were issued for a credential that is gone. */
    revokeTokens: (credential: RevokedCredential, setup: ClientConfiguration, tokens: TokenSet) =>
      untilStored((tx) => queueRevocation(deps, tx, credential, { setup, tokens })),
    /**
     * Runs a transaction that decides about fresh tokens. While the store fails, they are kept in memory and the transaction
     * is retried: the work may run again after it was committed.
     */
    untilStored,
    /** Tells providers what is due, in the background. A node that dies leaves it to the next. */
    kick,
    /** Resolves when what was begun has ended. */
    async settled(): Promise<void> {
      kick();
      await working;
    },
    /** Continues for `closeMs`; the next start or another node does the rest. */
    async close(): Promise<void> {
      clearInterval(looking);
      kick();
      await Promise.race([working, after(deps.closeMs ?? 5_000)]);
      isClosed = true;
    },
  };
}

async function tellProvider(
  { store, vault, network, log }: RevokerDependencies,
  row: RevocationTable,
): Promise<void> {
  if (!(await take(store, row))) return;
  const sealed = await open(store, vault, row).catch((error: unknown) => {
    if (error instanceof UnreadableError) return undefined;
    throw error;
  });
  if (!sealed) return end(store, row, 'unreadable');
  const call = { ...sealed.setup, token: sealed.token, network, now: store.clock.now };
  const outcome = await revokeToken(call);
  log.info(
    { credentialId: row.credential_id, outcome, attempts: row.attempts + 1 },
    'provider told of the end',
  );
  if (outcome !== 'failed') return end(store, row, outcome);
  if (Date.parse(row.created_at) + patienceMs < store.clock.now()) return end(store, row, 'failed');
  return putOff(store, row, Math.min(pause.firstMs * 2 ** Math.min(row.attempts, 20), pause.mostMs));
}
