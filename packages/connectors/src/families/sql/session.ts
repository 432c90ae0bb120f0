// A session with a SQL server: the same states, and the same ways to end, over each protocol.
import type { Socket } from 'node:net';
import type { ReadRequest, RowStream, Session } from '../../interface/connector.js';
import { ConnectorError } from '../../interface/errors.js';
import { abortError, settledWithin, throwIfAborted } from '../../kit/deadline.js';
import { browseSql, type SystemCatalog, tableOf } from './browse.js';

/** Grace period for the server's goodbye or its reaction to a cancel, before its socket is destroyed. */
export const GOODBYE_MS = 1_000;

export interface FieldChoice {
  /** Columns of the result to keep, in this order; absent: all. */
  pick?: readonly string[];
  /** Columns to return as text. */
  asText: readonly string[];
}

/** One statement whose rows are read. */
export interface StatementRead extends FieldChoice {
  text: string;
  limit?: number;
  batchRows: number;
}

/**
 * The statement of a request: the query of its author, or a `select` from the table at its path.
 * @param quoted a name as an identifier; a dot in it is part of the name
 * @throws ConnectorError `not_found` for a path that does not name a table
 */
export function statementOf(request: ReadRequest, quoted: (name: string) => string): StatementRead {
  const { path, query, columns, limit, batchRows, asText = [] } = request;
  const common = { batchRows, asText, ...(limit === undefined ? {} : { limit }) };
  if (query !== undefined) return { ...common, text: query, ...(columns ? { pick: columns } : {}) };
  const from = tableOf(path ?? [])
    .map(quoted)
    .join('.');
  const text = `select ${columns?.map(quoted).join(', ') ?? '*'} from ${from}`;
  return { ...common, text: limit === undefined ? text : `${text} limit ${Math.trunc(limit)}` };
}

/** What a read may do with its session. */
export interface ReadHooks {
  /** Translates any error of the driver. */
  failure(error: unknown): ConnectorError;
  /** Makes the server cancel the running statement. */
  cancel(): Promise<void>;
  /** Drops the connection immediately, for a server that ignores a cancel. */
  terminate(): void;
  /** Called once, when the connection is free again. */
  finished(): Promise<void>;
}

/** A connection to a SQL server, signed in. */
export interface SqlConnection {
  socket: Socket;
  catalog: SystemCatalog;
  /** Translates any error of the driver. */
  translate(error: unknown): ConnectorError;
  ping(): Promise<void>;
  /** Clears what a user's statement left behind: locks, prepared statements (case X13). */
  reset(): Promise<unknown>;
  /**
   * @returns starts the read in a read-only transaction
   * @throws ConnectorError for an invalid request
   */
  readOf(request: ReadRequest): (hooks: ReadHooks) => Promise<RowStream>;
  rollBack(): Promise<unknown>;
  /** Makes the server cancel the running statement, or end the session, over a separate connection. Never rejects. */
  cancel(what: 'statement' | 'session'): Promise<void>;
  /** Asks the server to close the connection. */
  sayGoodbye(): void;
  /** Drops the connection immediately. */
  destroy(): void;
}

type State = 'idle' | 'busy' | 'ended';

function assertIdle(state: State): void {
  if (state === 'busy') throw new ConnectorError('unsupported', 'The session is busy with another read.');
  if (state === 'ended') throw new ConnectorError('unreachable', 'The session is closed.');
}

/** One thing at a time, until the session has ended. */
export function createSqlSession(connection: SqlConnection, signal: AbortSignal): Session {
  let state: State = 'idle';
  /** A user's statement has run since the last reset. */
  let isUsed = false;
  let cancelling: Promise<void> = Promise.resolve();
  const gone = new Promise((resolve) => connection.socket.once('close', resolve));

  const failure = (error: unknown) => (signal.aborted ? abortError(signal) : connection.translate(error));
  const isBusy = () => state === 'busy';
  const claim = () => {
    throwIfAborted(signal);
    assertIdle(state);
    state = 'busy';
  };
  const release = () => {
    if (isBusy()) state = 'idle';
  };
  const cancel = () => {
    if (isBusy()) cancelling = connection.cancel('statement');
    return cancelling;
  };
  const terminate = () => {
    if (isBusy()) cancelling = connection.cancel('session');
    state = 'ended';
    connection.destroy();
  };
  signal.addEventListener('abort', terminate, { once: true });

  const rollBack = async () => {
    if (!isBusy()) return;
    await settledWithin(connection.rollBack().then(release, terminate), GOODBYE_MS);
    // A server that does not respond gets no further statements.
    if (isBusy()) terminate();
  };
  const reset = async () => {
    if (isUsed) await connection.reset();
    isUsed = false;
  };
  /** Runs our own statements. */
  const alone = async <Result>(work: () => Promise<Result>): Promise<Result> => {
    claim();
    try {
      await reset();
      return await work();
    } catch (error) {
      throw failure(error);
    } finally {
      release();
    }
  };

  return {
    ping: () => alone(connection.ping),
    browse: (request) => alone(() => browseSql(connection.catalog, request)),
    async read(request) {
      const start = connection.readOf(request);
      claim();
      try {
        await reset();
        isUsed = request.query !== undefined;
        return await start({ failure, cancel, terminate, finished: rollBack });
      } catch (error) {
        const translated = failure(error);
        await rollBack();
        throw translated;
      }
    },
    async close() {
      signal.removeEventListener('abort', terminate);
      if (isBusy()) terminate();
      if (state === 'idle') {
        state = 'ended';
        connection.sayGoodbye();
        await settledWithin(gone, GOODBYE_MS);
        connection.destroy();
      }
      await Promise.all([gone, cancelling]);
    },
  };
}
