import type { ApiSpecs, PropertySpec } from '@mooring/contract/data-source-schema';
import { z } from 'zod';
import type { SourceManifest } from '../interface/manifest.js';
import { hasInteractiveSignIn } from '../kit/properties.js';
import { qlikNamesOf } from './names.js';
import { authCodeProperty, separatedProperties } from './separated.js';

/** The source's properties in Qlik's `api-specs` form. */
export function apiSpecsOf(manifest: SourceManifest): ApiSpecs {
  const { provider, connectorVersion } = qlikNamesOf(manifest);
  const schema = z.toJSONSchema(manifest.properties, { io: 'input', unrepresentable: 'any' });
  const properties: Record<string, PropertySpec> = {};
  for (const [name, value] of Object.entries(schema.properties ?? {})) {
    const { decides, dials, holder, sentInQuery, entriesByName, anyOf, examples, ...rest } = value as Record<
      string,
      unknown
    >;
    const type = typeof rest['type'] === 'string' ? rest['type'] : 'string';
    // Clients offer known values to users, as Qlik lists them; some sources accept others too, and their description
    // says so.
    properties[name] = { ...rest, type, ...(examples === undefined ? {} : { enum: examples }) };
  }
  if (hasInteractiveSignIn(manifest)) properties['authCode'] = authCodeProperty;
  return {
    connectorProvider: provider,
    connectorVersion,
    connectionProperties: {
      type: 'object',
      properties: { ...properties, ...separatedProperties },
      ...(schema.required && schema.required.length > 0 ? { required: schema.required } : {}),
    },
  };
}
