import { recorded } from '@mooring/lab/clickhouse/recorded';
import { fuzz } from '@mooring/lab/fuzz';
import { full } from '@mooring/lab/test-tier';
import * as arrow from 'apache-arrow';
import { describe, expect, it } from 'vitest';
import type { Column, Row } from '../../interface/data-types.js';
import { ConnectorError } from '../../interface/errors.js';
import { arrowColumn } from './columns.js';
import { type ForeignStreamOptions, readForeignStream } from './foreign-stream.js';
import { recordBatchOf, schemaOf } from './library.js';
import { rowsOf } from './rows.js';

const columns: readonly Column[] = [
  { name: 'n', nullable: true, type: 'bigint', width: 64 },
  { name: 's', nullable: true, type: 'string' },
  { name: 'b', nullable: true, type: 'boolean' },
  { name: 'd', nullable: true, type: 'decimal', precision: 38, scale: 2 },
  { name: 'l', nullable: true, type: 'json', element: { type: 'integer', width: 32 } },
  { name: 't', nullable: true, type: 'timestamp' },
];
const rows: readonly Row[] = [
  ['1', 'a', true, '1.50', [1, null], '2024-02-29T12:34:56Z'],
  [null, null, null, null, null, null],
  ['-9223372036854775808', 'é😀', false, '-0.01', [], '1969-12-31T23:59:59.999999Z'],
];

/** A stream as the library writes it. */
function streamOf(of: readonly Column[], ...batches: (readonly Row[])[]): Buffer {
  const forms = of.map((column, position) => arrowColumn(arrow, { column, position }));
  const names = of.map(({ name }) => name);
  const schema = schemaOf(
    arrow,
    names,
    forms.map(({ type }) => type),
  );
  const writer = new arrow.RecordBatchStreamWriter();
  writer.reset(undefined, schema);
  for (const batch of batches) {
    const children = forms.map((form) => form.dataOf(batch, 1));
    writer.write(recordBatchOf(arrow, schema, { length: batch.length, children }));
  }
  writer.finish();
  return Buffer.from(writer.toUint8Array(true));
}

