import type { Column } from '@mooring/connectors/interface/data-types';
import { emptyBatch } from '@mooring/connectors/kit/arrow/empty-batch';
import { arrowTypeOf, layoutOf } from '@mooring/connectors/kit/arrow/types';
import type { StreamFormat } from './media-type.js';

/** Member of NDJSON, and of Arrow's metadata, that no column has by chance. */
export const ownMember = '$mooring';
const arrowKey = 'mooring';

function arrowBatch(columns: readonly Column[], value: string): Uint8Array {
  let nodes = 0;
  let buffers = 0;
  for (const column of columns) {
    const layout = layoutOf(arrowTypeOf(column));
    nodes += layout.nodes;
    buffers += layout.buffers;
  }
  return emptyBatch({ nodes, buffers }, arrowKey, value);
}

/**
 * The end of a body that breaks off, so that readers learn why: a last line of NDJSON, `{"$mooring":{"error":{…}}}`,
 * or an empty record batch of Arrow whose metadata have the same under `mooring`. CSV has no place for it, nor has
 * Arrow within a message.
 * @param error as an item of an error answer
 * @param isAtRow the output ends with a whole row
 */
export function lastWords(
  { format, columns }: { format: StreamFormat; columns: readonly Column[] },
  error: unknown,
  isAtRow: boolean,
): Uint8Array {
  switch (format) {
    case 'ndjson':
    case 'ndjson-with-columns':
      return Buffer.from(`${isAtRow ? '' : '\n'}${JSON.stringify({ [ownMember]: { error } })}\n`);
    case 'arrow':
      return isAtRow ? arrowBatch(columns, JSON.stringify({ error })) : new Uint8Array(0);
    default:
      return new Uint8Array(0);
  }
}
