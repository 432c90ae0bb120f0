import type { ErrorItem } from '@mooring/contract/errors';
import { AppError } from '../../../../core/errors/app-error.js';
import { createSlots, type Slots } from '../../../../core/isolation/slots.js';
import type { Queryable } from '../../../../core/store/queryable.js';
import type { ConnectionTable } from '../../../../core/store/tables.js';
import { clientSignal } from '../../../http/client-signal.js';
import type { Reply, RequestScope } from '../../../http/handler.js';
import type { ConnectionDependencies } from '../connection-dependencies.js';
import { keysetOf, type ListOrder, type Page } from './connection-store.js';
import { type ListQuery, orderOf } from './list-query.js';
import { metaOf, presentRows, rowsOf } from './listed-rows.js';
import type { ReadList } from './searches.js';
import type { Selection } from './selection.js';

// Lists without limit, streamed while they are read.

/** Rows per read: few if definitions are large, because all of them are in memory. */
const step = { first: 50, least: 10, most: 500, bytes: 4 * 1024 * 1024 };
const errorsMax = 1000;

/** Concurrency limits in one process; other requests wait. */
const concurrency = { atOnce: 32, ofOneUser: 2, waiting: 256, waitMs: 30_000 };

export const createWholeListSlots = (): Slots =>
  createSlots({
    max: () => concurrency.atOnce,
    share: concurrency.ofOneUser,
    waitMs: concurrency.waitMs,
    waitingMax: () => concurrency.waiting,
    full: () =>
      new AppError(
        'BUSY',
        'Too many lists without limit at the same time. Ask with limit=100 and follow links.next.',
        { retryAfterSeconds: 2 },
      ),
  });

async function* steps(
  read: (work: (db: Queryable) => Promise<ConnectionTable[]>) => Promise<ConnectionTable[]>,
  selection: Selection,
  order: ListOrder,
): AsyncGenerator<ConnectionTable[]> {
  let limit = step.first;
  let position: Page['position'];
  for (;;) {
    const page: Page = { order, limit, ...(position ? { position } : {}) };
    const rows = await read((db) => rowsOf(db, selection, page));
    if (rows.length > 0) yield rows;
    const last = rows.at(-1);
    if (rows.length < limit || !last) return;
    position = { keyset: keysetOf(last, order), direction: 'next' };
    const bytes = rows.reduce((sum, row) => sum + row.properties.length, 0);
    limit = Math.max(step.least, Math.min(step.most, Math.floor((limit * step.bytes) / (bytes + 1))));
  }
}

/** @throws AppError BUSY */
export async function wholeList(
  deps: ConnectionDependencies & { slots: Slots; read: ReadList },
  query: ListQuery,
  selection: Selection,
  { request, reply }: Pick<RequestScope, 'request' | 'reply'>,
): Promise<Reply> {
  const { slots, publicUrl } = deps;
  const signal = clientSignal(request, reply);
  const { caller } = selection;
  const order = await deps.read(selection, signal, (db) => orderOf(db, query, selection));
  const errors: ErrorItem[] = [];
  let count = 0;
  async function* batches() {
    for await (const rows of steps((work) => deps.read(selection, signal, work), selection, order)) {
      const shown = await presentRows(deps, caller, rows, query);
      count += rows.length;
      if (errors.length < errorsMax) errors.push(...shown.errors);
      yield shown.data;
    }
  }
  const rest = () => ({
    links: { self: { href: `${publicUrl()}${request.url}` } },
    meta: metaOf(count),
    ...(errors.length > 0 ? { errors } : {}),
  });
  await slots.take(caller.userId, signal);
  reply.raw.once('close', () => slots.giveBack(caller.userId));
  // The first batch is read before the answer begins, so that its failure is still an error answer.
  const all = batches();
  const first = await all.next();
  async function* fromFirst() {
    if (first.done) return;
    yield first.value;
    yield* all;
  }
  return { status: 200, list: { name: query.dataName ?? 'data', batches: fromFirst(), rest } };
}
