// Neutral dates and timestamps as numbers. By hand because Date.parse keeps milliseconds only, takes 2024-02-31,
// and costs as much as the rest of a row.

const ZERO = 48;
const SPACE = 32;
const PLUS = 43;
const DASH = 45;
const COLON = 58;
const DOT = 46;
const LETTER_T = 84;
const LETTER_Z = 90;

const daysOfMonth = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

/** Decimal digits of `text` from `from` up to `to`; NaN for anything else. */
function digits(text: string, from: number, to: number): number {
  let value = 0;
  for (let index = from; index < to; index += 1) {
    const digit = text.charCodeAt(index) - ZERO;
    if (!(digit >= 0 && digit <= 9)) return Number.NaN;
    value = value * 10 + digit;
  }
  return value;
}

/** Days since 1970-01-01 in the proleptic Gregorian calendar; NaN for a date that does not exist. */
function daysSinceEpoch(year: number, month: number, day: number): number {
  const isLeap = (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0;
  const last = month === 2 && isLeap ? 29 : daysOfMonth[month - 1];
  if (last === undefined || !(day >= 1 && day <= last)) return Number.NaN;
  // Years begin in March here, so that the leap day is the last (Howard Hinnant, "days_from_civil").
  const shifted = month > 2 ? year : year - 1;
  const era = Math.floor(shifted / 400);
  const yearOfEra = shifted - era * 400;
  const dayOfYear = Math.floor((153 * (month > 2 ? month - 3 : month + 9) + 2) / 5) + day - 1;
  const dayOfEra = yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear;
  return era * 146_097 + dayOfEra - 719_468;
}

/** Most digits of a year: PostgreSQL's dates. */
const yearDigitsMax = 7;

/** Where the year of an ISO date ends; years of four digits have no sign, longer ones may have one. */
function yearEndOf(text: string): number {
  return text.indexOf('-', 1);
}

/** The date at the start of the text, whose year ends at `yearEnd`; `isBefore`: of an era that counts backwards. */
function leadingDate(text: string, yearEnd: number, isBefore: boolean): number {
  const sign = text.charCodeAt(0);
  const yearStart = sign === DASH || sign === PLUS ? 1 : 0;
  const length = yearEnd - yearStart;
  if (length < 4 || length > yearDigitsMax || text.charCodeAt(yearEnd + 3) !== DASH) return Number.NaN;
  const digitsOfYear = digits(text, yearStart, yearEnd);
  const year = sign === DASH ? -digitsOfYear : digitsOfYear;
  const month = digits(text, yearEnd + 1, yearEnd + 3);
  const day = digits(text, yearEnd + 4, yearEnd + 6);
  return daysSinceEpoch(isBefore ? 1 - year : year, month, day);
}

const beforeChrist = ' BC';

/**
 * `YYYY-MM-DD`, optionally with a sign before the year or ` BC` after the day, as days since 1970-01-01; NaN for
 * anything else.
 */
export function toDays(text: string): number {
  const isBefore = text.endsWith(beforeChrist);
  const yearEnd = yearEndOf(text);
  const length = yearEnd + 6 + (isBefore ? beforeChrist.length : 0);
  return text.length === length ? leadingDate(text, yearEnd, isBefore) : Number.NaN;
}

/** Of a fraction such as `.12`, 0 without one; NaN for more than six digits. */
function microsecondsOf(text: string, from: number, to: number): number {
  if (from === to) return 0;
  const count = to - from - 1;
  if (text.charCodeAt(from) !== DOT || count < 1 || count > 6) return Number.NaN;
  return digits(text, from + 1, to) * 10 ** (6 - count);
}

/** How PostgreSQL writes the zone of an instant before Christ, where years have no ISO form. */
const utcBeforeChrist = '+00 BC';

/** Whether a timestamp is an instant, which ends in `Z`. */
export function isInstant(text: string): boolean {
  return text.charCodeAt(text.length - 1) === LETTER_Z || text.endsWith(utcBeforeChrist);
}

/**
 * `HH:MM:SS[.ffffff]` between two positions of the text as seconds and microseconds; seconds are NaN for anything
 * else.
 */
function clockOf(text: string, start: number, end: number): { seconds: number; fraction: number } {
  const isShaped =
    end >= start + 8 && text.charCodeAt(start + 2) === COLON && text.charCodeAt(start + 5) === COLON;
  const hours = digits(text, start, start + 2);
  const minutes = digits(text, start + 3, start + 5);
  const seconds = digits(text, start + 6, start + 8);
  const isClock = isShaped && hours < 24 && minutes < 60 && seconds < 60;
  return {
    seconds: isClock ? hours * 3600 + minutes * 60 + seconds : Number.NaN,
    fraction: microsecondsOf(text, start + 8, end),
  };
}

/** `HH:MM:SS[.ffffff]` of a day as microseconds since its midnight; NaN for anything else. */
export function toMicrosecondsOfDay(text: string): number {
  const { seconds, fraction } = clockOf(text, 0, text.length);
  return seconds * 1_000_000 + fraction;
}

/** Position after the last digit of a timestamp. */
function clockEnd(text: string): number {
  if (text.charCodeAt(text.length - 1) === LETTER_Z) return text.length - 1;
  if (text.endsWith(utcBeforeChrist)) return text.length - utcBeforeChrist.length;
  return text.endsWith(beforeChrist) ? text.length - beforeChrist.length : text.length;
}

/**
 * `YYYY-MM-DDTHH:MM:SS[.ffffff][Z]`, or a time before Christ as PostgreSQL writes it, as microseconds since
 * 1970-01-01T00:00:00 on the same clock. Undefined for anything else and for what 64 bits cannot hold.
 */
export function toMicroseconds(text: string): bigint | undefined {
  const isBefore = text.endsWith(beforeChrist);
  const yearEnd = yearEndOf(text);
  const start = yearEnd + 7;
  if (text.charCodeAt(start - 1) !== (isBefore ? SPACE : LETTER_T)) return undefined;
  const { seconds, fraction } = clockOf(text, start, clockEnd(text));
  const whole = leadingDate(text, yearEnd, isBefore) * 86_400 + seconds;
  const total = whole * 1_000_000 + fraction;
  if (Number.isNaN(total)) return undefined;
  if (Number.isSafeInteger(total)) return BigInt(total);
  const exact = BigInt(whole) * 1_000_000n + BigInt(fraction);
  return BigInt.asIntN(64, exact) === exact ? exact : undefined;
}
