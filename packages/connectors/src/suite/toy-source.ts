// A source with every ability, over the toy server. The kit's session runner and the contract suite are tried on it, and
// it shows how small a connector is that leaves everything else to the kit.
import type { Socket } from 'node:net';
import type { FileOptions } from '@mooring/contract/file-options';
import { z } from 'zod';
import type { Abilities } from '../interface/abilities.js';
import type { Call } from '../interface/call.js';
import type { Column } from '../interface/data-types.js';
import { ConnectorError, type ErrorTable } from '../interface/errors.js';
import { property, secret } from '../interface/fields.js';
import type { Filter } from '../interface/filter.js';
import type { LoginOf } from '../interface/login.js';
import type { Path, ReadPlan, ReadRequest } from '../interface/plan.js';
import type { Context, Item, Session } from '../interface/session.js';
import { type Connector, defineSource, type InputOf } from '../interface/source.js';
import { type Ask, partOf, splitsOf, type Told } from './toy-parts.js';
import type { ToyFailure, ToyOrder, ToyPart } from './toy-server.js';

const properties = z.strictObject({
  host: property(z.string(), { title: 'Host', description: 'Host of the toy server.', dials: 'host' }),
  port: property(z.number().int().default(4_000), { title: 'Port', description: 'Its port; default: 4000.' }),
  authentication: property(z.enum(['password', 'token']).optional(), {
    ...{ title: 'Sign-in', description: 'Default: password.', decides: 'nothing' },
  }),
});
const logins = {
  token: {
    ...{ label: 'Token', required: ['token'], when: { authentication: 'token' } },
    fields: { token: secret(z.string(), { title: 'Token', description: 'Token of the user.' }) },
  },
  password: {
    ...{ label: 'Password', required: ['username', 'password'] },
    fields: {
      username: property(z.string(), { title: 'User', description: 'User name.', holder: 'credential' }),
      password: secret(z.string(), { title: 'Password', description: 'Password of the user.' }),
    },
  },
};
const settings = z.strictObject({});
type Input = InputOf<typeof properties, typeof logins, typeof settings>;

export const toyAbilities: Abilities = {
  query: { language: 'sql', parameters: 'named' },
  pushdown: { columns: true, limit: true, order: true, filter: ['eq'] },
  browse: { levels: ['schema', 'table', 'column'], depth: 3, search: true },
  describe: 'path-and-query',
  splits: true,
  bytes: true,
  files: true,
  incremental: 'column',
  cancel: 'at-source',
  readOnly: 'enforced',
  reset: true,
};

export const toyErrors: ErrorTable = {
  codes: {
    '22023': { kind: 'invalid_query', message: 'The read that made this part has ended.' },
    '25006': { kind: 'permission_denied', message: 'The toy server only reads.' },
    '28P01': { kind: 'auth_failed', message: 'The toy server refused the login.' },
    '42601': { kind: 'invalid_query', message: 'The toy server does not understand the query.' },
    '42P01': { kind: 'not_found', message: 'The toy server has no such table.' },
    '42P02': { kind: 'invalid_query', message: 'A parameter has no value.' },
    '57014': { kind: 'cancelled', message: 'The toy server cancelled the query.' },
  },
  classes: { '3F': { kind: 'not_found', message: 'The toy server has no such schema.' } },
  tellsAuthor: { message: 'message', position: 'position' },
  fallback: { kind: 'protocol_error', message: 'The toy server sent something unexpected.' },
};

