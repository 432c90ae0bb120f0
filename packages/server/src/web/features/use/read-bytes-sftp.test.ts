import { appendFile, truncate, writeFile } from 'node:fs/promises';
import { type LabSsh, startSsh } from '@mooring/lab/ssh';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { addUser, type TestUser } from '../../../testing/api-client.js';
import { startServer, type TestServer } from '../../../testing/start-server.js';

// Files of an SFTP server as they are stored, whole or a range, and what happens when they change or the right to them ends.

const megabyte = 1_048_576;
/** More than the client, the service and the SFTP session hold together while the client does not read. */
const bigBytes = 48 * megabyte;
const content = Buffer.from(Array.from({ length: 200_000 }, (_, index) => (index * 7) % 251));
let server: TestServer;
let ssh: LabSsh;
let alice: TestUser;
let connection: string;

beforeAll(async () => {
  ssh = await startSsh();
  await writeFile(`${ssh.home}/whole.bin`, content);
  await writeFile(`${ssh.home}/empty.bin`, '');
  server = await startServer({ configuration: { limits: { idleSeconds: 60 } } });
  alice = await addUser(server.url, server.adminKey, 'alice');
  connection = await connect();
});
afterAll(async () => {
  await server.close();
  await ssh.close();
});

async function connect(): Promise<string> {
  const { host, port: sftpPort, hostKeys, alice: user } = ssh;
  const made = await alice.api.post('/api/v1/data-connections', {
    ...{ datasourceID: 'File_FileTransferConnector', qName: `files ${Math.random()}` },
    connectionProperties: {
      ...{ host, sftpPort, publicKeyFingerprint: hostKeys.ed25519.sha256 },
      ...{ username: user.user, password: user.password },
    },
  });
  expect(made.status, made.text).toBe(201);
  return `/api/v1/data-connections/${made.body.qID}`;
}

const open = (body: object, { at = connection, method = 'POST' } = {}) =>
  fetch(`${server.url}${at}/actions/read`, {
    method,
    headers: {
      authorization: `Bearer ${alice.key}`,
      ...{ 'content-type': 'application/json', accept: 'application/octet-stream' },
    },
    ...(method === 'POST' ? { body: JSON.stringify(body) } : {}),
  });

const lastUse = async (at = connection) => {
  const { data } = (await alice.api.get('/api/v1/data-uses')).body;
  const of = data.find(({ connectionId }: { connectionId: string }) => at.endsWith(connectionId));
  return of && [of.action, of.result, of.bytes];
};

/** Begins to read a big file. @returns the rest of it, once the first bytes are there */
async function begin(name: string, at = connection) {
  await writeFile(`${ssh.home}/${name}`, '');
  await truncate(`${ssh.home}/${name}`, bigBytes);
  const response = await open({ path: [name] }, { at });
  expect([response.status, response.headers.get('content-length')]).toEqual([200, String(bigBytes)]);
  const reader = response.body?.getReader();
  const first = (await reader?.read())?.value?.length ?? 0;
  return async () => {
    let received = first;
    for (;;) {
      const { done, value } = (await reader?.read()) ?? { done: true, value: undefined };
      if (done) return received;
      received += value?.length ?? 0;
    }
  };
}

describe('the bytes of a file over SFTP', () => {
  it('are those that are stored, whole or a range, with length and version', async () => {
    const whole = await open({ path: ['whole.bin'] });
    expect([whole.status, whole.headers.get('content-length')]).toEqual([200, '200000']);
    expect(Buffer.from(await whole.arrayBuffer()).equals(content)).toBe(true);
    await expect.poll(() => lastUse()).toEqual(['read', 'ok', 200_000]);
    // Over the borders of SFTP's requests of 32 KiB.
    const part = await open({ path: ['whole.bin'], range: [32_767, 98_304] });
    expect([part.status, part.headers.get('content-range')]).toEqual([206, 'bytes 32767-98304/200000']);
    expect(Buffer.from(await part.arrayBuffer()).equals(content.subarray(32_767, 98_305))).toBe(true);
    expect(part.headers.get('etag')).toBe(whole.headers.get('etag'));
    await appendFile(`${ssh.home}/whole.bin`, 'more');
    const changed = await open({ path: ['whole.bin'], range: [199_999, 400_000] });
    expect(changed.headers.get('content-range')).toBe('bytes 199999-200003/200004');
    expect(
      Buffer.from(await changed.arrayBuffer())
        .toString('latin1')
        .slice(1),
    ).toBe('more');
    expect(changed.headers.get('etag')).not.toBe(whole.headers.get('etag'));
    await expect.poll(() => lastUse()).toEqual(['read', 'ok', 5]);
  });

  it('may be none; a range begins within them, and a folder has none', async () => {
    const empty = await open({ path: ['empty.bin'] });
    expect([empty.status, empty.headers.get('content-length'), await empty.text()]).toEqual([200, '0', '']);
    for (const [body, detail] of [
      [{ path: ['empty.bin'], range: [0, 0] }, 'The range begins after the end of the file.'],
      [{ path: ['whole.bin'], range: [1_000_000, 1_000_001] }, 'The range begins after the end of the file.'],
      [{ path: [] }, 'The path names a folder, not a file.'],
    ] as const) {
      const answer = await open(body);
      const { errors } = (await answer.json()) as { errors: { code: string; detail: string }[] };
      expect([answer.status, errors[0]?.code]).toEqual([422, 'SOURCE-QUERY-INVALID']);
      expect(errors[0]?.detail).toContain(detail);
    }
  });

  it('are asked for by POST only: HEAD is not allowed, and reaches no source', async () => {
    const before = await lastUse();
    const head = await open({}, { method: 'HEAD' });
    expect([head.status, await head.text()]).toEqual([405, '']);
    expect(await lastUse()).toEqual(before);
  });

  it('are as many as there were at the start, if the file grows meanwhile', async () => {
    const rest = await begin('growing.bin');
    await appendFile(`${ssh.home}/growing.bin`, Buffer.alloc(megabyte));
    expect(await rest()).toBe(bigBytes);
  });

  it('never look whole if the file becomes shorter meanwhile', async () => {
    const rest = await begin('shrinking.bin');
    await truncate(`${ssh.home}/shrinking.bin`, megabyte);
    await expect(rest()).rejects.toThrow();
    await expect.poll(async () => (await lastUse())?.slice(0, 2)).toEqual(['read', 'SOURCE-PROTOCOL-ERROR']);
  });

  it('X18: end midway when the credential is deleted, and the session at the source with them', async () => {
    const own = await connect();
    const rest = await begin('revoked.bin', own);
    expect(await ssh.sessions()).toBeGreaterThan(0);
    expect((await alice.api.delete(own)).status).toBe(204);
    await expect(rest()).rejects.toThrow();
    await expect.poll(() => ssh.sessions()).toBe(0);
  });
});
