import type { ColumnType, FileOptions } from '@mooring/contract/file-options';
import type { Cell, Column } from '../../interface/data-types.js';
import { ConnectorError } from '../../interface/errors.js';
import { jsonCell } from '../../kit/json/cells.js';
import { quoted } from '../../kit/json/failures.js';
import { isDouble, isInt64 } from '../../kit/json/numbers.js';
import { Misfit, misfitAt } from '../../kit/misfit.js';

/**
 * @returns undefined for text that is not of the type @throws Misfit for text that the type cannot represent exactly
 */
type Reading = (text: string) => Cell | undefined;

const numberPattern = /^[+-]?(?:\d+(?:\.\d+)?|\.\d+)(?:[eE][+-]?\d+)?$/;

/** As JSON writes numbers: no plus sign, no leading zeros, a digit before the decimal point. */
const plainNumber = (text: string): string =>
  text
    .replace(/^\+/, '')
    .replace(/^(-?)0+(?=\d)/, '$1')
    .replace(/^(-?)\./, '$10.');

function integerOf(text: string): string | undefined {
  if (!/^[+-]?\d+$/.test(text)) return undefined;
  const plain = plainNumber(text);
  return plain === '-0' ? '0' : plain;
}

const truths: ReadonlyMap<string, boolean> = new Map([
  ['true', true],
  ['false', false],
  ['1', true],
  ['0', false],
]);

const floatWords: ReadonlySet<string> = new Set(['NaN', 'Infinity', '-Infinity']);

function floatOf(text: string): Cell | undefined {
  if (floatWords.has(text)) return text;
  if (!numberPattern.test(text)) return undefined;
  const plain = plainNumber(text);
  if (!isDouble(plain)) throw new Misfit('holds a number with more digits than a float can keep');
  return Number(plain);
}

const datePattern = /^(\d{4})-(\d\d)-(\d\d)$/;
const timePattern = /^(\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?$/;

function dateOf(text: string): string | undefined {
  const [, year = '', month = '', day = ''] = datePattern.exec(text) ?? [];
  const days = new Date(Date.UTC(2000, Number(month) - 1, Number(day)));
  days.setUTCFullYear(Number(year), Number(month) - 1, Number(day));
  return year !== '' && Number(year) > 0 && days.toISOString().startsWith(`${text}T`) ? text : undefined;
}

/** Six fractional digits, or nine where six are too few; empty for zero. */
function fraction(digits: string): string {
  const needed = digits.replace(/0+$/, '');
  return needed === '' ? '' : `.${needed.padEnd(needed.length > 6 ? 9 : 6, '0')}`;
}

function timeOf(text: string): string | undefined {
  const [, hour = '', minute = '', second = '00', digits = ''] = timePattern.exec(text) ?? [];
  if (hour === '' || hour > '23' || minute > '59' || second > '59') return undefined;
  return `${hour}:${minute}:${second}${fraction(digits)}`;
}

function datetimeOf(text: string): string | undefined {
  const date = dateOf(text.slice(0, 10));
  const time = /^[T ]/.test(text.slice(10)) ? timeOf(text.slice(11)) : undefined;
  return date !== undefined && time !== undefined ? `${date}T${time}` : undefined;
}

const zonePattern = /^(.*?) ?(?:(Z)|([+-])(\d\d):?(\d\d)?)$/i;

function timestampOf(text: string): string | undefined {
  const [, reading = '', utc, sign, hours = '00', minutes = '00'] = zonePattern.exec(text) ?? [];
  const local = datetimeOf(reading);
  if (local === undefined || hours > '23' || minutes > '59') return undefined;
  if (utc !== undefined) return `${local}Z`;
  const offset = (Number(hours) * 60 + Number(minutes)) * (sign === '-' ? -1 : 1);
  const instant = new Date(Date.parse(`${local.slice(0, 19)}Z`) - offset * 60_000).toISOString();
  if (!/^(?!0000)\d{4}-/.test(instant)) throw new Misfit('holds an instant outside the years 1 to 9999');
  return `${instant.slice(0, 19)}${local.slice(19)}Z`;
}

function jsonOf(text: string): Cell | undefined {
  try {
    return jsonCell(text);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

function integerWithin(text: string): Cell | undefined {
  const plain = integerOf(text);
  if (plain === undefined) return undefined;
  if (!Number.isSafeInteger(Number(plain))) throw new Misfit('holds an integer of more than 53 bits');
  return Number(plain);
}

function bigintWithin(text: string): Cell | undefined {
  const plain = integerOf(text);
  if (plain !== undefined && !isInt64(plain)) throw new Misfit('holds an integer of more than 64 bits');
  return plain;
}

const readings: Readonly<Record<Exclude<ColumnType, 'string'>, Reading>> = {
  integer: integerWithin,
  bigint: bigintWithin,
  decimal: (text) => (numberPattern.test(text) ? plainNumber(text) : undefined),
  float: floatOf,
  boolean: (text) => truths.get(text.toLowerCase()),
  date: dateOf,
  time: timeOf,
  timestamp: timestampOf,
  datetime: datetimeOf,
  json: jsonOf,
};

export interface CellReaders {
  columns: readonly Column[];
  /** Every cell is the text from the file. */
  areTexts: boolean;
  /** The requested types of existing columns; a default may name columns that do not exist. */
  asked: FileOptions['columnTypes'];
  /**
   * @throws ConnectorError `unsupported` with column and row, for text that the column's type cannot represent exactly
   */
  read(text: string | null, column: number, row: number): Cell;
}

export interface WantedTypes {
  columnTypes: Readonly<Record<string, ColumnType>> | undefined;
  asText: readonly string[] | undefined;
  /** A type for a missing column is a mistake, not a default for other files. */
  mustExist: boolean;
}

/** @throws ConnectorError `invalid_query` for types of columns that the file does not have */
export function cellReaders(
  names: readonly string[],
  { columnTypes = {}, asText = [], mustExist }: WantedTypes,
): CellReaders {
  const known = new Set(names);
  const missing = Object.keys(columnTypes).find((name) => !known.has(name));
  if (mustExist && missing !== undefined) {
    throw new ConnectorError('invalid_query', `The file has no column ${quoted(missing)}.`, {
      remedy: 'Preview the file to see its columns, and use their names in columnTypes.',
    });
  }
  const texts = new Set(asText);
  const typeOf = (name: string): ColumnType =>
    texts.has(name) || !Object.hasOwn(columnTypes, name) ? 'string' : (columnTypes[name] ?? 'string');
  const columns = names.map((name): Column => ({ name, type: typeOf(name), nullable: true }));
  const types = columns.map(({ name }) => typeOf(name));

  const read = (text: string | null, at: number, row: number): Cell => {
    const type = types[at] ?? 'string';
    if (text === null || type === 'string') return text;
    if (text === '') return null;
    const column = names[at] ?? '';
    try {
      const cell = readings[type](text);
      if (cell !== undefined) return cell;
    } catch (error) {
      if (!(error instanceof Misfit)) throw error;
      throw misfitAt(error.message, { column, row });
    }
    throw misfitAt(`holds text that is not a valid ${type}`, { column, row });
  };
  const asked = Object.entries(columnTypes).filter(([name]) => known.has(name));
  return {
    ...{ columns, read, areTexts: types.every((type) => type === 'string') },
    asked: asked.length > 0 ? Object.fromEntries(asked) : undefined,
  };
}
