import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { createApiClient } from '@mooring/contract/client';
import { createInvitation, redeemInvitation } from '@mooring/contract/routes/invitations';
import { fillingStatements } from '@mooring/server/testing/store-filling';
import pg from 'pg';
import { apiKey, type MooringProcess, startMooring } from './mooring-process.js';
import { median } from './statistics.js';

// A store of a million connections on PostgreSQL: filled once, kept as a separate database on the given server, with
// its keys in a cache folder. Prints the latency of a page for users who see all, many and few connections.

const { values } = parseArgs({
  options: {
    server: { type: 'string' },
    connections: { type: 'string', default: '1000000' },
    cache: { type: 'string', default: '.cache/filled-stores' },
    rounds: { type: 'string', default: '20' },
  },
});
if (values.server === undefined) {
  throw new Error(
    'Give --server postgres://user:password@host:port/postgres, a role that may create databases.',
  );
}
const server = new URL(values.server);
const connections = Number(values.connections);
const folder = path.resolve(values.cache, String(connections));
const name = `mooring_filled_${connections}`;
const spaces = 2_000;

interface Keys {
  masterKey: string;
  users: { name: string; key: string }[];
}

async function withDatabase(database: string, work: (client: pg.Client) => Promise<void>): Promise<void> {
  const url = new URL(server);
  url.pathname = `/${database}`;
  const client = new pg.Client({ connectionString: url.href });
  await client.connect();
  try {
    await work(client);
  } finally {
    await client.end();
  }
}

const start = (masterKey: string): Promise<MooringProcess> => {
  const url = new URL(server);
  url.pathname = `/${name}`;
  return startMooring(path.join(folder, 'data'), [], {
    MOORING_DATABASE_URL: url.href,
    MOORING_MASTER_KEY: masterKey,
  });
};

async function fill(): Promise<Keys> {
  const masterKey = randomBytes(32).toString('base64');
  await withDatabase('postgres', async (client) => {
    await client.query(`drop database if exists ${name}`);
    await client.query(`create database ${name}`);
  });
  const mooring = await start(masterKey);
  const add = async (subject: string) => {
    const { userId, token } = await mooring.api.call(createInvitation, { body: { subject, name: subject } });
    const { apiKey: made } = await createApiClient({ url: mooring.url }).call(redeemInvitation, {
      body: { token },
    });
    return { id: userId, key: made.token };
  };
  const [few, some, all] = [await add('few'), await add('some'), await add('all')];
  await mooring.stop();
  const members = [
    { userId: few.id, spaces: 3 },
    { userId: some.id, spaces: 200 },
    { userId: all.id, spaces },
  ];
  const users = Math.max(1_000, Math.round(connections / 50));
  await withDatabase(name, async (client) => {
    for (const statement of fillingStatements({
      connections,
      spaces,
      people: users,
      events: connections,
      members,
    })) {
      await client.query(statement);
    }
    await client.query('vacuum analyze');
  });
  const keys = {
    masterKey,
    users: [
      { name: 'an administrator', key: apiKey },
      { name: `a member of 3 of ${spaces} spaces`, key: few.key },
      { name: `a member of 200 of ${spaces} spaces`, key: some.key },
      { name: `a member of all ${spaces} spaces`, key: all.key },
    ],
  };
  await writeFile(path.join(folder, 'keys.json'), JSON.stringify(keys), { mode: 0o600 });
  return keys;
}

async function measure(url: string, key: string): Promise<string> {
  const times: number[] = [];
  for (let round = 0; round < Number(values.rounds); round += 1) {
    const begun = performance.now();
    const response = await fetch(url, { headers: { authorization: `Bearer ${key}` } });
    const text = await response.text();
    if (!response.ok) return `${response.status} ${text.slice(0, 200)}`;
    times.push(performance.now() - begun);
  }
  return `${median(times).toFixed(1)} ms, at most ${Math.max(...times).toFixed(1)} ms`;
}

await mkdir(folder, { recursive: true, mode: 0o700 });
const kept = path.join(folder, 'keys.json');
const keys = existsSync(kept) ? (JSON.parse(await readFile(kept, 'utf8')) as Keys) : await fill();
const mooring = await start(keys.masterKey);
try {
  for (const user of keys.users) {
    const spaceList = await fetch(`${mooring.url}/api/v1/spaces?limit=1`, {
      headers: { authorization: `Bearer ${user.key}` },
    });
    const [space] = ((await spaceList.json()) as { data: { id: string }[] }).data;
    for (const query of [
      '',
      '&sort=%2BqName',
      '&sort=-updated',
      '&ownedByMe=true',
      `&spaceId=${space?.id}`,
    ]) {
      const took = await measure(`${mooring.url}/api/v1/data-connections?limit=20${query}`, user.key);
      process.stdout.write(`${connections} connections, ${user.name}, limit=20${query}: ${took}\n`);
    }
  }
} finally {
  await mooring.stop();
}
