// The page of values: what becomes of each type, told by the encoders and by the tables of the sources themselves.

import { nativeTypes as gbq } from '../packages/connectors/dist/families/bigquery/data-types.js';
import { shapeOf } from '../packages/connectors/dist/families/files/parquet-records.js';
import { nativeTypes as mysql } from '../packages/connectors/dist/families/mysql/data-types.js';
import { nativeTypes as postgres } from '../packages/connectors/dist/families/postgres/data-types.js';
import { JsonText } from '../packages/connectors/dist/interface/data-types.js';
import { arrowName, arrowTypeOf } from '../packages/connectors/dist/kit/arrow/types.js';
import { parsingCaps } from '../packages/connectors/dist/kit/json/caps.js';
import { encodeCsv } from '../packages/server/dist/core/streams/encode-csv.js';
import { encodeNdjson } from '../packages/server/dist/core/streams/encode-ndjson.js';

/** Of each neutral type, as a source may say it, and a value at an edge of it. */
const examples = [
  [{ type: 'boolean' }, true],
  [{ type: 'integer', width: 16 }, -32768],
  [{ type: 'integer', width: 32 }, 2147483647],
  [{ type: 'integer' }, 9007199254740991],
  [{ type: 'bigint', width: 64 }, '9223372036854775807'],
  [{ type: 'decimal', precision: 10, scale: 2 }, '12345678.90'],
  [{ type: 'decimal', precision: 50, scale: 10 }, '-0.0000000001'],
  [{ type: 'decimal' }, '1e400'],
  [{ type: 'float', width: 32 }, 0.1],
  [{ type: 'float', width: 64 }, 0.30000000000000004],
  [{ type: 'float', width: 64 }, 'NaN'],
  [{ type: 'string' }, 'Zürich, "5"'],
  [{ type: 'date' }, '2024-02-29'],
  [{ type: 'time' }, '23:59:59.999999'],
  [{ type: 'timestamp' }, '2024-02-29T12:34:56.789012Z'],
  [{ type: 'datetime' }, '2024-02-29T12:34:56.789012'],
  [{ type: 'bytes' }, 'AP9B'],
  [{ type: 'json' }, new JsonText('{"a":[1e400,9007199254740993]}', false)],
  [{ type: 'json', element: { type: 'integer', width: 32 } }, [1, null, 3]],
];

const parquetElements = [
  ['BOOLEAN', { type: 'BOOLEAN' }],
  ['INT32', { type: 'INT32' }],
  ['INT64', { type: 'INT64' }],
  ['INT64, unsigned', { type: 'INT64', converted_type: 'UINT_64' }],
  ['INT96', { type: 'INT96' }],
  ['FLOAT, DOUBLE', { type: 'DOUBLE' }],
  ['DECIMAL', { type: 'INT64', logical_type: { type: 'DECIMAL', precision: 10, scale: 2 } }],
  ['STRING, ENUM', { type: 'BYTE_ARRAY', logical_type: { type: 'STRING' } }],
  ['UUID', { type: 'FIXED_LEN_BYTE_ARRAY', logical_type: { type: 'UUID' } }],
  ['DATE', { type: 'INT32', logical_type: { type: 'DATE' } }],
  ['TIME', { type: 'INT64', logical_type: { type: 'TIME', unit: 'MICROS' } }],
  [
    'TIMESTAMP, adjusted to UTC',
    { type: 'INT64', logical_type: { type: 'TIMESTAMP', unit: 'MICROS', isAdjustedToUTC: true } },
  ],
  [
    'TIMESTAMP, local',
    { type: 'INT64', logical_type: { type: 'TIMESTAMP', unit: 'MICROS', isAdjustedToUTC: false } },
  ],
  ['JSON', { type: 'BYTE_ARRAY', logical_type: { type: 'JSON' } }],
  ['BYTE_ARRAY', { type: 'BYTE_ARRAY' }],
  ['groups, lists, maps', { type: 'BYTE_ARRAY' }, true],
];

const parquet = parquetElements.map(([native, element, isGroup = false]) => {
  const node = { definition: 0, repetition: 0, firstLeaf: 0, endLeaf: 1, children: [] };
  const leaf = { ...node, element: { name: 'x', ...element } };
  const column = isGroup ? { ...node, element: { name: 'x' }, children: [leaf] } : leaf;
  const { type, precision, scale, width } = shapeOf(column, parsingCaps({}));
  return { native, shape: { type, precision, scale, width } };
});

