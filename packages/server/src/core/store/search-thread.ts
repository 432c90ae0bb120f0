import { once } from 'node:events';
import { createRequire } from 'node:module';
import { Worker } from 'node:worker_threads';
import {
  CompiledQuery,
  type DatabaseConnection,
  type Dialect,
  type Driver,
  type QueryResult,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
} from 'kysely';
import { diskError } from './store-error.js';

// Statements of the embedded store that may look through a whole table run on a thread of their own, over a second
// connection that only reads: the event loop stays free. One at a time, so that they take one core at most.

/** As text, so that it runs from sources, build and bundle alike. libsql ignores `readonly`; `query_only` does not. */
const program = `
const { parentPort, workerData } = require('node:worker_threads');
const Database = require(workerData.driver);
const database = new Database(workerData.file);
database.exec('PRAGMA query_only = ON; PRAGMA busy_timeout = 5000');
parentPort.on('message', ({ text, values }) => {
  if (text === undefined) {
    database.close();
    parentPort.close();
    return;
  }
  try {
    const statement = database.prepare(text);
    parentPort.postMessage({ rows: statement.reader ? statement.all(values) : (statement.run(values), []) });
  } catch (error) {
    parentPort.postMessage({ failure: { message: String(error.message), code: error.code } });
  }
});
`;

interface ThreadAnswer {
  rows?: unknown[];
  failure?: { message: string; code?: string };
}

/** The connection of the thread. Kysely sends a statement only after the answer to the one before. */
class ThreadConnection implements DatabaseConnection {
  readonly #worker: Worker;
  /** Rejects when the thread has ended. */
  readonly #ended: Promise<never>;
  #isOver = false;

  constructor(file: string) {
    const driver = createRequire(import.meta.url).resolve('libsql');
    this.#worker = new Worker(program, { eval: true, workerData: { file, driver }, execArgv: [], env: {} });
    this.#worker.unref();
    this.#ended = new Promise((_resolve, reject) => {
      this.#worker.once('exit', () => {
        this.#isOver = true;
        reject(new Error('The thread of the searches has ended.'));
      });
    });
    // A statement that waits rejects; otherwise the next one starts another thread.
    this.#ended.catch(() => undefined);
    this.#worker.on('error', () => undefined);
  }

  /** The thread has ended, or failed. */
  isOver(): boolean {
    return this.#isOver;
  }

  async executeQuery<Row>({ sql: text, parameters: values }: CompiledQuery): Promise<QueryResult<Row>> {
    this.#worker.ref();
    try {
      // Rejects when the thread fails instead of answering.
      const answer = once(this.#worker, 'message') as Promise<[ThreadAnswer]>;
      this.#worker.postMessage({ text, values });
      const [{ rows = [], failure }] = await Promise.race([answer, this.#ended]);
      if (failure) throw diskError(Object.assign(new Error(failure.message), { code: failure.code }));
      return { rows: rows as Row[] };
    } finally {
      this.#worker.unref();
    }
  }

  // biome-ignore lint/correctness/useYield: Kysely's interface; searches are not streamed.
  async *streamQuery(): AsyncGenerator<never> {
    throw new Error('searches are not streamed');
  }

  async end(): Promise<void> {
    if (this.#isOver) return;
    this.#worker.postMessage({});
    await once(this.#worker, 'exit');
  }
}

class ThreadDriver implements Driver {
  readonly #file: string;
  #connection: ThreadConnection | undefined;
  #last: Promise<void> = Promise.resolve();
  #release: () => void = () => undefined;

  constructor(file: string) {
    this.#file = file;
  }

  async init(): Promise<void> {}

  /** One caller at a time, in order of arrival. The thread starts with the first. */
  async acquireConnection(): Promise<DatabaseConnection> {
    const before = this.#last;
    let release: (() => void) | undefined;
    this.#last = new Promise((resolve) => {
      release = resolve;
    });
    await before;
    if (release) this.#release = release;
    if (!this.#connection || this.#connection.isOver()) this.#connection = new ThreadConnection(this.#file);
    return this.#connection;
  }

  async releaseConnection(): Promise<void> {
    this.#release();
  }

  async beginTransaction(connection: DatabaseConnection): Promise<void> {
    await connection.executeQuery(CompiledQuery.raw('begin'));
  }

  async commitTransaction(connection: DatabaseConnection): Promise<void> {
    await connection.executeQuery(CompiledQuery.raw('commit'));
  }

  async rollbackTransaction(connection: DatabaseConnection): Promise<void> {
    await connection.executeQuery(CompiledQuery.raw('rollback'));
  }

  /** Runs the work while no statement reads: a checkpoint would wait for it on the event loop. */
  async whileIdle(work: () => Promise<unknown>): Promise<void> {
    if (!this.#connection) {
      await work();
      return;
    }
    await this.acquireConnection();
    try {
      await work();
    } finally {
      this.#release();
    }
  }

  async destroy(): Promise<void> {
    await this.#last;
    await this.#connection?.end();
    this.#connection = undefined;
  }
}

/** A dialect for reads on the thread. @param file of the store, which is migrated */
export function searchThread(file: string): { dialect: Dialect; whileIdle: ThreadDriver['whileIdle'] } {
  const driver = new ThreadDriver(file);
  return {
    dialect: {
      createDriver: () => driver,
      createAdapter: () => new SqliteAdapter(),
      createQueryCompiler: () => new SqliteQueryCompiler(),
      createIntrospector: (db) => new SqliteIntrospector(db),
    },
    whileIdle: (work) => driver.whileIdle(work),
  };
}
