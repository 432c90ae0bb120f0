import { memoryFile } from '../memory-file.js';
import { encodings, levels, page, run } from '../parquet-forge.js';

export const int32 = 1;
export const byteArray = 6;
export const mebibyte = 1024 * 1024;

export const fileOf = (bytes: Buffer) => memoryFile('a.parquet', bytes);

/** A value of an INT32 column, as its dictionary page has it. */
export function numbers(...values: number[]): Buffer {
  const bytes = Buffer.alloc(values.length * 4);
  values.forEach((value, index) => void bytes.writeInt32LE(value, index * 4));
  return page({ values: values.length, encoding: encodings.plain, isDictionary: true }, bytes);
}

/** Text with its length in front. */
export function text(value: string): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32LE(Buffer.byteLength(value));
  return Buffer.concat([length, Buffer.from(value)]);
}

/** `count` times the first entry of a dictionary, in a few bytes. */
export const equal = (count: number, highest = 1) =>
  page(
    { values: count, encoding: encodings.dictionary },
    Buffer.concat([levels(count, highest, 32 - Math.clz32(highest)), Buffer.of(1), run(count, 0, 1)]),
  );
