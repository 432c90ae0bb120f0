import { promisify } from 'node:util';
import * as zlib from 'node:zlib';
import type { CompressionCodec } from 'hyparquet';
import { decompressZstd } from 'hyparquet-compressors';
import { ConnectorError } from '../../interface/errors.js';
import { copyBack, decodeLz4Block } from '../../kit/lz4.js';
import { brokenParquet, tooLargeParquet } from './parquet-errors.js';
import { parquetLimits } from './parquet-limits.js';

type Decompress = (stored: Uint8Array, bytes: number) => Uint8Array | Promise<Uint8Array>;
type Zlib = (stored: Uint8Array, options: { maxOutputLength: number }) => Promise<Uint8Array>;

const broken = () => brokenParquet('a page that cannot be decompressed');

/**
 * https://github.com/google/snappy/blob/main/format_description.txt. Our own, because hyparquet's loops forever on a
 * literal length that is negative as a 32-bit integer.
 */
function snappy(stored: Uint8Array, bytes: number): Uint8Array {
  const output = new Uint8Array(bytes);
  let at = 0;
  let to = 0;
  const number = (width: number) => {
    if (width > stored.length - at) throw broken();
    let value = 0;
    for (let index = 0; index < width; index += 1) value += (stored[at + index] ?? 0) * 256 ** index;
    at += width;
    return value;
  };
  const size = () => {
    let value = 0;
    for (let scale = 1; scale <= 128 ** 4; scale *= 128) {
      const byte = number(1);
      value += (byte & 127) * scale;
      if (byte < 128) return value;
    }
    throw broken();
  };
  if (size() !== bytes) throw broken();
  while (at < stored.length) {
    const tag = number(1);
    if ((tag & 3) === 0) {
      const literals = 1 + (tag >> 2 < 60 ? tag >> 2 : number((tag >> 2) - 59));
      if (literals > stored.length - at || literals > bytes - to) throw broken();
      output.set(stored.subarray(at, at + literals), to);
      at += literals;
      to += literals;
    } else {
      const isShort = (tag & 3) === 1;
      const length = isShort ? 4 + ((tag >> 2) & 7) : 1 + (tag >> 2);
      const offset = isShort ? ((tag >> 5) << 8) + number(1) : number((tag & 3) === 2 ? 2 : 4);
      if (!copyBack(output, to, { offset, length })) throw broken();
      to += length;
    }
  }
  return output.subarray(0, to);
}

/** @returns the number of bytes written */
function lz4Block(input: Uint8Array, output: Uint8Array, start: number): number {
  const end = decodeLz4Block(input, output, start);
  if (end === undefined) throw broken();
  return end - start;
}

const lz4Raw = (stored: Uint8Array, bytes: number) => {
  const output = new Uint8Array(bytes);
  return output.subarray(0, lz4Block(stored, output, 0));
};

/** Blocks in Hadoop framing: the output and input sizes, big-endian, precede each block. */
function lz4Hadoop(stored: Uint8Array, bytes: number): Uint8Array | undefined {
  const view = new DataView(stored.buffer, stored.byteOffset, stored.byteLength);
  const output = new Uint8Array(bytes);
  let to = 0;
  for (let at = 0; at < stored.length; ) {
    if (stored.length - at < 8) return undefined;
    const [outBytes, inBytes] = [view.getUint32(at), view.getUint32(at + 4)];
    at += 8;
    if (inBytes > stored.length - at || outBytes > bytes - to) return undefined;
    const block = stored.subarray(at, at + inBytes);
    if (lz4Block(block, output.subarray(0, to + outBytes), to) !== outBytes) return undefined;
    at += inBytes;
    to += outBytes;
  }
  return output.subarray(0, to);
}

function lz4(stored: Uint8Array, bytes: number): Uint8Array {
  try {
    return lz4Hadoop(stored, bytes) ?? lz4Raw(stored, bytes);
  } catch {
    return lz4Raw(stored, bytes);
  }
}

/** Decompresses on Node's thread pool. */
const pooled =
  (run: Zlib): Decompress =>
  (stored, bytes) =>
    run(stored, { maxOutputLength: Math.max(1, bytes) });

/** Content size, if the frame header has it: https://www.rfc-editor.org/rfc/rfc8878#section-3.1.1 */
function zstdContentBytes(stored: Uint8Array): number | undefined {
  const descriptor = stored[4] ?? 0;
  const isSingle = (descriptor >> 5) & 1;
  const width = [isSingle, 2, 4, 8][descriptor >> 6] ?? 0;
  if (width === 0) return undefined;
  const at = 6 - isSingle + ([0, 1, 2, 4][descriptor & 3] ?? 0);
  let size = width === 2 ? 256 : 0;
  for (let index = 0; index < width; index += 1) size += (stored[at + index] ?? 0) * 256 ** index;
  return size;
}

/** It trusts the frame header, so it is given the buffer to fill instead of allocating one. */
const zstdInJavaScript: Decompress = (stored, bytes) => {
  if ((zstdContentBytes(stored) ?? bytes) !== bytes) throw broken();
  return decompressZstd(stored, new Uint8Array(bytes));
};

/** In Node since 22.15. */
const { zstdDecompress } = zlib as { zstdDecompress?: typeof zlib.gunzip };

const decompressors: Partial<Record<CompressionCodec, Decompress>> = {
  UNCOMPRESSED: (stored) => stored,
  SNAPPY: snappy,
  GZIP: pooled(promisify(zlib.gunzip)),
  BROTLI: pooled(promisify(zlib.brotliDecompress)),
  LZ4: lz4,
  LZ4_RAW: lz4Raw,
  ZSTD: zstdDecompress ? pooled(promisify(zstdDecompress)) : zstdInJavaScript,
};

/**
 * Decompresses a page to the size that its header claims, once that size is within bounds.
 * @throws ConnectorError `too_large` for a page that is too large or expands too much, `protocol_error` for one that is
 * broken or of another size
 */
export async function decompress(
  codec: CompressionCodec,
  stored: Uint8Array,
  bytes: number,
): Promise<Uint8Array> {
  assertExpansion(stored.length, bytes);
  if (bytes === 0) return new Uint8Array();
  const run = decompressors[codec];
  if (!run)
    throw new ConnectorError(
      'unsupported',
      `The Parquet file is compressed with ${codec}, which is not supported.`,
      { remedy: 'Rewrite the file with Snappy, Zstandard, gzip, Brotli or LZ4.' },
    );
  const page = await run(stored, bytes);
  if (page.length !== bytes) throw broken();
  return page;
}

function assertExpansion(stored: number, bytes: number): void {
  const { freeBytes, ratioMax } = parquetLimits.expansion;
  if (bytes > parquetLimits.pageBytesMax) throw tooLargeParquet('a page that is too large');
  if (bytes > freeBytes && bytes > stored * ratioMax) {
    throw tooLargeParquet(`a page that expands to more than ${ratioMax} times its size`);
  }
}
