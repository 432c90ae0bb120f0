// The server of the toy source: tables in memory behind a real TCP socket, one JSON message a line. It has something of
// everything that a source can have, so that the kit and the contract suite can be tried on it.
import { createServer, type Socket } from 'node:net';
import type { Column, Row } from '../interface/data-types.js';

export interface ToyTable {
  columns: readonly Column[];
  rows: Row[];
}

export interface ToyServer {
  host: '127.0.0.1';
  port: number;
  tables: Readonly<Record<string, ToyTable>>;
  /** Verbs in the order in which they arrived, over all connections. */
  readonly heard: readonly string[];
  /** Connections that are open. */
  connections(): number;
  /** Statements that are running. */
  running(): number;
  /** Rows sent, over all connections. */
  rowsSent(): number;
  close(): Promise<void>;
}

export const toyUser = 'ada';
export const toyPassword = 'toy-password-7Q';
export const toyToken = 'toy-token-3K9';

/** What the client sends. */
export type ToyOrder =
  | { verb: 'signIn'; user?: string; secret: string }
  | { verb: 'list'; path: readonly string[]; search?: string; after: number; limit: number }
  | { verb: 'columns'; table?: string; query?: string }
  | {
      verb: 'open';
      table?: string;
      query?: string;
      parameters?: Readonly<Record<string, unknown>>;
      part: ToyPart;
    }
  | { verb: 'fetch'; rows: number }
  | { verb: 'cancel'; key: number }
  | { verb: 'closeRows' | 'reset' | 'size' | 'hold' | 'goodbye'; table?: string };

/** Of a table's rows: those from `from`, before `to`, whose integers are as said, in this order, at most so many. */
export interface ToyPart {
  /** Of the tables as they were at this `hold`. */
  held?: number;
  from: number;
  to?: number;
  equal?: readonly { column: string; value: unknown }[];
  order?: readonly { column: string; direction: 'asc' | 'desc' }[];
  limit?: number;
  columns?: readonly string[];
}

export interface ToyFailure {
  code: string;
  message: string;
  position?: number;
}

interface Visit {
  key: number;
  isSignedIn: boolean;
  rows: Row[];
  /** What statements of the user have left. */
  left: Map<string, string>;
  /** Tables as they were. */
  held?: ToyServer['tables'];
  stop?: (() => void) | undefined;
}

const failure = (code: string, message: string, position?: number) =>
  Object.assign(new Error(message), { code, position });

const textColumn: Column = { name: 'value', type: 'string', nullable: true };
const numberColumn: Column = { name: 'n', type: 'integer', nullable: false };

function compare(left: unknown, right: unknown): number {
  if (left === right) return 0;
  if (left === null) return 1;
  if (right === null) return -1;
  return (left as number) < (right as number) ? -1 : 1;
}

/** The part of a table. */
function partOf({ columns, rows }: ToyTable, part: ToyPart): Row[] {
  const at = (name: string) => columns.findIndex((column) => column.name === name);
  const equal = (part.equal ?? []).map(({ column, value }) => ({ position: at(column), value }));
  let found = rows
    .slice(part.from, part.to)
    .filter((row) => equal.every(({ position, value }) => row[position] === value));
  for (const { column, direction } of [...(part.order ?? [])].reverse()) {
    const position = at(column);
    const sign = direction === 'asc' ? 1 : -1;
    found = found.toSorted((left, right) => sign * compare(left[position] ?? null, right[position] ?? null));
  }
  if (part.limit !== undefined) found = found.slice(0, part.limit);
  const picked = part.columns?.map(at);
  return picked ? found.map((row) => picked.map((position) => row[position] ?? null)) : found;
}

