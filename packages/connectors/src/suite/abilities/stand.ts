// Both views of a source that is being tested: through the kit, which refuses what the source does not claim, and of its
// connector alone, which may be able to do more.
import { expect } from 'vitest';
import type { Row } from '../../interface/data-types.js';
import type { Cursor, ReadPlan, ReadRequest } from '../../interface/plan.js';
import type { Session } from '../../interface/session.js';
import type { AnySource } from '../../interface/source.js';
import { rowsIn } from '../../kit/batch.js';
import { createRetries } from '../../kit/retries.js';
import { loadConnector } from '../../kit/session/open-use.js';
import { typedInput } from '../../kit/typed-input.js';
import { Bench, CLOSE_MS_MAX, type TestInput } from '../bench.js';
import { inputOf } from '../connection-input.js';
import { createDirectNetwork, type DirectNetwork } from '../direct-network.js';
import type { StartedSource } from '../harness.js';

export interface AbilityStand {
  source: AnySource;
  started: StartedSource;
  /** Opens the first good connection. */
  bench: Bench;
  /** The connector's own session, which the checks share. */
  own: OwnSession;
  /** How long a source may work on after it was stopped (case D25); default: two seconds. */
  stopMsMax?: number;
}

interface OwnSession {
  network: DirectNetwork;
  session?: Session | undefined;
}

/** Fails unless the source has exactly the ability that it claims. */
export type AbilityCheck = (stand: AbilityStand) => Promise<void>;

export const ownSession = (): OwnSession => ({ network: createDirectNetwork() });

export const standOf = (source: AnySource, started: StartedSource): AbilityStand => {
  const { settings } = started;
  const good = inputOf(source, started.good[0]);
  const bench = new Bench(source, { good, ...(settings ? { settings } : {}) });
  return { source, started, bench, own: ownSession() };
};

/** Closes the connector's session, and proves that it leaves no socket. */
export async function closeOwn({ own }: Pick<AbilityStand, 'own'>): Promise<void> {
  const { session } = own;
  own.session = undefined;
  await session?.close();
  const isIdle = await own.network.idle(CLOSE_MS_MAX);
  own.network.close();
  own.network = createDirectNetwork();
  expect(isIdle, 'sockets left open after close').toBe(true);
}

export const never = (): AbortSignal => new AbortController().signal;
/** A call without an end. */
export const call = { signal: never(), isPreview: false };

async function openOwn({ source, started, own }: AbilityStand): Promise<Session> {
  const { properties, login }: TestInput = inputOf(source, started.good[0]);
  const connector = await loadConnector(source);
  const typed = typedInput(source, {
    definition: properties,
    method: login.signIn,
    fields: login.fields,
    settings: started.settings ?? {},
    token: login.accessToken,
  });
  return connector.open(typed, { network: own.network, signal: never(), retries: createRetries() });
}

/** Works with a session of the connector itself, which must be usable afterwards, whatever it has refused. */
export async function connectorSession<Result>(
  stand: AbilityStand,
  use: (session: Session) => Promise<Result>,
): Promise<Result> {
  const { own } = stand;
  own.session ??= await openOwn(stand);
  try {
    const result = await use(own.session);
    const isUsable = !(await isRefused(async () => own.session?.ping(call)));
    expect(isUsable, 'the session cannot be used after what it has refused').toBe(true);
    return result;
  } catch (error) {
    await closeOwn(stand).catch(() => undefined);
    throw error;
  }
}

export interface Outcome {
  plan: Pick<ReadPlan, 'columns' | 'done' | 'splits' | 'consistency' | 'file'>;
  rows: Row[];
  cursor: Cursor | undefined;
}

/**
 * Reads as the kit does, without doing what the plan leaves to the kit.
 * @param isWanted whether the rows of this plan are
 */
export async function readPlanned(
  session: Session,
  request: Partial<ReadRequest>,
  isWanted: (plan: ReadPlan) => boolean = () => true,
): Promise<Outcome> {
  const plan = await session.plan({ target: { path: [] }, lanes: ['rows'], ...request }, call);
  const rows: Row[] = [];
  const splits = request.split === undefined ? plan.splits : [request.split];
  try {
    for (const split of isWanted(plan) ? splits : []) {
      for await (const batch of plan.open(split, { batchRows: 100 }, call))
        for (const some of rowsIn(batch, plan.columns, rows.length + 1)) rows.push(...some);
    }
    return { plan, rows, cursor: plan.cursor?.() };
  } finally {
    await plan.close();
  }
}

/** Whether `work` is refused, in whatever words. */
export const isRefused = (work: () => Promise<unknown>): Promise<boolean> =>
  Promise.resolve()
    .then(work)
    .then(
      () => false,
      () => true,
    );

/** For proofs that a harness must give. */
export function given<Proof>(proof: Proof | undefined, name: string): Proof {
  if (proof === undefined) throw new Error(`The source claims what needs "${name}" in its harness.`);
  return proof;
}
