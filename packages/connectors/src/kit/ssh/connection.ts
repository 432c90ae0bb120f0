// A client over `ssh2`, through the gate's socket only.
import type { Socket } from 'node:net';
import ssh2, { type Client, type ConnectConfig } from 'ssh2';
import type { HostKey } from '../../interface/endpoint.js';
import { ConnectorError } from '../../interface/errors.js';
import type { Findings } from '../../interface/session.js';
import { type AuthenticationSteps, authenticationSteps } from './authentication.js';
import { SshFailure } from './errors.js';
import { type FoundHostKey, foundHostKey, hostKeyRefusal, offeredFor } from './host-key.js';
import type { SshLogin } from './login.js';

/** A server, and what it must prove. */
export interface SshTarget {
  /** From the gate. It may still be connecting. It belongs to the connection. */
  socket: Socket;
  hostKey: HostKey | undefined;
}

/** A signed-in connection. It ends for good at its first failure. */
export interface SshConnection {
  client: Client;
  findings: Pick<Findings, 'server' | 'hostKey'>;
  /**
   * One request with a callback. Rejects with the failure of the connection when that ends.
   * @param send calls the driver
   */
  request<Result>(
    send: (done: (error: Error | null | undefined, result: Result) => void) => void,
  ): Promise<Result>;
  /** Ends the connection: what waits for it fails. */
  fail(failure: Error): void;
  /** Says goodbye, and resolves when the server has hung up. */
  close(): Promise<void>;
}

/** Without SHA-1, CBC, finite-field groups below 2,048 bits and groups that the server chooses. */
const algorithms = {
  kex: [
    'curve25519-sha256',
    'curve25519-sha256@libssh.org',
    'ecdh-sha2-nistp256',
    'ecdh-sha2-nistp384',
    'ecdh-sha2-nistp521',
    'diffie-hellman-group16-sha512',
    'diffie-hellman-group18-sha512',
    'diffie-hellman-group14-sha256',
  ],
  cipher: ['aes128-gcm@openssh.com', 'aes256-gcm@openssh.com', 'aes128-ctr', 'aes192-ctr', 'aes256-ctr'],
  hmac: ['hmac-sha2-256-etm@openssh.com', 'hmac-sha2-512-etm@openssh.com', 'hmac-sha2-256', 'hmac-sha2-512'],
  compress: ['none'],
} as const satisfies ConnectConfig['algorithms'];

const keepAliveMs = 15_000;
const unansweredMax = 3;

/** A failure of the driver as one with a code; failures of the network stay as they are. */
function codedFailure(error: unknown): Error {
  const { level, code, message = '' } = error as { level?: unknown; code?: unknown; message?: string };
  if (error instanceof ConnectorError || error instanceof SshFailure) return error;
  if (typeof code === 'number') return new SshFailure(`SSH_DISCONNECT_${code}`, error);
  if (level === 'client-authentication') return new SshFailure('SSH_SIGN_IN_REFUSED', error);
  if (level === 'client-timeout') return new SshFailure('SSH_SILENT', error);
  if (level === 'client-socket') return error as Error;
  if (message.startsWith('Handshake failed: no matching'))
    return new SshFailure('SSH_NO_COMMON_ALGORITHM', error);
  if (message.startsWith('Connection lost')) return new SshFailure('SSH_CLOSED', error);
  return new SshFailure('SSH_PROTOCOL', error);
}

/** Members of the driver's client that its typings omit. */
interface ClientParts {
  _remoteVer?: string;
}

/** `OpenSSH_9.2p1` → product and version. */
function serverOf(client: Client): Findings['server'] {
  const [, product, version] =
    /^([A-Za-z][\w.+-]*?)[_-](\d[\w.+-]*)/.exec((client as ClientParts)._remoteVer ?? '') ?? [];
  return product === undefined || version === undefined ? undefined : { product, version };
}

/** The state of a connection, from its start to its end. */
function begin({ socket, hostKey }: SshTarget, steps: AuthenticationSteps | undefined) {
  const client = new ssh2.Client();
  const waiting = new Set<(failure: Error) => void>();
  let failure: Error | undefined;
  let found: FoundHostKey | undefined;

  const fail = (error: Error) => {
    failure ??= error;
    socket.destroy();
    for (const reject of waiting) reject(failure);
    waiting.clear();
  };
  client.on('error', (error) => fail(codedFailure(error)));
  client.on('close', () => fail(new SshFailure('SSH_CLOSED')));
  client.on('change password', () => fail(new SshFailure('SSH_PASSWORD_EXPIRED')));
  const request = <Result>(send: (done: (error: Error | null | undefined, result: Result) => void) => void) =>
    new Promise<Result>((resolve, reject) => {
      if (failure) return reject(failure);
      waiting.add(reject);
      try {
        send((error, result) => {
          // What the driver says to each request when the connection ends is not why it ended.
          if (!waiting.delete(reject)) return;
          if (error) reject(error);
          else resolve(result);
        });
      } catch (error) {
        waiting.delete(reject);
        reject(failure ?? error);
      }
    });
  const connect = () =>
    client.connect({
      sock: socket,
      username: steps?.username ?? '',
      authHandler: steps ? steps.handlerOf(fail) : () => undefined,
      // Called again whenever keys are exchanged.
      hostVerifier: (blob: Buffer) => {
        const refusal = hostKeyRefusal(hostKey, blob);
        if (refusal) fail(refusal);
        else found = foundHostKey(blob);
        return refusal === undefined;
      },
      algorithms: { ...algorithms, serverHostKey: offeredFor(hostKey) } as never,
      keepaliveInterval: keepAliveMs,
      keepaliveCountMax: unansweredMax,
      // The caller's signal is the only deadline.
      readyTimeout: 0,
    });
  return { client, request, fail, connect, hostKey: () => found as FoundHostKey };
}

/**
 * Exchanges keys and hangs up: nothing of a login is sent.
 * @throws ConnectorError `host_key_refused` with the fingerprint that was found
 */
export async function proveHostKey(target: SshTarget): Promise<FoundHostKey> {
  const { client, request, connect, hostKey } = begin(target, undefined);
  await request<void>((done) => {
    client.once('handshake', () => {
      target.socket.destroy();
      done(null, undefined);
    });
    connect();
  });
  return hostKey();
}

/**
 * Connects and signs in. The host key is verified before anything of the login is sent.
 * @throws ConnectorError `host_key_refused` with the fingerprint that was found; `SshFailure`
 */
export async function connectSsh(target: SshTarget, login: SshLogin): Promise<SshConnection> {
  const { socket } = target;
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  try {
    const { client, request, fail, connect, hostKey } = begin(target, authenticationSteps(login));
    await request<void>((done) => {
      client.once('ready', () => done(null, undefined));
      connect();
    });
    const server = serverOf(client);
    return {
      ...{ client, request, fail },
      findings: { hostKey: hostKey(), ...(server ? { server } : {}) },
      close() {
        client.end();
        return closed;
      },
    };
  } catch (error) {
    socket.destroy();
    throw error;
  }
}