async function* inPieces(bytes: Uint8Array, size: number) {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function rowsIn(bytes: Uint8Array, options: Partial<ForeignStreamOptions> & { size?: number } = {}) {
  const { size = 65_536, ...more } = options;
  const of = more.columns ?? columns;
  const found: Row[] = [];
  for await (const batch of readForeignStream(inPieces(bytes, size), { ...more, columns: of })) {
    found.push(...rowsOf(batch, of, found.length + 1));
  }
  return found;
}

const failureOf = (work: Promise<unknown>): Promise<ConnectorError> =>
  work.then(
    () => expect.fail('expected a failure'),
    (error: unknown) => {
      expect(error).toBeInstanceOf(ConnectorError);
      return error as ConnectorError;
    },
  );
const problemOf = async (bytes: Uint8Array, options = {}) => {
  const { kind, message } = await failureOf(rowsIn(bytes, options));
  return `${kind}: ${message.replace('The source sent an Arrow stream with ', '')}`;
};

const good = streamOf(columns, rows, rows);

/** The last place of these 64-bit numbers is given other ones. */
function forged(bytes: Buffer, from: readonly number[], to: readonly number[]): Buffer {
  const asBytes = (numbers: readonly number[]) => Buffer.from(BigInt64Array.from(numbers.map(BigInt)).buffer);
  const at = bytes.lastIndexOf(asBytes(from));
  expect(at).toBeGreaterThan(0);
  const copy = Buffer.from(bytes);
  asBytes(to).copy(copy, at);
  return copy;
}

const numbers = [columns[0] as Column];
const texts = [columns[1] as Column];
const twoNumbers = streamOf(numbers, [['5'], ['6'], [null]]);
const twoTexts = streamOf(texts, [['ab'], ['cd']]);

describe('An Arrow stream of a source', () => {
  it.each([1, 7, 64, 65_536])('is read as it was written, in pieces of %i bytes', async (size) => {
    expect(await rowsIn(good, { size })).toEqual([...rows, ...rows]);
  });

  it('is not read ahead: a batch is asked for when the one before was taken', async () => {
    let given = 0;
    const messages = streamOf(columns, rows, rows, rows);
    async function* counted() {
      for await (const piece of inPieces(messages, 64)) {
        given += piece.length;
        yield piece;
      }
    }
    const stream = readForeignStream(counted(), { columns });
    await stream.next();
    expect(given).toBeLessThan(messages.length * 0.6);
    await stream.return();
  });

  it('that ends early never looks complete, wherever it ends', async () => {
    const step = full(1, 37);
    for (let end = 0; end < good.length; end += step) {
      expect((await failureOf(rowsIn(good.subarray(0, end)))).kind).toBe('protocol_error');
    }
    expect(await problemOf(good.subarray(0, -8))).toBe('protocol_error: no end.');
    expect(await problemOf(Buffer.concat([good, Buffer.from('x')]))).toBe(
      'protocol_error: more after its end.',
    );
  });

  it('that says what went wrong in place of a message fails with that, also where its connection breaks', async () => {
    const failureIn = (words: Buffer) =>
      words.includes('it broke') ? new ConnectorError('timeout', 'told') : undefined;
    const words = Buffer.from('\r\n__exception__\r\nit broke');
    for (const start of [good.subarray(0, -8), good, Buffer.alloc(0), good.subarray(0, -200)]) {
      const error = await failureOf(rowsIn(Buffer.concat([start, words]), { failureIn }));
      expect(error.message).toBe('told');
    }
    async function* torn() {
      yield Buffer.concat([good.subarray(0, -8), words]);
      throw new Error('reset');
    }
    const work = async () => {
      for await (const batch of readForeignStream(torn(), { columns, failureIn }))
        expect(batch.numRows).toBe(3);
    };
    expect((await failureOf(work())).message).toBe('told');
  });

  it('with other columns than were planned is refused', async () => {
    expect(await problemOf(good, { columns: columns.slice(1) })).toContain('more tables than expected');
    expect(await problemOf(twoNumbers, { columns: texts })).toBe(
      'protocol_error: column 1 of another type than Utf8.',
    );
    const narrower = [{ ...(columns[3] as Column), precision: 37 }];
    const decimals = streamOf([columns[3] as Column], [['1.5']]);
    expect(await problemOf(decimals, { columns: narrower })).toContain('another type than Decimal128(37, 2)');
    expect(await problemOf(streamOf(numbers), { columns: [...numbers, ...texts] })).toContain(
      '1 columns instead of 2',
    );
  });

  it('with forged counts, lengths or places is refused before the library sees it', async () => {
    const ofNumbers = { columns: numbers };
    const node = [3, 1];
    expect(await problemOf(forged(twoNumbers, node, [3, 2]), ofNumbers)).toContain('a wrong count of nulls');
    expect(await problemOf(forged(twoNumbers, node, [3, 9]), ofNumbers)).toContain('missing validity');
    expect(await problemOf(forged(twoNumbers, node, [2, 1]), ofNumbers)).toContain('a wrong count of nulls');
    expect(await problemOf(forged(twoNumbers, node, [1_000_000, 0]), ofNumbers)).toContain('fewer values');
    expect(await problemOf(forged(twoNumbers, node, [-1, 0]), ofNumbers)).toContain(
      'a length that is not one',
    );
    expect(await problemOf(forged(twoNumbers, [8, 24], [1 << 20, 24]), ofNumbers)).toContain(
      'outside of its place',
    );
    expect(await problemOf(forged(twoNumbers, [8, 24], [0, 24]), ofNumbers)).toContain(
      'outside of its place',
    );
    const back = Buffer.from(twoTexts);
    const offsets = Buffer.from(Int32Array.of(0, 2, 4).buffer);
    Buffer.from(Int32Array.of(0, 4, 2).buffer).copy(back, back.lastIndexOf(offsets));
    expect(await problemOf(back, { columns: texts })).toContain('offsets that go back');
  });

  it('with a giant batch is refused before its bytes are awaited', async () => {
    expect(await problemOf(good, { batchBytesMax: 100 })).toContain('too_large');
    const giant = Buffer.from(good);
    giant.writeInt32LE(0x7fff_fff0, 4);
    expect(await problemOf(giant)).toContain('a message of an impossible length');
  });

  it('names column and row of a text that is not UTF-8, also where only a cut makes it so', async () => {
    const whole = Buffer.from(twoTexts);
    Buffer.from('aéd').copy(whole, whole.lastIndexOf(Buffer.from('abcd')));
    expect(await problemOf(whole, { columns: texts })).toBe(
      'unsupported: Column "s" of row 1 holds bytes that are not UTF-8 text.',
    );
    const second = Buffer.from(twoTexts);
    second[second.lastIndexOf(Buffer.from('cd'))] = 0xff;
    expect(await problemOf(second, { columns: texts })).toContain('of row 2');
  });

  it('never crashes or takes memory, whatever it holds', async () => {
    const isRefusal = (error: unknown) =>
      error instanceof ConnectorError && ['protocol_error', 'too_large', 'unsupported'].includes(error.kind);
    const ofClickHouse = Object.entries(recorded).flatMap(([key, answer]) =>
      key.startsWith('ArrowStream') && 'body' in answer ? [Buffer.from(answer.body, 'base64')] : [],
    );
    const report = await fuzz({
      name: 'Arrow stream',
      corpus: [good, twoNumbers, twoTexts, ...ofClickHouse.slice(0, full(40, 4))],
      tokens: [
        Buffer.alloc(4, 0xff),
        Buffer.alloc(8),
        Buffer.from([0, 0, 0, 0x7f]),
        Buffer.from([1, 0, 0, 0]),
      ],
      runs: full(4_000, 300),
      read: (bytes) => rowsIn(bytes),
      isRefusal,
    });
    expect(report.accepted).toBeGreaterThan(0);
    expect(report.refused).toBeGreaterThan(0);
  });
});
