import { JsonText } from '../../../interface/data-types.js';

/** `sales.all_types` of the lab. */
export const typeColumns = [
  { name: 'c_string', type: 'string' },
  { name: 'c_bytes', type: 'bytes' },
  { name: 'c_integer', type: 'bigint' },
  { name: 'c_float', type: 'float' },
  { name: 'c_numeric', type: 'decimal' },
  { name: 'c_bignumeric', type: 'decimal' },
  { name: 'c_boolean', type: 'boolean' },
  { name: 'c_timestamp', type: 'timestamp' },
  { name: 'c_date', type: 'date' },
  { name: 'c_time', type: 'time' },
  { name: 'c_datetime', type: 'datetime' },
  { name: 'c_geography', type: 'string' },
  { name: 'c_json', type: 'json' },
  { name: 'c_array', type: 'json' },
  { name: 'c_record', type: 'json' },
] as const;
export const typeRows = [
  [
    'grinning 😀 "quoted", comma',
    '3q2+7wD/',
    '9223372036854775807',
    Math.E,
    '99999999999999999999999999999.999999999',
    '-0.00000000000000000000000000000000000001',
    true,
    '2024-02-29T12:34:56.789012Z',
    '2024-02-29',
    '23:59:59.999999',
    '2024-02-29T12:34:56.789012',
    'POINT(12.5 55.7)',
    { a: [1, null, 'x'] },
    ['1', '2', '3'],
    { inner: 'deep', at: '9999-12-31T23:59:59.999999Z', tags: ['x', 'y'] },
  ],
  [
    ...['', '', '-9223372036854775808', 'NaN', '-0.000000001', '0', false, '0001-01-01T00:00:00Z'],
    ...['9999-12-31', '00:00:00', '0001-01-01T00:00:00', 'POINT EMPTY', new JsonText('null', true)],
    [],
    { inner: null, at: null, tags: [] },
  ],
  [...Array.from({ length: 13 }, () => null), [], null],
];
