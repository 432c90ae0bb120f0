import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { full } from '@mooring/lab/test-tier';
import { describe, expect, it } from 'vitest';
import { byteArray, equal, fileOf, int32, mebibyte, numbers, text } from './__fixtures__/forged-pages.js';
import { readAll, readFailure } from './memory-file.js';
import {
  element,
  encodings,
  type Forged,
  forge,
  levels,
  page,
  repetitions,
  run,
  thrift,
  varint,
  withFooter,
} from './parquet-forge.js';
import { readFile } from './read-file.js';

/** A file of equal numbers. */
const equalNumbers = (count: number) =>
  forge({
    elements: [element('n', int32)],
    rows: count,
    columns: [{ pages: Buffer.concat([numbers(7), equal(count)]) }],
  });

/** DELTA_BINARY_PACKED: the deltas of the first block, and nothing but zeros behind it. */
function deltas(count: number, first: number, block: readonly number[]): Buffer {
  const width = 22;
  const least = Math.min(...block);
  let bits = 0n;
  block.forEach((delta, index) => {
    bits |= BigInt(delta - least) << BigInt(index * width);
  });
  const packed = Buffer.from(bits.toString(16).padStart((block.length * width) / 4, '0'), 'hex').reverse();
  const zeros = Math.ceil((count - 1 - block.length) / block.length);
  const head = [
    varint(block.length),
    varint(1),
    varint(count),
    thrift(first),
    thrift(least),
    Buffer.of(width),
    packed,
  ];
  return Buffer.concat([...head, ...Array<Buffer>(zeros).fill(Buffer.of(0, 0))]);
}

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;
/** A busy machine collects late: uncollected garbage does not count as memory that a read needs. */
const batchesBetween = 5_000;

/** Reads rows and forgets them; most memory that the process grew by meanwhile, in MiB, and how many rows came. */
async function growth(files: readonly Buffer[], limit?: number): Promise<{ grown: number; rows: number }> {
  collectGarbage();
  const before = process.memoryUsage.rss();
  let most = before;
  let rows = 0;
  let batchesRead = 0;
  const one = async (bytes: Buffer) => {
    const { batches } = await readFile(fileOf(bytes), {
      batchRows: 16,
      ...(limit === undefined ? {} : { limit }),
    });
    for await (const batch of batches) {
      rows += batch.length;
      most = Math.max(most, process.memoryUsage.rss());
      batchesRead += 1;
      if (batchesRead % batchesBetween === 0) collectGarbage();
    }
  };
  await Promise.all(files.map(one));
  return { grown: (most - before) / mebibyte, rows };
}

/** Levels that hold each other: a group of groups, with leaves on every level. */
function nestedRecords({ depth, leaves, rows }: { depth: number; leaves: number; rows: number }): Buffer {
  const elements: Forged[] = [];
  const columns: { pages: Buffer }[] = [];
  for (let level = 1; level <= depth; level += 1) {
    elements.push(element(`g${level}`, { children: leaves + (level < depth ? 1 : 0) }));
    for (let leaf = 0; leaf < leaves; leaf += 1) {
      elements.push(element(`l${leaf}`, int32));
      columns.push({ pages: Buffer.concat([numbers(level), equal(rows, level + 1)]) });
    }
  }
  return forge({ elements, rows, columns, top: 1 });
}

