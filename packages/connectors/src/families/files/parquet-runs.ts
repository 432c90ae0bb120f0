// Parquet's packed integers, decoded one by one: a run that claims a billion values costs nothing until they are
// requested. https://github.com/apache/parquet-format/blob/master/Encodings.md

const broken = () => new RangeError('a run outside its page');

/** Bits of little-endian packed bytes, at most 52. */
function bitsAt(bytes: Uint8Array, position: number, width: number): number {
  let value = 0;
  let at = position >>> 3;
  let skipped = position & 7;
  for (let read = 0; read < width; ) {
    const byte = bytes[at];
    if (byte === undefined) throw broken();
    const taken = Math.min(8 - skipped, width - read);
    value += ((byte >>> skipped) & ((1 << taken) - 1)) * 2 ** read;
    read += taken;
    skipped = 0;
    at += 1;
  }
  return value;
}

/** Unsigned LEB128 of at most 64 bits; `at` is where it ended. */
class Varints {
  at: number;
  readonly bytes: Uint8Array;

  constructor(bytes: Uint8Array, at: number) {
    this.bytes = bytes;
    this.at = at;
  }

  next(): number {
    let value = 0;
    for (let shift = 0; shift < 64; shift += 7) {
      const byte = this.bytes[this.at];
      if (byte === undefined) throw broken();
      this.at += 1;
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
    throw broken();
  }

  nextSigned(): bigint {
    let value = 0n;
    for (let shift = 0n; shift < 64n; shift += 7n) {
      const byte = this.bytes[this.at];
      if (byte === undefined) throw broken();
      this.at += 1;
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return (value >> 1n) ^ -(value & 1n);
    }
    throw broken();
  }
}

export const bitWidth = (largest: number): number => 32 - Math.clz32(largest);

/** The hybrid of run lengths and packed bits. A width of zero needs no bytes. */
export function hybridReader(bytes: Uint8Array, start: number, width: number): () => number {
  if (width === 0) return () => 0;
  if (width > 32) throw broken();
  const varints = new Varints(bytes, start);
  let left = 0;
  let repeated: number | undefined;
  let position = 0;
  const nextRun = () => {
    const header = varints.next();
    if (header % 2 === 1) {
      const groups = (header - 1) / 2;
      left = groups * 8;
      repeated = undefined;
      position = varints.at * 8;
      varints.at += groups * width;
    } else {
      left = header / 2;
      repeated = bitsAt(bytes, varints.at * 8, width);
      varints.at += (width + 7) >> 3;
    }
  };
  return () => {
    while (left === 0) nextRun();
    left -= 1;
    if (repeated !== undefined) return repeated;
    position += width;
    return bitsAt(bytes, position - width, width);
  };
}

/** Position within the blocks of DELTA_BINARY_PACKED. */
interface DeltaBlocks {
  varints: Varints;
  miniblocks: number;
  perMiniblock: number;
  count: number;
  first: bigint;
}

function deltaBlocks(bytes: Uint8Array, start: number): DeltaBlocks {
  const varints = new Varints(bytes, start);
  const blockSize = varints.next();
  const miniblocks = varints.next();
  const count = varints.next();
  const first = varints.nextSigned();
  const perMiniblock = blockSize / miniblocks;
  if (count > 0 && !(perMiniblock >= 8 && Number.isSafeInteger(perMiniblock / 8))) throw broken();
  return { varints, miniblocks, perMiniblock, count, first };
}

/** The bit widths of the next block's miniblocks. */
function nextWidths({ varints, miniblocks }: DeltaBlocks): Uint8Array {
  const widths = varints.bytes.subarray(varints.at, varints.at + miniblocks);
  if (widths.length < miniblocks) throw broken();
  varints.at += miniblocks;
  return widths;
}

/** Skips DELTA_BINARY_PACKED without decoding values. @returns where it ends and how many values it claims */
export function deltaEnd(bytes: Uint8Array, start: number): { end: number; count: number } {
  const blocks = deltaBlocks(bytes, start);
  const { varints, perMiniblock, count } = blocks;
  for (let left = count - 1; left > 0; ) {
    varints.nextSigned();
    for (const width of nextWidths(blocks)) {
      if (left <= 0) break;
      varints.at += (perMiniblock / 8) * width;
      left -= perMiniblock;
    }
  }
  if (varints.at > bytes.length) throw broken();
  return { end: varints.at, count };
}

/** Steps through the miniblocks. Yields the minimum delta and bit position for each value after the first. */
function deltaSteps(blocks: DeltaBlocks) {
  const { varints, perMiniblock } = blocks;
  const step = { least: 0n, width: 0, position: 0 };
  let widths = new Uint8Array();
  let miniblock = 0;
  let left = 0;
  return () => {
    if (left === 0) {
      if (miniblock === widths.length) {
        step.least = varints.nextSigned();
        widths = nextWidths(blocks) as Uint8Array<ArrayBuffer>;
        miniblock = 0;
      }
      step.width = widths[miniblock] ?? 0;
      if (step.width > 64) throw broken();
      step.position = varints.at * 8;
      varints.at += (perMiniblock / 8) * step.width;
      miniblock += 1;
      left = perMiniblock;
    } else step.position += step.width;
    left -= 1;
    return step;
  };
}

/** DELTA_BINARY_PACKED as integers of 32 bits. */
export function deltaReader32(bytes: Uint8Array, start: number): () => number {
  const blocks = deltaBlocks(bytes, start);
  const next = deltaSteps(blocks);
  let value = Number(BigInt.asIntN(32, blocks.first));
  let isFirst = true;
  let known: bigint | undefined;
  let least = 0;
  return () => {
    if (isFirst) {
      isFirst = false;
      return value;
    }
    const step = next();
    if (step.least !== known) {
      known = step.least;
      least = Number(BigInt.asIntN(32, known));
    }
    value = (value + least + bitsAt(bytes, step.position, Math.min(32, step.width))) | 0;
    return value;
  };
}

/** DELTA_BINARY_PACKED as integers of 64 bits. */
export function deltaReader64(bytes: Uint8Array, start: number): () => bigint {
  const blocks = deltaBlocks(bytes, start);
  const next = deltaSteps(blocks);
  let value = blocks.first;
  let isFirst = true;
  return () => {
    if (isFirst) {
      isFirst = false;
      return value;
    }
    const { least, position, width } = next();
    let rest = BigInt(bitsAt(bytes, position, Math.min(32, width)));
    if (width > 32) rest |= BigInt(bitsAt(bytes, position + 32, width - 32)) << 32n;
    value = BigInt.asIntN(64, value + least + rest);
    return value;
  };
}
