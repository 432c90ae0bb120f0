import type { Readable } from 'node:stream';

/** Random access to a file's bytes. Failures are `ConnectorError`s. */
export interface ByteRanges {
  byteLength: number;
  /** Bytes from `start` (inclusive) to `end` (exclusive). */
  slice(start: number, end: number): Promise<ArrayBuffer>;
  /** Frees what they hold. Idempotent, never fails. */
  close?(): void;
}

/** A file, wherever it is stored: an S3 object, a file on an SFTP server. */
export interface StoredFile {
  /** Name whose extension gives the format; never shown to callers. */
  name: string;
  /** Aborted when the file is no longer needed; whatever is open then is torn down. */
  signal: AbortSignal;
  /**
   * Opens the bytes from the start. `isGzip`: the store says that the bytes are gzip, although the name may not.
   * Destroying the stream must stop the transfer.
   */
  open(): Promise<{ body: Readable; isGzip: boolean }>;
  /** Opens the file for range reads; needed by Parquet, whose metadata is at the end. */
  openRanges(): Promise<ByteRanges>;
}
