import { seededInt } from '@mooring/lab/seeded';
import { type Answer, type ApiClient, apiClient } from '@mooring/server/testing/api-client';
import { expect } from 'vitest';
import type { MooringProcess } from './mooring-process.js';
import { listed } from './store-writes.js';

// Concurrent writers on every kind of record, and a ledger of what was acknowledged to them. After each crash of the
// service or its database, the ledger says what must be there.

/** Nothing listens there and nothing may be dialled: a use ends at the gate, after the credential was opened. */
export const gateIsShut = {
  egress: { loopback: 'deny' },
  // More records than the quotas of one user allow.
  quotas: { spacesPerUser: 0, connectionsPerUser: 0, connectionsPerSpace: 0, credentialsPerUser: 0 },
};
const randomInt = seededInt();
const login = { host: '127.0.0.1', port: 9, db: 'lab', username: 'canary', password: 'canary-crash' };

/** 503: the database is unreachable. */
class AwayError extends Error {
  readonly code: string;
  constructor({ body, text }: Answer) {
    super(text);
    this.code = body.errors[0].code;
  }
}

/** @throws AwayError when the answer is a 503 */
function expectStatus(answer: Answer, status: number): void {
  if (answer.status === 503) throw new AwayError(answer);
  expect(answer.status, answer.text).toBe(status);
}

/** What the client knows of one record. Between request and acknowledgement it is `creating` or `deleting`. */
interface Entry {
  state: 'creating' | 'created' | 'deleting' | 'deleted';
  id: string;
}

interface Kind {
  create(api: ApiClient, name: string): Promise<string>;
  path: string;
  /** Name and id of a record in the list of that path. */
  identify(record: Record<string, string>): [name: string, id: string];
}

async function created(call: ReturnType<ApiClient['post']>, id: string): Promise<string> {
  const answer = await call;
  expectStatus(answer, 201);
  return answer.body[id];
}

const connectionOf =
  (choice: (name: string) => object) =>
  (api: ApiClient, name: string): Promise<string> => {
    const connectionProperties = { ...login, ...choice(name) };
    return created(
      api.post('/api/v1/data-connections', { datasourceID: 'postgres', qName: name, connectionProperties }),
      'qID',
    );
  };
const connections: Omit<Kind, 'create'> = {
  path: '/api/v1/data-connections?limit=100',
  identify: ({ qName = '', qID = '' }) => [qName, qID],
};

const kinds: Record<string, Kind> = {
  embedded: { ...connections, create: connectionOf(() => ({})) },
  separated: {
    ...connections,
    create: connectionOf((name) => ({ separateCredentials: true, credentialsName: `of ${name}` })),
  },
  credential: {
    path: '/api/v1/data-credentials?limit=100',
    identify: ({ qName = '', qID = '' }) => [qName, qID],
    create: (api, qName) =>
      created(
        api.post('/api/v1/data-credentials', {
          datasourceID: 'postgres',
          qName,
          connectionProperties: login,
        }),
        'qID',
      ),
  },
  space: {
    path: '/api/v1/spaces?limit=100',
    identify: ({ name = '', id = '' }) => [name, id],
    create: (api, name) => created(api.post('/api/v1/spaces', { name, type: 'shared' }), 'id'),
  },
  key: {
    path: '/api/v1/api-keys?status=active&limit=100',
    identify: ({ description = '', id = '' }) => [description, id],
    create: (api, description) => created(api.post('/api/v1/api-keys', { description }), 'id'),
  },
};

function kindOf(name: string): Kind {
  const kind = kinds[name];
  if (!kind) throw new Error(`Unknown kind ${name}`);
  return kind;
}

const listAll = async (api: ApiClient, { path, identify }: Kind): Promise<Map<string, string>> =>
  new Map((await listed(api, path)).map(identify));

/** Opens its credential, which fails for a half-made connection, and is then stopped at the gate. */
async function assertUsable(api: ApiClient, record: string, id: string): Promise<void> {
  const { body } = await api.post(`/api/v1/data-connections/${id}/actions/browse`, {});
  expect(body.errors[0].code, `${record} has its credential`).toBe('EGRESS-REFUSED');
}

export interface MixedWrites {
  /**
   * Writes, calls `crash` after some writes, and continues until the service or its database has ended.
   * @param hasCrashed where other writers may crash the same service: whether they have
   */
  writeUntil(mooring: MooringProcess, crash: () => Promise<void>, hasCrashed?: () => boolean): Promise<void>;
  /**
   * Compares the ledger with the store, and settles requests that were in flight by what is found.
   * @returns how many were in flight
   */
  verify(api: ApiClient): Promise<number>;
  /** Records in that state, by what was acknowledged and found. */
  count(state: 'created' | 'deleted'): number;
}

