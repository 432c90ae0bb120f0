/** Counts what an encoder lets out, and tells it where the byte cap lies. */
export interface OutputMeter {
  /** Bytes that may still leave; infinite without a cap. */
  room(): number;
  wrote(rows: number, bytes: number): void;
  /** The next row does not fit; nothing is written after this. */
  full(): void;
  rows(): number;
  bytes(): number;
  isFull(): boolean;
}

/** @param bytesMax 0: no cap */
export function createOutputMeter(bytesMax = 0): OutputMeter {
  let rows = 0;
  let bytes = 0;
  let isFull = false;
  return {
    room: () => (bytesMax > 0 ? bytesMax - bytes : Number.POSITIVE_INFINITY),
    wrote(moreRows, moreBytes) {
      rows += moreRows;
      bytes += moreBytes;
    },
    full() {
      isFull = true;
    },
    rows: () => rows,
    bytes: () => bytes,
    isFull: () => isFull,
  };
}