describe('A Parquet file with large claims', () => {
  it('TR17: of eight million equal numbers in a few bytes takes no memory for them', async () => {
    const bytes = equalNumbers(8_000_000);
    expect(bytes.length).toBeLessThan(1024);
    const files = [bytes, bytes, bytes, bytes];
    const previews = await growth(files, 1);
    expect(previews.rows).toBe(4);
    expect(previews.grown).toBeLessThan(64);
    const whole = await growth(files, full(2_000_000, 100_000));
    expect(whole.rows).toBe(4 * full(2_000_000, 100_000));
    expect(whole.grown).toBeLessThan(256);
  });

  it('SU3: of deeply nested records is read with little memory, and its preview decodes one row', async () => {
    const bytes = nestedRecords({ depth: 40, leaves: 6, rows: 2000 });
    const { columns, rows } = await readAll(fileOf(bytes), { limit: 1 });
    expect(columns).toHaveLength(1);
    expect(JSON.stringify(rows)).toContain('"l5":40');
    const begun = process.cpuUsage().user;
    await growth([bytes], 1);
    const preview = process.cpuUsage().user - begun;
    const whole = await growth([bytes]);
    expect(whole).toMatchObject({ rows: 2000 });
    expect(whole.grown).toBeLessThan(256);
    expect(preview).toBeLessThan((process.cpuUsage().user - begun) / 3);
  });

  it('TR17: ends at the values that are there, not at the rows that are claimed', async () => {
    const pages = Buffer.concat([numbers(7), equal(3)]);
    const bytes = forge({ elements: [element('n', int32)], rows: 2 ** 40, columns: [{ pages }] });
    expect((await readAll(fileOf(bytes), { limit: 3 })).rows).toEqual([[7], [7], [7]]);
    expect((await readFailure(fileOf(bytes))).kind).toBe('protocol_error');
  });

  it('TR17: of maps whose entries take no bytes is refused before it counts them', async () => {
    // An unknown field: a list of maps of truths, each of which claims as many as there are bytes.
    const map = Buffer.concat([varint(20_000), Buffer.of(0x11)]);
    const footer = [Buffer.of(0xf9, 0xfb), varint(20_000), Buffer.alloc(20_000 * map.length, map)];
    const file = fileOf(withFooter(Buffer.from('PAR1'), Buffer.concat([...footer, Buffer.alloc(40_000)])));
    const begun = process.cpuUsage().user;
    expect((await readFailure(file)).kind).toBe('protocol_error');
    expect((process.cpuUsage().user - begun) / 1000).toBeLessThan(1_000);
  });

  it('TR17: of a row of a hundred million values is refused after a bounded number of them', async () => {
    const count = 100_000_000;
    const item = element('list', int32, repetitions.repeated);
    const repetition = Buffer.concat([run(1, 0, 1), run(count - 1, 1, 1)]);
    const length = Buffer.alloc(4);
    length.writeUInt32LE(repetition.length);
    const body = Buffer.concat([length, repetition, levels(count, 1), Buffer.of(1), run(count, 0, 1)]);
    const pages = Buffer.concat([numbers(7), page({ values: count, encoding: encodings.dictionary }, body)]);
    const bytes = forge({ elements: [item], rows: 1, columns: [{ pages }] });
    const before = process.memoryUsage.rss();
    expect((await readFailure(fileOf(bytes))).kind).toBe('too_large');
    expect((process.memoryUsage.rss() - before) / mebibyte).toBeLessThan(300);
  });

  it('TR17: of long values that repeat comes in portions of few bytes', async () => {
    const long = page(
      { values: 1, encoding: encodings.plain, isDictionary: true },
      text('x'.repeat(mebibyte)),
    );
    const shared = forge({
      elements: [element('s', byteArray, 1, { 6: 0 })],
      rows: 1e6,
      columns: [{ pages: Buffer.concat([long, equal(1e6)]) }],
    });
    // DELTA_BYTE_ARRAY: each value repeats the one before it and adds nothing.
    const count = 200_000;
    const lengths = (first: number, delta: number) =>
      deltas(count, first, [delta, ...Array<number>(127).fill(0)]);
    const body = [
      levels(count, 1),
      lengths(0, mebibyte),
      lengths(mebibyte, -mebibyte),
      Buffer.alloc(mebibyte, 'x'),
    ];
    const repeated = forge({
      elements: [element('s', byteArray, 1, { 6: 0 })],
      rows: count,
      columns: [{ pages: page({ values: count, encoding: encodings.deltaBytes }, Buffer.concat(body)) }],
    });
    const { grown, rows } = await growth([shared, repeated], 500);
    expect(rows).toBe(1000);
    expect(grown).toBeLessThan(256);
  });
});
