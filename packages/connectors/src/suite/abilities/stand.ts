// Both views of a source that is being tested: through the kit, which refuses what the source does not claim, and of its
// connector alone, which may be able to do more.
import { expect } from 'vitest';
import type { Row } from '../../interface/data-types.js';
import type { Cursor, ReadPlan, ReadRequest } from '../../interface/plan.js';
import type { Session } from '../../interface/session.js';
import type { AnySource } from '../../interface/source.js';
import { createRetries } from '../../kit/retries.js';
import { loadConnector } from '../../kit/session/open-use.js';
import { typedInput } from '../../kit/typed-input.js';
import { Bench, CLOSE_MS_MAX, type TestInput } from '../bench.js';
import { inputOf } from '../connection-input.js';
import type { Connection, StartedSource } from '../harness.js';

export interface AbilityStand {
  source: AnySource;
  started: StartedSource;
  /** Opens the first good connection. */
  bench: Bench;
}

/** Fails unless the source has exactly the ability that it claims. */
export type AbilityCheck = (stand: AbilityStand) => Promise<void>;

export const standOf = (source: AnySource, started: StartedSource): AbilityStand => {
  const { settings } = started;
  const good = inputOf(source, started.good[0]);
  return { source, started, bench: new Bench(source, { good, ...(settings ? { settings } : {}) }) };
};

export const never = (): AbortSignal => new AbortController().signal;
/** A call without an end. */
export const call = { signal: never(), isPreview: false };

/** Works with a session of the connector itself, and proves that it leaves no socket. */
export async function connectorSession<Result>(
  { source, started, bench }: AbilityStand,
  use: (session: Session) => Promise<Result>,
  connection: Connection = started.good[0],
): Promise<Result> {
  const { properties, login }: TestInput = inputOf(source, connection);
  const connector = await loadConnector(source);
  const typed = typedInput(source, {
    definition: properties,
    method: login.signIn,
    fields: login.fields,
    settings: started.settings ?? {},
    token: login.accessToken,
  });
  const context = { network: bench.network, signal: never(), retries: createRetries() };
  const session = await connector.open(typed, context);
  try {
    return await use(session);
  } finally {
    await session.close();
    expect(await bench.network.idle(CLOSE_MS_MAX), 'sockets left open after close').toBe(true);
  }
}

export interface Outcome {
  plan: Pick<ReadPlan, 'columns' | 'done' | 'splits' | 'consistency' | 'file'>;
  rows: Row[];
  cursor: Cursor | undefined;
}

/** Reads as the kit does, without doing what the plan leaves to the kit. */
export async function readPlanned(session: Session, request: Partial<ReadRequest>): Promise<Outcome> {
  const plan = await session.plan({ target: { path: [] }, lanes: ['rows'], ...request }, call);
  const rows: Row[] = [];
  try {
    for (const split of plan.splits) {
      for await (const batch of plan.open(split, { batchRows: 100 }, call))
        if ('rows' in batch) rows.push(...batch.rows);
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
