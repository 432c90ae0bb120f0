// Edge values of every type, as SQL of their database.

export const postgresScalars = [
  ...[
    'true',
    'false',
    'null::bool',
    '(-32768)::int2',
    '2147483647',
    '(-9223372036854775808)::int8',
    '4294967295::oid',
  ],
  ...[
    "'0.1'::float4",
    "'1e-45'::float4",
    "'3.4028235e38'::float4",
    "'-0'::float4",
    "'NaN'::float4",
    '16777217::float4',
  ],
  ...["'5e-324'::float8", "'1.7976931348623157e308'::float8", '0.1::float8 + 0.2::float8', "'-0'::float8"],
  ...["'-Infinity'::float8", '1e21::float8', '123456789012345678::float8'],
  ...["'NaN'::numeric", "'Infinity'::numeric", '1e-100::numeric', '1e1000::numeric', '0.00::numeric(10, 2)'],
  ...[
    '(-0.005)::numeric(10, 3)',
    '123456::numeric(3, -4)',
    '0.00123::numeric(3, 5)',
    '1.5::numeric(1000, 500)',
  ],
  ...[`${'9'.repeat(38)}::numeric(38, 0)`, `-${'9'.repeat(66)}.${'9'.repeat(10)}::numeric(76, 10)`],
  ...[
    "'$1,234.56'::money",
    "''::text",
    String.raw`E'\uFEFF\U0010FFFF\u0001\t\r\n"\\'::text`,
    "'ab'::char(5)",
  ],
  ...[String.raw`E'\\377'::"char"`, "'n'::name", "''::varchar"],
  ...[
    "date '4713-01-01 BC'",
    "date '5874897-12-31'",
    "date 'infinity'",
    "date '10000-01-01'",
    "date '0001-12-31 BC'",
  ],
  ...["time '24:00:00'", "time '23:59:59.999999'", "time '00:00:00'", "timetz '23:59:59.999999+15:59:59'"],
  ...[
    "timestamp '294276-12-31 23:59:59.999999'",
    "timestamp '4713-01-01 00:00:00 BC'",
    "timestamp '-infinity'",
  ],
  ...["timestamptz '294276-12-31 23:59:59.999999+00'", "timestamptz '4713-01-01 00:00:00.5+00 BC'"],
  ...[
    "timestamptz 'infinity'",
    "timestamptz '1900-01-01 00:00:00+00:19:32'",
    "timestamp '0001-01-01 00:00:00.000001'",
  ],
  ...[
    "interval '-178000000 years'",
    "interval '1 mon -1 day +01:00:00'",
    "interval '-00:00:00.000001'",
    "interval '0'",
  ],
  ...["''::bytea", String.raw`'\x00ff0a'::bytea`],
  ...["'null'::jsonb", `'"x"'::json`, "'1.0'::json", "'-0'::json", "'1e400'::jsonb", "' [ 1 , 2 ] '::json"],
  ...[`'{"a": [1e400, 9007199254740993, 1.0, -0]}'::json`, `'{"__proto__": 1, "constructor": {}}'::jsonb`],
  ...[String.raw`'["\ud83d\ude00", "\u0000"]'::json`, "'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::uuid"],
  ...[
    "'192.0.2.1/24'::inet",
    "'2001:db8::/32'::cidr",
    "'08:00:2b:01:02:03'::macaddr",
    "B'101'",
    "B''::varbit",
  ],
  ...[
    "'<a>&lt;</a>'::xml",
    "'a fat cat'::tsvector",
    "'fat & cat'::tsquery",
    "point '(-0, 1e-300)'",
    "box '((0,0),(1,1))'",
  ],
  ...['int4range(1, 10)', "'empty'::int4range", "'{[1,2),[5,6)}'::int4multirange", "'16/B374D848'::pg_lsn"],
  ...["'pg_class'::regclass", "'123'::xid8", "'(0,1)'::tid", "'$.a[*]'::jsonpath", `row(1, 'a,"b', null)`],
  ...["'so, so'::mood", '1.5::cents', `row(1, 'x')::pair`, "'1 2 3'::int2vector", "'1 2'::oidvector"],
];

/** JSON of NDJSON, and what Arrow's list has, where it is one. */
export const postgresLists: [sql: string, json: string, arrow?: string][] = [
  ["'{1,null,-3}'::int4[]", '[1,null,-3]', '["1",null,"-3"]'],
  ["'{}'::int8[]", '[]', '[]'],
  ["'{9223372036854775807}'::int8[]", '["9223372036854775807"]', '["9223372036854775807"]'],
  ["'{-0,NaN,1.5}'::float8[]", '[-0,"NaN",1.5]', '["-0","NaN","1.5"]'],
  ["'{1.10,null}'::numeric(10,2)[]", '["1.10",null]', '["1.10",null]'],
  ["'{1.10,NaN}'::numeric[]", '["1.10","NaN"]', '["1.10","NaN"]'],
  ["'{t,f,null}'::bool[]", '[true,false,null]', '["true","false",null]'],
  [
    String.raw`'{a,"b,c",NULL,"NULL","","\"","\\"}'::text[]`,
    String.raw`["a","b,c",null,"NULL","","\"","\\"]`,
  ],
  [String.raw`array['\x00'::bytea, '']`, '["AA==",""]', '["AA==",""]'],
  ["array[date '2024-02-29']", '["2024-02-29"]', '["19782"]'],
  ["array[timestamptz '1970-01-01 02:00:00.5+02']", '["1970-01-01T00:00:00.5Z"]', '["500000"]'],
  [`array['null'::jsonb, null, '{"a": 1.0}']`, '[null,null,{"a":1.0}]'],
  ["array[box '((0,0),(1,1))', box '((3,4),(1,2))']", '["(1,1),(0,0)","(3,4),(1,2)"]'],
  ["array['so, so', 'NULL']::mood[]", '["so, so","NULL"]', '["so, so","NULL"]'],
  ['array[1.5]::cents[]', '["1.50"]', '["1.50"]'],
];

