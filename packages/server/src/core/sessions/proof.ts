import type { Session } from '@mooring/connectors/interface/connector';
import type { Finding } from './finding.js';

const depthMax = 3;
const widthMax = 5;

/** The first readable item, at most a few levels deep. */
async function firstReadable(
  session: Session,
  path: readonly string[],
  depth: number,
): Promise<readonly string[] | undefined> {
  const { items } = await session.browse({ path, limit: widthMax });
  const readable = items.find((item) => item.readable);
  if (readable) return readable.path;
  if (depth >= depthMax) return undefined;
  for (const item of items.filter((candidate) => candidate.container)) {
    const found = await firstReadable(session, item.path, depth + 1);
    if (found) return found;
  }
  return undefined;
}

/** Stages of a test that need a session, in order. */
export const sessionStages = ['signIn', 'rights', 'firstRow'] as const;

/**
 * Second part of a test: signIn, rights, firstRow, each reported when it is passed.
 * @param begun when the session was requested; opening it is part of the sign-in
 */
export async function proveInStages(
  session: Session,
  readsPaths: boolean,
  begun: number,
  tell: (finding: Finding) => void,
): Promise<void> {
  let since = begun;
  const pass = (name: (typeof sessionStages)[number]) => {
    const ms = Math.round(performance.now() - since);
    since = performance.now();
    tell({ kind: 'staged', stage: { name, ok: true, ms } });
  };
  await session.ping();
  pass('signIn');
  const path = readsPaths ? await firstReadable(session, [], 0) : undefined;
  pass('rights');
  if (!path) return;
  const rows = await session.read({ path, limit: 1, batchRows: 1, isPreview: true });
  for await (const _batch of rows.batches) break;
  pass('firstRow');
}
