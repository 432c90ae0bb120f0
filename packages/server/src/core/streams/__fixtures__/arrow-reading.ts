import type { NeutralType, Row, ValueShape } from '@mooring/connectors/interface/data-types';
import { type Table, tableFromIPC } from 'apache-arrow';
import { encodeArrow } from '../encode-arrow.js';
import { batchesOf, bytesOf, column } from './synthetic-source.js';

export const tableOf = async (...input: Parameters<typeof encodeArrow>): Promise<Table> =>
  tableFromIPC(await bytesOf(encodeArrow(...input)));

/** Values of one column as its buffers hold them, so that nothing is lost to the reader's conversions. */
export async function stored(type: NeutralType, ...values: readonly Row[number][]) {
  const table = await tableOf([column('a', type)], batchesOf(values.map((value) => [value])));
  const data = table.getChildAt(0)?.data[0];
  const isValid = (index: number) => data?.getValid(index) ?? false;
  const raw = Array.from(data?.values as Iterable<number | bigint>).slice(0, values.length);
  return {
    type: String(table.schema.fields[0]?.type),
    values: raw.map((value, index) => (isValid(index) ? value : null)),
  };
}

/** Values of one column, as the reader converts them. */
export async function read(type: NeutralType | ValueShape, ...values: readonly Row[number][]) {
  const shaped = typeof type === 'string' ? column('a', type) : { ...column('a'), ...type };
  const table = await tableOf([shaped], batchesOf(values.map((value) => [value])));
  const vector = table.getChildAt(0);
  return { type: String(vector?.type), values: Array.from(vector ?? []) as unknown[] };
}