/** One message and its answer, one after the other. */
function converse(socket: Socket): Ask {
  const waiting: { resolve(value: Told): void; reject(error: Error): void }[] = [];
  let text = '';
  socket.on('data', (bytes: Buffer) => {
    text += bytes.toString();
    const lines = text.split('\n');
    text = lines.pop() ?? '';
    for (const line of lines) {
      const { value, error } = JSON.parse(line) as { value: Told; error?: ToyFailure };
      const asked = waiting.shift();
      if (error) asked?.reject(Object.assign(new Error(error.message), error));
      else asked?.resolve(value);
    }
  });
  const fail = (error: Error) => {
    for (const { reject } of waiting.splice(0)) reject(error);
  };
  socket.on('error', fail);
  socket.on('close', () => fail(Object.assign(new Error('closed'), { code: 'ECONNRESET' })));
  return (order: ToyOrder) =>
    new Promise<Told>((resolve, reject) => {
      if (socket.destroyed) return reject(Object.assign(new Error('closed'), { code: 'ECONNRESET' }));
      waiting.push({ resolve, reject });
      socket.write(`${JSON.stringify(order)}\n`);
    });
}

const secretOf = (login: LoginOf<typeof logins>) =>
  login.method === 'token'
    ? { secret: login.fields.token.reveal() }
    : { user: login.fields.username, secret: login.fields.password.reveal() };

function tableAt(path: Path): string {
  const [schema, table, ...more] = path;
  if (schema === 'main' && table !== undefined && more.length === 0) return table;
  throw new ConnectorError('not_found', 'There is no table with this path.');
}

/** Leaves that the server compares exactly: integers that are equal, all of which must hold. */
function pushable(
  filter: Filter | undefined,
  columns: readonly Column[],
): { equal: ToyPart['equal']; rest?: Filter } {
  if (!filter) return { equal: [] };
  const all = 'and' in filter ? filter.and : [filter];
  const isExact = (leaf: Filter) =>
    'op' in leaf &&
    leaf.op === 'eq' &&
    Number.isSafeInteger(leaf.value) &&
    columns.some(({ name, type }) => name === leaf.column && type === 'integer');
  const rest = all.filter((leaf) => !isExact(leaf));
  const equal = all.filter(isExact) as { column: string; value: unknown }[];
  return { equal, ...(rest.length === 0 ? {} : { rest: { and: rest } }) };
}

/** Reads the rows of one part, or all of a query. */
async function* rowsOf(ask: Ask, order: Extract<ToyOrder, { verb: 'open' }>, batchRows: number) {
  await ask(order);
  let isDone = false;
  try {
    while (!isDone) {
      const { rows, done } = await ask({ verb: 'fetch', rows: batchRows });
      isDone = done === true;
      yield rows;
    }
  } finally {
    if (!isDone) await ask({ verb: 'closeRows' });
  }
}

function fileOf({ file }: ReadRequest): { file: FileOptions } {
  if (file?.format !== undefined && file.format !== 'ndjson')
    throw new ConnectorError('unsupported', 'Toy tables are only read as ndjson.');
  return { file: { format: 'ndjson', ...(file?.header === false ? { header: false } : {}) } };
}

async function planOf(ask: Ask, request: ReadRequest): Promise<ReadPlan> {
  const { target, limit, consistency = 'none' } = request;
  const isQuery = 'query' in target;
  const from = isQuery ? { query: target.query } : { table: tableAt(target.path) };
  const parameters =
    isQuery && target.parameters !== undefined
      ? { parameters: target.parameters as Record<string, unknown> }
      : {};
  const file = fileOf(request);
  const { columns: all } = await ask({ verb: 'columns', ...from });
  const { splits, count } =
    from.table === undefined
      ? { splits: [{ from: 0 }], count: undefined }
      : await splitsOf(ask, from, request);
  const columns = (request.columns ?? all.map(({ name }) => name)).map((name) => {
    const found = all.find((column) => column.name === name);
    if (!found) throw new ConnectorError('invalid_query', `There is no column "${name}".`);
    return found;
  });
  const { equal, rest } = pushable(request.where, all);
  const stops = limit !== undefined && !rest;
  const shown = ({ name }: Column, at: number) => (file.file.header === false ? `column ${at + 1}` : name);
  return {
    columns: columns.map((column, at) => ({ ...column, name: shown(column, at) })),
    done: { columns: true, limit: stops, order: true, asText: false, filter: rest ?? 'all' },
    splits,
    consistency,
    ...(isQuery ? {} : file),
    async *open(split, { batchRows }) {
      const part: ToyPart = {
        ...partOf(split),
        ...(equal ? { equal } : {}),
        ...(request.orderBy ? { order: request.orderBy } : {}),
        ...(stops ? { limit } : {}),
        columns: columns.map(({ name }) => name),
      };
      for await (const rows of rowsOf(ask, { verb: 'open', ...from, ...parameters, part }, batchRows))
        yield { rows };
    },
    cursor: () => count,
    close: async () => undefined,
  };
}

