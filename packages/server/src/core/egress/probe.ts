import { ConnectorError, type ConnectorErrorKind } from '@mooring/connectors/interface/errors';
import type { SocketTarget } from '@mooring/connectors/interface/network';
import type { DialStage } from './dialer.js';
import type { Gate } from './gate.js';
import type { TlsSettings } from './tls-context.js';

export interface ProbeTarget extends SocketTarget, TlsSettings {
  /** Only `implicit` TLS is probed; with an upgrade inside the protocol, the driver proves that stage. */
  tls: 'none' | 'implicit' | 'starttls';
}

/**
 * A stage of reaching a server. `name`: the host has addresses, or is one. `route`: policy allows all of them; every
 * refusal shows here, also of a host that is not valid. `tcp`: connected. `tls`: negotiated and verified.
 */
export interface ProbeStage {
  name: DialStage;
  ok: boolean;
  /** Duration of this stage in whole milliseconds. */
  ms: number;
  code?: ConnectorErrorKind;
  message?: string;
  remedy?: string;
}

const STAGES: readonly DialStage[] = ['name', 'route', 'tcp', 'tls'];

/**
 * Connects as a driver would and closes. @returns the stages in order up to the first that fails; a failing server
 * never rejects
 */
export async function probe(
  gate: Pick<Gate, 'dial'>,
  target: ProbeTarget,
  signal?: AbortSignal,
): Promise<ProbeStage[]> {
  const stages: ProbeStage[] = [];
  let since = performance.now();
  const lap = () => {
    const before = since;
    since = performance.now();
    return Math.round(since - before);
  };
  const { host, port, tls, ...settings } = target;
  try {
    const socket = await gate.dial(
      { host, port },
      {
        signal,
        tls: tls === 'implicit' ? settings : undefined,
        onStage: (name) => stages.push({ name, ok: true, ms: lap() }),
      },
    );
    socket.destroy();
  } catch (error) {
    const name = STAGES[stages.length];
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
