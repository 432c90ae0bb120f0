import { createHash, generateKeyPairSync } from 'node:crypto';
import type { Socket } from 'node:net';
import ssh2, { type Connection, type SFTPWrapper } from 'ssh2';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { Secret } from '../../interface/secret.js';
import {
  allBatches,
  Bench,
  CLOSE_MS_MAX,
  expectNoSecrets,
  failureOf,
  type TestInput,
  type TestSession,
} from '../../suite/bench.js';
import { type FakeServer, flood, startFakeServer } from '../../suite/fake-server.js';
import { source } from './source.js';

const password = 'canary-hostile-51cd';
const hostKey = generateKeyPairSync('rsa', { modulusLength: 2_048 });
const hostKeyText = hostKey.privateKey.export({ type: 'pkcs1', format: 'pem' }).toString();
const parsed = ssh2.utils.parseKey(hostKeyText) as ssh2.ParsedKey;
const sha256 = `SHA256:${createHash('sha256').update(parsed.getPublicSSH()).digest('base64').replace(/=+$/, '')}`;

let server: FakeServer | undefined;
let bench: Bench | undefined;
// Loading the driver does not count towards the deadlines below.
beforeAll(() => source.load());
afterEach(async () => {
  bench?.network.close();
  await server?.close();
});

async function against(serve: (socket: Socket) => void, properties: object = {}) {
  server = await startFakeServer(serve);
  const input: TestInput = {
    properties: { host: server.host, sftpPort: server.port, publicKeyFingerprint: sha256, ...properties },
    login: {
      signIn: 'ssh',
      fields: { username: new Secret('alice-canary'), password: new Secret(password) },
    },
  };
  bench = new Bench(source, { good: input });
  return { server, bench, input };
}

/** A real SSH server, which does with its clients what a test wants. */
function sshServer(serve: (client: Connection, socket: Socket) => void, algorithms: object = {}) {
  const made = new ssh2.Server({ hostKeys: [hostKeyText], algorithms } as never, () => undefined);
  return (socket: Socket) => {
    made.once('connection', (client: Connection) => {
      client.on('error', () => undefined);
      serve(client, socket);
    });
    made.injectSocket(socket);
  };
}

/** Signs in anyone. @param answer what SFTP does */
const sftpServer = (answer: (sftp: SFTPWrapper, socket: Socket) => void) =>
  sshServer((client, socket) => {
    client.on('authentication', (context) => context.accept());
    client.on('session', (accept) => {
      accept().on('sftp', (open) => answer(open(), socket));
    });
  });

const browse = (session: TestSession) => session.browse({ path: [], limit: 5 });
const read = (session: TestSession) => session.read({ path: ['a.csv'], batchRows: 5 }).then(allBatches);
const fails = async ({ bench: on }: { bench: Bench }, work: (session: TestSession) => Promise<unknown>) => {
  const begun = performance.now();
  const error = await failureOf(on.within(work, { signal: AbortSignal.timeout(2_000) }));
  expectNoSecrets(error, [password]);
  expect(performance.now() - begun).toBeLessThan(4_500);
  expect(await on.network.idle(CLOSE_MS_MAX)).toBe(true);
  return error;
};

const attributes = { mode: 0o100_644, uid: 0, gid: 0, size: 8, atime: 0, mtime: 0 };
const entry = (filename: string) => ({ filename, longname: filename, attrs: attributes });

