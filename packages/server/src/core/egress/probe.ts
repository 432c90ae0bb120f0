import type { Socket } from 'node:net';
import type { Endpoint } from '@mooring/connectors/interface/endpoint';
import { ConnectorError, type ConnectorErrorKind } from '@mooring/connectors/interface/errors';
import { translate } from '@mooring/connectors/kit/errors';
import { sshTable } from '@mooring/connectors/kit/ssh/errors';
import type { DialStage } from './dialer.js';
import { timedOut } from './failure.js';
import type { Gate } from './gate.js';

/**
 * A stage of reaching a server. `name`: the host has addresses, or is one. `route`: policy allows all of them; every
 * refusal shows here, also of a host that is not valid. `tcp`: connected. `tls`: negotiated and verified. `hostKey`:
 * the SSH server has shown the pinned key.
 */
export interface ProbeStage {
  name: DialStage | 'hostKey';
  ok: boolean;
  /** Duration of this stage in whole milliseconds. */
  ms: number;
  code?: ConnectorErrorKind;
  message?: string;
  remedy?: string;
}

const STAGES: readonly DialStage[] = ['name', 'route', 'tcp', 'tls'];
const SSH_STAGES: readonly ProbeStage['name'][] = ['name', 'route', 'tcp', 'hostKey'];
const HOST_KEY_MS_MAX = 10_000;

/**
 * Exchanges keys with an SSH server, which then hangs up: nothing of a login is sent.
 * @throws ConnectorError
 */
async function proveHost(socket: Socket, { trust = {} }: Endpoint, signal: AbortSignal | undefined) {
  const { proveHostKey } = await import('@mooring/connectors/kit/ssh/connection');
  const leave = () => socket.destroy();
  const late = timedOut();
  const timer = setTimeout(() => socket.destroy(late), HOST_KEY_MS_MAX);
  signal?.addEventListener('abort', leave, { once: true });
  if (signal?.aborted) leave();
  try {
    await proveHostKey({ socket, hostKey: trust.hostKey });
  } catch (error) {
    throw translate(sshTable, error, signal);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', leave);
  }
}

/**
 * Connects as a driver would and closes. @returns the stages in order up to the first that fails; a failing server
 * never rejects
 */
export async function probe(
  gate: Pick<Gate, 'dial'>,
  endpoint: Endpoint,
  signal?: AbortSignal,
): Promise<ProbeStage[]> {
  const { host, port, security, trust = {} } = endpoint;
  const stages: ProbeStage[] = [];
  let since = performance.now();
  const lap = () => {
    const before = since;
    since = performance.now();
    return Math.round(since - before);
  };
  // With a client certificate, or with an upgrade inside the protocol, the driver proves TLS.
  const isProbed = security === 'tls' && trust.clientCertificate !== true;
  const settings = {
    ...(trust.ca === undefined ? {} : { ca: trust.ca }),
    ...(trust.verify === 'none' ? { unverifiedTls: true } : {}),
  };
  try {
    const socket = await gate.dial(
      { host, port },
      {
        signal,
        tls: isProbed ? settings : undefined,
        onStage: (name) => stages.push({ name, ok: true, ms: lap() }),
      },
    );
    if (security === 'ssh') {
      await proveHost(socket, endpoint, signal);
      stages.push({ name: 'hostKey', ok: true, ms: lap() });
    }
    socket.destroy();
  } catch (error) {
    const name = (security === 'ssh' ? SSH_STAGES : STAGES)[stages.length];
    if (name === undefined || !(error instanceof ConnectorError)) throw error;
    stages.push({
      name,
      ok: false,
      ms: lap(),
      code: error.kind,
      message: error.message,
      ...(error.remedy === undefined ? {} : { remedy: error.remedy }),
    });
  }
  return stages;
}
