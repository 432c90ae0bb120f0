const firstBytes = 4 * 1024;

/** Joins pieces of any size in linear time; a million one-byte pieces take a million bytes, not as many buffers. */
export interface ByteCollector {
  readonly length: number;
  append(piece: Uint8Array): void;
  /** All bytes so far. Clears the collector. */
  take(): Buffer;
}

export function createByteCollector(): ByteCollector {
  let bytes = Buffer.alloc(0);
  let length = 0;
  return {
    get length() {
      return length;
    },
    append(piece) {
      if (length + piece.length > bytes.length) {
        const wider = Buffer.allocUnsafeSlow(Math.max(firstBytes, bytes.length * 2, length + piece.length));
        bytes.copy(wider, 0, 0, length);
        bytes = wider;
      }
      bytes.set(piece, length);
      length += piece.length;
    },
    take() {
      const taken = bytes.subarray(0, length);
      bytes = Buffer.alloc(0);
      length = 0;
      return taken;
    },
  };
}
