import { isUtf8 } from 'node:buffer';
import type { Cell, Column, JsonValue, Row } from '../../interface/data-types.js';
import { assertColumns } from '../../kit/columns.js';
import { misfitAt } from '../../kit/misfit.js';
import type { Entry } from './directory.js';

/** What no attribute of text has: directories have no other sign of binary values than their schema. */
const controls = /(?![\t-\r])\p{Cc}/u;

const isText = (value: Buffer) => isUtf8(value) && !controls.test(value.toString());

interface Kind {
  isList: boolean;
  isBinary: boolean;
}

const typeOf = ({ isList, isBinary }: Kind) => (isList ? 'json' : isBinary ? 'bytes' : 'string');

/** Columns of the first entries; what later entries have besides is in `_more`. */
export function shapeEntries(sample: readonly Entry[], asText: readonly string[]) {
  const kinds = new Map<string, Kind>();
  for (const { attributes } of sample) {
    for (const [name, values] of attributes) {
      const { isList = false, isBinary = false } = kinds.get(name) ?? {};
      kinds.set(name, {
        isList: isList || values.length > 1,
        isBinary: isBinary || !values.every(isText),
      });
    }
  }
  const isWanted = (name: string) => asText.includes(name);
  const columns: Column[] = [
    { name: 'dn', type: 'string', nullable: false },
    ...[...kinds].map(([name, kind]): Column => {
      return { name, type: isWanted(name) ? 'string' : typeOf(kind), nullable: true };
    }),
    { name: '_more', type: isWanted('_more') ? 'string' : 'json', nullable: true },
  ];
  assertColumns(columns, 2);
  let row = 0;

  const cellOf = (name: string, { isList, isBinary }: Kind, values: readonly Buffer[] | undefined): Cell => {
    if (!values) return null;
    const wanted = isWanted(name);
    const place = { column: name, row };
    if (!isBinary && !wanted && !values.every(isText))
      throw misfitAt('holds a value that is not text', place);
    const isBase64 = isBinary || !values.every(isText);
    const texts = values.map((value) => value.toString(isBase64 ? 'base64' : 'utf8'));
    if (!isList && texts.length === 1) return texts[0] ?? null;
    if (wanted) return JSON.stringify(texts);
    if (!isList) throw misfitAt('holds several values', place);
    return texts;
  };

  const moreOf = ({ attributes }: Entry): Cell => {
    const more = [...attributes].filter(([name]) => !kinds.has(name));
    if (more.length === 0) return null;
    const members = more.map(([name, values]): [string, JsonValue] => [
      name,
      values.map((value) => (isText(value) ? value.toString() : { base64: value.toString('base64') })),
    ]);
    const object = Object.fromEntries(members);
    return isWanted('_more') ? JSON.stringify(object) : object;
  };

  const toRow = (entry: Entry): Row => {
    row += 1;
    const cells = [...kinds].map(([name, kind]) => cellOf(name, kind, entry.attributes.get(name)));
    return [entry.dn, ...cells, moreOf(entry)];
  };
  return { columns, toRow };
}