async function itemsOf(ask: Ask, path: Path, order: { search?: string; after: number; limit: number }) {
  const { names, more } = await ask({ verb: 'list', path, ...order });
  const kind = (['schema', 'table', 'column'] as const)[path.length] ?? 'column';
  const items = names.map((name): Item => {
    const isTable = kind === 'table';
    return { name, kind, path: [...path, name], readable: isTable, container: kind !== 'column' };
  });
  return { items, ...(more === true ? { next: String(order.after + order.limit) } : {}) };
}

async function* bytesOf(ask: Ask, table: string, { from, to }: { from: number; to: number }) {
  let at = 0;
  for await (const rows of rowsOf(ask, { verb: 'open', table, part: { from: 0 } }, 100)) {
    const bytes = Buffer.from(rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
    const piece = bytes.subarray(Math.max(0, from - at), Math.max(0, to + 1 - at));
    at += bytes.length;
    if (piece.length > 0) yield piece;
  }
}

async function openToy({ properties: { host, port }, login }: Input, { network }: Context): Promise<Session> {
  const socket = network.socket({ host, port });
  const ask = converse(socket);
  const { key, product, version } = await ask({ verb: 'signIn', ...secretOf(login) });
  return {
    ping: async () => ({
      server: { product: String(product), version: String(version) },
      account: login.method === 'token' ? 'token' : login.fields.username,
      readOnly: 'enforced',
    }),
    browse: ({ path, limit, page, search }) =>
      itemsOf(ask, path, { after: Number(page ?? 0), limit, ...(search === undefined ? {} : { search }) }),
    async describe(target) {
      const isQuery = 'query' in target;
      const { columns } = await ask({
        verb: 'columns',
        ...(isQuery ? { query: target.query } : { table: tableAt(target.path) }),
      });
      const described = columns.map((column) => ({ ...column, native: `toy ${column.type}` }));
      return { kind: isQuery ? 'query' : 'table', columns: described };
    },
    plan: (request) => planOf(ask, request),
    async bytes({ path, range }: { path: Path; range?: { from: number; to?: number } }, _call: Call) {
      const table = tableAt(path);
      let size = 0;
      for await (const piece of bytesOf(ask, table, { from: 0, to: Number.MAX_SAFE_INTEGER }))
        size += piece.length;
      const asked = { from: range?.from ?? 0, to: Math.min(size - 1, range?.to ?? size - 1) };
      return {
        ...{ name: `${table}.ndjson`, size, etag: `"${size}"`, chunks: bytesOf(ask, table, asked) },
        ...(range ? { range: asked } : {}),
      };
    },
    async cancel() {
      const second = network.socket({ host, port });
      await converse(second)({ verb: 'cancel', key: Number(key) });
      second.end();
    },
    async reset() {
      await ask({ verb: 'reset' });
    },
    async close() {
      await ask({ verb: 'goodbye' });
      socket.end();
    },
  };
}

/** Its connector, to be changed by tests of what a connector can do wrong. */
export const toyConnector: Connector<Input> = { errors: toyErrors, open: openToy };

export const toySource = defineSource({
  ...{ specificationVersion: 2 as const, id: 'toy', name: 'Toy', category: 'database' as const },
  ...{ stage: 'preview' as const, links: [], icon: '<svg/>' },
  evidence: { verifiedAgainst: [], notVerified: [], limits: [] },
  ...{ properties, logins, settings, abilities: toyAbilities, target: ['host', 'port'] },
  endpoints: ({ host, port }) => [{ role: 'data', host, port, security: 'none' }],
  load: async () => ({ connector: toyConnector }),
});
