import type { Encoding } from 'hyparquet';
import { Encodings } from 'hyparquet/src/constants.js';
import { counted } from './parquet-errors.js';
import { ThriftReader } from './parquet-thrift.js';

export interface PageHeader {
  kind: 'data' | 'data_v2' | 'dictionary' | 'other';
  /** Size of the page after decompression, and as stored. */
  bytes: number;
  storedBytes: number;
  values: number;
  encoding: Encoding | undefined;
  /** Only for `data_v2`, whose levels are not compressed. */
  repetitionBytes: number;
  definitionBytes: number;
  isCompressed: boolean;
  /** CRC-32 of the stored page, if the writer added it. */
  checksum: number | undefined;
}

const pageKinds: readonly PageHeader['kind'][] = ['data', 'other', 'dictionary', 'data_v2'];

/** Reads a page header. @returns also the number of bytes that it takes */
export function readPageHeader(bytes: Uint8Array): { header: PageHeader; length: number } {
  const thrift = new ThriftReader(bytes);
  let kind = -1;
  let encoding: Encoding | undefined;
  let isCompressed = true;
  let checksum: number | undefined;
  const sizes = { bytes: -1, storedBytes: -1, values: 0, repetitionBytes: 0, definitionBytes: 0 };
  const size = (name: keyof typeof sizes) => (at: number) => {
    sizes[name] = counted(thrift.integer(at));
  };
  const encoded = (at: number) => {
    encoding = Encodings[thrift.integer(at)];
  };
  thrift.root({
    1: (at) => {
      kind = thrift.integer(at);
    },
    2: size('bytes'),
    3: size('storedBytes'),
    4: (at) => {
      checksum = thrift.integer(at) >>> 0;
    },
    5: (at) => thrift.struct(at, { 1: size('values'), 2: encoded }),
    7: (at) => thrift.struct(at, { 1: size('values'), 2: encoded }),
    8: (at) =>
      thrift.struct(at, {
        1: size('values'),
        4: encoded,
        5: size('definitionBytes'),
        6: size('repetitionBytes'),
        7: (each) => {
          isCompressed = thrift.boolean(each);
        },
      }),
  });
  counted(sizes.bytes);
  counted(sizes.storedBytes);
  const header = { ...sizes, kind: pageKinds[kind] ?? 'other', encoding, isCompressed, checksum };
  return { header, length: thrift.offset };
}
