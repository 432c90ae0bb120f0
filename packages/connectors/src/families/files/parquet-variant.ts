import { DEFAULT_PARSERS } from 'hyparquet/src/convert.js';
import { decodeVariantColumn } from 'hyparquet/src/variant.js';
import { depthMax } from './limits.js';
import { brokenParquet, tooLargeParquet } from './parquet-errors.js';
import type { ParquetCaps } from './parquet-limits.js';
import { parsersOf } from './parquet-types.js';

// hyparquet follows the offsets of a variant wherever they lead, so a value of a few bytes can hold itself many times
// over. Each is walked first: all that is in it must fit into its bytes.
// https://github.com/apache/parquet-format/blob/master/VariantEncoding.md

/** Bytes of one variant, and how many of them nothing has taken yet. */
class VariantBytes {
  readonly #bytes: Uint8Array;
  #left: number;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#left = bytes.length;
  }

  take(count: number): void {
    this.#left -= count;
    if (this.#left < 0) throw brokenParquet('a variant larger than its bytes');
  }

  number(at: number, width: number): number {
    let value = 0;
    for (let index = 0; index < width; index += 1) value += (this.#bytes[at + index] ?? 0) * 256 ** index;
    return value;
  }

  walk(at: number, depth: number): void {
    if (depth > depthMax) throw tooLargeParquet(`a value nested deeper than ${depthMax} levels`);
    this.take(1);
    const first = this.number(at, 1);
    const header = first >> 2;
    const kind = first & 3;
    if (kind === 1) this.take(header);
    else if (kind === 0) {
      // Binary and text say their length in four bytes.
      if (header === 15 || header === 16) this.take(4 + this.number(at + 1, 4));
    } else {
      const isObject = kind === 2;
      const idBytes = isObject ? ((header >> 2) & 3) + 1 : 0;
      const isLarge = ((isObject ? header >> 4 : header >> 2) & 1) === 1;
      this.#walkItems(at + 1, { countBytes: isLarge ? 4 : 1, idBytes, offsetBytes: (header & 3) + 1 }, depth);
    }
  }

  #walkItems(
    at: number,
    { countBytes, idBytes, offsetBytes }: { countBytes: number; idBytes: number; offsetBytes: number },
    depth: number,
  ): void {
    const count = this.number(at, countBytes);
    this.take(countBytes + count * idBytes + (count + 1) * offsetBytes);
    const offsets = at + countBytes + count * idBytes;
    const values = offsets + (count + 1) * offsetBytes;
    for (let index = 0; index < count; index += 1) {
      this.walk(values + this.number(offsets + index * offsetBytes, offsetBytes), depth + 1);
    }
  }
}

/** The names that variants use: offsets that only grow, so that they are no longer than the bytes. */
function assertMetadata(bytes: Uint8Array): void {
  const walked = new VariantBytes(bytes);
  const width = (((bytes[0] ?? 0) >> 6) & 3) + 1;
  const count = walked.number(1, width);
  walked.take(1 + width + (count + 1) * width);
  let last = 0;
  for (let index = 0; index <= count; index += 1) {
    const offset = walked.number(1 + width + index * width, width);
    if (offset < last) throw brokenParquet('names of a variant in no order');
    last = offset;
  }
  walked.take(last);
}

/** Whatever hyparquet may take for a variant, among the shredded values too. */
function assertValues(value: unknown, bytesMax: number): void {
  if (value instanceof Uint8Array) {
    if (value.length > bytesMax) throw tooLargeParquet('a variant that is too large');
    new VariantBytes(value).walk(0, 1);
  } else if (Array.isArray(value)) for (const item of value) assertValues(item, bytesMax);
  else if (typeof value === 'object' && value !== null && !(value instanceof Date)) {
    for (const item of Object.values(value)) assertValues(item, bytesMax);
  }
}

/** Opens a column of variants: from a record as it is stored to its value. */
export function variantDecoder(json: ParquetCaps['json']): (record: Record<string, unknown>) => unknown {
  const allParsers = { ...DEFAULT_PARSERS, ...parsersOf(json) };
  let stored: unknown;
  let copied: Uint8Array | undefined;
  return ({ metadata, ...values }) => {
    if (!(metadata instanceof Uint8Array)) throw brokenParquet('a variant without metadata');
    if (metadata !== stored || !copied) {
      assertMetadata(metadata);
      stored = metadata;
      // hyparquet keeps what it makes of names as long as their buffer, which here is not a whole page.
      copied = metadata.slice();
    }
    assertValues(values, json.recordBytes);
    return decodeVariantColumn({ metadata: copied, ...values }, allParsers) as unknown;
  };
}
