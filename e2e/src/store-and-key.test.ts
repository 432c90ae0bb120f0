import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  cpSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { full } from '@mooring/lab/test-tier';
import { apiClient } from '@mooring/server/testing/api-client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type MooringProcess, startMooring } from './mooring-process.js';
import { type SealedOptions, startSealed } from './sealed-mooring.js';

// Processes start and stop in these tests; a machine with other work must not fail them.
// What must not come up, and must not touch the data either: a wrong or bad key, a damaged store, a second process.

const isLong = full(1, 0) === 1;
const folder = mkdtempSync(path.join(tmpdir(), 'mooring-store-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

let turn = 0;
/** All in the long tier, one after the other in the quick one. */
function inTurns<Item>(items: readonly Item[]): Item[] {
  turn += 1;
  return items.filter((_, index) => isLong || index === turn % items.length);
}

let count = 0;
function freshFolder(): string {
  count += 1;
  return path.join(folder, `data-${count}`);
}

/** A store with one connection and its sealed credential, cleanly stopped. */
let original: string;
const qName = 'Kept connection';

async function storedConnections(mooring: Pick<MooringProcess, 'url' | 'adminKey'>): Promise<string[]> {
  const { status, body } = await apiClient(mooring.url, mooring.adminKey).get('/api/v1/data-connections');
  expect(status).toBe(200);
  return body.data.map((connection: { qName: string }) => connection.qName);
}

beforeAll(async () => {
  original = freshFolder();
  const mooring = await startMooring({ dataFolder: original });
  const connectionProperties = {
    host: 'db.example',
    db: 'lab',
    username: 'canary',
    password: 'canary-store',
  };
  const created = await apiClient(mooring.url, mooring.adminKey).post('/api/v1/data-connections', {
    datasourceID: 'postgres',
    qName,
    connectionProperties,
  });
  expect(created.status, created.text).toBe(201);
  expect(await mooring.stop()).toBe(0);
});

function copyOfOriginal(): string {
  const copy = freshFolder();
  cpSync(original, copy, { recursive: true, preserveTimestamps: true });
  return copy;
}

/** Bytes and times of all that is data. SQLite's shared memory and an empty log are not. */
function snapshot(dataFolder: string): Record<string, { bytes: string; mtimeMs: number }> {
  const found: Record<string, { bytes: string; mtimeMs: number }> = {};
  for (const name of readdirSync(dataFolder)) {
    const file = path.join(dataFolder, name);
    const { mtimeMs, size } = statSync(file);
    if (name.endsWith('-shm') || (name.endsWith('-wal') && size === 0)) continue;
    found[name] = { bytes: readFileSync(file).toString('base64'), mtimeMs };
  }
  return found;
}

/** Starts what must not come up: it ends with one line and the code 1, having written nothing. @returns the line */
async function expectRefused(options: SealedOptions): Promise<string> {
  const before = snapshot(options.dataFolder);
  const refused = await startSealed(options);
  expect(refused.url, 'ended').toBeUndefined();
  expect(refused.printed(), 'no ready line').toBe('');
  expect(await refused.stop()).toBe(1);
  expect(refused.reason.trimEnd().split('\n')).toHaveLength(1);
  expect(snapshot(options.dataFolder), 'nothing was written').toEqual(before);
  return refused.reason;
}

describe('the first start', () => {
  it('gives the chosen key to the first administrator, and prints the ready line and a set-up link', async () => {
    const mooring = await startMooring();
    const me = await apiClient(mooring.url, mooring.adminKey).get('/api/v1/users/me');
    expect(me.body).toMatchObject({ subject: 'admin', roles: ['TenantAdmin'] });
    await expect
      .poll(() => mooring.printed())
      .toEqual([
        `Mooring listening on ${mooring.url}`,
        expect.stringMatching(/^Set-up link of the administrator.*: http\S+\/console\/setup#\S+$/),
      ]);
    expect(mooring.logText()).not.toContain(mooring.adminKey);
    expect(await mooring.stop()).toBe(0);
  });

  it('without a chosen key prints a generated one, that once, and keeps it out of the log', async () => {
    const dataFolder = freshFolder();
    const environment = { MOORING_ADMIN_KEY: '' };
    const first = await startMooring({ dataFolder, environment });
    await expect.poll(() => first.printed().length).toBe(3);
    const key = /: (\S{30,})$/.exec(first.printed()[1] ?? '')?.[1] ?? '';
    expect(await storedConnections({ url: first.url, adminKey: key })).toEqual([]);
    expect(first.logText()).not.toContain(key);
    expect(await first.stop()).toBe(0);
    const second = await startMooring({ dataFolder, environment });
    expect(await storedConnections({ url: second.url, adminKey: key })).toEqual([]);
    expect(await second.stop()).toBe(0);
    expect(second.printed()).toEqual([`Mooring listening on ${second.url}`]);
  });

  it('V20: keeps the data to its user, under umask 000 too', async () => {
    const dataFolder = freshFolder();
    const before = process.umask(0);
    const mooring = await startMooring({ dataFolder }).finally(() => process.umask(before));
    await apiClient(mooring.url, mooring.adminKey).post('/api/v1/spaces', { name: 'S', type: 'shared' });
    const modes = () => readdirSync(dataFolder).map((name) => [name, modeOf(path.join(dataFolder, name))]);
    const modeOf = (file: string) => (statSync(file).mode & 0o777).toString(8);
    expect(modeOf(dataFolder)).toBe('700');
    expect(modes().map(([name]) => name)).toEqual(expect.arrayContaining(['master.key', 'mooring.db']));
    for (const [name, mode] of modes()) expect(mode, name).toBe('600');
    expect(await mooring.stop()).toBe(0);
    for (const [name, mode] of modes()) expect(mode, name).toBe('600');
  });
});

describe('the master key', () => {
  it('V06, LI9: a wrong one ends the start with one line, and the right one opens the data afterwards', async () => {
    const dataFolder = copyOfOriginal();
    const environment = { MOORING_MASTER_KEY: randomBytes(32).toString('base64') };
    expect(await expectRefused({ dataFolder, environment })).toMatch(
      /not the one this data was written with/,
    );
    const mooring = await startMooring({ dataFolder });
    expect(await storedConnections(mooring)).toEqual([qName]);
    expect(await mooring.stop()).toBe(0);
  });

  it('V07: a missing one ends the start, and no new one is made', async () => {
    const dataFolder = copyOfOriginal();
    const keyFile = path.join(dataFolder, 'master.key');
    renameSync(keyFile, path.join(folder, 'away.key'));
    expect(await expectRefused({ dataFolder })).toMatch(/master key is missing.*Put the key file back/);
    const elsewhere = { MOORING_MASTER_KEY_FILE: path.join(folder, 'nowhere.key') };
    expect(await expectRefused({ dataFolder, environment: elsewhere })).toMatch(/master key is missing/);
    expect(readdirSync(dataFolder)).not.toContain('master.key');
    renameSync(path.join(folder, 'away.key'), keyFile);
    const mooring = await startMooring({ dataFolder });
    expect(await storedConnections(mooring)).toEqual([qName]);
    expect(await mooring.stop()).toBe(0);
  });

  const badKeys: [string, string][] = [
    ['all zero', Buffer.alloc(32).toString('base64')],
    ['all one', Buffer.alloc(32, 0xff).toString('base64')],
    ['short', randomBytes(16).toString('base64')],
    ['long', randomBytes(48).toString('base64')],
    ['a word', 'changeme'],
    ['not base64', `${'ä'.repeat(43)}=`],
    ['a word repeated', Buffer.from('passwordpasswordpasswordpassword').toString('base64')],
    ['the digits of examples', Buffer.from('0123456789abcdef0123456789abcdef').toString('base64')],
    ['the bytes of test vectors', Buffer.from([...Array(32).keys()]).toString('base64')],
  ];
  // Each is refused by what reads keys: vault/envelope.test.ts. The quick tier sees some of them refuse a start.
  const someKeys = badKeys.filter((_, index) => index % full(1, 3) === 0);
  it.each(someKeys)('V08: refuses a key that is %s, and makes no store under it', async (_what, key) => {
    for (const make of inTurns([freshFolder, copyOfOriginal])) {
      const dataFolder = make();
      const before = readdirSync(folder);
      const refused = await startSealed({ dataFolder, environment: { MOORING_MASTER_KEY: key } });
      expect(refused.reason).toMatch(/The master key in MOORING_MASTER_KEY is .*openssl rand -base64 32/);
      expect(refused.logText()).not.toContain(key);
      expect(await refused.stop()).toBe(1);
      const made = readdirSync(folder).filter((name) => !before.includes(name));
      expect(made.flatMap((name) => readdirSync(path.join(folder, name)))).toEqual([]);
    }
  });

  it('V20: a key file that others can read ends the start until it is closed to them', async () => {
    const dataFolder = copyOfOriginal();
    const keyFile = path.join(dataFolder, 'master.key');
    for (const mode of isLong ? [0o644, 0o640, 0o604, 0o660] : [0o640, 0o604]) {
      chmodSync(keyFile, mode);
      expect(await expectRefused({ dataFolder })).toContain(`chmod 600 ${keyFile}`);
    }
    chmodSync(keyFile, 0o600);
    const mooring = await startMooring({ dataFolder });
    expect(await storedConnections(mooring)).toEqual([qName]);
    expect(await mooring.stop()).toBe(0);
  });
});

describe('the store', () => {
  const ready = (url: string | undefined) => async () =>
    (
      await apiClient(url ?? '', undefined)
        .get('/readyz')
        .catch(() => undefined)
    )?.status;

  it('R29, LI9: a second process on the same data waits while the first runs, and takes over when it ends', async () => {
    const dataFolder = copyOfOriginal();
    const first = await startMooring({ dataFolder });
    const second = await startSealed({ dataFolder });
    expect(second.reason).toMatch(/Another Mooring process is using .*Stop it/);
    const api = apiClient(second.url ?? '', first.adminKey);
    expect((await api.get('/healthz')).status).toBe(200);
    const answer = await api.get('/api/v1/users/me');
    expect([answer.status, answer.body.errors[0].code]).toEqual([503, 'NOT-READY']);
    expect(answer.text, 'no path of this machine').not.toContain(folder);
    expect(await storedConnections(first)).toEqual([qName]);
    expect(await first.stop()).toBe(0);
    await expect.poll(ready(second.url)).toBe(200);
    expect(await storedConnections({ url: second.url ?? '', adminKey: first.adminKey })).toEqual([qName]);
    expect(await second.stop()).toBe(0);
  });

  it('LI9: what no waiting mends ends a waiting process with one line and the code 1', async () => {
    const dataFolder = copyOfOriginal();
    const first = await startMooring({ dataFolder });
    const second = await startSealed({ dataFolder });
    writeFileSync(path.join(dataFolder, 'master.key'), randomBytes(32).toString('base64'));
    expect(await first.stop()).toBe(0);
    expect(await second.ended).toBe(1);
    expect(second.logText().trimEnd().split('\n').at(-1)).toMatch(
      /^mooring: The master key is not the one this data was written with/,
    );
  });

  const damages: [string, (file: string, size: number) => void][] = [
    ['empty', (file) => truncateSync(file, 0)],
    ['cut within its header', (file) => truncateSync(file, 60)],
    ['cut after its first page', (file) => truncateSync(file, 4096)],
    ['cut in half', (file, size) => truncateSync(file, Math.floor(size / 2))],
    ['cut off a page boundary', (file, size) => truncateSync(file, size - 1234)],
    ['zeroed', (file, size) => writeFileSync(file, Buffer.alloc(size))],
    ['zeroed after its first page', (file) => writeFileSync(file, readFileSync(file).fill(0, 4096))],
    ['zeroed in part', (file) => writeFileSync(file, readFileSync(file).fill(0, 8192, 40_960))],
    ['another kind of file', (file) => writeFileSync(file, 'not a database, but quite long enough')],
    ['gone, with its log still there', (file) => renameSync(file, `${file}-wal`)],
  ];
  // Of those that are seen by the same look at the file, the quick tier has one.
  const ofQuick = [
    'empty',
    'another kind of file',
    'cut after its first page',
    'cut off a page boundary',
    'zeroed in part',
    'gone, with its log still there',
  ];
  it.each(damages.filter(([what]) => isLong || ofQuick.includes(what)))(
    'R30: refuses a store that is %s, and puts no new one in its place',
    async (_what, damage) => {
      const dataFolder = copyOfOriginal();
      const file = path.join(dataFolder, 'mooring.db');
      for (const suffix of ['-wal', '-shm']) rmSync(file + suffix, { force: true });
      damage(file, statSync(file).size);
      expect(await expectRefused({ dataFolder })).toMatch(/The store.*(damaged|missing).*backup/s);
    },
  );
});
