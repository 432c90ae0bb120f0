import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createRetries } from '@mooring/connectors/kit/retries';
import pino from 'pino';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { loggedError } from '../../start/log.js';
import type { Finding } from '../sessions/finding.js';
import type { Plan } from '../sessions/session-work.js';
import { createRunnerPool, type Lease, type PoolOptions, type RunnerPool } from './pool.js';
import { executeInRunners } from './remote-work.js';
import { packError, unpackError } from './wire.js';

// Which user gets a runner and which one loses one, whatever other users do.

const folder = mkdtempSync(path.join(tmpdir(), 'mooring-pool-'));
const entry = path.join(folder, 'runner.mjs');
/**
 * A stand-in for a runner: allocates as many megabytes as the source id says and then idles; or reports the end of its
 * use and blocks its event loop; or sends without end, whatever is read; or reports a finding after its use was
 * cancelled; or reports that a driver has failed; or attempts what a compromised runner would.
 */
writeFileSync(
  entry,
  `import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { Session } from 'node:inspector';
import { Socket } from 'node:net';
import { Worker } from 'node:worker_threads';
const attempts = {
  readsOwn: () => readFileSync(process.argv[1]),
  reads: () => readFileSync('/etc/passwd'),
  readsMemory: () => readFileSync('/proc/self/mem'),
  readsService: () => readFileSync('/proc/' + process.ppid + '/environ'),
  lists: () => readdirSync('/etc'),
  writes: () => writeFileSync(process.argv[1] + '.new', ''),
  spawns: () => { const { error } = spawnSync(process.execPath, ['-v']); if (error) throw error; },
  threads: () => new Worker('', { eval: true, execArgv: [] }),
  loads: () => process.dlopen({ exports: {} }, '/none.node'),
  debugs: () => new Session().connect(),
};
const tried = () => Object.entries(attempts).map(([name, attempt]) => {
  try { attempt(); return [name, 'done']; } catch ({ code }) { return [name, code]; }
});
const kept = [];
const pipe = new Socket({ fd: 3 });
const head = (...values) => {
  const bytes = Buffer.alloc(16);
  values.forEach((value, index) => bytes.writeUInt32LE(value, index * 4));
  return bytes;
};
const tell = (report, told) => {
  const text = Buffer.from(JSON.stringify(report));
  pipe.write(Buffer.concat([head(text.length), text]), told);
};
pipe.on('data', (data) => {
  const [, megabytes] = /"sourceId":"(\\d+)"/.exec(data.toString('latin1')) ?? [];
  if (data.includes('"sourceId":"endless"')) {
    const outcome = { state: 'complete', rows: 0, bytes: 0 };
    tell({ kind: 'ended', use: 1, outcome }, () => { for (;;); });
  }
  if (data.includes('"sourceId":"flood"')) {
    const chunk = Buffer.concat([head(65536, 1, 1), Buffer.alloc(65536)]);
    const flood = () => { while (pipe.write(chunk)); pipe.once('drain', flood); };
    flood();
  }
  if (data.includes('"sourceId":"stray"')) tell({ kind: 'strayed' });
  if (data.includes('"sourceId":"late"')) pipe.write(Buffer.concat([head(1, 1, 1), Buffer.of(1)]));
  if (data.includes('"sourceId":"curious"')) {
    const text = Buffer.from(JSON.stringify(tried()));
    pipe.write(Buffer.concat([head(text.length, 1, 1), text]));
  }
  if (data.includes('"kind":"cancel"')) {
    tell({ kind: 'found', use: 1, finding: { kind: 'begun' } });
    tell({ kind: 'failed', use: 1, error: { name: 'Error', message: '' } });
  }
  for (let made = 0; made < Number(megabytes ?? 0); made += 1) kept.push(Buffer.alloc(2 ** 20, 1));
});
pipe.on('close', () => process.exit(0));
`,
);
afterAll(() => rmSync(folder, { recursive: true }));

let pool: RunnerPool;
afterEach(() => pool.close());

