import { randomBytes, randomUUID } from 'node:crypto';
import { createServer as createPlainServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import { createCertificateAuthority } from './certificate-authority.js';
import { type ClickHouseEngine, EngineFailure, type Statement } from './clickhouse/engine.js';
import { recordedEngine } from './clickhouse/recorded-engine.js';
import { knowSecret } from './known-secrets.js';
import { readRequestBody } from './loopback-http.js';

export interface ClickHouseLogin {
  user: string;
  password: string;
}

/** ClickHouse's HTTP interface with sample data, as the documentation and its clients describe it. */
export interface LabClickHouse {
  host: '127.0.0.1';
  /** Of HTTPS. */
  port: number;
  /** Of HTTP. */
  plainPort: number;
  /** PEM of the authority that signed the server's certificate (for `localhost` and 127.0.0.1). */
  ca: string;
  admin: ClickHouseLogin;
  /** Users whose profiles say `readonly = 1` and `readonly = 2`. */
  roles: { locked: ClickHouseLogin; analyst: ClickHouseLogin };
  /** Statements that are running. */
  running(): string[];
  /** Every statement so far, with its settings. */
  readonly statements: readonly Statement[];
  close(): Promise<void>;
}

interface Running {
  sql: string;
  user: string;
  controller: AbortController;
}

interface Interface {
  engine: ClickHouseEngine;
  logins: readonly (ClickHouseLogin & { readonly: string })[];
  running: Map<string, Running>;
  statements: Statement[];
}

function freshLogin(user: string): ClickHouseLogin {
  const password = knowSecret(`ClickHouse password of ${user}`, randomBytes(18).toString('base64url'));
  return { user, password };
}

/** The exceptions that have a status of their own; all others are 500. */
const statuses: Readonly<Record<number, number>> = {
  ...{
    46: 404,
    47: 404,
    60: 404,
    81: 404,
    62: 400,
    6: 400,
    70: 400,
    456: 400,
    457: 400,
    194: 401,
    516: 403,
    497: 403,
  },
};

const asException = ({ code, message }: EngineFailure) =>
  `Code: ${code}. DB::Exception: ${message} (version 26.7.2.1)\n`;

function refuse(response: ServerResponse, failure: EngineFailure): void {
  response.writeHead(statuses[failure.code] ?? 500, {
    'content-type': 'text/plain; charset=UTF-8',
    'x-clickhouse-exception-code': String(failure.code),
  });
  response.end(asException(failure));
}

function loginOf({ headers }: IncomingMessage, logins: Interface['logins']) {
  const [, token = ''] = /^Basic (.+)$/.exec(headers.authorization ?? '') ?? [];
  const [user, ...password] = Buffer.from(token, 'base64').toString('utf8').split(':');
  const found = logins.find((one) => one.user === user && one.password === password.join(':'));
  if (found) return found;
  throw new EngineFailure(
    516,
    `${user}: Authentication failed: password is incorrect, or there is no such user.`,
  );
}

const reserved = new Set(['database', 'query_id', 'default_format', 'query']);

function statementOf(url: URL, sql: string): Statement {
  const given = [...url.searchParams];
  const isParameter = (name: string) => name.startsWith('param_');
  return {
    sql,
    format: url.searchParams.get('default_format') ?? 'TabSeparated',
    database: url.searchParams.get('database') ?? 'default',
    parameters: Object.fromEntries(
      given.filter(([name]) => isParameter(name)).map(([name, value]) => [name.slice(6), value]),
    ),
    settings: Object.fromEntries(given.filter(([name]) => !isParameter(name) && !reserved.has(name))),
  };
}

/** What a profile allows (ClickHouse documentation, "Permissions for queries", `readonly`). */
function assertSettings({ settings }: Statement, readonly: string): void {
  const names = readonly === '0' ? [] : readonly === '2' ? ['readonly'] : Object.keys(settings);
  const refused = names.find((name) => settings[name] !== undefined);
  if (refused !== undefined) {
    throw new EngineFailure(164, `Cannot modify '${refused}' setting in readonly mode. (READONLY)`);
  }
}

/** An engine in a process has one user, and no profiles. */
const asUser = (statement: Statement, { user, readonly }: { user: string; readonly: string }): Statement => ({
  ...statement,
  sql: statement.sql
    .replaceAll('currentUser()', `'${user}'`)
    .replaceAll("getSetting('readonly')", `'${readonly}'`),
});

function kill(sql: string, { running }: Interface): void {
  const [, id = ''] = /query_id = '([^']+)'/.exec(sql) ?? [];
  running.get(id)?.controller.abort(new EngineFailure(394, 'Query was cancelled. (QUERY_WAS_CANCELLED)'));
}

