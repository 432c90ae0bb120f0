import type { Readable } from 'node:stream';

/** Random access to a file's bytes. Failures are `ConnectorError`s. */
export interface ByteRanges {
  byteLength: number;
  /** Bytes `start` (inclusive) to `end` (exclusive). */
  slice(start: number, end: number): Promise<ArrayBuffer>;
}

/** A file wherever it is kept: an S3 object, a file on an SFTP server. */
export interface StoredFile {
  /** Name whose ending says the format; never shown to callers. */
  name: string;
  /** Aborted when nobody wants the file any more; what is still open then is torn down. */
  signal: AbortSignal;
  /**
   * Opens the bytes from the start. `isGzip`: the store says the bytes are gzip although the name may not.
   * Destroying the stream must stop the transfer.
   */
  open(): Promise<{ body: Readable; isGzip: boolean }>;
  /** Opens the file for ranges; needed by Parquet, whose table of contents is at the end. */
  openRanges(): Promise<ByteRanges>;
}
