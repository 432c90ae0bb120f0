import { apiSpecsOf } from '@mooring/connectors/kit/properties';
import type { SourceManifest } from '@mooring/connectors/spec/manifest';
import type { DataSource } from '@mooring/contract/catalogue';
import { getApiSpecs, getDataSourceIcon, listDataSources } from '@mooring/contract/routes/data-sources';
import { getDcaasApiSpecs } from '@mooring/contract/routes/dcaas';
import type { Catalogue } from '../../catalogue/catalogue.js';
import { type BoundRoute, bind } from '../../http/handler.js';

export interface CatalogueDependencies {
  catalogue: Catalogue;
  publicUrl: () => string;
  startedAt: string;
}

/** The data sources and their properties. */
export function createCatalogueFeature({
  catalogue,
  publicUrl,
  startedAt,
}: CatalogueDependencies): BoundRoute[] {
  const present = (manifest: SourceManifest, withUi: boolean): DataSource => ({
    dataSourceId: manifest.id,
    name: manifest.providerName,
    dataSourceName: manifest.name,
    provider: manifest.provider,
    providerName: manifest.providerName,
    dataSourcePropertyName: manifest.sourceProperty,
    dataSourceType: 'connector',
    capabilities:
      manifest.category === 'file' ? ['streaming', 'STREAMING', 'SupportFileStreaming'] : ['streaming'],
    disabled: false,
    settings: [],
    qriDefinition: { qriPrefix: manifest.qriPrefix },
    ...(withUi
      ? {
          uiInfo: {
            iconSquareUrl: `${publicUrl()}/api/v1/data-sources/${manifest.id}/icon`,
            documentation: [...manifest.links],
          },
        }
      : {}),
  });

  return [
    bind(listDataSources, async ({ query }) => {
      const manifests = query.dataSourceId ? [catalogue.get(query.dataSourceId)] : catalogue.all();
      const dataSources = manifests.map((manifest) => present(manifest, query.includeui ?? false));
      return { status: 200, body: { dataSources, lastUpdated: startedAt, updatedAt: startedAt } };
    }),
    bind(getApiSpecs, async ({ params }) => ({
      status: 200,
      body: apiSpecsOf(catalogue.get(params.dataSourceId)),
    })),
    bind(getDcaasApiSpecs, async ({ query }) => ({
      status: 200,
      body: apiSpecsOf(catalogue.get(query.dataSourceId)),
    })),
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
