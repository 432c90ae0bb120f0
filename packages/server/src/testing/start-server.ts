import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Writable } from 'node:stream';
import { createLog } from '../log.js';
import { serve } from '../serve.js';

// A real server on a fresh data folder and a free loopback port, for tests. It goes through the same door as
// `mooring serve`.

export interface TestServer {
  url: string;
  adminKey: string;
  dataFolder: string;
  /** Everything the server logged so far. */
  logText(): string;
  printed: string[];
  close(): Promise<void>;
  /** Stops, and starts again on the same data. */
  restart(): Promise<void>;
}

export interface TestServerOptions {
  /** Configuration file as an object. */
  configuration?: object;
  environment?: Readonly<Record<string, string>>;
}

export const adminKey = 'test-administrator-key-0123456789';

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
  const dataFolder = path.join(folder, 'data');
  const configFile = path.join(folder, 'config.yaml');
  // JSON is YAML.
  writeFileSync(configFile, JSON.stringify(options.configuration ?? {}), { mode: 0o600 });
  const environment = { MOORING_ADMIN_KEY: adminKey, ...options.environment };
  const chunks: string[] = [];
  const sink = new Writable({
    write(chunk, _encoding, done) {
      chunks.push(String(chunk));
      done();
    },
  });
  const printed: string[] = [];
  // A restart keeps the port, so that clients and registered redirects stay valid.
  const start = (port: string | number) =>
    serve(
      { port, data: dataFolder, config: configFile },
      { print: (line) => printed.push(line), log: createLog('debug', sink), environment },
    );
  let running = await start(0);
  return {
    get url() {
      return running.url;
    },
    adminKey,
    dataFolder,
    printed,
    logText: () => chunks.join(''),
    async restart() {
      const { port } = new URL(running.url);
      await running.close();
      running = await start(port);
      await forgetOldConnections(running.url);
    },
    async close() {
      await running.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
