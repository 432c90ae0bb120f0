import type { Path } from '@mooring/connectors/interface/plan';
import type { OpenUse } from '@mooring/connectors/kit/session/open-use';
import type { Finding } from './finding.js';

const depthMax = 3;
const widthMax = 5;

/** The first readable item, at most a few levels deep. */
async function firstReadable(
  use: OpenUse,
  { path, depth }: { path: Path; depth: number },
  signal: AbortSignal,
): Promise<Path | undefined> {
  const { items } = await use.browse({ path, limit: widthMax }, { signal });
  const readable = items.find((item) => item.readable);
  if (readable) return readable.path;
  if (depth >= depthMax) return undefined;
  for (const item of items.filter((candidate) => candidate.container)) {
    const found = await firstReadable(use, { path: item.path, depth: depth + 1 }, signal);
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
  use: OpenUse,
  { signal, begun }: { signal: AbortSignal; begun: number },
  tell: (finding: Finding) => void,
): Promise<void> {
  let since = begun;
  const pass = (name: (typeof sessionStages)[number]) => {
    const ms = Math.round(performance.now() - since);
    since = performance.now();
    tell({ kind: 'staged', stage: { name, ok: true, ms } });
  };
  const findings = await use.ping({ signal, isPreview: true });
  pass('signIn');
  tell({ kind: 'identified', findings });
  const path = await firstReadable(use, { path: [], depth: 0 }, signal);
  pass('rights');
  if (!path) return;
  const rows = await use.read(
    { target: { path }, limit: 1, batchRows: 1, lanes: ['rows'] },
    { signal, isPreview: true },
  );
  for await (const _batch of rows.batches) break;
  pass('firstRow');
}
