import type { SourceManifest } from '@mooring/connectors/interface/manifest';
import { apiSpecsOf } from '@mooring/connectors/qlik/api-specs';
import { qlikNamesOf } from '@mooring/connectors/qlik/names';
import { qriDefinitionOf } from '@mooring/connectors/qlik/qri';
import type { DataSource } from '@mooring/contract/data-source-schema';
import {
  getApiSpecs,
  getDataSourceGateways,
  getDataSourceIcon,
  getDataSourceSettings,
  listDataSources,
  putDataSourceSettings,
} from '@mooring/contract/routes/data-sources';
import { getDcaasApiSpecs } from '@mooring/contract/routes/dcaas';
import type { Caller } from '../../../core/access/caller.js';
import { assertTenantAdministrator } from '../../../core/access/tenant-administrator.js';
import type { Catalogue } from '../../../core/catalogue/catalogue.js';
import type { SourceSettings } from '../../../core/catalogue/source-settings.js';
import { type BoundRoute, bind } from '../../http/handler.js';

export interface CatalogueDependencies {
  catalogue: Catalogue;
  sourceSettings: SourceSettings;
  publicUrl: () => string;
  /** ISO 8601. */
  startedAt: string;
}

const assertAdministrator = (caller: Caller): void =>
  assertTenantAdministrator(caller, 'see or change these settings');

/** One node for each provider. Mooring has no separate connector nodes, so each is this server. */
function connectorNodes(manifests: readonly SourceManifest[], url: string) {
  const names = [...new Set(manifests.map((manifest) => qlikNamesOf(manifest).providerName))];
  return names.map((providerName) => ({
    url,
    contractType: 0,
    providerName,
    dataSourcesUpdated: true,
    state: 'READY',
    cachedDataSources: manifests
      .filter((manifest) => qlikNamesOf(manifest).providerName === providerName)
      .map((manifest) => manifest.id),
  }));
}

const present = (manifest: SourceManifest, isDisabled: boolean, iconUrl: string | undefined): DataSource => {
  const { provider, providerName, sourceProperty } = qlikNamesOf(manifest);
  return {
    dataSourceId: manifest.id,
    name: providerName,
    dataSourceName: manifest.name,
    provider,
    providerName,
    dataSourcePropertyName: sourceProperty,
    dataSourceType: 'connector',
    capabilities:
      manifest.category === 'file' ? ['streaming', 'STREAMING', 'SupportFileStreaming'] : ['streaming'],
    disabled: isDisabled,
    settings: [],
    qriDefinition: qriDefinitionOf(manifest),
    ...(iconUrl === undefined
      ? {}
      : { uiInfo: { iconSquareUrl: iconUrl, documentation: [...manifest.links] } }),
  };
};

const list = ({ catalogue, sourceSettings, publicUrl, startedAt }: CatalogueDependencies) =>
  bind(listDataSources, async ({ query }, { caller }) => {
    const { dataSourceId, includeDisabled = false } = query;
    const disabled = await sourceSettings.disabledIn(caller.tenantId);
    const manifests = dataSourceId
      ? [
          includeDisabled
            ? catalogue.get(dataSourceId)
            : await catalogue.enabled(caller.tenantId, dataSourceId),
        ]
      : catalogue.all().filter((manifest) => includeDisabled || !disabled.has(manifest.id));
    const iconOf = ({ id }: SourceManifest) =>
      query.includeui ? `${publicUrl()}/api/v1/data-sources/${id}/icon` : undefined;
    return {
      status: 200,
      body: {
        dataSources: manifests.map((manifest) =>
          present(manifest, disabled.has(manifest.id), iconOf(manifest)),
        ),
        lastUpdated: startedAt,
        updatedAt: startedAt,
        ...(query.detail ? { connectorNodes: connectorNodes(manifests, publicUrl()) } : {}),
      },
    };
  });

/** Data sources, their properties and their settings. */
export function createCatalogueFeature(deps: CatalogueDependencies): BoundRoute[] {
  const { catalogue, sourceSettings } = deps;
  return [
    list(deps),
    bind(getApiSpecs, async ({ params }, { caller }) => ({
      status: 200,
      body: apiSpecsOf(await catalogue.enabled(caller.tenantId, params.dataSourceId)),
    })),
    bind(getDcaasApiSpecs, async ({ query }, { caller }) => ({
      status: 200,
      body: apiSpecsOf(await catalogue.enabled(caller.tenantId, query.dataSourceId)),
    })),
    bind(getDataSourceGateways, async ({ params }) => {
      catalogue.get(params.dataSourceId);
      return { status: 200, body: { gateways: [], refreshedAt: new Date().toISOString() } };
    }),
    bind(getDataSourceSettings, async ({ params }, { caller }) => {
      assertAdministrator(caller);
      const { id } = catalogue.get(params.dataSourceId);
      return { status: 200, body: { disabled: await sourceSettings.isDisabled(caller.tenantId, id) } };
    }),
    bind(putDataSourceSettings, async ({ params, body }, { caller }) => {
      assertAdministrator(caller);
      const { id } = catalogue.get(params.dataSourceId);
      await sourceSettings.set(caller, id, body.disabled);
      return { status: 200, body: { disabled: body.disabled } };
    }),
    bind(getDataSourceIcon, async ({ params }) => ({
      status: 200,
      body: catalogue.get(params.dataSourceId).icon,
      headers: {
        'content-type': 'image/svg+xml; charset=utf-8',
        'cache-control': 'public, max-age=3600',
        'content-security-policy': "default-src 'none'; style-src 'unsafe-inline'; sandbox",
        'cross-origin-resource-policy': 'cross-origin',
      },
    })),
  ];
}
