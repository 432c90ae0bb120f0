import { existsSync, readFileSync } from 'node:fs';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { createApiClient } from '@mooring/contract/client';
import { createInvitation, redeemInvitation } from '@mooring/contract/routes/invitations';
import { fillingStatements } from '@mooring/server/testing/store-filling';
import Database from 'libsql';
import type { Benchmark, Finding } from '../benchmark.js';
import { apiKey, type MooringProcess, startMooring } from '../mooring-process.js';
import type { Stage } from '../stage.js';
import { median } from '../statistics.js';

// How long one request keeps the event loop of the embedded store from others, by kind of list and of user, among very
// many connections. The store is filled once and kept in a cache folder.

const spaces = 2_000;
const rounds = 5;
const holdMax = 100;
const firstPage = '/api/v1/data-connections?limit=20';

interface User {
  name: string;
  key: string;
}

async function fill(folder: string, connections: number): Promise<User[]> {
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const data = path.join(folder, 'data');
  const mooring = await startMooring(data);
  const add = async (subject: string) => {
    const { userId, token } = await mooring.api.call(createInvitation, { body: { subject, name: subject } });
    const redeemed = await createApiClient({ url: mooring.url }).call(redeemInvitation, { body: { token } });
    return { id: userId, key: redeemed.apiKey.token };
  };
  const [few, all] = [await add('few'), await add('all')];
  await mooring.stop();
  const database = new Database(path.join(data, 'mooring.db'));
  database.exec('pragma synchronous = off');
  const members = [
    { userId: few.id, spaces: 3 },
    { userId: all.id, spaces },
  ];
  // One user for ten connections.
  const people = Math.max(1_000, Math.round(connections / 10));
  for (const statement of fillingStatements({ connections, spaces, people, events: people, members }))
    database.exec(statement);
  database.close();
  const users = [
    { name: 'administrator', key: apiKey },
    { name: 'member of 3', key: few.key },
    { name: `member of ${spaces}`, key: all.key },
  ];
  await writeFile(path.join(folder, 'users.json'), JSON.stringify(users), { mode: 0o600 });
  return users;
}

/** CPU milliseconds of the main thread so far: where the event loop is. */
function loopMilliseconds(pid: number): number {
  const [nanoseconds] = readFileSync(`/proc/${pid}/task/${pid}/schedstat`, 'utf8').split(' ');
  return Number(nanoseconds) / 1e6;
}

async function ask(url: string, key: string): Promise<number> {
  const begun = performance.now();
  const response = await fetch(url, { headers: { authorization: `Bearer ${key}` } });
  await response.text();
  if (!response.ok) throw new Error(`${url}: ${response.status}`);
  return performance.now() - begun;
}

/**
 * Asks, and meanwhile another request again and again.
 * @returns the most that the event loop worked during one of the others, in milliseconds of CPU time: what it waited for,
 * without what other processes of the machine took
 */
async function waitedBeside(mooring: MooringProcess, url: string, key: string): Promise<number> {
  let isOver = false;
  let longest = 0;
  const others = (async () => {
    while (!isOver) {
      const before = loopMilliseconds(mooring.pid);
      await ask(`${mooring.url}/api/v1/users/me`, key);
      longest = Math.max(longest, loopMilliseconds(mooring.pid) - before);
    }
  })();
  await ask(url, key).finally(() => {
    isOver = true;
  });
  await others;
  return longest;
}

const lists = [
  ['first page', firstPage],
  ['name co, 1 hit in a hundred thousand', `${firstPage}&filter=${encodeURIComponent('qName co "12345"')}`],
  ['name co, no hit', `${firstPage}&filter=${encodeURIComponent('qName co "ledger"')}`],
  ['name co, all hit', `${firstPage}&filter=${encodeURIComponent('qName co "connection"')}`],
  ['name sw', `${firstPage}&filter=${encodeURIComponent('qName sw "connection 12"')}`],
  ['name eq', `${firstPage}&filter=${encodeURIComponent('qName eq "nothing"')}`],
  ['created gt, no hit', `${firstPage}&filter=${encodeURIComponent('created gt "2099-01-01T00:00:00Z"')}`],
  ['ownedByMe', `${firstPage}&ownedByMe=true`],
  ['credentials', '/api/v1/data-credentials?limit=20'],
] as const;

async function run(stage: Stage): Promise<Finding[]> {
  const connections = stage.isQuick ? 10_000 : stage.connections;
  const folder = path.resolve('.cache/filled-stores', `embedded-${connections}`);
  const kept = path.join(folder, 'users.json');
  const users = existsSync(kept)
    ? (JSON.parse(await readFile(kept, 'utf8')) as User[])
    : await fill(folder, connections);
  const mooring = await startMooring(path.join(folder, 'data'));
  const findings: Finding[] = [];
  try {
    for (const user of users)
      for (const [name, at] of lists) {
        const url = mooring.url + at;
        await ask(url, user.key);
        const quiet = loopMilliseconds(mooring.pid);
        const times: number[] = [];
        for (let round = 0; round < rounds; round += 1) times.push(await ask(url, user.key));
        const loop = (loopMilliseconds(mooring.pid) - quiet) / rounds;
        const longest = await waitedBeside(mooring, url, user.key);
        findings.push({
          what: `${name} of ${connections.toLocaleString('en')}, ${user.name}`,
          ours: `${median(times).toFixed(0)} ms; event loop ${loop.toFixed(1)} ms; beside another request at most ${longest.toFixed(1)} ms`,
          measured: Math.max(loop, longest),
          aim: { below: holdMax },
        });
      }
    return findings;
  } finally {
    await mooring.stop();
  }
}

export const million: Benchmark = { name: 'million', run };
