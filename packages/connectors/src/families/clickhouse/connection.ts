import { z } from 'zod';
import { ConnectorError } from '../../interface/errors.js';
import type { Network } from '../../interface/network.js';
import type { Context, Findings } from '../../interface/session.js';
import { readForeignStream } from '../../kit/arrow/foreign-stream.js';
import { unknownColumn } from '../../kit/columns.js';
import type { SystemCatalog } from '../sql/browse.js';
import type {
  ConnectSql,
  PreparedStatement,
  RowsRequest,
  SqlColumn,
  SqlConnection,
  SqlStatement,
} from '../sql/connection.js';
import type { Comparable } from '../sql/where.js';
import { clickHouseDialect, literal } from './dialect.js';
import { exceptionIn } from './errors.js';
import { type ClickHouseOptions, type ClickHouseRequest, chunksOf, rowsIn, send } from './http.js';
import { type ColumnRead, columnOf, columnRead } from './types.js';

/** One of our own statements; its rows as texts and numbers. */
export type RunStatement = (sql: string) => Promise<unknown[][]>;

const { quoted } = clickHouseDialect;

/** Rows of one record batch: the encoders cut larger ones anyway. */
const BLOCK_ROWS = '8192';

/** The kit waits a second for a source to stop. */
const KILL_MS_MAX = 1_000;

/** How results are written. Compression and dictionaries would have to be undone here. */
const readSettings = {
  output_format_arrow_compression_method: 'none',
  output_format_arrow_string_as_string: '1',
  output_format_arrow_low_cardinality_as_dictionary: '0',
  output_format_json_quote_64bit_integers: '0',
  output_format_json_quote_denormals: '1',
  max_block_size: BLOCK_ROWS,
};

/** `DESCRIBE`, "Returned values"; more columns follow. */
const describedSchema = z
  .array(z.tuple([z.string().max(4_096), z.string().max(65_536)], z.unknown()))
  .min(1)
  .max(10_000);

interface DescribedColumn {
  name: string;
  native: string;
}

/** As a subquery, which cannot be anything but one SELECT. A comment may end the query. */
const subquery = (sql: string) => `(\n${sql.replace(/[;\s]+$/, '')}\n)`;

const answered = (problem: string) => new ConnectorError('protocol_error', `The server returned ${problem}.`);

/** The session's statements, one at a time. */
class Statements {
  readonly #network: Network;
  readonly #options: ClickHouseOptions;
  readonly #session: AbortSignal;
  /** Of every statement, once it is known which the user may set. */
  #settings: Readonly<Record<string, string>> = {};
  #running: { id: string; controller: AbortController } | undefined;

  constructor(network: Network, options: ClickHouseOptions, session: AbortSignal) {
    this.#network = network;
    this.#options = options;
    this.#session = session;
  }

  /** Every later statement has these settings. */
  always(settings: Readonly<Record<string, string>>): void {
    this.#settings = settings;
  }

