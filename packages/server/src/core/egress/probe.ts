import { ConnectorError, type ConnectorErrorKind } from '@mooring/connectors/spec/errors';
import type { SocketTarget } from '@mooring/connectors/spec/network';
import type { DialStage } from './dialer.js';
import type { Gate } from './gate.js';
import type { TlsSettings } from './tls-context.js';

export interface ProbeTarget extends SocketTarget, TlsSettings {
  /** Only `implicit` is followed into TLS; a driver that upgrades proves that stage itself. */
  tls: 'none' | 'implicit' | 'starttls';
}

/**
 * A step of reaching a server. `name`: the host has addresses, or needs none. `route`: policy allows them all; every
 * refusal shows here, also that of a host which is not one. `tcp`: connected. `tls`: agreed and verified.
 */
export interface ProbeStage {
  name: DialStage;
  ok: boolean;
  /** Whole milliseconds this step took. */
  ms: number;
  code?: ConnectorErrorKind;
  message?: string;
  remedy?: string;
}

const STAGES: readonly DialStage[] = ['name', 'route', 'tcp', 'tls'];

/**
 * Connects as a driver would and hangs up, telling the stages in order up to the first that fails, which ends the
 * list. Never rejects for a server's sake.
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
