import type { Readable } from 'node:stream';

/** An answer as it goes out. */
export interface WrittenAnswer {
  status: number;
  headers: Readonly<Record<string, string>>;
  text?: string;
  /** Instead of a text: its bytes, or where they come from. */
  bytes?: Uint8Array;
  stream?: Readable;
}
