import { seededInt } from '@mooring/lab/seeded';
import { type Answer, type ApiClient, apiClient } from '@mooring/server/testing/api-client';
import { expect } from 'vitest';
import type { MooringProcess } from './mooring-process.js';
import { listed } from './store-writes.js';

// Writers on every kind of record at once, and a ledger of what was acknowledged to them. After each crash of the
// service or its database, the ledger says what has to be there.

/** Nothing listens there, and nothing may be dialled: a use ends at the gate, after the credential was opened. */
export const gateIsShut = {
  egress: { loopback: 'deny' },
  // More is made here than one user would.
  quotas: { spacesPerUser: 0, connectionsPerUser: 0, connectionsPerSpace: 0, credentialsPerUser: 0 },
};
const randomInt = seededInt();
const login = { host: '127.0.0.1', port: 9, db: 'lab', username: 'canary', password: 'canary-crash' };

/** The answer of a service whose database is gone. */
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
  if (!kind) throw new Error(`There is no kind ${name}`);
  return kind;
}

const listAll = async (api: ApiClient, { path, identify }: Kind): Promise<Map<string, string>> =>
  new Map((await listed(api, path)).map(identify));

/** Opens its credential, which a half made connection cannot, and is then stopped at the gate. */
async function assertUsable(api: ApiClient, record: string, id: string): Promise<void> {
  const { body } = await api.post(`/api/v1/data-connections/${id}/actions/browse`, {});
  expect(body.errors[0].code, `${record} has its credential`).toBe('EGRESS-REFUSED');
}

export interface MixedWrites {
  /**
   * Writes until `crash` has ended the service or its database, which it is asked to some writes later.
   * @param hasCrashed where others may crash the same: whether they have
   */
  writeUntil(mooring: MooringProcess, crash: () => Promise<void>, hasCrashed?: () => boolean): Promise<void>;
  /**
   * Compares the ledger with what is there. What was in the air is settled by what is found, once and for good.
   * @returns how much was in the air
   */
  verify(api: ApiClient): Promise<number>;
  /** How many records are in that state, by what was acknowledged and found. */
  count(state: 'created' | 'deleted'): number;
}

/** @param of whose they are, where several write for one user: a part of each name */
export function mixedWrites(of = ''): MixedWrites {
  const ledger = new Map(Object.keys(kinds).map((kind) => [kind, new Map<string, Entry>()]));
  const entriesOf = (kind: string) => ledger.get(kind) ?? new Map<string, Entry>();
  let round = 0;

  /** One step of an entry. A refusal of which the service says that it changed nothing is held to that. */
  const step = async <Result>(entry: Entry, during: Entry['state'], work: () => Promise<Result>) => {
    const before = during === 'creating' ? 'deleted' : 'created';
    entry.state = during;
    try {
      return await work();
    } catch (error) {
      if (error instanceof AwayError && error.code === 'NOT-READY') entry.state = before;
      throw error;
    }
  };

  /**
   * Creates and deletes records of one kind until it is refused, the connection breaks, or the crash is over: a database
   * that is back at once may have met none of its requests.
   */
  const write = async (
    kind: string,
    api: ApiClient,
    { acknowledged, isOver }: { acknowledged: () => void; isOver: () => boolean },
  ): Promise<void> => {
    const { create, path: collection } = kindOf(kind);
    const entries = entriesOf(kind);
    for (let number = 1; !isOver(); number += 1) {
      const name = `${kind} ${of}${round}-${number}`;
      const entry: Entry = { state: 'creating', id: '' };
      entries.set(name, entry);
      entry.id = await step(entry, 'creating', () => create(api, name));
      entry.state = 'created';
      acknowledged();
      if (number % 3 === 0) continue;
      // Of three, one stays, one goes at once, and one lets an older one go, which an earlier life may have made.
      const oldest = [...entries.values()].find(({ state }) => state === 'created');
      const victim = number % 3 === 1 ? entry : (oldest ?? entry);
      await step(victim, 'deleting', async () =>
        expectStatus(await api.delete(`${collection.replace(/\?.*/, '')}/${victim.id}`), 204),
      );
      victim.state = 'deleted';
      acknowledged();
    }
  };

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
        // At whatever instant that is for the other writers.
        if (acknowledgements >= crashAfter)
          crashed ??= crash().finally(() => {
            isOver = true;
          });
      };
      const writers = Object.keys(kinds).map((kind) =>
        write(kind, api, { acknowledged, isOver: () => isOver }),
      );
      for (const written of await Promise.allSettled(writers)) {
        if (written.status === 'fulfilled') continue;
        const { reason } = written;
        const isOfTheCrash = reason instanceof TypeError || reason instanceof AwayError;
        if (!(isOfTheCrash && (crashed || hasCrashed()))) throw reason;
      }
      await crashed;
    },

    async verify(api) {
      let inTheAir = 0;
      const credentials = await listAll(api, kindOf('credential'));
      for (const name of Object.keys(kinds)) {
        const present = await listAll(api, kindOf(name));
        for (const [record, entry] of entriesOf(name)) {
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
          inTheAir += 1;
          if (id !== undefined && kindOf(name).path === connections.path) await assertUsable(api, record, id);
          Object.assign(entry, id === undefined ? { state: 'deleted' } : { state: 'created', id });
        }
      }
      return inTheAir;
    },

    count: (wanted) =>
      [...ledger.values()].flatMap((entries) => [...entries.values()]).filter(({ state }) => state === wanted)
        .length,
  };
}
