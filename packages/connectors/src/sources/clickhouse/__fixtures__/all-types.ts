import { type Cell, type Column, JsonText, type Row } from '../../../interface/data-types.js';

/** What `sales.all_types` of the lab holds, as it is read. */
const values: readonly (readonly [name: string, type: Column['type'], first: Cell, second: Cell])[] = [
  ['id', 'integer', 1, 2],
  ['c_bool', 'boolean', true, false],
  ['c_int8', 'integer', -128, 127],
  ['c_int16', 'integer', -32768, 32767],
  ['c_int32', 'integer', -2147483648, 2147483647],
  ['c_int64', 'bigint', '-9223372036854775808', '9223372036854775807'],
  ['c_int128', 'decimal', '-170141183460469231731687303715884105728', '1'],
  [
    'c_int256',
    'decimal',
    '-5',
    '57896044618658097711785492504343953926634992332820282019728792003956564819967',
  ],
  ['c_uint8', 'integer', 255, 0],
  ['c_uint16', 'integer', 65535, 0],
  ['c_uint32', 'integer', 4294967295, 0],
  ['c_uint64', 'decimal', '18446744073709551615', '0'],
  ['c_uint256', 'decimal', '1', '0'],
  ['c_float32', 'float', 0.1, 'Infinity'],
  ['c_float64', 'float', 0.1, 'NaN'],
  ['c_decimal', 'decimal', '12345678.90', '-0.01'],
  ['c_decimal38', 'decimal', '1.5000000000', '-1234567890123456789012345678.0123456789'],
  [
    'c_decimal76',
    'decimal',
    '1.50000000000000000000',
    '-12345678901234567890123456789012345678901234567890.00000000000000000001',
  ],
  ['c_string', 'string', "a'b\\c 大阪", ''],
  ['c_nullable', 'string', 'x', null],
  ['c_low', 'string', 'red', ''],
  ['c_low_nullable', 'string', 'red', null],
  ['c_fixed', 'bytes', 'YWIAAA==', 'AP+A/g=='],
  ['c_uuid', 'string', '61f0c404-5cb3-11e7-907b-a6006ad3dba0', '00000000-0000-0000-0000-000000000000'],
  ['c_ipv4', 'string', '192.0.2.1', '0.0.0.0'],
  ['c_ipv6', 'string', '2001:db8::1', '::'],
  ['c_enum', 'string', 'red', "o'clock"],
  ['c_date', 'date', '2024-02-29', '1970-01-01'],
  ['c_date32', 'date', '1900-01-01', '2299-12-31'],
  ['c_datetime', 'timestamp', '2024-07-01T10:34:56Z', '1970-01-01T00:00:00Z'],
  ['c_datetime64', 'timestamp', '2024-07-01T03:34:56.789000Z', '1900-01-01T00:18:59Z'],
  ['c_nanoseconds', 'timestamp', '2024-07-01T12:34:56.123456Z', '1970-01-01T00:00:00Z'],
  ['c_array', 'json', new JsonText('[1,null,18446744073709551615]', false), []],
  ['c_map', 'json', { a: 1.5, b: 'nan' }, {}],
  ['c_tuple', 'json', { n: 1, s: 'x' }, { n: 0, s: '' }],
  ['c_point', 'json', [1.5, 2], [0, 0]],
  ['c_nullable_int', 'integer', null, 5],
  ['c_nullable_time', 'timestamp', null, '2024-01-01T00:00:00Z'],
];

export const typeColumns = values.map(([name, type]) => ({ name, type }));
export const typeRows: readonly Row[] = [
  values.map(([, , first]) => first),
  values.map(([, , , second]) => second),
];
