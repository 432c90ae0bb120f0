import type { SourceManifest } from '@mooring/connectors/interface/manifest';
import { withoutCertificates } from '@mooring/connectors/kit/certificates';
import { exposedSecrets } from '@mooring/connectors/kit/exposed-secrets';
import { InvalidRequest, invalidField } from '../../../core/errors/app-error.js';
import type { Definition } from '../../../core/store/decoded-rows.js';

/** Of a definition as JSON without certificates. A few hundred are usual; lists contain thousands of definitions. */
const definitionBytesMax = 64 * 1024;

const bytesOf = (manifest: SourceManifest, definition: Definition): number =>
  Buffer.byteLength(JSON.stringify(withoutCertificates(manifest, definition)));

/**
 * Limits the size of a definition, and refuses secrets in it.
 * @param stored the definition as it is: one from before the limit may stay as large, but not grow, and a secret that
 * it already exposes may stay
 * @throws InvalidRequest
 */
export function assertDefinition(
  manifest: SourceManifest,
  definition: Definition,
  stored: Definition = {},
): void {
  const bytes = bytesOf(manifest, definition);
  if (bytes > definitionBytesMax && bytes > bytesOf(manifest, stored))
    throw invalidField(
      'connectionProperties',
      `may have ${definitionBytesMax} bytes as JSON without certificates, and these have ${bytes}`,
    );
  const exposed = exposedSecrets(manifest, definition, stored);
  if (exposed.length > 0)
    throw new InvalidRequest(
      exposed.map(({ property, message }) => ({ field: `connectionProperties.${property}`, message })),
    );
}
