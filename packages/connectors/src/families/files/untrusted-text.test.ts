// Files made to harm their reader. Their cost is measured: processor time and memory.
import { gzipSync } from 'node:zlib';
import { type Fuzzing, fuzz, jsonTokens, readCorpus } from '@mooring/lab/fuzz';
import { full } from '@mooring/lab/test-tier';
import { describe, expect, it } from 'vitest';
import { ConnectorError, type ConnectorErrorKind } from '../../interface/errors.js';
import { batchRowsMax } from '../../kit/columns.js';
import { memoryFile, readFailure } from './memory-file.js';
import { readFile } from './read-file.js';

const mebibyte = 1024 * 1024;
const refusals: ReadonlySet<ConnectorErrorKind> = new Set(['protocol_error', 'too_large', 'unsupported']);
const isRefusal = (error: unknown): boolean => error instanceof ConnectorError && refusals.has(error.kind);

interface Reading {
  limit?: number;
  isPreview?: boolean;
  /** Rows after which the reader leaves. */
  leaveAfter?: number;
}

/** @returns rows that came, and cells of the largest batch */
async function readTo(name: string, content: Buffer | string, reading: Reading = {}) {
  const { leaveAfter = Number.POSITIVE_INFINITY, ...request } = reading;
  const stream = await readFile(memoryFile(name, content), { batchRows: 1_000, ...request });
  let rows = 0;
  let cells = 0;
  for await (const batch of stream.batches) {
    rows += batch.length;
    cells = Math.max(cells, batch.length * stream.columns.length);
    if (rows >= leaveAfter) break;
  }
  return { rows, cells, columns: stream.columns.length };
}

/** Within the time and the memory of the harness, which these inputs broke by far. */
async function cheaply(read: () => Promise<unknown>, limits: Partial<Fuzzing> = {}): Promise<void> {
  await fuzz({
    ...{ name: 'hostile', corpus: [Buffer.alloc(0)], runs: 0, isRefusal: () => false, read },
    ...{ millisecondsMax: 1_500, mebibytesMax: 200, ...limits },
  });
}

const names = Array.from({ length: 10_000 }, (_, index) => `c${index}`);
const wideCsv = `${names.join(',')}\n${'x\n'.repeat(30_000)}`;
const wideObject = JSON.stringify(Object.fromEntries(names.map((name) => [name, 1])));
const wideNdjson = `${wideObject}\n${'{}\n'.repeat(30_000)}`;
const wideJson = `[${wideObject},${'{},'.repeat(20_000)}{}]`;

