import type { Cell } from '../../interface/data-types.js';
import { brokenParquet, failureAt, tooLargeParquet } from './parquet-errors.js';
import type { SchemaNode } from './parquet-footer.js';
import { type ParquetCaps, parquetLimits } from './parquet-limits.js';
import { type ParquetMemory, weightOf } from './parquet-memory.js';
import type { Page, PageReader } from './parquet-pages.js';

/** How much to decode ahead in one go. */
export interface Share {
  rows: number;
  cells: number;
  bytes: number;
}

const cellBytes = 24;

/** Where a leaf is, for messages. */
export interface LeafPlace {
  column: string;
  /** Rows of the file before the row group. */
  rowsBefore: number;
}

interface LeafParts {
  node: SchemaNode;
  pages: PageReader;
  memory: ParquetMemory;
  caps: ParquetCaps;
  place: LeafPlace;
}

/**
 * Entries of one leaf in one row group: repetition level, definition level and value, decoded ahead within a share. A
 * record is all entries of one row.
 */
export class LeafReader {
  readonly node: SchemaNode;
  readonly #pages: PageReader;
  readonly #memory: ParquetMemory;
  readonly #caps: ParquetCaps;
  readonly #place: LeafPlace;
  #begun = 0;
  #page: Page | undefined;
  #left = 0;
  #isEnded = false;
  #held = 0;

  #repetitions: number[] = [];
  #definitions: number[] = [];
  #values: (Cell | undefined)[] = [];
  /** Where each record starts. */
  #starts: number[] = [];
  /** Bytes of the values, and of those before the record that was decoded last. */
  #bytes = 0;
  #bytesBefore = 0;
  #record = 0;
  #at = 0;
  #end = 0;

  constructor({ node, pages, memory, caps, place }: LeafParts) {
    this.node = node;
    this.#pages = pages;
    this.#memory = memory;
    this.#caps = caps;
    this.#place = place;
  }

  /** Number of complete records available. */
  get ready(): number {
    const isLastWhole = this.#isEnded || this.node.repetition === 0;
    return Math.max(0, this.#starts.length - this.#record - (isLastWhole ? 0 : 1));
  }

  /** Decodes ahead: at least one record, unless none are left. */
  async fill(share: Share): Promise<void> {
    this.#compact();
    try {
      while (!this.#isFull(share)) {
        if (this.#left === 0 && !(await this.#turn())) return;
        this.#decodePage(share);
        this.#account();
      }
    } catch (error) {
      const { column, rowsBefore } = this.#place;
      throw failureAt(error, { column, row: rowsBefore + Math.max(1, this.#begun) });
    }
  }

  #isFull({ rows, cells, bytes }: Share): boolean {
    const { ready } = this;
    if (this.#isEnded || ready >= rows) return true;
    return ready > 0 && (this.#values.length - this.#at >= cells || this.#bytes >= bytes);
  }

  async #turn(): Promise<boolean> {
    this.#page = await this.#pages.next();
    this.#left = this.#page?.count ?? 0;
    this.#isEnded = this.#page === undefined;
    return !this.#isEnded;
  }

  #decodePage(share: Share): void {
    const page = this.#page;
    if (!page) return;
    const { definition: highest, repetition: deepest } = this.node;
    for (; this.#left > 0 && !this.#isFull(share); this.#left -= 1) {
      const repetition = page.repetition();
      const definition = page.definition();
      if (definition > highest || repetition > deepest) throw brokenParquet('an invalid level');
      if (repetition === 0) this.#begin();
      else if (this.#starts.length === 0) throw brokenParquet('a row without a start');
      const value = definition === highest ? page.value() : undefined;
      this.#repetitions.push(repetition);
      this.#definitions.push(definition);
      this.#values.push(value);
      this.#bytes += weightOf(value);
      this.#assertRecord();
    }
  }

  #begin(): void {
    this.#begun += 1;
    this.#starts.push(this.#values.length);
    this.#bytesBefore = this.#bytes;
  }

  #assertRecord(): void {
    const cells = this.#values.length - (this.#starts.at(-1) ?? 0);
    const { rowCells, rowBytes } = this.#caps;
    if (cells > rowCells || this.#bytes - this.#bytesBefore > rowBytes) {
      throw tooLargeParquet('a row that is too large');
    }
    // A record that never ends is counted while it grows.
    if (cells % parquetLimits.stepCells === 0) this.#account();
  }

  #account(): void {
    const held = this.#values.length * cellBytes + this.#bytes;
    this.#memory.hold(held - this.#held);
    this.#held = held;
  }

  /** Drops consumed records once they are most of the buffer. */
  #compact(): void {
    if (this.#at < this.#values.length / 2) return;
    const from = this.#at;
    this.#repetitions = this.#repetitions.slice(from);
    this.#definitions = this.#definitions.slice(from);
    this.#values = this.#values.slice(from);
    this.#starts = this.#starts.slice(this.#record).map((start) => start - from);
    this.#bytes = this.#values.reduce((sum: number, value) => sum + weightOf(value), 0);
    this.#bytesBefore = 0;
    this.#record = 0;
    this.#at = 0;
    this.#account();
  }

  /** The only entry of the next record of an unnested leaf; undefined for null. */
  nextFlat(): Cell | undefined {
    const value = this.#values[this.#at];
    this.#at += 1;
    this.#record += 1;
    return value;
  }

  beginRecord(): void {
    this.#end = this.#starts[this.#record + 1] ?? this.#values.length;
  }

  /** @throws ConnectorError unless all entries of the record were consumed */
  endRecord(): void {
    if (this.#at !== this.#end) throw brokenParquet('a row with too many values');
    this.#record += 1;
  }

  /** Definition level of the next entry. */
  definition(): number {
    if (this.#at >= this.#end) throw brokenParquet('a row with too few values');
    return this.#definitions[this.#at] ?? 0;
  }

  /** Repetition level of the next entry of this record, 0 if there is none. */
  repetition(): number {
    return this.#at < this.#end ? (this.#repetitions[this.#at] ?? 0) : 0;
  }

  take(): Cell | undefined {
    if (this.#at >= this.#end) throw brokenParquet('a row with too few values');
    this.#at += 1;
    return this.#values[this.#at - 1];
  }

  close(): void {
    this.#pages.close();
    this.#memory.release(this.#held);
    this.#held = 0;
    this.#isEnded = true;
  }
}
