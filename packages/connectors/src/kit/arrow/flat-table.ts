// Tables of a FlatBuffer (FlatBuffers, "Internals") that a stranger has written: every offset is checked against the
// bytes that are there, so that a forged one ends the read and reaches nothing.

/** The bytes are not what they claim to be. */
export class BrokenStream extends Error {}

export const broken = (what: string): BrokenStream => new BrokenStream(what);

/** Items of a vector, which all lie within the bytes. */
export interface FlatVector {
  at: number;
  length: number;
}

export class FlatTable {
  readonly #view: DataView;
  readonly #at: number;
  readonly #vtable: number;
  readonly #vtableBytes: number;
  readonly #tableBytes: number;

  private constructor(view: DataView, at: number) {
    this.#view = view;
    this.#at = at;
    this.#assertInside(at, 4);
    this.#vtable = at - view.getInt32(at, true);
    this.#assertInside(this.#vtable, 4);
    this.#vtableBytes = view.getUint16(this.#vtable, true);
    this.#tableBytes = view.getUint16(this.#vtable + 2, true);
    this.#assertInside(this.#vtable, this.#vtableBytes);
    this.#assertInside(at, this.#tableBytes);
  }

  /** The root table. @throws BrokenStream */
  static root(bytes: Uint8Array): FlatTable {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    if (view.byteLength < 8) throw broken('a message without a table');
    return new FlatTable(view, view.getUint32(0, true));
  }

  #assertInside(at: number, length: number): void {
    if (at < 0 || at + length > this.#view.byteLength)
      throw broken('an offset that leads out of its message');
  }

  /** Position of a field; undefined where it has its default. */
  #field(slot: number, width: number): number | undefined {
    const entry = 4 + slot * 2;
    if (entry + 2 > this.#vtableBytes) return undefined;
    const offset = this.#view.getUint16(this.#vtable + entry, true);
    if (offset === 0) return undefined;
    if (offset + width > this.#tableBytes) throw broken('a field outside of its table');
    return this.#at + offset;
  }

  #target(at: number): number {
    const target = at + this.#view.getUint32(at, true);
    this.#assertInside(target, 4);
    return target;
  }

  byte(slot: number, absent = 0): number {
    const at = this.#field(slot, 1);
    return at === undefined ? absent : this.#view.getUint8(at);
  }

  short(slot: number, absent = 0): number {
    const at = this.#field(slot, 2);
    return at === undefined ? absent : this.#view.getInt16(at, true);
  }

  int(slot: number, absent = 0): number {
    const at = this.#field(slot, 4);
    return at === undefined ? absent : this.#view.getInt32(at, true);
  }

  /** A length or position: at most what a double holds, and never negative. */
  size(slot: number): number {
    const at = this.#field(slot, 8);
    return at === undefined ? 0 : this.sizeAt(at);
  }

  sizeAt(at: number): number {
    const size = this.#view.getBigInt64(at, true);
    if (size < 0n || size > BigInt(Number.MAX_SAFE_INTEGER)) throw broken('a length that is not one');
    return Number(size);
  }

  table(slot: number): FlatTable | undefined {
    const at = this.#field(slot, 4);
    return at === undefined ? undefined : new FlatTable(this.#view, this.#target(at));
  }

  vector(slot: number, itemBytes: number): FlatVector | undefined {
    const field = this.#field(slot, 4);
    if (field === undefined) return undefined;
    const at = this.#target(field);
    const length = this.#view.getUint32(at, true);
    this.#assertInside(at + 4, length * itemBytes);
    return { at: at + 4, length };
  }

  /** @throws BrokenStream for more than `most` */
  tables(slot: number, most: number): FlatTable[] {
    const { at, length } = this.vector(slot, 4) ?? { at: 0, length: 0 };
    if (length > most) throw broken('more tables than expected');
    return Array.from({ length }, (_, index) => new FlatTable(this.#view, this.#target(at + index * 4)));
  }

  /** Whether there is a text that is not empty. */
  hasText(slot: number): boolean {
    return (this.vector(slot, 1)?.length ?? 0) > 0;
  }
}