describe('a hostile text file', () => {
  it.each([
    ['csv', wideCsv],
    ['ndjson', wideNdjson],
    ['json', wideJson],
  ])(
    'TR17: of 10,000 columns and short rows makes one row for a limit of one (%s)',
    async (ending, content) => {
      await cheaply(async () => {
        const { rows, columns } = await readTo(`a.${ending}`, content, { limit: 1, isPreview: true });
        // The last one of a sampled file is `_more`.
        expect([rows, columns]).toEqual([1, ending === 'ndjson' ? 10_001 : 10_000]);
      });
    },
  );

  it.each([
    ['csv', wideCsv],
    ['ndjson', wideNdjson],
    ['json', wideJson],
  ])(
    'TR17 TR1: comes in batches of few cells, whatever its rows are asked for (%s)',
    async (ending, content) => {
      await cheaply(async () => {
        const { cells, rows } = await readTo(`a.${ending}`, content, { leaveAfter: 100 });
        expect(rows).toBeGreaterThanOrEqual(100);
        expect(cells).toBeLessThanOrEqual(70_000);
      });
    },
  );

  it('TR17: of long names comes in small batches too, as JSON repeats them in each row', () => {
    const column = (length: number) => ({ name: 'x'.repeat(length), type: 'json', nullable: true }) as const;
    expect(batchRowsMax(Array.from({ length: 10 }, () => column(5)))).toBeGreaterThan(1_000);
    expect(batchRowsMax(Array.from({ length: 10 }, () => column(100_000)))).toBeLessThan(2);
  });

  it.each([
    [
      'too many names',
      `{"a":{${Array.from({ length: 200_000 }, (_, at) => `"k${at}":1`).join()}}}`,
      'ndjson',
    ],
    ['too long a name', JSON.stringify({ ['k'.repeat(20_000)]: 1 }), 'ndjson'],
    [
      'names that are too long together',
      JSON.stringify(Object.fromEntries(names.map((n) => [n + 'x'.repeat(200), 1]))),
      'ndjson',
    ],
    ['too long a number', `{"a":${'1'.repeat(100_000)}}`, 'ndjson'],
    ['nothing but [', '['.repeat(8 * mebibyte - 1), 'ndjson'],
    ['too many empty objects', `{"a":[${'{},'.repeat(2 * mebibyte)}{}]}`, 'ndjson'],
    ['too many commas', `a\n${','.repeat(8 * mebibyte - 10)}`, 'csv'],
    ['too many commas in a line', `a\n${','.repeat(8 * mebibyte - 10)}\n`, 'csv'],
    ['too many commas after a quote', `a\n"",${','.repeat(8 * mebibyte - 10)}`, 'csv'],
  ])('TR1 TR20: with %s is refused before anything is made of it', async (_title, content, ending) => {
    await cheaply(async () => {
      const error = await readFailure(memoryFile(`a.${ending}`, content));
      expect(error.kind).toBe('too_large');
      expect(error.message.length).toBeLessThan(100);
    });
  });

  it('TR1: of 63 MB of empty objects is refused with a remedy, and costs no more than its text', async () => {
    const content = Buffer.alloc(63 * mebibyte, '{},');
    content.write('[  ');
    content.write('{}]', content.length - 3);
    const reading = async () => {
      const error = await readFailure(memoryFile('a.json', content));
      expect(error.message).toBe('A JSON text of the source holds more than 10,000,000 values.');
      expect(error.remedy).toContain('NDJSON');
    };
    await cheaply(reading, { mebibytesMax: 160, millisecondsMax: 5_000 });
  });

  it('TR1: of many rows holds the values of one batch at a time', async () => {
    // Each row has a shape of its own, which costs V8 a hundred times the text.
    const rows = Array.from({ length: 40_000 }, (_, at) => `{"${at % 10_000}":{"x${at}":{"y${at}":{}}}}`);
    const content = `[${rows.join()}]`;
    await cheaply(async () => expect((await readTo('a.json', content, { leaveAfter: 1 })).rows).toBe(6));
  });

  it('TR20: of 10,000 equal names, or of one long string, is read in linear time', async () => {
    const equal = `${'a,'.repeat(9_999)}a\n1\n`;
    await cheaply(async () => expect((await readTo('a.csv', equal)).columns).toBe(10_000), {
      millisecondsMax: 500,
    });
    const long = `a\n"${'x'.repeat(7 * mebibyte)}"\n`;
    await cheaply(async () => expect((await readTo('a.csv', long)).rows).toBe(1));
  });

  it.each([
    ['a.ndjson', '{"a":1}', '\n'],
    ['a.json', '{"a":1}', '\n'],
    ['a.csv', 'a,b', '\n'],
    ['a.csv', 'a,b', '\r'],
    ['a.csv', 'a,b\n', ' '],
    ['a.csv', 'a,b\n', '"'],
  ])('TR20: that ends in nothing but one character is read in linear time (%s)', async (name, begin, end) => {
    const content = begin + end.repeat(mebibyte / 4);
    await cheaply(async () => {
      const ended = readTo(name, content).catch((error: unknown) => isRefusal(error));
      expect(await ended).not.toBe(false);
    });
  });

  it('is held to far lower caps in a preview than in a read', async () => {
    const record = JSON.stringify({ a: 'x'.repeat(3 * mebibyte) });
    for (const [name, content] of [
      ['a.csv', `a\n"${'x'.repeat(3 * mebibyte)}"\n`],
      ['a.ndjson', `${record}\n${record}`],
      ['a.json', `[${record}]`],
    ] as const) {
      expect((await readTo(name, content)).columns).toBe(1);
      const preview = readTo(name, content, { isPreview: true, limit: 1 });
      await expect(preview).rejects.toMatchObject({ kind: 'too_large' });
    }
    const document = `[${'{"a":"0123456789"},'.repeat(900_000)}{}]`;
    await expect(readTo('a.json', document, { isPreview: true, limit: 1 })).rejects.toMatchObject({
      kind: 'too_large',
      remedy: expect.stringContaining('NDJSON'),
    });
  });
});