/** Type of the column and what is stored there. */
export const mariaDbValues: [type: string, sql: string][] = [
  ...[
    ['bit(1)', "b'1'"],
    ['bit(63)', '9223372036854775807'],
    ['bit(64)', '18446744073709551615'],
    ['bool', '2'],
  ],
  ...[
    ['tinyint', '-128'],
    ['tinyint unsigned', '255'],
    ['smallint unsigned', '65535'],
    ['mediumint', '-8388608'],
  ],
  ...[
    ['mediumint unsigned', '16777215'],
    ['int unsigned', '4294967295'],
    ['int(5) zerofill', '42'],
  ],
  ...[
    ['bigint', '-9223372036854775808'],
    ['bigint unsigned', '18446744073709551615'],
    ['bigint zerofill', '7'],
  ],
  ...[
    ['decimal(65,30)', `${'9'.repeat(35)}.${'9'.repeat(30)}`],
    ['decimal(65,0)', `-${'9'.repeat(65)}`],
  ],
  ...[
    ['decimal(65,38)', '1e-38'],
    ['decimal(10,2)', '-0.00'],
    ['decimal(10,2) zerofill', '12.34'],
  ],
  ...[
    ['year', '1901'],
    ['year', '0'],
    ['year', '2155'],
  ],
  ...[
    ['date', "'0000-00-00'"],
    ['date', "'2024-00-00'"],
    ['date', "'9999-12-31'"],
    ['date', "'0001-01-01'"],
  ],
  ...[
    ['time', "'838:59:59'"],
    ['time(6)', "'-00:00:00.000001'"],
    ['time(6)', "'00:00:00.100000'"],
  ],
  ...[
    ['time(3)', "'100:00:00.500'"],
    ['time', "'00:00:00'"],
    ['time(6)', "'23:59:59.999999'"],
  ],
  ...[
    ['datetime', "'0000-00-00 00:00:00'"],
    ['datetime(6)', "'9999-12-31 23:59:59.999999'"],
  ],
  ...[
    ['datetime(3)', "'2024-02-29 12:00:00.120'"],
    ['datetime', "'2024-02-29 00:00:00'"],
  ],
  ...[
    ['timestamp null', "'0000-00-00 00:00:00'"],
    ['timestamp(6) null', "'2038-01-19 03:14:07.999999'"],
  ],
  ...[
    ['char(5)', "'ab'"],
    ['char(5)', "''"],
    ['varchar(20)', "'😀\\t\\\\\"'"],
    ['text character set utf8mb3', "'大阪'"],
  ],
  ...[
    ['varchar(20) character set latin1', "'Zürich €'"],
    ['varchar(20) character set ucs2', "'Zürich'"],
  ],
  ...[
    ['binary(4)', "'ab'"],
    ['varbinary(10)', "x'00ff'"],
    ['varbinary(10)', "''"],
    ['longblob', "x'ffd8ffe0'"],
  ],
  ...[
    ["enum('a','b,c')", "'b,c'"],
    ["enum('a','')", "''"],
    ["set('x','yz')", "'x,yz'"],
    ["set('x')", "''"],
  ],
  ...[
    ['json', "'null'"],
    ['json', `'{"a":[1e400,9007199254740993,1.0,-0]}'`],
    ['json', `'"x"'`],
    ['json', "' [ 1 ] '"],
  ],
  ...[
    ['uuid', "'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'"],
    ['inet4', "'192.0.2.1'"],
    ['inet6', "'2001:db8::1'"],
  ],
  ...[
    ['geometry', "st_geomfromtext('point(1 -2.5)', 4326)"],
    ['linestring', "st_geomfromtext('linestring(1 1,2 2)', 1)"],
  ],
] as [string, string][];

export const mariaDbFloats: [type: string, sql: string][] = [
  ...[
    ['float', '0.1'],
    ['float', '3.40282e38'],
    ['float', '16777217'],
    ['float(7,3)', '1234.567'],
  ],
  ...[
    ['double', '1.7976931348623157e308'],
    ['double', '0.1e0 + 0.2e0'],
    ['double', '-0e0'],
    ['double', '5e-320'],
  ],
] as [string, string][];
