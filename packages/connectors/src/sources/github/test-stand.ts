// Sessions with GitHub's stand-in that prove they left nothing open.
import { expect, onTestFinished } from 'vitest';
import { allBatches, openSession, type TestRead } from '../../suite/bench.js';
import { inputOf } from '../../suite/connection-input.js';
import { createDirectNetwork } from '../../suite/direct-network.js';
import { source } from './source.js';

export const issues = ['octo-org/engine', 'issues'];

export async function open(url: string, token: string, more: object = {}) {
  const network = createDirectNetwork();
  const input = inputOf(source, { name: 'test', properties: { url, token, ...more } });
  const session = await openSession(source, input, { network });
  onTestFinished(async () => {
    await session.close();
    expect(await network.idle(2_000)).toBe(true);
    network.close();
  });
  return session;
}

export type Session = Awaited<ReturnType<typeof open>>;

export const rowsOf = async (session: Session, request: Partial<TestRead>) =>
  (await allBatches(await session.read({ batchRows: 1_000, ...request }))).flat();