describe('SFTP, against a hostile or broken server', () => {
  it('sends nothing of a login to a server with another key, or before one is pinned', async () => {
    let asked = 0;
    const other = `SHA256:${'A'.repeat(43)}`;
    for (const publicKeyFingerprint of [other, undefined]) {
      const made = await against(
        sshServer((client) => client.on('authentication', () => (asked += 1))),
        { publicKeyFingerprint },
      );
      const error = await fails(made, browse);
      expect([error.kind, error.message.includes(sha256)]).toEqual(['host_key_refused', true]);
      await made.server.close();
    }
    expect(asked).toBe(0);
  });

  it('signs in with no SHA-1 signature, and negotiates no old algorithm', async () => {
    const old = [
      { kex: ['diffie-hellman-group14-sha1'] },
      { cipher: ['aes128-cbc'] },
      { cipher: ['aes128-ctr'], hmac: ['hmac-sha1'] },
      { serverHostKey: ['ssh-rsa'] },
    ];
    for (const algorithms of old) {
      const made = await against(sshServer(() => undefined, algorithms));
      const error = await fails(made, browse);
      expect([error.kind, error.nativeCode]).toEqual(['unsupported', 'SSH_NO_COMMON_ALGORITHM']);
      await made.server.close();
    }
  });

  it('sends a refused password once, and answers only a single hidden question with it', async () => {
    const seen: string[] = [];
    const made = await against(
      sshServer((client) =>
        client.on('authentication', (context) => {
          seen.push(context.method);
          context.reject(['password', 'keyboard-interactive']);
        }),
      ),
    );
    expect((await fails(made, browse)).nativeCode).toBe('SSH_SIGN_IN_REFUSED');
    expect(seen).toEqual(['none', 'password']);
    await made.server.close();

    const answers: string[][] = [];
    const asking = (prompts: ssh2.Prompt[]) =>
      sshServer((client) =>
        client.on('authentication', (context) => {
          if (context.method !== 'keyboard-interactive') return context.reject(['keyboard-interactive']);
          context.prompt(prompts, (given) => {
            answers.push(given);
            context.reject(['keyboard-interactive']);
          });
        }),
      );
    const hidden = { prompt: 'Password:', echo: false };
    const one = await against(asking([hidden]));
    expect((await fails(one, browse)).nativeCode).toBe('SSH_SIGN_IN_REFUSED');
    expect(answers).toEqual([[password]]);
    await one.server.close();
    for (const prompts of [[hidden, hidden], [{ prompt: 'Password:', echo: true }]]) {
      const more = await against(asking(prompts));
      expect((await fails(more, browse)).nativeCode).toBe('SSH_MORE_REQUIRED');
      await more.server.close();
    }
    expect(answers).toHaveLength(1);
  });

  it('gives up on a server that is silent at any moment, and leaves no socket', async () => {
    const moments: [(socket: Socket) => void, (session: TestSession) => Promise<unknown>][] = [
      [() => undefined, browse],
      [sshServer((client) => client.on('authentication', () => undefined)), browse],
      [sftpServer((sftp) => sftp.on('OPENDIR', () => undefined)), browse],
      [
        sftpServer((sftp) => sftp.on('STAT', (id) => sftp.attrs(id, attributes)).on('OPEN', () => undefined)),
        read,
      ],
    ];
    await Promise.all(
      moments.map(async ([serve, work]) => {
        const made = await startFakeServer(serve);
        const input: TestInput = {
          properties: { host: made.host, sftpPort: made.port, publicKeyFingerprint: sha256 },
          login: { signIn: 'ssh', fields: { username: new Secret('a'), password: new Secret(password) } },
        };
        const on = new Bench(source, { good: input });
        expect((await fails({ bench: on }, work)).kind).toBe('timeout');
        await made.close();
      }),
    );
  });

  it('answers garbage, huge packets and hang-ups with an error, not a crash', async () => {
    const garbage: ((socket: Socket) => void)[] = [
      (socket) => socket.end('HTTP/1.1 400 Bad Request\r\nX: canary\r\n\r\n'),
      (socket) => socket.write(`SSH-2.0-x\r\n${'\xff'.repeat(64)}`),
      (socket) => socket.write(Buffer.concat([Buffer.from('SSH-2.0-x\r\n'), Buffer.alloc(64, 0x7f)])),
      (socket) => flood(socket, Buffer.from('no line end ')),
      (socket) => flood(socket, Buffer.from('a line\r\n')),
      (socket) => socket.once('data', () => socket.destroy()),
      sshServer((client, socket) => client.on('authentication', () => socket.destroy())),
      sftpServer((_sftp, socket) => socket.destroy()),
      sftpServer((sftp) => sftp.on('OPENDIR', () => void (sftp as never as { end(): void }).end())),
      sftpServer((sftp) =>
        sftp
          .on('STAT', (id) => sftp.attrs(id, attributes))
          .on('OPEN', (id) => sftp.handle(id, Buffer.from('h')))
          .on('READ', (id) => sftp.data(id, Buffer.alloc(400_000))),
      ),
    ];
    const kinds: string[] = [];
    for (const [index, serve] of garbage.entries()) {
      const made = await against(serve);
      kinds.push((await fails(made, index === garbage.length - 1 ? read : browse)).kind);
      expect(made.server.sent()).toBeLessThan(8 * 1_048_576);
      await made.server.close();
    }
    expect(kinds.filter((kind) => !['unreachable', 'protocol_error'].includes(kind))).toEqual([]);
  });

  it('keeps one page of a listing that does not end, and stops at its cap', async () => {
    let sent = 0;
    const made = await against(
      sftpServer((sftp) => {
        sftp.on('OPENDIR', (id) => sftp.handle(id, Buffer.from('h')));
        sftp.on('READDIR', (id) => {
          sent += 400;
          sftp.name(id, Array.from({ length: 400 }, (_, index) => entry(`${sent}-${index}`)) as never);
        });
      }),
    );
    const before = process.memoryUsage().heapUsed;
    const error = await failureOf(made.bench.within(browse, { signal: AbortSignal.timeout(1_000) }));
    expect(['timeout', 'too_large']).toContain(error.kind);
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(200 * 1_048_576);
  });

  it('lists no name that leads elsewhere', async () => {
    let isOver = false;
    const made = await against(
      sftpServer((sftp) => {
        sftp.on('OPENDIR', (id) => sftp.handle(id, Buffer.from('h')));
        sftp.on('READDIR', (id) => {
          if (isOver) return sftp.status(id, 1);
          isOver = true;
          sftp.name(
            id,
            ['../../etc/passwd', '/etc/passwd', '', '.', '..', 'a.csv', 'a.csv'].map(entry) as never,
          );
        });
      }),
    );
    const { items } = await made.bench.within(browse);
    expect(items.map(({ name }) => name)).toEqual(['a.csv']);
  });
});
