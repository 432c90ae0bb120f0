import { manifests } from '@mooring/connectors/registry';
import { withoutCertificates } from '@mooring/lab/known-secrets';
import { full } from '@mooring/lab/test-tier';
import { type Answer, type ApiClient, apiClient } from '@mooring/server/testing/api-client';
import type { Place } from '@mooring/server/testing/secret-search';
import { type CanaryLab, startCanaryLab } from './canary-lab.js';
import {
  arranged,
  failingSources,
  type SourceUse,
  secretProperties,
  workingSources,
} from './canary-sources.js';
import { type MooringProcess, startMooring } from './mooring-process.js';

// A Mooring that receives every kind of secret; all of its answers are kept.

export interface CanaryStand {
  mooring: MooringProcess;
  lab: CanaryLab;
  working: readonly SourceUse[];
  failing: readonly SourceUse[];
  /** Secrets that must never appear again, by name. */
  secrets: ReadonlyMap<string, string>;
  /** Shown to one user on purpose: they must not appear on disk or in the log. */
  handedOut: Map<string, string>;
  /** Adds a secret to the scan. @returns it */
  keep(name: string, value: string): string;
  /** All answers so far. */
  places: Place[];
  /** The API with this key; records every answer as a place. */
  recording(key: string): ApiClient;
  close(): Promise<void>;
}

function placeOf(name: string, { status, headers, text }: Answer): Place {
  const head = [...headers].map(([header, value]) => `${header}: ${value}`).join('\n');
  return { name, bytes: Buffer.from(`${status}\n${head}\n\n${text}`) };
}

function recordingClient(api: ApiClient, places: Place[]): ApiClient {
  const record = async (method: string, path: string, call: Promise<Answer>) => {
    const answer = await call;
    places.push(placeOf(`${method} ${path} -> ${answer.status}`, answer));
    return answer;
  };
  return {
    get: (path) => record('GET', path, api.get(path)),
    post: (path, body, headers) => record('POST', path, api.post(path, body, headers)),
    put: (path, body) => record('PUT', path, api.put(path, body)),
    patch: (path, body) => record('PATCH', path, api.patch(path, body)),
    delete: (path) => record('DELETE', path, api.delete(path)),
  };
}

/** A plain value, or the long lines of a file; of a key file, those of its private key. */
function linesOf({ value }: { value: string }): string[] {
  const text = value.startsWith('{') ? String(JSON.parse(value).private_key) : withoutCertificates(value);
  const lines = text.split('\n');
  return lines.length === 1 ? lines : lines.filter((line) => line.length > 40);
}

/** Values of the properties that their manifest marks secret. */
function secretsIn(use: SourceUse): [string, string][] {
  const { name, datasourceID } = use;
  const properties = arranged(use);
  return secretProperties(datasourceID).flatMap((property) => {
    const value = properties[property];
    const values =
      typeof value === 'string' ? [value] : ((value ?? []) as { value: string }[]).flatMap(linesOf);
    return values.map((one, index): [string, string] => [`${name} ${property} ${index}`, one]);
  });
}

/** Secret properties that no use sets, as `<source> <property>`. */
export function secretsLeftOut(uses: readonly SourceUse[]): string[] {
  return manifests.flatMap(({ id }) =>
    secretProperties(id)
      .filter((property) => !uses.some((use) => use.datasourceID === id && property in arranged(use)))
      .map((property) => `${id} ${property}`),
  );
}

export async function startCanaryStand(): Promise<CanaryStand> {
  const lab = await startCanaryLab();
  const { client, issuer, authorizationEndpoint } = lab.authorizationServer;
  const endpoints = { tokenEndpoint: lab.tokenUrl, revocationEndpoint: `${lab.tokenUrl}/revocation` };
  const mooring = await startMooring({
    configuration: {
      oauth: { clients: { google: { ...client, issuer, authorizationEndpoint, ...endpoints } } },
      sources: lab.sources.settings,
      // A caller who may not edit the connection gets a failure only after this time.
      limits: { testSeconds: full(15, 5) },
    },
    environment: { MOORING_LOG_LEVEL: 'debug' },
  });
  const [working, failing] = [workingSources(lab), failingSources(lab)];
  const secrets = new Map([...working, ...failing].flatMap(secretsIn));
  secrets.set('client secret of Google', client.clientSecret);
  const places: Place[] = [];
  return {
    ...{ mooring, lab, working, failing, secrets, places, handedOut: new Map() },
    keep(name, value) {
      secrets.set(name, value);
      return value;
    },
    recording: (key) => recordingClient(apiClient(mooring.url, key), places),
    async close() {
      await mooring.stop();
      await lab.close();
    },
  };
}