/** Sources whose types are those of their text. */
const text = [
  { native: 'CSV, unless `columnTypes` sets another type', shape: { type: 'string' } },
  { native: 'JSON: integers that fit a double', shape: { type: 'integer' } },
  { native: 'JSON: numbers that fit a double', shape: { type: 'float' } },
  { native: 'JSON: 64-bit integers', shape: { type: 'bigint' } },
  { native: 'JSON: other numbers', shape: { type: 'decimal' } },
  { native: 'JSON: strings', shape: { type: 'string' } },
  { native: 'JSON: true and false', shape: { type: 'boolean' } },
  { native: 'JSON: everything else, and mixed types', shape: { type: 'json' } },
];

const sources = [
  ['postgres', postgres],
  ['mysql, mariadb', mysql],
  ['gbq', gbq],
  ['Parquet files of S3', parquet],
  ['other files of S3, and rest', text],
];

const code = (value) => `\`${value}\``;

function shapeText({ type, precision, scale, width, element }) {
  if (precision !== undefined) return `${type}, precision ${precision}, scale ${scale}`;
  if (width !== undefined) return `${type}, width ${width}`;
  return element ? `${type}, element ${element.type}` : type;
}

async function encoded(encode, shape, value) {
  async function* rows() {
    yield { rows: [[value]] };
  }
  let body = '';
  for await (const chunk of encode([{ name: 'v', nullable: true, ...shape }], rows()))
    body += Buffer.from(chunk);
  return body;
}

/** @param table of Markdown, from its columns and rows */
export async function valuesPage(table) {
  const rows = [];
  for (const [shape, value] of examples) {
    const csv = (await encoded(encodeCsv, shape, value)).split('\r\n')[1];
    const ndjson = (await encoded(encodeNdjson, shape, value)).trim();
    rows.push([shapeText(shape), code(ndjson), code(csv), code(arrowName(arrowTypeOf(shape)))]);
  }
  let page = `Values are exact, or the read fails with an error that names column, row and remedy. The remedy is mostly \`asText\` of read and preview: \`{"asText": ["column"]}\` returns the source's own text of each value of that column, or its JSON.

## Formats

Columns are described as \`{name, type, nullable}\`, with \`precision\`, \`scale\`, \`width\` (bits) and \`element\` where the source declares them: in a preview, in the header \`Mooring-Columns\` (if it fits into 2 KB) and in the first line of NDJSON with \`?header=1\`. Null is \`null\` in NDJSON and an empty cell in CSV; \`""\` in CSV is the empty string, empty bytes, or null in an only column. JSON null in a database column is \`null\` in CSV and Arrow, while a missing value is an empty cell or Arrow null; \`asText\` distinguishes them in NDJSON too.

${table(['column', 'NDJSON', 'CSV', 'Arrow'], rows)}

- Arrow types follow from what the source declares, before the first row. A value that does not fit (an infinite date, \`24:00:00\`, NaN in a decimal, a two-dimensional list) ends the read with an error that names it; \`asText\` reads it. Dates and times BC fit.
- NDJSON and CSV have the source's text for \`infinity\`, dates BC (\`0044-03-15 BC\`) and zero dates.
- JSON keeps its numbers as written, in every format; in a preview, a cell with a number that does not fit a double is text. Negative zero keeps its sign, as \`-0\`. An object with a duplicate member is refused.
- An unpaired surrogate, which UTF-8 cannot encode, is refused in CSV and Arrow, in values and names, and is an escape in NDJSON.
- \`text/csv; formulas=escape\` puts an apostrophe before cells that a spreadsheet would evaluate; \`text/csv\` changes nothing.

## How a stream ends

A read that fails midway is aborted without the last chunk: NDJSON ends with a line \`{"$mooring":{"error":{"code":…,"detail":…,"traceId":…}}}\`, Arrow with an empty batch whose custom metadata has \`{"error":…}\` under \`mooring\`, CSV without any marker. So does a read that an operator's limit cuts, unless the client sends \`TE: trailers\`: then the body ends normally, with the trailer \`Mooring-Stream\`: \`truncated;cap=rows|bytes|time\`. A \`limit\` of the client is a normal end, \`complete\`.
`;
  for (const [source, types] of sources) {
    const lines = types.map(({ native, shape }) => [
      native,
      shapeText(shape),
      code(arrowName(arrowTypeOf(shape))),
    ]);
    page += `\n## ${source}\n\n${table(['type', 'column', 'Arrow'], lines)}\n`;
  }
  return page;
}
