import { gzipSync } from 'node:zlib';
import {
  element,
  encodings,
  forge,
  levels,
  page,
  run,
} from '@mooring/connectors/families/files/parquet-forge';

const mebibyte = 1024 * 1024;
const names = Array.from({ length: 10_000 }, (_, index) => `c${index}`);
const wideRow = `{"${names.join('":1,"')}":1}`;
const manyKeys = () => `{${Array.from({ length: 2_000_000 }, (_, at) => `"k${at}":1`).join()}}`;
const emptyObjects = () => {
  const whole = Buffer.alloc(63 * mebibyte, '{},');
  whole.write('[  ');
  whole.write('{}]', whole.length - 3);
  return whole;
};
const member = () => gzipSync(Buffer.alloc(64 * mebibyte, ' '));

/** A Parquet file of few bytes: columns of eight million equal numbers, which share their pages. */
function equalNumbers(columns: number): Buffer {
  const rows = 8_000_000;
  const int32 = 1;
  const isDictionary = true;
  const seven = page({ values: 1, encoding: encodings.plain, isDictionary }, Buffer.of(7, 0, 0, 0));
  const equal = page(
    { values: rows, encoding: encodings.dictionary },
    Buffer.concat([levels(rows, 1), Buffer.of(1), run(rows, 0, 1)]),
  );
  const pages = Buffer.concat([seven, equal]);
  return forge({
    elements: Array.from({ length: columns }, (_, index) => element(`n${index}`, int32)),
    rows,
    columns: Array.from({ length: columns }, () => ({ pages })),
  });
}

/** Body of a hostile answer. Without an end, the piece repeats for as long as it is read. */
export interface Sent {
  head?: Buffer;
  piece?: Buffer;
  isGzip?: boolean;
}

const plain = (text: string): Sent => ({ head: Buffer.from(text) });
const gzip = (content: Buffer | string): Sent => ({ head: gzipSync(content), isGzip: true });

/** Built on first use, because some are large. */
export const pages: Readonly<Record<string, () => Sent>> = {
  '63 MB of empty objects': () => gzip(emptyObjects()),
  'a wide row and empty ones': () => plain(`[${wideRow},${'{},'.repeat(20_000)}{}]`),
  nesting: () => plain(`[{"a":${'['.repeat(4_000_000)}`),
  'a long number': () => plain(`[{"a":${'1'.repeat(4_000_000)}}]`),
  'one long string': () => gzip(`[{"a":"${'x'.repeat(63 * mebibyte)}"}]`),
  'two million keys': () => plain(`[${manyKeys()}]`),
  'a gzip bomb': () => ({ piece: member(), isGzip: true }),
  'empty gzip members': () => ({ piece: Buffer.alloc(20 * 3_000, gzipSync('')), isGzip: true }),
  'objects without end': () => ({ head: Buffer.from('['), piece: Buffer.alloc(65_535, '{},') }),
};

export const objects: Readonly<Record<string, () => Sent>> = {
  'wide.csv': () => plain(`${names.join(',')}\n${'x\n'.repeat(30_000)}`),
  'wide.ndjson': () => plain(`${wideRow}\n${'{}\n'.repeat(30_000)}`),
  'wide.json': () => plain(`[${wideRow},${'{},'.repeat(20_000)}{}]`),
  'equal-names.csv': () => plain(`${'a,'.repeat(9_999)}a\n1\n`),
  'endless-line.csv': () => ({ head: Buffer.from('a\n'), piece: Buffer.alloc(65_536, 'x') }),
  'commas.csv': () => plain(`a\n${','.repeat(8 * mebibyte - 10)}`),
  'nested.ndjson': () => plain('['.repeat(8 * mebibyte - 1)),
  'number.ndjson': () => plain(`{"a":${'1'.repeat(4_000_000)}}\n`),
  'string.json': () => plain(`[{"a":"${'x'.repeat(63 * mebibyte)}"}]`),
  'keys.ndjson': () => plain(`${manyKeys()}\n`),
  'empty-objects.json': () => ({ head: emptyObjects() }),
  'bomb.csv.gz': () => ({ piece: member() }),
  'equal-numbers.parquet': () => ({ head: equalNumbers(1) }),
  'equal-columns.parquet': () => ({ head: equalNumbers(1_000) }),
  'members.csv.gz': () => ({ piece: Buffer.alloc(20 * 3_000, gzipSync('')) }),
};

/** These may succeed with rows. */
export const readable: ReadonlySet<string> = new Set([
  'a wide row and empty ones',
  'wide.csv',
  'wide.ndjson',
  'wide.json',
  'equal-names.csv',
  'equal-numbers.parquet',
  'equal-columns.parquet',
]);
