import type { RowStream } from '@mooring/connectors/interface/connector';
import type { Column, Row } from '@mooring/connectors/interface/data-types';
import { ConnectorError } from '@mooring/connectors/interface/errors';
import { cellText } from '@mooring/connectors/kit/json/cells';

/**
 * The rows with the values of some columns as text. Connectors with a text form for each value have already applied
 * it; for the others a value that is not text becomes its JSON.
 * @throws ConnectorError `invalid_query` for an unknown column
 */
export function withTextColumns(stream: RowStream, asText: readonly string[] = []): RowStream {
  const { columns, batches } = stream;
  for (const name of asText) {
    if (columns.some((column) => column.name === name)) continue;
    throw new ConnectorError(
      'invalid_query',
      `asText: ${JSON.stringify(name.slice(0, 128))} is not a column.`,
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
