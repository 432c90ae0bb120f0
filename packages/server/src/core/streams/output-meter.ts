export type OutputMeter = ReturnType<typeof createOutputMeter>;

/** Counts the output of an encoder, and knows the byte cap. @param bytesMax 0: no cap */
export function createOutputMeter(bytesMax = 0) {
  let rows = 0;
  let bytes = 0;
  let isFull = false;
  return {
    /** Bytes left until the cap; infinite without one. */
    room: () => (bytesMax > 0 ? bytesMax - bytes : Number.POSITIVE_INFINITY),
    wrote(moreRows: number, moreBytes: number): void {
      rows += moreRows;
      bytes += moreBytes;
    },
    /** Called when the next row does not fit; nothing is written after this. */
    full(): void {
      isFull = true;
    },
    rows: () => rows,
    bytes: () => bytes,
    isFull: () => isFull,
  };
}