  /** Runs a statement while `use` takes its answer; its connection ends then. */
  async *run<Item>(
    request: Omit<ClickHouseRequest, 'signal' | 'id'>,
    use: (response: Response) => AsyncIterable<Item>,
  ): AsyncGenerator<Item, void, undefined> {
    const running = { id: crypto.randomUUID(), controller: new AbortController() };
    this.#running = running;
    const settings = { ...request.settings, ...this.#settings };
    const signal = AbortSignal.any([this.#session, running.controller.signal]);
    try {
      yield* use(await send(this.#network, this.#options, { ...request, id: running.id, settings, signal }));
    } finally {
      this.#running = undefined;
      running.controller.abort();
    }
  }

  async rows(sql: string, more: Partial<ClickHouseRequest> = {}): Promise<unknown[][]> {
    const settings = { wait_end_of_query: '1', output_format_json_quote_64bit_integers: '0' };
    const request = { sql, format: 'JSONCompact' as const, settings, ...more };
    const answers = this.run(request, async function* (response) {
      yield await rowsIn(response);
    });
    for await (const rows of answers) return rows;
    return [];
  }

  /** Ends what runs, here and at the server, which may not notice that we have gone. Never rejects. */
  async stop(): Promise<void> {
    const running = this.#running;
    if (!running) return;
    const sql = `KILL QUERY WHERE query_id = ${literal(running.id)} ASYNC`;
    // Also at the end of the session, whose signal is aborted then.
    const request = { sql, signal: AbortSignal.timeout(KILL_MS_MAX) };
    try {
      await rowsIn(await send(this.#network, this.#options, request));
    } catch {
      // The user may not be allowed to; the server notices that we have gone.
    } finally {
      running.controller.abort();
    }
  }

  end(): void {
    this.#running?.controller.abort();
  }
}

const loginSchema = z.tuple([z.tuple([z.string(), z.string(), z.string()])]);

/** Signs in. @throws ConnectorError `unsupported` for a user whose settings are fixed */
async function signIn(statements: Statements): Promise<Findings> {
  const rows = await statements.rows(
    "SELECT version(), currentUser(), toString(getSetting('readonly'))",
    // A user whose settings are fixed may not have any set.
    { settings: {} },
  );
  const login = loginSchema.safeParse(rows);
  if (!login.success) throw answered('something else than its version');
  const [[version, account, readonly]] = login.data;
  if (readonly === '1') {
    throw new ConnectorError('unsupported', 'This user may not change settings, which reads need.', {
      remedy: 'Set readonly = 2 in the profile of the user: it still refuses every write.',
    });
  }
  // With 2 the server refuses writes already, and any change of this setting.
  statements.always({
    ...(readonly === '0' ? { readonly: '1' } : {}),
    cancel_http_readonly_queries_on_client_close: '1',
  });
  return { server: { product: 'ClickHouse', version }, account, readOnly: 'enforced' };
}

interface Reading {
  name: string;
  native: string;
  read: ColumnRead;
}

/** The columns to read, in order. @throws ConnectorError `invalid_query` for one that is not there */
function readingsOf(columns: readonly DescribedColumn[], { pick, asText }: SqlStatement): Reading[] {
  const picked = pick
    ? pick.map((name) => columns.find((column) => column.name === name) ?? unknownAt(name))
    : columns;
  return picked.map(({ name, native }) => ({
    name,
    native,
    read: columnRead(name, native, asText.includes(name)),
  }));
}

function unknownAt(name: string): never {
  throw unknownColumn(name);
}

/** A `select` that reads the columns as Arrow has them. Aliases keep two columns of one name apart. */
function readingSql(text: string, columns: readonly DescribedColumn[], readings: readonly Reading[]): string {
  const isDistinct = new Set(columns.map(({ name }) => name)).size === columns.length;
  const aliases = isDistinct ? '' : `(${columns.map((_, at) => `c${at}`).join(', ')})`;
  const places = new Map(columns.map((column, at) => [column, at]));
  const nameOf = ({ name }: Reading, at: number) =>
    isDistinct ? quoted(name) : `c${places.get(columns[at] as DescribedColumn) ?? at}`;
  const list = readings.map((reading, at) => `${reading.read.read(`t.${nameOf(reading, at)}`)} AS v${at}`);
  return `SELECT ${list.join(', ')} FROM ${subquery(text)} AS t${aliases}`;
}

async function describe(
  statements: Statements,
  { text, parameters }: SqlStatement,
): Promise<readonly DescribedColumn[]> {
  const rows = await statements.rows(`DESCRIBE TABLE ${subquery(text)}`, { parameters });
  const found = describedSchema.safeParse(rows);
  if (!found.success) throw answered('something else than the columns of the statement');
  return found.data.map(([name, native]) => ({ name, native }));
}

async function prepare(statements: Statements, statement: SqlStatement): Promise<PreparedStatement> {
  // Loaded before the answer comes: what a failing server sends last would be lost while we load.
  const [described] = await Promise.all([describe(statements, statement), import('apache-arrow')]);
  const readings = readingsOf(described, statement);
  const columns = readings.map(({ name, read }) => columnOf(name, read));
  const comparables = readings.flatMap(({ name, read }): [string, Comparable][] =>
    read.comparable === undefined ? [] : [[name, read.comparable]],
  );
  return {
    columns,
    comparables: new Map(comparables),
    batches({ limit }: RowsRequest) {
      const most = limit === undefined ? '' : ` LIMIT ${Math.trunc(limit)}`;
      const sql = `${readingSql(statement.text, described, readings)}${most}`;
      const { parameters } = statement;
      const request = { sql, format: 'ArrowStream' as const, settings: readSettings, parameters };
      return statements.run(request, async function* (response) {
        const options = { columns, failureIn: exceptionIn };
        for await (const arrow of readForeignStream(chunksOf(response), options)) yield { arrow };
      });
    },
    close: async () => {},
  };
}

/** Connects over the HTTP interface. Opening a session sends one statement, which signs in. */
export const connectClickHouse =
  (catalog: (run: RunStatement) => SystemCatalog): ConnectSql<ClickHouseOptions> =>
  async (options, { network, signal }: Context): Promise<SqlConnection> => {
    const statements = new Statements(network, options, signal);
    const found = await signIn(statements);
    return {
      catalog: catalog((sql) => statements.rows(sql)),
      findings: async () => ({ ...found, ...(await signIn(statements)) }),
      begin: async () => {},
      rollBack: async () => {},
      reset: async () => {},
      prepare: (statement) => prepare(statements, statement),
      async describe(statement): Promise<readonly SqlColumn[]> {
        const readings = readingsOf(await describe(statements, statement), statement);
        return readings.map(({ name, native, read }) => ({ ...columnOf(name, read), native }));
      },
      cancel: () => statements.stop(),
      end: async () => statements.end(),
    };
  };