function start(options: Partial<PoolOptions>): void {
  pool = createRunnerPool({
    ...{ entry, retries: createRetries(), onRefused: () => undefined, log: pino({ level: 'silent' }) },
    ...{ runnerMemoryMb: 512, runnersMemoryMb: 4096, waitSeconds: 0.5, ...options },
  });
}

const never = new AbortController().signal;
const take = (userId: string, destination = 'a', isLong = false) =>
  pool.take({ tenantId: 't', userId, destination, sourceId: '0', isLong }, never);

const planOf = (sourceId: string): Plan => ({
  ...{ sourceId, definition: {}, settings: {}, login: { method: '', fields: {} }, tellsProof: false },
  task: { kind: 'test' },
});

/** @returns the outcome of the use, once there is one */
function begin({ runner }: Lease, sourceId = '0') {
  const outcome: { error?: Error; isOver?: true } = {};
  runner.begin({
    plan: planOf(sourceId),
    egress: {} as never,
    token: undefined,
    found: () => undefined,
    piece: () => undefined,
    ended() {
      outcome.isOver = true;
    },
    failed(error) {
      outcome.error = error;
    },
  });
  return outcome;
}

async function crash(lease: Lease): Promise<void> {
  process.kill(lease.runner.pid, 'SIGKILL');
  await lease.runner.ended;
  lease.release();
}

function workOn(sourceId: string, found: (finding: Finding) => void = () => undefined) {
  const owner = { tenantId: 't', userId: 'mallory', destination: 'a', spaceId: null };
  const hooks = { token: undefined, signal: never, found };
  return executeInRunners(pool, () => ({}) as never)(planOf(sourceId), owner, hooks);
}

