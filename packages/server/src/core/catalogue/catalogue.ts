import type { Endpoint } from '@mooring/connectors/interface/endpoint';
import type { Values } from '@mooring/connectors/interface/login';
import type { SourceManifest } from '@mooring/connectors/interface/manifest';
import { endpointsOf } from '@mooring/connectors/kit/typed-input';
import { type ConnectionProperties, parseConnectionProperties } from '@mooring/connectors/qlik/separated';
import { sourceOf } from '@mooring/connectors/registry';
import { AppError, InvalidRequest } from '../errors/app-error.js';
import type { SourceSettings } from './source-settings.js';

/** The data sources of this server. Drivers are loaded on first use. */
export interface Catalogue {
  all(): readonly SourceManifest[];
  /** @throws AppError DCAAS-2001 */
  get(id: string): SourceManifest;
  /**
   * As `get`, for creating or using a connection: refused when the tenant has switched the source off.
   * @throws AppError DCAAS-2001
   */
  enabled(tenantId: string, id: string): Promise<SourceManifest>;
  /** As `enabled`, for who knows whether it is switched off. */
  unlessDisabled(id: string, isDisabled: boolean): SourceManifest;
  /** Ids of the sources that the tenant has switched off. */
  disabledIn(tenantId: string): Promise<ReadonlySet<string>>;
  /** Where a definition of the source leads; the data first. Pure. */
  endpoints(manifest: SourceManifest, definition: Values): readonly Endpoint[];
}

/** The operator's `sources` of the configuration. */
type OperatorSettings = Readonly<Record<string, Readonly<Record<string, string>>>>;

/** What the operator does not allow is refused like any other invalid value. */
function underOperator(manifest: SourceManifest, settings: Readonly<Record<string, string>>): SourceManifest {
  const { conflicts, forbidden } = manifest;
  if (!forbidden) return manifest;
  return {
    ...manifest,
    conflicts: (definition) => [...(conflicts?.(definition) ?? []), ...forbidden(definition, settings)],
  };
}

export function createCatalogue(
  all: readonly SourceManifest[],
  settings: Pick<SourceSettings, 'isDisabled' | 'disabledIn'>,
  ofOperator: OperatorSettings = {},
): Catalogue {
  const manifests = all.map((manifest) => underOperator(manifest, ofOperator[manifest.id] ?? {}));
  const byId = new Map(manifests.map((manifest) => [manifest.id.toLowerCase(), manifest]));
  const get = (id: string): SourceManifest => {
    const found = byId.get(id.toLowerCase());
    if (found) return found;
    throw new AppError(
      'DCAAS-2001',
      `There is no data source ${JSON.stringify(id.slice(0, 64))}. GET /api/v1/data-sources lists them.`,
    );
  };
  const unlessDisabled = (id: string, isDisabled: boolean): SourceManifest => {
    const manifest = get(id);
    if (!isDisabled) return manifest;
    throw new AppError('DCAAS-2001', `An administrator has switched the data source ${manifest.id} off.`);
  };
  return {
    all: () => manifests,
    get,
    disabledIn: (tenantId) => settings.disabledIn(tenantId),
    enabled: async (tenantId, id) => unlessDisabled(id, await settings.isDisabled(tenantId, get(id).id)),
    unlessDisabled,
    endpoints: ({ id }, definition) => endpointsOf(sourceOf(id), definition, ofOperator[id] ?? {}),
  };
}

/**
 * @param stored names of the connection's own secrets that are already stored
 * @throws InvalidRequest naming each property
 */
export function splitProperties(
  manifest: SourceManifest,
  input: Readonly<Record<string, unknown>>,
  stored: readonly string[] = [],
): ConnectionProperties {
  const parsed = parseConnectionProperties(manifest, input, stored);
  if (parsed.ok) return parsed.value;
  throw new InvalidRequest(
    parsed.problems.slice(0, 50).map(({ property, message }) => ({
      field: property === 'connectionProperties' ? property : `connectionProperties.${property}`,
      message,
    })),
  );
}
