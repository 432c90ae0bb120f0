/** Counts the output of an encoder, and knows the byte cap. */
export interface OutputMeter {
  /** Bytes left until the cap; infinite without one. */
  room(): number;
  wrote(rows: number, bytes: number): void;
  /** Called when the next row does not fit; nothing is written after this. */
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
