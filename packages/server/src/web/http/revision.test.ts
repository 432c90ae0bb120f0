import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { allRoutes } from '@mooring/contract/all-routes';
import { getSpace, updateSpace } from '@mooring/contract/routes/spaces';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import type { Caller } from '../../core/access/caller.js';
import type { Idempotency } from '../../core/idempotency/idempotency.js';
import { openPostgresStore } from '../../core/store/postgres-store.js';
import type { Tx } from '../../core/store/queryable.js';
import { migrate, openStore, type Store } from '../../core/store/store.js';
import type { SpaceTable } from '../../core/store/tables.js';
import { freshDatabase } from '../../testing/shared-database.js';
import { answeringOf } from './answering.js';
import { type BoundRoute, bind } from './handler.js';

const at = '2026-11-30T12:00:00.000Z';
const row: SpaceTable = {
  ...{ id: 'space', tenant_id: 'tenant', name: 'Reports', name_key: 'reports', type: 'shared' },
  ...{ description: '', owner_id: 'user', created_at: at, created_by: 'user', updated_at: at },
};
const unused: Idempotency = { once: (_request, work) => work(), purge: async () => undefined };

/** Answers a request of the route, without a server before it. */
async function answer(bound: BoundRoute, ifMatch?: string) {
  const input = { params: { spaceId: row.id }, query: undefined, headers: undefined, body: {} };
  const headers = ifMatch === undefined ? {} : { 'if-match': ifMatch };
  const answered = await answeringOf(bound, unused)(input as never, {
    ...{ caller: { userId: 'user', tenantId: 'tenant' } as Caller, revision: undefined, traceId: 'trace' },
    ...{ signal: new AbortController().signal },
    ...{ request: { headers } as FastifyRequest, reply: {} as FastifyReply },
  });
  if (typeof answered === 'symbol') throw new Error('the route answers by itself');
  return answered;
}

describe('the revision of a request', () => {
  let store: Store;
  let drop: () => unknown;

  beforeAll(async () => {
    const server = inject('databaseServer');
    if (server) {
      const database = await freshDatabase(server, { withTables: true });
      store = openPostgresStore({ url: database.url });
      drop = database.drop;
    } else {
      const folder = mkdtempSync(path.join(tmpdir(), 'mooring-revision-'));
      store = openStore({ dataFolder: folder });
      drop = () => rmSync(folder, { recursive: true });
    }
    await migrate(store);
    await store.db.insertInto('tenant').values({ id: 'tenant', name: 'mooring', created_at: at }).execute();
    await store.db
      .insertInto('user')
      .values({
        ...{ id: 'user', tenant_id: 'tenant', subject: 'user', name: 'User', email: null, status: 'active' },
        ...{ roles: '[]', created_at: at, updated_at: at },
      })
      .execute();
    await store.db.insertInto('space').values(row).execute();
  });
  afterAll(async () => {
    await store.close();
    await drop();
  });

  const load = () =>
    store.db.selectFrom('space').selectAll().where('id', '=', row.id).executeTakeFirstOrThrow();
  const rename = (db: Store['db'] | Tx, name: string) =>
    db.updateTable('space').set({ name }).where('id', '=', row.id).execute();
  const reading = bind(getSpace, async (_input, { revision }) => {
    revision.note(await load());
    return { status: 200 };
  });
  const tag = async () => (await answer(reading)).headers['etag'] ?? '';

  it('is part of every operation on a path that has one', () => {
    const paths = new Set(allRoutes.filter(({ etag }) => etag).map((route) => route.path));
    expect(allRoutes.filter((route) => paths.has(route.path) && !route.etag).map(({ id }) => id)).toEqual([]);
  });

  it('R06: is compared when the row is loaded and again by the transaction that changes it', async () => {
    const change = (meanwhile: () => Promise<unknown>) =>
      bind(updateSpace, async (_input, { revision }) => {
        revision.note(await load());
        await meanwhile();
        await store.transaction(async (tx) => {
          await revision.check(tx);
          await rename(tx, 'changed');
        });
        return { status: 200 };
      });
    const nothing = async () => undefined;
    const refused = { code: 'PRECONDITION-FAILED' };
    const first = await tag();
    expect(await answer(change(nothing), first)).toMatchObject({ status: 200 });
    await expect(answer(change(nothing), first)).rejects.toMatchObject(refused);
    await expect(
      answer(
        change(() => rename(store.db, 'theirs')),
        await tag(),
      ),
    ).rejects.toMatchObject(refused);
    expect(await load()).toMatchObject({ name: 'theirs' });
    expect(await answer(change(() => rename(store.db, 'theirs again')))).toMatchObject({ status: 200 });
    const remove = () => store.db.deleteFrom('space').where('id', '=', row.id).execute();
    await expect(answer(change(remove), await tag())).rejects.toMatchObject(refused);
    await store.db.insertInto('space').values(row).execute();
  });

  it('R06: is compared again when the store runs the transaction again', async () => {
    let runs = 0;
    const changeTwice = bind(updateSpace, async (_input, { revision }) => {
      revision.note(await load());
      const once = () =>
        store.transaction(async (tx) => {
          runs += 1;
          await revision.check(tx);
          if (runs === 1) throw new Error('a conflict');
        });
      await once().catch(() => rename(store.db, 'meanwhile'));
      await once();
      return { status: 200 };
    });
    await expect(answer(changeTwice, await tag())).rejects.toMatchObject({ code: 'PRECONDITION-FAILED' });
    expect(runs).toBe(2);
  });

  it('fails a request whose handler does not use it, with and without If-Match', async () => {
    const done = { status: 200 };
    const forgetful = bind(updateSpace, async () => done);
    const noting = bind(updateSpace, async (_input, { revision }) => {
      revision.note(await load());
      return done;
    });
    const outside = bind(updateSpace, async (_input, { revision }) => {
      revision.note(await load());
      await revision.check(store.db);
      return done;
    });
    const blind = bind(updateSpace, async (_input, { revision }) => {
      await store.transaction((tx) => revision.check(tx));
      return done;
    });
    for (const ifMatch of [undefined, await tag()]) {
      for (const bound of [forgetful, noting, outside])
        await expect(answer(bound, ifMatch)).rejects.toThrow('without checking its revision');
      await expect(answer(blind, ifMatch)).rejects.toThrow('checked before it is noted');
    }
    await expect(answer(bind(getSpace, async () => done))).rejects.toThrow('noted no revision');
  });
});
