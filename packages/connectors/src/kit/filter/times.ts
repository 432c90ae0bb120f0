import type { Cell } from '../../interface/data-types.js';

// Dates and times as keys whose order is that of time. Most cells are their own key.

const [DASH, DOT, DIGIT_0, DIGIT_9, LETTER_T, LETTER_Z] = [45, 46, 48, 57, 84, 90];
const dateLength = 10;
const secondsLength = 19;

const isDigit = (code: number) => code >= DIGIT_0 && code <= DIGIT_9;

/** Fractional digits without what does not count. */
function withoutZeros(text: string): string {
  let end = text.length;
  while (text.charCodeAt(end - 1) === DIGIT_0) end -= 1;
  return text.slice(0, text.charCodeAt(end - 1) === DOT ? end - 1 : end);
}

/** Of years 1 to 9999; undefined for what must be looked at more closely. */
function plainKey(text: string): string | undefined {
  if (text.charCodeAt(4) !== DASH || !isDigit(text.charCodeAt(0))) return undefined;
  if (text.length === dateLength) return text;
  const isUtc = text.charCodeAt(text.length - 1) === LETTER_Z;
  const local = isUtc ? text.slice(0, -1) : text;
  if (local.charCodeAt(dateLength) !== LETTER_T) return undefined;
  if (local.length === secondsLength) return local;
  if (local.charCodeAt(secondsLength) !== DOT || !isDigit(local.charCodeAt(local.length - 1)))
    return undefined;
  return withoutZeros(local);
}

/** Years with more than four digits, before Christ, and the ends of time, as PostgreSQL and Parquet write them. */
const unusual = /^([+-]?)(\d{4,6})(-\d\d-\d\d)(?:[T ](\d\d:\d\d:\d\d)(\.\d{1,9})?(?:Z|\+00)?)?( BC)?$/;
const [beforeAll, beforeChrist, afterFourDigits, afterAll] = ['!', '#', ':', '~'];
const yearsMax = 999_999;

function unusualKey(text: string): string | undefined {
  if (text === 'infinity') return afterAll;
  if (text === '-infinity') return beforeAll;
  const [matched, sign, digits, date = '', time, fraction = '', bc] = unusual.exec(text) ?? [];
  if (matched === undefined) return undefined;
  // ISO 8601 has a year 0, which is 1 BC.
  const year = bc === undefined ? Number(`${sign}${digits}`) : 1 - Number(digits);
  const rest = time === undefined ? date : withoutZeros(`${date}T${time}${fraction}`);
  const padded = (number: number) => String(number).padStart(6, '0');
  if (year > 9999) return `${afterFourDigits}${padded(year)}${rest}`;
  if (year < 1) return `${beforeChrist}${padded(yearsMax + year)}${rest}`;
  return `${String(year).padStart(4, '0')}${rest}`;
}

/** Key of a date, a local date and time, or an instant in UTC; undefined for anything else. */
export const dateKey = (cell: Cell): string | undefined =>
  typeof cell === 'string' ? (plainKey(cell) ?? unusualKey(cell)) : undefined;

const clock = /^(-?)(\d{2,3}):(\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?$/;

/** Key of a time of day, or of a longer or negative one, as MySQL has them: its nanoseconds. */
export function timeKey(cell: Cell): number | undefined {
  const [matched, sign, hours, minutes, seconds = '0', fraction = ''] =
    typeof cell === 'string' ? (clock.exec(cell) ?? []) : [];
  if (matched === undefined) return undefined;
  const whole = (Number(hours) * 60 + Number(minutes)) * 60 + Number(seconds);
  const nanos = whole * 1e9 + Number(fraction.padEnd(9, '0'));
  return sign === '-' ? -nanos : nanos;
}

const given = /^(\d{4}-\d\d-\d\d)(?:[Tt ](\d\d:\d\d(?::\d\d)?)(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)?)?$/;
const isEnd = (text: string) => text === 'infinity' || text === '-infinity';

function kindOfUnusual(text: string) {
  const [matched, , , , time] = unusual.exec(text) ?? [];
  if (matched === undefined) return undefined;
  if (time === undefined) return 'date';
  return /(?:Z|\+00)(?: BC)?$/.test(text) ? 'timestamp' : 'datetime';
}

/** A value of a filter as a cell of this type would be written; undefined for any other value. */
export function timeValue(type: 'date' | 'datetime' | 'timestamp', text: string): string | undefined {
  const [matched, date, time, fraction = '', zone] = given.exec(text) ?? [];
  if (matched === undefined) return isEnd(text) || kindOfUnusual(text) === type ? text : undefined;
  const instant = Date.parse(`${date}T${time ?? '00:00'}${zone ?? 'Z'}`.toUpperCase());
  const isReal = !Number.isNaN(instant) && isDate(date ?? '');
  const hasZone = zone !== undefined;
  if (!isReal || hasZone !== (type === 'timestamp') || (type === 'date' && time !== undefined))
    return undefined;
  if (type === 'date') return date;
  const utc = new Date(instant).toISOString().slice(0, -5);
  return `${utc}${withoutZeros(fraction)}${hasZone ? 'Z' : ''}`;
}

/** The 30th of February would become a day in March. */
function isDate(date: string): boolean {
  const day = Date.parse(`${date}T00:00Z`);
  return !Number.isNaN(day) && new Date(day).toISOString().startsWith(date);
}
