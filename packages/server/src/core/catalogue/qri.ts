import type { SourceManifest } from '@mooring/connectors/interface/manifest';
import { qlikNamesOf } from '@mooring/connectors/qlik/names';
import { qriTargetOf } from '@mooring/connectors/qlik/qri';
import { sha256 } from '../crypto/digest.js';

/** Readable prefix and a hash of the target of a definition: equal for equal targets, in every space. */
export function qriOf(manifest: SourceManifest, definition: Readonly<Record<string, unknown>>): string {
  return `${qlikNamesOf(manifest).qriPrefix}${sha256(JSON.stringify(qriTargetOf(manifest, definition)))}`;
}
