import type { Values } from '@mooring/connectors/interface/login';
import { type LabAuthorizationServer, startAuthorizationServer } from '@mooring/lab/authorization-server';
import { type Canary, startCanary } from '@mooring/lab/canary';
import { type Answer, type ApiClient, apiClient } from '@mooring/server/testing/api-client';
import { type MooringProcess, startMooring } from './mooring-process.js';
import { endpointsWith, type RunningSource, startSources } from './running-sources.js';

// Mooring that may reach only the lab's ports on loopback, next to a listener that it must never
// reach, whatever its input.

export interface EgressStand {
  mooring: MooringProcess;
  api: ApiClient;
  authorizationServer: LabAuthorizationServer;
  /** On 127.0.0.1. */
  canary: Canary;
  /** On the same port of every loopback address that this machine has. */
  connections(): number;
  /** All of the registry, unless others were given. */
  sources: readonly RunningSource[];
  /** The operator's `sources`. */
  settings: Readonly<Record<string, Values>>;
  close(): Promise<void>;
}

async function startCanaries(): Promise<Canary[]> {
  const first = await startCanary();
  const others = ['127.0.0.2', '::1'].map((host) => startCanary({ host, port: first.port }));
  const started = await Promise.allSettled(others);
  // A machine without IPv6 has no ::1.
  return [first, ...started.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []))];
}

/** Environment variables that could redirect the traffic of a library. */
function misleading({ url, host, port }: Canary): Record<string, string> {
  const names = ['HTTP_PROXY', 'HTTPS_PROXY', 'ALL_PROXY', 'AWS_ENDPOINT_URL', 'AWS_ENDPOINT_URL_S3'];
  const google = ['BIGQUERY_EMULATOR_HOST', 'STORAGE_EMULATOR_HOST', 'GCE_METADATA_HOST'];
  return {
    ...Object.fromEntries(names.flatMap((name) => [name, name.toLowerCase()]).map((name) => [name, url])),
    ...Object.fromEntries(google.map((name) => [name, `${host}:${port}`])),
    AWS_CONTAINER_CREDENTIALS_FULL_URI: url,
    NO_PROXY: '',
    PGHOST: host,
    PGPORT: String(port),
  };
}

/** Where sources may be: whatever their connections lead to, and their settings. */
function placesOf(sources: readonly RunningSource[]): string[] {
  const endpoints = sources.flatMap(({ id, started }) =>
    [...started.good, ...(started.bySignIn ?? [])].flatMap(({ properties }) =>
      endpointsWith(id, properties, started.settings),
    ),
  );
  return endpoints.filter(({ via }) => via === undefined).map(({ host, port }) => `${host}:${port}`);
}

const placeOf = (url: string): string => new URL(url).host;

interface Others {
  /** Their addresses are allowed. */
  urls: readonly string[];
  settings: EgressStand['settings'];
  close(): Promise<void>;
}

/** @param startOthers instead of all sources */
export async function startEgressStand(
  startOthers?: (authorizationServer: LabAuthorizationServer) => Promise<Others>,
): Promise<EgressStand> {
  const authorizationServer = await startAuthorizationServer();
  const { client, issuer, authorizationEndpoint, tokenEndpoint, revocationEndpoint } = authorizationServer;
  const provider = { server: authorizationServer, tokenUrl: tokenEndpoint };
  const others = await startOthers?.(authorizationServer);
  const started = others ? { ...others, all: [] } : await startSources({ provider });
  const { all: sources, settings } = started;
  const canaries = await startCanaries();
  const [canary] = canaries as [Canary];
  const allowed = [placeOf(issuer), ...(others?.urls ?? []).map(placeOf), ...placesOf(sources)];
  const mooring = await startMooring({
    configuration: {
      egress: { loopback: 'deny', allow: [...new Set(allowed)] },
      // A first use loads its driver while many others do.
      limits: { testSeconds: 8, idleSeconds: 5 },
      oauth: {
        clients: { google: { ...client, issuer, authorizationEndpoint, tokenEndpoint, revocationEndpoint } },
      },
      sources: settings,
    },
    environment: misleading(canary),
  });
  return {
    ...{ mooring, authorizationServer, canary, sources, settings },
    api: apiClient(mooring.url, mooring.adminKey),
    connections: () => canaries.reduce((sum, one) => sum + one.connections(), 0),
    async close() {
      await mooring.stop();
      for (const part of [authorizationServer, started, ...canaries]) await part.close();
    },
  };
}

/** Mooring's answer for every destination that the policy forbids: the same for all. */
export const refusal = {
  code: 'EGRESS-REFUSED',
  title: 'Destination not allowed',
  detail:
    "The server's network policy does not allow this destination. Ask the operator of this server to allow it: MOORING_EGRESS_ALLOW, or egress.allow in the configuration.",
  status: 403,
};

export const isRefusal = ({ status, body }: Answer): boolean =>
  status === 403 && JSON.stringify(body?.errors) === JSON.stringify([refusal]);

/** The stage at which a test ended, and its code. */
export function endOfTest({ body }: Answer): string {
  const last = body?.stages?.at(-1);
  return last ? `${last.name} ${last.ok ? 'ok' : last.code}` : JSON.stringify(body?.errors);
}
