// The subset of Thrift's compact protocol that Parquet uses. Nothing is allocated for a claimed length, and unknown
// fields are skipped. https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md

const nestingMax = 16;
const bytesOfVarintMax = 10;

const stop = 0;
const yes = 1;
const no = 2;
const int8 = 3;
const int64 = 6;
const double = 7;
const binary = 8;
const list = 9;
const set = 10;
const map = 11;
const struct = 12;

/** Reads the value of one field; `type` is its wire type. */
type Field = (type: number) => void;

/** The bytes end within a value. */
export class ThriftEnd extends RangeError {}

const broken = () => new Error('invalid Thrift data');

/** In a list, set or map, a boolean is a separate byte. */
const typeWithin = (type: number): number => (type === yes || type === no ? int8 : type);

export class ThriftReader {
  readonly #bytes: Uint8Array;
  #at: number;
  #nesting = 0;

  constructor(bytes: Uint8Array, at = 0) {
    this.#bytes = bytes;
    this.#at = at;
  }

  /** Offset of the next byte. */
  get offset(): number {
    return this.#at;
  }

  #byte(): number {
    const byte = this.#bytes[this.#at];
    if (byte === undefined) throw new ThriftEnd('truncated Thrift data');
    this.#at += 1;
    return byte;
  }

  #varint(): number {
    let value = 0;
    for (let index = 0; index < bytesOfVarintMax; index += 1) {
      const byte = this.#byte();
      value += (byte & 0x7f) * 2 ** (7 * index);
      if (byte < 0x80) return value;
    }
    throw broken();
  }

  /** A length that fits the remaining bytes. */
  #length(): number {
    const length = this.#varint();
    if (length > this.#bytes.length - this.#at) throw new ThriftEnd('truncated Thrift data');
    return length;
  }

  /** Integers beyond 2^53 lose digits. */
  integer(type: number): number {
    if (type < int8 || type > int64) throw broken();
    if (type === int8) return (this.#byte() << 24) >> 24;
    const zigzag = this.#varint();
    return zigzag % 2 === 0 ? zigzag / 2 : -(zigzag + 1) / 2;
  }

  boolean(type: number): boolean {
    if (type !== yes && type !== no) throw broken();
    return type === yes;
  }

  text(type: number): string {
    if (type !== binary) throw broken();
    const start = this.#at + this.#lengthAhead();
    return Buffer.from(this.#bytes.buffer, this.#bytes.byteOffset + start, this.#at - start).toString('utf8');
  }

  /** Skips a length and its bytes. @returns the number of bytes that the length itself took */
  #lengthAhead(): number {
    const before = this.#at;
    const length = this.#length();
    const width = this.#at - before;
    this.#at += length;
    return width;
  }

  /** Calls `each` for every element of a list, with its type. */
  elements(type: number, each: Field): void {
    if (type !== list && type !== set) throw broken();
    const header = this.#byte();
    let count = header >> 4;
    if (count === 15) count = this.#length();
    if (count > this.#bytes.length - this.#at) throw new ThriftEnd('truncated Thrift data');
    const elementType = typeWithin(header & 0x0f);
    for (let index = 0; index < count; index += 1) each(elementType);
  }

  /** Reads a struct and skips fields that are not in `fields`. */
  struct(type: number, fields: Readonly<Record<number, Field>>): void {
    if (type !== struct || this.#nesting >= nestingMax) throw broken();
    this.#nesting += 1;
    let id = 0;
    for (let header = this.#byte(); header !== stop; header = this.#byte()) {
      const fieldType = header & 0x0f;
      const delta = header >> 4;
      id = delta === 0 ? this.integer(int64) : id + delta;
      const take = fields[id];
      if (take) take(fieldType);
      else this.skip(fieldType);
    }
    this.#nesting -= 1;
  }

  /** Reads a struct at the start of the bytes. */
  root(fields: Readonly<Record<number, Field>>): void {
    this.struct(struct, fields);
  }

  /** Skips a value. */
  skip(type: number): void {
    if (type === yes || type === no) return;
    if (type >= int8 && type <= int64) this.integer(type);
    else if (type === double) for (let index = 0; index < 8; index += 1) this.#byte();
    else if (type === binary) this.#lengthAhead();
    else if (type === struct) this.struct(type, {});
    else if (type === list || type === set)
      this.#nested(() => this.elements(type, (each) => this.skip(each)));
    else if (type === map) this.#nested(() => this.#skipMap());
    else throw broken();
  }

  #nested(read: () => void): void {
    if (this.#nesting >= nestingMax) throw broken();
    this.#nesting += 1;
    read();
    this.#nesting -= 1;
  }

  #skipMap(): void {
    const count = this.#length();
    if (count === 0) return;
    const types = this.#byte();
    const [keyType, valueType] = [typeWithin(types >> 4), typeWithin(types & 0x0f)];
    for (let index = 0; index < count; index += 1) {
      this.skip(keyType);
      this.skip(valueType);
    }
  }
}