/** One step of an entry. `NOT-READY` promises that nothing was changed, and is held to that. */
async function step<Result>(entry: Entry, during: 'creating' | 'deleting', work: () => Promise<Result>) {
  const before = during === 'creating' ? 'deleted' : 'created';
  entry.state = during;
  try {
    return await work();
  } catch (error) {
    if (error instanceof AwayError && error.code === 'NOT-READY') entry.state = before;
    throw error;
  }
}

interface Writer {
  kind: string;
  api: ApiClient;
  entries: Map<string, Entry>;
  nameOf(number: number): string;
  acknowledged(): void;
  isOver(): boolean;
}

/**
 * Creates and deletes records of one kind until a request is refused, the connection breaks, or the crash is over: a
 * database that is back at once may not have failed any request.
 */
async function write({ kind, api, entries, nameOf, acknowledged, isOver }: Writer): Promise<void> {
  const { create, path: collection } = kindOf(kind);
  for (let number = 1; !isOver(); number += 1) {
    const name = nameOf(number);
    const entry: Entry = { state: 'creating', id: '' };
    entries.set(name, entry);
    entry.id = await step(entry, 'creating', () => create(api, name));
    entry.state = 'created';
    acknowledged();
    if (number % 3 === 0) continue;
    // Of three, one stays, one is deleted at once, and one deletes an older one, perhaps of an earlier process.
    const oldest = [...entries.values()].find(({ state }) => state === 'created');
    const victim = number % 3 === 1 ? entry : (oldest ?? entry);
    await step(victim, 'deleting', async () =>
      expectStatus(await api.delete(`${collection.replace(/\?.*/, '')}/${victim.id}`), 204),
    );
    victim.state = 'deleted';
    acknowledged();
  }
}

/** Compares the entries of one kind with the store. @returns how many were in flight */
async function verifyKind(
  api: ApiClient,
  {
    name,
    entries,
    credentials,
  }: { name: string; entries: Map<string, Entry>; credentials: Map<string, string> },
): Promise<number> {
  let inFlight = 0;
  const present = await listAll(api, kindOf(name));
  for (const [record, entry] of entries) {
    const { state } = entry;
    const id = present.get(record);
    if (name === 'separated') {
      // The connection may be deleted since; the credential outlives it, but only if both were made.
      const isMade = id !== undefined || entry.id !== '';
      expect(credentials.has(`of ${record}`), `${record} and its credential`).toBe(isMade);
    }
    if (state === 'created' || state === 'deleted') {
      expect(id !== undefined, `${record} was acknowledged as ${state}`).toBe(state === 'created');
      continue;
    }
    inFlight += 1;
    if (id !== undefined && kindOf(name).path === connections.path) await assertUsable(api, record, id);
    Object.assign(entry, id === undefined ? { state: 'deleted' } : { state: 'created', id });
  }
  return inFlight;
}

/** @param of part of each name, where several write for one user */
export function mixedWrites(of = ''): MixedWrites {
  const ledger = new Map(Object.keys(kinds).map((kind) => [kind, new Map<string, Entry>()]));
  const entriesOf = (kind: string) => ledger.get(kind) ?? new Map<string, Entry>();
  let round = 0;

  return {
    async writeUntil(mooring, crash, hasCrashed = () => false) {
      round += 1;
      const api = apiClient(mooring.url, mooring.adminKey);
      const crashAfter = randomInt(5, 40);
      let acknowledgements = 0;
      let crashed: Promise<void> | undefined;
      let isOver = false;
      const acknowledged = () => {
        acknowledgements += 1;
        // At an arbitrary moment for the other writers.
        if (acknowledgements >= crashAfter)
          crashed ??= crash().finally(() => {
            isOver = true;
          });
      };
      const writers = Object.keys(kinds).map((kind) => {
        const nameOf = (number: number) => `${kind} ${of}${round}-${number}`;
        return write({ kind, api, entries: entriesOf(kind), nameOf, acknowledged, isOver: () => isOver });
      });
      for (const written of await Promise.allSettled(writers)) {
        if (written.status === 'fulfilled') continue;
        const { reason } = written;
        const isOfTheCrash = reason instanceof TypeError || reason instanceof AwayError;
        if (!(isOfTheCrash && (crashed || hasCrashed()))) throw reason;
      }
      await crashed;
    },

    async verify(api) {
      let inFlight = 0;
      const credentials = await listAll(api, kindOf('credential'));
      for (const name of Object.keys(kinds))
        inFlight += await verifyKind(api, { name, entries: entriesOf(name), credentials });
      return inFlight;
    },

    count: (wanted) =>
      [...ledger.values()].flatMap((entries) => [...entries.values()]).filter(({ state }) => state === wanted)
        .length,
  };
}
