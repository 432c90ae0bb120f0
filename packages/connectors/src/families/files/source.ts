import type { Call } from '../../interface/call.js';
import { ConnectorError, type ErrorTable } from '../../interface/errors.js';
import type { Path, ReadPlan, ReadRequest, Target } from '../../interface/plan.js';
import type { Session } from '../../interface/session.js';
import type { Connector } from '../../interface/source.js';
import { isReadable } from './formats.js';
import { openFile } from './read-file.js';
import { toRowStream } from './row-stream.js';
import type { OpenStore, Store } from './store.js';

function pathOf(target: Target): Path {
  if ('path' in target) return target.path;
  throw new ConnectorError('unsupported', 'This source does not support queries; read a path.');
}

async function planOf(store: Store, request: ReadRequest, call: Call): Promise<ReadPlan> {
  const path = pathOf(request.target);
  const file = store.file(path, call);
  if (!isReadable(file.name, { ...store.defaults, ...request.file })) {
    // Distinguishes a missing file from one of an unreadable kind.
    await store.assertFile(path, call);
  }
  const { rows, release } = await openFile(file, { ...request, isPreview: call.isPreview }, store.defaults);
  return {
    columns: rows.columns,
    file: rows.file,
    done: { columns: true, limit: true, order: false, asText: false, filter: 'none' },
    splits: [null],
    async *open(_split, { batchRows }) {
      const { limit } = request;
      const { batches } = toRowStream(
        rows,
        { batchRows, ...(limit === undefined ? {} : { limit }) },
        release,
      );
      for await (const batch of batches) yield { rows: batch };
    },
    close: async () => release(),
  };
}

function sessionOf(store: Store): Session {
  return {
    ping: (call) => store.ping(call),
    async browse(request, call) {
      const { items, next } = await store.list(request, call);
      const file = { ...store.defaults, ...request.file };
      return {
        items: items.map((item) => ({
          ...item,
          readable: item.kind === 'file' && isReadable(item.name, file),
        })),
        ...(next === undefined ? {} : { next }),
      };
    },
    plan: (request, call) => planOf(store, request, call),
    async describe(target, call) {
      const plan = await planOf(store, { target, lanes: ['rows'] }, { ...call, isPreview: true });
      await plan.close();
      return {
        kind: 'file',
        columns: plan.columns.map((column) => ({ ...column, native: column.type })),
        ...(plan.file ? { file: plan.file } : {}),
      };
    },
    bytes: (request, call) => store.bytes(request, call),
    close: () => store.close(),
  };
}

/** A source of files: a store, and every format that we read. */
export const fileSource = <Input>(openStore: OpenStore<Input>, errors: ErrorTable): Connector<Input> => ({
  errors,
  open: async (input, context) => sessionOf(await openStore(input, context)),
});
