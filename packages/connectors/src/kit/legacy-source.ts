import { z } from 'zod';
import type { Abilities, Level } from '../interface/abilities.js';
import type { Call } from '../interface/call.js';
import type {
  Connector as LegacyConnector,
  Session as LegacySession,
  Target as LegacyTarget,
} from '../interface/connector.js';
import type { Endpoint } from '../interface/endpoint.js';
import { ConnectorError, type ErrorTable } from '../interface/errors.js';
import { propertyMeta } from '../interface/fields.js';
import type { LoginMethod, Logins, Values } from '../interface/login.js';
import type { SourceManifest } from '../interface/manifest.js';
import type { ReadPlan, ReadRequest } from '../interface/plan.js';
import type { Session } from '../interface/session.js';
import type { SignInMethod } from '../interface/sign-in.js';
import type { AnySource, Connector } from '../interface/source.js';

// A source of the first interface as one of the second, until it has moved.

interface Capabilities {
  /** `read` takes a path, as browse returns it. */
  readPath: boolean;
  /** `read` takes a query. */
  readQuery: boolean;
  /** Reads files; a request may set the file options. */
  files?: boolean;
  /** The source itself refuses writes on the connections we open. */
  readOnlyAtSource: boolean;
  /** Longest path that `browse` and `read` accept, in segments. */
  browseDepth: number;
}

/** A manifest that can be wrapped. */
export interface LegacyManifest extends Omit<SourceManifest, 'abilities'> {
  capabilities: Capabilities;
  /** As `Connector.targets`, for what must not load the driver. */
  targets(definition: Values, settings: Readonly<Record<string, string>>): readonly LegacyTarget[];
  load(): Promise<{ connector: LegacyConnector }>;
}

export interface LegacySource extends AnySource {
  readonly manifest: SourceManifest;
}

export const isLegacy = (source: AnySource): source is LegacySource => 'manifest' in source;

const levels: Readonly<Record<SourceManifest['category'], readonly Level[]>> = {
  file: ['bucket', 'folder', 'file'],
  database: ['schema', 'table', 'column'],
  api: ['resource', 'column'],
};

function abilitiesOf({ category, capabilities }: LegacyManifest): Abilities {
  return {
    ...(capabilities.readQuery ? { query: { language: 'sql', parameters: 'none' } } : {}),
    pushdown: { columns: true, limit: true, order: false, filter: [] },
    browse: { levels: levels[category], depth: capabilities.browseDepth, search: false },
    describe: 'no',
    splits: false,
    bytes: false,
    files: capabilities.files === true,
    cancel: category === 'database' ? 'at-source' : 'disconnect',
    readOnly: capabilities.readOnlyAtSource ? 'enforced' : 'login',
    reset: false,
  };
}

function heldBy(
  manifest: Pick<SourceManifest, 'properties'>,
  holder: 'definition' | 'credential' | 'connection',
) {
  const shape = Object.entries(manifest.properties.shape) as [string, z.ZodType][];
  return Object.fromEntries(
    shape.filter(([, schema]) => (propertyMeta(schema)?.holder ?? 'definition') === holder),
  );
}

function loginOf(
  manifest: Pick<SourceManifest, 'properties' | 'credentialConflicts'>,
  method: SignInMethod,
): LoginMethod {
  const { label, required, when, applies, lacking, oauth, requiredProperties = [], requiredOneOf } = method;
  const { credentialConflicts } = manifest;
  const credential = heldBy(manifest, 'credential');
  const sets = requiredOneOf ?? (requiredProperties.length === 0 ? [] : [[]]);
  return {
    label,
    required,
    fields: Object.fromEntries(Object.entries(credential).filter(([name]) => method.fields.includes(name))),
    ...(when ? { when } : {}),
    ...(applies ? { applies } : {}),
    ...(sets.length === 0 ? {} : { needs: sets.map((set) => [...requiredProperties, ...set]) }),
    ...(lacking ? { lacking } : {}),
    ...(credentialConflicts ? { conflicts: credentialConflicts } : {}),
    ...(oauth ? { oauth } : {}),
  };
}

/** TLS with certificates of the connection is left to the driver, as before: which property has them, it knows. */
function endpointsOf(manifest: LegacyManifest, definition: Values, settings: Values): Endpoint[] {
  const isProbed = definition['rootCertificates'] === undefined;
  const found = manifest.targets(definition, settings as Readonly<Record<string, string>>);
  return found.map(({ host, port, tls }, index) => ({
    role: index === 0 ? 'data' : 'token',
    host,
    port,
    security: tls === 'implicit' ? (isProbed ? 'tls' : 'starttls') : tls,
  }));
}

