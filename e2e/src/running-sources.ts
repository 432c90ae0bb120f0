import type { Values } from '@mooring/connectors/interface/login';
import type { SourceManifest } from '@mooring/connectors/interface/manifest';
import { metaOf, parseProperties, selectSignIn, withDefaults } from '@mooring/connectors/kit/properties';
import { endpointsOf } from '@mooring/connectors/kit/typed-input';
import { manifests, sourceOf } from '@mooring/connectors/registry';
import type { Connection, StartedSource, Surroundings } from '@mooring/connectors/suite/harness';
import { harnesses } from '@mooring/connectors/suite/harnesses';
import { shareServers } from '@mooring/connectors/suite/shared-servers';

// The servers of all sources, and what their harnesses tell of them.

export interface RunningSource {
  id: string;
  /** Doors that are answered without asking the source. */
  unasked: readonly string[];
  started: StartedSource;
}

export interface RunningSources {
  all: readonly RunningSource[];
  /** The operator's `sources`. */
  settings: Readonly<Record<string, Values>>;
  close(): Promise<void>;
}

/** Starts them one after the other, as they would compete for the processors. */
export async function startSources({ provider }: Pick<Surroundings, 'provider'>): Promise<RunningSources> {
  const servers = shareServers();
  const all: RunningSource[] = [];
  const close = async () => {
    for (const { started } of all) await started.close();
    await servers.close();
  };
  try {
    for (const [id, { start, unasked = [] }] of harnesses)
      all.push({ id, unasked, started: await start({ servers, ...(provider ? { provider } : {}) }) });
  } catch (error) {
    await close();
    throw error;
  }
  const settings = all.flatMap(({ id, started }) => (started.settings ? [[id, started.settings]] : []));
  return { all, settings: Object.fromEntries(settings), close };
}

/** The flat view of a source. */
export function manifestFor(id: string): SourceManifest {
  const found = manifests.find((one) => one.id === id);
  if (!found) throw new Error(`Unknown source ${id}`);
  return found;
}

/** Whether the sign-in is of the connection itself, and no user brings a login for it. */
export const signsInAsItself = (id: string, properties: Values): boolean =>
  selectSignIn(manifestFor(id), properties).oauth?.grant === 'client_credentials';

/** What is read through a connection. */
export const targetOf = ({ started }: RunningSource, { target }: Connection) =>
  target ?? { path: started.readable.path };

/** Properties that are dialled, and what of an address they have. */
export function dialledProperties(id: string): Map<string, 'host' | 'url'> {
  const manifest = manifestFor(id);
  return new Map(
    Object.keys(manifest.properties.shape).flatMap((name) => {
      const { dials } = metaOf(manifest, name);
      return dials ? [[name, dials] as const] : [];
    }),
  );
}

/**
 * Where a use with these properties leads: host and port of each endpoint.
 * @throws Error for properties that are not valid
 */
export function endpointsWith(id: string, properties: Values, settings: Values = {}) {
  const parsed = parseProperties(manifestFor(id), properties);
  if (!parsed.ok) throw new Error(`${id}: ${JSON.stringify(parsed.problems)}`);
  return endpointsOf(sourceOf(id), parsed.value.definition, settings);
}

const elsewhere = { host: 'elsewhere.example', port: 4242 };

/** The property with the port that belongs to a host: whose change moves the port of its endpoint. */
export function portOf(id: string, properties: Values, host: string): string {
  const whole = withDefaults(manifestFor(id), properties);
  const moved = Object.keys(whole).find((name) => {
    if (typeof whole[name] !== 'number') return false;
    const aimed = { ...properties, [host]: elsewhere.host, [name]: elsewhere.port };
    return endpointsWith(id, aimed).some((one) => one.host === elsewhere.host && one.port === elsewhere.port);
  });
  if (moved === undefined) throw new Error(`No property of ${id} has the port of ${host}`);
  return moved;
}

/** When the property is dialled: in a use, or in the exchanges of a sign-in. */
export function dialledIn(id: string, properties: Values, name: string): 'use' | 'sign-in' {
  const url = `http://${elsewhere.host}:${elsewhere.port}/`;
  const manifest = manifestFor(id);
  const aimed = { ...properties, [name]: dialledProperties(id).get(name) === 'url' ? url : elsewhere.host };
  if (endpointsWith(id, aimed).some(({ host }) => host === elsewhere.host)) return 'use';
  const exchanges = manifest.signIns.flatMap(({ oauth }) => (oauth ? [oauth.preset(aimed)] : []));
  if (JSON.stringify(exchanges).includes(elsewhere.host)) return 'sign-in';
  throw new Error(`${name} of ${id} is marked as dialled, and leads nowhere`);
}

/** Of the connections that work: the first, and each that sets a dialled property that those before it do not. */
export function leadingConnections({ id, started }: RunningSource): readonly Connection[] {
  const dialled = [...dialledProperties(id).keys()];
  return started.good.filter(({ properties }, at) => {
    const before = started.good.slice(0, at);
    return (
      at === 0 ||
      dialled.some((name) => name in properties && before.every((one) => !(name in one.properties)))
    );
  });
}

/** The first connection that works and sets this property, or else the first. */
export const connectionWith = ({ started }: RunningSource, name: string): Connection =>
  started.good.find(({ properties }) => name in properties) ?? started.good[0];
