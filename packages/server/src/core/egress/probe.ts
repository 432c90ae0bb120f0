import type { Endpoint } from '@mooring/connectors/interface/endpoint';
import { ConnectorError, type ConnectorErrorKind } from '@mooring/connectors/interface/errors';
import type { DialStage } from './dialer.js';
import type { Gate } from './gate.js';

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
  { host, port, security, trust = {} }: Endpoint,
  signal?: AbortSignal,
): Promise<ProbeStage[]> {
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