/** The first interface knows one signal, that of the session, so the end of a call ends the session. */
async function within<Result>(ending: AbortController, call: Call, work: () => Promise<Result>) {
  const end = () => ending.abort(call.signal.reason);
  if (call.signal.aborted) end();
  call.signal.addEventListener('abort', end, { once: true });
  try {
    return await work();
  } finally {
    call.signal.removeEventListener('abort', end);
  }
}

async function planOf(
  session: LegacySession,
  ending: AbortController,
  request: ReadRequest,
  call: Call,
): Promise<ReadPlan> {
  const { target, columns, asText, file, limit } = request;
  const stream = await within(ending, call, () =>
    session.read({
      ...('path' in target ? { path: target.path } : { query: target.query }),
      ...(columns ? { columns } : {}),
      ...(asText ? { asText } : {}),
      ...(file ? { file } : {}),
      ...(limit === undefined ? {} : { limit }),
      batchRows: Math.min(batchRows, limit ?? batchRows),
      isPreview: call.isPreview,
    }),
  );
  const batches = stream.batches[Symbol.asyncIterator]();
  const close = async () => {
    await batches.return?.();
  };
  return {
    columns: stream.columns,
    done: { columns: true, limit: limit !== undefined, order: false, asText: true, filter: 'none' },
    splits: [null],
    ...(stream.file ? { file: stream.file } : {}),
    async *open(_split, _how, opened) {
      try {
        const next = () => within(ending, opened, () => batches.next());
        for (let batch = await next(); !batch.done; batch = await next()) yield { rows: batch.value };
      } finally {
        await close();
      }
    },
    close,
  };
}

const batchRows = 1000;

function sessionOf(session: LegacySession, ending: AbortController): Session {
  return {
    ping: async (call) => {
      await within(ending, call, () => session.ping());
      return {};
    },
    browse: ({ path, limit, page, file }, call) =>
      within(ending, call, () =>
        session.browse({
          ...{ path, limit },
          ...(page === undefined ? {} : { page }),
          ...(file ? { file } : {}),
        }),
      ),
    plan: (request, call) => planOf(session, ending, request, call),
    cancel: async () => ending.abort(new ConnectorError('cancelled', 'The work was cancelled.')),
    close: () => session.close(),
  };
}

/** Connectors of the first interface translate for themselves. */
const errors: ErrorTable = {
  codes: {},
  fallback: { kind: 'protocol_error', message: 'The source sent a response that could not be interpreted.' },
};

const connectorOf = (
  connector: LegacyConnector,
): Connector<{ properties: unknown; login: unknown; settings: unknown }> => ({
  errors,
  async open({ properties, login, settings }, { network, retries, signal }) {
    const ending = new AbortController();
    const { method, fields, token } = login as { method: string; fields: Values; token?: never };
    const session = await connector.open(
      {
        properties: properties as Values,
        login: { signIn: method, fields, ...(token ? { accessToken: token } : {}) },
      },
      {
        ...{ network, retries, signal: AbortSignal.any([signal, ending.signal]) },
        settings: settings as Readonly<Record<string, string>>,
      },
    );
    return sessionOf(session, ending);
  },
});

/** A manifest and its connector as a source. */
export function legacySource(manifest: LegacyManifest): LegacySource {
  const { id, name, category, stage, links, icon, evidence, arrange, conflicts, forbidden } = manifest;
  const { formerDefaults, queryCredential, target } = manifest;
  const logins: Logins = Object.fromEntries(
    manifest.signIns.map((method) => [method.id, loginOf(manifest, method)]),
  );
  const clientSecrets = heldBy(manifest, 'connection');
  const abilities = abilitiesOf(manifest);
  return {
    ...{
      specificationVersion: 2,
      manifest: { ...manifest, abilities },
      id,
      name,
      category,
      stage,
      links,
      icon,
      evidence,
      logins,
    },
    properties: z.strictObject(heldBy(manifest, 'definition')),
    ...(Object.keys(clientSecrets).length === 0 ? {} : { clientSecrets }),
    settings: z.strictObject(manifest.settings?.shape ?? {}).partial(),
    endpoints: (definition, settings) => endpointsOf(manifest, definition, settings),
    abilities,
    ...(target ? { target } : {}),
    ...(arrange ? { arrange } : {}),
    ...(conflicts ? { conflicts } : {}),
    ...(forbidden
      ? {
          forbidden: (definition: Values, settings: Values) =>
            forbidden(definition, settings as Readonly<Record<string, string>>),
        }
      : {}),
    ...(formerDefaults ? { formerDefaults } : {}),
    ...(queryCredential === undefined ? {} : { queryCredential }),
    load: async () => ({ connector: connectorOf((await manifest.load()).connector) }),
  };
}
