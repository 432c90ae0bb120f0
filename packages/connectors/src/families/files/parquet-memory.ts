import { tooLargeParquet } from './parquet-errors.js';
import { parquetLimits } from './parquet-limits.js';

/** Approximate size of a value as text, in bytes. */
export function weightOf(value: unknown): number {
  if (typeof value === 'string' || value instanceof Uint8Array) return value.length;
  if (typeof value !== 'object' || value === null) return 8;
  if (Array.isArray(value)) return value.reduce((sum: number, item) => sum + weightOf(item), 8);
  return Object.entries(value).reduce((sum, [key, item]) => sum + key.length + weightOf(item), 8);
}

/** Memory of one open file. Counted before it is allocated. */
export class ParquetMemory {
  #bytes = 0;

  /** @throws ConnectorError `too_large` when the file would exceed its memory limit */
  hold(bytes: number): void {
    this.#bytes += bytes;
    if (this.#bytes > parquetLimits.memoryBytesMax) {
      throw tooLargeParquet('pages or values that take too much memory at once');
    }
  }

  release(bytes: number): void {
    this.#bytes -= bytes;
  }
}
