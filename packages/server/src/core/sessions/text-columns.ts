import { cellText } from '@mooring/connectors/kit/json/cells';
import type { RowStream } from '@mooring/connectors/spec/connector';
import type { Column, Row } from '@mooring/connectors/spec/data-types';
import { ConnectorError } from '@mooring/connectors/spec/errors';

/**
 * The rows with the values of some columns as text. Sources with a text of their own for each value have given it
 * already; of all others a value that is no text becomes its JSON.
 * @throws ConnectorError `invalid_query` for a name that no column has
 */
export function withTextColumns(stream: RowStream, asText: readonly string[] = []): RowStream {
  const { columns, batches } = stream;
  for (const name of asText) {
    if (columns.some((column) => column.name === name)) continue;
    throw new ConnectorError(
      'invalid_query',
      `asText names ${JSON.stringify(name.slice(0, 128))}, which is no column.`,
    );
  }
  const positions = columns.flatMap(({ name, type }, position) =>
    asText.includes(name) && type !== 'string' ? [position] : [],
  );
  if (positions.length === 0) return stream;
  const isText = new Set(positions);
  const textColumn = ({ name, nullable }: Column): Column => ({ name, nullable, type: 'string' });
  const toTexts = (row: Row): Row =>
    row.map((cell, position) => (isText.has(position) ? cellText(cell) : cell));
  async function* texts() {
    for await (const batch of batches) yield batch.map(toTexts);
  }
  return {
    ...stream,
    columns: columns.map((column, position) => (isText.has(position) ? textColumn(column) : column)),
    batches: texts(),
  };
}