describe('runners', () => {
  it('are never all held by one user: neither by long reads, nor by uses of a source that crashed one', async () => {
    start({ runnersMax: 4 });
    await crash(await take('mallory'));
    const leases = await Promise.all([take('mallory'), take('mallory')]);
    await expect(take('mallory')).rejects.toMatchObject({ code: 'BUSY' });
    const reads = [await take('mallory', 'b', true), await take('mallory', 'b', true)];
    const pids = new Set(leases.map(({ runner }) => runner.pid));
    expect(pids.size).toBe(2);
    const alice = await take('alice');
    expect(pids).not.toContain(alice.runner.pid);
    for (const lease of [leases[0], ...reads]) lease?.release();
    expect((await take('mallory')).runner.pid).not.toBe(alice.runner.pid);
  });

  it('that crash cost their user a separate runner for each use of what was running in them, and for nothing else', async () => {
    start({});
    const over = await take('alice', 'good');
    over.release();
    const bad = await take('alice', 'bad');
    expect(bad.runner.pid).toBe(over.runner.pid);
    await crash(bad);
    const [one, other] = [await take('alice', 'good'), await take('alice', 'good')];
    expect(one.runner.pid).toBe(other.runner.pid);
    const alone = await take('alice', 'bad');
    expect(alone.runner.pid).not.toBe(one.runner.pid);
  });

  it('in which a driver has failed finish the uses that they have, get no further one, and end with the last', async () => {
    start({});
    const [failed, other] = [await take('alice', 'a'), await take('alice', 'b')];
    expect(other.runner.pid).toBe(failed.runner.pid);
    const outcome = begin(other);
    begin(failed, 'stray');
    await expect.poll(() => failed.runner.hasStrayed(), { interval: 10 }).toBe(true);
    const further = await take('alice', 'c');
    expect(further.runner.pid).not.toBe(failed.runner.pid);
    // What was running in it may have been the cause.
    const again = await take('alice', 'a');
    expect([failed.runner.pid, further.runner.pid]).not.toContain(again.runner.pid);
    failed.release();
    expect([other.runner.hasEnded(), outcome]).toEqual([false, {}]);
    other.release();
    expect(await other.runner.ended).toBe('closed');
    expect(pool.counts().crashes).toMatchObject({ failure: 1, killed: 0 });
    // Without a use it ends at once.
    const idle = await take('bob');
    begin(idle, 'stray');
    idle.release();
    expect(await idle.runner.ended).toBe('closed');
  });

  it('are killed, when their total memory is too large, for the user who uses most', async () => {
    start({ runnersMemoryMb: 420 });
    await crash(await take('mallory'));
    const small = [await take('mallory'), await take('mallory')];
    const outcomes = small.map((lease) => begin(lease, '120'));
    const large = begin(await take('alice'), '150');
    await expect.poll(() => outcomes.filter(({ error }) => error).length, { interval: 10 }).toBe(1);
    expect(large.error).toBeUndefined();
  });

  it('are started one per turn of the event loop, however many are requested at once', async () => {
    start({ waitSeconds: 10 });
    let turn = 0;
    const count = () => {
      turn += 1;
      counting = setImmediate(count);
    };
    let counting = setImmediate(count);
    const users = ['alice', 'bob', 'carol', 'dave', 'erin'];
    const startedIn = await Promise.all(users.map((user) => take(user).then(() => turn)));
    clearImmediate(counting);
    expect(new Set(startedIn).size).toBe(users.length);
  });

  it('are ended when they continue after their use has ended', async () => {
    start({});
    const lease = await take('mallory');
    const outcome = begin(lease, 'endless');
    await expect.poll(() => outcome.isOver, { interval: 10 }).toBe(true);
    lease.release();
    expect(await lease.runner.ended).toBe('loop');
  });

  it('that send more than is read are killed before they fill the memory of the server', async () => {
    start({});
    const work = workOn('flood');
    await work.chunks.next();
    await expect.poll(() => pool.counts().crashes.protocol).toBe(1);
    const rest = async () => {
      while (!(await work.chunks.next()).done);
    };
    await expect(rest()).rejects.toMatchObject({ kind: 'crashed' });
    expect(work.counts().bytes).toBeLessThan(8 * 2 ** 20);
  });

  it('read their own program, and no other file; write none, and start neither a process nor a thread', async () => {
    start({});
    const work = workOn('curious');
    const { value } = await work.chunks.next();
    await work.chunks.return(undefined as never);
    const { readsOwn, loads, debugs, ...denied } = Object.fromEntries(JSON.parse(String(value)));
    expect({ readsOwn, loads }).toEqual({ readsOwn: 'done', loads: 'ERR_DLOPEN_DISABLED' });
    expect(debugs).not.toBe('done');
    expect(Object.entries(denied).filter(([, how]) => how !== 'ERR_ACCESS_DENIED')).toEqual([]);
  });

  it('report no finding once the caller has left', async () => {
    start({});
    const found: Finding[] = [];
    const work = workOn('late', (finding) => found.push(finding));
    expect((await work.chunks.next()).done).toBe(false);
    await work.chunks.return(undefined as never);
    await expect.poll(() => pool.counts().atWork, { interval: 10 }).toBe(0);
    expect(found).toEqual([]);
  });

  it('are not started once the server stops, and waiting uses fail at once', async () => {
    start({ runnersMax: 1, waitSeconds: 60 });
    await take('mallory');
    const waiting = take('alice');
    const told = expect(waiting).rejects.toMatchObject({ kind: 'crashed' });
    await pool.close();
    await told;
    expect(pool.counts()).toMatchObject({ atWork: 0, idle: 0 });
  });
});

it('an error of a runner arrives and is logged without its text, whatever lines the text has', () => {
  const error = new TypeError('refused\n    at canary (file:///a.js:1:1)\n    at canary');
  error.name = 'canary';
  const unpacked = unpackError(JSON.parse(JSON.stringify(packError(error))));
  expect(unpacked.stack).toContain('pool.test');
  expect(unpacked.stack).not.toContain('canary');
  const { frames } = loggedError(new Error('refused\n    at canary (file:///a.js:1:1)'));
  expect(frames?.[0]).toContain('pool.test');
  expect(JSON.stringify(frames)).not.toContain('canary');
  const emptied = Object.assign(new Error(), { stack: 'Error: refused\n    at canary (file:///a.js:1:1)' });
  expect(loggedError(emptied).frames).toEqual([]);
  expect(loggedError(new Error()).frames?.[0]).toContain('pool.test');
});
