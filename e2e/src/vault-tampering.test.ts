import { randomBytes } from 'node:crypto';
import { filesIn, findSecrets } from '@mooring/server/testing/secret-search';
import type Database from 'libsql';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  loginOf,
  refusalOf,
  type SealedRow,
  sealedRow,
  startVaultStand,
  type VaultStand,
} from './vault-stand.js';

// Processes start and stop in these tests; a machine with other work must not fail them.
// The store against an attacker who can read and write its files, but does not have the key.

let stand: VaultStand;
beforeAll(async () => {
  stand = await startVaultStand();
});
afterAll(() => stand.close());

/** A connection of the administrator with an embedded credential. @returns ids of both */
async function connect(qName: string, login = loginOf(stand.postgres.roles.alice)) {
  const connectionProperties = { ...stand.target, ...login };
  const { status, body, text } = await stand.admin.post('/api/v1/data-connections', {
    datasourceID: 'postgres',
    qName,
    connectionProperties,
  });
  expect(status, text).toBe(201);
  return { id: body.qID as string, credentialId: body.qCredentialsID as string };
}

const use = (id: string, action: string, body: object) =>
  stand.admin.post(`/api/v1/data-connections/${id}/actions/${action}`, body);
const previewOrders = (id: string) =>
  use(id, 'preview', { query: 'select id from sales.orders order by id' });

describe('at rest', () => {
  it('V01: no secret lies in any file, in any common encoding, while running and after', async () => {
    const secret = (name: string) => `${name} ~"<&+/\\é ${randomBytes(9).toString('base64url')}`;
    const token = () => `Canary.${randomBytes(18).toString('base64url')}`;
    const secrets = new Map<string, string>();
    const keep = (name: string, value: string) => {
      secrets.set(name, value);
      return value;
    };
    const create = async (datasourceID: string, connectionProperties: object) => {
      const qName = `V01 ${secrets.size}`;
      const answer = await stand.admin.post('/api/v1/data-connections', {
        datasourceID,
        qName,
        connectionProperties,
      });
      expect(answer.status, answer.text).toBe(201);
    };
    await create('postgres', {
      ...stand.target,
      username: 'u',
      password: keep('password', secret('embedded')),
    });
    await create('postgres', {
      ...stand.target,
      separateCredentials: true,
      username: keep('login name', secret('login')),
      password: keep('own password', secret('separated')),
    });
    await create('File_AmazonS3ConnectorV2', {
      accessKey: keep('access key', token()),
      secretKey: keep('secret key', secret('s3')),
      sessionToken: keep('session token', secret('sts')),
    });
    await create('rest', {
      url: 'http://127.0.0.1:9/items',
      authSchema: 'oauth2ClientCredentials',
      tokenUrl: 'http://127.0.0.1:9/token',
      clientId: 'client',
      clientSecret: keep('client secret', secret('client')),
    });
    await create('rest', {
      url: 'http://127.0.0.1:9/',
      authSchema: 'bearer',
      bearerToken: keep('bearer token', token()),
    });
    const key = await stand.admin.post('/api/v1/api-keys', { description: 'V01' });
    keep('API key', key.body.token);

    const places = () => filesIn(stand.dataFolder).filter(({ name }) => !name.endsWith('master.key'));
    expect(places().map(({ name }) => name)).toContainEqual(expect.stringMatching(/mooring\.db-wal$/));
    expect(findSecrets(secrets, places())).toEqual([]);
    await stand.withStore(() => {
      expect(findSecrets(secrets, places())).toEqual([]);
      // The scan would have found what does lie there.
      const visible = new Map([['host', stand.target['host'] as string]]);
      expect(findSecrets(visible, places())).not.toEqual([]);
    });
    expect(findSecrets(secrets, [{ name: 'the log', bytes: Buffer.from(stand.logText()) }])).toEqual([]);
  });
});

/** One bit of a base64 text's bytes, counted from the end when negative. */
function flip(text: string, at: number): string {
  const bytes = Buffer.from(text, 'base64');
  const index = at < 0 ? bytes.length + at : at;
  bytes.writeUInt8(bytes.readUInt8(index) ^ 1, index);
  return bytes.toString('base64');
}

const firstOfBody = 12;
const firstOfTag = -16;
const tamperings: Record<string, (row: SealedRow) => Partial<SealedRow>> = {
  'first byte of the IV': ({ ciphertext }) => ({ ciphertext: flip(ciphertext, 0) }),
  'first byte of the ciphertext': ({ ciphertext }) => ({ ciphertext: flip(ciphertext, firstOfBody) }),
  'last byte of the ciphertext': ({ ciphertext }) => ({ ciphertext: flip(ciphertext, firstOfTag - 1) }),
  'first byte of the tag': ({ ciphertext }) => ({ ciphertext: flip(ciphertext, firstOfTag) }),
  'last byte of the tag': ({ ciphertext }) => ({ ciphertext: flip(ciphertext, -1) }),
  'tag cut off': ({ ciphertext }) => ({ ciphertext: ciphertext.slice(0, -24) }),
  'ciphertext of nothing': () => ({ ciphertext: '' }),
  'ciphertext that is not base64': () => ({ ciphertext: '\u0000 %% {"username":"x"}' }),
  'IV of the wrapped key': ({ wrapped_key }) => ({ wrapped_key: flip(wrapped_key, 0) }),
  'wrapped key': ({ wrapped_key }) => ({ wrapped_key: flip(wrapped_key, firstOfBody) }),
  'tag of the wrapped key': ({ wrapped_key }) => ({ wrapped_key: flip(wrapped_key, -1) }),
  'wrapped key of nothing': () => ({ wrapped_key: '' }),
  'key id': ({ key_id }) => ({ key_id: `${key_id.slice(0, -1)}${key_id.endsWith('0') ? '1' : '0'}` }),
  'key id of nothing': () => ({ key_id: '' }),
  version: ({ version }) => ({ version: version + 1 }),
};

