import { createHash } from 'node:crypto';

/** An object's bytes are made when they are read, so a large one costs no memory. */
export interface StoredObject {
  size: number;
  /** With quotes. */
  etag: string;
  modified: Date;
  contentType: string;
  /** Bytes from `start` up to and without `end`. */
  read(start: number, end: number): Iterable<Buffer>;
}

/** Objects by key, by bucket. */
export type Buckets = Map<string, Map<string, StoredObject>>;

export function storedBytes(
  content: Buffer | string,
  contentType = 'application/octet-stream',
): StoredObject {
  const bytes = Buffer.from(content);
  return {
    size: bytes.length,
    etag: `"${createHash('md5').update(bytes).digest('hex')}"`,
    modified: new Date(),
    contentType,
    read: (start, end) => [bytes.subarray(start, end)],
  };
}

const rowsInBlock = 1000;
const header = Buffer.from('id,name,amount,at,flag\n');

/** A thousand rows of equal width whose ids lack the thousands; see `fillBlock`. */
function blockTemplate(): { bytes: Buffer; width: number } {
  const rows = Array.from({ length: rowsInBlock }, (_, row) => {
    const id = String(row).padStart(8, '0');
    const amount = (row * 1.01).toFixed(2).padStart(7, '0');
    const at = new Date(Date.UTC(2020, 0, 1) + row * 60_000).toISOString().slice(0, 19);
    return `${id},name ${id},${amount},${at}Z,${row % 2}\n`;
  });
  return { bytes: Buffer.from(rows.join('')), width: rows[0]?.length ?? 0 };
}

const digitsAbove = 5;
const idOffsets = [0, '00000000,name '.length];

/** A CSV of `blocks` thousand rows (57,000 bytes or so each), ids counting from zero, generated while it is read. */
export function generatedCsv(blocks: number): StoredObject {
  const template = blockTemplate();
  const blockBytes = template.bytes.length;
  const size = header.length + blocks * blockBytes;

  function fillBlock(block: number): Buffer {
    const bytes = Buffer.from(template.bytes);
    const digits = Buffer.from(String(block).padStart(digitsAbove, '0'));
    for (let row = 0; row < rowsInBlock; row += 1) {
      for (const offset of idOffsets) digits.copy(bytes, row * template.width + offset);
    }
    return bytes;
  }

  function* read(start: number, end: number): Generator<Buffer> {
    if (start < header.length) yield header.subarray(start, Math.min(end, header.length));
    const from = Math.max(0, start - header.length);
    const to = end - header.length;
    for (let block = Math.floor(from / blockBytes); block * blockBytes < to; block += 1) {
      const base = block * blockBytes;
      yield fillBlock(block).subarray(Math.max(0, from - base), Math.min(blockBytes, to - base));
    }
  }

  return { size, etag: `"generated-${size}"`, modified: new Date(), contentType: 'text/csv', read };
}