/** The answer, from its first byte on with a status that says that all is well. */
async function answer(
  response: ServerResponse,
  chunks: AsyncIterable<Uint8Array>,
  head: Record<string, string>,
) {
  const tag = randomBytes(8).toString('hex').replaceAll(/\d/g, 'x');
  try {
    for await (const chunk of chunks) {
      if (!response.headersSent) response.writeHead(200, { ...head, 'x-clickhouse-exception-tag': tag });
      if (!response.write(chunk))
        await new Promise((resolve) => response.once('drain', resolve).once('close', resolve));
      if (response.destroyed) return;
    }
    if (!response.headersSent) response.writeHead(200, { ...head, 'x-clickhouse-exception-tag': tag });
    response.end();
  } catch (error) {
    if (!(error instanceof EngineFailure)) throw error;
    if (!response.headersSent) return refuse(response, error);
    const text = asException(error);
    const end = `${Buffer.byteLength(text)} ${tag}\r\n__exception__\r\n`;
    // The body ends without its last chunk.
    response.write(`\r\n__exception__\r\n${tag}\r\n${text}${end}`, () =>
      // A server closes later than it writes.
      setTimeout(() => response.socket?.end(), 50),
    );
  }
}

async function* until(signal: AbortSignal, chunks: AsyncIterable<Uint8Array>) {
  try {
    for await (const chunk of chunks) {
      signal.throwIfAborted();
      yield chunk;
    }
  } catch (error) {
    throw signal.aborted ? signal.reason : error;
  }
  signal.throwIfAborted();
}

async function serve(request: IncomingMessage, response: ServerResponse, of: Interface): Promise<void> {
  const url = new URL(request.url ?? '/', 'http://localhost');
  if (url.pathname === '/ping') return void response.end('Ok.\n');
  const login = loginOf(request, of.logins);
  const sql = (await readRequestBody(request, 4_000_000)).toString('utf8');
  const given = statementOf(url, sql);
  of.statements.push(given);
  assertSettings(given, login.readonly);
  const statement = asUser(given, login);
  const id = url.searchParams.get('query_id') ?? randomUUID();
  const head = { 'content-type': 'application/octet-stream', 'x-clickhouse-query-id': id };
  if (sql.startsWith('KILL QUERY')) {
    kill(sql, of);
    return void response.writeHead(200, head).end('{"meta":[],"data":[],"rows":0}');
  }
  const controller = new AbortController();
  const stops = given.settings['cancel_http_readonly_queries_on_client_close'] === '1';
  response.once('close', () => stops && controller.abort(new Error('The client has gone.')));
  of.running.set(id, { sql, user: login.user, controller });
  try {
    const { signal } = controller;
    await answer(response, until(signal, of.engine.run(statement, signal)), head);
  } finally {
    of.running.delete(id);
  }
}

const listening = (server: ReturnType<typeof createPlainServer>, port: number) =>
  new Promise<number>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', () => {
      const address = server.address();
      resolve(typeof address === 'object' && address !== null ? address.port : 0);
    });
  });

/**
 * Starts the HTTP interface on 127.0.0.1.
 * @param options.engine default: recorded answers of ClickHouse 26.7
 */
export async function startClickHouse(
  options: { engine?: ClickHouseEngine; port?: number } = {},
): Promise<LabClickHouse> {
  const { engine = recordedEngine, port = 0 } = options;
  const authority = createCertificateAuthority();
  const admin = freshLogin('lab_admin');
  const roles = { locked: freshLogin('locked'), analyst: freshLogin('analyst') };
  const logins = [
    { ...admin, readonly: '0' },
    { ...roles.locked, readonly: '1' },
    { ...roles.analyst, readonly: '2' },
  ];
  const of: Interface = { engine, logins, running: new Map(), statements: [] };
  const handle = (request: IncomingMessage, response: ServerResponse) => {
    serve(request, response, of).catch((error: unknown) => {
      if (error instanceof EngineFailure && !response.headersSent) refuse(response, error);
      else response.destroy();
    });
  };
  const secure = createServer(authority.issue(['localhost', '127.0.0.1']), handle);
  const plain = createPlainServer(handle);
  const ports = { port: await listening(secure, port), plainPort: await listening(plain, 0) };
  return {
    ...{ host: '127.0.0.1', ...ports, ca: authority.ca, admin, roles },
    running: () => [...of.running.values()].map(({ sql }) => sql),
    statements: of.statements,
    async close() {
      for (const { controller } of of.running.values()) controller.abort(new Error('The server ends.'));
      for (const server of [secure, plain]) {
        server.closeAllConnections();
        await new Promise((resolve) => server.close(resolve));
      }
      await engine.close();
    },
  };
}