describe('a hostile gzip file', () => {
  it('TR25: of empty members is refused, after little of it', async () => {
    const member = gzipSync('');
    const content = Buffer.alloc(6 * mebibyte - ((6 * mebibyte) % member.length), member);
    const file = memoryFile('a.csv.gz', content);
    expect(await readFailure(file)).toMatchObject({
      kind: 'protocol_error',
      message: 'The compressed data of the source is almost empty.',
    });
    expect(file.bytesSent()).toBeLessThan(3 * mebibyte);
    expect(file.isClosed()).toBe(true);
  });

  it('TR25: within gzip is refused, and so is gzip by another name', async () => {
    const twice = gzipSync(gzipSync('a\n1\n'));
    for (const name of ['a.csv.gz', 'a.ndjson.gz', 'a.json.gz']) {
      expect((await readFailure(memoryFile(name, twice, { chunkBytes: 1 }))).message).toBe(
        'The file is compressed with gzip twice.',
      );
    }
    const plain = await readFailure(memoryFile('a.csv', gzipSync('a\n1\n')));
    expect(plain.message).toBe('The file is gzip data, but its name does not end in .gz.');
  });

  it('VA5: that is a workbook or an archive instead is refused, whatever its encoding is said to be', async () => {
    const windows = { file: { encoding: 'windows-1252' } };
    for (const [start, what] of [
      [Buffer.from('PK\x03\x04'), 'a ZIP archive'],
      [Buffer.from('d0cf11e0a1b11ae1', 'hex'), 'Microsoft Office'],
    ] as const) {
      const file = memoryFile('a.csv', Buffer.concat([start, Buffer.from('a,b\n')]), { chunkBytes: 1 });
      expect((await readFailure(file, windows)).message).toContain(what);
    }
  });

  it('is read when it has several members, some of them empty', async () => {
    const parts = ['a\n', '1\n', '', '2\n'].map((part) => gzipSync(part));
    expect((await readTo('a.csv.gz', Buffer.concat(parts))).rows).toBe(2);
  });
});

describe('fuzzed files', () => {
  it.each([
    ['csv', 'a.csv', ['"', ',', '\n', '\r\n', '""', '\ufeff']],
    ['csv', 'a.tsv', ['"', '\t', '\n']],
    ['ndjson', 'a.ndjson', [...jsonTokens, '\n', '{"a":', '1e5', '{}', '\\u']],
    ['json', 'a.json', [...jsonTokens, '{"a":', '-1e5', 'true', '{},', '\\ud800']],
    ['gzip', 'a.csv.gz', [gzipSync(''), gzipSync('a,b\n'), Buffer.from([0x1f, 0x8b, 8])]],
  ])('TR17 TR20 TR25: of %s end with rows or with an error (%s)', async (format, name, tokens) => {
    const { accepted, refused } = await fuzz({
      name,
      corpus: readCorpus(new URL(`./corpus/${format}/`, import.meta.url)),
      tokens,
      runs: full(20_000, 150),
      read: async (input) => {
        await readTo(name, input, { leaveAfter: 5_000 });
        await readTo(name, input, { isPreview: true, limit: 1 });
      },
      isRefusal,
    });
    expect(Math.min(accepted, refused)).toBeGreaterThan(0);
  });
});
