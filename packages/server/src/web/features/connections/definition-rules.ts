import { withoutCertificates } from '@mooring/connectors/kit/certificates';
import { exposedSecrets } from '@mooring/connectors/kit/exposed-secrets';
import type { SourceManifest } from '@mooring/connectors/spec/manifest';
import { InvalidRequest } from '../../../core/errors/app-error.js';

/** Of a definition as JSON, certificates apart: a few hundred bytes are usual, and lists hold thousands. */
const definitionBytesMax = 64 * 1024;

type Definition = Readonly<Record<string, unknown>>;

const bytesOf = (manifest: SourceManifest, definition: Definition): number =>
  Buffer.byteLength(JSON.stringify(withoutCertificates(manifest, definition)));

/**
 * @param stored the definition as it stands: what was in it before it was refused may stay
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
 * @param stored the definition as it stands: one that was larger before there was a limit may stay so, and not grow
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
      message: `may have ${definitionBytesMax} bytes as JSON, certificates apart, and these have ${bytes}`,
    },
  ]);
}
