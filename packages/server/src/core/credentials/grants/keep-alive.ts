import { type SqlBool, sql } from 'kysely';
import type { CredentialTable } from '../../store/tables.js';
import type { CredentialDependencies } from '../dependencies.js';
import type { ClientConfiguration } from './client-configuration.js';
import type { Grants } from './grants.js';

// Some providers end an idle grant. It is refreshed after half of the idle time, by whichever node comes first.

export interface KeepAliveDependencies extends Pick<CredentialDependencies, 'store' | 'log'> {
  grants: Pick<Grants, 'refreshIdle'>;
  configurationOf(credential: CredentialTable): Promise<ClientConfiguration | undefined>;
}

const roundMs = 60_000;
const perPage = 50;
const atOnce = 4;
/** Pause after a failure; half of the idle time is days. */
const putOffMs = 3_600_000;

type Due = CredentialTable & { keep_alive_at: string | null };
type Place = Pick<Due, 'keep_alive_at' | 'id'>;

export type KeepAlive = ReturnType<typeof createKeepAlive>;

export function createKeepAlive({ store, grants, configurationOf, log }: KeepAliveDependencies) {
  /** Paged by key, so that every round reaches the last grants too. */
  const dueAfter = ({ keep_alive_at, id }: Place, now: string): Promise<Due[]> =>
    store.db
      .selectFrom('grant_state')
      .innerJoin('credential', 'credential.id', 'grant_state.credential_id')
      .selectAll('credential')
      .select('grant_state.keep_alive_at')
      .where('credential.state', '=', 'ready')
      .where('grant_state.keep_alive_at', '<=', now)
      .where((eb) =>
        eb.or([eb('grant_state.not_before', 'is', null), eb('grant_state.not_before', '<=', now)]),
      )
      .where(sql<SqlBool>`(grant_state.keep_alive_at, grant_state.credential_id) > (${keep_alive_at}, ${id})`)
      .orderBy('grant_state.keep_alive_at')
      .orderBy('grant_state.credential_id')
      .limit(perPage)
      .execute();

  /** Only if unchanged: a refresh by another process has set a time of its own. */
  const putOff = async ({ id, tenant_id, keep_alive_at }: Due): Promise<void> => {
    await store.db
      .updateTable('grant_state')
      .set({ keep_alive_at: store.clock.iso(putOffMs) })
      .where('credential_id', '=', id)
      .where('tenant_id', '=', tenant_id)
      .where('keep_alive_at', '=', keep_alive_at)
      .execute();
  };

  const refresh = async (due: Due): Promise<void> => {
    const { keep_alive_at: _, ...credential } = due;
    try {
      const setup = await configurationOf(credential);
      if (setup) return await grants.refreshIdle(credential, setup);
    } catch (error) {
      // The next use tells a user who can correct it.
      log.warn({ credentialId: credential.id, err: error }, 'idle grant was not refreshed');
    }
    await putOff(due).catch(() => undefined);
  };

  let isClosed = false;
  let running: Promise<void> | undefined;
  const round = async (): Promise<void> => {
    const now = store.clock.iso();
    let last: Place | undefined = { keep_alive_at: '', id: '' };
    while (last && !isClosed) {
      const page: Due[] = await dueAfter(last, now);
      last = page.length === perPage ? page.at(-1) : undefined;
      while (page.length > 0 && !isClosed) await Promise.all(page.splice(0, atOnce).map(refresh));
    }
  };
  const once = (): Promise<void> => {
    if (isClosed) return Promise.resolve();
    running ??= round().finally(() => {
      running = undefined;
    });
    return running;
  };
  const timer = setInterval(() => void once().catch(() => undefined), roundMs).unref();
  return {
    /** Refreshes what is due. Runs by itself once a minute. */
    round: once,
    /** Ends a running round, and waits for the refreshes that it has begun. */
    async close(): Promise<void> {
      isClosed = true;
      clearInterval(timer);
      await running?.catch(() => undefined);
    },
  };
}
