import {
  chmodSync,
  chownSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { apiClient } from '../../testing/api-client.js';
import { adminKey, startServer } from '../../testing/start-server.js';
import { newHex } from '../crypto/random.js';
import { KeyError, loadMasterKey } from './keyring.js';

describe('the file of the master key', () => {
  const root = mkdtempSync(path.join(tmpdir(), 'mooring-key-file-'));
  afterAll(() => rmSync(root, { recursive: true, force: true }));

  let folder: string;
  let file: string;
  beforeEach(() => {
    folder = path.join(root, newHex(6));
    mkdirSync(folder, { mode: 0o700 });
    file = path.join(folder, 'master.key');
    writeFileSync(file, `${Buffer.from(newHex(32), 'hex').toString('base64')}\n`, { mode: 0o600 });
  });

  /** Why a server with this key file does not start; undefined when it starts. */
  const refusal = async (keyFile = file): Promise<string | undefined> => {
    const started = await startServer({ environment: { MOORING_MASTER_KEY_FILE: keyFile } }).catch(String);
    if (typeof started === 'string') return started;
    await started.close();
    return undefined;
  };

  const load = (keyFile: string, { mayCreate = false, storeExists = false } = {}) =>
    loadMasterKey({ source: 'file', path: keyFile, mayCreate }, storeExists);

  it('is accepted when only its user can access it', async () => {
    expect(await refusal()).toBeUndefined();
  });

  it('TR23: is refused when others can read, change or run it', async () => {
    chmodSync(file, 0o640);
    expect(await refusal()).toContain(`chmod 600 ${file}`);
    for (const bit of [0o40, 0o20, 0o10, 0o4, 0o2, 0o1]) {
      chmodSync(file, 0o600 | bit);
      expect(() => load(file)).toThrow(KeyError);
    }
    chmodSync(file, 0o400);
    expect(load(file).createdFile).toBeUndefined();
  });

  it('TR23: is refused when it is a link or not a file', async () => {
    const link = path.join(folder, 'link.key');
    symlinkSync(file, link);
    expect(await refusal(link)).toContain('is a link');
    expect(await refusal(folder)).toContain('is not a regular file');
  });

  it('TR23: is refused in a folder that others can write to, except one like /tmp', async () => {
    chmodSync(folder, 0o777);
    expect(await refusal()).toContain(`chmod go-w ${folder}`);
    chmodSync(folder, 0o720);
    expect(await refusal()).toContain(`chmod go-w ${folder}`);
    chmodSync(folder, 0o1777);
    expect(await refusal()).toBeUndefined();
    chmodSync(folder, 0o755);
    expect(await refusal()).toBeUndefined();
  });

  it.runIf(process.geteuid?.() === 0)(
    'TR23: is refused when it or its folder belongs to another user',
    async () => {
      chownSync(file, 65_534, 65_534);
      expect(await refusal()).toContain('belongs to another user');
      chownSync(file, 0, 0);
      chownSync(folder, 65_534, 65_534);
      expect(await refusal()).toContain('belongs to another user');
      chownSync(folder, 0, 0);
      expect(await refusal()).toBeUndefined();
    },
  );

  it('is created for a new store only, and where no one else could replace it', () => {
    const missing = path.join(folder, 'missing.key');
    expect(() => load(missing, { mayCreate: false })).toThrow(KeyError);
    expect(() => load(missing, { mayCreate: true, storeExists: true })).toThrow(KeyError);
    expect(() => load(path.join(folder, 'nowhere', 'master.key'), { mayCreate: true })).toThrow(KeyError);
    expect(() => load(path.join(file, 'master.key'), { mayCreate: true })).toThrow(KeyError);
    chmodSync(folder, 0o777);
    expect(() => load(missing, { mayCreate: true })).toThrow(`chmod go-w ${folder}`);
    expect(readdirSync(folder)).toEqual(['master.key']);
    chmodSync(folder, 0o700);
    const { key, createdFile } = load(missing, { mayCreate: true });
    expect(createdFile).toBe(missing);
    expect(load(missing, { mayCreate: true })).toEqual({ key });
  });

  it('TR23: an empty one, left by an interrupted first start of 0.1.0, is replaced by the next first start', async () => {
    const dataFolder = path.join(folder, 'data');
    mkdirSync(dataFolder, { mode: 0o700 });
    const keyFile = path.join(dataFolder, 'master.key');
    writeFileSync(keyFile, '', { mode: 0o600 });
    const server = await startServer({ dataFolder, database: 'given' });
    try {
      expect(readFileSync(keyFile, 'utf8')).toMatch(/^[A-Za-z0-9+/]{43}=\n$/);
      expect(statSync(keyFile).mode & 0o777).toBe(0o600);
      expect(readdirSync(dataFolder).filter((name) => name.includes('unfinished'))).toEqual([]);
      await server.restart();
      expect((await apiClient(server.url, adminKey).get('/api/v1/users/me')).status).toBe(200);
    } finally {
      await server.close();
    }
    // If a store exists, its key is lost: it must not get another one.
    writeFileSync(keyFile, '', { mode: 0o600 });
    await expect(startServer({ dataFolder, database: 'given' })).rejects.toThrow('is not 32 bytes');
  });
});
