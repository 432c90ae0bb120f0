// A process of hostile sessions, each beside one that behaves, which handles stray errors as a runner does. Reports what
// became of them to its parent, on standard output.
import type { Network } from '../interface/network.js';
import { Secret } from '../interface/secret.js';
import type { AnySource } from '../interface/source.js';
import { createRetries } from '../kit/retries.js';
import { openUse } from '../kit/session/open-use.js';
import { strayed } from '../kit/session/session-scope.js';
import { createDirectNetwork } from './direct-network.js';
import { type StrayWay, strays, strayWays } from './hostile-driver.js';
import { startToyServer, toyPassword, toyPeople, toyUser } from './toy-server.js';
import { toySource } from './toy-source.js';

export interface StrayReport {
  way: StrayWay;
  when: 'open' | 'ping' | 'read' | 'idle';
  /** How the session failed for its user. */
  kind: string;
  message: string;
  isBroken: boolean;
  openSockets: number;
  /** Errors reported to the session's owner. */
  strays: number;
  /** Rows that the session beside it has read since. */
  rowsBeside: number;
}

/** Exit code for an error that belongs to no session. */
const exitOfOthers = 3;

for (const event of ['uncaughtException', 'unhandledRejection'] as const)
  process.on(event, (error: unknown) => {
    if (!strayed(error)) process.exit(exitOfOthers);
  });

const server = await startToyServer({ items: toyPeople(20) });
const call = (timeoutMs = 60_000) => ({ signal: new AbortController().signal, timeoutMs });

const open = (source: AnySource, network: Network, onStray: () => void) =>
  openUse(
    source,
    {
      definition: { host: server.host, port: server.port },
      method: 'password',
      fields: { username: toyUser, password: new Secret(toyPassword) },
      settings: {},
    },
    { network, retries: createRetries(), signal: new AbortController().signal, onStray },
  );

async function rowsOf(use: Awaited<ReturnType<typeof open>>): Promise<number> {
  const { batches } = await use.read({ target: { path: ['main', 'items'] }, batchRows: 5 }, call());
  let rows = 0;
  for await (const batch of batches) rows += 'rows' in batch ? batch.rows.length : 0;
  return rows;
}

async function untilBroken(use: Awaited<ReturnType<typeof open>>): Promise<void> {
  for (let round = 0; round < 1_000 && !use.isBroken(); round += 1)
    await new Promise((resolve) => setTimeout(resolve, 1));
}

async function run(way: StrayWay, when: StrayReport['when'], timeoutMs?: number): Promise<StrayReport> {
  const network = createDirectNetwork();
  const beside = await open(toySource as unknown as AnySource, createDirectNetwork(), () =>
    process.exit(exitOfOthers),
  );
  let strayCount = 0;
  let use: Awaited<ReturnType<typeof open>> | undefined;
  const work = async () => {
    use = await open(strays(way, when), network, () => {
      strayCount += 1;
    });
    if (when === 'read') return rowsOf(use);
    await use.ping(call(timeoutMs));
    await untilBroken(use);
    return use.ping(call());
  };
  const failure = await work().then(
    () => ({ kind: 'none', message: '' }),
    ({ kind, message }: { kind: string; message: string }) => ({ kind, message }),
  );
  const isBroken = use?.isBroken() ?? true;
  await use?.close();
  const rowsBeside = await rowsOf(beside);
  await beside.close();
  return {
    way,
    when,
    ...failure,
    isBroken,
    openSockets: network.openSockets(),
    strays: strayCount,
    rowsBeside,
  };
}

const reports: StrayReport[] = [];
if (process.argv[2] === 'microtask') reports.push(await run('microtask', 'ping'));
else {
  const ways = Object.keys(strayWays).filter((way) => way !== 'microtask' && way !== 'moduleTimer');
  for (const way of ways) reports.push(await run(way as StrayWay, 'ping'));
  for (const when of ['open', 'read', 'idle'] as const) reports.push(await run('timer', when));
  // The module's timer belongs to the first session that used it.
  reports.push(await run('moduleTimer', 'ping'));
  reports.push(await run('moduleTimer', 'ping', 200));
}
await server.close();
process.stdout.write(JSON.stringify(reports));
