import { connectionSecretNames, selectSignIn, withDefaults } from '@mooring/connectors/kit/properties';
import type { SourceManifest } from '@mooring/connectors/spec/manifest';
import { Secret } from '@mooring/connectors/spec/secret';
import { InvalidRequest } from '../../../core/errors/app-error.js';

/** Names the members of a request that hold a secret, and that nothing was made of. */
export const passedOverHeader = 'mooring-passed-over';

export const passedOver = (names: readonly string[]): { headers?: Record<string, string> } =>
  names.length === 0 ? {} : { headers: { [passedOverHeader]: names.join(', ') } };

/** The property of a connection's own secret: that of its OAuth client, or the only one that the source has. */
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
 * `qConnectionSecret` as a property. Qlik's clients send it for every source; where connections keep none there is
 * nothing to make of it, and the answer says so: see {@link passedOverHeader}.
 * @throws InvalidRequest for an empty one, which in Qlik Cloud takes away the secret that is there
 */
export function connectionSecret(
  manifest: SourceManifest,
  properties: Readonly<Record<string, unknown>>,
  secret: string | undefined,
): { properties: Record<string, unknown>; passedOver: string[] } {
  if (secret === undefined) return { properties: {}, passedOver: [] };
  const name = secretProperty(manifest, properties);
  if (name === undefined) return { properties: {}, passedOver: secret === '' ? [] : ['qConnectionSecret'] };
  if (secret === '')
    throw new InvalidRequest([
      { field: 'qConnectionSecret', message: 'cannot be taken away alone: leave it out to keep it' },
    ]);
  return { properties: { [name]: new Secret(secret) }, passedOver: [] };
}
