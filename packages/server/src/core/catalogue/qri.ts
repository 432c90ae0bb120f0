import type { SourceManifest } from '@mooring/connectors/interface/manifest';
import { qriTargetOf } from '@mooring/connectors/kit/qri';
import { sha256 } from '../crypto/digest.js';

/** Readable prefix and a hash of the target of a definition: equal for equal targets, in every space. */
export function qriOf(manifest: SourceManifest, definition: Readonly<Record<string, unknown>>): string {
  return `${manifest.qriPrefix}${sha256(JSON.stringify(qriTargetOf(manifest, definition)))}`;
}
