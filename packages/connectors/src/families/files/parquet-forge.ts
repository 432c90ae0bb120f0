// Builds Parquet files byte by byte for tests, with true or false claims.

/** A Thrift value: integer, bytes, boolean, list, or a struct by field numbers. */
export type Forged = number | bigint | string | Uint8Array | boolean | Forged[] | { [field: number]: Forged };

export function varint(value: number | bigint): Buffer {
  const bytes: number[] = [];
  let left = BigInt.asUintN(64, BigInt(value));
  for (; left > 0x7fn; left >>= 7n) bytes.push(Number(left & 0x7fn) | 0x80);
  bytes.push(Number(left));
  return Buffer.from(bytes);
}

const zigzag = (value: number | bigint) => {
  const wide = BigInt.asIntN(64, BigInt(value));
  return varint((wide << 1n) ^ (wide >> 63n));
};

function typeOf(value: Forged): number {
  if (typeof value === 'boolean') return value ? 1 : 2;
  if (typeof value === 'number' || typeof value === 'bigint') return 6;
  if (typeof value === 'string' || value instanceof Uint8Array) return 8;
  return Array.isArray(value) ? 9 : 12;
}

export function thrift(value: Forged): Buffer {
  if (typeof value === 'boolean') return Buffer.alloc(0);
  if (typeof value === 'number' || typeof value === 'bigint') return zigzag(value);
  if (typeof value === 'string' || value instanceof Uint8Array) {
    return Buffer.concat([varint(Buffer.byteLength(value)), Buffer.from(value as string)]);
  }
  if (Array.isArray(value)) {
    const type = value.length === 0 ? 12 : typeOf(value[0] as Forged);
    return Buffer.concat([Buffer.of(0xf0 | type), varint(value.length), ...value.map(thrift)]);
  }
  const fields = Object.entries(value).map(([id, field]: [string, Forged]) =>
    Buffer.concat([Buffer.of(typeOf(field)), zigzag(Number(id)), thrift(field)]),
  );
  return Buffer.concat([...fields, Buffer.of(0)]);
}

/** A run of equal values. */
export function run(count: number, value: number, width: number): Buffer {
  const bytes = Buffer.alloc(Math.ceil(width / 8));
  if (bytes.length > 0) bytes.writeUIntLE(value, 0, bytes.length);
  return Buffer.concat([varint(BigInt(count) * 2n), bytes]);
}

/** With a length prefix, as for the levels of a data page. */
export function levels(count: number, value: number, width = 1): Buffer {
  const runs = run(count, value, width);
  const length = Buffer.alloc(4);
  length.writeUInt32LE(runs.length);
  return Buffer.concat([length, runs]);
}

export const encodings = { plain: 0, dictionary: 8, deltaBytes: 7, delta: 5 };

/** A page; `bytes` is its claimed size after decompression, `checksum` the claimed CRC-32 of its body. */
export function page(
  of: { values: number; encoding: number; isDictionary?: boolean; bytes?: number; checksum?: number },
  body: Buffer,
): Buffer {
  const { values, encoding, isDictionary = false, bytes = body.length, checksum } = of;
  const crc: Forged = checksum === undefined ? {} : { 4: checksum | 0 };
  const sizes = { 1: isDictionary ? 2 : 0, 2: bytes, 3: body.length, ...crc };
  const header: Forged = isDictionary
    ? { ...sizes, 7: { 1: values, 2: encoding } }
    : { ...sizes, 5: { 1: values, 2: encoding, 3: 3, 4: 3 } };
  return Buffer.concat([thrift(header), body]);
}

interface ForgedColumn {
  pages: Buffer;
  codec?: number;
  values?: number;
  /** Additional fields of the column chunk. */
  more?: { [field: number]: Forged };
}

export const codecs = { none: 0, snappy: 1, gzip: 2, brotli: 4, zstd: 6, lz4Raw: 7 };

export const repetitions = { required: 0, optional: 1, repeated: 2 };

/** A schema element: a leaf by its type, a group by its number of children. */
export function element(
  name: string,
  type: number | { children: number },
  repetition = 1,
  more: Forged = {},
): Forged {
  const kind: Forged = typeof type === 'number' ? { 1: type } : { 5: type.children };
  return { ...kind, 3: repetition, 4: name, ...(more as object) };
}

const magic = Buffer.from('PAR1');

export function withFooter(body: Buffer, footer: Buffer): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32LE(footer.length);
  return Buffer.concat([body, footer, length, magic]);
}

/** A file with one row group; `elements` excludes the root, which has `columns` columns unless given. */
export function forge(of: {
  elements: Forged[];
  rows: number;
  columns: ForgedColumn[];
  top?: number;
}): Buffer {
  const { elements, rows, columns, top = columns.length } = of;
  const bodies: Buffer[] = [magic];
  const places = new Map<Buffer, number>();
  let at = magic.length;
  const chunks = columns.map(({ pages, codec = 0, values = rows, more = {} }): Forged => {
    // Columns may share their pages, so that a file of a few bytes claims many.
    const start = places.get(pages) ?? at;
    if (start === at) {
      places.set(pages, at);
      bodies.push(pages);
      at += pages.length;
    }
    return {
      ...more,
      2: start,
      3: { 1: 1, 2: [0], 3: ['x'], 4: codec, 5: values, 6: pages.length, 7: pages.length, 9: start },
    };
  });
  const footer = thrift({
    1: 1,
    2: [{ 4: 'root', 5: top }, ...elements],
    3: rows,
    4: [{ 1: chunks, 2: at, 3: rows }],
  });
  return withFooter(Buffer.concat(bodies), footer);
}