function write(database: Database.Database, row: SealedRow, change: Partial<SealedRow>): void {
  const [[column, value] = ['', '']] = Object.entries(change);
  const statement = database.prepare(`UPDATE secret SET ${column} = ? WHERE record_id = ? AND field = ?`);
  expect(statement.run(value, row.record_id, row.field).changes).toBe(1);
}

describe('tampering', () => {
  it('V02: one changed byte anywhere makes that credential unreadable, says so, and harms no other', async () => {
    const connections = new Map<string, Awaited<ReturnType<typeof connect>>>();
    for (const what of Object.keys(tamperings)) connections.set(what, await connect(`V02 ${what}`));
    const untouched = await connect('V02 untouched');
    const before = stand.relay.sent().length;
    await stand.withStore((database) => {
      for (const [what, change] of Object.entries(tamperings)) {
        const row = sealedRow(database, connections.get(what)?.credentialId ?? '');
        write(database, row, change(row));
      }
    });
    const { password } = stand.postgres.roles.alice;
    for (const [what, { id, credentialId }] of connections) {
      const answers = [
        await use(id, 'test', {}),
        await use(id, 'browse', {}),
        await previewOrders(id),
        await use(id, 'read', { path: ['sales', 'orders'] }),
      ];
      expect(answers.map(refusalOf), what).toEqual(answers.map(() => 'unreadable'));
      const texts = answers.map(({ text }) => ({ name: 'an answer', bytes: Buffer.from(text) }));
      expect(findSecrets(new Map([['password', password]]), texts)).toEqual([]);
      const uses = await stand.admin.get(`/api/v1/data-credentials/${credentialId}/uses`);
      const results = uses.body.data.map(({ result }: { result: string }) => result);
      expect(results, what).toEqual(answers.map(() => 'CREDENTIALS-REQUIRED unreadable'));
    }
    expect(stand.relay.sent().length, 'the source got no request').toBe(before);
    expect((await previewOrders(untouched.id)).body.rows).toHaveLength(5);
    expect((await stand.admin.get('/healthz')).status).toBe(200);
    const faults = stand
      .logText()
      .split('\n')
      .filter((line) => /"level":[56]0/.test(line));
    expect(faults).toEqual([]);
  });

  it('V02: what cannot be opened can still be deleted', async () => {
    const { id, credentialId } = await connect('V02 to delete');
    await stand.withStore((database) => {
      const row = sealedRow(database, credentialId);
      write(database, row, { wrapped_key: flip(row.wrapped_key, 20) });
    });
    expect((await stand.admin.delete(`/api/v1/data-connections/${id}`)).status).toBe(204);
    expect((await stand.admin.get(`/api/v1/data-credentials/${credentialId}`)).status).toBe(404);
  });
});

describe('shredding', () => {
  it('V13: the wrapped keys of deleted and of replaced secrets are gone from store and log', async () => {
    const embedded = await connect('V13 embedded');
    const kept = await connect('V13 kept');
    const own = await stand.admin.post('/api/v1/data-connections', {
      datasourceID: 'postgres',
      qName: 'V13 separated',
      connectionProperties: {
        ...stand.target,
        ...loginOf(stand.postgres.roles.bob),
        separateCredentials: true,
      },
    });
    const ownId: string = own.body.qCredentialsID;
    const keysOf = (ids: readonly string[]) =>
      stand.withStore((database) => ids.map((id) => sealedRow(database, id).wrapped_key));
    const [deletedKey = '', replacedKey = ''] = await keysOf([embedded.credentialId, ownId]);
    const replaced = await stand.admin.put(`/api/v1/data-connections/${own.body.qID}/credential`, {
      connectionProperties: loginOf(stand.postgres.roles.bob),
    });
    expect(replaced.body, replaced.text).toMatchObject({ state: 'ready', credentialId: ownId });
    const [replacingKey = '', keptKey = ''] = await keysOf([ownId, kept.credentialId]);
    expect(replacingKey).not.toBe(replacedKey);
    expect((await stand.admin.delete(`/api/v1/data-connections/${embedded.id}`)).status).toBe(204);
    expect((await stand.admin.delete(`/api/v1/data-credentials/${ownId}`)).status).toBe(204);

    const gone = new Map(Object.entries({ deletedKey, replacedKey, replacingKey }));
    const isIn = (bytes: Buffer, key: string) =>
      bytes.includes(key) || bytes.includes(Buffer.from(key, 'base64'));
    await stand.withStore(() => {
      const files = filesIn(stand.dataFolder);
      for (const [what, key] of gone) {
        expect(key.length, what).toBeGreaterThan(60);
        expect(
          files.filter(({ bytes }) => isIn(bytes, key)).map(({ name }) => name),
          what,
        ).toEqual([]);
      }
      // The scan finds the key of a credential that lives.
      expect(files.filter(({ bytes }) => isIn(bytes, keptKey))).toHaveLength(1);
    });
    expect((await previewOrders(kept.id)).status).toBe(200);
  });
});
