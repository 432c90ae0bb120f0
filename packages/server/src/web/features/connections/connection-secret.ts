import { connectionSecretNames, selectSignIn, withDefaults } from '@mooring/connectors/kit/properties';
import type { SourceManifest } from '@mooring/connectors/spec/manifest';
import { Secret } from '@mooring/connectors/spec/secret';
import { InvalidRequest } from '../../../core/errors/app-error.js';

/** The header that names the secret members of a request that were ignored. */
export const ignored = (names: readonly string[]): { headers?: Record<string, string> } =>
  names.length === 0 ? {} : { headers: { 'mooring-passed-over': names.join(', ') } };

/** The property of a connection's own secret: the client secret of its OAuth client, or the data source's only one. */
function secretProperty(
  manifest: SourceManifest,
  properties: Readonly<Record<string, unknown>>,
): string | undefined {
  const { oauth } = selectSignIn(manifest, withDefaults(manifest, properties));
  if (oauth?.clientFields) return oauth.clientFields.clientSecret;
  const names = connectionSecretNames(manifest);
  return names.length === 1 ? names[0] : undefined;
}

/**
 * `qConnectionSecret` as a property. Qlik's clients send it for every data source; for one whose connections keep no
 * secret it is ignored, and the answer tells so: see {@link ignored}.
 * @throws InvalidRequest for an empty one, which in Qlik Cloud removes the stored secret
 */
export function connectionSecret(
  manifest: SourceManifest,
  properties: Readonly<Record<string, unknown>>,
  secret: string | undefined,
): { properties: Record<string, unknown>; ignored: string[] } {
  if (secret === undefined) return { properties: {}, ignored: [] };
  const name = secretProperty(manifest, properties);
  if (name === undefined) return { properties: {}, ignored: secret === '' ? [] : ['qConnectionSecret'] };
  if (secret === '')
    throw new InvalidRequest([
      { field: 'qConnectionSecret', message: 'cannot be removed alone: leave it out to keep it' },
    ]);
  return { properties: { [name]: new Secret(secret) }, ignored: [] };
}
