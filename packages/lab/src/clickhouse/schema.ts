/** Values of every type that is read, as SQL; the second row holds what is least or missing. */
const typed: readonly (readonly [name: string, type: string, first: string, second: string])[] = [
  ['id', 'UInt8', '1', '2'],
  ['c_bool', 'Bool', 'true', 'false'],
  ['c_int8', 'Int8', '-128', '127'],
  ['c_int16', 'Int16', '-32768', '32767'],
  ['c_int32', 'Int32', '-2147483648', '2147483647'],
  ['c_int64', 'Int64', '-9223372036854775808', '9223372036854775807'],
  ['c_int128', 'Int128', "'-170141183460469231731687303715884105728'", '1'],
  [
    'c_int256',
    'Int256',
    "'-5'",
    "'57896044618658097711785492504343953926634992332820282019728792003956564819967'",
  ],
  ['c_uint8', 'UInt8', '255', '0'],
  ['c_uint16', 'UInt16', '65535', '0'],
  ['c_uint32', 'UInt32', '4294967295', '0'],
  ['c_uint64', 'UInt64', '18446744073709551615', '0'],
  ['c_uint256', 'UInt256', "'1'", '0'],
  ['c_float32', 'Float32', '0.1', 'inf'],
  ['c_float64', 'Float64', '0.1', 'nan'],
  ['c_decimal', 'Decimal(10, 2)', "'12345678.90'", "'-0.01'"],
  ['c_decimal38', 'Decimal(38, 10)', "'1.5'", "'-1234567890123456789012345678.0123456789'"],
  [
    'c_decimal76',
    'Decimal(76, 20)',
    "'1.5'",
    "'-12345678901234567890123456789012345678901234567890.00000000000000000001'",
  ],
  ['c_string', 'String', "'a\\'b\\\\c \u5927\u962a'", "''"],
  ['c_nullable', 'Nullable(String)', "'x'", 'NULL'],
  ['c_low', 'LowCardinality(String)', "'red'", "''"],
  ['c_low_nullable', 'LowCardinality(Nullable(String))', "'red'", 'NULL'],
  ['c_fixed', 'FixedString(4)', "'ab'", "unhex('00ff80fe')"],
  ['c_uuid', 'UUID', "'61f0c404-5cb3-11e7-907b-a6006ad3dba0'", "'00000000-0000-0000-0000-000000000000'"],
  ['c_ipv4', 'IPv4', "'192.0.2.1'", "'0.0.0.0'"],
  ['c_ipv6', 'IPv6', "'2001:db8::1'", "'::'"],
  ['c_enum', "Enum8('red' = 1, 'o\\'clock' = 2)", "'red'", "'o\\'clock'"],
  ['c_date', 'Date', "'2024-02-29'", "'1970-01-01'"],
  ['c_date32', 'Date32', "'1900-01-01'", "'2299-12-31'"],
  ['c_datetime', "DateTime('Europe/Berlin')", "'2024-07-01 12:34:56'", "'1970-01-01 01:00:00'"],
  ['c_datetime64', "DateTime64(3, 'Asia/Tokyo')", "'2024-07-01 12:34:56.789'", "'1900-01-01 09:18:59'"],
  ['c_nanoseconds', "DateTime64(9, 'UTC')", "'2024-07-01 12:34:56.123456000'", "'1970-01-01 00:00:00'"],
  ['c_array', 'Array(Nullable(UInt64))', '[1, NULL, 18446744073709551615]', '[]'],
  ['c_map', 'Map(String, Float64)', "map('a', 1.5, 'b', nan)", 'map()'],
  ['c_tuple', 'Tuple(n UInt8, s String)', "(1, 'x')", "(0, '')"],
  ['c_point', 'Point', '(1.5, 2)', '(0, 0)'],
  ['c_nullable_int', 'Nullable(Int32)', 'NULL', '5'],
  ['c_nullable_time', "Nullable(DateTime('UTC'))", 'NULL', "'2024-01-01 00:00:00'"],
];

const orders = [
  [1, 'alice', 'Anchor', '1.25'],
  [2, 'alice', 'Buoy', '2.25'],
  [3, 'bob', 'Anchor', '3.25'],
  [4, 'alice', 'Chain', '4.25'],
  [5, 'bob', 'Dinghy', '5.25'],
  [6, 'alice', 'Buoy', '6.25'],
  [7, 'bob', 'Anchor', '7.25'],
  [8, 'alice', 'Ensign', '8.25'],
] as const;

const orderRows = orders.map(
  ([id, owner, product, price]) => `(${id}, '${owner}', '${product}', ${price}, '2024-03-0${id} 10:00:00')`,
);

/** Sample data: `sales.all_orders` with eight rows, a view, every type in `sales.all_types`. */
export const sampleStatements: readonly string[] = [
  'CREATE DATABASE sales',
  "CREATE TABLE sales.all_orders (id UInt32, owner String, product LowCardinality(String), price Decimal(10, 2), ordered_at DateTime('UTC')) ENGINE = Memory",
  `INSERT INTO sales.all_orders VALUES ${orderRows.join(', ')}`,
  "CREATE VIEW sales.orders AS SELECT id, product, price FROM sales.all_orders WHERE owner = 'alice'",
  'CREATE TABLE sales.empty (id UInt8, name String) ENGINE = Memory',
  `CREATE TABLE sales.all_types (${typed.map(([name, type]) => `${name} ${type}`).join(', ')}) ENGINE = Memory`,
  `INSERT INTO sales.all_types SELECT ${typed.map(([, , first]) => first).join(', ')}`,
  `INSERT INTO sales.all_types SELECT ${typed.map(([, , , second]) => second).join(', ')}`,
];
