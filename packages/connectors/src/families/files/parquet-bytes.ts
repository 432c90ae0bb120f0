import { brokenParquet } from './parquet-errors.js';
import type { Chunk } from './parquet-footer.js';
import { parquetLimits } from './parquet-limits.js';
import type { ByteRanges } from './stored-file.js';

interface Span {
  start: number;
  end: number;
}

/** Bytes of one chunk, fetched piece by piece in file order. */
export class ChunkBytes {
  readonly chunk: Chunk;
  readonly #ranges: ByteRanges;
  readonly #fetchBytes: number;
  #start = 0;
  #piece = new Uint8Array();

  constructor(ranges: ByteRanges, chunk: Chunk, fetchBytes: number) {
    this.#ranges = ranges;
    this.chunk = chunk;
    this.#fetchBytes = fetchBytes;
  }

  /** Takes bytes that were fetched together with those of other chunks. */
  preload(start: number, piece: Uint8Array<ArrayBuffer>): void {
    this.#start = start;
    this.#piece = piece;
  }

  /** `length` bytes from `at` on, fewer at the end of the chunk. */
  async read(at: number, length: number): Promise<Uint8Array> {
    const end = Math.min(this.chunk.end, at + length);
    if (at < this.#start || end > this.#start + this.#piece.length) {
      const ahead = Math.min(this.chunk.end, Math.max(end, at + this.#fetchBytes));
      this.#piece = new Uint8Array(await this.#ranges.slice(at, ahead));
      this.#start = at;
    }
    return this.#piece.subarray(at - this.#start, end - this.#start);
  }
}

/** Small neighbouring chunks are fetched together: a request costs more than a few extra bytes. */
function mergeSpans(spans: readonly Span[]): Span[] {
  const merged: Span[] = [];
  for (const { start, end } of spans.toSorted((a, b) => a.start - b.start)) {
    const last = merged.at(-1);
    const isNear = last && start <= last.end + parquetLimits.gapBytes;
    if (isNear && end - last.start <= parquetLimits.fetchBytesMax) last.end = Math.max(last.end, end);
    else merged.push({ start, end });
  }
  return merged;
}

/** Opens the chunks of one row group and fetches the small ones immediately. */
export async function openChunks(ranges: ByteRanges, chunks: readonly Chunk[]): Promise<ChunkBytes[]> {
  const { storedBytes, fetchBytesMax, fetchBytesMin } = parquetLimits;
  if (chunks.some(({ end }) => end > ranges.byteLength))
    throw brokenParquet('a column chunk outside the file');
  const share = Math.floor(storedBytes / Math.max(1, chunks.length));
  const fetchBytes = Math.max(fetchBytesMin, Math.min(fetchBytesMax, share));
  const opened = chunks.map((chunk) => new ChunkBytes(ranges, chunk, fetchBytes));
  const small = opened
    .filter(({ chunk }) => chunk.end - chunk.start <= fetchBytes)
    .toSorted((a, b) => a.chunk.start - b.chunk.start);
  let next = 0;
  for (const { start, end } of mergeSpans(small.map(({ chunk }) => chunk))) {
    const piece = new Uint8Array(await ranges.slice(start, end));
    for (let bytes = small[next]; bytes && bytes.chunk.end <= end; bytes = small[next]) {
      bytes.preload(start, piece);
      next += 1;
    }
  }
  return opened;
}
