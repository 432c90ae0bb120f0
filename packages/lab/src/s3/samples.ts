import { gzipSync } from 'node:zlib';
import { parquetWriteBuffer } from 'hyparquet-writer';
import { type Buckets, generatedCsv, type StoredObject, storedBytes } from './objects.js';

interface Order {
  id: number;
  customer: string;
  product: string;
  quantity: number;
  price: number;
  ordered_at: string;
  paid: boolean;
  note: string | null;
}

const notes = [
  null,
  '',
  'plain',
  'comma, here',
  'a "quoted" word',
  'two\nlines',
  'tab\there',
  'grinning 😀',
  'ærø 大阪',
  "O'Neill",
];

/** The ten orders that every sample file of `public/` holds. */
export const sampleOrders: readonly Order[] = notes.map((note, index) => ({
  id: index + 1,
  customer: `Customer ${index + 1}`,
  product: index % 2 === 0 ? 'Anchor' : 'Buoy',
  quantity: index + 1,
  price: Math.round((index + 1) * 1050) / 100,
  ordered_at: new Date(Date.UTC(2024, 2, index + 1, 8)).toISOString(),
  paid: index % 3 !== 0,
  note,
}));

function delimited(rows: readonly Order[], delimiter: string): string {
  const cell = (value: unknown) => {
    const text = value === null ? '' : String(value);
    return /[",\t\n]/.test(text) || value === '' ? `"${text.replaceAll('"', '""')}"` : text;
  };
  const header = Object.keys(rows[0] ?? {}).join(delimiter);
  return [header, ...rows.map((row) => Object.values(row).map(cell).join(delimiter))].join('\n').concat('\n');
}

/** The orders again, with one column of each type a reader has to tell apart. */
function ordersParquet(): Buffer {
  const rows = sampleOrders;
  const buffer = parquetWriteBuffer({
    columnData: [
      { name: 'id', data: rows.map(({ id }) => id), type: 'INT32', nullable: false },
      { name: 'customer', data: rows.map(({ customer }) => customer), type: 'STRING' },
      { name: 'big', data: rows.map(({ id }) => 9223372036854775807n - BigInt(id - 1)), type: 'INT64' },
      { name: 'price', data: rows.map(({ price }) => price), type: 'DOUBLE' },
      { name: 'ratio', data: rows.map(({ id }) => id / 4), type: 'FLOAT' },
      { name: 'paid', data: rows.map(({ paid }) => paid), type: 'BOOLEAN' },
      { name: 'ordered_at', data: rows.map((row) => new Date(row.ordered_at)), type: 'TIMESTAMP' },
      { name: 'note', data: rows.map(({ note }) => note), type: 'STRING' },
      { name: 'details', data: rows.map(({ id }) => ({ id, tags: ['a', 'b'] })), type: 'JSON' },
      { name: 'raw', data: rows.map(({ id }) => Uint8Array.of(id, 0, 255)), type: 'BYTE_ARRAY' },
    ],
    // Several row groups, so that a reader cannot pass by reading the first only.
    rowGroupSize: 4,
  });
  return Buffer.from(buffer);
}

/** As many rows as a reader has to bear, in row groups of a thousand. */
function longParquet(rowCount: number): Buffer {
  const ids = Array.from({ length: rowCount }, (_, index) => index);
  const buffer = parquetWriteBuffer({
    columnData: [
      { name: 'id', data: ids, type: 'INT32', nullable: false },
      { name: 'name', data: ids.map((id) => `name ${id}`), type: 'STRING' },
      { name: 'amount', data: ids.map((id) => id / 4), type: 'DOUBLE' },
    ],
    rowGroupSize: 1000,
  });
  return Buffer.from(buffer);
}

function publicFiles(): Record<string, StoredObject> {
  const csv = delimited(sampleOrders, ',');
  const lines = sampleOrders
    .map((row) => JSON.stringify(row))
    .join('\n')
    .concat('\n');
  return {
    'orders.csv': storedBytes(csv, 'text/csv'),
    'orders.tsv': storedBytes(delimited(sampleOrders, '\t'), 'text/tab-separated-values'),
    'orders.json': storedBytes(JSON.stringify(sampleOrders, null, 1), 'application/json'),
    'orders.ndjson': storedBytes(lines, 'application/x-ndjson'),
    'orders.csv.gz': storedBytes(gzipSync(csv), 'application/gzip'),
    'orders.ndjson.gz': storedBytes(gzipSync(lines), 'application/gzip'),
    'orders.parquet': storedBytes(ordersParquet(), 'application/vnd.apache.parquet'),
    'big.csv': generatedCsv(900),
    'empty.csv': storedBytes('', 'text/csv'),
    'header-only.csv': storedBytes('id,name\n', 'text/csv'),
    'with bom.csv': storedBytes(`\uFEFF${csv}`, 'text/csv'),
    'with space/ærø 大阪 + 100% & more.csv': storedBytes(csv, 'text/csv'),
    'readme.txt': storedBytes('Not a table.\n', 'text/plain'),
  };
}

/** Files that a careless reader trips over. */
function hostileFiles(): Record<string, StoredObject> {
  const bomb = gzipSync(Buffer.alloc(64_000_000, 'a,b,c\n'), { level: 6 });
  const gzip = gzipSync(delimited(sampleOrders, ','));
  return {
    'bomb.csv.gz': storedBytes(bomb, 'application/gzip'),
    'truncated.csv.gz': storedBytes(gzip.subarray(0, gzip.length - 20), 'application/gzip'),
    'not-a.parquet': storedBytes('PAR1 but no table PAR1', 'application/vnd.apache.parquet'),
    'page.json': storedBytes('<!doctype html><title>Sign in</title>', 'text/html'),
    'ragged.csv': storedBytes('a,b\n1\n1,2,3\n"open,2\n', 'text/csv'),
  };
}

/**
 * Everything the S3 stand-in holds at its start.
 * @param longParquetRows of `public/long.parquet`, which is there when it has any
 * @param forged more of `hostile/`, by their names
 */
export function sampleBuckets(longParquetRows: number, forged: Readonly<Record<string, Buffer>>): Buckets {
  const main = new Map<string, StoredObject>();
  for (const [name, object] of Object.entries(publicFiles())) main.set(`public/${name}`, object);
  if (longParquetRows > 0) main.set('public/long.parquet', storedBytes(longParquet(longParquetRows)));
  for (const [name, object] of Object.entries(hostileFiles())) main.set(`hostile/${name}`, object);
  for (const [name, bytes] of Object.entries(forged)) main.set(`hostile/${name}`, storedBytes(bytes));
  main.set('private/salaries.csv', storedBytes('employee,salary\nalice,1\nbob,2\n', 'text/csv'));
  for (let index = 0; index < 1234; index += 1) {
    main.set(`many/item-${String(index).padStart(4, '0')}.txt`, storedBytes(`${index}\n`, 'text/plain'));
  }
  const archive = new Map([
    ['2023/orders.csv', storedBytes(delimited(sampleOrders.slice(0, 3), ','), 'text/csv')],
  ]);
  return new Map([
    ['mooring-lab', main],
    ['mooring-lab-archive', archive],
    ['mooring-lab-scratch', new Map()],
  ]);
}