/** Columns and rows of a statement, or `wait`: it runs until it is stopped. */
function run(
  tables: ToyServer['tables'],
  visit: Visit,
  query: string,
  parameters: Readonly<Record<string, unknown>> = {},
): { columns: readonly Column[]; rows: Row[] } | 'wait' {
  const [verb = '', first = '', second = ''] = query.trim().split(/\s+/);
  if (verb === 'sleep') return 'wait';
  if (verb === 'rows') {
    return { columns: [numberColumn], rows: Array.from({ length: Number(first) }, (_, at) => [at]) };
  }
  if (verb === 'set') visit.left.set(first, second);
  if (verb === 'set' || verb === 'show')
    return { columns: [textColumn], rows: [[visit.left.get(first) ?? null]] };
  if (verb === 'delete') throw failure('25006', 'cannot write in a read-only session');
  const table = verb === 'table' && Object.hasOwn(tables, first) ? tables[first] : undefined;
  if (verb === 'table' && !table) throw failure('42P01', `there is no table ${first}`, 7);
  if (!table) throw failure('42601', `syntax error at "${query}"`, 1);
  const [, name] = /^\{(\w+)\}$/.exec(second) ?? [];
  if (name === undefined) return table;
  if (!Object.hasOwn(parameters, name)) throw failure('42P02', `the query has {${name}}, which has no value`);
  return { columns: table.columns, rows: table.rows.filter(([id]) => id === parameters[name]) };
}

/** Lists tables of the one schema, columns of a table. */
function list(tables: ToyServer['tables'], order: Extract<ToyOrder, { verb: 'list' }>) {
  const [schema, table] = order.path;
  const names = (): string[] => {
    if (schema === undefined) return ['main'];
    if (schema !== 'main') throw failure('3F000', 'there is no such schema');
    if (table === undefined) return Object.keys(tables);
    return tableOf(tables, table).columns.map(({ name }) => name);
  };
  const all = names().filter((name) => name.includes(order.search ?? ''));
  const end = order.after + order.limit;
  return { names: all.slice(order.after, end), more: end < all.length };
}

function tableOf(tables: ToyServer['tables'], name: string): ToyTable {
  const table = Object.hasOwn(tables, name) ? tables[name] : undefined;
  if (!table) throw failure('42P01', 'there is no such table');
  return table;
}

interface Served {
  tables: Readonly<Record<string, ToyTable>>;
  visits: Map<number, Visit>;
  heard: string[];
  rowsSent: number;
}

function opened({ tables, visits }: Served, order: Extract<ToyOrder, { verb: 'open' }>, visit: Visit) {
  const { held } = order.part;
  const state = held === undefined ? tables : visits.get(held)?.held;
  if (!state) throw failure('22023', 'nothing is held there');
  const found =
    order.query === undefined
      ? tableOf(state, order.table ?? '')
      : run(state, visit, order.query, order.parameters);
  if (found !== 'wait') {
    visit.rows = partOf(found, order.part);
    return { rows: visit.rows.length };
  }
  return new Promise<never>((_, reject) => {
    visit.stop = () => {
      visit.stop = undefined;
      reject(failure('57014', 'the statement was cancelled'));
    };
  });
}

async function obey(served: Served, order: ToyOrder, visit: Visit): Promise<unknown> {
  const { tables, visits, heard } = served;
  heard.push(order.verb);
  if (order.verb === 'cancel') return visits.get(order.key)?.stop?.();
  if (order.verb === 'signIn') {
    const isRight = order.secret === toyToken || (order.user === toyUser && order.secret === toyPassword);
    // A server that repeats what it received, as some do.
    if (!isRight) throw failure('28P01', `no such login: ${order.user} ${order.secret}`);
    visit.isSignedIn = true;
    return { key: visit.key, product: 'Toy', version: '1.0' };
  }
  if (!visit.isSignedIn) throw failure('28000', 'sign in first');
  if (order.verb === 'list') return list(tables, order);
  if (order.verb === 'columns') {
    if (order.query === undefined) return { columns: tableOf(tables, order.table ?? '').columns };
    const found = run(tables, { ...visit, left: new Map() }, order.query.replace(/\{\w+\}/, ''));
    return { columns: found === 'wait' ? [textColumn] : found.columns };
  }
  if (order.verb === 'size') return { rows: tableOf(tables, order.table ?? '').rows.length };
  if (order.verb === 'open') return opened(served, order, visit);
  if (order.verb === 'hold') {
    visit.held = structuredClone(tables);
    return { held: visit.key };
  }
  if (order.verb === 'fetch') {
    const rows = visit.rows.splice(0, order.rows);
    served.rowsSent += rows.length;
    return { rows, done: visit.rows.length === 0 };
  }
  if (order.verb === 'closeRows') visit.rows = [];
  if (order.verb === 'reset') visit.left.clear();
  return {};
}

