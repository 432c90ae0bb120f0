import { withoutCertificates } from '@mooring/connectors/kit/certificates';
import { exposedSecrets } from '@mooring/connectors/kit/exposed-secrets';
import type { SourceManifest } from '@mooring/connectors/spec/manifest';
import { InvalidRequest } from '../../../core/errors/app-error.js';
import type { Definition } from '../../../core/store/decoded-rows.js';

/** A definition as JSON without certificates. A few hundred bytes are usual, and lists hold thousands of definitions. */
const definitionBytesMax = 64 * 1024;

const bytesOf = (manifest: SourceManifest, definition: Definition): number =>
  Buffer.byteLength(JSON.stringify(withoutCertificates(manifest, definition)));

/**
 * @param stored the definition as it is: a secret that it already exposed may stay
 * @throws InvalidRequest
 */
export function assertNoExposedSecret(
  manifest: SourceManifest,
  definition: Definition,
  stored: Definition = {},
): void {
  const exposed = exposedSecrets(manifest, definition, stored);
  if (exposed.length > 0)
    throw new InvalidRequest(
      exposed.map(({ property, message }) => ({ field: `connectionProperties.${property}`, message })),
    );
}

/**
 * @param stored the definition as it is: one from before the limit may stay as large, but not grow
 * @throws InvalidRequest
 */
export function assertDefinitionSize(
  manifest: SourceManifest,
  definition: Definition,
  stored: Definition = {},
): void {
  const bytes = bytesOf(manifest, definition);
  if (bytes <= definitionBytesMax || bytes <= bytesOf(manifest, stored)) return;
  throw new InvalidRequest([
    {
      field: 'connectionProperties',
      message: `may have ${definitionBytesMax} bytes as JSON without certificates, and these have ${bytes}`,
    },
  ]);
}
