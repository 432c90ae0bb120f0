// Connections that an SSH server opens. Source: RFC 4254 section 7.2.
import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import type { ClientChannel } from 'ssh2';
import type { Endpoint } from '../../interface/endpoint.js';
import { ConnectorError } from '../../interface/errors.js';
import type { Network, SocketTarget } from '../../interface/network.js';
import type { Context, Session } from '../../interface/session.js';
import { connectSsh, type SshConnection } from './connection.js';
import { SshFailure } from './errors.js';
import type { SshLogin } from './login.js';

/** SSH_OPEN_ADMINISTRATIVELY_PROHIBITED (RFC 4254 section 5.1). */
const PROHIBITED = 1;
/** The protocol asks for the side that wants the connection. */
const asker = { host: '127.0.0.1', port: 0 };

/** A forwarded connection, with as much of a socket as drivers use. */
class ForwardedSocket extends Duplex {
  connecting = true;
  readonly #opening: Promise<ClientChannel>;
  #channel: ClientChannel | undefined;
  #isOver = false;

  constructor(opening: Promise<ClientChannel>) {
    // TLS says goodbye after the other side has ended.
    super({ allowHalfOpen: true });
    this.#opening = opening;
  }

  override _construct(ready: (error?: Error | null) => void): void {
    this.#opening.then(
      (channel) => {
        this.#channel = channel;
        this.connecting = false;
        this.#follow(channel);
        ready();
        if (!this.destroyed) this.emit('connect');
      },
      (error: unknown) => ready(error as Error),
    );
  }

  #follow(channel: ClientChannel): void {
    let hasEnded = false;
    channel.on('data', (chunk: Buffer) => {
      if (!this.push(chunk)) channel.pause();
    });
    channel.on('end', () => {
      hasEnded = true;
      this.push(null);
    });
    channel.on('error', (error: Error) => this.destroy(error));
    // What was received before the end is still to be read.
    channel.on('close', () => {
      this.#isOver = true;
      if (!hasEnded) this.destroy(new SshFailure('SSH_CLOSED'));
      else if (this.readableEnded) this.destroy();
      else this.once('end', () => this.destroy());
    });
  }

  override _read(): void {
    this.#channel?.resume();
  }

  override _write(chunk: Buffer, _encoding: string, done: (error?: Error | null) => void): void {
    // Reads have met the end already.
    if (this.#isOver) done();
    else this.#channel?.write(chunk, done);
  }

  override _final(done: () => void): void {
    if (!this.#isOver) this.#channel?.end();
    done();
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#channel?.destroy();
    done(error);
  }

  setNoDelay(): this {
    return this;
  }
  setKeepAlive(): this {
    return this;
  }
  setTimeout(): this {
    return this;
  }
  ref(): this {
    return this;
  }
  unref(): this {
    return this;
  }
}

async function forward(
  { client, request }: SshConnection,
  { host, port }: SocketTarget,
): Promise<ClientChannel> {
  try {
    return await request<ClientChannel>((done) =>
      client.forwardOut(asker.host, asker.port, host, port, done),
    );
  } catch (error) {
    const { reason } = error as { reason?: unknown };
    if (reason === undefined) throw error;
    throw new SshFailure(reason === PROHIBITED ? 'SSH_FORWARDING_REFUSED' : 'SSH_FORWARDING_FAILED', error);
  }
}

const noHttp = () => {
  throw new ConnectorError('unsupported', 'HTTP does not go through the tunnel.');
};

/** Everything goes through the tunnel, or nowhere. */
const networkOf = (connection: SshConnection): Network => ({
  socket: (target) => new ForwardedSocket(forward(connection, target)) as unknown as Socket,
  agents: noHttp,
  fetch: async () => noHttp(),
});

/**
 * A session with a source behind a tunnel, which ends with it.
 * @param open opens the session through this network
 */
export async function throughTunnel(
  { host, port, trust }: Endpoint,
  login: SshLogin,
  { network }: Context,
  open: (network: Network) => Promise<Session>,
): Promise<Session> {
  const target = { socket: network.socket({ host, port }), hostKey: trust?.hostKey };
  const connection = await connectSsh(target, login);
  try {
    const session = await open(networkOf(connection));
    const own = { ping: session.ping.bind(session), close: session.close.bind(session) };
    const { hostKey } = connection.findings;
    return Object.assign(session, {
      ping: async (...given: Parameters<Session['ping']>) => ({
        ...(await own.ping(...given)),
        ...(hostKey ? { hostKey } : {}),
      }),
      close: async () => {
        await own.close();
        await connection.close();
      },
    });
  } catch (error) {
    connection.fail(new SshFailure('SSH_CLOSED'));
    throw error;
  }
}
