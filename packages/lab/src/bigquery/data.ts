/** A column in BigQuery's own words; see TableFieldSchema of its REST reference. */
export interface Field {
  name: string;
  type: string;
  mode?: 'NULLABLE' | 'REQUIRED' | 'REPEATED';
  fields?: readonly Field[];
}

/**
 * A value as it travels, before the wire's `{v}` wrapping: text for every scalar (TIMESTAMP as microseconds
 * since 1970), an array for REPEATED, an array of field values for RECORD.
 */
export type Cell = string | null | readonly Cell[];

export interface Table {
  fields: readonly Field[];
  kind: 'TABLE' | 'VIEW';
  rowCount(sub: string): number;
  row(sub: string, index: number): readonly Cell[];
  /** Users who may read it; absent: all. */
  readers?: readonly string[];
  /** Queries of it run until they are cancelled. */
  isEndless?: boolean;
}

/** Tables by name, by dataset. */
export type Datasets = ReadonlyMap<string, ReadonlyMap<string, Table>>;

const orderFields: readonly Field[] = [
  { name: 'id', type: 'INTEGER', mode: 'REQUIRED' },
  { name: 'owner', type: 'STRING' },
  { name: 'product', type: 'STRING' },
  { name: 'price', type: 'NUMERIC' },
  { name: 'ordered_at', type: 'TIMESTAMP' },
];

const orderCounts = new Map([
  ['alice', 5],
  ['bob', 3],
]);
const otherOrderCount = 2;

function fixedTable(fields: readonly Field[], rows: readonly (readonly Cell[])[]): Table {
  return { fields, kind: 'TABLE', rowCount: () => rows.length, row: (_, index) => rows[index] ?? [] };
}

/** Row-level security: each user sees their own orders. */
const orders: Table = {
  fields: orderFields,
  kind: 'TABLE',
  rowCount: (sub) => orderCounts.get(sub) ?? otherOrderCount,
  row: (sub, index) => [
    String(index + 1),
    sub,
    index % 2 === 0 ? 'Anchor' : 'Buoy',
    `${index + 1}.25`,
    String(1_709_280_000_000_000 + index * 86_400_000_000),
  ],
};

const allTypes = fixedTable(
  [
    { name: 'c_string', type: 'STRING' },
    { name: 'c_bytes', type: 'BYTES' },
    { name: 'c_integer', type: 'INTEGER' },
    { name: 'c_float', type: 'FLOAT' },
    { name: 'c_numeric', type: 'NUMERIC' },
    { name: 'c_bignumeric', type: 'BIGNUMERIC' },
    { name: 'c_boolean', type: 'BOOLEAN' },
    { name: 'c_timestamp', type: 'TIMESTAMP' },
    { name: 'c_date', type: 'DATE' },
    { name: 'c_time', type: 'TIME' },
    { name: 'c_datetime', type: 'DATETIME' },
    { name: 'c_geography', type: 'GEOGRAPHY' },
    { name: 'c_json', type: 'JSON' },
    { name: 'c_array', type: 'INTEGER', mode: 'REPEATED' },
    {
      name: 'c_record',
      type: 'RECORD',
      fields: [
        { name: 'inner', type: 'STRING' },
        { name: 'at', type: 'TIMESTAMP' },
        { name: 'tags', type: 'STRING', mode: 'REPEATED' },
      ],
    },
  ],
  [
    [
      'grinning 😀 "quoted", comma',
      '3q2+7wD/',
      '9223372036854775807',
      '2.718281828459045',
      '99999999999999999999999999999.999999999',
      '-0.00000000000000000000000000000000000001',
      'true',
      '1709210096789012',
      '2024-02-29',
      '23:59:59.999999',
      '2024-02-29T12:34:56.789012',
      'POINT(12.5 55.7)',
      '{"a":[1,null,"x"]}',
      ['1', '2', '3'],
      ['deep', '253402300799999999', ['x', 'y']],
    ],
    [
      '',
      '',
      '-9223372036854775808',
      'NaN',
      '-0.000000001',
      '0',
      'false',
      '-62135596800000000',
      '9999-12-31',
      '00:00:00',
      '0001-01-01T00:00:00',
      'POINT EMPTY',
      'null',
      [],
      [null, null, []],
    ],
    [null, null, null, null, null, null, null, null, null, null, null, null, null, [], null],
  ],
);

function bigTable(rows: number): Table {
  return {
    fields: [
      { name: 'id', type: 'INTEGER' },
      { name: 'name', type: 'STRING' },
      { name: 'amount', type: 'NUMERIC' },
      { name: 'at', type: 'TIMESTAMP' },
      { name: 'flag', type: 'BOOLEAN' },
    ],
    kind: 'TABLE',
    rowCount: () => rows,
    row: (_, index) => [
      String(index + 1),
      `name ${index + 1}`,
      ((index + 1) * 1.01).toFixed(2),
      String(1_577_836_800_000_000 + index * 1_000_000),
      String(index % 2 === 1),
    ],
  };
}

const oneColumn: readonly Field[] = [{ name: 'id', type: 'INTEGER' }];

/** Datasets of the stand-in's project. */
export function sampleDatasets(rowsInBig: number): Datasets {
  const sales = new Map<string, Table>([
    ['orders', orders],
    ['order_view', { ...orders, kind: 'VIEW' }],
    ['all_types', allTypes],
    ['big', bigTable(rowsInBig)],
    ['empty', fixedTable(oneColumn, [])],
    ['salaries', { ...fixedTable(oneColumn, [['1']]), readers: ['alice'] }],
    ['endless', { ...fixedTable(oneColumn, []), isEndless: true }],
  ]);
  const small = (id: string) => new Map([['numbers', fixedTable(oneColumn, [[id]])]]);
  return new Map([
    ['archive_2021', small('2021')],
    ['archive_2022', small('2022')],
    ['archive_2023', small('2023')],
    ['nothing', new Map()],
    ['sales', sales],
  ]);
}
