import type { Data, RecordBatch } from 'apache-arrow';
import { copiedBits, countSet } from './bitmaps.js';

// The library's slices keep the bitmaps of the whole batch, and its writer writes them out: rows beyond a limit would
// leave with them, and a batch written in pieces would grow with the square of their number.

/** Rows of a column, with bitmaps of their own; other buffers are views. */
function cut(data: Data, from: number, length: number): Data {
  const { type, offset, stride, valueOffsets, values } = data;
  const at = offset + from;
  const bitmap = data.nullCount > 0 ? copiedBits(data.nullBitmap as Uint8Array, at, length) : undefined;
  const nullCount = bitmap ? length - countSet(bitmap, length) : 0;
  const validity = nullCount > 0 ? bitmap : undefined;
  if (valueOffsets) {
    const offsets = valueOffsets.subarray(from, from + length + 1);
    return data.clone(type, 0, length, nullCount, [offsets, values, validity] as never);
  }
  // The values of a slice begin with its first, unless they are bits.
  const own = isBits(data)
    ? copiedBits(values as Uint8Array, at, length)
    : (values as Uint8Array).subarray(from * stride, (from + length) * stride);
  return data.clone(type, 0, length, nullCount, [undefined, own, validity] as never);
}

const boolTypeId = 6;
const isBits = ({ typeId }: Data): boolean => (typeId as number) === boolTypeId;

/** Children of lists are cut by the writer, which asks for them by their offsets. */
function withOwnItems(data: Data): Data {
  const [items] = data.children;
  const offsets = data.valueOffsets as Int32Array | undefined;
  if (!items || !offsets) return data;
  const first = offsets[0] ?? 0;
  const last = offsets[data.length] ?? first;
  const own = withOwnItems(cut(items, first, last - first));
  const rebased = first === 0 ? offsets : offsets.map((offset) => offset - first);
  const buffers = [rebased, undefined, data.nullBitmap];
  return data.clone(data.type, 0, data.length, data.nullCount, buffers as never, [own]);
}

/** The columns of some rows of a batch, without its other rows. */
export const cutColumns = (batch: RecordBatch, from: number, length: number): Data[] =>
  batch.data.children.map((child) => withOwnItems(cut(child, from, length)));
