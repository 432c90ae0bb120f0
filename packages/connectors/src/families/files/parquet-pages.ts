import { crc32 } from 'node:zlib';
import type { ChunkBytes } from './parquet-bytes.js';
import { decompress } from './parquet-codecs.js';
import { brokenParquet, tooLargeParquet } from './parquet-errors.js';
import type { SchemaNode } from './parquet-footer.js';
import { parquetLimits } from './parquet-limits.js';
import type { ParquetMemory } from './parquet-memory.js';
import { type PageHeader, readPageHeader } from './parquet-page-header.js';
import { bitWidth, hybridReader } from './parquet-runs.js';
import { ThriftEnd } from './parquet-thrift.js';
import { type Decode, Dictionary, type NextValue, openValues } from './parquet-values.js';

/** An open data page. Levels and values are decoded one by one. */
export interface Page {
  /** Number of entries: values and nulls. */
  count: number;
  repetition: () => number;
  definition: () => number;
  /** Only for entries with the maximum definition level. */
  value: NextValue;
}

const firstHeaderBytes = 4 * 1024;

/** The pages of one chunk in order. */
export class PageReader {
  readonly #bytes: ChunkBytes;
  readonly #node: SchemaNode;
  readonly #memory: ParquetMemory;
  readonly #decode: Decode;
  #at: number;
  #dictionary: Dictionary | undefined;
  #pageBytes = 0;

  constructor(bytes: ChunkBytes, node: SchemaNode, decode: Decode, memory: ParquetMemory) {
    this.#bytes = bytes;
    this.#node = node;
    this.#decode = decode;
    this.#memory = memory;
    this.#at = bytes.chunk.start;
  }

  /** The next data page with values; undefined after the last one. */
  async next(): Promise<Page | undefined> {
    this.#drop();
    // Some writers leave one byte after the last page.
    while (this.#at < this.#bytes.chunk.end - 1) {
      const header = await this.#header();
      const start = this.#at;
      this.#at += header.storedBytes;
      if (this.#at > this.#bytes.chunk.end) throw brokenParquet('a page outside its chunk');
      const isData = header.kind === 'data' || header.kind === 'data_v2';
      if (header.kind === 'other' || (isData && header.values === 0)) continue;
      if (header.bytes > parquetLimits.pageBytesMax) throw tooLargeParquet('a page that is too large');
      this.#memory.hold(header.bytes);
      // Held until the next page.
      this.#pageBytes = header.bytes;
      this.#memory.hold(header.storedBytes);
      const stored = await this.#bytes.read(start, header.storedBytes);
      if (header.checksum !== undefined && crc32(stored) !== header.checksum)
        throw brokenParquet('a page that does not match its checksum');
      const page = await (isData ? this.#open(header, stored) : this.#takeDictionary(header, stored));
      this.#memory.release(header.storedBytes);
      if (page) return page;
      this.#drop();
    }
    return undefined;
  }

  /** Releases the memory. */
  close(): void {
    this.#drop();
    this.#memory.release(this.#dictionary?.bytes ?? 0);
    this.#dictionary = undefined;
  }

  #drop(): void {
    this.#memory.release(this.#pageBytes);
    this.#pageBytes = 0;
  }

  async #header(): Promise<PageHeader> {
    for (let guess = firstHeaderBytes; ; guess *= 16) {
      const bytes = await this.#bytes.read(this.#at, guess);
      try {
        const { header, length } = readPageHeader(bytes);
        this.#at += length;
        return header;
      } catch (error) {
        const isWhole = bytes.length < guess || guess > parquetLimits.headerBytesMax;
        if (isWhole || !(error instanceof ThriftEnd)) throw error;
      }
    }
  }

  async #takeDictionary(header: PageHeader, stored: Uint8Array): Promise<undefined> {
    if (this.#dictionary) throw brokenParquet('two dictionaries');
    const page = await decompress(this.#bytes.chunk.codec, stored, header.bytes);
    this.#dictionary = new Dictionary(page, header.values, this.#node.element, this.#decode);
    this.#memory.hold(this.#dictionary.bytes);
  }

  async #open(header: PageHeader, stored: Uint8Array): Promise<Page> {
    const { kind, values: count, encoding } = header;
    const parts = await (kind === 'data' ? this.#levels(header, stored) : this.#levels2(header, stored));
    const { bytes, start, repetition, definition } = parts;
    const { element } = this.#node;
    const value = openValues({
      bytes,
      start,
      encoding,
      element,
      dictionary: this.#dictionary,
      decode: this.#decode,
    });
    return { count, repetition, definition, value };
  }

  /** Version 1: the whole page is compressed, and each kind of levels has a length prefix. */
  async #levels(header: PageHeader, stored: Uint8Array) {
    const bytes = await decompress(this.#bytes.chunk.codec, stored, header.bytes);
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    let start = 0;
    const levels = (highest: number) => {
      if (highest === 0) return () => 0;
      const from = start + 4;
      start = from + view.getUint32(start, true);
      if (start > bytes.length) throw brokenParquet('levels longer than their page');
      return hybridReader(bytes.subarray(0, start), from, bitWidth(highest));
    };
    const repetition = levels(this.#node.repetition);
    const definition = levels(this.#node.definition);
    return { bytes, start, repetition, definition };
  }

  /** Version 2: the levels come first, uncompressed, with their lengths in the header. */
  async #levels2(header: PageHeader, stored: Uint8Array) {
    const { repetitionBytes, definitionBytes, isCompressed } = header;
    const levelBytes = repetitionBytes + definitionBytes;
    if (levelBytes > stored.length || levelBytes > header.bytes)
      throw brokenParquet('levels longer than their page');
    const levels = (highest: number, from: number, length: number) =>
      highest === 0 ? () => 0 : hybridReader(stored.subarray(0, from + length), from, bitWidth(highest));
    const repetition = levels(this.#node.repetition, 0, repetitionBytes);
    const definition = levels(this.#node.definition, repetitionBytes, definitionBytes);
    const rest = stored.subarray(levelBytes);
    const codec = isCompressed && rest.length > 0 ? this.#bytes.chunk.codec : 'UNCOMPRESSED';
    const bytes = await decompress(
      codec,
      rest,
      codec === 'UNCOMPRESSED' ? rest.length : header.bytes - levelBytes,
    );
    return { bytes, start: 0, repetition, definition };
  }
}
