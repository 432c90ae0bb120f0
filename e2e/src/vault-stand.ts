import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type LabPostgres, type PostgresLogin, startPostgres } from '@mooring/lab/postgres';
import {
  type Answer,
  type ApiClient,
  addUser,
  apiClient,
  type TestUser,
} from '@mooring/server/testing/api-client';
import Database from 'libsql';
import { type MooringProcess, startMooring } from './mooring-process.js';
import { type RecordingRelay, startRecordingRelay } from './recording-relay.js';

// Mooring on a data folder that tests modify with a database tool while it is stopped, as an attacker with the disk.

export interface VaultStand {
  postgres: LabPostgres;
  /** In front of PostgreSQL; records every login. */
  relay: RecordingRelay;
  dataFolder: string;
  admin: ApiClient;
  /** User with a key and a personal space; the client follows restarts. */
  addUser(subject: string): Promise<TestUser>;
  /** Definition properties that lead through the relay. */
  target: Readonly<Record<string, unknown>>;
  /** Stops Mooring, hands the store over, and starts Mooring again. */
  withStore<Result>(work: (database: Database.Database) => Result): Promise<Result>;
  logText(): string;
  close(): Promise<void>;
}

/** The row of `secret` with the sealed part of a credential, a connection or a sign-in. */
export interface SealedRow {
  tenant_id: string;
  record_kind: string;
  record_id: string;
  field: string;
  owner_id: string;
  version: number;
  key_id: string;
  wrapped_key: string;
  ciphertext: string;
}

export function sealedRow(database: Database.Database, recordId: string, field = 'login'): SealedRow {
  const row = database.prepare('SELECT * FROM secret WHERE record_id = ? AND field = ?').get(recordId, field);
  if (!row) throw new Error(`No row of ${recordId} has a sealed ${field}`);
  return row as SealedRow;
}

const cryptoColumns = ['key_id', 'wrapped_key', 'ciphertext'] as const;

/** Copies the cryptographic columns of one row, and others on request, to another row. */
export function copySecret(
  database: Database.Database,
  from: SealedRow,
  to: Pick<SealedRow, 'record_id' | 'field'>,
  more: readonly (keyof SealedRow)[] = [],
): void {
  const columns = [...cryptoColumns, ...more];
  const { changes } = database
    .prepare(
      `UPDATE secret SET ${columns.map((name) => `${name} = ?`).join(', ')} WHERE record_id = ? AND field = ?`,
    )
    .run(...columns.map((name) => from[name]), to.record_id, to.field);
  if (changes !== 1) throw new Error('Nothing was changed');
}

/** `reason` of the error, or the unexpected answer. */
export function refusalOf(answer: Answer): string {
  const [error] = (answer.body?.errors ?? []) as { code: string; meta?: { reason?: string } }[];
  return answer.status === 403 && error?.code === 'CREDENTIALS-REQUIRED'
    ? String(error.meta?.reason)
    : `${answer.status} ${answer.text}`;
}

export const loginOf = ({ user, password }: PostgresLogin) => ({ username: user, password });

/** @param configuration As in the configuration file. */
export async function startVaultStand(configuration: object = {}): Promise<VaultStand> {
  const folder = mkdtempSync(path.join(tmpdir(), 'mooring-vault-'));
  const dataFolder = path.join(folder, 'data');
  const postgres = await startPostgres({ rowsInBig: 10 });
  const relay = await startRecordingRelay(postgres.port);
  let mooring: MooringProcess = await startMooring({ dataFolder, configuration });
  const logs: string[] = [];
  const follow = (key: string): ApiClient => ({
    get: (url) => apiClient(mooring.url, key).get(url),
    post: (url, body, headers) => apiClient(mooring.url, key).post(url, body, headers),
    put: (url, body) => apiClient(mooring.url, key).put(url, body),
    patch: (url, body) => apiClient(mooring.url, key).patch(url, body),
    delete: (url) => apiClient(mooring.url, key).delete(url),
  });
  const stopMooring = async () => {
    const log = mooring.logText();
    if ((await mooring.stop()) !== 0) throw new Error(`Mooring did not stop in order:\n${log}`);
    logs.push(log);
  };
  return {
    postgres,
    relay,
    dataFolder,
    admin: follow(mooring.adminKey),
    async addUser(subject) {
      const added = await addUser(mooring.url, mooring.adminKey, subject);
      return { ...added, api: follow(added.key) };
    },
    target: { host: '127.0.0.1', port: relay.port, db: postgres.database, sslmode: 'disable' },
    async withStore(work) {
      await stopMooring();
      const database = new Database(path.join(dataFolder, 'mooring.db'));
      try {
        return work(database);
      } finally {
        database.exec('PRAGMA wal_checkpoint(TRUNCATE)');
        database.close();
        mooring = await startMooring({ dataFolder, configuration });
      }
    },
    logText: () => logs.join('') + mooring.logText(),
    async close() {
      await mooring.stop();
      await relay.close();
      await postgres.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
