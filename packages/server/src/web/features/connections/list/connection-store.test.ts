import fc from 'fast-check';
import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decideForAll } from '../../../../core/access/connection-access.js';
import { foldTallies } from '../../../../core/store/connection-tally.js';
import type { Store } from '../../../../core/store/store.js';
import type { ConnectionTable } from '../../../../core/store/tables.js';
import { deleteConnection, insertConnection, replaceConnection } from '../connection-rows.js';
import { at, callerOf, type ListedStore, openListedStore, users } from './__fixtures__/listed-store.js';
import {
  keysetOf,
  type ListOrder,
  listConnectionRows,
  type Page,
  pageStatements,
} from './connection-store.js';
import { countConnections } from './selected-rows.js';
import type { Selection } from './selection.js';

const roles: readonly string[][] = [['TenantAdmin'], ['AnalyticsAdmin'], ['DataAdmin'], []];

describe('lists of connections in the store', () => {
  let listed: ListedStore;
  let store: Store;

  beforeAll(async () => {
    listed = await openListedStore();
    store = listed.store;
  });
  afterAll(() => listed.close());

  const selection = (more: Partial<Selection> & Pick<Selection, 'caller'>): Selection => ({
    ...{ personal: false, hiddenSources: [], ...more },
  });

  const all = () => store.db.selectFrom('connection').selectAll().execute();
  const ids = (rows: readonly ConnectionTable[]) => rows.map((one) => one.id);

  it.each(users.flatMap((user) => roles.map((role) => [user, role] as const)))(
    'X09: %s as %j lists and counts exactly what `decide` lets them list',
    async (user, role) => {
      const who = callerOf(user, role);
      const rows = await all();
      const decisions = await decideForAll(store.db, who, rows);
      const expected = rows.filter((one) => decisions.get(one)?.privileges.includes('list'));
      const order: ListOrder = { field: '_id', isDescending: false };
      const found = await listConnectionRows(store.db, selection({ caller: who }), { order });
      expect(ids(found)).toEqual(ids(expected).toSorted());
      expect(await countConnections(store.db, selection({ caller: who }))).toBe(expected.length);
      const own = selection({ caller: who, personal: true });
      const personal = expected.filter((one) => one.space_id === null);
      expect(ids(await listConnectionRows(store.db, own, { order }))).toEqual(ids(personal).toSorted());
      expect(await countConnections(store.db, own)).toBe(personal.length);
    },
  );

  it('pages in every order and direction add up to the whole list, for users who see little or much', async () => {
    const orders = fc.record({
      field: fc.constantFrom('_id', 'qName', 'created', 'updated'),
      isDescending: fc.boolean(),
      collation: fc.constantFrom(undefined, 'folded' as const),
    });
    const views = fc.record({
      caller: fc.constantFrom(
        callerOf('ann', ['TenantAdmin']),
        callerOf('ben'),
        callerOf('cat'),
        callerOf('dan', ['DataAdmin']),
      ),
      spaceId: fc.constantFrom(undefined, 's0', 's3'),
      ownerId: fc.constantFrom(undefined, 'ann'),
      hiddenSources: fc.constantFrom([], ['rest']),
    });
    await fc.assert(
      fc.asyncProperty(orders, views, fc.integer({ min: 1, max: 40 }), async (order, view, limit) => {
        const about = JSON.parse(JSON.stringify({ personal: false, ...view })) as Selection;
        const sorted = JSON.parse(JSON.stringify(order)) as ListOrder;
        const whole = await listConnectionRows(store.db, about, { order: sorted });
        expect(await countConnections(store.db, about)).toBe(whole.length);
        for (const direction of ['next', 'prev'] as const) {
          const seen: ConnectionTable[] = [];
          let position: Page['position'];
          for (;;) {
            const page = await listConnectionRows(store.db, about, {
              order: sorted,
              limit,
              ...(position ? { position } : {}),
            });
            const last = direction === 'next' ? page.at(-1) : page[0];
            if (direction === 'next') seen.push(...page);
            else seen.unshift(...page);
            if (!last || (direction === 'prev' && position === undefined)) break;
            position = { keyset: keysetOf(last, sorted), direction };
          }
          if (direction === 'next') expect(ids(seen)).toEqual(ids(whole));
          const end = whole.at(-1);
          if (direction === 'next' || !end) continue;
          const back = await listConnectionRows(store.db, about, {
            order: sorted,
            limit,
            position: { keyset: keysetOf(end, sorted), direction: 'prev' },
          });
          expect(ids(back)).toEqual(ids(whole.slice(0, -1).slice(-limit)));
        }
      }),
      { numRuns: 60 },
    );
  });

  it('reads every page from an index, never from the whole table', async () => {
    const fields = ['_id', 'qName', 'created', 'updated'] as const;
    const orders: ListOrder[] = [
      ...fields.map((field) => ({ field, isDescending: false })),
      { field: 'qName', isDescending: true, collation: 'folded' },
    ];
    const position = { keyset: { value: at, id: '0' }, direction: 'next' as const };
    const views = [
      selection({ caller: callerOf('ann', ['TenantAdmin']) }),
      selection({ caller: callerOf('cat') }),
      selection({ caller: callerOf('dan', ['DataAdmin']), hiddenSources: ['rest'] }),
      selection({ caller: callerOf('cat'), spaceId: 's0' }),
      selection({ caller: callerOf('cat'), personal: true }),
    ];
    for (const order of orders) {
      for (const view of views) {
        for (const place of [{}, { position }]) {
          for (const statement of pageStatements(store.db, view, { order, limit: 51, ...place })) {
            const { sql: text, parameters } = statement.compile(store.db);
            const plan = await sql<{ detail: string }>`explain query plan ${bound(text, parameters)}`.execute(
              store.db,
            );
            const steps = plan.rows.map((step) => step.detail);
            // The candidates are a subquery of the same name, which is scanned once.
            const scans = steps.filter((step) => /^SCAN (?:connection|inside)\b/.test(step));
            const candidates = steps.filter((step) => step === 'CO-ROUTINE connection');
            expect(scans.length, steps.join('\n')).toBe(candidates.length);
            const isNarrow = view.spaceId !== undefined || view.personal || view.caller.userId === 'ann';
            if (isNarrow) expect(steps.filter((step) => step.startsWith('USE TEMP B-TREE'))).toEqual([]);
          }
        }
      }
    }
  });

  it('pages stay exact while 1,000 other rows are inserted and deleted', async () => {
    const { row, add, addSpace } = listed;
    const busy = await addSpace('shared', 'dataconsumer');
    const stays: ConnectionTable[] = [];
    for (let count = 0; count < 300; count += 1) stays.push(await add(row('ann', busy)));
    const passing: ConnectionTable[] = [];
    let inserted = 0;
    for (const who of [callerOf('ann', ['TenantAdmin']), callerOf('cat')]) {
      for (const field of ['qName', 'created', '_id'] as const) {
        const order: ListOrder = { field, isDescending: field === 'created' };
        const seen: ConnectionTable[] = [];
        let position: Page['position'];
        for (;;) {
          const page = await listConnectionRows(store.db, selection({ caller: who }), {
            order,
            limit: 20,
            ...(position ? { position } : {}),
          });
          const last = page.at(-1);
          seen.push(...page);
          if (!last || page.length < 20) break;
          position = { keyset: keysetOf(last, order), direction: 'next' };
          await store.transaction(async (tx) => {
            for (const one of passing.splice(0, 9)) await deleteConnection(tx, one);
            for (let count = 0; count < 10; count += 1) {
              const one = row('ben', busy);
              passing.push(one);
              await insertConnection(tx, one);
              inserted += 1;
            }
          });
        }
        const kept = new Set(ids(stays));
        const whole = await listConnectionRows(store.db, selection({ caller: who, spaceId: busy }), {
          order,
        });
        expect(ids(seen).filter((id) => kept.has(id))).toEqual(ids(whole).filter((id) => kept.has(id)));
        expect(new Set(ids(seen)).size).toBe(seen.length);
      }
    }
    expect(inserted).toBeGreaterThan(1000);
  });

  it('the tally equals the number of rows after any sequence of inserts, moves and deletes', async () => {
    const { row, add } = listed;
    const steps = fc.array(
      fc.record({
        what: fc.constantFrom('add', 'move', 'delete', 'delete twice', 'stale move', 'fold'),
        place: fc.constantFrom('s0', 's1', null),
        owner: fc.constantFrom('ann', 'ben'),
        source: fc.constantFrom('postgres', 'rest'),
      }),
      { minLength: 5, maxLength: 25 },
    );
    await fc.assert(
      fc.asyncProperty(steps, async (list) => {
        const own: ConnectionTable[] = [];
        for (const { what, place, owner, source } of list) {
          const target = own.at(-1);
          if (what === 'fold') await foldTallies(store);
          else if (what === 'add' || !target) own.push(await add(row(owner, place, source)));
          else if (what.startsWith('delete')) {
            own.pop();
            await store.transaction((tx) => deleteConnection(tx, target));
            if (what === 'delete twice') await store.transaction((tx) => deleteConnection(tx, target));
          } else {
            const scope = place === null ? `user:${target.owner_id}` : `space:${place}`;
            const next = { ...target, space_id: place, scope, version: target.version + 1 };
            const stale = { ...target, version: target.version + (what === 'move' ? 0 : 5) };
            const isDone = await store.transaction((tx) => replaceConnection(tx, stale, next));
            expect(isDone).toBe(what === 'move');
            if (isDone) own[own.length - 1] = next;
          }
        }
        const real = new Map<string, number>();
        for (const one of await all()) {
          const key = `${one.scope} ${one.source_id}`;
          real.set(key, (real.get(key) ?? 0) + 1);
        }
        const tally = () =>
          store.db
            .selectFrom('connection_tally')
            .select(['scope', 'source_id', (eb) => eb.fn.sum<number>('total').as('total')])
            .groupBy(['scope', 'source_id'])
            .having((eb) => eb.fn.sum('total'), '<>', 0)
            .execute();
        const totals = async () =>
          new Map((await tally()).map((one) => [`${one.scope} ${one.source_id}`, one.total]));
        expect(await totals()).toEqual(real);
        await foldTallies(store);
        expect(await totals()).toEqual(real);
        const unfolded = store.db.selectFrom('connection_tally').select('part').where('part', '<>', '');
        expect(await unfolded.execute()).toEqual([]);
        for (const one of own) await store.transaction((tx) => deleteConnection(tx, one));
      }),
      { numRuns: 25 },
    );
  });
});

/** The statement again, with its parameters in their places. */
function bound(text: string, parameters: readonly unknown[]) {
  const parts = text.split('?');
  return sql.join(
    parts.flatMap((part, index) =>
      index === 0 ? [sql.raw(part)] : [sql.val(parameters[index - 1]), sql.raw(part)],
    ),
    sql``,
  );
}
