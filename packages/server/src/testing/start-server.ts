import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Writable } from 'node:stream';
import { assertNoDetour } from '@mooring/lab/socket-watch/outbound-sockets';
import { inject } from 'vitest';
import { createLog } from '../start/log.js';
import { serve } from '../start/serve.js';
import { runOnFile } from './embedded-sql.js';
import { expectNoSecretInRemains, knowSettings } from './secret-scan.js';
import { type DatabaseServer, freshDatabase } from './shared-database.js';
import { watched } from './watched.js';

// A real server on a fresh data folder and a free loopback port, for tests. It starts like `mooring serve`.

export interface TestServer {
  url: string;
  adminKey: string;
  dataFolder: string;
  /** Everything the server logged so far. */
  logText(): string;
  printed: string[];
  /** Everything in the store, as one text: the bytes of its files, or every row of its tables. */
  storedText(): Promise<string>;
  /** Runs one statement, past the server, as an attacker with write access to the store would. */
  sql(statement: string): Promise<void>;
  /**
   * @throws Error when its log, its output or its store holds a secret that the test knows, or with the stacks of
   * sockets that did not come from the gate
   */
  close(): Promise<void>;
  /** Stops, and starts again on the same data. */
  restart(): Promise<void>;
}

export interface TestServerOptions {
  /** Configuration file as an object. */
  configuration?: object;
  environment?: Readonly<Record<string, string>>;
  /** A free one unless given. */
  port?: number;
  /** Data folder, with its contents; a fresh one unless given. */
  dataFolder?: string;
  /** `given`: the environment names the store. Otherwise a fresh one, of the kind the tests run on. */
  database?: 'given';
}

declare module 'vitest' {
  interface ProvidedContext {
    /** Set where the tests run on PostgreSQL instead of SQLite: `scripts/postgres-for-tests.mjs`. */
    databaseServer: DatabaseServer | undefined;
    /** Set where servers work on sources in runners. */
    withRunners: boolean | undefined;
    /** Folder of what this run has bundled: `scripts/bundle-for-tests.mjs`. */
    bundle: string;
  }
}

export const adminKey = 'test-administrator-key-0123456789';

/** Collects what a server logs. */
function collected(): { sink: Writable; text(): string } {
  const chunks: string[] = [];
  const sink = new Writable({
    write(chunk, _encoding, done) {
      chunks.push(String(chunk));
      done();
    },
  });
  return { sink, text: () => chunks.join('') };
}

/** The HTTP client keeps connections open; those to the server that is gone fail once and are then dropped. */
async function forgetOldConnections(url: string): Promise<void> {
  for (let round = 0; round < 20; round += 1) {
    const answers = await Promise.allSettled(Array.from({ length: 40 }, () => fetch(`${url}/healthz`)));
    for (const answer of answers) if (answer.status === 'fulfilled') await answer.value.arrayBuffer();
    if (answers.every((answer) => answer.status === 'fulfilled')) return;
  }
}

export async function startServer(options: TestServerOptions = {}): Promise<TestServer> {
  const folder = mkdtempSync(path.join(tmpdir(), 'mooring-test-'));
  const dataFolder = options.dataFolder ?? path.join(folder, 'data');
  const configFile = path.join(folder, 'config.yaml');
  // JSON is YAML.
  writeFileSync(configFile, JSON.stringify(options.configuration ?? {}), { mode: 0o600 });
  const databaseServer = options.database === 'given' ? undefined : inject('databaseServer');
  const database = databaseServer && (await freshDatabase(databaseServer, { withTables: true }));
  // Read again at each restart, so that a test can change a setting in between.
  const environment = () => ({
    MOORING_ADMIN_KEY: adminKey,
    ...(database ? { MOORING_DATABASE_URL: database.url } : {}),
    ...options.environment,
  });
  const logged = collected();
  const printed: string[] = [];
  const watch = watched();
  // From the bundle of this run; Node cannot run TypeScript sources.
  const withRunners = inject('withRunners');
  // A restart keeps the port, so that clients and registered redirects stay valid.
  const start = (port: string | number) => {
    knowSettings(environment(), options.configuration);
    return watch.run(() =>
      serve(
        { port, data: dataFolder, config: configFile, runners: withRunners ? 'auto' : 0 },
        {
          print: (line) => printed.push(line),
          log: createLog('debug', logged.sink),
          environment: environment(),
          runnerEntry: withRunners ? path.join(inject('bundle'), 'product/runner-main.js') : undefined,
        },
      ),
    );
  };
  let running = await start(options.port ?? 0);
  /** False after a restart that was refused. */
  let isUp = true;
  const stop = async () => {
    if (isUp) await running.close();
    isUp = false;
  };
  return {
    get url() {
      return running.url;
    },
    adminKey,
    dataFolder,
    printed,
    logText: logged.text,
    async storedText() {
      if (database) return database.text();
      const files = ['mooring.db', 'mooring.db-wal'].map((name) => path.join(dataFolder, name));
      return files.map((file) => readFileSync(file, 'latin1')).join('');
    },
    async sql(statement) {
      if (database) return database.run(statement);
      runOnFile(path.join(dataFolder, 'mooring.db'), statement);
    },
    async restart() {
      const { port } = new URL(running.url);
      await stop();
      running = await start(port);
      isUp = true;
      await forgetOldConnections(running.url);
    },
    async close() {
      await stop();
      try {
        expectNoSecretInRemains({ log: logged.text(), printed, dataFolder });
        await database?.drop();
      } finally {
        rmSync(folder, { recursive: true, force: true });
      }
      assertNoDetour(watch.sockets, environment().MOORING_DATABASE_URL);
    },
  };
}
