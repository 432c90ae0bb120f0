import {
  copyFileSync,
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import Database from 'libsql';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { apiClient } from '../../testing/api-client.js';
import { adminKey, startServer, type TestServer } from '../../testing/start-server.js';
import { loadConfig } from '../config/config.js';
import { sha256 } from '../crypto/digest.js';
import { newHex } from '../crypto/random.js';
import { backUp } from './back-up.js';
import { restore } from './restore.js';

const root = mkdtempSync(path.join(tmpdir(), 'mooring-back-up-'));
let server: TestServer;
let other: TestServer;
let folder: string;
let archive: string;
let keyring: string;

beforeAll(async () => {
  server = await startServer();
  other = await startServer();
});
afterAll(async () => {
  await server.close();
  await other.close();
  rmSync(root, { recursive: true, force: true });
});
beforeEach(() => {
  folder = path.join(root, newHex(6));
  mkdirSync(folder, { mode: 0o700 });
  archive = path.join(folder, 'archive.db');
  keyring = path.join(folder, 'keyring.json');
});

const configOf = (data: string) => loadConfig({ data }, {});
const backUpTo = (file: string, keys: string, of = server) =>
  backUp({ config: configOf(of.dataFolder), archive: file, keyring: keys });

describe('what a backup writes', () => {
  it('LI3: replaces no file but a keyring of this store', async () => {
    const masterKey = path.join(server.dataFolder, 'master.key');
    const key = readFileSync(masterKey, 'utf8');
    await expect(backUpTo(archive, masterKey)).rejects.toThrow('is not a keyring that mooring backup wrote');
    expect(readFileSync(masterKey, 'utf8')).toBe(key);

    await backUpTo(path.join(folder, 'theirs.db'), keyring, other);
    const theirs = readFileSync(keyring, 'utf8');
    await expect(backUpTo(archive, keyring)).rejects.toThrow('keyring of another store');
    expect(readFileSync(keyring, 'utf8')).toBe(theirs);
    expect(existsSync(archive), 'neither').toBe(false);

    rmSync(keyring);
    await backUpTo(archive, keyring);
    await backUpTo(path.join(folder, 'next.db'), keyring);
    await expect(backUpTo(path.join(folder, 'third.db'), archive)).rejects.toThrow('is not a keyring');
  });

  it('LI3: refuses one name for both files, whatever leads to it', async () => {
    const link = path.join(folder, 'link');
    symlinkSync(folder, link);
    for (const keys of [archive, path.join(link, 'archive.db'), `${archive}.unfinished`]) {
      await expect(backUpTo(archive, keys)).rejects.toThrow('are two files');
    }
    await backUpTo(archive, keyring);
    symlinkSync(keyring, path.join(folder, 'keys-link'));
    await expect(backUpTo(path.join(folder, 'b.db'), path.join(folder, 'keys-link'))).rejects.toThrow(
      'is not a regular file',
    );
  });

  it('LI3: writes both files completely, or neither', async () => {
    await backUpTo(archive, keyring);
    const before = readFileSync(keyring, 'utf8');
    await apiClient(server.url, adminKey).post('/api/v1/vault-keys/actions/rotate');
    await expect(backUpTo(path.join(folder, 'nowhere', 'b.db'), keyring)).rejects.toThrow('does not exist');
    await expect(backUpTo(archive, keyring)).rejects.toThrow('already exists');
    await expect(backUpTo(path.join(folder, 'b.db'), path.join(folder, 'nowhere', 'k'))).rejects.toThrow(
      'folder',
    );
    expect(existsSync(path.join(folder, 'b.db'))).toBe(false);
    expect(readFileSync(keyring, 'utf8')).toBe(before);
    await backUpTo(path.join(folder, 'b.db'), keyring);
    expect(readFileSync(keyring, 'utf8')).not.toBe(before);
  });
});

describe('what a restore accepts', () => {
  const newFolder = (): string => {
    const data = path.join(folder, newHex(4));
    mkdirSync(data, { mode: 0o700 });
    copyFileSync(path.join(server.dataFolder, 'master.key'), path.join(data, 'master.key'));
    return data;
  };
  const restoreTo = (data: string, isUnverified = false) =>
    restore({ config: configOf(data), archive, keyring, isUnverified });
  const change = (statement: string) => {
    const database = new Database(archive);
    database.exec(statement);
    database.close();
  };
  const planted = 'planted-key-7f3a9c1e5b8d2046';
  const plant = `INSERT INTO api_key (id, tenant_id, user_id, token_hash, description, created_by, created_at)
    SELECT 'planted', tenant_id, id, '${sha256(planted)}', '', id, '2026-01-01T00:00:00.000Z' FROM "user" WHERE subject = 'admin'`;

  beforeEach(() => backUpTo(archive, keyring));

  it('TR21: an archive in which anything was changed is refused, and nothing is created from it', async () => {
    change(plant);
    const data = newFolder();
    await expect(restoreTo(data)).rejects.toThrow('--unverified');
    expect(existsSync(path.join(data, 'mooring.db'))).toBe(false);
  });

  it('TR21: a planted key opens nothing, even in an archive that was restored unverified', async () => {
    change(plant);
    const data = newFolder();
    await restoreTo(data, true);
    const there = await startServer({ dataFolder: data, database: 'given' });
    try {
      expect((await apiClient(there.url, planted).get('/api/v1/users/me')).status).toBe(401);
      expect((await apiClient(there.url, adminKey).get('/api/v1/users/me')).status).toBe(200);
    } finally {
      await there.close();
    }
  });

  it('TR21: one byte, a cut end, and the proof of another archive are refused', async () => {
    const good = readFileSync(archive);
    const bad = Buffer.from(good);
    bad[Math.floor(bad.length / 2)] = (bad[Math.floor(bad.length / 2)] ?? 0) ^ 1;
    const proof = /\nmooring archive 1 .*\n$/.exec(good.toString('latin1'))?.[0] ?? '';
    expect(proof).not.toBe('');
    await backUpTo(path.join(folder, 'theirs.db'), path.join(folder, 'theirs.json'), other);
    const theirs = readFileSync(path.join(folder, 'theirs.db'));
    const withoutProof = good.subarray(0, good.length - proof.length);
    for (const bytes of [
      bad,
      withoutProof,
      Buffer.concat([withoutProof, Buffer.from('x'), Buffer.from(proof)]),
      theirs,
    ]) {
      writeFileSync(archive, bytes);
      await expect(restoreTo(newFolder())).rejects.toThrow('--unverified');
    }
    writeFileSync(archive, good);
    expect(await restoreTo(newFolder())).toEqual([]);
  });

  it.each([
    ['a trigger', 'CREATE TRIGGER t AFTER INSERT ON "user" BEGIN DELETE FROM audit_event; END'],
    ['a view', 'CREATE VIEW v AS SELECT * FROM api_key'],
    ['another table', 'CREATE TABLE more (id text)'],
    ['another column', 'ALTER TABLE api_key ADD COLUMN more text'],
    ['an index', 'CREATE INDEX more ON api_key (description)'],
    ['no index', 'DROP INDEX secret_key'],
  ])('TR21: %s in an archive is refused, also where it is taken unverified', async (_what, statement) => {
    change(statement);
    await expect(restoreTo(newFolder(), true)).rejects.toThrow('It must be as Mooring creates it');
  });

  it('TR21: a store whose schema Mooring did not create is not backed up, rather than refused at the restore', async () => {
    await server.sql('CREATE TABLE more (id text)');
    try {
      await expect(backUpTo(path.join(folder, 'b.db'), keyring)).rejects.toThrow('table more');
    } finally {
      await server.sql('DROP TABLE more');
    }
  });

  it('an archive of version 0.1.0, without proof and with bare hashes, is restored when requested', async () => {
    const database = new Database(archive);
    database.exec(`UPDATE api_key SET token_hash = '${sha256(adminKey)}'; DELETE FROM invitation`);
    database.close();
    const keys = JSON.parse(readFileSync(keyring, 'utf8')) as { keys: { state: string }[] };
    keys.keys = keys.keys.filter(({ state }) => state !== 'own');
    writeFileSync(keyring, JSON.stringify(keys));
    const data = newFolder();
    await expect(restoreTo(data)).rejects.toThrow('older than version 0.2.0');
    expect(await restoreTo(data, true)).toEqual([]);
    const there = await startServer({ dataFolder: data, database: 'given' });
    expect((await apiClient(there.url, adminKey).get('/api/v1/users/me')).status).toBe(200);
    await there.close();
  });

  it('needs the master key, and says which', async () => {
    const data = path.join(folder, 'without');
    mkdirSync(data, { mode: 0o700 });
    await expect(restoreTo(data)).rejects.toThrow('The master key is missing');
    linkSync(path.join(other.dataFolder, 'master.key'), path.join(data, 'master.key'));
    await expect(restoreTo(data)).rejects.toThrow('under another master key');
  });
});