export async function startToyServer(tables: Record<string, ToyTable>): Promise<ToyServer> {
  const sockets = new Set<Socket>();
  const visits = new Map<number, Visit>();
  const served: Served = { tables, visits, heard: [], rowsSent: 0 };
  let keys = 0;

  const server = createServer((socket) => {
    keys += 1;
    const visit: Visit = { key: keys, isSignedIn: false, rows: [], left: new Map() };
    visits.set(visit.key, visit);
    sockets.add(socket);
    let text = '';
    let last: Promise<unknown> = Promise.resolve();
    const answer = async (order: ToyOrder) => {
      const reply = await obey(served, order, visit).then(
        (value) => ({ value: value ?? {} }),
        ({ code, message, position }: ToyFailure) => ({ error: { code, message, position } }),
      );
      if (!socket.destroyed) socket.write(`${JSON.stringify(reply)}\n`);
      if (order.verb === 'goodbye') socket.end();
    };
    socket.on('data', (bytes) => {
      text += bytes.toString();
      const lines = text.split('\n');
      text = lines.pop() ?? '';
      for (const line of lines) last = last.then(() => answer(JSON.parse(line) as ToyOrder));
    });
    socket.on('error', () => undefined);
    socket.on('close', () => {
      sockets.delete(socket);
      visits.delete(visit.key);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no TCP address');
  return {
    ...{ host: '127.0.0.1', port: address.port, tables, heard: served.heard },
    connections: () => sockets.size,
    running: () => [...visits.values()].filter(({ stop }) => stop).length,
    rowsSent: () => served.rowsSent,
    close: () =>
      new Promise<void>((resolve) => {
        for (const socket of sockets) socket.destroy();
        server.close(() => resolve());
      }),
  };
}

/** A table with a column of each type. */
export function toyPeople(count: number): ToyTable {
  const column = (name: string, type: Column['type'], rest: Partial<Column> = {}): Column => ({
    ...{ name, type, nullable: true },
    ...rest,
  });
  const columns = [
    column('id', 'integer', { nullable: false }),
    column('name', 'string'),
    column('active', 'boolean'),
    column('visits', 'bigint'),
    column('balance', 'decimal', { precision: 12, scale: 2 }),
    column('score', 'float'),
    column('born', 'date'),
    column('wakes', 'time'),
    column('seen', 'timestamp'),
    column('met', 'datetime'),
    column('photo', 'bytes'),
    column('tags', 'json'),
  ];
  const two = (value: number) => String(value).padStart(2, '0');
  const row = (id: number): Row => {
    if (id % 10 === 9) return [id, ...Array.from({ length: columns.length - 1 }, () => null)];
    const day = `20${two(id % 30)}-0${(id % 9) + 1}-${two((id % 28) + 1)}`;
    const time = `${two(id % 24)}:${two(id % 60)}:00`;
    return [
      ...[id, `item ${id % 7}`, id % 2 === 0, String(9_007_199_254_740_993n + BigInt(id))],
      ...[`${id}.${two(id % 100)}`, id / 4, day, time, `${day}T${time}Z`, `${day}T${time}`],
      ...[Buffer.from(`photo ${id}`).toString('base64'), { tags: [id, `tag ${id}`] }],
    ];
  };
  return { columns, rows: Array.from({ length: count }, (_, at) => row(at)) };
}
