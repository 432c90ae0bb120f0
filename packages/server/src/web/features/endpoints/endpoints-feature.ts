import {
  filterDataSourceEndpoints,
  generateQris,
  getDataSourceEndpoints,
} from '@mooring/contract/routes/data-source-endpoints';
import { type BoundRoute, bind } from '../../http/handler.js';
import { type EndpointsDependencies, endpointOf, filterEndpoint } from './filter-endpoint.js';
import { makeQri } from './qri-batch.js';

/** Where data is read, and what connections point to, without user names and secrets. */
export function createEndpointsFeature(deps: EndpointsDependencies): BoundRoute[] {
  const { catalogue } = deps;
  return [
    bind(getDataSourceEndpoints, async (_input, { caller }) => {
      const disabled = await catalogue.disabledIn(caller.tenantId);
      const enabled = catalogue.all().filter((manifest) => !disabled.has(manifest.id));
      return { status: 200, body: { endpoints: enabled.map((manifest) => endpointOf(deps, manifest)) } };
    }),
    bind(filterDataSourceEndpoints, async ({ body }, { caller }) => ({
      status: 201,
      body: await filterEndpoint(deps, caller, body),
    })),
    bind(generateQris, async ({ body }, scope) => {
      const data = [];
      for (const item of body.data) data.push(await makeQri(deps, scope, item, body.rawValues ?? false));
      return { status: 207, body: { data } };
    }),
  ];
}
